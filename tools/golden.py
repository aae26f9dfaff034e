"""Write the files of this release that every later one has to read: ``python tools/golden.py``.

``tests/golden`` holds a network as each format writes it, with cards, and what it answers; one that was tuned for int8;
and the configuration of a small network of every family, by which its layers and their arguments are known. Run it for
a release, and never to mend ``tests/test_golden.py``: files that people have are not written anew.
"""

import gzip
import json
import os
from pathlib import Path

import keras
import numpy as np

import kerascnn
from kerascnn.applications import ROWS
from kerascnn.card import Card
from kerascnn.compression import Tuning
from kerascnn.deploy import TARGETS
from kerascnn.networks.codec import encode_row
from kerascnn.spec import Preprocess

FOLDER = Path(__file__).parents[1] / "tests" / "golden"


def main() -> None:
    """Write all of them."""
    keras.utils.set_random_seed(0)
    FOLDER.mkdir(exist_ok=True)
    os.chdir(FOLDER)  # so that cards name files alone
    model, row = network()
    data = kerascnn.open_data("digits")
    card = Card(
        model=row.name,
        network=encode_row(row),
        labels=data.labels,
        preprocess=Preprocess(size=32, mean=(0.0,), std=(1.0,)),
    )
    images = np.random.default_rng(0).uniform(0, 1, (32, 32, 32, 1)).astype("float32")
    answers = {"images": images, "model.keras": np.asarray(model(images))}
    write(model, card, "model.keras")
    for format in ("tflite", "tflite-int8", "onnx"):
        path = Path(f"model{TARGETS[format].suffix}")
        calibration = images if TARGETS[format].integers else None
        kerascnn.export(model, path, format, card=card, calibration=calibration, overwrite=True)
        answers[path.name] = kerascnn.open_model(path)(images)["scores"]
    tuned = kerascnn.quantize_aware(model, (images, np.arange(32) % 10), Tuning(epochs=1, batch=16)).model
    write(tuned, card, "tuned.keras")
    answers["tuned.keras"] = np.asarray(tuned(images))
    np.savez_compressed("answers.npz", **answers)
    Path("networks.json.gz").write_bytes(gzip.compress(json.dumps(configurations()).encode(), mtime=0))


def network() -> tuple[keras.Model, kerascnn.networks.architecture.Architecture]:
    """A small network with squeeze-and-excitation, of random weights and statistics."""
    row = kerascnn.applications.MobileNetV3Small
    row = row.replace(**{**row.tiny, "channels": 1, "size": 32})
    model = row(classes=10)
    random = np.random.default_rng(1)
    for variable in model.non_trainable_variables:
        low, high = (-0.4, 0.4) if variable.name == "moving_mean" else (0.3, 0.6)
        variable.assign(random.uniform(low, high, variable.shape))
    return model, row


def write(model: keras.Model, card: Card, name: str) -> None:
    model.save(name)
    card.write(name)


def configurations() -> dict[str, str]:
    """What Keras writes of a small network of each family."""
    found = {}
    for row in ROWS.values():
        family = type(row).__name__
        if family not in found:
            found[family] = row.replace(**row.tiny)(classes=10).to_json()
    return found


if __name__ == "__main__":
    main()
