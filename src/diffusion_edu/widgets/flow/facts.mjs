// The numbers of <flow-explorer>: the points and their runs, made anew only where what they depend on has changed. No
// page needed; ink(letters) gives the inked pixels of a text.
import { memo } from "../kit/memo.mjs";
import { floatsFromBase64 } from "../kit/unpack.mjs";
import { gaussian, streamSeed } from "../maths/noise.mjs";
import { makeOracle } from "../maths/oracle.mjs";
import { qSample } from "../maths/process.mjs";
import { makeSchedule, noise, signal } from "../maths/schedules.mjs";
import { timesteps } from "../maths/steps.mjs";
import { STREAMS, draw, noisingRun, samplingRun } from "./runs.mjs";
import { alongStrokes, distanceToShape, fromInk } from "./shapes.mjs";

const MEASURED = 500; // points whose distance to the shape is measured in every frame
const TRAILS = 6;
const NONE = new Float64Array(0);

function centresOf(now, data, ink) {
  if (now.shape === "drawn") return now.drawn.length ? alongStrokes(now.drawn, data.centres) : NONE;
  if (now.shape !== "typed") return floatsFromBase64(data.shapes[now.shape].points);
  const points = ink(now.text);
  return points.length ? fromInk(points, data.centres) : NONE;
}

export function makeWorld(data, now, ink) {
  const schedule = makeSchedule(data.schedule, data.T);
  const once = memo();
  const shapeKey = () => {
    const own = { typed: now.text, drawn: now.drawn }[now.shape] ?? 0;
    return JSON.stringify([now.shape, own]);
  };
  const noiseKey = () => `${shapeKey()}/${now.seed}`;
  const normal = (stream) => gaussian(streamSeed(now.seed, stream), count());

  const oracle = () => once("oracle", shapeKey(), () => makeOracle(centresOf(now, data, ink), data.std, schedule));
  const count = () => (oracle().K ? 2 * data.n : 0);
  const x0 = () => once("x0", noiseKey(), () => (count() ? draw(oracle(), data.n, now.seed) : NONE));
  const eps = () => once("eps", noiseKey(), () => normal(STREAMS.eps));
  const fromData = () => now.start === "data";
  const startT = () => (fromData() ? now.start_t : data.T);
  const begin = () => (fromData() ? qSample(x0(), eps(), now.start_t, schedule) : normal(STREAMS.start));
  const walk = () => once("walk", `${noiseKey()}/${now.steps}`, () => noisingRun(x0(), now.steps, schedule, now.seed));
  const back = () =>
    once("back", `${noiseKey()}/${now.steps}/${now.eta}/${startT()}/${now.start}`, () =>
      samplingRun(oracle(), begin(), startT(), now.steps, now.eta, now.seed),
    );
  const distance = (x) => distanceToShape(x, oracle().centres, MEASURED);
  return {
    ...{ schedule, oracle, x0, eps, startT, distance },
    run() {
      if (!count()) return null;
      if (now.direction === "back") return back();
      return now.forward === "walk" ? walk() : null;
    },
    // Mean distances of the data and of pure noise, to compare with.
    scale: () => once("scale", noiseKey(), () => ({ data: distance(x0()), noise: distance(eps()) })),
    times: () => (now.direction === "back" ? back().times : timesteps(data.T, now.steps).reverse()),
    points(run) {
      if (run) return run.at(now.t);
      return count() ? qSample(x0(), eps(), now.t, schedule) : NONE;
    },
  };
}

// The ways of six points until now, each a list of places [x, y].
export function pathsOf(world, now, run, n) {
  const chosen = Array.from({ length: TRAILS }, (_, k) => Math.floor(((k + 0.5) * n) / TRAILS));
  if (run) {
    const rising = run.times.at(-1) > run.times[0];
    const states = run.states.filter((_, i) => (rising ? run.times[i] < now.t : run.times[i] > now.t));
    return chosen.map((i) => [...states, run.at(now.t)].map((x) => [x[2 * i], x[2 * i + 1]]));
  }
  const [x0, eps] = [world.x0(), world.eps()];
  const { schedule } = world;
  const places = Array.from({ length: 41 }, (_, j) => Math.round((now.t * j) / 40));
  const place = (i, t) => [0, 1].map((c) => signal(schedule, t) * x0[2 * i + c] + noise(schedule, t) * eps[2 * i + c]);
  return chosen.map((i) => places.map((t) => place(i, t)));
}

// Mean (x, y) and standard deviation (both coordinates together) of the points.
export function momentsOf(x) {
  const n = x.length / 2 || 1;
  let [mx, my, square] = [0, 0, 0];
  for (let i = 0; i < x.length; i += 2) {
    mx += x[i] / n;
    my += x[i + 1] / n;
    square += (x[i] * x[i] + x[i + 1] * x[i + 1]) / (2 * n);
  }
  return { mean: [mx, my], std: Math.sqrt(Math.max(square - (mx * mx + my * my) / 2, 0)) };
}

export function factsOf(now, world, run, x) {
  const { schedule } = world;
  const { t } = now;
  const { data, noise: noiseDistance } = world.scale();
  const chosen = { ...now };
  for (const name of ["drawn", "arrows", "trails"]) delete chosen[name];
  const shares = { signal: signal(schedule, t), noise: noise(schedule, t), noise_share: 1 - schedule.alphaBar[t] };
  const distances = { distance: world.distance(x), distance_data: data, distance_noise: noiseDistance };
  return {
    ...{ ...chosen, n: x.length / 2, centres: world.oracle().K, alpha_bar: schedule.alphaBar[t], ...shares },
    ...{ ...momentsOf(x), ...distances, times: x.length ? world.times() : [], ready: !run || run.has(t) },
  };
}
