"""All words that explorers and figures show, for a reviewer to read: titles, labels, units, axes, legends with their
colours, accessible names, hints, alt texts.

    python tests/words.py        writes tests/words.txt anew, after a change that is meant

Numbers of a run that stand in its line of text are written as #.
"""

import base64
import json
import re
import subprocess
from itertools import chain
from pathlib import Path

import nbformat
import numpy as np

import helpers
from helpers import data, figures
from helpers.networks import TwoLayer

TESTS = Path(__file__).parent
WORDS = TESTS / "words.txt"
# Settings at which an explorer shows other panels, other words, or other axes than at its defaults.
OTHERS = {
    "condense_explorer": [{"data": "tetrahedron"}, {"data": "digits", "width": 100}, {"activation": "relu"},
                          {"activation": "sigmoid"}, {"optimizer": "gradient flow"},
                          {"data": "orthonormal", "activation": "x*tanh(x)"}],
    "descent_explorer": [{"depth": "2"}, {"depth": "4"}, {"step": 0.03}],
    "escape_explorer": [{"axes": "norm logarithmic"}, {"axes": "both logarithmic"}],
    "euler_explorer": [{"step": 0.01}, {"step": 0.562, "start": 1.78, "angle": 10},
                       {"step": 1.5, "start": 3, "angle": 45}],
    "landscape_explorer": [{"activation": "z**2"}],
    "sphere_explorer": [{"activation": "relu", "inputs": "axes", "label": -0.5}],
    "scale_explorer": [],
    "staircase_explorer": [{"network": "deep linear, 2 layers"}, {"network": "diagonal linear, depth 2"},
                           {"scale": 1.0}],
}


def header(run):
    """The JSON part of a run."""
    return json.loads(run[4:4 + int.from_bytes(run[:4], "little")])


def states(name, settings):
    """What the page is given of an explorer."""
    shown = getattr(helpers.explorers, name)(**settings)
    return {"title": shown.title, "controls": shown.controls, "defaults": shown.defaults,
            "run": base64.b64encode(shown.run).decode()}, header(shown.run)


def sentences(name, text):
    """The lines of text of a run, each once; numbers that were computed as #, of the staircase's lines all."""
    told = [template for _, template in text]
    if name == "staircase_explorer":
        told = [re.sub(r"\d[\d.]*(·10[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+)?", "#", line) for line in told]
    return [f"text | {line}" for line in dict.fromkeys(told)]


def ranges(controls, settings):
    """From where to where each slider goes, and where it stands at first."""
    sliders = [(control["name"], control["values"]) for control in controls if control["kind"] != "choice"]
    return [f"slider | {name}: {values[0]:g} … {values[-1]:g}, at {settings[name]:g}" for name, values in sliders]


def fresh(lines, known):
    """The lines, if they are not known as they are."""
    block = tuple(lines)
    if block in known:
        return []
    known.add(block)
    return [*lines, ""]


def explorers():
    """The words of all explorers, in lines."""
    asked = [(name, settings, *states(name, settings)) for name, others in OTHERS.items() for settings in ({}, *others)]
    answer = subprocess.run(["node", TESTS / "words.mjs"], input=json.dumps([state for _, _, state, _ in asked]),
                            capture_output=True, check=True, encoding="utf-8")
    lines, known = [], set()
    for (name, settings, state, head), told in zip(asked, json.loads(answer.stdout), strict=True):
        if not settings:
            known = set()
            lines += [f"== {name}", "", *told["words"], *ranges(state["controls"], state["defaults"]), ""]
        panels = [[re.sub(r"\d+ % of Σ", "# % of Σ", line) for line in panel] for panel in told["panels"]]
        blocks = [fresh(panel, known) for panel in [*panels, sentences(name, head["text"])]]
        where = ", ".join(f"{key} = {value}" for key, value in settings.items())
        lines += [*([f"-- {where}", ""] if where and any(blocks) else []), *chain(*blocks)]
    return lines


