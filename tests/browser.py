"""JupyterLab in a headless browser: what the browser tests and the bench share.

    with start_lab(folder) as url, open_page() as page:
        open_notebook(page, url, "lesson.ipynb")
        run_all(page)
"""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import sync_playwright

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]
PATIENCE = 300  # seconds until a state counts as never reached, on the busiest machine
ANNOUNCEMENTS = "@jupyterlab/apputils-extension:announcements"


def free_port():
    """The number of a TCP port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def isolated_environment(home):
    """The environment of a Jupyter that knows nothing of the user's own settings."""
    places = {name: str(home / name.lower())
              for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")}
    # The pop-up with JupyterLab's news wants the network and covers the page.
    config = Path(places["JUPYTER_CONFIG_DIR"]) / "labconfig" / "page_config.json"
    config.parent.mkdir(parents=True)
    config.write_text(json.dumps({"disabledExtensions": {ANNOUNCEMENTS: True}}))
    repository = str(Path(__file__).resolve().parent.parent)
    return os.environ | places | {"PYTHONPATH": os.pathsep.join(filter(None, [repository, os.environ.get("PYTHONPATH")]))}


def wait_until(true, what):
    """Returns once true() holds; TimeoutError that says what did not come about otherwise."""
    end = time.monotonic() + PATIENCE
    while not true():
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {PATIENCE} s")
        time.sleep(0.1)


def listens(port):
    """Whether a server listens on the port; asking for a page would make Voila run its notebook."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextlib.contextmanager
def serve(command, port, path):
    """The URL of a server's page; the process lives from its first sign of life to the end of the block."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        log = Path(home) / "log"
        with log.open("w") as output:
            server = subprocess.Popen(command, env=isolated_environment(Path(home)), stdout=output, stderr=output)
        try:
            wait_until(lambda: listens(port) or server.poll() is not None, f"{command[2]} on port {port}")
            if server.poll() is not None:
                raise RuntimeError(f"{command[2]} did not start:\n{log.read_text()}")
            yield f"http://127.0.0.1:{port}/{path}"
        finally:
            server.terminate()
            try:
                server.wait(15)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def start_lab(folder):
    """JupyterLab on a folder, as a context manager that yields its URL."""
    port = free_port()
    return serve([sys.executable, "-m", "jupyterlab", "--no-browser", f"--port={port}", "--ServerApp.port_retries=0",
                  "--IdentityProvider.token=", "--ServerApp.allow_root=True", "--LabApp.expose_app_in_browser=True",
                  f"--ServerApp.root_dir={folder}"], port, "lab")


def start_voila(notebook, *options):
    """One notebook under Voila, as a context manager that yields its URL."""
    port = free_port()
    return serve([sys.executable, "-m", "voila", str(notebook), "--no-browser", f"--port={port}", *options],
                 port, "")


def installed_browser():
    """The path of an installed Chromium or Chrome, or None."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@contextlib.contextmanager
def open_browser():
    """A fresh headless Chromium."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=installed_browser(), args=FLAGS)
        yield browser
        browser.close()


def new_page(browser, width=1280, height=720, **context):
    """An empty page of a browser, with a profile of its own."""
    page = browser.new_context(viewport={"width": width, "height": height}, **context).new_page()
    page.set_default_timeout(1000 * PATIENCE)
    return page


@contextlib.contextmanager
def open_page(width=1280, height=720, **context):
    """An empty page of a fresh Chromium."""
    with open_browser() as browser:
        yield new_page(browser, width, height, **context)


def open_notebook(page, url, name):
    """The notebook open in JupyterLab, its kernel ready."""
    page.goto(f"{url}/tree/{name}")
    page.wait_for_function("""() => {
        const panel = window.jupyterapp?.shell.currentWidget;
        return panel?.sessionContext?.session?.kernel?.connectionStatus === 'connected'
            && panel.sessionContext.session.kernel.status === 'idle';
    }""")


def run_all(page):
    """Every cell run; RuntimeError if one fails. Widgets far below are rendered once they are scrolled into view."""
    page.evaluate("() => window.jupyterapp.commands.execute('notebook:run-all-cells')")
    page.wait_for_function("""() => {
        const panel = window.jupyterapp.shell.currentWidget;
        const code = panel.content.widgets.filter((cell) => cell.model.type === 'code');
        return panel.sessionContext.session.kernel.status === 'idle'
            && code.every((cell) => cell.model.executionCount || !cell.model.sharedModel.getSource().trim())
            || code.some((cell) => cell.model.outputs.toJSON().some((output) => output.output_type === 'error'));
    }""")
    failures = page.evaluate("""() => window.jupyterapp.shell.currentWidget.content.widgets
        .flatMap((cell) => cell.model.type === 'code' ? cell.model.outputs.toJSON() : [])
        .filter((output) => output.output_type === 'error').map((output) => `${output.ename}: ${output.evalue}`)""")
    if failures:
        raise RuntimeError("; ".join(failures))


def save_notebook(page):
    """The notebook saved, so that a reload finds its outputs."""
    page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")


def theme(page, name):
    """The theme switched, for example to "JupyterLab Dark"."""
    page.evaluate("(theme) => window.jupyterapp.commands.execute('apputils:change-theme', {theme})", name)
    page.wait_for_function("(theme) => document.body.dataset.jpThemeName === theme", arg=name)


def errors_of(page, origin=""):
    """A list that fills with the page's uncaught exceptions, those with `origin` in their stack: "blob:" for widgets' modules, not JupyterLab's own code."""
    errors = []
    page.on("pageerror", lambda error: errors.append(error.stack or str(error)) if origin in (error.stack or "") else None)
    return errors
