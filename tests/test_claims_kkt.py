"""The claims of lesson 3, over several seeds and data sets, each with a twin that removes a hypothesis and sees the claim fail. Listed in claims.toml."""

from functools import cache

import numpy as np
import pytest
from seeds import FEW, SEEDS

import helpers
from helpers import ncf, predict

POINTS = helpers.data.spokes((0, 60, 120), (1, -1.75, 1.3))
OTHERS = (POINTS, helpers.data.spokes((0, 50, 130, 250), (1, -1, 1, -0.5)))
NEGATIVE = helpers.data.spokes((0, 90), (-1, -0.5))  # F < 0 everywhere for even powers


def problem_of(activation, data=POINTS, width=30, loss="square"):
    return helpers.Problem(helpers.TwoLayer(width, activation), data, loss)


def unit(degrees):
    return np.array([np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))])


def angles_of(W):
    return np.rad2deg(np.arctan2(W[..., 1], W[..., 0]))


def train(task, theta0, norm=0.1, rtol=None):
    rtol = rtol or (2e-3 if task.network.kinked else 1e-5)
    run = helpers.gradient_flow(task.rescaled(), theta0, t_end=100, stop=helpers.stop_at(norm=norm), rtol=rtol)
    return task.network.weights(run.theta[-1])


def off_goals(W, goals):
    """Angles in degrees, NaN where there is no goal."""
    return np.rad2deg(np.arccos(np.clip(np.sum(W * goals, axis=1) / np.linalg.norm(W, axis=1), -1, 1)))


# ---------------------------------------------------------------- goals

def journeys(task, seed, scale=1e-6):
    theta0 = task.network.init(2, scale, seed)
    ahead = predict.forecast(task, theta0)
    growing = (ahead.rate > 0) & (ahead.lengths([ahead.escape_time(0.1)])[0] > 10 * ahead.lengths([0])[0])
    return ahead, growing, off_goals(train(task, theta0)[0], ahead.goals)


def hits(activation, data, seeds=SEEDS):
    everyone = [journeys(problem_of(activation, data), seed)[1:] for seed in seeds]
    return sum((off[growing] < 10).sum() for growing, off in everyone) / sum(growing.sum() for growing, _ in everyone)


@pytest.mark.parametrize("activation", ["tanh", "z**2", "z**3"])
def test_neurons_of_smooth_networks_go_where_the_ncf_says(activation):
    assert min(hits(activation, data, SEEDS if activation == "tanh" else SEEDS[:10]) for data in OTHERS) >= 0.99


def test_neurons_of_relu_networks_go_where_the_ncf_says():
    assert min(hits("relu", data) for data in OTHERS) >= 0.95


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_neurons_miss_their_goals_from_a_large_start(activation):
    near = []
    for seed in SEEDS[:10]:
        task = problem_of(activation)
        theta0 = task.network.init(2, 1.0, seed)
        run = helpers.gradient_flow(task, theta0, t_end=10, stop=helpers.stop_at(loss=0.98 * task.loss(theta0)), rtol=2e-3)
        near.append(np.mean(off_goals(task.network.weights(run.theta[-1])[0], predict.forecast(task, theta0).goals) < 10))
    assert np.mean(near) < 0.4


@pytest.mark.parametrize("activation", ["z**2", "z**3"])
def test_the_winner_goes_where_the_ncf_says(activation):
    for seed in SEEDS[:10]:
        ahead, _, off = journeys(problem_of(activation), seed)
        assert off[ahead.winner] < 1


@pytest.mark.parametrize("activation", ["z**2", "z**3"])
def test_losers_do_not_arrive_however_small_the_start(activation):
    medians = []
    for scale in (1e-4, 1e-6):
        everyone = [journeys(problem_of(activation), seed, scale) for seed in FEW]
        losers = np.concatenate([np.delete(off, ahead.winner)[np.delete(ahead.rate > 0, ahead.winner)] for ahead, _, off in everyone])
        medians.append(np.median(losers))
    assert min(medians) > 10 and medians[0] == pytest.approx(medians[1], rel=0.05)


@pytest.mark.parametrize("label", [0.4, 0.6, 0.8])
def test_slow_groups_lag_by_a_power_of_the_scale(label):
    scales = 10.0 ** np.arange(-8, -4.5)
    for seed in FEW:
        task = problem_of("relu", helpers.data.spokes((0, 150), (1, label)), 20)
        start = task.network.init(2, 1.0, seed)
        group = predict.forecast(task, start).goals @ unit(150) > 0.99
        median = [np.median(np.abs(angles_of(train(task, scale * start)[0][group]) - 150)) for scale in scales]
        assert np.polyfit(np.log(scales), np.log(median), 1)[0] == pytest.approx(label, abs=0.02)


