"""The claims of lesson 5, over several seeds and data sets, each with a twin that removes a hypothesis and sees the claim fail. Listed in claims.toml."""

from functools import cache

import numpy as np
import pytest
import torch
from numpy.polynomial import Polynomial
from scipy.optimize import brentq
from seeds import SEEDS
from torch import nn

import helpers
from helpers import lines, ncf

GROWN = helpers.stop_at(norm=0.4)
POWERS = {1: "tanh", 2: "x*tanh(x)", 3: "x**2*tanh(x)"}
WAVES, FIVE = helpers.data.sines(), helpers.data.sum_of_sines()


def problem_of(activation, data=WAVES, width=100):
    return helpers.Problem(helpers.TwoLayer(width, activation, bias=True), data, reduction="mean")


def start(problem, scale, seed=0):
    return problem.network.init(problem.data.dim, scale, seed)


def loss_down(problem, drop):
    return helpers.stop_at(loss=(1 - drop) * problem.loss(0 * start(problem, 1.0)))


def flow(problem, scale, seed, stop, rtol=1e-5):
    return helpers.gradient_flow(problem.rescaled(), start(problem, scale, seed), 300, stop, rtol=rtol).theta[-1]


def adam(problem, scale, seed=0, drop=0.02, step=5e-4, epsilon=1e-8):
    return helpers.train(problem, start(problem, scale, seed), "adam", step, 1000, stop=loss_down(problem, drop), epsilon=epsilon).theta[-1]


# ---------------------------------------------------------------- one input

def polynomial(X, y, p):
    return sum(label * Polynomial([1, x]) ** (p - 1) * Polynomial([x, -1]) for x, label in zip(X, y, strict=True))


def real_roots(P):
    roots = P.roots()
    return roots[np.abs(roots.imag) < 1e-9].real


def random_line(seed, n=6):
    random = np.random.default_rng(seed)
    return random.standard_normal(n), random.standard_normal(n)


@pytest.mark.parametrize("p", range(1, 6))
def test_one_input_has_at_most_p_lines_and_p_is_reached(p):
    counts = []
    for seed in range(2000 if p == 5 else 300):
        X, y = random_line(seed)
        counts.append(len(real_roots(polynomial(X, y, p))))
        if seed < 50:
            assert counts[-1] == len(ncf.critical_directions(problem_of(f"z**{p}" if p > 1 else "linear", helpers.data.Dataset(X[:, None], y), 1))) / 2
    assert max(counts) == p


def test_two_inputs_have_more():
    assert len(lines.critical_lines(helpers.Problem(helpers.TwoLayer(1, "z**3"), helpers.data.tetrahedron()))) > 3


def discriminant(omega, p=3):
    d, c, b, a = polynomial(helpers.data.sines(frequency=omega).X[:, 0], helpers.data.sines(frequency=omega).y, p).coef
    return b**2 * c**2 - 4 * a * c**3 - 4 * b**3 * d - 27 * a**2 * d**2 + 18 * a * b * c * d


def lines_at(omega, activation="z**3"):
    return len(ncf.critical_directions(problem_of(activation, helpers.data.sines(frequency=omega), 1))) / 2


@pytest.mark.parametrize("between, before, after", [((1.3, 1.45), 3, 1), ((1.5, 1.62), 1, 3)])
def test_two_lines_meet_where_the_discriminant_vanishes(between, before, after):
    omega = brentq(discriminant, *between)
    assert (lines_at(omega - 1e-5), lines_at(omega + 1e-5)) == (before, after)


def test_for_p_2_two_lines_stay_two_there():
    omega = brentq(discriminant, 1.3, 1.45)
    assert lines_at(omega - 0.05, "z**2") == lines_at(omega + 0.05, "z**2") == 2


# ---------------------------------------------------------------- who gets there

def top_share(problem, theta):
    squares = np.sum(problem.network.weights(theta)[0] ** 2, axis=1)
    return squares.max() / squares.sum()


def test_under_the_flow_one_neuron_holds_everything():
    for p in (2, 3):
        task = problem_of(POWERS[p])
        assert min(top_share(task, flow(task, 1e-3, seed, GROWN)) for seed in SEEDS) > 0.99


