// Points in the plane on their way to noise and back, made bit by bit. No page needed. Points are flat: x, y, x, y, ...
import { gaussian, streamSeed } from "../maths/noise.mjs";
import { estimate } from "../maths/oracle.mjs";
import { jump } from "../maths/process.mjs";
import { runTimes } from "../maths/samplers.mjs";
import { noise, signal } from "../maths/schedules.mjs";
import { ddimStep, timesteps } from "../maths/steps.mjs";

const CHUNK = 100; // points that the oracle answers for between two looks at the clock

// What the random numbers of one seed are for; each use has a stream of its own.
export const STREAMS = { eps: 0, data: 1, start: 2, back: 3, walk: 1003 };

// n points of the mixture: each centre in turn, and a deviation from it.
export function draw(oracle, n, seed) {
  const g = gaussian(streamSeed(seed, STREAMS.data), 2 * n);
  return g.map((z, i) => oracle.centres[2 * ((i >> 1) % oracle.K) + (i & 1)] + oracle.std * z);
}

// A run is made bit by bit, so that it never keeps the page waiting: advance(enough) works until enough() or the end.
// states[i] belongs to times[i]; estimates[i] (on the way back) is where the oracle put x_0 then.
function makeRun(times, start, makeState) {
  const run = { times, states: [start], estimates: [], complete: () => run.states.length === times.length };
  run.advance = (enough = () => false) => {
    while (!run.complete()) {
      const next = makeState(run, run.states.length - 1);
      if (next) run.states.push(next);
      if (enough()) break;
    }
    return run.complete();
  };
  // Between two visited steps the points move on straight lines; beyond what is made, the last state stands.
  run.at = (t) => {
    const sign = Math.sign(times[1] - times[0]);
    let i = 0;
    while (i < run.states.length - 1 && sign * (t - times[i + 1]) >= 0) i++;
    const share = (t - times[i]) / (times[i + 1] - times[i]);
    if (i === run.states.length - 1 || share <= 0) return run.states[i];
    return run.states[i].map((x, j) => x + share * (run.states[i + 1][j] - x));
  };
  run.has = (t) => Math.sign(times[1] - times[0]) * (times[run.states.length - 1] - t) >= 0;
  return run;
}

// The way to noise, step by step: every step draws noise of its own.
export function noisingRun(x0, steps, schedule, seed) {
  const times = timesteps(schedule.T, steps).reverse();
  return makeRun(times, x0, (run, i) =>
    jump(run.states[i], times[i], times[i + 1], schedule, gaussian(streamSeed(seed, STREAMS.walk + i), x0.length)),
  );
}

// The way back from `start` at step startT (T for pure noise), over the even list of times below it.
export function samplingRun(oracle, start, startT, steps, eta, seed) {
  const { schedule } = oracle;
  const times = runTimes(schedule.T, steps, startT);
  let answered = 0; // points of the present step that the oracle has answered for
  return makeRun(times, start, (run, i) => {
    const x = run.states[i];
    run.estimates[i] ||= new Float64Array(x.length);
    const to = Math.min(answered + CHUNK, x.length / 2);
    estimate(oracle, x, times[i], run.estimates[i], answered, to);
    answered = to;
    if (to < x.length / 2) return null;
    answered = 0;
    const [t, s, x0] = [times[i], times[i + 1], run.estimates[i]];
    const [a, b] = [signal(schedule, t), noise(schedule, t)];
    const eps = x.map((v, j) => (v - a * x0[j]) / b);
    const z = eta > 0 && s > 0 ? gaussian(streamSeed(seed, STREAMS.back + i), x.length) : null;
    return ddimStep(x, { x0, eps }, t, s, schedule, z, eta);
  });
}
