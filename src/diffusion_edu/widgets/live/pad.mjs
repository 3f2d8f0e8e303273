// A small canvas to draw on with a pointer or a finger: white on black, values in [-1, 1].
import { button, h } from "../kit/dom.mjs";
import { clamp } from "../kit/numbers.mjs";
import { paint } from "../kit/paint.mjs";

const BRUSH = 1.6; // radius in pixels of the image
const LABEL = "Drawing pad, for a pointer; without one, start from an image instead";

const seen = (value) => Math.round((value + 1) * 127.5) / 127.5 - 1; // the grey that the canvas shows, of 256

// Ink around a place, with soft edges; what is there already stays.
function dab(values, size, x, y) {
  for (let line = Math.max(0, Math.floor(y - 3)); line < Math.min(size, y + 3); line++) {
    for (let column = Math.max(0, Math.floor(x - 3)); column < Math.min(size, x + 3); column++) {
      const ink = clamp(BRUSH + 0.5 - Math.hypot(column + 0.5 - x, line + 0.5 - y), 0, 1);
      const i = line * size + column;
      values[i] = Math.max(values[i], 2 * ink - 1);
    }
  }
}

// Ink along a straight line, twice a pixel.
function stroke(values, size, from, to) {
  const [dx, dy] = [to[0] - from[0], to[1] - from[1]];
  const parts = Math.max(1, Math.ceil(2 * Math.hypot(dx, dy)));
  for (let i = 1; i <= parts; i++) dab(values, size, from[0] + (dx * i) / parts, from[1] + (dy * i) / parts);
}

// onplace([x, y], from): the pointer draws; onend(): it has left the canvas.
function listen(canvas, size, onplace, onend) {
  let last = null;
  const draw = (event) => {
    const box = canvas.getBoundingClientRect();
    const place = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height].map((v) => v * size);
    onplace(place, last ?? place);
    last = place;
  };
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    canvas.setPointerCapture(event.pointerId);
    last = null;
    draw(event);
  });
  canvas.addEventListener("pointermove", (event) => canvas.hasPointerCapture(event.pointerId) && draw(event));
  canvas.addEventListener("pointerup", () => onend());
}

export function drawingPad(size, channels, onchange) {
  const values = new Float64Array(size * size).fill(-1);
  const looks = { width: size, height: size, class: "de-pixels" };
  const canvas = h("canvas", { ...looks, "data-role": "pad", role: "img", "aria-label": LABEL });
  canvas.style.cssText = "cursor:crosshair;touch-action:none";
  const hint = h("span", { class: "de-ls-hint", "aria-hidden": "true" }, "draw here");
  const show = () => {
    hint.hidden = values.some((v) => v > -1);
    paint(canvas, values, 1, size);
  };
  const place = (to, from) => {
    stroke(values, size, from, to);
    show();
  };
  listen(canvas, size, place, onchange);
  const clear = button("clear", "Clear", () => {
    values.fill(-1);
    show();
    onchange();
  });
  show();
  const all = () => Float64Array.from({ length: channels * values.length }, (_, i) => seen(values[i % values.length]));
  return { el: h("div", { class: "de-ls-pad" }, canvas, hint), clear, x0: all };
}
