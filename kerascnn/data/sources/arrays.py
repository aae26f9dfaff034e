"""NumPy arrays of pixels and class numbers: in memory, or in an .npz file under the names that Keras gives them."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from kerascnn.data.dataset import Source, Split
from kerascnn.data.splitting import ALL, NAMES, Opening, by_role
from kerascnn.errors import suggest
from kerascnn.files import read_arrays

Pair = tuple[ArrayLike, ArrayLike]
MOST = 1_000_000  # classes that numbers may stand for
EXPECTED = "Expected the arrays x_train, y_train, x_val, y_val, x_test and y_test, or some of these pairs; or x and y."


def from_npz(path: Path, opening: Opening) -> Source:
    """The data set in an .npz file.

    Raises ``ValueError`` when the file is damaged, or its arrays are not those that are expected.
    """
    try:
        arrays = read_arrays(path)
    except ValueError as error:
        raise ValueError(f"{error} {EXPECTED}") from error
    endings = {role: f"_{name}" for role, name in by_role([name[2:] for name in arrays], path).items()} or {ALL: ""}
    pairs = {role: (f"x{ending}", f"y{ending}") for role, ending in endings.items()}
    if {name for pair in pairs.values() for name in pair} != set(arrays):
        known = [f"{kind}{ending}" for kind in "xy" for ending in ("", *(f"_{name}" for name in NAMES))]
        near = " ".join(suggest(name, known) for name in sorted(set(arrays) - set(known))[:1])
        raise ValueError(f"{path} has the arrays {', '.join(sorted(arrays)) or 'none'}. {EXPECTED} {near}".rstrip())
    try:
        parts = {role: checked(arrays[x], arrays[y], (x, y)) for role, (x, y) in pairs.items()}
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    return from_parts(parts, path)


def from_pairs(arrays: Any, opening: Opening) -> Source:
    """The data set of ``(x, y)``, of ``((x_train, y_train), (x_test, y_test))`` or with a pair for validation between.

    Keras' own data sets are pairs of train and test.
    """
    nested = all(isinstance(part, tuple) for part in arrays)
    roles = {2: ("train", "test"), 3: ("train", "validation", "test")}.get(len(arrays), ()) if nested else (ALL,)
    pairs = arrays if nested else (arrays,)
    if not roles or any(len(pair) != 2 for pair in pairs):
        raise ValueError(
            "Arrays come as (x, y), as ((x_train, y_train), (x_test, y_test)) or as ((x_train, y_train), "
            "(x_validation, y_validation), (x_test, y_test))."
        )
    parts = {}
    for role, (images, targets) in zip(roles, pairs, strict=True):
        names = (f"x_{role}", f"y_{role}") if nested else ("x", "y")
        parts[role] = checked(np.asarray(images), np.asarray(targets), names)
    return from_parts(parts, "the data in memory")


def from_parts(parts: dict[str, Split], where: object) -> Source:
    """The data set of parts whose images have the same number of channels."""
    shapes = {part.images.shape[3]: f"{role} images have the shape {part.images.shape}" for role, part in parts.items()}
    if len(shapes) > 1:
        raise ValueError(f"{where}: {', '.join(shapes.values())}. All parts need the same number of channels.")
    classes = 1 + max(int(part.annotations["label"].max()) for part in parts.values())
    return Source(parts=parts, labels=tuple(map(str, range(classes))), channels=next(iter(shapes)))


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
    if targets.dtype == bool:
        raise ValueError(f'{y} holds truth values; expected class numbers: {y}.astype("int32").')
    if targets.dtype.kind == "f":
        raise ValueError(f"{y} is of {targets.dtype}; expected integers{as_integers(targets, y)}")
    if targets.dtype.kind not in "iu":
        raise ValueError(f"{y} is of {targets.dtype}; expected integers.")
    if (targets < 0).any():
        raise ValueError(f"{y} holds {targets.min()}; expected class numbers from 0.")
    if (targets >= MOST).any():
        raise ValueError(
            f"{y} holds {targets.max()}; expected class numbers from 0 on, below {MOST:,}. Number the classes that "
            f"occur: np.unique({y}, return_inverse=True)[1]."
        )


def as_integers(targets: np.ndarray, y: str) -> str:
    """How numbers with a fraction become integers, or which of them cannot."""
    wrong = targets[~(np.isfinite(targets) & (targets == np.round(targets)))]
    return f", and there is {wrong[0]}." if wrong.size else f': {y}.astype("int32").'