def test_under_adam_or_for_p_1_no_neuron_does():
    task, linear = problem_of(POWERS[3]), problem_of(POWERS[1])
    assert max(top_share(task, adam(task, 0.05, seed)) for seed in SEEDS[:6]) < 0.2
    assert max(top_share(linear, flow(linear, 1e-3, seed, GROWN)) for seed in SEEDS) < 0.2


AROUND = np.deg2rad(np.arange(-180, 180, 0.1))
CIRCLE = np.column_stack([np.cos(AROUND), np.sin(AROUND)])
SQUARE = CIRCLE / np.abs(CIRCLE).max(axis=1, keepdims=True)


def places(task, path):
    """Where sign·F has a maximum above 0 along a closed path: unit vectors with their signs."""
    F, found = ncf.correlation(task).value(path), []
    for v, sign in ((F, 1), (-F, -1)):
        found += [(u / np.linalg.norm(u), sign) for u in path[(v > np.roll(v, 1)) & (v >= np.roll(v, -1)) & (v > 0)]]
    return found


def off(task, theta, path):
    """The neurons' angles to the nearest place of their sign, degrees."""
    W, a = task.network.weights(theta)
    cosines = [np.where(np.sign(a) == sign, helpers.directions(W) @ u, -1) for u, sign in places(task, path)]
    return np.rad2deg(np.arccos(np.minimum(np.max(cosines, axis=0), 1)))


@pytest.mark.parametrize("p, omega", [(2, 1.0), (2, 2.2), (3, 0.8), (3, 1.0), (3, 1.4), (3, 2.2)])
def test_adam_puts_neurons_near_the_places_of_the_square(p, omega):
    task = problem_of(POWERS[p], helpers.data.sines(frequency=omega))
    for seed in SEEDS[:6]:
        assert np.mean(off(task, adam(task, 0.005, seed, epsilon=1e-20), SQUARE) < 5) >= 0.95
    if omega == 1.0:
        assert min(np.mean(off(task, adam(task, 0.05, seed), SQUARE) < 5) for seed in SEEDS[:6]) >= 0.9


@pytest.mark.parametrize("p, omega", [(2, 1.0), (2, 2.2), (3, 1.0)])
def test_it_does_not_put_them_near_those_of_the_circle(p, omega):
    task = problem_of(POWERS[p], helpers.data.sines(frequency=omega))
    for seed in SEEDS[:6]:
        theta = adam(task, 0.05, seed)
        assert np.mean(off(task, theta, CIRCLE) < 5) < 0.7 and np.median(off(task, theta, CIRCLE)) > 2 * np.median(off(task, theta, SQUARE))


def heavy_lines(task, theta):
    return int(np.sum(helpers.condensed_lines(task.network.weights(theta)[0], angle=15).shares > 0.05))


def test_adam_has_the_number_of_lines_of_the_square():
    task = problem_of(POWERS[2], helpers.data.sines(frequency=2.2))
    assert len(places(task, SQUARE)) == 4 and {heavy_lines(task, adam(task, 0.05, seed)) for seed in SEEDS[:10]} == {2}


def test_the_flow_has_that_of_the_circle():
    task = problem_of(POWERS[2], helpers.data.sines(frequency=2.2))
    assert len(places(task, CIRCLE)) == 2 and {heavy_lines(task, flow(task, 1e-3, seed, GROWN)) for seed in SEEDS[:10]} == {1}


# ---------------------------------------------------------------- the published experiment

def cosine_to(vector, seed, **how):
    """The median |cos| of tanh neurons to a function of g, after training from δ = 2e-4."""
    task = problem_of("tanh", helpers.data.sum_of_sines(seed=seed), 50)
    g = task.z @ np.column_stack([task.data.X, np.ones(task.data.n)])
    W, _ = task.network.weights(helpers.train(task, start(task, 2e-4, seed), record=[], **how).theta[-1])
    return np.median(np.abs(helpers.directions(W) @ vector(g))) / np.linalg.norm(vector(g))


