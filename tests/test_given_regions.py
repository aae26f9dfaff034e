"""Networks that look at given regions, from a recipe to files that are evaluated, verified and used."""

import json

import keras
import numpy as np
import pytest
from PIL import Image
from test_detection_training import silent

import kerascnn
from kerascnn import layers as L
from kerascnn.card import Card
from kerascnn.cli import main
from kerascnn.data import open_data
from kerascnn.data.sources import shape_boxes
from kerascnn.deploy import ExportError
from kerascnn.detection import fast_rcnn
from kerascnn.tasks.detection import MultiTask
from kerascnn.training import AdamW, Cosine, Epochs, Input, Model, Recipe
from kerascnn.training.loop import train as train_alone
from kerascnn.workflows.train import train

RECIPE = Recipe(
    model=Model(fast_rcnn("resnet20_cifar"), tiny=True),
    data="shape_boxes",
    input=Input(size=64, squash=True, mean=(0.5,) * 3, std=(0.25,) * 3),
    augment=("flip", "crop:0.6"),
    length=Epochs(2),
    batch=16,
    optimizer=AdamW(lr=0.005),
    schedule=Cosine(),
    loss=MultiTask(regions=16),
)
FORMATS = ("tflite", "onnx", "saved_model")


@pytest.fixture(scope="module", autouse=True)
def few_images(tmp_path_factory):
    """Of which proposals are kept for this module."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shape_boxes, "COUNT", 48)
        patch.setenv("KERASCNN_HOME", str(tmp_path_factory.mktemp("home")))
        yield


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    out = tmp_path_factory.mktemp("regions")
    outcome = train(RECIPE, out, exports=FORMATS, log=silent)
    assert outcome
    return out, outcome


@pytest.fixture(scope="module")
def validation():
    return open_data("shape_boxes", proposals=True).validation


def prepared(split, count=4):
    from kerascnn.workflows.common import calibration_of

    return calibration_of(split, RECIPE.input.preprocess(kerascnn.spec.Preprocess(size=64)), count)


def test_it_learns_and_its_files_agree(trained):
    out, outcome = trained
    card = Card.read(out / "model.keras")
    losses = [epoch["loss"] for epoch in card.facts["history"]]
    assert losses[-1] < losses[0] and card.task == "detection"
    by_name = {row.name: row for row in outcome.files}
    for name in ("model.tflite", "model.onnx", "model_saved_model"):
        assert by_name[name].agreement > 0.99
    assert "Worst images" in outcome.report.read_text(encoding="utf-8")


def test_files_take_images_and_proposals(trained, validation):
    images, boxes = prepared(validation)
    wanted = None
    for name in ("model.keras", "model.tflite", "model.onnx", "model_saved_model"):
        runner = kerascnn.open_model(trained[0] / name)
        assert runner.proposals == 60 and runner.input_shape == (64, 64, 3)
        got = runner(images, boxes)
        wanted = wanted or got
        np.testing.assert_allclose(got["scores"], wanted["scores"], atol=1e-3)
        few = runner(images, boxes[:, :3])
        assert (few["scores"].max(-1) > 0).sum() <= 4 * 3 * 4
    with pytest.raises(ValueError, match=r"model_saved_model looks at boxes that are given .* pass proposals"):
        runner(images)
    with pytest.raises(ValueError, match=r"Expected proposals, \(N, M, 4\), of 4 images; got an array of shape \(2, "):
        runner(images, boxes[:2])


@pytest.mark.parametrize("name", ["model.keras", "model.tflite"])
def test_it_is_evaluated_on_its_own_images(trained, name):
    out, outcome = trained
    found = kerascnn.evaluate(out / name, "shape_boxes")
    assert "validated its training" in found.comparison and "selective search proposes" in found.note
    assert found.evaluation.ap50 == pytest.approx(outcome.evaluation.ap50, abs=0.02)


def test_corrupted_images_keep_their_proposals(trained):
    found = kerascnn.evaluate(trained[0] / "model.keras", "shape_boxes", corruptions=["contrast"], severities=[1])
    assert found.robustness and found.robustness.whole == pytest.approx(found.evaluation.headline, abs=0.02)


def test_prediction_proposes_boxes_itself(trained, validation, tmp_path):
    out, _ = trained
    for number in range(2):
        Image.fromarray(validation.images[number]).save(tmp_path / f"{number}.png")
    found = kerascnn.predict(out / "model.tflite", [tmp_path / "0.png", validation.images[1]])
    runner = kerascnn.open_model(out / "model.tflite")
    targets = {name: rows[:2] for name, rows in validation.annotations.items()}
    from kerascnn.data.pipeline import batches

    images, told = next(iter(batches(validation.take(np.arange(2)), Card.read(out / "model.tflite").preprocess, 2)))
    outputs = runner(images.numpy(), told["proposals"].numpy())
    for place, prediction in enumerate(found):
        best = outputs["scores"][place].max()
        assert prediction.scores.max(initial=0) == pytest.approx(best if best > 0.01 else 0, abs=1e-3)
    assert len(targets["boxes"]) == 2
    assert main(["predict", str(out / "model.keras"), str(tmp_path / "0.png"), "--out", str(tmp_path / "drawn")]) == 0
    assert (tmp_path / "drawn" / "0.prediction.png").is_file()


def test_export_and_verify_take_pairs(trained, validation, tmp_path):
    out, _ = trained
    pair = prepared(validation, 6)
    report = kerascnn.export(out / "model.keras", tmp_path / "a.tflite", calibration=pair, pixels=True)
    assert report.inputs == "calibration images" and report.excess <= 1
    assert kerascnn.open_model(tmp_path / "a.tflite").pixels
    assert kerascnn.export(out / "model.keras", tmp_path / "b.tflite", nms=True).inputs == "noise"
    verified = kerascnn.verify(out / "model.keras", out / "model.onnx", images=pair)
    assert verified.samples == 6 and verified.decided_agreement > 0.99
    with pytest.raises(ValueError, match=r"looks at boxes that are given with each image: pass calibration=\(images, "):
        kerascnn.export(out / "model.keras", tmp_path / "c.tflite", calibration=pair[0])
    with pytest.raises(ValueError, match=r"Expected proposals, \(N, M, 4\), of 6 images"):
        kerascnn.verify(out / "model.keras", out / "model.onnx", images=(pair[0], pair[1][:3]))
    assert not (tmp_path / "c.tflite").exists()


def test_a_file_of_other_regions_is_found_out(trained, tmp_path):
    row = fast_rcnn("resnet20_cifar")
    other = row.replace(**{**row.tiny, "proposals": 30})
    other(classes=4, input_shape=(64, 64, 3)).save(tmp_path / "other.keras")
    with pytest.raises(ExportError, match="takes 60 proposals of an image, and its model 30"):
        kerascnn.verify(tmp_path / "other.keras", trained[0] / "model.tflite")


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (
            ["compare-layers", "{}/model.keras", "{}/model.tflite", "--data", "shape_boxes"],
            "looks at boxes that are given",
        ),
        (["export", "{}/model.keras", "--android", "{}/app", "--overwrite"], "an app has none to give"),
        (["compress", "{}/model.keras", "--data", "shape_boxes", "--prune", "0.5", "--out", "{}/s.keras"], "looks at"),
    ],
)
def test_what_does_not_pass_regions_on_says_so(trained, command, message, capsys):
    assert main([part.format(trained[0]) for part in command]) != 0
    assert message in capsys.readouterr().err


def test_integers_are_calibrated_on_pairs(validation, tmp_path):
    """Of a network without the last layer, which runs in a loop: that TensorFlow Lite cannot measure."""
    image, proposals = keras.Input((64, 64, 3), name="image"), keras.Input((12, 4), name="proposals")
    keras.utils.set_random_seed(0)
    cut = L.RoIPool(4, 2)([proposals, L.Conv2D(6, 5, 4, "same", activation="relu")(image)])
    model = keras.Model([image, proposals], L.Dense(3)(L.Reshape((12, 24))(cut)))
    pair = prepared(validation, 12)
    with pytest.warns(UserWarning, match="too few"):
        report = kerascnn.export(model, tmp_path / "a.tflite", "tflite-int8", calibration=pair)
    assert {*report.types} == {"int8"} and report.samples == len(pair[0]) and 0 < report.error < 0.3
    with pytest.raises(
        ExportError, match=r"cannot measure the ranges of layer 'head-class_boxes', which runs in a loop"
    ):
        row = fast_rcnn("resnet20_cifar")
        whole = row.replace(**row.tiny)(classes=4, input_shape=(64, 64, 3))
        kerascnn.export(whole, tmp_path / "b.tflite", "tflite-int8", calibration=pair)


def test_commands_bring_the_proposals_along(trained, tmp_path, capsys):
    out, _ = trained
    to = ["--out", str(tmp_path / "m.tflite")]
    assert main(["export", str(out / "model.keras"), "--calibration", "shape_boxes", *to]) == 0
    assert (
        main(["verify", str(out / "model.keras"), str(tmp_path / "m.tflite"), "--data", "shape_boxes", "--json"]) == 0
    )
    said = capsys.readouterr().out
    assert json.loads(said[said.rindex("\n{\n") :])["inputs"] == "calibration images"


def test_images_without_proposals_are_refused_before_a_training(tmp_path):
    data = open_data("shape_boxes")
    with pytest.raises(ValueError, match=r"The network takes proposals of each image, and the images come with area"):
        train_alone(RECIPE, data, tmp_path, log=silent)
