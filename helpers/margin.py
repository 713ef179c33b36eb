"""Maximum margins: the linear predictor's and the two-layer leaky ReLU network's, both as one least-norm program."""

import numpy as np
from scipy.optimize import nnls

from helpers import checks


def least_norm(G):
    """The shortest z with Gz ≥ 1, shape (D,), for constraints G (n, D); ValueError where there is none.

    Least-distance programming: non-negative least squares on [Gᵀ; 1ᵀ] (Lawson and Hanson, 1974, chapter 23), exact up to rounding.
    """
    G = checks.array("G", G, ("n", "D"))
    stacked = np.vstack([G.T, np.ones(len(G))])
    target = np.zeros(len(stacked))
    target[-1] = 1
    solution, distance = nnls(stacked, target)
    residual = stacked @ solution - target
    if distance < 1e-9:
        raise ValueError("no z has Gz ≥ 1: the classes cannot be separated this way")
    return -residual[:-1] / residual[-1]


def max_margin(X, y):
    """The max-margin linear predictor without offset: the shortest z (d,) with y_i z·x_i ≥ 1, for labels ±1."""
    X, y = checks.labelled(X, y)
    return least_norm(y[:, None] * X)


def max_margin_directions(X, y, slope, width):
    """The weights (v, u), each (d,), that all neurons with a > 0 and with a < 0 share at the max-margin solution.

    The convex program of arXiv:2210.07082, Theorem 3.2, for width/2 neurons of each sign and a = ±1/√width, `slope` = γ: minimise ‖v‖² + ‖u‖² so that
    (√m/2)(v·x − γu·x) ≥ 1 for y = 1 and (√m/2)(u·x − γv·x) ≥ 1 for y = −1. It is the network's own only where v·(yx) > 0 > u·(yx) at every point.
    """
    X, y = checks.labelled(X, y)
    slope, width = checks.positive("slope", slope), checks.whole("width", width, low=2)
    on_v, on_u = np.where(y > 0, 1, -slope), np.where(y > 0, -slope, 1)
    solution = least_norm(np.sqrt(width) / 2 * np.hstack([on_v[:, None] * X, on_u[:, None] * X]))
    return solution[:X.shape[1]], solution[X.shape[1]:]
