"""Saddle to saddle: where a run rests, and its next step read off from there.

At a plateau some weights live and the others are still small, θ = living + small. The living ones stand still at a saddle; so the residual freezes again, at
r = r(saddle), and the small weights follow the flow of the NCF N(small) = Σ_i r_i H(x_i; small) until a group of them is large (arXiv:2402.09226, the theorem near
saddles; arXiv:2509.12154). Everything here takes networks whose parts add, H(θ) = Σ_k H(parts_k): see `parts` in helpers.networks and helpers.linear.

The theorem asks that the living weights alone are at a minimum of their own loss and that the small ones are small: where a plateau or a step fails in that, it says so.
"""

from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
from scipy.linalg import block_diag
from scipy.optimize import brentq
from scipy.signal import find_peaks

from helpers import checks
from helpers.flow import DivergenceError, EvaluationLimitError, StopAt, Trajectory, gradient_flow, stop_at
from helpers.linear import DeepLinear
from helpers.problem import Problem

QUIET = 0.1  # a plateau is slower than this share of the drops on its both sides; living parts grow less than this share of the fastest growth
LIVING = 0.02  # living parts have at least this share of the length of the longest
_ONSET = 1e-3  # of a drop: when the NCF of the small weights has grown to this, the residual is frozen no more
_EARLY = 0.05  # of a drop: when the direction of the foremost winner is taken
_WINNERS = 0.99  # the share of the NCF at the onset that the parts which escape have between them
_CLEAN = 0.02  # of a drop: what a clean plateau's loss may be off by
_SETTLED = (QUIET / 2) ** 2  # of a drop: what is left of it when the flow has slowed to half of QUIET, as it falls to a minimum
_STILL = 1e-4  # of the speed of a drop: a flow so slow has settled
_FOLLOWING = _ONSET / 2  # of a drop, or of all that is left if that is less: with more gained by others at its end the next drop has begun
_PARTING = 10.0  # of the NCF at the onset: more must not be gained until then by living weights that part
_NOISE = 0.1  # of the small weights: more must not come from the errors of the run
_SOLVED = 1e-7  # of the loss before a drop: with less than that left, nothing is left to wait for
_TINY = 1e-200
_REST_RTOL = 1e-5  # of a flow to rest, which forgets its errors
_CLIMB = 100  # steps in which a part climbs the NCF
_PATIENCE = 30  # steps in which a flow at rest should become slower yet
_EVALUATIONS = 4000  # in which a flow to the next saddle should settle; the NCF flow, whose parts may wait for long, may take eight times as many


@dataclass(frozen=True, eq=False)
class Plateau:
    """A place where a run rests, θ = living + small, and the saddle beside it.

    time; theta (P,) and loss of the run there; living (K,): which parts live; small (P,): the sum of all others; saddle (P,): where the living parts come to rest by
    themselves, with saddle_loss; residual: the one that freezes there, r(saddle); unclear: why no step can be predicted from here, "" if it can.
    """

    time: float
    theta: np.ndarray
    loss: float
    living: np.ndarray
    small: np.ndarray
    saddle: np.ndarray
    saddle_loss: float
    residual: np.ndarray
    unclear: str = ""


@dataclass(frozen=True, eq=False)
class Step:
    """The step from a plateau to the next, read off from the plateau alone.

    time: when half of the drop is done; loss: that of the next saddle; winners (K,): the parts that escape; direction (P,): of the foremost winner when a twentieth of the drop is done, unit; onset: the
    time at which they have grown so large that the residual melts; run: the flow from the saddle and the winners, its time from the onset on;
    arrival: the Plateau it leads to. A loss of less than 1e-4 of the one before is not followed any further. Where `unclear` says why nothing is predicted, time, loss and direction are NaN and run and arrival are None.
    """

    time: float
    loss: float
    winners: np.ndarray
    direction: np.ndarray
    onset: float
    run: Trajectory | None = field(repr=False)
    arrival: Plateau | None = field(repr=False)
    unclear: str = ""