def parts_of(figure):
    """The title, axes, names and alt text of a plotly figure given as a dict."""
    layout = figure["layout"]
    axes = {key: axis.get("title", {}).get("text") for key, axis in layout.items() if re.match(r"[xy]axis", key)}
    names = [trace["name"] for trace in figure["data"] if trace.get("name")]
    bars = [trace["colorbar"]["title"]["text"] for trace in figure["data"] if trace.get("colorbar", {}).get("title")]
    heads = [note["text"] for note in layout.get("annotations", ())]
    return [f"title | {layout['title']['text']}", *(f"panel | {head}" for head in heads),
            *(f"{key} | {text}" for key, text in sorted(axes.items()) if text),
            *(f"name | {name}" for name in dict.fromkeys(names)), *(f"bar | {bar}" for bar in dict.fromkeys(bars)),
            f"alt | {layout['meta']['alt']}", ""]


def drawn():
    """The words that helpers.figures itself writes, around given ones in capitals."""
    line = np.arange(1.0, 5)
    network = TwoLayer(6, "relu", bias=True)
    run = helpers.gradient_flow(helpers.Problem(network, data.hinge()), network.init(1, 1.0, 0), 0.1)
    many = np.random.default_rng(0).normal(size=(5, 3))
    made = {
        "two_fits": figures.two_fits(network, data.hinge(), {"SMALL": run, "LARGE": run}, line),
        "correlation": figures.correlation(line, line, [2.0], [3.0], {"NEURONS": line}, "ALT"),
        "log_log": figures.log_log("TITLE", "X", "Y", {"RUNS": (line, line)}, {"THEORY": (line, line)}, "ALT"),
        "curves": figures.curves("TITLE", "X", "Y", {"LINE": (line, line)}, "ALT", points={"POINTS": (line, line)}),
        "stable_ranks": figures.stable_ranks({"RUNS": (line, line)}, {"CURVE": (line, line)}, {"LEVEL": 2.0}, "ALT"),
        "cosines": figures.cosines({"START": many, "END": many}),
        "images": figures.images({"FIRST": many[0], "SECOND": many[1]}, (1, 3)),
    }
    return [*chain(*([f"== figures.{name}", "", *parts_of(figure.to_plotly_json())] for name, figure in made.items()))]


def notebooks():
    """The words of the figures that stand in the notebooks."""
    lines = []
    for path in sorted((TESTS.parent / "notebooks").glob("*.ipynb")):
        outputs = [output for cell in nbformat.read(path, 4).cells for output in cell.get("outputs", ())]
        shown = [output["data"]["application/vnd.plotly.v1+json"] for output in outputs
                 if "application/vnd.plotly.v1+json" in output.get("data", {})]
        lines += [f"== {path.name}", "", *chain(*map(parts_of, shown))]
    return lines


def palettes():
    """The explorers' colours, light and dark: name -> #rrggbb."""
    css = (TESTS.parent / "helpers" / "explorers" / "stage.css").read_text(encoding="utf-8")
    asked = re.search(r"@media \(prefers-color-scheme: dark\) \{(.*?)\n\}", css, flags=re.DOTALL)
    switched = re.findall(r"\[data-theme=\"dark\"\] \{(.*?)\}", css, flags=re.DOTALL)
    light = _colours_in(css.split("@media")[0])
    return light, light | _colours_in("".join([asked[1], *switched]))


def _colours_in(css):
    return {name.removeprefix("own-"): colour for name, colour in re.findall(r"--explorer-([\w-]+): (#\w{6});", css)}


def colours():
    """The colours of both palettes and of figures, in lines."""
    light, dark = palettes()
    return ["== colours, light and dark", "", *(f"{name} | {light[name]} | {dark[name]}" for name in light), "",
            "== colours of figures", "", *map(str.lower, (*figures.COLOURS, figures.INK)), ""]


def words():
    """The whole text."""
    return "\n".join([*explorers(), *colours(), *drawn(), *notebooks()]).rstrip("\n") + "\n"


if __name__ == "__main__":
    WORDS.write_text(words(), encoding="utf-8")
