"""The NCF: its critical directions against plain search, its residual against finite differences, its attractors against theory."""


import numpy as np
import pytest
import scan
import torch

from helpers import Deep, Problem, TorchNetwork, TwoLayer, data, ncf
from helpers.data import Dataset

ACTIVATIONS = pytest.mark.parametrize("activation", scan.ACTIVATIONS)
TETRAHEDRON = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) / np.sqrt(3)


def spokes(activation, angles, z, **kwargs):
    return Problem(TwoLayer(2, activation, **kwargs), data.spokes(angles, z))


def gaussian(activation, n=100, dim=10, seed=0, width=2, **kwargs):
    random = np.random.default_rng(seed)
    X = random.standard_normal((n, dim))
    return Problem(TwoLayer(width, activation, **kwargs), Dataset(X / np.linalg.norm(X, axis=1, keepdims=True), random.standard_normal(n)))


def one_neuron(problem):
    """The same data with a single neuron and a = 1 fixed: its NCF is F."""
    return Problem(TwoLayer(1, problem.network.activation, train_output=False, bias=problem.network.bias, output_weights=[1.0]), problem.data)


def on_circle(angles):
    return np.column_stack([np.cos(angles), np.sin(angles)])


def found(problem, *fields):
    return [tuple(getattr(c, name) for name in fields) for c in ncf.critical_directions(problem)]


def summary(problem):
    """Angles in whole degrees with the first letters of extremum and kind."""
    return [(round(np.rad2deg(angle)), extremum[:3] + "/" + kind[:3]) for angle, extremum, kind in found(problem, "angle", "extremum", "kind")]


# F and its derivatives

@pytest.mark.parametrize("activation", [*scan.ACTIVATIONS, "leaky_relu(0.5)**3"])
@pytest.mark.parametrize("bias", [False, True])
def test_value_is_the_sum_over_the_points_and_gradient_and_hessian_are_its_derivatives(activation, bias):
    problem = gaussian(activation, n=7, dim=3, bias=bias)
    problem = Problem(problem.network, Dataset(np.vstack([problem.data.X, -2 * problem.data.X[:2], np.zeros((1, 3))]), np.arange(-4.0, 6)))
    F = ncf.correlation(problem)
    U = np.random.default_rng(1).standard_normal((5, F.dim))
    wanted = problem.network.activation(U @ F.X.T) @ problem.z
    np.testing.assert_allclose(F.value(U), wanted, rtol=1e-12)
    for unit in np.eye(F.dim):
        np.testing.assert_allclose(F.gradient(U) @ unit, (F.value(U + 1e-6 * unit) - F.value(U - 1e-6 * unit)) / 2e-6, rtol=1e-6, atol=1e-6)
        np.testing.assert_allclose(F.hessian(U) @ unit, (F.gradient(U + 1e-6 * unit) - F.gradient(U - 1e-6 * unit)) / 2e-6, rtol=1e-6, atol=1e-6)
    assert (F.dim, F.p, F.kinked) == (3 + bias, problem.network.activation.degree, activation in ("relu", "leaky_relu(0.3)"))


def test_a_live_problem_and_its_frozen_one_have_the_same_correlation_and_a_live_logistic_loss_halves_the_labels():
    live = spokes("relu", [0, 50], [1, -1])
    logistic = Problem(live.network, live.data, "logistic")
    U = on_circle([0.2, 1.0])
    np.testing.assert_array_equal(ncf.correlation(live).value(U), ncf.correlation(live.frozen()).value(U))
    np.testing.assert_allclose(ncf.correlation(logistic).value(U), ncf.correlation(live).value(U) / 2)
    np.testing.assert_allclose(ncf.correlation(live.frozen([3.0, 0.0])).value(U), 3 * np.cos([0.2, 1.0]))


def test_an_activation_that_is_homogeneous_only_near_zero_counts_by_its_leading_term():
    U = on_circle([0.2, 1.0])
    for name, leading in (("tanh", "linear"), ("x*tanh(x)", "z**2"), ("x**2*tanh(x)", "z**3")):
        np.testing.assert_allclose(*(ncf.correlation(spokes(a, [0, 50], [1, -2])).value(U) for a in (name, leading)), rtol=1e-9)
        assert ncf.degree(spokes(name, [0, 50], [1, -2])) == ncf.correlation(spokes(leading, [0, 50], [1, -2])).p + 1


