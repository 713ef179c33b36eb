"""Curvature along the way: the extreme eigenvalues, the bounds on the distance between descent and flow, the modified flow, the bound from norms."""

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp

import helpers
from helpers import (
    Deep,
    DeepLinear,
    Diagonal,
    Problem,
    TorchNetwork,
    TwoLayer,
    curvature,
    data,
    gradient_descent,
    gradient_flow,
    hessian_extremes,
    stop_at,
)
from helpers.curvature import Curvature, along, gap, modified, norm_bound
from helpers.data import Dataset

BOWL = Problem(DeepLinear((1, 1, 1)), Dataset([[1.0]], [1.0]))  # ½(ab − 1)²
FORMS = pytest.mark.parametrize("form", curvature.FORMS)


class Quadratic:
    """H(θ) = ½θᵀMθ, one output: frozen at z = −1 its loss has the Hessian M everywhere."""

    def __init__(self, M):
        self.M = np.asarray(M, dtype=float)

    def size(self, dim):
        return len(self.M)

    def outputs(self, theta, X):
        return np.array([0.5 * theta @ self.M @ theta])

    def pullback(self, theta, X, r):
        return r[0] * self.M @ theta

    def directional(self, theta, X, r, v):
        return (v @ self.M @ theta)[..., None], r[0] * v @ self.M


def with_hessian(M):
    return Problem(Quadratic(M), Dataset([[1.0]], [1.0])).frozen([-1.0])


def turned(eigenvalues, seed=0):
    frame = np.linalg.qr(np.random.default_rng(seed).standard_normal((len(eigenvalues),) * 2))[0]
    return with_hessian(frame * eigenvalues @ frame.T)


def smooth_problem(seed):
    """A small smooth problem of one of four kinds, a start and a time in which much of its loss goes."""
    kind, random = seed % 4, np.random.default_rng(seed)
    X = random.standard_normal((5, 2))
    if kind == 0:
        network, y, loss = TwoLayer(4, ("tanh", "softplus", "x*tanh(x)")[seed % 3], bias=True), random.standard_normal(5), "square"
    elif kind == 1:
        network, y, loss = DeepLinear((2, 2, 3, 1)), X @ [0.7, -0.5], "square"
    elif kind == 2:
        network, y, loss = TwoLayer(3, "tanh"), np.sign(X[:, 0]), "logistic"
    else:
        network, y, loss = DeepLinear((2, 3, 3)), random.integers(0, 3, 5), "cross_entropy"
    problem = Problem(network, Dataset(X, y), loss, "mean")
    return problem, network.init(2, 0.5, seed), 15.0


# --- the extreme eigenvalues ---

@pytest.mark.parametrize("s", [0.01, 0.5, 1.0, 3.0])
def test_on_the_diagonal_of_the_bowl_the_eigenvalues_are_3ss_minus_1_and_1_minus_ss(s):
    np.testing.assert_allclose(hessian_extremes(BOWL, [s, s]), sorted([3 * s**2 - 1, 1 - s**2]), atol=1e-14)


@pytest.mark.parametrize("eigenvalues", [
    np.linspace(-1, 3, 40), np.r_[-2.0, np.zeros(50), 2.0], np.r_[np.full(30, -1.0), np.full(30, 1.0)], np.r_[-1e-9, np.linspace(0, 100, 60)],
    np.r_[-1e-3, 50.0, np.random.default_rng(0).standard_normal(70) * 1e-4], np.linspace(1, 1 + 1e-7, 50), np.ones(40), np.zeros(40), [3.0], [-1.0, 1.0],
    np.r_[np.linspace(-1, -1 + 1e-6, 30), np.linspace(5 - 1e-4, 5, 30)], -np.geomspace(1e-8, 1e8, 80)],
    ids=["even", "symmetric, rank two", "two crowds", "an end at zero", "two far out", "a narrow crowd", "identity", "zero", "one parameter", "two", "wide crowds", "all sizes"])
def test_lanczos_finds_both_ends_of_every_spectrum(eigenvalues):
    problem, theta = turned(np.asarray(eigenvalues, dtype=float)), np.ones(len(eigenvalues))
    wanted = np.array([np.min(eigenvalues), np.max(eigenvalues)])
    for method in curvature.METHODS:
        np.testing.assert_allclose(hessian_extremes(problem, theta, method), wanted, rtol=0, atol=1e-7 * np.abs(wanted).max() + 1e-300)


@pytest.mark.parametrize("network, points", [(TwoLayer(60, "tanh"), data.circle(n=20)), (TwoLayer(60, "relu", bias=True), data.circle(n=20)),
                                             (DeepLinear((5, 10, 8, 4)), data.whitened()), (Diagonal(3), data.sparse_regression())], ids=repr)
