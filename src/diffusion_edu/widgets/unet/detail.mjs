// What <unet-explorer> shows of one part: sentence, facts, feature maps, attention, tables.
import { slider } from "../kit/controls.mjs";
import { h, note, text } from "../kit/dom.mjs";
import { clamp } from "../kit/numbers.mjs";
import { paint, pixelCanvas } from "../kit/paint.mjs";
import { lookWords } from "./words.mjs";

export const MAPS = 4; // most feature maps shown of a part

function pixelsOf(canvas, values, channels, side) {
  if (canvas.width !== side) canvas.width = canvas.height = side;
  paint(canvas, values, channels, side);
}

export function legend() {
  const line = (words, ...marks) =>
    h("li", {}, h("svg:svg", { viewBox: "0 0 26 12", "aria-hidden": "true" }, ...marks), words);
  const residualLine = () => h("svg:path", { class: "de-ud-residual", d: "M2 11C4 -2 22 -2 24 11" });
  const knot = h("svg:rect", { class: "de-ud-knot", x: 10, y: -1, width: 6, height: 6 });
  return h(
    "ul",
    { class: "de-ue-legend" },
    line("skip connection: concatenation", h("svg:path", { class: "de-ud-skip de-on", d: "M0 6H26" })),
    line("residual connection: addition", residualLine()),
    line("the same, through a 1×1 convolution", residualLine(), knot),
    line("attention", h("svg:circle", { class: "de-ud-attention", cx: 13, cy: 6, r: 4.5 })),
  );
}

// numeric: the columns of numbers.
export function tableOf(caption, head, rows, numeric) {
  const looks = (tag, i) => ({ class: numeric.includes(i) ? "de-n" : null, scope: tag === "th" ? "col" : null });
  const line = (tag, values) => h("tr", {}, ...values.map((v, i) => h(tag, looks(tag, i), v)));
  const body = h("tbody", {}, ...rows.map((values) => line("td", values)));
  return h("table", {}, h("caption", {}, caption), h("thead", {}, line("th", head)), body);
}

// A button that opens and closes a table; the table scrolls in a box of its own where it is too wide.
export function foldable(role, words, name, onfold) {
  const box = h("div", { class: "de-ue-scroll", tabindex: 0, role: "region", "aria-label": name, hidden: true });
  const el = h("button", { type: "button", "data-role": role, "aria-expanded": "false", onclick: onfold }, words);
  return {
    ...{ el, box },
    open(on, there = true) {
      el.hidden = !there;
      box.hidden = !on || !there;
      el.setAttribute("aria-expanded", String(on));
      return !box.hidden;
    },
  };
}

// Title, sentence, facts and feature maps.
export function detailView() {
  const title = h("p", { class: "de-ue-title" });
  const say = h("p", { class: "de-ue-say" });
  const facts = h("dl", { class: "de-ue-facts" });
  const canvases = Array.from({ length: MAPS }, () => pixelCanvas(1));
  const frames = canvases.map((canvas) => h("figure", { class: "de-frame" }, canvas, h("figcaption", {})));
  const maps = h("div", { class: "de-ue-maps" }, ...frames);
  const below = note();
  const place = h("div", { class: "de-ue-place" }, maps, below);
  return {
    ...{ title, place, el: h("div", { class: "de-ue-detail" }, say, facts) },
    draw(p, words) {
      title.replaceChildren(p.name, " ", h("span", {}, p.kind === "input" ? "the input" : p.kind));
      text(say, words.explain);
      facts.replaceChildren(...words.facts.flatMap(([name, v]) => [h("dt", {}, name), h("dd", {}, v || "none")]));
      text(below, words.maps);
    },
    // keeps: the room of the maps stays where a part has none, so that what follows does not jump.
    drawMaps(name, t, { channels, side, map, scale }, keeps) {
      place.classList.toggle("de-on", keeps);
      maps.hidden = scale === null;
      frames.forEach((frame, k) => {
        frame.hidden = k >= channels.length;
        if (frame.hidden) return;
        pixelsOf(canvases[k], map(k), 1, side);
        canvases[k].setAttribute("aria-label", `feature map of ${name}, channel ${channels[k]}, at t = ${t}`);
        text(frame.querySelector("figcaption"), `channel ${channels[k]}`);
      });
    },
  };
}

// A position of the image, and where it looks; onquery(position) for a click and for the slider.
export function lookView(onquery) {
  const canvases = { picture: pixelCanvas(1), look: pixelCanvas(1) };
  const spots = { picture: h("i"), look: h("i") };
  const cell = (name, words) => {
    const spot = h("div", { class: "de-ue-spot" }, canvases[name], spots[name]);
    return h("figure", { class: "de-frame" }, spot, h("figcaption", {}, words));
  };
  const below = note();
  const name = "position that looks, counted row by row";
  const range = { role: "query", label: "position", name, min: 0, max: 1, colour: "orange" };
  const query = slider({ ...range, oninput: onquery });
  const pair = h("div", { class: "de-ue-pair" }, cell("picture", "the position"), cell("look", "attends to"), below);
  const el = h("div", { class: "de-ue-look" }, pair, query.el);
  let side = 1;
  for (const canvas of Object.values(canvases)) {
    canvas.addEventListener("pointerdown", (event) => {
      const box = canvas.getBoundingClientRect();
      const places = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
      const [column, line] = places.map((v) => clamp(Math.floor(v * side), 0, side - 1));
      onquery(line * side + column);
    });
  }
  function mark(n, at) {
    side = n;
    query.limit(0, n * n - 1);
    query.set(at);
    const place = `left:${(100 * (at % n)) / n}%;top:${(100 * Math.floor(at / n)) / n}%`;
    for (const spot of Object.values(spots)) spot.style.cssText = `${place};width:${100 / n}%;height:${100 / n}%`;
  }
  function draw(attention) {
    el.hidden = !attention;
    if (!attention) return;
    const words = lookWords(attention);
    mark(attention.side, attention.query);
    pixelsOf(canvases.picture, attention.picture(), attention.channels, attention.pixels);
    pixelsOf(canvases.look, attention.look(), 1, attention.side);
    for (const [key, canvas] of Object.entries(canvases)) canvas.setAttribute("aria-label", words[key]);
    query.range.setAttribute("aria-valuetext", words.place);
    text(below, words.note);
  }
  return { el, draw };
}