def test_adam_goes_to_the_sign_vector_for_p_1():
    assert np.median([cosine_to(np.sign, seed, steps=20) for seed in SEEDS[:10]]) > 0.99


def test_gradient_descent_goes_to_the_gradient():
    how = {"optimizer": "gd", "step": 0.02, "steps": 10_000, "stop": helpers.stop_at(norm=0.015)}
    for seed in range(3):
        assert cosine_to(np.positive, seed, **how) > 0.995 and cosine_to(np.sign, seed, **how) < 0.98


def winner_under(seed, optimizer, step):
    """The direction of the flow's winning neuron, at the end of the flow and of an optimizer."""
    task = problem_of(POWERS[2], helpers.data.sum_of_sines(seed=seed), 50)
    by_flow = flow(task, 1e-2, 0, loss_down(task, 0.02))
    other = helpers.train(task, start(task, 1e-2), optimizer, step, 20_000, stop=loss_down(task, 0.02), record=[]).theta[-1]
    j = np.argmax(np.linalg.norm(task.network.weights(by_flow)[0], axis=1))
    return [helpers.directions(task.network.weights(theta)[0])[j] for theta in (by_flow, other)]


@pytest.mark.parametrize("seed", [6, 1, 2])
def test_small_steps_of_gradient_descent_go_where_the_flow_goes(seed):
    first, second = winner_under(seed, "gd", 0.02)
    assert first @ second > 0.999


@pytest.mark.parametrize("seed", [6, 1, 2])
def test_small_steps_of_adam_do_not(seed):
    first, second = winner_under(seed, "adam", 1e-4)
    assert first @ second < 0.98


# ---------------------------------------------------------------- six layers

class Block(nn.Linear):
    def __init__(self, inputs, sigma):
        super().__init__(inputs, 18)
        self.sigma = sigma

    def forward(self, h):
        new = self.sigma(super().forward(h))
        return new + h if new.shape == h.shape else new


def lines_of_layers(std, seed):
    data = helpers.data.sum_of_sines(n=80, dim=3, frequency=12, amplitude=4)
    network = helpers.TorchNetwork(nn.Sequential(Block(3, torch.tanh), *(Block(18, torch.tanh) for _ in range(5)), nn.Linear(18, 1, bias=False)))
    task = helpers.Problem(network, data, reduction="mean")
    weights = network.weights(helpers.train(task, network.init(3, std * np.sqrt(network.size()), seed), "adam", 4e-5, 300, record=[]).theta[-1])
    return [helpers.condensed_lines(np.column_stack(weights[2 * layer:2 * layer + 2])).lines for layer in range(6)]


def test_every_layer_of_a_residual_tanh_network_has_one_line():
    assert {tuple(lines_of_layers(1e-3, seed)) for seed in range(3)} == {(1,) * 6}


def test_it_has_many_from_a_larger_start():
    assert min(lines_of_layers(1e-2, seed=0)) > 3


# ---------------------------------------------------------------- digits

@cache
def digits():
    data, order = helpers.data.digits(3, 8), np.random.default_rng(0).permutation(357)
    return [helpers.data.Dataset(data.X[part], data.y[part]) for part in (order[:250], order[250:])]


def usual_start(seed):
    random = np.random.default_rng(seed)
    return np.concatenate([random.uniform(-1, 1, 50 * 64) / 8, random.uniform(-1, 1, 50) / np.sqrt(50)])


def merging(activation, theta0, drop, angle=10):
    """The width of the merged network, and how much its outputs on the unseen images differ."""
    seen, unseen = digits()
    task = helpers.Problem(helpers.TwoLayer(50, activation), seen, loss="logistic", reduction="mean")
    theta = helpers.gradient_flow(task, theta0, 500, helpers.stop_at(loss=(1 - drop) * np.log(2))).theta[-1]
    smaller, merged = helpers.merged(task.network, theta, angle=angle)
    f = task.network.outputs(theta, unseen.X)
    return smaller.width, np.linalg.norm(smaller.outputs(merged, unseen.X) - f) / np.linalg.norm(f)


