"""Network + data + loss: what training descends, with a live residual or a frozen one.

Training moves θ along the pullback of the residual r_i = −ℓ′(H(x_i; θ), y_i). Frozen at r = z, the same motion is the flow of the neural
correlation function N(θ) = Σ_i z_i H(x_i; θ) (arXiv:2402.09226). One argument tells the two apart.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import expit, log_softmax, softmax

from helpers import checks
from helpers.data import Dataset

_ROWS = 50  # directions at a time in a full Hessian: more would not be faster, and need memory
_STEP = 6e-6  # ε^{1/3}, the relative step of central differences


@dataclass(frozen=True)
class Loss:
    """A loss Σ_i ℓ(H_i, y_i): `told` gives it with the residual −∂ℓ/∂H, of the shape of H; `bend` is ℓ″ applied to changes V of H, shape (…, *H.shape);
    `labels` says which labels it takes."""

    told: Callable[[np.ndarray, np.ndarray], tuple[float, np.ndarray]]
    bend: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
    labels: str


def _square(H, y):
    r = y - H
    return 0.5 * np.vdot(r, r), r


def _logistic(H, y):
    against = -y * H
    return np.logaddexp(0, against).sum(), y * expit(against)


def _exponential(H, y):
    losses = np.exp(-y * H)
    return losses.sum(), y * losses


def _cross_entropy(H, y):
    logs, picked = log_softmax(H, axis=1), (np.arange(len(y)), y)
    residual = -np.exp(logs)
    residual[picked] += 1
    return -logs[picked].sum(), residual


def _cross_entropy_bend(H, y, V):
    p = softmax(H, axis=1)
    return p * (V - np.sum(p * V, axis=-1, keepdims=True))


LOSSES = {
    "square": Loss(_square, lambda H, y, V: V, "real"),
    "logistic": Loss(_logistic, lambda H, y, V: expit(H) * expit(-H) * V, "signs"),
    "exponential": Loss(_exponential, lambda H, y, V: np.exp(-y * H) * V, "signs"),
    "cross_entropy": Loss(_cross_entropy, _cross_entropy_bend, "classes"),
}


class Problem:
    """The training problem: loss L(θ), residual r(θ), velocity −∇L(θ) = J(θ)ᵀ r(θ).

    `loss` is "square" (½(H − y)²), "logistic" (log(1 + e^{−yH})), "exponential" (e^{−yH}), with labels ±1 for the last two, or "cross_entropy" (labels 0 … k−1
    for k outputs); `reduction` is "sum" over the points or their "mean".
    """

    def __init__(self, network, data, loss="square", reduction="sum"):
        if not (callable(getattr(network, "outputs", None)) and callable(getattr(network, "pullback", None))):
            raise TypeError(f"network must have outputs and pullback, got {type(network).__name__}")
        if not isinstance(data, Dataset):
            raise TypeError(f"data must be a helpers.data.Dataset(X, y), got {type(data).__name__}")
        self.network, self.data = network, data
        self.loss_name, self.reduction = checks.one_of("loss", loss, LOSSES), checks.one_of("reduction", reduction, ("sum", "mean"))
        self._loss = LOSSES[loss]
        self._weight = 1.0 if reduction == "sum" else 1.0 / data.n
        self._frozen_residual = None
        _check_labels(data.y, self._loss.labels, loss)

    def __repr__(self):
        frozen = "" if self._frozen_residual is None else ", frozen residual"
        return f"Problem({self.network}, {self.data}, loss={self.loss_name!r}, reduction={self.reduction!r}{frozen})"

    def frozen(self, residual=None):
        """The same problem with its residual frozen at z: its velocity is ∇N(θ) and its loss −N(θ), N(θ) = Σ_i z_i H(x_i; θ).

        `residual` has the shape of the outputs; by default it is the residual at zero outputs, z_i = −ℓ′(0, y_i).
        """
        live = Problem(self.network, self.data, self.loss_name, self.reduction)
        at_origin = live.z
        live._frozen_residual = at_origin if residual is None else checks.array("residual", residual, at_origin.shape).copy()
        return live

    @property
    def z(self):
        """The frozen residual, or that of a live problem at zero outputs, z_i = −ℓ′(0, y_i): shape of the outputs."""
        if self._frozen_residual is not None:
            return self._frozen_residual.copy()
        H = self._pass()(np.zeros(self._shape))[0]
        self._fit(H)
        return self._told(np.zeros(H.shape))[1]

    def rescaled(self):
        """The same curve of θ on another clock s, on which ‖dθ/ds‖ = ‖θ‖: ln‖θ‖ grows by at most 1 a unit, whatever the degree.

        It costs the same from every start and for every degree; `Rescaled.physical_time` gives t back. Near a minimum it does not settle: it is for
        the escape and the plateaus only.
        """
        return Rescaled(self)

    def loss(self, theta):
        """L(θ), a float; of a frozen problem −N(θ)."""
        return self._read(theta)[0]

    def residual(self, theta):
        """r(θ), shape of the outputs: the negative derivative of the loss by each output."""
        return self._read(theta)[1]

    def velocity(self, theta):
        """−∇L(θ), shape (P,)."""
        _, residual, pull = self._read(theta)
        return pull(residual)

    def loss_and_velocity(self, theta):
        """L(θ) and −∇L(θ) from one pass."""
        loss, residual, pull = self._read(theta)
        return loss, pull(residual)

    def motion(self):
        """The function θ ↦ (L(θ), −∇L(θ)) of one run, from a θ that `start` has let in: unchecked, and with memory of its own that it uses again."""
        look = self._pass()

        def motion(theta):
            H, pull = look(theta)
            loss, residual = self._told(H)
            return loss, pull(residual)

        return motion

    def hessian_product(self, theta, v):
        """∇²L(θ)v = Jᵀ(ℓ″ ∘ Jv) − (∂_vJ)ᵀ r, shape (P,); of a frozen problem, whose loss is linear in the outputs, the second part alone.

        At kinks (ReLU) what jumps is left out: the Hessian is the one almost everywhere. A network without `directional` gets it by central differences
        of its outputs and pullback, with errors of about 1e-9 of their size, and near a kink by whatever the differences see.
        """
        theta = self._point(theta)
        return self.product(theta, checks.array("v", v, theta.shape))

    def product(self, theta, v):
        """The same, unchecked: what each step of a run takes."""
        H, pull, moved, bent = self._directional(theta, v)
        return -bent if self._frozen_residual is not None else pull(self._bend_of(H, moved)) - bent

    def hessian(self, theta):
        """∇²L(θ), shape (P, P), at the cost of P products; see `hessian_product`."""
        theta, size = self._point(theta), np.size(theta)
        blocks = [self._directional(theta, rows) for rows in np.array_split(np.eye(size), -(-size // _ROWS))]
        hessian = -np.concatenate([bent for *_, bent in blocks])
        if self._frozen_residual is None:
            H, J = blocks[0][0], np.concatenate([moved for *_, moved, _ in blocks])
            hessian += J.reshape(size, -1) @ self._bend_of(H, J).reshape(size, -1).T
        return (hessian + hessian.T) / 2

    def start(self, theta0):
        """θ(0) as a float64 copy, refused if it is not a finite vector of the network's size."""
        theta0 = checks.array("theta0", theta0, (self.network.size(self.data.dim),)).copy()
        with np.errstate(over="ignore", invalid="ignore"):
            self._fit(self._pass()(theta0)[0])
        return theta0

    def _point(self, theta):
        return checks.array("theta", theta, (self.network.size(self.data.dim),))

    def _directional(self, theta, v):
        """H and r ↦ Jᵀr, and Jv and (∂_vJ)ᵀ r for one direction v (P,) or several (Q, P)."""
        H, pull = self._pass()(theta)
        self._fit(H)
        r, X, network = self._told(H)[1], self.data.X, self.network
        if hasattr(network, "directional"):
            return H, pull, *network.directional(theta, X, r, v)
        if v.ndim == 2:
            pairs = [self._directional(theta, row)[2:] for row in v]
            return H, pull, *(np.array(parts) for parts in zip(*pairs, strict=True))
        h = _STEP * (np.linalg.norm(theta) or 1.0) / (np.linalg.norm(v) or 1.0)
        (ahead, pull_ahead), (behind, pull_behind) = self._pass()(theta + h * v), self._pass()(theta - h * v)
        return H, pull, (ahead - behind) / (2 * h), (pull_ahead(r) - pull_behind(r)) / (2 * h)

    def _bend_of(self, H, V):
        return self._weight * self._loss.bend(H, self.data.y, V)

    def _read(self, theta):
        """The loss and the residual at θ, and r ↦ J(θ)ᵀ r, all checked."""
        theta = np.asarray(theta, dtype=float)
        if theta.shape != self._shape:
            raise ValueError(f"theta must have shape {self._shape}, got {theta.shape}")
        H, pull = self._pass()(theta)
        self._fit(H)
        loss, residual = self._told(H)
        if not math.isfinite(loss) and not np.isfinite(theta).all():
            raise ValueError("theta must be finite, got NaN or infinite entries")
        return loss, residual, pull

    def _fit(self, H):
        """Refuses outputs that are not such as the labels and the loss ask for."""
        if self._loss.labels != "classes":
            if H.shape != self.data.y.shape:
                raise ValueError(f"the network's outputs have shape {H.shape}, the labels y {self.data.y.shape}")
        elif H.ndim != 2:
            raise ValueError(f"the {self.loss_name} loss needs a network with k outputs, shape (n, k); this one's outputs have shape {H.shape}")
        elif self.data.y.max() >= H.shape[1]:
            raise ValueError(f"labels y go up to {self.data.y.max()}, the network has {H.shape[1]} outputs: classes count from 0 to k−1")

    def _told(self, H):
        """The loss and the residual at the outputs H."""
        if self._frozen_residual is not None:
            return -float(np.vdot(self._frozen_residual, H)), self._frozen_residual
        loss, residual = self._loss.told(H, self.data.y)
        return float(self._weight * loss), residual if self._weight == 1 else self._weight * residual

    @cached_property
    def _shape(self):
        return (self.network.size(self.data.dim),)

    def _pass(self):
        """θ ↦ (H, r ↦ J(θ)ᵀ r), the network's own or, for one of the two functions alone, or that overrides one of them, made of these."""
        network, X = self.network, self.data.X
        if hasattr(network, "at") and _defined(network, "at") <= min(_defined(network, "outputs"), _defined(network, "pullback")):
            return network.at(X)
        return lambda theta: (network.outputs(theta, X), lambda r: network.pullback(theta, X, r))


