"""Gradient flow and gradient descent: exact solutions, exact ends, interpolation, and what happens when a run goes wrong."""

import itertools
import re
from types import SimpleNamespace

import numpy as np
import pytest
import tqdm.notebook
from scipy.integrate import solve_ivp

from helpers import (
    Deep,
    Diagonal,
    DivergenceError,
    EvaluationLimitError,
    Problem,
    Trajectory,
    TwoLayer,
    data,
    escape_time,
    flow,
    gradient_descent,
    gradient_flow,
    predict,
    stop_at,
)
from helpers.data import Dataset

ONE_POINT = Dataset([[1.0]], [1.0])
PRODUCT = Problem(TwoLayer(1, "linear"), ONE_POINT)  # f(x) = a·w·x
CIRCLE = Problem(TwoLayer(10, "tanh"), data.circle(20))
RUNNERS = {"flow": lambda problem, start: gradient_flow(problem, start, t_end=1.5),
           "descent": lambda problem, start: gradient_descent(problem, start, step=0.01, steps=150)}


def circle_start(scale=1e-2, seed=0):
    return CIRCLE.network.init(2, scale, seed)


def euler(problem, theta, t_end, steps):
    for _ in range(steps):
        theta = theta + t_end / steps * problem.velocity(theta)
    return theta


def distance(theta, wanted):
    return np.max(np.linalg.norm(np.atleast_2d(theta - wanted), axis=1) / np.linalg.norm(np.atleast_2d(wanted), axis=1))


def moved_by(change):
    """The problem on the circle whose motion is `change`d, a function of θ and of what the motion tells there."""
    problem = Problem(CIRCLE.network, CIRCLE.data)
    motion = problem.motion()
    problem.motion = lambda: lambda theta: change(theta, motion(theta))
    return problem


def interrupted(at_call):
    """The problem on the circle, interrupted at the `at_call`-th time that a run looks at it."""
    calls = itertools.count(1)

    def change(_, told):
        if next(calls) == at_call:
            raise KeyboardInterrupt
        return told

    return moved_by(change)


# --- gradient flow: accuracy ---

@pytest.mark.parametrize("scale", [1e-1, 1e-3, 1e-6])
def test_a_product_of_two_weights_follows_the_logistic_curve(scale):
    run = gradient_flow(PRODUCT, np.array([scale, scale]), t_end=40)
    times = np.linspace(0, 40, 999)
    for t, theta in ((run.t, run.theta), (times, run.at(times))):
        np.testing.assert_allclose(theta[:, 0] * theta[:, 1], 1 / (1 + (1 / scale**2 - 1) * np.exp(-2 * t)), rtol=2e-5)


@pytest.mark.parametrize("activation, rtol, error", [("tanh", None, 5e-6), ("tanh", 1e-9, 1e-8), ("x*tanh(x)", None, 5e-6), ("x*tanh(x)", 1e-9, 1e-8),
                                                     ("relu**2", None, 2e-5), ("relu**2", 1e-9, 1e-6)])  # σ″ of relu**2 jumps
def test_smooth_flow_agrees_with_a_tight_reference_at_all_times(activation, rtol, error):
    problem, start = Problem(TwoLayer(10, activation), data.circle(20)), TwoLayer(10, activation).init(2, 0.3, seed=0)
    times = np.linspace(0, 1.5, 50)
    reference = solve_ivp(lambda t, theta: problem.velocity(theta), (0, 1.5), start, method="DOP853", rtol=1e-12, atol=1e-14, t_eval=times).y.T
    assert distance(gradient_flow(problem, start, 1.5, rtol=rtol).at(times), reference) < error


@pytest.mark.parametrize("activation, rtol, error", [("tanh", None, 5e-5), ("tanh", 1e-9, 1e-7), ("x*tanh(x)", 1e-9, 1e-7)])
def test_stiff_flow_agrees_with_a_tight_reference_at_all_times(activation, rtol, error):
    problem, start = Problem(TwoLayer(10, activation), data.circle(20)), TwoLayer(10, activation).init(2, 0.3, seed=0)
    times = np.linspace(0, 1.5, 50)
    reference = solve_ivp(lambda t, theta: problem.velocity(theta), (0, 1.5), start, method="DOP853", rtol=1e-12, atol=1e-14, t_eval=times).y.T
    run = gradient_flow(problem, start, 1.5, rtol=rtol, stiff=True)
    assert distance(run.at(times), reference) < error and distance(run.at(run.t), run.theta) < error


