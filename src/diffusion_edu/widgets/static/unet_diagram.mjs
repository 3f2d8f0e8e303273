// The U of a U-Net, drawn from the rows of its trace: encoder on the left, going down; middle; decoder on the right,
// going up. An encoder part stands level with the block that it is concatenated to, so that skips lead straight across.
import { clamp, h } from "./common.mjs";

const UD_ROW = 30; // a finger needs 24 pixels
const UD_BOTTOM = 58; // the middle parts have their names below
const UD_TOP = 10;
const UD_LABEL = 70; // name and shape, in two lines
const UD_BOW = 16; // room for the bow of a residual connection

// "16×16×128": height, width, channels, as the book writes it; (C,) -> "128 numbers"
export function shapeWords(shape) {
  if (shape.length === 0) return "t";
  return shape.length === 1 ? `${shape[0]} numbers` : `${shape[1]}×${shape[2]}×${shape[0]}`;
}

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
function boxes(parts, width) {
  const { places, lines, below } = arrange(parts);
  const arm = (width - clamp(0.1 * width, 36, 80)) / 2;
  const widest = Math.max(...parts.filter((p) => p.out.length === 3).map((p) => p.out[0]));
  const found = {};
  for (const p of parts) {
    const { side, line } = places[p.name];
    const flat = p.out.length < 3;
    const length = flat ? 16 : Math.max(12, (arm - UD_LABEL - UD_BOW) * (p.out[0] / widest));
    const height = flat ? 5 : Math.max(5, 19 - 4.5 * p.level);
    if (side === "below") {
      const cell = width / below.length;
      const x = below.indexOf(p.name) * cell;
      const y = UD_TOP + lines * UD_ROW + 16;
      found[p.name] = { side, bar: [x + (cell - length) / 2, y - height / 2, length, height], at: [x + cell / 2, y], area: [x, y - 14, cell, UD_BOTTOM - 4] };
    } else {
      const y = UD_TOP + (line + 0.5) * UD_ROW;
      const x = side === "left" ? UD_LABEL + UD_BOW : width - UD_LABEL - UD_BOW - length;
      found[p.name] = { side, flat, bar: [x, y - height / 2, length, height], at: [side === "left" ? x + 5 : x + length - 5, y], area: [side === "left" ? 0 : width - arm, y - UD_ROW / 2, arm, UD_ROW] };
    }
  }
  return { found, height: UD_TOP + lines * UD_ROW + UD_BOTTOM };
}

// A bar that narrows (DownSample) or widens (UpSample) in the direction of the data is drawn as a trapezium.
function outline({ bar: [x, y, w, height] }, kind) {
  const cut = Math.min(8, w / 4);
  const [above, under] = kind === "DownSample" ? [0, cut] : kind === "UpSample" ? [cut, 0] : [0, 0];
  return `M${x + above} ${y}H${x + w - above}L${x + w - under} ${y + height}H${x + under}Z`;
}

// The way round a block: leaves the data's way before it, and comes back after it.
function bow({ side, at: [x, y], bar: [left, , w] }) {
  if (side === "below") return { d: `M${left - 6} ${y}C${left - 4} ${y - 17} ${left + w + 4} ${y - 17} ${left + w + 6} ${y}`, knot: [x, y - 13] };
  const out = side === "left" ? -1 : 1;
  const edge = (side === "left" ? left : left + w) + out * 11;
  return { d: `M${x} ${y - 13}C${edge} ${y - 14} ${edge} ${y + 14} ${x} ${y + 13}`, knot: [edge - out * 4, y] };
}

function skipLine(from, to) {
  const [x0, x1] = [from.bar[0] + from.bar[2] + 2, to.bar[0] - 3];
  const y = from.at[1];
  return `M${x0} ${y}C${x0 + (x1 - x0) / 3} ${y - 5} ${x1 - (x1 - x0) / 3} ${y - 5} ${x1} ${y}`;
}

const path = (className, d) => h("svg:path", { class: className, d });

