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
SECONDS = 600  # after which a run is ended: a bug that hangs the tests is not found by them
PYTEST = """
import sys, pathlib, helpers, pytest
assert pathlib.Path(helpers.__file__).is_relative_to(pathlib.Path.cwd()), f"{helpers.__file__} is not of this copy"
sys.exit(pytest.main(sys.argv[1:]))
"""


def mutants():
    """Every entry of every list, with the name of its list."""
    return [{"list": path.stem, **entry} for path in sorted(LISTS.glob("*.toml"))
            for entry in tomllib.loads(path.read_text(encoding="utf-8"))["mutant"]]


def fits(mutant):
    """How often the text to be changed stands in its file."""
    path = ROOT / mutant["file"]
    texts = [cell.source for cell in nbformat.read(path, 4).cells] if path.suffix == ".ipynb" else [_text(path)]
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
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT,
                            capture_output=True, check=True).stdout.decode().split("\0")
    for name in filter(lambda name: name and (ROOT / name).exists(), listed):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, root / name)


def run(tests, mutant=None):
    """(green, seconds, what was printed) of the tests in a fresh copy, with the bug or without any."""
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve()
        copy(root)
        if mutant:
            plant(mutant, root)
        answers = [subprocess.run(command, cwd=root, env={**os.environ, "PYTHONPATH": folder}, timeout=SECONDS,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8") for command in commands(tests)]
    printed = "".join(answer.stdout for answer in answers)
    if "is not of this copy" in printed:
        raise RuntimeError(printed)
    return all(answer.returncode == 0 for answer in answers), time.perf_counter() - began, printed


def commands(tests):
    """The commands that run these tests: one for those of node, one for those of pytest."""
    scripts = [test for test in tests if test.endswith(".mjs")]
    targets = [test for test in tests if test not in scripts]
    return ([["node", "--test", *scripts]] if scripts else []) + (
        [[sys.executable, "-c", PYTEST, "-x", "-q", "-n0", "-p", "no:cacheprovider", *targets]] if targets else [])


def turn(chosen, count, day):
    """The `count` entries of one day, so that all have their turn before one comes again."""
    shuffled = random.Random(0).sample(chosen, len(chosen))
    return [shuffled[(day * count + place) % len(chosen)] for place in range(min(count, len(chosen)))]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", metavar="WORD", help="entries whose list, file, kind or test has this word")
    parser.add_argument("--today", type=int, metavar="COUNT", help="so many entries, chosen by the day")
    asked = parser.parse_args()
    chosen = [mutant for mutant in mutants()
              if asked.only in " ".join([f"{mutant['list']}.toml", mutant["file"], mutant["kind"], *mutant["tests"]])]
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
            green, seconds, _ = answer.result()
            survivors += green
            change = mutant["old"].strip().splitlines()[0][:60]
            print(f"{'SURVIVED' if green else 'killed':<10}{mutant['file']:<36}{mutant['kind']:<24}{seconds:>6.1f} s  {change}", flush=True)
        green, seconds, printed = healthy.result()
    print(f"{len(planted)} bugs, {survivors} survived; without a bug the tests are {'green' if green else 'RED'} ({seconds:.0f} s)")
    if not green:
        print(printed)
    return 1 if survivors or misfits or not green else 0


def _text(path):
    return path.read_text(encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
