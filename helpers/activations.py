"""Activations σ with their first two derivatives, their multiplicity at the origin and their degree of homogeneity.

The multiplicity p is the order of the first derivative that does not vanish at the origin: σ^(k)(0) = 0 for k = 1 … p−1 and
σ^(p)(0) ≠ 0 (arXiv:2105.11686, the definition of multiplicity; σ(0) is free). σ is homogeneous of degree q if σ(cz) = c^q σ(z) for c > 0.
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from helpers import checks

NAMES = ("linear", "relu", "leaky_relu(γ)", "relu**q", "leaky_relu(γ)**q", "z**q", "tanh", "x*tanh(x)", "x**2*tanh(x)",
         "x**3*tanh(x)", "sigmoid", "softplus", "smooth_leaky_relu(γ)")


@dataclass(frozen=True)
class Activation:
    """An elementwise function σ, its derivative σ′ and its second derivative σ″ (`second`), with what the theory asks of them.

    `kinked` is true where σ′ jumps (ReLU): the flow then slides along kinks and asks for another integrator, and σ″ is the one almost everywhere,
    without the jumps. Where `second` is not given it comes from central differences of σ′, with errors of about 1e-10 of the size of σ′ and σ⁗.
    `in_place(z, slope)` writes σ(z) over z and σ′(z) over slope, sharing what the two have in common: what a step of training calls, for which new memory would
    cost as much as σ itself. By default one call after the other.
    """

    name: str
    function: Callable[[np.ndarray], np.ndarray]
    derivative: Callable[[np.ndarray], np.ndarray]
    multiplicity: int | None
    degree: int | None
    kinked: bool = False
    second: Callable[[np.ndarray], np.ndarray] | None = None
    in_place: Callable[[np.ndarray, np.ndarray], None] | None = None

    def __post_init__(self):
        if self.second is None:
            object.__setattr__(self, "second", _slope_of(self.derivative))
        if self.in_place is None:
            object.__setattr__(self, "in_place", self._one_by_one)

    def __call__(self, z):
        return self.function(z)

    def both(self, z):
        """σ(z) and σ′(z), each of the shape of z."""
        value, slope = np.array(z, dtype=float), np.empty(np.shape(z))
        self.in_place(value, slope)
        return value, slope

    def _one_by_one(self, z, slope):
        slope[...] = self.derivative(z)
        z[...] = self.function(z)

    @property
    def branches(self):
        """(p, c₊, c₋) with σ(s) = c₊ s^p for s > 0 and c₋ |s|^p for s < 0: σ itself where it is homogeneous, else its leading term at the origin.

        The leading term is σ^(p)(0)/p! · s^p with p the multiplicity. ValueError where there is none: σ(0) ≠ 0, or no multiplicity.
        """
        sides = np.array([1.0, -1.0])
        if self.degree is not None:
            return self.degree, *map(float, self.function(sides))
        p, at_zero = self.multiplicity, float(self.function(np.zeros(1))[0])
        if p is None or at_zero != 0:
            why = f"σ(0) = {at_zero:.3g}" if at_zero else "it has no multiplicity"
            raise ValueError(f"activation {self.name!r} is not homogeneous near the origin: {why}")
        h = np.array([1e-3, 2e-3])
        scaled = sum(side ** (p - 1) * self.derivative(side * h) for side in sides) / (2 * p * h ** (p - 1))  # c + O(h²)
        c = float(4 * scaled[0] - scaled[1]) / 3
        return p, c, (-1) ** p * c

    @property
    def leading(self):
        """The activation that σ is near the origin: its leading term c·s^p, or σ itself where it is homogeneous."""
        if self.degree is not None:
            return self
        p, c, _ = self.branches
        return _monomial(f"z**{p}" if f"{c:g}" == "1" else f"{c:g}*z**{p}", p, c)


def activation(name, function=None, derivative=None, multiplicity=None):
    """The activation of that name, or a new one from two functions.

    `activation("x*tanh(x)")` looks a name up (see `NAMES`; γ is a number in [0, 1), q a whole number).
    `activation("sin", np.sin, np.cos)` makes one: `function` and `derivative` map a float array to one of the same shape; its
    multiplicity and degree are found numerically. A `multiplicity` that is given must be the one that is found.

    Raises ValueError for an unknown name, for a derivative that is not the derivative of `function`, or for a wrong multiplicity.
    """
    if not isinstance(name, str):
        raise TypeError(f"name must be a string, got {name!r}; known activations: {', '.join(NAMES)}")
    if function is None and derivative is None and multiplicity is None:
        return _named(name)
    if not (callable(function) and callable(derivative)):
        raise TypeError("a new activation needs two functions, function (σ) and derivative (σ′)")
    return _from_functions(name, function, derivative, multiplicity)


def _named(name):
    text = name.replace(" ", "").lower()
    if text in _PLAIN:
        return _PLAIN[text]
    if match := re.fullmatch(r"(relu|leaky_relu\(([^()]+)\))(?:\*\*(\d+))?", text):
        return _leaky_relu(text, _slope(name, match[2]) if match[2] else 0.0, _power_of(name, match[3]))
    if match := re.fullmatch(r"smooth_leaky_relu\(([^()]+)\)", text):
        return _smooth_leaky_relu(text, _slope(name, match[1]))
    if match := re.fullmatch(r"[xz]\*\*(\d+)", text):
        return _monomial(text, _power_of(name, match[1]))
    raise ValueError(f"unknown activation {name!r}; known: {', '.join(NAMES)}")


def _slope(name, text):
    try:
        slope = float(text)
    except ValueError:
        slope = math.nan
    if not 0 <= slope < 1:
        raise ValueError(f"γ in {name!r} must be a number in [0, 1), got {text!r} (for γ = 1 take \"linear\")")
    return slope


def _power_of(name, digits):
    q = int(digits) if digits else 1
    if not 1 <= q <= 12:
        raise ValueError(f"the power in {name!r} must be a whole number from 1 to 12, got {q}")
    return q


def _power(z, q):
    """z^q by multiplication: for small q much faster than numpy's power."""
    result = np.ones_like(z) if q == 0 else z
    for _ in range(q - 1):
        result = result * z
    return result