@pytest.mark.parametrize("activation, width", [("tanh", 1), ("relu", 2)])
def test_a_condensed_network_of_digits_has_as_few_neurons_as_lines(activation, width):
    results = [merging(activation, helpers.TwoLayer(50).init(64, 1e-3, seed), 0.5) for seed in range(5)]
    assert {neurons for neurons, _ in results} == {width} and max(error for _, error in results) < 0.01


def test_one_that_started_as_usual_has_not():
    assert merging("tanh", usual_start(0), 0.5)[0] > 40
    assert all(merging(activation, usual_start(0), 0.5, angle=90)[1] > 0.05 for activation in ("tanh", "relu"))


def test_merging_tanh_neurons_becomes_inexact_as_they_grow():
    errors = [merging("tanh", helpers.TwoLayer(50).init(64, 1e-3, 0), drop)[1] for drop in (0.1, 0.5, 0.9)]
    assert errors[0] < 0.002 < errors[1] < 0.01 < errors[2]


# ---------------------------------------------------------------- ReLU

def relu_hits(seed, scale):
    """For the neurons that grew tenfold and have a goal: whether they are within 10° of it."""
    task = problem_of("relu", FIVE, 50)
    theta0 = start(task, scale, seed)
    ahead = helpers.predict.forecast(task, theta0)
    W, _ = task.network.weights(flow(task, scale, seed, helpers.stop_at(norm=0.1), rtol=2e-3))
    grown = (np.linalg.norm(W, axis=1) > 10 * ahead.lengths([0])[0]) & (ahead.rate > 0)
    return np.sum(helpers.directions(W[grown]) * ahead.goals[grown], axis=1) > np.cos(np.deg2rad(10))


def test_relu_neurons_with_five_inputs_reach_their_goals():
    assert np.mean(np.concatenate([relu_hits(seed, 1e-6) for seed in SEEDS[:6]])) >= 0.95


def test_fewer_do_from_a_larger_start():
    assert np.mean(np.concatenate([relu_hits(seed, 1e-3) for seed in SEEDS[:6]])) < 0.9


# ---------------------------------------------------------------- p = 1

@cache
def line_of_five(activation="tanh", seed=0):
    task = problem_of(activation, FIVE, 50)
    g = task.z @ np.column_stack([FIVE.X, np.ones(FIVE.n)])
    return task, g / np.linalg.norm(g)


def cosines(scale, seed, norm=None, stop=None):
    task, g = line_of_five()
    return np.abs(helpers.directions(task.network.weights(flow(task, scale, seed, stop or helpers.stop_at(norm=norm or np.sqrt(scale))))[0]) @ g)


def median_angle(scale, seed, norm=None):
    return np.median(np.arccos(np.minimum(cosines(scale, seed, norm), 1)))


def test_the_median_angle_goes_like_the_root_of_the_scale():
    scales = 10.0 ** np.arange(-7, -1)
    median = [np.median([median_angle(scale, seed) for seed in SEEDS]) for scale in scales]
    assert np.polyfit(np.log(scales), np.log(median), 1)[0] == pytest.approx(0.5, abs=0.02)


def test_at_a_fixed_length_it_goes_like_the_scale_itself():
    scales = 10.0 ** np.arange(-6, -3)
    median = [np.median([median_angle(scale, seed, norm=0.01) for seed in range(5)]) for scale in scales]
    assert np.polyfit(np.log(scales), np.log(median), 1)[0] == pytest.approx(1, abs=0.02)


def foretold(scale, seed):
    """The neurons' |cos| to the line at ‖θ‖ = √δ, from the start alone."""
    task, g = line_of_five()
    W, a = task.network.weights(start(task, 1.0, seed))
    along = W @ g
    mode, across = (along + a) / np.sqrt(2), np.sqrt(np.sum(W**2, axis=1) - along**2)
    return np.cos(np.arctan(np.sqrt(2 * scale) * np.linalg.norm(mode) * across / np.abs(mode)))


