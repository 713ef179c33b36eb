"""Critical lines of one neuron's correlation F(u) = Σ_i z_i σ(u·x_i) on the sphere, and how many of them attract neurons that grow.

A smooth activation of multiplicity p acts near the origin by its term of order p, so that F is a form of degree p: F(−u) = (−1)^p F(u), and critical directions
come in lines ±u (arXiv:2105.11686, whose experiments suggest at most p lines; that holds for p ≤ 2 or D = 2 and not beyond).
"""

from dataclasses import dataclass

import numpy as np

from helpers import checks, ncf
from helpers.condensation import directions
from helpers.data import Dataset
from helpers.networks import TwoLayer
from helpers.problem import Problem

SAME = 1e-5  # radians within which two ends are one line
_FLAT = 1e-7  # a curvature below this share of the scale of F counts as zero
_STEPS = 100  # of Newton's method


@dataclass(frozen=True, eq=False)
class Line:
    """A critical line ±u of F on the unit sphere.

    direction: u (D,), for odd p that with F ≥ 0; value: F(u); attracts: which neurons it attracts and lets grow, ("positive",) for those with a > 0,
    ("negative",) for a < 0, () for none, and for odd p ("positive", "negative"): a > 0 at u, a < 0 at −u; index: in how many dimensions of the sphere |F|
    curves upwards from u (F where it is 0 there), so 0 at a maximum of |F|; isolated: False where a curvature is zero, so that other critical lines may adjoin
    (or the same be listed again); `hits` of the `starts` random starts came here; complete: True where lines are found exactly, without starts, and none is
    missed (hits = starts = 0).
    """

    direction: np.ndarray
    value: float
    attracts: tuple
    index: int
    isolated: bool
    hits: int
    starts: int
    complete: bool


def critical_lines(problem, starts=1000, seed=0):
    """All critical lines of F, the attracting ones and the saddles, those of the largest |F| first: a tuple of Line.

    The problem has a TwoLayer network with a smooth activation, σ(s) = c s^p + … near 0; ValueError for another. Exact for p = 1 (Σ z_i x_i), for p = 2 (the
    eigenvectors of Σ z_i x_i x_iᵀ; those of one basis, `isolated` False, for a repeated eigenvalue), and where the inputs, with the constant 1 of a bias,
    span no more than a plane. Else by Newton's method on the sphere from `starts` random directions and ascents from as many others (for even p of −F
    too): lines that few of them reach may be missed. Left out are lines that are not in the span of the inputs (F = 0 and ∇F = 0 there), and planes in which
    F is constant on the circle. In a plane, lines between which F is flat to rounding count as one.
    """
    starts, seed = checks.whole("starts", starts), checks.whole("seed", seed, low=0)
    F = ncf.correlation(problem)
    if not _smooth(problem):
        raise ValueError(f"problem must have a smooth activation, σ(s) = c s^p near 0, not {problem.network.activation.name!r}: "
                         f"ask ncf.attractors(problem), or attracting_lines(problem)")
    return _lines(_form(problem, F), starts, seed, saddles=True)


@dataclass(frozen=True, eq=False)
class Count:
    """The attracting lines, those of the largest |F| first, and how many of them attract neurons with a > 0 and with a < 0.

    unseen: lines reached from more than this share of the sphere were found with a probability of at least 95 % each; 0 where all are (starts = 0).
    """

    lines: tuple
    positive: int
    negative: int
    starts: int
    unseen: float


def attracting_lines(problem, starts=1000, seed=0):
    """The Count of the lines that attract neurons and let them grow: exact where critical_lines is, else by ascents from `starts` random directions.

    For kinked activations too (ReLU, its powers): there every Line is one direction u only, as w and −w are told apart; exact for D = 2.
    """
    starts, seed = checks.whole("starts", starts), checks.whole("seed", seed, low=0)
    F = ncf.correlation(problem)
    if _smooth(problem):
        form = _form(problem, F)
        found, exact = _lines(form, starts, seed, saddles=False), form is None or form.exact
    else:
        found, exact = _kinked(problem, F, starts, seed), F.dim == 2
    lines = tuple(line for line in found if line.attracts)
    positive, negative = (sum(sign in line.attracts for line in lines) for sign in ("positive", "negative"))
    return Count(lines, positive, negative, 0 if exact else starts, 0.0 if exact else 1 - 0.05 ** (1 / starts))


