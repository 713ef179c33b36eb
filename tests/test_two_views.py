"""An explorer shown twice in one page of a real browser, in the hands of a model that does what a kernel may do: it
answers, fails, is silent, is moved by another view. The page's clock is the test's."""

import base64
import json
import re
from pathlib import Path

import numpy as np
import pytest
from browser import errors_of, new_page

import helpers.explorers
from helpers.explorers import Chart, Choice, Explorer, LogSlider, Plane, Scene
from helpers.explorers.panels import Sphere
from helpers.explorers.scene import encode

MODULES = Path(helpers.explorers.__file__).parent
ADDRESS = "http://explorer.test/"
TIME = np.arange(41.0) ** 2 / 10
SECONDS = 8  # that a run takes at speed 1
PAGE = """<!doctype html><link rel="stylesheet" href="stage.css"><div id="one"></div><div id="two"></div>
<script type="module">
import { mount } from "./stage.js";
const state = STATE, listeners = [];
const bytes = (text) => new DataView(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer);
state.run = bytes(state.run);
window.sent = [];
window.heard = [];
document.addEventListener("keydown", (event) => heard.push(event.key));
window.model = {
  get: (name) => state[name],
  set(name, value) {
    if (name === "request") sent.push(value);
    state[name] = value;
    for (const [type, listener] of [...listeners]) if (type === `change:${name}`) listener();
  },
  on: (type, listener) => listeners.push([type, listener]),
  off() {},
  save_changes() {},
};
window.answer = (text) => model.set("run", bytes(text));
for (const id of ["one", "two"]) mount({ model, el: document.getElementById(id) });
</script>"""
CONTROLS = [LogSlider("scale", "Scale δ", 1e-4, 1, 1e-2), Choice("kind", "Kind", ("plain", "bent"), "plain")]


def compute(scale, kind):
    """A sphere, a plane that is read off, and a chart, of made-up numbers."""
    turn = np.linspace(0, 3, len(TIME))[:, None] + np.arange(3)
    position = np.stack([np.cos(turn), np.sin(turn), np.zeros_like(turn)], axis=-1)
    way = np.linspace(0.1, 0.9, len(TIME))
    return Scene(TIME, [
        Sphere(position, np.ones(turn.shape), [1, -1, 1], "sphere", "Neurons", view=(1, 0, 0)),
        Plane({"flow": np.column_stack([way, way])}, (0, 1), (0, 1), "plane", "a", "b", "A point",
              readings={"loss": [[0.0, 1.0], [2.0, 3.0]]}),
        Chart(TIME, {"loss": scale * np.exp(-TIME)}, "chart", "time t", "", False, False, "A fall")],
        "now {time}, scale {scale}", {"scale": np.full(len(TIME), scale)})


@pytest.fixture
def page(chromium):
    """The page with both views; its clock stands still, and any error on it fails the test."""
    toy = Explorer("toy_explorer", compute, CONTROLS, "Toy", {})
    toy.cursor = 0.0
    state = {name: getattr(toy, name)
             for name in ("title", "controls", "defaults", "code", "failure", "progress", "cursor")}
    state["run"] = base64.b64encode(toy.run).decode()
    page = new_page(chromium, height=1400)
    errors = errors_of(page)
    page.route(f"{ADDRESS}**", lambda route: (
        route.fulfill(path=MODULES / route.request.url.removeprefix(ADDRESS)) if route.request.url != ADDRESS
        else route.fulfill(body=PAGE.replace("STATE", json.dumps(state)), content_type="text/html; charset=utf-8")))
    page.clock.install()
    page.goto(ADDRESS)
    page.clock.pause_at(2e9)
    settle(page)
    yield page
    page.context.close()
    assert errors == []


def settle(page):
    """Both views measured and painted, their lines of text written."""
    page.wait_for_function("() => document.querySelectorAll('[data-painted]').length === 2 || void 0", polling=20)
    page.clock.run_for(2000)


def part(page, view, role, name):
    """What a reader finds in a view by its role and its name."""
    return page.locator(f"#{view}").get_by_role(role, name=name, exact=True)


def time(page, view):
    """A view's time slider."""
    return part(page, view, "slider", "time t")


def frame(page, view):
    """Where the time slider of a view stands."""
    return float(time(page, view).input_value())


def text(page, view):
    """A view's line of text."""
    return page.locator(f"#{view} [role=status]").inner_text()


