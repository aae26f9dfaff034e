"""Depthwise kernels of more taps than XNNPACK has a fast kernel for, as a sum of smaller ones.

It has one for up to 25 taps. Beyond, as for the 7x7 of ConvNeXt, it takes each channel for a convolution of its own,
and eight times as long in float32, thirty times in bytes.
"""

from itertools import product
from math import prod
from typing import Any

import keras
from keras import layers as L

from kerascnn.graph.decompose import activated
from kerascnn.graph.equality import held_equal
from kerascnn.graph.fake_quantised import is_fake_quantised
from kerascnn.graph.fold import folded
from kerascnn.graph.graph import leaves
from kerascnn.graph.rewrite import Rule, drawn, kept, redraw

TAPS = 25  # of a kernel, at most


def without_wide_kernels(model: keras.Model) -> keras.Model:
    """The model itself, or one that computes the same with narrower depthwise kernels; batch norms are then folded."""
    if is_fake_quantised(model) or not any(map(wide, leaves(model))):
        return model
    return held_equal(redraw(folded(model), lambda _: wide), model)


def wide(layer: Any) -> Rule | None:
    """The rule of a depthwise convolution that is too wide; None where a layer stays."""
    if type(layer) is not L.DepthwiseConv2D or layer.padding != "same" or layer.data_format != "channels_last":
        return None
    if {*layer.strides, *layer.dilation_rate} != {1} or not all(size % 2 for size in layer.kernel_size):
        return None
    return in_parts if prod(layer.kernel_size) > TAPS >= prod((size + 1) // 2 for size in layer.kernel_size) else None


def in_parts(layer: Any, name: str, x: Any) -> Any:
    """Every other row and column of the kernel, and the rows and columns between, dilated; all have the same middle.

    On a map smaller than the kernel, which takes no time, a part might see nothing but padding, and so stays 0.
    """
    if any(side and side < size for side, size in zip(x.shape[1:3], layer.kernel_size, strict=True)):
        return kept(layer, name, x)
    kernel, *bias = layer.get_weights()
    y = None
    for part in (part for i, j in product(range(2), repeat=2) if (part := kernel[i::2, j::2]).size):
        first = y is None
        conv = L.DepthwiseConv2D(
            part.shape[:2],
            padding="same",
            depth_multiplier=layer.depth_multiplier,
            dilation_rate=2,
            use_bias=layer.use_bias and first,
            name=f"{name}-{part.shape[0]}x{part.shape[1]}",
        )
        z = drawn(conv, [part, *bias] if first else [part], x)
        y = z if first else L.Add(name=f"{conv.name}-sum")([y, z])
    return activated(layer, name, y)
