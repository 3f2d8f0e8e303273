// The plane of <frechet-explorer>: the points and ellipses of two Gaussians, and the handles that move them.
import { h } from "../kit/dom.mjs";
import { clamp, number } from "../kit/numbers.mjs";
import { axesOf } from "../maths/frechet.mjs";
import { HANDLES } from "./words.mjs";

const HALF = 4; // the plane shown: -HALF..HALF on both axes
const UNIT = 100; // of the drawing
const STALK = 0.36; // how far beyond the end of its axis a handle sits: a flat ellipse has handles as well
const EDGE = HALF - 0.14; // no handle is placed further out: the outermost centre, 3.5, and its handles stay apart
const APART = 0.5; // the least distance between handles of the two Gaussians
const KEYS = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

const px = (x) => +(x * UNIT).toFixed(1);
const tidy = (value, i, limits) => clamp(+value.toFixed(i === 4 ? 0 : 2), limits[i][0], limits[i][1]);
const wrapped = (degrees) => ((((degrees + 180) % 360) + 360) % 360) - 180;

// An ellipse k times as wide as the standard deviations, as a path that a flat one can have as well.
function ellipse([x, y, ...g], k) {
  const [p, q, r, s] = axesOf([x, y, ...g]);
  let d = "";
  for (let i = 0; i < 72; i++) {
    const [c, w] = [k * Math.cos((i * Math.PI) / 36), k * Math.sin((i * Math.PI) / 36)];
    d += `${d ? "L" : "M"}${px(x + p * c + q * w)} ${px(-(y + r * c + s * w))}`;
  }
  return `${d}Z`;
}

// Where the handle of an axis is (0 the first, 1 the second, which is a quarter turn on), or that of the centre (-1).
function handlePlace(g, axis) {
  if (axis < 0) return g.slice(0, 2);
  const turn = ((g[4] + 90 * axis) * Math.PI) / 180;
  const way = g[2 + axis] + STALK;
  return [g[0] + way * Math.cos(turn), g[1] + way * Math.sin(turn)];
}

// The places where the handles of a Gaussian are seen: on their stalks, none outside the plane.
function seenPlaces(g) {
  return HANDLES.map(([axis]) => {
    const place = handlePlace(g, axis);
    const share = place.map((v, i) => (Math.abs(v) > EDGE ? (Math.sign(v) * EDGE - g[i]) / (v - g[i]) : 1));
    return g.slice(0, 2).map((c, i) => c + Math.min(...share) * (place[i] - c));
  });
}

// Moves handles of the one and the other Gaussian that would cover each other to the sides, so that both can be taken.
function spread([first, second]) {
  for (let round = 0; round < 4; round++) {
    for (const p of first) {
      for (const q of second) {
        const between = [q[0] - p[0], q[1] - p[1]];
        const far = Math.hypot(...between);
        if (far >= APART) continue;
        const way = far < 1e-9 ? [1, 0] : between.map((v) => v / far);
        way.forEach((v, i) => {
          p[i] = clamp(p[i] - (v * (APART - far)) / 2, -EDGE, EDGE);
          q[i] = clamp(q[i] + (v * (APART - far)) / 2, -EDGE, EDGE);
        });
      }
    }
  }
  return [first, second];
}

function stalk(g, axis) {
  const [x, y] = handlePlace(g, axis);
  return `M${px(g[0])} ${px(-g[1])}L${px(x)} ${px(-y)}`;
}

// One Gaussian: its points as strokes of no length with round ends, which is one path however many there are.
function cloud(colour, dashed) {
  const path = (kind, more = {}) => h("svg:path", { class: `de-fr-${kind} de-${colour}`, ...more });
  const [dots, inner, stalks] = [path("dots"), path("inner"), path("stalk")];
  const outer = path("outer", { "stroke-dasharray": dashed ? "14 9" : null });
  return {
    ...{ dots, lines: [inner, outer, stalks] },
    draw(g, points) {
      let d = "";
      for (let i = 0; i < points.length; i += 2) d += `M${px(points[i])} ${px(-points[i + 1])}h0`;
      dots.setAttribute("d", d);
      inner.setAttribute("d", ellipse(g, 1));
      outer.setAttribute("d", ellipse(g, 2));
      stalks.setAttribute("d", stalk(g, 0) + stalk(g, 1));
    },
  };
}

// What a key does to a Gaussian: arrows across move the centre to the side, or turn an axis.
function afterKey(g, axis, [right, up], fine) {
  const by = fine ? 0.01 : 0.1;
  if (axis < 0) return { 0: g[0] + by * right, 1: g[1] + by * up };
  return { [2 + axis]: g[2 + axis] + by * up, 4: wrapped(g[4] - (fine ? 1 : 5) * right) };
}

