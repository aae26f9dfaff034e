"""What a .tflite file says about itself: the standard metadata that Android's task libraries read.

The tables are those of TensorFlow Lite's ``metadata_schema.fbs``. A ``ModelMetadata`` table, a flatbuffer of its own
with the identifier M001, lies in a buffer of the model that is named TFLITE_METADATA; the files it speaks of, here the
class names, are a zip archive behind the model's last byte.
"""

import io
import os
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from kerascnn.card import Card
from kerascnn.deploy.metadata.provenance import provenance
from kerascnn.deploy.metadata.tables import Builder, Table, int8, int32, uint8, uint32
from kerascnn.errors import need
from kerascnn.runtime.tflite import output_order
from kerascnn.tasks import OutputTensor, Task, find_task

__all__ = ["Metadata", "fits", "of_card", "read", "write"]

NAME = "TFLITE_METADATA"
IDENTIFIER = b"M001"
PARSER = "1.0.0"  # the first version of the schema holds all that is written here
LABELS = "labels.txt"
LABEL_FILES = {"axis": 2, "value": 3}  # AssociatedFileType: TENSOR_AXIS_LABELS, TENSOR_VALUE_LABELS
COLOURS = {3: 1, 1: 2}  # ColorSpaceType: RGB, GRAYSCALE; 0 is unknown
CONTENTS = {"feature": 1, "image": 2, "box": 3}  # ContentProperties
BOUNDARIES, PIXEL = 1, 1  # BoundingBoxType: left, top, right, bottom; CoordinateType
NORMALIZATION_OPTIONS = 1  # ProcessUnitOptions


@dataclass(frozen=True, kw_only=True)
class Metadata:
    """What a file says about itself.

    Parameters
    ----------
    name, description, version, author, licence
        Of the network; empty where nobody said.
    size
        (height, width) of the image in pixels.
    channels
        3 for RGB, 1 for grey.
    mean, std
        Of each channel, on the scale of pixels, 0 to 255: the file takes ``(pixel - mean) / std``.
    labels
        Class names, in the order of the outputs.
    outputs
        What the file gives, in its order.
    parser
        The version of the schema that a reader needs.
    """

    name: str
    description: str
    version: str
    author: str
    licence: str
    size: tuple[int, int]
    channels: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    labels: tuple[str, ...]
    outputs: tuple[OutputTensor, ...]
    parser: str = PARSER


def fits(task: Task | None, path: Path) -> bool:
    """Whether there is standard metadata for the outputs of a file."""
    known = () if task is None else task.tflite_metadata
    return bool(known) and sorted(each.output for each in known) == sorted(output_order(path))


def of_card(card: Card, shape: Sequence[int]) -> Metadata:
    """What a card says, in the words of the schema, of a file that fits its task.

    Parameters
    ----------
    card
        Its facts may name an ``author``, a ``licence``, a ``version`` and a ``description``. What they do not is told
        by what else they hold: recipe, data, versions, weights and accuracy of a training.
    shape
        (H, W, C) of the image.
    """
    height, width, channels = shape
    how = card.preprocess
    return Metadata(
        name=card.model,
        **provenance(card),
        size=(height, width),
        channels=channels,
        mean=tuple(255 * value for value in how.mean),
        std=tuple(255 * value for value in how.std),
        labels=card.labels,
        outputs=find_task(card.task).tflite_metadata,
    )


def write(path: str | os.PathLike, metadata: Metadata) -> None:
    """Put metadata into a ``.tflite`` file, in place of any that it holds. Equal files come out equal to the byte.

    What it says of outputs is put into the order in which the file has them.
    """
    path = Path(path)
    order = output_order(path)
    metadata = replace(metadata, outputs=tuple(sorted(metadata.outputs, key=lambda each: order.index(each.output))))
    path.write_bytes(with_labels(with_buffer(path.read_bytes(), packed(metadata)), metadata.labels))


def read(path: str | os.PathLike) -> Metadata:
    """Read the metadata of a ``.tflite`` file, whoever wrote it.

    Raises
    ------
    ValueError
        When it has none, or none of a network that takes images.
    """
    content = Path(path).read_bytes()
    buffer = buffer_of(content)
    if buffer[4:8] != IDENTIFIER:
        raise ValueError(f"{path} holds no metadata. Export it with a card, and it will.")
    model = Table.root(buffer)
    graph = model.tables(3)[0]
    image = graph.tables(2)[0]
    properties = image.table(3).table(1)
    units = [unit.table(1) for unit in image.tables(4) if unit.number(0, "uint8") == NORMALIZATION_OPTIONS]
    if image.table(3).number(0, "uint8") != CONTENTS["image"]:
        raise ValueError(f"The metadata of {path} is not that of a network that takes images.")
    files = [file for tensor in graph.tables(3) for file in tensor.tables(6)]
    names = [file.text(0) for file in files if file.number(2, "int8") in LABEL_FILES.values()]
    labels = zipfile.ZipFile(io.BytesIO(content)).read(names[0]).decode().splitlines() if names else ()
    return Metadata(
        name=model.text(0),
        description=model.text(1),
        version=model.text(2),
        author=model.text(4),
        licence=model.text(5),
        size=(properties.table(1).number(1, "uint32"), properties.table(1).number(0, "uint32")),
        channels={colour: channels for channels, colour in COLOURS.items()}.get(properties.number(0, "int8"), 0),
        mean=units[0].floats(0) if units else (),
        std=units[0].floats(1) if units else (),
        labels=tuple(labels),
        outputs=tuple(map(described, graph.tables(3), output_order(Path(path)))),
        parser=model.text(7),
    )


