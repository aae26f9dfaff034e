"""A lowered model drawn anew with its rounding points: in tf_keras to be tuned, in Keras 3 to be run and written."""

from typing import Any

import keras
import numpy as np

from kerascnn import layers as L
from kerascnn.compression.scales import Point, Range
from kerascnn.compression.toolkit import legacy_keras, toolkit
from kerascnn.compression.twin import called, twin
from kerascnn.graph.fold import OUTPUTS
from kerascnn.graph.graph import Call, Graph
from kerascnn.graph.rewrite import replay

Ranges = dict[str, Range]  # by the name of a point's operation
TIES = {L.LeakyReLU: "up", L.AveragePooling2D: "outwards"}  # of operators that bring many: where these go


def simulated(model: keras.Model, ranges: Ranges) -> keras.Model:
    """The network with a :class:`kerascnn.layers.FakeQuantization` at each point; it shares the layers of ``model``."""

    def rounded(layer: Any, x: Any) -> Any:
        if layer.name not in ranges:
            return x
        return L.FakeQuantization(*ranges[layer.name], TIES.get(type(layer)), name=f"{layer.name}-rounded")(x)

    def draw(call: Call) -> Any:
        return rounded(call.operation, call.operation(*call.args, **call.keywords))

    graph = Graph(model)
    image = keras.Input(batch_shape=model.inputs[0].shape, name=model.inputs[0].name)
    return keras.Model(image, replay(graph, [rounded(graph.calls[0].operation, image)], draw), name=model.name)


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

        def draw(call: Call) -> Any:
            layer = self.layers[call.operation.name]
            if type(layer).__name__ in KERNELS and not layer.trainable:  # the wrapper would train it
                kernel, *bias = layer.get_weights()
                layer.set_weights([on_grid(kernel, OUTPUTS[type(call.operation)]), *bias])
            elif type(layer).__name__ in KERNELS:
                self.kernels[layer.name] = config = OfKernel(layer)
                return wrapper(layer, config)(*call.args)
            return called(layer, call)

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

        def draw_and_round(call: Call) -> Any:
            y, name = draw(call), call.operation.name
            return y if name in self.fixed and graph.is_output(call.outputs[0]) else rounded(name, y)

        graph = Graph(model)
        image = tf_keras.Input(batch_shape=model.inputs[0].shape)
        scores = replay(graph, [rounded(model.inputs[0].name, image)], draw_and_round)
        self.network = tf_keras.Model(image, scores, name=model.name)

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


def on_grid(kernel: np.ndarray, outputs: tuple[int, ...]) -> np.ndarray:
    """A kernel of multiples of one number for each output, none of them further from 0 than 127 of it."""
    inputs = tuple(axis for axis in range(kernel.ndim) if axis not in outputs)
    step = np.abs(kernel).max(axis=inputs, keepdims=True) / 127
    return np.where(step > 0, np.round(kernel / np.where(step > 0, step, 1)) * step, 0).astype("float32")
