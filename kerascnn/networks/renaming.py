"""Other names for the layers of a model that stands."""

from collections.abc import Mapping

import keras


def rename(model: keras.Model, names: Mapping[str, str]) -> None:
    """Call layers by other names, ``{"stem-conv": "conv1_conv"}``, and their variables and outputs after them."""
    model.output_names = [names.get(name, name) for name in model.output_names]
    for layer in model.layers:
        if name := names.get(layer.name):
            for w in layer.weights:
                w._path = name + w.path.removeprefix(layer.name)
            layer.name = name
