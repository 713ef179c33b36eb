"""The explorers of lesson 3: the correlation F as a landscape on the circle and on the sphere, its KKT points, and the neurons that follow it."""

import numpy as np

from helpers import data, ncf, predict
from helpers.condensation import directions
from helpers.explorers.controls import Choice, Slider
from helpers.explorers.explorer import Explorer
from helpers.explorers.panels import Chart, Circle, Sphere, sphere_grid
from helpers.explorers.scene import Scene
from helpers.flow import gradient_flow, stop_at
from helpers.networks import TwoLayer
from helpers.problem import Problem

FRAMES = 180
WIDTH = 30
START, ESCAPED = 1e-6, 0.1  # the norm ‖θ‖ at the start, and that at which a run ends
GROWN, HIT = 10, 10  # a neuron counts when it is so many times as long as at the start, and hits its goal when it is within so many degrees
DECADES = 6  # an arrow shrinks by a sixth for each power of ten that its neuron is behind the longest

LANDSCAPE = (
    Choice("activation", "activation σ", ("relu", "tanh", "z**2", "z**3"), default="relu"),
    Slider("angle", "angle of the middle point, degrees", 10, 110, 5, default=60),
    Slider("label", "its label", -1.95, 1.95, 0.1, default=-1.75),
    Slider("seed", "seed", 0, 19, 1, default=0),
)

SPHERE = (
    Choice("activation", "activation σ", ("z**3", "relu"), default="z**3"),
    Choice("inputs", "inputs", ("tetrahedron", "axes"), default="tetrahedron"),
    Slider("label", "label of the last point", -1.55, 1.45, 0.15, default=1.0),
    Slider("seed", "seed", 0, 19, 1, default=0),
)


def landscape_explorer(**settings):
    """The first explorer of lesson 3; settings (activation, angle, label, seed) replace the defaults."""
    return Explorer("landscape_explorer", landscape, LANDSCAPE, "Where will each neuron go?", settings)


def sphere_explorer(**settings):
    """The explorer of lesson 3 in three dimensions; settings (activation, inputs, label, seed) replace the defaults."""
    return Explorer("sphere_explorer", sphere, SPHERE, "The landscape on the sphere: turn it by hand", settings)


def landscape(activation, angle, label, seed):
    """Training of WIDTH neurons on three points of the circle from ‖θ‖ = START to ESCAPED, on the rescaled clock, within F, its KKT points and basins, as a Scene."""
    dataset = data.spokes((0, angle, 120), (1, label, 1.3))
    network = TwoLayer(WIDTH, activation)
    problem = Problem(network, dataset)
    theta0 = network.init(dataset.dim, START, seed)
    critical, forecast = ncf.critical_directions(problem), predict.forecast(problem, theta0)
    run = gradient_flow(problem.rescaled(), theta0, t_end=100, stop=stop_at(norm=ESCAPED), rtol=4e-3 if network.kinked else 1e-4)
    clock = run.frames(FRAMES)
    theta = run.at(clock)
    W, a = network.weights(theta)
    length = np.hypot(np.linalg.norm(W, axis=2), a)
    off = _degrees_off(W, forecast.goals)
    grown = (length > GROWN * length[0]) & np.isfinite(off)
    hits, norm = grown & (off <= HIT), np.linalg.norm(theta, axis=1)
    away = np.where(grown, off, np.nan)
    return Scene(
        time=clock,
        time_label="rescaled clock",
        panels=[
            Circle(np.arctan2(W[..., 1], W[..., 0]), _shown(np.linalg.norm(W, axis=2), length), np.sign(a).astype(int), title="neurons in the landscape F",
                   alt="Each neuron's input weights as an arrow; around them the correlation F, its critical points, their basins, and each neuron's predicted goal",
                   field=ncf.correlation(problem).value(_around(180)), marks=[(point.angle, point.kind) for point in critical],
                   basins=[(*point.basin, point.kind) for point in critical if point.kind != "none"], goals=np.arctan2(forecast.goals[:, 1], forecast.goals[:, 0])),
            Chart(norm, {"median": _of_each(np.median, away), "the last one": _of_each(np.max, away)},
                  title="angle to the predicted goal", x_label="length of all weights ‖θ‖", y_label="degrees", log_x=True, log_y=False,
                  levels={"a hit": HIT}, alt="The angle between the neurons that have grown tenfold and their goals, against the length of all weights on a logarithmic axis"),
        ],
        text=f"‖θ‖ = {{norm}}: of the {np.sum(forecast.rate > 0)} neurons with a goal {{grown}} have grown tenfold; of these {{hits}} are within {HIT}° of it",
        values={"norm": norm, "grown": grown.sum(axis=1), "hits": hits.sum(axis=1)},
    )


