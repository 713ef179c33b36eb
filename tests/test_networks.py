"""Networks: outputs and pullback agree with each other, with finite differences and with automatic differentiation."""

import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest
import torch

import helpers
from helpers import Deep, TorchNetwork, TwoLayer, activation
from helpers.activations import NAMES

SLOPE, POWER = 0.3, 3  # γ and q in the names
TORCH = {
    "linear": lambda z: z,
    "relu": torch.relu,
    "leaky_relu(γ)": lambda z: torch.maximum(z, SLOPE * z),
    "relu**q": lambda z: torch.relu(z) ** POWER,
    "leaky_relu(γ)**q": lambda z: torch.maximum(z, SLOPE * z) ** POWER,
    "z**q": lambda z: z**POWER,
    "tanh": torch.tanh,
    "x*tanh(x)": lambda z: z * torch.tanh(z),
    "x**2*tanh(x)": lambda z: z**2 * torch.tanh(z),
    "x**3*tanh(x)": lambda z: z**3 * torch.tanh(z),
    "sigmoid": torch.sigmoid,
    "softplus": torch.nn.functional.softplus,
    "smooth_leaky_relu(γ)": lambda z: SLOPE * z + (1 - SLOPE) * torch.log((1 + torch.exp(z)) / 2),
}
SHAPES = [(train_output, bias) for train_output in (True, False) for bias in (True, False)]


