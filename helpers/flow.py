"""Gradient flow θ̇ = velocity(θ) and gradient descent θ ← θ + η·velocity(θ): two ways along one velocity, one kind of Trajectory."""

import math
import time
from contextvars import ContextVar
from dataclasses import dataclass

import numpy as np
from scipy.integrate import OdeSolution
from scipy.optimize import brentq

from helpers import checks
from helpers.integrators import Sliding, Smooth, Stiff, root_mean_square
from helpers.problem import Rescaled

_ESCAPE_EVALUATIONS = 200_000  # after which an escape is given up
watcher = ContextVar("watcher", default=None)  # who is told how much of a long run is done, a share in [0, 1], in place of a progress bar


@dataclass(frozen=True, eq=False)
class Trajectory:
    """A run of training: times t (T,), weights theta (T, P), loss (T,), and the number of velocity evaluations.

    `stopped` says why it ended: "time", "loss", "norm", "stationary", "interrupted", or, on the run that an error carries, "diverged" or "evaluations".
    """

    t: np.ndarray
    theta: np.ndarray
    loss: np.ndarray
    evaluations: int
    stopped: str
    _dense: object = None

    def __repr__(self):
        return (f"Trajectory({len(self.t)} points, t = {self.t[0]:.4g} … {self.t[-1]:.4g}, loss {self.loss[0]:.4g} → "
                f"{self.loss[-1]:.4g}, {self.evaluations} evaluations, stopped by {self.stopped})")

    @property
    def norm(self):
        """‖θ(t)‖₂, shape (T,)."""
        return np.linalg.norm(self.theta, axis=1)

    def at(self, times):
        """θ at any times within the run, shape (len(times), P): the integrator's own interpolant for a flow, straight lines for gradient descent."""
        times = checks.array("times", times, ("k",))
        rounding = 1e-10 * self.t[-1]  # a sum of steps is not exactly their number times their size
        if times.min() < self.t[0] - rounding or times.max() > self.t[-1] + rounding:
            raise ValueError(f"times must lie within the run, {self.t[0]:.6g} … {self.t[-1]:.6g}, got {times.min():.6g} … {times.max():.6g}")
        if self._dense is not None:
            return self._dense(times).T
        after = np.clip(np.searchsorted(self.t, times), 1, max(1, len(self.t) - 1))
        if len(self.t) == 1:
            return np.repeat(self.theta, len(times), axis=0)
        share = (times - self.t[after - 1]) / (self.t[after] - self.t[after - 1])
        return self.theta[after - 1] + share[:, None] * (self.theta[after] - self.theta[after - 1])

    def frames(self, count):
        """`count` times that cut the run into equal amounts of what the eye sees: growth of the norm, turning, time and loss."""
        count = checks.whole("count", count, low=2)
        if len(self.t) < 3:
            return np.linspace(self.t[0], self.t[-1], count)
        moved = np.linalg.norm(np.diff(self.theta, axis=0), axis=1) / self.norm[1:]
        fell = np.abs(np.diff(self.loss)) / max(np.ptp(self.loss), np.finfo(float).tiny)
        ticked = np.diff(np.log(self.t[1] + self.t))
        pace = sum(amount / max(amount.sum(), np.finfo(float).tiny) for amount in (moved, fell, ticked))
        travelled = np.concatenate([[0], np.cumsum(pace)])
        times = np.interp(np.linspace(0, travelled[-1], count), travelled, self.t)
        times[0], times[-1] = self.t[0], self.t[-1]
        return times


@dataclass(frozen=True)
class StopAt:
    """Where a run ends before its time; see `stop_at`."""

    loss: float | None
    norm: float | None
    stationary: float | None

    def reason(self, loss, norm, speed):
        """The first of "loss", "norm", "stationary" that holds, or None."""
        if self.loss is not None and loss <= self.loss:
            return "loss"
        if self.norm is not None and norm >= self.norm:
            return "norm"
        if self.stationary is not None and speed <= self.stationary * norm:
            return "stationary"
        return None


def stop_at(loss=None, norm=None, stationary=None):
    """The place where a run ends, whichever comes first: the loss falls to `loss`, ‖θ‖ rises to `norm`, or ‖θ̇‖ ≤ `stationary`·‖θ‖."""
    if loss is None and norm is None and stationary is None:
        raise ValueError("stop_at needs at least one of loss, norm, stationary")
    return StopAt(None if loss is None else checks.real("loss", loss),
                  None if norm is None else checks.positive("norm", norm),
                  None if stationary is None else checks.positive("stationary", stationary))


