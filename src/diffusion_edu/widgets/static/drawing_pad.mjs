// A small canvas to draw on with a pointer or a finger: white on black, values in [-1, 1].
import { clamp, h, paint } from "./common.mjs";

const BRUSH = 1.6; // radius in pixels of the picture
const seen = (value) => Math.round((value + 1) * 127.5) / 127.5 - 1; // the grey that the canvas shows, of 256

export function drawingPad(size, channels, onchange) {
  const values = new Float64Array(size * size).fill(-1);
  const canvas = h("canvas", { width: size, height: size, class: "de-pixels", "data-role": "pad", role: "img", "aria-label": "Drawing pad, for a pointer; without one, start from a picture instead" });
  canvas.style.cssText = "width:128px;cursor:crosshair;touch-action:none";
  let last = null;

  function dab(x, y) {
    for (let row = Math.max(0, Math.floor(y - 3)); row < Math.min(size, y + 3); row++) {
      for (let column = Math.max(0, Math.floor(x - 3)); column < Math.min(size, x + 3); column++) {
        const ink = clamp(BRUSH + 0.5 - Math.hypot(column + 0.5 - x, row + 0.5 - y), 0, 1);
        const i = row * size + column;
        values[i] = Math.max(values[i], 2 * ink - 1);
      }
    }
  }

  function stroke(event) {
    const box = canvas.getBoundingClientRect();
    const here = [((event.clientX - box.left) / box.width) * size, ((event.clientY - box.top) / box.height) * size];
    const from = last ?? here;
    const parts = Math.max(1, Math.ceil(2 * Math.hypot(here[0] - from[0], here[1] - from[1])));
    for (let i = 1; i <= parts; i++) dab(from[0] + ((here[0] - from[0]) * i) / parts, from[1] + ((here[1] - from[1]) * i) / parts);
    last = here;
    show();
  }
  const show = () => paint(canvas, values, 1, size);

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    canvas.setPointerCapture(event.pointerId);
    last = null;
    stroke(event);
  });
  canvas.addEventListener("pointermove", (event) => canvas.hasPointerCapture(event.pointerId) && stroke(event));
  canvas.addEventListener("pointerup", () => onchange());
  const clear = h("button", { type: "button", "data-role": "clear", onclick: () => {
    values.fill(-1);
    show();
    onchange();
  } }, "Clear");
  show();
  return { el: h("div", { class: "de-row" }, canvas, clear), x0: () => Float64Array.from({ length: channels * values.length }, (_, i) => seen(values[i % values.length])) };
}
