"""Images with a box, a class, an area and perhaps a mask for each of their objects, however they were written down."""

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from kerascnn.data.checks import checked_files, counted, listed_short, refuse
from kerascnn.data.dataset import InFiles, Source, Split
from kerascnn.data.headers import orientation, pixels
from kerascnn.data.proposals import annotated, read_proposals
from kerascnn.data.segments import Segments, extent_of, in_array, problem_of, row_of, with_area
from kerascnn.data.splitting import Opening

BEYOND = 2.0  # pixels by which a box may pass the edge of its image, since tools round
FRACTION = 1.5  # a box that ends before it is hardly in pixels
MANY = 0.1  # of the boxes: when more are so, they are of another kind
APART = 0.2  # of its box's longer side, by which a mask may end before it or after
CORNER = "x, y, width and height in pixels from the corner of the image"  # what COCO's boxes are
HEAD = 1 << 16  # bytes of a file that mostly say its size


@dataclass(frozen=True)
class Listed:
    """A part of a data set: the file or folder that says where its objects are, and what it says, in COCO's words.

    Of an image these are ``"id"``, ``"file_name"`` and, where they are known, ``"width"`` and ``"height"``; of an
    object ``"image_id"``, ``"category_id"``, ``"bbox"``, x, y, width and height in pixels, and perhaps ``"area"``,
    ``"iscrowd"`` and ``"segmentation"``. ``meaning`` says how the file itself writes a box, and ``things`` how many of
    the categories, the first, are things, where the file tells them from stuff.
    """

    file: Path
    folder: Path
    images: list[dict[str, Any]]
    annotations: list[dict[str, Any]]
    categories: dict[int, str]
    meaning: str = CORNER
    things: int | None = None

    @property
    def paths(self) -> list[Path]:
        """The files of the images."""
        return [self.folder / image["file_name"] for image in self.images]

    def without(self, problems: Container[Path]) -> "Listed":
        """The same without the images that have a problem."""
        pairs = zip(self.images, self.paths, strict=True)
        return replace(self, images=[image for image, path in pairs if path not in problems])


def from_listed(
    parts: Mapping[str, Listed],
    base: Path,
    where: Path,
    opening: Opening,
    beside: Callable[[Path], Path] | None = None,
) -> Source:
    """The data set of some parts, by role, whose files lie in ``base``; ``where`` is what the user has named.

    ``beside`` says where the proposals of an annotation file's images lie, if there are any.

    Boxes are cut at the edge of their image, and those without area are left out; what is listed twice is kept, as by
    COCO's own code. Raises ``ValueError`` when images cannot be read, or boxes cannot be meant so.
    """
    first = next(iter(parts.values()))
    for part in parts.values():
        if ([*part.categories.items()], part.things) != ([*first.categories.items()], first.things):
            raise ValueError(f"{part.file} has other categories than {first.file}; all parts need the same.")
    files = [path for part in parts.values() for path in part.paths]
    problems, seals, known = checked_files(files, opening)
    for part in parts.values():
        problems |= unlike(part, problems)
    refuse({os.path.relpath(path, base): problem for path, problem in problems.items()}, "image file", where, opening)
    sound = {role: part.without(problems) for role, part in parts.items()}
    rows = {role: objects_of(part) for role, part in sound.items()}
    most = max((len(objects) for part, _ in rows.values() for objects in part), default=0)
    splits = {role: as_split(sound[role].paths, part, max(most, 1), seals, base) for role, (part, _) in rows.items()}
    notes = [known, *(said for _, said in rows.values())]
    if any(each.get("segmentation") for part in sound.values() for each in part.annotations):
        for role, (part, _) in rows.items():
            masks, said = masks_of(sound[role], part)
            notes.append(said)
            splits[role] = replace(
                splits[role],
                annotations={**splits[role].annotations, "masks": masks},
                stores={"masks": Segments()},
            )
    if opening.proposals and beside:
        splits, said = with_files(splits, {role: (part, beside(part.file)) for role, part in sound.items()})
        notes.append(said)
    return Source(
        parts=splits,
        labels=tuple(first.categories.values()),
        channels=3,
        things=first.things,
        skipped=tuple(map(str, problems)),
        note="; ".join(filter(None, (*notes, of_several(files)))),
    )


def with_files(splits: dict[str, Split], files: Mapping[str, tuple[Listed, Path]]) -> tuple[dict[str, Split], str]:
    """The same with the proposals of these files, where they are there, and what is to be known of them, in a line.

    Raises ``ValueError`` when a part has one and another has none.
    """
    there = {role: path for role, (_, path) in files.items() if path.is_file()}
    if not there:
        return splits, ""
    for _, path in files.values():
        if not path.is_file():
            raise ValueError(
                f"{next(iter(there.values()))} has proposals, and {path} is missing: all parts need them, or none. "
                "Where there are none, selective search proposes some."
            )
    rows = {role: read_proposals(path, files[role][0].images) for role, path in there.items()}
    count = sum(len(boxes) for part in rows.values() for boxes in part) / max(1, sum(map(len, rows.values())))
    return annotated(splits, rows), f"{count:.0f} proposals of an image"


