"""Lesson 6: deep linear networks from near zero, how far gradient descent is from the flow, and what was predicted of it."""

import numpy as np
from scipy.integrate import cumulative_trapezoid
from scipy.interpolate import PchipInterpolator
from scipy.spatial.distance import cdist

from helpers import balanced, curvature
from helpers.data import Dataset
from helpers.explorers.controls import Choice, LogSlider, Slider
from helpers.explorers.explorer import Explorer
from helpers.explorers.panels import Chart, Plane
from helpers.explorers.scene import Scene
from helpers.flow import gradient_descent, gradient_flow
from helpers.linear import DeepLinear
from helpers.problem import Problem

TARGET = np.array([1.0, 0.0])  # v; the loss is ½‖w − v‖²
FRAMES = 240
AFTER = 3.0  # a run goes on for that time after the predicted escape
MOST = 20_000  # steps
PRECISE = 1e-6  # of the flows, in parts of η, as their distance from gradient descent is
POINTS = 64  # on the flow, at which its curvature is taken
ROWS, COLUMNS = 48, 48  # of the grid of what can be read off
OTHERS, BEGIN = 9, 172.0  # flows in the background, and the angle at which they begin
ARRIVED = 1e-3  # the loss of the flow from which on nobody is late
CLOCKS = {2: "time t", 3: "clock ∫∛ρ dt", 4: "clock ∫√ρ dt"}  # dτ = ρ^{1−2/n} dt, on which the plateau is logarithmically long at every depth

CONTROLS = (
    LogSlider("step", "step size η", 1e-3, 1.0, default=0.316),
    LogSlider("scale", "start: scale δ", 1e-3, 1.0, default=0.178),
    Choice("depth", "depth n", tuple(map(str, CLOCKS)), default="3"),
    Slider("angle", "start: angle, °", 0, 175, 5, default=120),
)


def descent_explorer(**settings):
    """The explorer of deep linear networks, which opens on the way; settings (step, scale, depth, angle) replace the defaults."""
    explorer = Explorer("descent_explorer", compute, CONTROLS, "How far from the flow?", settings)
    explorer.cursor = 0.5
    return explorer


def compute(step, scale, depth, angle):
    """The flow of a balanced deep linear network with one output and gradient descent from the same start, on one clock t = ηk, as a Scene."""
    n, nu0 = int(depth), np.cos(np.deg2rad(angle))
    problem = Problem(DeepLinear((2,) * n + (1,)), Dataset(np.eye(2), TARGET))
    theta0 = balanced.factors(problem.network, _length(n, scale) * np.array([[nu0, np.sqrt(1 - nu0**2)]]))
    descent = gradient_descent(problem, theta0, step, _steps(n, step, scale, nu0))
    flow = gradient_flow(problem, theta0, descent.t[-1], rtol=PRECISE * step)
    times, clock, stops = _frames(problem.network, flow, descent)
    theta, walked, met = flow.at(times), descent.at(times), curvature.along(problem, flow, POINTS)
    ahead = gradient_flow(curvature.modified(problem, step), theta0, times[-1], rtol=PRECISE * step).at(times)
    rho, nu = balanced.coordinates(problem.network, theta, TARGET)
    distance, expected = (np.linalg.norm(other - theta, axis=1) for other in (walked, ahead))
    paper, sharp, amplification = (PchipInterpolator(met.t, values)(times) for values in (met.bound(step, "paper"), met.bound(step), met.amplification))
    seen = np.where(times < step, np.nan, 1.0)  # within the first step there is nothing to compare
    return Scene(
        time=times,
        time_label="time t = ηk",
        panels=[
            _plane(problem, n, theta, walked, stops),
            Chart(clock, {"distance": seen * distance, "of the modified flow": seen * expected, "bound to first order in η": seen * sharp, "the paper's bound": seen * paper},
                  title="distance from the flow", x_label=CLOCKS[n], y_label="", log_x=False, log_y=True, predicted="of the modified flow",
                  alt="The distance between the flow and gradient descent on a logarithmic axis, that between the flow and the modified flow, and two bounds above them"),
            Chart(clock, {"λ_min": balanced.lowest_curvature(n, rho, nu), "bound from norms": curvature.norm_bound(problem, theta)}, title="lowest curvature where the flow is", x_label=CLOCKS[n],
                  y_label="", log_x=False, log_y=False, alt="The least eigenvalue of the Hessian along the flow, and below it the bound from the norms of the layers"),
        ],
        text=_text((rho**2 - 2 * rho * nu + 1) / 2, step * n),
        values={"k": np.floor(times / step + 1e-9), "distance": distance, "most": np.maximum.accumulate(distance), "bound": np.maximum.accumulate(sharp), "amplification": amplification,
                "late": _lag(problem, flow, times, walked) / step, "expected": _lag(problem, flow, times, ahead) / step},
    )


