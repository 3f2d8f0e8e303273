// The exact denoiser of points in the plane, as the package's MixtureOracle in oracle.py.
// Points are flat: x, y, x, y, ...
import { noise, signal } from "./schedules.mjs";

/** @typedef {import("./schedules.mjs").Schedule} Schedule */
/** @typedef {import("./schedules.mjs").Values} Values */

const FAR = 40; // a data point e^-40 times less likely than the likeliest adds nothing in double precision

// The data: a mixture of round Gaussians of standard deviation `std` around K centres, all equally likely.
/**
 * @param {Float64Array} centres
 * @param {number} std
 * @param {Schedule} schedule
 */
export function makeOracle(centres, std, schedule) {
  const K = centres.length / 2;
  return { centres, std, schedule, K, faded: new Float64Array(2 * K), square: new Float64Array(K) };
}

// E[x_0 | x_t] for the points from..to of x: a softmax of squared distances weighs the centres, as MixtureOracle does.
/**
 * @param {ReturnType<typeof makeOracle>} oracle
 * @param {Values} x
 * @param {number} t
 * @param {Float64Array} out
 * @param {number} from
 * @param {number} to
 */
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
    const far = least - FAR / sharp;
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
