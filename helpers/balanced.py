"""Balanced deep linear networks with one output, whose whole training two numbers tell: the length and the direction of the end-to-end row.

The loss is ½‖w − v‖² with ‖v‖ = 1 and w = W_n … W_1 of depth n ≥ 2: Problem(DeepLinear((d, m, …, 1)), Dataset(np.eye(d), v)). From balanced weights,
ρ = ‖w‖ and ν = cos(w, v) obey ρ̇ = nρ^{2−2/n}(ν − ρ), ν̇ = ρ^{1−2/n}(1 − ν²). On the clock dτ = ρ^{1−2/n} dt they are solved in closed form:
ν = tanh(τ + artanh ν_0), ρ = cⁿ/(1/ρ_0 + n∫cⁿ) with c = cosh τ + ν_0 sinh τ, which grows only by terms of one sign. Derived here, after arXiv:2107.06608.
"""

from itertools import pairwise

import numpy as np
from scipy.special import binom, exprel, hyp2f1, logsumexp, xlog1py

from helpers import checks
from helpers.linear import DeepLinear, mode_time

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(12)
_SETTLED = 20.0  # e^{−2τ} after that much τ is below the rounding of 1


def factors(network, product):
    """Balanced weights θ (P,) of a DeepLinear whose end-to-end matrix is `product` (k, d): of A = UΣVᵀ every layer takes Σ^{1/n}, the last one U, the first one Vᵀ.

    ValueError where a hidden layer is narrower than the rank of A. arXiv:2107.06608, Procedure 1.
    """
    widths = _deep_linear(network).widths
    product = checks.array("product", product, (widths[-1], widths[0]))
    U, values, Vt = np.linalg.svd(product, full_matrices=False)
    rank = int((values > values[0] * max(product.shape) * np.finfo(float).eps).sum())
    if rank > min(widths):
        raise ValueError(f"product must have at most the rank {min(widths)} of the narrowest layer of {network}, its rank is {rank}")
    frames = [Vt[:rank].T, *(np.eye(width, rank) for width in widths[1:-1]), U[:, :rank]]
    roots = values[:rank] ** (1 / network.degree)
    return np.concatenate([(after * roots @ before.T).ravel() for before, after in pairwise(frames)])


def coordinates(network, theta, v):
    """ρ = ‖w‖ and ν = cos(w, v), each (…,), of the end-to-end row w of a DeepLinear with one output, for θ (…, P) and v (d,).

    ValueError where w = 0, which has no direction.
    """
    if _deep_linear(network).widths[-1] != 1:
        raise ValueError(f"network must have one output, got {network}")
    w, v = network.product(checks.finite("theta", theta))[..., 0, :], checks.array("v", v, (network.widths[0],))
    rho = np.linalg.norm(w, axis=-1)
    if not v.any() or not np.all(rho):
        raise ValueError(f"{'v' if np.all(rho) else 'the product of the weights theta'} must not be zero: it has no direction")
    return rho, np.clip(w @ v / (rho * np.linalg.norm(v)), -1, 1)  # rounding can leave the range of a cosine


def phase_curve(depth, rho0, nu0, clock):
    """ρ and ν, each (T,), at the clock τ (T,) ≥ 0 with dτ = ρ^{1−2/n} dt, in closed form; for n = 2 it is the time."""
    depth, rho0, nu0 = _start(depth, rho0, nu0)
    clock = _rising("clock", clock)
    return np.exp(_log_rho(depth, rho0, nu0, clock)), _nu(nu0, clock)


def exact(depth, rho0, nu0, times):
    """ρ and ν, each (T,), at the times t (T,) ≥ 0, for 0 < ρ_0 and −1 ≤ ν_0 ≤ 1, to about 1e-10 (times of 10^k can resolve no more than 10^{k−15}).

    From ν_0 = −1 alone ρ falls to 0.
    """
    return phase_curve(depth, rho0, nu0, _clock(*_start(depth, rho0, nu0), _rising("times", times)))


