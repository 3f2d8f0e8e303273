// What is seen of <frechet-explorer>: the plane, the bars of the two parts, the boxes of the numbers.
import { ladder, sayLimits, select } from "../kit/controls.mjs";
import { button, h, note, panel, row } from "../kit/dom.mjs";
import { clamp } from "../kit/numbers.mjs";
import { normalPoints, placed } from "../maths/frechet.mjs";
import { MANY, SETS, roofOf, roundNumbers } from "./facts.mjs";
import { frechetPlane } from "./plane.mjs";
import { BOXES, HINT, NUMBERS } from "./words.mjs";

const CSS = `
.de-fr{display:grid;grid-template-columns:minmax(0,1fr) minmax(0,1fr);gap:14px 22px;align-items:start}
.de-fr>div{display:grid;gap:10px;min-width:0}
.de-fr-plane{position:relative;overflow:hidden;border-radius:8px;box-shadow:0 0 0 1px var(--w-border)}
.de-fr-plane svg{display:block;width:100%;aspect-ratio:1}
.de-fr-dots{fill:none;stroke:var(--c);stroke-width:9;stroke-linecap:round;opacity:.5}
.de-fr-inner{fill:var(--c);fill-opacity:.16;stroke:var(--c);stroke-width:5}
.de-fr-outer{fill:none;stroke:var(--c);stroke-width:3}
.de-fr-stalk{fill:none;stroke:var(--c);stroke-width:3}
.de-fr-handle{cursor:grab}.de-fr-handle:active{cursor:grabbing}
.de-fr-handle::before{border-color:var(--c)}
.de-fr-centre::before{background:var(--c);border-color:var(--w-surface);box-shadow:0 0 0 2px var(--c)}
.de-fr .de-status{min-height:7em}
.de-fr-sum{font-size:1.05rem}
.de-fr-top .de-label select{flex:1 1 auto;min-width:0;width:100%}.de-fr-top .de-label label{white-space:nowrap}
.de-fr-bars{display:grid;grid-template-columns:auto minmax(0,1fr);gap:6px 10px;align-items:center}
.de-fr-bars>span{font-size:.78rem;color:var(--w-muted)}
.de-fr-bar{display:flex;height:22px;border-radius:4px;overflow:hidden;background:var(--w-soft)}
.de-fr-bar i{display:block;height:100%;background:var(--c);width:0;border-right:1px solid var(--w-surface)}
.de-fr-hatch{background:repeating-linear-gradient(135deg,var(--c) 0 4px,
  color-mix(in srgb,var(--c) 45%,var(--w-surface)) 4px 7px)!important}
.de-fr-bars svg{display:block;width:100%;height:44px;overflow:visible}
.de-fr-bars text{font-size:10px;fill:var(--w-muted);font-family:inherit}
.de-fr-draw{fill:var(--w-grey);fill-opacity:.45}.de-fr-draw.is-last{fill:var(--w-text);fill-opacity:1}
.de-fr-average{stroke:var(--w-grey);stroke-width:2}
.de-fr-exact{stroke:var(--w-text);stroke-width:2;stroke-dasharray:4 3}
.de-fr-key{display:flex;flex-wrap:wrap;gap:4px 14px;font-size:.78rem;color:var(--w-muted);margin:0}
.de-fr-key i{display:inline-block;width:14px;height:11px;border-radius:2px;background:var(--c);margin-right:5px;
  vertical-align:-1px}
.de-fr-sets{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,290px),1fr));gap:10px 22px}
.de-fr-numbers summary{cursor:pointer;min-height:28px;line-height:28px;width:fit-content;font-size:.8125rem;
  color:var(--w-muted);border-radius:6px}
.de-fr-numbers summary:focus-visible{outline:2px solid var(--w-teal);outline-offset:2px}
.de-fr-numbers[open] .de-fr-sets{margin-top:6px}
.de-fr-sets fieldset{border:0;border-top:2px solid var(--c);margin:0;padding:8px 0 0;min-width:0;display:grid;
  gap:4px 8px;
  grid-template-columns:repeat(5,minmax(0,1fr))}
.de-fr-sets legend{padding:0 8px 0 0;font-size:.8125rem;font-weight:600;color:var(--w-text);float:none;width:auto;
  margin:0}
.de-fr-sets label{display:grid;gap:2px;font-size:.75rem;color:var(--w-muted);margin:0;font-weight:400}
.de-widget .de-fr-sets input[type=number]{width:100%;min-width:0;padding:4px 2px 4px 6px}
@container (max-width:620px){.de-fr{grid-template-columns:minmax(0,1fr)}.de-fr-sets fieldset{
  grid-template-columns:repeat(5,minmax(52px,1fr))}}
`;

