"""The explorer of lesson 4: what is predicted at a plateau is read off there and nowhere later, it comes true in the picture, and every setting has one."""

import re
from functools import lru_cache

import numpy as np
import pytest

import helpers
from helpers import linear, ncf, saddles
from helpers.explorers import staircase_explorer
from helpers.explorers.panels import Chart, Circle
from helpers.explorers.scene import encode
from helpers.explorers.staircase import CONTROLS, FRAMES, NETWORKS, SEPARATIONS, STEPS
from helpers.explorers.staircase import compute as compute_anew
from helpers.linear import Diagonal
from helpers.problem import Problem

DEFAULT = {"scale": 1e-6, "network": "squared ReLU", "data": "well separated", "seed": 0}
NUMBER = r"−?[\d.]+(?:·10[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+)?"
CUBIC = [name for name, (network, _) in NETWORKS.items() if network().degree == 3]
STEPPED = [DEFAULT | {"network": name, "scale": 1e-3 if name in CUBIC else 1e-6} for name in NETWORKS]  # settings with clear plateaus, one for each network


def network_of(settings):
    return settings["network"]


each_network = pytest.mark.parametrize("settings", STEPPED, ids=network_of)


def problem_of(settings):
    """The problem and the start of these settings."""
    make_network, make_data = NETWORKS[settings["network"]]
    network, data = make_network(), make_data(settings["data"] == "close together", settings["seed"])
    seed = () if isinstance(network, Diagonal) else (settings["seed"],)
    return helpers.Problem(network, data), network.init(data.dim, settings["scale"], *seed)


remembered = lru_cache(lambda items: compute_anew(**dict(items)))


def compute(**settings):
    """The Scene of these settings, computed once."""
    return remembered(tuple(settings.items()))


def trained(settings):
    """The problem and a run of it that is much more exact than the picture's."""
    return trained_once(tuple(settings.items()))


@lru_cache
def trained_once(items):
    settings = dict(items)
    problem, theta0 = problem_of(settings)
    level, cubic = helpers.stop_at(loss=1e-3 * problem.loss(np.zeros_like(theta0))), settings["network"] in CUBIC
    return problem, helpers.gradient_flow(problem, theta0, 1e300, stop=level, rtol=1e-9 if not problem.network.kinked else 1e-6, stiff=cubic, max_evaluations=10**6)


def ghosts(scene, panel=0):
    return scene.panels[panel].ghosts


def end(scene):
    return scene.text_at(FRAMES - 1)


def test_the_defaults_are_those_of_the_controls_and_the_reader_begins_at_time_0():
    shown = staircase_explorer()
    assert shown.settings == DEFAULT and shown.cursor == 0
    assert (CONTROLS[0].low, CONTROLS[0].high) == (1e-10, 1)


def test_one_setting_has_one_picture():
    for settings in STEPPED[:4]:
        assert encode(compute_anew(**settings), settings) == encode(compute_anew(**settings), settings)


@each_network
def test_the_frames_are_the_flow(settings):
    scene = compute(**settings)
    _, exact = trained(settings)
    curve = scene.panels[0].series["loss"]
    assert curve[0] == pytest.approx(exact.loss[0]) and curve[-1] == pytest.approx(exact.loss[-1], rel=1e-3)
    for level in np.geomspace(0.99 * exact.loss[0], 1.01 * exact.loss[-1], 30):  # at the same time the same loss: plateaus are flat, drops steep
        reached, measured = (np.interp(-level, -loss, t) for loss, t in ((curve, scene.time), (exact.loss, exact.t)))
        assert reached == pytest.approx(measured, rel=2e-2 if settings["network"] in CUBIC else 5e-3)


def test_the_frames_of_a_smooth_network_of_degree_2_are_the_flow_to_a_thousandth():
    scene = compute(**DEFAULT)
    problem, exact = trained(DEFAULT)
    assert scene.values["loss"] == pytest.approx([problem.loss(theta) for theta in exact.at(np.minimum(scene.time, exact.t[-1]))], rel=1e-2)