# Critical directions on the circle

@ACTIVATIONS
def test_critical_directions_are_those_of_a_scan_of_36000_angles(activation):
    misses, extras, extrema = scan.compare(activation, 40)
    assert (misses, extras) == (0, 0) and extrema >= 60


@pytest.mark.parametrize("activation", [*scan.ACTIVATIONS, "leaky_relu(0.5)**3", "relu**5"])
def test_critical_directions_are_kkt_points_with_their_value_and_sorted_by_angle(activation):
    random = np.random.default_rng(2)
    for _ in range(10):
        problem = scan.random_problem(activation, random)
        critical = ncf.critical_directions(problem)
        assert [c.angle for c in critical] == sorted(c.angle for c in critical) and all(-np.pi < c.angle <= np.pi for c in critical)
        for c in critical:
            np.testing.assert_allclose(c.direction, on_circle([c.angle])[0], atol=1e-15)
            assert c.value == pytest.approx(scan.function_of(problem)[0](np.array([c.angle]))[0], abs=1e-12)
            if c.kind != "none":
                assert ncf.kkt_residual(one_neuron(problem), c.direction) <= 1e-9
                assert c.kind == ("positive" if c.value > 0 else "negative") and c.extremum == ("maximum" if c.value > 0 else "minimum")


@pytest.mark.parametrize("activation, wanted", [
    ("linear", [(-150, "min/neg"), (30, "max/pos")]),
    ("z**2", [(-150, "max/pos"), (-60, "min/non"), (30, "max/pos"), (120, "min/non")]),
    ("z**3", [(-150, "min/neg"), (-60, "nei/non"), (30, "max/pos"), (120, "nei/non")]),
    ("z**4", [(-150, "max/pos"), (-60, "min/non"), (30, "max/pos"), (120, "min/non")]),
    ("z**5", [(-150, "min/neg"), (-60, "nei/non"), (30, "max/pos"), (120, "nei/non")]),
    ("relu", [(30, "max/pos")]), ("relu**2", [(30, "max/pos")]), ("relu**5", [(30, "max/pos")]),
    ("leaky_relu(0.3)", [(-150, "min/neg"), (30, "max/pos")]),
    ("leaky_relu(0.3)**2", [(-150, "max/pos"), (-60, "min/non"), (30, "max/pos"), (120, "min/non")])])
def test_one_point_attracts_to_itself(activation, wanted):
    assert summary(spokes(activation, [30], [1])) == wanted


@ACTIVATIONS
def test_even_and_odd_powers_repeat_after_half_a_turn_and_the_sign_of_z_swaps_maxima_and_minima(activation):
    problem = spokes(activation, [10, 80, 200], [1, -1, 0.7])
    swapped = {"maximum": "minimum", "minimum": "maximum", "neither": "neither"}
    here, there = found(problem, "angle", "extremum"), found(problem.frozen(-problem.z), "angle", "extremum")
    np.testing.assert_allclose([angle for angle, _ in here], [angle for angle, _ in there], atol=1e-12)
    assert [swapped[extremum] for _, extremum in here] == [extremum for _, extremum in there]
    if "relu" not in activation:
        p = problem.network.activation.degree
        turned = sorted((round((angle + np.pi) % (2 * np.pi), 9), extremum if p % 2 == 0 else swapped[extremum]) for angle, extremum in here)
        assert turned == sorted((round(angle % (2 * np.pi), 9), extremum) for angle, extremum in here)


