"""Lesson 5: the neurons of one network gather on few lines, or do not: scale, multiplicity, data, width and optimizer under the reader's hand."""

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from helpers import data as data_sets
from helpers import ncf
from helpers.condensation import condensed_lines, cosine_matrix
from helpers.explorers.controls import Choice, LogSlider, Slider
from helpers.explorers.explorer import Explorer
from helpers.explorers.panels import Chart, Circle, Map, Sphere, sphere_grid
from helpers.explorers.scene import Scene
from helpers.flow import EvaluationLimitError, gradient_flow, stop_at
from helpers.lines import attracting_lines
from helpers.networks import TwoLayer
from helpers.optimizers import train
from helpers.problem import Problem

FRAMES, KEYS = 150, 25  # of the run (fewer for many neurons), and those at which cosines and lines are computed
FINE = 150  # points of each part of the flow, between which frames lie on straight lines
ARROWS = 21_500  # the most, in all frames together
SHOWN = 60  # the most neurons in the map of cosines
FELL = 0.05  # a run ends when the loss is this share below that of the zero function: later neurons part again
ESCAPED = 0.02  # the share at which the flow goes on on its own clock, where a plateau does not stop it
WORK, STEPS = 1.5e9, 5000  # the most that an optimizer may take, in units of _cost and in steps
EVALUATIONS = 600  # the most of each of the flow's two parts, which may take a tenth of WORK
BATCH = 8
HELD = 0.9  # the share of Σ‖w‖² that the lines counted hold
IMAGES = 120

DATA = {  # name: its data set, and whether neurons have a bias
    "sines": (data_sets.sines, True),  # the only one with a frequency
    "two groups": (data_sets.groups, False),
    "orthonormal": (lambda: data_sets.orthonormal((1, 1, 1)), False),
    "tetrahedron": (data_sets.tetrahedron, False),
    "simplex": (data_sets.simplex, True),
    "five dimensions": (data_sets.sum_of_sines, True),
    "digits": (lambda: _some(data_sets.digits(), IMAGES), False),
}
ACTIVATIONS = ("tanh", "x*tanh(x)", "x**2*tanh(x)", "x**3*tanh(x)", "relu", "leaky_relu(0.1)", "sigmoid", "softplus")
OPTIMIZERS = ("gradient flow", "GD", "SGD", "Adam")

CONTROLS = (
    LogSlider("scale", "initialization scale δ", 1e-6, 1.0, default=0.02),
    Choice("activation", "activation σ", ACTIVATIONS, default="x**2*tanh(x)"),
    Choice("data", "data", tuple(DATA), default="sines"),
    Slider("width", "neurons m", 10, 500, 10, default=50),
    Choice("optimizer", "optimizer", OPTIMIZERS, default="Adam"),
    LogSlider("step", "step (unused by flow)", 1e-4, 0.1, default=1e-3),
    Slider("frequency", "frequency ω (sines)", 0.5, 3.0, 0.05, default=1.0),
    Slider("seed", "seed", 0, 19, 1, default=0),
)


def condense_explorer(**settings):
    """The explorer of lesson 5; settings (scale, activation, data, width, optimizer, step, frequency, seed) replace the defaults."""
    return Explorer("condense_explorer", compute, CONTROLS, "On how many lines do the neurons gather?", settings)