@each_network
def test_the_step_is_predicted_from_the_plateau_alone(settings):
    """The ghosts' times and losses are those of next_step at the plateaus of another, more exact run."""
    scene = compute(**settings)
    problem, exact = trained(settings)
    found = saddles.plateaus(problem, exact)
    assert len(ghosts(scene)) == len(found) >= 2
    for ghost, plateau in zip(ghosts(scene), found, strict=True):
        step = saddles.next_step(problem, plateau)
        assert ghost.mark == pytest.approx(step.time, rel=3e-2 if settings["network"] == "deep linear, 3 layers" else 2e-3)
        assert ghost.y[-1, 0] == pytest.approx(step.loss, rel=1e-2, abs=1e-3 * plateau.loss)


@each_network
def test_a_ghost_is_seen_before_it_comes_true(settings):
    scene = compute(**settings)
    for ghost in ghosts(scene):
        drop = np.searchsorted(scene.time, ghost.mark)
        assert ghost.frame < drop and scene.time[ghost.frame] == pytest.approx(ghost.x[0], rel=0.2, abs=scene.time[1])
        assert scene.panels[0].series["loss"][ghost.frame] > 0.95 * ghost.y[0, 0], "the drop has not begun"
    assert all(panel.unfolds for panel in scene.panels if isinstance(panel, Chart))


@each_network
def test_the_loss_comes_down_along_its_ghost(settings):
    scene = compute(**settings)
    problem, exact = trained(settings)
    for ghost, plateau in zip(ghosts(scene), saddles.plateaus(problem, exact), strict=True):
        for part in (0.25, 0.5, 0.75):
            level = plateau.saddle_loss - part * (plateau.saddle_loss - ghost.y[-1, 0])
            predicted, measured = (np.interp(-level, -loss, t) for loss, t in ((ghost.y[:, 0], ghost.x), (exact.loss, exact.t)))
            assert measured == pytest.approx(predicted, rel=3e-2 if settings["network"] == "deep linear, 3 layers" else 5e-3)


@pytest.mark.parametrize("network", ["squared ReLU", "ReLU", "deep linear, 2 layers"])
@pytest.mark.parametrize("seed", range(1, 6))
def test_for_other_starts_too_the_drops_come_when_and_where_they_were_predicted(network, seed):
    scene = compute(**DEFAULT | {"network": network, "seed": seed})
    told = [scene.text_at(frame) for frame, text in scene.text if text.startswith("Drop")]
    assert len(told) == (2 if network == "ReLU" else 3) or (network == "squared ReLU" and "they are not at a minimum" in scene.text_at(scene.text[4][0]))
    for line in told:
        came, read = (float(number) for number in re.match(r"Drop \d came at t = ([\d.]+), predicted ([\d.]+)", line).groups())
        assert came == pytest.approx(read, rel=1e-2)


# The other panels


@pytest.mark.parametrize("settings", [s for s in STEPPED if "ReLU" in s["network"]], ids=network_of)
def test_the_field_around_the_neurons_is_that_of_the_residual_frozen_at_the_plateau(settings):
    scene = compute(**settings)
    circle = scene.panels[1]
    assert isinstance(circle, Circle)
    problem, exact = trained(settings)
    angle = np.linspace(-np.pi, np.pi, circle.field.shape[1], endpoint=False)
    for ghost, plateau in zip(ghosts(scene), saddles.plateaus(problem, exact), strict=True):
        field = ncf.correlation(problem.frozen(plateau.residual)).value(np.column_stack([np.cos(angle), np.sin(angle)]))
        key = np.searchsorted(circle.keys, ghost.frame)
        assert circle.field[key] == pytest.approx(field / np.abs(field).max(), abs=0.05)


def test_each_petal_is_found_in_its_turn():
    """Squared ReLU, the default: the directions predicted are those of the three petals, the largest first."""
    degrees = [np.rad2deg(angle) % 360 for _, angle in compute(**DEFAULT).panels[1].ghosts]
    assert degrees == pytest.approx([0, 120, 240], abs=10)


@pytest.mark.parametrize("settings", [s for s in STEPPED if "ReLU" in s["network"]], ids=network_of)
def test_neurons_stand_where_their_weights_point_and_grow_logarithmically(settings):
    scene = compute(**settings)
    circle, sizes = scene.panels[1], scene.panels[2].series["size of each neuron"]
    problem, theta0 = problem_of(settings)
    W, _ = problem.network.weights(theta0)
    assert circle.angle[0] == pytest.approx(np.arctan2(W[:, 1], W[:, 0]))
    assert circle.length[-1].max() == pytest.approx(1, abs=1e-2) and circle.length.max() == pytest.approx(1)
    lengths, logs = np.sort(circle.length[-1])[::-1], np.log(np.sort(sizes[-1])[::-1])
    seen = lengths > 0
    assert np.corrcoef(lengths[seen], logs[seen])[0, 1] > 0.999


