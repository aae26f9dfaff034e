"""How time and memory grow with the batch, the resolution, the width, the depth, the workers and the data.

    python tools/bench/growth.py                    # all of them
    python tools/bench/growth.py depth images

Each sweep changes one thing, and gives time and memory by the unit of what is done: of an image in the batch, of a
pixel, of a multiply-add, of a layer, of an image in a folder. Where a line is flat, twice as much costs twice as much;
where it falls, what is spent once is shared by more; ``tools/bench/LOG.md`` says why where one rises. Steps are those
of ``kerascnn.train``, on noise, as in ``tools/bench/step.py``, in a process of its own each; memory is the most that it
holds beyond what its imports do. "workers" trains one recipe with one process and with two, of a core each. "images"
opens a folder of so many files, for the first time and again, and reads all of it once. Writes the table
``tools/bench/growth.csv`` and draws ``tools/bench/growth.svg``; sweeps that are not run stay as they are.
"""

import argparse
import csv
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # as the commands do

from side_by_side import Apart, Measures, cores, keep, load, versions
from step import ours

from kerascnn.files import written_whole

FILE = Path(__file__).with_suffix(".csv")
RECIPE = Path(__file__).parents[2] / "recipes/digits.py"
ROUNDS = 3
Point = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sweeps", nargs="*", metavar="sweep", help=f"among {', '.join(SWEEPS)}; all, if none")
    parser.add_argument("--write", type=Path, default=FILE, help="the CSV that is written, and the drawing beside it")
    options = parser.parse_args()
    if unknown := {*options.sweeps} - {*SWEEPS}:
        parser.error(f"there is no sweep {', '.join(sorted(unknown))}; there are {', '.join(SWEEPS)}")
    for sweep in options.sweeps or SWEEPS:
        print(f"{sweep}, load {load():.1f}", flush=True)
        rows = []
        for point in SWEEPS[sweep]():
            row = {"sweep": sweep} | point | {"cores": cores(), "load": f"{load():.1f}"}
            row |= {"versions": versions("tensorflow", "keras")}
            print(f"  {row['what']:24}{row['at']:>10}  {row['seconds']} s, {row['megabytes']} MB", end="")
            print(f", by {row['unit']} {row['by_unit']} ms, {row['memory_by_unit']} kB", flush=True)
            rows.append(row)
        keep(options.write, ("sweep", "what", "at"), rows)
    draw(options.write)


def point(what: str, at: float, unit: str, units: float, seconds: float, megabytes: float) -> Point:
    return {"what": what, "at": at, "unit": unit, "seconds": f"{seconds:.4g}", "megabytes": f"{megabytes:.0f}"} | {
        "by_unit": f"{1e3 * seconds / units:.4g}",
        "memory_by_unit": f"{1e3 * megabytes / units:.4g}",
    }


def stepped(name: str, batch: int, size: int) -> tuple[float, float, float]:
    """Seconds until the first step is done, seconds of a step, and megabytes."""
    measures = Apart(ours, name, batch, size, 1, cores())
    try:
        first = next(measures)
        return first, median(next(measures) for _ in range(ROUNDS)), measures.megabytes
    finally:
        measures.close()


def of_batch() -> Iterator[Point]:
    for batch in (1, 2, 4, 8, 16, 32, 64):
        _, seconds, megabytes = stepped("mobilenet_v2", batch, 128)
        yield point("step", batch, "image", batch, seconds, megabytes)


def of_resolution() -> Iterator[Point]:
    for size in (64, 96, 128, 192, 256, 384):
        _, seconds, megabytes = stepped("mobilenet_v2", 4, size)
        yield point("step", size, "thousand pixels", 4 * size**2 / 1e3, seconds, megabytes)


def of_width() -> Iterator[Point]:
    from kerascnn.ledger import published

    for alpha in (35, 50, 75, 100, 140):
        entry = published(name := f"mobilenet_v2_{alpha:03d}", 224)
        assert entry
        _, seconds, megabytes = stepped(name, 8, 160)
        yield point("step", alpha / 100, "million multiply-adds", 8 * 1e3 * entry.gmacs, seconds, megabytes)


def of_depth() -> Iterator[Point]:
    for layers in (20, 56, 110, 1202):
        first, seconds, megabytes = stepped(f"resnet{layers}_cifar", 4, 32)
        yield point("step", layers, "layer", layers, seconds, megabytes)
        yield point("until the first step", layers, "layer", layers, first, megabytes)


