// The moving picture that all explorers share: a whole run is held in the browser, so time moves without the kernel.
//
// Core: pure functions without a document, tested with node. Panels: the circle, the sphere, the map, the function, the chart, the plane.
// Shell: controls, clock, theme, and the traffic with the kernel. mount({model, el}) returns the way to dispose of it.

// ---------------------------------------------------------------------------------------------------------- core: runs

const KINDS = { int8: Int8Array, int16: Int16Array, uint16: Uint16Array, float32: Float32Array };
const MISSING = -32768;

// The run in `source` (DataView or typed array; see encode in scene.py), its arrays as {data, shape}.
export function decode(source) {
  // A copy, because the bytes may begin at an odd offset, where no typed array can be laid over them.
  const bytes = source.buffer.slice(source.byteOffset, source.byteOffset + source.byteLength);
  const body = 4 + new DataView(bytes).getUint32(0, true);
  const header = new TextDecoder().decode(new Uint8Array(bytes, 4, body - 4));
  return JSON.parse(header, (_, value) => (value?.array ? unpack(bytes, body, value) : value));
}

function unpack(bytes, body, { array, shape, offset, scale, bias }) {
  const size = shape.reduce((product, length) => product * length, 1);
  const stored = new KINDS[array](bytes, body + offset, size);
  const data = new Float32Array(stored);
  if (scale !== undefined) {
    for (let i = 0; i < size; i++) data[i] = array === "int16" && stored[i] === MISSING ? NaN : stored[i] * scale + bias;
  }
  return { data, shape };
}

// The values of one frame; an array without a time axis is the same in every frame.
export function row({ data, shape }, frame) {
  if (shape.length === 1) return data;
  return data.subarray(frame * shape[1], (frame + 1) * shape[1]);
}

// -------------------------------------------------------------------------------------------------------- core: frames

// A position between two frames: the frames before and after it, how far it is between them, and the nearest one.
export function frameAt(position, count) {
  const from = Math.max(0, Math.min(Math.floor(position), count - 1));
  return { from, to: Math.min(from + 1, count - 1), part: position - from, nearest: Math.min(Math.round(position), count - 1) };
}

export const within01 = (part) => Math.max(0, Math.min(1, part));

// At a frame its own value, also where the next one is missing.
export const mix = (a, b, part) => (part ? a + (b - a) * part : a);

// The short way round the circle, in radians.
export function mixAngle(a, b, part) {
  const turn = b - a;
  return a + (turn - 2 * Math.PI * Math.round(turn / (2 * Math.PI))) * part;
}

// A kink that leaves on one side and comes back on the other jumps; it does not cross the picture.
export function mixMark(a, b, part, span) {
  return Math.abs(b - a) > span / 2 ? (part < 0.5 ? a : b) : mix(a, b, part);
}

// The place between two of the rising key frames, as frameAt's; beyond the last one that one.
export function keyAt(keys, position) {
  const from = Math.max(0, keys.findLastIndex((key) => key <= position));
  const to = Math.min(from + 1, keys.length - 1);
  return { from, to, part: to > from ? Math.max(0, (position - keys[from]) / (keys[to] - keys[from])) : 0 };
}

export function mixRow(array, frame, mixing = mix) {
  const b = row(array, frame.to);
  return row(array, frame.from).map((a, i) => mixing(a, b[i], frame.part));
}

// ----------------------------------------------------------------------------------------------- core: numbers and text

// Three significant digits; the same as format_number in scene.py.
export function formatNumber(value) {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "–" : value > 0 ? "∞" : "-∞";
  if (Number.isInteger(value) && Math.abs(value) < 1e6) return String(value);
  const rounded = Number(value.toPrecision(3));
  if (Math.abs(rounded) >= 1e-3 && Math.abs(rounded) < 1e4) return String(rounded);
  const [mantissa, exponent] = rounded.toExponential(2).split("e");
  return `${Number(mantissa)}e${Number(exponent)}`;
}

const raised = (exponent) => String(exponent).replace(/./g, (c) => (c === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[c]));

// 0.01 to 1000 as they are, others as 10⁻³ or 3·10⁻⁴.
export function powerLabel(value, plain = value >= 0.0099 && value < 9999) {
  if (plain) return String(Number(value.toPrecision(3)));
  const [mantissa, exponent] = value.toExponential(2).split("e");
  return (Number(mantissa) === 1 ? "" : `${Number(mantissa)}·`) + `10${raised(Number(exponent))}`;
}

export function settingLabel(control, value) {
  if (control.kind === "choice") return value;
  return control.kind === "log" ? powerLabel(value) : String(Number(value.toPrecision(6)));
}

// What tells a kept run from the one shown: the settings that differ, in the words of their controls.
export function keptWords(controls, kept, shown) {
  const different = controls.filter(({ name }) => kept[name] !== shown[name]);
  return `. Kept, pale: ${different.map((control) => `${control.label} ${settingLabel(control, kept[control.name])}`).join(", ") || "this run"}`;
}

// The template of a frame, out of [[first frame, template], ...], with {names} filled in.
export function textAt(phases, frame, lookup) {
  const template = phases.findLast(([first]) => first <= frame)[1];
  return template.replace(/\{(\w+)\}/g, (_, name) => formatNumber(lookup(name)));
}

// --------------------------------------------------------------------------------------------------------- core: ticks

const mantissas = [1, 2, 5];
const niceStep = (k) => mantissas[((k % 3) + 3) % 3] * 10 ** Math.floor(k / 3);

function evenTicks(low, high, most) {
  let k = Math.ceil(3 * Math.log10((high - low) / most)) + 3;
  const within = (step) => {
    const first = Math.ceil(low / step - 1e-9);
    const last = Math.floor(high / step + 1e-9);
    return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => (first + i) * step);
  };
  // The finest step with at most `most` ticks, or a finer one where that leaves fewer than three.
  while (within(niceStep(k - 1)).length <= most) k--;
  while (within(niceStep(k)).length < 3) k--;
  const step = niceStep(k);
  const values = within(step);
  const largest = Math.max(...values.map(Math.abs));
  const decimals = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const label = (value) => {
    if (largest >= 1e5 || largest < 1e-3) return value === 0 ? "0" : shortPower(value, step);
    return value.toFixed(decimals).replace("-", "−");
  };
  return values.map((value) => ({ value, label: label(value) }));
}

// 2.5·10⁻⁶, with as many digits as keep neighbours `step` apart distinct.
function shortPower(value, step) {
  const digits = Math.max(0, Math.floor(Math.log10(Math.abs(value)) + 1e-9) - Math.floor(Math.log10(step) + 1e-9));
  const [mantissa, exponent] = value.toExponential(digits).split("e");
  return `${mantissa.replace("-", "−")}·10${raised(Number(exponent))}`;
}

function decadeTicks(low, high, most) {
  const first = Math.floor(Math.log10(low) + 1e-9);
  const last = Math.floor(Math.log10(high) + 1e-9);
  for (const inDecade of [[1], [1, 3], [1, 2, 5]]) {
    let values = [];
    for (let e = first; e <= last; e++) values.push(...inDecade.map((digit) => Number(`${digit}e${e}`)));
    values = values.filter((value) => value >= low * (1 - 1e-9) && value <= high * (1 + 1e-9));
    if (values.length < 3) continue;
    let stride = Math.ceil(values.length / most);
    if (Math.ceil(values.length / stride) < 3) stride--;
    values = values.filter((_, i) => (values.length - 1 - i) % stride === 0);
    const plain = values[0] >= 0.0099 && values.at(-1) < 9999;
    return values.map((value) => ({ value, label: powerLabel(value, plain) }));
  }
  return evenTicks(low, high, most);
}

// At least three ticks {value, label} in [low, high], about `most` at the most (three or more).
export function axisTicks(low, high, log, most) {
  return (log ? decadeTicks : evenTicks)(low, high, Math.max(3, most));
}

// The range of the finite values (on a logarithmic axis, of the positive ones), widened by parts of itself.
export function rangeOf(lists, log, below, above) {
  let low = Infinity;
  let high = -Infinity;
  for (const list of lists) {
    for (const value of list) {
      if (!Number.isFinite(value) || (log && value <= 0)) continue;
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
  }
  if (low > high) return log ? [0.1, 10] : [0, 1];
  if (log) {
    const span = Math.max(Math.log(high / low), 0.1);
    return [low * Math.exp(-span * below), high * Math.exp(span * above)];
  }
  const span = high - low || Math.abs(high) || 1;
  return [low - span * below, high + span * above];
}

// -------------------------------------------------------------------------------------------------------- core: charts

// The ranges of a chart's axes, which reach to all its levels and marks, to those of its ghosts, and to the curves of the one that is kept.
export function chartRanges({ x, series, levels, marks, ghosts = [], log_x, log_y }, kept = { x: { data: [] }, series: [] }) {
  const heights = [...[...series, ...kept.series].map(([, values]) => values.data), levels.map(([, level]) => level)];
  const posts = [...marks, ...ghosts.filter(({ mark }) => mark !== null).map(({ mark }) => [null, mark])];
  return { x: rangeOf([x.data, kept.x.data, posts.map(([, mark]) => mark)], log_x, 0, 0.02), y: rangeOf(heights, log_y, 0.06, 0.08) };
}

// The curves of an array of shape (T,), or (T, K) for K of them.
export function columns({ data, shape: [count, width = 1] }) {
  return Array.from({ length: width }, (_, k) => Float32Array.from({ length: count }, (_, i) => data[i * width + k]));
}

// The points of a curve up to a place between two frames, the last one on the straight line between two points as it is drawn.
export function curveUntil(points, { from, to, part }) {
  const known = points.slice(0, from + 1);
  if (part > 0) known.push(points[from].map((value, i) => mix(value, points[to][i], part)));
  return known;
}

// What is predicted at a frame, of things that begin at theirs, the latest last: [thing, whether it is the latest], those to come left out.
export function ghostsAt(ghosts, frame) {
  const begun = ghosts.filter((ghost) => ghost.frame <= frame);
  const latest = Math.max(...begun.map((ghost) => ghost.frame));
  return begun.map((ghost) => [ghost, ghost.frame === latest]);
}

const SERIES_DASHES = [[], [9, 5], [16, 3], [10, 3, 3, 3]];
const DOTS = [0.1, 5]; // with round ends

// A measured curve has a colour and a dash of its own; a prediction is dotted, in the colour of the curve before it.
export function seriesStyles(predictions) {
  let measured = -1;
  return predictions.map((predicted) => {
    if (!predicted) measured++;
    const own = Math.max(measured, 0) % 4;
    return { colour: `series-${own}`, dash: predicted ? DOTS : SERIES_DASHES[own], ends: predicted ? "round" : "butt" };
  });
}

// -------------------------------------------------------------------------------------------------------- core: fields

// The value at an angle, of values at equally spaced angles from −π, on straight lines between them.
export function ringValue(values, angle) {
  const count = values.length;
  const place = (((angle / (2 * Math.PI) + 0.5) % 1) + 1) * count;
  const before = Math.floor(place);
  return mix(values[before % count], values[(before + 1) % count], place - before);
}

// The parts of a closed curve where its values have one sign, each from zero to zero: {sign, points: [[angle, value], …]}.
// Where values are 0 there is no part.
export function signedParts(values) {
  const count = values.length;
  const value = (i) => values[(i + count) % count];
  const angle = (i) => (2 * Math.PI * i) / count - Math.PI;
  const point = (i) => [angle(i), value(i)];
  const changes = (i) => Math.sign(value(i)) !== Math.sign(value(i - 1));
  const first = Array.from({ length: count }, (_, i) => i).find(changes);
  if (first === undefined) {
    return value(0) ? [{ sign: Math.sign(value(0)), points: Array.from({ length: count + 1 }, (_, i) => point(i)) }] : [];
  }
  const parts = [];
  for (let i = first; i <= first + count; i++) {
    if (changes(i)) {
      const zero = [angle(i - 1 + value(i - 1) / (value(i - 1) - value(i))), 0];
      parts.at(-1)?.points.push(zero);
      parts.push({ sign: Math.sign(value(i)), points: [zero] });
    }
    parts.at(-1).points.push(point(i));
  }
  return parts.slice(0, -1).filter(({ sign }) => sign);
}

export const largestSize = (values) => values.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);

