"""Saddle to saddle: what is read off at a plateau beside what the run then does, and where nothing can be read off, that it is said."""

import functools
import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch

from helpers import DeepLinear, Diagonal, Problem, TorchNetwork, TwoLayer, data, gradient_descent, gradient_flow, rests, stop_at
from helpers.saddles import Plateau, drop_times, next_step, plateaus, pursuit, staircase, start

SQUARED = TwoLayer(40, "relu**2", train_output=False, output_weights=np.ones(40))
SPARSE = data.sparse_regression(40, 50, (9, -3, 1))
CASES = {  # network, data, scale, how it is run
    "squared ReLU": (SQUARED, data.petals(), 1e-8, {}),
    "squared ReLU, outputs trained": (TwoLayer(20, "relu**2"), data.petals(), 1e-4, {"stiff": True}),
    "ReLU": (TwoLayer(20, "relu"), data.orthonormal((-2, 1)), 1e-6, {}),
    "deep linear, 2 layers": (DeepLinear((5, 6, 4)), data.whitened(), 1e-8, {}),
    "deep linear, 3 layers": (DeepLinear((5, 6, 6, 4)), data.whitened(), 1e-3, {"stiff": True, "rtol": 1e-8}),
    "diagonal, depth 2": (Diagonal(), SPARSE, 1e-8, {}),
    "diagonal, depth 3": (Diagonal(3), SPARSE, 1e-4, {"stiff": True}),
}
EVERY = pytest.mark.parametrize("case", CASES)
GREEDY = pytest.mark.parametrize("case", ["squared ReLU", "deep linear, 2 layers", "diagonal, depth 2"])


def start_of(network, points, scale, seed=0):
    return network.init(points.dim, scale, None if isinstance(network, Diagonal) else seed)


def until_fitted(problem, theta0, share=1e-4, **how):
    return gradient_flow(problem, theta0, 1e300, stop=stop_at(loss=share * problem.loss(np.zeros_like(theta0))), **how)


@functools.cache
def trained(case):
    """The problem, its run, the run's plateaus and the steps read off there."""
    network, points, scale, how = CASES[case]
    problem = Problem(network, points)
    run = until_fitted(problem, start_of(network, points, scale), **how)
    found = plateaus(problem, run)
    return problem, run, found, [next_step(problem, plateau) for plateau in found]


def angle(u, v):
    return np.degrees(np.arccos(np.clip(u @ v / np.linalg.norm(u) / np.linalg.norm(v), -1, 1)))


# --- predictions beside runs ---

@EVERY
def test_every_step_is_read_off_before_it_happens(case):
    problem, run, found, steps = trained(case)
    assert len(found) == (2 if case == "ReLU" else 3) and not any(step.unclear for step in steps)
    begun = [plateau.time for plateau in found]
    np.testing.assert_allclose([step.time for step in steps] - np.array(begun), drop_times(problem, run) - begun, rtol=0.02)
    ends = [*(plateau.loss for plateau in found[1:]), 0]
    for plateau, step, end in zip(found, steps, ends, strict=True):
        assert step.loss == pytest.approx(end, abs=0.01 * (plateau.loss - end))


@pytest.mark.parametrize("case", [case for case in CASES if "deep" not in case])
def test_the_direction_of_the_foremost_winner_is_the_one_it_takes(case):
    problem, run, found, steps = trained(case)
    for plateau, step in zip(found, steps, strict=True):
        part = step.direction != 0
        assert np.linalg.norm(step.direction) == pytest.approx(1) and problem.network.parts(part)[step.winners].any(axis=1).sum() == 1
        twentieth = plateau.saddle_loss - 0.05 * (plateau.saddle_loss - step.loss)
        then = run.theta[np.argmax(run.loss <= twentieth)] - plateau.saddle
        assert angle(then * part, step.direction) < 2


@EVERY
def test_the_whole_staircase_is_read_off_from_the_start(case):
    problem, run, found, _ = trained(case)
    chain = staircase(problem, run.theta[0], steps=9)
    assert not any(step.unclear for step in chain[:len(found)])
    np.testing.assert_allclose([step.time for step in chain[:len(found)]], drop_times(problem, run), rtol=0.03)


def test_a_staircase_has_as_many_steps_as_it_is_asked_for_and_ends_with_the_loss():
    problem, run, found, _ = trained("diagonal, depth 2")
    assert len(staircase(problem, run.theta[0], steps=2)) == 2 and len(staircase(problem, run.theta[0], steps=9)) == len(found)


