"""Linear networks: what they compute, the parts that add, the exact solutions against the flow, and the least ℓ1 norm."""

import itertools

import numpy as np
import pytest

from helpers import Deep, DeepLinear, Diagonal, Problem, data, gradient_flow, linear, stop_at
from helpers.data import Dataset

WIDTHS = pytest.mark.parametrize("widths", [(3, 4, 1), (3, 4, 2), (3, 2, 4, 2), (3, 5, 4, 3, 1)])
DEPTHS = pytest.mark.parametrize("depth", [2, 3, 5])
WHITE = data.whitened()


def drawn(network, dim=3, n=7, seed=0):
    """θ of norm 3, inputs and a residual."""
    random = np.random.default_rng(seed)
    theta, X = network.init(dim, 3.0, seed), random.standard_normal((n, dim))
    return theta, X, random.standard_normal(network.outputs(theta, X).shape)


def imbalance(network, theta):
    """‖W_{l+1}ᵀW_{l+1} − W_lW_lᵀ‖, the largest over the layers."""
    return max(np.abs(above.T @ above - below @ below.T).max() for below, above in itertools.pairwise(network.weights(theta)))


def error_of_the_sum(network, theta, X):
    """How far the outputs of θ are from the sum of the outputs of its parts."""
    return np.abs(sum(network.outputs(part, X) for part in network.parts(theta)) - network.outputs(theta, X)).max()


def turned(random, *shape):
    return np.linalg.qr(random.standard_normal(shape))[0]


def aligned(s, depth):
    """Weights of square layers, all diagonal and balanced, whose product is diag(s)."""
    return np.concatenate([np.diag(np.asarray(s) ** (1 / depth)).ravel()] * depth)


# --- the networks ---

@WIDTHS
def test_a_deep_linear_network_is_the_deep_network_with_a_linear_activation(widths):
    network, deep = DeepLinear(widths), Deep(widths, "linear")
    theta, X, r = drawn(network)
    assert network.size(3) == deep.size(3) == len(theta) and network.degree == deep.degree and not network.kinked
    np.testing.assert_allclose(network.outputs(theta, X), deep.outputs(theta, X), rtol=1e-12)
    np.testing.assert_allclose(network.pullback(theta, X, r), deep.pullback(theta, X, r), rtol=1e-10, atol=1e-12)
    for mine, torchs in zip(network.weights(theta), deep.weights(theta), strict=True):
        np.testing.assert_array_equal(mine, torchs)


@DEPTHS
def test_a_diagonal_network_is_linear_with_coefficients_u_to_the_d_minus_v_to_the_d(depth):
    network, X = Diagonal(depth), np.array([[1.0, 10.0], [0.0, 1.0]])
    np.testing.assert_allclose(network.outputs(np.array([2.0, 1, 1, 3]), X), [2**depth - 1 + 10 * (1 - 3**depth), 1 - 3**depth])
    theta, X, r = drawn(network)
    direction = drawn(network, seed=1)[0]
    moved = (network.outputs(theta + 1e-6 * direction, X) - network.outputs(theta - 1e-6 * direction, X)) / 2e-6
    assert network.pullback(theta, X, r) @ direction == pytest.approx(r @ moved, rel=1e-7)
    assert network.size(3) == len(theta) == 6 and network.degree == depth and not network.kinked


@pytest.mark.parametrize("network", [DeepLinear((3, 4, 1)), DeepLinear((3, 2, 4, 2)), DeepLinear((3, 5, 4, 3, 1)), Diagonal(), Diagonal(3), Diagonal(5)], ids=repr)
def test_directional_is_how_outputs_and_pullback_change(network):
    theta, X, r = drawn(network)
    several, h = np.array([drawn(network, seed=seed)[0] for seed in (1, 2)]), 1e-6
    moved, bent = network.directional(theta, X, r, several)
    for k, v in enumerate(several):
        np.testing.assert_allclose(moved[k], (network.outputs(theta + h * v, X) - network.outputs(theta - h * v, X)) / (2 * h), rtol=1e-6, atol=1e-7)
        np.testing.assert_allclose(bent[k], (network.pullback(theta + h * v, X, r) - network.pullback(theta - h * v, X, r)) / (2 * h), rtol=1e-6, atol=1e-7)
        for one, all_of_them in zip(network.directional(theta, X, r, v), (moved, bent), strict=True):
            np.testing.assert_allclose(one, all_of_them[k], rtol=1e-12, atol=1e-14)
    with pytest.raises(ValueError, match="v must be a direction of theta"):
        network.directional(theta, X, r, theta[:-1])


