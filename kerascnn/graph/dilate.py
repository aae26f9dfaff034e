"""Atrous convolution: a network whose maps stay large, because it dilates kernels where it took strides.

Chen et al. 2016, https://arxiv.org/abs/1606.00915, section 3.1: where a stride is left out, every kernel behind it
skips as many pixels instead, and sees at each place what it saw before. Weights stay as they are.
"""

from typing import Any

from kerascnn import layers as L
from kerascnn.graph.features import strides_of
from kerascnn.graph.graph import Call, Graph
from kerascnn.graph.rewrite import Plan, Rule, kept, passed

CONVOLUTIONS = (L.Conv2D, L.DepthwiseConv2D, L.SeparableConv2D)
POOLS = (L.MaxPooling2D, L.AveragePooling2D)
PADS = (L.ZeroPadding2D, L.SamePadding2D)


def dilating(output_stride: int, early: bool = False) -> Plan:
    """How a network is drawn again with no map of a stride above ``output_stride``; for ``rewrite.redraw``.

    Zeros before such a convolution or pool become those of padding "same", which lie on all sides alike. Pools keep
    their windows, as in the VGG-16 of the paper: Keras dilates none.

    Parameters
    ----------
    early
        Whether a convolution that loses its stride is dilated as those behind it are, as torchvision's MobileNetV3 is.

    Raises
    ------
    ValueError
        When a map is made smaller or larger in a way that cannot be dilated.
    """

    def plan(graph: Graph) -> Any:
        strides, rules = strides_of(graph.model), {}
        for call in (call for call in graph.calls if call.operation.name in strides):
            name = call.operation.name
            known = [strides[p] for x in call.inputs if (p := graph.producer(x).operation.name) in strides]
            before, after = max(known, default=1), strides[name]
            if max(before, after) <= output_stride or isinstance(call.operation, PADS):
                continue
            if rule := rule_of(call, before, after, output_stride, early):
                rules[name] = rule
                if is_padded(call):
                    rules[graph.producer(call.inputs[0]).operation.name] = passed
        return lambda layer: rules.get(layer.name)

    return plan


def rule_of(call: Call, before: int, after: int, most: int, early: bool) -> Rule | None:
    """How an operation between maps of two strides is drawn where none may have a stride above ``most``."""
    layer, stride = call.operation, max(1, most // before)
    if isinstance(layer, CONVOLUTIONS):
        rate = max(1, (after if early else before) // most)
        rates = tuple(rate if side > 1 else 1 for side in layer.kernel_size)
        return dilated(strides=stride, dilation_rate=rates, padding="same" if is_padded(call) else layer.padding)
    if isinstance(layer, POOLS):
        return dilated(strides=stride, padding="same") if before != after else None
    if before != after:
        raise ValueError(
            f"{layer.name} makes a map of stride {after} of one of stride {before}, and cannot be dilated to stride "
            f"{most}. Choose a larger output_stride, or a backbone of convolutions and pools."
        )
    return None


def is_padded(call: Call) -> bool:
    """Whether an operation takes a map behind zeros that were put around it."""
    return isinstance(call.inputs[0]._keras_history.operation, PADS)


def dilated(**changes: Any) -> Rule:
    """The rule of a layer that stays as it is, but for these changes."""
    return lambda layer, name, x: kept(layer, name, x, **changes)
