// Who answers for the network: a worker of the page, or Python in a notebook with a kernel. Both give
// {load(onprogress), predict(x, t, shape), close()}; predict resolves to {eps, ms}.

// Known only while the page's script runs; a module, as JupyterLab has it, has none, and needs none.
const SCRIPT = typeof document === "undefined" ? "" : (document.currentScript?.src ?? "");

// Why no model can run in this page, or "" when one can.
export function obstacle() {
  if (location.protocol === "file:") {
    return "This page was opened from a folder, and from there a browser loads no model. Served by `make serve`, or by any web server, it runs the model here.";
  }
  if (!SCRIPT) return "Here no model is at hand: open the book's own page, or a notebook with a running kernel.";
  if (typeof Worker === "undefined" || typeof WebAssembly === "undefined") return "This browser cannot run a model: it lacks WebAssembly or workers.";
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

export function pageBackend(name) {
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
      worker = new Worker(at("model_worker.mjs"), { type: "module" });
      worker.onerror = (event) => fail(event.message || "the worker's script could not be loaded");
      worker.onmessage = ({ data }) => {
        if (data.progress !== undefined) onprogress(data.progress);
        else if (data.ready) resolve({ provider: data.ready, bytes: data.bytes });
        else if (data.failed) fail(data.failed);
        else asked.answer(data.id, data);
      };
      worker.postMessage({ load: { name, runtime: at("runtime.json"), graph: at(`${name}.onnx`), weights: at(`${name}.safetensors`) } });
    });
  }
  return {
    load,
    predict: (x, t, shape) => asked.ask((id) => worker.postMessage({ id, x: Float32Array.from(x), t, shape })),
    close() {
      worker?.terminate();
      worker = null;
      asked.refuse(new Error("stopped"));
    },
  };
}

export function kernelBackend(model) {
  const asked = questions();
  const listen = (message, buffers) => {
    if (message.failed) asked.refuse(new Error(message.failed));
    else if (message.id) {
      const { buffer, byteOffset, byteLength } = buffers[0];
      asked.answer(message.id, { eps: new Float32Array(buffer.slice(byteOffset, byteOffset + byteLength)), ms: message.ms });
    }
  };
  model.on("msg:custom", listen);
  return {
    load: async () => ({ provider: "python", bytes: 0 }),
    predict: (x, t, shape) => asked.ask((id) => model.send({ id, t, shape }, undefined, [Float32Array.from(x).buffer])),
    close() {
      model.off("msg:custom", listen);
      asked.refuse(new Error("stopped"));
    },
  };
}
