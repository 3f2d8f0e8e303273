// The Frechet distance between two Gaussians in the plane: as the package's metrics/frechet.py has it. A Gaussian is a
// list of five numbers:
// centre x and y, standard deviations along its first and its second axis, and the turn of the first axis in degrees.
import { gaussian, streamSeed } from "./noise.mjs";

/** @typedef {{mean: number[], axes: number[], det: number}} Shape */
/** @typedef {{mean: number[], lower: number[]}} Moments */

// [[p, q], [r, s]] as p, q, r, s: F with F Fᵀ = covariance; its columns are the half axes of the ellipse.
/** @param {number[]} g */
export function axesOf([, , along, across, turn]) {
  const [c, s] = [Math.cos((turn * Math.PI) / 180), Math.sin((turn * Math.PI) / 180)];
  return [along * c, -across * s, along * s, across * c];
}

// What the distance needs to know of a Gaussian: its centre, a factor of its covariance, and that factor's determinant,
// which is not worked out from the entries: a thin ellipse would lose all its digits there.
/** @type {(g: number[]) => Shape} */
export const shapeOf = (g) => ({ mean: [g[0], g[1]], axes: axesOf(g), det: g[2] * g[3] });

// {mean, covariance, distance}: |a - b|² and tr A + tr B - 2 tr (A B)^½. With A = F Fᵀ and B = G Gᵀ that last trace is
// the sum of the singular values of M = Fᵀ G, for a 2 x 2 matrix the root of |M|² + 2 |det M|: right for flat ellipses.
/**
 * @param {Shape} a
 * @param {Shape} b
 */
export function frechetTerms(a, b) {
  const [p, q, r, s] = a.axes;
  const [t, u, v, w] = b.axes;
  const size = (/** @type {number[]} */ m) => m.reduce((sum, x) => sum + x * x, 0);
  const inner = size([p * t + r * v, p * u + r * w, q * t + s * v, q * u + s * w]);
  const mean = (a.mean[0] - b.mean[0]) ** 2 + (a.mean[1] - b.mean[1]) ** 2;
  const root = Math.sqrt(inner + 2 * Math.abs(a.det * b.det));
  const covariance = Math.max(0, size(a.axes) + size(b.axes) - 2 * root);
  return { mean, covariance, distance: mean + covariance };
}

// n standard normal points of draw k, flat: x, y, x, y, ... More points begin with the same ones. Each of the two sets
// of each draw has random numbers of its own.
/** @type {(seed: number, k: number, which: number, n: number) => Float64Array} */
export const normalPoints = (seed, k, which, n) => gaussian(streamSeed(seed, 2 * k + which), 2 * n);

// Points of a Gaussian, from standard normal ones.
/**
 * @param {number[]} g
 * @param {Float64Array} z
 */
export function placed(g, z) {
  const [p, q, r, s] = axesOf(g);
  const out = new Float64Array(z.length);
  for (let i = 0; i < z.length; i += 2) {
    out[i] = g[0] + p * z[i] + q * z[i + 1];
    out[i + 1] = g[1] + r * z[i] + s * z[i + 1];
  }
  return out;
}

// Mean, and the lower triangle L of the covariance L Lᵀ (divided by n - 1), of points.
/**
 * @param {Float64Array} z
 * @returns {Moments}
 */
export function momentsOf(z) {
  const n = z.length / 2;
  let [x, y, xx, xy, yy] = [0, 0, 0, 0, 0];
  for (let i = 0; i < z.length; i += 2) {
    x += z[i] / n;
    y += z[i + 1] / n;
  }
  for (let i = 0; i < z.length; i += 2) {
    xx += (z[i] - x) ** 2 / (n - 1);
    xy += ((z[i] - x) * (z[i + 1] - y)) / (n - 1);
    yy += (z[i + 1] - y) ** 2 / (n - 1);
  }
  const first = Math.sqrt(xx);
  return { mean: [x, y], lower: [first, xy / first, Math.sqrt(Math.max(0, yy - xy ** 2 / xx))] };
}

// The shape that the points of a Gaussian have, from the moments of the standard normal ones they were made of: so a
// Gaussian may be dragged about, and no point has to be looked at again.
/**
 * @param {number[]} g
 * @param {Moments} moments
 * @returns {Shape}
 */
export function sampledShape(g, { mean: [x, y], lower: [a, b, c] }) {
  const [p, q, r, s] = axesOf(g);
  return {
    mean: [g[0] + p * x + q * y, g[1] + r * x + s * y],
    axes: [p * a + q * b, q * c, r * a + s * b, s * c],
    det: g[2] * g[3] * a * c,
  };
}

// All draws of one seed and n, each measured once: terms(real, generated) is the distance that each draw shows.
/**
 * @param {number} seed
 * @param {number} n
 */
export function makeDraws(seed, n) {
  /** @type {Moments[][]} */
  const moments = [];
  return (/** @type {number[]} */ real, /** @type {number[]} */ generated, /** @type {number} */ draws) => {
    while (moments.length < draws)
      moments.push([0, 1].map((which) => momentsOf(normalPoints(seed, moments.length, which, n))));
    return moments.slice(0, draws).map(([a, b]) => frechetTerms(sampledShape(real, a), sampledShape(generated, b)));
  };
}
