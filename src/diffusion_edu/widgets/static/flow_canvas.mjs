// The plane of <flow-explorer>: points, the shape, arrows and trails on one canvas; and strokes drawn by hand.
import { clamp, h } from "./common.mjs";

export const FLOW_HALF = 3.2; // the plane shown: -FLOW_HALF..FLOW_HALF on both axes
const FLOW_NAMES = ["blue", "orange", "violet", "teal", "grey", "surface", "text"];

// Colours of the theme as [r, g, b]: a canvas turns any colour into #rrggbb.
function themeColours(canvas, context) {
  const style = getComputedStyle(canvas);
  return Object.fromEntries(FLOW_NAMES.map((name) => {
    context.fillStyle = "#808080";
    context.fillStyle = style.getPropertyValue(`--w-${name}`).trim();
    return [name, [1, 3, 5].map((i) => parseInt(context.fillStyle.slice(i, i + 2), 16))];
  }));
}

const rgb = (c, alpha = 1) => `rgba(${c.map(Math.round).join()},${alpha})`;
const mixed = (a, b, share) => a.map((v, i) => v + share * (b[i] - v));

// Blue is the data, orange is noise, violet what lies between: the colours of x_0, eps and x_t in the whole book.
export function tint(colours, share) {
  return share < 0.5 ? mixed(colours.blue, colours.violet, 2 * share) : mixed(colours.violet, colours.orange, 2 * share - 1);
}

// onlayout() is called when the size or the theme has changed; ondraw(strokes) after each stroke by hand.
export function plane({ onlayout, ondraw }) {
  const canvas = h("canvas", { class: "de-fx-plane", width: 400, height: 400, role: "img", "aria-label": "points in the plane" });
  const context = canvas.getContext("2d");
  let colours = null;
  let hand = null; // the stroke under the pointer
  let strokes = [];

  const unit = () => canvas.width / (2 * FLOW_HALF);
  const px = (x) => (x + FLOW_HALF) * unit();
  const py = (y) => (FLOW_HALF - y) * unit();

  function measure() {
    const size = Math.round((canvas.clientWidth || 400) * Math.min(2, devicePixelRatio || 1));
    if (canvas.width !== size) canvas.width = canvas.height = size;
    colours = null;
    onlayout();
  }
  const size = new ResizeObserver(measure);
  size.observe(canvas);
  const theme = new MutationObserver(measure);
  theme.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme", "data-mode"] });
  if (document.body) theme.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light", "class"] });

  function clear() {
    colours ||= themeColours(canvas, context);
    context.globalAlpha = 1;
    context.fillStyle = rgb(colours.surface);
    context.fillRect(0, 0, canvas.width, canvas.height);
  }

  function dots(points, colour, alpha, radius) {
    const u = unit();
    const half = (radius * canvas.width) / 400;
    const middle = FLOW_HALF * u - half;
    context.fillStyle = rgb(colour, alpha);
    for (let i = 0; i < points.length; i += 2) context.fillRect(middle + u * points[i], middle - u * points[i + 1], 2 * half, 2 * half);
  }

  // From places of a grid towards where the oracle expects x_0 for a point that is there; long ways are shortened.
  function arrows(from, to) {
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
    context.strokeStyle = rgb(colours.blue, 0.85);
    context.lineWidth = canvas.width / 400;
    context.stroke();
  }

  // One path a trail, a ring where the point is now, a smaller one in blue where the oracle expects x_0.
  function trails(paths, ends) {
    const line = canvas.width / 400;
    paths.forEach((path, k) => {
      context.beginPath();
      path.forEach(([x, y], i) => context[i ? "lineTo" : "moveTo"](px(x), py(y)));
      context.strokeStyle = rgb(colours.text, 0.8);
      context.lineWidth = 1.25 * line;
      context.stroke();
      const [x, y] = path.at(-1);
      const [u, v] = ends[k];
      context.beginPath();
      context.setLineDash([3 * line, 3 * line]);
      context.moveTo(px(x), py(y));
      context.lineTo(px(u), py(v));
      context.stroke();
      context.setLineDash([]);
      for (const [cx, cy, r, c] of [[u, v, 3, colours.blue], [x, y, 4.5, colours.violet]]) {
        context.beginPath();
        context.arc(px(cx), py(cy), r * line, 0, 7);
        context.fillStyle = rgb(c);
        context.fill();
        context.strokeStyle = rgb(colours.surface);
        context.lineWidth = 1.5 * line;
        context.stroke();
      }
    });
  }

  function words(text) {
    context.fillStyle = rgb(colours.text);
    context.font = `${Math.round(canvas.width / 26)}px system-ui, sans-serif`;
    context.textAlign = "center";
    text.split("\n").forEach((row, i) => context.fillText(row, canvas.width / 2, canvas.height / 2 + (i * canvas.width) / 18));
  }

  function pen(list) {
    context.beginPath();
    for (const s of list) for (let i = 0; i < s.length; i += 2) context[i ? "lineTo" : "moveTo"](px(s[i]), py(s[i + 1]));
    context.strokeStyle = rgb(colours.blue);
    context.lineWidth = canvas.width / 100;
    context.lineJoin = context.lineCap = "round";
    context.stroke();
  }

  const spot = (event) => {
    const box = canvas.getBoundingClientRect();
    const place = (v) => +(clamp(v, -FLOW_HALF, FLOW_HALF)).toFixed(3);
    return [place(((event.clientX - box.left) / box.width) * 2 * FLOW_HALF - FLOW_HALF), place(FLOW_HALF - ((event.clientY - box.top) / box.height) * 2 * FLOW_HALF)];
  };
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button || !api.drawing) return;
    canvas.setPointerCapture(event.pointerId);
    hand = spot(event);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!hand) return;
    const [x, y] = spot(event);
    if (Math.hypot(x - hand.at(-2), y - hand.at(-1)) < 0.03) return;
    hand.push(x, y);
    onlayout();
  });
  const finish = () => {
    if (!hand) return;
    strokes = [...strokes, hand];
    hand = null;
    ondraw(strokes);
  };
  canvas.addEventListener("pointerup", finish);
  canvas.addEventListener("pointercancel", finish);

  const api = {
    canvas, clear, dots, arrows, trails, words,
    drawing: false, // whether the pointer draws
    hand: () => hand && pen([...strokes, hand]),
    busy: () => hand !== null,
    colours: () => colours,
    strokes(list) {
      strokes = list;
    },
    mode(on) {
      api.drawing = on;
      canvas.style.touchAction = on ? "none" : "auto";
      canvas.style.cursor = on ? "crosshair" : "default";
    },
    destroy() {
      size.disconnect();
      theme.disconnect();
    },
  };
  return api;
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
