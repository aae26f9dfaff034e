"""What an int8 file computes, as a Keras model: with its rounding in Keras 3 to run it, in tf_keras to train it."""

from typing import Any

import keras
import numpy as np

from kerascnn import layers as L
from kerascnn.compression.legacy_copy import called, legacy_copy
from kerascnn.compression.rounding import KERNELS, Range, RoundedTensor
from kerascnn.compression.toolkit import legacy_keras, toolkit
from kerascnn.graph.graph import Call, Graph
from kerascnn.graph.rewrite import replay

Ranges = dict[str, Range]  # of rounded tensors, by the name of the operation that makes each
# Operators that bring many numbers half-way between two steps, and where they round these. XNNPACK interpolates with
# weights of 11 bits: exact where a side grows by a power of 2; else one number in a hundred is a step off.
TIES = {L.LeakyReLU: "up", L.AveragePooling2D: "outwards", L.Resizing: "up", L.UpSampling2D: "up"}


def simulate(model: keras.Model, ranges: Ranges) -> keras.Model:
    """A lowered model with a :class:`kerascnn.layers.FakeQuantization` behind each operation that rounds.

    It shares the layers of ``model``.
    """

    def rounded(layer: Any, x: Any) -> Any:
        if layer.name not in ranges:
            return x
        return L.FakeQuantization(*ranges[layer.name], TIES.get(type(layer)), name=f"{layer.name}-rounded")(x)

    def draw(call: Call) -> Any:
        return rounded(call.operation, call.operation(*call.args, **call.keywords))

    graph = Graph(model)
    image = keras.Input(batch_shape=model.inputs[0].shape, name=model.inputs[0].name)
    return keras.Model(image, replay(graph, [rounded(graph.calls[0].operation, image)], draw), name=model.name)


class TrainingCopy:
    """The copy that is trained, with the toolkit's quantisers on kernels and tensors. Frozen layers stay frozen.

    It is made of a lowered model of one image, the tensors that its int8 file rounds, the ranges to begin with, and by
    the names of layers the ``first`` of those that are one layer here, see :func:`kerascnn.graph.apart.apart`. An
    output of ``network``, the ``tf_keras.Model`` to train, is not rounded where its range is prescribed, as that of
    probabilities is: one that is rounded to 0 has no logarithm.
    """

    def __init__(self, model: keras.Model, tensors: list[RoundedTensor], ranges: Ranges, first: dict[str, str]):
        from kerascnn.compression.quantizers import QUANTIZERS, OfKernel, OfOutput, OnScale

        tf_keras, wrapper = legacy_keras(), toolkit().quantization.keras.QuantizeWrapperV2
        copies = {layer.name: layer for layer in legacy_copy(model).layers}
        self.layers = {name: copies[first.get(name, name)] for name in copies}
        self.kernels: dict[str, OfKernel] = {}
        self.variables: dict[str, list] = {}  # by rounded tensor: the variables of all ranges on its scale
        self.fixed = {tensor.name: tensor.fixed for tensor in tensors if tensor.fixed}
        by_name, scales, wrapped = {tensor.name: tensor for tensor in tensors}, {}, {}

        def with_kernel(call: Call) -> Any:
            layer, outputs = self.layers[call.operation.name], KERNELS.get(type(call.operation))
            if outputs and layer.trainable:
                if layer.name not in wrapped:
                    self.kernels[layer.name] = config = OfKernel(layer, outputs)
                    wrapped[layer.name] = wrapper(layer, config)
                return wrapped[layer.name](*call.args)
            if outputs:  # frozen, and the wrapper would train it
                kernel, *bias = layer.get_weights()
                layer.set_weights([on_grid(kernel, outputs), *bias])
            return called(layer, call)

        def rounded(name: str, x: Any) -> Any:
            if name not in by_name:
                return x
            tensor = by_name[name]
            if tensor.fixed:
                quantizer = QUANTIZERS.FixedQuantizer(8, *tensor.fixed, narrow_range=False)
            else:
                self.variables[name] = scales.setdefault(tensor.scale, [])
                quantizer = OnScale(ranges[name], self.variables[name])
            return wrapper(tf_keras.layers.Activation("linear", name=f"{name}-rounded"), OfOutput(quantizer))(x)

        def draw(call: Call) -> Any:
            y, name = with_kernel(call), call.operation.name
            return y if name in self.fixed and graph.is_output(call.outputs[0]) else rounded(name, y)

        graph = Graph(model)
        image = tf_keras.Input(batch_shape=model.inputs[0].shape)
        outputs = replay(graph, [rounded(model.inputs[0].name, image)], draw)
        self.network = tf_keras.Model(image, outputs, name=model.name)

    def ranges(self) -> Ranges:
        """The range of each rounded tensor now: what holds all on its scale."""
        return self.fixed | {
            name: (min(float(own["min_var"]) for own in scale), max(float(own["max_var"]) for own in scale))
            for name, scale in self.variables.items()
        }

    def give_weights(self, model: keras.Model) -> None:
        """Give the weights that were tuned to the layers of ``model``, kernels rounded as an integer holds them."""
        for layer in filter(lambda layer: layer.weights, model.layers):
            trained: Any = self.layers[layer.name]
            if trained.name in self.kernels:
                bias = [trained.bias.numpy()] if layer.use_bias else []
                layer.set_weights([on_grid(self.kernels[trained.name].kernel.numpy(), KERNELS[type(layer)]), *bias])
            else:
                layer.set_weights(getattr(trained, "operation", trained).get_weights())


def on_grid(kernel: np.ndarray, outputs: tuple[int, ...]) -> np.ndarray:
    """A kernel of multiples of one number for each output, none of them further from 0 than 127 of it."""
    step = largest(kernel, outputs, keepdims=True) / 127
    return np.where(step > 0, np.round(kernel / np.where(step > 0, step, 1)) * step, 0).astype("float32")


def largest(kernel: np.ndarray, outputs: tuple[int, ...], keepdims: bool = False) -> np.ndarray:
    """The largest absolute weight of each output of a kernel."""
    inputs = tuple(axis for axis in range(kernel.ndim) if axis not in outputs)
    return np.abs(kernel).max(axis=inputs, keepdims=keepdims)
