"""Training by SGD and Adam against their formulas, batch by batch; runs that stop, diverge or are interrupted keep what they have."""

import itertools
import re
from types import SimpleNamespace

import numpy as np
import pytest
from test_flow import CIRCLE, interrupted

from helpers import DivergenceError, Problem, TwoLayer, flow, gradient_descent, stop_at, train
from helpers.data import Dataset

START = CIRCLE.network.init(2, 1e-2, seed=0)
BATCHED = {"sgd": {"optimizer": "sgd", "batch": 7}, "adam": {"optimizer": "adam"}, "adam in batches": {"optimizer": "adam", "batch": 7}}
EVERY = pytest.mark.parametrize("options", [pytest.param(options, id=name) for name, options in BATCHED.items()])


def adam(velocity, theta, step, steps, epsilon=1e-8):
    """Adam as Kingma and Ba write it: the means of the gradient and of its square, both corrected for their start at 0."""
    m = v = np.zeros_like(theta)
    for k in range(1, steps + 1):
        g = -velocity(theta)
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        theta = theta - step * (m / (1 - 0.9**k)) / (np.sqrt(v / (1 - 0.999**k)) + epsilon)
    return theta


def test_gd_is_gradient_descent():
    run, wanted = (f(CIRCLE, START, step=0.01, steps=30, record=[3]) for f in (lambda *a, **k: train(*a, optimizer="gd", **k), gradient_descent))
    np.testing.assert_array_equal(run.theta, wanted.theta)
    np.testing.assert_array_equal(run.t, wanted.t)


def test_adam_is_adam():
    run = train(CIRCLE, START, step=0.01, steps=50)
    np.testing.assert_allclose(run.theta[-1], adam(CIRCLE.velocity, START, 0.01, 50), rtol=1e-9)
    assert run.loss[-1] < 0.9 * run.loss[0] and run.evaluations == 51


def test_adam_begins_with_steps_of_its_step_size_in_every_weight_whatever_the_gradient():
    run = train(CIRCLE, START, "adam", step=1e-6, steps=1)
    np.testing.assert_allclose(run.theta[1] - START, 1e-6 * np.sign(CIRCLE.velocity(START)), rtol=1e-3)


@pytest.mark.parametrize("epsilon", [1e-20, 1.0])
def test_epsilon_is_added_to_the_size_of_the_gradient(epsilon):
    run = train(CIRCLE, START, step=0.01, steps=50, epsilon=epsilon)
    np.testing.assert_allclose(run.theta[-1], adam(CIRCLE.velocity, START, 0.01, 50, epsilon), rtol=1e-9)


def test_adam_hardly_sees_a_factor_before_the_loss():
    ends = [train(Problem(CIRCLE.network, CIRCLE.data, reduction=reduction), START, step=0.01, steps=50).theta[-1] for reduction in ("sum", "mean")]
    assert np.linalg.norm(ends[0] - ends[1]) < 0.02 * np.linalg.norm(ends[0])


def test_time_is_the_sum_of_the_steps_and_losses_are_those_of_all_points():
    for options in BATCHED.values():
        run = train(CIRCLE, START, step=0.01, steps=20, **options)
        np.testing.assert_allclose(run.t, 0.01 * np.arange(21), rtol=1e-12)
        np.testing.assert_allclose(run.loss, [CIRCLE.loss(theta) for theta in run.theta], rtol=1e-12)
        assert run.stopped == "time"


@pytest.mark.parametrize("problem", [CIRCLE, Problem(CIRCLE.network, CIRCLE.data, reduction="mean"), CIRCLE.frozen(), CIRCLE.frozen(np.arange(20.0)),
                                     Problem(CIRCLE.network, CIRCLE.data, reduction="mean").frozen()],
                         ids=["sum", "mean", "frozen", "frozen at a residual", "mean, frozen"])
