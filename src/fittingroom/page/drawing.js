// The easel: 28×28 pixels to paint on, by pointer or by keys, bright on black as in the data set.
import { STEPS } from "./view.js";

const SIDE = 28;

export class Drawing {
  // `changed` is called after each stroke.
  constructor(parts, changed) {
    const { canvas, size, undo, clear } = parts;
    this.parts = parts;
    this.changed = changed;
    this.pixels = new Float32Array(SIDE * SIDE);
    this.history = [];
    this.at = { x: SIDE / 2, y: SIDE / 2 };
    this.down = false;
    canvas.addEventListener("pointerdown", (event) => this.#press(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    for (const name of ["pointerup", "pointercancel"])
      canvas.addEventListener(name, () => this.#lift());
    canvas.addEventListener("keydown", (event) => this.#key(event));
    canvas.addEventListener("keyup", (event) => {
      if (event.key === "Shift" || event.key === " ") this.#lift();
    });
    canvas.addEventListener("blur", () => this.#lift());
    size.addEventListener("input", () => this.#show());
    undo.addEventListener("click", () => this.undo());
    clear.addEventListener("click", () => this.clear());
    this.#show();
  }

  get empty() {
    return this.pixels.every((value) => value < 1);
  }

  // A PNG of the 28×28 pixels as they are.
  toBlob() {
    return new Promise((resolve) => this.parts.canvas.toBlob(resolve, "image/png"));
  }

  undo() {
    if (!this.history.length) return;
    this.pixels = this.history.pop();
    this.#finish();
  }

  clear() {
    this.#remember();
    this.pixels = new Float32Array(SIDE * SIDE);
    this.#finish();
  }

  #press(event) {
    if (event.button) return;
    this.parts.canvas.setPointerCapture(event.pointerId);
    this.#begin();
    this.#go(this.#place(event), true);
  }

  #move(event) {
    const events = event.getCoalescedEvents?.() ?? [];
    for (const each of events.length ? events : [event]) this.#go(this.#place(each), this.down);
  }

  #place(event) {
    const { left, top, width, height } = this.parts.canvas.getBoundingClientRect();
    return { x: (SIDE * (event.clientX - left)) / width, y: (SIDE * (event.clientY - top)) / height };
  }

  #key(event) {
    const step = STEPS[event.key];
    if (event.key === "Delete" || event.key === "Backspace") this.clear();
    else if ((event.ctrlKey || event.metaKey) && event.key === "z") this.undo();
    else if (step || event.key === " ") {
      const paints = event.shiftKey || event.key === " ";
      if (paints && !this.down) this.#begin();
      const [x, y] = step ?? [0, 0];
      const within = (value) => Math.min(SIDE - 0.5, Math.max(0.5, value));
      this.#go({ x: within(this.at.x + x), y: within(this.at.y + y) }, paints);
    } else return;
    event.preventDefault();
  }

  #begin() {
    this.#remember();
    this.down = true;
  }

  #remember() {
    this.history = [...this.history.slice(-30), this.pixels.slice()];
  }

  #lift() {
    if (!this.down) return;
    this.down = false;
    this.#finish();
  }

  #finish() {
    this.#show();
    this.changed();
  }

  // Moves the brush to a place, and paints on the way if `paints`.
  #go(to, paints) {
    if (paints) {
      const steps = Math.max(1, Math.ceil(2 * Math.hypot(to.x - this.at.x, to.y - this.at.y)));
      const from = this.down && this.painted ? this.at : to;
      for (let i = 0; i <= steps; i++) {
        const x = from.x + ((to.x - from.x) * i) / steps;
        const y = from.y + ((to.y - from.y) * i) / steps;
        this.#dab(x, y);
        if (this.parts.both.checked) this.#dab(SIDE - x, y);
      }
    }
    this.painted = paints;
    this.at = to;
    this.#show();
  }

  // One round touch of the brush, its rim soft by half a pixel.
  #dab(x, y) {
    const radius = this.parts.size.valueAsNumber / 2 + 0.25;
    for (let row = 0; row < SIDE; row++)
      for (let column = 0; column < SIDE; column++) {
        const far = Math.hypot(column + 0.5 - x, row + 0.5 - y);
        const cover = Math.min(1, Math.max(0, radius + 0.5 - far));
        const index = row * SIDE + column;
        const value = this.pixels[index];
        const painted = value + (this.parts.shade.valueAsNumber - value) * cover;
        if (cover > 0) this.pixels[index] = cover === 1 ? painted : Math.max(value, painted);
      }
  }

  #show() {
    const context = this.parts.canvas.getContext("2d");
    const image = context.createImageData(SIDE, SIDE);
    this.pixels.forEach((value, index) => image.data.set([value, value, value, 255], 4 * index));
    context.putImageData(image, 0, 0);
    const part = 100 / SIDE;
    Object.assign(this.parts.brush.style, {
      insetInlineStart: `${this.at.x * part}%`,
      insetBlockStart: `${this.at.y * part}%`,
      inlineSize: `${(this.parts.size.valueAsNumber + 0.5) * part}%`,
    });
    this.parts.undo.disabled = !this.history.length;
    this.parts.clear.disabled = this.empty;
  }
}
