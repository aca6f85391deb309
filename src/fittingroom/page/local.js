// The back end of an exported folder: it converts photos and runs models in the browser, by ONNX Runtime's
// WebAssembly build on one thread. It loads files beside this one only, and sends nothing.
import { Taught } from "./head.js";
import { Model } from "./model.js";
import { ownFormat } from "./own_format.js";
import { converted, openPhoto } from "./photo.js";
import { decode, resized, toPng } from "./pixels.js";
import { Refusal } from "./refusal.js";

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
  const [first] = models;
  const backend = {
    models: site.models,
    samples: garments ? await garments.all(site.garments.known) : [],
    place: "Your photos stay on this device: the model runs in your browser, and the page sends nothing.",
    classify: async (blob, name, own) => {
      const photo = await openPhoto(blob);
      const answers = [];
      for (const model of models) answers.push(await answer(model, photo, own, garments));
      return answers;
    },
    features: async (blob) => {
      const image = resized(await openPhoto(blob), ...first.facts.shape);
      return (await first.run(image, ["features"])).features.data;
    },
    teaching: first.facts.teaching,
    teach: (layer) => {
      models[0] = layer ? new Taught(first, layer) : first;
      backend.models = models.map(({ facts }) => facts);
    },
  };
  return backend;
}

// One model's answer, by the rules of serve/classify.py and under the same names.
async function answer(model, photo, own, garments) {
  const small = await model.small;
  if (!model.takesPhotos || (small && (own || ownFormat(photo))))
    return answerOf28(small ?? model, photo, own, garments, true);
  const image = resized(photo, ...model.facts.shape);
  const said = { ...(await model.answer(image)), image: await toPng(image, ...model.facts.shape), warnings: [] };
  if (!small) return said;
  try {
    const { stages, nearest, ...beside } = await answerOf28(small, photo, own, garments, false);
    return { ...said, stages, nearest, small: beside };
  } catch (error) {
    if (error instanceof Refusal) return said; // it has one colour, and can't be converted
    throw error;
  }
}

async function answerOf28(model, photo, own, garments, explains) {
  const { image, stages, warnings } = own
    ? { image: photo.data.filter((_, index) => index % 3 === 0), stages: [], warnings: [] }
    : converted(photo, model.facts.preparation);
  const { nearest, ...said } = await model.answer(image);
  return {
    ...said,
    explanation: explains ? await model.occlusion(image, said.label) : null,
    image: await toPng(image, 28, 28),
    stages: await Promise.all(
      stages.map(async ({ image, ...words }) => ({
        ...words,
        image: await toPng(image.data, image.height, image.width),
      })),
    ),
    warnings,
    nearest: await Promise.all(nearest.map((index) => garments.at(index))),
  };
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