def test_drops_of_a_diagonal_network_come_later_by_the_slopes_of_its_residuals():
    problem, _, found, steps = trained("diagonal, depth 2")
    early, late = (drop_times(problem, until_fitted(problem, problem.network.init(SPARSE.dim, scale))) for scale in (1e-8, 1e-12))
    slope, slopes, lag = 0.0, [], np.ones(2 * SPARSE.dim)  # lag: ln(1/weight) over ln(1/δ); a weight grows at the rate ±2(Xᵀr)_k
    for plateau, step in zip(found, steps, strict=True):
        rate = 2 * np.concatenate([SPARSE.X.T @ plateau.residual, -SPARSE.X.T @ plateau.residual])
        free = ~plateau.living & (rate > 0)
        wait = np.min(lag[free] / rate[free])
        assert np.flatnonzero(step.winners) == np.flatnonzero(free)[np.argmin(lag[free] / rate[free])]
        lag, slope = lag - rate * wait, slope + wait
        slopes.append(slope)
    np.testing.assert_allclose((late - early) / np.log(1e4), slopes, rtol=0.01)


@pytest.mark.parametrize("size, lives", [(0.01, False), (1e-6, False), (0.02, True)])
def test_a_part_that_is_longer_but_grows_slowly_is_no_winner(size, lives):
    problem = Problem(Diagonal(), data.Dataset(np.eye(2), [1.0, 0.1]))  # two coefficients that do not see each other; the second grows a tenth as fast
    step = next_step(problem, start(problem, np.array([1e-8, size, 0, 0])))
    assert step.winners.tolist() == [True, lives, False, False]
    assert step.loss == pytest.approx(0 if lives else 0.1**2 / 2, abs=1e-7)


def test_a_part_that_grows_as_fast_but_is_far_behind_is_no_winner():
    problem = Problem(Diagonal(), data.Dataset(np.eye(2), [1.0, 1.0]))
    step = next_step(problem, start(problem, np.array([1e-4, 1e-8, 1e-12, 1e-12])))
    assert step.winners.tolist() == [True, False, False, False] and step.loss == pytest.approx(0.5, rel=1e-3)


@GREEDY
def test_the_greedy_algorithm_visits_the_saddles_of_the_flow(case):
    problem, _, found, _ = trained(case)
    levels = [plateau.saddle_loss for plateau in found]
    greedy = pursuit(problem, steps=3)
    assert greedy.loss[0] == problem.loss(np.zeros_like(greedy.theta[0])) and not greedy.theta[0].any()
    for level, after in itertools.pairwise([*levels, 0]):
        assert np.abs(greedy.loss - after).min() < 0.01 * (level - after)
    assert greedy.loss[-1] < 1e-2 * levels[-1]
    assert np.all(np.diff(greedy.t) > 0) and len(greedy.t) == len(greedy.theta) == len(greedy.loss)
    assert pursuit(problem, steps=1).loss[-1] == pytest.approx(levels[1], rel=1e-2)


def test_the_greedy_algorithm_ends_where_nothing_is_left_to_grow():
    network = DeepLinear((5, 1, 4))
    greedy = pursuit(Problem(network, data.whitened()), steps=5)
    assert greedy.loss[-1] == pytest.approx((2**2 + 1**2) / 2, rel=1e-3)


def test_another_seed_of_the_greedy_algorithm_makes_other_neurons_live():
    network = TwoLayer(6, "relu**2", train_output=False, output_weights=np.ones(6))
    ends = [pursuit(Problem(network, data.petals(12, (4.0,), (0,))), steps=1, seed=seed) for seed in range(4)]
    alive = [int(np.argmax(np.linalg.norm(network.parts(end.theta[-1]), axis=1))) for end in ends]
    assert len(set(alive)) > 1
    np.testing.assert_allclose([end.loss[-1] for end in ends], 0, atol=1e-3 * ends[0].loss[0])


def test_a_mean_instead_of_a_sum_only_slows_the_clock():
    problem, run, _, (first, *_) = trained("squared ReLU")
    mean = Problem(SQUARED, problem.data, reduction="mean")
    slow = next_step(mean, start(mean, run.theta[0]))
    assert (slow.time, slow.loss) == pytest.approx((first.time * problem.data.n, first.loss / problem.data.n), rel=1e-4)


