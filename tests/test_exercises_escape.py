"""Lesson 2's exercises: every right answer is accepted in every form, every usual mistake is named, and no answer makes the check fall over."""

import numpy as np
import pytest
from scipy.optimize import brentq
from test_exercises import GARBAGE, forms

import helpers
from helpers import ncf, predict
from helpers.exercises import UNANSWERED, judge, mystery, quadratic_data

G = np.linalg.norm(helpers.data.spokes().y @ helpers.data.spokes().X)
RACE = helpers.Problem(helpers.TwoLayer(20, "x*tanh(x)"), helpers.data.spokes())
POINTS = quadratic_data()
LOW, HIGH = np.linalg.eigvalsh(POINTS.X.T @ (POINTS.y[:, None] * POINTS.X))
SHARE = 2 / (3 * np.sqrt(3))


def missing(exponent):
    """What the forecast's winner from δ = 10^exponent lacks to 99 % of ‖θ‖² at the escape."""
    ahead = predict.forecast(RACE, RACE.network.init(2, 10**exponent, seed=0))
    lengths = ahead.lengths([ahead.escape_time(0.15)])[0]
    return 0.99 - lengths.max() ** 2 / np.sum(lengths**2)


NEAR_TIE = 10 ** brentq(missing, -5, -1)
EXERCISES = {"2.1": "The answer is one number", "2.2": "The answer is one positive number", "2.3": "The answer is one whole number",
             "2.4": "The answer is one number", "2.5": "The answer is one number, a scale"}


@pytest.mark.parametrize("exercise, number", [
    ("2.1", 2 * np.log(100) / G), ("2.1", np.log(1e4) / G), ("2.2", 1e-3 / np.sqrt(50)), ("2.2", 1.4e-4), ("2.3", 2), ("2.3", 1.97), ("2.4", -LOW * SHARE),
    ("2.5", NEAR_TIE), ("2.5", 1.09 * NEAR_TIE), ("2.5", NEAR_TIE / 1.09)])
def test_a_right_number_is_accepted_in_every_form(exercise, number):
    assert [judge(exercise, form) for form in forms(number)] == [None] * 7


def test_the_longer_plateau_is_what_training_takes():
    task = helpers.Problem(helpers.TwoLayer(20, "tanh"), helpers.data.spokes(), "logistic")
    first, second = (helpers.escape_time(task, task.network.init(2, scale, seed=0)) for scale in (1e-4, 1e-6))
    assert judge("2.1", second - first) is None


def test_the_smaller_scale_takes_fifty_times_as_long():
    task = helpers.Problem(helpers.TwoLayer(20, "x**2*tanh(x)"), helpers.data.spokes())
    first, second = (helpers.escape_time(task, task.network.init(2, scale, seed=0)) for scale in (1e-3, 1e-3 / np.sqrt(50)))
    assert second / first == pytest.approx(50, rel=1e-3)


def test_the_mystery_tells_its_multiplicity_to_who_measures_at_two_small_scales():
    assert judge("2.3", 1 + np.log10(mystery(1e-6) / mystery(1e-5))) is None


def test_the_mystery_misleads_who_measures_at_large_scales():
    assert "From the larger scales" in judge("2.3", round(1 + np.log10(mystery(1e-2) / mystery(1e-1))))


def test_the_largest_correlation_is_that_of_the_best_kkt_point():
    ahead = ncf.critical_directions(helpers.Problem(helpers.TwoLayer(1, "z**2"), POINTS))
    best = max(ahead, key=lambda critical: abs(critical.value))
    assert best.kind == "negative" and judge("2.4", abs(best.value) * SHARE) is None


