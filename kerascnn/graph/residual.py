"""Residual branches of any model, found on its graph."""

from typing import Any

import keras
from keras import layers as L

from kerascnn.graph.fold import is_linear
from kerascnn.graph.graph import Call, Graph

# What gives zero for zero, and passes a gradient on there; a ReLU would stop it, and the branch would never wake.
PASSES = (L.Dropout, L.SpatialDropout2D, L.MaxPooling2D, L.AveragePooling2D, L.ZeroPadding2D)


def zero_last_gammas(model: keras.Model) -> list[str]:
    """Set the scale of the last batch norm of every residual branch to 0: blocks begin as their shortcuts.

    Goyal et al. 2017, https://arxiv.org/abs/1706.02677, section 5.1. A branch is what an ``Add`` takes beside its
    shortcut: both come from one map, and the shortcut through fewer layers with kernels. Between the batch norm and
    the ``Add`` there may be dropout, pooling and squeeze-and-excitation. Networks that normalise before they
    convolve (ResNet v2) have no such batch norm: a ReLU follows theirs, and its gradient at 0 is 0.

    Returns
    -------
    list of str
        Names of the batch norms.

    Raises
    ------
    ValueError
        When the model has no such batch norm, or shows no graph.
    """
    graph = Graph(model)
    adds = [call for call in graph.calls if isinstance(call.operation, L.Add)]
    norms = {norm.name: norm for add in adds for norm in last_norms(graph, add)}
    if not norms:
        raise ValueError(
            f"{model.name} has no residual branch that ends in a batch norm, so no gamma can start at 0. Networks "
            "with such branches are ResNet, ResNeXt, SE-ResNet, MobileNetV2 and EfficientNet."
        )
    for norm in norms.values():
        norm.gamma.assign(keras.ops.zeros_like(norm.gamma))
    return list(norms)


def last_norms(graph: Graph, add: Call) -> list[Any]:
    """The last batch norm of each branch of an ``Add``, where it has one."""
    found = [last_norm(graph, y) for y in add.inputs if any(is_shortcut(graph, s, y) for s in add.inputs)]
    return [norm for norm in found if norm is not None]


def is_shortcut(graph: Graph, shortcut: Any, branch: Any) -> bool:
    """Whether ``branch`` comes from a map that ``shortcut`` brings along by a shorter way."""
    for kernels, x in way(graph, shortcut):
        if (most := depth(graph, branch, x)) is not None:
            return most > kernels
    return False


def way(graph: Graph, x: Any) -> list[tuple[int, Any]]:
    """``x`` and what it was made of, one from one; each with the number of kernels in between."""
    kernels, found = 0, [(0, x)]
    while len((call := graph.producer(x)).inputs) == 1:
        kernels, x = kernels + has_kernel(call.operation), call.inputs[0]
        found.append((kernels, x))
    return found


def depth(graph: Graph, y: Any, x: Any) -> int | None:
    """The most kernels on a way from ``x`` to ``y``; None when not all of ``y`` comes by ``x``."""
    known = {id(x): 0}
    todo = [y]
    while todo:
        call = graph.producer(todo[-1])
        if unknown := [t for t in call.inputs if id(t) not in known]:
            todo += unknown
            continue
        if not call.inputs:
            return None
        known.setdefault(id(todo.pop()), max(known[id(t)] for t in call.inputs) + has_kernel(call.operation))
    return known[id(y)]


def last_norm(graph: Graph, y: Any) -> Any:
    """The batch norm that ``y`` comes from by ways that keep 0 at 0; None when there is none."""
    while True:
        call = graph.producer(y)
        layer = call.operation
        if isinstance(layer, L.BatchNormalization):
            return layer if layer.scale else None
        if isinstance(layer, PASSES) or (isinstance(layer, L.Activation) and is_linear(layer)):
            y = call.inputs[0]
        elif isinstance(layer, L.Multiply) and (x := gated_factor(graph, call)) is not None:
            y = x
        else:
            return None


def gated_factor(graph: Graph, call: Call) -> Any:
    """The factor of a product that the other was made from; None when neither was."""
    one, other = call.inputs
    if depth(graph, other, one) is not None:
        return one
    return other if depth(graph, one, other) is not None else None


def has_kernel(layer: Any) -> bool:
    return any(len(weight.shape) > 1 for weight in layer.weights) if isinstance(layer, L.Layer) else False
