"""Margins and stable ranks: against their optimality conditions, their closed forms on orthogonal data, and drawn or trained networks."""

import numpy as np
import pytest

from helpers import Problem, TwoLayer, data, gradient_descent, stable_rank
from helpers.highdim import (
    Setting,
    default_std,
    early_directions,
    initial_stable_rank,
    kkt_stable_rank,
    limit_stable_rank,
    stable_rank_curve,
)
from helpers.margin import least_norm, max_margin, max_margin_directions

SLOPES = pytest.mark.parametrize("slope", [0.1, 0.5, 0.9])
EQUAL, SPREAD = data.orthogonal(6, 6, dim=30, seed=1), data.orthogonal(7, 4, dim=30, norms=(0.5, 1.5), seed=1)


def cosine(u, v):
    return u @ v / np.linalg.norm(u) / np.linalg.norm(v)


# --- margins ---

@pytest.mark.parametrize("seed", range(5))
def test_the_least_norm_point_satisfies_the_kkt_conditions(seed):
    random = np.random.default_rng(seed)
    G = random.standard_normal((12, 5)) + 1.5 * random.standard_normal(5)
    z = least_norm(G)
    active = np.isclose(G @ z, 1, atol=1e-9)
    weights, *_ = np.linalg.lstsq(G[active].T, z, rcond=None)
    assert (G @ z >= 1 - 1e-9).all() and 0 < active.sum() < len(G)
    np.testing.assert_allclose(G[active].T @ weights, z, atol=1e-9)  # z = Σ λ_i g_i over the active constraints
    assert (weights > -1e-9).all()


def test_points_behind_the_margin_do_not_move_the_max_margin_predictor():
    np.testing.assert_allclose(max_margin([[2, 1], [0, 1]], [1, -1]), [1, -1], atol=1e-12)
    np.testing.assert_allclose(max_margin([[2, 1], [0, 1], [9, 1], [-1, 3]], [1, -1, 1, -1]), [1, -1], atol=1e-12)


@pytest.mark.parametrize("points", [EQUAL, SPREAD])
def test_on_orthogonal_data_the_max_margin_predictor_is_the_sum_of_yx_over_squared_norms(points):
    np.testing.assert_allclose(max_margin(points.X, points.y), (points.y / np.sum(points.X**2, axis=1)) @ points.X, atol=1e-12)


@SLOPES
@pytest.mark.parametrize("points", [EQUAL, SPREAD])
def test_on_orthogonal_data_the_networks_directions_are_those_of_theorem_3_2(points, slope):
    v, u = max_margin_directions(points.X, points.y, slope, width=8)
    weighted = (2 / (1 + slope**2) / np.sum(points.X**2, axis=1))[:, None] * points.X / np.sqrt(8)
    plus, minus = weighted[points.y > 0].sum(axis=0), weighted[points.y < 0].sum(axis=0)
    np.testing.assert_allclose(v, plus - slope * minus, atol=1e-10)
    np.testing.assert_allclose(u, minus - slope * plus, atol=1e-10)


@SLOPES
def test_at_the_max_margin_directions_every_point_is_a_support_vector_of_the_network(slope):
    v, u = max_margin_directions(SPREAD.X, SPREAD.y, slope, width=8)
    network = TwoLayer(8, f"leaky_relu({slope})", train_output=False)
    theta = np.concatenate([v] * 4 + [u] * 4)
    np.testing.assert_allclose(SPREAD.y * network.outputs(theta, SPREAD.X), 1, rtol=1e-9)


def test_inseparable_classes_are_refused():
    X = [[1.0, 0.0], [-1.0, 0.0], [2.0, 0.0], [0.0, 1.0]]
    with pytest.raises(ValueError, match="cannot be separated"):
        max_margin(X, [1, 1, -1, -1])
    with pytest.raises(ValueError, match="cannot be separated"):
        least_norm([[1.0], [-1.0]])


def test_labels_other_than_signs_are_refused():
    for function in (max_margin, lambda X, y: max_margin_directions(X, y, 0.1, 4), lambda X, y: kkt_stable_rank(X, y, 0.1),
                     lambda X, y: early_directions(X, y, 0.1)):
        with pytest.raises(ValueError, match="labels y must be −1 or \\+1"):
            function(np.eye(3), [0, 1, 1])


# --- stable ranks ---

@SLOPES
def test_for_balanced_classes_of_one_norm_the_kkt_stable_rank_is_the_limit(slope):
    assert kkt_stable_rank(EQUAL.X, EQUAL.y, slope) == pytest.approx(limit_stable_rank(slope), rel=1e-12)


@SLOPES
@pytest.mark.parametrize("positive", [4, 2, 6])
def test_the_kkt_stable_rank_is_that_of_the_least_norm_network(positive, slope):
    m = 8
    on_v, on_u = np.where(SPREAD.y > 0, 1, -slope), np.where(SPREAD.y > 0, -slope, 1)
    shares = np.sqrt(positive / m), np.sqrt((m - positive) / m)  # of √m₊·v and √m₋·u, whose norms the program minimises
    solution = least_norm(np.hstack([shares[0] * on_v[:, None] * SPREAD.X, shares[1] * on_u[:, None] * SPREAD.X]))
    assert kkt_stable_rank(SPREAD.X, SPREAD.y, slope, positive / m) == pytest.approx(stable_rank(solution.reshape(2, -1)), rel=1e-9)


