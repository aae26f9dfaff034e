"""Edge-safe models: networks drawn again in operators that the compiler of the Edge TPU maps, to be trained on.

What can be put otherwise and compute the same is: channels are shuffled and selected by 1x1 convolutions, convolutions
in groups become whole ones with zeros between the groups. What cannot is replaced as the authors of EfficientNet-Lite
and EfficientNet-EdgeTPU replaced it: activations by ReLU6, and squeeze-and-excitation by nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import activations

from kerascnn import layers as L
from kerascnn.arguments import checked
from kerascnn.graph.copies import copied, is_known, warn_of_shared
from kerascnn.graph.cost import Cost, cost
from kerascnn.graph.decompose import learned_group, radial_basis, separable, standardized
from kerascnn.graph.equality import held_equal
from kerascnn.graph.graph import Graph, functional, leaves
from kerascnn.graph.residual import gated_factor
from kerascnn.graph.rewrite import Rule, drawn, kept, on_map, passed, pointwise, redraw

SAFE = {activations.linear, activations.relu, activations.relu6, activations.sigmoid, activations.tanh}
SAFE |= {activations.softmax}


@dataclass(frozen=True)
class Change:
    """What became of one layer.

    Parameters
    ----------
    layer
        Its name.
    was, now
        In words.
    exact
        Whether it computes what it computed.
    """

    layer: str
    was: str
    now: str
    exact: bool


@dataclass(frozen=True)
class EdgeSafe:
    """An edge-safe model, and how it differs from the one it was made of.

    Parameters
    ----------
    model
        The edge-safe model, with weights of its own but for layers of a user's that cannot be copied.
    changes
        Layers that were replaced, in the order of the network.
    dropped
        Names of layers that were removed.
    before, after
        What the original and the edge-safe model cost.
    """

    model: keras.Model
    changes: tuple[Change, ...]
    dropped: tuple[str, ...]
    before: Cost
    after: Cost

    @property
    def exact(self) -> bool:
        """Whether both models compute the same. Otherwise the edge-safe one has to be trained on, or from scratch."""
        return all(change.exact for change in self.changes)


@checked
def edge_safe(model: keras.Model) -> EdgeSafe:
    """Draw a network again in operators that the Edge TPU has.

    Layers that stay keep their names and weights. SiLU, hard SiLU, GELU and every other activation that is not
    mapped become ReLU6, a hard sigmoid a sigmoid; squeeze-and-excitation and local response normalisation go.
    Channels are shuffled and selected by 1x1 convolutions that are not trained; convolutions in groups become whole
    ones, whose zeros fill when the model is trained on. What has no rule stays, for ``kerascnn check`` to report:
    attention, normalisation over groups or tokens, maps that are enlarged.

    Parameters
    ----------
    model
        A functional or sequential model of images of one size.

    Raises
    ------
    ValueError
        When the model shows no graph, takes images of any size, or the new one computes something else though every
        change is exact.
    """
    before = cost(functional(model))
    found: dict[str, Change] = {}

    def plan(graph: Graph) -> Callable[[Any], Rule | None]:
        gated = gated_products(graph)
        return lambda layer: noted(layer, gated, found)

    safe = redraw(model, plan)
    there = {layer.name for layer in leaves(safe)}
    names = [layer.name for layer in leaves(model)]
    changes = [found[name] for name in names if name in found and (name in there or found[name].now == GONE)]
    dropped = tuple(name for name in names if name not in there)
    found_safe = EdgeSafe(warn_of_shared(safe, model), tuple(changes), dropped, before, cost(safe))
    if found_safe.exact:
        held_equal(safe, model)
    return found_safe


GONE = "left out"


def noted(layer: Any, gated: dict[str, int], found: dict[str, Change]) -> Rule | None:
    """The rule of a layer, which adds to ``found`` what it changes when it is applied."""
    change = without_gate(gated[layer.name]) if layer.name in gated else replacement_of(layer)
    if change is None:
        return None
    rule, was, now, exact = change

    def apply(layer: Any, name: str, *args: Any, **kwargs: Any) -> Any:
        found[layer.name] = Change(layer.name, was, now, exact)
        return rule(layer, name, *args, **kwargs)

    return apply


Replacement = tuple[Rule, str, str, bool]  # the rule, what was, what is, whether it computes the same


def replacement_of(layer: Any) -> Replacement | None:
    """How a layer is drawn for the Edge TPU; None where it may stay."""
    kind = type(layer)
    if kind in REPLACEMENTS:
        return REPLACEMENTS[kind]
    if kind is L.Conv2D and layer.groups > 1:
        if activation := unsafe(layer):
            return whole, f"{layer.groups} groups, {activation}", "one group with zeros, relu6", False
        return whole, f"{layer.groups} groups", "one group with zeros", True
    if kind is L.ReLU and (layer.negative_slope or layer.threshold or layer.max_value not in (None, 6)):
        return relu6, "another ReLU", "relu6", False
    if kind is L.Dense and len(layer.input.shape) == 4 and not unsafe(layer):
        return on_map, "dense layer on a map", "1x1 convolution", True
    if activation := unsafe(layer):
        now = "sigmoid" if layer.activation is activations.hard_sigmoid else "relu6"
        return reactivated, activation, now, False
    return None


def unsafe(layer: Any) -> str:
    """The name of a layer's activation when it is not mapped."""
    activation = getattr(layer, "activation", None)
    if activation is None or activation in SAFE or isinstance(layer, L.MultiHeadAttention) or not is_known(layer):
        return ""
    return getattr(activation, "__name__", type(activation).__name__)


