"""A network is two functions of its weights θ, a float64 vector of shape (P,):

    outputs(θ, X)       H(X; θ), shape (n,), or (n, k) with k outputs
    pullback(θ, X, r)   J(θ)ᵀ r = ∇_θ Σ_i r_i · H(x_i; θ), shape (P,), for r of the outputs' shape

and both come from one pass: vjp(θ, X) is the outputs and the function r ↦ J(θ)ᵀ r, which shares what was computed on the way (the vector-Jacobian product of
automatic differentiation). `at(X)` is that pass for inputs that are checked and prepared once, a function of θ alone, which every step of a run calls: its memory is
used again, so that r ↦ J(θ)ᵀ r holds until the next call, and each run asks for its own.

Any object with outputs, pullback, `size(dim)` (the number P of weights for inputs with dim entries) and `init(dim, scale, seed)` is a network of this course;
with `at` it is a faster one. The networks here know their second derivatives too, from which the curvature of the loss is made:

    directional(θ, X, r, v)   J(θ)v and (d/dε) J(θ + εv)ᵀ r at ε = 0, of shapes (…, n) or (…, n, k) and (…, P), for one direction v (P,) or several (Q, P)

One whose activation has a kink says so with `kinked = True`: its flow is integrated by another method, neuron by neuron if the network has `sizes` and
`sliding` (see TwoLayer).
"""

import math

import numpy as np

from helpers import checks
from helpers.activations import Activation
from helpers.activations import activation as find_activation


def random_start(size, scale, seed):
    """θ(0) = δ·θ̂ with θ̂ Gaussian of norm ‖θ̂‖₂ = 1 and δ the initialization scale, shape (size,)."""
    direction = np.random.default_rng(checks.whole("seed", seed, low=0)).standard_normal(size)
    return checks.positive("scale", scale) * direction / np.linalg.norm(direction)


def _residual(r, shape):
    r = np.asarray(r, dtype=float)
    if r.shape != shape:
        raise ValueError(f"r must have the shape of the outputs, {shape}, got {r.shape}")
    return r


def _directions(v, theta):
    v = np.asarray(v, dtype=float)
    if v.ndim not in (1, 2) or v.shape[-1] != np.size(theta):
        raise ValueError(f"v must be a direction of theta, shape ({np.size(theta)},), or several, (Q, {np.size(theta)}), got {v.shape}")
    return v


def _pieces(theta, shapes):
    """Arrays of those shapes, each (…, *shape), that θ (…, P) holds one after the other."""
    theta, sizes = np.asarray(theta, dtype=float), [math.prod(shape) for shape in shapes]
    if theta.ndim < 1 or theta.shape[-1] != sum(sizes):
        raise ValueError(f"theta must have {sum(sizes)} entries, got shape {theta.shape}")
    pieces = np.split(theta, np.cumsum(sizes)[:-1], axis=-1)
    return [piece.reshape(*theta.shape[:-1], *shape) for piece, shape in zip(pieces, shapes, strict=True)]


class Network:
    """What follows from the one pass of a network, `at(X)`: θ ↦ H(X; θ) and r ↦ J(θ)ᵀ r, both unchecked."""

    def init(self, dim, scale, seed):
        """A random start of norm `scale`, shape (P,)."""
        return random_start(self.size(dim), scale, seed)

    def vjp(self, theta, X):
        """H(X; θ), shape (n,) or (n, k), and the function r ↦ J(θ)ᵀ r, shape (P,), for r of that shape."""
        look = self.at(X)
        return look(self._point(theta, X))

    def outputs(self, theta, X):
        """H(X; θ), shape (n,) or (n, k)."""
        return self.vjp(theta, X)[0]

    def pullback(self, theta, X, r):
        """J(θ)ᵀ r, shape (P,)."""
        H, pull = self.vjp(theta, X)
        return pull(_residual(r, H.shape))

    def _point(self, theta, X):
        """θ as the pass takes it, refused where it does not go with the inputs."""
        if np.ndim(X) < 2:
            raise ValueError(f"inputs X must have shape (n, d), got {np.shape(X)}")
        theta, size = np.asarray(theta, dtype=float), self.size(np.shape(X)[1])
        if theta.shape != (size,):
            raise ValueError(f"theta must have shape ({size},) for {self} and inputs X {np.shape(X)}, got {theta.shape}")
        return theta


