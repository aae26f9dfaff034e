"""From the bytes of one image to what a network sees: the same steps in training, evaluation and prediction."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import tensorflow as tf

from kerascnn.data.headers import is_webp, orientation, still
from kerascnn.data.transforms.affine import resizing
from kerascnn.spec import Preprocess

POWERS = (0, 0, 1, 1, 2, 2, 2, 2, 3)  # of 2, by which that is divided which is so many times too large, or more
# By orientation, which come first in a file of a box's sides: top, left, below it, right of it, height and width.
SIDES = (
    *((0, 1, 4, 5), (0, 1, 4, 5), (0, 3, 4, 5), (2, 3, 4, 5), (2, 1, 4, 5)),
    *((1, 0, 5, 4), (3, 0, 5, 4), (3, 2, 5, 4), (1, 2, 5, 4)),
)
TURNED_BACK = (1, 1, 2, 3, 4, 5, 8, 7, 6)  # the orientation that undoes one


def decode(contents: bytes | tf.Tensor, bits: int = 16) -> tf.Tensor:
    """The pixels of a JPEG, PNG, BMP, GIF or WebP file, (H, W, 3) uint8, the way up that its EXIF data says.

    Grey becomes three equal channels, a palette its colours, CMYK red, green and blue; alpha is dropped, and of a film
    its first picture counts, all as Pillow does it. Of 16 bits the upper eight count, or, where the numbers have only
    ``bits``, the upper eight of these; Pillow does so with colour, and sets greys above 255 to 255.
    One decoder for every file, whatever the network wants: a file that passes the check at the start decodes later.
    """
    turned, webp = header(contents)
    return upright(stored(contents, webp, bits), turned)


def stored(contents: bytes | tf.Tensor, webp: tf.Tensor, bits: int) -> tf.Tensor:
    """The pixels of a file as ``decode`` gives them, but as they are stored; ``webp`` is of its ``header``."""

    def eight_bits():
        return tf.cond(
            webp == b"",
            lambda: tf.io.decode_image(contents, channels=3, expand_animations=False),
            lambda: tf.io.decode_image(webp, expand_animations=False)[..., :3],  # which refuses to drop alpha itself
        )

    def of_sixteen():
        numbers = tf.cast(tf.io.decode_png(contents, channels=3, dtype=tf.uint16), tf.int32)
        return tf.cast(tf.minimum(numbers // 2 ** (bits - 8), 255), tf.uint8)

    image = eight_bits() if bits == 16 else tf.cond(has_sixteen(contents), of_sixteen, eight_bits)
    return tf.ensure_shape(image, (None, None, 3))


def has_sixteen(contents: bytes | tf.Tensor) -> tf.Tensor:
    """Whether a file is a PNG of 16 bits, () bool."""
    return tf.strings.regex_full_match(tf.strings.substr(contents, 0, 25), r"(?s)\CPNG\C{20}\x10")


def header(contents: bytes | tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """What :mod:`kerascnn.data.headers` reads of a file: its orientation, () int32, and its WebP picture, () string.

    The latter is empty for any other file. Raises ``tf.errors.InvalidArgumentError`` for a film that is not read.
    """

    def of(file):
        return np.int32(orientation(file)), np.array(still(file) if is_webp(file) else b"", object)

    if not isinstance(contents, bytes) and tf.is_symbolic_tensor(contents):
        turned, webp = tf.cond(
            says_more(contents),
            lambda: tf.numpy_function(of, [contents], (tf.int32, tf.string), stateful=False),
            lambda: [tf.constant(1), tf.constant(b"")],
        )
        return tf.ensure_shape(turned, ()), tf.ensure_shape(webp, ())
    try:
        turned, webp = of(contents if isinstance(contents, bytes) else contents.numpy())
    except ValueError as error:  # as it comes out of a graph
        raise tf.errors.InvalidArgumentError(None, None, str(error)) from error
    return tf.constant(turned), tf.constant(webp.item())


def says_more(contents: tf.Tensor) -> tf.Tensor:
    """Whether a file may have EXIF data or be WebP: to look for them in Python takes a tenth of the time of decoding.

    Of a JPEG nothing more is said when its tables come first, or right after the 18 bytes of its usual beginning.
    """

    def jpeg():
        return tf.reduce_all([tf.strings.substr(contents, place, 2) != b"\xff\xdb" for place in (2, 20)])

    return tf.cond(
        tf.io.is_jpeg(contents), jpeg, lambda: tf.strings.regex_full_match(contents, r"(?s)RIFF\C*|\C*eXIf\C*")
    )


def upright(image: tf.Tensor, turned: tf.Tensor) -> tf.Tensor:
    """Stored pixels, (H, W, C), as an EXIF orientation says that they are shown."""

    def shown():
        swapped = tf.cond(turned >= 5, lambda: tf.transpose(image, (1, 0, 2)), lambda: image)
        return tf.raw_ops.Reverse(tensor=swapped, dims=tf.stack([*reversed_order(turned), False]))

    return tf.ensure_shape(tf.cond(turned == 1, lambda: image, shown), (None, None, image.shape[-1]))


def reversed_order(turned: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Whether an orientation turns the order of rows round, and of columns; the latter after an exchange of the two."""
    return tf.reduce_any(turned == (3, 4, 7, 8)), tf.reduce_any(turned == (2, 3, 6, 7))