def test_parallel_points_share_a_kink_and_opposite_ones_have_opposite_gates():
    assert summary(spokes("relu", [0, 0, 50], [1, -1, 1])) == [(50, "max/pos")]
    assert summary(spokes("relu", [0, 0, 0, 50], [0.3, -0.1, -0.2, 1])) == [(50, "max/pos")]  # 0.3 − 0.1 − 0.2 leaves 3e-17
    assert summary(spokes("relu", [0, 0], [2, 1])) == summary(spokes("relu", [0], [3]))
    opposite = spokes("relu", [0, 180], [1, 2])
    assert [(round(value, 12), on_kink) for value, on_kink in found(opposite, "value", "on_kink")] == [(0, True), (1, False), (0, True), (2, False)]
    difference = spokes("relu", [0, 180], [1, -1])  # relu(s) − relu(−s) = s: the kink cancels
    assert found(difference, "extremum", "on_kink") == [("maximum", False), ("minimum", False)]
    rounded = spokes("relu", [0, 180, 180, 60], [0.3, -0.1, -0.2, -0.6])  # the kink at 90° cancels to 3e-17
    assert ((round(np.pi / 2, 9), False, 1.0) in [(round(angle, 9), on_kink, round(exponent, 9))
                                                  for angle, on_kink, exponent in found(rounded, "angle", "on_kink", "exponent")])
    assert ncf.kkt_residual(one_neuron(opposite), [0.0, 1.0]) <= 1e-9
    three = spokes("relu", [0, 180, 60], [-2, 1, 1])  # at 90°: ½ − 2g − (1 − g) with one gate g, at best −½; with two it could be 0
    assert ncf.kkt_residual(one_neuron(three), [0.0, 1.0]) == pytest.approx(0.5)


def test_extrema_closer_than_a_kink_is_wide_are_one():
    assert summary(spokes("relu", [0, 40, 40 + 1e-8], [1, -1.5, 1])) == summary(spokes("relu", [0, 40], [1, -0.5]))


def test_a_point_whose_z_is_zero_makes_no_kink():
    assert found(spokes("relu", [0, 60, 120], [1, 1, 0]), "angle", "on_kink") == [(pytest.approx(np.pi / 6), False)]


def test_data_on_a_half_plane_leave_an_arc_where_f_vanishes_and_the_basin_ends_there():
    best, = ncf.critical_directions(spokes("relu", [-20, 20], [1, 1]))
    np.testing.assert_allclose(best.basin, np.deg2rad([-110, 110]))
    assert (best.kind, best.exponent) == ("positive", pytest.approx(1))


def test_the_smallest_boundary_attractor_is_one_point_projected_off_the_other():
    best = next(c for c in ncf.critical_directions(spokes("relu", [0, 40], [1, -1])) if c.kind == "positive")
    assert (np.rad2deg(best.angle), best.on_kink) == (pytest.approx(-50), True) and np.isnan(best.exponent)


def test_right_angles_make_directions_that_catch_neurons_from_one_side_only():
    assert summary(spokes("relu", [0, 90], [1, 1])) == [(0, "nei/non"), (45, "max/pos"), (90, "nei/non")]
    middle = ncf.critical_directions(spokes("relu", [0, 90], [1, 1]))[1]
    np.testing.assert_allclose(middle.basin, [0, np.pi / 2], atol=1e-12)
    assert summary(spokes("relu", [0, 90], [1, -1])) == [(0, "max/pos"), (90, "min/neg")]


def test_a_correlation_that_is_constant_on_the_circle_or_on_an_arc_has_no_isolated_direction_there():
    assert summary(spokes("z**2", [0, 60, 120], [1, 1, 1])) == []
    assert summary(spokes("relu", [10, 50], [0, 0])) == []
    assert summary(Problem(TwoLayer(2, "relu"), Dataset(np.zeros((2, 2)), [1.0, 2.0]))) == []
    assert summary(spokes("relu**2", [0, 90], [1, 1])) == []  # F = 1 between the points, 0 opposite


def test_a_flat_maximum_is_one_maximum_with_exponent_zero():
    flat = spokes("z**4", [0, 60, 120, 90], [8 / 9, 8 / 9, 8 / 9, -1])  # F = 1 − sin⁴φ
    assert summary(flat) == [(-90, "min/non"), (0, "max/pos"), (90, "min/non"), (180, "max/pos")]
    np.testing.assert_allclose(found(flat, "angle", "exponent")[1], [0, 0], atol=1e-9)


@pytest.mark.parametrize("e, neither, total", [(0.0, 2, 4), (-1e-7, 0, 6), (1e-7, 0, 2)])
def test_a_double_root_is_neither_and_a_little_aside_it_is_two_extrema_or_none(e, neither, total):
    angles, k = [10, 60, 110, 160], np.arange(4)
    cubes = np.array([[1, 3, 3, 1] * np.cos(a) ** (3 - k) * np.sin(a) ** k for a in np.deg2rad(angles)])
    z = np.linalg.solve(cubes.T, [0, e, 0, 1])  # F = sin³φ + e cos²φ sin φ, F′ = cos φ (e cos²φ + (3 − 2e) sin²φ)
    extrema = [extremum for extremum, in found(spokes("z**3", angles, z), "extremum")]
    assert (extrema.count("neither"), len(extrema)) == (neither, total)


