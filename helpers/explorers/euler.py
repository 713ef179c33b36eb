"""Lesson 6: two weights, a step size in the reader's hand, and gradient descent beside the flow."""

import numpy as np
from scipy.integrate import solve_ivp
from scipy.interpolate import PchipInterpolator

from helpers import curvature
from helpers.data import Dataset
from helpers.explorers.controls import LogSlider, Slider
from helpers.explorers.explorer import Explorer
from helpers.explorers.panels import Chart, Plane
from helpers.explorers.scene import Scene
from helpers.flow import DivergenceError, gradient_descent, gradient_flow, stop_at
from helpers.linear import DeepLinear
from helpers.problem import Problem

PROBLEM = Problem(DeepLinear((1, 1, 1)), Dataset([[1.0]], [1.0]))  # f(a, b) = ½(ab − 1)²
SETTLED, LONGEST, FEWEST = 1e-5, 25.0, 20  # a run goes on until the flow has this loss or this time is over, and for so many steps
FRAMES = 240  # the least of a run
POINTS = 100  # on the flow, at which its curvature is taken
DRAWN = 160  # steps, of which each is drawn, with its error; of more only some are
SIDE = 64  # points along the grid of what can be read off
LOST = 2.0  # parts of the picture, beyond which gradient descent never comes back (seen over all settings)
SEEN = 5.0  # times the largest distance, up to which the bound is drawn
WINDOW = 4.0  # 2/η is drawn if it is at most so many times the largest curvature on the way

CONTROLS = (
    LogSlider("step", "step size η", 0.01, 1.5, default=0.422, per_decade=8),
    LogSlider("start", "start: distance δ", 1e-3, 3.0, default=0.562),
    Slider("angle", "start: angle, °", -45, 135, 5, default=130),
)


def euler_explorer(**settings):
    """The explorer of two weights, which opens on the way; settings (step, start, angle) replace the defaults."""
    explorer = Explorer("euler_explorer", compute, CONTROLS, "Gradient descent is Euler's method", settings)
    explorer.cursor = 0.4
    return explorer


def compute(step, start, angle):
    """The flow of ½(ab − 1)² and gradient descent from one start on one clock t = ηk, as a Scene."""
    theta0 = start * np.array([np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))])
    window = -max(0.6, start), max(1.6, 1.15 * start)
    flow, descent, diverged = _runs(theta0, step, LOST * window[1])
    times, stops, every = _frames(descent, step)
    theta, walked = flow.at(np.minimum(times, flow.t[-1])), descent.at(times)
    met = curvature.along(PROBLEM, flow, POINTS)
    distance = np.linalg.norm(walked - theta, axis=1)
    lowest, highest, bound = (PchipInterpolator(met.t, values)(times) for values in (met.lowest, met.highest, met.bound(step)))
    level = {"2/η": 2 / step} if 2 / step <= WINDOW * highest.max() else {}
    end = "gradient descent diverges" if diverged else "there η·λ_max = {pace}; above 2 it cannot settle"
    return Scene(
        time=times,
        time_label="time t = ηk",
        panels=[
            _plane(theta, walked, stops, every, step, window),
            Chart(times, {"distance": distance, "bound to first order in η": np.where(bound <= SEEN * distance.max(), bound, np.nan)}, title="distance from the flow",
                  x_label="time t", y_label="", log_x=False, log_y=False, predicted="bound to first order in η",
                  alt="The distance between the flow and gradient descent over time, and the bound from the curvature on the way"),
            Chart(times, {"λ_max": highest, "λ_min": lowest}, title="curvature where the flow is", x_label="time t", y_label="", log_x=False, log_y=False, levels=level,
                  alt="The largest and the least eigenvalue of the Hessian along the flow; errors grow where the least one is negative"),
        ],
        text=f"Step {{k}}, time {{time}}: gradient descent is {{distance}} from the flow, the bound is {{bound}}; {end}",
        values={"k": np.floor(times / step + 1e-9), "distance": distance, "bound": bound, "pace": step * eigenvalues(*walked.T)[1]},
    )


def eigenvalues(a, b):
    """λ_min and λ_max of the Hessian of ½(ab − 1)², shapes of a and b."""
    mean, half = (a**2 + b**2) / 2, np.hypot((a**2 - b**2) / 2, 2 * a * b - 1)
    return mean - half, mean + half