@each_network
def test_the_sizes_are_those_of_the_networks_parts(settings):
    scene = compute(**settings)
    problem, theta0 = problem_of(settings)
    (curves,) = scene.panels[2].series.values()
    parts = np.sort(np.linalg.norm(problem.network.parts(theta0), axis=1))[::-1]
    if settings["network"] == "deep linear, 3 layers":
        parts = np.sort(np.linalg.norm(problem.network.parts(theta0)[:-1], axis=1))[::-1]  # its last part, the rest, is no mode
    count = min(len(parts), curves.shape[1])
    if isinstance(problem.network, Diagonal):
        assert curves[0] == pytest.approx(parts[:count])
    else:
        assert np.sort(curves[0])[::-1] == pytest.approx(parts[:count])


@each_network
def test_the_winners_grow_along_their_ghosts(settings):
    scene = compute(**settings)
    (curves,) = scene.panels[2].series.values()
    for ghost in ghosts(scene, 2):
        late = (ghost.x > ghost.x[0] + 0.6 * (ghost.mark - ghost.x[0])) & (ghost.x < min(ghost.x[0] + 0.98 * (ghost.mark - ghost.x[0]), scene.time[-1]))
        for curve in ghost.y.T:
            for x, y in zip(ghost.x[late], curve[late], strict=True):
                now = [np.exp(np.interp(x, scene.time, np.log(np.maximum(one, 1e-300)))) for one in curves.T]
                assert np.abs(np.log(np.array(now) / y)).min() < 0.3, "some part has that size then"


def test_a_ghost_follows_one_mode_also_where_another_is_larger_at_first():
    ghost = ghosts(compute(**DEFAULT | {"network": "deep linear, 3 layers", "scale": 1e-2}), 2)[2]
    assert (np.diff(np.log(ghost.y[ghost.x < ghost.mark, 0])) > -1e-3).all(), "it only grows; the other mode, at first above it, does not"


@pytest.mark.parametrize("name", ["deep linear, 2 layers", "deep linear, 3 layers"])
def test_singular_values_rise_one_by_one_to_those_of_the_data(name):
    scene = compute(**next(s for s in STEPPED if s["network"] == name))
    values = scene.panels[1].series["singular values"]
    assert values[-1, :2] == pytest.approx([4, 2], rel=1e-3) and 0.8 < values[-1, 2] < 1.01
    assert [ghost.y.shape[1] for ghost in ghosts(scene, 1)] == [1, 2, 3]
    assert [ghost.y[-1, -1] for ghost in ghosts(scene, 1)] == pytest.approx([4, 2, 1], rel=1e-3)


def test_coefficients_leave_0_one_by_one():
    settings = DEFAULT | {"network": "diagonal linear, depth 2"}
    scene = compute(**settings)
    problem, _ = problem_of(settings)
    true = linear.min_l1(problem.data.X, problem.data.y)
    beta = scene.panels[1].series["coefficients β"][-1]
    assert np.sort(beta[np.abs(beta) > 0.1]) == pytest.approx(np.sort(true[np.abs(true) > 0.1]), abs=0.2)
    assert [ghost.y.shape[1] for ghost in ghosts(scene, 1)] == [1, 2, 3]


# Words


@each_network
def test_the_text_tells_each_prediction_and_how_it_came_out(settings):
    scene = compute(**settings)
    lines = [scene.text_at(frame) for frame, _ in scene.text]
    assert len(lines) == 2 * len(ghosts(scene))
    aim = {"R": rf"direction {NUMBER}°", "d": rf"singular values {NUMBER}(, {NUMBER})*"}["R" if "ReLU" in settings["network"] else "d"]
    aim = rf"β[₀-₉]+ = {NUMBER}(, β[₀-₉]+ = {NUMBER})*" if "diagonal" in settings["network"] else aim
    for number, (before, after) in enumerate(zip(lines[::2], lines[1::2], strict=True), 1):
        assert re.fullmatch(rf"Plateau {number}, time [\d.e+-]+, loss [\d.e+-]+: the residual frozen here predicts the next drop at t = {NUMBER}, to loss {NUMBER}, {aim}", before)
        assert re.match(rf"Drop {number} came at t = {NUMBER}, predicted {NUMBER}", after)
    assert re.search(r"; loss now [\d.e+-]+$", lines[-1])