class DivergenceError(ArithmeticError):
    """The run left all bounds; `.run` holds what came before."""

    def __init__(self, message, run):
        super().__init__(message)
        self.run = run


class EvaluationLimitError(RuntimeError):
    """The run needed more velocity evaluations than allowed; `.run` holds what came before."""

    def __init__(self, message, run):
        super().__init__(message)
        self.run = run


def gradient_flow(problem, theta0, t_end, stop=None, rtol=None, max_evaluations=200_000, stiff=False):
    """The flow θ̇ = −∇L(θ) from θ(0) = theta0 (P,) until `t_end` or `stop`, as a Trajectory of the integrator's own steps.

    Smooth activations: Dormand–Prince 5(4), by default rtol = 1e-6, weight by weight and resolving a small start. Kinked ones (ReLU), whose flow
    slides along kinks: Bogacki–Shampine 3(2) with rtol = 5e-5 of each neuron's own size, so that small neurons grow as they should beside large ones. A neuron
    that slides is allowed 20 times that, up to 1e-3, so that the run does not stall there (a network without `sizes` and `sliding`: rtol of ‖θ‖).
    Levels of the loss and the norm are met exactly, by interpolation. With `stiff` smooth networks go by LSODA, which costs more a step and does not stall
    where little moves for long beside what has settled, as at the plateaus of networks of degree L > 2; kinked ones keep their method. Ctrl-C or a stopped
    cell keeps the run so far (`stopped` = "interrupted").

    Raises ValueError or TypeError for bad arguments, DivergenceError where the flow blows up (time, loss and norm are named),
    EvaluationLimitError beyond `max_evaluations`.
    """
    theta0, stop = _start(problem, theta0), _checked(stop)
    if not theta0.any():
        raise ValueError("theta0 must not be zero: the accuracy is relative to its size")
    t_end, limit = checks.positive("t_end", t_end), checks.whole("max_evaluations", max_evaluations)
    kinked, stiff = getattr(problem.network, "kinked", False), checks.truth("stiff", stiff)
    rtol = (5e-5 if kinked else 1e-6) if rtol is None else checks.positive("rtol", rtol)
    size, motion = root_mean_square(theta0), _Motion(problem)
    with np.errstate(over="ignore", invalid="ignore"):
        solver = (Sliding if kinked else Stiff if stiff else Smooth)(motion, 0.0, theta0, t_end, rtol=rtol, atol=1e-3 * rtol * size)
        if kinked:
            solver.measure_by(problem, rtol, 1e-12 * size)
        log, pieces = _Log(problem, theta0, t_end), []
        reason = stop.reason(log.loss[0], np.linalg.norm(theta0), np.linalg.norm(solver.f)) if stop else None
        try:
            while reason is None:
                message = solver.step()
                loss = motion.loss(solver.y)
                if solver.status == "failed" or not math.isfinite(loss):
                    raise DivergenceError(f"the flow blows up near t = {solver.t:.6g} (loss {log.loss[-1]:.4g}, ‖θ‖ = "
                                          f"{np.linalg.norm(log.theta[-1]):.4g}), or moves there faster than times of that size can resolve: "
                                          f"stop it before, with stop_at(norm=…), or follow problem.rescaled(). {message or ''}".strip(),
                                          log.trajectory("diverged", solver.nfev, pieces))
                pieces.append(solver.dense_output())
                log.add(solver.t, solver.y.copy(), loss)
                log.show(solver.t, solver.t, loss)
                if stop and (reason := stop.reason(log.loss[-1], np.linalg.norm(solver.y), np.linalg.norm(solver.f))):
                    reason, end = _crossing(problem, stop, reason, pieces[-1], log)
                    log.end_where(end, pieces[-1])
                elif solver.status == "finished":
                    reason = "time"
                elif solver.nfev > limit:
                    raise EvaluationLimitError(f"the flow used {solver.nfev} evaluations and reached only t = {solver.t:.6g} of {t_end:.6g}; "
                                               f"raise max_evaluations or rtol, or stop earlier", log.trajectory("evaluations", solver.nfev, pieces))
        except KeyboardInterrupt:
            reason = "interrupted"
        finally:
            log.close()
    return log.trajectory(reason, solver.nfev, pieces)


