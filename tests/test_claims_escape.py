"""The claims of lesson 2, over several seeds, each with a twin that removes a hypothesis and sees the claim fail. Listed in claims.toml."""

from functools import cache

import numpy as np
import pytest
from seeds import FEW, SEEDS
from torch import nn

import helpers
from helpers import predict
from helpers.activations import Activation

DATA = helpers.data.spokes()
LEADING = {"tanh": "linear", "x*tanh(x)": "z**2", "x**2*tanh(x)": "z**3"}
ESCAPED = 0.15  # the length ‖θ‖ at the escape
NEIGHBOURS = Activation("z**2 + z**3", lambda z: z**2 + z**3, lambda z: 2 * z + 3 * z**2, multiplicity=2, degree=None)  # neither odd nor even


@cache
def problem_of(activation, loss="square", data=DATA):
    return helpers.Problem(helpers.TwoLayer(20, activation), data, loss)


def start(scale, seed):
    return problem_of("tanh").network.init(2, scale, seed)


@cache
def forecast(activation, scale, seed):
    return predict.forecast(problem_of(activation), start(scale, seed))


def escape_time(activation, scale, seed, norm=ESCAPED):
    return helpers.escape_time(problem_of(activation), start(scale, seed), norm=norm)


def aimed(ahead, scale):
    """A start of one neuron, the winner, at its KKT point."""
    j, p = ahead.winner, ahead.degree - 1
    w, a = np.zeros((20, 2)), np.zeros(20)
    w[j], a[j] = np.sqrt(p / (p + 1)) * ahead.goals[j], ahead.sign[j] * np.sqrt(1 / (p + 1))
    return scale * np.concatenate([w, a], axis=None)


def end_at(task, theta0, norm=ESCAPED):
    """θ when ‖θ‖ has reached a length."""
    return helpers.gradient_flow(task.rescaled(), theta0, t_end=100, stop=helpers.stop_at(norm=norm)).theta[-1]


def at_escape(activation, scale, seed):
    """W and the lengths of the neurons at the escape."""
    W, a = problem_of(activation).network.weights(end_at(problem_of(activation), start(scale, seed)))
    return W, np.hypot(np.linalg.norm(W, axis=1), a)


# ---------------------------------------------------------------- the direction


def correlation_on_the_way(activation, norm, seed):
    """N(u) at the steps of training from δ = 1e-3 until ‖θ‖ = norm."""
    run = helpers.gradient_flow(problem_of(activation).rescaled(), start(1e-3, seed), t_end=100, stop=helpers.stop_at(norm=norm))
    ncf = problem_of(LEADING[activation]).frozen()
    return np.array([-ncf.loss(theta / np.linalg.norm(theta)) for theta in run.theta])


@pytest.mark.parametrize("activation", LEADING)
def test_the_direction_climbs_the_ncf_on_the_plateau(activation):
    for seed in SEEDS:
        N = correlation_on_the_way(activation, ESCAPED, seed)
        assert N[-1] > N[0] + 0.3 and np.sum(np.diff(N) < -1e-6) == 0


@pytest.mark.parametrize("activation", LEADING)
def test_the_direction_descends_the_ncf_where_the_residual_is_no_longer_frozen(activation):
    assert all(np.sum(np.diff(correlation_on_the_way(activation, 1.2, seed)) < -1e-6) > 1 for seed in FEW)


# ---------------------------------------------------------------- the time


def time_per_decade(activation, seed):
    return (escape_time(activation, 1e-5, seed) - escape_time(activation, 1e-2, seed)) / 3


def test_escape_time_grows_by_ln10_over_2N_per_decade_for_degree_two():
    for seed in SEEDS:
        assert time_per_decade("tanh", seed) == pytest.approx(np.log(10) / (2 * forecast("tanh", 1e-5, seed).rate.max()), rel=0.005)


def test_escape_time_grows_by_no_such_constant_for_degree_three():
    for seed in FEW:
        assert time_per_decade("x*tanh(x)", seed) > 1000 * np.log(10) / (2 * forecast("x*tanh(x)", 1e-5, seed).rate.max())


def over_blow_up(activation, scale, seed):
    return escape_time(activation, scale, seed) / forecast(activation, scale, seed).blow_up.min()