def test_lanczos_and_the_full_hessian_agree_along_a_trajectory(network, points):
    problem = Problem(network, points)
    run = gradient_flow(problem, network.init(points.dim, 0.3, 0) if isinstance(network, Diagonal) else network.init(points.dim, 1e-2, 0), 5.0)
    thetas = run.theta[::max(1, len(run.t) // 5)]
    full, lanczos = (hessian_extremes(problem, thetas, method) for method in curvature.METHODS)
    assert full.shape == (len(thetas), 2)
    assert (np.abs(full - lanczos) <= 1e-6 * np.abs(full).max(axis=1, keepdims=True)).all()
    np.testing.assert_array_equal(hessian_extremes(problem, thetas), full)
    np.testing.assert_array_equal(hessian_extremes(problem, thetas[-1], "lanczos"), lanczos[-1])


def test_above_a_thousand_parameters_lanczos_is_taken_and_the_full_hessian_refused():
    problem = turned(np.linspace(-2, 7, 1001))
    np.testing.assert_allclose(hessian_extremes(problem, np.ones(1001)), [-2, 7], rtol=1e-6)
    with pytest.raises(ValueError, match='method "full" takes networks of up to 1000 parameters, this one has 1001: take method="lanczos"'):
        hessian_extremes(problem, np.ones(1001), "full")


def test_the_hessian_of_a_torch_network_has_the_eigenvalues_that_torch_finds():
    network = TorchNetwork(torch.nn.Sequential(torch.nn.Linear(3, 5), torch.nn.Tanh(), torch.nn.Linear(5, 3)))
    random = np.random.default_rng(0)
    X, y = random.standard_normal((8, 3)), random.integers(0, 3, 8)
    theta = network.init(3, 3.0, 0)

    def loss(weights):
        W, b, V, c = (part.view(shape) for part, shape in zip(weights.split([15, 5, 15, 3]), [(5, 3), (5,), (3, 5), (3,)], strict=True))
        return torch.nn.functional.cross_entropy(torch.tanh(torch.tensor(X) @ W.T + b) @ V.T + c, torch.tensor(y))

    wanted = torch.linalg.eigvalsh(torch.func.hessian(loss)(torch.tensor(theta)))[[0, -1]]
    for method in curvature.METHODS:
        np.testing.assert_allclose(hessian_extremes(Problem(network, Dataset(X, y), "cross_entropy", "mean"), theta, method), wanted, rtol=1e-6)


def test_it_is_at_hand_at_the_top_and_the_module_on_demand():
    assert helpers.hessian_extremes is hessian_extremes and helpers.curvature is curvature


# --- what a flow meets ---

@pytest.mark.parametrize("q0, m", [(1e-6, 0.5), (1.0, 2.0)])
def test_on_a_ridge_both_bounds_are_known_and_the_sharp_one_is_what_descent_does(q0, m):
    problem = with_hessian(np.diag([-m, m / 2]))
    run = gradient_flow(problem, [q0, 0], 6.0, rtol=1e-10)
    seen = along(problem, run, 60)
    np.testing.assert_allclose(seen.lowest, -m)
    np.testing.assert_allclose(seen.amplification, np.exp(m * seen.t), rtol=1e-10)
    np.testing.assert_allclose(seen.bound(0.01)[1:], (0.005 * m**2 * q0 * seen.t * np.exp(m * seen.t))[1:], rtol=1e-6)
    np.testing.assert_allclose(seen.bound(0.01, "paper"), 2 * seen.bound(0.01), rtol=1e-6)
    measured = gap(problem, run, gradient_descent(problem, [q0, 0], 1e-4, 60_000, record=[60_000]))
    assert measured.distance[-1] == pytest.approx(seen.bound(1e-4)[-1], rel=1e-3)


def test_in_a_valley_the_bound_of_the_paper_settles_and_the_sharp_one_goes():
    problem = with_hessian(np.diag([1.0, 3.0]))
    seen = along(problem, gradient_flow(problem, [1.0, 1.0], 40.0, rtol=1e-9))
    assert (seen.amplification == 1).all() and not seen.integral().any()
    assert seen.bound(0.1, "paper")[-1] == pytest.approx(0.1 * 3 * np.sqrt(10), rel=1e-3)
    assert seen.bound(0.1)[-1] < 1e-12 and 0.01 < seen.bound(0.1).max() < 0.1


def test_bounds_beyond_all_floats_are_infinite_and_come_back():
    t = np.linspace(0, 1600, 401)
    hill = Curvature(t, np.sign(t - 800), np.ones(401), np.ones(401), np.ones(401), np.ones(401))
    bound = hill.bound(2.0)
    assert np.isinf(bound[200]) and np.isinf(hill.amplification[-1]) and hill.largest_step(1.0) == 0
    assert np.log(bound[100]) == pytest.approx(400, abs=1e-6) and bound[-1] == pytest.approx(2, rel=0.05)
    assert (np.diff(np.log(bound[1:150])) > 0).all() and (np.diff(bound[290:]) < 0).all()


def reference(problem, theta0, times):
    """The sharp bound for η = 1 and ∫ −min(λ_min, 0) at the times, integrated together with the flow."""
    def pace(_, state):
        velocity, hessian = problem.velocity(state[:-2]), problem.hessian(state[:-2])
        low = np.linalg.eigvalsh(hessian)[0]
        return np.concatenate([velocity, [-low * state[-2] + 0.5 * np.linalg.norm(hessian @ velocity), -min(low, 0)]])

    return solve_ivp(pace, (0, times[-1]), np.concatenate([theta0, np.zeros(2)]), t_eval=times, rtol=1e-9, atol=1e-14, max_step=0.1).y[-2:]


@pytest.mark.parametrize("network, scale, t_end", [(DeepLinear((2, 2, 1)), 1e-3, 20.0), (DeepLinear((2, 2, 2, 1)), 0.05, 60.0), (TwoLayer(4, "tanh"), 1e-2, 20.0), (Diagonal(3), 0.2, 30.0)], ids=repr)
def test_bound_and_integral_are_good_to_a_thousandth(network, scale, t_end):
    problem = Problem(network, Dataset([[1.0, 0], [0.3, 1]], [1.0, -0.5]))
    theta0 = network.init(2, scale, 0)
    seen = along(problem, gradient_flow(problem, theta0, t_end, rtol=1e-9))
    assert len(seen.t) == 200 and seen.t[0] == 0 and seen.t[-1] == t_end
    sharp, integral = reference(problem, theta0, seen.t)
    later = sharp > 1e-3 * sharp.max()
    np.testing.assert_allclose(seen.bound(1.0)[later], sharp[later], rtol=1e-3)
    np.testing.assert_allclose(seen.integral(), integral, atol=1e-3)


def test_a_long_rest_after_the_drop_takes_no_points_away_from_it():
    problem = Problem(DeepLinear((2, 2, 1)), Dataset(np.eye(2), [1.0, 0]))
    theta0 = problem.network.init(2, 1e-4, 0, balanced=True)
    short, long = (along(problem, gradient_flow(problem, theta0, t_end)).integral()[-1] for t_end in (30.0, 3000.0))
    assert long == pytest.approx(short, abs=5e-3) and short > 5


@FORMS
def test_a_step_that_depends_on_the_loss_is_taken_at_each_time(form):
    problem, theta0, t_end = smooth_problem(0)
    seen = along(problem, gradient_flow(problem, theta0, t_end))
    np.testing.assert_allclose(seen.bound(lambda loss: 0.02, form), seen.bound(0.02, form))
    first, last = seen.loss[[0, -1]]
    falling = seen.bound(lambda loss: 0.02 * loss, form)[1:]
    assert last < 0.9 * first and (falling > seen.bound(0.02 * last, form)[1:]).all() and falling[-1] < 0.99 * seen.bound(0.02 * first, form)[-1]


def test_steps_that_grow_as_the_loss_falls_stay_under_the_sharp_bound():
    problem = Problem(TwoLayer(3, "tanh"), Dataset([[1.0, 0], [0, 1]], [1.0, -1]), "logistic")
    theta0 = problem.network.init(2, 0.1, 0)
    run = gradient_flow(problem, theta0, 20.0, rtol=1e-9)
    seen, ratios = along(problem, run), []
    for eta in (0.02, 0.002):
        descent = gradient_descent(problem, theta0, lambda loss, eta=eta: eta / loss, 100_000, stop=stop_at(loss=1.05 * run.loss[-1]))
        measured = gap(problem, run, descent)
        bound = np.interp(measured.t, seen.t, seen.bound(lambda loss, eta=eta: eta / loss))
        ratios.append((measured.distance / np.maximum(bound, 1e-300))[len(descent.t) // 20:].max())
    assert ratios[0] < 1.02 and 0.5 < ratios[1] < 1.002


@pytest.mark.parametrize("seed", range(20))
def test_descent_stays_below_the_bound_of_the_paper_and_in_the_limit_below_the_sharp_one(seed):
    problem, theta0, t_end = smooth_problem(seed)
    run = gradient_flow(problem, theta0, t_end, rtol=1e-10)
    seen = along(problem, run)
    assert run.loss[-1] < run.loss[0]
    excess = []
    for share in (0.2, 0.06, 0.02):
        step = share / seen.highest.max()
        steps = int(t_end / step)
        measured = gap(problem, run, gradient_descent(problem, theta0, step, steps))
        sharp, paper = (np.interp(measured.t, seen.t, seen.bound(step, form)) for form in curvature.FORMS)
        assert (measured.distance <= paper * (1 + 1e-9)).all()
        later = measured.t >= seen.t[3]
        excess.append((measured.distance[later] / sharp[later]).max() - 1)
    assert excess[0] < 0.2 and excess[2] < 0.02


@pytest.mark.parametrize("seed", range(4))
def test_the_distance_is_of_first_order_in_the_step_and_from_the_modified_flow_of_second(seed):
    problem, theta0, t_end = smooth_problem(seed)
    run = gradient_flow(problem, theta0, t_end, rtol=1e-11)
    first, second, steps = [], [], np.array([0.02, 0.01, 0.005])
    for step in steps:
        descent = gradient_descent(problem, theta0, step, round(t_end / step))
        first.append(gap(problem, run, descent).distance.max())
        second.append(gap(problem, gradient_flow(modified(problem, step), theta0, t_end, rtol=1e-11), descent).distance.max())
    assert np.polyfit(np.log(steps), np.log(first), 1)[0] == pytest.approx(1, abs=0.02)
    assert np.polyfit(np.log(steps), np.log(second), 1)[0] == pytest.approx(2, abs=0.05)


@FORMS
def test_the_largest_step_is_that_whose_bound_reaches_eps(form):
    problem, theta0, t_end = smooth_problem(1)
    seen = along(problem, gradient_flow(problem, theta0, t_end))
    assert seen.bound(seen.largest_step(0.03, form), form).max() == pytest.approx(0.03, rel=1e-12)


def test_without_more_said_the_largest_step_is_that_of_the_paper():
    problem, theta0, t_end = smooth_problem(1)
    seen = along(problem, gradient_flow(problem, theta0, t_end))
    assert seen.largest_step(0.03) == seen.largest_step(0.03, "paper") < seen.largest_step(0.03, "sharp")


# --- descent beside the flow ---

def test_the_gap_is_the_distance_at_the_same_time():
    problem, theta0, t_end = smooth_problem(2)
    run, descent = gradient_flow(problem, theta0, t_end), gradient_descent(problem, theta0, 0.5, 30, record=range(0, 30, 7))
    found = gap(problem, run, descent)
    np.testing.assert_array_equal(found.t, [0, 3.5, 7, 10.5, 14, 15])
    flow = run.at(found.t)
    np.testing.assert_allclose(found.distance, [np.linalg.norm(a - b) for a, b in zip(descent.theta, flow, strict=True)])
    np.testing.assert_allclose(found.loss, [problem.loss(a) - problem.loss(b) for a, b in zip(descent.theta, flow, strict=True)])
    assert found.distance[0] == 0 and found.distance[-1] > 1e-3


def test_a_gap_needs_a_flow_from_the_same_start_that_lasts_as_long():
    problem, theta0, t_end = smooth_problem(2)
    run = gradient_flow(problem, theta0, t_end)
    with pytest.raises(ValueError, match=r"flow_run must last as long as the descent, t = 15.5, it ends at t = 15"):
        gap(problem, run, gradient_descent(problem, theta0, 0.5, 31))
    with pytest.raises(ValueError, match=r"must start from the same theta0, theirs are 0.5 apart"):
        gap(problem, run, gradient_descent(problem, 2 * theta0, 0.5, 30))


@pytest.mark.parametrize("seed", range(4))
def test_the_modified_flow_descends_the_loss_plus_a_quarter_of_the_step_times_the_squared_gradient(seed):
    problem, theta, _ = smooth_problem(seed)
    descends, v = modified(problem, 0.3), problem.network.init(2, 1.0, 7)

    def wanted(point):
        return problem.loss(point) + 0.3 / 4 * np.sum(problem.velocity(point) ** 2)

    assert descends.velocity(theta) @ v == pytest.approx(-(wanted(theta + 1e-5 * v) - wanted(theta - 1e-5 * v)) / 2e-5, rel=1e-6)
    loss, velocity = descends.loss_and_velocity(theta)
    assert loss == problem.loss(theta) and np.array_equal(velocity, descends.velocity(theta)) and "modified(Problem(" in repr(descends)


# --- the bound from norms ---

STEEP = helpers.activation("steep", lambda z: np.where(z > 0, z, -3 * z), lambda z: np.where(z > 0, 1.0, -3.0))
HOMOGENEOUS = [DeepLinear((3, 4, 1)), DeepLinear((3, 4, 2, 2)), DeepLinear((3, 2, 4, 3, 2)), TwoLayer(5, "linear"), TwoLayer(5, "relu", bias=True), TwoLayer(5, "leaky_relu(0.3)"),
               TwoLayer(5, "relu", train_output=False), Deep((3, 4, 3, 1), "relu"), Deep((3, 4, 3, 3, 2), "leaky_relu(0.3)"), Deep((3, 4, 4, 2), "linear"),
               TwoLayer(5, STEEP)]


def outputs(network):
    return getattr(network, "widths", (1,))[-1]


def homogeneous(network, loss):
    """A problem with this network and this loss."""
    random, k = np.random.default_rng(0), outputs(network)
    X = random.standard_normal((6, 3))
    y = {"square": random.standard_normal(6 if k == 1 else (6, k)), "cross_entropy": random.integers(0, k, 6)}.get(loss, np.sign(X[:, 0]))
    return Problem(network, Dataset(X, y), loss)


@pytest.mark.parametrize("network, loss", [(network, loss) for network in HOMOGENEOUS for loss in ("square", *(("logistic", "exponential") if outputs(network) == 1 else ("cross_entropy",)))],
                         ids=repr)
def test_no_eigenvalue_is_below_the_bound_from_norms_anywhere(network, loss):
    problem = homogeneous(network, loss)
    thetas = np.array([network.init(3, scale, seed) for seed in range(20) for scale in (0.3, 1.5, 4.0)])
    for one in (problem, problem.frozen()):
        lowest, bound = hessian_extremes(one, thetas)[:, 0], norm_bound(one, thetas)
        assert bound.shape == (60,) and (lowest >= bound * (1 + 1e-9) - 1e-12).all()
    assert norm_bound(problem, thetas[4]) == pytest.approx(norm_bound(problem, thetas)[4], rel=1e-12)


@pytest.mark.parametrize("network", [DeepLinear((3, 4, 2)), DeepLinear((3, 3, 4, 1)), TwoLayer(5, "relu"), Deep((3, 4, 3, 1), "leaky_relu(0.3)")], ids=repr)
def test_no_eigenvalue_is_below_the_bound_from_norms_along_a_flow(network):
    problem = homogeneous(network, "square")
    run = gradient_flow(problem, network.init(3, 0.1, 0), 8.0)
    assert (hessian_extremes(problem, run.theta)[:, 0] >= norm_bound(problem, run.theta) - 1e-12).all()


def test_for_two_linear_layers_the_bound_from_norms_is_reached_at_the_origin():
    problem = homogeneous(DeepLinear((3, 4, 2)), "square")
    assert norm_bound(problem, np.zeros(20)) == pytest.approx(hessian_extremes(problem, np.zeros(20))[0], rel=1e-12)


def test_where_the_layers_are_unequal_the_two_smallest_norms_do_not_count():
    problem = Problem(DeepLinear((1, 1, 1, 1, 1)), Dataset([[2.0]], [5.0]))
    assert norm_bound(problem, [2.0, 0.1, 3.0, 0.2]) == pytest.approx(-3 * 2 * (5 - 0.24) * 6)


def test_every_hidden_layer_brings_the_largest_slope_once():
    problem = Problem(Deep((1, 1, 1, 1), STEEP), Dataset([[2.0]], [5.0]))
    assert norm_bound(problem, [0.1, 0.2, 0.5]) == pytest.approx(-2 * 2 * (5 - 0.02) * 3**2 * 0.5)


def test_with_a_bias_the_constant_input_counts():
    problem = Problem(TwoLayer(1, "relu", bias=True), Dataset([[3.0]], [1.0]))
    assert norm_bound(problem, np.array([-1.0, 0.0, 5.0])) == pytest.approx(-np.sqrt(10))


@pytest.mark.parametrize("network", [TwoLayer(3, "tanh"), TwoLayer(3, "relu**2"), Deep((2, 3, 1), "z**2"), Diagonal(), TorchNetwork(torch.nn.Linear(2, 1))], ids=repr)
def test_other_networks_have_no_bound_from_norms(network):
    with pytest.raises(TypeError, match="problem must have a DeepLinear network, or a Deep or TwoLayer one with linear, ReLU or leaky ReLU activations"):
        norm_bound(Problem(network, Dataset([[1.0, 2.0]], [1.0])), np.ones(network.size(2)))
