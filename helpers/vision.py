"""The four networks of arXiv:2107.06608's experiments, sized for 8 × 8 images, and gradient descent with ever smaller steps on one clock.

The paper's networks take 28 × 28 images: 784–50–50–10 fully connected, or two convolutions with 5 × 5 filters (6 and 16 channels) and 400–120–84–10. Here
filters are 3 × 3 and all four networks end alike, 64–50–50–10.
"""

import math

import numpy as np

from helpers import checks
from helpers.flow import gradient_descent
from helpers.networks import Deep, TorchNetwork

NETWORKS = ("linear", "ReLU", "convolutional, adapted", "convolutional, off the shelf")


def network(name):
    """One of the paper's four networks for images (n, 64) and ten classes, outputs (n, 10).

    "linear" and "ReLU" are 64–50–50–10 without biases; "convolutional, adapted" has strides in place of pooling and no biases, so that it is homogeneous
    as these are; "convolutional, off the shelf" has max pooling and biases, and is not.
    """
    if checks.one_of("name", name, NETWORKS) in NETWORKS[:2]:
        return Deep((64, 50, 50, 10), name.lower())
    nn, pooled = checks.torch().nn, name == NETWORKS[3]
    halved = [nn.MaxPool2d(2)] if pooled else []
    convolutions = [part for into, out in ((1, 6), (6, 16))
                    for part in (nn.Conv2d(into, out, 3, stride=1 if pooled else 2, padding=1, bias=pooled), nn.ReLU(), *halved)]
    head = [part for into, out in ((64, 50), (50, 50), (50, 10)) for part in (nn.Linear(into, out, bias=pooled), nn.ReLU())][:-1]
    return TorchNetwork(nn.Sequential(nn.Unflatten(1, (1, 8, 8)), *convolutions, nn.Flatten(), *head))


def xavier(network, seed):
    """A random start θ (P,): weights uniform within ±√(6/(fan in + fan out)), biases 0 (Glorot and Bengio, 2010).

    The paper draws its fully connected weights so, and leaves filters and biases to torch's default.
    """
    if not isinstance(network, (Deep, TorchNetwork)):
        raise TypeError(f"network must be a TorchNetwork or a Deep one, got {type(network).__name__}")
    random, pieces = np.random.default_rng(checks.whole("seed", seed, low=0)), []
    for weights in network.weights(np.zeros(network.size())):
        fans = sum(weights.shape[:2]) * math.prod(weights.shape[2:])
        pieces.append(random.uniform(-1, 1, weights.size) * (math.sqrt(6 / fans) if weights.ndim > 1 else 0))
    return np.concatenate(pieces)


def descents(problem, theta0, step, steps, ratios=(1, 2, 5, 10, 20), points=100):
    """Gradient descent from theta0 (P,) with the steps η/r for every r of `ratios`, {r: Trajectory}, all recorded at the same points + 1 times kη.

    `steps` counts those of size η = `step`, r·steps are taken of size η/r (arXiv:2107.06608, its experiments: η = 0.001, 10,000 steps). Gradient descent
    differs from gradient flow by c(t)·η to first order, so η from η/r by c(t)·η(1 − 1/r). With kinks (ReLU, max pooling) less exactly, and a run may pass
    a kink on the other side than its neighbours and stay apart from them.
    """
    if not isinstance(ratios, (tuple, list)):
        raise TypeError(f"ratios must hold whole numbers r ≥ 1, got {ratios!r}")
    ratios = [checks.whole("ratios", ratio) for ratio in ratios]
    step, steps, points = checks.positive("step", step), checks.whole("steps", steps), checks.whole("points", points)
    if steps % points:
        raise ValueError(f"points must divide steps = {steps}, got {points}")
    return {r: gradient_descent(problem, theta0, step / r, r * steps, record=range(0, r * steps + 1, r * steps // points)) for r in ratios}
