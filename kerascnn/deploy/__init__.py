"""Export with proof: a file is handed over only after it has run in its own runtime and agreed with Keras."""

import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kerascnn.card import Card
from kerascnn.deploy import metadata
from kerascnn.deploy.calibration import need_sound
from kerascnn.deploy.certificate import (
    Certificate,
    ExportError,
    agreement,
    check_claims,
    check_operators,
    file_facts,
    needs,
)
from kerascnn.deploy.function import check_model
from kerascnn.deploy.images import noise, spread_out, stacked
from kerascnn.deploy.islands import named
from kerascnn.deploy.onnx import write_onnx
from kerascnn.deploy.operators import precision
from kerascnn.deploy.order import Order
from kerascnn.deploy.pixels import as_they_are, from_black_to_white, on_pixels, to_pixels
from kerascnn.deploy.progress import steps
from kerascnn.deploy.saved_model import write_saved_model
from kerascnn.deploy.tflite import write_dynamic, write_float16, write_float32, write_int8, write_int16x8
from kerascnn.errors import suggest
from kerascnn.files import write_text, written_whole
from kerascnn.graph.fake_quantised import is_fake_quantised, refuse_fake_quantised
from kerascnn.runtime import Runner, deep_graphs, existing, keras_runner, load_keras, open_model, quiet

if TYPE_CHECKING:
    import keras

__all__ = ["TARGETS", "Certificate", "ExportError", "Target", "export", "prove"]


@dataclass(frozen=True)
class Target:
    """A format: who writes it, how its files are named by default, and the error it is allowed.

    Parameters
    ----------
    write
        Writes what is ordered to a path.
    suffix
        End of a default name; files of any name must share its last part, from the last dot on.
    tolerance
        Largest root mean square error of scores, as a share of their spread; see ``kerascnn.deploy.certificate``.
    integers
        The types that such a file may take and give, its usual one first; empty for a format of floats.
    """

    write: Callable[[Order, Path], None]
    suffix: str
    tolerance: float
    integers: tuple[str, ...] = ()


# Errors of sound files, measured on five trained networks, on images of their kind and on noise: float32 below 3e-6,
# float16 below 0.007, with quantised weights below 0.07, in int8 0.04 to 0.25. An int8 file of them that lost a
# normalisation or mixed its channels up is mostly above 0.4; one that is below is as good as rounding lets it be.
# Random networks of fifty layers, which magnify any rounding, come to 1e-5, 0.015, 0.15 and 0.4.
TARGETS = {
    "tflite": Target(write_float32, ".tflite", 1e-4),
    "tflite-fp16": Target(write_float16, ".fp16.tflite", 0.02),
    "tflite-dynamic": Target(write_dynamic, ".dynamic.tflite", 0.2),
    "tflite-int8": Target(write_int8, ".int8.tflite", 0.3, ("int8", "uint8")),
    "tflite-int16x8": Target(write_int16x8, ".int16x8.tflite", 0.2, ("int16",)),
    "onnx": Target(write_onnx, ".onnx", 1e-4),
    "saved_model": Target(write_saved_model, "_saved_model", 1e-4),
}
# Formats that may hold TensorFlow's own operators. The ranges of integers are measured by a runtime that lacks them.
SELECTABLE = ("tflite", "tflite-fp16", "tflite-dynamic")


