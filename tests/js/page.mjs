// A page without a browser: just so much of a document that an explorer can be mounted in it, with canvases that write
// down what is drawn.

import { mock } from "node:test";
import * as stage from "../../helpers/explorers/stage.js";

// ----------------------------------------------------------------------------------------------------- a recording pen

const COLOURS = [
  "ink",
  "soft",
  "grid",
  "paper",
  "positive",
  "negative",
  "zero",
  "data",
  "time",
  "set",
  "ghost",
  "series-0",
  "series-1",
  "series-2",
  "series-3",
];
const hex = (name) => `#${(0x102030 + 0x111 * COLOURS.indexOf(name)).toString(16)}`; // each name a colour of its own
export const channels = (name) => [1, 3, 5].map((at) => parseInt(hex(name).slice(at, at + 2), 16));
const named = (colour) => COLOURS.find((name) => hex(name) === colour) ?? colour;

// What is drawn since the canvas was last cleared: {op, colour, dash, alpha, width, …} with lines {paths}, each a list of
// [x, y], circles and arcs {arcs: [{x, y, radius, from, to}, …]}, words {words, x, y} or pictures {image, box}.
class Pen {
  constructor() {
    this.drawn = [];
    this.stack = [];
    this.state = {
      strokeStyle: "#000000",
      fillStyle: "#000000",
      lineWidth: 1,
      globalAlpha: 1,
      lineCap: "butt",
      dash: [],
    };
    this.beginPath();
    for (const name of Object.keys(this.state)) {
      Object.defineProperty(this, name, {
        get: () => this.state[name],
        set: (value) => {
          this.state[name] = value;
        },
      });
    }
  }

  setTransform() {}
  clip() {}
  rect() {}
  measureText(words) {
    return { width: 5 * words.length };
  }
  clearRect() {
    this.drawn = [];
  }
  save() {
    this.stack.push({ ...this.state });
  }
  restore() {
    this.state = this.stack.pop();
  }
  setLineDash(dash) {
    this.state.dash = [...dash];
  }
  beginPath() {
    [this.paths, this.arcs] = [[], []];
  }
  moveTo(x, y) {
    this.paths.push([[x, y]]);
  }
  lineTo(x, y) {
    this.paths.length ? this.paths.at(-1).push([x, y]) : this.moveTo(x, y);
  }
  closePath() {
    this.paths.at(-1).push(this.paths.at(-1)[0]);
  }
  arc(x, y, radius, from, to) {
    this.arcs.push({ x, y, radius, from, to });
  }
  note(op, colour, more) {
    const { globalAlpha: alpha, lineWidth: width, lineCap: ends, dash } = this.state;
    this.drawn.push({ op, colour: named(colour), alpha, width, ends, dash, ...more });
  }
  stroke() {
    this.note("stroke", this.strokeStyle, { paths: this.paths.map((path) => [...path]), arcs: [...this.arcs] });
  }
  fill() {
    this.note("fill", this.fillStyle, { paths: this.paths.map((path) => [...path]), arcs: [...this.arcs] });
  }
  strokeRect(left, top, width, height) {
    this.note("box", this.strokeStyle, { box: [left, top, width, height] });
  }
  fillText(words, x, y) {
    this.note("words", this.fillStyle, { words, x, y });
  }
  createImageData(width, height) {
    return { width, height, data: new Uint8ClampedArray(4 * width * height) };
  }
  putImageData(image) {
    this.pixels = image;
  }
  drawImage(canvas, ...box) {
    this.note("image", "", { image: canvas.getContext().pixels, box });
  }
}

// ---------------------------------------------------------------------------------------------------- a small document

class Node extends EventTarget {
  children = [];
  attributes = {};
  dataset = {};
  style = {};
  followers = [];

  constructor(tag) {
    super();
    this.tag = tag;
    this.classList = { toggle: (name, on) => (this.attributes[name] = on) };
  }

