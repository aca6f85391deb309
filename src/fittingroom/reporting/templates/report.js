// What answers to pointer and keys. Without it the page shows the same, and stands still.
/** @type {any} */
const page = JSON.parse(document.getElementById("page-data").textContent);
const SHOWN = 100; // images of a cell of the diagonal
const NAMED = 30; // classes in the legend of the map
const NEAR = 14; // pixels from a dot
const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** @returns {any} */
const numbers = (base64, /** @type {any} */ Kind = Uint16Array) =>
  new Kind(Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0)).buffer);
const { classes } = page;
const at = numbers(page.at, Uint32Array); // positions in the test set
const labels = numbers(page.labels);
const models = page.models;
for (const model of models) {
  model.style = document.getElementById(`model-${model.key}`).getAttribute("style");
  for (const name of ["predicted", "likeliest", "shares", "map"])
    if (model[name]) model[name] = numbers(model[name]);
}

/** @returns {any[]} */
const all = (selector, root = document) => [...root.querySelectorAll(selector)];

/** An element with properties and children. @returns {any} */
function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

const button = (words, onclick, properties = {}) =>
  element("button", { type: "button", onclick, ...properties }, words);

// A shape that lives on the page only, and is not saved with its chart.
function shape(svg, tag, name) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  made.setAttribute("class", `live ${name}`);
  svg.append(made);
  return made;
}

const put = (drawn, attributes) =>
  Object.entries(attributes).forEach(([name, value]) => drawn.setAttribute(name, value));
const wordsOf = (cell) => cell.textContent.replace(/\s+/g, " ").trim();
const within = (value, least, most) => Math.min(most, Math.max(least, value));
const some = (count) => `${count.toLocaleString("en")} image${count === 1 ? "" : "s"}`;
const percent = (share) =>
  share < 0.01 ? "<1%" : share > 0.99 ? ">99%" : `${Math.round(100 * share)}%`;
const told = (row, column) =>
  `${classes[row]}, ${row === column ? "correct" : `predicted as ${classes[column]}`}`;

// --- images -------------------------------------------------------------------------------------
const sheet = `.garment { background-image: url(${page.sheet}); --across: ${page.across}; }`;
document.head.append(element("style", {}, sheet));

const garment = (image) => {
  const style = `--column: ${image % page.across}; --row: ${Math.floor(image / page.across)}`;
  return element("span", { className: "garment", style });
};

// The likeliest classes of an image and their shares, if the model tells them.
function likeliest(model, image) {
  if (!model.shares || image >= page.shown) return [];
  const width = model.shares.length / page.shown;
  const ranks = Array.from({ length: width }, (_, rank) => image * width + rank);
  return ranks.map((rank) => [model.likeliest[rank], model.shares[rank] / 1e4]);
}

const sureness = (model, image) =>
  likeliest(model, image).find(([kind]) => kind === model.predicted[image])?.[1];

function tile(model, image) {
  const bars = likeliest(model, image).map(([kind, share]) => {
    const properties = { style: `--share: ${share}`, className: kind === labels[image] ? "true" : "" };
    return element("li", properties, element("span", {}, classes[kind]), percent(share));
  });
  const words = element("small", {}, `№ ${at[image]}`);
  return element("li", {}, garment(image), words, element("ol", { className: "bars" }, ...bars));
}

// --- the drawer of a cell -----------------------------------------------------------------------
const drawer = element("dialog", { className: "drawer" });
document.body.append(drawer);
let opened = false; // by this page, so that closing goes back

// Class names in addresses: without a "/", where that still tells them apart.
const plainly = classes.map((name) => name.replaceAll("/", "-"));
const isOnly = (slug) => plainly.indexOf(slug) === plainly.lastIndexOf(slug);
const slugs = plainly.map((slug, kind) => encodeURIComponent(isOnly(slug) ? slug : classes[kind]));

function visit(model, row, column) {
  opened = true;
  location.hash = `${model.key}/${slugs[row]}/${slugs[column]}`;
}

