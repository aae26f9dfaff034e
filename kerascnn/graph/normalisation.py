"""Normalisation by statistics of the image itself, decomposed into layers that integers have too."""

from typing import Any

import numpy as np

from kerascnn import layers as L
from kerascnn.graph.rewrite import affine, drawn, kept, pointwise


def group_norm(layer: Any, name: str, x: Any) -> Any:
    """Means over height and width, then a grouped 1x1 convolution that averages the channels of a group."""
    channels = x.shape[-1]
    if len(x.shape) != 4 or layer.axis not in (-1, 3):
        return kept(layer, name, x)
    groups = channels if layer.groups == -1 else layer.groups
    kernel = np.full((1, 1, channels // groups, channels), groups / channels)

    def average(y: Any, what: str, plus: float) -> Any:
        y = L.GlobalAveragePooling2D(keepdims=True, name=f"{name}-{what}-pool")(y)
        conv = L.Conv2D(channels, 1, groups=groups, trainable=False, name=f"{name}-{what}")
        return drawn(conv, [kernel, np.full(channels, plus)], y)

    centred = L.Subtract(name=f"{name}-centred")([x, average(x, "mean", 0.0)])
    squares = L.Multiply(name=f"{name}-squares")([centred, centred])
    root = L.ReciprocalRoot(name=f"{name}-root")(average(squares, "variance", layer.epsilon))
    return scaled(layer, name, L.Multiply(name=f"{name}-normalised")([centred, root]), 1.0)


def layer_norm(layer: Any, name: str, x: Any) -> Any:
    """A dense layer with one output averages the last axis, and one operator scales the differences from it.

    A variance of its own would be 0 in int8 for the smallest tokens, next to that of the largest. Here it is the square
    of a length: that of a token divided by the root of its channels.
    """
    axis = list(layer.axis) if isinstance(layer.axis, list | tuple) else [layer.axis]
    if axis not in ([-1], [len(x.shape) - 1]) or getattr(layer, "rms_scaling", False):
        return kept(layer, name, x)
    channels = x.shape[-1]
    evenly, settings = np.full((channels, 1), 1 / channels), {"trainable": False, "name": f"{name}-mean"}
    if len(x.shape) == 4:  # the Edge TPU has no dense layer on a map
        mean = pointwise(x, evenly, [], **settings)
    else:
        mean = drawn(L.Dense(1, use_bias=False, **settings), [evenly], x)
    centred = L.Subtract(name=f"{name}-centred")([x, mean])
    centred = affine(centred, 1 / np.sqrt(channels), 0, f"{name}-short")
    return scaled(layer, name, L.UnitLength(layer.epsilon, name=f"{name}-unit")(centred), np.sqrt(channels))


def scaled(layer: Any, name: str, x: Any, by: float) -> Any:
    """``x * by * gamma + beta``, of the layer."""
    gamma, beta = (none if v is None else np.asarray(v) for v, none in ((layer.gamma, 1.0), (layer.beta, 0.0)))
    return affine(x, by * gamma, beta, name)


def local_response(layer: Any, name: str, x: Any) -> Any:
    """A 1x1 convolution sums the squares of the neighbours; a power of -3/4 is made of two reciprocal roots."""
    if layer.beta != 0.75:
        return kept(layer, name, x)
    channels, before = x.shape[-1], (layer.size - 1) // 2
    distance = np.subtract.outer(np.arange(channels), np.arange(channels))  # of an input from an output
    near = (-before <= distance) & (distance < layer.size - before)
    squares = L.Multiply(name=f"{name}-squares")([x, x])
    conv = L.Conv2D(channels, 1, trainable=False, name=f"{name}-sum")
    total = drawn(conv, [layer.alpha * near[None, None].astype("float32"), np.full(channels, layer.k)], squares)
    root = L.ReciprocalRoot(name=f"{name}-root")(total)
    fourth = L.ReciprocalRoot(name=f"{name}-fourth")(L.Multiply(name=f"{name}-sqrt")([total, root]))
    return L.Multiply(name=name)([L.Multiply(name=f"{name}-half")([x, root]), fourth])
