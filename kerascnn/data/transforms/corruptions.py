"""ImageNet-C's fifteen corruptions, each in five severities, made when they are asked for.

Hendrycks & Dietterich 2019, https://arxiv.org/abs/1903.12261, with the constants that its authors published for
ImageNet, for images of 224 x 224 pixels. All map (H, W, C) uint8 to the same, C being 1 or 3.

Lengths are those of a side of 224 pixels and change with the side in proportion. An image of half that size or less is
enlarged by a whole number first, each pixel repeated, and averaged back, so that lengths below a pixel count. For CIFAR
the authors chose other, milder constants, so numbers at 32 pixels are not those of CIFAR-10-C.

What is not as the authors did it: frost, for want of their photographs, is a drawn texture of ice; the edge of the disk
that defocuses is smoothed by how much of a pixel it covers; results are rounded, and not stored as JPEG.
"""

import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from kerascnn.errors import need, suggest

SIDE = 224  # pixels that the published lengths are of
SEVERITIES = (1, 2, 3, 4, 5)


@dataclass(frozen=True)
class Corruption:
    """A line of the table.

    Its function maps values of 0 to 1, (H, W, C) float, to the same, given a source of randomness and the constants.
    """

    group: str  # "noise", "blur", "weather" or "digital", as in the paper's figure 1
    constants: tuple[tuple[float, ...], ...]  # what the function takes, for each severity
    function: Callable[..., np.ndarray]
    lengths: bool = (
        False  # whether it takes lengths: then it is told first how many pixels one of the published ones is
    )


def corrupt(image: np.ndarray, kind: str, severity: int, *, seed: int = 0, index: int = 0) -> np.ndarray:
    """The image with one corruption; the same for the same arguments, in whatever order or company.

    Parameters
    ----------
    image
        (H, W, C) uint8, C being 1 or 3.
    kind
        A name from ``CORRUPTIONS``.
    severity
        1 to 5.
    seed, index
        Non-negative: what is drawn follows from these, the kind and the severity; ``index`` is the image's number.

    Raises
    ------
    ValueError
        When there is no such kind or severity, or the image is something else.
    ImportError
        When SciPy or Pillow, which some kinds need, is not installed.
    """
    check([kind], [severity])
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] not in (1, 3):
        raise ValueError(
            f"Corruptions are made to uint8 images of shape (H, W, 1 or 3), not to {image.dtype} of {image.shape}."
        )
    corruption = CORRUPTIONS[kind]
    constants = corruption.constants[severity - 1]
    rng = np.random.default_rng([seed, list(CORRUPTIONS).index(kind), severity, index])
    if not corruption.lengths:
        return as_bytes(corruption.function(image / 255, rng, *constants))
    side = min(image.shape[:2])
    times = max(1, round(SIDE / side))
    fine = (image / 255).repeat(times, axis=0).repeat(times, axis=1)
    return as_bytes(averaged(corruption.function(fine, rng, times * side / SIDE, *constants), times))


def check(kinds: Iterable[str], severities: Iterable[int]) -> None:
    """Hold names and severities against those that there are. Raises ``ValueError`` naming the first that is none."""
    for kind in kinds:
        if kind not in CORRUPTIONS:
            raise ValueError(f"There is no corruption {kind!r}. {suggest(kind, CORRUPTIONS)}".rstrip())
    for severity in severities:
        if severity not in SEVERITIES:
            raise ValueError(f"There is no severity {severity}; they go from 1 to 5.")


def as_bytes(image: np.ndarray) -> np.ndarray:
    return np.rint(255 * np.clip(image, 0, 1)).astype(np.uint8)


