// The U of a U-Net, drawn from the rows of its trace; its parts are the options of a list, for mouse, keyboard and
// speech.
import { h } from "../kit/dom.mjs";
import { clamp } from "../kit/numbers.mjs";
import { WIDE, boxes, bow, outline, skipLine, stripes, way } from "./layout.mjs";
import { shapeWords } from "./words.mjs";

const path = (className, d) => h("svg:path", { class: className, d });

// The marks of a part over its bar: its residual connection, and a dot for attention.
function marksOf(p, box) {
  const nodes = [];
  if (p.residual) {
    const { d, knot } = bow(box);
    nodes.push(path("de-ud-residual", d));
    const place = { x: knot[0] - 3, y: knot[1] - 3, width: 6, height: 6 };
    if (p.residual !== "identity") nodes.push(h("svg:rect", { class: "de-ud-knot", ...place }));
  }
  if (p.heads) {
    const { bar, at, side } = box;
    const cx = side === "left" ? bar[0] + bar[2] - 6 : bar[0] + 6;
    nodes.push(h("svg:circle", { class: "de-ud-attention", cx, cy: at[1], r: 3.5 }));
  }
  return nodes;
}

// The drawing for a width: its height, its nodes in their order, and those that change their looks.
function drawing(parts, width) {
  const { found, height } = boxes(parts, width);
  const stripe = ([y0, y1]) => h("svg:rect", { class: "de-ud-stripe", x: 0, y: y0, width, height: y1 - y0, rx: 6 });
  const bars = new Map(parts.map((p) => [p.name, path("de-ud-bar", outline(found[p.name], p.kind))]));
  const skip = (p) => [p.name, path("de-ud-skip", skipLine(found[p.skip], found[p.name]))];
  const skips = new Map(parts.filter((p) => p.skip).map(skip));
  const dot = h("svg:circle", { class: "de-dot de-teal", r: 5.5 });
  const ground = [...stripes(parts, found).map(stripe), path("de-ud-way", way(parts, found))];
  const marks = parts.flatMap((p) => marksOf(p, found[p.name]));
  return { found, height, bars, skips, dot, nodes: [...ground, ...skips.values(), ...bars.values(), ...marks, dot] };
}

// How a bar looks while the part `chosen` is: itself, its partner of a skip connection, or a block that is told t.
function lookOf(part, chosen, joined) {
  if (part.name === chosen?.name) return " de-on";
  if (part.name === chosen?.skip || part.name === joined?.name) return " de-near";
  return chosen?.kind.endsWith("Embedding") && /Block$/.test(part.kind) ? " de-told" : "";
}

function mark({ parts, name, options, drawn }) {
  const chosen = parts.find((p) => p.name === name);
  const joined = parts.find((p) => p.skip === name);
  for (const part of parts) {
    drawn.bars.get(part.name).setAttribute("class", `de-ud-bar${lookOf(part, chosen, joined)}`);
  }
  for (const [taker, line] of drawn.skips) {
    line.setAttribute("class", `de-ud-skip${taker === name || taker === joined?.name ? " de-on" : ""}`);
  }
  for (const [other, option] of options) {
    option.setAttribute("aria-selected", String(other === name));
    option.tabIndex = other === name ? 0 : -1;
  }
  const [x, y] = drawn.found[name].at;
  drawn.dot.setAttribute("cx", x);
  drawn.dot.setAttribute("cy", y);
}

function placeOptions({ options, drawn }) {
  for (const [name, option] of options) {
    const { side, area } = drawn.found[name];
    option.className = `de-ud-part de-ud-${side}`;
    option.style.cssText = `left:${area[0]}px;top:${area[1]}px;width:${area[2]}px;height:${area[3]}px`;
  }
}

function optionOf(part, onclick) {
  const names = { role: "option", "data-role": "box", "data-name": part.name, tabindex: -1, onclick };
  return h("div", names, h("b", {}, part.name.replace("middle_", "")), h("span", {}, shapeWords(part.out)));
}

// Arrow keys along the way of the data.
function listen(list, now, onpick) {
  list.addEventListener("keydown", (event) => {
    const i = now.parts.findIndex((p) => p.name === now.name);
    const last = now.parts.length - 1;
    const steps = { ArrowDown: i + 1, ArrowRight: i + 1, ArrowUp: i - 1, ArrowLeft: i - 1, Home: 0, End: last };
    const to = steps[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const { name } = now.parts[clamp(to, 0, last)];
    onpick(name);
    now.options.get(name).focus();
  });
}

// onpick(name): a part was clicked or walked to with the keyboard.
export function diagram(onpick) {
  const svg = h("svg:svg", { "aria-hidden": "true" });
  const list = h("div", { role: "listbox", "aria-label": "Parts of the network, in the order of the data" });
  const el = h("div", { class: "de-ud" }, svg, list);
  const now = { parts: [], name: "", width: 0, options: new Map(), drawn: null };
  listen(list, now, onpick);

  function rebuild() {
    if (!now.width || !now.parts.length) return;
    now.drawn = drawing(now.parts, now.width);
    el.style.height = `${now.drawn.height}px`;
    el.classList.toggle("de-wide", now.width >= WIDE);
    svg.setAttribute("viewBox", `0 0 ${now.width} ${now.drawn.height}`);
    svg.replaceChildren(...now.drawn.nodes);
    placeOptions(now);
    mark(now);
  }
  const watcher = new ResizeObserver(() => {
    const width = Math.round(el.clientWidth);
    if (!width || width === now.width) return;
    now.width = width;
    rebuild();
  });
  watcher.observe(el);

  function draw(parts) {
    now.parts = parts;
    const click = (name) => () => {
      onpick(name);
      now.options.get(name).focus({ preventScroll: true });
    };
    now.options = new Map(parts.map((p) => [p.name, optionOf(p, click(p.name))]));
    list.replaceChildren(...now.options.values());
    if (!now.options.has(now.name)) now.name = parts[0].name;
    rebuild();
  }
  function pick(name) {
    now.name = name;
    if (now.drawn?.found[name]) mark(now);
  }
  return { el, draw, pick, destroy: () => watcher.disconnect() };
}
