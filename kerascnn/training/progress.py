"""What a training shows of itself: a bar while an epoch runs, and one line when it is over."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from kerascnn.progress import bar

Watch = Callable[[int, dict[str, float]], None]


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


def numbers(meters: dict[str, float]) -> str:
    """The loss, and metrics in percent."""
    return "  ".join(
        f"{name} {value:.4f}" if name == "loss" else f"{name} {value:.2%}" for name, value in meters.items()
    )
