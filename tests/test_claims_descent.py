"""The claims of lesson 6, over several seeds and problems, each with a twin that removes a hypothesis and sees the claim fail. Listed in claims.toml."""

from functools import cache
from itertools import count, islice

import numpy as np
import pytest
from seeds import SEEDS

import helpers
from helpers import balanced, curvature, vision

PAIR = helpers.Problem(helpers.DeepLinear((1, 1, 1)), helpers.data.Dataset([[1.0]], [1.0]))
CIRCLE = helpers.data.circle(n=40, seed=0)
COSINES = (1, 0.5, 0, -0.5, -0.9, -0.99)
KINDS = {"tanh": ("tanh", "square"), "x tanh x": ("x*tanh(x)", "square"), "sigmoid": ("sigmoid", "logistic"), "softplus": ("softplus", "exponential"),
         "deep linear": (None, "square"), "classes": (None, "cross_entropy"), "diagonal": (None, "square")}
DRAWN = range(max(len(SEEDS), len(KINDS)))  # seeds of drawn problems: each kind at least once
T_END = 4.0


def drawn(seed, kinked=None):
    """A problem with ten Gaussian points and a start, both random: of the kinds in turn, or with this kinked activation."""
    random = np.random.default_rng(seed)
    name = list(KINDS)[seed % len(KINDS)]
    activation, loss = (kinked, "square") if kinked else KINDS[name]
    X, y = random.standard_normal((10, 3)), random.standard_normal(10)
    y = {"square": y, "cross_entropy": random.integers(3, size=10)}.get(loss, np.sign(y))
    network = {"deep linear": helpers.DeepLinear((3, 3, 3, 1)), "classes": helpers.DeepLinear((3, 4, 3)), "diagonal": helpers.Diagonal(2)}.get(name)
    if activation:
        network = helpers.TwoLayer(4, activation, bias=loss == "logistic")
    problem = helpers.Problem(network, helpers.data.Dataset(X, y), loss, "mean")
    return problem, network.init(3, random.uniform(0.3, 1.5), seed)


@cache
def watched(seed, kinked=None):
    """A random problem, its flow, and the curvature along it."""
    problem, theta0 = drawn(seed, kinked)
    flow = helpers.gradient_flow(problem, theta0, T_END, rtol=1e-6 if kinked else 1e-11)
    return problem, flow, curvature.along(problem, flow)


def steps_of(along, *shares):
    """Steps η with ηλ_max near the shares, in whole numbers of steps to the end."""
    return [along.t[-1] / int(np.ceil(along.t[-1] * along.highest.max() / share)) for share in shares]


def gap(problem, flow, step):
    """Gradient descent beside the flow to its end."""
    return curvature.gap(problem, flow, helpers.gradient_descent(problem, flow.theta[0], step, round(flow.t[-1] / step)))


def farthest(problem, flow, step):
    """The largest distance of gradient descent from the flow; ∞ if it diverges."""
    try:
        return gap(problem, flow, step).distance.max()
    except helpers.flow.DivergenceError:
        return np.inf


def slope(steps, far):
    return np.polyfit(np.log(steps), np.log(far), 1)[0]


# ---------------------------------------------------------------- Euler's method

def order(seed, shares=(0.02, 0.01, 0.005), kinked=None):
    """The slope, in log–log, of the largest distance against the step."""
    problem, flow, along = watched(seed, kinked)
    steps = steps_of(along, *shares)
    return slope(steps, [farthest(problem, flow, step) for step in steps])


def modified_order(seed, shares=(0.02, 0.01, 0.005), kinked=None):
    """The slope, in log–log, of the largest distance from the modified flow against the step."""
    problem, flow, along = watched(seed, kinked)
    steps = steps_of(along, *shares)
    rtol = 1e-6 if kinked else 1e-11
    flows = [helpers.gradient_flow(curvature.modified(problem, step), flow.theta[0], T_END, rtol=rtol) for step in steps]
    return slope(steps, [farthest(problem, flow, step) for flow, step in zip(flows, steps, strict=True)])


