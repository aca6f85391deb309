// Teaches the model of photos other classes, in the page: each gets a name and photos, and a last layer is fitted.
import { base64, bytesOf } from "./pixels.js";
import { Refusal, inWords } from "./refusal.js";
import { element, percent } from "./view.js";

const SIDE = 96; // pixels of a thumbnail

/** @returns {any} */
const byId = (id) => document.getElementById(id);
let backend;
let kinds = []; // {input, card, photos: [{features, image}], show}
let work = Promise.resolve(); // one thing after the other
const switches = () => [...byId("who").querySelectorAll("input")];

// Only a page whose model runs in the browser can be taught. `changed` is called when another layer answers.
export function offerTeaching(given, changed) {
  backend = given;
  if (!backend.teaching) return;
  const answerBy = async (who) => {
    for (const each of switches()) each.checked = each.value === who;
    await backend.teach(who === "taught");
    changed();
  };
  const teach = async () => {
    await fit();
    byId("who").hidden = false;
    answerBy("taught");
  };
  for (const each of switches()) each.addEventListener("change", () => answerBy(each.value));
  byId("add-class").addEventListener("click", () => addClass().input.focus());
  byId("learn").addEventListener("click", () => attempt("Learning …", teach));
  byId("save").addEventListener("click", save);
  takeFiles(byId("load"), ([file]) =>
    attempt("Loading …", async () => {
      const found = await opened(file);
      for (const { card } of kinds) card.remove();
      kinds = [];
      for (const { name, photos } of found) addClass(name, photos);
      await teach();
    }),
  );
  addClass();
  addClass();
  byId("teach").hidden = false;
}

// Does one thing when those before it are done, and says if it cannot be done.
function attempt(words, task) {
  work = work.then(async () => {
    byId("teach").setAttribute("aria-busy", "true");
    byId("teach-trouble").hidden = true;
    byId("learned").textContent = words;
    try {
      await new Promise((resolve) => setTimeout(resolve, 50)); // the words are shown first
      await task();
    } catch (error) {
      byId("learned").textContent = "";
      byId("teach-trouble").textContent = inWords(error);
      byId("teach-trouble").hidden = false;
    }
    byId("teach").removeAttribute("aria-busy");
  });
}

export function takeFiles(input, take) {
  input.addEventListener("change", () => {
    const files = [...input.files];
    input.value = ""; // so that the same file can be chosen again
    if (files.length) take(files);
  });
}

// --- Classes and their photos ---

function addClass(name = "", photos = []) {
  const input = element("input", { type: "text", value: name, maxLength: 200, autocomplete: "off" });
  const [legend, shown] = [element("legend", { className: "unseen" }), element("ul", { className: "shots" })];
  const remove = element("button", { type: "button", className: "quiet" }, "Remove class");
  const tools = [chooser("Add photos", { multiple: true }), chooser("Take a photo", { capture: "environment" })];
  tools[1].hidden = !matchMedia("(pointer: coarse)").matches;
  const [label, row] = [element("label", {}, "Name", input), element("div", { className: "row" }, ...tools)];
  const group = element("fieldset", {}, legend, label, shown, row, remove);
  const card = element("li", { className: "lesson" }, group);
  const kind = { input, card, photos, show };
  function show() {
    legend.textContent = input.value.trim() || "New class";
    shown.replaceChildren(...photos.map(({ image }, index) => shot(image, index)));
  }
  function shot(image, index) {
    const picture = element("img", { src: `data:image/jpeg;base64,${image}`, alt: "" });
    const label = `Remove photo ${index + 1}`;
    const button = element("button", { type: "button", title: label, "aria-label": label }, picture);
    button.addEventListener("click", () => {
      photos.splice(index, 1);
      show();
      (shown.querySelectorAll("button")[Math.min(index, photos.length - 1)] ?? input).focus();
    });
    return element("li", {}, button);
  }
  for (const tool of tools) takeFiles(tool.querySelector("input"), (files) => addPhotos(kind, files));
  input.addEventListener("input", show);
  card.addEventListener("drop", (event) => {
    event.preventDefault(); // the page leaves it alone
    addPhotos(kind, [...event.dataTransfer.files]);
  });
  remove.addEventListener("click", () => {
    kinds = kinds.filter((each) => each !== kind);
    card.remove();
    byId("add-class").focus();
  });
  kinds.push(kind);
  byId("lessons").append(card);
  show();
  return kind;
}

