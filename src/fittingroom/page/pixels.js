// Decode image files to pixels, without colour management, and encode pixels as PNG.

import { Refusal } from "./refusal.js";

// Bytes, grey (W·H) or with colours (3·W·H) → base64 of a PNG.
export async function toPng(bytes, width, height) {
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

function base64(bytes) {
  let text = "";
  for (let start = 0; start < bytes.length; start += 8192)
    text += String.fromCharCode(...bytes.subarray(start, start + 8192));
  return btoa(text);
}

// An image file → {data: red, green and blue, height, width}: its first frame, upright by its EXIF data,
// transparent parts on white.
export async function decode(blob, mostPixels = Infinity, mostSide = Infinity) {
  const bitmap = await createImageBitmap(blob, {
    colorSpaceConversion: "none",
    premultiplyAlpha: "none",
    imageOrientation: "from-image",
  });
  const { width, height } = bitmap;
  if (width * height > mostPixels)
    throw new Refusal(
      `The file has ${width}×${height} pixels, more than ${mostPixels / 1e6} megapixels. Make it ` +
        "smaller: 1,000 pixels a side are plenty.",
    );
  if (Math.max(width, height) > mostSide)
    throw new Refusal(
      `The file has ${width}×${height} pixels, more than ${mostSide.toLocaleString("en")} on one side. ` +
        "Make it smaller: 1,000 pixels a side are plenty.",
    );
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  context.fillStyle = "#fff";
  context.fillRect(0, 0, width, height);
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  const pixels = context.getImageData(0, 0, width, height).data;
  const data = new Uint8Array(3 * width * height);
  for (let i = 0, j = 0; i < pixels.length; i += 4) {
    data[j++] = pixels[i];
    data[j++] = pixels[i + 1];
    data[j++] = pixels[i + 2];
  }
  return { data, width, height };
}

// A photo as a phone takes it, made small enough to be sent; what is small is sent as it is.
export async function shrunk(blob) {
  if (blob.size <= 1_000_000) return blob;
  const bitmap = await createImageBitmap(blob, {
    colorSpaceConversion: "none",
    imageOrientation: "from-image",
  }).catch(() => null);
  if (!bitmap) return blob; // the server says what is wrong with it
  const scale = Math.min(1, 1600 / Math.max(bitmap.width, bitmap.height));
  const canvas = new OffscreenCanvas(
    Math.max(1, Math.round(scale * bitmap.width)),
    Math.max(1, Math.round(scale * bitmap.height)),
  );
  const context = canvas.getContext("2d");
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  return canvas.convertToBlob({ type: "image/jpeg", quality: 0.95 });
}

// The grey levels of an image in the data set's own format: uint8 (784).
export async function greyLevels(blob) {
  const { data } = await decode(blob);
  return data.filter((_, index) => index % 3 === 0);
}
