"""Notebooks are compared alike however pytest is called: a changed digit fails, a changed picture does not."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

ROOT = Path(__file__).parent.parent
STORED = {"printed": new_output("stream", text="rank 1.631\n"),
          "drawn": new_output("display_data", {"image/svg+xml": "<svg>2</svg>", "text/plain": "Figure 2"})}
CELLS = {  # name: which output is stored, what the cell does now
    "the same": ("printed", 'print("rank 1.631")'),
    "the last bits": ("printed", 'print("rank 1.6310000001")'),
    "another digit": ("printed", 'print("rank 1.632")'),
    "another word": ("printed", 'print("norm 1.631")'),
    "no text": ("printed", "pass"),
    "another picture": ("drawn", 'display({"image/svg+xml": "<svg>1</svg>", "text/plain": "Figure 1"}, raw=True)'),
    "a warning": ("printed", 'import sys; print("rank 1.631"); print("slow", file=sys.stderr)'),
}
DIFFER = {"another digit", "another word", "no text"}


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
    failed = re.findall(r"^FAILED .*lesson\.ipynb::Cell (\d+)", said, re.MULTILINE)
    assert {list(CELLS)[int(number)] for number in failed} == DIFFER
    assert f"{len(DIFFER)} failed, {len(CELLS) - len(DIFFER)} passed" in said
