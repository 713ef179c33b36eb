"""How fast an explorer answers in JupyterLab in a headless browser.

    python tests/bench_explorer.py notebooks/01_small_init.ipynb
    python tests/bench_explorer.py "import helpers; helpers.explorers.scale_explorer(width=500)"

Times run from the browser's key event to the end of the frame in which the new picture is painted.
"""

import json
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

import nbformat
from browser import open_notebook, open_page, run_all, start_lab

# Stop watch within the page: arm(mark) gives the time from the next key to the frame painted after `mark` changed.
WATCH = """(root) => {
    const channel = new MessageChannel();   // its message comes after the frame has been painted
    let began = 0, finish = null, waitsForRun = false;
    root.addEventListener('keydown', (event) => { began = event.timeStamp; }, true);
    new MutationObserver((records) => {
        if (records.some((record) => record.attributeName === 'data-settings')) waitsForRun = false;
        if (!waitsForRun && records.some((record) => record.attributeName === 'data-painted')) channel.port1.postMessage(0);
    }).observe(root, { attributes: true, attributeFilter: ['data-settings', 'data-painted'] });
    channel.port2.onmessage = () => { finish?.(performance.now() - began); finish = null; };
    window.watch = {
        arm(newRun) {
            waitsForRun = newRun;
            this.time = new Promise((resolve, reject) => {
                finish = resolve;
                setTimeout(() => reject(new Error('no new picture within 20 s')), 20000);
            });
        },
    };
}"""


def put_notebook(source, folder):
    """The name of a notebook put into the folder: a copy of the file `source`, or one cell of the code `source`."""
    if source.endswith(".ipynb"):
        return Path(shutil.copy(source, folder)).name
    # Without the kernel's name JupyterLab would ask for it.
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)], metadata=kernel)
    nbformat.write(notebook, Path(folder) / "bench.ipynb")
    return "bench.ipynb"


def press(page, key, new_run):
    """Milliseconds from the key to the picture."""
    page.evaluate("(newRun) => watch.arm(newRun)", new_run)
    page.keyboard.press(key)
    return page.evaluate("() => watch.time")


def summary(times):
    """Median and 95th percentile."""
    ordered = sorted(times)
    return {"median_ms": round(statistics.median(ordered), 1), "p95_ms": round(ordered[int(0.95 * len(ordered))], 1)}


def set_change(page, slider, moves):
    """Times of moves between two settings that are both computed already."""
    slider.focus()
    press(page, "ArrowLeft", True)
    press(page, "ArrowRight", True)
    return summary([press(page, ("ArrowLeft", "ArrowRight")[move % 2], True) for move in range(moves)])


def new_runs(page, slider):
    """Times of moves through all values of a slider, nearly all of which have to be computed."""
    slider.focus()
    press(page, "Home", True)
    return summary([press(page, "ArrowRight", True) for _ in range(int(slider.get_attribute("max")))])


def scrub(page, root, moves):
    """Times of single steps in time, from the middle on, where half of what unfolds is there."""
    time = root.locator("[data-control=time]")
    time.focus()
    if float(time.input_value()):
        press(page, "Home", False)
    for _ in range(5):
        press(page, "PageUp", False)
    return summary([press(page, ("ArrowRight", "ArrowLeft")[move % 2], False) for move in range(moves)])


def frames_per_second(page, root, seconds):
    """Frames painted in each second of play."""
    root.locator("[data-control=time]").press("Home")
    root.locator("[data-action=play]").click()
    painted, at = root.evaluate("(root) => [Number(root.dataset.painted), performance.now()]")
    page.wait_for_timeout(1000 * seconds)
    painted_later, later = root.evaluate("(root) => [Number(root.dataset.painted), performance.now()]")
    root.locator("[data-action=play]").click()
    return round(1000 * (painted_later - painted) / (later - at), 1)


def held_key(page, root, slider, presses=200):
    """Seconds from the last of many quick presses until its picture is there and nothing more is asked for."""
    slider.focus()
    slider.press("Home")
    page.wait_for_timeout(1000)
    for number in range(presses):
        page.keyboard.press("ArrowRight" if (number // 8) % 2 == 0 else "ArrowLeft")
    name = slider.get_attribute("data-control")
    return root.evaluate("""async (root, [name, presses]) => {
        const began = performance.now();
        while (root.getAttribute('aria-busy') === 'true') await new Promise(requestAnimationFrame);
        const seconds = (performance.now() - began) / 1000;
        const index = [...Array(presses).keys()].reduce((at, number) => at + ((number >> 3) % 2 ? -1 : 1), 0);
        if (Number(root.querySelector(`[data-control=${name}]`).value) !== index) throw new Error('not on the last value');
        return Math.round(seconds * 1000) / 1000;
    }""", [name, presses])


def memory(page):
    """Bytes of the page's JavaScript after a garbage collection, buffers included."""
    tools = page.context.new_cdp_session(page)
    tools.send("HeapProfiler.enable")
    for _ in range(3):
        tools.send("HeapProfiler.collectGarbage")
    usage = tools.send("Runtime.getHeapUsage")
    tools.detach()
    return usage["usedSize"] + usage.get("backingStorageSize", 0)


def memory_growth(page, slider, changes):
    """Per cent by which the memory has grown after many new runs."""
    slider.focus()
    for move in range(20):
        press(page, ("ArrowLeft", "ArrowRight")[move % 2], True)
    before = memory(page)
    for move in range(changes):
        press(page, ("ArrowLeft", "ArrowRight")[move % 2], True)
    return round(100 * (memory(page) / before - 1), 2)


def measure(source, control=None, moves=50, changes=500, play_seconds=3):
    """Figures of the first explorer in a notebook (a file, or the code of one cell), as a dict.

    `control` names the slider that asks for new runs; the first one if None.
    """
    with tempfile.TemporaryDirectory() as folder, start_lab(folder) as url, open_page() as page:
        open_notebook(page, url, put_notebook(source, folder))
        run_all(page)
        page.evaluate("() => window.jupyterapp.shell.currentWidget.content.widgets[0].node.scrollIntoView()")
        root = page.locator(".explorer").first
        root.locator("[data-control=time]").wait_for()
        root.scroll_into_view_if_needed()
        page.wait_for_timeout(1000)
        root.evaluate(WATCH)
        which = f"[data-control={control}]" if control else ""
        slider = root.locator(f".explorer-set input[type=range]{which}").first
        figures = {"set_change": set_change(page, slider, moves), "scrub": scrub(page, root, moves),
                   "play_fps": frames_per_second(page, root, play_seconds),
                   "settled_after_200_keys_s": held_key(page, root, slider)}
        figures["new_run"] = new_runs(page, slider)
        if changes:
            figures[f"memory_growth_percent_after_{changes}_runs"] = memory_growth(page, slider, changes)
        return figures


if __name__ == "__main__":
    print(json.dumps(measure(*sys.argv[1:]), indent=2))
