// Draws answers: bars, words, the regions that mattered, similar garments.
const SIDE = 28;
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

export function showAnswers(place, answers, models) {
  place.classList.toggle("several", answers.length > 1);
  place.replaceChildren(
    ...answers.map((answer, index) => card(answer, models[index], answers.length > 1)),
  );
}

function card(answer, model, named) {
  const made = element(
    "article",
    { className: `answer${answer.abstain ? " abstains" : ""}`, "data-model": answer.model },
    element("p", { className: "verdict" }, verdict(answer)),
    element("p", { className: "sentence" }, inWords(answer)),
    bars(answer, model.classes),
  );
  if (named) made.prepend(element("h3", { className: "by" }, answer.model));
  const more = element("div", { className: "more" });
  const heading = named ? "h4" : "h3"; // below the model's name, if it is shown
  if (answer.explanation) more.append(looked(answer, heading));
  if (answer.nearest?.length) more.append(nearest(answer, heading));
  made.append(more);
  return made;
}

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

function looked(answer, heading) {
  const words = whereInWords(answer.explanation);
  const image = element(
    "div",
    { className: "looked", role: "img", "aria-label": `The image with the regions that mattered. ${words}` },
    garment(answer.image, ""),
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

// The map over the image: warm for regions that support the class, cool for those against it. The browser
// interpolates between the 28×28 values.
function mapOf(map) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = SIDE;
  const context = canvas.getContext("2d");
  const pixels = context.createImageData(SIDE, SIDE);
  const largest = Math.max(...map.flat().map(Math.abs), 1e-9);
  map.flat().forEach((value, index) => {
    const colour = value > 0 ? [255, 130, 20] : [50, 140, 255];
    pixels.data.set([...colour, 225 * (Math.abs(value) / largest) ** 1.2], 4 * index);
  });
  context.putImageData(pixels, 0, 0);
  return canvas;
}

// The ninths of the image that support the class most.
function whereInWords(map) {
  const sums = new Array(9).fill(0);
  map.forEach((row, y) =>
    row.forEach((value, x) => {
      const ninth = 3 * Math.floor((3 * y) / SIDE) + Math.floor((3 * x) / SIDE);
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
  return `What supports the class is mostly at the ${list}.`;
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
    element(heading, {}, "Most similar training images"),
    element(
      "ul",
      { className: "nearest" },
      ...answer.nearest.map((each) =>
        element("li", {}, garment(each.image, ""), element("span", {}, each.class)),
      ),
    ),
  );
}

export function showStages(list, answer) {
  list.replaceChildren(
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
