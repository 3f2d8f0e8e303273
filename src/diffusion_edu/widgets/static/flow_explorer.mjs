// <flow-explorer>: thousands of points flow from a shape to noise and back; the way back by an exact oracle, live.
//
// Controls (data-role): shape, text (letters), clear (own drawing), direction (two radio buttons), play, prev, next, speed,
// t, t-number, forward, steps, steps-number, eta, eta-number, start, start-t, start-t-number, seed, arrows, trails.
// state: {shape, text, direction, forward, t, steps, eta, seed, start, start_t, n, centres, alpha_bar, signal, noise, noise_share,
//         mean [x, y], std (both of x_t), distance, distance_data, distance_noise (mean distances to the nearest data point),
//         times (visited steps, in order), ready (false while the oracle still works on what was asked for)}
//
// The page never waits for the oracle: a run is made in slices of at most FX_SLICE milliseconds a frame, ahead of the
// points where they play, and between two visited steps the points move on straight lines.
import { announcer, checkbox, clamp, floatsFromBase64, h, iconButton, makeWidget, math, number, onceAFrame, player, publish, reducedMotion, rich, select, slider, text, viewOf } from "./common.mjs";
import { gaussian, makeSchedule, noise, qSample, signal, timesteps } from "./diffusion.mjs";
import { STREAMS, alongStrokes, distanceToShape, draw, estimate, fromInk, makeOracle, noisingRun, samplingRun, streamSeed } from "./flow.mjs";
import { FLOW_HALF, inkOf, plane, tint } from "./flow_canvas.mjs";

const FX_SLICE = 4; // milliseconds a frame for the oracle: 60 frames a second leave 16.7 for everything
const FX_MEASURED = 500; // points whose distance to the shape is measured in every frame
const FX_TRAILS = 6;
const FX_GRID = 15; // arrows a side
const FX_SPEEDS = [["12", "slow"], ["6", "normal"], ["3", "fast"]]; // seconds from one end to the other
const FX_STOPS = ["t", "direction", "shape", "text", "drawn"]; // a hand on one of these ends the playing
const FX_SHARED = ["shape", "text", "direction", "forward", "t", "steps", "eta", "seed", "start", "start_t", "arrows", "trails"];

const FX_CSS = `
.de-fx{display:grid;grid-template-columns:minmax(0,1.15fr) minmax(0,1fr);gap:14px 22px;align-items:start}
.de-fx>div{display:grid;gap:10px;min-width:0}
.de-fx-plane{display:block;width:100%;aspect-ratio:1;border-radius:8px;box-shadow:0 0 0 1px var(--w-border)}
.de-fx fieldset{border:0;border-top:1px solid var(--w-border);margin:0;padding:8px 0 0;display:grid;gap:6px;min-width:0;--w-label:3.4em}
.de-fx legend{padding:0 8px 0 0;font-size:.8125rem;font-weight:600;color:var(--w-text);float:none;width:auto;margin:0}
.de-fx .de-status{min-height:8.4em}
.de-fx-way{display:inline-flex;border:1px solid color-mix(in srgb,var(--w-grey) 75%,transparent);border-radius:8px;overflow:hidden}
.de-fx-way label{margin:0;padding:5px 10px;cursor:pointer;font-size:.8125rem;min-height:32px;display:flex;align-items:center;position:relative}
.de-fx-way label:has(:checked){background:var(--w-teal);color:var(--w-on)}
.de-fx-way label:focus-within{outline:2px solid var(--w-teal);outline-offset:-4px}
.de-fx-way label:has(:checked):focus-within{outline-color:var(--w-on)}
.de-fx-way input{position:absolute;inset:0;opacity:0;width:100%;height:100%;margin:0;cursor:pointer}
.de-widget .de-fx input[type=text]{font:inherit;font-size:.8125rem;color:var(--w-text);background:var(--w-surface);border-radius:8px;
  border:1px solid color-mix(in srgb,var(--w-grey) 75%,transparent);min-height:32px;padding:4px 8px;width:7.5rem;margin:0}
@container (max-width:620px){.de-fx{grid-template-columns:minmax(0,1fr)}}
`;

