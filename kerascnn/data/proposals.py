"""Boxes of each image to be looked at, which a source brings in a file or which selective search proposes here."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from kerascnn.data.dataset import Source, Split
from kerascnn.data.segments import is_finite
from kerascnn.data.selective_search import selective_search
from kerascnn.files import home, written_whole
from kerascnn.progress import track
from kerascnn.spec import PROPOSALS

MOST = 2000  # of an image: the surest
KEPT = "selective_search_1"  # the folder of the cache; another number for another search
LAYOUT = (
    "Expected a list of the proposals of all images in the form of COCO's results, each "
    '{"image_id": 1, "bbox": [x, y, width, height], "score": 0.5}, in pixels.'
)


def with_proposals(source: Source, progress: bool) -> Source:
    """The same images with ``"proposals"``, (N, M, 4) float32, zeros behind the last: those that they come with.

    Where they come with none, selective search proposes some, once: they are kept in the cache.
    """
    if all(PROPOSALS in part.annotations for part in source.parts.values()):
        return source
    rows = {role: searched(part, f"proposing boxes, {role}", progress) for role, part in source.parts.items()}
    count = np.mean([len(boxes) for of_part in rows.values() for boxes in of_part] or [0])
    said = f"selective search proposes {count:.0f} boxes of an image"
    return replace(source, parts=annotated(source.parts, rows), note="; ".join(filter(None, (source.note, said))))


def annotated(parts: Mapping[str, Split], rows: Mapping[str, Sequence[np.ndarray]]) -> dict[str, Split]:
    """Parts of a source with the proposals of each of their images, (n, 4), zeros behind the last."""
    most = max((len(boxes) for of_part in rows.values() for boxes in of_part), default=0)
    found = {}
    for role, part in parts.items():
        boxes = np.zeros((len(part), max(most, 1), 4), np.float32)
        for place, each in enumerate(rows[role]):
            boxes[place, : len(each)] = each
        found[role] = replace(part, annotations={**part.annotations, PROPOSALS: boxes})
    return found


def searched(split: Split, title: str, progress: bool) -> list[np.ndarray]:
    """What selective search proposes of each image, (n, 4), from the cache where it has searched them before."""
    path = home() / KEPT / f"{split.digest().hex()[:32]}.npz"
    if path.is_file():
        with np.load(path) as kept:
            return np.split(kept["boxes"], kept["ends"][:-1])
    found = [
        selective_search(pixels_of(split, place))[:MOST] for place in track(range(len(split)), title, shown=progress)
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as draft, open(draft, "wb") as file:
        np.savez_compressed(file, boxes=np.concatenate(found), ends=np.cumsum([*map(len, found)]))
    return found


def pixels_of(split: Split, place: int) -> np.ndarray:
    """An image of a split as it is shown, (H, W, C) uint8."""
    import tensorflow as tf

    from kerascnn.data.images import opened

    image: Any = opened(split.store.read(tf.constant(split.images[place])), 16)
    return np.asarray(image)


def read_proposals(file: Path, images: Sequence[Mapping[str, Any]]) -> list[np.ndarray]:
    """Of each of some images, of COCO's ``"id"``, the boxes that a file proposes, the surest first, (n, 4) corners.

    Raises ``ValueError`` when it is no such file, or has none for an image.
    """
    try:
        held = json.loads(file.read_text(encoding="utf-8-sig"))
        rows = [(each["image_id"], each["bbox"], each.get("score", 0.0)) for each in held]
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{file} cannot be read as JSON: {error}. {LAYOUT}") from error
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{file} lacks {error} where proposals have it. {LAYOUT}") from error
    found = defaultdict(list)
    for image, box, score in rows:
        whole = isinstance(box, list) and len(box) == 4 and all(map(is_finite, [*box, score]))
        if not whole or not isinstance(image, int | str):
            raise ValueError(f"{file} has the box {box!r:.80} with the score {score!r:.20}. {LAYOUT}")
        x, y, width, height = box
        found[image].append((-score, x, y, x + width, y + height))
    if lacking := [image["id"] for image in images if image["id"] not in found]:
        raise ValueError(
            f"{file} proposes nothing for {len(lacking):,} of {len(images):,} images, such as {lacking[0]!r}. {LAYOUT}"
        )
    return [np.array(sorted(found[image["id"]], key=lambda row: row[0]))[:MOST, 1:] for image in images]