@pytest.mark.parametrize("network", [DeepLinear((3, 4, 2)), DeepLinear((3, 2, 4, 2)), Diagonal(), Diagonal(4)], ids=repr)
def test_outputs_are_homogeneous_of_the_networks_degree(network):
    theta, X, _ = drawn(network)
    np.testing.assert_allclose(network.outputs(1.7 * theta, X), 1.7**network.degree * network.outputs(theta, X), rtol=1e-12)


def test_weights_products_and_coefficients_of_a_trajectory_are_those_of_its_points():
    deep, diagonal = DeepLinear((3, 4, 5, 2)), Diagonal(3)
    thetas = np.array([deep.init(3, 1.0, seed) for seed in range(4)])
    assert [W.shape for W in deep.weights(thetas)] == [(4, 4, 3), (4, 5, 4), (4, 2, 5)] and deep.product(thetas).shape == (4, 2, 3)
    for k, theta in enumerate(thetas):
        W1, W2, W3 = deep.weights(theta)
        np.testing.assert_allclose(deep.product(thetas)[k], W3 @ W2 @ W1, rtol=1e-12)
        np.testing.assert_array_equal(deep.weights(thetas)[1][k], W2)
    thetas = np.array([diagonal.init(3, 1.0, seed) for seed in range(4)])
    np.testing.assert_allclose(diagonal.coefficients(thetas), thetas[:, :3] ** 3 - thetas[:, 3:] ** 3, rtol=1e-12)
    np.testing.assert_array_equal(diagonal.weights(thetas)[1][2], thetas[2, 3:])


@pytest.mark.parametrize("balanced", [True, False])
@pytest.mark.parametrize("scale", [1e-12, 1e-3, 40.0])
def test_the_start_of_a_deep_linear_network_has_norm_scale_and_is_balanced_when_asked(balanced, scale):
    network = DeepLinear((5, 6, 3, 4))
    start = network.init(5, scale, 7, balanced)
    assert np.linalg.norm(start) == pytest.approx(scale, rel=1e-14)
    np.testing.assert_allclose(start / scale, network.init(5, 1.0, 7, balanced), rtol=1e-12)
    assert np.abs(start - network.init(5, scale, 8, balanced)).max() > 0.1 * scale
    assert (imbalance(network, start / scale) < 1e-15) == balanced
    assert np.linalg.matrix_rank(network.product(start / scale)) == 3


def test_the_flow_keeps_the_imbalance_of_the_weights():
    network = DeepLinear((5, 4, 6, 4))
    problem = Problem(network, WHITE)
    for balanced in (True, False):
        run = gradient_flow(problem, network.init(5, 1.0, 0, balanced), 5.0, rtol=1e-10)
        (_, second, third), (_, second0, third0) = network.weights(run.theta[-1]), network.weights(run.theta[0])
        assert np.linalg.norm(second - second0) > 0.5
        np.testing.assert_allclose(third.T @ third - second @ second.T, third0.T @ third0 - second0 @ second0.T, atol=1e-8)
        assert (imbalance(network, run.theta[-1]) < 1e-8) == balanced


def test_the_start_of_a_diagonal_network_is_positive_and_without_a_seed_its_output_is_zero():
    network = Diagonal()
    np.testing.assert_allclose(network.init(8, 1e-3), 1e-3 / 4, rtol=1e-14)
    drawn = network.init(8, 1e-3, 3)
    assert (drawn > 0).all() and np.linalg.norm(drawn) == pytest.approx(1e-3) and np.ptp(drawn) > 1e-4
    assert not np.array_equal(drawn, network.init(8, 1e-3, 4)) and np.array_equal(drawn, network.init(8, 1e-3, 3))


