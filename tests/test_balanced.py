"""Balanced deep linear networks: the start, the closed form against the flow of the matrices, its times, its curvature, and descent's success."""

import itertools

import numpy as np
import pytest
from scipy.optimize import brentq

from helpers import DeepLinear, Problem, balanced, gradient_descent, gradient_flow, linear, stop_at
from helpers.data import Dataset

DEPTHS = pytest.mark.parametrize("depth", [2, 3, 4])
COSINES = (1, 0.5, 0, -0.5, -0.9, -0.99)


def placed(depth, rho, nu, dim=3, width=3, seed=0):
    """Problem, balanced θ with these ρ and ν, and the target v, a random unit vector."""
    v, across = np.linalg.qr(np.random.default_rng(seed).standard_normal((dim, 2)))[0].T
    network = DeepLinear((dim, *[width] * (depth - 1), 1))
    return Problem(network, Dataset(np.eye(dim), v)), balanced.factors(network, rho * (nu * v + np.sqrt(1 - nu**2) * across)[None]), v


def hessian(problem, theta):
    """∇²L(θ) by central differences of the velocity, to about 1e-9."""
    H = np.array([problem.velocity(theta - e) - problem.velocity(theta + e) for e in 1e-5 * np.eye(len(theta))]) / 2e-5
    return (H + H.T) / 2


def time_to_half(depth, rho0, nu0):
    """When ρ = ½ is passed for the first time on the exact curve."""
    times = np.linspace(0, 1.5 * balanced.escape_time(depth, rho0, nu0) + 3, 1000)
    after = np.argmax(balanced.exact(depth, rho0, nu0, times)[0] > 0.5)
    return brentq(lambda t: balanced.exact(depth, rho0, nu0, [t])[0][0] - 0.5, times[after - 1], times[after], xtol=1e-12 * times[after])


def drawn_rows(count, dim, rho0, seed):
    """Rows (count, 1, d) of length ρ_0 in Gaussian directions."""
    rows = np.random.default_rng(seed).standard_normal((count, 1, dim))
    return rho0 * rows / np.linalg.norm(rows, axis=2, keepdims=True)


def descent_steps(network, thetas, v, step, most):
    """The numbers of steps (B,) after which gradient descent on the matrices, all starts (B, P) at once, has loss ½‖w − v‖² ≤ 1e-6; ∞ where not within `most`."""
    W, live, steps = network.weights(thetas), np.arange(len(thetas)), np.full(len(thetas), np.inf)
    for k in range(most + 1):
        below = [*itertools.accumulate(W[:-1], lambda product, layer: layer @ product, initial=np.eye(len(v))[None])]
        rest = v - W[-1] @ below[-1]
        there = np.square(rest).sum(axis=(1, 2)) <= 2e-6
        steps[live[there]] = k
        W, live, rest, below = [layer[~there] for layer in W], live[~there], rest[~there], below[:1] + [product[~there] for product in below[1:]]
        if not len(live):
            break
        above = [*itertools.accumulate(W[:0:-1], lambda product, layer: product @ layer, initial=np.ones((1, 1, 1)))][::-1]
        W = [layer + step * left.mT @ rest @ right.mT for layer, left, right in zip(W, above, below, strict=True)]
    return steps


# --- the start ---

@pytest.mark.parametrize("widths", [(3, 4, 1), (3, 3, 3, 3, 1), (4, 3, 5, 3, 6), (3, 2, 1, 2, 1)])
def test_factors_are_balanced_and_multiply_to_the_product(widths):
    network, rank = DeepLinear(widths), min(widths)
    random = np.random.default_rng(0)
    product = random.standard_normal((widths[-1], rank)) @ random.standard_normal((rank, widths[0]))
    theta = balanced.factors(network, product)
    np.testing.assert_allclose(network.product(theta), product, atol=1e-13)
    for below, above in itertools.pairwise(network.weights(theta)):
        np.testing.assert_allclose(above.T @ above, below @ below.T, atol=1e-13)
    assert np.linalg.matrix_rank(network.weights(theta)[0]) == rank  # no roots of rounding errors
    values = np.linalg.svd(product, compute_uv=False)[:rank]
    assert np.linalg.norm(theta) ** 2 == pytest.approx(network.degree * (values ** (2 / network.degree)).sum())


@DEPTHS
def test_coordinates_are_those_of_the_start_and_of_every_point_of_a_trajectory(depth):
    problem, theta, v = placed(depth, 0.3, -0.6)
    assert balanced.coordinates(problem.network, theta, v) == pytest.approx((0.3, -0.6))
    assert np.linalg.norm(theta) == pytest.approx(np.sqrt(depth) * 0.3 ** (1 / depth))
    rho, nu = balanced.coordinates(problem.network, np.array([theta, 2 * theta, theta]), 5 * v)
    np.testing.assert_allclose([rho, nu], [0.3 * np.array([1, 2**depth, 1]), [-0.6] * 3])


