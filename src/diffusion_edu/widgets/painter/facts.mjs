// The numbers of <text-painter>: what a text tells the network, what a run begins from, which words were read where. No
// page needed.
import { bytesFromBase64 } from "../kit/unpack.mjs";
import { guide } from "../maths/guidance.mjs";
import { gaussian } from "../maths/noise.mjs";
import { runTimes } from "../maths/samplers.mjs";
import { splitWords } from "../maths/word_pieces.mjs";

export const SHARED = ["prompt", "negative", "guidance", "steps", "seed", "n"];
export const SPAN = 3; // latents are shown from -SPAN to SPAN
const PREVIEWS = 10; // times in a run that the decoder is asked, at most

const sizeOf = (shape) => shape.reduce((product, side) => product * side, 1);

// All that travelled with the page, made ready.
export function unpacked(data) {
  const frequent = data.words.split(" ");
  const stored = { ...data.stored };
  for (const name of ["drawn", "maps"]) stored[name] = bytesFromBase64(stored[name]);
  return { ...data, frequent, known: new Set(frequent), stored };
}

// The words that no caption of the training holds, each once; signs and numbers do not count: systems/text.py's rule.
export function unknownWords(texts, known) {
  const words = new Set(texts.flatMap(splitWords));
  return [...words].filter((word) => /^\p{L}+$/u.test(word) && !known.has(word));
}

// Where in the maps of all tokens each word of a text stands, and the words that the encoder has no room for. Place 0
// is the learned token that says nothing, place 1 the text's start.
export function placesOf({ words, ids }) {
  const [places, cut] = [[], []];
  let at = 2;
  for (const { word, pieces } of words) {
    const [first, last] = [at, at + pieces.length];
    at = last;
    if (last > ids.length) cut.push(word);
    else if (/[\p{L}\p{N}]/u.test(word)) places.push({ word, first, last });
  }
  return { places, cut };
}

// What a network is told by a text, as ClipText has it, in as many tokens as its graph takes; read: of the tower.
export function conditionOf(text, { ids, states, embedding }, length) {
  const said = text.trim() !== "";
  const vec = Float32Array.from(embedding, (e) => (said ? Math.sqrt(embedding.length) * e : 0));
  const tokens = new Float32Array((states.length / ids.length) * length);
  tokens.set(states);
  return { vec, tokens, mask: Uint8Array.from({ length }, (_, i) => Number(said && i < ids.length)) };
}

// As Cond.nothing has it.
export function nothing({ vec, tokens, mask }) {
  return { vec: new Float32Array(vec.length), tokens, mask: new Uint8Array(mask.length) };
}

// All that a run needs. encode: of the text tower.
export function jobOf(now, { network, schedule }, encode) {
  const { shape, target, clip, method, length } = network;
  const [prompt, negative] = [now.prompt, now.negative];
  const read = encode(prompt);
  const cond = conditionOf(prompt, read, length);
  const against = negative.trim() ? conditionOf(negative, encode(negative), length) : nothing(cond);
  const area = sizeOf(shape);
  const xt = new Float64Array(now.n * area);
  for (let k = 0; k < now.n; k++) xt.set(gaussian(now.seed + k, area), k * area);
  return {
    ...{ schedule, xt, method, times: runTimes(schedule.T, now.steps), network: { target, clip, area } },
    ...{ fresh: () => null, dims: [now.n, ...shape], inputs: network.inputs },
    ...{ cond, against, ...placesOf(read), asked: Object.fromEntries(SHARED.map((name) => [name, now[name]])) },
  };
}

// The inputs of one call: with a guidance of 1 the text's, with 0 those of what it is led away from, else both.
export function guidedFeeds(x, t, { dims, inputs, cond, against, asked }) {
  const told = { 0: [against], 1: [cond] }[asked.guidance] ?? [cond, against];
  const rows = dims[0] * told.length;
  function repeated(name, type, Kind) {
    const one = cond[name].length;
    const data = new Kind(rows * one);
    told.forEach((part, j) => {
      for (let k = 0; k < dims[0]; k++) data.set(part[name], (j * dims[0] + k) * one);
    });
    const sides = name === "tokens" ? [cond.mask.length, one / cond.mask.length] : [one];
    return { type, data, dims: [rows, ...sides] };
  }
  const images = new Float32Array(x.length * told.length);
  told.forEach((_, j) => images.set(x, j * x.length));
  const feeds = {
    x_t: { type: "float32", data: images, dims: [rows, ...dims.slice(1)] },
    t: { type: "int64", data: new BigInt64Array(rows).fill(BigInt(t)), dims: [rows] },
    vec: repeated("vec", "float32", Float32Array),
    tokens: repeated("tokens", "float32", Float32Array),
    mask: repeated("mask", "bool", Uint8Array),
  };
  return Object.fromEntries(inputs.map((name) => [name, feeds[name]]));
}

