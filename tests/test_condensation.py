"""Condensation: on data whose lines, ranks and distances are known."""

import numpy as np
import pytest

from helpers import (
    Problem,
    TwoLayer,
    activation,
    condensed_lines,
    cosine_matrix,
    data,
    directions,
    effective_rank,
    merged,
    polynomial_residual,
    relative_distance,
    stable_rank,
    train,
)


def lines(*groups, noise=0.0, seed=0):
    """Rows on lines of the plane: each group is (degrees, length, count, count of antipodes), turned by up to ±noise degrees."""
    random = np.random.default_rng(seed)
    rows = [(length * np.cos(a), length * np.sin(a)) for degrees, length, count, antipodes in groups
            for a in np.deg2rad(degrees + 180.0 * (np.arange(count + antipodes) >= count) + random.uniform(-noise, noise, count + antipodes))]
    return np.array(rows)


def test_directions_are_the_rows_at_length_one():
    W = np.random.default_rng(0).standard_normal((5, 3)) * [[1e-9], [1], [3], [1e6], [2]]
    unit = directions(W)
    np.testing.assert_allclose(np.linalg.norm(unit, axis=1), 1)
    np.testing.assert_allclose(unit * np.linalg.norm(W, axis=1, keepdims=True), W)


def test_a_row_of_length_zero_has_no_direction():
    with pytest.raises(ValueError, match=r"rows \[1\] of W have length 0"):
        directions([[1.0, 2.0], [0.0, 0.0]])


