"""Operators that were written without a layer, as ``a + b`` or ``keras.ops.relu(x)``, as layers. A table by class.

A rule draws in the place of such a call: (operation, a free name, its arguments) to its output, or to None where no
layer computes that.
"""

import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import layers as L

from kerascnn.graph.copies import twin
from kerascnn.graph.graph import Call, Graph
from kerascnn.graph.rewrite import affine, drawn_once, give_weights, on_new_inputs


def in_layers(model: keras.Model) -> keras.Model:
    """The model itself, or one that computes the same, whose operators are layers where there are such layers.

    Raises
    ------
    ValueError
        When the model shows no graph.
    """
    graph = Graph(model)
    if all(isinstance(call.operation, L.Layer) for call in graph.calls):
        return model
    copies: dict[Any, Any] = {}

    def draw(call: Call) -> Any:
        operation = call.operation
        rule = None if isinstance(operation, L.Layer) else RULES.get(type(operation).__name__)
        y = (
            rule(operation, operation.name, *call.args, **call.keywords)
            if rule and graph.uses[operation] == 1
            else None
        )
        return drawn_once(copies, call, twin) if y is None else y

    new = on_new_inputs(graph, draw)
    give_weights(copies)
    return new


def of_two(kind: type | None, number: Any = None, reverse: Any = None) -> Callable[..., Any]:
    """The rule of an operator of two tensors, or of one and numbers, for each channel or all: ``number(x, c, name)``.

    ``reverse`` is for numbers that come first.
    """

    def rule(operation: Any, name: str, a: Any, b: Any) -> Any:
        if isinstance(a, keras.KerasTensor) and isinstance(b, keras.KerasTensor):
            return kind(name=name)([a, b]) if kind else None
        x, c, draw = (a, b, number) if isinstance(a, keras.KerasTensor) else (b, a, reverse)
        if draw is None or not isinstance(c, int | float | np.ndarray | np.generic):
            return None
        c = np.asarray(c, "float32")
        fits = c.size == 1 or c.shape[-1] == c.size == x.shape[-1]
        return draw(x, c.reshape(-1), name) if fits and c.ndim <= len(x.shape) else None

    return rule


def relu_of(x: Any, c: np.ndarray, name: str) -> Any:
    return None if np.any(c) else L.Activation("relu", name=name)(x)


def activation(operation: Any, name: str, x: Any) -> Any:
    """An activation without arguments; the exact form of one that can be approximate."""
    if getattr(operation, "approximate", False) or getattr(operation, "axis", -1) not in (-1, len(x.shape) - 1):
        return None
    return L.Activation(ACTIVATIONS[type(operation).__name__], name=name)(x)


def clip(operation: Any, name: str, x: Any) -> Any:
    kind = {(0, 6): "relu6", (0, math.inf): "relu"}.get((operation.x_min, operation.x_max))
    return L.Activation(kind, name=name)(x) if kind else None


def reshaped(operation: Any, name: str, x: Any) -> Any:
    """What orders the numbers of each image anew, and mixes none with those of another."""
    shape = operation.compute_output_spec(x).shape
    if None in x.shape[1:] or None in shape[1:] or shape[0] is not None:
        return None
    return L.Reshape(shape[1:], name=name)(x) if math.prod(shape[1:]) == math.prod(x.shape[1:]) else None


def permuted(operation: Any, name: str, x: Any) -> Any:
    axes = operation.axes or tuple(reversed(range(len(x.shape))))
    return L.Permute(tuple(axes[1:]), name=name)(x) if axes[0] == 0 else None


def joined(operation: Any, name: str, xs: Any) -> Any:
    tensors = all(isinstance(x, keras.KerasTensor) for x in xs)
    return L.Concatenate(operation.axis, name=name)(xs) if tensors and operation.axis else None


def padded(operation: Any, name: str, x: Any, constant_values: Any = None) -> Any:
    """Zeros around a map."""
    first, *sides, last = np.broadcast_to(operation.pad_width, (len(x.shape), 2)).tolist()
    if len(sides) != 2 or any(first + last) or operation.mode != "constant" or constant_values:
        return None
    return L.ZeroPadding2D(tuple(map(tuple, sides)), name=name)(x)


def over_map(kind: type) -> Callable[..., Any]:
    """The rule of what is taken over all pixels of a map."""

    def rule(operation: Any, name: str, x: Any) -> Any:
        axes = operation.axis if isinstance(operation.axis, tuple | list) else ()
        if len(x.shape) != 4 or sorted(axis % 4 for axis in axes) != [1, 2] or getattr(operation, "initial", None):
            return None
        return kind(keepdims=operation.keepdims, data_format="channels_last", name=name)(x)

    return rule


def pooled(kind: type) -> Callable[..., Any]:
    def rule(operation: Any, name: str, x: Any) -> Any:
        how = {key: getattr(operation, key) for key in ("pool_size", "strides", "padding", "data_format")}
        return kind(**how, name=name)(x) if len(x.shape) == 4 else None

    return rule


ACTIVATIONS = {
    "Relu": "relu",
    "Relu6": "relu6",
    "Sigmoid": "sigmoid",
    "HardSigmoid": "hard_sigmoid",
    "Tanh": "tanh",
    "Silu": "silu",
    "HardSilu": "hard_silu",
    "Gelu": "gelu",
    "Softmax": "softmax",
}
RULES: dict[str, Callable[..., Any]] = {
    **dict.fromkeys(ACTIVATIONS, activation),
    "Add": of_two(L.Add, *[lambda x, c, name: affine(x, 1, c, name)] * 2),
    "Subtract": of_two(
        L.Subtract, lambda x, c, name: affine(x, 1, -c, name), lambda x, c, name: affine(x, -1, c, name)
    ),
    "Multiply": of_two(L.Multiply, *[lambda x, c, name: affine(x, c, 0, name)] * 2),
    "Maximum": of_two(L.Maximum, relu_of, relu_of),
    "Minimum": of_two(L.Minimum),
    "Negative": lambda operation, name, x: affine(x, -1, 0, name),
    "Square": lambda operation, name, x: L.Multiply(name=name)([x, x]),
    "ReLU": lambda o, name, x: L.ReLU(o.max_value, o.negative_slope, o.threshold, name=name)(x),
    "LeakyRelu": lambda operation, name, x: L.LeakyReLU(operation.negative_slope, name=name)(x),
    "Clip": clip,
    **dict.fromkeys(("Reshape", "Squeeze", "ExpandDims"), reshaped),
    "Transpose": permuted,
    "Concatenate": joined,
    "Pad": padded,
    "Mean": over_map(L.GlobalAveragePooling2D),
    "Max": over_map(L.GlobalMaxPooling2D),
    "MaxPool": pooled(L.MaxPooling2D),
    "AveragePool": pooled(L.AveragePooling2D),
}
RULES |= dict.fromkeys(
    ("Divide", "TrueDivide"), of_two(None, lambda x, c, name: affine(x, 1 / c, 0, name) if np.all(c) else None)
)
