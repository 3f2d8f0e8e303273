// What the widgets share: building elements, sliders, painting pixels, playing, speaking, and the three mounts.
//
// Hooks for tests and for scripts of a page, the same in every widget:
//   element.state      plain object with the numbers now shown
//   "de-change"        bubbling event after each drawing, detail = state
//   [data-role="..."]  every control; the names are listed at the head of each widget's file
import { CSS } from "./style.mjs";

const SVG = "http://www.w3.org/2000/svg";
const SUPERSCRIPT = { "-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" };

export const clamp = (x, low, high) => Math.min(high, Math.max(low, x));
export const reducedMotion = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
const freshId = () => "de-" + Math.random().toString(36).slice(2, 10);

// h("div", {class: "a", onclick: f, "data-role": "t"}, children...); text is always text, never markup.
export function h(tag, props = {}, ...children) {
  const el = tag.startsWith("svg:") ? document.createElementNS(SVG, tag.slice(4)) : document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (typeof value === "function") el.addEventListener(name.slice(2), value);
    else if (value === true) el.setAttribute(name, "");
    else if (value !== false && value != null) el.setAttribute(name, value);
  }
  el.append(...children.filter((child) => child != null));
  return el;
}

// A symbol with an index, set as mathematics: math("x", "t")
export function math(symbol, index) {
  return h("span", { class: "de-math" }, symbol, index ? h("sub", {}, index) : null);
}

// Words with symbols in them: rich("of x_T is left (ᾱ_T = 0)") sets x_T and ᾱ_T as mathematics.
export function rich(words) {
  return words.split(/((?:x|ᾱ|β|ε̂)_[0tT1])/).map((part, i) => (i % 2 ? math(...part.split("_")) : part));
}

export function text(el, value) {
  if (el.textContent !== value) el.textContent = value;
}

// 0.394, 4.0×10⁻⁵, ∞: short, and never a zero that is not zero.
export function number(x, digits = 3) {
  if (x === Infinity) return "∞";
  const size = Math.abs(x);
  if (size !== 0 && (size < 1e-3 || size >= 1e4)) {
    const [mantissa, exponent] = x.toExponential(1).split("e");
    return mantissa.replace("-", "−") + "×10" + [...exponent.replace("+", "")].map((c) => SUPERSCRIPT[c]).join("");
  }
  return x.toFixed(digits).replace("-", "−");
}

// ---- data ------------------------------------------------------------------------------------------------

export function bytesFromBase64(code) {
  return Uint8Array.from(atob(code), (c) => c.charCodeAt(0));
}

export function floatsFromBase64(code) {
  const bytes = bytesFromBase64(code);
  const view = new DataView(bytes.buffer);
  return Float64Array.from({ length: bytes.length / 4 }, (_, i) => view.getFloat32(4 * i, true));
}