@DEPTHS
def test_the_flow_keeps_every_weight_of_a_diagonal_network_positive(depth):
    network, points = Diagonal(depth), data.sparse_regression(10, 20)
    run = gradient_flow(Problem(network, points), network.init(20, 3.0, 0), 20.0)
    assert (run.theta > 0).all() and run.loss[-1] < 0.1 * run.loss[0]
    beta = network.coefficients(run.theta[-1])
    assert beta.min() < -0.5 and beta.max() > 0.5


# --- parts ---

@pytest.mark.parametrize("widths", [(3, 4, 1), (3, 4, 2), (3, 9, 2), (3, 1, 2)])
def test_with_two_layers_the_outputs_of_the_parts_add_for_every_theta(widths):
    network = DeepLinear(widths)
    theta, X, _ = drawn(network)
    assert len(network.parts(theta)) == min(widths[1], widths[0] + widths[2])
    np.testing.assert_allclose(network.parts(theta).sum(axis=0), theta, atol=1e-13)
    assert error_of_the_sum(network, theta, X) < 1e-13


def test_parts_of_two_layers_flow_by_themselves_while_the_residual_is_frozen():
    network = DeepLinear((5, 7, 4))
    frozen, theta = Problem(network, WHITE).frozen(), network.init(5, 1.0, 0)
    np.testing.assert_allclose(sum(map(frozen.velocity, network.parts(theta))), frozen.velocity(theta), atol=1e-13)


@pytest.mark.parametrize("widths", [(5, 6, 4), (5, 9, 7, 4), (5, 6, 5, 6, 4)])
def test_parts_of_balanced_weights_are_the_singular_triples_of_every_layer(widths):
    network = DeepLinear(widths)
    theta, X = network.init(5, 3.0, 0, balanced=True), drawn(network, 5)[1]
    assert error_of_the_sum(network, theta, X) < 1e-13
    for layer, of_parts in zip(network.weights(theta), network.weights(network.parts(theta)), strict=True):
        left, values, right = np.linalg.svd(layer, full_matrices=False)
        for k in range(4):
            np.testing.assert_allclose(of_parts[k], values[k] * np.outer(left[:, k], right[k]), atol=1e-13)
        np.testing.assert_allclose(of_parts[4:], 0, atol=1e-13)


@pytest.mark.parametrize("widths", [(3, 4, 1), (1, 3, 3, 1), (4, 1, 3)])
def test_balanced_starts_point_every_way(widths):
    network = DeepLinear(widths)
    first = [network.product(network.init(widths[0], 1.0, seed, balanced=True))[0, 0] for seed in range(200)]
    assert 70 <= np.sum(np.array(first) > 0) <= 130


def test_with_more_layers_a_last_part_without_outputs_makes_the_sum_exact_but_the_outputs_of_any_theta_do_not_add():
    network = DeepLinear((5, 6, 7, 4))
    theta, X, _ = drawn(network, 5)
    parts = network.parts(theta)
    np.testing.assert_allclose(parts.sum(axis=0), theta, atol=1e-14)
    assert np.linalg.norm(parts[-1]) > 0.5 and np.abs(network.outputs(parts[-1], X)).max() < 1e-15
    assert error_of_the_sum(network, theta, X) > 0.05 * np.abs(network.outputs(theta, X)).max()


def test_along_a_run_of_three_layers_the_outputs_of_the_parts_add_up_to_the_square_of_the_scale():
    network = DeepLinear((5, 5, 5, 4))
    problem, errors = Problem(network, WHITE), []
    for scale in (0.1, 0.05, 0.025):
        run = gradient_flow(problem, network.init(5, scale, 0), 1e4, stop=stop_at(loss=1e-3))
        errors.append(max(error_of_the_sum(network, theta, WHITE.X) for theta in run.theta[::5]))
    np.testing.assert_allclose(np.log2(np.divide(errors[:-1], errors[1:])), 2, atol=0.15)
    assert errors[0] < 2e-3