# --- the closed form ---

@DEPTHS
@pytest.mark.parametrize("rho0, nu0", [(0.1, 1), (1e-3, 0), (1e-2, -0.9), (1.5, -0.3)])
def test_the_flow_of_the_matrices_is_the_closed_form(depth, rho0, nu0):
    for seed, width in ((0, 3), (1, 2)):
        problem, theta, v = placed(depth, rho0, nu0, width=width, seed=seed)
        run = gradient_flow(problem, theta, 1.3 * balanced.escape_time(depth, min(rho0, 0.4), nu0) + 3, rtol=1e-10)
        np.testing.assert_allclose(balanced.coordinates(problem.network, run.theta, v), balanced.exact(depth, rho0, nu0, run.t), atol=1e-7)


def test_unbalanced_weights_leave_the_closed_form():
    problem, theta, v = placed(3, 0.1, 0)
    theta *= np.repeat([1.1, 1 / 1.1, 1], [9, 9, 3])  # the same product
    assert balanced.coordinates(problem.network, theta, v) == pytest.approx((0.1, 0))
    run = gradient_flow(problem, theta, 5.0, rtol=1e-10)
    assert np.abs(balanced.coordinates(problem.network, run.theta, v)[0] - balanced.exact(3, 0.1, 0, run.t)[0]).max() > 1e-3


@pytest.mark.parametrize("depth", [2, 3, 4, 5])
def test_an_aligned_start_follows_the_singular_value_of_lesson_four(depth):
    times = np.linspace(0, 1.5 * balanced.escape_time(depth, 1e-4), 30)
    rho, nu = balanced.exact(depth, 1e-4, 1, times)
    np.testing.assert_allclose(rho, linear.exact_modes([1.0], 1e-4, times, depth)[:, 0], rtol=1e-9)
    assert (nu == 1).all()


def test_two_layers_follow_the_exact_product_of_whitened_inputs():
    problem, theta, v = placed(2, 1e-3, -0.8)
    times = np.linspace(0, 12, 25)
    w = linear.exact_product(problem, theta, times)[:, 0]
    rho, nu = balanced.exact(2, 1e-3, -0.8, times)
    np.testing.assert_allclose(rho, np.linalg.norm(w, axis=1), rtol=1e-9)
    np.testing.assert_allclose(rho * nu, w @ v, atol=1e-12)
    np.testing.assert_allclose(nu, np.tanh(times + np.arctanh(-0.8)), rtol=1e-12)


@pytest.mark.parametrize("depth", [2, 3, 4, 7])
def test_the_phase_curve_has_the_slope_of_the_two_equations(depth):
    clock, h = np.linspace(0.1, 10, 40), 1e-5
    (rho, nu), ahead, behind = (balanced.phase_curve(depth, 1e-3, -0.9, clock + move) for move in (0, h, -h))
    np.testing.assert_allclose(np.log(ahead[0] / behind[0]) / (2 * h), depth * (nu - rho), atol=1e-8)
    np.testing.assert_allclose((ahead[1] - behind[1]) / (2 * h), 1 - nu**2, atol=1e-8)


@pytest.mark.parametrize("depth", [3, 4, 7])
def test_the_clock_of_exact_runs_at_rho_to_the_two_over_n_minus_one(depth):
    T = balanced.escape_time(depth, 1e-3, -0.9)
    times = np.linspace(0.01, 1.2, 30) * T
    (rho, nu), ahead, behind = (balanced.exact(depth, 1e-3, -0.9, times + move) for move in (0, 1e-6 * T, -1e-6 * T))
    np.testing.assert_allclose((ahead[1] - behind[1]) / (2e-6 * T), rho ** (1 - 2 / depth) * (1 - nu**2), rtol=1e-5, atol=1e-9)


@DEPTHS
def test_near_zero_rho_shrinks_along_a_curve_that_keeps_rho_times_a_power_of_the_sine(depth):
    rho, nu = balanced.phase_curve(depth, 1e-9, -0.99, np.linspace(0, 4, 20))
    np.testing.assert_allclose(rho * (1 - nu**2) ** (depth / 2), 1e-9 * (1 - 0.99**2) ** (depth / 2), rtol=1e-5)
    assert rho.min() < 1e-10


