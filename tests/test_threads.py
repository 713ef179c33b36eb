"""One numerical thread wherever a lesson runs, unless COURSE_THREADS says otherwise."""

import json
import os
import subprocess
import sys

import pytest

TELL = """
import json, numpy, scipy.linalg, threadpoolctl
def threads():
    return [library["num_threads"] for library in threadpoolctl.threadpool_info()]
before = threads()
{lesson}
after = threads()
import torch
print(json.dumps([before, after, torch.get_num_threads()]))
"""


def threads(lesson="from helpers import lesson", **course):
    """The threads of the numerical libraries before and after the lesson's first line, and torch's, in a process that was allowed two."""
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS") and name != "COURSE_THREADS"}
    said = subprocess.run([sys.executable, "-c", TELL.format(lesson=lesson)], env=environment | {"OMP_NUM_THREADS": "2"} | course, capture_output=True, check=True,
                          encoding="utf-8")
    before, after, torch = json.loads(said.stdout)
    return set(before), set(after), torch


def test_a_lesson_takes_one_thread_wherever_it_runs():
    assert threads() == ({2}, {1}, 1)


def test_the_switch_sets_another_number_or_leaves_all_as_it_is():
    assert threads(OMP_NUM_THREADS="1", COURSE_THREADS="2") == ({1}, {2}, 2)
    assert threads(COURSE_THREADS="all") == ({2}, {2}, 2)


def test_the_helpers_alone_leave_the_threads_alone():
    assert threads("import helpers") == ({2}, {2}, 2)


@pytest.mark.parametrize("wrong", ["0", "-1", "two", "", "1.5"])
def test_a_switch_that_says_nothing_is_refused(wrong, monkeypatch):
    from helpers.threads import limit
    monkeypatch.setenv("COURSE_THREADS", wrong)
    with pytest.raises(ValueError, match='COURSE_THREADS must be a whole number ≥ 1 or "all"'):
        limit()