const hasFocus = (el) => document.activeElement === el || el.getRootNode().activeElement === el;

// A box for number i of a Gaussian; what is typed counts at once where it is allowed.
function numberBox([role, name], i, [min, max], now, change) {
  const [key, , words] = NUMBERS[i];
  const put = (v) => change({ [role]: now[role].map((old, j) => (j === i ? v : old)) });
  const looks = { type: "number", "data-role": `${role}-${key}`, min, max, step: i === 4 ? 1 : 0.1 };
  const box = h("input", { ...looks, "aria-label": `${name}: ${words}` });
  const typed = () => {
    const v = Number(box.value);
    return box.value === "" || Number.isNaN(v) ? now[role][i] : clamp(v, min, max);
  };
  box.addEventListener("input", () => box.value !== "" && typed() === Number(box.value) && put(typed()));
  box.addEventListener("change", () => {
    const [asked, v] = [box.value, typed()];
    box.value = v;
    put(v);
    if (asked !== "" && Number(asked) !== v) sayLimits(box, { min, max });
  });
  return box;
}

function boxesOf(set, limits, now, change) {
  const [, name, colour] = set;
  const boxes = NUMBERS.map((_, i) => numberBox(set, i, limits[i], now, change));
  const label = (box, i) => h("label", {}, h("span", { "aria-hidden": "true" }, NUMBERS[i][1]), box);
  return {
    el: h("fieldset", { class: `de-${colour}` }, h("legend", {}, name), ...boxes.map(label)),
    set: (g) => boxes.forEach((box, i) => hasFocus(box) || (box.value = g[i])),
  };
}

function controlsOf(now, data, change) {
  const { traits } = data;
  const [[least, most], [, draws], [, seeds]] = [traits.n.limits, traits.draws.limits, traits.seed.limits];
  const presets = [["own", "your own"], ...Object.entries(data.presets).map(([name, p]) => [name, p.label])];
  const take = ({ real, generated }) => change({ real: [...real], generated: [...generated] });
  const onpick = (v) => v !== "own" && take(data.presets[v]);
  const more = (by) => () => change({ draws: Math.min(draws, now.draws + by) });
  const n = {
    role: "n",
    label: h("span", { class: "de-math" }, "n"),
    name: "number of points of each",
    min: least,
    max: most,
  };
  const put = { say: (v) => `n = ${v}`, oninput: (v) => change({ n: Math.round(v) }) };
  return {
    n: ladder({ ...n, colour: "grey", ...put }, roundNumbers(least, most), () => now.n),
    preset: select({ role: "preset", label: "Begin with", options: presets, value: "own", onpick }),
    boxes: SETS.map((set) => boxesOf(set, traits[set[0]].limits, now, change)),
    more: button("more", "Draw again", more(1)),
    many: button("many", `${MANY} draws more`, more(MANY)),
    seed: button("seed", "Start over, new seed", () => change({ seed: (now.seed + 1) % (seeds + 1), draws: 1 })),
  };
}

function stackedBar(role) {
  const parts = [h("i", { class: "de-teal" }), h("i", { class: "de-violet de-fr-hatch" })];
  const el = h("div", { class: "de-fr-bar", role: "img", "data-role": role, "aria-label": "bar" }, ...parts);
  function set({ mean, covariance }, top, words) {
    parts[0].style.width = `${(100 * mean) / top}%`;
    parts[1].style.width = `${(100 * covariance) / top}%`;
    el.setAttribute("aria-label", words);
  }
  return { el, set };
}