@dataclass(frozen=True, eq=False)
class _Form:
    """F in coordinates of the span of the inputs: the problem there, its Correlation F, and an orthonormal basis `frame` (r, D) of the span."""

    problem: Problem
    F: ncf.Correlation
    frame: np.ndarray

    @property
    def exact(self):
        return self.F.p <= 2 or self.F.dim <= 2

    def zero(self, value):
        return abs(value) <= 1e-12 * self.F.scale

    def line(self, u, attracts, index, isolated=True, hits=0, starts=0):
        """The Line of u (r,), turned to its side."""
        value, there, odd = float(self.F.value(u[None])[0]), u @ self.frame, self.F.p % 2
        alone = isolated and (self.frame.shape[0] == self.frame.shape[1] or not self.zero(value))  # else its F is 0 as it is across the span
        flip = value < 0 if odd and not self.zero(value) else there @ np.cos(np.arange(len(there))) < 0
        return Line(-there if flip else there, -value if flip and odd else value, attracts, int(index), bool(alone), hits, starts, self.exact)

    def attracts(self, value, top):
        """Which neurons grow along a line with F = value there, if |F| has a maximum there (`top`)."""
        if not top or self.zero(value):
            return ()
        return ("positive", "negative") if self.F.p % 2 else ("positive",) if value > 0 else ("negative",)


def _smooth(problem):
    """Whether the activation is c s^p near the origin on both sides."""
    p, ahead, behind = problem.network.activation.branches
    return behind == (-1) ** p * ahead


def _form(problem, F):
    """The _Form of a problem, None where F is 0 everywhere."""
    E, beta = F.lines[F.plus != 0], F.plus[F.plus != 0]
    if not len(E):
        return None
    _, sizes, axes = np.linalg.svd(E, full_matrices=False)
    frame = axes[sizes > 1e-10 * sizes[0]]
    if len(frame) == F.dim:
        return _Form(problem, F, np.eye(F.dim))
    leading = problem.network.activation.leading
    there = Problem(TwoLayer(1, leading), Dataset(E @ frame.T, beta / leading.branches[1]))
    return _Form(there, ncf.correlation(there), frame)


def _lines(form, starts, seed, saddles):
    """The Lines of a form, those of the largest |F| first; with `saddles` False only those where ascents end, if it takes a search."""
    if form is None:
        found = []
    elif form.F.p == 1:
        found = _of_a_vector(form)
    elif form.F.p == 2:
        found = _of_a_matrix(form)
    elif form.F.dim == 1:
        found = [form.line(np.ones(1), form.attracts(form.F.value([[1.0]])[0], True), 0)]
    elif form.F.dim == 2:
        found = _on_a_circle(form)
    else:
        found = _searched(form, starts, np.random.default_rng(seed), saddles)
    return tuple(sorted(found, key=lambda line: -abs(line.value)))


def _of_a_vector(form):
    g = form.F.plus @ form.F.lines
    length = np.linalg.norm(g)
    return [] if form.zero(length) else [form.line(g / length, form.attracts(length, True), 0)]


def _of_a_matrix(form):
    sizes, axes = np.linalg.eigh((form.F.lines.T * form.F.plus) @ form.F.lines)
    rounding = 1e-9 * np.abs(sizes).max()
    if form.zero(np.abs(sizes).max()):
        return []
    found = []
    for size, axis in zip(sizes, axes.T, strict=True):
        others = (sizes - size) * (-1 if size < 0 else 1)
        rises, alike = np.count_nonzero(others > rounding), np.count_nonzero(np.abs(others) <= rounding)
        found.append(form.line(axis, form.attracts(size, rises == 0), rises, alike == 1))
    return found


