"""Random changes of one image, as functions of the image and of two integers: same integers, same change.

They come in two tables, because they happen at two places. A cut decides which part of the source is seen; what it
gives is stretched to the network's size, in the place of evaluation's resize and centre crop. A change is made to
pixels that have the network's size already.
"""

import math
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from kerascnn.errors import suggest

if TYPE_CHECKING:
    import tensorflow as tf

Augmentation = Callable[["tf.Tensor", "tf.Tensor"], "tf.Tensor"]


def crop(image, seed):
    """A random part: 8 to 100 % of the area, 3/4 to 4/3 wide for its height. (H, W, C) to (h, w, C).

    Szegedy et al. 2014, https://arxiv.org/abs/1409.4842, section 6. The area is drawn evenly, the proportion evenly in
    its logarithm. Ten draws are made and the first that fits into the image is taken, else the largest part that has
    an allowed proportion.
    """
    import tensorflow as tf

    of_area, of_ratio, of_place = tf.unstack(tf.random.split(seed, 3))
    height, width = (tf.cast(side, tf.float32) for side in tf.unstack(tf.shape(image)[:2]))
    area = height * width * tf.random.stateless_uniform([10], of_area, 0.08, 1.0)
    bound = math.log(4 / 3)
    ratio = tf.exp(tf.random.stateless_uniform([10], of_ratio, -bound, bound))
    nearest = tf.clip_by_value(width / height, 3 / 4, 4 / 3)
    last = tf.floor([tf.minimum(height, width / nearest), tf.minimum(width, height * nearest)])
    tall = tf.maximum(1.0, tf.concat([tf.round(tf.sqrt(area / ratio)), last[:1]], 0))
    wide = tf.maximum(1.0, tf.concat([tf.round(tf.sqrt(area * ratio)), last[1:]], 0))
    first = tf.argmax(tf.cast((tall <= height) & (wide <= width), tf.int32))
    box = tf.stack([tall[first], wide[first]])
    room = [height, width] - box + 1
    top, left = tf.unstack(tf.cast(room * tf.random.stateless_uniform([2], of_place), tf.int32))
    tall, wide = tf.unstack(tf.cast(box, tf.int32))
    return image[top : top + tall, left : left + wide]


def flip(image, seed):
    """Left and right exchanged, every second time."""
    import tensorflow as tf

    return tf.image.stateless_random_flip_left_right(image, seed)


def affine(image, seed):
    """Turned by up to 10 degrees, scaled by 0.9 to 1.1 and shifted by up to a tenth. (H, W, C) to (H, W, C).

    For digits, letters and signs, whose meaning a flip would change. The border is repeated where nothing was.
    """
    import tensorflow as tf

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


CUTS: dict[str, Augmentation] = {"crop": crop}
CHANGES: dict[str, Augmentation] = {"flip": flip, "affine": affine}
AUGMENTATIONS = CUTS | CHANGES


def check(names: Iterable[str]) -> None:
    """Refuse a list of augmentations that cannot be followed.

    Raises
    ------
    ValueError
        When a name is unknown, or two of them cut.
    """
    names = tuple(names)
    for name in names:
        if name not in AUGMENTATIONS:
            raise ValueError(f"There is no augmentation {name!r}. {suggest(name, AUGMENTATIONS)}")
    if len(cuts := [name for name in names if name in CUTS]) > 1:
        raise ValueError(f"Only one augmentation can decide which part of an image is seen, not {' and '.join(cuts)}.")
