// The conversion of photos/convert.py, function by function under the same names, which says what each
// step does and why. A picture is {height, width, data}, data holding red, green and blue in turn; a
// mask is {height, width, data} with one 0 or 1 a pixel.
export const SIDE = 28;
const WORKING = 160;
const MARGIN = 0.15;
const NEAR = 40;
const ROUNDS = 4;
const CLOSE = 0.05 * 255;
const UNEVEN = 4;
const SPREAD = 1.6;
const SPECK = 0.02;
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

const blank = (height, width) => ({ height, width, data: new Float64Array(3 * height * width) });

// The same picture, each number changed by `change(value, index)`.
export const mapped = (picture, change) => ({ ...picture, data: Float64Array.from(picture.data, change) });

const round = (value) => Math.min(255, Math.max(0, Math.floor(value + 0.5)));
const rounded = (picture) => mapped(picture, round);

export const luma = ({ data }, pixel) =>
  (54 * data[3 * pixel] + 183 * data[3 * pixel + 1] + 19 * data[3 * pixel + 2]) / 256;

// Between pixel `i` of one picture and pixel `j` of another.
export const distance = (one, i, other, j) =>
  Math.max(
    Math.abs(one.data[3 * i] - other.data[3 * j]),
    Math.abs(one.data[3 * i + 1] - other.data[3 * j + 1]),
    Math.abs(one.data[3 * i + 2] - other.data[3 * j + 2]),
  );

function quantile(values, share) {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.floor(share * (sorted.length - 1))];
}

function smooth(picture) {
  const { height, width, data } = picture;
  const within = (value, end) => Math.min(end - 1, Math.max(0, value));
  return mapped(picture, (_, index) => {
    const [pixel, c] = [Math.floor(index / 3), index % 3];
    const [y, x] = [Math.floor(pixel / width), pixel % width];
    let sum = 0;
    for (let row = y - 1; row <= y + 1; row++)
      for (let column = x - 1; column <= x + 1; column++)
        sum += data[3 * (within(row, height) * width + within(column, width)) + c];
    return round(sum / 9);
  });
}

function shrink(picture, height, width) {
  return picture.width * height <= 2 * picture.height * width
    ? shrinkColumns(shrinkRows(picture, height), width)
    : shrinkRows(shrinkColumns(picture, width), height);
}

function shrinkRows(picture, height) {
  const line = 3 * picture.width;
  return { ...picture, height, data: shrunk(picture.data, picture.height, height, 1, line, line, line) };
}

function shrinkColumns(picture, width) {
  const { height, width: from, data } = picture;
  return { ...picture, width, data: shrunk(data, from, width, height, 3, 3 * from, 3 * width) };
}

// `count` lines become `to` along one axis, in each of `blocks` blocks; a line is `length` numbers.
function shrunk(data, count, to, blocks, length, stride, made) {
  if (count === to) return Float64Array.from(data);
  const result = new Float64Array(blocks === 1 ? to * length : blocks * made);
  for (let block = 0; block < blocks; block++) {
    const [from, into] = blocks === 1 ? [0, 0] : [block * stride, block * made];
    for (let i = 0; i < to; i++) {
      const [start, end] = [i * count, (i + 1) * count];
      const [first, last] = [Math.floor(start / to), Math.ceil(end / to)];
      const [before, after] = [(start - first * to) / to, (last * to - end) / to];
      for (let k = 0; k < length; k++) {
        let total = 0;
        for (let line = first; line < last; line++) total += data[from + line * length + k];
        total -= data[from + first * length + k] * before;
        total -= data[from + (last - 1) * length + k] * after;
        result[into + i * length + k] = total * (to / count);
      }
    }
  }
  return result;
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

// Coefficients (TERMS × 3) of the surface through a picture's colours at some of its pixels.
function fit(terms, picture, pixels) {
  const products = Array.from({ length: TERMS }, () => new Float64Array(TERMS + 3));
  for (const pixel of pixels)
    for (let i = 0; i < TERMS; i++) {
      const term = terms[TERMS * pixel + i];
      for (let j = 0; j < TERMS; j++) products[i][j] += term * terms[TERMS * pixel + j];
      for (let c = 0; c < 3; c++) products[i][TERMS + c] += term * picture.data[3 * pixel + c];
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

function estimateGround(picture) {
  const { height, width } = picture;
  const terms = termsOf(height, width);
  const border = borderOf(height, width);
  const middle = {
    data: [0, 1, 2].map((c) => quantile(border.map((pixel) => picture.data[3 * pixel + c]), 0.5)),
  };
  let near = border.filter((pixel) => distance(picture, pixel, middle, 0) <= NEAR);
  if (!near.length) near = border;
  let threshold = CLOSE;
  let ground;
  for (let i = 0; i < ROUNDS && near.length; i++) {
    ground = surface(terms, fit(terms, picture, near), picture);
    const apart = (pixel) => distance(picture, pixel, ground, pixel);
    threshold = Math.max(CLOSE, UNEVEN * quantile(near.map(apart), 0.5));
    near = border.filter((pixel) => apart(pixel) <= threshold);
  }
  const apart = (pixel) => distance(picture, pixel, ground, pixel);
  const everywhere = [...new Array(height * width).keys()].filter((pixel) => apart(pixel) <= threshold);
  if (everywhere.length) {
    ground = surface(terms, fit(terms, picture, everywhere), picture);
    threshold = Math.max(
      CLOSE,
      SPREAD * quantile(everywhere.map((pixel) => distance(picture, pixel, ground, pixel)), 0.9),
    );
  }
  return { ground: mapped(ground, (value) => Math.min(255, Math.max(0, value))), threshold };
}

function separate(picture, ground, threshold) {
  const { height, width } = picture;
  const mask = { height, width, data: new Uint8Array(height * width) };
  for (let pixel = 0; pixel < height * width; pixel++)
    mask.data[pixel] = distance(picture, pixel, ground, pixel) > threshold ? 1 : 0;
  return withoutSpecks(mask);
}

// Connected parts by flooding, which finds the same as the runs in Python.
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
      const [y, x] = [Math.floor(pixel / width), pixel % width];
      for (let row = Math.max(0, y - 1); row <= Math.min(height - 1, y + 1); row++)
        for (let column = Math.max(0, x - 1); column <= Math.min(width - 1, x + 1); column++) {
          const other = row * width + column;
          if (data[other] && part[other] < 0) {
            part[other] = sizes.length;
            waiting.push(other);
          }
        }
    }
    sizes.push(size);
  }
  const least = SPECK * Math.max(...sizes, 0);
  return { height, width, data: data.map((value, pixel) => (value && sizes[part[pixel]] >= least ? 1 : 0)) };
}

