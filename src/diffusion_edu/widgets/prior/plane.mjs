// The plane of <prior-cloud>: the training embeddings as a ground, the points of a caption, and the ring of the chosen.
import { h } from "../kit/dom.mjs";
import { nearestPoint, ticksOf } from "./facts.mjs";
import { axisWords } from "./words.mjs";

const HALF = 100; // the drawing goes from -HALF to HALF
const REACH = 28; // pixels from a point within which a tap means it

// Signs of the points, so that they differ without color: a diamond, a square, a circle, a triangle. They fit a circle
// of radius 1.
const SIGNS = [
  "M0-1.2L1.2 0L0 1.2L-1.2 0Z",
  "M-.85-.85H.85V.85H-.85Z",
  "M-1 0a1 1 0 1 0 2 0a1 1 0 1 0-2 0Z",
  "M0-1.1L1.05.8H-1.05Z",
];
export const COLOURS = ["blue", "text", "violet", "teal"];

export const PLANE_CSS = `
.de-pc-plane{position:relative;padding:0 0 1.3rem 1.3rem}
.de-pc-plane svg{display:block;width:100%;aspect-ratio:1;border:1px solid var(--w-border);border-radius:6px;
  cursor:pointer;touch-action:manipulation}
.de-pc-ground{stroke:var(--w-grey);stroke-width:2;stroke-linecap:round;opacity:.42;fill:none}
.de-pc-axis{stroke:var(--w-border);stroke-width:1;fill:none}
.de-pc-sign{fill:var(--c);stroke:var(--w-surface);stroke-width:1.5;paint-order:stroke}
.de-pc-ring{fill:none;stroke:var(--w-text);stroke-width:2.5}
.de-text{--c:var(--w-text)}
.de-pc-x,.de-pc-y{position:absolute;font-size:.75rem;color:var(--w-muted);white-space:nowrap;line-height:1.3}
.de-pc-x{left:1.3rem;right:0;bottom:0;text-align:center}
.de-pc-y{left:0;bottom:1.3rem;top:0;writing-mode:vertical-rl;transform:rotate(180deg);text-align:center}
.de-pc-key{width:14px;height:14px;display:block;overflow:visible}
`;

export const signOf = (sort) =>
  h(
    "svg:svg",
    { viewBox: "-1.4 -1.4 2.8 2.8", class: "de-pc-key", "aria-hidden": "true" },
    h("svg:path", { class: `de-${COLOURS[sort]}`, style: "fill:var(--c)", d: SIGNS[sort] }),
  );

function groundOf({ ground, span }) {
  const px = (v) => ((HALF * v) / span).toFixed(2);
  let d = "";
  for (let i = 0; i < ground.length; i += 2) d += `M${px(ground[i])} ${px(-ground[i + 1])}h0`;
  return h("svg:path", { class: "de-pc-ground", d, "vector-effect": "non-scaling-stroke" });
}

function axesOf({ span }) {
  const lines = ticksOf(span).map((v) => {
    const at = ((HALF * v) / span).toFixed(2);
    return `M${at} ${-HALF}V${HALF}M${-HALF} ${at}H${HALF}`;
  });
  return h("svg:path", { class: "de-pc-axis", d: lines.join(""), "vector-effect": "non-scaling-stroke" });
}

// choose(point) is called with the point that was tapped.
export function planeView(data, choose) {
  const scale = HALF / data.span;
  const looks = { "vector-effect": "non-scaling-stroke" };
  const signs = data.points.map(({ sort }) =>
    h("svg:path", { class: `de-pc-sign de-${COLOURS[sort]}`, d: SIGNS[sort], ...looks }),
  );
  const ring = h("svg:circle", { class: "de-pc-ring", r: 5.6, ...looks });
  // The true image's sign and the text's stand above those of the priors.
  const order = [...signs.slice(2), ...signs.slice(0, 2)];
  const parts = [axesOf(data), groundOf(data), ...order, ring];
  const box = `${-HALF} ${-HALF} ${2 * HALF} ${2 * HALF}`;
  const svg = h("svg:svg", { viewBox: box, role: "img", "data-role": "plane", "aria-label": "plane" }, ...parts);
  let shown = [];
  svg.addEventListener("click", (event) => {
    const { left, top, width } = svg.getBoundingClientRect();
    const unit = (2 * data.span) / width; // of the plane, in a pixel
    const place = [(event.clientX - left) * unit - data.span, data.span - (event.clientY - top) * unit];
    const k = nearestPoint(shown, place, REACH * unit);
    if (k >= 0) choose(k);
  });
  const [first, second] = axisWords(data);
  const el = h(
    "div",
    { class: "de-pc-plane" },
    svg,
    h("div", { class: "de-pc-x" }, first),
    h("div", { class: "de-pc-y" }, second),
  );
  function draw({ points, point }, words) {
    shown = points;
    const at = (p) => `translate(${(scale * p.x).toFixed(2)} ${(-scale * p.y).toFixed(2)})`;
    signs.forEach((sign, k) => sign.setAttribute("transform", `${at(points[k])} scale(3.4)`));
    ring.setAttribute("transform", at(points[point]));
    svg.setAttribute("aria-label", words.plane);
  }
  return { el, draw };
}
