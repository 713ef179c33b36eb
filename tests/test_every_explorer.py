"""Every explorer: each control gives another picture at another value, whichever word stands on the menus, and curves
are what the line of text tells."""

import json
from functools import lru_cache

import numpy as np
import pytest

import helpers.explorers
from helpers.explorers import Chart

# Settings at which a run is quick, for explorers whose defaults are not.
QUICK = {
    "condense_explorer": {"width": 10, "step": 0.0562, "activation": "tanh"},
    "descent_explorer": {"depth": "2"},
    "escape_explorer": {"width": 5},
    "scale_explorer": {"width": 10, "scale": 1.0},
    "staircase_explorer": {"scale": 1e-2},
}
# (explorer, what stands on a menu, control): why it does not count there. Its label has to say so.
IDLE = {
    ("condense_explorer", ("optimizer", "gradient flow"), "step"): "the flow has no steps",
} | {("condense_explorer", ("data", name), "frequency"): "only sines have one"
     for name in ("two groups", "orthonormal", "tetrahedron", "simplex", "five dimensions", "digits")}


@lru_cache
def controls(name):
    """What a reader may set, and the settings from which the tests go."""
    shown = getattr(helpers.explorers, name)(**QUICK.get(name, {}))
    return {control["name"]: control for control in shown.controls}, shown.settings


@lru_cache
def _picture(name, items):
    run = getattr(helpers.explorers, name)(**dict(items)).run
    body = 4 + int.from_bytes(run[:4], "little")
    header = json.loads(run[4:body])

    def seen(part):
        if isinstance(part, dict) and "array" in part:
            size = {"int8": 1, "int16": 2, "uint16": 2, "float32": 4}[part["array"]]
            for length in part["shape"]:
                size *= length
            return {**part, "offset": 0, "bytes": bytes(run[body + part["offset"]:][:size]).hex()}
        if isinstance(part, dict):
            return {key: seen(value) for key, value in part.items()}
        return [seen(value) for value in part] if isinstance(part, list) else part

    return json.dumps(seen(header["panels"]))


def picture(name, settings):
    """What the panels show at these settings, without the line of text and what is told of the settings."""
    return _picture(name, tuple(settings.items()))


EXPLORERS = [name for name in helpers.explorers.__all__ if name.endswith("_explorer")]


def contexts(name):
    """The settings from which the tests go, with each word of each menu in its turn."""
    menus, settings = controls(name)
    words = [(control, word) for control, menu in menus.items() if menu["kind"] == "choice" for word in menu["values"]]
    return [(word, settings | dict([word])) for word in words] or [((None, None), settings)]


def moved(control, value):
    """The next value of a control, or the one before the last."""
    values = control["values"]
    at = min(range(len(values)), key=lambda k: abs(values[k] - value))
    return values[at + 1] if at + 1 < len(values) else values[at - 1]


@pytest.mark.parametrize("name", EXPLORERS)
def test_every_word_of_a_menu_gives_a_picture_of_its_own(name):
    menus, settings = controls(name)
    for control, menu in menus.items():
        if menu["kind"] == "choice":
            seen = {picture(name, settings | {control: word}) for word in menu["values"]}
            assert len(seen) == len(menu["values"]), control


SLIDERS = [(name, control, word) for name in EXPLORERS for word, _ in contexts(name)
           for control, slider in controls(name)[0].items() if slider["kind"] != "choice"]


def _id(part):
    return part if isinstance(part, str) else "-".join(map(str, part))


@pytest.mark.parametrize("name, control, word", SLIDERS, ids=_id)
def test_every_slider_moves_the_picture_unless_its_label_says_where_not(name, control, word):
    sliders, _ = controls(name)
    settings = dict(contexts(name))[word]
    other = settings | {control: moved(sliders[control], settings[control])}
    same = picture(name, settings) == picture(name, other)
    assert same == ((name, word, control) in IDLE)
    assert not same or "(" in sliders[control]["label"]


NAMES = {"loss": "loss", "norm ‖θ‖": "norm", "distance": "distance", "lines of neurons": "lines",
         "fall of the loss, %": "fall"}
# How many curves of an explorer are those of a number in its line of text.
TOLD = {"condense_explorer": 2, "descent_explorer": 1, "escape_explorer": 2, "euler_explorer": 1,
        "landscape_explorer": 0, "scale_explorer": 1, "sphere_explorer": 0, "staircase_explorer": 1}


@pytest.mark.parametrize("name", EXPLORERS)
def test_a_curve_is_what_the_line_of_text_tells_under_its_name(name):
    shown = getattr(helpers.explorers, name)(**QUICK.get(name, {}))
    scene = shown._compute(tuple(shown.settings.items()))
    charts = [panel for panel in scene.panels if isinstance(panel, Chart)]
    curves = {label: values for chart in charts for label, values in chart.series.items()}
    told = [label for label in curves if NAMES.get(label) in scene.values]
    assert len(told) == TOLD[name]
    for label in told:
        values, expected = curves[label], scene.values[NAMES[label]]
        seen = np.isfinite(values)
        np.testing.assert_array_equal(values[seen], expected[seen])