// The data's way through all parts that have positions.
function way(parts, found) {
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

// Stripes of equal resolution behind both arms.
function stripes(parts, found, width) {
  const spans = new Map();
  for (const p of parts) {
    const { side, area } = found[p.name];
    if (p.out.length < 3 || side === "below") continue;
    const span = spans.get(p.level) || [Infinity, -Infinity];
    spans.set(p.level, [Math.min(span[0], area[1]), Math.max(span[1], area[1] + area[3])]);
  }
  return [...spans].filter(([level]) => level % 2 === 1).map(([, [y0, y1]]) => h("svg:rect", { class: "de-ud-stripe", x: 0, y: y0, width, height: y1 - y0, rx: 6 }));
}

// onpick(name): a part was clicked or walked to with the keyboard.
export function diagram(onpick) {
  const svg = h("svg:svg", { "aria-hidden": "true" });
  const list = h("div", { role: "listbox", "aria-label": "Parts of the network, in the order of the data" });
  const el = h("div", { class: "de-ud" }, svg, list);
  const now = { parts: [], name: "", width: 0, options: new Map(), bars: new Map(), skips: new Map(), dot: null };

  function rebuild() {
    if (!now.width || !now.parts.length) return;
    const { parts, width } = now;
    const { found, height } = boxes(parts, width);
    now.found = found;
    el.style.height = `${height}px`;
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const nodes = [...stripes(parts, found, width), path("de-ud-way", way(parts, found))];
    now.bars = new Map(parts.map((p) => [p.name, path("de-ud-bar", outline(found[p.name], p.kind))]));
    now.skips = new Map(parts.filter((p) => p.skip).map((p) => [p.name, path("de-ud-skip", skipLine(found[p.skip], found[p.name]))]));
    nodes.push(...now.skips.values(), ...now.bars.values());
    for (const p of parts) {
      if (p.residual) {
        const { d, knot } = bow(found[p.name]);
        nodes.push(path("de-ud-residual", d));
        if (p.residual !== "identity") nodes.push(h("svg:rect", { class: "de-ud-knot", x: knot[0] - 3, y: knot[1] - 3, width: 6, height: 6 }));
      }
      if (p.heads) {
        const { bar, at, side } = found[p.name];
        nodes.push(h("svg:circle", { class: "de-ud-attention", cx: side === "left" ? bar[0] + bar[2] - 6 : bar[0] + 6, cy: at[1], r: 3.5 }));
      }
    }
    now.dot = h("svg:circle", { class: "de-dot de-teal", r: 5.5 });
    svg.replaceChildren(...nodes, now.dot);
    place();
    mark();
  }

  function place() {
    for (const p of now.parts) {
      const option = now.options.get(p.name);
      const { side, area } = now.found[p.name];
      option.className = `de-ud-part de-ud-${side}`;
      option.style.cssText = `left:${area[0]}px;top:${area[1]}px;width:${area[2]}px;height:${area[3]}px`;
    }
  }

  function mark() {
    const chosen = now.parts.find((p) => p.name === now.name);
    const joined = now.parts.find((p) => p.skip === now.name);
    const embedding = chosen?.kind.endsWith("Embedding");
    for (const [name, bar] of now.bars) {
      const part = now.parts.find((p) => p.name === name);
      const near = name === chosen?.skip || name === joined?.name;
      const told = embedding && /Block$/.test(part.kind);
      bar.setAttribute("class", `de-ud-bar${name === now.name ? " de-on" : near ? " de-near" : told ? " de-told" : ""}`);
    }
    for (const [name, line] of now.skips) line.setAttribute("class", `de-ud-skip${name === now.name || name === joined?.name ? " de-on" : ""}`);
    for (const [name, option] of now.options) {
      option.setAttribute("aria-selected", String(name === now.name));
      option.tabIndex = name === now.name ? 0 : -1;
    }
    const [x, y] = now.found[now.name].at;
    now.dot.setAttribute("cx", x);
    now.dot.setAttribute("cy", y);
  }

  list.addEventListener("keydown", (event) => {
    const i = now.parts.findIndex((p) => p.name === now.name);
    const last = now.parts.length - 1;
    const to = { ArrowDown: i + 1, ArrowRight: i + 1, ArrowUp: i - 1, ArrowLeft: i - 1, Home: 0, End: last }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const { name } = now.parts[clamp(to, 0, last)];
    onpick(name);
    now.options.get(name).focus();
  });

  const watcher = new ResizeObserver(() => {
    const width = Math.round(el.clientWidth);
    if (width && width !== now.width) {
      now.width = width;
      rebuild();
    }
  });
  watcher.observe(el);

  return {
    el,
    draw(parts) {
      now.parts = parts;
      now.name ||= parts[0].name;
      now.options = new Map(parts.map((p) => [p.name, h("div", {
        role: "option", "data-role": "box", "data-name": p.name, tabindex: -1,
        onclick: () => {
          onpick(p.name);
          now.options.get(p.name).focus({ preventScroll: true });
        },
      }, h("b", {}, p.name.replace("middle_", "")), h("span", {}, shapeWords(p.out)))]));
      list.replaceChildren(...now.options.values());
      if (!parts.some((p) => p.name === now.name)) now.name = parts[0].name;
      rebuild();
    },
    pick(name) {
      now.name = name;
      if (now.dot && now.found[name]) mark();
    },
    destroy: () => watcher.disconnect(),
  };
}
