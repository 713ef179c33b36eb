"""Lesson 1: one network trained from a start of any scale, from the kernel regime to condensation."""

import numpy as np

from helpers import data
from helpers.condensation import condensed_lines, relative_distance
from helpers.explorers.controls import Choice, LogSlider, Slider
from helpers.explorers.explorer import Explorer
from helpers.explorers.panels import Chart, Circle, Function
from helpers.explorers.scene import Scene
from helpers.flow import gradient_flow, stop_at
from helpers.networks import TwoLayer
from helpers.problem import Problem

FRAMES = 180
FIT = 0.01  # training ends when the loss is this share of the loss of the zero function

CONTROLS = (
    LogSlider("scale", "initialization scale δ", 1e-6, 10.0, default=10.0),
    Choice("activation", "activation σ", ("relu", "leaky_relu(0.1)", "tanh"), default="relu"),
    Slider("width", "neurons m", 10, 500, 10, default=60),
    Slider("seed", "seed", 0, 19, 1, default=0),
)


def scale_explorer(**settings):
    """The explorer of lesson 1; settings (scale, activation, width, seed) replace the defaults."""
    return Explorer("scale_explorer", compute, CONTROLS, "One data set, one network, any initialization scale", settings)


def compute(scale, activation, width, seed):
    """The run of gradient flow at these settings, as a Scene of FRAMES frames."""
    dataset = data.hinge()
    network = TwoLayer(width, activation, bias=True)
    problem = Problem(network, dataset)
    run = gradient_flow(problem, network.init(dataset.dim, scale, seed), t_end=1e4,
                        stop=stop_at(loss=FIT * 0.5 * np.sum(dataset.y**2)), rtol=2e-4)
    times = run.frames(FRAMES)
    theta = run.at(times)
    W, a = network.weights(theta)
    length = np.linalg.norm(W, axis=2)
    share = length / length.max(axis=1, keepdims=True)
    x = np.linspace(-2.3, 2.3, 93)
    inputs = np.concatenate([dataset.X, x[:, None]])
    at_data, fits = np.split(np.array([network.outputs(weights, inputs) for weights in theta]), [dataset.n], axis=1)
    loss = 0.5 * np.sum((at_data - dataset.y) ** 2, axis=1)
    kinks = np.divide(-W[..., 1], W[..., 0], out=np.full(length.shape, np.nan), where=(share > 0.01) & (W[..., 0] != 0))
    sign = np.sign(a).astype(int)
    return Scene(
        time=times,
        panels=[
            Circle(np.arctan2(W[..., 1], W[..., 0]), share, sign, title="neurons (w, b)",
                   alt="Each neuron's input weights as an arrow from the centre, as long as its share of the longest"),
            Function(x, fits, dataset.X[:, 0], dataset.y, kinks, sign, title="fitted function", x_label="input x", y_label="output",
                     alt="The network's function with the eight data points; on the axis, where each neuron changes sides"),
            Chart(times, {"loss": loss, "norm ‖θ‖": np.linalg.norm(theta, axis=1)}, title="loss and norm", x_label="time t", y_label="",
                  log_x=True, log_y=True, alt="The loss and the norm of all weights over time, both axes logarithmic"),
        ],
        text="Time {time}: loss {loss}; lines of neurons: {lines}; input weights moved by {moved} times their start",
        values={"loss": loss, "lines": _lines(W), "moved": relative_distance(W, W[0])},
    )


def _lines(W):
    """The number of condensed lines (threshold 10°) at each frame, shape (T,), from every eighth frame and the last."""
    counted = np.append(np.arange(0, len(W) - 1, 8), len(W) - 1)
    lines = [condensed_lines(W[k], angles=()).lines for k in counted]
    return np.array(lines, dtype=float)[np.searchsorted(counted, np.arange(len(W)), side="right") - 1]