# ---------------------------------------------------------------- kinks

def longest(task, seed, rtol=5e-4):
    """The angle of the longest neuron with a > 0 at the escape."""
    W, a = train(task, task.network.init(2, 1e-6, seed), rtol=rtol)
    return angles_of(W[np.argmax(np.linalg.norm(W, axis=1) * (a > 0))])


@pytest.mark.parametrize("angle, label", [(60, -1), (45, -0.9), (75, -0.6)])
def test_a_strong_negative_neighbour_puts_the_goal_on_its_kink(angle, label):
    task = problem_of("relu", helpers.data.spokes((0, angle), (1, label)), 20)
    for seed in range(3):
        assert longest(task, seed) == pytest.approx(angle - 90, abs=1)


@pytest.mark.parametrize("angle, label", [(60, -0.3), (45, -0.5), (30, -0.7)])
def test_a_weak_negative_neighbour_does_not(angle, label):
    task = problem_of("relu", helpers.data.spokes((0, angle), (1, label)), 20)
    for seed in range(3):
        assert longest(task, seed) == pytest.approx(angles_of(unit(0) + label * unit(angle)), abs=0.5)
        assert longest(task, seed) > angle - 90 + 3


def random_relu(seed):
    random = np.random.default_rng(seed)
    return problem_of("relu", helpers.data.spokes(random.uniform(0, 360, 5), random.standard_normal(5)), 1)


def residual_at(task, degrees, sign):
    return ncf.kkt_residual(task, np.append(unit(degrees), sign) / np.sqrt(2))


def residuals_on_kinks(seed):
    """The Clarke residuals of all extremes on kinks of one random data set."""
    task = random_relu(seed)
    extremes = [p for p in ncf.critical_directions(task) if p.on_kink and p.kind != "none"]
    return [residual_at(task, np.rad2deg(p.angle), 1 if p.kind == "positive" else -1) for p in extremes]


def test_extremes_on_kinks_have_no_clarke_residual():
    assert max(residual for seed in SEEDS for residual in residuals_on_kinks(seed)) < 1e-6


def test_places_beside_them_and_other_kinks_have_one():
    for seed in SEEDS:
        task = random_relu(seed)
        critical = np.array([np.rad2deg(p.angle) for p in ncf.critical_directions(task)])
        kinks = [turned for angle in angles_of(task.data.X) for turned in (angle + 90, angle - 90)]
        beside = [np.rad2deg(p.angle) + 0.5 for p in ncf.critical_directions(task) if p.on_kink]
        away = [angle for angle in kinks + beside if np.abs((critical - angle + 180) % 360 - 180).min() > 0.4]
        F = ncf.correlation(task)
        assert all(residual_at(task, angle, 1) > 1e-4 for angle in away if np.abs(F.value(unit(angle)[None])[0]) > 1e-9)


# ---------------------------------------------------------------- places that move

def middle(activation, angle, v, last=1.0):
    return ncf.critical_directions(problem_of(activation, helpers.data.spokes((0, angle, 2 * angle), (1, v, last)), 1))


def attracting(places):
    return sum(p.kind == "positive" for p in places)


def sign_and_merger(angle):
    """The labels at which the middle place of z³ loses its neurons, and at which three places merge."""
    c, s = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
    return -2 * c**3, 4 * c * s**2 - 2 * c**3


@pytest.mark.parametrize("angle", [45, 50, 60, 70, 80])
def test_places_of_a_cubic_change_sign_and_merge_where_computed_by_hand(angle):
    lost, merged = sign_and_merger(angle)
    counts = [attracting(middle("z**3", angle, v)) for v in (lost - 1e-6, lost + 1e-6, merged - 1e-6, merged + 1e-6)]
    assert counts == [3, 2, 2, 1]
    assert [len(middle("z**3", angle, v)) for v in (merged - 1e-6, merged + 1e-6)] == [6, 2]


@pytest.mark.parametrize("angle", [50, 60, 70])
def test_without_equal_outer_labels_they_do_so_elsewhere(angle):
    for v in sign_and_merger(angle):
        assert attracting(middle("z**3", angle, v - 1e-3, last=1.3)) == attracting(middle("z**3", angle, v + 1e-3, last=1.3))


