"""Lesson 6's exercises."""

import math

import numpy as np

from helpers import curvature, data
from helpers.exercises.answers import close_to, number
from helpers.flow import gradient_flow
from helpers.linear import DeepLinear
from helpers.networks import TwoLayer
from helpers.problem import Problem


def _steps_late(answer):
    """6.1: by how many steps GD is behind the flow at ‖θ‖ = 0.1 from 0.001 on a KKT ray, degree 4: ½ ln(speed ratio) = ½·3·ln 100, whatever the step."""
    value, e_folds = number(answer), math.log(100)
    if value is None:
        return "The answer is one number, of steps."
    right = 1.5 * e_folds
    if abs(value - right) <= 0.1:
        return None
    return close_to(value, (
        (0.02 * right, "That is the lag as a time. How many steps is it?"),
        (right / 0.02, "The lag is (η/2) ln(…), a time, so the number of steps is that over η: η cancels."),
        (2 * right, "Twice too many: a step leaves the curve by half of η times the change of the velocity."),
        (2 * e_folds, "½·L: the speed on a ray grows like ‖θ‖ to the power L − 1."),
        (e_folds, "½·(L − 2), or no formula but ln 100: the lag is half the logarithm of the ratio of the *speeds*."),
        (0.75 * e_folds, "That is one decade. From 0.001 to 0.1 there are two."),
        (e_folds / 2, "That is L = 2. With L = 4 the speed grows like a higher power of ‖θ‖."),
        (3, "With powers of e, not of ten."),
        (-right, "It is late: Euler steps with the speed of the beginning of the step, and the speed rises."),
    ), 0.005) or "Late by the time (η/2) ln(speed there/speed at the start): how does the speed on a ray depend on ‖θ‖?"


def _more_amplification(answer):
    """6.2: the factor by which e^{∫−λ_min} grows from ρ0 = 1e-5 to 1e-9, balanced, four layers: it goes like ρ0^{−3/4}, so (1e4)^{3/4}."""
    value, ratio = number(answer), 1e4
    if value is None:
        return "The answer is one number, a factor."
    if math.isclose(value, ratio**0.75, rel_tol=0.03):
        return None
    return close_to(value, (
        (ratio**-0.75, "Upside down: the smaller start has the longer plateau."),
        (0.75 * math.log(ratio), "So much is added to the integral. The amplification is e to it."),
        (ratio, "(n − 1)/n is the exponent, not 1."),
        (ratio**0.5, "ρ0^{−(n−2)/n} is how the *time* of the plateau grows (and (n − 1)/n = ½ that of the amplification for two layers)."),
        (ratio**0.25, "That is the ratio of the norms, δ = √n ρ0^{1/n}. The exponent of 1/δ is n − 1."),
        (ratio ** (3 / 16), "The exponent (n − 1)/n belongs to ρ0, the norm of the product; in δ = √n ρ0^{1/n} it is n − 1."),
        (ratio ** (2 / 3), "That is three layers."),
        (ratio**0.8, "n is the number of layers, four."),
        (ratio ** (4 / 3), "Upside down: the exponent is (n − 1)/n."),
        (ratio**3, "The exponent n − 1 belongs to 1/δ, with δ = √n ρ0^{1/n}."),
        (1e9**0.75, "That is the amplification from 1e-9, up to a constant. By which factor is it larger than that from 1e-5?"),
        (1e5**0.75, "That is the amplification from 1e-5, up to a constant."),
    ), 0.01) or "∫−λ_min dt = ((n − 1)/n) ln(1/ρ0) + O(1), and the amplification is e to it."


def tracked():
    """The run of exercise 6.3: a Problem with four tanh neurons, its small start theta0 (12,), and the time t_end."""
    network, points = TwoLayer(4, "tanh", bias=True), data.hinge()
    return Problem(network, points), network.init(points.dim, scale=1e-2, seed=2), 4


