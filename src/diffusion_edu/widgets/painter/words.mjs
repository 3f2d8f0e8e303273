// What <text-painter> says.

const ENGINES = {
  webgpu: "on your graphics card (WebGPU)",
  wasm: "on your processor (WebAssembly)",
  python: "in the notebook's kernel",
};
export const NO_FILES = "This model has no files beside the page: a notebook with a running kernel can run it.";
export const PROMPT = { role: "prompt", label: "What to paint", placeholder: "a red apple, noto style" };
export const NEGATIVE = { role: "negative", label: "Negative prompt (what to lead away from)", placeholder: "nothing" };
export const NOTE =
  "The networks work in this page; nothing that you type leaves it. With the model loaded, guidance, seed and the " +
  "examples paint at once; a new prompt waits for Enter or the button.";

const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;
const inQuotes = (words) => words.map((word) => `“${word}”`).join(", ");
const plural = (n, one) => `${n} ${one}${n === 1 ? "" : "s"}`;

// The words on the button.
export function goWords({ phase, provider }, kernel, bytes) {
  if (phase === "loading" || phase === "running") return "Stop";
  if (provider || kernel) return "Paint";
  return `Load the model (${megabytes(bytes)}, and the runtime) and paint`;
}

// What is said of the prompt: unknown words, and those that the encoder has no room for.
export function promptNotes(unknown, cut, length) {
  const notes = [];
  if (unknown.length) {
    const are = unknown.length === 1 ? "stands" : "stand";
    notes.push(`${inQuotes(unknown)} ${are} in no caption of the training: what it draws of that is chance.`);
  }
  if (cut.length) notes.push(`The text encoder reads ${length} tokens; ${inQuotes(cut)} came too late.`);
  return notes;
}

const askedWords = ({ prompt, negative, guidance, steps, seed, n }) => {
  const away = negative.trim() ? `, away from “${negative.trim()}”` : "";
  const said = prompt.trim() ? `“${prompt.trim()}”` : "an empty prompt";
  const seeds = n > 1 ? `seeds ${seed} to ${seed + n - 1}` : `seed ${seed}`;
  return `${said}${away}: guidance ${guidance}, ${plural(steps, "step")}, ${seeds}`;
};

function storedWords(shown) {
  if (!shown) return "No stored run of this prompt; the examples have some.";
  const { prompt, guidance, steps, seed, exact } = shown.asked;
  const which = askedWords({ prompt, negative: "", guidance, steps, seed, n: 1 });
  return `A stored run of ${which}.${exact ? "" : " It is the nearest one that travels with the page."}`;
}

// The line under the images; shown: what is seen, source: "stored" or "model".
export function statusWords(run, shown, source) {
  const where = ENGINES[run.provider];
  const pace = run.ms_step ? `, ${Math.round(run.ms_step)} ms a step` : "";
  const told = shown && source === "model" ? askedWords(shown.asked) : "";
  const phases = {
    loading: "Loading the runtime, the text encoder and the networks; this happens once.",
    ready: `The model is loaded and runs ${where}.`,
    running: `Step ${run.i} of ${run.of}, t = ${run.t}${pace}, ${where}.`,
    done: `${told}. Done in ${run.seconds.toFixed(1)} s${pace}, ${where}.`,
    stopped: run.of ? `Stopped at step ${run.i} of ${run.of}, t = ${run.t}.` : "Stopped.",
  };
  if (run.phase === "idle" || run.phase === "failed" || source === "stored") {
    const stored = source === "model" ? `Still shown: ${told}.` : storedWords(shown);
    return run.phase === "idle" || run.phase === "failed" ? stored : `${phases[run.phase]} ${stored}`;
  }
  return phases[run.phase];
}

const percent = (share) => `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;

// Under the map of a word.
export function mapWords(words, chosen) {
  const { word, share } = words[chosen] ?? { share: 0 };
  if (!share) return "No word was read.";
  return `Bright where the image reads “${word}”, which gets ${percent(share)} of the attention.`;
}

export const chipWords = ({ word, share }) => `${word} ${percent(share)}`;

// What the canvases hold, for those who do not see them.
export function canvasWords(t, n, { prompt }, latent, word) {
  const images = n === 1 ? "the image" : `${n} images`;
  const state = t ? `at t = ${t}` : "finished";
  const noised = latent ? `the ${latent[0]} channels of the latent` : "the noised image";
  return [
    `${t ? "estimate of " : ""}${images} of “${prompt.trim()}”, ${state}`,
    `${noised}, ${state}`,
    word ? `the image, bright where it reads “${word}”` : "no word was read",
  ];
}
