"""What the course promises, measured side by side in one run and printed as a table.

    python tests/bench.py             everything
    python tests/bench.py flow        the rows of one group: flow, relu, explorer, notebook, suite
"""

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import helpers

NOTEBOOKS = sorted((Path(__file__).parent.parent / "notebooks").glob("*.ipynb"))


def seconds(call):
    """(seconds, result) of a call."""
    began = time.perf_counter()
    result = call()
    return time.perf_counter() - began, result


def row(what, value, target="", reached=None):
    """One line of the table."""
    mark = "" if reached is None else "✓" if reached else "✗"
    print(f"{mark:<2}{what:<86}{value:>14}  {target}", flush=True)


# ------------------------------------------------------------------------------------------------- gradient flow, tanh


def flow():
    """60 tanh neurons, 40 points with 2 inputs, δ = 1e-3, until the loss fell by 90 %; beside it four other ways to the same point."""
    X = np.random.default_rng(0).standard_normal((40, 2))
    data = helpers.data.Dataset(X, np.sin(X @ [1.5, 0.7]))
    net = helpers.TwoLayer(60, "tanh")
    problem, theta0 = helpers.Problem(net, data), net.init(2, 1e-3, seed=0)
    level = 0.1 * problem.loss(theta0)
    stop = helpers.stop_at(loss=level)
    ours, run = min((seconds(lambda: helpers.gradient_flow(problem, theta0, 1e3, stop)) for _ in range(5)), key=lambda pair: pair[0])
    exact = helpers.gradient_flow(problem, theta0, 1e3, stop, rtol=1e-11)
    error = distance(run.theta[-1], exact.theta[-1])
    side = min(seconds(lambda: [problem.velocity(theta0) for _ in range(run.evaluations)])[0] for _ in range(5))
    row("gradient_flow, tanh, δ = 1e-3, loss −90 %: evaluations", run.evaluations, "≤ 1500", run.evaluations <= 1500)
    row("    relative error of θ", f"{error:.1e}", "≤ 1e-5", error <= 1e-5)
    row("    time over (evaluations × bare right-hand side)", f"{ours / side:.2f}", "≤ 2", ours <= 2 * side)
    for name, other in (("torch GD, step 1e-3, autograd", torch_descent), ("scipy RK45 over torch.func.grad, rtol 1e-6", scipy_over_torch),
                        ("torchdiffeq dopri5, closed form in torch, rtol 1e-6", torchdiffeq_dopri5)):
        took, theta = seconds(lambda other=other: other(data, theta0, run.t[-1]))
        row(f"    {name}: time over gradient_flow's (relative error of θ at the same time)", f"{took / ours:.0f}×", f"({distance(theta, exact.theta[-1]):.0e})")


def distance(theta, exact):
    return np.linalg.norm(theta - exact) / np.linalg.norm(exact)


def torch_loss(data):
    """The loss as a torch function of θ."""
    import torch
    X, y = torch.tensor(np.array(data.X)), torch.tensor(np.array(data.y))
    return lambda theta: 0.5 * (torch.tanh(X @ theta[:120].view(60, 2).T) @ theta[120:] - y).square().sum()


def torch_descent(data, theta0, t_end):
    """θ(t_end) by gradient descent with step 1e-3."""
    import torch
    loss, theta = torch_loss(data), torch.tensor(theta0, requires_grad=True)
    for _ in range(round(t_end / 1e-3)):
        (gradient,) = torch.autograd.grad(loss(theta), theta)
        theta = (theta - 1e-3 * gradient).detach().requires_grad_()
    return theta.detach().numpy()


def scipy_over_torch(data, theta0, t_end):
    """θ(t_end) by scipy's RK45 over torch.func.grad."""
    import torch
    from scipy.integrate import solve_ivp
    gradient = torch.func.grad(torch_loss(data))
    return solve_ivp(lambda _, theta: -gradient(torch.from_numpy(theta.copy())).numpy(), (0, t_end), theta0, rtol=1e-6, atol=1e-12).y[:, -1]


def torchdiffeq_dopri5(data, theta0, t_end):
    """θ(t_end) by torchdiffeq over the closed-form velocity."""
    import torch
    from torchdiffeq import odeint
    X, y = torch.tensor(np.array(data.X)), torch.tensor(np.array(data.y))

    def velocity(_, theta):
        W, a = theta[:120].view(60, 2), theta[120:]
        s = torch.tanh(X @ W.T)
        r = y - s @ a
        return torch.cat([((r[:, None] * (1 - s * s) * a).T @ X).flatten(), s.T @ r])

    with torch.no_grad():
        return odeint(velocity, torch.tensor(theta0), torch.tensor([0.0, t_end], dtype=torch.float64), rtol=1e-6, atol=1e-12, method="dopri5")[-1].numpy()


# ------------------------------------------------------------------------------------------------- gradient flow, ReLU


