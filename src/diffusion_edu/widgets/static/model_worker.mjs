// A network in a worker, so that the page stays quick: loads onnxruntime-web and one model, then answers questions.
//
// in:  {load: {name, runtime, graph, weights}}   of a model; addresses; runtime is the JSON list of the runtime's files
//      {id, x, t, shape}                   x_t as float32, its step, and its shape (B, C, H, W)
// out: {progress: share of the bytes}, {ready: provider, bytes}, {failed: words}, {id, eps, ms}
let session = null;
let ort = null;

async function fetchBytes(url, onbytes) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${new URL(url).pathname.split("/").pop()}: the server answered ${response.status}`);
  const reader = response.body.getReader();
  const parts = [];
  let length = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    parts.push(value);
    length += value.length;
    onbytes(value.length);
  }
  const out = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

// WebGPU where the browser has it and a device answers; else WebAssembly on the processor.
async function provider() {
  try {
    return (await navigator.gpu?.requestAdapter()) ? "webgpu" : "wasm";
  } catch {
    return "wasm";
  }
}

// Runtime `kind` with the model in it.
async function start(kind, files, { runtime, weights }, fetched, onbytes) {
  const { module, binary } = files[kind];
  const [wasm, [onnx, numbers]] = await Promise.all([fetchBytes(new URL(binary, runtime).href, onbytes), fetched]);
  ort = await import(new URL(module, runtime).href);
  ort.env.logLevel = "error"; // it warns of nodes that are better off on the processor
  ort.env.wasm.numThreads = 1; // more need a page that is isolated from others, which a plain server does not give
  ort.env.wasm.wasmBinary = wasm.buffer;
  const externalData = [{ path: new URL(weights).pathname.split("/").pop(), data: numbers }];
  session = await ort.InferenceSession.create(onnx, { executionProviders: [kind], externalData });
}

async function load(places) {
  if (typeof WebAssembly === "undefined") throw new Error("this browser has no WebAssembly");
  const answer = await fetch(places.runtime);
  if (!answer.ok) throw new Error(`the list of the runtime's files: the server answered ${answer.status}`);
  const files = await answer.json();
  let kind = await provider();
  const total = files[kind].bytes + files.models[places.name];
  let got = 0;
  let said = 0;
  const count = (n) => {
    got += n;
    const share = Math.min(1, got / total);
    if (share - said < 0.01 && share < 1) return;
    said = share;
    postMessage({ progress: share });
  };
  const fetched = Promise.all([places.graph, places.weights].map((url) => fetchBytes(url, count)));
  try {
    await start(kind, files, places, fetched, count);
  } catch (error) {
    // A graphics card that promises more than it can do is no reason to draw nothing.
    if (kind === "wasm") throw error;
    kind = "wasm";
    await start(kind, files, places, fetched, count);
  }
  postMessage({ ready: kind, bytes: got });
}

async function ask({ id, x, t, shape }) {
  const began = performance.now();
  const steps = new BigInt64Array(shape[0]).fill(BigInt(t));
  const feeds = { x_t: new ort.Tensor("float32", x, shape), t: new ort.Tensor("int64", steps, [shape[0]]) };
  const { prediction } = await session.run(feeds);
  const eps = Float32Array.from(await prediction.getData());
  prediction.dispose?.();
  postMessage({ id, eps, ms: performance.now() - began }, [eps.buffer]);
}

onmessage = async ({ data }) => {
  try {
    await (data.load ? load(data.load) : ask(data));
  } catch (error) {
    postMessage({ failed: error?.message || String(error) });
  }
};
