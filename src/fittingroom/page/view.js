// Answers drawn: bars, words, where it looked, what it resembles.
import { mapOf, whereInWords } from "./explanation.js";

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

// A garment of the data set, bright on black, shown as cloth on the page's own ground.
export const garment = (base64, alt) =>
  element("img", { className: "garment", src: png(base64), alt, width: 28, height: 28 });

// What the answers are headed by: the class, or what stands in its place where the model abstains.
export function verdict(answer) {
  if (answer.abstain === "unknown") return "No garment that I know";
  if (answer.abstain === "unsure") {
    const [first, second] = answer.top;
    return `${first.class} or ${second.class}?`;
  }
  return answer.class;
}

function inWords({ abstain, sentence, probability, top }) {
  if (abstain === "unknown") return `The nearest would be ${top[0].class}.`;
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
  const heading = named ? "h4" : "h3"; // below the model's name, where it has one
  if (answer.explanation) more.append(looked(answer, heading));
  if (answer.nearest?.length) more.append(nearest(answer, heading));
  made.append(more);
  return made;
}

function bars(answer, classes) {
  const order = classes
    .map((name, label) => ({ name, share: answer.probabilities[label] }))
    .sort((one, other) => other.share - one.share);
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
  const picture = element(
    "div",
    { className: "looked", role: "img", "aria-label": `The picture, what mattered marked. ${words}` },
    garment(answer.image, ""),
    mapOf(answer.explanation),
  );
  return element(
    "figure",
    {},
    element(heading, {}, "Where it looked"),
    picture,
    element("figcaption", {}, words),
  );
}

function nearest(answer, heading) {
  return element(
    "figure",
    {},
    element(heading, {}, "Nearest training pictures"),
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
    ...(answer.stages ?? []).map(({ name, sentence, picture }) =>
      element(
        "li",
        {},
        element("div", { className: "stage" }, element("img", { src: png(picture), alt: "" })),
        element("h3", {}, name),
        element("p", {}, sentence),
      ),
    ),
  );
}
