// Where the text encoder comes from: a script of the book, which loads from a server and from a folder alike, or the
// kernel of a notebook. loadTower(model, wanted) resolves to encode(words) -> tokens, their states and the embedding.
import { bytesFromBase64, inflate } from "../kit/unpack.mjs";
import { fromHalf, makeTextEncoder } from "../maths/text_encoder.mjs";
import { makeTokenizer } from "../maths/word_pieces.mjs";
import { SCRIPT } from "./script.mjs";

const PATIENCE = 20000; // milliseconds for a kernel to answer

export const towerAtHand = (model) => Boolean(model || SCRIPT);

function fromBook(name) {
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    const listen = (/** @type {any} */ { detail }) => detail.name === name && done(() => resolve(detail));
    const done = (then) => {
      document.removeEventListener("de-tower", listen);
      script.remove();
      then();
    };
    document.addEventListener("de-tower", listen);
    script.onerror = () => done(() => reject(new Error(`${name}-text.js could not be loaded`)));
    script.onload = () => done(() => reject(new Error(`${name}-text.js is not whole`)));
    script.src = new URL(`live/${name}-text.js`, SCRIPT).href;
    document.head.append(script);
  });
}

function fromKernel(model) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => done(() => reject(new Error("the notebook's kernel does not answer"))), PATIENCE);
    const listen = (message, buffers) =>
      message.tower &&
      done(() => {
        const { buffer, byteOffset, byteLength } = buffers[0];
        resolve({ ...message.tower, bytes: new Uint8Array(buffer.slice(byteOffset, byteOffset + byteLength)) });
      });
    const done = (then) => {
      clearTimeout(timer);
      model.off("msg:custom", listen);
      then();
    };
    model.on("msg:custom", listen);
    model.send({ wanted: "tower" });
  });
}

// The inverse of tower.py's packing: {name: {shape, values: Float32Array}}. `bytes` in place of `data`: from a kernel.
export async function unpackTower(tower) {
  const bytes = await inflate(tower.bytes ?? bytesFromBase64(tower.data));
  const count = bytes.length / 2;
  const values = new Float32Array(count);
  for (let i = 0; i < count; i++) values[i] = fromHalf(bytes[i] | (bytes[count + i] << 8));
  /** @type {Record<string, {shape: number[], values: Float32Array}>} */
  const found = {};
  let at = 0;
  for (const [name, shape] of tower.shapes) {
    const size = shape.reduce((product, n) => product * n, 1);
    found[name] = { shape, values: values.subarray(at, at + size) };
    at += size;
  }
  if (at !== count) throw new Error("the weights of the text encoder are not whole");
  return found;
}

export async function loadTower(model, wanted) {
  const tower = await (model ? fromKernel(model) : fromBook(wanted.name));
  if (tower.id !== wanted.id) throw new Error("the text encoder at hand is not the one that goes with these images");
  const encoder = makeTextEncoder(await unpackTower(tower), tower.heads);
  const tokenizer = makeTokenizer(tower.words, encoder.length);
  const encode = (words) => {
    const tokens = tokenizer.encode(words);
    return { ...tokens, ...encoder.read(tokens.ids) };
  };
  // The first texts are slow, until the browser has compiled the loops: so these, and not the reader's.
  for (let k = 0; k < 4; k++) encode("the first texts are slow, until the browser has compiled the loops");
  return encode;
}
