"""Lesson 1's exercises."""

import math

import numpy as np

from helpers import data, highdim
from helpers.condensation import directions, stable_rank
from helpers.exercises.answers import close_to, number
from helpers.flow import gradient_descent
from helpers.networks import TwoLayer
from helpers.problem import Problem


def _limit_rank(answer):
    """1.1: the limiting stable rank for γ = 0.3."""
    value, q = number(answer), 0.7 / 1.3
    if value is None:
        return "The answer is one number."
    if math.isclose(value, 1 + q**2, abs_tol=0.005):
        return None
    return close_to(value, (
        (1.0, "1 is the stable rank of one sign's neurons alone; the whole matrix has two directions, v and u."),
        (2.0, "2 would need v and u orthogonal and equally long, which is the limit γ → 0."),
        (q**2, "Almost: ‖W‖_F² counts the largest singular value too, so the sum of the squared ratios begins with 1."),
        (1 + q, "The ratio of the singular values is right; the stable rank adds its square."),
        (1 + q**2 / 2, "That is the bottom of the dip, where half of the growth went through random gates; the limit has no half."),
    ), 0.004) or "Write v and u for orthogonal unit inputs, then the 2 × 2 Gram matrix of (v, u): its eigenvalues are the squared singular values."


def _forgetting_scale(answer):
    """1.2: the share of the default scale at which the start adds 0.1 to the stable rank after one step."""
    value, n, d, m, slope, step = number(answer), 40, 1000, 100, 0.1, 0.32
    if value is None or value <= 0:
        return "The answer is one positive number, a share of the default scale."
    std = math.sqrt(0.1) * step * (1 + slope) * math.sqrt(d) / (4 * math.sqrt(n) * math.sqrt(m * d))
    share = std / highdim.default_std(m, d)
    if abs(math.log(value / share)) < math.log(1.15):
        return None
    return close_to(value, (
        (std, "That is ω itself; divide by the default standard deviation."),
        (share / math.sqrt(0.1), "There the start adds 1, not 0.1."),
        (share * math.sqrt(0.1), "The correction is a square: to make it ten times smaller, ω shrinks by √10 only."),
        (share * math.sqrt(m), "‖W(0)‖ is ω√(md) for m neurons; ω√d is the length of one row."),
    ), 0.15) or "Set the square in the one-step formula equal to 0.1 and solve for ω; ‖x‖ is √1000 here, n = 40."


def directions_data():
    """The data of exercise 1.3: orthogonal, 25 points of one class and 15 of the other, norms spread by ±20 %."""
    return data.orthogonal(25, 15, dim=400, norms=(0.8, 1.2), seed=3)


def _directions(answer):
    """1.3: the max-margin directions (v, u) for γ = 0.1."""
    points, slope = directions_data(), 0.1
    try:
        pair = np.asarray(answer, dtype=float)
    except (TypeError, ValueError, OverflowError):
        pair = np.empty(0)
    if pair.shape != (2, points.dim) or not np.isfinite(pair).all() or not pair.any(axis=1).all():
        return f"The answer is a pair (v, u) of non-zero vectors with {points.dim} entries each."
    pair = directions(pair)

    def gap(power, slope):
        """The distance to the pair with inputs weighted by 1/‖x‖^power, whichever of the two comes first."""
        weighted = points.X / np.linalg.norm(points.X, axis=1, keepdims=True) ** power
        wanted = np.array(highdim.early_directions(weighted, points.y, slope))
        return min(np.abs(pair - wanted).max(), np.abs(pair[::-1] - wanted).max())

    if gap(2, slope) < 1e-3:
        return None
    right = np.array(highdim.early_directions(points.X / np.sum(points.X**2, axis=1, keepdims=True), points.y, slope))
    if min(np.abs(order + right).max(axis=1).min() for order in (pair, pair[::-1])) < 1e-3:
        return "The lines are right, the rays are not: v must give positive numbers on the points with y = +1."
    for power, gates, message in (
            (0, slope, "Those are the early directions, where every input counts by its length; at the max margin a long input needs less weight."),
            (1, slope, "You divided by ‖x‖; in λ_i = 2/((1 + γ²)‖x_i‖²) it stands squared."),
            (2, -slope, "The sign before γ: a point of the other class pushes v the other way."),
            (2, 0.0, "Points of the other class still get through the leaky side, with slope γ."),
            (2, 1.0, "For the other class the gate is γ, not 1.")):
        if gap(power, gates) < 1e-3:
            return message
    return "Start from v = Σ₊ λ_i x_i − γ Σ₋ λ_i x_i with λ_i ∝ 1/‖x_i‖², and exchange the classes for u. Any rescaling is accepted."


def _step_size(answer):
    """1.4: the largest step, to within a quarter, that reaches the limiting stable rank with all points fitted; judged by running it."""
    step = number(answer)
    if step is None or step <= 0:
        return "The answer is one positive number, the step size."
    if step > 100:
        return "Far too large: one such step fits every point at once, through random gates."
    rank, margin = _after_thousand_steps(step)
    if margin <= 1:
        return f"The smallest margin after 1000 steps is {margin:.2g}: the data are not fitted yet. A larger step gets further."
    if not _near_limit(rank):
        return f"The stable rank after 1000 steps is {rank:.3f}: the first step was so large that random gates decided. Make it smaller."
    if _near_limit(_after_thousand_steps(1.25 * step)[0]):
        return "This step does both, but so does one that is a quarter larger. Go up until it fails."
    return None


def _near_limit(rank):
    return abs(rank - highdim.limit_stable_rank(0.1)) < 0.02


def _after_thousand_steps(step):
    """Stable rank and smallest margin in the setting of section 3, from the smallest start."""
    points = data.orthogonal(20, 20, dim=1000, seed=0)
    network = TwoLayer(100, "leaky_relu(0.1)", train_output=False)
    problem = Problem(network, points, loss="logistic", reduction="mean")
    start = network.init(points.dim, 1e-4 * highdim.default_std(100, 1000) * math.sqrt(network.size(1000)), seed=0)
    theta = gradient_descent(problem, start, step, steps=1000, record=[1000]).theta[-1]
    return stable_rank(network.weights(theta)[0]), float((points.y * network.outputs(theta, points.X)).min())


JUDGES = {"1.1": _limit_rank, "1.2": _forgetting_scale, "1.3": _directions, "1.4": _step_size}
