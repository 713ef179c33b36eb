"""How far neurons have gathered: directions, cosines, condensed lines, ranks. W is (m, D), a row a neuron."""

from dataclasses import dataclass

import numpy as np
from scipy.cluster.hierarchy import fcluster, leaves_list, linkage
from scipy.spatial.distance import squareform

from helpers import checks
from helpers.networks import TwoLayer

_CANCELLED = 0.5  # the share of its neurons' terms that two signs may cancel before a line keeps a neuron for each of them


def directions(W):
    """Unit vectors w/‖w‖ of the rows, shape (m, D); ValueError for a row of length zero, which has none."""
    W = checks.array("W", W, ("m", "D"))
    largest = np.abs(W).max(axis=1, keepdims=True)
    if not largest.all():
        raise ValueError(f"rows {np.flatnonzero(largest == 0).tolist()} of W have length 0 and no direction")
    W = W / largest  # keeps the squares of very long and very short rows within the range of floats
    return W / np.linalg.norm(W, axis=1, keepdims=True)


def cosine_matrix(W):
    """Cosines between all rows and the order that shows their blocks: ((m, m), (m,)), the matrix already in that order.

    Neurons on one line stand together, in blocks of +1 and −1 (the cosine D(u, v) of arXiv:2105.11686); the order comes from average-linkage
    clustering of the angles between lines, and by direction within a line.
    """
    unit = directions(W)
    if len(unit) == 1:
        return np.ones((1, 1)), np.zeros(1, dtype=int)
    order = leaves_list(linkage(_line_angles(unit), "average", optimal_ordering=len(unit) <= 200))
    labels = _grouping(unit)(10.0)
    ordered = []
    for line in dict.fromkeys(labels[order]):
        members = [j for j in order if labels[j] == line]
        ordered += sorted(members, key=lambda j: unit[j] @ unit[members[0]] < 0)
    cosines = np.clip(unit[ordered] @ unit[ordered].T, -1, 1)
    return cosines, np.array(ordered)


@dataclass(frozen=True, eq=False)
class Condensation:
    """Neurons counted by the lines they lie on.

    `lines`: groups of neurons of which no two lie more than `angle` degrees apart as lines; `directions`: the same with w and −w told apart;
    `labels` (m,): each neuron's line, largest share of Σ‖w‖² first, −1 for a neuron too short to count; `shares`: each line's share of
    Σ‖w‖²; `by_angle`: the number of lines at other threshold angles (degrees).
    """

    lines: int
    directions: int
    labels: np.ndarray
    shares: np.ndarray
    angle: float
    by_angle: dict


def condensed_lines(W, angle=10.0, floor=0.01, angles=(2, 5, 10, 20)):
    """The lines on which the rows of W lie, to within `angle` degrees; rows shorter than `floor` times the longest are not counted.

    The count of a condensed network is the same over a wide range of angles, that of a spread-out one is not: look at `by_angle`.
    """
    W = checks.array("W", W, ("m", "D"))
    angle, floor = checks.positive("angle", angle), checks.positive("floor", floor, zero=True)
    if floor > 1:
        raise ValueError(f"floor must be at most 1, a share of the longest row, got {floor}")
    if np.size(angles):
        for threshold in checks.array("angles", angles, ("k",)):
            checks.positive("angles", threshold)
    if not W.any():
        raise ValueError("all rows of W have length 0: there are no directions to count")
    W = W / np.abs(W).max()
    norms = np.linalg.norm(W, axis=1)
    counted = np.flatnonzero((norms >= floor * norms.max()) & (norms > 0))
    unit, squares = directions(W[counted]), norms[counted] ** 2
    at_angle = _grouping(unit)
    groups = at_angle(angle)
    weight = np.bincount(groups, squares) / squares.sum()
    by_share = np.argsort(-weight, kind="stable")
    labels = np.full(len(W), -1)
    labels[counted] = np.argsort(by_share)[groups]
    sides = sum(1 + bool((unit[groups == g] @ unit[groups == g][0] < 0).any()) for g in range(len(weight)))
    return Condensation(len(weight), int(sides), labels, weight[by_share], angle, {a: int(at_angle(a).max() + 1) for a in angles})