def compute(scale, activation, data, width, optimizer, step, frequency, seed):
    """The run from the start until the loss has fallen by FELL, or as far as the steps allow, as a Scene whose frames are equally far apart on the rescaled clock."""
    frequency = frequency if data == "sines" else None
    dataset, bias = _data(data, frequency)
    network = TwoLayer(width, activation, bias=bias)
    problem = Problem(network, dataset, reduction="mean")
    theta0 = network.init(dataset.dim, scale, seed)
    run = _flow if optimizer == "gradient flow" else _descent
    path, thetas, steps, told = run(problem, theta0, optimizer, step, seed)
    frames = min(FRAMES, ARROWS // width)
    clock = np.linspace(0, path[-1], frames)
    theta = _between(path, thetas, clock)
    W, a = network.weights(theta)
    size, sign = np.linalg.norm(W, axis=2), np.sign(a).astype(int)
    origin = problem.loss(np.zeros_like(theta0))
    fall = 100 * (1 - np.array([problem.loss(weights) for weights in theta]) / origin)
    keys = np.linspace(0, frames - 1, KEYS).round().astype(int)
    lines = np.array([_lines(W[key]) for key in keys])[np.searchsorted(keys, np.arange(frames), side="right") - 1]
    landscape = _landscape(activation, data, frequency)
    return Scene(
        time=clock,
        time_label="rescaled clock",
        panels=[_neurons(W, size, sign, landscape), _map(W, size, keys),
                Chart(clock, {"lines of neurons": lines, "fall of the loss, %": fall}, title="lines of neurons, fall of the loss", x_label="rescaled clock",
                      y_label="number of lines; %", log_x=False, log_y=False, levels=landscape.levels,
                      alt="The number of lines that hold most of the squared lengths of the neurons, and by how much the loss has fallen from that of the zero function, in per cent")],
        text=f"{told}‖θ‖ = {{norm}}, the loss has fallen by {{fall}} %; lines with {100 * HELD:g} % of Σ‖w‖²: {{lines}}; {landscape.words}",
        values={"norm": np.linalg.norm(theta, axis=1), "fall": fall, "lines": lines, "steps": np.rint(np.interp(clock, path, steps))},
    )


def _some(dataset, count):
    """The first points of a data set."""
    return data_sets.Dataset(dataset.X[:count], dataset.y[:count])


@lru_cache
def _data(name, frequency):
    """A data set of DATA, of this frequency unless it is None, and whether neurons have a bias there."""
    make, bias = DATA[name]
    return make() if frequency is None else make(frequency=frequency), bias


# Training


def _flow(problem, theta0, *_):
    """The rescaled clock (T,), θ (T, P), no steps (T,), and words: the flow on that clock until the loss has fallen by ESCAPED, then on its own, which settles."""
    rtol, ground = 4e-3 if problem.network.kinked else 1e-4, _ground(problem, theta0)
    early = _within(problem.rescaled(), theta0, 100, (1 - ESCAPED) * ground, rtol, _cost(problem))
    clock, last = np.linspace(0, early.t[-1], FINE), early
    path, thetas = clock, early.at(clock)
    if early.stopped == "loss":
        pace = np.linalg.norm(problem.velocity(early.theta[-1])) / early.norm[-1]
        last = _within(problem, early.theta[-1], 30 / pace, (1 - FELL) * ground, 10 * rtol, _cost(problem))
        theta = last.at(last.frames(FINE))
        path, thetas = np.concatenate([path, path[-1] + _path(theta)[1:]]), np.concatenate([thetas, theta[1:]])
    return path, thetas, np.zeros(len(path)), f"Cut short after {last.evaluations} gradients: " if last.stopped == "evaluations" else ""


def _within(problem, theta0, t_end, loss, rtol, cost):
    """The flow until t_end or the loss, or as far as its evaluations carry it."""
    limit = max(100, min(EVALUATIONS, int(WORK / 10 / cost)))
    try:
        return _whole(gradient_flow(problem, theta0, t_end, stop=stop_at(loss=loss), rtol=rtol, max_evaluations=limit))
    except EvaluationLimitError as stopped:
        return stopped.run


def _whole(run):
    """The run; KeyboardInterrupt for one that was stopped, which else would be shown as what these settings lead to."""
    if run.stopped == "interrupted":
        raise KeyboardInterrupt("the run was stopped")
    return run


def _descent(problem, theta0, optimizer, step, seed):
    """The rescaled clock (T,), θ (T, P), numbers of steps (T,), and words: until the loss has fallen by FELL or the steps are used up."""
    batch = min(BATCH, problem.data.n) if optimizer == "SGD" else None
    steps = int(min(STEPS, WORK / _cost(problem)))
    kept = {*range(min(200, steps)), *np.linspace(0, steps, 800).astype(int).tolist()}
    run = _whole(train(problem, theta0, optimizer.lower(), step=step, steps=steps, batch=batch, seed=seed,
                       stop=stop_at(loss=(1 - FELL) * _ground(problem, theta0)), record=kept))
    return _path(run.theta), run.theta, run.t / step, f"After {{steps}} steps of {optimizer}: "


def _ground(problem, theta0):
    """The loss from which a fall is measured: that of the zero function, or of a start that is better already."""
    return min(problem.loss(np.zeros_like(theta0)), problem.loss(theta0))


def _cost(problem):
    """The cost of one velocity: points × neurons × weights of a neuron, and some for the activation."""
    return problem.data.n * problem.network.width * (problem.data.dim + 20)


def _path(theta):
    """The way gone in the space of θ (T, P), in units of ‖θ‖, up to each point: (T,), rising."""
    norm = np.linalg.norm(theta, axis=1)
    gone = np.linalg.norm(np.diff(theta, axis=0), axis=1) / np.maximum(norm[1:], norm[:-1])
    return np.concatenate([[0], np.cumsum(np.maximum(gone, 1e-12))])


def _between(path, thetas, clock):
    """θ (k, P) at k places of the path (T,), on straight lines between its points `thetas` (T, P)."""
    after = np.clip(np.searchsorted(path, clock), 1, len(path) - 1)
    part = ((clock - path[after - 1]) / (path[after] - path[after - 1]))[:, None]
    return thetas[after - 1] + part * (thetas[after] - thetas[after - 1])


# What the data ask for


@dataclass(frozen=True, eq=False)
class _Landscape:
    """The correlation F of one neuron in words and, in two and three dimensions, as a field with marks where it attracts."""

    words: str
    levels: dict = field(default_factory=dict)
    values: np.ndarray = ()
    marks: tuple = ()
    view: np.ndarray = (1.0, -1.0, 0.6)


@lru_cache
def _landscape(activation, data, frequency):
    """The _Landscape of a data set, which neither scale nor width nor seed change."""
    dataset, bias = _data(data, frequency)
    problem = Problem(TwoLayer(1, activation, bias=bias), dataset, reduction="mean")
    try:
        F = ncf.correlation(problem)
    except ValueError:
        return _Landscape("p = 1, but σ(0) ≠ 0, so that no F tells the lines")
    found = attracting_lines(problem, starts=300 if F.dim < 10 else 60)
    single = all(line.isolated for line in found.lines)
    smooth = problem.network.activation.multiplicity is not None
    count, one = len(found.lines), len(found.lines) == 1
    told = f"under the flow {count} {'line' if smooth else 'direction'}{'' if one else 's'} {'found that ' if found.starts else ''}attract{'s' if one else ''}"
    if not smooth:
        words = f"{activation} has no p, and {told}"
    elif single:
        words = f"p = {F.p}: {told}, {2 * count} directions (2p = {2 * F.p})"
    else:
        words = f"p = {F.p}: not single lines attract, but all those of a plane or more; 2p = {2 * F.p}"
    levels = {f"p = {F.p}": F.p} if smooth else {}
    if F.dim > 3:
        return _Landscape(words, levels)
    ends = [end for line in found.lines if single for end in ((line.direction, -line.direction) if smooth else (line.direction,))]
    marks = [(end, "positive" if F.value(end[None])[0] > 0 else "negative") for end in ends]
    if F.dim == 2:
        return _Landscape(words, levels, F.value(_around(180)), tuple((np.arctan2(y, x), kind) for (x, y), kind in marks))
    grid = sphere_grid(37, 72)
    view = np.sum([end for end, kind in marks if kind == "positive"] or [_Landscape.view], axis=0) + [0.3, -0.2, 0.3]
    return _Landscape(words, levels, F.value(grid.reshape(-1, 3)).reshape(grid.shape[:2]), tuple(marks), view)


def _around(count):
    """`count` directions (count, 2), equally spaced from −π."""
    angle = np.linspace(-np.pi, np.pi, count, endpoint=False)
    return np.column_stack([np.cos(angle), np.sin(angle)])


# Pictures


def _neurons(W, size, sign, landscape):
    """The panel of the neurons: a Circle in the plane or in the plane that holds most of Σ‖w‖² at the end, a Sphere in three dimensions."""
    longest = size.max(axis=1, keepdims=True)
    dim = W.shape[2]
    if dim == 3:
        unit = W / np.maximum(size, 1e-300)[..., None]
        return Sphere(unit, size / longest, sign, title="neurons w", field=landscape.values, marks=landscape.marks, view=landscape.view,
                      alt="Each neuron's direction as a dot on the unit sphere, larger for longer neurons, tinted by the correlation F, with the lines that attract")
    title, seen = "neurons w", W
    if dim > 2:
        _, values, axes = np.linalg.svd(W[-1], full_matrices=False)
        seen = W @ axes[:2].T
        title = f"neurons w, {100 * np.sum(values[:2]**2) / np.sum(values**2):.0f} % of Σ‖w‖² in this plane"
    return Circle(np.arctan2(seen[..., 1], seen[..., 0]), np.linalg.norm(seen, axis=2) / longest, sign, title=title, field=landscape.values,
                  marks=landscape.marks, alt="Each neuron's input weights as an arrow from the centre, as long as its share of the longest neuron")


def _map(W, size, keys):
    """The cosines between the neurons that are the longest at the end, in the order that shows their blocks then."""
    chosen = np.sort(np.argsort(-size[-1], kind="stable")[:SHOWN])
    _, order = cosine_matrix(W[-1, chosen])
    unit = W[:, chosen[order]][keys] / np.maximum(size[:, chosen[order]][keys], 1e-300)[..., None]
    count = len(chosen)
    title = "cosines between neurons" if count == W.shape[1] else f"cosines between the {count} longest neurons"
    return Map(np.clip(unit @ unit.swapaxes(1, 2), -1, 1), keys, title=title,
               alt="The cosine between every two neurons as a coloured cell, blue for the same way, orange for opposite ways, in the order that groups them at the end")


def _lines(W):
    """How many lines, the largest first, hold HELD of Σ‖w‖²; W is (m, D)."""
    return np.searchsorted(np.cumsum(condensed_lines(W, angles=()).shares), HELD) + 1
