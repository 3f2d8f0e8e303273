// A small chart in SVG: lines, bars, a marker that all charts of a widget share. Colours follow the theme by CSS.
import { h, text } from "./dom.mjs";
import { clamp } from "./numbers.mjs";

const PAD = { left: 30, right: 6, top: 8, bottom: 18 };
// Points of a line: no more than pixels, so that 1000 steps draw the same line with a fifth of the work
const MOST = 250;
const LETTER = 5.4; // about so many pixels a letter takes
let charts = 0;

const setAll = (el, values) => Object.entries(values).forEach(([name, v]) => el.setAttribute(name, v));

// An axis with its ticks: axis(-60, 40, -40, 0, 40)
export function axis(min, max, ...ticks) {
  return { min, max, ticks: ticks.map((v) => [v, String(v).replace("-", "−")]) };
}

// Five even ticks of the steps 0..T
export function stepTicks(T) {
  return [
    [0, "0"],
    [Math.round(T / 2), String(Math.round(T / 2))],
    [T, `T = ${T}`],
  ];
}

// Words at the right end of a horizontal line of the grid, [value, long, short]; the long ones where there is room.
function levelOf({ y, width }) {
  const [value, long, brief] = y.level;
  return { value, words: width - PAD.left - PAD.right > 1.7 * LETTER * long.length ? long : brief };
}

// Where a value is, in pixels of the drawing, and the value at a place.
function scalesOf(state) {
  const wide = () => state.width - PAD.left - PAD.right;
  const high = () => state.height - PAD.top - PAD.bottom;
  return {
    px: (v) => PAD.left + ((v - state.x.min) / (state.x.max - state.x.min)) * wide(),
    py(v) {
      const share = (clamp(v, state.y.min - 1e9, state.y.max + 1e9) - state.y.min) / (state.y.max - state.y.min);
      return state.height - PAD.bottom - clamp(share, -1, 2) * high();
    },
    xAt: (left) => state.x.min + clamp((left - PAD.left) / wide(), 0, 1) * (state.x.max - state.x.min),
    yAt: (top) => state.y.min + ((state.height - PAD.bottom - top) / high()) * (state.y.max - state.y.min),
  };
}

function pathOf(points, { px, py }) {
  if (!points) return "";
  const [xs, ys] = points;
  const last = xs.length - 1;
  const stride = Math.max(1, Math.floor(xs.length / MOST));
  let d = "";
  for (let i = 0; i <= last; i += i + stride <= last || i === last ? stride : last - i) {
    d += `${d ? "L" : "M"}${px(xs[i]).toFixed(1)} ${py(ys[i]).toFixed(1)}`;
  }
  return d;
}

function barsOf(bars, { px, py }) {
  if (!bars) return "";
  const { low, width, heights } = bars;
  const edge = (i) => px(low + i * width);
  let d = "";
  heights.forEach((v, i) => {
    if (v > 0) d += `M${edge(i).toFixed(1)} ${py(0)}V${py(v).toFixed(1)}H${(edge(i + 1) - 0.6).toFixed(1)}V${py(0)}Z`;
  });
  return d;
}

function gridOf({ x, y, width, height }, { px, py }) {
  const nodes = [];
  for (const [v, words] of y.ticks) {
    nodes.push(h("svg:line", { class: "de-grid", x1: PAD.left, x2: width - PAD.right, y1: py(v), y2: py(v) }));
    nodes.push(h("svg:text", { x: PAD.left - 4, y: py(v) + 3, "text-anchor": "end" }, words));
  }
  if (y.level) {
    const { value, words } = levelOf({ y, width });
    const place = { x: width - PAD.right, y: py(value) - 4, "text-anchor": "end" };
    nodes.push(h("svg:text", { class: "de-word", ...place }, words));
  }
  const last = x.ticks.length - 1;
  const end = px(x.ticks[last][0]) - 6 * x.ticks[last][1].length;
  x.ticks.forEach(([v, words], i) => {
    const anchor = i === 0 ? "start" : i === last ? "end" : "middle";
    // about 6 px a letter: a tick that would touch the last one's words is left out
    if (i && i < last && px(v) + 3 * words.length + 8 > end) return;
    nodes.push(h("svg:text", { x: px(v), y: height - 5, "text-anchor": anchor }, words));
  });
  return nodes;
}

// Where the name of the thin line may stand at point i: on the side away from the main line, which has the same steps.
function nameAt(i, { lines, name }, { px, py }) {
  const [xs, ys] = lines.thin;
  const [x, y, other] = [px(xs[i]), py(ys[i]), py(lines.main[1][i])];
  const above = y <= other;
  const falls = py(ys[Math.min(i + 1, ys.length - 1)]) > y;
  const anchor = above === falls ? "start" : "end";
  const left = anchor === "start" ? x + 4 : x - 4 - LETTER * name.length;
  const base = above ? y - 4 : y + 11;
  return { x: anchor === "start" ? x + 4 : x - 4, y: base, anchor, left, gap: Math.abs(y - other) };
}

// The place for the name of the thin line: where the two lines are furthest apart and the name is free.
function placeOfName(state, scales) {
  const { width, height, y, name } = state;
  const n = state.lines.thin[0].length;
  const level = y.level && scales.py(y.level[0]);
  const from = y.level && width - PAD.right - LETTER * levelOf(state).words.length;
  const free = ({ left, y: base }) => {
    const right = left + LETTER * name.length;
    const inside = left >= PAD.left && right <= width - 2 && base >= PAD.top + 6 && base <= height - PAD.bottom - 3;
    return inside && !(y.level && right > from - 4 && base > level - 16 && base < level + 11);
  };
  const places = Array.from({ length: 60 }, (_, k) => nameAt(Math.round(((k + 1) / 61) * (n - 1)), state, scales));
  return places.filter(free).reduce((best, one) => (!best || one.gap > best.gap ? one : best), null);
}

