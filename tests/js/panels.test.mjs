// Where things are drawn, and in which colour: the places are computed here anew, from the numbers of the run and from
// what is written along the axes.

import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { array, channels, framesAsked, Page, run } from "./page.mjs";

const PIXEL = 0.02;

function near(found, expected, error = PIXEL, where = "") {
  if (!Array.isArray(expected))
    return assert.ok(Math.abs(found - expected) <= error, `${where}: ${found} is not ${expected}`);
  assert.equal(found.length, expected.length, `${where}: ${JSON.stringify(found)} is not ${JSON.stringify(expected)}`);
  expected.forEach((part, i) => near(found[i], part, error, `${where}[${i}]`));
}

// Points in the order of their first number, since nobody sees in which order they are drawn.
const sorted = (points) => [...points].sort((a, b) => a[0] - b[0] || a[1] - b[1]);
const nearAll = (found, expected, error = PIXEL) => near(sorted(found), sorted(expected), error);
const mix = (a, b, part) => a + (b - a) * part;
const open = (panel, options) => new Page(run([panel]), options);

// ---------------------------------------------------------------------------------------------------------- the circle

const NONE = array([]);
const circle = (more) => ({
  kind: "circle",
  title: "neurons",
  alt: "arrows",
  angle: array([
    [0.3, 2, -2.5],
    [0.6, 2, 2.8],
    [1, -1, 2],
    [1, -1, 2],
  ]),
  length: array([
    [1, 0.5, 0.25],
    [1, 0.6, 0.5],
    [0.8, 1, 1],
    [0.8, 1, 0.5],
  ]),
  sign: array([1, -1, 0]),
  field: NONE,
  marks: [],
  basins: [],
  goals: NONE,
  keys: [],
  ghosts: [],
  ...more,
});

// The circle that is drawn, and the place at an angle and a reach in parts of its radius.
function compass(page) {
  const { x, y, radius } = page.rings("soft").find(({ from, to }) => to - from > 6.28);
  const at = (angle, reach = 1) => [x + reach * radius * Math.cos(angle), y - reach * radius * Math.sin(angle)];
  const angleOf = ([px, py]) => Math.atan2(y - py, px - x);
  const reachOf = ([px, py]) => Math.hypot(px - x, py - y) / radius;
  return { centre: [x, y], radius, at, angleOf, reachOf };
}

function tips(page, colour) {
  const { centre } = compass(page);
  return page
    .lines(colour)
    .filter(([[x, y], , ...more]) => !more.length && x === centre[0] && y === centre[1])
    .map(([, tip]) => tip);
}

test("an arrow of the circle ends where its neuron points, in its sign's colour, in frames and between them", () => {
  const page = open(circle());
  const { at } = compass(page);
  const expected = [
    [0, [0.3, 1], [2, 0.5], [-2.5, 0.25]],
    [1, [0.6, 1], [2, 0.6], [2.8, 0.5]],
    [2, [1, 0.8], [-1, 1], [2, 1]],
    [3, [1, 0.8], [-1, 1], [2, 0.5]],
    [0.5, [0.45, 1], [2, 0.55], [-2.5 - (2 * Math.PI - 5.3) / 2, 0.375]],
    [2.25, [1, 0.8], [-1, 1], [2, 0.875]],
  ];
  for (const [position, ...places] of expected) {
    page.at(position);
    ["positive", "negative", "zero"].forEach((colour, i) =>
      near(tips(page, colour), [at(...places[i])], PIXEL, `${colour} at ${position}`),
    );
  }
});

test("arrows of positive weights end in filled heads, of negative ones in rings, each kind with its own dash", () => {
  const page = open(circle());
  const { at } = compass(page);
  const heads = page.ops("fill", "positive").flatMap(({ paths }) => paths);
  assert.equal(heads.length, 1);
  near(heads[0][0], at(0.3));
  const [ring] = page.rings("negative").filter(({ radius }) => radius < 10);
  near(Math.hypot(ring.x - at(2, 0.5)[0], ring.y - at(2, 0.5)[1]), ring.radius);
  assert.equal(page.discs("negative").length, 0, "a ring is open");
  const dash = (colour) => String(page.ops("stroke", colour).find(({ paths }) => paths.length).dash);
  assert.equal(new Set(["positive", "negative", "zero"].map(dash)).size, 3);
});

test("a neuron whose output weight changes sign changes its colour", () => {
  const page = open(
    circle({
      sign: array([
        [1, -1, 0],
        [1, -1, 0],
        [1, 1, 0],
        [1, 1, 0],
      ]),
    }),
  );
  assert.equal(tips(page.at(1), "negative").length, 1);
  assert.equal(tips(page.at(2), "negative").length, 0);
  assert.equal(tips(page, "positive").length, 2);
});

const RING = Array.from({ length: 60 }, (_, i) => (2 * Math.PI * i) / 60 - Math.PI);
const field = (value) => array(RING.map(value));
const outlines = (page, colour) => page.lines(colour, ({ alpha }) => alpha === 1).filter(({ length }) => length > 10);

test("the field lies as far outside the circle as it is positive and as far inside as it is negative", () => {
  const page = open(
    circle({
      field: field((angle) => 3 * Math.cos(angle)),
      angle: array([[0], [0], [0], [0]]),
      length: array([[0], [0], [0], [0]]),
      sign: array([0]),
    }),
  );
  const { angleOf, reachOf } = compass(page);
  for (const [colour, sign] of [
    ["positive", 1],
    ["negative", -1],
  ]) {
    const [hill, ...others] = outlines(page, colour);
    assert.equal(others.length, 0);
    const off = hill.map((point) => reachOf(point) - 1);
    const top = Math.max(...off.map(Math.abs));
    assert.ok(top > 0.2);
    near(
      off.map((one) => one / top),
      hill.map((point) => Math.cos(angleOf(point))),
      1e-3,
      colour,
    );
    near(
      [0, -1].map((end) => Math.cos(angleOf(hill.at(end)))),
      [0, 0],
      1e-3,
      "it ends on the circle",
    );
    assert.ok(off.every((one) => one * sign > -1e-6));
    const tints = page.ops("fill", colour).filter(({ paths: [path = []] }) => path.length > 10);
    assert.equal(tints.length, 1);
    assert.ok(tints[0].alpha < 0.5);
    near(tints[0].paths[0], hill);
  }
});

