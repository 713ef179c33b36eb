"""The explorer: its controls, its runs as bytes, its answers to requests, and (at the end, in a browser) the sphere that is turned by hand."""

import base64
import itertools
import json
import math
import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from browser import errors_of, new_page
from traitlets import TraitError

from helpers import flow
from helpers.condensation import condensed_lines
from helpers.explorers import Chart, Choice, Circle, Explorer, Function, Ghost, LogSlider, Plane, Scene, Slider, scale_explorer
from helpers.explorers.explorer import PAGE_STRIDE
from helpers.explorers.panels import Map, Sphere, sphere_grid
from helpers.explorers.scene import encode, format_number
from helpers.explorers.small_init import compute

REPOSITORY = Path(__file__).resolve().parent.parent
SCALE = LogSlider("scale", "Scale δ", 1e-4, 1, 1e-3)
WIDTH = Slider("width", "Width m", 5, 100, 5, 20)
SLOPE = Slider("slope", "Slope", 0, 1, 0.1, 0.5)
ACTIVATION = Choice("activation", "Activation", ["relu", "tanh"], "relu")


def scene(frames=240, neurons=60, grid=121, **changes):
    """A run of made-up numbers."""
    rng = np.random.default_rng(0)
    time = np.linspace(0, 10, frames)
    angle = rng.uniform(-np.pi, np.pi, neurons) + np.linspace(0, 9, frames)[:, None]
    length = rng.uniform(0, 1, (frames, neurons))
    sign = rng.choice([-1, 0, 1], neurons)
    x = np.linspace(-1, 1, grid)
    marks = rng.uniform(-2, 2, (frames, neurons))
    marks[0, 0] = np.nan
    loss = np.exp(-time)
    panels = [Circle(angle, length, sign, "Neurons", "arrows"),
              Function(x, np.sin(x + time[:, None]), [0, 1], [0, 0.5], marks, sign, "Function", "x", "f", "a curve"),
              Chart(time, {"loss": loss}, "Loss", "time t", "loss", False, True, "a falling curve", {"start": 1})]
    return Scene(**{"time": time, "panels": panels, "text": [(0, "plateau at {time}"), (9, "loss {loss}")],
                    "values": {"loss": loss}} | changes)


def circle(frames=9, neurons=3, **layers):
    """A circle of neurons that stand still."""
    return Circle(np.zeros((frames, neurons)), np.ones((frames, neurons)), np.ones(neurons), "", "", **layers)


def sphere(frames=9, neurons=3, **changes):
    """A sphere of neurons that run around it, half of them of either sign."""
    turn = np.linspace(0, 3, frames)[:, None] + np.arange(neurons)
    position = np.stack([np.cos(turn) * 0.6, np.sin(turn) * 0.6, np.full_like(turn, 0.8)], axis=-1)
    grid = sphere_grid(19, 36)
    return Sphere(**{"position": position, "length": np.full((frames, neurons), 0.5), "sign": np.resize([1, -1], neurons), "title": "sphere",
                     "alt": "Neurons on a sphere", "field": grid[..., 0] - grid[..., 2],
                     "marks": [((0.6, 0, 0.8), "positive"), ((0, 0, 1), "none")], "view": (1, 0, 0)} | changes)


def chart(frames=9, **more):
    """A chart of a straight line and its prediction."""
    time = np.arange(1, frames + 1)
    return Chart(time, {"loss": time, "guess": 2 * time}, "", "", "", True, False, "", **more)


def plane(frames=9, **changes):
    """A plane with everything: one point that goes to the right, one that goes up."""
    way = np.linspace(0.1, 0.9, frames)
    paths = {"flow": np.column_stack([way, np.full(frames, 0.5)]), "descent": np.column_stack([np.full(frames, 0.5), way])}
    east, north = np.meshgrid(np.linspace(0, 1, 5), np.linspace(0, 1, 4))
    return Plane(**{"paths": paths, "x_range": (0, 1), "y_range": (0, 1), "title": "plane", "x_label": "a", "y_label": "b", "alt": "Two points",
                    "ground": {"levels": [[(0, 0.2), (1, 0.2)]], "minima": [[(0, 0.8), (1, 0.8)]], "sharp": [[(0, 0.7), (1, 0.7)]]},
                    "stops": {"descent": ("a dot a step", [(0, 0.5, 0.1), (frames - 1, 0.5, 0.9)])}, "bars": ("error", [(0, 0.2, 0.1, 0.3, 0.1), (frames - 1, 0.7, 0.1, 0.8, 0.1)]),
                    "readings": {"loss": east + 2 * north, "height": north - 0.5}, "tint": "height", "joined": "apart"} | changes)


def cosines(count=9, keys=(0, 4, 8), rows=3, **changes):
    """The cosines between directions that turn, each at its own pace, at some of the frames."""
    angle = np.multiply.outer(np.asarray(keys) / count, np.arange(rows))
    return Map(**{"matrices": np.cos(angle[:, :, None] - angle[:, None, :]), "frames": keys, "title": "map", "alt": "Cosines between neurons"} | changes)


def key_frames(keys):
    """A map with three matrices at these frames."""
    return cosines(matrices=np.ones((3, 2, 2)), frames=keys)


def explorer(compute=None, **override):
    """An explorer with one control of each kind."""
    return Explorer("toy_explorer", compute or (lambda **_: scene(10, 3, 5)), [SCALE, WIDTH, SLOPE, ACTIVATION], "Toy", override)


def header(run):
    """The JSON part of a run."""
    return json.loads(run[4:4 + int.from_bytes(run[:4], "little")])


# Controls


@pytest.mark.parametrize("control, given, meant", [
    (SCALE, 1, 1.0), (SCALE, 0.0123, 0.0123), (SCALE, np.float64(1e-4), 1e-4), (WIDTH, 7, 7), (WIDTH, 10.0, 10),
    (WIDTH, np.int64(5), 5), (SLOPE, 1, 1.0), (ACTIVATION, "tanh", "tanh")])
def test_a_control_takes_every_value_of_its_range(control, given, meant):
    assert control.check(given) == meant and type(control.check(given)) is type(meant)


@pytest.mark.parametrize("control", [SCALE, WIDTH, SLOPE, ACTIVATION])
@pytest.mark.parametrize("value", [None, True, math.nan, math.inf, -1, 1e9, "softplus", [1], 1j])
def test_a_control_refuses_other_values_and_names_itself_and_them(control, value):
    with pytest.raises((TypeError, ValueError)) as refusal:
        control.check(value)
    assert control.name in str(refusal.value) and repr(value) in str(refusal.value) and "it must be" in str(refusal.value)


def test_a_slider_of_whole_numbers_refuses_a_half():
    with pytest.raises(ValueError, match="width is 7.5; it must be a whole number from 5 to 100"):
        WIDTH.check(7.5)


def test_sliders_stand_on_round_numbers():
    assert SCALE.values()[:5] == [0.0001, 0.000178, 0.000316, 0.000562, 0.001] and SCALE.values()[-1] == 1
    assert WIDTH.values()[:3] == [5, 10, 15] and WIDTH.values()[-1] == 100
    assert SLOPE.values() == [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1]


@pytest.mark.parametrize("wrong", [
    lambda: LogSlider("scale", "", 0, 1, 0.1), lambda: LogSlider("scale", "", 1, 10, 0.1),
    lambda: Slider("width", "", 5, 1, 1, 3), lambda: Slider("width", "", 1, 5, 0, 3), lambda: Choice("kind", "", ["a"], "b")])
def test_a_control_that_cannot_be_is_refused(wrong):
    with pytest.raises(ValueError):
        wrong()


# Scenes


