// A new last layer for the model of photos, as teaching/fit.py and jobs/teach.py make it. A photo is its
// features, of length one; labels are numbers below `count`.
import { interpolated } from "./arithmetic.js";
import { Model } from "./model.js";

const FLAT = 1e-4; // of the gradient
const MOST_STEPS = 5000;

const numbered = (count) => [...Array(count).keys()];
const largest = (values) => values.indexOf(Math.max(...values));
const sizesOf = (labels, count) => numbered(count).map((label) => labels.filter((each) => each === label).length);

function dot(one, other) {
  let total = 0; // a loop, since this is most of the time
  for (let i = 0; i < one.length; i++) total += one[i] * other[i];
  return total;
}

function sum(photos, shares) {
  const total = new Float64Array(photos[0].length);
  photos.forEach((photo, i) => {
    for (let at = 0; at < total.length; at++) total[at] += shares[i] * photo[at];
  });
  return total;
}

function softmax(logits, temperature = 1) {
  const most = Math.max(...logits);
  const shares = logits.map((logit) => Math.exp((logit - most) / temperature));
  const total = shares.reduce((sum, share) => sum + share);
  return shares.map((share) => share / total);
}

// The model of photos with the layer that `learn` gives in place of its own.
export class Taught extends Model {
  constructor({ runtime, session, facts }, { classes, head, temperature, thresholds }) {
    const own = { name: "photo, taught by you", accuracy: null, parameters: null };
    super(runtime, session, { ...facts, ...own, classes, thresholds });
    this.head = head;
    this.temperature = temperature;
  }

  // Without evidence, which takes what features are the mean of: the model does not give it.
  async run(images) {
    const { features } = await super.run(images, ["features"]);
    const photo = unit(features.data);
    const data = softmax(this.head.logits(photo), this.temperature);
    return { features, probabilities: { data }, ood_score: { data: [this.head.distance(photo)] } };
  }
}

export function unit(features) {
  const length = Math.sqrt(dot(features, features));
  return features.map((value) => value / length);
}

// A layer, its temperature and thresholds by cross-validation, and how many photos were `right` and `answered` there.
export function learn(photos, labels, count, { strength, folds, temperatures, risk, accepted }) {
  const parts = Math.min(folds, ...sizesOf(labels, count));
  const seen = new Array(count).fill(0);
  const fold = labels.map((label) => seen[label]++ % parts); // each class is spread over all of them
  const heads = numbered(parts).map((part) => {
    const others = (_, i) => fold[i] !== part;
    return fitHead(photos.filter(others), labels.filter(others), count, strength);
  });
  const logits = photos.map((photo, i) => heads[fold[i]].logits(photo));
  const distances = photos.map((photo, i) => heads[fold[i]].distance(photo));
  const temperature = fitTemperature(logits, labels, temperatures);
  const probabilities = logits.map((each) => softmax(each, temperature));
  const right = logits.map((each, i) => largest(each) === labels[i]);
  const sure = probabilities.map((each) => Math.max(...each));
  const thresholds = chooseThresholds(sure, right, distances, risk, accepted);
  const { unsure, unknown } = thresholds;
  return {
    head: fitHead(photos, labels, count, strength),
    temperature,
    thresholds,
    right: right.filter(Boolean).length,
    answered: sure.filter((each, i) => each >= unsure && distances[i] <= unknown).length,
  };
}

// Logistic regression by Nesterov's accelerated gradient descent. The penalty keeps the weights in the span of the
// photos, so only a number for each photo and class, and a bias for each class, are to be found.
export function fitHead(photos, labels, count, strength) {
  const products = photos.map((one) => Float64Array.from(photos, (other) => dot(one, other)));
  const sizes = sizesOf(labels, count);
  // Classes are balanced. Of two, scikit-learn penalises the difference.
  const scale = (photos.length * strength) / count / (count === 2 ? 2 : 1);
  const shares = labels.map((label) => scale / sizes[label]);
  const curved = products.map((row) => row.reduce((sum, each, j) => sum + (Math.abs(each) + 1) * shares[j], 0));
  const steep = 1 + Math.max(...curved) / 2;
  const momentum = (Math.sqrt(steep) - 1) / (Math.sqrt(steep) + 1);
  const blank = () => numbered(count).map(() => new Float64Array(photos.length + 1)); // the last is the bias
  let [found, ahead, slope] = [blank(), blank(), Infinity];
  for (let step = 0; slope > FLAT && step < MOST_STEPS; step++) {
    const gradient = blank();
    products.forEach((row, i) => {
      softmax(ahead.map((each) => dot(row, each) + each[row.length])).forEach((share, label) => {
        const error = shares[i] * (share - Number(label === labels[i]));
        gradient[label][i] = ahead[label][i] + error;
        gradient[label][row.length] += error;
      });
    });
    slope = Math.max(...gradient.map((each) => each.reduce((most, value) => Math.max(most, Math.abs(value)), 0)));
    const next = ahead.map((each, label) => each.map((value, i) => value - gradient[label][i] / steep));
    ahead = next.map((each, label) => each.map((value, i) => value + momentum * (value - found[label][i])));
    found = next;
  }
  const weights = found.map((each) => sum(photos, each));
  const means = numbered(count).map((label) => unit(sum(photos, labels.map((each) => Number(each === label)))));
  return {
    logits: (photo) => weights.map((each, label) => dot(photo, each) + found[label][photos.length]),
    distance: (photo) => 1 - Math.max(...means.map((mean) => dot(photo, mean))),
  };
}

// The temperature of the least log loss, to 1%.
export function fitTemperature(logits, labels, [coldest, hottest]) {
  const steps = Math.ceil(100 * Math.log(hottest / coldest));
  const tried = numbered(steps + 1).map((step) => coldest * (hottest / coldest) ** (step / steps));
  const loss = (temperature) =>
    logits.reduce((sum, each, i) => sum - Math.log(Math.max(softmax(each, temperature)[labels[i]], 1e-300)), 0);
  const losses = tried.map(loss);
  return tried[losses.indexOf(Math.min(...losses))];
}

// As metrics/thresholds.py chooses them, by the share of mistakes itself.
export function chooseThresholds(sure, right, distances, risk, accepted) {
  const unknown = interpolated(distances, accepted);
  const known = numbered(sure.length).filter((i) => distances[i] <= unknown);
  let unsure = 1;
  for (const threshold of [0.999, 0.995, ...numbered(99).map((step) => (99 - step) / 100)]) {
    const answered = known.filter((i) => sure[i] >= threshold);
    if (answered.length === 0) continue;
    if (answered.filter((i) => !right[i]).length > risk * answered.length) break;
    unsure = threshold;
    if (answered.length === known.length) break;
  }
  return { unsure, unknown };
}
