"""The words of the lessons: cards, folds, numbers and formulas as found in the notebooks, and tests/texts.txt, the list
of them that a reviewer reads.

    python tests/texts.py        writes the list anew; read what git says has changed
"""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

import nbformat

HERE = Path(__file__).parent
GOLDEN = HERE / "texts.txt"
CLAIMS = tomllib.loads((HERE / "claims.toml").read_text(encoding="utf-8"))["claim"]
LISTED = tomllib.loads((HERE / "texts.toml").read_text(encoding="utf-8"))

CARD = re.compile(r"^> \*\*(.+?)\*\* — \*(.+)\*$", re.MULTILINE)
FORMULA = re.compile(r"\$\$(.+?)\$\$|\$(.+?)\$", re.DOTALL)
SYMBOL = re.compile(r"[\\\w{}*' ]+")  # a name alone
# A power of ten, or a number with a unit, a decimal point, an exponent or a comma; other powers are part of a formula.
NUMBER = re.compile(r"(?<![\w.])(?:(?P<times>\d+(?:\.\d+)?)\\cdot)?10\^(?:\{(?P<power>-?\d+)\}|(?P<digit>\d))"
                    r"|(?<![\w.^])(?P<plain>\d{1,3}(?:,\d{3})+|\d+(?:\.\d+)?(?:e-?\d+)?)(?P<unit>\s?(?:%|°|times\b))?")
NAMES = re.compile(r"arXiv:\S+|https?://\S+|\(\w+\.ipynb\)|`[^`]*`"
                   r"|\*\*\d\.\d\*\*|Theorem \d\.\d|[Ee]xercises? \d\.\d|CC BY 4\.0")


@dataclass(frozen=True)
class Number:
    """A number in the prose: where it stands, as written, its value and its unit."""

    start: int
    end: int
    written: str
    value: float
    unit: str


def lessons():
    """The notebooks by name."""
    paths = sorted((HERE.parent / "notebooks").glob("*.ipynb"))
    return {path.stem: nbformat.read(path, as_version=4) for path in paths}


def prose(cells):
    """The text of the markdown cells."""
    return "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


def sections(notebook):
    """The cells of each section: from a heading of the second level to the next, and what stands before the first."""
    found = [[]]
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and cell.source.startswith("## "):
            found.append([])
        found[-1].append(cell)
    return found


def numbers(text):
    """The Numbers of a text, but not those of papers, exercises, licences and code."""
    blank = NAMES.sub(lambda name: " " * len(name[0]), text)
    for found in NUMBER.finditer(blank):
        plain, unit = found["plain"], (found["unit"] or "").strip()
        if plain is None:
            value = float(found["times"] or 1) * 10.0 ** int(found["power"] or found["digit"])
            yield Number(*found.span(), found[0], value, unit)
        elif unit or not plain.isdigit():
            yield Number(*found.span(), found[0], float(plain.replace(",", "")), unit)


def golden():
    """A line for each heading, card, fold with its first words, formula and number with a unit, as a reader meets them."""
    lines = []
    for name, notebook in lessons().items():
        text = prose(notebook.cells)
        found = [(match.start(), match[0]) for match in re.finditer(r"^#+ .*", text, re.MULTILINE)]
        found += [(match.start(), f"card {match[1]} — {match[2]}") for match in CARD.finditer(text)]
        found += [(match.start(), f"fold {match[1]} | {match[2]}")
                  for match in re.finditer(r"<summary>(.*?)</summary>\s*((?:\S+[ \n]){0,5}\S+)", text)]
        formulas = list(FORMULA.finditer(text))
        found += [(match.start(), f"$ {match[1] or match[2]}") for match in formulas
                  if not SYMBOL.fullmatch(match[1] or match[2])]
        found += [(number.start, f"n {number.written}") for number in numbers(text)
                  if not any(match.start() < number.start < match.end() for match in formulas)]
        lines += [f"==== {name}", *(" ".join(line.split()) for _, line in sorted(found)), ""]
    return "\n".join(lines)


if __name__ == "__main__":
    GOLDEN.write_text(golden(), encoding="utf-8")