@ACTIVATIONS
def test_basins_end_where_the_next_critical_direction_is(activation):
    random = np.random.default_rng(3)
    for _ in range(5):
        critical = ncf.critical_directions(scan.random_problem(activation, random))
        ends = [c.angle % (2 * np.pi) for c in critical]
        for c in critical:
            if c.basin:
                low, high = c.basin
                assert low < c.angle < high and high - low <= 2 * np.pi + 1e-9
                assert not any(low + 1e-9 < angle + turn < high - 1e-9 for angle in ends for turn in (-4 * np.pi, -2 * np.pi, 0, 2 * np.pi)
                               if abs(angle + turn - c.angle) > 1e-9)


def test_exponents_are_those_of_the_theory():
    # theory.md 7.2: κ = 1 (p = 1, inside a cell), 1 − μ₂/μ₁ (p = 2), 1 at the points of an orthonormal cubic
    M = np.array([[2.0, 0.3], [0.3, -0.5]])
    (low, high), vectors = np.linalg.eigh(M)
    quadratic = Problem(TwoLayer(2, "z**2"), Dataset(vectors.T, [low, high]))
    assert {c.kind: c.exponent for c in ncf.critical_directions(quadratic)} == pytest.approx({"positive": 1 - low / high, "negative": 1 - high / low})
    assert [c.exponent for c in ncf.critical_directions(spokes("z**3", [0, 90], [1, 2])) if c.kind != "none"] == pytest.approx([1] * 4)
    assert [c.exponent for c in ncf.critical_directions(spokes("relu", [0, 30], [1, 2]))] == pytest.approx([1])


@pytest.mark.parametrize("activation", ["z**2", "z**3", "relu", "relu**2"])
def test_the_flow_of_f_from_both_ends_of_a_basin_comes_to_its_direction(activation):
    problem = spokes(activation, [10, 80, 200, 260], [1, -1, 0.7, 0.4])
    F, _ = scan.function_of(problem)
    for c in ncf.critical_directions(problem):
        if c.basin:
            sign, angle = 1 if c.extremum == "maximum" else -1, np.array(c.basin) + [0.02, -0.02]
            for _ in range(1200):
                angle += 5e-3 * np.sign(sign * (F(angle + 1e-6) - F(angle - 1e-6)))
            np.testing.assert_allclose(angle, c.angle, atol=1e-2)


# The KKT residual

def test_a_kkt_point_on_a_kink_has_residual_zero_and_its_neighbours_have_not():
    problem = spokes("relu", [0, 40], [1, -1])
    angle = np.deg2rad(-50)
    residual = [ncf.kkt_residual(one_neuron(problem), on_circle([angle + turn])[0]) for turn in (0, 1e-3, -1e-3)]
    assert residual[0] <= 1e-9
    # beside it ∇F is x₁ or x₁ − x₂: the sine of its angle to u
    np.testing.assert_allclose(residual[1:], [np.sin(np.deg2rad(20) + 1e-3), np.sin(np.deg2rad(50) + 1e-3)], rtol=1e-9)


def test_beside_a_smooth_kkt_point_the_residual_is_the_angle_times_the_exponent():
    problem = spokes("z**3", [0, 90], [1, 2])
    critical = [c for c in ncf.critical_directions(problem) if c.kind == "positive"]
    for c in critical:
        assert ncf.kkt_residual(one_neuron(problem), c.direction) <= 1e-9
        assert ncf.kkt_residual(one_neuron(problem), on_circle([c.angle + 1e-3])[0]) == pytest.approx(1e-3 * c.exponent, rel=0.01)


@pytest.mark.parametrize("network", [TwoLayer(3, "relu"), TwoLayer(3, "z**3", bias=True), TwoLayer(3, "relu**2", train_output=False),
                                     TwoLayer(3, "linear"), Deep((3, 4, 3, 1), "relu**2"), Deep((3, 4, 1), "leaky_relu(0.2)"),
                                     TwoLayer(3, "tanh")], ids=str)
