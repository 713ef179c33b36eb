"""What an explorer shows: a whole run as plain data, and its form as bytes for the browser.

Letters: T frames, m neurons, G grid points of a curve, n data points; F is the field that neurons of positive output
weight climb and those of negative output weight descend.
"""

import json
import math
import re
from dataclasses import dataclass, field, replace
from decimal import ROUND_HALF_UP, Context

import numpy as np

# What a direction does to neurons: it attracts those with a > 0, those with a < 0, or it does neither.
KINDS = ("positive", "negative", "none")
UNIT = 1e-6  # how far the length of a unit vector may be from 1


def format_number(value):
    """Three significant digits as the browser writes them: 58, 0.0123, 1.2e-5, 3e7."""
    if not math.isfinite(value):
        return "–" if math.isnan(value) else "∞" if value > 0 else "-∞"
    if value == int(value) and abs(value) < 1e6:
        return str(int(value))
    rounded = float(Context(prec=3, rounding=ROUND_HALF_UP).create_decimal(float(value)))
    if 1e-3 <= abs(rounded) < 1e4:
        return f"{rounded:.12g}"
    mantissa, exponent = f"{rounded:.2e}".split("e")
    return f"{float(mantissa):g}e{int(exponent)}"


def _floats(owner, name, values, *shapes, finite=True):
    """The values as a float64 array of one of the shapes (None: any length); ValueError otherwise."""
    array = np.asarray(values, dtype=float)
    if not any(len(s) == array.ndim and all(a in (None, b) for a, b in zip(s, array.shape, strict=True)) for s in shapes):
        raise ValueError(f"{owner}.{name} has shape {array.shape}; it must be one of {shapes}")
    if finite and not np.isfinite(array).all():
        raise ValueError(f"{owner}.{name} holds NaN or infinite numbers")
    return array


def _signs(owner, values, frames, neurons):
    """Signs -1, 0, +1 of shape (m,) or (T, m)."""
    signs = np.sign(_floats(owner, "sign", values, (neurons,), (frames, neurons)))
    if not np.array_equal(signs, values):
        raise ValueError(f"{owner}.sign must hold -1, 0 and +1 only")
    return signs


def _signs_of(sign, frames):
    """Signs of shape (m,) as they are, of shape (T, m) those of the frames."""
    return sign[frames] if sign.ndim == 2 else sign


def _rows(owner, name, rows, form, kinds):
    """The rows as lists, each of the form "(angle, kind)" or alike with one of the kinds; ValueError otherwise."""
    checked = []
    for at, row in enumerate(rows):
        if not isinstance(row, (list, tuple)) or len(row) != form.count(",") + 1:
            raise ValueError(f"{owner}.{name}[{at}] is {row!r}; it must be {form}")
        if row[-1] not in kinds:
            raise ValueError(f"{owner}.{name}[{at}] is of kind {row[-1]!r}; it must be one of {', '.join(kinds)}")
        checked.append(list(row))
    return checked


def _unit_vectors(owner, name, values, *shapes):
    """Vectors of length 1 along the last axis; ValueError otherwise."""
    vectors = _floats(owner, name, values, *shapes)
    if not np.allclose(np.linalg.norm(vectors, axis=-1), 1, rtol=0, atol=UNIT):
        raise ValueError(f"{owner}.{name} must hold vectors of length 1")
    return vectors


def _lengths(owner, values, shape):
    """Lengths in [0, 1]; ValueError otherwise."""
    length = _floats(owner, "length", values, shape)
    if length.size and not (length.min() >= 0 and length.max() <= 1 + 1e-9):
        raise ValueError(f"{owner}.length goes from {length.min():g} to {length.max():g}; it must lie in [0, 1]")
    return np.minimum(length, 1)


def sphere_grid(rows, columns):
    """The directions, shape (rows, columns, 3), at which `Sphere.field` holds its values.

    Rows go from the south pole to the north pole, both included; columns go east from longitude −π, which is not repeated.
    """
    latitude = np.linspace(-np.pi / 2, np.pi / 2, rows)[:, None]
    longitude = np.linspace(-np.pi, np.pi, columns, endpoint=False)
    return np.stack([np.cos(latitude) * np.cos(longitude), np.cos(latitude) * np.sin(longitude),
                     np.sin(latitude) * np.ones(columns)], axis=-1)