def escape_time(problem, theta0, drop=0.1, norm=None):
    """The time t that the flow from theta0 (P,) takes until the loss has fallen by the share `drop` of the origin's loss, or, if `norm` is given, until ‖θ‖ = norm.

    It is measured on the rescaled clock (`Problem.rescaled`), to about 1e-6 of itself, at a cost that does not grow as theta0 shrinks; for kinked networks, whose
    pace jumps where they slide, on the plain one, to about 1e-4, and 1e-3 where they slide. ValueError where the flow never gets there, theta0 is already beyond, or a frozen problem,
    which has no loss to drop, comes without a norm; DivergenceError where a kinked network moves faster than such long times can resolve.
    """
    if isinstance(problem, Rescaled):
        raise TypeError("problem must be the Problem itself: the time is measured on its own clock")
    theta0, kinked = _start(problem, theta0), getattr(problem.network, "kinked", False)
    clock, t_end = (problem, 1e300) if kinked else (problem.rescaled(), 1e3)
    if not 0 < checks.real("drop", drop) < 1:
        raise ValueError(f"drop must be a share between 0 and 1, got {drop!r}")
    if norm is None and not problem.loss(np.zeros_like(theta0)) > 0:
        raise ValueError("the loss of the origin must be above 0 to drop; that of a frozen problem is 0: give norm=… for it")
    level, words = (1 - drop) * problem.loss(np.zeros_like(theta0)), f"a loss {100 * drop:g} % below that of the origin"
    stop = stop_at(loss=level) if norm is None else stop_at(norm=norm)
    words = words if norm is None else f"‖θ‖ = {norm:.4g}"
    if stop.reason(problem.loss(theta0), np.linalg.norm(theta0), np.inf):
        raise ValueError(f"theta0 is already beyond {words}: loss {problem.loss(theta0):.4g}, ‖θ‖ = {np.linalg.norm(theta0):.4g}")
    try:
        run = gradient_flow(clock, theta0, t_end, stop=stop, max_evaluations=_ESCAPE_EVALUATIONS)
    except EvaluationLimitError as error:  # near a minimum the rescaled flow does not settle
        run = error.run
    if run.stopped == "interrupted":
        raise KeyboardInterrupt
    if run.stopped in ("time", "evaluations"):
        raise ValueError(f"the flow from theta0 does not reach {words}: it ends at loss {run.loss[-1]:.4g}, ‖θ‖ = {run.norm[-1]:.4g}, after {run.evaluations} evaluations")
    return float(run.t[-1] if kinked else clock.physical_time(run)[-1])


def gradient_descent(problem, theta0, step, steps, stop=None, record=None):
    """Gradient descent from theta0 (P,) with `steps` steps of size `step`, as a Trajectory whose time is the sum of the steps taken.

    `step` is a number η, or a function of the loss (normalised steps: `lambda loss: 0.1 / loss`). All steps are recorded, or those whose
    numbers are in `record`; the last one always is.

    Raises DivergenceError naming the step size, the step's number, the time, the loss and the largest step that would have been safe.
    """
    theta, stop = _start(problem, theta0), _checked(stop)
    steps = checks.whole("steps", steps, low=0)
    eta = None if callable(step) else checks.positive("step", step)
    kept = None if record is None else _numbers(record, steps)
    log, reason, safe, before = _Log(problem, theta, steps), "time", np.inf, None
    with np.errstate(over="ignore", invalid="ignore"):
        motion, t = problem.motion(), 0.0
        loss, velocity = motion(theta)
        try:
            for k in range(steps + 1):
                if before is not None and before[2] < loss and before[2] <= 2 * abs(log.loss[0]):
                    safe = min(safe, 2 * np.linalg.norm(theta - before[0]) / max(np.linalg.norm(velocity - before[1]), np.finfo(float).tiny))
                if not np.isfinite(loss) or loss - log.loss[0] > 1e8 * abs(log.loss[0]):
                    advice = (f"the curvature seen there allows steps up to about {safe:.2g}" if np.isfinite(safe)
                              else "the loss never rose on the way: stop the run before, with stop_at(norm=…)")
                    raise DivergenceError(f"gradient descent diverges with step {eta:.4g}: at step {k}, t = {t:.6g}, the loss is {loss:.4g} (it began at "
                                          f"{log.loss[0]:.4g}); {advice}", log.trajectory("diverged", k))
                stopped = stop.reason(loss, np.linalg.norm(theta), np.linalg.norm(velocity)) if stop else None
                log.show(k, t, loss)
                if k and (kept is None or k in kept or k == steps or stopped):
                    log.add(t, theta, loss)
                if stopped:
                    reason = stopped
                if stopped or k == steps:
                    break
                if callable(step):
                    eta = checks.positive("step", step(loss))
                before = theta, velocity, loss, t
                theta = theta + eta * velocity
                t += eta
                loss, velocity = motion(theta)
        except KeyboardInterrupt:
            reason = "interrupted"
            if before is not None and before[3] > log.t[-1]:
                log.add(before[3], before[0], before[2])
        finally:
            log.close()
    return log.trajectory(reason, k + 1)