@pytest.mark.parametrize("changes, complaint", [
    ({"time": [0, 1, 1]}, "increasing"), ({"time": [[0, 1]]}, "Scene.time has shape"), ({"text": "{speed}"}, "speed"),
    ({"text": [(3, "late")]}, r"\[3\]"), ({"values": {"loss": [1, 2]}}, "loss")])
def test_a_scene_with_wrong_arrays_or_text_is_refused(changes, complaint):
    with pytest.raises(ValueError, match=complaint):
        scene(**changes)


@pytest.mark.parametrize("panel, complaint", [
    (Circle(np.zeros((240, 3)), np.full((240, 3), 1.5), [1, 1, 1], "", ""), "Circle.length goes from 1.5"),
    (Circle(np.zeros((240, 3)), np.zeros((240, 2)), [1, 1, 1], "", ""), "Circle.length has shape"),
    (Circle(np.zeros((240, 3)), np.zeros((240, 3)), [1, 1, 0.5], "", ""), "Circle.sign"),
    (Circle(np.full((240, 3), np.nan), np.zeros((240, 3)), [1, 1, 1], "", ""), "Circle.angle holds NaN"),
    (Chart(np.arange(7), {}, "", "", "", False, False, ""), "Chart.x has shape")])
def test_a_panel_with_wrong_arrays_is_refused(panel, complaint):
    with pytest.raises(ValueError, match=complaint):
        scene(panels=[panel])


@pytest.mark.parametrize("panel, complaint", [
    (lambda: circle(field=[[1, 2, 3]]), "Circle.field has shape"),
    (lambda: circle(field=[1, 2]), "Circle.field holds 2 values; it must hold at least three"),
    (lambda: circle(field=[1, 2, np.nan]), "Circle.field holds NaN"),
    (lambda: circle(marks=[(0, "positive"), (1, "saddle")]), r"Circle.marks\[1\] is of kind 'saddle'; it must be one of positive, negative, none"),
    (lambda: circle(marks=[0.5]), r"Circle.marks\[0\] is 0.5; it must be \(angle, kind\)"),
    (lambda: circle(marks=[(np.inf, "none")]), r"Circle.marks\[0\] holds NaN or infinite"),
    (lambda: circle(basins=[(0, 1, "none")]), r"Circle.basins\[0\] is of kind 'none'; it must be one of positive, negative"),
    (lambda: circle(basins=[(0, "positive")]), r"it must be \(low, high, kind\)"),
    (lambda: circle(basins=[(1, 0, "positive")]), r"Circle.basins\[0\] goes from 1 to 0; it must be low < high"),
    (lambda: circle(basins=[(0, 7, "negative")]), "goes from 0 to 7"),
    (lambda: circle(goals=[1, 2]), "Circle.goals has shape"),
    (lambda: circle(goals=[1, 2, np.inf]), "Circle.goals holds infinite"),
    (lambda: circle(field=np.ones((2, 5)), keys=[0]), "Circle.field has shape"),
    (lambda: circle(field=np.ones((2, 5)), keys=[0, 9]), r"Circle.keys is \[0, 9\]; it must hold whole numbers that rise from 0 to at most 8"),
    (lambda: circle(field=np.ones((2, 2)), keys=[0, 3]), "Circle.field holds 2 values; it must hold at least three"),
    (lambda: circle(ghosts=[(0, 1), (9, 1)]), r"Circle.ghosts\[1\] begins at frame 9; it must be a whole number from 0 to 8"),
    (lambda: circle(ghosts=[(0, np.nan)]), r"Circle.ghosts\[0\] holds NaN"),
    (lambda: chart(ghosts=[Ghost(2.5, [1, 2], [1, 2])]), r"Chart.ghosts\[0\] begins at frame 2.5"),
    (lambda: chart(ghosts=[Ghost(0, [1, 2], [1, 2, 3])]), r"Chart.ghosts\[0\].y has shape"),
    (lambda: chart(ghosts=[Ghost(0, [1, np.inf], [1, 2])]), r"Chart.ghosts\[0\].x holds NaN or infinite"),
    (lambda: chart(ghosts=[Ghost(0, [1, 2], [1, 2], mark=np.nan)]), r"Chart.ghosts\[0\].mark holds NaN"),
    (lambda: Chart(np.arange(9), {"many": np.ones((8, 3))}, "", "", "", False, False, ""), r"Chart.series\['many'\] has shape"),
    (lambda: sphere(position=np.ones((9, 3, 3))), "Sphere.position must hold vectors of length 1"),
    (lambda: sphere(position=np.ones((9, 3, 2))), "Sphere.position has shape"),
    (lambda: sphere(length=np.full((9, 3), 2)), "Sphere.length goes from 2"),
    (lambda: sphere(length=np.ones((9, 4))), "Sphere.length has shape"),
    (lambda: sphere(sign=[1, 2, 1]), "Sphere.sign"),
    (lambda: sphere(field=[1, 2, 3]), "Sphere.field has shape"),
    (lambda: sphere(field=np.ones((2, 9))), "Sphere.field has shape"),
    (lambda: sphere(field=np.full((5, 9), np.nan)), "Sphere.field holds NaN"),
    (lambda: sphere(marks=[((1, 1, 0), "none")]), r"Sphere.marks\[0\] must hold vectors of length 1"),
    (lambda: sphere(marks=[((1, 0, 0), "up")]), "is of kind 'up'"),
    (lambda: sphere(view=(0, 0, 0)), "Sphere.view is zero"),
    (lambda: cosines(matrices=np.ones((3, 3))), "Map.matrices has shape"),
    (lambda: cosines(matrices=np.ones((3, 3, 2))), r"Map.matrices has shape \(3, 3, 2\); it must hold symmetric matrices"),
    (lambda: cosines(matrices=np.ones((3, 0, 0))), "Map.matrices has shape"),
    (lambda: cosines(matrices=np.triu(np.ones((3, 2, 2)))), "it must hold symmetric matrices"),
    (lambda: cosines(matrices=np.full((3, 2, 2), 1.01)), r"Map.matrices goes from 1.01 to 1.01; it must lie in \[-1, 1\]"),
    (lambda: cosines(matrices=np.full((3, 2, 2), np.nan)), "Map.matrices holds NaN"),
    (lambda: key_frames([0, 4]), "Map.frames has shape"),
    (lambda: key_frames([1, 4, 8]), r"Map.frames is \[1, 4, 8\]; it must hold whole numbers that rise from 0 to at most 8"),
    (lambda: key_frames([0, 4, 4]), "whole numbers that rise"),
    (lambda: key_frames([0, 4, 9]), "whole numbers that rise"),
    (lambda: key_frames([0, 4.5, 8]), "whole numbers that rise"),
    (lambda: plane(paths={}), r"Plane.paths holds \[\]; it must hold one path or two"),
    (lambda: plane(paths={"flow": np.zeros((9, 2))}, stops={}), "two where they are joined"),
    (lambda: plane(paths={"flow": np.zeros((9, 3))}), r"Plane.paths\['flow'\] has shape"),
    (lambda: plane(paths={"flow": np.full((9, 2), np.nan)}), r"Plane.paths\['flow'\] holds NaN"),
    (lambda: plane(x_range=(1, 1)), r"Plane.x_range is \(1.0, 1.0\), y_range \(0.0, 1.0\); they must rise"),
    (lambda: plane(log_y=True), "above 0 on a logarithmic axis"),
    (lambda: plane(ground={name: [] for name in "abcd"}), "at most three labels"),
    (lambda: plane(ground={"levels": [[1, 2, 3]]}), r"Plane.ground\['levels'\] has shape"),
    (lambda: plane(stops={"nobody": ("", [(0, 1, 1)])}), r"Plane.stops names \['nobody'\]; there are \['flow', 'descent'\]"),
    (lambda: plane(stops={"flow": ("", [(9, 1, 1)])}), "begins at frame .*9.*; it must be a whole number from 0 to 8"),
    (lambda: plane(bars=("error", [(0.5, 1, 1, 2, 2)])), "begins at frame .*0.5"),
    (lambda: plane(bars=("error", [(0, 1, 1)])), "Plane.bars has shape"),
    (lambda: plane(readings={"height": [[1, 2]]}), r"Plane.readings\['height'\] has shape \(1, 2\); it must have at least two rows"),
    (lambda: plane(tint="depth"), r"Plane.tint names \['depth'\]; there are \['loss', 'height'\]"),
    (lambda: chart(marks={"escape": np.nan}), "escape.* holds NaN"),
    (lambda: chart(marks={"escape": 0}), r"Chart.marks\['escape'\] is 0; on a logarithmic axis it must be above 0"),
    (lambda: chart(predicted=("gues",)), r"Chart.predicted names \['gues'\]; series holds \['loss', 'guess'\]")])