def _power_bend(z, q):
    """The second derivative of z^q."""
    return q * (q - 1) * _power(z, max(q - 2, 0))


def _monomial(name, q, c=1.0):
    """c·z^q."""
    def in_place(z, slope):
        slope[...] = _power(z, q - 1)
        slope *= c
        z *= slope
        slope *= q

    return Activation(name, lambda z: c * _power(z, q), lambda z: c * q * _power(z, q - 1), multiplicity=q, degree=q,
                      second=lambda z: c * _power_bend(z, q), in_place=in_place)


def _slope_of(function):
    """The derivative of a function by central differences."""
    def slope(z):
        h = 6e-6 * (1 + np.abs(z))  # ε^{1/3}, at which rounding and truncation are about equal
        return (function(z + h) - function(z - h)) / (2 * h)
    return slope


def _leaky_relu(name, slope, q):
    """max(z, γz)^q, with σ′(0) = γ at the kink for q = 1."""
    def gate(z):
        return np.where(z > 0, 1.0, slope)

    def in_place(z, gates):
        gates[...] = gate(z)
        z *= gates
        if q > 1:
            gates *= q
            gates *= _power(z, q - 1)
            z *= _power(z, q - 1)

    if q == 1:
        return Activation(name, lambda z: np.maximum(z, slope * z), gate, multiplicity=None, degree=1, kinked=True, second=np.zeros_like, in_place=in_place)
    return Activation(name, lambda z: _power(np.maximum(z, slope * z), q), lambda z: q * _power(np.maximum(z, slope * z), q - 1) * gate(z),
                      multiplicity=None, degree=q, second=lambda z: _power_bend(np.maximum(z, slope * z), q) * np.where(z > 0, 1.0, slope**2), in_place=in_place)


def _smooth_leaky_relu(name, slope):
    """γz + (1−γ) log(½(1 + e^z)): between the slopes γ and 1 without a kink (arXiv:2210.07082, its smooth activations)."""
    return Activation(name, lambda z: slope * z + (1 - slope) * (np.logaddexp(0, z) - math.log(2)),
                      lambda z: slope + (1 - slope) * expit(z), multiplicity=1, degree=None, second=lambda z: (1 - slope) * _sigmoid_slope(z))


def _x_power_tanh(k):
    """x^k·tanh(x), of multiplicity k + 1."""
    def derivative(z):
        t = np.tanh(z)
        return k * _power(z, k - 1) * t + _power(z, k) * (1 - t * t)

    def in_place(z, slope):
        t, below = np.tanh(z), _power(z, k - 1).copy()
        np.multiply(t, t, out=slope)
        np.subtract(1, slope, out=slope)
        z *= below  # z^k
        slope *= z
        z *= t
        t *= below
        t *= k
        slope += t

    def second(z):
        return _power_bend(z, k) * np.tanh(z) + 2 * k * _power(z, k - 1) * _sech_squared(z) + _power(z, k) * _tanh_bend(z)

    return Activation("x*tanh(x)" if k == 1 else f"x**{k}*tanh(x)", lambda z: _power(z, k) * np.tanh(z), derivative, multiplicity=k + 1, degree=None, second=second, in_place=in_place)


