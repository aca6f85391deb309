// Photos as photos/photo.py takes them, under the same limits and with the same words.
import { SIDE, distance, luma, mapped, toWorkingSize } from "./arithmetic.js";
import {
  BLACK,
  WHITE,
  extend,
  placeOnPaper,
  sharpen,
  subsample,
  toGrey,
  toThumbnail,
  trim,
} from "./convert.js";
import { findGarment } from "./garment.js";
import { GREY, ownFormat, spreadOf } from "./own_format.js";
import { decode } from "./pixels.js";
import { Refusal } from "./refusal.js";

const MOST_BYTES = 25_000_000;
const MOST_PIXELS = 50_000_000;
const ADVICE = "Lay the garment on a plain, light sheet and photograph it from above in even light.";
const FAINT = 25;
const PATTERNED = 30;

// The value below which `share` of the values lie, interpolated as NumPy does.
function quantile(values, share) {
  const sorted = Float64Array.from(values).sort();
  const at = share * (sorted.length - 1);
  const below = Math.floor(at);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (sorted[above] - sorted[below]) * (at - below);
}

const median = (values) => quantile(values, 0.5);

// A file → {image: uint8 (784), stages: [{name, sentence, picture}], warnings: [str]}.
export async function readPhoto(blob) {
  if (blob.size > MOST_BYTES)
    throw new Refusal(
      `Expected a file of at most ${MOST_BYTES / 1e6} MB. Received a larger one. Make the picture ` +
        "smaller: 1,000 pixels a side are plenty.",
    );
  const bytes = new Uint8Array(await blob.arrayBuffer());
  const kind = kindOf(bytes.subarray(0, 1024));
  let decoded;
  try {
    // By what it is, whatever its name says.
    const named = new Blob([bytes], { type: `image/${kind.toLowerCase()}` });
    if (isWhole(kind, bytes)) decoded = await decode(named, MOST_PIXELS);
  } catch (error) {
    if (error instanceof Refusal) throw error;
  }
  if (!decoded)
    throw new Refusal(
      `Expected a whole ${kind} picture. Received one that is cut off or damaged. Copy or save it again.`,
    );
  return fromPixels(decoded);
}

// Red, green and blue, uint8, of an upright picture → what `readPhoto` gives.
export function fromPixels(photo) {
  const own = ownFormat(photo);
  if (!own) return converted(photo);
  const { image, sentence } = own;
  const stages = [{ name: "as it is", sentence, picture: { height: SIDE, width: SIDE, data: image } }];
  if (photo.height !== SIDE)
    stages.unshift({ name: "photo", sentence: "The photo, upright.", picture: toWorkingSize(photo) });
  return { image, stages, warnings: [] };
}

function kindOf(bytes) {
  const starts = (text, at = 0) =>
    [...text].every((character, index) => bytes[at + index] === character.charCodeAt(0));
  if (starts("\x89PNG\r\n\x1a\n")) return "PNG";
  if (starts("\xff\xd8\xff")) return "JPEG";
  if (starts("RIFF") && starts("WEBP", 8)) return "WebP";
  const received = bytes.length ? described(bytes, starts) : "an empty file";
  throw new Refusal(
    `Expected a PNG, JPEG or WebP picture. Received ${received}. Save or export it as PNG or JPEG.`,
  );
}

// Browsers show what there is of a picture that is cut off.
function isWhole(kind, bytes) {
  const last = (...ending) => {
    let at = bytes.length - ending.length;
    while (at >= 0 && !ending.every((value, index) => bytes[at + index] === value)) at--;
    return at;
  };
  if (kind === "PNG") return last(0x49, 0x45, 0x4e, 0x44) > 0; // IEND
  if (kind === "JPEG") return last(0xff, 0xd9) > last(0xff, 0xda); // an end after the last scan's start
  return new DataView(bytes.buffer).getUint32(4, true) + 8 <= bytes.length;
}

