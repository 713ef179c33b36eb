"""Lesson 4: the reader stands on a plateau, sees the next step before it happens, and watches it come true."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.optimize import brentq

from helpers import data as data_sets
from helpers.explorers.controls import Choice, LogSlider, Slider
from helpers.explorers.explorer import Explorer
from helpers.explorers.panels import Chart, Circle, Ghost
from helpers.explorers.scene import Scene
from helpers.flow import EvaluationLimitError, gradient_flow, stop_at
from helpers.linear import DeepLinear, Diagonal
from helpers.networks import TwoLayer
from helpers.problem import Problem
from helpers.saddles import LIVING, Plateau, Step, next_step, plateaus

FRAMES, KEYS = 240, 48  # of the run, and those at which the field F is computed
FALLEN = 1e-3  # a run ends when the loss is this share of that of the origin
EVALUATIONS = 30_000  # the most of a run
LEAST = 1e-6  # the least scale of networks of degree 3, whose runs of smaller ones are not exact
STEPS = 4  # the most that are predicted
LINES = 30  # the most curves of one panel
ANGLES = 120  # at which F is computed
GHOST_POINTS, WINNERS = 60, 2  # of a ghost: the most points of the part after the onset, the most winners whose sizes it shows
FLAT = 0.05  # of the whole time: how far a ghost goes on at the height it comes to
EARLY = 0.05  # of a drop: where the direction of its foremost winner is taken
FAINT = 0.05  # of the largest field: one below that is not drawn as large as the others
TINY = 1e-5  # of the loss of the origin: what counts as 0
NEURONS = 20

NETWORKS = {  # name: the network, and its data "well separated" and "close together", of a seed where they are random
    "squared ReLU": (lambda: TwoLayer(NEURONS, "relu**2", train_output=False, output_weights=np.ones(NEURONS)),
                     lambda close, _: data_sets.petals(sizes=(5, 4, 3) if close else (9, 3, 1))),
    "squared ReLU, outputs trained": (lambda: TwoLayer(12, "relu**2"), lambda close, _: data_sets.petals(sizes=(5, 4, 3) if close else (9, 3, 1))),
    "ReLU": (lambda: TwoLayer(NEURONS, "relu"), lambda close, _: data_sets.orthonormal((-1.2, 1) if close else (-2, 1))),
    "deep linear, 2 layers": (lambda: DeepLinear((5, 6, 4)), lambda close, _: data_sets.whitened((3, 2.5, 2) if close else (4, 2, 1))),
    "deep linear, 3 layers": (lambda: DeepLinear((4, 4, 4, 4)), lambda close, _: data_sets.whitened((3, 2.5, 2) if close else (4, 2, 1), dim=4)),
    "diagonal linear, depth 2": (lambda: Diagonal(2), lambda close, seed: data_sets.sparse_regression(40, 50, (3, -2.5, 2) if close else (4, -2, 1), seed)),
    "diagonal linear, depth 3": (lambda: Diagonal(3), lambda close, seed: data_sets.sparse_regression(40, 50, (3, -2.5, 2) if close else (4, -2, 1), seed)),
}
SEPARATIONS = ("well separated", "close together")

CONTROLS = (
    LogSlider("scale", "initialization scale δ", 1e-10, 1.0, default=1e-6, per_decade=2),
    Choice("network", "network", tuple(NETWORKS), default="squared ReLU"),
    Choice("data", "data", SEPARATIONS, default="well separated"),
    Slider("seed", "seed (diagonal: data)", 0, 19, 1, default=0),
)


def staircase_explorer(**settings):
    """The explorer of lesson 4, which opens at time 0; settings (scale, network, data, seed) replace the defaults."""
    explorer = Explorer("staircase_explorer", compute, CONTROLS, "Read off the next step", settings)
    explorer.cursor = 0.0
    return explorer


def compute(scale, network, data, seed):
    """The run until the loss has fallen to FALLEN of the origin's, and at each of its plateaus the next step read off there, as a Scene of FRAMES frames."""
    make_network, make_data = NETWORKS[network]
    model, dataset = make_network(), make_data(data == "close together", seed)
    problem = Problem(model, dataset)
    if model.degree > 2 and scale < LEAST:
        raise ValueError(f"scale is {scale:g}; a network of degree {model.degree} rests at its plateaus for times that grow like 1/δ: here it must be {LEAST:g} or more")
    run = _trained(problem, model.init(dataset.dim, scale) if isinstance(model, Diagonal) else model.init(dataset.dim, scale, seed))
    view = (_Neurons if isinstance(model, TwoLayer) else _Product if isinstance(model, DeepLinear) else _Coefficients)(problem)
    times = _frames(view, run)
    theta = run.at(times)
    stages = _stages(problem, run, times)
    loss = np.array([problem.loss(weights) for weights in theta])
    return Scene(time=times, panels=[_loss(problem, times, loss, stages), view.panel(times, theta, stages), _growth(view, times, theta, stages)],
                 text=_text(view, run, stages), values={"loss": loss})