def relu(seeds=20, t_end=600.0):
    """20 ReLU neurons, 60 unit inputs of dimension 5, y = sin 2v·x, mean loss, δ = 1e-4, against Euler's method with step 2e-3.

    On rougher data (a ReLU teacher, noise labels) the flow itself is ill-conditioned, because a neuron may go to either side of a kink: there Euler's
    method with step 2e-3 differs from itself with step 1e-3 by more than 1e-3 on some seeds.
    """
    evaluations, errors, floors = [], [], []
    times = np.linspace(0, t_end, 3001)
    for seed in range(seeds):
        random = np.random.default_rng(seed)
        X = random.standard_normal((60, 5))
        X /= np.linalg.norm(X, axis=1, keepdims=True)
        v = random.standard_normal(5)
        problem = helpers.Problem(helpers.TwoLayer(20, "relu"), helpers.data.Dataset(X, np.sin(2 * X @ v / np.linalg.norm(v))), reduction="mean")
        theta0 = problem.network.init(5, 1e-4, seed)
        run = helpers.gradient_flow(problem, theta0, t_end)
        euler = euler_losses(problem, theta0, times, 2e-3)
        evaluations.append(run.evaluations)
        errors.append(np.abs([problem.loss(theta) for theta in run.at(times)] - euler).max() / euler[0])
        if seed < 5:
            floors.append(np.abs(euler_losses(problem, theta0, times, 1e-3) - euler).max() / euler[0])
    row(f"gradient_flow, ReLU, t = 600, {seeds} seeds: most evaluations", max(evaluations), "≤ 10000", max(evaluations) <= 10_000)
    row("    largest loss error at 3001 times against Euler 2e-3, over the initial loss: median", f"{np.median(errors):.1e}", "≤ 1e-3", np.median(errors) <= 1e-3)
    row("    seeds within 1e-3", f"{sum(e <= 1e-3 for e in errors)} of {seeds}", f"{seeds} of {seeds}", all(e <= 1e-3 for e in errors))
    row("    worst seed", f"{max(errors):.1e}")
    row("    for scale: Euler 2e-3 against Euler 1e-3, worst of 5 seeds", f"{max(floors):.1e}")


def euler_losses(problem, theta0, times, step):
    """Losses at `times` (multiples of the step) along Euler's method."""
    numbers = np.round(times / step).astype(int)
    return helpers.gradient_descent(problem, theta0, step, numbers[-1], record=numbers).loss


# ------------------------------------------------------------------------------------------------- explorers, notebooks


def explorer():
    """The explorer of lesson 1 in JupyterLab in Chromium."""
    from bench_explorer import measure

    from helpers.explorers import scale_explorer
    bytes_of_run = max(len(scale_explorer(scale=scale).run) for scale in (1e-6, 1e-3, 10.0))
    for width, frames in ((60, 55), (500, 50)):
        measured = measure(f"import helpers; helpers.explorers.scale_explorer(width={width})", control="scale", changes=500 if width == 60 else 0)
        name = f"explorer, {width} neurons"
        if width == 60:
            change, scrub = measured["set_change"]["p95_ms"], measured["scrub"]["p95_ms"]
            settled, growth = measured["settled_after_200_keys_s"], measured["memory_growth_percent_after_500_runs"]
            row(f"{name}: set change, key to paint, 95th percentile, ms", f"{change:.0f}", "≤ 120", change <= 120)
            row(f"{name}: scrub, 95th percentile, ms", f"{scrub:.0f}", "≤ 25", scrub <= 25)
            row(f"{name}: settled after 200 quick keys, s", f"{settled:.2f}", "≤ 0.5", settled <= 0.5)
            row(f"{name}: browser memory after 500 set changes, growth in %", f"{growth:.1f}", "≤ 5", growth <= 5)
            row(f"{name}: largest run, kB", f"{bytes_of_run / 1e3:.0f}", "≤ 200", bytes_of_run <= 200_000)
        row(f"{name}: play, frames a second", f"{measured['play_fps']:.0f}", f"≥ {frames}", measured["play_fps"] >= frames)


def notebook():
    """Every notebook, executed from start to end on a copy."""
    from execute import execute
    for path in NOTEBOOKS:
        with tempfile.TemporaryDirectory() as folder:
            took = execute(shutil.copy(path, folder))
        size = path.stat().st_size / 1e6
        row(f"{path.stem}: start to end, s", f"{took:.0f}", "≤ 60", took <= 60)
        row(f"{path.stem}: file, MB", f"{size:.2f}", "≤ 1", size <= 1)


def suite():
    """All tests, as `make test` runs them."""
    took, run = seconds(lambda: subprocess.run([sys.executable, "-m", "pytest", "-q"], cwd=NOTEBOOKS[0].parent.parent, capture_output=True, text=True, check=False))
    row(f"make test, after install: minutes ({run.stdout.strip().splitlines()[-1].strip('= ')})", f"{took / 60:.1f}", "≤ 8", took <= 480 and run.returncode == 0)


if __name__ == "__main__":
    GROUPS = {"flow": flow, "relu": relu, "explorer": explorer, "notebook": notebook, "suite": suite}
    for group in sys.argv[1:] or GROUPS:
        GROUPS[group]()