// The images of a cell that are in the sheet: the surest mistakes, or the least sure others, first.
function members(model, row, column) {
  const inCell = (image) => labels[image] === row && model.predicted[image] === column;
  const found = [...at.keys()].slice(0, page.shown).filter(inCell);
  const sign = row === column ? 1 : -1;
  found.sort((one, other) => sign * (sureness(model, one) - sureness(model, other)) || 0);
  return found.slice(0, row === column ? SHOWN : undefined);
}

function show(model, row, column) {
  const beside = [model, ...models.filter((other) => other !== model)];
  const found = beside.map((each) => members(each, row, column));
  // Those of every model come first, so that an image stands in the same row of each.
  const shared = found[0].filter((image) => found.every((images) => images.includes(image)));
  const columns = beside.map((each, number) => {
    const images = [...new Set([...shared, ...found[number]])];
    const count = each.confusion[row][column];
    const shown = images.length < count ? `, ${images.length} shown` : "";
    const first = models.length > 1 && shared.length ? `; first the ${shared.length} that all models have here` : "";
    const words = some(count) + shown + first;
    const head = [element("h3", { className: "name" }, each.name), element("p", {}, words)];
    const shots = images.map((image) => tile(each, image));
    head.push(element("ol", { className: "shots" }, ...shots));
    return element("section", { style: each.style }, ...head);
  });
  drawer.ariaLabel = told(row, column);
  const heading = element("h2", {}, drawer.ariaLabel);
  const head = element("header", {}, heading, button("Close", () => drawer.close()));
  drawer.replaceChildren(head, element("div", { className: "columns" }, ...columns));
  if (!drawer.open) drawer.showModal();
  drawer.scrollTop = 0;
}

function follow() {
  const [key, row, column] = location.hash.slice(1).split("/");
  const model = models.find((each) => each.key === key);
  const cell = [slugs.indexOf(row), slugs.indexOf(column)];
  if (model && Math.min(...cell) >= 0) show(model, cell[0], cell[1]);
  else drawer.close();
}

drawer.addEventListener("close", () => {
  if (!location.hash.includes("/")) return; // Back has closed it
  if (opened) history.back();
  else history.replaceState(null, "", location.href.split("#")[0]);
  opened = false;
});
drawer.addEventListener("click", (event) => event.target === drawer && drawer.close());
addEventListener("hashchange", follow);

// --- charts -------------------------------------------------------------------------------------
// The axes of a chart: where they are drawn, and the numbers that they and a pointer stand for.
const axesOf = (svg) =>
  all("[data-axes]", svg).map((each) => {
    const [left, right, bottom, top] = each.dataset.axes.split(" ").map(Number);
    const box = each.getBBox();
    const read = (event) => {
      const drawn = each.getBoundingClientRect();
      return [
        left + ((event.clientX - drawn.left) / drawn.width) * (right - left),
        top + ((event.clientY - drawn.top) / drawn.height) * (bottom - top),
      ];
    };
    const x = (value) => box.x + ((value - left) / (right - left)) * box.width;
    const y = (value) => box.y + ((value - top) / (bottom - top)) * box.height;
    return { ends: [left, right], box, read, x, y };
  });

// A chart that takes keys, and a line beneath it that says what is chosen.
function answering(chart, hint, name, step, enter = () => {}) {
  put(chart, { tabindex: 0, role: "application", "aria-label": name });
  chart.onkeydown = (event) => {
    if (event.key !== "Enter" && !STEPS[event.key]) return;
    event.preventDefault();
    if (event.key === "Enter") enter();
    else step(...STEPS[event.key]);
  };
  chart.after(element("div", { className: "reading", role: "status" }, hint));
  return chart.nextElementSibling;
}

// Class names at the axes of charts, in ink as no number there is. Those that stand upright head a row.
const short = classes.map((name) => (name.length <= 22 ? name : `${name.slice(0, 21)}…`));
const heads = all(".chart svg").flatMap((svg) =>
  all('text[style*="var(--ink)"]:not(g:has(> [data-axes]) > g > text)', svg)
    .map((text) => ({ svg, text, kind: short.indexOf(text.textContent) }))
    .filter(({ kind }) => kind >= 0),
);
const rows = heads.filter(({ text }) => !text.hasAttribute("transform"));
let lit = -1; // a class, wherever it stands

