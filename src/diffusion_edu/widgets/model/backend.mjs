// Who answers for the networks: a worker of the page, or Python in a notebook with a kernel. Both give
// {load(onprogress), run(graph, feeds), close()}; run takes {name: {type, data, dims}} and resolves to {outputs, ms},
// outputs of the same form.
import { SCRIPT } from "./script.mjs";

// Why no model can run in this page, or "" when one can.
export function obstacle() {
  if (location.protocol === "file:") {
    return (
      "This page was opened from a folder, and a browser loads no model from there. Opened from a web server (the " +
      "command “make serve” starts one), it runs the model here."
    );
  }
  if (!SCRIPT) return "Here no model is at hand: open the book's own page, or a notebook with a running kernel.";
  if (typeof Worker === "undefined" || typeof WebAssembly === "undefined")
    return "This browser cannot run a model: it lacks WebAssembly or workers.";
  return "";
}

// Promises by number, answered out of turn or all refused at once.
function questions() {
  const open = new Map();
  let last = 0;
  return {
    ask(send) {
      last += 1;
      const id = last;
      return new Promise((resolve, reject) => {
        open.set(id, { resolve, reject });
        send(id);
      });
    },
    answer(id, value) {
      open.get(id)?.resolve(value);
      open.delete(id);
    },
    refuse(error) {
      open.forEach(({ reject }) => reject(error));
      open.clear();
    },
  };
}

// network: {graphs: {name: file}, weights: [file, ...]}, files beside the worker.
export function pageBackend({ graphs, weights }) {
  const at = (file) => new URL(`live/${file}`, SCRIPT).href;
  const asked = questions();
  let worker = null;

  function load(onprogress) {
    return new Promise((resolve, reject) => {
      const fail = (words) => {
        const error = new Error(words);
        reject(error);
        asked.refuse(error);
      };
      worker = new Worker(at("worker.mjs"), { type: "module" });
      worker.onerror = (event) => fail(event.message || "the worker's script could not be loaded");
      worker.onmessage = ({ data }) => {
        if (data.progress !== undefined) onprogress(data.progress);
        else if (data.ready) resolve({ provider: data.ready, bytes: data.bytes });
        else if (data.failed) fail(data.failed);
        else asked.answer(data.id, data);
      };
      const places = Object.fromEntries(Object.entries(graphs).map(([name, file]) => [name, at(file)]));
      worker.postMessage({ load: { runtime: at("runtime.json"), graphs: places, weights: weights.map(at) } });
    });
  }
  return {
    load,
    run: (graph, feeds) => asked.ask((id) => worker.postMessage({ id, graph, feeds })),
    close() {
      worker?.terminate();
      worker = null;
      asked.refuse(new Error("stopped"));
    },
  };
}

const ARRAYS = { float32: Float32Array, int64: BigInt64Array, bool: Uint8Array };

// The answer of model/kernel.py: what each tensor is, and its bytes.
function outputsOf(described, buffers) {
  const read = ({ name, type, dims }, k) => {
    const { buffer, byteOffset, byteLength } = buffers[k];
    return [name, { type, dims, data: new ARRAYS[type](buffer.slice(byteOffset, byteOffset + byteLength)) }];
  };
  return Object.fromEntries(described.map(read));
}

export function kernelBackend(model) {
  const asked = questions();
  const listen = (message, buffers) => {
    if (message.failed) asked.refuse(new Error(message.failed));
    else if (message.id) asked.answer(message.id, { outputs: outputsOf(message.outputs, buffers), ms: message.ms });
  };
  model.on("msg:custom", listen);
  return {
    load: async () => ({ provider: "python", bytes: 0 }),
    run(graph, feeds) {
      const named = Object.entries(feeds);
      const described = named.map(([name, { type, dims }]) => ({ name, type, dims }));
      const buffers = named.map(([, { data }]) => data.buffer);
      return asked.ask((id) => model.send({ id, graph, feeds: described }, undefined, buffers));
    },
    close() {
      model.off("msg:custom", listen);
      asked.refuse(new Error("stopped"));
    },
  };
}

// What a network of images at step t is fed: x_t (B, ...) and the step of each sample.
export function stepFeeds(x, t, dims) {
  return {
    x_t: { type: "float32", data: Float32Array.from(x), dims },
    t: { type: "int64", data: new BigInt64Array(dims[0]).fill(BigInt(t)), dims: [dims[0]] },
  };
}
