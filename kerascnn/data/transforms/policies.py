"""Policies: which operations change an image, and how strongly. (H, W, C) float32, values of 0 to 255, to the same.

Each comes with an affine for every operation that was applied, see :mod:`kerascnn.data.transforms.affine`.

An operation has a strength from 0 to 1, of which a ``Range`` makes the number it takes: more strength is more change.
Only the operation that was drawn is computed.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from kerascnn.data.transforms import colour
from kerascnn.data.transforms.affine import IDENTITY, row
from kerascnn.data.transforms.geometry import Moved, moved, pushed, rotated


@dataclass(frozen=True)
class Range:
    """What an operation takes, in its own units: ``start`` at strength 0, and ``reach`` further on at strength 1."""

    start: float = 0.0
    reach: float = 0.0
    signed: bool = False  # whether it goes backwards every second time


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
    "rotate": rotated,
    # Rows pushed left by a fraction of their distance from the top, columns up by one of theirs from the left.
    "shear_x": lambda image, fraction: moved(image, 1, fraction, 0, 0, 1, 0),
    "shear_y": lambda image, fraction: moved(image, 1, 0, 0, fraction, 1, 0),
    # Pushed left or up by so many pixels, or by a fraction of the image.
    "translate_x": lambda image, pixels: pushed(image, 1, pixels),
    "translate_y": lambda image, pixels: pushed(image, 0, pixels),
    "translate_x_fraction": lambda image, fraction: pushed(image, 1, fraction * side(image, 1)),
    "translate_y_fraction": lambda image, fraction: pushed(image, 0, fraction * side(image, 0)),
}

FRACTION = 150 / 331  # of an image's side: AutoAugment's 150 pixels, of images of 331
FACTORS = ("brightness", "contrast", "colour", "sharpness")
SHEARS = ("shear_x", "shear_y")
# AutoAugment's ranges, table 6, with factors that go from 1 to either side.
NARROW = {
    **dict.fromkeys(("autocontrast", "equalize", "invert"), Range()),
    "posterize": Range(8, -4),
    "solarize": Range(256, -256),
    "solarize_add": Range(0, 110),
    **dict.fromkeys(FACTORS, Range(1, 0.9, signed=True)),
    "rotate": Range(0, 30, signed=True),
    **dict.fromkeys(SHEARS, Range(0, 0.3, signed=True)),
    **dict.fromkeys(("translate_x_fraction", "translate_y_fraction"), Range(0, FRACTION, signed=True)),
}
# The same with factors of 0.1 to 1.9, among which the learned magnitudes were chosen.
LEARNED = NARROW | {"identity": Range()} | dict.fromkeys(FACTORS, Range(0.1, 1.8))
# TrivialAugment's wide ranges.
WIDE = {
    **dict.fromkeys(("identity", "autocontrast", "equalize"), Range()),
    "posterize": Range(8, -6),
    "solarize": Range(256, -256),
    **dict.fromkeys(FACTORS, Range(1, 0.99, signed=True)),
    "rotate": Range(0, 135, signed=True),
    **dict.fromkeys(SHEARS, Range(0, 0.99, signed=True)),
    **dict.fromkeys(("translate_x", "translate_y"), Range(0, 32, signed=True)),
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
    of_which, of_sign = tf.unstack(tf.random.split(seed, 2))
    return changed(image, NARROW, drawn(of_which, len(NARROW), n), m / 10, of_sign)


def trivialaugment(image: tf.Tensor, seed: tf.Tensor) -> Moved:
    """One operation of fourteen, at one of 31 strengths, both drawn evenly, from wide ranges.

    Müller & Hutter 2021, https://arxiv.org/abs/2103.10158, section 3 and table 1 (wide). Images of any size are
    moved by up to 32 pixels.
    """
    of_which, of_strength, of_sign = tf.unstack(tf.random.split(seed, 3))
    strength = tf.cast(drawn(of_strength, 31) / 30, tf.float32)
    return changed(image, WIDE, drawn(of_which, len(WIDE)), strength, of_sign)


def autoaugment(image: tf.Tensor, seed: tf.Tensor) -> Moved:
    """The policy learned on ImageNet: one of 25 pairs of operations, drawn evenly, each with its own probability.

    Cubuk et al. 2018, https://arxiv.org/abs/1805.09501, appendix tables 6 (ranges, of ten even magnitudes) and 9.
    """
    of_pair, of_chance, of_sign = tf.unstack(tf.random.split(seed, 3))
    names = list(LEARNED)
    table = [[(names.index(name), chance, magnitude / 9) for name, chance, magnitude in pair] for pair in IMAGENET]
    pair = tf.gather(tf.constant(table), drawn(of_pair, len(IMAGENET))[0])  # (2, 3) float32
    happens = tf.random.stateless_uniform([2], of_chance) < pair[:, 1]
    which = tf.where(happens, tf.cast(pair[:, 0], tf.int32), names.index("identity"))
    return changed(image, LEARNED, which, pair[:, 2], of_sign)


def drawn(seed: tf.Tensor, below: int, count: int = 1) -> tf.Tensor:
    """Numbers ``below`` one, (count,) int32, all alike."""
    return tf.random.stateless_uniform([count], seed, 0, below, tf.int32)


def changed(
    image: tf.Tensor, ranges: Mapping[str, Range], which: tf.Tensor, strength: tf.Tensor | float, seed: tf.Tensor
) -> Moved:
    """The image after operations, by their numbers in ``ranges``, (n,) int32, each or all of a strength.

    The seed is that of their signs, which are drawn at once.
    """
    count: Any = which.shape[0]
    starts, reaches, signed = zip(*((one.start, one.reach, one.signed) for one in ranges.values()), strict=True)
    signs = tf.where(tf.gather(signed, which), tf.sign(tf.random.stateless_uniform([count], seed) - 0.5), 1)
    values = tf.gather(starts, which) + strength * tf.gather(reaches, which) * signs
    pixels, affines = colour.rounded(image), []
    for number, value in zip(tf.unstack(which), tf.unstack(values), strict=True):
        pixels, affine = one_of([OPERATIONS[name] for name in ranges], number, pixels, value)
        pixels = tf.ensure_shape(pixels, image.shape)
        affines.append(affine)
    return tf.cast(pixels, image.dtype), tf.concat(affines, 0)


def one_of(branches: Sequence[Callable[..., Moved]], which: tf.Tensor, *inputs: tf.Tensor) -> Moved:
    """What the branch of this number makes of inputs.

    As ``tf.switch_case``, which puts all branches into the graph: to skip fourteen, operation by operation, takes as
    long as to compute the fifteenth.
    """
    if tf.executing_eagerly():
        return branches[int(which)](*inputs)
    kinds = [tf.TensorSpec(one.shape, one.dtype) for one in inputs]
    functions = [tf.function(branch, autograph=False).get_concrete_function(*kinds) for branch in branches]
    pixels, affine = functions[0].outputs
    return tf.raw_ops.StatelessCase(
        branch_index=which,
        input=inputs,
        Tout=[pixels.dtype, affine.dtype],
        branches=functions,
        output_shapes=[pixels.shape, affine.shape],
    )