test("a field with key frames is drawn as it is at the cursor", () => {
  const page = open(circle({ field: array([RING.map(() => 1), RING.map(() => -1)]), keys: [0, 2] }));
  const { reachOf } = compass(page);
  const reach = (position, colour) => Math.max(...outlines(page.at(position), colour).flat().map(reachOf));
  const top = reach(0, "positive") - 1;
  near(
    [reach(0.5, "positive"), reach(1.5, "negative"), reach(2, "negative"), reach(3, "negative")],
    [1 + top / 2, 1 - top / 2, 1 - top, 1 - top],
    1e-3,
  );
  assert.equal(outlines(page, "positive").length, 0);
});

test("a basin lies within the circle between its ends, each marked by a line, in the colour of its sign", () => {
  const page = open(
    circle({
      field: field(() => 0),
      basins: [
        [-0.5, 1, "positive"],
        [2, 4, "negative"],
      ],
    }),
  );
  const { centre, radius, angleOf, reachOf } = compass(page);
  for (const [colour, low, high] of [
    ["positive", -0.5, 1],
    ["negative", 2, 4],
  ]) {
    const [band, ...others] = page.rings(colour).filter(({ alpha }) => alpha < 1);
    assert.equal(others.length, 0);
    near([band.x, band.y, -band.to, -band.from], [...centre, low, high], 1e-6);
    assert.ok(band.radius < radius && band.radius > 0.8 * radius);
  }
  const ends = page
    .lines("ink")
    .filter(
      (line) => Math.abs(angleOf(line[0]) - angleOf(line[1])) < 1e-6 && line.every((point) => reachOf(point) > 0.8),
    );
  nearAll(
    ends.map((line) => [angleOf(line[0])]),
    [[-0.5], [1], [2], [4 - 2 * Math.PI]],
    1e-6,
  );
});

test("a mark stands on the field at its angle, its colour and its shape tell what it attracts", () => {
  const page = open(
    circle({
      field: field(Math.cos),
      marks: [
        [0, "positive"],
        [Math.PI, "negative"],
        [Math.PI / 2, "none"],
      ],
    }),
  );
  const { at } = compass(page);
  const peak = Math.max(...outlines(page, "positive").flat().map(compass(page).reachOf));
  const triangle = page
    .ops("fill", "positive")
    .filter(({ alpha, paths: [path = []] }) => alpha === 1 && path.length === 4)
    .map(({ paths }) => paths[0])
    .at(-1);
  near(
    triangle.slice(0, 3).reduce(([x, y], [px, py]) => [x + px / 3, y + py / 3], [0, 0]),
    at(0, peak),
    2,
  );
  assert.ok(triangle[0][0] > at(0, peak)[0] && Math.abs(triangle[0][1] - at(0)[1]) < 0.01, "it points outwards");
  const [ring] = page.rings("negative").filter(({ radius }) => radius > 6 && radius < 12);
  near([ring.x, ring.y], at(Math.PI, 2 - peak));
  const cross = page.lines("ink").filter(([[x, y]]) => Math.hypot(x - at(Math.PI / 2)[0], y - at(Math.PI / 2)[1]) < 12);
  assert.equal(cross.length, 2);
  for (const [from, to] of cross)
    near(
      from.map((part, i) => (part + to[i]) / 2),
      at(Math.PI / 2),
      0.5,
    );
});

test("a goal stands outside the circle where its neuron is predicted to go, and where none is there is none", () => {
  const page = open(circle({ goals: array([1.1, NaN, -2]), sign: array([1, 1, -1]) }));
  const { at, angleOf, reachOf } = compass(page);
  for (const [colour, angle] of [
    ["positive", 1.1],
    ["negative", -2],
  ]) {
    const goals = page
      .lines(colour)
      .filter((line) => line.length === 2 && reachOf(line[0]) > 0.99 && reachOf(line[1]) > 1.01);
    assert.equal(goals.length, 1);
    near(goals[0][0], at(angle));
    near(angleOf(goals[0][1]), angle, 1e-6);
  }
});

test("a ghost on the circle is seen from its frame on, at its angle, and pales when the next one begins", () => {
  const page = open(
    circle({
      ghosts: [
        [1, 0.7],
        [3, -2],
      ],
    }),
  );
  const { angleOf } = compass(page);
  const ghosts = () =>
    page
      .ops("stroke", "ghost")
      .filter(({ dash }) => dash.length)
      .map(({ paths, alpha }) => [angleOf(paths[0].at(-1)), alpha]);
  near(ghosts(), []);
  near(page.at(1) && ghosts(), [[0.7, 1]], 1e-6);
  const [[before, pale], [now, full]] = page.at(3) && ghosts();
  near([before, now, full], [0.7, -2, 1], 1e-6);
  assert.ok(pale < 0.6);
});

test("the legend of the circle has the colours of what is drawn", () => {
  const page = open(
    circle({
      field: field(Math.cos),
      marks: [
        [0, "positive"],
        [2, "none"],
      ],
      basins: [[0, 1, "negative"]],
      goals: array([1, 1, 1]),
      ghosts: [[0, 1]],
    }),
  );
  assert.deepEqual(page.legend, [
    [["positive"], "output weight > 0"],
    [["negative"], "output weight < 0"],
    [["zero"], "output weight 0"],
    [["positive", "negative"], "F > 0 outside, F < 0 inside"],
    [["positive"], "attracts positive neurons"],
    [["ink"], "attracts none"],
    [["positive", "negative"], "basins"],
    [["positive", "negative"], "predicted goals"],
    [["ghost"], "where the next ones are predicted to go"],
  ]);
});

