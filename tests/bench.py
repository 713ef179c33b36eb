"""What the course promises, measured side by side in one run and printed as a table.

    python tests/bench.py             everything
    python tests/bench.py flow        the rows of one group: flow, relu, escape, condensation, saddles, descent, explorer, notebook, suite
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np

import helpers

SEEDS = 20
os.environ["CLAIM_SEEDS"] = str(SEEDS)  # of the claims' functions that the rows below call
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


# ------------------------------------------------------------------------------------------------- one pass, and peers


PEER = Path(__file__).parent.parent / ".venv-peers" / "bin" / "python"
ACCURATE = 1e-5  # the relative error of θ that each method, with its loosest tolerance that gives it, may have


def passes():
    """What a step asks for, against the same written out in numpy for tanh alone."""
    for d, m, n in ((2, 60, 40), (2, 500, 40), (64, 100, 360)):
        random = np.random.default_rng(0)
        data = helpers.data.Dataset(random.standard_normal((n, d)), random.standard_normal(n))
        motion, theta = helpers.Problem(helpers.TwoLayer(m), data).motion(), 0.1 * random.standard_normal(m * (d + 1))
        by_hand, count = tanh_by_hand(data.X, data.y, m), 100_000 // (m + n)
        times = [[seconds(partial(repeated, call, theta, count))[0] for call in (motion, by_hand)] for _ in range(30)]
        ours, theirs = np.min(times, axis=0)
        row(f"velocity, (d, m, n) = {d, m, n}: time over the same line of numpy by hand", f"{ours / theirs:.2f}", "≤ 1.25", ours <= 1.25 * theirs)


def repeated(call, argument, count):
    for _ in range(count):
        call(argument)


def tanh_by_hand(X, y, m):
    """−∇L(θ) in place: σ, then 1 − σ² over it, times a, times r, one product."""
    def velocity(theta):
        W, a = theta[:X.shape[1] * m].reshape(m, -1), theta[X.shape[1] * m:]
        s = X @ W.T
        np.tanh(s, out=s)
        r, result = y - s @ a, np.empty_like(theta)
        result[W.size:] = r @ s
        np.multiply(s, s, out=s)
        np.subtract(1, s, out=s)
        s *= a
        s *= r[:, None]
        np.matmul(s.T, X, out=result[:W.size].reshape(W.shape))
        return result
    return velocity


def peers():
    """gradient_flow against diffrax, compiled, each with the loosest tolerance that keeps the error."""
    if not PEER.exists():
        row("gradient_flow against diffrax", "skipped", "not installed: make peers")
        return
    with subprocess.Popen([PEER, Path(__file__).with_name("peers.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8") as peer:
        for d, m, activation, scale, most in ((2, 60, "tanh", 1e-3, 2), (10, 60, "tanh", 1e-3, 2), (10, 500, "tanh", 1e-3, 1), (784, 100, "tanh", 1e-3, 1),
                                              (2, 60, "x**2*tanh(x)", 0.3, 2), (2, 60, "relu", 1e-3, 2)):
            beside_diffrax(peer, d, m, activation, scale, most)
        peer.stdin.close()


def beside_diffrax(peer, d, m, activation, scale, most):
    random = np.random.default_rng(0)
    X = random.standard_normal((40, d)) * min(1, np.sqrt(10 / d))
    data, network = helpers.data.Dataset(X, np.sin(X @ random.standard_normal(d))), helpers.TwoLayer(m, activation)
    problem, theta0, accurate = helpers.Problem(network, data), network.init(d, scale, seed=0), 1e-3 if network.kinked else ACCURATE
    t_end = helpers.gradient_flow(problem, theta0, 1e3, helpers.stop_at(loss=0.1 * problem.loss(theta0))).t[-1]
    exact = helpers.gradient_flow(problem, theta0, t_end, rtol=1e-7 if network.kinked else 1e-11, max_evaluations=10**6).theta[-1]

    def asked(solver, rtol):
        question = {"X": X.tolist(), "y": data.y.tolist(), "theta0": theta0.tolist(), "activation": activation, "t_end": t_end, "rtol": rtol, "solver": solver}
        peer.stdin.write(json.dumps(question) + "\n")
        peer.stdin.flush()
        return json.loads(peer.stdout.readline())

    tolerances = (3e-4, 1e-4, 3e-5, 1e-5, 3e-6, 1e-6, 3e-7, 1e-7)
    ways = {"ours": lambda rtol: helpers.gradient_flow(problem, theta0, t_end, rtol=rtol, max_evaluations=10**6).theta[-1]}
    compiling = {solver: asked(solver, 1e-3)["compiling"] for solver in ("Tsit5", "Dopri8")}
    ways |= {solver: lambda rtol, solver=solver: np.array(asked(solver, rtol)["theta"]) for solver in compiling}
    loosest = {way: next((rtol for rtol in tolerances if distance(call(rtol), exact) <= accurate), tolerances[-1]) for way, call in ways.items()}
    times = [[seconds(lambda: ways["ours"](loosest["ours"]))[0], *(asked(solver, loosest[solver])["seconds"] for solver in compiling)] for _ in range(7)]
    ours, *theirs = np.min(times, axis=0)
    best = min(theirs)
    row(f"gradient_flow, {activation}, {d} inputs, {m} neurons: time over diffrax's faster one", f"{ours / best:.2f}", f"≤ {most}", ours <= most * best)
    for way, took in zip(ways, (ours, *theirs), strict=True):
        row(f"    {way}: ms, its rtol, its error, seconds of compiling", f"{1e3 * took:.1f}",
            f"{loosest[way]:.0e}, {distance(ways[way](loosest[way]), exact):.0e}, {compiling.get(way, 0):.1f}")
    row("    time with compiling over diffrax's", f"{ours / min(s + c for s, c in zip(theirs, compiling.values(), strict=True)):.3f}", "< 1",
        ours < min(s + c for s, c in zip(theirs, compiling.values(), strict=True)))


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


# ------------------------------------------------------------------------------------------------- the NCF and its forecasts


def escape():
    """Escape times against the forecast, KKT points against a scan, ascents against a general optimizer, and what each costs."""
    escape_times()
    goals()
    for activation in ("linear", "z**2", "z**3", "z**4", "z**5", "relu"):
        kkt_points(activation)
    residuals()
    for activation in ("z**2", "z**3", "relu"):
        ascents(activation)
    for activation in ("tanh", "x*tanh(x)", "x**2*tanh(x)", "relu"):
        forecasts(activation)
    from helpers.explorers import escape as module
    computes("escape_explorer", module)


def escape_times(seeds=20):
    """20 neurons on six points of the circle: the time to ‖θ‖ = 0.15 per power of ten for degree 2, δ^(L−2) T beyond, the worst of so many seeds."""
    for activation, scales, bound in (("tanh", (1e-2, 1e-5), 0.005), ("x*tanh(x)", (1e-3, 1e-5), 0.01), ("x**2*tanh(x)", (1e-3, 1e-5), 0.01)):
        problem = helpers.Problem(helpers.TwoLayer(20, activation), helpers.data.spokes())
        L, measured = helpers.ncf.degree(problem), []
        for seed in range(seeds):
            starts = [problem.network.init(2, scale, seed) for scale in scales]
            ahead = helpers.predict.forecast(problem, problem.network.init(2, 1.0, seed))
            times = [helpers.escape_time(problem, theta0, norm=0.15) for theta0 in starts]
            if L == 2:
                measured.append(((times[1] - times[0]) / np.log10(scales[0] / scales[1]), np.log(10) / (2 * ahead.rate.max())))
            else:
                measured += [(time * scale ** (L - 2), ahead.blow_up.min()) for time, scale in zip(times, scales, strict=True)]
        found, predicted = max(measured, key=lambda pair: abs(pair[0] / pair[1] - 1))
        off = abs(found / predicted - 1)
        what = "time per power of ten of δ" if L == 2 else f"δ^{L - 2} T at δ = 1e-3 and 1e-5"
        row(f"escape, L = {L}, {activation}: {what}, worst of {seeds} seeds (predicted {predicted:.4f})", f"{found:.4f}", f"± {100 * bound:g} %", off <= bound)


def goals():
    """How often training arrives where the forecast says: the claims of lessons 2 and 3, over 20 seeds."""
    from test_claims_escape import seeds_with_the_named_winner
    from test_claims_kkt import OTHERS, hits
    for activation, least in (("tanh", 0.99), ("z**2", 0.99), ("z**3", 0.99), ("relu", 0.95)):
        share = min(hits(activation, data) for data in OTHERS)
        row(f"goals hit within 10°, {activation}, 20 seeds, worse of 2 data sets (neurons growing tenfold)", f"{share:.1%}", f"≥ {least:.0%}", share >= least)
    named = min(map(seeds_with_the_named_winner, (1e-4, 1e-5, 1e-6)))
    row("winner named in advance, its direction to 1°, x*tanh(x), worst of 3 scales", f"{named} of 20", "≥ 19", named >= 19)


def residuals(seeds=5):
    """KKT residuals of known KKT points, and the layers' shares of the norm at the escape of deep networks."""
    import test_claims_kkt as claims
    for activation in ("linear", *claims.SPARSE):
        largest = max(residual for seed in range(seeds) for residual in claims.rank_one_residuals(activation, seed))
        row(f"rank-one points of a deep network, {activation}: KKT residual, worst of {seeds} seeds", f"{largest:.0e}", "≤ 1e-8", largest <= 1e-8)
    largest = max(residual for seed in range(100) for residual in claims.residuals_on_kinks(seed))
    row("ReLU, extremes on kinks of 100 data sets: Clarke KKT residual", f"{largest:.0e}", "≤ 1e-6", largest <= 1e-6)
    for activation in claims.DEEP:
        tasks = [claims.deep_problem(activation, seed) for seed in range(seeds)]
        gap = max(claims.share_gap(task, claims.escaped(task, seed)) for seed, task in enumerate(tasks))
        row(f"layer shares of a deep network, {activation}: gap to p^(D−l)/L, worst of {seeds} seeds", f"{gap:.0e}", "≤ 1e-4", gap <= 1e-4)


