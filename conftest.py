"""How notebooks are compared with their stored outputs: all printed text, and what there is to see in the figures.
Twice: from start to end, then in the same kernel each cell once more ("again") in a shuffled order, for what a cell
prints must not depend on which ran last.

It stands at the root, so that pytest finds it from everywhere: for all tests, for the notebooks alone, for one of them,
and from within their folder.
"""

import base64
import copy
import math
import os
import random
import re
from pathlib import Path

import numpy as np
import pytest
from nbformat import NotebookNode
from nbval.plugin import IPyNbCell, IPyNbFile

PLOTLY = "application/vnd.plotly.v1+json"
VISUAL = ("application/vnd.jupyter.widget-view+json", "application/vnd.plotly.v1+json", "text/html", "image/png", "image/svg+xml")
FLOAT = re.compile(r"[-+]?\d+\.\d+(?:e[-+]?\d+)?|[-+]?\d+e[-+]?\d+")


def comparable(outputs):
    """The outputs that can be compared: text and figures, not other pictures (with their text form), nor stderr."""
    return [output for output in map(_with_figure, outputs)
            if not set(VISUAL) & set(output.get("data", {})) and output.get("name") != "stderr"]


def _with_figure(output):
    if PLOTLY not in output.get("data", {}):
        return output
    return NotebookNode(output_type="display_data", data={"figure": Drawn(output["data"][PLOTLY])})


class Printed(str):
    """Text that equals another when all but its decimal numbers is the same and these agree to a relative 1e-6."""

    def __eq__(self, other):
        mine, theirs = FLOAT.findall(self), FLOAT.findall(other)
        return (FLOAT.sub("#", self) == FLOAT.sub("#", other)
                and all(math.isclose(float(a), float(b), rel_tol=1e-6, abs_tol=1e-300) for a, b in zip(mine, theirs, strict=True)))

    def __ne__(self, other):
        return not self == other

    __hash__ = str.__hash__


VISIBLE, COLOUR = 1e-3, 1e-2  # of what an axis shows; of what a scale of colours spans
STYLE = (("marker", "color"), ("marker", "symbol"), ("line", "color"), ("line", "dash"))


class Drawn(str):
    """A plotly figure as text: a line of words for each axis and trace, a line of numbers for each series.

    It equals another when the words are the same and nothing has moved by more than can be seen: points and colours one
    by one, lines as curves, for where an integrator puts its nodes is not seen.
    """

    def __new__(cls, figure):
        words = Printed("\n".join(_words(figure)))
        series = [drawn for trace in figure["data"] for drawn in _series(trace, figure["layout"])]
        ends = [f"{axes}: {len(points)} × {points.min(axis=0)} … {points.max(axis=0)}, from {points[0]} to {points[-1]}"
                for axes, _, points in series]
        self = super().__new__(cls, "\n".join([words, *ends]))
        self.words, self.series = words, series
        return self

    def __eq__(self, other):
        return (self.words == other.words and len(self.series) == len(other.series)
                and all(_moved(mine / self._spans(axes), theirs / self._spans(axes), line) <= _seen(axes)
                        for (axes, line, mine), (_, _, theirs) in zip(self.series, other.series, strict=True)))

    def __ne__(self, other):
        return not self == other

    __hash__ = str.__hash__

    def _spans(self, wanted):
        """What each of the axes shows, from the lowest to the highest of all that is drawn on it."""
        shown = [np.concatenate([points[:, axes.index(axis)] for axes, _, points in self.series if axis in axes])
                 for axis in wanted]
        return np.array([np.ptp(values) or abs(values[0]) or 1.0 for values in shown])


def _seen(axes):
    return COLOUR if axes[0].startswith("z") else VISIBLE


def _words(figure):
    """The words of a figure, and the style of its traces."""
    layout = figure["layout"]
    yield f"{layout['title']['text']}: {layout['meta']['alt']}"
    yield from (note["text"] for note in layout.get("annotations", []))
    for name, axis in sorted(layout.items()):
        if re.fullmatch(r"[xy]axis\d*", name):
            title = axis.get("title", {}).get("text")
            yield f"{name}: {title}, {axis.get('type')}, {axis.get('range')}, {axis.get('autorange')}"
    for trace in figure["data"]:
        kind = [trace.get(key) for key in ("type", "name", "mode", "showlegend", "xaxis", "yaxis")]
        yield str([*kind, *(trace.get(part, {}).get(key) for part, key in STYLE)])


