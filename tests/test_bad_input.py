"""Bad input is answered at the call with a ValueError or TypeError that names the argument: one table over all public functions."""

import inspect

import numpy as np
import pytest
import torch

import helpers
from helpers import (
    Deep,
    DivergenceError,
    Problem,
    TorchNetwork,
    TwoLayer,
    activation,
    condensation,
    curvature,
    data,
    escape_time,
    gradient_descent,
    gradient_flow,
    highdim,
    lesson,
    linear,
    lines,
    margin,
    ncf,
    predict,
    saddles,
    stop_at,
    train,
    vision,
)
from helpers.data import Dataset

NAN = float("nan")
POINTS = Dataset([[1.0, 0], [0, 1], [1, 2], [-1, 1]], [1.0, -1, 1, -1])
NETWORK = TwoLayer(3)
TORCH = TorchNetwork(torch.nn.Linear(2, 1))
PROBLEM = Problem(NETWORK, POINTS)
START = NETWORK.init(2, 0.1, seed=0)
RUN = gradient_flow(PROBLEM, START, t_end=1.0)
SLOW = PROBLEM.rescaled()
SLOW_RUN = gradient_flow(SLOW, START, t_end=1.0)
DEEP = Problem(Deep((2, 3, 1)), POINTS)
SEEN = curvature.along(PROBLEM, RUN, 8)
FORECAST = predict.forecast(PROBLEM, START)
CORRELATION = ncf.correlation(PROBLEM)
CUBIC = Problem(TwoLayer(3, "z**3"), Dataset(np.eye(3), np.ones(3)))
LAYERS, WHITE = linear.DeepLinear((5, 3, 4)), data.whitened()
SETTING = {"n": 10, "dim": 20, "norm": 1.0, "width": 4, "slope": 0.1, "step": 0.1, "std": 0.01}

NUMBERS = [None, NAN, float("inf"), "1", [1.0], np.ones(2), {}]  # wrong wherever one finite number is asked for
POSITIVE = [*NUMBERS, 0, -1, True]
WHOLE = [None, NAN, "3", 1.5, -1, True, [1], np.ones(2)]
COUNT = [*WHOLE, 0]
MATRIX = [None, NAN, "ab", 1.0, [], [[]], [1.0, 2.0], [[1.0], [1.0, 2.0]], [[1.0, NAN]], [["a"]], np.ones((2, 2, 2)), {}]
WEIGHTS = [None, [], 1.0, np.ones(5), np.ones((2, 3)), np.full(9, NAN), "ab"]
TIMES = [None, NAN, "ab", [], 1.0, [1.0, NAN], [-1.0], [[1.0]], {}]
SIGNS = [None, "ab", [1, -1], [1, -1, 1, 0], [1, -1, 1, NAN], np.ones((4, 1)), {}]


def labelled(function, *more):
    """Rows for a function of inputs X and labels y."""
    name = f"{function.__module__.removeprefix('helpers.')}.{function.__name__}"
    return {(name, "X"): (lambda bad: function(bad, POINTS.y, *more), [*MATRIX, np.zeros((4, 2))]),
            (name, "y"): (lambda bad: function(POINTS.X, bad, *more), SIGNS)}


