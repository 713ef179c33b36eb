"""Arrays given to public functions keep their values and stay writeable: the calls of test_bad_input.py, with good arrays."""

import numpy as np
import pytest
from test_bad_input import DEEP, LAYERS, POINTS, START, TABLE, TORCH, WHITE

ARRAYS = [POINTS.X, POINTS.y, POINTS.X.sum(axis=1), START, WHITE.X, WHITE.y, LAYERS.init(5, 0.1, 0, balanced=True),
          np.eye(2), np.eye(2).ravel(), np.eye(3), np.eye(5), np.eye(3, 9), np.eye(4, 5), np.array([2.0, 1, 3]), np.array([0.2, 0.5]),
          np.array([0.5]), np.array([1.0, 2]), np.array([0, 1]), np.linspace(0, 1, 9), 0.01 * np.eye(6)[:, 0], 0.01 * np.ones(27),
          np.linspace(1, 2, DEEP.network.size(2)), np.ones(TORCH.size(2))]
NAMES = {"X", "y", "theta", "theta0", "W", "G", "U", "u", "v", "r", "x", "values", "times", "clock", "residual", "inputs",
         "direction", "angles", "labels", "sizes", "centres", "coefficients", "output_weights", "s_star", "s0", "singular_values"}


def accepted(call):
    """The arrays that the call takes, each as it was before and as it is after."""
    for array in ARRAYS:
        given = array.copy()
        try:
            call(given)
        except (ValueError, TypeError):
            continue
        yield array, given


@pytest.mark.parametrize("function, name", [pytest.param(*key, id="-".join(key)) for key in TABLE])
def test_an_array_keeps_its_values_and_stays_writeable(function, name):
    taken = list(accepted(TABLE[function, name][0]))
    assert taken or name not in NAMES
    for before, after in taken:
        assert after.flags.writeable and after.shape == before.shape and np.array_equal(after, before)
