// Draws every chart from the JSON beside it. Nothing is loaded, and expressions are interpreted, never compiled.
(function () {
  "use strict";
  var refuse = function () { return Promise.reject(new Error("this page loads nothing")); };
  var loader = { load: refuse, sanitize: refuse, http: refuse, file: refuse };

  document.querySelectorAll(".chart").forEach(function (place) {
    var spec = JSON.parse(document.getElementById("data-" + place.id).textContent);
    if (place.dataset.aspect) {
      var height = Math.max(place.clientWidth * place.dataset.aspect, place.dataset.least);
      spec.height = Math.round(Math.min(height, place.dataset.most)) + Number(place.dataset.extra);
    }
    var selectors = document.getElementById("selectors-" + place.id);
    var options = { mode: "vega-lite", renderer: "svg", actions: false, ast: true, loader: loader, hover: false };
    if (selectors) options.bind = selectors;
    vegaEmbed(place, spec, options).then(function () {
      place.dataset.drawn = "yes";
    }).catch(function (error) {
      var message = document.createElement("p");
      message.className = "failed";
      message.textContent = "This chart could not be drawn: " + error.message;
      place.replaceChildren(message);
      console.error(error);
    });
  });
})();
