// The numbers of <prior-cloud>. No page needed.
import { bytesFromBase64 } from "../kit/unpack.mjs";

export const SHARED = ["caption", "guidance", "point"];
export const TRUE = 0; // the points of a caption: its true image, its text, then each prior's
export const TEXT = 1;

/**
 * A point of a caption: what it is, its seed where it is a prior's.
 * @typedef {{sort: number, seed: number | null}} Point - sort: 0 the true image, 1 the text, 2 and 3 the priors
 */

/**
 * All that travelled with the page, made ready.
 * @param {any} data
 */
export function unpacked(data) {
  const bytes = bytesFromBase64(data.ground);
  if (bytes.length !== 4 * data.count || !data.captions?.length || !data.places) {
    throw new Error("the embeddings cannot be read");
  }
  const view = new DataView(bytes.buffer);
  const scale = data.span / 32767;
  const ground = Float64Array.from({ length: 2 * data.count }, (_, i) => scale * view.getInt16(2 * i, true));
  const seeds = Array.from({ length: data.n }, (_, i) => data.seed + i);
  /** @type {Point[]} */
  const points = [{ sort: TRUE, seed: null }, { sort: TEXT, seed: null }]; // prettier-ignore
  data.priors.forEach((_, k) => points.push(...seeds.map((seed) => ({ sort: 2 + k, seed }))));
  const guidances = data.traits.guidance.choices.map(([name]) => name);
  return { ...data, ground, points, guidances };
}

// The row of a point: the true image and the text have one for all guidances.
export function rowOf(data, point, guidance) {
  if (point <= TEXT) return point;
  return point + data.guidances.indexOf(guidance) * (data.points.length - 2);
}

// Where the images of a caption stand in the sheet: the true one, then what the decoder draws of each row.
const tiles = (data, caption) => caption * (1 + data.cosines[caption].length);
export const trueTile = tiles;
export const tileOf = (data, caption, row) => tiles(data, caption) + 1 + row;

const meanOf = (values) => values.reduce((sum, v) => sum + v, 0) / values.length;

// Mean cosines over some captions: {text, priors: [...]}, each prior over its seeds at a guidance.
export function meanCosines(data, captions, guidance) {
  const of = (sort) =>
    meanOf(
      captions.flatMap((c) =>
        data.points.flatMap((p, k) => (p.sort === sort ? [data.cosines[c][rowOf(data, k, guidance)]] : [])),
      ),
    );
  return { text: of(TEXT), priors: data.priors.map((_, k) => of(2 + k)) };
}

/**
 * What is seen now.
 * @param {any} data
 * @param {any} now - caption, guidance, point
 */
export function factsOf(data, { caption, guidance, point }) {
  const points = data.points.map((one, k) => {
    const row = rowOf(data, k, guidance);
    const [x, y] = data.places[caption][row];
    return { ...one, x, y, cosine: data.cosines[caption][row], tile: tileOf(data, caption, row) };
  });
  const all = data.captions.map((_, c) => c);
  return {
    ...{ caption, guidance, point, text: data.captions[caption], points, chosen: points[point] },
    ...{ mean: meanCosines(data, [caption], guidance), mean_all: meanCosines(data, all, guidance) },
  };
}

/**
 * The point nearest to a place, if it is within reach, else -1; of two in one place the later one.
 * @param {{x: number, y: number}[]} points
 * @param {number[]} place - x and y
 * @param {number} reach
 */
export function nearestPoint(points, [x, y], reach) {
  let [best, least] = [-1, reach];
  points.forEach((p, k) => {
    const distance = Math.hypot(p.x - x, p.y - y);
    if (distance <= least) [best, least] = [k, distance];
  });
  return best;
}

// Round numbers along an axis from -span to span: 0, and up to two on each side.
export function ticksOf(span) {
  const size = 10 ** Math.floor(Math.log10(span));
  const step = [5, 2, 1, 0.5].map((k) => k * size).find((s) => span / s >= 2) ?? size / 5;
  const count = Math.floor(span / step);
  return Array.from({ length: 2 * count + 1 }, (_, i) => (i - count) * step);
}
