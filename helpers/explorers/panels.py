"""The panels of an explorer: neurons on the circle and on the sphere, a matrix of cosines, a function, a chart, a plane, each with the checks of its numbers.

Letters: T frames, m neurons, G grid points of a curve, n data points, K key frames of r rows; F is the field that neurons of positive output
weight climb and those of negative output weight descend.
"""

from dataclasses import dataclass, field, replace

import numpy as np

# What a direction does to neurons: it attracts those with a > 0, those with a < 0, or it does neither.
KINDS = ("positive", "negative", "none")
UNIT = 1e-6  # how far the length of a unit vector may be from 1


def floats(owner, name, values, *shapes, finite=True):
    """The values as a float64 array of one of the shapes (None: any length); ValueError otherwise."""
    array = np.asarray(values, dtype=float)
    if not any(len(s) == array.ndim and all(a in (None, b) for a, b in zip(s, array.shape, strict=True)) for s in shapes):
        raise ValueError(f"{owner}.{name} has shape {array.shape}; it must be one of {shapes}")
    if finite and not np.isfinite(array).all():
        raise ValueError(f"{owner}.{name} holds NaN or infinite numbers")
    return array


def _signs(owner, values, frames, neurons):
    """Signs -1, 0, +1 of shape (m,) or (T, m)."""
    signs = np.sign(floats(owner, "sign", values, (neurons,), (frames, neurons)))
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
    vectors = floats(owner, name, values, *shapes)
    if not np.allclose(np.linalg.norm(vectors, axis=-1), 1, rtol=0, atol=UNIT):
        raise ValueError(f"{owner}.{name} must hold vectors of length 1")
    return vectors


def _lengths(owner, values, shape):
    """Lengths in [0, 1]; ValueError otherwise."""
    length = floats(owner, "length", values, shape)
    if length.size and not (length.min() >= 0 and length.max() <= 1 + 1e-9):
        raise ValueError(f"{owner}.length goes from {length.min():g} to {length.max():g}; it must lie in [0, 1]")
    return np.minimum(length, 1)


def _key_frames(owner, name, keys, frames, count):
    """`count` whole numbers of frames that rise from 0; ValueError otherwise."""
    at = floats(owner, name, keys, (count,))
    if not count or at[0] != 0 or (np.diff(at) <= 0).any() or at[-1] > frames - 1 or (at % 1).any():
        raise ValueError(f"{owner}.{name} is {keys!r}; it must hold whole numbers that rise from 0 to at most {frames - 1}")
    return at.astype(int)


def _keys_of(keys, frames):
    """The key frames among these frames only, each at the first one that does not come before it, and which of them are left: the later of two that meet."""
    at = {int(np.searchsorted(frames, frame)): key for key, frame in enumerate(keys)}
    return np.array(list(at), dtype=int), list(at.values())


def _frame(name, frame, frames):
    """The number of a frame; ValueError otherwise."""
    if not 0 <= frame < frames or frame % 1:
        raise ValueError(f"{name} begins at frame {frame!r}; it must be a whole number from 0 to {frames - 1}")
    return int(frame)


def sphere_grid(rows, columns):
    """The directions, shape (rows, columns, 3), at which `Sphere.field` holds its values.

    Rows go from the south pole to the north pole, both included; columns go east from longitude −π, which is not repeated.
    """
    latitude = np.linspace(-np.pi / 2, np.pi / 2, rows)[:, None]
    longitude = np.linspace(-np.pi, np.pi, columns, endpoint=False)
    return np.stack([np.cos(latitude) * np.cos(longitude), np.cos(latitude) * np.sin(longitude),
                     np.sin(latitude) * np.ones(columns)], axis=-1)