class _Packer:
    """Aligned little-endian arrays in one body, equal ones once, each described by a dict for the header."""

    def __init__(self):
        self.body = bytearray()
        self.offsets = {}

    def _add(self, array, kind, **more):
        data = np.ascontiguousarray(array, dtype=np.dtype(kind).newbyteorder("<")).tobytes()
        if data not in self.offsets:
            self.body.extend(bytes(-len(self.body) % 8))
            self.offsets[data] = len(self.body)
            self.body.extend(data)
        return {"array": kind, "shape": array.shape, "offset": self.offsets[data], **more}

    def exact(self, array):
        """Numbers as float32."""
        return self._add(array, "float32")

    def signs(self, array):
        """-1, 0, +1 as int8."""
        return self._add(array, "int8")

    def angles(self, array):
        """Radians as int16, to 1e-4."""
        turned = np.remainder(array + np.pi, 2 * np.pi) - np.pi
        return self._add(np.rint(turned / np.pi * 32767), "int16", scale=math.pi / 32767, bias=0.0)

    def fractions(self, array):
        """Numbers in [0, 1] as uint16."""
        return self._add(np.rint(array * 65535), "uint16", scale=1 / 65535, bias=0.0)

    def signed(self, array):
        """Numbers as int16 in steps of 1/32767 of the largest size; 0 stays 0."""
        scale = np.abs(array).max(initial=0) / 32767 or 1.0
        return self._add(np.rint(array / scale), "int16", scale=scale, bias=0.0)

    def ranged(self, array):
        """Numbers as int16 between their least and greatest value; NaN as -32768."""
        known = array[np.isfinite(array)]
        low, high = (known.min(), known.max()) if known.size else (0.0, 0.0)
        scale = (high - low) / 65534 or 1.0
        bias = (low + high) / 2
        steps = np.where(np.isfinite(array), np.rint((array - bias) / scale), -32768)
        return self._add(steps, "int16", scale=scale, bias=bias)


@dataclass(frozen=True)
class Circle:
    """Neurons as arrows from the centre: angle (T, m) in radians, length (T, m) in [0, 1], sign (m,) or (T, m).

    What does not move lies below them, each part empty or there:
    field (G,): F at G angles, equally spaced from −π, as a curve around the circle, outside it where F > 0;
    marks: (angle, kind) with kind "positive" (attracts neurons with a > 0), "negative" (a < 0) or "none", on that curve;
    basins: (low, high, kind), kind "positive" or "negative", as arcs within the circle, low < high ≤ low + 2π;
    goals (m,): where each neuron is predicted to go, in radians, NaN for nowhere, in the colour of its first sign.
    """

    angle: np.ndarray
    length: np.ndarray
    sign: np.ndarray
    title: str
    alt: str
    field: np.ndarray = ()
    marks: list = ()
    basins: list = ()
    goals: np.ndarray = ()

    def checked(self, frames):
        """Itself with float arrays; ValueError on wrong shapes, numbers or kinds."""
        angle = _floats("Circle", "angle", self.angle, (frames, None))
        neurons = angle.shape[1]
        field = _floats("Circle", "field", self.field, (None,))
        if len(field) in (1, 2):
            raise ValueError(f"Circle.field holds {len(field)} values; it must hold at least three, or none")
        marks = [[float(_floats("Circle", f"marks[{at}]", angle, ())), kind]
                 for at, (angle, kind) in enumerate(_rows("Circle", "marks", self.marks, "(angle, kind)", KINDS))]
        basins = [[*_floats("Circle", f"basins[{at}]", arc, (2,)).tolist(), kind]
                  for at, (*arc, kind) in enumerate(_rows("Circle", "basins", self.basins, "(low, high, kind)", KINDS[:2]))]
        for at, (low, high, _) in enumerate(basins):
            if not low < high <= low + 2 * np.pi + 1e-9:
                raise ValueError(f"Circle.basins[{at}] goes from {low:g} to {high:g}; it must be low < high ≤ low + 2π")
        goals = _floats("Circle", "goals", self.goals, (neurons,), (0,), finite=False)
        if np.isinf(goals).any():
            raise ValueError("Circle.goals holds infinite numbers")
        return replace(self, angle=angle, length=_lengths("Circle", self.length, angle.shape),
                       sign=_signs("Circle", self.sign, frames, neurons), field=field, marks=marks, basins=basins, goals=goals)

    def only(self, frames):
        """Itself at these frames."""
        return replace(self, angle=self.angle[frames], length=self.length[frames], sign=_signs_of(self.sign, frames))

    def pack(self, packer):
        """The header's description; arrays go to the packer."""
        return {"kind": "circle", "title": self.title, "alt": self.alt, "angle": packer.angles(self.angle),
                "length": packer.fractions(self.length), "sign": packer.signs(self.sign), "field": packer.signed(self.field),
                "marks": self.marks, "basins": self.basins, "goals": packer.exact(self.goals)}


