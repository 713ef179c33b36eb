"""The NCF flow of one neuron of degree 2 with a (leaky) ReLU or linear activation, in closed form from kink to kink.

σ(s) = g s + h |s|: F(w) = ℓ·w + Σ_k b_k |x̂_k·w| over the distinct lines of inputs, so that ∇F = D is constant between kinks and ẇ = a D, ȧ = D·w has
solutions in cosh and sinh.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq, lsq_linear

from helpers import ncf


class Kinks:
    """The linear part ℓ (D,), the unit normals of the kinks (K, D) and their strengths b (K,) of a correlation of degree 1."""

    def __init__(self, F):
        bent = F.plus != F.minus
        self.linear = 0.5 * (F.plus + F.minus) @ F.lines
        self.normals, self.strengths, self.size = F.lines[bent], 0.5 * (F.plus - F.minus)[bent], F.scale

    def gradient(self, side, held):
        """D for the sides (K,) of the kinks, the sides of the held ones chosen within [−1, 1] to make D shortest: ∇F along the kinks; and these sides."""
        side = side.copy()
        side[held] = 0
        D = self.linear + (self.strengths * side) @ self.normals
        if held:
            columns = (self.strengths[held, None] * self.normals[held]).T
            if len(held) == 1:
                within = np.clip(-(columns[:, 0] @ D) / (columns[:, 0] @ columns[:, 0]), -1, 1)[None]
            else:
                within = lsq_linear(columns, -D, bounds=(-1, 1), method="bvls", tol=1e-14).x
            side[held] = within
            D = D + columns @ within
        return D, side


@dataclass(eq=False)
class _Piece:
    """From `start` on: w = w₀ + D̂(q − q₀), q = αE + β/E, a = αE − β/E with E = e^{ω(t − start)}, ω = ‖D‖, q = D̂·w."""

    start: float
    w: np.ndarray
    a: float
    unit: np.ndarray
    omega: float

    def __post_init__(self):
        self.q = self.unit @ self.w
        self.alpha, self.beta = 0.5 * (self.q + self.a), 0.5 * (self.q - self.a)

    def at(self, E):
        return self.w + (self.alpha * E + self.beta / E - self.q)[..., None] * self.unit, self.alpha * E - self.beta / E

    def meets(self, normals, touching):
        """The growth factors E > 1 at which the neuron meets each kink, ∞ where it does not, shape (K,)."""
        into = normals @ self.unit
        with np.errstate(divide="ignore", invalid="ignore"):
            level = self.q - normals @ self.w / into
            root = np.sqrt(level**2 - 4 * self.alpha * self.beta)
            half = 0.5 * (level + np.where(level >= 0, root, -root))
            both = np.array([half / self.alpha, self.beta / half])
        both[:, np.abs(into) < 1e-13] = np.inf
        both[~(both > 1 + np.where(touching, 1e-7, 1e-12))] = np.inf
        return both.min(axis=0, initial=np.inf)


class _Broken:
    """The path of a neuron from kink to kink."""

    def __init__(self, pieces, fate):
        self.pieces, self.fate, self.blow_up = pieces, fate, np.inf
        last = pieces[-1]
        self.sign = np.sign(last.alpha) if fate == "grows" else 0.0
        self.goal = self.sign * last.unit if fate == "grows" else np.full(len(last.w), np.nan)
        self.rate = 0.5 * last.omega if fate == "grows" else 0.0
        self._starts = np.array([piece.start for piece in pieces])

    def _state(self, times):
        W, a = np.empty((len(times), len(self.pieces[0].w))), np.empty(len(times))
        number = np.searchsorted(self._starts, times, side="right") - 1
        for k in np.unique(number):
            here = number == k
            W[here], a[here] = self.pieces[k].at(np.exp(np.minimum(self.pieces[k].omega * (times[here] - self._starts[k]), 340)))  # squares stay finite
        return W, a

    def length(self, times):
        W, a = self._state(times)
        return np.sqrt(np.sum(W**2, axis=1) + a**2)

    def direction(self, times):
        W, _ = self._state(times)
        with np.errstate(invalid="ignore"):
            return W / np.linalg.norm(W, axis=1, keepdims=True)

    def time_of_length(self, length):
        """The time from which on it is longer than that (it grows)."""
        last = self.pieces[-1]
        if self.length(self._starts[-1:])[0] >= length:
            return self._starts[-1]
        high = last.start + np.log(4 * length / abs(last.alpha)) / last.omega
        return brentq(lambda t: self.length(np.array([t]))[0] - length, last.start, max(high, last.start), rtol=1e-14)


def follow(kinks, w, a):
    """The path of one neuron in the NCF flow; a kink that it cannot cross holds it, and it slides along. Where its flow ceases to be unique it is left behind."""
    pieces, t = [], 0.0
    side = np.where(kinks.normals @ w > 0, 1.0, -1.0)
    held, touching = _leave(kinks, w, a, side, [])
    for _ in range(10 * len(side) + 20):
        if held is None:
            break
        touching[held] = True
        D, side = kinks.gradient(side, held)
        held = [k for k in held if abs(side[k]) < 1]
        omega = np.linalg.norm(D)
        standing = omega <= 1e-12 * kinks.size
        piece = _Piece(t, w, a, np.zeros_like(D) if standing else D / omega, 0.0 if standing else omega)
        pieces.append(piece)
        if standing or abs(piece.alpha) <= 1e-12 * np.hypot(a, np.linalg.norm(w)):
            return _Broken(pieces, "freezes")
        meets = piece.meets(kinks.normals, touching)
        meets[held] = np.inf
        first, turn = meets.min(initial=np.inf), np.sqrt(max(piece.beta / piece.alpha, 0))
        if turn <= 1 + 1e-9:
            turn = np.inf
        E = min(first, turn)
        if np.isinf(E):
            return _Broken(pieces, "grows")
        w, a = piece.at(np.array(E))
        t += np.log(E) / omega
        touching[:] = False
        if turn < first:  # a changes sign: kinks that attracted now repel, and a held neuron may leave to either side
            a = 0.0
            held, touching = _leave(kinks, w, a, side, held)
        elif np.linalg.norm(w) <= 1e-9 * abs(a):  # a neuron held on a line meets all other kinks at once, at w = 0
            w = np.zeros_like(w)
            held, touching = _leave(kinks, w, a, side, held)
        else:
            k = int(np.argmin(meets))
            w = w - (kinks.normals[k] @ w) * kinks.normals[k]
            touching[k], side[k] = True, -side[k]
            if a * kinks.strengths[k] < 0:
                held = [*held, k]
    return _Broken([*pieces, _Piece(t, w, a, np.zeros_like(w), 0.0)], "undecided")


def _leave(kinks, w, a, side, held):
    """The kinks that may hold a neuron, None where it may leave one to either side, and those on which it stands (K,); sets the sides to which it leaves the others."""
    touching = np.abs(kinks.normals @ w) <= ncf.ON_KINK * np.linalg.norm(w)
    touching[held] = True
    sense = np.sign(a) or np.sign(kinks.linear @ w + kinks.strengths @ np.abs(kinks.normals @ w))
    repels = touching & (sense * kinks.strengths > 0)
    if repels.any() and not w.any():
        return None, touching
    for k in np.flatnonzero(repels):
        push = sense * kinks.normals[k] @ kinks.gradient(np.where(np.arange(len(side)) == k, 0, side), [])[0]
        if abs(push) <= abs(kinks.strengths[k]) + 1e-12 * kinks.size:
            return None, touching
        side[k] = np.sign(push)
    return np.flatnonzero(touching & ~repels).tolist(), touching