@deep_graphs()
def export(
    model: "keras.Model | str | os.PathLike",
    path: str | os.PathLike | None = None,
    format: str = "tflite",
    *,
    calibration: np.ndarray | Iterable[Any] | None = None,
    card: Card | None = None,
    batch: int | None = 1,
    pixels: bool = False,
    io: str | None = None,
    float_layers: Sequence[str] = (),
    select_tf_ops: bool = False,
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
        "tflite", "tflite-fp16", "tflite-dynamic", "tflite-int8", "tflite-int16x8", "onnx" or "saved_model".
    calibration
        Preprocessed float32 images as ``model`` takes them: an array (N, H, W, C), or a ``tf.data.Dataset`` or other
        iterable of images or batches, with or without labels, of which the first 1,000 images are taken.
        "tflite-int8" and "tflite-int16x8" need about 100, but for a network that was tuned for int8
        (``kerascnn.compression.quantize_aware``); up to 64 of them are what the file is proved on, in any
        format. None: it is proved on noise.
    card
        What the file is, to lie beside it. A ``.tflite`` file holds it as standard metadata too, class names and
        normalisation included. None: the card beside ``model``, where that is a path and has one.
    batch
        How many images the file takes at a time; None for any number. Delegates of phones want it fixed. A
        SavedModel takes any number in any case.
    pixels
        Whether the file takes pixels as they are, uint8 from 0 to 255, and normalises them itself as the card says.
        The card beside the file then asks for plain pixels. MediaPipe's image classifier wants it of a file of bytes
        and wherever the card's mean or std differ between channels: it normalises all channels alike.
    io
        The type that a file of integers takes and gives: "int8" or "uint8" for "tflite-int8", "int16" for
        "tflite-int16x8". None: "uint8" for pixels, and otherwise the first of these. Without ``pixels`` these hold
        the preprocessed image, by the file's scale and zero point, "uint8" as the others.
    float_layers
        Layers that stay float32 in a "tflite-int8" file, by name or by shell pattern, as "stage4-*".
    select_tf_ops
        Whether a "tflite", "tflite-fp16" or "tflite-dynamic" file may hold operators of TensorFlow itself, called
        Flex, for what has no built-in one. Only an app that brings TensorFlow's kernels runs it, as the certificate
        then says; here TensorFlow runs them for the proof.
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
        When the format cannot hold the network, or the file computes something else, or is something else than was
        asked for. Nothing is written then.
    FileExistsError
        When something is already there.
    FileNotFoundError, ValueError
        When there is no such model, an argument cannot be met, or calibration images are certainly wrong; what may be
        wrong with them comes as a warning. See ``kerascnn.check_calibration``.
    ImportError
        When the format needs a package that is not installed.
    """
    from kerascnn.graph.rewrite import in_float32

    target = _target(format)
    types = _types(format, io, pixels)
    if select_tf_ops and format not in SELECTABLE:
        raise ValueError(f"select_tf_ops goes with {', '.join(SELECTABLE)}; this is {format}.")
    if isinstance(model, str | os.PathLike):
        card = card or Card.beside(Path(model))
        model = load_keras(model)
    check_model(model)
    if format not in ("tflite-int8", "saved_model"):
        refuse_fake_quantised(model)
    if card is not None:
        _check_card(card, model)
    file = _destination(path, model.name, target.suffix, overwrite)
    model = in_float32(model)
    order = Order(
        model=model,
        images=None if calibration is None else stacked(calibration, model.inputs[0].shape[1:]),
        batch=_batch(batch, format),
        types=types,
        float_layers=_islands(model, float_layers, format, types),
        select_tf_ops=select_tf_ops,
    )
    if order.images is not None and target.integers:
        need_sound(order.images, model, card)
    proof, inputs = _proof(order)
    if pixels:
        order, proof, card = _on_pixels(order, proof, card)

    with _placed(file) as draft, steps() as step:
        step(f"writing {file.name}")
        with quiet():
            target.write(order, draft)
            if card is not None and draft.suffix == ".tflite":
                metadata.write(draft, metadata.of_card(card, order.model.inputs[0].shape[1:]))
        step(f"running {file.name} and its model on {len(proof)} images")
        try:
            certificate = _certificate(order, [order.types], format, _opened(draft, select_tf_ops), proof, inputs)
        except ExportError as error:
            raise ExportError(f"{str(error).rstrip('.')}. It was not kept.") from error
    certificate = replace(certificate, path=str(file))
    _lay_beside(file, certificate, card)
    return certificate


@deep_graphs()
def prove(
    model: "keras.Model | str | os.PathLike",
    file: str | os.PathLike,
    format: str | None = None,
    *,
    images: np.ndarray | Iterable[Any] | None = None,
    card: Card | None = None,
    batch: int | None = 1,
    select_tf_ops: bool = False,
) -> Certificate:
    """Run a file that anyone wrote against its model, as ``export`` does with its own.

    Parameters
    ----------
    model
        A Keras model of one image input, or the path of a ``.keras`` file.
    file
        A ``.tflite`` or ``.onnx`` file or the folder of a SavedModel that takes what ``model`` takes, or plain pixels.
    format
        What the file is said to be, of the formats of ``export``; None looks into it.
    images
        Preprocessed images, as ``calibration`` of ``export``. None: it is proved on noise.
    card
        The model's card, which says how a file of pixels has to normalise them. None: the card beside ``model``,
        where that is a path and has one; without a card ``model`` has to take pixels too.
    batch
        How many images it has to take at a time; None for any number. A SavedModel takes any number.
    select_tf_ops
        Whether a ``.tflite`` file may hold operators of TensorFlow itself, as in ``export``.

    Returns
    -------
    Certificate
        The proof; nothing is written.

    Raises
    ------
    ExportError
        When the file does not run, computes something else, or is not what it is said to be.
    FileNotFoundError, ValueError
        When there is no such file or model, or an argument cannot be met.
    ImportError
        When the format needs a package that is not installed.
    """
    from kerascnn.graph.rewrite import in_float32

    written = _opened(existing(file), select_tf_ops)
    if isinstance(model, str | os.PathLike):
        card = card or Card.beside(Path(model))
        model = load_keras(model)
    check_model(model)
    if card is not None:
        _check_card(card, model)
    model = in_float32(model)
    format = format or _format_of(written)
    integers = _target(format).integers
    order = Order(
        model=model,
        images=None if images is None else stacked(images, model.inputs[0].shape[1:]),
        batch=_batch(batch, format),
    )
    proof, inputs = _proof(order)
    if written.pixels and card is not None:
        order, proof, card = _on_pixels(order, proof, card)
    elif written.pixels and (proof.min() < 0 or proof.max() <= 1):
        raise ValueError(
            f"{file} takes plain pixels, 0 to 255, and {'noise is' if images is None else 'these images are'} not: "
            f"pass card=, the model's, if the file normalises them."
        )
    types = [(t, t) for t in integers] or [("uint8" if written.pixels else "float32", "float32")]
    with steps() as step:
        step(f"running {written.path.name} and its model on {len(proof)} images")
        return _certificate(order, types, format, written, proof, inputs)


def _certificate(
    order: Order, types: Sequence[tuple[str, ...]], format: str, written: Runner, proof: np.ndarray, inputs: str
) -> Certificate:
    check_claims(written, batch=order.batch, types=types)
    tolerance = TARGETS[format].tolerance
    found = agreement(keras_runner(order.model, order.model.name), written, proof, tolerance)
    facts = file_facts(written)
    found = replace(found, notes=(*found.notes, *needs(facts["operators"])))
    return Certificate(
        format=format, path=str(written.path), inputs=inputs, tolerance=tolerance, **vars(found), **facts
    )


def _target(format: str) -> Target:
    if format not in TARGETS:
        raise ValueError(f"Unknown export format {format!r}. {suggest(format, TARGETS)}")
    return TARGETS[format]


def _types(format: str, io: str | None, pixels: bool) -> tuple[str, str]:
    """What the file takes and gives."""
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


def _batch(batch: int | None, format: str) -> int | None:
    if batch is not None and batch < 1:
        raise ValueError(f"batch must be 1 or more, or None for any number; got {batch}.")
    return None if format == "saved_model" else batch


def _islands(model: "keras.Model", patterns: Sequence[str], format: str, types: tuple[str, str]) -> frozenset[str]:
    if patterns and (format != "tflite-int8" or types[0] != "int8"):
        way = "Pass io='int8' (--io int8); pixels then go in minus 128." if format == "tflite-int8" else ""
        raise ValueError(
            f"float_layers go with tflite-int8 and io='int8'; this is {format} of {types[0]}. {way}".rstrip()
        )
    if patterns and is_fake_quantised(model):
        raise ValueError(f"Model {model.name!r} was tuned for integers throughout: none of its layers can stay float.")
    if isinstance(patterns, str):
        raise ValueError(f"float_layers is several names or patterns; got one string. Write ({patterns!r},).")
    return named(model, patterns)


def _proof(order: Order) -> tuple[np.ndarray, str]:
    """What the file is proved on, and what that is called."""
    if order.images is None:
        return noise(tuple(order.model.inputs[0].shape[1:])), "noise"
    return spread_out(order.images), "calibration images"


def _on_pixels(order: Order, proof: np.ndarray, card: Card | None) -> tuple[Order, np.ndarray, Card]:
    """The same order for a model of pixels, with images and card that fit it."""
    if card is None:
        raise ValueError("pixels=True puts the card's normalisation into the file: pass card=, or a file that has one.")
    how = card.preprocess
    images = None if order.images is None else from_black_to_white(to_pixels(order.images, how))
    order = replace(order, model=on_pixels(order.model, how), images=images)
    return order, to_pixels(proof, how), replace(card, preprocess=as_they_are(how))


def _format_of(file: Runner) -> str:
    if file.format == "keras":
        raise ValueError(f"{file.path} is no exported file: these end in .tflite or .onnx, or are SavedModel folders.")
    return precision(file.path) if file.format == "tflite" else file.format


def _check_card(card: Card, model: "keras.Model") -> None:
    channels, classes = model.inputs[0].shape[-1], model.outputs[0].shape[-1]
    if card.preprocess.channels != channels:
        raise ValueError(
            f"The card normalises {card.preprocess.channels} channels, and model {model.name!r} takes {channels}."
        )
    height, width = model.inputs[0].shape[1:3]
    size = card.preprocess.size
    if (height, width) != (size, size):
        raise ValueError(
            f"The card makes images of {size} x {size} pixels, and model {model.name!r} takes {height} x {width}. "
            f"Correct the card's size, or build the model for it."
        )
    metadata.lines(card.labels)  # refuses empty names
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
                raise FileExistsError(
                    f"{there} is already there. Pass overwrite=True (--overwrite) to replace it, or another path."
                )
    alike = file.is_file() if ending else (file / "saved_model.pb").is_file()
    if file.exists() and not alike:
        raise FileExistsError(f"{file} is something else than an older export, so it is not replaced. Move it away.")
    return file


def _opened(draft: Path, select_tf_ops: bool) -> Runner:
    try:
        if draft.suffix == ".tflite" and draft.is_file():
            check_operators(draft, select_tf_ops)
        return open_model(draft)
    except ValueError as error:
        raise ExportError(f"The file's own runtime does not take it: {error}") from error


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