@dataclass(frozen=True)
class Sphere:
    """Neurons as dots on the unit sphere, which the reader turns by hand.

    position (T, m, 3) of length 1, length (T, m) in [0, 1] (the dot's radius), sign (m,) or (T, m);
    field (rows, columns): F at the directions of `sphere_grid(rows, columns)`, as tints and contour lines, or empty;
    marks: (unit vector (3,), kind), kinds as on the Circle; view (3,): the direction of the point that first faces the reader.
    """

    position: np.ndarray
    length: np.ndarray
    sign: np.ndarray
    title: str
    alt: str
    field: np.ndarray = ()
    marks: list = ()
    view: np.ndarray = (1.0, -1.0, 0.6)

    def checked(self, frames):
        """Itself with float arrays; ValueError on wrong shapes, numbers or kinds."""
        position = _unit_vectors("Sphere", "position", self.position, (frames, None, 3))
        field = _floats("Sphere", "field", self.field, (None, None), (0,))
        if field.size and min(field.shape) < 3:
            raise ValueError(f"Sphere.field has shape {field.shape}; it must have at least three rows and three columns")
        marks = [[_unit_vectors("Sphere", f"marks[{at}]", vector, (3,)).tolist(), kind]
                 for at, (vector, kind) in enumerate(_rows("Sphere", "marks", self.marks, "(vector, kind)", KINDS))]
        view = _floats("Sphere", "view", self.view, (3,))
        if not view.any():
            raise ValueError("Sphere.view is zero; it must be a direction")
        return replace(self, position=position, length=_lengths("Sphere", self.length, position.shape[:2]),
                       sign=_signs("Sphere", self.sign, frames, position.shape[1]), field=field, marks=marks, view=view)

    def only(self, frames):
        """Itself at these frames."""
        return replace(self, position=self.position[frames], length=self.length[frames], sign=_signs_of(self.sign, frames))

    def pack(self, packer):
        """The header's description; arrays go to the packer, positions as rows of 3m numbers."""
        return {"kind": "sphere", "title": self.title, "alt": self.alt,
                "position": packer.signed(self.position.reshape(len(self.position), -1)),
                "length": packer.fractions(self.length), "sign": packer.signs(self.sign), "field": packer.signed(self.field),
                "marks": self.marks, "view": self.view.tolist()}


@dataclass(frozen=True)
class Function:
    """The network's function y (T, G) over x (G,), data points (n,), and the neurons' kinks `marks` (T, m) on a rug.

    A mark that is NaN or outside x is not drawn. sign is (m,) or (T, m).
    """

    x: np.ndarray
    y: np.ndarray
    points_x: np.ndarray
    points_y: np.ndarray
    marks: np.ndarray
    sign: np.ndarray
    title: str
    x_label: str
    y_label: str
    alt: str

    def checked(self, frames):
        """Itself with float arrays, marks outside x as NaN; ValueError on wrong shapes or numbers."""
        x = _floats("Function", "x", self.x, (None,))
        y = _floats("Function", "y", self.y, (frames, len(x)))
        points_x = _floats("Function", "points_x", self.points_x, (None,))
        points_y = _floats("Function", "points_y", self.points_y, points_x.shape)
        marks = _floats("Function", "marks", self.marks, (frames, None), finite=False)
        marks = np.where((marks >= x.min()) & (marks <= x.max()), marks, np.nan)
        sign = _signs("Function", self.sign, frames, marks.shape[1])
        return Function(x, y, points_x, points_y, marks, sign, self.title, self.x_label, self.y_label, self.alt)

    def only(self, frames):
        """Itself at these frames."""
        return replace(self, y=self.y[frames], marks=self.marks[frames], sign=_signs_of(self.sign, frames))

    def pack(self, packer):
        """The header's description; arrays go to the packer."""
        return {"kind": "function", "title": self.title, "alt": self.alt, "x_label": self.x_label,
                "y_label": self.y_label, "x": packer.exact(self.x), "y": packer.ranged(self.y),
                "points_x": packer.exact(self.points_x), "points_y": packer.exact(self.points_y),
                "marks": packer.ranged(self.marks), "sign": packer.signs(self.sign)}


