"""Layers copied for another graph, where a configuration says all that there is to say; else the layer itself.

The configuration of a class that is not known here may leave out what it was made with, a weight, or a name. Such a
layer is made again only when the copy proves equal.
"""

import warnings
from typing import Any

import keras
import numpy as np
from keras import tree

from kerascnn import layers as L
from kerascnn.graph.graph import Call, Graph, is_graph

PLAIN = (bool, int, float, str, type(None))
SIDE = 8  # pixels of an image of any size, for a proof


def copied(layer: Any, **changes: Any) -> Any:
    """A new layer of the same configuration, with these changes; it has no weights yet.

    Functions go over as they are: of one that Keras does not know, a configuration holds no more than the code.
    """
    config = layer.get_config()
    given = {key: value for key in config if is_function(value := getattr(layer, key, None))}
    return type(layer).from_config(config | given | changes)


def is_function(value: Any) -> bool:
    return callable(value) and not isinstance(value, L.Layer | keras.Variable | type)


def is_known(layer: Any) -> bool:
    """Whether a layer, and every one inside it, is exactly of a class of Keras' or of the package's."""
    kinds = {type(part) for part in layer._flatten_layers()}
    return L.Lambda not in kinds and all(getattr(L, kind.__name__, None) is kind for kind in kinds)


def twin(call: Call, **changes: Any) -> Any:
    """A copy of the layer of a call with these changes, for :func:`weights_of` it; or the layer itself.

    It is the layer itself, of another class than Keras' and the package's, where it has no weights, or where a copy
    does not compute the same. Then it is shared, weights too, under another name or in another type if these are among
    the changes: see :func:`is_shared` and :func:`warn_of_shared`.
    """
    layer = call.operation
    name, dtype = changes.get("name", layer.name), changes.get("dtype")
    bare = {"lora_rank": None, "lora_alpha": None} if has_adapter(layer) else {}
    try:
        if is_known(layer) or (layer.weights and proves_equal(copied(layer, name=layer.name), call)):
            copy = in_one_type(copied(layer, **{"name": name} | changes | bare))
            copy.name = name  # which a configuration may leave out
            return copy
    except Exception:  # whatever the constructor of a user's class, or a function of theirs, does not take
        pass
    if dtype and all(part.compute_dtype == dtype for part in layer._flatten_layers()):
        dtype = None
    return shared_as(layer, name, dtype) if dtype or name != layer.name else layer


def shared_as(layer: Any, name: str, dtype: str | None) -> Any:
    """A layer that was drawn, with all that it holds, as a layer of another graph: under a name and in a type of its.

    The layers inside it compute in their own types.
    """
    other = object.__new__(type(layer))
    vars(other).update(vars(layer), name=name, _shared=shared(layer), _inbound_nodes=[], _outbound_nodes=[])
    if dtype:
        vars(other)["_dtype_policy"] = keras.dtype_policies.get(dtype)
    return other


def shared(layer: Any) -> Any:
    """The layer that :func:`shared_as` took; any other layer itself."""
    return vars(layer).get("_shared", layer)


def is_shared(copy: Any, layer: Any) -> bool:
    """Whether a :func:`twin` of a layer holds the weights of this and is none that takes them."""
    return shared(copy) is shared(layer)


def has_adapter(layer: Any) -> bool:
    """Whether a layer adds a low-rank adapter, LoRA, to its kernel."""
    return getattr(layer, "lora_enabled", False) and not layer.quantization_mode


def weights_of(layer: Any) -> list[np.ndarray]:
    """The weights that a :func:`twin` takes; adapters are a part of the kernel."""
    if has_adapter(layer):
        return [as_array(each) for each in (layer.kernel, layer.bias) if each is not None]
    return layer.get_weights()


def skeleton(layer: Any) -> Any:
    """A copy of a layer that takes inputs of other shapes, to look at; the layer itself where it is not known."""
    try:
        return copied(layer) if is_known(layer) else layer
    except Exception:  # a function of the user's
        return layer


def in_one_type(layer: Any) -> Any:
    """A layer whose inner layers compute in its own type, in which they were perhaps not made."""
    if layer.dtype_policy.name == "float32":
        for part in layer._flatten_layers(include_self=False):
            part.dtype_policy = "float32"
    return layer


def proves_equal(copy: Any, call: Call) -> bool:
    """Whether a new layer, given the weights of the layer of a call, has its attributes and computes the same."""
    layer = call.operation
    given: Any = tree.map_structure(
        lambda x: noise(x.shape, x.dtype) if isinstance(x, keras.KerasTensor) else x, (call.args, call.keywords)
    )
    args, keywords = given
    copy(*args, **keywords)
    copy.set_weights(layer.get_weights())
    if plain_attributes(copy) != plain_attributes(layer):  # what only training asks for, such as a rate
        return False
    outputs = (tree.flatten(each(*args, **keywords)) for each in (layer, copy))
    return all(np.array_equal(as_array(one), as_array(other)) for one, other in zip(*outputs, strict=True))


def as_array(tensor: Any) -> np.ndarray:
    return np.asarray(keras.ops.convert_to_numpy(tensor))


def plain_attributes(layer: Any) -> dict[str, Any]:
    """Numbers, texts and rows of them that a layer holds."""
    held = {key: list(v) if isinstance(v, tuple | list) else [v] for key, v in vars(layer).items()}
    return {k: v for k, v in held.items() if all(isinstance(x, PLAIN) for x in v) and any(x is not None for x in v)}


def noise(shape: Any, dtype: str, batch: int = 1, seed: int = 0) -> np.ndarray:
    """Numbers for an input of this shape: of a normal distribution, or integers from 0 to 255."""
    sizes = (batch, *(size or SIDE for size in shape[1:]))
    values = np.random.default_rng(seed).standard_normal(sizes)
    return (values if "float" in dtype else np.abs(values * 80) % 256).astype("float32" if "bf" in dtype else dtype)


def warn_of_shared(new: keras.Model, model: keras.Model) -> keras.Model:
    """The new model, after a warning where training it would change the model that it was made of."""
    old = {id(weight) for weight in model.weights}
    layers = [call.operation for call in Graph(new).calls if not is_graph(call.operation)]
    names = [layer.name for layer in layers if any(id(w) in old for w in getattr(layer, "weights", ()))]
    if names:
        warnings.warn(
            f"{new.name} shares the weights of {', '.join(map(repr, names))} with the model that it was made of: their "
            "get_config does not say all that they are made with. Training one changes the other; let get_config "
            "return every argument of __init__, and they are copied.",
            stacklevel=3,
        )
    return new
