"""The parts of detectors, each against another implementation or its definition; and the networks of the papers."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf
from parity import randomise_torch
from references import torch_model
from torch_detectors import detection, nms, of_maps

import kerascnn
from kerascnn import layers as L
from kerascnn.applications import ROWS as ROWS_OF_BACKBONES
from kerascnn.catalogue import find
from kerascnn.detection import ROWS, ssdlite
from kerascnn.detection import boxes as B
from kerascnn.detection.losses import multibox, smooth_l1
from kerascnn.detection.matching import matched
from kerascnn.detection.suppression import detections
from kerascnn.layers.boxes import default_boxes
from kerascnn.networks.codec import decode_row, encode_row
from kerascnn.weights.coco import categories
from kerascnn.weights.records import find_record

torch = pytest.importorskip("torch")
GRIDS, STEPS = ((6, 8), (3, 4)), ((10.0, 12.5), (20.0, 25.0))
VARIANCES = 0.1, 0.2
SHAPES = (((12, 12), (20, 10), (10, 20)), ((40, 40), (60, 30)))


def some_boxes(*shape, seed=0, side=80.0):
    rng = np.random.default_rng(seed)
    corner = rng.uniform(0, side * 0.8, (*shape, 2))
    return np.concatenate([corner, corner + rng.uniform(2, side / 2, (*shape, 2))], -1).astype("float32")


# -- parts ------------------------------------------------------------------------------------------------------------


def test_overlaps_are_those_of_torchvision():
    detection()
    from torchvision.ops import box_area, box_convert, box_iou

    first, second = some_boxes(7), some_boxes(5, seed=1)
    np.testing.assert_allclose(B.iou(first, second), box_iou(torch.tensor(first), torch.tensor(second)), rtol=1e-5)
    np.testing.assert_allclose(B.area(first), box_area(torch.tensor(first)), rtol=1e-5)
    middles = box_convert(torch.tensor(first), "xyxy", "cxcywh")
    np.testing.assert_allclose(B.middles_and_sizes(first), middles, rtol=1e-6)
    np.testing.assert_allclose(B.corners(B.middles_and_sizes(first)), first, rtol=1e-5, atol=1e-5)
    assert B.iou(np.zeros((1, 4), "float32"), np.zeros((1, 4), "float32")).numpy() == 0, "no area, no overlap, no NaN"


def test_offsets_are_coded_as_in_torchvision_and_decoded_again():
    coder = detection()._utils.BoxCoder(weights=(10.0, 10.0, 5.0, 5.0))
    from torchvision.ops import clip_boxes_to_image

    defaults = default_boxes(GRIDS, STEPS, SHAPES)
    wanted, corners = some_boxes(len(defaults)), B.corners(defaults).numpy()
    coded = B.offsets(wanted, defaults, VARIANCES)
    np.testing.assert_allclose(
        coded, coder.encode_single(torch.tensor(wanted), torch.tensor(corners)), rtol=1e-4, atol=1e-4
    )
    layer = L.DecodeBoxes((900, 900), GRIDS, STEPS, SHAPES)
    np.testing.assert_allclose(layer(of_maps(layer, coded[None]))[0], wanted, rtol=1e-4, atol=1e-3)
    layer = L.DecodeBoxes((60, 100), GRIDS, STEPS, SHAPES)
    noise = np.random.default_rng(0).normal(0, 8, (2, len(defaults), 4)).astype("float32")
    for got, offsets in zip(layer(of_maps(layer, noise)), noise, strict=True):
        theirs = coder.decode_single(torch.tensor(offsets), torch.tensor(corners))
        theirs = clip_boxes_to_image(theirs, (60, 100))
        np.testing.assert_allclose(got, theirs, rtol=1e-3, atol=1e-2)


def test_default_boxes_are_counted_row_by_row(tmp_path):
    defaults = default_boxes(GRIDS, STEPS, SHAPES)
    assert defaults.shape == (6 * 8 * 3 + 3 * 4 * 2, 4)
    assert defaults[1].tolist() == [6.25, 5, 20, 10] and defaults[3].tolist() == [18.75, 5, 12, 12]
    assert defaults[24].tolist() == [6.25, 15, 12, 12] and defaults[-1].tolist() == [87.5, 50, 60, 30]
    maps = [keras.Input((144, 4)), keras.Input((24, 4))]
    model = keras.Model(maps, L.DecodeBoxes((60, 100), GRIDS, STEPS, SHAPES)(maps))
    model.save(tmp_path / "boxes.keras")
    again = keras.models.load_model(tmp_path / "boxes.keras")
    x = [np.ones((1, 144, 4), "float32"), np.ones((1, 24, 4), "float32")]
    np.testing.assert_array_equal(again(x), model(x))


def torch_matches(boxes, valid, corners):
    matcher = detection()._utils.SSDMatcher(0.5)
    from torchvision.ops import box_iou

    if not valid.any():
        return np.full(len(corners), -1)
    return matcher(box_iou(torch.tensor(boxes[valid]), torch.tensor(corners))).numpy()


def objects(count=6, seed=3):
    """Boxes, classes and which of them there are; the last image has none."""
    boxes = some_boxes(count, 5, seed=seed)
    valid = np.arange(5) < np.random.default_rng(seed).integers(1, 6, (count, 1))
    valid[-1] = False
    classes = np.random.default_rng(seed).integers(0, 4, (count, 5)).astype("int32")
    return boxes, classes, valid


def test_every_object_is_matched_as_in_torchvision():
    boxes, _, valid = objects()
    corners = B.corners(default_boxes(GRIDS, STEPS, SHAPES)).numpy()
    found = matched(boxes, valid, corners, 0.5).numpy()
    for image in range(len(boxes)):
        np.testing.assert_array_equal(found[image], torch_matches(boxes[image], valid[image], corners))
        assert set(np.flatnonzero(valid[image])) <= set(found[image]), "no object is left without a default box"


def test_the_loss_is_that_of_torchvision_image_by_image():
    boxes, classes, valid = objects()
    defaults = default_boxes(GRIDS, STEPS, SHAPES)
    corners, rng = B.corners(defaults).numpy(), np.random.default_rng(0)
    scores = rng.normal(size=(6, len(defaults), 5)).astype("float32")
    predicted = rng.normal(size=(6, len(defaults), 4)).astype("float32")
    targets = {"boxes": boxes, "classes": classes, "valid": valid}
    how = {"overlap": 0.5, "negatives": 3.0}
    losses = multibox(scores, predicted, defaults, VARIANCES, targets, **how).numpy()
    utils = detection()._utils
    module = SimpleNamespace(box_coder=utils.BoxCoder(weights=(10.0, 10.0, 5.0, 5.0)), neg_to_pos_ratio=3.0)
    for i, loss in enumerate(losses):
        labels = torch.tensor(1 + classes[i][valid[i]].astype("int64"))
        outputs = {"bbox_regression": torch.tensor(predicted[i : i + 1]), "cls_logits": torch.tensor(scores[i : i + 1])}
        matches = torch.tensor(torch_matches(boxes[i], valid[i], corners))
        wanted = {"boxes": torch.tensor(boxes[i][valid[i]]), "labels": labels}
        parts = detection().ssd.SSD.compute_loss(module, [wanted], outputs, [torch.tensor(corners)], [matches])
        assert loss == pytest.approx(float(sum(parts.values())), rel=1e-4)
    assert losses[-1] == 0, "an image without objects"


def test_padding_has_no_part_in_the_loss_nor_in_its_gradient():
    boxes, classes, valid = objects()
    defaults = default_boxes(GRIDS, STEPS, SHAPES)
    scores, predicted = tf.Variable(tf.ones((6, len(defaults), 5))), tf.Variable(tf.ones((6, len(defaults), 4)))
    found = []
    for padding in (0.0, 7.0):
        targets = {
            "boxes": np.where(valid[..., None], boxes, padding),
            "classes": np.where(valid, classes, int(padding)),
            "valid": valid,
        }
        with tf.GradientTape() as tape:
            losses = multibox(scores, predicted, defaults, VARIANCES, targets, overlap=0.5, negatives=3.0)
        gradients = tape.gradient(losses, [scores, predicted])
        assert all(np.isfinite(g).all() for g in gradients)
        assert (gradients[1][-1].numpy() == 0).all() and (gradients[1][0].numpy() != 0).any()
        found.append((losses.numpy(), *gradients))
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)


def test_smooth_l1_is_that_of_torch():
    values = np.linspace(-3, 3, 25, dtype="float32")
    for beta in (1.0, 0.25):
        theirs = torch.nn.functional.smooth_l1_loss(torch.tensor(values), torch.zeros(25), beta=beta, reduction="none")
        np.testing.assert_allclose(smooth_l1(values, beta), theirs, rtol=1e-5, atol=1e-7)


def test_suppression_is_what_its_definition_says():
    boxes = some_boxes(3, 60)
    scores = np.random.default_rng(0).random((3, 60, 4)).astype("float32") ** 2
    scores[2] = 0  # an image in which nothing is found
    found = detections(boxes, scores, least=0.2, overlap=0.4, candidates=40, most=50)
    for image in range(3):
        kept = []
        for number in range(4):
            of_class = scores[image, :, number]
            some = np.argsort(-of_class, kind="stable")[:40]
            some = some[of_class[some] > 0.2]
            kept += [
                (of_class[i], number, *boxes[image, i]) for i in some[nms(boxes[image][some], of_class[some], 0.4)]
            ]
        kept = sorted(kept, reverse=True)[:50]
        count = int(found.count[image])
        assert count == len(kept) and (count > 20) == (image < 2)
        np.testing.assert_allclose(found.scores[image, :count], [row[0] for row in kept])
        np.testing.assert_array_equal(found.classes[image, :count], [row[1] for row in kept])
        np.testing.assert_array_equal(found.boxes[image, :count], np.reshape([row[2:] for row in kept], (-1, 4)))
        assert not found.boxes[image, count:].numpy().any() and not found.scores[image, count:].numpy().any()


# -- networks ---------------------------------------------------------------------------------------------------------

PAPERS = {  # torchvision's name, and by what it chooses detections
    "ssdlite320_mobilenet_v3_large": {"least": 0.001, "overlap": 0.55, "candidates": 300, "most": 300},
    "ssd300_vgg16": {"least": 0.01, "overlap": 0.45, "candidates": 400, "most": 200},
}


@pytest.mark.parametrize(("name", "parameters"), [("SSDLite320MobileNetV3Large", 3440060), ("SSD300VGG16", 35641826)])
def test_parameters_are_counted_as_in_torchvision(name, parameters):
    """Whose 91 classes have the background among them, and ten numbers that COCO does not use."""
    model = ROWS[name](classes=90)
    assert sum(int(np.prod(w.shape)) for w in model.trainable_weights) == parameters
    default = len(model.get_layer("head-decode_boxes").defaults)
    assert default == {"SSDLite320MobileNetV3Large": 3234, "SSD300VGG16": 8732}[name]
    assert {name: x.shape for name, x in model.output.items()} == {
        "boxes": (None, default, 4), "scores": (None, default, 90),
    }  # fmt: skip


@pytest.mark.parametrize("name", PAPERS)
def test_heads_and_detections_are_those_of_torchvision(name, tmp_path):
    module = torch_model("torchvision", f"{name}(num_classes=6)")
    randomise_torch(module)
    torch.save(module.state_dict(), tmp_path / "six.pth")
    model = kerascnn.build(name, classes=5, weights=tmp_path / "six.pth")
    size = model.input_shape[1]
    pixels = np.random.default_rng(1).random((2, size, size, 3)).astype("float32")
    images = ((pixels - module.transform.image_mean) / module.transform.image_std).astype("float32")
    decode, softmax = model.get_layer("head-decode_boxes"), model.get_layer("head-softmax")
    raw = keras.Model(model.input, [keras.ops.concatenate(decode.input, axis=1), softmax.input])
    tensors = torch.tensor(images.transpose(0, 3, 1, 2))
    with torch.no_grad():
        maps = list(module.backbone(tensors).values())
        theirs = module.head(maps)
        anchors = module.anchor_generator(SimpleNamespace(tensors=tensors, image_sizes=[(size, size)] * 2), maps)
    for got, key in zip(raw(images), ("bbox_regression", "cls_logits"), strict=True):
        wanted = theirs[key].numpy()
        assert wanted.std() > 0.1 and abs(got.numpy() - wanted).max() < 1e-4 * abs(wanted).max()
    # Of heads whose scores all differ: those of random weights hardly do, and rounding decides which box gives way.
    rng = np.random.default_rng(2)
    shapes = (1, len(decode.defaults), 4), (1, *softmax.input.shape[1:])
    offsets, logits = (rng.normal(0, 2, shape).astype("float32")[0] for shape in shapes)
    offsets, logits = (np.stack([x, x[::-1]]) for x in (offsets, logits))
    outputs = {"bbox_regression": torch.tensor(offsets), "cls_logits": torch.tensor(logits)}
    found = module.postprocess_detections(outputs, anchors, [(size, size)] * 2)
    ours = detections(decode(of_maps(decode, offsets)), softmax(logits)[..., 1:], **PAPERS[name])
    for image, wanted in enumerate(found):
        count = len(wanted["scores"])
        assert ours.count[image] == count > 50
        scores, labels, boxes = (wanted[key].numpy() for key in ("scores", "labels", "boxes"))
        off = abs(ours.boxes[image, :count, None].numpy() - boxes).max(axis=-1) / 0.02  # of any pair of detections
        off = np.maximum(off, abs(ours.scores[image, :count, None].numpy() - scores) / 1e-4)
        off[1 + ours.classes[image, :count, None].numpy() != labels] = np.inf
        assert off.min(axis=0).max() < 1 and len({*off.argmin(axis=0).tolist()}) == count


@pytest.mark.parametrize("name", PAPERS)
def test_published_files_are_read(name, tmp_path):
    """Their 91 scores are by COCO's numbers of categories, of which 80 are in use."""
    module = torch_model("torchvision", name)
    randomise_torch(module)
    path = tmp_path / find_record(name, "coco").file
    torch.save(module.state_dict(), path)
    model = kerascnn.build(name, weights=path)
    decode, softmax = model.get_layer("head-decode_boxes"), model.get_layer("head-softmax")
    raw = keras.Model(model.input, [keras.ops.concatenate(decode.input, axis=1), softmax.input])
    images = np.random.default_rng(1).normal(size=(1, *model.input_shape[1:])).astype("float32")
    with torch.no_grad():
        theirs = module(torch.tensor(images.transpose(0, 3, 1, 2)))
    used = [0, *(number for number, _ in categories())]
    wanted = theirs["bbox_regression"].numpy(), theirs["cls_logits"].numpy()[..., used]
    for got, want in zip(raw(images), wanted, strict=True):
        assert want.std() > 0.1 and abs(got.numpy() - want).max() < 1e-4 * abs(want).max()
    with pytest.warns(UserWarning, match=r"head-map1-scores-conv is new, for \d+ outputs"):
        kerascnn.build(name, weights=path, classes=3)