def stable_rank(W):
    """‖W‖_F² / ‖W‖₂², between 1 and the rank (arXiv:2210.07082)."""
    s = _singular_values(W)
    return float(np.sum((s / s[0]) ** 2))


def effective_rank(W):
    """exp of the entropy of the singular values' shares s_k/Σs (Roy and Vetterli, 2007), between 1 and the rank."""
    s = _singular_values(W)
    share = s[s > 0] / s.sum()
    return float(np.exp(-np.sum(share * np.log(share))))


def relative_distance(theta, theta0):
    """‖θ − θ(0)‖ / ‖θ(0)‖ over the last axes, shape theta.shape[:-theta0.ndim]: small in lazy training, large where neurons condense (arXiv:2007.07497)."""
    theta, theta0 = checks.finite("theta", theta), checks.finite("theta0", theta0)
    if theta.shape[theta.ndim - theta0.ndim:] != theta0.shape:
        raise ValueError(f"theta must end in the shape of theta0, {theta0.shape}, got {theta.shape}")
    axes = tuple(range(theta.ndim - theta0.ndim, theta.ndim))
    start = np.linalg.norm(theta0)
    if not start > 0:
        raise ValueError("theta0 must not be zero")
    return np.sqrt(np.sum((theta - theta0) ** 2, axis=axes)) / start


def polynomial_residual(x, values, degree):
    """‖values − q‖ / ‖values‖, q the polynomial of at most that degree in x (G,) that fits best: a float for values (G,), shape (T,) for values (T, G).

    The output of a network with condensed neurons of multiplicity p is one of degree p in its one input (arXiv:2105.11686, figure 5).
    """
    x, values, degree = checks.array("x", x, ("G",)), checks.finite("values", values), checks.whole("degree", degree, low=0)
    if values.ndim not in (1, 2) or values.shape[-1] != len(x):
        raise ValueError(f"values must have shape ({len(x)},) or (T, {len(x)}), as long as x, got {values.shape}")
    largest = np.abs(values).max(axis=-1, keepdims=True)
    if not largest.all():
        raise ValueError("values must not be all zero: their residual is measured against their size")
    middle, half = 0.5 * (x.max() + x.min()), max(0.5 * np.ptp(x), np.finfo(float).tiny)
    left, sizes, _ = np.linalg.svd(np.polynomial.legendre.legvander((x - middle) / half, degree), full_matrices=False)
    basis, values = left[:, sizes > 1e-12 * sizes[0]], values / largest
    residual = np.linalg.norm(values - values @ basis @ basis.T, axis=-1) / np.linalg.norm(values, axis=-1)
    return float(residual) if values.ndim == 1 else residual


