"""What a model costs: parameters, multiply-adds, activation memory; read off its graph."""

from dataclasses import dataclass
from math import prod
from typing import Any

import keras
from keras import layers as L

from kerascnn.arguments import checked
from kerascnn.graph.graph import Call, Graph
from kerascnn.graph.inline import inline_models
from kerascnn.graph.rewrite import with_fixed_size, without_adapters

TRANSPOSED = (L.Conv1DTranspose, L.Conv2DTranspose, L.Conv3DTranspose)
CONVOLUTIONS = (L.Conv1D, L.Conv2D, L.Conv3D)
RECURRENT = (L.GRU, L.LSTM, L.SimpleRNN)
WRAPPERS = (L.SpectralNormalization, L.TimeDistributed)


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What one image costs at inference.

    Parameters
    ----------
    input_shape
        ``(height, width, channels)`` of the image.
    trainable
        Parameters that training changes: the number that papers quote.
    parameters
        All of them, with the moving statistics of batch norm: the number that Keras quotes. Masks and indices, which
        are no numbers to learn, do not count.
    macs
        Multiply-adds of convolutions, dense layers and attention. Normalisation, activations and pools are not
        counted, as in the papers. One multiply-add is two floating-point operations (FLOPs).
    activations
        Numbers in the outputs of those layers; Radosavovic et al. 2020, section 3.
    peak_memory
        Bytes of the feature maps that are alive at once at the worst moment, each operation writing to a new one.
    notes
        What is not counted; mostly empty.
    """

    input_shape: tuple[int, int, int]
    trainable: int
    parameters: int
    macs: int
    activations: int
    peak_memory: int
    notes: tuple[str, ...] = ()


@checked
def cost(model: keras.Model, size: int | None = None) -> Cost:
    """Count what ``model`` costs on one image, of ``size`` x ``size`` pixels or its own input size.

    Models inside the model count as their layers, a layer that is used twice works twice, and low-rank adapters are a
    part of their kernels. The work of a layer with a kernel that there is no rule for is not counted: a note says so.

    Raises
    ------
    ValueError
        When the model takes images of any size and ``size`` is not given, or shows no graph.
    """
    graph = Graph(with_fixed_size(inline_models(without_adapters(model)), size))
    counted = {id(call.outputs[0]): macs_of(call) for call in graph.calls if call.inputs}
    unknown = dict.fromkeys(call.operation.name for call in graph.calls if counted.get(id(call.outputs[0]), 0) is None)
    made = {
        place: sum(map(elements, call.outputs)) for call in graph.calls if counted.get(place := id(call.outputs[0]))
    }
    return Cost(
        input_shape=tuple(graph.model.inputs[0].shape[1:]),
        trainable=sum(prod(w.shape) for w in graph.model.trainable_weights),
        parameters=sum(prod(w.shape) for w in graph.model.weights if "float" in w.dtype or w.path.endswith("/kernel")),
        macs=sum(count or 0 for count in counted.values()),
        activations=sum(made.values()),
        peak_memory=peak_memory(graph),
        notes=(f"Not counted: the multiply-adds of {', '.join(unknown)}.",) if unknown else (),
    )


def macs_of(call: Call) -> int | None:
    """Multiply-adds of one call of a layer; None where it has a kernel that there is no rule for."""
    if isinstance(call.operation, L.MultiHeadAttention):
        return attention_macs(call)
    return macs_between(call.operation, elements(call.inputs[0]), elements(call.outputs[0]), call.inputs[0].shape)


def macs_between(op: Any, before: int, after: int, shape: Any) -> int | None:
    """Multiply-adds of a layer that makes ``after`` numbers of ``before``: what it says, or by its kernel's shape."""
    if hasattr(op, "multiply_adds"):
        return op.multiply_adds(after)
    if isinstance(op, WRAPPERS):
        return macs_between(op.layer, before, after, shape)
    if isinstance(op, L.Bidirectional):
        ways = [macs_between(each, before, after, shape) for each in (op.forward_layer, op.backward_layer)]
        return None if None in ways else sum(filter(None, ways))
    if isinstance(op, RECURRENT):  # at each step, what comes in and what it remembers
        return shape[1] and shape[1] * sum(prod(w.shape) for w in op.weights if w.path.endswith("kernel"))
    kernel: Any = getattr(op, "kernel", None)
    if isinstance(op, TRANSPOSED):
        return before * prod(kernel.shape[:-1])
    if isinstance(op, L.SeparableConv1D | L.SeparableConv2D):  # a depthwise convolution, then a 1x1
        size, pointwise = prod(op.depthwise_kernel.shape[:-2]), op.pointwise_kernel.shape
        return after // pointwise[-1] * pointwise[-2] * (size + pointwise[-1])
    if isinstance(op, L.DepthwiseConv1D | L.DepthwiseConv2D):  # kernel: height, width, channels, multiplier
        return after * prod(kernel.shape[:-2])
    if isinstance(op, CONVOLUTIONS):  # kernel: height, width, channels of one group, filters
        return after * prod(kernel.shape[:-1])
    if isinstance(op, L.Dense):
        return after * kernel.shape[0]
    if isinstance(op, L.EinsumDense):  # the axes of the kernel that are summed over
        taken, _, made = op.equation.replace(" ", "").partition("->")
        axes = zip(taken.partition(",")[2], kernel.shape, strict=True)
        return after * prod(size for axis, size in axes if axis not in made)
    return None if any(w.path.endswith("kernel") for w in getattr(op, "weights", ())) else 0


def attention_macs(call: Call) -> int:
    """Four projections, every query times every key, and the weights of these times the values."""
    queries, values = (prod(x.shape[1:-1]) for x in call.inputs[:2])
    kernels = {w.path.split("/")[-2]: w.shape for w in call.operation.weights if w.path.endswith("kernel")}
    projections = sum(
        prod(shape) * (queries if name in ("query", "attention_output") else values) for name, shape in kernels.items()
    )
    return projections + queries * values * sum(prod(kernels[name][1:]) for name in ("key", "value"))


def elements(tensor) -> int:
    return prod(tensor.shape[1:])


def size_of(tensor: Any) -> int:
    """Bytes of one number."""
    return max(1, int("".join(filter(str.isdigit, tensor.dtype)) or 8) // 8)


def peak_memory(graph: Graph) -> int:
    """Bytes alive at the worst call: its inputs, its output, and what later calls still wait for."""
    last_use = {id(x): step for step, call in enumerate(graph.calls) for x in call.inputs}
    alive: dict[int, int] = {}
    peak = 0
    for step, call in enumerate(graph.calls):
        alive |= {id(x): elements(x) * size_of(x) for x in call.outputs}
        peak = max(peak, sum(alive.values()))
        alive = {x: size for x, size in alive.items() if last_use.get(x, -1) > step}
    return peak