def over_proportional(seed, share):
    """The largest distance of two weights, from a random start to a minimum of curvature λ, with η = share/λ, over what η = 0.02/λ leads one to expect."""
    random = np.random.default_rng(seed)
    theta0 = helpers.directions(random.standard_normal((1, 2)))[0] * random.uniform(0.1, 1.5)
    flow = helpers.gradient_flow(PAIR, theta0, 20, rtol=1e-10)
    steps = [20 / np.ceil(20 * helpers.hessian_extremes(PAIR, flow.theta[-1])[1] / each) for each in (share, 0.02)]
    far = [farthest(PAIR, flow, step) / step for step in steps]
    return far[0] / far[1]


@pytest.mark.parametrize("seed", DRAWN)
def test_the_largest_distance_is_proportional_to_the_step(seed):
    assert order(seed) == pytest.approx(1, abs=0.02)


def test_beyond_two_over_the_largest_curvature_it_is_not():
    over = np.array([over_proportional(seed, 3) for seed in SEEDS])
    assert np.mean(np.abs(over - 1) > 0.3) >= 0.9 and np.median(over) > 2


def one_step(seed, share):
    """At five points of a flow the error of one step with η·λ_max = share, over its law ½η²‖∇²L ∇L‖."""
    problem, flow, along = watched(seed)
    eta, ratios = share / along.highest.max(), []
    for theta in flow.at(np.linspace(0, T_END, 5)):
        velocity = problem.velocity(theta)
        exact = helpers.gradient_flow(problem, theta, eta, rtol=1e-13).theta[-1]
        ratios.append(np.linalg.norm(theta + eta * velocity - exact) / (eta**2 / 2 * np.linalg.norm(problem.hessian_product(theta, velocity))))
    return np.array(ratios)


def test_one_step_misses_the_flow_by_half_its_square_times_the_bend():
    for seed in DRAWN:
        assert one_step(seed, 0.003) == pytest.approx(np.ones(5), rel=0.01)


def test_a_long_step_misses_it_by_something_else():
    for seed in range(len(KINDS)):
        assert np.abs(one_step(seed, 2) - 1).max() > 0.1


def quadratic(m):
    """L = −(m/2)q², a problem with one weight q."""
    neuron = helpers.TwoLayer(1, "z**2", train_output=False, output_weights=[1.0])
    return helpers.Problem(neuron, helpers.data.Dataset([[1.0]], [m / 2])).frozen()


def allowed_step(m, q, time, eps):
    """The step that keeps descent within eps of the flow up to this time, and the flow."""
    problem = quadratic(m)
    flow = helpers.gradient_flow(problem, [q], time, rtol=1e-12)
    step = curvature.along(problem, flow).largest_step(eps, form="sharp")
    return time / np.ceil(time / step), flow


def test_on_a_concave_quadratic_the_step_falls_exponentially_with_the_time():
    for seed in range(4):
        m, q = np.random.default_rng(seed).uniform(0.5, 2, 2)
        for growth in (3.5, 4.5):
            step, flow = allowed_step(m, q, growth / m, 0.1)
            assert step == pytest.approx(0.2 * np.exp(-growth) / (q * m * growth), rel=1e-3)
            assert farthest(quadratic(m), flow, step) == pytest.approx(0.1, rel=0.01)


def test_on_a_convex_one_the_same_step_does_for_all_times():
    for seed in range(4):
        m, q = np.random.default_rng(seed).uniform(0.5, 2, 2)
        needed = [allowed_step(-m, q, growth / m, 1e-3)[0] for growth in (2, 4, 8)]
        assert needed == pytest.approx([2e-3 * np.e / (m * q)] * 3, rel=0.02)


# ---------------------------------------------------------------- the lag

