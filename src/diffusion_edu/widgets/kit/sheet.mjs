// Images that travelled with the page: tiles of one size in the rows of one picture.

/**
 * tile(canvas, i) paints tile i at its own size, once the picture is there; true if it was.
 * @param {{sheet: string, side: number, columns: number}} stored - a data URL, the side of a tile, tiles in a row
 * @param {() => void} onload - called when the picture is there
 * @param {() => void} onerror - called when it cannot be read
 */
export function sheetOf({ sheet, side, columns }, onload, onerror = () => {}) {
  const image = new Image();
  image.onload = onload;
  image.onerror = onerror;
  image.src = sheet;
  return (canvas, i) => {
    if (!image.naturalWidth) return false;
    const [x, y] = [side * (i % columns), side * Math.floor(i / columns)];
    canvas.getContext("2d").drawImage(image, x, y, side, side, 0, 0, side, side);
    return true;
  };
}