class TorchTwoLayer(torch.nn.Module):
    """Σ_j a_j σ(w_j·x) with W's last column acting on a constant input where there is a bias."""

    def __init__(self, width, dim, sigma, train_output, bias):
        super().__init__()
        self.W = torch.nn.Parameter(torch.zeros(width, dim + bias))
        half = torch.tensor([1.0] * (width // 2) + [-1.0] * (width // 2), dtype=torch.float64) / width**0.5
        self.a = torch.nn.Parameter(torch.zeros(width)) if train_output else half
        self.sigma, self.bias = sigma, bias

    def forward(self, X):
        inputs = torch.cat([X, torch.ones(len(X), 1, dtype=X.dtype)], dim=1) if self.bias else X
        return self.sigma(inputs @ self.W.T) @ self.a


def drawn(network, n=7, dim=3, seed=0):
    """θ of norm 3, inputs and a residual."""
    random = np.random.default_rng(seed)
    return network.init(dim, 3.0, seed), random.standard_normal((n, dim)), random.standard_normal(n)


def relative_error(found, wanted):
    return np.linalg.norm(found - wanted) / np.linalg.norm(wanted)


@pytest.mark.parametrize("train_output, bias", SHAPES)
@pytest.mark.parametrize("name", NAMES)
def test_closed_form_and_automatic_differentiation_agree_on_one_theta(name, train_output, bias):
    network = TwoLayer(6, name.replace("γ", str(SLOPE)).replace("q", str(POWER)), train_output, bias)
    by_torch = TorchNetwork(TorchTwoLayer(6, 3, TORCH[name], train_output, bias))
    theta, X, r = drawn(network)
    assert network.size(3) == by_torch.size(3) == len(theta)
    assert relative_error(network.outputs(theta, X), by_torch.outputs(theta, X)) < 1e-12
    assert relative_error(network.pullback(theta, X, r), by_torch.pullback(theta, X, r)) < 1e-12


@pytest.mark.parametrize("train_output, bias", SHAPES)
@pytest.mark.parametrize("name", NAMES)
def test_directional_is_how_outputs_and_pullback_change_and_automatic_differentiation_says_the_same(name, train_output, bias):
    network = TwoLayer(6, name.replace("γ", str(SLOPE)).replace("q", str(POWER)), train_output, bias)
    by_torch = TorchNetwork(TorchTwoLayer(6, 3, TORCH[name], train_output, bias))
    theta, X, r = drawn(network)
    several, h = np.array([network.init(3, 1.0, seed) for seed in (1, 2, 3)]), 1e-6
    moved, bent = network.directional(theta, X, r, several)
    assert moved.shape == (3, 7) and bent.shape == several.shape
    for k, v in enumerate(several):
        np.testing.assert_allclose(moved[k], (network.outputs(theta + h * v, X) - network.outputs(theta - h * v, X)) / (2 * h), rtol=1e-6, atol=1e-8)
        np.testing.assert_allclose(bent[k], (network.pullback(theta + h * v, X, r) - network.pullback(theta - h * v, X, r)) / (2 * h), rtol=1e-6, atol=1e-7)
    for found, wanted in zip((moved, bent), by_torch.directional(theta, X, r, several), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-10, atol=1e-12)
    for net in (network, by_torch):
        for one, all_of_them in zip(net.directional(theta, X, r, several[1]), (moved, bent), strict=True):
            np.testing.assert_allclose(one, all_of_them[1], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("network", [Deep((3, 4, 2, 2), "tanh"), Deep((3, 4, 1), "relu**2"), Deep((3, 2), "linear"),
                                     TorchNetwork(torch.nn.Sequential(torch.nn.Unflatten(1, (1, 3)), torch.nn.Conv1d(1, 3, 2), torch.nn.Softplus(), torch.nn.MaxPool1d(2),
                                                                      torch.nn.Flatten(), torch.nn.Linear(3, 2)))], ids=["tanh", "relu**2", "linear", "convolution and pooling"])
def test_directional_of_torch_networks_is_how_outputs_and_pullback_change(network):
    theta, X, _ = drawn(network)
    v, h = network.init(3, 1.0, seed=2), 1e-6
    r = np.random.default_rng(3).standard_normal(network.outputs(theta, X).shape)
    moved, bent = network.directional(theta, X, r, v)
    np.testing.assert_allclose(moved, (network.outputs(theta + h * v, X) - network.outputs(theta - h * v, X)) / (2 * h), rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(bent, (network.pullback(theta + h * v, X, r) - network.pullback(theta - h * v, X, r)) / (2 * h), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("train_output, bias", SHAPES)
@pytest.mark.parametrize("name", ["relu", "x*tanh(x)", "leaky_relu(0.3)**2"])
def test_pullback_is_the_adjoint_of_the_outputs_derivative(name, train_output, bias):
    network = TwoLayer(6, name, train_output, bias)
    theta, X, r = drawn(network, seed=1)
    direction = network.init(3, 1.0, seed=2)
    moved = (network.outputs(theta + 1e-6 * direction, X) - network.outputs(theta - 1e-6 * direction, X)) / 2e-6
    assert network.pullback(theta, X, r) @ direction == pytest.approx(r @ moved, rel=1e-7)


def test_a_linear_torch_layer_orders_theta_as_two_layer_does():
    network = TwoLayer(4, "tanh")
    layers = torch.nn.Sequential(torch.nn.Linear(3, 4, bias=False), torch.nn.Tanh(), torch.nn.Linear(4, 1, bias=False))
    theta, X, _ = drawn(network)
    np.testing.assert_allclose(TorchNetwork(layers).outputs(theta, X), network.outputs(theta, X), rtol=1e-12)


def test_a_torch_network_with_k_outputs_pulls_back_matrices():
    network = TorchNetwork(torch.nn.Sequential(torch.nn.Linear(3, 5), torch.nn.Tanh(), torch.nn.Linear(5, 4)))
    theta, X, _ = drawn(network)
    r, direction = np.random.default_rng(3).standard_normal((7, 4)), network.init(3, 1.0, seed=2)
    moved = (network.outputs(theta + 1e-6 * direction, X) - network.outputs(theta - 1e-6 * direction, X)) / 2e-6
    assert network.outputs(theta, X).shape == (7, 4)
    assert network.pullback(theta, X, r) @ direction == pytest.approx(np.sum(r * moved), rel=1e-7)


def test_a_torch_network_leaves_the_users_module_as_it_was():
    module = torch.nn.Linear(3, 1)
    before = module.weight.detach().clone()
    network = TorchNetwork(module)
    network.pullback(np.ones(4), np.ones((2, 3)), np.ones(2))
    assert module.weight.dtype == torch.float32 and torch.equal(module.weight, before) and module.weight.grad is None


def test_a_network_says_whether_its_activation_has_a_kink():
    assert [TwoLayer(3, name).kinked for name in ("relu", "leaky_relu(0.1)", "relu**2", "tanh")] == [True, True, False, False]
    layer = torch.nn.Linear(2, 1)
    assert [TorchNetwork(torch.nn.Sequential(layer, part)).kinked for part in (torch.nn.ReLU(), torch.nn.LeakyReLU(), torch.nn.Tanh())] == [True, True, False]
    assert TorchNetwork(layer, kinked=True).kinked and not TorchNetwork(torch.nn.Sequential(layer, torch.nn.ReLU()), kinked=False).kinked


@pytest.mark.parametrize("train_output, bias", SHAPES)
@pytest.mark.parametrize("name", ["relu", "x*tanh(x)"])
def test_a_two_layer_network_is_the_sum_of_its_neurons_and_so_are_its_outputs_and_pullback(name, train_output, bias):
    network = TwoLayer(6, name, train_output, bias)
    theta, X, r = drawn(network)
    parts = network.parts(theta)
    assert parts.shape == (6, network.size(3)) and ((parts != 0).sum(axis=0) == 1).all()
    np.testing.assert_array_equal(parts.sum(axis=0), theta)
    np.testing.assert_allclose(sum(network.outputs(part, X) for part in parts), network.outputs(theta, X), rtol=1e-10, atol=1e-14)
    for k, part in enumerate(parts):
        W, a = network.weights(part)
        np.testing.assert_array_equal(W[k], network.weights(theta)[0][k])
        assert not np.delete(W, k, axis=0).any() and (not train_output or (a != 0).sum() == 1)
        np.testing.assert_allclose(network.pullback(part, X, r)[part != 0], network.pullback(theta, X, r)[part != 0], rtol=1e-10, atol=1e-14)


def test_each_weight_is_told_the_size_of_its_neuron():
    theta = np.array([3.0, 4, 0, 0, 1, 2, 5, 0, 1])
    np.testing.assert_allclose(TwoLayer(3, "relu").sizes(theta), np.sqrt([50 / 3, 50 / 3, 0, 0, 2, 2, 50 / 3, 0, 2]))
    np.testing.assert_allclose(TwoLayer(3, "relu", train_output=False).sizes(theta[:6]), np.sqrt([12.5, 12.5, 0, 0, 2.5, 2.5]))


@pytest.mark.parametrize("bias", [False, True])
def test_a_neuron_slides_where_it_is_driven_onto_its_kink_from_both_sides(bias):
    cases = {"held": (0.1, -0.1, -1, 1, True), "held, coming from below": (-0.1, 0.1, 1, -1, True), "passes": (0.1, -0.1, -1, -1, False),
             "turns before it": (0.1, 0.2, -1, 1, False), "driven away": (0.1, -0.1, 1, -1, False)}  # w·x at two points, its velocity there
    before, after, pace_before, pace_after, slides = map(np.array, zip(*cases.values(), strict=True))
    network, input_01 = TwoLayer(5, "relu", bias=bias), np.array([[0.0, 1.0]])  # with a bias the 1 is appended

    def theta(products):
        return np.concatenate([np.outer(products, input_01), np.ones(5)], axis=None)

    told = network.sliding(np.array([theta(before), theta(after)]), np.array([theta(pace_before), theta(pace_after)]), input_01[:, :2 - bias])
    np.testing.assert_array_equal(told, np.concatenate([np.repeat(slides, 2), slides]))


def test_outputs_are_the_sum_over_neurons_that_the_docstring_says():
    network = TwoLayer(2, "relu", bias=True)
    theta = np.array([1.0, 2.0, -1.0, 0.5, -1.0, 3.0, 10.0, 100.0])
    assert network.outputs(theta, np.array([[1.0, 1.0]])) == 10 * 2.0 + 100 * 2.5


def test_fixed_output_weights_are_plus_and_minus_one_over_root_m_unless_given():
    np.testing.assert_allclose(TwoLayer(4, train_output=False).weights(np.zeros(8))[1], np.array([1, 1, -1, -1]) / 2)
    np.testing.assert_array_equal(TwoLayer(3, train_output=False, output_weights=[1, 2, 3]).weights(np.zeros(6))[1], [1, 2, 3])


@pytest.mark.parametrize("train_output, bias", SHAPES)
def test_weights_of_a_trajectory_are_the_weights_of_its_points(train_output, bias):
    network = TwoLayer(5, "tanh", train_output, bias)
    thetas = np.array([network.init(3, 1.0, seed) for seed in range(4)])
    W, a = network.weights(thetas)
    assert W.shape == (4, 5, 3 + bias) and a.shape == (4, 5)
    for k, theta in enumerate(thetas):
        np.testing.assert_array_equal(network.weights(theta)[0], W[k])
        np.testing.assert_array_equal(network.weights(theta)[1], a[k])


@pytest.mark.parametrize("network", [TwoLayer(7, "relu"), TorchNetwork(torch.nn.Linear(3, 1))], ids=["TwoLayer", "TorchNetwork"])
@pytest.mark.parametrize("scale", [1e-12, 1e-3, 1.0, 40.0])
def test_the_start_has_norm_scale_in_a_direction_that_only_the_seed_decides(network, scale):
    start = network.init(3, scale, seed=5)
    assert np.linalg.norm(start) == pytest.approx(scale, rel=1e-14)
    np.testing.assert_array_equal(start, network.init(3, scale, seed=5))
    np.testing.assert_allclose(start / scale, network.init(3, 1.0, seed=5), rtol=1e-14)
    assert np.abs(start - network.init(3, scale, seed=6)).max() > 0.1 * scale


@pytest.mark.parametrize("spoil, message", [
    (lambda net, theta, X, r: net.outputs(theta[:-1], X), r"theta must have shape \(24,\) for TwoLayer.*got \(23,\)"),
    (lambda net, theta, X, r: net.weights(theta[:-1]), "theta has 23 entries"),
    (lambda net, theta, X, r: net.outputs(np.append(theta, np.zeros(6)), X), r"theta must have shape \(24,\) .* inputs X \(7, 3\), got \(30,\)"),
    (lambda net, theta, X, r: net.outputs(theta, X[0]), r"X must have shape \(n, d\), got \(3,\)"),
    (lambda net, theta, X, r: net.pullback(theta, X, r[:-1]), "r must have the shape of the outputs"),
    (lambda net, theta, X, r: net.directional(theta, X, r[:-1], theta), "r must have the shape of the outputs"),
    (lambda net, theta, X, r: net.directional(theta, X, r, theta[:-1]), r"v must be a direction of theta, shape \(24,\), or several, \(Q, 24\), got \(23,\)"),
    (lambda net, theta, X, r: TwoLayer(6, "tanh", output_weights=np.ones(6)), "output_weights are fixed weights"),
])
def test_weights_and_residuals_of_a_wrong_shape_are_refused(spoil, message):
    network = TwoLayer(6, "tanh")
    with pytest.raises(ValueError, match=message):
        spoil(network, *drawn(network))


@pytest.mark.parametrize("spoil, message", [
    (lambda net, theta, X, r: net.outputs(theta[:-1], X), "theta must have shape"),
    (lambda net, theta, X, r: net.pullback(theta, X, r[:-1]), "r must have the shape of the outputs"),
    (lambda net, theta, X, r: net.directional(theta, X, r[:-1], theta), "r must have the shape of the outputs"),
    (lambda net, theta, X, r: net.directional(theta, X, r, theta[:-1]), "v must be a direction of theta"),
    (lambda net, theta, X, r: TorchNetwork(torch.nn.Tanh()), "at least one trainable parameter"),
])
def test_torch_networks_refuse_wrong_shapes_too(spoil, message):
    network = TorchNetwork(torch.nn.Linear(3, 1))
    with pytest.raises(ValueError, match=message):
        spoil(network, *drawn(network))


def test_importing_helpers_loads_neither_torch_nor_plotly_nor_widgets():
    code = "import sys, helpers; print([name for name in ('torch', 'plotly', 'ipywidgets', 'anywidget', 'sklearn') if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True).stdout.strip() == "[]"


def test_figures_are_loaded_when_they_are_asked_for():
    assert callable(helpers.figures.log_log)
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        _ = helpers.nonsense


def test_torch_network_finds_kinks_among_its_parts():
    linear = torch.nn.Linear(2, 3)
    assert TorchNetwork(torch.nn.Sequential(linear, torch.nn.ReLU())).kinked
    assert not TorchNetwork(torch.nn.Sequential(linear, torch.nn.Tanh())).kinked
    assert TorchNetwork(linear, kinked=True).kinked


def test_torch_network_is_a_function_of_its_trainable_weights():
    module = torch.nn.Sequential(torch.nn.Linear(2, 8), torch.nn.BatchNorm1d(8), torch.nn.Dropout(0.5), torch.nn.Linear(8, 1))
    module[0].weight.requires_grad_(False)
    network = TorchNetwork(module)
    theta, X = network.init(2, 1.0, seed=0), np.random.default_rng(0).standard_normal((5, 2))
    np.testing.assert_array_equal(network.outputs(theta, X), network.outputs(theta, X))
    assert network.size() == sum(p.numel() for p in module.parameters()) - 16


def test_fixed_output_weights_of_an_odd_width_have_one_more_plus():
    a = TwoLayer(5, "tanh", train_output=False).weights(np.zeros(10))[1]
    assert (a > 0).sum() == 3 and (a < 0).sum() == 2


# --- degrees and leading terms ---

@pytest.mark.parametrize("train_output, bias", SHAPES)
@pytest.mark.parametrize("name, p", [("linear", 1), ("relu", 1), ("relu**2", 2), ("z**3", 3), ("leaky_relu(0.3)**2", 2)])
def test_a_two_layer_networks_degree_is_that_of_its_outputs(name, p, train_output, bias):
    network = TwoLayer(6, name, train_output, bias)
    theta, X, _ = drawn(network)
    assert network.degree == p + train_output
    np.testing.assert_allclose(network.outputs(1.7 * theta, X), 1.7**network.degree * network.outputs(theta, X), rtol=1e-12)


@pytest.mark.parametrize("name", ["tanh", "sigmoid", "x*tanh(x)"])
def test_a_network_of_an_activation_without_a_degree_has_none(name):
    assert TwoLayer(6, name).degree is None and Deep((3, 4, 1), name).degree is None and Deep((3, 4, 1), name).layer_degrees is None


@pytest.mark.parametrize("name, degree", [("tanh", 2), ("x*tanh(x)", 3), ("x**2*tanh(x)", 4)])
@pytest.mark.parametrize("network", [lambda name: TwoLayer(6, name), lambda name: TwoLayer(6, name, bias=True), lambda name: Deep((3, 6, 1), name)],
                         ids=["TwoLayer", "with bias", "Deep"])
def test_the_leading_network_gives_the_outputs_of_a_small_theta(network, name, degree):
    network = network(name)
    theta, X, _ = drawn(network)
    small = 1e-4 * theta
    assert network.leading.degree == degree and network.leading.size(3) == network.size(3)
    assert relative_error(network.leading.outputs(small, X), network.outputs(small, X)) < 1e-6


def test_the_leading_network_keeps_its_fixed_output_weights():
    network = TwoLayer(3, "tanh", train_output=False, bias=True, output_weights=[1, 2, -3])
    leading = network.leading
    np.testing.assert_array_equal(leading.weights(np.ones(9))[1], [1, 2, -3])
    assert (leading.degree, leading.bias, leading.train_output, leading.activation.degree) == (1, True, False, 1)


# --- Deep ---

DEEP = ["linear", "relu", "leaky_relu(0.3)", "relu**2", "leaky_relu(0.3)**3", "z**2", "z**3", "tanh", "sigmoid", "softplus", "x*tanh(x)", "x**2*tanh(x)", "x**3*tanh(x)"]
WIDTHS = [(3, 1), (3, 4, 1), (3, 4, 2, 1), (3, 2, 4, 2)]


def layer_by_layer(network, theta, X):
    """Outputs by a plain loop, from the matrices cut out of θ."""
    rows, done = X.T, 0
    for depth, (into, out) in enumerate(zip(network.widths, network.widths[1:], strict=False)):
        rows = theta[done:done + into * out].reshape(out, into) @ (network.activation(rows) if depth else rows)
        done += into * out
    assert done == len(theta)
    return rows[0] if len(rows) == 1 else rows.T


@pytest.mark.parametrize("widths", WIDTHS)
@pytest.mark.parametrize("name", DEEP)
def test_a_deep_network_is_a_loop_over_its_layers_and_pulls_back_their_derivative(name, widths):
    network = Deep(widths, name)
    theta, X, _ = drawn(network)
    H, direction = network.outputs(theta, X), network.init(3, 1.0, seed=2)
    np.testing.assert_allclose(H, layer_by_layer(network, theta, X), rtol=1e-12)
    r = np.random.default_rng(3).standard_normal(H.shape)
    moved = (layer_by_layer(network, theta + 1e-6 * direction, X) - layer_by_layer(network, theta - 1e-6 * direction, X)) / 2e-6
    assert network.pullback(theta, X, r) @ direction == pytest.approx(np.sum(r * moved), rel=1e-6)


@pytest.mark.parametrize("act", [activation("absolute value", np.abs, np.sign), activation("minus a cube", lambda z: -2 * z**3, lambda z: -6 * z**2)])
def test_a_deep_network_takes_any_homogeneous_activation(act):
    network = Deep((3, 4, 1), act)
    theta, X, _ = drawn(network)
    np.testing.assert_allclose(network.outputs(theta, X), layer_by_layer(network, theta, X), rtol=1e-12)


@pytest.mark.parametrize("name, layer_degrees", [("linear", (1, 1, 1)), ("relu", (1, 1, 1)), ("relu**2", (4, 2, 1)), ("z**3", (9, 3, 1))])
def test_every_layer_of_a_deep_network_enters_with_its_degree(name, layer_degrees):
    network = Deep((3, 4, 2, 1), name)
    theta, X, _ = drawn(network)
    H = network.outputs(theta, X)
    assert (network.layer_degrees, network.degree) == (layer_degrees, sum(layer_degrees))
    np.testing.assert_allclose(network.outputs(1.3 * theta, X), 1.3**network.degree * H, rtol=1e-12)
    for layer, degree in enumerate(layer_degrees):
        scaled = np.concatenate([(1.3 if k == layer else 1.0) * W.ravel() for k, W in enumerate(network.weights(theta))])
        np.testing.assert_allclose(network.outputs(scaled, X), 1.3**degree * H, rtol=1e-12)


def test_a_deep_network_knows_its_kinks_and_says_what_it_is():
    assert [Deep((3, 4, 1), name).kinked for name in ("relu", "leaky_relu(0.3)", "relu**2", "tanh", "linear")] == [True, True, False, False, False]
    assert repr(Deep((3, 4, 1), "relu**2")) == "Deep((3, 4, 1), 'relu**2')" and Deep([3, 4, 1]).widths == (3, 4, 1)


@pytest.mark.parametrize("network", [Deep((3, 4, 2, 1)), TorchNetwork(torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.Linear(2, 1)))], ids=["Deep", "TorchNetwork"])
def test_weights_of_a_torch_network_are_its_parameters_in_their_order_along_a_trajectory_too(network):
    thetas = np.array([network.init(3, 1.0, seed) for seed in range(4)])
    shapes = [(4, 3), (2, 4), (1, 2)] if isinstance(network, Deep) else [(2, 3), (2,), (1, 2), (1,)]
    along = network.weights(thetas)
    assert [W.shape for W in along] == [(4, *shape) for shape in shapes]
    for k, theta in enumerate(thetas):
        assert all(np.array_equal(W[k], one) for W, one in zip(along, network.weights(theta), strict=True))
        np.testing.assert_array_equal(np.concatenate([W.ravel() for W in network.weights(theta)]), theta)


IN_TORCH = {"relu": torch.relu, "tanh": torch.tanh, "x*tanh(x)": lambda z: z * torch.tanh(z), "z**2": lambda z: z**2, "sigmoid": torch.sigmoid,
            "leaky_relu(0.1)": lambda z: torch.nn.functional.leaky_relu(z, 0.1)}


@pytest.mark.parametrize("widths", [(3, 4, 1), (2, 5, 4, 3), (4, 3, 2, 3, 1)])
@pytest.mark.parametrize("name", IN_TORCH)
def test_a_deep_network_is_the_torch_module_of_the_same_layers(name, widths):
    class Layers(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = torch.nn.ModuleList(torch.nn.Linear(into, out, bias=False) for into, out in pairwise(widths))

        def forward(self, x):
            for layer in self.layers[:-1]:
                x = IN_TORCH[name](layer(x))
            return self.layers[-1](x)

    network, module, random = Deep(widths, name), TorchNetwork(Layers(), kinked=name in ("relu", "leaky_relu(0.1)")), np.random.default_rng(0)
    theta, X = random.standard_normal(network.size()), random.standard_normal((6, widths[0]))
    r, v = random.standard_normal(network.outputs(theta, X).shape), random.standard_normal((2, len(theta)))
    assert network.size() == module.size() and network.kinked == module.kinked
    np.testing.assert_allclose(network.outputs(theta, X), module.outputs(theta, X), rtol=1e-11)
    np.testing.assert_allclose(network.pullback(theta, X, r), module.pullback(theta, X, r), rtol=1e-9, atol=1e-11)
    for mine, theirs in zip(network.directional(theta, X, r, v), module.directional(theta, X, r, v), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(network.directional(theta, X, r, v[0])[1], network.directional(theta, X, r, v)[1][0], rtol=1e-12, atol=1e-14)
