// <flow-explorer>: thousands of points flow from a shape to noise and back; the way back by an exact oracle, live.
//
// Controls (data-role): shape, text (letters), clear (own drawing), direction (two radio buttons), play, prev, next,
// speed, t, t-number, forward, steps, steps-number, eta, eta-number, start, start-t, start-t-number, seed, arrows,
// trails, more (opens forward, start, start-t, seed and speed).
// state: {shape, text, direction, forward, t, steps, eta, seed, start, start_t, n, centres, alpha_bar, signal, noise,
//         noise_share, mean [x, y], std (both of x_t), distance, distance_data, distance_noise (mean distances to the
//         nearest data point), times (visited steps, in order), ready (false while the oracle still works on what was
//         asked for)}
//
// The page never waits for the oracle: a run is made in slices of at most SLICE milliseconds a frame, ahead of the
// points where they play, and between two visited steps the points move on straight lines.
import { makeWidget, publish, viewOf } from "../kit/mount.mjs";
import { clamp } from "../kit/numbers.mjs";
import { announcer, onceAFrame, player, reducedMotion } from "../kit/play.mjs";
import { inkOf } from "./canvas.mjs";
import { factsOf, makeWorld } from "./facts.mjs";
import { flowView } from "./view.mjs";
import { wordsOf } from "./words.mjs";

const SLICE = 4; // milliseconds a frame for the oracle: 60 frames a second leave 16.7 for everything
const PAUSE = 120; // milliseconds: words that change sixty times a second cannot be read, and cost a layout each
const STOPS = ["t", "direction", "shape", "text", "drawn"]; // a hand on one of these ends the playing
const SHARED = [
  ...["shape", "text", "direction", "forward", "t", "steps"],
  ...["eta", "seed", "start", "start_t", "arrows", "trails"],
];

// Where the way of now begins and ends.
const endsOf = (now, world, T) => (now.direction === "back" ? [world.startT(), 0] : [0, T]);

// A patch with all that it implies: another shape begins anew, another direction at its own beginning, and a run that
// starts at t has nothing beyond it.
function completed(patch, now, world, T) {
  const anew = ["shape", "drawn", "text"].some((name) => name in patch);
  /** @type {Record<string, any>} */
  const whole = anew ? { direction: "noise", t: 0, ...patch } : patch;
  const turned = whole.direction && whole.direction !== now.direction;
  Object.assign(now, whole);
  const t = whole.t ?? (turned ? endsOf(now, world, T)[0] : now.t);
  now.t = now.direction === "back" ? Math.min(t, world.startT()) : t;
  return { ...whole, t: now.t };
}

// The next or the last visited step, in the direction of the run; null at the end.
function visited(by, now, world) {
  const sign = now.direction === "back" ? -1 : 1;
  const further = world.times().filter((u) => sign * by * (u - now.t) > 0);
  if (!further.length) return null;
  return by > 0 ? further[0] : further.at(-1);
}

// There and back again while playing.
function walker(now, world, T, seconds, go) {
  let place = 0;
  return (passed) => {
    if (now.t === endsOf(now, world, T)[1]) go({ direction: now.direction === "back" ? "noise" : "back" });
    const run = world.run();
    const [begin, end] = endsOf(now, world, T);
    if (Math.round(place) !== now.t) place = now.t;
    place += (Math.sign(end - begin) * passed * T) / seconds();
    // Not beyond what the oracle has answered: the points wait for it. (Stills may: they are drawn when it is done.)
    if (run && !reducedMotion() && !run.has(place)) place = run.times[run.states.length - 1];
    place = clamp(place, 0, begin || T);
    go({ t: Math.round(place) });
    return now.t !== endsOf(now, world, T)[1];
  };
}

function mount(root, data, changed) {
  /** @type {Record<string, any>} */
  const now = { ...Object.fromEntries(SHARED.map((name) => [name, data[name]])), drawn: data.drawn ?? [] };
  const world = makeWorld(data, now, inkOf);
  const view = flowView(now, data, { change, visit, redraw: () => ask() });
  const live = announcer();
  view.panel.append(live.el);
  root.append(view.panel);

  function go(patch) {
    changed(completed(patch, now, world, data.T));
    ask();
  }

  function change(patch) {
    if (STOPS.some((name) => name in patch)) play.stop();
    go(patch);
  }

  function visit(by) {
    const t = visited(by, now, world);
    if (t !== null) change({ t });
  }

  // The oracle works on, for a slice of the frame; what is not ready goes on in the next one.
  function work(run) {
    if (!run || (!play.playing() && run.has(now.t))) return;
    const until = performance.now() + SLICE;
    run.advance(() => performance.now() > until);
    if (!run.has(now.t)) ask();
  }

  let said = 0;
  const ask = onceAFrame(() => {
    const run = world.run();
    work(run);
    const x = world.points(run);
    view.draw(world, run, x);
    const facts = factsOf(now, world, run, x);
    if (!play.playing() || performance.now() - said > PAUSE) {
      said = performance.now();
      const words = wordsOf(facts, endsOf(now, world, data.T)[1]);
      view.say(now.t, words, play.playing());
      live.say(words.spoken);
    }
    publish(root, facts);
  });
  const play = player(view.play, walker(now, world, data.T, view.seconds, go));

  view.fill();
  return viewOf(now, ask, play, ask, live, view.plane, view.panel);
}

const flowExplorer = makeWidget("flow-explorer", mount, SHARED);
export default flowExplorer;