// --------------------------------------------------------------------------------------------------------- core: plane

// The value at a place of the plane, its axes from 0 to 1, of values {data, shape: [rows, columns]} spread evenly over it.
export function planeValue({ data, shape: [rows, columns] }, east, north) {
  const [up, along] = [north * (rows - 1), east * (columns - 1)];
  const [low, left] = [Math.min(Math.floor(up), rows - 2), Math.min(Math.floor(along), columns - 2)];
  const at = (i, j) => data[(low + i) * columns + left + j];
  return mix(mix(at(0, 0), at(0, 1), along - left), mix(at(1, 0), at(1, 1), along - left), up - low);
}

// A value to a thousandth of the largest one's power of ten: what is read off a picture is no more exact.
export function rounded(value, largest) {
  const unit = 10 ** (Math.floor(Math.log10(largest || 1)) - 3);
  return Number((Math.round(value / unit) * unit).toPrecision(6));
}

// The step [east, north] of the place that is read off, by an arrow key, in parts of the axes; null for other keys.
export function keyMove(key) {
  const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
  return moves[key]?.map((move) => move / 50) ?? null;
}

// The largest box of one unit in both directions within a box, whose spans are those of its axes.
export function equalBox({ left, right, top, bottom }, width, height) {
  const unit = Math.min((right - left) / width, (bottom - top) / height);
  const [x, y] = [(left + right) / 2, (top + bottom) / 2];
  return { left: x - (unit * width) / 2, right: x + (unit * width) / 2, top: y - (unit * height) / 2, bottom: y + (unit * height) / 2 };
}

// -------------------------------------------------------------------------------------------------------- core: sphere

// Values on the sphere lie on a grid {data, shape: [rows, columns]} (see sphere_grid in panels.py).
function gridDirection([rows, columns], node) {
  const latitude = (Math.floor(node / columns) / (rows - 1) - 0.5) * Math.PI;
  const longitude = ((node % columns) / columns - 0.5) * 2 * Math.PI;
  return [Math.cos(latitude) * Math.cos(longitude), Math.cos(latitude) * Math.sin(longitude), Math.sin(latitude)];
}

// The value in the direction of a unit vector, on straight lines between the grid's neighbours.
export function sphereValue({ data, shape: [rows, columns] }, x, y, z) {
  const up = (Math.asin(Math.max(-1, Math.min(1, z))) / Math.PI + 0.5) * (rows - 1);
  const east = (Math.atan2(y, x) / (2 * Math.PI) + 0.5) * columns;
  const south = Math.min(Math.floor(up), rows - 2) * columns;
  const before = Math.floor(east);
  const [one, other] = [before % columns, (before + 1) % columns];
  const low = mix(data[south + one], data[south + other], east - before);
  const high = mix(data[south + columns + one], data[south + columns + other], east - before);
  return mix(low, high, up - south / columns);
}

// The closed lines on which the values are `level`, each a list of unit vectors: every patch of the grid is cut into two
// triangles, and a line passes through the edges of triangles whose ends lie on its two sides.
export function contourLines({ data, shape }, level) {
  const [rows, columns] = shape;
  const crossings = new Map();
  const crosses = ([a, b]) => data[a] > level !== data[b] > level;
  const crossing = ([a, b]) => {
    const key = Math.min(a, b) * data.length + Math.max(a, b);
    if (!crossings.has(key)) {
      const [from, to] = [gridDirection(shape, a), gridDirection(shape, b)];
      const part = (level - data[a]) / (data[b] - data[a]);
      crossings.set(key, { point: unit(from.map((value, i) => mix(value, to[i], part))), next: [] });
    }
    return crossings.get(key);
  };
  for (let node = 0; node < (rows - 1) * columns; node++) {
    const east = node % columns === columns - 1 ? node + 1 - columns : node + 1;
    const [north, northEast] = [node + columns, east + columns];
    for (const [a, b, c] of [[node, east, north], [east, north, northEast]]) {
      const [one, other] = [[a, b], [b, c], [c, a]].filter(crosses).map(crossing);
      if (one) (one.next.push(other), other.next.push(one));
    }
  }
  const lines = [];
  for (const start of crossings.values()) {
    if (start.passed) continue;
    const line = [];
    for (let at = start; at; at = at.next.find(({ passed }) => !passed)) {
      at.passed = true;
      line.push(at.point);
    }
    lines.push([...line, start.point]);
  }
  return lines;
}

function unit(vector) {
  const length = Math.hypot(...vector) || 1;
  return vector.map((value) => value / length);
}

// A view of the sphere is the longitude and latitude of the point that faces the reader; north stays above.
export function viewFrom([x, y, z]) {
  return { longitude: Math.atan2(y, x), latitude: Math.atan2(z, Math.hypot(x, y)) };
}

export function turnView({ longitude, latitude }, east, north) {
  const turned = longitude + east;
  return {
    longitude: turned - 2 * Math.PI * Math.round(turned / (2 * Math.PI)),
    latitude: Math.max(-Math.PI / 2, Math.min(Math.PI / 2, latitude + north)),
  };
}

// The unit vectors that point right, up and towards the reader.
export function viewAxes({ longitude, latitude }) {
  const [cosine, sine] = [Math.cos(longitude), Math.sin(longitude)];
  const [level, rise] = [Math.cos(latitude), Math.sin(latitude)];
  return [[-sine, cosine, 0], [-rise * cosine, -rise * sine, level], [level * cosine, level * sine, rise]];
}

export const project = (axes, [x, y, z]) => axes.map((axis) => axis[0] * x + axis[1] * y + axis[2] * z);

// The turn [east, north] of the view by an arrow key, which moves the surface as a finger would; null for other keys.
export function keyTurn(key) {
  const turns = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  return turns[key]?.map((turn) => (turn * Math.PI) / 18) ?? null;
}

// --------------------------------------------------------------------------------------------------------- core: maps

// All entries of a symmetric matrix, row by row, of those on and above its diagonal.
export function squareOf(above, rows) {
  const square = new Float32Array(rows * rows);
  let at = 0;
  for (let i = 0; i < rows; i++) for (let j = i; j < rows; j++) square[i * rows + j] = square[j * rows + i] = above[at++];
  return square;
}

// The pixels of cosines, red, green, blue and opacity one after the other: the tint of their sign, as opaque as they are large.
export function cosinePixels(cosines, positive, negative) {
  const pixels = new Uint8ClampedArray(4 * cosines.length);
  cosines.forEach((cosine, i) => pixels.set([...(cosine > 0 ? positive : negative), 255 * Math.abs(cosine)], 4 * i));
  return pixels;
}

// Where a square of so many cells stands in a box of device pixels: every cell has equally many of them, where there are enough.
export function squareIn(width, height, rows) {
  const room = Math.min(width, height) - 2;
  const side = room >= rows ? rows * Math.floor(room / rows) : room;
  return { side, left: Math.floor((width - side) / 2), top: Math.floor((height - side) / 2) };
}

// ------------------------------------------------------------------------------------------------------ core: keyboard

// The index a key leads to on a slider of `last + 1` places; null for keys that do not move it.
export function keyStep(key, index, last) {
  const page = Math.max(1, Math.round(last / 10));
  const moves = {
    ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -page, PageUp: page, Home: -Infinity, End: Infinity,
  };
  if (!(key in moves)) return null;
  // From between two frames a small step goes to the next whole one.
  const start = moves[key] > 0 ? Math.floor(index) : Math.ceil(index);
  return Math.max(0, Math.min(last, start + moves[key]));
}

export function nearestIndex(values, value) {
  const distance = (other) => Math.abs(values[0] > 0 ? Math.log(other / value) : other - value);
  return values.reduce((best, other, i) => (distance(other) < distance(values[best]) ? i : best), 0);
}

// ------------------------------------------------------------------------------------------------------- core: traffic

const SILENCE = 4000;
const randomName = () => Math.random().toString(36).slice(2);

// One request in flight and one waiting; a newer one replaces the waiting one, and an older answer is dropped.
export class Traffic {
  constructor(transmit, onSilence) {
    this.client = randomName();
    this.transmit = transmit;
    this.onSilence = onSilence;
    this.sequence = 0;
    this.answered = 0;
    this.inFlight = 0;
    this.waiting = null;
  }

  get idle() {
    return !this.inFlight && !this.waiting;
  }

  ask(settings) {
    if (this.inFlight) {
      this.waiting = settings;
      return;
    }
    this.waiting = null;
    this.inFlight = ++this.sequence;
    this.timer = setTimeout(() => {
      this.inFlight = 0; // the next move may ask again
      this.onSilence();
    }, SILENCE);
    this.transmit({ client: this.client, sequence: this.sequence, settings });
  }

  // True if the answer is to be shown. Answers to other pages are shown while this one is not asking;
  // an answer that names no request is the one to the last.
  receive({ client = this.client, sequence = this.sequence }) {
    if (client !== this.client) return this.idle;
    if (sequence <= this.answered) return false;
    this.answered = sequence;
    if (sequence >= this.inFlight) {
      this.stop();
      if (this.waiting) this.ask(this.waiting);
    }
    return true;
  }

  stop() {
    clearTimeout(this.timer);
    this.inFlight = 0;
  }
}

// --------------------------------------------------------------------------------------------- core: without a kernel

