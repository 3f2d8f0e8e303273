// <frechet-explorer>: two Gaussians in the plane to drag, stretch and turn; the Frechet distance between them in its two
// parts; and the distance that n points of each would show, draw after draw.
//
// Controls (data-role): preset; for each Gaussian (real, generated) three handles in the plane (real-centre, real-first,
// real-second) and five boxes (real-x, real-y, real-along, real-across, real-turn); n, n-number, more, many, seed.
// state: {preset, real, generated, n, seed, draws, mean_term, covariance_term, distance (all exact), estimates (the distance
//         that each draw shows), estimate {mean, covariance, distance} (of the last draw, whose points are seen), average}
import { announcer, h, makeWidget, number, onceAFrame, publish, select, slider, viewOf } from "./common.mjs";
import { frechetTerms, makeDraws, normalPoints, placed, shapeOf } from "./frechet.mjs";
import { PLANE_LIMITS, frechetPlane } from "./frechet_plane.mjs";

const FR_SHARED = ["real", "generated", "n", "draws", "seed"];
const FR_MOST = 100; // draws
const FR_MANY = 20; // draws at a press
const FR_NAMES = ["x", "y", "along", "across", "turn"];
const FR_SETS = [["real", "real", "blue", false], ["generated", "generated", "orange", true]];

const FR_CSS = `
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
.de-fr-hatch{background:repeating-linear-gradient(135deg,var(--c) 0 4px,color-mix(in srgb,var(--c) 45%,var(--w-surface)) 4px 7px)!important}
.de-fr-bars svg{display:block;width:100%;height:44px;overflow:visible}
.de-fr-bars text{font-size:10px;fill:var(--w-muted);font-family:inherit}
.de-fr-draw{fill:var(--w-grey);fill-opacity:.45}.de-fr-draw.is-last{fill:var(--w-text);fill-opacity:1}
.de-fr-average{stroke:var(--w-grey);stroke-width:2}
.de-fr-exact{stroke:var(--w-text);stroke-width:2;stroke-dasharray:4 3}
.de-fr-key{display:flex;flex-wrap:wrap;gap:4px 14px;font-size:.78rem;color:var(--w-muted);margin:0}
.de-fr-key i{display:inline-block;width:14px;height:11px;border-radius:2px;background:var(--c);margin-right:5px;vertical-align:-1px}
.de-fr-sets{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,290px),1fr));gap:10px 22px}
.de-fr-sets fieldset{border:0;border-top:2px solid var(--c);margin:0;padding:8px 0 0;min-width:0;display:grid;gap:4px 8px;
  grid-template-columns:repeat(5,minmax(0,1fr))}
.de-fr-sets legend{padding:0 8px 0 0;font-size:.8125rem;font-weight:600;color:var(--w-text);float:none;width:auto;margin:0}
.de-fr-sets label{display:grid;gap:2px;font-size:.75rem;color:var(--w-muted);margin:0;font-weight:400}
.de-widget .de-fr-sets input[type=number]{width:100%;min-width:0;padding:4px 2px 4px 6px}
@container (max-width:620px){.de-fr{grid-template-columns:minmax(0,1fr)}.de-fr-sets fieldset{grid-template-columns:repeat(5,minmax(52px,1fr))}}
`;

// Numbers of points for the arrow keys: 3, 4, 5, 6, 8, 10, 12, 15, 20, ...
export function ladder(low, high) {
  const steps = [1, 10, 100, 1000].flatMap((unit) => [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8].map((m) => m * unit));
  return steps.filter((v) => Number.isInteger(v) && v >= low && v <= high);
}

// The smallest of 1, 2, 5 times a power of ten that holds x; never less than 0.1.
export function roofOf(x) {
  const unit = 10 ** Math.floor(Math.log10(Math.max(x, 0.1)));
  return [1, 2, 5, 10].map((m) => +(m * unit).toPrecision(3)).find((v) => v >= x);
}

function frBoxes([role, name, colour], now, change) {
  const words = { x: ["x", "centre x"], y: ["y", "centre y"], along: ["spread 1", "standard deviation along the first axis"], across: ["spread 2", "standard deviation along the second axis"], turn: ["turn °", "turn of the first axis in degrees"] };
  const boxes = FR_NAMES.map((key, i) => {
    const [min, max] = PLANE_LIMITS[i];
    const put = (v) => change({ [role]: now[role].map((old, j) => (j === i ? v : old)) });
    const box = h("input", { type: "number", "data-role": `${role}-${key}`, min, max, step: i === 4 ? 1 : 0.1, "aria-label": `${name}: ${words[key][1]}` });
    const typed = () => (box.value === "" || Number.isNaN(Number(box.value)) ? now[role][i] : Math.min(max, Math.max(min, Number(box.value))));
    box.addEventListener("input", () => box.value !== "" && typed() === Number(box.value) && put(typed()));
    box.addEventListener("change", () => {
      box.value = typed();
      put(typed());
    });
    return box;
  });
  return {
    el: h("fieldset", { class: `de-${colour}` }, h("legend", {}, name), ...boxes.map((box, i) => h("label", {}, h("span", { "aria-hidden": "true" }, words[FR_NAMES[i]][0]), box))),
    set: (g) => boxes.forEach((box, i) => {
      if (document.activeElement !== box && box.getRootNode().activeElement !== box) box.value = g[i];
    }),
  };
}

