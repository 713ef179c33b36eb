"""Activations: σ′ is the derivative of σ, and what the theory asks of σ is what is found numerically."""

import numpy as np
import pytest
from scipy.special import expit

from helpers.activations import NAMES, activation, find_degree, find_multiplicity

EXAMPLES = [name.replace("γ", slope).replace("q", power) for name in NAMES
            for slope in (("0", "0.1", "0.7") if "γ" in name else ("",)) for power in (("1", "2", "3", "5") if "q" in name else ("",))]
MULTIPLICITIES = {"linear": 1, "tanh": 1, "sigmoid": 1, "softplus": 1, "smooth_leaky_relu(0.1)": 1, "x*tanh(x)": 2, "x**2*tanh(x)": 3,
                  "x**3*tanh(x)": 4, "z**1": 1, "z**2": 2, "x**5": 5, "relu": None, "relu**2": None, "leaky_relu(0.1)": None, "leaky_relu(0.7)**3": None}
DEGREES = {"linear": 1, "relu": 1, "leaky_relu(0.1)": 1, "relu**2": 2, "leaky_relu(0.7)**3": 3, "z**5": 5, "tanh": None, "x*tanh(x)": None,
           "sigmoid": None, "softplus": None, "smooth_leaky_relu(0.1)": None}


