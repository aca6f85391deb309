// The page: every image goes through `tryOn`, however it came in, and the answer is shown.
import { connect } from "./backend.js";
import { closeCamera, openCamera, photoOf } from "./camera.js";
import { Crop } from "./crop.js";
import { Drawing } from "./drawing.js";
import { blobOf } from "./pixels.js";
import { inWords } from "./refusal.js";
import { offerTeaching, takeFiles } from "./teach.js";
import { element, garment, list, showAnswers, showSeen, thumbnail, verdict } from "./view.js";

/** @returns {any} */
const byId = (id) => document.getElementById(id);
const HANGING = 10; // garments on the rail at a time
const KEPT = 12; // earlier images

let backend;
let latest = 0; // counts images, so that a slow answer never replaces a later one
let shown; // the photo in the mirror, {blob, name}
let trying; // the latest, a promise
let drawing;
let crop;
let tried = [];
let watching; // a promise, once it is asked how a model learned, of a function that is told of answers

async function start() {
  wire();
  try {
    backend = await connect(tellProgress);
  } catch (error) {
    byId("waiting").hidden = true;
    return complain(error);
  }
  byId("place").textContent = backend.place;
  introduce();
  const garments = backend.samples.length > 0; // without, no model knows them
  document.body.classList.toggle("other-classes", !garments);
  hang(0);
  byId("others").hidden = backend.samples.length <= HANGING;
  byId("watch").hidden = !backend.models.some(({ learning }) => learning);
  byId("waiting").textContent = garments
    ? "Try a photo or a garment from above, or bring your own."
    : "Bring a photo, or make a drawing.";
  try {
    await backend.loaded;
    await trying;
    if (garments && tried.length && !tried[0].answers[0].nearest?.length) retry();
    offerTeaching(backend, () => {
      introduce();
      retry();
    });
  } catch (error) {
    if (!document.body.classList.contains("busy")) complain(error);
  }
  byId("loading").hidden = true;
  document.body.dataset.ready = "true";
}

const retry = () => tried.length && tryOn(tried[0].blob, tried[0].name, tried[0].source, tried[0].cropped);

function tellProgress(what, bytes, all) {
  const megabytes = (count) => (count / 1e6).toFixed(1);
  const words = `Loading ${what}: ${megabytes(bytes)} of ${megabytes(all)} MB`;
  byId("loading").hidden = false;
  if (byId("loading").textContent === words) return; // far more parts come than are shown
  const bar = element("progress", { value: bytes, max: all, "aria-label": `Loading ${what}` });
  byId("loading").replaceChildren(words, bar);
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
  const hung = shown.map((sample) => {
    const [hook, words] = [byId("hook").content.cloneNode(true), element("span", { className: "unseen" }, "Try on: ")];
    const kind = element("span", { className: "kind" }, sample.class);
    const button = element("button", { type: "button" }, hook, garment(sample.image, ""), words, kind);
    button.addEventListener("click", () => tryOn(blobOf(sample.image), sample.class, sample));
    return element("li", {}, button);
  });
  byId("rail").replaceChildren(...hung);
  byId("others").onclick = () => hang(from + 1);
}

// --- Trying on ---

// `source` is a sample or "drawing" if the image is in the data set's own format already.
const tryOn = (blob, name, source, cropped = false) => (trying = answered(blob, name, source, cropped));

async function answered(blob, name, source, cropped) {
  if (!backend) return;
  const turn = ++latest;
  if (source !== "drawing" && !cropped) {
    setMode("photo");
    show(blob, name, source);
  }
  byId("answer").setAttribute("aria-busy", "true");
  document.body.classList.add("busy");
  byId("waiting").textContent = "Looking at it …"; // seen before the first answer only
  try {
    const answers = await backend.classify(blob, name, Boolean(source));
    if (turn !== latest) return;
    const one = { blob, name, source, cropped, answers, models: backend.models };
    present(one);
    remember(one);
    if (source !== "drawing" && !cropped) reveal();
  } catch (error) {
    if (turn === latest) complain(error, name);
  } finally {
    if (turn === latest) {
      byId("answer").removeAttribute("aria-busy");
      document.body.classList.remove("busy");
    }
  }
}

function present({ blob, source, cropped, answers, models }) {
  byId("trouble").hidden = true;
  byId("waiting").hidden = true;
  const given = cropped ? URL.createObjectURL(blob) : byId("shown").src;
  showAnswers(byId("answers"), answers, models, source === "drawing" ? null : given, !source && !cropped);
  byId("warnings").replaceChildren(list("warnings", answers[0].warnings ?? []));
  showSeen(byId("seen"), answers.find(({ stages }) => stages) ?? answers[0], cropped);
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
  byId("answers").replaceChildren();
  byId("warnings").replaceChildren();
  byId("seen").hidden = true;
  byId("waiting").hidden = true;
  byId("status").textContent = "";
  byId("trouble").hidden = false;
  const title = name ? [element("strong", {}, name)] : [];
  byId("trouble").replaceChildren(...title, element("p", {}, inWords(error)));
}

