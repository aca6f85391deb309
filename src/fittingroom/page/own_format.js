// Images in the data set's own format already, as in photos/own_format.py, function by function.
import { CLOSE, SIDE, luma, quantile, round, toWorkingSize } from "./arithmetic.js";

const DARK_CORNERS = 63;
const FACTOR = 2;
const LITTLE = 0.2;
export const GREY = 12;
const REACH = SIDE - 2;

// Red, green and blue, uint8 → {image: uint8 (784), sentence, negated}, or null where it is a photo.
export function ownFormat(image) {
  const { height: side, width, data } = image;
  if (width !== side || (side !== SIDE && side < FACTOR * SIDE)) return null;
  if (side === SIDE && data.every((value, index) => value === data[index - (index % 3)])) {
    const grey = data.filter((_, index) => index % 3 === 0);
    if (corners(grey) <= DARK_CORNERS)
      return { image: grey, sentence: "It is in the data set's own format, and is left alone." };
  }
  const working = toWorkingSize(image);
  const spread = spreadOf(working);
  if (quantile(spread, 0.99) > GREY) return null;
  let levels = Float64Array.from(spread, (_, pixel) => luma(working, pixel));
  const negated = corners(levels) > 127;
  if (negated) levels = levels.map((value) => 255 - value);
  const cells = resampled(levels, SIDE).map(round);
  if (!framed(cells) || difference(levels, cells) > LITTLE * deviation(levels)) return null;
  const told = [side > SIDE && "enlarged", negated && "negated"].filter(Boolean).join(" and ");
  return {
    image: Uint8Array.from(cells),
    negated,
    sentence: told
      ? `It is in the data set's own format, ${told}, and is only turned back.`
      : "It is in the data set's own format, and is only made grey.",
  };
}

// Of each pixel the largest difference between its channels.
export const spreadOf = ({ height, width, data }) =>
  Float64Array.from({ length: height * width }, (_, pixel) => {
    const [red, green, blue] = data.subarray(3 * pixel, 3 * pixel + 3);
    return Math.max(red, green, blue) - Math.min(red, green, blue);
  });

// The median of the four corners of a square.
function corners(levels) {
  const side = Math.sqrt(levels.length);
  const [, low, high] = Float64Array.of(levels[0], levels[side - 1], levels.at(-side), levels.at(-1)).sort();
  return (low + high) / 2;
}

function framed(cells) {
  if (corners(cells) > CLOSE) return false;
  const [rows, columns] = [[], []];
  cells.forEach((value, index) => {
    if (value <= CLOSE) return;
    rows.push(Math.floor(index / SIDE));
    columns.push(index % SIDE);
  });
  return [rows, columns].some((places) => Math.max(...places) - Math.min(...places) + 1 >= REACH);
}

function difference(levels, cells) {
  const side = Math.sqrt(levels.length);
  const nearest = (place) => Math.floor(((2 * place + 1) * SIDE) / (2 * side));
  const repeated = levels.map((_, index) => {
    const [row, column] = [Math.floor(index / side), index % side];
    return cells[nearest(row) * SIDE + nearest(column)];
  });
  const ways = [resampled(cells, side), repeated];
  return Math.min(...ways.map((way) => Math.sqrt(mean(way.map((value, at) => (levels[at] - value) ** 2)))));
}

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

function deviation(values) {
  const middle = mean(values);
  return Math.sqrt(mean(values.map((value) => (value - middle) ** 2)));
}

// A square read at the centres of side × side cells, bilinear between its own pixels.
const resampled = (levels, side) => {
  const from = Math.sqrt(levels.length);
  return resampledRows(resampledRows(levels, from, side), from, side);
};

// `count` rows of as many as there are, and turned: rows become columns.
function resampledRows(levels, rows, count) {
  const columns = levels.length / rows;
  const result = new Float64Array(columns * count);
  for (let i = 0; i < count; i++) {
    const place = (2 * i + 1) * rows - count;
    const above = Math.min(Math.max(Math.floor(place / (2 * count)), 0), rows - 1);
    const below = Math.min(above + 1, rows - 1);
    const share = Math.min(Math.max(place / (2 * count) - above, 0), 1);
    for (let j = 0; j < columns; j++)
      result[j * count + i] = levels[above * columns + j] * (1 - share) + levels[below * columns + j] * share;
  }
  return result;
}
