"""What an explorer shows: a whole run as plain data, and its form as bytes for the browser. T is the number of its frames."""

import json
import math
import re
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context

import numpy as np

from helpers.explorers.panels import floats


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

    def cosines(self, array):
        """Numbers in [-1, 1] as int8, to 0.004."""
        return self._add(np.rint(array * 127), "int8", scale=1 / 127, bias=0.0)

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
        time = floats("Scene", "time", self.time, (None,))
        if len(time) < 2 or not (np.diff(time) > 0).all():
            raise ValueError("Scene.time must hold at least two increasing times")
        phases = [(0, self.text)] if isinstance(self.text, str) else [(int(at), text) for at, text in self.text]
        starts = [at for at, _ in phases]
        if not starts or starts[0] != 0 or sorted(set(starts)) != starts:
            raise ValueError(f"Scene.text begins its phases at frames {starts}; they must increase from 0")
        values = {name: floats("Scene", f"values[{name!r}]", row, time.shape, finite=False)
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
