// The numbers of <conv-explorer>. No page needed.
import {
  convolve,
  coversEvenly,
  inputNumbers,
  kernelNumbers,
  overlapOf,
  placesOf,
  tapsOf,
  termsOf,
  writesOf,
} from "../maths/convolution.mjs";
import { outputSize } from "../maths/sizes.mjs";

export const SHARED = ["mode", "i", "k", "s", "p", "d", "output_padding", "cell", "input", "kernel"];
export const SIZES = ["i", "k", "s", "p", "d", "output_padding"];
const MOST = 19; // cells along a side that stay legible on a telephone

export const at = (r, c) => `${r},${c}`;

export function checkData(data) {
  const modes = data.traits.mode.choices.map(([name]) => name);
  if (!modes.includes(data.mode)) throw new Error(`mode must be one of ${modes.join(", ")}, got ${data.mode}`);
  for (const name of SIZES) {
    const [low, high] = data.traits[name].limits;
    if (!Number.isInteger(data[name]) || data[name] < low || data[name] > high) {
      throw new Error(`${name} must be a whole number in ${low}..${high}, got ${data[name]}`);
    }
  }
}

// Everything that does not depend on the marked cell.
export function builtOf(now) {
  const { mode, i, k, s, p, d } = now;
  const { o, message } = outputSize(now);
  const numbers = { input: inputNumbers(now.input, i), kernel: kernelNumbers(now.kernel, k) };
  const output = convolve(now, numbers.input, numbers.kernel);
  const places = o ? placesOf(now, o) : [];
  const unused = mode === "conv" && o ? (i + 2 * p - d * (k - 1) - 1) % s : 0;
  const drawn = Boolean(o) && Math.max(places.length, o) <= MOST;
  return { ...numbers, o, message, output, places, overlap: overlapOf(now), unused, drawn, low: places[0]?.place ?? 0 };
}

export const keyOf = (now) => JSON.stringify(SHARED.filter((name) => name !== "cell").map((name) => now[name]));

// The marked output stays in its row and column, as far as there is one, when the size changes.
export function cellAfter(cell, before, after) {
  const [row, column] = [Math.floor(cell / before), cell % before];
  return Math.min(row, after - 1) * after + Math.min(column, after - 1);
}

// Along the window of an output: {input place: kernel element}, for every pair of a row and a column.
const windowOf = (rows, columns) =>
  new Map(rows.flatMap((a) => columns.map((b) => [at(a.place, b.place), at(a.weight, b.weight)])));

// The products of an output, in the order of its terms: the place of each input and the kernel element it meets.
function productsOf(rows, columns) {
  const inside = (tap) => tap.source !== null;
  const pairs = rows.filter(inside).flatMap((a) => columns.filter(inside).map((b) => [a, b]));
  return pairs.map(([a, b]) => ({ place: at(a.place, b.place), weight: at(a.weight, b.weight) }));
}

// source: [row, column] of the place under the pointer, or null.
export function factsOf(now, built, source) {
  const { o, message, input, kernel, output, overlap, drawn, unused } = built;
  const valid = o !== null;
  const cell = valid ? [Math.floor(now.cell / o), now.cell % o] : [0, 0];
  const terms = valid ? termsOf(now, input, kernel, cell[0], cell[1]) : [];
  const [rows, columns] = valid ? cell.map((v) => tapsOf(now, v)) : [[], []];
  const origin = source?.map((place) => (now.mode === "conv" ? place : place / now.s)) ?? null;
  const goes = origin && valid ? origin.map((r) => writesOf(now, o, r)) : null;
  const state = {
    ...{ ...now, op: now.output_padding, o, index: now.cell, cell, value: valid ? output[cell[0]][cell[1]] : null },
    ...{ valid, drawn, message, unused, source: origin, even: coversEvenly(now), output },
    reads: terms.map(({ row, column }) => [row, column]),
    weights: terms.map(({ weight }) => weight),
    writes: goes ? goes[0].flatMap((a) => goes[1].map((b) => [a.y, b.y])) : null,
    overlap: valid ? overlap.map((a) => overlap.map((b) => a * b)) : null,
  };
  return { state, terms, goes, window: windowOf(rows, columns), products: productsOf(rows, columns) };
}
