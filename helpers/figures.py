"""Plain plotly figures. Each is a pure function of data and carries its alt text in `figure.layout.meta["alt"]`.

One palette (Okabe and Ito, its orange and sky blue darkened), legible on white and on dark; nothing is told apart by colour alone.
"""

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from helpers.condensation import cosine_matrix

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#BC8100", "#3B94C9")
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
MARKERS = ("circle", "square", "diamond", "triangle-up", "x", "cross")
INK, GRID = "#7f7f7f", "rgba(127,127,127,0.25)"


def two_fits(network, data, runs, x):
    """Fitted functions over x (G,) in the upper row, the neurons' directions (w, b) at start and end in the lower, a column per run of `runs` (label -> Trajectory)."""
    if not (network.bias and data.dim == 1):
        raise ValueError(f"two_fits draws networks with one input and a bias, got {network} and {data}")
    figure = make_subplots(2, len(runs), subplot_titles=list(runs), vertical_spacing=0.16, row_heights=[0.42, 0.58])
    for column, run in enumerate(runs.values(), start=1):
        first = column == 1
        figure.add_scatter(x=x, y=network.outputs(run.theta[-1], x[:, None]).astype("float32"), name="network", line_color=COLOURS[0],
                           showlegend=first, row=1, col=column)
        figure.add_scatter(x=data.X[:, 0], y=data.y, name="data", mode="markers", marker={"color": INK, "size": 9, "symbol": "circle-open"},
                           showlegend=first, row=1, col=column)
        (start, _), (end, a) = network.weights(run.theta[0]), network.weights(run.theta[-1])
        for name, W, colour, symbol, radius in (("start", start, INK, "circle-open", 1.0), ("end, a > 0", end[a > 0], COLOURS[0], "triangle-up", 1.18),
                                                ("end, a < 0", end[a < 0], COLOURS[1], "circle", 1.18)):
            unit = radius * W / np.linalg.norm(W, axis=1, keepdims=True)
            share = np.linalg.norm(W, axis=1) / np.linalg.norm(start if name == "start" else end, axis=1).max()
            figure.add_scatter(x=unit[:, 0].astype("float32"), y=unit[:, 1].astype("float32"), mode="markers", name=f"neurons, {name}",
                               marker={"color": colour, "size": 5 + 11 * share, "symbol": symbol}, showlegend=first, row=2, col=column)
        figure.update_xaxes(title_text="input x", row=1, col=column)
        figure.update_xaxes(title_text="w / ‖(w, b)‖", range=[-1.35, 1.35], row=2, col=column)
        figure.update_yaxes(title_text="b / ‖(w, b)‖", range=[-1.35, 1.35], scaleanchor=f"x{len(runs) + column}", row=2, col=column)
    figure.update_yaxes(title_text="output", row=1, col=1)
    return _finished(figure, "Fitted functions and directions", f"One column for each start ({', '.join(runs)}). Above: the trained network and the data. Below: every neuron's direction (w, b), "
                     "at the start (open) and, a little further out, at the end (triangles: positive output weight, discs: negative; larger = longer weights).", 760)


def correlation(angle, F, peaks, valleys, neurons, alt, axis="angle of (w, b), degrees"):
    """The correlation F (G,) against a neuron's angle (G,) in degrees, its peaks and valleys as angles, and neurons: label -> angles (k,), drawn at F = 0."""
    figure = go.Figure()
    figure.add_scatter(x=angle.astype("float32"), y=F.astype("float32"), mode="lines", name="F", line={"color": INK, "width": 2})
    for name, at, symbol, colour in (("peak, F > 0", peaks, "triangle-up", COLOURS[0]), ("valley, F < 0", valleys, "triangle-down", COLOURS[1])):
        figure.add_scatter(x=at, y=np.interp(at, angle, F), mode="markers", name=name, marker={"symbol": symbol, "size": 15, "color": colour})
    for k, (name, at) in enumerate(neurons.items()):
        figure.add_scatter(x=at, y=np.zeros(len(at)), mode="markers", name=name,
                           marker={"symbol": _pick(("line-ns-open", "circle-open", "diamond-open"), k), "size": 14, "color": _pick(COLOURS, k)})
    figure.update_xaxes(title_text=axis, tickvals=list(range(-180, 181, 45)))
    figure.update_yaxes(title_text="F")
    return _finished(figure, "The correlation F and the neurons that follow it", alt, 430)