@pytest.mark.parametrize("m", [1, 2, 30, 250])
def test_the_cosine_matrix_is_that_of_the_rows_in_an_order_that_is_a_permutation(m):
    W = np.random.default_rng(1).standard_normal((m, 4))
    cosines, order = cosine_matrix(W)
    assert sorted(order) == list(range(m))
    wanted = [[u @ v / np.linalg.norm(u) / np.linalg.norm(v) for v in W[order]] for u in W[order]]
    np.testing.assert_allclose(cosines, wanted, atol=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_neurons_on_one_line_and_then_on_one_ray_stand_together(seed):
    W = lines((10, 1, 5, 4), (70, 2, 3, 6), (130, 1, 7, 2), noise=2)
    shuffled = np.random.default_rng(seed).permutation(len(W))
    ray = np.repeat(range(6), [5, 4, 3, 6, 7, 2])[shuffled]
    ordered = ray[cosine_matrix(W[shuffled])[1]]
    assert np.count_nonzero(np.diff(ordered // 2)) == 2 and np.count_nonzero(np.diff(ordered)) == 5


@pytest.mark.parametrize("k", [1, 2, 3, 5])
def test_k_noisy_lines_are_counted_as_k_lines_and_2k_directions(k):
    found = condensed_lines(lines(*((180 / k * j, 1 + j, 8, 5) for j in range(k)), noise=3))
    assert (found.lines, found.directions) == (k, 2 * k)


def test_a_line_without_antipodes_is_one_direction():
    found = condensed_lines(lines((10, 1, 5, 0), (80, 1, 4, 3), noise=1))
    assert (found.lines, found.directions) == (2, 3)


def test_lines_are_numbered_by_their_share_of_the_squared_norms():
    found = condensed_lines(lines((0, 1, 4, 0), (90, 3, 1, 1), (45, 2, 2, 1), (135, 4, 3, 0)))
    np.testing.assert_array_equal(found.labels, [3] * 4 + [1] * 2 + [2] * 3 + [0] * 3)
    np.testing.assert_allclose(found.shares, np.array([48, 18, 12, 4]) / 82)


@pytest.mark.parametrize("seed", range(5))
def test_a_share_is_that_of_the_neurons_with_its_label(seed):
    W = np.random.default_rng(seed).standard_normal((40, 2))
    found, squares = condensed_lines(W, floor=0), np.sum(W**2, axis=1)
    np.testing.assert_allclose([squares[found.labels == line].sum() / squares.sum() for line in range(found.lines)], found.shares)
    assert (np.diff(found.shares) <= 0).all() and found.shares.sum() == pytest.approx(1)


def test_short_neurons_are_ignored():
    W = 1e-6 * np.vstack([lines((0, 1, 4, 0)), 0.009 * lines((50, 1, 3, 0)), 0.011 * lines((90, 1, 1, 0)), [[0, 0]]])
    found = condensed_lines(W)
    assert found.lines == 2
    np.testing.assert_array_equal(found.labels, [0] * 4 + [-1] * 3 + [1] + [-1])
    assert condensed_lines(W, floor=0).lines == 3


def test_the_count_depends_on_the_angle_where_neurons_are_spread_out_and_not_where_they_are_condensed():
    spread = condensed_lines(lines(*((d, 1, 1, 0) for d in range(0, 180, 4))), angles=(1, 10, 30))
    condensed = condensed_lines(lines((0, 1, 9, 9), (60, 1, 9, 9), noise=0.4), angles=(1, 10, 30))
    assert spread.by_angle == {1: 45, 10: spread.lines, 30: pytest.approx(8, abs=2)} and spread.lines >= 15
    assert condensed.by_angle == {1: 2, 10: 2, 30: 2}


def test_no_two_neurons_of_a_line_lie_further_apart_than_the_angle():
    W = lines(*((d, 1, 1, 0) for d in np.random.default_rng(2).uniform(0, 180, 60)))
    labels = condensed_lines(W, angle=12).labels
    cosines = np.abs(directions(W) @ directions(W).T)
    assert cosines[labels[:, None] == labels].min() >= np.cos(np.deg2rad(12)) - 1e-12


@pytest.mark.parametrize("singular_values, stable, effective", [
    ([1, 1, 1], 3, 3), ([2, 0, 0], 1, 1), ([3, 1, 1], 1 + 2 / 9, np.exp(-(0.6 * np.log(0.6) + 0.4 * np.log(0.2)))), ([1, 1e-9, 0], 1, 1)])
def test_ranks_are_those_of_the_singular_values(singular_values, stable, effective):
    random = np.random.default_rng(3)
    left, right = (np.linalg.qr(random.standard_normal((size, 3)))[0] for size in (6, 4))
    W = left * singular_values @ right.T
    assert stable_rank(W) == pytest.approx(stable, rel=1e-7)
    assert effective_rank(W) == pytest.approx(effective, rel=1e-6)
    assert stable_rank(1e-200 * W) == pytest.approx(stable, rel=1e-7)


def test_the_zero_matrix_has_no_rank():
    for rank in (stable_rank, effective_rank):
        with pytest.raises(ValueError, match="W is zero"):
            rank(np.zeros((2, 2)))


def test_relative_distance_is_taken_per_point_of_a_trajectory():
    start = np.array([3.0, 4.0])
    np.testing.assert_allclose(relative_distance([[3, 4], [3, 9], [-3, -4]], start), [0, 1, 2])
    np.testing.assert_allclose(relative_distance(2 * np.ones((5, 4, 3)), np.ones((4, 3))), np.ones(5))
    assert relative_distance([6, 8], start) == pytest.approx(1)


def test_a_distance_from_zero_is_refused():
    with pytest.raises(ValueError, match="theta0 must not be zero"):
        relative_distance(np.ones(2), np.zeros(2))


@pytest.mark.parametrize("scale", [1e160, 1e-170])
def test_lines_do_not_depend_on_the_scale_of_the_weights(scale):
    W = scale * np.array([[1.0, 0], [2, 0], [0, 1]])
    assert condensed_lines(W).lines == 2
    np.testing.assert_allclose(condensed_lines(W).shares, [5 / 6, 1 / 6])
    np.testing.assert_allclose(directions(W), [[1, 0], [1, 0], [0, 1]])


# --- polynomials ---

@pytest.mark.parametrize("low, high", [(-1, 1.5), (1e6, 1e6 + 1), (-1e-9, 1e-9)])
@pytest.mark.parametrize("degree", [0, 1, 2, 3, 9])
def test_a_polynomial_has_no_residual_from_its_degree_on_and_one_below(low, high, degree):
    nodes, _ = np.polynomial.legendre.leggauss(40)
    x = low + (high - low) * (nodes + 1) / 2
    s = (x - low) / (high - low) - 0.5  # of x as rounded
    q = np.polynomial.polynomial.polyval(s, np.random.default_rng(degree).uniform(1, 2, degree + 1))
    assert polynomial_residual(x, q, degree) <= 1e-10 and polynomial_residual(x, q, degree + 3) <= 1e-10
    assert degree == 0 or polynomial_residual(x, q, degree - 1) > 1e-7


def test_a_residual_is_the_distance_from_the_best_polynomial_relative_to_the_values():
    x = np.linspace(-2, 1, 50)
    values = np.sin(3 * x)
    fit = np.polyval(np.polyfit(x, values, 3), x)
    wanted = np.linalg.norm(values - fit) / np.linalg.norm(values)
    assert polynomial_residual(x, values, 3) == pytest.approx(wanted, rel=1e-9) and isinstance(polynomial_residual(x, values, 3), float)
    assert polynomial_residual(x, 1e-200 * values, 3) == pytest.approx(wanted, rel=1e-9)


def test_residuals_of_a_run_are_those_of_its_rows():
    x = np.linspace(0, 1, 30)
    rows = np.exp(np.outer([1, 3, 5], x))
    np.testing.assert_allclose(polynomial_residual(x, rows, 2), [polynomial_residual(x, row, 2) for row in rows])
    assert polynomial_residual(x, rows[:1], 2).shape == (1,)


def test_values_at_the_same_place_cannot_all_be_met():
    assert polynomial_residual([1.0, 1, 1], [1, -1, 0], 5) == pytest.approx(1)
    assert polynomial_residual([0.0, 0, 1], [1, -1, 3], 8) == pytest.approx(np.sqrt(2 / 11))
    assert polynomial_residual([0.0, 1], [1, -1], 8) <= 1e-12


# --- merged networks ---

GRID = np.linspace(-1, 1.5, 60)[:, None]
SMOOTH = ["tanh", "x*tanh(x)", "x**2*tanh(x)", "smooth_leaky_relu(0.2)", "sigmoid", "softplus", "z**3", "z**4"]
LINES = np.array([[0.6, 0.8], [1, 0], [-0.3, 0.9]])


def three_lines(name, size=1.0, signs=(1, 1, 1), turned=0.3, seed=0, count=24, fixed=False):
    """A network with so many neurons on three lines (each with output weights of its sign), a share `turned` of them on the other side, and its θ."""
    random, line = np.random.default_rng(seed), np.arange(count) % 3
    side = np.where(random.random(count) < turned, -1.0, 1.0)
    W = size * (random.uniform(0.5, 1, count) * side)[:, None] * directions(LINES)[line]
    parity = activation(name)(np.array([-0.5]))[0] / activation(name)(np.array([0.5]))[0]
    a = np.array(signs)[line] * random.uniform(0.5, 1, count) * np.where((side < 0) & (abs(parity + 1) < 1e-9), -1, 1)
    network = TwoLayer(count, name, train_output=not fixed, bias=True, output_weights=a if fixed else None)
    return network, W.ravel() if fixed else np.concatenate([W.ravel(), a])


def error(network, theta, **options):
    """How far the outputs of the merged network are from the network's, relative to their size; and its width."""
    smaller, small = merged(network, theta, **options)
    H = network.outputs(theta, GRID)
    return np.linalg.norm(smaller.outputs(small, GRID) - H) / np.linalg.norm(H), smaller.width


@pytest.mark.parametrize("fixed", [False, True])
@pytest.mark.parametrize("name, width, order", [("tanh", 3, 4), ("x*tanh(x)", 3, 4), ("x**2*tanh(x)", 3, 4),
                                                ("smooth_leaky_relu(0.2)", 6, 3), ("sigmoid", 6, 3), ("softplus", 6, 2)])
def test_a_merged_network_has_the_two_lowest_terms_of_each_line(name, width, order, fixed):
    (large, wide), (small, _) = (error(*three_lines(name, size, fixed=fixed)) for size in (0.2, 0.02))
    assert wide == width and small < 1e-3
    assert small <= 2 * large * 0.1**order or small < 1e-11


@pytest.mark.parametrize("name, width", [("z**3", 3), ("z**4", 3), ("linear", 3), ("relu", 6), ("leaky_relu(0.1)", 6), ("relu**2", 6)])
def test_homogeneous_neurons_on_a_line_are_merged_exactly(name, width):
    for signs in ((1, 1, 1), (1, -1, 1)):
        assert error(*three_lines(name, signs=signs)) == (pytest.approx(0, abs=1e-13), width)


@pytest.mark.parametrize("name", [*SMOOTH, "relu", "leaky_relu(0.1)"])
def test_a_neuron_merged_with_none_is_itself(name):
    network = TwoLayer(3, name, bias=True)
    theta = np.concatenate([(LINES * [[1], [3], [2]]).ravel(), [1.5, -2, 0.5]])
    smaller, small = merged(network, theta)
    order = [1, 2, 0]  # of their lengths
    for mine, wanted in zip(smaller.weights(small), network.weights(theta), strict=True):
        np.testing.assert_allclose(mine, wanted[order], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", SMOOTH)
def test_opposite_signs_on_a_line_subtract_and_where_they_cancel_most_of_each_other_both_stay(name):
    network, fold = TwoLayer(3, name, bias=True), 1e-2
    for outputs, width in (((1.0, 0.8, -0.3), 1), ((1.0, 0.8, -1.6), 2)):
        theta = np.concatenate([fold * np.outer([1, 1.3, 1.1], [0.6, 0.8]).ravel(), outputs])
        assert error(network, theta) == (pytest.approx(0, abs=1e-6 if name != "softplus" else 1e-4), width)


def test_a_line_whose_second_term_has_the_other_sign_keeps_the_first_and_a_length_of_its_own():
    network = TwoLayer(2, "tanh", bias=True)
    for outputs in ((1.0, -0.17), (1.0, -0.1457)):  # Σ a s = 0.68, Σ a s³ = −0.17; and 0.72, almost 0
        theta = np.concatenate([1e-2 * np.outer([1, 1.9], [0.6, 0.8]).ravel(), outputs])
        smaller, small = merged(network, theta)
        w, _ = smaller.weights(small)
        assert 0.01 <= np.linalg.norm(w) <= 0.019 and error(network, theta) == (pytest.approx(0, abs=1e-3), 1)


def test_neurons_that_add_nothing_disappear():
    W, a = np.array([[1.0, 0], [0, 1], [0.6, 0.8], [0.001, -0.001]]), [1, 0, 0, 5]
    network = TwoLayer(4, "tanh")
    np.testing.assert_allclose(merged(network, np.concatenate([W.ravel(), a]))[1], [1, 0, 1])
    assert merged(network, np.concatenate([W.ravel(), a]), floor=0)[0].width == 2
    with pytest.raises(ValueError, match="theta must have a neuron that adds something"):
        merged(network, np.concatenate([W.ravel(), np.zeros(4)]))


def test_short_neurons_of_a_sigmoid_add_their_constant():
    network, random = TwoLayer(30, "sigmoid", bias=True), np.random.default_rng(0)
    W = np.vstack([np.outer(random.uniform(0.5, 1, 10), [0.6, 0.8]), 1e-3 * random.standard_normal((20, 2))])
    theta = np.concatenate([W.ravel(), random.uniform(0.5, 1, 30)])
    off, width = error(network, theta)
    assert width == 2 and off < 1e-3
    still = np.concatenate([0 * W[:10].ravel(), [1, 0], W[11:].ravel(), theta[60:]])
    still[:20] = 0  # neurons without any length
    assert error(network, still)[0] < 1e-3


def test_the_direction_of_a_merged_neuron_is_the_mean_of_its_neurons_terms():
    angles = np.deg2rad([10, 14, 196])
    W = np.column_stack([np.cos(angles), np.sin(angles)]) * [[1], [2], [1.5]]
    for name, p, sign in (("linear", 1, -1), ("z**2", 2, 1), ("z**3", 3, -1)):
        a = np.array([1.0, 0.5, 2.0 * sign])
        smaller, small = merged(TwoLayer(3, name), np.concatenate([W.ravel(), a]))
        lengths = np.array([1, 2, 1.5])
        wanted = np.average(np.rad2deg(angles) % 180, weights=np.abs(a) * lengths**p)
        w, _ = smaller.weights(small)
        assert (np.rad2deg(np.arctan2(*w[0][::-1])) % 180, smaller.width) == (pytest.approx(wanted, abs=0.02), 1)
        x = np.random.default_rng(0).standard_normal((50, 2))
        H = TwoLayer(3, name).outputs(np.concatenate([W.ravel(), a]), x)
        np.testing.assert_allclose(smaller.outputs(small, x), H, atol=(1e-12 if p == 1 else 0.02) * np.abs(H).max())


@pytest.mark.parametrize("name, share, bound", [("tanh", 1, 1e-3), ("x*tanh(x)", 3, 1e-2), ("x**2*tanh(x)", 5, 2e-2), ("relu", 8, 1e-2), ("sigmoid", 12, 1e-2)])
def test_a_trained_network_that_has_condensed_is_its_merged_one(name, share, bound):
    problem = Problem(TwoLayer(50, name, bias=True), data.sines())
    run = train(problem, problem.network.init(1, 1e-3, seed=0), steps=200, record=[])
    off, width = error(problem.network, run.theta[-1])
    assert off < bound and width <= share


def test_the_angle_and_the_floor_are_those_of_condensed_lines():
    network, theta = three_lines("tanh")
    W = network.weights(theta)[0]
    for options in ({"angle": 60.0}, {"angle": 1.0}, {"floor": 0.9}):
        assert merged(network, theta, **options)[0].width == condensed_lines(W, **options).lines


def test_an_activation_without_a_power_at_the_origin_is_refused():
    kinked = activation("kink", lambda z: np.maximum(z, 0) + z**2, lambda z: (z > 0) + 2 * z)
    with pytest.raises(ValueError, match="network must have an activation with a multiplicity or a degree, 'kink' has none"):
        merged(TwoLayer(2, kinked), np.ones(6))
