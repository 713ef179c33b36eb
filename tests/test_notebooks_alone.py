"""Any cell of a notebook, run again after all, prints what it printed: by a rule for every order, by trial in one."""

import ast
import copy
import itertools
import random
import symtable
from pathlib import Path

import nbformat
import pytest
from conftest import Printed, comparable
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).parent.parent / "notebooks").glob("*.ipynb"))


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def path(request):
    return request.param


@pytest.fixture
def cells(path):
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


def test_a_name_that_another_cell_reads_is_bound_in_one_cell(cells):
    bound, read = {}, {}
    for k, cell in enumerate(cells, 1):
        for places, found in zip((bound, read), names(cell.source), strict=True):
            for name in found:
                places.setdefault(name, []).append(k)
    again = sorted(name for name in bound.keys() & read if len(bound[name]) > 1)
    assert not again, "\n".join(f"{name}: read in In {read[name]}, bound in In {bound[name]}" for name in again)


def test_every_cell_prints_again_what_it_printed_whatever_ran_before_it(path, cells):
    client = NotebookClient(nbformat.v4.new_notebook(cells=copy.deepcopy(cells)), kernel_name="python3", timeout=300,
                            allow_errors=True, resources={"metadata": {"path": str(path.parent)}})
    shuffled = random.Random(path.stem).sample(range(len(cells)), len(cells))
    with client.setup_kernel():
        first = [printed(client, k) for k in range(len(cells))]
        second = {k: printed(client, k) for k in shuffled}
    changed = [change(k, cells[k].source, first[k], second[k]) for k in sorted(shuffled) if first[k] != second[k]]
    assert not changed, "\n".join(changed)


def test_names_that_a_cell_reads_from_others_are_those_it_does_not_bind_before():
    assert names("y = x\nz = y") == ({"y", "z"}, {"x"})
    assert names("x = x + 1") == ({"x"}, {"x"})
    assert names("for k in range(n):\n    x = k\n    f(x)") == ({"k", "x"}, {"range", "n", "f"})
    assert names("import numpy as np\nall(np.sin(k) < c for k in v)") == ({"np"}, {"all", "c", "v"})
    assert names("n = 1\ndef f(x):\n    return g(x, n)\nf(n)") == ({"n", "f"}, {"g", "n"})


def printed(client, k):
    """What cell k prints when it is run now, as nbval compares it."""
    cell = client.nb.cells[k]
    client.execute_cell(cell, k)
    return Printed("".join(map(words, comparable(cell.outputs))))


def words(output):
    """The text of one output: printed, shown, or an error's."""
    if output.output_type == "error":
        return f"{output.ename}: {output.evalue}"
    return output.text if output.output_type == "stream" else output.data.get("text/plain", "")


def change(k, source, first, second):
    """A cell that changed, with its lines that did."""
    lines = itertools.zip_longest(first.split("\n"), second.split("\n"), fillvalue="")
    told = [f"  was {was}\n  now {now}" for was, now in lines if Printed(was) != now]
    return "\n".join([f"In [{k + 1}]: {source.splitlines()[0]}", *told])


def names(source):
    """The names that a cell binds, and those it reads from other cells: before it binds them, or in a function."""
    bound, read = set(), set()
    for statement in ast.parse(source).body:
        table = symtable.symtable(ast.unparse(statement), "statement", "exec")
        stored = {symbol.get_name() for symbol in table.get_symbols() if symbol.is_assigned() or symbol.is_imported()}
        if isinstance(statement, ast.FunctionDef):
            read |= asked(table) - stored
        else:
            read |= asked(table) - bound - (stored if isinstance(statement, ast.For | ast.With) else set())
        bound |= stored
    return bound, read


def asked(table):
    """The global names that a symbol table, or one inside it, refers to."""
    own = {symbol.get_name() for symbol in table.get_symbols() if symbol.is_global() and symbol.is_referenced()}
    return own.union(*map(asked, table.get_children()))
