"""What the neural correlation function (NCF) says before training: where every neuron goes, how long it takes, which neuron wins.

While all weights are small, the residual is frozen at z and the flow is that of N(θ) = Σ_i z_i H(x_i; θ) (arXiv:2402.09226 for degree L = 2, arXiv:2403.08121 for
L > 2). In a two-layer network N(θ) = Σ_j a_j F(w_j): every neuron moves alone. Neurons of degree 2 with (leaky) ReLU or linear activations are followed in closed form from kink to
kink; all others by their direction on the sphere, on the clock σ with dt = ρ^{−(L−2)} dσ, on which no length blows up.
"""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from scipy.optimize import brentq

from helpers import checks, kinked_paths, ncf, sphere_paths
from helpers.networks import TwoLayer


@dataclass(frozen=True, eq=False)
class Forecast:
    """The NCF flow from one start. A block is a neuron of a two-layer network, or all weights of a deeper one; there are m of them.

    goals (m, D): the unit KKT direction to which w_j goes (for deep networks θ itself), NaN where it goes nowhere;
    sign (m,): the sign of a_j there; rate (m,): N_j*, the NCF of the block at its goal, on the unit sphere, 0 where it goes nowhere;
    exponent (m,): κ_j of the alignment error (start/length)^κ_j, NaN on a kink and for deep networks; blow_up (m,): the time at which its length would be infinite
    (L > 2; else ∞); fate: "grows", "freezes" (it stays small for ever) or "undecided" (its flow ceases to be unique, or arrives nowhere in the steps allowed, and it is left there) for each block; degree: L.
    """

    degree: int
    goals: np.ndarray
    sign: np.ndarray
    rate: np.ndarray
    exponent: np.ndarray
    blow_up: np.ndarray
    fate: tuple
    _paths: list = field(repr=False)

    def lengths(self, times):
        """The length ‖(w_j, a_j)‖ of each block at these times ≥ 0, shape (k, m); ∞ from its blow-up time on."""
        times = _times(times)
        return np.column_stack([path.length(times) for path in self._paths]) if self._table is None else self._table.lengths(times)

    @cached_property
    def _table(self):
        return sphere_paths.Table(self._paths) if isinstance(self._paths[0], sphere_paths.Curve) else None

    def norm(self, times):
        """‖θ‖ at these times, shape (k,)."""
        return np.linalg.norm(self.lengths(times), axis=1)

    def directions(self, times):
        """The unit directions of w_j (of θ for deep networks) at these times before its blow-up, shape (k, m, D); NaN where w_j = 0."""
        times = _times(times)
        return np.stack([path.direction(times) for path in self._paths], axis=1)

    def escape_time(self, norm):
        """The time at which ‖θ‖ reaches `norm` for good: the NCF's prediction, close for a norm small beside 1; ∞ if it never does."""
        norm = checks.positive("norm", norm)
        growing = np.flatnonzero(self.rate > 0)
        if not len(growing):
            return np.inf
        # 1e-12 beyond: where ρ^{−(L−2)} falls below rounding, the escape and the blow-up are one
        high = self.blow_up.min() * (1 + 1e-12) if self.degree > 2 else min(self._paths[j].time_of_length(norm) for j in growing)

        def gap(t):  # nearly straight in t for every degree
            grown = min(self.norm([t])[0], 1e300) / norm
            return np.log(grown) if self.degree == 2 else 1 - grown ** (2 - self.degree)

        if gap(0.0) >= 0:
            return 0.0
        return float(high if gap(high) <= 0 else brentq(gap, 0.0, high, xtol=1e-14 * high, rtol=1e-13))  # ≤ 0 by rounding: one neuron alone

    @property
    def winner(self):
        """The index of the block that escapes first: of the least blow-up time for L > 2, else of the greatest length in the end; None if none grows."""
        if not (self.rate > 0).any():
            return None
        if self.degree > 2:
            return int(np.argmin(self.blow_up))
        fastest = np.flatnonzero(self.rate >= self.rate.max() * (1 - 1e-9))
        late = max(self._paths[j].time_of_length(1.0) for j in fastest)
        return int(fastest[np.argmax(self.lengths([late])[0, fastest])])