# The run and what is read off


def _trained(problem, theta0):
    """The flow until the loss is FALLEN of the origin's, or as far as EVALUATIONS carry it."""
    level, stiff = stop_at(loss=FALLEN * problem.loss(np.zeros_like(theta0))), problem.network.degree > 2
    rtol = None if problem.network.kinked else 1e-6 if stiff else 1e-5
    if stiff and isinstance(problem.network, DeepLinear):
        rtol = min(1e-8, 1e-4 * np.linalg.norm(theta0))  # an error of the large weights is one of the small ones too, which share their matrices
    try:
        run = gradient_flow(problem, theta0, 1e300, stop=level, rtol=rtol, stiff=stiff, max_evaluations=EVALUATIONS)
    except EvaluationLimitError as stopped:
        return stopped.run
    if run.stopped == "interrupted":
        raise KeyboardInterrupt("the run was stopped")
    return run


def _frames(view, run):
    """Times (FRAMES,) equally far apart along the curves of the loss and, at half the weight, of the fastest growing part, as charts show them, until the loss falls no more."""
    falls = run.loss - run.loss[-1] > FALLEN * run.loss[0]
    last = len(run.t) - 1 if run.stopped == "loss" else min(len(run.t) - 1, int(np.argmin(falls)) + 1)
    t, height, sizes = run.t[:last + 1], np.log(run.loss[:last + 1]), np.log(view.sizes(run.theta[:last + 1]) + np.finfo(float).tiny)
    steps = np.diff(t) / t[-1], np.diff(height) / max(np.ptp(height), 1e-9), 0.5 * np.diff(sizes, axis=0).max(axis=1) / max(np.ptp(sizes.max(axis=1)), 1)
    way = np.cumsum(np.linalg.norm(steps, axis=0))
    return np.interp(np.linspace(0, way[-1], FRAMES), np.concatenate([[0], way]), t)


