// The numbers of <frechet-explorer>. No page needed.
import { memo } from "../kit/memo.mjs";
import { frechetTerms, makeDraws, shapeOf } from "../maths/frechet.mjs";

export const SHARED = ["real", "generated", "n", "draws", "seed"];
export const MANY = 20; // draws at a press
/** @type {[string, string, string, boolean][]} role, name, colour, dashed */
export const SETS = [
  ["real", "real", "blue", false],
  ["generated", "generated", "orange", true],
];
// Numbers of points for the arrow keys: 3, 4, 5, 6, 8, 10, 12, 15, 20, ...
export function roundNumbers(low, high) {
  const steps = [1, 10, 100, 1000].flatMap((unit) => [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8].map((m) => m * unit));
  return steps.filter((v) => Number.isInteger(v) && v >= low && v <= high);
}

// The smallest of 1, 2, 5 times a power of ten that holds x; never less than 0.1.
export function roofOf(x) {
  const unit = 10 ** Math.floor(Math.log10(Math.max(x, 0.1)));
  return [1, 2, 5, 10].map((m) => +(m * unit).toPrecision(3)).find((v) => v >= x);
}

export function checkGaussian(name, g) {
  if (!Array.isArray(g) || g.length !== 5 || !g.every(Number.isFinite)) throw new Error(`${name} must be five numbers`);
}

// The preset that the Gaussians of now are, by its name, or "own".
export function presetOf(now, presets) {
  const same = (a, b) => a.every((v, i) => v === b[i]);
  const preset = Object.entries(presets).find(([, p]) => same(p.real, now.real) && same(p.generated, now.generated));
  return preset?.[0] ?? "own";
}

// facts(now): the exact terms, those that the last draw shows, the distances of all draws, and their mean.
export function makeFacts(presets) {
  const once = memo();
  return function facts(now) {
    const { real, generated, n, seed, draws } = now;
    const exact = frechetTerms(shapeOf(real), shapeOf(generated));
    const measure = once("draws", `${seed}/${n}`, () => makeDraws(seed, n));
    const all = measure(real, generated, draws);
    const estimates = all.map((terms) => terms.distance);
    const average = estimates.reduce((sum, v) => sum + v, 0) / estimates.length;
    return {
      ...{ preset: presetOf(now, presets), real, generated, n, seed, draws, estimates, average },
      ...{ mean_term: exact.mean, covariance_term: exact.covariance, distance: exact.distance },
      estimate: all.at(-1),
    };
  };
}
