"""The NCF flow of any other degree: û′ = ∇N(û) − L N(û) û, (ln ρ)′ = L N(û), t′ = ρ^{−(L−2)}, for many blocks at once.

A block is a neuron of a two-layer network, or all weights of a deeper one; û is its direction, ρ its length over that at the start. On this clock no length blows up.
"""

import numpy as np
from scipy.integrate import DOP853, RK45

_LONGEST = 35.0  # ln of the growth after which a block is taken to be at its goal
_STEPS = 3000


def of_neurons(F):
    """N = a F(w) and its gradient for blocks (w, a), shape (m, D + 1)."""
    smooth = np.array_equal(F.plus, F.minus)

    def field(Y, _):
        w, a = Y[:, :-1], Y[:, -1]
        s = w @ F.lines.T
        push = (F.plus if smooth else np.where(s > 0, F.plus, F.minus)) * s ** (F.p - 1)
        value, gradient = np.einsum("ij,ij->i", push, s), np.empty_like(Y)
        gradient[:, :-1], gradient[:, -1] = (F.p * a)[:, None] * (push @ F.lines), value
        return a * value, gradient
    return field


def of_fixed_neurons(F, a):
    """N = a F(w) and its gradient for blocks w, shape (m, D), with fixed output weights."""
    return lambda W, live: (a[live] * F.value(W), a[live, None] * F.gradient(W))


def of_all_weights(frozen):
    """N and its gradient for the whole of θ, shape (1, P)."""
    motion = frozen.motion()

    def field(Y, _):
        loss, velocity = motion(Y[0])
        return np.array([-loss]), velocity[None]
    return field


def _lengths(rows):
    return np.sqrt(np.einsum("ij,ij->i", rows, rows))


def follow(field, degree, blocks, rough, dim=None, signs=None):
    """The paths of the blocks (m, ·); `dim` first entries of a block are its direction, the next, if there is one, its output weight."""
    size = np.linalg.norm(blocks, axis=1)
    Y, growth, tau, live = blocks / size[:, None], np.zeros(len(size)), np.zeros(len(size)), np.arange(len(size))
    N, gradient = field(Y, live)
    scale, near = np.zeros(len(size)), 1e-6 if rough else 1e-9  # scale: the steepest that each has met
    phases, rows = [], [np.column_stack([Y, growth, tau, N])]
    slow = degree - 3 if dim is not None and signs is None else 0

    def read(state):
        m = len(live)
        Y, growth, tau = state[:-2 * m].reshape(m, -1), state[-2 * m:-m], state[-m:]
        Y = Y / _lengths(Y)[:, None]
        return Y, growth, tau, *field(Y, live)

    def slope(_, state):
        Y, growth, _, N, gradient = read(state)
        pace, m = 1.0, len(live)
        if slow > 0:  # w turns at the pace ‖w‖^{p−2}: where it is small, on a clock of its own, so that no other waits for it
            pace = np.maximum(_lengths(Y[:, :dim]), 1e-50) ** -slow
        rates, faster = np.empty_like(state), degree * N * pace
        np.subtract((gradient.T * pace).T, faster[:, None] * Y, out=rates[:-2 * m].reshape(m, -1))
        rates[-2 * m:-m], rates[-m:] = faster, np.exp(np.minimum(-(degree - 2) * growth, 300)) * pace
        return rates

    def arrived(Y, growth, N, gradient):
        scale[live] = steep = np.maximum(scale[live], np.linalg.norm(gradient, axis=1))
        off = np.linalg.norm(gradient - degree * N[:, None] * Y, axis=1)
        there = (off <= near * steep) & ((N <= 0) | (off <= 1e-4 * degree * N))
        if dim is not None and signs is None:  # where w is small so is all of ∇N: there w must have found its direction too, by which a shrinking neuron may yet grow
            w, length = Y[:, :dim], np.linalg.norm(Y[:, :dim], axis=1)
            unit = w / np.maximum(length, 1e-300)[:, None]
            across = gradient[:, :dim] - np.sum(gradient[:, :dim] * unit, axis=1)[:, None] * unit
            there &= np.linalg.norm(across, axis=1) <= 1e3 * near * steep * length ** (degree - 2)
        return there | (growth > _LONGEST)

    done = arrived(Y, growth, N, gradient)
    while not done.all():  # the clock of the leaders is too slow for those far behind: these go on without them
        phases.append((live, np.array(rows)))
        start, live, rows = np.concatenate([Y[~done].ravel(), growth[~done], tau[~done]]), live[~done], []
        end = 1e9 / scale[live].max()
        solver = (RK45(slope, 0.0, start, end, rtol=1e-6, atol=1e-12) if rough
                  else DOP853(slope, 0.0, start, end, rtol=1e-9, atol=1e-13))
        for _ in range(_STEPS):
            solver.step()
            piece = solver.dense_output()
            for time in np.linspace(solver.t_old, solver.t, 5)[1:]:
                Y, growth, tau, N, gradient = read(piece(time))
                rows.append(np.column_stack([Y, growth, tau, N]))
            done = arrived(Y, growth, N, gradient)
            if done.all() or growth.max() > 3 * _LONGEST or solver.status != "running":
                break
        if not done.any():
            break
    lost = live[~done]
    P, curves, phases = blocks.shape[1], [], [*phases, (live, np.array(rows))]
    for j in range(len(blocks)):
        track = np.concatenate([part[:, np.searchsorted(here, j)] for here, part in phases if j in here])
        curves.append(Curve(degree, size[j], track[:, P + 1], track[:, P], track[:, P + 2], track[:, :P], dim, None if signs is None else signs[j], 1e-9 * scale[j], j in lost))
    return curves


