// The numbers of <unet-explorer>, and its stored feature maps. No page needed.
import { bytesFromBase64, inflate } from "../kit/unpack.mjs";

export const SHARED = ["model", "part", "t", "query"];

// Feature maps and attention, unpacked: values of one map in [-1, 1], and one row of an attention in 0..1.
export function storedMaps(recording, bytes) {
  const top = recording.levels - 1;
  const cut = (first, size) => bytes.subarray(first, first + size);
  return {
    map(name, step, k) {
      const { first, side, channels } = recording.maps[name];
      const area = side * side;
      return Float64Array.from(cut(first + (step * channels.length + k) * area, area), (q) => (2 * q) / top - 1);
    },
    look(name, step, query) {
      const { first, side } = recording.attention[name];
      const area = side * side;
      return Float64Array.from(cut(first + (step * area + query) * area, area), (q) => (2 * q) / top - 1);
    },
  };
}

// The attention that belongs to a part: its own, or that of the block.
export const attentionOf = (recording, part) =>
  recording && [`${part}.self_attention`, `${part}.attention.self_attention`].find((name) => recording.attention[name]);

export async function unpacked({ recording, pixels }) {
  if (typeof DecompressionStream === "undefined") throw new Error("this browser is too old to unpack them.");
  return storedMaps(recording, await inflate(bytesFromBase64(pixels)));
}

// The picture before the first part is a part, too: nothing is computed there.
function entrance(parts) {
  const shape = parts.find((p) => p.name === "conv_in").in;
  const nothing = { parameters: 0, flops: 0, skip: null, level: 0, residual: null, heads: 0, layers: [] };
  return { name: "x_t", kind: "input", in: shape, out: shape, ...nothing };
}

export function networksOf(models) {
  const sum = (parts, key) => parts.reduce((total, p) => total + p[key], 0);
  return models.map(({ label, parts }) => {
    const totals = { parameters: sum(parts, "parameters"), flops: sum(parts, "flops") };
    return { label, parts: [entrance(parts), ...parts], ...totals };
  });
}

// What is stored of a part at the step now shown: feature maps, and a row of its attention. Only the first network has
// them, and only parts with positions.
export function storedOf(now, { recording, stored }, part, most) {
  const has = now.model === 0 && stored;
  const entry = has ? recording.maps[part] : null;
  const name = has ? attentionOf(recording, part) : null;
  const step = recording?.ts.indexOf(now.t) ?? -1;
  const channels = entry ? entry.channels.slice(0, most) : [];
  return {
    ...{ channels, side: entry?.side ?? 0, scale: entry ? entry.scale[step] : null },
    map: (k) => stored.map(part, step, k),
    attention: name ? attentionAt(recording, stored, name, step, now.query) : null,
  };
}

function attentionAt(recording, stored, name, step, query) {
  const { side, largest } = recording.attention[name];
  const at = Math.min(query, side * side - 1);
  const { channels, side: pixels } = recording.maps.x_t;
  return {
    ...{ query: at, side, pixels, channels: channels.length, most: largest[step][at] / 1000 },
    picture: () => Float64Array.from(channels.flatMap((_, k) => [...stored.map("x_t", step, k)])),
    look: () => stored.look(name, step, at),
  };
}

// The part now chosen, in its network: the numbers that are published.
export function factsOf(now, network, p, ts, shown) {
  const { label, parts, parameters, flops } = network;
  const shares = { parameters_share: p.parameters / parameters, flops_share: p.flops / flops };
  const { attention } = shown;
  return {
    ...{
      model: now.model,
      label,
      part: p.name,
      index: parts.indexOf(p),
      kind: p.kind,
      in_shape: p.in,
      out_shape: p.out,
    },
    ...{ parameters: p.parameters, flops: p.flops, ...shares, total_parameters: parameters, total_flops: flops },
    ...{ skip: p.skip, joins: parts.find((other) => other.skip === p.name)?.name ?? null, residual: p.residual },
    ...{ heads: p.heads, level: p.level, t: now.t, ts, maps: shown.channels.length, channels: shown.channels },
    ...{ scale: shown.scale, query: attention?.query ?? now.query, query_largest: attention?.most ?? null },
  };
}