function light(kind) {
  if (kind === lit) return;
  lit = kind;
  for (const band of all(".live.band")) band.remove();
  for (const head of heads) head.text.classList.toggle("lit", head.kind === lit);
  for (const { svg, text } of rows.filter((head) => head.kind === lit)) {
    const { y, height } = text.getBBox();
    put(shape(svg, "rect", "band"), { x: 0, y: y - 4, width: "100%", height: height + 8 });
  }
  drawMap();
}

for (const svg of new Set(rows.map((row) => row.svg))) {
  svg.onpointermove = (event) => {
    const away = ({ text }) => {
      const { top, bottom } = text.getBoundingClientRect();
      return Math.abs((top + bottom) / 2 - event.clientY);
    };
    const near = rows.filter((row) => row.svg === svg && away(row) < 20);
    light(near.sort((one, other) => away(one) - away(other))[0]?.kind ?? -1);
  };
  svg.onpointerleave = () => light(-1);
}

for (const model of models) {
  const chart = document.querySelector(`[id="${model.key}_confusion_matrix"] .chart`);
  const svg = chart.querySelector("svg");
  const [axes] = axesOf(svg);
  const cursor = shape(svg, "rect", "cursor");
  let cell = [-1, -1];
  const enter = () => model.confusion[cell[0]]?.[cell[1]] && visit(model, cell[0], cell[1]);
  const choose = (column, row) => {
    cell = [row, column].map((kind) => within(kind, 0, classes.length - 1));
    const [x, y] = [axes.x(cell[1]), axes.y(cell[0])];
    put(cursor, { x, y, width: axes.x(cell[1] + 1) - x, height: axes.y(cell[0] + 1) - y });
    reading.textContent = `${told(cell[0], cell[1])}: ${some(model.confusion[cell[0]][cell[1]])}`;
    light(cell[0]);
  };
  const name = `Confusion matrix of ${model.name}. Arrow keys choose a cell, Enter opens it.`;
  const step = (right, down) => choose(cell[1] + right, cell[0] + down);
  const reading = answering(chart, "Choose a cell to see its images.", name, step, enter);
  const point = (event) => {
    const [column, row] = axes.read(event).map(Math.floor);
    if (Math.min(column, row) < 0 || Math.max(column, row) >= classes.length) return;
    choose(column, row);
    if (event.type === "click") enter();
  };
  svg.addEventListener("pointermove", point);
  svg.addEventListener("click", point);
}

for (const chart of all("#learning_curves .chart")) {
  const svg = chart.querySelector("svg");
  const [head, ...rows] = all("#learning_curves tr").map((row) => [...row.cells].map(wordsOf));
  const axes = axesOf(svg);
  const lines = axes.map(() => shape(svg, "rect", "cursor"));
  let epoch = 0;
  const choose = (chosen) => {
    epoch = within(chosen, 1, Math.max(...rows.map((row) => Number(row[1]))));
    axes.forEach(({ x, box }, number) =>
      put(lines[number], { x: x(epoch), width: 0.01, y: box.y, height: box.height }),
    );
    const here = rows.filter((row) => Number(row[1]) === epoch);
    const values = here.map((row) => {
      const { style } = models.find((model) => model.name === row[0]);
      const words = [2, 3, 4, 5].map((at) => ` ${head[at].toLowerCase()} ${row[at]}`).join(",");
      return element("div", {}, element("b", { className: "name", style }, row[0]), words);
    });
    reading.replaceChildren(`Epoch ${epoch}`, ...values);
  };
  const name = "Accuracy and loss, epoch by epoch. Left and right arrow keys choose an epoch.";
  const step = (right) => choose(epoch + right);
  const reading = answering(chart, "Point at an epoch to read its values.", name, step);
  const point = (event) => {
    const values = axes.map((each) => each.read(event)[0]);
    const inside = axes.findIndex(({ ends }, at) => within(values[at], ...ends) === values[at]);
    if (inside >= 0) choose(Math.round(values[inside]));
  };
  svg.addEventListener("pointermove", point);
  svg.addEventListener("pointerdown", point);
}

// --- a map of the test set ----------------------------------------------------------------------
const mapped = models.filter((model) => model.map);
let [seen, chosen] = [mapped[0], -1]; // the model and the image on the map
const canvas = element("canvas");
const colourOf = (kind) =>
  `hsl(${Math.round((360 * kind) / classes.length)} 70% ${kind % 2 ? 38 : 56}%)`;
