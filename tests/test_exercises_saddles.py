"""Lesson 4's exercises: every right answer is accepted in every form, every usual mistake is named, and no answer makes the check fall over."""

from fractions import Fraction

import numpy as np
import pytest

import helpers
from helpers import data
from helpers.exercises import UNANSWERED, judge, waiting
from helpers.networks import TwoLayer
from helpers.problem import Problem

RATIO = np.sqrt(10) / 2
POWERS = np.log(1e6)
GROWTH = (1 / 0.5 - 1 / 3) * POWERS

GARBAGE = {"None": None, "text": "1.58", "bytes": b"1", "NaN": np.nan, "infinity": np.inf, "too large": 10**400, "ragged": [[1], [1, 2]], "a cube": np.ones((3, 3, 3)),
           "complex": 1j, "True": True, "no number": [], "a dictionary": {}, "a function": print, "two dots": (..., ...)}
NO_PAIRS = {"a NaN": ([[1, np.nan]], [1]), "a NaN label": ([[1, 0.5]], [np.nan]), "three inputs": ([[1, 0.5, 0]], [1]), "transposed": ([[1, 1, 1], [0, 1, 2]], [1, 1, 1]), "four points": (np.eye(4)[:, :2], [1, 0, 0, 0]),
            "no point": (np.empty((0, 2)), []), "labels in a column": ([[1, 0.5]], [[1]]), "one label too many": ([[1, 0.5]], [1, 2]), "too large": ([[10**400, 1]], [1])}

PROBLEM, SADDLE, SMALL = waiting()
FROZEN = PROBLEM.frozen(PROBLEM.residual(SADDLE))


def forms(number):
    return [number, np.float64(number), np.array(number), np.array([number]), [number], Fraction(number)]


def lengths(theta):
    return np.linalg.norm(PROBLEM.network.weights(theta)[0], axis=-1)


@pytest.mark.parametrize("exercise, number", [("4.1", RATIO), ("4.1", 1.58), ("4.2", GROWTH), ("4.2", 23.0), ("4.2", 23.1), ("4.3", 6), ("4.3", 6.0)])
def test_a_right_number_is_accepted_in_every_form(exercise, number):
    assert [judge(exercise, form) for form in forms(number)] == [None] * 6


def delays(problem, seed, levels, scales):
    """By how much later the loss falls to each of the levels from the second scale than from the first."""
    starts = [problem.network.init(problem.data.dim, scale, seed) for scale in scales]
    times = [[helpers.gradient_flow(problem, theta0, 1000, helpers.stop_at(loss=level)).t[-1] for level in levels] for theta0 in starts]
    return np.subtract(*times[::-1])


@pytest.mark.parametrize("seed", [0, 1])
def test_the_ratio_of_the_drops_is_what_training_shows(seed):
    problem = Problem(TwoLayer(30, "relu"), data.orthonormal((3, -2, 1)))
    first, second = delays(problem, seed, levels=(4.5, 1), scales=(1e-8, 1e-12))  # the loss falls from 7 to 2 to 0
    assert second / first == pytest.approx(RATIO, rel=0.01)


def test_the_wait_between_the_drops_grows_as_training_shows():
    problem = Problem(helpers.DeepLinear((4, 4, 4)), data.whitened((3, 0.5), dim=4, outputs=4))
    first, second = delays(problem, seed=0, levels=(2.375, 0.0625), scales=(1e-4, 1e-10))  # the loss falls from 4.625 to 0.125 to 0
    assert second - first == pytest.approx(GROWTH, abs=1e-3)


def test_the_saddle_is_one_and_nine_small_neurons_wait_there():
    assert np.flatnonzero(lengths(SADDLE)).tolist() == [0] and np.linalg.norm(PROBLEM.velocity(SADDLE)) < 1e-9
    assert np.flatnonzero(lengths(SMALL)).tolist() == list(range(1, 10)) and lengths(SMALL).max() < 1e-5


@pytest.mark.parametrize("rtol", [1e-3, 1e-8])
def test_neuron_6_leads_by_far_whatever_the_error_of_the_flow(rtol):
    run = helpers.gradient_flow(FROZEN, SMALL, t_end=100, stop=helpers.stop_at(norm=0.01), rtol=rtol)
    others, leader = np.split(np.sort(lengths(run.theta[-1])), [-1])
    assert np.argmax(lengths(run.theta[-1])) == 6 and leader > 6 * others.max()