def escape(problem, theta0, step, level):
    """By how many steps descent comes later than the flow to this loss; the flow."""
    stop = helpers.stop_at(loss=level)
    flow = helpers.gradient_flow(problem, theta0, 1e9, stop, rtol=3e-6 if problem.network.kinked else 1e-10)
    end = helpers.gradient_descent(problem, theta0, step, int(2 * flow.t[-1] / step) + 10, stop=stop)
    return (np.interp(-level, -end.loss[-2:], end.t[-2:]) - flow.t[-1]) / step, flow


def chain(depth):
    return helpers.Problem(helpers.DeepLinear((1,) * (depth + 1)), helpers.data.Dataset([[1.0]], [1.0]))


def lag_over_law(depth, r0, r, step):
    """How late equal weights are at r, over half the logarithm of their speed-up."""
    late, _ = escape(chain(depth), np.full(depth, r0), step, level=(r**depth - 1) ** 2 / 2)
    return late * step / balanced.lag(depth, r0, r, step)


LAGS = [(2, 1e-2), (2, 1e-4), (2, 1e-6), (3, 1e-1), (3, 1e-2), (4, 1e-1)]


@pytest.mark.parametrize("depth, r0", LAGS)
def test_equal_weights_are_late_by_half_the_logarithm_of_their_speed_up(depth, r0):
    for step in (0.1, 0.02):
        assert [lag_over_law(depth, r0, r, step) for r in (0.3, 0.7, 0.9)] == pytest.approx([1, 1, 1], rel=0.02)


@pytest.mark.parametrize("depth, r0", LAGS)
def test_the_length_of_the_product_in_place_of_the_weight_gives_twice_that(depth, r0):
    """Half the logarithm of the speed-up of ρ = rⁿ, ρ̇ = nρ^{2−2/n}(1 − ρ)."""
    late, wrong = escape(chain(depth), np.full(depth, r0), 0.05, level=(0.3**depth - 1) ** 2 / 2)[0], (depth - 1) * np.log(0.3 / r0)
    assert wrong / late == pytest.approx(2, rel=0.07)


def on_circle(name):
    return helpers.Problem(helpers.TwoLayer(8, name), CIRCLE, reduction="mean")


@cache
def escape_from(name, scale, seed, step=0.05, drop=0.05):
    problem = on_circle(name)
    return escape(problem, problem.network.init(2, scale, seed), step, (1 - drop) * problem.loss(np.zeros(24)))


def steps_per_decade(name, larger, smaller, seed, drop=0.05):
    late = [escape_from(name, scale, seed, drop=drop)[0] for scale in (larger, smaller)]
    return (late[1] - late[0]) / np.log10(larger / smaller)


def power_of_the_scale(name, larger, smaller, seed, drop=0.05):
    """The power of 1/δ with which the amplification grows."""
    grown = [curvature.along(on_circle(name), escape_from(name, scale, seed, drop=drop)[1]).integral()[-1] for scale in (larger, smaller)]
    return (grown[1] - grown[0]) / np.log(larger / smaller)


def shared(name, scale, seed):
    """The size of the second largest neuron at the escape, over that of the largest."""
    W, a = on_circle(name).network.weights(escape_from(name, scale, seed)[1].theta[-1])
    sizes = np.sort(np.hypot(np.linalg.norm(W, axis=1), a))
    return sizes[-2] / sizes[-1]


DECADES = {"tanh": (2, 1e-3, 1e-5, 6), "relu": (2, 1e-3, 1e-5, 2), "x*tanh(x)": (3, 1e-1, 1e-2, 8)}  # degree, two scales, at most so many seeds


def alone(name, seeds):
    """The starts of L = 3 from which one neuron escapes before all others, of L = 2 all: nearly tied neurons escape together until δ is below what parts them."""
    degree, larger, *_ = DECADES[name]
    return [seed for seed in seeds if degree == 2 or shared(name, larger, seed) < 0.4]


