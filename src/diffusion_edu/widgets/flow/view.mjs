// What is seen of <flow-explorer>: controls, the plane with its points, the line of words.
import { checkbox, iconButton, select, slider } from "../kit/controls.mjs";
import { button, freshId, h, math, note, panel, row, text } from "../kit/dom.mjs";
import { estimate } from "../maths/oracle.mjs";
import { noise } from "../maths/schedules.mjs";
import { HALF, plane, tint } from "./canvas.mjs";
import { pathsOf } from "./facts.mjs";
import {
  EMPTY_PLANE,
  FORWARD_HINT,
  HINT,
  LETTERS,
  LETTERS_HINT,
  NOTE,
  OWN_SHAPES,
  SPEEDS,
  stepsWords,
} from "./words.mjs";

const GRID = 15; // arrows a side

const CSS = `
.de-fx{display:grid;grid-template-columns:minmax(0,1.15fr) minmax(0,1fr);gap:14px 22px;align-items:start}
.de-fx>div{display:grid;gap:10px;min-width:0}
.de-fx-plane{display:block;width:100%;aspect-ratio:1;border-radius:8px;box-shadow:0 0 0 1px var(--w-border)}
.de-fx fieldset{border:0;border-top:1px solid var(--w-border);margin:0;padding:8px 0 0;display:grid;gap:6px;
  min-width:0;--w-label:3.4em}
.de-fx legend{padding:0 8px 0 0;font-size:.8125rem;font-weight:600;color:var(--w-text);float:none;width:auto;margin:0}
/* the longest words that it has: what lies below stays where it is */
.de-fx .de-status{min-height:8.8em}
.de-fx-steps{display:grid;gap:6px;--w-label:2.8em}
.de-fx summary{cursor:pointer;font-size:.8125rem;font-weight:600;min-height:28px;padding:4px 2px;border-radius:6px;
  color:var(--w-text)}
.de-fx summary:hover{background:var(--w-soft)}
.de-fx summary:focus-visible{outline:2px solid var(--w-teal);outline-offset:2px}
.de-fx-more{display:grid;gap:10px;padding-top:6px;justify-items:start}.de-fx-start{justify-self:stretch}
.de-fx-way{display:inline-flex;border:1px solid color-mix(in srgb,var(--w-grey) 75%,transparent);border-radius:8px;
  overflow:hidden}
.de-fx-way label{margin:0;padding:5px 10px;cursor:pointer;font-size:.8125rem;min-height:32px;display:flex;
  align-items:center;position:relative}
.de-fx-way label:has(:checked){background:var(--w-teal);color:var(--w-on)}
.de-fx-way label:focus-within{outline:2px solid var(--w-teal);outline-offset:-4px}
.de-fx-way label:has(:checked):focus-within{outline-color:var(--w-on)}
.de-fx-way input{position:absolute;inset:0;opacity:0;width:100%;height:100%;margin:0;cursor:pointer}
.de-widget .de-panel input[type=text]{font:inherit;font-size:.8125rem;color:var(--w-text);background:var(--w-surface);
  border-radius:8px;
  border:1px solid color-mix(in srgb,var(--w-grey) 75%,transparent);min-height:32px;padding:4px 8px;width:7.5rem;
  margin:0}
@container (max-width:620px){.de-fx{grid-template-columns:minmax(0,1fr)}.de-fx .de-status{min-height:10em}}
`;

function wayChoice(choices, onpick) {
  const name = freshId();
  const radio = (value, words) => {
    const onchange = () => onpick(value);
    const input = h("input", { type: "radio", name, value, "data-role": "direction", onchange });
    return { input, el: h("label", {}, input, words) };
  };
  const both = choices.map(([value, words]) => radio(value, words));
  const names = { class: "de-fx-way", role: "radiogroup", "aria-label": "direction" };
  return {
    el: h("div", names, ...both.map((b) => b.el)),
    set: (v) => both.forEach(({ input }) => (input.checked = input.value === v)),
  };
}