def test_a_batch_of_all_points_is_gradient_descent_and_smaller_ones_are_so_on_average(problem):
    whole = train(problem, START, "sgd", step=0.01, steps=10, batch=20)
    np.testing.assert_allclose(whole.theta, gradient_descent(problem, START, 0.01, 10).theta, rtol=1e-9, atol=1e-13)
    parts = np.array([train(problem, START, "sgd", 1.0, 1, batch=5, seed=seed).theta[1] - START for seed in range(400)])
    np.testing.assert_array_less(np.abs(parts.mean(axis=0) - problem.velocity(START)), 5 * parts.std(axis=0) / np.sqrt(400) + 1e-12)


@pytest.mark.parametrize("batch, steps", [(7, 3), (5, 4), (20, 1), (1, 20)])
def test_every_epoch_sees_every_point_once(batch, steps):
    network = TwoLayer(1, "linear", train_output=False, output_weights=[1.0])
    labels = 2.0 ** np.arange(20)
    one = Problem(network, Dataset(np.eye(20), labels)).frozen()  # the k-th weight moves when the k-th point is seen
    run = train(one, np.zeros(20), "sgd", step=1.0, steps=3 * steps, batch=batch, seed=1)
    seen = [np.diff(run.theta[epoch * steps:(epoch + 1) * steps + 1], axis=0) != 0 for epoch in range(3)]
    moves = np.diff(run.theta, axis=0)
    np.testing.assert_allclose(moves, (moves != 0) * labels * 20 / np.count_nonzero(moves, axis=1)[:, None], rtol=1e-6)
    for epoch in seen:
        np.testing.assert_array_equal(epoch.sum(axis=0), np.ones(20))
        np.testing.assert_array_equal(epoch.sum(axis=1), [min(batch, 20 - k * batch) for k in range(steps)])
    assert batch == 20 or not np.array_equal(seen[0], seen[1])


def test_batches_fit_other_losses():
    problem = Problem(CIRCLE.network, Dataset(CIRCLE.data.X, np.sign(CIRCLE.data.X[:, 1])), "logistic", "mean")
    run = train(problem, 100 * START, "sgd", 0.5, 200, batch=7)
    assert run.loss[-1] < 0.95 * run.loss[0]


def test_the_seed_decides_the_batches():
    first, again, other = (train(CIRCLE, START, "sgd", 0.01, 10, batch=7, seed=seed).theta[-1] for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, other)


@EVERY
def test_the_start_stays_as_it_was_and_is_the_first_point(options):
    start = START.copy()
    run = train(CIRCLE, start, steps=5, step=0.1, **options)
    np.testing.assert_array_equal(start, START)
    np.testing.assert_array_equal(run.theta[0], START)
    assert len({theta.tobytes() for theta in run.theta}) == 6


@EVERY
def test_recorded_steps_are_those_asked_for_and_always_the_last(options):
    whole, run = (train(CIRCLE, START, steps=20, record=record, **options) for record in (None, [3, 7, 7]))
    np.testing.assert_array_equal(run.theta, whole.theta[[0, 3, 7, 20]])
    np.testing.assert_array_equal(run.t, whole.t[[0, 3, 7, 20]])
    np.testing.assert_array_equal(run.loss, whole.loss[[0, 3, 7, 20]])


@EVERY
@pytest.mark.parametrize("stop, reason", [(stop_at(loss=80.0), "loss"), (stop_at(norm=0.5), "norm"), (stop_at(stationary=3.0), "stationary")])
def test_a_run_stops_after_the_step_that_meets_the_level(options, stop, reason):
    def met(theta):
        size = np.linalg.norm(theta)
        return {"loss": CIRCLE.loss(theta) <= 80, "norm": size >= 0.5, "stationary": np.linalg.norm(CIRCLE.velocity(theta)) <= 3 * size}[reason]

    run = train(CIRCLE, START, step=0.003, steps=3000, stop=stop, **options)
    assert run.stopped == reason and [met(theta) for theta in run.theta] == [False] * (len(run.t) - 1) + [True]
    short = train(CIRCLE, START, step=0.003, steps=3000, stop=stop, record=[], **options)
    np.testing.assert_array_equal(short.theta, run.theta[[0, -1]])


def test_a_start_that_meets_the_level_takes_no_step():
    run = train(CIRCLE, START, stop=stop_at(norm=1e-3))
    assert (run.stopped, len(run.t)) == ("norm", 1)


