"""Notebooks are compared alike however pytest is called: a changed digit or figure fails, another picture does not."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
import plotly.graph_objects as go
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

ROOT = Path(__file__).parent.parent
X = np.linspace(0, 1, 101)
FIGURE = go.Figure(layout={"title_text": "Norms", "meta": {"alt": "a curve that rises and three points"}})
FIGURE.add_scatter(x=X, y=X**3, mode="lines", name="flow")
FIGURE.add_scatter(x=[0.1, 0.5, 0.9], y=[0.1, 0.4, 0.2], mode="markers", name="runs")


def changed(change=""):
    """A cell that shows the figure after a change."""
    imports = "import json, numpy as np, plotly.graph_objects as go"
    return f"{imports}\nf = go.Figure(json.loads(r'''{FIGURE.to_json()}'''))\n{change}\n" + SHOW


SHOW = "display({'application/vnd.plotly.v1+json': f.to_plotly_json()}, raw=True)"
STORED = {"printed": new_output("stream", text="rank 1.631\n"),
          "figure": new_output("display_data", {"application/vnd.plotly.v1+json": json.loads(FIGURE.to_json())}),
          "drawn": new_output("display_data", {"image/svg+xml": "<svg>2</svg>", "text/plain": "Figure 2"})}
CELLS = {  # name: which output is stored, what the cell does now
    "the same": ("printed", 'print("rank 1.631")'),
    "the last bits": ("printed", 'print("rank 1.6310000001")'),
    "another digit": ("printed", 'print("rank 1.632")'),
    "another word": ("printed", 'print("norm 1.631")'),
    "no text": ("printed", "pass"),
    "another picture": ("drawn", 'display({"image/svg+xml": "<svg>1</svg>", "text/plain": "Figure 1"}, raw=True)'),
    "the same figure": ("figure", changed()),
    "other nodes of a curve": ("figure", changed("x = np.linspace(0, 1, 140) ** 1.1; f.data[0].update(x=x, y=x**3)")),
    "points moved less than is seen": ("figure", changed("f.data[1].x = [0.1, 0.5004, 0.9]")),
    "points that moved": ("figure", changed("f.data[1].x = [0.1, 0.503, 0.9]")),
    "a curve that bends otherwise": ("figure", changed("f.data[0].y = np.linspace(0, 1, 101) ** 3.1")),
    "a point less": ("figure", changed("f.data[1].update(x=[0.1, 0.5], y=[0.1, 0.4])")),
    "another name in the legend": ("figure", changed("f.data[1].name = 'steps'")),
    "a logarithmic axis": ("figure", changed("f.update_xaxes(type='log')")),
    "another unit": ("figure", changed("f.update_xaxes(title_text='seconds')")),
    "a blank alt text": ("figure", changed("f.layout.meta = {'alt': ' '}")),
    "signs with colours swapped": ("figure", changed("f.data[0].line.color = '#D55E00'")),
    "no figure": ("figure", "pass"),
    "a warning": ("printed", 'import sys; print("rank 1.631"); print("slow", file=sys.stderr)'),
}
DIFFER = {"another digit", "another word", "no text", "points that moved", "a curve that bends otherwise", "a point less",
          "another name in the legend", "a logarithmic axis", "another unit", "a blank alt text", "signs with colours swapped", "no figure"}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A project with this one's settings and one notebook."""
    folder = tmp_path_factory.mktemp("project")
    for name in ("conftest.py", "pyproject.toml"):
        shutil.copy(ROOT / name, folder)
    (folder / "notebooks").mkdir()
    cells = [new_code_cell(source, execution_count=1, outputs=[STORED[before]]) for before, source in CELLS.values()]
    nbformat.write(new_notebook(cells=cells), folder / "notebooks" / "lesson.ipynb")
    return folder


@pytest.mark.parametrize("folder, arguments", [(".", ["notebooks"]), ("notebooks", ["--nbval", "lesson.ipynb"])])
def test_notebooks_are_compared_alike_however_pytest_is_called(project, folder, arguments):
    called = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    said = subprocess.run(called, check=False, cwd=project / folder, capture_output=True, encoding="utf-8").stdout
    for pattern in (r"^FAILED .*lesson\.ipynb::Cell (\d+) -", r"^FAILED .*lesson\.ipynb::Cell (\d+) again -"):
        failed = re.findall(pattern, said, re.MULTILINE)
        assert {list(CELLS)[int(number)] for number in failed} == DIFFER
    assert f"{2 * len(DIFFER)} failed, {2 * (len(CELLS) - len(DIFFER))} passed" in said
