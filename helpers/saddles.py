"""Saddle to saddle: where a run rests, and its next step read off from there.

At a plateau some weights live and the others are still small, θ = living + small. The living ones stand still at a saddle; so the residual freezes again, at
r = r(saddle), and the small weights follow the flow of the NCF N(small) = Σ_i r_i H(x_i; small) until a group of them is large (arXiv:2402.09226, the theorem near
saddles; arXiv:2509.12154). Everything here takes networks whose parts add, H(θ) = Σ_k H(parts_k): see `parts` in helpers.networks and helpers.linear.

The theorem asks that the living weights alone are at a minimum of their own loss and that the small ones are small: where a plateau or a step fails in that, it says so.
"""

from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np

from helpers import checks, rests
from helpers.flow import DivergenceError, EvaluationLimitError, Trajectory, gradient_flow, stop_at
from helpers.problem import Problem

LIVING = 0.02  # living parts have at least this share of the length of the longest
_EARLY = 0.05  # of a drop: when the direction of the foremost winner is taken
_WINNERS = 0.99  # the share of the NCF at the onset that the parts which escape have between them
_CLEAN = 0.02  # of a drop: what a clean plateau's loss may be off by
_SETTLED = (rests.QUIET / 2) ** 2  # of a drop: what is left of it when the flow has slowed to half of a plateau's speed, as it falls to a minimum
_FOLLOWING = rests.ONSET / 2  # of a drop, or of all that is left if that is less: with more gained by others at its end the next drop has begun
_PARTING = 10.0  # of the NCF at the onset: more must not be gained until then by living weights that part
_NOISE = 0.1  # of the small weights: more must not come from the errors of the run
_CLIMB = 100  # steps in which a part climbs the NCF


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
    arrival: the Plateau it leads to; a loss of less than 1e-7 of the one before is not followed any further.
    Where `unclear` says why nothing is predicted, time, loss and direction are NaN and run and arrival are None.
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
    speed = rests.speeds(problem, run)
    peaks = rests.peaks(speed)
    quiet = np.array([0, *(a + int(np.argmin(speed[a:b])) for a, b in pairwise(peaks)), len(speed) - 1])
    falls = -np.diff(run.loss[quiet])
    found, before = [], 0
    for k in np.flatnonzero((falls > 0) & (falls >= least * (run.loss[0] - run.loss[-1]))):
        now = quiet[k]
        plateau = None if now else _at_origin(problem, run.theta[0])
        if plateau is None or plateau.unclear:  # a run may begin at a saddle
            fallen, peak = (run.loss[before] - run.loss[now], speed[before:now].max()) if now else (falls[k], speed[peaks[k]])
            time = rests.stillest(problem, run, now) if now else 0.0
            theta = run.at([time])[0]
            after = _plateau(problem, time, theta, problem.velocity(theta), peak, fallen)
            plateau = after if plateau is None or not after.unclear else plateau
            if not plateau.unclear and rests.error(problem.network, run.theta[0], plateau) > _NOISE * np.linalg.norm(plateau.small):
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
    speed = rests.speeds(problem, run)
    levels = np.array([*(plateau.loss for plateau in found), run.loss[-1]])
    times = [rests.crossing(problem, run, level) for level in (levels[1:] + levels[:-1]) / 2]
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
    step = _step(problem, plateau, rests.ONSET * plateau.saddle_loss)
    drop = plateau.saddle_loss - step.loss
    return _step(problem, plateau, rests.ONSET * drop) if 0 < drop < rests.QUIET * plateau.saddle_loss else step


