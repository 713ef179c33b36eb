"""Critical lines of F: against plain search on the circle, against theory where they are known, against Euler's formula where they are not."""

import numpy as np
import pytest

from helpers import Problem, TwoLayer, data, ncf
from helpers import activation as activation_named
from helpers.data import Dataset
from helpers.lines import attracting_lines, critical_lines

POWERS = ("linear", "z**2", "z**3", "z**4", "z**5")


def problem_of(activation, points, **kwargs):
    return Problem(TwoLayer(2, activation, **kwargs), points)


def random_points(dim, seed, low=None, high=30):
    random = np.random.default_rng(seed)
    X = random.standard_normal((random.integers(low or dim, high), dim))
    return Dataset(X, random.standard_normal(len(X)))


def turned(points, seed):
    """The points in coordinates turned at random."""
    return Dataset(points.X @ data.orthonormal(np.ones(points.dim), seed).X, points.y)


def sizes(problem, lines):
    """|F| along the lines, and how far they are from KKT points of F on the sphere."""
    F, U = ncf.correlation(problem), np.array([line.direction for line in lines])
    gradient = F.gradient(U)
    tangent = gradient - np.sum(gradient * U, axis=1)[:, None] * U
    return np.abs(F.value(U)), np.linalg.norm(tangent, axis=1) / np.maximum(np.linalg.norm(gradient, axis=1), 1e-9 * F.scale)


def numbers(problem, **options):
    """How many critical lines there are, and how many of them attract neurons with a > 0, with a < 0, and any."""
    lines = critical_lines(problem, **options)
    attracting = [line.attracts for line in lines if line.attracts]
    return len(lines), sum("positive" in a for a in attracting), sum("negative" in a for a in attracting), len(attracting)


# The circle

def scan(points, p, count=3600):
    """Slopes of F at so many angles of the half circle and the one beyond."""
    angles = np.pi * (np.arange(count + 1) + 0.3) / count
    u, across = np.column_stack([np.cos(angles), np.sin(angles)]), np.column_stack([-np.sin(angles), np.cos(angles)])
    return ((u @ points.X.T) ** (p - 1) * (across @ points.X.T)) @ points.y


@pytest.mark.parametrize("p", range(1, 6))
def test_in_the_plane_there_are_at_most_p_lines_and_all_are_those_of_a_scan_of_3600_angles(p):
    counts = []
    for seed in range(300):
        points = random_points(2, [p, seed], low=3, high=10)
        counts.append(len(critical_lines(problem_of(POWERS[p - 1], points))))
        assert counts[-1] == np.count_nonzero(np.diff(np.sign(scan(points, p))))
    assert max(counts) <= p and all((p - count) % 2 == 0 for count in counts)
    turns = 360 if p % 2 else 180  # Σ_k cos(φ − 2πk/p)^p ∝ cos pφ for odd p, Σ_k (−1)^k cos(φ − πk/p)^p for even p
    star = data.spokes(10 + turns / p * np.arange(p), (-1.0) ** (np.arange(p) * (p % 2 == 0)))
    assert len(critical_lines(problem_of(POWERS[p - 1], star))) == p


@pytest.mark.parametrize("activation", POWERS)
@pytest.mark.parametrize("bias", [False, True])
def test_lines_of_the_plane_are_the_critical_directions(activation, bias):
    for seed in range(20):
        problem = problem_of(activation, random_points(2 - bias, seed, low=4), bias=bias)
        critical, lines, p = ncf.critical_directions(problem), critical_lines(problem), problem.network.activation.degree
        assert 2 * len(lines) == len(critical)
        for line in lines:
            here, there = (next(c for c in critical if np.allclose(c.direction, sign * line.direction, atol=1e-7)) for sign in (1, -1))
            kinds = {c.kind for c in ((here, there) if p % 2 else (here,))} - {"none"}
            assert set(line.attracts) == kinds and line.value == pytest.approx(here.value) and line.complete and line.starts == line.hits == 0
            assert line.value >= 0 or p % 2 == 0
            assert line.index == (here.extremum != ("maximum" if line.value > 0 else "minimum"))
        assert np.all(np.diff([abs(line.value) for line in lines]) <= 1e-12)