@pytest.mark.parametrize("scale, least", [(1e-3, 0.75), (1e-6, 0.95), (1e-9, 0.99)])
def test_neurons_are_near_the_line_at_the_root_of_the_scale(scale, least):
    near = np.mean([cosines(scale, seed) > 0.99 for seed in SEEDS])
    assert near >= least and near == pytest.approx(np.mean([foretold(scale, seed) > 0.99 for seed in SEEDS]), abs=0.005)
    assert all(np.argmin(cosines(scale, seed)) == np.argmin(foretold(scale, seed)) for seed in range(5))


def test_none_is_near_it_when_the_loss_has_fallen():
    task, _ = line_of_five()
    for scale in (1e-3, 1e-9):
        assert np.mean([cosines(scale, seed, stop=loss_down(task, 0.2)) > 0.99 for seed in range(3)]) < 0.02


# ---------------------------------------------------------------- biases and means

RANDOM = np.random.default_rng(0)
X3 = RANDOM.uniform(-1, 1, (40, 3))
Y3 = np.sum(np.sin(3 * X3), axis=1) + 0.4
CENTRED = Y3 - Y3.mean()


def time_to_fit(activation, y, scale, seed=0):
    task = problem_of(activation, helpers.data.Dataset(X3, y), 50)
    return helpers.gradient_flow(task, start(task, scale, seed), 1e4, helpers.stop_at(loss=0.97 * np.var(y) / 2)).t[-1]


@pytest.mark.parametrize("activation", ["sigmoid", "softplus"])
def test_a_sigmoid_with_labels_of_nonzero_mean_takes_a_time_without_the_scale(activation):
    for seed in range(3):
        assert time_to_fit(activation, Y3, 1e-8, seed) / time_to_fit(activation, Y3, 1e-4, seed) == pytest.approx(1, abs=1e-4)


def per_decade(activation, seed=0):
    return (time_to_fit(activation, CENTRED, 1e-8, seed) - time_to_fit(activation, CENTRED, 1e-4, seed)) / 4


@pytest.mark.parametrize("activation, slope", [("sigmoid", 0.25), ("softplus", 0.5), ("tanh", 1)])
def test_with_centred_labels_it_takes_longer_per_decade_as_for_p_1(activation, slope):
    g = np.linalg.norm(CENTRED @ np.column_stack([X3, np.ones(40)]) / 40)
    for seed in range(3):
        assert per_decade(activation, seed) == pytest.approx(np.log(10) / (slope * g), rel=0.01)


def deep(biases, mean, hidden=1):
    blocks = [block for _ in range(hidden) for block in (nn.Linear(18, 18, bias=biases), nn.Tanh())]
    network = helpers.TorchNetwork(nn.Sequential(nn.Linear(4, 18, bias=False), nn.Tanh(), *blocks, nn.Linear(18, 1, bias=False)))
    return helpers.Problem(network, helpers.data.Dataset(np.column_stack([X3, np.ones(40)]), CENTRED + mean), reduction="mean")


def deep_times(task, seed):
    return [helpers.escape_time(task, task.network.init(4, scale, seed), norm=0.2) for scale in (1e-4, 1e-3)]


@pytest.mark.parametrize("hidden", [1, 2])
def test_hidden_biases_let_a_deep_network_leave_as_one_of_degree_two(hidden):
    for mean in (0.6, -1.0):
        slow, quick = deep_times(deep(True, mean, hidden), seed=1)
        assert slow - quick == pytest.approx(np.log(10) / abs(mean), rel=0.005)


@pytest.mark.parametrize("biases, mean", [(False, 0.6), (True, 0.0)])
def test_without_them_or_without_a_mean_it_does_not(biases, mean):
    slow, quick = deep_times(deep(biases, mean), seed=1)
    assert slow / quick == pytest.approx(10, rel=0.03)


# ---------------------------------------------------------------- p = 2 and beyond

def form_problem(activation, D, seed, positive=False):
    random = np.random.default_rng(seed)
    X, y = random.standard_normal((4 * D, D)), random.standard_normal(4 * D)
    return helpers.Problem(helpers.TwoLayer(1, activation), helpers.data.Dataset(X, np.abs(y) if positive else y))


