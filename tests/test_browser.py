"""The explorers in JupyterLab and Voila, in a real browser: every control moved by keyboard, the line of text read."""

import json
import math
import re
from pathlib import Path

import nbformat
import pytest
from bench_explorer import put_notebook
from browser import errors_of, new_page, open_notebook, run_all, save_notebook, start_lab, start_voila, theme

from helpers import explorers

NOTEBOOKS = Path(__file__).parent.parent / "notebooks"
LESSON = "01_small_init.ipynb"
SET_CONTROLS = {"scale": "ArrowLeft", "activation": "ArrowDown", "width": "ArrowLeft", "seed": "ArrowRight"}

# In the page: whether the explorer has its run, and says what there is to see.
AT_REST = """document.querySelector('.explorer').getAttribute('aria-busy') !== 'true'
    && !/^(computing…|no answer from the kernel.*|)$/.test(document.querySelector('.explorer-text').innerText)"""

# What each explorer's line of text is, after lesson 1's.
NUMBER = r"[\d.e+-]+"
EXPLORERS = {
    "escape_explorer": rf"Time {NUMBER}: ‖θ‖ = {NUMBER}, loss {NUMBER}; ‖θ‖ = 0.15 predicted at t = {NUMBER}, measured at {NUMBER}; the longest neuron holds {NUMBER} % of ‖θ‖²",
    "landscape_explorer": rf"‖θ‖ = {NUMBER}: of the \d+ neurons .*\d+ have grown tenfold.* within 10° of .*",
    "condense_explorer": rf"(After \d+ steps of (Adam|GD|SGD): |Cut short after \d+ gradients: |)‖θ‖ = {NUMBER}, the loss has fallen by {NUMBER} %; "
                         rf"lines with 90 % of Σ‖w‖²: \d+; (p = \d, but σ|p = \d: |relu|leaky_relu).*",
    "staircase_explorer": rf"Plateau \d, time {NUMBER}, loss {NUMBER}: .*|Drop \d came at t = .*|Time {NUMBER}, loss {NUMBER}: the loss falls, and nothing was predicted",
    "euler_explorer": rf"Step \d+, time {NUMBER}: gradient descent is {NUMBER} from the flow, the bound is {NUMBER}; (there η·λ_max = {NUMBER}; above 2 it cannot settle|gradient descent diverges)",
    "descent_explorer": rf"Step \d+, time {NUMBER}: (gradient descent is {NUMBER} steps late, the modified flow {NUMBER}; distance {NUMBER}|"
                        rf"the flow has arrived; gradient descent was at most {NUMBER} from it, the bound is {NUMBER}); (errors grow up to {NUMBER} times on the way|it cannot settle there: .*)",
    "sphere_explorer": r"\d+ places attract neurons with a > 0, \d+ those with a < 0; \d+ of 30 neurons are within 10° of one",
}


@pytest.fixture(scope="module")
def server(chromium, tmp_path_factory):
    """JupyterLab's folder and its address."""
    folder = tmp_path_factory.mktemp("course")
    with start_lab(folder) as url:
        yield folder, url


def put_opening(folder):
    """Lesson 1 to its explorer, put into the folder; what follows are figures, which the notebooks' own tests run."""
    notebook = nbformat.read(NOTEBOOKS / LESSON, as_version=4)
    notebook.cells = notebook.cells[:2]
    nbformat.write(notebook, folder / LESSON)


@pytest.fixture(scope="module")
def lab(chromium, server):
    """A page with the opening of lesson 1 in JupyterLab, and the list of the uncaught errors of its widgets."""
    folder, url = server
    put_opening(folder)
    page = new_page(chromium)
    errors = errors_of(page, origin="blob:")
    open_notebook(page, url, LESSON)
    run_all(page)
    page.evaluate("() => window.jupyterapp.shell.currentWidget.content.scrollToItem(1)")
    page.wait_for_selector(".explorer[data-painted]")
    page.wait_for_function(f"() => {AT_REST}")
    page.url_of_lesson = f"{url}/tree/{LESSON}"
    yield page, errors


