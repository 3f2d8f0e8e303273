// Pictures on canvases.
import { h } from "./dom.mjs";

// Paints values in [-1, 1] (channels first) into a canvas of one device pixel a value; the page scales it crisply.
export function paint(canvas, values, channels, size, left = 0, top = 0) {
  const context = canvas.getContext("2d");
  const image = context.createImageData(size, size);
  const area = size * size;
  for (let i = 0; i < area; i++) {
    // A canvas rounds to the nearest of 0..255 and clips what lies beyond.
    for (let c = 0; c < 3; c++) image.data[4 * i + c] = (values[i + (channels === 3 ? c * area : 0)] + 1) * 127.5;
    image.data[4 * i + 3] = 255;
  }
  context.putImageData(image, left, top);
}

export function pixelCanvas(size, label) {
  return h("canvas", { width: size, height: size, class: "de-pixels", role: "img", "aria-label": label || "picture" });
}

export function frame(canvas, colour, ...caption) {
  const words = h("figcaption", {}, ...caption);
  return { el: h("figure", { class: `de-frame de-tint de-${colour}` }, canvas, words), caption: words };
}
