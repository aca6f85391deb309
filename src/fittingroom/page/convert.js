// The conversion of photos/convert.py, function by function under the same names, which says what each
// step does and why.
import { CLOSE, SIDE, blank, box, crop, luma, mapped, round, rounded, scaled, shrink } from "./arithmetic.js";

const PAPER = 255;
const FLAT = 0.6;
export const WHITE = 225;
const FRINGE = 2;
const FRINGED = 180;
export const BLACK = CLOSE;

// `visit` is called with each of the up to nine pixels around one, itself among them.
export function around({ height, width }, pixel, visit) {
  const [y, x] = [Math.floor(pixel / width), pixel % width];
  for (let row = Math.max(0, y - 1); row <= Math.min(height - 1, y + 1); row++)
    for (let column = Math.max(0, x - 1); column <= Math.min(width - 1, x + 1); column++)
      visit(row * width + column);
}

function withoutFringe(image, mask) {
  const { height, width } = mask;
  let core = mask.data;
  for (let i = 0; i < FRINGE; i++)
    core = core.map((value, pixel) => {
      let touched = 0;
      around(mask, pixel, (other) => (touched += core[other]));
      return touched === 9 ? 1 : 0; // beyond the edges nothing is garment
    });
  const colours = Float64Array.from(image.data);
  for (let i = 0; i < FRINGE; i++) {
    const [before, from] = [core.slice(), colours.slice()];
    for (let pixel = 0; pixel < height * width; pixel++) {
      if (!mask.data[pixel] || before[pixel]) continue;
      const sums = [0, 0, 0];
      let count = 0;
      around(mask, pixel, (other) => {
        count += before[other];
        if (before[other]) for (let c = 0; c < 3; c++) sums[c] += from[3 * other + c];
      });
      if (!count) continue;
      for (let c = 0; c < 3; c++) colours[3 * pixel + c] = sums[c] / count;
      core[pixel] = 1;
    }
  }
  return mapped({ ...image, data: colours }, round);
}

export function placeOnPaper(image, background, mask) {
  const brightness = Float64Array.from(mask.data, (_, pixel) => Math.max(luma(background, pixel), 1));
  const brightest = brightness.reduce((most, value) => Math.max(most, value));
  const mean = brightness.reduce((sum, value) => sum + value, 0) / brightness.length;
  const cloth = mean < FRINGED ? withoutFringe(image, mask) : image;
  return mapped(cloth, (value, index) => {
    const pixel = Math.floor(index / 3);
    return mask.data[pixel] ? round(value * (brightest / brightness[pixel])) : PAPER;
  });
}

export function toSide(placed, mask) {
  const [top, bottom, left, right] = box(mask);
  const width = right - left;
  const flat = FLAT * width > bottom - top;
  const height = flat ? bottom - top : Math.max(bottom - top, width);
  const longest = Math.max(height, width);
  const size = [height, width].map((length) => scaled(length, SIDE, longest));
  return rounded(shrink(crop(placed, top, bottom, left, right), ...size));
}

export function extend({ height, width, data }) {
  const square = blank(SIDE, SIDE);
  square.data.fill(PAPER);
  const [top, left] = [Math.floor((SIDE - height) / 2), Math.floor((SIDE - width) / 2)];
  for (let y = 0; y < height; y++)
    square.data.set(data.subarray(3 * y * width, 3 * (y + 1) * width), 3 * ((top + y) * SIDE + left));
  return square;
}

export const toGrey = (image) =>
  Uint8Array.from({ length: image.height * image.width }, (_, pixel) => round(luma(image, pixel)));
