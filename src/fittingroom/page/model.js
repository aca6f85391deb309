// One exported model in the browser: its answer, the regions that mattered, and similar garments.
import { Refusal } from "./refusal.js";

const SIDE = 28;
const PIXELS = SIDE * SIDE;
const NEAREST = 5;
// Images that go through the model together; more take memory and no less time.
const AT_ONCE = 32;

export class Model {
  // `facts` is the model's entry in site.json, `file` the bytes of its ONNX file.
  static async load(runtime, facts, file) {
    const options = { executionProviders: ["wasm"], logSeverityLevel: 3 };
    try {
      return new Model(runtime, await runtime.InferenceSession.create(file, options), facts);
    } catch (error) {
      console.error(error);
      throw new Refusal("The model does not start here. Reload the page, or try another browser.");
    }
  }

  constructor(runtime, session, facts) {
    this.runtime = runtime;
    this.session = session;
    this.facts = facts;
    this.features = null; // of the garments to compare with; they come last
  }

  // Whether it takes photos in colour, rather than 28×28 grey levels.
  get takesPhotos() {
    return this.facts.shape.length === 3;
  }

  // Images one after the other, uint8 → the model's outputs, tensors.
  async run(images, outputs = this.session.outputNames) {
    const { shape } = this.facts;
    const count = images.length / shape.reduce((product, length) => product * length);
    const tensor = new this.runtime.Tensor("uint8", images, [count, ...shape]);
    return this.session.run({ images: tensor }, outputs);
  }

  async answer(image) {
    const outputs = await this.run(image);
    const [probabilities, features] = [outputs.probabilities.data, outputs.features.data];
    const { classes } = this.facts;
    const order = [...classes.keys()].sort((one, other) => probabilities[other] - probabilities[one]);
    const top = order.map((label) => ({ class: classes[label], probability: probabilities[label] }));
    const abstain = this.abstain(top[0].probability, outputs.ood_score.data[0]);
    return {
      model: this.facts.name,
      class: top[0].class,
      label: order[0],
      probability: top[0].probability,
      probabilities: [...probabilities],
      abstain,
      sentence: sentenceOf(abstain, top),
      top: top.slice(0, 3),
      explanation: outputs.evidence ? heat(outputs.evidence, order[0]) : null,
      nearest: this.features ? this.nearest(features, NEAREST) : [],
    };
  }

  // The rule of predict/abstention.py; a threshold `unknown` of null accepts everything.
  abstain(probability, score) {
    const { unsure, unknown } = this.facts.thresholds;
    if (!(score <= (unknown ?? Infinity))) return "unknown";
    return probability < unsure ? "unsure" : null;
  }

  // Which regions of a 28×28 image mattered, as in predict/explain.py: how much the logarithm of the class'
  // probability falls when a square is blackened.
  async occlusion(image, label) {
    const [square, step] = [6, 2];
    const places = [];
    for (let y = -square + step; y < SIDE; y += step)
      for (let x = -square + step; x < SIDE; x += step) places.push([y, x]);
    const images = new Uint8Array((places.length + 1) * PIXELS);
    const covers = (y, x, visit) => {
      for (let row = Math.max(0, y); row < Math.min(SIDE, y + square); row++)
        for (let column = Math.max(0, x); column < Math.min(SIDE, x + square); column++)
          visit(SIDE * row + column);
    };
    places.forEach(([y, x], index) => {
      images.set(image, index * PIXELS);
      covers(y, x, (pixel) => (images[index * PIXELS + pixel] = 0));
    });
    images.set(image, places.length * PIXELS);
    const count = this.facts.classes.length;
    const logits = new Float32Array(count * (places.length + 1));
    for (let at = 0; at <= places.length; at += AT_ONCE) {
      await new Promise((resolve) => setTimeout(resolve)); // other images are answered first
      const part = images.subarray(at * PIXELS, (at + AT_ONCE) * PIXELS);
      logits.set((await this.run(part, ["logits"])).logits.data, at * count);
    }
    const logarithm = (index) => {
      const row = logits.subarray(index * count, (index + 1) * count);
      const largest = Math.max(...row);
      return row[label] - largest - Math.log(row.reduce((sum, each) => sum + Math.exp(each - largest), 0));
    };
    const whole = logarithm(places.length);
    const [sums, counts] = [new Float64Array(PIXELS), new Float64Array(PIXELS)];
    places.forEach(([y, x], index) => {
      const fall = whole - logarithm(index);
      covers(y, x, (pixel) => {
        sums[pixel] += fall;
        counts[pixel] += 1;
      });
    });
    return table(SIDE, SIDE, (row, column) => sums[SIDE * row + column] / counts[SIDE * row + column]);
  }

  // Indices of the known garments whose features are nearest to an image's, the nearest first.
  nearest(features, count) {
    const size = features.length;
    const distances = Array.from({ length: this.features.length / size }, (_, index) => {
      let sum = 0;
      for (let i = 0; i < size; i++) sum += (this.features[index * size + i] - features[i]) ** 2;
      return sum;
    });
    return [...distances.keys()]
      .sort((one, other) => distances[one] - distances[other])
      .slice(0, count);
  }
}

const table = (rows, columns, at) =>
  Array.from({ length: rows }, (_, row) => Array.from({ length: columns }, (_, column) => at(row, column)));

// How much each place adds to a class, less what it adds to all on average, as `Model.explain` in
// predict/model.py; `evidence` is (1, K, rows, columns).
function heat({ data, dims: [, classes, rows, columns] }, label) {
  const at = (row, column, of) => data[(of * rows + row) * columns + column];
  const mean = (row, column) => {
    let sum = 0;
    for (let of = 0; of < classes; of++) sum += at(row, column, of);
    return sum / classes;
  };
  return table(rows, columns, (row, column) => at(row, column, label) - mean(row, column));
}

// The words of predict/answers.py.
function sentenceOf(abstain, top) {
  const [first, second] = top;
  if (abstain === "unknown") return `I can't tell. It looks most like ${first.class}.`;
  const share = ({ probability }) => `${(100 * probability).toFixed(0)}%`;
  if (abstain === "unsure")
    return `Unsure: between ${first.class} (${share(first)}) and ${second.class} (${share(second)}).`;
  return `${first.class} (${first.probability > 0.99 ? "over 99%" : share(first)}).`;
}
