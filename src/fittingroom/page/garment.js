// The garment on a photo, as in photos/garment.py, function by function under the same names, which says
// what each step does and why.
import { CLOSE, WORKING, blank, box, crop, distance, mapped, quantile, round, toWorkingSize } from "./arithmetic.js";
import { around } from "./convert.js";

const MARGIN = 0.15;
const NEAR = 40;
const ROUNDS = 4;
const UNEVEN = 4;
const SPREAD = 1.6;
const SPECK = 0.02;
export const PATTERNED = 30;
const COLOURS = 8;

function smooth(image) {
  return mapped(image, (_, index) => round(meanAround(image.data, 3, image, index)));
}

// The mean of the 3 × 3 numbers around one, edges repeated; a pixel has `channels` numbers.
function meanAround(data, channels, { height, width }, index) {
  const within = (value, end) => Math.min(end - 1, Math.max(0, value));
  const [pixel, c] = [Math.floor(index / channels), index % channels];
  const [y, x] = [Math.floor(pixel / width), pixel % width];
  let sum = 0;
  for (let row = y - 1; row <= y + 1; row++)
    for (let column = x - 1; column <= x + 1; column++)
      sum += data[channels * (within(row, height) * width + within(column, width)) + c];
  return sum / 9;
}

function borderOf(height, width) {
  const breadth = Math.max(1, Math.floor(Math.min(height, width) / 32));
  const pixels = [];
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      if (y < breadth || y >= height - breadth || x < breadth || x >= width - breadth)
        pixels.push(y * width + x);
  return pixels;
}

const TERMS = 6;

function termsOf(height, width) {
  const terms = new Float64Array(TERMS * height * width);
  for (let row = 0; row < height; row++)
    for (let column = 0; column < width; column++) {
      const y = (2 * row + 1) / height - 1;
      const x = (2 * column + 1) / width - 1;
      terms.set([1, x, y, x * x, x * y, y * y], TERMS * (row * width + column));
    }
  return terms;
}

// Coefficients (TERMS × 3) of the surface through an image's colours at some of its pixels.
function fit(terms, image, pixels) {
  const products = Array.from({ length: TERMS }, () => new Float64Array(TERMS + 3));
  for (const pixel of pixels)
    for (let i = 0; i < TERMS; i++) {
      const term = terms[TERMS * pixel + i];
      for (let j = 0; j < TERMS; j++) products[i][j] += term * terms[TERMS * pixel + j];
      for (let c = 0; c < 3; c++) products[i][TERMS + c] += term * image.data[3 * pixel + c];
    }
  for (let i = 1; i < TERMS; i++) products[i][i] += 1e-3 * pixels.length;
  return solve(products);
}

// Gauss' elimination with pivots; the right-hand sides stand behind the matrix.
function solve(rows) {
  for (let i = 0; i < TERMS; i++) {
    let pivot = i;
    for (let j = i + 1; j < TERMS; j++)
      if (Math.abs(rows[j][i]) > Math.abs(rows[pivot][i])) pivot = j;
    [rows[i], rows[pivot]] = [rows[pivot], rows[i]];
    for (let j = 0; j < TERMS; j++) {
      if (j === i) continue;
      const factor = rows[j][i] / rows[i][i];
      for (let k = i; k < TERMS + 3; k++) rows[j][k] -= factor * rows[i][k];
    }
  }
  return rows.map((row, i) => [0, 1, 2].map((c) => row[TERMS + c] / row[i]));
}

function surface(terms, coefficients, { height, width }) {
  const result = blank(height, width);
  for (let pixel = 0; pixel < height * width; pixel++)
    for (let c = 0; c < 3; c++) {
      let sum = 0;
      for (let i = 0; i < TERMS; i++) sum += terms[TERMS * pixel + i] * coefficients[i][c];
      result.data[3 * pixel + c] = sum;
    }
  return result;
}

