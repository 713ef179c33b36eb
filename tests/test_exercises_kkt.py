"""Lesson 3's exercises: every right answer is accepted in every form, every usual mistake is named, and no answer makes the check fall over."""

from fractions import Fraction

import numpy as np
import pytest

from helpers import data, ncf
from helpers.exercises import UNANSWERED, fates_start, judge
from helpers.networks import TwoLayer
from helpers.problem import Problem

C, S = np.cos(np.deg2rad(50)), np.sin(np.deg2rad(50))
MERGER = 4 * C * S**2 - 2 * C**3
W, A = fates_start()
W2 = np.sum(W**2, axis=1)
FROZEN = np.flatnonzero((A > 0) & (W2 < 2 * A**2))
SHARES = np.array([8, 4, 2, 1]) / 15

GARBAGE = {"None": None, "text": "-45", "bytes": b"1", "NaN": np.nan, "infinity": np.inf, "too large": 10**400, "ragged": [[1], [1, 2]], "a matrix": np.ones((3, 3)),
           "complex": 1j, "a dictionary": {}, "a function": print, "two dots": (..., ...)}


def forms(number):
    return [number, np.float64(number), np.float32(number), np.array(number), np.array([number]), [number], Fraction(number)]


@pytest.mark.parametrize("exercise, number", [("3.1", -45), ("3.1", 315), ("3.1", -45.2), ("3.2", MERGER), ("3.2", round(MERGER, 3))])
def test_a_right_number_is_accepted_in_every_form(exercise, number):
    assert [judge(exercise, form) for form in forms(number)] == [None] * 7


def test_the_computed_label_is_where_places_merge():
    def count(v):
        return len(ncf.critical_directions(Problem(TwoLayer(1, "z**3"), data.spokes((0, 50, 100), (1, v, 1)))))
    assert count(MERGER - 1e-4) == 6 and count(MERGER + 1e-4) == 2


@pytest.mark.parametrize("indices", [FROZEN, FROZEN[::-1], FROZEN.tolist(), tuple(FROZEN), set(FROZEN.tolist()), FROZEN.astype(float), (A > 0) & (W2 < 2 * A**2),
                                     ((A > 0) & (W2 < 2 * A**2)).tolist()], ids=range(8))
def test_the_right_neurons_are_accepted_in_any_order_and_form(indices):
    assert judge("3.3", indices) is None


@pytest.mark.parametrize("shares", [SHARES, SHARES.tolist(), tuple(SHARES), 100 * SHARES, np.round(SHARES, 3), [Fraction(k, 15) for k in (8, 4, 2, 1)]], ids=range(6))
def test_the_right_shares_are_accepted(shares):
    assert judge("3.4", shares) is None


@pytest.mark.parametrize("trap", [((0, 45, 120, 165, 240, 285), (1, -1, 1, -1, 1, -1)), ([165, 240, 0, 45, 120, 285], [-1, 1, 1, -1, 1, -1]),
                                  (np.array([10, 55, 130, 175, 250, 295]), np.array([2, -2, 2, -2, 2, -2])),
                                  ((240, 165, 90, 75), (2.5, -1, 3, -0.5))], ids=range(4))
def test_every_trap_that_works_is_accepted(trap):
    assert judge("3.5", trap) is None


@pytest.mark.parametrize("exercise, mistake, hint", [
    ("3.1", 0, "At 0° the second point is active"),
    ("3.1", np.rad2deg(np.arctan2(-2 * np.sqrt(0.5), 1 - 2 * np.sqrt(0.5))), "the gradient x₁ − 2x₂"),
    ("3.1", 135, "the side is not"),
    ("3.1", 45, "the second input itself"),
    ("3.1", -90, "Somebody pulls back earlier"),
    ("3.1", -20, "where it starts"),
    ("3.1", -np.pi / 4, "Right in radians"),
    ("3.1", 77, "Follow the gradient"),
    ("3.2", 1.25, "section 3's"),
    ("3.2", -2 * C**3, "changes its sign"),
    ("3.2", -MERGER, "a positive v has to undo that"),
    ("3.2", MERGER / 2, "Both outer points"),
    ("3.2", 4 * C * S**2, "a second term"),
    ("3.2", 4 * C * S**2 + 2 * C**3, "The sign of the second term"),
    ("3.2", 7, "second derivative of F at 50°"),
    ("3.3", np.flatnonzero((A > 0) & (W2 < A**2)), "with p = 2"),
    ("3.3", np.flatnonzero(W2 < 2 * A**2), "a neuron with a < 0 grows"),
    ("3.3", np.flatnonzero(A > 0), "change the sign of a and leave"),
    ("3.3", np.flatnonzero((A > 0) & (W2 > 2 * A**2)), "The other way round"),
    ("3.3", np.flatnonzero((A < 0) & (W2 < 2 * A**2)), "F < 0 here"),
    ("3.3", np.flatnonzero((A > 0) & (2 * W2 < A**2)), "p goes with a²"),
    ("3.3", [0], "Freezing takes two things"),
    ("3.4", SHARES[::-1], "The order"),
    ("3.4", [0.25] * 4, "belong to p = 1"),
    ("3.4", [8, 4, 2, 1], "Those are the degrees"),
    ("3.4", np.sqrt(SHARES), "Those are the lengths"),
    ("3.4", np.array([27, 9, 3, 1]) / 40, "That is p = 3"),
    ("3.4", [0.4, 0.3, 0.2, 0.1], "Degrees multiply"),
    ("3.4", [0.9, 0.05, 0.03, 0.02], "divide by their sum L"),
    ("3.5", ((0, 60, 120), (1, -0.75, 1)), "There is a place between kinks, at 60.0°"),
    ("3.5", ((0, 60), (1, -1)), "there is only one"),
    ("3.5", ((0, 60, 120), (1, -1.5, 1)), "there are only two"),
    ("3.5", ((0,), (-1,)), "there is none"),
])
def test_a_usual_mistake_is_named(exercise, mistake, hint):
    assert hint in judge(exercise, mistake)


@pytest.mark.parametrize("exercise, hint", [("3.1", "The answer is one angle"), ("3.2", "The answer is one number"), ("3.3", "The answer is a list of indices"),
                                            ("3.4", "The answer is four positive numbers"), ("3.5", "The answer is a pair")])
@pytest.mark.parametrize("garbage", GARBAGE)
def test_whatever_is_no_answer_is_told_what_an_answer_is(exercise, hint, garbage):
    assert judge(exercise, GARBAGE[garbage]).startswith(hint)


@pytest.mark.parametrize("exercise", ["3.1", "3.2", "3.3", "3.4", "3.5"])
def test_dots_are_unanswered(exercise):
    assert judge(exercise, ...) is UNANSWERED
