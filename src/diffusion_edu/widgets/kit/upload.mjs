// Pictures of the reader's own, for every widget that takes them.
import { h } from "./dom.mjs";

const MAX_FILE = 30e6;

// Reads a file of the reader's, crops the largest centred square and scales it to size x size. Nothing is sent
// anywhere.
export async function readPicture(file, size, colour) {
  if (file.size > MAX_FILE)
    throw new Error(
      `“${file.name}” has ${Math.round(file.size / 1e6)} MB; up to ${MAX_FILE / 1e6} MB can be read here.`,
    );
  let bitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    throw new Error(`“${file.name}” is not an image that this browser can read. PNG, JPEG, WebP and GIF files work.`);
  }
  const side = Math.min(bitmap.width, bitmap.height);
  const canvas = h("canvas", { width: size, height: size });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.imageSmoothingQuality = "high";
  context.fillStyle = "#fff";
  context.fillRect(0, 0, size, size);
  context.drawImage(bitmap, (bitmap.width - side) / 2, (bitmap.height - side) / 2, side, side, 0, 0, size, size);
  bitmap.close();
  const { data } = context.getImageData(0, 0, size, size);
  const area = size * size;
  const pixels = new Uint8Array(colour ? 3 * area : area);
  for (let i = 0; i < area; i++) {
    const [r, g, b] = data.subarray(4 * i, 4 * i + 3);
    if (colour) [pixels[i], pixels[area + i], pixels[2 * area + i]] = [r, g, b];
    else pixels[i] = Math.round(0.299 * r + 0.587 * g + 0.114 * b);
  }
  return pixels;
}
