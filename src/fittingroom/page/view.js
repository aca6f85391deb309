// Draws answers: bars, words, the regions that mattered, and what a model of 28×28 images sees.
const SMOOTH = 28; // regions are drawn in steps at least as fine
const SHOWN = 10; // bars, of the most likely classes
const ROWS = ["top", "middle", "bottom"];
const COLUMNS = ["left", "centre", "right"];

// An element with properties, attributes (names with a dash) and children.
export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.includes("-") || name === "role") made.setAttribute(name, value);
    else made[name] = value;
  }
  made.append(...children);
  return made;
}

export const png = (base64) => `data:image/png;base64,${base64}`;

export const percent = (share) =>
  share > 0.999 ? "> 99.9%" : share < 0.001 ? "< 0.1%" : `${(100 * share).toFixed(1)}%`;

// An image of the data set, bright on black, shown as cloth on the page's own background.
export const garment = (base64, alt) =>
  element("img", { className: "garment", src: png(base64), alt, width: 28, height: 28 });

// What an answer was about, small: the garment, or the photo.
export function thumbnail(answer) {
  if (!sawPhoto(answer)) return garment(answer.image, "");
  return element("img", { src: png(answer.stages?.[0].image ?? answer.image), alt: "" });
}

// The heading of an answer: the class, or the reason why there is none.
export function verdict(answer) {
  if (answer.abstain === "unknown") return answer.sentence.split(" (")[0];
  if (answer.abstain === "unsure") {
    const [first, second] = answer.top;
    return `${first.class} or ${second.class}?`;
  }
  return answer.class;
}

function inWords({ abstain, sentence, probability, top }) {
  if (abstain === "unknown") return `The closest class is ${top[0].class}.`;
  if (abstain) return sentence;
  const sure = probability > 0.95 ? "Quite sure" : probability > 0.8 ? "Fairly sure" : "Rather likely";
  return `${sure}: ${percent(probability)}.`;
}

// Whether the model that answered saw the photo itself, not its conversion to 28×28.
const sawPhoto = (answer) => Boolean(answer.small) || !answer.stages;

// The photo as it was given has the address `given`; null for a drawing.
export function showAnswers(place, answers, models, given) {
  place.classList.toggle("several", answers.length > 1);
  place.replaceChildren(
    ...answers.map((answer, index) => card(answer, models[index], answers.length > 1, given)),
  );
}

function card(answer, model, named, given) {
  const made = element(
    "article",
    { className: `answer${answer.abstain ? " abstains" : ""}`, "data-model": answer.model },
    element("p", { className: "verdict" }, verdict(answer)),
    element("p", { className: "sentence" }, inWords(answer)),
    element("p", { className: "hint" }, `By ${answer.model}, ${kindOf(answer)}.`),
    bars(answer, model.classes),
  );
  if (named) made.prepend(element("h3", { className: "by" }, answer.model));
  const more = element("div", { className: "more" });
  const heading = named ? "h4" : "h3"; // below the model's name, if it is shown
  if (answer.explanation) more.append(looked(answer, heading, given));
  if (answer.nearest?.length && !answer.small)
    more.append(nearest(answer, element(heading, {}, "Most similar training images")));
  made.append(more);
  return made;
}

// Sentences, one below the other; hidden if there is none.
export const list = (className, sentences) =>
  element("ul", { className, hidden: !sentences.length }, ...sentences.map((each) => element("li", {}, each)));

const kindOf = (answer) => (sawPhoto(answer) ? "a model made for photos" : "a model made for images of 28 × 28 pixels");

function bars(answer, classes) {
  const order = classes
    .map((name, label) => ({ name, share: answer.probabilities[label] }))
    .sort((one, other) => other.share - one.share);
  const rest = order.splice(SHOWN);
  if (rest.length)
    order.push({
      name: `${rest.length} others`,
      share: rest.reduce((sum, each) => sum + each.share, 0),
    });
  return element(
    "ol",
    { className: "bars", "aria-label": "Probability of each class" },
    ...order.map(({ name, share }) => {
      const fill = element("span", { className: "fill" });
      fill.style.inlineSize = `${100 * share}%`;
      return element(
        "li",
        {},
        element("span", { className: "name" }, name),
        element("span", { className: "bar", "aria-hidden": "true" }, fill),
        element("span", { className: "share" }, percent(share)),
      );
    }),
  );
}