def test_an_activation_that_is_a_power_only_near_zero_counts_by_it():
    points = random_points(3, 5)
    for name, power in (("tanh", "linear"), ("x*tanh(x)", "z**2"), ("x**2*tanh(x)", "z**3")):
        for near, exact in zip(critical_lines(problem_of(name, points)), critical_lines(problem_of(power, points)), strict=True):
            np.testing.assert_allclose(near.direction, exact.direction, atol=1e-7)
            assert near.attracts == exact.attracts and near.value == pytest.approx(exact.value, rel=1e-7)


# p = 1 and p = 2

@pytest.mark.parametrize("dim", [1, 2, 3, 10])
def test_for_p_1_there_is_one_line_along_the_mean(dim):
    points = random_points(dim, dim)
    line, = critical_lines(problem_of("tanh", points))
    g = points.y @ points.X
    np.testing.assert_allclose(line.direction, g / np.linalg.norm(g))
    assert (line.value, line.attracts, line.index, line.complete) == (pytest.approx(np.linalg.norm(g)), ("positive", "negative"), 0, True)
    found = attracting_lines(problem_of("tanh", points))
    assert (len(found.lines), found.positive, found.negative, found.starts, found.unseen) == (1, 1, 1, 0, 0)


@pytest.mark.parametrize("dim", range(2, 11))
def test_for_p_2_an_indefinite_form_attracts_to_two_lines_and_a_definite_one_to_one(dim):
    for seed in range(20):
        points = random_points(dim, [dim, seed])
        M = (points.X.T * points.y) @ points.X
        if (np.linalg.eigvalsh(M)[[0, -1]] * [1, -1] < 0).all():
            assert numbers(problem_of("z**2", points)) == (dim, 1, 1, 2)
        for sign, wanted in ((1, (dim, 1, 0, 1)), (-1, (dim, 0, 1, 1))):
            assert numbers(problem_of("z**2", Dataset(points.X, sign * np.abs(points.y)))) == wanted


def test_the_lines_of_p_2_are_the_eigenvectors_and_their_index_counts_the_larger_eigenvalues():
    points = Dataset(np.eye(4), [3.0, 1, -0.5, -2])
    lines = critical_lines(problem_of("z**2", points))
    np.testing.assert_allclose(np.abs([line.direction for line in lines]), np.eye(4)[[0, 3, 1, 2]], atol=1e-12)
    assert [line.value for line in lines] == pytest.approx([3, -2, 1, -0.5])
    assert [line.index for line in lines] == [0, 0, 1, 1] and all(line.isolated for line in lines)
    assert [line.attracts for line in lines] == [("positive",), ("negative",), (), ()]


def test_a_repeated_eigenvalue_has_the_lines_of_one_basis_which_are_not_isolated():
    lines = critical_lines(problem_of("z**2", turned(Dataset(np.eye(4), [2.0, 2, 1, -0.5]), 0)))
    assert [(round(line.value, 9), line.isolated, line.attracts, line.index) for line in lines] == [
        (2, False, ("positive",), 0), (2, False, ("positive",), 0), (1, True, (), 2), (-0.5, True, ("negative",), 0)]


# p ≥ 3 beyond the plane

def attracting(problem, **options):
    """The Count, after a look at its figures."""
    found = attracting_lines(problem, **options)
    assert all(line.attracts and line.index == 0 for line in found.lines)
    assert sizes(problem, found.lines)[1].max() <= 1e-8
    return found


@pytest.mark.parametrize("n", [3, 4, 6, 10])
def test_a_cubic_of_n_orthonormal_points_attracts_to_all_of_them(n):
    points = data.orthonormal(np.random.default_rng(n).uniform(0.8, 1.2, n) * np.where(np.arange(n) % 2, 1, -1), seed=n)
    found = attracting(problem_of("z**3", points))
    assert (len(found.lines), found.positive, found.negative) == (n, n, n)
    cosines = np.array([line.direction for line in found.lines]) @ points.X.T
    nearest = np.abs(cosines).argmax(axis=1)
    np.testing.assert_allclose(cosines[np.arange(n), nearest], np.sign(points.y[nearest]))
    assert sorted(line.value for line in found.lines) == pytest.approx(sorted(np.abs(points.y)))
    assert found.starts == 1000 and found.unseen == pytest.approx(1 - 0.05 ** (1 / 1000)) and (1 - found.unseen) ** 1000 == pytest.approx(0.05)


