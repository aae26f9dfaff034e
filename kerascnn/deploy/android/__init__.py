"""A small Android app round a .tflite file: a Gradle project, complete but for the wrapper, which is a binary.

The files of ``project`` are copied as they are; ``@NAME@`` in them becomes the name of the network. With them comes the
one of ``answers`` that makes of the outputs what their task is about, and beside them is written what the app runs on,
and vectors that were computed here and are to come out on the phone.
"""

import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from kerascnn.card import Card
from kerascnn.deploy.images import noise
from kerascnn.deploy.metadata import lines
from kerascnn.deploy.operators import foreign_operators
from kerascnn.deploy.pixels import from_pixels
from kerascnn.files import written_whole
from kerascnn.runtime import OUTPUT, existing, open_model
from kerascnn.runtime.tflite import output_order
from kerascnn.tasks import task_of

__all__ = ["write_android_project"]

PROJECT, ANSWERS = (Path(__file__).parent / name for name in ("project", "answers"))
SOURCES = "app/src/main/kotlin/org/kerascnn/app"
TOLD = 3  # classes, or objects, that are named at most
VECTORS = 4  # images at most whose outputs are held against the phone's
ROOM = 2**24  # bytes of them, where more than one is taken
PHOTO = (61, 83, 3)  # odd sides, so that a rounding put wrong shows


def write_android_project(file: str | os.PathLike, folder: str | os.PathLike, card: Card | None = None) -> Path:
    """Write an app that shows what a .tflite file finds on what the camera sees, or on a picture.

    It names classes, or draws masks or boxes; boxes that overlap a surer one are left out by the app.

    ``gradle test`` in it checks that a picture becomes the numbers that it became in training, and
    ``gradle connectedAndroidTest`` that a phone computes from them what LiteRT computes here. The same file and card
    give the same project to the byte.

    Parameters
    ----------
    file
        A .tflite file, as ``kerascnn.export`` writes it in any of its precisions.
    folder
        Where to write the project: a folder that is not there yet.
    card
        Names of the classes, and what images go through. None: the card beside ``file``.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    FileExistsError
        When something is already there.
    FileNotFoundError, ValueError
        When there is no such file or card, the card is not of this file, or an operator of it is not built in, or
        there is no app for its task.
    """
    file, folder = existing(file), Path(folder)
    if file.suffix != ".tflite":
        raise ValueError(f"An app runs a .tflite file, got {file}. Export the network first: kerascnn export.")
    if folder.exists():
        raise FileExistsError(f"{folder} is already there. Name another folder, or move it away.")
    if foreign := foreign_operators(file):
        raise ValueError(f"{file} holds {', '.join(foreign)}, and the app brings no kernels but LiteRT's own.")
    card = card or Card.read(file)
    task = task_of(card)
    runner = open_model(file)
    if runner.proposals:
        raise ValueError(f"{file} looks at boxes that are given with each image, and an app has none to give.")
    how = card.preprocess
    shape = (how.size, how.size, how.channels)
    if runner.input_shape != shape:
        raise ValueError(f"{file} takes images of shape {runner.input_shape}, and its card makes them {shape}.")
    inputs = from_pixels(photos(shape)[:VECTORS], how)
    outputs = runner(inputs)
    app = task.app(outputs[OUTPUT].shape[-1] if OUTPUT in outputs else 0)
    if app is None:
        raise ValueError(f"There is no app for the task of {file}, {task.name}.")
    if {*outputs} != {*app.outputs}:
        raise ValueError(
            f"{file} gives {', '.join(outputs)}, and the app needs {', '.join(app.outputs)}. Pass this file's card. "
            "Of a detector, export without nms: the app does that itself."
        )
    labels = labels_of(card, outputs[OUTPUT].shape[-1])
    facts = {**preprocessing(card), "outputs": ",".join(output_order(file)), "count": TOLD, **app.facts}
    with written_whole(folder) as draft:
        copy_templates(draft, name_of(card.model))
        shutil.copyfile(ANSWERS / app.answers / "Answers.kt", draft / SOURCES / "Answers.kt")
        assets = new_folder(draft / "app/src/main/assets")
        shutil.copyfile(file, assets / "model.tflite")
        write_lines(assets / "labels.txt", labels)
        write_properties(assets / "network.properties", facts)
        write_vectors(new_folder(draft / "app/src/androidTest/assets"), inputs, outputs, runner.steps)
        write_photo(new_folder(draft / "app/src/test/resources"), card)
    return folder


def photos(shape: tuple[int, int, int]) -> np.ndarray:
    """Pictures of coarse and fine noise, (N, H, W, C) uint8."""
    return np.clip(128 + 60 * noise(shape), 0, 255).astype(np.uint8)


def labels_of(card: Card, classes: int) -> list[str]:
    labels = lines(card.labels) or [f"class {i}" for i in range(classes)]
    if len(labels) != classes:
        raise ValueError(f"The card names {len(labels)} classes, and the file has {classes} outputs.")
    return labels


def name_of(model: str) -> str:
    """A network's name as the last part of an application's."""
    name = re.sub(r"\W", "_", model.lower(), flags=re.ASCII)
    return name if name[:1].isalpha() else f"net_{name}"


def copy_templates(folder: Path, name: str) -> None:
    for template in sorted(PROJECT.rglob("*")):
        if template.is_file():
            target = folder / template.relative_to(PROJECT)
            new_folder(target.parent)
            target.write_bytes(template.read_bytes().replace(b"@NAME@", name.encode()))


def preprocessing(card: Card) -> dict[str, Any]:
    """What images go through."""
    how = card.preprocess
    return {
        "size": how.size,
        "short": round(how.size / how.crop),
        "squash": str(how.squash).lower(),
        "interpolation": how.interpolation,
        "mean": ",".join(map(repr, map(float, how.mean))),
        "std": ",".join(map(repr, map(float, how.std))),
    }


def write_vectors(
    folder: Path, inputs: np.ndarray, outputs: Mapping[str, np.ndarray], steps: Mapping[str, float]
) -> None:
    """Images and outputs; how far a phone's may be off: two steps, or a thousandth of the largest float."""
    each = sum(values[0].nbytes for values in (inputs, *outputs.values()))
    count = max(1, min(len(inputs), ROOM // each))
    (folder / "inputs.bin").write_bytes(inputs[:count].astype("<f4").tobytes())
    facts: dict[str, Any] = {"count": count, "outputs": ",".join(outputs)}
    for name, values in outputs.items():
        (folder / f"{name}.bin").write_bytes(values[:count].astype("<f4").tobytes())
        step = steps.get(name, 0.0)
        tolerance = 2 * step if step else 1e-3 * max(1.0, float(np.abs(values).max()))
        facts[f"tolerance.{name}"] = f"{tolerance:.6g}"
    write_properties(folder / "golden.properties", facts)


def write_photo(folder: Path, card: Card) -> None:
    """A picture, and what it becomes."""
    import tensorflow as tf

    from kerascnn.data.pipeline import prepared

    photo = photos(PHOTO)[1]
    values = prepared(tf.constant(photo), card.preprocess).numpy()
    (folder / "photo.bin").write_bytes(photo.tobytes())
    (folder / "values.bin").write_bytes(values.astype("<f4").tobytes())
    write_properties(folder / "photo.properties", {"height": PHOTO[0], "width": PHOTO[1]})


def new_folder(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def write_properties(path: Path, facts: Mapping[str, Any]) -> None:
    """As Java reads them."""
    write_lines(path, [f"{name}={value}" for name, value in facts.items()])


def write_lines(path: Path, lines: list[str]) -> None:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
