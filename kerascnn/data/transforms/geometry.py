"""Which part of an image is seen, and where in the image a pixel comes from."""

import math
from typing import Literal

import tensorflow as tf

from kerascnn.data.images import resized
from kerascnn.spec import Preprocess

GREY = 128.0  # what the policies' moves uncover, as in the code of AutoAugment's authors


def crop(shape: tf.Tensor, seed: tf.Tensor, least: float) -> tf.Tensor:
    """A random part: ``least`` to all of the area, 3/4 to 4/3 wide for its height.

    Szegedy et al. 2014, https://arxiv.org/abs/1409.4842, section 6. The area is drawn evenly, the proportion evenly in
    its logarithm. Ten draws are made and the first that fits into the image is taken, else the largest part that has
    an allowed proportion.

    Parameters
    ----------
    shape
        Height and width of the image, (2,) int32.
    seed
        Two integers.
    least
        A share; 0.08 in the paper.

    Returns
    -------
    tf.Tensor
        Top, left, height and width of the part, (4,) int32.
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
    """A square anywhere whose side is a share of the image's short side, drawn evenly from ``least`` to ``most``.

    224 pixels out of an image whose short side has 256 are 0.875 of it (Krizhevsky et al. 2012, section 4.1); out of
    256 to 512, 0.4375 to 0.875 (Simonyan & Zisserman 2014, section 3.1, where the side and not the share is even).
    Shape and seed in, box out as in :func:`crop`.
    """
    of_share, of_place = tf.unstack(tf.random.split(seed, 2))
    shape = tf.cast(shape, tf.float32)
    share = tf.random.stateless_uniform([], of_share, least, most)
    side = tf.maximum(1.0, tf.round(share * tf.reduce_min(shape)))
    corner = (shape - side + 1) * tf.random.stateless_uniform([2], of_place)
    return tf.cast(tf.concat([corner, [side, side]], 0), tf.int32)


def squash(image: tf.Tensor, how: Preprocess, seed: tf.Tensor, share: float) -> tf.Tensor:
    """The whole image on a square, whatever its proportions, and a random part of that whose side is a ``share`` of it.

    (H, W, C) to (size, size, C). Kolesnikov et al. 2020, https://arxiv.org/abs/1912.11370, section 3.3: to 160 x 160
    pixels and 128 x 128 of these, a share of 0.8; to 512 x 512 and 480 x 480 of these, 0.9375.
    """
    side = round(how.size / share)
    whole = resized(image, (side, side), how)
    return tf.image.stateless_random_crop(whole, (how.size, how.size, image.shape[-1]), seed)


def shift(image: tf.Tensor, seed: tf.Tensor, pixels: int) -> tf.Tensor:
    """Moved by up to so many pixels along each side; black where nothing was. (H, W, C) to (H, W, C).

    "4 pixels are padded on each side, and a crop is sampled": He et al. 2015, section 4.2, for CIFAR.
    """
    return cut_of_padded(image, seed, pixels, "CONSTANT")


def shift_mirror(image: tf.Tensor, seed: tf.Tensor, pixels: int) -> tf.Tensor:
    """As :func:`shift`, with the image's mirror image where nothing was: Zagoruyko & Komodakis 2016, section 3."""
    return cut_of_padded(image, seed, pixels, "REFLECT")


def cut_of_padded(image: tf.Tensor, seed: tf.Tensor, pixels: int, mode: Literal["CONSTANT", "REFLECT"]) -> tf.Tensor:
    padded = tf.pad(image, [[pixels, pixels], [pixels, pixels], [0, 0]], mode)
    return tf.image.stateless_random_crop(padded, tf.shape(image), seed)


def flip(image: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Left and right exchanged, every second time."""
    return tf.image.stateless_random_flip_left_right(image, seed)


def affine(image: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Turned by up to 10 degrees, scaled by 0.9 to 1.1 and shifted by up to a tenth. (H, W, C) to (H, W, C).

    For digits, letters and signs, whose meaning a flip would change. The border is repeated where nothing was.
    """
    height, width, _ = tf.unstack(tf.cast(tf.shape(image), tf.float32))
    angle, scale, down, right = tf.unstack(tf.random.stateless_uniform([4], seed, -1.0, 1.0))
    angle, scale = angle * math.radians(10), 1 + scale / 10
    cos, sin = tf.cos(angle) / scale, tf.sin(angle) / scale
    x, y = (width - 1) / 2, (height - 1) / 2  # the middle, which stays where it is before the shift
    row = [cos, -sin, x - cos * x + sin * y + right * width / 10, sin, cos, y - sin * x - cos * y + down * height / 10]
    moved = tf.raw_ops.ImageProjectiveTransformV3(
        images=image[None],
        transforms=[[*row, 0.0, 0.0]],
        output_shape=tf.shape(image)[:2],
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="NEAREST",
    )
    return tf.ensure_shape(moved[0], image.shape)


def rotated(image: tf.Tensor, degrees: tf.Tensor | float) -> tf.Tensor:
    """Turned about its middle, against the clock. (H, W, C) to (H, W, C)."""
    angle = -math.pi / 180 * degrees
    cos, sin = tf.cos(angle), tf.sin(angle)
    y, x = tf.unstack(tf.cast(tf.shape(image)[:2], tf.float32) / 2)
    return moved(image, [cos, sin, x - cos * x - sin * y, -sin, cos, y + sin * x - cos * y])


def sheared_x(image: tf.Tensor, share: tf.Tensor | float) -> tf.Tensor:
    """Each row pushed left by ``share`` times its distance from the top."""
    return moved(image, [1.0, share, 0.0, 0.0, 1.0, 0.0])


def sheared_y(image: tf.Tensor, share: tf.Tensor | float) -> tf.Tensor:
    """Each column pushed up by ``share`` times its distance from the left."""
    return moved(image, [1.0, 0.0, 0.0, share, 1.0, 0.0])


def translated_x(image: tf.Tensor, pixels: tf.Tensor | float) -> tf.Tensor:
    """Pushed left by so many pixels."""
    return moved(image, [1.0, 0.0, pixels, 0.0, 1.0, 0.0])


def translated_y(image: tf.Tensor, pixels: tf.Tensor | float) -> tf.Tensor:
    """Pushed up by so many pixels."""
    return moved(image, [1.0, 0.0, 0.0, 0.0, 1.0, pixels])


def moved(image: tf.Tensor, row: list) -> tf.Tensor:
    """Each pixel (x, y) taken from (a x + b y + c, d x + e y + f), the nearest; ``GREY`` where nothing is.

    ``row`` holds a to f, and places are those of a pixel's middle, half a pixel from its edges: Pillow's
    ``Image.transform`` with ``AFFINE``. The kernel counts from the middle of the first pixel.
    """
    a, b, c, d, e, f = row
    transform = tf.stack([a, b, c + (a + b - 1) / 2, d, e, f + (d + e - 1) / 2, 0.0, 0.0])
    result = tf.raw_ops.ImageProjectiveTransformV3(
        images=image[None],
        transforms=transform[None],
        output_shape=tf.shape(image)[:2],
        fill_value=GREY,
        interpolation="NEAREST",
        fill_mode="CONSTANT",
    )
    return tf.ensure_shape(result[0], image.shape)
