// The numbers of <text-search>. No page needed.
import { bytesFromBase64 } from "../kit/unpack.mjs";
import { directions, dot, meanDirection, phrases, ranked } from "../maths/ranking.mjs";

export const SHARED = ["query", "batch", "temperature"];

// All that travelled with the page, made ready.
export function unpacked(data) {
  const width = bytesFromBase64(data.pictures).length / data.captions.length;
  if (!Number.isInteger(width) || !data.stored || !data.batches) {
    throw new Error("the images' embeddings cannot be read");
  }
  const frequent = data.words.split(" ");
  return {
    ...{ ...data, frequent, known: new Set(frequent) },
    pictures: directions(bytesFromBase64(data.pictures), width),
    texts: directions(bytesFromBase64(data.texts), width),
    unseen: [...data.unseen].map((c) => c === "1"),
    styleOf: data.captions.map((caption, i) => caption.slice(data.names[i].length + 2)),
  };
}

// Into the batch or out of it; the longest-standing one makes room.
export function batchAfter(batch, i, [least, most]) {
  if (!batch.includes(i)) return [...batch, i].slice(-most);
  return batch.length > least ? batch.filter((k) => k !== i) : batch;
}

// The words' direction, what the first caption became, and the time it took.
function asked(encode, words, bare, styles) {
  const began = performance.now();
  const all = (bare ? [words.trim()] : phrases(words, styles)).map(encode);
  const direction = meanDirection(all.map((a) => a.embedding));
  return { direction, tokens: all[0], count: all.length, ms: performance.now() - began };
}

const NO_ANSWER = { source: "", pieces: [], ranking: [], encode_milliseconds: null, tokens: null, count: 1 };

// Answers the query with the encoder, or from what was stored.
export function answerOf({ query, bare, among }, data, encode) {
  const words = query.trim();
  if (words && encode) {
    const { direction, tokens, count, ms } = asked(encode, query, bare, data.styles);
    const cosines = data.pictures.map((picture) => dot(picture, direction));
    const order = ranked(cosines, (i) => among === "all" || data.unseen[i] === (among === "new"));
    const ranking = order.map((i) => [i, cosines[i]]);
    return { source: "page", pieces: tokens.pieces, ranking, encode_milliseconds: ms, tokens, count };
  }
  const stored = data.stored.find((s) => s.query === words);
  if (!stored || bare || among !== "all") return NO_ANSWER;
  return { ...NO_ANSWER, source: "stored", pieces: stored.pieces, ranking: stored.best };
}