def test_stiff_flow_does_not_stall_at_the_plateaus_of_a_network_of_degree_above_two():
    """Plateaus last like 1/δ while what has settled decays at a rate of order one: explicit steps cannot grow there."""
    network, points = Diagonal(3), data.sparse_regression(20, 30, (4, -2))
    problem, start = Problem(network, points), network.init(30, 1e-5)
    stop = stop_at(loss=1e-3 * 0.5 * np.sum(points.y**2))
    run = gradient_flow(problem, start, 1e300, stop=stop, stiff=True, max_evaluations=20_000)
    assert run.stopped == "loss"
    with pytest.raises(EvaluationLimitError):
        gradient_flow(problem, start, 1e300, stop=stop, max_evaluations=20_000)


def test_stiff_flow_ends_at_its_level_and_keeps_the_method_of_kinks():
    level = 0.5 * CIRCLE.loss(circle_start())
    run = gradient_flow(CIRCLE, circle_start(), 100.0, stop=stop_at(loss=level), stiff=True)
    assert run.stopped == "loss" and run.loss[-1] == pytest.approx(level, rel=1e-9)
    kinked = Problem(TwoLayer(10, "relu"), data.circle(20))
    np.testing.assert_array_equal(*(gradient_flow(kinked, circle_start(), 0.5, stiff=stiff).theta for stiff in (True, False)))


def test_loss_and_norm_of_a_run_are_those_of_its_weights():
    run = gradient_flow(CIRCLE, circle_start(), t_end=1.5)
    np.testing.assert_allclose(run.loss, [CIRCLE.loss(theta) for theta in run.theta], rtol=1e-12)
    np.testing.assert_allclose(run.norm, [np.linalg.norm(theta) for theta in run.theta])
    assert (np.diff(run.loss) < 0).all()


@pytest.mark.parametrize("frozen", [True, False])
def test_escape_time_grows_by_ln10_over_2N_per_decade(frozen):
    network = TwoLayer(20, "relu**2", train_output=False, output_weights=np.ones(20))
    problem = Problem(network, data.circle(40))
    angles = np.linspace(0, 2 * np.pi, 3600)
    largest = np.max(problem.data.y @ np.maximum(0, problem.data.X @ [np.cos(angles), np.sin(angles)]) ** 2)
    times = [gradient_flow(problem.frozen() if frozen else problem, network.init(2, scale, seed=0), 10, stop=stop_at(norm=0.3)).t[-1]
             for scale in (1e-4, 1e-6, 1e-8)]
    np.testing.assert_allclose(np.diff(times) / 2, np.log(10) / (2 * largest), rtol=2e-4)


def test_a_sliding_relu_neither_stalls_nor_strays():
    """Two points in an acute angle with residuals ±1: the neuron turns to the kink of the second and slides along it (arXiv:2402.09226 allows it)."""
    problem = Problem(TwoLayer(1, "relu"), Dataset([[1, 0], [np.cos(1), np.sin(1)]], [1, -1])).frozen()
    start = np.array([0.9, 0.5, 1.0]) * 1e-3
    for rtol, evaluations, error, degrees in ((None, 1500, 5e-3, 0.3), (2.5e-6, 30_000, 5e-4, 0.01)):
        run = gradient_flow(problem, start, t_end=5, rtol=rtol)
        assert run.evaluations < evaluations
        assert distance(run.theta[-1], euler(problem, start, 5, 20_000)) < error
        assert np.degrees(np.arctan2(run.theta[-1, 1], run.theta[-1, 0])) == pytest.approx(np.degrees(1) - 90, abs=degrees)


@pytest.mark.parametrize("scales", [(1e-2, 1e-4), (1e-6, 1e-8)])
def test_relu_neurons_that_are_small_beside_others_escape_when_they_should(scales):
    """Orthogonal inputs: the loss falls by y²/2 when the neurons of one sign have grown, ln(1/δ)/‖Σ y_i x_i‖ plus a constant after the start (arXiv:2206.00939)."""
    problem = Problem(TwoLayer(40, "relu"), Dataset([[-0.5, 1], [2, 1]], [-1.0, 1.0]))
    for level, input_norm, error in ((0.75, np.sqrt(5), 4e-3 if max(scales) > 1e-3 else 3e-4), (0.25, np.sqrt(1.25), 3e-4)):
        runs = [gradient_flow(problem, problem.network.init(2, scale, seed=0), t_end=30, stop=stop_at(loss=level)) for scale in scales]
        assert max(run.evaluations for run in runs) < 1500
        assert runs[1].t[-1] - runs[0].t[-1] == pytest.approx(np.log(100) / input_norm, rel=error)


