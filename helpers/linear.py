"""Linear networks, deep and diagonal: their saddles, and for balanced starts and whitened inputs their whole training, are known in closed form.

Both are networks in the sense of helpers.networks, and separable: `parts` gives θ as a sum of weights whose outputs add.
"""

from functools import reduce
from itertools import accumulate, pairwise

import numpy as np
from scipy.optimize import linprog
from scipy.special import expit, exprel, logit

from helpers import checks
from helpers.networks import Network, _directions, _residual, random_start
from helpers.problem import Problem


class DeepLinear(Network):
    """f(x) = W_D … W_1 x; `widths` = (d, m_1, …, m_{D−1}, k) with D ≥ 2, θ holds W_1, …, W_D one after the other. Homogeneous of degree D.

    The flow keeps every W_{l+1}ᵀW_{l+1} − W_lW_lᵀ, so weights that are *balanced* (all these are zero) stay so.
    """

    kinked = False

    def __init__(self, widths):
        if not isinstance(widths, (tuple, list)) or len(widths) < 3:
            raise TypeError(f"widths must be three or more whole numbers (inputs, hidden widths, outputs), got {widths!r}")
        self.widths = tuple(checks.whole("widths", width) for width in widths)
        self.degree = len(widths) - 1
        self._shapes = [(out, into) for into, out in pairwise(self.widths)]
        ends = np.cumsum([0, *(out * into for out, into in self._shapes)])
        self._size, self._slices = int(ends[-1]), [slice(*ends[l:l + 2]) for l in range(self.degree)]

    def __repr__(self):
        return f"DeepLinear({self.widths})"

    def size(self, dim):
        """The number P of weights; inputs must have widths[0] entries."""
        if checks.whole("dim", dim) != self.widths[0]:
            raise ValueError(f"dim must be {self.widths[0]}, the inputs of {self}, got {dim}")
        return self._size

    def init(self, dim, scale, seed, balanced=False):
        """A random start of norm `scale`, shape (P,): Gaussian, or `balanced`.

        Balanced: W_l = E_l S E_{l−1}ᵀ with random orthonormal frames E_l and one random diagonal S for all layers, of rank min(widths).
        """
        if not checks.truth("balanced", balanced):
            return random_start(self.size(dim), scale, seed)
        self.size(dim)
        random, rank = np.random.default_rng(checks.whole("seed", seed, low=0)), min(self.widths)
        values = np.abs(random.standard_normal(rank))
        values *= checks.positive("scale", scale) / (np.sqrt(self.degree) * np.linalg.norm(values))
        frames = [_frame(random.standard_normal((width, rank))) for width in self.widths]
        return np.concatenate([(after * values @ before.T).ravel() for before, after in pairwise(frames)])

    def weights(self, theta):
        """[W_1, …, W_D], each (…, out, in), of θ (…, P): one point or a whole trajectory."""
        theta = np.asarray(theta, dtype=float)
        if theta.ndim < 1 or theta.shape[-1] != self._size:
            raise ValueError(f"theta must have {self._size} entries for {self}, got shape {theta.shape}")
        return [theta[..., piece].reshape(*theta.shape[:-1], *shape) for piece, shape in zip(self._slices, self._shapes, strict=True)]

    def product(self, theta):
        """The end-to-end matrix W_D … W_1, shape (…, k, d), of θ (…, P)."""
        return reduce(lambda below, W: W @ below, self.weights(theta))

    def at(self, X):
        """The pass for the inputs X (n, d): θ (P,) ↦ H(X; θ), shape (n,) for one output, else (n, k), and r ↦ J(θ)ᵀ r, shape (P,).

        Of layer l that is (W_D … W_{l+1})ᵀ G (W_{l−1} … W_1)ᵀ with G = Σ_i r_i x_iᵀ.
        """
        X, k = _inputs(self, X, self.widths[0]), self.widths[-1]

        def look(theta):
            W = self.weights(theta)

            def pull(r):
                into = [r.reshape(-1, k).T @ X]
                for layer in W[:-1]:
                    into.append(into[-1] @ layer.T)
                layers, above = [into[-1].ravel()], W[-1]
                for below, layer in zip(into[-2::-1], W[-2::-1], strict=True):
                    layers.append((above.T @ below).ravel())
                    above = above @ layer
                return np.concatenate(layers[::-1])

            H = X @ reduce(lambda below, layer: layer @ below, W).T
            return H[:, 0] if k == 1 else H, pull

        return look

    def directional(self, theta, X, r, v):
        """J(θ)v, shape (…, n) or (…, n, k), and the derivative along v of J(θ)ᵀ r, shape (…, P), for one direction v (P,) or several (Q, P)."""
        (d, *_, k), v = self.widths, _directions(v, theta)
        theta, X = self._point(theta, X), _inputs(self, X, d)
        G = _residual(r, (len(X),) if k == 1 else (len(X), k)).reshape(-1, k).T @ X
        layers = list(zip(self.weights(theta), self.weights(v), strict=True))  # each W_l with its derivative
        *below, product = accumulate(layers, lambda done, W: _product_rule(W, done), initial=(np.eye(d), np.zeros((d, d))))
        above = list(accumulate(layers[:0:-1], _product_rule, initial=(np.eye(k), np.zeros((k, k)))))[::-1]
        bent = [dA.mT @ G @ B.T + A.T @ G @ dB.mT for (A, dA), (B, dB) in zip(above, below, strict=True)]
        H = X @ product[1].mT
        return H[..., 0] if k == 1 else H, np.concatenate([layer.reshape(*v.shape[:-1], -1) for layer in bent], axis=-1)

    def parts(self, theta):
        """θ (P,) as a sum of vectors whose outputs add, shape (K, P): the network cut down to direction k of every hidden layer.

        Direction k of layer l is the k-th left singular vector of [W_l, W_{l+1}ᵀ]; of balanced weights part k holds the k-th singular triples.
        With two layers outputs add exactly for every θ: a hidden layer may be turned freely. With more, a last part, without outputs, collects what
        joins one direction with another, and outputs add up to O(δ²) from a start of scale δ, exactly for balanced weights; but where singular
        values coincide, direction k of two layers need not belong together.
        """
        theta = checks.array("theta", theta, (self._size,))
        W = self.weights(theta)
        frames = [np.linalg.svd(np.hstack([below, above.T]), full_matrices=False)[0] for below, above in pairwise(W)]
        parts = []
        for k in range(min(frame.shape[1] for frame in frames)):
            onto = [np.eye(self.widths[0]), *(np.outer(frame[:, k], frame[:, k]) for frame in frames), np.eye(self.widths[-1])]
            parts.append(np.concatenate([(after @ layer @ before).ravel() for layer, (before, after) in zip(W, pairwise(onto), strict=True)]))
        return np.array(parts if self.degree == 2 else [*parts, theta - np.sum(parts, axis=0)])


