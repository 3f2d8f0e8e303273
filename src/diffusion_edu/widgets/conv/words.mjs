// What <conv-explorer> says: its worked examples, its sums, and what is special about a setting.
import { coversEvenly } from "../maths/convolution.mjs";

// [words, mode, i, k, s, p, d, output_padding, numbers?]: worked examples.
export const PRESETS = [
  ["convolution: 4×4, k 3 → 2×2", "conv", 4, 3, 1, 0, 1, 0],
  ["convolution: 5×5, k 4, p 2 → 6×6", "conv", 5, 4, 1, 2, 1, 0],
  ["convolution: 5×5, k 3, p 1 → 5×5", "conv", 5, 3, 1, 1, 1, 0],
  ["convolution: 5×5, k 3, s 2, p 1 → 3×3", "conv", 5, 3, 2, 1, 1, 0],
  ["convolution: 6×6, k 3, s 2, p 1 → 3×3", "conv", 6, 3, 2, 1, 1, 0],
  ["convolution: 7×7, k 3, d 2 → 3×3", "conv", 7, 3, 1, 0, 2, 0],
  ["transposed: 2×2, k 3 → 4×4", "transpose", 2, 3, 1, 0, 1, 0],
  ["transposed: 2×2, k 3, s 2, p 1 → 3×3", "transpose", 2, 3, 2, 1, 1, 0],
  ["transposed: 3×3, k 3, s 2, p 1 → 5×5", "transpose", 3, 3, 2, 1, 1, 0],
  ["transposed: 3×3, k 3, s 2, p 1, op 1 → 6×6", "transpose", 3, 3, 2, 1, 1, 1],
  ["transposed: 4×4, k 3, s 2, p 1, op 1 → 8×8", "transpose", 4, 3, 2, 1, 1, 1],
  ["even cover: 4×4, k 4, s 2, p 1 → 8×8", "transpose", 4, 4, 2, 1, 1, 0, "ones"],
  ["checkerboard: 4×4, k 3, s 2 → 9×9", "transpose", 4, 3, 2, 0, 1, 0, "ones"],
].map(([words, mode, i, k, s, p, d, output_padding, numbers]) => ({
  words,
  setting: { mode, i, k, s, p, d, output_padding },
  numbers: numbers ? { input: numbers, kernel: numbers } : {},
}));

export const NAMES = {
  i: "input size i",
  k: "kernel size k",
  s: "stride s",
  p: "padding p",
  d: "dilation d",
  output_padding: "output padding op",
};
export const HINT =
  "Point at an output to see what it reads, at an input to see where it goes, or at a product of the sum to find its " +
  "two factors. Tab and the arrow keys walk through all three.";

export const minus = (v) => String(v).replace("-", "−");
export const times = (n, one, more = `${one}s`) => `${n} ${n === 1 ? one : more}`;

// The preset that the settings of now are, by its place, or "own".
export function presetOf(now) {
  const counts = ([name, v]) => now[name] === v || (name === "output_padding" && now.mode === "conv");
  const found = PRESETS.findIndex(({ setting, numbers }) => Object.entries({ ...setting, ...numbers }).every(counts));
  return found < 0 ? "own" : String(found);
}

// What is special about these settings, in a sentence or two.
function remark(setting, o, unused) {
  const { mode, i, k, s, p, d } = setting;
  if (mode === "conv") {
    const lines = unused === 1 ? "row and column are" : `${unused} rows and columns are`;
    if (unused) {
      return (
        `The floor drops a remainder of ${unused}: the last ${lines} never read, ` +
        `and an input smaller by ${unused} gives the same size.`
      );
    }
    if (o === i) return "The output is as large as the input.";
    return d > 1 ? `Dilation spreads the ${k} × ${k} elements over ${d * (k - 1) + 1} × ${d * (k - 1) + 1} cells.` : "";
  }
  const q = d * (k - 1) - p;
  const same =
    `It equals a convolution of stride 1 over the inputs spread ${s === 1 ? "not at all" : `${s} apart`}, ` +
    `padding d(k − 1) − p = ${minus(q)}${q < 0 ? " (outer places are cut off)" : ""}, with the kernel turned by 180°.`;
  if (s === 1) return `${same} Outputs with more color get more products.`;
  const even = "The kernel covers every place equally often: k elements share out evenly over the stride.";
  const uneven = "Some places get more products than their neighbors (the cells with more color): a checkerboard.";
  return `${same} ${coversEvenly(setting) ? even : uneven}`;
}

// The sum of an output: (1, 2) = Σ input · weight = 3·1 + ... = 17. What stands in a list is bold; `terms` stands
// where its products do.
function outputSum(k, [y, x], terms, value) {
  const part = (v) => (v < 0 ? `(${minus(v)})` : String(v));
  const sum = terms.map((term) => `${part(term.value)}·${part(term.weight)}`);
  const zeros = k ** 2 - terms.length;
  const some = zeros ? `, and ${times(zeros, "element")} of the kernel on zeros.` : ".";
  const rest = terms.length ? some : ": the whole kernel lies on zeros.";
  const made = sum.length ? [" = Σ input · weight = ", { terms: sum }, " = "] : [" = "];
  return [[`output (${y}, ${x})`], ...made, [minus(value)], rest];
}

// Where an input goes; `goes` holds {y, weight} for the rows and for the columns.
function inputProducts([r, c], value, goes, kernel) {
  const name = [`input (${r}, ${c}) = ${value}`];
  const product = (a, b) => `(${a.y}, ${b.y}): ${value}·${minus(kernel[a.weight][b.weight])}`;
  const products = goes[0].flatMap((a) => goes[1].map((b) => product(a, b)));
  if (!products.length) return [name, " goes into no output."];
  return [name, ` goes into ${times(products.length, "output")}, with what it adds there: ${products.join(", ")}.`];
}

function problemOf({ valid, drawn, message, mode, o }, places) {
  if (drawn) return "";
  if (!valid) return `No such ${mode === "conv" ? "convolution" : "transposed convolution"}: ${message}`;
  const side = Math.max(places.length, o);
  return `The size is right, but ${side} cells a side are too many to draw here. A smaller i, s, d or k helps.`;
}

// All words of one drawing; `sum` in parts of which the lists are bold.
export function wordsOf({ state, terms, goes }, now, { input, kernel, places }) {
  const { o, cell, value, valid, message, unused, source } = state;
  const [y, x] = cell;
  const moves = source && goes;
  const sum = moves ? inputProducts(source, input[source[0]][source[1]], goes, kernel) : null;
  const made = `output (${y}, ${x}) of ${o} by ${o} is ${minus(value)}, from ${times(terms.length, "input")}.`;
  const spoken = moves ? `Input (${source}) goes into ${times(state.writes.length, "output")}.` : made;
  return {
    place: valid ? `row ${y}, column ${x}` : "no output",
    problem: problemOf(state, places),
    remark: valid ? remark(now, o, unused) : "",
    sum: valid ? (sum ?? outputSum(now.k, cell, terms, value)) : ["There is no output."],
    spoken: valid ? spoken : `No output. ${message}`,
  };
}
