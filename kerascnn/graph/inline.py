"""One graph of what was drawn with models inside the model, as transfer learning in Keras mostly is."""

from collections.abc import Callable
from typing import Any

import keras
from keras import layers as L

from kerascnn.graph.graph import Call, Graph, is_graph
from kerascnn.graph.rewrite import copied, on_new_inputs, replay


def inline_models(model: keras.Model) -> keras.Model:
    """The model itself, or a new one that computes the same, with the layers of inner models in its own graph.

    Layers keep their names, but for one whose name is taken: the name of its inner model comes before it. A layer or
    an inner model that is used twice still is, with the same weights.

    Raises
    ------
    ValueError
        When the model shows no graph.
    """
    outer = Graph(model)
    if not any(is_graph(layer) for layer in outer.model.layers):
        return model
    copies: dict[Any, Any] = {}  # by the layer
    taken = {layer.name for layer in outer.model.layers if not is_graph(layer)}

    def free_name(layer: Any, inside: Graph) -> str:
        name = layer.name
        while inside is not outer and name in taken:
            name = f"{inside.model.name}-{name}"
        taken.add(name)
        return name

    def drawing(graph: Graph) -> Callable[[Call], Any]:
        def draw(call: Call) -> Any:
            layer = call.operation
            if is_graph(layer):
                inner = Graph(layer)
                return replay(inner, call.inputs, drawing(inner))
            if isinstance(layer, L.Layer) and layer not in copies:
                copies[layer] = copied(layer, name=free_name(layer, graph))
            return copies.get(layer, layer)(*call.args, **call.keywords)  # a bare operation has no weights, and stays

        return draw

    new = on_new_inputs(outer, drawing(outer))
    for layer, copy in copies.items():
        copy.set_weights(layer.get_weights())
    return new