@dataclass(frozen=True)
class Circle:
    """Neurons as arrows from the centre: angle (T, m) in radians, length (T, m) in [0, 1], sign (m,) or (T, m).

    What does not move lies below them, each part empty or there:
    field (G,): F at G angles, equally spaced from −π, as a curve around the circle, outside it where F > 0; or (K, G), at the
    frames `keys` (K,), rising from 0, between which it goes straight from one to the next;
    marks: (angle, kind) with kind "positive" (attracts neurons with a > 0), "negative" (a < 0) or "none", on that curve;
    basins: (low, high, kind), kind "positive" or "negative", as arcs within the circle, low < high ≤ low + 2π;
    goals (m,): where each neuron is predicted to go, in radians, NaN for nowhere, in the colour of its first sign.
    Before the neurons' arrows lie ghosts: (frame, angle), where some are predicted to go, seen from that frame on, paler after the next.
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
    keys: np.ndarray = ()
    ghosts: list = ()

    def checked(self, frames):
        """Itself with float arrays; ValueError on wrong shapes, numbers or kinds."""
        angle = floats("Circle", "angle", self.angle, (frames, None))
        neurons = angle.shape[1]
        field = floats("Circle", "field", self.field, (None,), (len(self.keys), None))
        if field.shape[-1] in (1, 2):
            raise ValueError(f"Circle.field holds {field.shape[-1]} values; it must hold at least three, or none")
        keys = _key_frames("Circle", "keys", self.keys, frames, len(field)) if field.ndim == 2 else np.zeros(0, dtype=int)
        marks = [[float(floats("Circle", f"marks[{at}]", angle, ())), kind]
                 for at, (angle, kind) in enumerate(_rows("Circle", "marks", self.marks, "(angle, kind)", KINDS))]
        basins = [[*floats("Circle", f"basins[{at}]", arc, (2,)).tolist(), kind]
                  for at, (*arc, kind) in enumerate(_rows("Circle", "basins", self.basins, "(low, high, kind)", KINDS[:2]))]
        for at, (low, high, _) in enumerate(basins):
            if not low < high <= low + 2 * np.pi + 1e-9:
                raise ValueError(f"Circle.basins[{at}] goes from {low:g} to {high:g}; it must be low < high ≤ low + 2π")
        goals = floats("Circle", "goals", self.goals, (neurons,), (0,), finite=False)
        if np.isinf(goals).any():
            raise ValueError("Circle.goals holds infinite numbers")
        ghosts = [[_frame(f"Circle.ghosts[{at}]", frame, frames), float(floats("Circle", f"ghosts[{at}]", angle, ()))]
                  for at, (frame, angle) in enumerate(self.ghosts)]
        return replace(self, angle=angle, length=_lengths("Circle", self.length, angle.shape), sign=_signs("Circle", self.sign, frames, neurons),
                       field=field, marks=marks, basins=basins, goals=goals, keys=keys, ghosts=ghosts)

    def only(self, frames):
        """Itself at these frames."""
        ghosts = [[int(np.searchsorted(frames, frame)), angle] for frame, angle in self.ghosts]
        keys, kept = _keys_of(self.keys, frames)
        return replace(self, angle=self.angle[frames], length=self.length[frames], sign=_signs_of(self.sign, frames),
                       field=self.field[kept] if self.field.ndim == 2 else self.field, keys=keys, ghosts=ghosts)

    def pack(self, packer):
        """The header's description; arrays go to the packer."""
        return {"kind": "circle", "title": self.title, "alt": self.alt, "angle": packer.angles(self.angle),
                "length": packer.fractions(self.length), "sign": packer.signs(self.sign), "field": packer.signed(self.field),
                "marks": self.marks, "basins": self.basins, "goals": packer.exact(self.goals), "keys": self.keys.tolist(), "ghosts": self.ghosts}


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
        field = floats("Sphere", "field", self.field, (None, None), (0,))
        if field.size and min(field.shape) < 3:
            raise ValueError(f"Sphere.field has shape {field.shape}; it must have at least three rows and three columns")
        marks = [[_unit_vectors("Sphere", f"marks[{at}]", vector, (3,)).tolist(), kind]
                 for at, (vector, kind) in enumerate(_rows("Sphere", "marks", self.marks, "(vector, kind)", KINDS))]
        view = floats("Sphere", "view", self.view, (3,))
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
class Map:
    """A symmetric matrix of cosines, as a coloured square, at some of the frames: matrices (K, r, r) in [−1, 1], frames (K,) rising from 0.

    Between two of its frames the picture goes straight from one matrix to the next; after the last it stays.
    """

    matrices: np.ndarray
    frames: np.ndarray
    title: str
    alt: str

    def checked(self, frames):
        """Itself with float matrices and whole numbers of frames; ValueError on wrong shapes or numbers."""
        matrices = floats("Map", "matrices", self.matrices, (None, None, None))
        count, rows, columns = matrices.shape
        if rows != columns or not rows or not np.allclose(matrices, matrices.swapaxes(1, 2), rtol=0, atol=UNIT):
            raise ValueError(f"Map.matrices has shape {matrices.shape}; it must hold symmetric matrices")
        if np.abs(matrices).max(initial=0) > 1 + UNIT:
            raise ValueError(f"Map.matrices goes from {matrices.min():g} to {matrices.max():g}; it must lie in [-1, 1]")
        return replace(self, matrices=np.clip(matrices, -1, 1), frames=_key_frames("Map", "frames", self.frames, frames, count))

    def only(self, frames):
        """Itself at these frames: each matrix at the first one that does not come before it, the later of two that meet there."""
        keys, kept = _keys_of(self.frames, frames)
        return replace(self, matrices=self.matrices[kept], frames=keys)

    def pack(self, packer):
        """The header's description; the rows of the upper triangle, with the diagonal, go to the packer."""
        above = self.matrices[(slice(None), *np.triu_indices(self.matrices.shape[1]))]
        return {"kind": "map", "title": self.title, "alt": self.alt, "rows": self.matrices.shape[1], "frames": self.frames.tolist(),
                "cosines": packer.cosines(above)}


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
        x = floats("Function", "x", self.x, (None,))
        y = floats("Function", "y", self.y, (frames, len(x)))
        points_x = floats("Function", "points_x", self.points_x, (None,))
        points_y = floats("Function", "points_y", self.points_y, points_x.shape)
        marks = floats("Function", "marks", self.marks, (frames, None), finite=False)
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
class Ghost:
    """A piece of the future in a Chart, seen from `frame` on, before it happens: one or more curves y (G,) or (G, K) over x (G,), as wide pale bands.

    mark: x of a vertical line, None for none. The axes reach to the mark, not to the curves. A ghost fades when the next one begins.
    """

    frame: int
    x: np.ndarray
    y: np.ndarray
    mark: float | None = None

    def checked(self, name, frames):
        """Itself with float arrays, y (G, K); ValueError on wrong shapes or numbers."""
        x = floats(name, "x", self.x, (None,))
        y = floats(name, "y", self.y, (len(x),), (len(x), None), finite=False).reshape(len(x), -1)
        mark = None if self.mark is None else float(floats(name, "mark", self.mark, ()))
        return Ghost(_frame(name, self.frame, frames), x, y, mark)

    def pack(self, packer):
        """Its part of the header's description."""
        return {"frame": self.frame, "x": packer.exact(self.x), "y": packer.exact(self.y), "mark": self.mark}


