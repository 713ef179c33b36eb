"""Lesson 6's exercises: every right answer is accepted in every form, every usual mistake is named, and no answer makes the check fall over."""

from fractions import Fraction

import numpy as np
import pytest

import helpers
from helpers import balanced, curvature, data
from helpers.exercises import UNANSWERED, judge, tracked
from helpers.problem import Problem

LATE = 1.5 * np.log(100)
GROWTH = 1e4**0.75

PROBLEM, START, T_END = tracked()
FLOW = helpers.gradient_flow(PROBLEM, START, T_END, rtol=1e-9)
MET = curvature.along(PROBLEM, FLOW)
HYPERBOLA = Problem(helpers.DeepLinear((1, 1, 1)), data.Dataset([[1.0]], [1.0]))  # ½(ab − 1)²

GARBAGE = {"None": None, "text": "1.58", "bytes": b"1", "NaN": np.nan, "infinity": np.inf, "too large": 10**400, "ragged": [[1], [1, 2]], "a cube": np.ones((3, 3, 3)),
           "complex": 1j, "True": True, "no number": [], "a dictionary": {}, "a function": print, "two dots": (..., ...)}
NO_PAIRS = {"one number": 6, "one in a list": [6], "three": (6, 0.1, 1), "a row": [[6, 0.1]], "a NaN": (6, np.nan), "an infinite one": (np.inf, 0), "too large": (1001, 1e-4), "too large to hold": (10**400, 1)}


def distances(step):
    """How far gradient descent with this step is from the flow of exercise 6.3, at each of its steps."""
    return curvature.gap(PROBLEM, FLOW, helpers.gradient_descent(PROBLEM, START, step, int(T_END / step))).distance


STEP = 0.01 / (distances(0.001).max() / 0.001)  # the first order decides


def forms(number):
    return [number, np.float64(number), np.array(number), np.array([number]), [number], Fraction(number)]


@pytest.mark.parametrize("exercise, number", [("6.1", LATE), ("6.1", 6.9), ("6.1", 7), ("6.1", 7.0), ("6.2", GROWTH), ("6.2", 1e3), ("6.2", 981.1), ("6.3", STEP),
                                              ("6.3", 1.08 * STEP), ("6.3", 0.92 * STEP)])
def test_a_right_number_is_accepted_in_every_form(exercise, number):
    assert [judge(exercise, form) for form in forms(number)] == [None] * 6


@pytest.mark.parametrize("step, error", [(20, 0.05), (2, 0.005)])
def test_gradient_descent_is_as_many_steps_late_as_asked_whatever_the_step(step, error):
    chain, ray = Problem(helpers.DeepLinear((1, 1, 1, 1, 1)), data.Dataset([[1.0]], [1.0])), np.ones(4) / 2
    speeds = [chain.velocity(norm * ray) @ ray / norm**3 for norm in (0.001, 0.1)]
    assert speeds == pytest.approx([0.25, 0.25], rel=1e-4)  # so ‖θ‖̇ = ‖θ‖³/4 up to 0.1, and the flow is there at 2(1/δ² − 1/0.1²)
    norm, steps = 0.001, 0
    while norm < 0.1:
        before, norm, steps = norm, norm + step * norm**3 / 4, steps + 1
    descent = steps - 1 + (0.1 - before) / (norm - before)
    assert descent - 2 * (0.001**-2 - 0.1**-2) / step == pytest.approx(LATE, abs=error)


@pytest.mark.parametrize("cosine", [1, 0, -0.9])
@pytest.mark.parametrize("width", [2, 3])
def test_the_amplification_grows_as_asked(width, cosine):
    network, target = helpers.DeepLinear((2, width, width, width, 1)), np.array([1.0, 0.0])
    problem, direction = Problem(network, data.Dataset(np.eye(2), target)), np.array([[cosine, np.sqrt(1 - cosine**2)]])
    runs = [helpers.gradient_flow(problem, balanced.factors(network, size * direction), 1e9, helpers.stop_at(loss=1e-10), stiff=True) for size in (1e-5, 1e-9)]
    first, second = (curvature.along(problem, run, points=400).amplification[-1] for run in runs)
    assert second / first == pytest.approx(GROWTH, rel=0.025)


def test_the_distance_is_proportional_to_the_step_and_the_step_accepted_the_largest():
    assert distances(STEP).max() == pytest.approx(0.01, rel=0.01)
    assert distances(0.5 * STEP).max() == pytest.approx(0.005, rel=0.01)
    assert all(distances(larger).max() > 0.011 for larger in STEP * np.geomspace(1.2, 100, 30))
    assert judge("6.3", 1.13 * STEP) and judge("6.3", 0.87 * STEP)


def test_what_is_mistaken_for_the_largest_step_is_far_from_it():
    at_the_end = 0.01 / (distances(0.001)[-1] / 0.001)
    mistaken = [MET.largest_step(0.01, form="paper"), MET.largest_step(0.01, form="sharp"), at_the_end, 2 / MET.highest.max()]
    assert mistaken[0] < mistaken[1] / 2 < STEP / 20 and 5 * STEP < mistaken[2] < mistaken[3] / 5


UNSTABLE = {"far out": (6, 0.1), "the other one": (0.1, 6), "negative": (-6, -0.1), "an array": np.array([5, 0.12]), "fractions": (Fraction(6), Fraction(1, 9)), "a list": [30, 0.02],
            "at the edge of negative curvature": (6, 1 / 18), "almost at rest": (6, 0.166666), "the largest": (1000, 5e-4), "hops and settles": (4.9, 0.1), "hops and settles, from near rest": (4.8, 0.2083332)}


