"""One walk for every rewriting: a model drawn anew, where rules draw some of its layers in another way."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import layers as L

from kerascnn.graph.calls import calls, functional, is_graph

Rule = Callable[..., Any]  # draws in a layer's place: (the layer, a free name, its arguments) to its output
Plan = Callable[[keras.Model], Callable[[Any], Rule | None]]  # for a graph, the rule of each of its layers


def redraw(model: keras.Model, plan: Plan) -> keras.Model:
    """A new model with weights of its own, in which ``plan`` has had its say about every layer.

    Parameters
    ----------
    plan
        Takes a graph, the model or one inside it, and gives a function from a layer of that graph to the rule that
        draws in its place, or to None where the layer stays. A rule is given a name that is still free: a layer that
        is used twice is drawn twice.

    Raises
    ------
    ValueError
        When the model is a subclass with a ``call`` of its own, and so shows no graph.
    """
    source = functional(model)
    rule_of = plan(source)
    originals = {layer.name: layer for layer in source.layers}
    uses: Counter[str] = Counter()

    def copy(layer: Any) -> Any:
        return redraw(layer, plan) if is_graph(layer) else layer.__class__.from_config(layer.get_config())

    def call(layer: Any, *args: Any, **kwargs: Any) -> Any:
        original = originals.get(layer.name)  # what is no layer is a bare operation, and stays
        if original is not None and (rule := rule_of(original)):
            uses[layer.name] += 1
            count = uses[layer.name]
            return rule(original, layer.name if count == 1 else f"{layer.name}_{count}", *args, **kwargs)
        y = layer(*args, **kwargs)
        if original is not None and original.weights and not is_graph(layer):
            layer.set_weights(original.get_weights())
        return y

    names = {id(call.outputs[0]): call.operation.name for call in calls(source) if not call.inputs}
    inputs = keras.tree.map_structure(
        lambda x: keras.Input(batch_shape=x.shape, dtype=x.dtype, name=names[id(x)]), source.input
    )
    return keras.models.clone_model(source, inputs, copy, call)


def drawn(layer: Any, weights: list[np.ndarray], x: Any) -> Any:
    """What a new layer makes of ``x`` with these weights."""
    y = layer(x)
    layer.set_weights(weights)
    return y


def kept(layer: Any, name: str, x: Any) -> Any:
    """The rule of a layer that stays as it is."""
    return drawn(layer.__class__.from_config(layer.get_config() | {"name": name}), layer.get_weights(), x)


def passed(layer: Any, name: str, x: Any, **_: Any) -> Any:
    """The rule of what does nothing at inference."""
    return x


def affine(x: Any, scale: Any, offset: Any, name: str) -> Any:
    """``x * scale + offset``, numbers or one for each channel, drawn as a batch norm, so that folding knows it."""
    values = [np.broadcast_to(v, x.shape[-1:]) for v in (scale, offset, 0, 1)]
    return drawn(L.BatchNormalization(epsilon=0.0, name=name), values, x)
