"""Every system of the tasks on two real photographs: from the command line, as a Keras model and as a TFLite file."""

import json

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_sample_image

from kerascnn.card import Card
from kerascnn.catalogue import ROWS
from kerascnn.cli import main
from kerascnn.deploy import export
from kerascnn.spec import Preprocess

PHOTOS = ("china.jpg", "flower.jpg")  # 640 x 427
SYSTEMS = {type(row).__name__: row for row in reversed(ROWS.values()) if row.task != "classification"}


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    for name in PHOTOS:
        Image.fromarray(load_sample_image(name)).save(folder / name, quality=95)
    return folder


@pytest.mark.sharded
@pytest.mark.parametrize("name", sorted(SYSTEMS))
def test_a_system_sees_photographs(name, photos, tmp_path):
    """The least network of its kind, with random weights: what it says is nothing, but both files say the same."""
    row = SYSTEMS[name].replace(**SYSTEMS[name].tiny)
    row = row.replace(things=2) if hasattr(row, "things") else row
    model = row(classes=3)
    _, size, _, channels = model.inputs[0].shape
    keras_file, tflite = tmp_path / "net.keras", tmp_path / "net.tflite"
    model.save(keras_file)
    how = Preprocess(size=size, squash=True, mean=(0.5,) * channels, std=(0.25,) * channels)
    Card(model=row.name, task=row.task, labels=("a", "b", "c"), preprocess=how).write(keras_file)
    export(keras_file, tflite, "tflite")
    told = {}
    for file in (keras_file, tflite):
        out = tmp_path / file.suffix[1:]
        assert main(["predict", str(file), str(photos), "--out", str(out)]) == 0
        written = [out / f"{photo.split('.')[0]}.prediction" for photo in PHOTOS]
        assert all(np.asarray(Image.open(f"{each}.png")).shape == (size, size, 3) for each in written)
        told[file.suffix] = [json.loads(each.with_suffix(".prediction.json").read_text()) for each in written]
    for one, same in zip(*told.values(), strict=True):
        assert {*one} == {*same} and one["image"] == same["image"]
        assert len(one.get("objects", [])) == len(same.get("objects", []))