def _step(problem, plateau, level):
    """The Step whose onset is when the NCF of the small weights is `level`."""
    frozen = problem.frozen(plateau.residual)
    try:
        grown = rests.uncut(gradient_flow(frozen, plateau.small, 1e300, stop=stop_at(loss=-level), max_evaluations=8 * rests.EVALUATIONS))
    except (EvaluationLimitError, DivergenceError) as error:
        grown = error.run
    if grown.stopped != "loss":
        return _unclear(plateau, "no small weights grow there")
    if plateau.living.any() and grown.t[-1] == 0:
        return _unclear(plateau, "the next drop has begun there")
    parting, gained = rests.parted(problem, plateau, grown.t[-1])
    if gained > _PARTING * level:
        return _unclear(plateau, "the weights that live part before others grow: they are not at a minimum of their own loss")
    parts = problem.network.parts(grown.theta[-1])
    gains, growth = _gains(frozen, parts), _growth(parts, frozen.velocity(grown.theta[-1]))
    foremost = int(np.argmax(gains))
    winners = _foremost(gains) & (growth >= growth[foremost] / 2)
    losers, onset = parts[~winners].sum(axis=0), plateau.time + grown.t[-1]
    run, rest, speed = rests.to_rest(problem, plateau.saddle + parting + parts[winners].sum(axis=0))
    if rest is None:
        return _unclear(plateau, "the weights that grow do not come to rest again")
    loss = run.loss[rest]
    drop = plateau.saddle_loss - loss
    if abs(plateau.loss - plateau.saddle_loss) > _CLEAN * drop:
        return _unclear(plateau, "the weights that live have not settled")
    if run.loss[0] <= plateau.saddle_loss - drop / 2:
        return _unclear(plateau, "half of the drop is done before its residual melts")
    half, settled = (rests.crossing(problem, run, loss + left * drop) for left in (0.5, _SETTLED))
    late = problem.frozen(problem.residual(run.theta[rest]))
    try:
        losers = rests.later(late, rests.later(frozen, losers, half), settled - half)
    except DivergenceError:
        return _unclear(plateau, "another group of weights escapes at the same time")
    theta = run.theta[rest] + losers
    if loss > rests.SOLVED * run.loss[0]:
        arrival = _plateau(problem, onset + settled, theta, late.velocity(theta), speed, drop)
    else:
        sizes = np.linalg.norm(problem.network.parts(run.theta[rest]), axis=1)
        arrival = Plateau(onset + settled, theta, problem.loss(theta), sizes >= LIVING * sizes.max(), losers, run.theta[rest], loss, late.z)
    if abs(arrival.saddle_loss - loss) > _CLEAN * drop:
        return _unclear(plateau, "the weights that grow do not come to rest again")
    if loss > _CLEAN * drop and max(-late.loss(arrival.small), rests.parted(problem, arrival, settled - half)[1]) > _FOLLOWING * min(loss, drop):
        return _unclear(plateau, "other weights follow before these have settled")
    early = run.at([rests.crossing(problem, run, loss + (1 - _EARLY) * drop)])[0] - plateau.saddle
    first = np.where(parts[foremost] != 0, early, 0.0)
    return Step(onset + half, loss, winners, first / np.linalg.norm(first), onset, run, arrival)


def staircase(problem, theta0, steps=10):
    """All Steps from the small weights theta0 (P,) on, one from the arrival of the other, with no run of the whole network: a tuple, which ends after `steps`,
    with a loss of a thousandth of the origin's, or with a Step that is unclear.
    """
    steps, plateau, found = checks.whole("steps", steps), start(problem, theta0), []
    least = rests.ONSET * plateau.saddle_loss
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
        run, rest, _ = rests.to_rest(problem, theta + scale * new, patient=True)
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
        part = part / np.linalg.norm(part) + velocity / max(np.linalg.norm(velocity), rests.TINY) / (k + 2)
    return part / np.linalg.norm(part)


def _plateau(problem, time, theta, velocity, speed, drop):
    """The Plateau at θ (P,) with that velocity (P,), beside a drop of the loss with that greatest speed."""
    living = _living(problem, theta, velocity, speed)
    alive = problem.network.parts(theta)[living].sum(axis=0)
    if not living.any():
        return Plateau(float(time), theta, problem.loss(theta), living, theta, alive, problem.loss(alive), problem.residual(alive), "no weights live there")
    run, rest, _ = rests.to_rest(problem, alive, speed)
    rest = 0 if rest is None else rest
    saddle, saddle_loss, loss = run.theta[rest], run.loss[rest], problem.loss(theta)
    unclear = "" if abs(loss - saddle_loss) <= _CLEAN * drop else "the weights that live have not settled"
    return Plateau(float(time), theta, loss, living, theta - alive, saddle, saddle_loss, problem.residual(saddle), unclear)


def _living(problem, theta, velocity, speed):
    """Which parts of θ are large and at rest, beside the fastest growing part and beside the drop's greatest speed."""
    parts = problem.network.parts(theta)
    size = np.linalg.norm(parts, axis=1)
    growth = _growth(parts, velocity)
    return (size >= LIVING * size.max()) & (growth <= rests.QUIET * max(growth.max(), rests.QUIET**2 * speed / size.max()))


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


def _growth(parts, velocity):
    """The rate d ln‖part‖/dt of each part, shape (K,)."""
    return parts @ velocity / np.maximum(np.sum(parts**2, axis=1), rests.TINY)


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