// What a handle that was dragged to a place does to a Gaussian.
function afterDrag(g, axis, [x, y]) {
  if (axis < 0) return { 0: x, 1: y };
  const [dx, dy] = [x - g[0], y - g[1]];
  const way = Math.hypot(dx, dy);
  const turn = way < 0.05 ? {} : { 4: wrapped((Math.atan2(dy, dx) * 180) / Math.PI - 90 * axis) };
  return { [2 + axis]: way - STALK, ...turn };
}

function makeHandle([axis, part, words], { name, role, colour, get, move, spot }) {
  const el = h("div", {
    class: `de-handle de-fr-handle de-${colour}${axis < 0 ? " de-fr-centre" : ""}`,
    role: "slider",
    tabindex: 0,
    "data-role": `${role}-${part}`,
    "aria-label": `${name}: ${words}`,
  });
  el.addEventListener("keydown", (event) => {
    const by = KEYS[event.key];
    if (!by) return;
    event.preventDefault();
    move(afterKey(get(), axis, by, event.shiftKey));
  });
  let from = null; // the way from the pointer to the handle's own place, so that it does not jump when it is taken
  el.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    el.setPointerCapture(event.pointerId);
    const at = spot(event);
    from = handlePlace(get(), axis).map((v, i) => v - at[i]);
  });
  el.addEventListener("pointermove", (event) => {
    if (!el.hasPointerCapture(event.pointerId)) return;
    const to = spot(event).map((v, i) => v + from[i]);
    move(afterDrag(get(), axis, to));
  });
  return el;
}

function placeHandle(el, axis, g, [x, y], limits) {
  el.style.left = `${50 + (50 * x) / HALF}%`;
  el.style.top = `${50 - (50 * y) / HALF}%`;
  const [min, max] = limits[axis < 0 ? 0 : 2];
  const values = { min, max, now: axis < 0 ? g[0] : g[2 + axis] };
  for (const [key, v] of Object.entries(values)) el.setAttribute(`aria-value${key}`, v);
  const place = `x ${number(g[0], 2)}, y ${number(g[1], 2)}`;
  el.setAttribute("aria-valuetext", axis < 0 ? place : `${number(values.now, 2)}, turned ${g[4]} degrees`);
}

// The three handles of a Gaussian, each a slider of its own for keyboard and screen readers.
function handlesOf(group) {
  const made = HANDLES.map((one) => [makeHandle(one, group), one[0]]);
  return {
    nodes: made.map(([el]) => el),
    place: (g, seen) => made.forEach(([el, axis], i) => placeHandle(el, axis, g, seen[i], group.limits)),
  };
}

// groups: [{name, role, colour, dashed, limits, get(), change(list)}]; draw([[g, points], ...]) shows them.
export function frechetPlane(groups) {
  const clouds = groups.map((g) => cloud(g.colour, g.dashed));
  const [low, side] = [-HALF * UNIT, 2 * HALF * UNIT];
  const grid = [-3, -2, -1, 0, 1, 2, 3].map((v) => `M${px(v)} ${low}v${side}M${low} ${px(v)}h${side}`).join("");
  const names = { role: "img", "aria-label": "two Gaussians in the plane" };
  const lines = h("svg:path", { class: "de-grid", d: grid, "vector-effect": "non-scaling-stroke" });
  const parts = [lines, ...clouds.map((c) => c.dots), ...clouds.flatMap((c) => c.lines)];
  const svg = h("svg:svg", { viewBox: `${low} ${low} ${side} ${side}`, ...names }, ...parts);
  const spot = (event) => {
    const box = svg.getBoundingClientRect();
    const [x, y] = [(2 * (event.clientX - box.left)) / box.width, (2 * (event.clientY - box.top)) / box.height];
    return [HALF * (x - 1), HALF * (1 - y)];
  };
  const handles = groups.map((group) => {
    const move = (patch) => group.change(group.get().map((v, i) => tidy(patch[i] ?? v, i, group.limits)));
    return handlesOf({ ...group, spot, move });
  });
  return {
    el: h("div", { class: "de-fr-plane" }, svg, ...handles.flatMap((set) => set.nodes)),
    draw(shown) {
      const seen = spread(shown.map(([g]) => seenPlaces(g)));
      shown.forEach(([g, points], i) => {
        clouds[i].draw(g, points);
        handles[i].place(g, seen[i]);
      });
    },
    label: (words) => svg.setAttribute("aria-label", words),
  };
}
