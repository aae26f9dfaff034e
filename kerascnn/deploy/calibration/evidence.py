"""What images show of how they were made: scaling, layout, sharpness, colours. All are arrays (N, H, W, C)."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from kerascnn.spec import Preprocess

IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
OVERSHOOT = 0.25  # how far bicubic resizing may leave the range of pixels, in pixels of 0..1; it reaches 0.2 at most
SPAN = 0.02  # of all pixels of a set, as a fraction of their range: photographs have more contrast, but those of nights


@dataclass(frozen=True)
class Form:
    """How values are made of pixels of 0..1, in every channel: ``(pixel - mean) / std``."""

    said: str
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def pixels(self, values: np.ndarray) -> np.ndarray:
        """The pixels that values, (..., C), were made of."""
        return values * np.array(self.std, np.float32) + np.array(self.mean, np.float32)

    def values(self, pixels: np.ndarray) -> np.ndarray:
        """What pixels, (..., C), become."""
        return (pixels - np.array(self.mean, np.float32)) / np.array(self.std, np.float32)

    def misfit(self, ends: np.ndarray) -> float:
        """How far a set is from filling the range of pixels, 0..1: both gaps, as a mean over the channels."""
        low, high = self.pixels(ends)
        return float(np.mean(np.abs(low) + np.abs(1 - high)))

    def exact(self, values: np.ndarray) -> bool:
        """Whether the least and the largest value of every channel are those of a black and of a white pixel."""
        axes = tuple(range(values.ndim - 1))
        extremes = self.pixels(np.stack([values.min(axis=axes), values.max(axis=axes)]))
        return bool(np.allclose(extremes, [[0.0], [1.0]], atol=1e-5))


def contract(preprocess: Preprocess) -> Form:
    """The form that a network asks for."""
    mean, std = (", ".join(f"{v:.4g}" for v in numbers) for numbers in (preprocess.mean, preprocess.std))
    return Form(f"pixels / 255, less mean ({mean}), by std ({std})", preprocess.mean, preprocess.std)


def usual_forms(channels: int) -> list[Form]:
    """The forms that networks of the field ask for."""

    def grey(value: float) -> tuple[float, ...]:
        return (value,) * channels

    forms = [
        Form("raw pixels of 0..255, which nothing normalised", grey(0.0), grey(1 / 255)),
        Form("pixels of 0..1, divided by 255 and no more", grey(0.0), grey(1.0)),
        Form("pixels scaled to -1..1", grey(0.5), grey(0.5)),
    ]
    if channels == 3:
        forms += [
            Form("pixels normalised by ImageNet's mean and std", *IMAGENET),
            Form("pixels of 0..255 less ImageNet's mean", IMAGENET[0], (1 / 255,) * 3),
        ]
    return forms


def wrong_forms(right: Form) -> list[Form]:
    """What is fed by mistake to a network that asks for ``right``: other forms, and steps made twice or left out."""
    mean, std = np.array(right.mean), np.array(right.std)

    def form(said: str, mean: np.ndarray, std: np.ndarray) -> Form:
        return Form(said, tuple(mean.tolist()), tuple(std.tolist()))

    forms = [
        *usual_forms(len(mean)),
        form("pixels divided by 255 twice", 0 * mean, 255 + 0 * std),
        form("pixels divided by 255 twice, then normalised", 255 * mean, 255 * std),
        form("pixels of 0..255, normalised as if they were of 0..1", mean / 255, std / 255),
        form("pixels normalised twice", mean + std * mean, std**2),
    ]
    # Of a mean of a half some say 127.5 of 255, others 128 of 255: no set of images tells these apart.
    return [f for f in forms if not (np.allclose(f.mean, mean, atol=0.01) and np.allclose(f.std, std, rtol=0.01))]


def ends(values: np.ndarray) -> np.ndarray:
    """(2, C): of each channel a low and a high value, beyond which a thousandth of a set lies."""
    return np.quantile(values.reshape(-1, values.shape[-1]), [0.001, 0.999], axis=0)


def contrast(images: np.ndarray) -> np.ndarray:
    """(N,) distance of the least from the largest value, in the channel of each image where it is largest."""
    return np.ptp(images, axis=(1, 2)).max(axis=-1)


def smoothness(images: np.ndarray) -> np.ndarray:
    """(N,) correlation of neighbouring pixels: near 1 in photographs, 0 in noise."""
    centred = images - images.mean(axis=(1, 2), keepdims=True)
    energy = np.mean(centred**2, axis=(1, 2, 3))
    along = [
        np.mean(centred[:, 1:] * centred[:, :-1], axis=(1, 2, 3)),
        np.mean(centred[:, :, 1:] * centred[:, :, :-1], axis=(1, 2, 3)),
    ]
    return np.mean(along, axis=0) / np.maximum(energy, 1e-12)


def planes_read_as_pixels(images: np.ndarray) -> bool:
    """Whether these are (C, H, W) images that were reshaped, and not transposed, to (H, W, C).

    Undoing that makes such images smoother, and their channels alike; it makes true ones rougher, and of their upper,
    middle and lower thirds it makes channels that have little in common.
    """
    count, height, width, channels = images.shape
    if channels == 1:
        return False
    undone = np.moveaxis(images.reshape(count, channels, height, width), 1, -1)
    roughness = [np.maximum(1 - smoothness(each), 1e-9) for each in (undone, images)]
    return bool(np.median(roughness[0] / roughness[1]) < 0.75 and np.median(likeness(undone)) > 0.4)


def likeness(images: np.ndarray) -> np.ndarray:
    """(N,) mean correlation of the first channel with the others."""
    planes = images.reshape(len(images), -1, images.shape[-1])
    planes = planes - planes.mean(axis=1, keepdims=True)
    planes = planes / np.maximum(np.linalg.norm(planes, axis=1, keepdims=True), 1e-12)
    return np.mean(np.sum(planes[..., :1] * planes[..., 1:], axis=1), axis=-1)


def sharpness(images: np.ndarray) -> np.ndarray:
    """(N,) logarithm of the fraction of an image's energy that a blur over 2 x 2 pixels takes."""
    height, width = (side // 2 * 2 for side in images.shape[1:3])
    even = images[:, :height, :width]
    squares = even.reshape(len(images), height // 2, 2, width // 2, 2, -1)
    fine = np.mean((squares - squares.mean(axis=(2, 4), keepdims=True)) ** 2, axis=(1, 2, 3, 4, 5))
    return np.log(np.maximum(fine / np.maximum(even.var(axis=(1, 2, 3)), 1e-12), 1e-12))


def enlarged(images: np.ndarray) -> int:
    """How many times larger these images are than what they show, in powers of 2, as a median: 1 of sharp ones.

    The squares of pixels that hold less than 4/1000 of an image's energy within them are doubled until they do not.
    """
    times = 1
    while min(images.shape[1:3]) >= 4 and np.median(np.exp(sharpness(images))) < 4e-3:
        height, width = (side // 2 * 2 for side in images.shape[1:3])
        squares = images[:, :height, :width].reshape(len(images), height // 2, 2, width // 2, 2, -1)
        images, times = squares.mean(axis=(2, 4)), 2 * times
    return times


def repeated(images: np.ndarray) -> float:
    """Fraction of neighbouring columns that are equal in every image, as where pixels were repeated to fill a size."""
    return float(1 - np.any(np.diff(images, axis=2) != 0, axis=(0, 1, 3)).mean())


def slant(images: np.ndarray) -> np.ndarray:
    """(N,) logarithm of how much more changes along rows than along columns; squashing moves it."""
    across = np.mean(np.diff(images, axis=2) ** 2, axis=(1, 2, 3))
    down = np.mean(np.diff(images, axis=1) ** 2, axis=(1, 2, 3))
    return np.log(np.maximum(across, 1e-12) / np.maximum(down, 1e-12))


def warmth(pixels: np.ndarray) -> np.ndarray:
    """(N, 2) red less blue, of the upper and of the lower half of each image. Pixels are of 0..1."""
    difference = pixels[..., 0] - pixels[..., -1]
    half = pixels.shape[1] // 2
    return np.stack([difference[:, :half].mean(axis=(1, 2)), difference[:, half:].mean(axis=(1, 2))], axis=1)


def earthy(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(N,) shares of the lower half of each image whose hue is between red and yellow, and between blue and cyan.

    Earth, wood, skin and most of what is lit by the sun are of the first kind; blue and red exchanged, of the second.
    """
    ground = pixels[:, pixels.shape[1] // 2 :]
    red, green, blue = ground[..., 0], ground[..., 1], ground[..., 2]
    warm = (red > green + 0.02) & (green > blue + 0.02)
    cold = (blue > green + 0.02) & (green > red + 0.02)
    return warm.mean(axis=(1, 2)), cold.mean(axis=(1, 2))


def spread(images: np.ndarray) -> float:
    """Variance of a set round its mean image, seen on 4 x 4 pixels."""
    rows, columns = (np.array_split(np.arange(side), 4) for side in images.shape[1:3])
    seen = [images[:, r][:, :, c].mean(axis=(1, 2)) for r in rows for c in columns if len(r) and len(c)]
    return float(np.stack(seen, axis=1).var(axis=0).sum())


def draws(images: np.ndarray, count: int, times: int = 40) -> Iterator[np.ndarray]:
    """Sets of ``count`` images, drawn at random; always the same ones."""
    random = np.random.default_rng(0)
    for _ in range(times):
        yield images[random.integers(0, len(images), count)]