def kkt_points(activation, sets=1000):
    """Critical directions on the circle against a scan of 36,000 angles, on random data sets."""
    from scan import compare
    took, (misses, extras, extrema) = seconds(lambda: compare(activation, sets, seed=1))
    row(f"critical_directions, {activation}, {sets} data sets, {extrema} extrema in a scan of 36,000 angles: missed, too many ({took:.0f} s)",
        f"{misses}, {extras}", "0, 0", misses == extras == 0)


def ascents(activation, starts=1000):
    """Ascents from random starts, n = 100 Gaussian points in D = 10, beside scipy's SLSQP from the same starts."""
    random = np.random.default_rng(0)
    X, y, U = random.standard_normal((100, 10)), random.standard_normal(100), random.standard_normal((starts, 10))
    problem = helpers.Problem(helpers.TwoLayer(1, activation), helpers.data.Dataset(X, y))
    took, ours = seconds(lambda: helpers.ncf.ascend(problem, U))
    row(f"ascend, {activation}, D = 10, n = 100, {starts} starts: s", f"{took:.2f}", "≤ 1", took <= 1)
    row("    largest KKT residual", f"{ours.residuals.max():.0e}", "≤ 1e-8", ours.residuals.max() <= 1e-8)
    slow, ends = seconds(lambda: slsqp(problem, U / np.linalg.norm(U, axis=1, keepdims=True)))
    ends = ends[(np.abs(ends) < 2).all(axis=1)]  # some starts run away
    arrived = ends[np.linalg.norm(ends - helpers.ncf.ascend(problem, ends).directions, axis=1) < 1e-3]  # at a maximum, to 1e-3
    row("    scipy SLSQP, same starts: time per start over ours", f"{slow / took:.0f}×", f"({1e3 * slow / starts:.1f} ms against {1e3 * took / starts:.2f} ms)")
    row("    starts that SLSQP brings to a maximum, to 1e-3", f"{len(arrived) / starts:.1%}")
    mine, theirs = distinct(ours.directions), distinct(arrived)
    missed = sum(np.linalg.norm(mine - direction, axis=1).min() > 2e-3 for direction in theirs)
    F = helpers.ncf.correlation(problem)
    row("    maxima found: ours, SLSQP's (of these not ours)", f"{len(mine)}, {len(theirs)} ({missed})", "ours ≥ SLSQP's", len(mine) >= len(theirs))
    row("    the highest: ours over SLSQP's", f"{ours.values.max() / F.value(theirs).max():.9f}", "≥ 1 − 1e-9", ours.values.max() >= (1 - 1e-9) * F.value(theirs).max())