def test_a_panel_with_wrong_layers_is_refused(panel, complaint):
    with pytest.raises(ValueError, match=complaint):
        scene(frames=9, panels=[panel()])


def test_one_prediction_may_be_named_without_a_tuple():
    assert scene(frames=9, panels=[chart(predicted="guess")]).panels[0].predicted == ("guess",)


def test_the_grid_of_the_sphere_runs_from_pole_to_pole_and_once_around():
    grid = sphere_grid(5, 8)
    assert grid.shape == (5, 8, 3)
    np.testing.assert_allclose(np.linalg.norm(grid, axis=-1), 1)
    np.testing.assert_allclose(grid[0], np.tile([0, 0, -1], (8, 1)), atol=1e-15)
    np.testing.assert_allclose(grid[-1], np.tile([0, 0, 1], (8, 1)), atol=1e-15)
    np.testing.assert_allclose(grid[2, [0, 2, 4]], [[-1, 0, 0], [0, -1, 0], [1, 0, 0]], atol=1e-15)


def test_thinning_leaves_alone_what_does_not_move():
    made = scene(frames=9, panels=[circle(field=[1, -2, 3], marks=[(0, "none")], basins=[(0, 1, "positive")], goals=[1, np.nan, 2]),
                                   sphere(), chart(marks={"escape": 3}, predicted=("guess",))])
    thin = made.thinned(3)
    for name in ("field", "marks", "basins", "goals"):
        np.testing.assert_array_equal(getattr(thin.panels[0], name), getattr(made.panels[0], name))
    np.testing.assert_array_equal(thin.panels[1].field, made.panels[1].field)
    assert thin.panels[1].marks == made.panels[1].marks
    np.testing.assert_array_equal(thin.panels[1].position, made.panels[1].position[[0, 3, 6, 8]])
    np.testing.assert_array_equal(thin.panels[1].length, made.panels[1].length[[0, 3, 6, 8]])
    assert (thin.panels[2].marks, thin.panels[2].predicted) == ({"escape": 3}, ("guess",))


def test_thinning_keeps_ghosts_and_moving_fields_at_the_frames_that_are_left():
    field = np.arange(15.0).reshape(3, 5)
    made = scene(frames=9, panels=[circle(field=field, keys=[0, 4, 8], ghosts=[(0, 1), (5, 2)]),
                                   chart(unfolds=True, ghosts=[Ghost(4, [1, 2], [3, 4], mark=2)])])
    ring, curves = made.thinned(3).panels  # frames 0, 3, 6, 8
    assert (ring.keys.tolist(), ring.ghosts) == ([0, 2, 3], [[0, 1], [2, 2]])
    np.testing.assert_array_equal(ring.field, field)
    assert curves.unfolds and [ghost.frame for ghost in curves.ghosts] == [2]
    assert made.thinned(8).panels[0].field.tolist() == field[[0, 2]].tolist(), "of two keys that meet the later"


def test_a_thinned_plane_keeps_every_stop_and_bar_where_it_is():
    whole = scene(frames=9, panels=[plane(stops={"descent": ("a dot a step", [(0, 0.5, 0.1), (4, 0.5, 0.4), (8, 0.5, 0.9)])})]).panels[0]
    thin = scene(frames=9, panels=[whole]).thinned(3).panels[0]  # frames 0, 3, 6, 8
    np.testing.assert_array_equal(thin.paths["descent"], whole.paths["descent"][[0, 3, 6, 8]])
    np.testing.assert_array_equal(thin.stops["descent"][1], [(0, 0.5, 0.1), (2, 0.5, 0.4), (3, 0.5, 0.9)])
    np.testing.assert_array_equal(thin.bars[1][:, 0], [0, 3])
    np.testing.assert_array_equal(thin.bars[1][:, 1:], whole.bars[1][:, 1:])


@pytest.mark.parametrize("every, shown, at", [(3, [0, 1, 2], [0, 2, 3]), (8, [0, 2], [0, 1]), (1, [0, 1, 2], [0, 4, 8])])
def test_a_thinned_map_has_its_matrices_at_the_frames_that_are_left(every, shown, at):
    whole = cosines()
    thin = scene(frames=9, panels=[whole]).thinned(every).panels[0]
    np.testing.assert_array_equal(thin.matrices, whole.matrices[shown])
    assert thin.frames.tolist() == at


def test_a_map_of_60_neurons_at_25_frames_takes_50_kilobytes():
    keys = np.linspace(0, 239, 25).round().astype(int)
    without, made = (len(encode(scene(panels=panels), {})) for panels in ([], [cosines(240, keys, 60)]))
    assert made - without < 50_000


def test_a_run_of_240_frames_and_60_neurons_on_a_sphere_fits_150_kilobytes():
    made = scene(panels=[sphere(240, 60, field=sphere_grid(37, 72)[..., 0])])
    assert len(encode(made, {})) < 150_000


def test_the_text_of_a_frame_is_filled_in():
    assert scene().text_at(0) == "plateau at 0"
    assert scene().text_at(239) == "loss 4.54e-5"


def test_a_run_of_240_frames_and_60_neurons_fits_200_kilobytes():
    assert len(encode(scene(), {}, client="python", sequence=1)) < 200_000


def test_equal_arrays_are_stored_once():
    twice = scene(values={"loss": scene().values["loss"], "again": scene().values["loss"]})
    offsets = {name: array["offset"] for name, array in header(encode(twice, {}))["values"].items()}
    assert offsets["loss"] == offsets["again"]


def test_a_thinned_scene_has_every_third_frame_and_the_last():
    whole = scene(frames=9, text=[(0, "early {time}"), (4, "late {time}")])
    thin = whole.thinned(3)
    kept = [0, 3, 6, 8]
    np.testing.assert_array_equal(thin.time, whole.time[kept])
    np.testing.assert_array_equal(thin.values["loss"], whole.values["loss"][kept])
    for part, names in enumerate([("angle", "length"), ("y", "marks"), ("x",)]):
        for name in names:
            np.testing.assert_array_equal(getattr(thin.panels[part], name), getattr(whole.panels[part], name)[kept])
    np.testing.assert_array_equal(thin.panels[2].series["loss"], whole.panels[2].series["loss"][kept])
    assert [thin.text_at(frame) for frame in range(4)] == [whole.text_at(frame) for frame in kept]


