"""Say what a network sees in images: ``kerascnn.predict("model.tflite", "cat.jpg")``."""

import json
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, overload

import numpy as np

from kerascnn.arguments import checked
from kerascnn.card import Card
from kerascnn.catalogue import build, find
from kerascnn.evaluation.loop import InParts
from kerascnn.files import write_text, written_whole
from kerascnn.runtime import Runner, keras_runner, need_tensorflow, open_model
from kerascnn.tasks import Prediction, task_of
from kerascnn.weights import coco, imagenet
from kerascnn.weights.records import find_record
from kerascnn.workflows.common import opened_for_many

Model = str | os.PathLike[str] | Runner
Image = str | os.PathLike[str] | np.ndarray

BATCH = 32
MANY = 200  # images, from which on the network itself is worth preparing
PICTURE = ".prediction.png"  # ends the names of pictures that are drawn


@overload
def predict(model: Model, images: Image) -> Prediction: ...


@overload
def predict(model: Model, images: Sequence[Image]) -> list[Prediction]: ...


@checked
def predict(model: Model, images: Image | Sequence[Image]) -> Prediction | list[Prediction]:
    """What a network says about one image or several.

    Parameters
    ----------
    model
        A ``.keras``, ``.tflite`` or ``.onnx`` file, or the folder of a SavedModel, with its card beside it; the same,
        opened by :func:`kerascnn.open_model`; or a network of the catalogue with the tag of published weights,
        ``"resnet50.tv_in1k_v2"``: classes of ImageNet and of COCO by name, those of other data by number.
    images
        The path of an image file, or pixels, (H, W, 1 or 3) uint8; or a list of these. For a network that looks at
        given boxes, selective search proposes them.

    Returns
    -------
    Prediction or list of Prediction
        One for each image: ``text()``, ``as_dict()`` and ``picture(image)``; of a classifier also ``label`` and
        ``confidence``.

    Raises
    ------
    FileNotFoundError
        When there is no such model, card or image.
    ValueError
        When one of them cannot be read.
    """
    several = not isinstance(images, str | os.PathLike | np.ndarray)
    found = [
        prediction
        for _, prediction in predictions(*opened(model, len(images) if several else 1), images if several else [images])
    ]
    return found if several else found[0]


def predictions(runner: Runner, card: Card, images: Sequence[Image]) -> Iterator[tuple[np.ndarray, Prediction]]:
    """Each image as the network takes it, (size, size, C) float32, and what it said.

    While one batch runs, the next is read by as many threads as there are processors; no more is held.
    """
    from kerascnn.data.pipeline import load_image, load_with_proposals

    task = task_of(card)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        load = load_with_proposals if runner.proposals else load_image

        def read(start: int) -> list[Future[Any]]:
            return [pool.submit(load, image, card.preprocess) for image in images[start : start + BATCH]]

        answers, coming = InParts(runner), read(0)
        for start in range(0, len(images), BATCH):
            here, coming = coming, read(start + BATCH)
            found = [image.result() for image in here]
            batch, *beside = stacked(found) if runner.proposals else [np.stack(found)]
            for part, outputs in answers(batch, *beside):
                yield from zip(batch[part], task.decode(outputs, batch.shape[1:3]), strict=True)


def stacked(found: Sequence[tuple[np.ndarray, np.ndarray]]) -> list[np.ndarray]:
    """Images as one array, and their proposals, with zeros behind the last of each."""
    images, boxes = zip(*found, strict=True)
    most = max(map(len, boxes))
    return [np.stack(images), np.stack([np.pad(rows, [(0, most - len(rows)), (0, 0)]) for rows in boxes])]


def opened(model: Model, images: int = 1) -> tuple[Runner, Card]:
    """A model that is ready to run on so many images, and its card."""
    if isinstance(model, Runner):
        return model, Card.read(model.path)
    name, _, tag = str(model).rpartition(".")
    if Path(model).exists() or not name or Path(model).suffix in (".keras", ".tflite", ".onnx"):
        runner = open_model(model) if images < MANY else opened_for_many(Path(model))
        return runner, Card.read(Path(model))
    need_tensorflow("Running a Keras model")
    row = find(name)
    record = find_record(row.name, tag)
    size = record.preprocess.size
    network = build(str(model), input_shape=(size, size, record.preprocess.channels))
    return keras_runner(network, network.name), Card(
        model=network.name, task=row.task, labels=names(row.classes), preprocess=record.preprocess
    )


def names(count: int) -> tuple[str, ...]:
    """What classes are called: ImageNet's thousand and COCO's 80 by name, others by number."""
    if count == len(imagenet.classes()):
        return tuple(name.replace("_", " ") for _, name in imagenet.classes())
    if count == len(coco.categories()):
        return tuple(name for _, name in coco.categories())
    return tuple(f"class {number}" for number in range(count))


def image_files(paths: Sequence[Path]) -> list[Path]:
    """The files among ``paths``, and of the folders all image files in them, in order of names.

    Raises
    ------
    ValueError
        When a folder has no image.
    """
    from kerascnn.data.sources.folder import SUFFIXES, files_in, is_image

    found = []
    for path in paths:
        inside = [path]
        if path.is_dir():
            inside = [file for file in files_in(path) if is_image(file) and not file.name.endswith(PICTURE)]
        if not inside:
            raise ValueError(f"{path} holds no images, whose names end in {', '.join(SUFFIXES)}.")
        found += inside
    return found


def write_pictures(
    model: Model, paths: Sequence[Path], folder: Path | None = None
) -> Iterator[tuple[Prediction, Path | None]]:
    """What a network says about image files, each with the file of the picture that its task draws of it, if any.

    It is ``<image>.prediction.png`` in ``folder``, or beside the image; ``<image>.prediction.json`` has the numbers.

    Raises
    ------
    FileNotFoundError, ValueError
        As :func:`predict` does, and when the pictures of two images would be one file.
    """
    from PIL import Image

    from kerascnn.data.images import denormalised

    runner, card = opened(model, len(paths))
    drawn: dict[Path, Path] = {}
    for path, (image, prediction) in zip(paths, predictions(runner, card, paths), strict=True):
        seen = denormalised(image, card.preprocess)
        picture = prediction.picture(seen if seen.shape[-1] == 3 else np.repeat(seen, 3, axis=-1))
        written = None
        if picture is not None:
            written = (folder or path.parent) / f"{path.stem}{PICTURE}"
            if (other := drawn.setdefault(written, path)) != path:
                raise ValueError(f"The pictures of {other} and {path} would both be {written}. Draw them one by one.")
            numbers = {"image": str(path), "model": str(model), **prediction.as_dict()}
            write_text(written.with_suffix(".json"), json.dumps(numbers, indent=2) + "\n")
            with written_whole(written) as draft:
                Image.fromarray(picture).save(draft)
        yield prediction, written
