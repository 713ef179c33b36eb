"""Any cell of a notebook, run again after all, prints what it printed: here by a rule for every order; by trial in one, in the root's conftest."""

import ast
import symtable
from pathlib import Path

import nbformat
import pytest

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


def test_names_that_a_cell_reads_from_others_are_those_it_does_not_bind_before():
    assert names("y = x\nz = y") == ({"y", "z"}, {"x"})
    assert names("x = x + 1") == ({"x"}, {"x"})
    assert names("for k in range(n):\n    x = k\n    f(x)") == ({"k", "x"}, {"range", "n", "f"})
    assert names("import numpy as np\nall(np.sin(k) < c for k in v)") == ({"np"}, {"all", "c", "v"})
    assert names("n = 1\ndef f(x):\n    return g(x, n)\nf(n)") == ({"n", "f"}, {"g", "n"})


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
