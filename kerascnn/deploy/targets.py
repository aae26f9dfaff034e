"""The table of export formats: how each lowers a model, who writes it, and how near its files come to the model."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import reduce
from pathlib import Path
from pkgutil import resolve_name

from kerascnn.deploy.onnx import write_onnx
from kerascnn.deploy.request import ExportRequest
from kerascnn.deploy.saved_model import write_saved_model
from kerascnn.deploy.tflite import write_dynamic, write_float16, write_float32, write_int8, write_int16x8
from kerascnn.errors import suggest

# What is no single operator has parts that integers have no kernel for, or that round too early; and some operators
# have a kernel that takes many times as long as that of others which compute the same.
INTEGERS = (
    "kerascnn.graph.decompose:decompose",
    "kerascnn.graph.factors:without_factors",
    "kerascnn.graph.wide_kernels:without_wide_kernels",
    "kerascnn.graph.integers:in_fast_kernels",
)
FLOATS = ("kerascnn.graph.wide_kernels:without_wide_kernels", "kerascnn.graph.lower:without_lone_norms")
ONNX = ("kerascnn.graph.fold:fold_batch_norm", "kerascnn.graph.onnx_layers:in_onnx_layers")


@dataclass(frozen=True)
class Target:
    """A format.

    Parameters
    ----------
    writer
        Writes the request's model to a path.
    suffix
        End of a default name; files of any name must share its last part, from the last dot on.
    tolerance
        Largest root mean square error of scores, as a fraction of their spread; see ``kerascnn.evaluation.agreement``.
    integers
        The types that such a file may take and give, its usual one first; empty for a format of floats.
    lowering
        The functions from model to model that are applied in turn before writing; by name, for they import Keras.
    select_tf_ops
        Whether it may hold TensorFlow's own operators. The ranges of integers are measured by a runtime without them.
    """

    writer: Callable[[ExportRequest, Path], None]
    suffix: str
    tolerance: float
    integers: tuple[str, ...] = ()
    lowering: tuple[str, ...] = ()
    select_tf_ops: bool = False

    def write(self, request: ExportRequest, path: Path) -> None:
        """Lower the model of a request and write it."""
        self.writer(self.lowered(request), path)

    def lowered(self, request: ExportRequest) -> ExportRequest:
        """The same request for the lowered model."""
        lowered = reduce(lambda model, name: resolve_name(name)(model), self.lowering, request.model)
        return replace(request, model=lowered, source=request.model)


# Errors of sound files, measured on five trained networks, on images of their kind and on noise: float32 below 3e-6,
# float16 below 0.007, with quantised weights below 0.07, in int8 0.04 to 0.25. An int8 file of them that lost a
# normalisation or mixed its channels up is mostly above 0.4; one that is below is as good as rounding lets it be.
# Random networks of fifty layers, which magnify any rounding, come to 1e-5, 0.015, 0.15 and 0.4.
TARGETS = {
    "tflite": Target(write_float32, ".tflite", 1e-4, lowering=FLOATS, select_tf_ops=True),
    "tflite-fp16": Target(write_float16, ".fp16.tflite", 0.02, lowering=FLOATS, select_tf_ops=True),
    "tflite-dynamic": Target(write_dynamic, ".dynamic.tflite", 0.2, select_tf_ops=True),
    "tflite-int8": Target(write_int8, ".int8.tflite", 0.3, ("int8", "uint8"), INTEGERS),
    "tflite-int16x8": Target(write_int16x8, ".int16x8.tflite", 0.2, ("int16",), INTEGERS),
    "onnx": Target(write_onnx, ".onnx", 1e-4, lowering=ONNX),
    "saved_model": Target(write_saved_model, "_saved_model", 1e-4),
}


def find_target(format: str) -> Target:
    """The format of this name.

    Raises
    ------
    ValueError
        When there is none; it suggests the nearest.
    """
    if format not in TARGETS:
        raise ValueError(f"Unknown export format {format!r}. {suggest(format, TARGETS)}")
    return TARGETS[format]


def types_of(format: str, io: str | None, pixels: bool) -> tuple[str, str]:
    """What the file takes and gives.

    Raises
    ------
    ValueError
        When ``io``, or pixels, do not go with the format.
    """
    integers = TARGETS[format].integers
    if not integers:
        if io:
            raise ValueError(f"{format} takes and gives floats; io={io!r} goes with a format of integers.")
        return ("uint8" if pixels else "float32"), "float32"
    io = io or ("uint8" if pixels and "uint8" in integers else integers[0])
    if io not in integers:
        raise ValueError(f"io of {format} is {' or '.join(map(repr, integers))}, got {io!r}.")
    if pixels and io == "int16":
        raise ValueError(f"{format} takes int16, and pixels are bytes: leave pixels out, or choose tflite-int8.")
    return io, io


def batch_of(batch: int | None, format: str) -> int | None:
    """How many images a file of the format takes at a time, when so many are asked for."""
    if batch is not None and batch < 1:
        raise ValueError(f"batch must be 1 or more, or None for any number; got {batch}.")
    return None if format == "saved_model" else batch
