"""What must hold for every network, every data set and every start: properties, tried on drawn examples, the same ones on every machine."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers import (
    Deep,
    DeepLinear,
    Diagonal,
    Problem,
    TorchNetwork,
    TwoLayer,
    condensation,
    curvature,
    gradient_flow,
    ncf,
    stop_at,
)
from helpers.data import Dataset

HOMOGENEOUS = ("linear", "z**2", "z**3", "relu", "leaky_relu(0.3)", "relu**2", "leaky_relu(0.3)**2")
POWERS = (
    "linear",
    "z**2",
    "z**3",
    "relu**2",
    "leaky_relu(0.3)**2",
)  # homogeneous, with a continuous derivative
SMOOTH = (
    "tanh",
    "x*tanh(x)",
    "x**2*tanh(x)",
    "sigmoid",
    "softplus",
    "smooth_leaky_relu(0.3)",
    "linear",
    "z**2",
    "z**3",
)
LOSSES = ("square", "logistic", "exponential")
TORCH = {
    "tanh": torch.tanh,
    "x*tanh(x)": lambda z: z * torch.tanh(z),
    "sigmoid": torch.sigmoid,
    "softplus": torch.nn.functional.softplus,
    "relu": torch.relu,
    "z**3": lambda z: z**3,
}

seeds, widths, dims, points = st.integers(0, 10**6), st.integers(1, 6), st.integers(1, 4), st.integers(1, 7)
scales, factors = st.sampled_from([0.1, 1.0, 3.0]), st.floats(0.1, 10)


def holds(examples):
    """So many examples, the same ones in every run and on every machine."""
    return settings(max_examples=examples, derandomize=True, deadline=None, database=None)


# What is drawn


@st.composite
def two_layer(draw, activations, **fixed):
    return TwoLayer(
        draw(widths),
        draw(st.sampled_from(activations)),
        **{name: draw(st.booleans()) for name in ("train_output", "bias")} | fixed,
    )


@st.composite
def deep(draw, activations):
    known = [name for name in activations if not name.startswith("smooth")]  # Deep has no form of this one
    hidden = draw(st.lists(st.integers(1, 4), min_size=1, max_size=2))
    return Deep((draw(dims), *hidden, 1), draw(st.sampled_from(known)))


@st.composite
def deep_linear(draw):
    return DeepLinear((draw(dims), *draw(st.lists(st.integers(1, 4), min_size=1, max_size=2)), 1))


diagonal = st.builds(Diagonal, st.integers(2, 4))


def every_kind(activations):
    return st.one_of(two_layer(activations), deep(activations), deep_linear(), diagonal)


def dim_of(network, draw):
    return network.widths[0] if hasattr(network, "widths") else draw(dims)


@st.composite
def starts(draw, networks, losses=LOSSES):
    """A Problem with random data and a θ of the scale drawn."""
    network = draw(networks)
    random, n, dim = np.random.default_rng(draw(seeds)), draw(points), dim_of(network, draw)
    loss = draw(st.sampled_from(losses))
    y = random.standard_normal(n) if loss == "square" else random.choice([-1.0, 1.0], n)
    problem = Problem(
        network, Dataset(random.standard_normal((n, dim)), y), loss, draw(st.sampled_from(["sum", "mean"]))
    )
    return problem, draw(scales) * random_unit(random, network.size(dim))


def random_unit(random, size):
    direction = random.standard_normal(size)
    return direction / np.linalg.norm(direction)


def close(found, wanted, rel):
    """Whether two arrays differ by no more than that share of the second one's norm."""
    return np.linalg.norm(np.subtract(found, wanted)) <= rel * np.linalg.norm(wanted) + 1e-12


# Networks


@holds(40)
@given(starts(every_kind(HOMOGENEOUS)), factors)
def test_outputs_are_homogeneous_and_the_pullback_obeys_eulers_identity(start, c):
    problem, theta = start
    network, X, L = problem.network, problem.data.X, ncf.degree(problem)
    H = network.outputs(theta, X)
    assert close(network.outputs(c * theta, X), c**L * H, 1e-9)
    assert network.pullback(theta, X, problem.data.y) @ theta == pytest.approx(
        L * (H @ problem.data.y), rel=1e-9, abs=1e-12
    )
    assert close(
        network.pullback(c * theta, X, problem.data.y),
        c ** (L - 1) * network.pullback(theta, X, problem.data.y),
        1e-9,
    )


