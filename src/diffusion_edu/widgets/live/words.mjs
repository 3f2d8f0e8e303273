// What <live-sampler> says.

export const STARTS = [
  ["noise", "pure noise"],
  ["picture", "an image"],
  ["drawing", "your drawing"],
  ["own", "your own image"],
];
const ENGINES = {
  webgpu: "on your graphics card",
  wasm: "on your processor",
  python: "in the notebook's kernel",
};

export const NOTE = "The network works in this page; what you draw or choose stays in it. Black is −1, white is 1.";
export const CHOOSE_FIRST = "Choose your own image first, or start from something else.";

// The words on the button; bytes: of the model's files.
export function goWords({ phase, provider }, kernel, bytes) {
  if (phase === "loading" || phase === "running") return "Stop";
  if (provider) return "Draw images";
  const size = bytes ? ` (${(bytes / 1e6).toFixed(1)} MB, and the runtime)` : "";
  return kernel ? "Run the model" : `Run the model here${size}`;
}

// method: the name of the sampler, in words.
export function statusWords(run, method) {
  const where = ENGINES[run.provider];
  const pace = run.ms_step ? `, ${Math.round(run.ms_step)} ms a step` : "";
  return {
    idle: "Choose a sampler, then let the model run.",
    loading: "Loading the runtime and the model; this happens once.",
    ready: `The model is loaded and runs ${where}.`,
    running: `Step ${run.i} of ${run.of}, t = ${run.t}${pace}, ${where}.`,
    done: `Done: ${run.of} steps of ${method} in ${run.seconds.toFixed(1)} s${pace}, ${where}.`,
    stopped: run.of ? `Stopped at step ${run.i} of ${run.of}, t = ${run.t}.` : "Stopped.",
    failed: "What you see was computed before and stored.",
  }[run.phase];
}

// What the two canvases hold, for those who do not see them.
export function canvasWords(samples, t) {
  const finished = `the finished ${samples === 1 ? "image" : "images"}`;
  return [
    `${samples === 1 ? "the sample" : `${samples} samples`} at t = ${t}`,
    t === 0 ? finished : `the model's estimate of ${finished}, at t = ${t}`,
  ];
}

export const noiseWords = (T) => `The run begins with noise alone, at t = ${T}.`;

// Over the stored run, whose steps follow.
export const storedTitle = (steps) => `A stored run: DDIM, ${steps} steps, at t =`;
