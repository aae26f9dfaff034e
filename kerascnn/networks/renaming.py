"""Other names for the layers of a model that stands."""

from collections.abc import Mapping

import keras


def rename(model: keras.Model, names: Mapping[str, str]) -> None:
    """Call layers by other names, ``{"stem-conv": "conv1_conv"}``, and their variables after them."""
    for layer in model.layers:
        if name := names.get(layer.name):
            for w in layer.weights:
                w._path = name + w.path.removeprefix(layer.name)
            layer.name = name