def test_many_sliding_relu_neurons_of_a_tiny_start_do_not_stall():
    problem = Problem(TwoLayer(40, "relu"), data.spokes())
    start = problem.network.init(2, 1e-8, seed=0)
    run = gradient_flow(problem, start, t_end=20)
    assert run.evaluations < 5000
    exact = gradient_flow(problem, start, t_end=20, rtol=1e-5)
    for level in (2.5, 1.5, 0.5, 0.1):
        assert np.interp(-level, -run.loss, run.t) == pytest.approx(np.interp(-level, -exact.loss, exact.t), rel=2e-3)


def test_a_kinked_network_that_does_not_tell_its_neurons_is_measured_as_a_whole():
    network = TwoLayer(20, "relu", bias=True)
    silent = SimpleNamespace(**{name: getattr(network, name) for name in ("outputs", "pullback", "size", "kinked")})
    start = network.init(1, 1e-3, seed=0)
    run = gradient_flow(Problem(silent, data.hinge()), start, t_end=6)
    assert run.evaluations < 3000
    assert distance(run.theta[-1], euler(Problem(network, data.hinge()), start, 6, 12_000)) < 1e-3


def test_relu_neurons_that_cross_kinks_stay_on_the_path_of_small_steps():
    problem = Problem(TwoLayer(20, "relu", bias=True), data.hinge())
    start = problem.network.init(1, 1e-3, seed=0)
    run = gradient_flow(problem, start, t_end=6)
    assert run.evaluations < 3000
    assert distance(run.theta[-1], euler(problem, start, 6, 12_000)) < 1e-3


def test_a_relu_neuron_may_collapse_to_zero():
    run = gradient_flow(Problem(TwoLayer(1, "relu"), ONE_POINT).frozen([-1.0]), [0.1, 0.1], t_end=1e4)
    assert run.stopped == "time" and run.norm[-1] < 1e-9


# --- gradient flow: ends ---

def test_a_run_without_a_stop_ends_exactly_at_its_time():
    run = gradient_flow(CIRCLE, circle_start(), t_end=1.5)
    assert (run.stopped, run.t[0], run.t[-1]) == ("time", 0.0, 1.5)


@pytest.mark.parametrize("problem", [CIRCLE, Problem(TwoLayer(10, "relu"), data.circle(20))], ids=["smooth", "kinked"])
def test_a_run_ends_exactly_at_its_level_of_loss_or_norm(problem):
    start = problem.network.init(2, 1e-2, seed=0)
    by_loss = gradient_flow(problem, start, 10, stop=stop_at(loss=80.0))
    assert by_loss.stopped == "loss" and by_loss.loss[-1] == pytest.approx(80, rel=1e-10)
    by_norm = gradient_flow(problem, start, 10, stop=stop_at(norm=0.7))
    assert by_norm.stopped == "norm" and by_norm.norm[-1] == pytest.approx(0.7, rel=1e-10)
    for run in (by_loss, by_norm):
        assert problem.loss(run.theta[-1]) == run.loss[-1]
        assert distance(run.at(run.t), run.theta) < 1e-12


def test_a_stop_does_not_change_the_way_there():
    whole, part = gradient_flow(CIRCLE, circle_start(), 1.5), gradient_flow(CIRCLE, circle_start(), 1.5, stop=stop_at(loss=80.0))
    assert distance(whole.at(part.t), part.theta) < 1e-12


def test_a_run_ends_where_the_weights_hardly_move():
    problem = Problem(TwoLayer(1, "linear"), Dataset([[1.0]], [100.0]))  # ends at ‖θ‖ = 14
    run = gradient_flow(problem, np.array([0.1, 0.1]), 1e3, stop=stop_at(stationary=1e-2))
    speed = [np.linalg.norm(problem.velocity(theta)) / np.linalg.norm(theta) for theta in run.theta]
    assert run.stopped == "stationary" and speed[-1] <= 1e-2 < min(speed[:-1])


def test_of_several_levels_the_first_one_met_ends_the_run():
    assert gradient_flow(CIRCLE, circle_start(), 10, stop=stop_at(loss=80.0, norm=0.1)).stopped == "norm"
    assert gradient_flow(CIRCLE, circle_start(), 10, stop=stop_at(loss=80.0, norm=100)).stopped == "loss"


@pytest.mark.parametrize("runner", [lambda stop: gradient_flow(CIRCLE, circle_start(), 10, stop=stop),
                                    lambda stop: gradient_descent(CIRCLE, circle_start(), 0.01, 10, stop=stop)], ids=RUNNERS)
def test_a_run_that_begins_at_its_level_is_one_point(runner):
    run = runner(stop_at(loss=1e3))
    assert (run.stopped, len(run.t)) == ("loss", 1)
    np.testing.assert_array_equal(run.at([0.0]), run.theta)


