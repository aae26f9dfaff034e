"""The engine of every rewriting: the calls of a graph are drawn again, some of them in another way.

:func:`replay` is the walk: it draws each call on other tensors, whatever these are. :func:`redraw` makes a new model by
it, in which rules replace layers. The functions below are what rules are made of.
"""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import chain, count
from typing import Any

import keras
import numpy as np
from keras import layers as L

from kerascnn.graph.copies import copied, has_adapter, is_shared, skeleton, twin, weights_of
from kerascnn.graph.graph import Call, Graph, is_graph, leaves
from kerascnn.runtime import deep_graphs

Rule = Callable[..., Any]  # draws in a layer's place: (the layer, a free name, its arguments) to its output
Plan = Callable[[Graph], Callable[[Any], Rule | None]]  # for a graph, the rule of each of its layers


def replay(graph: Graph, inputs: Sequence[Any], draw: Callable[[Call], Any]) -> Any:
    """The outputs of a graph, in the structure of its model's, when its calls are drawn on other inputs.

    Parameters
    ----------
    inputs
        What stands for each input of the model, in order.
    draw
        Takes a call whose arguments are the new tensors and whose ``outputs`` are still those of the graph, and returns
        what stands for these.
    """
    new = {id(old): x for old, x in zip(graph.model.inputs, inputs, strict=True)}

    def renewed(structure: Any) -> Any:
        return keras.tree.map_structure(lambda x: new.get(id(x), x), structure)

    for call in graph.calls:
        if call.inputs:
            arguments = {name: renewed(getattr(call, name)) for name in ("inputs", "args", "keywords")}
            outputs = keras.tree.flatten(draw(replace(call, **arguments)))
            new |= {id(old): y for old, y in zip(call.outputs, outputs, strict=True)}
    return renewed(graph.model.output)


def redraw(model: keras.Model, plan: Plan) -> keras.Model:
    """A new model, in which ``plan`` has had its say about every layer.

    Layers without a rule keep their configuration and weights, and stay shared where they are used twice. They are
    copies, but for those of a user's own that have no weights or cannot be copied: these are shared with ``model``.
    Low-rank adapters become a part of their kernels.

    Parameters
    ----------
    plan
        Takes a graph, that of the model or of one inside it, and gives a function from a layer of that graph to the
        rule that draws in its place, or to None where the layer stays. A rule is given a name that is still free: a
        layer that is used twice is drawn twice.

    Raises
    ------
    ValueError
        When the model is a subclass with a ``call`` of its own, and so shows no graph.
    """
    copies: dict[Any, Any] = {}
    graph = Graph(without_adapters(model))
    new = on_new_inputs(graph, drawer(graph, plan, copies))
    give_weights(copies)
    return new


@deep_graphs()
def redraw_on(inputs: Sequence[Any], model: keras.Model, plan: Plan) -> Any:
    """The outputs of :func:`redraw` on tensors of another model, which so gets the new layers as its own."""
    copies: dict[Any, Any] = {}
    graph = Graph(without_adapters(model))
    outputs = replay(graph, inputs, drawer(graph, plan, copies))
    give_weights(copies)
    return outputs


def drawer(graph: Graph, plan: Plan, copies: dict[Any, Any]) -> Callable[[Call], Any]:
    """What draws each call of a graph by the rule of its layer, or else by a copy, which it notes in ``copies``."""
    rule_of = plan(graph)
    taken = {operation.name for operation in graph.uses}
    used: set[str] = set()

    def name_of_use(layer: Any) -> str:
        names = chain([layer.name], (f"{layer.name}_{number}" for number in count(2)))
        name = next(name for name in names if name not in used and (name == layer.name or name not in taken))
        used.add(name)
        return name

    def draw(call: Call) -> Any:
        layer = call.operation
        if isinstance(layer, L.Layer) and (rule := rule_of(layer)):
            return rule(layer, name_of_use(layer), *call.args, **call.keywords)
        return drawn_once(copies, call, lambda call: redraw(layer, plan) if is_graph(layer) else twin(call))

    return draw


