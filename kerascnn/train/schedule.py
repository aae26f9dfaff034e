"""Learning-rate schedules: what share of the full rate a step gets. Plain numbers, so that a resumed run is exact."""

import math
from collections.abc import Callable


def cosine(step: int, warmup: int, total: int) -> float:
    """Half a cosine, from the end of warm-up to zero. Loshchilov & Hutter 2016, https://arxiv.org/abs/1608.03983."""
    return (1 + math.cos(math.pi * (step - warmup) / (total - warmup))) / 2


def stairs(step: int, warmup: int, total: int) -> float:
    """A tenth after 1/3, 2/3 and 8/9 of all steps: 30, 60 and 80 of the 90 epochs of https://arxiv.org/abs/1706.02677."""
    return 0.1 ** sum(9 * step >= ninths * total for ninths in (3, 6, 8))


def constant(step: int, warmup: int, total: int) -> float:
    """The full rate to the end."""
    return 1.0


SCHEDULES: dict[str, Callable[[int, int, int], float]] = {"cosine": cosine, "step": stairs, "constant": constant}


def share(schedule: str, step: int, warmup: int, total: int) -> float:
    """The share of the full rate at ``step``, counted from 0; it climbs evenly during ``warmup`` steps."""
    return (step + 1) / warmup if step < warmup else SCHEDULES[schedule](step, warmup, total)
