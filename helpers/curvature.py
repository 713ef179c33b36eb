"""Curvature along the way: the extreme eigenvalues of the Hessian, and how far gradient descent may be from the flow because of them.

Gradient descent is Euler's method for the flow θ̇ = −∇L(θ). Every step of size η leaves the flow by ½η²‖∇²L ∇L‖, and what has left grows or shrinks at a rate of
at most −λ_min(∇²L): to first order in η the distance obeys ė ≤ −λ_min e + (η/2)‖∇²L ∇L‖ (arXiv:2107.06608; Hairer, Nørsett and Wanner's fundamental lemma).
"""

from dataclasses import dataclass, field

import numpy as np
from scipy.interpolate import PchipInterpolator
from scipy.linalg import eigh_tridiagonal
from scipy.special import exprel

from helpers import checks
from helpers.flow import Trajectory
from helpers.linear import DeepLinear
from helpers.networks import Deep, TwoLayer, random_start
from helpers.problem import Problem

FULL = 1000  # parameters up to which the full Hessian is taken
METHODS, FORMS = ("full", "lanczos"), ("sharp", "paper")
_SETTLED = 1e-8  # the rest, as a share of the larger end, at which the two ends of Lanczos's matrix count as found
_TINY = 1e-300


def hessian_extremes(problem, theta, method=None):
    """The least and the largest eigenvalue of ∇²L(θ), shape (2,); of a trajectory (T, P) those of every point, (T, 2).

    `method` "full": all eigenvalues of the whole Hessian, by default up to 1,000 parameters. "lanczos": from products ∇²L v alone, from one fixed random start, to
    about 1e-8 of the larger of the two; 50 to 100 products where the ends stand apart, several hundred where they are crowds, as near the origin of a wide network.
    At kinks the Hessian is the one almost everywhere (`Problem.hessian_product`).
    """
    problem, theta = _problem(problem), _points(problem, theta)
    size = theta.shape[-1]
    method = ("full" if size <= FULL else "lanczos") if method is None else checks.one_of("method", method, METHODS)
    if method == "full" and size > FULL:
        raise ValueError(f'method "full" takes networks of up to {FULL} parameters, this one has {size}: take method="lanczos"')
    extremes = _of_matrix if method == "full" else _by_products
    found = np.array([extremes(problem, point) for point in np.atleast_2d(theta)])
    return found if theta.ndim == 2 else found[0]


def _of_matrix(problem, theta):
    return np.linalg.eigvalsh(problem.hessian(theta))[[0, -1]]