class TwoLayer(Network):
    """f(x) = Σ_j a_j σ(w_j·x), in closed form.

    θ holds the rows of W (m, D), then, if they are trained, the output weights a (m,); D is the number of inputs d, plus one
    with `bias`, which appends a constant input 1. With `train_output=False` a stays at `output_weights`, by default
    +1/√m for the first half of the neurons and −1/√m for the second (arXiv:2210.07082, its setting).
    """

    def __init__(self, width, activation="tanh", train_output=True, bias=False, output_weights=None):
        self.width = checks.whole("width", width)
        if not isinstance(activation, (str, Activation)):
            raise TypeError(f"activation must be a name or come from helpers.activation(…), got {activation!r}")
        self.activation = find_activation(activation) if isinstance(activation, str) else activation
        self.kinked = self.activation.kinked
        self.train_output, self.bias = checks.truth("train_output", train_output), checks.truth("bias", bias)
        if train_output and output_weights is not None:
            raise ValueError("output_weights are fixed weights: they go with train_output=False")
        if output_weights is None:
            output_weights = np.where(np.arange(width) < (width + 1) // 2, 1.0, -1.0) / math.sqrt(width)
        self._fixed = None if train_output else checks.array("output_weights", output_weights, (width,))

    def __repr__(self):
        return (f"TwoLayer(width={self.width}, activation={self.activation.name!r}, train_output={self.train_output}, "
                f"bias={self.bias})")

    @property
    def degree(self):
        """L with H(x; cθ) = c^L H(x; θ), c > 0; None where σ is not homogeneous."""
        degree = self.activation.degree
        return degree and degree + self.train_output

    @property
    def leading(self):
        """The same network with the leading term of σ at the origin: homogeneous, and what training from a small start sees."""
        return TwoLayer(self.width, self.activation.leading, self.train_output, self.bias, self._fixed)

    def size(self, dim):
        """The number P of trained weights for inputs (n, dim)."""
        return self.width * (checks.whole("dim", dim) + self.bias + self.train_output)

    def weights(self, theta):
        """First-layer weights W (…, m, D) and output weights a (…, m) of θ (…, P): one point or a whole trajectory."""
        theta = np.asarray(theta, dtype=float)
        inputs = self.width * self._columns(theta.shape[-1] if theta.ndim else 0)
        W = theta[..., :inputs].reshape(*theta.shape[:-1], self.width, -1)
        if self.train_output:
            return W, theta[..., inputs:]
        return W, self._fixed if theta.ndim == 1 else np.broadcast_to(self._fixed, W.shape[:-1])

    def parts(self, theta):
        """θ (P,) as a sum of vectors whose outputs add, H(θ) = Σ_k H(parts_k): each neuron alone, shape (m, P)."""
        theta = checks.array("theta", theta, ("P",))
        return np.where(self._owners(len(theta)) == np.arange(self.width)[:, None], theta, 0.0)

    def sizes(self, theta):
        """The size of each weight's own neuron, the root mean square of that neuron's trained weights, shape (P,)."""
        owners = self._owners(np.size(theta))
        return np.sqrt(np.bincount(owners, np.square(theta)) / np.bincount(owners))[owners]

    def sliding(self, thetas, velocities, X):
        """Whether the velocities (T, P) at the points thetas (T, P) drive each weight's own neuron from both sides onto its kink at an input of X (n, d), shape (P,)."""
        place, pace = (W[..., :X.shape[1]] @ X.T + (W[..., -1:] if self.bias else 0) for W in (self.weights(thetas)[0], self.weights(velocities)[0]))
        held = ((place > 0) & (pace < 0)).any(axis=0) & ((place <= 0) & (pace > 0)).any(axis=0)
        return held.any(axis=1)[self._owners(thetas.shape[1])]

    def at(self, X):
        """The pass for the inputs X (n, d): θ (P,) ↦ H(X; θ), shape (n,), and r (n,) ↦ J(θ)ᵀ r, shape (P,)."""
        X, in_place = self._inputs(X), self.activation.in_place
        inputs, seen = self.width * X.shape[1], np.empty((len(X), self.width))
        slope, wide = np.empty_like(seen), X.shape[1] > self.width
        weighted = np.empty_like(slope if wide else X)  # by r, which goes to the smaller of the two

        def look(theta):
            W, a = theta[:inputs].reshape(self.width, -1), theta[inputs:] if self.train_output else self._fixed
            np.matmul(X, W.T, out=seen)
            in_place(seen, slope)

            def pull(r):
                result = np.empty(len(theta))
                rows = result[:inputs].reshape(W.shape)
                np.multiply(slope if wide else X, r[:, None], out=weighted)
                np.matmul(weighted.T if wide else slope.T, X if wide else weighted, out=rows)
                rows *= a[:, None]
                if self.train_output:
                    np.matmul(r, seen, out=result[inputs:])
                return result

            return seen @ a, pull

        return look

    def directional(self, theta, X, r, v):
        """J(θ)v, shape (…, n), and the derivative along v of J(θ)ᵀ r, shape (…, P), for one direction v (P,) or several (Q, P).

        Of a kinked σ the second is the one almost everywhere: what jumps at the kinks is left out.
        """
        (W, a), X, v = self.weights(self._point(theta, X)), self._inputs(X), _directions(v, theta)
        r, (dW, da) = _residual(r, (len(X),)), self.weights(v)
        da = da if self.train_output else np.zeros_like(da)
        z, dz = X @ W.T, X @ dW.mT
        seen, slope = self.activation.both(z)
        moved = slope * dz
        into = r[:, None] * (self.activation.second(z) * dz * a + slope * da[..., None, :])
        result = (into.mT @ X).reshape(*v.shape[:-1], -1)
        if self.train_output:
            result = np.concatenate([result, r @ moved], axis=-1)
        return moved @ a + da @ seen.T, result

    def _inputs(self, X):
        """X (n, d) with the constant input 1, if there is a bias."""
        X = np.asarray(X, dtype=float)
        if X.ndim != 2:
            raise ValueError(f"X must have shape (n, d), got {X.shape}")
        return np.column_stack([X, np.ones(len(X))]) if self.bias else X

    def _columns(self, size):
        columns, rest = divmod(size, self.width)
        if rest or columns < 1 + self.bias + self.train_output:
            raise ValueError(f"theta has {size} entries, which are not the weights of {self}: see size(dim)")
        return columns - self.train_output

    def _owners(self, size):
        """The number of each weight's neuron, shape (P,)."""
        neurons = np.arange(self.width)
        rows = np.repeat(neurons, self._columns(size))
        return np.concatenate([rows, neurons]) if self.train_output else rows


class TorchNetwork(Network):
    """Any torch module as a network: the same two functions by automatic differentiation, in float64.

    The module maps (n, d) to (n,), (n, 1) or (n, k); θ holds its trainable parameters in the order of `module.parameters()`. It is taken in
    evaluation mode (no dropout, stored batch statistics), so that the outputs are a function of θ. `kinked` tells whether an
    activation has a kink; by default it is found among the module's parts (a function call inside `forward` cannot be seen).
    """

    def __init__(self, module, kinked=None):
        import copy
        torch = checks.torch()
        if not isinstance(module, torch.nn.Module):
            raise TypeError(f"module must be a torch.nn.Module, got {type(module).__name__}")
        self._torch = torch
        self.module = copy.deepcopy(module).double().eval()
        with_kinks = (torch.nn.ReLU, torch.nn.ReLU6, torch.nn.LeakyReLU, torch.nn.PReLU, torch.nn.Hardtanh, torch.nn.MaxPool2d)
        self.kinked = any(isinstance(part, with_kinks) for part in self.module.modules()) if kinked is None else checks.truth("kinked", kinked)
        self._parameters = {name: p for name, p in self.module.named_parameters() if p.requires_grad}
        if not self._parameters:
            raise ValueError("module must have at least one trainable parameter")

    def __repr__(self):
        return f"TorchNetwork({self.module})"

    def size(self, dim=None):
        """The number P of trained weights; the module's own, whatever the inputs."""
        return sum(p.numel() for p in self._parameters.values())

    def weights(self, theta):
        """The module's parameters as arrays, in their order: one θ (P,) or a whole trajectory (T, P)."""
        return _pieces(theta, [p.shape for p in self._parameters.values()])

    def at(self, X):
        """The pass for the inputs X (n, d): θ (P,) ↦ H(X; θ), shape (n,) or (n, k), and r ↦ J(θ)ᵀ r, shape (P,)."""
        X, torch = self._torch.as_tensor(np.array(X, dtype=float)), self._torch

        def look(theta):
            tensor = torch.from_numpy(np.array(theta)).requires_grad_()
            out = self._forward(tensor, X)

            def pull(r):
                return torch.autograd.grad(out, tensor, torch.from_numpy(np.array(r)), retain_graph=True)[0].numpy()

            return out.detach().numpy().copy(), pull

        return look

    def directional(self, theta, X, r, v):
        """J(θ)v, of the outputs' shape (…, n) or (…, n, k), and the derivative along v of J(θ)ᵀ r, shape (…, P), for one direction v (P,) or several (Q, P).

        J(θ)ᵀ r is linear in r, so its derivative along v by θ and by r gives both. At kinks (ReLU, max pooling) what jumps is left out.
        """
        theta, v = self._torch.from_numpy(self._point(theta, X).copy()).requires_grad_(), _directions(v, theta)
        out = self._forward(theta, self._torch.as_tensor(np.array(X, dtype=float)))
        r = self._torch.tensor(_residual(r, tuple(out.shape))).requires_grad_()
        gradient, = self._torch.autograd.grad(out, theta, r, create_graph=True)
        pairs = [self._torch.autograd.grad(gradient, (r, theta), row, retain_graph=True, materialize_grads=True) for row in self._torch.tensor(np.atleast_2d(v))]
        moved, bent = (np.stack([part.numpy() for part in parts]) for parts in zip(*pairs, strict=True))
        return (moved, bent) if v.ndim == 2 else (moved[0], bent[0])

    def _forward(self, tensor, X):
        pieces = tensor.split([p.numel() for p in self._parameters.values()])
        weights = {name: piece.view(p.shape) for (name, p), piece in zip(self._parameters.items(), pieces, strict=True)}
        try:
            out = self._torch.func.functional_call(self.module, weights, (X,))
        except RuntimeError as error:
            raise ValueError(f"module does not take inputs X of shape {tuple(X.shape)}: {error}") from error
        return out.squeeze(1) if out.ndim == 2 and out.shape[1] == 1 else out


class Deep(Network):
    """f(x) = W_D σ(W_{D−1} … σ(W_1 x)) without biases; `widths` = (d, m_1, …, m_{D−1}, k), θ holds W_1, …, W_D one after the other.

    Layer l enters with degree p^{D−l} if σ is homogeneous of degree p, so f is homogeneous of degree L = Σ_l p^{D−l} (arXiv:2403.08121, its setting).
    """

    def __init__(self, widths, activation="relu"):
        self.widths = tuple(checks.whole("widths", width) for width in _several("widths", widths))
        self.activation = find_activation(activation) if isinstance(activation, str) else activation
        if not isinstance(self.activation, Activation):
            raise TypeError(f"activation must be a name or come from helpers.activation(…), got {activation!r}")
        self.kinked = self.activation.kinked
        self._shapes = tuple(zip(self.widths[1:], self.widths, strict=False))

    def __repr__(self):
        return f"Deep({self.widths}, {self.activation.name!r})"

    def size(self, dim=None):
        """The number P of weights; the network's own, whatever the inputs."""
        return sum(math.prod(shape) for shape in self._shapes)

    def weights(self, theta):
        """W_1, …, W_D: of one θ (P,) or a whole trajectory (T, P)."""
        return _pieces(theta, self._shapes)

    def at(self, X):
        """The pass for the inputs X (n, d): θ (P,) ↦ H(X; θ), shape (n,) or (n, k), and r ↦ J(θ)ᵀ r, shape (P,)."""
        X = self._inputs(X)

        def look(theta):
            layers, seen, slopes = self.weights(theta), [X], []
            for W in layers[:-1]:
                value, slope = self.activation.both(seen[-1] @ W.T)
                seen.append(value)
                slopes.append(slope)
            H = seen[-1] @ layers[-1].T

            def pull(r):
                rows, result = r.reshape(H.shape), [None] * len(layers)
                for l in reversed(range(len(layers))):
                    result[l] = (rows.T @ seen[l]).ravel()
                    if l:
                        rows = rows @ layers[l] * slopes[l - 1]
                return np.concatenate(result)

            return H[:, 0] if self.widths[-1] == 1 else H, pull

        return look

    def directional(self, theta, X, r, v):
        """J(θ)v and the derivative along v of J(θ)ᵀ r, as that of TwoLayer: the way up and the way back, each differentiated along v."""
        theta, X, v = self._point(theta, X), self._inputs(X), _directions(v, theta)
        layers, turns = self.weights(theta), self.weights(v)
        seen, moves, slopes, bends = [X], [np.zeros((*v.shape[:-1], *X.shape))], [], []
        for W, dW in zip(layers, turns, strict=True):
            z, dz = seen[-1] @ W.T, moves[-1] @ W.T + seen[-1] @ dW.mT
            value, slope = self.activation.both(z)
            seen.append(value)
            slopes.append(slope)
            moves.append(slope * dz)
            bends.append(self.activation.second(z) * dz)
        H, moved = (z[:, 0], dz[..., 0]) if self.widths[-1] == 1 else (z, dz)
        rows, result = _residual(r, H.shape).reshape(z.shape), [None] * len(layers)
        turned = np.zeros_like(rows)  # the derivative of rows along v
        for l in reversed(range(len(layers))):
            result[l] = (turned.mT @ seen[l] + rows.T @ moves[l]).reshape(*v.shape[:-1], -1)
            rows, turned = rows @ layers[l], turned @ layers[l] + rows @ turns[l]
            if l:
                rows, turned = rows * slopes[l - 1], turned * slopes[l - 1] + rows * bends[l - 1]
        return moved, np.concatenate(result, axis=-1)

    def _inputs(self, X):
        X = np.asarray(X, dtype=float)
        if X.ndim != 2 or X.shape[1] != self.widths[0]:
            raise ValueError(f"X must have shape (n, {self.widths[0]}) for {self}, got {X.shape}")
        return X

    @property
    def layer_degrees(self):
        """(p^{D−1}, …, p, 1), the degree of each layer; None where σ is not homogeneous."""
        p, depth = self.activation.degree, len(self.widths) - 1
        return p and tuple(p ** (depth - l) for l in range(1, depth + 1))

    @property
    def degree(self):
        """L, the sum of the layers' degrees; None where σ is not homogeneous."""
        return self.layer_degrees and sum(self.layer_degrees)

    @property
    def leading(self):
        """The same network with the leading term of σ at the origin."""
        return Deep(self.widths, self.activation.leading)


def _several(name, value):
    """The value as a tuple of at least two; TypeError otherwise."""
    if not isinstance(value, (tuple, list)) or len(value) < 2:
        raise TypeError(f"{name} must be two or more whole numbers (inputs, hidden widths, outputs), got {value!r}")
    return tuple(value)
