"""Forecasts: the NCF's paths against numerical integration, their goals against the critical directions, and what becomes of neurons that do not grow."""

import numpy as np
import pytest
import torch

from helpers import Deep, Problem, TorchNetwork, TwoLayer, activation, data, gradient_flow, ncf, stop_at
from helpers.data import Dataset
from helpers.predict import forecast

SPOKES = data.spokes(labels=(1, 0.7, -1, -1.3, 1, 0.6))
POINT = Dataset([[1.0]], [1.0])  # F(w) = σ(w)
CURVED = ["z**2", "z**3", "relu**2", "x*tanh(x)"]
DEEP = [Deep((2, 4, 3, 1), "linear"), Deep((2, 4, 1), "relu**2"), Deep((2, 3, 3, 1), "relu**2")]


def two_layer(name, width=8, **more):
    return Problem(TwoLayer(width, name, **more), SPOKES)


def alone(problem, theta0, j):
    """Neuron j of a two-layer problem as a problem of its own, with its start."""
    W, a = problem.network.weights(theta0)
    network = TwoLayer(1, problem.network.activation, problem.network.train_output, problem.network.bias, None if problem.network.train_output else a[[j]])
    return Problem(network, problem.data), np.append(W[j], a[j]) if network.train_output else W[j]


def blocks(problem, thetas):
    """Lengths (k, m) and directions (k, m, D) of the blocks of a run."""
    if not isinstance(problem.network, TwoLayer):
        lengths = np.linalg.norm(thetas, axis=1)[:, None]
        return lengths, (thetas / lengths)[:, None]
    W, a = problem.network.weights(thetas)
    size = np.linalg.norm(W, axis=2)
    return np.hypot(size, a) if problem.network.train_output else size, W / size[:, :, None]


def agree(found, problem, thetas, times, length, direction):
    lengths, directions = blocks(problem, thetas)
    np.testing.assert_allclose(found.lengths(times), lengths, rtol=length)
    assert np.linalg.norm(found.directions(times) - directions, axis=2).max() < direction


def rescaled_run(problem, start, norm, rtol):
    """A run of the NCF to that norm, thinned, with its physical times."""
    slow = ncf.leading(problem).rescaled()
    run = gradient_flow(slow, start, 200, stop=stop_at(norm=norm), rtol=rtol)
    return slow.physical_time(run), run


# --- paths ---

@pytest.mark.parametrize("name", ["tanh", "linear", "z**1", "smooth_leaky_relu(0.3)"])
def test_neurons_of_degree_two_without_kinks_follow_the_flow(name):
    problem, times = two_layer(name), np.linspace(0.1, 3, 6)
    start = problem.network.init(2, 1e-4, seed=1)
    run = gradient_flow(ncf.leading(problem), start, 3, rtol=1e-9)
    agree(forecast(problem, start), problem, run.at(times), times, 1e-6, 1e-6)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("name", ["relu", "leaky_relu(0.2)"])
def test_neurons_cross_kinks_and_slide_along_them_as_the_flow_does(name, bias):
    problem, times, pieces = two_layer(name, bias=bias), np.linspace(0.2, 1.4, 7), []
    start = problem.network.init(2, 1e-3, seed=0)
    whole = forecast(problem, start)
    for j in range(8):
        one, theta0 = alone(problem, start, j)
        unique = times if whole.fate[j] != "undecided" else times[times < whole._paths[j].pieces[-1].start]
        run = gradient_flow(one.frozen(), theta0, times[-1], rtol=1.5e-5)
        lengths, directions = blocks(one, run.at(unique))
        np.testing.assert_allclose(whole.lengths(unique)[:, j], lengths[:, 0], rtol=1e-2)
        np.testing.assert_allclose(whole.directions(unique)[:, j], directions[:, 0], atol=1e-2)
        pieces.append(len(whole._paths[j].pieces))
    assert max(pieces) >= 4