def said(page):
    """The explorer's line of text."""
    return page.inner_text(".explorer-text")


def lines(page):
    """The number of lines that it tells."""
    return int(said(page).split("lines of neurons: ")[1].split(";")[0])


def move(page, control, key):
    """The line of text after a key on a control."""
    before = page.get_attribute(".explorer", "data-painted"), said(page)
    page.focus(f".explorer [data-control={control}]")
    page.keyboard.press(key)
    page.wait_for_function(f"""([painted, text]) => {AT_REST} && document.querySelector('.explorer').dataset.painted !== painted
        && document.querySelector('.explorer-text').innerText !== text""", arg=before)
    return said(page)


def test_text_says_what_the_first_picture_shows(lab):
    page, _ = lab
    assert lines(page) >= 10


@pytest.mark.parametrize("control", SET_CONTROLS)
def test_every_set_control_moves_by_keyboard(lab, control):
    page, _ = lab
    before = page.get_attribute(".explorer", "data-settings")
    after = move(page, control, SET_CONTROLS[control])
    assert "loss" in after
    assert page.get_attribute(".explorer", "data-settings") != before


def test_small_scale_leaves_two_lines(lab):
    page, _ = lab
    page.click(".explorer [data-action=reset]")
    page.wait_for_function("() => JSON.parse(document.querySelector('.explorer').dataset.settings).scale === 10")
    move(page, "scale", "Home")
    assert lines(page) == 2


def test_time_scrubs_by_keyboard_without_the_kernel(lab):
    page, _ = lab
    runs = page.get_attribute(".explorer", "data-settings")
    assert "moved by 0 times" in move(page, "time", "Home")
    assert page.get_attribute(".explorer", "data-settings") == runs
    assert "moved by 0 times" not in move(page, "time", "End")


def test_reset_returns_to_the_defaults(lab):
    page, _ = lab
    page.click(".explorer [data-action=reset]")
    page.wait_for_function("() => JSON.parse(document.querySelector('.explorer').dataset.settings).scale === 10")


def test_explorer_follows_the_dark_theme(lab):
    page, _ = lab
    for name, look in 3 * (("JupyterLab Dark", "dark"), ("JupyterLab Light", "light")):
        painted = page.get_attribute(".explorer", "data-painted")
        theme(page, name)
        page.wait_for_function("""([look, painted]) => document.querySelector('.explorer').dataset.theme === look
            && document.querySelector('.explorer').dataset.painted !== painted""", arg=[look, painted])


def test_reload_shows_the_present_state(lab):
    page, _ = lab
    move(page, "seed", "ArrowRight")
    settings = page.get_attribute(".explorer", "data-settings")
    save_notebook(page)
    page.wait_for_function("() => !window.jupyterapp.shell.currentWidget.context.model.dirty")
    page.goto(page.url_of_lesson)
    page.wait_for_selector(".explorer[data-painted]")
    page.wait_for_function("(settings) => document.querySelector('.explorer').dataset.settings === settings", arg=settings)


def test_widgets_had_no_uncaught_errors(lab):
    _, errors = lab
    assert errors == []


def computed(page, name):
    """The line of text of the frame shown, of a run that is computed here at the settings shown."""
    settings = json.loads(page.get_attribute(".explorer", "data-settings"))
    frame = float(page.input_value(".explorer [data-control=time]"))
    return getattr(explorers, name)()._compute(tuple(settings.items())).text_at(math.floor(frame + 0.5))


@pytest.fixture(scope="module")
def cell(chromium, server):
    """A page with a notebook of one cell, and the list of the uncaught errors of its widgets."""
    folder, url = server
    page = new_page(chromium)
    errors = errors_of(page, origin="blob:")
    # In a workspace of its own, or JupyterLab would open lesson 1 beside it.
    open_notebook(page, f"{url}/workspaces/cell", put_notebook("", folder))
    yield page, errors
    page.context.close()


