// A convolution and a transposed convolution on a square grid, in small whole numbers (nn/convolution.py).
//
// The transposed convolution is counted as the direct one that equals it: stride 1 over the inputs spread s apart, with
// padding d (k - 1) - p and the kernel turned by 180 degrees. Places along an axis are counted from the first input;
// padding has places below 0.
import { outputSize, spreadPadding } from "./sizes.mjs";

/**
 * As in sizes.mjs: mode "conv" or "transpose", the same for both axes.
 * @typedef {{mode: string, i: number, k: number, s: number, p: number, d: number, output_padding: number}} Setting
 */
/** @typedef {{place: number, weight: number, source: number | null}} Tap */
/** @typedef {{row: number, column: number, weight: number, value: number}} Term */
/** @typedef {number[][]} Grid */

// Which kernel element meets which place when output `y` is made: [{place, weight, source}], along one axis.
// `source` is the input at that place, or null where a zero stands.
/**
 * @param {Setting} setting
 * @param {number} y
 * @returns {Tap[]}
 */
export function tapsOf(setting, y) {
  const { mode, i, k, s, p, d } = setting;
  return Array.from({ length: k }, (_, u) => {
    if (mode === "conv") {
      const place = y * s - p + d * u;
      return { place, weight: u, source: place >= 0 && place < i ? place : null };
    }
    const place = y - spreadPadding(setting) + d * u;
    const inside = place >= 0 && place <= (i - 1) * s && place % s === 0;
    return { place, weight: k - 1 - u, source: inside ? place / s : null };
  });
}

// The places drawn along an axis: [{place, kind, source}], kind "input", "pad", "gap" (a zero put between inputs) or
// "extra" (output_padding); `used` tells whether any output reads there.
/**
 * @param {Setting} setting
 * @param {number} o
 */
export function placesOf(setting, o) {
  const { mode, i, s, p } = setting;
  const last = mode === "conv" ? i - 1 : (i - 1) * s;
  const q = mode === "conv" ? p : spreadPadding(setting);
  const read = new Set(Array.from({ length: o }, (_, y) => tapsOf(setting, y).map((tap) => tap.place)).flat());
  const low = Math.min(0, -q);
  const high = Math.max(last, last + q + (mode === "conv" ? 0 : setting.output_padding));
  return Array.from({ length: high - low + 1 }, (_, n) => {
    const place = low + n;
    const inside = place >= 0 && place <= last;
    const step = mode === "conv" ? 1 : s;
    const kind = inside ? (place % step ? "gap" : "input") : place > last + Math.max(q, 0) ? "extra" : "pad";
    return { place, kind, source: kind === "input" ? place / step : null, used: read.has(place) };
  });
}

// The outputs that input `r` goes into along one axis: [{y, weight}].
/**
 * @param {Setting} setting
 * @param {number} o
 * @param {number} r
 */
export function writesOf(setting, o, r) {
  const taps = [];
  for (let y = 0; y < o; y++)
    for (const tap of tapsOf(setting, y)) if (tap.source === r) taps.push({ y, weight: tap.weight });
  return taps;
}

// All products that make the output (y, x): [{row, column, weight, value}], zeros left out.
/**
 * @param {Setting} setting
 * @param {Grid} input
 * @param {Grid} kernel
 * @param {number} y
 * @param {number} x
 * @returns {Term[]}
 */
export function termsOf(setting, input, kernel, y, x) {
  const terms = [];
  for (const a of tapsOf(setting, y)) {
    for (const b of tapsOf(setting, x)) {
      if (a.source === null || b.source === null) continue;
      terms.push({
        row: a.source,
        column: b.source,
        weight: kernel[a.weight][b.weight],
        value: input[a.source][b.source],
      });
    }
  }
  return terms;
}

/** @param {Term[]} terms */
export const totalOf = (terms) => terms.reduce((sum, { weight, value }) => sum + weight * value, 0);

// The whole output, as rows.
/**
 * @param {Setting} setting
 * @param {Grid} input
 * @param {Grid} kernel
 * @returns {Grid}
 */
export function convolve(setting, input, kernel) {
  const { o } = outputSize(setting);
  const axis = Array.from({ length: o ?? 0 }, (_, n) => n);
  return axis.map((y) => axis.map((x) => totalOf(termsOf(setting, input, kernel, y, x))));
}

// How many inputs reach each place of an axis of the output; for the whole grid, multiply rows by columns.
/** @param {Setting} setting */
export function overlapOf(setting) {
  const { o } = outputSize(setting);
  return Array.from({ length: o ?? 0 }, (_, y) => tapsOf(setting, y).filter((tap) => tap.source !== null).length);
}

// Whether a wide input would reach all outputs equally often: each remainder by s has as many kernel elements.
/** @param {Setting} setting */
export function coversEvenly({ k, s, d }) {
  const counts = new Array(s).fill(0);
  for (let u = 0; u < k; u++) counts[(d * u) % s] += 1;
  return counts.every((n) => n === counts[0]);
}

/**
 * @param {string} name
 * @param {number} i
 * @returns {Grid}
 */
export function inputNumbers(name, i) {
  /** @type {Record<string, (r: number, c: number) => number>} */
  const values = {
    numbers: (r, c) => (2 * r + 3 * c + r * c) % 5,
    ones: () => 1,
    half: (_r, c) => (2 * c < i ? 1 : 3),
  };
  const value = values[name];
  return Array.from({ length: i }, (_r, r) => Array.from({ length: i }, (_c, c) => value(r, c)));
}

/**
 * @param {string} name
 * @param {number} k
 * @returns {Grid}
 */
export function kernelNumbers(name, k) {
  const binomial = [1];
  for (let n = 1; n < k; n++) binomial.push((binomial[n - 1] * (k - n)) / n);
  /** @type {Record<string, (r: number, c: number) => number>} */
  const values = {
    numbered: (r, c) => k * r + c + 1,
    ones: () => 1,
    edge: (_r, c) => (k === 1 ? 1 : Math.sign(2 * c - k + 1)),
    blur: (r, c) => binomial[r] * binomial[c],
  };
  const value = values[name];
  return Array.from({ length: k }, (_r, r) => Array.from({ length: k }, (_c, c) => value(r, c)));
}
