"""A tf_keras copy of a Keras 3 model, and the way back for its weights."""

from typing import Any

import keras

from kerascnn.compression.toolkit import legacy_keras
from kerascnn.graph.copies import warn_of_shared
from kerascnn.graph.graph import Call, Graph, is_graph
from kerascnn.graph.rewrite import float32_copy, replay, without_adapters


def legacy_copy(model: keras.Model) -> Any:
    """A ``tf_keras.Model`` that computes what ``model`` does, in float32, with weights of its own.

    Layers keep their names. Those that Keras 2 has and computes alike are Keras 2's, so that tools find them by their
    class; every other one is a :class:`.legacy_layers.Keras3Layer`, which computes by a copy of the Keras 3 layer.
    Penalties and constraints on weights are left behind, and a layer that cannot be copied is the model's own, frozen.
    A layer that is used twice must be called in the same way each time. Models inside the model are copied as models.

    Raises
    ------
    ValueError
        When the model is a subclass with a ``call`` of its own, and so shows no graph.
    ImportError
        When tf_keras is not installed.
    """
    from kerascnn.compression.legacy_layers import Arguments, Keras3Layer, legacy_layer

    tf_keras = legacy_keras()
    graph = Graph(without_adapters(model))
    layers: dict[Any, Any] = {}  # by operation: the layer that stands for it
    for call in graph.calls:
        if call.inputs and call.operation not in layers:
            layers[call.operation] = legacy_copy(call.operation) if is_graph(call.operation) else legacy_layer(call)
        elif isinstance(layer := layers.get(call.operation), Keras3Layer) and layer.arguments != Arguments(call):
            raise ValueError(f"Layer {layer.name!r} is called twice, with other arguments: draw it as two layers.")
    inputs = keras.tree.map_structure(
        lambda x: tf_keras.Input(batch_shape=x.shape, dtype=x.dtype, name=graph.producer(x).operation.name),
        graph.model.input,
    )
    outputs = replay(graph, keras.tree.flatten(inputs), lambda call: called(layers[call.operation], call))
    return tf_keras.Model(inputs, outputs, name=model.name)


def called(layer: Any, call: Call) -> Any:
    """Call what stands for an operation on tensors of tf_keras, otherwise as the operation was called."""
    from kerascnn.compression.legacy_layers import Keras3Layer, without_defaults

    if isinstance(layer, Keras3Layer):
        return layer(call.inputs if len(call.inputs) > 1 else call.inputs[0])
    return layer(*call.args, **without_defaults(call.keywords))


def wrap_layers(model: Any, change: Any) -> Any:
    """A ``tf_keras.Model`` with each layer as ``change`` returns it, in inner models too."""
    tf_keras = legacy_keras()

    def clone(layer: Any) -> Any:
        return wrap_layers(layer, change) if isinstance(layer, tf_keras.Model) else change(layer)

    return tf_keras.models.clone_model(model, clone_function=clone)


def weights_back(copy: Any, model: keras.Model) -> None:
    """Give every layer of ``model`` the weights of the layer of its name in a tf_keras copy.

    The copy is what :func:`legacy_copy` made of the model, or of one like it; wrappers of tools are taken off before.
    """
    there = {layer.name: layer for layer in copy.layers}
    for layer in model.layers:
        if not layer.weights:
            continue
        if layer.name not in there:
            raise ValueError(f"The tf_keras copy has no layer {layer.name!r}; take the wrappers of tools off it first.")
        if is_graph(layer):
            weights_back(there[layer.name], layer)
        else:
            own = getattr(there[layer.name], "operation", there[layer.name])
            layer.set_weights(own.get_weights())


def keras3_copy(legacy: Any, model: keras.Model) -> keras.Model:
    """A copy of ``model`` in float32 with the weights of a tf_keras copy."""
    copy = float32_copy(model)
    weights_back(legacy, copy)
    return warn_of_shared(copy, model)