@DEPTHS
def test_only_the_antiparallel_start_ends_at_the_origin(depth):
    at = [1e4 if depth == 2 else 1e12]
    assert balanced.exact(depth, 0.5, -1, at)[0] < 1e-5 and balanced.exact(depth, 0.5, -1, at)[1] == -1
    assert balanced.exact(depth, 0.5, -1 + 1e-9, [1e12]) == (pytest.approx(1), pytest.approx(1))
    times = np.linspace(0, 3, 9)
    rho = balanced.exact(2, 0.5, -1, times)[0]
    np.testing.assert_allclose(rho, 1 / ((1 / 0.5 + 1) * np.exp(2 * times) - 1), rtol=1e-12)  # ρ̇ = −2ρ(1 + ρ)
    for n in (3, 4, 5):  # ṙ = −r^{n−1} near zero
        assert balanced.exact(n, 2.0, -1, [1e9])[0] == pytest.approx(((n - 2) * 1e9) ** (-n / (n - 2)), rel=1e-5, abs=0)


@pytest.mark.parametrize("depth", [2, 3, 4, 9])
@pytest.mark.parametrize("nu0", [1, 0, -0.9, -1])
def test_nothing_overflows_from_tiny_starts_and_at_late_times(depth, nu0):
    times = np.concatenate([[0], np.logspace(-9, 12, 40)])
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        for rho0 in (1e-300, 1e-12, 1e-3, 2.0):
            rho, nu = balanced.exact(depth, rho0, nu0, times)
            assert np.isfinite(rho).all() and (np.diff(nu) >= -1e-15).all() and rho[0] == pytest.approx(rho0, rel=1e-12, abs=0) and nu[0] == pytest.approx(nu0)
            assert balanced.exact(depth, rho0, nu0, times[::-1])[0] == pytest.approx(rho[::-1], rel=1e-9, abs=0)
    if nu0 > -1 and depth < 4:
        assert balanced.exact(depth, 1e-12, nu0, [1e12])[0] == pytest.approx(1, rel=1e-12)


# --- times ---

@pytest.mark.parametrize("depth", [2, 3, 4, 5, 6])
def test_the_escape_time_is_that_to_one_half(depth):
    for nu0, (rho0, error) in itertools.product(COSINES, ((1e-3, 5e-3), (1e-6, 1e-5))):
        assert balanced.escape_time(depth, rho0, nu0) == pytest.approx(time_to_half(depth, rho0, nu0), rel=error)
    assert balanced.escape_time(depth, 0.1, 1) == pytest.approx(time_to_half(depth, 0.1, 1), rel=1e-9)
    assert balanced.escape_time(depth, 0.1, -1) == np.inf


def test_its_leading_laws_are_those_of_depth_two_three_and_four():
    """The O(1) apart, which depends on the depth alone."""
    laws = {2: lambda rho, nu: 0.5 * np.log(1 / rho) + np.log(2 / (1 + nu)), 3: lambda rho, nu: rho ** (-1 / 3) * np.arccos(nu) / np.sqrt(1 - nu**2),
            4: lambda rho, nu: rho**-0.5 / (1 + nu)}
    for depth, law in laws.items():
        left = [law(rho0, nu0) - balanced.escape_time(depth, rho0, nu0) for rho0 in (1e-9, 1e-12) for nu0 in COSINES[1:]]
        np.testing.assert_allclose(left, {2: 0, 3: 0.8503, 4: 0.2664}[depth], atol=1e-4)


def test_the_time_grows_towards_the_antiparallel_start_by_log_or_by_the_power_half_n_minus_one():
    gaps = np.array([1e-5, 1e-7])
    for depth in (2, 3, 4, 5):
        times = np.array([time_to_half(depth, 1e-9, -1 + gap) for gap in gaps])
        slope = np.diff(times if depth == 2 else np.log(times))[0] / np.diff(np.log(gaps))[0]
        assert slope == pytest.approx(-1 if depth == 2 else -(depth - 2) / 2, rel=2e-3)


# --- curvature ---

@pytest.mark.parametrize("depth", [2, 3, 4, 5])
@pytest.mark.parametrize("width", [2, 3])
def test_the_lowest_curvature_is_that_of_the_full_hessian(depth, width):
    random = np.random.default_rng(depth)
    for seed, nu in enumerate((1, -1, *random.uniform(-1, 1, 6))):
        rho = 10 ** random.uniform(-3, 0.2)
        problem, theta, _ = placed(depth, rho, nu, width=width, seed=seed)
        assert balanced.lowest_curvature(depth, rho, nu) == pytest.approx(np.linalg.eigvalsh(hessian(problem, theta))[0], abs=2e-9)


