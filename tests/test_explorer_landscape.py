"""The explorers of lesson 3: what they show is the NCF's own, their runs are training's, and every setting has a picture."""

import numpy as np
import pytest

from helpers import data, ncf
from helpers.explorers import landscape_explorer, sphere_explorer
from helpers.explorers.landscape import ESCAPED, LANDSCAPE, SPHERE, START, landscape, sphere
from helpers.explorers.scene import encode
from helpers.flow import gradient_flow
from helpers.networks import TwoLayer
from helpers.problem import Problem

DEFAULT = {"activation": "relu", "angle": 60, "label": -1.75, "seed": 0}
ROUND = {"activation": "z**3", "inputs": "tetrahedron", "label": 1.0, "seed": 0}


def test_the_defaults_are_those_of_the_controls():
    assert landscape_explorer().settings == DEFAULT and sphere_explorer().settings == ROUND


def test_a_run_goes_from_the_start_to_the_escape_and_all_neurons_hit():
    scene = landscape(**DEFAULT)
    assert scene.values["norm"][[0, -1]] == pytest.approx([START, ESCAPED], rel=1e-3)
    assert scene.values["grown"][0] == 0 and scene.values["hits"][-1] == scene.values["grown"][-1] >= 20
    assert "of these 23 are within 10°" in scene.text_at(len(scene.time) - 1)


def test_marks_basins_and_field_are_those_of_the_correlation():
    problem = Problem(TwoLayer(1, "relu"), data.spokes((0, 60, 120), (1, -1.75, 1.3)))
    critical, circle = ncf.critical_directions(problem), landscape(**DEFAULT).panels[0]
    assert circle.marks == [[point.angle, point.kind] for point in critical]
    assert circle.basins == [[*point.basin, point.kind] for point in critical if point.kind != "none"]
    assert circle.field[0] == pytest.approx(ncf.correlation(problem).value([[-1.0, 0.0]])[0])


def test_a_goal_is_a_place_that_attracts_or_nowhere():
    circle = landscape(**DEFAULT).panels[0]
    places = np.array([angle for angle, kind in circle.marks if kind != "none"])
    goals = circle.goals[np.isfinite(circle.goals)]
    assert len(goals) == 23 and np.abs(np.exp(1j * goals)[:, None] - np.exp(1j * places)).min(axis=1).max() < 1e-6


@pytest.mark.parametrize("activation", LANDSCAPE[0].options)
@pytest.mark.parametrize("changes", [{"angle": 10}, {"angle": 110}, {"label": -1.95}, {"label": 1.95}, {"angle": 90, "label": -0.05, "seed": 7}], ids=range(5))
def test_every_corner_of_the_landscape_has_a_picture(activation, changes):
    settings = DEFAULT | {"activation": activation} | changes
    scene = landscape(**settings)
    assert encode(scene, settings) == encode(landscape(**settings), settings)
    assert scene.values["norm"][-1] == pytest.approx(ESCAPED, rel=1e-3)


@pytest.mark.parametrize("activation", SPHERE[0].options)
@pytest.mark.parametrize("inputs", SPHERE[1].options)
@pytest.mark.parametrize("label", [-1.55, -0.05, 1.45])
def test_every_corner_of_the_sphere_has_a_picture_with_its_places(activation, inputs, label):
    settings = ROUND | {"activation": activation, "inputs": inputs, "label": label}
    scene = sphere(**settings)
    assert encode(scene, settings) == encode(sphere(**settings), settings)
    X = np.eye(3) if inputs == "axes" else np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) / np.sqrt(3)
    places = ncf.attractors(Problem(TwoLayer(1, activation), data.Dataset(X, [*np.ones(len(X) - 1), label])), starts=1000)
    assert sorted(kind for _, kind in scene.panels[0].marks) == sorted(place.kind for place in places)
    assert np.isfinite(list(scene.panels[1].series.values())).all() and scene.values["there"][-1] >= 1.5 * scene.values["there"][0]


def test_the_sphere_of_a_cubic_tetrahedron_has_four_places_of_each_sign_and_all_neurons_arrive():
    scene = sphere(**ROUND)
    assert [sum(kind == wanted for _, kind in scene.panels[0].marks) for wanted in ("positive", "negative")] == [4, 4]
    assert scene.values["there"][0] < 15 and scene.values["there"][-1] == 30
    assert scene.text_at(len(scene.time) - 1).startswith("4 places attract neurons with a > 0, 4 those with a < 0; 30 of 30")


def test_neurons_on_the_sphere_climb_the_ncf():
    scene = sphere(**ROUND)
    X = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) / np.sqrt(3)
    F = ncf.correlation(Problem(TwoLayer(1, "z**3"), data.Dataset(X, [1.0, 1, 1, 1])))
    kept = scene.panels[0].sign.min(axis=0) == scene.panels[0].sign.max(axis=0)
    climbed = np.array([F.value(u) for u in scene.panels[0].position]) * scene.panels[0].sign
    assert kept.any() and (np.diff(climbed[:, kept], axis=0) > -1e-6).all()


def test_an_arrow_of_the_landscape_shrinks_by_a_sixth_for_each_power_of_ten():
    scene, network = landscape(**DEFAULT | {"activation": "z**2"}), TwoLayer(30, "z**2")
    slow = Problem(network, data.spokes((0, 60, 120), (1, -1.75, 1.3))).rescaled()
    exact = gradient_flow(slow, network.init(2, START, 0), t_end=scene.time[-1], rtol=1e-7).theta[-1]
    W, a = network.weights(exact)
    size = np.linalg.norm(W, axis=1)
    behind = np.log10(np.hypot(size, a).max() / size)
    assert scene.panels[0].length[-1] == pytest.approx(np.maximum(1 - behind / 6, 0), abs=0.02) and behind.max() > 1


def test_the_last_neuron_is_further_off_than_the_median_and_as_far_as_the_circle_shows():
    scene = landscape(**DEFAULT)
    circle, (middle, last) = scene.panels[0], scene.panels[1].series.values()
    off = np.rad2deg(np.abs(np.angle(np.exp(1j * (circle.angle - circle.goals)))))
    known = np.isfinite(last)
    assert (middle[known] <= last[known]).all() and last[known].max() > 2 * middle[known].max() > 0
    assert all(np.nanmin(np.abs(off[frame] - last[frame])) < 0.01 for frame in np.flatnonzero(known))


def test_the_text_of_the_sphere_counts_the_places_of_each_sign():
    scene = sphere(**ROUND | {"activation": "relu", "inputs": "axes", "label": -0.5})
    count = {kind: sum(mark == kind for _, mark in scene.panels[0].marks) for kind in ("positive", "negative")}
    assert count["positive"] != count["negative"]
    told = f"{count['positive']} places attract neurons with a > 0, {count['negative']} those with a < 0; "
    assert scene.text_at(0).startswith(told)
