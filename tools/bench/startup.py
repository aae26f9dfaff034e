"""Seconds until a network is there to be used, ours beside keras.applications': built, built with weights, loaded.

    python tools/bench/startup.py                            # all of them
    python tools/bench/startup.py resnet50 --rounds 20

Both have a process of their own, and while one works the other waits; the files lie in the page cache. "build" is the
network with random weights, "weights" the same filled from a file of weights as each package writes it
(``.weights.h5``), "timm" ours from a file of theirs, "load" a saved ``.keras`` file, by ``kerascnn.load_keras`` and by
``keras.saving.load_model``. "read" is the file of weights read and copied into memory: what a disk that is as fast as
memory would allow. Then new processes: ``import kerascnn`` beside ``import keras``, and ``kerascnn list``. A number is
the median of the rounds, with quartiles, and a ratio is that of ours to theirs: below 1, ours is faster. Writes
``tools/bench/startup.csv``, a network at a time. Needs the extra ``parity`` for the files of timm.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # as the commands do

from side_by_side import Apart, Measures, compare, cores, keep, load, ratios, spread, versions

FILE = Path(__file__).with_suffix(".csv")
NETWORKS = {  # by our names, and what others call them
    "mobilenet_v2": ("MobileNetV2", "mobilenetv2_100"),
    "efficientnet_b0": ("EfficientNetB0", ""),  # whose file of timm's could be that of two networks
    "resnet50": ("ResNet50", ""),
    "resnet50_v1_5": ("", "resnet50"),
    "densenet121": ("DenseNet121", "densenet121"),
    "inception_resnet_v2": ("InceptionResNetV2", "inception_resnet_v2"),
}
COMMANDS = {  # Python's arguments
    "import kerascnn": ("-c", "import kerascnn"),
    "import keras": ("-c", "import keras"),
    "kerascnn list": ("-m", "kerascnn.cli", "list"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="*", metavar="network", help=f"among {', '.join(NETWORKS)}; all, if none")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--write", type=Path, default=FILE, help="the CSV that is written")
    options = parser.parse_args()
    if unknown := {*options.networks} - {*NETWORKS}:
        parser.error(f"there is no row for {', '.join(sorted(unknown))}; there are {', '.join(NETWORKS)}")
    for network in options.networks or NETWORKS:
        with tempfile.TemporaryDirectory() as folder:
            keep(options.write, ("network", "what", "way"), measured(network, Path(folder), options.rounds))
    keep(options.write, ("network", "what", "way"), commands(options.rounds))


def measured(network: str, folder: Path, rounds: int) -> list[dict[str, Any]]:
    keras_name, timm_name = NETWORKS[network]
    next(files := Apart(write_files, network, keras_name, timm_name, folder))
    files.close()
    print(f"{network}, {cores()} cores, load {load():.1f}")
    rows = []
    for what in ("build", "weights", "load"):
        ways: dict[str, Callable[[], Measures]] = {"kerascnn": partial(Apart, ours, network, what, folder)}
        if keras_name:
            ways["keras.applications"] = partial(Apart, theirs, keras_name, what, folder)
        if what == "weights":
            ways["read"] = partial(reads, folder / "ours.weights.h5")
        rows += told(network, what, compare(ways, rounds))
    if timm_name:
        ways = {"kerascnn": partial(Apart, ours, network, "timm", folder), "read": partial(reads, folder / "timm.pth")}
        rows += told(network, "timm", compare(ways, rounds))
    return rows


def commands(rounds: int) -> list[dict[str, Any]]:
    found = compare({name: partial(runs, *arguments) for name, arguments in COMMANDS.items()}, rounds)
    return [row for name in COMMANDS for row in told("", "process", {name: found[name]})]


def told(network: str, what: str, found: dict[str, Any]) -> list[dict[str, Any]]:
    """Print what was measured, and give it as lines of the table; the first way is ours."""
    rows, first = [], next(iter(found.values()))
    for way, these in found.items():
        (low, middle, high), (least, ratio, most) = spread(these.values), ratios(first, these)
        print(f"  {what:8}{way:24}{middle:8.3f} s ({low:.3f} to {high:.3f})  ours / this {ratio:.2f}", flush=True)
        rows.append(
            {"network": network, "what": what, "way": way}
            | {"seconds": f"{middle:.4f}", "lower": f"{low:.4f}", "upper": f"{high:.4f}"}
            | {"ratio": f"{ratio:.3f}", "ratio_lower": f"{least:.3f}", "ratio_upper": f"{most:.3f}"}
            | {"rounds": len(these.values), "cores": cores(), "load": f"{load():.1f}"}
            | {"versions": versions("tensorflow", "keras")}
        )
    return rows


def write_files(network: str, keras_name: str, timm_name: str, folder: Path) -> Measures:
    import keras

    from kerascnn import build

    yield 0
    model = build(network)
    model.save(folder / "ours.keras")
    model.save_weights(folder / "ours.weights.h5")
    if keras_name:
        model = getattr(keras.applications, keras_name)(weights=None)
        model.save(folder / "theirs.keras")
        model.save_weights(folder / "theirs.weights.h5")
    if timm_name:
        sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
        from references import import_torchvision

        import_torchvision()
        import timm
        import torch

        torch.save(timm.create_model(timm_name).state_dict(), folder / "timm.pth")
    yield 0


def ours(network: str, what: str, folder: Path) -> Measures:
    from kerascnn import build
    from kerascnn.runtime import load_keras

    ways: dict[str, Callable[[], Any]] = {
        "build": lambda: build(network),
        "weights": lambda: build(network, weights=str(folder / "ours.weights.h5")),
        "timm": lambda: build(network, weights=str(folder / "timm.pth")),
        "load": lambda: load_keras(folder / "ours.keras"),
    }
    yield 0
    yield from timed(ways[what])


def theirs(name: str, what: str, folder: Path) -> Measures:
    import keras

    make = getattr(keras.applications, name)
    ways: dict[str, Callable[[], Any]] = {
        "build": lambda: make(weights=None),
        "weights": lambda: make(weights=str(folder / "theirs.weights.h5")),
        "load": lambda: keras.saving.load_model(folder / "theirs.keras"),
    }
    yield 0
    yield from timed(ways[what])


def reads(file: Path) -> Measures:
    """Seconds to read a file into memory and to copy it there, as a variable takes its value."""
    yield from timed(lambda: bytearray(file.read_bytes()))


def runs(*arguments: str) -> Measures:
    """Seconds of a new process of this Python."""
    yield from timed(lambda: subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL))


def timed(action: Callable[[], Any]) -> Measures:
    while True:
        begun = time.perf_counter()
        kept = action()
        yield time.perf_counter() - begun
        del kept


if __name__ == "__main__":
    main()
