"""Lesson 3's exercises."""

import math

import numpy as np

from helpers import data, ncf
from helpers.exercises.answers import close_to, number
from helpers.networks import TwoLayer
from helpers.problem import Problem


def _kink_angle(answer):
    """3.1: where a ReLU neuron goes with inputs at 0° and 45°, labels 1 and −2: to −45°."""
    value = number(answer)
    if value is None:
        return "The answer is one angle in degrees."
    turned = (value + 180) % 360 - 180
    if abs(turned + 45) < 0.5:
        return None
    if abs(value + math.pi / 4) < 0.01:
        return "Right in radians; the answer is asked for in degrees."
    gradient = math.degrees(math.atan2(-2 * math.sin(math.pi / 4), 1 - 2 * math.cos(math.pi / 4)))
    for wrong, message in (
            (0.0, "At 0° the second point is active, and its label is negative: downhill from there."),
            (gradient, "That is the gradient x₁ − 2x₂ with both points active; on the way there the second one falls silent."),
            (135.0, "The line is right, the side is not: there the first input is not active."),
            (45.0, "That is the second input itself, the place to keep away from."),
            (-90.0, "There the first point falls silent too, F = 0. Somebody pulls back earlier."),
            (-20.0, "That is where it starts. Which way is uphill?")):
        if abs((turned - wrong + 180) % 360 - 180) < 1:
            return message
    return "Follow the gradient x₁ − 2x₂ until the second input is silent, and look at the slope beyond."


def _merger(answer):
    """3.2: the label at which three places of z³ merge, inputs at 0°, 50°, 100°."""
    value, (c, s) = number(answer), (math.cos(math.radians(50)), math.sin(math.radians(50)))
    if value is None:
        return "The answer is one number, the label v."
    right = 4 * c * s**2 - 2 * c**3
    if abs(value - right) < 0.005:
        return None
    return close_to(value, (
        (1.25, "That is the value for 60°, section 3's."),
        (-2 * c**3, "There F at the middle place changes its sign: it loses its neurons, but nothing merges."),
        (-right, "The sign: the two outer points make the middle a minimum, and a positive v has to undo that."),
        (right / 2, "Both outer points count."),
        (4 * c * s**2, "Differentiating cos³ψ twice leaves a second term, −3cos³ψ."),
        (4 * c * s**2 + 2 * c**3, "The sign of the second term: the second derivative of cos³ψ is 6cosψ sin²ψ − 3cos³ψ."),
    ), 0.005) or "Set the second derivative of F at 50° to zero and solve for v."


def fates_start():
    """The start of exercise 3.3: W (12, 2) and a (12,) of neurons with σ = z², for the data of section 4 where F < 0 everywhere."""
    network = TwoLayer(12, "z**2")
    return network.weights(network.init(2, 1e-3, seed=22))


def _frozen(answer):
    """3.3: which of the neurons freeze: indices in any order and form, or a mask of twelve truth values."""
    W, a = fates_start()
    wrong_form = "The answer is a list of indices from 0 to 11."
    try:
        given = np.asarray(sorted(answer) if isinstance(answer, (set, frozenset)) else answer)
    except (TypeError, ValueError, OverflowError):
        return wrong_form
    if given.ndim == 0 and given.dtype.kind in "iu":
        given = given[None]
    if given.dtype == bool and given.shape == a.shape:
        given = np.flatnonzero(given)
    if given.ndim != 1 or given.dtype.kind not in "iuf" or given.dtype == bool:
        return wrong_form
    if not (np.isfinite(given) & (given == np.round(given)) & (given >= 0) & (given < len(a))).all():
        return wrong_form
    chosen, w2 = {int(k) for k in given}, np.sum(W**2, axis=1)

    def which(mask):
        return {int(k) for k in np.flatnonzero(mask)}

    if chosen == which((a > 0) & (w2 < 2 * a**2)):
        return None
    for mask, message in (
            ((a > 0) & (w2 < a**2), "The factor: what is conserved is ‖w‖² − p a², with p = 2."),
            (w2 < 2 * a**2, "Those keep the sign of a. But where F < 0 a neuron with a < 0 grows."),
            (a > 0, "Those shrink at first. Some of them change the sign of a and leave."),
            ((a > 0) & (w2 > 2 * a**2), "The other way round: with ‖w‖² > 2a² it is a that reaches zero first."),
            ((a < 0) & (w2 < 2 * a**2), "The sign: a F > 0 grows, and F < 0 here."),
            ((a > 0) & (2 * w2 < a**2), "p goes with a²: ‖w‖² − p a².")):
        if chosen == which(mask):
            return message
    return "Freezing takes two things: a F < 0, and C = ‖w‖² − p a² < 0."


def _shares(answer):
    """3.4: the layer shares for D = 4 and p = 2."""
    try:
        shares = np.asarray(answer, dtype=float)
    except (TypeError, ValueError, OverflowError):
        shares = np.empty(0)
    if shares.shape != (4,) or not np.isfinite(shares).all() or not (shares > 0).all():
        return "The answer is four positive numbers, for the four layers W_1, W_2, W_3, W_4: three hidden ones and the output."
    right = np.array([8, 4, 2, 1]) / 15
    if np.allclose(shares, right, rtol=0.01) or np.allclose(shares, 100 * right, rtol=0.01):
        return None
    for wrong, message in (
            (right[::-1], "The order: W_1 passes through three activations, and so has the largest degree."),
            (np.full(4, 0.25), "Equal shares belong to p = 1."),
            (15 * right, "Those are the degrees; as shares they add up to 1."),
            (np.sqrt(right), "Those are the lengths ‖W_l‖; a share is a square."),
            (np.array([27, 9, 3, 1]) / 40, "That is p = 3."),
            (np.array([4, 3, 2, 1]) / 10, "Degrees multiply from layer to layer: p^(D−l), not p(D−l).")):
        if np.allclose(shares, wrong, rtol=0.01):
            return message
    return "Layer l has degree p^(D−l); divide by their sum L."


def _trap(answer):
    """3.5: a ReLU data set with three or more places for a > 0, all on kinks; judged by finding all of them."""
    wrong_form = "The answer is a pair (angles in degrees, labels) of equally many numbers, at most six, labels from −3 to 3."
    try:
        angles, labels = (np.asarray(part, dtype=float) for part in answer)
    except (TypeError, ValueError, OverflowError):
        return wrong_form
    if angles.ndim != 1 or angles.shape != labels.shape or not 1 <= len(angles) <= 6 or not (np.isfinite(angles).all() and (np.abs(labels) <= 3).all()):
        return wrong_form
    places = [p for p in ncf.critical_directions(Problem(TwoLayer(1, "relu"), data.spokes(angles, labels))) if p.kind == "positive"]
    between = [p for p in places if not p.on_kink]
    if between:
        return f"There is a place between kinks, at {math.degrees(between[0].angle):.1f}°: the sum of the active z x lies in its own arc."
    if len(places) < 3:
        count = {0: "is none", 1: "is only one", 2: "are only two"}[len(places)]
        return f"All on kinks, but there {count}. Let three positive points, far from each other, have a negative neighbour each."
    return None


JUDGES = {"3.1": _kink_angle, "3.2": _merger, "3.3": _frozen, "3.4": _shares, "3.5": _trap}
