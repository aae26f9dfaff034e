"""One graph of what was drawn with models inside the model, as transfer learning in Keras mostly is."""

from collections.abc import Callable
from typing import Any

import keras

from kerascnn.graph.copies import twin
from kerascnn.graph.graph import Call, Graph, is_graph
from kerascnn.graph.rewrite import drawn_once, give_weights, on_new_inputs, replay


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

    def free_name(name: str, inside: Graph) -> str:
        while inside is not outer and name in taken:
            name = f"{inside.model.name}-{name}"
        taken.add(name)
        return name

    def copy(call: Call, inside: Graph) -> Any:
        return twin(call, name=free_name(call.operation.name, inside))

    def drawing(graph: Graph) -> Callable[[Call], Any]:
        def draw(call: Call) -> Any:
            layer = call.operation
            if is_graph(layer):
                inner = Graph(layer)
                return replay(inner, call.inputs, drawing(inner))
            return drawn_once(copies, call, lambda call: copy(call, graph))

        return draw

    new = on_new_inputs(outer, drawing(outer))
    give_weights(copies)
    return new