function partsOf({ title, colour, onx }) {
  const clipId = `de-clip-${Date.now().toString(36)}-${charts++}`;
  const parts = {
    value: h("b"),
    grid: h("svg:g"),
    area: h("svg:path", { class: `de-area de-${colour}` }),
    thin: h("svg:path", { class: "de-line de-thin de-grey" }),
    line: h("svg:path", { class: `de-line de-${colour}` }),
    mark: h("svg:line", { class: "de-mark" }),
    dot: h("svg:circle", { class: `de-dot de-${colour}`, r: 5 }),
    box: h("svg:rect"),
    name: h("svg:text", { class: "de-word" }),
  };
  const clipped = h("svg:g", { "clip-path": `url(#${clipId})` }, parts.area, parts.thin, parts.line);
  const clip = h("svg:clipPath", { id: clipId }, parts.box);
  const names = { role: "img", "aria-label": "chart" };
  const svg = h("svg:svg", names, clip, parts.grid, clipped, parts.name, parts.mark, parts.dot);
  const head = h("div", { class: "de-chart-head" }, h("span", {}, title), parts.value);
  return { ...parts, svg, el: h("div", { class: `de-chart${onx ? " de-x" : ""}` }, head, svg) };
}

// Drawing of grid, lines and marker into the parts.
function penOf(state, parts, scales) {
  function grid() {
    const { width, height } = state;
    parts.grid.replaceChildren(...gridOf(state, scales));
    const wide = Math.max(0, width - PAD.left - PAD.right);
    setAll(parts.box, { x: PAD.left, y: PAD.top - 3, width: wide, height: height - PAD.top - PAD.bottom + 4 });
  }
  function lines() {
    parts.line.setAttribute("d", pathOf(state.lines.main, scales));
    parts.thin.setAttribute("d", pathOf(state.lines.thin, scales));
    parts.area.setAttribute("d", barsOf(state.bars, scales));
    const place = state.lines.thin && state.name ? placeOfName(state, scales) : null;
    text(parts.name, place ? state.name : "");
    if (place) setAll(parts.name, { x: place.x, y: place.y, "text-anchor": place.anchor });
  }
  function marker() {
    const visibility = state.at ? "visible" : "hidden";
    for (const part of [parts.mark, parts.dot]) part.setAttribute("visibility", visibility);
    if (!state.at) return;
    const x = scales.px(state.at[0]);
    setAll(parts.mark, { x1: x, x2: x, y1: PAD.top, y2: state.height - PAD.bottom });
    setAll(parts.dot, { cx: x, cy: scales.py(clamp(state.at[1], state.y.min, state.y.max)) });
  }
  return { grid, lines, marker };
}

// A finger or a mouse on the chart moves x.
function followPointer(svg, xAt, onx) {
  const follow = (event) => onx(xAt(event.clientX - svg.getBoundingClientRect().left));
  svg.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    svg.setPointerCapture(event.pointerId);
    follow(event);
  });
  svg.addEventListener("pointermove", (event) => svg.hasPointerCapture(event.pointerId) && follow(event));
}

// x, y: {min, max, ticks: [[value, words], ...]}; onx(value) makes the chart a second handle for x.
export function chart(options) {
  const state = { x: options.x, y: options.y, lines: {}, name: "", bars: null, at: null, width: 200, height: 130 };
  const parts = partsOf(options);
  const { svg } = parts;
  const scales = scalesOf(state);
  const pen = penOf(state, parts, scales);
  function redraw() {
    pen.grid();
    pen.lines();
    pen.marker();
    api.onlayout?.();
  }
  const watcher = new ResizeObserver(() => {
    const width = Math.round(svg.clientWidth || svg.getBoundingClientRect().width);
    if (!width || width === state.width) return;
    state.width = width;
    redraw();
  });
  watcher.observe(svg);
  if (options.onx) followPointer(svg, scales.xAt, options.onx);

  const api = {
    ...{ el: parts.el, svg, px: scales.px, py: scales.py, state },
    /** @type {null | (() => void)} called after each new layout */
    onlayout: null,
    // New axes and what they show, in one drawing; `name` is written beside the second line.
    domain(axes, main, second, name = "") {
      Object.assign(state, axes, { name, lines: { main, thin: second } });
      redraw();
    },
    lines(main, second) {
      state.lines = { main, thin: second };
      pen.lines();
    },
    bars(low, width, heights) {
      state.bars = { low, width, heights };
      parts.area.setAttribute("d", barsOf(state.bars, scales));
    },
    marker(at, words) {
      state.at = at;
      pen.marker();
      if (words != null) text(parts.value, words);
    },
    label: (words) => svg.setAttribute("aria-label", words),
    // The value at a height in pixels, for handles that are dragged up and down.
    valueAt: (clientY) => scales.yAt(clientY - svg.getBoundingClientRect().top),
    destroy: () => watcher.disconnect(),
  };
  redraw();
  return api;
}

// The signal-to-noise ratio over the steps, in the same words in every widget.
export const snrChart = (x, onx) =>
  chart({
    ...{ title: "SNR in dB", colour: "teal", x, onx },
    y: { ...axis(-60, 40, -40, 0, 40), level: [0, "0 dB: equal variance", "equal variance"] },
  });