def described(tensor: Table, output: str) -> OutputTensor:
    """What the metadata says of an output; of content and labels that are not written here, nothing."""
    content, places = tensor.table(3), tensor.table(3).table(2)
    kinds = {number: name for name, number in CONTENTS.items()}
    files = {number: name for name, number in LABEL_FILES.items()}
    labels = [files.get(file.number(2, "int8"), "") for file in tensor.tables(6)]
    return OutputTensor(
        output=output,
        name=tensor.text(0),
        description=tensor.text(1),
        content=kinds.get(content.number(0, "uint8"), ""),
        places=(places.number(0, "int32"), places.number(1, "int32")) if content.at(2) else None,
        labels=(labels or [""])[0],
    )


def with_labels(model: bytes, labels: Sequence[str]) -> bytes:
    """The class names, one in a line, behind a model. Nothing is compressed: a phone maps the file as it lies."""
    content = io.BytesIO(model)
    with zipfile.ZipFile(content, "a", zipfile.ZIP_STORED) as files:
        files.writestr(zipfile.ZipInfo(LABELS), "\n".join(lines(labels)))  # a ZipInfo has one date, that of 1980
    return content.getvalue()


def lines(labels: Sequence[str]) -> list[str]:
    """Class names as files of one name in a line hold them: white space, which may end a line, is one blank.

    Raises
    ------
    ValueError
        When nothing is left of a name.
    """
    named = [" ".join(label.split()) for label in labels]
    if "" in named:
        raise ValueError(f"The name of class {named.index('')} is empty. Name it in the card's labels.")
    return named


def with_buffer(model: bytes, data: bytes) -> bytes:
    """The model, and nothing behind it, with ``data`` in the buffer that is named after the metadata."""
    schema = need("ai_edge_litert.schema_py_generated", "litert", "Writing metadata")
    whole = schema.ModelT.InitFromObj(schema.Model.GetRootAs(model))
    entries = {entry.name.decode(): entry for entry in whole.metadata or []}
    if NAME not in entries:
        entries[NAME] = schema.MetadataT()
        entries[NAME].name, entries[NAME].buffer = NAME, len(whole.buffers)
        whole.buffers.append(schema.BufferT())
        whole.metadata = list(entries.values())
    whole.buffers[entries[NAME].buffer].data = np.frombuffer(data, np.uint8)
    builder = Builder(len(model) + len(data))
    return builder.finish(whole.Pack(builder), b"TFL3")


def buffer_of(model: bytes) -> bytes:
    """The buffer that is named after the metadata; empty where there is none."""
    schema = need("ai_edge_litert.schema_py_generated", "litert", "Reading metadata")
    whole = schema.Model.GetRootAs(model)
    entries = [whole.Metadata(index) for index in range(whole.MetadataLength())]
    found = [whole.Buffers(entry.Buffer()).DataAsNumpy() for entry in entries if entry.Name() == NAME.encode()]
    return found[0].tobytes() if found else b""


def packed(metadata: Metadata) -> bytes:
    """The ``ModelMetadata`` table. Numbers in brackets are the places that the schema gives its fields."""
    builder = Builder()
    height, width = metadata.size
    size = builder.table({0: uint32(width), 1: uint32(height)})
    colours = builder.table({0: int8(COLOURS.get(metadata.channels, 0)), 1: size})
    content = builder.table({0: uint8(CONTENTS["image"]), 1: colours})
    options = builder.table({0: builder.floats(metadata.mean), 1: builder.floats(metadata.std)})
    unit = builder.table({0: uint8(NORMALIZATION_OPTIONS), 1: options})
    mean, std = np.array(metadata.mean), np.array(metadata.std)
    stats = builder.table({0: builder.floats((255 - mean) / std), 1: builder.floats(-mean / std)})
    image = builder.table(
        {
            0: builder.CreateString("image"),
            1: builder.CreateString("The image that the network sees."),
            3: content,
            4: builder.tables([unit]),
            5: stats,
        }
    )
    outputs = [packed_output(builder, output) for output in metadata.outputs]
    graph = builder.table({2: builder.tables([image]), 3: builder.tables(outputs)})
    texts = {0: metadata.name, 1: metadata.description, 2: metadata.version, 4: metadata.author, 5: metadata.licence}
    said = {place: builder.CreateString(text) for place, text in texts.items() if text}
    return builder.finish(
        builder.table({**said, 3: builder.tables([graph]), 7: builder.CreateString(metadata.parser)}), IDENTIFIER
    )


def packed_output(builder: Builder, output: OutputTensor) -> int:
    """The ``TensorMetadata`` table of an output."""
    fields = {0: builder.CreateString(output.name), 1: builder.CreateString(output.description)}
    if output.content:
        content = {0: uint8(CONTENTS[output.content]), 1: packed_properties(builder, output.content)}
        if output.places:
            content[2] = builder.table({place: int32(axis) for place, axis in enumerate(output.places)})
        fields[3] = builder.table(content)
    if output.labels:
        file = {0: builder.CreateString(LABELS), 1: builder.CreateString("Names of the classes.")}
        fields[6] = builder.tables([builder.table({**file, 2: int8(LABEL_FILES[output.labels])})])
    return builder.table(fields)


def packed_properties(builder: Builder, content: str) -> int:
    """The table of what an output holds."""
    if content == "image":
        return builder.table({0: int8(COLOURS[1])})
    if content == "box":
        return builder.table({1: int8(BOUNDARIES), 2: int8(PIXEL)})
    return builder.table({})
