// The back end of an exported folder: it converts photos and runs models in the browser, by ONNX Runtime's
// WebAssembly build on one thread. It loads files beside this one only, and sends nothing.
import { readPhoto } from "./photo.js";
import { Model } from "./model.js";
import { decode, greyLevels, toPng } from "./pixels.js";

const here = (name) => new URL(name, import.meta.url).href;

export async function connect() {
  const [site, runtime] = await Promise.all([
    fetch(here("site.json")).then((response) => response.json()),
    // @ts-ignore: it lies in exported folders alone
    import("./onnxruntime/ort.wasm.bundle.min.js"),
  ]);
  runtime.env.wasm.numThreads = 1;
  runtime.env.wasm.wasmPaths = { wasm: here("onnxruntime/ort-wasm-simd-threaded.wasm") };
  const [garments, ...models] = await Promise.all([
    site.garments && Garments.load(site.garments), // null if no model knows garments
    ...site.models.map((model) => Model.load(runtime, model, here)),
  ]);
  return {
    models: site.models,
    samples: garments ? await garments.all(site.garments.known) : [],
    place: "Your photos stay on this device: the model runs in your browser, and the page sends nothing.",
    classify: (blob, name, own) => classify(blob, own, models, garments),
  };
}

async function classify(blob, own, models, garments) {
  const answers = [];
  for (const model of models) {
    const photo = own
      ? { image: await greyLevels(blob), stages: [], warnings: [] }
      : await readPhoto(blob, model.facts.preparation);
    const shared = {
      image: await toPng(photo.image, 28, 28),
      stages: await Promise.all(
        photo.stages.map(async ({ image, ...words }) => ({
          ...words,
          image: await toPng(image.data, image.width, image.height),
        })),
      ),
      warnings: photo.warnings,
    };
    const { nearest, ...answer } = await model.answer(photo.image);
    answers.push({
      ...answer,
      ...shared,
      nearest: await Promise.all(nearest.map((index) => garments.at(index))),
    });
  }
  return answers;
}

// Images of the data set, side by side on a sheet: first those that photos are compared with, then those
// for the rail.
class Garments {
  static async load({ file, labels, classes }) {
    const sheet = await decode(await fetch(here(file)).then((response) => response.blob()));
    return new Garments(sheet, labels, classes);
  }

  constructor(sheet, labels, classes) {
    this.sheet = sheet;
    this.labels = labels;
    this.classes = classes;
  }

  async at(index) {
    const { width, data } = this.sheet;
    const columns = width / 28;
    const start = 28 * Math.floor(index / columns) * width + 28 * (index % columns);
    const pixels = new Uint8Array(784);
    for (let y = 0; y < 28; y++)
      for (let x = 0; x < 28; x++) pixels[28 * y + x] = data[3 * (start + y * width + x)];
    const label = this.labels[index];
    return { class: this.classes[label], label, image: await toPng(pixels, 28, 28) };
  }

  // All from one place on.
  all(from) {
    const indices = this.labels.map((_, index) => index).slice(from);
    return Promise.all(indices.map((index) => this.at(index)));
  }
}