function chooser(words, { multiple = false, capture = "" }) {
  const input = element("input", { type: "file", className: "unseen", accept: byId("choose").accept, multiple });
  if (capture) input.setAttribute("capture", capture);
  return element("label", { className: "button" }, input, element("span", {}, words));
}

function addPhotos({ photos, show }, files) {
  attempt("", async () => {
    const refused = [];
    for (const [index, file] of files.entries()) {
      byId("learned").textContent = `Photo ${index + 1} of ${files.length} …`;
      try {
        photos.push({ features: await backend.features(file), image: await thumbnail(file) });
      } catch (error) {
        refused.push(`${file.name}: ${inWords(error)}`);
      }
      show();
    }
    byId("learned").textContent = "";
    if (refused.length) throw new Refusal(refused.join(" "));
  });
}

// The middle of a photo, a JPEG in base64.
async function thumbnail(blob) {
  const bitmap = await createImageBitmap(blob);
  const scale = SIDE / Math.min(bitmap.width, bitmap.height);
  const [width, height] = [scale * bitmap.width, scale * bitmap.height];
  const canvas = element("canvas", { width: SIDE, height: SIDE });
  canvas.getContext("2d").drawImage(bitmap, (SIDE - width) / 2, (SIDE - height) / 2, width, height);
  return canvas.toDataURL("image/jpeg", 0.8).split(",")[1];
}

// --- What is learned ---

async function fit() {
  const classes = kinds.map(({ input }) => input.value.trim());
  const { fewest } = backend.teaching;
  if (
    classes.length < 2 ||
    classes.includes("") ||
    new Set(classes).size < classes.length ||
    kinds.some(({ photos }) => photos.length < fewest)
  )
    throw new Refusal(
      `Give two classes or more, each with a name of its own and ${fewest} photos or more. Ten do well.`,
    );
  const photos = kinds.flatMap((kind) => kind.photos.map(({ features }) => features));
  const labels = kinds.flatMap((kind, label) => kind.photos.map(() => label));
  const { right, answered } = await backend.learn(photos, labels, classes);
  const { length } = photos;
  byId("learned").textContent =
    `Learned from ${length} photos. When each was judged without having been learned from, ${right} of the ` +
    `${length} (${percent(right / length)}) were classified correctly, and ${answered} were sure ` +
    "enough to be answered. Photos of one person or place are alike: of others, fewer will be right. " +
    "Your classes answer now; try a photo above.";
}

// --- Files ---

function save() {
  const classes = kinds.map(({ input, photos }) => ({
    name: input.value,
    photos: photos.map(({ features, image }) => ({ features: base64(new Uint8Array(Float32Array.from(features).buffer)), image })),
  }));
  const text = JSON.stringify({ model: backend.teaching.model, classes });
  const url = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  element("a", { href: url, download: "my-classes.json" }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

const floats = (text) => new Float32Array(bytesOf(text).buffer);

async function opened(file) {
  try {
    const { model, classes } = JSON.parse(await file.text());
    if (model !== backend.teaching.model)
      throw new Refusal(`${file.name} was taught on another version of the model. Add the photos again.`);
    return classes.map(({ name, photos }) => ({
      name,
      photos: photos.map(({ features, image }) => ({ features: floats(features), image })),
    }));
  } catch (error) {
    if (error instanceof Refusal) throw error;
    throw new Refusal(`${file.name} is not a file of classes that this page saved.`);
  }
}
