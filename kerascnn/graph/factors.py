"""A number by which a whole map is multiplied, moved into the kernels behind it: there it costs nothing."""

from collections.abc import Callable
from math import prod
from typing import Any

import keras
from keras import activations
from keras import layers as L

from kerascnn.graph.copies import copied
from kerascnn.graph.equality import held_equal
from kerascnn.graph.fake_quantised import is_fake_quantised
from kerascnn.graph.fold import absorbs, is_plain_batch_norm, scale_and_offset
from kerascnn.graph.graph import Call, Graph
from kerascnn.graph.rewrite import Rule, drawn, kept, passed, redraw

# What gives c times as much for c times as much, where c is above 0.
PASSING = (L.GlobalAveragePooling2D, L.AveragePooling2D, L.GlobalMaxPooling2D, L.MaxPooling2D)
PASSING += (L.ZeroPadding2D, L.Cropping2D, L.Reshape, L.Flatten, L.Permute)


def without_factors(model: keras.Model) -> keras.Model:
    """A new model that computes what ``model`` does, without the factors that kernels behind them absorb."""
    new = factored(model)
    return new if is_fake_quantised(model) else held_equal(new, model)


def factored(model: keras.Model) -> keras.Model:
    """``model`` without these factors, which is not tried."""
    return redraw(model, absorbing)


def absorbing(graph: Graph) -> Callable[[Any], Rule | None]:
    """The rules of one graph: factors pass, and the kernels behind them are multiplied.

    What lies between gives other numbers than before, and so has another name.
    """
    rules: dict[str, Rule] = {}
    taken: dict[str, list[float]] = {}
    for call in graph.calls:
        factor = factor_of(call) if graph.uses[call.operation] == 1 else None
        kernels, between = kernels_behind(graph, call.outputs[0]) if factor else ([], [])
        if factor and kernels:
            rules |= {call.operation.name: passed} | dict.fromkeys(between, scaled)
            for name in kernels:
                taken.setdefault(name, []).append(factor)

    def multiplied(layer: Any, name: str, x: Any) -> Any:
        kernel, *bias = layer.get_weights()
        return drawn(copied(layer, name=name), [kernel * prod(taken[layer.name]), *bias], x)

    rules |= dict.fromkeys(taken, multiplied)
    return lambda layer: rules.get(layer.name)


def scaled(layer: Any, name: str, x: Any) -> Any:
    return kept(layer, f"{name}-scaled", x)


def factor_of(call: Call) -> float | None:
    """The number above 0 that multiplies a map, as :func:`kerascnn.graph.rewrite.affine` draws it, without epsilon."""
    if not is_plain_batch_norm(call) or call.operation.epsilon:
        return None
    scale, offset = scale_and_offset(call.operation)
    return float(scale[0]) if scale[0] > 0 and (scale == scale[0]).all() and not offset.any() else None


def kernels_behind(graph: Graph, x: Any) -> tuple[list[str], list[str]]:
    """The layers whose kernels meet ``x``, and those between; none where another layer sees it too."""
    found: list[str] = []
    between: list[str] = []
    reached, todo = {id(x)}, [x]
    while todo:
        sinks = graph.private_consumers(todo.pop())
        for sink in sinks:
            if absorbs(sink, graph):
                found.append(sink.operation.name)
            elif passes(sink, graph, reached):
                between.append(sink.operation.name)
                reached.add(id(sink.outputs[0]))
                todo.append(sink.outputs[0])
            else:
                return [], []
        if not sinks:
            return [], []
    return found, between


def passes(call: Call, graph: Graph, reached: set[int]) -> bool:
    """Whether what a call gives has the factor of its one input that has it."""
    layer = call.operation
    if graph.uses[layer] > 1 or sum(id(x) in reached for x in call.inputs) != 1:
        return False
    if type(layer) is L.Activation:
        return layer.activation in (activations.relu, activations.linear)
    return type(layer) in (*PASSING, L.Multiply)