def slsqp(problem, units):
    """Where scipy's SLSQP ends (k, D), maximizing F on the unit sphere from each unit vector."""
    from scipy.optimize import minimize
    X, sigma = problem.data.X, problem.network.activation
    z = problem.z / np.abs(problem.z @ sigma.function(X @ units.T)).max()  # so that F is of size 1
    sphere = {"type": "eq", "fun": lambda u: u @ u - 1, "jac": lambda u: 2 * u}
    with np.errstate(all="ignore"):
        return np.array([minimize(lambda u: -z @ sigma.function(X @ u), u, jac=lambda u: -(z * sigma.derivative(X @ u)) @ X, method="SLSQP",
                                  constraints=sphere, options={"ftol": 1e-12, "maxiter": 500}).x for u in units])


def distinct(directions):
    """One of each group of directions that are within 1e-3 of each other."""
    kept = np.empty((0, directions.shape[1]))
    for direction in directions:
        if np.linalg.norm(kept - direction, axis=1).min(initial=np.inf) > 1e-3:
            kept = np.vstack([kept, direction])
    return kept


def forecasts(activation):
    """The cost of a forecast and its escape time, beside that of one run of training to the same norm."""
    for width in (20, 100):
        problem = helpers.Problem(helpers.TwoLayer(width, activation), helpers.data.spokes())
        took = np.array([forecast_and_training(problem, problem.network.init(2, 1e-4, seed)) for seed in range(10)])
        ahead, trained = 1e3 * np.median(took, axis=0)
        row(f"forecast with escape time, {activation}, {width} neurons, median of 10 seeds: ms (training to ‖θ‖ = 0.15: ms)", f"{ahead:.0f}", f"({trained:.0f})")


def forecast_and_training(problem, theta0):
    """Seconds of each."""
    return (seconds(lambda: helpers.predict.forecast(problem, theta0).escape_time(0.15))[0], seconds(lambda: helpers.escape_time(problem, theta0, norm=0.15))[0])


def computes(name, module, count=100, **fixed):
    """An explorer's compute over random settings, some of them fixed or of a few values."""
    random = np.random.default_rng(0)
    values = {control.name: list(control.describe()["values"]) for control in module.CONTROLS} | fixed
    settings = [{name: grid[random.integers(len(grid))] for name, grid in values.items()} for _ in range(count)]
    module.compute(**settings[0])
    took = 1e3 * np.array([seconds(lambda chosen=chosen: module.compute(**chosen))[0] for chosen in settings])
    row(f"{name}, a run at {count} random settings: median, ms (95th percentile, ms)", f"{np.median(took):.0f}", f"({np.percentile(took, 95):.0f})")


# ------------------------------------------------------------------------------------------------- condensation


