// The worker of an exported page: it converts photos and runs models, by ONNX Runtime's WebAssembly build on one
// thread. `local.js` calls it, and loads its files.
import { crop } from "./arithmetic.js";
import { join } from "./calls.js";
import { Taught, learn, unit } from "./head.js";
import { Model } from "./model.js";
import { ownFormat } from "./own_format.js";
import { converted, openPhoto } from "./photo.js";
import { decode, resized, toPng } from "./pixels.js";
import { Refusal } from "./refusal.js";

const RUNTIME = "onnxruntime/ort-wasm-simd-threaded.wasm.gz";

let site;
let own; // of each model promises: of itself, and of the one for images of 28×28 that it has beside it
let asked; // the same, or the taught model first
let layer; // what the first model was taught
let garments = null; // what photos are compared with; they come last

const page = join(self, {
  // What the first answer takes is loaded first: the runtime, and the models of 28×28 images.
  start: async (given) => {
    site = given;
    const first = site.models.map((facts) => facts.small ?? facts);
    const came = page("load", "the model", [RUNTIME, ...first.map(({ file }) => file)]);
    const began = (async () => {
      // @ts-ignore: it lies in exported folders alone
      const [runtime, [program, ...files]] = await Promise.all([import("./onnxruntime/ort.wasm.bundle.min.js"), came]);
      runtime.env.wasm.numThreads = 1;
      runtime.env.wasm.wasmBinary = await unpacked(new Uint8Array(program));
      const models = await Promise.all(first.map((facts, i) => Model.load(runtime, facts, files[i])));
      return { runtime, models };
    })();
    const ofPhotos = site.models.filter(({ small }) => small);
    const whole = came.then(async () => {
      const files = await page("load", "the model of photos", ofPhotos.map(({ file }) => file));
      const { runtime, models } = await began;
      const more = files.map((file, i) => Model.load(runtime, ofPhotos[i], file));
      return Promise.all(site.models.map(({ small }, i) => (small ? more.shift() : models[i])));
    });
    own = site.models.map(({ small }, i) => ({
      small: small && began.then(({ models }) => models[i]),
      whole: (small ? whole : began.then(({ models }) => models)).then((models) => models[i]),
    }));
    asked = [...own];
    await whole;
    if (!site.known) return;
    const compared = (await began).models.filter(({ facts }) => facts.features);
    const names = ["garments.png", ...compared.map(({ facts }) => facts.features)];
    const [sheet, ...features] = await page("load", "garments to compare with", names);
    const kinds = site.known.map((label) => compared[0].facts.classes[label]);
    garments = { sheet: await decode(new Blob([sheet])), classes: kinds };
    compared.forEach((model, i) => (model.features = new Float32Array(features[i])));
  },
  classify: async (blob, isOwn) => {
    const photo = await openPhoto(blob);
    const answers = [];
    for (const model of asked) answers.push(await answer(model, photo, isOwn));
    return answers;
  },
  explain: async (index, image, label) => (await (own[index].small ?? own[index].whole)).occlusion(image, label),
  features: async (blob) => {
    const model = await own[0].whole;
    const image = resized(await openPhoto(blob), ...model.facts.shape);
    return (await model.run(image, ["features"])).features.data;
  },
  learn: (photos, labels, classes) => {
    const learned = learn(photos.map(unit), labels, classes.length, site.models[0].teaching);
    layer = { ...learned, classes };
    return { right: learned.right, answered: learned.answered };
  },
  teach: async (taught) => {
    const model = taught && new Taught(await own[0].whole, layer);
    asked[0] = taught ? { whole: model } : own[0];
    return [taught ? model.facts : site.models[0], ...site.models.slice(1)];
  },
});

// Some hosts have the browser unpack it.
async function unpacked(bytes) {
  if (bytes[0] !== 0x1f) return bytes;
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// One model's answer, by the rules of serve/classify.py and under the same names.
async function answer(model, photo, own) {
  const small = await model.small;
  if (small && (own || ownFormat(photo))) return answerOf28(small, photo, own, true);
  const whole = await model.whole;
  if (!whole.takesPhotos) return answerOf28(whole, photo, own, true);
  const image = resized(photo, ...whole.facts.shape);
  const said = { ...(await whole.answer(image)), image: await toPng(image, ...whole.facts.shape), warnings: [] };
  if (!small) return said;
  try {
    const { stages, nearest, ...beside } = await answerOf28(small, photo, own, false);
    return { ...said, stages, nearest, small: beside };
  } catch (error) {
    if (error instanceof Refusal) return said; // it has one colour, and can't be converted
    throw error;
  }
}

async function answerOf28(model, photo, own, explains) {
  const { image, stages, warnings } = own
    ? { image: photo.data.filter((_, index) => index % 3 === 0), stages: [], warnings: [] }
    : converted(photo, model.facts.preparation);
  const { nearest, ...said } = await model.answer(image);
  const shown = async ({ image: { data, height, width }, ...words }) => {
    return { ...words, image: await toPng(data, height, width) };
  };
  return {
    ...said,
    explains: explains && image, // asked for once the answer is shown: it takes longer
    image: await toPng(image, 28, 28),
    stages: await Promise.all(stages.map(shown)),
    warnings,
    nearest: await Promise.all(nearest.map(garmentAt)),
  };
}

// One of the images of the data set, which lie side by side on a sheet, and its class.
async function garmentAt(index) {
  const { sheet, classes } = garments;
  const columns = sheet.width / 28;
  const [top, left] = [28 * Math.floor(index / columns), 28 * (index % columns)];
  const { data } = crop(sheet, top, top + 28, left, left + 28);
  return { class: classes[index], image: await toPng(data, 28, 28) };
}
