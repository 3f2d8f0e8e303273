// <unet-explorer>: a U-Net as a diagram; choose a part and see its shapes, its costs, what it does, and its feature maps.
//
// Controls (data-role): model, t, part, part-number, prev, play, next, query, query-number, layers, table;
// box (one a part, data-name) are the parts of the diagram: click, or arrow keys along the way of the data.
// state: {model, label, part, index, kind, in_shape, out_shape, parameters, flops, parameters_share, flops_share,
//         total_parameters, total_flops, skip, joins, residual, heads, level, t, ts, maps, channels, scale, query,
//         query_largest, layers, table, ready}; maps is the number of feature maps on show
import { announcer, bytesFromBase64, clamp, h, iconButton, inflate, makeWidget, onceAFrame, paint, pixelCanvas, player, publish, reducedMotion, select, slider, text, viewOf } from "./common.mjs";
import { diagram, shapeWords } from "./unet_diagram.mjs";
import { UE_CSS, detailView, foldable, legend, lookView, tableOf } from "./unet_views.mjs";
import { explain, grouped, inOut, joins, layerName, residual, rough, share } from "./unet_words.mjs";

const UE_SHARED = ["model", "part", "t", "query"];
const UE_PACE = 0.9; // seconds a part while walking

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
const attentionOf = (recording, part) => recording && [`${part}.self_attention`, `${part}.attention.self_attention`].find((name) => recording.attention[name]);

function pixelsOf(canvas, values, channels, side) {
  if (canvas.width !== side) canvas.width = canvas.height = side;
  paint(canvas, values, channels, side);
}