def plateaus(problem, run, least=1e-3):
    """The Plateaus of a Trajectory of the problem, before each of its drops, from the start on: a tuple; the end of the run is none of them.

    A plateau is where ‖θ̇‖ is least between two drops and at most a tenth of both; a drop has at least the share `least` of the whole fall of the loss.
    """
    least = checks.positive("least", least)
    _check(problem)
    speed = _speeds(problem, run)
    peaks = _peaks(speed)
    rests = np.array([0, *(a + int(np.argmin(speed[a:b])) for a, b in pairwise(peaks)), len(speed) - 1])
    falls = -np.diff(run.loss[rests])
    found, before = [], 0
    for k in np.flatnonzero((falls > 0) & (falls >= least * (run.loss[0] - run.loss[-1]))):
        now = rests[k]
        plateau = None if now else _at_origin(problem, run.theta[0])
        if plateau is None or plateau.unclear:  # a run may begin at a saddle
            fallen, peak = (run.loss[before] - run.loss[now], speed[before:now].max()) if now else (falls[k], speed[peaks[k]])
            after = _plateau(problem, run.t[now], run.theta[now], problem.velocity(run.theta[now]), peak, fallen)
            plateau = after if plateau is None or not after.unclear else plateau
            if not plateau.unclear and _error(problem.network, run.theta[0], plateau) > _NOISE * np.linalg.norm(plateau.small):
                plateau = replace(plateau, unclear="the small weights drown in the errors of the run: give it a smaller rtol")
        found.append(plateau)
        before = now
    return tuple(found)


def drop_times(problem, run, found=None):
    """When half of each drop of a run is done, shape (K,): the loss is halfway between that of its plateau and that of the next, or of the run's end;
    NaN for a last drop that the run leaves before it has slowed to half of its greatest speed. `found`: its plateaus, if known.
    """
    _check(problem)
    found = plateaus(problem, run) if found is None else _known(found)
    speed = _speeds(problem, run)
    levels = np.array([*(plateau.loss for plateau in found), run.loss[-1]])
    times = [_crossing(problem, run, level) for level in (levels[1:] + levels[:-1]) / 2]
    if found and speed[-1] > 0.5 * speed[run.t >= found[-1].time].max():
        times[-1] = np.nan
    return np.array(times)


def start(problem, theta0):
    """The Plateau at the origin, from which the small weights theta0 (P,) start."""
    _check(problem)
    theta0 = problem.start(theta0)
    if not theta0.any():
        raise ValueError("theta0 must not be zero: weights that are exactly zero never grow")
    return _at_origin(problem, theta0)


def _at_origin(problem, theta0):
    """The Plateau at the origin with the small weights theta0 (P,), which may all be zero."""
    origin, loss = np.zeros_like(theta0), problem.loss(theta0)
    rest, parts = problem.loss(origin), problem.network.parts(theta0)
    gap = max(abs(loss - rest), np.sum(np.abs(_gains(problem.frozen(), parts))))
    unclear = "" if gap <= _CLEAN * rest else f"the start is not small: it and its parts move the loss of the origin, {rest:.4g}, by {gap:.4g}"
    return Plateau(0.0, theta0, loss, np.zeros(len(parts), dtype=bool), theta0, origin, rest, problem.residual(origin), unclear)


def next_step(problem, plateau):
    """The Step that the flow takes from a Plateau: NCF flow of the small weights to the onset, then the flow of the saddle and the winners alone to its rest."""
    _check(problem)
    (plateau,) = _known((plateau,))
    if plateau.unclear:
        return _unclear(plateau, plateau.unclear)
    if not plateau.small.any():
        return _unclear(plateau, "no weights are small there")
    step = _step(problem, plateau, _ONSET * plateau.saddle_loss)
    drop = plateau.saddle_loss - step.loss
    return _step(problem, plateau, _ONSET * drop) if 0 < drop < QUIET * plateau.saddle_loss else step


