"""A lowered model drawn anew with its rounding points: in tf_keras to be tuned, in Keras 3 to be run and written."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from kerascnn import layers as L
from kerascnn.compression.scales import Point, Range
from kerascnn.compression.toolkit import legacy_keras, toolkit
from kerascnn.compression.twin import called, twin
from kerascnn.graph.calls import Call, calls
from kerascnn.graph.fold import OUTPUTS

Ranges = dict[str, Range]  # by the name of a point's operation
TIES = {L.LeakyReLU: "up", L.AveragePooling2D: "outwards"}  # of operators that bring many: where these go


def walked(model: keras.Model, image: Any, draw: Callable[[Call, Any], Any], rounded: Callable[[str, Any], Any]) -> Any:
    """Every call of ``model`` drawn by ``draw`` from tensors that were rounded, on another input.

    Returns
    -------
    tuple
        The output before it is rounded, and after.
    """
    made: dict[int, Any] = {}

    def stand_in(structure: Any) -> Any:
        return keras.tree.map_structure(lambda x: made.get(id(x), x), structure)

    raw = image
    for call in calls(model):
        raw = draw(call, stand_in) if call.inputs else image
        made[id(call.outputs[0])] = rounded(call.operation.name, raw)
    return raw, made[id(model.outputs[0])]


def simulated(model: keras.Model, ranges: Ranges) -> keras.Model:
    """The network with a :class:`kerascnn.layers.FakeQuantization` at each point; it shares the layers of ``model``."""
    image = keras.Input(batch_shape=model.inputs[0].shape, name=model.inputs[0].name)

    def rounded(name: str, x: Any) -> Any:
        if name not in ranges:
            return x
        return L.FakeQuantization(*ranges[name], TIES.get(type(model.get_layer(name))), name=f"{name}-rounded")(x)

    def draw(call: Call, stand_in: Any) -> Any:
        return call.operation(*stand_in(call.args), **stand_in(call.keywords))

    return keras.Model(image, walked(model, image, draw, rounded)[1], name=model.name)


class Trainee:
    """The twin that is tuned: the toolkit's quantisers on kernels and at each point. Frozen layers stay frozen.

    Parameters
    ----------
    model
        Lowered model of one image and one output.
    found
        Its points.
    ranges
        Ranges to begin with.

    Attributes
    ----------
    network
        ``tf_keras.Model`` to train. Its output is not rounded where its range is fixed, as that of probabilities is:
        the loss looks for the activation there.
    """

    def __init__(self, model: keras.Model, found: list[Point], ranges: Ranges):
        from kerascnn.compression.quantizers import KERNELS, Fixed, OfKernel, OfOutput, OnScale

        tf_keras, wrapper = legacy_keras(), toolkit().quantization.keras.QuantizeWrapperV2
        self.layers = {layer.name: layer for layer in twin(model).layers}
        self.kernels: dict[str, OfKernel] = {}
        self.at: dict[str, list] = {}  # by point: the ranges of all on its scale
        self.fixed = {point.name: point.fixed for point in found if point.fixed}
        points, scales = {point.name: point for point in found}, {}

        def draw(call: Call, stand_in: Any) -> Any:
            layer = self.layers[call.operation.name]
            if type(layer).__name__ in KERNELS and not layer.trainable:  # the wrapper would train it
                kernel, *bias = layer.get_weights()
                layer.set_weights([on_grid(kernel, OUTPUTS[type(call.operation)]), *bias])
            elif type(layer).__name__ in KERNELS:
                self.kernels[layer.name] = config = OfKernel(layer)
                return wrapper(layer, config)(*stand_in(call.args))
            return called(layer, call, stand_in)

        def rounded(name: str, x: Any) -> Any:
            if name not in points:
                return x
            point = points[name]
            if point.fixed:
                quantizer = Fixed(point.fixed)
            else:
                self.at[name] = scales.setdefault(point.scale, [])
                quantizer = OnScale(ranges[name], self.at[name])
            return wrapper(tf_keras.layers.Activation("linear", name=f"{name}-rounded"), OfOutput(quantizer))(x)

        image = tf_keras.Input(batch_shape=model.inputs[0].shape)
        raw, last = walked(model, image, draw, rounded)
        self.network = tf_keras.Model(image, raw if last_name(model) in self.fixed else last, name=model.name)

    def ranges(self) -> Ranges:
        """What each point can hold now: what all on its scale hold."""
        return self.fixed | {
            name: (min(float(own["min_var"]) for own in scale), max(float(own["max_var"]) for own in scale))
            for name, scale in self.at.items()
        }

    def give_weights(self, model: keras.Model) -> None:
        """Give the weights that were tuned to the layers of ``model``, kernels rounded as an integer holds them."""
        for layer in model.layers:
            if layer.name in self.kernels:
                theirs = self.layers[layer.name]
                bias = [theirs.bias.numpy()] if layer.use_bias else []
                layer.set_weights([on_grid(self.kernels[layer.name].kernel.numpy(), OUTPUTS[type(layer)]), *bias])
            elif layer.weights:
                theirs = self.layers[layer.name]
                layer.set_weights(getattr(theirs, "operation", theirs).get_weights())


def last_name(model: keras.Model) -> str:
    """The name of the operation that puts out the scores."""
    return next(call.operation.name for call in calls(model) if call.outputs[0] is model.outputs[0])


def on_grid(kernel: np.ndarray, outputs: tuple[int, ...]) -> np.ndarray:
    """A kernel of multiples of one number for each output, none of them further from 0 than 127 of it."""
    inputs = tuple(axis for axis in range(kernel.ndim) if axis not in outputs)
    step = np.abs(kernel).max(axis=inputs, keepdims=True) / 127
    return np.where(step > 0, np.round(kernel / np.where(step > 0, step, 1)) * step, 0).astype("float32")