# --- gradient flow: failures ---

def test_an_l3_ncf_blows_up_at_its_predicted_time_and_the_error_says_where():
    problem, scale = Problem(TwoLayer(1, "z**2"), ONE_POINT).frozen(), 1e-2
    start = scale * np.sqrt([2 / 3, 1 / 3])  # the KKT point, N = 2/(3√3)
    with pytest.raises(DivergenceError, match="the flow blows up near t = .*loss.*stop_at") as error:
        gradient_flow(problem, start, t_end=1e3)
    predicted = 1 / (3 * scale * 2 / (3 * np.sqrt(3)))
    assert float(re.search(r"t = (\S+)", str(error.value))[1]) == pytest.approx(predicted, rel=1e-5)
    run = error.value.run
    assert run.stopped == "diverged" and run.t[-1] == pytest.approx(predicted, rel=1e-5) and np.isfinite(run.theta).all()
    assert distance(run.at([0.99 * predicted]), start / 0.01) < 1e-4  # ρ = δ/(1 − t/T)


@pytest.mark.parametrize("activation", ["linear", "relu"])
def test_growth_beyond_all_numbers_is_a_divergence(activation):
    with pytest.raises(DivergenceError, match=r"blows up near t = 3[56]\d\.") as error:
        gradient_flow(Problem(TwoLayer(1, activation), ONE_POINT).frozen(), [0.01, 0.01], t_end=1e4)
    assert np.isfinite(error.value.run.loss).all()


def test_the_evaluation_limit_keeps_the_run_so_far():
    with pytest.raises(EvaluationLimitError, match="reached only t = .* of 1000; raise max_evaluations or rtol, or stop earlier") as error:
        gradient_flow(CIRCLE, circle_start(), 1000, max_evaluations=100)
    run = error.value.run
    assert run.stopped == "evaluations" and 100 < run.evaluations < 120
    assert distance(run.at(run.t), run.theta) < 1e-12


def test_a_start_at_zero_or_with_an_infinite_loss_is_refused():
    with pytest.raises(ValueError, match="theta0 must not be zero"):
        gradient_flow(CIRCLE, np.zeros(30), 1.0)
    for run in (lambda start: gradient_flow(PRODUCT, start, 1.0), lambda start: gradient_descent(PRODUCT, start, 1.0, 1)):
        with pytest.raises(ValueError, match="theta0 must have a finite loss, got inf"):
            run([1e200, 1e200])


# --- gradient descent ---

def test_gradient_descent_is_the_loop_that_everybody_knows():
    run, theta = gradient_descent(CIRCLE, circle_start(), step=0.01, steps=30), circle_start()
    for k in range(31):
        np.testing.assert_allclose(run.theta[k], theta, rtol=1e-12)
        theta = theta + 0.01 * CIRCLE.velocity(theta)
    np.testing.assert_allclose(run.t, 0.01 * np.arange(31), rtol=1e-12)
    np.testing.assert_allclose(run.loss, [CIRCLE.loss(theta) for theta in run.theta], rtol=1e-12)
    assert (run.stopped, run.evaluations) == ("time", 31)


def test_gradient_descent_nears_the_flow_in_proportion_to_its_step():
    end = gradient_flow(CIRCLE, circle_start(), 1.0, rtol=1e-9).theta[-1]
    errors = [distance(gradient_descent(CIRCLE, circle_start(), 1 / steps, steps).theta[-1], end) for steps in (2000, 4000)]
    assert errors[0] / errors[1] == pytest.approx(2, rel=0.02)


def test_recorded_steps_are_those_asked_for_and_always_the_last():
    all_steps = gradient_descent(CIRCLE, circle_start(), 0.01, 20)
    run = gradient_descent(CIRCLE, circle_start(), 0.01, 20, record=[3, 7, 7])
    np.testing.assert_array_equal(run.theta, all_steps.theta[[0, 3, 7, 20]])
    np.testing.assert_array_equal(run.t, all_steps.t[[0, 3, 7, 20]])


def test_a_step_may_depend_on_the_loss():
    run = gradient_descent(CIRCLE, circle_start(), lambda loss: 0.5 / loss, 20)
    np.testing.assert_allclose(np.diff(run.t), 0.5 / run.loss[:-1], rtol=1e-12)


def test_gradient_descent_stops_after_the_step_that_meets_the_level():
    run = gradient_descent(CIRCLE, circle_start(), 0.01, 1000, stop=stop_at(loss=80.0), record=[])
    assert run.stopped == "loss" and len(run.t) == 2 and run.loss[-1] <= 80 < CIRCLE.loss(run.theta[-1] - 0.011 * CIRCLE.velocity(run.theta[-1]))


