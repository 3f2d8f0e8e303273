// What travelled from Python as text, as numbers again. No page needed.

export function bytesFromBase64(code) {
  return Uint8Array.from(atob(code), (c) => c.charCodeAt(0));
}

export function floatsFromBase64(code) {
  const bytes = bytesFromBase64(code);
  const view = new DataView(bytes.buffer);
  return Float64Array.from({ length: bytes.length / 4 }, (_, i) => view.getFloat32(4 * i, true));
}

export async function inflate(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// Pixels 0..255 to [-1, 1], as diffusion_edu.data.to_x0 does.
export const toX0 = (pixels) => Float64Array.from(pixels, (p) => p / 127.5 - 1);