def test_where_singular_values_coincide_the_outputs_of_parts_of_three_layers_need_not_add():
    random, network = np.random.default_rng(0), DeepLinear((4, 4, 4, 4))
    frames, errors = [turned(random, 4, 4) for _ in range(4)], []
    for values in ((1.0, 1, 1, 1), (1.3, 1.1, 0.9, 0.7)):
        theta = np.concatenate([(after * values @ before.T).ravel() for before, after in itertools.pairwise(frames)])
        assert imbalance(network, theta) < 1e-14
        errors.append(error_of_the_sum(network, theta, np.eye(4)))
    assert errors[0] > 0.1 and errors[1] < 1e-13


@DEPTHS
def test_parts_of_a_diagonal_network_are_its_weights_one_by_one(depth):
    network = Diagonal(depth)
    theta, X, _ = drawn(network)
    np.testing.assert_array_equal(network.parts(theta), np.diag(theta))
    assert error_of_the_sum(network, theta, X) < 1e-12


# --- exact solutions ---

@pytest.mark.parametrize("widths, singular_values, reduction", [((5, 5, 4), (4, 2, 1), "sum"), ((5, 2, 4), (4, 2, 1), "mean"), ((3, 9, 6), (3, 3, 1), "sum"),
                                                               ((6, 8, 3), (2, 1), "sum"), ((4, 4, 4), (4, 3, 2, 1), "mean"), ((5, 3, 1), (2,), "sum")])
@pytest.mark.parametrize("scale", [1.0, 1e-3])
def test_the_exact_product_is_that_of_the_flow(widths, singular_values, reduction, scale):
    network, white = DeepLinear(widths), data.whitened(singular_values, widths[0], widths[-1], seed=1)
    problem = Problem(network, Dataset(3 * white.X, white.y), reduction=reduction)
    start, times = network.init(widths[0], scale, 2, balanced=True), np.linspace(0, 8, 50)
    by_flow = network.product(gradient_flow(problem, start, 8.0, rtol=1e-10).at(times))
    np.testing.assert_allclose(linear.exact_product(problem, start, times), by_flow, atol=1e-7 * np.abs(by_flow).max())


@pytest.mark.parametrize("s0", [1e-2, 1e-12, 1e-200])
def test_the_exact_product_of_an_aligned_start_has_the_exact_modes_however_small_the_start(s0):
    s_star, start = np.array([4.0, 2, 1, 0.5]), s0 * np.array([1.0, 1e-3, 1, 2])
    problem = Problem(DeepLinear((4, 4, 4)), Dataset(np.eye(4), np.diag(s_star)))
    half = linear.mode_time(s_star, start, s_star / 2)
    times = np.sort([0, *half, *(0.9 * half), *(1.1 * half), 1e4])
    found = linear.exact_product(problem, aligned(start, 2), times)
    modes = linear.exact_modes(s_star, start, times)
    np.testing.assert_allclose(np.diagonal(found, axis1=1, axis2=2), modes, rtol=1e-11)
    assert np.abs(found - np.array([np.diag(mode) for mode in modes])).max() < 1e-12


@pytest.mark.parametrize("widths", [(5, 5, 4), (4, 3, 6)])
def test_the_exact_product_ends_at_the_target_and_stays_there(widths):
    network, white = DeepLinear(widths), data.whitened((4, 2, 1), widths[0], widths[-1])
    problem = Problem(network, white)
    late = linear.exact_product(problem, network.init(widths[0], 1e-30, 0, balanced=True), [0, 1e3, 1e8, 1e15])
    assert np.abs(late[0]).max() < 1e-59
    np.testing.assert_allclose(late[1:], np.broadcast_to(white.y.T @ white.X, late[1:].shape), atol=1e-12)


