"""Lesson 2: the plateau, the escape from the origin and the forecast of both."""

import numpy as np

from helpers import data, predict
from helpers.explorers.controls import Choice, LogSlider, Slider
from helpers.explorers.explorer import Explorer
from helpers.explorers.panels import Chart, Circle
from helpers.explorers.scene import Scene
from helpers.flow import gradient_flow, stop_at
from helpers.networks import TwoLayer
from helpers.problem import Problem

FRAMES = 180
ESCAPED = 0.15  # the norm ‖θ‖ at which a network counts as escaped
ACTIVATIONS = ("tanh", "x*tanh(x)", "x**2*tanh(x)")

CONTROLS = (
    LogSlider("scale", "initialization scale δ", 1e-4, 0.1, default=0.1),
    Choice("activation", "activation σ", ACTIVATIONS, default="tanh"),
    Slider("width", "neurons m", 5, 100, 5, default=20),
    Slider("seed", "seed", 0, 19, 1, default=0),
    Choice("axes", "axes", ("linear", "norm logarithmic", "both logarithmic"), default="linear"),
)


def escape_explorer(**settings):
    """The explorer of lesson 2; settings (scale, activation, width, seed, axes) replace the defaults."""
    return Explorer("escape_explorer", compute, CONTROLS, "How long does a network stay at the origin?", settings)


def compute(scale, activation, width, seed, axes):
    """The run of gradient flow from the origin to the first plateau after it, as a Scene of FRAMES frames."""
    dataset = data.spokes()
    network = TwoLayer(width, activation)
    problem = Problem(network, dataset)
    theta0 = network.init(dataset.dim, scale, seed)
    forecast = predict.forecast(problem, theta0)
    escape = forecast.escape_time(ESCAPED)
    rest = forecast.blow_up.min() - escape if forecast.degree > 2 else 0.0
    times, theta = _run(problem, theta0, rest + 10 / forecast.rate.max())
    W, a = network.weights(theta)
    length = np.hypot(np.linalg.norm(W, axis=2), a)
    loss = np.array([problem.loss(weights) for weights in theta])
    norm = np.linalg.norm(theta, axis=1)
    with np.errstate(over="ignore"):
        expected = forecast.norm(times)
    expected[expected > norm.max()] = np.nan  # far beyond the escape, where the residual is no longer frozen
    log_time, log_norm = axes == "both logarithmic", axes != "linear"
    shown = np.maximum(times, times[1]) if log_time else times
    marks = {"escape, predicted": escape}
    return Scene(
        time=times,
        panels=[
            Circle(np.arctan2(W[..., 1], W[..., 0]), length / length.max(axis=1, keepdims=True), np.sign(a).astype(int), title="neurons w",
                   alt="Each neuron's input weights as an arrow from the centre, as long as its share of the longest"),
            Chart(shown, {"loss": loss}, title="loss", x_label="time t", y_label="", log_x=log_time, log_y=False, marks=marks,
                  alt="The loss over time: a long plateau, then a fall; a vertical line where the escape was predicted"),
            Chart(shown, {"norm ‖θ‖": norm, "norm, predicted": expected}, title="length of all weights", x_label="time t", y_label="",
                  log_x=log_time, log_y=log_norm, marks=marks, predicted=("norm, predicted",),
                  alt="The norm of all weights over time, beside the one predicted from the data before training"),
        ],
        text="Time {time}: ‖θ‖ = {norm}, loss {loss}; ‖θ‖ = " + f"{ESCAPED:g}" + " predicted at t = {escape}, measured at {measured}; the longest neuron holds {share} % of ‖θ‖²",
        values={"norm": norm, "loss": loss, "escape": np.full(FRAMES, escape), "measured": np.full(FRAMES, times[FRAMES // 2]),
                "share": 100 * length.max(axis=1) ** 2 / norm**2},
    )


def _run(problem, theta0, after):
    """Times (FRAMES,) and θ (FRAMES, P): half of the frames until the escape, equal steps of the rescaled clock, half of them for the time `after` it."""
    slow = problem.rescaled()
    run = gradient_flow(slow, theta0, t_end=1e3, stop=stop_at(norm=ESCAPED), rtol=1e-5)
    clock = np.linspace(0, run.t[-1], FRAMES // 2 + 1)
    escaped = gradient_flow(problem, run.theta[-1], t_end=after, rtol=2e-4)
    since = escaped.frames(FRAMES - FRAMES // 2)
    until = slow.physical_time(run, clock)
    return np.concatenate([until[:-1], until[-1] + since]), np.concatenate([run.at(clock[:-1]), escaped.at(since)])
