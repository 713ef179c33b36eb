"""The explorers: pictures that move under the reader's hand."""

from .controls import Choice, LogSlider, Slider
from .explorer import Explorer
from .scene import Chart, Circle, Function, Scene
from .small_init import scale_explorer

__all__ = ["Chart", "Choice", "Circle", "Explorer", "Function", "LogSlider", "Scene", "Slider", "scale_explorer"]