def sphere(activation, inputs, label, seed):
    """The NCF flow of WIDTH neurons of three weights, each on a clock of its own, on the sphere with F and its attractors, as a Scene."""
    X = np.eye(3) if inputs == "axes" else data.tetrahedron().X
    labels = np.ones(len(X))
    labels[-1] = label
    network = TwoLayer(WIDTH, activation)
    problem = Problem(network, data.Dataset(X, labels))
    F, found = ncf.correlation(problem), ncf.attractors(problem, starts=400)
    grid = sphere_grid(37, 72)
    clock, W, a = _own_clocks(F, *network.weights(network.init(3, 1.0, seed)))
    unit = W / np.maximum(np.linalg.norm(W, axis=2, keepdims=True), 1e-12)
    off = np.full(a.shape, np.inf)
    for point in found:
        if point.kind != "none":
            off = np.where(np.sign(a) == point.sign, np.minimum(off, _degrees_off(W, point.direction)), off)
    off = np.where(np.isfinite(off), off, np.nan)
    count = {kind: sum(point.kind == kind for point in found) for kind in ("positive", "negative")}
    return Scene(
        time=clock,
        time_label="each neuron's own clock",
        panels=[Sphere(unit, 0.25 + 0.75 * np.linalg.norm(W, axis=2), np.sign(a).astype(int), title="neurons on the sphere",
                       alt="Each neuron's direction as a dot on the unit sphere, tinted by F, with the places that attract neurons; it can be turned by hand",
                       field=F.value(grid.reshape(-1, 3)).reshape(grid.shape[:2]), marks=[(point.direction, point.kind) for point in found], view=X[0] + 0.4 * X[1] + [0, 0, 0.3]),
                Chart(clock, {"median": _of_each(np.median, off), "the last one": _of_each(np.max, off)}, title="angle to the nearest place of its sign",
                      x_label="each neuron's own clock", y_label="degrees", log_x=False, log_y=True, levels={"a hit": HIT},
                      alt="The angle between the neurons and the nearest place that attracts neurons of their sign, over time, on a logarithmic axis")],
        text=f"{count['positive']} places attract neurons with a > 0, {count['negative']} those with a < 0; {{there}} of {WIDTH} neurons are within {HIT}° of one",
        values={"there": (off <= HIT).sum(axis=1)},
    )


def _around(count):
    """`count` directions (count, 2), equally spaced from −π."""
    angle = np.linspace(-np.pi, np.pi, count, endpoint=False)
    return np.column_stack([np.cos(angle), np.sin(angle)])


def _degrees_off(W, goals):
    """The angles (T, m) in degrees between the w_j and their goals (m, D), NaN where there is none."""
    apart = np.linalg.norm(W / np.maximum(np.linalg.norm(W, axis=2, keepdims=True), 1e-300) - goals, axis=2)
    return np.rad2deg(2 * np.arcsin(np.minimum(apart / 2, 1)))


def _shown(size, length):
    """Arrow lengths (T, m) in [0, 1]: ‖w_j‖ beside the longest neuron, on a logarithmic scale."""
    with np.errstate(divide="ignore"):
        return np.clip(1 + np.log10(size / length.max(axis=1, keepdims=True)) / DECADES, 0, 1)


def _of_each(measure, rows):
    """The measure of what is not NaN in each row, NaN for an empty one."""
    return np.array([measure(row[np.isfinite(row)]) if np.isfinite(row).any() else np.nan for row in rows])


def _own_clocks(F, W, a, frames=120, steps=2):
    """Times (T,), w (T, m, D) and a (T, m) of unit neurons (w, a) under û′ = ∇N(û) − L N(û) û, by Runge and Kutta's method."""
    Y = directions(np.column_stack([W, a]))
    degree, end = F.p + 1, 80 / F.scale

    def slope(Y):
        w, a = Y[:, :-1], Y[:, -1]
        value = F.value(w)
        return np.column_stack([a[:, None] * F.gradient(w), value]) - degree * (a * value)[:, None] * Y

    h, path = end / (steps * (frames - 1)), [Y]
    for k in range(steps * (frames - 1)):
        one = slope(Y)
        two = slope(Y + h / 2 * one)
        three = slope(Y + h / 2 * two)
        Y = directions(Y + h / 6 * (one + 2 * two + 2 * three + slope(Y + h * three)))
        if k % steps == steps - 1:
            path.append(Y)
    path = np.array(path)
    return np.linspace(0, end, frames), path[..., :-1], path[..., -1]
