"""Every call in a model's graph, in order; a layer that is used twice is called twice."""

from dataclasses import dataclass
from typing import Any

import keras


@dataclass(frozen=True)
class Call:
    """One use of one operation: which tensors went in, and which came out."""

    operation: Any
    inputs: list
    outputs: list
    args: tuple
    keywords: dict[str, Any]


def calls(model: keras.Model) -> list[Call]:
    """What ``model`` does, each call after those whose outputs it takes; the inputs' own come first.

    Raises
    ------
    ValueError
        When the model is no graph of layers: a subclass of ``keras.Model`` with a ``call`` of its own.
    """
    graph: Any = functional(model)
    nodes = [node for depth in sorted(graph._nodes_by_depth, reverse=True) for node in graph._nodes_by_depth[depth]]
    return [
        Call(n.operation, list(n.input_tensors), list(n.outputs), n.arguments.args, n.arguments.kwargs) for n in nodes
    ]


def is_graph(layer: Any) -> bool:
    """Whether this is a functional or sequential model, and so shows what it is made of."""
    return hasattr(layer, "_nodes_by_depth") or (isinstance(layer, keras.Sequential) and layer.built)


def functional(model: keras.Model) -> keras.Model:
    """``model`` as a functional one: a sequential model keeps its layers."""
    if not is_graph(model):
        raise ValueError(
            f"{model.name} is no graph of layers: draw it with keras.Input and keras.Model(inputs, outputs)."
        )
    return keras.Model(model.inputs, model.outputs, name=model.name) if isinstance(model, keras.Sequential) else model
