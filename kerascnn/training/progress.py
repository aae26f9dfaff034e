"""What a training shows of itself: a bar while an epoch runs, and one line when it is over."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from kerascnn.progress import PATIENCE, bar

Watch = Callable[[int, dict[str, float]], None]
TOO_LONG = 1 / 3  # of the time of steps: more than that, and waiting for images is worth a word


@contextmanager
def epoch_bar(title: str, steps: int, batch: int, *, shown: bool = True) -> Iterator[Watch]:
    """A bar over the steps of an epoch; moved by calling it with the steps done and the meters."""
    begun, before = time.monotonic(), 0
    with bar(title, steps, shown=shown) as move:

        def watch(done: int, meters: dict[str, float]) -> None:
            nonlocal before
            speed = done * batch / max(time.monotonic() - begun, 1e-9)
            move(done - before, f"{numbers(meters)}  {speed:,.0f} images/s")
            before = done

        yield watch


def line(title: str, record: dict[str, float], metric: str, images: int) -> str:
    """One epoch in one line."""
    validation = {name: record[f"val_{name}"] for name in ("loss", metric)}
    return (
        f"{title}  {numbers({name: record[name] for name in validation})}  validation: {numbers(validation)}  "
        f"lr {record['lr']:.3g}  {images / max(record['seconds'], 1e-9):,.0f} images/s"
    )


class Waits:
    """Batches as they come, and for how long whoever takes them waits.

    Nothing counts before the first is there and has been used: until then the pipeline starts and steps are traced.
    """

    def __init__(self, batches: Iterator[Any]):
        self.batches, self.taken, self.waited, self.begun = batches, 0, 0.0, 0.0

    def __iter__(self) -> "Waits":
        return self

    def __next__(self) -> Any:
        asked = time.monotonic()
        batch = next(self.batches)
        if self.taken:
            self.waited += time.monotonic() - asked
        if self.taken == 1:
            self.begun = asked
        self.taken += 1
        return batch

    def advice(self, title: str, size: int) -> str:
        """What to do, where the steps until now waited for images too long; otherwise nothing."""
        share = self.waited / max(time.monotonic() - self.begun, 1e-9)
        if self.waited < PATIENCE or share < TOO_LONG:
            return ""
        return (
            f"{title}  steps waited {share:.0%} of the time for images, which {os.cpu_count()} cores prepare. "
            f"Use more cores, smaller image files (short side {round(size / 0.875)} px) or fewer augmentations"
        )


def numbers(meters: dict[str, float]) -> str:
    """The loss, and metrics in percent."""
    return "  ".join(
        f"{name} {value:.4f}" if name == "loss" else f"{name} {value:.2%}" for name, value in meters.items()
    )
