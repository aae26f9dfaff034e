"""What an integer file holds besides kernels: biases, and the factors of a leaky ReLU."""

import math
from collections import Counter
from typing import Any

import keras
import numpy as np

from kerascnn import layers as L
from kerascnn.compression.scales import Range, points
from kerascnn.compression.simulation import Ranges
from kerascnn.graph.fold import OUTPUTS
from kerascnn.graph.graph import Graph

FACTOR_BITS = 8  # behind the binary point, that XNNPACK keeps of what a leaky ReLU multiplies by
WIDER = 0.1  # share by which a range may be widened


def with_exact_slopes(model: keras.Model, ranges: Ranges) -> Ranges:
    """The ranges, some a little wider: such that a leaky ReLU's two factors are what XNNPACK makes of them.

    It multiplies by the ratio of both steps, and by that times the slope, each rounded to 8 bits behind the point: an
    error of up to half a step, the same way everywhere. Factors of few powers of 2 are taken, for these bring few
    numbers half-way between two steps. A scale that several tensors share stays as it is.
    """
    found = points(model)
    sharing = Counter(point.scale for point in found)
    alone = {point.name for point in found if sharing[point.scale] == 1}
    steps, wider = steps_before(model, ranges), dict(ranges)
    for call in Graph(model).calls:
        name = call.operation.name
        if isinstance(call.operation, L.LeakyReLU) and name in alone:
            slope, most = call.operation.negative_slope, 2**FACTOR_BITS * steps[name] / step_of(ranges[name])
            least = math.ceil((1 - WIDER) * most)
            exact = (n for n in range(int(most), least - 1, -1) if n % 4 and abs(slope * n - round(slope * n)) < 1e-3)
            if factor := next(exact, None):
                low, high = ranges[name]
                wider[name] = low * most / factor, high * most / factor
    return wider


def hold_biases(model: keras.Model, ranges: Ranges) -> None:
    """Round every bias as an integer of 32 bits holds it: to a multiple of its input's step times its kernel's."""
    steps = steps_before(model, ranges)
    for layer in model.layers:
        if type(layer) in OUTPUTS and layer.use_bias:
            kernel, bias = layer.get_weights()
            inputs = tuple(axis for axis in range(kernel.ndim) if axis not in OUTPUTS[type(layer)])
            step = steps[layer.name] * np.abs(kernel).max(axis=inputs).reshape(-1) / 127
            layer.set_weights([kernel, np.where(step > 0, np.round(bias / np.where(step > 0, step, 1)) * step, bias)])


def steps_before(model: keras.Model, ranges: Ranges) -> dict[str, float]:
    """By the name of an operation, the distance between neighbouring values of its first input."""
    before: dict[str, float] = {}
    after: dict[int, Any] = {}
    for call in Graph(model).calls:
        name = call.operation.name
        if call.inputs:
            before[name] = after[id(call.inputs[0])]
        # What rounds nothing leaves its input's scale; what waits for its activation is read by that alone.
        after[id(call.outputs[0])] = step_of(ranges[name]) if name in ranges else before[name]
    return before


def step_of(range: Range) -> float:
    low, high = range
    return (high - low) / 255