// ---------------------------------------------------------------------------------------------------------- the sphere

const still = (row) => array([row, row, row, row]);
// Neurons of positive, of negative weight and of weight 0, before and behind the point (1, 0, 0), from which the sphere
// is seen.
const sphere = (more) => ({
  kind: "sphere",
  title: "sphere",
  alt: "dots",
  position: array([
    [0.8, 0.6, 0, 0.6, 0, 0.8, -0.6, 0.8, 0],
    [0.6, 0.8, 0, 0.6, 0, 0.8, -0.6, 0.8, 0],
    [0.6, 0.8, 0, 0.8, 0, -0.6, -0.6, 0.8, 0],
    [0.6, 0.8, 0, 0.8, 0, -0.6, 0.6, 0.8, 0],
  ]),
  length: still([1, 0.5, 0.5]),
  sign: array([1, -1, 0]),
  field: array([]),
  marks: [],
  view: [1, 0, 0],
  ...more,
});

function globe(page) {
  const { x, y, radius } = page.rings("soft")[0];
  return { centre: [x, y], radius, at: (right, up) => [x + radius * right, y - radius * up] };
}

const dots = (page, colour) =>
  page
    .discs(colour)
    .filter(({ radius }) => radius < 12)
    .map(({ x, y }) => [x, y]);
const rings = (page, colour) =>
  page
    .rings(colour)
    .filter(({ radius }) => radius < 12)
    .map(({ x, y }) => [x, y]);

test("each neuron of the sphere stands where it is seen from the view, in the colour of its sign", () => {
  const page = open(sphere());
  const { at } = globe(page);
  for (const [position, positive, negative, zero] of [
    [0, [0.6, 0], [0, 0.8], [0.8, 0]],
    [1, [0.8, 0], [0, 0.8], [0.8, 0]],
    [2, [0.8, 0], [0, -0.6], [0.8, 0]],
    [0.5, [Math.SQRT1_2, 0], [0, 0.8], [0.8, 0]],
  ]) {
    page.at(position);
    near(dots(page, "positive"), [at(...positive)], PIXEL, `at ${position}`);
    near(rings(page, "negative"), [at(...negative)], PIXEL, `at ${position}`);
    near(dots(page, "zero"), [at(...zero)], PIXEL, `at ${position}`);
  }
});

test("a neuron of negative weight is an open ring on the sphere too", () => {
  const page = open(sphere());
  assert.equal(page.discs("negative").length, 0);
  near(dots(page, "paper"), rings(page, "negative"));
});

test("what lies behind is paler and smaller, and longer neurons are larger", () => {
  const page = open(sphere());
  const dot = (colour) => page.discs(colour).find(({ radius }) => radius < 12);
  const behind = dot("zero");
  assert.ok(behind.alpha < 0.5);
  const before = page.at(3) && dot("zero");
  assert.ok(before.alpha === 1 && before.radius > behind.radius && dot("positive").radius > before.radius);
});

test("the arrow keys move the surface their own way by ten degrees, and Home returns", () => {
  const page = open(sphere({ position: still([1, 0, 0]), length: still([1]), sign: array([1]) }));
  const { at } = globe(page);
  const sine = Math.sin(Math.PI / 18);
  for (const [key, east, north] of [
    ["ArrowRight", sine, 0],
    ["ArrowLeft", -sine, 0],
    ["ArrowUp", 0, sine],
    ["ArrowDown", 0, -sine],
  ]) {
    near(dots(page.key(key), "positive"), [at(east, north)], PIXEL, key);
    near(dots(page.key("Home"), "positive"), [at(0, 0)], PIXEL, "Home");
  }
});

// The height above the equator, at the directions of the grid.
function heights(rows = 37, columns = 72) {
  return array(
    Array.from({ length: rows }, (_, i) =>
      Array.from({ length: columns }, () => 2 * Math.sin((i / (rows - 1) - 0.5) * Math.PI)),
    ),
  );
}

test("level lines lie where the field has a third and two thirds of its largest size, in its sign's colour", () => {
  const page = open(sphere({ field: heights() }));
  const {
    centre: [, y],
    radius,
  } = globe(page);
  const levels = (colour) =>
    page
      .lines(colour, ({ width }) => width < 2.1)
      .filter(({ length }) => length > 5)
      .map((line) => {
        const ups = line.map((point) => (y - point[1]) / radius);
        assert.ok(Math.max(...ups) - Math.min(...ups) < 1e-3, "level");
        return [ups[0]];
      });
  const unique = (found) => [...new Set(sorted(found).map(([up]) => up.toFixed(2)))].map((up) => [Number(up)]);
  nearAll(unique(levels("positive")), [[1 / 3], [2 / 3]], 0.01);
  nearAll(unique(levels("negative")), [[-2 / 3], [-1 / 3]], 0.01);
  nearAll(unique(levels("ink")), [[0]], 0.01);
  assert.ok(page.ops("stroke", "negative").some(({ dash, paths }) => dash.length && paths.flat().length > 10));
});

