"""R-CNN and Fast R-CNN: regions that are given, in the layers, in the losses, and in the networks against PyTorch's."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from test_faster_rcnn import boxes_in

import kerascnn
from kerascnn import layers as L
from kerascnn.catalogue import find
from kerascnn.detection import FastRCNN, fast_rcnn, rcnn
from kerascnn.detection.matching import NEITHER, NONE, matched_regions
from kerascnn.networks.codec import decode_row, encode_row
from kerascnn.tasks import Detection
from kerascnn.tasks.detection import MultiBox, MultiTask
from kerascnn.tasks.detection.heads import up_to_logits

torch = pytest.importorskip("torch")
F = torch.nn.functional
LABELS = ("a", "b", "c")


def images_of(model, count=2, seed=1):
    return np.random.default_rng(seed).normal(size=(count, *model.inputs[0].shape[1:])).astype("float32")


def few(boxes, count):
    """The first boxes of each image, and zeros behind them."""
    return np.where(np.arange(boxes.shape[1])[:, None] < count, boxes, 0).astype("float32")


@pytest.fixture(scope="module")
def small():
    row = fast_rcnn("resnet20_cifar")
    return row.replace(**row.tiny)(classes=3, input_shape=(64, 64, 3))


# -- layers -----------------------------------------------------------------------------------------------------------


def test_regions_are_stretched_with_what_is_round_them():
    rng = np.random.default_rng(0)
    image = rng.normal(size=(2, 40, 56, 3)).astype("float32")
    boxes = boxes_in(40, 2, 6)
    boxes[0, 0], boxes[1, 1] = [0, 0, 56, 40], [50, 30, 56, 40]  # what is round them lies beyond the image
    side, context = 20, 4
    got = L.WarpRegions(side, context)([boxes, image]).numpy().reshape(2, 6, side, side, 3)
    for number, place in np.ndindex(2, 6):
        x1, y1, x2, y2 = boxes[number, place]
        step = (np.arange(side) + 0.5 - context) / (side - 2 * context)
        x, y = x1 + step * (x2 - x1), y1 + step * (y2 - y1)
        grid = np.stack(np.broadcast_arrays(x[None] * 2 / 56 - 1, y[:, None] * 2 / 40 - 1), -1)[None]
        wanted = F.grid_sample(
            torch.tensor(image[number : number + 1].transpose(0, 3, 1, 2).copy()),
            torch.tensor(grid.astype("float32")), padding_mode="border", align_corners=False,
        )  # fmt: skip
        inside = ((y >= 0) & (y < 40))[:, None] & ((x >= 0) & (x < 56))
        wanted = wanted[0].numpy().transpose(1, 2, 0) * inside[..., None]
        np.testing.assert_allclose(got[number, place], wanted, atol=2e-5)
    assert not got[0, 0, :context].any() and got[0, 0, context].any()


def test_a_region_of_its_own_size_is_shown_as_it_is():
    image = np.random.default_rng(0).normal(size=(1, 30, 30, 3)).astype("float32")
    got = L.WarpRegions(12, 2)([np.array([[[5, 6, 13, 14]]], "float32"), image])
    np.testing.assert_allclose(got[0], image[0, 4:16, 3:15], atol=1e-6)


# -- what is learned from ---------------------------------------------------------------------------------------------


def test_what_overlaps_nothing_is_no_background():
    boxes = np.array([[[0, 0, 10, 10], [0, 0, 0, 0]], [[0, 0, 0, 0], [0, 0, 0, 0]]], "float32")
    valid = np.array([[True, False], [False, False]])
    regions = np.array([[[0, 0, 10, 9], [0, 0, 10, 4], [0, 0, 2, 4], [20, 20, 30, 30], [0, 0, 0, 0]]] * 2, "float32")
    found = matched_regions(boxes, valid, regions, 0.5, 0.1).numpy()
    assert found[0].tolist() == [0, NONE, NEITHER, NEITHER, NEITHER] and (found[1] == NEITHER).all()
    found = matched_regions(boxes, valid, regions, 0.5).numpy()
    assert found[0].tolist() == [0, NONE, NONE, NONE, NEITHER] and found[1].tolist() == [NONE] * 4 + [NEITHER]


def targets_of(model, images=2):
    valid = np.arange(3) < np.array([[3], [2]])[:images]
    own = np.where(valid[..., None], boxes_in(64, images, 3), 0).astype("float32")
    given = np.concatenate(
        [own + np.random.default_rng(3).normal(0, 2, own.shape), boxes_in(64, images, 30, seed=4)], 1
    )
    return {
        "boxes": tf.constant(own),
        "valid": tf.constant(valid),
        "crowd": tf.zeros(valid.shape, tf.bool),
        "classes": tf.constant(np.random.default_rng(1).integers(0, 3, valid.shape).astype("int32")),
        "seed": tf.constant(np.stack([np.full(images, 7), np.arange(images)], 1)),
        "proposals": tf.constant(few(np.pad(given, [(0, 0), (0, 60 - 33), (0, 0)]), 33)),
    }


@pytest.mark.parametrize("build", [fast_rcnn, rcnn])
def test_given_regions_are_drawn_from_in_training_alone(build):
    row = build("resnet20_cifar")
    model = row.replace(**{**row.tiny, "proposals": 60})(classes=3, input_shape=(64, 64, 3))
    task = Detection(labels=LABELS, loss=MultiTask(regions=12))
    trained, targets = task.training_model(model), targets_of(model)
    assert [x.name for x in trained.inputs] == ["image", "proposals", "boxes", "valid", "crowd", "seed"]
    given = [tf.constant(images_of(model)), *(targets[x.name] for x in trained.inputs[1:])]
    outputs, still = trained(given, training=True), trained(given, training=False)
    assert outputs["regions"].shape == (2, 12, 4) and outputs["exclusive"].shape == (2, 12, 4)
    np.testing.assert_array_equal(still["regions"], targets["proposals"])
    own = matched_regions(targets["boxes"], targets["valid"], outputs["regions"], 0.5).numpy()
    assert ((own >= 0).sum(axis=1) <= 3).all() and (own >= 0).any(axis=1).all(), "a quarter shows objects at the most"
    with tf.GradientTape() as tape:
        losses = task.losses(trained(given, training=True), targets)
    assert losses.shape == (2,) and (losses.numpy() > 0).all()
    gradients = tape.gradient(losses, model.trainable_variables)
    assert all(each is not None and np.isfinite(each).all() for each in map(tf.convert_to_tensor, gradients))
    with pytest.raises(ValueError, match=r"MultiBox is for other networks than .*, which learns by MultiTask"):
        Detection(labels=LABELS, loss=MultiBox()).training_model(model)


def test_losses_refuse_what_cannot_be_meant():
    for name, value in {"overlap": 1.0, "low": 0.5, "regions": 1, "objects_of_regions": 0, "beta": 0}.items():
        with pytest.raises(ValueError, match=f"{name} must be .*got {value}"):
            MultiTask(**{name: value})


# -- networks ---------------------------------------------------------------------------------------------------------


def torch_head(model, images, boxes, stride):
    """Offsets and logits of regions, read from the paper in PyTorch, with the values of a network of ours on VGG-16."""
    weights = {w.path: w.numpy() for w in model.weights}
    kernels = [(path, w) for path, w in weights.items() if "conv" in path and path.endswith("kernel")]
    x = torch.tensor(images.transpose(0, 3, 1, 2).copy())
    plan = [2, 2, 3, 3, 3]
    for stage, count in enumerate(plan):
        x = F.max_pool2d(x, 2) if stage else x
        for path, kernel in kernels[sum(plan[:stage]) : sum(plan[:stage]) + count]:
            bias = torch.tensor(weights[path.replace("kernel", "bias")])
            x = F.relu(F.conv2d(x, torch.tensor(kernel.transpose(3, 2, 0, 1).copy()), bias, padding=1))
    found = []
    for of_image, rows in zip(x, boxes, strict=True):
        for x1, y1, x2, y2 in rows.tolist():
            left, top, right, low = (int(np.floor(v / stride + 0.5)) for v in (x1, y1, x2 - 1, y2 - 1))
            part = of_image[:, top : max(low, top) + 1, left : max(right, left) + 1]
            found.append(F.adaptive_max_pool2d(part, 7).permute(1, 2, 0).reshape(-1))
    y = torch.stack(found)
    for name in ("dense1", "dense2"):
        y = F.relu(
            y @ torch.tensor(weights[f"head-{name}-dense/kernel"]) + torch.tensor(weights[f"head-{name}-dense/bias"])
        )
    said = [y @ torch.tensor(weights[f"head-{n}-dense/kernel"]) + torch.tensor(weights[f"head-{n}-dense/bias"])
            for n in ("boxes", "scores")]  # fmt: skip
    return [each.numpy().reshape(*boxes.shape[:2], -1) for each in said]


def test_the_head_of_fast_rcnn_is_that_of_the_paper():
    model = find("fast_rcnn_vgg16").replace(hidden=(96, 64), proposals=24)(classes=5, input_shape=(96, 128, 3))
    rng = np.random.default_rng(0)
    for w in model.weights:  # wide enough that every layer has something to say
        fan = np.prod(w.shape[:-1]) if len(w.shape) > 1 else 1
        w.assign(rng.normal(0, np.sqrt(2 / fan) if len(w.shape) > 1 else 0.1, w.shape))
    images, boxes = images_of(model), boxes_in(96, 2, 24)
    boxes[0, :2] = [[0, 0, 128, 96], [40, 40, 43, 44]]
    boxes = np.minimum(boxes, [120, 88, 120, 88]).astype("float32")  # whose last pixels round to places of the map
    _, offsets, _ = model.get_layer("head-class_boxes").input
    raw = keras.Model(model.inputs, [offsets, model.get_layer("head-softmax").input])
    for got, wanted in zip(raw([images, boxes]), torch_head(model, images, boxes, 16), strict=True):
        assert wanted.std() > 0.05 and abs(got.numpy() - wanted).max() < 1e-4 * abs(wanted).max()
    outputs = model([images, boxes])
    assert outputs["boxes"].shape == (2, 100, 4) and outputs["scores"].shape == (2, 100, 5)
    assert model.get_layer("head-class_boxes").overlap == 0.3 and outputs["scores"].numpy().max() > 0.3


def test_rcnn_classifies_each_region_as_an_image():
    row = rcnn("resnet20_cifar")
    model = row.replace(**row.tiny)(classes=3, input_shape=(64, 64, 3))
    backbone = row.backbone.replace(**row.backbone.tiny)
    alone = backbone(classes=4, classifier_activation=None, input_shape=(backbone.size, backbone.size, 3))
    values = {w.path: w for w in model.weights}
    for w in alone.weights:
        w.assign(values[w.path])
    images, boxes = images_of(model), boxes_in(64, 2, 12)
    crops = L.WarpRegions(backbone.size, 4)([boxes, images])
    said = keras.Model(model.inputs, model.get_layer("regions-softmax").input)([images, boxes])
    np.testing.assert_allclose(said, alone(crops).numpy().reshape(2, 12, 4), rtol=1e-4, atol=1e-5)


def test_parameters_are_those_of_the_papers():
    """Those of R-CNN are the network's and those of what moves boxes of 20 classes, by 9,216 numbers of a map."""
    for name, count in (("fast_rcnn_vgg16", 134_690_729), ("rcnn_alexnet_two_tower", 56_954_261 + 9217 * 80)):
        row = find(name)
        assert row.classes == 20
        with keras.device("cpu"):
            model = row.replace(proposals=4)(input_shape=(240, 240, 3))
        assert model.count_params() == count


