"""Layers decomposed into simpler ones, each of which a mobile runtime holds as one operator. A table of rules by class.

A rule draws in the place of a layer, as :data:`kerascnn.graph.rewrite.Rule` says. What scales and shifts channels is
drawn as a batch norm whose statistics are 0 and 1, so that folding does with it what it does with every batch norm.
"""

from functools import reduce
from typing import Any

import keras
import numpy as np
from keras import activations

from kerascnn import layers as L
from kerascnn.graph.equality import held_equal
from kerascnn.graph.fake_quantised import is_fake_quantised
from kerascnn.graph.fold import is_linear
from kerascnn.graph.normalisation import group_norm, layer_norm, local_response
from kerascnn.graph.rewrite import Rule, affine, drawn, kept, passed, pointwise, redraw

ACTIVATION = "-activation"  # ends the name of the last part of a layer that had one inside


def decompose(model: keras.Model) -> keras.Model:
    """A new model that computes what ``model`` does at inference, in layers of one operator; batch norms stay.

    Raises
    ------
    ValueError
        When the model is a subclass with a ``call`` of its own, and so shows no graph; attends with a mask; or when the
        new one computes something else.
    """
    new = decomposed(model)
    return new if is_fake_quantised(model) else held_equal(new, model)  # ties are then left to the file


def decomposed(model: keras.Model) -> keras.Model:
    """``model`` decomposed, which is not tried."""
    return redraw(model, lambda _: rule_of)


def rule_of(layer: Any) -> Rule | None:
    """How a layer is decomposed; None where it is one operator already."""
    if type(layer) in (L.Conv2D, L.DepthwiseConv2D, L.Conv2DTranspose, L.Dense):
        return None if is_linear(layer) else split_activation
    return ACTIVATIONS.get(layer.activation) if type(layer) is L.Activation else RULES.get(type(layer))


def split_activation(layer: Any, name: str, x: Any) -> Any:
    """A layer with a kernel, and its activation as one of its own."""
    return activated(layer, name, kept(layer, name, x, activation=None))


def activated(layer: Any, name: str, x: Any) -> Any:
    """``x`` after the activation of a layer that had one inside."""
    if is_linear(layer):
        return x
    name += ACTIVATION
    activation = L.Activation(layer.activation, name=name)
    rule = ACTIVATIONS.get(layer.activation)
    return rule(activation, name, x) if rule else activation(x)


def relu(layer: Any, name: str, x: Any) -> Any:
    if layer.threshold or (layer.max_value is not None and (layer.negative_slope or layer.max_value != 6)):
        return kept(layer, name, x)
    if layer.negative_slope:
        return L.LeakyReLU(float(layer.negative_slope), name=name)(x)
    return L.Activation("relu6" if layer.max_value else "relu", name=name)(x)


def softmax(layer: Any, name: str, x: Any, **_: Any) -> Any:
    if layer.axis not in (-1, len(x.shape) - 1):
        return kept(layer, name, x)
    return L.Activation("softmax", name=name)(x)


def silu(layer: Any, name: str, x: Any) -> Any:
    return L.Multiply(name=name)([x, L.Activation("sigmoid", name=f"{name}-sigmoid")(x)])


def hard_sigmoid(layer: Any, name: str, x: Any) -> Any:
    """relu6(x + 3) / 6; a convolution before it absorbs the 3."""
    return affine(L.Activation("relu6", name=f"{name}-relu6")(affine(x, 1, 3, f"{name}-shift")), 1 / 6, 0, name)


def hard_silu(layer: Any, name: str, x: Any) -> Any:
    """x relu6(x + 3) / 6. In bytes HARD_SWISH takes seventy times as long as a sum and a product."""
    gate = L.ShiftedReLU6(name=f"{name}-gate")(x)
    return affine(L.Multiply(name=f"{name}-product")([x, gate]), 1 / 6, 0, name)


def two_by_two(layer: Any, name: str, xs: Any) -> Any:
    """A sum, product or extreme of many as one of two at a time."""
    names = [name, *(f"{name}-{i}" for i in range(2, len(xs)))]
    places = iter(reversed(names))  # the last keeps the layer's name
    return reduce(lambda a, b: type(layer)(name=next(places))([a, b]), xs)