def gated_products(graph: Graph) -> dict[str, int]:
    """For each product of a map and what squeezes and excites it, by name, the place of the map."""
    found = {}
    for call in graph.calls:
        if not isinstance(call.operation, L.Multiply) or len(call.inputs) != 2:
            continue
        if (x := gated_factor(graph, call)) is not None:
            place = 0 if x is call.inputs[0] else 1
            if tuple(call.inputs[1 - place].shape[1:-1]) in ((1, 1), ()):
                found[call.operation.name] = place
    return found


def without_gate(place: int) -> Replacement:
    return lambda layer, name, xs: xs[place], "squeeze-and-excitation", GONE, False


def reactivated(layer: Any, name: str, x: Any) -> Any:
    """The same layer with an activation that is mapped."""
    now = "sigmoid" if layer.activation is activations.hard_sigmoid else "relu6"
    return kept(layer, name, x, activation=now)


def relu6(layer: Any, name: str, x: Any) -> Any:
    return L.Activation("relu6", name=name)(x)


def whole(layer: Any, name: str, x: Any) -> Any:
    """A convolution in groups as one that sees all channels, most of them with weight 0."""
    kernel, *bias = layer.get_weights()
    height, width, each, filters = kernel.shape
    full = np.zeros((height, width, each * layer.groups, filters), kernel.dtype)
    for group in range(layer.groups):
        mine = slice(group * filters // layer.groups, (group + 1) * filters // layer.groups)
        full[:, :, group * each : (group + 1) * each, mine] = kernel[..., mine]
    changes = {"activation": "relu6"} if unsafe(layer) else {}
    return drawn(copied(layer, groups=1, name=name, **changes), [full, *bias], x)


def shuffle(layer: Any, name: str, x: Any) -> Any:
    channels = x.shape[-1]
    return selected(np.arange(channels).reshape(layer.groups, -1).T.reshape(-1), name, x)


def select(layer: Any, name: str, x: Any) -> Any:
    return selected(layer.get_weights()[0], name, x)


def selected(index: np.ndarray, name: str, x: Any) -> Any:
    """Channels ``index`` of a map or vector, as a product with ones and zeros."""
    kernel = np.eye(x.shape[-1], dtype="float32")[:, index]
    return pointwise(x, kernel, [], trainable=False, name=name)


REPLACEMENTS: dict[type, Replacement] = {
    L.ChannelShuffle: (shuffle, "channel shuffle", "1x1 convolution with ones and zeros", True),
    L.SelectChannels: (select, "selection of channels", "1x1 convolution with ones and zeros", True),
    L.LocalResponseNormalization: (passed, "local response normalisation", GONE, False),
    L.StandardizedConv2D: (standardized, "weights standardised as it runs", "standardised weights", True),
    L.SeparableConv2D: (separable, "separable convolution", "its two convolutions", True),
    L.LearnedGroupConv2D: (learned_group, "groups that are learned", "one group with zeros", True),
    L.RadialBasis: (radial_basis, "distances to centres", "products and a sum", True),
    L.LeakyReLU: (relu6, "leaky ReLU", "relu6", False),
    L.ELU: (relu6, "ELU", "relu6", False),
}