@pytest.mark.parametrize("build", [fast_rcnn, rcnn])
def test_what_is_no_region_is_not_looked_at(build):
    row = build("resnet20_cifar")
    model = row.replace(**row.tiny)(classes=3, input_shape=(64, 64, 3))
    images, boxes = images_of(model), boxes_in(64, 2, model.inputs[1].shape[1])
    whole, some, none = (model([images, few(boxes, count)]) for count in (len(boxes[0]), 5, 0))
    assert (whole["scores"].numpy().max(-1) > 0).sum() > (some["scores"].numpy().max(-1) > 0).sum() > 0
    assert not none["scores"].numpy().any() and not none["boxes"].numpy().any()
    other = np.concatenate([boxes[:, :5], np.zeros_like(boxes[:, 5:])], 1)
    other[:, 5:] = [9, 9, 9, 20]  # without area
    np.testing.assert_allclose(model([images, other])["scores"], some["scores"], atol=1e-6)


@pytest.mark.parametrize("name", ["mobilenet_v2_035", "vgg11", "vit_ti16"])
def test_fast_rcnn_stands_on_any_backbone(name):
    size = (224, 224) if name == "vit_ti16" else (96, 128)
    model = fast_rcnn(name).replace(proposals=20, hidden=(16,))(classes=3, input_shape=(*size, 3))
    outputs = model([images_of(model, 1), boxes_in(96, 1, 20)])
    boxes, scores = (outputs[name].numpy()[0] for name in ("boxes", "scores"))
    assert boxes.shape == (100, 4) and scores.shape == (100, 3)
    assert (boxes >= 0).all() and (boxes <= [size[1], size[0]] * 2).all() and 0 < scores.max() < 1