def test_a_diverging_run_names_its_step_its_number_the_time_and_the_loss():
    with pytest.raises(DivergenceError) as error:
        gradient_descent(CIRCLE, circle_start(), 0.3, 1000)
    step, number, time, loss, start, _ = re.search(r"step (\S+): at step (\d+), t = (\S+), the loss is (\S+) \(it began at (\S+)\).* about (\S+)",
                                                   str(error.value)).groups()
    run = error.value.run
    assert (float(step), run.stopped, len(run.t)) == (0.3, "diverged", int(number))
    assert float(time) == pytest.approx(0.3 * int(number), rel=1e-3)
    assert float(start) == pytest.approx(run.loss[0], rel=1e-3)
    assert float(loss) > 1e8 * float(start)


def named_step(problem, start, step):
    """The step that the error of a diverging run calls safe; None where the run does not diverge."""
    try:
        gradient_descent(problem, start, step, 3000, record=[])
    except DivergenceError as error:
        return float(re.search(r"allows steps up to about (\S+)", str(error))[1])


@pytest.mark.parametrize("factor", [1.05, 1.3, 3, 10])
def test_on_a_quadratic_loss_the_step_called_safe_is_two_over_the_largest_curvature(factor):
    X = np.random.default_rng(0).standard_normal((6, 3))
    problem = Problem(TwoLayer(1, "linear", train_output=False, output_weights=[1.0]), Dataset(X, np.ones(6)))
    largest = 2 / np.linalg.eigvalsh(X.T @ X)[-1]
    assert named_step(problem, np.ones(3), factor * largest) == pytest.approx(largest, rel=0.05)


@pytest.mark.parametrize("activation, step", [("tanh", 0.05), ("relu", 0.08)])
@pytest.mark.parametrize("seed", [0, 1])
def test_where_a_step_is_barely_too_large_the_one_called_safe_is_not_far_below(activation, step, seed):
    problem = Problem(TwoLayer(10, activation), data.circle(20))
    assert step / 5 < named_step(problem, problem.network.init(2, 1.0, seed), step) < step


@pytest.mark.parametrize("scale, step, seed", [(1.0, 0.3, 0), (3.0, 0.041, 1)])
@pytest.mark.parametrize("activation", ["tanh", "relu", "relu**2", "x*tanh(x)", "linear"])
def test_a_step_called_safe_is_smaller_and_after_at_most_two_such_answers_it_is_safe(activation, scale, step, seed):
    problem, steps = Problem(TwoLayer(10, activation), data.circle(20)), [step]
    while (safe := named_step(problem, problem.network.init(2, scale, seed), steps[-1])) is not None:
        steps.append(safe)
    assert len(steps) <= 3 and (np.diff(steps) < 0).all()


# --- Trajectory ---

def test_between_the_steps_of_gradient_descent_lie_straight_lines():
    run = gradient_descent(CIRCLE, circle_start(), 0.01, 10)
    np.testing.assert_allclose(run.at([0.0, 0.0125, 0.1]), [run.theta[0], 0.75 * run.theta[1] + 0.25 * run.theta[2], run.theta[10]], rtol=1e-12)


@pytest.mark.parametrize("runner", RUNNERS)
@pytest.mark.parametrize("times", [[-1e-6], [1.51], [0.5, 9]])
def test_times_outside_the_run_are_refused(runner, times):
    with pytest.raises(ValueError, match="times must lie within the run, 0 … 1.5, got"):
        RUNNERS[runner](CIRCLE, circle_start()).at(times)


@pytest.mark.parametrize("runner", RUNNERS)
@pytest.mark.parametrize("count", [2, 7, 180])
def test_frames_increase_from_the_beginning_to_the_end_of_the_run(runner, count):
    run = RUNNERS[runner](CIRCLE, circle_start())
    frames = run.frames(count)
    assert len(frames) == count and (np.diff(frames) > 0).all()
    assert (frames[0], frames[-1]) == (run.t[0], run.t[-1])
    assert run.at(frames).shape == (count, 30)


def test_frames_spend_as_much_on_the_drop_as_on_the_plateau():
    run = gradient_flow(PRODUCT, np.array([1e-6, 1e-6]), t_end=1000)  # the loss falls at t = 13.8, within about 2
    frames = run.frames(100)
    assert 20 < np.count_nonzero((frames > 11) & (frames < 17)) < 60