def _step(problem, plateau, level):
    """The Step whose onset is when the NCF of the small weights is `level`."""
    frozen = problem.frozen(plateau.residual)
    try:
        grown = _uncut(gradient_flow(frozen, plateau.small, 1e300, stop=stop_at(loss=-level), max_evaluations=8 * _EVALUATIONS))
    except (EvaluationLimitError, DivergenceError) as error:
        grown = error.run
    if grown.stopped != "loss":
        return _unclear(plateau, "no small weights grow there")
    if plateau.living.any() and grown.t[-1] == 0:
        return _unclear(plateau, "the next drop has begun there")
    parting, gained = _parted(problem, plateau, grown.t[-1])
    if gained > _PARTING * level:
        return _unclear(plateau, "the weights that live part before others grow: they are not at a minimum of their own loss")
    parts = problem.network.parts(grown.theta[-1])
    gains, growth = _gains(frozen, parts), _growth(parts, frozen.velocity(grown.theta[-1]))
    foremost = int(np.argmax(gains))
    winners = _foremost(gains) & (growth >= growth[foremost] / 2)
    losers, onset = parts[~winners].sum(axis=0), plateau.time + grown.t[-1]
    run, rest, speed = _to_rest(problem, plateau.saddle + parting + parts[winners].sum(axis=0))
    if rest is None:
        return _unclear(plateau, "the weights that grow do not come to rest again")
    loss = run.loss[rest]
    drop = plateau.saddle_loss - loss
    if abs(plateau.loss - plateau.saddle_loss) > _CLEAN * drop:
        return _unclear(plateau, "the weights that live have not settled")
    if run.loss[0] <= plateau.saddle_loss - drop / 2:
        return _unclear(plateau, "half of the drop is done before its residual melts")
    half, settled = (_crossing(problem, run, loss + left * drop) for left in (0.5, _SETTLED))
    late = problem.frozen(problem.residual(run.theta[rest]))
    try:
        losers = _after(late, _after(frozen, losers, half), settled - half)
    except DivergenceError:
        return _unclear(plateau, "another group of weights escapes at the same time")
    theta = run.theta[rest] + losers
    if loss > _SOLVED * run.loss[0]:
        arrival = _plateau(problem, onset + settled, theta, late.velocity(theta), speed, drop)
    else:
        sizes = np.linalg.norm(problem.network.parts(run.theta[rest]), axis=1)
        arrival = Plateau(onset + settled, theta, problem.loss(theta), sizes >= LIVING * sizes.max(), losers, run.theta[rest], loss, late.z)
    if abs(arrival.saddle_loss - loss) > _CLEAN * drop:
        return _unclear(plateau, "the weights that grow do not come to rest again")
    if loss > _CLEAN * drop and max(-late.loss(arrival.small), _parted(problem, arrival, settled - half)[1]) > _FOLLOWING * min(loss, drop):
        return _unclear(plateau, "other weights follow before these have settled")
    early = run.at([_crossing(problem, run, loss + (1 - _EARLY) * drop)])[0] - plateau.saddle
    first = np.where(parts[foremost] != 0, early, 0.0)
    return Step(onset + half, loss, winners, first / np.linalg.norm(first), onset, run, arrival)


def staircase(problem, theta0, steps=10):
    """All Steps from the small weights theta0 (P,) on, one from the arrival of the other, with no run of the whole network: a tuple, which ends after `steps`,
    with a loss of a thousandth of the origin's, or with a Step that is unclear.
    """
    steps, plateau, found = checks.whole("steps", steps), start(problem, theta0), []
    least = _ONSET * plateau.saddle_loss
    while len(found) < steps and plateau is not None and plateau.saddle_loss > least:
        found.append(next_step(problem, plateau))
        plateau = found[-1].arrival
    return tuple(found)