def test_a_sliding_neuron_stays_on_its_kink_and_ends_at_the_projected_point():
    """The points of test_flow.py: a neuron turns to the kink of the second and slides along it."""
    problem = Problem(TwoLayer(1, "relu"), Dataset([[1, 0], [np.cos(1), np.sin(1)]], [1, -1]))
    found = forecast(problem, np.array([0.9, 0.5, 1.0]) * 1e-3)
    np.testing.assert_allclose(found.goals[0], [np.sin(1), -np.cos(1)], atol=1e-12)
    assert found.rate[0] == pytest.approx(np.sin(1) / 2) and np.isnan(found.exponent[0])
    np.testing.assert_allclose(found.directions([5.0, 9.0])[:, 0] @ problem.data.X[1], 0, atol=1e-12)
    run = gradient_flow(problem.frozen(), np.array([0.9, 0.5, 1.0]) * 1e-3, 5, rtol=2.5e-6)
    np.testing.assert_allclose(found.norm([5.0]), run.norm[-1], rtol=1e-3)


@pytest.mark.parametrize("name, more, length", [
    ("z**2", {}, 1e-6), ("z**3", {}, 1e-5), ("x*tanh(x)", {}, 1e-6), ("relu**2", {}, 5e-4), ("leaky_relu(0.3)**2", {"bias": True}, 1e-4),
    ("z**3", {"train_output": False}, 1e-6), ("relu**3", {"train_output": False}, 1e-4)])
