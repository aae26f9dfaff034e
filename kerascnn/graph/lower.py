"""Any model in layers of one operator each: what a mobile runtime has built in, and what can be quantised."""

from typing import Any

import keras
from keras import layers as L

from kerascnn.arguments import checked
from kerascnn.graph.decompose import RULES, decomposed
from kerascnn.graph.equality import held_equal
from kerascnn.graph.factors import factored
from kerascnn.graph.fold import folded, is_plain_batch_norm, scale_and_offset
from kerascnn.graph.graph import Call, Graph, graphs_within
from kerascnn.graph.inline import inline_models
from kerascnn.graph.operators import in_layers
from kerascnn.graph.residual import has_kernel
from kerascnn.graph.rewrite import drawn, kept, passed, redraw
from kerascnn.graph.wide_kernels import wide
from kerascnn.layers.same_padding import same_border


@checked
def lower(model: keras.Model) -> keras.Model:
    """A new model that computes what ``model`` does at inference, each layer of which is one operator of TFLite.

    Layers of several operators are decomposed (:mod:`kerascnn.graph.decompose`): normalisation over groups
    and tokens, attention, standardised and separable convolutions, SiLU, hard SiLU and hard sigmoid, activations inside
    other layers. Dropout goes. Batch norms are folded, and one that has no convolution beside it becomes a depthwise
    1x1 convolution; a factor of a whole map goes into the kernels behind it. Padding goes into the convolution after
    it, where that pads the same zeros itself. Depthwise kernels of more than 25 taps become sums of smaller ones.

    Channels are shuffled as they are: :class:`kerascnn.layers.ChannelShuffle` makes no tensor of five axes. A layer
    without a rule stays. Models inside the model become part of its own graph, and operators without a layer, as
    ``a + b``, layers (:mod:`kerascnn.graph.operators`).

    Raises
    ------
    ValueError
        When the model is a subclass with a ``call`` of its own, and so shows no graph; attends with a mask; or when the
        new one computes something else.
    """
    merged = redraw(folded(factored(decomposed(in_layers(inline_models(model))))), merging)
    lowered = redraw(merged, lambda _: lambda layer: depthwise if is_batch_norm(layer) else wide(layer))
    return held_equal(lowered, model)


def without_lone_norms(model: keras.Model) -> keras.Model:
    """The model itself, or one that computes the same, in which no batch norm of a map stands alone.

    TensorFlow Lite folds a batch norm behind a convolution, and makes two operators of any other. As a depthwise 1x1
    convolution it is one, together with the activation after it.
    """
    if not any(map(lone_norms, graphs_within(model))):
        return model
    return held_equal(redraw(model, norms_alone), model)


def norms_alone(graph: Graph) -> Any:
    """The rule that draws lone batch norms of one graph as convolutions."""
    alone = lone_norms(graph)
    return lambda layer: depthwise if layer.name in alone else None


def lone_norms(graph: Graph) -> set[str]:
    """The names of the batch norms of maps that follow no layer with a kernel."""
    return {
        call.operation.name
        for call in graph.calls
        if is_plain_batch_norm(call)
        and graph.uses[call.operation] == 1
        and len(call.inputs[0].shape) == 4
        and not has_kernel(before(call, graph).operation)
    }


def before(call: Call, graph: Graph) -> Call:
    """The call whose output another takes, but for what does nothing at inference."""
    source = graph.producer(call.inputs[0])
    return before(source, graph) if RULES.get(type(source.operation)) is passed else source


def is_batch_norm(layer: Any) -> bool:
    """Whether this is a batch norm of the last axis, of a map, tokens or a vector."""
    if type(layer) is not L.BatchNormalization:
        return False
    inputs: Any = layer.input
    rank = len(inputs.shape)
    return rank in (2, 3, 4) and layer.axis in (-1, rank - 1)


def depthwise(bn: Any, name: str, x: Any, **_: Any) -> Any:
    """A batch norm as a depthwise 1x1 convolution; tokens and vectors are laid out as a map meanwhile."""
    scale, offset = scale_and_offset(bn)
    weights = [scale.reshape(1, 1, -1, 1), offset]
    conv = L.DepthwiseConv2D(1, name=name)
    if len(x.shape) == 4:
        return drawn(conv, weights, x)
    *tokens, channels = x.shape[1:]
    x = L.Reshape((*tokens, 1, channels) if tokens else (1, 1, channels), name=f"{name}-map")(x)
    return L.Reshape((*tokens, channels), name=f"{name}-flat")(drawn(conv, weights, x))


def merging(graph: Graph) -> Any:
    """The rules that put padding into the convolutions after it."""
    merged = {}
    for call in graph.calls:
        pad, convs = call.operation, [sink.operation for sink in graph.private_consumers(call.outputs[0])]
        if type(pad) is not L.ZeroPadding2D or pad.data_format != "channels_last":
            continue
        if not convs or any(graph.uses[each] > 1 for each in (pad, *convs)):
            continue
        if all(pads_alike(conv, pad.padding, call.inputs[0].shape[1:3]) for conv in convs):
            merged |= {pad.name: passed} | {conv.name: padded for conv in convs}
    return lambda layer: merged.get(layer.name)


def pads_alike(conv: Any, border: tuple, sides: Any) -> bool:
    """Whether padding "same" would give a map of these sides the zeros that stand at its border."""
    if type(conv) not in (L.Conv2D, L.DepthwiseConv2D) or conv.padding != "valid":
        return False
    if None in sides or conv.data_format != "channels_last":
        return False
    each = zip(sides, conv.kernel_size, conv.dilation_rate, conv.strides, strict=True)
    same = [same_border(side, (size - 1) * dilation + 1, stride) for side, size, dilation, stride in each]
    return tuple(map(tuple, border)) == tuple(same)


def padded(conv: Any, name: str, x: Any) -> Any:
    return kept(conv, name, x, padding="same")