const isWrong = (image) => seen.predicted[image] !== labels[image];
const spot = (image) =>
  [0, 1].map((axis) => 8 + (seen.map[2 * image + axis] / 65535) * (canvas.clientWidth - 16));

function drawMap() {
  if (!canvas.clientWidth) return; // not on the page
  canvas.width = canvas.height = canvas.clientWidth * devicePixelRatio;
  const paper = canvas.getContext("2d");
  paper.scale(devicePixelRatio, devicePixelRatio);
  paper.strokeStyle = getComputedStyle(canvas).color;
  const dot = (image, radius) => {
    const [x, y] = spot(image);
    paper.beginPath();
    paper.arc(x, y, radius, 0, 7);
  };
  for (const ringed of [false, true])
    for (let image = 0; image < at.length; image++) {
      if (isWrong(image) !== ringed) continue;
      paper.globalAlpha = lit >= 0 && labels[image] !== lit ? 0.06 : ringed ? 1 : 0.6;
      paper.fillStyle = colourOf(labels[image]);
      dot(image, ringed ? 2.6 : 1.7);
      paper.fill();
      if (ringed) paper.stroke();
    }
  if (chosen < 0) return;
  paper.globalAlpha = 1;
  paper.lineWidth = 2;
  dot(chosen, 9);
  paper.stroke();
}

function buildMap() {
  const [words, links] = [element("span"), element("span", { className: "save" })];
  const legend = classes.slice(0, NAMED).map((name, kind) => {
    const [on, off] = [kind, -1].map((each) => () => light(each));
    const live = { onpointerenter: on, onfocus: on, onpointerleave: off, onblur: off };
    return element("li", { style: `--dot: ${colourOf(kind)}` }, button(name, on, live));
  });
  if (classes.length > NAMED) legend.push(element("li", {}, `and ${classes.length - NAMED} more classes`));
  const buttons = mapped.map((model) =>
    button(model.name, () => turn(model), { style: model.style }),
  );
  const figure = element("figure", { className: "panel wide", id: "map" });
  figure.append(element("div", { className: "switch" }, ...buttons));
  figure.append(element("ul", { className: "legend" }, ...legend), canvas);
  figure.append(element("figcaption", {}, words, links));
  const title = element("summary", {}, element("h3", {}, "A map of the test set"));
  const fold = element("details", { className: "fold" }, title, figure);
  document.getElementById("models").append(fold);
  const choose = (image) => {
    chosen = image;
    const sure = sureness(seen, image);
    const answer = `№ ${at[image]}: ${told(labels[image], seen.predicted[image])}`;
    const picture = image < page.shown ? garment(image) : "";
    reading.replaceChildren(picture, answer, sure === undefined ? "" : ` (${percent(sure)})`);
    drawMap();
  };
  const enter = () => chosen >= 0 && visit(seen, labels[chosen], seen.predicted[chosen]);
  const step = (right, down) => {
    const by = right + down; // around the ends
    let image = chosen < 0 && by < 0 ? 0 : chosen;
    for (let left = at.length; left > 0; left--) {
      image = (image + by + at.length) % at.length;
      if (isWrong(image)) return choose(image);
    }
  };
  const name = `${some(at.length)} as dots. Arrow keys go from mistake to mistake.`;
  const hint = "Point at a dot to see what it is, and its image if this page has it.";
  const reading = answering(canvas, hint, name, step, enter);
  const turn = (model) => {
    [seen, chosen] = [model, -1];
    buttons.forEach((each, number) => put(each, { "aria-pressed": mapped[number] === model }));
    words.textContent =
      `Each dot is a test image in the colour of its true class; mistakes of ${model.name} are ` +
      `ringed. ${model.plane}`;
    drawMap();
  };
  canvas.onpointermove = canvas.onpointerdown = (event) => {
    let [nearest, least] = [chosen, NEAR];
    for (let image = 0; image < at.length; image++) {
      const [x, y] = spot(image);
      const away = Math.hypot(x - event.offsetX, y - event.offsetY);
      if (away < least) [nearest, least] = [image, away];
    }
    if (nearest !== chosen) choose(nearest);
  };
  canvas.onclick = enter;
  new ResizeObserver(drawMap).observe(canvas);
  turn(mapped[0]);
}
if (mapped.length) buildMap();

