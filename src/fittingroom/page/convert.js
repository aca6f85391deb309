// The conversion of photos/convert.py, function by function under the same names, which says what each
// step does and why.
import {
  CLOSE,
  SIDE,
  blank,
  box,
  crop,
  distance,
  luma,
  mapped,
  round,
  rounded,
  scaled,
  shrink,
} from "./arithmetic.js";

const PAPER = 255;
const THUMBNAIL = [67, 47];
export const WHITE = 225;
const FRINGE = 2;
const FRINGED = 180;
export const BLACK = CLOSE;

const SHARPEN = (() => {
  const gauss = [2, 1, 2, 1, 0, 1, 2, 1, 2].map((squared) => Math.exp(-squared / 2));
  const kernel = gauss.map((value) => -value);
  kernel[4] = 2 * gauss.reduce((sum, value) => sum + value);
  const total = kernel.reduce((sum, value) => sum + value);
  return kernel.map((value) => value / total);
})();

// `visit` is called with each of the up to nine pixels around one, itself among them.
function around({ height, width }, pixel, visit) {
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

export function toThumbnail(placed, mask) {
  const [top, bottom, left, right] = box(mask);
  const [height, width] = [bottom - top, right - left];
  const size =
    height * THUMBNAIL[1] >= width * THUMBNAIL[0]
      ? [THUMBNAIL[0], scaled(width, THUMBNAIL[0], height)]
      : [scaled(height, THUMBNAIL[1], width), THUMBNAIL[1]];
  return rounded(shrink(crop(placed, top, bottom, left, right), ...size));
}

export function trim(image) {
  const { height, width } = image;
  const paper = { data: [PAPER, PAPER, PAPER] };
  const mask = { height, width, data: new Uint8Array(height * width) };
  mask.data.forEach((_, pixel) => (mask.data[pixel] = distance(image, pixel, paper, 0) > CLOSE ? 1 : 0));
  const edges = box(mask);
  return edges ? crop(image, ...edges) : image;
}

export function subsample(image) {
  const { height, width } = image;
  const longest = Math.max(height, width);
  const [rows, columns] = [scaled(height, SIDE, longest), scaled(width, SIDE, longest)];
  const result = blank(rows, columns);
  for (let y = 0; y < rows; y++)
    for (let x = 0; x < columns; x++) {
      const from = every(y, rows, height) * width + every(x, columns, width);
      for (let c = 0; c < 3; c++)
        result.data[3 * (y * columns + x) + c] = image.data[3 * from + c];
    }
  return result;
}

const every = (index, count, of) => Math.floor(((2 * index + 1) * of) / (2 * count));

export function sharpen(image) {
  const { height, width, data } = image;
  const within = (value, end) => Math.min(end - 1, Math.max(0, value));
  return mapped(image, (_, index) => {
    const [pixel, c] = [Math.floor(index / 3), index % 3];
    const [y, x] = [Math.floor(pixel / width), pixel % width];
    let sum = 0;
    for (let row = 0; row < 3; row++)
      for (let column = 0; column < 3; column++) {
        const from = within(y + row - 1, height) * width + within(x + column - 1, width);
        sum += SHARPEN[3 * row + column] * data[3 * from + c];
      }
    return round(sum);
  });
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