@pytest.mark.parametrize("angle", [30, 45, 60, 75])
def test_a_relu_place_appears_where_the_middle_gradient_turns(angle):
    v = -2 * np.cos(np.deg2rad(angle))
    before, after = ([p for p in middle("relu", angle, v + step) if abs(np.rad2deg(p.angle) - angle) < 89] for step in (-1e-6, 1e-6))
    assert [(p.extremum, pytest.approx(np.deg2rad(angle))) for p in before] == [("minimum", before[0].angle)]
    assert [p.extremum for p in sorted(after, key=lambda p: p.angle)] == ["minimum", "maximum", "minimum"]


@pytest.mark.parametrize("angle", [100, 110])
def test_not_so_when_the_middle_point_does_not_see_the_others(angle):
    v = -2 * np.cos(np.deg2rad(angle))
    assert len(middle("relu", angle, v + 1e-3)) == len(middle("relu", angle, v - 1e-3))


# ---------------------------------------------------------------- fates

def one_neuron(C, angle, scale=0.01):
    """Training of one neuron z² with a > 0 and ‖w‖² − 2a² = C, in units of scale², where F < 0 everywhere."""
    a = np.sqrt((1 - C) / 3)
    theta0 = scale * np.append(np.sqrt(1 - a**2) * unit(angle), a)
    return helpers.gradient_flow(problem_of("z**2", NEGATIVE, 1), theta0, t_end=3e4, stop=helpers.stop_at(norm=0.3))


@pytest.mark.parametrize("C", [-1.5, -0.5, -0.2])
def test_a_neuron_with_a_long_output_weight_freezes(C):
    for angle in (93, 120, 20, -50):
        run = one_neuron(C, angle)
        assert run.stopped == "time" and run.theta[-1, 2] / 0.01 == pytest.approx(np.sqrt(-C / 2), abs=1e-4)


@pytest.mark.parametrize("C", [0.2, 0.5, 0.9])
def test_a_neuron_with_a_short_one_changes_its_sign_and_leaves(C):
    for angle in (93, 120, 20, -50):
        run = one_neuron(C, angle)
        assert run.stopped == "norm" and run.theta[-1, 2] < 0


def told_by_balance(data):
    """The share of neurons that freeze if and only if a > 0 and ‖w‖² < 2a²."""
    task, agree = problem_of("z**2", data), []
    for seed in SEEDS[:10]:
        theta0 = task.network.init(2, 1e-3, seed)
        W, a = task.network.weights(theta0)
        frozen = np.array(predict.forecast(task, theta0).fate) == "freezes"
        agree.append(np.mean(frozen == ((a > 0) & (np.sum(W**2, axis=1) < 2 * a**2))))
    return np.mean(agree)


def test_balance_tells_the_fate_where_the_correlation_is_negative():
    random = np.random.default_rng(0)
    sets = [NEGATIVE, *(helpers.data.spokes(random.uniform(0, 360, 4), -random.uniform(0.5, 2, 4)) for _ in range(3))]
    assert [told_by_balance(data) for data in sets] == [1.0] * len(sets)


def test_balance_does_not_tell_it_where_the_correlation_has_both_signs():
    assert told_by_balance(helpers.data.spokes((0, 90), (-1, 0.5))) < 0.95


def output_share(activation, seed, scale, norm):
    task = problem_of(activation)
    W, a = train(task, task.network.init(2, scale, seed), norm)
    j = np.argmax(a**2 + np.sum(W**2, axis=1))
    return a[j] ** 2 / (a[j] ** 2 + W[j] @ W[j])


@pytest.mark.parametrize("p, activation", [(1, "tanh"), (2, "z**2"), (3, "z**3")])
def test_a_grown_neuron_shares_its_length_one_to_p(p, activation):
    for seed in FEW:
        assert output_share(activation, seed, 1e-5, 0.1) == pytest.approx(1 / (1 + p), abs=1e-3)


@pytest.mark.parametrize("p, activation", [(1, "tanh"), (2, "z**2"), (3, "z**3")])
def test_a_neuron_that_has_hardly_grown_does_not(p, activation):
    assert np.median([abs(output_share(activation, seed, 0.05, 0.06) - 1 / (1 + p)) for seed in FEW]) > 0.01


# ---------------------------------------------------------------- the sphere

def places(activation, X, y):
    return sum(p.kind == "positive" for p in ncf.attractors(problem_of(activation, helpers.data.Dataset(X, y), 1), starts=300))


def rotation(seed, dim=3):
    return np.linalg.qr(np.random.default_rng(seed).standard_normal((dim, dim)))[0]


TETRAHEDRON = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) / np.sqrt(3)


def test_a_cubic_has_a_place_for_each_corner_of_a_tetrahedron():
    for seed in FEW:
        assert places("z**3", TETRAHEDRON @ rotation(seed), np.random.default_rng(seed).uniform(0.9, 1.1, 4)) == 4


