"""The explorer: controls, a pure compute(**settings) -> Scene, and the moving picture in the browser (stage.js)."""

from functools import lru_cache
from itertools import count, product
from pathlib import Path

import anywidget
import traitlets

from helpers import flow
from helpers.explorers.controls import check_list
from helpers.explorers.page import check_path, html_page
from helpers.explorers.scene import encode

REMEMBERED_RUNS = 32
PAGE_STRIDE = 3  # a page holds every third frame of a run


class Explorer(anywidget.AnyWidget):
    """A widget that shows compute(**settings) and asks for a new run whenever a control is moved.

    `name` is the function that rebuilds it: Explorer.code reads helpers.explorers.<name>(...).
    `defaults_override` replaces the controls' own defaults, also for Reset.
    """

    _esm = Path(__file__).parent / "stage.js"
    _css = Path(__file__).parent / "stage.css"

    title = traitlets.Unicode().tag(sync=True)
    controls = traitlets.List().tag(sync=True)
    defaults = traitlets.Dict().tag(sync=True)
    code = traitlets.Unicode().tag(sync=True)
    # {client, sequence, settings} from the browser; the answer is a run, or a failure with the same client and sequence.
    request = traitlets.Dict().tag(sync=True, echo_update=False)
    run = traitlets.Bytes().tag(sync=True)
    failure = traitlets.Dict().tag(sync=True)
    # How much of a long run is computed, from 0 to 1.
    progress = traitlets.Float(0.0).tag(sync=True)
    # Where the reader stands in the run, from 0 (start) to 1 (end).
    cursor = traitlets.Float(1.0, min=0, max=1).tag(sync=True)

    def __init__(self, name, compute, controls, title, defaults_override=None):
        self.name = name
        self._controls = {control.name: control for control in controls}
        self._sequence = count()
        self._compute = lru_cache(REMEMBERED_RUNS)(lambda items: compute(**dict(items)))
        self._settings = {control.name: control.check(control.default) for control in controls}
        self._settings = self._checked(defaults_override or {})
        super().__init__(title=title, controls=[control.describe() for control in controls], defaults=self._settings)
        self._show(self._settings, next(self._sequence), "python")

    def __repr__(self):
        """What stands in the notebook's place for the picture until its cell is run."""
        return f"Explorer «{self.title}»: run this cell to see it move."

    @property
    def settings(self):
        """The settings of the run that is shown, as a new dict."""
        return dict(self._settings)

    def set(self, **settings):
        """Shows another run; ValueError or TypeError on a bad setting, and whatever compute raises."""
        self._show(self._checked(settings), next(self._sequence), "python")

    def save_html(self, path, **grid):
        """Writes the explorer as one HTML file that needs neither a kernel nor a network.

        `grid` gives for each control that the page is to have the values it takes there, for example
        save_html("scale.html", scale=[1e-4, 1e-2, 1], activation=["relu", "tanh"]); every combination is computed now.
        The other controls stay where they are. The page opens at the present settings where the grid has them, else at
        the grid's first value, and holds every third frame of each run. ValueError or TypeError on a bad value or path.
        """
        self._check_names(grid)
        grid = {name: check_list(control, grid[name]) for name, control in self._controls.items() if name in grid}
        check_path(path)
        runs = []
        for values in product(*grid.values()):
            settings = self._settings | dict(zip(grid, values, strict=True))
            scene = self._compute(tuple(settings.items())).thinned(PAGE_STRIDE)
            runs.append((self._call(settings), encode(scene, settings)))
        controls = [self._controls[name].describe() | {"values": values} for name, values in grid.items()]
        present = {name: self._settings[name] if self._settings[name] in values else values[0] for name, values in grid.items()}
        Path(path).write_text(html_page(self.title, controls, present, runs, self.cursor), encoding="utf-8")

    def _checked(self, changes):
        """The present settings with the changes, each checked by its control."""
        self._check_names(changes)
        return self._settings | {name: self._controls[name].check(value) for name, value in changes.items()}

    def _check_names(self, settings):
        """ValueError if there is no control of one of the names."""
        unknown = sorted(set(settings) - set(self._controls))
        if unknown:
            raise ValueError(f"{self.name} has no setting {unknown[0]!r}; it has {', '.join(self._controls)}")

    def _show(self, settings, sequence, client):
        """Computes the run and sends it; on an exception everything stays as it was."""
        watching = flow.watcher.set(lambda share: self.set_trait("progress", round(share, 2)))
        try:
            run = encode(self._compute(tuple(settings.items())), settings, client=client, sequence=sequence)
        finally:
            flow.watcher.reset(watching)
            self.progress = 0.0
        self._settings = settings
        with self.hold_sync():
            self.code = self._call(settings)
            self.failure = {}
            self.run = run

    def _call(self, settings):
        """The call that rebuilds the explorer at these settings."""
        return f"helpers.explorers.{self.name}({', '.join(f'{name}={value!r}' for name, value in settings.items())})"

    @traitlets.observe("request")
    def _answer(self, change):
        """A run or a failure for each request from the browser."""
        request = change.new
        try:
            self._show(self._checked(request["settings"]), request["sequence"], request["client"])
        except (Exception, KeyboardInterrupt) as problem:  # noqa: BLE001 -- the browser must not wait for ever
            self.failure = {"client": request["client"], "sequence": request["sequence"],
                            "message": f"{type(problem).__name__}: {problem}"}
