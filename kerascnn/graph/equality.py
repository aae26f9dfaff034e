"""Whether a network that was drawn otherwise computes what it did, up to the rounding of float32."""

from typing import Any

import keras
import numpy as np

from kerascnn.graph.copies import as_array, noise
from kerascnn.runtime import deep_graphs

TOLERANCE = 1e-4  # of the largest number of a channel
ROUNDING = 1e-6  # of the largest number of an output
TURNED = 0.01  # fraction of whole numbers, such as classes, that rounding may turn
MAGNIFIED = 10  # how much further than with pixels off by rounding a network may come that magnifies it


@deep_graphs()
def held_equal(new: keras.Model, model: keras.Model) -> keras.Model:
    """The new model, once it has computed what ``model`` does: on noise and on pixels, an image of each.

    Raises
    ------
    ValueError
        When it computes something else.
    """
    images = [np.concatenate([noise(x.shape, x.dtype), pixels(x.shape, x.dtype)]) for x in model.inputs]
    want, got = outputs_of(model, images), outputs_of(new, images)
    if all(map(alike, want, got)):
        return new
    shaken = outputs_of(model, [x * np.asarray(1 + 1e-7, x.dtype) if x.dtype.kind == "f" else x for x in images])
    for output, a, b, c in zip(model.outputs, want, got, shaken, strict=True):
        if not alike(a, b, MAGNIFIED * largest(a - c)):
            raise ValueError(
                f"{model.name} drawn in other layers computes something else: {output.name} is off by up to "
                f"{largest(a - b):.3g}, where its largest number is {largest(a):.3g}. A layer computes otherwise than "
                "its class does; make a class of its own of it, and it stays as it is."
            )
    return new


def pixels(shape: Any, dtype: str) -> np.ndarray:
    """Numbers from 0 to 255 for an input of this shape."""
    return np.abs(noise(shape, dtype, seed=1) * (80 if "float" in dtype else 1))


def outputs_of(model: keras.Model, images: list[np.ndarray]) -> list[np.ndarray]:
    outputs = keras.tree.flatten(model(images if len(images) > 1 else images[0], training=False))
    return [as_array(keras.ops.cast(y, "float32")) if is_float(y) else whole(y) for y in outputs]


def is_float(tensor: Any) -> bool:
    return "float" in keras.backend.standardize_dtype(tensor.dtype)


def whole(tensor: Any) -> np.ndarray:
    return as_array(tensor).astype("int64")


def alike(want: np.ndarray, got: np.ndarray, more: float = 0.0) -> bool:
    """Whether two outputs are the same; numbers that are not finite, too large for the network, say nothing."""
    if want.shape != got.shape:
        return False
    if want.dtype.kind == "i":
        return float(np.mean(want != got)) <= TURNED
    known = np.isfinite(want)
    want, off = np.where(known, want, 0), np.where(known, np.abs(want - got), 0)
    axes = tuple(range(want.ndim - 1))
    allowed = TOLERANCE * np.abs(want).max(axis=axes) + ROUNDING * largest(want) + more
    return bool(np.all(off.max(axis=axes) <= allowed))


def largest(values: np.ndarray) -> float:
    return float(np.abs(np.nan_to_num(values, posinf=0.0, neginf=0.0)).max(initial=0.0))
