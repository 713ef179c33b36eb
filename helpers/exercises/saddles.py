"""Lesson 4's exercises."""

import math

import numpy as np

from helpers import data
from helpers.exercises.answers import close_to, number
from helpers.flow import gradient_flow, stop_at
from helpers.networks import TwoLayer
from helpers.problem import Problem

_ROUNDING = 1e-6  # of a pull: what a label with six or more digits may be off by


def _later_drop(answer):
    """4.1: the second drop's time over the first's as δ → 0, two-layer ReLU, orthonormal inputs with labels 3, −2, 1: √10/2."""
    value = number(answer)
    if value is None:
        return "The answer is one number, a ratio of two times."
    right = math.sqrt(10) / 2
    if math.isclose(value, right, rel_tol=0.005):
        return None
    return close_to(value, (
        (1 / right, "Upside down: the second drop is the later one, so the ratio is above 1."),
        (3 / 2, "3/2 takes the largest label of each sign. A neuron with a > 0 looks at both positive points: its peak is at 3e₁ + e₃."),
        (2 / 3, "2/3 takes the largest label of each sign, and is upside down: the second drop is the later one."),
        (4 / 2, "(3 + 1)/2? The two positive points pull at right angles to each other: how long is 3e₁ + e₃?"),
        (10 / 4, "The rate of the length is ‖D‖, not its square."),
        (1 + right, "The neurons with a < 0 do not wait for the first drop: they grow from the start."),
        (right - 1, "That is the wait between the drops over the time of the first; the answer counts from the start."),
        (math.sqrt(14) / 2, "√14 is the length of 3e₁ − 2e₂ + e₃. A neuron with a > 0 turns its back on the negative point."),
        (math.sqrt(10), "That is the rate of the first group, or the point with label 1 as a step of its own. One neuron fits both positive points; who comes second?"),
        (3, "The point with label 1 is no step of its own: one neuron with a > 0 fits both positive points."),
    ), 0.005) or "Each group takes ln(1/δ) over its own rate. One group has a > 0, the other a < 0: at which points does each of them look?"


def _longer_wait(answer):
    """4.2: by how much the wait between the drops of the singular values 3 and ½ grows from δ = 1e-4 to 1e-10, two layers, whitened inputs: (2 − 1/3) ln 10⁶."""
    value, powers = number(answer), math.log(1e6)
    if value is None:
        return "The answer is one number, a time."
    right = (1 / 0.5 - 1 / 3) * powers
    if math.isclose(value, right, rel_tol=0.005):
        return None
    return close_to(value, (
        (powers / (3 - 0.5), "1/(3 − ½): the difference of the two rates. Each drop comes at ln(1/δ) over its own rate; take the difference of these times."),
        (powers * (3 - 0.5), "A mode takes a time ln(1/δ) divided by its singular value, not multiplied by it."),
        (powers / 0.5, "So much later comes the second drop. But the first comes later as well."),
        (powers / 3, "So much later comes the first drop."),
        (right / 2, "The singular value grows like e^{2st}, twice as fast as the weights; but it starts from δ², not from δ."),
        (2 * right, "Twice too much: a start from δ² with the rate s of the weights. The singular value grows like e^{2st}."),
        (right * 10 / 6, "That is the whole wait at δ = 1e-10. By how much is it longer than that at 1e-4?"),
        (right * 4 / 6, "That is the whole wait at δ = 1e-4."),
        (right / math.log(10), "With powers of e, not of ten: ln 10⁶, not 6."),
        (-right, "It grows."),
        (2.5, "That is the factor. The answer is a time: how much is added to the wait."),
        (1e6, "The time is logarithmic in δ."),
    ), 0.005) or "Each drop comes at ln(1/δ)/s after the start: write down both times for both δ."


def waiting():
    """The plateau of exercise 4.3: a Problem with ten squared ReLU neurons, its saddle (20,), where neuron 0 lives, and the small weights (20,) of the other nine."""
    network = TwoLayer(10, "relu**2", train_output=False, output_weights=np.ones(10))
    problem = Problem(network, data.petals())
    # Of the seeds 0 … 1499 the first at which the next neuron to grow large is not the longest, not the nearest to the peak, not the one that grows fastest now,
    # and leads by a factor of more than 6 when it is.
    random = np.random.default_rng(140)
    angles, lengths = random.uniform(0, 2 * np.pi, 9), 10 ** random.uniform(-8, -5, 9)
    small, alone = np.zeros((2, 10, 2))
    small[1:] = lengths[:, None] * np.column_stack([np.cos(angles), np.sin(angles)])
    alone[0] = 3, 0
    return problem, gradient_flow(problem, alone.ravel(), t_end=1, stiff=True).theta[-1], small.ravel()