@pytest.mark.parametrize("length", [0.01, 0.1, 0.3])
def test_training_from_the_saddle_makes_neuron_6_large_first(length):
    run = helpers.gradient_flow(PROBLEM, SADDLE + SMALL, t_end=1)
    waited = lengths(run.theta)[:, 1:]
    assert np.argmax(waited[np.argmax(waited.max(axis=1) > length)]) + 1 == 6


def test_neuron_6_is_not_the_longest_nor_the_nearest_nor_the_fastest_before():
    W, velocity = (PROBLEM.network.weights(vector)[0][1:] for vector in (SMALL, FROZEN.velocity(SMALL)))
    peak = np.deg2rad(123.5)  # the only peak of this residual's NCF
    rates, nearness = np.sum(W * velocity, axis=1) / lengths(SMALL)[1:] ** 2, W @ [np.cos(peak), np.sin(peak)] / lengths(SMALL)[1:]
    leaders = [1 + int(np.argmax(values)) for values in (lengths(SMALL)[1:], nearness, rates)]
    assert leaders == [1, 4, 7] and np.argmin(lengths(SMALL)[1:]) + 1 == 4
    assert np.argmin(np.log(0.01 / lengths(SMALL)[1:]) / rates) + 1 == 7  # nor the first to be large if rates stayed as they are


ONE = {"one point": ([[1, 0.5]], [1]), "one point, the second input": ([[0.2, -1]], [-3]), "the first input as labels": ([[1, 0.5], [0, 1]], [2, 0]),
       "three points": ([[1, 0.5], [2, 0.3], [-1, -1]], [-1, -2, 1]), "a rest that pulls nothing": ([[1, 0.5], [0, 0]], [1, 1]), "just a tenth": ([[1, 0.1]], [1]),
       "nearly a tie": ([[1, 0.999]], [1]), "tiny": ([[1e-150, 0.5e-150]], [1e-200]), "huge": ([[1e300, 0.5e300]], [1e300]),
       "the other one pulled back": ([[1, -0.5], [1, 0]], [0.3, 0.3]), "rounded labels": ([[1 / 3, 0.1], [2 / 3, 0.5]], [0.33333333, 0.66666667])}
BOTH = {"orthogonal": (np.eye(2), [2, 1]), "a rest that pulls": ([[1, 0.3], [0.2, 0.9]], [1, 0.4]), "the input that goes second": ([[1, 2], [0, 1]], [1, 0]),
        "pulled to the other side": ([[1, 0.9], [0, 0.3]], [1, -1.2]), "equals": ([[1, 1]], [1])}


@pytest.mark.parametrize("X, y", ONE.values(), ids=ONE)
def test_every_design_with_one_life_is_accepted(X, y):
    assert judge("4.4", (X, y)) is None
    assert judge("4.4", [np.array(X)[::-1, ::-1].tolist(), np.array(y)[::-1].tolist()]) is None


def lives(X, y, scale=1e-30):
    """When each coefficient of a trained diagonal network comes to life, a hundredth of the larger one at the end, in units of the first: infinite if never."""
    problem, pull = Problem(helpers.Diagonal(), data.Dataset(X, y)), np.abs(np.transpose(X) @ y).max()
    run = helpers.gradient_flow(problem, problem.network.init(2, scale), 10 * -np.log(scale) / pull)
    sizes = np.abs(problem.network.coefficients(run.theta))
    alive = sizes > 0.01 * sizes[-1].max()
    times = np.where(alive.any(axis=0), run.t[np.argmax(alive, axis=0)], np.inf)
    return np.sort(times) / times.min()


@pytest.mark.parametrize("name", ["one point", "one point, the second input", "the first input as labels", "three points", "a rest that pulls nothing", "just a tenth", "the other one pulled back"])
def test_training_such_a_design_brings_one_coefficient_to_life(name):
    assert lives(*ONE[name])[1] == np.inf


@pytest.mark.parametrize("name, delay", [("orthogonal", 2.0), ("a rest that pulls", 3.6), ("the input that goes second", 6.0), ("pulled to the other side", 5.3)])
def test_training_another_brings_the_second_to_life_when_the_check_says(name, delay):
    assert f"{delay:,.1f} times as late" in judge("4.4", BOTH[name])
    assert lives(*BOTH[name])[1] == pytest.approx(delay, rel=0.05)