def _runs(theta0, step, lost):
    """The flow and gradient descent, Trajectories of the same length, and whether the latter leaves for good: it then ends beyond `lost`, and the flow with it or later."""
    length = gradient_flow(PROBLEM, theta0, LONGEST, stop=stop_at(loss=SETTLED)).t[-1]
    steps = max(FEWEST, int(np.ceil(length / step)))
    steps += -steps % _every(steps)
    try:
        descent = gradient_descent(PROBLEM, theta0, step, steps)
    except DivergenceError as error:
        descent = error.run
    outside = np.abs(descent.theta).max(axis=1) > lost
    if outside.any():
        steps = int(np.argmax(outside))
        descent = gradient_descent(PROBLEM, theta0, step, steps)
    return gradient_flow(PROBLEM, theta0, descent.t[-1], rtol=1e-8), descent, outside.any()


def _every(steps):
    """How many steps go by from one that is drawn to the next."""
    return -(-steps // DRAWN)


def _frames(descent, step):
    """Times (T,) of the frames, the frames at which a step is drawn, and how many steps lie between two of these: whole steps, or equal parts of each.

    The parts are a multiple of three, since a page shows every third frame.
    """
    steps = len(descent.t) - 1
    every = _every(steps)
    parts = 3 * -(-FRAMES // (3 * (steps // every)))
    return np.arange(steps // every * parts + 1) * (step * every / parts), np.arange(0, steps // every * parts + 1, parts), every


def _plane(theta, walked, stops, every, step, window):
    """The Plane of the weights: contours of the loss, its minima, both runs, the error of each step, and the curvature to be read off anywhere."""
    a, b = np.meshgrid(*2 * [np.linspace(*window, SIDE)])
    lowest, highest = eigenvalues(a, b)
    points = walked[stops]
    bars = ("error of the step, from where the flow leads", np.column_stack([stops[1:], _flown(points[:-1], step), points[1:]])) if every == 1 else ()
    return Plane({"flow": theta, "gradient descent": walked}, x_range=window, y_range=window, title="two weights, ½(ab − 1)²", x_label="a", y_label="b",
                 alt="The plane of the two weights with the contours of the loss and its minima on ab = 1: the curve of the flow and the polygon of gradient descent",
                 ground=_ground(window[1], step), stops={"gradient descent": ("a dot a step" if every == 1 else f"a dot every {every} steps", np.column_stack([stops, points]))},
                 bars=bars, readings={"loss": (a * b - 1) ** 2 / 2, "λ_min": lowest, "λ_max": highest}, tint="λ_min", joined="distance now", equal=True)


def _ground(reach, step):
    """Hyperbolas ab = c within the picture: contours of the loss, and the minima, of which those are apart where a step η overshoots."""
    minima = _hyperbola(1, reach)
    sharp = np.sum(minima**2, axis=1) > 2 / step
    levels = [side * curve for c in (-4, -3, -2, -1, 0, 0.5, 1.5, 2, 3, 4, 6, 8) if abs(c) < reach**2 for curve in _branch(c, reach) for side in (1, -1)]
    parts = {"contours of the loss": levels, "minima, ab = 1": [side * np.where(sharp[:, None], np.nan, minima) for side in (1, -1)]}
    return parts | ({"minima with λ_max > 2/η": [side * np.where(sharp[:, None], minima, np.nan) for side in (1, -1)]} if sharp.any() else {})


def _branch(c, reach):
    """The curves on which ab = c in the half plane a > 0; the axes for c = 0."""
    return [np.array([[-reach, 0], [reach, 0]]), np.array([[0, -reach], [0, reach]])] if c == 0 else [_hyperbola(c, reach)]


def _hyperbola(c, reach):
    """Points (G, 2) on ab = c with a > 0 within the picture, evenly spread in ln a."""
    a = np.geomspace(abs(c) / reach, reach, 80)
    return np.column_stack([a, c / a])


def _flown(points, time):
    """Where the flow leads from each of the points (B, 2) in that time, all in one integration."""
    def velocities(_, flat):
        a, b = flat.reshape(2, -1)
        return np.concatenate([(1 - a * b) * b, (1 - a * b) * a])

    return solve_ivp(velocities, (0, time), points.T.ravel(), rtol=1e-6, atol=1e-9).y[:, -1].reshape(2, -1).T