class Table:
    """The curves of all blocks side by side: nodes (m, n), the last ones repeated."""

    def __init__(self, curves):
        within = np.minimum(np.arange(max(len(curve._tau) for curve in curves)), np.array([[len(curve._tau) - 1] for curve in curves]))
        self._bounded, self._nodes = curves[0]._degree - 2, [curve._tau for curve in curves]
        self._size, self._last = np.array([curve._size for curve in curves]), np.array([curve._last for curve in curves])
        self._tau, self._level, self._slope = (np.array([getattr(curve, name)[nodes] for curve, nodes in zip(curves, within, strict=True)])
                                               for name in ("_tau", "_level", "_slope"))

    def lengths(self, times):
        """The lengths (k, m): between nodes by cubics of ln ρ, or ρ^{−(L−2)}, beyond the last straight on, at the goal."""
        tau = times[:, None] * self._size**self._bounded
        inside = np.minimum(tau, self._tau[:, -1])
        before = np.column_stack([np.searchsorted(nodes[1:-1], column) for nodes, column in zip(self._nodes, inside.T, strict=True)])
        here = np.arange(len(self._size)), before
        there = here[0], np.minimum(before + 1, self._tau.shape[1] - 1)
        step = self._tau[there] - self._tau[here]
        x = (inside - self._tau[here]) / np.where(step > 0, step, 1.0)
        level = (self._level[here] + x**2 * (3 - 2 * x) * (self._level[there] - self._level[here])
                 + step * x * (1 - x) * ((1 - x) * self._slope[here] - x * self._slope[there]) + self._last * (tau - inside))
        if self._bounded:
            with np.errstate(divide="ignore", invalid="ignore"):
                level = np.where(level > 0, -np.log(level) / self._bounded, np.inf)
        return self._size * np.exp(level)


class Curve:
    """The path of one block over its own rescaled time τ = ρ₀^{L−2} t: a spline of ln ρ for L = 2, of ρ^{−(L−2)}, which ends at 0, for L > 2."""

    def __init__(self, degree, size, tau, growth, value, unit, dim, sign, floor, lost):
        self._degree, self._size, self._dim = degree, size, dim or unit.shape[1]
        later = np.concatenate([[True], np.diff(tau) > 1e-15 * tau[1:]])
        self._tau, self._unit = tau[later], unit[later]
        bounded = degree - 2
        self._level = growth[later] if not bounded else np.exp(-bounded * growth[later])
        self._slope = degree * value[later] * (1 if not bounded else -bounded)
        self.fate = "undecided" if lost else "grows" if value[-1] > floor else "freezes"
        grows = self.fate == "grows"
        at_rest = not grows and abs(value[-1]) <= 1e3 * floor and sign is None
        self._last = 0.0 if at_rest else self._slope[-1]
        self.rate = float(value[-1]) if grows else 0.0
        outward = sign if sign is not None else np.sign(unit[-1, dim]) if dim is not None else 1.0
        self.sign = outward if grows else 0.0
        ahead = unit[-1, :self._dim]
        self.goal = ahead / np.linalg.norm(ahead) if grows else np.full(self._dim, np.nan)
        self.blow_up = (float((self._tau[-1] + self._level[-1] / -self._slope[-1]) / size**bounded) if grows and bounded else np.inf)

    def direction(self, times):
        tau = np.asarray(times) * self._size ** (self._degree - 2)
        unit = np.column_stack([np.interp(tau, self._tau, column) for column in self._unit.T[:self._dim]])
        return unit / np.linalg.norm(unit, axis=1, keepdims=True)

    def time_of_length(self, length):
        """The time from which on it is longer than that (it grows, L = 2)."""
        wanted = np.log(length / self._size)
        if wanted > self._level[-1]:
            return self._tau[-1] + (wanted - self._level[-1]) / (self._degree * self.rate)
        return float(self._tau[np.flatnonzero(self._level < wanted)[-1] + 1]) if (self._level < wanted).any() else 0.0