function show(blob, name, source) {
  shown = { blob, name };
  const image = byId("shown");
  URL.revokeObjectURL(image.src);
  image.src = URL.createObjectURL(blob);
  image.alt = source ? `A garment of the data set: ${name}` : `Your photo, ${name}`;
  image.className = source ? "garment" : "";
  image.onerror = () => (byId("frame").hidden = true);
  byId("frame").hidden = false;
  crop.stop();
  byId("crop-tools").hidden = Boolean(source);
  byId("cropping").checked = false;
  byId("invitation").hidden = true;
}

function remember(one) {
  if (one.source === "drawing" && tried[0]?.source === "drawing") tried.shift();
  if (one.cropped && tried[0]?.cropped) tried.shift();
  tried = [one, ...tried.filter((each) => each.answers[0].image !== one.answers[0].image)].slice(0, KEPT);
  watching?.then((look) => look(one.answers));
  byId("tried-part").hidden = tried.length < 2;
  const buttons = tried.slice(1).map((each) => {
    const words = verdict(each.answers[0]);
    const properties = { type: "button", "aria-label": `Again: ${each.name}, ${words}` };
    const button = element("button", properties, thumbnail(each.answers[0]), element("span", {}, words));
    button.addEventListener("click", () => again(each));
    return element("li", {}, button);
  });
  byId("tried").replaceChildren(...buttons);
}

function again(one) {
  latest += 1;
  setMode("photo");
  show(one.blob, one.name, one.source);
  present(one);
  remember(one);
  byId("answer").focus();
}

const whole = () => tryOn(shown.blob, shown.name);

async function tryFiles(files) {
  // The first of several comes last, so that it is the one shown.
  for (const file of [...files].reverse()) await tryOn(file, file.name || "photo");
}

// --- Ways in ---

const modes = () => [...document.querySelectorAll("input")].filter(({ name }) => name === "mode");

function setMode(mode, live = false) {
  modes().find(({ value }) => value === mode).checked = true;
  const turned = byId("live").hidden === live;
  if (!live) closeCamera(byId("live"));
  byId("trouble").hidden = true;
  const draws = mode === "drawing";
  byId("live").hidden = byId("live-tools").hidden = !live;
  byId("easel").hidden = byId("drawing-tools").hidden = !draws;
  byId("photo-tools").hidden = draws || live;
  byId("frame").hidden = draws || live || !byId("shown").getAttribute("src");
  byId("invitation").hidden = draws || live || !byId("frame").hidden;
  if (turned) byId(live ? "take" : "open-live").focus(); // the button before is hidden
}

function wire() {
  for (const radio of modes()) radio.addEventListener("change", () => setMode(radio.value));
  for (const id of ["choose", "photograph"]) takeFiles(byId(id), tryFiles);
  for (const button of byId("photos").querySelectorAll("button"))
    button.addEventListener("click", async () => {
      const { src, alt } = button.querySelector("img");
      tryOn(await fetch(src).then((response) => response.blob()), alt);
    });
  byId("cropping").addEventListener("change", ({ target }) => (target.checked ? crop.start() : whole()));
  byId("answers").addEventListener("click", ({ target }) => {
    if (!(target instanceof Element && target.closest(".help"))) return;
    byId("cropping").checked = true;
    crop.start();
  });
  byId("watch").addEventListener("toggle", () => {
    watching ??= import("./watch.js").then(({ watch }) => watch(backend.models, tried[0]?.answers));
    watching.catch((error) => (byId("said").textContent = inWords(error)));
  });
  byId("camera").hidden = !matchMedia("(pointer: coarse)").matches;
  byId("open-live").hidden = !byId("camera").hidden || !navigator.mediaDevices; // none without https
  byId("open-live").onclick = () => openCamera(byId("live")).then(() => setMode("photo", true), complain);
  byId("close-live").onclick = () => setMode("photo");
  byId("take").onclick = async () => tryOn(await photoOf(byId("live")), "from the camera");

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

  crop = new Crop(byId("shown"), byId("crop"), async () => tryOn(await crop.toBlob(), shown.name, undefined, true));
  const names = ["brush", "size", "shade", "both", "undo", "clear"];
  const parts = Object.fromEntries(names.map((name) => [name, byId(name)]));
  drawing = new Drawing({ ...parts, canvas: byId("drawing") }, async () => {
    if (!drawing.empty) tryOn(await drawing.toBlob(), "drawing", "drawing");
  });
}

start();
