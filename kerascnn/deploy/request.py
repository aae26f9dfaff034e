"""What a writer is asked to write."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True, kw_only=True)
class ExportRequest:
    """One file to be written.

    Parameters
    ----------
    model
        A float32 model of one image, (None, H, W, C).
    source
        The model before it was lowered for the format, whose layers users know by name; None: ``model``.
    images
        What the ranges of activations are measured on, (N, H, W, C) float32 as ``model`` takes them, or None.
    batch
        How many images the file takes at a time; None for any number.
    types
        What the file takes and what it gives, by NumPy's names.
    float_layers
        Names of the layers of ``source`` that stay float32 in a file of integers.
    select_tf_ops
        Whether what has no built-in operator may become one of TensorFlow's own.
    """

    model: "keras.Model"
    source: "keras.Model | None" = None
    images: np.ndarray | None = None
    batch: int | None = 1
    types: tuple[str, str] = ("float32", "float32")
    float_layers: frozenset[str] = frozenset()
    select_tf_ops: bool = False
