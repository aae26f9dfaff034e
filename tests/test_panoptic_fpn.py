"""Panoptic FPN: its head for stuff against torch, what its regions are drawn by, and what its files hold."""

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from test_train import silent

import kerascnn
from kerascnn.applications import ResNet18
from kerascnn.card import Card
from kerascnn.catalogue import find
from kerascnn.cli import main
from kerascnn.data import open_data
from kerascnn.data.sources import shape_panoptic
from kerascnn.detection import PanopticFPN, mask_rcnn, panoptic_fpn
from kerascnn.networks.codec import decode_row, encode_row
from kerascnn.tasks import Panoptic
from kerascnn.tasks.instance import TwoStageMasks
from kerascnn.training import load_recipe
from kerascnn.training.resolve import resolve
from kerascnn.workflows.train import train

PAGE = Path(__file__).parents[1] / "recipes/panoptic_fpn.py"
NAMES = ("panoptic_fpn_resnet50", "panoptic_fpn_resnet101")
LABELS = ("cat", "dog", "sand", "sea", "sky")
ROW = panoptic_fpn(ResNet18.replace(name="resnet8", depths=(1, 1, 1), width=8))
SMALL = ROW.replace(width=16, hidden=(32,), mask_convolutions=1, candidates=60, proposals=40, pairs=60, detections=12)
SMALL = SMALL.replace(stuff_width=32, stuff_groups=8, things=2)


@pytest.fixture(scope="module")
def small():
    return SMALL(classes=5, input_shape=(96, 96, 3))


def images(model, count=2):
    return tf.constant(np.random.default_rng(1).normal(size=(count, *model.input_shape[1:])), tf.float32)


# -- networks ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "counted", "norms"), [(NAMES[0], 45_973_990, 53_120), (NAMES[1], 64_913_894, 105_344)]
)
def test_parameters_are_counted_as_in_detectron(name, counted, norms):
    """Where batch norms are frozen, and have no parameters."""
    model = kerascnn.build(name)
    assert sum(int(np.prod(w.shape)) for w in model.trainable_weights) - norms == counted
    assert sum(w.shape.num_elements() for w in model.weights if w.path.startswith("head-stuff-")) == 1_630_774
    shapes = {"boxes": (100, 4), "scores": (100, 80), "masks": (100, 28, 28), "stuff": (800, 800, 54)}
    assert {name: x.shape[1:] for name, x in model.output.items()} == shapes


def of_torch(maps, strides, weights, size):
    """The head for stuff, as the paper describes it, of torch's own operators; the logits, (B, C, H, W)."""
    torch = pytest.importorskip("torch")
    from torch.nn import functional as F

    def enlarged(x, size):
        return F.interpolate(x, size=size, mode="bilinear", align_corners=False)

    maps = [torch.tensor(np.asarray(x).transpose(0, 3, 1, 2).copy()) for x in maps]
    total = 0
    for number, (stride, x) in enumerate(zip(strides, maps, strict=True), 1):
        for step in range(max(1, int(np.log2(stride)) - 2)):
            conv, norm = (f"head-stuff-map{number}-{kind}{step + 1 if step else ''}" for kind in ("conv", "gn"))
            x = F.conv2d(x, torch.tensor(weights[f"{conv}/kernel"].transpose(3, 2, 0, 1).copy()), padding=1)
            x = F.group_norm(x, 8, *(torch.tensor(weights[f"{norm}/{part}"]) for part in ("gamma", "beta")))
            x = enlarged(F.relu(x), maps[strides.index(stride) - 1 - step].shape[2:]) if stride > 4 else F.relu(x)
        total = total + x
    kernel, bias = (weights[f"head-stuff-conv/{part}"] for part in ("kernel", "bias"))
    logits = F.conv2d(total, torch.tensor(kernel.transpose(3, 2, 0, 1).copy()), torch.tensor(bias))
    return enlarged(logits, size).numpy().transpose(0, 2, 3, 1)


@pytest.mark.parametrize("side", [96, 109])
def test_the_head_for_stuff_is_that_of_the_paper(side):
    """Also on an image whose maps are not halves of one another."""
    model = SMALL.replace(backbone=ResNet18.replace(width=8))(classes=5, input_shape=(side, side, 3))
    random = np.random.default_rng(0)
    for w in model.weights:
        if w.path.startswith("head-stuff-"):
            spread = 1 / np.sqrt(np.prod(w.shape[:-1])) if w.path.endswith("kernel") else 0.3
            w.assign(w.path.endswith("gamma") + random.normal(0, spread, w.shape))
    names = [f"pyramid-map{number}-conv" for number in range(1, 5)]
    logits = model.get_layer("head-stuff-softmax").input
    seen = keras.Model(model.input, [*(model.get_layer(name).output for name in names), logits, model.output["stuff"]])
    *maps, got, shares = seen(images(model))
    weights = {w.path: w.numpy() for w in model.weights}
    wanted = of_torch(maps, [4, 8, 16, 32], weights, (side, side))
    assert wanted.shape == (2, side, side, 4) and wanted.std() > 0.1
    np.testing.assert_allclose(got, wanted, atol=1e-4 * abs(wanted).max())
    power = np.exp(wanted - wanted.max(-1, keepdims=True))
    np.testing.assert_allclose(shares, power / power.sum(-1, keepdims=True), atol=1e-4)