def of_several(files: Sequence[Path]) -> str:
    """How many images are in more than one part, in words."""
    return counted({"images are in several parts": sum(count > 1 for count in Counter(files).values())})


def by_stem(paths: Sequence[Path], layout: str) -> dict[str, Path]:
    """Images by their names without ending. Raises ``ValueError`` when two of them share one."""
    found: dict[str, Path] = {}
    for path in paths:
        if found.setdefault(path.stem, path) != path:
            raise ValueError(
                f"{path.parent} has {found[path.stem].name} and {path.name}, and one file says what objects both have. "
                f"Rename or remove one. {layout}"
            )
    return found


def unlike(part: Listed, problems: Mapping[Path, str]) -> dict[Path, str]:
    """What is wrong with images that are not of the size that their annotations say."""
    found = {}
    for image, path in zip(part.images, part.paths, strict=True):
        stated = image.get("width"), image.get("height")
        if None in stated or path in problems:
            continue
        size, turned = shown(path)
        if size != stated:
            how = ", as its EXIF data turns it: turn the boxes as well, or remove that data" * turned
            found[path] = (
                f"it is {size[0]} x {size[1]} pixels{how}, and {part.file.name} says {stated[0]} x {stated[1]}"
            )
    return found


def shown(path: Path) -> tuple[tuple[int, int], bool]:
    """Width and height of an image as it is shown, and whether EXIF data turn it."""
    with open(path, "rb") as file:
        head = file.read(HEAD)
        if not all(pixels(head)):
            head += file.read()
    size, turned = pixels(head), orientation(head) >= 5
    return ((size[1], size[0]) if turned else size), turned


def objects_of(part: Listed) -> tuple[list[np.ndarray], str]:
    """Rows of each image and what was done about some, in a line.

    A row, (n, 8), holds x1, y1, x2, y2, class, area, crowd and the object's place among the annotations of the part.
    """
    places = {number: place for place, number in enumerate(part.categories)}
    of_images = defaultdict(list)
    for number, each in enumerate(part.annotations):
        x, y, width, height = each["bbox"]
        area, crowd = each.get("area"), each.get("iscrowd") or 0
        row = [x, y, x + width, y + height, places[each["category_id"]]]
        of_images[each["image_id"]].append([*row, width * height if area is None else area, crowd, number])
    rows = [np.array(of_images[image["id"]], np.float64).reshape(-1, 8) for image in part.images]
    sizes = [edge(part, image) for image in part.images]
    check_kind(part, rows, sizes)
    outside, cut, empty, twice, kept = 0, 0, 0, 0, []
    for objects, size in zip(rows, sizes, strict=True):
        boxes = objects[:, :4]
        inside = np.clip(boxes, 0, [*size, *size])
        solid, there = ((each[:, 2:] > each[:, :2]).all(axis=1) for each in (boxes, inside))
        empty += int((~solid).sum())
        outside += int((solid & ~there).sum())
        cut += int(((abs(inside - boxes) > BEYOND).any(axis=1) & there).sum())
        kept.append(np.concatenate([inside, objects[:, 4:]], axis=1)[there])
        twice += len(kept[-1]) - len(np.unique(kept[-1][:, :5], axis=0))
    every = np.concatenate(kept) if kept else np.zeros((0, 8))
    if kept and not len(every):
        of = f"No box of {part.file} has an area within its image" if empty + outside else f"{part.file} has no object"
        raise ValueError(
            f"{of}: there is nothing to find in {len(kept):,} images. Boxes are {part.meaning}. Leave the part out, or "
            "write down its objects."
        )
    unused = [name for place, name in enumerate(part.categories.values()) if place not in every[:, 4]]
    gaps = max(part.categories, default=0) - min(part.categories, default=1) + 1 - len(part.categories)
    said = counted({
        "objects": len(every),
        "crowds, which are not trained on": int((every[:, 6] > 0).sum()),
        "boxes without area, left out": empty,
        "boxes outside their image, left out": outside,
        "boxes cut at the edge of their image": cut,
        "objects listed twice, which both count": twice,
        "images without objects": sum(not len(objects) for objects in kept),
        f"categories without objects ({listed_short(unused)})": len(unused),
        f"numbers that no category has, so that classes are 0 to {len(part.categories) - 1} in their order": gaps,
    })  # fmt: skip
    return kept, f"{part.file.name}: {said}"