def _on_a_circle(form):
    critical = ncf.critical_directions(form.problem)  # sorted by angle; with every u its antipode, half the list later
    found = []
    for c in critical[:len(critical) // 2]:
        falls = {"maximum": 1, "minimum": -1, "neither": 0}[c.extremum] * (-1 if c.value < 0 else 1)
        found.append(form.line(c.direction, form.attracts(c.value, c.kind != "none"), falls < 0))
    return found


def _searched(form, starts, random, saddles):
    F = form.F
    ends = [ncf.ascend(form.problem, random.standard_normal((starts, F.dim)), sign).directions for sign in ((1,) if F.p % 2 else (1, -1))]
    total = starts * (len(ends) + saddles)
    climbed = np.arange(total) < starts * len(ends)
    if saddles:
        ends.append(directions(random.standard_normal((starts, F.dim))))
    U, slope = _newton(F, np.concatenate(ends))
    arrived = slope <= 1e-10 * F.scale
    U, climbed, found = U[arrived], climbed[arrived], []
    while len(U):
        u = U[0]
        same = np.minimum(np.linalg.norm(U - u, axis=1), np.linalg.norm(U + u, axis=1)) <= SAME
        value, bends = float(F.value(u[None])[0]), _curvatures(F, u[None])[0][0]
        bends, flat = bends * (-1 if value < 0 and not form.zero(value) else 1), (np.abs(bends) <= _FLAT * F.scale).any()
        rises = np.count_nonzero(bends > _FLAT * F.scale)
        top = rises == 0 and (not flat or climbed[same].any())  # where it is flat, the ascents tell
        found.append(form.line(u, form.attracts(value, top), rises, not flat, int(same.sum()), total))
        U, climbed = U[~same], climbed[~same]
    return found


def _newton(F, U):
    """Where Newton's method on the sphere, which ends at critical points of every kind, leads from U (k, D): unit vectors, and ‖tangent ∇F‖ (k,) there."""
    U, slope, live = U.copy(), np.full(len(U), np.inf), np.arange(len(U))
    for _ in range(_STEPS):
        u, gradient = U[live], F.gradient(U[live])
        tangent = gradient - np.sum(gradient * u, axis=1)[:, None] * u
        slope[live] = np.linalg.norm(tangent, axis=1)
        moving = slope[live] > 1e-14 * F.scale
        live, u, tangent = live[moving], u[moving], tangent[moving]
        if not len(live):
            break
        sizes, axes = _curvatures(F, u)
        sizes = np.where(sizes < 0, -1, 1) * np.maximum(np.abs(sizes), 1e-8 * F.scale)
        step = (axes @ (axes.swapaxes(1, 2) @ tangent[:, :, None] / sizes[:, :, None]))[:, :, 0]
        U[live] = directions(u - step)
    return U, slope


def _curvatures(F, U):
    """Curvatures (k, D − 1) of F on the sphere at the rows of U (k, D), and their axes (k, D, D − 1)."""
    frames = np.linalg.qr(np.concatenate([U[:, :, None], np.broadcast_to(np.eye(F.dim), (len(U), F.dim, F.dim))], axis=2))[0][:, :, 1:]
    bent = frames.swapaxes(1, 2) @ F.hessian(U) @ frames - (F.p * F.value(U))[:, None, None] * np.eye(F.dim - 1)
    sizes, axes = np.linalg.eigh(bent)
    return sizes, frames @ axes


def _kinked(problem, F, starts, seed):
    """A Line for each direction that attracts growing neurons of a kinked activation."""
    if F.dim == 2:
        found = [(c.direction, c.value, c.kind, 0, 0, True) for c in ncf.critical_directions(problem)]
    else:
        found = [(a.direction, a.value, a.kind, a.hits, starts, False) for a in ncf.attractors(problem, starts, seed)]
    lines = [Line(u, value, (kind,), 0, _alone(F, u, value), *more) for u, value, kind, *more in found if kind != "none"]
    return sorted(lines, key=lambda line: -abs(line.value))


def _alone(F, u, value):
    """Whether F curves at a maximum or minimum u where it does not have a kink."""
    return True if F.p == 1 or F.dim == 1 else bool((np.abs(_curvatures(F, u[None])[0]) > _FLAT * F.scale).all())
