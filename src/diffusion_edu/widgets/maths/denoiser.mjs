// From a network's prediction to the pair (x_0, eps) that samplers see, as the package's denoiser.py has it.
import { toX0Eps } from "./process.mjs";

/** @typedef {import("./schedules.mjs").Schedule} Schedule */
/** @typedef {import("./schedules.mjs").Values} Values */

const SHARE = 0.995; // of the values, which a dynamic threshold leaves unclipped

/** @type {(x0: Values, s: number) => Float64Array} */
const within = (x0, s) => Float64Array.from(x0, (x) => Math.min(s, Math.max(-s, x)) / s);

// Each sample's estimate into [-1, 1] by its own scale: s = max(1, the quantile of |x_0|), clipped to [-s, s], over s.
/**
 * @param {Values} x0
 * @param {number} area
 * @param {number} share
 */
export function dynamicThreshold(x0, area, share = SHARE) {
  const out = new Float64Array(x0.length);
  for (let k = 0; k < x0.length; k += area) {
    const one = Float64Array.from({ length: area }, (_, i) => x0[k + i]);
    const ordered = one.map(Math.abs).sort();
    const at = share * (area - 1);
    const low = ordered[Math.floor(at)];
    out.set(within(one, Math.max(1, low + (at - Math.floor(at)) * (ordered[Math.ceil(at)] - low))), k);
  }
  return out;
}

// x_0 and eps from a prediction of `target`; x_0 is clipped ("none", "static": to [-1, 1], "dynamic": by each sample's
// own threshold, for which a sample has `area` numbers), and eps made anew to agree with it.
/**
 * @param {Values} prediction
 * @param {Values} xt
 * @param {number} t
 * @param {Schedule} schedule
 * @param {{target?: string, clip?: string, area?: number}} network
 */
export function estimateFrom(prediction, xt, t, schedule, { target = "eps", clip = "static", area = xt.length } = {}) {
  const estimate = toX0Eps(target, prediction, xt, t, schedule);
  if (clip === "none") return estimate;
  if (clip === "dynamic") return toX0Eps("x0", dynamicThreshold(estimate.x0, area), xt, t, schedule);
  if (clip !== "static") throw new RangeError(`clip must be one of none, static, dynamic, got ${clip}`);
  return toX0Eps("x0", within(estimate.x0, 1), xt, t, schedule);
}