def mean(layer: Any, name: str, xs: Any) -> Any:
    return affine(two_by_two(L.Add(), f"{name}-sum", xs), 1 / len(xs), 0, name)


def join(layer: Any, name: str, drawn_and_paths: Any) -> Any:
    return mean(layer, name, drawn_and_paths[1:]) if len(drawn_and_paths) > 2 else drawn_and_paths[1]


def standardized(layer: Any, name: str, x: Any) -> Any:
    kernel, *bias = layer.get_weights()
    kernel = kernel.astype("float64")
    deviation = np.sqrt(kernel.var(axis=(0, 1, 2), keepdims=True) + layer.epsilon)
    config = layer.get_config() | {"name": name}
    del config["epsilon"]
    conv = L.Conv2D.from_config(config | {"activation": None})
    even = (kernel - kernel.mean(axis=(0, 1, 2), keepdims=True)) / deviation
    return activated(layer, name, drawn(conv, [even, *bias], x))


def separable(layer: Any, name: str, x: Any) -> Any:
    depthwise, pointwise, *bias = layer.get_weights()
    keys = ("strides", "padding", "dilation_rate", "data_format", "depth_multiplier")
    spatial = {key: getattr(layer, key) for key in keys}
    y = drawn(L.DepthwiseConv2D(layer.kernel_size, use_bias=False, name=f"{name}-depthwise", **spatial), [depthwise], x)
    conv = L.Conv2D(layer.filters, 1, use_bias=layer.use_bias, data_format=layer.data_format, name=name)
    y = drawn(conv, [pointwise, *bias], y)
    return activated(layer, name, y)


