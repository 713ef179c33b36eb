"""The claims of lesson 1, over several seeds, each with a twin that removes a hypothesis and sees the claim fail. Listed in claims.toml."""

from functools import cache

import numpy as np
import pytest
from seeds import SEEDS

import helpers
from helpers import highdim, margin

THREE = range(3)  # of the large networks

# ---------------------------------------------------------------- one dimension

HINGE = helpers.data.hinge()
RELU = helpers.TwoLayer(60, "relu", bias=True)
FIT = helpers.Problem(RELU, HINGE)
FITTED = helpers.stop_at(loss=0.01 * FIT.loss(np.zeros(RELU.size(1))))


def train(scale, seed):
    return helpers.gradient_flow(FIT, RELU.init(1, scale, seed), t_end=1e4, stop=FITTED)


def lines_at_the_end(scale, seed):
    return helpers.condensed_lines(RELU.weights(train(scale, seed).theta[-1])[0]).lines


def extremes_of_the_correlation():
    """Angles (degrees) of the peaks with F > 0 and the valleys with F < 0 of F(φ) = Σ y_i σ(x_i cos φ + sin φ)."""
    angle = np.deg2rad(np.arange(-180, 180, 0.1))
    F = HINGE.y @ np.maximum(0, HINGE.X * np.cos(angle) + np.sin(angle))
    peaks = (F > np.roll(F, 1)) & (F > np.roll(F, -1)) & (F > 0)
    valleys = (F < np.roll(F, 1)) & (F < np.roll(F, -1)) & (F < 0)
    return np.rad2deg(angle[peaks]), np.rad2deg(angle[valleys])


def longest_neuron_angles(scale, seed, norm):
    """Angles (degrees) of the longest neuron with a > 0 and of the longest with a < 0 when the weights have reached a norm."""
    run = helpers.gradient_flow(FIT, RELU.init(1, scale, seed), t_end=1e4, stop=helpers.stop_at(norm=norm))
    W, a = RELU.weights(run.theta[-1])
    length = np.linalg.norm(W, axis=1)
    return [np.rad2deg(np.arctan2(*W[np.argmax(length * side)][::-1])) for side in (a > 0, a < 0)]


def test_neurons_end_on_as_many_lines_as_the_correlation_has_attractors():
    peaks, valleys = extremes_of_the_correlation()
    assert [lines_at_the_end(1e-4, seed) for seed in SEEDS[:10]] == [len(peaks) + len(valleys)] * len(SEEDS[:10])


def test_neurons_stay_on_many_lines_from_a_large_start():
    assert min(lines_at_the_end(10.0, seed) for seed in SEEDS[:10]) >= 10


def test_first_directions_are_the_extremes_of_the_correlation():
    for seed in THREE:
        assert longest_neuron_angles(1e-6, seed, 0.01) == pytest.approx(np.concatenate(extremes_of_the_correlation()), abs=1)


def test_first_directions_are_not_the_extremes_when_the_norm_has_grown_little():
    off = [np.abs(np.subtract(longest_neuron_angles(0.1, seed, 0.12), np.concatenate(extremes_of_the_correlation()))) for seed in SEEDS[:9]]
    assert np.median(off) > 5


def distance_slope(scales, seeds, start=lambda scale, seed: RELU.init(1, scale, seed)):
    """The slope of ln RD against ln δ."""
    distances = []
    for seed in seeds:
        runs = [helpers.gradient_flow(FIT, start(scale, seed), t_end=1e4, stop=FITTED) for scale in scales]
        W = [RELU.weights(run.theta)[0] for run in runs]
        distances.append([helpers.relative_distance(w[-1], w[0]) for w in W])
    return np.polyfit(np.log(scales), np.log(distances).mean(axis=0), 1)[0]


