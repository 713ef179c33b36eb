"""What the lessons' text says agrees with the claims, the code and the output: cards, formulas, numbers with a unit."""

import math
import re

import numpy as np
import pytest
import texts
from texts import CARD, CLAIMS, GOLDEN, LISTED, numbers, prose, sections

from helpers import curvature, data

LESSONS = texts.lessons()
TEXTS = {name: prose(notebook.cells) for name, notebook in LESSONS.items()}
STATUS = {claim["name"]: claim["status"] for claim in CLAIMS}
KINDS = {"proven": r"\b(theorem|proven)\b", "derived": r"\bderived\b", "observed": r"\b(observed|observation)\b"}
SAID = [(claim, text, *(expression or ["True"])) for claim in CLAIMS for text, *expression in claim.get("says", [])]
LITERAL = re.compile(r"(?<![\w.])\d+(?:[_,]\d{3})*(?:\.\d+)?(?:e[-+]?\d+)?")


def mean_label():
    """Of the data in lesson 5's part on biases and means."""
    return round(float(np.mean(np.sum(np.sin(3 * np.random.default_rng(0).uniform(-1, 1, (40, 3))), axis=1) + 0.4)), 2)


def share_of_the_mean():
    """Of the square loss of lesson 2's data at the origin, in per cent."""
    y = data.spokes().y
    return round(100 * len(y) * y.mean() ** 2 / (y @ y))


def holds(expression, **known):
    """Whether the expression of a claim or a listed number is true."""
    names = {"near": near, "curvature": curvature, "mean_label": mean_label, "share_of_the_mean": share_of_the_mean}
    return eval(expression, {**vars(math), **names, **known})


def near(value, other, rel=1e-3):
    return math.isclose(value, other, rel_tol=rel)


# --- cards ---

@pytest.mark.parametrize("lesson", LESSONS)
def test_the_cards_of_a_lesson_and_their_statuses_are_those_that_are_listed(lesson):
    listed = [(card["title"], card["status"]) for card in LISTED["card"] if card["lesson"] == lesson]
    assert CARD.findall(TEXTS[lesson]) == listed


@pytest.mark.parametrize("card", LISTED["card"], ids=lambda card: card["title"])
def test_a_claim_that_a_card_states_has_the_cards_status(card):
    kinds = {kind for kind, word in KINDS.items() if re.search(word, card["status"])}
    assert kinds or "stated" in card["status"]
    assert {STATUS[name] for name in card["claims"]} <= kinds


def test_a_listed_card_states_claims_of_its_lesson_and_no_claim_is_stated_twice():
    stated = [(name, card["lesson"]) for card in LISTED["card"] for name in card["claims"]]
    assert {(claim["name"], claim["lesson"]) for claim in CLAIMS} >= set(stated)
    assert len(stated) == len(dict(stated)) >= 50


# --- what the text says of a claim ---

@pytest.mark.parametrize("claim, text, expression", SAID, ids=lambda value: value["name"] if isinstance(value, dict) else "")
def test_the_lesson_says_what_the_claim_says(claim, text, expression):
    assert text in TEXTS[claim["lesson"]]
    assert holds(expression, predicted=claim["predicted"]), expression


def test_many_claims_are_bound_to_the_text():
    assert len({claim["name"] for claim, *_ in SAID}) >= 60


# --- numbers in the prose ---

def literals(cells):
    """The numbers in the source of the code cells, and those that they printed."""
    code = [cell for cell in cells if cell.cell_type == "code"]
    outputs = [output for cell in code for output in cell.outputs]
    printed = [output.get("text") or output.get("data", {}).get("text/plain", "") for output in outputs]
    return tuple({float(found.replace(",", "")) for text in texts for found in LITERAL.findall(text)}
                 for texts in ([cell.source for cell in code], printed))


def stands_there(number, written, printed):
    """Whether a number of the prose stands in the code (per cent as a share), or was printed and rounds to it."""
    shares = [number.value, number.value / 100, 1 - number.value / 100] if number.unit == "%" else [number.value]
    decimals = len(number.written.split()[0].rstrip("%°").partition(".")[2])
    return (any(math.isclose(share, value, rel_tol=1e-9) for share in shares for value in written)
            or "." in number.written and any(round(value, decimals) == number.value for value in printed))


def spoken_for(lesson, text):
    """The stretches of the text that a claim or the list speaks for."""
    said = [text for claim, text, _ in SAID if claim["lesson"] == lesson]
    said += [number["says"] for number in LISTED["number"] if number["lesson"] == lesson]
    return [(match.start(), match.end()) for words in said for match in re.finditer(re.escape(words), text)]


@pytest.mark.parametrize("lesson", LESSONS)
def test_every_number_of_the_prose_stands_in_its_sections_code_or_output_or_is_spoken_for(lesson):
    unknown = []
    for cells in sections(LESSONS[lesson]):
        written, printed = literals(cells)
        for cell in cells:
            if cell.cell_type == "markdown":
                spoken = spoken_for(lesson, cell.source)
                missing = [number for number in numbers(cell.source) if not stands_there(number, written, printed)]
                unknown += [cell.source[max(0, number.start - 40):number.end + 20] for number in missing
                            if not any(low <= number.start and number.end <= high for low, high in spoken)]
    assert not unknown


@pytest.mark.parametrize("number", LISTED["number"], ids=lambda number: number["says"][:40])
def test_a_listed_number_is_said_and_holds(number):
    assert number["says"] in TEXTS[number["lesson"]] and number["why"]
    assert holds(number.get("holds", "True")), number["holds"]


# --- all of it ---

def test_the_list_of_the_lessons_words_is_the_one_that_was_read():
    told = "run python tests/texts.py, and read what has changed in tests/texts.txt"
    assert texts.golden() == GOLDEN.read_text(encoding="utf-8"), told
