// Points in the plane on their way to noise and back: the mathematics of <flow-explorer>, in double precision.
// Nothing here touches the page, so that Node can run it against the package. Points are flat: x, y, x, y, ...
import { gaussian, noise, signal, timesteps } from "./diffusion.mjs";
import { ddimEtaStep, runTimes } from "./samplers.mjs";

const FLOW_CHUNK = 100; // points that the oracle answers for between two looks at the clock
const FLOW_FAR = 40; // a data point e^-40 times less likely than the likeliest adds nothing in double precision

// What the random numbers of one seed are for; each use has a stream of its own.
export const STREAMS = { eps: 0, data: 1, start: 2, back: 3, walk: 1003 };
export const streamSeed = (seed, stream) => (seed + 1000003 * stream) % 2147483648;

// The data: a mixture of round Gaussians of standard deviation `std` around K centres, all equally likely.
export function makeOracle(centres, std, schedule) {
  const K = centres.length / 2;
  return { centres, std, schedule, K, faded: new Float64Array(2 * K), square: new Float64Array(K) };
}

// n points of the mixture: each centre in turn, and a deviation from it.
export function draw(oracle, n, seed) {
  const g = gaussian(streamSeed(seed, STREAMS.data), 2 * n);
  return g.map((z, i) => oracle.centres[2 * ((i >> 1) % oracle.K) + (i & 1)] + oracle.std * z);
}

// E[x_0 | x_t] for the points from..to of x: a softmax of squared distances weighs the centres, as MixtureOracle does.
export function estimate(oracle, x, t, out, from = 0, to = x.length / 2) {
  const { centres, std, schedule, K, faded, square } = oracle;
  const a = signal(schedule, t);
  const total = a * a * std * std + noise(schedule, t) ** 2; // variance of x_t within a component
  const pull = (a * std * std) / total;
  const sharp = -0.5 / total;
  for (let k = 0; k < 2 * K; k++) faded[k] = a * centres[k];
  for (let i = 2 * from; i < 2 * to; i += 2) {
    const px = x[i];
    const py = x[i + 1];
    let least = Infinity;
    for (let k = 0; k < K; k++) {
      const dx = px - faded[2 * k];
      const dy = py - faded[2 * k + 1];
      const d = dx * dx + dy * dy;
      square[k] = d;
      if (d < least) least = d;
    }
    const far = least - FLOW_FAR / sharp;
    let sum = 0;
    let mx = 0;
    let my = 0;
    for (let k = 0; k < K; k++) {
      if (square[k] > far) continue;
      const w = Math.exp(sharp * (square[k] - least));
      sum += w;
      mx += w * centres[2 * k];
      my += w * centres[2 * k + 1];
    }
    out[i] = ((1 - a * pull) * mx) / sum + pull * px;
    out[i + 1] = ((1 - a * pull) * my) / sum + pull * py;
  }
  return out;
}

// Several noising steps in one draw: from t on to the later u.
export function stepOn(xt, t, u, schedule, z) {
  const kept = schedule.alphaBar[u] / schedule.alphaBar[t];
  return xt.map((x, i) => Math.sqrt(kept) * x + Math.sqrt(1 - kept) * z[i]);
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
    stepOn(run.states[i], times[i], times[i + 1], schedule, gaussian(streamSeed(seed, STREAMS.walk + i), x0.length)));
}

// The way back from `start` at step startT (T for pure noise), over the even list of times below it.
export function samplingRun(oracle, start, startT, steps, eta, seed) {
  const { schedule } = oracle;
  const times = runTimes(schedule.T, steps, startT);
  let answered = 0; // points of the present step that the oracle has answered for
  return makeRun(times, start, (run, i) => {
    const x = run.states[i];
    run.estimates[i] ||= new Float64Array(x.length);
    const to = Math.min(answered + FLOW_CHUNK, x.length / 2);
    estimate(oracle, x, times[i], run.estimates[i], answered, to);
    answered = to;
    if (to < x.length / 2) return null;
    answered = 0;
    const [t, s, x0] = [times[i], times[i + 1], run.estimates[i]];
    const [a, b] = [signal(schedule, t), noise(schedule, t)];
    const eps = x.map((v, j) => (v - a * x0[j]) / b);
    const z = eta > 0 && s > 0 ? gaussian(streamSeed(seed, STREAMS.back + i), x.length) : null;
    return ddimEtaStep(x, { x0, eps }, t, s, schedule, z, eta);
  });
}

// Mean distance of the points from the nearest centre, of `most` points at most.
export function distanceToShape(x, centres, most = Infinity) {
  const n = Math.min(x.length / 2, most);
  let sum = 0;
  for (let i = 0; i < 2 * n; i += 2) {
    let least = Infinity;
    for (let k = 0; k < centres.length; k += 2) {
      const d = (x[i] - centres[k]) ** 2 + (x[i + 1] - centres[k + 1]) ** 2;
      if (d < least) least = d;
    }
    sum += Math.sqrt(least);
  }
  return n ? sum / n : 0;
}

// K points evenly along strokes, each a flat list of places; a stroke that is a single place counts as a dot.
export function alongStrokes(strokes, K) {
  const pieces = [];
  for (const s of strokes) {
    if (s.length === 2) pieces.push([s[0], s[1], s[0], s[1], 0.02]);
    for (let i = 0; i + 3 < s.length; i += 2) {
      pieces.push([s[i], s[i + 1], s[i + 2], s[i + 3], Math.hypot(s[i + 2] - s[i], s[i + 3] - s[i + 1])]);
    }
  }
  const length = pieces.reduce((sum, p) => sum + p[4], 0);
  const out = new Float64Array(2 * K);
  let [piece, before] = [0, 0];
  for (let k = 0; k < K; k++) {
    const place = ((k + 0.5) / K) * length;
    while (piece < pieces.length - 1 && before + pieces[piece][4] < place) before += pieces[piece++][4];
    const [x, y, u, v, size] = pieces[piece];
    const share = size ? Math.min(1, (place - before) / size) : 0;
    out.set([x + share * (u - x), y + share * (v - y)], 2 * k);
  }
  return out;
}

// K inked pixels, centred, with a variance of 1 on average; ink: flat x, y with y downwards. Strides of the golden
// ratio through the list of pixels leave no part of it out and take none twice.
export function fromInk(ink, K) {
  const n = ink.length / 2;
  const out = new Float64Array(2 * K);
  for (let k = 0; k < K; k++) {
    const p = 2 * Math.floor(((k * 0.6180339887498949) % 1) * n);
    out.set([ink[p], -ink[p + 1]], 2 * k);
  }
  return standardise(out);
}

function standardise(points) {
  const mean = [0, 1].map((c) => points.reduce((sum, v, i) => sum + (i % 2 === c ? v : 0), 0) / (points.length / 2));
  const centred = points.map((v, i) => v - mean[i % 2]);
  const scale = Math.sqrt(centred.reduce((sum, v) => sum + v * v, 0) / points.length) || 1;
  return centred.map((v) => v / scale);
}
