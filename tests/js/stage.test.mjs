// The core of the moving picture, without a browser: node --test tests/js/

import assert from "node:assert/strict";
import { mock, test } from "node:test";
import * as stage from "../../helpers/explorers/stage.js";

const close = (a, b, error = 1e-6) => assert.ok(Math.abs(a - b) <= error, `${a} is not ${b}`);

// A run as scene.py writes it, with one float32 and one int16 array.
function bytes() {
  const header = JSON.stringify({
    sequence: 7,
    time: { array: "float32", shape: [2], offset: 0 },
    panels: [{ kind: "function", marks: { array: "int16", shape: [2, 2], offset: 8, scale: 0.5, bias: 1 } }],
  });
  const padded = header + " ".repeat((8 - ((4 + header.length) % 8)) % 8);
  const run = new Uint8Array(4 + padded.length + 16);
  new DataView(run.buffer).setUint32(0, padded.length, true);
  run.set(new TextEncoder().encode(padded), 4);
  new Float32Array(run.buffer, 4 + padded.length, 2).set([0, 3]);
  new Int16Array(run.buffer, 4 + padded.length + 8, 4).set([0, 2, -2, -32768]);
  return run;
}

test("a run is decoded with its scales, and the missing number becomes NaN", () => {
  const run = stage.decode(bytes());
  assert.equal(run.sequence, 7);
  assert.deepEqual([...run.time.data], [0, 3]);
  assert.deepEqual([...stage.row(run.panels[0].marks, 0)], [1, 2]);
  assert.deepEqual([...stage.row(run.panels[0].marks, 1)], [0, NaN]);
});

test("a run is decoded from bytes at an odd offset", () => {
  const shifted = new Uint8Array(bytes().length + 3);
  shifted.set(bytes(), 3);
  assert.deepEqual([...stage.decode(new DataView(shifted.buffer, 3)).time.data], [0, 3]);
});

test("an array without a time axis is the same in every frame", () => {
  const signs = { data: Float32Array.of(1, -1), shape: [2] };
  assert.equal(stage.row(signs, 0), stage.row(signs, 5));
});

test("a position between two frames names both, and the last frame stands alone", () => {
  assert.deepEqual(stage.frameAt(2.25, 10), { from: 2, to: 3, part: 0.25, nearest: 2 });
  assert.deepEqual(stage.frameAt(9, 10), { from: 9, to: 9, part: 0, nearest: 9 });
});

test("an angle turns the short way round the circle", () => {
  close(stage.mixAngle(3, -3, 0.5), Math.PI);
  close(stage.mixAngle(-3, 3, 0.5), -Math.PI);
  close(stage.mixAngle(0.2, 0.6, 0.25), 0.3);
});

test("a kink moves a little way and jumps a long one", () => {
  close(stage.mixMark(0, 1, 0.25, 4), 0.25);
  assert.equal(stage.mixMark(-2, 2, 0.4, 4), -2);
  assert.equal(stage.mixMark(-2, 2, 0.6, 4), 2);
  assert.ok(Number.isNaN(stage.mixMark(NaN, 2, 0.6, 4)));
});

test("numbers are written to three digits, integers as they are", () => {
  const written = [[58, "58"], [0, "0"], [-0, "0"], [240, "240"], [0.5, "0.5"], [3.14159, "3.14"], [1234.5, "1230"], [0.00123456, "0.00123"],
    [1.2e-5, "1.2e-5"], [-4.567e-9, "-4.57e-9"], [12345.6, "1.23e4"], [9999.5, "1e4"], [2e7, "2e7"], [0.000999999, "0.001"], [NaN, "–"], [Infinity, "∞"]];
  for (const [value, words] of written) assert.equal(stage.formatNumber(value), words);
});

test("a setting on a logarithmic slider reads as a power of ten where that is shorter", () => {
  const scale = { kind: "log" };
  assert.deepEqual([1e-3, 0.000316, 0.01, 0.0562, 1, 10000].map((value) => stage.settingLabel(scale, value)),
    ["10⁻³", "3.16·10⁻⁴", "0.01", "0.0562", "1", "10⁴"]);
  assert.equal(stage.settingLabel({ kind: "linear" }, 0.1 + 0.2), "0.3");
  assert.equal(stage.settingLabel({ kind: "linear" }, 123456), "123456");
});

