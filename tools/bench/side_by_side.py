"""Ours beside others', measured in turns, so that whatever else the machine does meets all alike.

What is measured is an iterator of numbers: each time it is asked, it measures once more. The first number is of its
start, and enters no median.
"""

import csv
import io
import os
import re
import resource
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import quantiles
from typing import Any

from kerascnn.files import write_text

STATUS = Path("/proc/self/status")  # elsewhere on Linux, a process begins with the peak of the one that started it
UNIT = 1 if sys.platform == "darwin" else 1024  # of the peak of memory, in bytes

Measures = Iterator[float]


@dataclass
class Found:
    """What was measured of one way: a number of its start, then one in each round; and its memory, if it runs apart."""

    first: float
    values: list[float] = field(default_factory=list)
    megabytes: float | None = None


class Apart:
    """Measures of a process of its own, which waits while others are measured.

    ``make`` is a function at the top level of a module. What it yields first says that it has imported what it needs,
    from where its memory counts; then come the measures.
    """

    def __init__(self, make: Callable[..., Measures], *arguments: Any):
        context = get_context("spawn")
        self.megabytes = 0.0
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=answer, args=(theirs, make, arguments), daemon=True)
        self._process.start()
        theirs.close()

    def __iter__(self) -> "Apart":
        return self

    def __next__(self) -> float:
        try:
            self._pipe.send(None)
            value = self._pipe.recv()
        except (EOFError, OSError):
            self._process.join()
            raise RuntimeError(f"its process has ended with status {self._process.exitcode}") from None
        if isinstance(value, str):
            raise RuntimeError(value)
        value, self.megabytes = value
        return value

    def close(self) -> None:
        self._process.kill()
        self._process.join()


def answer(pipe: Connection, make: Callable[..., Measures], arguments: Sequence[Any]) -> None:
    """In the process of its own: measure whenever it is asked, until the other end is gone."""
    try:
        next(measures := make(*arguments))
        before = peak()
        while True:
            pipe.recv()
            pipe.send((next(measures), (peak() - before) / 1e6))
    except EOFError:
        pass
    except Exception as error:
        pipe.send(f"{type(error).__name__}: {str(error).strip()[:300]}")


def peak() -> int:
    """The most memory that this process has held, in bytes."""
    known = re.search(r"VmHWM:\s*(\d+) kB", STATUS.read_text()) if STATUS.exists() else None
    return int(known[1]) * 1024 if known else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * UNIT


def compare(ways: Mapping[str, Callable[[], Measures]], rounds: int, *, told: bool = False) -> dict[str, Found]:
    """What each way measures in so many rounds; each round begins with another. What does not run is said to.

    ``told``: a line for each way that is ready and for each round, so that a log shows how far it has come.
    """
    running, found = {name: start() for name, start in ways.items()}, {}
    everything = [*running.values()]
    try:
        for name, measures in [*running.items()]:
            try:
                found[name] = Found(next(measures))
            except Exception as error:
                print(f"{name} does not run here: {type(error).__name__}: {str(error).strip()[:300]}", flush=True)
                del running[name]
            else:
                tell(told, f"{name} is ready")
        for number in range(rounds):
            first = number % max(len(running), 1)
            for name in [*[*running][first:], *[*running][:first]]:
                found[name].values.append(next(running[name]))
                found[name].megabytes = getattr(running[name], "megabytes", None)
            tell(told, f"round {number + 1} of {rounds}")
    finally:
        for measures in everything:
            if isinstance(measures, Apart):
                measures.close()
    return found


def tell(told: bool, line: str) -> None:
    if told:
        print(f"  {time.strftime('%H:%M:%S')} {line}", flush=True)


def spread(values: Sequence[float]) -> tuple[float, float, float]:
    """The lower quartile, the median and the upper quartile."""
    lower, middle, upper = quantiles(values, n=4, method="inclusive") if len(values) > 1 else [*values] * 3
    return lower, middle, upper


def ratios(ours: Found, theirs: Found) -> tuple[float, float, float]:
    """The spread of ours divided by theirs, round by round."""
    return spread([a / b for a, b in zip(ours.values, theirs.values, strict=True)])


def cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def load() -> float:
    """Processes that wanted a core in the last minute."""
    return os.getloadavg()[0]


def versions(*packages: str) -> str:
    return " ".join(f"{package}={version(package)}" for package in packages)


def keep(file: Path, key: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows into a CSV in the place of those of the same key; others stay as they are."""
    old = list(csv.DictReader(file.open(encoding="utf-8", newline=""))) if file.exists() else []
    lines = {tuple(str(row[name]) for name in key): row for row in [*old, *rows]}
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    writer.writerows(lines.values())
    write_text(file, text.getvalue())
