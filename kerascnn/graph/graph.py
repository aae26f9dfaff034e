"""A model as the graph of its calls: what each takes and makes, and who makes and takes each tensor."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import keras

from kerascnn.runtime import deep_graphs


@dataclass(frozen=True)
class Call:
    """One use of one operation: which tensors went in, and which came out."""

    operation: Any
    inputs: list
    outputs: list
    args: tuple
    keywords: dict[str, Any]


class Graph:
    """The calls of a model in order, each after those whose outputs it takes; a layer used twice is called twice.

    Attributes
    ----------
    model
        The model; as a functional one where it is sequential.
    calls
        All calls; those of inputs, which take nothing, come first.
    uses
        How often each operation is called.

    Raises
    ------
    ValueError
        When the model is no graph of layers: a subclass of ``keras.Model`` with a ``call`` of its own.
    """

    def __init__(self, model: keras.Model):
        graph: Any = functional(model)
        nodes = [node for depth in sorted(graph._nodes_by_depth, reverse=True) for node in graph._nodes_by_depth[depth]]
        self.model: keras.Model = graph
        self.calls = [
            Call(n.operation, list(n.input_tensors), list(n.outputs), n.arguments.args, n.arguments.kwargs)
            for n in nodes
        ]
        self.uses = Counter(call.operation for call in self.calls)
        self._producers = {id(x): call for call in self.calls for x in call.outputs}
        self._consumers: dict[int, list[Call]] = {}
        for call in self.calls:
            for x in call.inputs:
                self._consumers.setdefault(id(x), []).append(call)
        self._outputs = {id(x) for x in graph.outputs}

    def producer(self, tensor: Any) -> Call:
        """The call that makes a tensor."""
        return self._producers[id(tensor)]

    def consumers(self, tensor: Any) -> list[Call]:
        """The calls that take a tensor; one that takes it twice stands here twice."""
        return self._consumers.get(id(tensor), [])

    def is_output(self, tensor: Any) -> bool:
        """Whether the model returns this tensor."""
        return id(tensor) in self._outputs

    def private_consumers(self, tensor: Any) -> list[Call]:
        """The calls that take a tensor which nothing outside the model sees; none when the model returns it."""
        return [] if self.is_output(tensor) else self.consumers(tensor)


def is_graph(layer: Any) -> bool:
    """Whether this is a functional or sequential model, and so shows what it is made of."""
    return hasattr(layer, "_nodes_by_depth") or (isinstance(layer, keras.Sequential) and layer.built)


@deep_graphs()
def functional(model: keras.Model) -> keras.Model:
    """``model`` as a functional one: a sequential model keeps its layers."""
    if not is_graph(model):
        raise ValueError(
            f"{model.name} is no graph of layers: draw it with keras.Input and keras.Model(inputs, outputs)."
        )
    return keras.Model(model.inputs, model.outputs, name=model.name) if isinstance(model, keras.Sequential) else model


def graphs_within(model: keras.Model) -> Iterator[Graph]:
    """The graph of a model and those of the models inside it."""
    yield (graph := Graph(model))
    for layer in filter(is_graph, graph.uses):
        yield from graphs_within(layer)


def leaves(model: keras.Model) -> Iterator[Any]:
    """All layers of a model in order, those of models inside it in the place of these models."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from leaves(layer)
        else:
            yield layer


def classifiers(model: keras.Model) -> list[Any]:
    """The last layer with weights before each output: what fine-tuning replaces, and trains first.

    Raises
    ------
    ValueError
        When the model shows no graph.
    """
    graph = Graph(model)
    found, todo, seen = [], list(model.outputs), set()
    while todo:
        call = graph.producer(todo.pop())
        if id(call) in seen:
            continue
        seen.add(id(call))
        if is_graph(call.operation) and call.operation.weights:
            found += classifiers(call.operation)
        elif getattr(call.operation, "weights", []):
            found.append(call.operation)
        else:
            todo += call.inputs
    return found
