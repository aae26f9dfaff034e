"""A network that learns to find objects, from its recipe to files that are evaluated and used."""

import json

import numpy as np
import pytest
from PIL import Image

import kerascnn
from kerascnn.applications import ResNet18
from kerascnn.card import Card
from kerascnn.cli import main
from kerascnn.data import open_data
from kerascnn.data.sources import shape_boxes
from kerascnn.deploy import ExportError
from kerascnn.detection import faster_rcnn, retinanet, ssdlite
from kerascnn.networks.codec import decode_row
from kerascnn.tasks.detection import TwoStage
from kerascnn.training import AdamW, Cosine, Epochs, Input, Model, Recipe
from kerascnn.workflows.train import train

RECIPE = Recipe(
    model=Model(ssdlite("resnet20_cifar"), tiny=True),
    data="shape_boxes",
    input=Input(size=64, squash=True, mean=(0.5,) * 3, std=(0.25,) * 3),
    augment=("flip", "affine", "jitter"),
    length=Epochs(3),
    batch=16,
    optimizer=AdamW(lr=0.005),
    schedule=Cosine(),
)


def silent(_):
    pass


@pytest.fixture(scope="module", autouse=True)
def fewer_images():
    """Drawing all of them takes longer than the rest."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shape_boxes, "COUNT", 120)
        yield


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    out = tmp_path_factory.mktemp("boxes")
    outcome = train(RECIPE, out, exports=("tflite", "tflite-int8", "onnx"), log=silent)
    assert outcome
    return out, outcome


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Sixteen images as files, and their annotations as COCO writes them."""
    root, data = tmp_path_factory.mktemp("folder"), open_data("shape_boxes")
    (root / "images").mkdir()
    held = {"images": [], "annotations": []}
    held["categories"] = [{"id": 5 + place, "name": label} for place, label in enumerate(data.labels)]
    part = data.validation.take(np.arange(16))
    for number, pixels in enumerate(part.images):
        Image.fromarray(pixels).save(root / "images" / f"{number:02d}.png")
        held["images"].append({"id": number, "file_name": f"{number:02d}.png", "width": 96, "height": 96})
        rows = (part.annotations[name][number] for name in ("boxes", "classes", "valid"))
        for (x, y, right, bottom), kind, valid in zip(*(each.tolist() for each in rows), strict=True):
            if valid:
                box = {"bbox": [x, y, right - x, bottom - y], "category_id": 5 + kind, "image_id": number}
                held["annotations"].append(box | {"id": len(held["annotations"]) + 1})
    (root / "annotations.json").write_text(json.dumps(held))
    return root


def test_it_learns_and_its_files_agree(trained):
    out, outcome = trained
    card = Card.read(out / "model.keras")
    losses = [epoch["loss"] for epoch in card.facts["history"]]
    assert losses[-1] < losses[0]
    assert {"ap", "val_ap"} <= {*card.facts["history"][0]}
    assert card.task == "detection" and card.labels == ("disc", "ring", "square", "triangle")
    assert decode_row(card.network).name == "ssdlite_resnet20_cifar"
    assert card.facts["validation"]["ap50"] == pytest.approx(outcome.evaluation.ap50)
    by_name = {row.name: row for row in outcome.files}
    assert by_name["model.tflite"].agreement > 0.99 and by_name["model.onnx"].agreement > 0.99
    assert by_name["model.int8.tflite"].agreement > 0.8
    page = outcome.report.read_text(encoding="utf-8")
    assert "AP50" in page and "Worst images" in page and "Precision and recall" in page and "Top-1" not in page


@pytest.mark.parametrize("name", ["model.tflite", "model.onnx", "model.int8.tflite"])
def test_every_file_is_evaluated_alike(trained, folder, name):
    out, _ = trained
    found, reference = (kerascnn.evaluate(out / file, str(folder)) for file in (name, "model.keras"))
    assert found.metric == "AP" and found.evaluation.samples == 16
    assert found.evaluation.ap50 == pytest.approx(reference.evaluation.ap50, abs=0.1 if "int8" in name else 1e-3)
    assert "objects" in found.note


@pytest.mark.parametrize("name", ["model.keras", "model.tflite", "model.int8.tflite", "model.onnx"])
def test_files_put_out_boxes_in_pixels_and_scores(trained, name):
    runner = kerascnn.open_model(trained[0] / name)
    outputs = runner(np.zeros((2, 64, 64, 3), np.float32))
    assert {*outputs} == {"boxes", "scores"} and outputs["scores"].shape[2] == 4
    assert outputs["boxes"].shape == (*outputs["scores"].shape[:2], 4)
    assert outputs["boxes"].min() >= 0 and 32 < outputs["boxes"].max() <= 64.5
    assert outputs["scores"].min() >= 0 and outputs["scores"].max() <= 1


def test_predict_draws_the_boxes(trained, folder):
    out, _ = trained
    prediction = kerascnn.predict(out / "model.tflite", folder / "images" / "03.png")
    assert {*prediction.as_dict()} == {"objects"} and prediction.text()
    images = [str(folder / "images" / f"{number:02d}.png") for number in range(2)]
    assert main(["predict", str(out / "model.onnx"), *images, "--out", str(out / "drawn")]) == 0
    assert np.asarray(Image.open(out / "drawn" / "01.prediction.png")).shape == (64, 64, 3)
    written = json.loads((out / "drawn" / "01.prediction.json").read_text())
    said = kerascnn.predict(out / "model.onnx", images[1])
    assert written == {"image": images[1], "model": str(out / "model.onnx"), **said.as_dict()}