@dataclass(frozen=True, eq=False)
class _Stage:
    """A plateau of the run, the Step read off there, and what came of it: the time of its drop, θ at its beginning and at its end.

    seen and done: the frames from which on the reader sees the ghost, and knows how it came out.
    """

    plateau: Plateau
    step: Step
    time: float
    early: np.ndarray
    rest: np.ndarray
    seen: int
    done: int

    def ghost(self, flat):
        """Times (G,) and θ (G, P) of what is predicted: the saddle and the winners from the onset on, and for a time `flat` where they rest."""
        step = self.step
        end = step.arrival.time + flat
        late = np.flatnonzero(step.onset + step.run.t < end)
        late = late[:1 + np.argmax(step.run.loss[late] <= step.loss)] if (step.run.loss[late] <= step.loss).any() else late
        late = late[::1 + len(late) // GHOST_POINTS]
        return np.append(step.onset + step.run.t[late], end), np.vstack([step.run.theta[late], step.arrival.saddle])


def _stages(problem, run, times):
    """The _Stages of a run, the first STEPS of them."""
    found = plateaus(problem, run)
    stages = []
    for k, plateau in enumerate(found[:STEPS]):
        step, rest = next_step(problem, plateau), found[k + 1].theta if k + 1 < len(found) else run.theta[-1]
        end = problem.loss(rest) if step.unclear else step.loss
        time, early = (_crossing(problem, run, plateau.saddle_loss - part * (plateau.saddle_loss - end)) for part in (0.5, EARLY))
        seen, done = (min(int(np.searchsorted(times, at)), FRAMES - 1) for at in (plateau.time, time))
        stages.append(_Stage(plateau, step, time, run.at([early])[0], rest, seen, done))
    return stages


def _crossing(problem, run, level):
    """The time at which the loss of a run first falls to the level."""
    after = max(1, int(np.argmax(run.loss <= level)))
    if not run.loss[after] <= level < run.loss[after - 1]:
        return run.t[after]
    return float(brentq(lambda t: problem.loss(run.at([t])[0]) - level, run.t[after - 1], run.t[after]))


# Pictures


def _ghosts(stages, curves):
    """A Ghost for each stage with a prediction: curves(stage) gives x (G,) and y (G, K)."""
    return [Ghost(stage.seen, *curves(stage), stage.step.time) for stage in stages if not stage.step.unclear]


def _led_in(stage, times, values):
    """Times (G + 1,) and values (G + 1, K) of a ghost's curves, which stand still from the plateau to the onset."""
    at, theta = stage.ghost(FLAT * times[-1])
    y = values(theta)
    return np.append(stage.plateau.time, at), np.concatenate([y[:1], y])


def _loss(problem, times, loss, stages):
    """The loss over time, with the staircase that is predicted."""
    ghosts = _ghosts(stages, lambda stage: _led_in(stage, times, lambda path: np.array([[problem.loss(weights)] for weights in path])))
    return Chart(times, {"loss": loss}, title="loss", x_label="time t", y_label="", log_x=False, log_y=True, unfolds=True, ghosts=ghosts,
                 alt="The loss up to now as a staircase, and before it happens the next step as it is predicted at the plateau")


def _growth(view, times, theta, stages):
    """The sizes of all parts over time, with those of the parts that are predicted to escape: along the frozen residual, then with the saddle alone."""
    sizes = view.sizes(theta)
    shown = np.argsort(-sizes.max(axis=0), kind="stable")[:LINES]

    def curves(stage):
        plateau, step = stage.plateau, stage.step
        late, living = stage.ghost(FLAT * times[-1])
        grown = view.escaped(living, stage)
        if step.onset > plateau.time:
            small = gradient_flow(view.problem.frozen(plateau.residual), plateau.small, step.onset - plateau.time)
            early = small.frames(GHOST_POINTS)
            late, grown = np.concatenate([plateau.time + early, late]), np.concatenate([view.escaping(small.at(early), stage), grown])
        return late, grown[:, np.argsort(-grown[-1], kind="stable")[:WINNERS]]

    return Chart(times, {f"size of each {view.part}": sizes[:, shown]}, title=f"sizes of all {view.part}s", x_label="time t", y_label="", log_x=False, log_y=True,
                 unfolds=True, ghosts=_ghosts(stages, curves),
                 alt=f"The size of each {view.part} up to now, those that live above, the small ones below, and before it happens how the next ones are predicted to grow")


class _Neurons:
    """What is seen of a TwoLayer network: its neurons, and the field F of the residual they see."""

    part, word = "neuron", "direction "

    def __init__(self, problem):
        self.problem, self.network = problem, problem.network

    def sizes(self, theta):
        """‖(w, a)‖ of each neuron, ‖w‖ where a is not trained: (T, m)."""
        W, a = self.network.weights(theta)
        return np.sqrt(np.sum(W**2, axis=-1) + (a**2 if self.network.train_output else 0))

    def escaping(self, path, stage):
        """The sizes (G, w) of the winners on a path of the small weights, and on one of the saddle and the winners."""
        return self.sizes(path)[:, stage.step.winners]

    escaped = escaping

    def panel(self, times, theta, stages):
        """The Circle of the neurons, with the field of the residual and the direction predicted next."""
        W, a = self.network.weights(theta)
        sizes, top = self.sizes(theta), self.sizes(theta).max()
        floor = 0.03 * np.median(sizes[0])
        keys = np.linspace(0, len(times) - 1, KEYS).round().astype(int)
        angle = np.linspace(-np.pi, np.pi, ANGLES, endpoint=False)
        seen = self.network.activation.function(self.problem.data.X @ [np.cos(angle), np.sin(angle)])
        field = np.array([self.problem.residual(theta[key]) for key in keys]) @ seen
        height = np.abs(field).max(axis=1, keepdims=True)
        ghosts = [(stage.seen, np.deg2rad(self._degrees(stage.step.direction))) for stage in stages if not stage.step.unclear]
        return Circle(np.arctan2(W[..., 1], W[..., 0]), np.clip(1 - np.log(np.maximum(sizes, floor) / top) / np.log(floor / top), 0, 1), np.sign(a).astype(int),
                      title="neurons w, their sizes logarithmic", field=field / np.maximum(height, FAINT * height.max()), keys=keys, ghosts=ghosts,
                      alt="Each neuron as an arrow from the centre, longer the more decades it has grown; around it the field F of the residual now, "
                          "which freezes at each plateau, and the direction in which the next neurons are predicted to escape")

    def _degrees(self, direction):
        W, _ = self.network.weights(direction)
        return np.rad2deg(np.arctan2(*W[np.argmax(np.linalg.norm(W, axis=1))][::-1])) % 360

    def told(self, stage):
        """Where the step leads, predicted and measured: words."""
        foremost = stage.step.direction != 0
        return tuple(f"direction {self._degrees(direction):.1f}°" for direction in (stage.step.direction, np.where(foremost, stage.early, 0)))


class _Product:
    """What is seen of a DeepLinear network: the singular values of its product."""

    part, word = "mode", "singular values "

    def __init__(self, problem):
        self.problem, self.network = problem, problem.network

    def sizes(self, theta):
        """The norm of each of the network's parts but the rest, the k-th of them in column k: (T, K)."""
        return self._along(self._frames(theta), theta)

    def _frames(self, theta):
        """The directions of the parts in each hidden layer, as columns: see DeepLinear.parts."""
        frames = [np.linalg.svd(np.concatenate([below, above.swapaxes(-1, -2)], axis=-1), full_matrices=False)[0] for below, above in pairwise(self.network.weights(theta))]
        return [frame[..., :min(self.network.widths[1:-1])] for frame in frames]

    def _along(self, frames, theta):
        """The norm of the weights along each column of the frames: (T, K)."""
        first, *inner, last = self.network.weights(theta)
        inner = [np.einsum("...ik,...ij,...jk->...k", after, layer, before) for layer, (before, after) in zip(inner, pairwise(frames), strict=True)]
        return np.linalg.norm([np.linalg.norm(frames[0].swapaxes(-1, -2) @ first, axis=-1), *inner, np.linalg.norm(last @ frames[-1], axis=-2)], axis=0)

    def escaping(self, path, stage):
        """The sizes (G, w) on a path of the small weights, along the directions of the winners at its end: parts are told apart by size, which changes on the way."""
        frames = self._frames(path[-1])
        return self._along([frame[:, stage.step.winners[:frame.shape[-1]]] for frame in frames], path)

    def escaped(self, path, stage):
        """The sizes (G, w) of the winners on a path of the saddle and the winners: the living parts are larger."""
        living = stage.plateau.living.sum()
        return self.sizes(path)[:, living:living + stage.step.winners[:min(self.network.widths[1:-1])].sum()]

    def values(self, theta):
        """The singular values of the product, (T, r)."""
        return np.linalg.svd(self.network.product(theta), compute_uv=False)

    def panel(self, times, theta, stages):
        """The Chart of the singular values."""
        count = lambda stage: stage.plateau.living.sum() + stage.step.winners.sum()
        ghosts = _ghosts(stages, lambda stage: _led_in(stage, times, lambda path: self.values(path)[:, :count(stage)]))
        return Chart(times, {"singular values": self.values(theta)}, title="singular values of the product", x_label="time t", y_label="", log_x=False, log_y=False,
                     unfolds=True, ghosts=ghosts, alt="The singular values of the product of all matrices up to now, and before it happens how the next one is predicted to rise")

    def told(self, stage):
        """Where the step leads, predicted and measured: words."""
        count = int(stage.plateau.living.sum() + stage.step.winners.sum())
        return tuple("singular values " + ", ".join(_plain(value) for value in self.values(theta)[:count]) for theta in (stage.step.arrival.saddle, stage.rest))


class _Coefficients:
    """What is seen of a Diagonal network: the coefficients β."""

    part, word = "weight", ""

    def __init__(self, problem):
        self.problem, self.network = problem, problem.network

    def sizes(self, theta):
        """The size of each weight, (T, 2d)."""
        return np.abs(theta)

    def escaping(self, path, stage):
        """The sizes (G, w) of the winners on a path of the small weights, and on one of the saddle and the winners."""
        return self.sizes(path)[:, stage.step.winners]

    escaped = escaping

    def panel(self, times, theta, stages):
        """The Chart of the coefficients that live at some time."""
        beta = self.network.coefficients(theta)
        size = np.abs(beta).max(axis=0)
        lives = np.flatnonzero(size >= LIVING * size.max())
        ghosts = _ghosts(stages, lambda stage: _led_in(stage, times, lambda path: self.network.coefficients(path)[:, self._lives(stage)]))
        return Chart(times, {"coefficients β": beta[:, lives]}, title="coefficients β", x_label="time t", y_label="", log_x=False, log_y=False,
                     unfolds=True, ghosts=ghosts, alt="The coefficients of the inputs up to now, and before it happens how the next one is predicted to leave 0")

    def _lives(self, stage):
        parts = np.flatnonzero(stage.plateau.living | stage.step.winners) % self.problem.data.dim
        return np.unique(parts)

    def told(self, stage):
        """Where the step leads, predicted and measured: words."""
        new = np.unique(np.flatnonzero(stage.step.winners) % self.problem.data.dim)[:3]
        return tuple(", ".join(f"β{str(k + 1).translate(LOWERED)} = {_plain(value)}" for k, value in zip(new, self.network.coefficients(theta)[new], strict=True))
                     for theta in (stage.step.arrival.saddle, stage.rest))


# Words


RAISED, LOWERED = (str.maketrans("0123456789-", digits) for digits in ("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "₀₁₂₃₄₅₆₇₈₉₋"))


def _plain(value):
    """Four digits: 0.2216, −1.998, 4.267·10⁴."""
    if value == 0 or 1e-3 <= abs(value) < 1e4:
        return f"{value:.4g}".replace("-", "−")
    mantissa, exponent = f"{value:.3e}".split("e")
    return f"{float(mantissa):g}·10{str(int(exponent)).translate(RAISED)}".replace("-", "−")


def _text(view, run, stages):
    """The phases of the line of text: what is predicted at each plateau, and from its drop on what came of it."""
    if not stages:
        return "Time {time}, loss {loss}: no plateau, and no step"
    ground, phases = view.problem.loss(np.zeros_like(run.theta[0])), {}
    for number, stage in enumerate(stages, 1):
        step, last = stage.step, stage is stages[-1]
        here = f"Plateau {number}, time {{time}}, loss {{loss}}: "
        if step.unclear:
            phases[stage.seen] = here + f"no step can be read off, {step.unclear}" + ("; a smaller δ keeps steps apart" if number == 1 else "")
            phases[stage.done] = "Time {time}, loss {loss}: the loss falls, and nothing was predicted"
            continue
        predicted, measured = view.told(stage)
        loss = _plain(step.loss) if step.loss > TINY * ground else "0"
        phases[stage.seen] = here + f"the residual frozen here predicts the next drop at t = {_plain(step.time)}, to loss {loss}, {predicted}"
        pairs = [(_plain(stage.time), _plain(step.time))]
        if not last:
            pairs.append((f"it leads to loss {_plain(view.problem.loss(stage.rest))}", loss))
        if not last or isinstance(view, _Neurons):
            pairs.append((measured, predicted.removeprefix(view.word)))
        phases[stage.done] = f"Drop {number} came at t = " + "; ".join(f"{found}, predicted {read}" for found, read in pairs) + ("; loss now {loss}" if last else "")
    return sorted(phases.items())
