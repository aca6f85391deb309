// Arithmetic on images as in photos/arithmetic.py, function by function under the same names. An image
// is {height, width, data}, data holding red, green and blue in turn; a mask is {height, width, data} with
// one 0 or 1 a pixel.
export const SIDE = 28;
export const CLOSE = 0.05 * 255;
export const WORKING = 160;

export const blank = (height, width) => ({ height, width, data: new Float64Array(3 * height * width) });

// The same image, each number changed by `change(value, index)`.
export const mapped = (image, change) => ({ ...image, data: Float64Array.from(image.data, change) });

export const round = (value) => Math.min(255, Math.max(0, Math.floor(value + 0.5)));
export const rounded = (image) => mapped(image, round);

export const luma = ({ data }, pixel) =>
  (54 * data[3 * pixel] + 183 * data[3 * pixel + 1] + 19 * data[3 * pixel + 2]) / 256;

// Between pixel `i` of one image and pixel `j` of another.
export const distance = (one, i, other, j) =>
  Math.max(
    Math.abs(one.data[3 * i] - other.data[3 * j]),
    Math.abs(one.data[3 * i + 1] - other.data[3 * j + 1]),
    Math.abs(one.data[3 * i + 2] - other.data[3 * j + 2]),
  );

export function quantile(values, share) {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.floor(share * (sorted.length - 1))];
}

// The same, interpolated as NumPy does.
export function interpolated(values, share) {
  const sorted = Float64Array.from(values).sort();
  const at = share * (sorted.length - 1);
  const [below, above] = [Math.floor(at), Math.ceil(at)];
  return sorted[below] + (sorted[above] - sorted[below]) * (at - below);
}

export const median = (values) => interpolated(values, 0.5);

export function shrink(image, height, width) {
  return image.width * height <= 2 * image.height * width
    ? shrinkColumns(shrinkRows(image, height), width)
    : shrinkRows(shrinkColumns(image, width), height);
}

function shrinkRows(image, height) {
  const line = 3 * image.width;
  return { ...image, height, data: shrunk(image.data, image.height, height, 1, line, line, line) };
}

function shrinkColumns(image, width) {
  const { height, width: from, data } = image;
  return { ...image, width, data: shrunk(data, from, width, height, 3, 3 * from, 3 * width) };
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

export function toWorkingSize(image) {
  const longest = Math.max(image.height, image.width, WORKING);
  const to = (length) => scaled(length, WORKING, longest);
  return rounded(shrink(image, to(image.height), to(image.width)));
}

export const scaled = (length, to, longest) =>
  Math.max(1, Math.floor((2 * length * to + longest) / (2 * longest)));

// Top, bottom, left and right of what is set, the ends one past it; null where nothing is.
export function box({ height, width, data }) {
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

export function crop({ height, width, data }, top, bottom, left, right) {
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