def test_a_network_of_width_one_has_less_negative_curvature():
    problem, theta, _ = placed(3, 0.5, 1, width=1)
    assert np.linalg.eigvalsh(hessian(problem, theta))[0] > balanced.lowest_curvature(3, 0.5) + 0.1


def test_lowest_curvature_of_an_aligned_start():
    rho = np.logspace(-6, -1e-6, 200)
    for n in (2, 3, 4, 5):
        formula = -np.maximum((n - 1) * (1 - rho) * rho ** (1 - 2 / n) - n * rho ** (2 - 2 / n), (1 - rho) * rho ** (1 - 2 / n))
        np.testing.assert_allclose(balanced.lowest_curvature(n, rho), formula, atol=1e-13)
    rho = np.linspace(1e-6, 1, 100_000)
    assert [balanced.lowest_curvature(n, rho).min() for n in (2, 3, 4)] == pytest.approx([-1, -1.5 * 10 ** (-1 / 3), -2 / np.sqrt(7)], abs=2e-6)


def test_the_curvature_integral_of_an_aligned_start_has_a_closed_form():
    for n, rho0 in itertools.product((3, 4, 5), (0.1, 1e-3, 1e-9)):
        closed = (n - 1) / n * np.log(1 / rho0) + (n - 2) / n * np.log((n - 2) / (2 * n - 2)) + np.log(n / (2 * n - 2)) - np.log(1 - rho0)
        assert balanced.curvature_integral(n, rho0) == pytest.approx(closed, abs=1e-6)
    assert balanced.curvature_integral(2, 1e-3) == pytest.approx(np.log(1e3) / 2, abs=1e-6)


@DEPTHS
def test_the_curvature_integral_is_the_integral_over_the_time(depth):
    times = np.linspace(0, balanced.escape_time(depth, 0.05, -0.5) + 12, 20_001)
    along = balanced.lowest_curvature(depth, *balanced.exact(depth, 0.05, -0.5, times))
    assert balanced.curvature_integral(depth, 0.05, -0.5) == pytest.approx(np.trapezoid(-along, times), abs=1e-5)


@DEPTHS
def test_the_amplification_is_polynomial_in_the_start_and_in_the_distance_from_the_antiparallel_one(depth):
    integrals = [balanced.curvature_integral(depth, rho0, -0.5) for rho0 in (1e-12, 1e-15)]
    assert np.diff(integrals) == pytest.approx((depth - 1) / depth * np.log(1e3), abs=2e-3)
    integrals = [balanced.curvature_integral(depth, 1e-6, -1 + gap) for gap in (1e-4, 1e-6)]
    assert np.diff(integrals) == pytest.approx(depth / 2 * np.log(100), abs=2e-3)
    assert balanced.curvature_integral(depth, 1e-6, -1) == np.inf
    if depth == 2:
        assert balanced.curvature_integral(2, 1e-6, -0.9) == pytest.approx(balanced.escape_time(2, 1e-6, -0.9), abs=1e-4)


# --- descent ---

@DEPTHS
@pytest.mark.parametrize("step, start", [(0.1, 0.1), (0.1, 0.02), (0.01, 0.1)])
def test_descent_is_late_by_half_a_step_per_factor_e_of_the_speed(depth, step, start):
    problem, theta = placed(depth, start**depth, 1, width=2)[:2]
    run = gradient_descent(problem, theta, step, 100_000, stop=stop_at(loss=0.5 * (1 - 0.9**depth) ** 2))
    rho = balanced.coordinates(problem.network, run.theta, problem.data.y)[0]
    seen = (run.t > 0) & (rho > (2 * start) ** depth) & (rho < 0.9**depth)
    late = run.t[seen] - linear.mode_time(1.0, start**depth, rho[seen], depth)
    np.testing.assert_allclose(balanced.lag(depth, start, rho[seen] ** (1 / depth), step), late, rtol=step / 5)
    assert (balanced.lag(depth, start, rho[seen], step) < 0.8 * late).any()  # descent is Euler's method in r, not in ρ


@DEPTHS
def test_descent_arrives_from_a_thousand_random_balanced_starts(depth):
    network, rows, v = DeepLinear((3, *[3] * (depth - 1), 1)), drawn_rows(1000, 3, 1e-3, seed=0), np.array([1.0, 0, 0])
    starts, step = np.array([balanced.factors(network, row) for row in rows]), 1.8 / depth
    steps = descent_steps(network, starts, v, step, 100_000)
    assert np.isfinite(steps).all()
    law = np.array([balanced.escape_time(depth, 1e-3, row[0, 0] / 1e-3) for row in rows])
    late = step * steps - law  # to loss 1e-6 instead of ρ = ½, and descent's lag
    assert (late > 0).all() and (late < 40 + 0.05 * law).all()
    one = gradient_descent(Problem(network, Dataset(np.eye(3), v)), starts[7], step, int(steps[7]) + 1, stop=stop_at(loss=1e-6))
    assert len(one.t) - 1 == steps[7]