def twins(scale, seed, width=60):
    """A start of norm `scale` in which every neuron has a twin with the opposite output weight."""
    half = helpers.TwoLayer(width // 2, "relu", bias=True)
    W, a = half.weights(half.init(1, scale / np.sqrt(2), seed))
    return np.concatenate([W, W, [a, -a]], axis=None)


def test_relative_distance_grows_like_one_over_scale():
    assert distance_slope(10.0 ** np.arange(-6, -1.5, 1), THREE) == pytest.approx(-1, rel=0.02)


def test_relative_distance_leaves_the_law_at_large_scale():
    assert distance_slope(10.0 ** np.arange(0.5, 1.1, 0.25), THREE) > -0.8


def test_relative_distance_falls_like_one_over_scale_squared_when_the_start_is_zero():
    assert distance_slope([4, 6, 8, 10], range(5), twins) == pytest.approx(-2, rel=0.05)


def test_relative_distance_falls_slower_when_the_start_is_a_random_function():
    assert distance_slope([4, 6, 8, 10], range(5)) > -1.2


@cache
def width_slope(exponent):
    widths, distances = [30, 100, 300, 1000], []
    for seed in SEEDS[:10]:
        for m in widths:
            net = helpers.TwoLayer(m, "relu", bias=True)
            start = twins(m**-exponent * np.sqrt(3 * m), seed, width=m)
            theta = helpers.gradient_flow(helpers.Problem(net, HINGE), start, t_end=1e4, stop=FITTED).theta
            distances.append(helpers.relative_distance(net.weights(theta[-1])[0], net.weights(theta[0])[0]))
    return np.polyfit(np.log(widths), np.log(distances).reshape(-1, 4).mean(axis=0), 1)[0]


def test_wide_networks_are_lazy_below_the_boundary():
    assert width_slope(0.25) == pytest.approx(-0.5, abs=0.1)


def test_wide_networks_condense_above_the_boundary():
    assert width_slope(1.0) == pytest.approx(0.5, abs=0.05)


def test_wide_networks_are_neither_at_the_boundary():
    assert abs(width_slope(0.5)) < 0.1


# ---------------------------------------------------------------- many dimensions

N, DIM, WIDTH, SLOPE = 40, 1000, 100, 0.1
LEAKY = helpers.TwoLayer(WIDTH, f"leaky_relu({SLOPE})", train_output=False)
LIMIT = highdim.limit_stable_rank(SLOPE)


@cache
def descend(seed, share=1e-4, step=0.32, activation=f"leaky_relu({SLOPE})"):
    """W after 0, 1, 2, 10, 100 and 1000 steps, (6, m, d)."""
    net = helpers.TwoLayer(WIDTH, activation, train_output=False)
    problem = helpers.Problem(net, helpers.data.orthogonal(20, 20, dim=DIM, seed=seed), loss="logistic", reduction="mean")
    std = share * highdim.default_std(WIDTH, DIM)
    start = net.init(DIM, std * np.sqrt(net.size(DIM)), seed)
    return net.weights(helpers.gradient_descent(problem, start, step, 1000, record=(1, 2, 10, 100, 1000)).theta)[0]


def ranks(*settings, **more):
    return np.array([helpers.stable_rank(W) for W in descend(*settings, **more)])


def curve(share=1e-4, step=0.32):
    std = share * highdim.default_std(WIDTH, DIM)
    setting = highdim.Setting(n=N, dim=DIM, norm=np.sqrt(DIM), width=WIDTH, slope=SLOPE, step=step, std=std)
    return setting, highdim.stable_rank_curve(setting, 1000)[[0, 1, 9, 99, 999]]


def test_stable_rank_of_a_gaussian_start_is_known():
    assert [ranks(seed)[0] for seed in THREE] == pytest.approx([highdim.initial_stable_rank(WIDTH, DIM)] * 3, rel=0.07)


def test_stable_rank_of_a_start_with_a_common_row_is_not():
    W = np.random.default_rng(0).standard_normal((WIDTH, DIM)) + np.random.default_rng(1).standard_normal(DIM)
    assert helpers.stable_rank(W) < 0.1 * highdim.initial_stable_rank(WIDTH, DIM)


def test_stable_rank_follows_the_curve():
    for seed in THREE:
        measured, (setting, predicted) = ranks(seed)[1:], curve()
        assert setting.gate_ratio > 3
        assert measured[0] == pytest.approx(predicted[0], abs=0.07)
        assert measured[1:] == pytest.approx(predicted[1:], abs=0.025)


def test_stable_rank_leaves_the_curve_when_the_first_step_does_not_decide_the_gates():
    setting, predicted = curve(share=1e-2, step=0.1)
    assert setting.gate_ratio < 1
    assert all(abs(ranks(seed, share=1e-2, step=0.1)[2] - predicted[1]) > 0.1 for seed in THREE)


def test_stable_rank_dips_halfway_between_one_and_the_limit():
    assert [ranks(seed).min() for seed in THREE] == pytest.approx([(1 + LIMIT) / 2] * 3, abs=0.03)


def test_stable_rank_reaches_its_limit_with_small_steps():
    assert [ranks(seed, step=0.001)[-1] for seed in THREE] == pytest.approx([LIMIT] * 3, abs=0.005)


def test_stable_rank_is_far_from_its_limit_with_large_steps():
    assert all(abs(ranks(seed)[-1] - LIMIT) > 0.1 for seed in THREE)


def test_smooth_activation_has_stable_rank_one_after_one_step():
    assert [ranks(seed, activation=f"smooth_leaky_relu({SLOPE})")[1] for seed in THREE] == pytest.approx([1] * 3, abs=0.001)


def test_kinked_activation_has_not():
    assert all(ranks(seed)[1] > 1.3 for seed in THREE)


@cache
def train_to_the_end(seed, activation=f"leaky_relu({SLOPE})", positive=50, orthogonal=True, plus=25):
    """Data, network and θ after 1000 steps of size η/loss from the smallest start; `plus` of the 40 points have label +1."""
    weights = np.where(np.arange(WIDTH) < positive, 0.1, -0.1)
    net = helpers.TwoLayer(WIDTH, activation, train_output=False, output_weights=weights)
    make = helpers.data.orthogonal if orthogonal else helpers.data.gaussian_classes
    data = make(plus, N - plus, dim=DIM, seed=seed, **({"norms": (0.8, 1.2)} if orthogonal else {}))
    problem = helpers.Problem(net, data, loss="logistic", reduction="mean")
    start = net.init(DIM, 1e-4 * highdim.default_std(WIDTH, DIM) * np.sqrt(net.size(DIM)), seed)
    start = helpers.gradient_descent(problem, start, step=0.01, steps=100, record=()).theta[-1]
    eta = data.n / (1.01 * np.max(np.sum(data.X**2, axis=1)))
    return data, net, helpers.gradient_descent(problem, start, lambda loss: eta / loss, 1000, record=()).theta[-1]


def test_trained_weights_are_the_solution_of_the_convex_program():
    for seed in THREE:
        data, net, theta = train_to_the_end(seed)
        W, a = net.weights(theta)
        v, u = margin.max_margin_directions(data.X, data.y, SLOPE, WIDTH)
        solution = np.where(a[:, None] > 0, v, u)
        s = np.linalg.svd(W, compute_uv=False)
        assert np.sum(W * solution) / np.linalg.norm(W) / np.linalg.norm(solution) == pytest.approx(1, abs=1e-5)
        assert helpers.stable_rank(W) == pytest.approx(highdim.kkt_stable_rank(data.X, data.y, SLOPE), abs=0.002)
        assert s[2] / s[0] == pytest.approx(0, abs=1e-3)


def test_trained_weights_are_not_without_the_leak():
    for seed in THREE:
        W = LEAKY.weights(train_to_the_end(seed, activation="relu")[2])[0]
        s = np.linalg.svd(W, compute_uv=False)
        assert helpers.stable_rank(W) > 2 and s[2] / s[0] > 0.1


def spread_of_margins(seed, orthogonal=True):
    """Largest minus smallest margin, measured and predicted."""
    data, net, theta = train_to_the_end(seed, orthogonal=orthogonal)
    lengths = np.linalg.norm(data.X, axis=1)
    return np.ptp(data.y * net.outputs(theta, data.X)), 2 * np.log(lengths.max() / lengths.min())


def test_margins_differ_by_the_logarithm_of_the_squared_lengths():
    for seed in THREE:
        measured, predicted = spread_of_margins(seed)
        assert measured == pytest.approx(predicted, abs=1e-6)


def test_margins_differ_otherwise_when_inputs_are_not_orthogonal():
    for seed in THREE:
        measured, predicted = spread_of_margins(seed, orthogonal=False)
        assert abs(measured - predicted) > 0.1


def share_classified_as_linear(seed, activation):
    _, net, theta = train_to_the_end(seed, activation=activation)
    W, a = net.weights(theta)
    probes = np.random.default_rng(seed).standard_normal((500, DIM))
    return np.mean(np.sign(net.outputs(theta, probes)) == np.sign(probes @ (a @ W)))


def test_decision_boundary_is_linear():
    assert all(share_classified_as_linear(seed, f"leaky_relu({SLOPE})") >= 0.997 for seed in THREE)


def test_decision_boundary_is_not_linear_without_the_leak():
    assert all(share_classified_as_linear(seed, "relu") < 0.99 for seed in THREE)


def margin_ratio(seed, positive):
    data, net, theta = train_to_the_end(seed, positive=positive)
    W, a = net.weights(theta)
    z, best = a @ W, margin.max_margin(data.X, data.y)
    return np.min(data.y * (data.X @ z)) / np.linalg.norm(z) * np.linalg.norm(best)


def test_linear_margin_is_the_largest_possible():
    assert [margin_ratio(seed, positive=50) for seed in THREE] == pytest.approx([1] * 3, abs=0.005)


def test_linear_margin_is_smaller_when_output_weights_are_unequal():
    assert all(margin_ratio(seed, positive=75) < 0.95 for seed in THREE)


def rank_with_unequal_output_weights(seed):
    """The measured stable rank with 75 % positive output weights, and the predicted ones for that share and for equal shares."""
    data, net, theta = train_to_the_end(seed, positive=75, plus=20)
    return (helpers.stable_rank(net.weights(theta)[0]), highdim.kkt_stable_rank(data.X, data.y, SLOPE, positive=0.75),
            highdim.kkt_stable_rank(data.X, data.y, SLOPE))


def test_stable_rank_with_unequal_output_weights_is_predicted():
    for seed in THREE:
        measured, predicted, _ = rank_with_unequal_output_weights(seed)
        assert measured == pytest.approx(predicted, abs=0.01)


def test_stable_rank_with_unequal_output_weights_is_not_that_of_equal_ones():
    for seed in THREE:
        measured, _, for_equal = rank_with_unequal_output_weights(seed)
        assert abs(measured - for_equal) > 0.2


def rank_of_one_sign_on_digits(share, seed):
    data = helpers.data.digits(3, 8)
    problem = helpers.Problem(LEAKY, data, loss="logistic", reduction="mean")
    start = LEAKY.init(64, share * highdim.default_std(WIDTH, 64) * np.sqrt(LEAKY.size(64)), seed)
    step = 0.3 / np.linalg.norm(data.X.T @ data.X / data.n, 2)
    return helpers.stable_rank(LEAKY.weights(helpers.gradient_descent(problem, start, step, 20).theta[-1])[0][:50])


def test_neurons_of_one_sign_agree_on_digits():
    assert [rank_of_one_sign_on_digits(1e-3, seed) for seed in THREE] == pytest.approx([1] * 3, abs=0.01)


def test_neurons_of_one_sign_do_not_agree_on_digits_from_the_usual_start():
    assert all(rank_of_one_sign_on_digits(1, seed) > 5 for seed in THREE)
