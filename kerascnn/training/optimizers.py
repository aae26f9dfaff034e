"""Optimizers, and which way each of them decays weights."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a recipe says about its optimizer."""

    rate: float
    momentum: float
    weight_decay: float
    epsilon: float


@dataclass(frozen=True, kw_only=True)
class Row:
    """An optimizer as papers use it.

    Parameters
    ----------
    make
        The Keras optimizer, from a recipe's settings.
    decay
        "coupled": L2, whose gradient joins the loss's and so passes through the momentum. "decoupled": the optimizer
        takes it off the weights itself, as Keras does even for SGD, where that is about ten times weaker. "within":
        part of the update rule.
    epsilon
        Unless a recipe gives another; 0 where there is none.
    adaptive
        Whether the length of a step does not grow with the gradient, so that a full rate goes with the root of the
        batch; else it goes with the batch.
    """

    make: Callable[[Settings], "keras.optimizers.Optimizer"]
    decay: Literal["coupled", "decoupled", "within"]
    epsilon: float = 0.0
    adaptive: bool = False


def sgd(settings: Settings):
    """Nesterov's momentum: Sutskever et al. 2013, https://proceedings.mlr.press/v28/sutskever13.html."""
    import keras

    return keras.optimizers.SGD(settings.rate, momentum=settings.momentum, nesterov=settings.momentum > 0)


def momentum(settings: Settings):
    """Polyak's momentum, which most papers up to 2017 call SGD."""
    import keras

    return keras.optimizers.SGD(settings.rate, momentum=settings.momentum)


def rmsprop(settings: Settings):
    """As TensorFlow 1 has it."""
    from kerascnn.training.rules import RMSPropTF1

    return RMSPropTF1(settings.rate, momentum=settings.momentum, epsilon=settings.epsilon)


def adamw(settings: Settings):
    """Loshchilov & Hutter 2017, https://arxiv.org/abs/1711.05101; momentum is its first beta."""
    import keras

    return keras.optimizers.AdamW(settings.rate, beta_1=settings.momentum, epsilon=settings.epsilon)


def lars(settings: Settings):
    """Decays and adapts kernels alone."""
    from kerascnn.training.rules import LARS

    return LARS(settings.rate, momentum=settings.momentum, decay=settings.weight_decay, concerns=is_kernel)


def lamb(settings: Settings):
    """Decays and adapts kernels alone; momentum is its first beta."""
    from kerascnn.training.rules import LAMB

    return LAMB(
        settings.rate,
        beta_1=settings.momentum,
        epsilon=settings.epsilon,
        decay=settings.weight_decay,
        concerns=is_kernel,
    )


OPTIMIZERS: dict[str, Row] = {
    "sgd": Row(make=sgd, decay="coupled"),
    "momentum": Row(make=momentum, decay="coupled"),
    "rmsprop": Row(make=rmsprop, decay="coupled", epsilon=1e-3),
    "adamw": Row(make=adamw, decay="decoupled", epsilon=1e-7, adaptive=True),
    "lars": Row(make=lars, decay="within", adaptive=True),
    "lamb": Row(make=lamb, decay="within", epsilon=1e-6, adaptive=True),
}


def is_kernel(weight: "keras.Variable") -> bool:
    """Whether weight decay concerns this weight: biases and normalisation's scales and shifts are left alone."""
    return weight.name.endswith("kernel")


def make_optimizer(name: str, weights: Sequence["keras.Variable"], settings: Settings) -> "keras.optimizers.Optimizer":
    """An optimizer of the table, built for ``weights``. Coupled weight decay is left to ``add_coupled_decay``."""
    row = OPTIMIZERS[name]
    optimizer = row.make(replace(settings, epsilon=settings.epsilon or row.epsilon))
    if row.decay == "decoupled":
        optimizer.weight_decay = settings.weight_decay
        optimizer.exclude_from_weight_decay(var_list=[weight for weight in weights if not is_kernel(weight)])
    optimizer.build(weights)
    return optimizer


def add_coupled_decay(
    name: str, gradients: Sequence[Any], weights: Sequence["keras.Variable"], decay: Any
) -> list[Any]:
    """The gradient of ``decay / 2 * sum(kernel ** 2)`` added to every kernel's, if ``name`` decays that way."""
    if OPTIMIZERS[name].decay != "coupled":
        return list(gradients)
    return [g + decay * w if is_kernel(w) else g for g, w in zip(gradients, weights, strict=True)]
