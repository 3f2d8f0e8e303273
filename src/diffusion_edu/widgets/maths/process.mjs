// The forward process, and what a prediction means, as the package's process.py has them.
import { noise, signal } from "./schedules.mjs";

/** @typedef {import("./schedules.mjs").Schedule} Schedule */
/** @typedef {import("./schedules.mjs").Values} Values */

// x_t = sqrt(alpha_bar_t) x_0 + sqrt(1 - alpha_bar_t) eps
/**
 * @param {Values} x0
 * @param {Values} eps
 * @param {number} t
 * @param {Schedule} schedule
 * @param {Float64Array} out
 */
export function qSample(x0, eps, t, schedule, out = new Float64Array(x0.length)) {
  const a = signal(schedule, t);
  const s = noise(schedule, t);
  for (let i = 0; i < x0.length; i++) out[i] = a * x0[i] + s * eps[i];
  return out;
}

// Several noising steps in one draw: from t on to the later u.
/**
 * @param {Float64Array} xt
 * @param {number} t
 * @param {number} u
 * @param {Schedule} schedule
 * @param {Values} z
 */
export function jump(xt, t, u, schedule, z) {
  const ratio = schedule.alphaBar[u] / schedule.alphaBar[t];
  return xt.map((x, i) => Math.sqrt(ratio) * x + Math.sqrt(1 - ratio) * z[i]);
}

// {x0, eps} that a prediction of "eps", "x0" or "v" implies at x_t.
/**
 * @param {string} target
 * @param {Values} prediction
 * @param {Values} xt
 * @param {number} t
 * @param {Schedule} schedule
 * @returns {{x0: Values, eps: Values}}
 */
export function toX0Eps(target, prediction, xt, t, schedule) {
  const [a, b] = [signal(schedule, t), noise(schedule, t)];
  const from = {
    eps: () => ({ x0: Float64Array.from(xt, (x, i) => (x - b * prediction[i]) / a), eps: prediction }),
    x0: () => ({ x0: prediction, eps: Float64Array.from(xt, (x, i) => (x - a * prediction[i]) / b) }),
    v: () => ({
      x0: Float64Array.from(xt, (x, i) => a * x - b * prediction[i]),
      eps: Float64Array.from(xt, (x, i) => b * x + a * prediction[i]),
    }),
  }[target];
  if (!from) throw new RangeError(`target must be one of eps, x0, v, got ${target}`);
  return from();
}
