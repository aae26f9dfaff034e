"""What a source of data may be, and which file opens it."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from glob import escape, has_magic
from pathlib import Path
from typing import Any

from kerascnn.arguments import checked
from kerascnn.data.dataset import FRACTION, Data, Source
from kerascnn.data.proposals import with_proposals
from kerascnn.data.sources.arrays import from_npz, from_pairs
from kerascnn.data.sources.coco import annotation_files, from_coco
from kerascnn.data.sources.digits import digits
from kerascnn.data.sources.folder import LAYOUT, from_folder
from kerascnn.data.sources.masks import from_masks, has_masks
from kerascnn.data.sources.panoptic import from_panoptic, is_panoptic
from kerascnn.data.sources.photos import photos
from kerascnn.data.sources.records import from_folder_of_records, from_pattern, is_shard, shards_in
from kerascnn.data.sources.shape_boxes import shape_boxes
from kerascnn.data.sources.shape_instances import shape_instances
from kerascnn.data.sources.shape_masks import shape_masks
from kerascnn.data.sources.shape_panoptic import shape_panoptic
from kerascnn.data.sources.shapes import shapes
from kerascnn.data.sources.table import from_table
from kerascnn.data.sources.tfds import PREFIX, from_tfds
from kerascnn.data.sources.voc import from_voc, is_voc
from kerascnn.data.sources.yolo import from_yolo, is_yolo
from kerascnn.data.splitting import Opening, divided
from kerascnn.errors import suggest

Location = str | os.PathLike | tuple
NAMED: dict[str, Callable[[Opening], Source]] = {
    "digits": digits,
    "photos": photos,
    "shapes": shapes,
    "shape_masks": shape_masks,
    "shape_boxes": shape_boxes,
    "shape_instances": shape_instances,
    "shape_panoptic": shape_panoptic,
}


@checked
def open_data(
    source: Location,
    *,
    validation: float = FRACTION,
    seed: int = 0,
    on_corrupt: str = "refuse",
    progress: bool = True,
    proposals: bool = False,
) -> Data:
    """Open a data set for training.

    Every image file, in a folder or in a record, is decoded once, so that a broken one is met now and not hours into
    a training. The sound ones are remembered in the cache, and not decoded again while their paths, sizes and times of
    writing stay the same.

    A source may have parts to train, to validate and to test on; training, valid, val, dev and testing are other names
    for them, in any case. Where it has none to validate on, some images are split off: of a source in one part, or of
    the part to train on. Which ones follows from their names, so an image stays in its part when others are added.
    ``found`` of the result says what there was and how it was split.

    Parameters
    ----------
    source
        One of these:

        - the name of a source: ``"digits"``, 1,797 handwritten digits of 8 x 8 pixels; ``"photos"``, 107 photographs
          of fish, monuments, tools and windmills; or what is made on the spot,
          ``"shapes"``, 2,400 images of 32 x 32 pixels, ``"shape_masks"``, 1,600 images of 64 x 64 pixels with the
          class of every pixel, ``"shape_boxes"``, 1,600 images of 96 x 96 pixels with a box round every object,
          ``"shape_instances"``, the same images with every object's mask, and ``"shape_panoptic"``, images of shapes
          before ground and water. A folder that bears such a name is meant by ``"./digits"``;
        - a folder with one sub-folder of images per class, or with ``train/``, ``validation/`` and ``test/`` that each
          have one sub-folder per class;
        - a folder with ``images/`` and ``masks/``, PNG files of the same name whose pixels are class numbers, with
          255 for none; each perhaps divided into ``train/``, ``validation/`` and ``test/``, or these into them. Names
          of the classes stand line by line in ``labels.txt`` or ``classes.txt``, or as a list in ``classes.json``;
        - a folder with boxes, and perhaps masks, in COCO's JSON: ``annotations.json`` beside ``images/``, in the folder
          itself or in its ``train/``, ``validation/`` and ``test/``; or ``annotations/instances_train2017.json`` and
          the like beside ``train2017/`` and the like; or one such ``.json`` file. A folder that has none of these may
          have COCO's panoptic files: ``panoptic.json`` beside ``panoptic/`` and ``images/``, or
          ``annotations/panoptic_train2017.json`` and the like, with PNG files in the folder of the same name;
        - a folder with boxes in Pascal VOC's XML: ``Annotations/`` beside ``JPEGImages/``, with masks in
          ``SegmentationObject/`` and lists in ``ImageSets/Main/``, if any; or in YOLO's text files: ``labels/`` beside
          ``images/``, with the names of the classes in ``data.yaml`` or ``classes.txt``;
        - a folder of TFRecord files, such as ``train-00000-of-01024`` and ``validation-00000-of-00128``, or a pattern
          such as ``"imagenet/*-0000*"``; the records hold ``image/encoded`` and ``image/class/label`` as ImageNet's do,
          or ``image`` and ``label`` as those of TensorFlow Datasets, or ``image`` and ``class`` or
          ``target`` as Kaggle's ``.tfrec`` files; what is compressed by GZIP is unpacked into the cache;
        - ``"tfds:"`` and the name of one of the TensorFlow Datasets, which is downloaded if need be;
        - a ``.csv`` file with the columns ``path``, ``label`` and, if it is split already, ``split``;
        - an ``.npz`` file with the arrays ``x_train``, ``y_train``, ``x_test`` and ``y_test``, or ``x`` and ``y``;
        - arrays, ``(x, y)``, ``((x_train, y_train), (x_test, y_test))`` or the same with a pair to validate on between
          these two: pixels, (N, H, W), (N, H, W, 1) or (N, H, W, 3) uint8, and class numbers, (N,) integers from 0.
    validation
        The fraction of images to split off to validate on, between 0 and 1; about, as names decide.
    seed
        Decides, with the names, which images these are.
    on_corrupt
        What to do about images that cannot be read: ``"refuse"`` the data set or ``"skip"`` them.
    progress
        Show on a terminal how far the decoding is, once it has taken two seconds.
    proposals
        Whether images need boxes to be looked at, as Fast R-CNN takes them. They are read from ``proposals.json``
        beside ``annotations.json``, or ``proposals_train2017.json`` beside ``instances_train2017.json``, a list in the
        form of COCO's results, ``{"image_id": 1, "bbox": [x, y, width, height], "score": 0.5}``, of which an image's
        surest 2,000 count. Where there is no such file, selective search proposes some, a tenth of a second for a small
        image and half a second for a photo; they are kept in the cache.

    Raises
    ------
    FileNotFoundError
        When there is no such source, or files of it are missing.
    ValueError
        When the source is none of the above, a class has too few images, or an image cannot be read.
    ImportError
        When a source needs a package that is not installed.
    """
    if not 0 < validation < 1:
        raise ValueError(
            f"validation is {validation}; it is the fraction of images to validate on, between 0 and 1, such as 0.25."
        )
    found = open_source(source, on_corrupt=on_corrupt, progress=progress, proposals=proposals)
    return divided(found, "the data in memory" if isinstance(source, tuple) else source, validation, seed)


def open_source(
    source: Location, *, on_corrupt: str = "refuse", progress: bool = True, proposals: bool = False
) -> Source:
    """A data set in the parts that it is stored in, to evaluate a model on: nothing is split off, classes may lack.

    Parameters and errors are those of :func:`open_data`.
    """
    opening = Opening(on_corrupt=on_corrupt, progress=progress, proposals=proposals)
    if not isinstance(source, Location):
        raise ValueError(f"A source is a name, a path or a tuple of arrays, not a {type(source).__name__}.")
    for way in WAYS:
        if way.knows(source):
            found = way.opens(source, opening)
            if not any(map(len, found.parts.values())):
                raise ValueError(f"{source} has no image that can be read.")
            return with_proposals(found, progress) if proposals else found
    raise FileNotFoundError(missing(Path(source)))  # pyright: ignore[reportArgumentType]


@dataclass(frozen=True)
class Way:
    """A line of the table: what tells that a source is of a kind, and what opens it."""

    knows: Callable[[Any], bool]
    opens: Callable[[Any, Opening], Source]


def is_file(source: Any, suffix: str) -> bool:
    return Path(source).suffix.lower() == suffix and Path(source).is_file()


def of_path(opens: Callable[[Path, Opening], Source]) -> Callable[[Any, Opening], Source]:
    return lambda source, opening: opens(Path(source), opening)


WAYS = (  # the first that knows a source opens it
    Way(lambda source: isinstance(source, tuple), from_pairs),
    Way(lambda source: source in NAMED, lambda source, opening: NAMED[source](opening)),
    Way(lambda source: str(source).startswith(PREFIX), lambda source, opening: from_tfds(str(source), opening)),
    Way(lambda source: Path(source).is_dir() and bool(shards_in(Path(source))), of_path(from_folder_of_records)),
    Way(lambda source: Path(source).is_dir() and bool(annotation_files(Path(source))), of_path(from_coco)),
    Way(lambda source: Path(source).is_dir() and is_panoptic(Path(source)), of_path(from_panoptic)),
    Way(lambda source: is_file(source, ".json") and is_panoptic(Path(source)), of_path(from_panoptic)),
    Way(lambda source: is_file(source, ".json"), of_path(from_coco)),
    Way(lambda source: Path(source).is_dir() and is_voc(Path(source)), of_path(from_voc)),
    Way(lambda source: Path(source).is_dir() and has_masks(Path(source)), of_path(from_masks)),
    Way(lambda source: Path(source).is_dir() and is_yolo(Path(source)), of_path(from_yolo)),
    Way(lambda source: Path(source).is_dir(), of_path(from_folder)),
    Way(lambda source: is_file(source, ".csv"), of_path(from_table)),
    Way(lambda source: is_file(source, ".npz"), of_path(from_npz)),
    Way(lambda source: is_shard(Path(source)), lambda source, opening: from_pattern(escape(str(source)), opening)),
    Way(lambda source: has_magic(str(source)), lambda source, opening: from_pattern(str(source), opening)),
)


def missing(path: Path) -> str:
    """Why ``path`` cannot be opened, with names that are near."""
    if path.exists():
        return f"{path} is a file, not a folder, and its name ends in none of .csv, .json, .npz, .tfrecord. {LAYOUT}"
    beside = [one.name for one in path.parent.iterdir()] if path.parent.is_dir() else []
    near = suggest(path.name, {*NAMED, *(name for name in beside if not name.startswith("."))})
    return f"There is no data source and no folder called {str(path)!r}. {near}".rstrip()
