// One exported model in the browser: its answer, the regions that mattered, and similar garments.
const SIDE = 28;
const PIXELS = SIDE * SIDE;
const NEAREST = 5;
// Images that go through the model together; more take memory and no less time.
const AT_ONCE = 32;

export class Model {
  // `facts` is the model's entry in site.json; `here` gives the address of a file beside it.
  static async load(runtime, facts, here) {
    const session = await runtime.InferenceSession.create(here(facts.file), {
      executionProviders: ["wasm"],
      logSeverityLevel: 3,
    });
    // Only a model of garments has features to compare with.
    const known = facts.features && (await fetch(here(facts.features)));
    const features = known && new Float32Array(await known.arrayBuffer());
    return new Model(runtime, session, facts, features);
  }

  constructor(runtime, session, facts, features) {
    this.runtime = runtime;
    this.session = session;
    this.facts = facts;
    this.features = features;
  }

  // Images, uint8 (N·784) → the model's outputs, each a flat array.
  async run(images, outputs = this.session.outputNames) {
    const shape = [images.length / PIXELS, SIDE, SIDE];
    const tensor = new this.runtime.Tensor("uint8", images, shape);
    const results = await this.session.run({ images: tensor }, outputs);
    return Object.fromEntries(outputs.map((name) => [name, results[name].data]));
  }

  async answer(image) {
    const { probabilities, features, ood_score: score } = await this.run(image);
    const { classes } = this.facts;
    const order = [...classes.keys()].sort((one, other) => probabilities[other] - probabilities[one]);
    const top = order.map((label) => ({ class: classes[label], probability: probabilities[label] }));
    const abstain = this.abstain(top[0].probability, score[0]);
    return {
      model: this.facts.name,
      class: top[0].class,
      label: order[0],
      probability: top[0].probability,
      probabilities: [...probabilities],
      abstain,
      sentence: sentenceOf(abstain, top, this.features ? "Not a garment" : "Nothing"),
      top: top.slice(0, 3),
      explanation: await this.explain(image, order[0]),
      nearest: this.features ? this.nearest(features, NEAREST) : [],
    };
  }

  // The rule of predict/abstention.py; a threshold `unknown` of null accepts everything.
  abstain(probability, score) {
    const { unsure, unknown } = this.facts.thresholds;
    if (!(score <= (unknown ?? Infinity))) return "unknown";
    return probability < unsure ? "unsure" : null;
  }

  // Which regions mattered, as in predict/explain.py: how much the logarithm of the class' probability
  // falls when a square is blackened.
  async explain(image, label) {
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
      const part = images.subarray(at * PIXELS, (at + AT_ONCE) * PIXELS);
      logits.set((await this.run(part, ["logits"])).logits, at * count);
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
    return Array.from({ length: SIDE }, (_, row) =>
      Array.from({ length: SIDE }, (_, column) => sums[SIDE * row + column] / counts[SIDE * row + column]),
    );
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

// The words of predict/answers.py.
function sentenceOf(abstain, top, nothing) {
  const [first, second] = top;
  if (abstain === "unknown") return `${nothing} that I know (the closest class is ${first.class}).`;
  const share = ({ probability }) => `${(100 * probability).toFixed(0)}%`;
  if (abstain === "unsure")
    return `Unsure: between ${first.class} (${share(first)}) and ${second.class} (${share(second)}).`;
  return `${first.class} (${first.probability > 0.99 ? "over 99%" : share(first)}).`;
}