def test_the_text_of_the_default():
    scene = compute(**DEFAULT)
    first, came = scene.text_at(0), scene.text_at(scene.text[1][0])
    assert first == "Plateau 1, time 0, loss 525: the residual frozen here predicts the next drop at t = 0.07512, to loss 56.84, direction 1.4°"
    assert re.fullmatch(r"Drop 1 came at t = 0\.0751\d, predicted 0\.07512; it leads to loss 56\.8\d, predicted 56\.84; direction 1\.4°, predicted 1\.4°", came)


@pytest.mark.parametrize("settings, why", [
    (DEFAULT | {"scale": 1.0}, "the start is not small"), (DEFAULT | {"scale": 1e-2}, "other weights follow"),
    (DEFAULT | {"network": "deep linear, 2 layers", "data": "close together"}, "other weights follow")], ids=range(3))
def test_where_nothing_can_be_read_off_the_text_says_why_and_no_ghost_is_seen(settings, why):
    scene = compute(**settings)
    assert why in scene.text_at(0) and "a smaller δ keeps steps apart" in scene.text_at(0)
    assert not ghosts(scene) and re.fullmatch(r"Time [\d.e+-]+, loss [\d.e+-]+: the loss falls, and nothing was predicted", end(scene))


@pytest.mark.parametrize("network", CUBIC)
def test_a_start_too_small_for_a_network_of_degree_3_is_refused_and_the_picture_stays(network):
    toy = staircase_explorer(network="deep linear, 2 layers", scale=1e-10)
    before = toy.run
    toy.request = {"client": "page", "sequence": 1, "settings": toy.settings | {"network": network}}
    assert toy.failure["message"].startswith("ValueError: scale is 1e-10; a network of degree 3 rests") and toy.run == before


def test_an_interrupted_run_is_told_and_not_shown_as_if_it_were_whole(monkeypatch):
    toy = staircase_explorer(network="deep linear, 2 layers")
    before, motion, asked = toy.run, Problem.motion, []

    def interrupted(look):
        def told(theta):
            asked.append(1)
            if len(asked) == 30:
                raise KeyboardInterrupt
            return look(theta)
        return told

    monkeypatch.setattr(Problem, "motion", lambda problem: interrupted(motion(problem)))
    toy.request = {"client": "page", "sequence": 1, "settings": toy.settings | {"network": "squared ReLU"}}
    monkeypatch.undo()
    assert toy.failure == {"client": "page", "sequence": 1, "message": "KeyboardInterrupt: the run was stopped"} and toy.run == before


def corners():
    """Every network with both kinds of data, at scales over the whole range and at other seeds."""
    for k, (name, data) in enumerate((n, d) for n in NETWORKS for d in SEPARATIONS):
        for scale in (1e-6, 1e-4, 1e-2, 0.1, 1.0) if name in CUBIC else (1e-10, 1e-7, 1e-4, 1e-2, 1.0):
            yield {"scale": scale, "network": name, "data": data, "seed": (k * 7) % 20}


@pytest.mark.parametrize("settings", list(corners()), ids=lambda settings: "-".join(map(str, settings.values())))
def test_every_corner_has_a_picture(settings):
    scene = compute_anew(**settings)
    assert len(encode(scene, settings)) < 100_000 and (np.diff(scene.time) > 0).all()
    assert len(ghosts(scene)) <= STEPS and np.isfinite(scene.values["loss"]).all()
    assert [frame for frame, _ in scene.text] == sorted({frame for frame, _ in scene.text})


def test_a_page_opens_where_the_explorer_stands(tmp_path):
    staircase_explorer(network="deep linear, 2 layers").save_html(tmp_path / "page.html", scale=[1e-3, 1e-6])
    assert '"cursor": 0.0' in (tmp_path / "page.html").read_text(encoding="utf-8")
