"""Optimizers as records, and which way each of them decays weights. Keras is imported when one is made."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from kerascnn.training.recipe.checks import need_kind, need_number

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True, kw_only=True)
class Optimizer(ABC):
    """What every optimizer has.

    Parameters
    ----------
    lr
        The full learning rate, reached after warm-up.
    per
        The batch that ``lr`` is meant for: with 256, the full rate is ``lr * batch / 256``. None: ``lr`` is as it is.
    weight_decay
        Of kernels only: biases and the scales and shifts of normalisation are left alone.
    """

    adaptive: ClassVar[bool] = False  # its steps do not grow with the gradient: the rate goes with the batch's root
    # Whether decay is L2: the gradient of ``weight_decay / 2 * sum(kernel ** 2)`` joins the loss's and passes through
    # the momentum. Keras takes it off the weights itself, even for SGD, where that is about ten times weaker.
    coupled: ClassVar[bool] = False

    lr: float
    per: int | None = None
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        need_number(self, "lr", above=0)
        need_number(self, "per", whole=True, at_least=1, optional=True)
        need_number(self, "weight_decay", at_least=0)
        for name in ("momentum", "beta_1"):
            if hasattr(self, name):
                need_number(self, name, at_least=0, below=1)
        if hasattr(self, "epsilon"):
            need_number(self, "epsilon", above=0)

    def rate(self, batch: int) -> float:
        """The full learning rate for so many images per update."""
        return self.lr * batch / self.per if self.per else self.lr

    def build(self, weights: Sequence["keras.Variable"]) -> "keras.optimizers.Optimizer":
        """The Keras optimizer, built for ``weights``."""
        optimizer = self.make()
        optimizer.exclude_from_weight_decay(var_list=[weight for weight in weights if not is_kernel(weight)])
        optimizer.build(weights)
        return optimizer

    @abstractmethod
    def make(self) -> "keras.optimizers.Optimizer":
        """The Keras optimizer."""

    def with_decay(self, gradients: Sequence[Any], weights: Sequence["keras.Variable"], scale: Any) -> list[Any]:
        """The gradients with that of the decay, times ``scale``; as they are where the optimizer decays by itself."""
        if not (self.coupled and self.weight_decay):
            return list(gradients)
        decay = scale * self.weight_decay
        return [g + decay * w if is_kernel(w) else g for g, w in zip(gradients, weights, strict=True)]


@dataclass(frozen=True, kw_only=True)
class SGD(Optimizer):
    """Momentum: Polyak's, which most papers up to 2017 call SGD, or Nesterov's.

    Sutskever et al. 2013, https://proceedings.mlr.press/v28/sutskever13.html.
    """

    coupled: ClassVar[bool] = True

    momentum: float = 0.9
    nesterov: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        need_kind(self, "nesterov", bool)

    def make(self) -> "keras.optimizers.Optimizer":
        import keras

        return keras.optimizers.SGD(self.lr, momentum=self.momentum, nesterov=self.nesterov and self.momentum > 0)


@dataclass(frozen=True, kw_only=True)
class RMSProp(Optimizer):
    """As TensorFlow 1 has it; ``epsilon`` keeps the divisor off zero, inside its root."""

    coupled: ClassVar[bool] = True

    momentum: float = 0.9
    epsilon: float = 1e-3

    def make(self) -> "keras.optimizers.Optimizer":
        from kerascnn.training.rules import RMSPropTF1

        return RMSPropTF1(self.lr, momentum=self.momentum, epsilon=self.epsilon)


@dataclass(frozen=True, kw_only=True)
class AdamW(Optimizer):
    """Adam with decoupled weight decay. Loshchilov & Hutter 2017, https://arxiv.org/abs/1711.05101."""

    adaptive: ClassVar[bool] = True

    beta_1: float = 0.9
    epsilon: float = 1e-7

    def make(self) -> "keras.optimizers.Optimizer":
        import keras

        return keras.optimizers.AdamW(self.lr, beta_1=self.beta_1, epsilon=self.epsilon, weight_decay=self.weight_decay)


@dataclass(frozen=True, kw_only=True)
class LARS(Optimizer):
    """Momentum whose rate is set layer by layer, decay within it; decays and adapts kernels alone."""

    adaptive: ClassVar[bool] = True

    momentum: float = 0.9

    def make(self) -> "keras.optimizers.Optimizer":
        from kerascnn.training import rules

        return rules.LARS(self.lr, momentum=self.momentum, decay=self.weight_decay, concerns=is_kernel)


@dataclass(frozen=True, kw_only=True)
class LAMB(Optimizer):
    """Adam whose rate is set layer by layer, decay within it; decays and adapts kernels alone."""

    adaptive: ClassVar[bool] = True

    beta_1: float = 0.9
    epsilon: float = 1e-6

    def make(self) -> "keras.optimizers.Optimizer":
        from kerascnn.training import rules

        how = {"beta_1": self.beta_1, "epsilon": self.epsilon, "decay": self.weight_decay}
        return rules.LAMB(self.lr, **how, concerns=is_kernel)


OPTIMIZERS = (SGD, RMSProp, AdamW, LARS, LAMB)


def is_kernel(weight: "keras.Variable") -> bool:
    """Whether weight decay concerns this weight: biases and normalisation's scales and shifts are left alone."""
    return weight.name.endswith("kernel")
