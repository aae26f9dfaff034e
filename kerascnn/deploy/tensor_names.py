"""From the tensors of an exported file back to Keras' layers.

The converters name a tensor after the operations that it came of, and an operation after its layer:
``net_1/stem-relu_1/Relu;net_1/stem-bn_1/batchnorm/add_1;net_1/stem-conv_1/convolution`` is what three layers became.
The outputs of a file have names of their own, and stand in the order of these.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from kerascnn.runtime import outputs_by_name

if TYPE_CHECKING:
    import keras


def layers_in(names: Iterable[str], layers: Mapping[str, Collection[str]], model: str) -> tuple[str, ...]:
    """The layers that tensors are named after, in the order of ``layers``.

    A name says first the model, then a layer, then the layers inside it, and last an operation, which may be called
    like the model or any layer.

    Parameters
    ----------
    layers
        The names of the layers that may stand behind the model's, and of those inside each.
    model
        The name of the model. Where a tensor's name does not say it, layers begin with the first that is known.
    """
    found = set()
    for name in ";".join(names).split(";"):
        parts = re.split("[/:]", name)
        behind = [place for place, part in enumerate(parts, 1) if counted(part, (model,)) == model]
        first = [place for place, part in enumerate(parts) if counted(part, layers) in layers]
        start = (behind or first or [0])[0]
        while start + 1 in behind and counted("".join(parts[start + 1 : start + 2]), layers) in layers:
            start += 1  # a model in a model of the same name, as one behind a layer that normalises pixels
        known: Collection[str] = layers
        for part in parts[start:]:
            if (layer := counted(part, known)) not in known:
                break
            found.add(layer)
            known = layers.get(layer, ())
    return tuple(layer for layer in layers if layer in found)


def counted(part: str, known: Collection[str]) -> str:
    """A part of a name without the number with which TensorFlow counts the calls of what is known."""
    short = re.sub(r"_\d+$", "", part)
    return short if short in known else part


def owners_of(names: Iterable[str], layers: Collection[str]) -> dict[str, str]:
    """Names of the parts that lowering makes of a layer, with the layer: each is named after it, with a word more."""
    found = {}
    for name in names:
        words = name.split("-")
        starts = ("-".join(words[:count]) for count in range(len(words) - 1, 0, -1))
        if name not in layers and (owner := next((start for start in starts if start in layers), None)):
            found[name] = owner
    return found


def output_operations(model: "keras.Model") -> list[Any]:
    """What makes each output of a model, in the order in which a file has them."""
    from kerascnn.graph.graph import functional

    outputs = outputs_by_name(model, functional(model).output)
    return [output._keras_history.operation for _, output in sorted(outputs.items())]
