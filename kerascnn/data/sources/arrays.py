"""NumPy arrays of pixels and class numbers: in memory, or in an .npz file under the names that Keras gives them."""

import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from kerascnn.data.dataset import Data, Split
from kerascnn.data.splitting import Opening, check_labels, two_parts
from kerascnn.errors import suggest

Pair = tuple[ArrayLike, ArrayLike]
NAMES = (("x", "y"),), (("x_train", "y_train"), ("x_test", "y_test")), (("x_train", "y_train"),)
EXPECTED = "Expected the arrays x_train, y_train, x_test and y_test; or x and y, of which a share is held out."


def from_npz(path: Path, how: Opening) -> Data:
    """The data set in an .npz file.

    Raises
    ------
    ValueError
        When the file is damaged, or its arrays are not those that are expected.
    """
    try:
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            raise ValueError("it holds one array without a name")
        with loaded:
            arrays = dict(loaded)
    except (ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"{path} cannot be read as an .npz file: {error}. {EXPECTED}") from error
    for names in NAMES:
        wanted = {name for pair in names for name in pair}
        if wanted == set(arrays):
            return from_arrays([(arrays[x], arrays[y]) for x, y in names], names, path, how)
    known = {name for names in NAMES for pair in names for name in pair}
    near = " ".join(suggest(name, known) for name in sorted(set(arrays) - known)[:1])
    raise ValueError(f"{path} has the arrays {', '.join(sorted(arrays)) or 'none'}. {EXPECTED} {near}".rstrip())


def from_pairs(given: Any, how: Opening) -> Data:
    """The data set of ``(x, y)``, or of ``((x_train, y_train), (x_test, y_test))`` as Keras' data sets come."""
    nested = all(isinstance(part, tuple) for part in given)
    pairs = list(given) if nested else [given]
    if len(given) != 2 or any(len(pair) != 2 for pair in pairs):
        raise ValueError("Arrays come as (x, y) or as ((x_train, y_train), (x_test, y_test)).")
    return from_arrays(pairs, NAMES[1] if nested else NAMES[0], "the data in memory", how)


def from_arrays(pairs: list[Pair], names: tuple[tuple[str, str], ...], where: object, how: Opening) -> Data:
    """The data set of one pair of pixels and class numbers, or of two, of which the second is held out."""
    parts = [
        checked(np.asarray(images), np.asarray(targets), of) for (images, targets), of in zip(pairs, names, strict=True)
    ]
    first, last = parts[0], parts[-1]
    if first.images.shape[3] != last.images.shape[3]:
        raise ValueError(
            f"{where}: {names[0][0]} has the shape {first.images.shape}, {names[1][0]} has {last.images.shape}."
        )
    classes = int(first.annotations["label"].max()) + 1
    unknown = last.annotations["label"][last.annotations["label"] >= classes]
    if len(unknown):
        raise ValueError(
            f"{names[1][1]} holds the class {unknown[0]}, but those of {names[0][1]} go from 0 to {classes - 1}."
        )
    labels = tuple(map(str, range(classes)))
    check_labels(labels, (), where)
    train, validation = two_parts(parts, labels, how, where)
    return Data(train=train, validation=validation, labels=labels, channels=train.images.shape[3])


def checked(images: np.ndarray, targets: np.ndarray, names: tuple[str, str]) -> Split:
    """Images and targets as a split. Raises ``ValueError`` saying what is wrong with them and how it is put right."""
    x, y = names
    check_pixels(images, x)
    if targets.ndim == 2 and targets.shape[1] == 1:  # as CIFAR's come from Keras
        targets = targets[:, 0]
    check_targets(targets, y)
    if len(images) != len(targets):
        raise ValueError(f"{x} has {len(images)} images and {y} {len(targets)} targets; expected as many.")
    return Split(images if images.ndim == 4 else images[..., None], {"label": targets.astype(np.int32)})


def check_pixels(images: np.ndarray, x: str) -> None:
    """Refuse what is not pixels, (N, H, W), (N, H, W, 1) or (N, H, W, 3) uint8, of one image or more."""
    shape = images.shape
    if images.ndim not in (3, 4) or not images.size or (images.ndim == 4 and shape[3] not in (1, 3)):
        first = f" Put the channels last: {x}.transpose(0, 2, 3, 1)." if images.ndim == 4 and shape[1] in (1, 3) else ""
        alpha = f" Leave out alpha: {x}[..., :3]." if images.ndim == 4 and shape[3] == 4 else ""
        raise ValueError(
            f"{x} has the shape {shape}; expected images, (N, H, W), (N, H, W, 1) or (N, H, W, 3).{alpha or first}"
        )
    if images.dtype != np.uint8:
        raise ValueError(f"{x} is of {images.dtype}; expected uint8, values of 0 to 255. {as_pixels(images, x)}")


def as_pixels(images: np.ndarray, x: str) -> str:
    """How values of another type become pixels, as far as their range tells."""
    if images.dtype == bool:
        return f'Convert with {x}.astype("uint8") * 255.'
    if images.dtype.kind not in "iuf":
        return "Decode the images first."
    low, high = images.min(), images.max()
    if not np.isfinite([low, high]).all():
        return "There are values that are not finite numbers."
    if low < 0 or high > 255:
        return f"Values go from {low:g} to {high:g}: undo the normalisation first."
    if images.dtype.kind == "f" and high <= 1:
        return f'Values go from {low:g} to {high:g}: convert with ({x} * 255).round().astype("uint8").'
    return f'Values go from {low:g} to {high:g}: convert with {x}.round().astype("uint8").'


def check_targets(targets: np.ndarray, y: str) -> None:
    """Refuse what is not class numbers, (N,) integers from 0."""
    if targets.ndim == 2:
        raise ValueError(f"{y} has the shape {targets.shape}; expected class numbers, (N,): {y}.argmax(axis=1).")
    if targets.ndim != 1:
        raise ValueError(f"{y} has the shape {targets.shape}; expected class numbers, (N,).")
    if targets.dtype.kind in "US":
        raise ValueError(f"{y} holds text; expected class numbers: np.unique({y}, return_inverse=True)[1].")
    if targets.dtype.kind not in "iu":
        raise ValueError(f'{y} is of {targets.dtype}; expected integers: {y}.astype("int32") if they are whole.')
    if (targets < 0).any():
        raise ValueError(f"{y} holds {targets.min()}; expected class numbers from 0.")
