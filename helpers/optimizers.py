"""Training by everyday optimizers: gradient descent, stochastic gradient descent and Adam, each a Trajectory like that of the flow."""

import numpy as np

from helpers import checks
from helpers.data import Dataset
from helpers.flow import DivergenceError, _checked, _Log, _numbers, _start, gradient_descent
from helpers.problem import Problem

OPTIMIZERS = ("gd", "sgd", "adam")


def train(problem, theta0, optimizer="adam", step=1e-3, steps=1000, batch=None, seed=0, stop=None, record=None, epsilon=1e-8):
    """Training from theta0 (P,) with `steps` steps of "gd", "sgd" or "adam", as a Trajectory whose time is the sum of the steps' sizes `step`.

    "gd" is `gradient_descent`; "sgd" and "adam" (β = 0.9 and 0.999, ε = `epsilon`) are those of torch. "sgd" follows `batch` points at a time, drawn without
    replacement epoch by epoch from `seed`, the velocity scaled so that its mean is that of the problem; "adam" all points, or batches too. Losses and the
    levels of `stop` are those of all points. All steps are recorded, or those whose numbers are in `record`; the last one always is.

    Raises ValueError or TypeError for bad arguments, DivergenceError naming the step size, the step's number, the time and the loss. Ctrl-C or a stopped
    cell keeps the run so far (`stopped` = "interrupted").
    """
    optimizer, step, epsilon = checks.one_of("optimizer", optimizer, OPTIMIZERS), checks.positive("step", step), checks.positive("epsilon", epsilon)
    steps, batch, random = checks.whole("steps", steps, low=0), _batch_size(optimizer, batch), np.random.default_rng(checks.whole("seed", seed, low=0))
    if optimizer == "gd":
        return gradient_descent(problem, theta0, step, steps, stop, record)
    theta0, stop = _start(problem, theta0), _checked(stop)
    kept = None if record is None else _numbers(record, steps)
    look = problem.motion() if batch is None else _by_batches(problem, batch, random)
    theta, move = np.array(theta0), _descent(step) if optimizer == "sgd" else _adam(step, epsilon)
    log, reason, t, here = _Log(problem, theta0, steps), "time", 0.0, None
    with np.errstate(over="ignore", invalid="ignore"):
        try:
            for k in range(steps + 1):
                loss, velocity = look(theta)
                if not np.isfinite(loss) or loss - log.loss[0] > 1e8 * abs(log.loss[0]):
                    raise DivergenceError(f"{optimizer} diverges with step {step:.4g}: at step {k}, t = {t:.6g}, the loss is {loss:.4g} (it began at "
                                          f"{log.loss[0]:.4g}); take a smaller step, or stop the run before, with stop_at(norm=…)",
                                          log.trajectory("diverged", k))
                here = t, theta.copy(), loss
                stopped = _reason(stop, problem, here[1], loss, velocity if batch is None else None)
                log.show(k, t, loss)
                if k and (kept is None or k in kept or k == steps or stopped):
                    log.add(*here)
                if stopped:
                    reason = stopped
                if stopped or k == steps:
                    break
                move(theta, velocity)
                t += step
        except KeyboardInterrupt:  # which may have come in the middle of a step
            reason = "interrupted"
            if here is not None and here[0] > log.t[-1]:
                log.add(*here)
        finally:
            log.close()
    return log.trajectory(reason, k + 1)


def _descent(step):
    """What moves θ in place by one step along the velocity."""
    def move(theta, velocity):
        theta += step * velocity

    return move


def _adam(step, epsilon, kept=(0.9, 0.999)):
    """What moves θ in place by one step of Adam: the running mean of the velocities over the root of that of their squares, both rid of their start at 0 (arXiv:1412.6980)."""
    mean, square, k = 0.0, 0.0, 0

    def move(theta, velocity):
        nonlocal mean, square, k
        mean, square, k = mean + (1 - kept[0]) * (velocity - mean), kept[1] * square + (1 - kept[1]) * velocity**2, k + 1
        theta += step / (1 - kept[0] ** k) * mean / (np.sqrt(square / (1 - kept[1] ** k)) + epsilon)

    return move


def _batch_size(optimizer, batch):
    if batch is None and optimizer == "sgd":
        raise ValueError('batch must be given for optimizer="sgd": the number of points that each step sees')
    if batch is not None and optimizer == "gd":
        raise ValueError(f'batch must be None for optimizer="gd", whose steps see all points, got {batch!r}')
    return batch if batch is None else checks.whole("batch", batch)


def _by_batches(problem, batch, random):
    """A function of θ: the loss of all points and, from one batch after the other, a velocity with the mean of theirs."""
    if not isinstance(problem, Problem):
        raise TypeError(f"problem must be a helpers.Problem to be trained in batches, got {type(problem).__name__}")
    X, y, n, frozen = problem.data.X, problem.data.y, problem.data.n, problem._frozen_residual is not None
    if batch > n:
        raise ValueError(f"batch must be at most the number of points, {n}, got {batch}")
    summed = frozen or problem.reduction == "sum"

    def drawn():
        while True:
            order = random.permutation(n)
            yield from (order[first:first + batch] for first in range(0, n, batch))

    batches = drawn()

    def look(theta):
        points = next(batches)
        part = Problem(problem.network, Dataset(X[points], y[points]), problem.loss_name, problem.reduction)
        if frozen:
            part = part.frozen(problem.z[points])
        return problem.loss(theta), (n / len(points) if summed else 1.0) * part.motion()(theta)[1]

    return look


def _reason(stop, problem, theta, loss, velocity):
    """Why the run ends here, if it does; `velocity` None where it is to be found out, which only the stationary level asks for."""
    if stop is None:
        return None
    speed = np.inf if stop.stationary is None else np.linalg.norm(problem.velocity(theta) if velocity is None else velocity)
    return stop.reason(loss, np.linalg.norm(theta), speed)
