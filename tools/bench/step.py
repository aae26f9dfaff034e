"""Seconds and memory of a training step, ours beside others' of the same network.

    python tools/bench/step.py                                  # all of them
    python tools/bench/step.py mobilenet_v2 --beside timm --compile
    python tools/bench/step.py resnet50 --batch 8 --rounds 3 --beside keras.applications

All are trained on one batch of noise in memory, in float32, by cross-entropy over 1,000 classes and SGD with momentum;
ours and Keras' measure the accuracy besides. Each has a process of its own, and while one computes the others wait. A
round is ``--steps`` steps of each after one that is not counted; a number is the median of the rounds, with quartiles,
and a ratio is that of ours to theirs: below 1, ours is faster. On a machine that others use too, torch's threads wait
for each other, and its steps take many times as long; a second process of torch that waits beside it slows some
networks down, so ``--compile`` goes in the place of eager steps. Memory is the most that a process holds
beyond what its imports do. Writes ``tools/bench/step.csv``, a network at a time; lines of networks that are not run
stay as they are. Needs the extra ``parity``, and ``keras-hub`` beside it; what does not run is left out, with its
error.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable
from functools import partial
from itertools import repeat
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # as the commands do

import numpy as np
from side_by_side import Apart, Measures, compare, cores, keep, load, ratios, spread, versions

FILE = Path(__file__).with_suffix(".csv")
TESTS = Path(__file__).parents[2] / "tests"
CLASSES = 1000
RATE, MOMENTUM = 0.01, 0.9
PEERS = ("keras.applications", "keras-hub", "timm")
NETWORKS = {  # by our names, and what others call them
    "mobilenet_v2": {"keras.applications": "MobileNetV2", "timm": "mobilenetv2_100"},
    "efficientnet_b0": {
        "keras.applications": "EfficientNetB0",
        "keras-hub": "EfficientNet",
        "timm": "efficientnet_b0",
    },
    "resnet50": {"keras.applications": "ResNet50"},
    "resnet50_v1_5": {"keras-hub": "ResNet", "timm": "resnet50"},
    "densenet121": {"keras.applications": "DenseNet121", "keras-hub": "DenseNet", "timm": "densenet121"},
}
# By a backbone of keras-hub, what makes it that network: its configuration of timm's weights. It has no MobileNetV2.
HUB = {
    "ResNet": {
        "input_conv_filters": [64],
        "input_conv_kernel_sizes": [7],
        "stackwise_num_filters": [64, 128, 256, 512],
        "stackwise_num_blocks": [3, 4, 6, 3],
        "stackwise_num_strides": [1, 2, 2, 2],
        "block_type": "bottleneck_block",
    },
    "DenseNet": {"stackwise_num_repeats": [6, 12, 24, 16], "compression_ratio": 0.5, "growth_rate": 32},
    "EfficientNet": {
        "width_coefficient": 1.0,
        "depth_coefficient": 1.0,
        "stackwise_kernel_sizes": [3, 3, 5, 3, 5, 5, 3],
        "stackwise_num_repeats": [1, 2, 2, 3, 3, 4, 1],
        "stackwise_input_filters": [32, 16, 24, 40, 80, 112, 192],
        "stackwise_output_filters": [16, 24, 40, 80, 112, 192, 320],
        "stackwise_expansion_ratios": [1, 6, 6, 6, 6, 6, 6],
        "stackwise_strides": [1, 2, 2, 2, 1, 2, 1],
        "stackwise_squeeze_and_excite_ratios": [0.25] * 7,
        "stackwise_block_types": ["v1"] * 7,
    },
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="*", metavar="network", help=f"among {', '.join(NETWORKS)}; all, if none")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--size", type=int, default=224, help="pixels of a side")
    parser.add_argument("--steps", type=int, default=2, help="in each round")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=cores())
    parser.add_argument("--beside", nargs="+", choices=PEERS, default=PEERS, help="which others; all, if not said")
    parser.add_argument("--compile", action="store_true", help="run timm by torch.compile, and not eagerly")
    parser.add_argument("--remat", action="store_true", help="measure ours with remat too")
    parser.add_argument("--write", type=Path, default=FILE, help="the CSV that is written")
    options = parser.parse_args()
    if unknown := {*options.networks} - {*NETWORKS}:
        parser.error(f"there is no row for {', '.join(sorted(unknown))}; there are {', '.join(NETWORKS)}")
    for network in options.networks or NETWORKS:
        rows = measured(network, options)
        if len(rows) > 1:
            keep(options.write, ("network", "way"), rows)


def measured(network: str, options: argparse.Namespace) -> list[dict[str, Any]]:
    """Measure one network in every way, print what was found, and give it as lines of the table."""
    settings, before = (options.batch, options.size, options.steps, options.threads), load()
    names = {peer: name for peer, name in NETWORKS[network].items() if peer in options.beside}
    ways = {"kerascnn": partial(Apart, ours, network, *settings)}
    if options.remat:
        ways["kerascnn, remat"] = partial(Apart, ours, network, *settings, True)
    if name := names.get("keras.applications"):
        ways["keras.applications, fit"] = partial(Apart, fit, name, *settings)
    if name := names.get("keras-hub"):
        ways["keras-hub, fit"] = partial(Apart, hub, name, *settings)
    if name := names.get("timm"):
        way, steps = ("timm, compiled", compiled) if options.compile else ("timm, eager", eager)
        ways[way] = partial(Apart, steps, name, *settings)
    print(f"{network}, batch {options.batch} at {options.size} px, {options.threads} threads, load {before:.1f}")
    found = compare(ways, options.rounds, told=True)
    if "kerascnn" not in found:
        return []
    rows = []
    for way, these in found.items():
        (low, middle, high), (least, ratio, most) = spread(these.values), ratios(found["kerascnn"], these)
        print(
            f"  {way:24}{middle:8.3f} s ({low:.3f} to {high:.3f})  ours / this {ratio:.2f} ({least:.2f} to {most:.2f})"
        )
        print(f"  {'':24}{these.megabytes:8.0f} MB, first step after {these.first:.1f} s", flush=True)
        rows.append(
            {"network": network, "way": way}
            | {"seconds": f"{middle:.4f}", "lower": f"{low:.4f}", "upper": f"{high:.4f}"}
            | {"ratio": f"{ratio:.3f}", "ratio_lower": f"{least:.3f}", "ratio_upper": f"{most:.3f}"}
            | {"megabytes": f"{these.megabytes:.0f}", "first_seconds": f"{these.first:.1f}"}
            | {"batch": options.batch, "size": options.size, "threads": options.threads, "rounds": options.rounds}
            | {"load": f"{before:.1f}", "versions": versions("tensorflow", "keras", "torch", "timm")}
        )
    return rows


def noise(batch: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Images (B, H, W, 3) float32 and their classes (B,) int32."""
    rng = np.random.default_rng(0)
    return rng.normal(size=(batch, size, size, 3)).astype("float32"), rng.integers(0, CLASSES, batch).astype("int32")


