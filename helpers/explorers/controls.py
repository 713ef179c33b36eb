"""The controls of an explorer: what a reader may set, and what each setting may be.

A control knows its values and checks them; how it looks is the matter of stage.js, which gets `describe()`.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from numbers import Real


def _number(name, value, low, high):
    """The real number `value` within [low, high]; ValueError or TypeError in the user's words otherwise."""
    allowed = f"a number from {low:g} to {high:g}"
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} is {value!r}; it must be {allowed}")
    if not low <= value <= high:  # also refuses NaN
        raise ValueError(f"{name} is {value!r}; it must be {allowed}")
    return value


def _plain(number):
    """The number as int where it is whole, else as float rounded to 12 digits (0.1 * 3 becomes 0.3)."""
    return int(number) if number == int(number) else float(f"{number:.12g}")


@dataclass(frozen=True)
class LogSlider:
    """A number on a logarithmic grid, 10**(k / per_decade) rounded to 3 digits; from code any number in [low, high]."""

    name: str
    label: str
    low: float
    high: float
    default: float
    per_decade: int = 4

    def __post_init__(self):
        if not 0 < self.low < self.high < math.inf:
            raise ValueError(f"{self.name}: low is {self.low!r}, high {self.high!r}; it must be 0 < low < high")
        self.check(self.default)

    def check(self, value):
        """The value as float; ValueError or TypeError if it is no number in [low, high]."""
        return float(_number(self.name, value, self.low, self.high))

    def values(self):
        """The grid within [low, high], as a list of floats."""
        first = math.ceil(self.per_decade * math.log10(self.low) - 1e-9)
        last = math.floor(self.per_decade * math.log10(self.high) + 1e-9)
        return [float(f"{10 ** (k / self.per_decade):.3g}") for k in range(first, last + 1)]

    def describe(self):
        """What the browser needs, as a dict for JSON."""
        return {"name": self.name, "label": self.label, "kind": "log", "values": self.values()}


@dataclass(frozen=True)
class Slider:
    """A number on an even grid; whole numbers only if low and step are whole."""

    name: str
    label: str
    low: float
    high: float
    step: float
    default: float

    def __post_init__(self):
        if not (self.low < self.high and self.step > 0):
            raise ValueError(f"{self.name}: low is {self.low!r}, high {self.high!r}, step {self.step!r}; "
                             "it must be low < high and step > 0")
        self.check(self.default)

    @property
    def whole(self):
        return isinstance(self.low, int) and isinstance(self.step, int)

    def check(self, value):
        """The value as int or float; ValueError or TypeError if it is no such number in [low, high]."""
        number = _number(self.name, value, self.low, self.high)
        if not self.whole:
            return float(number)
        if number != int(number):
            raise ValueError(f"{self.name} is {value!r}; it must be a whole number from {self.low} to {self.high}")
        return int(number)

    def values(self):
        """The grid low, low + step, ... up to high."""
        count = math.floor((self.high - self.low) / self.step + 1e-9) + 1
        return [_plain(self.low + k * self.step) for k in range(count)]

    def describe(self):
        """What the browser needs, as a dict for JSON."""
        return {"name": self.name, "label": self.label, "kind": "linear", "values": self.values()}


@dataclass(frozen=True)
class Choice:
    """One of a few words."""

    name: str
    label: str
    options: tuple
    default: str

    def __post_init__(self):
        object.__setattr__(self, "options", tuple(self.options))
        self.check(self.default)

    def check(self, value):
        """The option itself; ValueError or TypeError if it is none of the options."""
        allowed = "one of " + ", ".join(map(repr, self.options))
        if not isinstance(value, str):
            raise TypeError(f"{self.name} is {value!r}; it must be {allowed}")
        if value not in self.options:
            raise ValueError(f"{self.name} is {value!r}; it must be {allowed}")
        return value

    def describe(self):
        """What the browser needs, as a dict for JSON."""
        return {"name": self.name, "label": self.label, "kind": "choice", "values": list(self.options)}


def check_list(control, values):
    """The control's own form of each value, each once, numbers in rising order; ValueError or TypeError if there is none."""
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise TypeError(f"{control.name} is {values!r}; it must be a list of values")
    checked = list(dict.fromkeys(map(control.check, values)))
    if not checked:
        raise ValueError(f"{control.name} is an empty list; it must hold at least one value")
    return checked if isinstance(control, Choice) else sorted(checked)