def drawn_once(copies: dict[Any, Any], call: Call, copy: Callable[[Call], Any]) -> Any:
    """What the copy of an operation gives, which is made at its first call; one without weights, no layer, stays."""
    operation = call.operation
    if operation not in copies:
        copies[operation] = copy(call) if isinstance(operation, L.Layer) else operation
    return copies[operation](*call.args, **call.keywords)


def give_weights(copies: dict[Any, Any]) -> None:
    """Give copies that were built in the meantime the weights of the layers that they were made of."""
    for layer, copy in copies.items():
        if not is_shared(copy, layer) and not is_graph(layer) and layer.weights:
            copy.set_weights(weights_of(layer))


def without_adapters(model: keras.Model) -> keras.Model:
    """The model itself, or one in which the low-rank adapters of layers, LoRA, are a part of their kernels."""
    return copy_of(model) if any(map(has_adapter, leaves(model))) else model


@deep_graphs()
def on_new_inputs(graph: Graph, draw: Callable[[Call], Any], shapes: Sequence[Any] = ()) -> keras.Model:
    """A model of :func:`replay`, whose inputs have the names and shapes of the graph's, or these without a batch."""
    sizes = iter(shapes or [x.shape[1:] for x in graph.model.inputs])
    inputs = keras.tree.map_structure(
        lambda x: keras.Input(
            batch_shape=(x.shape[0], *next(sizes)), dtype=x.dtype, name=graph.producer(x).operation.name
        ),
        graph.model.input,
    )
    return keras.Model(inputs, replay(graph, keras.tree.flatten(inputs), draw), name=graph.model.name)


def drawn(layer: Any, weights: list[np.ndarray], *args: Any, **keywords: Any) -> Any:
    """What a new layer makes of its arguments with these weights."""
    y = layer(*args, **keywords)
    layer.set_weights(weights)
    return y


def pointwise(x: Any, kernel: np.ndarray, bias: list[np.ndarray], groups: int = 1, **settings: Any) -> Any:
    """``x`` times a kernel, (inputs of a group, units): by a dense layer of a vector, a 1x1 convolution of a map."""
    units, settings = kernel.shape[-1], {"use_bias": bool(bias), **settings}
    if len(x.shape) == 2:
        return drawn(L.Dense(units, **settings), [kernel, *bias], x)
    return drawn(L.Conv2D(units, 1, groups=groups, **settings), [kernel[None, None], *bias], x)


def on_map(layer: Any, name: str, x: Any) -> Any:
    """The rule of a dense layer on a map: a 1x1 convolution."""
    kernel, *bias = layer.get_weights()
    return pointwise(x, kernel, bias, activation=layer.activation, name=name)


def kept(layer: Any, name: str, x: Any, **changes: Any) -> Any:
    """The rule of a layer that stays as it is, but for changes of its configuration."""
    return drawn(copied(layer, name=name, **changes), layer.get_weights(), x)


def passed(layer: Any, name: str, x: Any, **_: Any) -> Any:
    """The rule of what does nothing at inference."""
    return x


def affine(x: Any, scale: Any, offset: Any, name: str) -> Any:
    """``x * scale + offset``, numbers or one for each channel, drawn as a batch norm, so that folding knows it."""
    if "float" not in x.dtype:  # pixels as bytes: a layer casts floats alone
        x = keras.ops.cast(x, "float32")
    values = [np.broadcast_to(v, x.shape[-1:]) for v in (scale, offset, 0, 1)]
    return drawn(L.BatchNormalization(epsilon=0.0, name=name), values, x)


def in_float32(model: keras.Model) -> keras.Model:
    """The model itself, or one with the same weights that computes in float32 where it was of mixed precision.

    Its weights are float32 either way. Mobile runtimes have no kernels for float16 or bfloat16 activations.
    """
    return float32_copy(model) if other_types(model) else model