@holds(40)
@given(starts(every_kind(SMOOTH[:3] + SMOOTH[-3:])), seeds)
def test_the_pullback_is_the_adjoint_of_central_differences(start, seed):
    problem, theta = start
    network, X = problem.network, problem.data.X
    v, h = random_unit(np.random.default_rng(seed), len(theta)), 1e-5
    moved = (network.outputs(theta + h * v, X) - network.outputs(theta - h * v, X)) / (2 * h)
    assert network.pullback(theta, X, problem.data.y) @ v == pytest.approx(
        problem.data.y @ moved, rel=1e-6, abs=1e-7
    )


class Module(torch.nn.Module):
    """Σ_j a_j σ(w_j·(x, 1)) or Σ_j a_j σ(w_j·x) in torch, its weights in the order of θ."""

    def __init__(self, network, dim):
        super().__init__()
        self.W, self.a = (
            torch.nn.Parameter(torch.zeros(size))
            for size in ((network.width, dim + network.bias), network.width)
        )
        self.sigma, self.bias = TORCH[network.activation.name], network.bias

    def forward(self, X):
        inputs = torch.cat([X, torch.ones(len(X), 1, dtype=X.dtype)], dim=1) if self.bias else X
        return self.sigma(inputs @ self.W.T) @ self.a


@holds(25)
@given(starts(two_layer(tuple(TORCH), train_output=True)))
def test_a_two_layer_network_is_the_torch_module_of_its_formula(start):
    problem, theta = start
    other = Problem(
        TorchNetwork(Module(problem.network, problem.data.dim)),
        problem.data,
        problem.loss_name,
        problem.reduction,
    )
    assert other.loss(theta) == pytest.approx(problem.loss(theta), rel=1e-12)
    assert close(other.velocity(theta), problem.velocity(theta), 1e-10)


# Problems


@holds(30)
@given(starts(every_kind(HOMOGENEOUS + SMOOTH)), seeds)
def test_one_pass_gives_what_two_functions_give(start, seed):
    problem, theta = start
    network, X, r = (
        problem.network,
        problem.data.X,
        np.random.default_rng(seed).standard_normal(problem.data.n),
    )
    H, pull = network.vjp(theta, X)
    assert close(H, network.outputs(theta, X), 1e-14)
    for residual in (r, problem.data.y, r):
        assert close(pull(residual), network.pullback(theta, X, residual), 1e-12)
    for asked in (problem, problem.frozen()):
        loss, velocity = asked.loss_and_velocity(theta)
        assert loss == pytest.approx(asked.loss(theta), rel=1e-12)
        assert close(velocity, asked.velocity(theta), 1e-12)


@holds(20)
@given(starts(every_kind(HOMOGENEOUS + SMOOTH)), factors)
def test_a_motion_tells_loss_and_velocity_and_what_it_told_stays_when_it_is_asked_again(start, c):
    problem, theta = start
    for asked in (problem, problem.frozen(), curvature.modified(problem, 0.01)):
        wanted = [(asked.loss(at), asked.velocity(at).copy()) for at in (theta, c * theta)]
        motion = asked.motion()
        for (loss, velocity), (right, way) in zip([motion(theta), motion(c * theta)], wanted, strict=True):
            assert loss == pytest.approx(right, rel=1e-12) and close(velocity, way, 1e-12)


@holds(30)
@given(starts(every_kind(("tanh", "x*tanh(x)", "linear", "z**2", "z**3"))), seeds, st.booleans())
def test_hessian_products_are_linear_symmetric_and_differences_of_the_velocity(start, seed, frozen):
    problem, theta = start
    problem, random, h = problem.frozen() if frozen else problem, np.random.default_rng(seed), 1e-5
    u, v = random_unit(random, len(theta)), random_unit(random, len(theta))
    Hu, Hv = problem.hessian_product(theta, u), problem.hessian_product(theta, v)
    size = np.linalg.norm(Hu) + np.linalg.norm(Hv)
    assert np.linalg.norm(problem.hessian_product(theta, 2 * u - 3 * v) - 2 * Hu + 3 * Hv) <= 1e-9 * size
    assert abs(u @ Hv - v @ Hu) <= 1e-9 * size
    differences = (problem.velocity(theta - h * v) - problem.velocity(theta + h * v)) / (2 * h)
    assert np.linalg.norm(Hv - differences) <= 1e-6 * size + 1e-7 * np.linalg.norm(problem.velocity(theta))


# Flows


@holds(12)
@given(starts(every_kind(POWERS)))
def test_the_ncf_of_the_direction_never_falls_along_its_flow(start):
    problem, theta = start
    frozen, end = problem.frozen(), stop_at(norm=3 * np.linalg.norm(theta))
    run = gradient_flow(frozen, theta, t_end=3, stop=end)
    values = np.array([-frozen.loss(at / np.linalg.norm(at)) for at in run.theta])
    assert (np.diff(values) >= -1e-6 * np.abs(values).max()).all()


