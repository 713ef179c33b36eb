"""Small bugs planted one at a time, each in a fresh copy of the project: the tests that guard the place must turn red.

    python tests/mutants.py                         all of tests/mutants/*.toml, two at a time
    python tests/mutants.py --only curvature        those whose list, file, kind or test has this word
    python tests/mutants.py --today 3               three, chosen by the day; every one has its turn

A list has entries like this one; `old` stands in the file exactly once (in a notebook: in the cells' sources):

    [[mutant]]
    file = "helpers/ncf.py"
    kind = "sign"
    old = '''a + b'''
    new = '''a - b'''
    tests = ["tests/test_ncf.py::test_gradient", "tests/js/stage.test.mjs"]

The same tests run once without any bug, and must be green. A survivor is a missing test, not a line to be taken out.
"""

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import nbformat

ROOT = Path(__file__).parent.parent
LISTS = ROOT / "tests" / "mutants"
SECONDS = 600  # after which a run is ended: tests that hang are not red
PYTEST = """
import sys, pathlib, helpers, pytest
assert pathlib.Path(helpers.__file__).is_relative_to(pathlib.Path.cwd()), f"{helpers.__file__} is not of this copy"
sys.exit(pytest.main(sys.argv[1:]))
"""


def mutants():
    """Every entry of every list, with the name of its list."""
    return [
        {"list": path.stem, **entry}
        for path in sorted(LISTS.glob("*.toml"))
        for entry in tomllib.loads(path.read_text(encoding="utf-8"))["mutant"]
    ]


def fits(mutant):
    """How often the text to be changed stands in its file."""
    path = ROOT / mutant["file"]
    texts = (
        [cell.source for cell in nbformat.read(path, 4).cells] if path.suffix == ".ipynb" else [_text(path)]
    )
    return sum(text.count(mutant["old"]) for text in texts)


def plant(mutant, root):
    """The bug, written into the copy at `root`."""
    path, change = root / mutant["file"], (mutant["old"], mutant["new"])
    if path.suffix != ".ipynb":
        path.write_text(_text(path).replace(*change), encoding="utf-8")
        return
    notebook = nbformat.read(path, 4)
    for cell in notebook.cells:
        cell.source = cell.source.replace(*change)
    nbformat.write(notebook, path)


def copy(root):
    """All files of the project that git knows or would add, copied to `root`."""
    git = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(git, cwd=ROOT, capture_output=True, check=True, encoding="utf-8").stdout.split(
        "\0"
    )
    for name in filter(lambda name: name and (ROOT / name).exists(), listed):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, root / name)


def run(tests, mutant=None):
    """(exit codes, seconds, what was printed) of the tests in a fresh copy, with the bug or without any."""
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve()
        copy(root)
        if mutant:
            plant(mutant, root)
        answers = [_answer(command, root, SECONDS if mutant else None) for command in commands(tests)]
    printed = "".join(printed for _, printed in answers)
    if "is not of this copy" in printed:
        raise RuntimeError(printed)
    return {code for code, _ in answers}, time.perf_counter() - began, printed


def commands(tests):
    """The commands that run these tests: one for those of node, one for those of pytest."""
    scripts = [test for test in tests if test.endswith(".mjs")]
    targets = [test for test in tests if not test.endswith(".mjs")]
    pytest = [sys.executable, "-c", PYTEST, "-x", "-q", "-n0", "-p", "no:cacheprovider"]
    return [command + them for command, them in ((["node", "--test"], scripts), (pytest, targets)) if them]


def turn(chosen, count, day):
    """The `count` entries of one day, so that all have their turn before one comes again."""
    shuffled = random.Random(0).sample(chosen, len(chosen))
    return [shuffled[(day * count + place) % len(chosen)] for place in range(min(count, len(chosen)))]


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--only", default="", metavar="WORD", help="those whose list, file, kind or test has it"
    )
    parser.add_argument("--today", type=int, metavar="COUNT", help="so many entries, chosen by the day")
    asked = parser.parse_args()
    chosen = [mutant for mutant in mutants() if asked.only in _words(mutant)]
    if asked.today:
        chosen = turn(chosen, asked.today, date.today().toordinal())
    misfits = [mutant for mutant in chosen if fits(mutant) != 1]
    for mutant in misfits:
        print(f"DOES NOT FIT  {mutant['file']}: {fits(mutant)} times {mutant['old']!r}")
    planted = [mutant for mutant in chosen if mutant not in misfits]
    survivors = 0
    with ThreadPoolExecutor(2) as workers:
        healthy = workers.submit(run, sorted({test for mutant in planted for test in mutant["tests"]}))
        runs = [workers.submit(run, mutant["tests"], mutant) for mutant in planted]
        for mutant, answer in zip(planted, runs, strict=True):
            codes, seconds, _ = answer.result()
            survived = not codes & {1, 2}  # pytest: a test has failed, or could not be read
            survivors += survived
            print(
                f"{'SURVIVED' if survived else 'killed':<10}{mutant['file']:<36}{mutant['kind']:<26}",
                f"{seconds:>6.1f} s  {mutant['old'].strip().splitlines()[0][:60]}",
                flush=True,
            )
        codes, seconds, printed = healthy.result()
    state = "green" if codes == {0} else "RED"
    print(f"{len(planted)} bugs, {survivors} survived; without a bug the tests are {state} ({seconds:.0f} s)")
    if state == "RED":
        print(printed)
    return 1 if survivors or misfits or state == "RED" else 0


def _words(mutant):
    return " ".join([f"{mutant['list']}.toml", mutant["file"], mutant["kind"], *mutant["tests"]])


def _answer(command, root, seconds):
    """(exit code, what was printed) of a command in the copy; code None where it took too long."""
    environment = {**os.environ, "PYTHONPATH": str(root), "PYTHONIOENCODING": "utf-8"}
    try:
        answer = subprocess.run(
            command,
            check=False,
            cwd=root,
            env=environment,
            timeout=seconds,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
        )
    except subprocess.TimeoutExpired:
        return None, f"{command} took more than {seconds} s"
    return answer.returncode, answer.stdout


def _text(path):
    return path.read_text(encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