def test_a_start_without_the_first_mode_never_finds_it():
    problem = Problem(DeepLinear((3, 3, 3)), Dataset(np.eye(3), np.diag([4.0, 2, 1])))
    np.testing.assert_allclose(linear.exact_product(problem, aligned([0, 1e-8, 1e-8], 2), [1e3])[0], np.diag([0, 2, 1]), atol=1e-12)
    assert not linear.exact_product(problem, np.zeros(18), [0, 10.0]).any()


def test_a_narrow_network_ends_at_the_best_matrix_of_its_rank():
    problem = Problem(DeepLinear((5, 2, 4)), WHITE)
    end = linear.exact_product(problem, problem.network.init(5, 1e-6, 0, balanced=True), [100.0])[0]
    np.testing.assert_allclose(np.linalg.svd(end, compute_uv=False), [4, 2, 0, 0], atol=1e-12)


def whitened_problem(network=None, points=WHITE, **settings):
    return Problem(network or DeepLinear((5, 3, 4)), points, **settings)


@pytest.mark.parametrize("problem, balanced, error, message", [
    (whitened_problem(), False, ValueError, "theta0 must be balanced"),
    (whitened_problem(points=Dataset(WHITE.X * [1, 1, 1, 1, 2], WHITE.y)), True, ValueError, "whitened: False"),
    (whitened_problem(points=Dataset(WHITE.X[:4], WHITE.y[:4])), True, ValueError, "whitened: False"),
    (whitened_problem().frozen(), True, ValueError, "live residual"),
    (whitened_problem(DeepLinear((5, 3, 1)), Dataset(WHITE.X, np.sign(WHITE.y[:, 0])), loss="logistic"), True, ValueError, "square loss"),
    (whitened_problem(DeepLinear((5, 3, 3, 4))), True, TypeError, "two layers"),
])
def test_the_exact_product_is_refused_where_it_does_not_hold(problem, balanced, error, message):
    with pytest.raises(error, match=message):
        linear.exact_product(problem, problem.network.init(5, 0.1, 0, balanced), [1.0])


@pytest.mark.parametrize("depth", [2, 3, 4])
def test_exact_modes_are_the_singular_values_along_the_flow_of_an_aligned_start(depth):
    s_star, s0 = np.array([4.0, 2, 1]), np.array([0.01, 0.02, 0.005])
    network = DeepLinear((3,) * (depth + 1))
    run = gradient_flow(Problem(network, Dataset(np.eye(3), np.diag(s_star))), aligned(s0, depth), 20.0, rtol=1e-11)
    times = np.linspace(0, 20, 60)
    found = np.diagonal(network.product(run.at(times)), axis1=1, axis2=2)
    assert found[-1, 0] > 3.9 and found[0, 0] < 0.02
    np.testing.assert_allclose(linear.exact_modes(s_star, s0, times, depth), found, rtol=1e-8)


def test_with_two_layers_a_mode_is_the_logistic_curve():
    times, s0 = np.linspace(0, 20, 200), np.array([1e-8, 1e-3])
    logistic = 3 / (1 + (3 / s0 - 1) * np.exp(-6 * times[:, None]))
    np.testing.assert_allclose(linear.exact_modes([3.0, 3.0], s0, times), logistic, rtol=1e-12)


@pytest.mark.parametrize("depth", [2, 3, 4, 7])
def test_the_time_of_a_mode_inverts_its_curve_and_obeys_its_equation(depth):
    s_star, s0, s = np.array([4.0, 2, 1]), 1e-3, np.array([0.1, 1.0, 0.999])
    at = linear.mode_time(s_star, s0, s, depth)
    np.testing.assert_allclose(np.diagonal(linear.exact_modes(s_star, s0, at, depth)), s, rtol=1e-10)
    pace = (linear.mode_time(s_star, s0, s * 1.00001, depth) - linear.mode_time(s_star, s0, s * 0.99999, depth)) / (2e-5 * s)
    np.testing.assert_allclose(1 / pace, depth * s ** (2 - 2 / depth) * (s_star - s), rtol=1e-3)
    assert linear.mode_time(4.0, s0, s0, depth) == 0 and linear.exact_modes([4.0], s0, [0, 1e9], depth)[:, 0] == pytest.approx([s0, 4.0], rel=1e-12)


