// What the search does with embeddings: captions around words, cosines, ranking, completions, and the loss of a batch
// as systems/clip.py's clip_loss computes it. No page needed.
import { unit } from "./text_encoder.mjs";
import { splitWords } from "./word_pieces.mjs";

/** @typedef {ArrayLike<number>} Row */

const BARE = ["a", "an", "the", "no"];

// The captions that a search asks with: the words in the form that the network was trained on, once for each style.
/**
 * @param {string} words
 * @param {string[]} styles
 */
export function phrases(words, styles) {
  const plain = words.trim();
  const split = splitWords(plain);
  if (!split.length || split.includes("style")) return [plain];
  const article = BARE.includes(split[0]) ? "" : "aeiou".includes(split[0][0]) ? "an " : "a ";
  return styles.map((style) => `${article}${plain}, ${style} style`);
}

// Rows of signed bytes, of which only the direction counts -> unit vectors.
/**
 * @param {Uint8Array} bytes
 * @param {number} width
 */
export function directions(bytes, width) {
  const signed = new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  return Array.from({ length: signed.length / width }, (_, i) =>
    unit(Float64Array.from(signed.subarray(i * width, (i + 1) * width))),
  );
}

/**
 * @param {Row} a
 * @param {Row} b
 */
export function dot(a, b) {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

/** @param {Float64Array[]} vectors */
export function meanDirection(vectors) {
  return unit(vectors[0].map((_, i) => vectors.reduce((sum, v) => sum + v[i], 0)));
}

// Indices of the rows that `wanted` lets in, the best first.
/**
 * @param {number[]} cosines
 * @param {(i: number) => boolean} wanted
 */
export function ranked(cosines, wanted = () => true) {
  return cosines
    .map((_, i) => i)
    .filter(wanted)
    .sort((a, b) => cosines[b] - cosines[a] || a - b);
}

/** @param {number[]} row */
export function softmax(row) {
  const top = Math.max(...row);
  const powers = row.map((v) => Math.exp(v - top));
  const total = powers.reduce((sum, v) => sum + v, 0);
  return powers.map((v) => v / total);
}

/** @param {number[][]} rows */
const turned = (rows) => rows[0].map((_, j) => rows.map((row) => row[j]));
/** @param {number[]} values */
const mean = (values) => values.reduce((sum, v) => sum + v, 0) / values.length;
/** @param {number[][]} rows */
const entropy = (rows) =>
  mean(
    rows.map((row, i) => {
      const top = Math.max(...row); // -ln softmax, without the zero that a softmax may round to
      return top + Math.log(row.reduce((sum, v) => sum + Math.exp(v - top), 0)) - row[i];
    }),
  );
/** @param {number[][]} rows */
const rightOnes = (rows) => rows.filter((row, i) => row.every((v, j) => j === i || v < row[i])).length;

// pictures and texts: unit vectors, i belongs to i. All that the matrix shows.
/**
 * @param {Row[]} pictures
 * @param {Row[]} texts
 * @param {number} temperature
 */
export function contrast(pictures, texts, temperature) {
  const cosines = pictures.map((p) => texts.map((t) => dot(p, t)));
  const scaled = cosines.map((row) => row.map((v) => v / temperature));
  const columns = turned(scaled);
  const [pictureLoss, textLoss] = [entropy(scaled), entropy(columns)];
  return {
    cosines,
    rows: scaled.map(softmax),
    columns: turned(columns.map(softmax)),
    pictureLoss,
    textLoss,
    loss: (pictureLoss + textLoss) / 2,
    pictureRight: rightOnes(scaled),
    textRight: rightOnes(columns),
  };
}

// What could be meant: names that hold what was typed, then words that begin like the last one. `words`: the most
// frequent first.
/**
 * @param {string} typed
 * @param {string[]} names
 * @param {string[]} words
 * @param {number} most
 */
export function completions(typed, names, words, most = 8) {
  const low = typed.toLowerCase().replace(/\s+/g, " ").trimStart();
  const last = low.slice(low.search(/[^ ,]*$/));
  if (!low.trim()) return [];
  const begins = (/** @type {string} */ name) => (name.startsWith(low) ? 0 : name.includes(` ${low}`) ? 1 : 2);
  const things = names
    .map((n) => n.toLowerCase())
    .filter((n) => begins(n) < 2 && n !== low)
    .sort((a, b) => begins(a) - begins(b) || a.length - b.length);
  const before = low.slice(0, low.length - last.length);
  const whole = last ? words.filter((w) => w.startsWith(last) && w !== last).map((w) => before + w) : [];
  return [...new Set([...things.slice(0, most / 2), ...whole, ...things])].slice(0, most);
}
