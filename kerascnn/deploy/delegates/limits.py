"""Limits that delegates publish for operators: each looks at one operator and says what is wrong with it, or nothing.

Tables name these functions; a delegate's own module says what holds for every operator.
"""

import csv
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from kerascnn.deploy.flatbuffer import Operator, Tensor


@cache
def table(name: str) -> dict[str, dict[str, str]]:
    """A delegate's published table, by operator."""
    text = files("kerascnn.deploy.delegates").joinpath(f"{name}.csv").read_text(encoding="utf-8")
    return {row["operator"]: row for row in csv.DictReader(text.splitlines())}


def broken_limit(operator: Operator, limits: str) -> str:
    """The first limit that an operator breaks, in words; empty when it keeps all of ``limits``, names with spaces."""
    return next((said for name in limits.split() if (said := LIMITS[name](operator))), "")


def wide(tensor: Tensor) -> list[int]:
    """The sizes of a tensor that are not 1."""
    return [size for size in tensor.shape if size != 1]


def constant(operator: Operator, place: int) -> Any:
    """The values of an input, as a flat list; None when they are not in the file."""
    tensor = operator.inputs[place] if place < len(operator.inputs) else None
    return None if tensor is None or tensor.value is None else tensor.value.reshape(-1).tolist()


def first_input(operator: Operator) -> Tensor:
    return next(tensor for tensor in operator.inputs if tensor is not None)


def no_activation(operator: Operator) -> str:
    return "an activation is fused into it" if operator.options.get("fusedActivationFunction") else ""


def same_dilation(operator: Operator) -> str:
    across, down = (operator.options.get(f"dilation{side}Factor", 1) for side in "WH")
    return f"its dilation is {down} down and {across} across" if across != down else ""


def plain_weights(operator: Operator) -> str:
    return "its weights are stored in a shuffled format" if operator.options.get("weightsFormat") else ""


def vector_output(operator: Operator) -> str:
    return "its output has more than one dimension" if len(wide(operator.outputs[0])) > 1 else ""


def short_vector(operator: Operator) -> str:
    sizes = wide(first_input(operator))
    if len(sizes) > 1:
        return "its input has more than one dimension"
    return "its input has more than 16,000 elements" if sizes and sizes[0] > 16_000 else ""


def zero_constant(operator: Operator) -> str:
    constants = [tensor for tensor in operator.inputs if tensor is not None and tensor.constant]
    if not constants:
        return ""
    if len(operator.inputs) != 2:
        return "one of more than two inputs is constant"
    zero = constants[0].value is not None and not np.any(constants[0].value)
    return "" if zero else "a constant that is not all zero is joined to it"


def keeps_batch_in_reduction(operator: Operator) -> str:
    axes, rank = constant(operator, 1), len(first_input(operator).shape)
    if axes is None:
        return "its axes are not constant"
    return "it reduces over the batch" if rank > 3 and 0 in [axis % rank for axis in axes] else ""


def depth_of_four(operator: Operator) -> str:
    axes, shape = constant(operator, 1) or [], first_input(operator).shape
    deep = any(axis % len(shape) == len(shape) - 1 for axis in axes)
    return f"it reduces over {shape[-1]} channels, no multiple of 4" if deep and shape[-1] % 4 else ""


def keeps_batch_in_padding(operator: Operator) -> str:
    widths = constant(operator, 1)
    if widths is None:
        return "its widths are not constant"
    return "it pads the batch" if any(widths[:2]) else ""


def keeps_batch_in_packing(operator: Operator) -> str:
    return "it stacks along the batch" if operator.options.get("axis") == 0 else ""


def keeps_batch_in_splitting(operator: Operator) -> str:
    return "it splits the batch" if 0 in (constant(operator, 0) or []) else ""


def unit_strides(operator: Operator) -> str:
    steps = constant(operator, 3)
    return "it takes steps other than 1" if steps is None or any(step != 1 for step in steps) else ""


def slope_per_channel(operator: Operator) -> str:
    slopes = operator.inputs[1]
    return "its slopes differ in height or width" if slopes and len(wide(slopes)) > 1 else ""


def one_forward_input(operator: Operator) -> str:
    count = sum(tensor is not None and not tensor.constant for tensor in operator.inputs)
    return f"it takes {count} tensors that are not constant" if count != 1 else ""


def constant_axes(operator: Operator) -> str:
    return "its axes are not constant" if constant(operator, 1) is None else ""


def two_inputs(operator: Operator) -> str:
    return f"it has {len(operator.inputs)} inputs" if len(operator.inputs) != 2 else ""


def covers_the_other(operator: Operator) -> str:
    one, other = (tensor.shape for tensor in operator.inputs[:2] if tensor is not None)
    if len(one) != len(other):
        return ""
    smaller = any(a < b for a, b in zip(one, other, strict=True))
    larger = any(a > b for a, b in zip(one, other, strict=True))
    return "neither factor covers the other" if smaller and larger else ""


def multiplier_of_one(operator: Operator) -> str:
    channels, multiplier = first_input(operator).shape[-1], operator.options.get("depthMultiplier", 1)
    return f"it makes {multiplier} of each of {channels} channels" if multiplier != 1 and channels != 1 else ""


def map_of_three_or_four(operator: Operator) -> str:
    rank = len(first_input(operator).shape)
    return f"its input has {rank} dimensions" if rank not in (3, 4) else ""


def no_new_axis(operator: Operator) -> str:
    masks = any(operator.options.get(mask) for mask in ("ellipsisMask", "newAxisMask"))
    return "it uses an ellipsis or a new axis" if masks else ""


def keeps_axes(operator: Operator) -> str:
    return no_new_axis(operator) or ("it drops an axis" if operator.options.get("shrinkAxisMask") else "")


def padding_of_a_map(operator: Operator) -> str:
    widths = operator.inputs[1]
    fits = widths is not None and widths.shape in ((3, 2), (4, 2))
    return "" if fits else "it pads something else than a map"


def reflects(operator: Operator) -> str:
    return "it mirrors the border itself too" if operator.options.get("mode") else ""


def beta_of_one(operator: Operator) -> str:
    return "its beta is not 1" if operator.options.get("beta", 1) != 1 else ""


LIMITS: dict[str, Callable[[Operator], str]] = {
    limit.__name__: limit
    for limit in (
        no_activation,
        same_dilation,
        plain_weights,
        vector_output,
        short_vector,
        zero_constant,
        keeps_batch_in_reduction,
        depth_of_four,
        keeps_batch_in_padding,
        keeps_batch_in_packing,
        keeps_batch_in_splitting,
        unit_strides,
        slope_per_channel,
        one_forward_input,
        constant_axes,
        two_inputs,
        multiplier_of_one,
        map_of_three_or_four,
        no_new_axis,
        keeps_axes,
        covers_the_other,
        padding_of_a_map,
        reflects,
        beta_of_one,
    )
}