TABLE = {
    ("activation", "name"): (activation, [None, 3, ["tanh"]]),
    ("activation", "activation"): (activation, ["", "gelu"]),
    ("activation", "function"): (lambda bad: activation("f", bad, np.cos), [None, 3, "sin"]),
    ("activation", "derivative"): (lambda bad: activation("f", np.sin, bad), [None, 3, "cos", np.sin]),
    ("activation", "multiplicity"): (lambda bad: activation("f", np.sin, np.cos, bad), [0, 2, 1.0, "1", NAN]),
    ("data.Dataset", "X"): (lambda bad: Dataset(bad, [1.0, 2.0]), [*MATRIX, np.ones((3, 1))]),
    ("data.Dataset", "y"): (lambda bad: Dataset([[1.0], [2.0]], bad), [None, NAN, "ab", [], [1.0], [1.0, NAN], ["a", "b"], np.ones((2, 1, 1)), {}]),
    ("data.hinge", "n"): (data.hinge, [*COUNT, 1]),
    ("data.sines", "n"): (data.sines, COUNT),
    ("data.sines", "frequency"): (lambda bad: data.sines(frequency=bad), POSITIVE),
    ("data.sines", "low"): (lambda bad: data.sines(low=bad), NUMBERS),
    ("data.sines", "high"): (lambda bad: data.sines(high=bad), NUMBERS),
    ("data.sine_target", "x"): (data.sine_target, [None, NAN, "ab", [], [1.0, NAN], {}]),
    ("data.sine_target", "frequency"): (lambda bad: data.sine_target([1.0], bad), POSITIVE),
    ("data.circle", "n"): (data.circle, COUNT),
    ("data.circle", "seed"): (lambda bad: data.circle(seed=bad), WHOLE),
    ("data.petals", "n"): (data.petals, COUNT),
    ("data.petals", "sizes"): (lambda bad: data.petals(sizes=bad), [None, NAN, "ab", [], 1.0, [1.0, 2, NAN], [[1.0, 2.0]], {}]),
    ("data.petals", "angles"): (lambda bad: data.petals(angles=bad), [None, NAN, "ab", [], 50.0, [1.0, 2.0], [1.0, 2, NAN], np.ones((3, 1)), {}]),
    ("data.spokes", "angles"): (data.spokes, [None, NAN, "ab", [], 50.0, [1.0, NAN], [[1.0, 2.0]], {}]),
    ("data.spokes", "labels"): (lambda bad: data.spokes([0, 90], bad), [None, NAN, "ab", [], 1.0, [1.0], [1.0, NAN], np.ones((2, 1)), {}]),
    ("data.groups", "n"): (data.groups, [*COUNT, 1]),
    ("data.groups", "centres"): (lambda bad: data.groups(centres=bad), [None, NAN, "ab", [], 50.0, [1.0, NAN], [[1.0, 2.0]], {}]),
    ("data.groups", "labels"): (lambda bad: data.groups(labels=bad), [None, NAN, "ab", [], 1.0, [1.0], [1.0, NAN], np.ones((2, 1)), {}]),
    ("data.groups", "spread"): (lambda bad: data.groups(spread=bad), [*NUMBERS, -1, True]),
    ("data.groups", "seed"): (lambda bad: data.groups(seed=bad), WHOLE),
    ("data.sum_of_sines", "n"): (data.sum_of_sines, COUNT),
    ("data.sum_of_sines", "dim"): (lambda bad: data.sum_of_sines(dim=bad), COUNT),
    ("data.sum_of_sines", "frequency"): (lambda bad: data.sum_of_sines(frequency=bad), POSITIVE),
    ("data.sum_of_sines", "amplitude"): (lambda bad: data.sum_of_sines(amplitude=bad), POSITIVE),
    ("data.sum_of_sines", "seed"): (lambda bad: data.sum_of_sines(seed=bad), WHOLE),
    ("data.orthonormal", "labels"): (data.orthonormal, [None, NAN, "ab", [], 1.0, [1.0, NAN], np.ones((2, 1)), {}]),
    ("data.orthonormal", "seed"): (lambda bad: data.orthonormal(seed=bad), WHOLE),
    ("data.simplex", "dim"): (data.simplex, COUNT),
    ("data.tetrahedron", "labels"): (data.tetrahedron, [None, NAN, "ab", [], 1.0, [1.0] * 3, [1.0, 1, 1, NAN], np.ones((4, 1)), {}]),
    ("data.orthogonal", "n_plus"): (lambda bad: data.orthogonal(bad, 2, 9), [*COUNT, 8]),
    ("data.orthogonal", "n_minus"): (lambda bad: data.orthogonal(2, bad, 9), [*COUNT, 8]),
    ("data.orthogonal", "dim"): (lambda bad: data.orthogonal(2, 2, bad), [*COUNT, 3]),
    ("data.orthogonal", "norms"): (lambda bad: data.orthogonal(2, 2, 9, bad), [None, 1.0, (), (1.0,), (1, 1, 1), (0, 1), (-1, 1), (NAN, 1), (1, NAN), (2, 1), "ab"]),
    ("data.orthogonal", "seed"): (lambda bad: data.orthogonal(2, 2, 9, seed=bad), WHOLE),
    ("data.gaussian_classes", "n_plus"): (lambda bad: data.gaussian_classes(bad), COUNT),
    ("data.gaussian_classes", "n_minus"): (lambda bad: data.gaussian_classes(2, bad), COUNT),
    ("data.gaussian_classes", "dim"): (lambda bad: data.gaussian_classes(2, 2, bad), COUNT),
    ("data.gaussian_classes", "mean"): (lambda bad: data.gaussian_classes(2, 2, 9, bad), NUMBERS),
    ("data.gaussian_classes", "seed"): (lambda bad: data.gaussian_classes(2, 2, 9, seed=bad), WHOLE),
    ("data.whitened", "singular_values"): (data.whitened, [None, NAN, "ab", [], 1.0, [1.0, NAN], [1, 0], [1, -1], [[1.0]], [5, 4, 3, 2, 1], {}]),
    ("data.whitened", "dim"): (lambda bad: data.whitened((2, 1), bad), [*COUNT, 1]),
    ("data.whitened", "outputs"): (lambda bad: data.whitened((2, 1), 3, bad), [*COUNT, 1]),
    ("data.whitened", "seed"): (lambda bad: data.whitened(seed=bad), WHOLE),
    ("data.sparse_regression", "n"): (data.sparse_regression, COUNT),
    ("data.sparse_regression", "dim"): (lambda bad: data.sparse_regression(30, bad), [*COUNT, 2]),
    ("data.sparse_regression", "coefficients"): (lambda bad: data.sparse_regression(2, 4, bad), [None, NAN, "ab", [], 1.0, [1.0, NAN], [1.0] * 5, [[1.0]], {}]),
    ("data.sparse_regression", "seed"): (lambda bad: data.sparse_regression(seed=bad), WHOLE),
    ("data.digits", "first"): (lambda bad: data.digits(bad, 8), [*WHOLE, 8, 10]),
    ("data.digits", "second"): (lambda bad: data.digits(3, bad), [*WHOLE, 3, 10]),
    ("data.ten_digits", "n"): (lambda bad: data.ten_digits(bad), [*COUNT, 1798]),
    ("TwoLayer", "width"): (TwoLayer, COUNT),
    ("TwoLayer", "activation"): (lambda bad: TwoLayer(3, bad), [None, 3, "gelu", np.tanh, ["tanh"]]),
    ("TwoLayer", "train_output"): (lambda bad: TwoLayer(3, train_output=bad), [None, "no", 2]),
    ("TwoLayer", "bias"): (lambda bad: TwoLayer(3, bias=bad), [None, "no", 2]),
    ("TwoLayer", "output_weights"): (lambda bad: TwoLayer(3, train_output=False, output_weights=bad), ["ab", 1.0, [1.0], [1.0, 2.0, NAN], np.ones((3, 1))]),
    ("TwoLayer", "dim"): (NETWORK.size, COUNT),
    ("TwoLayer", "scale"): (lambda bad: NETWORK.init(2, bad, 0), POSITIVE),
    ("TwoLayer", "seed"): (lambda bad: NETWORK.init(2, 1.0, bad), WHOLE),
    ("TwoLayer", "theta"): (lambda bad: NETWORK.outputs(bad, POINTS.X), [None, [], 1.0, np.ones(5), np.ones((2, 3))]),
    ("TwoLayer.directional", "theta"): (lambda bad: NETWORK.directional(bad, POINTS.X, np.ones(4), START), [None, [], 1.0, np.ones(5), np.ones((2, 3))]),
    ("TwoLayer.directional", "X"): (lambda bad: NETWORK.directional(START, bad, np.ones(4), START), [None, 1.0, [1.0, 2.0], np.ones((2, 2, 2))]),
    ("TwoLayer.directional", "r"): (lambda bad: NETWORK.directional(START, POINTS.X, bad, START), [None, 1.0, [1.0], np.ones((4, 1))]),
    ("TwoLayer.directional", "v"): (lambda bad: NETWORK.directional(START, POINTS.X, np.ones(4), bad), [None, [], 1.0, np.ones(5), np.ones((2, 3)), np.ones((1, 2, 9))]),
    ("TwoLayer.parts", "theta"): (NETWORK.parts, [None, [], 1.0, np.ones(5), np.ones((2, 9)), np.full(9, NAN), "ab"]),
    ("TwoLayer", "X"): (lambda bad: NETWORK.outputs(START, bad), [None, 1.0, [1.0, 2.0], np.ones((2, 2, 2))]),
    ("TwoLayer", "r"): (lambda bad: NETWORK.pullback(START, POINTS.X, bad), [None, 1.0, [1.0], np.ones((4, 1))]),
    ("TorchNetwork", "module"): (TorchNetwork, [None, "relu", torch.relu, TwoLayer(3), torch.nn.Tanh()]),
    ("TorchNetwork", "kinked"): (lambda bad: TorchNetwork(torch.nn.Linear(2, 1), bad), ["yes", 2]),
    ("TorchNetwork", "scale"): (lambda bad: TORCH.init(2, bad, 0), POSITIVE),
    ("TorchNetwork", "theta"): (lambda bad: TORCH.outputs(bad, POINTS.X), [None, [], 1.0, np.ones(5)]),
    ("TorchNetwork.weights", "theta"): (TORCH.weights, [None, [], 1.0, np.ones(5), np.ones((2, 4))]),
    ("TorchNetwork", "inputs"): (lambda bad: TORCH.outputs(np.ones(3), bad), [[1.0, 2.0, 3.0], np.ones((4, 3))]),
    ("TorchNetwork", "r"): (lambda bad: TORCH.pullback(np.ones(3), POINTS.X, bad), [None, 1.0, [1.0], np.ones((4, 1))]),
    ("Deep", "widths"): (Deep, [None, 3, "ab", (), (2,), (2, 0), (2, 3, -1), (2, 1.5), (2, True), (2, None), np.array([2, 3]), {2, 3}]),
    ("Deep", "activation"): (lambda bad: Deep((2, 3, 1), bad), [None, 3, "gelu", np.tanh, ["tanh"], torch.relu]),
    ("DeepLinear", "widths"): (linear.DeepLinear, [None, 3, "abc", (), (2, 1), (2, 0, 1), (2, 3, -1), (2, 1.5, 1), (2, True, 1), (2, None, 1), np.array([2, 3, 1])]),
    ("DeepLinear", "dim"): (lambda bad: LAYERS.init(bad, 1.0, 0, balanced=True), [*COUNT, 2]),
    ("DeepLinear", "scale"): (lambda bad: LAYERS.init(5, bad, 0, balanced=True), POSITIVE),
    ("DeepLinear", "seed"): (lambda bad: LAYERS.init(5, 1.0, bad, balanced=True), WHOLE),
    ("DeepLinear", "balanced"): (lambda bad: LAYERS.init(5, 1.0, 0, bad), [None, "no", 2]),
    ("DeepLinear", "theta"): (lambda bad: LAYERS.outputs(bad, WHITE.X), [None, [], 1.0, np.ones(5), np.ones((2, 27))]),
    ("DeepLinear.parts", "theta"): (LAYERS.parts, [None, [], 1.0, np.ones(5), np.ones((2, 27)), np.full(27, NAN)]),
    ("DeepLinear", "X"): (lambda bad: LAYERS.outputs(np.ones(27), bad), [None, 1.0, np.ones(5), np.ones((2, 4)), np.ones((2, 5, 2))]),
    ("DeepLinear", "r"): (lambda bad: LAYERS.pullback(np.ones(27), WHITE.X, bad), [None, 1.0, np.ones(5), np.ones((5, 3)), np.ones((4, 4))]),
    ("Diagonal", "depth"): (linear.Diagonal, [*COUNT, 1]),
    ("Diagonal", "dim"): (linear.Diagonal().size, COUNT),
    ("Diagonal", "scale"): (lambda bad: linear.Diagonal().init(2, bad), POSITIVE),
    ("Diagonal", "seed"): (lambda bad: linear.Diagonal().init(2, 1.0, bad), WHOLE[1:]),
    ("Diagonal", "theta"): (lambda bad: linear.Diagonal().outputs(bad, POINTS.X), [None, [], 1.0, np.ones(5), np.ones(6), np.ones((2, 4))]),
    ("Diagonal.parts", "theta"): (linear.Diagonal().parts, [None, [], 1.0, np.ones(5), np.ones((2, 4)), np.full(4, NAN)]),
    ("Diagonal", "X"): (lambda bad: linear.Diagonal().outputs(np.ones(4), bad), [None, 1.0, [1.0, 2.0], np.ones((2, 3)), np.ones((2, 2, 2))]),
    ("Diagonal", "r"): (lambda bad: linear.Diagonal().pullback(np.ones(4), POINTS.X, bad), [None, 1.0, [1.0], np.ones((4, 1))]),
    ("linear.exact_product", "problem"): (lambda bad: linear.exact_product(bad, np.ones(27), [1.0]), [None, "problem", LAYERS, PROBLEM, DEEP]),
    ("linear.exact_product", "theta0"): (lambda bad: linear.exact_product(Problem(LAYERS, WHITE), bad, [1.0]), [*WEIGHTS, np.ones(28), np.arange(27.0)]),
    ("linear.exact_product", "times"): (lambda bad: linear.exact_product(Problem(LAYERS, WHITE), np.zeros(27), bad), TIMES),
    ("linear.exact_modes", "s_star"): (lambda bad: linear.exact_modes(bad, 0.1, [1.0]), [None, NAN, "ab", 1.0, [], [1.0, NAN], [[1.0]], {}]),
    ("linear.exact_modes", "s0"): (lambda bad: linear.exact_modes([1.0, 2.0], bad, [1.0]), [None, NAN, "ab", [], 0, -1.0, 1.0, [0.1] * 3, [0.1, NAN], [0.1, 2.0], {}]),
    ("linear.exact_modes", "times"): (lambda bad: linear.exact_modes([1.0], 0.1, bad), TIMES),
    ("linear.exact_modes", "depth"): (lambda bad: linear.exact_modes([1.0], 0.1, [1.0], bad), [*COUNT, 1]),
    ("linear.mode_time", "s_star"): (lambda bad: linear.mode_time(bad, 0.1, 0.5), [None, NAN, "ab", [], [1.0, NAN], 0.05, {}]),
    ("linear.mode_time", "s0"): (lambda bad: linear.mode_time([1.0, 2.0], bad, 0.5), [None, NAN, "ab", [], 0, -1.0, 1.0, [0.1] * 3, {}]),
    ("linear.mode_time", "s"): (lambda bad: linear.mode_time([1.0, 2.0], 0.1, bad), [None, NAN, "ab", [], 0, -1.0, 1.0, [0.1] * 3, {}]),
    ("linear.mode_time", "depth"): (lambda bad: linear.mode_time(1.0, 0.1, 0.5, bad), [*COUNT, 1]),
    ("linear.min_l1", "X"): (lambda bad: linear.min_l1(bad, POINTS.y), [*MATRIX, np.zeros((4, 5)), np.ones((4, 2))]),
    ("linear.min_l1", "y"): (lambda bad: linear.min_l1(POINTS.X, bad), [None, "ab", [1.0], [1.0, 2, 3, NAN], np.ones((4, 1)), [1.0, 1, 1, 1], {}]),
    ("Problem", "network"): (lambda bad: Problem(bad, POINTS), [None, "tanh", 3, torch.nn.Linear(2, 1)]),
    ("Problem", "data"): (lambda bad: Problem(NETWORK, bad), [None, (POINTS.X, POINTS.y), POINTS.X]),
    ("Problem", "loss"): (lambda bad: Problem(NETWORK, POINTS, bad), [None, 1, "hinge", ["square"]]),
    ("Problem", "reduction"): (lambda bad: Problem(NETWORK, POINTS, reduction=bad), [None, 1, "max", ["sum"]]),
    ("Problem", "theta"): (PROBLEM.loss, [None, [], 1.0, np.ones(5), np.full(9, NAN)]),
    ("Problem", "residual"): (PROBLEM.frozen, ["ab", 1.0, [1.0], [1.0, 2, 3, NAN], np.ones((4, 1))]),
    ("Problem.hessian", "theta"): (PROBLEM.hessian, [None, [], 1.0, np.ones(5), np.full(9, NAN)]),
    ("Problem.hessian_product", "theta"): (lambda bad: PROBLEM.hessian_product(bad, START), [[1.0], np.full(9, NAN), np.ones((3, 3))]),
    ("Problem.hessian_product", "v"): (lambda bad: PROBLEM.hessian_product(START, bad), [*WEIGHTS, np.ones((2, 9))]),
    ("hessian_extremes", "problem"): (lambda bad: helpers.hessian_extremes(bad, START), [None, "problem", NETWORK, SLOW]),
    ("hessian_extremes", "theta"): (lambda bad: helpers.hessian_extremes(PROBLEM, bad), [*WEIGHTS, RUN, np.ones((2, 2, 9))]),
    ("hessian_extremes", "method"): (lambda bad: helpers.hessian_extremes(PROBLEM, START, bad), ["", "arpack", 3, True, ["full"]]),
    ("vision.network", "name"): (lambda bad: vision.network(bad), [None, "relu", 1]),
    ("vision.xavier", "network"): (lambda bad: vision.xavier(bad, 0), [None, "ReLU", NETWORK]),
    ("vision.xavier", "seed"): (lambda bad: vision.xavier(TORCH, bad), WHOLE),
    ("vision.descents", "problem"): (lambda bad: vision.descents(bad, START, 0.1, 4, points=2), [None, "problem", NETWORK]),
    ("vision.descents", "theta0"): (lambda bad: vision.descents(PROBLEM, bad, 0.1, 4, points=2), WEIGHTS),
    ("vision.descents", "step"): (lambda bad: vision.descents(PROBLEM, START, bad, 4, points=2), POSITIVE),
    ("vision.descents", "steps"): (lambda bad: vision.descents(PROBLEM, START, 0.1, bad, points=2), COUNT),
    ("vision.descents", "ratios"): (lambda bad: vision.descents(PROBLEM, START, 0.1, 4, bad, points=2), [None, 2, "ab", [1, 0], [1.5], [True]]),
    ("vision.descents", "points"): (lambda bad: vision.descents(PROBLEM, START, 0.1, 4, points=bad), [*COUNT, 3, 5]),
    ("curvature.along", "problem"): (lambda bad: curvature.along(bad, RUN), [None, "problem", NETWORK, SLOW]),
    ("curvature.along", "run"): (lambda bad: curvature.along(PROBLEM, bad), [None, "run", START, RUN.theta, gradient_descent(PROBLEM, START, 0.1, 2), gradient_flow(CUBIC, np.ones(12), 0.1)]),
    ("curvature.along", "points"): (lambda bad: curvature.along(PROBLEM, RUN, bad), [*COUNT, 7]),
    ("Curvature.bound", "step"): (SEEN.bound, [*POSITIVE, lambda loss: NAN, lambda loss: -loss, lambda loss: None]),
    ("Curvature.bound", "form"): (lambda bad: SEEN.bound(0.1, bad), [None, "", "dull", 3]),
    ("Curvature.largest_step", "eps"): (SEEN.largest_step, POSITIVE),
    ("Curvature.largest_step", "form"): (lambda bad: SEEN.largest_step(0.1, bad), [None, "", "dull", 3]),
    ("curvature.gap", "problem"): (lambda bad: curvature.gap(bad, RUN, RUN), [None, "problem", NETWORK]),
    ("curvature.gap", "flow_run"): (lambda bad: curvature.gap(PROBLEM, bad, RUN), [None, "run", START, gradient_descent(PROBLEM, START, 0.1, 2), gradient_flow(PROBLEM, START, 0.5),
                                                                                   gradient_flow(PROBLEM, 2 * START, 1.0)]),
    ("curvature.gap", "descent_run"): (lambda bad: curvature.gap(PROBLEM, RUN, bad), [None, "run", START, gradient_descent(CUBIC, np.ones(12), 0.01, 1)]),
    ("curvature.modified", "problem"): (lambda bad: curvature.modified(bad, 0.1), [None, "problem", NETWORK, SLOW]),
    ("curvature.modified", "step"): (lambda bad: curvature.modified(PROBLEM, bad), POSITIVE),
    ("curvature.norm_bound", "problem"): (lambda bad: curvature.norm_bound(bad, START), [None, "problem", NETWORK, PROBLEM]),
    ("curvature.norm_bound", "theta"): (lambda bad: curvature.norm_bound(Problem(TwoLayer(3, "relu"), POINTS), bad), [*WEIGHTS, np.ones((2, 2, 9))]),
    ("Rescaled", "clock"): (lambda bad: SLOW.physical_time(SLOW_RUN, bad), [NAN, "ab", [], 0.5, [0.0, NAN], [0.5, 1.0], [0.0, 1.0, 0.5], [[0.0, 1.0]]]),
    ("Rescaled", "times"): (lambda bad: SLOW.physical_time(SLOW_RUN, bad), [[0.0, 9.0]]),
    ("Rescaled", "theta"): (SLOW.velocity, [None, [], 1.0, np.ones(5), np.full(9, NAN), np.zeros(9)]),
    ("escape_time", "problem"): (lambda bad: escape_time(bad, START), [None, "problem", NETWORK, 3]),
    ("escape_time", "theta0"): (lambda bad: escape_time(PROBLEM, bad), [*WEIGHTS, np.zeros(9)]),
    ("escape_time", "drop"): (lambda bad: escape_time(PROBLEM, START, bad), [*NUMBERS, 0, 1, -0.1, 2, True]),
    ("escape_time", "norm"): (lambda bad: escape_time(PROBLEM, START, norm=bad), POSITIVE[1:]),
    ("gradient_flow", "problem"): (lambda bad: gradient_flow(bad, START, 1.0), [None, "problem", NETWORK]),
    ("gradient_flow", "theta0"): (lambda bad: gradient_flow(PROBLEM, bad, 1.0), [*WEIGHTS, np.zeros(9)]),
    ("gradient_flow", "t_end"): (lambda bad: gradient_flow(PROBLEM, START, bad), POSITIVE),
    ("gradient_flow", "stop"): (lambda bad: gradient_flow(PROBLEM, START, 1.0, stop=bad), [0, 0.1, "loss", {"loss": 1}]),
    ("gradient_flow", "rtol"): (lambda bad: gradient_flow(PROBLEM, START, 1.0, rtol=bad), POSITIVE[1:]),
    ("gradient_flow", "max_evaluations"): (lambda bad: gradient_flow(PROBLEM, START, 1.0, max_evaluations=bad), COUNT),
    ("gradient_flow", "stiff"): (lambda bad: gradient_flow(PROBLEM, START, 1.0, stiff=bad), [None, "yes", 2]),
    ("gradient_descent", "problem"): (lambda bad: gradient_descent(bad, START, 0.1, 1), [None, "problem", NETWORK]),
    ("gradient_descent", "theta0"): (lambda bad: gradient_descent(PROBLEM, bad, 0.1, 1), WEIGHTS),
    ("gradient_descent", "step"): (lambda bad: gradient_descent(PROBLEM, START, bad, 1), [*POSITIVE, lambda loss: NAN, lambda loss: -loss, lambda loss: None]),
    ("gradient_descent", "steps"): (lambda bad: gradient_descent(PROBLEM, START, 0.1, bad), WHOLE),
    ("gradient_descent", "stop"): (lambda bad: gradient_descent(PROBLEM, START, 0.1, 1, stop=bad), [0, 0.1, "loss", {"loss": 1}]),
    ("gradient_descent", "record"): (lambda bad: gradient_descent(PROBLEM, START, 0.1, 1, record=bad), [5, "ab", [-1], [1.5], [None], [2]]),
    ("train", "problem"): (lambda bad: train(bad, START), [None, "problem", NETWORK]),
    ("train", "theta0"): (lambda bad: train(PROBLEM, bad), WEIGHTS),
    ("train", "optimizer"): (lambda bad: train(PROBLEM, START, bad), [None, 3, "Adam", "newton", ["adam"]]),
    ("train", "step"): (lambda bad: train(PROBLEM, START, step=bad), [*POSITIVE, lambda loss: 0.1]),
    ("train", "epsilon"): (lambda bad: train(PROBLEM, START, epsilon=bad), POSITIVE),
    ("train", "steps"): (lambda bad: train(PROBLEM, START, steps=bad), WHOLE),
    ("train", "batch"): (lambda bad: train(PROBLEM, START, batch=bad, steps=1), [*COUNT[1:], 5]),
    ("train", "seed"): (lambda bad: train(PROBLEM, START, steps=1, seed=bad), WHOLE),
    ("train", "stop"): (lambda bad: train(PROBLEM, START, steps=1, stop=bad), [0, 0.1, "loss", {"loss": 1}]),
    ("train", "record"): (lambda bad: train(PROBLEM, START, steps=1, record=bad), [5, "ab", [-1], [1.5], [None], [2]]),
    ("stop_at", "loss"): (lambda bad: stop_at(loss=bad), NUMBERS[1:]),
    ("stop_at", "norm"): (lambda bad: stop_at(norm=bad), POSITIVE[1:]),
    ("stop_at", "stationary"): (lambda bad: stop_at(stationary=bad), POSITIVE[1:]),
    ("Trajectory", "times"): (RUN.at, [None, NAN, 0.5, [], [NAN], [-1.0], [9.0], [[0.5]], "ab"]),
    ("Trajectory", "count"): (RUN.frames, [*COUNT, 1]),
    ("condensation.directions", "W"): (condensation.directions, [*MATRIX, np.zeros((2, 2))]),
    ("condensation.cosine_matrix", "W"): (condensation.cosine_matrix, [*MATRIX, np.zeros((2, 2))]),
    ("condensation.condensed_lines", "W"): (condensation.condensed_lines, [*MATRIX, np.zeros((2, 2))]),
    ("condensation.condensed_lines", "angle"): (lambda bad: condensation.condensed_lines(np.eye(2), angle=bad), POSITIVE),
    ("condensation.condensed_lines", "floor"): (lambda bad: condensation.condensed_lines(np.eye(2), floor=bad), [*NUMBERS, -1, 2]),
    ("condensation.condensed_lines", "angles"): (lambda bad: condensation.condensed_lines(np.eye(2), angles=bad), [None, 5, "ab", [0], [-1], [NAN], [None]]),
    ("condensation.stable_rank", "W"): (condensation.stable_rank, [*MATRIX, np.zeros((2, 2))]),
    ("condensation.effective_rank", "W"): (condensation.effective_rank, [*MATRIX, np.zeros((2, 2))]),
    ("condensation.relative_distance", "theta"): (lambda bad: condensation.relative_distance(bad, np.ones(2)), [None, NAN, [], 1.0, np.ones(3), [1.0, NAN], "ab"]),
    ("condensation.relative_distance", "theta0"): (lambda bad: condensation.relative_distance(np.ones(2), bad), [None, NAN, [], np.ones(3), [1.0, NAN], [0, 0], "ab"]),
    ("condensation.polynomial_residual", "x"): (lambda bad: condensation.polynomial_residual(bad, np.ones(3), 1), [None, NAN, "ab", [], 1.0, [1.0, 2, NAN], np.ones((3, 1)), {}]),
    ("condensation.polynomial_residual", "values"): (lambda bad: condensation.polynomial_residual(np.arange(3), bad, 1),
                                                     [None, NAN, "ab", [], 1.0, [1.0], [1.0, 2, NAN], np.ones((3, 1)), np.ones((1, 1, 3)), np.zeros(3), np.zeros((2, 3)), {}]),
    ("condensation.polynomial_residual", "degree"): (lambda bad: condensation.polynomial_residual(np.arange(3), np.ones(3), bad), WHOLE),
    ("condensation.merged", "network"): (lambda bad: condensation.merged(bad, START), [None, "network", PROBLEM, TORCH, DEEP.network]),
    ("condensation.merged", "theta"): (lambda bad: condensation.merged(NETWORK, bad), [None, NAN, "ab", [], 1.0, np.ones(5), np.ones((2, 9)), np.full(9, NAN), np.zeros(9)]),
    ("condensation.merged", "angle"): (lambda bad: condensation.merged(NETWORK, START, angle=bad), POSITIVE),
    ("condensation.merged", "floor"): (lambda bad: condensation.merged(NETWORK, START, floor=bad), [*NUMBERS, -1, 2]),
    **{(f"lines.{function.__name__}", argument): (lambda bad, function=function, argument=argument: function(**{"problem": CUBIC, argument: bad}), bads)
       for function in (lines.critical_lines, lines.attracting_lines)
       for argument, bads in (("problem", [None, "problem", NETWORK, POINTS, DEEP]), ("starts", COUNT), ("seed", WHOLE))},
    ("lines.critical_lines", "activation"): (lambda bad: lines.critical_lines(Problem(TwoLayer(2, bad), POINTS)), ["relu", "leaky_relu(0.1)", "relu**2", "sigmoid"]),
    ("margin.least_norm", "G"): (margin.least_norm, MATRIX),
    **labelled(margin.max_margin),
    **labelled(margin.max_margin_directions, 0.1, 4),
    ("margin.max_margin_directions", "slope"): (lambda bad: margin.max_margin_directions(np.eye(2), [1, -1], bad, 4), POSITIVE),
    ("margin.max_margin_directions", "width"): (lambda bad: margin.max_margin_directions(np.eye(2), [1, -1], 0.1, bad), [*COUNT, 1]),
    ("highdim.default_std", "width"): (lambda bad: highdim.default_std(bad, 9), COUNT),
    ("highdim.default_std", "dim"): (lambda bad: highdim.default_std(9, bad), COUNT),
    ("highdim.initial_stable_rank", "width"): (lambda bad: highdim.initial_stable_rank(bad, 9), COUNT),
    ("highdim.initial_stable_rank", "dim"): (lambda bad: highdim.initial_stable_rank(9, bad), COUNT),
    ("highdim.limit_stable_rank", "slope"): (highdim.limit_stable_rank, [*NUMBERS, -0.1]),
    **labelled(highdim.kkt_stable_rank, 0.1),
    ("highdim.kkt_stable_rank", "slope"): (lambda bad: highdim.kkt_stable_rank(np.eye(2), [1, -1], bad), [*NUMBERS, -0.1]),
    ("highdim.kkt_stable_rank", "positive"): (lambda bad: highdim.kkt_stable_rank(np.eye(2), [1, -1], 0.1, bad), [*POSITIVE, 1, 2]),
    ("highdim.stable_rank_curve", "setting"): (lambda bad: highdim.stable_rank_curve(bad, 3), [None, SETTING, 3]),
    ("highdim.stable_rank_curve", "steps"): (lambda bad: highdim.stable_rank_curve(highdim.Setting(**SETTING), bad), COUNT),
    **labelled(highdim.early_directions, 0.1),
    ("highdim.early_directions", "slope"): (lambda bad: highdim.early_directions(np.eye(2), [1, -1], bad), NUMBERS),
    **{("highdim.Setting", name): (lambda bad, name=name: highdim.Setting(**{**SETTING, name: bad}), COUNT if name in ("n", "dim", "width") else POSITIVE)
       for name in SETTING},
    **{(f"ncf.{function.__name__}", "problem"): (function, [None, "problem", NETWORK, POINTS])
       for function in (ncf.leading, ncf.degree, ncf.correlation, ncf.critical_directions, ncf.attractors)},
    ("ncf.correlation", "TwoLayer"): (ncf.correlation, [DEEP, Problem(TORCH, POINTS)]),
    ("ncf.kkt_residual", "problem"): (lambda bad: ncf.kkt_residual(bad, START), [None, "problem", NETWORK]),
    ("ncf.kkt_residual", "u"): (lambda bad: ncf.kkt_residual(PROBLEM, bad), [*WEIGHTS, np.zeros(9)]),
    ("ncf.ascend", "problem"): (lambda bad: ncf.ascend(bad, np.eye(2)), [None, "problem", NETWORK]),
    ("ncf.ascend", "starts"): (lambda bad: ncf.ascend(PROBLEM, bad), [None, NAN, "ab", 1.0, [], [1.0, 2.0], [[1.0, NAN]], np.ones((2, 3)), {}]),
    ("ncf.ascend", "sign"): (lambda bad: ncf.ascend(PROBLEM, np.eye(2), bad), [None, NAN, 0, 2, "1", True, [1]]),
    ("ncf.attractors", "starts"): (lambda bad: ncf.attractors(PROBLEM, bad), COUNT),
    ("ncf.attractors", "seed"): (lambda bad: ncf.attractors(PROBLEM, 2, bad), WHOLE),
    ("ncf.rank_one", "problem"): (lambda bad: ncf.rank_one(bad, [1.0, 0.0]), [None, "problem", PROBLEM, Problem(Deep((2, 3, 2)), Dataset(POINTS.X, np.ones((4, 2))))]),
    ("ncf.rank_one", "direction"): (lambda bad: ncf.rank_one(DEEP, bad), [None, NAN, "ab", [], 1.0, [1.0], [1.0, NAN], np.eye(2), {}]),
    ("ncf.rank_one", "active"): (lambda bad: ncf.rank_one(DEEP, [1.0, 0.0], bad), [*COUNT, 4]),
    **{(f"Correlation.{name}", "U"): (getattr(CORRELATION, name), [None, NAN, "ab", 1.0, [], [1.0, 2.0], [[1.0, NAN]], np.ones((2, 3)), {}])
       for name in ("value", "gradient", "hessian")},
    **{(f"saddles.{name}", "problem"): (call, [None, "problem", NETWORK, POINTS, SLOW, DEEP, PROBLEM.frozen()])
       for name, call in {"plateaus": lambda bad: saddles.plateaus(bad, RUN), "drop_times": lambda bad: saddles.drop_times(bad, RUN, ()),
                          "start": lambda bad: saddles.start(bad, START), "next_step": lambda bad: saddles.next_step(bad, saddles.start(PROBLEM, START)),
                          "staircase": lambda bad: saddles.staircase(bad, START), "pursuit": saddles.pursuit}.items()},
    ("saddles.plateaus", "run"): (lambda bad: saddles.plateaus(PROBLEM, bad), [None, "run", START, RUN.theta, gradient_flow(CUBIC, np.ones(12), 0.1)]),
    ("saddles.plateaus", "least"): (lambda bad: saddles.plateaus(PROBLEM, RUN, bad), POSITIVE),
    ("saddles.drop_times", "run"): (lambda bad: saddles.drop_times(PROBLEM, bad, ()), [None, "run", START, RUN.theta]),
    ("saddles.drop_times", "found"): (lambda bad: saddles.drop_times(PROBLEM, RUN, bad), ["found", 3, [1.0], RUN, saddles.start(PROBLEM, START)]),
    ("saddles.start", "theta0"): (lambda bad: saddles.start(PROBLEM, bad), [*WEIGHTS, np.zeros(9)]),
    ("saddles.next_step", "plateau"): (lambda bad: saddles.next_step(PROBLEM, bad), [None, "plateau", START, RUN, (saddles.start(PROBLEM, START),)]),
    ("saddles.staircase", "theta0"): (lambda bad: saddles.staircase(PROBLEM, bad), [*WEIGHTS, np.zeros(9)]),
    ("saddles.staircase", "steps"): (lambda bad: saddles.staircase(PROBLEM, START, bad), COUNT),
    ("saddles.pursuit", "scale"): (lambda bad: saddles.pursuit(PROBLEM, bad), POSITIVE),
    ("saddles.pursuit", "steps"): (lambda bad: saddles.pursuit(PROBLEM, steps=bad), COUNT),
    ("saddles.pursuit", "seed"): (lambda bad: saddles.pursuit(PROBLEM, seed=bad), WHOLE),
    ("predict.forecast", "problem"): (lambda bad: predict.forecast(bad, START), [None, "problem", NETWORK]),
    ("predict.forecast", "theta0"): (lambda bad: predict.forecast(PROBLEM, bad), [*WEIGHTS, np.zeros(9)]),
    **{(f"Forecast.{name}", "times"): (getattr(FORECAST, name), [None, NAN, "ab", 0.5, [], [0.5, NAN], [[0.5]], {}]) for name in ("lengths", "norm", "directions")},
    ("Forecast.escape_time", "norm"): (FORECAST.escape_time, POSITIVE),
    ("lesson.fact", "name"): (lambda bad: lesson.fact(bad, "rank", 1, 1, rel=0.1), [None, 3, ["C1"]]),
    ("lesson.fact", "what"): (lambda bad: lesson.fact("C1", bad, 1, 1, rel=0.1), [None, 3]),
    ("lesson.fact", "predicted"): (lambda bad: lesson.fact("C1", "rank", bad, 1, rel=0.1), NUMBERS),
    ("lesson.fact", "measured"): (lambda bad: lesson.fact("C1", "rank", 1, bad, rel=0.1), NUMBERS),
    ("lesson.fact", "rel"): (lambda bad: lesson.fact("C1", "rank", 1, 1, rel=bad), [*NUMBERS, -0.1]),
    ("lesson.fact", "abs"): (lambda bad: lesson.fact("C1", "rank", 1, 1, abs=bad), [*NUMBERS, -0.1]),
    ("lesson.check", "exercise"): (lambda bad: lesson.check(bad, 1.0), [None, "", "9.9", 1.1, ["1.1"]]),
    ("lesson.show", "figure"): (lambda bad: lesson.show(bad), [None, "figure", 3]),
}
CASES = [pytest.param(call, bad, name, id=f"{function}({name}={' '.join(repr(bad).split(' at 0x')[0].split())[:30]})")
         for (function, name), (call, bads) in TABLE.items() for bad in bads]