// --- copies -------------------------------------------------------------------------------------
const SIGNS = { "\\": "$\\backslash$", "−": "$-$", "<": "$<$", ">": "$>$", "|": "$|$" };
Object.assign(SIGNS, { "~": "\\textasciitilde{}", "^": "\\textasciicircum{}" });
const latex = (word) =>
  word.replace(/[\\{}$&%#_−<>|~^]/g, (mark) => SIGNS[mark] ?? `\\${mark}`).replaceAll("–", "--");
// "93.1% (92.6–93.6%)" or "+2.4 (+1.9 to +2.9) points": in CSV, its ends have columns of their own.
const INTERVAL = /^(\S+) \((\S+?)(?:–| to )(\S+?)(%?)\)( points)?$/;
const FORMS = {
  Markdown: ([head, ...rows]) =>
    [head, head.map(() => "---"), ...rows]
      .map((row) => `| ${row.map((word) => word.replace(/[\\`|*_$]|<(?![ \d])/g, "\\$&")).join(" | ")} |`)
      .join("\n"),
  CSV: ([head, ...rows]) => {
    const wide = head.map((_, at) => rows.some((row) => INTERVAL.test(row[at])));
    const parts = (word) => [...word.replace(INTERVAL, "$1$5\t$2$4$5\t$3$4$5").split("\t"), "", ""].slice(0, 3);
    const cells = rows.map((row) => row.flatMap((word, at) => (wide[at] ? parts(word) : word)));
    cells.unshift(head.flatMap((word, at) => (wide[at] ? [word, `${word} low`, `${word} high`] : word)));
    const quoted = (word) => `"${word.replaceAll('"', '""').replace(/^−(?=\d)/, "-")}"`;
    return cells.map((row) => row.map(quoted).join(",")).join("\n");
  },
  LaTeX: ([head, ...rows]) => {
    const lines = [head, ...rows].map((row) => `${row.map(latex).join(" & ")} \\\\`);
    const columns = `l${"r".repeat(head.length - 1)}`;
    lines.splice(1, 0, "\\hline");
    return [`\\begin{tabular}{${columns}}`, ...lines, "\\end{tabular}"].join("\n");
  },
};

async function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = element("textarea", { value: text }); // a page over plain HTTP has no clipboard
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

for (const table of all("table:not(:has(img))")) {
  const rows = [...table.rows].map((row) => [...row.cells].map(wordsOf));
  const buttons = Object.keys(FORMS).map((form) =>
    button(form, async (event) => {
      await copy(FORMS[form](rows));
      event.target.textContent = "Copied";
      setTimeout(() => (event.target.textContent = form), 1500);
    }),
  );
  const summary = element("summary", {}, "Copy");
  table.caption.append(" ", element("details", { className: "copy" }, summary, ...buttons));
}

// The address of a chart alone, in the colours that it has now.
function addressOf(svg) {
  const copy = svg.cloneNode(true);
  const { width, height } = svg.viewBox.baseVal;
  const style = "font-family: sans-serif; background: var(--paper)";
  for (const each of all(".live", copy)) each.remove();
  put(copy, { width, height, style, xmlns: "http://www.w3.org/2000/svg" });
  const markup = copy.outerHTML.replace(/var\(.*?\)/g, (colour) => {
    drawer.style.color = colour;
    return getComputedStyle(drawer).color;
  });
  drawer.style.color = "";
  return `data:image/svg+xml;charset=utf-8,${encodeURIComponent(markup)}`;
}

for (const figure of all("figure:has(.chart, canvas)")) {
  const [svg, form] = [figure.querySelector("svg"), figure.id === "map" ? "PNG" : "SVG"];
  const download = `${figure.id}.${form.toLowerCase()}`;
  const href = () => (svg ? addressOf(svg) : canvas.toDataURL());
  const save = () => element("a", { href: href(), download }).click();
  figure.querySelector(".save").append(button(form, save));
}

follow();
export {};
