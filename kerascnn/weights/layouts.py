"""How PyTorch and Keras lay out the same tensors."""

import numpy as np

KERAS_PARTS = {"kernel": ("kernel", "depthwise_kernel")}
TORCH_PARTS = {
    "kernel": ("weight",),
    "gamma": ("weight",),
    "beta": ("bias",),
    "moving_mean": ("running_mean",),
    "moving_variance": ("running_var",),
}


def to_keras(
    value: np.ndarray,
    shape: tuple[int, ...],
    *,
    depthwise: bool = False,
    part: tuple[int, int] | None = None,
    flattened: tuple[int, int, int] | None = None,
) -> np.ndarray:
    """A PyTorch kernel as Keras lays it out, in ``shape`` where that holds as many numbers.

    It is that of a convolution ``(O, I, H, W)``, a depthwise one ``(C * M, 1, H, W)``, of which Keras makes
    ``(H, W, C, M)``, or a linear layer ``(O, I)``; others pass as they are. A ``part`` of (2, 3) is the second of three
    kernels that PyTorch keeps as one tensor, along its outputs. ``flattened`` is ``(H, W, C)`` of the map that was
    flattened before this layer; PyTorch flattened it as ``(C, H, W)``.
    """
    if part:
        value = np.split(value, part[1])[part[0] - 1]
    if flattened and value.ndim == 2:
        h, w, c = flattened
        value = value.reshape(-1, c, h, w).transpose(2, 3, 1, 0).reshape(h * w * c, -1)
    elif value.ndim == 4:
        value = value.transpose(2, 3, 0, 1) if depthwise else value.transpose(2, 3, 1, 0)
        value = value.reshape(-1, shape[-1]) if len(shape) == 2 and value.shape[-1] == shape[-1] else value
    elif value.ndim == 2:
        value = value.T
    return fit(value, shape)


def fit(value: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """``value`` in ``shape`` where both hold as many numbers, else as it is."""
    return value.reshape(shape) if value.size == np.prod(shape) else value
