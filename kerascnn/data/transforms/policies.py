"""Policies: which operations change an image, and how strongly. (H, W, C) float32, values of 0 to 255, to the same.

Each comes with an affine for every operation that was applied, see :mod:`kerascnn.data.transforms.affine`.

An operation has a strength from 0 to 1, of which a ``Range`` makes the number it takes: more strength is more change.
Only the operation that was drawn is computed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import tensorflow as tf

from kerascnn.data.transforms import colour, geometry
from kerascnn.data.transforms.affine import IDENTITY, row
from kerascnn.data.transforms.geometry import Moved


@dataclass(frozen=True)
class Range:
    """What an operation takes: ``start`` at strength 0, and ``reach`` further on at strength 1.

    Parameters
    ----------
    start, reach
        In the operation's own units.
    signed
        Whether it goes backwards every second time.
    """

    start: float = 0.0
    reach: float = 0.0
    signed: bool = False


def side(image: tf.Tensor, axis: int) -> tf.Tensor:
    return tf.cast(tf.shape(image)[axis], tf.float32)


def in_place(operation: colour.Operation) -> Callable[[tf.Tensor, Any], Moved]:
    """An operation on colours as one that moves nothing."""
    return lambda image, value: (operation(image, value), row(*IDENTITY))


COLOURS: dict[str, colour.Operation] = {
    "identity": lambda image, _: image,
    "autocontrast": lambda image, _: colour.autocontrast(image),
    "equalize": lambda image, _: colour.equalize(image),
    "invert": lambda image, _: colour.invert(image),
    "posterize": lambda image, bits: colour.posterize(image, tf.maximum(tf.round(bits), 1)),
    "solarize": colour.solarize,
    "solarize_add": colour.solarize_add,
    "brightness": colour.brightness,
    "contrast": colour.contrast,
    "colour": colour.colour,
    "sharpness": colour.sharpness,
}
OPERATIONS: dict[str, Callable[[tf.Tensor, Any], Moved]] = {
    **{name: in_place(operation) for name, operation in COLOURS.items()},
    "rotate": geometry.rotated,
    "shear_x": geometry.sheared_x,
    "shear_y": geometry.sheared_y,
    "translate_x": geometry.translated_x,
    "translate_y": geometry.translated_y,
    "translate_x_fraction": lambda image, fraction: geometry.translated_x(image, fraction * side(image, 1)),
    "translate_y_fraction": lambda image, fraction: geometry.translated_y(image, fraction * side(image, 0)),
}

FRACTION = 150 / 331  # of an image's side: AutoAugment's 150 pixels, of images of 331
# AutoAugment's ranges, table 6, with factors that go from 1 to either side.
NARROW = {
    "autocontrast": Range(),
    "equalize": Range(),
    "invert": Range(),
    "posterize": Range(8, -4),
    "solarize": Range(256, -256),
    "solarize_add": Range(0, 110),
    "brightness": Range(1, 0.9, signed=True),
    "contrast": Range(1, 0.9, signed=True),
    "colour": Range(1, 0.9, signed=True),
    "sharpness": Range(1, 0.9, signed=True),
    "rotate": Range(0, 30, signed=True),
    "shear_x": Range(0, 0.3, signed=True),
    "shear_y": Range(0, 0.3, signed=True),
    "translate_x_fraction": Range(0, FRACTION, signed=True),
    "translate_y_fraction": Range(0, FRACTION, signed=True),
}
# The same with factors of 0.1 to 1.9, among which the learned magnitudes were chosen.
FACTORS = ("brightness", "contrast", "colour", "sharpness")
LEARNED = NARROW | {"identity": Range()} | dict.fromkeys(FACTORS, Range(0.1, 1.8))
# TrivialAugment's wide ranges.
WIDE = {
    "identity": Range(),
    "autocontrast": Range(),
    "equalize": Range(),
    "posterize": Range(8, -6),
    "solarize": Range(256, -256),
    "brightness": Range(1, 0.99, signed=True),
    "contrast": Range(1, 0.99, signed=True),
    "colour": Range(1, 0.99, signed=True),
    "sharpness": Range(1, 0.99, signed=True),
    "rotate": Range(0, 135, signed=True),
    "shear_x": Range(0, 0.99, signed=True),
    "shear_y": Range(0, 0.99, signed=True),
    "translate_x": Range(0, 32, signed=True),
    "translate_y": Range(0, 32, signed=True),
}

IMAGENET = (  # pairs of operation, probability and magnitude of 0 to 9
    (("posterize", 0.4, 8), ("rotate", 0.6, 9)),
    (("solarize", 0.6, 5), ("autocontrast", 0.6, 0)),
    (("equalize", 0.8, 0), ("equalize", 0.6, 0)),
    (("posterize", 0.6, 7), ("posterize", 0.6, 6)),
    (("equalize", 0.4, 0), ("solarize", 0.2, 4)),
    (("equalize", 0.4, 0), ("rotate", 0.8, 8)),
    (("solarize", 0.6, 3), ("equalize", 0.6, 0)),
    (("posterize", 0.8, 5), ("equalize", 1.0, 0)),
    (("rotate", 0.2, 3), ("solarize", 0.6, 8)),
    (("equalize", 0.6, 0), ("posterize", 0.4, 6)),
    (("rotate", 0.8, 8), ("colour", 0.4, 0)),
    (("rotate", 0.4, 9), ("equalize", 0.6, 0)),
    (("equalize", 0.0, 0), ("equalize", 0.8, 0)),
    (("invert", 0.6, 0), ("equalize", 1.0, 0)),
    (("colour", 0.6, 4), ("contrast", 1.0, 8)),
    (("rotate", 0.8, 8), ("colour", 1.0, 2)),
    (("colour", 0.8, 8), ("solarize", 0.8, 7)),
    (("sharpness", 0.4, 7), ("invert", 0.6, 0)),
    (("shear_x", 0.6, 5), ("equalize", 1.0, 0)),
    (("colour", 0.4, 0), ("equalize", 0.6, 0)),
    (("equalize", 0.4, 0), ("solarize", 0.2, 4)),
    (("solarize", 0.6, 5), ("autocontrast", 0.6, 0)),
    (("invert", 0.6, 0), ("equalize", 1.0, 0)),
    (("colour", 0.6, 4), ("contrast", 1.0, 8)),
    (("equalize", 0.8, 0), ("equalize", 0.6, 0)),
)


def randaugment(image: tf.Tensor, seed: tf.Tensor, n: int, m: float) -> Moved:
    """``n`` operations, each drawn evenly from fifteen, at magnitude ``m``, of which 10 is AutoAugment's greatest.

    Cubuk et al. 2019, https://arxiv.org/abs/1909.13719, section 3. The operations are those of the authors' code but
    cutout, which is an augmentation of its own here. A greater ``m`` changes more, also where that code had it the
    other way round; beyond 10 ranges go on, though one bit is always left; from 23 on a shift may leave nothing of the
    image. torchvision's magnitudes are three times these.
    """
    pixels, affines = colour.rounded(image), []
    for one in tf.unstack(tf.random.split(seed, n)):
        of_which, of_sign = tf.unstack(tf.random.split(one, 2))
        which = tf.random.stateless_uniform([], of_which, 0, len(NARROW), tf.int32)
        pixels, affine = changed(pixels, NARROW, which, m / 10, of_sign)
        affines.append(affine)
    return tf.cast(pixels, image.dtype), tf.concat(affines, 0)


def trivialaugment(image: tf.Tensor, seed: tf.Tensor) -> Moved:
    """One operation of fourteen, at one of 31 strengths, both drawn evenly, from wide ranges.

    Müller & Hutter 2021, https://arxiv.org/abs/2103.10158, section 3 and table 1 (wide). Images of any size are
    moved by up to 32 pixels.
    """
    of_which, of_strength, of_sign = tf.unstack(tf.random.split(seed, 3))
    which = tf.random.stateless_uniform([], of_which, 0, len(WIDE), tf.int32)
    strength = tf.random.stateless_uniform([], of_strength, 0, 31, tf.int32) / 30
    pixels, affine = changed(colour.rounded(image), WIDE, which, tf.cast(strength, tf.float32), of_sign)
    return tf.cast(pixels, image.dtype), affine


def autoaugment(image: tf.Tensor, seed: tf.Tensor) -> Moved:
    """The policy learned on ImageNet: one of 25 pairs of operations, drawn evenly, each with its own probability.

    Cubuk et al. 2018, https://arxiv.org/abs/1805.09501, appendix tables 6 (ranges, of ten even magnitudes) and 9.
    """
    of_pair, of_chance, of_sign = tf.unstack(tf.random.split(seed, 3))
    names = list(LEARNED)
    table = [[(names.index(name), chance, magnitude / 9) for name, chance, magnitude in pair] for pair in IMAGENET]
    pair = tf.gather(
        tf.constant(table), tf.random.stateless_uniform([], of_pair, 0, len(IMAGENET), tf.int32)
    )  # (2, 3) float32
    happens = tf.random.stateless_uniform([2], of_chance) < pair[:, 1]
    which = tf.where(happens, tf.cast(pair[:, 0], tf.int32), names.index("identity"))
    pixels, affines = colour.rounded(image), []
    for step, sign in enumerate(tf.unstack(tf.random.split(of_sign, 2))):
        pixels, affine = changed(pixels, LEARNED, which[step], pair[step, 2], sign)
        affines.append(affine)
    return tf.cast(pixels, image.dtype), tf.concat(affines, 0)


def changed(
    pixels: tf.Tensor, ranges: Mapping[str, Range], which: tf.Tensor, strength: tf.Tensor | float, seed: tf.Tensor
) -> Moved:
    """(H, W, C) uint8 after operation number ``which`` of ``ranges``, whose sign is drawn where it has one."""
    sign = tf.sign(tf.random.stateless_uniform([], seed) - 0.5)
    values = [one.start + strength * one.reach * (sign if one.signed else 1.0) for one in ranges.values()]
    branches = [partial(OPERATIONS[name], pixels, value) for name, value in zip(ranges, values, strict=True)]
    result, affine = tf.switch_case(which, branches)
    return tf.ensure_shape(result, pixels.shape), affine
