// Plays a training epoch by epoch: curves, the confusion matrix, kernels, and what these make of the image tried on.
import { blobOf, bytesOf, greyLevels } from "./pixels.js";
import { STEPS, element, garment, painted, percent } from "./view.js";

const SIDE = 28; // of an image
const PAUSE = 1000; // milliseconds between two epochs

/** @returns {any} */
const byId = (id) => document.getElementById(id);
/** @returns {any} */
const all = (selector) => byId("watch").querySelectorAll(selector);
const slider = byId("epoch");
let model; // the one that is shown, with what is in its file `learning`
let answers = []; // to the image tried on
let levels; // of that image as the model sees it, 0–255
let cell = [0, 0]; // of the matrix, a true class and a predicted one
let timer = 0;

// `models` are a back end's, `given` their answers so far. What comes back is told of the answers to each image.
export async function watch(models, given = []) {
  const kept = models.filter(({ learning }) => learning);
  const read = async (facts) => ({ ...facts, ...(await (await fetch(facts.learning)).json()) });
  const learned = await Promise.all(kept.map(read));
  const choice = byId("watched");
  choice.append(...learned.map(({ name }) => element("option", {}, name)));
  choice.addEventListener("change", () => turnTo(learned[choice.selectedIndex]));
  slider.addEventListener("input", show);
  byId("play").addEventListener("click", () => {
    if (slider.value === slider.max) slider.value = 1;
    play(!timer);
    show();
  });
  byId("matrix").addEventListener("pointerover", ({ target }) => target.place && point(target.place));
  byId("matrix").addEventListener("keydown", (event) => {
    if (!STEPS[event.key]) return;
    event.preventDefault();
    const [right, down] = STEPS[event.key];
    const within = (at) => Math.min(model.classes.length - 1, Math.max(0, at));
    point([cell[0] + down, cell[1] + right].map(within));
  });
  answers = given;
  await turnTo(learned[0]);
  return look;
}

function turnTo(chosen) {
  play(false);
  model = chosen;
  slider.max = model.loss.length;
  slider.value = 1;
  const head = model.classes.map((name) => element("th", { scope: "col" }, element("span", {}, name)));
  const rows = model.classes.map((name, row) => {
    const cells = model.classes.map((_, column) => element("td", { place: [row, column] }));
    return element("tr", {}, element("th", { scope: "row" }, name), ...cells);
  });
  byId("matrix").replaceChildren(element("tr", {}, element("th", {}, "True class"), ...head), ...rows);
  return look(answers);
}

async function look(given) {
  answers = given;
  const image = answers.find((answer) => answer.model === model.name)?.image;
  levels = image && (await greyLevels(blobOf(image)));
  if (image) byId("tried-on").replaceChildren(garment(image, ""), "What the model sees of the image in the mirror");
  show();
}

function play(goes) {
  const next = () => {
    slider.stepUp();
    show();
  };
  clearInterval(timer);
  timer = goes ? setInterval(next, PAUSE) : 0;
  byId("play").textContent = goes ? "Pause" : "Play";
}

// Everything as it was after the epoch of the slider.
function show() {
  const { value, max } = slider;
  if (value === max) play(false);
  const [training, validation] = model.accuracy[value - 1].map(percent);
  const words = `After epoch ${value} of ${max}, ${validation} of the validation images are classified correctly`;
  slider.setAttribute("aria-valuetext", words);
  byId("said").textContent = `${words}. Of the training images, ${training} were in the course of this epoch.`;
  for (const figure of all(".curve")) drawCurves(figure, value);
  for (const part of all("[data-layer]")) {
    const { layer } = part.dataset;
    part.hidden = !model[layer];
    if (model[layer]) part.querySelector("ul").replaceChildren(...tiles(model[layer], value - 1, layer !== "second"));
  }
  const matrix = model.confusion[value - 1];
  for (const each of all("#matrix td")) {
    const [row, column] = each.place;
    each.textContent = matrix[row][column] || "";
    each.className = row === column ? "right" : "";
    each.style.setProperty("--share", Math.sqrt(matrix[row][column] / sum(matrix[row]))); // mistakes are few
  }
  point(cell);
}

const sum = (counts) => counts.reduce((total, count) => total + count);

// Says what a cell of the matrix counts.
function point(place) {
  cell = place;
  const [row, column] = cell;
  const counts = model.confusion[slider.value - 1][row];
  const told = row === column ? "are classified correctly" : `are taken for ${model.classes[column]}`;
  byId("cell").textContent = `Of ${sum(counts)} images of ${model.classes[row]}, ${counts[column]} ${told}.`;
  for (const each of all("#matrix td")) each.classList.toggle("read", String(each.place) === String(cell));
}

// Two lines up to an epoch, of training and validation; the axes have room for all epochs.
function drawCurves(figure, epoch) {
  const values = model[figure.dataset.curve];
  const most = Math.max(...values.flat());
  const [low, high] = figure.dataset.curve === "loss" ? [0, most] : [Math.min(...values.flat()), 1];
  figure.querySelector(".low").textContent = low ? percent(low) : 0;
  figure.querySelector(".high").textContent = low ? "100%" : high.toFixed(2);
  figure.querySelectorAll("polyline").forEach((line, which) => {
    const places = values.slice(0, epoch).map((each, at) => {
      const x = (100 * at) / Math.max(1, values.length - 1);
      return `${x},${(100 * (high - each[which])) / (high - low)}`;
    });
    line.setAttribute("points", [places[0], ...places].join(" ")); // a dot after the first epoch
  });
}

// The kernels of a layer after an epoch, and below each what it makes of the image.
function tiles({ side, kernels }, epoch, areApplied) {
  const numbers = new Int8Array(bytesOf(kernels).buffer);
  const [size, length] = [side * side, numbers.length / model.loss.length];
  return Array.from({ length: length / size }, (_, which) => {
    const start = epoch * length + which * size;
    const kernel = [...numbers.subarray(start, start + size)];
    return element("li", {}, painted(kernel, side), ...(levels && areApplied ? [applied(kernel, side)] : []));
  });
}

// A kernel at every place of the image where it fits; one as large as the image, number by number.
function applied(kernel, side) {
  if (side === SIDE) return painted(kernel.map((weight, at) => weight * levels[at]), SIDE);
  const places = SIDE - side + 1;
  const sums = Array.from({ length: places * places }, (_, place) => {
    const start = SIDE * Math.floor(place / places) + (place % places);
    return sum(kernel.map((weight, at) => weight * levels[start + SIDE * Math.floor(at / side) + (at % side)]));
  });
  return painted(sums, places);
}