def picture(page, view):
    """All that is drawn in a view."""
    return page.locator(f"#{view} canvas").evaluate_all("(all) => all.map((canvas) => canvas.toDataURL())")


def answer(page):
    """The run of the last request."""
    request = page.evaluate("() => sent.at(-1)")
    settings = request.pop("settings")
    run = encode(compute(**settings), settings, **request)
    page.evaluate("(run) => answer(run)", base64.b64encode(run).decode())
    settle(page)


def fail(page, message):
    """A failure in place of the run of the last request."""
    page.evaluate("""(message) => {
        const { client, sequence } = sent.at(-1);
        model.set("failure", { client, sequence, message });
    }""", message)
    page.clock.run_for(1000)


def test_a_failure_is_told_in_both_views_and_the_last_picture_stays(page):
    before = picture(page, "one")
    assert text(page, "one") == text(page, "two") == "now 0, scale 0.01"
    part(page, "one", "slider", "Scale δ").press("End")
    fail(page, "ValueError: scale is 1; it is too large")
    told = "ValueError: scale is 1; it is too large (the picture still shows the last good run)"
    assert text(page, "one") == text(page, "two") == told
    assert page.locator("#one [role=status]").is_visible()
    assert picture(page, "one") == before
    time(page, "one").press("End")
    page.clock.run_for(5000)
    assert text(page, "one") == told, "it stays until there is a run"
    part(page, "one", "slider", "Scale δ").press("Home")
    answer(page)
    assert text(page, "one") == text(page, "two") == "now 160, scale 1e-4"
    assert part(page, "two", "slider", "Scale δ").input_value() == "0", "the other view shows the run's settings"


def test_a_silent_kernel_is_told_after_four_seconds_and_a_late_answer_is_shown(page):
    part(page, "one", "combobox", "Kind").select_option("bent")
    page.clock.run_for(200)
    assert text(page, "one") == "computing…" and page.locator("#one .explorer").get_attribute("aria-busy") == "true"
    page.evaluate("() => model.set('progress', 0.37)")
    assert "computing… 37 %" in page.locator("#one").inner_text()
    page.clock.run_for(3700)
    assert text(page, "one") == "computing…"
    page.clock.run_for(200)
    assert text(page, "one") == "no answer from the kernel for 4 s; is a cell running, or did the kernel stop?"
    answer(page)
    assert text(page, "one") == "now 0, scale 0.01"
    assert page.locator("#one .explorer").get_attribute("aria-busy") == "false"


def test_a_view_follows_the_cursor_of_the_other(page):
    before = picture(page, "two")
    time(page, "one").press("End")
    page.clock.run_for(1000)
    assert frame(page, "two") == 40 and text(page, "two") == "now 160, scale 0.01" and picture(page, "two") != before
    page.evaluate("() => model.set('cursor', 0.5)")
    page.clock.run_for(1000)
    assert frame(page, "one") == frame(page, "two") == 20


@pytest.mark.parametrize("speed, pace", [("½", 0.5), ("1", 1), ("2", 2)])
def test_play_moves_at_the_pace_that_is_set_and_what_is_read_aloud_waits_for_the_pause(page, speed, pace):
    part(page, "one", "combobox", "Speed ×").select_option(speed)
    page.clock.run_for(100)
    part(page, "one", "button", "Play").click()
    status = page.locator("#one [role=status]")
    assert status.get_attribute("aria-live") == "off", "while it runs it is not read aloud"
    page.clock.run_for(2000)
    assert frame(page, "one") == pytest.approx(40 * pace * 2 / SECONDS, abs=0.5)
    part(page, "one", "button", "Pause").click()
    stood = frame(page, "one")
    page.clock.run_for(1000)
    assert frame(page, "one") == stood and status.get_attribute("aria-live") == "polite"
    now = re.fullmatch(r"now ([\d.]+), scale 0.01", text(page, "one"))[1]
    assert float(now) == pytest.approx(TIME[round(stood)], abs=0.06)
    assert page.locator("#one output").first.inner_text() == now
    assert frame(page, "two") == pytest.approx(stood), "the other view follows where it stops"
    outputs = page.locator("output").evaluate_all("(all) => all.map((one) => one.getAttribute('aria-live'))")
    assert outputs and set(outputs) == {"off"}, "sixty announcements a second otherwise"


