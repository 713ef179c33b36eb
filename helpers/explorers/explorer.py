"""The explorer: controls, a pure compute(**settings) -> Scene, and the moving picture in the browser (stage.js)."""

from functools import lru_cache
from itertools import count
from pathlib import Path

import anywidget
import traitlets

from .scene import encode

REMEMBERED_RUNS = 32


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
    # Where the reader stands in the run, from 0 (start) to 1 (end).
    cursor = traitlets.Float(1.0).tag(sync=True)

    def __init__(self, name, compute, controls, title, defaults_override=None):
        self.name = name
        self._controls = {control.name: control for control in controls}
        self._sequence = count()
        self._compute = lru_cache(REMEMBERED_RUNS)(lambda items: compute(**dict(items)))
        self._settings = {control.name: control.check(control.default) for control in controls}
        self._settings = self._checked(defaults_override or {})
        super().__init__(title=title, controls=[control.describe() for control in controls], defaults=self._settings)
        self._show(self._settings, next(self._sequence), "python")

    @property
    def settings(self):
        """The settings of the run that is shown, as a new dict."""
        return dict(self._settings)

    def set(self, **settings):
        """Shows another run; ValueError or TypeError on a bad setting, and whatever compute raises."""
        self._show(self._checked(settings), next(self._sequence), "python")

    def _checked(self, changes):
        """The present settings with the changes, each checked by its control."""
        unknown = sorted(set(changes) - set(self._controls))
        if unknown:
            raise ValueError(f"{self.name} has no setting {unknown[0]!r}; it has {', '.join(self._controls)}")
        return self._settings | {name: self._controls[name].check(value) for name, value in changes.items()}

    def _show(self, settings, sequence, client):
        """Computes the run and sends it; on an exception everything stays as it was."""
        run = encode(self._compute(tuple(settings.items())), settings, sequence, client)
        self._settings = settings
        arguments = ", ".join(f"{name}={value!r}" for name, value in settings.items())
        with self.hold_sync():
            self.code = f"helpers.explorers.{self.name}({arguments})"
            self.failure = {}
            self.run = run

    @traitlets.observe("request")
    def _answer(self, change):
        """A run or a failure for each request from the browser."""
        request = change.new
        try:
            self._show(self._checked(request["settings"]), request["sequence"], request["client"])
        except (Exception, KeyboardInterrupt) as problem:  # noqa: BLE001 -- the browser must not wait for ever
            self.failure = {"client": request["client"], "sequence": request["sequence"],
                            "message": f"{type(problem).__name__}: {problem}"}
