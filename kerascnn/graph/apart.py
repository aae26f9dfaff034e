"""Layers that are called more than once, as the heads of a feature pyramid are, drawn as one layer for each call."""

from typing import Any

import keras

from kerascnn.graph.copies import copied, is_known
from kerascnn.graph.graph import Graph
from kerascnn.graph.rewrite import drawn, redraw


def apart(model: keras.Model) -> tuple[keras.Model, dict[str, str]]:
    """The model, in which every layer is called once, and what was drawn for the further calls of one.

    A layer stands for the first of its calls, and copies with its weights for the others. The second is the name of
    that layer by the name of each copy. Layers of a user's own stay shared.
    """
    first: dict[str, str] = {}

    def again(layer: Any, name: str, *args: Any, **keywords: Any) -> Any:
        if name != layer.name:
            first[name] = layer.name
        return drawn(copied(layer, name=name), layer.get_weights(), *args, **keywords)

    def plan(graph: Graph) -> Any:
        return lambda layer: again if graph.uses[layer] > 1 and is_known(layer) else None

    if max(Graph(model).uses.values()) == 1:
        return model, first
    return redraw(model, plan), first
