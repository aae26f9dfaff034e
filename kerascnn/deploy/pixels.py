"""Normalisation inside the file: pixels go in as they are, 0 to 255."""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from kerascnn.runtime.keras import as_inputs
from kerascnn.spec import PROPOSALS, Preprocess

if TYPE_CHECKING:
    import keras


NAMES = ("image", PROPOSALS)  # of inputs


def on_pixels(model: "keras.Model", how: Preprocess) -> "keras.Model":
    """``model`` behind a layer that normalises pixels as ``how`` says: a factor and an offset for each channel.

    As a depthwise convolution both stay one operator in every format, and one that rounds once where weights and
    activations are integers.
    """
    import keras

    mean, std = np.array(how.mean), np.array(how.std)
    image, *beside = (keras.Input(x.shape[1:], name=name) for x, name in zip(model.inputs, NAMES, strict=False))
    normalise = keras.layers.DepthwiseConv2D(1, name="normalise")
    seen = normalise(image)
    behind = keras.Model(as_inputs([image, *beside]), model(as_inputs([seen, *beside])), name=model.name)
    normalise.set_weights([(1 / (255 * std)).reshape(1, 1, -1, 1), -mean / std])
    return behind


def to_pixels(images: np.ndarray, how: Preprocess) -> np.ndarray:
    """The pixels, float32 whole numbers from 0 to 255, that normalise to ``images``, or to what is nearest."""
    pixels = 255 * (images * np.array(how.std, np.float32) + np.array(how.mean, np.float32))
    return np.clip(np.round(pixels), 0, 255)


def from_pixels(pixels: np.ndarray, how: Preprocess) -> np.ndarray:
    """Pixels, 0 to 255, normalised as ``how`` says."""
    return ((pixels / 255 - np.array(how.mean)) / np.array(how.std)).astype(np.float32)


def from_black_to_white(pixels: np.ndarray) -> np.ndarray:
    """The same images with a black and a white corner in the first: the range of pixels is known, not measured.

    The step of quantised pixels is then 1, and a byte is the pixel itself.
    """
    pixels = pixels.copy()
    pixels[0, 0, 0], pixels[0, -1, -1] = 0, 255
    return pixels


def as_they_are(how: Preprocess) -> Preprocess:
    """What is left to do to an image before a file that normalises it: geometry, and a scale from 0 to 255."""
    return replace(how, mean=(0.0,) * how.channels, std=(1 / 255,) * how.channels)
