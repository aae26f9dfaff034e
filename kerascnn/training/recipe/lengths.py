"""How long a training is: passes over the images, or updates of the weights."""

from dataclasses import dataclass, field

from kerascnn.training.recipe.checks import need_number


@dataclass(frozen=True)
class Epochs:
    """Passes over the training images; what is left over after an epoch's last full batch is left out of it."""

    epochs: int

    def __post_init__(self) -> None:
        need_number(self, "epochs", whole=True, at_least=1)

    def updates(self, images: int, batch: int, accumulate: int) -> tuple[int, int]:
        """Images per update of the weights, and updates per epoch, with so many training images."""
        batch = min(batch, images) // accumulate * accumulate
        return batch, images // max(batch, 1)

    def first(self, epoch: int, images: int, batch: int) -> int:
        """The place in the sequence of all passes at which an epoch starts.

        What is left over waits for another epoch's order: to normalise by three images can throw weights far off.
        """
        return epoch * images


@dataclass(frozen=True)
class Steps:
    """Updates of the weights, from as many passes over the training images as they take; every batch is full.

    Parameters
    ----------
    steps
        All updates.
    every
        After so many, a divisor of ``steps``, the network is evaluated on the validation images. This is what is
        called an epoch, in which schedules count.
    """

    steps: int
    every: int = field(kw_only=True)

    def __post_init__(self) -> None:
        need_number(self, "every", whole=True, at_least=1)
        need_number(self, "steps", whole=True, at_least=self.every)
        if self.steps % self.every:
            raise ValueError(f"{self.steps} steps cannot be divided into parts of {self.every}; change one of the two.")

    @property
    def epochs(self) -> int:
        return self.steps // self.every

    def updates(self, images: int, batch: int, accumulate: int) -> tuple[int, int]:
        """Images per update of the weights, and updates per epoch."""
        return batch, self.every

    def first(self, epoch: int, images: int, batch: int) -> int:
        """The place in the sequence of all passes at which an epoch starts."""
        return epoch * self.every * batch
