// Where the parts of a U stand, from the rows of a network's trace: encoder on the left, going down; middle; decoder on
// the right, going up. An encoder part stands level with the block that it is concatenated to, so that skips lead
// straight across. The twin of fallback.py beside it; no page needed.
import { clamp } from "../kit/numbers.mjs";

const ROW = 32; // name and shape, in two lines
const BOTTOM = 62; // the middle parts have their names below
const TOP = 10;
const BOW = 16; // room for the bow of a residual connection
export const WIDE = 560; // from this width on the letters are larger
const labelOf = (width) => (width < WIDE ? 72 : 86);

// Where each part stands: {name: {side: "left" | "right" | "below", line}}; `lines` of the two arms.
export function arrange(parts) {
  const ups = parts.filter((p) => p.name.startsWith("up."));
  const middle = parts.filter((p) => p.name.startsWith("middle"));
  const tail = parts.filter((p) => p.name.endsWith("_out"));
  const head = parts.filter((p) => p.kind.endsWith("Embedding"));
  const top = Math.max(tail.length, head.length + 1);
  const places = { x_t: { side: "left", line: top - 1 } };
  head.forEach((p, i) => (places[p.name] = { side: "left", line: i }));
  tail.forEach((p, i) => (places[p.name] = { side: "right", line: top - 1 - i }));
  [...ups].reverse().forEach((p, i) => {
    places[p.name] = { side: "right", line: top + i };
    if (p.skip) places[p.skip] = { side: "left", line: top + i };
  });
  middle.forEach((p, i) => (places[p.name] = { side: "below", line: top + ups.length + i }));
  return { places, lines: top + ups.length, below: middle.map((p) => p.name) };
}

// The box of each part for a diagram of this width: bar (x, y, w, h; as wide as it has channels, as high as it has
// positions), the point of the way where the data leave it, and the area that can be clicked.
export function boxes(parts, width) {
  const { places, lines, below } = arrange(parts);
  const arm = (width - clamp(0.1 * width, 36, 80)) / 2;
  const label = labelOf(width);
  const widest = Math.max(...parts.filter((p) => p.out.length === 3).map((p) => p.out[0]));
  const found = {};
  for (const p of parts) {
    const { side, line } = places[p.name];
    const flat = p.out.length < 3;
    const length = flat ? 16 : Math.max(12, (arm - label - BOW) * (p.out[0] / widest));
    const height = flat ? 5 : Math.max(5, 19 - 4.5 * p.level);
    if (side === "below") {
      const cell = width / below.length;
      const x = below.indexOf(p.name) * cell;
      const y = TOP + lines * ROW + 16;
      found[p.name] = {
        side,
        bar: [x + (cell - length) / 2, y - height / 2, length, height],
        at: [x + cell / 2, y],
        area: [x, y - 14, cell, BOTTOM - 4],
      };
    } else {
      const y = TOP + (line + 0.5) * ROW;
      const x = side === "left" ? label + BOW : width - label - BOW - length;
      found[p.name] = {
        side,
        flat,
        bar: [x, y - height / 2, length, height],
        at: [side === "left" ? x + 5 : x + length - 5, y],
        area: [side === "left" ? 0 : width - arm, y - ROW / 2, arm, ROW],
      };
    }
  }
  return { found, height: TOP + lines * ROW + BOTTOM };
}

// A bar that narrows (DownSample) or widens (UpSample) in the direction of the data is drawn as a trapezium.
export function outline({ bar: [x, y, w, height] }, kind) {
  const cut = Math.min(8, w / 4);
  const [above, under] = kind === "DownSample" ? [0, cut] : kind === "UpSample" ? [cut, 0] : [0, 0];
  return `M${x + above} ${y}H${x + w - above}L${x + w - under} ${y + height}H${x + under}Z`;
}

// The way round a block: leaves the data's way before it, and comes back after it.
export function bow({ side, at: [x, y], bar: [left, , w] }) {
  if (side === "below")
    return {
      d: `M${left - 6} ${y}C${left - 4} ${y - 17} ${left + w + 4} ${y - 17} ${left + w + 6} ${y}`,
      knot: [x, y - 13],
    };
  const out = side === "left" ? -1 : 1;
  const edge = (side === "left" ? left : left + w) + out * 11;
  return { d: `M${x} ${y - 13}C${edge} ${y - 14} ${edge} ${y + 14} ${x} ${y + 13}`, knot: [edge - out * 4, y] };
}

export function skipLine(from, to) {
  const [x0, x1] = [from.bar[0] + from.bar[2] + 2, to.bar[0] - 3];
  const y = from.at[1];
  return `M${x0} ${y}C${x0 + (x1 - x0) / 3} ${y - 5} ${x1 - (x1 - x0) / 3} ${y - 5} ${x1} ${y}`;
}

// The data's way through all parts that have positions.
export function way(parts, found) {
  const stops = parts.filter((p) => p.out.length === 3).map((p) => found[p.name]);
  let d = `M${stops[0].at[0]} ${stops[0].at[1] - 12}`;
  stops.forEach(({ side, at: [x, y] }, i) => {
    const before = i ? stops[i - 1].side : side;
    // Into the middle: down first, then across. Out of it: across first, then up.
    if (side === "below" && before === "left") d += `V${y}H${x}`;
    else if (side === "right" && before !== "right") d += `H${x}V${y}`;
    else d += `L${x} ${y}`;
  });
  const [x, y] = stops.at(-1).at;
  return `${d}V${y - 16}m-4 5l4 -5l4 5M${x} ${y}`; // ends in an arrow
}

// Stripes of equal resolution behind both arms: [[top, bottom], ...]
export function stripes(parts, found) {
  const spans = new Map();
  for (const p of parts) {
    const { side, area } = found[p.name];
    if (p.out.length < 3 || side === "below") continue;
    const span = spans.get(p.level) || [Infinity, -Infinity];
    spans.set(p.level, [Math.min(span[0], area[1]), Math.max(span[1], area[1] + area[3])]);
  }
  return [...spans].filter(([level]) => level % 2 === 1).map(([, span]) => span);
}
