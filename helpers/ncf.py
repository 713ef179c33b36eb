"""The neural correlation function (NCF) N(θ) = Σ_i z_i H(x_i; θ): what training near zero climbs, and where it leads.

H is homogeneous of degree L (arXiv:2402.09226 for L = 2, arXiv:2403.08121 for L > 2). A two-layer network has N(θ) = Σ_j a_j F(w_j) with the
correlation F(u) = Σ_i z_i σ(u·x_i) of one neuron: on the unit sphere neurons with a > 0 climb F, neurons with a < 0 climb −F.
"""

from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import lsq_linear
from scipy.spatial.distance import cdist
from scipy.special import comb

from helpers import checks
from helpers.condensation import directions
from helpers.networks import Deep, TwoLayer
from helpers.problem import Problem

ON_KINK = 1e-9  # |u·x| ≤ ON_KINK ‖u‖‖x‖ counts as on the kink of x
_ROUNDING = 1e-13  # what is smaller than this share of its terms' sizes counts as zero
_ARCS = 3000  # the most arcs that an ascent may take


def leading(problem):
    """The NCF as a problem: the residual frozen at z, the activation replaced by its leading term at the origin (itself where homogeneous)."""
    if not isinstance(problem, Problem):
        raise TypeError(f"problem must be a helpers.Problem, got {type(problem).__name__}")
    network = getattr(problem.network, "leading", problem.network)
    return Problem(network, problem.data, problem.loss_name, problem.reduction).frozen(problem.z)


def degree(problem):
    """L with H(x; cθ) = c^L H(x; θ) for c > 0, near the origin; ValueError for a network that has none."""
    problem = leading(problem)
    network, X = problem.network, problem.data.X
    if getattr(network, "degree", None):
        return network.degree
    for seed in range(10):
        theta = network.init(problem.data.dim, 1.0, seed)
        once, others = network.outputs(theta, X), [(c, network.outputs(c * theta, X)) for c in (2.0, 0.5, 3.0)]
        ratio = np.vdot(once, others[0][1]) / max(np.vdot(once, once), 1e-300)
        if ratio == 0:
            continue
        found = round(np.log2(ratio)) if ratio > 1.4 else 0
        if found and all(np.allclose(H, c**found * once, rtol=1e-7, atol=1e-9 * c**found * np.abs(once).max()) for c, H in others):
            return found
        break
    raise ValueError(f"{network} has no degree: its outputs at 2θ are not 2^L times those at θ, for any whole number L ≥ 1")


@dataclass(frozen=True, eq=False)
class Correlation:
    """F(u) = Σ_i z_i σ(u·x_i), with σ(s) = c₊ s^p for s > 0 and c₋ |s|^p for s < 0.

    X (n, D): the inputs, the constant 1 appended where the network has a bias; p; kinked: ∇F jumps (p = 1, c₋ ≠ −c₊).
    Inputs on one line share their kink: F(u) = Σ_k β_k (e_k·u)^p over the `lines` e_k (K, D), unit vectors; β_k is `plus` where e_k·u > 0, else
    `minus`, (K,).
    """

    X: np.ndarray
    p: int
    kinked: bool
    lines: np.ndarray = field(repr=False)
    plus: np.ndarray = field(repr=False)
    minus: np.ndarray = field(repr=False)
    scale: float = field(repr=False)  # a bound on ‖∇F(u)‖ at unit u

    @property
    def dim(self):
        """D, the number of weights of a neuron."""
        return self.X.shape[1]

    def value(self, U):
        """F at the rows of U (k, D), shape (k,)."""
        beta, s = self._read(U)
        return np.sum(beta * s**self.p, axis=1)

    def gradient(self, U):
        """∇F at the rows of U (k, D), shape (k, D); on a kink that of its negative side."""
        beta, s = self._read(U)
        return self.p * (beta * s ** (self.p - 1)) @ self.lines

    def hessian(self, U):
        """∇²F at the rows of U (k, D), shape (k, D, D); on a kink that of its negative side."""
        beta, s = self._read(U)
        if self.p == 1:
            return np.zeros((len(s), self.dim, self.dim))
        products = np.einsum("ka,kb->kab", self.lines, self.lines).reshape(len(self.lines), -1)
        return self.p * (self.p - 1) * (beta * s ** (self.p - 2) @ products).reshape(len(s), self.dim, self.dim)

    def _read(self, U):
        s = checks.array("U", U, ("k", self.dim)) @ self.lines.T
        return np.where(s > 0, self.plus, self.minus), s


