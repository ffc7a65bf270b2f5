// --- frames: tiles from sheets, composed on a canvas

const TILE = 64;
const KEPT_TILES = 32 * 240;
const sheets = { decoded: new Map(), starts: [], held: 0, count: 0 };

function setSheets(sizes) {
  let start = 0;
  sheets.starts = sizes.map((size) => (start += size) - size);
}

function sheetOf(tile) {
  let [low, high] = [0, sheets.starts.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (sheets.starts[middle] <= tile) low = middle;
    else high = middle - 1;
  }
  return low;
}

// Decoded when first needed; those used last are kept.
function sheet(number) {
  const found = sheets.decoded.get(number) ?? decodeSheet(number);
  sheets.decoded.delete(number);
  sheets.decoded.set(number, found);
  while (sheets.held > KEPT_TILES && sheets.decoded.size > 1) {
    const [oldest] = sheets.decoded.keys();
    sheets.decoded.delete(oldest);
    sheets.held -= page.sheets[oldest];
  }
  return found;
}

async function decodeSheet(number) {
  sheets.count++;
  sheets.held += page.sheets[number];
  const blob = new Blob([await source.sheet(number)], { type: "image/webp" });
  return createImageBitmap(blob, { colorSpaceConversion: "none", premultiplyAlpha: "none" });
}

// A canvas that shows one frame at a time. From one to the next it draws only the tiles that differ.
class Composer {
  constructor() {
    this.canvas = document.createElement("canvas");
    this.context = this.canvas.getContext("2d", { alpha: false, willReadFrequently: true });
    this.tiles = [];
    this.wanted = null;
  }

  // True once the frame is on the canvas; false where another one was asked for in the meantime.
  async show(number) {
    this.wanted = number;
    const tiles = page.tiles[number];
    const needed = [...new Set(tiles.filter((tile, at) => tile !== this.tiles[at]).map(sheetOf))];
    const bitmaps = new Map(await Promise.all(needed.map(async (one) => [one, await sheet(one)])));
    if (this.wanted !== number) return false;
    this.compose(page.frames[number], tiles, bitmaps);
    return true;
  }

  compose({ width, height }, tiles, bitmaps) {
    if (this.canvas.width !== width || this.canvas.height !== height) {
      Object.assign(this.canvas, { width, height });
      this.tiles = [];
    }
    const columns = Math.ceil(width / TILE);
    tiles.forEach((tile, at) => {
      if (tile === this.tiles[at]) return;
      const from = sheetOf(tile);
      const [x, y] = [(at % columns) * TILE, Math.floor(at / columns) * TILE];
      const [across, down] = [Math.min(TILE, width - x), Math.min(TILE, height - y)];
      this.context.drawImage(
        bitmaps.get(from),
        0,
        (tile - sheets.starts[from]) * TILE,
        across,
        down,
        x,
        y,
        across,
        down,
      );
    });
    this.tiles = tiles;
  }
}

// The places of the tiles in which two frames of one size differ; null where their sizes do.
function differingTiles(one, other) {
  const [before, after] = [page.frames[one], page.frames[other]];
  if (before.width !== after.width || before.height !== after.height) return null;
  return page.tiles[one].flatMap((tile, at) => (tile === page.tiles[other][at] ? [] : [at]));
}
