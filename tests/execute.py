"""Executes notebooks from start to end and stores their outputs, without widget state and without times of execution."""

import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient


def execute(path):
    """Runs the notebook at `path` in place; returns its seconds."""
    path = Path(path)
    notebook = nbformat.read(path, as_version=4)
    began = time.perf_counter()
    NotebookClient(notebook, timeout=300, kernel_name="python3", record_timing=False, resources={"metadata": {"path": str(path.parent)}}).execute()
    seconds = time.perf_counter() - began
    notebook.metadata.pop("widgets", None)
    for cell in notebook.cells:
        cell.get("outputs", [])[:] = [output for output in cell.get("outputs", []) if not _passing(output)]
    nbformat.write(notebook, path)
    return seconds


def _passing(output):
    """Whether an output is a progress bar or a warning: gone when the cell is done, so not stored."""
    bar = output.output_type == "display_data" and "application/vnd.jupyter.widget-view+json" in output.data
    return bar or output.get("name") == "stderr"


if __name__ == "__main__":
    for name in sys.argv[1:]:
        print(f"{name}: {execute(name):.1f} s, {Path(name).stat().st_size / 1e6:.2f} MB")