def test_images_without_objects_are_trained_on(folder, tmp_path):
    """As some of a batch, and as all of one."""
    held = json.loads((folder / "annotations.json").read_text())
    (tmp_path / "images").symlink_to(folder / "images")
    held["annotations"] = [each for each in held["annotations"] if each["image_id"] < 2]
    (tmp_path / "annotations.json").write_text(json.dumps(held))
    outcome = train(
        RECIPE.replace(data=str(tmp_path), length=Epochs(1), batch=2), tmp_path / "out", exports=(), log=silent
    )
    assert outcome and np.isfinite(Card.read(tmp_path / "out" / "model.keras").facts["history"][0]["loss"])


def test_a_killed_training_goes_on_to_the_same_weights(tmp_path, trained):
    class Killed(Exception):
        pass

    def kill(line):
        if "epoch 1" in line.lower():
            raise Killed

    with pytest.raises(Killed):
        train(RECIPE, tmp_path, exports=(), log=kill)
    train(RECIPE, tmp_path, exports=(), log=silent)
    first, again = (kerascnn.runtime.load_keras(folder / "model.keras") for folder in (trained[0], tmp_path))
    for a, b in zip(first.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_detector_is_tuned_for_int8(trained, tmp_path, capsys):
    """What it says is rounded while it is tuned; its file is of bytes, and is no worse than one that was not tuned."""
    out, small = trained[0], tmp_path / "small.keras"
    how = ["--data", "shape_boxes", "--int8", "--epochs", "1", "--lr", "1e-4", "--out", str(small)]
    assert main(["compress", str(out / "model.keras"), *how]) == 0
    assert "after int8" in capsys.readouterr().out
    report = kerascnn.export(small, tmp_path / "small.tflite", "tflite-int8")
    assert report.types == ("int8", "int8") and report.excess <= 1
    before, after = (kerascnn.evaluate(each, "shape_boxes").evaluation for each in (out / "model.keras", report.path))
    assert after.ap50 > before.ap50 - 0.05


def test_retinanet_learns_by_the_same_engine(tmp_path, folder):
    """By the loss that is usual for sigmoids; and it is exported, evaluated and drawn as any other."""
    row = retinanet(ResNet18.replace(name="resnet8_8", depths=(1, 1, 1), width=8))
    recipe = RECIPE.replace(model=Model(row, fields={"coarser": 0, "sides": (8, 14, 24), "width": 16, "depth": 1}))
    outcome = train(recipe, tmp_path, exports=("tflite", "tflite-int8", "onnx"), log=silent)
    card = Card.read(tmp_path / "model.keras")
    losses = [epoch["loss"] for epoch in card.facts["history"]]
    assert outcome and losses[-1] < losses[0] and np.isfinite(losses).all()
    assert decode_row(card.network).name == "retinanet_resnet8_8"
    by_name = {row.name: row for row in outcome.files}
    reference = kerascnn.evaluate(tmp_path / "model.keras", str(folder)).evaluation
    for name, agreement, off in (
        ("model.tflite", 0.99, 1e-3),
        ("model.onnx", 0.99, 1e-3),
        ("model.int8.tflite", 0.8, 0.1),
    ):
        assert by_name[name].agreement > agreement
        found = kerascnn.evaluate(tmp_path / name, str(folder)).evaluation
        assert found.ap50 == pytest.approx(reference.ap50, abs=off)
    picture = folder / "images" / "03.png"
    assert main(["predict", str(tmp_path / "model.tflite"), str(picture), "--out", str(tmp_path)]) == 0
    assert np.asarray(Image.open(tmp_path / "03.prediction.png")).shape == (64, 64, 3)


def test_faster_rcnn_learns_by_the_same_engine(tmp_path, folder):
    """On one map, which is the quickest. That two stages go on where they were killed is tested in every task."""
    row = faster_rcnn(ResNet18.replace(name="resnet6_8", depths=(1, 1), width=8))
    few = {"candidates": 60, "proposals": 40, "pairs": 60, "detections": 20, "width": 16, "hidden": (32,)}
    recipe = RECIPE.replace(
        model=Model(row, fields={"sides": ((14.0,), (28.0,)), "taps": ("stage2-block1-relu2",), **few}),
        loss=TwoStage(anchors=64, regions=32),
        length=Epochs(2),
    )
    lines = []
    outcome = train(recipe, tmp_path, log=lines.append)
    card = Card.read(tmp_path / "model.keras")
    assert outcome and decode_row(card.network).name == "faster_rcnn_resnet6_8"
    assert [row.name for row in outcome.files] == ["model.keras", "model.tflite", "model.onnx"]
    assert len([line for line in lines if line.startswith("model.int8.tflite is not written: ")]) == 1
    with pytest.raises(ExportError):
        train(recipe, tmp_path, exports=("tflite-int8",), log=silent)
    losses = [[epoch[name] for epoch in card.facts["history"]] for name in ("loss", "val_loss")]
    assert losses[0][-1] < losses[0][0] and np.isfinite(losses).all()
    assert {row.name: row.agreement for row in outcome.files}["model.tflite"] > 0.99
    assert kerascnn.predict(tmp_path / "model.tflite", folder / "images" / "03.png").text()