@pytest.mark.parametrize("name", EXAMPLES)
def test_derivative_is_that_of_the_function_away_from_the_kink(name):
    act, z, h = activation(name), np.concatenate([np.linspace(-3, -0.01, 31), np.linspace(0.01, 3, 29)]).reshape(4, 15), 1e-6
    difference = (act(z + h) - act(z - h)) / (2 * h)
    np.testing.assert_allclose(act.derivative(z), difference, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_second_derivative_is_that_of_the_function_away_from_the_kink_and_so_it_is_of_the_leading_activation(name):
    act, z, h = activation(name), np.concatenate([np.linspace(-3, -0.01, 31), np.linspace(0.01, 3, 29)]).reshape(4, 15), 1e-6
    for one in (act,) if name in ("sigmoid", "softplus") else (act, act.leading):
        difference = (one.derivative(z + h) - one.derivative(z - h)) / (2 * h)
        np.testing.assert_allclose(one.second(z), difference, rtol=1e-6, atol=1e-8)


def test_at_the_kink_the_second_derivative_is_that_of_the_left_side():
    found = [activation(name).second(np.zeros(1))[0] for name in ("relu", "leaky_relu(0.3)", "relu**2", "leaky_relu(0.3)**2", "relu**3")]
    assert found == pytest.approx([0, 0, 0, 2 * 0.3**2, 0])


def test_a_new_activation_gets_its_second_derivative_from_its_first():
    z = np.linspace(-5, 5, 101)
    np.testing.assert_allclose(activation("sin", np.sin, np.cos).second(z), -np.sin(z), atol=1e-9)
    np.testing.assert_allclose(activation("sinh minus its line", lambda z: np.sinh(z) - z, lambda z: np.cosh(z) - 1).leading.second(z), z, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("name", EXAMPLES)
def test_declared_multiplicity_and_degree_are_the_ones_found(name):
    act = activation(name)
    assert (act.multiplicity, act.degree) == (find_multiplicity(act.derivative), find_degree(act.function))


@pytest.mark.parametrize("name", EXAMPLES)
def test_only_a_jump_of_the_derivative_is_a_kink(name):
    act = activation(name)
    left, right = act.derivative(np.array([-1e-12, 1e-12]))
    assert act.kinked == (abs(right - left) > 0.01)


@pytest.mark.parametrize("name, p", MULTIPLICITIES.items())
def test_multiplicity_is_that_of_the_theory(name, p):
    assert activation(name).multiplicity == p


@pytest.mark.parametrize("name, q", DEGREES.items())
def test_degree_is_that_of_the_theory(name, q):
    assert activation(name).degree == q


@pytest.mark.parametrize("name, function, derivative, p, q", [
    ("sin", np.sin, np.cos, 1, None),
    ("my cubic", lambda z: 2 * z**3, lambda z: 6 * z**2, 3, 3),
    ("swish", lambda z: z * expit(z), lambda z: expit(z) * (1 + z * (1 - expit(z))), 1, None),
    ("cos, with its value 1 at the origin", np.cos, lambda z: -np.sin(z), 2, None),
    ("absolute value", np.abs, np.sign, None, 1),
    ("homogeneous for c = 2 alone", lambda z: np.sin(2 * np.pi * np.log2(np.abs(z))) * z,
     lambda z: np.sin(2 * np.pi * np.log2(np.abs(z))) + 2 * np.pi / np.log(2) * np.cos(2 * np.pi * np.log2(np.abs(z))), 1, None),
    ("sinh minus its line", lambda z: np.sinh(z) - z, lambda z: np.cosh(z) - 1, 3, None),
])
def test_a_new_activation_has_the_multiplicity_and_degree_of_its_functions(name, function, derivative, p, q):
    act = activation(name, function, derivative, multiplicity=p)
    assert (act.name, act.multiplicity, act.degree) == (name, p, q)
    np.testing.assert_array_equal(act(np.array([0.3, -1.2])), function(np.array([0.3, -1.2])))


def test_a_new_activation_with_a_kink_is_known_to_have_one():
    assert activation("my relu", lambda z: np.maximum(z, 0), lambda z: (z > 0) * 1.0).kinked
    assert not activation("sin", np.sin, np.cos).kinked


@pytest.mark.parametrize("derivative", [np.sin, lambda z: -np.cos(z), lambda z: 1.001 * np.cos(z), lambda z: np.cos(z) * np.nan])
def test_a_wrong_derivative_is_refused(derivative):
    with pytest.raises(ValueError, match="derivative of activation 'sin' is not σ′: at z = "):
        activation("sin", np.sin, derivative)


def test_a_wrong_multiplicity_is_refused():
    with pytest.raises(ValueError, match="multiplicity of activation 'sin' was given as 2, but near the origin it is 1"):
        activation("sin", np.sin, np.cos, multiplicity=2)


def test_functions_that_change_the_shape_are_refused():
    with pytest.raises(ValueError, match="must keep the shape"):
        activation("sum", np.sum, np.ones_like)


def test_an_unknown_name_is_answered_with_the_list():
    with pytest.raises(ValueError, match="unknown activation 'gelu'") as answer:
        activation("gelu")
    assert all(name in str(answer.value) for name in NAMES)


@pytest.mark.parametrize("name", ["leaky_relu(1)", "leaky_relu(-0.1)", "leaky_relu(nan)", "leaky_relu(a)", "relu**0", "z**99", "smooth_leaky_relu(2)"])
def test_a_slope_or_power_out_of_range_is_refused(name):
    with pytest.raises(ValueError, match=r"γ in|the power in"):
        activation(name)


def test_spaces_and_capitals_in_a_name_do_not_matter():
    assert activation(" X * tanh(x)") is activation("x*tanh(x)")


def test_the_derivative_at_a_kink_is_the_slope_of_the_left_side():
    assert activation("relu").derivative(np.zeros(1)) == 0 and activation("leaky_relu(0.3)").derivative(np.zeros(1)) == 0.3


@pytest.mark.parametrize("function, derivative, kinked", [
    (lambda z: np.clip(z, -1, 1), lambda z: (np.abs(z) < 1) * 1.0, True),
    (lambda z: z - np.clip(z, -0.5, 0.5), lambda z: (np.abs(z) > 0.5) * 1.0, True),
    (lambda z: np.sin(10 * z), lambda z: 10 * np.cos(10 * z), False)])
def test_a_kink_is_found_wherever_it_is(function, derivative, kinked):
    assert activation("mine", function, derivative).kinked == kinked


BRANCHES = {"linear": (1, 1, -1), "relu": (1, 1, 0), "leaky_relu(0.1)": (1, 1, -0.1), "relu**3": (3, 1, 0), "leaky_relu(0.5)**2": (2, 1, 0.25), "z**2": (2, 1, 1),
            "z**3": (3, 1, -1), "tanh": (1, 1, -1), "x*tanh(x)": (2, 1, 1), "x**2*tanh(x)": (3, 1, -1), "x**3*tanh(x)": (4, 1, 1), "smooth_leaky_relu(0.2)": (1, 0.6, -0.6)}
NEW = {"sin": (np.sin, np.cos, (1, 1, -1)), "my cubic": (lambda z: 2 * z**3, lambda z: 6 * z**2, (3, 2, -2)), "absolute value": (np.abs, np.sign, (1, 1, 1)),
       "sinh minus its line": (lambda z: np.sinh(z) - z, lambda z: np.cosh(z) - 1, (3, 1 / 6, -1 / 6)),
       "minus versed sine": (lambda z: np.cos(z) - 1, lambda z: -np.sin(z), (2, -0.5, -0.5))}


@pytest.mark.parametrize("name, branches", BRANCHES.items())
def test_branches_are_the_power_and_the_factors_on_both_sides(name, branches):
    assert activation(name).branches == pytest.approx(branches, rel=1e-9)


@pytest.mark.parametrize("name", NEW)
def test_branches_of_a_new_activation_are_found_numerically(name):
    function, derivative, branches = NEW[name]
    assert activation(name, function, derivative).branches == pytest.approx(branches, rel=1e-8)


@pytest.mark.parametrize("name", [name for name in EXAMPLES if name not in ("sigmoid", "softplus")])
def test_the_leading_activation_is_homogeneous_and_what_is_left_of_the_function_near_the_origin(name):
    act, s = activation(name), 1e-5 * np.array([-2.0, -1, 1, 3])
    leading, (p, *_) = act.leading, act.branches
    np.testing.assert_allclose(leading(s) / np.abs(s) ** p, act(s) / np.abs(s) ** p, rtol=1e-4, atol=1e-12)
    np.testing.assert_allclose(leading.derivative(s) / np.abs(s) ** (p - 1), act.derivative(s) / np.abs(s) ** (p - 1), rtol=1e-4, atol=1e-12)
    np.testing.assert_allclose(leading(3 * s), 3**p * leading(s), rtol=1e-12)
    assert (leading.degree, leading.branches) == (p, pytest.approx(act.branches)) and leading.kinked == act.kinked


def test_a_homogeneous_activation_is_its_own_leading_one():
    assert all(activation(name).leading is activation(name) for name in ("linear",)) and activation("relu**3").leading.name == "relu**3"
    assert activation("tanh").leading.multiplicity == 1 and activation("x*tanh(x)").leading.multiplicity == 2


@pytest.mark.parametrize("act, why", [(activation("sigmoid"), r"'sigmoid' .*σ\(0\) = 0.5"), (activation("softplus"), r"'softplus' .*σ\(0\) = 0.693"),
                                      (activation("bent", lambda z: np.maximum(z, 0) + z**2, lambda z: (z > 0) + 2 * z), "'bent' .* no multiplicity")])
def test_without_a_leading_term_there_are_no_branches(act, why):
    for name in ("branches", "leading"):
        with pytest.raises(ValueError, match=f"activation {why}"):
            getattr(act, name)


@pytest.mark.parametrize("act", [activation(name) for name in (
    "linear", "relu", "leaky_relu(0.3)", "relu**2", "leaky_relu(0.3)**3", "z**1", "z**2", "z**3", "tanh", "x*tanh(x)", "x**2*tanh(x)", "x**3*tanh(x)", "sigmoid",
    "softplus", "smooth_leaky_relu(0.2)")] + [activation("x**2*tanh(x)").leading, activation("sin", np.sin, np.cos)], ids=lambda act: act.name)
def test_both_together_are_the_function_and_its_derivative(act):
    z = 2 * np.random.default_rng(0).standard_normal((5, 4))
    z[0, 0] = 0.0
    before = z.copy()
    value, slope = act.both(z)
    np.testing.assert_allclose(value, act.function(z), rtol=1e-14, atol=1e-15)
    np.testing.assert_allclose(slope, act.derivative(z), rtol=1e-14, atol=1e-15)
    np.testing.assert_array_equal(z, before)