// A model as anywidget's for a page that holds all its runs, [{code, run in base64}], the last control's values fastest.
// A request is answered before `set` returns.
export function staticModel({ runs, ...state }) {
  const events = new EventTarget();
  const model = {
    get: (name) => state[name],
    set(name, value) {
      state[name] = value;
      events.dispatchEvent(new Event(`change:${name}`));
    },
    on: (type, listener) => events.addEventListener(type, listener),
    off: (type, listener) => events.removeEventListener(type, listener),
    save_changes() {},
  };
  model.on("change:request", () => {
    const { settings } = state.request;
    const index = state.controls.reduce((at, { name, values }) => at * values.length + values.indexOf(settings[name]), 0);
    model.set("code", runs[index].code);
    model.set("run", Uint8Array.from(atob(runs[index].run), (letter) => letter.charCodeAt(0)));
  });
  state.failure = {};
  model.set("request", { settings: state.defaults });
  return model;
}

// ------------------------------------------------------------------------------------------------------ panels: common

const FONT = 14;
const LEVEL_DASH = [6, 4];
const POST_DASHES = [[4, 3], [1, 3], [8, 3, 2, 3]];
const SIGNS = {
  1: { words: "output weight > 0", colour: "positive", dash: [], marker: "head" },
  "-1": { words: "output weight < 0", colour: "negative", dash: [5, 3], marker: "ring" },
  0: { words: "output weight 0", colour: "zero", dash: [2, 3], marker: "" },
};
const PAINT_ORDER = [0, 1, -1];
// What a direction does to neurons: the kinds of panels.py.
const MARKS = {
  positive: { words: "attracts positive neurons", colour: "positive", marker: "triangle" },
  negative: { words: "attracts negative neurons", colour: "negative", marker: "target" },
  none: { words: "attracts none", colour: "ink", marker: "cross" },
};
const MARK_SIZE = 9;

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

// A small drawing for a legend: a line (if there is a dash) and a marker (if there is one).
function swatch({ colour, dash, marker, post, ends = "butt" }) {
  const shapes = {
    head: '<path class="filled" d="M20 3 L30 8 L20 13 Z"/>',
    ring: '<circle cx="25" cy="8" r="4"/>',
    peak: '<path class="filled" d="M20 13 L25 3 L30 13 Z"/>',
    dot: '<circle class="filled" cx="25" cy="8" r="4"/>',
    triangle: '<path class="filled" d="M20 13.5 L25 3 L30 13.5 Z"/>',
    target: '<circle cx="25" cy="8" r="4.25" stroke-width="3"/>',
    cross: '<path d="M20 3 L30 13 M20 13 L30 3"/>',
    post: `<line x1="25" y1="0" x2="25" y2="16" stroke-dasharray="${post}"/>`,
    goal: '<line x1="25" y1="2" x2="25" y2="14" stroke-width="4"/>',
    cell: '<rect class="filled" x="19" y="2" width="12" height="12" stroke="none"/>',
    blank: '<rect x="19.5" y="2.5" width="11" height="11" stroke-width="1"/>',
    band: '<rect class="filled" x="19" y="3" width="12" height="10" stroke="none" opacity="0.45"/>',
    tube: '<line x1="1" y1="8" x2="29" y2="8" stroke-width="9" opacity="0.35"/><line x1="1" y1="8" x2="29" y2="8" stroke-dasharray="0.1 5" stroke-linecap="round"/>',
    bar: '<line x1="21" y1="8" x2="30" y2="8" stroke-width="3.5"/><circle class="filled" cx="21.5" cy="8" r="2"/>',
    stripes: '<path d="M20.5 3 V13 M25 3 V13 M29.5 3 V13" stroke-width="2.5" opacity="0.7"/>',
  };
  const line = dash
    ? `<line x1="1" y1="8" x2="${marker ? 21 : 29}" y2="8" stroke-dasharray="${dash.join(" ")}" stroke-linecap="${ends}"/>` : "";
  const holder = make("span", { class: "explorer-swatch", "aria-hidden": "true", style: `color: var(--explorer-${colour})` });
  const [left, width] = dash || marker === "tube" ? [0, 31] : [19, 12];
  holder.innerHTML = `<svg width="${width}" height="16" viewBox="${left} 0 ${width} 16">${line}${shapes[marker] ?? ""}</svg>`;
  return holder;
}

const GHOST = { colour: "ghost", marker: "tube" };
const FADED = 0.4; // a ghost whose time has come and gone
const PALE = 0.35; // the curves of a run that is kept

// What is predicted: a wide pale band with dots along it, which a line that comes true then runs through.
function strokeGhost(pen, look, latest, trace) {
  pen.strokeStyle = look.ghost;
  pen.lineCap = "round";
  for (const [width, dash, alpha] of [[9, [], 0.3], [2.5, DOTS, 1]]) {
    pen.globalAlpha = latest ? alpha : alpha * FADED;
    pen.lineWidth = width;
    pen.setLineDash(dash);
    pen.beginPath();
    trace();
    pen.stroke();
  }
  pen.globalAlpha = 1;
  pen.lineCap = "butt";
  pen.setLineDash([]);
}

// The heads [x, y, angle, size] of arrows whose tips are at (x, y): filled triangles along `angle`, or rings for
// negative weights, or small discs.
function paintHeads(pen, sign, heads, look) {
  pen.beginPath();
  for (const [x, y, angle, size] of heads) {
    const at = (turn, reach) => [x + reach * Math.cos(angle + turn), y - reach * Math.sin(angle + turn)];
    if (sign > 0) {
      pen.moveTo(x, y);
      pen.lineTo(...at(Math.PI - 0.45, size));
      pen.lineTo(...at(Math.PI + 0.45, size));
      pen.closePath();
    } else {
      const radius = sign < 0 ? size * 0.42 : 1.5;
      const [cx, cy] = at(Math.PI, radius);
      pen.moveTo(cx + radius, cy);
      pen.arc(cx, cy, radius, 0, 2 * Math.PI);
    }
  }
  pen.setLineDash([]);
  pen.lineWidth = 1.75;
  pen.fillStyle = pen.strokeStyle = look[SIGNS[sign].colour];
  if (sign >= 0) pen.fill();
  pen.stroke();
}

// The marks [x, y, kind, turn], each with a seam of paper that sets it off from what lies below; a triangle points
// along `turn`.
function paintMarks(pen, marks, look) {
  pen.setLineDash([]);
  for (const [x, y, kind, turn] of marks) {
    const at = (angle, reach) => [x + reach * Math.cos(turn + angle), y - reach * Math.sin(turn + angle)];
    pen.beginPath();
    if (kind === "positive") {
      pen.moveTo(...at(0, MARK_SIZE));
      pen.lineTo(...at(2.2, MARK_SIZE));
      pen.lineTo(...at(-2.2, MARK_SIZE));
      pen.closePath();
    } else if (kind === "negative") {
      pen.arc(x, y, MARK_SIZE - 2, 0, 2 * Math.PI);
    } else {
      for (const angle of [0.785, 2.356]) (pen.moveTo(...at(angle, MARK_SIZE - 2)), pen.lineTo(...at(angle, 2 - MARK_SIZE)));
    }
    pen.lineWidth = kind === "positive" ? 3 : 6;
    pen.strokeStyle = look.paper;
    pen.stroke();
    pen.fillStyle = pen.strokeStyle = look[MARKS[kind].colour];
    if (kind === "positive") {
      pen.fill();
    } else {
      pen.lineWidth = kind === "negative" ? 3 : 2;
      pen.stroke();
    }
  }
}

function markItems(marks) {
  const occurring = Object.keys(MARKS).filter((name) => marks.some((mark) => mark.at(-1) === name));
  const items = occurring.map((name) => [[MARKS[name]], MARKS[name].words]);
  if (occurring[1] !== "negative") return items;
  return [[[MARKS.positive, MARKS.negative], "attract positive, negative neurons"], ...items.slice(2)];
}

// One canvas for what stays during a run, one above it for what moves.
class Panel {
  constructor(kind) {
    this.still = make("canvas", { "aria-hidden": "true" });
    this.moving = make("canvas", { role: "img" });
    this.title = make("figcaption", { class: "explorer-caption" });
    this.legend = make("ul", { class: "explorer-legend" });
    this.stage = make("div", { class: "explorer-stage" }, this.still, this.moving);
    this.element = make("figure", { class: `explorer-panel explorer-${kind}` }, this.title, this.stage, this.legend);
    this.width = 0;
  }

  setRun(panel, count) {
    this.panel = panel;
    this.count = count;
    this.title.textContent = panel.title;
    this.moving.setAttribute("aria-label", panel.alt);
    this.showLegend(this.legendItems());
    this.stale = true;
  }

  // The panel of the run that is kept, if it shows the same as this one.
  keep(other) {
    this.kept = other?.kind === this.panel.kind && other.title === this.panel.title ? other : undefined;
    this.stale = true;
  }

  // Most runs have the same legend, and the page need not be laid out anew for it.
  showLegend(items) {
    const shown = JSON.stringify(items);
    if (shown === this.shown) return;
    this.shown = shown;
    this.legend.replaceChildren(...items.map(([swatches, words]) => make("li", {}, ...swatches.map(swatch), words)));
  }

  // The size in device pixels; sharp also where the width in CSS pixels is broken.
  resize(width, height, ratio) {
    for (const canvas of [this.still, this.moving]) {
      canvas.width = width;
      canvas.height = height;
    }
    [this.width, this.height, this.ratio] = [width / ratio, height / ratio, ratio];
    this.stale = true;
  }

  draw(position, look) {
    if (!this.width) return;
    if (this.stale) {
      const pen = this.clear(this.still, look);
      this.layOut(pen);
      this.drawStill(pen, look);
      this.stale = false;
    }
    this.drawMoving(this.clear(this.moving, look), frameAt(position, this.count), look);
  }

  clear(canvas, look) {
    const pen = canvas.getContext("2d");
    pen.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    pen.clearRect(0, 0, this.width, this.height);
    pen.font = `${FONT}px ${look.font}`;
    pen.lineJoin = "round";
    return pen;
  }
}

function signItems({ data }, look) {
  const occurring = [1, -1, 0].filter((sign) => data.includes(sign));
  return occurring.map((sign) => [[look(SIGNS[sign])], SIGNS[sign].words]);
}

const BUMP = 0.3; // how far the largest value of a field leads away from the circle, in radii
const TINTS = 96; // pixels along the square that holds the tints of the sphere: finer than the grid of the field
const CONTOURS = [-2 / 3, -1 / 3, 0, 1 / 3, 2 / 3]; // in parts of the field's largest size
// Meridians and parallels, 30° apart, for a sphere without a field.
const TURN = Array.from({ length: 73 }, (_, i) => (i * Math.PI) / 36);
const GRATICULE = [
  ...[0, 1, 2, 3, 4, 5].map((k) => TURN.map((t) => [
    Math.cos(t) * Math.cos((k * Math.PI) / 6), Math.cos(t) * Math.sin((k * Math.PI) / 6), Math.sin(t)])),
  ...[-2, -1, 0, 1, 2].map((k) => TURN.map((t) => [
    Math.cos((k * Math.PI) / 6) * Math.cos(t), Math.cos((k * Math.PI) / 6) * Math.sin(t), Math.sin((k * Math.PI) / 6)])),
];