class Diagonal(Network):
    """f(x) = Σ_k (u_k^D − v_k^D) x_k with D = `depth` ≥ 2; θ = (u, v), shape (2d,). Homogeneous of degree D.

    The flow keeps the sign of every weight: from u, v > 0 all stay positive, and then a coefficient is positive or negative as u_k or v_k is larger
    (with negative weights an even D gives nothing new, and for an odd D u_k^D may be negative).
    """

    kinked = False

    def __init__(self, depth=2):
        self.depth = self.degree = checks.whole("depth", depth, low=2)

    def __repr__(self):
        return f"Diagonal(depth={self.depth})"

    def size(self, dim):
        """P = 2d."""
        return 2 * checks.whole("dim", dim)

    def init(self, dim, scale, seed=None):
        """A positive start of norm `scale`, shape (2d,): all weights equal, u_k = v_k = δ/√(2d), so that f = 0; with a seed |Gaussian| ones."""
        if seed is not None:
            return np.abs(random_start(self.size(dim), scale, seed))
        return np.full(self.size(dim), checks.positive("scale", scale) / np.sqrt(2 * dim))

    def weights(self, theta):
        """u and v, each (…, d), of θ (…, 2d): one point or a whole trajectory."""
        theta = np.asarray(theta, dtype=float)
        if theta.ndim < 1 or theta.shape[-1] % 2 or not theta.size:
            raise ValueError(f"theta must have 2d entries, u and v, got shape {theta.shape}")
        return theta[..., :theta.shape[-1] // 2], theta[..., theta.shape[-1] // 2:]

    def coefficients(self, theta):
        """β = u^D − v^D, shape (…, d), of θ (…, 2d): f(x) = β·x."""
        u, v = self.weights(theta)
        return u**self.depth - v**self.depth

    def at(self, X):
        """The pass for the inputs X (n, d): θ (2d,) ↦ H(X; θ), shape (n,), and r (n,) ↦ J(θ)ᵀ r, shape (2d,)."""
        X, D = _inputs(self, X, None), self.depth

        def look(theta):
            u, v = theta[:X.shape[1]], theta[X.shape[1]:]
            below, under = u ** (D - 1), v ** (D - 1)

            def pull(r):
                slope = D * (r @ X)
                return np.concatenate([below * slope, -under * slope])

            return X @ (below * u - under * v), pull

        return look

    def directional(self, theta, X, r, v):
        """J(θ)v, shape (…, n), and the derivative along v of J(θ)ᵀ r, shape (…, 2d), for one direction v (2d,) or several (Q, 2d)."""
        theta, X, D = self._point(theta, X), _inputs(self, X, None), self.depth
        (u, w), (du, dw) = self.weights(theta), self.weights(_directions(v, theta))
        along = D * (_residual(r, (len(X),)) @ X)
        moved = D * (u ** (D - 1) * du - w ** (D - 1) * dw)
        return moved @ X.T, (D - 1) * np.concatenate([u ** (D - 2) * du * along, -(w ** (D - 2)) * dw * along], axis=-1)

    def parts(self, theta):
        """θ (2d,) as a sum of vectors whose outputs add: each weight alone, shape (2d, 2d)."""
        return np.diag(np.concatenate(self.weights(checks.array("theta", theta, ("2d",)))))


def _inputs(network, X, dim):
    """X (n, d), of `dim` inputs if that is not None."""
    X = np.asarray(X, dtype=float)
    if X.ndim != 2 or dim not in (None, X.shape[1]):
        raise ValueError(f"X must have shape (n, {dim or 'd'}) for {network}, got {X.shape}")
    return X


def _frame(columns):
    """The orthonormal frame of Gaussian columns, each pointing their way: uniform among all frames, which the bare QR decomposition is not."""
    Q, R = np.linalg.qr(columns)
    return Q * np.sign(np.diag(R))


def _product_rule(first, second):
    """The product of two matrices, each with its derivative."""
    (A, dA), (B, dB) = first, second
    return A @ B, dA @ B + A @ dB


def exact_product(problem, theta0, times):
    """W_2W_1 at the times (T,), shape (T, k, d), for two layers from a balanced start, the square loss and whitened inputs, XᵀX = cI; exact up to the rounding of theta0.

    Q = [W_1ᵀ; W_2] obeys Q̇ = FQ − ½λQQᵀQ with F = [[0, Σᵀ], [Σ, 0]], Σ = Σ_i z_i x_iᵀ, and λ = c, or c/n for the mean. Hence
    QQᵀ = e^{Ft}Q_0 (1 + λQ_0ᵀΦQ_0)⁻¹ Q_0ᵀe^{Ft} with Φ = ∫_0^t e^{2Fs} ds, which needs no inverse of F. ValueError for other problems and starts.
    Fukumizu (1998); Braun, Dominé, Fitzgerald and Saxe (2022).
    """
    if not isinstance(problem, Problem) or not isinstance(problem.network, DeepLinear) or problem.network.degree != 2:
        raise TypeError(f"problem must be a Problem with a DeepLinear network of two layers, got {problem!r}")
    times, (first, second), (X, dim) = _times(times), problem.network.weights(problem.start(theta0)), (problem.data.X, problem.data.dim)
    rate = np.trace(X.T @ X) / dim
    whitened = np.allclose(X.T @ X, rate * np.eye(dim), rtol=0, atol=1e-10 * rate)
    if not whitened or problem.loss_name != "square" or problem._frozen_residual is not None:
        raise ValueError(f"problem must have whitened inputs, XᵀX = cI, and the square loss with a live residual, got {problem}, whitened: {whitened}")
    if not np.allclose(first @ first.T, second.T @ second, rtol=0, atol=1e-10 * np.linalg.norm(first) ** 2):
        raise ValueError("theta0 must be balanced, W_2ᵀW_2 = W_1W_1ᵀ: see DeepLinear.init(…, balanced=True)")
    rate /= 1 if problem.reduction == "sum" else problem.data.n
    sigma = problem.z.reshape(len(X), -1).T @ X
    growth, axes = np.linalg.eigh(np.block([[np.zeros((dim, dim)), sigma.T], [sigma, np.zeros((len(sigma), len(sigma)))]]))
    left, sizes, _ = np.linalg.svd(np.vstack([first.T, second]), full_matrices=False)
    kept = sizes > len(axes) * np.finfo(float).eps * sizes[0]
    start = (axes.T @ left[:, kept] * sizes[kept]).T
    return np.array([axes[dim:] @ _square(start, growth, t, rate) @ axes[:dim].T for t in times])


def _square(start, growth, t, rate):
    """QQᵀ at time t in the eigenbasis of F, from Q_0ᵀ (r, N) there. The rows of Q_0ᵀe^{Ft} are turned to a triangle (QR with pivots) and divided
    by their sizes, so that nothing overflows and no mode drowns in another that is 10^100 times larger."""
    grown, shrunk, rest = np.maximum(growth, 0) * t, np.minimum(growth, 0) * t, start.copy()
    rows, logs = np.empty_like(start), np.empty(len(start))
    with np.errstate(divide="ignore"):  # log 0 = −∞ is meant
        for k in range(len(start)):
            pivot = np.argmax(grown + np.log(np.linalg.norm(rest, axis=0)))
            axis = rest[:, pivot] / np.linalg.norm(rest[:, pivot])
            row = axis @ rest
            rest -= np.outer(axis, row)
            rest[:, pivot] = 0
            rows[k], logs[k] = np.sign(row) * np.exp(np.log(np.abs(row)) + grown - grown[pivot]), grown[pivot]
    now, past = rows * np.exp(shrunk), rows * np.sqrt(t * exprel(-2 * np.abs(growth) * t))  # Φ = e^{2·grown}·t·exprel(−2|growth|t)
    return now.T @ np.linalg.solve(np.diag(np.exp(-2 * logs)) + rate * past @ past.T, now)


def exact_modes(s_star, s0, times, depth=2):
    """Singular values of W_D … W_1 at the times (T,), shape (T, r), on their way from s0 to s_star (r,): ṡ = D s^{2−2/D}(s* − s).

    For XᵀX = 1, the square loss summed, and a balanced start whose singular vectors are those of the target. 0 < s0 < s_star; one s0 for all or (r,).
    """
    s_star, begin = _share(checks.array("s_star", s_star, ("r",)), s0, "s0")
    times, depth = _times(times)[:, None], checks.whole("depth", depth, low=2)
    low, high = np.broadcast_to(logit(np.exp(begin)), (len(times), len(s_star))), 60.0
    for _ in range(70):  # halvings, on the scale ln(s/(s* − s)), which resolves both ends
        middle = (low + high) / 2
        early = _age(-np.logaddexp(0, -middle), s_star, depth) - _age(begin, s_star, depth) < times
        low, high = np.where(early, middle, low), np.where(early, high, middle)
    return s_star * expit(low)


def mode_time(s_star, s0, s, depth=2):
    """The time that a singular value takes from s0 to s on its way to s_star, each one number or (r,); its drop is at s = s_star/2. See `exact_modes`."""
    (_, begin), (s_star, end), depth = _share(s_star, s0, "s0"), _share(s_star, s, "s"), checks.whole("depth", depth, low=2)
    return _age(end, s_star, depth) - _age(begin, s_star, depth)


def _share(s_star, s, name):
    """s_star and ln(s/s_star)."""
    s_star, s = checks.finite("s_star", s_star), checks.finite(name, s)
    if (() not in (s.shape, s_star.shape) and s.shape != s_star.shape) or not ((0 < s) & (s < s_star)).all():
        raise ValueError(f"{name} must lie between 0 and s_star, one number or of its shape, got {s} and {s_star}")
    return s_star, np.log(s / s_star)


def _age(log_share, s_star, depth):
    """∫ ds / (D s^{2−2/D}(s* − s)): with w = (s/s*)^{1/D} it is s*^{2/D−2} ∫ w^{1−D}/(1 − w^D) dw, by partial fractions over the roots of 1."""
    w, roots = np.exp(log_share / depth), np.exp(2j * np.pi * np.arange(1, depth) / depth)
    age = (log_share / 2 if depth == 2 else -(w ** (2.0 - depth)) / (depth - 2)) - np.log(-np.expm1(log_share / depth)) / depth
    return s_star ** (2 / depth - 2) * (age - sum((root**2 * np.log(1 - w / root)).real for root in roots) / depth)


def _times(times):
    times = checks.array("times", times, ("T",))
    if (times < 0).any():
        raise ValueError(f"times must be ≥ 0, got {times.min():.6g}")
    return times


def min_l1(X, y):
    """The β (d,) of least ‖β‖₁ with Xβ = y, by linear programming; one of them where it is not unique. ValueError where no β interpolates."""
    X = checks.array("X", X, ("n", "d"))
    y = checks.array("y", y, (len(X),))
    x_unit, y_unit = (np.abs(values).max() or 1.0 for values in (X, y))  # the solver's tolerances are absolute
    found = linprog(np.ones(2 * X.shape[1]), A_eq=np.hstack([X, -X]) / x_unit, b_eq=y / y_unit)
    if not found.success:
        raise ValueError(f"X and y must have a β with Xβ = y: the linear program finds none ({found.message})")
    return np.subtract(*np.split(found.x, 2)) * y_unit / x_unit
