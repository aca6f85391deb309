// Draws answers: bars, words, the regions that mattered, and what a model of 28×28 images sees.
const SMOOTH = 28; // regions are drawn in steps at least as fine
const SHOWN = 10; // bars, of the most likely classes
const ROWS = ["top", "middle", "bottom"];
const COLUMNS = ["left", "centre", "right"];
export const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

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
  if (answer.abstain === "unknown") return "I can't tell";
  if (answer.abstain === "unsure") {
    const [first, second] = answer.top;
    return `${first.class} or ${second.class}?`;
  }
  return answer.class;
}

function inWords({ abstain, sentence, probability, top }) {
  if (abstain === "unknown") return `It looks most like ${top[0].class}, but not enough to say so.`;
  if (abstain) return sentence;
  const sure = probability > 0.95 ? "Quite sure" : probability > 0.8 ? "Fairly sure" : "Rather likely";
  return `${sure}: ${percent(probability)}.`;
}

// Whether the model that answered saw the photo itself, not its conversion to 28×28.
const sawPhoto = (answer) => Boolean(answer.small) || !answer.stages;

// The photo as it was given has the address `given`, null for a drawing; `helps` offers to draw a box.
export function showAnswers(place, answers, models, given, helps) {
  const several = answers.length > 1;
  place.classList.toggle("several", several);
  place.replaceChildren(...answers.map((answer, index) => card(answer, models[index], several, given, helps)));
}

function card(answer, model, named, given, helps) {
  const made = element(
    "article",
    { className: `answer${answer.abstain ? " abstains" : ""}`, "data-model": answer.model },
    element("p", { className: "verdict" }, verdict(answer)),
    element("p", { className: "sentence" }, inWords(answer)),
    ...(answer.abstain && helps ? [helpWith()] : []),
    element("p", { className: "hint" }, `By ${answer.model}, ${kindOf(answer)}.`),
    bars(answer, model.classes),
  );
  if (named) made.prepend(element("h3", { className: "by" }, answer.model));
  const more = element("div", { className: "more" });
  const heading = named ? "h4" : "h3"; // below the model's name, if it is shown
  const show = (explanation) => more.prepend(looked({ ...answer, explanation }, heading, given));
  if (answer.explanation instanceof Promise) answer.explanation.then(show);
  else if (answer.explanation) show(answer.explanation);
  if (answer.nearest?.length && !answer.small)
    more.append(nearest(answer, element(heading, {}, "Most similar training images")));
  made.append(more);
  return made;
}

// What a person can do where a model abstains; the page listens.
function helpWith() {
  const button = element("button", { type: "button", className: "quiet help" }, "Draw a box around it");
  return element("p", { className: "sentence" }, "Is there more in the photo than one garment? ", button);
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
  const total = rest.reduce((sum, { share }) => sum + share, 0);
  if (rest.length) order.push({ name: `${rest.length} others`, share: total });
  const items = order.map(({ name, share }) => {
    const fill = element("span", { className: "fill" });
    fill.style.inlineSize = `${100 * share}%`;
    const bar = element("span", { className: "bar", "aria-hidden": "true" }, fill);
    const words = element("span", { className: "share" }, answer.abstain === "unknown" ? "" : percent(share));
    return element("li", {}, element("span", { className: "name" }, name), bar, words);
  });
  return element("ol", { className: "bars", "aria-label": "Probability of each class" }, ...items);
}

function looked(answer, heading, given) {
  const words = whereInWords(answer);
  const photo = sawPhoto(answer);
  const className = photo ? "looked photo" : "looked";
  const label = `The image with the regions that mattered. ${words}`;
  const picture = photo ? element("img", { src: given ?? png(answer.image), alt: "" }) : garment(answer.image, "");
  const image = element("div", { className, role: "img", "aria-label": label }, picture, mapOf(answer.explanation));
  const title = element(heading, {}, "Regions that mattered");
  return element("figure", {}, title, image, element("figcaption", {}, words));
}

// The map over the image: warm for regions that support the class, cool for those against it.
function mapOf(map) {
  let canvas = painted(map.flat(), map[0].length);
  // Doubled again and again, few values become a smooth surface; stretched at once they show their grid.
  while (canvas.height < SMOOTH) canvas = doubled(canvas);
  return canvas;
}

// Numbers, so many a row, as colours: warm where they are positive, cool where they are negative.
export function painted(values, width) {
  const canvas = element("canvas", { width, height: values.length / width });
  const context = canvas.getContext("2d");
  const pixels = context.createImageData(width, canvas.height);
  const largest = Math.max(...values.map(Math.abs), 1e-9);
  values.forEach((value, index) => {
    const colour = value > 0 ? [255, 130, 20] : [50, 140, 255];
    pixels.data.set([...colour, 225 * (Math.abs(value) / largest) ** 1.2], 4 * index);
  });
  context.putImageData(pixels, 0, 0);
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
  const words = new Intl.ListFormat("en-GB").format(named.map(nameOf)); // without a comma before "and"
  return `What speaks for ${name} is mostly at the ${words}.`;
}

function nameOf(ninth) {
  const [row, column] = [ROWS[Math.floor(ninth / 3)], COLUMNS[ninth % 3]];
  if (row === "middle") return column === "centre" ? "centre" : column;
  return column === "centre" ? row : `${row} ${column}`;
}

function nearest(answer, heading) {
  const garments = answer.nearest.map((each) =>
    element("li", {}, garment(each.image, ""), element("span", {}, each.class)),
  );
  return element("figure", {}, heading, element("ul", { className: "nearest" }, ...garments));
}

// From the photo to 28×28; and what a model of such images says beside the one that answered.
export function showSeen(part, answer, cropped) {
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
  const stages = (answer.stages ?? []).map(({ name, sentence, image }) => {
    const picture = element("div", { className: "stage" }, element("img", { src: png(image), alt: "" }));
    const words = cropped && name === "photo" ? "What is in the box." : sentence;
    return element("li", {}, picture, element("h3", {}, name), element("p", {}, words));
  });
  find(".stages").replaceChildren(...stages);
}