@pytest.mark.parametrize("name", ["mobilenet_v2_035", "googlenet"])
def test_rcnn_stands_on_any_classifier(name):
    backbone = find(name).replace(size=64)
    model = rcnn(backbone).replace(proposals=3)(classes=3, input_shape=(80, 96, 3))
    outputs = model([images_of(model, 1), boxes_in(80, 1, 3)])
    assert 0 < outputs["scores"].numpy().max() < 1 and outputs["boxes"].shape == (1, 100, 4)


def test_rows():
    for row in map(find, ("fast_rcnn_vgg16", "rcnn_alexnet_two_tower", "fast_rcnn_resnet18", "rcnn_resnet18")):
        assert decode_row(encode_row(row)) == row and row.takes_proposals
        small = row.replace(**row.tiny)(classes=2)
        assert [x.name for x in small.inputs] == ["image", "proposals"]
        assert small.output["scores"].shape == (None, 20, 2)
        topless = row.replace(**row.tiny)(include_top=False)
        assert len(topless.inputs) == 1 and len(topless.output_shape) == 4
    assert isinstance(find("fast_rcnn_resnet18"), FastRCNN) and not find("faster_rcnn_resnet18").takes_proposals
    assert find("FastRCNN-VGG16") == find("fast_rcnn_vgg16")
    with pytest.raises(ValueError, match="There is no model 'fast_rcnn_resnet19'"):
        find("fast_rcnn_resnet19")


