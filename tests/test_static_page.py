"""A saved explorer opened from its file in a real browser: no kernel, no network, every control by keyboard."""

import pytest
from browser import errors_of, new_page

from helpers.explorers import euler_explorer, scale_explorer, staircase_explorer
from helpers.explorers.small_init import compute

SCALES = [1e-4, 1e-2, 1.0]


def run(**changes):
    """A run as the page holds it."""
    return compute(**{"scale": 1e-2, "activation": "relu", "width": 20, "seed": 0} | changes).thinned(3)


def at_the_end(**changes):
    """The line of text of a run's last frame."""
    shown = run(**changes)
    return shown.text_at(len(shown.time) - 1)


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """The file:// address of a page with three scales and two activations."""
    path = tmp_path_factory.mktemp("page") / "scale.html"
    scale_explorer(scale=1e-2, activation="relu", width=20, seed=0).save_html(path, scale=SCALES, activation=["relu", "tanh"])
    return path.as_uri()


@pytest.fixture
def opened(chromium, address):
    """A function that opens the page; whatever it does wrong, or fetches, fails the test."""
    pages = []

    def open_it(stopped_clock=False, **options):
        page = new_page(chromium, **options)
        if stopped_clock:
            page.clock.install(time=0)
        errors = errors_of(page)
        page.on("console", lambda message: errors.append(message.text))
        page.on("request", lambda request: errors.append(f"fetched {request.url}") if request.url != address else None)
        pages.append((page, errors))
        page.goto(address)
        page.wait_for_selector(".explorer[data-painted]")
        if stopped_clock:
            page.clock.pause_at(3600)
        return page

    yield open_it
    for page, errors in pages:
        page.context.close()
        assert errors == []


def control(page, name):
    """One of the explorer's inputs."""
    return page.locator(f"[data-control={name}]")


def says(page, text):
    """Waits until the explorer's line of text is this one."""
    page.wait_for_function("(text) => document.querySelector('.explorer-text').textContent === text", arg=text)


def test_the_page_opens_at_the_explorers_settings(opened):
    page = opened()
    says(page, at_the_end())
    assert page.title() == "One data set, one network, any initialization scale"
    assert page.locator(".explorer-set [data-control]").evaluate_all("(all) => all.map((one) => one.dataset.control)") == ["scale", "activation"]


def test_set_controls_move_over_the_grid(opened):
    page = opened()
    control(page, "scale").press("ArrowRight")
    says(page, at_the_end(scale=1.0))
    control(page, "scale").press("Home")
    says(page, at_the_end(scale=1e-4))
    assert control(page, "scale").get_attribute("aria-valuetext") == "10⁻⁴"
    control(page, "activation").select_option("tanh")
    says(page, at_the_end(scale=1e-4, activation="tanh"))
    page.click("[data-action=reset]")
    says(page, at_the_end())


def test_time_scrubs(opened):
    page = opened()
    control(page, "time").press("Home")
    says(page, run().text_at(0))
    for _ in range(7):
        control(page, "time").press("ArrowRight")
    says(page, run().text_at(7))


def test_play_runs_from_the_start_once_it_is_at_the_end(opened):
    page = opened(stopped_clock=True)

    def after(milliseconds):
        page.clock.run_for(milliseconds)
        return float(control(page, "time").input_value())

    end = after(0)
    assert end == len(run().time) - 1
    page.click("[data-action=play]")
    assert [after(2000), after(2000)] == pytest.approx([end / 4, end / 2], rel=0.05)  # 8 seconds from end to end
    page.click("[data-action=play]")
    assert after(500) == after(500) == pytest.approx(end / 2, rel=0.05)


def test_code_is_that_of_the_run_shown(opened):
    page = opened()
    control(page, "scale").press("End")
    page.evaluate("() => { navigator.clipboard.writeText = async (text) => { window.copied = text; } }")
    page.click("[data-action=copy]")
    assert page.evaluate("() => window.copied") == "helpers.explorers.scale_explorer(scale=1.0, activation='relu', width=20, seed=0)"


@pytest.mark.parametrize("scheme, darkest, lightest", [("light", 600, 765), ("dark", 0, 165)])
def test_the_page_is_light_or_dark_as_the_system_asks(opened, scheme, darkest, lightest):
    page = opened(color_scheme=scheme)
    assert page.get_attribute(".explorer", "data-theme") == scheme
    paper = page.evaluate("() => getComputedStyle(document.querySelector('.explorer')).backgroundColor.match(/[0-9]+/g).map(Number)")
    assert darkest <= sum(paper[:3]) <= lightest


def test_a_page_of_the_staircase_opens_on_its_first_plateau(chromium, tmp_path):
    toy = staircase_explorer(network="deep linear, 2 layers")
    toy.save_html(tmp_path / "staircase.html", scale=[1e-6])
    page = new_page(chromium)
    errors = errors_of(page)
    page.goto((tmp_path / "staircase.html").as_uri())
    shown = toy._compute(tuple(toy.settings.items())).thinned(3)
    says(page, shown.text_at(0))
    control(page, "time").press("End")
    says(page, shown.text_at(len(shown.time) - 1))
    page.context.close()
    assert errors == []


def test_on_a_page_of_two_weights_one_run_is_kept_under_another_and_the_plane_is_read_off(chromium, tmp_path):
    toy = euler_explorer(step=0.422)
    toy.save_html(tmp_path / "euler.html", step=[0.1, 0.422])
    page = new_page(chromium)
    errors = errors_of(page)
    page.goto((tmp_path / "euler.html").as_uri())
    page.click("[data-action=keep]")
    control(page, "step").press("Home")
    control(page, "time").press("End")
    small, whole = (toy._compute(tuple((toy.settings | {"step": step}).items())).thinned(3) for step in (0.1, 0.422))
    says(page, small.text_at(len(small.time) - 1) + ". Kept, pale: step size η 0.422")
    page.locator(".explorer-plane canvas").nth(1).hover()
    page.wait_for_function("() => /^a -?[0-9.]+, b -?[0-9.]+: loss [0-9.]+, λ_min -?[0-9.]+, λ_max [0-9.]+$/.test(document.querySelector('.explorer-reading').textContent)")
    page.click("[data-action=reset]")
    says(page, whole.text_at(len(whole.time) - 1))
    page.context.close()
    assert errors == []


@pytest.mark.parametrize("width", [390, 1280, 1920])
def test_the_page_fits_its_window(opened, width):
    page = opened(width=width, height=844)
    assert page.evaluate("() => document.documentElement.scrollWidth") == width


@pytest.mark.parametrize("width", [390, 1280])
def test_kinks_stand_within_the_plot(opened, width):
    page = opened(width=width, height=844)
    gap = page.evaluate("""() => {
        const canvas = document.querySelectorAll('.explorer-function canvas')[1];
        const alpha = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.filter((_, i) => i % 4 === 3);
        return canvas.height - 46 - Math.ceil((alpha.findLastIndex((value) => value > 0) + 1) / canvas.width);
    }""")
    assert 3 <= gap <= 40, "pixels between the lowest mark and the axis"
