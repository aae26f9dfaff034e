"""Gradients that traced functions bring of their own, kept for as long as the functions."""

import inspect
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def gradients_of_graphs() -> Iterator[None]:
    """Let what is traced in the block be freed when nobody uses it any more; also a decorator.

    TensorFlow registers the gradient of each ``tf.custom_gradient`` that is traced, as every reduction over replicas
    and every SiLU is, under a name of its own in a table that lasts as long as the process; the gradient holds its
    graph, and that the weights. Here the graph holds the gradient instead, and the table only refers to it, so whatever
    can still be called has its gradients. No public name reaches that table: where TensorFlow keeps it otherwise,
    nothing is freed and nothing else changes. What ``tf.saved_model.load`` registers stays, as TensorFlow has it.
    """
    from tensorflow.python.framework import ops

    table: dict[str, dict[str, Any]] = getattr(ops.gradient_registry, "_registry", {})
    before = {*table}
    try:
        yield
    finally:
        for name in [*table]:
            if name.startswith("CustomGradient-") and name not in before:
                hand_over(table, name)


def hand_over(table: dict[str, dict[str, Any]], name: str) -> None:
    """Give the gradient of this name to the graph that needs it, and to those around it, which may go on alone."""
    from tensorflow import __internal__ as tf

    gradient = table[name].get("type")
    graph = graph_of(gradient)
    if not isinstance(graph, tf.FuncGraph):
        return
    while isinstance(graph, tf.FuncGraph):
        graph.own_gradients = [*getattr(graph, "own_gradients", ()), gradient]
        graph = graph.outer_graph
    weakref.finalize(gradient, table.pop, name, None).atexit = False
    referred: Any = weakref.ref(gradient)
    table[name]["type"] = lambda op, *gradients: referred()(op, *gradients)


def graph_of(gradient: Any) -> Any:
    """The graph in which a gradient of its own was traced; None, if it is not found."""
    from tensorflow import nest

    for name in ("tape_grad_fn", "result"):
        if not inspect.isfunction(gradient) or name not in gradient.__code__.co_freevars:
            return None
        gradient = inspect.getclosurevars(gradient).nonlocals.get(name)
    return next((tensor.graph for tensor in nest.flatten(gradient) if hasattr(tensor, "graph")), None)
