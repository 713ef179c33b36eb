"""The one private name of SciPy that the course overrides is still asked for, with the arguments that it had."""

import inspect

import numpy as np
from scipy.integrate import RK23
from scipy.integrate._ivp.rk import RungeKutta

from helpers import Problem, TwoLayer, gradient_flow
from helpers.data import circle
from helpers.integrators import Sliding

CHANGED = ("SciPy has changed RungeKutta._estimate_error_norm, on which helpers/integrators.py relies to measure each neuron's error against its own size: "
           "read scipy/integrate/_ivp/rk.py and mend helpers.integrators.Sliding")


def test_scipy_still_estimates_its_error_where_sliding_overrides_it(monkeypatch):
    assert list(inspect.signature(RungeKutta._estimate_error_norm).parameters) == ["self", "K", "h", "scale"], CHANGED
    seen, estimate = [], Sliding._estimate_error_norm
    monkeypatch.setattr(Sliding, "_estimate_error_norm", lambda self, K, h, scale: seen.append(K.shape) or estimate(self, K, h, scale))
    network, data = TwoLayer(5, "relu"), circle(10)
    run = gradient_flow(Problem(network, data), network.init(2, 0.1, seed=0), t_end=0.1)
    assert len(seen) >= len(run.t) - 1 and set(seen) == {(RK23.n_stages + 1, 15)}, CHANGED


def test_an_error_of_one_is_the_tolerance():
    """The step is taken again where the estimate is above 1: the sense of the number has stayed."""
    class Strict(Sliding):
        def _estimate_error_norm(self, K, h, scale):
            return 0.5 if h <= 0.01 else 2.0

    solver = Strict(lambda t, y: -y, 0.0, np.ones(3), 1.0, first_step=0.5)
    solver.step()
    assert solver.t <= 0.01, CHANGED