class CirclePanel extends Panel {
  legendItems() {
    const { sign, field, marks, basins, goals } = this.panel;
    const items = signItems(sign, (look) => look);
    const two = (positive, negative) => [{ colour: "positive", ...positive }, { colour: "negative", ...negative }];
    if (field.data.length) items.push([two({ dash: [] }, { dash: [5, 3] }), "F > 0 outside, F < 0 inside"]);
    items.push(...markItems(marks));
    if (basins.length) items.push([two({ marker: "band" }, { marker: "stripes" }), "basins"]);
    if (goals.data.length) items.push([two({ marker: "goal" }, { marker: "goal" }), "predicted goals"]);
    if (this.panel.ghosts.length) items.push([[GHOST], "where the next ones are predicted to go"]);
    return items;
  }

  setRun(panel, count) {
    this.ghosts = panel.ghosts.map(([frame, angle]) => ({ frame, angle }));
    super.setRun(panel, count);
  }

  layOut() {
    const { field, marks } = this.panel;
    const margin = marks.length ? 8 + MARK_SIZE : 8;
    this.centre = [this.width / 2, this.height / 2];
    this.largest = largestSize(field.data);
    this.radius = (Math.min(this.width, this.height) / 2 - margin) / (this.largest ? 1 + BUMP : 1);
  }

  // The place at an angle where the field has this value: on the circle where it is 0.
  at(angle, value) {
    const reach = this.radius * (1 + (this.largest ? (BUMP * value) / this.largest : 0));
    return [this.centre[0] + reach * Math.cos(angle), this.centre[1] - reach * Math.sin(angle)];
  }

  drawStill(pen, look) {
    const [x, y] = this.centre;
    pen.strokeStyle = look.grid;
    pen.lineWidth = 1;
    pen.beginPath();
    pen.moveTo(x - this.radius, y);
    pen.lineTo(x + this.radius, y);
    pen.moveTo(x, y - this.radius);
    pen.lineTo(x, y + this.radius);
    pen.stroke();
    if (!this.panel.keys.length) this.drawField(pen, look, this.panel.field.data);
    pen.strokeStyle = look.soft;
    pen.lineWidth = 1;
    pen.beginPath();
    pen.arc(x, y, this.radius, 0, 2 * Math.PI);
    pen.stroke();
    this.drawGoals(pen, look);
  }

  // The field at a frame: it moves where it has key frames.
  fieldAt({ from, part }) {
    const { field, keys } = this.panel;
    return keys.length ? mixRow(field, keyAt(keys, from + part)) : field.data;
  }

  // The field's hills outside the circle and its valleys inside, then the basins, then the outlines, which all lie above.
  drawField(pen, look, values) {
    const parts = signedParts(values);
    const trace = ({ sign, points }) => {
      pen.fillStyle = pen.strokeStyle = look[SIGNS[sign].colour];
      pen.beginPath();
      points.forEach(([angle, value], i) => pen[i ? "lineTo" : "moveTo"](...this.at(angle, value)));
    };
    pen.globalAlpha = 0.16;
    for (const part of parts) {
      trace(part);
      pen.arc(...this.centre, this.radius, -part.points.at(-1)[0], -part.points[0][0]); // back along the circle
      pen.fill();
    }
    pen.globalAlpha = 1;
    for (const basin of this.panel.basins) this.drawBasin(pen, basin, look);
    pen.lineWidth = 2;
    for (const part of parts) {
      trace(part);
      pen.setLineDash(SIGNS[part.sign].dash);
      pen.stroke();
    }
    pen.setLineDash([]);
  }

  // A band along the circle, full for positive neurons, striped and further in for negative ones; a line at each end.
  drawBasin(pen, [low, high, kind], look) {
    const [inner, outer] = (kind === "positive" ? [0.94, 1] : [0.88, 0.94]).map((part) => part * this.radius);
    pen.lineWidth = outer - inner - 1;
    pen.beginPath();
    pen.arc(...this.centre, (inner + outer) / 2, -high, -low);
    pen.strokeStyle = look.paper;
    pen.stroke();
    pen.globalAlpha = kind === "positive" ? 0.35 : 0.6;
    pen.setLineDash(kind === "positive" ? [] : [2.5, 3.5]);
    pen.strokeStyle = look[kind];
    pen.stroke();
    pen.globalAlpha = 1;
    pen.setLineDash([]);
    pen.lineWidth = 2;
    pen.strokeStyle = look.ink;
    pen.beginPath();
    for (const angle of [low, high]) {
      for (const reach of [inner - 2, outer + 2]) {
        pen[reach < inner ? "moveTo" : "lineTo"](this.centre[0] + reach * Math.cos(angle), this.centre[1] - reach * Math.sin(angle));
      }
    }
    pen.stroke();
  }

  drawGoals(pen, look) {
    const signs = row(this.panel.sign, 0);
    pen.lineWidth = 4;
    this.panel.goals.data.forEach((angle, i) => {
      if (Number.isNaN(angle)) return;
      const [x, y] = this.at(angle, 0);
      const [east, north] = [Math.cos(angle), Math.sin(angle)];
      pen.strokeStyle = look[SIGNS[signs[i]].colour];
      pen.beginPath();
      pen.moveTo(x, y);
      pen.lineTo(x + 7 * east, y - 7 * north);
      pen.stroke();
    });
  }

  drawGhosts(pen, frame, look) {
    const [x, y] = this.centre;
    for (const [{ angle }, latest] of ghostsAt(this.ghosts, frame.nearest)) {
      const at = (reach, aside) => [x + reach * Math.cos(angle) - aside * Math.sin(angle), y - reach * Math.sin(angle) - aside * Math.cos(angle)];
      strokeGhost(pen, look, latest, () => (pen.moveTo(x, y), pen.lineTo(...at(this.radius - 22, 0))));
      pen.globalAlpha = latest ? 1 : FADED;
      pen.beginPath(); // a head, left open: nobody is there yet
      pen.moveTo(...at(this.radius - 22, 10));
      pen.lineTo(...at(this.radius, 0));
      pen.lineTo(...at(this.radius - 22, -10));
      pen.closePath();
      pen.lineWidth = 2;
      pen.stroke();
      pen.globalAlpha = 1;
    }
  }

  drawMoving(pen, frame, look) {
    const values = this.fieldAt(frame);
    if (this.panel.keys.length) this.drawField(pen, look, values);
    this.drawGhosts(pen, frame, look);
    const angles = mixRow(this.panel.angle, frame, mixAngle);
    const lengths = mixRow(this.panel.length, frame);
    const signs = row(this.panel.sign, frame.nearest);
    const [x, y] = this.centre;
    const heads = Array.from(angles, (angle, i) => {
      const reach = lengths[i] * this.radius;
      return [x + reach * Math.cos(angle), y - reach * Math.sin(angle), angle, Math.max(4, Math.min(11, 0.5 * reach))];
    });
    for (const sign of PAINT_ORDER) {
      const own = heads.filter((_, i) => signs[i] === sign);
      pen.strokeStyle = look[SIGNS[sign].colour];
      pen.lineWidth = 1.75;
      pen.setLineDash(SIGNS[sign].dash);
      pen.beginPath();
      for (const [tipX, tipY] of own) (pen.moveTo(x, y), pen.lineTo(tipX, tipY));
      pen.stroke();
      paintHeads(pen, sign, own, look);
    }
    const value = (angle) => (this.largest ? ringValue(values, angle) : 0);
    paintMarks(pen, this.panel.marks.map(([angle, kind]) => [...this.at(angle, value(angle)), kind, angle]), look);
  }
}

// The sphere as it is seen from far away: the field as tints and contour lines, neurons as dots, paler and smaller behind.
class SpherePanel extends Panel {
  constructor(kind, repaint) {
    super(kind);
    this.repaint = repaint;
    this.tints = make("canvas", { width: TINTS, height: TINTS });
    this.moving.tabIndex = 0;
    this.moving.setAttribute("role", "application");
    this.listen();
  }

  setRun(panel, count) {
    super.setRun(panel, count);
    this.moving.setAttribute("aria-label", `${panel.alt}. Arrow keys turn the sphere, Home returns to the first view.`);
    this.largest = largestSize(panel.field.data);
    this.contours = this.largest ? CONTOURS.map((part) => [part, contourLines(panel.field, part * this.largest)]) : [];
    this.show(this.view ?? viewFrom(panel.view)); // a new run is seen from where the last one was
  }

  legendItems() {
    const { sign, field, marks } = this.panel;
    const items = signItems(sign, ({ colour, marker }) => ({ colour, marker: marker === "ring" ? marker : "dot" }));
    if (field.data.length) {
      items.push([[{ colour: "positive", dash: [] }, { colour: "ink", dash: [] }, { colour: "negative", dash: [5, 3] }], "F > 0, F = 0, F < 0"]);
    }
    return [...items, ...markItems(marks), [[], "drag it, or use the arrow keys, to turn it"]];
  }