def log_log(title, x_label, y_label, measured, predicted, alt):
    """Measured points and predicted lines on logarithmic axes: both map a label to (x, y); a measured y may be (seeds, x) and shows median and range.

    A line with the label of its points needs no entry of its own in the legend.
    """
    figure = go.Figure()
    for k, (label, (x, y)) in enumerate(measured.items()):
        y = np.atleast_2d(y)
        middle = np.median(y, axis=0)
        spread = {"type": "data", "symmetric": False, "array": y.max(axis=0) - middle, "arrayminus": middle - y.min(axis=0)} if len(y) > 1 else None
        figure.add_scatter(x=x, y=middle, error_y=spread, mode="markers", name=label, marker={"color": _pick(COLOURS, k), "symbol": _pick(MARKERS, k), "size": 9})
    for k, (label, (x, y)) in enumerate(predicted.items()):
        figure.add_scatter(x=x, y=y, mode="lines", name=label, showlegend=label not in measured,
                           line={"color": _pick(COLOURS, k), "dash": _pick(DASHES[1:], k), "width": 2})
    figure.update_xaxes(type="log", dtick=1, title_text=x_label, exponentformat="power")
    heights = np.concatenate([np.ravel(y) for _, y in (*measured.values(), *predicted.values())])
    decades = np.log10(heights[np.isfinite(heights) & (heights > 0)])
    figure.update_yaxes(type="log", dtick=max(1, round(np.ptp(decades) / 7)) if len(decades) else 1, title_text=y_label, exponentformat="power")
    return _finished(figure, title, alt, 460)


def curves(title, x_label, y_label, lines, alt, points=None, log=""):
    """Lines and points over common axes: both map a label to (x, y); `log` names the logarithmic axes, "", "x", "y" or "xy". A line and points of one label share their colour."""
    if log not in ("", "x", "y", "xy"):
        raise ValueError(f'log must be "", "x", "y" or "xy", got {log!r}')
    figure, points = go.Figure(), points or {}
    colour = {label: _pick(COLOURS, k) for k, label in enumerate(dict.fromkeys([*lines, *points]))}
    for k, (label, (x, y)) in enumerate(lines.items()):
        figure.add_scatter(x=x, y=np.asarray(y, dtype="float32"), mode="lines", name=label, line={"color": colour[label], "dash": _pick(DASHES, k), "width": 2})
    for k, (label, (x, y)) in enumerate(points.items()):
        figure.add_scatter(x=x, y=y, mode="markers", name=label, showlegend=label not in lines, marker={"color": colour[label], "symbol": _pick(MARKERS, k), "size": 9})
    for axis, update, text in (("x", figure.update_xaxes, x_label), ("y", figure.update_yaxes, y_label)):
        update(title_text=text, **({"type": "log", "exponentformat": "power"} if axis in log else {}))
    return _finished(figure, title, alt, 460)