test("the sphere is tinted by the sign of its field, the more the larger it is", () => {
  const page = open(sphere({ field: heights() }));
  const [{ image, box }] = page.ops("image");
  const {
    centre: [x, y],
    radius,
  } = globe(page);
  near(box, [x - radius, y - radius, 2 * radius, 2 * radius]);
  const pixel = (up) => [
    ...image.data.slice(
      4 * ((image.height / 2) * (1 - up) * image.width + image.width / 2),
      4 * ((image.height / 2) * (1 - up) * image.width + image.width / 2) + 4,
    ),
  ];
  for (const [up, colour] of [
    [0.5, "positive"],
    [0.75, "positive"],
    [-0.5, "negative"],
    [-0.75, "negative"],
  ])
    near(pixel(up).slice(0, 3), channels(colour), 0);
  near(pixel(0.75)[3] / pixel(0.5)[3], 1.5, 0.05);
  near(pixel(-0.75)[3] / pixel(-0.5)[3], 1.5, 0.05);
});

test("a mark of the sphere stands in its direction, in the colour of what it attracts", () => {
  const page = open(
    sphere({
      position: still([0, 1, 0]),
      length: still([0.1]),
      sign: array([0]),
      marks: [
        [[0.8, 0, 0.6], "positive"],
        [[0.8, 0.6, 0], "negative"],
        [[0.8, -0.6, 0], "none"],
      ],
    }),
  );
  const { at } = globe(page);
  const triangle = page.ops("fill", "positive")[0].paths[0].slice(0, 3);
  near(
    triangle.reduce(([x, y], [px, py]) => [x + px / 3, y + py / 3], [0, 0]),
    at(0, 0.6),
    2,
  );
  assert.ok(triangle[0][1] < at(0, 0.6)[1], "it points up");
  near(rings(page, "negative"), [at(0.6, 0)]);
  for (const [from, to] of page.lines("ink"))
    near(
      from.map((part, i) => (part + to[i]) / 2),
      at(-0.6, 0),
      0.5,
    );
});

test("the legend of the sphere has the colours of what is drawn", () => {
  const page = open(
    sphere({
      field: heights(),
      marks: [
        [[1, 0, 0], "positive"],
        [[0, 1, 0], "negative"],
      ],
    }),
  );
  assert.deepEqual(page.legend, [
    [["positive"], "output weight > 0"],
    [["negative"], "output weight < 0"],
    [["zero"], "output weight 0"],
    [["positive", "ink", "negative"], "F > 0, F = 0, F < 0"],
    [["positive", "negative"], "attract positive, negative neurons"],
    [[], "drag it, or use the arrow keys, to turn it"],
  ]);
});

// ------------------------------------------------------------------------------------------------------------- the map

test("each cell of the map has the tint of the cosine between its two neurons, at the cursor's frame", () => {
  const page = open({
    kind: "map",
    title: "cosines",
    alt: "cells",
    rows: 3,
    frames: [0, 2],
    cosines: array([
      [1, 0.5, -1, 1, 0, 1],
      [1, 0.5, 1, 1, -0.4, 1],
    ]),
  });
  const opacity = (value) => Math.round(255 * Math.abs(value));
  const shown = (position, ...rows) => {
    const [{ image, box }] = page.at(position).ops("image");
    assert.equal(image.width, 3);
    rows.flat().forEach((cosine, cell) => {
      const pixel = [...image.data.slice(4 * cell, 4 * cell + 4)];
      near(pixel[3], opacity(cosine), 1, `cell ${cell} at ${position}`);
      if (cosine)
        near(pixel.slice(0, 3), channels(cosine > 0 ? "positive" : "negative"), 0, `cell ${cell} at ${position}`);
    });
    return box;
  };
  const [left, top, wide, high] = shown(0, [1, 0.5, -1], [0.5, 1, 0], [-1, 0, 1]);
  shown(1, [1, 0.5, 0], [0.5, 1, -0.2], [0, -0.2, 1]);
  shown(2, [1, 0.5, 1], [0.5, 1, -0.4], [1, -0.4, 1]);
  shown(3, [1, 0.5, 1], [0.5, 1, -0.4], [1, -0.4, 1]);
  assert.ok(wide === high && wide % 3 === 0 && Number.isInteger(left) && Number.isInteger(top), "whole pixels");
  assert.deepEqual(page.legend, [
    [["positive"], "+1: same way"],
    [["soft"], "0"],
    [["negative"], "−1: opposite ways"],
  ]);
});

// -------------------------------------------------------------------------------------------------------- the function

const fitted = (more) => ({
  kind: "function",
  title: "function",
  alt: "curve",
  x_label: "input x",
  y_label: "output",
  x: array([-1, 0, 1, 2]),
  y: array([
    [0, 0, 0, 0],
    [0, 1, 2, 1],
    [1, 3, -2, 0],
    [1, 4, -2, 0],
  ]),
  points_x: array([-0.5, 1.5]),
  points_y: array([2, -1]),
  marks: array([
    [-0.5, 1, 0],
    [-0.5, 1.2, NaN],
    [-0.4, 1.4, NaN],
    [-0.4, 1.4, NaN],
  ]),
  sign: array([1, -1, 1]),
  ...more,
});

test("function, data and kinks stand at their places on the axes, in frames and between them", () => {
  const page = open(fitted());
  const [x, y] = ["x", "y"].map((which) => page.axis(which).place);
  for (const [position, heights, positive, negative] of [
    [0, [0, 0, 0, 0], [-0.5, 0], [1]],
    [1, [0, 1, 2, 1], [-0.5], [1.2]],
    [2.5, [1, 3.5, -2, 0], [-0.4], [1.4]],
  ]) {
    page.at(position);
    near(page.lines("ink"), [[-1, 0, 1, 2].map((at, i) => [x(at), y(heights[i])])], PIXEL, `at ${position}`);
    nearAll(
      page.discs("data").map((dot) => [dot.x, dot.y]),
      [
        [x(-0.5), y(2)],
        [x(1.5), y(-1)],
      ],
    );
    nearAll(
      page
        .ops("fill", "positive")
        .flatMap(({ paths }) => paths)
        .map(([[tip]]) => [tip]),
      positive.map((at) => [x(at)]),
    );
    nearAll(
      page.rings("negative").map((ring) => [ring.x]),
      negative.map((at) => [x(at)]),
    );
  }
});

