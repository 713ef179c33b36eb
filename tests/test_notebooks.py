"""The notebooks as files: executed from start to end, without widget state, small, and complete as a lesson should be."""

import html
import itertools
import re
from pathlib import Path

import nbformat
import pytest

from conftest import PLOTLY, Drawn, Printed, comparable

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
COMPARED = {"01_small_init.ipynb": 40, "02_escape_from_origin.ipynb": 37, "03_ncf_kkt_points.ipynb": 49, "04_saddle_to_saddle.ipynb": 48, "05_condensation.ipynb": 52, "06_gd_vs_flow_curvature.ipynb": 45}  # cells whose printed text or figures nbval compares


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def path(request):
    return request.param


@pytest.fixture
def notebook(path):
    return nbformat.read(path, as_version=4)


def code(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def text(notebook):
    return "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def test_every_cell_was_executed_in_order(notebook):
    assert [cell.execution_count for cell in code(notebook)] == list(range(1, len(code(notebook)) + 1))


def test_no_cell_failed(notebook):
    assert not [output for cell in code(notebook) for output in cell.outputs if output.output_type == "error"]


def test_no_widget_state_is_stored(notebook):
    assert "widgets" not in notebook.metadata


def test_file_is_at_most_one_megabyte(path):
    assert path.stat().st_size <= 1_000_000


def test_as_many_cells_are_compared_as_were_counted(path, notebook):
    assert sum(bool(comparable(cell.outputs)) for cell in code(notebook)) == COMPARED[path.name]


def test_code_cells_are_short(notebook):
    long = [cell.source for cell in code(notebook) if cell.source.count("\n") >= 10 or max(map(len, cell.source.split("\n"))) > 130]
    assert not long


def test_first_code_cell_shows_an_explorer(notebook):
    assert any("application/vnd.jupyter.widget-view+json" in output.get("data", {}) for output in code(notebook)[0].outputs)


def test_every_prediction_has_two_to_four_answers(notebook):
    predictions = [cell.source for cell in notebook.cells if cell.cell_type == "markdown" and cell.source.startswith("### Predict")]
    assert len(predictions) >= 3
    assert all(2 <= source.count("<summary>") <= 4 for source in predictions)


def test_every_theorem_card_tells_status_hypotheses_statement_and_source(notebook):
    cards = re.findall(r"(?:^> .*\n?|^>\n)+", text(notebook), flags=re.MULTILINE)
    assert len(cards) >= 3
    for card in cards:
        assert re.match(r"> \*\*.+\*\* — \*.*(theorem|proven|stated|observed|derived).*\*", card)
        assert all(part in card for part in ("**Hypotheses.**", "**Statement.**", "**Source.**"))


def test_every_exercise_has_minutes_hints_a_stub_and_a_folded_solution(notebook):
    tagged = {tag: [cell.source for cell in code(notebook) if tag in cell.metadata.get("tags", [])] for tag in ("exercise", "solution")}
    asked = re.findall(r"^\*\*(\d\.\d)\*\* \*\(\d+ minutes, [●○]{3}\)\*", text(notebook), flags=re.MULTILINE)
    assert 3 <= len(asked) <= 5
    assert text(notebook).count("<summary>Hint 1</summary>") == text(notebook).count("<summary>Hint 2</summary>") == len(asked)
    for sources in tagged.values():
        assert [re.search(r'check\("(\d\.\d)"', source)[1] for source in sources] == asked
    assert all(cell.metadata["jupyter"]["source_hidden"] for cell in code(notebook) if "solution" in cell.metadata.get("tags", []))


def test_every_solution_is_accepted_and_every_stub_is_not(notebook):
    said = {tag: ["".join(output.text for output in cell.outputs) for cell in code(notebook) if tag in cell.metadata.get("tags", [])]
            for tag in ("exercise", "solution")}
    assert all(words.startswith("✓") for words in said["solution"])
    assert all("in place of the dots" in words for words in said["exercise"])


def test_every_fact_agrees(notebook):
    printed = "".join(output.text for cell in code(notebook) for output in cell.outputs if output.output_type == "stream")
    assert "✓" in printed and "✗" not in printed


def test_every_figure_is_shown_with_its_alt_text(notebook):
    shown = 0
    for cell in code(notebook):
        for figure, below in itertools.pairwise([*cell.outputs, None]):
            if PLOTLY in figure.get("data", {}):
                alt = figure.data[PLOTLY]["layout"]["meta"]["alt"]
                assert len(alt.split()) >= 6 and below.data["text/html"] == f"<p><small>{html.escape(alt)}</small></p>"
                shown += 1
    assert shown >= sum(cell.source.count("lesson.show(") for cell in code(notebook)) >= 5


def test_no_two_series_of_a_figure_are_the_same(notebook):
    for cell in code(notebook):
        for output in cell.outputs:
            if PLOTLY in output.get("data", {}):
                drawn = [(axes, points.tobytes()) for axes, _, points in Drawn(output.data[PLOTLY]).series if axes != ("size",)]
                assert len(drawn) == len(set(drawn)), output.data[PLOTLY]["layout"]["title"]


def test_hints_stand_in_their_order_below_the_question(notebook):
    for question in (cell.source for cell in notebook.cells if cell.source.startswith("**") and "<summary>Hint" in cell.source):
        assert re.findall(r"<summary>(.*?)</summary>", question) == ["Hint 1", "Hint 2"]


def test_a_stub_asks_with_dots_and_a_solution_does_not(notebook):
    sources = {tag: [cell.source for cell in code(notebook) if tag in cell.metadata.get("tags", [])] for tag in ("exercise", "solution")}
    assert all(re.search(r"= \.\.\.|, \.\.\.\)|return \.\.\.", source) for source in sources["exercise"])
    assert not any("..." in source for source in sources["solution"])


def test_printed_numbers_are_compared_to_a_millionth():
    assert Printed("rank 1.6310000 of 40") == "rank 1.6310001 of 40"
    assert Printed("rank 1.631 of 40") != "rank 1.632 of 40"
    assert Printed("40 points") != "41 points"
    assert Printed("rank 1.631") != "RANK 1.631"


def test_the_readme_tells_the_minutes_of_the_lesson(path, notebook):
    line, = (line for line in (ROOT / "README.md").read_text(encoding="utf-8").splitlines() if f"notebooks/{path.name})" in line)
    assert re.search(r"\| (\d+), exercises (\d+) \|$", line).groups() == re.search(r"\*(\d+) minutes.*?and (\d+) for the exercises", notebook.cells[0].source).groups()