@pytest.mark.parametrize("n", [3, 4, 6])
def test_a_cubic_of_n_orthonormal_points_has_as_many_critical_lines_as_a_cubic_can_have(n):
    problem = problem_of("z**3", data.orthonormal(np.ones(n)))
    lines = critical_lines(problem)
    assert len(lines) == 2**n - 1  # one for each set of points, u_i = 1/√|S| on it
    assert sorted(line.value for line in lines) == pytest.approx(sorted(s.bit_count() ** -0.5 for s in range(1, 2**n)))
    assert all(line.index == round(line.value**-2) - 1 for line in lines)


@pytest.mark.parametrize("labels, positive, negative", [((1, 1, 1, 1), 4, 0), ((1, 1, -1, -1), 2, 2), ((-1, -1, -1, -1), 0, 4)])
def test_a_quartic_of_orthonormal_points_attracts_each_sign_to_its_own(labels, positive, negative):
    found = attracting(problem_of("z**4", data.orthonormal(labels)))
    assert (len(found.lines), found.positive, found.negative) == (4, positive, negative)


def test_a_cubic_tetrahedron_attracts_to_its_four_corners_and_has_three_saddles_of_value_zero():
    problem = problem_of("z**3", data.tetrahedron())
    assert numbers(problem) == (7, 4, 4, 4)
    found = attracting(problem)
    cosines = np.array([line.direction for line in found.lines]) @ data.tetrahedron().X.T
    np.testing.assert_allclose(np.sort(cosines, axis=1)[:, -1], 1)
    saddles = critical_lines(problem)[4:]
    np.testing.assert_allclose(np.sort(np.abs([line.direction for line in saddles]), axis=1), [[0, 0, 1]] * 3, atol=1e-7)
    assert all(line.isolated and line.index == 1 and abs(line.value) < 1e-12 for line in saddles)


def test_a_cubic_simplex_with_a_bias_attracts_to_its_six_corners():
    found = attracting(problem_of("x**2*tanh(x)", data.simplex(5), bias=True))
    assert (len(found.lines), found.positive, found.negative) == (6, 6, 6)


@pytest.mark.parametrize("activation, dim, most", [("z**3", 3, 7), ("z**4", 3, 13), ("z**5", 3, 21), ("z**3", 4, 15), ("z**4", 4, 40), ("z**3", 5, 31)])
def test_random_forms_have_no_more_lines_than_cartwright_and_sturmfels_allow_and_obey_euler(activation, dim, most):
    p = int(activation[-1])
    assert most == ((p - 1) ** dim - 1) // (p - 2)
    counts = []
    for seed in range(8):
        problem = problem_of(activation, random_points(dim, [dim, p, seed], low=dim + 2))
        lines = critical_lines(problem)
        values, residuals = sizes(problem, lines)
        assert residuals.max() <= 1e-8 and all(line.isolated and not line.complete for line in lines)
        np.testing.assert_allclose([abs(line.value) for line in lines], values)
        indices = np.array([line.index if line.value > 0 else dim - 1 - line.index for line in lines])  # in how many dimensions F rises
        ends = np.concatenate([indices, dim - 1 - indices if p % 2 else indices])  # at u and at −u
        assert np.sum((-1) ** ends) == 1 + (-1) ** (dim - 1)  # Euler's number of the sphere
        found = {tuple(np.round(line.direction, 6) + 0.0) for line in lines if line.attracts}
        assert {tuple(np.round(line.direction, 6) + 0.0) for line in attracting(problem).lines} == found
        counts.append(len(lines))
    assert max(counts) <= most and len(set(counts)) > 1