test("kinks of neurons of the two signs stand at two heights below the curve", () => {
  const page = open(fitted());
  const { place } = page.axis("y");
  const [peak] = page.ops("fill", "positive")[0].paths[0];
  const [ring] = page.rings("negative");
  assert.ok(Math.abs(peak[1] - ring.y) > 5 && peak[1] > place(-2) && ring.y > place(-2));
});

// ----------------------------------------------------------------------------------------------------------- the chart

const chart = (more) => ({
  kind: "chart",
  title: "loss",
  alt: "falls",
  x_label: "time t",
  y_label: "",
  log_x: false,
  log_y: false,
  x: array([0, 1, 2, 4]),
  series: [
    ["loss", array([8, 6, 2, 1])],
    ["norm", array([1, 2, 4, 5])],
  ],
  levels: [],
  marks: [],
  predicted: [],
  unfolds: false,
  ghosts: [],
  ...more,
});
const LOG = {
  log_x: true,
  log_y: true,
  x: array([0, 1, 10, 1000]),
  series: [
    ["loss", array([8, 6, 0.2, 0.01])],
    ["norm", array([0.1, 0.02, 4, 50])],
  ],
  marks: [["early", 0.1]],
};

// Where a line stands that goes from the bottom to the top.
function upright([[x, from], [under, to], ...more]) {
  assert.ok(x === under && !more.length && Math.abs(to - from) > 200);
  return [x];
}

// The cursor: such a line in the colour of time, and a dot on each curve.
const cursor = (page) => page.lines("time").map(upright);
const nows = (page) => page.discs("time").map((dot) => [dot.x, dot.y]);

test("the cursor of a chart stands at the time of its frame, with a dot on each curve", () => {
  const page = open(chart());
  const [x, y] = ["x", "y"].map((which) => page.axis(which).place);
  for (const [position, time, loss, norm] of [
    [0, 0, 8, 1],
    [1, 1, 6, 2],
    [2, 2, 2, 4],
    [3, 4, 1, 5],
    [1.5, 1.5, 4, 3],
    [2.25, 2.5, 1.75, 4.25],
  ]) {
    page.at(position);
    near(cursor(page), [[x(time)]], PIXEL, `at ${position}`);
    near(
      nows(page),
      [
        [x(time), y(loss)],
        [x(time), y(norm)],
      ],
      PIXEL,
      `at ${position}`,
    );
  }
});

test("curves go through their points, each in a colour of its own", () => {
  const page = open(chart());
  const [x, y] = ["x", "y"].map((which) => page.axis(which).place);
  const curve = (values) => [values.map((value, i) => [x([0, 1, 2, 4][i]), y(value)])];
  near(page.lines("series-0"), curve([8, 6, 2, 1]));
  near(page.lines("series-1"), curve([1, 2, 4, 5]));
  assert.deepEqual(page.legend, [
    [["series-0"], "loss"],
    [["series-1"], "norm"],
    [["time"], "now"],
  ]);
});

test("on logarithmic axes equal ratios are equally long, and what is not above 0 has no place", () => {
  const page = open(chart(LOG));
  const [across, up] = ["x", "y"].map((which) => page.axis(which, true));
  for (const { place, ticks } of [across, up])
    for (const [value, at] of ticks.slice(0, -1)) near(at, place(value), 0.01, `tick ${value}`);
  near(page.lines("series-0"), [
    [
      [1, 6],
      [10, 0.2],
      [1000, 0.01],
    ].map(([x, y]) => [across.place(x), up.place(y)]),
  ]);
  near(cursor(page.at(2)), [[across.place(10)]]);
  near(nows(page), [
    [across.place(10), up.place(0.2)],
    [across.place(10), up.place(4)],
  ]);
  assert.ok(
    Math.abs(
      cursor(page.at(0))[0][0] -
        Math.min(
          ...page
            .lines("grid")
            .flat()
            .map(([x]) => x),
        ),
    ) < 0.01,
    "time 0 waits at the left end",
  );
});

test("only the axis that is asked for is logarithmic", () => {
  for (const [log_x, log_y] of [
    [true, false],
    [false, true],
  ]) {
    const page = open(chart({ ...LOG, log_x, log_y }));
    const [x, y] = [page.axis("x", log_x).place, page.axis("y", log_y).place];
    near(
      page.lines("series-1")[0].slice(-2),
      [
        [10, 4],
        [1000, 50],
      ].map(([at, value]) => [x(at), y(value)]),
    );
  }
});

test("a curve's dot is there as long as the curve is, to the last frame before a gap", () => {
  const page = open(chart({ series: [["loss", array([8, 6, NaN, 1])]] }));
  const [x, y] = ["x", "y"].map((which) => page.axis(which).place);
  near(nows(page.at(1)), [[x(1), y(6)]]);
  near(nows(page.at(2)), []);
  near(nows(page.at(3)), [[x(4), y(1)]]);
});

test("levels lie across the chart at their values and marks stand at theirs", () => {
  const page = open(
    chart({
      levels: [["a hit", 3]],
      marks: [
        ["escape", 1.7],
        ["end", 6],
      ],
    }),
  );
  const [x, y] = ["x", "y"].map((which) => page.axis(which).place);
  const levels = page.lines("soft", ({ op, dash }) => dash.length);
  near(
    levels.map((line) => line.map(([, at]) => at)),
    [[y(3), y(3)]],
  );
  assert.ok(levels[0][1][0] - levels[0][0][0] > 200);
  near(page.lines("ink", ({ dash }) => dash.length).map(upright), [[x(1.7)], [x(6)]]);
  assert.deepEqual(page.legend.slice(2), [
    [["soft"], "a hit"],
    [["ink"], "escape"],
    [["ink"], "end"],
    [["time"], "now"],
  ]);
});