def test_the_time_of_a_mode_is_exact_close_to_its_end_too():
    near = 1 - 1e-12
    assert linear.mode_time(1.0, 0.5, near) == pytest.approx(0.5 * np.log(near / (1 - near)), rel=1e-14)


def test_drops_come_after_a_time_that_grows_like_the_logarithm_of_the_scale_and_with_three_layers_like_its_inverse():
    weight = np.array([1e-4, 1e-5])  # of every layer: s0 = weight^D
    two, three = (linear.mode_time([2.0, 2], weight**depth, 1.0, depth) for depth in (2, 3))
    assert two[1] - two[0] == pytest.approx(np.log(10) / 2, rel=1e-6)
    np.testing.assert_allclose(three * weight, 1 / 2, rtol=1e-3)


# --- the least ℓ1 norm ---

def test_the_interpolator_of_least_l1_norm_is_the_best_of_all_supports():
    random = np.random.default_rng(0)
    X, y = random.standard_normal((3, 7)), random.standard_normal(3)
    best = min((np.abs(np.linalg.solve(X[:, support], y)).sum(), support) for support in map(list, itertools.combinations(range(7), 3)))
    beta = linear.min_l1(X, y)
    np.testing.assert_allclose(beta[best[1]], np.linalg.solve(X[:, best[1]], y), rtol=1e-9)
    assert np.abs(beta).sum() == pytest.approx(best[0], rel=1e-9) and np.count_nonzero(beta) == 3


@pytest.mark.parametrize("x_unit, y_unit", [(1e-9, 1.0), (1.0, 1e-9), (1e6, 1e6)])
def test_units_do_not_matter_to_it(x_unit, y_unit):
    points = data.sparse_regression()
    np.testing.assert_allclose(linear.min_l1(x_unit * points.X, y_unit * points.y) * x_unit / y_unit, linear.min_l1(points.X, points.y), atol=1e-9)


def test_where_no_linear_function_interpolates_there_is_none_and_of_zero_labels_it_is_zero():
    with pytest.raises(ValueError, match="X and y must have a β with Xβ = y"):
        linear.min_l1([[1.0, 2.0], [1.0, 2.0]], [1.0, 1.1])
    np.testing.assert_array_equal(linear.min_l1(np.eye(2, 3), [0.0, 0.0]), np.zeros(3))


def descended(seed, weight, t_end=300.0):
    """The run of a diagonal network on sparse regression from u = v = weight, its β (T, d), and that of least ℓ1 norm."""
    points, network = data.sparse_regression(seed=seed), Diagonal()
    problem = Problem(network, points)
    run = gradient_flow(problem, network.init(points.dim, weight * np.sqrt(2 * points.dim)), t_end)
    return run, network.coefficients(run.theta), linear.min_l1(points.X, points.y)


@pytest.mark.parametrize("seed", range(3))
def test_a_diagonal_network_from_a_small_start_ends_at_the_least_l1_norm(seed):
    run, beta, least = descended(seed, 1e-8)  # until t = 300: a coefficient that has to go back to 0 does so like 1/t
    assert run.loss[-1] < 1e-6 * run.loss[0] and np.linalg.norm(beta[-1] - least) < 1e-3 * np.linalg.norm(least)


def test_and_from_a_large_one_it_does_not():
    run, beta, least = descended(0, 1.0)
    assert run.loss[-1] < 1e-6 * run.loss[0] and np.linalg.norm(beta[-1] - least) > 0.2 * np.linalg.norm(least)


def test_its_first_jump_comes_after_ln_of_one_over_alpha_over_twice_the_largest_correlation():
    points, times = data.sparse_regression(), []
    for weight in (1e-6, 1e-9):
        run, beta, _ = descended(0, weight, t_end=4.0)
        times.append(run.t[np.argmax(np.abs(beta).max(axis=1) > 0.1)])
    slope = np.diff(times)[0] / np.log(1e3)
    assert slope == pytest.approx(1 / (2 * np.abs(points.X.T @ points.y).max()), rel=0.02)
