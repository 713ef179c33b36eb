"""Answers to bad input, in the user's words: each names the argument, what it was and what it may be."""

import math
import numbers

import numpy as np


def positive(name, value, zero=False):
    """A finite float above zero (or from zero on, with `zero`)."""
    allowed = "a finite number ≥ 0" if zero else "a finite number > 0"
    number = real(name, value, allowed)
    if number < 0 or (number == 0 and not zero):
        raise ValueError(f"{name} must be {allowed}, got {value!r}")
    return number


def real(name, value, allowed="a finite number"):
    """A finite float."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name} must be {allowed}, got {_shown(value)}")
    if not math.isfinite(value):
        raise ValueError(f"{name} must be {allowed}, got {value!r}")
    return float(value)


def whole(name, value, low=1):
    """An int of at least `low`."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name} must be a whole number ≥ {low}, got {_shown(value)}")
    if value < low:
        raise ValueError(f"{name} must be a whole number ≥ {low}, got {value}")
    return int(value)


def array(name, value, shape):
    """A finite float64 array; `shape` holds a length, or a letter where any length ≥ 1 will do."""
    wanted = "(" + ", ".join(str(s) for s in shape) + ("," if len(shape) == 1 else "") + ")"
    try:
        found = np.asarray(value, dtype=float)
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be an array of numbers of shape {wanted}, got {_shown(value)}") from None
    fits = found.ndim == len(shape) and all(have >= 1 if isinstance(want, str) else have == want
                                            for have, want in zip(found.shape, shape, strict=True))
    if not fits:
        raise ValueError(f"{name} must have shape {wanted}, got {found.shape}")
    if not np.isfinite(found).all():
        raise ValueError(f"{name} must be finite, got {np.count_nonzero(~np.isfinite(found))} NaN or infinite entries")
    return found


def finite(name, value):
    """A finite float64 array of any shape, not empty."""
    try:
        found = np.asarray(value, dtype=float)
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be an array of numbers, got {_shown(value)}") from None
    if not found.size or not np.isfinite(found).all():
        raise ValueError(f"{name} must be finite and not empty, got {_shown(value)}")
    return found


def truth(name, value):
    """True or False."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be True or False, got {_shown(value)}")
    return bool(value)


def labelled(X, y):
    """Inputs X (n, d), none of them zero, and their labels y (n,), −1 or +1."""
    X = array("X", X, ("n", "d"))
    y = array("y", y, (len(X),))
    if not np.isin(y, (-1, 1)).all():
        raise ValueError(f"labels y must be −1 or +1, got {np.unique(y)[:5]}")
    if not X.any(axis=1).all():
        raise ValueError("X must not hold an input that is zero")
    return X, y


def one_of(name, value, options):
    """One of the named options."""
    if not isinstance(value, str) or value not in options:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, options))}, got {value!r}")
    return value


def torch():
    """The module torch, loaded by what needs it alone (it takes seconds); where it is not installed, an ImportError that says how to get it."""
    try:
        import torch
    except ModuleNotFoundError as error:
        raise ImportError("this needs PyTorch, which is not installed here: pip install torch; for an Intel Mac pip has none, conda has: environment.yml. "
                          "Only torch modules need it; the cells below may run without it") from error
    return torch


def _shown(value):
    text = repr(value)
    return f"{text if len(text) <= 60 else text[:57] + '…'} ({type(value).__name__})"