def test_elsewhere_it_is_the_tangential_share_of_the_gradient_by_finite_differences(network):
    random = np.random.default_rng(0)
    problem = Problem(network, Dataset(random.standard_normal((6, 3)), random.standard_normal(6)))
    N = ncf.leading(problem).loss
    for seed in range(3):
        u = network.init(3, 2.0, seed)
        unit = u / np.linalg.norm(u)
        gradient = np.array([(N(unit + 1e-5 * e) - N(unit - 1e-5 * e)) / 2e-5 for e in np.eye(len(u))])
        wanted = np.linalg.norm(gradient - (gradient @ unit) * unit) / np.linalg.norm(gradient)
        assert ncf.kkt_residual(problem, u) == pytest.approx(wanted, rel=1e-4)


@pytest.mark.parametrize("activation", ["linear", "z**2", "z**3", "relu", "leaky_relu(0.3)", "relu**2"])
def test_a_neuron_is_a_kkt_point_of_the_whole_network_where_its_direction_is_one_and_its_squared_weights_are_as_one_to_p(activation):
    problem = spokes(activation, [10, 80, 200, 260], [1, -1, 0.7, 0.4], output_weights=None)
    p = problem.network.activation.degree
    attracting = [c for c in ncf.critical_directions(problem) if c.kind != "none"]
    assert attracting
    for c in attracting:
        a = np.sign(c.value) / np.sqrt(p + 1)
        theta = np.concatenate([np.sqrt(p / (p + 1)) * c.direction, np.zeros(2), [a, 0]])
        assert ncf.kkt_residual(problem, theta) <= 1e-9 and ncf.kkt_residual(problem, 1e-8 * theta) <= 1e-9
        theta[-2] *= 1.2
        assert ncf.kkt_residual(problem, theta) > 1e-2


def test_a_neuron_of_length_zero_counts_as_still_and_one_with_only_a_does_not():
    problem = spokes("relu", [0, 40], [1, 1])
    best = np.concatenate([on_circle([np.deg2rad(20)])[0] / np.sqrt(2), np.zeros(2), [1 / np.sqrt(2), 0]])
    assert ncf.kkt_residual(problem, best) <= 1e-9
    best[-1] = 0.1
    assert ncf.kkt_residual(problem, best) > 0.01
    assert ncf.kkt_residual(problem, [0, 0, 0, 0, 0, 1.0]) == 0  # w = 0: the gates can all be shut
    assert ncf.kkt_residual(problem, [-1.0, 0, -1, 0, 1, 1]) == 0  # no point is active: the gradient vanishes
    assert ncf.kkt_residual(one_neuron(spokes("z**2", [30], [1])), on_circle([np.deg2rad(120)])[0]) == 0  # here up to rounding


def test_any_network_will_do_and_its_degree_is_found_by_doubling_its_weights():
    layers = torch.nn.Sequential(torch.nn.Linear(2, 3, bias=False), torch.nn.ReLU(), torch.nn.Linear(3, 1, bias=False))
    points = data.spokes([10, 80, 200], [1, -1, 0.7])
    assert ncf.degree(Problem(TorchNetwork(layers), points)) == 2
    networks = TwoLayer(2, "relu**2"), TwoLayer(2, "z**3", train_output=False), Deep((2, 3, 3, 1), "z**2")
    assert [ncf.degree(Problem(network, points)) for network in networks] == [3, 3, 7]
    theta = np.random.default_rng(0).standard_normal(9)  # in both networks the rows of W, then a
    residuals = [ncf.kkt_residual(Problem(network, points), theta) for network in (TorchNetwork(layers), TwoLayer(3, "relu"))]
    assert residuals[0] == pytest.approx(residuals[1], rel=1e-9)
    without = TorchNetwork(torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Tanh(), torch.nn.Linear(3, 1)))
    with pytest.raises(ValueError, match="has no degree"):
        ncf.kkt_residual(Problem(without, points), np.ones(13))


# Ascent