def condensation():
    """The numbers of critical and attracting lines, the alignment for p = 1, and networks after merging: the claims of lesson 5."""
    import test_claims_condensation as claims
    for p in range(1, 6):
        one_input(claims, p)
    for name, kind, wanted in (("indefinite", False, 2), ("definite", True, 1)):
        tasks = [claims.form_problem("z**2", D, seed, kind) for D in range(2, 11) for seed in range(40)]
        tasks = [task for task in tasks if (np.prod(claims.values_of_form(task)[[0, -1]]) > 0) == kind]
        counts = {len(helpers.lines.attracting_lines(task).lines) for task in tasks}
        row(f"p = 2, Σ z x xᵀ {name}, {len(tasks)} data sets in D = 2 … 10: attracting lines", f"{counts}", f"{wanted}", counts == {wanted})
    for n in (3, 4, 6, 10):
        found = helpers.lines.attracting_lines(helpers.Problem(helpers.TwoLayer(1, "z**3"), helpers.data.orthonormal(np.ones(n))))
        row(f"p = 3, {n} orthonormal inputs: attracting lines", len(found.lines), f"{n}", len(found.lines) == n)
    for scale, least in ((1e-3, 0.75), (1e-6, 0.95), (1e-9, 0.99)):
        share = np.mean([claims.cosines(scale, seed) > 0.99 for seed in range(20)])
        row(f"p = 1, five inputs, ‖θ‖ = √δ, δ = {scale:g}: |cos| > 0.99, 20 seeds × 50 neurons", f"{share:.1%}", f"≥ {least:.0%}", share >= least)
    scales = 10.0 ** np.arange(-7, -1)
    slope = np.polyfit(np.log(scales), np.log([np.median([claims.median_angle(scale, seed) for seed in range(20)]) for scale in scales]), 1)[0]
    row("    slope of the median angle against δ, log-log", f"{slope:.4f}", "0.5 ± 0.02", abs(slope - 0.5) <= 0.02)
    from helpers.explorers import condense as module
    computes("condense_explorer, flow, at most 100 neurons", module, count=200, optimizer=["gradient flow"], width=list(range(10, 101, 10)))
    for activation, most in (("tanh", 2), ("relu", 2)):
        widths, errors = zip(*(claims.merging(activation, helpers.TwoLayer(50).init(64, 1e-3, seed), 0.5) for seed in range(5)), strict=True)
        row(f"digits, 50 {activation} neurons, loss down 50 %, merged: neurons; change of the outputs, worst of 5", f"{max(widths)}; {max(errors):.1e}", f"≤ {most}; ≤ 1e-2",
            max(widths) <= most and max(errors) <= 1e-2)


def one_input(claims, p, sets=2000):
    """The critical lines of random data with one input and a bias, as roots of a polynomial and by a scan of 3,600 angles."""
    angle = np.pi * (np.arange(3600) + 0.5) / 3600
    counts, differ = [], 0
    for seed in range(sets):
        X, y = claims.random_line(seed)
        P = claims.polynomial(X, y, p)
        counts.append(len(claims.real_roots(P)))
        turn = sum(label * (np.cos(angle) * x + np.sin(angle)) ** (p - 1) * (x * np.sin(angle) - np.cos(angle)) for x, label in zip(X, y, strict=True))
        differ += counts[-1] != np.sum(np.sign(turn) != np.sign(np.append(turn[1:], (-1) ** p * turn[0])))
    row(f"one input, p = {p}, {sets} data sets: most critical lines; sets in which a scan of 3,600 angles differs", f"{max(counts)}; {differ}", f"{p}; 0", max(counts) == p and not differ)


# ------------------------------------------------------------------------------------------------- saddles


def saddles(seeds=20):
    """The next step read off at each plateau, beside what training does; drop times against the scale; closed forms: the claims of lesson 4."""
    import test_claims_saddles as claims
    for name, steps in claims.STEPS.items():
        found = [claims.errors_from(name, seed) for seed in range(seeds)]
        whole = [error for error, _ in found if len(error) == steps]
        true = sum(bool((error < claims.ALLOWED).all()) for error in whole)
        row(f"{name}, δ = 1e-8: all {steps} steps within 2°, 10 % of the wait, 2 % of the drop", f"{true} of {seeds}", f"≥ {0.9 * seeds:.0f}", true >= 0.9 * seeds)
        worst = np.nanmax(np.concatenate(whole), axis=0)
        row("    the worst: degrees; share of the wait; share of the drop", f"{worst[0]:.2g}; {worst[1]:.1e}; {worst[2]:.1e}")
        evaluations = max(count for _, count in found)
        row("    evaluations of a run, the most", evaluations, "≤ 30000", evaluations <= 30_000)
    scales = 10.0 ** np.arange(-2, -9, -1)
    for k, name in enumerate(("first", "second")):
        off = max(abs(relu_slope(claims, scales, seed, k)) for seed in range(5))
        row(f"ReLU, two orthogonal points, δ = 1e-2 … 1e-8: slope of the {name} drop time off by", f"{off:.2%}", "≤ 1 %", off <= 0.01)
    problem, predicted, _ = claims.two_peaks()
    off = max(np.abs(claims.delays(problem, 1e-8, 1e-10, seed)[:2] / predicted - 1).max() for seed in range(seeds))
    row("squared ReLU, two peaks: delays of both drops per e-fold of 1/δ off by, the worst", f"{off:.1e}", "≤ 1e-2", off <= 0.01)
    off = max(np.abs(claims.jump_delays(seed) / claims.jump_times(claims.regression(seed).data) - 1).max() for seed in range(seeds))
    row("diagonal: delays of three jumps per e-fold of 1/α off by, the worst", f"{off:.1e}", "≤ 1e-2", off <= 0.01)
    far = max(claims.least(seed, 1e-8)[0] for seed in range(seeds))
    row("    end from α = 1e-8, distance from the linear program's β, the worst", f"{far:.1e}", "≤ 1e-3", far <= 1e-3)
    curves, times = zip(*(claims.off_sigmoids(claims.factors(seed, 6), seed) for seed in range(seeds)), strict=True)
    row("deep linear, two layers: singular values off their exact curves by, the worst", f"{np.max(curves):.1e}", "≤ 1e-3", np.max(curves) <= 1e-3)
    row("    times of the three drops off by, relative, the worst", f"{np.abs(times).max():.1e}", "≤ 1e-2", np.abs(times).max() <= 0.01)