def test_a_loss_that_cannot_be_fitted_hides_no_drop():
    """One input more, zero, with a label that no network reaches: it adds 288 to every loss and changes nothing else."""
    problem, run, found, steps = trained("diagonal, depth 2")
    more = Problem(problem.network, data.Dataset(np.vstack([SPARSE.X, np.zeros(SPARSE.dim)]), np.append(SPARSE.y, 24.0)))
    floored = gradient_flow(more, run.theta[0], run.t[-1])
    for plateau, step, other in zip(found, steps, plateaus(more, floored), strict=True):
        assert other.time == pytest.approx(plateau.time, rel=0.02)
        there = next_step(more, other)
        assert (there.time, there.loss - 288) == pytest.approx((step.time, step.loss), rel=1e-3, abs=1e-3)


# --- plateaus ---

@EVERY
def test_a_plateau_is_living_and_small_weights_and_its_saddle_stands_still(case):
    problem, run, found, _ = trained(case)
    fastest = max(np.linalg.norm(problem.velocity(theta)) for theta in run.theta)
    assert found[0].time == 0 and not found[0].living.any() and not found[0].saddle.any()
    for plateau in found:
        np.testing.assert_allclose(run.at([plateau.time])[0], plateau.theta, rtol=1e-6, atol=1e-12)
        np.testing.assert_allclose(problem.network.parts(plateau.theta)[plateau.living].sum(axis=0) + plateau.small, plateau.theta, atol=1e-12)
        np.testing.assert_allclose(problem.residual(plateau.saddle), plateau.residual)
        assert problem.loss(plateau.saddle) == pytest.approx(plateau.saddle_loss) == pytest.approx(plateau.loss, rel=0.02)
        assert np.linalg.norm(problem.velocity(plateau.saddle)) < 0.01 * fastest


def test_the_time_of_a_plateau_does_not_hang_on_the_points_of_the_run():
    problem = Problem(SQUARED, data.petals())
    run = until_fitted(problem, start_of(SQUARED, data.petals(), 1e-8), rtol=1e-8)
    sparse = replace(run, t=run.t[::5], theta=run.theta[::5], loss=run.loss[::5])
    (_, *dense_times), (_, *sparse_times) = ([plateau.time for plateau in plateaus(problem, seen)] for seen in (run, sparse))
    np.testing.assert_allclose(sparse_times, dense_times, rtol=1e-4)


@pytest.mark.parametrize("case, counts", [("deep linear, 2 layers", [0, 1, 2]), ("deep linear, 3 layers", [0, 1, 2]), ("diagonal, depth 2", [0, 1, 2]), ("diagonal, depth 3", [0, 1, 2])])
def test_one_part_more_lives_at_every_plateau_of_a_linear_network(case, counts):
    assert [plateau.living.sum() for plateau in trained(case)[2]] == counts


def test_a_step_arrives_at_the_next_plateau():
    problem, _, found, steps = trained("diagonal, depth 2")
    for step, plateau in zip(steps, found[1:], strict=False):
        np.testing.assert_array_equal(step.arrival.living, plateau.living)
        assert np.linalg.norm(step.arrival.saddle - plateau.saddle) < 1e-2 and step.arrival.time > step.time > step.onset
        assert step.run.t[0] == 0 and step.run.loss[0] == pytest.approx(problem.loss(step.run.theta[0]))


def test_only_drops_with_their_share_of_the_fall_count():
    problem, run, found, _ = trained("squared ReLU")
    shares = -np.diff([*(plateau.loss for plateau in found), run.loss[-1]]) / (run.loss[0] - run.loss[-1])
    assert len(plateaus(problem, run, least=1.01 * shares[-1])) == len(found) - 1
    assert len(plateaus(problem, run, least=0.99 * shares[-1])) == len(found)


def test_a_run_that_begins_at_a_saddle_has_a_plateau_there():
    problem, _, found, steps = trained("squared ReLU")
    later = until_fitted(problem, found[1].theta, share=1e-6)
    again = plateaus(problem, later)
    assert len(again) == 2 and again[0].time == 0 and not again[0].unclear
    np.testing.assert_array_equal(again[0].living, found[1].living)
    assert next_step(problem, again[0]).time == pytest.approx(steps[1].time - found[1].time, rel=1e-3)


