"""environment.yml, pyproject.toml and constraints.txt say the same."""

import re
import tomllib
from pathlib import Path

import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
NEEDED = [Requirement(line) for line in PROJECT["dependencies"]]
EXTRA = {name: [Requirement(line) for line in lines] for name, lines in PROJECT["optional-dependencies"].items()}
PINNED = dict(line.strip().split("==") for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines() if line.strip())
CONDA_NAMES = {"torch": "pytorch-cpu"}


def canonical(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def test_every_dependency_is_pinned_within_its_bounds():
    pinned = {canonical(name): version for name, version in PINNED.items()}
    for requirement in NEEDED + [r for group in EXTRA.values() for r in group]:
        assert requirement.specifier.contains(pinned[canonical(requirement.name)]), requirement


def test_pins_are_the_versions_that_run_here():
    from importlib.metadata import version
    for requirement in NEEDED + EXTRA["lab"] + EXTRA["test"]:
        pinned = {canonical(name): v for name, v in PINNED.items()}[canonical(requirement.name)]
        assert version(requirement.name).split("+")[0] == pinned


def test_conda_environment_has_the_same_packages_and_lower_bounds():
    conda = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))["dependencies"]
    bounds = {re.split(r"[<>=]", line)[0]: line for line in conda if isinstance(line, str)}
    wanted = {CONDA_NAMES.get(r.name, r.name): r for r in NEEDED + EXTRA["lab"]}
    assert set(bounds) == set(wanted) | {"python", "pip"}
    assert {"pip": ["-e ."]} in conda
    for name, requirement in wanted.items():
        lower = str(next(iter(requirement.specifier)))
        assert bounds[name].startswith(name + lower + ",<"), bounds[name]


def test_conda_python_is_one_that_the_project_allows():
    conda = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))["dependencies"]
    python = next(line for line in conda if isinstance(line, str) and line.startswith("python="))
    assert SpecifierSet(PROJECT["requires-python"]).contains(python.removeprefix("python="))


def test_course_uses_no_package_that_it_does_not_declare():
    imported = {match for path in (ROOT / "helpers").rglob("*.py") for match in re.findall(r"^\s*(?:from|import) (\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)}
    declared = {canonical(r.name).replace("scikit-learn", "sklearn") for r in NEEDED} | {"helpers"}
    import sys
    known = {"IPython": "ipywidgets", "traitlets": "ipywidgets"}  # come with ipywidgets
    assert {known.get(name, name) for name in imported - set(sys.stdlib_module_names)} <= declared
