"""Pins for pip's -c: "oldest", the lower bounds of pyproject.toml; "newest", none but the PyTorch of constraints.txt, the one with a small CPU build."""

import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent


def oldest():
    """Every dependency at its lower bound, one a line."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return [line.replace(">=", "==") for group in (project["dependencies"], *project["optional-dependencies"].values()) for line in group]


def newest():
    """The pin of PyTorch."""
    return [line for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines() if line.startswith("torch==")]


if __name__ == "__main__":
    if sys.argv[1] == "oldest" and sys.version_info >= (3, 13):
        sys.exit("the oldest versions have wheels for Python 3.11 and 3.12 alone: make oldest PYTHON=python3.12 …")
    print(*{"oldest": oldest, "newest": newest}[sys.argv[1]](), sep="\n")
