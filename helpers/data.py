"""Data sets: every one is drawn from a visible seed or comes with scikit-learn; none is downloaded."""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import helmert

from helpers import checks


@dataclass(frozen=True, eq=False)
class Dataset:
    """Inputs X (n, d) and labels y (n,): float64, or whole numbers y for the classes of a cross-entropy loss. Read-only arrays."""

    X: np.ndarray
    y: np.ndarray

    def __post_init__(self):
        X = checks.array("X", self.X, ("n", "d")).copy()
        classes = np.asarray(self.y).dtype.kind in "iu"
        y = checks.array("y", self.y, ("n", "k") if np.ndim(self.y) == 2 else ("n",)).copy()
        if len(X) != len(y):
            raise ValueError(f"X and y must have the same length, got {len(X)} inputs and {len(y)} labels")
        if classes:
            y = y.astype(int)
        for name, values in (("X", X), ("y", y)):
            values.setflags(write=False)
            object.__setattr__(self, name, values)

    @property
    def n(self):
        """The number of points."""
        return len(self.X)

    @property
    def dim(self):
        """The number of inputs d."""
        return self.X.shape[1]

    def __repr__(self):
        return f"Dataset(n={self.n}, dim={self.dim})"


def hinge(n=8):
    """The one-dimensional target max(0, x) − ½ on n equally spaced points of [−2, 2]: one kink fits it."""
    x = np.linspace(-2, 2, checks.whole("n", n, low=2))
    return Dataset(x[:, None], np.maximum(0, x) - 0.5)


def sines(n=40, frequency=1.0, low=-1.0, high=1.5):
    """The one-dimensional target sin 3ωx + ½ sin 6ωx on n equally spaced points (arXiv:2105.11686, figure 5, has ω = 1)."""
    x = np.linspace(checks.real("low", low), checks.real("high", high), checks.whole("n", n))
    return Dataset(x[:, None], sine_target(x, frequency))


def sine_target(x, frequency=1.0):
    """sin 3ωx + ½ sin 6ωx, shape of x."""
    omega = checks.positive("frequency", frequency)
    x = checks.finite("x", x)
    return np.sin(3 * omega * x) + 0.5 * np.sin(6 * omega * x)


def circle(n=40, seed=0):
    """n inputs on the unit circle, y = 5 max(0, x₁)² + 4 max(0, −x₁)² (arXiv:2402.09226, figure 1; the sign in its second term is our reading)."""
    angle = _generator(seed).uniform(0, 2 * np.pi, checks.whole("n", n))
    X = np.column_stack([np.cos(angle), np.sin(angle)])
    return Dataset(X, 5 * np.maximum(0, X[:, 0]) ** 2 + 4 * np.maximum(0, -X[:, 0]) ** 2)


def petals(n=60, sizes=(9, 3, 1), angles=(0, 120, 240)):
    """n equally spaced inputs on the unit circle, y = Σ_k c_k max(0, v_k·x)²: squared ReLU neurons of these sizes c_k at these angles (degrees)."""
    sizes = checks.array("sizes", sizes, ("k",))
    at = np.deg2rad(checks.array("angles", angles, (len(sizes),)))
    angle = np.linspace(0, 2 * np.pi, checks.whole("n", n), endpoint=False)
    return Dataset(np.column_stack([np.cos(angle), np.sin(angle)]), np.maximum(0, np.cos(angle[:, None] - at)) ** 2 @ sizes)


def spokes(angles=(50, 100, 170, 195, 270, 290), labels=(1, 1, -1, -1, 1, 1)):
    """Unit inputs in the plane at these angles (degrees) with these labels, one each."""
    angle = np.deg2rad(checks.array("angles", angles, ("n",)))
    return Dataset(np.column_stack([np.cos(angle), np.sin(angle)]), checks.array("labels", labels, (len(angle),)))


def groups(n=20, centres=(60, 200), labels=(1, -1), spread=15.0, seed=0):
    """n unit inputs in the plane, shared evenly among `centres` (degrees), a label each; angles Gaussian with standard deviation `spread` (degrees)."""
    centres = checks.array("centres", centres, ("k",))
    labels = checks.array("labels", labels, (len(centres),))
    group = np.arange(checks.whole("n", n, low=len(centres))) % len(centres)
    angles = centres[group] + checks.positive("spread", spread, zero=True) * _generator(seed).standard_normal(len(group))
    return spokes(angles, labels[group])


def sum_of_sines(n=80, dim=5, frequency=5.0, amplitude=3.5, seed=0):
    """Inputs uniform in [−4, 2]^dim, y = Σ_k A sin(ωx_k + 1) (arXiv:2105.11686: figure 2; figure 3 has n=80, dim=3, frequency=12, amplitude=4)."""
    omega, size = checks.positive("frequency", frequency), checks.positive("amplitude", amplitude)
    X = _generator(seed).uniform(-4, 2, (checks.whole("n", n), checks.whole("dim", dim)))
    return Dataset(X, size * np.sin(omega * X + 1).sum(axis=1))


def orthonormal(labels=(1, 1, 1, 1, 1, 1), seed=0):
    """As many orthonormal inputs as labels, in as many dimensions: the axes, turned at random."""
    labels = checks.array("labels", labels, ("n",))
    return Dataset(np.linalg.qr(_generator(seed).standard_normal((len(labels), len(labels))))[0], labels)