export async function inflate(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// Pixels 0..255 to [-1, 1], as diffusion_edu.data.to_x0 does.
export const toX0 = (pixels) => Float64Array.from(pixels, (p) => p / 127.5 - 1);

// ---- pictures --------------------------------------------------------------------------------------------

// Paints values in [-1, 1] (channels first) into a canvas of one device pixel a value; the page scales it crisply.
export function paint(canvas, values, channels, size, left = 0, top = 0) {
  const context = canvas.getContext("2d");
  const image = context.createImageData(size, size);
  const area = size * size;
  for (let i = 0; i < area; i++) {
    // A canvas rounds to the nearest of 0..255 and clips what lies beyond.
    for (let c = 0; c < 3; c++) image.data[4 * i + c] = (values[i + (channels === 3 ? c * area : 0)] + 1) * 127.5;
    image.data[4 * i + 3] = 255;
  }
  context.putImageData(image, left, top);
}

export function pixelCanvas(size, label) {
  return h("canvas", { width: size, height: size, class: "de-pixels", role: "img", "aria-label": label || "picture" });
}

export function frame(canvas, colour, ...caption) {
  const words = h("figcaption", {}, ...caption);
  return { el: h("figure", { class: `de-frame de-tint de-${colour}` }, canvas, words), caption: words };
}

// Thumbnails as a group of radio buttons: arrow keys, touch and names come for free.
export function picker({ role, legend, size, channels, labels, values, onpick }) {
  const name = freshId();
  const inputs = labels.map((label, i) => {
    const canvas = h("canvas", { width: size, height: size, class: "de-pixels", "aria-hidden": "true" });
    paint(canvas, values(i), channels, size);
    const input = h("input", { type: "radio", name, value: i, "data-role": role, "aria-label": label, onchange: () => onpick(i) });
    return { input, el: h("label", { class: "de-pick", title: label }, input, canvas), canvas };
  });
  const el = h("fieldset", { class: "de-picks" }, h("legend", { class: "de-hidden" }, legend), ...inputs.map((i) => i.el));
  return { el, inputs, set: (i) => inputs.forEach(({ input }, j) => (input.checked = i === j)) };
}

// ---- controls --------------------------------------------------------------------------------------------

const ICONS = {
  play: "M3 1.5v11l9.5-5.5z",
  pause: "M2.5 1.5h3v11h-3zM8.5 1.5h3v11h-3z",
  next: "M2.5 1.5v11l6-5.5zM9 1.5h2.5v11H9z",
  prev: "M11.5 1.5v11l-6-5.5zM5 1.5H2.5v11H5z",
};

export function iconButton(role, icon, label, onclick, main = false) {
  const path = h("svg:path", { d: ICONS[icon] });
  const svg = h("svg:svg", { viewBox: "0 0 14 14", class: "de-icon", "aria-hidden": "true" }, path);
  const el = h("button", { type: "button", "data-role": role, "aria-label": label, title: label, class: main ? "de-main" : null, onclick }, svg);
  return {
    el,
    set(name, words) {
      path.setAttribute("d", ICONS[name]);
      el.setAttribute("aria-label", words);
      el.title = words;
    },
  };
}

export function select({ role, label, options, value, onpick }) {
  const id = freshId();
  const input = h("select", { id, "data-role": role, onchange: () => onpick(input.value) });
  input.append(...options.map(([v, words]) => h("option", { value: v }, words)));
  input.value = value;
  return { el: h("div", { class: "de-label" }, h("label", { for: id, class: "de-label" }, label), input), input };
}

export function checkbox({ role, label, value, onpick }) {
  const input = h("input", { type: "checkbox", "data-role": role, onchange: () => onpick(input.checked) });
  input.checked = value;
  return { el: h("label", { class: "de-label" }, input, label), input };
}

// A slider with its number box. With `log`, the slider's places are 0..1000 along the logarithm of the value.
export function slider({ role, label, name, min, max, step = 1, log = false, colour = "violet", say = String, oninput }) {
  const id = freshId();
  const range = h("input", {
    type: "range", id, "data-role": role, class: `de-${colour}`,
    min: log ? 0 : min, max: log ? 1000 : max, step: log ? 1 : step, "aria-label": name,
  });
  const box = h("input", { type: "number", "data-role": `${role}-number`, min, max, step: log ? "any" : step, "aria-label": `${name}, as a number` });
  const control = { el: h("div", { class: "de-slider" }, h("label", { for: id }, label), range, box), range, box, min, max, set, limit };
  const place = (v) => (log ? (1000 * Math.log(v / control.min)) / Math.log(control.max / control.min) : v);
  const value = (p) => (log ? +(control.min * (control.max / control.min) ** (p / 1000)).toPrecision(3) : p);
  function set(v) {
    range.value = place(v);
    range.style.setProperty("--fill", `${(100 * (range.value - range.min)) / (range.max - range.min || 1)}%`);
    range.setAttribute("aria-valuetext", say(v));
    if (document.activeElement !== box && box.getRootNode().activeElement !== box) box.value = v;
  }
  function limit(low, high) {
    [control.min, control.max] = [low, high];
    [box.min, box.max] = [low, high];
    if (!log) [range.min, range.max] = [low, high];
  }
  range.addEventListener("input", () => oninput(value(Number(range.value))));
  box.addEventListener("input", () => {
    const v = Number(box.value);
    if (box.value !== "" && v >= control.min && v <= control.max) oninput(step === 1 && !log ? Math.round(v) : v);
  });
  // What was typed may be outside the limits: leaving the box brings it back to the nearest allowed value.
  box.addEventListener("change", () => {
    const v = box.value === "" || Number.isNaN(Number(box.value)) ? value(Number(range.value)) : clamp(Number(box.value), control.min, control.max);
    box.value = step === 1 && !log ? Math.round(v) : v;
    oninput(Number(box.value));
  });
  return control;
}

// ---- time and speech -------------------------------------------------------------------------------------

// One drawing per animation frame, however often it is asked for.
export function onceAFrame(draw) {
  let asked = 0;
  const ask = () => {
    asked ||= requestAnimationFrame(() => {
      asked = 0;
      draw();
    });
  };
  ask.stop = () => cancelAnimationFrame(asked);
  return ask;
}

// Calls advance(seconds) in every frame while playing; advance returns false at the end.
// Where the reader asked for less motion it is called once in 0.8 s instead: stills, not an animation.
export function player(button, advance, words = "Play") {
  let cancel = null;
  let before = 0;
  const playing = () => cancel !== null;
  function later() {
    if (reducedMotion()) {
      const timer = setTimeout(() => tick(performance.now()), 800);
      cancel = () => clearTimeout(timer);
    } else {
      const asked = requestAnimationFrame(tick);
      cancel = () => cancelAnimationFrame(asked);
    }
  }
  function tick(now) {
    const seconds = clamp((now - before) / 1000, 0, 0.8);
    before = now;
    if (advance(seconds) === false) stop();
    else if (playing()) later();
  }
  function start() {
    before = performance.now();
    button.set("pause", "Pause");
    later();
  }
  function stop() {
    cancel?.();
    cancel = null;
    button.set("play", words);
  }
  button.el.addEventListener("click", () => (playing() ? stop() : start()));
  return { playing, stop };
}

// Speaks politely, and only when the numbers have rested for a moment.
export function announcer() {
  const el = h("div", { class: "de-hidden", role: "status", "aria-live": "polite", "aria-atomic": "true" });
  let timer = 0;
  return {
    el,
    say(words) {
      clearTimeout(timer);
      timer = setTimeout(() => text(el, words), 600);
    },
    stop: () => clearTimeout(timer),
  };
}

// ---- the three mounts ------------------------------------------------------------------------------------

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
        this.fallback ||= this.querySelector(":scope > img"); // the stored picture, for a widget that goes on showing it
        this.replaceChildren();
        this.classList.add("de-widget");
        try {
          this.view = mount(this, { ...JSON.parse(this.source), ...this.kept }, (patch) => (this.kept = { ...this.kept, ...patch }));
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
