// Building elements: text is always text, never markup.

const SVG = "http://www.w3.org/2000/svg";

export const freshId = () => "de-" + Math.random().toString(36).slice(2, 10);

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
  return words.split(/((?:x|ᾱ|β|ε̂)_[0tsT1])/).map((part, i) => (i % 2 ? math(...part.split("_")) : part));
}

export function text(el, value) {
  if (el.textContent !== value) el.textContent = value;
}

// What every widget has: its panel with its own style, rows, notes, buttons, and a line that complains.
export const panel = (label, css, ...children) =>
  h("div", { class: "de-panel", role: "group", "aria-label": label }, h("style", {}, css), ...children);
export const row = (...children) => h("div", { class: "de-row" }, ...children);
export const note = (...words) => h("p", { class: "de-note" }, ...words);
export const button = (role, words, onclick) => h("button", { type: "button", "data-role": role, onclick }, words);

export function complaint() {
  const el = h("p", { class: "de-warn de-orange", role: "alert", hidden: true });
  return {
    el,
    warn(words) {
      text(el, words);
      el.hidden = false;
    },
    calm() {
      el.hidden = true;
    },
  };
}

// Words as nodes; what stands in a list of its own is bold: bold(["d² = 2"], " in all")
export const bold = (...parts) => parts.map((part) => (Array.isArray(part) ? h("b", {}, ...part) : part));