@pytest.mark.parametrize("activation", ["z**2", "z**3", "relu", "leaky_relu(0.3)", "relu**2", "linear"])
def test_a_thousand_starts_in_ten_dimensions_climb_to_kkt_points(activation):
    problem = gaussian(activation)
    single = one_neuron(problem)
    starts = np.random.default_rng(1).standard_normal((1000, 10))
    for sign in (1, -1):
        ascent = ncf.ascend(problem, starts, sign)
        before = ncf.correlation(problem).value(starts / np.linalg.norm(starts, axis=1, keepdims=True))
        assert ascent.residuals.max() <= 1e-8 and (sign * (ascent.values - before)).min() >= -1e-12
        np.testing.assert_allclose(np.linalg.norm(ascent.directions, axis=1), 1)
        assert max(ncf.kkt_residual(single, u) for u in ascent.directions[:20]) <= 1e-8


@ACTIVATIONS
def test_on_the_circle_every_start_ends_where_its_basin_says(activation):
    random = np.random.default_rng(5)
    counted = 0
    for _ in range(15):
        problem = scan.random_problem(activation, random)
        angles, critical = random.uniform(0, 2 * np.pi, 20), ncf.critical_directions(problem)
        for sign, extremum in ((1, "maximum"), (-1, "minimum")):
            reached = ncf.ascend(problem, on_circle(angles), sign)
            assert reached.residuals.max() <= 1e-8
            for angle, end in zip(angles, reached.directions, strict=True):
                home = [c for c in critical if c.extremum == extremum and (angle - c.basin[0]) % (2 * np.pi) < c.basin[1] - c.basin[0]]
                if home:
                    counted += 1
                    flat = 1e-4 if home[0].kind == "none" else 1e-7
                    np.testing.assert_allclose(end, home[0].direction, atol=flat)
    assert counted > 300


@pytest.mark.parametrize("activation", ["relu", "leaky_relu(0.3)"])
def test_with_a_kink_the_ascent_goes_where_tiny_steps_along_the_gradient_go(activation):
    problem = gaussian(activation, n=6, dim=3, seed=4)
    F = ncf.correlation(problem)
    u = np.random.default_rng(2).standard_normal((30, 3))
    u /= np.linalg.norm(u, axis=1, keepdims=True)
    ends = ncf.ascend(problem, u).directions
    for _ in range(40_000):
        u = u + 5e-4 * F.gradient(u) / F.scale * 10
        u /= np.linalg.norm(u, axis=1, keepdims=True)
    alive = np.linalg.norm(F.gradient(ends), axis=1) > 1e-9
    assert alive.sum() >= 20
    np.testing.assert_allclose(u[alive], ends[alive], atol=0.02)


def test_a_start_where_no_input_is_active_stays():
    ascent = ncf.ascend(spokes("relu", [-20, 20], [1, 1]), [[-2.0, 0.0]])
    np.testing.assert_array_equal(ascent.directions, [[-1, 0]])
    assert ascent.residuals[0] == ascent.values[0] == 0


# Attractors

def ends(attractors, kind="positive"):
    """Their directions, rounded and sorted."""
    return ordered([a.direction for a in attractors if a.kind == kind])


def ordered(directions):
    return sorted(tuple((np.round(direction, 7) + 0.0).tolist()) for direction in directions)


@pytest.mark.parametrize("n", [3, 4])
def test_an_orthonormal_cubic_has_n_attractors_for_each_sign_of_a_more_than_2p_directions(n):
    z = np.array([1.0, -2, 1.5, 0.8])[:n]
    attractors = ncf.attractors(Problem(TwoLayer(2, "z**3"), Dataset(np.eye(n), z)))
    assert ends(attractors) == ordered(np.diag(np.sign(z))) and ends(attractors, "negative") == ordered(-np.diag(np.sign(z)))
    full = [a for a in attractors if a.kind == "none"]  # theory.md 7.5: all points together, with F < 0
    assert len(full) == 2 and full[0].value == pytest.approx(-np.sum(z**-2.0) ** -0.5)


def test_a_tetrahedral_cubic_in_three_dimensions_has_four_attracting_lines():
    attractors = ncf.attractors(Problem(TwoLayer(2, "z**3"), Dataset(TETRAHEDRON, np.ones(4))))
    assert ends(attractors) == ordered(TETRAHEDRON) and ends(attractors, "negative") == ordered(-TETRAHEDRON) and len(attractors) == 8


