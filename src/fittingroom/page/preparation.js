// Images of another size or colour, used as a whole as in photos/preparation.py, function by function.
import { SIDE, luma, median, round, scaled, shrink } from "./arithmetic.js";

const SMALL = 64;

export const isSmall = ({ height, width }) => Math.max(height, width) <= SMALL;

// Red, green and blue, uint8, of a small image → uint8 (784).
export function resize(image, inverted) {
  const { height, width } = image;
  const levels = { height, width, data: new Float64Array(3 * height * width) };
  for (let pixel = 0; pixel < height * width; pixel++) {
    const level = round(luma(image, pixel));
    levels.data.fill(inverted ? 255 - level : level, 3 * pixel, 3 * pixel + 3);
  }
  const longest = Math.max(height, width);
  const small = shrink(levels, scaled(height, SIDE, longest), scaled(width, SIDE, longest));
  const square = new Uint8Array(SIDE * SIDE).fill(round(median(border(levels))));
  const [top, left] = [Math.floor((SIDE - small.height) / 2), Math.floor((SIDE - small.width) / 2)];
  for (let y = 0; y < small.height; y++)
    for (let x = 0; x < small.width; x++)
      square[(top + y) * SIDE + left + x] = round(small.data[3 * (y * small.width + x)]);
  return square;
}

// The pixels at the edges, corners twice.
function border({ height, width, data }) {
  const edges = [];
  for (let x = 0; x < width; x++) edges.push(data[3 * x], data[3 * ((height - 1) * width + x)]);
  for (let y = 0; y < height; y++)
    edges.push(data[3 * y * width], data[3 * ((y + 1) * width - 1)]);
  return edges;
}