@dataclass(frozen=True)
class Chart:
    """Curves over the whole run with a moving cursor: x (T,), series: label -> (T,), levels: label -> number.

    marks: label -> x of a vertical line; predicted: the labels of those series that are predictions, drawn thin and
    dotted in the colour of the series before them. The axes reach to all levels and marks.
    A NaN (or, on a logarithmic axis, a number not above 0) is a gap in its curve.
    """

    x: np.ndarray
    series: dict
    title: str
    x_label: str
    y_label: str
    log_x: bool
    log_y: bool
    alt: str
    levels: dict = field(default_factory=dict)
    marks: dict = field(default_factory=dict)
    predicted: tuple = ()

    def checked(self, frames):
        """Itself with float arrays; ValueError on wrong shapes, numbers or labels."""
        x = _floats("Chart", "x", self.x, (frames,))
        series = {label: _floats("Chart", f"series[{label!r}]", values, (frames,), finite=False)
                  for label, values in self.series.items()}
        levels = {label: float(_floats("Chart", f"levels[{label!r}]", level, ()))
                  for label, level in self.levels.items()}
        marks = {label: float(_floats("Chart", f"marks[{label!r}]", mark, ())) for label, mark in self.marks.items()}
        for label, mark in marks.items():
            if self.log_x and mark <= 0:
                raise ValueError(f"Chart.marks[{label!r}] is {mark:g}; on a logarithmic axis it must be above 0")
        predicted = (self.predicted,) if isinstance(self.predicted, str) else tuple(self.predicted)
        unknown = sorted(set(predicted) - set(series))
        if unknown:
            raise ValueError(f"Chart.predicted names {unknown}; series holds {list(series)}")
        return replace(self, x=x, series=series, log_x=bool(self.log_x), log_y=bool(self.log_y), levels=levels, marks=marks,
                       predicted=predicted)

    def only(self, frames):
        """Itself at these frames."""
        return replace(self, x=self.x[frames], series={label: values[frames] for label, values in self.series.items()})

    def pack(self, packer):
        """The header's description; arrays go to the packer."""
        return {"kind": "chart", "title": self.title, "alt": self.alt, "x_label": self.x_label,
                "y_label": self.y_label, "log_x": self.log_x, "log_y": self.log_y, "x": packer.exact(self.x),
                "series": [[label, packer.exact(values)] for label, values in self.series.items()],
                "levels": list(self.levels.items()), "marks": list(self.marks.items()), "predicted": self.predicted}


@dataclass(frozen=True)
class Scene:
    """One run: time (T,) increasing, panels, and a line of text for each frame.

    `text` is a template, or a list of (first frame, template) for phases; {time} and the names in `values`
    (name -> (T,)) are filled in by the browser for the frame shown.
    """

    time: np.ndarray
    panels: list
    text: str | list
    values: dict
    time_label: str = "time t"

    def __post_init__(self):
        time = _floats("Scene", "time", self.time, (None,))
        if len(time) < 2 or not (np.diff(time) > 0).all():
            raise ValueError("Scene.time must hold at least two increasing times")
        phases = [(0, self.text)] if isinstance(self.text, str) else [(int(at), text) for at, text in self.text]
        starts = [at for at, _ in phases]
        if not starts or starts[0] != 0 or sorted(set(starts)) != starts:
            raise ValueError(f"Scene.text begins its phases at frames {starts}; they must increase from 0")
        values = {name: _floats("Scene", f"values[{name!r}]", row, time.shape, finite=False)
                  for name, row in self.values.items()}
        unknown = {name for _, text in phases for name in re.findall(r"\{(\w+)\}", text)} - {"time", *values}
        if unknown:
            raise ValueError(f"Scene.text uses {sorted(unknown)}; values holds {sorted(values)}")
        for name, checked in [("time", time), ("text", phases), ("values", values),
                              ("panels", [panel.checked(len(time)) for panel in self.panels])]:
            object.__setattr__(self, name, checked)

    def thinned(self, every):
        """The same run with every so many-th frame only, and always the first and the last one."""
        last = len(self.time) - 1
        frames = np.append(np.arange(0, last, every), last)
        phases = {int(np.searchsorted(frames, at)): text for at, text in self.text}
        return Scene(self.time[frames], [panel.only(frames) for panel in self.panels], list(phases.items()),
                     {name: row[frames] for name, row in self.values.items()}, self.time_label)

    def text_at(self, frame):
        """The line of text of one frame, as the browser shows it."""
        template = [text for at, text in self.text if at <= frame][-1]
        shown = {"time": self.time, **self.values}
        return re.sub(r"\{(\w+)\}", lambda word: format_number(np.float32(shown[word[1]][frame])), template)


def encode(scene, settings, **request):
    """The run as bytes: header length (uint32), JSON header, arrays aligned to 8 bytes.

    The header repeats the settings and the request (client, sequence), so that a picture and its settings cannot come
    apart; a run without a request answers any.
    """
    packer = _Packer()
    header = {**request, "settings": settings,
              "time": packer.exact(scene.time), "time_label": scene.time_label, "text": scene.text,
              "values": {name: packer.exact(row) for name, row in scene.values.items()},
              "panels": [panel.pack(packer) for panel in scene.panels]}
    text = json.dumps(header).encode()
    text += b" " * (-(4 + len(text)) % 8)
    return len(text).to_bytes(4, "little") + text + bytes(packer.body)
