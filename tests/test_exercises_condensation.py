"""Lesson 5's exercises: every right answer is accepted in every form, every usual mistake is named, and no answer makes the check fall over."""

from fractions import Fraction

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

import helpers
from helpers import data, lines
from helpers.exercises import UNANSWERED, judge, merge_start, signs_data
from helpers.networks import TwoLayer
from helpers.problem import Problem

G = signs_data().y @ np.column_stack([signs_data().X, np.ones(12)])
W, A = merge_start()
SUM = A @ W

GARBAGE = {"None": None, "text": "22.5", "bytes": b"1", "NaN": np.nan, "infinity": np.inf, "too large": 10**400, "ragged": [[1], [1, 2]], "a cube": np.ones((3, 3, 3)),
           "complex": 1j, "a dictionary": {}, "a function": print, "two dots": (..., ...)}


def corners(seed):
    """The tetrahedron, turned, as points of the plane: those whose last coordinate is negative on the other side, with the other label."""
    T = data.tetrahedron().X @ Rotation.random(random_state=seed).as_matrix()
    return T[:, :2] / T[:, 2:], T[:, 2] ** 3


def forms(number):
    return [number, np.float64(number), np.array(number), np.array([number]), [number], Fraction(number)]


@pytest.mark.parametrize("exercise, number", [("5.1", 22.5), ("5.1", -157.5), ("5.1", 202.5), ("5.2", 0.0095), ("5.2", 0.00951)])
def test_a_right_number_is_accepted_in_every_form(exercise, number):
    assert [judge(exercise, form) for form in forms(number)] == [None] * 6


def test_the_line_is_the_only_one_that_attracts_neurons_which_grow():
    found = lines.attracting_lines(Problem(TwoLayer(1, "z**2", bias=True), data.Dataset([[0.0], [1], [2]], [1.0, -1, 1])))
    assert len(found.lines) == 1 and np.rad2deg(np.arctan2(*found.lines[0].direction[::-1])) % 180 == pytest.approx(22.5)


def test_the_later_angle_is_what_training_shows():
    problem = Problem(TwoLayer(50, "tanh", bias=True), data.sum_of_sines())
    theta0, g = problem.network.init(5, 1e-6, seed=0), problem.z @ np.column_stack([problem.data.X, np.ones(80)])
    medians = []
    for norm in (0.001, 0.01):
        run = helpers.gradient_flow(problem.rescaled(), theta0, 100, helpers.stop_at(norm=norm))
        cosines = helpers.directions(problem.network.weights(run.theta[-1])[0]) @ g / np.linalg.norm(g)
        medians.append(np.median(np.arccos(np.minimum(np.abs(cosines), 1))))
    assert medians[1] / medians[0] == pytest.approx(0.1, rel=0.02)


@pytest.mark.parametrize("seed", range(5))
def test_a_turned_tetrahedron_has_four_lines(seed):
    X, y = corners(seed)
    assert judge("5.3", (X, y)) is None
    assert judge("5.3", [X[::-1].tolist(), (5 * y[::-1]).tolist()]) is None


def test_three_of_its_corners_are_not_enough():
    X, y = corners(0)
    assert judge("5.3", (X[:3], y[:3])).startswith("That has 3 attracting lines")


@pytest.mark.parametrize("scale", [1, -1, 1e-3, 1e200])
def test_the_sign_vector_is_accepted_at_any_length_and_either_end(scale):
    assert judge("5.4", scale * np.sign(G)) is None


def test_adam_goes_to_the_sign_vector_and_the_flow_to_the_gradient():
    problem = Problem(TwoLayer(30, "tanh", bias=True), signs_data())
    theta0 = problem.network.init(2, 1e-6, seed=0)
    early = helpers.train(problem, theta0, "adam", step=1e-3, steps=5).theta[-1]
    cosines = helpers.directions(problem.network.weights(early)[0]) @ np.sign(G) / np.sqrt(3)
    assert np.mean(np.abs(cosines) > 0.99) > 0.9 and abs(G @ np.sign(G)) / np.linalg.norm(G) / np.sqrt(3) < 0.97


@pytest.mark.parametrize("size", [0.1, 1, -1, 3])
def test_any_neuron_with_the_same_outputs_is_accepted(size):
    unit = SUM / np.linalg.norm(SUM)
    w, b = 0.03 * size * unit
    assert judge("5.5", (w, b, np.linalg.norm(SUM) / (0.03 * size))) is None


@pytest.mark.parametrize("exercise, answer, said", [
    ("5.1", 112.5, "other eigenvector"), ("5.1", 67.5, "in this order"), ("5.1", np.pi / 8, "radians"), ("5.1", 45, "2φ"), ("5.1", 10, "top eigenvector"),
    ("5.2", 0.095, "goes on shrinking"), ("5.2", 0.03004, "stopping at √δ"), ("5.2", 0.00095, "grows tenfold"), ("5.2", 0.95, "It shrinks"), ("5.2", 0.5, "which of the two"),
    ("5.3", ([[0.0, 0], [1, 0], [0, 1]], [1, 1, 1]), "Four are needed"), ("5.3", ([[0.0, 0]], [1]), "has 1 attracting line."), ("5.3", (np.zeros((7, 2)), np.ones(7)), "at most six"),
    ("5.3", ([[1e8, 0.0]], [1]), "beyond a million"),
    ("5.4", G, "That is g"), ("5.4", np.append(np.sign(G[:2]), 0), "bias moves too"), ("5.4", [1, 2, 3], "± the step size"), ("5.4", [0, 0, 0], "not all zero"),
    ("5.5", (*(0.03 * SUM / np.linalg.norm(SUM)), -np.linalg.norm(SUM) / 0.03), "sign of a"), ("5.5", (*(0.03 * SUM / np.linalg.norm(SUM)), np.linalg.norm(SUM) / 0.03 / 8), "is their sum"),
    ("5.5", (*W.sum(axis=0), A.sum()), "cancels"), ("5.5", (1, 1, 1), "To first order")])
def test_a_usual_mistake_is_named(exercise, answer, said):
    assert said in judge(exercise, answer)


@pytest.mark.parametrize("exercise", ["5.1", "5.2", "5.3", "5.4", "5.5"])
@pytest.mark.parametrize("answer", GARBAGE.values(), ids=GARBAGE)
def test_no_answer_makes_the_check_fall_over(exercise, answer):
    said = judge(exercise, answer)
    assert isinstance(said, str) and said


@pytest.mark.parametrize("exercise", ["5.1", "5.2", "5.3", "5.4", "5.5"])
def test_the_dots_of_the_stub_are_unanswered(exercise):
    assert judge(exercise, ...) is UNANSWERED