def show(page, source):
    """The explorer that the code shows, in place of the one before."""
    page.evaluate("""(source) => {
        document.querySelector('.explorer')?.setAttribute('data-before', '');
        window.jupyterapp.shell.currentWidget.content.widgets[0].model.sharedModel.setSource(source);
    }""", source)
    run_all(page)
    page.wait_for_function("() => !document.querySelector('.explorer[data-before]')")
    page.wait_for_selector(".explorer[data-painted]")
    page.wait_for_function(f"() => {AT_REST}")


@pytest.mark.parametrize("name", EXPLORERS)
def test_every_control_of_the_later_explorers_moves_by_keyboard(cell, name):
    page, errors = cell
    show(page, f"import helpers\nhelpers.explorers.{name}()")
    controls = page.locator(".explorer-set [data-control]")
    assert controls.count() >= 3
    for control in controls.all():
        expected = computed(page, name)
        assert re.fullmatch(EXPLORERS[name], expected)
        page.wait_for_function("(text) => document.querySelector('.explorer-text').textContent === text", arg=expected)
        before = page.get_attribute(".explorer", "data-settings")
        # A menu from its first word down, a slider from its last value back.
        control.press(control.evaluate("(c) => c.tagName === 'SELECT' ? (c.selectedIndex ? 'ArrowUp' : 'ArrowDown') : c.value === c.max ? 'ArrowLeft' : 'ArrowRight'"))
        page.wait_for_function(f"(settings) => document.querySelector('.explorer').dataset.settings !== settings && {AT_REST}", arg=before)
    ends = ("Home", "End") if float(page.input_value(".explorer [data-control=time]")) else ("End", "Home")
    assert all(re.fullmatch(EXPLORERS[name], move(page, "time", key)) for key in ends)
    assert errors == []


def test_smaller_scale_and_lower_multiplicity_gather_the_neurons_on_fewer_lines(cell):
    page, _ = cell
    show(page, "import helpers\nhelpers.explorers.condense_explorer(scale=1.0)")

    def gathered():
        return int(re.search(r"Σ‖w‖²: (\d+);", said(page))[1])

    assert gathered() > 3 and "p = 3: under the flow 3 lines attract" in said(page)
    for _ in range(6):
        move(page, "scale", "ArrowLeft")
    assert page.evaluate("() => JSON.parse(document.querySelector('.explorer').dataset.settings).scale") == 0.0316
    assert gathered() == 3
    assert "p = 2: under the flow 2 lines attract" in move(page, "activation", "ArrowUp") and gathered() == 2
    move(page, "scale", "ArrowLeft")
    assert "p = 1: under the flow 1 line attracts" in move(page, "activation", "ArrowUp") and gathered() == 1


SLOW_EXPLORER = """
import os, time
from helpers import flow
from helpers.explorers import Explorer, Slider, scale_explorer

def compute(seed):
    share = 0
    while seed and not os.path.exists("seen"):
        share = min(0.99, share + 0.01)
        flow.watcher.get()(share)
        time.sleep(0.1)
    return picture

picture = scale_explorer()._compute(tuple(scale_explorer().settings.items()))
Explorer("slow_explorer", compute, [Slider("seed", "seed", 0, 9, 1, 0)], "Slow", {})
"""


def test_a_long_run_shows_how_much_of_it_is_done(cell, server):
    page, _ = cell
    show(page, SLOW_EXPLORER)
    page.focus('.explorer [data-control="seed"]')
    page.keyboard.press("ArrowRight")
    page.wait_for_function("() => /^computing… [1-9][0-9]? %$/.test(document.querySelector('.explorer-busy').textContent)")
    (server[0] / "seen").touch()
    page.wait_for_function("() => document.querySelector('.explorer-busy').textContent === ''")


def test_explorer_moves_under_voila(chromium, tmp_path):
    put_opening(tmp_path)
    with start_voila(tmp_path / LESSON) as url:
        page = new_page(chromium, width=390, height=844)
        page.goto(url)
        page.wait_for_selector(".explorer[data-painted]")
        assert "lines of neurons" in move(page, "scale", "Home")
