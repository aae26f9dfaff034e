"""What a model does to the values of its images before all else."""

from typing import Any

import keras
import numpy as np

from kerascnn.graph.graph import Graph, is_graph

SCALES = (keras.layers.Rescaling, keras.layers.Normalization)


def unscaled(images: np.ndarray, model: keras.Model) -> np.ndarray:
    """The images that a model's first layers of scaling map to ``images``: these themselves, where it has none.

    ``Rescaling(1 / 255)`` at the beginning, also of a model inside, tells that pixels of 0 to 255 go in.
    """
    scales = first_scales(model)

    def scaled(value: float) -> Any:
        values = np.full((1, *images.shape[1:]), value, images.dtype)
        for layer in scales:
            values = layer(values)
        return keras.ops.convert_to_numpy(values)

    offset = scaled(0.0)
    return ((images - offset) / (scaled(1.0) - offset)).astype(images.dtype) if scales else images


def first_scales(model: keras.Model) -> list[Any]:
    """The layers of scaling that the image goes through before anything else sees it."""
    graph, found = Graph(model), []
    calls = graph.private_consumers(graph.model.inputs[0])
    while len(calls) == 1 and isinstance(calls[0].operation, SCALES):
        found.append(calls[0].operation)
        calls = graph.private_consumers(calls[0].outputs[0])
    inside = len(calls) == 1 and is_graph(calls[0].operation)
    return found + (first_scales(calls[0].operation) if inside else [])