function fxWay(now, onpick) {
  const name = `fx-${Math.random().toString(36).slice(2)}`;
  const radio = (value, words) => {
    const input = h("input", { type: "radio", name, value, "data-role": "direction", onchange: () => onpick(value) });
    return { input, el: h("label", {}, input, words) };
  };
  const both = [radio("noise", "to noise"), radio("back", "back")];
  const el = h("div", { class: "de-fx-way", role: "radiogroup", "aria-label": "direction" }, ...both.map((b) => b.el));
  return { el, set: (v) => both.forEach(({ input }) => (input.checked = input.value === v)) };
}

function fxControls(now, data, change) {
  const shapes = [...Object.entries(data.shapes).map(([name, { label }]) => [name, label]), ["typed", "letters you type"], ["drawn", "draw your own"]];
  const typed = h("input", { type: "text", "data-role": "text", maxlength: 12, "aria-label": "letters for the shape", value: now.text, oninput: () => change({ text: typed.value }) });
  const T = data.T;
  return {
    typed,
    shape: select({ role: "shape", label: "Shape", options: shapes, value: now.shape, onpick: (v) => change({ shape: v }) }),
    clear: h("button", { type: "button", "data-role": "clear", onclick: () => change({ drawn: [] }) }, "Clear"),
    way: fxWay(now, (v) => change({ direction: v })),
    speed: select({ role: "speed", label: "Speed", options: FX_SPEEDS, value: "6", onpick: () => {} }),
    t: slider({ role: "t", label: math("t"), name: "step t", min: 0, max: T, say: (t) => `t = ${t} of ${T}`, oninput: (t) => change({ t }) }),
    forward: select({ role: "forward", label: "noised", options: [["jump", "in one draw"], ["walk", "step by step"]], value: now.forward, onpick: (v) => change({ forward: v }) }),
    steps: slider({ role: "steps", label: "steps", name: "number of steps", min: 1, max: 200, log: true, colour: "grey", say: (v) => `${Math.round(v)} steps`, oninput: (v) => change({ steps: Math.round(v) }) }),
    eta: slider({ role: "eta", label: math("η"), name: "eta, the share of fresh noise in each step back", min: 0, max: 1, step: 0.05, colour: "orange", oninput: (v) => change({ eta: v }) }),
    start: select({ role: "start", label: "from", options: [["noise", "fresh noise"], ["data", "the shape, noised to t ="]], value: now.start, onpick: (v) => change({ start: v }) }),
    startT: slider({ role: "start-t", label: "start t", name: "step to noise the shape to", min: 1, max: T, colour: "violet", say: (t) => `start at t = ${t}`, oninput: (v) => change({ start_t: v }) }),
    seed: h("button", { type: "button", "data-role": "seed", onclick: () => change({ seed: (now.seed + 1) % 1000000 }) }, "New noise"),
    arrows: checkbox({ role: "arrows", label: "arrows: where the oracle points", value: now.arrows, onpick: (v) => change({ arrows: v }) }),
    trails: checkbox({ role: "trails", label: "trails of six points", value: now.trails, onpick: (v) => change({ trails: v }) }),
  };
}