test("the text is that of the frame's phase, with the frame's numbers", () => {
  const phases = [[0, "plateau at {time}"], [5, "fitted: loss {loss} at {time}"]];
  const lookup = (name) => ({ time: 2.5, loss: 1.2e-5 })[name];
  assert.equal(stage.textAt(phases, 4, lookup), "plateau at 2.5");
  assert.equal(stage.textAt(phases, 5, lookup), "fitted: loss 1.2e-5 at 2.5");
});

const ranges = [[0, 1], [-1, 1], [0, 20.7], [0.35, 0.39], [1e-7, 3e-7], [-4e6, 5e6], [100.001, 100.002], [3, 3.5]];
const positiveRanges = [[1e-5, 7], [1e-12, 1], [0.9, 30], [0.4, 3], [2, 3], [0.0101, 0.0108], [1, 1e30], [7e-4, 9e-3], [1, 1.5e5]];

function checkTicks(low, high, log, most) {
  const ticks = stage.axisTicks(low, high, log, most);
  const where = `${low} to ${high}, ${log ? "log" : "linear"}, ${most}: ${ticks.map(({ label }) => label)}`;
  assert.ok(ticks.length >= 3, where);
  assert.ok(ticks.length <= Math.max(6, 1.7 * most), where);
  assert.equal(new Set(ticks.map(({ label }) => label)).size, ticks.length, where);
  const slack = 1e-6 * (high - low);
  for (const { value, label } of ticks) {
    assert.ok(value >= low - slack && value <= high + slack, where);
    assert.ok(label.length <= 12, where);
  }
}

test("an axis has at least three distinct labels within its range", () => {
  for (const most of [2, 3, 4, 6, 9]) {
    for (const [low, high] of [...ranges, ...positiveRanges]) checkTicks(low, high, false, most);
    for (const [low, high] of positiveRanges) checkTicks(low, high, true, most);
  }
});