def of_workers() -> Iterator[Point]:
    """Seconds of an epoch of ResNet-20 on digits, over processes that have a core each."""
    for count in (1, 2):
        addresses = [f"localhost:{port}" for port in free_ports(count)]
        with tempfile.TemporaryDirectory() as folder:
            running = [trained(Path(folder), addresses, index) for index in range(count)]
            lines, _ = running[0].communicate()
            for process in running[1:]:
                process.communicate()
        (images,) = set(map(int, re.findall(r"(\d+) images to train on", lines)))
        speed = float(re.findall(r"([\d,]+) images/s", lines)[-1].replace(",", ""))
        yield point("epoch", count, "image", images, images / speed, float("nan"))


def trained(folder: Path, addresses: list[str], index: int) -> subprocess.Popen:
    """One worker of a training, on a core of its own."""
    task = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
    several = {"TF_CONFIG": json.dumps(task)} if len(addresses) > 1 else {}
    command = [sys.executable, "-m", "kerascnn.cli", "train", str(RECIPE), "--out", str(folder), "--export"]
    command += ["--set", "length.epochs=4", "--strategy", "workers" if several else "one"]
    return subprocess.Popen(
        command,
        env=os.environ | several,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=lambda: os.sched_setaffinity(0, {index}),
    )


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def of_images() -> Iterator[Point]:
    for count in (10, 100, 1_000, 10_000, 100_000):
        with tempfile.TemporaryDirectory() as folder:
            write_images(Path(folder), count)
            for what, way in {"open a folder": opened, "open it again": opened, "read all of it": read}.items():
                measures = Apart(way, folder)
                try:
                    yield point(what, count, "image", count, next(measures), measures.megabytes)
                finally:
                    measures.close()


def write_images(folder: Path, count: int) -> None:
    """Two classes of JPEGs of 64 pixels; there are a hundred files, and other names of them."""
    import numpy as np
    from PIL import Image

    rng = np.random.default_rng(0)
    for number in range(count):
        file = folder / f"class{number % 2}" / f"{number}.jpg"
        file.parent.mkdir(exist_ok=True)
        if number < 100:
            coarse = Image.fromarray(rng.integers(0, 256, (8, 8, 3), np.uint8))
            coarse.resize((64, 64), Image.Resampling.BICUBIC).save(file)
        else:
            os.link(folder / f"class{number % 2}" / f"{number % 100}.jpg", file)


def opened(folder: str) -> Measures:
    from kerascnn.data import open_source

    yield 0
    begun = time.perf_counter()
    open_source(folder)
    yield time.perf_counter() - begun


def read(folder: str) -> Measures:
    from kerascnn.data import open_source
    from kerascnn.data.pipeline import batches
    from kerascnn.spec import Preprocess

    yield 0
    split = open_source(folder).whole()
    begun = time.perf_counter()
    for _ in batches(split, Preprocess(size=32), 64):
        pass
    yield time.perf_counter() - begun


SWEEPS: dict[str, Callable[[], Iterator[Point]]] = {
    "batch": of_batch,
    "resolution": of_resolution,
    "width": of_width,
    "depth": of_depth,
    "workers": of_workers,
    "images": of_images,
}


def draw(file: Path) -> None:
    """A panel for each sweep: time and memory by the unit, as multiples of the least."""
    from matplotlib.figure import Figure

    with file.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    sweeps = list(dict.fromkeys(row["sweep"] for row in rows))
    figure = Figure(figsize=(10, 3 * -(-len(sweeps) // 3)), layout="constrained")
    for number, sweep in enumerate(sweeps, 1):
        axes = figure.add_subplot(-(-len(sweeps) // 3), 3, number)
        of_sweep = [row for row in rows if row["sweep"] == sweep]
        for what in dict.fromkeys(row["what"] for row in of_sweep):
            these = sorted((float(row["at"]), row) for row in of_sweep if row["what"] == what)
            for column, style in {"by_unit": "-", "memory_by_unit": ":"}.items():
                values = [float(row[column]) for _, row in these]
                if all(value > 0 for value in values):
                    label = f"{what}, {'time' if style == '-' else 'memory'}"
                    x, y = [at for at, _ in these], [value / min(values) for value in values]
                    axes.plot(x, y, style, marker="o", markersize=3, label=label)
        axes.set(xscale="log", yscale="log", title=sweep, ylabel=f"by {of_sweep[0]['unit']}, of the least")
        places = sorted({float(row["at"]) for row in of_sweep})
        axes.set_xticks(places, [f"{at:g}" for at in places], fontsize=7)
        axes.minorticks_off()
        axes.set_ylim(bottom=0.9)
        axes.legend(fontsize=6, frameon=False)
    with written_whole(file.with_suffix(".svg")) as draft:
        figure.savefig(draft, format="svg", metadata={"Date": None})


if __name__ == "__main__":
    main()