def test_things_are_told_by_mask_rcnn(small):
    """Whose boxes and masks of the background are left out: all else is the same, and so is what comes out."""
    fields = {name: getattr(SMALL, name) for name in ("width", "hidden", "mask_convolutions", "candidates")}
    fields |= {name: getattr(SMALL, name) for name in ("proposals", "pairs", "detections")}
    other = mask_rcnn(SMALL.backbone).replace(**fields)(classes=2, input_shape=(96, 96, 3))
    mine = {w.path: w.numpy() for w in small.weights}
    for w in other.weights:
        value = mine[w.path]
        lacking = w.shape[-1] - value.shape[-1]
        assert lacking == {8 + 4: 4, 2 + 1: 1}.get(w.shape[-1], 0) * (w.path.split("/")[0] in LAST), w.path
        w.assign(np.concatenate([np.full((*value.shape[:-1], lacking), 7.0), value], -1))
    theirs, ours = other(images(small)), small(images(small))
    assert theirs["scores"].numpy().max() > 0.1
    for name, values in theirs.items():
        np.testing.assert_allclose(ours[name], values, atol=1e-4)


LAST = ("head-boxes-dense", "head-masks-conv")


def test_rows():
    for row in (*map(find, NAMES), panoptic_fpn("mobilenet_v2")):
        assert isinstance(row, PanopticFPN) and decode_row(encode_row(row)) == row and row.task == "panoptic"
    assert find("panoptic_fpn_mobilenet_v2") == panoptic_fpn("mobilenet_v2")
    assert find(NAMES[0]) == panoptic_fpn("resnet50") == find("PanopticFPNResNet50")
    assert {*kerascnn.list_models(task="panoptic")} == {*NAMES}
    with pytest.raises(ValueError, match="There is no model 'panoptic_fpn_resnet19'"):
        find("panoptic_fpn_resnet19")


@pytest.mark.parametrize("name", ["resnet20_cifar", "mobilenet_v3_small", "vgg11"])
def test_it_stands_on_any_backbone(name):
    row = panoptic_fpn(name).replace(candidates=60, proposals=20, hidden=(16,), detections=5, mask_convolutions=1)
    model = row(classes=3, things=2, input_shape=(96, 128, 3))
    shapes = {name: x.shape[1:] for name, x in model.output.items()}
    assert shapes == {"boxes": (5, 4), "scores": (5, 2), "masks": (5, 28, 28), "stuff": (96, 128, 2)}
    assert np.isfinite(model(images(model, 1))["stuff"]).all()


def test_how_many_classes_are_things_is_an_argument():
    row = SMALL.replace(things=80)
    with pytest.raises(ValueError, match=r"things must be a whole number above 0 and below the 5 classes, .* got 80"):
        row(classes=5, input_shape=(96, 96, 3))
    for things in (0, 5, True, "two"):
        with pytest.raises(ValueError, match="things must be a whole number above 0"):
            row(classes=5, things=things, input_shape=(96, 96, 3))
    with pytest.raises(ValueError, match="classes must be a whole number"):
        row(classes=0, things=1, input_shape=(96, 96, 3))
    model = row(classes=5, things=4, input_shape=(96, 96, 3))
    assert model.output["scores"].shape[-1] == 4 and model.output["stuff"].shape[-1] == 2
    assert row(include_top=False, input_shape=(96, 96, 3)).output_shape == (None, 6, 6, 16)


# -- training ---------------------------------------------------------------------------------------------------------


def segments(stuff):
    """Targets of two images: a thing, and behind it stuff that fills the image, or not."""
    bits = np.zeros((2, 2, 96, 96), bool)
    bits[:, 0, 20:60, 10:50] = True
    bits[:, 1] = ~bits[:, 0]
    return {
        "boxes": tf.constant([[[10.0, 20, 50, 60], [0, 0, 96, 96]]] * 2),
        "classes": tf.constant([[1, 3]] * 2),
        "valid": tf.constant([[True, stuff]] * 2),
        "crowd": tf.zeros((2, 2), tf.bool),
        "seed": tf.constant([[7, 0], [7, 1]], tf.int64),
        "masks": tf.constant(np.packbits(bits, axis=-1)),
    }


