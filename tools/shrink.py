"""What shrinking saves and what it costs, on real data: accuracy, size and latency of six networks in six forms.

    python tools/shrink.py                              # all of them, about an hour on 2 cores
    python tools/shrink.py mobilenet_v2 --data shapes

Writes ``tools/shrink.csv``, from which ``tools/front_door.py`` makes the table in README.md; lines of networks that are
not run stay as they are. Trained networks are kept in ``saved_models/shrink`` and not trained again.
"""

import argparse
import csv
import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import track

from kerascnn.card import Card
from kerascnn.data import Data, open_data
from kerascnn.files import write_text
from kerascnn.train import Recipe, open_strategy

FILE = Path(__file__).with_name("shrink.csv")
OUT = Path("saved_models/shrink")
NETWORKS = (
    "resnet18",
    "mobilenet_v2",
    "mobilenet_v3_small",
    "efficientnet_lite0",
    "efficientnet_b0",
    "densenet121",
)
DIGITS = Recipe(
    model="resnet18",
    data="digits",
    size=32,
    crop=1.0,
    mean=(0.5,),
    std=(0.5,),
    augment=("affine",),
    epochs=20,
    batch=32,
    lr=0.02,
    weight_decay=5e-4,
    warmup_epochs=2,
)
SHAPES = replace(
    DIGITS, data="shapes", size=64, mean=(0.5,) * 3, std=(0.5,) * 3, augment=("shift:8", "flip"), epochs=30
)
RECIPES = {"digits": DIGITS, "shapes": SHAPES}
COLUMNS = ("network", "data", "form", "top1", "bytes", "gzipped", "latency_ms")

Training = tuple[np.ndarray, np.ndarray]
Form = Callable[[Any, Path, Training], Any]  # a Keras model, a file to write, training images


def float32(model: Any, file: Path, train: Training) -> None:
    from kerascnn.deploy import export

    export(model, file, calibration=train[0][:256], overwrite=True)


def int8(model: Any, file: Path, train: Training) -> None:
    """Quantised after training, calibrated on 256 training images."""
    from kerascnn.deploy import export

    export(model, file, "tflite-int8", calibration=train[0][:256], overwrite=True)


def int8_qat(model: Any, file: Path, train: Training) -> None:
    from kerascnn.compress import quantize_aware
    from kerascnn.deploy import export

    export(quantize_aware(model, train).simulation, file, "tflite-int8", calibration=train[0][:256], overwrite=True)


def pruned(share: float, then: Form = float32) -> Form:
    def form(model: Any, file: Path, train: Training) -> None:
        from kerascnn.compress import Pruning, prune

        then(prune(model, train, Pruning(sparsity=share)), file, train)

    return form


FORMS: dict[str, Form] = {
    "float32": float32,
    "int8": int8,
    "int8, trained for": int8_qat,
    "50 % pruned": pruned(0.5),
    "80 % pruned": pruned(0.8),
    "80 % pruned, int8, trained for": pruned(0.8, int8_qat),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="*", help=f"of {', '.join(NETWORKS)}; none: all")
    parser.add_argument("--data", choices=RECIPES, action="append", help="digits or shapes (default: both)")
    options = parser.parse_args()
    open_strategy("one")
    for source in options.data or RECIPES:
        data = open_data(source)
        for name in options.networks or NETWORKS:
            rows = measured(name, data, replace(RECIPES[source], model=name))
            write(rows)
            for row in rows:
                print("  ".join(f"{row[column]!s:>12}" for column in COLUMNS), flush=True)


def measured(name: str, data: Data, recipe: Recipe) -> list[dict[str, Any]]:
    """Every form of one network, trained once."""
    from kerascnn.compress import footprints
    from kerascnn.evaluate import evaluate
    from kerascnn.job import held_out
    from kerascnn.runtime import load_keras, open_model

    folder = OUT / f"{name}-{recipe.data}"
    model = load_keras(trained(recipe, data, folder))
    card = Card.read(folder / "model.keras")
    train = whole(data.train, card)
    files = [folder / f"{form.replace(' ', '_')}.tflite" for form in FORMS]
    for form, file in track(list(zip(FORMS.values(), files, strict=True)), f"{name} on {recipe.data}", transient=True):
        form(model, file, train)
    return [
        {
            "network": name,
            "data": recipe.data,
            "form": form,
            "top1": f"{evaluate(open_model(file), held_out(data, card.preprocess), data.labels).top1:.4f}",
            "bytes": print_.bytes,
            "gzipped": print_.gzipped,
            "latency_ms": f"{print_.latency_ms:.3f}",
        }
        for form, file, print_ in zip(FORMS, files, footprints(files), strict=True)
    ]


def trained(recipe: Recipe, data: Data, folder: Path) -> Path:
    """The file of a network that was trained by a recipe, now or before."""
    from kerascnn.train.loop import train

    if not (folder / "model.keras").exists():
        train(recipe, data, folder)
    return folder / "model.keras"


def whole(split: Any, card: Card) -> Training:
    """All images of a split as the network sees them, in random order, and their classes."""
    from kerascnn.data.pipeline import batches

    ((images, targets),) = batches(split, card.preprocess, len(split), shuffle=True)
    return images.numpy(), targets.numpy()


def write(rows: list[dict[str, Any]]) -> None:
    """Put the lines of one network and data set in the place of older ones."""
    kept = list(csv.DictReader(FILE.open(encoding="utf-8"))) if FILE.exists() else []
    keys = {(row["network"], row["data"]) for row in rows}
    both = rows + [row for row in kept if (row["network"], row["data"]) not in keys]
    both.sort(key=lambda row: (list(RECIPES).index(row["data"]), NETWORKS.index(row["network"])))
    text = io.StringIO()
    writer: csv.DictWriter[str] = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(both)
    write_text(FILE, text.getvalue())


if __name__ == "__main__":
    main()
