"""From the bytes of one image to what a network sees: the same steps in training, evaluation and prediction."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from kerascnn.data.headers import is_webp, orientation, still
from kerascnn.data.transforms.affine import resizing
from kerascnn.spec import Preprocess


def decode(contents: bytes | tf.Tensor, bits: int = 16) -> tf.Tensor:
    """The pixels of a JPEG, PNG, BMP, GIF or WebP file, (H, W, 3) uint8, the way up that its EXIF data says.

    Grey becomes three equal channels, a palette its colours, CMYK red, green and blue; alpha is dropped, and of a film
    its first picture counts, all as Pillow does it. Of 16 bits the upper eight count, or, where the numbers have only
    ``bits``, the upper eight of these; Pillow does so with colour, and sets greys above 255 to 255.
    One decoder for every file, whatever the network wants: a file that passes the check at the start decodes later.
    """
    turned, webp = header(contents)

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
    return upright(tf.ensure_shape(image, (None, None, 3)), turned)


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


def part_of(source: tf.Tensor, cut: Callable[[tf.Tensor], tf.Tensor], bits: int = 16) -> tf.Tensor:
    """What ``opened`` gives, within the box that ``cut`` makes of its height and width; of a JPEG, no more is decoded.

    The box holds top, left, height and width, (4,) int32.
    """

    def of_jpeg():
        turned = header(source)[0]
        shape = shape_of_jpeg(source, turned)
        box = cut(shape)
        shape, box = tf.cond(turned == 1, lambda: (shape, box), lambda: as_stored(shape, box, turned))
        # Two pixels more on every side: colour that is stored at half the size is smoothed across them.
        first, last = tf.maximum(box[:2] - 2, 0), tf.minimum(box[:2] + box[2:] + 2, shape)
        image = tf.image.decode_and_crop_jpeg(source, tf.concat([first, last - first], 0), channels=3)
        return upright(within(image, tf.concat([box[:2] - first, box[2:]], 0)), turned)

    def of_any():
        image = opened(source, bits)
        return within(image, cut(tf.shape(image)[:2]))

    return tf.cond(tf.io.is_jpeg(source), of_jpeg, of_any) if source.dtype == tf.string else of_any()


def as_stored(shape: tf.Tensor, box: tf.Tensor, turned: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Height and width of an image that is shown, and a box in it, in the file, whose orientation is ``turned``."""
    corner = tf.where(reversed_order(turned), shape - box[:2] - box[2:], box[:2])
    return exchanged(shape, turned), tf.concat([exchanged(corner, turned), exchanged(box[2:], turned)], 0)


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