def correlation(problem):
    """The Correlation of a problem with a TwoLayer network, live or frozen: both mean z = problem.z. TypeError for another network."""
    frozen = leading(problem)
    if not isinstance(frozen.network, TwoLayer):
        raise TypeError(f"problem must have a TwoLayer network, whose neurons have a correlation; got {type(frozen.network).__name__}")
    X, z = frozen.data.X, frozen.z
    p, *branches = frozen.network.activation.branches
    if frozen.network.bias:
        X = np.column_stack([X, np.ones(len(X))])
    length = np.linalg.norm(X, axis=1)
    there = length > 0
    units, amount = X[there] / length[there, None], (z * length**p)[there]
    ahead = units @ np.cos(np.arange(X.shape[1])) > 0  # a side for every line; no input is orthogonal to such a vector
    units = np.where(ahead[:, None], units, -units)
    first = (cdist(units, units) <= 1e-12).argmax(axis=1) if len(units) else np.zeros(0, dtype=int)
    chosen, line = np.unique(first, return_inverse=True)

    def total(weights):
        return np.bincount(line, weights, minlength=len(chosen))

    size = total(np.abs(amount)) * np.abs(branches).max()
    sides = total(amount * np.where(ahead, *branches)), (-1) ** p * total(amount * np.where(ahead, *branches[::-1]))
    plus, minus = np.where(np.abs(sides) <= _ROUNDING * size, 0.0, sides)
    minus = np.where(np.abs(plus - minus) <= _ROUNDING * size, plus, minus)
    return Correlation(X, p, p == 1 and branches[1] != -branches[0], units[chosen], plus, minus, p * size.sum())


def kkt_residual(problem, u):
    """How far the direction u (P,) of θ is from a KKT point of N on the unit sphere: a float in [0, 1], the sine of an angle.

    At û = u/‖u‖ the smallest distance from L N(û) û to the Clarke subdifferential of N, over the norm of the nearest subgradient; 0 where that
    vanishes. Gates of a TwoLayer network on a kink are free, one for all inputs on one line (a lower bound where the lines that meet are linearly
    dependent, as at w = 0 they can be); other networks take the gates of their own `pullback`. ValueError for u of another length, for u = 0, for a network without a
    degree.
    """
    frozen = leading(problem)
    L, network = degree(frozen), frozen.network
    u = checks.array("u", u, (network.size(frozen.data.dim),))
    if not u.any():
        raise ValueError("u must not be zero: it has no direction")
    u = u / np.abs(u).max()
    u = u / np.linalg.norm(u)
    if not isinstance(network, TwoLayer):
        gradient = frozen.velocity(u)
        return _sine(gradient, (gradient @ u) * u, 0.0)
    F = correlation(frozen)
    W, a = network.weights(u)
    values = F.value(W)
    target = L * (a @ values) * u
    rows = [_nearest(F, w, output, wanted) for w, output, wanted in zip(W, a, network.weights(target)[0], strict=True)]
    return _sine(np.concatenate([np.ravel(rows), values] if network.train_output else rows), target, F.scale)


def _nearest(F, w, a, target):
    """The subgradient of a·F at w, all gates on kinks free, that is nearest to the target (D,)."""
    s = F.lines @ w
    beta = np.where(s > 0, F.plus, F.minus)
    free = (np.abs(s) <= ON_KINK * np.linalg.norm(w)) & (F.plus != F.minus) & F.kinked
    if free.any() and a != 0:
        columns = a * F.lines[free].T
        low, high = np.minimum(F.plus, F.minus)[free], np.maximum(F.plus, F.minus)[free]
        rest = a * (beta * ~free) @ F.lines
        beta[free] = lsq_linear(columns, target - rest, bounds=(low, high), method="bvls", tol=1e-14).x
    return a * F.p * (beta * s ** (F.p - 1)) @ F.lines


def _sine(subgradient, target, scale):
    length = np.linalg.norm(subgradient)
    return float(np.linalg.norm(subgradient - target) / length) if length > 1e-14 * scale else 0.0