@pytest.mark.parametrize("activation", ["x*tanh(x)", "x**2*tanh(x)"])
def test_escape_time_is_the_blow_up_time_of_the_ncf_beyond_degree_two(activation):
    assert [over_blow_up(activation, 1e-3, seed) for seed in SEEDS] == pytest.approx([1] * len(SEEDS), rel=0.01)


@pytest.mark.parametrize("activation", ["x*tanh(x)", "x**2*tanh(x)"])
def test_escape_time_is_another_when_the_start_is_not_small(activation):
    assert all(abs(over_blow_up(activation, 0.14, seed) - 1) > 0.05 for seed in FEW)


def beside_the_forecast(norm, seed):
    return escape_time("tanh", 1e-6, seed, norm=norm) / forecast("tanh", 1e-6, seed).escape_time(norm)


def test_time_to_a_small_norm_is_forecast_with_its_constant():
    assert [beside_the_forecast(ESCAPED, seed) for seed in SEEDS] == pytest.approx([1] * len(SEEDS), rel=0.001)


def test_time_to_a_norm_that_is_not_small_is_not():
    assert all(beside_the_forecast(0.5, seed) > 1.004 for seed in FEW)


@cache
def random_labels(seed):
    random = np.random.default_rng(seed)
    return helpers.data.spokes(random.uniform(0, 360, 6), random.uniform(0.5, 1.5, 6) * random.choice([-1, 1], 6))


def over_the_closed_form(activation, seed, from_the_kkt_point, scale=1e-5):
    """The escape time on random data, from the winner's KKT point or from a random start, over 1/(L(L−2) N* δ^(L−2))."""
    task = problem_of(activation, data=random_labels(seed))
    ahead = predict.forecast(task, start(scale, seed))
    L = ahead.degree
    theta0 = aimed(ahead, scale) if from_the_kkt_point else start(scale, seed)
    return helpers.escape_time(task, theta0, norm=ESCAPED) * L * (L - 2) * ahead.rate[ahead.winner] * scale ** (L - 2)


@pytest.mark.parametrize("activation", ["x*tanh(x)", "x**2*tanh(x)"])
def test_time_from_the_kkt_point_is_the_closed_form(activation):
    assert [over_the_closed_form(activation, seed, True) for seed in FEW] == pytest.approx([1] * 5, rel=0.001)


@pytest.mark.parametrize("activation", ["x*tanh(x)", "x**2*tanh(x)"])
def test_time_from_a_random_start_is_longer(activation):
    assert all(over_the_closed_form(activation, seed, False) > 1.5 for seed in FEW)


# ---------------------------------------------------------------- one curve


def rescaled_end(activation, scale, seed):
    """θ/δ after nine tenths of the blow-up time."""
    end = 0.9 * forecast("z**2", 1.0, seed).blow_up.min() / scale
    return helpers.gradient_flow(problem_of(activation), start(scale, seed), t_end=end, rtol=1e-9).theta[-1] / scale


def power_of_the_deviation(activation, seed):
    """The slope of ln of the distance to the NCF's curve against ln δ."""
    scales, ncf = [0.01, 0.003, 0.001], rescaled_end("z**2", 1e-6, seed)
    return np.polyfit(np.log(scales), np.log([np.linalg.norm(rescaled_end(activation, scale, seed) - ncf) for scale in scales]), 1)[0]


def test_runs_join_the_curve_like_the_third_power_of_the_scale_for_a_pure_square():
    assert [power_of_the_deviation("z**2", seed) for seed in FEW] == pytest.approx([3] * 5, rel=0.05)


def test_runs_join_the_curve_like_the_second_power_for_an_even_activation():
    assert [power_of_the_deviation("x*tanh(x)", seed) for seed in FEW] == pytest.approx([2] * 5, rel=0.05)


def test_runs_join_the_curve_only_like_the_first_power_with_a_term_of_the_next_degree():
    assert [power_of_the_deviation(NEIGHBOURS, seed) for seed in FEW] == pytest.approx([1] * 5, rel=0.05)


def rescaled_steps(activation, scale, seed):
    """Rescaled steps of 0.002 from ‖θ‖ = 1e-4 to 1e-2, where ‖θ‖ was `scale` at the start."""
    slow = problem_of(activation).rescaled()
    theta = start(scale, seed)
    if scale < 1e-4:
        theta = end_at(problem_of(activation), theta, 1e-4)
    return helpers.gradient_descent(slow, theta, 2e-3, 5000, helpers.stop_at(norm=1e-2), record=[]).t[-1] / 2e-3


