// The plane of <flow-explorer>: points, the shape, arrows and trails on one canvas; and strokes drawn by hand.
import { h } from "../kit/dom.mjs";
import { clamp } from "../kit/numbers.mjs";

export const HALF = 3.2; // the plane shown: -HALF..HALF on both axes
const NAMES = ["blue", "orange", "violet", "teal", "grey", "surface", "text"];

// Colours of the theme as [r, g, b]: a canvas turns any colour into #rrggbb.
function themeColours(canvas, context) {
  const style = getComputedStyle(canvas);
  const read = (name) => {
    context.fillStyle = "#808080";
    context.fillStyle = style.getPropertyValue(`--w-${name}`).trim();
    return [1, 3, 5].map((i) => parseInt(context.fillStyle.slice(i, i + 2), 16));
  };
  return Object.fromEntries(NAMES.map((name) => [name, read(name)]));
}

const rgb = (c, alpha = 1) => `rgba(${c.map(Math.round).join()},${alpha})`;
const mixed = (a, b, share) => a.map((v, i) => v + share * (b[i] - v));

// Blue is the data, orange is noise, violet what lies between: the colours of x_0, eps and x_t in the whole book.
export function tint({ blue, violet, orange }, share) {
  return share < 0.5 ? mixed(blue, violet, 2 * share) : mixed(violet, orange, 2 * share - 1);
}

// Pixels of the canvas for places of the plane.
function scaleOf(canvas) {
  const unit = () => canvas.width / (2 * HALF);
  return { unit, px: (x) => (x + HALF) * unit(), py: (y) => (HALF - y) * unit() };
}

function drawDots({ canvas, context, scale }, points, colour, alpha, radius) {
  const u = scale.unit();
  const half = (radius * canvas.width) / 400;
  const middle = HALF * u - half;
  context.fillStyle = rgb(colour, alpha);
  for (let i = 0; i < points.length; i += 2) {
    context.fillRect(middle + u * points[i], middle - u * points[i + 1], 2 * half, 2 * half);
  }
}

// From places of a grid towards where the oracle expects x_0 for a point that is there; long ways are shortened.
function drawArrows({ canvas, context, scale, colours }, from, to) {
  const { unit, px, py } = scale;
  context.beginPath();
  for (let i = 0; i < from.length; i += 2) {
    const [dx, dy] = [to[i] - from[i], to[i + 1] - from[i + 1]];
    const way = Math.hypot(dx, dy);
    if (way < 0.02) continue;
    const long = 0.36 * (way / (way + 0.5));
    const [ux, uy] = [(dx / way) * long, (dy / way) * long];
    const [x, y] = [px(from[i] + ux), py(from[i + 1] + uy)];
    context.moveTo(px(from[i]), py(from[i + 1]));
    context.lineTo(x, y);
    for (const turn of [2.6, -2.6]) {
      const [c, s] = [Math.cos(turn) * 0.35, Math.sin(turn) * 0.35];
      context.moveTo(x, y);
      context.lineTo(x + unit() * (c * ux - s * uy), y - unit() * (s * ux + c * uy));
    }
  }
  context.strokeStyle = rgb(colours().blue, 0.85);
  context.lineWidth = canvas.width / 400;
  context.stroke();
}

function drawDisc({ context, scale, colours }, [x, y], radius, line, colour) {
  context.beginPath();
  context.arc(scale.px(x), scale.py(y), radius * line, 0, 7);
  context.fillStyle = rgb(colour);
  context.fill();
  context.strokeStyle = rgb(colours().surface);
  context.lineWidth = 1.5 * line;
  context.stroke();
}

// One path a trail, a ring where the point is now, a smaller one in blue where the oracle expects x_0.
function drawTrails(pen, paths, ends) {
  const { canvas, context, scale, colours } = pen;
  const line = canvas.width / 400;
  const move = (name, [x, y]) => context[name](scale.px(x), scale.py(y));
  paths.forEach((path, k) => {
    context.beginPath();
    path.forEach((place, i) => move(i ? "lineTo" : "moveTo", place));
    context.strokeStyle = rgb(colours().text, 0.8);
    context.lineWidth = 1.25 * line;
    context.stroke();
    context.beginPath();
    context.setLineDash([3 * line, 3 * line]);
    move("moveTo", path.at(-1));
    move("lineTo", ends[k]);
    context.stroke();
    context.setLineDash([]);
    drawDisc(pen, ends[k], 3, line, colours().blue);
    drawDisc(pen, path.at(-1), 4.5, line, colours().violet);
  });
}