  listen() {
    const canvas = this.moving;
    canvas.addEventListener("pointerdown", (event) => {
      if (!event.isPrimary || event.button) return;
      canvas.setPointerCapture(event.pointerId);
      this.grip = { x: event.clientX, y: event.clientY, view: this.view };
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!this.grip || !event.isPrimary) return;
      const { x, y, view } = this.grip;
      this.show(turnView(view, (x - event.clientX) / this.radius, (event.clientY - y) / this.radius));
    });
    for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => (this.grip = null));
    canvas.addEventListener("dblclick", () => this.show(viewFrom(this.panel.view)));
    canvas.addEventListener("keydown", (event) => {
      event.stopPropagation(); // JupyterLab would take them
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const turn = keyTurn(event.key);
      if (!turn && event.key !== "Home") return;
      event.preventDefault();
      this.show(turn ? turnView(this.view, ...turn) : viewFrom(this.panel.view));
    });
  }

  show(view) {
    this.view = view;
    this.axes = viewAxes(view);
    this.moving.dataset.view = `${Math.round((view.longitude * 180) / Math.PI)} ${Math.round((view.latitude * 180) / Math.PI)}`;
    this.stale = true;
    this.repaint();
  }

  layOut() {
    this.radius = Math.min(this.width, this.height) / 2 - 10;
    this.centre = [this.width / 2, this.height / 2];
  }

  // The place of a direction on the canvas, and its depth: above 0 in front.
  at(direction) {
    const [right, up, depth] = project(this.axes, direction);
    return [this.centre[0] + right * this.radius, this.centre[1] - up * this.radius, depth];
  }

  drawStill(pen, look) {
    const disc = [...this.centre, this.radius, 0, 2 * Math.PI];
    if (this.largest) {
      this.drawTints(pen, look, disc);
      for (const [part, lines] of this.contours) {
        pen.strokeStyle = part ? look[part > 0 ? "positive" : "negative"] : look.ink;
        pen.lineWidth = part ? 1.25 : 2;
        pen.setLineDash(part < 0 ? [5, 3] : []);
        this.strokeInFront(pen, lines);
      }
      pen.setLineDash([]);
    } else {
      pen.strokeStyle = look.grid;
      pen.lineWidth = 1;
      this.strokeInFront(pen, GRATICULE);
    }
    pen.strokeStyle = look.soft;
    pen.lineWidth = 1.5;
    pen.beginPath();
    pen.arc(...disc);
    pen.stroke();
  }

  // Each pixel of a small square is tinted by the field where it shows the sphere, and the square is drawn large.
  drawTints(pen, look, disc) {
    const small = this.tints.getContext("2d", { willReadFrequently: true });
    const image = small.createImageData(TINTS, TINTS);
    const [right, up, toward] = this.axes;
    const seen = (axis, x, y, z) => x * right[axis] + y * up[axis] + z * toward[axis];
    const [positive, negative] = [look.positive, look.negative].map((colour) => channels(small, colour));
    for (let j = 0; j < TINTS; j++) {
      for (let i = 0; i < TINTS; i++) {
        let [x, y] = [(2 * i + 1) / TINTS - 1, 1 - (2 * j + 1) / TINTS];
        const reach = Math.hypot(x, y);
        if (reach > 1.05) continue;
        if (reach > 1) [x, y] = [x / reach, y / reach]; // the rim, which smoothing needs
        const z = Math.sqrt(Math.max(0, 1 - x * x - y * y));
        const value = sphereValue(this.panel.field, seen(0, x, y, z), seen(1, x, y, z), seen(2, x, y, z)) / this.largest;
        const at = 4 * (j * TINTS + i);
        const tint = value > 0 ? positive : negative;
        for (let k = 0; k < 3; k++) image.data[at + k] = tint[k];
        image.data[at + 3] = 140 * Math.abs(value);
      }
    }
    small.putImageData(image, 0, 0);
    const [x, y, radius] = disc;
    pen.save();
    pen.beginPath();
    pen.arc(...disc);
    pen.clip();
    pen.drawImage(this.tints, x - radius, y - radius, 2 * radius, 2 * radius);
    pen.restore();
  }

  strokeInFront(pen, lines) {
    pen.beginPath();
    for (const line of lines) {
      let before = -1;
      for (const direction of line) {
        const [x, y, depth] = this.at(direction);
        if (depth > 0) before > 0 ? pen.lineTo(x, y) : pen.moveTo(x, y);
        before = depth;
      }
    }
    pen.stroke();
  }

  drawMoving(pen, frame, look) {
    const places = mixRow(this.panel.position, frame);
    const lengths = mixRow(this.panel.length, frame);
    const signs = row(this.panel.sign, frame.nearest);
    const dots = Array.from(lengths, (length, i) => {
      const [x, y, depth] = this.at(unit([...places.subarray(3 * i, 3 * i + 3)]));
      return { x, y, depth, sign: signs[i], size: (2.5 + 3 * length) * (depth > 0 ? 1 : 0.75) };
    });
    const marks = this.panel.marks.map(([direction, kind]) => [...this.at(direction), kind]);
    for (const behind of [true, false]) {
      pen.globalAlpha = behind ? 0.3 : 1;
      const here = ({ depth }) => depth > 0 !== behind;
      const own = marks.filter(([, , depth]) => here({ depth }));
      paintMarks(pen, own.map(([x, y, , kind]) => [x, y, kind, Math.PI / 2]), look);
      for (const sign of PAINT_ORDER) for (const dot of dots) if (dot.sign === sign && here(dot)) this.drawDot(pen, dot, look);
    }
    pen.globalAlpha = 1;
  }

  // Negative weights are rings, as everywhere.
  drawDot(pen, { x, y, sign, size }, look) {
    const colour = look[SIGNS[sign].colour];
    pen.beginPath();
    pen.arc(x, y, sign < 0 ? size - 1 : size, 0, 2 * Math.PI);
    pen.fillStyle = sign < 0 ? look.paper : colour;
    pen.fill();
    pen.lineWidth = sign < 0 ? 2.5 : 1;
    pen.strokeStyle = sign < 0 ? colour : look.paper;
    pen.stroke();
  }
}

// The red, green and blue of a colour, which a canvas writes as #rrggbb.
function channels(pen, colour) {
  pen.fillStyle = colour;
  return [1, 3, 5].map((at) => parseInt(pen.fillStyle.slice(at, at + 2), 16));
}

// The cosines between neurons, a cell for each two of them.
class MapPanel extends Panel {
  constructor(kind) {
    super(kind);
    this.cells = make("canvas");
  }

  setRun(panel, count) {
    super.setRun(panel, count);
    this.cells.width = this.cells.height = panel.rows;
  }

  legendItems() {
    const one = (colour, marker, words) => [[{ colour, marker }], words];
    return [one("positive", "cell", "+1: same way"), one("soft", "blank", "0"), one("negative", "cell", "−1: opposite ways")];
  }

  layOut() {
    const { side, left, top } = squareIn(this.moving.width, this.moving.height, this.panel.rows);
    this.place = [left, top, side, side].map((pixels) => pixels / this.ratio);
  }

  drawStill(pen, look) {
    const [left, top, side] = this.place;
    pen.strokeStyle = look.soft;
    pen.lineWidth = 1 / this.ratio;
    const half = pen.lineWidth / 2;
    pen.strokeRect(left - half, top - half, side + 2 * half, side + 2 * half);
  }

  drawMoving(pen, { from, part }, look) {
    const { cosines, frames, rows } = this.panel;
    const small = this.cells.getContext("2d", { willReadFrequently: true });
    const [positive, negative] = [look.positive, look.negative].map((colour) => channels(small, colour));
    const shown = squareOf(mixRow(cosines, keyAt(frames, from + part)), rows);
    small.putImageData(new ImageData(cosinePixels(shown, positive, negative), rows), 0, 0);
    pen.imageSmoothingEnabled = false;
    pen.drawImage(this.cells, ...this.place);
  }
}

// A panel with two axes; subclasses give them as axes() -> {x, y}, each {low, high, log, label}.
class AxesPanel extends Panel {
  layOut(pen) {
    Object.assign(this, this.axes());
    const top = FONT + 14; // the title of the y axis stands above it, where it needs no turned head
    const bottom = this.height - 2 * FONT - 18;
    this.yTicks = axisTicks(this.y.low, this.y.high, this.y.log, Math.floor((bottom - top) / 40));
    const left = Math.max(...this.yTicks.map(({ label }) => pen.measureText(label).width)) + 12;
    const right = this.width - 14;
    this.box = { left, right, top, bottom };
    this.xTicks = axisTicks(this.x.low, this.x.high, this.x.log, Math.floor((right - left) / 62));
  }

  place({ low, high, log }, value) {
    return log ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low);
  }

  atX(value) {
    return this.box.left + this.place(this.x, value) * (this.box.right - this.box.left);
  }

  atY(value) {
    return this.box.bottom - this.place(this.y, value) * (this.box.bottom - this.box.top);
  }

  drawAxes(pen, look) {
    const { left, right, top, bottom } = this.box;
    const xs = this.xTicks.map(({ value }) => this.atX(value));
    const ys = this.yTicks.map(({ value }) => this.atY(value));
    pen.strokeStyle = look.grid;
    pen.lineWidth = 1;
    pen.beginPath();
    for (const x of xs) (pen.moveTo(x, top), pen.lineTo(x, bottom));
    for (const y of ys) (pen.moveTo(left, y), pen.lineTo(right, y));
    pen.stroke();
    pen.strokeStyle = look.soft;
    pen.strokeRect(left, top, right - left, bottom - top);
    pen.fillStyle = look.soft;
    pen.textBaseline = "middle";
    pen.textAlign = "right";
    this.yTicks.forEach(({ label }, i) => pen.fillText(label, left - 6, ys[i]));
    pen.textAlign = "center";
    this.xTicks.forEach(({ label }, i) => {
      const half = pen.measureText(label).width / 2;
      pen.fillText(label, Math.min(xs[i], this.width - half), bottom + 14);
    });
    pen.fillStyle = look.ink;
    pen.fillText(this.x.label, (left + right) / 2, bottom + 36);
    pen.textAlign = "left";
    pen.fillText(this.y.label, 6, 10);
  }

  // A curve within the box.
  strokeCurve(pen, xs, ys) {
    this.within(pen, () => {
      pen.beginPath();
      this.trace(pen, Array.from(xs, (x, i) => [this.atX(x), this.atY(ys[i])]));
      pen.stroke();
    });
  }

  // Whatever is drawn, cut off at the box.
  within(pen, draw) {
    const { left, right, top, bottom } = this.box;
    pen.save();
    pen.beginPath();
    pen.rect(left, top, right - left, bottom - top);
    pen.clip();
    draw();
    pen.restore();
  }

  // A path through points; those that have no place on the axes leave a gap.
  trace(pen, points) {
    let drawing = false;
    for (const [x, y] of points) {
      const known = Number.isFinite(x) && Number.isFinite(y);
      if (known) drawing ? pen.lineTo(x, y) : pen.moveTo(x, y);
      drawing = known;
    }
  }

  dot(pen, x, y, radius) {
    pen.beginPath();
    pen.arc(x, y, radius, 0, 2 * Math.PI);
    pen.fill();
  }
}

class FunctionPanel extends AxesPanel {
  axes() {
    const { x, y, points_x, points_y, x_label, y_label } = this.panel;
    const [low, high] = rangeOf([x.data, points_x.data], false, 0.02, 0.02);
    const kept = this.kept ? [this.keptCurve()] : [];
    const [floor, ceiling] = rangeOf([y.data, points_y.data, ...kept], false, 0.22, 0.06); // room for the rug below
    return { x: { low, high, log: false, label: x_label }, y: { low: floor, high: ceiling, log: false, label: y_label } };
  }

  legendItems() {
    return [[[{ colour: "ink", dash: [] }], "network"], [[{ colour: "data", marker: "dot" }], "data"],
      [[{ colour: "positive", marker: "peak" }, { colour: "negative", marker: "ring" }], "kinks of the neurons"]];
  }

  // What the kept run came to.
  keptCurve() {
    return row(this.kept.y, this.kept.y.shape[0] - 1);
  }