// u + w (c - u) of what one call answered; count: numbers of x_t.
export function guidedAnswer(prediction, count, guidance) {
  if (prediction.length === count) return prediction;
  return guide(prediction.subarray(0, count), prediction.subarray(count), guidance);
}

// Whether the decoder shows the estimate of step i: at the end, and so often on the way.
export const previewed = (i, of) => i === of || i % Math.ceil(of / PREVIEWS) === 0;

// The mean of the maps over the calls so far, of the images that were told the text.
export class MeanMaps {
  constructor() {
    this.calls = 0;
    this.values = null;
    this.dims = [0, 0, 0, 0];
  }

  add({ data, dims }, n) {
    const count = (data.length / dims[0]) * n;
    this.values ??= new Float64Array(count);
    this.dims = [n, ...dims.slice(1)];
    this.calls += 1;
    for (let i = 0; i < count; i++) this.values[i] += (data[i] - this.values[i]) / this.calls;
  }

  // (n x h x w) how much each position reads of a word, all its pieces together.
  of({ first, last }) {
    const [n, tokens, height, width] = this.dims;
    const area = height * width;
    const out = new Float64Array(n * area);
    for (let k = 0; k < n; k++) {
      for (let token = first; token < last; token++) {
        const begin = (k * tokens + token) * area;
        for (let i = 0; i < area; i++) out[k * area + i] += this.values[begin + i];
      }
    }
    return out;
  }
}

const meanOf = (values) => values.reduce((sum, v) => sum + v, 0) / values.length;

// The words with their maps and the share of each: [{word, values, share}], and the side of a map.
export function wordMaps(maps, places) {
  if (!maps.calls) return { side: 0, words: [] };
  const words = places.map((place) => ({ word: place.word, values: maps.of(place) }));
  return { side: maps.dims[3], words: words.map((one) => ({ ...one, share: meanOf(one.values) })) };
}

// The word that is looked at: the reader's choice where it is among them, else the one that is read most.
export function chosenWord(words, wanted) {
  if (!words.length) return -1;
  if (wanted >= 0 && wanted < words.length) return wanted;
  return words.reduce((best, { share }, i) => (share > words[best].share ? i : best), 0);
}

// (C x S x S) an image that is dark where a word was not read; map: (side x side), brightest at its largest value.
export function litBy(image, channels, map) {
  const size = Math.sqrt(image.length / channels);
  const [side, most] = [Math.sqrt(map.length), Math.max(...map, 1e-12)];
  const at = (i) => Math.floor((i * side) / size);
  return Float64Array.from(image, (v, i) => {
    const [line, column] = [Math.floor((i % (size * size)) / size), i % size];
    return (v + 1) * (0.12 + (0.88 * map[at(line) * side + at(column)]) / most) - 1;
  });
}

// Values of a latent as grey: (c x h x w) -> one image with the channels side by side, two in a row.
export function latentSheet(values, [channels, height, width]) {
  const across = Math.ceil(Math.sqrt(channels));
  const side = across * Math.max(height, width);
  const sheet = new Float64Array(side * side).fill(-1);
  values.forEach((v, i) => {
    const [c, line, column] = [Math.floor(i / (height * width)), Math.floor(i / width) % height, i % width];
    sheet[(Math.floor(c / across) * height + line) * side + (c % across) * width + column] = v / SPAN;
  });
  return { side, sheet };
}

// Of the runs that travel with the page the one that is nearest to what is asked, or null: another prompt, or a
// negative one, has none. exact: whether it is just that run.
export function storedRun({ prompt, negative, guidance, steps, seed, n }, { network, stored }) {
  const p = stored.prompts.findIndex(({ text }) => text === prompt.trim());
  if (p < 0 || negative.trim()) return null;
  const far = stored.guidances.map((w) => Math.abs(w - guidance));
  const g = far.indexOf(Math.min(...far));
  const run = p * stored.guidances.length + g;
  const exact = far[g] === 0 && steps === stored.steps && seed === stored.seed && n === 1;
  const count = sizeOf(network.shape);
  const drawn = Float64Array.from(stored.drawn.subarray(run * count, (run + 1) * count), (b) => SPAN * (b / 127.5 - 1));
  const { words, first } = stored.prompts[p];
  const area = stored.side * stored.side;
  const maps = words.map((word, k) => {
    const begin = (first * stored.guidances.length + g * words.length + k) * area;
    const values = Float64Array.from(stored.maps.subarray(begin, begin + area), (b) => (b / 255) * stored.most);
    return { word, values, share: meanOf(values) };
  });
  return { run, guidance: stored.guidances[g], exact, drawn, words: maps, side: stored.side };
}