function shapeControls(now, data, change) {
  const limit = h("span", { class: "de-note", id: freshId() }, LETTERS_HINT);
  const names = { "aria-label": "letters for the shape", "aria-describedby": limit.id };
  const typed = h("input", {
    ...{ type: "text", "data-role": "text", maxlength: LETTERS, ...names, value: now.text },
    oninput: () => change({ text: typed.value }),
  });
  const stored = Object.entries(data.shapes).map(([name, { label }]) => [name, label]);
  const options = [...stored, ...OWN_SHAPES];
  const onpick = (v) => change({ shape: v });
  const shape = select({ role: "shape", label: "Shape", options, value: now.shape, onpick });
  const clear = button("clear", "Clear", () => change({ drawn: [] }));
  const hint = h("span", { class: "de-note" }, HINT);
  return {
    el: row(shape.el, typed, limit, clear, hint),
    draw() {
      shape.input.value = now.shape;
      if (typed.value !== now.text) typed.value = now.text;
      typed.hidden = limit.hidden = now.shape !== "typed";
      clear.hidden = hint.hidden = now.shape !== "drawn";
    },
  };
}

function stepControls({ T, traits }, change) {
  const [min, max] = traits.steps.limits;
  const steps = { role: "steps", label: "steps", name: "number of steps", min, max, log: true, colour: "grey" };
  const eta = { role: "eta", label: math("η"), name: "eta, the scale of the fresh noise in each reverse step" };
  const startT = { role: "start-t", label: "start t", name: "step to noise the shape to", min: 1, max: T };
  const t = { role: "t", label: math("t"), name: "step t", min: 0, max: T, say: (v) => `t = ${v} of ${T}` };
  return {
    t: slider({ ...t, oninput: (v) => change({ t: v }) }),
    steps: slider({
      ...{ ...steps, say: (v) => stepsWords(Math.round(v)) },
      oninput: (v) => change({ steps: Math.round(v) }),
    }),
    eta: slider({ ...eta, min: 0, max: 1, step: 0.05, colour: "orange", oninput: (v) => change({ eta: v }) }),
    startT: slider({
      ...{ ...startT, colour: "violet", say: (v) => `start at t = ${v}` },
      oninput: (v) => change({ start_t: v }),
    }),
  };
}

function choiceControls(now, { direction, forward, start, seed }, change) {
  const [, most] = seed.limits;
  const pick = (role, label, options) =>
    select({ role, label, options, value: now[role], onpick: (v) => change({ [role]: v }) });
  const tick = (role, label) => checkbox({ role, label, value: now[role], onpick: (v) => change({ [role]: v }) });
  return {
    way: wayChoice(direction.choices, (v) => change({ direction: v })),
    speed: select({ role: "speed", label: "Speed", options: SPEEDS, value: "6", onpick: () => {} }),
    forward: pick("forward", "noise added", forward.choices),
    start: pick("start", "way back from", start.choices),
    seed: button("seed", "New noise", () => change({ seed: (now.seed + 1) % (most + 1) })),
    arrows: tick("arrows", h("span", {}, "arrows to the exact estimate of ", math("x", "0"))),
    trails: tick("trails", "trails of six points"),
  };
}

// Where the arrows of the plane begin: a grid of places, flat.
const gridPlaces = () =>
  Float64Array.from({ length: 2 * GRID * GRID }, (_, i) => {
    const line = i & 1 ? Math.floor(i / 2 / GRID) : (i >> 1) % GRID;
    return (line + 0.5) * ((2 * HALF) / GRID) - HALF;
  });