def test_a_cubic_has_a_place_for_each_of_orthonormal_points():
    for n in (3, 4, 6, 8):
        assert places("z**3", rotation(n, n), np.random.default_rng(n).uniform(0.7, 1.3, n)) == n


def test_a_square_has_one_line_of_places_in_any_dimension():
    for seed in FEW:
        labels = np.random.default_rng(seed).uniform(0.7, 1.3, 4)
        assert places("z**2", TETRAHEDRON @ rotation(seed), labels) == places("z**2", rotation(seed, 4), labels) == 2


# ---------------------------------------------------------------- deep networks

@cache
def deep_problem(activation, seed):
    random = np.random.default_rng(seed)
    X, y = helpers.directions(random.standard_normal((100, 10))), random.standard_normal(100)
    return helpers.Problem(helpers.Deep((10, 20, 20, 1), activation), helpers.data.Dataset(X, y))


@cache
def escaped(task, seed, norm=0.3):
    rtol = 3e-4 if task.network.kinked else 1e-4
    return helpers.gradient_flow(task.rescaled(), task.network.init(10, 1e-4, seed), 100, helpers.stop_at(norm=norm), rtol=rtol).theta[-1]


def share_gap(task, theta):
    shares = np.array([np.sum(W**2) for W in task.network.weights(theta)]) / np.sum(theta**2)
    return np.abs(shares - np.array(task.network.layer_degrees) / task.network.degree).max()


def hidden_layers(task, theta):
    """Of each hidden layer: the largest unit's share of ‖W‖², and s₂/s₁."""
    layers = task.network.weights(theta)[:-1]
    rows = [np.sum(W**2, axis=1) for W in layers]
    return [row.max() / row.sum() for row in rows], [np.linalg.svd(W, compute_uv=False)[1] / np.linalg.norm(W, 2) for W in layers]


def sweep(task, theta, times=1000):
    frozen, net, theta = task.frozen(), task.network, theta / np.linalg.norm(theta)
    for _ in range(times):
        before = theta.copy()
        for layer, degree in enumerate(net.layer_degrees):
            G = net.weights(frozen.velocity(theta))[layer]
            net.weights(theta)[layer][:] = np.sqrt(degree / net.degree) * G / np.linalg.norm(G)
        if np.linalg.norm(theta - before) < 1e-11:
            break
    return theta


SPARSE = ("relu**2", "z**2", "z**3")
DEEP = (*SPARSE, "linear", "leaky_relu(0.3)", "relu")


def test_layers_have_their_shares_at_the_escape():
    for seed in range(3):
        for activation in DEEP:
            task = deep_problem(activation, seed)
            assert share_gap(task, escaped(task, seed)) < 1e-4


def test_layers_do_not_have_them_when_little_has_grown():
    for seed in FEW:
        for activation in ("relu**2", "linear"):
            task = deep_problem(activation, seed)
            assert share_gap(task, escaped(task, seed, norm=1.2e-4)) > 0.05


def test_deep_networks_with_p_at_least_2_escape_with_one_unit_and_rank_one():
    for seed in SEEDS[:6]:
        for activation in SPARSE:
            task = deep_problem(activation, seed)
            share, ratio = hidden_layers(task, escaped(task, seed))
            assert min(share) > 0.999 and max(ratio) < 0.01


def test_deep_relu_networks_escape_with_many_units_and_higher_rank():
    for seed in range(3):
        task = deep_problem("relu", seed)
        share, ratio = hidden_layers(task, escaped(task, seed))
        assert max(share) < 0.9 and max(ratio) > 0.03


def direction_of(task, theta):
    W = task.network.weights(theta)[0]
    return W[np.argmax(np.linalg.norm(W, axis=1))]


def rank_one_residuals(activation, seed):
    """KKT residuals of the escape, polished, and of the rank-one point that is built on its direction."""
    task = deep_problem(activation, seed)
    theta = sweep(task, escaped(task, seed))
    return [ncf.kkt_residual(task, theta), ncf.kkt_residual(task, ncf.rank_one(task, direction_of(task, theta)))]


@pytest.mark.parametrize("activation", [*SPARSE, "linear"])
def test_rank_one_points_on_critical_directions_are_kkt_points(activation):
    assert max(residual for seed in FEW for residual in rank_one_residuals(activation, seed)) < 1e-8


def test_rank_one_points_on_other_directions_are_not():
    for seed in FEW:
        for activation in SPARSE:
            task = deep_problem(activation, seed)
            assert ncf.kkt_residual(task, ncf.rank_one(task, np.random.default_rng(seed).standard_normal(10))) > 1e-2


