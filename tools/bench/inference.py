"""Milliseconds of one image in exported files, ours beside plain conversions of others' same network.

    python tools/bench/inference.py                              # all of them
    python tools/bench/inference.py mobilenet_v2 --rounds 20
    python tools/bench/inference.py mobilenet_v3_small --threads 2 --files /tmp/files

Others' files are what their own way of exporting gives: ``tf.lite.TFLiteConverter.from_keras_model`` of the network of
keras.applications, with int8 kernels and activations for "int8", and ``timm.utils.onnx.onnx_export``. Weights are
random, such that activations stay near 1, and integers are calibrated on noise. Each file is written by a process of
its own, and all files of a network run in one, in turns; a round is as many runs of each as take a twentieth of a
second, after one that is not counted. On one thread, the milliseconds are those of the processor, so that what else the
machine does counts little; on several, those of the clock. A number is the median of the rounds, with quartiles, and a
ratio is that of our file of the same kind to this one: below 1, ours is faster. The ratio of a file of ours is that to
our float32 TFLite file.

Writes ``tools/bench/inference.csv``, a network at a time, from which ``tools/front_door.py`` makes the table in
README.md; lines of networks that are not run stay as they are. Needs the extras ``litert``, ``onnx`` and ``parity``;
what cannot be written or run is left out, with its error.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # as the commands do

import numpy as np
from side_by_side import Measures, compare, keep, load, ratios, spread, versions

FILE = Path(__file__).with_suffix(".csv")
TESTS = Path(__file__).parents[2] / "tests"
SIZE = 224  # pixels of a side, for every network below
SECONDS = 0.05  # that a file runs for in a round
CALIBRATION = 8  # images of noise
PACKAGES = ("tensorflow", "keras", "ai-edge-litert", "tf2onnx", "onnxruntime", "torch", "timm")
NETWORKS = {  # by our names, and what others call them
    "mobilenet": {"keras.applications": "MobileNet", "timm": "mobilenetv1_100"},
    "mobilenet_v2": {"keras.applications": "MobileNetV2", "timm": "mobilenetv2_100"},
    "mobilenet_v3_small_100": {"keras.applications": "MobileNetV3Small", "timm": "mobilenetv3_small_100"},
    "mobilenet_v3_large_100": {"keras.applications": "MobileNetV3Large", "timm": "mobilenetv3_large_100"},
    "efficientnet_lite0": {"timm": "efficientnet_lite0"},
    "efficientnet_b0": {"keras.applications": "EfficientNetB0", "timm": "efficientnet_b0"},
    "mnasnet_b1": {"timm": "mnasnet_100"},
    "mnasnet_a1": {"timm": "semnasnet_100"},
    "shufflenet_v2_100": {},
    "squeezenet1_1": {},
    "densenet121": {"keras.applications": "DenseNet121", "timm": "densenet121"},
    "convnext_tiny": {"keras.applications": "ConvNeXtTiny", "timm": "convnext_tiny"},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="*", metavar="network", help=f"among {', '.join(NETWORKS)}; all, if none")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument(
        "--files", type=Path, help="a folder where files are kept; those that are there run as they are"
    )
    parser.add_argument("--write", type=Path, default=FILE, help="the CSV that is written")
    options = parser.parse_args()
    if unknown := {*options.networks} - {*NETWORKS}:
        parser.error(f"there is no row for {', '.join(sorted(unknown))}; there are {', '.join(NETWORKS)}")
    for network in options.networks or NETWORKS:
        with tempfile.TemporaryDirectory() as folder:
            files = written(network, options.files or Path(folder))
            if rows := measured(network, files, options.rounds, options.threads):
                keep(options.write, ("network", "way", "format"), rows)


def written(network: str, folder: Path) -> dict[tuple[str, str], Path]:
    """The files of a network, by whose they are and their format."""
    theirs, files = NETWORKS[network], {}
    ways: dict[tuple[str, str], Callable[[Path], None]] = {
        ("kerascnn", format): partial(ours, network, format) for format in ("tflite", "tflite-int8", "onnx")
    }
    if name := theirs.get("keras.applications"):
        ways |= {("keras.applications", f): partial(converted, name, f) for f in ("tflite", "tflite-int8")}
    if name := theirs.get("timm"):
        ways["timm", "onnx"] = partial(traced, name)
    for (way, format), write in ways.items():
        file = folder / f"{network}.{way}.{format}.{format.partition('-')[0]}"
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            process = get_context("spawn").Process(target=write, args=(file,), daemon=True)
            process.start()
            process.join()
        if file.exists():
            files[way, format] = file
        else:
            print(f"{network} of {way} was not written as {format}", flush=True)
    return files


def measured(network: str, files: dict[tuple[str, str], Path], rounds: int, threads: int) -> list[dict[str, Any]]:
    """Run the files of one network in turns, print what was found, and give it as lines of the table."""
    before = load()
    found = compare({" ".join(key): partial(runs, file, threads) for key, file in files.items()}, rounds)
    print(f"{network}, {threads} threads, load {before:.1f}")
    rows = []
    for way, format in (key for key in files if " ".join(key) in found):
        these, mine = found[f"{way} {format}"], found[f"kerascnn {format}"]
        low, middle, high = spread(these.values)
        least, ratio, most = ratios(mine, found["kerascnn tflite"] if these is mine else these)
        print(f"  {way:20}{format:12}{middle:8.2f} ms ({low:.2f} to {high:.2f})", end="")
        print(f"  ratio {ratio:.2f} ({least:.2f} to {most:.2f})", flush=True)
        rows.append(
            {"network": network, "way": way, "format": format}
            | {"ms": f"{middle:.3f}", "lower": f"{low:.3f}", "upper": f"{high:.3f}"}
            | {"ratio": f"{ratio:.3f}", "ratio_lower": f"{least:.3f}", "ratio_upper": f"{most:.3f}"}
            | {"bytes": files[way, format].stat().st_size, "threads": threads, "rounds": rounds}
            | {"load": f"{before:.1f}", "versions": versions(*PACKAGES)}
        )
    return rows


def runs(file: Path, threads: int) -> Measures:
    """Milliseconds until a file has run once, then those of a run, again and again."""
    now = time.thread_time if threads == 1 else time.perf_counter
    begun = now()
    run = (in_litert if file.suffix == ".tflite" else in_onnxruntime)(file, threads)
    run()
    yield 1e3 * (now() - begun)
    while True:
        run()
        start, count = now(), 0
        while (seconds := now() - start) < SECONDS:
            run()
            count += 1
        yield 1e3 * seconds / count


def in_litert(file: Path, threads: int) -> Callable[[], Any]:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(file), num_threads=threads)
    interpreter.allocate_tensors()
    image = interpreter.get_input_details()[0]
    interpreter.set_tensor(image["index"], noise(image["shape"]).astype(image["dtype"]))
    return interpreter.invoke


def in_onnxruntime(file: Path, threads: int) -> Callable[[], Any]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    (image,) = session.get_inputs()
    images = noise([side if isinstance(side, int) else 1 for side in image.shape])
    return lambda: session.run(None, {image.name: images})


def noise(shape: Any) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(tuple(shape), dtype=np.float32)


def ours(name: str, format: str, file: Path) -> None:
    """A file as ``kerascnn.export`` writes it. It is not verified: random weights magnify rounding."""
    from kerascnn import build
    from kerascnn.deploy import TARGETS
    from kerascnn.deploy.request import ExportRequest
    from kerascnn.runtime import quiet

    model = build(name)
    beside("parity").randomise(model)
    types = ("int8", "int8") if format == "tflite-int8" else ("float32", "float32")
    request = ExportRequest(model=model, images=noise((CALIBRATION, *model.input_shape[1:])), types=types)
    with quiet():
        TARGETS[format].write(request, file)


def converted(name: str, format: str, file: Path) -> None:
    """What TensorFlow's converter makes of a network of keras.applications, or of its int8 kernels and activations."""
    import tensorflow as tf

    from kerascnn.runtime import quiet

    model = beside("references").keras_model(name, SIZE, 1000)
    beside("parity").randomise(model)
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    if format == "tflite-int8":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([noise((1, SIZE, SIZE, 3))] for _ in range(CALIBRATION))
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8
    with quiet():
        file.write_bytes(converter.convert())


def traced(name: str, file: Path) -> None:
    """What timm's own script writes, for one image at a time."""
    beside("references").import_torchvision()
    import timm
    from timm.utils.onnx import onnx_export

    onnx_export(timm.create_model(name, exportable=True), str(file), batch_size=1, check=False)


def beside(name: str) -> Any:
    """A module of the tests: how they build others' networks, and draw weights."""
    if str(TESTS) not in sys.path:
        sys.path.insert(0, str(TESTS))
    return import_module(name)


if __name__ == "__main__":
    main()