def test_training_from_the_near_tie_gives_the_winner_its_share():
    start = RACE.network.init(2, NEAR_TIE, seed=0)
    W, a = RACE.network.weights(helpers.gradient_flow(RACE.rescaled(), start, t_end=100, stop=helpers.stop_at(norm=0.15)).theta[-1])
    lengths = np.hypot(np.linalg.norm(W, axis=1), a)
    assert lengths.max() ** 2 / np.sum(lengths**2) == pytest.approx(0.99, abs=1e-3)


@pytest.mark.parametrize("exercise, mistake, hint", [
    ("2.1", np.log(100) / G, "That is the square loss, or one power of ten only"),
    ("2.1", 2 * np.log(10) / G, "That is the square loss, or one power of ten only"),
    ("2.1", np.log(10) / G, "That is a quarter of it"),
    ("2.1", np.log(100) / (2 * G), "That is a quarter of it"),
    ("2.1", 4 * np.log(100) / G, "you divided by N*"),
    ("2.1", 4 / G, "powers of ten, not of e"),
    ("2.1", 12 * np.log(100) / G, "not their mean"),
    ("2.1", 100, "a time, not a factor"),
    ("2.1", 2, "a time, not a factor"),
    ("2.1", -1, "T grows by ln(100)/(2N*)"),
    ("2.2", 1e-3 / 50, "right for x·tanh(x)"),
    ("2.2", 1e-3 * np.sqrt(50), "A larger scale escapes sooner"),
    ("2.2", 1e-3 / 50 ** (1 / 3), "L = p + 1 = 4"),
    ("2.2", 1e-3 / 50 ** (1 / 4), "The exponent is L − 2, not L"),
    ("2.2", 1 / np.sqrt(50), "the ratio of the two scales; the answer"),
    ("2.2", np.sqrt(50), "upside down; the answer"),
    ("2.2", 1.0, "Solve (δ/0.001)^{−(L−2)} = 50"),
    ("2.2", -1e-3, "one positive number"),
    ("2.3", 3, "From the larger scales it looks like 3"),
    ("2.3", 3.04, "From the larger scales it looks like 3"),
    ("2.3", 4, "the degree looks like 4"),
    ("2.3", 1, "That is the exponent of δ"),
    ("2.3", 10.02, "10 is the factor between two scales"),
    ("2.3", 5, "Divide the times at two scales"),
    ("2.3", 2.5, "Divide the times at two scales"),
    ("2.3", 1e300, "Divide the times at two scales"),
    ("2.4", HIGH * SHARE, "the best neuron with a > 0"),
    ("2.4", LOW * SHARE, "The value of N is positive"),
    ("2.4", -LOW, "That is F at the best direction"),
    ("2.4", HIGH, "That is the largest eigenvalue"),
    ("2.4", LOW, "That is the eigenvalue itself"),
    ("2.4", -LOW / np.sqrt(8), "a² : ‖w‖² = 1 : 2"),
    ("2.4", 100, "N* = max |μ|"),
    ("2.5", 1.3 * NEAR_TIE, "the scale must be smaller"),
    ("2.5", NEAR_TIE / 1.3, "the scale must be larger"),
    ("2.5", 0.0999, "the scale must be smaller"),
    ("2.5", 1e-8, "the scale must be larger"),
    ("2.5", 0.1, "a scale between 1e-9 and 0.1"),
    ("2.5", 0, "a scale between 1e-9 and 0.1"),
    ("2.5", -NEAR_TIE, "a scale between 1e-9 and 0.1"),
])
def test_a_usual_mistake_is_named(exercise, mistake, hint):
    assert hint in judge(exercise, mistake)


@pytest.mark.parametrize("garbage", GARBAGE)
@pytest.mark.parametrize("exercise", EXERCISES)
def test_whatever_is_no_answer_is_told_what_an_answer_is(exercise, garbage):
    assert judge(exercise, GARBAGE[garbage]).startswith(EXERCISES[exercise])


@pytest.mark.parametrize("exercise", EXERCISES)
def test_dots_are_unanswered(exercise):
    assert judge(exercise, ...) is UNANSWERED