  drawStill(pen, look) {
    this.drawAxes(pen, look);
    if (this.kept) {
      pen.globalAlpha = PALE;
      pen.strokeStyle = look.ink;
      pen.lineWidth = 2.5;
      this.strokeCurve(pen, this.kept.x.data, this.keptCurve());
      pen.globalAlpha = 1;
    }
    pen.fillStyle = look.data;
    this.panel.points_x.data.forEach((x, i) => this.dot(pen, this.atX(x), this.atY(this.panel.points_y.data[i]), 4));
  }

  drawMoving(pen, frame, look) {
    pen.strokeStyle = look.ink;
    pen.lineWidth = 2.5;
    this.strokeCurve(pen, this.panel.x.data, mixRow(this.panel.y, frame));
    const span = this.x.high - this.x.low;
    const marks = mixRow(this.panel.marks, frame, (a, b, part) => mixMark(a, b, part, span));
    const signs = row(this.panel.sign, frame.nearest);
    const heads = Array.from(marks, (mark, i) => [this.atX(mark), this.box.bottom - (signs[i] > 0 ? 15 : 27), Math.PI / 2, 10]);
    for (const sign of PAINT_ORDER) {
      paintHeads(pen, sign, heads.filter((_, i) => signs[i] === sign && !Number.isNaN(marks[i])), look);
    }
  }
}

const stylesOf = ({ series, predicted }) => seriesStyles(series.map(([label]) => predicted.includes(label)));

// The curves of a chart, each with its style; thin where one label has several.
function curvesOf(panel) {
  const styles = stylesOf(panel);
  return panel.series.flatMap(([, values], i) => columns(values).map((ys, _, all) => ({ ys, style: styles[i], thin: all.length > 1 })));
}

class ChartPanel extends AxesPanel {
  axes() {
    const { log_x, log_y, x_label, y_label } = this.panel;
    const { x: [low, high], y: [floor, ceiling] } = chartRanges(this.panel, this.kept);
    return { x: { low, high, log: log_x, label: x_label }, y: { low: floor, high: ceiling, log: log_y, label: y_label } };
  }

  setRun(panel, count) {
    this.styles = stylesOf(panel);
    this.curves = curvesOf(panel);
    this.ghosts = panel.ghosts.map((ghost) => ({ ...ghost, curves: columns(ghost.y) }));
    super.setRun(panel, count);
  }

  legendItems() {
    const curves = this.panel.series.map(([label], i) => [[this.styles[i]], label]);
    const posts = this.panel.marks.map(([label], i) => [[{ colour: "ink", marker: "post", post: POST_DASHES[i % 3] }], label]);
    const levels = this.panel.levels.map(([label]) => [[{ colour: "soft", dash: LEVEL_DASH }], label]);
    const ghosts = this.ghosts.length ? [[[GHOST], "predicted at the plateau before"]] : [];
    return [...curves, ...ghosts, ...levels, ...posts, [[{ colour: "time", marker: "dot" }], "now"]];
  }

  drawStill(pen, look) {
    this.drawAxes(pen, look);
    pen.lineWidth = 1.5;
    pen.strokeStyle = look.soft;
    pen.setLineDash(LEVEL_DASH);
    for (const [, level] of this.panel.levels) this.strokeCurve(pen, [this.x.low, this.x.high], [level, level]);
    pen.lineWidth = 1.75;
    pen.strokeStyle = look.ink;
    this.panel.marks.forEach(([, mark], i) => {
      pen.setLineDash(POST_DASHES[i % 3]);
      this.strokeCurve(pen, [mark, mark], [this.y.low, this.y.high]);
    });
    if (this.kept) {
      pen.globalAlpha = PALE;
      this.drawCurves(pen, look, curvesOf(this.kept), this.pointsOf(this.kept.x, curvesOf(this.kept)));
      pen.globalAlpha = 1;
    }
    this.points = this.pointsOf(this.panel.x, this.curves);
    if (!this.panel.unfolds) this.drawCurves(pen, look, this.curves, this.points);
    pen.setLineDash([]);
  }

  // The places of the curves' points on the canvas.
  pointsOf(x, curves) {
    return curves.map(({ ys }) => Array.from(x.data, (at, i) => [this.atX(at), this.atY(ys[i])]));
  }

  drawCurves(pen, look, curves, points) {
    this.within(pen, () => {
      curves.forEach(({ style: { colour, dash, ends }, thin }, i) => {
        pen.strokeStyle = look[colour];
        pen.lineWidth = thin ? 1.5 : 2.5;
        pen.setLineDash(dash);
        pen.lineCap = ends;
        pen.beginPath();
        this.trace(pen, points[i]);
        pen.stroke();
      });
    });
  }

  drawGhosts(pen, frame, look) {
    this.within(pen, () => {
      for (const [{ x, curves, mark }, latest] of ghostsAt(this.ghosts, frame.nearest)) {
        strokeGhost(pen, look, latest, () => curves.forEach((ys) => this.trace(pen, Array.from(x.data, (at, i) => [this.atX(at), this.atY(ys[i])]))));
        if (mark === null) continue;
        pen.globalAlpha = latest ? 1 : FADED;
        pen.lineWidth = 2;
        pen.setLineDash(POST_DASHES[0]);
        pen.beginPath();
        this.trace(pen, [this.box.top, this.box.bottom].map((y) => [this.atX(mark), y]));
        pen.stroke();
        pen.globalAlpha = 1;
      }
    });
  }

  // Between two frames the cursor stands where the curve is drawn, that is, on the straight line between two points.
  drawMoving(pen, frame, look) {
    this.drawGhosts(pen, frame, look);
    if (this.panel.unfolds) this.drawCurves(pen, look, this.curves, this.points.map((points) => curveUntil(points, frame)));
    pen.setLineDash([]);
    pen.lineCap = "butt";
    const now = ([x, y], [nextX, nextY]) => [mix(x, nextX, frame.part), mix(y, nextY, frame.part)];
    // Time 0 has no place on a logarithmic axis; the cursor then waits at its left end.
    const [x] = now(...[frame.from, frame.to].map((i) => [Math.max(this.box.left, this.atX(this.panel.x.data[i])), 0]));
    pen.strokeStyle = look.time;
    pen.lineWidth = 2;
    pen.beginPath();
    pen.moveTo(x, this.box.top);
    pen.lineTo(x, this.box.bottom);
    pen.stroke();
    pen.fillStyle = look.time;
    this.curves.forEach(({ thin }, i) => {
      const [, y] = now(this.points[i][frame.from], this.points[i][frame.to]);
      if (y >= this.box.top && y <= this.box.bottom) this.dot(pen, x, y, thin ? 3 : 5.5);
    });
  }
}

// The lines that stand still in a plane, in their order: thin ones, then two kinds that matter.
const GROUND = [{ colour: "soft", dash: [], width: 1, alpha: 0.55 }, { colour: "data", dash: [], width: 4, alpha: 1 }, { colour: "negative", dash: [3, 5], width: 3, alpha: 1 }];
const TRAVELLERS = [{ colour: "ink", dash: [] }, { colour: "positive", dash: [] }]; // the paths, in their order
const BAR = { colour: "series-1", marker: "bar" };
const FINE = 96; // pixels along the square that holds a plane's tints
const [TINT_EDGE, TINT_FULL] = [24, 130]; // opacities, of 255, where the tinted values begin and where they are largest

// A plane in which points move and leave their paths. What its readings are at the pointer, or where the last point is, stands below it.
class PlanePanel extends AxesPanel {
  constructor(kind, repaint) {
    super(kind);
    this.repaint = repaint;
    this.tints = make("canvas", { width: FINE, height: FINE });
    this.reading = make("p", { class: "explorer-reading", "aria-live": "off" });
    this.stage.after(this.reading);
    this.listen();
  }

  setRun(panel, count) {
    super.setRun(panel, count);
    const readable = panel.readings.length > 0;
    this.reading.hidden = !readable;
    this.moving.setAttribute("role", readable ? "application" : "img");
    this.moving.setAttribute("aria-label", readable ? `${panel.alt}. Arrow keys read it off elsewhere, Escape returns.` : panel.alt);
    if (readable) this.moving.tabIndex = 0;
    else this.moving.removeAttribute("tabindex");
  }

  listen() {
    const canvas = this.moving;
    const point = (probe, live = "off") => {
      this.probe = probe;
      this.reading.setAttribute("aria-live", live);
      this.repaint();
    };
    const pointed = ({ offsetX, offsetY }) => {
      if (!this.box) return;
      const { left, right, top, bottom } = this.box;
      const [east, north] = [(offsetX - left) / (right - left), (bottom - offsetY) / (bottom - top)];
      point([east, north].every((part) => part >= 0 && part <= 1) ? [east, north] : null);
    };
    for (const type of ["pointermove", "pointerdown"]) canvas.addEventListener(type, pointed);
    canvas.addEventListener("pointerleave", () => point(null));
    canvas.addEventListener("blur", () => point(null));
    canvas.addEventListener("keydown", (event) => {
      event.stopPropagation(); // JupyterLab would take them
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const move = keyMove(event.key);
      if (!move && event.key !== "Escape") return;
      event.preventDefault();
      const from = this.probe ?? [this.place(this.x, this.now[0]), this.place(this.y, this.now[1])];
      point(move ? from.map((part, i) => within01(part + move[i])) : null, "polite");
    });
  }

  axes() {
    const { x_range, y_range, log_y, x_label, y_label } = this.panel;
    const joint = (name, own) => [Math.min(own[0], this.kept?.[name][0] ?? own[0]), Math.max(own[1], this.kept?.[name][1] ?? own[1])];
    const [[left, right], [low, high]] = [joint("x_range", x_range), joint("y_range", y_range)];
    return { x: { low: left, high: right, log: false, label: x_label }, y: { low, high, log: log_y, label: y_label } };
  }

  legendItems() {
    const { paths, ground, stops, bars, joined, tint } = this.panel;
    const dotted = Object.fromEntries(stops);
    const items = paths.map(([label], i) => [[{ ...TRAVELLERS[i], marker: i in dotted ? "dot" : "" }], dotted[i] ? `${label}, ${dotted[i]}` : label]);
    if (joined) items.push([[{ colour: "time", dash: [2, 3] }], joined]);
    if (bars) items.push([[BAR], bars.label]);
    if (tint) items.push([[{ colour: "negative", marker: "band" }], `${tint} < 0`]);
    return [...items, ...ground.map(([label], i) => [[GROUND[i]], label])];
  }

  layOut(pen) {
    super.layOut(pen);
    if (this.panel.equal) this.box = equalBox(this.box, this.x.high - this.x.low, this.y.high - this.y.low);
  }