function estimateBackground(image) {
  const { height, width } = image;
  const terms = termsOf(height, width);
  const border = borderOf(height, width);
  const middle = {
    data: [0, 1, 2].map((c) => quantile(border.map((pixel) => image.data[3 * pixel + c]), 0.5)),
  };
  let near = border.filter((pixel) => distance(image, pixel, middle, 0) <= NEAR);
  if (!near.length) near = border;
  let threshold = CLOSE;
  let background;
  const apart = (pixel) => distance(image, pixel, background, pixel);
  for (let i = 0; i < ROUNDS && near.length; i++) {
    background = surface(terms, fit(terms, image, near), image);
    threshold = Math.max(CLOSE, UNEVEN * quantile(near.map(apart), 0.5));
    near = border.filter((pixel) => apart(pixel) <= threshold);
  }
  const everywhere = [...new Array(height * width).keys()].filter((pixel) => apart(pixel) <= threshold);
  if (everywhere.length) {
    background = surface(terms, fit(terms, image, everywhere), image);
    threshold = Math.max(CLOSE, SPREAD * quantile(everywhere.map(apart), 0.9));
  }
  return { background: mapped(background, (value) => Math.min(255, Math.max(0, value))), threshold };
}

function separate(image, background, threshold) {
  const { height, width } = image;
  const differs = (_, pixel) => Number(distance(image, pixel, background, pixel) > threshold);
  return { height, width, data: Uint8Array.from({ length: height * width }, differs) };
}

function byColour({ height, width, data }) {
  const terms = termsOf(height, width);
  const colour = Int32Array.from({ length: height * width }, (_, pixel) =>
    [0, 1, 2].reduce((code, c) => code * COLOURS + Math.floor((data[3 * pixel + c] * COLOURS) / 256), 0),
  );
  const place = Float64Array.from(colour, (_, pixel) => {
    const [x, y] = [terms[TERMS * pixel + 1], terms[TERMS * pixel + 2]].map(Math.abs);
    return 2 - 4 * Math.max(x, y) ** 3;
  });
  const shares = (weight) => {
    const counts = new Float64Array(COLOURS ** 3);
    weight.forEach((value, pixel) => (counts[colour[pixel]] += value));
    const total = weight.reduce((sum, value) => sum + value);
    return counts.map((count) => (count + 0.01) / (total + 1));
  };
  let odds = place;
  for (let i = 0; i <= ROUNDS; i++) {
    const garment = odds.map((value) => 1 / (1 + Math.exp(-value)));
    const around = shares(garment.map((value) => 1 - value));
    const ratio = shares(garment).map((share, code) => Math.log(share / around[code]));
    odds = Float64Array.from(colour, (code) => Math.min(4, Math.max(-4, ratio[code])));
    for (let j = 0; j < 4; j++) odds = odds.map((_, index) => meanAround(odds, 1, { height, width }, index));
    odds = odds.map((value, pixel) => 2 * value + place[pixel]);
  }
  return { height, width, data: Uint8Array.from(odds, (value) => (value > 0 ? 1 : 0)) };
}

// Connected parts by flooding, which finds the same as Python's labels.
function withoutSpecks({ height, width, data }) {
  const part = new Int32Array(height * width).fill(-1);
  const sizes = [];
  for (let start = 0; start < data.length; start++) {
    if (!data[start] || part[start] >= 0) continue;
    const waiting = [start];
    part[start] = sizes.length;
    let size = 0;
    while (waiting.length) {
      const pixel = waiting.pop();
      size++;
      around({ height, width }, pixel, (other) => {
        if (!data[other] || part[other] >= 0) return;
        part[other] = sizes.length;
        waiting.push(other);
      });
    }
    sizes.push(size);
  }
  const least = SPECK * Math.max(...sizes, 0);
  return { height, width, data: data.map((value, pixel) => (value && sizes[part[pixel]] >= least ? 1 : 0)) };
}

export function findGarment(photo) {
  const found = look(photo);
  if (found.box) {
    const [top, bottom, left, right] = found.box;
    const { height, width } = found.mask;
    const size = Math.max(bottom - top, right - left);
    if (10 * size <= 6 * Math.max(height, width) && Math.max(photo.height, photo.width) > WORKING) {
      const step = Math.max(photo.height / height, photo.width / width);
      const margin = MARGIN * size + 1;
      const at = (place) => Math.trunc(place * step);
      const closer = look(
        crop(photo, at(top - margin), at(bottom + margin) + 1, at(left - margin), at(right + margin) + 1),
      );
      if (closer.box) return closer;
    }
  }
  return found;
}

function look(photo) {
  let image = toWorkingSize(photo);
  let { background, threshold } = estimateBackground(image);
  if (threshold > CLOSE) {
    image = smooth(image);
    ({ background, threshold } = estimateBackground(image));
  }
  const mask = withoutSpecks(threshold < PATTERNED ? separate(image, background, threshold) : byColour(image));
  return { image, background, threshold, mask, box: box(mask) };
}