@holds(12)
@given(starts(two_layer(POWERS, train_output=True), losses=("square", "logistic")))
def test_every_neuron_keeps_its_squared_output_weight_less_its_squared_row_over_p(start):
    problem, theta = start
    network, run = problem.network, gradient_flow(problem, theta, t_end=1, rtol=1e-8)
    W, a = network.weights(run.theta)
    kept = a**2 - np.sum(W**2, axis=2) / network.activation.degree
    assert np.abs(kept - kept[0]).max() <= 1e-6 * np.sum(run.theta**2, axis=1).max()


@holds(12)
@given(starts(deep_linear()))
def test_deep_linear_layers_keep_their_imbalance(start):
    problem, theta = start
    run = gradient_flow(problem, theta, t_end=1, rtol=1e-8)
    W = problem.network.weights(run.theta)
    for below, above in pairwise(W):
        kept = above.mT @ above - below @ below.mT
        assert np.abs(kept - kept[0]).max() <= 1e-6 * np.sum(run.theta**2, axis=1).max()


@holds(8)
@given(starts(every_kind(SMOOTH)), seeds)
def test_a_run_between_its_points_is_that_of_a_tighter_run(start, seed):
    problem, theta = start
    run, tight = (gradient_flow(problem, theta, t_end=1, rtol=rtol) for rtol in (1e-6, 1e-9))
    times = np.random.default_rng(seed).uniform(0, 1, 20)
    assert close(run.at(times), tight.at(times), 1e-4)
    assert close(run.at(run.t[[0, -1]]), run.theta[[0, -1]], 1e-12)


# Symmetries


@st.composite
def turned(draw, activations):
    """A two-layer problem with θ, and the same with inputs turned (or mirrored) and neurons in another order."""
    problem, theta = draw(starts(two_layer(activations, train_output=True), losses=("square", "logistic")))
    network, dim, random = problem.network, problem.data.dim, np.random.default_rng(draw(seeds))
    turn, order = np.eye(dim + network.bias), random.permutation(network.width)
    turn[:dim, :dim] = np.linalg.qr(random.standard_normal((dim, dim)))[0]
    other = Problem(
        network,
        Dataset(problem.data.X @ turn[:dim, :dim].T, problem.data.y),
        problem.loss_name,
        problem.reduction,
    )

    def moved(theta):
        W, a = network.weights(theta)
        return np.concatenate([(W[order] @ turn.T).ravel(), a[order]])

    return problem, theta, other, moved


@holds(15)
@given(turned(("tanh", "x*tanh(x)", "sigmoid", "z**2", "relu**2")))
def test_turned_inputs_and_reordered_neurons_have_the_turned_and_reordered_flow(case):
    problem, theta, other, moved = case
    run, again = (
        gradient_flow(problem, theta, t_end=1, rtol=1e-8),
        gradient_flow(other, moved(theta), t_end=1, rtol=1e-8),
    )
    assert again.loss[-1] == pytest.approx(run.loss[-1], rel=1e-6, abs=1e-9)
    assert close(again.theta[-1], moved(run.theta[-1]), 1e-6)


@holds(25)
@given(turned(HOMOGENEOUS), factors)
def test_kkt_residuals_and_condensed_lines_do_not_see_turns_orders_or_sizes(case, c):
    problem, theta, other, moved = case
    assert ncf.kkt_residual(other, c * moved(theta)) == pytest.approx(
        ncf.kkt_residual(problem, theta), abs=1e-6
    )
    W, V = problem.network.weights(theta)[0], c * problem.network.weights(moved(theta))[0]
    here, there = (condensation.condensed_lines(rows) for rows in (W, V))
    assert (there.lines, there.directions) == (here.lines, here.directions)
    np.testing.assert_allclose(there.shares, here.shares, rtol=1e-9)
    for rank in (condensation.stable_rank, condensation.effective_rank):
        assert rank(V) == pytest.approx(rank(W), rel=1e-9)
        assert 1 - 1e-12 <= rank(W) <= np.linalg.matrix_rank(W) + 1e-9


@holds(25)
@given(seeds, widths, dims, factors)
def test_the_relative_distance_is_a_distance_without_units(seed, width, dim, c):
    theta0, one, other = np.random.default_rng(seed).standard_normal((3, width, dim))
    d = condensation.relative_distance
    assert d(theta0, theta0) == 0 and d(c * one, c * theta0) == pytest.approx(d(one, theta0))
    assert d(theta0 + c * one, theta0) == pytest.approx(c * d(theta0 + one, theta0))
    assert d(theta0 + one + other, theta0) <= d(theta0 + one, theta0) + d(theta0 + other, theta0) + 1e-12