def forecast(problem, theta0):
    """The Forecast of a problem (live or frozen: its z counts) from θ(0) = theta0 (P,): by the NCF alone, never by training.

    An activation that is homogeneous only near the origin counts by its leading term. ValueError for a network without a degree or of degree 1, for a
    deep network with kinks, for theta0 = 0 and for a neuron of length zero.
    """
    frozen = ncf.leading(problem)
    theta0, network = frozen.start(theta0), frozen.network
    degree = ncf.degree(frozen)
    if degree < 2:
        raise ValueError(f"the network has degree {degree}: with fixed output weights p = 1 has no escape to predict; train the output weights")
    if not theta0.any():
        raise ValueError("theta0 must not be zero: the origin stays where it is")
    if not isinstance(network, TwoLayer):
        if network.kinked:
            raise ValueError(f"{network} has kinks, which are followed in two-layer networks only (TwoLayer)")
        return _of_blocks(degree, sphere_paths.follow(sphere_paths.of_all_weights(frozen), degree, theta0[None], rough=False))
    F = ncf.correlation(frozen)
    W, a = network.weights(theta0)
    empty = np.flatnonzero(~(W.any(axis=1) | ((a != 0) & network.train_output)))
    if len(empty):
        raise ValueError(f"theta0 must not have neurons of length zero, got {empty.tolist()}")
    if F.p == 1:
        kinks = kinked_paths.Kinks(F)
        return _of_blocks(degree, [kinked_paths.follow(kinks, w, output) for w, output in zip(W, a, strict=True)], F)
    rough = bool((F.plus != F.minus).any())  # ∇F has kinks
    if network.train_output:
        return _of_blocks(degree, sphere_paths.follow(sphere_paths.of_neurons(F), degree, np.column_stack([W, a]), rough, F.dim), F, frozen)
    return _of_blocks(degree, sphere_paths.follow(sphere_paths.of_fixed_neurons(F, a), degree, W, rough, F.dim, np.sign(a)), F, frozen)


def _times(times):
    times = checks.array("times", times, ("k",))
    if (times < 0).any():
        raise ValueError(f"times must not be negative, got {times.min():.4g}")
    return times


def _of_blocks(degree, paths, F=None, frozen=None):
    goals = np.array([path.goal for path in paths])
    sign = np.array([path.sign for path in paths])
    exponent = np.full(len(paths), np.nan)
    for side in (1, -1) if F is not None else ():
        there = sign == side
        if there.any():
            if F.p > 1:
                goals[there] = ncf.ascend(frozen, goals[there], side).directions
            exponent[there] = _exponents(F, goals[there])
    return Forecast(degree, goals, sign, np.array([path.rate for path in paths]), exponent, np.array([path.blow_up for path in paths]),
                    tuple(path.fate for path in paths), paths)


def _exponents(F, goals):
    """κ = 1 − h/(pF) with h the largest eigenvalue of ∇²F along the sphere; NaN on a kink, where the transverse part is gone in finite time."""
    if F.p == 1:
        on_kink = ((np.abs(goals @ F.lines.T) <= ncf.ON_KINK) & (F.plus != F.minus)).any(axis=1)
        return np.where(on_kink, np.nan, 1.0)
    tangent = np.eye(F.dim) - goals[:, :, None] * goals[:, None, :]
    value = F.value(goals)
    curved = tangent @ F.hessian(goals) @ tangent / (F.p * value)[:, None, None]
    radial = 1e6 * goals[:, :, None] * goals[:, None, :]  # out of the way of the tangent eigenvalues
    return 1 - np.linalg.eigvalsh(curved - radial)[:, -1]
