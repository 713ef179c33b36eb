"""A network is two functions of its weights θ, a float64 vector of shape (P,):

    outputs(θ, X)       H(X; θ), shape (n,), or (n, k) with k outputs
    pullback(θ, X, r)   J(θ)ᵀ r = ∇_θ Σ_i r_i · H(x_i; θ), shape (P,), for r of the outputs' shape

Any object with these two, `size(dim)` (the number P of weights for inputs with dim entries) and `init(dim, scale, seed)` is a network of this course.
One whose activation has a kink says so with `kinked = True`: its flow is integrated by another method.
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


class TwoLayer:
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

    def size(self, dim):
        """The number P of trained weights for inputs (n, dim)."""
        return self.width * (checks.whole("dim", dim) + self.bias + self.train_output)

    def init(self, dim, scale, seed):
        """A random start of norm `scale`, shape (P,)."""
        return random_start(self.size(dim), scale, seed)

    def weights(self, theta):
        """First-layer weights W (…, m, D) and output weights a (…, m) of θ (…, P): one point or a whole trajectory."""
        theta = np.asarray(theta, dtype=float)
        inputs = self.width * self._columns(theta.shape[-1] if theta.ndim else 0)
        W = theta[..., :inputs].reshape(*theta.shape[:-1], self.width, -1)
        return W, theta[..., inputs:] if self.train_output else np.broadcast_to(self._fixed, W.shape[:-1])

    def outputs(self, theta, X):
        """H(X; θ), shape (n,)."""
        W, a, X = self._read(theta, X)
        return self.activation.function(self._preactivations(W, X)) @ a

    def pullback(self, theta, X, r):
        """J(θ)ᵀ r, shape (P,)."""
        W, a, X = self._read(theta, X)
        r = np.asarray(r, dtype=float)
        if r.shape != (len(X),):
            raise ValueError(f"r must have the shape of the outputs, {(len(X),)}, got {r.shape}")
        z = self._preactivations(W, X)
        into = (r[:, None] * self.activation.derivative(z)) * a
        result = np.empty(np.shape(theta))
        rows = result[:W.size].reshape(W.shape)
        rows[:, :X.shape[1]] = into.T @ X
        if self.bias:
            rows[:, -1] = into.sum(axis=0)
        if self.train_output:
            result[W.size:] = self.activation.function(z).T @ r
        return result

    def _preactivations(self, W, X):
        return X @ W[:, :-1].T + W[:, -1] if self.bias else X @ W.T

    def _columns(self, size):
        columns, rest = divmod(size, self.width)
        if rest or columns < 1 + self.bias + self.train_output:
            raise ValueError(f"theta has {size} entries, which are not the weights of {self}: see size(dim)")
        return columns - self.train_output

    def _read(self, theta, X):
        X = np.asarray(X, dtype=float)
        if np.ndim(theta) != 1 or X.ndim != 2:
            raise ValueError(f"theta must have shape (P,) and X (n, d), got {np.shape(theta)} and {X.shape}")
        W, a = self.weights(theta)
        if W.shape[1] != X.shape[1] + self.bias:
            raise ValueError(f"theta has {np.size(theta)} entries, {self} needs {self.size(X.shape[1])} for inputs {X.shape}")
        return W, a, X


class TorchNetwork:
    """Any torch module as a network: the same two functions by automatic differentiation, in float64.

    The module maps (n, d) to (n,), (n, 1) or (n, k); θ holds its trainable parameters in the order of `module.parameters()`. It is taken in
    evaluation mode (no dropout, stored batch statistics), so that the outputs are a function of θ. `kinked` tells whether an
    activation has a kink; by default it is found among the module's parts (a function call inside `forward` cannot be seen).
    """

    def __init__(self, module, kinked=None):
        import copy

        import torch
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

    def init(self, dim, scale, seed):
        """A random start of norm `scale`, shape (P,)."""
        return random_start(self.size(dim), scale, seed)

    def outputs(self, theta, X):
        """H(X; θ), shape (n,) or (n, k)."""
        with self._torch.no_grad():
            return self._forward(self._tensor(theta), X).numpy()

    def pullback(self, theta, X, r):
        """J(θ)ᵀ r, shape (P,)."""
        tensor = self._tensor(theta).requires_grad_()
        out = self._forward(tensor, X)
        if np.shape(r) != tuple(out.shape):
            raise ValueError(f"r must have the shape of the outputs, {tuple(out.shape)}, got {np.shape(r)}")
        weighted = (out * self._torch.as_tensor(np.asarray(r, dtype=float))).sum()
        return self._torch.autograd.grad(weighted, tensor)[0].numpy()

    def _tensor(self, theta):
        theta = np.array(theta, dtype=float)
        if theta.shape != (self.size(),):
            raise ValueError(f"theta must have shape {(self.size(),)}, got {theta.shape}")
        return self._torch.from_numpy(theta)

    def _forward(self, tensor, X):
        pieces = tensor.split([p.numel() for p in self._parameters.values()])
        weights = {name: piece.view(p.shape) for (name, p), piece in zip(self._parameters.items(), pieces, strict=True)}
        X = self._torch.as_tensor(np.array(X, dtype=float))
        try:
            out = self._torch.func.functional_call(self.module, weights, (X,))
        except RuntimeError as error:
            raise ValueError(f"module does not take inputs X of shape {tuple(X.shape)}: {error}") from error
        return out.squeeze(1) if out.ndim == 2 and out.shape[1] == 1 else out
