"""A network that learns the class of every pixel, from its recipe to files that are evaluated, compressed and used."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import kerascnn
from kerascnn.card import Card
from kerascnn.compression.tuning import Tuning, task_loss
from kerascnn.data import open_data
from kerascnn.deploy import export
from kerascnn.networks.codec import decode_row
from kerascnn.segmentation import FCN8s
from kerascnn.tasks import Segmentation
from kerascnn.training import SGD, Cosine, Epochs, Input, Model, Recipe, load_recipe
from kerascnn.training.quick import shrink
from kerascnn.workflows.common import evaluated, some_images
from kerascnn.workflows.train import train

RECIPE = Recipe(
    model=Model(FCN8s.on("resnet20_cifar"), tiny=True),
    data="shape_masks",
    input=Input(size=32, squash=True, mean=(0.5,) * 3, std=(0.25,) * 3),
    augment=("flip", "affine"),
    length=Epochs(2),
    batch=16,
    optimizer=SGD(lr=0.1),
    schedule=Cosine(),
)


def silent(_):
    pass


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    out = tmp_path_factory.mktemp("masks")
    outcome = train(RECIPE, out, exports=("tflite", "tflite-int8", "onnx"), images=96, log=silent)
    assert outcome
    return out, outcome


@pytest.fixture(scope="module")
def photo(tmp_path_factory):
    path = tmp_path_factory.mktemp("photo") / "one.png"
    Image.fromarray(open_data("shape_masks").validation.images[0]).save(path)
    return path


def test_it_learns_and_its_files_agree(trained):
    out, outcome = trained
    card = Card.read(out / "model.keras")
    losses = [epoch["loss"] for epoch in card.facts["history"]]
    assert losses[-1] < losses[0]
    assert {"miou", "val_miou", "pixel_accuracy"} <= {*card.facts["history"][0]}
    assert card.task == "segmentation" and card.labels[0] == "background"
    assert decode_row(card.network).name == "fcn8s_resnet20_cifar"
    assert card.facts["validation"]["miou"] == pytest.approx(outcome.evaluation.headline)
    by_name = {row.name: row for row in outcome.files}
    assert by_name["model.tflite"].agreement > 0.999 and by_name["model.onnx"].agreement > 0.999
    assert by_name["model.int8.tflite"].agreement > 0.9
    page = outcome.report.read_text(encoding="utf-8")
    assert "Mean IoU" in page and "Worst masks" in page and "Top-1" not in page


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Sixteen images with their masks, as files."""
    root, data = tmp_path_factory.mktemp("folder"), open_data("shape_masks")
    for kind, rows in (("images", data.validation.images), ("masks", data.validation.annotations["mask"])):
        (root / kind).mkdir()
        for number in range(16):
            Image.fromarray(rows[number]).save(root / kind / f"{number:02d}.png")
    (root / "labels.txt").write_text("\n".join(data.labels))
    return root


@pytest.mark.parametrize("name", ["model.tflite", "model.onnx", "model.int8.tflite"])
def test_every_file_is_evaluated_alike(trained, folder, name):
    out, _ = trained
    found, reference = (kerascnn.evaluate(out / file, str(folder)) for file in (name, "model.keras"))
    assert found.metric == "Mean IoU" and found.evaluation.samples == 16
    tolerance = 0.1 if "int8" in name else 1e-3
    assert found.evaluation.headline == pytest.approx(reference.evaluation.headline, abs=tolerance)


def test_predict_draws_the_mask(trained, photo, capsys):
    out, _ = trained
    prediction = kerascnn.predict(out / "model.tflite", photo)
    assert "%" in prediction.text() and prediction.as_dict()["height"] == 32
    from kerascnn.cli import main

    assert main(["predict", str(out / "model.onnx"), str(photo), "--out", str(out / "drawn")]) == 0
    picture = np.asarray(Image.open(out / "drawn" / "one.prediction.png"))
    assert picture.shape == (32, 32, 3)
    Image.open(photo).save(photo.with_suffix(".bmp"))
    assert main(["predict", str(out / "model.onnx"), str(photo.parent), "--out", str(out / "drawn")]) == 2
    assert "would both be" in capsys.readouterr().err


def test_a_killed_training_goes_on_to_the_same_weights(tmp_path, trained):
    class Killed(Exception):
        pass

    def kill(line):
        if "epoch 1" in line.lower() or line.lstrip().startswith("1/"):
            raise Killed

    out, _ = trained
    with pytest.raises(Killed):
        train(RECIPE, tmp_path, exports=(), images=96, log=kill)
    train(RECIPE, tmp_path, exports=(), images=96, log=silent)
    first, again = (kerascnn.runtime.load_keras(folder / "model.keras") for folder in (out, tmp_path))
    for a, b in zip(first.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_int8_is_trained_for(trained, tmp_path):
    out, outcome = trained
    card, data = Card.read(out / "model.keras"), open_data("shape_masks")
    task = Segmentation(labels=card.labels)
    model = kerascnn.runtime.load_keras(out / "model.keras")
    arrays = some_images(data.train, card.preprocess, 64)
    quantized = kerascnn.quantize_aware(model, arrays, Tuning(epochs=1), task_loss(task, model))
    verified = export(quantized.simulation, tmp_path / "int8.tflite", "tflite-int8", card=card)
    assert verified.decided_agreement > 0.95
    runner = kerascnn.open_model(tmp_path / "int8.tflite")
    found = evaluated(runner, data.validation, card.preprocess, task)
    assert found.headline > 0.5 * outcome.evaluation.headline


def test_the_page_of_the_readme_is_cut_down_to_its_own_kind_of_data():
    page = Path(__file__).parents[1] / "recipes" / "shape_masks.py"
    small = shrink(load_recipe(page))
    assert small.data == "shape_masks" and small.model.tiny
