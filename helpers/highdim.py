"""Leaky ReLU networks on orthogonal high-dimensional data (arXiv:2210.07082): the stable rank that theory predicts, step by step.

The setting: f(x) = Σ_j a_j φ(w_j·x), only W (m, d) trained, a_j = ±1/√m with half of each sign, φ(z) = max(γz, z), logistic loss averaged over n
orthogonal inputs of one norm with balanced labels ±1, gradient descent with step α from weights of standard deviation ω.
"""

from dataclasses import dataclass

import numpy as np

from helpers import checks


@dataclass(frozen=True)
class Setting:
    """n points in `dim` dimensions of norm `norm`, `width` neurons with slope γ, step α, initial standard deviation `std` of a weight."""

    n: int
    dim: int
    norm: float
    width: int
    slope: float
    step: float
    std: float

    def __post_init__(self):
        for name in ("n", "dim", "width"):
            checks.whole(name, getattr(self, name))
        for name in ("norm", "slope", "step", "std"):
            checks.positive(name, getattr(self, name))

    @property
    def gate_ratio(self):
        """The least move of a preactivation in the first step, over its initial standard deviation; the curve below asks for 3 or more."""
        return self.step * self.slope * self.norm / (2 * self.n * np.sqrt(self.width) * self.std)


def default_std(width, dim):
    """The usual initialization's standard deviation √(2/(m + d)) (Glorot and Bengio, 2010)."""
    return float(np.sqrt(2 / (checks.whole("width", width) + checks.whole("dim", dim))))


def initial_stable_rank(width, dim):
    """md/(√m + √d)², the stable rank of a wide Gaussian matrix (Bai–Yin limit of its largest singular value; a few % low at finite size)."""
    m, d = checks.whole("width", width), checks.whole("dim", dim)
    return m * d / (np.sqrt(m) + np.sqrt(d)) ** 2


def limit_stable_rank(slope):
    """1 + ((1 − γ)/(1 + γ))², the stable rank of the max-margin solution on orthogonal balanced data of one norm (derived from Theorem 3.2)."""
    slope = checks.positive("slope", slope, zero=True)
    return 1 + ((1 - slope) / (1 + slope)) ** 2


def kkt_stable_rank(X, y, slope, positive=0.5):
    """The stable rank of the max-margin solution on orthogonal inputs X (n, d) with labels y = ±1, for a share `positive` of neurons with a > 0.

    From the Gram matrix of √m₊·v and √m₋·u, v = Σ₊λ_ix_i − γΣ₋λ_ix_i and u likewise, where λ_i ∝ 1/((m_± + γ²m_∓)‖x_i‖²) on the points
    of each sign (derived from arXiv:2210.07082, Theorem 3.2, and checked against training).
    """
    X, y = checks.labelled(X, y)
    gamma, share = checks.positive("slope", slope, zero=True), checks.positive("positive", positive)
    if share >= 1:
        raise ValueError(f"positive must be a share below 1, got {positive}")
    inverse = 1 / np.sum(np.square(X), axis=1)
    plus = inverse[y > 0].sum() / (share + gamma**2 * (1 - share)) ** 2
    minus = inverse[y < 0].sum() / (1 - share + gamma**2 * share) ** 2
    across = -gamma * (plus + minus) * np.sqrt(share * (1 - share))
    gram = [[share * (plus + gamma**2 * minus), across], [across, (1 - share) * (minus + gamma**2 * plus)]]
    return float(np.trace(gram) / np.linalg.eigvalsh(gram)[-1])


def stable_rank_curve(setting, steps):
    """Predicted stable rank after 1 … `steps` steps, shape (steps,), from three scalars and no network (derived here).

    s1 is what the first step gathers, through random gates; s2 what all later steps gather, through the right ones; the margin grows with both.
    Holds for `setting.gate_ratio` of about 3 or more and std·norm ≪ 1. The minimum, at s1 = s2, is 1 + ½((1 − γ)/(1 + γ))².
    """
    if not isinstance(setting, Setting):
        raise TypeError(f"setting must be a highdim.Setting, got {type(setting).__name__}")
    n, m, d, gamma = setting.n, setting.width, setting.dim, setting.slope
    gain = setting.step * setting.norm**2 / n
    common, spread = (1 + gamma) ** 2 / 4, (1 - gamma) ** 2 / 4
    left = setting.std**2 * m * d * setting.norm**2 / n
    s1, s2, margin = gain / 2, 0.0, gain / 8 * (1 + gamma) ** 2
    ranks = np.empty(checks.whole("steps", steps))
    for t in range(len(ranks)):
        largest = common * (s1 + s2) ** 2 + spread * s1**2 * (1 / n + 1 / m) + left * (m + d) / (m * d)
        ranks[t] = (common * (s1 + s2) ** 2 + spread * (s1**2 + s2**2) + left) / largest
        push = gain / (1 + np.exp(margin))
        s2, margin = s2 + push, margin + push * (1 + gamma**2) / 2
    return ranks


def early_directions(X, y, slope):
    """Unit vectors v ∝ Σ₊x − γΣ₋x and u ∝ Σ₋x − γΣ₊x, each (d,), to which small neurons with a > 0 and with a < 0 turn on orthogonal data (derived here)."""
    (X, y), slope = checks.labelled(X, y), checks.real("slope", slope)
    plus, minus = X[y > 0].sum(axis=0), X[y < 0].sum(axis=0)
    v, u = plus - slope * minus, minus - slope * plus
    return v / np.linalg.norm(v), u / np.linalg.norm(u)
