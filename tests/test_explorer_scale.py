"""The explorer of lesson 1: what it shows of the network, frame by frame, is training's."""

import numpy as np
import pytest

import helpers
from helpers import data
from helpers.explorers.small_init import compute

SETTINGS = {"scale": 0.1, "activation": "tanh", "width": 20, "seed": 3}
FRAMES = [0, 60, 120, 179]


@pytest.fixture(scope="module")
def trained():
    """The scene, its problem, and the weights at FRAMES of a run that is much more exact."""
    scene = compute(**SETTINGS)
    problem = helpers.Problem(helpers.TwoLayer(20, "tanh", bias=True), data.hinge())
    run = helpers.gradient_flow(problem, problem.network.init(1, 0.1, 3), t_end=scene.time[-1], rtol=1e-8)
    return scene, problem, run.at(scene.time[FRAMES])


def test_the_function_shown_is_that_of_the_network(trained):
    scene, problem, thetas = trained
    shown = scene.panels[1]
    assert [shown.points_x, shown.points_y] == [pytest.approx(problem.data.X[:, 0]), pytest.approx(problem.data.y)]
    for frame, theta in zip(FRAMES, thetas, strict=True):
        assert shown.y[frame] == pytest.approx(problem.network.outputs(theta, shown.x[:, None]), abs=0.01)


def test_a_kink_stands_where_its_neuron_changes_sides_unless_it_is_short(trained):
    scene, problem, thetas = trained
    for frame, theta in zip(FRAMES, thetas, strict=True):
        W, a = problem.network.weights(theta)
        kinks, marks = -W[:, 1] / W[:, 0], scene.panels[1].marks[frame]
        long = np.linalg.norm(W, axis=1) > 0.02 * np.linalg.norm(W, axis=1).max()
        seen = long & (np.abs(kinks) < 2.2)
        assert seen.any() and marks[seen] == pytest.approx(kinks[seen], abs=0.02)
        assert np.isnan(marks[np.abs(kinks) > 2.4]).all()
        assert (scene.panels[1].sign[frame] == np.sign(a)).all()


def test_loss_norm_and_the_way_of_the_input_weights_are_those_of_training(trained):
    scene, problem, thetas = trained
    chart = scene.panels[2]
    start, _ = problem.network.weights(thetas[0])
    for frame, theta in zip(FRAMES, thetas, strict=True):
        W, _ = problem.network.weights(theta)
        assert chart.series["loss"][frame] == pytest.approx(problem.loss(theta), rel=0.02)
        assert chart.series["norm ‖θ‖"][frame] == pytest.approx(np.linalg.norm(theta), rel=0.01)
        assert scene.values["moved"][frame] == pytest.approx(np.linalg.norm(W - start) / np.linalg.norm(start), rel=0.01)
