"""The pieces of a lesson: facts and checks say what they should, figures carry their text."""

import numpy as np
import pytest

from helpers import Trajectory, TwoLayer, data, figures, lesson


@pytest.fixture(autouse=True)
def no_facts(monkeypatch):
    monkeypatch.setattr(lesson, "_facts", {})


def printed(capsys):
    return capsys.readouterr().out


@pytest.mark.parametrize("measured, tolerance, agrees", [
    (102.0, {"rel": 0.02}, True), (98.0, {"rel": 0.02}, True), (102.1, {"rel": 0.02}, False), (97.9, {"rel": 0.02}, False),
    (100.5, {"abs": 0.5}, True), (99.4, {"abs": 0.5}, False), (100.0, {"abs": 0}, True), (100.01, {"abs": 0}, False)])
def test_a_fact_prints_both_numbers_and_whether_they_agree(measured, tolerance, agrees, capsys):
    lesson.fact("C1", "escape time", 100.0, measured, **tolerance)
    text = printed(capsys)
    assert text.startswith("✓" if agrees else "✗") and ("NOT" in text) != agrees
    assert "C1: escape time: predicted 100, measured " + f"{measured:.4g}" in text


@pytest.mark.parametrize("predicted, agrees", [(-100.0, True), (-103.0, False)])
def test_a_relative_tolerance_is_one_of_the_size_of_the_prediction(predicted, agrees, capsys):
    lesson.fact("C1", "slope", predicted, -101.0, rel=0.015)
    assert printed(capsys).startswith("✓" if agrees else "✗")


@pytest.mark.parametrize("tolerance, words", [({"rel": 0.015}, "1.5 %"), ({"abs": 0.25}, "0.25"), ({"abs": 0}, "exact")])
def test_a_fact_names_its_tolerance(tolerance, words, capsys):
    lesson.fact("C1", "rank", 2, 2, **tolerance)
    assert words in printed(capsys)


@pytest.mark.parametrize("tolerance", [{}, {"rel": 0.1, "abs": 0.1}])
def test_a_fact_has_exactly_one_tolerance(tolerance):
    with pytest.raises(ValueError, match="give one tolerance, rel or abs"):
        lesson.fact("C1", "rank", 2, 2, **tolerance)


def test_the_table_holds_every_fact_once_in_its_last_version(capsys):
    lesson.fact("C1", "escape time", 1.0, 5.0, rel=0.1)
    lesson.fact("C2", "norm", 3.0, 3.001, rel=0.1)
    lesson.fact("C1", "escape time", 1.0, 1.05, rel=0.1)
    printed(capsys)
    lesson.facts()
    header, *rows = printed(capsys).splitlines()
    assert "predicted" in header and "measured" in header
    assert [row.split() for row in rows] == [["✓", "escape", "time", "1", "1.05", "10", "%"], ["✓", "norm", "3", "3", "10", "%"]]


@pytest.mark.parametrize("predicted, measured, tolerance, words", [
    (2.0, 1.97312, {"rel": 0.05}, "measured 1.97 "), (23.7, 23.7219, {"abs": 1}, "measured 23.7 "), (0.5, 0.50012, {"abs": 1e-3}, "measured 0.5001 "),
    (0.0, -3e-17, {"abs": 1e-6}, "measured 0 "), (2305, 2305.4, {"rel": 0.005}, "measured 2305 "), (0.8007, 0.80073, {"abs": 1e-6}, "measured 0.8007 "),
    (1.0, 1.00004, {"abs": 0}, "measured 1 ")])
def test_a_measurement_is_printed_to_a_tenth_of_its_tolerance_and_four_digits(predicted, measured, tolerance, words, capsys):
    lesson.fact("C1", "rank", predicted, measured, **tolerance)
    lesson.facts()
    line, _, row = printed(capsys).splitlines()
    assert words in line
    assert row.split()[3] == words.split()[1]


