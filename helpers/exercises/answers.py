"""What the checks of all exercises share."""

import math
import numbers

import numpy as np


def number(answer):
    """The answer as a float, or None where it is no finite number."""
    try:
        plain = np.asarray(answer).item()
        right_type = isinstance(plain, numbers.Real) and not isinstance(plain, bool)
        return float(plain) if right_type and math.isfinite(plain) else None
    except (ValueError, OverflowError):
        return None


def close_to(value, mistakes, tolerance):
    """The message of the first mistake (value, message) that the value is close to, relative to `tolerance`."""
    return next((message for wrong, message in mistakes if math.isclose(value, wrong, rel_tol=tolerance)), None)
