"""Exercises: every right answer is accepted in every form, every usual mistake is named, and no answer makes the check fall over."""

from fractions import Fraction

import numpy as np
import pytest

from helpers.exercises import UNANSWERED, directions_data, judge
from helpers.highdim import default_std, early_directions
from helpers.margin import max_margin_directions

Q = 0.7 / 1.3  # (1 − γ)/(1 + γ) for γ = 0.3
STD = np.sqrt(0.1) * 0.32 * 1.1 * np.sqrt(1000) / (4 * np.sqrt(40) * np.sqrt(100 * 1000))  # (4√n·ω√(md)/(α(1+γ)‖x‖))² = 0.1
SHARE = STD / default_std(100, 1000)

POINTS = directions_data()
WEIGHTED = {power: POINTS.X / np.linalg.norm(POINTS.X, axis=1, keepdims=True) ** power for power in (0, 1, 2)}
V, U = max_margin_directions(POINTS.X, POINTS.y, 0.1, width=100)

GARBAGE = {"None": None, "text": "1.29", "bytes": b"1", "NaN": np.nan, "infinity": np.inf, "too large": 10**400, "too small": -(10**400), "no number": [],
           "two numbers": [1, 2], "ragged": [[1], [1, 2]], "a matrix": np.ones((3, 3)), "NaN directions": np.full((2, 400), np.nan),
           "zero directions": np.zeros((2, 400)), "complex": 1j, "True": True, "a dictionary": {}, "a function": print, "two dots": (..., ...)}


def forms(number):
    return [number, np.float64(number), np.float32(number), np.array(number), np.array([number]), [number], Fraction(number)]


@pytest.mark.parametrize("exercise, number", [("1.1", 1 + Q**2), ("1.1", 1.29), ("1.2", SHARE), ("1.2", 1.1 * SHARE), ("1.2", SHARE / 1.1)])
def test_a_right_number_is_accepted_in_every_form(exercise, number):
    assert [judge(exercise, form) for form in forms(number)] == [None] * 7


@pytest.mark.parametrize("pair", [
    (V, U), [V, U], np.array([V, U]), np.array([V, U]).tolist(), (3 * V, 0.01 * U), (1e-250 * V, 1e250 * U), (U, V),
    max_margin_directions(POINTS.X, POINTS.y, 0.1, width=2), early_directions(WEIGHTED[2], POINTS.y, 0.1), np.round([10 * V, 10 * U], 4),
], ids=range(10))
def test_the_right_directions_are_accepted_in_any_length_and_order(pair):
    assert judge("1.3", pair) is None


def test_the_largest_step_that_reaches_the_limit_is_right():
    assert judge("1.4", 0.011) is None


@pytest.mark.parametrize("exercise, mistake, hint", [
    ("1.1", 1, "1 is the stable rank of one sign's neurons alone"),
    ("1.1", 2.0, "2 would need v and u orthogonal"),
    ("1.1", Q**2, "the sum of the squared ratios begins with 1"),
    ("1.1", 1 + Q, "the stable rank adds its square"),
    ("1.1", 1 + Q**2 / 2, "the bottom of the dip"),
    ("1.1", 7.5, "2 × 2 Gram matrix"),
    ("1.2", STD, "divide by the default standard deviation"),
    ("1.2", SHARE / np.sqrt(0.1), "adds 1, not 0.1"),
    ("1.2", SHARE * np.sqrt(0.1), "The correction is a square"),
    ("1.2", SHARE * 10, "the length of one row"),
    ("1.2", 123.0, "Set the square in the one-step formula equal to 0.1"),
    ("1.2", -SHARE, "one positive number"),
    ("1.3", (-V, -U), "the rays are not"),
    ("1.3", (-V, U), "the rays are not"),
    ("1.3", (-U, -V), "the rays are not"),
    ("1.3", early_directions(WEIGHTED[0], POINTS.y, 0.1), "Those are the early directions"),
    ("1.3", early_directions(WEIGHTED[1], POINTS.y, 0.1)[::-1], "You divided by ‖x‖"),
    ("1.3", early_directions(WEIGHTED[2], POINTS.y, -0.1), "The sign before γ"),
    ("1.3", early_directions(WEIGHTED[2], POINTS.y, 0.0), "the leaky side, with slope γ"),
    ("1.3", early_directions(WEIGHTED[2], POINTS.y, 1.0), "the gate is γ, not 1"),
    ("1.3", np.random.default_rng(0).standard_normal((2, 400)), "Start from v = Σ₊ λ_i x_i − γ Σ₋ λ_i x_i"),
    ("1.3", (V, V), "Start from v ="),
    ("1.4", 1e-4, "the data are not fitted yet"),
    ("1.4", 0.009, "so does one that is a quarter larger"),
    ("1.4", 0.013, "random gates decided"),
    ("1.4", 1e6, "Far too large"),
    ("1.4", -0.1, "one positive number"),
])
def test_a_usual_mistake_is_named(exercise, mistake, hint):
    assert hint in judge(exercise, mistake)


@pytest.mark.parametrize("exercise, hint", [("1.1", "The answer is one number"), ("1.2", "The answer is one positive number"),
                                            ("1.3", "The answer is a pair"), ("1.4", "The answer is one positive number")])
@pytest.mark.parametrize("garbage", GARBAGE)
def test_whatever_is_no_answer_is_told_what_an_answer_is(exercise, hint, garbage):
    assert judge(exercise, GARBAGE[garbage]).startswith(hint)


@pytest.mark.parametrize("exercise", ["1.1", "1.2", "1.3", "1.4"])
def test_dots_are_unanswered(exercise):
    assert judge(exercise, ...) is UNANSWERED


@pytest.mark.parametrize("exercise", ["1.0", "", None, 1.1, ["1.1"]])
def test_an_unknown_exercise_is_answered_with_the_list(exercise):
    with pytest.raises(ValueError, match="exercise must be one of '1.1', '1.2', '1.3', '1.4', .*, got"):
        judge(exercise, 1.0)