def values_of_form(task):
    return np.linalg.eigvalsh(task.data.X.T @ (task.z[:, None] * task.data.X))


def trained_line_count(task, seed):
    """Lines on which neurons of the NCF stand after each has been followed by itself: from random starts, only those that grew."""
    ahead = helpers.predict.forecast(helpers.Problem(helpers.TwoLayer(60, task.network.activation), task.data), helpers.TwoLayer(60).init(task.data.dim, 1.0, seed))
    return helpers.condensed_lines(ahead.goals[ahead.rate > 0], angle=1).lines


@pytest.mark.parametrize("D", range(2, 11))
def test_p_2_has_two_attracting_lines_where_the_form_is_indefinite(D):
    tasks = [task for task in (form_problem("z**2", D, seed) for seed in range(40)) if values_of_form(task)[0] < 0 < values_of_form(task)[-1]][:len(SEEDS)]
    assert len(tasks) == len(SEEDS) and {len(lines.attracting_lines(task).lines) for task in tasks} == {2}
    assert trained_line_count(tasks[0], seed=0) == 2


@pytest.mark.parametrize("D", range(2, 11))
def test_p_2_has_one_where_it_is_definite(D):
    tasks = [form_problem("z**2", D, seed, positive=True) for seed in SEEDS]
    assert {len(lines.attracting_lines(task).lines) for task in tasks} == {1}
    assert trained_line_count(tasks[0], seed=0) == 1


@pytest.mark.parametrize("n", [3, 4, 6, 10])
def test_p_3_has_a_line_for_each_orthonormal_input(n):
    for seed in range(3):
        task = helpers.Problem(helpers.TwoLayer(1, "z**3"), helpers.data.orthonormal(np.random.default_rng(seed).uniform(0.7, 1.3, n), seed))
        found = lines.attracting_lines(task)
        assert len(found.lines) == n and all(np.abs(task.data.X @ line.direction).max() > 1 - 1e-9 for line in found.lines)


@pytest.mark.parametrize("dim", [2, 3, 5])
def test_p_3_has_a_line_for_each_corner_of_a_simplex_with_a_bias(dim):
    assert len(lines.attracting_lines(problem_of("z**3", helpers.data.simplex(dim), 1)).lines) == dim + 1


def test_p_3_has_four_lines_for_four_points_in_three_dimensions():
    random = np.random.default_rng(0)
    for _ in range(5):
        task = helpers.Problem(helpers.TwoLayer(1, "z**3"), helpers.data.tetrahedron(random.uniform(0.9, 1.1, 4)))
        assert len(lines.attracting_lines(task).lines) == 4


def test_random_data_rarely_have_more_than_p_lines():
    counts = [len(lines.attracting_lines(problem_of("z**3", helpers.data.sum_of_sines(seed=seed), 1), starts=300).lines) for seed in SEEDS]
    assert np.mean(np.array(counts) <= 3) >= 0.85


# ---------------------------------------------------------------- the first output

def misfit(activation, p, scale, seed=0, norm=None):
    task, x = problem_of(activation), np.linspace(-1, 1.5, 101)
    theta = flow(task, scale, seed, helpers.stop_at(norm=norm or np.sqrt(scale)), rtol=1e-3 if activation == "relu" else 1e-6)
    return helpers.polynomial_residual(x, task.network.outputs(theta, x[:, None]), p)


@pytest.mark.parametrize("p", POWERS)
def test_the_first_output_is_a_polynomial_of_degree_p_up_to_the_order_of_the_scale(p):
    scales = 10.0 ** np.arange(-6, -2)
    for seed in range(3):
        residuals = [misfit(POWERS[p], p, scale, seed) for scale in scales]
        assert np.polyfit(np.log(scales), np.log(residuals), 1)[0] == pytest.approx(1, abs=0.06)
        assert residuals[0] < 1e-6 and misfit(POWERS[p], p - 1, 1e-6, seed) > 0.01


def test_that_of_a_relu_is_none():
    assert all(misfit("relu", p, 1e-6) > 0.05 for p in (1, 2, 3))
