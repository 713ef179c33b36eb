"""claims.toml, the tests and the notebooks agree on every claim."""

import ast
import re
import tomllib
from pathlib import Path

import nbformat
import pytest

HERE = Path(__file__).parent
CLAIMS = tomllib.loads((HERE / "claims.toml").read_text(encoding="utf-8"))["claim"]
FACT = re.compile(r"^[✓✗] ([\w-]+): .*: predicted (\S+), measured \S+ \(.*; tolerance (.+)\)$", re.MULTILINE)
LESSONS = sorted(path.stem for path in (HERE.parent / "notebooks").glob("*.ipynb"))


def facts(lesson):
    """The facts that the notebook printed: name -> (predicted, tolerance)."""
    notebook = nbformat.read(HERE.parent / "notebooks" / f"{lesson}.ipynb", as_version=4)
    printed = "".join(output.text for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs if output.output_type == "stream")
    return {name: (float(predicted), tolerance) for name, predicted, tolerance in FACT.findall(printed)}


def named_tests(file):
    return {node.name for node in ast.parse((HERE / file).read_text(encoding="utf-8")).body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


def test_names_are_unique():
    names = [claim["name"] for claim in CLAIMS]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("lesson", LESSONS)
def test_lesson_prints_its_claims_and_no_others(lesson):
    assert set(facts(lesson)) == {claim["name"] for claim in CLAIMS if claim["lesson"] == lesson}


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim["name"])
def test_lesson_prints_the_prediction_and_tolerance_of_the_claim(claim):
    predicted, tolerance = facts(claim["lesson"])[claim["name"]]
    assert predicted == pytest.approx(claim["predicted"], rel=1e-3)
    assert tolerance == claim["tolerance"]


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim["name"])
def test_claim_has_a_test_and_a_twin(claim):
    for key in ("test", "twin"):
        file, name = claim[key].split("::")
        assert name in named_tests(file)
    assert claim["test"] != claim["twin"]
    assert claim["status"] in ("proven", "derived", "observed")
    assert claim["statement"] and claim["source"]


def test_every_test_of_a_claim_is_listed():
    listed = {claim[key].split("::")[1] for claim in CLAIMS for key in ("test", "twin")}
    written = set().union(*(named_tests(path.name) for path in HERE.glob("test_claims_*.py")))
    assert written == listed