def _text(loss, pace):
    """The phases of the line of text: on the way, and from where the flow has arrived, at a minimum with η·λ_max = `pace`."""
    here = "Step {k}, time {time}: "
    on_the_way = here + "gradient descent is {late} steps late, the modified flow {expected}; distance {distance}; errors grow up to {amplification} times on the way"
    arrived = here + "the flow has arrived; gradient descent was at most {most} from it, the bound is {bound}; " + (
        "errors grow up to {amplification} times on the way" if pace <= 2 else f"it cannot settle there: η·λ_max = {pace:.3g} is above 2")
    rest = np.flatnonzero(loss > ARRIVED).max(initial=-1) + 1
    return [(0, on_the_way), (int(rest), arrived)] if 0 < rest < len(loss) else on_the_way if rest else arrived


def _length(n, scale):
    """ρ of balanced weights of norm δ."""
    return (scale / np.sqrt(n)) ** n


def _steps(n, step, scale, nu0):
    """How many steps a run takes; ValueError where these are too many, in the reader's words."""
    def needed(scale):
        return balanced.escape_time(n, _length(n, scale), nu0) + AFTER

    if needed(scale) <= MOST * step:
        return int(np.ceil(needed(scale) / step))
    enough = [f"δ = {value:g}" for value in CONTROLS[1].values() if value > scale and needed(value) <= MOST * step][:1]
    enough += [f"η = {value:g}" for value in CONTROLS[0].values() if needed(scale) <= MOST * value][:1]
    words = " or ".join(enough) or "a larger δ and η"
    raise ValueError(f"depth {n} from δ = {scale:g} takes {needed(scale) / step:,.0f} steps of η = {step:g}, more than the {MOST:,} that an explorer takes; {words} would do")


def _frames(network, flow, descent):
    """Times (T,) of the frames, the clock τ there, dτ = ρ^{1−2/n} dt, and the frames of the steps: evenly spread over that clock, and if there are not too many steps one for each."""
    fine = _fine(flow)
    rho, _ = balanced.coordinates(network, flow.at(fine), TARGET)
    clock = cumulative_trapezoid(rho ** (1 - 2 / network.degree), fine, initial=0)
    times = np.interp(np.linspace(0, clock[-1], FRAMES), clock, fine)
    stops = None
    if len(descent.t) <= FRAMES:
        times = np.unique(np.concatenate([times, descent.t]))
        stops = np.searchsorted(times, descent.t)
    return times, np.interp(times, fine, clock), stops


def _fine(flow):
    """Eight times in every step of the integrator, (F,)."""
    return np.interp(np.arange(8 * len(flow.t) - 7) / 8, np.arange(len(flow.t)), flow.t)


def _lag(problem, flow, times, theta):
    """By how much later θ (T, P) is at the times than the nearest point of the flow, (T,): at every third of them by search along the flow, then by Newton's method."""
    some, theta, fine = times[::3], theta[::3], _fine(flow)
    nearest = np.argmin(cdist(theta, flow.at(fine)), axis=1)
    low, passed, high = fine[np.maximum(nearest - 1, 0)], fine[nearest], fine[np.minimum(nearest + 1, len(fine) - 1)]
    for _ in range(2):
        there = flow.at(passed)
        velocity = np.array([problem.velocity(point) for point in there])
        passed = np.clip(passed + np.sum((theta - there) * velocity, axis=1) / np.sum(velocity**2, axis=1), low, high)
    return np.interp(times, some, some - passed)


def _plane(problem, n, theta, walked, stops):
    """The Plane of the angle between w and v and the length ρ of w, with flows from other starts, the line ρ = ν on which ρ rests, and what can be read off."""
    paths = {name: _places(*balanced.coordinates(problem.network, points, TARGET)) for name, points in (("flow", theta), ("gradient descent", walked))}
    low, high = min(path[:, 1].min() for path in paths.values()) / 2, 2.0  # no run has ρ > 1.8
    angle, rho = np.meshgrid(np.linspace(0, 180, COLUMNS), np.geomspace(low, high, ROWS))
    nu, bowl = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(BEGIN)) ** n  # from there ρ falls to that share of itself until the angle is 90°
    others = [balanced.phase_curve(n, lowest / bowl, np.cos(np.deg2rad(BEGIN)), np.linspace(0, 8, 120)) for lowest in np.geomspace(low, high, OTHERS)]
    rest = np.cos(np.deg2rad(np.linspace(0, 89.9, 200)))
    return Plane(paths, x_range=(0, 180), y_range=(low, high), log_y=True, title="direction and length of w = Wₙ…W₁", x_label="angle to v, °", y_label="length ρ",
                 alt="The length of the product w on a logarithmic axis over its angle to the target v, in the bowl of flows from other starts: the flow and gradient descent turn and grow",
                 ground={"other starts": [_places(*curve) for curve in others], "the length rests: ρ = cos": [_places(rest, rest)]},
                 stops={} if stops is None else {"gradient descent": ("a dot a step", np.column_stack([stops, paths["gradient descent"][stops]]))},
                 readings={"loss": (rho**2 - 2 * rho * nu + 1) / 2, "λ_min": balanced.lowest_curvature(n, rho, nu)}, tint="λ_min")


def _places(rho, nu):
    """Points (T, 2) of the phase plane: the angle in degrees, and ρ."""
    return np.column_stack([np.rad2deg(np.arccos(np.clip(nu, -1, 1))), rho])