@pytest.mark.parametrize("name", DECADES)
def test_each_decade_of_the_start_costs_half_the_degree_less_one_ln_10_steps(name):
    degree, larger, smaller, most = DECADES[name]
    for seed in alone(name, SEEDS[:most]):
        assert steps_per_decade(name, larger, smaller, seed) == pytest.approx((degree - 1) * np.log(10) / 2, rel=0.02)


LARGE = 10, 1


def from_large(measure, name):
    """What is measured over the law, from the first ten starts above the scale of the data whose loss is not low from the first."""
    problem, degree = on_circle(name), DECADES[name][0]
    high = (seed for seed in count() if all(problem.loss(problem.network.init(2, scale, seed)) > problem.loss(np.zeros(24)) for scale in LARGE))
    return np.array([measure(name, *LARGE, seed) for seed in islice(high, 10)]) / (degree - 1)


@pytest.mark.parametrize("name", DECADES)
def test_above_the_scale_of_the_data_a_decade_costs_nothing_like_that(name):
    costs = from_large(steps_per_decade, name) / (np.log(10) / 2)
    assert np.median(costs) < 0.6 and np.mean(np.abs(costs - 1) < 0.1) < 0.1


def late_at_drops(scale, seed):
    """By how many steps descent is late when half of each of three drops is done: linear, singular values 4, 2, 1."""
    problem, step, time, late = helpers.Problem(helpers.DeepLinear((5, 6, 4)), helpers.data.whitened((4, 2, 1))), 0.02, 0.0, []
    theta = problem.network.init(5, scale, seed)
    descent = helpers.gradient_descent(problem, theta, step, 10_000, helpers.stop_at(loss=0.25))
    for level in (6.5, 1.5, 0.25):  # one flow, from level to level
        flow = helpers.gradient_flow(problem, theta, 1e9, helpers.stop_at(loss=level), rtol=1e-10)
        theta, time = flow.theta[-1], time + flow.t[-1]
        late.append((np.interp(-level, -descent.loss, descent.t) - time) / step)
    return np.array(late)


def test_every_drop_of_a_staircase_comes_as_many_steps_later_for_each_decade():
    for seed in range(3):
        assert late_at_drops(1e-6, seed) - late_at_drops(1e-4, seed) == pytest.approx(np.log(10) * np.ones(3), rel=0.02)


def test_from_a_large_start_some_drop_does_not():
    for seed in range(4):
        decades = np.log10(2.0 / 1.0)
        assert np.abs((late_at_drops(1.0, seed) - late_at_drops(2.0, seed)) / (decades * np.log(10) / 2) - 1).max() > 0.1


@pytest.mark.parametrize("name", DECADES)
def test_errors_are_amplified_by_a_power_of_the_inverse_scale(name):
    degree, larger, smaller, most = DECADES[name]
    for seed in alone(name, SEEDS[:most]):
        assert power_of_the_scale(name, larger, smaller, seed) == pytest.approx(degree - 1, rel=0.02)


@pytest.mark.parametrize("name", DECADES)
def test_from_a_large_start_they_are_not(name):
    assert np.mean(from_large(power_of_the_scale, name) < 0.6) > 0.8


# ---------------------------------------------------------------- the bound

def shares(problem, flow, along, step):
    """The distance over its bound at its greatest, for the theorem's form and for (∗)."""
    seen = gap(problem, flow, step)
    return [np.max(seen.distance[1:] / np.interp(seen.t[1:], along.t, along.bound(step, form))) for form in ("paper", "sharp")]


def trials(seed):
    """Both shares for three steps with ηλ_max ≤ 0.2, shape (3, 2)."""
    problem, flow, along = watched(seed)
    return np.array([shares(problem, flow, along, step) for step in steps_of(along, 0.2, 0.1, 0.05)])


def test_gradient_descent_stays_below_the_theorems_form():
    """And below form (∗) but for a share of ηλ_max/5, which goes to 0 with η."""
    for seed in DRAWN:
        paper, sharp = trials(seed).T
        assert paper.max() < 1 and (sharp < [1.04, 1.02, 1.01]).all()


