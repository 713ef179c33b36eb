"""Neural networks whose training starts near zero: the helpers of the course's notebooks."""

import importlib

from helpers import data, linear
from helpers.activations import activation
from helpers.condensation import (
    condensed_lines,
    cosine_matrix,
    directions,
    effective_rank,
    merged,
    polynomial_residual,
    relative_distance,
    stable_rank,
)
from helpers.curvature import hessian_extremes
from helpers.flow import DivergenceError, EvaluationLimitError, Trajectory, escape_time, gradient_descent, gradient_flow, stop_at
from helpers.linear import DeepLinear, Diagonal
from helpers.networks import Deep, TorchNetwork, TwoLayer
from helpers.optimizers import train
from helpers.problem import Problem

_ON_DEMAND = ("balanced", "explorers", "figures", "highdim", "lesson", "lines", "margin", "ncf", "predict", "saddles", "vision")

__all__ = ["Deep", "DeepLinear", "Diagonal", "DivergenceError", "EvaluationLimitError", "Problem", "TorchNetwork", "Trajectory", "TwoLayer", "activation",
           "condensed_lines", "cosine_matrix", "data", "directions", "effective_rank", "escape_time", "gradient_descent", "gradient_flow", "hessian_extremes", "linear", "merged", "polynomial_residual",
           "relative_distance", "stable_rank", "stop_at", "train"]


def __getattr__(name):
    """Loads the modules that know plotly and widgets, and those of one lesson, when they are asked for."""
    if name in _ON_DEMAND:
        return importlib.import_module(f"helpers.{name}")
    raise AttributeError(f"module 'helpers' has no attribute {name!r}")
