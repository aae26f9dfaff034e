"""A folder of images and masks: PNG files of the same name whose pixels are class numbers."""

import json
import os
import struct
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import reduce
from operator import or_
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kerascnn.data.checks import counted, examined, file_problem, listed, listed_short, reason, refuse
from kerascnn.data.dataset import IGNORE, InFiles, Source, Split
from kerascnn.data.headers import orientation
from kerascnn.data.sources.folder import is_image, passed_over, visible
from kerascnn.data.splitting import ALL, Opening, by_role

if TYPE_CHECKING:
    import tensorflow as tf

IMAGES, MASKS = "images", "masks"
NAMES = ("labels.txt", "classes.txt", "classes.json")
SIGNATURE = b"\x89PNG\r\n\x1a\n"
GREY, PALETTE = 0, 3  # kinds of PNG whose pixels are single numbers
MASK_LAYOUT = (
    "Expected images/ and masks/ with files of the same name, such as images/07.jpg and masks/07.png, in the folder "
    "itself, in its train/, validation/ and test/, or with these three in each of them. A mask is a PNG file of class "
    "numbers, grey or with a palette, that lies on the image as it is shown; 255 has no class."
)

Pair = tuple[Path, Path]  # an image and its mask


class InMasks(InFiles):
    """A row is the path of a mask, () str."""

    def read(self, row: "tf.Tensor") -> "tf.Tensor":
        """Class numbers, (H, W) uint8."""
        return decode_mask(super().read(row))


def has_masks(root: Path) -> bool:
    """Whether a folder, or one of its parts, has images/ and masks/."""
    return has_pairs(root, MASKS)


def has_pairs(root: Path, beside: str) -> bool:
    """Whether a folder, or one of its parts, has images/ and, beside it, a folder of this name."""
    folders = [root, *(root / name for name in by_role([path.name for path in root.iterdir()], root).values())]
    return any((folder / IMAGES).is_dir() and (folder / beside).is_dir() for folder in folders)


def from_masks(root: Path, opening: Opening) -> Source:
    """The data set of the images and masks in a folder.

    The names of the classes are lines of ``labels.txt`` or ``classes.txt``, or a list in ``classes.json``; without such
    a file classes are called by their numbers. Raises ``ValueError`` when images and masks do not go together, or some
    cannot be used.
    """
    folders = part_folders(root, MASKS)
    pairs = {role: paired(*of_part) for role, of_part in folders.items()}
    every = [pair for part in pairs.values() for pair in part]
    names = class_names(root)
    found, sealed = examined(every, classes_of, opening, "checking images and masks")
    seals = dict(zip(every, sealed, strict=True))
    problems, held = {}, {}
    for pair, result in zip(every, found, strict=True):
        if isinstance(result, int) and names and (most := greatest(result)) >= len(names):
            result = f"its mask holds the class {most}, and there are {len(names)} names, for 0 to {len(names) - 1}"
        (problems if isinstance(result, str) else held)[pair] = result
    by_name = {str(image.relative_to(root)): problem for (image, _), problem in problems.items()}
    refuse(by_name, "image-mask pair", root, opening)
    parts = {
        role: as_split([pair for pair in part if pair not in problems], seals, root) for role, part in pairs.items()
    }
    everywhere = reduce(or_, held.values(), 0)
    if everywhere == 1 | 1 << IGNORE:
        raise ValueError(
            f"All masks of {root} hold 0 and {IGNORE} alone, and {IGNORE} has no class: only 0 would be learned. "
            f"Write 1 for what is shown as {IGNORE}: np.where(mask == {IGNORE}, 1, mask)."
        )
    labels = names or tuple(map(str, range(max(greatest(everywhere), 0) + 1)))
    unused = [label for number, label in enumerate(labels) if not everywhere >> number & 1]
    counts = {
        "masks": len(held),
        "masks without a class anywhere": sum(greatest(classes) < 0 for classes in held.values()),
        f"classes without a pixel ({listed_short(unused)})": len(unused),
    }
    others = [path for images, _ in folders.values() for path in visible(images) if not is_image(path)]
    return Source(
        parts=parts,
        labels=labels,
        channels=3,
        skipped=tuple(str(image) for image, _ in problems),
        note="; ".join(filter(None, (counted(counts), passed_over(others, [], root)))),
    )


def greatest(classes: int) -> int:
    """The greatest of the classes that :func:`classes_of` found; -1: there is none."""
    return (classes & ~(1 << IGNORE)).bit_length() - 1


def as_split(pairs: list[Pair], seals: Mapping[Pair, np.ndarray], root: Path) -> Split:
    images, masks = (np.array([str(pair[place]) for pair in pairs], str) for place in (0, 1))
    folder = f"{root}{os.sep}"
    of_pairs = np.array([seals[pair] for pair in pairs], np.uint64).reshape(-1, 2)
    return Split(images, {"mask": masks}, InFiles(folder), {"mask": InMasks(folder)}, of_pairs)


def part_folders(root: Path, beside: str) -> dict[str, Pair]:
    """The folders of images, and of what lies beside them in a folder of this name, of every part."""
    if not (root / IMAGES).is_dir():
        parts = by_role([path.name for path in root.iterdir() if path.is_dir()], root)
        return {role: (root / name / IMAGES, root / name / beside) for role, name in parts.items()}
    images, others = (
        by_role([path.name for path in folder.iterdir() if path.is_dir()], folder)
        for folder in (root / IMAGES, root / beside)
    )
    if not images:
        return {ALL: (root / IMAGES, root / beside)}
    return {role: (root / IMAGES / name, root / beside / others.get(role, name)) for role, name in images.items()}


