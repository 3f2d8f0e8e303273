// Where the text encoder comes from: a script of the book, which loads from a server and from a folder alike, or the kernel
// of a notebook. loadTower(model, wanted) resolves to {encode(words) -> tokens and embedding}.
import { makeTextEncoder, unpackTower } from "./text_encoder.mjs";
import { makeTokenizer } from "./word_pieces.mjs";

// Known only while the page's script runs; a module, as JupyterLab has it, has none, and asks the kernel.
const TT_SCRIPT = typeof document === "undefined" ? "" : (document.currentScript?.src ?? "");
const TT_PATIENCE = 20000; // milliseconds for a kernel to answer

export const towerAtHand = (model) => Boolean(model || TT_SCRIPT);

function fromBook(name) {
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    const listen = ({ detail }) => detail.name === name && done(() => resolve(detail));
    const done = (then) => {
      document.removeEventListener("de-tower", listen);
      script.remove();
      then();
    };
    document.addEventListener("de-tower", listen);
    script.onerror = () => done(() => reject(new Error(`${name}-text.js could not be loaded`)));
    script.onload = () => done(() => reject(new Error(`${name}-text.js is not whole`)));
    script.src = new URL(`live/${name}-text.js`, TT_SCRIPT).href;
    document.head.append(script);
  });
}

function fromKernel(model) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => done(() => reject(new Error("the notebook's kernel does not answer"))), TT_PATIENCE);
    const listen = (message, buffers) => message.tower && done(() => {
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

export async function loadTower(model, wanted) {
  const tower = await (model ? fromKernel(model) : fromBook(wanted.name));
  if (tower.id !== wanted.id) throw new Error("the text encoder at hand is not the one that goes with these pictures");
  const encoder = makeTextEncoder(await unpackTower(tower), tower.heads);
  const tokenizer = makeTokenizer(tower.words, encoder.length);
  const encode = (words) => {
    const tokens = tokenizer.encode(words);
    return { ...tokens, embedding: encoder.encode(tokens.ids) };
  };
  for (let k = 0; k < 4; k++) encode("the first texts are slow, until the browser has compiled the loops"); // so not the reader's
  return encode;
}
