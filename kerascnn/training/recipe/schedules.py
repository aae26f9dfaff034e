"""Learning-rate schedules as records: which fraction of the full rate a step gets.

Plain numbers, so that a resumed run is exact.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

from kerascnn.spec import expect, is_number
from kerascnn.training.recipe.checks import need_number


@dataclass(frozen=True)
class Course:
    """The length of a training, and what is known of it so far."""

    total: int  # steps of the whole training
    epoch: int  # steps of an epoch
    losses: Sequence[float] = ()  # on the validation images, of every epoch so far


@dataclass(frozen=True, kw_only=True)
class Schedule(ABC):
    """What every schedule has: ``warmup`` epochs, maybe a fraction, over which the rate climbs evenly from zero."""

    warmup: float = 0.0

    def __post_init__(self) -> None:
        need_number(self, "warmup", at_least=0)

    def fraction(self, step: int, course: Course) -> float:
        """The fraction of the full rate at ``step``, counted from 0."""
        warmup = round(self.warmup * course.epoch)
        return (step + 1) / warmup if step < warmup else self.after(step, warmup, course)

    @abstractmethod
    def after(self, step: int, warmup: int, course: Course) -> float:
        """The same after so many steps of warm-up."""

    def stretched(self, times: float) -> Self:
        """The same course over a training of so many times the epochs."""
        return replace(self, warmup=self.warmup * times)


@dataclass(frozen=True, kw_only=True)
class Cosine(Schedule):
    """Half a cosine, from the end of warm-up to zero. Loshchilov & Hutter 2016, https://arxiv.org/abs/1608.03983."""

    def after(self, step: int, warmup: int, course: Course) -> float:
        return (1 + math.cos(math.pi * (step - warmup) / (course.total - warmup))) / 2


@dataclass(frozen=True, kw_only=True)
class Polynomial(Schedule):
    """A power of what is left, from the end of warm-up to zero. You et al. 2017, https://arxiv.org/abs/1708.03888.

    A ``power`` of 1 is a straight line.
    """

    power: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        need_number(self, "power", above=0)

    def after(self, step: int, warmup: int, course: Course) -> float:
        return (1 - (step - warmup) / (course.total - warmup)) ** self.power


@dataclass(frozen=True, kw_only=True)
class Falling(Schedule):
    """A schedule that falls now and then; ``by`` is what the rate is multiplied by at every fall."""

    by: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        need_number(self, "by", above=0, below=1)


@dataclass(frozen=True, kw_only=True)
class StepDecay(Falling):
    """A fall at every milestone, counted from the start: 30, 60 and 80 of 90 epochs in https://arxiv.org/abs/1706.02677.

    ``at`` are epochs, maybe fractions, at whose beginning the rate falls: 1/3, 2/3 and 8/9 of the training if empty.
    """

    at: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        rising = isinstance(self.at, tuple) and all(map(is_number, self.at)) and list(self.at) == sorted({*self.at})
        expect(rising and min(self.at, default=1) > 0, "at of StepDecay", self.at, "a tuple of rising epochs above 0")

    def after(self, step: int, warmup: int, course: Course) -> float:
        if self.at:
            return self.by ** sum(step >= epoch * course.epoch for epoch in self.at)
        return self.by ** sum(9 * step >= ninths * course.total for ninths in (3, 6, 8))

    def stretched(self, times: float) -> Self:
        return replace(super().stretched(times), at=tuple(epoch * times for epoch in self.at))


@dataclass(frozen=True, kw_only=True)
class Exponential(Falling):
    """Even stairs, counted from the start, so some have passed when warm-up ends: EfficientNet's published code.

    The rate falls ``every`` so many epochs, maybe a fraction.
    """

    every: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        need_number(self, "every", above=0)

    def after(self, step: int, warmup: int, course: Course) -> float:
        return self.by ** math.floor(step / (self.every * course.epoch))

    def stretched(self, times: float) -> Self:
        return replace(super().stretched(times), every=self.every * times)


@dataclass(frozen=True, kw_only=True)
class Plateau(Falling):
    """A fall whenever the validation loss gets no better: "when the error plateaus", https://arxiv.org/abs/1512.03385.

    All that it remembers follows from the history, which is saved with the training. ``patience`` is how many epochs in
    a row bring no better loss before the rate falls.
    """

    patience: int = 10

    def __post_init__(self) -> None:
        super().__post_init__()
        need_number(self, "patience", whole=True, at_least=1)

    def after(self, step: int, warmup: int, course: Course) -> float:
        best, waited, falls = math.inf, 0, 0
        for loss in course.losses:
            best, waited = (loss, 0) if loss < best else (best, waited + 1)
            if waited == self.patience:
                waited, falls = 0, falls + 1
        return self.by**falls

    def stretched(self, times: float) -> Self:
        return replace(super().stretched(times), patience=max(1, round(self.patience * times)))


@dataclass(frozen=True, kw_only=True)
class Constant(Schedule):
    """The full rate to the end."""

    def after(self, step: int, warmup: int, course: Course) -> float:
        return 1.0


SCHEDULES = (Cosine, Polynomial, StepDecay, Exponential, Plateau, Constant)
