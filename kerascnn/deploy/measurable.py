"""What TensorFlow Lite's calibrator cannot measure, found before it: it ends the whole process there, with no word."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from kerascnn.deploy.float_layers import source_layers
from kerascnn.deploy.request import ExportRequest, inference_function
from kerascnn.deploy.verification import ExportError

LOOPS = ("While", "StatelessWhile")  # TensorFlow's operators that run a part of the network again and again
BATCH = 16  # images at a time


def need_measurable(request: ExportRequest, images: np.ndarray) -> None:
    """Run a network on its calibration images, (N, H, W, C), and look at everything it computes.

    Raises
    ------
    ExportError
        When it runs in a loop, as recurrent layers and two-stage detectors do, or some number on the way is not finite.
    """
    import tensorflow as tf

    shape = request.model.inputs[0].shape[1:]
    infer = inference_function(replace(request, batch=None, ending=None)).python_function
    specs = [tf.TensorSpec((None, *shape), "float32")]
    rows = [images]
    if request.proposals is not None:
        specs.append(tf.TensorSpec((None, *request.proposals.shape[1:]), "float32"))
        rows.append(request.proposals)
    seen = tf.compat.v1.wrap_function(infer, specs)
    if loop := next(loops(seen.graph), None):
        raise ExportError(
            f"TensorFlow Lite cannot measure the ranges of {where(loop, request)}, which runs in a loop. Export "
            "tflite-dynamic, whose ranges are measured while it runs; a recurrent layer may be drawn with unroll=True."
        )
    with seen.graph.as_default():
        tensors = [x for operation in seen.graph.get_operations() for x in operation.outputs if x.dtype.is_floating]
        finite = tf.stack([tf.reduce_all(tf.math.is_finite(x)) for x in tensors])
    look = seen.prune(seen.inputs[: len(specs)], finite)
    for start in range(0, len(images), BATCH):
        found = look(*(tf.constant(each[start : start + BATCH]) for each in rows))
        if not np.all(found):
            first = tensors[int(np.argmin(found))].op.name
            raise ExportError(
                f"Integers hold finite numbers alone, and {where(first, request)} computes others on the calibration "
                f"images from {start} on. Look at these images, or draw it in finite numbers, such as -1e9 for minus "
                "infinity."
            )


def loops(graph: Any) -> Iterator[str]:
    """Names of the loops of a graph, or of the calls that hold one."""
    definition = graph.as_graph_def()
    inside = {f.signature.name for f in definition.library.function if any(n.op in LOOPS for n in f.node_def)}
    for node in definition.node:
        if node.op in LOOPS or any(value.func.name in inside for value in node.attr.values()):
            yield node.name


def where(operation: str, request: ExportRequest) -> str:
    """The layer that an operation of TensorFlow comes of, in words."""
    layers = source_layers(request)([operation])
    return f"layer {layers[-1]!r}" if layers else f"the operation {operation!r}"
