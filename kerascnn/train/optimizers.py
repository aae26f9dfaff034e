"""Optimizers, and which way each of them decays weights."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True, kw_only=True)
class Row:
    """An optimizer as papers use it.

    Parameters
    ----------
    make
        The Keras optimizer, from a learning rate and a momentum.
    coupled
        Weight decay is L2: its gradient joins the loss's and so passes through the momentum. Otherwise the optimizer
        takes it off the weights itself, as Keras does even for SGD, where that is about ten times weaker.
    """

    make: Callable[[float, float], "keras.optimizers.Optimizer"]
    coupled: bool


def sgd(rate: float, momentum: float):
    """Nesterov's momentum: Sutskever et al. 2013, https://proceedings.mlr.press/v28/sutskever13.html."""
    import keras

    return keras.optimizers.SGD(rate, momentum=momentum, nesterov=momentum > 0)


def adamw(rate: float, momentum: float):
    """Loshchilov & Hutter 2017, https://arxiv.org/abs/1711.05101; momentum is its first beta."""
    import keras

    return keras.optimizers.AdamW(rate, beta_1=momentum)


OPTIMIZERS: dict[str, Row] = {"sgd": Row(make=sgd, coupled=True), "adamw": Row(make=adamw, coupled=False)}


def is_kernel(weight: "keras.Variable") -> bool:
    """Whether weight decay concerns this weight: biases and normalisation's scales and shifts are left alone."""
    return weight.name.endswith("kernel")


def make_optimizer(
    name: str, weights: Sequence["keras.Variable"], *, rate: float, momentum: float, weight_decay: float
) -> "keras.optimizers.Optimizer":
    """An optimizer of the table, built for ``weights``. Coupled weight decay is left to ``add_coupled_decay``."""
    row = OPTIMIZERS[name]
    optimizer = row.make(rate, momentum)
    if not row.coupled:
        optimizer.weight_decay = weight_decay
        optimizer.exclude_from_weight_decay(var_list=[weight for weight in weights if not is_kernel(weight)])
    optimizer.build(weights)
    return optimizer


def add_coupled_decay(
    name: str, gradients: Sequence[Any], weights: Sequence["keras.Variable"], decay: float
) -> list[Any]:
    """The gradient of ``decay / 2 * sum(kernel ** 2)`` added to every kernel's, if ``name`` decays that way."""
    if not decay or not OPTIMIZERS[name].coupled:
        return list(gradients)
    return [g + decay * w if is_kernel(w) else g for g, w in zip(gradients, weights, strict=True)]