def test_a_step_across_the_valley_exceeds_the_bound():
    """Form (∗), not always the theorem's, whose constants are here those of the flow alone."""
    for seed in SEEDS:
        random = np.random.default_rng(seed)
        flow = helpers.gradient_flow(PAIR, np.array([random.uniform(4.7, 6), random.uniform(0.25, 0.35)]), 3, rtol=1e-10)
        along = curvature.along(PAIR, flow)
        assert shares(PAIR, flow, along, 0.1)[1] > 2 and max(shares(PAIR, flow, along, 0.01)) < 1.08


def linear_case(seed):
    """A deep linear network with one output and a random target, and a start."""
    v = helpers.directions(np.random.default_rng(seed).standard_normal((1, 4)))[0]
    problem = helpers.Problem(helpers.DeepLinear((4, 6, 6, 1)), helpers.data.Dataset(np.eye(4), v))
    return problem, problem.network.init(4, 0.1, seed)


def relu_case(seed):
    """A ReLU network on points of the circle with random labels, and a start."""
    problem = helpers.Problem(helpers.TwoLayer(8, "relu"), helpers.data.circle(40, seed), reduction="mean")
    return problem, problem.network.init(2, 0.01, seed)


def lowest_and_bounds(problem, theta0, seed):
    """λ_min and its norm bound, shape (2, K), on the flow, and at random points of up to four times its last norm."""
    flow = helpers.gradient_flow(problem, theta0, 20 if problem.network.kinked else 1e4, helpers.stop_at(loss=1e-4), rtol=1e-4)
    sizes = np.repeat(np.linspace(0.25, 4 * flow.norm[-1], 20), 3)
    elsewhere = [problem.network.init(problem.data.dim, size, 100 * seed + k) for k, size in enumerate(sizes)]
    return [np.array([helpers.hessian_extremes(problem, points)[:, 0], curvature.norm_bound(problem, points)])
            for points in (flow.at(flow.frames(60)), np.array(elsewhere))]


@pytest.mark.parametrize("case", [linear_case, relu_case])
def test_no_curvature_is_below_the_norm_bound(case):
    for seed in SEEDS[:6]:
        for lowest, bound in lowest_and_bounds(*case(seed), seed):
            assert (lowest > bound - 1e-12).all()


@pytest.mark.parametrize("case", [linear_case, relu_case])
def test_elsewhere_it_is_far_below_that_of_the_flow(case):
    for seed in SEEDS[:6]:
        (on_flow, _), (elsewhere, _) = lowest_and_bounds(*case(seed), seed)
        assert elsewhere.min() < 5 * on_flow.min()


# ---------------------------------------------------------------- balanced deep linear networks

def placed(depth, rho0, nu0, seed=0, dim=3):
    """A problem, a balanced start with ‖w‖ = ρ₀ and cos(w, v) = ν₀, and the target v, a random unit vector."""
    v, across = np.linalg.qr(np.random.default_rng(seed).standard_normal((dim, 2)))[0].T
    network = helpers.DeepLinear((dim, *[3] * (depth - 1), 1))
    return helpers.Problem(network, helpers.data.Dataset(np.eye(dim), v)), balanced.factors(network, rho0 * (nu0 * v + np.sqrt(1 - nu0**2) * across)[None]), v


def unbalanced(problem, theta, factor=1.1):
    """The same product, the first layer taken times a factor, the second over it."""
    first, second, *others = problem.network.weights(theta)
    return np.concatenate([(factor * first).ravel(), (second / factor).ravel(), *(layer.ravel() for layer in others)])


def off_closed_form(depth, rho0, nu0, seed, moved=lambda problem, theta: theta):
    """The largest distance of the matrices' (ρ, ν) from the closed form."""
    problem, theta0, v = placed(depth, rho0, nu0, seed)
    flow = helpers.gradient_flow(problem, moved(problem, theta0), balanced.escape_time(depth, rho0, nu0) + 3, rtol=1e-10)
    return np.abs(np.array(balanced.coordinates(problem.network, flow.theta, v)) - balanced.exact(depth, rho0, nu0, flow.t)).max()


