"""How notebooks are compared with their stored outputs: all printed text, none of the pictures.

It stands at the root, so that pytest finds it from everywhere: for all tests, for the notebooks alone, for one of them,
and from within their folder.
"""

import math
import os
import re
from pathlib import Path

import pytest
from nbval.plugin import IPyNbCell

VISUAL = ("application/vnd.jupyter.widget-view+json", "application/vnd.plotly.v1+json", "text/html", "image/png", "image/svg+xml")
FLOAT = re.compile(r"[-+]?\d+\.\d+(?:e[-+]?\d+)?|[-+]?\d+e[-+]?\d+")


def comparable(outputs):
    """The outputs that can be compared: neither pictures (with their text form) nor stderr (progress bars, warnings)."""
    return [output for output in outputs if not set(VISUAL) & set(output.get("data", {})) and output.get("name") != "stderr"]


class Printed(str):
    """Text that equals another when all but its decimal numbers is the same and these agree to a relative 1e-6."""

    def __eq__(self, other):
        mine, theirs = FLOAT.findall(self), FLOAT.findall(other)
        return (FLOAT.sub("#", self) == FLOAT.sub("#", other)
                and all(math.isclose(float(a), float(b), rel_tol=1e-6, abs_tol=1e-300) for a, b in zip(mine, theirs, strict=True)))

    def __ne__(self, other):
        return not self == other

    __hash__ = str.__hash__


_compare, _sanitize = IPyNbCell.compare_outputs, IPyNbCell.sanitize
IPyNbCell.compare_outputs = lambda self, test, ref, skip_compare=None: _compare(self, comparable(test), comparable(ref), skip_compare)
IPyNbCell.sanitize = lambda self, text: Printed(_sanitize(self, text))


def pytest_xdist_auto_num_workers(config):
    """A worker for each core; none for one file or for what -k picks: their start would take longer than they save."""
    single = len(config.args) == 1 and Path(config.args[0].split("::")[0]).is_file()
    return 0 if single or config.option.keyword else None


LONGEST_FIRST = [".ipynb", "test_browser", "test_claims_", "test_explorer", ""]


def pytest_collection_modifyitems(items):
    """Long files first: one that came last would leave the other workers idle."""
    items.sort(key=lambda item: next(k for k, part in enumerate(LONGEST_FIRST) if part in item.path.name))


@pytest.fixture(scope="session")
def chromium():
    """A headless browser for all tests; without one on the machine they are skipped, but never in CI."""
    from browser import installed_browser, open_browser
    if not installed_browser():
        reason = "no chromium on this machine: browser tests are not run"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    with open_browser() as browser:
        yield browser