def test_no_steps_are_no_steps():
    assert len(train(CIRCLE, START, steps=0).t) == 1


@EVERY
def test_a_diverging_run_names_its_step_its_number_the_time_and_the_loss(options):
    step = 0.3 if options["optimizer"] == "sgd" else 1e5
    problem = Problem(TwoLayer(10, "z**2"), CIRCLE.data)
    with pytest.raises(DivergenceError) as error:
        train(problem, START, step=step, steps=2000, **options)
    pattern = r"^(\S+) diverges with step (\S+): at step (\d+), t = (\S+), the loss is (\S+) \(it began at (\S+)\)"
    name, given, number, time, loss, start = re.search(pattern, str(error.value)).groups()
    run = error.value.run
    assert (name, float(given), run.stopped, len(run.t)) == (options["optimizer"], step, "diverged", int(number))
    assert float(time) == pytest.approx(step * int(number), rel=1e-3) and float(start) == pytest.approx(run.loss[0], rel=1e-3)
    assert not float(loss) <= 1e8 * float(start) and np.isfinite(run.loss).all()


def interrupt():
    raise KeyboardInterrupt


@pytest.mark.parametrize("record", [None, [20]])
@pytest.mark.parametrize("options", [{}, {"optimizer": "sgd", "batch": 7}])
def test_an_interrupted_run_keeps_its_last_step(record, options):
    whole = train(CIRCLE, START, steps=20, **options)
    problem = interrupted(13)
    if "batch" in options:  # batches are problems of their own, and the loss of all points is looked at twice before the first
        calls, loss = itertools.count(1), problem.loss
        problem.loss = lambda theta: loss(theta) if next(calls) < 15 else interrupt()
    run = train(problem, START, steps=20, record=record, **options)
    assert run.stopped == "interrupted" and run.t[-1] == whole.t[11]
    np.testing.assert_array_equal(run.theta[-1], whole.theta[11])
    assert len(run.t) == len(run.theta) == len(run.loss) == (12 if record is None else 2)


def test_an_interruption_in_the_middle_of_writing_a_step_drops_that_step(monkeypatch):
    whole, add = train(CIRCLE, START, steps=20), flow._Log.add

    def cut_short(log, t, *rest):
        if len(log.t) == 6:
            log.t.append(t)
            raise KeyboardInterrupt
        add(log, t, *rest)

    monkeypatch.setattr(flow._Log, "add", cut_short)
    run = train(CIRCLE, START, steps=20)
    assert run.stopped == "interrupted"
    np.testing.assert_array_equal(run.theta, whole.theta[:6])


@pytest.mark.parametrize("seconds, shown", [(0.001, False), (0.4, True)])
def test_only_a_run_of_more_than_a_second_shows_a_progress_bar(seconds, shown, monkeypatch):
    bars, clock = [], itertools.count(0, seconds)

    class Bar:
        def __init__(self, total, **_):
            self.total, self.n, self.closed = total, 0, False
            bars.append(self)

        def update(self, amount):
            self.n += amount

        def set_postfix_str(self, text, **_):
            assert text.startswith("t = ")

        def close(self):
            self.closed = True

    monkeypatch.setattr(flow, "time", SimpleNamespace(perf_counter=lambda: next(clock)))
    monkeypatch.setattr("tqdm.auto.tqdm", Bar)
    train(CIRCLE, START, steps=150)
    assert len(bars) == shown and all(bar.closed and bar.n == bar.total for bar in bars)


@pytest.mark.parametrize("optimizer, batch, message", [
    ("sgd", None, 'batch must be given for optimizer="sgd"'), ("gd", 5, 'batch must be None for optimizer="gd"'),
    ("sgd", 21, "batch must be at most the number of points, 20, got 21")])
def test_batches_go_with_sgd_and_are_not_larger_than_the_data(optimizer, batch, message):
    with pytest.raises(ValueError, match=message):
        train(CIRCLE, START, optimizer, batch=batch)


def test_a_problem_on_another_clock_has_no_batches():
    with pytest.raises(TypeError, match="problem must be a helpers.Problem to be trained in batches, got Rescaled"):
        train(CIRCLE.rescaled(), START, "sgd", batch=5)
