"""What a trained network remembers of its training images: the moving statistics of its first batch norm."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from kerascnn.deploy.calibration.evidence import Form, draws

if TYPE_CHECKING:
    import keras

FITS = 0.1  # squared distance of statistics, in standard deviations, below which images are of the training's kind
APART = 0.05  # and below which nothing is wrong with them
RATIO = 4.0  # by how much statistics must fit better to say that images were made in another way


@dataclass(frozen=True)
class Doubt:
    """Images fit better when they are read in another way: made in the form ``fed``, or with colours exchanged."""

    fed: Form
    right: Form
    exchanged: bool
    distance: float
    distance_right: float


def doubt(model: "keras.Model", images: np.ndarray, fed: Iterable[Form], right: Iterable[Form]) -> Doubt | None:
    """How images should be read for the first batch norm to see what it saw in training; None: as they are, or no clue.

    Parameters
    ----------
    images
        (N, H, W, C) as they are fed.
    fed, right
        How the images may have been made, and how they may have to be.
    """
    bn = first_batch_norm(model)
    if bn is None:
        return None
    statistics = _reader(model, bn)
    moving = np.asarray(bn.operation.moving_mean), np.asarray(bn.operation.moving_variance)
    as_is = statistics(images)
    base = distance(as_is, moving)
    if base < APART:
        return None
    readings = [(before, after, exchanged) for before in fed for after in right for exchanged in (False, True)]
    tried = []
    for before, after, exchanged in readings:
        if (exchanged and images.shape[-1] != 3) or (before == after and not exchanged):
            continue
        pixels = before.pixels(images)
        changed = statistics(after.values(pixels[..., ::-1] if exchanged else pixels))
        # Noise alone brings some exchanged reading as near as the true one: it must be much nearer to be believed.
        tried.append(((RATIO if exchanged else 1) * distance(changed, moving), before, after, exchanged, changed))
    if not tried:
        return None
    _, before, after, exchanged, changed = min(tried, key=lambda each: each[0])
    best = distance(changed, moving)
    if best > FITS or base < RATIO * best or not _surely_nearer(changed, as_is, moving):
        return None
    return Doubt(before, after, exchanged, base, best)


def first_batch_norm(model: "keras.Model") -> Any:
    """The call of the first batch norm of a network that was trained; None where none sees the image alone."""
    import keras

    from kerascnn.graph.fold import is_plain_batch_norm
    from kerascnn.graph.graph import Graph, is_graph

    if not is_graph(model):
        return None
    call = next((call for call in Graph(model).calls if is_plain_batch_norm(call)), None)
    if call is None or len(keras.utils.get_source_inputs(call.inputs[0])) > 1:
        return None
    mean, variance = np.asarray(call.operation.moving_mean), np.asarray(call.operation.moving_variance)
    return None if not mean.any() or (variance == 1).all() else call


def _reader(model: "keras.Model", bn: Any) -> Any:
    """Maps images to mean and mean square of each channel that the batch norm sees, (N, 2, C)."""
    import keras

    seen = bn.inputs[0]
    axes = tuple(range(1, len(seen.shape) - 1))
    moments = [keras.ops.mean(seen, axes), keras.ops.mean(keras.ops.square(seen), axes)]
    reads = keras.Model(model.inputs[0], keras.ops.stack(moments, axis=1))
    return lambda images: np.concatenate(
        [np.asarray(reads(images[start : start + 16], training=False)) for start in range(0, len(images), 16)]
    )


def distance(moments: np.ndarray, moving: tuple[np.ndarray, np.ndarray]) -> float:
    """How far the statistics of a set, from (N, 2, C) moments, are from moving ones: of the channel in the middle."""
    mean, square = moments.mean(axis=0, dtype=np.float64)
    variance = np.maximum(square - mean**2, 0) + 1e-12
    off = (mean - moving[0]) ** 2 / (moving[1] + 1e-12)
    return float(np.median(off + np.log(variance / (moving[1] + 1e-12)) ** 2))


def _surely_nearer(changed: np.ndarray, as_is: np.ndarray, moving: tuple[np.ndarray, np.ndarray]) -> bool:
    """Whether the other reading is nearer in nearly every set that is drawn of these images."""
    both = np.concatenate([changed, as_is], axis=1)
    nearer = [2 * distance(drawn[:, :2], moving) < distance(drawn[:, 2:], moving) for drawn in draws(both, len(both))]
    return bool(np.mean(nearer) > 0.95)