  drawStill(pen, look) {
    this.within(pen, () => this.drawTint(pen, look));
    this.drawAxes(pen, look);
    this.within(pen, () => {
      this.panel.ground.forEach(([, curves], i) => {
        const { colour, dash, width, alpha } = GROUND[i];
        pen.strokeStyle = look[colour];
        pen.lineWidth = width;
        pen.globalAlpha = alpha;
        pen.setLineDash(dash);
        pen.beginPath();
        for (const curve of curves) this.trace(pen, this.placesOf(curve));
        pen.stroke();
      });
      pen.setLineDash([]);
      pen.globalAlpha = PALE;
      this.kept?.paths.forEach(([, path], i) => this.strokePath(pen, look, i, this.placesOf(path)));
      pen.globalAlpha = 1;
    });
    this.places = this.panel.paths.map(([, path]) => this.placesOf(path));
  }

  // The places on the canvas of points (G, 2).
  placesOf({ data, shape: [count] }) {
    return Array.from({ length: count }, (_, i) => [this.atX(data[2 * i]), this.atY(data[2 * i + 1])]);
  }

  strokePath(pen, look, i, places) {
    pen.strokeStyle = look[TRAVELLERS[i].colour];
    pen.lineWidth = 2.5;
    pen.beginPath();
    this.trace(pen, places);
    pen.stroke();
  }

  // Where the tinted reading is negative, the more the lower it is.
  drawTint(pen, look) {
    const values = this.panel.readings.find(([label]) => label === this.panel.tint)?.[1];
    if (!values) return;
    const small = this.tints.getContext("2d", { willReadFrequently: true });
    const image = small.createImageData(FINE, FINE);
    const [tint, lowest] = [channels(small, look.negative), values.data.reduce((low, value) => Math.min(low, value), 0)];
    for (let pixel = 0; pixel < FINE * FINE; pixel++) {
      const value = planeValue(values, ((pixel % FINE) + 0.5) / FINE, 1 - (Math.floor(pixel / FINE) + 0.5) / FINE);
      for (let k = 0; k < 3; k++) image.data[4 * pixel + k] = tint[k];
      image.data[4 * pixel + 3] = value < 0 ? TINT_EDGE + (TINT_FULL - TINT_EDGE) * Math.sqrt(value / lowest) : 0;
    }
    small.putImageData(image, 0, 0);
    const { x_range, y_range } = this.panel;
    const [left, right, bottom, top] = [...x_range.map((x) => this.atX(x)), ...y_range.map((y) => this.atY(y))];
    pen.drawImage(this.tints, left, top, right - left, bottom - top);
  }

  drawMoving(pen, frame, look) {
    const nows = this.places.map((places) => curveUntil(places, frame).at(-1));
    this.within(pen, () => {
      this.places.forEach((places, i) => this.strokePath(pen, look, i, curveUntil(places, frame)));
      this.drawBars(pen, frame, look);
      this.panel.stops.forEach(([i, , frames, points]) => {
        pen.fillStyle = look[TRAVELLERS[i].colour];
        this.placesOf(points).forEach(([x, y], k) => frames[k] <= frame.from && this.dot(pen, x, y, 3.5));
      });
      if (this.panel.joined) this.drawJoin(pen, look, nows);
      nows.forEach(([x, y], i) => {
        pen.fillStyle = look.paper;
        this.dot(pen, x, y, 8);
        pen.fillStyle = look[TRAVELLERS[i].colour];
        this.dot(pen, x, y, 6);
      });
      if (this.probe) this.drawProbe(pen, look);
    });
    this.now = mixRow(this.panel.paths.at(-1)[1], frame); // where arrow keys begin
    this.read();
  }

  drawBars(pen, frame, look) {
    const { frames, rows } = this.panel.bars ?? { frames: [] };
    pen.strokeStyle = pen.fillStyle = look[BAR.colour];
    pen.lineWidth = 3.5;
    frames.forEach((at, k) => {
      if (at > frame.from) return;
      const [x, y, x1, y1] = row(rows, k);
      const [from, to] = [[x, y], [x1, y1]].map(([east, north]) => [this.atX(east), this.atY(north)]);
      pen.beginPath();
      this.trace(pen, [from, to]);
      pen.stroke();
      this.dot(pen, ...from, 2.5);
    });
  }

  drawJoin(pen, look, [one, other]) {
    pen.strokeStyle = look.time;
    pen.lineWidth = 2;
    pen.setLineDash([2, 3]);
    pen.beginPath();
    this.trace(pen, [one, other]);
    pen.stroke();
    pen.setLineDash([]);
  }

  drawProbe(pen, look) {
    const { left, right, top, bottom } = this.box;
    const [x, y] = [mix(left, right, this.probe[0]), mix(bottom, top, this.probe[1])];
    pen.strokeStyle = look.soft;
    pen.lineWidth = 1;
    pen.beginPath();
    this.trace(pen, [[left, y], [right, y], [NaN, NaN], [x, top], [x, bottom]]);
    pen.stroke();
  }

  // The line below the picture: what is read off at the pointer, as exactly as the picture is.
  read() {
    const { readings, x_range, y_range, log_y } = this.panel;
    if (!readings.length) return;
    let words = `Point anywhere to read off ${readings.map(([name]) => name).join(", ")}`;
    if (this.probe) {
      const at = [this.x, this.y].map((axis, i) => this.valueAt(axis, this.probe[i]));
      const [east, north] = [[x_range, false], [y_range, log_y]].map(([[low, high], log], i) => within01(this.place({ low, high, log }, at[i])));
      const told = readings.map(([name, values]) => `${name} ${formatNumber(rounded(planeValue(values, east, north), largestSize(values.data)))}`);
      const places = [this.x, this.y].map(({ label }, i) => {
        const [name, unit = ""] = label.split(", ");
        return `${name} ${formatNumber(at[i])}${unit}`;
      });
      words = `${places.join(", ")}: ${told.join(", ")}`;
    }
    if (this.reading.textContent !== words) this.reading.textContent = words;
  }

  valueAt({ low, high, log }, part) {
    return log ? low * (high / low) ** part : mix(low, high, part);
  }
}

const PANELS = { circle: CirclePanel, sphere: SpherePanel, map: MapPanel, function: FunctionPanel, chart: ChartPanel, plane: PlanePanel };

// --------------------------------------------------------------------------------------------------------- shell: view

const PLAY_SECONDS = 8;
const LONG = 18; // letters, of which a list shows no more in one column
const SETTLED = 300; // ms after the last move until the line of text is written
const THEME_DELAYS = [0, 100, 400, 1500]; // ms after a sign of a new theme at which colours are read
const BUSY_VISIBLE = 150; // ms of computing that pass without a word
const LOOK = ["ink", "soft", "grid", "paper", "positive", "negative", "zero", "data", "time",
  "ghost", "series-0", "series-1", "series-2", "series-3"];
const told = ({ message }) => (message ? `${message} (the picture still shows the last good run)` : "");

class View {
  constructor(model, el) {
    this.model = model;
    this.id = `explorer-${randomName()}`;
    this.listening = new AbortController();
    this.panels = [];
    this.fraction = model.get("cursor");
    this.paintings = 0;
    this.notice = told(model.get("failure"));
    this.traffic = new Traffic(
      (request) => this.store("request", request),
      () => this.tell("no answer from the kernel for 4 s; is a cell running, or did the kernel stop?"),
    );
    this.build();
    el.append(this.root);
    this.watch();
    this.showRun(decode(model.get("run")));
  }

  on(target, type, listener) {
    target.addEventListener(type, listener, { signal: this.listening.signal });
  }

  onModel(type, listener) {
    this.model.on(type, listener);
    this.listening.signal.addEventListener("abort", () => this.model.off(type, listener));
  }

  store(name, value) {
    this.model.set(name, value);
    this.model.save_changes();
  }

  // ---- the document

  build() {
    const title = this.model.get("title");
    this.stages = make("div", { class: "explorer-panels" });
    this.text = make("p", { class: "explorer-text", role: "status", "aria-live": "polite" });
    this.root = make("section", { class: "explorer", "aria-label": title },
      make("p", { class: "explorer-title" }, title), this.stages, this.text,
      make("div", { class: "explorer-controls" }, this.buildTime(), this.buildSettings()));
  }

  buildTime() {
    this.play = this.button("play", "Play", () => this.setPlaying(!this.playing));
    this.scrub = make("input", { type: "range", id: `${this.id}-time`, min: 0, step: "any", "data-control": "time" });
    this.now = make("output", { class: "explorer-value", "aria-live": "off", for: this.scrub.id });
    this.timeName = make("span");
    this.speed = make("select", { id: `${this.id}-speed`, "data-control": "speed" },
      new Option("½", 0.5), new Option("1", 1, true, true), new Option("2", 2));
    this.listenToScrub();
    this.silenceKeys(this.speed);
    return this.group("time", "Time", "moves through this run",
      make("div", { class: "explorer-control" }, this.label(this.scrub, this.timeName, this.now), this.scrub),
      make("div", { class: "explorer-buttons" }, this.play,
        make("label", { for: this.speed.id, class: "explorer-inline" }, "Speed ×"), this.speed));
  }

  buildSettings() {
    this.inputs = this.model.get("controls").map((control) => this.buildControl(control));
    this.field = make("input", { class: "explorer-code", readonly: "", hidden: "", "aria-label": "Code of this explorer" });
    this.silenceKeys(this.field);
    this.copy = this.button("copy", "Copy as code", () => this.copyCode());
    this.keeps = this.button("keep", "Keep", () => this.keep(this.kept ? undefined : this.run));
    this.keeps.title = "The curves of this run stay, pale, under those of the next ones, until Keep is pressed again";
    return this.group("set", "Set", "each move shows a new run", ...this.inputs.map(({ element }) => element),
      make("div", { class: "explorer-buttons" },
        this.keeps, this.button("reset", "Reset", () => this.reset()), this.copy, this.field));
  }

  buildControl(control) {
    const id = `${this.id}-${control.name}`;
    const value = make("output", { class: "explorer-value", "aria-live": "off", for: id });
    const input = control.kind === "choice"
      ? make("select", { id }, ...control.values.map((option) => new Option(option)))
      : make("input", { id, type: "range", min: 0, max: control.values.length - 1, step: 1 });
    input.dataset.control = control.name;
    this.silenceKeys(input);
    this.on(input, "input", () => {
      const picked = control.kind === "choice" ? input.value : control.values[input.value];
      this.change({ [control.name]: picked });
    });
    const wide = control.kind === "choice" && control.values.some((option) => option.length > LONG) ? " explorer-long" : "";
    const element = make("div", { class: `explorer-control${wide}` },
      this.label(input, control.label, control.kind === "choice" ? "" : value), input);
    return { control, input, value, element };
  }

