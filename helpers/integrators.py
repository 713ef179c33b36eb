"""SciPy's integrators as the flow uses them. Kinked networks measure their errors neuron by neuron, for which the one private name of SciPy that the course
touches is overridden, `RungeKutta._estimate_error_norm`: `tests/test_integrators.py` says so when SciPy changes it.
"""

import numpy as np
from scipy.integrate import LSODA, RK23, RK45

_SLIDING = 1e-3  # the error that is allowed a neuron in a step in which it slides along a kink, at the default tolerance

Smooth = RK45


class Stiff(LSODA):
    """LSODA with the velocity at hand, as Runge–Kutta methods have it."""

    @property
    def f(self):
        return self.fun(self.t, self.y)


class Sliding(RK23):
    """Bogacki–Shampine 3(2) with every neuron's error measured against its own size.

    A neuron that slides along a kink crosses it in every step, and its error there falls only like the step; but the kink holds the neuron, so that
    these errors do not add up across it, and more is allowed.
    """

    def measure_by(self, problem, rtol, least):
        """Sets the problem whose network tells sizes and sliding, the tolerance, and the size below which no neuron is resolved."""
        self._network, self._X, self._rtol, self._least = problem.network, problem.data.X, rtol, least

    def _estimate_error_norm(self, K, h, scale):
        own = np.maximum(getattr(self._network, "sizes", root_mean_square)(self.y), self._least)
        if hasattr(self._network, "sliding"):
            stages = self.y + h * np.vstack([self.A, self.B]) @ K[:-1]
            own = own * np.where(self._network.sliding(stages, K, self._X), np.clip(_SLIDING / self._rtol, 1, 20), 1)
        return root_mean_square(h * (self.E @ K) / own) / self._rtol


def root_mean_square(theta):
    """The root mean square of all weights."""
    return np.linalg.norm(theta) / np.sqrt(len(theta))
