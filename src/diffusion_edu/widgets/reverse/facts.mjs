// The numbers of <reverse-player>, and its stored images. No page needed.
import { memo } from "../kit/memo.mjs";
import { bytesFromBase64, inflate } from "../kit/unpack.mjs";
import { noise, signal } from "../maths/schedules.mjs";

// The stored state of a run whose step is nearest to t.
export function nearest(run, t) {
  return run.t.reduce((best, v, i) => (Math.abs(v - t) < Math.abs(run.t[best] - t) ? i : best), 0);
}

// Quantised images of one sort: plane k as numbers in [-1, 1].
function planes(bytes, levels, area) {
  return (k) => Float64Array.from(bytes.subarray(k * area, (k + 1) * area), (q) => (2 * q) / (levels - 1) - 1);
}

// Promises the two images of every stored state, states(run, sample): [[x_t, x_0], ...], and final(run, sample).
export async function unpacked(data) {
  if (typeof DecompressionStream === "undefined") {
    throw new Error("this browser is too old to unpack the stored images.");
  }
  const area = data.channels * data.size ** 2;
  const [t, z] = await Promise.all([inflate(bytesFromBase64(data.data_t)), inflate(bytesFromBase64(data.data_0))]);
  const [xt, x0] = [planes(t, data.levels_t, area), planes(z, data.levels_0, area)];
  const once = memo();
  // A negative plane of x_t says "the same as that estimate".
  const made = ({ x_t, x0: estimates }, k) =>
    estimates[k].map((plane, f) => [x_t[k][f] < 0 ? x0(-1 - x_t[k][f]) : xt(x_t[k][f]), x0(plane)]);
  return {
    states: (r, k) => once(`${r}/${k}`, 0, () => made(data.runs[r], k)),
    final: (r, k) => x0(data.runs[r].x0[k].at(-1)),
  };
}

// One stored state of a run.
export function factsOf(data, schedule, r, frame, sample) {
  const run = data.runs[r];
  const t = run.t[frame];
  const place = { run: r, label: run.label, method: run.method, steps: run.steps, frame, step: run.step[frame] };
  const shares = { signal: signal(schedule, t), noise: noise(schedule, t), noise_share: 1 - schedule.alphaBar[t] };
  const moments = { mean: run.mean[sample][frame], std: run.std[sample][frame] };
  return { ...place, t, s: run.s[frame], alpha_bar: schedule.alphaBar[t], ...shares, ...moments };
}

// The state on show, and beside it the nearest one of the run to compare with.
export function shownOf(now, data, schedule) {
  const first = factsOf(data, schedule, now.run, now.frame, now.sample);
  if (now.run_b < 0) return [first];
  return [first, factsOf(data, schedule, now.run_b, nearest(data.runs[now.run_b], first.t), now.sample)];
}