class Rescaled:
    """A problem whose velocity is ‖θ‖·θ̇/‖θ̇‖; see `Problem.rescaled`."""

    def __init__(self, problem):
        self._problem, self.network, self.data = problem, problem.network, problem.data
        self.loss, self.residual, self.start = problem.loss, problem.residual, problem.start

    def __repr__(self):
        return f"{self._problem}.rescaled()"

    def velocity(self, theta):
        """‖θ‖·θ̇/‖θ̇‖, shape (P,)."""
        return self._scaled(theta, self._problem.velocity(theta))

    def loss_and_velocity(self, theta):
        """The loss and the rescaled velocity from one pass."""
        loss, velocity = self._problem.loss_and_velocity(theta)
        return loss, self._scaled(theta, velocity)

    def motion(self):
        """θ ↦ (loss, rescaled velocity), unchecked; see `Problem.motion`."""
        look = self._problem.motion()

        def motion(theta):
            loss, velocity = look(theta)
            return loss, self._scaled(theta, velocity)

        return motion

    def physical_time(self, run, clock=None):
        """The time t (k,) of training at the rescaled times `clock` (k,), rising from 0, of a run; by default at its own points: t = ∫ ‖θ‖/‖θ̇‖ ds.

        Gauss's rule with three nodes between any two of them.
        """
        clock = run.t if clock is None else checks.array("clock", clock, ("k",))
        if clock[0] != 0 or (np.diff(clock) < 0).any():
            raise ValueError(f"clock must rise from 0, got {clock[:3]} …")
        nodes, weights = np.polynomial.legendre.leggauss(3)
        length = np.diff(clock)
        at = clock[:-1, None] + 0.5 * length[:, None] * (1 + nodes)
        look = self._problem.motion()
        pace = np.array([np.linalg.norm(theta) / np.linalg.norm(look(theta)[1]) for theta in run.at(at.ravel())])
        return np.concatenate([[0], np.cumsum(0.5 * length * (pace.reshape(at.shape) @ weights))])

    @staticmethod
    def _scaled(theta, velocity):
        speed = np.linalg.norm(velocity)
        if speed == 0:
            raise ValueError("theta stands still there (velocity 0): the rescaled clock has no direction to follow")
        return np.linalg.norm(theta) / speed * velocity


def _defined(network, name):
    """How far up the classes of the network the name is defined; beyond all of them where it is not."""
    classes = type(network).__mro__
    return next((k for k, each in enumerate(classes) if name in vars(each)), len(classes))


def _check_labels(y, wanted, loss):
    if wanted == "signs" and not np.isin(y, (-1, 1)).all():
        raise ValueError(f"labels y must be −1 or +1 for the {loss} loss, got {np.unique(y)[:5]}")
    if wanted == "classes" and (y.dtype.kind != "i" or y.ndim != 1 or y.min() < 0):
        raise ValueError(f"labels y must be whole numbers 0 … k−1, shape (n,), for the {loss} loss")
