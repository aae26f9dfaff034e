"""Files that an earlier release wrote are read, and answer what they answered. ``tools/golden.py`` wrote them."""

import gzip
import json
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest

import kerascnn
from kerascnn.applications import ROWS
from kerascnn.card import Card

GOLDEN = Path(__file__).with_name("golden")
ANSWERS = np.load(GOLDEN / "answers.npz")
MODELS = [name for name in ANSWERS.files if name != "images"]
NETWORKS = json.loads(gzip.decompress((GOLDEN / "networks.json.gz").read_bytes()))


@pytest.mark.parametrize("name", MODELS)
def test_a_model_file_answers_what_it_answered(name, tmp_path):
    for path in GOLDEN.glob(f"{name}*"):
        shutil.copy(path, tmp_path)
    runner = kerascnn.open_model(tmp_path / name)
    scores, wanted = runner(ANSWERS["images"])["scores"], ANSWERS[name]
    assert wanted.std() > 0.01
    np.testing.assert_allclose(scores, wanted, rtol=1e-4, atol=runner.steps.get("scores", 0) + 1e-5)
    assert Card.read(tmp_path / name).row.name == "mobilenet_v3_small_100"


def test_every_family_of_then_has_a_network_here():
    assert {type(row).__name__ for row in ROWS.values()} >= {*NETWORKS}


@pytest.mark.parametrize("family", NETWORKS)
def test_a_network_is_drawn_from_its_configuration(family):
    read = keras.models.model_from_json(NETWORKS[family])
    row = next(row for row in ROWS.values() if type(row).__name__ == family)
    drawn = row.replace(**row.tiny)(classes=10)
    assert [w.path for w in read.weights] == [w.path for w in drawn.weights]
    read.set_weights(drawn.get_weights())
    image = keras.random.normal((1, *drawn.input_shape[1:]), seed=1)
    for got, want in zip(keras.tree.flatten(read(image)), keras.tree.flatten(drawn(image)), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)