@dataclass(frozen=True)
class Chart:
    """Curves over the whole run with a moving cursor: x (T,), series: label -> (T,), or (T, K) for K thin curves of one label, levels: label -> number.

    marks: label -> x of a vertical line; predicted: the labels of those series that are predictions, drawn thin and
    dotted in the colour of the series before them. The axes reach to all levels and marks.
    A NaN (or, on a logarithmic axis, a number not above 0) is a gap in its curve.
    unfolds: curves are drawn up to the cursor only, so that ghosts, pieces of the future, stand there before it comes true.
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
    unfolds: bool = False
    ghosts: tuple = ()

    def checked(self, frames):
        """Itself with float arrays; ValueError on wrong shapes, numbers or labels."""
        x = floats("Chart", "x", self.x, (frames,))
        series = {label: floats("Chart", f"series[{label!r}]", values, (frames,), (frames, None), finite=False)
                  for label, values in self.series.items()}
        levels = {label: float(floats("Chart", f"levels[{label!r}]", level, ()))
                  for label, level in self.levels.items()}
        marks = {label: float(floats("Chart", f"marks[{label!r}]", mark, ())) for label, mark in self.marks.items()}
        for label, mark in marks.items():
            if self.log_x and mark <= 0:
                raise ValueError(f"Chart.marks[{label!r}] is {mark:g}; on a logarithmic axis it must be above 0")
        predicted = (self.predicted,) if isinstance(self.predicted, str) else tuple(self.predicted)
        unknown = sorted(set(predicted) - set(series))
        if unknown:
            raise ValueError(f"Chart.predicted names {unknown}; series holds {list(series)}")
        return replace(self, x=x, series=series, log_x=bool(self.log_x), log_y=bool(self.log_y), levels=levels, marks=marks,
                       predicted=predicted, unfolds=bool(self.unfolds),
                       ghosts=tuple(ghost.checked(f"Chart.ghosts[{at}]", frames) for at, ghost in enumerate(self.ghosts)))

    def only(self, frames):
        """Itself at these frames."""
        ghosts = tuple(replace(ghost, frame=int(np.searchsorted(frames, ghost.frame))) for ghost in self.ghosts)
        return replace(self, ghosts=ghosts, x=self.x[frames], series={label: values[frames] for label, values in self.series.items()})

    def pack(self, packer):
        """The header's description; arrays go to the packer."""
        return {"kind": "chart", "title": self.title, "alt": self.alt, "x_label": self.x_label,
                "y_label": self.y_label, "log_x": self.log_x, "log_y": self.log_y, "x": packer.exact(self.x),
                "series": [[label, packer.exact(values)] for label, values in self.series.items()],
                "levels": list(self.levels.items()), "marks": list(self.marks.items()), "predicted": self.predicted,
                "unfolds": self.unfolds, "ghosts": [ghost.pack(packer) for ghost in self.ghosts]}


