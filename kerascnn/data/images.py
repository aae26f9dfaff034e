"""From the bytes of one image to what a network sees: the same steps in training, evaluation and prediction."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from kerascnn.data.transforms.affine import resizing
from kerascnn.spec import Preprocess


def decode(contents: bytes | tf.Tensor) -> tf.Tensor:
    """The pixels of a JPEG, PNG, BMP, GIF or WebP file, (H, W, 3) uint8.

    Grey becomes three equal channels, a palette its colours, CMYK red, green and blue; alpha is dropped, of 16 bits the
    upper eight count, and of a film its first picture, all as Pillow does it.
    One decoder for every file, whatever the network wants: a file that passes the check at the start decodes later.
    An orientation noted in a photo's EXIF data is not followed, in training as in prediction.
    """
    image = tf.io.decode_image(contents, channels=3, expand_animations=False)
    return tf.ensure_shape(image, (None, None, 3))


def shape_of(source: tf.Tensor) -> tuple[int, int]:
    """Height and width of a file or of pixels; a JPEG is not decoded for it."""
    in_jpeg = source.dtype == tf.string and tf.io.is_jpeg(source)
    shape = tf.image.extract_jpeg_shape(source) if in_jpeg else tf.shape(opened(source))
    return int(shape[0]), int(shape[1])


def opened(source: tf.Tensor) -> tf.Tensor:
    """Pixels, (H, W, C) uint8, of which ``source`` holds either the file or themselves."""
    return decode(source) if source.dtype == tf.string else source


def part_of(source: tf.Tensor, cut: Callable[[tf.Tensor], tf.Tensor]) -> tf.Tensor:
    """What ``opened`` gives, within the box that ``cut`` makes of its height and width; of a JPEG, no more is decoded.

    The box holds top, left, height and width, (4,) int32.
    """

    def of_jpeg():
        shape = tf.image.extract_jpeg_shape(source)[:2]
        box = cut(shape)
        # Two pixels more on every side: colour that is stored at half the size is smoothed across them.
        first, last = tf.maximum(box[:2] - 2, 0), tf.minimum(box[:2] + box[2:] + 2, shape)
        image = tf.image.decode_and_crop_jpeg(source, tf.concat([first, last - first], 0), channels=3)
        return within(image, tf.concat([box[:2] - first, box[2:]], 0))

    def of_any():
        image = opened(source)
        return within(image, cut(tf.shape(image)[:2]))

    return tf.cond(tf.io.is_jpeg(source), of_jpeg, of_any) if source.dtype == tf.string else of_any()


def within(image: tf.Tensor, box: tf.Tensor) -> tf.Tensor:
    """The pixels of a box of top, left, height and width."""
    top, left, tall, wide = tf.unstack(box)
    return image[top : top + tall, left : left + wide]


def with_channels(image: tf.Tensor, channels: int) -> tf.Tensor:
    """(H, W, 1 or 3) to (H, W, channels); colour becomes grey by luma, grey becomes three equal channels."""
    if image.shape[-1] == channels:
        return image
    if (image.shape[-1], channels) == (1, 3):
        return tf.image.grayscale_to_rgb(image)
    if (image.shape[-1], channels) == (3, 1):
        return tf.image.rgb_to_grayscale(image)
    raise ValueError(f"An image of {image.shape[-1]} channels cannot become one of {channels}: 1 and 3 are known.")


def resized(image: tf.Tensor, size, preprocess: Preprocess) -> tf.Tensor:
    """(H, W, C) to (*size, C) float32; when it shrinks, every source pixel counts, as in Pillow."""
    return tf.cast(tf.image.resize(image, size, preprocess.interpolation, antialias=True), tf.float32)


def stretched(image: tf.Tensor, preprocess: Preprocess) -> tuple[tf.Tensor, tf.Tensor]:
    """The whole image on ``size`` x ``size`` pixels, whatever its proportions, and the affine of that."""
    size = (preprocess.size, preprocess.size)
    return resized(image, size, preprocess), resizing(tf.shape(image)[:2], size)


def centred(image: tf.Tensor, preprocess: Preprocess) -> tuple[tf.Tensor, tf.Tensor]:
    """The short side on ``round(size / crop)`` pixels, then the ``size`` x ``size`` in the middle; and their affine."""
    shape = tf.shape(image)[:2]
    scaled = round(preprocess.size / preprocess.crop) * shape // tf.reduce_min(shape)
    corner = tf.cast(tf.round((scaled - preprocess.size) / 2), tf.int32)
    part = within(resized(image, scaled, preprocess), tf.concat([corner, [preprocess.size, preprocess.size]], 0))
    return part, resizing(shape, scaled, corner)


def normalised(image: tf.Tensor, preprocess: Preprocess) -> tf.Tensor:
    """Pixels of 0..255 as the network wants them."""
    return (image / 255 - preprocess.mean) / preprocess.std


def denormalised(image: np.ndarray, preprocess: Preprocess) -> np.ndarray:
    """What a network sees as pixels again, (H, W, C) uint8."""
    return np.clip(np.round(255 * (image * preprocess.std + preprocess.mean)), 0, 255).astype(np.uint8)
