"""diffrax beside gradient_flow: a process in an environment of its own (`make peers`) that `tests/bench.py flow` asks, one question a line.

    {"X": …, "y": …, "theta0": …, "activation": "tanh", "t_end": 3.0, "rtol": 1e-6, "solver": "Tsit5"} → {"theta": …, "compiling": s, "seconds": s}

The first question about a problem compiles it; later ones are timed. float64, one thread, error control weight by weight as in gradient_flow.
"""

import json
import os
import sys
import time

os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"

import diffrax
import jax
import jax.numpy as jnp
import numpy as np

jax.config.update("jax_enable_x64", True)
ACTIVATIONS = {"tanh": jnp.tanh, "x**2*tanh(x)": lambda z: z * z * jnp.tanh(z), "relu": jax.nn.relu}


def solver_of(X, y, activation, solver, size):
    """The compiled flow of ½Σ(f(x_i) − y_i)² for f(x) = Σ_j a_j σ(w_j·x): (θ(0), t_end, rtol) ↦ θ(t_end)."""
    X, y, act, stepper = jnp.array(X), jnp.array(y), ACTIVATIONS[activation], getattr(diffrax, solver)()
    inputs = size // (X.shape[1] + 1) * X.shape[1]

    def loss(theta):
        W, a = theta[:inputs].reshape(-1, X.shape[1]), theta[inputs:]
        return 0.5 * jnp.sum((act(X @ W.T) @ a - y) ** 2)

    term = diffrax.ODETerm(lambda t, theta, _: -jax.grad(loss)(theta))

    @jax.jit
    def solve(theta0, t_end, rtol):
        accuracy = diffrax.PIDController(rtol=rtol, atol=1e-3 * rtol * jnp.linalg.norm(theta0) / np.sqrt(size))
        return diffrax.diffeqsolve(term, stepper, 0.0, t_end, None, theta0, stepsize_controller=accuracy,
                                   saveat=diffrax.SaveAt(t1=True), max_steps=200_000).ys[0]

    return solve


def answers(lines):
    """The answer to each question."""
    known = {}
    for line in lines:
        asked = json.loads(line)
        theta0, told = jnp.array(asked["theta0"]), [asked[name] for name in ("X", "y", "activation", "solver")] + [len(asked["theta0"])]
        key, new = json.dumps(told), json.dumps(told) not in known
        solve = known.setdefault(key, solver_of(*told))
        began = time.perf_counter()
        theta = solve(theta0, asked["t_end"], asked["rtol"]).block_until_ready()
        took = time.perf_counter() - began
        yield {"theta": theta.tolist(), "compiling" if new else "seconds": took}


if __name__ == "__main__":
    for answer in answers(sys.stdin):
        print(json.dumps(answer), flush=True)
