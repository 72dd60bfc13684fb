// Adds to a page that is whole without it: what the map shows, and opening what a link leads to. Nothing is loaded.
(function () {
  "use strict";
  var select = document.getElementById("measure");
  if (select) {
    select.parentNode.hidden = false;
    var heading = document.querySelector("#where h2");
    heading.className = "unseen";
    select.addEventListener("change", function () {
      heading.textContent = select.selectedOptions[0].textContent;
      document.querySelectorAll("svg.map a").forEach(function (link) {
        var shown = JSON.parse(link.dataset.shown)[select.value];
        var number = link.querySelector(".number");
        link.setAttribute("class", shown[0]);
        if (number) number.textContent = shown[1];
        link.querySelector("title").textContent = link.dataset.name + ": " + shown[1];
      });
      document.querySelectorAll(".legend").forEach(function (legend) {
        legend.hidden = legend.dataset.measure !== select.value;
      });
    });
  }

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