def test_a_model_is_saved_whole(small, tmp_path):
    small.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    given = [images_of(small), boxes_in(64, 2, 60)]
    for name, wanted in small(given).items():
        np.testing.assert_array_equal(again(given)[name], wanted)
    whole = fast_rcnn("resnet20_cifar")
    again = whole.replace(**whole.tiny)(weights=str(tmp_path / "model.keras"), classes=3)
    for a, b in zip(small.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_network_may_be_named_and_costs_what_it_costs(small):
    row = fast_rcnn("resnet20_cifar")
    left = row.replace(**row.tiny)(classes=3, name="left")
    assert [x.name for x in left.inputs] == ["image", "proposals"] and left.name == "left"
    assert kerascnn.cost(left).parameters == small.count_params()
    assert kerascnn.cost(left).input_shape == (64, 64, 3)


def test_networks_that_are_drawn_otherwise_are_refused(small):
    last = small.get_layer("head-class_boxes")
    regions, offsets, shares = (keras.Input(x.shape[1:]) for x in last.input)
    boxes, scores = L.ClassBoxes((64, 64))([L.Rescaling(1.0)(regions), offsets, L.Softmax()(shares)])
    with pytest.raises(ValueError, match="its regions have to come of Proposals or be an input"):
        up_to_logits(keras.Model([regions, offsets, shares], {"boxes": boxes, "scores": scores}))