@dataclass(frozen=True, eq=False)
class Critical:
    """A critical direction of F on the unit circle.

    angle: radians in (−π, π]; direction (2,); value F; extremum: "maximum", "minimum" or "neither"; kind: "positive" where it attracts neurons with
    a > 0 (a maximum with F > 0), "negative" where it attracts those with a < 0 (a minimum with F < 0), else "none"; basin (low, high): the arc from
    which the flow of F (of −F for a minimum) comes here, low < angle < high in radians, None for "neither"; exponent κ = 1 − h/(pF), h the tangent
    eigenvalue of ∇²F, NaN on a kink and for kind "none"; on_kink: whether ∇F or a higher derivative jumps there.
    """

    angle: float
    direction: np.ndarray
    value: float
    extremum: str
    kind: str
    basin: tuple | None
    exponent: float
    on_kink: bool


def critical_directions(problem):
    """All isolated critical directions of F on the circle, by angle: a list of Critical. ValueError for neurons that do not live in the plane, D = 2.

    Arcs on which F is constant hold no isolated direction and are left out: that of a ReLU where no input is active; the whole circle, so that the
    list is empty, for p = 2 and Σ z_i x_i x_iᵀ ∝ 1. Critical directions between which the slope of F is below rounding count as one. A "neither" (a
    root of F′ without a change of sign) catches the neurons that come from one side.
    """
    F = correlation(problem)
    if F.dim != 2:
        raise ValueError(f"critical_directions needs neurons in the plane, D = 2, these have D = {F.dim}: ask attractors(problem)")
    angles, kinks, betas, flat = _edges(F)
    ends = np.append(angles[1:], angles[0] + 2 * np.pi)
    slopes, _ = _slopes(F, betas, 0.5 * (angles + ends))
    signs = np.where(flat, 0.0, np.sign(slopes))
    kept = np.flatnonzero((ends - angles > 2 * ON_KINK) & (flat | (np.abs(slopes) > _ROUNDING * np.abs(betas).sum(axis=1))))
    if not signs[kept].any():
        return []
    found, bounds = [], []
    for before, after in zip(kept, np.roll(kept, -1), strict=True):  # arcs; between them a cluster of edges
        members = np.arange(before + 1, after + 1 + len(angles) * (after <= before))
        turned = angles[members % len(angles)] + 2 * np.pi * (members // len(angles))
        on_kink = kinks[members % len(angles)]
        angle = turned[on_kink].mean() if on_kink.any() else turned.mean()
        extremum = _extremum(F, signs[before], signs[after], betas[[before, after]], angle)
        if extremum in ("maximum", "minimum") and len(members) == 1 and not on_kink.any():
            angle = _polished(F, betas[before], angle)
        if extremum:
            found.append((len(bounds), angle, extremum, betas[before], bool(on_kink.any())))
        if extremum or not (signs[before] and signs[after]):
            bounds.append(angle)
    bounds = [bounds[-1] - 2 * np.pi, *bounds, bounds[0] + 2 * np.pi]
    return sorted((_critical(F, *bounds[k:k + 3:2], *rest) for k, *rest in found), key=lambda critical: critical.angle)


def _on_circle(angle):
    return np.stack([np.cos(angle), np.sin(angle)], axis=-1)


def _waves(F):
    """The waves f_k (K, p + 1) of each line: (e·u(φ))^p = Re Σ_k f_k exp(i(p − 2k)φ)."""
    k, e = np.arange(F.p + 1), (F.lines @ [1, 1j])[:, None]
    return comb(F.p, k) / 2**F.p * e.conj() ** (F.p - k) * e**k


def _slopes(F, beta, angle):
    """F′ and F″ at angles (…,), with β (…, K)."""
    u = _on_circle(angle)
    s, q = u @ F.lines.T, np.stack([-u[..., 1], u[..., 0]], axis=-1) @ F.lines.T
    push = F.p * beta * s ** (F.p - 1)
    bend = F.p * (F.p - 1) * beta * s ** max(F.p - 2, 0) * q**2 - push * s
    return (push * q).sum(axis=-1), bend.sum(axis=-1)


def _edges(F):
    """Edges of arcs on which F′ keeps its sign: angles (M,), ascending; whether kinks (M,); on the arc after each β (M, K) and if F is constant (M,).

    Edges are the kinks, and between two of them the angles of all roots of F′, there a trigonometric polynomial of degree p, so a polynomial in
    exp(2iφ). Roots off the unit circle do no harm as edges.
    """
    waves, bent = _waves(F), F.plus != F.minus
    if bent.any():
        normals = np.arctan2(F.lines[bent, 1], F.lines[bent, 0])
        cuts = np.sort(np.concatenate([normals - np.pi / 2, normals + np.pi / 2]) % (2 * np.pi))
    else:  # two half circles, cut far from the roots of F′
        trial = np.linspace(0, np.pi, 4 * F.p + 4)
        cuts = trial[np.argmax(np.abs(_slopes(F, F.plus, trial)[0]))] + np.array([0, np.pi])
    edges = []
    for low, high in zip(cuts, np.append(cuts[1:], cuts[0] + 2 * np.pi), strict=True):
        beta = np.where(F.lines @ _on_circle(0.5 * (low + high)) > 0, F.plus, F.minus)
        wave = (beta @ waves) * (F.p - 2 * np.arange(F.p + 1))
        flat = np.abs(wave).max() <= _ROUNDING * np.abs(beta).sum()
        wave[np.abs(wave) <= 1e-15 * np.abs(wave).max()] = 0
        inside = low + (0.5 * np.angle(np.roots(wave)) - low) % np.pi
        edges += [(low, bent.any(), beta, flat), *((angle, False, beta, flat) for angle in np.sort(inside[inside < high]))]
    return tuple(np.array(column) for column in zip(*edges, strict=True))


def _extremum(F, before, after, betas, angle):
    """What lies between arcs where F′ has the signs `before` and `after`; None for nothing, or for the end of a constant arc."""
    if 0 in (before, after):
        return None
    if before != after:
        return "maximum" if before > 0 else "minimum"
    return "neither" if (np.abs(_slopes(F, betas, angle)[0]) <= _ROUNDING * np.abs(betas).sum(axis=1)).any() else None


def _polished(F, beta, angle):
    """A simple root of F′ after Newton steps from a close one."""
    for _ in range(3):
        slope, bend = _slopes(F, beta, angle)
        angle -= slope / bend if abs(slope) < 1e-3 * abs(bend) else 0.0
    return angle


def _critical(F, low, high, angle, extremum, beta, on_kink):
    direction = _on_circle(angle)
    value = float(F.value(direction[None])[0])
    shown = np.pi - (np.pi - angle) % (2 * np.pi)
    sign = {"maximum": 1, "minimum": -1, "neither": 0}[extremum]
    kind = "none" if sign * value <= 1e-12 * F.scale else "positive" if value > 0 else "negative"
    exponent = np.nan if on_kink or kind == "none" else -_slopes(F, beta, angle)[1] / (F.p * value)
    basin = (float(low + shown - angle), float(high + shown - angle)) if sign else None
    return Critical(float(shown), direction, value, extremum, kind, basin, float(exponent), on_kink)


@dataclass(frozen=True, eq=False)
class Ascent:
    """Where each start arrives: unit directions (k, D), values F (k,), KKT residuals of F on the sphere (k,), 0 where ∇F vanishes."""

    directions: np.ndarray
    values: np.ndarray
    residuals: np.ndarray


def ascend(problem, starts, sign=1):
    """The Ascent of sign·F on the unit sphere from the rows of `starts` (k, D), in arcs of great circles, until every KKT residual is below 1e-8.

    An arc ends at the first maximum of sign·F along it, or at the first kink that it meets: the value never falls (to rounding), and on the circle
    every start ends at the maximum of its own basin (one that the flow would take to a "neither" may pass it). For p = 1 the arcs are the flow's
    own: it crosses kinks, or slides along those to which both sides push. For p ≥ 2 and D ≥ 3 they leave along the gradient and close in by
    Newton's method: a start may end in another basin than the flow's. Starts at a critical direction stay; who has not arrived after 3,000 arcs
    shows it in `residuals`.
    """
    F = correlation(problem)
    U = directions(checks.array("starts", starts, ("k", F.dim)))
    if isinstance(sign, bool) or sign not in (1, -1):
        raise ValueError(f"sign must be 1 (ascent of F) or -1 (of −F), got {sign!r}")
    plus, minus, E, p = sign * F.plus, sign * F.minus, F.lines, F.p
    bent, attracting = plus != minus, (plus < minus) & F.kinked
    live, residuals = np.arange(len(U)), np.zeros(len(U))
    side, held, thrown_back = U @ E.T > 0, np.zeros((len(U), len(E)), dtype=bool), np.zeros(len(U), dtype=bool)
    for _ in range(_ARCS):
        u = U[live]
        s, beta = u @ E.T, np.where(side, plus, minus)
        gradient = p * (beta * s ** (p - 1)) @ E
        _slide(u, gradient, E, side, held, plus, minus)
        tangent, length = gradient - np.sum(gradient * u, axis=1)[:, None] * u, np.linalg.norm(gradient, axis=1)
        residual = np.linalg.norm(tangent, axis=1) / np.where(length > _ROUNDING * F.scale, length, np.inf)
        U[live], residuals[live] = u, residual
        moving = residual > 1e-9
        live, u, s, beta, tangent, residual, side, held, thrown_back = (
            part[moving] for part in (live, u, s, beta, tangent, residual, side, held, thrown_back))
        if not len(live):
            break
        way, near = tangent.copy(), (residual < 0.1) & ~thrown_back
        if p > 1 and near.any():
            way[near] = _newton(sign * F.hessian(u[near]), p * sign * F.value(u[near]), u[near], tangent[near])
        way /= np.linalg.norm(way, axis=1, keepdims=True)
        q = way @ E.T
        cot = _first_maximum(p, beta, s, q, np.sum(tangent * way, axis=1))
        if bent.any():
            meets = np.where(bent & ~held, np.where(side, -q, q) / np.maximum(np.where(side, s, -s), 1e-30), -np.inf)
            kink, rows = meets.argmax(axis=1), np.arange(len(live))
            hits = meets[rows, kink] >= cot
            cot = np.where(hits, meets[rows, kink], cot)
            thrown_back = hits & (cot > 1e12)
            catches = thrown_back & attracting[kink]
            held[rows[catches], kink[catches]] = True
            side[rows[hits & ~catches], kink[hits & ~catches]] ^= True
        U[live] = directions((cot[:, None] * u + way) / np.hypot(1, cot)[:, None])
    return Ascent(U, F.value(U), residuals)


def _first_maximum(p, beta, s, q, slope):
    """cot t (k,) at the first maximum, 0 < t < π, of Σ β (s cos t + q sin t)^p with slope > 0 at t = 0: the largest root of a polynomial in cot t."""
    moments = [0, *(np.sum(beta * s ** (p - k) * q**k, axis=1) * comb(p, k) for k in range(p + 1)), 0]
    companion = np.zeros((len(s), p, p))
    for j in range(1, p + 1):  # the derivative's coefficient of cos^(p−j) t sin^j t
        companion[:, 0, j - 1] = ((p - j + 1) * moments[j] - (j + 1) * moments[j + 2]) / slope
    companion[:, np.arange(1, p), np.arange(p - 1)] = 1
    roots = np.linalg.eigvals(companion)
    return np.where(roots.imag == 0, roots.real, -np.inf).max(axis=1)


def _newton(hessian, radial, u, tangent):
    """The Newton step (k, D) on the sphere with absolute curvatures: uphill, and away from saddles."""
    across = np.eye(u.shape[1]) - u[:, :, None] * u[:, None, :]
    sizes, axes = np.linalg.eigh(across @ (hessian - radial[:, None, None] * np.eye(u.shape[1])) @ across)
    sizes = np.maximum(np.abs(sizes), 1e-6 * np.abs(sizes).max(axis=1, keepdims=True) + 1e-300)
    step = axes @ (axes.swapaxes(1, 2) @ tangent[:, :, None] / sizes[:, :, None])
    return (across @ step)[:, :, 0]


def _slide(u, gradient, E, side, held, plus, minus):
    """Puts starts held on kinks (p = 1) back on them, ∇F along these in `gradient`; frees those whose gate would leave its range, to that side."""
    todo = np.flatnonzero(held.any(axis=1))
    while len(todo):
        here, lines = np.nonzero(held[todo])
        count = held[todo].sum(axis=1)
        slot, size = np.arange(len(here)) - np.repeat(np.cumsum(count) - count, count), max(count.max(), 1)
        normals, line = np.zeros((len(todo), size, E.shape[1])), np.zeros((len(todo), size), dtype=int)
        normals[here, slot], line[here, slot] = E[lines], lines
        beta = np.where(side[todo], plus, minus)
        gram = normals @ normals.swapaxes(1, 2) + (1e-14 + (np.arange(size) >= count[:, None]))[:, :, None] * np.eye(size)
        change, off = np.moveaxis(np.linalg.solve(gram, normals @ np.stack([-beta @ E, u[todo]], axis=2)), 2, 0)
        u[todo] = directions(u[todo] - (off[:, None] @ normals)[:, 0])
        gradient[todo] = beta @ E + (change[:, None] @ normals)[:, 0]
        gate = beta[here, lines] + change[here, slot]
        beyond = np.full((2, len(todo), size), -np.inf)
        beyond[:, here, slot] = np.array([gate - plus[lines], minus[lines] - gate]) / (plus - minus)[lines]
        worst = beyond.max(axis=0).argmax(axis=1)
        past_plus, past_minus = beyond[:, np.arange(len(todo)), worst]
        freed = np.maximum(past_plus, past_minus) > 1e-10
        todo, line, up = todo[freed], line[np.arange(len(todo)), worst][freed], past_plus[freed] > 0
        held[todo, line], side[todo, line] = False, up


@dataclass(frozen=True, eq=False)
class Attractor:
    """A direction (D,) where ascents of sign·F end, with F there; kind as in Critical; `hits` of the `starts` random starts came here."""

    direction: np.ndarray
    value: float
    sign: int
    kind: str
    hits: int
    starts: int


def attractors(problem, starts=1000, seed=0):
    """The Attractors of F (sign +1, first) and of −F that ascents from so many random starts each find, in any dimension, the highest first.

    Directions within 1e-4 radians are one. Ends with F = 0, where ∇F vanishes (no input is active), make no neuron grow and are left out. A small
    basin may be missed; where maxima are not isolated (z² with a double eigenvalue) every start may find one of its own.
    """
    starts, random = checks.whole("starts", starts), np.random.default_rng(checks.whole("seed", seed, low=0))
    F, found = correlation(problem), []
    for sign in (1, -1):
        reached = ascend(problem, random.standard_normal((starts, F.dim)), sign)
        ends = reached.directions[np.abs(reached.values) > 1e-12 * F.scale]
        while len(ends):
            values = F.value(ends)
            best = np.argmax(sign * values)
            same = np.linalg.norm(ends - ends[best], axis=1) <= 1e-4
            kind = "none" if sign * values[best] < 0 else "positive" if sign > 0 else "negative"
            found.append(Attractor(ends[best], float(values[best]), sign, kind, int(same.sum()), starts))
            ends = ends[~same]
    return found


def rank_one(problem, direction, active=1):
    """A rank-one θ (P,) of a Deep network with one output, ‖θ‖ = 1: every W_l of rank one, with the share p^{D−l}/L of ‖θ‖² (arXiv:2403.08121).

    W_1 = a bᵀ with b = direction (d,), `active` equal units in each hidden layer, all other weights 0, and the sign of the output weights that of
    G(b) = Σ_i z_i σ(… σ(b·x_i)). It is a KKT point of the NCF where b is a critical direction of G; for p ≥ 2 more than one active unit make a
    saddle.
    """
    frozen = leading(problem)
    network, L = frozen.network, degree(frozen)
    if not isinstance(network, Deep) or network.widths[-1] != 1:
        raise TypeError(f"problem must have a Deep network with one output, got {network}")
    b = directions(checks.array("direction", direction, (network.widths[0],))[None])[0]
    active, hidden = checks.whole("active", active), network.widths[1:-1]
    if active > min(hidden, default=active):
        raise ValueError(f"active must be at most the least hidden width, {min(hidden)}, got {active}")
    units = [1, *(active for _ in hidden), 1]
    layers = [np.zeros(shape) for shape in zip(network.widths[1:], network.widths, strict=False)]
    for layer, layer_degree, into, out in zip(layers, network.layer_degrees, units[:-1], units[1:], strict=True):
        layer[:out, :into] = np.sqrt(layer_degree / L / (into * out))
    layers[0][:units[1]] = layers[0][:units[1], :1] * b
    theta = np.concatenate([layer.ravel() for layer in layers])
    theta[-layers[-1].size:] *= 1 if frozen.loss(theta) <= 0 else -1
    return theta
