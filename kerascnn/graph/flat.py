"""One graph of what was drawn with models inside the model, as transfer learning in Keras mostly is."""

from typing import Any

import keras
from keras import layers as L

from kerascnn.graph.calls import calls, functional, is_graph


def flat(model: keras.Model) -> keras.Model:
    """The model itself, or a new one that computes the same, with the layers of inner models in its own graph.

    Layers keep their names, but for one whose name is taken: the name of its inner model comes before it. A layer or
    an inner model that is used twice still is, with the same weights.

    Raises
    ------
    ValueError
        When the model shows no graph.
    """
    source = functional(model)
    if not any(is_graph(layer) for layer in source.layers):
        return model
    copies: dict[Any, Any] = {}  # by the layer
    taken = {layer.name for layer in source.layers if not is_graph(layer)}

    def copied(layer: Any, inside: keras.Model) -> Any:
        name = layer.name
        while inside is not source and name in taken:
            name = f"{inside.name}-{name}"
        taken.add(name)
        return layer.__class__.from_config(layer.get_config() | {"name": name})

    def run(graph: keras.Model, inputs: list[Any]) -> Any:
        made = {id(old): new for old, new in zip(graph.inputs, inputs, strict=True)}

        def stand_in(structure: Any) -> Any:
            return keras.tree.map_structure(lambda x: made.get(id(x), x), structure)

        for call in (call for call in calls(graph) if call.inputs):
            layer, args, keywords = call.operation, stand_in(call.args), stand_in(call.keywords)
            if is_graph(layer):
                outputs = run(functional(layer), stand_in(call.inputs))
            elif not isinstance(layer, L.Layer):  # a bare operation has no weights, and stays
                outputs = layer(*args, **keywords)
            else:
                if layer not in copies:
                    copies[layer] = copied(layer, graph)
                outputs = copies[layer](*args, **keywords)
            made |= {id(old): new for old, new in zip(call.outputs, keras.tree.flatten(outputs), strict=True)}
        return stand_in(graph.output)

    names = {id(call.outputs[0]): call.operation.name for call in calls(source) if not call.inputs}
    image = keras.tree.map_structure(
        lambda x: keras.Input(batch_shape=x.shape, dtype=x.dtype, name=names[id(x)]), source.input
    )
    new = keras.Model(image, run(source, keras.tree.flatten(image)), name=model.name)
    for layer, copy in copies.items():
        copy.set_weights(layer.get_weights())
    return new