def paired(images: Path, masks: Path) -> list[Pair]:
    """Every image with its mask, in order of names. Raises ``ValueError`` when one lacks the other."""
    for folder in (images, masks):
        if not folder.is_dir():
            raise ValueError(f"There is no folder {folder}. {MASK_LAYOUT}")
    files = [path for path in visible(images) if is_image(path)]
    by_stem = {path.stem: path for path in visible(masks) if path.suffix.lower() == ".png"}
    twice = [stem for stem, count in Counter(path.stem for path in files).items() if count > 1]
    for mismatch, names in (
        ("images that share their name with another", twice),
        (f"images without a mask in {masks}", [path.name for path in files if path.stem not in by_stem]),
        (f"masks in {masks} without an image", sorted(set(by_stem) - {path.stem for path in files})),
    ):
        if names:
            raise ValueError(f"{images} has {len(names)} {mismatch}:\n{listed(names)}\n{MASK_LAYOUT}")
    return [(path, by_stem[path.stem]) for path in files]


def class_names(root: Path) -> tuple[str, ...]:
    """The names that a file in the folder gives to the classes 0, 1, ...; none where there is no such file."""
    file = next((root / name for name in NAMES if (root / name).is_file()), None)
    if file is None:
        return ()
    try:
        text = file.read_text(encoding="utf-8-sig")
        names = json.loads(text) if file.suffix == ".json" else [line.strip() for line in text.rstrip().splitlines()]
    except json.JSONDecodeError as error:
        raise ValueError(f"{file} cannot be read as JSON: {error}.") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{file} is not UTF-8 text: {error}. Save it as UTF-8.") from error
    if not isinstance(names, list) or not all(isinstance(name, str) and name for name in names):
        raise ValueError(f'{file} must hold the names of the classes in their order: ["background", "cat", "dog"].')
    if len(set(names)) < len(names) or len(names) > IGNORE:
        raise ValueError(f"{file} must hold names that differ, and no more than {IGNORE}; it has {len(names)}.")
    return tuple(names)


def classes_of(image: Path, mask: Path) -> str | int:
    """The classes that stand in a mask, as bits of a number, and ``IGNORE``; or why it or its image cannot be used."""
    import tensorflow as tf

    from kerascnn.data.images import shape_of

    if problem := file_problem(image):
        return problem
    try:
        contents = mask.read_bytes()
        single_numbers(contents)
        classes = decode_mask(tf.constant(contents)).numpy()
    except (ValueError, OSError, tf.errors.OpError) as error:
        return f"its mask, {mask.name}, {reason(error)}"
    photo = image.read_bytes()
    size = shape_of(tf.constant(photo))
    if classes.shape != size:
        turned = classes.shape == size[::-1] and orientation(photo) > 1
        how = ", as its EXIF data turns it: turn the mask as well, or remove that data" * turned
        return f"it is {size[1]} x {size[0]} pixels{how}, its mask {classes.shape[1]} x {classes.shape[0]}"
    return sum(1 << number for number in np.unique(classes).tolist())


def decode_mask(contents: "tf.Tensor") -> "tf.Tensor":
    """Class numbers, (H, W) uint8, of a PNG file that passed :func:`single_numbers`; made for a graph."""
    import tensorflow as tf

    def grey_of(png):  # bytes, or an array of them where it is not called in a graph
        return np.array(single_numbers(np.asarray(png, object).item()), object)

    grey = tf.ensure_shape(tf.numpy_function(grey_of, [contents], tf.string), ())
    pixels = tf.io.decode_png(grey, channels=1)[..., 0]
    depth = tf.cast(tf.io.decode_raw(tf.strings.substr(grey, 24, 1), tf.uint8)[0], tf.int32)
    return pixels // tf.cast(255 // (2**depth - 1), tf.uint8)  # fewer bits are decoded as shades up to 255


def single_numbers(png: bytes) -> bytes:
    """The same PNG file without its palette, so that a decoder gives the numbers of the colours and not the colours.

    Raises ``ValueError`` when it is no PNG file of single numbers of up to 8 bits.
    """
    parts = dict.fromkeys((b"IHDR", b"IDAT", b"IEND"), b"")
    for kind, data in chunks(png):
        if kind in parts:
            parts[kind] += data
    if len(parts[b"IHDR"]) != 13:
        raise ValueError("is damaged")
    depth, colour = parts[b"IHDR"][8:10]
    if colour not in (GREY, PALETTE):
        raise ValueError(
            "has colours and not class numbers. Write it with one channel: of RGB, "
            "np.select([(mask == colour).all(-1) for colour in colours], range(len(colours)), 255)"
        )
    if depth > 8:
        raise ValueError("has 16 bits for a pixel. Write it with 8: class numbers go up to 254")
    header = parts[b"IHDR"][:9] + bytes([GREY]) + parts[b"IHDR"][10:]
    return SIGNATURE + b"".join(chunk(kind, header if kind == b"IHDR" else data) for kind, data in parts.items())


def chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The kind and the content of each part of a PNG file."""
    if not png.startswith(SIGNATURE):
        raise ValueError("is no PNG file; other formats change class numbers")
    place = len(SIGNATURE)
    while place < len(png):
        length, kind = struct.unpack(">I4s", png[place : place + 8].ljust(8, b"\0"))
        data, checksum = png[place + 8 : place + 8 + length], png[place + 8 + length : place + 12 + length]
        if checksum != zlib.crc32(kind + data).to_bytes(4):
            raise ValueError("is damaged")
        yield kind, data
        place += 12 + length


def chunk(kind: bytes, data: bytes) -> bytes:
    """A part of a PNG file."""
    return len(data).to_bytes(4) + kind + data + zlib.crc32(kind + data).to_bytes(4)
