"""From the tensors of an exported file back to Keras' layers.

The converters name a tensor after the operations that it came of, and an operation after its layer:
``net_1/stem-relu_1/Relu;net_1/stem-bn_1/batchnorm/add_1;net_1/stem-conv_1/convolution`` is what three layers became.
The outputs of a file have names of their own, and stand in the order of these.
"""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from kerascnn.runtime import outputs_by_name

if TYPE_CHECKING:
    import keras


def layers_in(names: Iterable[str], layers: Iterable[str]) -> tuple[str, ...]:
    """The layers that tensors are named after, in the order of ``layers``."""
    known = list(layers)
    parts = [part for name in names for part in re.split("[/;:]", name)]
    shorter = [re.sub(r"_\d+$", "", part) for part in parts]  # TensorFlow counts the calls of a layer
    found = {short if short in known else part for short, part in zip(shorter, parts, strict=True)}
    return tuple(layer for layer in known if layer in found)


def output_operations(model: "keras.Model") -> list[Any]:
    """What makes each output of a model, in the order in which a file has them."""
    from kerascnn.graph.graph import functional

    outputs = outputs_by_name(model, functional(model).output)
    return [output._keras_history.operation for _, output in sorted(outputs.items())]
