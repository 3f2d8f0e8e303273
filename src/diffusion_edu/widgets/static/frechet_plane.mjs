// The plane of <frechet-explorer>: the points and ellipses of two Gaussians, and the handles that move them.
import { clamp, h, number } from "./common.mjs";
import { axesOf } from "./frechet.mjs";

export const PLANE_HALF = 4; // the plane shown: -PLANE_HALF..PLANE_HALF on both axes
export const PLANE_LIMITS = [[-3.5, 3.5], [-3.5, 3.5], [0, 2.5], [0, 2.5], [-180, 180]]; // of the five numbers
const PLANE_UNIT = 100; // of the drawing
const PLANE_STALK = 0.36; // how far beyond the end of its axis a handle sits: a flat ellipse has handles as well
const PLANE_KEYS = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

const px = (x) => +(x * PLANE_UNIT).toFixed(1);
const tidy = (value, i) => clamp(+value.toFixed(i === 4 ? 0 : 2), ...PLANE_LIMITS[i]);
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

// One Gaussian: its points as strokes of no length with round ends, which is one path however many there are.
function cloud(colour, dashed) {
  const dots = h("svg:path", { class: `de-fr-dots de-${colour}` });
  const inner = h("svg:path", { class: `de-fr-inner de-${colour}` });
  const outer = h("svg:path", { class: `de-fr-outer de-${colour}`, "stroke-dasharray": dashed ? "14 9" : null });
  const stalks = h("svg:path", { class: `de-fr-stalk de-${colour}` });
  return {
    dots, lines: [inner, outer, stalks],
    draw(g, points) {
      let d = "";
      for (let i = 0; i < points.length; i += 2) d += `M${px(points[i])} ${px(-points[i + 1])}h0`;
      dots.setAttribute("d", d);
      inner.setAttribute("d", ellipse(g, 1));
      outer.setAttribute("d", ellipse(g, 2));
      stalks.setAttribute("d", [0, 1].map((axis) => `M${px(g[0])} ${px(-g[1])}L${handlePlace(g, axis).map((v, i) => px(i ? -v : v)).join(" ")}`).join(""));
    },
  };
}

// Where the handle of an axis is; axis 0 is the first, 1 the second, which is a quarter turn on.
function handlePlace(g, axis) {
  const turn = ((g[4] + 90 * axis) * Math.PI) / 180;
  const way = g[2 + axis] + PLANE_STALK;
  return [g[0] + way * Math.cos(turn), g[1] + way * Math.sin(turn)];
}

// The three handles of a Gaussian. Each is a slider of its own for keyboard and screen readers; arrows across move the
// centre to the side, or turn an axis.
function handlesOf({ name, role, colour, get, move, spot }) {
  const make = (part, words) => {
    const el = h("div", { class: `de-handle de-fr-handle de-${colour}${part < 0 ? " de-fr-centre" : ""}`, role: "slider", tabindex: 0, "data-role": `${role}-${part < 0 ? "centre" : part ? "second" : "first"}`, "aria-label": `${name}: ${words}` });
    el.addEventListener("keydown", (event) => {
      const by = PLANE_KEYS[event.key];
      if (!by) return;
      event.preventDefault();
      const fine = event.shiftKey ? 0.1 : 1;
      const g = get();
      if (part < 0) move({ 0: g[0] + 0.1 * fine * by[0], 1: g[1] + 0.1 * fine * by[1] });
      else move({ [2 + part]: g[2 + part] + 0.1 * fine * by[1], 4: wrapped(g[4] - (event.shiftKey ? 1 : 5) * by[0]) });
    });
    let from = null; // the way from the pointer to the handle's own place, so that it does not jump when it is taken
    el.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      el.setPointerCapture(event.pointerId);
      const [place, at] = [part < 0 ? get().slice(0, 2) : handlePlace(get(), part), spot(event)];
      from = [place[0] - at[0], place[1] - at[1]];
    });
    el.addEventListener("pointermove", (event) => {
      if (!el.hasPointerCapture(event.pointerId)) return;
      const [x, y] = spot(event).map((v, i) => v + from[i]);
      if (part < 0) return move({ 0: x, 1: y });
      const g = get();
      const [dx, dy] = [x - g[0], y - g[1]];
      const way = Math.hypot(dx, dy);
      const turn = way < 0.05 ? {} : { 4: wrapped((Math.atan2(dy, dx) * 180) / Math.PI - 90 * part) };
      return move({ [2 + part]: way - PLANE_STALK, ...turn });
    });
    return el;
  };
  const nodes = [make(0, "end of the first axis: up and down change its length, left and right turn it"),
    make(1, "end of the second axis: up and down change its length, left and right turn it"),
    make(-1, "centre: arrow keys move it")];
  return {
    nodes,
    place(g) {
      nodes.forEach((el, i) => {
        const part = i === 2 ? -1 : i;
        const [x, y] = part < 0 ? g : handlePlace(g, part);
        el.style.left = `${50 + (50 * x) / PLANE_HALF}%`;
        el.style.top = `${50 - (50 * y) / PLANE_HALF}%`;
        const [low, high] = PLANE_LIMITS[part < 0 ? 0 : 2];
        for (const [key, v] of Object.entries({ min: low, max: high, now: part < 0 ? g[0] : g[2 + part] })) el.setAttribute(`aria-value${key}`, v);
        el.setAttribute("aria-valuetext", part < 0 ? `x ${number(g[0], 2)}, y ${number(g[1], 2)}` : `${number(g[2 + part], 2)}, turned ${g[4]} degrees`);
      });
    },
  };
}

// groups: [{name, role, colour, dashed, get(), change(list)}]; draw([[g, points], ...]) shows them.
export function frechetPlane(groups) {
  const clouds = groups.map((g) => cloud(g.colour, g.dashed));
  const [low, side] = [-PLANE_HALF * PLANE_UNIT, 2 * PLANE_HALF * PLANE_UNIT];
  const grid = [-3, -2, -1, 0, 1, 2, 3].map((v) => `M${px(v)} ${low}v${side}M${low} ${px(v)}h${side}`).join("");
  const svg = h("svg:svg", { viewBox: `${low} ${low} ${side} ${side}`, role: "img", "aria-label": "two Gaussians in the plane" },
    h("svg:path", { class: "de-grid", d: grid, "vector-effect": "non-scaling-stroke" }), ...clouds.map((c) => c.dots), ...clouds.flatMap((c) => c.lines));
  const el = h("div", { class: "de-fr-plane" }, svg);
  const spot = (event) => {
    const box = svg.getBoundingClientRect();
    return [(2 * (event.clientX - box.left)) / box.width - 1, 1 - (2 * (event.clientY - box.top)) / box.height].map((v) => PLANE_HALF * v);
  };
  const handles = groups.map((group) => handlesOf({ ...group, spot, move: (patch) => group.change(group.get().map((v, i) => tidy(patch[i] ?? v, i))) }));
  el.append(...handles.flatMap((set) => set.nodes));
  return {
    el,
    draw(shown) {
      shown.forEach(([g, points], i) => {
        clouds[i].draw(g, points);
        handles[i].place(g);
      });
    },
    label: (words) => svg.setAttribute("aria-label", words),
  };
}