def pursuit(problem, scale=1e-6, steps=3, seed=0):
    """The greedy algorithm (neuron pursuit, arXiv:2509.12154) as a Trajectory: add the part along which the NCF of the residual is greatest, of length `scale`, to the weights that
    live; follow the flow to its rest; and again, `steps` times, from weights 0 on.

    The greatest is sought by ascent of every free part alone, from a random direction each: a network has as many tries as free parts.
    """
    scale, steps, seed = checks.positive("scale", scale), checks.whole("steps", steps), checks.whole("seed", seed, low=0)
    _check(problem)
    theta = np.zeros(problem.network.size(problem.data.dim))
    times, thetas, losses, evaluations = [0.0], [theta], [problem.loss(theta)], 0
    for step in range(steps):
        new, tries = _best_part(problem, theta, seed + step)
        if new is None:
            break
        run, rest, _ = _to_rest(problem, theta + scale * new, patient=True)
        if rest is None:
            break
        theta, evaluations = run.theta[rest], evaluations + tries + run.evaluations
        times.extend(times[-1] + run.t[1:rest + 1])
        thetas.extend(run.theta[1:rest + 1])
        losses.extend(run.loss[1:rest + 1])
    return Trajectory(np.array(times), np.array(thetas), np.array(losses), evaluations, "stationary")


def _best_part(problem, theta, seed):
    """The unit θ (P,) of one free part with the greatest NCF that the parts of a random start climb to, None if none is above 0; and the evaluations that took."""
    network, frozen = problem.network, problem.frozen(problem.residual(theta))
    size = np.linalg.norm(network.parts(theta), axis=1)
    free = network.parts(network.init(problem.data.dim, 1.0, seed))[size <= LIVING * size.max()]
    tops = [_climbed(frozen, part) for part in free if part.any()]
    best = max(tops, key=lambda top: -frozen.loss(top), default=None)
    return (None if best is None or frozen.loss(best) >= 0 else best), _CLIMB * len(tops)


def _climbed(frozen, part):
    """A unit vector of high NCF, by shorter and shorter steps along its gradient."""
    for k in range(_CLIMB):
        velocity = frozen.velocity(part)
        part = part / np.linalg.norm(part) + velocity / max(np.linalg.norm(velocity), _TINY) / (k + 2)
    return part / np.linalg.norm(part)


def _plateau(problem, time, theta, velocity, speed, drop):
    """The Plateau at θ (P,) with that velocity (P,), beside a drop of the loss with that greatest speed."""
    living = _living(problem, theta, velocity, speed)
    alive = problem.network.parts(theta)[living].sum(axis=0)
    if not living.any():
        return Plateau(float(time), theta, problem.loss(theta), living, theta, alive, problem.loss(alive), problem.residual(alive), "no weights live there")
    run, rest, _ = _to_rest(problem, alive, speed)
    rest = 0 if rest is None else rest
    saddle, saddle_loss, loss = run.theta[rest], run.loss[rest], problem.loss(theta)
    unclear = "" if abs(loss - saddle_loss) <= _CLEAN * drop else "the weights that live have not settled"
    return Plateau(float(time), theta, loss, living, theta - alive, saddle, saddle_loss, problem.residual(saddle), unclear)


def _living(problem, theta, velocity, speed):
    """Which parts of θ are large and at rest, beside the fastest growing part and beside the drop's greatest speed."""
    parts = problem.network.parts(theta)
    size = np.linalg.norm(parts, axis=1)
    growth = _growth(parts, velocity)
    return (size >= LIVING * size.max()) & (growth <= QUIET * max(growth.max(), QUIET**2 * speed / size.max()))


def _gains(frozen, parts):
    """The NCF of each part, shape (K,)."""
    return np.array([-frozen.loss(part) for part in parts])


def _foremost(gains):
    """Which parts, those with the greatest gains, have nearly all of the gain between them."""
    order = np.argsort(gains)[::-1]
    shared = np.cumsum(np.maximum(gains[order], 0))
    chosen = np.zeros(len(gains), dtype=bool)
    chosen[order[:1 + np.searchsorted(shared, _WINNERS * shared[-1])]] = True
    return chosen


def _parted(problem, plateau, time):
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


