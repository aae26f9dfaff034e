"""The progress bar of whatever runs a classifier for long."""

from collections.abc import Generator, Iterable
from time import monotonic
from typing import TypeVar

PATIENCE = 2.0  # seconds before a progress bar appears

Item = TypeVar("Item")


def with_bar(items: Iterable[Item], what: str, total: int | None) -> Generator[Item]:
    """The same items; a bar counts them once patience has run out."""
    from rich.console import Console
    from rich.progress import Progress

    bar = Progress(console=Console(stderr=True), transient=True)
    task = bar.add_task(what, total=total)
    begun = monotonic()
    try:
        for item in items:
            yield item
            bar.advance(task)
            if monotonic() - begun > PATIENCE:
                bar.start()
    finally:
        bar.live.stop()  # not bar.stop(), which writes an empty line even when the bar never appeared
