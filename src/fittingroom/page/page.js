// The page: every image goes through `tryOn`, however it came in, and the answer is shown.
import { connect } from "./backend.js";
import { Drawing } from "./drawing.js";
import { Refusal } from "./refusal.js";
import { offerTeaching } from "./teach.js";
import { element, garment, list, showAnswers, showSeen, thumbnail, verdict } from "./view.js";

/** @returns {any} */
const byId = (id) => document.getElementById(id);
const HANGING = 10; // garments on the rail at a time
const KEPT = 12; // earlier images

let backend;
let latest = 0; // counts images, so that a slow answer never replaces a later one
let drawing;
let tried = [];

async function start() {
  byId("waiting").textContent = "Loading the model …"; // without the advice for when no script runs
  wire();
  try {
    backend = await connect();
  } catch (error) {
    byId("waiting").hidden = true;
    return complain(error);
  }
  byId("place").textContent = backend.place;
  introduce();
  offerTeaching(backend, () => {
    introduce();
    if (tried.length) tryOn(tried[0].blob, tried[0].name, tried[0].source);
  });
  const garments = backend.samples.length > 0; // without, no model knows them
  document.body.classList.toggle("other-classes", !garments);
  hang(0);
  byId("others").hidden = backend.samples.length <= HANGING;
  byId("waiting").textContent = garments
    ? "Try a photo or a garment from above, or bring your own."
    : "Bring a photo, or make a drawing.";
  document.body.dataset.ready = "true";
}

function introduce() {
  byId("models").textContent = backend.models.map(describe).join(" ");
}

function describe({ name, classes, accuracy, measured_on: images, parameters }) {
  const size = parameters ? `, with ${parameters.toLocaleString("en")} parameters` : "";
  const right = accuracy ? ` Tested on ${images}, it classified ${(100 * accuracy).toFixed(1)}% correctly.` : "";
  return `The model is ${name}${size}.${right} It knows ${classes.length} classes and no others.`;
}

// --- The rail ---

function hang(from) {
  const { samples } = backend;
  const labels = [...new Set(samples.map((sample) => sample.label))];
  // One of each class, then the next of each.
  const shown = labels.slice(0, HANGING).map((label) => {
    const those = samples.filter((sample) => sample.label === label);
    return those[from % those.length];
  });
  byId("rail").replaceChildren(
    ...shown.map((sample) => {
      const button = element(
        "button",
        { type: "button" },
        hook(),
        garment(sample.image, ""),
        element("span", { className: "unseen" }, "Try on: "),
        element("span", { className: "kind" }, sample.class),
      );
      button.addEventListener("click", () => tryOn(blobOf(sample.image), sample.class, sample));
      return element("li", {}, button);
    }),
  );
  byId("others").onclick = () => hang(from + 1);
}

function hook() {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 16 28");
  svg.setAttribute("class", "hook");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(svg.namespaceURI, "path");
  path.setAttribute("d", "M2.5 9.5a5.5 5.5 0 1 1 8.5 3.6c-2 1.3-3 2.5-3 5V28");
  svg.append(path);
  return svg;
}

function blobOf(base64) {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  return new Blob([bytes], { type: "image/png" });
}

// --- Trying on ---

// `source` is a sample or "drawing" if the image is in the data set's own format already.
async function tryOn(blob, name, source) {
  if (!backend) return;
  const turn = ++latest;
  if (source !== "drawing") {
    setMode("photo");
    show(URL.createObjectURL(blob), name, source);
  }
  byId("answer").setAttribute("aria-busy", "true");
  document.body.classList.add("busy");
  byId("waiting").textContent = "Looking at it …"; // seen before the first answer only
  try {
    const answers = await backend.classify(blob, name, Boolean(source));
    if (turn !== latest) return;
    const one = { blob, name, source, answers, models: backend.models };
    present(one);
    remember(one);
    if (source !== "drawing") reveal();
  } catch (error) {
    if (turn === latest) complain(error, name);
  } finally {
    if (turn === latest) {
      byId("answer").removeAttribute("aria-busy");
      document.body.classList.remove("busy");
    }
  }
}

function present({ source, answers, models }) {
  byId("trouble").hidden = true;
  byId("waiting").hidden = true;
  showAnswers(byId("answers"), answers, models, source === "drawing" ? null : byId("shown").src);
  byId("warnings").replaceChildren(list("warnings", answers[0].warnings ?? []));
  showSeen(byId("seen"), answers.find(({ stages }) => stages) ?? answers[0]);
  byId("status").textContent = answers
    .map((answer) => (answers.length > 1 ? `${answer.model}: ` : "") + answer.sentence)
    .join(" ");
}

