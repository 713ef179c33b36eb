"""The explorers: pictures that move under the reader's hand."""

from helpers.explorers.condense import condense_explorer
from helpers.explorers.controls import Choice, LogSlider, Slider
from helpers.explorers.descent import descent_explorer
from helpers.explorers.escape import escape_explorer
from helpers.explorers.euler import euler_explorer
from helpers.explorers.explorer import Explorer
from helpers.explorers.landscape import landscape_explorer, sphere_explorer
from helpers.explorers.panels import Chart, Circle, Function, Ghost, Plane
from helpers.explorers.scene import Scene
from helpers.explorers.small_init import scale_explorer
from helpers.explorers.staircase import staircase_explorer

__all__ = ["Chart", "Choice", "Circle", "Explorer", "Function", "Ghost", "LogSlider", "Plane", "Scene", "Slider", "condense_explorer", "descent_explorer",
           "escape_explorer", "euler_explorer", "landscape_explorer", "scale_explorer", "sphere_explorer", "staircase_explorer"]
