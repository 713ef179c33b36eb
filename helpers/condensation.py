"""How far neurons have gathered: directions, cosines, condensed lines, ranks. W is (m, D), a row a neuron."""

from dataclasses import dataclass

import numpy as np
from scipy.cluster.hierarchy import fcluster, leaves_list, linkage
from scipy.spatial.distance import squareform

from helpers import checks


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
