// The two mounts of a widget, as a custom element of a page and as a view in a notebook, and what both share.
//
// Hooks for tests and for scripts of a page, the same in every widget:
//   element.state      plain object with the numbers now shown
//   "de-change"        bubbling event after each drawing, detail = state
//   [data-role="..."]  every control; the names are listed at the head of each widget's element.mjs
import { h } from "./dom.mjs";
import { CSS } from "./style.mjs";

function addStyle(node) {
  const root = node.getRootNode();
  const home = root instanceof ShadowRoot ? root : document.head;
  if (home.querySelector("style[data-de-widgets]")) return;
  home.append(h("style", { "data-de-widgets": "" }, CSS));
}

// Tells the page (and, in a live kernel, the model) what is now shown.
export function publish(root, state) {
  root.state = state;
  root.dispatchEvent(new CustomEvent("de-change", { bubbles: true, detail: state }));
}

function failed(root, error) {
  root.append(h("p", { class: "de-warn de-orange", role: "alert" }, `This widget cannot start: ${error.message}`));
}

// A custom element that reads the JSON inside it, for a page without a kernel. What stood in it (the picture for
// readers without scripts) makes room. Defining an element twice, or for two scripts of one page, does no harm.
function define(tag, mount) {
  if (typeof customElements === "undefined" || customElements.get(tag)) return;
  customElements.define(
    tag,
    class extends HTMLElement {
      /** @type {any} */ view = null;
      /** @type {any} */ source = null;
      /** @type {any} */ fallback = null;
      kept = {};

      connectedCallback() {
        if (document.readyState === "loading" && !this.source) {
          document.addEventListener("DOMContentLoaded", () => this.start(), { once: true });
        } else this.start();
      }
      start() {
        if (this.view || !this.isConnected) return;
        this.source ||= this.querySelector('script[type="application/json"]')?.textContent;
        if (!this.source) return;
        addStyle(this);
        // The stored picture, for a widget that goes on showing it
        this.fallback ||= this.querySelector(":scope > img");
        this.replaceChildren();
        this.classList.add("de-widget");
        try {
          this.view = mount(
            this,
            { ...JSON.parse(this.source), ...this.kept },
            (patch) => (this.kept = { ...this.kept, ...patch }),
          );
        } catch (error) {
          failed(this, error);
        }
      }
      disconnectedCallback() {
        this.view?.destroy();
        this.view = null;
      }
    },
  );
}

// What a mount returns: `set` changes the state and redraws, `destroy` ends the parts, each by the method that it has
// (players and announcers stop, charts are destroyed, observers disconnect, elements are removed).
export function viewOf(now, redraw, ...parts) {
  return {
    set(patch) {
      Object.assign(now, patch);
      redraw(patch);
    },
    destroy() {
      for (const part of parts) (part.stop ?? part.destroy ?? part.disconnect ?? part.remove).call(part);
    },
  };
}

// mount(root, data, changed) -> {set(patch), destroy()}; `synced` are the names shared with the Python object.
export function makeWidget(tag, mount, synced) {
  define(tag, mount);
  function render({ model, el }) {
    const root = h("div", { class: "de-widget", "data-widget": tag });
    // Arrow keys on a slider are the slider's: JupyterLab takes them for commands of its own, unless the very
    // element that has the focus says no.
    root.addEventListener("focusin", (event) => event.target.setAttribute("data-lm-suppress-shortcuts", "true"));
    el.append(root);
    root.model = model; // for a widget that asks the kernel
    addStyle(el);
    const data = JSON.parse(model.get("payload"));
    for (const name of synced) data[name] = model.get(name);
    let timer = 0;
    const changed = (patch) => {
      for (const [name, value] of Object.entries(patch)) if (synced.includes(name)) model.set(name, value);
      timer ||= setTimeout(() => {
        timer = 0;
        model.save_changes();
      }, 50);
    };
    let view;
    try {
      view = mount(root, data, changed);
    } catch (error) {
      failed(root, error);
      return undefined;
    }
    const pull = synced.map((name) => [`change:${name}`, () => view.set({ [name]: model.get(name) })]);
    pull.forEach(([event, f]) => model.on(event, f));
    return () => {
      pull.forEach(([event, f]) => model.off(event, f));
      clearTimeout(timer);
      view.destroy();
    };
  }
  return { render };
}
