"""What explorers and figures say is what a reviewer has read in words.txt, and every colour is seen on its paper."""

import difflib
import os
import shutil

import pytest
import words

from helpers import figures

PAPERS = {"light": ["#ffffff"], "dark": ["#111111"]}  # JupyterLab's
FAINT = ("paper", "grid")  # the paper itself, and lines that stand back on purpose


@pytest.fixture(scope="module")
def spoken():
    """The text as it is now; without node it cannot be told, which is a failure on the CI machine."""
    if not shutil.which("node"):
        assert not os.environ.get("CI"), "node is missing, so the words are not read"
        pytest.skip("node is missing, so the words are not read")
    return words.words()


def test_all_words_are_those_that_were_read(spoken):
    read = words.WORDS.read_text(encoding="utf-8")
    changed = difflib.unified_diff(read.splitlines(), spoken.splitlines(), "words.txt", "now", lineterm="", n=2)
    assert read == spoken, "\n".join([*changed, "if this is meant: python tests/words.py"])


def test_every_control_and_every_picture_has_a_name(spoken):
    lines = spoken.splitlines()
    assert [line for line in lines if line.startswith("without a name")] == []
    pictures = [line for line in lines if line.startswith("canvas")]
    assert len(pictures) > 20
    assert all(len(line.partition("aria-label: ")[2]) > 30 for line in pictures)


def luminance(colour):
    """The relative luminance of #rrggbb (WCAG 2)."""
    parts = [int(colour[at:at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one, other):
    """The contrast of two colours (WCAG 2), from 1 to 21."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_is_21_between_black_and_white():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("which, theme", [(0, "light"), (1, "dark")])
def test_every_colour_of_the_explorers_has_a_contrast_of_three_on_its_paper(which, theme):
    palette = words.palettes()[which]
    assert len(palette) >= 13 and luminance(palette["paper"]) != luminance(palette["ink"])
    for paper in (palette["paper"], *PAPERS[theme]):
        faint = {name: round(contrast(colour, paper), 2) for name, colour in palette.items()
                 if name not in FAINT and contrast(colour, paper) < 3}
        assert faint == {}


def test_every_colour_of_the_figures_has_a_contrast_of_three_on_white_and_on_dark_paper():
    dark = words.palettes()[1]["paper"]
    faint = {(colour, paper) for colour in (*figures.COLOURS, figures.INK) for paper in ("#ffffff", "#111111", dark)
             if contrast(colour, paper) < 3}
    assert faint == set()
