"""The explorers of lesson 6: gradient descent beside the flow on two weights and in deep linear networks, every setting has a picture, and soon."""

import re
from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from helpers import balanced, curvature, gradient_descent, gradient_flow
from helpers.data import Dataset
from helpers.explorers import descent, descent_explorer, euler, euler_explorer
from helpers.explorers.scene import encode
from helpers.linear import DeepLinear
from helpers.problem import Problem

EULER = {"step": 0.422, "start": 0.562, "angle": 130}
DEEP = {"step": 0.316, "scale": 0.178, "depth": "3", "angle": 120}
NUMBER = r"-?[\d.]+(?:e-?\d+)?"
PLAYED = [(euler, EULER), (descent, DEEP)]


def weights(start, angle):
    """The two weights at a distance and an angle in degrees."""
    return start * np.array([np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))])


def deep(scale, depth, angle, **_):
    """The problem of a deep linear network and its balanced start."""
    n, nu = int(depth), np.cos(np.deg2rad(angle))
    problem = Problem(DeepLinear((2,) * n + (1,)), Dataset(np.eye(2), np.array([1.0, 0.0])))
    return problem, balanced.factors(problem.network, [(scale / np.sqrt(n)) ** n * np.array([nu, np.sin(np.deg2rad(angle))])])


@pytest.mark.parametrize("explorer, settings", [(euler_explorer, EULER), (descent_explorer, DEEP)])
def test_it_opens_where_gradient_descent_is_far_behind_at_the_defaults_of_its_controls(explorer, settings):
    shown = explorer()
    distance = shown._compute(tuple(settings.items())).values["distance"]
    assert shown.settings == settings and distance[int(shown.cursor * (len(distance) - 1))] > 0.25 * distance.max()
    assert explorer(step=0.1).settings == settings | {"step": 0.1}


@pytest.mark.parametrize("module, settings", PLAYED)
def test_one_setting_has_one_picture(module, settings):
    assert encode(module.compute(**settings), settings) == encode(module.compute(**settings), settings)


@pytest.mark.parametrize("module, settings", PLAYED)
def test_every_panel_says_in_words_what_there_is_to_see(module, settings):
    plane, distance, bent = module.compute(**settings).panels
    assert "flow" in plane.alt and "gradient descent" in plane.alt and "bound" in distance.alt and "eigenvalue" in bent.alt


# Two weights


def test_both_runs_of_two_weights_are_the_flow_and_gradient_descent_on_one_clock():
    scene, theta0 = euler.compute(**EULER), weights(EULER["start"], EULER["angle"])
    paths, step = scene.panels[0].paths, EULER["step"]
    exact = solve_ivp(lambda _, t: (1 - t[0] * t[1]) * t[::-1], (0, scene.time[-1]), theta0, t_eval=scene.time, rtol=1e-10, atol=1e-12).y.T
    assert paths["flow"] == pytest.approx(exact, abs=1e-6)
    place = theta0.copy()
    words, stops = scene.panels[0].stops["gradient descent"]
    assert words == "a dot a step" and len(stops) == round(scene.time[-1] / step) + 1
    for k, (frame, a, b) in enumerate(stops):
        assert scene.time[int(frame)] == pytest.approx(k * step, rel=1e-12)
        assert [a, b] == pytest.approx(place, rel=1e-12) and paths["gradient descent"][int(frame)] == pytest.approx(place, rel=1e-9)
        place = place + step * (1 - place[0] * place[1]) * place[::-1]
    assert scene.values["distance"] == pytest.approx(np.linalg.norm(paths["gradient descent"] - exact, axis=1), abs=1e-6)


def test_between_two_steps_gradient_descent_goes_straight():
    plane = euler.compute(**EULER).panels[0]
    path, (_, stops) = plane.paths["gradient descent"], plane.stops["gradient descent"]
    for (first, *a), (last, *b) in pairwise(stops):
        between = path[int(first):int(last) + 1]
        assert between == pytest.approx(np.linspace(a, b, len(between)), abs=1e-12)


def test_a_bar_leads_from_where_the_flow_would_be_after_the_step_to_gradient_descent():
    plane = euler.compute(**EULER).panels[0]
    stops, (_, bars) = plane.stops["gradient descent"][1], plane.bars
    assert len(bars) == len(stops) - 1
    for (frame, *there, a, b), (_, *begin), (end, *reached) in zip(bars[:6], stops[:6], stops[1:7], strict=True):
        led = gradient_flow(euler.PROBLEM, np.array(begin), EULER["step"], rtol=1e-9).theta[-1]
        assert frame == end and there == pytest.approx(led, abs=1e-6) and [a, b] == reached