@pytest.mark.parametrize("name", ["ResNet18", "MobileNetV2_035", "AlexNet", "ResNet20CIFAR", "VGG11"])
def test_a_head_stands_on_any_backbone(name):
    model = kerascnn.build(f"ssdlite_{ROWS_OF_BACKBONES[name].name}", classes=3, input_shape=(96, 128, 3))
    boxes, scores = (model.output[name].shape for name in ("boxes", "scores"))
    assert boxes[1] == scores[1] and scores[2] == 3
    first = default_boxes([(6, 8)], [(16, 16)], [((0.2 * 128, 0.2 * 96),)])
    defaults = model.get_layer("head-decode_boxes").defaults
    if name not in ("AlexNet", "ResNet20CIFAR"):
        np.testing.assert_allclose(defaults[:288:6], first, rtol=1e-5)
    assert (defaults[:, 2:] <= [128, 96]).all()


def test_a_row_is_remembered_and_shrinks_for_a_test():
    for row in (ROWS["SSD300VGG16"], ROWS["SSDLite320MobileNetV3Large"], ssdlite("mobilenet_v2")):
        assert decode_row(encode_row(row)) == row
        small = row.replace(**row.tiny)(classes=2)
        assert small.input_shape == (None, 64, 64, 3) and small.output["scores"].shape[-1] == 2