def test_gradient_descent_rests_where_the_flow_does():
    problem, run, found, _ = trained("deep linear, 2 layers")
    descent = gradient_descent(problem, run.theta[0], step=0.01, steps=int(run.t[-1] / 0.01))
    rested = plateaus(problem, descent)
    np.testing.assert_allclose([plateau.saddle_loss for plateau in rested], [plateau.saddle_loss for plateau in found], rtol=1e-3)
    np.testing.assert_allclose([next_step(problem, plateau).time for plateau in rested], drop_times(problem, descent), rtol=0.05)


def test_a_run_without_a_drop_has_no_plateau():
    problem, run, *_ = trained("squared ReLU")
    for still in (gradient_descent(problem, np.zeros_like(run.theta[0]), 0.1, 3), gradient_descent(problem, run.theta[-1], 0.1, 0)):
        assert plateaus(problem, still) == () and drop_times(problem, still).shape == (0,)


def test_a_drop_that_the_run_leaves_half_done_has_no_time():
    problem, run, found, steps = trained("squared ReLU")
    cut = gradient_flow(problem, run.theta[0], steps[1].time)
    assert [plateau.loss for plateau in plateaus(problem, cut)] == pytest.approx([plateau.loss for plateau in found[:2]], rel=1e-3)
    first, second = drop_times(problem, cut)
    assert first == pytest.approx(steps[0].time, rel=0.01) and np.isnan(second)


def test_peaks_are_where_the_speed_is_greatest_between_rests_of_a_tenth():
    assert rests.peaks(np.array([1, 30, 2, 0.1, 5, 20, 0.5])).tolist() == [1, 5]
    assert rests.peaks(np.array([1, 30, 4, 20, 0.5])).tolist() == [1]
    assert rests.peaks(np.array([3.0, 1, 0.01])).tolist() == [0]


def test_living_weights_part_by_the_growth_of_their_own_curvature():
    """f(x) = u₁²x₁ + u₂²x₂, labels 1: near u = (1, 0) a weight u₂ = ε grows like e^{2t}; the loss falls by ε²(e^{4t} − 1)."""
    problem, none = Problem(Diagonal(), data.Dataset(np.eye(2), [1.0, 1.0])), np.zeros(4)
    saddle, theta = np.array([1.0, 0, 0, 0]), np.array([1.0, 1e-6, 0, 0])
    living, residual = np.array([True, True, False, False]), problem.residual(saddle)
    plateau = Plateau(0.0, theta, 0.5, living, none, saddle, 0.5, residual)
    moved, gained = rests.parted(problem, plateau, 3.0)
    np.testing.assert_allclose(moved, [0, 1e-6 * np.expm1(6.0), 0, 0], rtol=1e-6, atol=1e-15)
    assert gained == pytest.approx(1e-12 * np.expm1(12.0), rel=1e-6)
    assert gained == pytest.approx(problem.loss(theta) - problem.loss(theta + moved), rel=1e-3)


# --- where nothing is predicted, it is said ---

def test_a_large_start_is_no_plateau():
    problem = trained("squared ReLU")[0]
    for scale, small in ((1e-2, True), (3.0, False)):
        assert (start(problem, SQUARED.init(2, scale, 0)).unclear == "") == small
    step = next_step(problem, start(problem, SQUARED.init(2, 3.0, 0)))
    assert "not small" in step.unclear and np.isnan([step.time, step.loss, step.onset]).all() and np.isnan(step.direction).all()
    assert step.run is step.arrival is None and not step.winners.any()


def test_a_start_whose_large_parts_cancel_is_not_small_either():
    problem = trained("diagonal, depth 2")[0]
    cancel = start(problem, problem.network.init(SPARSE.dim, 5.0))
    assert cancel.loss == cancel.saddle_loss and "not small" in cancel.unclear


def test_living_neurons_that_part_are_told_and_never_give_a_wrong_time():
    """Two petals 75° apart: the neurons that live between them are no minimum of their own loss, and fan out before any small one grows."""
    points = data.petals(60, (8.0, 5.0), (0, 75))
    told, problem = 0, Problem(SQUARED, points)
    for seed in range(4):
        run = until_fitted(problem, SQUARED.init(2, 1e-6, seed))
        found = plateaus(problem, run)
        for plateau, time in zip(found, drop_times(problem, run), strict=True):
            step = next_step(problem, plateau)
            told += "part before others grow" in step.unclear
            assert step.unclear or step.time - plateau.time == pytest.approx(time - plateau.time, rel=0.1)
    assert told