def test_the_curvature_read_off_is_that_of_the_hessian():
    scene = euler.compute(**EULER)
    plane, (low, high) = scene.panels[0], scene.panels[0].x_range
    grid = np.linspace(low, high, euler.SIDE)
    for i, j in ((0, 0), (5, 40), (33, 33), (63, 20)):
        theta = np.array([grid[j], grid[i]])
        expected = [euler.PROBLEM.loss(theta), *curvature.hessian_extremes(euler.PROBLEM, theta)]
        assert [values[i, j] for values in plane.readings.values()] == pytest.approx(expected, abs=1e-12)
    assert plane.tint == "λ_min" and plane.equal and list(plane.readings) == ["loss", "λ_min", "λ_max"]
    a, b = plane.paths["gradient descent"].T
    assert scene.values["pace"] == pytest.approx(EULER["step"] * euler.eigenvalues(a, b)[1])


def test_the_charts_of_two_weights_hold_distance_bound_and_curvature_on_the_way():
    scene, theta0 = euler.compute(step=0.1, start=0.316, angle=110), weights(0.316, 110)
    flow = gradient_flow(euler.PROBLEM, theta0, scene.time[-1], rtol=1e-9)
    met = curvature.along(euler.PROBLEM, flow, 400)
    distance, bent = scene.panels[1:]
    assert distance.predicted == ("bound to first order in η",)
    assert distance.series["bound to first order in η"] == pytest.approx(np.interp(scene.time, met.t, met.bound(0.1)), rel=0.01, abs=1e-4)
    assert (distance.series["distance"] <= 1.05 * distance.series["bound to first order in η"] + 1e-9).all()
    for name, values in (("λ_min", met.lowest), ("λ_max", met.highest)):
        assert bent.series[name] == pytest.approx(np.interp(scene.time, met.t, values), abs=0.01)


def test_the_level_2_over_eta_is_drawn_where_it_matters():
    assert euler.compute(**EULER).panels[2].levels == {"2/η": 2 / EULER["step"]}
    assert euler.compute(**EULER | {"step": 0.01}).panels[2].levels == {}


def test_minima_too_sharp_for_the_step_are_told_apart():
    ground = euler.compute(step=0.562, start=1.78, angle=10).panels[0].ground
    sharp, (flat, _) = ground["minima with λ_max > 2/η"][0], ground["minima, ab = 1"]
    both = np.where(np.isnan(flat), sharp, flat)
    assert both[:, 0] * both[:, 1] == pytest.approx(1) and (np.isnan(flat) ^ np.isnan(sharp)).all()
    assert np.nanmax(np.sum(flat**2, axis=1)) <= 2 / 0.562 < np.nanmin(np.sum(sharp**2, axis=1))
    assert "minima with λ_max > 2/η" not in euler.compute(**EULER | {"step": 0.1}).panels[0].ground


def test_contours_are_levels_of_the_loss():
    for curve in euler.compute(**EULER).panels[0].ground["contours of the loss"]:
        assert np.ptp(curve[:, 0] * curve[:, 1]) < 1e-12


def test_gradient_descent_that_cannot_settle_goes_to_a_flatter_minimum():
    scene = euler.compute(step=0.562, start=1.78, angle=10)
    flow, walked = (path[-1] for path in scene.panels[0].paths.values())
    assert np.prod(flow) == pytest.approx(1, abs=0.01) and np.prod(walked) == pytest.approx(1, abs=0.01)
    assert walked @ walked < 2 / 0.562 < flow @ flow


def test_gradient_descent_that_diverges_is_shown_until_it_leaves_the_picture():
    scene = euler.compute(step=1.5, start=3, angle=45)
    path, reach = scene.panels[0].paths["gradient descent"], scene.panels[0].x_range[1]
    assert np.abs(path[-1]).max() > euler.LOST * reach and (np.abs(path[0]) < reach).all() and np.isfinite(path).all()
    assert len(scene.time) >= euler.FRAMES and scene.text_at(0).endswith("gradient descent diverges")