def stable_ranks(measured, predicted, levels, alt):
    """Stable rank against the step t, on the left all of it, on the right the small ranks close up.

    `measured` and `predicted` map labels to (t, rank), `levels` labels to constant ranks (at least one), which set the close-up. Step 0 is drawn at t = 0.5.
    """
    figure = make_subplots(1, 2, subplot_titles=("from the start", "close up"), horizontal_spacing=0.1)
    last = max(np.max(t) for t, _ in measured.values())
    for column in (1, 2):
        for k, (label, (t, rank)) in enumerate(measured.items()):
            figure.add_scatter(x=np.maximum(t, 0.5), y=rank, mode="markers", name=label, showlegend=column == 1, row=1, col=column,
                               marker={"color": _pick(COLOURS, k), "symbol": _pick(MARKERS, k), "size": 9})
        for k, (label, (t, rank)) in enumerate(predicted.items()):
            figure.add_scatter(x=t, y=np.asarray(rank, dtype="float32"), mode="lines", name=label, showlegend=column == 1, row=1, col=column,
                               line={"color": INK, "dash": _pick(DASHES, k), "width": 2})
        for k, (label, rank) in enumerate(levels.items()):
            figure.add_scatter(x=[0.5, last], y=[rank, rank], mode="lines", name=label, showlegend=column == 1, row=1, col=column,
                               line={"color": _pick(COLOURS[3:], k), "dash": _pick(DASHES[1:], k), "width": 2})
    lowest, highest = min(levels.values()), max(levels.values())
    figure.update_xaxes(type="log", dtick=1, title_text="step t", exponentformat="power")
    figure.update_yaxes(type="log", dtick=1, title_text="stable rank of W", row=1, col=1)
    figure.update_yaxes(range=[lowest - 0.15, highest + 0.15], row=1, col=2)
    return _finished(figure, "Stable rank under gradient descent", alt, 480)


def cosines(matrices):
    """Cosine matrices side by side, each ordered so that neurons on one line stand together: label -> W (m, D)."""
    figure = make_subplots(1, len(matrices), subplot_titles=list(matrices), horizontal_spacing=0.06)
    for column, W in enumerate(matrices.values(), start=1):
        figure.add_heatmap(z=np.round(cosine_matrix(W)[0], 2).astype("float32"), zmin=-1, zmax=1, colorscale="RdBu", showscale=column == 1,
                           colorbar={"title": "cosine"}, row=1, col=column)
        figure.update_xaxes(title_text="neuron", row=1, col=column)
        figure.update_yaxes(autorange="reversed", row=1, col=column)
    figure.update_yaxes(title_text="neuron", row=1, col=1)
    return _finished(figure, "Cosines between neurons", f"Cosine matrices ({', '.join(matrices)}): +1 blue, −1 red. Condensed neurons form square blocks of full colour.", 390, bottom=60)


def images(pictures, shape):
    """Weight vectors as grey images, side by side: label -> vector, each of `shape` (rows, columns)."""
    figure = make_subplots(1, len(pictures), subplot_titles=list(pictures), horizontal_spacing=0.04)
    for column, vector in enumerate(pictures.values(), start=1):
        image = np.reshape(vector, shape)
        limit = float(np.abs(image).max()) or 1.0
        figure.add_heatmap(z=np.round(image / limit, 3).astype("float32"), zmin=-1, zmax=1, colorscale="Greys", showscale=False, row=1, col=column)
        figure.update_xaxes(visible=False, row=1, col=column)
        figure.update_yaxes(autorange="reversed", visible=False, scaleanchor=f"x{column if column > 1 else ''}", row=1, col=column)
    return _finished(figure, "What the neurons look for", f"Weight vectors drawn as images: {', '.join(pictures)}. Dark pixels raise the neuron's input, light ones lower it.", 290, bottom=20)


def _pick(cycle, k):
    return cycle[k % len(cycle)]


def _finished(figure, title, alt, height, bottom=125):
    """Fonts to be read from the last row, no background of its own, the alt text."""
    figure.update_layout(title={"text": title, "x": 0.01}, height=height, font={"size": 15, "color": INK}, paper_bgcolor="rgba(0,0,0,0)", plot_bgcolor="rgba(0,0,0,0)",
                         template="none", margin={"l": 70, "r": 20, "t": 70, "b": bottom}, legend={"orientation": "h", "yref": "container", "y": 0.01, "yanchor": "bottom"}, meta={"alt": alt})
    figure.update_xaxes(gridcolor=GRID, zerolinecolor=GRID, linecolor=INK, ticks="outside")
    figure.update_yaxes(gridcolor=GRID, zerolinecolor=GRID, linecolor=INK, ticks="outside")
    figure.update_annotations(font_size=15)
    return figure