def _series(trace, layout):
    """(axes, whether it is a line, points (n, k)) of what the trace draws, in logarithms on logarithmic axes."""
    if "z" in trace:
        z = _numbers(trace["z"]).ravel()
        return [((f"z{trace['xaxis']}",), False, np.clip(z, trace["zmin"], trace["zmax"])[:, None])]
    axes, line = (trace.get("xaxis", "x"), trace.get("yaxis", "y")), "lines" in trace.get("mode", "lines")
    x, y = (_numbers(trace[axis]) for axis in "xy")
    error = trace.get("error_y", {})
    bars = [sign * _numbers(error[side]) for sign, side in ((1, "array"), (-1, "arrayminus")) if side in error]
    size = trace.get("marker", {}).get("size", 0)
    with np.errstate(all="ignore"):
        drawn = [np.column_stack([_on(layout, axes[0], x), _on(layout, axes[1], height)])
                 for height in [y, *(y + bar for bar in bars)]]
    found = [(axes, line, points[np.isfinite(points).all(axis=1)]) for points in drawn]
    if not np.isscalar(size):
        found.append((("size",), False, _numbers(size)[:, None]))
    return [each for each in found if len(each[2])]


def _on(layout, axis, values):
    """The values as they lie on the axis."""
    return np.log10(values) if layout.get(f"{axis[0]}axis{axis[1:]}", {}).get("type") == "log" else values


def _numbers(values):
    """An array as plotly stores it, in a list or in base64."""
    if isinstance(values, dict):
        shape = [int(length) for length in str(values.get("shape", "-1")).split(",")]
        return np.frombuffer(base64.b64decode(values["bdata"]), dtype=values["dtype"]).reshape(shape).astype(float)
    return np.array(values, dtype=float)


def _moved(mine, theirs, line):
    """How far points have moved, or else how far two curves are from each other, along the axis on which it is more."""
    aside = np.abs(mine - theirs).max() if mine.shape == theirs.shape else math.inf
    return min(aside, max(_away(mine, theirs), _away(theirs, mine))) if line and aside > VISIBLE else aside


def _away(points, curve):
    """How far the farthest of the points (n, 2) is from the curve through the others."""
    starts, ways = curve[:-1], np.diff(curve, axis=0)
    if not len(ways):
        return np.abs(points - curve).max()
    lengths = np.maximum(np.sum(ways**2, axis=1), 1e-300)

    def distance(point):
        along = np.clip(np.sum((point - starts) * ways, axis=1) / lengths, 0, 1)
        return np.abs(starts + along[:, None] * ways - point).max(axis=1).min()

    return max(map(distance, points))


_compare, _sanitize = IPyNbCell.compare_outputs, IPyNbCell.sanitize
IPyNbCell.compare_outputs = lambda self, test, ref, skip_compare=None: _compare(self, comparable(test), comparable(ref), skip_compare)
IPyNbCell.sanitize = lambda self, text: text if isinstance(text, Drawn) else Printed(_sanitize(self, text))


_collect = IPyNbFile.collect


def _twice(self):
    """The cells in their order, then again in another, the same one every time."""
    cells = list(_collect(self))
    yield from cells
    for first in random.Random(self.path.stem).sample(cells, len(cells)):
        yield IPyNbCell.from_parent(self, name=f"{first.name} again", cell_num=first.cell_num, cell=copy.deepcopy(first.cell), options=first.options)


IPyNbFile.collect = _twice


def pytest_xdist_auto_num_workers(config):
    """A worker for each core; none for one file or for what -k picks: their start would take longer than they save."""
    single = len(config.args) == 1 and Path(config.args[0].split("::")[0]).is_file()
    return 0 if single or config.option.keyword else None


LONGEST_FIRST = [".ipynb", "test_browser", "test_claims_", "test_explorer", ""]


def pytest_collection_modifyitems(items):
    """Long files first: one that came last would leave the other workers idle."""
    items.sort(key=lambda item: next(k for k, part in enumerate(LONGEST_FIRST) if part in item.path.name))


@pytest.fixture(scope="session")
def chromium():
    """A headless browser for all tests; without one on the machine they are skipped, but never in CI."""
    from browser import installed_browser, open_browser
    if not installed_browser():
        reason = "no chromium on this machine: browser tests are not run"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    with open_browser() as browser:
        yield browser
