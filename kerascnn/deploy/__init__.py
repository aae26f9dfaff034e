"""Export with verification: a file is handed over only after it has run in its own runtime and agreed with Keras."""

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kerascnn.arguments import checked
from kerascnn.card import Card
from kerascnn.deploy.calibration import need_sound
from kerascnn.deploy.cards import model_and_card, with_pixels, write_beside, write_inside
from kerascnn.deploy.float_layers import check_float_layers
from kerascnn.deploy.images import with_proposals
from kerascnn.deploy.request import ExportRequest
from kerascnn.deploy.targets import TARGETS, Target, batch_of, find_target, types_of
from kerascnn.deploy.trial import format_of, opened, verification_inputs, verified
from kerascnn.deploy.verification import ExportError, VerificationReport
from kerascnn.files import clear_drafts, written_together
from kerascnn.graph.fake_quantised import refuse_fake_quantised
from kerascnn.progress import steps
from kerascnn.runtime import deep_graphs, existing, gradients_of_graphs, quiet
from kerascnn.tasks import Task

if TYPE_CHECKING:
    import keras

__all__ = ["TARGETS", "ExportError", "Target", "VerificationReport", "export", "verify"]


@checked
@deep_graphs()
@gradients_of_graphs()
def export(
    model: "keras.Model | str | os.PathLike",
    path: str | os.PathLike | None = None,
    format: str = "tflite",
    *,
    calibration: np.ndarray | Iterable[Any] | None = None,
    card: Card | None = None,
    batch: int | None = 1,
    pixels: bool = False,
    nms: bool = False,
    io: str | None = None,
    float_layers: Sequence[str] = (),
    select_tf_ops: bool = False,
    overwrite: bool = False,
) -> VerificationReport:
    """Write a model in another format, run the file, and keep it if it computes what Keras computes.

    Parameters
    ----------
    model
        A Keras model of one image input, or the path of a ``.keras`` file. One trained in mixed precision is
        exported in float32. A second input may be ``"proposals"``, (N, 4): boxes that are to be looked at.
    path
        Where to write; missing folders are made. None: the name of the model, in the current folder.
    format
        "tflite", "tflite-fp16", "tflite-dynamic", "tflite-int8", "tflite-int16x8", "onnx" or "saved_model".
    calibration
        Preprocessed float32 images as ``model`` takes them: an array (N, H, W, C), or a ``tf.data.Dataset`` or other
        iterable of images or batches, with or without labels, of which the first 1,000 images are taken.
        "tflite-int8" and "tflite-int16x8" need about 100, but for a network that was tuned for int8
        (``kerascnn.compression.quantize_aware``); up to 64 of them are what the file is verified on, in
        any format. None: it is verified on noise. Of a model that takes proposals a pair of arrays, images and
        proposals, (N, M, 4).
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
    nms
        Whether the file of a detector suppresses boxes itself (non-maximum suppression), as ``kerascnn.predict`` does
        with the others. It puts out the surest 100 objects of each image as ``"boxes"``, (B, 100, 4), corners in
        pixels, ``"classes"`` and ``"scores"``, (B, 100), and ``"count"``, (B,), how many of these there are, all
        float32. It needs a card, and a fixed batch.
    io
        The type that a file of integers takes and gives: "int8" or "uint8" for "tflite-int8", "int16" for
        "tflite-int16x8". None: "uint8" for pixels, and otherwise the first of these. Without ``pixels`` these hold
        the preprocessed image, by the file's scale and zero point, "uint8" as the others.
    float_layers
        Layers that stay float32 in a "tflite-int8" file, by name or by shell pattern, as "stage4-*".
    select_tf_ops
        Whether a "tflite", "tflite-fp16" or "tflite-dynamic" file may hold operators of TensorFlow itself, called
        Flex, for what has no built-in one. Only an app that brings TensorFlow's kernels runs it, as the report then
        says; here TensorFlow runs them to verify the file.
    overwrite
        Whether a file or card that is already there may be replaced.

    Returns
    -------
    VerificationReport
        How far the file agrees with its model. It also lies beside the file, as ``facts["export"]`` of its card, or of
        a JSON file in the card's place that holds nothing else.

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
    target = find_target(format)
    types = types_of(format, io, pixels)
    if select_tf_ops and not target.select_tf_ops:
        able = ", ".join(name for name, other in TARGETS.items() if other.select_tf_ops)
        raise ValueError(f"select_tf_ops goes with {able}; this is {format}.")
    model, card, task = model_and_card(model, card)
    ending = ending_of(nms, task, batch)
    if format not in ("tflite-int8", "saved_model"):
        refuse_fake_quantised(model)
    file = destination(path, model.name, target.suffix, overwrite)
    images, proposals = with_proposals(calibration, model, "calibration")
    request = ExportRequest(
        model=model,
        images=images,
        proposals=proposals,
        batch=batch_of(batch, format),
        types=(types[0], "float32") if ending else types,
        float_layers=check_float_layers(model, float_layers, format, types),
        select_tf_ops=select_tf_ops,
        ending=ending,
    )
    if request.images is not None and target.integers:
        need_sound(request.images, model, card)
    inputs = verification_inputs(request)
    if pixels:
        request, inputs, card = with_pixels(request, inputs, card)

    with written_together(Card.path(file), file) as (_, draft), steps() as step:
        step(f"writing {file.name}")
        with quiet():
            target.write(request, draft)
            if card is not None and inputs.proposals is None:
                write_inside(draft, request, card, task)
        step(f"running {file.name} and its model on {len(inputs.images)} images")
        try:
            written = opened(draft, select_tf_ops)
            both = request.types[:1], request.types[1:]
            report = verified(request, *both, format, written, inputs, task)
        except ExportError as error:
            raise ExportError(f"{str(error).rstrip('.')}. It was not kept.") from error
        report = replace(report, path=str(file))
        write_beside(draft, report, card)
    return report


@checked
@deep_graphs()
def verify(
    model: "keras.Model | str | os.PathLike",
    file: str | os.PathLike,
    format: str | None = None,
    *,
    images: np.ndarray | Iterable[Any] | None = None,
    card: Card | None = None,
    batch: int | None = 1,
    select_tf_ops: bool = False,
) -> VerificationReport:
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
        Preprocessed images, as ``calibration`` of ``export``. None: it is verified on noise.
    card
        The model's card, which says how a file of pixels has to normalise them. None: the card beside ``model``,
        where that is a path and has one; without a card ``model`` has to take pixels too.
    batch
        How many images it has to take at a time; None for any number. A SavedModel takes any number.
    select_tf_ops
        Whether a ``.tflite`` file may hold operators of TensorFlow itself, as in ``export``.

    Returns
    -------
    VerificationReport
        How far both agree; nothing is written.

    Raises
    ------
    ExportError
        When the file does not run, computes something else, or is not what it is said to be.
    FileNotFoundError, ValueError
        When there is no such file or model, or an argument cannot be met.
    ImportError
        When the format needs a package that is not installed.
    """
    written = opened(existing(file), select_tf_ops)
    model, card, task = model_and_card(model, card)
    format = format or format_of(written)
    target = find_target(format)
    if Path(f"x{target.suffix}").suffix != (written.path.suffix if written.path.is_file() else ""):
        raise ExportError(f"{written.path} is said to be {format}, and is a file of {written.format}.")
    integers = target.integers
    seen, proposals = with_proposals(images, model, "images")
    request = ExportRequest(
        model=model,
        images=seen,
        proposals=proposals,
        batch=batch_of(batch, format),
    )
    inputs = verification_inputs(request)
    if written.pixels and card is not None:
        request, inputs, card = with_pixels(request, inputs, card)
    elif written.pixels and (inputs.images.min() < 0 or inputs.images.max() <= 1):
        raise ValueError(
            f"{file} takes plain pixels, 0 to 255, and {'noise is' if images is None else 'these images are'} not: "
            f"pass card=, the model's, if the file normalises them."
        )
    takes = ("uint8",) if written.pixels and not integers else (*integers, "float32")
    with steps() as step:
        step(f"running {written.path.name} and its model on {len(inputs.images)} images")
        return verified(request, takes, (*integers, "float32"), format, written, inputs, task)


