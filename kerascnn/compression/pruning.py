"""Magnitude pruning: the smallest weights become 0 and stay 0, while the others learn to make up for them.

Zhu & Gupta 2017, https://arxiv.org/abs/1710.01878, by TensorFlow's Model Optimization toolkit.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import keras
import numpy as np
from keras import layers as L

from kerascnn.arguments import checked
from kerascnn.compression.legacy_copy import keras3_copy, legacy_copy, wrap_layers
from kerascnn.compression.toolkit import toolkit
from kerascnn.compression.tuning import DEFAULT, Loss, Tuning, lesson, steps_of, tune
from kerascnn.errors import suggest
from kerascnn.graph.fake_quantised import refuse_integers
from kerascnn.graph.graph import classifiers, leaves
from kerascnn.runtime import deep_graphs

KERNELS = {  # by layer: the kernel to make sparse. A depthwise convolution has few weights, each of them needed.
    L.Conv2D: "kernel",
    L.Conv2DTranspose: "kernel",
    L.Dense: "kernel",
    L.SeparableConv2D: "pointwise_kernel",
}
SCHEDULES = ("polynomial", "constant")
UPDATES = 100  # times at most that the zeros are chosen again


@dataclass(frozen=True, kw_only=True)
class Pruning:
    """Which weights become 0.

    Parameters
    ----------
    sparsity
        Fraction of zeros in each kernel, from 0 to below 1: one for all prunable layers, or by layer,
        ``{"stage4-*": 0.9, "*": 0.5}``, where the first pattern that a name fits decides and other layers are left
        alone. Prunable are convolutions, transposed, grouped and separable (its 1x1) ones too, and dense layers. One
        number leaves the classifier alone; a pattern reaches it as well. Depthwise, weight-standardised and learned
        group convolutions and attention are never pruned.
    schedule
        "polynomial": the sparsity rises along a cubic from 0 over the first three quarters of the tuning, Zhu & Gupta,
        equation 1. "constant": all at the first step.
    block
        Height and width of the blocks of a dense kernel, (inputs, outputs), that become 0 together. Anything but
        (1, 1) is for dense layers alone, and the last block of a row or column may reach beyond the kernel.
    pattern
        (2, 4): of every 4 input channels next to each other, 2 are 0 at each place of each filter; chosen at the first
        step. ``sparsity`` must then be their ratio. What remains of channels that 4 does not divide loses as many as
        are over the 2 that may stay.
    """

    sparsity: float | Mapping[str, float] = 0.5
    schedule: str = "polynomial"
    block: tuple[int, int] = (1, 1)
    pattern: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        if self.pattern and (
            len(self.pattern) != 2 or not 0 < self.pattern[0] < self.pattern[1] or self.block != (1, 1)
        ):
            raise ValueError(f"A pattern is (zeros, of so many), such as (2, 4), without a block; got {self.pattern}.")
        for sparsity in self.sparsity.values() if isinstance(self.sparsity, Mapping) else [self.sparsity]:
            if not 0 <= sparsity < 1:
                raise ValueError(f"A sparsity is a fraction of zeros from 0 to below 1, such as 0.8; got {sparsity}.")
            if self.pattern and sparsity != self.pattern[0] / self.pattern[1]:
                zeros, group = self.pattern
                raise ValueError(f"{zeros} zeros in {group} are a sparsity of {zeros / group}, not of {sparsity}.")
        if self.schedule not in SCHEDULES:
            raise ValueError(f"Unknown schedule {self.schedule!r}. {suggest(self.schedule, SCHEDULES)}")
        if len(self.block) != 2 or min(self.block) < 1:
            raise ValueError(f"A block is (height, width), each 1 or more; got {self.block}.")


HALF = Pruning()


@checked
@deep_graphs()
def prune(
    model: keras.Model,
    train: Any,
    pruning: Pruning = HALF,
    tuning: Tuning = DEFAULT,
    loss: Loss | None = None,
) -> keras.Model:
    """A copy of ``model`` with zeros in its kernels, tuned.

    A file of it is smaller once it is compressed (gzip, as app stores do), and as large and as fast as before until
    then: see :mod:`kerascnn.compression.sizes`. Fewer filters are smaller and faster: see
    :func:`kerascnn.compression.remove_filters`.

    Parameters
    ----------
    model
        A Keras 3 model, functional or sequential: a classifier, or any network when ``loss`` is given.
    train, loss
        As :func:`kerascnn.compression.tuned` takes them.

    Returns
    -------
    keras.Model
        The same layers, without the toolkit's wrappers; in float32.

    Raises
    ------
    ValueError
        When nothing can be pruned, a pattern fits no prunable layer, the data is none, or the model was tuned for int8.
    ImportError
        When the toolkit is not installed.
    """
    refuse_integers(model)
    chosen = sparsities(model, pruning)
    batches, loss = lesson(model, train, tuning, loss)
    tools = toolkit().sparsity.keras
    steps = tuning.epochs * steps_of(batches)

    def with_mask(layer: Any) -> Any:
        if layer.name not in chosen:
            return layer
        structure = {"sparsity_m_by_n": pruning.pattern} if pruning.pattern else {"block_size": pruning.block}
        return tools.prune_low_magnitude(layer, schedule(tools, chosen[layer.name], pruning, steps), **structure)

    pruned = wrap_layers(legacy_copy(model), with_mask)
    tune(pruned, batches, tuning, loss, "pruning", [tools.UpdatePruningStep()])
    return keras3_copy(wrap_layers(pruned, lambda layer: getattr(layer, "layer", layer)), model)


def schedule(tools: Any, sparsity: float, pruning: Pruning, steps: int) -> Any:
    """When how many zeros are chosen, so that the last choice has all of them."""
    if pruning.pattern or pruning.schedule == "constant":
        return tools.ConstantSparsity(sparsity, begin_step=1, end_step=1, frequency=1)
    span = max(1, steps * 3 // 4)
    frequency = -(-span // UPDATES)
    end = span // frequency * frequency
    return tools.PolynomialDecay(0.0, sparsity, begin_step=0, end_step=end, frequency=frequency)


def sparsities(model: keras.Model, pruning: Pruning) -> dict[str, float]:
    """The fraction of zeros that each layer is to have, by name; a pattern that fits none is refused."""
    names = list(prunable(model, (L.Dense,) if pruning.block != (1, 1) else tuple(KERNELS)))
    patterns = pruning.sparsity
    if not isinstance(patterns, Mapping):
        last = {layer.name for layer in classifiers(model)}
        names, patterns = [name for name in names if name not in last], {"*": patterns}
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in names):
            what = "dense layer" if pruning.block != (1, 1) else "layer that can be pruned"
            raise ValueError(f"{model.name} has no {what} {pattern!r}. {suggest(pattern, names)}".rstrip())
    fits = {name: next((s for p, s in patterns.items() if fnmatchcase(name, p)), None) for name in names}
    return {name: sparsity for name, sparsity in fits.items() if sparsity is not None}


def prunable(model: keras.Model, kinds: tuple[type, ...] = tuple(KERNELS)) -> dict[str, np.ndarray]:
    """The kernels that can be pruned, by the name of their layer, those in inner models too."""
    layers = [layer for layer in leaves(model) if type(layer) in kinds and is_plain(layer)]
    return {layer.name: np.asarray(getattr(layer, KERNELS[type(layer)])) for layer in layers}


def is_plain(layer: Any) -> bool:
    """Whether a kernel lies as the toolkit expects it, for maps with channels last."""
    return getattr(layer, "data_format", "channels_last") == "channels_last"


def sparsity(model: keras.Model) -> dict[str, float]:
    """Fraction of zeros in each prunable kernel, by the name of its layer."""
    return {name: float(np.mean(kernel == 0)) for name, kernel in prunable(model).items()}
