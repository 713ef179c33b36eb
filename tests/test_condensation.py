"""Condensation: on data whose lines, ranks and distances are known."""

import numpy as np
import pytest

from helpers import condensed_lines, cosine_matrix, directions, effective_rank, relative_distance, stable_rank


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