def escape_time(depth, rho0, nu0=1.0):
    """The time to ρ = ½ from a small ρ_0 < ½, a float: that of an aligned start, ν_0 = 1, exact, and the delay by the direction, to leading order; ∞ at ν_0 = −1.

    Both together are ½ ln(1/ρ_0) + ln(2/(1 + ν_0)) for n = 2, and ρ_0^{−(n−2)/n} ₂F₁(1, n−2; n/2; (1 − ν_0)/2)/(n−2) + O(1) for n > 2:
    ρ_0^{−1/3} arccos(ν_0)/√(1 − ν_0²) for n = 3, ρ_0^{−1/2}/(1 + ν_0) for n = 4, where the O(1) depends on n alone. Within ½ % for ρ_0 ≤ 1e-3 and n ≤ 6.
    """
    depth, rho0, nu0 = _start(depth, rho0, nu0)
    if not rho0 < 0.5:
        raise ValueError(f"rho0 must be below ½, where the time ends, got {rho0}")
    if depth == 2:
        delay = -np.log1p((nu0 - 1) / 2) if nu0 > -1 else np.inf
    else:
        delay = rho0 ** (2 / depth - 1) * (hyp2f1(1, depth - 2, depth / 2, (1 - nu0) / 2) - 1) / (depth - 2)
    return float(mode_time(1.0, rho0, 0.5, depth) + delay)


def lowest_curvature(depth, rho, nu=1.0):
    """λ_min of the Hessian at balanced weights with ρ ≥ 0 and ν, their shape, for d ≥ 2 inputs and a first hidden layer of width ≥ 2; below it for width 1.

    Among moves out of the rank it is −ρ^{1−2/n}‖w − v‖. For ν = 1 both together are −ρ^{1−2/n} max{(n−1)(1 − ρ) − nρ, |1 − ρ|}, for n = 2 always −‖w − v‖.
    """
    depth, rho, nu = _depth(depth), checks.finite("rho", rho), checks.finite("nu", nu)
    if (rho < 0).any() or (np.abs(nu) > 1).any():
        raise ValueError(f"rho must be ≥ 0 and nu from −1 to 1, got rho from {rho.min()} and nu from {nu.min()} to {nu.max()}")
    return rho ** (1 - 2 / depth) * np.minimum(_within(depth, rho, nu), -np.hypot(nu - rho, np.sqrt((1 - nu) * (1 + nu))))


def curvature_integral(depth, rho0, nu0=1.0):
    """∫_0^∞ −λ_min dt along the flow, a float, to about 1e-6; ∞ at ν_0 = −1.

    It is ((n−1)/n) ln(1/ρ_0) + O(1), the O(1) growing as (n/2) ln(1/(1 + ν_0)); for ν_0 = 1 and ρ_0 < (n−2)/(2n−2) the O(1) is
    ((n−2)/n) ln((n−2)/(2n−2)) + ln(n/(2n−2)) − ln(1 − ρ_0), and nothing for n = 2.
    """
    depth, rho0, nu0 = _start(depth, rho0, nu0)
    if nu0 == -1:
        return np.inf
    nodes, weights = _panels(np.linspace(0, _end(depth, rho0, nu0), 4000))
    rho, nu = phase_curve(depth, rho0, nu0, nodes.ravel())
    return float(-(lowest_curvature(depth, rho, nu) * rho ** (2 / depth - 1)) @ weights.ravel())


def lag(depth, start, r, step):
    """The time, shape of r, by which gradient descent with step η is late at the scalar weight r = ρ^{1/n} < 1, from `start`, with ν = 1, to first order in η.

    (η/2) ln(g(r)/g(start)) with ṙ = g(r) = r^{n−1}(1 − rⁿ): half a step for each factor e of the speed, as descent follows ṙ = g − (η/2)gg′ + O(η²)
    (backward error analysis). For r ≤ 0.9 and start, η ≤ 0.1 to a share η/5 of itself.
    """
    depth, start, step = _depth(depth), checks.positive("start", start), checks.positive("step", step)
    r = checks.finite("r", r)
    if not (start < 1 and ((0 < r) & (r < 1)).all()):
        raise ValueError(f"start and r must lie between 0 and 1, where the weight ends, got {start} and {r}")

    def log_speed(r):
        return (depth - 1) * np.log(r) + np.log1p(-(r**depth))

    return step / 2 * (log_speed(r) - log_speed(start))