def seen(start):
    """The lowest curvature along the flow, and the largest distance of gradient descent with step 0.1 from it."""
    flow, (a, b), farthest = helpers.gradient_flow(HYPERBOLA, start, 30, stiff=True), start, 0
    for there in flow.at(np.arange(1, 301) * 0.1):
        a, b = a - 0.1 * (a * b - 1) * b, b - 0.1 * (a * b - 1) * a
        farthest = max(farthest, np.hypot(*(there - (a, b))))
        if farthest > 100:
            break
    return helpers.hessian_extremes(HYPERBOLA, flow.theta)[:, 0].min(), farthest


@pytest.mark.parametrize("start", UNSTABLE.values(), ids=UNSTABLE)
def test_every_design_with_an_unstable_step_alone_is_accepted(start):
    lowest, farthest = seen(np.array(start, dtype=float))
    assert lowest > -1e-6 and farthest > 0.5
    with np.errstate(over="raise", invalid="raise"):  # or the reader sees a warning
        assert judge("6.4", start) is None


def test_the_check_says_of_any_start_what_training_shows():
    random = np.random.default_rng(0)
    starts = [(size, product / size) for size, product in zip(random.uniform(0.3, 8, 60), random.uniform(-0.1, 1.2, 60), strict=True)]
    shown = [lowest > -1e-6 and farthest > 0.5 for lowest, farthest in map(seen, starts)]
    assert [judge("6.4", start) is None for start in starts] == shown
    assert 8 < sum(shown) < 52


def test_no_stable_step_gets_far_without_negative_curvature():
    starts = [(size, product / size) for size in np.linspace(0.6, 4.4, 12) for product in (0.34, 0.6, 0.99)]
    assert max(seen(start)[1] for start in starts if 0.1 * np.hypot(*start) ** 2 < 1.95) < 0.2


@pytest.mark.parametrize("exercise, answer, said", [
    ("6.1", 0.02 * LATE, "lag as a time"), ("6.1", LATE / 0.02, "η cancels"), ("6.1", 2 * LATE, "Twice too many"), ("6.1", 2 * np.log(100), "½·L"), ("6.1", np.log(100), "½·(L − 2)"),
    ("6.1", np.log(10), "That is L = 2"), ("6.1", 1.5 * np.log(10), "one decade"), ("6.1", 3, "not of ten"), ("6.1", -LATE, "It is late"), ("6.1", 6, "speed on a ray"), ("6.1", 100, "speed on a ray"),
    ("6.2", 1e-3, "Upside down"), ("6.2", np.log(1000), "added to the integral"), ("6.2", 1e4, "not 1"), ("6.2", 100, "*time* of the plateau"), ("6.2", 10, "ratio of the norms"),
    ("6.2", 1e4 ** (3 / 16), "belongs to ρ0"), ("6.2", 1e4 ** (2 / 3), "three layers"), ("6.2", 1e4**0.8, "four"), ("6.2", 1e4 ** (4 / 3), "Upside down: the exponent"), ("6.2", 1e12, "belongs to 1/δ"),
    ("6.2", 1e9**0.75, "from 1e-9, up to"), ("6.2", 1e5**0.75, "from 1e-5, up to"), ("6.2", 900, "e to it"), ("6.2", 0, "e to it"),
    ("6.3", MET.largest_step(0.01), "the paper's form"), ("6.3", MET.largest_step(0.01, form="sharp"), "the sharp bound"), ("6.3", 2 / MET.highest.max(), "2/λ_max"),
    ("6.3", 0.01 / (distances(0.001)[-1] / 0.001), "At the end"), ("6.3", 0.01, "the largest distance is 0.0461"), ("6.3", 1e-3, "far too small"), ("6.3", 1e-300, "far too small"), ("6.3", 0.3, "altogether"), ("6.3", 1e9, "altogether"),
    ("6.3", 0, "one positive number"), ("6.3", -STEP, "one positive number"), ("6.3", [STEP, STEP], "one positive number"),
    ("6.4", (0.01, 0.01), "as it does near zero: λ_min = -1 there"), ("6.4", (6, 0.05), "negative curvature, as it does"), ("6.4", (0, 0), "negative curvature, as it does"), ("6.4", (6, -0.1), "negative curvature, as it does"),
    ("6.4", (2, 2), "Beyond the minimum"), ("6.4", (6, 0.2), "Beyond the minimum"), ("6.4", (5, 0.2), "That is a minimum"), ("6.4", (0.8, 0.8), "below 2 it settles"),
    ("6.4", (4.4, 0.08), "below 2 it settles"), ("6.4", (4.6, 0.15), "Nearly: η·λ_max = 2.12"), ("6.4", (4.55, 0.21978), "Nearly: η·λ_max = 2.0")])
def test_a_usual_mistake_is_named(exercise, answer, said):
    assert said in judge(exercise, answer)


@pytest.mark.parametrize("exercise, hint", [("6.1", "The answer is one number, of steps"), ("6.2", "The answer is one number, a factor"), ("6.3", "The answer is one positive number"),
                                            ("6.4", "The answer is a pair (a, b)")])
@pytest.mark.parametrize("answer", GARBAGE.values(), ids=GARBAGE)
def test_whatever_is_no_answer_is_told_what_an_answer_is(exercise, hint, answer):
    assert judge(exercise, answer).startswith(hint)


@pytest.mark.parametrize("answer", NO_PAIRS.values(), ids=NO_PAIRS)
def test_a_pair_of_the_wrong_form_is_told_the_right_one(answer):
    assert judge("6.4", answer).startswith("The answer is a pair (a, b) of numbers")


@pytest.mark.parametrize("exercise", ["6.1", "6.2", "6.3", "6.4"])
def test_dots_are_unanswered(exercise):
    assert judge(exercise, ...) is UNANSWERED
