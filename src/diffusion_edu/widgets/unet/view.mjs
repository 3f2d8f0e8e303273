// What is seen of <unet-explorer>: the diagram, and the part that is chosen in it.
import { iconButton, select, slider } from "../kit/controls.mjs";
import { h, note, panel, row, text } from "../kit/dom.mjs";
import { watch } from "../kit/memo.mjs";
import { thousands } from "../kit/numbers.mjs";
import { MAPS, detailView, foldable, legend, lookView, tableOf } from "./detail.mjs";
import { diagram } from "./diagram.mjs";
import { TABLE_HEAD, layerRows, rough, tableRows, totalWords } from "./words.mjs";

const CSS = `
.de-ue-main{display:grid;grid-template-columns:minmax(0,1fr);gap:14px 20px;align-items:start}
.de-ud{position:relative;width:100%}.de-ud svg{position:absolute;inset:0;width:100%;height:100%;display:block;
  overflow:visible}
.de-ud-stripe{fill:var(--w-soft)}
.de-ud-way{fill:none;stroke:color-mix(in srgb,var(--w-grey) 60%,transparent);stroke-width:2}
.de-ud-bar{fill:color-mix(in srgb,var(--w-grey) 55%,var(--w-surface));stroke:var(--w-surface);stroke-width:1}
.de-ud-bar.de-on{fill:var(--w-teal)}.de-ud-bar.de-near{fill:var(--w-orange)}.de-ud-bar.de-told{fill:var(--w-violet)}
.de-ud-skip{fill:none;stroke:var(--w-orange);stroke-width:1.5;opacity:.75}.de-ud-skip.de-on{stroke-width:3.5;opacity:1}
.de-ud-residual{fill:none;stroke:var(--w-blue);stroke-width:1.5;stroke-dasharray:3 2}.de-ud-knot{fill:var(--w-blue)}
.de-ud-attention{fill:var(--w-violet);stroke:var(--w-surface);stroke-width:1}
.de-ud-part{position:absolute;display:flex;flex-direction:column;justify-content:center;cursor:pointer;
  border-radius:6px;font-size:12px;line-height:1.15;white-space:nowrap}
.de-ud-part b{font-weight:600}.de-ud-part span{color:var(--w-muted)}
.de-ud-left{align-items:flex-start;padding-left:4px}.de-ud-right{align-items:flex-end;padding-right:4px}
.de-ud-below{align-items:center;justify-content:flex-end;padding-bottom:2px}
.de-ud-part:hover{background:var(--w-soft)}
.de-ud-part[aria-selected=true] b{color:var(--w-teal)}
.de-ud-part:focus-visible{outline:2px solid var(--w-teal);outline-offset:-1px}
.de-ue-legend{display:flex;flex-wrap:wrap;gap:2px 14px;margin:0;padding:0;list-style:none;font-size:.75rem;
  color:var(--w-muted)}
.de-ue-legend li{display:flex;align-items:center;gap:5px;margin:0}.de-ue-legend svg{width:26px;height:12px;
  overflow:visible;flex:none}
.de-ue-detail,.de-ue-folds,.de-ue-show{display:grid;gap:8px;align-content:start;min-width:0}
.de-ue-title{margin:0;font-size:1rem;font-weight:600}.de-ue-title span{font-weight:400;color:var(--w-muted);
  font-size:.8125rem}
.de-ue-say{margin:0;min-height:4.2em}
.de-widget dl.de-ue-facts{display:grid;grid-template-columns:auto minmax(0,1fr);gap:3px 10px;margin:0;
  font-size:.8125rem}
.de-widget .de-ue-facts dt{margin:0;padding:0;font-weight:400;color:var(--w-muted)}.de-widget .de-ue-facts dd{
  margin:0;padding:0}
.de-widget :is(.de-ue-maps,.de-ue-pair) figure{margin:0;padding:0;border:0}
.de-ue-maps{display:grid;grid-template-columns:repeat(${MAPS},minmax(0,1fr));gap:8px}
.de-ue-maps figcaption{font-size:.75rem;line-height:1.2}
.de-ue-place.de-on{display:grid;gap:4px;align-content:start;container-type:inline-size}
.de-ue-place.de-on .de-note{min-height:1.4em}
.de-ue-place.de-on::before{content:"";grid-area:1/1;height:calc((100cqw - 24px)/4 + 20px)}
.de-ue-place.de-on>.de-ue-maps{grid-area:1/1}
.de-ue-room{min-width:0}.de-ue-look{display:grid;gap:8px}
.de-ue-pair{display:grid;grid-template-columns:7rem 7rem minmax(0,1fr);gap:10px}.de-ue-look canvas{cursor:crosshair}
.de-ue-spot{position:relative}.de-ue-spot i{position:absolute;border:2px solid var(--w-orange);border-radius:2px;
  pointer-events:none}
.de-ue-scroll{overflow-x:auto;border-radius:6px}.de-ue-scroll:focus-visible{outline:2px solid var(--w-teal);
  outline-offset:2px}
.de-ue-scroll table{border-collapse:collapse;width:100%;margin:0;font-size:.75rem;display:table}
.de-ue-scroll caption{text-align:left;color:var(--w-muted);padding:0 0 4px;caption-side:top;font-size:.75rem}
.de-widget .de-ue-scroll :is(td,th){padding:2px 9px 2px 0;line-height:1.35;text-align:left;border:0;
  border-bottom:1px solid var(--w-border);white-space:nowrap;background:none;color:inherit}
.de-ue-scroll th{font-weight:600}.de-widget .de-ue-scroll .de-n{text-align:right}
.de-ue-walk{display:grid;grid-template-columns:auto 1fr;gap:6px 12px;align-items:center}
.de-ud.de-wide .de-ud-part{font-size:13px}
@container (min-width:620px){.de-ue-main{grid-template-columns:minmax(0,1fr) minmax(0,1fr)}.de-ue-detail{
  min-height:14rem}}
@container (max-width:520px){.de-ue-walk{grid-template-columns:auto minmax(0,1fr);gap:8px}.de-ue-walk .de-row{gap:4px;
  flex-wrap:nowrap}.de-ue-walk .de-slider>label{display:none}.de-widget .de-ue-walk input[type=number]{width:3.4rem}
.de-ue-place.de-on .de-note{min-height:2.8em}
.de-ue-detail{min-height:15rem}.de-ue-pair{grid-template-columns:1fr 1fr}.de-ue-pair .de-note{grid-column:1/-1}
.de-status{min-height:4.2em}
.de-ue-status,.de-ue-legend,.de-ue-main,.de-ue-main~*{order:1}.de-ue-total{order:2}}
`;

