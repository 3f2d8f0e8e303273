// The numbers of <schedule-explorer>. No page needed.
import { memo } from "../kit/memo.mjs";
import { crossing, decibel, makeSchedule, noise, signal } from "../maths/schedules.mjs";

export const STRIP = 8; // images from t = 0 to T
const ENOUGH = 0.01; // alpha_bar_T below this counts as noise

// How much steeper the betas are than for T = 1000.
export const steepness = ({ scale, T }) => (scale ? 1000 / T : 1);

// The largest beta that a handle may be drawn to, for T = 1000.
export const highest = (now) => (now.scale ? Math.min(0.05, 0.99 / steepness(now)) : 0.05);

export const stripTime = (i, T) => Math.round((T * i) / (STRIP - 1));

// The schedule now shown; a setting that no schedule has (beta of 1 or more) leaves the last good one and says why.
export function makeWorld() {
  const once = memo();
  let last = null;
  const valid = (now) => {
    try {
      last = makeSchedule(now.kind, now.T, now);
      return { schedule: last, message: "" };
    } catch (error) {
      last ||= makeSchedule("cosine", now.T);
      return { schedule: last, message: error.message };
    }
  };
  const compared = (name, T) => {
    try {
      return name === "none" ? null : makeSchedule(name, T);
    } catch {
      return null; // the linear families have no table at 20 steps or fewer
    }
  };
  return function world(now) {
    const key = JSON.stringify([now.kind, now.T, now.beta_start, now.beta_end, now.s, now.scale, now.points]);
    const made = once("schedule", key, () => valid(now));
    const { T } = made.schedule;
    return { ...made, made, reference: once("reference", `${now.reference} ${T}`, () => compared(now.reference, T)) };
  };
}

// What the reader calls the schedule that is drawn, and the one to compare with.
export function namesOf(now, { schedule }, choices) {
  const labels = { ...Object.fromEntries(choices), custom: "your own", none: "none" };
  return [labels[schedule.name], labels[now.reference]];
}

export function factsOf(now, { schedule, message }) {
  const { T, beta, alpha, alphaBar, snr } = schedule;
  const t = Math.min(Math.max(now.t, 0), T);
  const tables = { beta: beta[t], alpha: alpha[t], alpha_bar: alphaBar[t], snr: snr[t], snr_db: decibel(snr[t]) };
  const shares = { signal: signal(schedule, t), noise: noise(schedule, t) };
  const end = { alpha_bar_T: alphaBar[T], crossing: crossing(schedule), enough: alphaBar[T] < ENOUGH };
  return { ...now, t, T, valid: !message, message, ...tables, ...shares, ...end };
}

// The smallest of 1, 2, 5 times a power of ten that holds the largest beta.
function roof(x) {
  const unit = 10 ** Math.floor(Math.log10(x));
  return Math.min(
    1,
    [1, 2, 5, 10].map((m) => m * unit).find((v) => v >= x * 0.999),
  );
}

// The top of the beta chart: for betas drawn by hand it stays, so that a handle does not run away from the finger.
export function betaTop(now, schedule) {
  const largest = Math.max(...schedule.beta);
  if (now.kind !== "custom") return roof(largest);
  return Math.min(1, Math.max(largest, highest(now) * (now.scale ? 1000 / schedule.T : 1)));
}