def _error(network, theta0, plateau):
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


def _growth(parts, velocity):
    """The rate d ln‖part‖/dt of each part, shape (K,)."""
    return parts @ velocity / np.maximum(np.sum(parts**2, axis=1), _TINY)


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
        if rest is not None and (speed <= _STILL * peak or loss <= _SOLVED * self.losses[0] or speed >= self.speeds[rest] / QUIET
                                 or (len(self.speeds) > rest + _PATIENCE and self.speeds[rest] <= QUIET**2 * peak)):
            return "stationary"
        return None

    def rest(self):
        """The number of the slowest point since the drop, None before that, and the drop's greatest speed."""
        speeds, over, tops = np.array(self.speeds), np.array([True]), np.array([self.peak])
        if not self.peak:
            tops = np.maximum.accumulate(speeds)
            over = (speeds <= QUIET * tops) & (np.array(self.losses) <= (1 - _ONSET) * self.losses[0])
        if not over.any():
            return None, tops[-1]
        end = int(np.argmax(over))
        return end + int(np.argmin(speeds[end:])), tops[end]


def _to_rest(problem, theta, peak=0.0, patient=False):
    """The flow from θ, a sum of parts, to its rest after a drop, the number of that rest among its points, None if it has none, and the drop's greatest speed;
    `patient`: with eight times as many evaluations, and content with the slowest point."""
    stop, alive = _AtRest(peak=peak), _Alive(problem, theta)
    limit = (8 if patient else 1) * _EVALUATIONS
    try:
        run = _uncut(gradient_flow(alive, alive.room @ theta, 1e300, stop, None if problem.network.kinked else _REST_RTOL, limit, stiff=True))
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

    def velocity(self, weights):
        return self.room @ self._problem.velocity(weights @ self.room)

    def whole(self, run):
        """The run of these weights as one of all."""
        return replace(run, theta=run.theta @ self.room, _dense=run._dense and (lambda times: (run._dense(times).T @ self.room).T))


def _after(frozen, small, time):
    return _uncut(gradient_flow(frozen, small, time)).theta[-1] if small.any() and time > 0 else small


def _uncut(run):
    """The run, unless Ctrl-C or a stopped cell has cut it short."""
    if run.stopped == "interrupted":
        raise KeyboardInterrupt
    return run


def _speeds(problem, run):
    if not isinstance(run, Trajectory) or run.theta.shape[1] != problem.network.size(problem.data.dim):
        raise TypeError(f"run must be a Trajectory of the problem, got {run!r}")
    return np.array([np.linalg.norm(problem.velocity(theta)) for theta in run.theta])


def _peaks(speed):
    """Where the speed (T,) is greatest between two rests."""
    height = np.concatenate([[-np.inf], np.log(np.maximum(speed, _TINY)), [-np.inf]])
    return find_peaks(height, prominence=-np.log(QUIET))[0] - 1


def _crossing(problem, run, level):
    """The time at which the loss of a run first falls to the level."""
    k = int(np.argmax(run.loss <= level))
    if k == 0:
        return float(run.t[0])
    return float(brentq(lambda t: problem.loss(run.at([t])[0]) - level, run.t[k - 1], run.t[k]))


def _unclear(plateau, why):
    return Step(np.nan, np.nan, np.zeros_like(plateau.living), np.full_like(plateau.theta, np.nan), np.nan, None, None, why)


def _check(problem):
    if not isinstance(problem, Problem) or not callable(getattr(problem.network, "parts", None)):
        raise TypeError("problem must be a helpers.Problem whose network has parts(theta): TwoLayer, DeepLinear or Diagonal")
    if problem._frozen_residual is not None:
        raise ValueError("problem must have a live residual: a frozen one has no saddles to go to")


def _known(found):
    if not isinstance(found, (tuple, list)) or not all(isinstance(plateau, Plateau) for plateau in found):
        raise TypeError(f"found and plateau must come from plateaus(…), start(…) or a Step's arrival, got {found!r}")
    return found