def _log_rho(depth, rho0, nu0, clock):
    """ln ρ at the clock: all terms of cⁿ = ((1 + ν_0)e^τ/2 + (1 − ν_0)e^{−τ}/2)ⁿ and of its integral are positive, and are summed by their logs over e^{nτ}."""
    k = np.arange(depth + 1)
    power, tau = 2 * k - depth, clock[:, None]
    with np.errstate(divide="ignore"):
        c = np.logaddexp(np.log1p(nu0), np.log1p(-nu0) - 2 * clock) - np.log(2)
        terms = np.log(binom(depth, k)) + xlog1py(k, nu0) + xlog1py(depth - k, -nu0) - depth * np.log(2)
        integrals = np.log(tau * exprel(-np.abs(power) * tau)) + (np.maximum(power, 0) - depth) * tau
        integral = logsumexp(terms + integrals, axis=1)
    return depth * c - np.logaddexp(-np.log(rho0) - depth * clock, np.log(depth) + integral)


def _nu(nu0, clock):
    with np.errstate(divide="ignore"):
        return np.tanh(clock + np.arctanh(nu0))


def _end(depth, rho0, nu0):
    """The clock from which on ρ = ν = 1 to rounding, for ν_0 > −1."""
    return 0.5 * np.log(2 / (1 + nu0)) + max(np.log(1 / rho0), 0) / depth + _SETTLED


def _clock(depth, rho0, nu0, times):
    """τ at the times: t = ∫ρ^{−(1−2/n)} dτ by Gauss's rule in panels, turned round by Newton's method within a panel."""
    if depth == 2:
        return times
    power = 2 / depth - 1

    def pace(tau):
        return np.exp(power * _log_rho(depth, rho0, nu0, tau.ravel())).reshape(tau.shape)

    end = np.log1p((depth - 2) * times.max() * rho0**-power) / (depth - 2) if nu0 == -1 else _end(depth, rho0, nu0)
    edges = np.linspace(0, end, int(np.ceil(depth * end)) + 2)
    nodes, weights = _panels(edges)
    reached = np.concatenate([[0], np.cumsum((pace(nodes) * weights).sum(axis=1))])
    times = np.minimum(times, reached[-1])  # later on all has settled
    panel = np.clip(np.searchsorted(reached, times, side="right") - 1, 0, len(edges) - 2)
    tau, left = np.interp(times, reached, edges), edges[panel]
    for _ in range(4):  # from within 1/8 of a panel, the error squared each time
        nodes, weights = _panels(left, tau)
        tau = np.maximum(tau - (reached[panel] + (pace(nodes) * weights).sum(axis=1) - times) / pace(tau), left)
    return tau


def _panels(edges, ends=None):
    """Gauss's nodes and weights, each (K, nodes), of the panels between the edges, or from edges to ends."""
    edges, ends = (edges[:-1], edges[1:]) if ends is None else (edges, ends)
    half = (ends - edges)[:, None] / 2
    return edges[:, None] + half * (1 + _NODES), half * _WEIGHTS


def _within(depth, rho, nu):
    """The least eigenvalue over ρ^{1−2/n} among moves within the rank: by symmetry of a 3 × 3 matrix."""
    h, s, k = nu - rho, np.sqrt((1 - nu) * (1 + nu)), np.sqrt(depth - 1)
    zero = np.zeros(np.broadcast(rho, nu).shape)
    H = np.array([[rho + zero, zero, k * (rho - h)],
                  [zero, rho + zero, -k * s + zero],
                  [k * (rho - h), -k * s + zero, (depth - 1) * rho - (depth - 2) * h]])
    return np.linalg.eigvalsh(np.moveaxis(H, (0, 1), (-2, -1)))[..., 0]


def _deep_linear(network):
    if not isinstance(network, DeepLinear):
        raise TypeError(f"network must be a DeepLinear, got {network!r}")
    return network


def _depth(depth):
    return checks.whole("depth", depth, low=2)


def _start(depth, rho0, nu0):
    if not -1 <= checks.real("nu0", nu0, "a cosine, from −1 to 1") <= 1:
        raise ValueError(f"nu0 must be a cosine, from −1 to 1, got {nu0!r}")
    return _depth(depth), checks.positive("rho0", rho0), float(nu0)


def _rising(name, value):
    value = checks.array(name, value, ("T",))
    if (value < 0).any():
        raise ValueError(f"{name} must hold numbers ≥ 0, got {value.min()}")
    return value
