"""The explorer of lesson 2: the escape is where it was forecast, the picture is training's, every setting has one, and soon."""

import re

import numpy as np
import pytest

import helpers
from helpers import data, predict
from helpers.explorers import escape_explorer
from helpers.explorers.escape import ACTIVATIONS, CONTROLS, ESCAPED, FRAMES, compute
from helpers.explorers.scene import encode

DEFAULT = {"scale": 0.1, "activation": "tanh", "width": 20, "seed": 0, "axes": "linear"}
AXES = CONTROLS[-1].options
HALF = FRAMES // 2


def training(scale, activation, width, seed, **_):
    """The problem and its start."""
    problem = helpers.Problem(helpers.TwoLayer(width, activation), data.spokes())
    return problem, problem.network.init(2, scale, seed)


def test_the_defaults_are_those_of_the_controls():
    assert escape_explorer().settings == DEFAULT


def test_one_setting_has_one_picture():
    settings = DEFAULT | {"activation": "x*tanh(x)", "scale": 0.01}
    assert encode(compute(**settings), settings) == encode(compute(**settings), settings)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_marked_time_is_the_forecasts(activation):
    settings = DEFAULT | {"activation": activation, "scale": 1e-3, "seed": 3}
    scene, ahead = compute(**settings), predict.forecast(*training(**settings))
    for chart in scene.panels[1:]:
        assert chart.marks == {"escape, predicted": pytest.approx(ahead.escape_time(ESCAPED), rel=1e-12)}
    assert set(scene.values["escape"]) == {chart.marks["escape, predicted"]}


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_measured_time_is_trainings_and_the_norm_there_that_of_the_escape(activation):
    settings = DEFAULT | {"activation": activation, "scale": 0.01}
    scene = compute(**settings)
    assert scene.values["measured"] == pytest.approx([scene.time[HALF]] * FRAMES)
    assert scene.time[HALF] == pytest.approx(helpers.escape_time(*training(**settings), norm=ESCAPED), rel=1e-4)
    assert scene.values["norm"][[0, HALF]] == pytest.approx([0.01, ESCAPED], rel=1e-6)
    assert (scene.values["norm"][:HALF] < ESCAPED).all() and (scene.values["norm"][HALF + 1:] > ESCAPED).all()


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_escape_comes_when_predicted_for_every_seed(activation):
    for seed in range(20):
        scene = compute(**DEFAULT | {"activation": activation, "scale": 1e-3, "seed": seed})
        assert scene.values["measured"][0] == pytest.approx(scene.values["escape"][0], rel=0.002)


def test_the_frames_are_training():
    settings = DEFAULT | {"scale": 0.01, "activation": "x*tanh(x)", "seed": 5}
    scene, (problem, start) = compute(**settings), training(**settings)
    frames = [10, HALF, FRAMES - 1]
    exact = helpers.gradient_flow(problem, start, t_end=scene.time[-1] + 1, rtol=1e-8).at(scene.time[frames])
    assert scene.values["loss"][frames] == pytest.approx([problem.loss(theta) for theta in exact], rel=0.01)
    W, a = problem.network.weights(exact[0])
    length = np.hypot(np.linalg.norm(W, axis=1), a)
    longest = np.argmax(length)
    circle = scene.panels[0]
    assert circle.length[10] == pytest.approx(length / length.max(), abs=0.01)
    assert circle.angle[10, longest] == pytest.approx(np.arctan2(*W[longest, ::-1]), abs=0.01) and circle.sign[10, longest] == np.sign(a[longest])
    assert scene.values["share"][10] == pytest.approx(100 * length.max() ** 2 / np.sum(length**2), rel=0.01)


def test_the_predicted_norm_follows_until_the_escape_and_ends_soon_after():
    chart = compute(**DEFAULT | {"activation": "x*tanh(x)", "scale": 0.03}).panels[2]
    norm, expected = chart.series["norm ‖θ‖"], chart.series["norm, predicted"]
    assert chart.predicted == ("norm, predicted",)
    assert expected[:HALF] == pytest.approx(norm[:HALF], rel=0.02)
    assert np.isnan(expected[-1]) and np.nanmax(expected) <= norm.max()


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("scale", [1e-4, 0.1])
def test_the_run_shows_the_plateau_and_the_fall_after_it(activation, scale):
    loss = compute(**DEFAULT | {"activation": activation, "scale": scale, "seed": 7}).values["loss"]
    assert loss[HALF] > 0.98 * 3 and loss[-1] < 0.85 * 3


def test_only_the_axes_asked_for_are_logarithmic():
    def logarithmic(axes):
        loss, norm = compute(**DEFAULT | {"axes": axes}).panels[1:]
        return loss.log_x, loss.log_y, norm.log_x, norm.log_y

    assert [logarithmic(axes) for axes in AXES] == [(False, False, False, False), (False, False, False, True), (True, False, True, True)]


def test_the_text_tells_norm_loss_both_times_and_the_share():
    scene = compute(**DEFAULT | {"activation": "x*tanh(x)", "scale": 0.01})
    number = r"[\d.e+-]+"
    for frame in (0, HALF, FRAMES - 1):
        assert re.fullmatch(rf"Time {number}: ‖θ‖ = {number}, loss {number}; ‖θ‖ = 0.15 predicted at t = {number}, measured at {number}; "
                            rf"the longest neuron holds {number} % of ‖θ‖²", scene.text_at(frame))
    assert scene.text_at(0).startswith("Time 0: ‖θ‖ = 0.01, loss 3;") and "‖θ‖ = 0.15, loss" in scene.text_at(HALF)


def test_every_panel_says_in_words_what_there_is_to_see():
    circle, loss, norm = compute(**DEFAULT).panels
    assert "arrow" in circle.alt and "plateau" in loss.alt and "predicted" in norm.alt


def corners():
    """Every control at its extremes, all activations and axes at some of them."""
    for k, (activation, scale, width) in enumerate((a, s, w) for a in ACTIVATIONS for s in (1e-4, 3e-3, 0.1) for w in (5, 100)):
        yield {"scale": scale, "activation": activation, "width": width, "seed": (0, 19, 7)[k % 3], "axes": AXES[k % len(AXES)]}


@pytest.mark.parametrize("settings", list(corners()), ids=lambda settings: "-".join(map(str, settings.values())))
def test_every_corner_has_a_picture(settings):
    scene = compute(**settings)
    assert len(encode(scene, settings)) < 200_000 and len(scene.time) == FRAMES
    assert scene.values["measured"][0] == pytest.approx(scene.values["escape"][0], rel=0.02)
    assert (scene.values["share"] <= 100 + 1e-9).all() and (scene.values["share"] >= 100 / settings["width"] - 1e-9).all()