@pytest.mark.parametrize("depth", [2, 3, 4])
def test_balanced_matrices_follow_the_closed_form(depth):
    for seed in range(3):
        for nu0 in (0.5, -0.5, -0.9, -0.99):
            assert off_closed_form(depth, 0.05, nu0, seed) < 1e-6


@pytest.mark.parametrize("depth", [2, 3, 4])
def test_unbalanced_ones_do_not(depth):
    for seed in range(3):
        for nu0 in (0.5, -0.5, -0.9, -0.99):
            assert off_closed_form(depth, 0.05, nu0, seed, unbalanced) > 0.01


def half_over_law(depth, rho0, nu0, seed, moved=lambda problem, theta: theta):
    """When ρ = ½ in training, over the law."""
    (problem, theta0, v), law = placed(depth, rho0, nu0, seed), balanced.escape_time(depth, rho0, nu0)
    flow = helpers.gradient_flow(problem, moved(problem, theta0), 1.5 * law + 3, helpers.stop_at(loss=0.1), rtol=1e-8)  # where ρ > ½
    times = np.linspace(0, flow.t[-1], 3000)
    rho, nu = balanced.coordinates(problem.network, flow.at(times), v)
    return times[(rho >= 0.5) & (nu > 0)][0] / law


@pytest.mark.parametrize("depth", [2, 3, 4])
def test_the_time_of_the_detour_follows_the_law(depth):
    for seed, rho0 in enumerate((1e-3, 1e-4)):
        assert [half_over_law(depth, rho0, nu0, seed) for nu0 in COSINES] == pytest.approx(np.ones(6), rel=0.01)


@pytest.mark.parametrize("depth", [2, 3, 4])
def test_it_does_not_from_a_start_that_is_not_small(depth):
    """Nor from one that is not balanced, if it points nearly away from the target: it need not turn as far."""
    for seed in range(2):
        assert all(half_over_law(depth, 0.3, nu0, seed) > 1.04 for nu0 in COSINES[1:])
        assert half_over_law(depth, 1e-3, -0.99, seed, unbalanced) < 0.9


def integral_per_decade(depth, nu0, seed, larger=1e-3):
    """How much ∫−λ_min dt grows from ρ₀ = larger to a tenth of it, over its law."""
    grown = []
    for rho0 in (larger, larger / 10):
        problem, theta0, _ = placed(depth, rho0, nu0, seed)
        flow = helpers.gradient_flow(problem, theta0, balanced.escape_time(depth, min(rho0, 0.4), nu0) + 8, rtol=1e-9)
        grown.append(curvature.along(problem, flow).integral()[-1])
    return (grown[1] - grown[0]) / ((depth - 1) / depth * np.log(10))


def cosine(seed):
    return np.random.default_rng(seed).uniform(-0.9, 0.9)


@pytest.mark.parametrize("depth", [2, 3, 4])
def test_the_curvature_integral_grows_by_its_law_per_decade(depth):
    for seed in range(4):
        assert integral_per_decade(depth, cosine(seed), seed) == pytest.approx(1, rel=0.05)


@pytest.mark.parametrize("depth", [2, 3, 4])
def test_from_a_large_start_it_does_not(depth):
    for seed in range(4):
        assert integral_per_decade(depth, cosine(seed), seed, larger=1.0) < 0.8


def arrivals(depth, count, step, seed=0, rho0=1e-3, dim=3, most=20_000):
    """Which of `count` random balanced starts come to the minimum by gradient descent; the rows w (count, dim) they have the directions of."""
    network, rows = helpers.DeepLinear((dim, *[3] * (depth - 1), 1)), np.random.default_rng(seed).standard_normal((count, dim))
    problem, there = helpers.Problem(network, helpers.data.Dataset(np.eye(dim), np.eye(dim)[0])), helpers.stop_at(loss=1e-6)
    starts = [balanced.factors(network, rho0 * w[None] / np.linalg.norm(w)) for w in rows]
    runs = [helpers.gradient_descent(problem, theta0, step, most, there, record=()) for theta0 in starts]
    return np.array([run.stopped == "loss" for run in runs]), rows


