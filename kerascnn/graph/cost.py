"""What a model costs: parameters, multiply-adds, activation memory; read off its graph."""

from dataclasses import dataclass
from math import prod
from typing import Any

import keras
from keras import layers as L

from kerascnn.arguments import checked
from kerascnn.graph.inline import inline_models
from kerascnn.graph.rewrite import with_fixed_size

BYTES = {"float64": 8, "float32": 4, "bfloat16": 2, "float16": 2, "int8": 1, "uint8": 1}


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
    """

    input_shape: tuple[int, int, int]
    trainable: int
    parameters: int
    macs: int
    activations: int
    peak_memory: int


@checked
def cost(model: keras.Model, size: int | None = None) -> Cost:
    """Count what ``model`` costs on one image, of ``size`` x ``size`` pixels or its own input size.

    Models inside the model count as their layers.

    Raises
    ------
    ValueError
        When the model takes images of any size and ``size`` is not given, shows no graph, or holds a layer with a
        kernel that there is no rule for.
    """
    fixed = with_fixed_size(inline_models(model), size)
    counted = [op for op in fixed.operations if macs_of(op)]
    return Cost(
        input_shape=tuple(fixed.input_shape[1:]),
        trainable=sum(prod(w.shape) for w in fixed.trainable_weights),
        parameters=sum(prod(w.shape) for w in fixed.weights if "float" in w.dtype),
        macs=sum(macs_of(op) for op in counted),
        activations=sum(elements(op.output) for op in counted),
        peak_memory=peak_memory(fixed),
    )


def macs_of(op: Any) -> int:
    """Multiply-adds of one layer: what it says itself, or by the shape of its kernel and of its output."""
    if hasattr(op, "multiply_adds"):
        return op.multiply_adds(elements(op.output))
    kernel: Any = getattr(op, "kernel", None)
    if isinstance(op, L.Conv2DTranspose):
        return elements(op.input) * prod(kernel.shape[:3])
    if isinstance(op, L.SeparableConv2D):  # a depthwise convolution, then a 1x1
        size, pointwise = prod(op.depthwise_kernel.shape[:2]), op.pointwise_kernel.shape
        return elements(op.output) // pointwise[-1] * pointwise[2] * (size + pointwise[-1])
    if isinstance(op, L.DepthwiseConv2D):  # kernel: height, width, channels, multiplier
        return elements(op.output) * prod(kernel.shape[:2])
    if isinstance(op, L.Conv2D):  # kernel: height, width, channels of one group, filters
        return elements(op.output) * prod(kernel.shape[:3])
    if isinstance(op, L.Dense):
        return elements(op.output) * kernel.shape[0]
    if isinstance(op, L.MultiHeadAttention):
        return attention_macs(op)
    if any(w.path.endswith("kernel") for w in getattr(op, "weights", ())):
        raise ValueError(f"There is no rule for the multiply-adds of {op.__class__.__name__} {op.name!r}.")
    return 0


def attention_macs(op: Any) -> int:
    """Four projections, every query times every key, and the weights of these times the values."""
    queries, values = (prod(x.shape[1:-1]) for x in keras.tree.flatten(op.input)[:2])
    kernels = {w.path.split("/")[-2]: w.shape for w in op.weights if w.path.endswith("kernel")}
    projections = sum(
        prod(shape) * (queries if name in ("query", "attention_output") else values) for name, shape in kernels.items()
    )
    return projections + queries * values * sum(prod(kernels[name][1:]) for name in ("key", "value"))


def elements(tensor) -> int:
    return prod(tensor.shape[1:])


def peak_memory(model: keras.Model) -> int:
    """Bytes alive at the worst operation: its inputs, its output, and what later operations still wait for."""
    last_use = {id(t): step for step, op in enumerate(model.operations) for t in keras.tree.flatten(op.input)}
    alive: dict[int, int] = {}
    peak = 0
    for step, op in enumerate(model.operations):
        alive |= {id(t): elements(t) * BYTES[t.dtype] for t in keras.tree.flatten(op.output)}
        peak = max(peak, sum(alive.values()))
        alive = {t: size for t, size in alive.items() if last_use.get(t, -1) > step}
    return peak
