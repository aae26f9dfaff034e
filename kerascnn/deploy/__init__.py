"""Export with proof: a file is handed over only after it has run in its own runtime and agreed with Keras."""

import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kerascnn.card import Card
from kerascnn.deploy.calibration import need_sound
from kerascnn.deploy.certificate import Certificate as Certificate
from kerascnn.deploy.certificate import ExportError as ExportError
from kerascnn.deploy.certificate import file_facts, prove
from kerascnn.deploy.function import check_model, in_float32
from kerascnn.deploy.images import noise, spread_out, stacked
from kerascnn.deploy.onnx import write_onnx
from kerascnn.deploy.saved_model import write_saved_model
from kerascnn.deploy.tflite import write_dynamic, write_float16, write_float32, write_int8
from kerascnn.errors import suggest
from kerascnn.files import write_text, written_whole
from kerascnn.runtime import Runner, keras_runner, load_keras, open_model, quiet

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Target:
    """A format: who writes it, how its files are named by default, and the error it is allowed.

    Parameters
    ----------
    write
        Writes a float32 model to a path. The third argument is calibration images, (N, H, W, C), or None.
    suffix
        End of a default name; files of any name must share its last part, from the last dot on.
    tolerance
        Largest root mean square error of scores, as a share of their spread; see ``kerascnn.deploy.certificate``.
    """

    write: Callable[["keras.Model", Path, np.ndarray | None], None]
    suffix: str
    tolerance: float


# Errors of sound files, measured on five trained networks, on images of their kind and on noise: float32 below 3e-6,
# float16 below 0.007, with quantised weights below 0.07, in int8 0.04 to 0.25. An int8 file of them that lost a
# normalisation or mixed its channels up is mostly above 0.4; one that is below is as good as rounding lets it be.
# Random networks of fifty layers, which magnify any rounding, come to 1e-5, 0.015, 0.15 and 0.4.
TARGETS = {
    "tflite": Target(write_float32, ".tflite", 1e-4),
    "tflite-fp16": Target(write_float16, ".fp16.tflite", 0.02),
    "tflite-dynamic": Target(write_dynamic, ".dynamic.tflite", 0.2),
    "tflite-int8": Target(write_int8, ".int8.tflite", 0.3),
    "onnx": Target(write_onnx, ".onnx", 1e-4),
    "saved_model": Target(write_saved_model, "_saved_model", 1e-4),
}


def export(
    model: "keras.Model | str | os.PathLike",
    path: str | os.PathLike | None = None,
    format: str = "tflite",
    *,
    calibration: np.ndarray | Iterable[Any] | None = None,
    card: Card | None = None,
    overwrite: bool = False,
) -> Certificate:
    """Write a model in another format, run the file, and keep it if it computes what Keras computes.

    Parameters
    ----------
    model
        A Keras model of one image input, or the path of a ``.keras`` file. One trained in mixed precision is
        exported in float32.
    path
        Where to write; missing folders are made. None: the name of the model, in the current folder.
    format
        "tflite", "tflite-fp16", "tflite-dynamic", "tflite-int8", "onnx" or "saved_model".
    calibration
        Preprocessed float32 images, an array (N, H, W, C) or an iterable of (H, W, C). "tflite-int8" needs about
        100; up to 64 of them are what the file is proved on, in any format. None: it is proved on noise.
    card
        What the file is, to lie beside it. None: the card beside ``model``, where that is a path and has one.
    overwrite
        Whether a file or card that is already there may be replaced.

    Returns
    -------
    Certificate
        The proof. It is also laid beside the file, as ``facts["export"]`` of its card, or of a JSON file in the
        card's place that holds nothing else.

    Raises
    ------
    ExportError
        When the format cannot hold the network, or the file computes something else. Nothing is written then.
    FileExistsError
        When something is already there.
    FileNotFoundError, ValueError
        When there is no such model, an argument cannot be met, or calibration images are certainly wrong; what may be
        wrong with them comes as a warning. See ``kerascnn.check_calibration``.
    ImportError
        When the format needs a package that is not installed.
    """
    if format not in TARGETS:
        raise ValueError(f"Unknown export format {format!r}. {suggest(format, TARGETS)}")
    target = TARGETS[format]
    if isinstance(model, str | os.PathLike):
        card = card or _card_beside(model)
        model = load_keras(model)
    check_model(model)
    shape = tuple(model.inputs[0].shape[1:])
    if card is not None:
        _check_card(card, model)
    file = _destination(path, model.name, target.suffix, overwrite)
    images = None if calibration is None else stacked(calibration, shape)
    if images is not None and "int" in format:
        need_sound(images, model, card)
    proof, inputs = (noise(shape), "noise") if images is None else (spread_out(images), "calibration images")

    model = in_float32(model)
    with _placed(file) as draft:
        with quiet():
            target.write(model, draft, images)
        written = _opened(draft)
        agreement = prove(keras_runner(model, model.name), written, proof, target.tolerance)
        certificate = Certificate(
            format=format,
            path=str(file),
            inputs=inputs,
            tolerance=target.tolerance,
            **vars(agreement),
            **file_facts(written),
        )
    _lay_beside(file, certificate, card)
    return certificate


def _card_beside(model: str | os.PathLike) -> Card | None:
    path = Path(model)
    return Card.read(path) if Card.path(path).is_file() else None


def _check_card(card: Card, model: "keras.Model") -> None:
    classes = model.outputs[0].shape[-1]
    if card.labels and len(card.labels) != classes:
        raise ValueError(f"The card names {len(card.labels)} classes, and model {model.name!r} has {classes} outputs.")


def _destination(path: str | os.PathLike | None, name: str, suffix: str, overwrite: bool) -> Path:
    """Where the file goes, once it is sure that it may go there."""
    file = Path(name + suffix if path is None else path)
    ending = Path(f"any{suffix}").suffix
    if ending and file.suffix != ending:
        raise ValueError(f"This format is written to files that end in {ending!r}, got {str(file)!r}.")
    if not overwrite:
        for there in (file, Card.path(file)):
            if there.exists():
                raise FileExistsError(f"{there} is already there. Pass overwrite=True to replace it, or another path.")
    alike = file.is_file() if ending else (file / "saved_model.pb").is_file()
    if file.exists() and not alike:
        raise FileExistsError(f"{file} is something else than an older export, so it is not replaced. Move it away.")
    return file


def _opened(draft: Path) -> Runner:
    try:
        return open_model(draft)
    except ValueError as error:
        raise ExportError(f"The file was written and its own runtime does not take it: {error}") from error


@contextmanager
def _placed(path: Path) -> Iterator[Path]:
    """``written_whole`` for folders too: these cannot be replaced in one step, so the old one is moved away first."""
    with written_whole(path) as draft:
        yield draft
        if path.is_dir():
            os.replace(path, draft.with_name(f"old-{draft.name}"))


def _lay_beside(file: Path, certificate: Certificate, card: Card | None) -> None:
    facts = {"export": certificate.as_dict()}
    if card is not None:
        replace(card, facts={**card.facts, **facts}).write(file)
    else:
        write_text(Card.path(file), json.dumps({"facts": facts}, indent=2) + "\n")