def test_equal_pulls_bring_both_to_life_at_once():
    assert lives(*BOTH["equals"])[1] == 1 and "together" in judge("4.4", BOTH["equals"])


@pytest.mark.parametrize("exercise, answer, said", [
    ("4.1", 1 / RATIO, "Upside down"), ("4.1", 1.5, "looks at both positive points"), ("4.1", 2 / 3, "and is upside down"), ("4.1", 2, "at right angles"), ("4.1", 2.5, "not its square"),
    ("4.1", 1 + RATIO, "do not wait"), ("4.1", RATIO - 1, "counts from the start"), ("4.1", np.sqrt(14) / 2, "turns its back"), ("4.1", np.sqrt(10), "who comes second"),
    ("4.1", 3, "no step of its own"), ("4.1", 7, "at which points"), ("4.1", 1.6, "at which points"), ("4.1", -RATIO, "at which points"),
    ("4.2", POWERS / 2.5, "difference of these times"), ("4.2", POWERS * 2.5, "not multiplied"), ("4.2", POWERS / 0.5, "the first comes later as well"), ("4.2", POWERS / 3, "comes the first drop"),
    ("4.2", GROWTH / 2, "starts from δ²"), ("4.2", 2 * GROWTH, "Twice too much"), ("4.2", 6 * (2 - 1 / 3), "not of ten"), ("4.2", -GROWTH, "It grows"), ("4.2", 2.5, "That is the factor"),
    ("4.2", np.log(1e10) * (2 - 1 / 3), "whole wait at δ = 1e-10"), ("4.2", np.log(1e4) * (2 - 1 / 3), "whole wait at δ = 1e-4"),
    ("4.2", 1e6, "logarithmic"), ("4.2", 1, "both times for both δ"), ("4.2", 23.2, "both times for both δ"),
    ("4.3", 0, "lives already"), ("4.3", 1, "longest one now"), ("4.3", 4, "shortest of all"), ("4.3", 7, "largest rate now"), ("4.3", 3, "residual of the origin"), ("4.3", 9, "Freeze the residual"),
    ("4.3", 10, "from 0 to 9"), ("4.3", -4, "from 0 to 9"), ("4.3", 6.5, "from 0 to 9"),
    ("4.4", BOTH["orthogonal"], "inputs are orthogonal"), ("4.4", BOTH["a rest that pulls"], "what it leaves of y pulls X[:, 1]"),
    ("4.4", BOTH["the input that goes second"], "X[:, 0] alone would fit y, but X[:, 1] is pulled more"), ("4.4", ([[1, 0.05]], [1]), "Only X[:, 0] is pulled"), ("4.4", (np.eye(2), [0, 1]), "Only X[:, 1]"),
    ("4.4", ([[1, 0.5], [1, 0.5]], [1, -1]), "Nothing is pulled"), ("4.4", ([[1, 0.5]], [0]), "Nothing is pulled"), ("4.4", ([[0, 0]], [1]), "Nothing is pulled"),
    ("4.4", ([[1, 0.5], [0.3333, 0.7]], [1, 0.3334]), "Almost"), ("4.4", ([[1, 0], [0.5e-200, 1e-200]], [0, 1]), "Nothing is pulled")])
def test_a_usual_mistake_is_named(exercise, answer, said):
    assert said in judge(exercise, answer)


@pytest.mark.parametrize("exercise, hint", [("4.1", "The answer is one number, a ratio"), ("4.2", "The answer is one number, a time"), ("4.3", "The answer is the number of one neuron"),
                                            ("4.4", "The answer is a pair")])
@pytest.mark.parametrize("answer", GARBAGE.values(), ids=GARBAGE)
def test_whatever_is_no_answer_is_told_what_an_answer_is(exercise, hint, answer):
    assert judge(exercise, answer).startswith(hint)


@pytest.mark.parametrize("answer", NO_PAIRS.values(), ids=NO_PAIRS)
def test_a_pair_of_the_wrong_form_is_told_the_right_one(answer):
    assert judge("4.4", answer).startswith("The answer is a pair (X, y): X of shape (n, 2)")


@pytest.mark.parametrize("exercise", ["4.1", "4.2", "4.3", "4.4"])
def test_dots_are_unanswered(exercise):
    assert judge(exercise, ...) is UNANSWERED