def test_a_square_attracts_to_the_two_ends_of_its_extreme_eigenvectors_where_they_have_the_right_sign():
    problem = gaussian("z**2", n=12, dim=5)
    M = problem.data.X.T @ np.diag(problem.z) @ problem.data.X
    values, vectors = np.linalg.eigh(M)
    attractors = ncf.attractors(problem, starts=200)
    assert [(a.sign, a.kind) for a in attractors] == [(1, "positive")] * 2 + [(-1, "negative")] * 2 and values[0] < 0 < values[-1]
    np.testing.assert_allclose([abs(a.direction @ vectors[:, k]) for a, k in zip(attractors, (-1, -1, 0, 0), strict=True)], 1)
    np.testing.assert_allclose([a.value for a in attractors], values[[-1, -1, 0, 0]])
    definite = Problem(problem.network, Dataset(problem.data.X, np.abs(problem.z)))
    lowest = [a for a in ncf.attractors(definite, starts=200) if a.sign == -1]  # they attract neurons with a < 0, which do not grow there
    assert [a.kind for a in lowest] == ["none"] * 2 and lowest[0].value > 0


def test_hits_count_the_starts_and_the_seed_repeats_them():
    problem = gaussian("z**3", n=20, dim=4)
    attractors, again = (ncf.attractors(problem, starts=100, seed=3) for _ in range(2))
    assert sum(a.hits for a in attractors if a.sign == 1) == sum(a.hits for a in attractors if a.sign == -1) == 100 == attractors[0].starts
    assert [a.hits for a in attractors] == [a.hits for a in again] != [a.hits for a in ncf.attractors(problem, starts=100, seed=4)]


def test_attractors_of_f_come_first_and_of_either_sign_the_strongest():
    attractors = ncf.attractors(gaussian("relu", n=20, dim=4), starts=100)
    above, below = ([a.value for a in attractors if a.sign == sign] for sign in (1, -1))
    assert [a.sign for a in attractors] == [1] * len(above) + [-1] * len(below) and min(len(above), len(below)) >= 3
    assert above == sorted(above, reverse=True) and below == sorted(below)


def test_directions_where_no_input_is_active_attract_nobody():
    attractors = ncf.attractors(spokes("relu", [-20, 20], [1, 1]), starts=100)
    assert [(a.kind, a.sign) for a in attractors] == [("positive", 1)] and 30 < attractors[0].hits < 80


# Rank-one points of deep networks

def shares(network, theta):
    return [np.sum(W**2) for W in network.weights(theta)]


@pytest.mark.parametrize("activation", ["z**2", "relu**2", "leaky_relu(0.3)**2"])
def test_one_active_unit_on_a_critical_direction_is_a_kkt_point_of_a_deep_network_with_shares_4_2_1(activation):
    problem = Problem(Deep((2, 5, 4, 1), activation), data.spokes([10, 80, 200, 260], [1, -1, 0.7, 0.4]))
    inner = {"z**2": "z**4", "relu**2": "relu**4", "leaky_relu(0.3)**2": "leaky_relu(0.3)**2"}[activation]
    single = TwoLayer(1, inner) if "leaky" not in activation else TwoLayer(1, _twice("leaky_relu(0.3)**2"))
    attracting = [c for c in ncf.critical_directions(Problem(single, problem.data)) if c.kind != "none"]
    assert attracting
    for c in attracting:
        for active in (1, 3):
            theta = ncf.rank_one(problem, 2 * c.direction, active)
            assert ncf.kkt_residual(problem, theta) <= 1e-8
            assert np.sign(-ncf.leading(problem).loss(theta)) == 1 == pytest.approx(np.linalg.norm(theta))
            np.testing.assert_allclose(shares(problem.network, theta), [4 / 7, 2 / 7, 1 / 7])
            assert [np.linalg.matrix_rank(W) for W in problem.network.weights(theta)] == [1, 1, 1]
            assert np.count_nonzero(problem.network.weights(theta)[0].any(axis=1)) == active
        aside = ncf.rank_one(problem, on_circle([c.angle + 0.1])[0])
        assert ncf.kkt_residual(problem, aside) > 1e-3


def _twice(name):
    from helpers import activation
    once = activation(name)
    return activation("twice", lambda z: once(once(z)), lambda z: once.derivative(once(z)) * once.derivative(z))


