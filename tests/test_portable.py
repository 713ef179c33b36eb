"""The notebooks on other processors: what is emulated, what is told of a red row, and whose turn it is today."""

from datetime import date, timedelta
from subprocess import CompletedProcess

import portable
import pytest

OWN = {"blas": ["Haswell"], "numpy": "X86_V3", "torch": "AVX2", "threads": [1]}


def test_an_old_processor_is_one_for_numpy_and_for_torch():
    seen = portable.libraries(**portable.settings("Nehalem", threads=1))
    assert (seen["numpy"], seen["torch"], seen["threads"]) == ("baseline", "DEFAULT", [1])


def test_in_as_many_days_every_other_processor_has_its_turn():
    days = [date(2030, 1, 1) + timedelta(day) for day in range(len(portable.PROCESSORS) - 1)]
    assert {portable.of_the_day(OWN, day) for day in days} == set(portable.PROCESSORS) - {"Haswell"}


@pytest.mark.parametrize("code, printed, told", [
    (0, "445 passed", "green"),
    (1, "FAILED notebooks/04_x.ipynb::Cell 3 - why\nERROR notebooks/05_y.ipynb\n1 failed", "04_x Cell 3; 05_y"),
    (3, "no tests\nINTERNALERROR", "INTERNALERROR")])
def test_a_row_is_green_or_names_the_cells_that_fail(code, printed, told, monkeypatch, capsys):
    monkeypatch.setattr(portable, "libraries", lambda **_: OWN)
    monkeypatch.setattr(portable, "python", lambda *_, **__: CompletedProcess([], code, printed, ""))
    assert portable.row("Zen", 2, OWN) == (code == 0)
    first, *again = capsys.readouterr().out.splitlines()
    assert first.startswith("✗✓"[code == 0] + " Zen")
    assert "(what this machine has)" in first and first.endswith(" " + told)
    assert len(again) == (code != 0) and all("OPENBLAS_CORETYPE='Zen'" in line for line in again)
