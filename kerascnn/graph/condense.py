"""From learned groups to fixed ones: a trained CondenseNet as the network that runs. Huang et al. 2018, figure 1."""

from typing import Any

import keras
import numpy as np

from kerascnn import layers as L
from kerascnn.graph.copies import copied
from kerascnn.graph.graph import Graph
from kerascnn.graph.rewrite import Rule, drawn, passed, pointwise, redraw


def condensed(model: keras.Model) -> keras.Model:
    """``model`` with each learned group convolution as a selection of channels and a convolution in groups.

    A batch norm and an activation before it then see the selected channels alone.

    Returns
    -------
    keras.Model
        A new model that computes the same.

    Raises
    ------
    ValueError
        When ``model`` has no learned group convolution, or one is not condensed yet.
    """
    learned = [layer for layer in model.layers if isinstance(layer, L.LearnedGroupConv2D)]
    if not learned:
        raise ValueError(f"{model.name} has no learned group convolution to convert.")
    for layer in learned:
        kept = layer.kept_now()
        if (counts := set(kept.sum(axis=0))) != {len(kept) // layer.condense}:
            raise ValueError(
                f"{layer.name} still keeps {max(counts)} of {len(kept)} inputs in a group, not one of "
                f"{layer.condense}: train it by a recipe, or with the callback "
                "kerascnn.training.callbacks.TrainingProgress, first."
            )
    return redraw(model, condensing)


def condensing(graph: Graph) -> Any:
    """The rules of one graph: what stands before a learned group convolution is drawn behind the selection."""
    rules: dict[str, Rule] = {}
    for call in graph.calls:
        if isinstance(call.operation, L.LearnedGroupConv2D):
            before = each_channel_before(graph, call)
            rules |= {layer.name: passed for layer in before} | {call.operation.name: in_groups(before)}
    return lambda layer: rules.get(layer.name)


def each_channel_before(graph: Graph, call: Any) -> list[Any]:
    """The layers right before a call that work on each channel alone, in order, as far as it alone sees them."""
    before, x = [], call.inputs[0]
    while len(graph.private_consumers(x)) == 1:
        source = graph.producer(x)
        if not isinstance(source.operation, L.BatchNormalization | L.Activation | L.ReLU):
            break
        before.insert(0, source.operation)
        x = source.inputs[0]
    return before


def in_groups(before: list[Any]) -> Rule:
    """The rule of a learned group convolution behind these layers."""

    def rule(learned: Any, name: str, x: Any) -> Any:
        place, groups = name.rpartition("-")[0], learned.groups
        index = np.concatenate([np.flatnonzero(kept) for kept in learned.kept_now().T])
        kernel, *bias = learned.get_weights()[: 1 + learned.use_bias]
        parts = np.split(kernel[index], groups)
        kernel = np.concatenate([part[:, group::groups] for group, part in enumerate(parts)], axis=1)
        bias = [np.concatenate([b[group::groups] for group in range(groups)]) for b in bias]

        x = drawn(L.SelectChannels(len(index), name=f"{place}-select"), [index], x)
        for layer in before:
            x = drawn(copied(layer), [value[index] for value in layer.get_weights()], x)
        x = pointwise(x, kernel, bias, groups, dtype=learned.dtype_policy, name=name)
        return L.ChannelShuffle(groups, name=f"{place}-shuffle")(x) if groups > 1 else x

    return rule