function drawWords({ canvas, context, colours }, text) {
  const [middle, step] = [canvas.width / 2, canvas.width / 18];
  context.fillStyle = rgb(colours().text);
  context.font = `${Math.round(canvas.width / 26)}px system-ui, sans-serif`;
  context.textAlign = "center";
  text.split("\n").forEach((line, i) => context.fillText(line, middle, canvas.height / 2 + i * step));
}

function drawStrokes({ canvas, context, scale, colours }, list) {
  context.beginPath();
  for (const s of list) {
    for (let i = 0; i < s.length; i += 2) context[i ? "lineTo" : "moveTo"](scale.px(s[i]), scale.py(s[i + 1]));
  }
  context.strokeStyle = rgb(colours().blue);
  context.lineWidth = canvas.width / 100;
  context.lineJoin = context.lineCap = "round";
  context.stroke();
}

// Strokes under the pointer while `hand.on`: onmove() after each bit, ondraw(strokes) after each stroke.
function makeHand(canvas, onmove, ondraw) {
  const hand = { on: false, stroke: null, strokes: [] };
  const place = (v) => +clamp(v, -HALF, HALF).toFixed(3);
  const spot = (event) => {
    const box = canvas.getBoundingClientRect();
    const [x, y] = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
    return [place(x * 2 * HALF - HALF), place(HALF - y * 2 * HALF)];
  };
  const finish = () => {
    if (!hand.stroke) return;
    hand.strokes = [...hand.strokes, hand.stroke];
    hand.stroke = null;
    ondraw(hand.strokes);
  };
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button || !hand.on) return;
    canvas.setPointerCapture(event.pointerId);
    hand.stroke = spot(event);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!hand.stroke) return;
    const [x, y] = spot(event);
    if (Math.hypot(x - hand.stroke.at(-2), y - hand.stroke.at(-1)) < 0.03) return;
    hand.stroke.push(x, y);
    onmove();
  });
  canvas.addEventListener("pointerup", finish);
  canvas.addEventListener("pointercancel", finish);
  return hand;
}

// Calls changed() when the size of the canvas or the theme has changed.
function watchLooks(canvas, changed) {
  const size = new ResizeObserver(changed);
  size.observe(canvas);
  const theme = new MutationObserver(changed);
  theme.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme", "data-mode"] });
  const marks = ["data-jp-theme-light", "class"];
  if (document.body) theme.observe(document.body, { attributes: true, attributeFilter: marks });
  return () => [size, theme].forEach((watcher) => watcher.disconnect());
}

// onlayout() is called when the size or the theme has changed; ondraw(strokes) after each stroke by hand.
export function plane({ onlayout, ondraw }) {
  const looks = { class: "de-fx-plane", width: 400, height: 400 };
  const canvas = h("canvas", { ...looks, role: "img", "aria-label": "points in the plane" });
  const context = canvas.getContext("2d");
  let known = null;
  const colours = () => (known ||= themeColours(canvas, context));
  const pen = { canvas, context, scale: scaleOf(canvas), colours };
  const hand = makeHand(canvas, onlayout, ondraw);
  const destroy = watchLooks(canvas, () => {
    const size = Math.round((canvas.clientWidth || 400) * Math.min(2, devicePixelRatio || 1));
    if (canvas.width !== size) canvas.width = canvas.height = size;
    known = null;
    onlayout();
  });
  return {
    ...{ canvas, colours, destroy },
    clear() {
      const { surface } = colours();
      context.globalAlpha = 1;
      context.fillStyle = rgb(surface);
      context.fillRect(0, 0, canvas.width, canvas.height);
    },
    dots: (...of) => drawDots(pen, ...of),
    arrows: (...of) => drawArrows(pen, ...of),
    trails: (...of) => drawTrails(pen, ...of),
    words: (text) => drawWords(pen, text),
    hand: () => hand.stroke && drawStrokes(pen, [...hand.strokes, hand.stroke]),
    busy: () => hand.stroke !== null,
    // Whether the pointer draws, and what was drawn before.
    mode(on, strokes) {
      Object.assign(hand, { on, strokes });
      canvas.style.touchAction = on ? "none" : "auto";
      canvas.style.cursor = on ? "crosshair" : "default";
    },
  };
}

// The inked pixels of a text as this browser writes it: flat x, y with y downwards; empty for a text without ink.
export function inkOf(words) {
  const canvas = h("canvas", { width: 900, height: 160 });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.font = "bold 110px system-ui, sans-serif";
  context.textBaseline = "middle";
  context.textAlign = "center";
  context.fillText(words, 450, 80, 880);
  const { data } = context.getImageData(0, 0, 900, 160);
  const ink = [];
  for (let i = 0; i < 900 * 160; i++) if (data[4 * i + 3] > 127) ink.push(i % 900, Math.floor(i / 900));
  return ink;
}
