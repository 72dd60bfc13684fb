// Adds to a page that is whole without it: what the map shows, and opening what a link leads to. Nothing is loaded.
(function () {
  "use strict";
  var measure = document.getElementById("measure"), view = document.getElementById("view");
  var heading = document.querySelector("#where h2");

  function show() {
    var number = measure.selectedIndex + (view ? view.selectedIndex : 0) * measure.options.length;
    heading.textContent = measure.value + (view ? ", " + view.value : "");
    document.querySelectorAll("svg.map a").forEach(function (link) {
      var shown = link.dataset.shown.split("|")[number], space = shown.indexOf(" ");
      var text = shown.slice(space + 1), label = link.querySelector(".number");
      link.setAttribute("class", shown.slice(0, space));
      if (label) label.textContent = text.length <= Number(label.dataset.room || 9) ? text : "";
      link.querySelector("title").textContent = link.dataset.name + ": " + text;
    });
    document.querySelectorAll(".legend").forEach(function (legend, row) {
      legend.hidden = row !== number;
    });
  }

  heading.className = "unseen";
  document.querySelector(".control").hidden = false;
  [measure, view].forEach(function (select) {
    if (select) select.addEventListener("change", show);
  });

  function open() {
    var target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    var fold = target && target.closest("details");
    if (fold && !fold.open) {
      fold.open = true;
      target.scrollIntoView();
    }
  }
  window.addEventListener("hashchange", open);
  open();
})();