def float32_copy(model: keras.Model) -> keras.Model:
    """A :func:`copy_of` a model that computes in float32, with a warning where a part of a shared layer does not."""
    new = copy_of(model, dtype="float32")
    if types := other_types(new):
        warnings.warn(
            f"In float32, {new.name} still computes {', '.join(f'{n!r} in {t}' for n, t in types.items())}: the "
            "get_config of the layer, or of the one around it, does not say all that it is made with. Let it return "
            "every argument of __init__, or make the layer with dtype='float32'.",
            stacklevel=3,
        )
    return new


def other_types(model: keras.Model) -> dict[str, str]:
    """The layers of a model, and those inside them, that compute in another type than float32, with that type."""
    parts = [part for layer in leaves(model) for part in layer._flatten_layers()]
    computing = (part for part in parts if not isinstance(part, L.InputLayer | keras.Model))
    return {part.name: part.compute_dtype for part in computing if part.compute_dtype != "float32"}


@deep_graphs()
def copy_of(model: keras.Model, **changes: Any) -> keras.Model:
    """A copy of any model, with weights of its own, and these changes of every layer; what is sequential stays so.

    Layers that cannot be copied are shared, as in :func:`redraw`.
    """
    copies: dict[Any, Any] = {}

    def copy(call: Call) -> Any:
        return copy_of(call.operation, **changes) if is_graph(call.operation) else twin(call, **changes)

    new = on_new_inputs(Graph(model), lambda call: drawn_once(copies, call, copy))
    give_weights(copies)
    return keras.Sequential(new.layers, name=new.name) if isinstance(model, keras.Sequential) else new


@deep_graphs()
def at_size(model: keras.Model, *shapes: tuple[int | None, ...]) -> keras.Model:
    """``model``, or a drawing of it for inputs of these shapes, without the batch, to look at and not to run.

    Its layers have other weights than the model's, or are those of the model where they are not known here.
    """
    if [tuple(x.shape[1:]) for x in model.inputs] == [tuple(shape) for shape in shapes]:
        return model
    copies: dict[Any, Any] = {}

    def copy(call: Call) -> Any:
        layer = call.operation
        if is_graph(layer):
            return at_size(layer, *(x.shape[1:] for x in keras.tree.flatten(call.args)))
        return skeleton(layer)

    return on_new_inputs(Graph(model), lambda call: drawn_once(copies, call, copy), shapes)


def with_fixed_size(model: keras.Model, side: int | None = None) -> keras.Model:
    """``model``, or a drawing of it at ``side`` x ``side`` pixels, as :func:`at_size` gives it.

    Raises
    ------
    ValueError
        When the model has not one image as its input, takes any size and ``side`` is not given, or that is below 1.
    """
    if side is not None and side < 1:
        raise ValueError(f"size must be at least 1 pixel, got {side}.")
    shape, *beside = [tuple(x.shape) for x in getattr(model, "inputs", None) or ()] or [()]
    if len(shape) != 4 or any(len(other) == 4 for other in beside):  # boxes in it may go with it
        given = getattr(model, "input_shape", None)
        raise ValueError(f"{model.name} must take one image (batch, height, width, channels), got inputs {given}.")
    places = (2, 3) if channels_first(model) else (1, 2)
    sizes = [side if side and place in places else size for place, size in enumerate(shape)]
    if any(sizes[place] is None for place in places):
        raise ValueError(f"{model.name} takes images of any size; say at which size to measure it.")
    return at_size(model, tuple(sizes[1:]), *(other[1:] for other in beside))


def channels_first(model: keras.Model) -> bool:
    """Whether the first layer that is told where channels stand takes them before height and width."""
    told = (layer.data_format for layer in leaves(model) if hasattr(layer, "data_format"))
    return next(told, "") == "channels_first"