@DEPTHS
def test_above_two_over_the_depth_the_minimum_repels_descent(depth):
    network, rows = DeepLinear((3, *[3] * (depth - 1), 1)), drawn_rows(100, 3, 0.1, seed=0)
    starts, v = np.array([balanced.factors(network, row) for row in rows]), np.array([1.0, 0, 0])
    top = np.linalg.eigvalsh(hessian(Problem(network, Dataset(np.eye(3), v)), balanced.factors(network, v[None])))[-1]
    assert top == pytest.approx(depth, abs=1e-6)
    assert np.isfinite(descent_steps(network, starts, v, 1.95 / depth, 20_000)).all()
    assert np.isfinite(descent_steps(network, starts, v, 2.05 / depth, 2_000)).mean() <= 0.1


@DEPTHS
def test_with_one_input_half_of_the_balanced_starts_fail_and_no_unbalanced_one(depth):
    network, signs = DeepLinear((1, *[2] * (depth - 1), 1)), np.sign(drawn_rows(200, 1, 1.0, seed=0))
    starts = np.array([balanced.factors(network, 0.01 * sign) for sign in signs])
    arrived = np.isfinite(descent_steps(network, starts, np.ones(1), 1 / depth, 2_000))
    np.testing.assert_array_equal(arrived, signs[:, 0, 0] > 0)
    assert 0.4 < arrived.mean() < 0.6
    others = np.array([network.init(1, np.linalg.norm(starts[0]), seed) for seed in range(200)])
    assert np.isfinite(descent_steps(network, others, np.ones(1), 1 / depth, 2_000)).all()


# --- bad input ---

NETWORK = DeepLinear((3, 1, 2, 2))


@pytest.mark.parametrize("call, error, words", [
    (lambda: balanced.factors("net", [[1.0]]), TypeError, "network must be a DeepLinear"),
    (lambda: balanced.factors(NETWORK, np.ones((2, 2))), ValueError, "product must have shape"),
    (lambda: balanced.factors(NETWORK, np.eye(2, 3)), ValueError, "product must have at most the rank 1 .* its rank is 2"),
    (lambda: balanced.coordinates(NETWORK, np.ones(9), np.ones(3)), ValueError, "network must have one output"),
    (lambda: balanced.coordinates(DeepLinear((2, 1, 1)), np.zeros(3), np.ones(2)), ValueError, "product of the weights theta must not be zero"),
    (lambda: balanced.coordinates(DeepLinear((2, 1, 1)), np.ones(3), np.zeros(2)), ValueError, "v must not be zero"),
    (lambda: balanced.coordinates(DeepLinear((2, 1, 1)), np.ones(3), np.ones(3)), ValueError, "v must have shape"),
    (lambda: balanced.exact(1, 0.1, 0, [1.0]), ValueError, "depth must be a whole number ≥ 2"),
    (lambda: balanced.exact(3, 0, 0, [1.0]), ValueError, "rho0 must be a finite number > 0"),
    (lambda: balanced.exact(3, 0.1, 1.1, [1.0]), ValueError, "nu0 must be a cosine, from −1 to 1, got 1.1"),
    (lambda: balanced.exact(3, 0.1, "0", [1.0]), TypeError, "nu0 must be a cosine"),
    (lambda: balanced.exact(3, 0.1, 0, [1.0, -1.0]), ValueError, "times must hold numbers ≥ 0, got -1.0"),
    (lambda: balanced.phase_curve(3, 0.1, 0, 1.0), ValueError, "clock must have shape"),
    (lambda: balanced.escape_time(3, 0.5, 0), ValueError, "rho0 must be below ½"),
    (lambda: balanced.lowest_curvature(3, -0.1), ValueError, "rho must be ≥ 0"),
    (lambda: balanced.lowest_curvature(3, 0.1, 2), ValueError, "nu from −1 to 1"),
    (lambda: balanced.lag(3, 0.1, [0.5, 1.0], 0.1), ValueError, "start and r must lie between 0 and 1"),
    (lambda: balanced.lag(3, 0.1, 0.5, 0), ValueError, "step must be a finite number > 0"),
])
def test_bad_input_is_answered_in_words(call, error, words):
    with pytest.raises(error, match=words):
        call()