def exchanged(pair: tf.Tensor, turned: tf.Tensor) -> tf.Tensor:
    """Height and width, or what else goes down and across, the other way round where an orientation exchanges them."""
    return tf.where(turned >= 5, pair[::-1], pair)


def shape_of(source: tf.Tensor) -> tuple[int, int]:
    """Height and width of a file as it is shown, or of pixels; a JPEG is not decoded for it."""
    in_jpeg = source.dtype == tf.string and tf.io.is_jpeg(source)
    shape = shape_of_jpeg(source, header(source)[0]) if in_jpeg else tf.shape(opened(source))
    return int(shape[0]), int(shape[1])


def shape_of_jpeg(contents: tf.Tensor, turned: tf.Tensor) -> tf.Tensor:
    """Height and width of what a JPEG shows, (2,) int32."""
    return exchanged(tf.image.extract_jpeg_shape(contents)[:2], turned)


def opened(source: tf.Tensor, bits: int = 16) -> tf.Tensor:
    """Pixels, (H, W, C) uint8, of which ``source`` holds either the file, as ``decode`` reads it, or themselves."""
    return decode(source, bits) if source.dtype == tf.string else source


def part_of(
    source: tf.Tensor, cut: Callable[[tf.Tensor], tf.Tensor], bits: int = 16, least: int = 0
) -> tuple[tf.Tensor, tf.Tensor]:
    """What ``opened`` gives, within the box that ``cut`` makes of its height and width, and that box.

    A box holds top, left, height and width, (4,) int32. Of a JPEG no more is decoded than the box; and with ``least``,
    only at a half, a quarter or an eighth of its size, the smallest at which both sides have ``least`` pixels still.
    Then the box becomes the next of whole such pixels. What a decoder leaves out there are the high frequencies of each
    block, so that nothing is aliased.

    One graph for all kinds of files, in which each thing is done once: a millisecond is a thousand of its operations.
    """
    if source.dtype != tf.string:
        box = cut(tf.shape(source)[:2])
        return within(source, box), box
    turned, webp = header(source)
    is_jpeg = tf.io.is_jpeg(source)

    def of_any():
        pixels = stored(source, webp, bits)
        return pixels, tf.shape(pixels)[:2]

    no_pixels = tf.zeros((0, 0, 3), tf.uint8)
    whole, shape = tf.cond(is_jpeg, lambda: (no_pixels, tf.image.extract_jpeg_shape(source)[:2]), of_any)
    box = as_stored(shown := exchanged(shape, turned), cut(shown), turned)
    power = tf.gather(POWERS, tf.minimum(tf.reduce_min(box[2:]) // least, 8)) if least else 0
    power = tf.where(is_jpeg, power, 0)
    times = tf.bitwise.left_shift(1, power)
    box //= times
    # Two pixels more on every side: colour that is stored at half the size is smoothed across them.
    first, last = tf.maximum(box[:2] - 2, 0), tf.minimum(box[:2] + box[2:] + 2, shape // times)
    window = tf.concat([first, last - first], 0)
    decoders = [
        partial(tf.image.decode_and_crop_jpeg, source, window, channels=3, ratio=ratio) for ratio in (1, 2, 4, 8)
    ]
    image = tf.switch_case(tf.where(is_jpeg, power, 4), [*decoders, lambda: within(whole, window)])
    image = within(image, tf.concat([box[:2] - first, box[2:]], 0))
    return upright(image, turned), as_stored(shape, times * box, tf.gather(TURNED_BACK, turned))


def as_stored(shape: tf.Tensor, box: tf.Tensor, turned: tf.Tensor) -> tf.Tensor:
    """A box, of an image that is shown in height and width ``shape``, in its file, whose orientation is ``turned``."""
    (height, width), (top, left, tall, wide) = tf.unstack(shape), tf.unstack(box)
    sides = tf.stack([top, left, height - top - tall, width - left - wide, tall, wide])
    return tf.gather(sides, tf.gather(SIDES, turned))


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
    """(H, W, C) to (*size, C) float32; when it shrinks, every source pixel counts, as in Pillow.

    To the bit what ``tf.image.resize`` gives, which changes the rows first and then the columns, pixel by pixel. Here
    both are rows, of which whole ones are added up: it takes a third of the time.
    """
    rows = tf.reshape(rows_resized(image, size[0], preprocess), (size[0], tf.shape(image)[1], image.shape[-1]))
    columns = rows_resized(tf.transpose(rows, (1, 0, 2)), size[1], preprocess)
    return tf.transpose(tf.reshape(columns, (size[1], size[0], image.shape[-1])), (1, 0, 2))


def rows_resized(image: tf.Tensor, count, preprocess: Preprocess) -> tf.Tensor:
    """(H, W, C) to (count, 1, W * C) float32."""
    rows = tf.reshape(image, (tf.shape(image)[0], 1, -1))
    return tf.cast(tf.image.resize(rows, (count, 1), preprocess.interpolation, antialias=True), tf.float32)


def stretched(image: tf.Tensor, preprocess: Preprocess, shape: tf.Tensor | None = None) -> tuple[tf.Tensor, tf.Tensor]:
    """The whole image on ``size`` x ``size`` pixels, whatever its proportions, and the affine of that.

    ``shape`` is height and width of the source, where the image shows it smaller.
    """
    size = (preprocess.size, preprocess.size)
    return resized(image, size, preprocess), resizing(tf.shape(image)[:2] if shape is None else shape, size)


def centred(image: tf.Tensor, preprocess: Preprocess) -> tuple[tf.Tensor, tf.Tensor]:
    """The short side on ``round(size / crop)`` pixels, then the ``size`` x ``size`` in the middle; and their affine."""
    shape = tf.shape(image)[:2]
    scaled = round(preprocess.size / preprocess.crop) * shape // tf.reduce_min(shape)
    corner = tf.cast(tf.round((scaled - preprocess.size) / 2), tf.int32)
    part = within(resized(image, scaled, preprocess), tf.concat([corner, [preprocess.size, preprocess.size]], 0))
    return part, resizing(shape, scaled, corner)


def normalised(image: tf.Tensor, preprocess: Preprocess) -> tf.Tensor:
    """Pixels of 0..255, (..., W, C), as the network wants them.

    In lines of W * C numbers, from which as many are taken off: a fifth of the time of one number for each channel.
    """
    width: Any = image.shape[-2]
    lines = tf.reshape(image, (-1, width * len(preprocess.mean)))
    mean, std = (np.tile(np.asarray(each, np.float32), width) for each in (preprocess.mean, preprocess.std))
    return tf.reshape((lines / 255 - mean) / std, tf.shape(image))


def denormalised(image: np.ndarray, preprocess: Preprocess) -> np.ndarray:
    """What a network sees as pixels again, (H, W, C) uint8."""
    return np.clip(np.round(255 * (image * preprocess.std + preprocess.mean)), 0, 255).astype(np.uint8)