function looked(answer, heading, given) {
  const words = whereInWords(answer);
  const photo = sawPhoto(answer);
  const image = element(
    "div",
    {
      className: photo ? "looked photo" : "looked",
      role: "img",
      "aria-label": `The image with the regions that mattered. ${words}`,
    },
    photo ? element("img", { src: given ?? png(answer.image), alt: "" }) : garment(answer.image, ""),
    mapOf(answer.explanation),
  );
  return element(
    "figure",
    {},
    element(heading, {}, "Regions that mattered"),
    image,
    element("figcaption", {}, words),
  );
}

// The map over the image: warm for regions that support the class, cool for those against it.
function mapOf(map) {
  let canvas = element("canvas", { width: map[0].length, height: map.length });
  const context = canvas.getContext("2d");
  const pixels = context.createImageData(canvas.width, canvas.height);
  const largest = Math.max(...map.flat().map(Math.abs), 1e-9);
  map.flat().forEach((value, index) => {
    const colour = value > 0 ? [255, 130, 20] : [50, 140, 255];
    pixels.data.set([...colour, 225 * (Math.abs(value) / largest) ** 1.2], 4 * index);
  });
  context.putImageData(pixels, 0, 0);
  // Doubled again and again, few values become a smooth surface; stretched at once they show their grid.
  while (canvas.height < SMOOTH) canvas = doubled(canvas);
  return canvas;
}

function doubled(canvas) {
  const [width, height] = [2 * canvas.width, 2 * canvas.height];
  const made = element("canvas", { width, height });
  made.getContext("2d").drawImage(canvas, 0, 0, width, height);
  return made;
}

// The ninths of the image that support the class most.
function whereInWords({ explanation: map, class: name }) {
  const sums = new Array(9).fill(0);
  map.forEach((row, y) =>
    row.forEach((value, x) => {
      const ninth = 3 * Math.floor((3 * y) / map.length) + Math.floor((3 * x) / row.length);
      sums[ninth] += Math.max(value, 0);
    }),
  );
  const total = sums.reduce((sum, value) => sum + value, 0);
  if (total < 1e-6) return "No single region mattered much.";
  const order = [...sums.keys()].sort((one, other) => sums[other] - sums[one]);
  const named = order.filter((ninth, rank) => rank === 0 || (rank < 3 && sums[ninth] > 0.17 * total));
  const words = named.map(nameOf);
  const list =
    words.length > 1 ? `${words.slice(0, -1).join(", ")} and ${words.at(-1)}` : words[0];
  return `What speaks for ${name} is mostly at the ${list}.`;
}

function nameOf(ninth) {
  const [row, column] = [ROWS[Math.floor(ninth / 3)], COLUMNS[ninth % 3]];
  if (row === "middle") return column === "centre" ? "centre" : column;
  return column === "centre" ? row : `${row} ${column}`;
}

function nearest(answer, heading) {
  return element(
    "figure",
    {},
    heading,
    element(
      "ul",
      { className: "nearest" },
      ...answer.nearest.map((each) =>
        element("li", {}, garment(each.image, ""), element("span", {}, each.class)),
      ),
    ),
  );
}

// From the photo to 28×28; and what a model of such images says beside the one that answered.
export function showSeen(part, answer) {
  const find = (name) => part.querySelector(name);
  const { small } = answer;
  // An image in the data set's own format is not converted, and there is nothing to show.
  part.hidden = !(answer.stages?.length > 1);
  part.classList.toggle("beside", Boolean(small));
  find("h2").textContent = small ? "What a model of Fashion-MNIST sees" : "From the photo to 28 × 28";
  find(".said").replaceChildren();
  if (small)
    find(".said").append(
      element("p", {}, `${small.model} sees only the last image, and says: `, element("b", {}, small.sentence)),
      list("warnings", small.warnings),
      nearest(answer, element("h3", {}, "The most similar images of Fashion-MNIST")),
    );
  find(".stages").replaceChildren(
    ...(answer.stages ?? []).map(({ name, sentence, image }) =>
      element(
        "li",
        {},
        element("div", { className: "stage" }, element("img", { src: png(image), alt: "" })),
        element("h3", {}, name),
        element("p", {}, sentence),
      ),
    ),
  );
}