def test_a_short_run_has_frames_too():
    for steps, frames in ((0, [0, 0, 0]), (1, [0, 0.005, 0.01])):
        np.testing.assert_array_equal(gradient_descent(CIRCLE, circle_start(), 0.01, steps).frames(3), frames)


def test_a_trial_step_that_overflows_is_taken_again_shorter():
    calls = itertools.count(1)
    problem = moved_by(lambda theta, told: (np.inf, np.full_like(theta, np.inf)) if next(calls) == 40 else told)
    run, whole = (gradient_flow(task, circle_start(), t_end=1.5) for task in (problem, CIRCLE))
    assert run.stopped == "time" and next(calls) > whole.evaluations + 3
    np.testing.assert_allclose(run.theta[-1], whole.theta[-1], rtol=1e-4)


@pytest.mark.parametrize("activation, stiff", [("tanh", False), ("tanh", True), ("relu", False)])
def test_the_recorded_loss_is_the_loss_at_the_recorded_point(activation, stiff):
    network = TwoLayer(10, activation)
    problem, start = Problem(network, CIRCLE.data), network.init(2, 0.3, seed=0)
    for run in (gradient_flow(problem, start, 1.5, stiff=stiff), gradient_descent(problem, start, 0.01, 20)):
        np.testing.assert_allclose(run.loss, [problem.loss(theta) for theta in run.theta], rtol=1e-12)


# --- interruption and progress ---

@pytest.mark.parametrize("at_call", [40, 10, 4, 3])
def test_an_interrupted_flow_keeps_its_whole_steps(at_call):
    run, whole = gradient_flow(interrupted(at_call), circle_start(), 1.5), gradient_flow(CIRCLE, circle_start(), 1.5)
    assert run.stopped == "interrupted" and 1 <= len(run.t) == len(run.theta) == len(run.loss) < len(whole.t)
    np.testing.assert_array_equal(run.theta, whole.theta[:len(run.t)])
    assert distance(run.at(run.t), run.theta) < 1e-12


@pytest.mark.parametrize("runner", RUNNERS)
def test_an_interruption_in_the_middle_of_writing_a_step_drops_that_step(runner, monkeypatch):
    whole, add = RUNNERS[runner](CIRCLE, circle_start()), flow._Log.add

    def cut_short(log, t, *rest, **more):
        if len(log.t) == 6:
            log.t.append(t)
            raise KeyboardInterrupt
        add(log, t, *rest, **more)

    monkeypatch.setattr(flow._Log, "add", cut_short)
    run = RUNNERS[runner](CIRCLE, circle_start())
    assert run.stopped == "interrupted"
    np.testing.assert_array_equal(run.theta, whole.theta[:6])
    assert distance(run.at(run.t), run.theta) < 1e-12


@pytest.mark.parametrize("record", [None, [20]])
def test_an_interrupted_descent_keeps_its_last_step(record):
    run = gradient_descent(interrupted(13), circle_start(), 0.01, 20, record=record)
    whole = gradient_descent(CIRCLE, circle_start(), 0.01, 20)
    assert run.stopped == "interrupted" and run.t[-1] == whole.t[11]
    np.testing.assert_array_equal(run.theta[-1], whole.theta[11])


RUNNERS_WITH_A_BAR = RUNNERS | {"descent without records": lambda problem, start: gradient_descent(problem, start, step=0.01, steps=150, record=[])}


@pytest.mark.parametrize("runner", RUNNERS_WITH_A_BAR)
@pytest.mark.parametrize("seconds, shown", [(0.001, False), (0.4, True)])
def test_only_a_run_of_more_than_a_second_shows_a_progress_bar(runner, seconds, shown, monkeypatch):
    bars, clock = [], itertools.count(0, seconds)

    class Bar:
        def __init__(self, total, **_):
            self.total, self.n, self.updates, self.closed = total, 0, 0, False
            bars.append(self)

        def update(self, amount):
            self.n, self.updates = self.n + amount, self.updates + 1

        def set_postfix_str(self, text, **_):
            assert text.startswith("t = ")

        def close(self):
            self.closed = True

    monkeypatch.setattr(flow, "time", SimpleNamespace(perf_counter=lambda: next(clock)))
    monkeypatch.setattr("tqdm.auto.tqdm", Bar)
    run = RUNNERS_WITH_A_BAR[runner](CIRCLE, circle_start())
    assert len(bars) == shown and isinstance(run, Trajectory)
    assert all(bar.closed and bar.updates > 2 and bar.n == pytest.approx(bar.total) for bar in bars)