// The points and their runs: made anew only where what they depend on has changed.
function fxWorld(data, now) {
  const schedule = makeSchedule(data.schedule, data.T);
  const kept = {};
  const once = (name, key, make) => (kept[name]?.key === key ? kept[name] : (kept[name] = { key, value: make() })).value;
  const shapeKey = () => JSON.stringify([now.shape, now.shape === "typed" ? now.text : 0, now.shape === "drawn" ? now.drawn : 0]);
  const noiseKey = () => `${shapeKey()}/${now.seed}`;

  function centres() {
    if (now.shape === "drawn") return now.drawn.length ? alongStrokes(now.drawn, data.centres) : new Float64Array(0);
    if (now.shape !== "typed") return floatsFromBase64(data.shapes[now.shape].points);
    const ink = inkOf(now.text);
    return ink.length ? fromInk(ink, data.centres) : new Float64Array(0);
  }
  const oracle = () => once("oracle", shapeKey(), () => makeOracle(centres(), data.std, schedule));
  const count = () => (oracle().K ? 2 * data.n : 0);
  const x0 = () => once("x0", noiseKey(), () => (count() ? draw(oracle(), data.n, now.seed) : new Float64Array(0)));
  const eps = () => once("eps", noiseKey(), () => gaussian(streamSeed(now.seed, STREAMS.eps), count()));
  const startT = () => (now.start === "data" ? now.start_t : data.T);
  const begin = () => (now.start === "data" ? qSample(x0(), eps(), now.start_t, schedule) : gaussian(streamSeed(now.seed, STREAMS.start), count()));
  const walk = () => once("walk", `${noiseKey()}/${now.steps}`, () => noisingRun(x0(), now.steps, schedule, now.seed));
  const back = () => once("back", `${noiseKey()}/${now.steps}/${now.eta}/${startT()}/${now.start}`, () => samplingRun(oracle(), begin(), startT(), now.steps, now.eta, now.seed));
  return {
    schedule, oracle, x0, eps, startT,
    run: () => (!count() ? null : now.direction === "back" ? back() : now.forward === "walk" ? walk() : null),
    // Mean distances of the data and of pure noise, to compare with.
    scale: () => once("scale", noiseKey(), () => ({
      data: distanceToShape(x0(), oracle().centres, FX_MEASURED),
      noise: distanceToShape(eps(), oracle().centres, FX_MEASURED),
    })),
    times: () => (now.direction === "back" ? back().times : timesteps(data.T, now.steps).reverse()),
    points(run) {
      return run ? run.at(now.t) : count() ? qSample(x0(), eps(), now.t, schedule) : new Float64Array(0);
    },
  };
}

function fxPaths(world, now, run, n) {
  const chosen = Array.from({ length: FX_TRAILS }, (_, k) => Math.floor(((k + 0.5) * n) / FX_TRAILS));
  if (run) {
    const states = run.states.filter((_, i) => (run.times.at(-1) > run.times[0] ? run.times[i] < now.t : run.times[i] > now.t));
    return chosen.map((i) => [...states, run.at(now.t)].map((x) => [x[2 * i], x[2 * i + 1]]));
  }
  const [x0, eps] = [world.x0(), world.eps()];
  const places = Array.from({ length: 41 }, (_, j) => Math.round((now.t * j) / 40));
  return chosen.map((i) => places.map((t) => [0, 1].map((c) => signal(world.schedule, t) * x0[2 * i + c] + noise(world.schedule, t) * eps[2 * i + c])));
}

function fxPicture(view, world, now, run, x) {
  view.clear();
  if (!x.length) {
    if (now.shape === "typed") view.words("Type some letters");
    else if (!view.busy()) view.words("Draw a shape here,\nwith mouse, pen or finger");
    view.hand();
    return;
  }
  const colours = view.colours();
  const oracle = world.oracle();
  view.dots(oracle.centres, colours.grey, 0.45, 1);
  view.dots(x, tint(colours, noise(world.schedule, now.t) ** 2), 0.75, 1.3);
  if (now.arrows) {
    const places = Float64Array.from({ length: 2 * FX_GRID * FX_GRID }, (_, i) =>
      ((i & 1 ? Math.floor(i / 2 / FX_GRID) : (i >> 1) % FX_GRID) + 0.5) * ((2 * FLOW_HALF) / FX_GRID) - FLOW_HALF);
    view.arrows(places, estimate(oracle, places, now.t, new Float64Array(places.length)));
  }
  if (now.trails) {
    const paths = fxPaths(world, now, run, x.length / 2);
    const ends = Float64Array.from(paths.flatMap((path) => path.at(-1)));
    const hats = estimate(oracle, ends, now.t, new Float64Array(ends.length));
    view.trails(paths, paths.map((_, k) => [hats[2 * k], hats[2 * k + 1]]));
  }
  view.hand();
}