def simplex(dim=5):
    """The dim + 1 corners of a regular simplex, length √dim, labels 1: with the constant 1 of a bias appended they are orthogonal to each other."""
    dim = checks.whole("dim", dim)
    return Dataset(np.sqrt(dim + 1) * helmert(dim + 1).T, np.ones(dim + 1))


def tetrahedron(labels=(1, 1, 1, 1)):
    """The corners (1, 1, 1), (1, −1, −1), (−1, 1, −1), (−1, −1, 1) of a regular tetrahedron at length 1, with these labels."""
    corners = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]])
    return Dataset(corners / np.sqrt(3), checks.array("labels", labels, (4,)))


def whitened(singular_values=(4, 2, 1), dim=5, outputs=4, seed=0):
    """dim inputs with XᵀX = 1 and labels Y = XMᵀ; M (outputs, dim) has these singular values (the others are 0) and random singular vectors."""
    values = checks.array("singular_values", singular_values, ("r",))
    dim, outputs = checks.whole("dim", dim), checks.whole("outputs", outputs)
    if (values <= 0).any() or len(values) > min(dim, outputs):
        raise ValueError(f"singular_values must be positive and no more than dim or outputs allow, {min(dim, outputs)}, got {singular_values!r}")
    random = _generator(seed)
    X, left, right = (np.linalg.qr(random.standard_normal((size, columns)))[0] for size, columns in ((dim, dim), (outputs, len(values)), (dim, len(values))))
    Y = X @ right * values @ left.T
    return Dataset(X, Y[:, 0] if outputs == 1 else Y)


def sparse_regression(n=30, dim=60, coefficients=(4, -2, 1), seed=0):
    """Gaussian inputs divided by √n and y = Xβ, fewer points than dimensions: β is 0 but for these coefficients, at random places."""
    values = checks.array("coefficients", coefficients, ("r",))
    n, dim = checks.whole("n", n), checks.whole("dim", dim)
    if len(values) > dim:
        raise ValueError(f"coefficients must be at most dim = {dim}, got {len(values)}")
    random = _generator(seed)
    X, beta = random.standard_normal((n, dim)) / np.sqrt(n), np.zeros(dim)
    beta[random.choice(dim, len(values), replace=False)] = values
    return Dataset(X, X @ beta)


def orthogonal(n_plus=25, n_minus=25, dim=400, norms=(1.0, 1.0), seed=0):
    """Pairwise orthogonal inputs with labels +1 and −1; input norms uniform in the range `norms`, in units of √dim."""
    n_plus, n_minus, dim = checks.whole("n_plus", n_plus), checks.whole("n_minus", n_minus), checks.whole("dim", dim)
    n = n_plus + n_minus
    if n > dim:
        raise ValueError(f"{n} inputs cannot be orthogonal in dim={dim}: n_plus + n_minus must be at most dim")
    low, high = checks.array("norms", norms, (2,))
    if not 0 < low <= high:
        raise ValueError(f"norms must be two numbers, 0 < low ≤ high, got {norms}")
    random = _generator(seed)
    frame = np.linalg.qr(random.standard_normal((dim, n)))[0].T
    return Dataset(frame * (np.sqrt(dim) * random.uniform(low, high, n))[:, None], _signs(n_plus, n_minus))


def gaussian_classes(n_plus=25, n_minus=25, dim=400, mean=0.0, seed=0):
    """Standard Gaussian inputs with labels ±1; `mean` times one common unit vector is added to all, so that they are correlated."""
    random = _generator(seed)
    labels = _signs(checks.whole("n_plus", n_plus), checks.whole("n_minus", n_minus))
    X = random.standard_normal((len(labels), checks.whole("dim", dim)))
    common = random.standard_normal(dim)
    return Dataset(X + checks.real("mean", mean) * common / np.linalg.norm(common), labels)


def digits(first=3, second=8):
    """Two classes of scikit-learn's 8 × 8 digits: y = +1 for `first`, −1 for `second`; mean image subtracted, every image scaled to length √64."""
    from sklearn.datasets import load_digits
    for name, digit in (("first", first), ("second", second)):
        checks.whole(name, digit, low=0)
    if first == second or max(first, second) > 9:
        raise ValueError(f"first and second must be two different digits from 0 to 9, got {first} and {second}")
    images = load_digits()
    chosen = np.isin(images.target, (first, second))
    X = images.data[chosen] - images.data[chosen].mean(axis=0)
    return Dataset(8 * X / np.linalg.norm(X, axis=1, keepdims=True), np.where(images.target[chosen] == first, 1.0, -1.0))


def ten_digits(n=200):
    """n of scikit-learn's 1,797 digits, every ⌊1797/n⌋-th, 64 pixels each: classes y = 0 … 9, pixel values of mean 0 and deviation 1 over all images.

    Spread and scaled as the 1,000 images of MNIST in arXiv:2107.06608, its experiments.
    """
    from sklearn.datasets import load_digits
    images = load_digits()
    if checks.whole("n", n) > len(images.target):
        raise ValueError(f"n must be at most {len(images.target)}, the number of images, got {n}")
    chosen = np.arange(n) * (len(images.target) // n)
    return Dataset((images.data[chosen] - images.data.mean()) / images.data.std(), images.target[chosen])


def _signs(n_plus, n_minus):
    return np.concatenate([np.ones(n_plus), -np.ones(n_minus)])


def _generator(seed):
    return np.random.default_rng(checks.whole("seed", seed, low=0))
