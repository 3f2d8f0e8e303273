// The loop around the steps, as the package's samplers.py has it.
import { estimateFrom } from "./denoiser.mjs";
import { ddimStep, ddpmStep, dpmSolverStep, timesteps } from "./steps.mjs";

/** @typedef {import("./schedules.mjs").Schedule} Schedule */
/** @typedef {import("./schedules.mjs").Values} Values */
/**
 * @typedef {object} Run
 * @property {Schedule} schedule
 * @property {string} method
 * @property {number} [eta]
 * @property {number[]} times
 * @property {Values} xt
 * @property {(xt: Values, t: number) => Promise<Values>} predict
 * @property {{target?: string, clip?: string, area?: number}} [network]
 * @property {() => Values} fresh
 */

// The steps of a run: all T .. 0 in even strides, or from `start` on the strides below it.
/**
 * @param {number} T
 * @param {number} steps
 * @param {number} start
 */
export function runTimes(T, steps, start = T) {
  const times = timesteps(T, steps);
  return start === T ? times : [start, ...times.filter((t) => t < start)];
}

// The reverse process as an asynchronous generator of {t, s, xt, x0, i, of}; the last one has t = s = 0.
//   predict(xt, t)  a promise of the network's prediction
//   network         what that is: {target, clip, area} of estimateFrom
//   fresh()         noise for a step; called only when a step needs it
/** @param {Run} run */
export async function* reverse({ schedule, method, eta = 0, times, xt, predict, network, fresh }) {
  const of = times.length - 1;
  /** @type {{t: number, x0: Values} | null} */
  let before = null;
  for (let i = 0; i < of; i++) {
    const [t, s] = [times[i], times[i + 1]];
    const estimate = estimateFrom(await predict(xt, t), xt, t, schedule, network);
    yield { t, s, xt, x0: estimate.x0, i, of };
    const z = /** @type {Values} */ (s > 0 && (method === "ddpm" || eta > 0) ? fresh() : null);
    const step = {
      ddpm: () => ddpmStep(xt, estimate, t, s, schedule, z),
      ddim: () => ddimStep(xt, estimate, t, s, schedule, z, eta),
      "dpm-solver": () => dpmSolverStep(xt, estimate, t, s, schedule, before),
    }[method];
    if (!step) throw new RangeError(`this page has no sampler ${method}`);
    xt = step();
    before = { t, x0: estimate.x0 };
  }
  yield { t: 0, s: 0, xt, x0: xt, i: of, of };
}