@pytest.mark.parametrize("wrong", ["C1", "C2", "C3"])
def test_the_table_marks_the_one_fact_that_disagrees(wrong, capsys):
    for name in ("C1", "C2", "C3"):
        lesson.fact(name, f"what {name} is", 1.0, 1.1 if name == wrong else 1.0, rel=0.01)
    printed(capsys)
    lesson.facts()
    _, *rows = printed(capsys).splitlines()
    assert [(row[0], row.split()[2]) for row in rows] == [("✗" if name == wrong else "✓", name) for name in ("C1", "C2", "C3")]


def test_without_facts_the_table_says_so(capsys):
    lesson.facts()
    assert "No fact yet" in printed(capsys)


@pytest.mark.parametrize("answer, reply", [(..., "Exercise 1.1: put your answer in place of the dots"), (1.29, "✓ Exercise 1.1: right"),
                                           (1.0, "✗ Exercise 1.1: not yet. 1 is the stable rank of one sign's neurons alone")])
def test_a_check_says_unanswered_right_or_which_mistake(answer, reply, capsys):
    lesson.check("1.1", answer)
    assert printed(capsys).startswith(reply)


def test_a_figure_is_shown_with_its_text_below(monkeypatch):
    shown = []
    monkeypatch.setattr(lesson, "display", shown.append)
    figure = figures.log_log("title", "x", "y", {"a": ([1, 2, 3, 4], [1, 2, 0, np.nan])}, {}, alt="two points <on> a line")
    lesson.show(figure)
    assert shown[0] is figure and "two points &lt;on&gt; a line" in shown[1].data


def two_fits():
    network = TwoLayer(6, "relu", bias=True)
    run = Trajectory(np.arange(4.0), np.array([network.init(1, 1.0, seed) for seed in range(4)]), np.arange(4.0), 4, "time")
    return figures.two_fits(network, data.hinge(), {"small": run, "large": run}, np.linspace(-2, 2, 9))


T, DRAWN = np.array([0, 1, 10, 100]), np.random.default_rng(0).uniform(1, 2, (5, 3))
FIGURES = {
    "two_fits": two_fits,
    "correlation": lambda: figures.correlation(np.linspace(-180, 180, 7), np.arange(7.0), [60.0], [-60.0], {"start": [1.0, 2.0], "end": [3.0]}, alt="F and its neurons"),
    "log_log": lambda: figures.log_log("Times", "δ", "time t", {"runs": (T[1:], DRAWN)}, {"theory": (T[1:], T[1:] / 2)}, alt="times over scales"),
    "curves": lambda: figures.curves("Norms", "time t", "‖θ‖", {"tanh": (T, T + 1.0), "relu": (T, 2.0 * T + 1)}, "norms over time", points={"relu": (T[1:], T[1:])}, log="y"),
    "stable_ranks": lambda: figures.stable_ranks({"δ": (T, [9.0, 2, 1.5, 1.6])}, {"curve": (T[1:], [2.1, 1.5, 1.6])}, {"limit": 1.7, "dip": 1.3}, alt="ranks over steps"),
    "cosines": lambda: figures.cosines({"start": DRAWN, "end": np.ones((6, 2))}),
    "images": lambda: figures.images({"v": DRAWN.ravel(), "u": -DRAWN.ravel()}, (3, 5)),
}


def test_every_public_function_of_figures_has_an_example_here():
    public = {name for name, value in vars(figures).items() if callable(value) and value.__module__ == "helpers.figures" and not name.startswith("_")}
    assert set(FIGURES) == public


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_has_a_title_axis_titles_and_alt_text_in_letters_that_can_be_read(name):
    figure = FIGURES[name]()
    layout = figure.layout
    assert len(layout.meta["alt"].split()) >= 3 and layout.title.text
    assert layout.font.size >= 14 and all(note.font.size >= 14 for note in layout.annotations)
    if name != "images":  # pictures of weights have no axes
        assert all(axis.title.text for axis in figure.select_xaxes())
        assert any(axis.title.text for axis in figure.select_yaxes())


@pytest.mark.parametrize("name", FIGURES)
def test_no_trace_of_a_figure_is_empty_or_not_a_number(name):
    traces = FIGURES[name]().data
    assert len(traces) > 0
    for trace in traces:
        for values in ([trace.z] if trace.type == "heatmap" else [trace.x, trace.y]):
            assert np.size(values) > 0 and np.isfinite(np.asarray(values, dtype=float)).any()


