// What the explorer of convolutions says: its worked examples, its sums, and what is special about a setting.
import { h } from "./common.mjs";
import { convEven } from "./convolution.mjs";

// [words, mode, i, k, s, p, d, output_padding, numbers?]: worked examples.
export const CONV_PRESETS = [
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
].map(([words, mode, i, k, s, p, d, output_padding, numbers]) => ({ words, setting: { mode, i, k, s, p, d, output_padding }, numbers: numbers ? { input: numbers, kernel: numbers } : {} }));

export const minus = (v) => String(v).replace("-", "−");
export const times = (n, one, more = `${one}s`) => `${n} ${n === 1 ? one : more}`;

// What is special about these settings, in a sentence or two.
export function convRemark(setting, o, unused) {
  const { mode, i, k, s, p, d } = setting;
  if (mode === "conv") {
    if (unused) return `The floor drops a remainder of ${unused}: the last ${unused === 1 ? "row and column are" : `${unused} rows and columns are`} never read, and an input smaller by ${unused} gives the same size.`;
    if (o === i) return "The output is as large as the input.";
    return d > 1 ? `Dilation spreads the ${k} × ${k} elements over ${d * (k - 1) + 1} × ${d * (k - 1) + 1} cells.` : "";
  }
  const q = d * (k - 1) - p;
  const same = `It equals a convolution of stride 1 over the inputs spread ${s === 1 ? "not at all" : `${s} apart`}, padding d(k − 1) − p = ${minus(q)}${q < 0 ? " (outer places are cut off)" : ""}, with the kernel turned by 180°.`;
  if (s === 1) return `${same} Outputs with more colour get more products.`;
  return `${same} ${convEven(setting) ? "The kernel covers every place equally often: k elements share out evenly over the stride." : "Some places get more products than their neighbours (the cells with more colour): a checkerboard."}`;
}

// The sum of an output, as nodes: (1, 2) = Σ input · weight = 3·1 + ... = 17.
export function sayOutput(k, [y, x], terms, value) {
  const part = (v) => (v < 0 ? `(${minus(v)})` : String(v));
  const sum = terms.map((term) => `${part(term.value)}·${part(term.weight)}`).join(" + ");
  const zeros = k ** 2 - terms.length;
  const rest = terms.length ? (zeros ? `, and ${times(zeros, "element")} of the kernel on zeros.` : ".") : ": the whole kernel lies on zeros.";
  return [h("b", {}, `output (${y}, ${x})`), sum ? ` = Σ input · weight = ${sum} = ` : " = ", h("b", {}, minus(value)), rest];
}

// Where an input goes, as nodes; `goes` holds {y, weight} for the rows and for the columns.
export function sayInput([r, c], value, goes, kernel) {
  const name = h("b", {}, `input (${r}, ${c}) = ${value}`);
  const products = goes[0].flatMap((a) => goes[1].map((b) => `(${a.y}, ${b.y}): ${value}·${minus(kernel[a.weight][b.weight])}`));
  if (!products.length) return [name, " goes into no output."];
  return [name, ` goes into ${times(products.length, "output")}, with what it adds there: ${products.join(", ")}.`];
}
