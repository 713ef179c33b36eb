"""Outside of the code: README's words and links, the Makefile's targets, the wheel's files, the papers' numbers."""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from test_environment import CONDA_NAMES, PINNED, canonical
from texts import CLAIMS, lessons, prose

ROOT = Path(__file__).parent.parent
README, MAKEFILE = ((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "Makefile"))
NOTEBOOKS = lessons()
WORDS = {name: prose(notebook.cells) for name, notebook in NOTEBOOKS.items()}
NUMBER = re.compile(r"(?<![\d.])\d{4}\.\d{5}(?!\d)|(?<=arXiv:)\d{4}\.\d{4,5}|(?<=arxiv.org/abs/)\d{4}\.\d{4,5}")
PAPERS = {"1312.6120": "Saxe", "1412.6980": "Kingma", "2007.07497": "Luo", "2009.11162": "Barrett", "2103.00065": "Cohen",
          "2105.11686": "Zhou", "2106.15933": "Jacot", "2107.06608": "Elkabetz", "2206.00939": "Boursier", "2210.07082": "Frei",
          "2304.00488": "Pesme", "2401.10791": "Boursier", "2402.09226": "Kumar", "2403.08121": "Kumar", "2502.15952": "Kumar",
          "2506.06489": "Kunin", "2509.12154": "Kumar"}
FIVE = {"2402.09226", "2403.08121", "2105.11686", "2210.07082", "2107.06608"}  # whose theory the course is


def python(source, folder):
    """What a new interpreter did with the source, in this folder."""
    known = {**os.environ, "PYTHONUTF8": "1", "PYTHONPATH": str(ROOT)}
    called = [sys.executable, "-c", source]
    return subprocess.run(called, check=False, cwd=folder, env=known, capture_output=True, encoding="utf-8")


def targets():
    return set(" ".join(re.findall(r"^([a-z][\w -]*):", MAKEFILE, re.MULTILINE)).split())


def test_the_python_of_the_readme_runs():
    block, = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    done = python(block, ROOT)
    assert done.returncode == 0, done.stderr
    run, lines, ahead, *_ = done.stdout.splitlines()
    assert run.startswith("Trajectory(") and "stopped by loss" in run and lines and ahead


@pytest.mark.parametrize("expression", re.findall(r"`(helpers\.[^`]*\))`", README))
def test_a_call_that_the_readme_quotes_is_one(expression, tmp_path):
    done = python(f"import helpers\n{expression}", tmp_path)
    assert done.returncode == 0, done.stderr


def test_every_link_and_file_of_the_readme_is_there():
    links = re.findall(r"\]\(([^)]+)\)", README)
    assert links
    for link in links:
        assert link.startswith("https://") or (ROOT / link).is_file(), link
    for name in re.findall(r"`(?:voila )?([\w./]+\.(?:yml|toml|txt|ipynb)|LICENSE)`", README):
        assert (ROOT / name).is_file(), name


def test_every_lesson_has_its_line_in_the_readme_under_its_own_title():
    linked = dict(re.findall(r"\| \[(.*?)\]\(notebooks/(\w+)\.ipynb\)", README))
    assert sorted(linked.values()) == sorted(NOTEBOOKS)
    for title, name in linked.items():
        assert NOTEBOOKS[name].cells[0].source.startswith(f"# {title}\n")


def test_the_links_between_lessons_lead_to_one_whose_number_they_say():
    for words in WORDS.values():
        for text, link in re.findall(r"\[([^]]+)\]\((?!http)([^)]+)\)", words):
            assert (ROOT / "notebooks" / link).is_file() and re.fullmatch(rf"[Ll]esson {int(link[:2])}", text)


def test_the_readme_names_targets_that_the_makefile_has():
    listed = re.findall(r"(\w+)(?: \([^)]*\))?(?:,|$)", re.search(r"Makefile {2,}(.*)", README)[1])
    told = {*re.findall(r"\bmake ([a-z]+)\b", README), *listed}
    assert {"lab", "test", "bench"} <= told <= targets()


def test_every_target_of_the_makefile_is_declared_and_says_what_it_does():
    assert set(re.search(r"^\.PHONY: (.*)", MAKEFILE, re.MULTILINE)[1].split()) == targets()
    assert all(re.search(rf"^(?:[\w ]* )?{target}(?: [\w ]*)?:.*## \w", MAKEFILE, re.MULTILINE) for target in targets())


def test_the_files_that_the_makefile_names_are_there():
    named = re.findall(r"(?<![\w./])(?:tests|notebooks|helpers)/[\w./*-]+", MAKEFILE)
    named += re.findall(r"[\w-]+\.(?:toml|txt)\b", MAKEFILE)
    assert any(name.startswith("tests/") for name in named)
    for name in named:
        assert any(ROOT.glob(name)), name


def test_the_ranges_of_the_conda_environment_contain_the_pins():
    conda = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))["dependencies"]
    pinned = {canonical(name): version for name, version in PINNED.items()}
    names = {conda_name: name for name, conda_name in CONDA_NAMES.items()}
    ranges = [Requirement(line) for line in conda if isinstance(line, str) and ",<" in line]
    assert len(ranges) >= 8
    for requirement in ranges:
        name = names.get(requirement.name, requirement.name)
        assert requirement.specifier.contains(pinned[canonical(name)]), requirement


def test_the_wheel_holds_every_file_of_the_package(tmp_path):
    shutil.copytree(ROOT / "helpers", tmp_path / "helpers", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path)
    done = python("from setuptools.build_meta import build_wheel; build_wheel('.')", tmp_path)
    assert done.returncode == 0, done.stderr
    wheel, = tmp_path.glob("*.whl")
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("helpers/")}
    files = {path.relative_to(ROOT) for path in (ROOT / "helpers").rglob("*") if path.is_file()}
    assert packed == {path.as_posix() for path in files if "__pycache__" not in path.parts}


def references(lesson):
    return re.split(r"References", WORDS[lesson])[-1]


@pytest.mark.parametrize("lesson", NOTEBOOKS)
def test_a_lesson_refers_to_every_paper_that_it_or_its_claims_name(lesson):
    claimed = {number for claim in CLAIMS if claim["lesson"] == lesson for number in NUMBER.findall(claim["source"])}
    assert set(NUMBER.findall(references(lesson))) >= set(NUMBER.findall(WORDS[lesson])) | claimed


@pytest.mark.parametrize("lesson", NOTEBOOKS)
def test_a_reference_stands_beside_the_name_of_its_author(lesson):
    entries = re.split(r" · |\n- ", references(lesson))
    for entry in entries:
        assert all(PAPERS[number] in entry for number in NUMBER.findall(entry)), entry


def test_readme_lessons_claims_and_code_name_the_same_papers():
    code = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "helpers").rglob("*.py"))
    in_lessons = set().union(*(NUMBER.findall(words) for words in WORDS.values()))
    in_claims = {number for claim in CLAIMS for number in NUMBER.findall(claim["source"])}
    assert set(NUMBER.findall(README)) == FIVE
    assert in_lessons == set(PAPERS)
    assert FIVE <= in_claims <= in_lessons and set(NUMBER.findall(code)) <= in_lessons


@pytest.mark.parametrize("text", [README, *WORDS.values()], ids=["README", *WORDS])
def test_a_link_to_a_paper_leads_to_the_number_that_it_says(text):
    links = re.findall(r"\[(?:arXiv:)?(\d{4}\.\d{4,5})\]\((\S+?)\)", text)
    assert links or text is not README
    assert all(link == f"https://arxiv.org/abs/{number}" for number, link in links)