test("labels are round numbers", () => {
  const labels = (...axis) => stage.axisTicks(...axis).map(({ label }) => label);
  assert.deepEqual(labels(0, 1, false, 6), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
  assert.deepEqual(labels(-1.02, 1.02, false, 4), ["−1", "0", "1"]);
  assert.deepEqual(labels(1e-5, 9, true, 4), ["10⁻⁴", "10⁻²", "10⁰"]);
  assert.deepEqual(labels(0.009, 120, true, 6), ["0.01", "0.1", "1", "10", "100"]);
  assert.deepEqual(labels(0.4, 3.5, true, 6), ["0.5", "1", "2"]);
});

test("a range skips what has no place on its axis and is never empty", () => {
  assert.deepEqual(stage.rangeOf([[NaN, 1, 3, Infinity]], false, 0, 0), [1, 3]);
  assert.deepEqual(stage.rangeOf([[0, 0.1, -2, 10]], true, 0, 0), [0.1, 10]);
  for (const log of [false, true]) {
    for (const list of [[], [NaN], [2, 2]]) {
      const [low, high] = stage.rangeOf([list], log, 0.1, 0.1);
      assert.ok(low < high);
    }
  }
});

test("the axes of a chart reach to its levels and marks", () => {
  const chart = { x: { data: [1, 10] }, series: [["loss", { data: [2, 3] }]], levels: [["goal", 1]], marks: [["escape", 30]], log_x: false, log_y: false };
  const { x, y } = stage.chartRanges(chart);
  assert.ok(x[0] === 1 && x[1] > 30 && y[0] < 1 && y[1] > 3);
  assert.ok(stage.chartRanges({ ...chart, marks: [["escape", 0.01]], log_x: true }).x[0] === 0.01);
  assert.ok(stage.chartRanges({ ...chart, marks: [] }).x[1] < 11);
});

test("the axes of a chart reach to the marks of its ghosts, not to their curves", () => {
  const chart = { x: { data: [1, 10] }, series: [["loss", { data: [2, 3] }]], levels: [], marks: [], log_x: false, log_y: false };
  const ghost = { mark: 20, x: { data: [1, 90] }, y: { data: [-50, 50] } };
  const { x, y } = stage.chartRanges({ ...chart, ghosts: [ghost, { ...ghost, mark: null }] });
  assert.ok(x[0] === 1 && x[1] > 20 && x[1] < 21 && y[0] > 1 && y[1] < 4);
});

test("the axes of a chart reach to the curves of the one that is kept", () => {
  const chart = { x: { data: [1, 10] }, series: [["loss", { data: [2, 3] }]], levels: [], marks: [], log_x: false, log_y: false };
  const { x, y } = stage.chartRanges(chart, { x: { data: [-5, 20] }, series: [["loss", { data: [0, 9] }]] });
  assert.ok(x[0] === -5 && x[1] > 20 && y[0] < 0 && y[1] > 9);
});

test("a kept run is told by the settings that differ, in the words of their controls", () => {
  const controls = [{ name: "step", label: "step size η", kind: "log" }, { name: "depth", label: "depth n", kind: "choice" }];
  const words = (kept, shown) => stage.keptWords(controls, kept, shown);
  assert.equal(words({ step: 0.1, depth: "2" }, { step: 0.0001, depth: "2" }), ". Kept, pale: step size η 0.1");
  assert.equal(words({ step: 0.0001, depth: "2", hidden: 1 }, { step: 0.1, depth: "3", hidden: 2 }), ". Kept, pale: step size η 10⁻⁴, depth n 2");
  assert.equal(words({ step: 0.1, depth: "2" }, { step: 0.1, depth: "2" }), ". Kept, pale: this run");
});

test("an array of many curves is told apart into them", () => {
  assert.deepEqual(stage.columns({ data: Float32Array.of(1, 2, 3), shape: [3] }).map((ys) => [...ys]), [[1, 2, 3]]);
  assert.deepEqual(stage.columns({ data: Float32Array.of(1, 10, 2, 20), shape: [2, 2] }).map((ys) => [...ys]), [[1, 2], [10, 20]]);
});

test("a curve unfolds up to the place between two frames", () => {
  const points = [[0, 0], [10, 4], [20, 0]];
  const until = (position) => stage.curveUntil(points, stage.frameAt(position, 3));
  assert.deepEqual(until(0), [[0, 0]]);
  assert.deepEqual(until(0.5), [[0, 0], [5, 2]]);
  assert.deepEqual(until(1), [[0, 0], [10, 4]]);
  assert.deepEqual(until(2), points);
});

test("ghosts are seen from their frame on, and fade when the next one begins", () => {
  const ghosts = [{ frame: 0 }, { frame: 7 }, { frame: 7 }];
  const seen = (frame) => stage.ghostsAt(ghosts, frame).map(([ghost, latest]) => [ghost.frame, latest]);
  assert.deepEqual(seen(3), [[0, true]]);
  assert.deepEqual(seen(7), [[0, false], [7, true], [7, true]]);
  assert.deepEqual(stage.ghostsAt([{ frame: 4 }], 3), []);
});

test("a prediction is dotted in the colour of the curve before it, and the curves keep their own", () => {
  const styles = stage.seriesStyles([false, true, false, true]);
  const colours = styles.map(({ colour }) => colour);
  assert.deepEqual(colours, ["series-0", "series-0", "series-1", "series-1"]);
  assert.deepEqual(styles.map(({ ends }) => ends), ["butt", "round", "butt", "round"]);
  assert.deepEqual(styles[0].dash, []);
  assert.notDeepEqual(styles[2].dash, styles[0].dash);
  assert.deepEqual(styles[1].dash, styles[3].dash);
  assert.equal(stage.seriesStyles([true])[0].colour, "series-0");
});

test("a value in the plane is read off between its neighbours, and at the edges", () => {
  const values = { data: [0, 1, 2, 10, 11, 12], shape: [2, 3] }; // from the lower left on
  const at = (east, north) => stage.planeValue(values, east, north);
  assert.deepEqual([at(0, 0), at(0.5, 0), at(1, 0), at(0, 1), at(1, 1)], [0, 1, 2, 10, 12]);
  close(at(0.25, 0.5), 5.5);
  close(at(1, 0.3), 5);
});

test("what is read off is rounded as coarsely as the picture is", () => {
  assert.equal(stage.rounded(0.123456, 4), 0.123);
  assert.equal(stage.rounded(-0.00004, 4), 0);
  assert.equal(stage.rounded(123.456, 400), 123.5);
  assert.equal(stage.rounded(0, 0), 0);
});

test("arrow keys move the place that is read off their own way", () => {
  assert.deepEqual(["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "b"].map(stage.keyMove), [[-0.02, 0], [0.02, 0], [0, 0.02], [0, -0.02], null]);
});

test("a box of one unit in both directions is as large as it can be, in the middle", () => {
  assert.deepEqual(stage.equalBox({ left: 0, right: 200, top: 0, bottom: 100 }, 2, 2), { left: 50, right: 150, top: 0, bottom: 100 });
  assert.deepEqual(stage.equalBox({ left: 0, right: 100, top: 0, bottom: 300 }, 4, 2), { left: 0, right: 100, top: 125, bottom: 175 });
});

test("a value on a ring of angles is read off between its neighbours, also across the end", () => {
  const ring = [3, 0, 1, 2]; // at −π, −π/2, 0, π/2
  close(stage.ringValue(ring, -Math.PI), 3);
  close(stage.ringValue(ring, Math.PI), 3);
  close(stage.ringValue(ring, 0), 1);
  close(stage.ringValue(ring, 0.75 * Math.PI), 2.5);
  close(stage.ringValue(ring, -3.5 * Math.PI), 2);
});

test("a closed curve falls into parts of one sign that begin and end where it is zero", () => {
  const parts = stage.signedParts([1, -1, -3, 1]); // at −π, −π/2, 0, π/2
  assert.deepEqual(parts.map(({ sign }) => sign), [-1, 1]);
  const [valley, hill] = parts.map(({ points }) => points);
  assert.deepEqual(valley.map(([, value]) => value), [0, -1, -3, 0]);
  assert.deepEqual(hill.map(([, value]) => value), [0, 1, 1, 0]);
  [-0.75, -0.5, 0, 0.375].forEach((turn, i) => close(valley[i][0], turn * Math.PI));
  [0.375, 0.5, 1, 1.25].forEach((turn, i) => close(hill[i][0], turn * Math.PI));
});

test("where a curve is zero it has no part, and a curve of one sign is one part", () => {
  assert.deepEqual(stage.signedParts([0, 0, 0]), []);
  assert.deepEqual(stage.signedParts([]), []);
  const [whole] = stage.signedParts([2, 1, 2, 4]);
  assert.equal(whole.points.length, 5);
  close(whole.points[4][0] - whole.points[0][0], 2 * Math.PI);
  const [hill, ...others] = stage.signedParts([0, 0, 5, 0]);
  assert.equal(others.length, 0);
  assert.deepEqual(hill.points.map(([angle, value]) => [angle / Math.PI, value]), [[-0.5, 0], [0, 5], [0.5, 0]]);
});

// A grid of 37 × 72 values of a function on the sphere.
function grid(value, rows = 37, columns = 72) {
  const data = Array.from({ length: rows * columns }, (_, node) => {
    const latitude = (Math.floor(node / columns) / (rows - 1) - 0.5) * Math.PI;
    const longitude = ((node % columns) / columns - 0.5) * 2 * Math.PI;
    return value(Math.cos(latitude) * Math.cos(longitude), Math.cos(latitude) * Math.sin(longitude), Math.sin(latitude));
  });
  return { data, shape: [rows, columns] };
}

test("a value on the sphere is read off the grid in every direction", () => {
  const plane = (x, y, z) => 0.3 * x - 0.8 * y + 0.5 * z;
  const field = grid(plane);
  for (const [x, y, z] of [[1, 0, 0], [-1, 0, 0], [-0.8, -0.6, 0], [-0.8, 0.6, 0], [0, 0, 1], [0, 0, -1], [0.48, 0.6, 0.64], [-1, -1e-12, 0]]) {
    close(stage.sphereValue(field, x, y, z), plane(x, y, z), 0.005);
  }
});

test("a contour line is closed, lies on the sphere and at its level", () => {
  const plane = (x, y, z) => 0.36 * x + 0.48 * y + 0.8 * z;
  for (const level of [-0.6, 0, 0.3, 0.9]) {
    const lines = stage.contourLines(grid(plane), level);
    assert.equal(lines.length, 1);
    assert.deepEqual(lines[0][0], lines[0].at(-1));
    for (const [i, [x, y, z]] of lines[0].entries()) {
      close(Math.hypot(x, y, z), 1);
      close(plane(x, y, z), level, 0.005);
      if (i) assert.ok(Math.hypot(...lines[0][i - 1].map((value, k) => value - [x, y, z][k])) < 0.15, "no jumps");
    }
  }
});

test("each hill and each valley has contour lines of its own, and the level ground none", () => {
  const field = grid((x, y, z) => x * x - z * z);
  assert.equal(stage.contourLines(field, 0.5).length, 2);
  assert.equal(stage.contourLines(field, -0.5).length, 2);
  assert.equal(stage.contourLines(grid(() => 1), 1).length, 0);
});

test("between two key frames the map is on its way, and beyond the last it stays", () => {
  const keys = [0, 4, 10];
  assert.deepEqual(stage.keyAt(keys, 0), { from: 0, to: 1, part: 0 });
  assert.deepEqual(stage.keyAt(keys, 3), { from: 0, to: 1, part: 0.75 });
  assert.deepEqual(stage.keyAt(keys, 4), { from: 1, to: 2, part: 0 });
  assert.deepEqual(stage.keyAt(keys, 10), { from: 2, to: 2, part: 0 });
  assert.deepEqual(stage.keyAt(keys, 12.5), { from: 2, to: 2, part: 0 });
  assert.deepEqual(stage.keyAt([0], 3), { from: 0, to: 0, part: 0 });
});

test("a symmetric matrix is whole again from its upper triangle", () => {
  assert.deepEqual([...stage.squareOf([1, 2, 3, 4, 5, 6], 3)], [1, 2, 3, 2, 4, 5, 3, 5, 6]);
  assert.deepEqual([...stage.squareOf([7], 1)], [7]);
});

test("a cosine has the tint of its sign and is as opaque as it is large", () => {
  const pixels = stage.cosinePixels(Float32Array.of(1, -1, 0, 0.4), [0, 114, 178], [213, 94, 0]);
  assert.deepEqual([...pixels], [0, 114, 178, 255, 213, 94, 0, 255, 213, 94, 0, 0, 0, 114, 178, 102]);
});

test("the cells of a map have whole pixels, all equally many, where there is room", () => {
  assert.deepEqual(stage.squareIn(400, 302, 60), { side: 300, left: 50, top: 1 });
  assert.deepEqual(stage.squareIn(300, 400, 7), { side: 294, left: 3, top: 53 });
  assert.deepEqual(stage.squareIn(42, 42, 60), { side: 40, left: 1, top: 1 });
});

test("the point that a view is from faces the reader, with north above it", () => {
  const axes = stage.viewAxes(stage.viewFrom([2, -1, 1]));
  const [right, up, toward] = stage.project(axes, [2, -1, 1]);
  close(right, 0);
  close(up, 0);
  close(toward, Math.sqrt(6));
  const north = stage.project(axes, [0, 0, 1]);
  close(north[0], 0);
  assert.ok(north[1] > 0);
  axes.forEach((a, i) => axes.forEach((b, j) => close(a[0] * b[0] + a[1] * b[1] + a[2] * b[2], i === j ? 1 : 0)));
  const [a, b, c] = axes; // right-handed, or the picture would be a mirror's
  close(a[0] * (b[1] * c[2] - b[2] * c[1]) - a[1] * (b[0] * c[2] - b[2] * c[0]) + a[2] * (b[0] * c[1] - b[1] * c[0]), 1);
});

test("a turn of the view goes round and round, but not over the poles", () => {
  const view = stage.turnView({ longitude: 3, latitude: 1 }, 1, 2);
  close(view.longitude, 4 - 2 * Math.PI);
  close(view.latitude, Math.PI / 2);
  close(stage.turnView(view, 0, -9).latitude, -Math.PI / 2);
});

test("an arrow key moves the surface its own way", () => {
  const start = { longitude: 0.4, latitude: 0.2 };
  const facing = stage.viewAxes(start)[2];
  const moved = (key) => stage.project(stage.viewAxes(stage.turnView(start, ...stage.keyTurn(key))), facing);
  assert.ok(moved("ArrowLeft")[0] < -0.1 && moved("ArrowRight")[0] > 0.1);
  assert.ok(moved("ArrowUp")[1] > 0.1 && moved("ArrowDown")[1] < -0.1);
  assert.equal(stage.keyTurn("b"), null);
});

test("keys move a slider by one, by a tenth, and to its ends, and never beyond", () => {
  const from = (index) => (key) => stage.keyStep(key, index, 20);
  assert.deepEqual(["ArrowLeft", "ArrowDown", "ArrowRight", "ArrowUp", "PageDown", "PageUp", "Home", "End"].map(from(10)), [9, 9, 11, 11, 8, 12, 0, 20]);
  assert.equal(from(0)("ArrowLeft"), 0);
  assert.equal(from(20)("PageUp"), 20);
  assert.equal(from(10)("b"), null);
  assert.deepEqual([from(10.4)("ArrowRight"), from(10.4)("ArrowLeft")], [11, 10]);
});

test("a value between two places of a slider stands at the nearer one", () => {
  assert.equal(stage.nearestIndex([0.001, 0.01, 0.1, 1], 0.04), 2);
  assert.equal(stage.nearestIndex([-1, 0, 1, 2], 0.6), 2);
});

function traffic() {
  const sent = [];
  let silent = 0;
  const line = new stage.Traffic((request) => sent.push(request), () => silent++);
  const answer = (request) => line.receive(request);
  return { line, sent, answer, silences: () => silent };
}

test("of many requests the first and the newest are computed", () => {
  const { line, sent, answer } = traffic();
  for (let width = 1; width <= 20; width++) line.ask({ width });
  assert.deepEqual(sent.map(({ settings }) => settings.width), [1]);
  assert.ok(answer(sent[0]));
  assert.deepEqual(sent.map(({ settings }) => settings.width), [1, 20]);
  assert.ok(!line.idle);
  assert.ok(answer(sent[1]));
  assert.ok(line.idle);
  line.stop();
});

test("an older answer is dropped", () => {
  const { line, sent, answer } = traffic();
  line.ask({ width: 1 });
  answer(sent[0]);
  line.ask({ width: 2 });
  assert.ok(!answer(sent[0]));
  assert.ok(answer(sent[1]));
});

test("another page's run is shown, but not while an own one is awaited", () => {
  const { line, sent, answer } = traffic();
  assert.ok(answer({ client: "python", sequence: 3 }));
  line.ask({ width: 1 });
  assert.ok(!answer({ client: "python", sequence: 4 }));
  assert.ok(answer(sent[0]));
  line.stop();
});

test("after four seconds of silence one is told so, may ask again, and a late answer is still shown", () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const { line, sent, answer, silences } = traffic();
  line.ask({ width: 1 });
  mock.timers.tick(3999);
  assert.equal(silences(), 0);
  mock.timers.tick(1);
  assert.equal(silences(), 1);
  line.ask({ width: 2 });
  assert.equal(sent.length, 2);
  assert.ok(answer(sent[0]), "the late answer");
  assert.ok(!line.idle, "the newer one is still awaited");
  assert.ok(answer(sent[1]));
  mock.timers.tick(10000);
  assert.equal(silences(), 1);
  mock.timers.reset();
});

test("an answer that names no request is the one to the last, and may come before the request has returned", () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  let silent = 0;
  const line = new stage.Traffic(() => assert.ok(line.receive({})), () => silent++);
  line.ask({ width: 1 });
  assert.ok(line.idle);
  line.ask({ width: 2 });
  assert.ok(line.idle);
  mock.timers.tick(10000);
  assert.equal(silent, 0);
  mock.timers.reset();
});

// A page of two scales and three widths, whose runs are the letters a to f.
function page() {
  return stage.staticModel({
    title: "Toy",
    controls: [{ name: "scale", values: [0.1, 1] }, { name: "width", values: [5, 10, 20] }],
    defaults: { scale: 1, width: 10 },
    cursor: 0.25,
    runs: [..."abcdef"].map((letter) => ({ code: `run ${letter}`, run: btoa(letter) })),
  });
}
const shown = (model) => [String.fromCharCode(...model.get("run")), model.get("code")];

test("a page without a kernel opens with the run of its defaults, where it stood", () => {
  const model = page();
  assert.deepEqual(shown(model), ["e", "run e"]);
  assert.equal(model.get("title"), "Toy");
  assert.equal(model.get("cursor"), 0.25);
  assert.deepEqual(model.get("failure"), {});
});

test("a page without a kernel answers each request with its run, whatever else is set", () => {
  const model = page();
  const ask = (scale, width) => {
    model.set("request", { client: "page", sequence: 1, settings: { scale, width, seed: 3 } });
    model.save_changes();
    return shown(model)[0];
  };
  assert.deepEqual([ask(0.1, 5), ask(0.1, 20), ask(1, 5), ask(1, 20)], ["a", "c", "d", "f"]);
});

test("who listens to a page without a kernel hears of a run until they stop", () => {
  const model = page();
  const heard = [];
  const listen = () => heard.push(...shown(model));
  const request = (width) => model.set("request", { settings: { scale: 0.1, width } });
  model.on("change:run", listen);
  request(10);
  model.off("change:run", listen);
  request(20);
  assert.deepEqual(heard, ["b", "run b"]);
});