// On a phone the answer is below the mirror.
function reveal() {
  const { top } = byId("answer").getBoundingClientRect();
  const behavior = matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth";
  if (top > 0.75 * innerHeight) byId("answer").scrollIntoView({ behavior });
}

function complain(error, name) {
  if (!(error instanceof Refusal)) console.error(error);
  const words = error instanceof Refusal ? error.message : `Something went wrong here: ${error.message}`;
  byId("answers").replaceChildren();
  byId("warnings").replaceChildren();
  byId("seen").hidden = true;
  byId("waiting").hidden = true;
  byId("status").textContent = "";
  byId("trouble").hidden = false;
  byId("trouble").replaceChildren(
    ...(name ? [element("strong", {}, name)] : []),
    element("p", {}, words),
  );
}

function show(url, name, source) {
  const image = byId("shown");
  URL.revokeObjectURL(image.src);
  image.src = url;
  image.alt = source ? `A garment of the data set: ${name}` : `Your photo, ${name}`;
  image.className = source ? "garment" : "";
  image.onerror = () => (image.hidden = true);
  image.hidden = false;
  byId("invitation").hidden = true;
}

function remember(one) {
  if (one.source === "drawing" && tried[0]?.source === "drawing") tried.shift();
  tried = [one, ...tried.filter((each) => each.answers[0].image !== one.answers[0].image)];
  tried = tried.slice(0, KEPT);
  byId("tried-part").hidden = tried.length < 2;
  byId("tried").replaceChildren(
    ...tried.slice(1).map((each) => {
      const words = verdict(each.answers[0]);
      const image = thumbnail(each.answers[0]);
      const button = element("button", { type: "button" }, image, element("span", {}, words));
      button.setAttribute("aria-label", `Again: ${each.name}, ${words}`);
      button.addEventListener("click", () => again(each));
      return element("li", {}, button);
    }),
  );
}

function again(one) {
  latest += 1;
  setMode("photo");
  show(URL.createObjectURL(one.blob), one.name, one.source);
  present(one);
  remember(one);
  byId("answer").focus();
}

async function tryFiles(files) {
  // The first of several comes last, so that it is the one shown.
  for (const file of [...files].reverse()) await tryOn(file, file.name || "photo");
}

// --- Ways in ---

const modes = () => [...document.querySelectorAll("input")].filter(({ name }) => name === "mode");

function setMode(mode) {
  modes().find(({ value }) => value === mode).checked = true;
  const draws = mode === "drawing";
  byId("easel").hidden = byId("drawing-tools").hidden = !draws;
  byId("photo-tools").hidden = draws;
  const image = byId("shown");
  image.hidden = draws || !image.getAttribute("src");
  byId("invitation").hidden = draws || !image.hidden;
}

function wire() {
  for (const radio of modes()) radio.addEventListener("change", () => setMode(radio.value));
  for (const id of ["choose", "photograph"])
    byId(id).addEventListener("change", (event) => {
      const files = [...event.target.files];
      event.target.value = ""; // so that the same file can be chosen again
      tryFiles(files);
    });
  for (const button of byId("photos").querySelectorAll("button"))
    button.addEventListener("click", async () => {
      const { src, alt } = button.querySelector("img");
      tryOn(await fetch(src).then((response) => response.blob()), alt);
    });
  byId("camera").hidden = !matchMedia("(pointer: coarse)").matches;

  const carriesFiles = (event) => event.dataTransfer?.types.includes("Files");
  addEventListener("dragover", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    document.body.classList.add("over");
  });
  addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) document.body.classList.remove("over");
  });
  addEventListener("drop", (event) => {
    document.body.classList.remove("over");
    if (!carriesFiles(event) || event.defaultPrevented) return;
    event.preventDefault();
    tryFiles(event.dataTransfer.files);
  });
  addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (!files.length) return;
    event.preventDefault();
    tryFiles(files);
  });

  const names = ["brush", "size", "shade", "both", "undo", "clear"];
  const parts = Object.fromEntries(names.map((name) => [name, byId(name)]));
  drawing = new Drawing({ ...parts, canvas: byId("drawing") }, async () => {
    if (!drawing.empty) tryOn(await drawing.toBlob(), "drawing", "drawing");
  });
}

start();
