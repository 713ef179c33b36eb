"""The lists of planted bugs fit the code; that the tests find the bugs is seen by `make mutants`."""

import mutants as planted
import pytest

MUTANTS = planted.mutants()
KINDS = {
    "sign",
    "factor",
    "exponent",
    "multiplicity",
    "kink",
    "off by one",
    "order",
    "extreme",
    "seed",
    "tolerance",
    "term dropped",
    "error never raised",
    "control ignored",
    "unit",
    "colours swapped",
    "keyboard",
    "accessible name",
    "keep",
    "check accepts everything",
    "hints swapped",
    "wrong solution",
    "number in the text",
    "blank alt text",
    "status of a card",
    "wrong series",
    "prediction of a claim",
}


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: f"{mutant['file']}: {mutant['kind']}")
def test_text_to_be_changed_stands_in_its_file_once(mutant):
    assert planted.fits(mutant) == 1
    assert mutant["new"] != mutant["old"]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: f"{mutant['file']}: {mutant['kind']}")
def test_tests_that_must_turn_red_exist(mutant):
    assert mutant["tests"]
    for target in mutant["tests"]:
        file, *name = target.split("[")[0].split("::")
        assert name == [] or f"def {name[0]}(" in (planted.ROOT / file).read_text(encoding="utf-8")


def test_at_least_sixty_bugs_are_planted_of_every_kind():
    assert len(MUTANTS) >= 60
    assert KINDS <= {mutant["kind"] for mutant in MUTANTS}


def test_every_bug_has_its_turn_and_a_day_repeats_none():
    days = [
        [MUTANTS.index(mutant) for mutant in planted.turn(MUTANTS, 3, day)]
        for day in range(len(MUTANTS) // 3 + 1)
    ]
    assert {number for day in days for number in day} == set(range(len(MUTANTS)))
    assert all(len(set(day)) == 3 for day in days)


def test_bug_is_planted_in_the_source_of_a_notebook_and_in_a_text(tmp_path):
    planted.copy(tmp_path)
    notebook = {"file": "notebooks/01_small_init.ipynb", "old": "import helpers", "new": "import nothing"}
    text = {"file": "Makefile", "old": "VENV := .venv", "new": "VENV := .elsewhere"}
    for mutant in (notebook, text):
        before = (tmp_path / mutant["file"]).read_text(encoding="utf-8")
        planted.plant(mutant, tmp_path)
        assert (tmp_path / mutant["file"]).read_text(encoding="utf-8") == before.replace(
            mutant["old"], mutant["new"]
        )