def test_names():
    assert find("SSDLite-MobileNetV2") == ssdlite("mobilenet_v2") == ssdlite(ROWS_OF_BACKBONES["MobileNetV2"])
    assert find("ssd300_vgg16") is ROWS["SSD300VGG16"]
    assert "ssd300_vgg16" in kerascnn.list_models("ssd*", task="detection")
    with pytest.raises(ValueError, match="There is no model 'ssdlite_resnet19'"):
        find("ssdlite_resnet19")
    with pytest.raises(ValueError, match="no network 'resnet19' to put a head on"):
        ssdlite("resnet19")


def test_networks_that_cannot_be_drawn_say_why():
    with pytest.raises(ValueError, match=r"numbers of its own for every place.*must have a fixed size"):
        kerascnn.build("ssdlite_mobilenet_v2_035", input_shape=(None, None, 3))
    with pytest.raises(ValueError, match="makes a single feature map"):
        kerascnn.build("ssdlite_vit_ti16", input_shape=(224, 224, 3))
    with pytest.raises(ValueError, match="has 4 maps, ratios of 6 and 7 scales"):
        ssdlite("mobilenet_v2_035").replace(extras=(32, 32))(input_shape=(96, 96, 3))


def test_weights_of_the_backbone_and_of_the_whole_network(tmp_path):
    backbone = ROWS_OF_BACKBONES["MobileNetV2_035"](classes=7, input_shape=(96, 96, 3))
    backbone.save(tmp_path / "classifier.keras")
    model = kerascnn.build(
        "ssdlite_mobilenet_v2_035", classes=3, input_shape=(96, 96, 3), weights=str(tmp_path / "classifier.keras")
    )
    values = {w.path: w.numpy() for w in backbone.weights}
    same = [w for w in model.weights if not w.path.startswith(("head-", "extra"))]
    assert len(same) == len([path for path in values if not path.startswith("head-")])
    for w in same:
        np.testing.assert_array_equal(w, values[w.path])
    model.save(tmp_path / "whole.keras")
    again = kerascnn.build(
        "ssdlite_mobilenet_v2_035", classes=3, input_shape=(96, 96, 3), weights=str(tmp_path / "whole.keras")
    )
    for a, b in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
