// Round dark handles over the beta chart, each a slider of its own for keyboard and screen readers.
import { h } from "../kit/dom.mjs";
import { clamp, number } from "../kit/numbers.mjs";
import { DEFAULTS } from "../maths/schedules.mjs";
import { highest, steepness } from "./facts.mjs";

const LEAST = 1e-5;
const KEYS = {
  ArrowUp: 1.05,
  ArrowRight: 1.05,
  ArrowDown: 1 / 1.05,
  ArrowLeft: 1 / 1.05,
  PageUp: 1.5,
  PageDown: 1 / 1.5,
};

function handle(i, chart, now, move) {
  const el = h("div", {
    class: "de-handle",
    role: "slider",
    tabindex: 0,
    "data-role": "point",
    "data-index": i,
    "aria-orientation": "vertical",
    "aria-label": `beta at ${i * 25} % of the steps`,
  });
  el.addEventListener("keydown", (event) => {
    const by = KEYS[event.key];
    const to = by ? now.points[i] * by : { Home: LEAST, End: highest(now) }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    move(i, to);
  });
  el.addEventListener("pointerdown", (event) => el.setPointerCapture(event.pointerId));
  el.addEventListener("pointermove", (event) => {
    if (el.hasPointerCapture(event.pointerId)) move(i, chart.valueAt(event.clientY) / steepness(now));
  });
  return el;
}

// Puts the handles into the chart; the result places them where the points of now are.
export function handles(chart, now, change) {
  const move = (i, beta) => {
    const points = [...now.points];
    points[i] = +clamp(beta, LEAST, highest(now) * 0.999).toPrecision(3);
    change({ points });
  };
  const nodes = DEFAULTS.custom.points.map((_, i) => handle(i, chart, now, move));
  chart.el.append(...nodes);
  return () => {
    for (const el of nodes) el.hidden = now.kind !== "custom";
    if (now.kind !== "custom") return; // measuring below costs a layout
    const box = chart.svg.getBoundingClientRect();
    const host = chart.el.getBoundingClientRect();
    nodes.forEach((el, i) => {
      const beta = now.points[i] * steepness(now);
      el.style.left = `${box.left - host.left + chart.px(1 + (i / 4) * (now.T - 1))}px`;
      el.style.top = `${box.top - host.top + chart.py(Math.min(beta, chart.state.y.max))}px`;
      const values = { min: LEAST, max: highest(now), now: now.points[i] };
      for (const [name, v] of Object.entries(values)) el.setAttribute(`aria-value${name}`, v);
      el.setAttribute("aria-valuetext", `beta ${number(beta, 4)}`);
    });
  };
}