@dataclass(frozen=True)
class Plane:
    """Points that move in a plane and leave their paths, label -> (T, 2), one or two of them, over what stands still, in axes x_range, y_range = (low, high).

    ground: label -> curves, each (G, 2): thin lines of one label, then broad ones of a second, broad dashed ones of a third.
    stops: label of a path -> (words, rows (frame, x, y) (S, 3)): dots on it that are seen from their frame on.
    bars: (label, rows (frame, x, y, x', y') (B, 5)): short lines from a point to another, seen from their frame on.
    readings: label -> (rows, columns), values spread evenly over the axes as they are drawn, from the lower left on: what the reader reads off by pointing.
    tint: the label of the reading that tints the plane where it is negative, "" for none. joined: what the line between both points is called, "" for none.
    equal: one unit is equally long in both directions. log_y: the vertical axis is logarithmic.
    """

    paths: dict
    x_range: tuple
    y_range: tuple
    title: str
    x_label: str
    y_label: str
    alt: str
    ground: dict = field(default_factory=dict)
    stops: dict = field(default_factory=dict)
    bars: tuple = ()
    readings: dict = field(default_factory=dict)
    tint: str = ""
    joined: str = ""
    equal: bool = False
    log_y: bool = False

    def checked(self, frames):
        """Itself with float arrays; ValueError on wrong shapes, numbers or labels."""
        paths = {label: floats("Plane", f"paths[{label!r}]", path, (frames, 2)) for label, path in self.paths.items()}
        if not 1 <= len(paths) <= 2 or (self.joined and len(paths) < 2):
            raise ValueError(f"Plane.paths holds {list(paths)}; it must hold one path or two, two where they are joined")
        x_range, y_range = (tuple(floats("Plane", name, getattr(self, name), (2,)).tolist()) for name in ("x_range", "y_range"))
        if not (x_range[0] < x_range[1] and y_range[0] < y_range[1]) or (self.log_y and y_range[0] <= 0):
            raise ValueError(f"Plane.x_range is {x_range}, y_range {y_range}; they must rise, and be above 0 on a logarithmic axis")
        ground = {label: [floats("Plane", f"ground[{label!r}]", curve, (None, 2), finite=False) for curve in curves] for label, curves in self.ground.items()}
        if len(ground) > 3:
            raise ValueError(f"Plane.ground holds {list(ground)}; it must hold at most three labels")
        stops = {label: (words, floats("Plane", f"stops[{label!r}]", rows, (None, 3))) for label, (words, rows) in self.stops.items()}
        readings = {label: floats("Plane", f"readings[{label!r}]", values, (None, None)) for label, values in self.readings.items()}
        for label, values in readings.items():
            if min(values.shape) < 2:
                raise ValueError(f"Plane.readings[{label!r}] has shape {values.shape}; it must have at least two rows and two columns")
        for name, labels, known in (("stops", stops, paths), ("tint", {self.tint} - {""}, readings)):
            if set(labels) - set(known):
                raise ValueError(f"Plane.{name} names {sorted(set(labels) - set(known))}; there are {list(known)}")
        bars = self.bars and (self.bars[0], floats("Plane", "bars", self.bars[1], (None, 5)))
        for at in (row[0] for _, rows in (*stops.values(), *([bars] if bars else [])) for row in rows):
            _frame("Plane.stops, Plane.bars", at, frames)
        return replace(self, paths=paths, x_range=x_range, y_range=y_range, ground=ground, stops=stops, readings=readings,
                       bars=bars, equal=bool(self.equal), log_y=bool(self.log_y))

    def only(self, frames):
        """Itself at these frames; stops and bars stay, each from the first frame on that does not come before its own."""
        def moved(words, rows):
            return words, np.column_stack([np.searchsorted(frames, rows[:, 0]), rows[:, 1:]])

        return replace(self, paths={label: path[frames] for label, path in self.paths.items()},
                       stops={label: moved(*rows) for label, rows in self.stops.items()}, bars=self.bars and moved(*self.bars))

    def pack(self, packer):
        """The header's description; arrays go to the packer."""
        bars = self.bars and {"label": self.bars[0], "frames": self.bars[1][:, 0].astype(int).tolist(), "rows": packer.exact(self.bars[1][:, 1:])}
        return {"kind": "plane", "title": self.title, "alt": self.alt, "x_label": self.x_label, "y_label": self.y_label,
                "x_range": self.x_range, "y_range": self.y_range, "log_y": self.log_y, "equal": self.equal,
                "paths": [[label, packer.exact(path)] for label, path in self.paths.items()],
                "ground": [[label, [packer.exact(curve) for curve in curves]] for label, curves in self.ground.items()],
                "stops": [[list(self.paths).index(label), words, rows[:, 0].astype(int).tolist(), packer.exact(rows[:, 1:])]
                          for label, (words, rows) in self.stops.items()],
                "bars": bars or None, "readings": [[label, packer.ranged(values)] for label, values in self.readings.items()],
                "tint": self.tint, "joined": self.joined}
