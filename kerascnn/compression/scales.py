"""Where an integer network rounds, and which of its tensors lie on one scale.

The rules are those of TensorFlow Lite's operators for int8, which its quantisation specification lists, as a table by
layer. They hold for lowered models (:mod:`kerascnn.graph.lower`), each layer of which is one operator.
"""

from dataclasses import dataclass
from typing import Any

import keras
from keras import activations

from kerascnn import layers as L
from kerascnn.graph.graph import Call, Graph

Range = tuple[float, float]


@dataclass(frozen=True)
class Rule:
    """What an operator does to numbers.

    Parameters
    ----------
    rounds
        Whether it makes new ones, and so rounds them.
    alike
        Whether those that it puts out lie on the scale of those that it takes.
    fixed
        The range that it puts out, whatever it takes; None where any.
    """

    rounds: bool
    alike: bool
    fixed: Range | None = None


FREE = Rule(rounds=True, alike=False)
ALIKE = Rule(rounds=False, alike=True)
MIXES = Rule(rounds=True, alike=True)
SHARE = Rule(rounds=True, alike=False, fixed=(0.0, 255 / 256))
SIGNED = Rule(rounds=True, alike=False, fixed=(-1.0, 127 / 128))

RULES: dict[type, Rule] = {
    L.InputLayer: FREE,
    L.Conv2D: FREE,
    L.DepthwiseConv2D: FREE,
    L.Dense: FREE,
    L.Add: FREE,
    L.Subtract: FREE,
    L.Multiply: FREE,
    L.MatMul: FREE,
    L.GlobalAveragePooling2D: FREE,
    L.LeakyReLU: FREE,
    L.ReciprocalRoot: FREE,
    L.PositionEmbedding: FREE,
    L.UnitLength: SIGNED,
    L.MaxPooling2D: ALIKE,
    L.GlobalMaxPooling2D: ALIKE,
    L.Concatenate: ALIKE,
    L.Maximum: ALIKE,
    L.Minimum: ALIKE,
    L.Reshape: ALIKE,
    L.Flatten: ALIKE,
    L.Permute: ALIKE,
    L.ZeroPadding2D: ALIKE,
    L.Cropping2D: ALIKE,
    L.ChannelShuffle: ALIKE,
    L.ChannelSlice: ALIKE,
    L.PadChannels: ALIKE,
    L.SelectChannels: ALIKE,
    L.FirstToken: ALIKE,
    L.TokensToMap: ALIKE,
    L.AveragePooling2D: MIXES,
    L.Resizing: MIXES,
    L.UpSampling2D: MIXES,
    L.ClassToken: MIXES,
}
ACTIVATIONS: dict[Any, Rule] = {
    activations.linear: ALIKE,
    activations.relu: FREE,
    activations.relu6: FREE,
    activations.gelu: FREE,
    activations.hard_silu: FREE,
    activations.sigmoid: SHARE,
    activations.softmax: SHARE,
    activations.tanh: SIGNED,
}
FUSES = (L.Conv2D, L.DepthwiseConv2D, L.Dense, L.Add, L.Subtract, L.Multiply)  # with an activation of these after it:
FUSED = (activations.relu, activations.relu6)
SIZE_OF_SECOND = (L.PositionEmbedding, L.TokensToMap)  # of their second input they see the size alone


@dataclass(frozen=True)
class Point:
    """A tensor that is rounded.

    Parameters
    ----------
    name
        Name of the operation that puts it out.
    scale
        Points on one scale have the same.
    fixed
        The range that the operator has by itself; None where it is to be learned.
    """

    name: str
    scale: str
    fixed: Range | None


def points(model: keras.Model) -> list[Point]:
    """Where the integer twin of a lowered model rounds, in the order of the graph.

    Raises
    ------
    ValueError
        When there is no rule for a layer, or one is used twice.
    """
    graph = Graph(model)
    if twice := [op.name for op, count in graph.uses.items() if count > 1]:
        raise ValueError(f"Layer {twice[0]!r} is used twice and would need one range for both: draw it as two layers.")
    rules = {call.operation.name: rule_of(call.operation) for call in graph.calls}
    scales = Scales(graph, rules)
    waiting = before_fused(graph)
    rounded = [c for c in graph.calls if rules[c.operation.name].rounds and c.operation.name not in waiting]
    members: dict[str, set[Range | None]] = {}
    for call in rounded:
        if not rules[call.operation.name].alike:  # a mix is in the range of what is mixed
            members.setdefault(scales.of(call), set()).add(rules[call.operation.name].fixed)
    fixed = {scale: next(iter(ranges)) if len(ranges) == 1 else None for scale, ranges in members.items()}
    return [Point(call.operation.name, scales.of(call), fixed[scales.of(call)]) for call in rounded]


def rule_of(layer: Any) -> Rule:
    """The rule of a layer.

    Raises
    ------
    ValueError
        When there is none.
    """
    rule = ACTIVATIONS.get(layer.activation) if type(layer) is L.Activation else RULES.get(type(layer))
    if rule is None:
        what = f"activation {layer.activation.__name__!r}" if type(layer) is L.Activation else type(layer).__name__
        raise ValueError(f"There is no rule for quantising {layer.name!r}, {what}: leave it out, or draw it otherwise.")
    return rule


def before_fused(graph: Graph) -> set[str]:
    """Operations whose output an activation takes before it is rounded, for both are one operator."""

    def waits(call: Call) -> bool:
        after = [sink.operation for sink in graph.private_consumers(call.outputs[0])]
        if len(after) != 1 or not isinstance(call.operation, FUSES):
            return False
        return type(after[0]) is L.Activation and after[0].activation in FUSED

    return {call.operation.name for call in graph.calls if waits(call)}


class Scales:
    """Which tensors lie on one scale: sets that were joined, each named after its first."""

    def __init__(self, graph: Graph, rules: dict[str, Rule]):
        self.joined: dict[str, str] = {}
        for call in graph.calls:
            if rules[call.operation.name].alike:
                inputs = call.inputs[:1] if isinstance(call.operation, SIZE_OF_SECOND) else call.inputs
                for x in inputs:
                    self.join(graph.producer(x).operation.name, call.operation.name)

    def of(self, call: Call) -> str:
        """The name of the scale of what ``call`` puts out."""
        return self.lead(call.operation.name)

    def lead(self, name: str) -> str:
        while name in self.joined:
            name = self.joined[name]
        return name

    def join(self, one: str, other: str) -> None:
        one, other = self.lead(one), self.lead(other)
        if one != other:
            self.joined[other] = one