  setAttribute(name, value) {
    this.attributes[name] = String(value);
    const camel = name.match(/^data-(.*)/)?.[1].replace(/-./g, (pair) => pair[1].toUpperCase());
    if (camel) this.dataset[camel] = String(value);
    else if (!["class", "style", "for"].includes(name)) this[name] = name === "hidden" ? true : String(value);
  }
  getAttribute(name) {
    return this.attributes[name] ?? null;
  }
  removeAttribute(name) {
    delete this.attributes[name];
  }
  append(...children) {
    this.children.push(...children);
    const options = children.filter(({ tag }) => tag === "option");
    if (options.length) this.value = (options.find(({ selected }) => selected) ?? options[0]).value;
  }
  after(...others) {
    this.followers.push(...others);
  } // seen in the page too
  replaceChildren(...children) {
    this.children = children;
  }
  remove() {}
  setPointerCapture() {}
  focus() {}
  select() {}
  getContext() {
    return (this.pen ??= new Pen());
  }
  get textContent() {
    return this.children.map((child) => (typeof child === "string" ? child : child.textContent)).join("");
  }
  set textContent(words) {
    this.children = words === "" ? [] : [String(words)];
  }
  get all() {
    return [this, ...[...this.children, ...this.followers].flatMap((child) => child.all ?? [])];
  }
  send(type, more = {}) {
    return this.dispatchEvent(Object.assign(new Event(type, { bubbles: true, cancelable: true }), more));
  }
}

let frames = [];
let observers = [];
const SIZE = { width: 400, height: 300 };

class Observer {
  constructor(listener) {
    [this.listener, this.targets] = [listener, []];
    observers.push(this);
  }
  observe(target) {
    this.targets.push(target);
  }
  disconnect() {
    this.targets = [];
  }
}

Object.assign(globalThis, {
  document: { createElement: (tag) => new Node(tag), body: new Node("body") },
  window: { devicePixelRatio: 1 },
  Option: class extends Node {
    constructor(words, value = words, usual = false, selected = false) {
      super("option");
      this.textContent = words;
      Object.assign(this, { value, selected });
    }
  },
  ImageData: class {
    constructor(data, width) {
      Object.assign(this, { data, width, height: data.length / 4 / width });
    }
  },
  ResizeObserver: Observer,
  MutationObserver: class extends Observer {
    observe() {}
  },
  matchMedia: () => new EventTarget(),
  requestAnimationFrame: (paint) => frames.push(paint),
  cancelAnimationFrame: () => {
    frames = [];
  },
  getComputedStyle: () => ({
    color: "rgb(20, 20, 20)",
    fontFamily: "sans",
    getPropertyValue: (name) => hex(name.replace("--explorer-", "")),
  }),
});

export const framesAsked = () => frames.length;

// All frames that are asked for, at this moment in ms; those asked for meanwhile come with the next call.
export function paint(at = 0) {
  const due = frames;
  frames = [];
  due.forEach((frame) => frame(at));
}

// --------------------------------------------------------------------------------------------------------------- a run

const FLAT = Symbol("array");

// An array of a run, of its own shape: numbers, or rows of them.
export const array = (values) => ({
  [FLAT]: true,
  values: values.flat(),
  shape: Array.isArray(values[0]) ? [values.length, values[0].length] : [values.length],
});

// The run as bytes, as scene.py writes it, all arrays as float32.
export function encoded(run) {
  const numbers = [];
  const header = JSON.stringify(run, (_, value) => {
    if (!value?.[FLAT]) return value;
    const offset = 4 * numbers.length;
    numbers.push(...value.values);
    return { array: "float32", shape: value.shape, offset };
  });
  const text = new TextEncoder().encode(header);
  const padded = text.length + ((8 - ((4 + text.length) % 8)) % 8);
  const bytes = new Uint8Array(4 + padded + 4 * numbers.length).fill(32, 4, 4 + padded);
  new DataView(bytes.buffer).setUint32(0, padded, true);
  bytes.set(text, 4);
  new Float32Array(bytes.buffer, 4 + padded).set(numbers);
  return new DataView(bytes.buffer);
}

const TIME = [0, 1, 2, 4];

export function run(panels, { time = TIME, settings = {}, text = [[0, "time {time}"]], values = {} } = {}) {
  return encoded({
    client: "python",
    sequence: 1,
    settings,
    time: array(time),
    time_label: "time t",
    text,
    values,
    panels,
  });
}

// -------------------------------------------------------------------------------------------------- a mounted explorer

export function model(state) {
  const listeners = [];
  return {
    listeners,
    get: (name) => state[name],
    set(name, value) {
      state[name] = value;
      for (const [type, listener] of [...listeners]) if (type === `change:${name}`) listener();
    },
    on: (type, listener) => listeners.push([type, listener]),
    off: (type, listener) =>
      listeners.splice(
        listeners.findIndex(([a, b]) => a === type && b === listener),
        1,
      ),
    save_changes() {},
  };
}

