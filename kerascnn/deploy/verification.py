"""Whether an exported file computes in its own runtime what Keras computes.

Two numbers of :mod:`kerascnn.evaluation.agreement` decide. The *error* of every output has to be within the tolerance
of the format: a fraction of the spread of scores, and not of the largest score, says how much of what tells classes
and images apart has survived. And ``AGREEMENT`` of the clear decisions have to be the same.

Some networks magnify rounding: an untrained EfficientNetV2-S has logits of 10,000, and a ten-millionth more light
turns its answer. Such a network is allowed the error that it has against itself, and agreement counts as before.

A network whose scores hardly spread, as an untrained one, can be exported too, to time it on a phone for instance, and
its report says what the verification is worth.
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from kerascnn.deploy.operators import delegated, foreign_operators, onnx_operators, opset, tflite_operators
from kerascnn.evaluation.agreement import Agreement, compare
from kerascnn.files import sha256
from kerascnn.runtime import Runner
from kerascnn.runtime.flex import is_flex

AGREEMENT = 0.9
SELECT = "With select_tf_ops=True a file of floats may hold it, for apps that bring TensorFlow's own kernels."
OPERATORS = {"tflite": tflite_operators, "onnx": onnx_operators}
LIBRARIES = {"tflite": ("ai_edge_litert",), "onnx": ("tf2onnx", "onnx", "onnxruntime")}


class ExportError(RuntimeError):
    """A file could not be written, or was written and computes something else than the model."""


@dataclass(frozen=True, kw_only=True)
class VerificationReport(Agreement):
    """How far an exported file computes what its model computes.

    Parameters
    ----------
    format
        One of the names that ``export`` knows.
    path, bytes, sha256
        The file, its size, and the hash of its content; of a folder, over all its files and their names.
    input_shape
        (batch, H, W, C); a batch of None is any.
    inputs
        What both ran on: "calibration images" or "noise".
    tolerance
        The largest ``error`` that this format is allowed.
    types
        What the file takes, then what it gives: "float32", "int8", "uint8" or "int16".
    operators
        How often each operator occurs, the most frequent first; empty for a SavedModel. TensorFlow's own are called
        ``FlexSomething``.
    delegated
        Operators of a ``.tflite`` file that XNNPACK, LiteRT's fast kernels for CPUs, takes over on this machine; of
        how many; and in how many partitions it takes them. Between two partitions the data goes back and forth.
    versions
        Of the libraries that wrote and ran the file; of an ONNX file its operator set too.
    """

    format: str
    path: str
    bytes: int
    sha256: str
    input_shape: tuple[int | None, ...]
    inputs: str
    tolerance: float
    types: tuple[str, ...]
    operators: dict[str, int]
    delegated: dict[str, int]
    versions: dict[str, str]

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON can hold it."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}


def compare_runs(
    reference: Runner, file: Runner, images: np.ndarray, tolerance: float, compare: Callable[..., Agreement] = compare
) -> Agreement:
    """Run a file and its model on the same images.

    Parameters
    ----------
    compare
        The measure: that of a task, or else :func:`kerascnn.evaluation.agreement.compare`.

    Raises
    ------
    ExportError
        When they do not compute the same.
    """
    with full_precision():
        want = reference(images)
        try:
            found = compare(want, run(file, images), steps=file.steps, tolerance=tolerance)
        except ValueError as error:
            raise ExportError(str(error)) from error
        if found.error <= tolerance and found.decided_agreement >= AGREEMENT:
            return found
        own_error = max(
            compare(want, reference(perturbed(images, seed)), steps={}, tolerance=tolerance).error for seed in range(3)
        )
    if found.error <= own_error and found.decided_agreement >= AGREEMENT:
        note = (
            f"The network magnifies rounding: when every pixel changes by a ten-millionth, its scores change by "
            f"{own_error:.2g} of their spread. The verification rests on top-1 agreement alone."
        )
        return replace(found, notes=(*found.notes, note))
    raise ExportError(
        f"{file.path.name} does not compute what its model computes: on {found.samples} images "
        f"the error of its scores is {found.error:.2g} of their spread, where {tolerance:.2g} is allowed, and it "
        f"decides alike in {found.decided_agreement:.1%} of the {found.decided} clear decisions, where "
        f"{AGREEMENT:.0%} is asked (largest error {found.max_error:.3g}, mean {found.mean_error:.3g})."
    )


def run(file: Runner, images: np.ndarray) -> dict[str, np.ndarray]:
    try:
        return file(images)
    except RuntimeError as error:  # a kernel that meets a type it was not written for says so now, not before
        reason = str(error.__cause__ or error).splitlines()[0]
        raise ExportError(f"The file's own runtime does not run it: {file.path.name}: {reason}") from error


def perturbed(images: np.ndarray, seed: int) -> np.ndarray:
    """The images with every pixel off by what float32 may round away."""
    noise = np.random.default_rng(seed).standard_normal(images.shape, dtype=np.float32)
    return images * (1 + np.float32(1e-7) * noise)


def check_operators(path: Path, select_tf_ops: bool) -> None:
    """Refuse a ``.tflite`` file that needs other kernels than LiteRT's and, where allowed, TensorFlow's.

    Raises
    ------
    ExportError
        When it holds other operators.
    """
    foreign = [name for name in foreign_operators(path) if not (select_tf_ops and is_flex(name))]
    if foreign:
        raise ExportError(
            f"{path.name} holds {', '.join(foreign)}, for which TensorFlow Lite has no kernel of its own: an app would "
            f"have to bring one. Draw this part of the network with other layers."
            + (f" {SELECT}" if all(map(is_flex, foreign)) else "")
        )


def needs(operators: Iterable[str]) -> Iterator[str]:
    """What a file needs beside LiteRT, and how that was verified."""
    if flex := sorted(filter(is_flex, operators)):
        yield (
            f"The file needs TensorFlow's own kernels in the app (org.tensorflow:tensorflow-lite-select-tf-ops), for "
            f"{', '.join(flex)}. Here TensorFlow ran these from their nodes in the file, and LiteRT all between them."
        )


def check_claims(file: Runner, *, batch: int | None, types: Sequence[tuple[str, ...]]) -> None:
    """Refuse a file that takes or gives something else than was asked for.

    Raises
    ------
    ExportError
        When it takes another number of images at a time, or takes or gives another type.
    """
    name = file.path.name
    if file.batch != batch:
        got, want = ("any number of images" if size is None else f"{size} at a time" for size in (file.batch, batch))
        raise ExportError(f"{name} takes {got}, and {want} was asked for.")
    if file.types not in types:
        want = " or ".join(" and gives ".join(each) for each in types)
        got = f"{file.types[0]} and gives {', '.join(file.types[1:])}"
        raise ExportError(f"{name} takes {got}; a file of its format takes {want}.")


def file_facts(file: Runner) -> dict[str, Any]:
    """The fields of a report that describe the file itself."""
    parts = [part for part in file.path.rglob("*") if part.is_file()] if file.path.is_dir() else [file.path]
    operators = OPERATORS.get(file.format)
    versions = {
        name: sys.modules[name].__version__ for name in ("tensorflow", "keras", *LIBRARIES.get(file.format, ()))
    }
    return {
        "bytes": sum(part.stat().st_size for part in parts),
        "sha256": sha256(file.path),
        "input_shape": (file.batch, *file.input_shape),
        "types": file.types,
        "operators": operators(file.path) if operators else {},
        "delegated": delegated(file.path) if file.format == "tflite" else {},
        "versions": versions | ({"opset": opset(file.path)} if file.format == "onnx" else {}),
    }


@contextmanager
def full_precision() -> Iterator[None]:
    """Multiply in float32 for a while: by default recent GPUs round the factors to ten bits, far above tolerance."""
    import tensorflow as tf

    rounded = tf.config.experimental.tensor_float_32_execution_enabled()
    tf.config.experimental.enable_tensor_float_32_execution(False)
    try:
        yield
    finally:
        tf.config.experimental.enable_tensor_float_32_execution(rounded)
