"""Whether an exported file computes in its own runtime what Keras computes.

Two numbers of :mod:`kerascnn.evaluation.agreement` decide. The *excess*, the worst error of an output or of one of its
channels by what the format is allowed, has to be at most 1: errors are fractions of the spread of scores, and not of
the largest score, and say how much of what tells classes and images apart has survived. And ``AGREEMENT`` of the clear
decisions have to be the same.

Some networks magnify rounding: an untrained EfficientNetV2-S has logits of 10,000, and a ten-millionth more light
turns its answer. Such a network is allowed the excess that it has against itself, and agreement counts as before.

A network whose scores hardly spread, as an untrained one, can be exported too, to time it on a phone for instance, and
its report says what the verification is worth.

LiteRT has plain kernels beside the fast ones, and of some operators on integers they compute something else: SUM of
int8 does not rescale. A file that holds others than those ``ALIKE`` runs on the plain ones too, on a few of the images,
for they are slow. That it is wrong there is reported, and the file is kept.
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from kerascnn.deploy.operators import (
    delegated,
    faint_sums,
    foreign_operators,
    onnx_operators,
    opset,
    precision,
    tflite_operators,
)
from kerascnn.evaluation.agreement import CHANNEL, Agreement, compare
from kerascnn.files import sha256
from kerascnn.runtime import Runner, open_tflite
from kerascnn.runtime.flex import is_flex

AGREEMENT = 0.9
SELECT = "With select_tf_ops=True a file of floats may hold it, for apps that bring TensorFlow's own kernels."
OPERATORS = {"tflite": tflite_operators, "onnx": onnx_operators}
ALIKE = {  # operators that LiteRT's plain and fast kernels compute alike on integers
    *("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "ADD", "SUB", "MUL", "MEAN", "AVERAGE_POOL_2D", "MAX_POOL_2D"),
    *("CONCATENATION", "PAD", "PADV2", "RESHAPE", "STRIDED_SLICE", "RELU", "RELU6", "LOGISTIC", "HARD_SWISH"),
    *("SOFTMAX", "QUANTIZE", "DEQUANTIZE"),
}
SLOW = 8  # images at most that the plain kernels run on
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
        Of the libraries that wrote or ran the file, as far as they did so here; of an ONNX file its operator set too.
    kernels
        The ``error`` of a ``.tflite`` file by what computed it. First what it was verified on: "XNNPACK" where that
        takes over operators, else "LiteRT", or "TensorFlow" beside it. Then "reference", LiteRT's plain kernels, where
        these may compute integers otherwise. Empty for other files.
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
    kernels: dict[str, float] = field(default_factory=dict)

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
        if found.excess <= 1 and found.decided_agreement >= AGREEMENT:
            return found
        own = max(
            (compare(want, reference(perturbed(images, seed)), steps={}, tolerance=tolerance) for seed in range(3)),
            key=lambda each: each.excess,
        )
    if found.excess <= own.excess and found.decided_agreement >= AGREEMENT:
        rest = "rests on top-1 agreement alone" if found.decided else "says little"
        note = (
            f"The network magnifies rounding: when every pixel changes by a ten-millionth, its scores change by "
            f"{own.error:.2g} of their spread, and those of {own.channel} by {own.channel_error:.2g} of theirs. "
            f"The verification {rest}."
        )
        return replace(found, notes=(*found.notes, note))
    raise ExportError(
        f"{file.path.name} does not compute what its model computes: on {found.samples} images "
        f"the error of its scores is {found.error:.2g} of their spread, where {tolerance:.2g} is allowed, "
        f"{found.channel} is off by {found.channel_error:.2g} of its own, where {tolerance**CHANNEL:.2g} is, and it "
        f"decides alike in {found.decided_agreement:.1%} of the {found.decided} clear decisions, where "
        f"{AGREEMENT:.0%} is asked (largest error {found.max_error:.3g}, mean {found.mean_error:.3g})."
    )


def run(file: Runner, images: np.ndarray) -> dict[str, np.ndarray]:
    try:
        return file(images)
    except RuntimeError as error:  # a kernel that meets a type it was not written for says so now, not before
        reason = str(error.__cause__ or error).splitlines()[0]
        raise ExportError(f"The file's own runtime does not run it: {file.path.name}: {reason}") from error


def with_kernels(
    report: VerificationReport, reference: Runner, file: Runner, images: np.ndarray, compare: Callable[..., Agreement]
) -> VerificationReport:
    """The report of a ``.tflite`` file with what computed it; of one of integers, by the plain kernels too."""
    flex = any(map(is_flex, report.operators))
    used = "TensorFlow" if flex else "XNNPACK" if report.delegated["operators"] else "LiteRT"
    report = replace(report, kernels={used: report.error})
    integers = precision(file.path) in ("tflite-int8", "tflite-int16x8")
    if flex or not integers or report.operators.keys() <= ALIKE:
        return report
    some = slice(None, None, -(-len(images) // SLOW))
    few = images[some]
    try:
        plain = open_tflite(file.path, None, reference=True)
        if file.given is not None:
            reference, plain = (replace(each, given=file.given[some]) for each in (reference, plain))
        with full_precision():
            found = compare(reference(few), run(plain, few), steps=plain.steps, tolerance=report.tolerance)
    except (ExportError, ValueError) as error:
        return replace(report, notes=(*report.notes, f"LiteRT's reference kernels do not run the file: {error}"))
    report = replace(report, kernels=report.kernels | {"reference": found.error})
    if found.excess <= max(1, 2 * report.excess):
        return report
    note = (
        f"The file is right on {used}'s kernels, and not on LiteRT's reference kernels, which small devices run: there "
        f"the error of its scores is {found.error:.2g} of their spread, and {found.channel} is off by "
        f"{found.channel_error:.2g} of its own."
    )
    return replace(report, notes=(*report.notes, note))


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


def unloaded(path: Path, reason: str) -> str:
    """Why a file's own runtime does not take it: where XNNPACK cannot add two numbers, or else as the runtime says."""
    faint = faint_sums(path) if path.suffix == ".tflite" and "XNNPACK" in reason else {}
    if not faint:
        return f"The file's own runtime does not take it: {reason}"
    name, step = next(iter(faint.items()))
    return (
        f"{path.name} adds in integers what is too unequal for XNNPACK, LiteRT's fast kernels, in {name}"
        f"{f' and {len(faint) - 1} more' * (len(faint) > 1)}: a step of one input is {step:.1g} of a step of the sum, "
        f"where 0.001 to 256 goes. Nothing is left of so small a part in 8 bits. A network that was not trained has "
        f"such parts, by a layer scale of 1e-6 for instance: train it first, or export floats"
    )


def needs(operators: Iterable[str]) -> Iterator[str]:
    """What a file needs beside LiteRT, and how that was verified."""
    if flex := sorted(filter(is_flex, operators)):
        yield (
            f"The file needs TensorFlow's own kernels in the app (org.tensorflow:tensorflow-lite-select-tf-ops), for "
            f"{', '.join(flex)}. Here TensorFlow ran these from their nodes in the file, and LiteRT all between them."
        )


def check_claims(file: Runner, *, batch: int | None, takes: Sequence[str], gives: Sequence[str]) -> None:
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
    taken, *given = file.types
    if taken not in takes or not {*given} <= {*gives}:
        raise ExportError(
            f"{name} takes {taken} and gives {', '.join(given)}; a file of its format takes {' or '.join(takes)} "
            f"and gives {' or '.join(gives)}."
        )


def file_facts(file: Runner) -> dict[str, Any]:
    """The fields of a report that describe the file itself."""
    parts = [part for part in file.path.rglob("*") if part.is_file()] if file.path.is_dir() else [file.path]
    operators = OPERATORS.get(file.format)
    libraries = ("tensorflow", "keras", *LIBRARIES.get(file.format, ()))
    versions = {name: sys.modules[name].__version__ for name in libraries if name in sys.modules}
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