test("a prediction is dotted, in the colour of the curve before it", () => {
  const page = open(chart({ predicted: ["norm"] }));
  const [measured, predicted] = page.ops("stroke", "series-0");
  const { place } = page.axis("y");
  near(
    [measured, predicted].map(({ paths }) => paths[0][1][1]),
    [place(6), place(2)],
  );
  assert.ok(!measured.dash.length && predicted.dash[0] < 1 && predicted.ends === "round");
});

test("a curve that unfolds ends at the cursor, and its ghost is there before", () => {
  const ghost = { frame: 1, x: array([2, 4]), y: array([[3], [1]]), mark: 3 };
  const page = open(chart({ unfolds: true, ghosts: [ghost, { ...ghost, frame: 3, x: array([3, 4]), mark: null }] }));
  const [x, y] = ["x", "y"].map((which) => page.axis(which).place);
  const loss = [
    [0, 8],
    [1, 6],
    [2, 2],
    [4, 1],
  ].map(([at, value]) => [x(at), y(value)]);
  near(page.at(1).lines("series-0"), [loss.slice(0, 2)]);
  near(page.at(1.5).lines("series-0"), [[...loss.slice(0, 2), [x(1.5), y(4)]]]);
  near(page.at(3).lines("series-0"), [loss]);
  assert.equal(page.at(0).lines("ghost").length, 0);
  const tube = page
    .at(1)
    .ops("stroke", "ghost")
    .filter(({ dash }) => dash[0] < 1);
  near(
    tube.map(({ paths }) => paths[0]),
    [
      [
        [x(2), y(3)],
        [x(4), y(1)],
      ],
    ],
  );
  const [post] = page.ops("stroke", "ghost").filter(({ dash }) => dash[0] > 1);
  near(
    post.paths[0].map(([at]) => at),
    [x(3), x(3)],
  );
  const [pale, full] = page
    .at(3)
    .ops("stroke", "ghost")
    .filter(({ dash }) => dash[0] < 1);
  assert.ok(pale.alpha < 0.6 && full.alpha === 1);
  near(full.paths[0][0], [x(3), y(3)]);
});

// ----------------------------------------------------------------------------------------------------------- the plane

const plane = (more) => ({
  kind: "plane",
  title: "plane",
  alt: "two points",
  x_label: "a",
  y_label: "b",
  x_range: [0, 10],
  y_range: [0, 10],
  paths: [
    [
      "flow",
      array([
        [1, 1],
        [2, 1],
        [4, 3],
        [8, 3],
      ]),
    ],
    [
      "descent",
      array([
        [1, 1],
        [1, 2],
        [1, 6],
        [3, 9],
      ]),
    ],
  ],
  ground: [
    [
      "levels",
      [
        array([
          [0, 2],
          [10, 2],
        ]),
      ],
    ],
    [
      "minima",
      [
        array([
          [0, 8],
          [10, 8],
        ]),
      ],
    ],
    [
      "sharp",
      [
        array([
          [0, 7],
          [10, 7],
        ]),
      ],
    ],
  ],
  stops: [
    [
      1,
      "a dot a step",
      [0, 2],
      array([
        [1, 1],
        [1, 6],
      ]),
    ],
  ],
  bars: {
    label: "error",
    frames: [1, 3],
    rows: array([
      [2, 2, 1, 3],
      [4, 9, 3, 8],
    ]),
  },
  readings: [
    [
      "loss",
      array([
        [0, 1],
        [2, 3],
      ]),
    ],
    [
      "height",
      array([
        [-0.5, -0.5],
        [0.5, 0.5],
      ]),
    ],
  ],
  tint: "height",
  joined: "apart",
  equal: false,
  log_y: false,
  ...more,
});

test("both points of the plane stand at the cursor's place, at the ends of their paths, joined by a line", () => {
  const page = open(plane());
  const [x, y] = ["x", "y"].map((which) => page.axis(which).place);
  const places = (points) => points.map(([a, b]) => [x(a), y(b)]);
  for (const [position, flow, descent] of [
    [0, [[1, 1]], [[1, 1]]],
    [
      1,
      [
        [1, 1],
        [2, 1],
      ],
      [
        [1, 1],
        [1, 2],
      ],
    ],
    [
      2.5,
      [
        [1, 1],
        [2, 1],
        [4, 3],
        [6, 3],
      ],
      [
        [1, 1],
        [1, 2],
        [1, 6],
        [2, 7.5],
      ],
    ],
  ]) {
    page.at(position);
    for (const [colour, path] of [
      ["ink", flow],
      ["positive", descent],
    ]) {
      near(page.lines(colour), path.length > 1 ? [places(path)] : [], PIXEL, `${colour} at ${position}`);
      near(
        page
          .discs(colour)
          .filter(({ radius }) => radius > 5)
          .map((dot) => [dot.x, dot.y]),
        [places(path).at(-1)],
        PIXEL,
        `${colour} at ${position}`,
      );
    }
    near(page.lines("time"), [places([flow.at(-1), descent.at(-1)])]);
  }
});