function frControls(now, data, change) {
  const presets = Object.entries(data.presets);
  const same = (a, b) => a.every((v, i) => v === b[i]);
  const steps = ladder(3, 2000);
  const n = slider({ role: "n", label: h("span", { class: "de-math" }, "n"), name: "number of points of each", min: 3, max: 2000, log: true, colour: "grey", say: (v) => `n = ${v}`, oninput: (v) => change({ n: Math.round(v) }) });
  n.range.addEventListener("keydown", (event) => {
    const up = ["ArrowRight", "ArrowUp"].includes(event.key);
    if (!up && !["ArrowLeft", "ArrowDown"].includes(event.key)) return;
    event.preventDefault();
    change({ n: (up ? steps.find((v) => v > now.n) : steps.findLast((v) => v < now.n)) ?? now.n });
  });
  const button = (role, words, onclick) => h("button", { type: "button", "data-role": role, onclick }, words);
  return {
    n,
    preset: select({ role: "preset", label: "Begin with", options: [["own", "your own"], ...presets.map(([name, p]) => [name, p.label])], value: "own", onpick: (v) => v !== "own" && change({ real: [...data.presets[v].real], generated: [...data.presets[v].generated] }) }),
    presetOf: () => presets.find(([, p]) => same(p.real, now.real) && same(p.generated, now.generated))?.[0] ?? "own",
    boxes: FR_SETS.map((set) => frBoxes(set, now, change)),
    more: button("more", "Draw again", () => change({ draws: Math.min(FR_MOST, now.draws + 1) })),
    many: button("many", `${FR_MANY} draws more`, () => change({ draws: Math.min(FR_MOST, now.draws + FR_MANY) })),
    seed: button("seed", "Start over, new seed", () => change({ seed: (now.seed + 1) % 1000000, draws: 1 })),
  };
}

// Two stacked bars, exact and of the last draw, and a dot for every draw, all on one scale.
function frBars() {
  const bar = (role) => {
    const parts = [h("i", { class: "de-teal" }), h("i", { class: "de-violet de-fr-hatch" })];
    const el = h("div", { class: "de-fr-bar", role: "img", "data-role": role, "aria-label": "bar" }, ...parts);
    return { el, set(terms, top, words) {
      parts[0].style.width = `${(100 * terms.mean) / top}%`;
      parts[1].style.width = `${(100 * terms.covariance) / top}%`;
      el.setAttribute("aria-label", `${words}: means ${number(terms.mean, 2)}, covariances ${number(terms.covariance, 2)}`);
    } };
  };
  const [exact, last] = [bar("exact-bar"), bar("draw-bar")];
  const dots = h("svg:svg", { role: "img", "data-role": "dots", "aria-label": "distances of all draws" });
  const swatch = (colour, words, hatch) => h("span", {}, h("i", { class: `de-${colour}${hatch ? " de-fr-hatch" : ""}` }), words);
  const el = h("div", {},
    h("div", { class: "de-fr-bars" }, h("span", {}, "exact"), exact.el, h("span", {}, "this draw"), last.el, h("span", {}, "all draws"), dots),
    h("p", { class: "de-fr-key" }, swatch("teal", "means"), swatch("violet", "covariances", true), h("span", {}, "┆ exact, │ mean of the draws")));
  function draw(top, truth, estimates, average) {
    const at = (v) => `${((100 * v) / top).toFixed(2)}%`;
    const line = (v, kind, low, high) => h("svg:line", { class: kind, x1: at(v), x2: at(v), y1: low, y2: high });
    // One below the other in turn, so that equal values do not hide each other.
    const nodes = estimates.map((v, k) => h("svg:circle", { class: `de-fr-draw${k === estimates.length - 1 ? " is-last" : ""}`, cx: at(v), cy: 4 + 3 * ((5 * k) % 8), r: 4 }));
    const ticks = [0, top / 2, top].map((v, i) => h("svg:text", { x: `${50 * i}%`, y: 42, "text-anchor": ["start", "middle", "end"][i] }, String(+v.toPrecision(3))));
    dots.replaceChildren(h("svg:line", { class: "de-grid", x1: "0%", x2: "100%", y1: 30.5, y2: 30.5 }), ...nodes, line(truth, "de-fr-exact", -2, 30), line(average, "de-fr-average", -2, 30), ...ticks);
    dots.setAttribute("aria-label", `${estimates.length} draws: mean ${number(average, 2)}, from ${number(Math.min(...estimates), 2)} to ${number(Math.max(...estimates), 2)}; exact ${number(truth, 2)}`);
  }
  return { el, exact, last, draw };
}