def test_lines_do_not_depend_on_the_seed_where_starts_are_many():
    problem = problem_of("z**4", random_points(3, 8))
    first, second = (critical_lines(problem, seed=seed) for seed in (0, 1))
    np.testing.assert_allclose([line.direction for line in first], [line.direction for line in second], atol=1e-7)
    assert [line.hits for line in first] != [line.hits for line in second]
    assert sum(line.hits for line in first) <= first[0].starts == 3000
    few = critical_lines(problem, starts=1)
    assert len(few) < len(first) and few[0].starts == 3


def test_lines_that_are_close_to_each_other_are_told_apart():
    """F = sin³φ + e cos²φ sin φ in a plane and t³ across it, e < 0: two lines with tan²φ = −e/(3 − 2e)."""
    angles, k, e = np.deg2rad([10, 60, 110, 160]), np.arange(4), -1e-3
    cubes = np.array([[1, 3, 3, 1] * np.cos(a) ** (3 - k) * np.sin(a) ** k for a in angles])
    X = np.vstack([np.column_stack([np.cos(angles), np.sin(angles), np.zeros(4)]), [0, 0, 1]])
    found = critical_lines(problem_of("z**3", Dataset(X, np.append(np.linalg.solve(cubes.T, [0, e, 0, 1]), 1.0))))
    steep = np.arctan(np.sqrt(-e / (3 - 2 * e)))
    close = [line.direction for line in found if abs(line.direction[2]) < 1e-6 and abs(line.direction[1]) < 0.1]
    assert sorted(u[1] / u[0] for u in close) == pytest.approx([-np.tan(steep), np.tan(steep)], rel=1e-4)


def test_a_quarter_turn_of_the_data_turns_the_lines():
    points = random_points(3, 2)
    spin = data.orthonormal(np.ones(3), 5).X
    for here, there in zip(critical_lines(problem_of("z**3", points)), critical_lines(problem_of("z**3", Dataset(points.X @ spin, points.y))), strict=True):
        np.testing.assert_allclose(here.direction @ spin, there.direction, atol=1e-7)
        assert (here.attracts, here.index) == (there.attracts, there.index)


# The span of the inputs

@pytest.mark.parametrize("activation", POWERS)
def test_lines_lie_in_the_span_of_the_inputs_and_two_of_them_span_a_plane_where_they_are_exact(activation):
    flat = random_points(2, 4, low=5)
    embedding = data.orthonormal(np.ones(6), 3).X[:2]
    inside, outside = (critical_lines(problem_of(activation, points)) for points in (flat, Dataset(flat.X @ embedding, flat.y)))
    assert len(inside) == len(outside) >= 1
    for here, there in zip(inside, outside, strict=True):
        np.testing.assert_allclose(abs(here.direction @ embedding @ there.direction), 1)
        assert (here.attracts, here.index, here.complete) == (there.attracts, there.index, there.complete) and there.value == pytest.approx(here.value)


@pytest.mark.parametrize("activation, label, attracts", [
    ("z**3", 1, ("positive", "negative")), ("z**3", -1, ("positive", "negative")), ("z**4", 1, ("positive",)), ("z**2", -1, ("negative",))])
def test_one_point_has_one_line(activation, label, attracts):
    line, = critical_lines(problem_of(activation, Dataset([[0.0, 3, 4]], [label * 1.0])))
    np.testing.assert_allclose(np.abs(line.direction), [0, 0.6, 0.8], atol=1e-12)
    assert (line.attracts, line.index, line.complete, line.isolated) == (attracts, 0, True, True)
    assert line.direction[1] * label > 0 or activation != "z**3"


def test_saddles_of_value_zero_adjoin_the_directions_that_see_no_input():
    tetrahedron = data.tetrahedron()
    lines = critical_lines(problem_of("z**3", Dataset(np.column_stack([tetrahedron.X, np.zeros(4)]), tetrahedron.y)))
    assert [line.isolated for line in lines] == [True] * 4 + [False] * 3 and all(abs(line.direction[3]) < 1e-9 for line in lines)


@pytest.mark.parametrize("activation", POWERS)
def test_where_f_is_zero_or_constant_there_are_no_lines(activation):
    nothing = problem_of(activation, Dataset([[1.0, 2, 3], [1, 2, 3]], [1.0, -1]))
    assert critical_lines(nothing) == () and attracting_lines(nothing).lines == () and attracting_lines(nothing).unseen == 0


