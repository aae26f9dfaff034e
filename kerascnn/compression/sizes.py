"""What compression saves, measured: bytes, bytes after gzip, and latency, of model files side by side in one run."""

import gzip
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kerascnn.runtime import Runner, latency, open_model


@dataclass(frozen=True, kw_only=True)
class Footprint:
    """What a model file takes."""

    path: Path
    bytes: int  # what it takes on a phone
    gzipped: int  # its size after gzip, which is about what an app store sends
    latency_ms: float  # median time of an image
    spread_ms: tuple[float, float]  # first and third quartile of the times


def footprints(files: Iterable[str | os.PathLike], *, repeats: int = 50) -> list[Footprint]:
    """Measure ``.tflite``, ``.onnx`` or ``.keras`` files, in turns, on one thread where the runtime lets choose.

    Turns, because a machine that is slowed down for a second then slows all of them; in another order each time, and
    each after a run that is not timed, because a large network leaves the next one a cold cache.

    Raises
    ------
    FileNotFoundError, ValueError, ImportError
        When a file is missing or damaged, takes images of any size, or its runtime is not installed.
    """
    paths = [Path(file) for file in files]
    runners = [open_model(path, threads=None if path.suffix == ".keras" else 1) for path in paths]
    times = taken(runners, repeats)
    return [
        Footprint(
            path=path,
            bytes=path.stat().st_size,
            gzipped=len(gzip.compress(path.read_bytes(), mtime=0)),
            latency_ms=float(np.median(ms)),
            spread_ms=(float(np.quantile(ms, 0.25)), float(np.quantile(ms, 0.75))),
        )
        for path, ms in zip(paths, times, strict=True)
    ]


def taken(runners: list[Runner], repeats: int) -> np.ndarray:
    """Milliseconds of one image, (files, repeats)."""
    for runner in runners:
        latency(runner, repeats=1)  # warms it up, and refuses what has no one latency
    random = np.random.default_rng(0)
    images = [random.standard_normal((1, *map(int, r.input_shape)), "float32") for r in runners]  # pyright: ignore[reportArgumentType]
    times = np.empty((len(runners), repeats))
    for turn in range(repeats):
        for number in random.permutation(len(runners)):
            runners[number](images[number])
            start = time.perf_counter()
            runners[number](images[number])
            times[number, turn] = 1e3 * (time.perf_counter() - start)
    return times


def verdict(before: Footprint, after: Footprint) -> str:
    """In a sentence, what ``after`` saves; and plainly when it is no smaller or no faster.

    It counts as faster when three in four of its times are below three in four of the other's.
    """
    file, sent = before.bytes / after.bytes, before.gzipped / after.gzipped
    sizes = f"The file is {ratio(file, 'smaller')}, and {ratio(sent, 'smaller')} after gzip"
    if after.spread_ms[1] < before.spread_ms[0]:
        return f"{sizes}; it runs {before.latency_ms / after.latency_ms:.2f} times as fast."
    slower = after.spread_ms[0] > before.spread_ms[1]
    return f"{sizes}; {'it is slower' if slower else 'there is no speed-up'}."


def ratio(times: float, what: str) -> str:
    return f"{times:.2f} times {what}" if times > 1.01 else f"no {what}"
