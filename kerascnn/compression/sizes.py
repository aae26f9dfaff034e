"""What compression saves, measured: bytes, bytes after gzip, and latency, of model files side by side in one run."""

import gzip
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kerascnn.runtime import latencies, open_model


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

    Raises
    ------
    FileNotFoundError, ValueError, ImportError
        When a file is missing or damaged, takes images of any size, or its runtime is not installed.
    """
    paths = [Path(file) for file in files]
    runners = [open_model(path, threads=None if path.suffix == ".keras" else 1) for path in paths]
    times = latencies(runners, repeats=repeats)
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
