"""The card of a model that is exported, and what of it lies beside the file."""

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from kerascnn.card import Card
from kerascnn.deploy import metadata
from kerascnn.deploy.pixels import as_they_are, from_black_to_white, on_pixels, to_pixels
from kerascnn.deploy.request import ExportRequest, check_model, with_named_outputs
from kerascnn.deploy.trial import Inputs
from kerascnn.deploy.verification import VerificationReport
from kerascnn.files import write_text
from kerascnn.runtime import load_keras
from kerascnn.tasks import Task, task_of

if TYPE_CHECKING:
    import keras


def model_and_card(
    model: "keras.Model | str | os.PathLike", card: Card | None
) -> tuple["keras.Model", Card | None, Task | None]:
    """The model in float32, the card that was given or lies beside its file, and the task that this card names.

    Raises
    ------
    FileNotFoundError, ValueError
        When there is no such model, it cannot be exported, or the card is not that of this model.
    """
    from kerascnn.graph.rewrite import in_float32

    if isinstance(model, str | os.PathLike):
        card = card or Card.beside(Path(model))
        model = load_keras(model)
    check_model(model, proposals=True)
    if card is not None:
        check_card(card, model)
    return with_named_outputs(in_float32(model)), card, card and task_of(card)


def check_card(card: Card, model: "keras.Model") -> None:
    channels = model.inputs[0].shape[-1]
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
    classes = model.outputs[0].shape[-1]
    if card.labels and len(model.outputs) == 1 and len(card.labels) != classes:
        raise ValueError(f"The card names {len(card.labels)} classes, and model {model.name!r} has {classes} outputs.")


def with_pixels(request: ExportRequest, inputs: Inputs, card: Card | None) -> tuple[ExportRequest, Inputs, Card]:
    """The same request for a model of pixels, with inputs and card that fit it."""
    if card is None:
        raise ValueError("pixels=True puts the card's normalisation into the file: pass card=, or a file that has one.")
    how = card.preprocess
    images = None if request.images is None else from_black_to_white(to_pixels(request.images, how))
    request = replace(request, model=on_pixels(request.model, how), images=images)
    inputs = replace(inputs, images=to_pixels(inputs.images, how))
    return request, inputs, replace(card, preprocess=as_they_are(how))


def write_inside(file: Path, request: ExportRequest, card: Card, task: Task | None) -> None:
    """Write a card into a ``.tflite`` file as standard metadata, where there are some for its task."""
    if file.suffix == ".tflite" and metadata.fits(task, file):
        metadata.write(file, metadata.of_card(card, request.model.inputs[0].shape[1:]))


def write_beside(file: Path, report: VerificationReport, card: Card | None) -> None:
    """Write the card of an exported file, or where there is none, a file of the report alone."""
    facts = {"export": report.as_dict()}
    if card is not None:
        replace(card, facts={**card.facts, **facts}).write(file)
    else:
        write_text(Card.path(file), json.dumps({"facts": facts}, indent=2) + "\n")