// Top, bottom, left and right of what is set, the ends one past it; null where nothing is.
function box({ height, width, data }) {
  let [top, bottom, left, right] = [height, 0, width, 0];
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      if (data[y * width + x]) {
        top = Math.min(top, y);
        bottom = y + 1;
        left = Math.min(left, x);
        right = Math.max(right, x + 1);
      }
  return bottom ? [top, bottom, left, right] : null;
}

function crop({ height, width, data }, top, bottom, left, right) {
  const [firstRow, firstColumn] = [Math.max(0, top), Math.max(0, left)];
  const rows = Math.min(height, bottom) - firstRow;
  const columns = Math.min(width, right) - firstColumn;
  const result = { height: rows, width: columns, data: new data.constructor(3 * rows * columns) };
  for (let y = 0; y < rows; y++) {
    const start = 3 * ((firstRow + y) * width + firstColumn);
    result.data.set(data.subarray(start, start + 3 * columns), 3 * y * columns);
  }
  return result;
}

export function toWorkingSize(picture) {
  const longest = Math.max(picture.height, picture.width, WORKING);
  const to = (length) => scaled(length, WORKING, longest);
  return rounded(shrink(picture, to(picture.height), to(picture.width)));
}

const scaled = (length, to, longest) =>
  Math.max(1, Math.floor((2 * length * to + longest) / (2 * longest)));

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
  let picture = toWorkingSize(photo);
  let { ground, threshold } = estimateGround(picture);
  if (threshold > CLOSE) {
    picture = smooth(picture);
    ({ ground, threshold } = estimateGround(picture));
  }
  const mask = separate(picture, ground, threshold);
  return { picture, ground, threshold, mask, box: box(mask) };
}

// `visit` is called with each of the up to nine pixels around one, itself among them.
function around({ height, width }, pixel, visit) {
  const [y, x] = [Math.floor(pixel / width), pixel % width];
  for (let row = Math.max(0, y - 1); row <= Math.min(height - 1, y + 1); row++)
    for (let column = Math.max(0, x - 1); column <= Math.min(width - 1, x + 1); column++)
      visit(row * width + column);
}

function withoutFringe(picture, mask) {
  const { height, width } = mask;
  let core = mask.data;
  for (let i = 0; i < FRINGE; i++)
    core = core.map((value, pixel) => {
      let touched = 0;
      around(mask, pixel, (other) => (touched += core[other]));
      return touched === 9 ? 1 : 0; // beyond the edges nothing is garment
    });
  const colours = Float64Array.from(picture.data);
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
  return mapped({ ...picture, data: colours }, round);
}

export function placeOnPaper(picture, ground, mask) {
  const brightness = Float64Array.from(mask.data, (_, pixel) => Math.max(luma(ground, pixel), 1));
  const brightest = brightness.reduce((most, value) => Math.max(most, value));
  const mean = brightness.reduce((sum, value) => sum + value, 0) / brightness.length;
  const cloth = mean < FRINGED ? withoutFringe(picture, mask) : picture;
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

export function trim(picture) {
  const { height, width } = picture;
  const paper = { data: [PAPER, PAPER, PAPER] };
  const mask = { height, width, data: new Uint8Array(height * width) };
  mask.data.forEach((_, pixel) => (mask.data[pixel] = distance(picture, pixel, paper, 0) > CLOSE ? 1 : 0));
  const edges = box(mask);
  return edges ? crop(picture, ...edges) : picture;
}

export function subsample(picture) {
  const { height, width } = picture;
  const longest = Math.max(height, width);
  const [rows, columns] = [scaled(height, SIDE, longest), scaled(width, SIDE, longest)];
  const result = blank(rows, columns);
  for (let y = 0; y < rows; y++)
    for (let x = 0; x < columns; x++) {
      const from = every(y, rows, height) * width + every(x, columns, width);
      for (let c = 0; c < 3; c++)
        result.data[3 * (y * columns + x) + c] = picture.data[3 * from + c];
    }
  return result;
}

const every = (index, count, of) => Math.floor(((2 * index + 1) * of) / (2 * count));

export function sharpen(picture) {
  const { height, width, data } = picture;
  const within = (value, end) => Math.min(end - 1, Math.max(0, value));
  return mapped(picture, (_, index) => {
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

export const toGrey = (picture) =>
  Uint8Array.from({ length: picture.height * picture.width }, (_, pixel) => round(luma(picture, pixel)));
