"""How long it takes to make a network ready for training that knows of int8: python tools/bench/qat.py DenseNet121."""

import argparse
import time

import numpy as np
from side_by_side import cores, load

from kerascnn.catalogue import build
from kerascnn.compression.quantization import prepared
from kerascnn.compression.tuning import Tuning, dataset


def main() -> None:
    """Print the seconds of drawing the network, of making it ready, and of its first step and a later one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="+", help="rows of the catalogue")
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--batch", type=int, default=8)
    given = parser.parse_args()
    print(f"{cores()} cores, load {load():.1f}")
    for name in given.names:
        start = time.perf_counter()
        model = build(name, input_shape=(given.size, given.size, 3), classes=10)
        images = np.random.default_rng(0).normal(size=(given.batch, *model.input_shape[1:])).astype("float32")
        drawn = time.perf_counter()
        _, training_copy = prepared(model, dataset((images, np.arange(given.batch) % 10), Tuning(batch=given.batch)))
        ready = time.perf_counter()
        layers = len(training_copy.network.layers)
        print(f"{name}: drawn in {drawn - start:.1f} s, ready in {ready - drawn:.1f} s, {layers} layers", flush=True)


if __name__ == "__main__":
    main()
