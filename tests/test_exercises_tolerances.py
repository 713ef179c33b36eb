"""Just outside of every tolerance: an exercise that asks for numbers refuses one and a half tolerances, and accepts a half."""

import numpy as np
import pytest
from scipy.optimize import brentq
from test_exercises import SHARE
from test_exercises_descent import GROWTH, LATE, STEP
from test_exercises_escape import NEAR_TIE, G
from test_exercises_escape import POINTS as QUADRATIC

from helpers import highdim
from helpers.exercises import _JUDGES, judge
from helpers.exercises.condensation import merge_start

MIDDLE = np.deg2rad(50)  # exercise 3.2: its neighbours are so far from the middle input
LOWEST = np.linalg.eigvalsh(QUADRATIC.X.T @ (QUADRATIC.y[:, None] * QUADRATIC.X))[0]
W, A = merge_start()
MERGED = A @ W


def below_the_limit(step):
    """Exercise 1.4: the stable rank that theory predicts after 1000 such steps, less 0.02 below its limit."""
    setting = highdim.Setting(40, 1000, np.sqrt(1000), 100, 0.1, step, 1e-7)
    return highdim.stable_rank_curve(setting, 1000)[-1] - (1 + (0.9 / 1.1) ** 2 - 0.02)


ETA = brentq(below_the_limit, 0.005, 0.03)

# name: the right number, the tolerance, and whether it is relative to the number
NUMERIC = {
    "1.1": (1 + (0.7 / 1.3) ** 2, 0.005, False),
    "1.2": (SHARE, 0.15, True),
    "1.4": (ETA / np.sqrt(1.25), np.sqrt(1.25) - 1, True),
    "2.1": (2 * np.log(100) / G, 0.005, True),
    "2.2": (1e-3 / np.sqrt(50), 0.02, True),
    "2.3": (2, 0.1, False),
    "2.4": (-LOWEST * 2 / (3 * np.sqrt(3)), 0.005, True),
    "2.5": (NEAR_TIE, 0.1, True),
    "3.1": (-45, 0.5, False),
    "3.2": (4 * np.cos(MIDDLE) * np.sin(MIDDLE) ** 2 - 2 * np.cos(MIDDLE) ** 3, 0.005, False),
    "4.1": (np.sqrt(10) / 2, 0.005, True),
    "4.2": ((2 - 1 / 3) * np.log(1e6), 0.005, True),
    "5.1": (22.5, 0.1, False),
    "5.2": (0.0095, 0.0002, False),
    "6.1": (LATE, 0.1, False),
    "6.2": (GROWTH, 0.03, True),
    "6.3": (STEP, 0.1, True),
}
# Of several numbers each is moved alone; relative tolerances.
SEVERAL = {"3.4": (np.array([8, 4, 2, 1]) / 15, 0.01, range(4)), "5.5": (np.array([*(0.1 * MERGED), 10]), 0.01, [2])}
OTHERS = {"1.3": "a pair (v, u)", "3.3": "a list of indices", "3.5": "a pair (angles", "4.3": "the number of one neuron",
          "4.4": "a pair (X, y)", "5.3": "a pair (X, y)", "5.4": "a direction", "6.4": "a pair (a, b)"}


def moved(name, tolerances):
    """The right answer, so many tolerances off: one for each number of it."""
    if name in NUMERIC:
        right, tolerance, relative = NUMERIC[name]
        return [right + tolerances * tolerance * (right if relative else 1)]
    right, tolerance, which = SEVERAL[name]
    return [right * (1 + tolerances * tolerance * (np.arange(len(right)) == k)) for k in which]


@pytest.mark.parametrize("off", [-0.5, 0, 0.5])
@pytest.mark.parametrize("name", [*NUMERIC, *SEVERAL])
def test_half_a_tolerance_off_is_right(name, off):
    assert [judge(name, answer) for answer in moved(name, off)] == [None] * len(moved(name, off))


@pytest.mark.parametrize("off", [-1.5, 1.5])
@pytest.mark.parametrize("name", [*NUMERIC, *SEVERAL])
def test_one_and_a_half_tolerances_off_is_not(name, off):
    for answer in moved(name, off):
        assert isinstance(judge(name, answer), str)


def test_no_exercise_is_forgotten():
    assert sorted([*NUMERIC, *SEVERAL, *OTHERS]) == sorted(_JUDGES)
    assert {name for name in _JUDGES if judge(name, None).startswith("The answer is one ")} == set(NUMERIC)
    assert all(judge(name, None).startswith(f"The answer is {form}") for name, form in OTHERS.items())