def ending_of(nms: bool, task: Task | None, batch: int | None) -> Callable[..., Any] | None:
    """What a file makes of its outputs: what the task says where boxes are to be suppressed, else nothing.

    Raises
    ------
    ValueError
        When there is no card, or it is of a task without boxes, or any number of images go at a time.
    """
    if not nms:
        return None
    if task is None:
        raise ValueError("nms=True asks the card what the outputs are: pass card=, or a file that has one.")
    if batch is None:
        raise ValueError("nms=True goes with a fixed batch: a file for any number of images would suppress in a loop.")
    return task.nms()


def destination(path: str | os.PathLike | None, name: str, suffix: str, overwrite: bool) -> Path:
    """Where the file goes, once it is sure that it may go there."""
    file = Path(name + suffix if path is None else path)
    ending = Path(f"any{suffix}").suffix
    if ending and file.suffix != ending:
        raise ValueError(f"This format is written to files that end in {ending!r}, got {str(file)!r}.")
    clear_drafts(file.parent)
    if not overwrite and (there := Card.in_the_way(file, "export")):
        raise FileExistsError(
            f"{there} is already there. Pass overwrite=True (--overwrite) to replace it, or another path."
        )
    alike = file.is_file() if ending else (file / "saved_model.pb").is_file()
    if file.exists() and not alike:
        raise FileExistsError(f"{file} is something else than an older export, so it is not replaced. Move it away.")
    return file