@pytest.mark.parametrize("depth", [2, 3, 4])
def test_all_random_balanced_starts_arrive(depth):
    for seed in range(3):
        assert arrivals(depth, 50, 1.8 / depth, seed)[0].all()


@pytest.mark.parametrize("depth", [2, 3, 4])
def test_beyond_two_over_the_depth_hardly_any_settles(depth):
    for seed in range(3):
        assert arrivals(depth, 10, 2.1 / depth, seed, most=1000)[0].sum() <= 1


@pytest.mark.parametrize("depth", [2, 3, 4])
def test_with_one_input_half_of_the_starts_fall_back(depth):
    for seed in range(3):
        arrived, rows = arrivals(depth, 20, 0.4 / depth, seed, rho0=0.01, dim=1, most=1000)
        assert (arrived == (rows[:, 0] > 0)).all() and not arrived.all()


@pytest.mark.parametrize("depth", [2, 3])
def test_with_two_all_arrive(depth):
    """Of depth 4 some take longer than can be waited for."""
    for seed in range(3):
        assert arrivals(depth, 20, 0.4 / depth, seed, rho0=0.01, dim=2, most=50_000)[0].all()


# ---------------------------------------------------------------- kinks, and the modified flow

def order_on_circle(seed, steps=(0.02, 0.01, 0.005)):
    """The slope, in log–log, of the largest distance against the step for a ReLU network on forty points."""
    problem, theta0 = relu_case(seed)
    flow = helpers.gradient_flow(problem, theta0, 6, rtol=1e-5)
    return slope(steps, [farthest(problem, flow, step) for step in steps])


def test_kinks_leave_the_first_order():
    """On many points; on few each switch counts, and adds to the distance between 0 and η times the jump of the velocity, as it comes late or early in a step."""
    assert [order_on_circle(seed) for seed in range(3)] == pytest.approx([1] * 3, abs=0.05)
    assert [order(seed, (0.04, 0.02, 0.01), "relu") for seed in SEEDS[:10]] == pytest.approx([1] * len(SEEDS[:10]), abs=0.3)


@pytest.mark.parametrize("seed", DRAWN)
def test_the_modified_flow_is_followed_to_second_order(seed):
    assert modified_order(seed) == pytest.approx(2, abs=0.05)


def test_kinks_cost_the_second_order():
    slopes = [modified_order(seed, (0.04, 0.02, 0.01), "leaky_relu(0.2)") for seed in SEEDS[:6]]
    assert max(slopes) < 1.6 and np.median(slopes) == pytest.approx(1, abs=0.25)


# ---------------------------------------------------------------- digits

@cache
def apart(name, seed, step, steps):
    """The largest distance of gradient descent with η from that with η/r, over 1 − 1/r, for r = 2, 5, 10, each over that for r = 5."""
    problem = helpers.Problem(vision.network(name), helpers.data.ten_digits(100), "cross_entropy", "mean")
    runs = vision.descents(problem, vision.xavier(problem.network, seed), step, steps, (1, 2, 5, 10))
    scaled = {r: np.linalg.norm(runs[1].theta - runs[r].theta, axis=1).max() / (1 - 1 / r) for r in (2, 5, 10)}
    return np.array([scaled[2], scaled[10]]) / scaled[5]


@pytest.mark.parametrize("seed", range(3))
def test_on_digits_smooth_networks_are_apart_as_their_steps_say(seed):
    np.testing.assert_allclose(apart("linear", seed, 0.01, 100), 1, rtol=0.02)


def test_networks_with_kinks_are_not():
    off = [np.abs(apart("ReLU", seed, 0.02, 100) - 1).max() for seed in range(3)]
    assert max(off) > 0.05
