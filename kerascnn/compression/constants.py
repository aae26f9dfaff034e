"""The constants of an int8 file besides its kernels: biases, and the factors that a leaky ReLU multiplies by."""

import math
from collections import Counter

import keras
import numpy as np

from kerascnn import layers as L
from kerascnn.compression.rounding import KERNELS, Range, rounded_tensors
from kerascnn.compression.simulation import Ranges, largest
from kerascnn.graph.graph import Graph

FACTOR_BITS = 8  # behind the binary point, that XNNPACK keeps of what a leaky ReLU multiplies by
WIDER = 0.1  # fraction of a range by which it may be widened


def widen_for_leaky_relu(model: keras.Model, ranges: Ranges) -> Ranges:
    """The ranges, some a little wider: such that a leaky ReLU's two factors are what XNNPACK makes of them.

    It multiplies by the ratio of both steps, and by that times the slope, each rounded to 8 bits behind the point: an
    error of up to half a step, the same way everywhere. Factors of few powers of 2 are taken, for these bring few
    numbers half-way between two steps. A scale that several tensors share stays as it is.
    """
    tensors = rounded_tensors(model)
    sharing = Counter(tensor.scale for tensor in tensors)
    alone = {tensor.name for tensor in tensors if sharing[tensor.scale] == 1}
    steps, wider = input_steps(model, ranges), dict(ranges)
    for layer in model.layers:
        name = layer.name
        if isinstance(layer, L.LeakyReLU) and name in alone:
            slope, most = layer.negative_slope, 2**FACTOR_BITS * steps[name] / step_of(ranges[name])
            least = math.ceil((1 - WIDER) * most)
            exact = (n for n in range(int(most), least - 1, -1) if n % 4 and abs(slope * n - round(slope * n)) < 1e-3)
            if factor := next(exact, None):
                low, high = ranges[name]
                wider[name] = low * most / factor, high * most / factor
    return wider


def round_biases(model: keras.Model, ranges: Ranges) -> None:
    """Round every bias as an integer of 32 bits holds it: to a multiple of its input's step times its kernel's."""
    steps = input_steps(model, ranges)
    for layer in model.layers:
        if type(layer) in KERNELS and layer.use_bias:
            kernel, bias = layer.get_weights()
            step = steps[layer.name] * largest(kernel, KERNELS[type(layer)]).reshape(-1) / 127
            layer.set_weights([kernel, np.where(step > 0, np.round(bias / np.where(step > 0, step, 1)) * step, bias)])


def input_steps(model: keras.Model, ranges: Ranges) -> dict[str, float]:
    """By the name of an operation, the distance between neighbouring values of its first input."""
    before: dict[str, float] = {}
    after: dict[str, float] = {}
    graph = Graph(model)
    for call in graph.calls:
        name = call.operation.name
        if call.inputs:
            before[name] = after[graph.producer(call.inputs[0]).operation.name]
        # What rounds nothing keeps its input's scale; what is fused with its activation is read by that alone.
        after[name] = step_of(ranges[name]) if name in ranges else before[name]
    return before


def step_of(range: Range) -> float:
    low, high = range
    return (high - low) / 255
