"""Problems: residual and velocity are the derivatives they claim to be, live and frozen."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from helpers import Deep, Diagonal, Problem, TorchNetwork, TwoLayer, data, gradient_flow, stop_at
from helpers.data import Dataset

RANDOM = np.random.default_rng(0)
X = RANDOM.standard_normal((6, 3))
Y = {"square": RANDOM.standard_normal(6), "logistic": np.array([1.0, -1, 1, 1, -1, -1]), "exponential": np.array([1.0, -1, -1, 1, -1, 1]),
     "cross_entropy": np.array([0, 2, 1, 1, 0, 2])}
BOTH = pytest.mark.parametrize("reduction", ["sum", "mean"])


def problem_of(loss, reduction="sum", activation="tanh"):
    """Six points, a small network; three outputs for cross entropy."""
    layers = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 3))
    network = TorchNetwork(layers) if loss == "cross_entropy" else TwoLayer(5, activation)
    return Problem(network, Dataset(X, Y[loss]), loss, reduction)


def theta_of(problem, scale=3.0, seed=0):
    return problem.network.init(3, scale, seed)


def slope(function, at, direction, h=1e-5):
    return (function(at + h * direction) - function(at - h * direction)) / (2 * h)


class Table:
    """A network whose weights are its outputs, so that the loss is a function of them."""

    def __init__(self, shape):
        self.shape = shape

    def size(self, dim):
        return int(np.prod(self.shape))

    def outputs(self, theta, X):
        return theta.reshape(self.shape)

    def pullback(self, theta, X, r):
        return r.ravel()


@BOTH
@pytest.mark.parametrize("loss", Y)
def test_residual_is_minus_the_derivative_of_the_loss_by_the_outputs(loss, reduction):
    problem = Problem(Table((6, 3) if loss == "cross_entropy" else (6,)), Dataset(X, Y[loss]), loss, reduction)
    H = np.random.default_rng(1).standard_normal(problem.network.size(3))
    wanted = [-slope(problem.loss, H, unit) for unit in np.eye(len(H))]
    np.testing.assert_allclose(problem.residual(H).ravel(), wanted, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("loss, value", [("square", lambda H, y: 0.5 * (H - y) ** 2), ("logistic", lambda H, y: np.log(1 + np.exp(-y * H))),
                                         ("exponential", lambda H, y: np.exp(-y * H))])
def test_losses_are_the_ones_of_the_docstring(loss, value):
    H = np.random.default_rng(2).standard_normal(6)
    for reduction, total in (("sum", np.sum), ("mean", np.mean)):
        assert Problem(Table((6,)), Dataset(X, Y[loss]), loss, reduction).loss(H) == pytest.approx(total(value(H, Y[loss])), rel=1e-12)


@BOTH
def test_cross_entropy_is_the_one_of_torch(reduction):
    H = np.random.default_rng(2).standard_normal((6, 3))
    wanted = torch.nn.functional.cross_entropy(torch.tensor(H), torch.tensor(Y["cross_entropy"]), reduction=reduction)
    assert Problem(Table((6, 3)), Dataset(X, Y["cross_entropy"]), "cross_entropy", reduction).loss(H.ravel()) == pytest.approx(float(wanted), rel=1e-12)


@BOTH
@pytest.mark.parametrize("loss", Y)
def test_velocity_is_minus_the_gradient_of_the_loss(loss, reduction):
    problem = problem_of(loss, reduction)
    theta, direction = theta_of(problem), theta_of(problem, 1.0, seed=1)
    assert problem.velocity(theta) @ direction == pytest.approx(-slope(problem.loss, theta, direction), rel=1e-7)
    together = problem.loss_and_velocity(theta)
    assert together[0] == problem.loss(theta) and np.array_equal(together[1], problem.velocity(theta))


class Bare:
    """A network that knows its outputs and its pullback alone."""

    def __init__(self, network):
        self.size, self.init, self.outputs, self.pullback = network.size, network.init, network.outputs, network.pullback


@pytest.mark.parametrize("frozen", [False, True])
@BOTH
@pytest.mark.parametrize("loss", Y)
def test_the_hessian_is_minus_the_derivative_of_the_velocity_and_its_products_are_those_of_the_matrix(loss, reduction, frozen):
    problem = problem_of(loss, reduction)
    problem = problem.frozen() if frozen else problem
    theta = theta_of(problem)
    hessian, wanted = problem.hessian(theta), np.array([-slope(problem.velocity, theta, unit) for unit in np.eye(len(theta))])
    np.testing.assert_allclose(hessian, wanted, rtol=1e-6, atol=1e-8 * np.abs(wanted).max())
    np.testing.assert_array_equal(hessian, hessian.T)
    v = theta_of(problem, 2.0, seed=1)
    np.testing.assert_allclose(problem.hessian_product(theta, v), hessian @ v, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("loss", Y)
@pytest.mark.parametrize("scale", [1e-6, 1.0])
def test_of_a_network_that_knows_no_second_derivatives_the_hessian_comes_from_differences(loss, scale, frozen):
    problem = problem_of(loss)
    bare = Problem(Bare(problem.network), problem.data, loss)
    problem, bare = (problem.frozen(), bare.frozen()) if frozen else (problem, bare)
    theta, v = theta_of(problem, scale), theta_of(problem, 3.0, seed=1)
    wanted = problem.hessian(theta)
    np.testing.assert_allclose(bare.hessian(theta), wanted, atol=1e-7 * np.abs(wanted).max())
    np.testing.assert_allclose(bare.hessian_product(theta, v), wanted @ v, atol=1e-7 * np.abs(wanted @ v).max())
    assert not bare.hessian_product(theta, 0 * v).any()


def test_differences_are_taken_at_the_scale_of_the_weights():
    problem, bare = (Problem(network, Dataset(X, Y["square"])).frozen() for network in (Diagonal(4), Bare(Diagonal(4))))
    theta = problem.network.init(3, 1e-5, 0)
    np.testing.assert_allclose(bare.hessian_product(theta, np.ones(6)), problem.hessian_product(theta, np.ones(6)), rtol=1e-7)


def test_a_hessian_of_more_directions_than_one_block_is_whole():
    problem = Problem(TwoLayer(40, "tanh"), Dataset(X, Y["square"]))
    theta = theta_of(problem)
    np.testing.assert_allclose(problem.hessian(theta), [problem.hessian_product(theta, unit) for unit in np.eye(160)], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name, slopes", [("relu", (1, 0)), ("leaky_relu(0.3)", (1, 0.3))])
def test_of_a_kinked_network_the_hessian_is_that_of_its_linear_pieces(name, slopes):
    problem, flat = (Problem(TwoLayer(1, act, bias=False), Dataset([[1.0]], [2.0])) for act in (name, "linear"))
    np.testing.assert_allclose(problem.hessian(np.array([3.0, 0.5])), flat.hessian(np.array([3.0, 0.5])))
    found = problem.hessian(np.array([-3.0, 0.5]))  # H = a·γw: the linear network at (γw, a), in its own w
    np.testing.assert_allclose(found, np.diag([slopes[1], 1]) @ flat.hessian(np.array([-3.0 * slopes[1], 0.5])) @ np.diag([slopes[1], 1]), atol=1e-14)


@BOTH
@pytest.mark.parametrize("loss", Y)
def test_a_frozen_problem_climbs_the_ncf_and_its_loss_is_minus_the_ncf(loss, reduction):
    problem = problem_of(loss, reduction)
    z = np.random.default_rng(3).standard_normal(problem.network.outputs(theta_of(problem), X).shape)
    frozen = problem.frozen(z)
    theta, direction = theta_of(problem), theta_of(problem, 1.0, seed=1)

    def ncf(theta):
        return np.sum(z * problem.network.outputs(theta, X))

    assert frozen.loss(theta) == pytest.approx(-ncf(theta), rel=1e-12)
    assert frozen.velocity(theta) @ direction == pytest.approx(slope(ncf, theta, direction), rel=1e-7)
    np.testing.assert_array_equal(frozen.residual(theta), z)


@pytest.mark.parametrize("reduction, weight", [("sum", 1.0), ("mean", 1 / 6)])
@pytest.mark.parametrize("loss, z", [("square", Y["square"]), ("logistic", Y["logistic"] / 2), ("exponential", Y["exponential"]),
                                     ("cross_entropy", np.eye(3)[Y["cross_entropy"]] - 1 / 3)])
def test_the_default_frozen_residual_is_the_one_at_the_origin(loss, z, reduction, weight):
    problem = problem_of(loss, reduction)
    np.testing.assert_allclose(problem.frozen().residual(theta_of(problem)), weight * z, rtol=1e-14)


def test_freezing_a_frozen_problem_starts_again_from_the_live_residual():
    problem = problem_of("square")
    np.testing.assert_array_equal(problem.frozen(np.ones(6)).frozen().residual(theta_of(problem)), Y["square"])


def test_the_frozen_residual_is_a_copy():
    problem, z = problem_of("square"), np.ones(6)
    frozen = problem.frozen(z)
    z[:] = 7
    np.testing.assert_array_equal(frozen.residual(theta_of(problem)), np.ones(6))


def exponent_of_the_difference(problem):
    """The power of the scale with which live and frozen velocity differ, relative to the velocity."""
    def difference(scale):
        theta = theta_of(problem, scale, seed=1)
        frozen = problem.frozen().velocity(theta)
        return np.linalg.norm(problem.velocity(theta) - frozen) / np.linalg.norm(frozen)

    return np.log10(difference(1e-2) / difference(1e-3))


@pytest.mark.parametrize("loss", ["square", "logistic", "exponential"])
@pytest.mark.parametrize("activation, L", [("tanh", 2), ("relu", 2), ("x*tanh(x)", 3), ("x**2*tanh(x)", 4)])
def test_near_the_origin_live_and_frozen_velocity_differ_by_order_scale_to_the_L(activation, L, loss):
    assert exponent_of_the_difference(problem_of(loss, activation=activation)) == pytest.approx(L, abs=0.003)


def test_with_a_value_at_the_origin_they_differ_by_order_scale():
    assert exponent_of_the_difference(problem_of("square", activation="sigmoid")) == pytest.approx(1, abs=0.003)


@pytest.mark.parametrize("loss, y, message", [
    ("logistic", [0, 1, 1, 0, 1, 0], "labels y must be −1 or \\+1 for the logistic loss"),
    ("exponential", [0.5, 1, -1, 1, 1, 1], "labels y must be −1 or \\+1 for the exponential loss"),
    ("cross_entropy", [0.0, 1, 2, 0, 1, 2], "labels y must be whole numbers 0 … k−1"),
    ("cross_entropy", [-1, 1, 2, 0, 1, 2], "labels y must be whole numbers 0 … k−1"),
    ("square", [np.nan, 1, 2, 0, 1, 2], "y must be finite"),
])
def test_labels_that_do_not_fit_the_loss_are_refused(loss, y, message):
    with pytest.raises(ValueError, match=message):
        Problem(TwoLayer(5), Dataset(X, np.array(y)), loss)


def test_outputs_that_do_not_fit_the_labels_are_refused():
    problem = Problem(TorchNetwork(torch.nn.Linear(3, 2)), Dataset(X, Y["square"]))
    with pytest.raises(ValueError, match=r"outputs have shape \(6, 2\), the labels y \(6,\)"):
        problem.loss(np.ones(8))


def test_classes_beyond_the_outputs_are_refused():
    problem = Problem(TorchNetwork(torch.nn.Linear(3, 2)), Dataset(X, Y["cross_entropy"]), "cross_entropy")
    with pytest.raises(ValueError, match="labels y go up to 2, the network has 2 outputs"):
        problem.loss(np.ones(8))


def test_cross_entropy_of_a_single_output_is_refused():
    with pytest.raises(ValueError, match=r"outputs have shape \(6,\)"):
        Problem(TwoLayer(5), Dataset(X, Y["cross_entropy"]), "cross_entropy").loss(np.ones(20))


@pytest.mark.parametrize("method", ["loss", "residual", "velocity", "hessian"])
def test_a_theta_with_nan_is_refused(method):
    problem = problem_of("square")
    with pytest.raises(ValueError, match="theta must be finite"):
        getattr(problem, method)(np.full(20, np.nan))


def test_data_sets_can_be_compared_and_kept_in_sets():
    first, second = data.hinge(), data.hinge()
    assert first in [second, first] and first != second and len({first, second}) == 2


# --- z and the rescaled clock ---

ONE_POINT = Dataset([[1.0]], [1.0])


@pytest.mark.parametrize("reduction, weight", [("sum", 1.0), ("mean", 1 / 6)])
@pytest.mark.parametrize("loss, z", [("square", Y["square"]), ("logistic", Y["logistic"] / 2), ("exponential", Y["exponential"]),
                                     ("cross_entropy", np.eye(3)[Y["cross_entropy"]] - 1 / 3)])
def test_z_is_the_residual_at_zero_outputs_of_a_live_problem_and_of_its_frozen_one(loss, z, reduction, weight):
    problem = problem_of(loss, reduction)
    np.testing.assert_allclose(problem.z, weight * z, rtol=1e-14)
    np.testing.assert_array_equal(problem.frozen().z, problem.z)


def test_z_is_at_zero_outputs_even_where_a_network_has_others_at_the_origin():
    problem = Problem(TwoLayer(5, "sigmoid", train_output=False, output_weights=np.ones(5)), Dataset(X, Y["square"]))
    assert (problem.network.outputs(np.zeros(15), X) == 2.5).all()
    np.testing.assert_array_equal(problem.z, Y["square"])


@pytest.mark.parametrize("outputs", [2, 6])
def test_z_of_outputs_that_do_not_fit_the_labels_is_refused(outputs):
    problem = Problem(TorchNetwork(torch.nn.Linear(3, outputs)), Dataset(X, Y["square"]))
    for ask in (lambda: problem.z, problem.frozen):
        with pytest.raises(ValueError, match=rf"outputs have shape \(6, {outputs}\), the labels y \(6,\)"):
            ask()


def test_z_is_a_copy():
    frozen = problem_of("square").frozen()
    frozen.z[:] = 100
    assert frozen.z.max() < 100


def test_z_of_a_problem_frozen_at_other_values_is_those():
    np.testing.assert_array_equal(problem_of("square").frozen(np.arange(6.0)).z, np.arange(6.0))


@pytest.mark.parametrize("problem", [problem_of("square"), problem_of("logistic", "mean").frozen(), Problem(Deep((3, 4, 3, 1), "relu**2"), Dataset(X, Y["square"]))],
                         ids=["live", "frozen", "Deep"])
@pytest.mark.parametrize("scale", [1e-9, 1.0])
def test_the_rescaled_velocity_has_the_direction_of_training_and_the_length_of_theta(problem, scale):
    theta, slow = theta_of(problem, scale), problem.rescaled()
    velocity, plain = slow.velocity(theta), problem.velocity(theta)
    assert np.linalg.norm(velocity) == pytest.approx(scale, rel=1e-12)
    np.testing.assert_allclose(velocity / scale, plain / np.linalg.norm(plain), rtol=1e-10, atol=1e-12)
    loss, again = slow.loss_and_velocity(theta)
    assert loss == slow.loss(theta) == problem.loss(theta) and np.array_equal(again, velocity)
    np.testing.assert_array_equal(slow.residual(theta), problem.residual(theta))
    np.testing.assert_array_equal(slow.start(theta), theta)
    assert slow.network is problem.network and slow.data is problem.data and repr(slow) == f"{problem!r}.rescaled()"


@pytest.mark.parametrize("activation", ["tanh", "x*tanh(x)", "relu"])
def test_the_rescaled_run_is_the_same_curve_as_the_plain_one_at_its_physical_times(activation):
    problem = Problem(TwoLayer(6, activation), data.circle(20))
    start, slow, rtol = problem.network.init(2, 0.05, seed=2), problem.rescaled(), 5e-5 if activation == "relu" else 1e-8
    run = gradient_flow(slow, start, 50, stop=stop_at(norm=0.5), rtol=rtol)
    t = slow.physical_time(run)
    plain = gradient_flow(problem, start, 1.001 * t[-1], rtol=rtol).at(t)
    assert run.stopped == "norm" and t[0] == 0 and (np.diff(t) > 0).all()
    assert np.max(np.linalg.norm(plain - run.theta, axis=1) / run.norm) < (2e-3 if activation == "relu" else 1e-6)


@pytest.mark.parametrize("scale", [1e-1, 1e-4, 1e-8])
def test_physical_times_of_a_cubic_ncf_are_those_before_its_blow_up(scale):
    slow, start = Problem(TwoLayer(1, "z**2"), ONE_POINT).frozen().rescaled(), scale * np.sqrt([2 / 3, 1 / 3])  # the KKT point, N = 2/(3√3)
    run = gradient_flow(slow, start, 100, stop=stop_at(norm=1.0))
    blow_up = 1 / (3 * scale * 2 / (3 * np.sqrt(3)))
    np.testing.assert_allclose(slow.physical_time(run)[1:], blow_up * (1 - scale / run.norm[1:]), rtol=1e-6)
    np.testing.assert_allclose(run.norm, scale * np.exp(run.t), rtol=1e-4)


def test_physical_times_are_known_between_the_points_of_a_run_too():
    slow, start = Problem(TwoLayer(1, "z**2"), ONE_POINT).frozen().rescaled(), 1e-3 * np.sqrt([2 / 3, 1 / 3])
    run = gradient_flow(slow, start, 5, rtol=1e-9)
    clock = np.linspace(0, 5, 60)
    np.testing.assert_allclose(slow.physical_time(run, clock)[1:], (1 - np.exp(-clock[1:])) * np.sqrt(3) / 2e-3, rtol=1e-6)
    np.testing.assert_array_equal(slow.physical_time(run, run.t), slow.physical_time(run))


@pytest.mark.parametrize("scale", [1e-2, 1e-8])
def test_for_degree_two_time_is_the_logarithm_of_the_growth_over_twice_the_ncf(scale):
    slow = Problem(TwoLayer(1, "linear"), ONE_POINT).frozen([3.0]).rescaled()
    run = gradient_flow(slow, scale * np.sqrt([0.5, 0.5]), 100, stop=stop_at(norm=1.0))
    np.testing.assert_allclose(slow.physical_time(run)[1:], np.log(run.norm[1:] / scale) / 3, rtol=1e-6)


def test_the_rescaled_clock_refuses_a_place_where_training_stands_still():
    problem = Problem(TwoLayer(1, "linear"), ONE_POINT)
    for theta in ([0.0, 0.0], [1.0, 1.0]):  # the origin, and a minimum
        for method in ("velocity", "loss_and_velocity"):
            with pytest.raises(ValueError, match="theta stands still there"):
                getattr(problem.rescaled(), method)(np.array(theta))


def test_spokes_are_unit_inputs_at_their_angles_with_their_labels():
    spokes = data.spokes([0, 90, 210], [1, -0.5, 2])
    np.testing.assert_allclose(spokes.X, [[1, 0], [0, 1], [-np.sqrt(3) / 2, -0.5]], atol=1e-15)
    np.testing.assert_array_equal(spokes.y, [1, -0.5, 2])
    usual = data.spokes()
    np.testing.assert_allclose(np.rad2deg(np.arctan2(*usual.X.T[::-1])) % 360, [50, 100, 170, 195, 270, 290])
    np.testing.assert_array_equal(usual.y, [1, 1, -1, -1, 1, 1])
    with pytest.raises(ValueError, match=r"labels must have shape \(2,\)"):
        data.spokes([0, 90])


def test_groups_share_the_points_evenly_around_their_centres():
    groups = data.groups(n=301, centres=(60, 200, 290), labels=(1, -1, 0.5), spread=5.0, seed=2)
    angles = np.rad2deg(np.arctan2(*groups.X.T[::-1])) % 360
    np.testing.assert_allclose(np.linalg.norm(groups.X, axis=1), 1)
    for centre, label, count in ((60, 1, 101), (200, -1, 100), (290, 0.5, 100)):
        mine = angles[groups.y == label]
        assert (len(mine), mine.mean(), mine.std()) == (count, pytest.approx(centre, abs=1.5), pytest.approx(5, rel=0.2))
    np.testing.assert_allclose(data.groups(4, spread=0).X, data.spokes([60, 200, 60, 200], np.ones(4)).X)
    np.testing.assert_array_equal(data.groups().X, data.groups(20, (60, 200), (1, -1), 15.0, 0).X)


def test_the_circle_has_labels_five_and_four_times_the_square_of_the_first_input():
    points = data.circle(200, seed=1)
    np.testing.assert_allclose(np.linalg.norm(points.X, axis=1), 1)
    first = points.X[:, 0]
    np.testing.assert_allclose(points.y, np.where(first > 0, 5, 4) * first**2)


def test_two_digits_are_centred_images_of_one_length_and_the_first_is_plus_one():
    images = load_digits()
    points, swapped = data.digits(3, 8), data.digits(8, 3)
    chosen = images.target[np.isin(images.target, (3, 8))]
    np.testing.assert_array_equal(points.y, np.where(chosen == 3, 1, -1))
    np.testing.assert_array_equal(swapped.y, -points.y)
    np.testing.assert_allclose(np.linalg.norm(points.X, axis=1), 8)
    plain = images.data[np.isin(images.target, (3, 8))]
    centred = plain - plain.mean(axis=0)
    np.testing.assert_allclose(points.X * np.linalg.norm(centred, axis=1, keepdims=True), 8 * centred, atol=1e-12)


def test_gaussian_classes_share_the_mean_that_was_asked_for():
    for mean in (0.0, 3.0):
        points = data.gaussian_classes(2000, 1000, dim=20, mean=mean)
        assert np.linalg.norm(points.X.mean(axis=0)) == pytest.approx(mean, abs=0.15)
        assert points.X.std(axis=0).mean() == pytest.approx(1, abs=0.05)
        assert (points.y == 1).sum() == 2000 and (points.y == -1).sum() == 1000


DRAWN = (data.circle, data.groups, data.sum_of_sines, data.orthonormal, data.whitened, data.sparse_regression, data.orthogonal,
         data.gaussian_classes)


@pytest.mark.parametrize("draw", DRAWN)
def test_a_seed_repeats_the_data_and_another_draws_other_ones(draw):
    np.testing.assert_array_equal(draw(seed=3).X, draw(seed=3).X)
    assert not np.allclose(draw(seed=3).X, draw(seed=4).X)
    np.testing.assert_array_equal(draw().X, draw(seed=0).X)


def test_targets_of_one_input_are_their_formulas_at_equally_spaced_points():
    np.testing.assert_allclose(data.hinge(5).X[:, 0], [-2, -1, 0, 1, 2])
    np.testing.assert_allclose(data.hinge(5).y, [-0.5, -0.5, -0.5, 0.5, 1.5])
    for points, frequency, low, high in ((data.sines(), 1, -1, 1.5), (data.sines(7, 2.0, -3, 0), 2, -3, 0)):
        x = points.X[:, 0]
        np.testing.assert_allclose(np.diff(x), (high - low) / (points.n - 1))
        assert (x[0], x[-1]) == (low, high)
        np.testing.assert_allclose(points.y, np.sin(3 * frequency * x) + np.sin(6 * frequency * x) / 2)


@pytest.mark.parametrize("low, high", [(1.0, 1.0), (0.5, 2.0)])
def test_orthogonal_inputs_have_right_angles_and_norms_in_their_range(low, high):
    points = data.orthogonal(20, 10, dim=40, norms=(low, high))
    norms = np.linalg.norm(points.X, axis=1)
    np.testing.assert_allclose(points.X @ points.X.T, np.diag(norms**2), atol=1e-12 * norms.max() ** 2)
    shares = norms / np.sqrt(40)
    assert (low - 1e-12 <= shares).all() and (shares <= high + 1e-12).all()
    assert np.ptp(shares) >= 0.8 * (high - low)
    np.testing.assert_array_equal(points.y, [1] * 20 + [-1] * 10)


def test_the_sum_of_sines_is_that_of_the_paper():
    for sines, dim, amplitude, frequency in ((data.sum_of_sines(), 5, 3.5, 5), (data.sum_of_sines(80, 3, 12.0, 4.0), 3, 4, 12)):
        assert sines.X.shape == (80, dim) and -4 < sines.X.min() < -3.9 and 1.9 < sines.X.max() < 2
        np.testing.assert_allclose(sines.y, [sum(amplitude * np.sin(frequency * x + 1) for x in row) for row in sines.X])
    assert not np.allclose(data.sum_of_sines(seed=1).X, data.sum_of_sines().X)


@pytest.mark.parametrize("n", [1, 2, 6, 30])
def test_orthonormal_inputs_are_and_the_seed_turns_them(n):
    inputs, labels = [data.orthonormal(np.arange(n), seed) for seed in (0, 1)], np.arange(n)
    for points in inputs:
        np.testing.assert_allclose(points.X @ points.X.T, np.eye(n), atol=1e-12)
        np.testing.assert_array_equal(points.y, labels)
    assert n == 1 or not np.allclose(inputs[0].X, inputs[1].X)
    assert data.orthonormal().X.shape == (6, 6)


@pytest.mark.parametrize("dim", [1, 2, 5, 12])
def test_with_a_bias_the_corners_of_the_simplex_are_orthogonal(dim):
    corners = data.simplex(dim)
    with_bias = np.column_stack([corners.X, np.ones(dim + 1)])
    np.testing.assert_allclose(with_bias @ with_bias.T, (dim + 1) * np.eye(dim + 1), atol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(corners.X, axis=1), np.sqrt(dim))
    np.testing.assert_array_equal(corners.y, np.ones(dim + 1))


def test_the_corners_of_the_tetrahedron_are_unit_vectors_equally_far_from_each_other():
    tetrahedron = data.tetrahedron((1, -1, 0.5, 2))
    np.testing.assert_allclose(tetrahedron.X @ tetrahedron.X.T, np.where(np.eye(4), 1, -1 / 3), atol=1e-12)
    np.testing.assert_allclose(tetrahedron.X[1] * np.sqrt(3), [1, -1, -1])
    np.testing.assert_array_equal(tetrahedron.y, [1, -1, 0.5, 2])


@pytest.mark.parametrize("dim, outputs", [(5, 4), (3, 6), (4, 3)])
def test_whitened_inputs_are_and_the_labels_are_those_of_a_matrix_with_the_given_singular_values(dim, outputs):
    points = data.whitened((3, 1, 0.5), dim, outputs, seed=2)
    np.testing.assert_allclose(points.X.T @ points.X, np.eye(dim), atol=1e-12)
    M = points.y.T @ points.X
    np.testing.assert_allclose(np.linalg.svd(M, compute_uv=False)[:3], [3, 1, 0.5], atol=1e-12)
    assert M.shape == (outputs, dim) and np.linalg.matrix_rank(M) == 3
    np.testing.assert_allclose(points.y, points.X @ M.T, atol=1e-12)
    others = data.whitened((3, 1, 0.5), dim, outputs, seed=3)
    assert not np.allclose(points.X, others.X) and not np.allclose(M, others.y.T @ others.X)


def test_with_one_output_the_labels_of_whitened_inputs_are_a_vector():
    points = data.whitened((2,), dim=3, outputs=1)
    assert points.y.shape == (3,) and np.linalg.norm(points.X.T @ points.y) == pytest.approx(2)
    usual = data.whitened()
    np.testing.assert_allclose(np.linalg.svd(usual.y, compute_uv=False), [4, 2, 1, 0], atol=1e-12)
    with pytest.raises(ValueError, match="no more than dim or outputs allow, 1"):
        data.whitened((2, 1), outputs=1)


def test_sparse_regression_has_fewer_points_than_dimensions_and_labels_of_a_few_coefficients():
    points = data.sparse_regression(n=300, dim=500, coefficients=(4, -2, 1), seed=1)
    assert points.X.shape == (300, 500) and points.X.std() == pytest.approx(300**-0.5, rel=0.01)
    beta, places = np.zeros(500), np.argsort(-np.abs(points.X.T @ points.y))
    beta[places[:20]] = np.linalg.lstsq(points.X[:, places[:20]], points.y)[0]
    np.testing.assert_allclose(sorted(beta[np.abs(beta) > 1e-9]), [-2, 1, 4])
    others = data.sparse_regression(n=300, dim=500, seed=2)
    assert not np.allclose(points.X, others.X) and places[0] != np.argmax(np.abs(others.X.T @ others.y))
    assert data.sparse_regression().X.shape == (30, 60)


def test_a_network_that_overrides_its_outputs_is_trained_by_them():
    class Doubled(TwoLayer):
        def outputs(self, theta, X):
            return 2 * super().outputs(theta, X)

        def pullback(self, theta, X, r):
            return 2 * super().pullback(theta, X, r)

    data, plain, doubled = Dataset(X, Y["square"]), TwoLayer(4), Doubled(4)
    theta = plain.init(3, 1.0, seed=0)
    halved = Problem(plain, Dataset(X, Y["square"] / 2))
    assert Problem(doubled, data).loss(theta) == pytest.approx(4 * halved.loss(theta), rel=1e-12)
    for velocity in (Problem(doubled, data).velocity(theta), Problem(doubled, data).motion()(theta)[1]):
        np.testing.assert_allclose(velocity, 4 * halved.velocity(theta), rtol=1e-10)