@pytest.mark.parametrize("seconds, told", [(0.001, False), (0.4, True)])
def test_a_watcher_is_told_of_a_long_run_in_place_of_a_bar(seconds, told, monkeypatch):
    clock, heard = itertools.count(0, seconds), []
    monkeypatch.setattr(flow, "time", SimpleNamespace(perf_counter=lambda: next(clock)))
    monkeypatch.setattr("tqdm.auto.tqdm", None)
    watching = flow.watcher.set(heard.append)
    try:
        gradient_descent(CIRCLE, circle_start(), step=0.01, steps=20)
    finally:
        flow.watcher.reset(watching)
    assert heard == (sorted(heard) if told else []) and (not told or heard[-1] == 1 and len(heard) > 5)


@pytest.mark.parametrize("stop", [None, stop_at(norm=0.5)])
def test_no_bar_stays_in_a_notebook_after_a_run(stop, monkeypatch):
    bars, clock = [], itertools.count(0, 0.4)

    def bar(**options):
        bars.append(tqdm.notebook.tqdm(**options | {"disable": False}))
        return bars[-1]

    monkeypatch.setattr(flow, "time", SimpleNamespace(perf_counter=lambda: next(clock)))
    monkeypatch.setattr("tqdm.auto.tqdm", bar)
    gradient_flow(CIRCLE, circle_start(), t_end=1.5, stop=stop)
    assert len(bars) == 1 and bars[0].container.comm is None  # the widget is closed


@pytest.mark.parametrize("scale", [0.9, 1.1])
def test_the_first_of_two_levels_within_one_step_ends_the_run(scale):
    whole = gradient_flow(CIRCLE, circle_start(), t_end=1.5, rtol=1e-2)
    step = np.argmax(np.diff(whole.norm))
    middle = whole.at([(whole.t[step] + whole.t[step + 1]) / 2])[0]
    loss = CIRCLE.loss(middle)
    norm = np.linalg.norm(whole.at([whole.t[step] + scale * (whole.t[step + 1] - whole.t[step]) / 2])[0])
    run = gradient_flow(CIRCLE, circle_start(), t_end=1.5, rtol=1e-2, stop=stop_at(loss=loss, norm=norm))
    assert run.stopped == ("norm" if scale < 1 else "loss")
    assert run.norm[-1] == pytest.approx(min(norm, np.linalg.norm(middle)), rel=1e-6)


def test_descent_that_never_sees_the_loss_rise_is_told_to_stop_at_a_norm():
    problem = Problem(TwoLayer(2, "z**2"), data.circle(10)).frozen()
    with pytest.raises(DivergenceError, match=r"stop_at\(norm"):
        gradient_descent(problem, np.ones(6), step=1.0, steps=100)


# --- escape time ---

def time_of_product(scale, product):
    """When a·w = product from a = w = scale, on the logistic curve."""
    return 0.5 * np.log((1 / scale**2 - 1) / (1 / product - 1))


@pytest.mark.parametrize("scale", [1e-1, 1e-4, 1e-12])
@pytest.mark.parametrize("drop", [0.1, 0.5, 0.9])
def test_escape_time_is_that_of_the_logistic_curve(scale, drop):
    assert escape_time(PRODUCT, [scale, scale], drop) == pytest.approx(time_of_product(scale, 1 - np.sqrt(1 - drop)), rel=5e-6)


@pytest.mark.parametrize("scale", [1e-1, 1e-8])
def test_escape_time_by_norm_is_that_of_the_logistic_curve_and_the_drop_does_not_matter(scale):
    wanted = time_of_product(scale, 0.3**2 / 2)
    assert escape_time(PRODUCT, [scale, scale], norm=0.3) == escape_time(PRODUCT, [scale, scale], 0.8, 0.3) == pytest.approx(wanted, rel=5e-6)


def test_the_usual_drop_is_a_tenth():
    assert escape_time(PRODUCT, [0.01, 0.01]) == escape_time(PRODUCT, [0.01, 0.01], 0.1)


@pytest.mark.parametrize("activation, error", [("tanh", 1e-5), ("x*tanh(x)", 1e-5), ("relu", 1e-9)])
def test_escape_time_is_the_end_of_a_run_that_stops_there(activation, error):
    problem = Problem(TwoLayer(10, activation), data.circle(20))
    start = problem.network.init(2, 1e-2, seed=0)
    level = 0.8 * problem.loss(np.zeros_like(start))
    assert escape_time(problem, start, 0.2) == pytest.approx(gradient_flow(problem, start, 100, stop=stop_at(loss=level)).t[-1], rel=error)
    assert escape_time(problem, start, norm=0.5) == pytest.approx(gradient_flow(problem, start, 100, stop=stop_at(norm=0.5)).t[-1], rel=error)