def relu_slope(claims, scales, seed, drop):
    """The slope of the time of the first or second drop against ln(1/δ), relative to 1/‖D‖, less 1."""
    pair = claims.pair()
    problem, pulls = helpers.Problem(claims.RELU, pair), [np.linalg.norm(pair.X.T @ np.where(sign * pair.y > 0, pair.y, 0)) for sign in (1, -1)]
    times = [helpers.escape_time(problem, claims.RELU.init(2, scale, seed), (0.25, 0.75)[drop]) for scale in scales]
    return np.polyfit(np.log(1 / scales), times, 1)[0] * pulls[drop] - 1


# ------------------------------------------------------------------------------------------------- descent


def descent(seeds=20):
    """Gradient descent beside the flow: the claims of lesson 6, the ends of the Hessian's spectrum and other ways to them, and four networks on ten digits."""
    import test_claims_descent as claims
    euler(claims, seeds)
    phase_plane(claims, seeds)
    hessians()
    from helpers.vision import NETWORKS
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        took, found = seconds(lambda: list(pool.map(on_digits, NETWORKS[::-1])))  # the longest first
    row("four networks on 200 digits, η = 0.01 and η/2, η/5, η/10, η/20, t = 10, two processes: minutes", f"{took / 60:.1f}", "≤ 10", took <= 600)
    for name, measured in zip(NETWORKS, found[::-1], strict=True):
        digits_rows(name, **measured)
    same_accuracy()


def same_accuracy(step=0.01, steps=1000):
    """The linear network's flow on digits as the paper gets it, by gradient descent with η/20, and by gradient_flow with the loosest tolerance that is as good."""
    problem, theta0 = digits_problem("linear")
    took, descent = seconds(lambda: helpers.gradient_descent(problem, theta0, step / 20, 20 * steps, record=range(0, 20 * steps + 1, 200)))
    exact = helpers.gradient_flow(problem, theta0, step * steps, rtol=1e-9).at(descent.t)
    error = np.linalg.norm(descent.theta - exact, axis=1).max()
    for rtol in 10.0 ** -np.arange(2, 9):
        flow_took, flow = seconds(lambda rtol=rtol: helpers.gradient_flow(problem, theta0, step * steps, rtol=rtol))
        reached = np.linalg.norm(flow.at(descent.t) - exact, axis=1).max()
        if reached <= error:
            break
    row("linear: time of η/20 over that of gradient_flow, of the same accuracy", f"{took / flow_took:.0f}×", f"({error:.1e} with 20,000 gradients, {reached:.1e} with {flow.evaluations})")