@pytest.mark.parametrize("activation, isolated", [("linear", []), ("z**2", [False] * 2), ("z**3", [True] * 3), ("z**4", []), ("z**5", [True] * 3)])
def test_on_three_equal_spokes_f_is_zero_a_constant_or_has_a_line_through_each(activation, isolated):
    lines = critical_lines(problem_of(activation, data.spokes([0, 120, 240], [1, 1, 1])))
    assert [line.isolated for line in lines] == isolated
    angles = np.sort([np.rad2deg(np.arctan2(*line.direction[::-1])) % 180 for line in lines if line.isolated])
    np.testing.assert_allclose(np.cos(np.deg2rad(3 * angles)) ** 2, 1)


def test_forms_of_p_2_that_cancel_have_no_lines():
    assert critical_lines(problem_of("z**2", data.spokes([0, 90, 45, 135], [1, 1, -1, -1]))) == ()


def test_a_factor_of_the_activation_is_one_of_f():
    line, = critical_lines(problem_of(activation_named("2z³", lambda z: 2 * z**3, lambda z: 6 * z**2), Dataset([[0.0, 3, 4]], [1.0])))
    assert line.value == pytest.approx(250)


@pytest.mark.parametrize("sign, attracts", [(1, ("positive",)), (-1, ())])
def test_where_f_is_flat_the_ascents_tell_a_maximum_from_a_saddle(sign, attracts):
    U, X = (np.random.default_rng(seed).standard_normal((k, 3)) for seed, k in ((0, 40), (1, 15)))
    wanted = np.sum(U**2, axis=1) ** 2 - U[:, 0] ** 4 - sign * U[:, 1] ** 4  # F = 1 − u₁⁴ ∓ u₂⁴ on the sphere, without curvature at e₃
    z = np.linalg.lstsq((U @ X.T) ** 4, wanted, rcond=None)[0]
    near = [line for line in critical_lines(problem_of("z**4", Dataset(X, z)), starts=100) if abs(line.direction[2]) > 0.999]
    assert near and not any(line.isolated for line in near) and attracts in {line.attracts for line in near}
    assert sign > 0 or {line.attracts for line in near} == {()}


# Kinked activations

@pytest.mark.parametrize("activation", ["relu", "leaky_relu(0.3)", "relu**2"])
def test_kinked_neurons_are_attracted_to_directions(activation):
    flat = problem_of(activation, random_points(2, 3, low=6))
    found, kinds = attracting_lines(flat), [c.kind for c in ncf.critical_directions(flat) if c.kind != "none"]
    assert (found.positive, found.negative, len(found.lines)) == (kinds.count("positive"), kinds.count("negative"), len(kinds))
    assert found.unseen == found.starts == 0
    solid = problem_of(activation, random_points(3, 3, low=6))
    found, others = attracting_lines(solid, starts=200, seed=1), [a for a in ncf.attractors(solid, 200, 1) if a.kind != "none"]
    others = sorted(others, key=lambda a: -abs(a.value))
    assert [(line.value, line.attracts, line.hits) for line in found.lines] == [(a.value, (a.kind,), a.hits) for a in others]
    assert found.unseen == pytest.approx(1 - 0.05 ** (1 / 200)) and found.positive + found.negative == len(others) > 0


@pytest.mark.parametrize("activation", ["relu", "leaky_relu(0.1)", "relu**3"])
def test_kinked_activations_have_no_lines_and_the_error_says_whom_to_ask(activation):
    with pytest.raises(ValueError, match=r"problem must have a smooth activation, .*: ask ncf.attractors\(problem\), or attracting_lines"):
        critical_lines(problem_of(activation, data.spokes()))


def test_an_activation_that_does_not_vanish_at_zero_has_no_lines():
    for function in (critical_lines, attracting_lines):
        with pytest.raises(ValueError, match="activation 'sigmoid' is not homogeneous near the origin"):
            function(problem_of("sigmoid", data.spokes()))
