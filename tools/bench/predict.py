"""Images per second and memory of prediction over a folder of photos, ours beside Keras' own.

    python tools/bench/predict.py
    python tools/bench/predict.py --images 1024 --rounds 3

The folder holds JPEGs of 500 x 375 pixels. ``kerascnn.predict`` opens each file of one MobileNetV2, ``.keras``,
``.tflite`` and its int8, and ``.onnx``, and gives a prediction for each photo; ``keras.Model.predict`` runs the same
network of keras.applications on ``keras.utils.image_dataset_from_directory``. Each has a process of its own, and while
one runs the others wait. A round is one pass over the folder, after one that is not counted; a number is the median of
the rounds, with quartiles, and a ratio how often as fast it is as Keras. Memory is the most that a process holds beyond
what its imports do. Writes ``tools/bench/predict.csv``.
"""

import argparse
import os
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # as the commands do

import numpy as np
from side_by_side import Apart, Measures, compare, cores, keep, load, ratios, spread, versions

FILE = Path(__file__).with_suffix(".csv")
NETWORK, THEIRS, SIZE, BATCH = "mobilenet_v2", "MobileNetV2", 224, 32  # Keras' own batch
FORMATS = {".keras": "", ".tflite": "tflite", ".int8.tflite": "tflite-int8", ".onnx": "onnx"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--write", type=Path, default=FILE, help="the CSV that is written")
    options = parser.parse_args()
    before = load()
    with tempfile.TemporaryDirectory() as folder:
        photos = Path(folder, "photos", "all")
        write_photos(photos, options.images)
        next(files := Apart(write_files, Path(folder)))
        files.close()
        ways = {"keras.Model.predict": partial(Apart, theirs, photos.parent)}
        ways |= {f"kerascnn.predict, {end}": partial(Apart, ours, Path(folder, "net" + end), photos) for end in FORMATS}
        found = compare(ways, options.rounds, told=True)
    print(f"{options.images} photos, {cores()} cores, load {before:.1f}")
    rows = []
    for way, these in found.items():
        low, middle, high = spread([options.images / seconds for seconds in these.values])
        least, ratio, most = ratios(found["keras.Model.predict"], these)
        print(f"  {way:32}{middle:8.1f} images/s ({low:.1f} to {high:.1f})  ", end="")
        print(f"{ratio:.2f} times ({least:.2f} to {most:.2f}){these.megabytes:8.0f} MB")
        rows.append(
            {"way": way, "images_per_second": f"{middle:.1f}", "lower": f"{low:.1f}", "upper": f"{high:.1f}"}
            | {"ratio": f"{ratio:.3f}", "ratio_lower": f"{least:.3f}", "ratio_upper": f"{most:.3f}"}
            | {"megabytes": f"{these.megabytes:.0f}", "images": options.images, "rounds": options.rounds}
            | {"cores": cores(), "load": f"{before:.1f}"}
            | {"versions": versions("tensorflow", "keras", "ai-edge-litert", "onnxruntime")}
        )
    keep(options.write, ("way",), rows)


def write_photos(folder: Path, count: int) -> None:
    """JPEGs of smooth noise, about as many bytes as photos of that size have."""
    from PIL import Image

    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for number in range(count):
        coarse = Image.fromarray(rng.integers(0, 256, (38, 50, 3), np.uint8))
        smooth = np.asarray(coarse.resize((500, 375), Image.Resampling.BICUBIC), np.int16)
        grainy = smooth + rng.normal(0, 8, (375, 500, 1)).astype(np.int16)
        Image.fromarray(np.clip(grainy, 0, 255).astype(np.uint8)).save(folder / f"{number:05}.jpg", quality=90)


def write_files(folder: Path) -> Measures:
    """One network in every format, with its card."""
    from kerascnn import build
    from kerascnn.card import Card
    from kerascnn.deploy import TARGETS
    from kerascnn.deploy.request import ExportRequest
    from kerascnn.spec import Preprocess

    yield 0
    model = build(NETWORK)
    noise = np.random.default_rng(0).standard_normal((8, SIZE, SIZE, 3), dtype=np.float32)
    for end, format in FORMATS.items():
        file = folder / ("net" + end)
        if format:
            types = ("int8", "int8") if end.startswith(".int8") else ("float32", "float32")
            TARGETS[format].write(ExportRequest(model=model, images=noise, types=types), file)
        else:
            model.save(file)
        Card(model=NETWORK, labels=tuple(map(str, range(1000))), preprocess=Preprocess(size=SIZE)).write(file)
    yield 0


def ours(file: Path, folder: Path) -> Measures:
    """Seconds that ``kerascnn.predict`` takes for a folder; the model is opened before."""
    import kerascnn
    from kerascnn.workflows.predict import image_files, opened

    yield 0
    files = image_files([folder])
    model, _ = opened(file, len(files))
    yield from timed(lambda: kerascnn.predict(model, files))


def theirs(folder: Path) -> Measures:
    """Seconds that Keras takes; the model is built before."""
    import keras

    yield 0
    model = keras.Sequential(
        [
            keras.layers.Rescaling(1 / 127.5, -1),
            getattr(keras.applications, THEIRS)(weights=None, input_shape=(SIZE, SIZE, 3)),
        ]
    )

    quiet: Any = {"verbose": 0}

    def predict() -> None:
        how: Any = {"labels": None, "image_size": (SIZE, SIZE), "batch_size": BATCH, "shuffle": False}
        data = keras.utils.image_dataset_from_directory(folder, **how, verbose=False)
        model.predict(data, **quiet)

    yield from timed(predict)


def timed(predict) -> Measures:
    while True:
        start = time.perf_counter()
        predict()
        yield time.perf_counter() - start


if __name__ == "__main__":
    main()