def merged(network, theta, angle=10.0, floor=0.01):
    """The effective network of a TwoLayer network at θ (P,), one neuron for each line of `condensed_lines(W, angle, floor)`: (TwoLayer, its θ), largest lines first.

    A line stands for both of its directions where σ is odd or even; else each direction is one. Its neuron points along Σ_j a_j s_j^{p−1} w_j, s_j = ±‖w_j‖,
    and has there the two lowest terms of Σ_j a_j σ(w_j·x): of order p and, for an odd or even σ, p + 2, else p + 1; of order 0 and p where σ(0) ≠ 0. Where the
    signs of a_j leave no length for the second term, it has the first and a mean length. A line on which opposite signs cancel more than half of the
    first terms keeps two neurons, one for each sign. Neurons below the floor are left out, but where σ(0) ≠ 0, as they add a constant, merged as if on
    one line.

    TypeError for another network; ValueError where no neuron adds anything, or for an activation without a multiplicity or degree.
    """
    if not isinstance(network, TwoLayer):
        raise TypeError(f"network must be a TwoLayer network, got {type(network).__name__}")
    W, a = network.weights(checks.array("theta", theta, ("P",)))
    p, first, second, two_sided = _orders(network.activation)
    if not (W.any(axis=1) & (a != 0)).any():
        raise ValueError("theta must have a neuron that adds something, with w ≠ 0 and a ≠ 0")
    line = condensed_lines(W, angle, floor).labels
    short = [-1] if first == 0 and (line < 0).any() else []
    found = []
    for label in [*range(line.max() + 1), *short]:
        w, out = W[line == label], a[line == label]
        ahead = (w @ w[0] >= 0) | two_sided | (label < 0)
        for part in (ahead, ~ahead):
            if (out[part] != 0).any():
                found += _one_neuron(w[part & (out != 0)], out[part & (out != 0)], p, first, second)
    rows, out = np.array([row for row, _ in found]), np.array([amount for _, amount in found])
    smaller = TwoLayer(len(out), network.activation, network.train_output, network.bias, None if network.train_output else out)
    return smaller, np.concatenate([rows.ravel(), out]) if network.train_output else rows.ravel()


def _orders(activation):
    """p, the orders of the two terms that a merged neuron keeps, and whether σ is odd or even."""
    p, s = activation.degree or activation.multiplicity, np.linspace(0.1, 3, 30)
    if p is None:
        raise ValueError(f"network must have an activation with a multiplicity or a degree, {activation.name!r} has none")
    ahead, behind = activation(s), activation(-s)
    two_sided = any(np.allclose(behind, sign * ahead, rtol=1e-9, atol=0) for sign in (1, -1))
    if activation(np.zeros(1))[0] != 0:
        return p, 0, p, two_sided
    return p, p, p + 1 if activation.degree is None and not two_sided else p + 2, two_sided  # of a power any second order is kept


def _one_neuron(W, a, p, first, second):
    """The neuron (w, a) that stands for the rows of W (k, D) with outputs a (k,), as a list; that of each sign if they cancel."""
    s = np.linalg.norm(W, axis=1) * np.where(W @ W[0] < 0, -1, 1)
    terms = a * s**first
    if abs(terms.sum()) < _CANCELLED * np.abs(terms).sum():
        return [neuron for sign in (1, -1) for neuron in _one_neuron(W[sign * terms > 0], a[sign * terms > 0], p, first, second)]
    u = (a * s ** (p - 1)) @ W
    u *= (1 if u @ W[0] >= 0 else -1) / max(np.linalg.norm(u), np.finfo(float).tiny)
    along = W @ u
    kept, wanted, gap = a * along**first, a * along**second, second - first
    power = wanted.sum() / kept.sum()
    largest = np.abs(along**gap).max()
    real, sound = power > 0 or gap % 2, first == 0 or abs(power) > 0.01 * largest  # a length near 0 would ask for a huge output weight
    if not (real and sound):
        power = np.abs(wanted).sum() / np.abs(kept).sum()
    length = np.sign(power) * np.abs(power) ** (1 / gap)
    return [(length * u, kept.sum() / length**first)]


def _singular_values(W):
    s = np.linalg.svd(checks.array("W", W, ("m", "D")), compute_uv=False)
    if s[0] == 0:
        raise ValueError("W is zero: its rank says nothing")
    return s


def _line_angles(unit):
    """Angles between the lines of unit vectors, radians, condensed form (m(m−1)/2,)."""
    return squareform(np.arccos(np.clip(np.abs(unit @ unit.T), 0, 1)), checks=False)


def _grouping(unit):
    """A function of the threshold (degrees) that numbers groups 0 …, shape (m,): complete linkage, so no two members lie further apart."""
    if len(unit) == 1:
        return lambda threshold: np.zeros(1, dtype=int)
    tree = linkage(_line_angles(unit), "complete")
    return lambda threshold: fcluster(tree, np.deg2rad(threshold), "distance") - 1
