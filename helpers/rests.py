"""Flows at and between saddles: to their rest, in the weights that can be used, and how far living weights part on the way."""

from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
from scipy.linalg import block_diag
from scipy.optimize import brentq, minimize_scalar
from scipy.signal import find_peaks

from helpers.flow import DivergenceError, EvaluationLimitError, StopAt, Trajectory, gradient_flow
from helpers.linear import DeepLinear

QUIET = 0.1  # a plateau is slower than this share of the drops on its both sides; living parts grow less than this share of the fastest growth
ONSET = 1e-3  # of a drop: when the NCF of the small weights has grown to this, the residual is frozen no more
SOLVED = 1e-7  # of the loss before a drop: with less than that left, nothing is left to wait for
TINY = 1e-200
_STILL = 1e-4  # of the speed of a drop: a flow so slow has settled
_RTOL = 1e-5  # of a flow to rest, which forgets its errors
_PATIENCE = 30  # steps in which a flow at rest should become slower yet
EVALUATIONS = 4000  # in which a flow to the next saddle should settle; the NCF flow, whose parts may wait for long, may take eight times as many


@dataclass(frozen=True)
class _AtRest(StopAt):
    """Ends a flow that, after a first drop, has almost come to rest, becomes no slower, or grows fast again; `peak` is the greatest speed of a drop that is over already."""

    loss: None = None
    norm: None = None
    stationary: None = None
    peak: float = 0.0
    losses: list = field(default_factory=list)
    speeds: list = field(default_factory=list)

    def reason(self, loss, norm, speed):
        self.losses.append(loss)
        self.speeds.append(speed)
        rest, peak = self.rest()
        if rest is not None and (speed <= _STILL * peak or loss <= SOLVED * self.losses[0] or speed >= self.speeds[rest] / QUIET
                                 or (len(self.speeds) > rest + _PATIENCE and self.speeds[rest] <= QUIET**2 * peak)):
            return "stationary"
        return None

    def rest(self):
        """The number of the slowest point since the drop, None before that, and the drop's greatest speed."""
        speeds, over, tops = np.array(self.speeds), np.array([True]), np.array([self.peak])
        if not self.peak:
            tops = np.maximum.accumulate(speeds)
            over = (speeds <= QUIET * tops) & (np.array(self.losses) <= (1 - ONSET) * self.losses[0])
        if not over.any():
            return None, tops[-1]
        end = int(np.argmax(over))
        return end + int(np.argmin(speeds[end:])), tops[end]


def to_rest(problem, theta, peak=0.0, patient=False):
    """The flow from θ, a sum of parts, to its rest after a drop, the number of that rest among its points, None if it has none, and the drop's greatest speed;
    `patient`: with eight times as many evaluations, and content with the slowest point."""
    stop, alive = _AtRest(peak=peak), _Alive(problem, theta)
    limit = (8 if patient else 1) * EVALUATIONS
    try:
        run = uncut(gradient_flow(alive, alive.room @ theta, 1e300, stop, None if problem.network.kinked else _RTOL, limit, stiff=True))
    except (EvaluationLimitError, DivergenceError) as error:
        run = error.run
    rest, peak = stop.rest()
    settled = run.stopped == "stationary" or (rest is not None and stop.speeds[rest] <= QUIET**2 * peak) or patient
    return alive.whole(run), rest if settled else None, peak


class _Alive:
    """The problem in those weights alone that the flow from θ can make use of: fewer, and without errors in the others."""

    def __init__(self, problem, theta):
        self.room, self.network, self.data, self._problem = _room(problem.network, theta), problem.network, problem.data, problem

    def start(self, weights):
        return weights.copy()

    def loss(self, weights):
        return self._problem.loss(weights @ self.room)

    def motion(self):
        motion = self._problem.motion()

        def within(weights):
            loss, velocity = motion(weights @ self.room)
            return loss, self.room @ velocity

        return within

    def whole(self, run):
        """The run of these weights as one of all."""
        return replace(run, theta=run.theta @ self.room, _dense=run._dense and (lambda times: (run._dense(times).T @ self.room).T))


def uncut(run):
    """The run, unless Ctrl-C or a stopped cell has cut it short."""
    if run.stopped == "interrupted":
        raise KeyboardInterrupt
    return run


def later(frozen, small, time):
    """Where the flow takes small weights (P,) within a time."""
    return uncut(gradient_flow(frozen, small, time)).theta[-1] if small.any() and time > 0 else small


def speeds(problem, run):
    """‖θ̇‖ at the points of a run, shape (T,)."""
    if not isinstance(run, Trajectory) or run.theta.shape[1] != problem.network.size(problem.data.dim):
        raise TypeError(f"run must be a Trajectory of the problem, got {run!r}")
    motion = problem.motion()
    return np.array([_speed(motion, theta) for theta in run.theta])


