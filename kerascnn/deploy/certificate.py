"""The proof of an exported file: what it computes in its own runtime, against what Keras computes.

Two numbers decide. Both look at scores, the logits of a classifier up to a constant of the image, because
probabilities of a confident network are all near 0 or 1 and those of an untrained one all near 1 / classes: they agree
whatever happened to the file.

*Error* is the root mean square of the differences of scores, as a share of the spread (standard deviation) of the
scores of Keras: the inverse of a signal-to-noise ratio. Every format has its own tolerance. A share of the spread, and
not of the largest score, says how much of what tells classes and images apart has survived.

*Agreement* is top-1 agreement on the images that are decided: those whose best class leads by more than
``MARGIN`` times the error that the format is allowed. Near ties are left out, because rounding alone may turn them.

Some networks magnify rounding: an untrained EfficientNetV2-S has logits of 10,000, and a ten-millionth more light
turns its answer. Such a network is held to the error that it has against itself, and to agreement as before.

Scores that spread less than ``UNDECIDED`` say nothing: odds between classes differ by less than a tenth. Their errors
are held against ``UNDECIDED`` instead, so that an untrained network can be exported, to time it on a phone for
instance, and its certificate says what the proof is worth.
"""

import hashlib
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from kerascnn.deploy.operators import delegated, foreign_operators, onnx_operators, opset, tflite_operators
from kerascnn.runtime import Runner
from kerascnn.runtime.flex import is_flex

UNDECIDED = 0.1  # logits, which are natural logarithms of odds
MARGIN = 3.0
AGREEMENT = 0.9
SELECT = "With select_tf_ops=True a file of floats may hold it, for apps that bring TensorFlow's own kernels."
OPERATORS = {"tflite": tflite_operators, "onnx": onnx_operators}
LIBRARIES = {"tflite": ("ai_edge_litert",), "onnx": ("tf2onnx", "onnx", "onnxruntime")}