test("steps and their errors are seen from their frames on, the ground always", () => {
  const page = open(plane());
  const [x, y] = ["x", "y"].map((which) => page.axis(which).place);
  const dots = () =>
    page
      .discs("positive")
      .filter(({ radius }) => radius < 5)
      .map((dot) => [dot.x, dot.y]);
  const bars = () => page.lines("series-1");
  const [first, second] = [
    [
      [x(2), y(2)],
      [x(1), y(3)],
    ],
    [
      [x(4), y(9)],
      [x(3), y(8)],
    ],
  ];
  for (const [position, stops, errors] of [
    [0, 1, 0],
    [1, 1, 1],
    [1.9, 1, 1],
    [2, 2, 1],
    [3, 2, 2],
  ]) {
    page.at(position);
    near(
      dots(),
      [
        [x(1), y(1)],
        [x(1), y(6)],
      ].slice(0, stops),
      PIXEL,
      `at ${position}`,
    );
    near(bars(), [first, second].slice(0, errors), PIXEL, `at ${position}`);
    const ground = (colour, height) =>
      near(
        page
          .lines(colour)
          .filter(([[left], [right]]) => right - left > 200)
          .map((line) => line.map(([, at]) => at)),
        [[y(height), y(height)]],
        PIXEL,
        colour,
      );
    ground("soft", 2);
    ground("data", 8);
    ground("negative", 7);
  }
  assert.deepEqual(page.legend, [
    [["ink"], "flow"],
    [["positive"], "descent, a dot a step"],
    [["time"], "apart"],
    [["series-1"], "error"],
    [["negative"], "height < 0"],
    [["soft"], "levels"],
    [["data"], "minima"],
    [["negative"], "sharp"],
  ]);
});

test("the plane is tinted where its reading is negative, and there only", () => {
  const page = open(plane());
  const [x, y] = ["x", "y"].map((which) => page.axis(which).place);
  const [
    {
      image,
      box: [left, top, wide, high],
    },
  ] = page.ops("image");
  near([left, top, left + wide, top + high], [x(0), y(10), x(10), y(0)]);
  const pixel = (part) => [
    ...image.data.slice(
      4 * Math.floor(part * image.height) * image.width,
      4 * Math.floor(part * image.height) * image.width + 4,
    ),
  ];
  assert.ok(pixel(0.25)[3] === 0 && pixel(0.6)[3] > 0 && pixel(0.9)[3] > pixel(0.6)[3]);
  near(pixel(0.9).slice(0, 3), channels("negative"), 0);
});

test("a plane of equal units has one scale for both directions, and one with a logarithmic axis equal ratios", () => {
  const even = open(plane({ equal: true, x_range: [0, 20] }));
  const [x, y] = ["x", "y"].map((which) => even.axis(which).place);
  near(x(20) - x(0), 2 * (y(0) - y(10)), 0.1);
  const page = open(plane({ log_y: true, y_range: [0.1, 100] })).at(2);
  const up = page.axis("y", true);
  for (const [value, at] of up.ticks) near(at, up.place(value), 0.01, `tick ${value}`);
  near(
    page.lines("positive")[0].map(([, at]) => at),
    [1, 2, 6].map(up.place),
  );
});

test("the plane is read off by arrow keys from where the last point is, and Escape returns", () => {
  const page = open(plane({ x_label: "a, °" })).at(3);
  const told = () =>
    page.find(({ tag, attributes }) => tag === "p" && attributes.class === "explorer-reading").textContent;
  assert.equal(told(), "Point anywhere to read off loss, height");
  page.key("ArrowRight");
  assert.equal(told(), "a 3.2°, b 9: loss 2.12, height 0.4");
  page.key("ArrowDown");
  assert.equal(told(), "a 3.2°, b 8.8: loss 2.08, height 0.38");
  page.key("Escape");
  assert.equal(told(), "Point anywhere to read off loss, height");
});

test("at the edge of the plane the arrow keys go no further", () => {
  const page = open(plane({ tint: "" })).at(3);
  for (let k = 0; k < 60; k++) page.key("ArrowRight").key("ArrowUp");
  assert.match(
    page.find(({ attributes }) => attributes.class === "explorer-reading").textContent,
    /^a 10, b 10: loss 3,/,
  );
});

// ----------------------------------------------------------------------------------------------------- what is written

test("each axis tells what it measures, and each panel its title", () => {
  const labels = (panel) =>
    open(panel)
      .ops("words", "ink")
      .map(({ words }) => words)
      .filter(Boolean);
  assert.deepEqual(labels(chart({ y_label: "degrees" })), ["time t", "degrees"]);
  assert.deepEqual(labels(fitted()), ["input x", "output"]);
  assert.deepEqual(labels(plane()), ["a", "b"]);
  for (const panel of [circle(), sphere(), fitted(), chart(), plane()]) {
    const page = open(panel);
    assert.equal(page.find(({ tag }) => tag === "figcaption").textContent, panel.title);
    assert.ok(page.find(({ tag, attributes }) => tag === "canvas" && attributes["aria-label"]?.startsWith(panel.alt)));
  }
});

// ---------------------------------------------------------------------------------------------------------------- Keep

const pale = (page, colour) => page.lines(colour, ({ alpha }) => alpha < 0.5);
const full = (page, colour) => page.lines(colour, ({ alpha }) => alpha === 1);

// Several runs, one after the other, of which the first is kept.
function kept(panels) {
  const page = new Page(run([panels[0]]), { cursor: 1 });
  page.press("Keep");
  for (const panel of panels.slice(1)) page.show(run([panel]));
  return page;
}

test("the kept run's curve lies pale under that of the run shown, both on the same axes", () => {
  const losses = [
    [80, 60, 20, 10],
    [3, 2, 1, 0],
    [8, 6, 2, 1],
  ];
  const page = kept(
    losses.map((values, i) =>
      chart({ x: array([0, 1, 2, 4].map((at) => at * (3 - i))), series: [["loss", array(values)]] }),
    ),
  );
  const [x, y] = ["x", "y"].map((which) => page.axis(which).place);
  const curve = (values, stretch) => [values.map((value, i) => [x([0, 1, 2, 4][i] * stretch), y(value)])];
  near(pale(page, "series-0"), curve(losses[0], 3));
  near(full(page, "series-0"), curve(losses[2], 1));
  near(pale(page.at(1), "series-0"), curve(losses[0], 3), PIXEL, "it stays while time moves");
  page.press("Keep");
  assert.equal(pale(page, "series-0").length, 0);
});

