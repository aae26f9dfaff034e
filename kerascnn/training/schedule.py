"""Learning-rate schedules: what share of the full rate a step gets. Plain numbers, so that a resumed run is exact."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Course:
    """The length of a training in steps, and what its recipe says about the rate on the way.

    Parameters
    ----------
    warmup, total
        Steps of the climb, and of the whole training with it.
    milestones
        Steps at which "step" falls; none are 1/3, 2/3 and 8/9 of all.
    decay_rate
        What the rate is multiplied by wherever "step", "exponential" or "plateau" falls.
    decay_steps
        Steps between two falls of "exponential"; not always whole.
    power
        Of "polynomial".
    patience
        Epochs in a row without a better loss after which "plateau" falls.
    losses
        On the held-out images, of every epoch so far.
    """

    warmup: int
    total: int
    milestones: tuple[float, ...] = ()
    decay_rate: float = 0.1
    decay_steps: float = 1.0
    power: float = 1.0
    patience: int = 10
    losses: Sequence[float] = ()


def cosine(step: int, course: Course) -> float:
    """Half a cosine, from the end of warm-up to zero. Loshchilov & Hutter 2016, https://arxiv.org/abs/1608.03983."""
    return (1 + math.cos(math.pi * (step - course.warmup) / (course.total - course.warmup))) / 2


def polynomial(step: int, course: Course) -> float:
    """A power of what is left, from the end of warm-up to zero. You et al. 2017, https://arxiv.org/abs/1708.03888."""
    return (1 - (step - course.warmup) / (course.total - course.warmup)) ** course.power


def stairs(step: int, course: Course) -> float:
    """A fall at every milestone, counted from the start: 30, 60 and 80 of 90 epochs in https://arxiv.org/abs/1706.02677."""
    if course.milestones:
        return course.decay_rate ** sum(step >= milestone for milestone in course.milestones)
    return course.decay_rate ** sum(9 * step >= ninths * course.total for ninths in (3, 6, 8))


def exponential(step: int, course: Course) -> float:
    """Even stairs, counted from the start, so some have passed when warm-up ends: EfficientNet's published code."""
    return course.decay_rate ** math.floor(step / course.decay_steps)


def plateau(step: int, course: Course) -> float:
    """A fall whenever the held-out loss gets no better: "when the error plateaus", https://arxiv.org/abs/1512.03385.

    All that it remembers follows from the history, which is saved with the training.
    """
    best, waited, falls = math.inf, 0, 0
    for loss in course.losses:
        best, waited = (loss, 0) if loss < best else (best, waited + 1)
        if waited == course.patience:
            waited, falls = 0, falls + 1
    return course.decay_rate**falls


def constant(step: int, course: Course) -> float:
    """The full rate to the end."""
    return 1.0


SCHEDULES: dict[str, Callable[[int, Course], float]] = {
    "cosine": cosine,
    "polynomial": polynomial,
    "step": stairs,
    "exponential": exponential,
    "plateau": plateau,
    "constant": constant,
}


def share(schedule: str, step: int, course: Course) -> float:
    """The share of the full rate at ``step``, counted from 0; it climbs evenly during warm-up."""
    return (step + 1) / course.warmup if step < course.warmup else SCHEDULES[schedule](step, course)