def test_of_many_steps_some_are_drawn_and_the_legend_says_which():
    scene = euler.compute(**EULER | {"step": 0.01})
    words, stops = scene.panels[0].stops["gradient descent"]
    every = int(re.fullmatch(r"a dot every (\d+) steps", words)[1])
    assert every > 1 and not scene.panels[0].bars
    walked = gradient_descent(euler.PROBLEM, weights(0.562, 130), 0.01, every * (len(stops) - 1)).theta[::every]
    assert stops[:, 1:] == pytest.approx(walked, rel=1e-9)


def test_a_page_holds_every_drawn_step_of_two_weights_at_a_frame():
    for step in (0.01, 0.1, 0.422, 1.33):
        scene = euler.compute(**EULER | {"step": step})
        thin = scene.thinned(3)
        for frame, a, b in thin.panels[0].stops["gradient descent"][1]:
            assert thin.panels[0].paths["gradient descent"][int(frame)] == pytest.approx([a, b], abs=1e-9)


def test_the_text_of_two_weights_tells_step_time_distance_bound_and_pace():
    scene = euler.compute(**EULER)
    for frame in (0, len(scene.time) // 2, len(scene.time) - 1):
        assert re.fullmatch(rf"Step \d+, time {NUMBER}: gradient descent is {NUMBER} from the flow, the bound is {NUMBER}; there η·λ_max = {NUMBER}; above 2 it cannot settle",
                            scene.text_at(frame))
    stops = scene.panels[0].stops["gradient descent"][1]
    assert scene.values["k"][stops[:, 0].astype(int)] == pytest.approx(np.arange(len(stops)))


def test_a_start_on_the_way_to_the_saddle_and_one_at_a_minimum_have_a_picture():
    assert np.abs(euler.compute(step=0.1, start=1.0, angle=135).panels[0].paths["flow"][-1]).max() < 1e-4
    rest = euler.compute(step=0.1, start=np.sqrt(2), angle=45)
    assert rest.values["distance"].max() < 1e-9


# Deep linear networks


@pytest.mark.parametrize("settings", [DEEP, DEEP | {"depth": "2", "scale": 0.03}, {"step": 0.1, "scale": 0.562, "depth": "4", "angle": 60}])
def test_the_plane_of_deep_networks_shows_angle_and_length_of_both_runs(settings):
    scene, (problem, theta0), n = descent.compute(**settings), deep(**settings), int(settings["depth"])
    rho0, nu0 = balanced.coordinates(problem.network, theta0, [1, 0])
    rho, nu = balanced.exact(n, rho0, nu0, scene.time)
    paths = scene.panels[0].paths
    assert paths["flow"][:, 1] == pytest.approx(rho, rel=1e-3) and np.cos(np.deg2rad(paths["flow"][:, 0])) == pytest.approx(nu, abs=1e-4)
    steps = gradient_descent(problem, theta0, settings["step"], int(scene.values["k"][-1]))
    rho, nu = balanced.coordinates(problem.network, steps.theta, [1, 0])
    at = np.searchsorted(scene.time, steps.t[:50] - 1e-9)
    assert paths["gradient descent"][at] == pytest.approx(np.column_stack([np.rad2deg(np.arccos(np.clip(nu, -1, 1))), rho])[:50], rel=1e-6, abs=1e-5)


def test_every_step_has_a_dot_unless_there_are_too_many():
    few, many = descent.compute(**DEEP), descent.compute(**DEEP | {"step": 0.03})
    words, stops = few.panels[0].stops["gradient descent"]
    assert words == "a dot a step" and few.time[stops[:, 0].astype(int)] == pytest.approx(DEEP["step"] * np.arange(len(stops)))
    assert many.panels[0].stops == {} and len(many.time) == descent.FRAMES


def test_the_clock_of_the_charts_is_that_on_which_the_direction_turns_evenly():
    for depth in "234":
        settings = DEEP | {"depth": depth, "scale": 0.3}
        scene = descent.compute(**settings)
        chart = scene.panels[1]
        angle = np.deg2rad(scene.panels[0].paths["flow"][:, 0])
        turning = angle > 0.05
        assert (np.arctanh(np.cos(angle)) - np.arctanh(np.cos(angle[0])))[turning] == pytest.approx(chart.x[turning], abs=2e-3)
        assert chart.x_label == {"2": "time t", "3": "clock ∫∛ρ dt", "4": "clock ∫√ρ dt"}[depth] == scene.panels[2].x_label
    assert descent.compute(**DEEP | {"depth": "2"}).panels[1].x == pytest.approx(descent.compute(**DEEP | {"depth": "2"}).time)


@pytest.mark.parametrize("settings", [DEEP, DEEP | {"depth": "2", "step": 0.1}, DEEP | {"depth": "4", "scale": 0.3, "angle": 0, "step": 0.03}])
def test_distance_bounds_and_modified_flow_are_those_of_curvature(settings):
    scene, (problem, theta0), step = descent.compute(**settings), deep(**settings), settings["step"]
    end = scene.time[-1]
    flow = gradient_flow(problem, theta0, end, rtol=1e-9)
    met, walked = curvature.along(problem, flow, 400), gradient_descent(problem, theta0, step, round(end / step))
    ahead = gradient_flow(curvature.modified(problem, step), theta0, end, rtol=1e-9)
    curves, after = scene.panels[1].series, scene.time >= step
    assert all(np.isnan(values[~after]).all() for values in curves.values())
    distance, expected = (np.linalg.norm(run.at(scene.time) - flow.at(scene.time), axis=1) for run in (walked, ahead))
    for name, values, rel in (("distance", distance, 0.02), ("of the modified flow", expected, 0.02), ("bound to first order in η", np.interp(scene.time, met.t, met.bound(step)), 0.03),
                              ("the paper's bound", np.interp(scene.time, met.t, met.bound(step, "paper")), 0.05)):
        assert curves[name][after] == pytest.approx(values[after], rel=rel, abs=1e-6)
    assert scene.panels[1].predicted == ("of the modified flow",)
    assert scene.values["amplification"][-1] == pytest.approx(met.amplification[-1], rel=0.02)


def test_the_lowest_curvature_lies_above_the_bound_from_norms_and_is_it_at_depth_2():
    for depth in "234":
        scene = descent.compute(**DEEP | {"depth": depth})
        problem, theta0 = deep(**DEEP | {"depth": depth})
        series, flow = scene.panels[2].series, gradient_flow(problem, theta0, scene.time[-1], rtol=1e-8)
        assert series["λ_min"][::20] == pytest.approx(curvature.hessian_extremes(problem, flow.at(scene.time[::20]))[:, 0], abs=1e-4)
        assert (series["bound from norms"] <= series["λ_min"] + 1e-6).all()
        if depth == "2":
            assert series["bound from norms"] == pytest.approx(series["λ_min"], abs=1e-6)


@pytest.mark.parametrize("depth", "234")
def test_from_an_aligned_start_gradient_descent_is_as_late_as_the_logarithm_says(depth):
    settings = DEEP | {"depth": depth, "angle": 0, "step": 0.03, "scale": 0.3}
    scene, n = descent.compute(**settings), int(depth)
    begin = settings["scale"] / np.sqrt(n)
    length = scene.panels[0].paths["gradient descent"][:, 1] ** (1 / n)
    way = (length > 2 * begin) & (length < 0.9)
    predicted = balanced.lag(n, begin, length[way], settings["step"]) / settings["step"]
    assert way.sum() > 20
    assert scene.values["late"][way] == pytest.approx(predicted, abs=0.06) and scene.values["expected"][way] == pytest.approx(predicted, abs=0.06)


def test_the_lag_is_the_time_since_the_flow_was_nearest():
    settings = DEEP | {"step": 0.1}
    scene, (problem, theta0) = descent.compute(**settings), deep(**settings)
    flow, walked = gradient_flow(problem, theta0, scene.time[-1], rtol=1e-9), gradient_descent(problem, theta0, 0.1, round(scene.time[-1] / 0.1))
    for frame in range(30, 180, 30):
        fine = np.linspace(max(0, scene.time[frame] - 1), min(scene.time[frame] + 1, scene.time[-1]), 4001)
        nearest = fine[np.argmin(np.linalg.norm(flow.at(fine) - walked.at([scene.time[frame]]), axis=1))]
        assert 0.1 * scene.values["late"][frame] == pytest.approx(scene.time[frame] - nearest, abs=2e-3)


def test_the_curvature_read_off_the_phase_plane_is_that_of_balanced_weights():
    plane = descent.compute(**DEEP).panels[0]
    network = DeepLinear((2, 2, 2, 1))
    problem = Problem(network, Dataset(np.eye(2), np.array([1.0, 0.0])))
    angles, lengths = np.linspace(0, 180, descent.COLUMNS), np.geomspace(*plane.y_range, descent.ROWS)
    for i, j in ((47, 3), (30, 20), (44, 40), (2, 9)):
        theta = balanced.factors(network, [lengths[i] * weights(1, angles[j])])
        assert plane.readings["λ_min"][i, j] == pytest.approx(curvature.hessian_extremes(problem, theta)[0], abs=1e-9)
        assert plane.readings["loss"][i, j] == pytest.approx(problem.loss(theta))
    assert plane.tint == "λ_min" and plane.log_y


def test_the_ground_of_the_phase_plane_holds_flows_and_the_line_on_which_the_length_rests():
    plane = descent.compute(**DEEP).panels[0]
    (rest,) = plane.ground["the length rests: ρ = cos"]
    assert rest[:, 1] == pytest.approx(np.cos(np.deg2rad(rest[:, 0])))
    for curve in plane.ground["other starts"]:
        rising = np.diff(curve[:, 1]) > 0
        below = curve[:-1, 1] < np.cos(np.deg2rad(curve[:-1, 0]))
        assert (np.diff(curve[:, 0]) < 0).all() and np.mean(rising == below) > 0.95


@pytest.mark.parametrize("settings, enough", [
    ({"step": 0.001, "scale": 0.01, "depth": "3", "angle": 0}, "depth 3 from δ = 0.01 takes 175,355 steps of η = 0.001, more than the 20,000 that an explorer takes; δ = 0.1 or η = 0.01 would do"),
    ({"step": 0.001, "scale": 0.001, "depth": "4", "angle": 175}, "a larger δ and η would do")])
def test_too_many_steps_are_refused_with_what_would_do(settings, enough):
    with pytest.raises(ValueError, match=enough):
        descent.compute(**settings)


def test_what_would_do_does():
    settings = {"scale": 0.0316, "depth": "4", "angle": 90, "step": 0.01}
    with pytest.raises(ValueError, match="more than the 20,000") as refused:
        descent.compute(**settings)
    found = re.search(r"δ = ([\d.]+) or η = ([\d.]+) would do", str(refused.value))
    for better in ({"scale": float(found[1])}, {"step": float(found[2])}):
        assert len(descent.compute(**settings | better).time) >= descent.FRAMES


def test_the_text_of_deep_networks_tells_the_lag_on_the_way_and_the_bound_at_the_end():
    scene = descent.compute(**DEEP)
    here = rf"Step \d+, time {NUMBER}: "
    assert re.fullmatch(here + rf"gradient descent is {NUMBER} steps late, the modified flow {NUMBER}; distance {NUMBER}; errors grow up to {NUMBER} times on the way",
                        scene.text_at(len(scene.time) // 2))
    assert re.fullmatch(here + rf"the flow has arrived; gradient descent was at most {NUMBER} from it, the bound is {NUMBER}; errors grow up to {NUMBER} times on the way",
                        scene.text_at(len(scene.time) - 1))
    unsettled = descent.compute(**DEEP | {"step": 0.75})
    assert unsettled.text_at(len(unsettled.time) - 1).endswith("it cannot settle there: η·λ_max = 2.25 is above 2")


# Every setting


def euler_corners():
    return [{"step": step, "start": start, "angle": angle} for step in (0.01, 0.422, 1.5) for start in (1e-3, 0.562, 3.0) for angle in (-45, 45, 130)]


def deep_corners():
    return [{"step": step, "scale": scale, "depth": depth, "angle": angle} for step in (0.0316, 0.316, 1.0) for scale in (0.1, 1.0) for depth in "234" for angle in (0, 90, 175)
            if depth < "4" or angle < 175 or step * scale == 1]


@pytest.mark.parametrize("module, settings", [*((euler, settings) for settings in euler_corners()), *((descent, settings) for settings in deep_corners())],
                         ids=lambda value: "-".join(map(str, value.values())) if isinstance(value, dict) else value.__name__.rpartition(".")[2])
def test_every_corner_has_a_picture(module, settings):
    scene = module.compute(**settings)
    assert len(encode(scene, settings)) < 200_000 and module.FRAMES <= len(scene.time) <= 2 * module.FRAMES + 1
    words = [scene.text_at(frame) for frame in (0, len(scene.time) // 2, len(scene.time) - 1)]
    assert not any("–" in text or "∞" in text for text in words)
    (low, high), (floor, ceiling) = scene.panels[0].x_range, scene.panels[0].y_range
    seen = [((path >= (low, floor)) & (path <= (high, ceiling))).all(axis=1) for path in scene.panels[0].paths.values()]
    assert seen[0].all() and seen[1].mean() > 0.2
