"""The toolkit's quantisers, for kernels of any layer and for tensors on one scale. Imported late, as the toolkit is."""

from math import prod
from typing import Any

import tensorflow as tf

from kerascnn.compression.rounding import Range
from kerascnn.compression.toolkit import toolkit

keras_side = toolkit().quantization.keras
QUANTIZERS = keras_side.quantizers


class OnScale(QUANTIZERS.MovingAverageQuantizer):
    """Follow the range of a tensor by a moving average, from ``start`` on, and round by the range of all on its scale.

    ``scale`` is the list of all on it, to which each adds the variables of its own range.
    """

    def __init__(self, start: Range, scale: list):
        super().__init__(num_bits=8, per_axis=False, symmetric=False, narrow_range=False)
        self.start, self.scale = start, scale

    def build(self, tensor_shape: Any, name: str, layer: Any) -> Any:
        own = super().build(tensor_shape, name, layer)
        for key, value in zip(("min_var", "max_var"), self.start, strict=True):
            own[key].assign(value)
        self.scale.append(own)
        return own

    def __call__(self, inputs: Any, training: bool, weights: Any, **_: Any) -> Any:
        if training:
            super().__call__(inputs, training, weights)  # for the averages that it moves
        low = tf.reduce_min([own["min_var"] for own in self.scale])
        high = tf.reduce_max([own["max_var"] for own in self.scale])
        return tf.quantization.fake_quant_with_min_max_vars(inputs, low, high)


class PerOutput(QUANTIZERS.LastValueQuantizer):
    """Round a kernel by a range around 0 for each output, as it is now: in training and after.

    ``axes`` are those of the kernel that count outputs, next to each other.
    """

    def __init__(self, axes: tuple[int, ...]):
        super().__init__(num_bits=8, per_axis=True, symmetric=True, narrow_range=True)
        self.axes = axes

    def build(self, tensor_shape: Any, name: str, layer: Any) -> Any:
        outputs = prod(tensor_shape[axis] for axis in self.axes)
        return super().build(tf.TensorShape((None, outputs)), name, layer)

    def __call__(self, inputs: Any, training: bool, weights: Any, **_: Any) -> Any:
        order = [axis for axis in range(len(inputs.shape)) if axis not in self.axes] + [*self.axes]
        outputs_last = tf.transpose(inputs, order)
        rows = tf.reshape(outputs_last, (-1, prod(inputs.shape[axis] for axis in self.axes)))
        rounded = tf.reshape(super().__call__(rows, True, weights), outputs_last.shape)
        return tf.transpose(rounded, [order.index(axis) for axis in range(len(order))])


class OfOutput(keras_side.QuantizeConfig):
    """Round what a layer puts out, and no more of it."""

    def __init__(self, *quantizers: Any):
        self.quantizers = list(quantizers)

    def get_weights_and_quantizers(self, layer: Any) -> list[Any]:
        return []

    def set_quantize_weights(self, layer: Any, quantize_weights: list[Any]) -> None:
        pass

    def get_activations_and_quantizers(self, layer: Any) -> list[Any]:
        return []

    def set_quantize_activations(self, layer: Any, quantize_activations: list[Any]) -> None:
        pass

    def get_output_quantizers(self, layer: Any) -> list[Any]:
        return self.quantizers

    def get_config(self) -> dict[str, Any]:
        return {}


class OfKernel(OfOutput):
    """Round the kernel of a layer alone, whose axes ``outputs`` count these; remember the variable, which is hidden."""

    def __init__(self, layer: Any, outputs: tuple[int, ...]):
        super().__init__()
        self.attribute = "depthwise_kernel" if hasattr(layer, "depthwise_kernel") else "kernel"
        self.kernel, self.outputs = getattr(layer, self.attribute), outputs

    def get_weights_and_quantizers(self, layer: Any) -> list[Any]:
        return [(self.kernel, PerOutput(self.outputs))]

    def set_quantize_weights(self, layer: Any, quantize_weights: list[Any]) -> None:
        setattr(layer, self.attribute, quantize_weights[0])
