"""Lesson 5's exercises."""

import math

import numpy as np

from helpers import data, lines
from helpers.exercises.answers import close_to, number
from helpers.networks import TwoLayer
from helpers.problem import Problem


def _line_of_three(answer):
    """5.1: the only line that attracts growing neurons, p = 2, x = 0, 1, 2 with labels 1, −1, 1 and a bias: 22.5° from the axis of w, either direction of it."""
    value = number(answer)
    if value is None:
        return "The answer is one angle in degrees, measured from the axis of w to that of b."
    turned = value % 180
    if abs(turned - 22.5) < 0.1:
        return None
    if abs(value - math.pi / 8) < 0.002:
        return "Right in radians; the answer is asked for in degrees."
    return next((message for wrong, message in (
        (112.5, "That is the other eigenvector. Its eigenvalue is positive too: an a < 0 there has a F < 0, an a > 0 is not attracted."),
        (67.5, "The eigenvector is (w, b), in this order; you have measured from the axis of b."),
        (45.0, "tan 2φ = 2M₁₂/(M₁₁ − M₂₂); that is 2φ.")) if abs(turned - wrong) < 0.1),
        "Write down M = Σ y_i x_i x_iᵀ with x_i = (x, 1), and take its top eigenvector.")


def _later_angle(answer):
    """5.2: an angle of 0.095° at ‖θ‖ = 0.001 from δ = 1e-6, p = 1, when ‖θ‖ = 0.01: a tenth."""
    value = number(answer)
    if value is None:
        return "The answer is one angle in degrees."
    if abs(value - 0.0095) < 0.0002:
        return None
    return close_to(value, (
        (0.095, "The angle goes on shrinking as long as the residual is frozen: w grows along the line, and w across it stays."),
        (0.095 / math.sqrt(10), "The ½ in δ^½ comes from stopping at √δ. The angle goes like (start/length) to the power κ = 1."),
        (0.095 / 100, "From 0.001 to 0.01 the length grows tenfold, and κ = 1."),
        (0.95, "It shrinks.")), 0.01) or "tan of the angle is ‖w_⊥‖/|w_∥|: which of the two changes, and by how much?"


def _four_lines(answer):
    """5.3: inputs in the plane and labels, at most six, for which z³ with a bias has four or more attracting lines; judged by finding them."""
    wrong_form = "The answer is a pair (X, y): X of shape (n, 2), y of shape (n,), n at most six, all numbers finite and labels not all zero."
    try:
        X, y = (np.asarray(part, dtype=float) for part in answer)
    except (TypeError, ValueError, OverflowError):
        return wrong_form
    if X.ndim != 2 or X.shape[1:] != (2,) or y.shape != X.shape[:1] or not 1 <= len(y) <= 6 or not (np.isfinite(X).all() and np.isfinite(y).all() and y.any()):
        return wrong_form
    if max(np.abs(X).max(), np.abs(y).max()) > 1e6:
        return "Numbers beyond a million drown the others in rounding; scale them down."
    found = lines.attracting_lines(Problem(TwoLayer(1, "z**3", bias=True), data.Dataset(X, y)), starts=400)
    if any(not line.isolated for line in found.lines):
        return "The places are not isolated there: F does not change along a curve. Move a point a little."
    count = len(found.lines)
    return None if count >= 4 else f"That has {count} attracting line{'s' if count != 1 else ''}. Four are needed: four directions (x, 1) that keep out of each other's way."


def signs_data():
    """The data of exercise 5.4: 12 points with two inputs."""
    random = np.random.default_rng(7)
    X = random.uniform(-2, 1, (12, 2))
    return data.Dataset(X, np.sin(2 * X[:, 0]) - X[:, 1] + 0.5)


def _sign_vector(answer):
    """5.4: the direction (w, b), up to length and sign, to which Adam's first steps bring tanh neurons from a tiny start: the signs of Σ y_i (x_i, 1)."""
    wrong_form = "The answer is a direction (w_1, w_2, b): three numbers, not all zero."
    try:
        u = np.asarray(answer, dtype=float)
    except (TypeError, ValueError, OverflowError):
        return wrong_form
    if u.shape != (3,) or not np.isfinite(u).all() or not u.any():
        return wrong_form
    u, task = u / np.abs(u).max(), signs_data()
    u = u / np.linalg.norm(u)
    g = task.y @ np.column_stack([task.X, np.ones(task.n)])

    def along(v):
        return abs(u @ v) / np.linalg.norm(v) > 0.9999

    if along(np.sign(g)):
        return None
    if along(g):
        return "That is g, where the gradient flow goes. Adam divides every component by its own size."
    if along(np.sign(np.append(g[:2], 0))) or along(np.append(np.sign(g[:2]), 0)):
        return "The bias moves too, and as fast as the others."
    if along(np.sign(np.column_stack([task.X, np.ones(task.n)]).sum(axis=0))):
        return "The labels count: the gradient is a · Σ y_i (x_i, 1)."
    return "After the first step each weight has moved by ± the step size. Which sign, for which component?"


def merge_start():
    """The neurons of exercise 5.5: W (8, 2), weight and bias, and a (8,), nearly condensed on one line, σ = tanh."""
    random = np.random.default_rng(3)
    size, side = random.uniform(0.5, 2, 8), np.array([1, 1, -1, 1, -1, -1, 1, 1])
    W = 0.02 * (side * size)[:, None] * np.array([0.8, -0.6]) + 0.001 * random.standard_normal((8, 2))
    return W, 0.05 * side * random.uniform(0.3, 1.5, 8)


def _merged(answer):
    """5.5: one neuron (w, b, a) with the outputs of all eight on [−1, 1], to one per cent."""
    wrong_form = "The answer is (w, b, a): three finite numbers."
    try:
        w, b, a = (float(part) for part in np.asarray(answer, dtype=float))
    except (TypeError, ValueError, OverflowError):
        return wrong_form
    if not np.isfinite([w, b, a]).all():
        return wrong_form
    W, outputs = merge_start()
    inputs = np.column_stack([np.linspace(-1, 1, 41), np.ones(41)])
    wanted = np.tanh(inputs @ W.T) @ outputs

    def error(w, b, a):
        return np.linalg.norm(a * np.tanh(inputs @ [w, b]) - wanted) / np.linalg.norm(wanted)

    if error(w, b, a) < 0.01:
        return None
    if error(w, b, -a) < 0.01:
        return "The sign of a."
    if error(w, b, a * len(outputs)) < 0.02:
        return "That is the mean of the neurons; the network is their sum."
    naive = W.sum(axis=0)
    if np.allclose([w, b], naive, rtol=0.01) or np.allclose([w, b], W.mean(axis=0), rtol=0.01):
        return "Some neurons stand at the other end of the line, with the other sign of a: adding their weights cancels what should add up."
    return f"The outputs differ by {error(w, b, a):.0%}. To first order the network is (Σ_j a_j w_j) · (x, 1)."


JUDGES = {"5.1": _line_of_three, "5.2": _later_angle, "5.3": _four_lines, "5.4": _sign_vector, "5.5": _merged}
