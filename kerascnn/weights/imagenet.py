"""ImageNet's thousand classes, and images as published weights want them.

``imagenet.txt`` has the WordNet number and the name of every class in order, as Keras' own index of them has.
"""

from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from kerascnn.arguments import checked
from kerascnn.spec import expect
from kerascnn.weights.records import find_record


@cache
def classes() -> tuple[tuple[str, str], ...]:
    """WordNet number and name of each class: the first is ``("n01440764", "tench")``."""
    text = files("kerascnn.weights").joinpath("imagenet.txt").read_text(encoding="utf-8")
    return tuple((number, name) for number, name in map(str.split, text.splitlines()))


@checked
def decode_predictions(preds: Any, top: int = 5) -> list[list[tuple[str, str, float]]]:
    """The most probable classes of each image, by name.

    Parameters
    ----------
    preds
        ``(N, 1000)`` what a network trained on ImageNet gave.
    top
        How many classes of each.

    Returns
    -------
    list of list of tuple
        For each image ``top`` times WordNet number, name and value, the highest first.

    Raises
    ------
    ValueError
        When ``preds`` has another shape, or ``top`` is less than 1.
    """
    expect(top >= 1, "top", top, "at least 1")
    preds = np.asarray(preds)
    if preds.ndim != 2 or preds.shape[1] != 1000:
        raise ValueError(f"decode_predictions takes what ImageNet's networks give, (N, 1000); got {preds.shape}.")
    best = np.argsort(-preds, axis=1, kind="stable")[:, :top]
    return [[(*classes()[i], row[i]) for i in places] for row, places in zip(preds, best, strict=True)]


@checked
def preprocess_input(images: Any, weights: str) -> Any:
    """Pixels as published weights want them; sizes stay.

    Parameters
    ----------
    images
        ``(..., C)`` pixels of 0..255 in red, green, blue: an array or a tensor, which stays as it is.
    weights
        A network and the tag of its weights: ``"resnet50.imagenet"``, ``"efficientnet_b0.tf_aa_in1k"``.

    Returns
    -------
    array or tensor
        ``(..., C)`` float32: each channel scaled to 0..1, less its mean, by its standard deviation.

    Raises
    ------
    ValueError
        When there are no such weights, or the images have other channels.
    """
    network, _, tag = weights.rpartition(".")
    if not network:
        raise ValueError(f"weights must name a network and a tag, such as '{weights}.imagenet'; got {weights!r}.")
    preprocess = find_record(network, tag).preprocess
    if not hasattr(images, "shape"):
        images = np.asarray(images)
    if tuple(images.shape[-1:]) != (preprocess.channels,):
        raise ValueError(f"{weights} takes images of {preprocess.channels} channels; got {tuple(images.shape)}.")
    scale, offset = (np.array(values, "float32") for values in preprocess.affine)
    if isinstance(images, np.ndarray):
        return images.astype("float32") * scale + offset
    import keras

    return keras.ops.cast(images, "float32") * scale + offset