def _by_products(problem, theta):
    """Lanczos's method, every new vector made orthogonal to all before: among these ∇²L is a small tridiagonal matrix, whose two ends settle first."""
    size, look = len(theta), 10
    basis, diagonal, beside = np.empty((64, size)), [], []
    ahead, length = random_start(size, 1.0, seed=0), 1.0
    for k in range(size):
        if k == len(basis):
            basis = np.concatenate([basis, np.empty_like(basis)])
        basis[k] = ahead / length
        known = basis[:k + 1]
        ahead = problem.product(theta, known[k])
        diagonal.append(known[k] @ ahead)
        for _ in range(2):  # the second time against the rounding of the first
            ahead = ahead - (known @ ahead) @ known
        length = np.linalg.norm(ahead)
        last = k == size - 1 or length <= 1e-13 * np.linalg.norm(diagonal + beside)  # nothing new is left
        if last or k == look:
            ends, shapes = zip(*(eigh_tridiagonal(diagonal, beside, select="i", select_range=(end, end)) for end in (0, k)), strict=True)
            ends = np.concatenate(ends)
            if last or length * max(abs(shape[-1, 0]) for shape in shapes) <= _SETTLED * np.abs(ends).max():
                return ends
            look = k + max(5, k // 5)
        beside.append(length)


@dataclass(frozen=True, eq=False)
class Curvature:
    """What a flow meets on its way, at the times t (K,): the extreme eigenvalues of the Hessian, `lowest` and `highest` (K,), its speed ‖∇L‖ (K,),
    `bend` = ‖∇²L ∇L‖ (K,), twice the distance by which a step of size 1 leaves it, to first order, and the loss (K,)."""

    t: np.ndarray
    lowest: np.ndarray
    highest: np.ndarray
    speed: np.ndarray
    bend: np.ndarray
    loss: np.ndarray = field(repr=False)

    def integral(self):
        """∫_0^t −min(λ_min, 0) ds, shape (K,)."""
        return PchipInterpolator(self.t, -np.minimum(self.lowest, 0)).antiderivative()(self.t)

    @property
    def amplification(self):
        """e^{∫_0^t −min(λ_min, 0) ds}, shape (K,): by how much at most an error made at the start has grown, to first order."""
        with np.errstate(over="ignore"):
            return np.exp(self.integral())

    def bound(self, step, form="sharp"):
        """How far gradient descent with steps of size `step` may be from the flow at the times t, shape (K,): a number η or a function of the loss.

        "sharp": e with ė = −λ_min e + (η/2)‖∇²L ∇L‖, e(0) = 0; as η → 0 no error exceeds it by more than O(η²).
        "paper": e with ė = −λ_min e + ηβγ, β = sup‖∇²L‖ and γ = sup‖∇L‖ up to t (arXiv:2107.06608, its main theorem, whose suprema and λ_min are those of a tube
        around the curve: here the curve stands for it, which is exact as η → 0).
        """
        rates = [checks.positive("step", step(loss)) for loss in self.loss] if callable(step) else checks.positive("step", step)
        with np.errstate(over="ignore"):
            return np.exp(self._log_bound(rates * np.ones_like(self.t), form))

    def largest_step(self, eps, form="paper"):
        """The largest constant step whose bound is at most `eps` all along."""
        with np.errstate(over="ignore"):
            return float(np.exp(np.log(checks.positive("eps", eps)) - self._log_bound(np.ones_like(self.t), form).max()))

    def _log_bound(self, rates, form):
        if checks.one_of("form", form, FORMS) == "sharp":
            source = 0.5 * self.bend
        else:
            source = np.maximum.accumulate(np.maximum(np.abs(self.lowest), np.abs(self.highest))) * np.maximum.accumulate(self.speed)
        return _log_response(self.t, -self.lowest, np.log(np.maximum(rates * source, _TINY)))


def _log_response(t, growth, log_source):
    """ln e(t) where ė = growth·e + source from e(0) = 0: e = ∫_0^t e^{G(t) − G(s)} source(s) ds, G = ∫ growth, summed as logarithms so that nothing overflows."""
    parts = 8
    fine = np.interp(np.arange(parts * (len(t) - 1) + 1) / parts, np.arange(len(t)), t)
    G = PchipInterpolator(t, growth).antiderivative()(fine)
    height = PchipInterpolator(t, log_source)(fine) - G  # taken as straight between two fine times
    pieces = np.log(np.diff(fine)) + np.maximum(height[1:], height[:-1]) + np.log(exprel(-np.abs(np.diff(height))))
    return (G + np.logaddexp.accumulate(np.concatenate([[-np.inf], pieces])))[::parts]


def along(problem, run, points=200):
    """The Curvature of the problem along the flow `run`, a Trajectory of `gradient_flow`, at `points` times.

    The first of these share out evenly what is seen of the run (`Trajectory.frames`) and the integrator's steps, which follow what grows, however small; the others
    cut in two, again and again, the intervals in which λ_min changes most for longest. With 200 points bounds come to about 1e-3 of themselves,
    a few 1e-3 where the loss falls in several drops, and 1e-2 for kinked networks, whose λ_min jumps.
    """
    problem, run, points = _problem(problem), _flow(problem, "run", run), checks.whole("points", points, low=8)
    share = points // 4
    t = np.union1d(run.frames(share), np.interp(np.linspace(0, len(run.t) - 1, share), np.arange(len(run.t)), run.t))
    seen = _looked(problem, run.at(t))
    while len(t) < points:
        doubt = np.diff(t) * np.abs(np.diff(seen[0]))
        worst = np.argsort(doubt)[-min(points - len(t), max(1, len(t) // 4)):]
        between = (t[worst] + t[worst + 1]) / 2
        t, seen = np.append(t, between), np.hstack([seen, _looked(problem, run.at(between))])
        order = np.argsort(t)
        t, seen = t[order], seen[:, order]
    return Curvature(t, *seen)


def _looked(problem, thetas):
    """λ_min, λ_max, ‖∇L‖, ‖∇²L ∇L‖ and L at the points (K, P), shape (5, K)."""
    losses, velocities = zip(*map(problem.motion(), thetas), strict=True)
    bends = [problem.hessian_product(theta, velocity) for theta, velocity in zip(thetas, velocities, strict=True)]
    return np.array([*hessian_extremes(problem, thetas).T, np.linalg.norm(velocities, axis=1), np.linalg.norm(bends, axis=1), losses])


@dataclass(frozen=True, eq=False)
class Gap:
    """Gradient descent beside the flow at the same times t (K,): the distance ‖θ_k − θ(t_k)‖ (K,) and the loss of the descent minus that of the flow (K,)."""

    t: np.ndarray
    distance: np.ndarray
    loss: np.ndarray


def gap(problem, flow_run, descent_run):
    """The Gap between a flow and a descent from the same start, at every recorded step of the descent; the flow's own error is in it."""
    problem, flow_run = _problem(problem), _flow(problem, "flow_run", flow_run)
    if not isinstance(descent_run, Trajectory) or descent_run.theta.shape[1] != flow_run.theta.shape[1]:
        raise TypeError(f"descent_run must be a Trajectory of gradient_descent on the same problem, got {descent_run!r}")
    if not np.allclose(flow_run.theta[0], descent_run.theta[0], rtol=1e-12, atol=0):
        raise ValueError("flow_run and descent_run must start from the same theta0, "
                         f"theirs are {np.linalg.norm(flow_run.theta[0] - descent_run.theta[0]):.4g} apart")
    if descent_run.t[-1] > flow_run.t[-1] * (1 + 1e-10):
        raise ValueError(f"flow_run must last as long as the descent, t = {descent_run.t[-1]:.6g}, it ends at t = {flow_run.t[-1]:.6g}")
    flow = flow_run.at(descent_run.t)
    return Gap(descent_run.t, np.linalg.norm(descent_run.theta - flow, axis=1), descent_run.loss - np.array([problem.loss(theta) for theta in flow]))


class Modified:
    """A problem with the velocity −∇(L + (η/4)‖∇L‖²); see `modified`."""

    def __init__(self, problem, step):
        self._problem, self._step, self.network, self.data = problem, step, problem.network, problem.data
        self.loss, self.start = problem.loss, problem.start

    def __repr__(self):
        return f"modified({self._problem}, {self._step:g})"

    def velocity(self, theta):
        """−∇L − (η/2)∇²L ∇L, shape (P,)."""
        return self._bent(theta, self._problem.velocity(theta))

    def loss_and_velocity(self, theta):
        """L, and the velocity, which is not that of L."""
        return self.loss(theta), self.velocity(theta)

    def motion(self):
        """θ ↦ (loss, velocity) for a run; see `Problem.motion`."""
        motion = self._problem.motion()

        def modified(theta):
            loss, velocity = motion(theta)
            return loss, self._bent(theta, velocity)

        return modified

    def _bent(self, theta, velocity):
        return velocity + 0.5 * self._step * self._problem.product(theta, velocity)


def modified(problem, step):
    """The problem whose flow gradient descent with steps of size η = `step` follows to second order: θ̇ = −∇L − (η/2)∇²L ∇L = −∇(L + (η/4)‖∇L‖²).

    It goes to `gradient_flow` like any other; its loss is still L. Hairer, Lubich and Wanner, Geometric Numerical Integration, IX.1; Barrett and Dherin, arXiv:2009.11162.
    """
    return Modified(_problem(problem), checks.positive("step", step))


def norm_bound(problem, theta):
    """A number that λ_min(∇²L(θ)) is never below, from norms alone: for one θ a float, for a trajectory (T, P) shape (T,).

    For n layers with activations of degree 1 and any loss convex in the outputs it is −(n − 1)·F·Π‖W_l‖₂ over the n − 2 layers of largest norm, with
    F = ‖Σ_i r_i x_iᵀ‖₂ for DeepLinear and Σ_i ‖r_i‖‖x_i‖ c^{n−1}, c the largest slope, for Deep and TwoLayer, almost everywhere there: the
    second derivative of the outputs joins two layers at a time, and that of the loss adds nothing negative. arXiv:2107.06608, its bounds on λ_min
    (there with the Frobenius norm in F). TypeError for other networks.
    """
    problem, theta = _problem(problem), _points(problem, theta)
    network, X = problem.network, problem.data.X
    if not isinstance(network, (DeepLinear, Deep, TwoLayer)) or (not isinstance(network, DeepLinear) and network.activation.degree != 1):
        raise TypeError(f"problem must have a DeepLinear network, or a Deep or TwoLayer one with linear, ReLU or leaky ReLU activations, got {network}")
    residuals = np.array([problem.residual(point).reshape(len(X), -1) for point in np.atleast_2d(theta)])  # (T, n, k)
    n = network.degree
    if isinstance(network, DeepLinear):
        force = np.linalg.norm(residuals.mT @ X, 2, axis=(1, 2))
    else:
        inputs = np.hypot(np.linalg.norm(X, axis=1), getattr(network, "bias", False))
        force = np.linalg.norm(residuals, axis=2) @ inputs * max(map(abs, network.activation.branches[1:])) ** (n - 1)
    if n > 2:
        norms = np.sort([np.linalg.norm(W, 2, axis=(-2, -1)) for W in network.weights(np.atleast_2d(theta))], axis=0)
        force = force * np.prod(norms[2:], axis=0)
    return -(n - 1) * force if theta.ndim == 2 else -(n - 1) * float(force[0])


def _problem(problem):
    if not isinstance(problem, Problem):
        raise TypeError(f"problem must be a helpers.Problem, got {problem!r}")
    return problem


def _points(problem, theta):
    """One point (P,) or a trajectory (T, P)."""
    theta = checks.finite("theta", theta)
    size = problem.network.size(problem.data.dim)
    if theta.ndim not in (1, 2) or theta.shape[-1] != size:
        raise ValueError(f"theta must have shape ({size},) or (T, {size}), got {theta.shape}")
    return theta


def _flow(problem, name, run):
    if not isinstance(run, Trajectory) or run._dense is None or run.theta.shape[1] != problem.network.size(problem.data.dim):
        raise TypeError(f"{name} must be a Trajectory of gradient_flow on the problem, got {run!r}")
    return run
