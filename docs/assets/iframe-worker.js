// Search in pages that are opened from a folder: browsers start no workers there, so that the search's own script runs
// in a hidden frame of the page. The theme would load such a script from the network. Nothing is loaded by this one.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(address) {
      super();
      this.frame = document.createElement("iframe");
      this.frame.hidden = true;
      const script = document.createElement("script");
      script.src = address;
      this.frame.srcdoc = script.outerHTML;
      this.ready = new Promise((done) => this.frame.addEventListener("load", done, { once: true }));
      this.ready.then(() => {
        // What the script tells its owner goes to whoever listens to this object.
        this.frame.contentWindow.postMessage = (data) => this.dispatchEvent(new MessageEvent("message", { data }));
      });
      document.body.append(this.frame);
    }

    postMessage(data) {
      this.ready.then(() => this.frame.contentWindow.dispatchEvent(new MessageEvent("message", { data })));
    }

    terminate() {
      this.frame.remove();
    }
  };
}