@pytest.mark.parametrize("call, bad, name", CASES)
def test_bad_input_is_refused_by_the_name_of_its_argument(call, bad, name, monkeypatch):
    monkeypatch.setattr(lesson, "_facts", {})
    with pytest.raises((ValueError, TypeError)) as error:
        call(bad)
    words = str(error.value).replace("(", " ").replace(",", " ").split()
    assert name in words or f"{name}'s" in words
    assert not lesson._facts


def public(module):
    return {f"{module.__name__.removeprefix('helpers.')}.{name}" for name, value in vars(module).items()
            if not name.startswith("_") and callable(value) and getattr(value, "__module__", None) == module.__name__}


def test_the_table_knows_every_public_function():
    known = {function for function, _ in TABLE} | {"lesson.facts"}  # which takes nothing
    top = {name for name in helpers.__all__ if callable(getattr(helpers, name)) and getattr(helpers, name).__module__ != "helpers.condensation"}
    wanted = set.union(*map(public, (data, condensation, margin, highdim, curvature, lesson, lines, ncf, predict, saddles, vision))) | top | public(linear)
    wanted -= {f"{home}.{name}" for name in top for home in ("curvature", "linear")}
    assert wanted - known == {"DivergenceError", "EvaluationLimitError", "condensation.Condensation", "lines.Line", "lines.Count", "predict.Forecast",
                              "curvature.Curvature", "curvature.Gap", "curvature.Modified", "ncf.Correlation", "ncf.Critical", "ncf.Ascent", "ncf.Attractor", "saddles.Plateau", "saddles.Step"}  # answers, not questions


