"""Use the package for long in one process, and see whether memory and open files grow: ``python tools/soak.py``.

Each round trains a small network on the digits, exports it to TFLite and ONNX, evaluates and predicts with the files.
A row of ``tools/soak.csv`` is a round: seconds since the start, megabytes of memory, open files. The last lines tell
what a round adds, by a line through the second half; predicting for many images, whether memory follows their number.
"""

import argparse
import csv
import gc
import os
import tempfile
import time
from pathlib import Path

os.environ |= {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}

import numpy as np

import kerascnn
from kerascnn.training.quick import shrink
from kerascnn.workflows.predict import opened, predictions

TABLE = Path(__file__).with_suffix(".csv")


def main() -> None:
    """Write the table, and print what grows."""
    parser = argparse.ArgumentParser(description="See whether memory and open files grow.")
    parser.add_argument("--minutes", type=float, default=30, help="of training and exporting (default: 30)")
    parser.add_argument("--images", type=int, default=100_000, help="to predict for at the end (default: 100000)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        soak(Path(folder), options.minutes)
        for images in (options.images // 10, options.images):
            predict(Path(folder) / "net" / "model.tflite", images)


def soak(folder: Path, minutes: float) -> None:
    """Work for so many minutes, and say what a round adds."""
    begun, rows = time.monotonic(), []
    while not rows or time.monotonic() - begun < 60 * minutes:
        one_round(folder / "net")
        rows.append((round(time.monotonic() - begun), round(memory()), len(os.listdir("/proc/self/fd"))))
        print("{:5} s {:6} MB {:4} open files".format(*rows[-1]), flush=True)
    with TABLE.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([("seconds", "megabytes", "files"), *rows])
    half = np.array(rows[len(rows) // 2 :], float)
    if len(half) > 2:
        slopes = np.polyfit(np.arange(len(half)), half[:, 1:], 1)[0]
        print(f"{len(rows)} rounds; each adds {slopes[0]:.2f} MB and {slopes[1]:.3f} open files")


def one_round(out: Path) -> None:
    """Train, export, evaluate, predict."""
    recipe = shrink(kerascnn.load_recipe(Path(__file__).parents[1] / "recipes" / "digits.py"))
    kerascnn.train(recipe, out, exports=("tflite", "onnx"), images=256, overwrite=True, log=lambda line: None)
    for name in ("model.keras", "model.tflite", "model.onnx"):
        kerascnn.evaluate(out / name, "digits")
        kerascnn.predict(out / name, np.zeros((8, 8, 1), "uint8"))
    gc.collect()


def predict(model: Path, images: int) -> None:
    """Predict for so many images, and print how far memory rose meanwhile."""
    image, before, most = np.zeros((8, 8, 1), "uint8"), memory(), 0.0
    for number, _ in enumerate(predictions(*opened(model), [image] * images)):
        most = max(most, memory()) if number % 1000 == 0 else most
    print(f"predicting for {images:,} images: {most - before:.0f} MB more at the most")


def memory() -> float:
    """Megabytes of this process that are in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


if __name__ == "__main__":
    main()