def test_the_escape_time_of_a_sliding_relu_is_not_fooled_by_the_jumps_of_its_pace():
    problem = Problem(TwoLayer(1, "relu"), Dataset([[1, 0], [np.cos(1), np.sin(1)]], [1, -1])).frozen()
    start = np.array([0.9, 0.5, 1.0]) * 1e-3
    assert escape_time(problem, start, norm=0.01) == pytest.approx(predict.forecast(problem, start).escape_time(0.01), rel=1e-3)


def test_escape_time_costs_no_more_from_a_tiny_start():
    problem, evaluations = Problem(TwoLayer(1, "z**2"), ONE_POINT), []
    for scale in (1e-3, 1e-9):
        counted, calls = Problem(problem.network, problem.data), itertools.count()
        motion = counted.motion()
        counted.motion = lambda motion=motion, calls=calls: lambda theta: (next(calls), motion(theta))[1]
        assert escape_time(counted, [scale, scale], norm=0.1) > 0.3 / scale
        evaluations.append(next(calls))
    assert evaluations[1] < 5 * evaluations[0] < 5000  # the growth to 0.1 takes four times as many e-folds


@pytest.mark.parametrize("theta0, more, message", [
    ([0.9, 0.9], {}, "theta0 is already beyond a loss 10 % below that of the origin: loss 0.01805, ‖θ‖ = 1.273"),
    ([0.5, 0.5], {"norm": 0.7}, "theta0 is already beyond ‖θ‖ = 0.7"),
    ([0.1, 0.1], {"drop": 0.0}, "drop must be a share between 0 and 1, got 0.0"),
    ([0.1, 0.1], {"drop": 1}, "drop must be a share between 0 and 1, got 1"),
    ([0.1, 0.1], {"norm": -1}, "norm must be a finite number > 0"),
    ([0.0, 0.0], {}, "theta0 must not be zero")])
def test_an_escape_that_has_no_time_is_refused(theta0, more, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        escape_time(PRODUCT, theta0, **more)


def test_an_escape_of_what_has_no_loss_or_no_time_of_its_own_is_refused():
    with pytest.raises(ValueError, match=re.escape("that of a frozen problem is 0: give norm=…")):
        escape_time(PRODUCT.frozen(), [0.1, 0.1])
    assert escape_time(PRODUCT.frozen(), [0.1, 0.1], norm=0.5) > 0
    with pytest.raises(TypeError, match="problem must be the Problem itself"):
        escape_time(PRODUCT.rescaled(), [0.1, 0.1])


def test_a_deep_relu_network_that_escapes_faster_than_its_long_time_resolves_says_so():
    task = Problem(Deep((2, 6, 6, 6, 1), "relu"), data.spokes())
    times = [escape_time(task, task.network.init(2, scale, seed=0), norm=0.15) for scale in (1e-4, 1e-6)]  # the second: 7.7e12, a step is one float
    assert times[1] / times[0] == pytest.approx(1e4, rel=1e-3)
    with pytest.raises(DivergenceError, match="faster than times of that size can resolve"):
        escape_time(task, task.network.init(2, 1e-8, seed=0), norm=0.15)


def test_an_escape_that_never_comes_is_refused(monkeypatch):
    dead = Problem(TwoLayer(1, "relu"), ONE_POINT)
    with pytest.raises(ValueError, match="does not reach a loss 10 % below that of the origin: it ends at loss 0.5"):
        escape_time(dead, [-0.1, 0.1])
    with pytest.raises(ValueError, match="theta stands still"):
        escape_time(Problem(TwoLayer(1, "relu**2"), ONE_POINT), [-0.1, 0.1])
    shrinking = Problem(TwoLayer(1, "linear"), ONE_POINT).frozen([-1.0])  # along a = w, ‖θ‖ falls for ever
    with pytest.raises(ValueError, match="the flow from theta0 does not reach ‖θ‖ = 1: it ends at loss .*, ‖θ‖ = "):
        escape_time(shrinking, [0.1, 0.1], norm=1.0)
    monkeypatch.setattr(flow, "_ESCAPE_EVALUATIONS", 3000)
    minimum = Problem(TwoLayer(1, "linear"), Dataset([[1.0], [1.0]], [1.0, 0.0]))  # whose least loss is half of the origin's
    with pytest.raises(ValueError, match=r"does not reach a loss 90 % below that of the origin: it ends at loss 0.25, .* after 30\d\d evaluations"):
        escape_time(minimum, [0.1, 0.1], drop=0.9)


def test_an_interrupted_escape_gives_no_time():
    with pytest.raises(KeyboardInterrupt):
        escape_time(interrupted(40), circle_start())
