"""Which tensors of an int8 network are rounded, and which of them share one scale and zero point.

The rules are those of TensorFlow Lite's operators for int8, which its quantisation specification lists, as a table by
layer. They hold for lowered models (:mod:`kerascnn.graph.lower`), each layer of which is one operator.
"""

from dataclasses import dataclass
from typing import Any

import keras
from keras import activations

from kerascnn import layers as L
from kerascnn.graph.fold import OUTPUTS
from kerascnn.graph.graph import Call, Graph
from kerascnn.graph.integers import fused_away

Range = tuple[float, float]


@dataclass(frozen=True)
class Rule:
    """How an operator of TensorFlow Lite quantises its output."""

    rounds: bool  # whether it computes new numbers, and so rounds them
    same_scale: bool  # whether its output has the scale and zero point of its inputs
    fixed: Range | None = None  # the range of its output, where the operator prescribes one


OWN_SCALE = Rule(rounds=True, same_scale=False)
SAME_SCALE = Rule(rounds=False, same_scale=True)
AVERAGES = Rule(rounds=True, same_scale=True)
PROBABILITIES = Rule(rounds=True, same_scale=False, fixed=(0.0, 255 / 256))
SIGNED = Rule(rounds=True, same_scale=False, fixed=(-1.0, 127 / 128))

RULES: dict[type, Rule] = {L.UnitLength: SIGNED}
RULES |= dict.fromkeys((L.InputLayer, L.Conv2D, L.Conv2DTranspose, L.DepthwiseConv2D, L.Dense), OWN_SCALE)
RULES |= dict.fromkeys((L.Add, L.Subtract, L.Multiply, L.MatMul, L.LeakyReLU, L.ReciprocalRoot), OWN_SCALE)
RULES |= dict.fromkeys((L.GlobalAveragePooling2D, L.PositionEmbedding, L.ShiftedReLU6), OWN_SCALE)
RULES |= dict.fromkeys((L.MaxPooling2D, L.GlobalMaxPooling2D, L.Concatenate, L.Maximum, L.Minimum), SAME_SCALE)
RULES |= dict.fromkeys((L.Reshape, L.Flatten, L.Permute, L.ZeroPadding2D, L.Cropping2D), SAME_SCALE)
RULES |= dict.fromkeys((L.ChannelShuffle, L.ChannelSlice, L.PadChannels, L.SelectChannels), SAME_SCALE)
RULES |= dict.fromkeys((L.FirstToken, L.TokensToMap), SAME_SCALE)
RULES |= dict.fromkeys((L.AveragePooling2D, L.Resizing, L.UpSampling2D, L.ClassToken), AVERAGES)
OPERATORS: dict[str, Rule] = {"GetItem": SAME_SCALE, "Pad": SAME_SCALE, "Flip": SAME_SCALE}  # without a layer
ACTIVATIONS: dict[Any, Rule] = {
    activations.linear: SAME_SCALE,
    activations.relu: OWN_SCALE,
    activations.relu6: OWN_SCALE,
    activations.gelu: OWN_SCALE,
    activations.hard_silu: OWN_SCALE,
    activations.sigmoid: PROBABILITIES,
    activations.softmax: PROBABILITIES,
    activations.tanh: SIGNED,
}
KERNELS = OUTPUTS | {L.Conv2DTranspose: (2,)}  # axes of a kernel that count outputs: each has a scale of its own
SHAPE_OF_SECOND = (L.PositionEmbedding, L.TokensToMap)  # of their second input they read the shape alone


@dataclass(frozen=True)
class RoundedTensor:
    """A tensor that is rounded."""

    name: str  # of the operation that puts it out
    scale: str  # name of its scale; tensors that share one have the same
    fixed: Range | None  # the range that the operator prescribes; None where it is to be learned


def rounded_tensors(model: keras.Model) -> list[RoundedTensor]:
    """The tensors that the int8 file of a lowered model rounds, in the order of the graph.

    Each layer is called once, as :func:`kerascnn.graph.apart.apart` draws them; one that there is no rule for is
    refused.
    """
    graph = Graph(model)
    rules = {call.operation.name: rule_of(call) for call in graph.calls}
    scales = Scales(graph, rules)
    fused = fused_away(graph)
    rounded = [name for name, rule in rules.items() if rule.rounds and name not in fused]
    members: dict[str, set[Range | None]] = {}
    for name in rounded:
        if not rules[name].same_scale:  # an average lies in the range of what is averaged
            members.setdefault(scales.of(name), set()).add(rules[name].fixed)
    fixed = {scale: next(iter(ranges)) if len(ranges) == 1 else None for scale, ranges in members.items()}
    return [RoundedTensor(name, scales.of(name), fixed[scales.of(name)]) for name in rounded]


def rule_of(call: Call) -> Rule:
    layer = call.operation
    rule = ACTIVATIONS.get(layer.activation) if type(layer) is L.Activation else RULES.get(type(layer))
    if not isinstance(layer, L.Layer) and not call.keywords.get("constant_values"):  # which must lie on the scale
        rule = OPERATORS.get(type(layer).__name__)
    if rule is None:
        what = f"activation {layer.activation.__name__!r}" if type(layer) is L.Activation else type(layer).__name__
        raise ValueError(f"There is no rule for quantising {layer.name!r}, {what}: leave it out, or draw it otherwise.")
    return rule


class Scales:
    """Which tensors share a scale: sets that were joined, each named after its first operation."""

    def __init__(self, graph: Graph, rules: dict[str, Rule]):
        self.joined: dict[str, str] = {}
        for call in graph.calls:
            if rules[call.operation.name].same_scale:
                inputs = call.inputs[:1] if isinstance(call.operation, SHAPE_OF_SECOND) else call.inputs
                for x in inputs:
                    self.join(graph.producer(x).operation.name, call.operation.name)

    def of(self, name: str) -> str:
        """The name of the scale of what an operation puts out."""
        while name in self.joined:
            name = self.joined[name]
        return name

    def join(self, one: str, other: str) -> None:
        one, other = self.of(one), self.of(other)
        if one != other:
            self.joined[other] = one