def test_a_thinned_scene_keeps_the_signs_of_its_frames():
    signs = np.where(np.arange(9)[:, None] < 5, -1, 1) * np.ones(2)
    circle = Circle(np.zeros((9, 2)), np.zeros((9, 2)), signs, "", "")
    np.testing.assert_array_equal(scene(frames=9, panels=[circle]).thinned(4).panels[0].sign[:, 0], [-1, -1, 1])


def test_two_phases_of_the_text_may_fall_on_one_frame():
    thin = scene(frames=9, text=[(0, "first"), (4, "second"), (5, "third")]).thinned(3)
    assert [thin.text_at(frame) for frame in range(4)] == ["first", "first", "third", "third"]


def test_the_shortest_run_can_be_thinned():
    assert len(scene(frames=2, text="{loss}").thinned(3).time) == 2


# Runs in the browser's hands


@pytest.fixture(scope="session")
def node():
    """The path of node; a missing one is a failure on the CI machine and a visible skip elsewhere."""
    found = shutil.which("node")
    if not found:
        assert not os.environ.get("CI"), "node is missing, so the browser's code is not tested"
        pytest.skip("node is missing, so the browser's code is not tested")
    return found


def in_node(node, code, stdin=b""):
    """What the JavaScript prints as JSON; `stage` is the explorer's module, `stdin` its input."""
    stage = (REPOSITORY / "helpers/explorers/stage.js").as_uri()
    script = f'import * as stage from "{stage}"; import fs from "node:fs"; const stdin = fs.readFileSync(0);\n{code}'
    answer = subprocess.run([node, "--input-type=module", "-e", script], input=stdin, capture_output=True, check=True)
    return json.loads(answer.stdout)


def test_what_python_encodes_the_browser_decodes(node):
    made = scene()
    run = in_node(node, """console.log(JSON.stringify(stage.decode(stdin), (key, value) =>
        ArrayBuffer.isView(value) ? Array.from(value) : value))""", encode(made, {"scale": 0.001}, client="page", sequence=5))

    def array(packed):
        return np.array(packed["data"], dtype=float).reshape(packed["shape"])

    assert (run["client"], run["sequence"], run["settings"]) == ("page", 5, {"scale": 0.001})
    circle, function, chart = made.panels
    np.testing.assert_allclose(array(run["time"]), made.time, rtol=1e-6)
    turned = np.angle(np.exp(1j * (array(run["panels"][0]["angle"]) - circle.angle)))
    assert np.abs(turned).max() < 1e-4
    np.testing.assert_allclose(array(run["panels"][0]["length"]), circle.length, atol=1e-5)
    np.testing.assert_array_equal(array(run["panels"][0]["sign"]), circle.sign)
    np.testing.assert_allclose(array(run["panels"][1]["y"]), function.y, atol=1e-4)
    np.testing.assert_allclose(array(run["panels"][1]["marks"]), function.marks, atol=1e-4)
    assert np.isnan(function.marks).any()
    np.testing.assert_allclose(array(run["panels"][2]["series"][0][1]), chart.series["loss"], rtol=1e-6)


def test_layers_spheres_and_marks_come_to_the_browser(node):
    field = np.sin(np.linspace(-np.pi, np.pi, 90, endpoint=False)) - 0.3
    field[10:20] = 0
    made = scene(frames=9, panels=[circle(field=field, marks=[(np.float64(2), "negative")], basins=[(-4, 1, "positive")], goals=[1, np.nan, 4]),
                                   sphere(), chart(marks={"escape": np.float32(20)}, predicted=["guess"])])
    ring, ball, curves = in_node(node, """console.log(JSON.stringify(stage.decode(stdin).panels, (key, value) =>
        ArrayBuffer.isView(value) ? Array.from(value) : value))""", encode(made, {}))
    np.testing.assert_allclose(ring["field"]["data"], field, atol=1e-4)
    assert ring["field"]["data"][10:20] == [0] * 10, "what is zero stays zero, or it would have a colour"
    assert (ring["marks"], ring["basins"], ring["goals"]["data"]) == ([[2, "negative"]], [[-4, 1, "positive"]], [1, None, 4])
    assert ball["position"]["shape"] == [9, 9]
    np.testing.assert_allclose(np.reshape(ball["position"]["data"], (9, 3, 3)), made.panels[1].position, atol=1e-4)
    np.testing.assert_allclose(np.reshape(ball["field"]["data"], ball["field"]["shape"]), made.panels[1].field, atol=1e-4)
    assert ball["marks"] == [[[0.6, 0, 0.8], "positive"], [[0, 0, 1], "none"]] and ball["view"] == [1, 0, 0]
    assert (curves["marks"], curves["predicted"]) == ([["escape", 20]], ["guess"])


def test_ghosts_and_bundles_come_to_the_browser(node):
    many = np.arange(18.0).reshape(9, 2)
    ghosts = [Ghost(0, [1, 2], [[3, 30], [4, 40]], mark=2), Ghost(5, [6, 7], [8, 9])]
    made = scene(frames=9, panels=[Chart(np.arange(9), {"many": many}, "", "", "", False, False, "", unfolds=True, ghosts=ghosts)])
    curves, seen, at = in_node(node, """const { series, ghosts, unfolds } = stage.decode(stdin).panels[0];
        const lists = (array) => stage.columns(array).map((column) => Array.from(column));
        console.log(JSON.stringify([lists(series[0][1]), ghosts.map(({ frame, x, y, mark }) => [frame, Array.from(x.data), lists(y), mark]),
            [unfolds, ...[0, 4, 5].map((frame) => stage.ghostsAt(ghosts, frame).map(([ghost, latest]) => [ghost.frame, latest]))]]))""", encode(made, {}))
    assert curves == many.T.tolist()
    assert seen == [[0, [1, 2], [[3, 4], [30, 40]], 2], [5, [6, 7], [[8, 9]], None]]
    assert at == [True, [[0, True]], [[0, True]], [[0, False], [5, True]]]


def test_a_map_comes_to_the_browser_as_its_upper_triangle(node):
    made = scene(frames=9, panels=[cosines(rows=5)])
    matrices, frames = in_node(node, """const { cosines, rows, frames } = stage.decode(stdin).panels[0];
        console.log(JSON.stringify([frames.map((_, key) => Array.from(stage.squareOf(stage.row(cosines, key), rows))), frames]))""", encode(made, {}))
    np.testing.assert_allclose(np.reshape(matrices, (3, 5, 5)), made.panels[0].matrices, atol=0.004)
    assert frames == [0, 4, 8] and matrices[0] == pytest.approx([1] * 25), "what is 1 stays 1"


def test_a_plane_comes_to_the_browser_whole(node):
    made = scene(frames=9, panels=[plane()])
    seen = in_node(node, """console.log(JSON.stringify(stage.decode(stdin).panels[0], (key, value) => ArrayBuffer.isView(value) ? Array.from(value) : value))""", encode(made, {}))
    shown = made.panels[0]
    for label, path in seen["paths"]:
        np.testing.assert_allclose(np.reshape(path["data"], path["shape"]), shown.paths[label], rtol=1e-6)
    assert [label for label, _ in seen["ground"]] == ["levels", "minima", "sharp"] and seen["ground"][0][1][0]["data"] == pytest.approx([0, 0.2, 1, 0.2])
    assert seen["stops"][0][:3] == [1, "a dot a step", [0, 8]] and seen["stops"][0][3]["data"] == pytest.approx([0.5, 0.1, 0.5, 0.9])
    assert (seen["bars"]["label"], seen["bars"]["frames"]) == ("error", [0, 8]) and seen["bars"]["rows"]["data"][:4] == pytest.approx([0.2, 0.1, 0.3, 0.1])
    assert (seen["tint"], seen["joined"], seen["x_range"], seen["equal"], seen["log_y"]) == ("height", "apart", [0, 1], False, False)
    places = [(0.0, 0.0), (1.0, 1.0), (0.3, 0.9), (0.5, 0.25)]
    read = in_node(node, f"""const {{ readings }} = stage.decode(stdin).panels[0];
        console.log(JSON.stringify({json.dumps(places)}.map(([east, north]) => stage.planeValue(readings[0][1], east, north))))""", encode(made, {}))
    assert read == pytest.approx([east + 2 * north for east, north in places], abs=1e-3)


