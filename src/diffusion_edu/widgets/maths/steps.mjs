// The steps of the reverse process, as the package's steps.py has them.
import { noise, signal } from "./schedules.mjs";

/** @typedef {import("./schedules.mjs").Schedule} Schedule */
/** @typedef {import("./schedules.mjs").Values} Values */

// `steps` even strides from T down to 0
/**
 * @param {number} T
 * @param {number} steps
 */
export function timesteps(T, steps) {
  return Array.from({ length: steps + 1 }, (_, i) => Math.floor((T * (steps - i) * 2 + steps) / (2 * steps)));
}

// Ancestral sampling (Ho et al. 2020, Algorithm 2), with the variance of the posterior; z is not used at s = 0.
/**
 * @param {Values} xt
 * @param {{x0: Values}} estimate
 * @param {number} t
 * @param {number} s
 * @param {Schedule} schedule
 * @param {Values} z
 */
export function ddpmStep(xt, { x0 }, t, s, schedule, z) {
  const [as, ns, nt] = [signal(schedule, s), noise(schedule, s), noise(schedule, t)];
  const root = signal(schedule, t) / as;
  const beta = 1 - root * root;
  const [c0, ct] = [(as * beta) / nt ** 2, (root * ns ** 2) / nt ** 2];
  const sigma = s ? (Math.sqrt(beta) * ns) / nt : 0;
  return Float64Array.from(xt, (x, i) => c0 * x0[i] + ct * x + (sigma ? sigma * z[i] : 0));
}

// Song et al. 2021, eq. 12 and 16: to the estimate, then back to the noise of step s, a share of it fresh.
/**
 * @param {Values} xt
 * @param {{x0: Values, eps: Values}} estimate
 * @param {number} t
 * @param {number} s
 * @param {Schedule} schedule
 * @param {Values} z
 * @param {number} eta
 */
export function ddimStep(xt, { x0, eps }, t, s, schedule, z, eta) {
  const [as, ns] = [signal(schedule, s), noise(schedule, s)];
  const ratio = signal(schedule, t) / as;
  const sigma = ((eta * ns) / noise(schedule, t)) * Math.sqrt(1 - ratio * ratio);
  const direct = Math.sqrt(Math.max(ns * ns - sigma * sigma, 0));
  return Float64Array.from(xt, (_, i) => as * x0[i] + direct * eps[i] + (sigma ? sigma * z[i] : 0));
}

/** @type {(schedule: Schedule, t: number) => number} */
const halfLogSnr = (schedule, t) => Math.log(signal(schedule, t) / noise(schedule, t));

// DPM-Solver++(2M) (Lu et al. 2022b): DDIM with x_0 extrapolated from this estimate and the one before.
/**
 * @param {Values} xt
 * @param {{x0: Values}} estimate
 * @param {number} t
 * @param {number} s
 * @param {Schedule} schedule
 * @param {{t: number, x0: Values} | null} before
 */
export function dpmSolverStep(xt, { x0 }, t, s, schedule, before) {
  if (s === 0) return Float64Array.from(x0);
  const h = halfLogSnr(schedule, s) - halfLogSnr(schedule, t);
  const half = before ? (0.5 * h) / (halfLogSnr(schedule, t) - halfLogSnr(schedule, before.t)) : 0;
  const [cx, c0] = [noise(schedule, s) / noise(schedule, t), -signal(schedule, s) * Math.expm1(-h)];
  return Float64Array.from(xt, (x, i) => cx * x + c0 * (x0[i] + (before ? half * (x0[i] - before.x0[i]) : 0)));
}