def learned_group(layer: Any, name: str, x: Any) -> Any:
    kernel, *bias = layer.get_weights()[: 1 + layer.use_bias]
    kernel = kernel * np.tile(layer.kept_now(), layer.units // layer.groups)
    return pointwise(x, kernel, bias, name=name)


def partial(layer: Any, name: str, x: Any) -> Any:
    kernel, bias = layer.get_weights()
    full = (kernel @ layer.place).reshape(layer.size, layer.size, x.shape[-1], len(bias))
    return drawn(L.Conv2D(len(bias), layer.size, name=name), [full, bias], x)


def subsampling(layer: Any, name: str, x: Any) -> Any:
    coefficient, bias = layer.get_weights()
    kernel = np.broadcast_to(coefficient[:, None], (layer.size, layer.size, len(coefficient), 1))
    return drawn(L.DepthwiseConv2D(layer.size, layer.size, name=name), [kernel, bias], x)


def radial_basis(layer: Any, name: str, x: Any) -> Any:
    """-|x - c|**2 as 2 x c - |c|**2 - |x|**2."""
    (centre,) = layer.get_weights()
    nearness = drawn(L.Dense(centre.shape[1], name=f"{name}-nearness"), [2 * centre, -(centre**2).sum(axis=0)], x)
    squares = L.Multiply(name=f"{name}-squares")([x, x])
    total = L.Dense(centre.shape[1], use_bias=False, trainable=False, name=f"{name}-length")
    return L.Add(name=name)([nearness, drawn(total, [-np.ones_like(centre)], squares)])


def rescaling(layer: Any, name: str, x: Any) -> Any:
    return affine(x, layer.scale, layer.offset, name)


def same_padding(layer: Any, name: str, x: Any) -> Any:
    if None in x.shape[1:3]:
        return kept(layer, name, x)
    return L.ZeroPadding2D(layer.border(x.shape), name=name)(x)


def layer_scale(layer: Any, name: str, x: Any) -> Any:
    return affine(x, layer.gamma, 0, name)


def crop_like(layer: Any, name: str, maps: Any) -> Any:
    x, like = maps
    spare = [old and new and old - new for old, new in zip(x.shape[1:3], like.shape[1:3], strict=True)]
    if None in spare:
        return kept(layer, name, maps)
    borders = [(layer.offset, each - layer.offset) for each in spare]
    return L.Cropping2D(borders, name=name)(x) if any(spare) else x


def resize_like(layer: Any, name: str, maps: Any) -> Any:
    x, like = maps
    if None in like.shape[1:3]:
        return kept(layer, name, maps)
    height, width = like.shape[1:3]
    return L.Resizing(height, width, layer.interpolation, name=name)(x) if x.shape[1:3] != like.shape[1:3] else x


def upsampling(layer: Any, name: str, x: Any) -> Any:
    """One resize, where the size is known; the nearest pixel is otherwise found by copying rows and columns."""
    height, width = x.shape[1:3]
    if None in (height, width) or layer.interpolation != "nearest" or layer.data_format != "channels_last":
        return kept(layer, name, x)
    return L.Resizing(height * layer.size[0], width * layer.size[1], "nearest", name=name)(x)


def fake_quantization(layer: Any, name: str, x: Any) -> Any:
    return L.FakeQuantization(layer.low, layer.high, name=name)(x)


def attention(layer: Any, name: str, query: Any, value: Any, key: Any = None, **masks: Any) -> Any:
    """Heads as an axis: dense layers, a product of queries and keys, a softmax, a product with the values."""
    if len(query.shape) != 3 or layer._output_shape or any(mask is not None for mask in masks.values() if mask):
        raise ValueError(f"{layer.name!r} attends in a way that has no simpler form: rows of tokens, without masks.")
    values = layer.get_weights()
    heads, per_part = layer.num_heads, len(values) // 4
    parts = [values[i * per_part : (i + 1) * per_part] for i in range(4)]
    parts[0] = [each / np.sqrt(layer.key_dim) for each in parts[0]]

    def project(x: Any, part: list[np.ndarray], what: str) -> Any:
        units = width(part)
        dense = L.Dense(units, use_bias=layer._use_bias, name=f"{name}-{what}")
        y = drawn(dense, [part[0].reshape(-1, units), *(b.reshape(-1) for b in part[1:])], x)
        y = L.Reshape((x.shape[1], heads, units // heads), name=f"{name}-{what}-heads")(y)
        return L.Permute((2, 1, 3), name=f"{name}-{what}-first")(y)

    def width(part: list[np.ndarray]) -> int:
        return part[0].shape[1] * part[0].shape[2]

    q = project(query, parts[0], "query")
    k = project(value if key is None else key, parts[1], "key")
    v = project(value, parts[2], "value")
    y = L.Activation("softmax", name=f"{name}-softmax")(L.MatMul(transpose=True, name=f"{name}-scores")([q, k]))
    y = L.Permute((2, 1, 3), name=f"{name}-last")(L.MatMul(name=f"{name}-mix")([y, v]))
    y = L.Reshape((query.shape[1], width(parts[2])), name=f"{name}-joined")(y)
    kernel, *bias = parts[3]
    kernel = kernel.reshape(-1, kernel.shape[-1])
    return drawn(L.Dense(kernel.shape[-1], use_bias=layer._use_bias, name=name), [kernel, *bias], y)


ACTIVATIONS: dict[Any, Rule] = {
    activations.linear: passed,
    activations.silu: silu,
    activations.hard_sigmoid: hard_sigmoid,
    activations.hard_silu: hard_silu,
}
RULES: dict[type, Rule] = {
    L.Dropout: passed,
    L.SpatialDropout2D: passed,
    L.GaussianDropout: passed,
    L.GaussianNoise: passed,
    L.GlobalDropPath: passed,  # nothing but joins looks at its draw
    L.FractalJoin: join,
    L.Average: mean,
    L.Add: two_by_two,
    L.Multiply: two_by_two,
    L.Maximum: two_by_two,
    L.Minimum: two_by_two,
    L.ReLU: relu,
    L.Softmax: softmax,
    L.Rescaling: rescaling,
    L.SeparableConv2D: separable,
    L.StandardizedConv2D: standardized,
    L.LearnedGroupConv2D: learned_group,
    L.PartialConv2D: partial,
    L.Subsampling: subsampling,
    L.RadialBasis: radial_basis,
    L.GroupNormalization: group_norm,
    L.LayerNormalization: layer_norm,
    L.LocalResponseNormalization: local_response,
    L.LayerScale: layer_scale,
    L.SamePadding2D: same_padding,
    L.CropLike: crop_like,
    L.ResizeLike: resize_like,
    L.UpSampling2D: upsampling,
    L.MultiHeadAttention: attention,
    L.FakeQuantization: fake_quantization,
}
