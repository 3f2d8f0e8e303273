// A small chart in SVG: lines, bars, a marker that all charts of a widget share. Colours follow the theme by CSS.
import { clamp, h, text } from "./common.mjs";

const PAD = { left: 30, right: 6, top: 8, bottom: 18 };
let charts = 0;

// x, y: {min, max, ticks: [[value, words], ...]}; onx(value) makes the chart a second handle for x.
export function chart({ title, colour, x, y, onx }) {
  const clipId = `de-clip-${Date.now().toString(36)}-${charts++}`;
  const value = h("b");
  const grid = h("svg:g");
  const area = h("svg:path", { class: `de-area de-${colour}` });
  const thin = h("svg:path", { class: "de-line de-thin de-grey" });
  const line = h("svg:path", { class: `de-line de-${colour}` });
  const mark = h("svg:line", { class: "de-mark" });
  const dot = h("svg:circle", { class: `de-dot de-${colour}`, r: 5 });
  const box = h("svg:rect");
  const clipped = h("svg:g", { "clip-path": `url(#${clipId})` }, area, thin, line);
  const svg = h("svg:svg", { role: "img", "aria-label": "chart" }, h("svg:clipPath", { id: clipId }, box), grid, clipped, mark, dot);
  const head = h("div", { class: "de-chart-head" }, h("span", {}, title), value);
  const el = h("div", { class: `de-chart${onx ? " de-x" : ""}` }, head, svg);
  const state = { x, y, lines: {}, bars: null, at: null, width: 200, height: 130 };

  const px = (v) => PAD.left + ((v - state.x.min) / (state.x.max - state.x.min)) * (state.width - PAD.left - PAD.right);
  const py = (v) => {
    const share = (clamp(v, state.y.min - 1e9, state.y.max + 1e9) - state.y.min) / (state.y.max - state.y.min);
    return state.height - PAD.bottom - clamp(share, -1, 2) * (state.height - PAD.top - PAD.bottom);
  };

  function path(points) {
    if (!points) return "";
    const [xs, ys] = points;
    // No more points than pixels: 1000 steps on 200 pixels draw the same line with a fifth of the work.
    const stride = Math.max(1, Math.floor(xs.length / 250));
    let d = "";
    for (let i = 0; i < xs.length; i += i + stride < xs.length || i === xs.length - 1 ? stride : xs.length - 1 - i) {
      d += `${d ? "L" : "M"}${px(xs[i]).toFixed(1)} ${py(ys[i]).toFixed(1)}`;
    }
    return d;
  }

  function drawBars() {
    if (!state.bars) return "";
    const { low, width, heights } = state.bars;
    let d = "";
    heights.forEach((v, i) => {
      if (v > 0) d += `M${px(low + i * width).toFixed(1)} ${py(0)}V${py(v).toFixed(1)}H${(px(low + (i + 1) * width) - 0.6).toFixed(1)}V${py(0)}Z`;
    });
    return d;
  }

  function drawGrid() {
    const { width, height } = state;
    const nodes = [];
    for (const [v, words] of state.y.ticks) {
      nodes.push(h("svg:line", { class: "de-grid", x1: PAD.left, x2: width - PAD.right, y1: py(v), y2: py(v) }));
      nodes.push(h("svg:text", { x: PAD.left - 4, y: py(v) + 3, "text-anchor": "end" }, words));
    }
    const last = state.x.ticks.length - 1;
    state.x.ticks.forEach(([v, words], i) => {
      const anchor = i === 0 ? "start" : i === last ? "end" : "middle";
      // about 6 px a letter: a tick that would touch the last one's words is left out
      if (i && i < last && px(v) + 3 * words.length + 8 > px(state.x.ticks[last][0]) - 6 * state.x.ticks[last][1].length) return;
      nodes.push(h("svg:text", { x: px(v), y: height - 5, "text-anchor": anchor }, words));
    });
    grid.replaceChildren(...nodes);
    for (const [k, v] of Object.entries({ x: PAD.left, y: PAD.top - 3, width: Math.max(0, width - PAD.left - PAD.right), height: height - PAD.top - PAD.bottom + 4 })) box.setAttribute(k, v);
  }

  function drawMarker() {
    const shown = state.at ? "visible" : "hidden";
    mark.setAttribute("visibility", shown);
    dot.setAttribute("visibility", shown);
    if (!state.at) return;
    const [mx, my] = [px(state.at[0]), py(clamp(state.at[1], state.y.min, state.y.max))];
    for (const [k, v] of Object.entries({ x1: mx, x2: mx, y1: PAD.top, y2: state.height - PAD.bottom })) mark.setAttribute(k, v);
    dot.setAttribute("cx", mx);
    dot.setAttribute("cy", my);
  }

  function drawLines() {
    line.setAttribute("d", path(state.lines.main));
    thin.setAttribute("d", path(state.lines.thin));
    area.setAttribute("d", drawBars());
  }

  function redraw() {
    drawGrid();
    drawLines();
    drawMarker();
    api.onlayout?.();
  }

  const watcher = new ResizeObserver(() => {
    const width = Math.round(svg.clientWidth || svg.getBoundingClientRect().width);
    if (width && width !== state.width) {
      state.width = width;
      redraw();
    }
  });
  watcher.observe(svg);

  if (onx) {
    const follow = (event) => {
      const inside = state.width - PAD.left - PAD.right;
      const share = clamp((event.clientX - svg.getBoundingClientRect().left - PAD.left) / inside, 0, 1);
      onx(state.x.min + share * (state.x.max - state.x.min));
    };
    svg.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      svg.setPointerCapture(event.pointerId);
      follow(event);
    });
    svg.addEventListener("pointermove", (event) => svg.hasPointerCapture(event.pointerId) && follow(event));
  }

  const api = {
    el, svg, px, py, state,
    // New axes and what they show, in one drawing.
    domain(axes, main, second) {
      Object.assign(state, axes, { lines: { main, thin: second } });
      redraw();
    },
    lines(main, second) {
      state.lines = { main, thin: second };
      drawLines();
    },
    bars(low, width, heights) {
      state.bars = { low, width, heights };
      area.setAttribute("d", drawBars());
    },
    marker(at, words) {
      state.at = at;
      drawMarker();
      if (words != null) text(value, words);
    },
    label: (words) => svg.setAttribute("aria-label", words),
    // The value at a height in pixels, for handles that are dragged up and down.
    valueAt: (clientY) => {
      const inside = state.height - PAD.top - PAD.bottom;
      const share = (state.height - PAD.bottom - (clientY - svg.getBoundingClientRect().top)) / inside;
      return state.y.min + share * (state.y.max - state.y.min);
    },
    destroy: () => watcher.disconnect(),
  };
  redraw();
  return api;
}

// Five even ticks of the steps 0..T
export function stepTicks(T) {
  return [[0, "0"], [Math.round(T / 2), String(Math.round(T / 2))], [T, `T = ${T}`]];
}
