"""Models saved by Keras load in a new process that has imported the package, and no layer by name."""

import pickle
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

import kerascnn
from kerascnn import layers
from kerascnn.applications import ROWS

NETWORKS = ("ViTTi16", "BiTR50x1", "CondenseNet74C4G4", "FractalNet20", "HRNetW18", "ShuffleNetV2_050", "LeNet5_1998")
NETWORKS += ("ConvNeXtTiny",)
LOAD = """
import pickle
import kerascnn
import keras, numpy as np
for saved in files:
    models = [keras.models.load_model(saved + ".keras"), keras.models.load_model(saved + ".h5")]
    models.append(pickle.load(open(saved + ".pickle", "rb")))
    drawn = keras.models.model_from_json(open(saved + ".json").read())
    drawn.set_weights(models[0].get_weights())
    for model in [*models, drawn]:
        print(abs(model(np.load(saved + ".npy"), training=False).numpy() - np.load(saved + ".scores.npy")).max())
"""


def new_process(code: str) -> str:
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


@pytest.mark.parametrize("imports", ["import kerascnn, keras", "import keras, kerascnn", "import kerascnn.cli, keras"])
def test_keras_knows_every_layer(imports):
    said = new_process(f"{imports}\nprint(*keras.saving.get_custom_objects())")
    assert {name for name in said.split() if name.startswith("kerascnn>")} == {f"kerascnn>{n}" for n in layers.__all__}


def test_keras_is_not_imported_for_it():
    assert new_process("import sys, kerascnn\nprint('keras' in sys.modules)") == "False\n"


def test_models_load_in_a_new_process(tmp_path):
    models = [row.replace(**row.tiny)(classes=5) for row in map(ROWS.get, NETWORKS)]
    models.append(kerascnn.lower(ROWS["ShuffleNetG3_100"].replace(**ROWS["ShuffleNetG3_100"].tiny)(classes=5)))
    image = keras.Input((8, 8, 3))
    models.append(keras.Model(image, layers.SamePadding2D(3, 2)(image)))
    models.append(keras.Model(image, layers.FakeQuantization(-1.0, 1.0)(keras.layers.Conv2D(4, 3)(image))))
    files = [str(tmp_path / f"{number}") for number, _ in enumerate(models)]
    for file, model in zip(files, models, strict=True):
        images = np.random.default_rng(0).normal(size=(2, *model.input_shape[1:])).astype("float32")
        model.save(f"{file}.keras")
        model.save(f"{file}.h5")
        Path(f"{file}.pickle").write_bytes(pickle.dumps(model))
        Path(f"{file}.json").write_text(model.to_json())
        np.save(f"{file}.npy", images)
        np.save(f"{file}.scores.npy", model(images, training=False))
    said = new_process(f"files = {files}\n{LOAD}")
    assert [float(line) for line in said.split()] == pytest.approx([0] * 4 * len(models), abs=1e-6)
