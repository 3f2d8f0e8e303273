// What <x-t-explorer> says.
import { number } from "../kit/numbers.mjs";

export const PLAY = "Play from here to T";
export const COVER = "cover x₀ and ε";
export const NOTE =
  "Black is −1, white is 1; the images clip what lies beyond, the numbers and the histogram do not. " +
  "An image of your own stays on this page.";

// All words of one drawing; what: the image, in words; end: alpha_bar at T; covered: x_0 and the noise are not shown.
export function wordsOf(facts, what, end, covered) {
  const { t, seed, alpha_bar, snr_db, snr } = facts;
  const [bar, signal, noise, ratio] = [alpha_bar, facts.signal, facts.noise, snr].map((v) => number(v));
  const [mean, std] = [facts.mean, facts.std].map((v) => number(v, 2));
  const db = snr === Infinity ? "" : ` (${number(snr_db, 1)} dB)`;
  const decibels = snr === Infinity ? "∞" : `${number(snr_db, 1)} dB`;
  return {
    ...{ bar, signal, noise, covered },
    ratio: decibels,
    now: ` = ${bar}, signal ${signal}, noise ${noise}, SNR ${ratio}${db}. `,
    pixels: `: mean ${mean}, standard deviation ${std}.`,
    spoken: `t = ${t}: alpha bar ${bar}, signal ${signal}, noise ${noise}, signal-to-noise ratio ${ratio}`,
    canvases: {
      xt: `x_t of ${what} at t = ${t}: ${Math.round(100 * alpha_bar)} % signal variance`,
      x0: covered ? "x_0, covered" : `x_0: ${what}`,
      eps: covered ? "the noise, covered" : `noise, seed ${seed}`,
    },
    charts: {
      curve: `alpha bar from 1 at t = 0 to ${number(end)} at T; now ${bar} at t = ${t}`,
      ratio: `signal-to-noise ratio in dB at each step; ${decibels} at t = ${t}`,
      bars: `histogram of the pixels of x_t against the normal density: mean ${mean}, standard deviation ${std}`,
    },
  };
}