@pytest.mark.parametrize("name", FIGURES)
def test_in_one_panel_what_is_told_apart_by_colour_is_told_apart_by_shape_too(name):
    looks = {}
    for trace in (trace for trace in FIGURES[name]().data if trace.type == "scatter" and trace.showlegend is not False):
        looks.setdefault(trace.name, (trace.xaxis, trace.mode, trace.line.dash, trace.marker.symbol))
    assert len(set(looks.values())) == len(looks)


def trace(figure, name):
    return next(trace for trace in figure.data if trace.name == name)


def test_peaks_and_valleys_stand_on_the_correlation_and_neurons_at_zero():
    figure = FIGURES["correlation"]()
    np.testing.assert_allclose(trace(figure, "peak, F > 0").y, [4.0])
    np.testing.assert_allclose(trace(figure, "valley, F < 0").y, [2.0])
    np.testing.assert_allclose(trace(figure, "start").y, [0, 0])


def test_points_stand_at_the_median_of_the_seeds_with_their_range():
    runs = trace(FIGURES["log_log"](), "runs")
    np.testing.assert_allclose(runs.y, np.median(DRAWN, axis=0))
    np.testing.assert_allclose(runs.y + runs.error_y.array, DRAWN.max(axis=0))
    np.testing.assert_allclose(runs.y - runs.error_y.arrayminus, DRAWN.min(axis=0))


def test_fitted_functions_are_the_networks_outputs_at_the_end():
    network, figure = TwoLayer(6, "relu", bias=True), FIGURES["two_fits"]()
    np.testing.assert_allclose(trace(figure, "network").y, network.outputs(network.init(1, 1.0, 3), np.linspace(-2, 2, 9)[:, None]), rtol=1e-6)


def test_directions_of_networks_without_a_bias_are_not_drawn_on_a_circle():
    with pytest.raises(ValueError, match="one input and a bias"):
        figures.two_fits(TwoLayer(6, "relu"), data.hinge(), {}, np.zeros(1))


@pytest.mark.parametrize("log, types", [("", (None, None)), ("x", ("log", None)), ("y", (None, "log")), ("xy", ("log", "log"))])
def test_curves_have_the_logarithmic_axes_that_were_asked_for(log, types):
    figure = figures.curves("Norms", "time t", "‖θ‖", {"tanh": (T, T + 1.0)}, "norms over time", log=log)
    assert (figure.layout.xaxis.type, figure.layout.yaxis.type) == types
    assert (figure.layout.xaxis.title.text, figure.layout.yaxis.title.text, figure.layout.title.text) == ("time t", "‖θ‖", "Norms")
    assert figure.layout.meta["alt"] == "norms over time"


def test_curves_show_lines_and_points_and_a_label_of_both_has_one_colour_and_one_entry():
    lines = {"tanh": (T, T + 1.0), "relu": (T, 2.0 * T)}
    figure = figures.curves("Norms", "t", "‖θ‖", lines, "norms over time", points={"relu": (T[1:], 3 * T[1:]), "others": (T, T)})
    tanh, relu, marks, others = figure.data
    np.testing.assert_allclose([relu.x, relu.y], [T, 2 * T])
    np.testing.assert_allclose([marks.x, marks.y], [T[1:], 3 * T[1:]])
    assert [t.mode for t in figure.data] == ["lines", "lines", "markers", "markers"] and [t.name for t in figure.data] == ["tanh", "relu", "relu", "others"]
    assert relu.line.color == marks.marker.color and len({tanh.line.color, relu.line.color, others.marker.color}) == 3
    assert [t.showlegend for t in figure.data[2:]] == [False, True]


@pytest.mark.parametrize("log", ["z", "yx", None, True, 1, ["x"]])
def test_curves_refuse_other_axes(log):
    with pytest.raises(ValueError, match="log must be"):
        figures.curves("Norms", "t", "‖θ‖", {"tanh": (T, T)}, "norms over time", log=log)