def _first_to_grow(answer):
    """4.3: which of the waiting neurons is the first to be large; judged by the flow of the NCF of the residual at the saddle."""
    value = number(answer)
    if value is None or value not in range(10):
        return "The answer is the number of one neuron, from 0 to 9: its row in W."
    if value == 0:
        return "Neuron 0 lives already."
    problem, saddle, small = waiting()
    frozen = problem.frozen(problem.residual(saddle))
    if value == _longest_after(frozen, small):
        return None
    W, velocity = (problem.network.weights(vector)[0][1:] for vector in (small, frozen.velocity(small)))
    angle = np.linspace(0, 2 * np.pi, 3600, endpoint=False)
    circle = np.column_stack([np.cos(angle), np.sin(angle)])
    peak = circle[np.argmax(problem.network.activation(circle @ problem.data.X.T) @ frozen.z)]
    length = np.linalg.norm(W, axis=1)
    for mistaken, message in (
            (np.argmax(length), "That is the longest one now. It looks to where the NCF is low, and another passes it."),
            (np.argmax(W @ peak / length), "That is the nearest to the peak of the NCF, and the shortest of all: how long are the others when they have climbed as high?"),
            (np.argmax(np.sum(W * velocity, axis=1) / length**2), "That one has the largest rate now. The others climb the same hill, and then grow as fast."),
            (_longest_after(problem.frozen(), small) - 1, "The residual of the origin gives that one. At this plateau the residual is that of the saddle.")):
        if value == mistaken + 1:
            return message
    return "Freeze the residual at the saddle, let the small weights follow the flow of its NCF, and see who is the longest when it ends."


def _longest_after(frozen, small):
    """The number of the neuron that is the longest when the small weights have grown to 0.01."""
    run = gradient_flow(frozen, small, t_end=100, stop=stop_at(norm=0.01), rtol=1e-4)
    return int(np.argmax(np.linalg.norm(run.theta[-1].reshape(10, 2), axis=1)))


def _only_one(answer):
    """4.4: at most three points with two inputs for which u² − v² is pulled in both coefficients at the start, and only one ever lives, δ → 0.

    The coefficient k pulled most jumps first, to the best fit with X[:, k] alone. From then on the other one is pulled by x·r with what is left, r; unless that
    is 0, it lives some day.
    """
    wrong_form = "The answer is a pair (X, y): X of shape (n, 2), y of shape (n,), n at most 3, all numbers finite."
    try:
        X, y = (np.asarray(part, dtype=float) for part in answer)
    except (TypeError, ValueError, OverflowError):
        return wrong_form
    if X.ndim != 2 or X.shape[1] != 2 or y.shape != X.shape[:1] or not 1 <= len(y) <= 3 or not (np.isfinite(X).all() and np.isfinite(y).all()):
        return wrong_form
    if not (X.any() and y.any()):
        return "Nothing is pulled at the start: Xᵀy = 0."
    X, y = (np.round(part / np.abs(part).max(), 12) for part in (X, y))  # the sizes of all of X and of all of y set the clock only
    pull = X.T @ y
    first = int(np.argmax(np.abs(pull)))
    other, share = 1 - first, abs(pull[1 - first]) / max(abs(pull[first]), 1e-300)
    if abs(pull[first]) < 1e-9:
        return "Nothing is pulled at the start: Xᵀy = 0."
    if share < 0.1 - _ROUNDING:
        return f"Only X[:, {first}] is pulled at the start: of the two numbers in Xᵀy the smaller one must be at least a tenth of the larger."
    if share > 1 - _ROUNDING:
        return "Both are pulled equally at the start, and come to life together."
    x, kin = X[:, first], X[:, other]
    left = kin @ (y - x * (pull[first] / (x @ x))) / abs(pull[first])
    if abs(left) <= _ROUNDING:
        return None
    delay = 1 + (1 - share * np.sign(left * pull[other])) / abs(left)
    late = f"it comes to life as well, {delay:,.1f} times as late as the first."
    if abs(left) < 0.01:
        return f"Almost: when X[:, {first}] has done what it can, X[:, {other}] is still pulled, by {abs(left):.1g} of the first pull, and {late} Give more digits?"
    if abs(x @ kin) < 1e-9:
        return f"The two inputs are orthogonal: what X[:, {first}] fits takes nothing from the pull on X[:, {other}], and {late}"
    if np.abs(y - kin * (kin @ y / (kin @ kin))).max() < _ROUNDING:
        return f"X[:, {other}] alone would fit y, but X[:, {first}] is pulled more and goes first; then X[:, {other}] is pulled by what is left, and {late}"
    return f"X[:, {first}] goes first; what it leaves of y pulls X[:, {other}], and {late}"


JUDGES = {"4.1": _later_drop, "4.2": _longer_wait, "4.3": _first_to_grow, "4.4": _only_one}
