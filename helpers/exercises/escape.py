"""Lesson 2's exercises."""

import math

import numpy as np

from helpers import data, predict
from helpers.activations import activation
from helpers.exercises.answers import close_to, number
from helpers.flow import escape_time
from helpers.networks import TwoLayer
from helpers.problem import Problem


def _longer_plateau(answer):
    """2.1: the time that tanh with the logistic loss takes for two more powers of ten."""
    value, points = number(answer), data.spokes()
    g = np.linalg.norm(points.y @ points.X)
    if value is None:
        return "The answer is one number, a time."
    if math.isclose(value, 2 * math.log(100) / g, rel_tol=0.005):
        return None
    return close_to(value, (
        (math.log(100) / g, "That is the square loss, or one power of ten only: for the logistic loss z_i = y_i/2, and a hundred is two powers of ten."),
        (math.log(10) / g, "That is a quarter of it: z_i = y_i/2 makes g smaller, so the plateau longer, and a hundred is two powers of ten."),
        (100, "The answer is a time, not a factor: for L = 2 the plateau grows by the same amount for each power of ten."),
        (2, "The answer is a time, not a factor: for L = 2 the plateau grows by the same amount for each power of ten."),
        (4 * math.log(100) / g, "N* is ‖g‖/2, and the rate of the length is 2N* = ‖g‖: you divided by N*."),
        (4 / g, "With powers of ten, not of e: ln 100, not log₁₀ 100."),
        (12 * math.log(100) / g, "The loss of the lesson is a sum over the points, not their mean."),
    ), 0.005) or "T grows by ln(100)/(2N*), with 2N* = ‖Σ z_i x_i‖."


def _smaller_scale(answer):
    """2.2: the scale from which L = 4 takes 50 times as long as from 1e-3."""
    value = number(answer)
    if value is None or value <= 0:
        return "The answer is one positive number, a scale."
    if math.isclose(value, 1e-3 / math.sqrt(50), rel_tol=0.02):
        return None
    return close_to(value, (
        (1e-3 / 50, "That would be right for x·tanh(x), with L = 3. Which degree has x²·tanh(x)?"),
        (1e-3 * math.sqrt(50), "A larger scale escapes sooner."),
        (1e-3 / 50 ** (1 / 3), "δ^{−(L−2)} with L = p + 1 = 4."),
        (1e-3 / 50 ** (1 / 4), "The exponent is L − 2, not L."),
        (1 / math.sqrt(50), "That is the ratio of the two scales; the answer is the scale itself."),
        (math.sqrt(50), "That is the ratio of the two scales, upside down; the answer is the scale itself."),
    ), 0.02) or "Solve (δ/0.001)^{−(L−2)} = 50."


def mystery(scale):
    """The escape time of a network with a hidden activation from this initialization scale."""
    square, cube = activation("x*tanh(x)"), activation("x**2*tanh(x)")
    hidden = activation("hidden", lambda z: 0.001 * square.function(z) + cube.function(z), lambda z: 0.001 * square.derivative(z) + cube.derivative(z))
    points, network = data.spokes(), TwoLayer(20, hidden)
    return escape_time(Problem(network, points), network.init(points.dim, scale, seed=0), norm=0.15)


def _multiplicity(answer):
    """2.3: the multiplicity of the hidden activation."""
    value = number(answer)
    if value is None:
        return "The answer is one whole number."
    return {2: None,
            3: "From the larger scales it looks like 3 (or you give the degree L). Go down in scale until the factor between two scales stays the same; then p = L − 1.",
            4: "From the larger scales the degree looks like 4. Go down in scale until the factor stays the same; and the multiplicity is L − 1.",
            1: "That is the exponent of δ, L − 2. The multiplicity is L − 1.",
            10: "10 is the factor between two scales a factor of ten apart, 10^{L−2}. The multiplicity is L − 1."}.get(
        round(value) if abs(value - round(value)) < 0.1 else None,
        "Divide the times at two scales a factor of ten apart: the logarithm of the ratio is L − 2, and p = L − 1. Both scales must be small.")


def quadratic_data():
    """The data of exercise 2.4, whose negative labels weigh more."""
    return data.spokes((10, 60, 115, 160, 230), (0.5, -1.25, -0.75, 1.0, -0.5))


def _largest_correlation(answer):
    """2.4: N* for z² on the data of the exercise."""
    value, points = number(answer), quadratic_data()
    low, high = np.linalg.eigvalsh(points.X.T @ (points.y[:, None] * points.X))
    factor = 2 / (3 * math.sqrt(3))
    if value is None:
        return "The answer is one number."
    if math.isclose(value, -low * factor, rel_tol=0.005):
        return None
    return close_to(value, (
        (high * factor, "That is the best neuron with a > 0. A neuron with a < 0 wants uᵀMu as negative as possible, and here that is worth more."),
        (low * factor, "The value of N is positive: a < 0 times a negative eigenvalue."),
        (-low, "That is F at the best direction; N = a·F(w) on ‖w‖² + a² = 1 has a factor."),
        (high, "That is the largest eigenvalue; look at the other sign too, and at the factor from ‖w‖² + a² = 1."),
        (low, "That is the eigenvalue itself; N = a·F(w) on ‖w‖² + a² = 1 has a factor, and a < 0."),
        (-low / math.sqrt(8), "With a² = ‖w‖² = 1/2? For p = 2 the KKT point has a² : ‖w‖² = 1 : 2."),
    ), 0.005) or "M = Σ y_i x_i x_iᵀ; N* = max |μ| · max a(1 − a²) over a."


def _share(scale):
    """The share of ‖θ‖² that the longest neuron of x·tanh(x) holds at length 0.15, by the NCF."""
    points, network = data.spokes(), TwoLayer(20, "x*tanh(x)")
    ahead = predict.forecast(Problem(network, points), network.init(points.dim, scale, seed=0))
    lengths = ahead.lengths([ahead.escape_time(0.15)])[0]
    return float(lengths.max() ** 2 / np.sum(lengths**2))


def _near_tie(answer):
    """2.5: the scale at which the winner holds 99 % at the escape."""
    value = number(answer)
    if value is None or not 1e-9 < value < 0.1:
        return "The answer is one number, a scale between 1e-9 and 0.1."
    if _share(1.1 * value) <= 0.99 <= _share(value / 1.1):
        return None
    share = _share(value)
    return f"There the winner holds {100 * share:.4g} %: the scale must be {'smaller' if share < 0.99 else 'larger'}."


JUDGES = {"2.1": _longer_plateau, "2.2": _smaller_scale, "2.3": _multiplicity, "2.4": _largest_correlation, "2.5": _near_tie}
