// Decode image files to pixels, without colour management, and encode pixels as PNG.

import { Refusal } from "./refusal.js";

const PLENTY = 1600; // pixels of the longest side: more than any model sees

// Bytes, grey (H·W) or with colours (3·H·W) → base64 of a PNG.
export async function toPng(bytes, height, width) {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d");
  const pixels = context.createImageData(width, height);
  const channels = bytes.length / (width * height);
  for (let i = 0; i < width * height; i++) {
    for (let c = 0; c < 3; c++) pixels.data[4 * i + c] = bytes[channels * i + (channels === 3 ? c : 0)];
    pixels.data[4 * i + 3] = 255;
  }
  context.putImageData(pixels, 0, 0);
  const blob = await canvas.convertToBlob({ type: "image/png" });
  return base64(new Uint8Array(await blob.arrayBuffer()));
}

export function base64(bytes) {
  let text = "";
  for (let start = 0; start < bytes.length; start += 8192)
    text += String.fromCharCode(...bytes.subarray(start, start + 8192));
  return btoa(text);
}

// An image file → a canvas with its first frame, upright by its EXIF data, transparent parts on white; a
// large one is shrunk.
async function drawn(blob, mostPixels = Infinity, mostSide = Infinity) {
  const bitmap = await createImageBitmap(blob, {
    colorSpaceConversion: "none",
    premultiplyAlpha: "none",
    imageOrientation: "from-image",
  });
  const { width, height } = bitmap;
  const large = width * height > mostPixels && `${mostPixels / 1e6} megapixels`;
  const exceeded = large || (Math.max(width, height) > mostSide && `${mostSide.toLocaleString("en")} on one side`);
  if (exceeded)
    throw new Refusal(
      `The file has ${width}×${height} pixels, more than ${exceeded}. Make it smaller: 1,000 pixels a side are plenty.`,
    );
  const scale = Math.min(1, PLENTY / Math.max(width, height));
  const to = (length) => Math.max(1, Math.round(scale * length));
  const canvas = new OffscreenCanvas(to(width), to(height));
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  return canvas;
}

// An image file → {data: red, green and blue, height, width}, as `drawn` gives it.
export async function decode(blob, mostPixels, mostSide) {
  const canvas = await drawn(blob, mostPixels, mostSide);
  const { width, height } = canvas;
  const pixels = canvas.getContext("2d").getImageData(0, 0, width, height).data;
  const data = new Uint8Array(3 * width * height);
  for (let i = 0, j = 0; i < pixels.length; i += 4) {
    data[j++] = pixels[i];
    data[j++] = pixels[i + 1];
    data[j++] = pixels[i + 2];
  }
  return { data, width, height };
}

// A decoded image stretched to a size as a whole, as `Photo.resized` of photos/photo.py by Pillow's filters →
// red, green and blue. A canvas smooths otherwise, by enough to change answers.
export function resized({ data, height, width }, rows, columns) {
  const share = Math.min(rows / height, columns / width);
  const [high, wide] = [height, width].map((edge) => Math.max(1, Math.round(share * edge)));
  let turned = resampled(data, height, width, wide, bicubic);
  const fits = resampled(turned, wide, height, high, bicubic);
  turned = resampled(fits, high, wide, columns, linear);
  return new Uint8Array(resampled(turned, columns, high, rows, linear));
}

// `rows` lines of `from` pixels become lines of `to` pixels, and are turned: rows become columns.
function resampled(data, rows, from, to, filter) {
  const result = new Uint8ClampedArray(3 * rows * to);
  const scale = Math.max(from / to, 1);
  for (let i = 0; i < to; i++) {
    const centre = ((i + 0.5) * from) / to;
    const first = Math.max(0, Math.round(centre - 2 * scale));
    const last = Math.min(from, Math.round(centre + 2 * scale));
    const weights = Array.from({ length: last - first }, (_, k) => filter((first + k + 0.5 - centre) / scale));
    const total = weights.reduce((sum, weight) => sum + weight);
    for (let k = 0; k < 3 * rows; k++) {
      const start = 3 * (Math.floor(k / 3) * from + first) + (k % 3);
      let value = 0; // a loop, since this is most of the time
      for (let at = 0; at < weights.length; at++) value += weights[at] * data[start + 3 * at];
      result[3 * i * rows + k] = value / total;
    }
  }
  return result;
}

const linear = (distance) => Math.max(0, 1 - Math.abs(distance));

function bicubic(distance) {
  const x = Math.abs(distance);
  if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
  return x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0;
}

export const blobOf = (base64) => new Blob([bytesOf(base64)], { type: "image/png" });
export const bytesOf = (base64) => Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));

// A photo as a phone takes it, made small enough to be sent; what is small is sent as it is.
export async function shrunk(blob) {
  if (blob.size <= 1_000_000) return blob;
  const canvas = await drawn(blob).catch(() => null);
  // The server says what is wrong with it.
  return canvas ? canvas.convertToBlob({ type: "image/jpeg", quality: 0.95 }) : blob;
}

// The grey levels of an image in the data set's own format: uint8 (784).
export async function greyLevels(blob) {
  const { data } = await decode(blob);
  return data.filter((_, index) => index % 3 === 0);
}
