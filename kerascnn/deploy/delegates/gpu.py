"""What LiteRT's GPU delegate takes of a file: floating point on OpenCL or OpenGL ES, and 8 bits simulated in it.

``gpu.csv`` holds what the delegate's own check accepts, tensorflow/lite/tools/versioning/gpu_compatibility.cc. The list
that is published for users, tensorflow.org/lite/performance/gpu, is shorter; its column says who is on it. The analyzer
of TensorFlow 2.21 and LiteRT 2.3 does not run that check: asked for GPU compatibility, it accepts every operator.
"""

from pathlib import Path

from kerascnn.deploy.delegates.limits import broken_limit, table
from kerascnn.deploy.delegates.report import Report, Verdict, partitions
from kerascnn.deploy.flatbuffer import Operator, read_graphs


def gpu(path: Path) -> Report:
    """Say which operators of a file run on a phone's GPU.

    Raises
    ------
    ValueError
        When it is no .tflite file.
    """
    graph = read_graphs(path)[0]
    said = [refusal(operator) for operator in graph.operators]
    verdicts = tuple(
        Verdict(operator, not reason, reason or unlisted(operator))
        for operator, reason in zip(graph.operators, said, strict=True)
    )
    tensors = [tensor for operator in graph.operators for tensor in operator.tensors if not tensor.constant]
    notes = []
    if any(tensor.dtype in ("int8", "uint8") for tensor in tensors):
        notes.append(
            "The GPU computes 8-bit files in floating point: a tflite or tflite-fp16 file is as fast or faster."
        )
    if any(-1 in tensor.shape for tensor in tensors):
        notes.append("Some sizes are open: the delegate takes files of fixed sizes only.")
    found = partitions(graph, [not reason for reason in said])
    return Report("gpu", verdicts, tuple(found), tuple(notes))


def refusal(operator: Operator) -> str:
    """Why the delegate does not take an operator; empty when it does."""
    row = table("gpu").get(operator.kind)
    if row is None:
        return "it is not supported"
    if any(-1 in tensor.shape for tensor in operator.tensors if not tensor.constant):
        return "the file leaves one of its sizes open"
    return broken_limit(operator, row["limits"])


def unlisted(operator: Operator) -> str:
    listed = table("gpu")[operator.kind]["published"] == "yes"
    return "" if listed else "it is not on the published list, so an older delegate may leave it to the CPU"