def _numbers(record, steps):
    """The recorded steps' numbers as a set, refused beyond the last step."""
    try:
        numbers = {checks.whole("record", k, low=0) for k in record}
    except TypeError:
        raise TypeError(f"record must hold the numbers of steps, whole numbers ≥ 0, got {record!r}") from None
    if max(numbers, default=0) > steps:
        raise ValueError(f"record must hold numbers of steps up to steps = {steps}, got {max(numbers)}")
    return numbers


def _start(problem, theta0):
    if not all(callable(getattr(problem, name, None)) for name in ("start", "loss", "motion")):
        raise TypeError(f"problem must be a helpers.Problem, got {type(problem).__name__}")
    theta0 = problem.start(theta0)
    with np.errstate(over="ignore", invalid="ignore"):
        loss = problem.loss(theta0)
    if not np.isfinite(loss):
        raise ValueError(f"theta0 must have a finite loss, got {loss}")
    return theta0


def _checked(stop):
    if stop is not None and not isinstance(stop, StopAt):
        raise TypeError(f"stop must be made by stop_at(loss=…, norm=…, stationary=…), got {stop!r}")
    return stop


def _crossing(problem, stop, reason, piece, log):
    """The first level met within the last step, and its time; `reason` and the step's end where there is none."""
    before, after = log.t[-2], log.t[-1]
    levels = {"loss": (stop.loss, lambda t: problem.loss(piece(t)) - stop.loss),
              "norm": (stop.norm, lambda t: stop.norm - np.linalg.norm(piece(t)))}
    met = {name: brentq(gap, before, after, xtol=1e-12 * after, rtol=1e-12)
           for name, (level, gap) in levels.items() if level is not None and gap(before) > 0 > gap(after)}
    return min(met.items(), key=lambda item: item[1], default=(reason, after))


class _Motion:
    """The velocity at (t, θ) as integrators ask for it; the loss at the point that was asked for last comes from the same pass."""

    def __init__(self, problem):
        self._motion, self._theta, self._loss = problem.motion(), None, None

    def __call__(self, _, theta):
        self._theta, (self._loss, velocity) = theta, self._motion(theta)
        return velocity

    def loss(self, theta):
        """L(θ), of which the last step of a Runge–Kutta method has already come by."""
        return self._loss if theta is self._theta else self._motion(theta)[0]


class _Log:
    """The run so far; shows a progress bar once it has taken a second."""

    def __init__(self, problem, theta0, total):
        self.problem, self.t, self.theta, self.loss = problem, [0.0], [theta0], [problem.loss(theta0)]
        self._began, self._bar, self._total = time.perf_counter(), None, total

    def add(self, t, theta, loss):
        self.t.append(t)
        self.theta.append(theta)
        self.loss.append(loss)

    def show(self, done, t, loss):
        """Moves the progress bar to `done` of the total, or tells the watcher."""
        if time.perf_counter() - self._began <= 1:
            return
        if tell := watcher.get():
            tell(done / self._total)
            return
        if self._bar is None:
            from tqdm.auto import tqdm  # in a notebook this takes a widget, which only a long run should load
            self._bar = tqdm(total=self._total, leave=False, disable=None, bar_format="{percentage:3.0f}% |{bar}| {postfix}")
        self._bar.set_postfix_str(f"t = {t:.4g}, loss {loss:.4g}", refresh=False)
        self._bar.update(done - self._bar.n)

    def end_where(self, t, piece):
        """Puts the end of the last step at time t, at least one float after its beginning."""
        self.t[-1], self.theta[-1] = max(t, np.nextafter(self.t[-2], np.inf)), piece(t)
        self.loss[-1] = self.problem.loss(self.theta[-1])

    def close(self):
        if self._bar is not None:
            self._bar.total = self._bar.n  # in a notebook a bar that ends short of its total stays, in red
            self._bar.close()

    def trajectory(self, reason, evaluations, pieces=()):
        """All whole steps: an interruption may have cut the last one short."""
        whole = len(self.loss)
        dense = OdeSolution(self.t[:whole], list(pieces[:whole - 1])) if whole > 1 and pieces else None
        return Trajectory(np.array(self.t[:whole]), np.array(self.theta[:whole]), np.array(self.loss), int(evaluations), reason, dense)