function described(bytes, starts) {
  const others = {
    GIF8: "a GIF",
    BM: "a BMP",
    "II*\0": "a TIFF",
    "MM\0*": "a TIFF",
    "%PDF": "a PDF",
    "8BPS": "a Photoshop file",
    "PK\x03\x04": "a ZIP archive or a document",
    "\0\0\x01\0": "an icon",
  };
  const other = Object.keys(others).find((start) => starts(start));
  if (other) return others[other];
  if (starts("ftyp", 4)) return "a HEIC, AVIF or video file";
  const head = new TextDecoder().decode(bytes).toLowerCase();
  if (head.includes("<svg")) return "an SVG drawing";
  if (head.includes("<html") || head.includes("<!doctype")) return "a web page";
  return "something else, by its first bytes";
}

function converted(pixels) {
  const found = findGarment(pixels);
  if (!found.box)
    throw new Refusal(
      `Expected a garment that differs from its ground. Received a picture of one colour. ${ADVICE}`,
    );
  const warnings = [];
  let { picture, ground } = found;
  const { mask } = found;
  const all = [...mask.data.keys()];
  const there = all.filter((pixel) => mask.data[pixel]);
  const middle = median(there.map((pixel) => luma(picture, pixel)));
  const beneath = median(there.map((pixel) => luma(ground, pixel)));
  const spread = spreadOf(picture);
  const turn = () => {
    [picture, ground] = [picture, ground].map((each) => mapped(each, (value) => 255 - value));
  };
  if (beneath <= BLACK && quantile(spread, 0.99) <= GREY) {
    warnings.push(
      "Bright on black and without colour: taken for a picture in the data set's own manner, " +
        "enlarged. If it is a photo, take it anew on a light ground.",
    );
    turn();
  } else if (middle >= WHITE && beneath < middle - FAINT) {
    warnings.push(
      "The garment is nearly white. The data set has no white garments, so it was turned dark; the " +
        "answer goes by its shape alone.",
    );
    turn();
  } else if (median(there.map((pixel) => distance(picture, pixel, ground, pixel))) < FAINT) {
    warnings.push(
      "The garment hardly differs from its ground. Lay it on a plain sheet of another colour; the data " +
        "set has no white garments, and little is known of them.",
    );
  } else if (beneath < 128) warnings.push(`The ground is dark. ${ADVICE}`);
  if (found.threshold >= PATTERNED) warnings.push(`The ground is not plain. ${ADVICE}`);
  if (edgesReached(mask) >= 2)
    warnings.push(
      "The garment, or what was taken for it, reaches the picture's edges. Leave some ground around it " +
        "on all sides.",
    );

  const placed = placeOnPaper(picture, ground, mask);
  const thumbnail = toThumbnail(placed, mask);
  const small = subsample(trim(thumbnail));
  const sharp = sharpen(small);
  const image = toGrey(mapped(extend(sharp), (value) => 255 - value));
  const stage = (name, sentence, made) => ({ name, sentence, picture: made });
  return {
    image,
    stages: [
      stage("photo", "The photo, upright.", toWorkingSize(pixels)),
      stage("garment", "What differs from the ground, on near-white.", placed),
      stage("thumbnail", "As small as the originals' thumbnails.", thumbnail),
      stage("28 pixels", "Trimmed, and the longest edge brought to 28.", small),
      stage("sharpened", "Sharpened by a Gaussian of radius 1.", sharp),
      stage("28×28", "Extended to a square, negated, and made grey.", {
        height: SIDE,
        width: SIDE,
        data: image,
      }),
    ],
    warnings,
  };
}

// How many of the four edges the garment covers more than 0.3 of.
function edgesReached({ height, width, data }) {
  const lines = [
    [0, 1, width],
    [(height - 1) * width, 1, width],
    [0, width, height],
    [width - 1, width, height],
  ];
  return lines.filter(([start, step, count]) => {
    let covered = 0;
    for (let i = 0; i < count; i++) covered += data[start + i * step];
    return covered / count > 0.3;
  }).length;
}