def ours(name: str, batch: int, size: int, steps: int, threads: int, remat: bool = False) -> Measures:
    """Steps as ``kerascnn.train`` makes them."""
    use_of_tensorflow(threads)
    import tensorflow as tf

    from kerascnn.data import Data, Split
    from kerascnn.runtime import deep_graphs
    from kerascnn.training import SGD, Constant, Epochs, Input, Model, Recipe, open_strategy
    from kerascnn.training.drawing import draw_trained
    from kerascnn.training.resolve import resolve
    from kerascnn.training.step import Learner
    from kerascnn.training.workers import Workers

    yield 0
    begun = time.perf_counter()
    images, classes = noise(batch, size)
    some = Split(np.zeros((batch, size, size, 3), np.uint8), {"label": classes})
    data = Data(train=some, validation=some, labels=tuple(map(str, range(CLASSES))), channels=3)
    recipe = Recipe(
        model=Model(name),
        length=Epochs(1),
        data="",
        batch=batch,
        input=Input(size=size),
        optimizer=SGD(lr=RATE, momentum=MOMENTUM),
        schedule=Constant(),
    )
    resolved = resolve(recipe, data)
    with deep_graphs():
        learner = Learner(draw_trained(resolved, "float32"), resolved, Workers(open_strategy("one")), remat=remat)
    batches = repeat((tf.constant(images), {"label": tf.constant(classes)}))
    with deep_graphs(), learner.training():
        yield from timed(lambda: learner.step(batches), steps, begun)