// Mean (x, y) and standard deviation (both coordinates together) of the points.
function fxMoments(x) {
  const n = x.length / 2 || 1;
  let [mx, my, square] = [0, 0, 0];
  for (let i = 0; i < x.length; i += 2) {
    mx += x[i] / n;
    my += x[i + 1] / n;
    square += (x[i] * x[i] + x[i + 1] * x[i + 1]) / (2 * n);
  }
  return { mean: [mx, my], std: Math.sqrt(Math.max(square - (mx * mx + my * my) / 2, 0)) };
}

function fxFacts(now, data, world, run, x) {
  const { schedule } = world;
  const scale = world.scale();
  const { drawn, arrows, trails, ...rest } = now;
  return {
    ...rest, n: x.length / 2, centres: world.oracle().K, alpha_bar: schedule.alphaBar[now.t], signal: signal(schedule, now.t), noise: noise(schedule, now.t),
    noise_share: 1 - schedule.alphaBar[now.t], ...fxMoments(x), distance: distanceToShape(x, world.oracle().centres, FX_MEASURED),
    distance_data: scale.data, distance_noise: scale.noise, times: x.length ? world.times() : [], ready: !run || run.has(now.t),
  };
}

function mountFlow(root, data, changed) {
  const now = { ...Object.fromEntries(FX_SHARED.map((name) => [name, data[name]])), drawn: data.drawn ?? [] };
  const world = fxWorld(data, now);
  const controls = fxControls(now, data, change);
  const view = plane({ onlayout: () => ask(), ondraw: (drawn) => change({ drawn }) });
  const buttons = {
    prev: iconButton("prev", "prev", "One step back", () => visit(-1)),
    play: iconButton("play", "play", "Play", null, true),
    next: iconButton("next", "next", "One step on", () => visit(1)),
  };
  const status = h("p", { class: "de-status", "data-role": "status" });
  const live = announcer();
  const startBox = h("div", {}, controls.startT.el);
  const hint = h("span", { class: "de-note" }, "No pointer? Choose “letters you type”.");
  const panel = h("div", { class: "de-panel", role: "group", "aria-label": "Flow of points to noise and back" },
    h("style", {}, FX_CSS),
    h("div", { class: "de-row" }, controls.shape.el, controls.typed, controls.clear, hint),
    h("div", { class: "de-fx" },
      h("div", {}, view.canvas,
        h("div", { class: "de-row" }, controls.way.el, buttons.prev.el, buttons.play.el, buttons.next.el),
        controls.t.el),
      h("div", {}, status,
        h("fieldset", {}, h("legend", {}, "Steps, both ways"), controls.steps.el, h("div", { class: "de-row" }, controls.forward.el, controls.seed)),
        h("fieldset", {}, h("legend", {}, "The way back"), controls.eta.el, controls.start.el, startBox),
        h("fieldset", {}, h("legend", {}, "Show"), controls.arrows.el, controls.trails.el, controls.speed.el))),
    h("p", { class: "de-note" }, `Grey dots: the data. No network here: the estimate of x₀ is worked out exactly, for every point, while you watch. η = 0 is DDIM, η = 1 is DDPM.`),
    live.el);
  root.append(panel);

  const end = () => (now.direction === "back" ? 0 : data.T);
  const begin = () => (now.direction === "back" ? world.startT() : 0);

  function change(patch) {
    if (FX_STOPS.some((name) => name in patch)) play.stop();
    go(patch);
  }

  function go(patch) {
    if ("shape" in patch || "drawn" in patch || "text" in patch) patch = { direction: "noise", t: 0, ...patch };
    const turned = patch.direction && patch.direction !== now.direction;
    Object.assign(now, patch);
    if (turned && !("t" in patch)) patch = { ...patch, t: begin() };
    // A run that starts at t has nothing beyond it.
    const t = now.direction === "back" ? Math.min(patch.t ?? now.t, world.startT()) : patch.t ?? now.t;
    now.t = t;
    changed({ ...patch, t });
    ask();
  }

  // The next or the last visited step, in the direction of the run.
  function visit(by) {
    const times = world.times();
    const sign = now.direction === "back" ? -1 : 1;
    const further = (u) => sign * by * (u - now.t) > 0;
    const candidates = times.filter(further);
    if (candidates.length) change({ t: by > 0 ? candidates[0] : candidates.at(-1) });
  }

  let said = 0;
  const ask = onceAFrame(() => {
    const run = world.run();
    if (run && (play.playing() || !run.has(now.t))) {
      const until = performance.now() + FX_SLICE;
      run.advance(() => performance.now() > until);
      if (!run.has(now.t)) ask();
    }
    fill();
    const x = world.points(run);
    fxPicture(view, world, now, run, x);
    const facts = fxFacts(now, data, world, run, x);
    // Words that change sixty times a second cannot be read, and cost a layout each.
    if (!play.playing() || performance.now() - said > 120) {
      said = performance.now();
      say(facts);
    }
    publish(root, facts);
  });

  function fill() {
    controls.shape.input.value = now.shape;
    if (controls.typed.value !== now.text) controls.typed.value = now.text;
    controls.typed.hidden = now.shape !== "typed";
    controls.clear.hidden = hint.hidden = now.shape !== "drawn";
    view.mode(now.shape === "drawn");
    view.strokes(now.drawn);
    controls.way.set(now.direction);
    controls.t.set(now.t);
    controls.steps.set(now.steps);
    controls.eta.set(now.eta);
    controls.start.input.value = now.start;
    controls.startT.set(now.start_t);
    startBox.hidden = now.start !== "data";
    controls.forward.input.value = now.forward;
    controls.arrows.input.checked = now.arrows;
    controls.trails.input.checked = now.trails;
  }

  function say(v) {
    if (!v.n) {
      text(status, now.shape === "typed" ? "Type one or more letters: they become the shape." : "Draw a shape with one or more strokes: they become the data.");
      live.say(status.textContent);
      return;
    }
    const share = Math.round(100 * v.noise_share);
    const way = v.direction === "noise"
      ? v.forward === "walk" ? `To noise, step by step, ${v.steps} steps.` : "To noise: every point has drawn its noise once."
      : `Back to data: ${v.steps} steps, η = ${v.eta}, from ${v.start === "data" ? `the shape noised to t = ${v.start_t}` : "fresh noise"}.`;
    const done = v.t !== end() ? "" : v.direction === "back" ? " Done: these are new points." : " Nothing of the shape can be seen.";
    const working = v.ready ? "" : " The oracle is still at work.";
    status.replaceChildren(h("b", {}, `t = ${v.t}`), `: noise share 1 − `, math("ᾱ", "t"), ` = ${share} %. ${way}${done}${working} `,
      h("br"), h("span", { class: "de-muted" }, `Mean distance to the nearest data point: `, h("b", {}, number(v.distance)), ` (data ${number(v.distance_data)}, noise ${number(v.distance_noise)}). Standard deviation ${number(v.std, 2)}.`));
    const words = `t = ${v.t}, ${share} percent noise. ${way} Mean distance to the shape ${number(v.distance)}.${done}${working}`;
    if (!play.playing()) view.canvas.setAttribute("aria-label", `${v.n} points in the plane at ${words}`);
    live.say(words);
  }

  let place = 0;
  const play = player(buttons.play, (seconds) => {
    if (now.t === end()) go({ direction: now.direction === "back" ? "noise" : "back" }); // there and back again
    const run = world.run();
    if (Math.round(place) !== now.t) place = now.t;
    const sign = Math.sign(end() - begin());
    place += (sign * seconds * data.T) / Number(controls.speed.input.value);
    // Not beyond what the oracle has answered: the points wait for it. (Stills may: they are drawn when it is done.)
    if (run && !reducedMotion() && !run.has(place)) place = run.times[run.states.length - 1];
    place = clamp(place, 0, begin() || data.T);
    go({ t: Math.round(place) });
    return now.t !== end();
  });

  fill();
  return viewOf(now, ask, play, ask, live, view, panel);
}

const flowExplorer = makeWidget("flow-explorer", mountFlow, FX_SHARED);
export default flowExplorer;