def test_small_weights_that_drown_in_the_errors_of_a_run_are_told():
    network, points = DeepLinear((5, 6, 6, 4)), data.whitened()
    problem = Problem(network, points)
    coarse = until_fitted(problem, network.init(5, 1e-8, 0), stiff=True)
    first, second, third = plateaus(problem, coarse)
    assert not first.unclear and "errors of the run" in second.unclear and "errors of the run" in third.unclear
    assert next_step(problem, second).unclear == second.unclear


def test_two_groups_that_escape_together_are_told():
    points = data.whitened((2.0, 1.5, 1.0))
    problem = Problem(DeepLinear((5, 6, 4)), points)
    assert "other weights follow" in next_step(problem, start(problem, problem.network.init(5, 1e-4, 0))).unclear


def test_where_no_weights_are_small_or_none_can_grow_it_is_said():
    one = Problem(TwoLayer(1, "relu**2", train_output=False, output_weights=[1.0]), data.petals(60, (2.0,), (0,)))
    (step,) = staircase(one, np.array([1e-6, 0.0]))
    assert step.loss < 1e-4 * one.loss(np.zeros(2)) and next_step(one, step.arrival).unclear == "no weights are small there"
    against = Problem(one.network, data.Dataset(one.data.X, -one.data.y))
    (stuck,) = staircase(against, np.array([1e-6, 0.0]))
    assert "no small weights grow" in stuck.unclear


def test_a_loss_that_never_rests_gives_no_error():
    signs = np.sign(data.petals(12).X[:, 0] + 0.1)
    problem = Problem(TwoLayer(6, "relu**2", train_output=False), data.Dataset(data.petals(12).X, signs), "logistic")
    theta0, before = problem.network.init(2, 1e-6, 0), problem.loss(np.zeros(12))
    step, = staircase(problem, theta0, steps=3)
    assert not step.unclear and step.loss < 1e-4 * before
    assert step.time == pytest.approx(drop_times(problem, gradient_flow(problem, theta0, t_end=1e3))[0], rel=0.01)


def test_an_interruption_is_passed_on(monkeypatch):
    problem, _, found, _ = trained("diagonal, depth 2")
    calls, motion = itertools.count(), Problem.motion

    def cut(theta, look):
        if next(calls) == 100:
            raise KeyboardInterrupt
        return look(theta)

    monkeypatch.setattr(Problem, "motion", lambda self: functools.partial(cut, look=motion(self)))
    with pytest.raises(KeyboardInterrupt):
        next_step(problem, found[0])


def test_only_a_live_problem_of_a_network_with_parts_has_saddles():
    problem, run, _, _ = trained("squared ReLU")
    deep = Problem(TorchNetwork(torch.nn.Linear(2, 1, bias=False)), problem.data)
    for wrong in (problem.rescaled(), deep):
        for call in (lambda p: plateaus(p, run), lambda p: start(p, run.theta[0]), lambda p: pursuit(p), lambda p: staircase(p, run.theta[0])):
            with pytest.raises(TypeError, match=r"problem must be a helpers.Problem whose network has parts"):
                call(wrong)
    with pytest.raises(ValueError, match="problem must have a live residual"):
        plateaus(problem.frozen(), run)
    with pytest.raises(TypeError, match="run must be a Trajectory of the problem"):
        plateaus(trained("diagonal, depth 2")[0], run)


def test_petals_are_the_outputs_of_squared_relu_neurons_of_their_sizes_and_angles():
    points, at = data.petals(12, (4.0, 3.0), (0, 90)), np.deg2rad([0, 90])
    np.testing.assert_allclose(np.rad2deg(np.arctan2(points.X[:, 1], points.X[:, 0])) % 360, np.arange(0, 360, 30), atol=1e-12)
    rows = np.sqrt([[4.0], [3.0]]) * np.column_stack([np.cos(at), np.sin(at)])
    exact = TwoLayer(2, "relu**2", train_output=False, output_weights=[1, 1])
    np.testing.assert_allclose(exact.outputs(rows.ravel(), points.X), points.y, atol=1e-14)
    assert points.y[0] == pytest.approx(4) and points.y[3] == pytest.approx(3) and points.y[7] == 0