function mountUnet(root, data, changed) {
  const { size, models, recording } = data;
  if (!Number.isInteger(size) || !models?.length) throw new Error("there is no network to draw.");
  const now = Object.fromEntries(UE_SHARED.map((name) => [name, data[name]]));
  const open = { layers: false, table: false };
  const ts = recording?.ts ?? [];
  let stored = null;
  let message = "";
  let drawn = { model: -1, table: -1 };

  // The picture before the first part is a part, too: nothing is computed there.
  const entrance = (parts) => ({ name: "x_t", kind: "input", in: parts.find((p) => p.name === "conv_in").in, out: parts.find((p) => p.name === "conv_in").in, parameters: 0, flops: 0, skip: null, level: 0, residual: null, heads: 0, layers: [] });
  const networks = models.map(({ label, parts }) => ({ label, parts: [entrance(parts), ...parts], parameters: parts.reduce((sum, p) => sum + p.parameters, 0), flops: parts.reduce((sum, p) => sum + p.flops, 0) }));
  const network = () => networks[now.model];
  const of = (name) => network().parts.find((p) => p.name === name);
  const index = () => network().parts.findIndex((p) => p.name === now.part);

  const goTo = (name) => {
    play.stop();
    change({ part: name });
  };
  const goToIndex = (i) => goTo(network().parts[clamp(i, 0, network().parts.length - 1)].name);
  const controls = {
    model: select({ role: "model", label: "Network", options: networks.map((n, i) => [String(i), n.label]), value: String(now.model), onpick: (v) => changeModel(Number(v)) }),
    t: select({ role: "t", label: "feature maps at", options: ts.map((t) => [String(t), `t = ${t}`]), value: String(now.t), onpick: (v) => change({ t: Number(v) }) }),
    part: slider({ role: "part", label: "part", name: "part, along the way of the data", min: 0, max: 1, colour: "teal", oninput: goToIndex }),
  };
  const buttons = {
    prev: iconButton("prev", "prev", "One part back", () => goToIndex(index() - 1)),
    play: iconButton("play", "play", "Walk through", null, true),
    next: iconButton("next", "next", "One part on", () => goToIndex(index() + 1)),
  };
  const picture = diagram(goTo);
  const totals = h("p", { class: "de-note" });
  const detail = detailView();
  const look = lookView((query) => change({ query }));
  const room = h("div", { class: "de-ue-room" }, look.el); // keeps its height when a part has no attention
  const layers = foldable("layers", "layers inside", "Layers of the part");
  const table = foldable("table", "all parts as a table", "All parts of the network");
  for (const [name, fold] of Object.entries({ layers, table })) {
    fold.el.addEventListener("click", () => {
      open[name] = !open[name];
      ask();
    });
  }
  const status = h("p", { class: "de-status" });
  const live = announcer();
  const panel = h("div", { class: "de-panel", role: "group", "aria-label": "Explorer of a U-Net" },
    h("style", {}, UE_CSS),
    h("div", { class: "de-row" }, controls.model.el, ts.length ? controls.t.el : null),
    totals,
    h("div", { class: "de-ue-walk" }, h("div", { class: "de-row" }, buttons.prev.el, buttons.play.el, buttons.next.el), controls.part.el),
    status,
    h("div", { class: "de-ue-main" },
      h("div", { class: "de-ue-left" }, h("div", { class: "de-ue-u" }, picture.el, legend()), room),
      h("div", { class: "de-ue-right" }, h("div", { class: "de-ue-detail" }, detail.title, detail.say, detail.facts, detail.maps, detail.note),
        h("div", { class: "de-ue-folds" }, h("div", { class: "de-row" }, layers.el, table.el), layers.box))),
    table.box, live.el);
  root.append(panel);

  function change(patch) {
    Object.assign(now, patch);
    changed(patch);
    ask();
  }

  function changeModel(model) {
    play.stop();
    const stays = networks[model].parts.some((p) => p.name === now.part);
    change(stays ? { model } : { model, part: "x_t" });
  }

  function drawModel() {
    drawn = { model: now.model, table: -1 };
    const { label, parts, parameters, flops } = network();
    picture.draw(parts);
    text(totals, `${label}: ${grouped(parameters)} parameters, ${rough(flops)} floating-point operations for one picture of ${size}×${size}. A bar is as wide as the part has channels, and the higher the larger the picture there.`);
  }

  function drawTable() {
    drawn.table = now.model;
    const { parts, parameters, flops } = network();
    const rows = parts.map((p) => [p.name, p.kind, inOut(p, of), grouped(p.parameters), share(p.parameters, parameters), rough(p.flops), share(p.flops, flops), p.skip ?? "", p.residual ?? "", p.heads || ""]);
    table.box.replaceChildren(tableOf(`${network().label}: ${grouped(parameters)} parameters, ${rough(flops)} operations`, ["part", "kind", "in → out", "parameters", "share", "operations", "share", "skip from", "residual", "heads"], rows, [3, 4, 5, 6]));
  }

  function drawFacts(p) {
    const { parameters, flops } = network();
    detail.title.replaceChildren(p.name, " ", h("span", {}, p.kind === "input" ? "the input" : p.kind));
    text(detail.say, explain(p, of));
    const rows = [["shape", inOut(p, of)], ["parameters", `${grouped(p.parameters)} (${share(p.parameters, parameters)})`], ["operations", `${rough(p.flops)} (${share(p.flops, flops)})`], ["skip", joins(p, network().parts, of)], ["residual", residual(p, of)]];
    detail.facts.replaceChildren(...rows.flatMap(([name, words]) => [h("dt", {}, name), h("dd", {}, words || "none")]));
    layers.el.hidden = !p.layers.length;
    layers.box.hidden = !open.layers || !p.layers.length;
    layers.el.setAttribute("aria-expanded", String(open.layers));
    if (!layers.box.hidden) layers.box.replaceChildren(tableOf(`Layers of ${p.name}`, ["layer", "channels", "parameters", "operations"], p.layers.map(([name, , a, b, n, f]) => [layerName(name), `${a} → ${b}`, grouped(n), rough(f)]), [2, 3]));
    table.box.hidden = !open.table;
    table.el.setAttribute("aria-expanded", String(open.table));
    if (open.table && drawn.table !== now.model) drawTable();
  }

  // The feature maps of the part; only the first network has them, and only parts with positions.
  function drawMaps(p) {
    const entry = now.model === 0 && stored ? recording.maps[p.name] : null;
    const step = ts.indexOf(now.t);
    detail.maps.hidden = !entry;
    const shown = entry ? entry.channels.slice(0, detail.canvases.length) : [];
    detail.frames.forEach((frame, k) => {
      frame.hidden = k >= shown.length;
      if (frame.hidden) return;
      pixelsOf(detail.canvases[k], stored.map(p.name, step, k), 1, entry.side);
      detail.canvases[k].setAttribute("aria-label", `feature map of ${p.name}, channel ${shown[k]}, at t = ${now.t}`);
      text(frame.querySelector("figcaption"), `channel ${shown[k]}`);
    });
    text(detail.note, message || (entry
      ? `${shown.length < p.out[0] ? `${shown.length} of ${p.out[0]} channels at ` : "At "}t = ${now.t}: grey is 0, white ${entry.scale[step]}, black −${entry.scale[step]}.`
      : now.model === 0 && ts.length ? (p.out.length < 3 ? "A vector: it has no positions, so no picture." : "Not kept for this part.") : ts.length ? `Feature maps are stored for ${networks[0].label}.` : ""));
    return { maps: shown.length, channels: shown, scale: entry ? entry.scale[step] : null };
  }

  function drawLook(p) {
    const name = now.model === 0 && stored ? attentionOf(recording, p.name) : null;
    look.el.hidden = !name;
    room.classList.toggle("de-on", now.model === 0 && ts.length > 0);
    if (!name) return null;
    const { side, largest } = recording.attention[name];
    const step = ts.indexOf(now.t);
    const at = Math.min(now.query, side * side - 1);
    look.show(side, at);
    const { channels, side: pixels } = recording.maps.x_t;
    pixelsOf(look.canvases.picture, Float64Array.from(channels.flatMap((_, k) => [...stored.map("x_t", step, k)])), channels.length, pixels);
    pixelsOf(look.canvases.look, stored.look(name, step, at), 1, side);
    const most = largest[step][at] / 1000;
    const words = `row ${Math.floor(at / side) + 1}, column ${(at % side) + 1} of ${side}×${side}`;
    look.canvases.picture.setAttribute("aria-label", `the noisy picture, with the position in ${words} marked`);
    look.canvases.look.setAttribute("aria-label", `where the position in ${words} looks`);
    look.query.range.setAttribute("aria-valuetext", words);
    text(look.note, `Attention of ${words}, mean of the heads: white is ${(100 * most).toFixed(1)} %. Even attention would give every position ${(100 / side ** 2).toFixed(1)} %.`);
    return { query: at, query_largest: most };
  }

  const ask = onceAFrame(() => {
    if (drawn.model !== now.model) drawModel();
    const p = of(now.part) ?? network().parts[0];
    const { parts, label, parameters, flops } = network();
    const i = parts.indexOf(p);
    picture.pick(p.name);
    controls.model.input.value = String(now.model);
    controls.t.input.value = String(now.t);
    controls.t.input.disabled = now.model !== 0;
    controls.part.limit(0, parts.length - 1);
    controls.part.set(i);
    const place = i ? `${p.name}, part ${i} of ${parts.length - 1}` : "x_t, what comes in";
    controls.part.range.setAttribute("aria-valuetext", place);
    drawFacts(p);
    const maps = drawMaps(p);
    const seen = drawLook(p);
    const at = ts.length && now.model === 0 ? `, t = ${now.t}` : "";
    status.replaceChildren(h("b", {}, `${place}${at}`), `: ${inOut(p, of)}, ${share(p.parameters, parameters)} of the parameters, ${share(p.flops, flops)} of the operations.`);
    live.say(`${p.name}${at}: ${inOut(p, of)}. ${explain(p, of)}${p.skip ? ` Skip connection from ${p.skip}.` : ""}`);
    publish(root, {
      model: now.model, label, part: p.name, index: i, kind: p.kind, in_shape: p.in, out_shape: p.out, parameters: p.parameters, flops: p.flops,
      parameters_share: p.parameters / parameters, flops_share: p.flops / flops, total_parameters: parameters, total_flops: flops,
      skip: p.skip, joins: parts.find((other) => other.skip === p.name)?.name ?? null, residual: p.residual, heads: p.heads, level: p.level,
      t: now.t, ts, ...maps, query: seen?.query ?? now.query, query_largest: seen?.query_largest ?? null, layers: p.layers.length, table: open.table, ready: !recording || Boolean(stored || message),
    });
  });

  let waited = 0;
  const play = player(buttons.play, (seconds) => {
    waited += reducedMotion() ? UE_PACE : seconds;
    if (waited < UE_PACE) return true;
    waited = 0;
    const { parts } = network();
    const next = index() >= parts.length - 1 ? 0 : index() + 1;
    change({ part: parts[next].name });
    return next < parts.length - 1;
  }, "Walk through");

  async function unpack() {
    if (typeof DecompressionStream === "undefined") throw new Error("this browser is too old to unpack them.");
    stored = storedMaps(recording, await inflate(bytesFromBase64(data.pixels)));
  }
  if (recording) {
    unpack().catch((error) => {
      message = `The feature maps cannot be shown: ${error.message}`;
    }).finally(ask);
  } else ask();

  return viewOf(now, ask, play, ask, live, picture, panel);
}

const unetExplorer = makeWidget("unet-explorer", mountUnet, UE_SHARED);
export default unetExplorer;
