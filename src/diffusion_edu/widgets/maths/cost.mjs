// What training a network costs: pure arithmetic, the same as the package's nn/cost.py.

const FP32 = 4; // bytes

// network: {parameters, flops, activation_bytes} of one picture; machine: {peak: {fp32, half}, bandwidth}, in FLOP/s
// and bytes/s; model: {state_copies, activation_passes, weight_passes}; precision "fp32" or "half"; share in (0, 1].
/**
 * @param {Record<string, any>} network
 * @param {Record<string, any>} machine
 * @param {Record<string, any>} model
 * @param {Record<string, any>} chosen
 */
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
    picture_flops: pictureFlops,
    total_flops: total,
    floor_seconds: floor,
    seconds: floor / share,
    pictures_per_second: (pictures * share) / floor,
    state_bytes: state,
    activation_bytes: activations,
    memory_bytes: state + activations,
    intensity,
    roof: Math.min(peak, intensity * machine.bandwidth),
  };
}
