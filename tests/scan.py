"""Extrema of F on the circle by plain search over 36,000 angles: what `ncf.critical_directions` is compared with, on random data sets.

Nothing here comes from helpers.ncf: F is the sum over the points of z_i σ(u·x_i).
"""

import numpy as np

from helpers import Problem, TwoLayer, ncf
from helpers.data import Dataset

ACTIVATIONS = ("linear", "z**2", "z**3", "z**4", "z**5", "relu", "leaky_relu(0.3)", "relu**2")
GOLDEN = (np.sqrt(5) - 1) / 2


def random_problem(activation, random):
    """1 to 12 points in the plane, Gaussian, of length 1, or on a line with a bias; one in five has two on a line, one in ten a z = 0."""
    n = random.integers(1, 13)
    X, z, bias = random.standard_normal((n, 2)), random.standard_normal(n), random.random() < 0.3
    if bias:
        X = X[:, :1]
    elif random.random() < 0.5:
        X /= np.linalg.norm(X, axis=1, keepdims=True)
    if n > 2 and random.random() < 0.2:
        X[-1] = X[0] if bias else X[0] * random.choice([-1, 1, 2, -0.3])
    if n > 1 and random.random() < 0.1:
        z[0] = 0
    return Problem(TwoLayer(1, activation, bias=bias), Dataset(X, z))


def function_of(problem):
    """F as a function of angles (k,), and the angles of its kinks."""
    X, sigma = problem.data.X, problem.network.activation.function
    if problem.network.bias:
        X = np.column_stack([X, np.ones(len(X))])
    right, left = np.abs(sigma(np.array([1.0, -1.0])))
    normal = np.arctan2(X[:, 1], X[:, 0])
    kinks = np.sort(np.concatenate([normal - np.pi / 2, normal + np.pi / 2]) % (2 * np.pi)) if right != left else np.array([])
    kinks = kinks[np.diff(kinks, prepend=kinks[-1:] - 2 * np.pi) > 1e-10]
    return (lambda angles: sigma(np.column_stack([np.cos(angles), np.sin(angles)]) @ X.T) @ problem.z), kinks


def extrema(problem, count=36_000):
    """Angles of all strict local maxima and minima on the circle, in [0, 2π); arcs between kinks on which F is constant hold none.

    The grid holds the kinks, what lies 1e-6 beside them and 12 angles between neighbouring ones as well; where F turns, golden sections.
    """
    F, kinks = function_of(problem)
    between = np.diff(kinks, append=kinks[:1] + 2 * np.pi)[:, None] * np.arange(13) / 13
    fine = kinks[:, None] + np.hstack([between, np.full((len(kinks), 2), [-1e-6, 1e-6])])
    grid = np.unique(np.append(np.linspace(0, 2 * np.pi, count, endpoint=False), fine % (2 * np.pi)))
    grid = np.append(grid, grid[0] + 2 * np.pi)
    values = F(grid)
    noise = 4e-15 * np.abs(values).max()
    turn = np.sign(np.where(np.abs(np.diff(values)) <= noise, 0, np.diff(values)))
    cell = np.searchsorted(kinks, 0.5 * (grid[1:] + grid[:-1]) % (2 * np.pi)) % max(len(kinks), 1)
    flat = np.bincount(cell, np.abs(turn), minlength=len(kinks))[cell] == 0
    steps = np.flatnonzero((turn != 0) | flat)
    turn[flat] = 0
    now, later = steps, np.append(steps[1:], steps[:1] + len(turn))
    turns = turn[now] * turn[later % len(turn)] < 0
    now, later = now[turns], later[turns]
    angles = golden(F, turn[now], grid[now], grid[later % len(turn) + 1] + 2 * np.pi * (later >= len(turn)))
    return angles[turn[now] > 0], angles[turn[now] < 0]


def golden(F, sign, low, high):
    """The places of the maxima of sign·F between low and high, each (k,)."""
    for _ in range(50):
        step = GOLDEN * (high - low)
        rises = sign * F(low + step) > sign * F(high - step)
        low, high = np.where(rises, high - step, low), np.where(rises, high, low + step)
    return 0.5 * (low + high) % (2 * np.pi)


def disagreements(problem):
    """Extrema that only the scan finds (misses), that only critical_directions finds (extras), and all that the scan finds: three numbers."""
    F, _ = function_of(problem)
    scale = np.abs(problem.z) @ (1 + np.sum(problem.data.X**2, axis=1)) ** (problem.network.activation.degree / 2)
    critical, scanned = ncf.critical_directions(problem), extrema(problem)
    misses = extras = 0
    for angles, extremum in zip(scanned, ("maximum", "minimum"), strict=True):
        left = np.array([c.angle for c in critical if c.extremum == extremum])
        for angle in angles:
            near = (np.abs((left - angle + np.pi) % (2 * np.pi) - np.pi) <= 1e-3) & (np.abs(F(left) - F(np.array([angle]))) <= 1e-12 * scale)
            misses += not near.any()
            left = np.delete(left, np.flatnonzero(near)[:1])
        extras += len(left)
    return misses, extras, sum(map(len, scanned))


def compare(activation, sets, seed=0):
    """Misses, extras and extrema over so many random data sets: of `disagreements` the sums."""
    random = np.random.default_rng(seed)
    return tuple(sum(column) for column in zip(*(disagreements(random_problem(activation, random)) for _ in range(sets)), strict=True))
