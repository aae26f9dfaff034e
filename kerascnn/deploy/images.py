"""The images that a file is calibrated with and verified on."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from kerascnn.deploy.request import proposals_of
from kerascnn.runtime import check_images
from kerascnn.runtime.runner import as_many, check_proposals

if TYPE_CHECKING:
    import keras

VERIFIED = 64  # images at most: each runs one by one in the file, and more of them say little more
NOISE = 32
CALIBRATION = 1000  # images that are taken from what has no end of its own


def stacked(images: np.ndarray | Iterable[Any], shape: tuple[int, ...]) -> np.ndarray:
    """Calibration images as one array (N, H, W, C).

    Parameters
    ----------
    images
        Such an array; or images that come one by one or in batches, alone or first in a tuple with their labels, as
        from a ``tf.data.Dataset``. Of these the first ``CALIBRATION`` are taken.

    Raises
    ------
    ValueError
        When one of them has another shape or dtype than the model takes.
    """
    if not isinstance(images, np.ndarray):
        images = list(islice(_one_by_one(images, shape), CALIBRATION))
        images = np.stack(images) if images else np.empty((0, *shape), np.float32)
    check_images(images, shape)
    return images


def with_proposals(given: Any, model: "keras.Model", argument: str) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Images as :func:`stacked` gives them, and the proposals that a model takes with them, (N, count, 4), or None.

    ``given`` is such images, or a pair of these and of proposals, (N, M, 4); or None, and so are both then. Raises
    ``ValueError`` when it is not what the model takes; ``argument`` is what it was given as.
    """
    shape, count = tuple(model.inputs[0].shape[1:]), proposals_of(model)
    if given is None or not count:
        return (None if given is None else stacked(given, shape)), None
    if not isinstance(given, tuple) or len(given) != 2:
        raise ValueError(
            f"Model {model.name!r} looks at boxes that are given with each image: pass {argument}=(images, proposals), "
            "(N, H, W, C) and (N, M, 4)."
        )
    images = stacked(given[0], shape)
    check_proposals(given[1], len(images), model.name)
    return images, as_many(given[1], count)


def _one_by_one(images: Iterable[Any], shape: tuple[int, ...]) -> Iterator[np.ndarray]:
    for each in images:
        batch = np.asarray(each[0] if isinstance(each, tuple) else each)
        batch = batch if batch.ndim == 4 else batch[None]
        check_images(batch, shape)
        yield from batch


def spread_out(images: np.ndarray, most: int = VERIFIED) -> np.ndarray:
    """At most so many of the images at even distances, for images often lie in the order of their classes."""
    count = min(most, len(images))
    return images[np.linspace(0, len(images) - 1, count).round().astype(int)]


def need_whole(images: np.ndarray, dtype: str) -> None:
    """Refuse images for an input of integers that are none: each runtime would make others of them.

    Raises
    ------
    ValueError
        When they hold fractions, or numbers beyond the type.
    """
    if "int" not in dtype:
        return
    limits = np.iinfo(dtype)
    if not np.array_equal(images, np.clip(np.round(images), limits.min, limits.max)):
        raise ValueError(
            f"The model takes {dtype}, and these images hold fractions, or numbers beyond {limits.min} to "
            f"{limits.max}: they run from {images.min():.4g} to {images.max():.4g}. Pass them as the model takes them, "
            f"as float32 whole numbers."
        )


def noise(shape: tuple[int, ...], dtype: str = "float32") -> np.ndarray:
    """``NOISE`` images of standard-normal noise, (N, H, W, C) float32, in squares of 1, 2, 4, ... pixels.

    Of noise in single pixels alone a network sees the same average in every image, and answers the same. For an input
    of integers it is noise of pixels: whole numbers from 0 to 255, or for int8 from -128 to 127.
    """
    height, width, channels = shape
    random = np.random.default_rng(0)

    def image(square: int) -> np.ndarray:
        rows, columns = -(-height // square), -(-width // square)
        values = random.standard_normal((rows, columns, channels), dtype=np.float32)
        return values.repeat(square, axis=0).repeat(square, axis=1)[:height, :width]

    sizes = min(height, width).bit_length()
    images = np.stack([image(2 ** (index % sizes)) for index in range(NOISE)])
    darkest = -128 if dtype == "int8" else 0
    return np.clip(np.round(darkest + 128 + 60 * images), darkest, darkest + 255) if "int" in dtype else images