@pytest.mark.parametrize("activation, twice", [("relu", "relu"), ("leaky_relu(0.3)", "leaky_relu(0.09)"), ("linear", "linear")])
def test_degree_one_networks_have_rank_one_points_with_equal_shares_inside_the_cells(activation, twice):
    problem = Problem(Deep((2, 5, 4, 1), activation), data.spokes([10, 80, 200, 260], [1, -1, 0.7, 0.4]))
    inside = [c for c in ncf.critical_directions(Problem(TwoLayer(1, twice), problem.data)) if c.kind != "none" and not c.on_kink]
    assert inside
    for c in inside:
        theta = ncf.rank_one(problem, c.direction, active=4)
        assert ncf.kkt_residual(problem, theta) <= 1e-6
        np.testing.assert_allclose(shares(problem.network, theta), [1 / 3] * 3)


# Bad input

PLANE, SPACE, DEEP = spokes("relu", [0, 40], [1, -1]), gaussian("relu", n=4, dim=3), Problem(Deep((2, 3, 1), "relu"), data.spokes([0, 40], [1, -1]))


@pytest.mark.parametrize("call, error, words", [
    (lambda: ncf.critical_directions(SPACE), ValueError, "D = 3.*attractors"),
    (lambda: ncf.critical_directions(spokes("relu", [0, 40], [1, -1], bias=True)), ValueError, "D = 3"),
    (lambda: ncf.correlation(DEEP), TypeError, "TwoLayer network.*got Deep"),
    (lambda: ncf.correlation("problem"), TypeError, "problem must be a helpers.Problem, got str"),
    (lambda: ncf.critical_directions(PLANE.data), TypeError, "problem must be a helpers.Problem, got Dataset"),
    (lambda: ncf.correlation(spokes("sigmoid", [0, 40], [1, -1])), ValueError, "sigmoid"),
    (lambda: ncf.kkt_residual(spokes("softplus", [0, 40], [1, -1]), np.ones(6)), ValueError, "softplus"),
    (lambda: ncf.correlation(PLANE).value([1.0, 0.0]), ValueError, "U must have shape"),
    (lambda: ncf.correlation(PLANE).gradient([[1.0, 0.0, 1.0]]), ValueError, "U must have shape"),
    (lambda: ncf.correlation(PLANE).hessian([["a", "b"]]), TypeError, "U must be"),
    (lambda: ncf.kkt_residual(PLANE, np.ones(5)), ValueError, r"u must have shape \(6,\), got \(5,\)"),
    (lambda: ncf.kkt_residual(PLANE, np.zeros(6)), ValueError, "u must not be zero"),
    (lambda: ncf.kkt_residual(PLANE, [1, 1, 1, 1, 1, np.nan]), ValueError, "u must be finite"),
    (lambda: ncf.kkt_residual(None, np.ones(6)), TypeError, "problem must be"),
    (lambda: ncf.ascend(PLANE, np.ones(2)), ValueError, "starts must have shape"),
    (lambda: ncf.ascend(PLANE, np.zeros((1, 2))), ValueError, "length 0"),
    (lambda: ncf.ascend(PLANE, np.eye(2), 0), ValueError, "sign must be 1"),
    (lambda: ncf.ascend(PLANE, np.eye(2), "up"), ValueError, "sign must be 1"),
    (lambda: ncf.attractors(PLANE, starts=0), ValueError, "starts must be a whole number"),
    (lambda: ncf.attractors(PLANE, seed=1.5), TypeError, "seed must be a whole number"),
    (lambda: ncf.rank_one(PLANE, [1.0, 0.0]), TypeError, "Deep network with one output, got TwoLayer"),
    (lambda: ncf.rank_one(DEEP, [1.0, 0.0, 0.0]), ValueError, "direction must have shape"),
    (lambda: ncf.rank_one(DEEP, [1.0, 0.0], 4), ValueError, "active must be at most the least hidden width, 3, got 4"),
    (lambda: ncf.rank_one(DEEP, [1.0, 0.0], 0), ValueError, "active must be a whole number")])
def test_bad_input_is_answered_in_the_users_words(call, error, words):
    with pytest.raises(error, match=words):
        call()
