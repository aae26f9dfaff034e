"""The progress bar of the package: on standard error, on a terminal only, and only of what takes longer than a moment.

It appears after ``PATIENCE`` seconds and leaves nothing behind. Native code may be kept quiet meanwhile: the bar is
written to a copy of standard error.
"""

import os
import sys
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from operator import length_hint
from threading import Timer
from typing import Any, TypeVar

PATIENCE = 2.0  # seconds before a bar appears

Item = TypeVar("Item")


def track(items: Iterable[Item], title: str, total: int | None = None, *, shown: bool = True) -> Generator[Item]:
    """Pass items on, counted by a bar whose ``title`` says what is being done: ``"checking images"``.

    ``total`` is the number of items; None: their length, where they have one. Without ``shown`` there is no bar, for
    instance at all workers but the chief.
    """
    with bar(title, total or length_hint(items) or None, shown=shown) as move:
        for item in items:
            yield item
            move()


@contextmanager
def bar(
    title: str, total: int | None = None, *, done: int = 0, sizes: bool = False, shown: bool = True
) -> Iterator[Callable[..., None]]:
    """A bar that is moved by hand, with ``move(count=1, note="")``; the note stands beside the title.

    Without a ``total``, of which ``done`` was done before, it only shows that something is going on; with ``sizes`` it
    counts bytes.
    """
    from rich.console import Console

    if not (shown and Console(stderr=True).is_terminal):
        yield lambda count=1, note="": None
        return
    from rich.progress import BarColumn, DownloadColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    how_far = [] if total is None else [DownloadColumn() if sizes else TaskProgressColumn(), TimeRemainingColumn()]
    with copy_of_stderr() as terminal:
        progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            *how_far,
            console=Console(file=terminal),
            transient=True,
            redirect_stdout=sys.stdout.isatty(),  # what goes into a file goes on going there
        )
        task = progress.add_task(title, total=total, completed=done)

        def move(count: int = 1, note: str = "") -> None:
            progress.update(task, advance=count, description=f"{title}  {note}".strip())

        timer = Timer(PATIENCE, progress.start)
        timer.daemon = True
        timer.start()
        try:
            yield move
        finally:
            timer.cancel()
            timer.join()
            if progress.live.is_started:
                progress.stop()


@contextmanager
def steps() -> Iterator[Callable[[str], None]]:
    """Name what is being done, step after step: ``with steps() as step: step("writing the file"); ...``."""
    with bar("") as move:
        yield lambda step: move(0, step)


@contextmanager
def copy_of_stderr() -> Iterator[Any]:
    try:
        copy = os.dup(sys.stderr.fileno())
    except (OSError, AttributeError):  # standard error is no file, in notebooks and tests
        yield sys.stderr
        return
    with os.fdopen(copy, "w") as terminal:
        yield terminal