def _tanh_in_place(z, slope):
    np.tanh(z, out=z)
    np.multiply(z, z, out=slope)
    np.subtract(1, slope, out=slope)


def _sech_squared(z):
    t = np.tanh(z)
    return 1 - t * t


def _tanh_bend(z):
    t = np.tanh(z)
    return -2 * t * (1 - t * t)


def _sigmoid_slope(z):
    s = expit(z)
    return s * (1 - s)


def _sigmoid_in_place(z, slope):
    expit(z, out=z)
    np.subtract(1, z, out=slope)
    slope *= z


def _sigmoid_bend(z):
    s = expit(z)
    return s * (1 - s) * (1 - 2 * s)


_PLAIN = {a.name: a for a in (
    Activation("linear", lambda z: z, np.ones_like, multiplicity=1, degree=1, second=np.zeros_like),
    Activation("tanh", np.tanh, _sech_squared, multiplicity=1, degree=None, second=_tanh_bend, in_place=_tanh_in_place),
    *(_x_power_tanh(k) for k in (1, 2, 3)),
    Activation("sigmoid", expit, _sigmoid_slope, multiplicity=1, degree=None, second=_sigmoid_bend, in_place=_sigmoid_in_place),
    Activation("softplus", lambda z: np.logaddexp(0, z), expit, multiplicity=1, degree=None, second=_sigmoid_slope),
)}


def _from_functions(name, function, derivative, multiplicity):
    z = np.linspace(-2.9, 2.87, 40)
    slope, slope_left, slope_right = (np.asarray(derivative(z + shift)) for shift in (0, -1e-6, 1e-6))
    if slope.shape != z.shape or np.shape(function(z)) != z.shape:
        raise ValueError(f"the functions of activation {name!r} must keep the shape of their argument")
    difference = (function(z + 1e-6) - function(z - 1e-6)) / 2e-6
    wrong = np.abs(difference - slope) > 1e-5 * (1 + np.abs(slope)) + np.abs(slope_right - slope_left)
    if wrong.any() or not np.isfinite(slope).all():
        at = z[wrong | ~np.isfinite(slope)][0]
        raise ValueError(f"derivative of activation {name!r} is not σ′: at z = {at:.3g} it gives {np.interp(at, z, slope):.6g}, "
                         f"finite differences of σ give {np.interp(at, z, difference):.6g}")
    found = find_multiplicity(derivative)
    if multiplicity is not None and checks.whole("multiplicity", multiplicity) != found:
        raise ValueError(f"multiplicity of activation {name!r} was given as {multiplicity}, but near the origin it is {found}")
    steps = np.abs(np.diff(derivative(np.linspace(-3, 3, 60_000))))  # a jump stays, however fine the grid
    return Activation(name, function, derivative, found, find_degree(function), kinked=bool(steps.max() > 1e-2 * (1 + np.abs(slope).max())))


def find_multiplicity(derivative):
    """The multiplicity at the origin, from σ′(s) ~ s^(p−1) on both sides; None where there is none (a kink, a flat side)."""
    h = np.array([1e-3, 2e-3])
    right, left = (np.asarray(derivative(side * h), dtype=float) for side in (1, -1))
    if not (np.isfinite(right).all() and np.isfinite(left).all() and right.all() and left.all()):
        return None
    slopes = [math.log2(abs(side[1] / side[0])) for side in (right, left)]
    p = round(slopes[0]) + 1
    same_power = max(abs(slope - (p - 1)) for slope in slopes) < 0.05
    same_branch = abs(left[0] / right[0] - (-1) ** (p - 1)) < 0.05
    return p if p >= 1 and same_power and same_branch else None


def find_degree(function):
    """The whole number q with σ(cz) = c^q σ(z) for all c > 0, or None."""
    z = np.array([-1.9, -0.7, -0.3, 0.4, 0.8, 2.1])
    at, at_double = np.asarray(function(z), dtype=float), np.asarray(function(2 * z), dtype=float)
    largest = np.argmax(np.abs(at))
    if not at[largest] or at_double[largest] / at[largest] <= 0:
        return None
    q = round(math.log2(at_double[largest] / at[largest]))
    homogeneous = all(np.allclose(function(c * z), c**q * at, rtol=1e-9, atol=1e-12) for c in (0.5, 2.0, 3.0))
    return q if q >= 1 and homogeneous else None