function drawPlane(view, world, now, run, x) {
  view.clear();
  if (!x.length) {
    if (now.shape === "typed" || !view.busy()) view.words(EMPTY_PLANE[now.shape]);
    view.hand();
    return;
  }
  const colours = view.colours();
  const oracle = world.oracle();
  const towards = (places) => estimate(oracle, places, now.t, new Float64Array(places.length));
  view.dots(oracle.centres, colours.grey, 0.45, 1);
  view.dots(x, tint(colours, noise(world.schedule, now.t) ** 2), 0.75, 1.3);
  if (now.arrows) {
    const places = gridPlaces();
    view.arrows(places, towards(places));
  }
  if (now.trails) {
    const paths = pathsOf(world, now, run, x.length / 2);
    const hats = towards(Float64Array.from(paths.flatMap((path) => path.at(-1))));
    const ends = paths.map((_, k) => [hats[2 * k], hats[2 * k + 1]]);
    view.trails(paths, ends);
  }
  view.hand();
}

function statusOf(t, words) {
  if (words.empty) return [words.empty];
  const distance = ["Mean distance to the nearest data point: ", h("b", {}, words.distance), words.others];
  const share = [words.share, " (1 − ", math("ᾱ", "t"), " of the variance)"];
  const first = [h("b", {}, `t = ${t}`), ": ", ...share, words.now];
  return [...first, h("br"), h("span", { class: "de-muted" }, ...distance)];
}

// What few readers need, folded; open from the start where it is in use.
function moreView(now, c, startBox) {
  const used = now.forward !== "jump" || now.start !== "noise";
  const explained = h("div", {}, c.forward.el, note(FORWARD_HINT));
  const inside = h("div", { class: "de-fx-more" }, explained, c.start.el, startBox, row(c.seed, c.speed.el));
  return h("details", { open: used }, h("summary", { "data-role": "more" }, "More settings"), inside);
}

function layout(canvas, c, steps, shape, buttons, more, status) {
  const set = (legend, ...children) => h("fieldset", {}, h("legend", {}, legend), ...children);
  const walk = row(c.way.el, buttons.prev.el, buttons.play.el, buttons.next.el);
  return [
    shape.el,
    h(
      "div",
      { class: "de-fx" },
      h("div", {}, canvas, walk, h("div", { class: "de-fx-steps" }, steps.t.el, steps.steps.el)),
      h(
        "div",
        {},
        status,
        set("Fresh noise in each reverse step", steps.eta.el),
        set("Show", c.arrows.el, c.trails.el),
        more,
      ),
    ),
    note(NOTE),
  ];
}

// on: {change(patch), visit(by), redraw()}
export function flowView(now, data, on) {
  const shape = shapeControls(now, data, on.change);
  const steps = stepControls(data, on.change);
  const c = choiceControls(now, data.traits, on.change);
  const view = plane({ onlayout: on.redraw, ondraw: (drawn) => on.change({ drawn }) });
  const buttons = {
    prev: iconButton("prev", "prev", "Previous step", () => on.visit(-1)),
    play: iconButton("play", "play", "Play", null, true),
    next: iconButton("next", "next", "One step on", () => on.visit(1)),
  };
  const status = h("p", { class: "de-status", "data-role": "status" });
  const startBox = h("div", { class: "de-fx-start" }, steps.startT.el);
  const more = moreView(now, c, startBox);
  const label = "Flow of points to noise and back";

  function fill() {
    shape.draw();
    view.mode(now.shape === "drawn", now.drawn);
    c.way.set(now.direction);
    steps.t.set(now.t);
    steps.steps.set(now.steps);
    steps.eta.set(now.eta);
    steps.startT.set(now.start_t);
    startBox.hidden = now.start !== "data";
    for (const name of ["start", "forward"]) c[name].input.value = now[name];
    for (const name of ["arrows", "trails"]) c[name].input.checked = now[name];
  }
  return {
    ...{ fill, plane: view, play: buttons.play, seconds: () => Number(c.speed.input.value) },
    panel: panel(label, CSS, ...layout(view.canvas, c, steps, shape, buttons, more, status)),
    draw(world, run, x) {
      fill();
      drawPlane(view, world, now, run, x);
    },
    say(t, words, playing) {
      if (words.empty) text(status, words.empty);
      else status.replaceChildren(...statusOf(t, words));
      if (words.plane && !playing) view.canvas.setAttribute("aria-label", words.plane);
    },
  };
}
