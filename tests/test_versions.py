"""Which Pythons, machines and versions the course runs on, and that what it does not need is not asked for."""

import ast
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import bounds
import pytest
import supported
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
WORKFLOW = yaml.safe_load((ROOT / ".github" / "workflows" / "test.yml").read_text(encoding="utf-8"))
LESSONS = sorted((ROOT / "notebooks").glob("0*.ipynb"))
INTEL_MAC, LINUX = {"sys_platform": "darwin", "platform_machine": "x86_64"}, {"sys_platform": "linux", "platform_machine": "x86_64"}
WITHOUT_TORCH = """
import sys
class NoTorch:
    def find_spec(self, name, path=None, target=None):
        if name == "torch":
            raise ModuleNotFoundError("No module named 'torch'", name="torch")
sys.meta_path.insert(0, NoTorch())
"""


@pytest.mark.parametrize("version", [(3, 11, 5), (3, 12, 0), (3, 13, 9), (3, 14, 0)])
def test_these_pythons_are_taken(version):
    assert supported.refusal(version) is None


@pytest.mark.parametrize("version, words", [((2, 7, 18), "needs 3.11.5"), ((3, 9, 1), "needs 3.11.5"), ((3, 11, 4), "needs 3.11.5"), ((3, 15, 0), "no wheels"), ((4, 0, 0), "no wheels")])
def test_other_pythons_are_refused_in_a_sentence_that_names_one_to_take(version, words):
    sentence = supported.refusal(version)
    assert sentence.startswith("This is Python " + ".".join(map(str, version))) and words in sentence
    named, = re.findall(r"make PYTHON=python([\d.]+)", sentence)
    assert supported.refusal((*map(int, named.split(".")), 9)) is None


def test_the_oldest_python_taken_is_one_that_the_project_allows():
    assert SpecifierSet(PROJECT["requires-python"]).contains(".".join(map(str, supported.OLDEST)))


def test_the_makefile_asks_before_it_installs():
    recipe = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in ("$(READY):", "oldest newest:"):
        assert re.search(rf"^{re.escape(target)}.*\n\t@\$\(PYTHON\) tests/supported.py$", recipe, re.MULTILINE)


@pytest.mark.parametrize("system, machine, said", [("Darwin", "x86_64", True), ("Darwin", "arm64", False), ("Linux", "x86_64", False), ("Windows", "AMD64", False)])
def test_an_intel_mac_alone_is_told_what_it_goes_without(system, machine, said):
    sentence = supported.notice(system, machine)
    assert bool(sentence) == said
    assert not said or "Intel" in sentence and "conda env create -f environment.yml" in sentence


def test_an_intel_mac_is_asked_for_everything_but_torch():
    needed = [Requirement(line) for line in PROJECT["dependencies"]]
    assert {r.name for r in needed if r.marker is None or r.marker.evaluate(LINUX)} == {r.name for r in needed}
    assert {r.name for r in needed if r.marker and not r.marker.evaluate(INTEL_MAC)} == {"torch"}


def test_the_oldest_versions_are_the_lower_bounds_and_the_newest_have_none_but_torch():
    declared = [Requirement(line) for group in (PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()) for line in group]
    pins = {pin.name: pin for pin in map(Requirement, bounds.oldest())}
    assert set(pins) == {requirement.name for requirement in declared}
    for requirement in declared:
        pinned, = pins[requirement.name].specifier
        assert pinned.operator == "==" and str(requirement.specifier) == ">=" + pinned.version and pins[requirement.name].marker == requirement.marker
    assert [Requirement(pin).name for pin in bounds.newest()] == ["torch"]


def without_torch(code):
    """The process that ran the code where torch is not installed."""
    return subprocess.run([sys.executable, "-c", WITHOUT_TORCH + code], cwd=ROOT, env=os.environ | {"PYTHONUTF8": "1"}, capture_output=True, encoding="utf-8", check=False)


def first_cell(lesson):
    """The source of the lesson's first code cell: its imports and its explorer."""
    return next("".join(cell["source"]) for cell in json.loads(lesson.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code")


def test_lessons_1_to_5_open_without_torch():
    opened = without_torch("\n".join(map(first_cell, LESSONS[:5])) + "\nprint('torch' in sys.modules)")
    assert opened.stdout == "False\n", opened.stderr


@pytest.mark.parametrize("needing", ["from helpers import vision; vision.network('convolutional, adapted')", "import helpers; helpers.TorchNetwork(None)"])
def test_what_needs_torch_says_how_to_get_it(needing):
    refused = without_torch(needing)
    assert "ImportError: this needs PyTorch, which is not installed here: pip install torch; for an Intel Mac pip has none" in refused.stderr


def calls_on_text(path):
    """The calls in a file that read, write or open text, or run a program and read its text."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            said = {keyword.arg: keyword.value for keyword in node.keywords}
            binary = any(isinstance(value, ast.Constant) and isinstance(value.value, str) and "b" in value.value for value in (*node.args[:2], said.get("mode")))
            if name in ("read_text", "write_text") or name == "open" and not binary or "text" in said and name in ("run", "Popen", "check_output"):
                yield node.lineno, said


@pytest.mark.parametrize("folder", ["helpers", "tests"])
def test_text_is_read_and_written_as_utf_8_whatever_the_machine_would_take(folder):
    silent = [f"{path.relative_to(ROOT)}:{line}" for path in (ROOT / folder).rglob("*.py") for line, said in calls_on_text(path) if "encoding" not in said]
    assert not silent


def test_hosted_ci_runs_what_is_here_with_every_supported_python():
    steps = [step for job in WORKFLOW["jobs"].values() for step in job["steps"]]
    targets = re.findall(r"^([a-z ]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    commands = [step["run"] for step in steps if "run" in step]
    assert commands == ["bash .ci/run", "CI= make test"] and (ROOT / ".ci" / "run").is_file() and "test" in targets
    for step in steps:
        options = step.get("with", {})
        assert (ROOT / options.get("cache-dependency-path", "constraints.txt")).is_file()
    (_, first, _), (_, last) = supported.OLDEST, supported.NEWEST
    assert WORKFLOW["jobs"]["linux"]["strategy"]["matrix"]["python"] == [f"3.{minor}" for minor in range(first, last + 1)]