function controlsOf(now, networks, ts, on) {
  const models = networks.map((n, i) => [String(i), n.label]);
  const times = ts.map((t) => [String(t), `t = ${t}`]);
  const part = { role: "part", label: "part", name: "part, along the way of the data", min: 0, max: 1, colour: "teal" };
  return {
    model: select({
      ...{ role: "model", label: "Network", options: models, value: String(now.model) },
      onpick: (v) => on.model(Number(v)),
    }),
    t: select({
      ...{ role: "t", label: "feature maps at", options: times, value: String(now.t) },
      onpick: (v) => on.change({ t: Number(v) }),
    }),
    part: slider({ ...part, oninput: on.goTo }),
  };
}

function drawControls(c, now, last, index, place) {
  c.model.input.value = String(now.model);
  c.t.input.value = String(now.t);
  c.t.input.disabled = now.model !== 0;
  c.part.limit(0, last);
  c.part.set(index);
  c.part.range.setAttribute("aria-valuetext", place);
}

// The layers of the part, and the table of all parts, behind a button each.
function foldsView(onfold) {
  const open = { layers: false, table: false };
  const fold = (name) => () => {
    open[name] = !open[name];
    onfold();
  };
  const layers = foldable("layers", "layers inside", "Layers of the part", fold("layers"));
  const table = foldable("table", "all parts as a table", "All parts of the network", fold("table"));
  const differs = watch();
  function drawTable(network, of) {
    const { label, parameters, flops } = network;
    const caption = `${label}: ${thousands(parameters)} parameters, ${rough(flops)} operations`;
    table.box.replaceChildren(tableOf(caption, TABLE_HEAD, tableRows(network, of), [3, 4, 5, 6]));
  }
  return {
    ...{ open, table: table.box },
    el: h("div", { class: "de-ue-folds" }, row(layers.el, table.el), layers.box),
    draw(p, network, of) {
      if (layers.open(open.layers, p.layers.length > 0)) {
        const head = ["layer", "channels", "parameters", "operations"];
        layers.box.replaceChildren(tableOf(`Layers of ${p.name}`, head, layerRows(p), [2, 3]));
      }
      if (table.open(open.table) && differs("table", network)) drawTable(network, of);
    },
  };
}

function layout({ controls, totals, buttons, status, picture, shown, below, folds }, hasMaps) {
  const walk = row(buttons.prev.el, buttons.play.el, buttons.next.el);
  return [
    ...[row(controls.model.el, hasMaps ? controls.t.el : null), totals],
    h("div", { class: "de-ue-walk" }, walk, controls.part.el),
    ...[status, picture, legend(), shown],
    h("div", { class: "de-ue-main" }, ...below),
    ...folds,
  ];
}

// on: {change(patch), goTo(index), by(steps), pick(name), model(index), redraw()}
export function unetView(now, { networks, ts, size }, on) {
  const controls = controlsOf(now, networks, ts, on);
  const buttons = {
    prev: iconButton("prev", "prev", "One part back", () => on.by(-1)),
    play: iconButton("play", "play", "Walk through", null, true),
    next: iconButton("next", "next", "One part on", () => on.by(1)),
  };
  const picture = diagram(on.pick);
  const totals = h("p", { class: "de-note de-ue-total" });
  const status = h("p", { class: "de-status de-ue-status" });
  const [detail, folds] = [detailView(), foldsView(on.redraw)];
  const look = lookView((query) => on.change({ query }));
  const none = note("This part has no attention.");
  const room = h("div", { class: "de-ue-room" }, look.el, none);
  const differs = watch();
  const shown = h("div", { class: "de-ue-show" }, detail.title, detail.place);
  const [below, last] = [
    [detail.el, room],
    [folds.el, folds.table],
  ];
  const parts = { controls, totals, buttons, status, picture: picture.el, shown, below, folds: last };
  return {
    ...{ play: buttons.play, picture, open: folds.open, most: MAPS },
    panel: panel("Explorer of a U-Net", CSS, ...layout(parts, ts.length > 0)),
    draw(p, network, of, kept, words) {
      if (differs("network", network)) {
        picture.draw(network.parts);
        text(totals, totalWords(network, size));
      }
      picture.pick(p.name);
      drawControls(controls, now, network.parts.length - 1, network.parts.indexOf(p), words.place);
      detail.draw(p, words);
      const hasMaps = now.model === 0 && ts.length > 0;
      detail.drawMaps(p.name, now.t, kept, hasMaps);
      folds.draw(p, network, of);
      look.draw(kept.attention);
      none.hidden = !hasMaps || kept.attention !== null;
      status.replaceChildren(h("b", {}, words.name), words.shares);
    },
  };
}