def peaks(speed):
    """Where the speed (T,) is greatest between two rests."""
    height = np.concatenate([[-np.inf], np.log(np.maximum(speed, TINY)), [-np.inf]])
    return find_peaks(height, prominence=-np.log(QUIET))[0] - 1


def stillest(problem, run, k):
    """The time at which ‖θ̇‖ is least between the points of a run before and after point k, where it is least among the points: which of them the
    integrator comes to is chance."""
    span, motion = (run.t[max(k - 1, 0)], run.t[min(k + 1, len(run.t) - 1)]), problem.motion()
    pace = minimize_scalar(lambda t: np.log(max(_speed(motion, run.at([t])[0]), TINY)), bounds=span, method="bounded",
                           options={"xatol": 1e-6 * (span[1] - span[0])})
    return float(pace.x) if pace.fun <= np.log(max(_speed(motion, run.theta[k]), TINY)) else float(run.t[k])


def _speed(motion, theta):
    return np.linalg.norm(motion(theta)[1])


def crossing(problem, run, level):
    """The time at which the loss of a run first falls to the level."""
    k = int(np.argmax(run.loss <= level))
    if k == 0:
        return float(run.t[0])
    return float(brentq(lambda t: problem.loss(run.at([t])[0]) - level, run.t[k - 1], run.t[k]))


def parted(problem, plateau, time):
    """How far (P,) living weights go within a time from a saddle that is no minimum of their own loss, and what the flow gains by it: with the growth rates
    λ > 0 of its curvature and the velocity's components v along them, v (e^{λt} − 1)/λ each, and Σ v² (e^{2λt} − 1)/(2λ).
    """
    if not plateau.living.any() or problem.network.kinked:
        return np.zeros_like(plateau.theta), 0.0
    room, step = _room(problem.network, plateau.theta - plateau.small), 1e-5 * np.linalg.norm(plateau.saddle)
    slopes = np.array([problem.velocity(plateau.saddle + step * axis) - problem.velocity(plateau.saddle - step * axis) for axis in room]) @ room.T / (2 * step)
    growth, axes = np.linalg.eigh((slopes + slopes.T) / 2)
    up = growth > 0
    axes, growth = axes[:, up], np.minimum(growth[up], 250 / time if time > 0 else np.inf)  # e^{500} is not to overflow
    along = axes.T @ (room @ problem.velocity(plateau.theta))
    return along * np.expm1(growth * time) / growth @ axes.T @ room, float(np.sum(along**2 * np.expm1(2 * growth * time) / (2 * growth)))


def error(network, theta0, plateau):
    """About how large the errors of a run are in the small weights, where a weight belongs to several parts: what the flow should keep between
    the living directions of a hidden layer and the others, W_{l+1}ᵀW_{l+1} − W_lW_lᵀ, is off by this times the size of the living weights.
    """
    if not isinstance(network, DeepLinear) or not plateau.living.any():
        return 0.0
    errors, size = [], np.linalg.norm(plateau.theta - plateau.small)
    drifts = [now - before for now, before in zip(_imbalances(network, plateau.theta), _imbalances(network, theta0), strict=True)]
    for drift, frame in zip(drifts, _frames(network, plateau.theta - plateau.small), strict=True):
        across = drift @ frame
        errors.append(np.linalg.norm(across - frame @ (frame.T @ across)) / size)
    return max(errors)


def _imbalances(network, theta):
    W = network.weights(theta)
    return [above.T @ above - below @ below.T for below, above in pairwise(W)]


def _frames(network, theta):
    """Of every hidden layer of a DeepLinear network an orthonormal basis (m, r) of the directions that θ uses."""
    W = network.weights(theta)
    turned = [np.linalg.svd(np.hstack([below, above.T]), full_matrices=False)[:2] for below, above in pairwise(W)]
    return [frame[:, sizes > 1e-9 * sizes[0]] for frame, sizes in turned]


def _room(network, theta):
    """An orthonormal basis (Q, P) of the weights that the flow from θ can make use of: parts that are zero stay so."""
    if isinstance(network, DeepLinear):
        frames = [np.eye(network.widths[0]), *_frames(network, theta), np.eye(network.widths[-1])]
        return block_diag(*(np.kron(after, before).T for before, after in pairwise(frames)))
    if network.kinked:  # the flow slides along the kinks of neurons, which it must see whole
        return np.eye(len(theta))
    used = network.parts(np.ones_like(theta))[network.parts(theta).any(axis=1)].any(axis=0)
    return np.eye(len(theta))[used]