// An explorer in a page of its own: what is drawn, by colour and kind, and what a reader can do.
export class Page {
  constructor(bytes, { cursor = 0, controls = [], defaults = {}, title = "Toy", size = SIZE, ratio = 1 } = {}) {
    mock.timers.reset();
    mock.timers.enable({ apis: ["setTimeout"] });
    this.size = size;
    window.devicePixelRatio = ratio;
    this.body = new Node("body");
    this.model = model({ title, controls, defaults, cursor, code: "", failure: {}, run: bytes, progress: 0 });
    [frames, observers] = [[], []];
    this.dispose = stage.mount({ model: this.model, el: this.body });
    this.measure();
  }

  measure() {
    for (const { listener, targets } of observers) {
      if (targets.length) listener(targets.map((target) => ({ target, contentRect: this.size })));
    }
    paint();
  }

  show(bytes) {
    this.model.set("run", bytes);
    this.measure();
  }

  find(accept) {
    return this.body.all.find(accept);
  }
  control(name) {
    return this.find(({ dataset }) => dataset.control === name);
  }
  press(words) {
    this.find(({ tag, textContent }) => tag === "button" && textContent === words).send("click");
    paint();
  }

  // The cursor at a place between the frames.
  at(position) {
    const time = this.control("time");
    time.value = String(position);
    time.send("input");
    paint();
    return this;
  }

  key(key) {
    this.find(({ tag, tabIndex }) => tag === "canvas" && String(tabIndex) === "0").send("keydown", { key });
    paint();
    return this;
  }

  // What is drawn on all canvases, the lower ones first.
  get drawn() {
    return this.body.all.filter(({ tag, pen }) => tag === "canvas" && pen).flatMap(({ pen }) => pen.drawn);
  }
  ops(op, colour) {
    return this.drawn.filter((one) => one.op === op && (colour === undefined || one.colour === colour));
  }
  // The lines of a colour of at least two points, each [[x, y], …].
  lines(colour, more = () => true) {
    return this.ops("stroke", colour)
      .filter(more)
      .flatMap(({ paths }) => paths)
      .filter(({ length }) => length > 1);
  }
  discs(colour) {
    return this.ops("fill", colour).flatMap(({ arcs, alpha }) => arcs.map((arc) => ({ ...arc, alpha })));
  }
  rings(colour) {
    return this.ops("stroke", colour).flatMap(({ arcs, alpha, dash }) => arcs.map((arc) => ({ ...arc, alpha, dash })));
  }

  // What the legend tells: [colours, words].
  get legend() {
    const colour = (swatch) => swatch.attributes.style.match(/--explorer-([\w-]+)/)[1];
    return this.body.all
      .filter(({ tag }) => tag === "li")
      .map(({ children }) => [children.slice(0, -1).map(colour), children.at(-1)]);
  }

  // Where a value stands on an axis, read off the numbers written along it.
  axis(which, log = false) {
    const [along, across] = which === "x" ? ["x", "y"] : ["y", "x"];
    const numbers = this.ops("words")
      .map(({ words, x, y }) => ({ value: number(words), x, y }))
      .filter(({ value }) => Number.isFinite(value));
    const ticks = numbers.filter((one) => numbers.filter((other) => other[across] === one[across]).length > 2);
    const scale = log ? Math.log : (value) => value;
    const [first, last] = ticks; // the outermost ones may be moved into the picture
    const place = (value) =>
      first[along] +
      ((scale(value) - scale(first.value)) / (scale(last.value) - scale(first.value))) * (last[along] - first[along]);
    return { place, ticks: ticks.map((tick) => [tick.value, tick[along]]) };
  }
}

// The number that a label on an axis stands for.
function number(label) {
  const [, mantissa = "1", raised] = label.match(/^(?:(.*)·)?10([⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+)$/) ?? [];
  const plain = (digits) => digits.replace("−", "-");
  if (raised === undefined) return label ? Number(plain(label)) : NaN;
  return (
    Number(plain(mantissa)) *
    10 ** Number(raised.replace(/./g, (digit) => (digit === "⁻" ? "-" : "⁰¹²³⁴⁵⁶⁷⁸⁹".indexOf(digit))))
  );
}