def fit(name: str, batch: int, size: int, steps: int, threads: int) -> Measures:
    """``Model.fit`` of a network of keras.applications."""
    use_of_tensorflow(threads)
    yield from fitted(lambda: references().keras_model(name, size, CLASSES), batch, size, steps)


def hub(name: str, batch: int, size: int, steps: int, threads: int) -> Measures:
    """``Model.fit`` of a network of keras-hub."""
    use_of_tensorflow(threads)
    import keras_hub  # pyright: ignore[reportMissingImports]

    def drawn() -> Any:
        kind = getattr(keras_hub.models, f"{name}Backbone")
        shape = {"input_shape" if name == "EfficientNet" else "image_shape": (size, size, 3)}
        return keras_hub.models.ImageClassifier(
            kind(**HUB[name], **shape), num_classes=CLASSES, preprocessor=None, activation="softmax"
        )

    yield from fitted(drawn, batch, size, steps)


def fitted(draw: Callable[[], Any], batch: int, size: int, steps: int) -> Measures:
    """Seconds until a network is drawn and the first step is done, then those of a step, by ``Model.fit``."""
    import keras
    import tensorflow as tf

    yield 0
    begun = time.perf_counter()
    model = draw()
    sgd = keras.optimizers.SGD(RATE, momentum=MOMENTUM)
    model.compile(optimizer=sgd, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    data = tf.data.Dataset.from_tensors(noise(batch, size)).repeat()
    ends: list[float] = []
    clock = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: ends.append(time.perf_counter()))
    model.fit(data, steps_per_epoch=1, shuffle=False, verbose=0)
    yield time.perf_counter() - begun
    while True:
        ends.clear()
        model.fit(data, steps_per_epoch=steps + 1, shuffle=False, verbose=0, callbacks=[clock])
        yield (ends[-1] - ends[0]) / steps


def eager(name: str, batch: int, size: int, steps: int, threads: int, compile: bool = False) -> Measures:
    """A plain loop of torch's, with channels last in memory."""
    import torch

    references().import_torchvision()
    import timm

    yield 0
    begun = time.perf_counter()
    torch.set_num_threads(threads)
    last: Any = {"memory_format": torch.channels_last}
    model = timm.create_model(name).train().to(**last)
    forward = torch.compile(model) if compile else model
    pixels, classes = noise(batch, size)
    images = torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous(**last)
    targets = torch.from_numpy(classes).long()
    sgd = torch.optim.SGD(model.parameters(), RATE, momentum=MOMENTUM)

    def step() -> None:
        sgd.zero_grad()
        torch.nn.functional.cross_entropy(forward(images), targets).backward()
        sgd.step()

    yield from timed(step, steps, begun)


def compiled(*settings: Any) -> Measures:
    yield from eager(*settings, compile=True)


def timed(step: Any, steps: int, begun: float) -> Measures:
    """Seconds until the first step is done, then those of a step, again and again."""
    step()
    yield time.perf_counter() - begun
    while True:
        step()
        start = time.perf_counter()
        for _ in range(steps):
            step()
        yield (time.perf_counter() - start) / steps


def use_of_tensorflow(threads: int) -> None:
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)


def references() -> Any:
    """How the tests build the networks of others."""
    if str(TESTS) not in sys.path:
        sys.path.insert(0, str(TESTS))
    import references

    return references


if __name__ == "__main__":
    main()