def test_python_and_the_browser_agree_where_the_grid_lies(node):
    grid = sphere_grid(37, 72)
    field = grid @ [0.5, -0.7, 0.2]
    made = scene(frames=9, panels=[sphere(field=field)])
    directions = np.random.default_rng(0).normal(size=(50, 3))
    directions /= np.linalg.norm(directions, axis=1)[:, None]
    read = in_node(node, f"""const {{ field }} = stage.decode(stdin).panels[0];
        console.log(JSON.stringify({directions.tolist()}.map((direction) => stage.sphereValue(field, ...direction))))""", encode(made, {}))
    np.testing.assert_allclose(read, directions @ [0.5, -0.7, 0.2], atol=5e-3)


def test_python_and_the_browser_write_numbers_alike(node):
    rng = np.random.default_rng(0)
    numbers = [0, -0.0, 58, 1e6, 123456, 0.125, 1.125, 2.345, 9.995, 999.5, 9999.5, 0.001, 0.00099951, 3e7, -2.5e-9, 1e300,
               *(rng.choice([-1, 1], 200) * 10 ** rng.uniform(-12, 12, 200))]
    written = in_node(node, "console.log(JSON.stringify(JSON.parse(stdin).map(stage.formatNumber)))", json.dumps(numbers).encode())
    assert written == [format_number(number) for number in numbers]


def test_the_browsers_own_tests_pass(node):
    suites = sorted(map(str, (REPOSITORY / "tests/js").glob("*.test.mjs")))
    result = subprocess.run([node, "--test", *suites], check=False, cwd=REPOSITORY, capture_output=True, encoding="utf-8")
    assert result.returncode == 0, result.stdout


# Explorers


def test_an_explorer_shows_its_defaults_at_once():
    toy = explorer()
    assert toy.settings == {"scale": 0.001, "width": 20, "slope": 0.5, "activation": "relu"}
    assert header(toy.run)["settings"] == toy.settings == toy.defaults


def test_its_code_rebuilds_it():
    toy = explorer(width=35)
    toy.set(activation="tanh")
    assert toy.code == "helpers.explorers.toy_explorer(scale=0.001, width=35, slope=0.5, activation='tanh')"
    assert toy.defaults["width"] == 35


@pytest.mark.parametrize("settings", [{"scale": 0}, {"width": "many"}, {"activation": "sine"}, {"depth": 3}])
def test_bad_settings_are_refused_and_change_nothing(settings):
    toy = explorer()
    before = toy.run
    with pytest.raises((ValueError, TypeError), match=next(iter(settings))):
        toy.set(**settings)
    with pytest.raises((ValueError, TypeError)):
        explorer(**settings)
    assert toy.run == before and toy.settings["scale"] == 0.001


def test_a_request_is_answered_by_a_run_that_repeats_it():
    toy = explorer()
    toy.request = {"client": "page", "sequence": 4, "settings": toy.settings | {"width": 30}}
    answer = header(toy.run)
    assert (answer["client"], answer["sequence"], answer["settings"]["width"]) == ("page", 4, 30)
    assert toy.settings["width"] == 30


@pytest.mark.parametrize("settings, message", [
    ({"width": 55}, "ZeroDivisionError"), ({"width": 0}, "width is 0; it must be"), ({"depth": 1}, "no setting 'depth'")])