class ExportError(RuntimeError):
    """A file could not be written, or was written and computes something else than the model."""


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How far two sets of outputs agree. Errors are in scores: centred log-probabilities, or logits as they are.

    Parameters
    ----------
    error
        Root mean square of the differences, as a share of the spread of the reference.
    max_error, mean_error
        Largest and mean absolute difference.
    top1_agreement
        Share of all images on which both name the same class.
    decided, decided_agreement
        Number of images on which the reference is decided, and top-1 agreement on these; 1 where there are none.
    samples
        Number of images.
    notes
        Why these numbers may prove little, and what else than LiteRT the file needs. Mostly empty.
    """

    error: float
    max_error: float
    mean_error: float
    top1_agreement: float
    decided: int
    decided_agreement: float
    samples: int
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Certificate(Agreement):
    """Proof that an exported file computes what its model computes.

    Parameters
    ----------
    format
        One of the names that ``export`` knows.
    path, bytes, sha256
        The file, its size, and the hash of its content; of a folder, over all its files and their names.
    input_shape
        (batch, H, W, C); a batch of None is any.
    inputs
        What the proof ran on: "calibration images" or "noise".
    tolerance
        The largest ``error`` that this format is allowed.
    types
        What the file takes and what it gives: "float32", "int8", "uint8" or "int16".
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
    types: tuple[str, str]
    operators: dict[str, int]
    delegated: dict[str, int]
    versions: dict[str, str]

    def as_dict(self) -> dict[str, Any]:
        """The certificate as JSON can hold it."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}


def agreement(reference: Runner, file: Runner, images: np.ndarray, tolerance: float) -> Agreement:
    """Run a file and its model on the same images.

    Raises
    ------
    ExportError
        When they do not compute the same.
    """
    with full_precision():
        want = reference(images)
        found = compare(want, _run(file, images), step=file.output_step, tolerance=tolerance)
        if found.error <= tolerance and found.decided_agreement >= AGREEMENT:
            return found
        trembling = max(
            compare(want, reference(shaken(images, seed)), step=0.0, tolerance=tolerance).error for seed in range(3)
        )
    if found.error <= trembling and found.decided_agreement >= AGREEMENT:
        note = (
            f"The network magnifies rounding: when every pixel changes by a ten-millionth, its scores change by "
            f"{trembling:.2g} of their spread. The proof rests on top-1 agreement alone."
        )
        return replace(found, notes=(*found.notes, note))
    raise ExportError(
        f"{file.path.name} does not compute what its model computes: on {found.samples} images "
        f"the error of its scores is {found.error:.2g} of their spread, where {tolerance:.2g} is allowed, and it "
        f"names the same class on {found.decided_agreement:.1%} of the {found.decided} decided ones, where "
        f"{AGREEMENT:.0%} is asked (largest error {found.max_error:.3g}, mean {found.mean_error:.3g})."
    )


def _run(file: Runner, images: np.ndarray) -> np.ndarray:
    try:
        return file(images)
    except RuntimeError as error:  # a kernel that meets a type it was not written for says so now, not before
        reason = str(error).splitlines()[0]
        raise ExportError(f"The file's own runtime does not run it: {file.path.name}: {reason}") from error


def shaken(images: np.ndarray, seed: int) -> np.ndarray:
    """The images with every pixel off by what float32 may round away."""
    noise = np.random.default_rng(seed).standard_normal(images.shape, dtype=np.float32)
    return images * (1 + np.float32(1e-7) * noise)


def compare(reference: np.ndarray, got: np.ndarray, *, step: float, tolerance: float) -> Agreement:
    """Measure the agreement of two sets of outputs.

    Parameters
    ----------
    reference, got
        (N, ...) outputs of Keras and of the file.
    step
        Distance between neighbouring values of ``got``; 0 for floats.
    tolerance
        Error that is allowed; it says which images count as decided.

    Raises
    ------
    ExportError
        When shapes differ, or an output is not finite.
    """
    if got.shape != reference.shape:
        raise ExportError(f"The model gives outputs of shape {reference.shape}, the file of shape {got.shape}.")
    for outputs, whose in (reference, "model"), (got, "file"):
        if not np.isfinite(outputs).all():
            raise ExportError(f"The outputs of the {whose} are not all finite.")
    want, have = scores(reference, reference, step), scores(got, reference, step)
    difference = np.abs(have - want)
    spread = max(float(want.std()), UNDECIDED)
    same = want.argmax(axis=1) == have.argmax(axis=1)
    decided = lead(want) > MARGIN * tolerance * spread
    return Agreement(
        error=float(np.sqrt(np.mean(difference**2))) / spread,
        max_error=float(difference.max()),
        mean_error=float(difference.mean()),
        top1_agreement=float(same.mean()),
        decided=int(decided.sum()),
        decided_agreement=float(same[decided].mean()) if decided.any() else 1.0,
        samples=len(want),
        notes=tuple(weaknesses(want)),
    )


def scores(outputs: np.ndarray, reference: np.ndarray, step: float) -> np.ndarray:
    """Outputs as (N, classes) float64 scores; probabilities, if the reference is such, as centred logarithms.

    The logarithm of a small quantised probability is noise: what lies below eight steps, where rounding is more than
    a sixteenth of the value, counts as eight steps. Float probabilities are cut at 1e-12.
    """
    outputs, reference = (array.reshape(len(array), -1).astype(np.float64) for array in (outputs, reference))
    if (reference < 0).any() or not np.allclose(reference.sum(axis=1), 1, atol=1e-3):
        return outputs
    logarithms = np.log(np.maximum(outputs, max(8 * step, 1e-12)))
    return logarithms - logarithms.mean(axis=1, keepdims=True)


def lead(scores: np.ndarray) -> np.ndarray:
    """(N,) by how much the best class of each image leads the second; 0 where there is only one."""
    if scores.shape[1] == 1:
        return np.zeros(len(scores))
    second, first = np.partition(scores, -2, axis=1)[:, -2:].T
    return first - second


def weaknesses(want: np.ndarray) -> Iterator[str]:
    if want.std() < UNDECIDED:
        yield "The model is undecided on every image, as an untrained one is: the proof says little."
    elif (want - want.mean(axis=0)).std() < 0.1 * want.std():
        yield "The model answers nearly the same on all these images: the proof says little. Pass calibration images."
    elif want.shape[1] > 1 and len(set(want.argmax(axis=1))) == 1:
        yield "The model sees one class in all these images: top-1 agreement says little."


def check_operators(path: Path, select_tf_ops: bool) -> None:
    """Hold a ``.tflite`` file against what its runtime computes by itself, and by TensorFlow's kernels where allowed.

    Raises
    ------
    ExportError
        When it holds other operators.
    """
    strange = [name for name in foreign_operators(path) if not (select_tf_ops and is_flex(name))]
    if strange:
        raise ExportError(
            f"{path.name} holds {', '.join(strange)}, for which TensorFlow Lite has no kernel of its own: an app would "
            f"have to bring one. Draw this part of the network with other layers."
            + (f" {SELECT}" if all(map(is_flex, strange)) else "")
        )


def needs(operators: Iterable[str]) -> Iterator[str]:
    """What a file needs beside LiteRT, and how that was proved."""
    if flex := sorted(filter(is_flex, operators)):
        yield (
            f"The file needs TensorFlow's own kernels in the app (org.tensorflow:tensorflow-lite-select-tf-ops), for "
            f"{', '.join(flex)}. Here TensorFlow ran these from their nodes in the file, and LiteRT all between them."
        )


def check_claims(file: Runner, *, batch: int | None, types: Sequence[tuple[str, str]]) -> None:
    """Hold what a file takes and gives against what was asked for.

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
        raise ExportError(f"{name} takes {file.types[0]} and gives {file.types[1]}; a file of its format takes {want}.")


def file_facts(file: Runner) -> dict[str, Any]:
    """What a certificate says about the file itself, by field."""
    parts = sorted(part for part in file.path.rglob("*") if part.is_file()) if file.path.is_dir() else [file.path]
    digest = hashlib.sha256()
    for part in parts:
        if file.path.is_dir():
            digest.update(part.relative_to(file.path).as_posix().encode())
        digest.update(part.read_bytes())
    operators = OPERATORS.get(file.format)
    versions = {
        name: sys.modules[name].__version__ for name in ("tensorflow", "keras", *LIBRARIES.get(file.format, ()))
    }
    return {
        "bytes": sum(part.stat().st_size for part in parts),
        "sha256": digest.hexdigest(),
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
