"""The four networks on ten digits: what they are, how they start, and gradient descent with ever smaller steps on one clock."""

import numpy as np
import pytest
import torch

from helpers import Problem, TorchNetwork, data, gradient_flow, vision

SMOOTH = TorchNetwork(torch.nn.Sequential(torch.nn.Linear(64, 4), torch.nn.Tanh(), torch.nn.Linear(4, 10)))
HEAD, FILTERS, BIASES = 64 * 50 + 50 * 50 + 50 * 10, 6 * 9 + 16 * 6 * 9, 6 + 16 + 50 + 50 + 10
SIZES = (HEAD, HEAD, FILTERS + HEAD, FILTERS + HEAD + BIASES)


def task(network, n=30):
    return Problem(network, data.ten_digits(n), loss="cross_entropy", reduction="mean")


def distances(runs):
    """‖θ_η(t) − θ_{η/r}(t)‖ of every r > 1, shape (ratios, points)."""
    return np.array([np.linalg.norm(runs[1].theta - run.theta, axis=1)[1:] for r, run in runs.items() if r > 1])


def test_ten_digits_are_spread_over_the_set_and_scaled_by_one_mean_and_deviation():
    every, some = data.ten_digits(1797), data.ten_digits(100)
    assert every.X.shape == (1797, 64) and every.X.mean() == pytest.approx(0, abs=1e-12) and every.X.std() == pytest.approx(1)
    np.testing.assert_array_equal(some.X, every.X[:1700:17])
    np.testing.assert_array_equal(some.y, every.y[:1700:17])


@pytest.mark.parametrize("n", [50, 100, 200, 500, 1000])
def test_all_ten_classes_are_among_the_digits(n):
    counts = np.bincount(data.ten_digits(n).y, minlength=10)
    assert counts.sum() == n and counts.min() >= n / 25


@pytest.mark.parametrize("name, size", list(zip(vision.NETWORKS, SIZES, strict=True)))
def test_every_network_maps_64_pixels_to_ten_classes_with_the_weights_that_it_should_have(name, size):
    network = vision.network(name)
    assert network.size(64) == size and network.kinked == (name != "linear")
    assert network.outputs(vision.xavier(network, seed=0), data.ten_digits(30).X).shape == (30, 10)


@pytest.mark.parametrize("name, degree", [("linear", 3), ("ReLU", 3), ("convolutional, adapted", 5), ("convolutional, off the shelf", None)])
def test_three_of_the_networks_are_homogeneous_and_the_one_with_biases_is_not(name, degree):
    network, X = vision.network(name), data.ten_digits(30).X
    theta = network.init(64, 10.0, seed=0)  # Gaussian biases as well
    error = min(np.abs(network.outputs(2 * theta, X) / network.outputs(theta, X) / 2**L - 1).max() for L in ([degree] if degree else range(1, 7)))
    assert (error < 1e-9) == (degree is not None)


def test_the_linear_network_is_linear_in_the_images_and_the_others_are_not():
    X = data.ten_digits(30).X
    for name in vision.NETWORKS:
        network = vision.network(name)
        theta = vision.xavier(network, seed=0)
        odd = np.allclose(network.outputs(theta, -X), -network.outputs(theta, X), rtol=1e-10)
        assert odd == (name == "linear")


@pytest.mark.parametrize("name", vision.NETWORKS[2:])
def test_convolutional_features_of_a_mark_move_with_it(name):
    mark, X = [[1.0, 2.0], [3.0, 4.0]], np.zeros((2, 8, 8))
    X[0, 1:3, 1:3] = X[1, 1:3, 5:7] = mark
    network = vision.network(name)
    torch.nn.utils.vector_to_parameters(torch.from_numpy(vision.xavier(network, seed=0)), network.module.parameters())
    features = network.module[:list(map(type, network.module)).index(torch.nn.Flatten)]
    here, there = features(torch.from_numpy(X.reshape(2, 64))).detach().numpy()
    assert here.shape == (16, 2, 2) and here[:, 0, 0].any()
    np.testing.assert_allclose(there[:, :, 1], here[:, :, 0], atol=1e-12)