  group(kind, name, hint, ...children) {
    const legend = make("legend", {}, make("strong", {}, name), ` ${hint}`);
    if (kind === "set") legend.append(this.busy = make("span", { class: "explorer-busy", "aria-hidden": "true" }));
    return make("fieldset", { class: `explorer-group explorer-${kind}` }, legend, ...children);
  }

  label(input, name, value) {
    // The value stands beside the label, not in it: it is no part of the control's name.
    return make("div", { class: "explorer-label" }, make("label", { for: input.id }, name), value);
  }

  button(action, words, press) {
    const button = make("button", { type: "button", "data-action": action }, words);
    this.on(button, "click", press);
    this.silenceKeys(button);
    return button;
  }

  // JupyterLab takes arrows and letters from native inputs (b inserts a cell), so keys go no further than their input.
  // Sliders step by themselves: the same keys in every browser.
  silenceKeys(input) {
    this.on(input, "keydown", (event) => {
      event.stopPropagation();
      if (input.type !== "range" || event.ctrlKey || event.metaKey || event.altKey) return;
      const index = keyStep(event.key, Number(input.value), Number(input.max));
      if (index === null) return;
      event.preventDefault();
      if (index === Number(input.value)) return;
      input.value = index;
      input.dispatchEvent(new Event("input"));
      input.dispatchEvent(new Event("change"));
    });
  }

  // ---- settings

  change(settings) {
    this.settings = { ...this.settings, ...settings };
    this.showSettings();
    this.notice = "";
    this.traffic.ask(this.settings);
    this.showState();
  }

  reset() {
    this.keep(undefined);
    this.change(this.model.get("defaults"));
  }

  // One run is kept at a time: its curves stay, pale, below those of the runs to come.
  keep(run) {
    this.kept = run;
    this.keeps.setAttribute("aria-pressed", Boolean(run));
    this.layUnder();
    this.moved();
  }

  layUnder() {
    this.panels.forEach((panel, i) => panel.keep(this.kept?.panels[i]));
  }

  showSettings() {
    for (const { control, input, value } of this.inputs) {
      const setting = this.settings[control.name];
      const words = settingLabel(control, setting);
      if (control.kind === "choice") {
        input.value = setting;
      } else {
        input.value = nearestIndex(control.values, setting);
        input.setAttribute("aria-valuetext", words);
        value.textContent = words;
      }
    }
  }

  async copyCode() {
    const code = this.model.get("code");
    try {
      await navigator.clipboard.writeText(code);
      this.copy.textContent = "Copied";
      setTimeout(() => (this.copy.textContent = "Copy as code"), 1500);
    } catch {
      this.field.hidden = false; // no clipboard here: the reader copies by hand
      this.field.value = code;
      this.field.select();
    }
  }

  // ---- run

  receiveRun() {
    const run = decode(this.model.get("run"));
    if (!this.traffic.receive(run)) return;
    this.notice = "";
    this.showRun(run);
  }

  receiveFailure() {
    const failure = this.model.get("failure");
    if (failure.message && this.traffic.receive(failure)) this.tell(told(failure));
  }

  showRun(run) {
    this.run = run;
    if (this.traffic.idle) {
      this.settings = { ...run.settings };
      this.showSettings();
    }
    if (String(run.panels.map(({ kind }) => kind)) !== String(this.kinds)) this.buildPanels(run.panels);
    this.stages.classList.toggle("explorer-tall", run.panels.some(({ kind, field }) => kind === "sphere" || kind === "plane" || field?.data.length > 0));
    run.panels.forEach((panel, i) => this.panels[i].setRun(panel, run.time.data.length));
    this.layUnder();
    this.last = run.time.data.length - 1;
    this.scrub.max = this.last;
    this.timeName.textContent = run.time_label;
    this.root.dataset.settings = JSON.stringify(run.settings);
    this.showState();
    this.moved();
  }

  buildPanels(panels) {
    this.kinds = panels.map(({ kind }) => kind);
    this.sizes.disconnect();
    this.panels = panels.map((panel) => new PANELS[panel.kind](panel.kind, () => this.moved()));
    this.stages.dataset.panels = panels.length;
    this.stages.replaceChildren(...this.panels.map(({ element }) => element));
    for (const { moving } of this.panels) this.sizes.observe(moving);
  }

  tell(notice) {
    this.notice = notice;
    this.showState();
  }

  showState() {
    const busy = !this.traffic.idle;
    this.root.classList.toggle("explorer-failed", Boolean(this.notice));
    this.root.setAttribute("aria-busy", busy);
    clearTimeout(this.busyTimer);
    if (busy) this.busyTimer = setTimeout(() => this.showBusy(), BUSY_VISIBLE);
    else this.busy.textContent = "";
    if (this.notice) this.write(this.notice);
    else if (!busy) this.writeSoon();
  }

  showProgress() {
    const share = this.model.get("progress");
    if (share > 0 && this.busy.textContent) this.busy.textContent = `computing… ${Math.round(100 * share)} %`;
  }

  showBusy() {
    this.busy.textContent = "computing…";
    if (!this.notice) this.write("computing…");
  }

  // ---- time

  get position() {
    return this.fraction * this.last;
  }

  get nearest() {
    return frameAt(this.position, this.last + 1).nearest;
  }

  listenToScrub() {
    this.silenceKeys(this.scrub);
    this.on(this.scrub, "keydown", (event) => {
      if (event.key !== " ") return;
      event.preventDefault();
      this.setPlaying(!this.playing);
    });
    this.on(this.scrub, "input", () => {
      this.setPlaying(false);
      this.fraction = Number(this.scrub.value) / this.last;
      this.moved();
    });
    this.on(this.scrub, "change", () => this.store("cursor", this.fraction));
  }

  setPlaying(playing) {
    if (playing === Boolean(this.playing)) return;
    this.playing = playing;
    this.play.textContent = playing ? "Pause" : "Play";
    // While the picture runs, its line of text runs with it, unread; the reader hears where it stops.
    this.text.setAttribute("aria-live", playing ? "off" : "polite");
    if (playing && this.fraction >= 1) this.fraction = 0;
    this.before = undefined;
    if (!playing) this.store("cursor", this.fraction);
    this.moved();
  }

  moved() {
    this.frame ??= requestAnimationFrame((at) => this.paint(at));
    this.writeSoon();
  }

  paint(at) {
    this.frame = undefined;
    if (this.playing) this.advance(at);
    for (const panel of this.panels) panel.draw(this.position, this.look);
    this.scrub.value = this.position;
    this.now.textContent = formatNumber(this.run.time.data[this.nearest]);
    this.scrub.setAttribute("aria-valuetext", `${this.run.time_label} ${this.now.textContent}`);
    this.root.dataset.painted = ++this.paintings;
  }

  advance(at) {
    const seconds = (at - (this.before ?? at)) / 1000;
    this.before = at;
    this.fraction = Math.min(1, this.fraction + (seconds * Number(this.speed.value)) / PLAY_SECONDS);
    if (this.fraction < 1) this.frame = requestAnimationFrame((next) => this.paint(next));
    else this.setPlaying(false);
  }

  // ---- the line of text

  writeSoon() {
    if (this.playing && this.textTimer) return; // every 300 ms while playing, 300 ms after the last move otherwise
    clearTimeout(this.textTimer);
    this.textTimer = setTimeout(() => {
      this.textTimer = undefined;
      if (this.notice || !this.traffic.idle) return;
      const { run, nearest } = this;
      const words = textAt(run.text, nearest, (name) => (name === "time" ? run.time : run.values[name]).data[nearest]);
      this.write(words + (this.kept ? keptWords(this.model.get("controls"), this.kept.settings, run.settings) : ""));
      if (this.playing) this.writeSoon();
    }, SETTLED);
  }

  write(words) {
    if (this.text.textContent !== words) this.text.textContent = words;
  }

  // ---- model, theme and size

  watch() {
    this.sizes = new ResizeObserver((entries) => this.resized(entries));
    // JupyterLab tells its theme on the body, a plain page by the system's preference.
    this.themeTimers = [];
    this.themes = new MutationObserver(() => this.rethemeSoon());
    this.themes.observe(document.body, { attributes: true, attributeFilter: ["class", "data-jp-theme-name", "data-jp-theme-light"] });
    this.on(matchMedia("(prefers-color-scheme: dark)"), "change", () => this.rethemeSoon());
    this.onModel("change:run", () => this.receiveRun());
    this.onModel("change:failure", () => this.receiveFailure());
    this.onModel("change:progress", () => this.showProgress());
    this.onModel("change:cursor", () => {
      if (this.playing || this.fraction === this.model.get("cursor")) return;
      this.fraction = this.model.get("cursor");
      this.moved();
    });
  }

  // Also the first moment at which colours can be read: JupyterLab renders outside the document.
  resized(entries) {
    for (const { target, devicePixelContentBoxSize, contentRect } of entries) {
      const ratio = window.devicePixelRatio;
      const box = devicePixelContentBoxSize?.[0];
      const width = devicePixels(contentRect.width * ratio, box?.inlineSize);
      const height = devicePixels(contentRect.height * ratio, box?.blockSize);
      // During a switch of theme the page measures nothing for a moment; the old size stays.
      if (width && height) this.panels.find(({ moving }) => moving === target)?.resize(width, height, ratio);
    }
    this.retheme();
  }

  // Colours may still be the old theme's, or nobody's, while its style sheet loads.
  rethemeSoon() {
    this.themeTimers.forEach(clearTimeout);
    this.themeTimers = THEME_DELAYS.map((delay) => setTimeout(() => this.retheme(), delay));
  }

  retheme() {
    const style = getComputedStyle(this.root);
    if (!style.color) return;
    this.root.dataset.theme = isLight(style.color) ? "dark" : "light";
    this.look = { font: style.fontFamily };
    for (const name of LOOK) this.look[name] = style.getPropertyValue(`--explorer-${name}`).trim();
    for (const panel of this.panels) panel.stale = true;
    this.moved();
  }

  dispose() {
    this.listening.abort();
    this.sizes.disconnect();
    this.themes.disconnect();
    cancelAnimationFrame(this.frame);
    for (const timer of [this.textTimer, this.busyTimer, ...this.themeTimers]) clearTimeout(timer);
    this.traffic.stop();
    this.root.remove();
  }
}

// The browser's own count of pixels, which rounds as the screen does; where a screen is emulated it may be quite wrong.
function devicePixels(about, counted = NaN) {
  return Math.abs(counted - about) < 1.5 ? counted : Math.round(about);
}

// Whether a computed colour such as "rgb(31, 35, 40)" is nearer to white than to black.
function isLight(colour) {
  const [red, green, blue] = colour.match(/[\d.]+/g).map(Number);
  return 0.3 * red + 0.59 * green + 0.11 * blue > 127;
}

export function mount({ model, el }) {
  const view = new View(model, el);
  return () => view.dispose();
}

export default { render: mount };
