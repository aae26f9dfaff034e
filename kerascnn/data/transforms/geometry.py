"""Which part of an image is seen, and where in the image a pixel comes from.

All but the boxes come with the affine that was applied, see :mod:`kerascnn.data.transforms.affine`.
"""

import math
from typing import Any, Literal

import tensorflow as tf

from kerascnn.data.images import resized
from kerascnn.data.transforms.affine import IDENTITY, resizing, row, sides, warped
from kerascnn.spec import Preprocess

Moved = tuple[tf.Tensor, tf.Tensor]  # an image and the affine that was applied to it
GREY = 128.0  # what the policies' moves uncover, as in the code of AutoAugment's authors


def crop(shape: tf.Tensor, seed: tf.Tensor, least: float) -> tf.Tensor:
    """A random part: ``least`` to all of the area, 3/4 to 4/3 wide for its height.

    Szegedy et al. 2014, https://arxiv.org/abs/1409.4842, section 6. The area is drawn evenly, the proportion evenly in
    its logarithm. Ten draws are made and the first that fits into the image is taken, else the largest part that has
    an allowed proportion. ``least`` is 0.08 in the paper.

    From height and width of the image, (2,) int32, to top, left, height and width of the part, (4,) int32.
    """
    of_area, of_ratio, of_place = tf.unstack(tf.random.split(seed, 3))
    height, width = tf.unstack(tf.cast(shape, tf.float32))
    area = height * width * tf.random.stateless_uniform([10], of_area, least, 1.0)
    bound = math.log(4 / 3)
    ratio = tf.exp(tf.random.stateless_uniform([10], of_ratio, -bound, bound))
    nearest = tf.clip_by_value(width / height, 3 / 4, 4 / 3)
    last = tf.floor([tf.minimum(height, width / nearest), tf.minimum(width, height * nearest)])
    tall = tf.maximum(1.0, tf.concat([tf.round(tf.sqrt(area / ratio)), last[:1]], 0))
    wide = tf.maximum(1.0, tf.concat([tf.round(tf.sqrt(area * ratio)), last[1:]], 0))
    first = tf.argmax(tf.cast((tall <= height) & (wide <= width), tf.int32))
    box = tf.stack([tall[first], wide[first]])
    room = [height, width] - box + 1
    return tf.cast(tf.concat([room * tf.random.stateless_uniform([2], of_place), box], 0), tf.int32)


def window(shape: tf.Tensor, seed: tf.Tensor, least: float, most: float) -> tf.Tensor:
    """A square anywhere whose side is a fraction of the image's short side, drawn evenly from ``least`` to ``most``.

    224 pixels out of an image whose short side has 256 are 0.875 of it (Krizhevsky et al. 2012, section 4.1); out of
    256 to 512, 0.4375 to 0.875 (Simonyan & Zisserman 2014, section 3.1, where the side and not the fraction is even).
    Shape in, box out as in :func:`crop`.
    """
    of_fraction, of_place = tf.unstack(tf.random.split(seed, 2))
    shape = tf.cast(shape, tf.float32)
    fraction = tf.random.stateless_uniform([], of_fraction, least, most)
    side = tf.maximum(1.0, tf.round(fraction * tf.reduce_min(shape)))
    corner = (shape - side + 1) * tf.random.stateless_uniform([2], of_place)
    return tf.cast(tf.concat([corner, [side, side]], 0), tf.int32)


def squash(image: tf.Tensor, preprocess: Preprocess, seed: tf.Tensor, fraction: float) -> Moved:
    """The whole image on a square, whatever its proportions, and a random part whose side is a ``fraction`` of it.

    (H, W, C) to (size, size, C). Kolesnikov et al. 2020, https://arxiv.org/abs/1912.11370, section 3.3: to 160 x 160
    pixels and 128 x 128 of these, a fraction of 0.8; to 512 x 512 and 480 x 480 of these, 0.9375.
    """
    side = round(preprocess.size / fraction)
    whole = resized(image, (side, side), preprocess)
    part, corner = randomly_cut(whole, (preprocess.size, preprocess.size, image.shape[-1]), seed)
    return part, resizing(tf.shape(image)[:2], (side, side), corner)


def randomly_cut(image: tf.Tensor, shape: Any, seed: tf.Tensor) -> Moved:
    """A part of this shape, as ``tf.image.stateless_random_crop`` cuts it, and its top and left, (2,) int32."""
    room = tf.shape(image) - shape + 1
    corner = tf.random.stateless_uniform([3], seed, maxval=tf.int32.max, dtype=tf.int32) % room
    return tf.ensure_shape(tf.slice(image, corner, shape), (None, None, image.shape[-1])), corner[:2]