def gain(activation, active, seed):
    """N of `active` equal units over N of one."""
    task = deep_problem(activation, seed)
    b = np.random.default_rng(seed).standard_normal(10)
    many, one = (task.frozen().loss(ncf.rank_one(task, b, k)) for k in (active, 1))
    return many / one


@pytest.mark.parametrize("p, activation", [(2, "relu**2"), (2, "z**2"), (3, "z**3")])
def test_equal_units_are_worse_than_one_by_a_known_factor(p, activation):
    for seed in FEW:
        for k in (2, 3, 10):
            assert gain(activation, k, seed) == pytest.approx(k ** ((1 - p**2) / 2), rel=1e-6)


def test_equal_units_are_as_good_as_one_for_p_1():
    for seed in FEW:
        assert gain("relu", 5, seed) == pytest.approx(1, rel=1e-9)


# ---------------------------------------------------------------- figure 1 of arXiv:2402.09226

def figure_one(seed=0, width=20):
    return helpers.Problem(helpers.TwoLayer(width, "relu**2", train_output=False, output_weights=np.ones(width)), helpers.data.circle(50, seed))


def normal_start(std, seed, width=20):
    return std * np.random.default_rng(seed).standard_normal(2 * width)


def test_the_network_of_figure_one_ends_with_norm_three():
    for seed in FEW:
        for width in (10, 20, 50):
            assert helpers.gradient_flow(figure_one(seed, width), normal_start(1e-4, seed, width), t_end=3).norm[-1] == pytest.approx(3, rel=1e-3)


def test_one_neuron_is_not_enough_for_it():
    for seed in FEW:
        assert abs(helpers.gradient_flow(figure_one(seed, 1), normal_start(1e-4, seed, 1), t_end=3).norm[-1] - 3) > 0.3


def slopes(stds, drop, F):
    """The drop's time per decade of std over its law ln 10/(2F), for every seed."""
    task = figure_one()
    later, sooner = (np.array([helpers.escape_time(task, normal_start(std, seed), drop) for seed in SEEDS]) for std in stds)
    return (later - sooner) / np.log10(stds[1] / stds[0]) / (np.log(10) / (2 * F))


FIRST, SECOND = sorted((p.value for p in ncf.critical_directions(figure_one()) if p.kind == "positive"), reverse=True)


def test_both_drops_are_later_by_their_own_laws():
    np.testing.assert_allclose(slopes((1e-6, 1e-4), 0.1, FIRST), 1, rtol=0.005)
    np.testing.assert_allclose(slopes((1e-6, 1e-4), 0.9, SECOND), 1, rtol=0.005)


def test_not_so_from_larger_starts():
    assert np.abs(slopes((1e-3, 1e-1), 0.1, FIRST) - 1).max() > 0.02
    assert np.abs(slopes((1e-3, 1e-1), 0.9, SECOND) - 1).max() > 0.005


# ---------------------------------------------------------------- other losses, data that cancel

def sign_data(seed):
    random = np.random.default_rng(seed)
    return helpers.data.spokes(random.uniform(0, 360, 4), random.choice([-1.0, 1.0], 4))


def test_square_and_logistic_loss_have_the_same_places():
    for seed in SEEDS[:10]:
        for activation in ("relu", "tanh", "z**3"):
            square, logistic = (ncf.critical_directions(problem_of(activation, sign_data(seed), 1, loss)) for loss in ("square", "logistic"))
            assert [p.kind for p in square] == [p.kind for p in logistic]
            np.testing.assert_allclose([p.angle for p in square], [p.angle for p in logistic], atol=1e-9)
            np.testing.assert_allclose([p.value for p in square], [2 * p.value for p in logistic], atol=1e-12)


def test_other_residuals_have_other_places():
    for seed in SEEDS[:10]:
        problem = problem_of("tanh", sign_data(seed), 1)
        later = problem.frozen(problem.z * np.array([1, 0.8, 0.5, 0.3]))
        angles = [ncf.critical_directions(p)[0].angle for p in (problem, later)]
        assert abs(np.sin(angles[0] - angles[1])) > 1e-3


def time_per_decade(labels, seed):
    task = problem_of("tanh", helpers.data.spokes((90, 210, 330), labels))
    slow, fast = (helpers.escape_time(task, task.network.init(2, scale, seed)) for scale in (1e-3, 1e-2))
    return slow / fast


def test_data_that_cancel_raise_the_degree():
    for seed in FEW:
        assert time_per_decade((1, 1, 1), seed) == pytest.approx(100, rel=0.02)


def test_data_that_do_not_cancel_leave_it():
    for seed in FEW:
        assert time_per_decade((1, 1, 1.3), seed) < 2