def masks_of(part: Listed, rows: Sequence[np.ndarray]) -> tuple[np.ndarray, str]:
    """The masks of each image's objects, rows of :class:`Segments`, and what is to be known of them, in a line.

    Raises ``ValueError`` when a segmentation cannot be read, or many lie elsewhere than their boxes.
    """
    every, lacking, count, strange = [], 0, 0, []
    for image, objects in zip(part.images, rows, strict=True):
        width, height = map(int, edge(part, image))
        segments = []
        for row in objects:
            stated = part.annotations[int(row[7])].get("segmentation") or []
            if problem := problem_of(stated, height, width):
                raise ValueError(f"{part.file} has, in image {image['id']}, {problem}.")
            segment = with_area(stated)
            segments.append(segment)
            lacking += not segment
            if segment:
                count += 1
                found = np.clip(extent_of(segment), 0, [width, height] * 2)
                if abs(found - row[:4]).max() > max(BEYOND, APART * (row[2:4] - row[:2]).max()):
                    strange.append((image["id"], np.round(found, 1).tolist(), np.round(row[:4], 1).tolist()))
        every.append(row_of(segments, height, width))
    if len(strange) > MANY * count:
        where, found, box = strange[0]
        raise ValueError(
            f"{len(strange):,} of the {count:,} masks of {part.file} lie elsewhere than their boxes, such as {found} "
            f"and {box} in image {where}, x1, y1, x2, y2 each. Expected x and y of every corner in turn, in pixels "
            "from the corner of the image."
        )
    said = counted({
        "objects without a mask, which only boxes are trained on": lacking,
        "objects whose mask is not in its box": len(strange),
    })  # fmt: skip
    return in_array(every), f"{part.file.name}: {said}" * bool(said)


def edge(part: Listed, image: Mapping[str, Any]) -> tuple[float, float]:
    """Width and height of an image, from its file where the annotations do not say."""
    if {"width", "height"} <= {*image}:
        return image["width"], image["height"]
    return shown(part.folder / image["file_name"])[0]


def check_kind(part: Listed, rows: Sequence[np.ndarray], sizes: Sequence[tuple[float, float]]) -> None:
    """Refuse boxes that are not in pixels within their image: fractions, corners for sizes, or x and y exchanged."""
    if not rows:
        return
    limits = np.concatenate([np.tile(size, (len(objects), 1)) for objects, size in zip(rows, sizes, strict=True)])
    boxes = np.concatenate([objects[:, :4] for objects in rows])
    meant = f"Expected {part.meaning}."
    large = limits.min(axis=1) > 2 * FRACTION
    tiny = large & (boxes.max(axis=1) <= FRACTION)
    if tiny.sum() > MANY * large.sum():
        raise ValueError(
            f"{int(tiny.sum()):,} of the {len(boxes):,} boxes of {part.file} end at {boxes[tiny].max():.3g} or before: "
            f"they look like fractions of the image. {meant} Multiply what is along x by the width of the image, and "
            "along y by its height."
        )

    def beyond(corners):
        low, high = corners[:, :2], corners[:, 2:]
        return ((low < -BEYOND) | (high > limits + BEYOND)).any(axis=1) | (high < low).any(axis=1)

    wrong = beyond(boxes)
    if wrong.sum() <= MANY * len(boxes):
        return
    stated = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)
    guess = ""
    if part.meaning == CORNER and not beyond(stated).any():
        guess = " Taken for x1, y1, x2 and y2 they all fit: subtract the first two from the others."
    elif not beyond(boxes[:, [1, 0, 3, 2]]).any():
        guess = " With x and y exchanged they all fit: exchange them, and the sizes along them."
    place = int(np.flatnonzero(wrong)[0])
    raise ValueError(
        f"{int(wrong.sum()):,} of the {len(boxes):,} boxes of {part.file} do not lie in their image, such as "
        f"{np.round(stated[place], 2).tolist()} in {limits[place].astype(int).tolist()} pixels. {meant}{guess}"
    )


def as_split(
    paths: Sequence[Path], rows: Sequence[np.ndarray], most: int, seals: Mapping[Path, np.ndarray], base: Path
) -> Split:
    """Images, each with up to ``most`` objects."""
    padded, valid = np.zeros((len(paths), most, 8)), np.zeros((len(paths), most), bool)
    for number, objects in enumerate(rows):
        padded[number, : len(objects)], valid[number, : len(objects)] = objects, True
    return Split(
        np.array([str(path) for path in paths], str),
        {
            "boxes": padded[..., :4].astype(np.float32),
            "classes": padded[..., 4].astype(np.int32),
            "area": padded[..., 5].astype(np.float32),
            "crowd": padded[..., 6] > 0,
            "valid": valid,
        },
        InFiles(f"{base}{os.sep}"),
        seals=np.array([seals[path] for path in paths], np.uint64).reshape(-1, 2),
    )