def test_regions_are_drawn_by_things_alone(small):
    """The same with segments of stuff and without; and all that learns has a gradient."""
    task = Panoptic(labels=LABELS, loss=TwoStageMasks(regions=40))
    trained = task.training_model(small)
    assert {x.name for x in trained.inputs[1:]} == {"boxes", "valid", "crowd", "seed", "classes"}
    found, losses = [], []
    for stuff in (True, False):
        targets = segments(stuff)
        with tf.GradientTape() as tape:
            given = [images(small), *(targets[x.name] for x in trained.inputs[1:])]
            outputs = trained(given, training=True)
            losses.append(task.losses(outputs, targets))
        found.append({name: outputs[name].numpy() for name in ("regions", "mask_regions")})
        gradients = tape.gradient(losses[-1], [w.value for w in small.trainable_weights])
        assert all(gradient is not None for gradient in gradients)
    for name, values in found[0].items():
        np.testing.assert_array_equal(values, found[1][name])
        assert (values == [10, 20, 50, 60]).all(-1).any(1).all(), "the thing's own box is among them"
    assert (losses[0].numpy() != losses[1].numpy()).all(), "pixels of stuff count"


def test_what_comes_out_is_what_it_was(small):
    trained = Panoptic(labels=LABELS).training_model(small)
    targets = segments(True)
    outputs = trained([images(small), *(targets[x.name] for x in trained.inputs[1:])], training=False)
    for name, wanted in small(images(small)).items():
        got = keras.ops.softmax(outputs[name]) if name == "stuff" else outputs[name]
        np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-5)


# -- files ------------------------------------------------------------------------------------------------------------


def test_a_file_says_what_the_model_says(small, tmp_path):
    """Saved whole, and in built-in operators of TensorFlow Lite."""
    small.save(tmp_path / "model.keras")
    wanted = {name: x.numpy() for name, x in small(images(small)).items()}
    for name, x in keras.models.load_model(tmp_path / "model.keras")(images(small)).items():
        np.testing.assert_array_equal(x, wanted[name])
    kerascnn.export(small, tmp_path / "model.tflite", "tflite")
    got = kerascnn.open_model(tmp_path / "model.tflite")(images(small).numpy())
    assert wanted["scores"].max() > 0 and wanted["stuff"].std() > 0.01
    sure = wanted["scores"].max(-1) > 0
    np.testing.assert_allclose(got["stuff"], wanted["stuff"], atol=1e-4)
    for name in ("boxes", "scores", "masks"):
        np.testing.assert_allclose(got[name][sure], wanted[name][sure], atol=1e-3 * max(1, abs(wanted[name]).max()))


def test_it_learns_and_its_files_agree(tmp_path, monkeypatch):
    """From a source that says which of its classes are things, to files and pictures; on one map, the quickest."""
    monkeypatch.setattr(shape_panoptic, "COUNT", 64)
    fields = {"sides": ((16.0,), (32.0,)), "taps": ("stage2-block1-relu2",), "width": 16, "hidden": (32,)}
    fields |= {"mask_convolutions": 1, "stuff_width": 16, "stuff_groups": 4}
    fields |= {"candidates": 40, "proposals": 30, "pairs": 40, "detections": 8}
    recipe = load_recipe(f"{PAGE}:SHAPES").replace({"model.name": ROW, "model.fields": fields, "length.epochs": 2})
    outcome = train(recipe.replace({"input.size": 64}), tmp_path, exports=("tflite",), log=silent)
    card = Card.read(tmp_path / "model.keras")
    assert outcome and card.task == "panoptic" and card.labels[4:] == ("ground", "water")
    assert card.row.things == 4 == card.facts["recipe"]["model"]["fields"]["things"]
    losses = [[epoch[name] for epoch in card.facts["history"]] for name in ("loss", "val_loss")]
    assert losses[0][-1] < losses[0][0] and np.isfinite(losses).all()
    assert {row.name: row.agreement for row in outcome.files}["model.tflite"] > 0.99
    page = outcome.report.read_text(encoding="utf-8")
    assert "PQ" in page and "Worst images" in page and "water" in page
    found = kerascnn.evaluate(tmp_path / "model.tflite", "shape_panoptic").evaluation
    assert found.pq == pytest.approx(outcome.evaluation.headline, abs=1e-3) and found.samples > 8
    Image.fromarray(open_data("shape_panoptic").validation.images[0]).save(tmp_path / "scene.png")
    assert main(["predict", str(tmp_path / "model.tflite"), str(tmp_path / "scene.png"), "--out", str(tmp_path)]) == 0
    assert np.asarray(Image.open(tmp_path / "scene.prediction.png")).shape == (64, 64, 3)


def test_the_data_says_how_many_classes_are_things(monkeypatch):
    monkeypatch.setattr(shape_panoptic, "COUNT", 8)
    recipe, data = load_recipe(f"{PAGE}:SHAPES"), open_data("shape_panoptic")
    resolved = resolve(recipe, data)
    assert resolved.row and resolved.row.things == 4 and resolve(resolved.recipe, data).recipe == resolved.recipe
    own = resolve(recipe.replace({"model.fields": {**recipe.model.fields, "things": 3}}), data)
    assert own.row and own.row.things == 3, "what a recipe says stays"
    with pytest.raises(ValueError, match="The task panoptic needs data that says which of its classes are things"):
        resolve(recipe, replace(data, things=None))
