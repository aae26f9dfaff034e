"""What shrinking saves and what it costs, on real digits: accuracy, size and latency of six networks in six forms.

    python tools/shrink.py                              # all of them, about an hour on 2 cores
    python tools/shrink.py mobilenet_v2 --data faint

"faint" are the digits at 8 of 255 levels of grey, under a light that is another on each: hard for 8 bits, which have
to hold the light as well. Writes ``tools/shrink.csv``, from which ``tools/front_door.py`` makes the table in
README.md; lines of networks that are not run stay as they are. Networks and their files are kept in
``saved_models/shrink``; run again, they are only measured, which takes minutes and tells latencies side by side.
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
from kerascnn.compression.tuning import Tuning
from kerascnn.data import Data, Split, open_data
from kerascnn.files import write_text
from kerascnn.training import AdamW, Cosine, Epochs, Input, Model, Recipe, open_strategy

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
RECIPE = Recipe(
    model=Model("resnet18"),
    optimizer=AdamW(lr=0.002, weight_decay=0.02),
    length=Epochs(40),
    data="digits",
    augment=("affine",),
    batch=64,
    input=Input(size=32, crop=1.0, mean=(0.5,), std=(0.5,)),
    schedule=Cosine(warmup=2),
)
PRUNING, QUANTIZING = Tuning(epochs=3, lr=1e-3), Tuning(epochs=2, lr=2e-4)  # of ``whole``, which is five passes
CONTRAST = 0.03  # of the faint digits
COLUMNS = ("network", "data", "form", "proof", "top1", "bytes", "gzipped", "latency_ms")

Training = tuple[np.ndarray, np.ndarray]
Form = tuple[float, Callable[[Any, Path, Training], None]]  # share of weights that are 0, and what writes the file


def float32(model: Any, file: Path, train: Training) -> None:
    from kerascnn.deploy import export

    export(model, file, calibration=train[0][:256])


def int8(model: Any, file: Path, train: Training) -> None:
    """Calibrated on 256 training images. What verification refuses is written all the same, to be measured."""
    from kerascnn.deploy import TARGETS, ExportError, export
    from kerascnn.deploy.request import ExportRequest
    from kerascnn.runtime import quiet

    try:
        export(model, file, "tflite-int8", calibration=train[0][:256])
    except ExportError:
        with quiet():
            request = ExportRequest(model=model, images=train[0][:256], types=("int8", "int8"))
            TARGETS["tflite-int8"].write(request, file)


def int8_qat(model: Any, file: Path, train: Training) -> None:
    from kerascnn.compression import quantize_aware

    int8(quantize_aware(model, train, QUANTIZING).simulation, file, train)


WHOLE: dict[str, Form] = {"float32": (0.0, float32), "int8": (0.0, int8), "int8, trained for": (0.0, int8_qat)}
FORMS: dict[str, dict[str, Form]] = {  # by data
    "digits": {
        **WHOLE,
        "50 % pruned": (0.5, float32),
        "80 % pruned": (0.8, float32),
        "80 % pruned, int8, trained for": (0.8, int8_qat),
    },
    "faint": WHOLE,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="*", help=f"of {', '.join(NETWORKS)}; none: all")
    parser.add_argument("--data", choices=FORMS, action="append", help="digits or faint (default: both)")
    options = parser.parse_args()
    open_strategy("one")
    for source in options.data or FORMS:
        data = open_data("digits")
        if source == "faint":
            data = replace(data, train=faint(data.train, 0), validation=faint(data.validation, 1))
        for name in options.networks or NETWORKS:
            rows = measured(name, source, data)
            write(rows)
            for row in rows:
                print("  ".join(f"{row[column]!s:>12}" for column in COLUMNS), flush=True)


def faint(digits: Split, seed: int) -> Split:
    """Digits of few levels of grey, each under a light of its own."""
    light = np.random.default_rng(seed).uniform(0.2, 0.8, (len(digits), 1, 1, 1))
    images = 255 * light * (1 - CONTRAST) + CONTRAST * np.asarray(digits.images)
    return replace(digits, images=images.round().astype("uint8"))


def measured(name: str, source: str, data: Data) -> list[dict[str, Any]]:
    """Every form of one network, trained once."""
    from kerascnn.compression import Pruning, footprints, prune
    from kerascnn.runtime import load_keras, open_model
    from kerascnn.tasks import task_of
    from kerascnn.workflows.common import evaluated

    folder, forms = OUT / f"{name}-{source}", FORMS[source]
    model = load_keras(trained(RECIPE.replace({"model.name": name}), data, folder))
    card = Card.read(folder / "model.keras")
    train = whole(data.train, card)
    files = [folder / f"{form.replace(' ', '_')}.tflite" for form in forms]
    models = {0.0: model}  # by the share of weights that are 0
    for (share, written), file in track([*zip(forms.values(), files, strict=True)], f"{name} on {source}"):
        if file.exists():
            continue
        if share not in models:
            models[share] = prune(model, train, Pruning(sparsity=share), PRUNING)
        written(models[share], file, train)
    return [
        {
            "network": name,
            "data": source,
            "form": form,
            "proof": "passed" if Card.path(file).exists() else "refused",
            "top1": f"{evaluated(open_model(file), data.validation, card.preprocess, task_of(card)).headline:.4f}",
            "bytes": print_.bytes,
            "gzipped": print_.gzipped,
            "latency_ms": f"{print_.latency_ms:.3f}",
        }
        for form, file, print_ in zip(forms, files, footprints(files), strict=True)
    ]


def trained(recipe: Recipe, data: Data, folder: Path) -> Path:
    """The file of a network that was trained by a recipe, now or before."""
    from kerascnn.training.loop import train

    if not (folder / "model.keras").exists():
        make = lambda input_shape, classes: forgetting(str(recipe.model.name), input_shape, classes)  # noqa: E731
        train(recipe, data, folder, make_model=make)
    return folder / "model.keras"


def forgetting(name: str, shape: tuple[int, ...], classes: int) -> Any:
    """A network whose batch norms forget sooner than their papers', for this training is short."""
    import keras

    from kerascnn.catalogue import build

    model = build(name, input_shape=shape, classes=classes)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.9
    return model


def whole(split: Any, card: Card, passes: int = 5) -> Training:
    """All images of a split in random order, several times and each time augmented anew, and their classes."""
    from kerascnn.data.pipeline import batches

    how: dict[str, Any] = {"shuffle": True, "augment": RECIPE.augment, "classes": len(card.labels)}
    every = [next(iter(batches(split, card.preprocess, len(split), seed=seed, **how))) for seed in range(passes)]
    images, labels = (np.concatenate(part) for part in zip(*((x, y["label"]) for x, y in every), strict=True))
    return images, labels


def write(rows: list[dict[str, Any]]) -> None:
    """Put the lines of one network and data set in the place of older ones."""
    kept = list(csv.DictReader(FILE.open(encoding="utf-8"))) if FILE.exists() else []
    keys = {(row["network"], row["data"]) for row in rows}
    both = rows + [row for row in kept if (row["network"], row["data"]) not in keys]
    both.sort(key=lambda row: (list(FORMS).index(row["data"]), NETWORKS.index(row["network"])))
    text = io.StringIO()
    writer: csv.DictWriter[str] = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(both)
    write_text(FILE, text.getvalue())


if __name__ == "__main__":
    main()
