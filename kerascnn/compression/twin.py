"""A Keras 3 model as a tf_keras model that computes the same, and the way back for its weights."""

from typing import Any

import keras

from kerascnn.compression.toolkit import legacy_keras
from kerascnn.graph.calls import Call, calls, functional, is_graph


def twin(model: keras.Model) -> Any:
    """A ``tf_keras.Model`` that computes what ``model`` does, in float32, with weights of its own.

    Layers keep their names. Those that Keras 2 has and computes alike are Keras 2's, so that tools find them by their
    class; every other one is a :class:`.counterparts.Borrowed` layer, which computes by a copy of the
    Keras 3 layer. Penalties and constraints on weights are left behind. A layer that is used twice must be called in
    the same way each time. Models inside the model become twins on their own.

    Raises
    ------
    ValueError
        When the model is a subclass with a ``call`` of its own, and so shows no graph.
    ImportError
        When tf_keras is not installed.
    """
    tf_keras = legacy_keras()
    source = functional(model)
    drawn: dict[int, Any] = {}  # by id of an operation: the layer that stands for it
    made: dict[int, Any] = {}  # by id of a tensor: the one that stands for it

    def stand_in(structure: Any) -> Any:
        return keras.tree.map_structure(lambda x: made.get(id(x), x), structure)

    for call in calls(source):
        if not call.inputs:
            x = call.outputs[0]
            made[id(x)] = tf_keras.Input(batch_shape=x.shape, dtype=x.dtype, name=call.operation.name)
            continue
        if id(call.operation) not in drawn:
            drawn[id(call.operation)] = stands_for(call)
        layer = drawn[id(call.operation)]
        outputs = called(layer, call, stand_in)
        made |= {id(old): new for old, new in zip(call.outputs, keras.tree.flatten(outputs), strict=True)}
    return tf_keras.Model(stand_in(source.input), stand_in(source.output), name=model.name)


def stands_for(call: Call) -> Any:
    from kerascnn.compression.counterparts import counterpart

    return twin(call.operation) if is_graph(call.operation) else counterpart(call)


def called(layer: Any, call: Call, stand_in: Any) -> Any:
    """Call what stands for an operation as the operation was called."""
    from kerascnn.compression.counterparts import Arguments, Borrowed, without_defaults

    if not isinstance(layer, Borrowed):
        return layer(*stand_in(call.args), **stand_in(without_defaults(call.keywords)))
    if layer.arguments != Arguments(call):
        raise ValueError(f"Layer {layer.name!r} is called twice, with other arguments, and so has no twin.")
    tensors = stand_in(call.inputs)
    return layer(tensors if len(tensors) > 1 else tensors[0])


def rewrapped(model: Any, change: Any) -> Any:
    """A ``tf_keras.Model`` with each layer as ``change`` returns it, in inner models too."""
    tf_keras = legacy_keras()

    def clone(layer: Any) -> Any:
        return rewrapped(layer, change) if isinstance(layer, tf_keras.Model) else change(layer)

    return tf_keras.models.clone_model(model, clone_function=clone)


def weights_back(twin: Any, model: keras.Model) -> None:
    """Give every layer of ``model`` the weights of the layer of its name in ``twin``.

    Parameters
    ----------
    twin
        What :func:`twin` made of the model, or of one like it; wrappers of tools are taken off before.
    model
        Keras 3 model; its weights are replaced.

    Raises
    ------
    ValueError
        When a layer with weights is missing in the twin.
    """
    there = {layer.name: layer for layer in twin.layers}
    for layer in model.layers:
        if not layer.weights:
            continue
        if layer.name not in there:
            raise ValueError(f"The twin has no layer {layer.name!r}; take the wrappers of tools off it first.")
        if is_graph(layer):
            weights_back(there[layer.name], layer)
        else:
            own = getattr(there[layer.name], "operation", there[layer.name])
            layer.set_weights(own.get_weights())


def brought_back(twin: Any, model: keras.Model) -> keras.Model:
    """A copy of ``model`` with the weights of ``twin``, in float32."""
    copy = keras.models.clone_model(model, clone_function=in_float32, recursive=True)
    weights_back(twin, copy)
    return copy


def in_float32(layer: Any) -> Any:
    return layer.__class__.from_config({**layer.get_config(), "dtype": "float32"})