// A dot for every draw, one below the other in turn, so that equal values do not hide each other.
function dotNodes(top, { distance, estimates, average }) {
  const at = (v) => `${((100 * v) / top).toFixed(2)}%`;
  const line = (v, kind) => h("svg:line", { class: kind, x1: at(v), x2: at(v), y1: -2, y2: 30 });
  const dots = estimates.map((v, k) => {
    const last = k === estimates.length - 1 ? " is-last" : "";
    return h("svg:circle", { class: `de-fr-draw${last}`, cx: at(v), cy: 4 + 3 * ((5 * k) % 8), r: 4 });
  });
  const ticks = [0, top / 2, top].map((v, i) => {
    const anchor = ["start", "middle", "end"][i];
    return h("svg:text", { x: `${50 * i}%`, y: 42, "text-anchor": anchor }, String(+v.toPrecision(3)));
  });
  const base = h("svg:line", { class: "de-grid", x1: "0%", x2: "100%", y1: 30.5, y2: 30.5 });
  return [base, ...dots, line(distance, "de-fr-exact"), line(average, "de-fr-average"), ...ticks];
}

// Two stacked bars, exact and of the last draw, and the dots of all draws, on one scale.
function barsView() {
  const [exact, last] = [stackedBar("exact-bar"), stackedBar("draw-bar")];
  const dots = h("svg:svg", { role: "img", "data-role": "dots", "aria-label": "distances of all draws" });
  const name = (words) => h("span", {}, words);
  const swatch = (looks, words) => h("span", {}, h("i", { class: looks }), words);
  const bars = [name("exact"), exact.el, name("this draw"), last.el, name("all draws"), dots];
  const key = [swatch("de-teal", "means"), swatch("de-violet de-fr-hatch", "covariances")];
  key.push(name("┆ exact, │ mean of the draws"));
  return {
    el: h("div", {}, h("div", { class: "de-fr-bars" }, ...bars), h("p", { class: "de-fr-key" }, ...key)),
    draw(facts, words) {
      const top = roofOf(Math.max(facts.distance, ...facts.estimates));
      exact.set({ mean: facts.mean_term, covariance: facts.covariance_term }, top, words.exactBar);
      last.set(facts.estimate, top, words.drawBar);
      dots.replaceChildren(...dotNodes(top, facts));
      dots.setAttribute("aria-label", words.dots);
    },
  };
}

function statusOf({ sum, parts, n, seen }) {
  const muted = h("span", { class: "de-muted" }, "Seen through ", h("b", {}, n), seen);
  return [h("b", { class: "de-fr-sum" }, sum), parts, h("br"), muted];
}

export function frechetView(now, data, change) {
  const controls = controlsOf(now, data, change);
  const group = ([role, name, colour, dashed]) => {
    const own = { get: () => now[role], change: (g) => change({ [role]: g }) };
    return { role, name, colour, dashed, limits: data.traits[role].limits, ...own };
  };
  const plane = frechetPlane(SETS.map(group));
  const bars = barsView();
  const status = h("p", { class: "de-status", "data-role": "status" });
  const sign = (colour, words) => h("span", {}, h("i", { class: `de-${colour}` }), words);
  const key = h("span", { class: "de-fr-key" }, sign("blue", "real (solid)"), sign("orange", "generated (dashed)"));
  const sets = h("div", { class: "de-fr-sets" }, ...controls.boxes.map((b) => b.el));
  const draws = row(controls.more, controls.many, controls.seed);
  return {
    panel: panel(
      "Fréchet distance between two Gaussians",
      CSS,
      h("div", { class: "de-row de-fr-top" }, controls.preset.el, key),
      h(
        "div",
        { class: "de-fr" },
        h("div", {}, plane.el, note(HINT)),
        h("div", {}, status, bars.el, controls.n.el, draws),
      ),
      h("details", { class: "de-fr-numbers" }, h("summary", { "data-role": "numbers", tabindex: 0 }, BOXES), sets),
    ),
    draw(facts, words) {
      controls.preset.input.value = facts.preset;
      controls.n.set(now.n);
      controls.more.disabled = controls.many.disabled = now.draws >= data.traits.draws.limits[1];
      SETS.forEach(([role], i) => controls.boxes[i].set(now[role]));
      const points = (role, which) => placed(now[role], normalPoints(now.seed, now.draws - 1, which, now.n));
      plane.draw(SETS.map(([role], which) => [now[role], points(role, which)]));
      bars.draw(facts, words);
      status.replaceChildren(...statusOf(words));
      plane.label(words.plane);
    },
  };
}
