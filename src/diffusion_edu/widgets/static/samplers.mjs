// The samplers of the package, as its `steps.py` and `samplers.py` have them: one function a step, and the loop.
// Nothing here touches the page, so that Node can run it against the package.
import { noise, signal, timesteps } from "./diffusion.mjs";

export const METHODS = ["ddpm", "ddim", "dpm-solver"];

// x_0 and eps from the predicted noise: x_0 is clipped to [-1, 1], and eps made anew to agree with it.
export function estimateFrom(prediction, xt, t, schedule) {
  const [a, b] = [signal(schedule, t), noise(schedule, t)];
  const x0 = Float64Array.from(xt, (x, i) => Math.min(1, Math.max(-1, (x - b * prediction[i]) / a)));
  return { x0, eps: Float64Array.from(xt, (x, i) => (x - a * x0[i]) / b) };
}

// Ancestral sampling (Ho et al. 2020, Algorithm 2), with the variance of the posterior; z is not used at s = 0.
export function ddpmStep(xt, { x0 }, t, s, schedule, z) {
  const [as, ns, nt] = [signal(schedule, s), noise(schedule, s), noise(schedule, t)];
  const root = signal(schedule, t) / as;
  const beta = 1 - root * root;
  const [c0, ct] = [(as * beta) / nt ** 2, (root * ns ** 2) / nt ** 2];
  const sigma = s ? (Math.sqrt(beta) * ns) / nt : 0;
  return Float64Array.from(xt, (x, i) => c0 * x0[i] + ct * x + (sigma ? sigma * z[i] : 0));
}

// Song et al. 2021, eq. 12 and 16: to the estimate, then back to the noise of step s, a share of it fresh.
export function ddimEtaStep(xt, { x0, eps }, t, s, schedule, z, eta) {
  const [as, ns] = [signal(schedule, s), noise(schedule, s)];
  const ratio = signal(schedule, t) / as;
  const sigma = ((eta * ns) / noise(schedule, t)) * Math.sqrt(1 - ratio * ratio);
  const kept = Math.sqrt(Math.max(ns * ns - sigma * sigma, 0));
  return Float64Array.from(xt, (_, i) => as * x0[i] + kept * eps[i] + (sigma ? sigma * z[i] : 0));
}

const halfLogSnr = (schedule, t) => Math.log(signal(schedule, t) / noise(schedule, t));

// DPM-Solver++(2M) (Lu et al. 2022b): DDIM with x_0 extrapolated from this estimate and the one before.
export function solverStep(xt, { x0 }, t, s, schedule, before) {
  if (s === 0) return Float64Array.from(x0);
  const h = halfLogSnr(schedule, s) - halfLogSnr(schedule, t);
  const half = before ? (0.5 * h) / (halfLogSnr(schedule, t) - halfLogSnr(schedule, before.t)) : 0;
  const [cx, c0] = [noise(schedule, s) / noise(schedule, t), -signal(schedule, s) * Math.expm1(-h)];
  return Float64Array.from(xt, (x, i) => cx * x + c0 * (x0[i] + (half ? half * (x0[i] - before.x0[i]) : 0)));
}

// The steps of a run: all T .. 0 in even strides, or from `start` on the strides below it.
export function runTimes(T, steps, start = T) {
  const times = timesteps(T, steps);
  return start === T ? times : [start, ...times.filter((t) => t < start)];
}

// The reverse process as an asynchronous generator of {t, s, xt, x0, i, of}; the last one has t = s = 0.
//   predict(xt, t)  a promise of the predicted noise
//   fresh()         noise for a step; called only when a step needs it
export async function* reverse({ schedule, method, eta = 0, times, xt, predict, fresh }) {
  const of = times.length - 1;
  let before = null;
  for (let i = 0; i < of; i++) {
    const [t, s] = [times[i], times[i + 1]];
    const estimate = estimateFrom(await predict(xt, t), xt, t, schedule);
    yield { t, s, xt, x0: estimate.x0, i, of };
    const z = s > 0 && (method === "ddpm" || eta > 0) ? fresh() : null;
    if (method === "ddpm") xt = ddpmStep(xt, estimate, t, s, schedule, z);
    else if (method === "ddim") xt = ddimEtaStep(xt, estimate, t, s, schedule, z, eta);
    else {
      xt = solverStep(xt, estimate, t, s, schedule, before);
      before = { t, x0: estimate.x0 };
    }
  }
  yield { t: 0, s: 0, xt, x0: xt, i: of, of };
}