def test_neurons_of_higher_degree_follow_the_flow_on_the_rescaled_clock(name, more, length):
    problem = two_layer(name, **more)
    start = problem.network.init(2, 1e-3, seed=1)
    t, run = rescaled_run(problem, start, 5e-3, 1e-9)
    rows = np.arange(len(t) // 8, len(t), len(t) // 8)
    agree(forecast(problem, start), problem, run.theta[rows], t[rows], length, 2e-3)


@pytest.mark.parametrize("name", ["z**2", "relu**2", "leaky_relu(0.3)**2"])
def test_fixed_output_weights_make_the_degree_smaller_by_one(name):
    problem, times = two_layer(name, train_output=False), np.linspace(0.1, 3, 6)
    start = problem.network.init(2, 1e-3, seed=0)
    found, run = forecast(problem, start), gradient_flow(problem.frozen(), start, 3, rtol=1e-9)
    assert found.degree == 2 and np.isinf(found.blow_up).all()
    agree(found, problem, run.at(times), times, 1e-3, 1e-3)


@pytest.mark.parametrize("network", DEEP, ids=repr)
def test_a_deep_network_is_one_block_that_follows_the_flow(network):
    problem = Problem(network, SPOKES)
    start = network.init(2, 0.1, seed=1)
    found, (t, run) = forecast(problem, start), rescaled_run(problem, start, 0.2, 1e-8)
    rows = np.arange(len(t) // 5, len(t), len(t) // 5)
    assert (found.degree, len(found.fate)) == (network.degree, 1)
    agree(found, problem, run.theta[rows], t[rows], 1e-4, 1e-3)
    assert found.escape_time(0.2) == pytest.approx(t[-1], rel=1e-5)
    assert ncf.kkt_residual(problem, found.goals[0]) < 1e-6 and found.winner == 0
    assert found.rate[0] == pytest.approx(-problem.frozen().loss(found.goals[0])) and np.isnan(found.exponent[0])


def test_a_torch_module_with_a_degree_has_the_forecast_of_the_same_deep_network():
    class Square(torch.nn.Module):
        def forward(self, z):
            return z**2

    network = Deep((2, 2, 1), "z**2")
    layers = torch.nn.Linear(2, 2, bias=False), Square(), torch.nn.Linear(2, 1, bias=False)
    start, same = network.init(2, 0.1, seed=1), TorchNetwork(torch.nn.Sequential(*layers))
    one, other = forecast(Problem(network, SPOKES), start), forecast(Problem(same, SPOKES), start)
    assert other.degree == one.degree == 3 and one.blow_up == pytest.approx(other.blow_up)


@pytest.mark.parametrize("name", ["relu", "relu**2", "z**3"])
def test_every_neuron_moves_alone(name):
    problem = two_layer(name, width=20)
    start = problem.network.init(2, 1.0, seed=0)
    whole = forecast(problem, start)
    for j in range(20):
        one = forecast(*alone(problem, start, j))
        assert (one.fate[0], one.sign[0]) == (whole.fate[j], whole.sign[j])
        np.testing.assert_allclose([one.blow_up[0], one.rate[0]], [whole.blow_up[j], whole.rate[j]], rtol=1e-3)
        np.testing.assert_allclose(one.goals[0], whole.goals[j], atol=1e-6)


@pytest.mark.parametrize("weak", [1e-2, 1e-9])
def test_the_last_neuron_is_followed_to_its_goal_however_far_it_is_behind(weak):
    problem = Problem(TwoLayer(2, "relu**2"), data.spokes([0, 120], [100, weak]))
    start = np.array([1.0, 0.1, -0.9, 0.5, 1.0, 0.2])
    whole = forecast(problem, start)
    assert whole.fate == ("grows",) * 2 and whole.blow_up[1] > 1e4 * whole.blow_up[0]
    for j in range(2):
        one = forecast(*alone(problem, start, j))
        np.testing.assert_allclose([one.blow_up[0], one.lengths([0.8 * one.blow_up[0]])[0, 0]],
                                   [whole.blow_up[j], whole.lengths([0.8 * one.blow_up[0]])[0, j]], rtol=1e-4)


# --- times and winners ---

@pytest.mark.parametrize("name, more, error", [("tanh", {}, 1e-6), ("relu", {}, 1e-4), ("z**2", {}, 1e-5), ("z**3", {}, 1e-5), ("relu**2", {}, 1e-5), ("z**2", {"train_output": False}, 1e-5)])
def test_the_escape_time_is_that_of_the_flow_of_the_ncf(name, more, error):
    problem = two_layer(name, **more)
    start = problem.network.init(2, 1e-3, seed=3)
    if name == "relu":  # the rescaled pace jumps where it slides
        run = gradient_flow(problem.frozen(), start, 10, stop=stop_at(norm=0.05), rtol=2.5e-6)
        t = run.t
    else:
        t, run = rescaled_run(problem, start, 0.05, 1e-9)
    found = forecast(problem, start)
    assert found.escape_time(0.05) == pytest.approx(t[-1], rel=error)
    assert found.norm([found.escape_time(0.05)])[0] == pytest.approx(0.05, rel=1e-3)
    assert found.winner == np.argmax(blocks(problem, run.theta[-1:])[0])


@pytest.mark.parametrize("name, more", [("tanh", {}), ("relu", {}), ("relu**2", {"train_output": False}), ("z**2", {}), ("z**3", {})])
@pytest.mark.parametrize("seed", [1, 4, 5])
def test_a_neuron_alone_has_an_escape_time_at_every_norm(name, more, seed):
    problem = two_layer(name, width=1, **more)
    for scale in (1e-2, 1e-12):
        found = forecast(problem, problem.network.init(2, scale, seed))
        times = [found.escape_time(norm) for norm in (1.001 * scale, 0.05, 0.3, 1.0, 1e3)]
        if found.fate[0] == "grows":
            assert np.isfinite(times).all() and (np.diff(times) >= 0).all()
            assert found.degree > 2 or found.norm(times) == pytest.approx([1.001 * scale, 0.05, 0.3, 1.0, 1e3], rel=1e-9)
        else:
            assert np.isinf(times[1:]).all() and found.winner is None


def test_for_degree_two_the_winner_is_the_longest_in_the_end():
    problem = two_layer("relu", width=12)
    found = forecast(problem, problem.network.init(2, 1e-3, seed=0))
    late = found.lengths([40.0])[0]
    assert found.winner == np.argmax(late) and found.rate[found.winner] == found.rate.max()


def test_the_faster_one_of_two_neurons_wins_however_far_it_is_behind():
    """One looks at the input with label 1, the other, a million times as long, at that with label 0.9: F = 1 and 0.9 there."""
    problem = Problem(TwoLayer(2, "relu"), data.spokes((0, 180), (1, 0.9)))
    found = forecast(problem, np.array([1e-7, 0, -0.1, 0, 1e-7, 0.1]))
    np.testing.assert_allclose(found.rate, [0.5, 0.45])
    assert found.winner == 0 == np.argmax(found.lengths([200.0])[0]) and np.argmax(found.lengths([100.0])[0]) == 1


def test_a_start_beyond_the_norm_escapes_at_once_and_one_that_freezes_never():
    assert forecast(two_layer("tanh"), two_layer("tanh").network.init(2, 0.1, seed=0)).escape_time(0.05) == 0
    frozen = forecast(Problem(TwoLayer(1, "relu"), POINT), [-1.0, 0.5])
    assert frozen.escape_time(3.0) == np.inf and frozen.winner is None


@pytest.mark.parametrize("problem", [two_layer("z**2"), two_layer("z**3"), two_layer("relu**2"), two_layer("z**3", train_output=False), Problem(DEEP[0], SPOKES)], ids=repr)
def test_blow_up_times_scale_as_the_start_to_the_minus_l_minus_2(problem):
    one, tenth = (forecast(problem, problem.network.init(2, scale, seed=3)) for scale in (1.0, 0.1))
    np.testing.assert_allclose(tenth.blow_up, one.blow_up * 10.0 ** (one.degree - 2), rtol=1e-6)
    assert np.isfinite(one.blow_up[one.winner]) and one.winner == np.argmin(one.blow_up)
    last = one.blow_up[one.winner]
    assert one.escape_time(1e4) <= last * (1 + 1e-9) and np.isinf(one.norm([1.001 * last])[0]) and np.isfinite(one.norm([0.999 * last])[0])


@pytest.mark.parametrize("p", [1, 2, 3, 4])
def test_from_the_kkt_point_growth_is_that_of_the_table_of_escape_times(p):
    """N* = p^{p/2} (p+1)^{−(p+1)/2} F*; a blow-up at δ^{−(L−2)} / (L (L − 2) N*)."""
    scale, rate, L = 1e-2, p ** (p / 2) * (p + 1) ** (-(p + 1) / 2), p + 1
    found = forecast(Problem(TwoLayer(1, f"z**{p}"), POINT), scale * np.sqrt([p / (p + 1), 1 / (p + 1)]))
    assert found.rate[0] == pytest.approx(rate)
    if p == 1:
        assert found.escape_time(1.0) == pytest.approx(np.log(1 / scale) / (2 * rate)) and found.lengths([3.0])[0, 0] == pytest.approx(scale * np.exp(3))
    else:
        blow_up = scale ** -(L - 2) / (L * (L - 2) * rate)
        assert found.blow_up[0] == pytest.approx(blow_up)
        np.testing.assert_allclose(found.lengths(blow_up * np.array([0, 0.5, 0.9]))[:, 0], scale * (1 - np.array([0, 0.5, 0.9])) ** (-1 / (L - 2)))


# --- goals ---

BENT = [*CURVED, "leaky_relu(0.3)**2"]


@pytest.mark.parametrize("train_output, name", [*((True, name) for name in ("relu", "leaky_relu(0.2)", "tanh", *BENT)), *((False, name) for name in BENT)])
def test_goals_are_critical_directions_with_the_sign_that_grows_and_their_exponents(name, train_output):
    problem = two_layer(name, width=30, train_output=train_output)
    found = forecast(problem, problem.network.init(2, 1e-2, seed=0))
    critical, p = ncf.critical_directions(problem), problem.network.activation.branches[0]
    grows = [j for j in range(30) if found.fate[j] == "grows"]
    assert len(grows) > 10
    for j in grows:
        goal = min(critical, key=lambda c: np.linalg.norm(c.direction - found.goals[j]))
        np.testing.assert_allclose(found.goals[j], goal.direction, atol=1e-7)
        assert found.sign[j] * goal.value > 0 and goal.kind == {1: "positive", -1: "negative"}[found.sign[j]]
        assert found.exponent[j] == pytest.approx(goal.exponent, rel=1e-5, nan_ok=True)
        weight = p ** (p / 2) * (p + 1) ** (-(p + 1) / 2) if train_output else 1 / np.sqrt(30)
        assert found.rate[j] == pytest.approx(weight * abs(goal.value), rel=1e-6)
    for j in set(range(30)) - set(grows):
        assert (found.sign[j], found.rate[j], found.blow_up[j]) == (0, 0, np.inf) and np.isnan(found.goals[j]).all() and np.isnan(found.exponent[j])
    if not train_output:
        a = problem.network.weights(np.ones(60))[1]
        np.testing.assert_array_equal(found.sign[grows], np.sign(a[grows]))


def test_the_exponent_of_a_square_is_one_less_the_ratio_of_the_two_leading_eigenvalues():
    random = np.random.default_rng(0)
    problem = Problem(TwoLayer(10, "z**2"), Dataset(random.standard_normal((6, 4)), random.standard_normal(6)))
    low, *_, below, top = np.linalg.eigh(problem.data.X.T * problem.z @ problem.data.X)[0]
    second = np.linalg.eigvalsh(problem.data.X.T * problem.z @ problem.data.X)[1]
    found = forecast(problem, problem.network.init(4, 1.0, seed=0))
    wanted = {1: 1 - below / top, -1: 1 - second / low}
    assert found.exponent == pytest.approx([wanted[sign] for sign in found.sign], rel=1e-6) and set(found.sign) == {1, -1}


def test_directions_tend_to_the_goals():
    for name in ("relu", "tanh"):
        problem = two_layer(name)
        found = forecast(problem, problem.network.init(2, 1.0, seed=2))
        assert np.linalg.norm(found.directions([30.0])[0] - found.goals, axis=1).max() < 1e-5
    problem = two_layer("z**2")
    found = forecast(problem, problem.network.init(2, 1.0, seed=2))
    j = found.winner
    assert np.linalg.norm(found.directions([found.blow_up[j] * (1 - 1e-9)])[0, j] - found.goals[j]) < 1e-5


# --- fates ---

@pytest.mark.parametrize("p, name, late", [(2, "z**2", 1e2), (2, "relu**2", 1e2), (3, "z**3", 1e6), (3, "relu**3", 1e6)])
def test_a_neuron_of_the_wrong_sign_with_too_short_a_w_freezes_at_its_conserved_output_weight(p, name, late):
    w, a = 0.5, -0.9  # C = w² − p a² < 0
    found = forecast(Problem(TwoLayer(1, name), POINT), [w, a])
    assert found.fate == ("freezes",)
    assert found.lengths([0.0, late])[:, 0] == pytest.approx([np.hypot(w, a), np.sqrt((p * a**2 - w**2) / p)], rel=1e-5)


@pytest.mark.parametrize("p, name", [(1, "relu"), (2, "z**2"), (2, "relu**2"), (3, "z**3")])
def test_a_neuron_of_the_wrong_sign_with_a_long_w_changes_its_sign_and_grows(p, name):
    w, a = 1.0, -0.9 / np.sqrt(p)  # C > 0
    found = forecast(Problem(TwoLayer(1, name), POINT), [w, a])
    assert (found.fate, found.sign[0], found.goals[0, 0]) == (("grows",), 1, 1)


@pytest.mark.parametrize("start", [[0.27298068, -0.75481445, -0.59643666], [-0.36304103, -0.09731575, 0.92667732], [0.00303393, 0.73679711, -0.6761071]])
def test_a_neuron_that_shrinks_may_turn_and_grow_though_its_output_weight_keeps_its_sign(start):
    problem = two_layer("z**2", width=1)
    assert start[0] ** 2 + start[1] ** 2 < 2 * start[2] ** 2 and problem.frozen().loss(np.array(start)) > 0
    found = forecast(problem, start)
    t, run = rescaled_run(problem, start, 1e4, 1e-9)
    assert (found.fate, found.sign[0]) == (("grows",), np.sign(start[2])) and run.norm.min() < run.norm[0]
    assert found.escape_time(1e4) == pytest.approx(t[-1], rel=1e-5)


@pytest.mark.parametrize("start, angle", [([0.32068649, 0.5409631, -0.77750826], -10.07), ([0.55429426, -0.00777392, -0.83228447], -10.07)])
def test_in_the_plane_too_a_neuron_freezes_at_a_critical_direction_of_the_wrong_sign(start, angle):
    problem = two_layer("relu**2", width=1)
    found, run = forecast(problem, start), gradient_flow(problem.frozen(), start, 20, rtol=1e-9)
    np.testing.assert_allclose(found.lengths([1.0, 5.0, 20.0])[:, 0], np.linalg.norm(run.at([1.0, 5.0, 20.0]), axis=1), rtol=1e-5)
    assert found.fate == ("freezes",) and np.rad2deg(np.arctan2(*found.directions([10.0])[0, 0, ::-1])) == pytest.approx(angle, abs=0.01)
    assert found.lengths([1e3])[0, 0] == pytest.approx(np.sqrt((2 * start[2] ** 2 - start[0] ** 2 - start[1] ** 2) / 2), rel=1e-5)


@pytest.mark.parametrize("name", ["relu", "relu**2", "relu**3"])
def test_a_neuron_on_which_no_input_is_active_freezes_where_it_is(name):
    half = Dataset([[1.0, 0.2], [1.0, -0.3]], [1.0, -2.0])
    dead = forecast(Problem(TwoLayer(1, name), half), [-1.0, 0.1, 0.5])
    among = forecast(Problem(TwoLayer(2, name), half), np.concatenate([[-1.0, 0.1, 1.0, 0.5], [0.5, 0.7]]))
    for found in (dead, among):
        assert found.fate[0] == "freezes" and np.isnan(found.goals[0]).all() and (found.sign[0], found.rate[0]) == (0, 0)
        np.testing.assert_allclose(found.lengths([0.0, 1.0, 1e3])[:, 0], np.linalg.norm([-1.0, 0.1, 0.5]))
    assert among.fate[1] == "grows" and among.winner == 1 and dead.winner is None


def test_a_neuron_with_a_fixed_output_weight_of_the_wrong_sign_shrinks_for_ever():
    problem = Problem(TwoLayer(1, "z**4", train_output=False, output_weights=[1.0]), data.spokes([0, 60, 120], [-1, -2, -1.5]))
    found, times = forecast(problem, [0.4, -0.5]), np.array([0.2, 0.5, 1.0, 3.0, 10.0])
    run = gradient_flow(problem.frozen(), [0.4, -0.5], 10, rtol=1e-9)
    assert found.fate == ("freezes",) and found.winner is None
    agree(found, problem, run.at(times), times, 1e-6, 1e-2)
    assert found.lengths([1e9])[0, 0] < 1e-3


VALLEY = data.spokes([90, -30], [1, 1])  # a neuron with a < 0 to the right is held on the kink of the first


def test_a_held_neuron_whose_output_weight_changes_its_sign_is_undecided_and_left_there():
    """C > 0 and a F < 0 on the kink of the first input: there a = 0 comes before w = 0, and from then on the kink repels."""
    problem = Problem(TwoLayer(1, "relu"), VALLEY)
    found = forecast(problem, [1.0, 0.2, -0.8])
    assert found.fate == ("undecided",) and np.isnan(found.goals[0]).all() and (found.rate[0], found.winner) == (0, None)
    C = 1.04 - 0.64
    assert found.lengths([5.0, 500.0])[:, 0] == pytest.approx([np.sqrt(C)] * 2)
    np.testing.assert_allclose(found.directions([5.0])[0, 0], [1, 0], atol=1e-12)
    above, below = (gradient_flow(problem.frozen(), [np.sqrt(C), side, 1e-9], 5).theta[-1] for side in (1e-9, -1e-9))
    assert above[1] > 1 and below[1] < -1


def test_a_held_neuron_with_a_long_output_weight_freezes_at_w_zero_where_no_way_leads_up():
    found = forecast(Problem(TwoLayer(1, "relu"), VALLEY), [1.0, 0.2, -1.5])
    assert found.fate == ("freezes",)
    assert found.lengths([50.0])[0, 0] == pytest.approx(np.sqrt(1.5**2 - 1.04)) and np.isnan(found.directions([50.0])).all()


def test_a_held_neuron_that_reaches_w_zero_is_undecided_where_several_ways_lead_up():
    problem = two_layer("relu", width=1)
    start = np.array([0.9, 0.3, -2.0])
    found = forecast(problem, start)
    assert found.fate == ("undecided",) and found.lengths([50.0])[0, 0] == pytest.approx(np.sqrt(4 - 0.9), rel=1e-9)


def test_through_a_kink_through_the_origin_the_flow_is_unique():
    problem = Problem(TwoLayer(1, "leaky_relu(0.2)"), POINT)  # a < 0: past w = 0 it is pushed on, more slowly
    start, times = [0.5, -1.0], np.array([0.3, 0.6, 1.0, 4.0])
    found, run = forecast(problem, start), gradient_flow(problem.frozen(), start, 4, rtol=1e-5)
    assert (found.fate, found.goals[0, 0], found.sign[0], found.rate[0]) == (("grows",), -1, -1, pytest.approx(0.1))
    np.testing.assert_allclose(found.lengths(times)[:, 0], np.linalg.norm(run.at(times), axis=1), rtol=1e-3)
    np.testing.assert_allclose(found.directions(times)[:, 0], np.sign(run.at(times)[:, :1]))


def test_through_several_concave_kinks_it_is_unique_too():
    """The neuron slides to w = 0 along one of two kinks, a < 0, and leaves between the two (at once, by the shortest of the subgradients there)."""
    problem = Problem(TwoLayer(1, "leaky_relu(0.5)"), data.spokes([70, -70], [1, 1]))
    start, times = [0.5, -0.1, -1.5], np.array([0.2, 0.5, 0.8, 1.2, 2.0])
    found, run = forecast(problem, start), gradient_flow(problem.frozen(), start, 2, rtol=2.5e-6)
    assert (found.fate, found.sign[0]) == (("grows",), -1) and found.goals[0] == pytest.approx([-1, 0], abs=1e-12)
    agree(found, problem, run.at(times), times, 1e-4, 1e-2)


@pytest.mark.parametrize("z, a, wanted", [((1, 1, 0), 1.0, "undecided"), ((1, 1, 1), 1.0, (1, 1)), ((1, 1, -2), 1.0, (1, -1)), ((1, 1, 1), -1.0, (1, 1)), ((-1, 1, 0), 1.0, (1, 0))])
def test_a_start_on_a_kink_goes_where_both_sides_lead(z, a, wanted):
    problem = Problem(TwoLayer(1, "relu"), data.spokes([90, 0, 45], z))
    found = forecast(problem, [1.0, 0.0, a])
    if wanted == "undecided":  # the kink lets go of the neuron only if it is a little above it
        assert found.fate == ("undecided",)
        return
    side = np.array([1.0, 1e-7 * wanted[1] * np.sign(a), a])
    aside = forecast(problem, side)
    times = np.array([0.1, 0.3, 0.6])
    np.testing.assert_allclose(found.lengths(times), aside.lengths(times), rtol=1e-5)
    np.testing.assert_allclose(found.directions(times), aside.directions(times), atol=1e-5)


def test_parallel_and_antiparallel_inputs_share_a_kink():
    X = np.array([[1.0, 0.3], [2.0, 0.6], [-0.5, -0.15], [0.2, 1.0]])
    for name in ("relu", "leaky_relu(0.2)"):
        problem = Problem(TwoLayer(6, name), Dataset(X, [1.0, -0.8, 1.5, -1.0]))
        start, times = problem.network.init(2, 1e-2, seed=3), np.array([0.2, 0.5, 1.0, 1.5])
        found = forecast(problem, start)
        assert "undecided" not in found.fate and "grows" in found.fate
        for j in range(6):
            one, theta0 = alone(problem, start, j)
            lengths, _ = blocks(one, gradient_flow(one.frozen(), theta0, 1.5, rtol=1.5e-5).at(times))
            np.testing.assert_allclose(found.lengths(times)[:, j], lengths[:, 0], rtol=1e-2)
    merged = Problem(TwoLayer(6, "relu"), Dataset([[1.0, 0.3], [0.2, 1.0]], [1.0 - 2 * 0.8, -1.0]))
    apart = Problem(TwoLayer(6, "relu"), Dataset(X[[0, 1, 3]], [1.0, -0.8, -1.0]))
    np.testing.assert_allclose(forecast(merged, start).lengths(times), forecast(apart, start).lengths(times), rtol=1e-9)


# --- which problem counts ---

@pytest.mark.parametrize("name", ["relu", "tanh", "relu**2"])
def test_a_live_and_a_frozen_problem_have_one_forecast_and_the_logistic_loss_halves_z(name):
    live = two_layer(name)
    live = Problem(live.network, data.spokes())
    start, times = live.network.init(2, 0.1, seed=0), np.array([0.5, 1.0, 2.0])
    one, other = forecast(live, start), forecast(live.frozen(), start)
    np.testing.assert_array_equal(one.lengths(times), other.lengths(times))
    np.testing.assert_array_equal(one.goals, other.goals)
    halved, mean = forecast(Problem(live.network, live.data, "logistic"), start), forecast(Problem(live.network, live.data, reduction="mean"), start)
    np.testing.assert_allclose(halved.lengths(2 * times), one.lengths(times), rtol=1e-6)
    np.testing.assert_allclose(mean.rate, one.rate / 6, rtol=1e-9)
    np.testing.assert_allclose(forecast(live.frozen(3 * live.z), start).escape_time(0.3), one.escape_time(0.3) / 3, rtol=1e-6)


def test_an_activation_that_is_homogeneous_only_near_zero_counts_by_its_leading_term():
    for name, leading in (("tanh", "linear"), ("x*tanh(x)", "z**2")):
        start = two_layer(name).network.init(2, 0.1, seed=0)
        np.testing.assert_allclose(*(forecast(two_layer(n), start).lengths([0.5, 1.0]) for n in (name, leading)), rtol=1e-7)


@pytest.mark.parametrize("problem, theta0, error, message", [
    (two_layer("sigmoid"), np.ones(24), ValueError, "activation 'sigmoid' is not homogeneous near the origin"),
    (Problem(TorchNetwork(torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Tanh(), torch.nn.Linear(3, 1))), SPOKES), np.ones(13), ValueError, "has no degree"),
    (two_layer("relu", train_output=False), np.ones(16), ValueError, "the network has degree 1: with fixed output weights p = 1 has no escape to predict"),
    (two_layer("tanh", train_output=False), np.ones(16), ValueError, "degree 1"),
    (two_layer("relu"), np.zeros(24), ValueError, "theta0 must not be zero"),
    (two_layer("z**2"), np.repeat([1.0, 0.0], 12) * (np.arange(24) > 1) * (np.arange(24) != 16), ValueError, r"theta0 must not have neurons of length zero, got \[0, 6, 7\]"),
    (two_layer("relu"), np.repeat([0.0, 1.0, 0.0, 1.0], [2, 14, 1, 7]), ValueError, r"theta0 must not have neurons of length zero, got \[0\]"),
    (Problem(Deep((2, 4, 1), "relu"), SPOKES), np.ones(12), ValueError, "has kinks, which are followed in two-layer networks only"),
    (two_layer("relu"), np.ones(23), ValueError, "theta0 must have shape"),
    (TwoLayer(8), np.ones(24), TypeError, "problem must be a helpers.Problem")])
def test_what_has_no_forecast_is_refused(problem, theta0, error, message):
    with pytest.raises(error, match=message):
        forecast(problem, theta0)


@pytest.mark.parametrize("name", ["relu", "z**2"])
def test_times_before_the_start_are_refused(name):
    problem = two_layer(name)
    found = forecast(problem, problem.network.init(2, 0.1, seed=0))
    for question in (found.lengths, found.norm, found.directions):
        with pytest.raises(ValueError, match="times must not be negative, got -0.1"):
            question([-0.1, 1.0])


def test_a_neuron_that_arrives_nowhere_in_the_steps_allowed_is_undecided(monkeypatch):
    monkeypatch.setattr("helpers.sphere_paths._STEPS", 1)
    problem = two_layer("z**3")
    found = forecast(problem, problem.network.init(2, 0.1, seed=0))
    assert set(found.fate) == {"undecided"} and np.isnan(found.goals).all() and not found.rate.any()


def test_a_custom_activation_counts_as_its_functions():
    mine = activation("mine", lambda z: np.maximum(z, 0.2 * z), lambda z: np.where(z > 0, 1.0, 0.2))
    start = two_layer(mine).network.init(2, 0.1, seed=0)
    np.testing.assert_allclose(*(forecast(two_layer(n), start).lengths([0.5, 1.0]) for n in (mine, "leaky_relu(0.2)")), rtol=1e-12)