def test_a_failure_is_told_and_the_last_good_run_stays(settings, message):
    def compute(width, **_):
        return scene(10 + 0 // (width - 55), 3, 5)

    toy = explorer(compute)
    before = toy.run
    toy.request = {"client": "page", "sequence": 1, "settings": toy.settings | settings}
    assert message in toy.failure["message"] and toy.failure["sequence"] == 1
    assert toy.run == before and toy.settings["width"] == 20
    toy.request = {"client": "page", "sequence": 2, "settings": toy.settings | {"width": 60}}
    assert toy.failure == {} and toy.settings["width"] == 60


def test_a_run_is_computed_once_for_the_same_settings():
    calls = []
    toy = explorer(lambda **settings: calls.append(settings) or scene(10, 3, 5))
    runs = {toy.run}
    for width in (20, 25, 20, 25):
        toy.set(width=width)
        runs.add(toy.run)
    assert len(calls) == 2
    assert len(runs) == 5, "each answer differs, or the browser would not be told of it"


# Pages without a kernel


def page_of(path):
    """What a saved page hands to the static model, each run decoded to its bytes."""
    state = json.JSONDecoder().raw_decode(path.read_text(encoding="utf-8").rpartition("staticModel(")[2])[0]
    for run in state["runs"]:
        run["run"] = base64.b64decode(run["run"])
    return state


def test_a_page_holds_the_run_of_every_combination(tmp_path, capsys):
    toy = explorer(width=35)
    toy.set(scale=0.1)
    toy.save_html(tmp_path / "toy.html", activation=["tanh", "relu"], scale=np.array([0.1, 1, 0.1, 1e-4]))
    state = page_of(tmp_path / "toy.html")
    assert [(control["name"], control["values"]) for control in state["controls"]] == [
        ("scale", [0.0001, 0.1, 1]), ("activation", ["tanh", "relu"])]
    expected = [toy.settings | {"scale": scale, "activation": activation}
                for scale, activation in itertools.product([0.0001, 0.1, 1.0], ["tanh", "relu"])]
    assert [header(run["run"])["settings"] for run in state["runs"]] == expected
    assert state["runs"][0]["code"] == "helpers.explorers.toy_explorer(scale=0.0001, width=35, slope=0.5, activation='tanh')"
    assert header(state["runs"][0]["run"])["time"]["shape"] == [4], "of ten frames, every third and the last"
    assert capsys.readouterr() == ("", "")


def test_a_page_opens_at_the_present_settings_or_at_the_first_of_the_grid(tmp_path):
    toy = explorer(scale=0.1)
    toy.save_html(tmp_path / "toy.html", scale=[0.01, 0.1], width=[50, 10])
    assert page_of(tmp_path / "toy.html")["defaults"] == {"scale": 0.1, "width": 10}
    assert toy.settings["width"] == 20, "the explorer itself stays where it is"


def test_a_page_may_have_no_controls(tmp_path):
    explorer().save_html(tmp_path / "toy.html")
    assert len(page_of(tmp_path / "toy.html")["runs"]) == 1


def test_a_page_is_written_over_an_older_one(tmp_path):
    (tmp_path / "toy.html").write_text("old " * 1_000_000, encoding="utf-8")
    explorer().save_html(str(tmp_path / "toy.html"), slope=[0.5])
    assert (tmp_path / "toy.html").read_text(encoding="utf-8").startswith("<!doctype html>\n<html lang")
    assert "old" not in (tmp_path / "toy.html").read_text(encoding="utf-8")[-100:]


def test_nothing_in_a_page_ends_its_script_early(tmp_path):
    wicked = Choice("kind", "a</script><!--<script>", ["b</SCRIPT>"], "b</SCRIPT>")
    toy = Explorer("toy_explorer", lambda **_: scene(10, 3, 5), [wicked], "<i>T</i></title>", {})
    toy.save_html(tmp_path / "toy.html", kind=["b</SCRIPT>"])
    page = (tmp_path / "toy.html").read_text(encoding="utf-8")
    assert re.findall("</script|<!--", page, re.IGNORECASE) == ["</script"]
    assert "<title>&lt;i&gt;T&lt;/i&gt;&lt;/title&gt;</title>" in page


@pytest.mark.parametrize("path, grid, error, complaint", [
    ("p.html", {"depth": [3]}, ValueError, "no setting 'depth'"),
    ("p.html", {"scale": [0.1, 0]}, ValueError, "scale is 0; it must be"),
    ("p.html", {"width": [10, "many"]}, TypeError, "width is 'many'; it must be"),
    ("p.html", {"activation": "relu"}, TypeError, "activation is 'relu'; it must be a list"),
    ("p.html", {"scale": 0.1}, TypeError, "scale is 0.1; it must be a list"),
    ("p.html", {"scale": [[0.1]]}, TypeError, r"scale is \[0.1\]; it must be"),
    ("p.html", {"scale": []}, ValueError, "scale is an empty list"),
    ("missing/p.html", {"scale": [0.1]}, ValueError, "missing/p.html"),
    (".", {"scale": [0.1]}, ValueError, "path is"),
    ("a" * 300, {"scale": [0.1]}, ValueError, "path is"),
    ("a\0b", {"scale": [0.1]}, ValueError, "path is"),
    (None, {"scale": [0.1]}, TypeError, "path is None")])
def test_a_bad_page_is_refused_before_anything_is_computed_or_written(tmp_path, monkeypatch, path, grid, error, complaint):
    monkeypatch.chdir(tmp_path)
    calls = []
    toy = explorer(lambda **settings: calls.append(settings) or scene(10, 3, 5))
    with pytest.raises(error, match=complaint):
        toy.save_html(path, **grid)
    assert len(calls) == 1 and not list(tmp_path.iterdir())


def test_a_failed_run_leaves_the_folder_as_it_was(tmp_path):
    (tmp_path / "old.html").write_text("old", encoding="utf-8")
    toy = explorer(lambda width, **_: scene(10 + 0 // (width - 55), 3, 5))
    for name in ("old.html", "new.html"):
        with pytest.raises(ZeroDivisionError):
            toy.save_html(tmp_path / name, width=[50, 55])
    assert [path.read_text(encoding="utf-8") for path in tmp_path.iterdir()] == ["old"]


def test_the_page_of_lesson_1_is_small(tmp_path):
    scales = [1e-6, 1e-5, 1e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3, 1, 2, 5, 10]
    scale_explorer().save_html(tmp_path / "scale.html", scale=scales, activation=["relu", "tanh"])
    assert (tmp_path / "scale.html").stat().st_size < 1_500_000


@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize("scale", [1e-6, 1e-3, 1.0])
def test_thinning_moves_arrows_little(scale, activation):
    whole = compute(scale, activation, 60, 0)
    thin = whole.thinned(PAGE_STRIDE)
    tips = whole.panels[0].length * np.exp(1j * whole.panels[0].angle)
    place = np.interp(np.arange(len(whole.time)), np.searchsorted(whole.time, thin.time), np.arange(len(thin.time)))
    before = np.minimum(place.astype(int), len(thin.time) - 2)
    part = (place - before)[:, None]
    angle, length = thin.panels[0].angle, thin.panels[0].length
    turn = np.angle(np.exp(1j * (angle[before + 1] - angle[before])))
    between = (length[before] * (1 - part) + length[before + 1] * part) * np.exp(1j * (angle[before] + turn * part))
    assert np.percentile(np.abs(np.angle(between / tips)), 99) < np.radians(1)
    assert np.abs(between - tips).max() < 0.03


def test_a_notebook_that_was_not_run_says_what_to_do():
    shown = explorer()._repr_mimebundle_()
    bundle = shown[0] if isinstance(shown, tuple) else shown
    assert bundle["text/plain"] == "Explorer «Toy»: run this cell to see it move."


def test_the_last_frame_of_lesson_one_tells_the_lines_of_its_weights():
    shown = compute(scale=1e-3, activation="relu", width=20, seed=0)
    angle, share = shown.panels[0].angle, shown.panels[0].length
    for frame in (0, -1):
        W = share[frame][:, None] * np.column_stack([np.cos(angle[frame]), np.sin(angle[frame])])
        assert shown.values["lines"][frame] == condensed_lines(W).lines


@pytest.mark.parametrize("place", [-1, 7.5])
def test_a_cursor_outside_the_run_is_refused(place):
    with pytest.raises(TraitError):
        explorer().cursor = place


def test_a_long_run_tells_how_much_of_it_is_done_and_forgets_it_at_the_end():
    def compute(width):
        for share in (0.25, 0.5, 0.501, 1):
            if width > 5:
                flow.watcher.get()(share)
        if width == 15:
            raise ArithmeticError("too wide")
        return scene(frames=9)

    toy, seen = Explorer("toy_explorer", compute, [Slider("width", "Width m", 5, 15, 5, 5)], "Toy", {}), []
    toy.observe(lambda change: seen.append(change.new), "progress")
    toy.set(width=10)
    assert seen == [0.25, 0.5, 1, 0]
    with pytest.raises(ArithmeticError):
        toy.set(width=15)
    assert seen[4:] == [0.25, 0.5, 1, 0] and flow.watcher.get() is None


# The sphere in a browser


@pytest.fixture
def opened(chromium, tmp_path):
    """A function that opens an explorer's page, its first sphere as `sphere`; any error on it fails the test."""
    pages = []

    def open_it(toy, **grid):
        toy.save_html(tmp_path / "toy.html", **grid)
        page = new_page(chromium)
        errors = errors_of(page)
        page.on("console", lambda message: errors.append(message.text))
        pages.append((page, errors))
        page.goto((tmp_path / "toy.html").as_uri())
        page.wait_for_selector(".explorer[data-painted]")
        page.sphere = page.locator(".explorer-sphere canvas").nth(1)
        return page

    yield open_it
    for page, errors in pages:
        page.context.close()
        assert errors == []


LAYERS = {"field": np.cos(np.linspace(-np.pi, np.pi, 60, endpoint=False)), "marks": [(0, "positive"), (np.pi, "negative")],
          "basins": [(-3, 3, "positive"), (0.1, 6.1, "negative")], "goals": [np.nan, 0, 0]}


@pytest.fixture
def turned(opened):
    """A page with a sphere, a circle with all its layers, a chart with a mark, and a sphere and a circle without anything."""
    width = Slider("width", "Width m", 5, 10, 5, 5)
    toy = Explorer("toy_explorer", lambda width: scene(frames=9, panels=[
        sphere(9, width), circle(**LAYERS), chart(marks={"escape": 20}, predicted="guess"), sphere(9, 1, field=(), marks=()), circle()]),
        [width], "Toy", {})
    return opened(toy, width=[5, 10])


def view(page):
    """Longitude and latitude of the point that faces the reader, in degrees."""
    return [int(angle) for angle in page.sphere.get_attribute("data-view").split()]


def picture(page, kind="sphere"):
    """The pixels of a panel's lower canvas, as a hash, in the next frame but one."""
    return page.evaluate("""async (kind) => {
        for (const _ of [1, 2]) await new Promise(requestAnimationFrame);
        return document.querySelector(`.explorer-${kind} canvas`).toDataURL();
    }""", kind)


def drag(page, right, down):
    """The sphere pulled by so many pixels from its middle."""
    box = page.sphere.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + right / 2, y + down / 2)
    page.mouse.move(x + right, y + down)
    page.mouse.up()


def test_the_sphere_follows_the_hand_and_returns_on_a_double_click(turned):
    assert view(turned) == [0, 0]
    before = picture(turned)
    drag(turned, 70, 35)
    longitude, latitude = view(turned)
    assert -45 < longitude < -15 and 7 < latitude < 25
    after = picture(turned)
    assert after != before
    turned.sphere.hover()
    assert view(turned) == [longitude, latitude], "a hand that has let go turns nothing"
    turned.sphere.dblclick()
    assert view(turned) == [0, 0] and picture(turned) == before


def test_the_sphere_turns_by_keyboard_and_lets_no_key_through(turned):
    turned.evaluate("() => { window.keys = []; document.addEventListener('keydown', (event) => keys.push(event.key)); }")
    turned.sphere.focus()
    for key in ("ArrowLeft", "ArrowLeft", "ArrowUp", "b"):
        turned.keyboard.press(key)
    assert view(turned) == [20, -10]
    turned.keyboard.press("Home")
    assert view(turned) == [0, 0]
    assert turned.evaluate("() => keys") == []
    assert "arrow keys" in turned.sphere.get_attribute("aria-label").lower()


def test_a_new_run_is_seen_from_where_the_last_one_was(turned):
    drag(turned, -60, 0)
    seen = view(turned)
    turned.locator("[data-control=width]").press("End")
    turned.wait_for_function("() => JSON.parse(document.querySelector('.explorer').dataset.settings).width === 10")
    assert view(turned) == seen != [0, 0]


def test_turning_leaves_the_other_panels_as_they_are(turned):
    before = picture(turned, "circle"), picture(turned, "chart")
    drag(turned, 50, 0)
    assert (picture(turned, "circle"), picture(turned, "chart")) == before


def test_the_legend_tells_what_there_is_and_no_more(turned):
    def legend(kind, which=0):
        return turned.locator(f".explorer-{kind}").nth(which).locator(".explorer-legend li").all_inner_texts()

    assert legend("circle") == ["output weight > 0", "F > 0 outside, F < 0 inside", "attract positive, negative neurons", "basins", "predicted goals"]
    assert legend("sphere") == ["output weight > 0", "output weight < 0", "F > 0, F = 0, F < 0", "attracts positive neurons",
                                "attracts none", "drag it, or use the arrow keys, to turn it"]
    assert legend("chart") == ["loss", "guess", "escape", "now"]
    assert legend("circle", 1) == ["output weight > 0"]
    assert legend("sphere", 1) == ["output weight > 0", "drag it, or use the arrow keys, to turn it"]


def test_most_of_the_sphere_is_tinted_by_its_field(turned):
    picture(turned)
    shares = turned.evaluate("""() => [...document.querySelectorAll('.explorer-sphere')].map((panel) => {
        const canvas = panel.querySelector('canvas');
        const { data } = canvas.getContext('2d').getImageData(canvas.width / 2 - 90, canvas.height / 2 - 90, 180, 180);
        return data.filter((value, i) => i % 4 === 3 && value > 5 && value < 145).length / 180 ** 2;
    })""")
    assert shares[0] > 0.6 and shares[1] < 0.1


def test_the_dots_of_a_prediction_are_thick_enough_to_be_seen(opened):
    time = np.arange(1, 10)
    panels = [Chart(time, {"loss": time, "guess": guess}, "", "", "", False, False, "", {"top": 12}, predicted="guess")
              for guess in (time + 2, time * np.nan)]
    page = opened(Explorer("toy_explorer", lambda: scene(frames=9, panels=panels), [], "Toy", {}))
    picture(page, "chart")
    with_dots, without = page.evaluate("""() => [...document.querySelectorAll('.explorer-chart')].map((panel) => {
        const canvas = panel.querySelector('canvas');
        const alphas = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.filter((_, i) => i % 4 === 3);
        return alphas.filter((alpha) => alpha > 200).length;
    })""")
    assert with_dots - without > 100, "pixels"


@pytest.mark.parametrize("colour, place, lies", [("positive", 0, "outside"), ("negative", np.pi, "inside")])
def test_the_field_lies_outside_the_circle_where_it_is_positive_and_inside_where_negative(turned, colour, place, lies):
    reaches = turned.evaluate("""([colour, place]) => {
        const canvas = document.querySelector('.explorer-circle canvas');
        const pen = canvas.getContext('2d');
        pen.fillStyle = getComputedStyle(document.querySelector('.explorer')).getPropertyValue(`--explorer-${colour}`);
        const wanted = [1, 3, 5].map((at) => parseInt(pen.fillStyle.slice(at, at + 2), 16));
        const pixels = pen.getImageData(0, 0, canvas.width, canvas.height).data;
        const reaches = [];
        for (let reach = 20; reach < canvas.height / 2; reach++) {
            const x = Math.round(canvas.width / 2 + reach * Math.cos(place));
            for (let y = Math.round(canvas.height / 2) - 8; y <= canvas.height / 2 + 8; y++) {
                const at = 4 * (y * canvas.width + x);
                if (pixels[at + 3] > 250 && wanted.every((value, k) => Math.abs(value - pixels[at + k]) < 4)) reaches.push(reach);
            }
        }
        return reaches.map((reach) => reach / (canvas.height / 2 - 17) * 1.3);
    }""", [colour, place])
    # The goals, ticks just outside the circle at angle 0, have the colour too.
    assert 1.2 < max(reaches) <= 1.32 if lies == "outside" else 0.67 <= min(reaches) < 0.75


# The map in a browser


def cells(page, rows):
    """The colour (red, green, blue, opacity) of each cell of the map, shape (rows, rows, 4), and the side of a cell in pixels."""
    picture(page, "map")
    read = page.evaluate("""(rows) => {
        const canvas = document.querySelectorAll('.explorer-map canvas')[1];
        const copy = Object.assign(document.createElement('canvas'), { width: canvas.width, height: canvas.height });
        const pen = copy.getContext('2d', { willReadFrequently: true });
        pen.drawImage(canvas, 0, 0);
        const { data } = pen.getImageData(0, 0, canvas.width, canvas.height);
        const painted = (x, y) => data[4 * (y * canvas.width + x) + 3] > 0;
        const columns = [...Array(canvas.width).keys()].filter((x) => [...Array(canvas.height).keys()].some((y) => painted(x, y)));
        const lines = [...Array(canvas.height).keys()].filter((y) => columns.some((x) => painted(x, y)));
        const side = (columns.at(-1) - columns[0] + 1) / rows;
        const pixel = (k, part) => {
            const [y, x] = [lines[0] + (Math.floor(k / rows) + part) * side, columns[0] + (k % rows + part) * side].map(Math.floor);
            return [...data.slice(4 * (y * canvas.width + x), 4 * (y * canvas.width + x) + 4)];
        };
        const all = (part) => [...Array(rows * rows).keys()].map((k) => pixel(k, part));
        return { colours: all(0.5), side, even: [0.02, 0.98].every((part) => String(all(part)) === String(all(0.5))) };
    }""", rows)
    assert read["even"], "a cell has one colour to its edges"
    return np.reshape(read["colours"], (rows, rows, 4)), read["side"]


OPPOSED = np.array([[1, -1, 0.5], [-1, 1, 0], [0.5, 0, 1]])


@pytest.mark.parametrize("scheme, same, opposite", [("light", "0072b2", "d55e00"), ("dark", "56b4e9", "e69f00")])
def test_equal_directions_are_blue_opposite_ones_orange_and_right_angles_blank(opened, scheme, same, opposite):
    made = cosines(matrices=[np.eye(3), np.eye(3), OPPOSED])
    page = opened(Explorer("toy_explorer", lambda: scene(frames=9, panels=[made]), [], "Toy", {}))
    page.emulate_media(color_scheme=scheme)
    page.wait_for_function("(scheme) => document.querySelector('.explorer').dataset.theme === scheme", arg=scheme)
    colours, side = cells(page, 3)
    assert side == int(side) >= 80
    for (i, j), tint, opacity in [((0, 0), same, 255), ((0, 1), opposite, 255), ((1, 0), opposite, 255), ((2, 2), same, 255), ((0, 2), same, 128)]:
        assert colours[i, j] == pytest.approx([*bytes.fromhex(tint), opacity], abs=2)
    assert colours[1, 2, 3] == colours[2, 1, 3] == 0


def test_the_map_follows_the_cursor_from_matrix_to_matrix(opened):
    made = cosines(matrices=[np.ones((3, 3)), np.eye(3), OPPOSED])
    page = opened(Explorer("toy_explorer", lambda: scene(frames=9, panels=[made]), [], "Toy", {}))

    def first_row(frame):  # of the frames 0, 3, 6, 8 that the page holds; the second matrix stands at the third
        page.locator("[data-control=time]").press("Home")
        for _ in range(frame):
            page.locator("[data-control=time]").press("ArrowRight")
        colours, _ = cells(page, 3)
        return colours[0, :, 3].tolist()

    assert [first_row(frame) for frame in (0, 2, 3)] == [pytest.approx([255, opacity, other], abs=2) for opacity, other in ((255, 255), (0, 0), (255, 128))]
    assert first_row(1) == pytest.approx([255, 127, 127], abs=2), "half of the way"
    page.locator("[data-control=time]").evaluate("(input) => { input.value = 2.5; input.dispatchEvent(new Event('input')); }")
    assert cells(page, 3)[0][0, :, 3].tolist() == pytest.approx([255, 127, 64], abs=2), "also between two frames"


def test_the_map_says_in_words_what_it_shows(opened):
    page = opened(Explorer("toy_explorer", lambda: scene(frames=9, panels=[cosines()]), [], "Toy", {}))
    canvas = page.locator(".explorer-map canvas").nth(1)
    assert (canvas.get_attribute("role"), canvas.get_attribute("aria-label")) == ("img", "Cosines between neurons")
    assert page.locator(".explorer-map .explorer-legend li").all_inner_texts() == ["+1: same way", "0", "−1: opposite ways"]


# The plane in a browser


HINT = "Point anywhere to read off loss, height"


def reading(page):
    """The line below the plane, in the next frame but one."""
    picture(page, "plane")
    return page.inner_text(".explorer-reading")


@pytest.fixture
def pointed(opened):
    """A page with the plane of two points at the end of their ways."""
    return opened(Explorer("toy_explorer", lambda: scene(frames=9, panels=[plane(x_label="a, °")], values={}, text=""), [], "Toy", {}))


def test_the_plane_is_read_off_where_the_pointer_is(pointed):
    assert reading(pointed) == HINT
    pointed.locator(".explorer-plane canvas").nth(1).hover()
    told = re.fullmatch(r"a ([\d.]+)°, b ([\d.]+): loss ([\d.]+), height (-?[\d.]+)", reading(pointed))
    a, b, loss, height = map(float, told.groups())
    assert (a, b) == pytest.approx((0.5, 0.5), abs=0.1) and (loss, height) == pytest.approx((a + 2 * b, b - 0.5), abs=0.01)
    pointed.locator(".explorer-title").hover()
    assert reading(pointed) == HINT


def test_the_plane_is_read_off_by_keyboard_from_where_the_last_point_is(pointed):
    canvas = pointed.locator(".explorer-plane canvas").nth(1)
    pointed.evaluate("() => { window.keys = []; document.addEventListener('keydown', (event) => keys.push(event.key)); }")
    canvas.focus()
    for key in ("ArrowRight", "ArrowDown", "b"):
        pointed.keyboard.press(key)
    assert reading(pointed) == "a 0.52°, b 0.88: loss 2.28, height 0.38"
    assert pointed.get_attribute(".explorer-reading", "aria-live") == "polite"
    pointed.keyboard.press("Escape")
    assert reading(pointed) == HINT and pointed.evaluate("() => keys") == []
    pointed.keyboard.press("ArrowLeft")
    assert reading(pointed).startswith("a 0.48°, b 0.9:")
    pointed.locator("[data-control=time]").focus()
    assert reading(pointed) == HINT
    assert canvas.get_attribute("role") == "application" and canvas.get_attribute("aria-label") == "Two points. Arrow keys read it off elsewhere, Escape returns."


def test_a_plane_without_readings_is_a_picture(opened):
    page = opened(Explorer("toy_explorer", lambda: scene(frames=9, panels=[plane(readings={}, tint="")], values={}, text=""), [], "Toy", {}))
    canvas = page.locator(".explorer-plane canvas").nth(1)
    assert (canvas.get_attribute("role"), canvas.get_attribute("aria-label"), canvas.get_attribute("tabindex")) == ("img", "Two points", None)
    assert not page.locator(".explorer-reading").is_visible()


def test_the_plane_is_tinted_where_its_reading_is_negative(pointed):
    picture(pointed, "plane")
    shares = pointed.evaluate("""() => {
        const canvas = document.querySelector('.explorer-plane canvas');
        const pen = Object.assign(document.createElement('canvas'), { width: canvas.width, height: canvas.height }).getContext('2d', { willReadFrequently: true });
        pen.drawImage(canvas, 0, 0);
        const share = (from) => {
            const { data } = pen.getImageData(60, from * canvas.height, canvas.width - 90, 0.15 * canvas.height);
            return data.filter((alpha, i) => i % 4 === 3 && alpha > 10 && alpha < 200).length / (data.length / 4);
        };
        return [share(0.15), share(0.65)];
    }""")
    assert shares[0] < 0.2 and shares[1] > 0.8


def test_the_legend_of_the_plane_tells_what_there_is_and_no_more(opened):
    bare = plane(ground={}, stops={}, bars=(), readings={}, tint="", joined="", title="bare")
    page = opened(Explorer("toy_explorer", lambda: scene(frames=9, panels=[plane(), bare], values={}, text=""), [], "Toy", {}))
    legend = [page.locator(".explorer-plane").nth(k).locator(".explorer-legend li").all_inner_texts() for k in (0, 1)]
    assert legend == [["flow", "descent, a dot a step", "apart", "error", "height < 0", "levels", "minima", "sharp"], ["flow", "descent"]]


def test_a_plane_of_equal_units_is_square_and_another_fills_its_width(opened):
    page = opened(Explorer("toy_explorer", lambda: scene(frames=9, panels=[plane(equal=True), plane(y_range=(0.01, 1), log_y=True)]), [], "Toy", {}))
    picture(page, "plane")
    spans = page.evaluate("""() => [...document.querySelectorAll('.explorer-plane')].map((panel) => {
        const canvas = panel.querySelector('canvas');
        const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
        const filled = (x, y) => data[4 * (y * canvas.width + x) + 3] > 60;
        const lines = [...Array(canvas.height).keys()].filter((y) => [...Array(canvas.width).keys()].filter((x) => filled(x, y)).length > 0.3 * canvas.width);
        const posts = [...Array(canvas.width).keys()].filter((x) => [...Array(canvas.height).keys()].filter((y) => filled(x, y)).length > 0.5 * canvas.height);
        return [posts.at(-1) - posts[0], lines.at(-1) - lines[0]];
    })""")
    assert spans[0][0] == pytest.approx(spans[0][1], abs=3) and spans[1][0] > spans[1][1] + 20