@SLOPES
def test_the_kkt_stable_rank_is_that_of_the_stacked_directions(slope):
    W = np.vstack(max_margin_directions(SPREAD.X, SPREAD.y, slope, width=8))
    assert kkt_stable_rank(SPREAD.X, SPREAD.y, slope) == pytest.approx(stable_rank(W), rel=1e-9)


@pytest.mark.parametrize("slope, rank", [(0, 2), (0.1, 1.669), (0.5, 1.111), (1, 1)])
def test_the_limit_falls_from_two_to_one_as_the_slope_rises(slope, rank):
    assert limit_stable_rank(slope) == pytest.approx(rank, abs=5e-4)


@pytest.mark.parametrize("width, dim", [(200, 4000), (100, 1000), (300, 300)])
def test_the_initial_stable_rank_is_that_of_a_gaussian_matrix(width, dim):
    drawn = stable_rank(np.random.default_rng(0).standard_normal((width, dim)))
    assert initial_stable_rank(width, dim) == pytest.approx(drawn, rel=0.05)
    assert default_std(width, dim) == np.sqrt(2 / (width + dim))


@SLOPES
def test_the_curve_begins_at_the_one_step_value_dips_to_half_and_rises_towards_the_limit(slope):
    setting = Setting(n=1000, dim=4000, norm=60.0, width=1000, slope=slope, step=2.0, std=1e-9)
    ranks, q = stable_rank_curve(setting, 10**5), ((1 - slope) / (1 + slope)) ** 2
    assert ranks[0] == pytest.approx(2 * (1 + slope**2) / (1 + slope) ** 2, rel=2e-3)
    assert ranks.min() == pytest.approx(1 + q / 2, abs=2e-3)
    assert ranks.argmin() > 0 and ranks[-1] < limit_stable_rank(slope)
    assert (np.diff(ranks[ranks.argmin():]) > 0).all()


@pytest.mark.parametrize("std", [1e-7, 2e-4])
def test_the_curve_is_that_of_gradient_descent_where_the_gate_ratio_is_at_least_three(std):
    points, network = data.orthogonal(20, 20, dim=200, seed=0), TwoLayer(100, "leaky_relu(0.1)", train_output=False)
    setting = Setting(n=40, dim=200, norm=np.sqrt(200), width=100, slope=0.1, step=0.8, std=std)
    start = network.init(200, std * np.sqrt(100 * 200), seed=0)
    run = gradient_descent(Problem(network, points, "logistic", "mean"), start, step=0.8, steps=30)
    measured = [stable_rank(W) for W in network.weights(run.theta[1:])[0]]
    assert setting.gate_ratio > 3
    np.testing.assert_allclose(stable_rank_curve(setting, 30), measured, rtol=0.01)


def test_few_neurons_lower_the_first_stable_rank_by_the_chance_order_of_their_gates():
    points, network = data.orthogonal(20, 20, dim=200, seed=0), TwoLayer(6, "leaky_relu(0.1)", train_output=False)
    problem, step = Problem(network, points, "logistic", "mean"), 0.8
    ranks = [stable_rank(network.weights(gradient_descent(problem, network.init(200, 1e-6, seed), step, 1).theta[-1])[0]) for seed in range(40)]
    few, many = (stable_rank_curve(Setting(40, 200, np.sqrt(200), width, 0.1, step, 1e-8), 1)[0] for width in (6, 10**6))
    assert few == pytest.approx(np.mean(ranks), rel=0.02) and few < 0.95 * many


@SLOPES
def test_small_neurons_turn_to_the_early_directions(slope):
    network = TwoLayer(20, f"leaky_relu({slope})", train_output=False)
    problem = Problem(network, SPREAD, "logistic").frozen()
    theta = gradient_descent(problem, network.init(30, 1e-6, seed=0), step=1e-3, steps=300).theta[-1]
    v, u = early_directions(SPREAD.X, SPREAD.y, slope)
    assert min(cosine(w, v) for w in network.weights(theta)[0][:10]) > 0.99
    assert min(cosine(w, u) for w in network.weights(theta)[0][10:]) > 0.99
    assert np.linalg.norm(v) == pytest.approx(1) == np.linalg.norm(u)


def test_the_gate_ratio_is_the_least_first_move_over_the_initial_spread():
    setting = Setting(n=40, dim=200, norm=np.sqrt(200), width=100, slope=0.1, step=0.8, std=1e-3)
    points, network = data.orthogonal(20, 20, dim=200, seed=0), TwoLayer(100, "leaky_relu(0.1)", train_output=False)
    start = network.init(200, 1e-3 * np.sqrt(100 * 200), seed=0)
    moved = gradient_descent(Problem(network, points, "logistic", "mean"), start, step=0.8, steps=1).theta
    before, after = (network.weights(theta)[0] @ points.X.T for theta in moved)
    assert np.abs(after - before).min() / before.std() == pytest.approx(setting.gate_ratio, rel=0.05)