def _distances(problem, flow, step):
    """How far gradient descent is from the flow after each of its steps, up to the flow's end or a distance of 1000."""
    theta, away = flow.theta[0], []
    for there in flow.at(step * np.arange(1, int(flow.t[-1] / step) + 1)):
        theta = theta + step * problem.velocity(theta)
        away.append(np.linalg.norm(theta - there))
        if away[-1] > 1000:
            break
    return np.array(away)


def _largest_step(answer):
    """6.3: the step with which the largest distance between GD and the flow is 0.01, to 10 %; judged by running it."""
    value = number(answer)
    if value is None or value <= 0:
        return "The answer is one positive number, a step."
    problem, theta0, t_end = tracked()
    flow, tried = gradient_flow(problem, theta0, t_end), min(max(value, 0.0018), t_end)
    away = _distances(problem, flow, tried)
    if abs(away.max() - 0.01) <= 0.001:
        return None
    met = curvature.along(problem, flow, points=100)
    named = close_to(value, (
        (met.largest_step(0.01), "That is what the paper's form of the bound allows: safe, but it takes every step at the worst speed and curvature so far. Measure."),
        (met.largest_step(0.01, form="sharp"), "That is what the sharp bound allows: safe, but it lets every error grow as fast as λ_min allows. Measure."),
        (2 / met.highest.max(), "2/λ_max is where gradient descent stops settling. It is farther than 0.01 from the flow with much smaller steps."),
    ), 0.1)
    if named or value < tried:
        return named or f"That is safe, but far too small: even with a step of {tried} the largest distance is only {away.max():.2g}."
    if abs(away[-1] - 0.01) < 0.0015:
        return f"At the end it is 0.01 away; but on the way it was {away.max():.2g}."
    if away.max() > 0.3:
        return "With that step gradient descent leaves the flow altogether."
    return f"With that step the largest distance is {away.max():.3g}. How does it depend on the step, to first order?"


def _unstable_only(answer):
    """6.4: a start (a, b) with λ_min ≥ 0 along the whole flow of ½(ab − 1)², from which GD with step 0.1 is at some time farther than ½ from it.

    The Hessian's trace is a² + b² and its determinant (1 − ab)(3ab − 1), and ab goes to 1 without turning: λ_min ≥ 0 all along if ⅓ ≤ ab ≤ 1.
    """
    wrong_form = "The answer is a pair (a, b) of numbers, of size a thousand at most."
    try:
        a, b = (float(part) for part in np.asarray(answer, dtype=float))
    except (TypeError, ValueError, OverflowError):
        return wrong_form
    if not (np.abs([a, b]) <= 1000).all():  # NaN as well
        return wrong_form
    lowest = np.linalg.eigvalsh([[b * b, 2 * a * b - 1], [2 * a * b - 1, a * a]])[0]
    if a * b < 1 / 3 - 1e-9:
        return f"The flow starts in negative curvature, as it does near zero: λ_min = {lowest:.2g} there. For which ab is the Hessian's determinant positive?"
    if abs(a * b - 1) < 1e-9:
        return "That is a minimum: neither the flow nor gradient descent moves."
    if a * b > 1:
        return f"Beyond the minimum there is negative curvature too: λ_min = {lowest:.2g} at the start. For which ab is the Hessian's determinant positive?"
    problem = Problem(DeepLinear((1, 1, 1)), data.Dataset([[1.0]], [1.0]))
    flow = gradient_flow(problem, [a, b], t_end=100, stiff=True)
    farthest, sharpness = _distances(problem, flow, 0.1).max(), 0.1 * np.sum(flow.theta[-1] ** 2)
    if farthest > 0.5:
        return None
    if sharpness < 2:
        return (f"No negative curvature; but gradient descent is never farther than {farthest:.2g} from the flow. At the minimum η·λ_max = {sharpness:.2g}, "
                f"and below 2 it settles there.")
    return f"Nearly: η·λ_max = {sharpness:.3g} at the minimum, and gradient descent leaves, but by {farthest:.2g} only, to a flatter one. Where is it steeper?"


JUDGES = {"6.1": _steps_late, "6.2": _more_amplification, "6.3": _largest_step, "6.4": _unstable_only}