def shift(image: tf.Tensor, seed: tf.Tensor, pixels: int) -> Moved:
    """Moved by up to so many pixels along each side; black where nothing was. (H, W, C) to (H, W, C).

    "4 pixels are padded on each side, and a crop is sampled": He et al. 2015, section 4.2, for CIFAR.
    """
    return cut_of_padded(image, seed, pixels, "CONSTANT")


def shift_mirror(image: tf.Tensor, seed: tf.Tensor, pixels: int) -> Moved:
    """As :func:`shift`, with the image's mirror image where nothing was: Zagoruyko & Komodakis 2016, section 3."""
    return cut_of_padded(image, seed, pixels, "REFLECT")


def cut_of_padded(image: tf.Tensor, seed: tf.Tensor, pixels: int, mode: Literal["CONSTANT", "REFLECT"]) -> Moved:
    padded = tf.pad(image, [[pixels, pixels], [pixels, pixels], [0, 0]], mode)
    part, corner = randomly_cut(padded, tf.shape(image), seed)
    top, left = tf.unstack(tf.cast(corner - pixels, tf.float32))
    return tf.ensure_shape(part, image.shape), row(1, 0, left, 0, 1, top)


def flip(image: tf.Tensor, seed: tf.Tensor) -> Moved:
    """Left and right exchanged, every second time."""
    mirror = row(-1, 0, tf.shape(image)[1], 0, 1, 0)
    return tf.cond(
        tf.random.stateless_uniform([], seed) < 0.5,
        lambda: (tf.reverse(image, [1]), mirror),
        lambda: (image, row(*IDENTITY)),
    )


def affine(image: tf.Tensor, seed: tf.Tensor) -> Moved:
    """Turned by up to 10 degrees, scaled by 0.9 to 1.1 and shifted by up to a tenth. (H, W, C) to (H, W, C).

    For digits, letters and signs, whose meaning a flip would change. The border is repeated where nothing was.
    """
    height, width, _ = tf.unstack(tf.cast(tf.shape(image), tf.float32))
    angle, scale, down, right = tf.unstack(tf.random.stateless_uniform([4], seed, -1.0, 1.0))
    angle, scale = angle * math.radians(10), 1 + scale / 10
    cos, sin = tf.cos(angle) / scale, tf.sin(angle) / scale
    x, y = (width - 1) / 2, (height - 1) / 2  # the middle, which stays where it is before the shift
    a, b, c, d, e, f = (
        *(cos, -sin, x - cos * x + sin * y + right * width / 10),
        *(sin, cos, y - sin * x - cos * y + down * height / 10),
    )  # of points that are counted from the middle of the first pixel
    result = tf.raw_ops.ImageProjectiveTransformV3(
        images=image[None],
        transforms=[[a, b, c, d, e, f, 0.0, 0.0]],
        output_shape=tf.shape(image)[:2],
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="NEAREST",
    )
    return tf.ensure_shape(result[0], image.shape), row(a, b, c + (1 - a - b) / 2, d, e, f + (1 - d - e) / 2)


def rotated(image: tf.Tensor, degrees: tf.Tensor | float) -> Moved:
    """Turned about its middle, against the clock. (H, W, C) to (H, W, C)."""
    angle = -math.pi / 180 * degrees
    cos, sin = tf.cos(angle), tf.sin(angle)
    y, x = tf.unstack(tf.cast(tf.shape(image)[:2], tf.float32) / 2)
    return moved(image, cos, sin, x - cos * x - sin * y, -sin, cos, y + sin * x - cos * y)


def pushed(image: tf.Tensor, axis: int, pixels: tf.Tensor | float) -> Moved:
    """Pushed up (``axis`` 0) or left (1) by the nearest whole number of pixels; ``GREY`` where nothing is."""
    shape = sides(image)
    whole = tf.clip_by_value(tf.cast(tf.floor(pixels + 0.5), tf.int32), -shape[axis], shape[axis])
    before, after = tf.maximum(-whole, 0), tf.maximum(whole, 0)
    kept = image[after : shape[0] - before] if axis == 0 else image[:, after : shape[1] - before]
    grey = tf.cast(GREY, image.dtype)
    ends = [tf.fill([*shape[:axis], count, *shape[axis + 1 :]], grey) for count in (before, after)]
    result = tf.ensure_shape(tf.concat([ends[0], kept, ends[1]], axis), image.shape)
    return result, row(1, 0, 0, 0, 1, whole) if axis == 0 else row(1, 0, whole, 0, 1, 0)


def moved(image: tf.Tensor, *numbers: Any) -> Moved:
    """Each pixel the one in which the affine of these numbers says it is; ``GREY`` where nothing is."""
    return tf.ensure_shape(warped(image, numbers, sides(image)[:2], GREY), image.shape), row(*numbers)