def averaged(image: np.ndarray, times: int) -> np.ndarray:
    """Each square of ``times`` x ``times`` pixels as one."""
    height, width, channels = image.shape
    squares = np.clip(image, 0, 1).reshape(height // times, times, width // times, times, channels)
    return squares.mean(axis=(1, 3))


# Noise


def gaussian_noise(image: np.ndarray, rng: np.random.Generator, deviation: float) -> np.ndarray:
    """Normal noise on every value, as of little light."""
    return image + rng.normal(scale=deviation, size=image.shape)


def shot_noise(image: np.ndarray, rng: np.random.Generator, photons: float) -> np.ndarray:
    """White is ``photons`` on average, and every value a count of as many as come."""
    return rng.poisson(image * photons) / photons


def impulse_noise(image: np.ndarray, rng: np.random.Generator, fraction: float) -> np.ndarray:
    """Salt and pepper: a fraction of the values becomes 0 or 1, evenly."""
    struck = rng.random(image.shape) < fraction
    return np.where(struck, rng.integers(2, size=image.shape), image)


# Blur


def defocus_blur(image: np.ndarray, rng: np.random.Generator, unit: float, radius: float) -> np.ndarray:
    """The mean over a disk."""
    ndimage = scipy("ndimage")
    return ndimage.convolve(image, disk(radius * unit)[..., None], mode="mirror")


def disk(radius: float, parts: int = 8) -> np.ndarray:
    """(n, n) how much of each pixel a disk covers, summing to 1; ``parts`` x ``parts`` points of it are looked at."""
    reach = int(np.ceil(radius + 0.5))
    along = (np.arange((2 * reach + 1) * parts) + 0.5) / parts - reach - 0.5
    inside = (along**2 + along[:, None] ** 2 <= radius**2).astype(float)
    covered = averaged(inside[..., None], parts)[..., 0]
    return covered / covered.sum()


def glass_blur(
    image: np.ndarray, rng: np.random.Generator, unit: float, deviation: float, reach: float, rounds: int
) -> np.ndarray:
    """Pixels change places with near ones, between two slight blurs, as behind frosted glass."""
    order = shuffled(image.shape[:2], rng, max(1, round(reach * unit)), rounds)
    blurred = smoothed(image, deviation * unit)
    return smoothed(blurred.reshape(-1, image.shape[2])[order].reshape(image.shape), deviation * unit)


def shuffled(shape: tuple[int, int], rng: np.random.Generator, reach: int, rounds: int) -> np.ndarray:
    """(H * W,) which pixel stands where, after each in turn has changed places with one up to ``reach`` away."""
    height, width = shape
    rows, columns = np.mgrid[height - reach : reach : -1, width - reach : reach : -1].reshape(2, -1)
    order = list(range(height * width))
    for _ in range(rounds):
        down, right = rng.integers(-reach, reach, size=(2, len(rows)))
        there = (rows + down) * width + columns + right
        for one, other in zip((rows * width + columns).tolist(), there.tolist(), strict=True):
            order[one], order[other] = order[other], order[one]
    return np.array(order)


def smoothed(image: np.ndarray, deviation: float) -> np.ndarray:
    """Blurred by a Gaussian of ``deviation`` pixels."""
    return scipy("ndimage").gaussian_filter(image, (deviation, deviation, 0), mode="nearest")


def motion_blur(
    image: np.ndarray, rng: np.random.Generator, unit: float, radius: float, deviation: float
) -> np.ndarray:
    """A trail in a direction within 45 degrees of the horizontal."""
    return trail(image, rng.uniform(-45, 45), radius * unit, deviation * unit)


def trail(image: np.ndarray, angle: float, radius: float, deviation: float) -> np.ndarray:
    """The mean of the image moved by 0 to 2 ``radius`` pixels at ``angle`` degrees, weighted by half a Gaussian."""
    steps = np.arange(2 * round(radius) + 1)
    weights = np.exp(-(steps**2) / (2 * deviation**2))
    moves = np.rint(np.outer((np.sin(np.radians(angle)), np.cos(np.radians(angle))), steps)).astype(int)
    (height, width), most = image.shape[:2], len(steps)
    padded = np.pad(image, ((most, most), (most, most), (0, 0)), mode="edge")
    total = sum(
        weight * padded[most + down : most + down + height, most + right : most + right + width]
        for weight, down, right in zip(weights / weights.sum(), *moves, strict=True)
    )
    return np.asarray(total)


def zoom_blur(image: np.ndarray, rng: np.random.Generator, stop: float, step: float) -> np.ndarray:
    """The mean of the image and of it enlarged by 1, 1 + step, ... up to ``stop``."""
    factors = np.arange(1, stop, step)
    return (image + sum(zoomed(image, factor) for factor in factors)) / (len(factors) + 1)


def zoomed(image: np.ndarray, factor: float) -> np.ndarray:
    """The middle enlarged to the whole, bilinearly."""
    for _ in range(2):  # along one side, then along the other
        end = len(image) - 1
        places = end / 2 + (np.arange(len(image)) - end / 2) / factor
        first = np.minimum(places.astype(int), max(end - 1, 0))
        weight = (places - first)[:, None, None]
        image = ((1 - weight) * image[first] + weight * image[np.minimum(first + 1, end)]).swapaxes(0, 1)
    return image


# Weather


def snow(
    image: np.ndarray,
    rng: np.random.Generator,
    unit: float,
    mean: float,
    deviation: float,
    size: float,
    least: float,
    radius: float,
    blur: float,
    weight: float,
) -> np.ndarray:
    """Falling flakes, each a long trail, before a scene that has grown paler; ``weight`` of it stays as it was."""
    flakes = zoomed(rng.normal(mean, deviation, (*image.shape[:2], 1)), max(1.0, size * unit))
    flakes = np.clip(np.where(flakes < least, 0, flakes), 0, 1)
    flakes = trail(flakes, rng.uniform(-135, -45), radius * unit, blur * unit)
    pale = weight * image + (1 - weight) * np.maximum(image, 1.5 * grey(image) + 0.5)
    return pale + flakes + np.rot90(flakes, 2)


def frost(image: np.ndarray, rng: np.random.Generator, of_image: float, of_ice: float) -> np.ndarray:
    """Ice on the lens: a weighted sum of the image and a texture.

    The authors took theirs from six photographs. Here it is drawn: the ridges of a fractal, bluish white on darkness.
    """
    ridges = (1 - np.abs(2 * plasma(max(image.shape[:2]), rng, 1.6) - 1)) ** 3
    colour = np.array([0.85, 0.95, 1.0]) if image.shape[2] == 3 else np.array([0.93])
    return of_image * image + of_ice * ridges[: image.shape[0], : image.shape[1], None] * colour


def fog(image: np.ndarray, rng: np.random.Generator, thickness: float, decay: float) -> np.ndarray:
    """Clouds laid over the image, which keeps its lightest value."""
    clouds = plasma(max(image.shape[:2]), rng, decay)[: image.shape[0], : image.shape[1], None]
    lightest = image.max()
    return (image + thickness * clouds) * lightest / (lightest + thickness)


def plasma(side: int, rng: np.random.Generator, decay: float) -> np.ndarray:
    """(n, n) a fractal of values 0 to 1, n being the power of 2 from ``side`` up: the diamond-square algorithm.

    Fournier, Fussell & Carpenter 1982, "Computer Rendering of Stochastic Models", section 3. Every halving of the grid
    puts in the means of neighbours and noise, whose amplitude is divided by the square of ``decay`` each time. Left and
    right, top and bottom are neighbours.
    """
    heights, amplitude = np.zeros((1, 1)), 1.0
    while len(heights) < side:
        middle = (heights + np.roll(heights, -1, 0) + np.roll(heights, -1, 1) + np.roll(heights, -1, (0, 1))) / 4
        middle += rng.uniform(-amplitude, amplitude, middle.shape)
        right = (heights + np.roll(heights, -1, 1) + middle + np.roll(middle, 1, 0)) / 4
        below = (heights + np.roll(heights, -1, 0) + middle + np.roll(middle, 1, 1)) / 4
        finer = np.empty((2 * len(heights), 2 * len(heights)))
        finer[::2, ::2], finer[1::2, 1::2] = heights, middle
        finer[::2, 1::2] = right + rng.uniform(-amplitude, amplitude, right.shape)
        finer[1::2, ::2] = below + rng.uniform(-amplitude, amplitude, below.shape)
        heights, amplitude = finer, amplitude / decay**2
    heights = heights - heights.min()
    return heights / max(heights.max(), 1e-12)


def brightness(image: np.ndarray, rng: np.random.Generator, addition: float) -> np.ndarray:
    """The largest of a pixel's values raised, up to 1; hue and saturation stay."""
    value = image.max(axis=2, keepdims=True)
    raised = np.minimum(value + addition, 1)
    return np.where(value > 0, image / np.where(value > 0, value, 1), 1) * raised


# Digital


def contrast(image: np.ndarray, rng: np.random.Generator, fraction: float) -> np.ndarray:
    """Only a fraction of the distance from each channel's mean."""
    mean = image.mean(axis=(0, 1), keepdims=True)
    return mean + fraction * (image - mean)


def elastic(
    image: np.ndarray, rng: np.random.Generator, unit: float, strength: float, deviation: float, jitter: float
) -> np.ndarray:
    """An affine change by three points that move up to ``jitter``, and a smooth random displacement of every pixel.

    After Simard, Steinkraus & Platt 2003, "Best Practices for Convolutional Neural Networks".
    """
    shape = image.shape[:2]
    centre, third = np.array(shape) // 2, min(shape) // 3
    points = centre + third * np.array([[1, 1], [1, -1], [-1, -1]])
    moved = points + rng.uniform(-jitter, jitter, points.shape) * unit
    back = np.linalg.solve(np.c_[moved, np.ones(3)], points)  # rows: of y, of x, of 1
    # Noise of single pixels averages out as the Gaussian grows, hence the square.
    shift = [unit**2 * strength * diffused(rng.uniform(-1, 1, shape), deviation * unit) for _ in shape]
    places = np.stack([*(np.indices(shape) + shift), np.ones(shape)], axis=-1) @ back
    channels = [
        scipy("ndimage").map_coordinates(channel, np.moveaxis(places, -1, 0), order=1, mode="mirror")
        for channel in np.moveaxis(image, -1, 0)
    ]
    return np.stack(channels, axis=-1)


def diffused(field: np.ndarray, deviation: float) -> np.ndarray:
    """(H, W) blurred by a Gaussian, its border mirrored: a product of cosine transforms, so as quick for a wide one."""
    fft = scipy("fft")
    fade = [np.exp(-((deviation * np.pi * np.arange(side) / side) ** 2) / 2) for side in field.shape]
    return fft.idctn(fft.dctn(field) * np.outer(*fade))


def pixelate(image: np.ndarray, rng: np.random.Generator, fraction: float) -> np.ndarray:
    """Shrunk to a fraction of the side and enlarged again, by boxes."""
    pillow = need("PIL.Image", "report", "A corruption")
    height, width = image.shape[:2]
    small = as_picture(image).resize(
        (max(1, int(width * fraction)), max(1, int(height * fraction))), pillow.Resampling.BOX
    )
    return of_picture(small.resize((width, height), pillow.Resampling.BOX))


def jpeg(image: np.ndarray, rng: np.random.Generator, quality: int) -> np.ndarray:
    """Stored as JPEG."""
    stored = io.BytesIO()
    as_picture(image).save(stored, "jpeg", quality=quality)
    return of_picture(need("PIL.Image", "report", "A corruption").open(stored))


def as_picture(image: np.ndarray) -> Any:
    pillow = need("PIL.Image", "report", "A corruption")
    return pillow.fromarray(as_bytes(image[..., 0] if image.shape[2] == 1 else image))


def of_picture(picture: Any) -> np.ndarray:
    values = np.asarray(picture) / 255
    return values[..., None] if values.ndim == 2 else values


def grey(image: np.ndarray) -> np.ndarray:
    """(H, W, 1) luma, ITU-R 601."""
    return image if image.shape[2] == 1 else image @ np.array([[0.299], [0.587], [0.114]])


def scipy(module: str) -> Any:
    return need(f"scipy.{module}", "data", "A corruption")


def each(*values: float) -> tuple[tuple[float], ...]:
    """One constant for each severity."""
    return tuple((value,) for value in values)


WIDE = 244  # side of an image that elastic's constants are multiples of; the authors use them for 224 too

CORRUPTIONS = {
    "gaussian_noise": Corruption("noise", each(0.08, 0.12, 0.18, 0.26, 0.38), gaussian_noise),
    "shot_noise": Corruption("noise", each(60, 25, 12, 5, 3), shot_noise),
    "impulse_noise": Corruption("noise", each(0.03, 0.06, 0.09, 0.17, 0.27), impulse_noise),
    "defocus_blur": Corruption("blur", each(3, 4, 6, 8, 10), defocus_blur, True),
    "glass_blur": Corruption("blur", ((0.7, 1, 2), (0.9, 2, 1), (1, 2, 3), (1.1, 3, 2), (1.5, 4, 2)), glass_blur, True),
    "motion_blur": Corruption("blur", ((10, 3), (15, 5), (15, 8), (15, 12), (20, 15)), motion_blur, True),
    "zoom_blur": Corruption("blur", ((1.11, 0.01), (1.16, 0.01), (1.21, 0.02), (1.26, 0.02), (1.31, 0.03)), zoom_blur),
    "snow": Corruption(
        "weather",
        (
            (0.1, 0.3, 3, 0.5, 10, 4, 0.8),
            (0.2, 0.3, 2, 0.5, 12, 4, 0.7),
            (0.55, 0.3, 4, 0.9, 12, 8, 0.7),
            (0.55, 0.3, 4.5, 0.85, 12, 8, 0.65),
            (0.55, 0.3, 2.5, 0.85, 12, 12, 0.55),
        ),
        snow,
        True,
    ),
    "frost": Corruption("weather", ((1, 0.4), (0.8, 0.6), (0.7, 0.7), (0.65, 0.7), (0.6, 0.75)), frost),
    "fog": Corruption("weather", ((1.5, 2), (2, 2), (2.5, 1.7), (2.5, 1.5), (3, 1.4)), fog),
    "brightness": Corruption("weather", each(0.1, 0.2, 0.3, 0.4, 0.5), brightness),
    "contrast": Corruption("digital", each(0.4, 0.3, 0.2, 0.1, 0.05), contrast),
    "elastic": Corruption(
        "digital",
        (
            (2 * WIDE, 0.7 * WIDE, 0.1 * WIDE),
            (2 * WIDE, 0.08 * WIDE, 0.2 * WIDE),
            (0.05 * WIDE, 0.01 * WIDE, 0.02 * WIDE),
            (0.07 * WIDE, 0.01 * WIDE, 0.02 * WIDE),
            (0.12 * WIDE, 0.01 * WIDE, 0.02 * WIDE),
        ),
        elastic,
        True,
    ),
    "pixelate": Corruption("digital", each(0.6, 0.5, 0.4, 0.3, 0.25), pixelate),
    "jpeg": Corruption("digital", each(25, 18, 15, 10, 7), jpeg),
}