def euler(claims, seeds):
    """Distances from the flow on random smooth problems, and the lag of the escape."""
    found = np.array([claims.trials(seed) for seed in range(seeds)])
    row(f"{seeds} smooth problems, ηλ_max = 0.2, 0.1, 0.05: distance over the theorem's form, the worst", f"{found[..., 0].max():.2f}", "≤ 1", found[..., 0].max() <= 1)
    excess = found[..., 1].max(axis=0) - 1
    row("    over the sharp form, the worst at each step: falls with η", " ".join(f"{1 + over:.3f}" for over in excess), "→ 1", (excess[1:] <= 0.6 * excess[:-1]).all())
    for name, measure, expected, allowed in (("distance from the flow", claims.order, 1, 0.02), ("distance from the modified flow", claims.modified_order, 2, 0.05)):
        slopes = np.array([measure(seed) for seed in range(seeds)])
        off = np.abs(slopes - expected).max()
        row(f"    {name}: slope against the step", f"{slopes.min():.3f} … {slopes.max():.3f}", f"{expected} ± {allowed}", off <= allowed)
    off = max(abs(claims.lag_over_law(depth, r0, r, step) - 1) for depth, r0 in claims.LAGS for r in (0.3, 0.7, 0.9) for step in (0.1, 0.02))
    row("equal weights, n = 2, 3, 4: lag off (η/2) ln(g(r)/g(r₀)), the worst", f"{off:.1%}", "≤ 2 %", off <= 0.02)
    for name, (degree, larger, smaller, _) in claims.DECADES.items():
        alone = claims.alone(name, range(seeds // 2))
        off = max(abs(claims.steps_per_decade(name, larger, smaller, seed) / ((degree - 1) * np.log(10) / 2) - 1) for seed in alone)
        row(f"    {name}, {len(alone)} random starts: steps per decade of δ off ½(L − 1) ln 10, the worst", f"{off:.1%}", "≤ 2 %", off <= 0.02)


def phase_plane(claims, seeds):
    """Balanced deep linear networks beside their closed form, their curvature, and whether gradient descent arrives."""
    for depth in (2, 3, 4):
        off = max(claims.off_closed_form(depth, 0.05, nu0, seed) for seed in range(seeds) for nu0 in claims.COSINES)
        row(f"depth {depth}: (ρ, ν) of the matrices off the closed form, the worst", f"{off:.0e}", "≤ 1e-6", off <= 1e-6)
        off = max(abs(claims.half_over_law(depth, 1e-4, nu0, seed) - 1) for seed in range(seeds // 4) for nu0 in claims.COSINES)
        row("    time to ρ = ½ off its law, ν₀ from 1 to −0.99, the worst", f"{off:.1e}", "≤ 1e-2", off <= 0.01)
        off = max(abs(claims.integral_per_decade(depth, claims.cosine(seed), seed) - 1) for seed in range(seeds))
        row("    ∫−λ_min dt per decade of ρ₀ off ((n − 1)/n) ln 10, the worst", f"{off:.1%}", "≤ 5 %", off <= 0.05)
        took, (arrived, _) = seconds(lambda depth=depth: claims.arrivals(depth, 1000, 1.8 / depth, most=200_000))
        row(f"    random balanced starts that arrive with η = 1.8/n ({took:.0f} s)", f"{arrived.sum()} of 1000", "1000", arrived.all())


def hessians():
    """100 tanh neurons, 40 points with 4 inputs: λ_min and λ_max at points of one run."""
    from helpers.curvature import hessian_extremes
    X = np.random.default_rng(0).standard_normal((40, 4))
    data = helpers.data.Dataset(X, np.sin(X @ [1.5, 0.7, -1, 0.4]))
    problem = helpers.Problem(helpers.TwoLayer(100), data)
    theta0 = problem.network.init(4, 1e-2, seed=0)
    run = helpers.gradient_flow(problem, theta0, 1e3, helpers.stop_at(loss=0.1 * problem.loss(theta0)))
    thetas = run.at(run.frames(100))
    took, full = seconds(lambda: hessian_extremes(problem, thetas, "full"))
    row("λ_min and λ_max at 100 points, 500 weights, all eigenvalues: s", f"{took:.1f}", "≤ 10", took <= 10)
    lanczos_took, lanczos = seconds(lambda: hessian_extremes(problem, thetas, "lanczos"))
    off = (np.abs(lanczos - full).max(axis=1) / np.abs(full).max(axis=1)).max()
    row("    the same by Lanczos: s", f"{lanczos_took:.1f}")
    row("    largest difference, relative to the larger end", f"{off:.0e}", "≤ 1e-6", off <= 1e-6)
    few = thetas[::10]
    times, by_torch = torch_extremes(data, few)
    ours = min(seconds(lambda: hessian_extremes(problem, few, "full"))[0] for _ in range(3))
    row("    torch.func.hessian and eigvalsh: time over ours (largest difference)", f"{times / ours:.1f}×", f"({np.abs(by_torch - full[::10]).max():.0e})")
    v = np.random.default_rng(1).standard_normal(500)
    product = min(seconds(lambda: problem.hessian_product(thetas[50], v))[0] for _ in range(100))
    row("    one product ∇²L v by torch.func (jvp of grad): time over ours", f"{torch_product(data, thetas[50], v) / product:.1f}×", f"({1e3 * product:.2f} ms)")


    by_curvlinops()


def by_curvlinops():
    """A torch network with 3,700 weights on digits: both ends by Lanczos, ours and scipy's on products of curvlinops, which brings torchvision and is no dependency."""
    import torch
    from scipy.sparse.linalg import eigsh
    digits, module = helpers.data.ten_digits(200), torch.nn.Sequential(torch.nn.Linear(64, 50, bias=False), torch.nn.Tanh(), torch.nn.Linear(50, 10, bias=False)).double()
    problem = helpers.Problem(helpers.TorchNetwork(module), digits, "cross_entropy", "mean")
    theta = problem.network.init(64, 8.0, seed=0)
    took, ours = min((seconds(lambda: helpers.hessian_extremes(problem, theta)) for _ in range(3)), key=lambda pair: pair[0])
    row("torch network, 3,700 weights: λ_min and λ_max by Lanczos, s a point", f"{took:.2f}")
    try:
        from curvlinops import HessianLinearOperator
    except ImportError:
        row("    by curvlinops: time over ours", "–", "(pip install curvlinops-for-pytorch)")
        return
    torch.nn.utils.vector_to_parameters(torch.from_numpy(theta), module.parameters())
    batch = [(torch.tensor(np.array(digits.X)), torch.tensor(np.array(digits.y)))]
    products = HessianLinearOperator(module, torch.nn.CrossEntropyLoss(), list(module.parameters()), batch, check_deterministic=False).to_scipy()
    theirs_took, theirs = seconds(lambda: np.sort(eigsh(products, 2, which="BE", v0=np.ones(len(theta)), tol=1e-8, return_eigenvectors=False)))
    row("    by curvlinops: time over ours (largest difference)", f"{theirs_took / took:.1f}×", f"({np.abs(theirs - ours).max():.0e})")


def two_layer_loss(data, width=100):
    """The loss of `width` tanh neurons as a torch function of θ."""
    import torch
    X, y = torch.tensor(np.array(data.X)), torch.tensor(np.array(data.y))
    inputs = width * data.dim
    return lambda theta: 0.5 * (torch.tanh(X @ theta[:inputs].view(width, -1).T) @ theta[inputs:] - y).square().sum()


def torch_extremes(data, thetas):
    """Seconds, the fewest of three, and λ_min and λ_max at the points by torch alone."""
    import torch
    hessian = torch.func.hessian(two_layer_loss(data))
    return min((seconds(lambda: np.array([torch.linalg.eigvalsh(hessian(torch.tensor(theta)))[[0, -1]].numpy() for theta in thetas])) for _ in range(3)),
               key=lambda pair: pair[0])


def torch_product(data, theta, v):
    """Seconds, the fewest of 100, of a Hessian-vector product by torch alone."""
    import torch
    gradient, point, direction = torch.func.grad(two_layer_loss(data)), torch.tensor(theta), torch.tensor(v)
    return min(seconds(lambda: torch.func.jvp(gradient, (point,), (direction,))[1])[0] for _ in range(100))


def digits_problem(name):
    """One of the four networks on 200 digits, and its start."""
    from helpers import vision
    problem = helpers.Problem(vision.network(name), helpers.data.ten_digits(200), loss="cross_entropy", reduction="mean")
    return problem, vision.xavier(problem.network, seed=1)


def on_digits(name, step=0.01, steps=1000):
    """What one of the four networks does on 200 digits with steps η, η/2, η/5, η/10, η/20, and its flow."""
    from helpers import vision
    from helpers.curvature import hessian_extremes
    problem, theta0 = digits_problem(name)
    runs = vision.descents(problem, theta0, step, steps)
    first, flow = runs[1], helpers.gradient_flow(problem, theta0, step * steps, rtol=1e-6)
    exact = flow.at(np.minimum(first.t, flow.t[-1]))
    gaps = {r: np.linalg.norm(first.theta - run.theta, axis=1)[1:] for r, run in runs.items() if r > 1}
    return {"losses": first.loss[[0, -1]], "loss_gap": np.abs(first.loss - runs[20].loss).max(), "moved": np.linalg.norm(first.theta[-1] - theta0),
            "sharpness": step * hessian_extremes(problem, first.theta[::20])[:, 1].max(), "evaluations": flow.evaluations,
            "gaps": [gap.max() for gap in gaps.values()], "ratios_off": max(np.abs(gap / gaps[20] * 0.95 / (1 - 1 / r) - 1).max() for r, gap in gaps.items()),
            "off_flow": [np.linalg.norm(runs[r].theta - exact, axis=1).max() for r in (1, 20)]}


def digits_rows(name, losses, loss_gap, moved, sharpness, evaluations, gaps, ratios_off, off_flow):
    """How far the runs of one network are from each other and from the flow; the distances have the ratios of a first-order error where there is no kink."""
    row(f"{name}: loss (largest ηλ_max)", f"{losses[0]:.2f} → {losses[1]:.3f}", f"({sharpness:.2f})")
    row("    loss with η and η/20, largest difference", f"{loss_gap:.4f}", "≤ 0.02", loss_gap <= 0.02)
    far = max(gaps) / moved
    row("    η from η/2, η/5, η/10, η/20: largest distance, share of the way moved", f"{far:.1%}", "≤ 3 %  " + ", ".join(f"{gap:.4f}" for gap in gaps), far <= 0.03)
    row("    these distances over 1 − 1/r: off each other by, at most", f"{ratios_off:.1%}", *(("≤ 2 %", ratios_off <= 0.02) if name == "linear" else ()))
    row("    gradient_flow, rtol 1e-6: evaluations (η/20: 20,000)", evaluations, f"η is {off_flow[0]:.1e} from it, η/20 {off_flow[1]:.1e}")


# ------------------------------------------------------------------------------------------------- explorers, notebooks


def explorer():
    """The explorers' pictures, and the explorers in JupyterLab in Chromium."""
    corners()
    first = scale_explorer_rows()
    for name in ("escape_explorer", "landscape_explorer", "sphere_explorer"):
        other_explorer_rows(name)
    for settings in ({"optimizer": "Adam"}, {"optimizer": "gradient flow"}, {"optimizer": "gradient flow", "width": 100, "data": "five dimensions"}):
        other_explorer_rows("condense_explorer", change_ms=150, run_kb=250, **settings)
    other_explorer_rows("staircase_explorer", change_ms=150, run_kb=100, network="deep linear, 2 layers")
    other_explorer_rows("staircase_explorer", change_ms=150, run_kb=100, network="squared ReLU")
    other_explorer_rows("euler_explorer", change_ms=150, control="angle")
    other_explorer_rows("descent_explorer", change_ms=150, new_ms=200, control="angle")  # to 175°, where runs are twenty times longer
    wide = measured_explorer("condense_explorer", optimizer="gradient flow", width=500)[0]
    scrub, beside = wide["scrub"]["p95_ms"], first["scrub"]["p95_ms"]
    row("condense_explorer, 500 neurons: scrub, 95th percentile, ms (lesson 1's at 500, same run)", f"{scrub:.0f} ({beside:.0f})", "≤ 1.2 of that", scrub <= 1.2 * beside)
    row("condense_explorer, 500 neurons: play, frames a second", f"{wide['play_fps']:.0f}", "≥ 50", wide["play_fps"] >= 50)


def corners():
    """The slowest picture of each explorer at the corners of its settings."""
    import test_explorer_condense
    import test_explorer_descent
    import test_explorer_escape
    import test_explorer_staircase

    from helpers.explorers import condense, descent, escape, euler, staircase
    for module, settings, most in ((escape, test_explorer_escape.corners(), 1), (condense, test_explorer_condense.corners(), 4),
                                   (staircase, test_explorer_staircase.corners(), 4), (euler, test_explorer_descent.euler_corners(), 1.5),
                                   (descent, test_explorer_descent.deep_corners(), 1.5)):
        slowest = max(seconds(lambda module=module, chosen=chosen: module.compute(**chosen))[0] for chosen in settings)
        name = module.__name__.rpartition(".")[2]
        row(f"{name}_explorer, a picture at every corner of its settings: the slowest, s", f"{slowest:.1f}", f"≤ {most}", slowest <= most)


def measured_explorer(name, control="seed", **settings):
    """The figures of an explorer at these settings, moved by one of its sliders, and the bytes of its run."""
    from bench_explorer import measure

    from helpers import explorers
    shown = getattr(explorers, name)(**({"seed": 10} if control == "seed" else {}), **settings)
    return measure(f"import helpers; {shown.code}", control=control, changes=0), len(shown.run)


def other_explorer_rows(name, change_ms=120, new_ms=150, settled_s=0.5, run_kb=200, control="seed", **settings):
    """A later explorer at its defaults, or with some settings, as fast as lesson 1's."""
    measured, size = measured_explorer(name, control, **settings)
    change, new, scrub = (measured[figure]["p95_ms"] for figure in ("set_change", "new_run", "scrub"))
    name = ", ".join([name, *map(str, settings.values())])
    row(f"{name}: set change, key to paint, 95th percentile, ms", f"{change:.0f}", f"≤ {change_ms}", change <= change_ms)
    row(f"{name}: new run, key to paint, 95th percentile of all values of {control}, ms", f"{new:.0f}", f"≤ {new_ms}", new <= new_ms)
    row(f"{name}: scrub, 95th percentile, ms", f"{scrub:.0f}", "≤ 25", scrub <= 25)
    row(f"{name}: settled after 200 quick keys, s", f"{measured['settled_after_200_keys_s']:.2f}", f"≤ {settled_s:g}", measured["settled_after_200_keys_s"] <= settled_s)
    row(f"{name}: play, frames a second", f"{measured['play_fps']:.0f}", "≥ 55", measured["play_fps"] >= 55)
    row(f"{name}: a run, kB", f"{size / 1e3:.0f}", f"≤ {run_kb}", size <= 1000 * run_kb)


def scale_explorer_rows():
    """The explorer of lesson 1; returns its figures at 500 neurons."""
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
    return measured


def notebook():
    """Every notebook, executed from start to end on a copy."""
    from execute import execute
    for path in NOTEBOOKS:
        with tempfile.TemporaryDirectory() as folder:
            took = execute(shutil.copy(path, folder))
        size = path.stat().st_size / 1e6
        longest = 90 if path.stem.startswith("06") else 60  # lesson 6 trains four networks, two of them convolutional
        row(f"{path.stem}: start to end, s", f"{took:.0f}", f"≤ {longest}", took <= longest)
        row(f"{path.stem}: file, MB", f"{size:.2f}", "≤ 1", size <= 1)


def suite():
    """All tests, as `make test` runs them, and the claims over 20 seeds, as `make claims` does."""
    claims = sorted(Path(__file__).parent.glob("test_claims_*.py"))
    for name, count, files, most in (("make test", 5, [], 5), ("make claims", SEEDS, claims, 10)):
        called, environment = [sys.executable, "-m", "pytest", "-q", *files], os.environ | {"CLAIM_SEEDS": str(count)}
        how = {"cwd": NOTEBOOKS[0].parent.parent, "env": environment, "capture_output": True, "encoding": "utf-8"}
        took, run = seconds(lambda called=called, how=how: subprocess.run(called, **how, check=False))
        said, green = run.stdout.strip().splitlines()[-1].strip("= "), run.returncode == 0 and took <= 60 * most
        row(f"{name}, after install: minutes ({said})", f"{took / 60:.1f}", f"≤ {most}", green)


if __name__ == "__main__":
    GROUPS = {"flow": lambda: (flow(), passes(), peers()), "relu": relu, "escape": escape, "condensation": condensation, "saddles": saddles, "descent": descent, "explorer": explorer, "notebook": notebook, "suite": suite}
    for group in sys.argv[1:] or GROUPS:
        GROUPS[group]()
