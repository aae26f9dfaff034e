"""What a training shows of itself: a bar while an epoch runs on a terminal, and one line when it is over."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Watch = Callable[[int, dict[str, float]], None]


@contextmanager
def epoch_bar(title: str, steps: int, batch: int, *, shown: bool = True) -> Iterator[Watch]:
    """A bar over the steps of an epoch; moved by calling it with the steps done and the meters."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    begun = time.monotonic()
    with Progress(*columns, console=console, transient=True, disable=not (shown and console.is_terminal)) as bar:
        task = bar.add_task(title, total=steps)

        def watch(done: int, meters: dict[str, float]) -> None:
            speed = done * batch / max(time.monotonic() - begun, 1e-9)
            text = f"{title}  loss {meters['loss']:.4f}  top-1 {meters['top1']:.2%}  {speed:,.0f} images/s"
            bar.update(task, completed=done, description=text)

        yield watch


def line(title: str, record: dict[str, float], images: int) -> str:
    """One epoch in one line."""
    return (
        f"{title}  loss {record['loss']:.4f}  top-1 {record['top1']:.2%}  "
        f"held out: loss {record['val_loss']:.4f}  top-1 {record['val_top1']:.2%}  "
        f"lr {record['lr']:.3g}  {images / max(record['seconds'], 1e-9):,.0f} images/s"
    )
