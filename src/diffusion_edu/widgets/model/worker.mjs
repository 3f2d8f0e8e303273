// Networks in a worker, so that the page stays quick: loads onnxruntime-web and one or more graphs, then runs them.
//
// in:  {load: {runtime, graphs: {name: address}, weights: [address, ...]}}   runtime: address of the JSON list of the
//                                                runtime's files, of the bytes of all files, and of those that lie
//                                                packed beside it; weights: of all graphs
//      {id, graph, feeds: {name: {type, data, dims}}}   type as in ONNX: "float32", "int64", "bool", ...
// out: {progress: share of the bytes}, {ready: provider, bytes}, {failed: words},
//      {id, outputs: {name: {type, data, dims}}, ms}
const sessions = new Map();
let ort = null;

const nameOf = (url) => new URL(url).pathname.split("/").pop();

async function fetchBytes(url, onbytes) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${nameOf(url)}: the server answered ${response.status}`);
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

// The inverse of book_assets.py's packing: all low bytes of two-byte numbers came first, then all high ones.
async function unpacked(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  const parts = new Uint8Array(await new Response(stream).arrayBuffer());
  const low = Math.ceil(parts.length / 2);
  return parts.map((_, i) => parts[i % 2 ? low + (i - 1) / 2 : i / 2]);
}

// WebGPU where the browser has it and a device answers; else WebAssembly on the processor.
async function provider() {
  try {
    return (await /** @type {any} */ (navigator).gpu?.requestAdapter()) ? "webgpu" : "wasm";
  } catch {
    return "wasm";
  }
}

// The runtime of an engine with all graphs in it; fetched: a promise of the bytes of each file, by its address.
async function start(engine, files, { runtime, graphs, weights }, fetched, onbytes) {
  const { module, binary } = files[engine];
  const [wasm, contents] = await Promise.all([fetchBytes(new URL(binary, runtime).href, onbytes), fetched]);
  ort = await import(new URL(module, runtime).href);
  ort.env.logLevel = "error"; // it warns of nodes that are better off on the processor
  ort.env.wasm.numThreads = 1; // more need a page that is isolated from others, which a plain server does not give
  ort.env.wasm.wasmBinary = wasm.buffer;
  const externalData = weights.map((url) => ({ path: nameOf(url), data: contents.get(url) }));
  for (const [name, url] of Object.entries(graphs)) {
    const options = { executionProviders: [engine], externalData };
    sessions.set(name, await ort.InferenceSession.create(contents.get(url), options));
  }
}

// Counts bytes, and tells the page of each hundredth.
function counter(total) {
  let said = 0;
  const counted = (n) => {
    counted.bytes += n;
    const share = Math.min(1, counted.bytes / total);
    if (share - said < 0.01 && share < 1) return;
    said = share;
    postMessage({ progress: share });
  };
  counted.bytes = 0;
  return counted;
}

async function load(places) {
  if (typeof WebAssembly === "undefined") throw new Error("this browser has no WebAssembly");
  const answer = await fetch(places.runtime);
  if (!answer.ok) throw new Error(`the list of the runtime's files: the server answered ${answer.status}`);
  const files = await answer.json();
  let engine = await provider();
  const urls = [...new Set([...Object.values(places.graphs), ...places.weights])];
  const count = counter(urls.reduce((sum, url) => sum + (files.models[nameOf(url)] ?? 0), files[engine].bytes));
  const packs = files.packed ?? {};
  const contentOf = async (url) => {
    const pack = packs[nameOf(url)];
    return pack ? unpacked(await fetchBytes(new URL(pack, url).href, count)) : fetchBytes(url, count);
  };
  const bytesOf = async (url) => /** @type {[string, Uint8Array]} */ ([url, await contentOf(url)]);
  const fetched = Promise.all(urls.map(bytesOf)).then((all) => new Map(all));
  try {
    await start(engine, files, places, fetched, count);
  } catch (error) {
    // A graphics card that promises more than it can do is no reason to draw nothing.
    if (engine === "wasm") throw error;
    engine = "wasm";
    await start(engine, files, places, fetched, count);
  }
  postMessage({ ready: engine, bytes: count.bytes });
}

async function run({ id, graph, feeds }) {
  const began = performance.now();
  const session = sessions.get(graph);
  if (!session) throw new Error(`graph must be one of ${[...sessions.keys()].join(", ")}, got ${graph}`);
  const tensor = ({ type, data, dims }) => new ort.Tensor(type, data, dims);
  const fed = Object.fromEntries(Object.entries(feeds).map(([name, feed]) => [name, tensor(feed)]));
  const outputs = {};
  for (const [name, value] of Object.entries(await session.run(fed))) {
    outputs[name] = { type: value.type, data: (await value.getData()).slice(), dims: [...value.dims] };
    value.dispose?.();
  }
  const buffers = Object.values(outputs).map(({ data }) => data.buffer);
  postMessage({ id, outputs, ms: performance.now() - began }, { transfer: buffers });
}

onmessage = async ({ data }) => {
  try {
    await (data.load ? load(data.load) : run(data));
  } catch (error) {
    postMessage({ failed: error?.message || String(error) });
  }
};