// What the two parts say, in words.
function frVerdict({ mean, covariance, distance }) {
  if (distance < 5e-3) return "The two Gaussians are the same: no centre, no spread, no tilt differs.";
  if (covariance < 5e-3) return "Same shape, other place: all of the distance comes from the means.";
  if (mean < 5e-3) return "Same centre, other shape: the means see nothing, the covariances all of it.";
  return `${Math.round((100 * mean) / distance)} % of it comes from where the centres are, the rest from shape.`;
}

function checkGaussian(name, g) {
  if (!Array.isArray(g) || g.length !== 5 || !g.every(Number.isFinite)) throw new Error(`${name} must be five numbers`);
  return g;
}

function mountFrechet(root, data, changed) {
  const now = Object.fromEntries(FR_SHARED.map((name) => [name, data[name]]));
  for (const [role] of FR_SETS) checkGaussian(role, now[role]);
  const controls = frControls(now, data, change);
  const plane = frechetPlane(FR_SETS.map(([role, name, colour, dashed]) => ({ role, name, colour, dashed, get: () => now[role], change: (g) => change({ [role]: g }) })));
  const bars = frBars();
  const status = h("p", { class: "de-status", "data-role": "status" });
  const live = announcer();
  const panel = h("div", { class: "de-panel", role: "group", "aria-label": "Frechet distance between two Gaussians" },
    h("style", {}, FR_CSS),
    h("div", { class: "de-row de-fr-top" }, controls.preset.el, h("span", { class: "de-fr-key" }, h("span", {}, h("i", { class: "de-blue" }), "real (solid)"), h("span", {}, h("i", { class: "de-orange" }), "generated (dashed)"))),
    h("div", { class: "de-fr" },
      h("div", {}, plane.el, h("p", { class: "de-note" }, "Drag a centre, or the ends of an axis to stretch and turn; or use Tab and the arrow keys, with Shift for small steps.")),
      h("div", {}, status, bars.el, controls.n.el, h("div", { class: "de-row" }, controls.more, controls.many, controls.seed))),
    h("div", { class: "de-fr-sets" }, ...controls.boxes.map((b) => b.el)), live.el);
  root.append(panel);

  function change(patch) {
    Object.assign(now, patch);
    changed(patch);
    ask();
  }

  const kept = { key: "", draws: null };
  function estimates() {
    const key = `${now.seed}/${now.n}`;
    if (kept.key !== key) Object.assign(kept, { key, draws: makeDraws(now.seed, now.n) });
    return kept.draws(now.real, now.generated, now.draws);
  }

  const ask = onceAFrame(() => {
    controls.preset.input.value = controls.presetOf();
    controls.n.set(now.n);
    controls.more.disabled = controls.many.disabled = now.draws >= FR_MOST;
    FR_SETS.forEach(([role], i) => controls.boxes[i].set(now[role]));
    plane.draw(FR_SETS.map(([role], which) => [now[role], placed(now[role], normalPoints(now.seed, now.draws - 1, which, now.n))]));
    const exact = frechetTerms(shapeOf(now.real), shapeOf(now.generated));
    const all = estimates();
    const distances = all.map((terms) => terms.distance);
    const average = distances.reduce((sum, v) => sum + v, 0) / distances.length;
    const top = roofOf(Math.max(exact.distance, ...distances));
    bars.exact.set(exact, top, "exact");
    bars.last.set(all.at(-1), top, "this draw");
    bars.draw(top, exact.distance, distances, average);
    show(exact, all.at(-1), distances, average);
  });

  function show(exact, last, distances, average) {
    const words = frVerdict(exact);
    const seen = `${number(last.distance, 2)} (${last.distance < exact.distance ? "−" : "+"}${number(Math.abs(last.distance - exact.distance), 2)})`;
    const others = now.draws > 1 ? ` Mean of ${now.draws} draws: ${number(average, 2)}.` : "";
    status.replaceChildren(h("b", { class: "de-fr-sum" }, `d² = ${number(exact.distance, 2)}`), ` = ${number(exact.mean, 2)} (means) + ${number(exact.covariance, 2)} (covariances). ${words}`, h("br"),
      h("span", { class: "de-muted" }, "Seen through ", h("b", {}, `n = ${now.n}`), ` points of each: ${seen}.${others}`));
    const said = `Distance ${number(exact.distance, 2)}: means ${number(exact.mean, 2)}, covariances ${number(exact.covariance, 2)}. From n = ${now.n} points ${number(last.distance, 2)}.${others}`;
    plane.label(`Real (blue) and generated (orange) points and ellipses. ${said}`);
    live.say(said);
    const { real, generated, n, seed, draws } = now;
    publish(root, {
      preset: controls.presetOf(), real, generated, n, seed, draws, mean_term: exact.mean, covariance_term: exact.covariance, distance: exact.distance,
      estimates: distances, estimate: last, average,
    });
  }

  ask();
  return viewOf(now, ask, ask, live, panel);
}

const frechetExplorer = makeWidget("frechet-explorer", mountFrechet, FR_SHARED);
export default frechetExplorer;