@pytest.mark.parametrize("activation", LEADING)
def test_a_rescaled_step_multiplies_the_norm_for_every_degree(activation):
    assert [rescaled_steps(activation, 1e-6, seed) for seed in FEW] == pytest.approx([np.log(100) / np.log(1.002)] * 5, rel=0.005)


@pytest.mark.parametrize("activation", LEADING)
def test_a_rescaled_step_multiplies_the_norm_by_less_before_the_direction_has_settled(activation):
    assert all(rescaled_steps(activation, 1e-4, seed) > 1.03 * np.log(100) / np.log(1.002) for seed in FEW)


# ---------------------------------------------------------------- after the escape


def after_escape(activation, theta0):
    """Training from where its loss has fallen by 10 %."""
    until = helpers.gradient_flow(problem_of(activation).rescaled(), theta0, t_end=100, stop=helpers.stop_at(loss=0.9 * 3))
    return helpers.gradient_flow(problem_of(activation), until.theta[-1], t_end=10, rtol=1e-9)


@cache
def losses(activation, scale, seed):
    """The losses at 121 times up to 6 after the escape, and at 10, the plateau's; of the path out of the origin where `scale` is None."""
    run = after_escape(activation, aimed(forecast(activation, 1e-6, seed), 1e-10) if scale is None else start(scale, seed))
    return np.array([problem_of(activation).loss(theta) for theta in run.at(np.append(np.linspace(0, 6, 121), 10))])


def memory(activation, scale, seed):
    """The largest distance of the loss curve from that of the path."""
    return np.abs(losses(activation, scale, seed) - losses(activation, None, seed))[:-1].max()


def test_loss_curves_join_with_the_power_that_the_curvature_at_the_kkt_point_gives():
    scales = [1e-3, 1e-4, 1e-5]
    for group in np.reshape(SEEDS, (-1, 5)):
        ahead = forecast("z**3", 1e-6, group[0])
        kept = [np.mean([np.log(memory("z**3", scale, int(seed))) for seed in group]) for scale in scales]
        assert np.polyfit(np.log(scales), kept, 1)[0] == pytest.approx(ahead.exponent[ahead.winner], rel=0.05)


def test_plateau_is_where_one_neuron_from_the_kkt_point_comes_to_rest():
    for seed in SEEDS:
        assert losses("z**3", 1e-4, seed)[-1] == pytest.approx(losses("z**3", None, seed)[-1], rel=0.001)


def test_neither_curves_nor_plateaus_are_those_of_one_neuron_when_the_neurons_keep_their_shares():
    for seed in FEW:
        assert memory("tanh", 1e-5, seed) > 0.1
        assert abs(losses("tanh", 1e-4, seed)[-1] / losses("tanh", None, seed)[-1] - 1) > 0.003


# ---------------------------------------------------------------- who leaves


def seeds_with_the_named_winner(scale):
    """In how many seeds the forecast's winner holds 99 % of the squared norm at the escape, within 1° of its goal."""
    named = 0
    for seed in SEEDS:
        ahead, (W, length) = forecast("x*tanh(x)", scale, seed), at_escape("x*tanh(x)", scale, seed)
        off = np.arccos(helpers.directions(W)[ahead.winner] @ ahead.goals[ahead.winner])
        named += bool(np.argmax(length) == ahead.winner and np.rad2deg(off) < 1 and length.max() ** 2 > 0.99 * np.sum(length**2))
    return named


@pytest.mark.parametrize("scale", [1e-4, 1e-5, 1e-6])
def test_the_neuron_that_wins_is_named_in_advance_with_its_direction(scale):
    assert seeds_with_the_named_winner(scale) >= 0.95 * len(SEEDS)


def test_no_neuron_wins_when_all_have_one_rate():
    for seed in SEEDS:
        length = at_escape("tanh", 1e-6, seed)[1]
        assert length.max() ** 2 < 0.5 * np.sum(length**2)


def share_at_their_goals(activation, scale):
    """The share of all neurons that are within 10° of their goals."""
    cosines = [np.sum(helpers.directions(at_escape(activation, scale, seed)[0]) * np.nan_to_num(forecast(activation, scale, seed).goals), axis=1)
               for seed in SEEDS]
    return np.mean(np.array(cosines) > np.cos(np.deg2rad(10)))


