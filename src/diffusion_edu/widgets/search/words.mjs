// What <text-search> says.
import { number } from "../kit/numbers.mjs";
import { UNKNOWN, splitWords } from "../maths/word_pieces.mjs";

export const AMONG = [
  ["all", "all images"],
  ["new", "new to it"],
  ["seen", "seen in training"],
];
export const MATRIX_VIEWS = [
  ["cosines", "cosines"],
  ["rows", "% of each row: images pick texts"],
  ["columns", "% of each column: texts pick images"],
];

export const NOTE =
  "The number is the cosine. New: training never saw this thing in this style of drawing. " +
  "Press an image to put it into the batch below, or to take it out.";
export const NO_TOWER =
  "this page has no text encoder beside it: open the book's own page, or a notebook with a running kernel";

export const loadWords = (phase, size) => (phase === "loading" ? "Loading …" : `Load the text encoder (${size})`);
export const failWords = (reason) => `New words cannot be read here: ${reason}. The examples have stored answers.`;

// What the network could not read, in words. tokens: of the tokenizer; known: words of the training captions, or null.
export function readingNotes(tokens, known) {
  const notes = [];
  for (const { word, pieces } of tokens.words) {
    if (pieces[0] === UNKNOWN)
      notes.push(`“${word}” holds a character that the vocabulary lacks, so the whole word becomes [UNK], unknown.`);
    else if (known && !known.has(word)) {
      const read =
        pieces.length > 1
          ? `It reads the pieces ${pieces.join(" ")}, which carry little meaning.`
          : "Its vector is a guess.";
      notes.push(`“${word}” stands in no caption that it was trained on. ${read}`);
    }
  }
  return [...new Set(notes)].slice(0, 3);
}

// Of an answer: the notes to what was read, and how often it was asked.
export function readWords({ source, tokens, count }, query, { known, styles }) {
  if (!source) return { notes: [], more: "" };
  const read = tokens ?? { words: splitWords(query.trim()).map((word) => ({ word, pieces: [] })) };
  const others = styles.slice(1).join(", ");
  const more = count > 1 ? `… and the same with ${others}; the mean of the ${count} counts` : "";
  return { notes: readingNotes(read, known), more };
}

// Words that name no thing: a query of these alone names nothing.
const SMALL = new Set(["a", "an", "the", "no", "of", "in", "on", "with", "and", "or", "over", "style"]);
const stem = (word) => word.replace(/s$/, "");

// Whether a word of the query stands in one of the names (an s at the end makes no difference), or it has none to name
// a thing with. styles: words that name none either.
export function isNamed(query, names, styles) {
  const said = splitWords(query).filter((w) => /[\p{L}\p{N}]/u.test(w) && !SMALL.has(w) && !styles.includes(w));
  const known = new Set(names.flatMap(splitWords).map(stem));
  return !said.length || said.some((w) => known.has(stem(w)));
}

// The line under the field; run: phase, source, ranking, milliseconds; names and styles: of the images.
export function statusWords(run, query, { captions, names, styles }, size) {
  const [first, second] = run.ranking;
  if (!first) {
    const loads = `Typing loads the text encoder (${size}), once; then this page answers by itself.`;
    const waiting = query.trim() ? loads : "Type what to look for, or try an example.";
    const phases = {
      loading: `Loading the text encoder, ${size}, once.`,
      failed: "No stored answer to this: try one of the examples.",
    };
    return phases[run.phase] ?? waiting;
  }
  const named = ([i, cosine]) => `${captions[i]} (${number(cosine, 2)})`;
  const stored = run.source === "stored";
  const pace = run.milliseconds === null ? "" : `${Math.max(1, Math.round(run.milliseconds))} ms from the key to here.`;
  const source = stored ? "A stored answer; typing loads the text encoder." : pace;
  // A stored answer was given among all images, of which it holds the best.
  const among = stored ? names : run.ranking.map(([i]) => names[i]);
  const [best, then] = isNamed(query, among, styles)
    ? [`of ${among.length} images the best is`, ", then"]
    : [`none of the ${among.length} images has this in its name; the nearest are`, " and"];
  const rest = second ? `${then} ${named(second)}` : "";
  return `“${query.trim()}”: ${best} ${named(first)}${rest}. ${source}`.trim();
}

// Where the batch is wrong, in words: the picture that its own text fits worst.
export function worstPair({ rows }, batch, captions) {
  const chances = rows.map((row, i) => row[i]);
  const i = chances.indexOf(Math.min(...chances));
  const best = Math.max(...rows[i]);
  const j = rows[i].indexOf(best);
  const percent = (v) => `${Math.round(100 * v)} %`;
  if (i === j) return `The least certain image is ${i + 1}, with ${percent(best)} for its own text.`;
  return (
    `Image ${i + 1} picks text ${j + 1}, “${captions[batch[j]]}” (${percent(best)}; its own gets ` +
    `${percent(chances[i])}).`
  );
}

// The line under the matrix.
export function lossWords(found, batch, captions) {
  const n = batch.length;
  const [loss, ofPictures, ofTexts] = [found.loss, found.pictureLoss, found.textLoss].map((v) => v.toFixed(2));
  const sum =
    `Loss ${loss}: ${ofPictures} for choosing the text of each image, ${ofTexts} for choosing the image of each ` +
    `text; guessing costs ln ${n} = ${Math.log(n).toFixed(2)}. ${found.pictureRight} of ${n} images and ` +
    `${found.textRight} of ${n} texts find their own.`;
  return `${sum} ${worstPair(found, batch, captions)}`;
}

export const spokenWords = (status, { batch, temperature }, found) =>
  `${status} Batch of ${batch.length} at temperature ${number(temperature, 3)}: loss ${found.loss.toFixed(2)}.`;