def test_the_time_told_is_that_of_the_nearest_frame(page):
    for position, nearest in ((19.7, 20), (20.3, 20), (39.6, 40)):
        time(page, "one").evaluate("""(input, at) => {
            input.value = at;
            input.dispatchEvent(new Event("input"));
        }""", position)
        page.clock.run_for(1000)
        assert text(page, "one") == f"now {TIME[nearest]:g}, scale 0.01"
        assert page.locator("#one output").first.inner_text() == f"{TIME[nearest]:g}"
        assert time(page, "one").get_attribute("aria-valuetext") == f"time t {TIME[nearest]:g}"


def test_play_goes_to_the_end_stops_there_and_begins_anew(page):
    part(page, "one", "button", "Play").click()
    page.clock.run_for(1000 * SECONDS + 500)
    assert frame(page, "one") == 40 and part(page, "one", "button", "Play").is_visible()
    assert page.locator("#one [role=status]").get_attribute("aria-live") == "polite"
    part(page, "one", "button", "Play").click()
    page.clock.run_for(1000)
    assert 0 < frame(page, "one") < 10
    time(page, "one").press("ArrowRight")
    assert part(page, "one", "button", "Play").is_visible(), "a hand on the slider stops it"


def test_every_key_of_the_sliders_does_what_it_does_everywhere_and_space_plays(page):
    slider = time(page, "one")
    for key, expected in (("ArrowRight", 1), ("ArrowUp", 2), ("PageUp", 6), ("ArrowLeft", 5), ("ArrowDown", 4),
                          ("PageDown", 0), ("End", 40), ("Home", 0)):
        slider.press(key)
        page.clock.run_for(50)
        assert frame(page, "one") == expected, key
    slider.press(" ")
    page.clock.run_for(1000)
    assert frame(page, "one") == pytest.approx(5, abs=0.5)
    slider.press(" ")
    stood = frame(page, "one")
    page.clock.run_for(1000)
    assert frame(page, "one") == stood


def test_no_key_on_a_control_goes_further(page):
    """JupyterLab would take it: b inserts a cell."""
    stops = page.locator("#one :is(input, select, button, [tabindex='0'], summary):visible")
    assert stops.count() >= 9
    for stop in stops.all():
        for key in ("b", "ArrowUp"):
            stop.press(key)
    assert page.evaluate("() => heard") == []


def test_tab_leads_to_every_control_and_shows_where_it_is(page):
    seen = []
    for _ in range(page.locator("#one :is(input, select, button, [tabindex='0']):visible").count()):
        page.keyboard.press("Tab")
        seen.append(page.evaluate("""() => {
            const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement);
            const label = document.activeElement.labels?.[0] ?? document.activeElement;
            return [label.ariaLabel ?? label.innerText, outlineStyle, parseFloat(outlineWidth) >= 2];
        }"""))
    assert {"time t", "Speed ×", "Play", "Scale δ", "Kind", "Keep", "Reset", "Copy as code"} <= {name for name, *_ in seen}
    assert all(style == "solid" and wide for _, style, wide in seen)


def test_every_key_that_a_picture_promises_works(page):
    def seen():
        page.clock.run_for(100)
        return picture(page, "one"), page.locator("#one").inner_text()

    pictures = page.locator("#one [role=application]")
    assert pictures.count() == 2
    for canvas in pictures.all():
        words = canvas.get_attribute("aria-label")
        assert "Arrow keys" in words
        (back,) = (key for key in ("Home", "Escape") if key in words)
        canvas.focus()
        canvas.press(back)
        first = seen()
        for key in ("ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"):
            canvas.press(key)
            assert seen() != first, f"{key}: {words}"
            canvas.press(back)
            assert seen() == first, f"{back} after {key}: {words}"


def test_each_control_asks_for_the_run_of_its_setting(page):
    part(page, "one", "slider", "Scale δ").press("End")
    assert page.evaluate("() => sent.at(-1).settings") == {"scale": 1, "kind": "plain"}
    answer(page)
    part(page, "two", "combobox", "Kind").select_option("bent")
    assert page.evaluate("() => sent.at(-1).settings") == {"scale": 1, "kind": "bent"}
    answer(page)
    part(page, "one", "button", "Reset").click()
    assert page.evaluate("() => sent.at(-1).settings") == {"scale": 0.01, "kind": "plain"}
