// What training a network costs: pure arithmetic, the same as diffusion_edu.nn.cost; and such numbers in words.

const FP32 = 4; // bytes

// network: {parameters, flops, activation_bytes} of one picture; machine: {peak: {fp32, half}, bandwidth}, in FLOP/s and
// bytes/s; model: {state_copies, activation_passes, weight_passes}; precision "fp32" or "half"; share in (0, 1].
export function trainingCost(network, machine, model, { batch, pictures, precision, share, devices }) {
  const peak = machine.peak[precision];
  const pictureFlops = 3 * network.flops;
  const total = pictureFlops * pictures;
  const copy = FP32 * network.parameters;
  const state = model.state_copies.length * copy;
  const activations = (batch * network.activation_bytes * (precision === "fp32" ? FP32 : 2)) / FP32;
  const intensity = (pictureFlops * batch) / (model.activation_passes * activations + model.weight_passes * copy);
  const floor = total / (peak * devices);
  return {
    picture_flops: pictureFlops, total_flops: total, floor_seconds: floor, seconds: floor / share,
    pictures_per_second: (pictures * share) / floor, state_bytes: state, activation_bytes: activations,
    memory_bytes: state + activations, intensity, roof: Math.min(peak, intensity * machine.bandwidth),
  };
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
  const units = [[60, 1, "s"], [3600, 60, "min"], [86400, 3600, "h"], [365.25 * 86400, 86400, "days"], [Infinity, 365.25 * 86400, "years"]];
  const [, size, name] = units.find(([below]) => seconds < below);
  const value = seconds / size;
  return `${value >= 1000 ? thousands(value) : short(value)} ${name}`;
}

// 102,400,000
export function thousands(x) {
  return String(Math.round(x)).replace(/\B(?=(\d{3})+$)/g, ",");
}
