// A box over the photo in the mirror: what is inside is asked about. It is dragged, or moved by arrow keys.
import { STEPS, element } from "./view.js";

const LEAST = 0.08; // of the photo's side
const STEP = 0.02;
const PLENTY = 1600; // pixels of the longest side
const CORNERS = ["Top left", "Top right", "Bottom left", "Bottom right"];

// A part of an image or a video, as a file.
export function partOf(image, left, top, wide, high) {
  const scale = Math.min(1, PLENTY / Math.max(wide, high));
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [wide, high].map((length) => Math.max(1, Math.round(scale * length)));
  const context = canvas.getContext("2d");
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingQuality = "high";
  context.drawImage(image, left, top, wide, high, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.95));
}

export class Crop {
  // `box` is an element over the `image`; `changed` is called when the box was moved, or left.
  constructor(image, box, changed) {
    this.image = image;
    this.box = box;
    this.changed = changed;
    this.handles = CORNERS.map((corner) => {
      const words = `${corner} corner; arrow keys move it`;
      return element("button", { type: "button", className: corner.toLowerCase(), "aria-label": words });
    });
    box.append(...this.handles);
    for (const part of [box, ...this.handles]) {
      part.addEventListener("pointerdown", (event) => this.#press(event, part));
      part.addEventListener("keydown", (event) => this.#key(event, part));
    }
  }

  start() {
    this.box.hidden = false;
    this.#place([0.1, 0.1, 0.9, 0.9]);
    this.box.focus(); // on a phone it is above the answer
    this.changed();
  }

  stop() {
    clearTimeout(this.pause);
    this.box.hidden = true;
  }

  // What is inside, as a file.
  toBlob() {
    const { naturalWidth: width, naturalHeight: height } = this.image;
    const [left, top, right, bottom] = this.edges;
    return partOf(this.image, left * width, top * height, (right - left) * width, (bottom - top) * height);
  }

  // Edges are shares of the photo's sides: left, top, right, bottom.
  #place(edges) {
    this.edges = edges;
    const [left, top, right, bottom] = edges.map((edge) => 100 * edge);
    this.box.style.inset = `${top}% ${100 - right}% ${100 - bottom}% ${left}%`;
  }

  // Moves a corner, or the whole box, from where it was.
  #move(part, from, x, y) {
    const corner = this.handles.indexOf(part);
    const edges = [...from];
    const within = (value, low, high) => Math.min(high, Math.max(low, value));
    [x, y].forEach((by, axis) => {
      const [low, high] = [from[axis], from[axis + 2]];
      if (corner < 0) {
        const shift = within(by, -low, 1 - high);
        [edges[axis], edges[axis + 2]] = [low + shift, high + shift];
      } else if (axis ? corner > 1 : corner % 2) edges[axis + 2] = within(high + by, low + LEAST, 1);
      else edges[axis] = within(low + by, 0, high - LEAST);
    });
    this.#place(edges);
  }

  #press(event, part) {
    if (event.button) return;
    event.stopPropagation(); // a corner is on the box, too
    event.preventDefault();
    part.focus({ preventScroll: true });
    part.setPointerCapture(event.pointerId);
    const [from, { width, height }] = [this.edges, this.image.getBoundingClientRect()];
    part.onpointermove = (now) =>
      this.#move(part, from, (now.clientX - event.clientX) / width, (now.clientY - event.clientY) / height);
    part.onlostpointercapture = () => {
      part.onpointermove = null;
      if (this.edges !== from) this.changed();
    };
  }

  #key(event, part) {
    if (!STEPS[event.key] || event.target !== part) return;
    event.preventDefault();
    const [x, y] = STEPS[event.key];
    this.#move(part, this.edges, x * STEP, y * STEP);
    clearTimeout(this.pause);
    this.pause = setTimeout(() => this.changed(), 300);
  }
}