test("of a kept function the last frame lies pale under the one shown, in the axes' reach", () => {
  const grown = (size) =>
    fitted({
      y: array([
        [0, 0, 0, 0],
        [0, size, 0, 0],
        [0, size, size, 0],
        [0, size, 2 * size, 0],
      ]),
    });
  const page = kept([grown(30), grown(3), grown(1)]).at(1);
  const [x, y] = ["x", "y"].map((which) => page.axis(which).place);
  near(pale(page, "ink"), [
    [
      [-1, 0],
      [0, 30],
      [1, 60],
      [2, 0],
    ].map(([at, value]) => [x(at), y(value)]),
  ]);
  near(full(page, "ink"), [
    [
      [-1, 0],
      [0, 1],
      [1, 0],
      [2, 0],
    ].map(([at, value]) => [x(at), y(value)]),
  ]);
});

test("of a kept plane whole paths lie pale under those shown, in the axes' reach", () => {
  const path = (size) =>
    plane({
      x_range: [0, 2 * size],
      y_range: [0, 3 * size],
      tint: "",
      ground: [],
      bars: null,
      stops: [],
      joined: "",
      paths: [
        [
          "flow",
          array([
            [0, 0],
            [size, size],
            [size, 2 * size],
            [2 * size, 3 * size],
          ]),
        ],
      ],
    });
  const page = kept([path(5), path(2), path(1)]).at(2);
  const [x, y] = ["x", "y"].map((which) => page.axis(which).place);
  near(pale(page, "ink"), [
    [
      [0, 0],
      [5, 5],
      [5, 10],
      [10, 15],
    ].map(([a, b]) => [x(a), y(b)]),
  ]);
  near(full(page, "ink"), [
    [
      [0, 0],
      [1, 1],
      [1, 2],
    ].map(([a, b]) => [x(a), y(b)]),
  ]);
  const widest = Math.max(
    ...page
      .lines("grid")
      .flat()
      .map(([at]) => at),
  );
  assert.ok(x(10) <= widest + 1, "what is kept lies within the axes");
});

test("what is kept of a panel is not drawn in one of another title", () => {
  const page = kept([chart({ title: "neurons" }), chart({ title: "modes" })]);
  assert.equal(pale(page, "series-0").length, 0);
});

test("the line of text tells by which settings the kept run differs, and Reset forgets it", () => {
  const controls = [{ name: "step", label: "step size η", kind: "log", values: [0.1, 0.01] }];
  const page = new Page(run([chart()], { settings: { step: 0.1 } }), { controls, defaults: { step: 0.1 } });
  const text = () => (mock.timers.tick(400), page.find(({ attributes }) => attributes.role === "status").textContent);
  page.press("Keep");
  page.show(run([chart()], { settings: { step: 0.01 } }));
  assert.equal(text(), "time 0. Kept, pale: step size η 0.1");
  assert.equal(pale(page, "series-0").length, 1);
  page.press("Reset");
  assert.equal(pale(page, "series-0").length, 0);
});

// ------------------------------------------------------------------------------------------------ from run to run

const title = (page) => page.find(({ tag }) => tag === "figcaption").textContent;

test("a new run brings its own title, legend, time, and panels of other kinds", () => {
  const page = open(chart());
  page.show(run([chart({ title: "other", series: [["norm", array([1, 2, 3, 4])]] })], { time: [0, 1, 2, 5] }));
  assert.equal(title(page), "other");
  assert.deepEqual(
    page.legend.map(([, words]) => words),
    ["norm", "now"],
  );
  assert.equal(page.at(3).find(({ tag }) => tag === "output").textContent, "5");
  page.show(run([circle(), sphere()]));
  assert.equal(title(page), "neurons");
  assert.equal(tips(page, "positive").length, 1);
  assert.equal(page.legend.length, 7);
});

test("the cursor stays at its part of the time, however many frames a new run has", () => {
  const page = open(chart()).at(1.5);
  const frames = [0, 1, 2, 3, 4, 5, 6];
  page.show(run([chart({ x: array(frames), series: [["loss", array(frames)]] })], { time: frames }));
  const { place } = page.axis("x");
  near(cursor(page), [[place(3)]]);
  assert.equal(Number(page.control("time").max), 6);
});

test("on a screen of fine pixels everything stands at the same place", () => {
  const coarse = open(chart());
  const places = [cursor(coarse), nows(coarse), coarse.lines("series-0")];
  const fine = open(chart(), { ratio: 2 });
  near([cursor(fine), nows(fine), fine.lines("series-0")], places);
  assert.equal(fine.find(({ tag }) => tag === "canvas").width, 800);
});

test("an explorer that is taken away hears nothing more and asks for no frame", () => {
  const page = open(chart());
  page.press("Play");
  page.dispose();
  assert.deepEqual(page.model.listeners, []);
  assert.equal(framesAsked(), 0);
  mock.timers.tick(10000);
  assert.equal(framesAsked(), 0);
});

test("the line of text is that of the frame's phase, with the numbers of the frame", () => {
  const text = [
    [0, "plateau at {time}"],
    [2, "fitted at {time}: loss {loss}"],
  ];
  const page = new Page(run([chart()], { text, values: { loss: array([8, 6, 2, 1]) } }));
  const told = (position) => {
    page.at(position);
    mock.timers.tick(400);
    return page.find(({ attributes }) => attributes.role === "status").textContent;
  };
  assert.deepEqual([0, 1.4, 1.6, 3].map(told), [
    "plateau at 0",
    "plateau at 1",
    "fitted at 2: loss 2",
    "fitted at 4: loss 1",
  ]);
});
