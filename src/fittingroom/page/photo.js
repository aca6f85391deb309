// Photos as photos/photo.py takes them, under the same limits and with the same words.
import { SIDE, distance, interpolated, luma, mapped, median, toWorkingSize } from "./arithmetic.js";
import { BLACK, WHITE, extend, placeOnPaper, toGrey, toSide } from "./convert.js";
import { PATTERNED, findGarment } from "./garment.js";
import { GREY, ownFormat, spreadOf } from "./own_format.js";
import { decode } from "./pixels.js";
import { isSmall, resize } from "./preparation.js";
import { Refusal } from "./refusal.js";

const MOST_BYTES = 50_000_000;
const MOST_PIXELS = 50_000_000;
const MOST_SIDE = 20_000;
const ADVICE = "Lay the garment on a plain, light sheet and photograph it from above in even light.";
const FAINT = 25;

// A file → its pixels, as `decode` gives them.
export async function openPhoto(blob) {
  if (blob.size > MOST_BYTES)
    throw new Refusal(
      `The file is larger than ${MOST_BYTES / 1e6} MB. Make it smaller: 1,000 pixels a side are plenty.`,
    );
  const bytes = new Uint8Array(await blob.arrayBuffer());
  const kind = kindOf(bytes.subarray(0, 1024));
  let decoded;
  try {
    // By what it is, whatever its name says.
    const named = new Blob([bytes], { type: `image/${kind.toLowerCase()}` });
    const most = (kind === "JPEG" ? 4 : 1) * MOST_PIXELS;
    if (isWhole(kind, bytes)) decoded = await decode(named, most, MOST_SIDE);
  } catch (error) {
    if (error instanceof Refusal) throw error;
  }
  if (!decoded) throw new Refusal("The file is damaged or cut off. Copy or save it again.");
  return decoded;
}

// Pixels → {image: uint8 (784), stages: [{name, sentence, image}], warnings: [str]}; `preparation` is a
// model's.
export function converted(photo, { resized = false, inverted = false } = {}) {
  if (resized && isSmall(photo)) return usedWhole(photo, inverted);
  const own = ownFormat(photo);
  if (!own) return asPhoto(photo);
  const { image, sentence, negated } = own;
  const stages = [stageOf("as it is", sentence, square(image))];
  if (photo.height !== SIDE) stages.unshift(upright(photo));
  return { image, stages, warnings: negated ? ["The image is dark on light, so it was inverted."] : [] };
}

const stageOf = (name, sentence, image) => ({ name, sentence, image });
const square = (data) => ({ height: SIDE, width: SIDE, data });
const upright = (photo) => stageOf("photo", "The photo, upright.", toWorkingSize(photo));

function usedWhole(photo, inverted) {
  const image = resize(photo, inverted);
  const stage = stageOf("28×28", "Used as a whole, as in the model's training.", square(image));
  return { image, stages: [upright(photo), stage], warnings: [] };
}

function kindOf(bytes) {
  const starts = (text, at = 0) =>
    [...text].every((character, index) => bytes[at + index] === character.charCodeAt(0));
  if (starts("\x89PNG\r\n\x1a\n")) return "PNG";
  if (starts("\xff\xd8\xff")) return "JPEG";
  if (starts("GIF8")) return "GIF";
  if (starts("BM") && starts("\0\0\0\0", 6)) return "BMP";
  if (starts("RIFF") && starts("WEBP", 8)) return "WebP";
  if (starts("ftypavif", 4) || starts("ftypavis", 4)) return "AVIF";
  if (starts("ftyphei", 4) || starts("ftyphev", 4))
    throw new Refusal(
      "The file is a HEIC image. Convert it to JPEG first: open it in the Mac's Preview and export it, or " +
        'choose "Most Compatible" in the iPhone\'s settings of the camera.',
    );
  throw new Refusal(
    "The file isn't a PNG, JPEG, GIF, BMP, WebP or AVIF image. Save or export it as one of these.",
  );
}

// Browsers show what there is of an image that is cut off.
function isWhole(kind, bytes) {
  const last = (...ending) => {
    let at = bytes.length - ending.length;
    while (at >= 0 && !ending.every((value, index) => bytes[at + index] === value)) at--;
    return at;
  };
  if (kind === "PNG") return last(0x49, 0x45, 0x4e, 0x44) > 0; // IEND
  if (kind === "JPEG") return last(0xff, 0xd9) > last(0xff, 0xda); // an end after the last scan's start
  if (kind === "GIF") return last(0, 0x3b) > 0; // the last block's end, and the file's
  if (kind === "AVIF") return true; // a part of it isn't decoded
  const size = (at) => new DataView(bytes.buffer).getUint32(at, true);
  return (kind === "BMP" ? size(2) : size(4) + 8) <= bytes.length;
}

function asPhoto(pixels) {
  const found = findGarment(pixels);
  if (!found.box) throw new Refusal(`No garment was found: the image has one colour. ${ADVICE}`);
  const warnings = [];
  let { image: photo, background } = found;
  const { mask } = found;
  const all = [...mask.data.keys()];
  const there = all.filter((pixel) => mask.data[pixel]);
  const middle = median(there.map((pixel) => luma(photo, pixel)));
  const beneath = median(there.map((pixel) => luma(background, pixel)));
  const spread = spreadOf(photo);
  const turn = () => {
    [photo, background] = [photo, background].map((each) => mapped(each, (value) => 255 - value));
  };
  if (beneath <= BLACK && interpolated(spread, 0.99) <= GREY) {
    warnings.push(
      "The image is bright on black and has no colour, so it was taken for an enlarged image of the " +
        "data set. If it is a photo, take it again on a light background.",
    );
    turn();
  } else if (middle >= WHITE && beneath < middle - FAINT) {
    warnings.push(
      "The garment is nearly white. The data set has no white garments, so it was made dark, and the " +
        "answer depends on its shape alone.",
    );
    turn();
  } else if (median(there.map((pixel) => distance(photo, pixel, background, pixel))) < FAINT) {
    warnings.push(
      "The garment hardly differs from its background. Lay it on a plain sheet of another colour.",
    );
  } else if (beneath < 128) warnings.push("The background is dark. Lay the garment on a light sheet.");
  if (found.threshold >= PATTERNED) warnings.push(`The background is not plain. ${ADVICE}`);
  if (edgesReached(mask) >= 2)
    warnings.push(
      "The garment, or what was taken for it, reaches the edges of the image. Leave some background " +
        "around it on all sides.",
    );
  if (isSmall(pixels))
    warnings.push(
      "The image is small, but not in the data set's own format. It was converted as a photo.",
    );

  const placed = placeOnPaper(photo, background, mask);
  const small = toSide(placed, mask);
  const image = toGrey(mapped(extend(small), (value) => 255 - value));
  return {
    image,
    stages: [
      upright(pixels),
      stageOf("garment", "What differs from the background, on near-white.", placed),
      stageOf("28 pixels", "The longest edge reduced to 28.", small),
      stageOf("28×28", "Extended to a square, negated, and made grey.", square(image)),
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