@pytest.mark.parametrize("name", vision.NETWORKS)
def test_xavier_starts_fill_their_ranges_and_biases_start_at_zero(name):
    network = vision.network(name)
    for weights in network.weights(vision.xavier(network, seed=1)):
        if weights.ndim == 1:
            assert not weights.any()
        else:
            fan_in, fan_out = weights[0].size, weights[:, 0].size
            assert 0.8 < np.abs(weights).max() / np.sqrt(6 / (fan_in + fan_out)) <= 1
            assert abs(weights.mean()) < 4 * np.abs(weights).max() / np.sqrt(3 * weights.size)


def test_a_xavier_start_is_drawn_from_its_seed_alone():
    network = vision.network("convolutional, adapted")
    torch.manual_seed(5)
    first = vision.xavier(network, seed=1)
    torch.manual_seed(6)
    np.testing.assert_array_equal(first, vision.xavier(vision.network("convolutional, adapted"), seed=1))
    assert not np.array_equal(first, vision.xavier(network, seed=2))


def test_a_step_costs_one_pass_forward():
    network, passes = vision.network("convolutional, adapted"), []
    network.module.register_forward_hook(lambda *_: passes.append(1))
    problem, theta = task(network), vision.xavier(network, seed=0)
    motion = problem.motion()
    for factor in (1, 2, 3):
        motion(factor * theta)
    assert len(passes) == 3
    loss, velocity = motion(theta)
    assert problem.loss(theta) == loss
    np.testing.assert_array_equal(problem.velocity(theta), velocity)


def test_outputs_follow_weights_images_and_outputs_that_are_changed_in_place():
    network, X = vision.network("convolutional, adapted"), np.array(data.ten_digits(30).X)
    theta, r = vision.xavier(network, seed=0), np.ones((30, 10))
    for change in (theta, X):
        before = network.pullback(theta, X, r)
        change *= 2
        np.testing.assert_allclose(network.outputs(theta, X), vision.network("convolutional, adapted").outputs(theta, X), rtol=1e-14)
        assert not np.allclose(network.pullback(theta, X, r), before)
    out = network.outputs(theta, X)
    out[:] = 0
    assert network.outputs(theta, X).any()


def test_descents_share_their_start_and_their_clock():
    problem = task(SMOOTH)
    runs = vision.descents(problem, vision.xavier(SMOOTH, seed=0), step=0.1, steps=20, ratios=(1, 3), points=5)
    assert list(runs) == [1, 3] and [run.evaluations for run in runs.values()] == [21, 61]
    for run in runs.values():
        np.testing.assert_allclose(run.t, [0, 0.4, 0.8, 1.2, 1.6, 2.0], rtol=1e-12)
        np.testing.assert_array_equal(run.theta[0], runs[1].theta[0])


@pytest.mark.parametrize("network", [SMOOTH, vision.network("linear")], ids=["tanh", "linear"])
def test_distances_of_smooth_networks_are_to_each_other_as_1_minus_1_over_r(network):
    problem = task(network)
    measured = distances(vision.descents(problem, vision.xavier(network, seed=0), step=0.01, steps=100, points=10))
    np.testing.assert_allclose(measured / measured[-1], np.outer([0.5, 0.8, 0.9, 0.95], np.ones(10)) / 0.95, rtol=0.02)


def test_a_small_step_stands_in_for_the_flow_by_twenty_times_as_many_evaluations():
    problem, theta0 = task(SMOOTH), vision.xavier(SMOOTH, seed=0)
    finest = vision.descents(problem, theta0, step=0.05, steps=60, ratios=(20,), points=10)[20]
    flow = gradient_flow(problem, theta0, t_end=3.0)
    exact = gradient_flow(problem, theta0, t_end=3.0, rtol=1e-10).at(finest.t)
    off = [np.linalg.norm(theta - exact, axis=1).max() for theta in (finest.theta, flow.at(finest.t))]
    assert flow.evaluations < finest.evaluations / 5 and off[1] < off[0] / 100