def test_all_neurons_align_for_multiplicity_one():
    assert share_at_their_goals("tanh", 1e-6) >= 0.99


def test_most_neurons_are_left_on_the_way_for_multiplicity_two():
    assert share_at_their_goals("x*tanh(x)", 1e-6) < 0.5


def deep_at_the_escape(activation, seed):
    """Of W₂ in a network of three layers: its share of ‖θ‖², its stable rank, and about how many of its rows take part."""
    deep = helpers.Problem(helpers.Deep((2, 20, 20, 1), activation), DATA)
    end = end_at(deep, deep.network.init(2, 1e-4, seed))
    W = deep.network.weights(end)[1]
    rows = np.sum(W**2, axis=1)
    return rows.sum() / np.sum(end**2), helpers.stable_rank(W), rows.sum() ** 2 / np.sum(rows**2)


def test_three_layers_of_multiplicity_one_share_the_norm_and_leave_with_many_rows_on_one_line():
    for seed in FEW:
        share, rank, rows = deep_at_the_escape("tanh", seed)
        assert (share, rank) == (pytest.approx(1 / 3, abs=0.001), pytest.approx(1, abs=1e-4)) and rows > 3


def test_three_layers_of_multiplicity_two_share_it_otherwise_and_leave_with_one_row():
    for seed in FEW:
        share, _, rows = deep_at_the_escape("x*tanh(x)", seed)
        assert abs(share - 1 / 3) > 0.04 and share == pytest.approx(2 / 7, abs=0.001) and rows < 1.1


# ---------------------------------------------------------------- another loss


def times_beside_square(loss, scale, norm):
    def time(loss, seed):
        return helpers.escape_time(problem_of("x*tanh(x)", loss), start(scale, seed), norm=norm)

    return [time(loss, seed) / time("square", seed) for seed in FEW]


def test_another_loss_counts_only_by_its_residual_at_the_origin():
    assert times_beside_square("logistic", 1e-3, ESCAPED) == pytest.approx([2] * 5, rel=0.005)
    assert times_beside_square("exponential", 1e-3, ESCAPED) == pytest.approx([1] * 5, rel=0.005)


def test_another_loss_counts_by_more_when_the_weights_are_not_small():
    assert all(abs(ratio - 2) > 0.05 for ratio in times_beside_square("logistic", 0.7, 1.8))
    assert all(abs(ratio - 1) > 0.01 for ratio in times_beside_square("exponential", 0.7, 1.8))


# ---------------------------------------------------------------- broken hypotheses


def later(activation, seed):
    """The time to a loss 20 % below that of the origin from δ = 1e-10, over that from 1e-8."""
    first, second = (helpers.gradient_flow(problem_of(activation), start(scale, seed), t_end=200, stop=helpers.stop_at(loss=0.8 * 3)).t[-1]
                     for scale in (1e-8, 1e-10))
    return second / first


def test_escape_time_of_the_sigmoid_saturates():
    assert [later("sigmoid", seed) for seed in FEW] == pytest.approx([1] * 5, rel=0.01)


def test_escape_time_does_not_saturate_when_the_activation_vanishes_at_zero():
    assert all(later("tanh", seed) > 1.2 for seed in FEW)


BIASED = helpers.TorchNetwork(nn.Sequential(nn.Linear(2, 20), nn.Tanh(), nn.Linear(20, 20), nn.Tanh(), nn.Linear(20, 1, bias=False)))


def times_with_hidden_biases(labels, seed):
    """The escape times from δ = 1e-4 and 1e-5."""
    task = helpers.Problem(BIASED, helpers.data.spokes(labels=labels))
    return [helpers.escape_time(task, BIASED.init(2, scale, seed), norm=ESCAPED) for scale in (1e-4, 1e-5)]


def test_hidden_biases_make_the_network_leave_with_degree_two():
    for seed in FEW:
        first, second = times_with_hidden_biases((1, 1, -1, -1, 1, 1), seed)
        assert second - first == pytest.approx(np.log(10) / 2, rel=0.01)


def test_hidden_biases_open_no_door_when_the_labels_have_mean_zero():
    for seed in range(2):
        first, second = times_with_hidden_biases((1, 1, -1, -1, 1, -1), seed)
        assert second / first == pytest.approx(10, rel=0.02)