def test_the_table_knows_every_argument():
    missing = {}
    of_answers = {"TorchNetwork", "Trajectory", "Rescaled", "TorchNetwork.weights", "TwoLayer.parts", "TwoLayer.directional", "DeepLinear.parts", "Diagonal.parts",
                  *(f for f, _ in TABLE if f.startswith(("Correlation.", "Curvature.", "Forecast.", "Problem.")))}
    for function in {function for function, _ in TABLE} - of_answers:
        home, _, name = function.rpartition(".")
        arguments = set(inspect.signature(getattr(getattr(helpers, home) if home and home != "condensation" else helpers if not home else condensation, name)).parameters)
        if absent := arguments - {argument for known, argument in TABLE if known == function}:
            missing[function] = absent
    assert missing == {"lesson.check": {"answer"}}  # whose every value has an answer, see test_exercises.py


@pytest.mark.parametrize("activation", ["tanh", "relu", "x*tanh(x)", "linear"])
@pytest.mark.parametrize("step", [1e3, 1e30, 1e300])
def test_a_huge_step_is_a_divergence_that_names_the_step(activation, step):
    problem = Problem(TwoLayer(3, activation), POINTS)
    with pytest.raises(DivergenceError, match=f"with step {step:.4g}".replace("+", r"\+")):
        gradient_descent(problem, START, step, 1000)


def test_a_stop_without_a_level_names_the_three():
    with pytest.raises(ValueError, match="at least one of loss, norm, stationary"):
        stop_at()
