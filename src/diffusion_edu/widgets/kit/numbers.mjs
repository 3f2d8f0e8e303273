// Numbers for readers. No page needed.

const SUPERSCRIPT = { "-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" };

export const clamp = (x, low, high) => Math.min(high, Math.max(low, x));

// 0.394, 4.0×10⁻⁵, ∞: short, and never a zero that is not zero.
export function number(x, digits = 3) {
  if (x === Infinity) return "∞";
  const size = Math.abs(x);
  if (size !== 0 && (size < 1e-3 || size >= 1e4)) {
    const [mantissa, exponent] = x.toExponential(1).split("e");
    return mantissa.replace("-", "−") + "×10" + [...exponent.replace("+", "")].map((c) => SUPERSCRIPT[c]).join("");
  }
  return x.toFixed(digits).replace("-", "−");
}

// 12.4, 937, 0.086: three digits that count, and no power of ten that a reader must undo.
function short(x) {
  return x >= 100 ? String(Math.round(x)) : String(+x.toPrecision(3));
}

const PREFIXES = ["", "k", "M", "G", "T", "P", "E", "Z", "Y"];

// 37.3 GFLOP, 989 TFLOP/s, 3.35 TB/s
export function withUnit(x, unit) {
  if (!(x > 0)) return `0 ${unit}`;
  let step = Math.max(0, Math.min(PREFIXES.length - 1, Math.floor(Math.log10(x) / 3)));
  if (x / 1000 ** step >= 999.5 && step < PREFIXES.length - 1) step += 1;
  return `${short(x / 1000 ** step)} ${PREFIXES[step]}${unit}`;
}

// 45 s, 12.3 min, 3.21 h, 5.1 days, 2.75 years
export function duration(seconds) {
  /** @type {[number, number, string][]} */
  const units = [
    [60, 1, "s"],
    [3600, 60, "min"],
    [86400, 3600, "h"],
    [365.25 * 86400, 86400, "days"],
    [Infinity, 365.25 * 86400, "years"],
  ];
  const [, size, name] = units.find(([below]) => seconds < below);
  const value = seconds / size;
  return `${value >= 1000 ? thousands(value) : short(value)} ${name}`;
}

// 102,400,000
export function thousands(x) {
  return String(Math.round(x)).replace(/\B(?=(\d{3})+$)/g, ",");
}
