"""Faster R-CNN: its layers and losses, and the networks against torchvision's, and what its files hold."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf
from parity import randomise_torch
from references import installed, torch_model
from torch_detectors import as_published, detection, nms

import kerascnn
from kerascnn import layers as L
from kerascnn.catalogue import find
from kerascnn.detection import FasterRCNN, faster_rcnn
from kerascnn.detection import boxes as B
from kerascnn.detection.losses import of_proposals, of_regions
from kerascnn.detection.matching import matched_between, matched_regions
from kerascnn.detection.sampling import SampledRegions, sampled
from kerascnn.layers.regions import unsuppressed
from kerascnn.networks.codec import decode_row, encode_row
from kerascnn.weights.coco import categories
from kerascnn.weights.records import find_record

torch = pytest.importorskip("torch")
if not installed("torchvision"):
    pytest.skip("torchvision is not installed", allow_module_level=True)

NAMES = {
    "faster_rcnn_resnet50_fpn": "fasterrcnn_resnet50_fpn",
    "faster_rcnn_resnet50_fpn_v2": "fasterrcnn_resnet50_fpn_v2",
    "faster_rcnn_mobilenet_v3_large_fpn": "fasterrcnn_mobilenet_v3_large_fpn",
    "faster_rcnn_mobilenet_v3_large_320_fpn": "fasterrcnn_mobilenet_v3_large_320_fpn",
}
FIRST = "faster_rcnn_resnet50_fpn"


def boxes_in(side, *shape, seed=0):
    rng = np.random.default_rng(seed)
    corner = rng.uniform(0, side * 0.7, (*shape, 2))
    return np.concatenate([corner, np.minimum(corner + rng.uniform(8, side / 2, (*shape, 2)), side)], -1).astype("f4")


@pytest.fixture(scope="module")
def small():
    """A tiny network, and the objects of five images, of which the last has none."""
    row = faster_rcnn("resnet20_cifar")
    model = row.replace(**row.tiny)(classes=4, input_shape=(96, 96, 3))
    valid = np.arange(6) < np.array([[6], [3], [1], [4], [0]])
    targets = {
        "boxes": np.where(valid[..., None], boxes_in(96, 5, 6), 0).astype("float32"),
        "classes": np.random.default_rng(1).integers(0, 4, (5, 6)).astype("int32"),
        "valid": valid,
        "seed": np.stack([np.full(5, 7), np.arange(5)], axis=1),
    }
    return model, targets


def proposals_of(model):
    return model.get_layer("head-proposals-proposals")


def joined(inputs, count):
    """Offsets and logits of all anchors, of what the layer ``Proposals`` takes."""
    return (np.concatenate(part, axis=1) for part in (inputs[:count], inputs[count:]))


# -- layers -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("apart", [False, True])
def test_boxes_give_way_as_one_after_the_other_would(apart):
    rng = np.random.default_rng(0)
    boxes, there = boxes_in(60, 3, 80), rng.random((3, 80)) < 0.8
    boxes[1] = [0, 0, 10, 10] + 2.0 * np.arange(80)[:, None] * [1, 0, 1, 0]  # a chain: each overlaps its neighbours
    there[1], there[2] = True, False
    kinds = rng.integers(0, 3, (3, 80)) * apart
    kept = unsuppressed(boxes, there, 0.4, kinds[:, :, None] == kinds[:, None] if apart else None)
    for image in range(3):
        wanted = np.zeros(80, bool)
        for kind in range(3):
            some = np.flatnonzero(there[image] & (kinds[image] == kind))
            wanted[some[nms(boxes[image][some], -some.astype(float), 0.4)]] = True
        np.testing.assert_array_equal(kept[image], wanted)


def largest_by_definition(boxes, x, stride, side):
    found = np.zeros((*boxes.shape[:2], side, side, x.shape[-1]), "float32")
    height, width = x.shape[1:3]
    for image, number in np.ndindex(boxes.shape[:2]):
        left, top, right, bottom = (int(np.floor(v / stride + 0.5)) for v in boxes[image, number] - [0, 0, 1, 1])
        high, wide = max(bottom - top + 1, 1), max(right - left + 1, 1)
        for row, column in np.ndindex(side, side):
            rows = slice(*np.clip([top + row * high // side, top - (-(row + 1) * high // side)], 0, height))
            columns = slice(*np.clip([left + column * wide // side, left - (-(column + 1) * wide // side)], 0, width))
            if (part := x[image, rows, columns]).size:
                found[image, number, row, column] = part.max(axis=(0, 1))
    return found


@pytest.mark.parametrize(("side", "size"), [(7, (12, 17)), (2, (12, 17)), (3, (4, 30))])
def test_the_largest_values_of_boxes(side, size):
    rng = np.random.default_rng(0)
    x = rng.normal(-3, 1, (2, *size, 3)).astype("float32")
    limit = np.array([size[1], size[0]] * 2) * 16.0
    boxes = np.sort(rng.uniform(0, 1, (2, 40, 2, 2)), axis=2).reshape(2, 40, 4) * limit
    boxes[:, 0], boxes[:, 1], boxes[:, 2] = limit * [0, 0, 1, 1], 5, limit * [1, 1, 1, 1]
    boxes = boxes.astype("float32")
    got = L.RoIPool(16, side)([boxes, x])
    np.testing.assert_array_equal(got, largest_by_definition(boxes, x, 16, side))
    assert (got[:, 0].numpy() < 0).any() and not got[:, 2].numpy().any(), "outside there is nothing"


def test_the_gradient_of_the_largest_values_reaches_the_map():
    x = tf.Variable(np.random.default_rng(0).normal(size=(1, 8, 8, 1)).astype("float32"))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(L.RoIPool(16, 2)([np.array([[[0, 0, 120, 120]]], "float32"), x]))
    gradient = tf.convert_to_tensor(tape.gradient(loss, x)).numpy()[0, ..., 0]
    corners = [gradient[rows, columns] for rows in (slice(4), slice(4, 8)) for columns in (slice(4), slice(4, 8))]
    assert [part.sum() for part in corners] == [part.max() for part in corners] == [1] * 4


def test_a_convolution_of_regions_is_one_of_each():
    x = np.random.default_rng(0).normal(size=(2, 5, 7, 7, 3)).astype("float32")
    layer = L.RegionConv2D(4, 3, padding="same")
    got = layer(x)
    alone = keras.layers.Conv2D(4, 3, padding="same")
    alone.build((None, 7, 7, 3))
    alone.set_weights(layer.get_weights())
    np.testing.assert_allclose(got[1, 2], alone(x[1, 2:3])[0], rtol=1e-5, atol=1e-6)
    assert layer.compute_output_shape((None, 5, 7, 7, 3)) == (None, 5, 7, 7, 4)


# -- what is learned from --------------------------------------------------------------------------------------------


def test_boxes_are_drawn_by_the_seeds_of_images_wherever_these_are():
    rng = np.random.default_rng(0)
    found = rng.choice([-2, -1, 0, 3], (4, 200), p=[0.2, 0.6, 0.1, 0.1]).astype("int32")
    found[2], found[3] = -2, np.where(found[3] < 0, -1, -2)  # nothing to draw; no object
    seeds = np.stack([np.arange(4), np.arange(4)], 1)
    places, there = (x.numpy() for x in sampled(found, seeds, 60, 0.25))
    for image, (of_image, valid) in enumerate(zip(places, there, strict=True)):
        drawn = found[image][of_image[valid]]
        assert len({*of_image[valid].tolist()}) == valid.sum() == (0 if image == 2 else 60)
        objects = (drawn >= 0).sum()
        assert objects == (15 if image < 2 else 0) and (drawn[objects:] == -1).all()
    again, _ = sampled(found[::-1], seeds[::-1], 60, 0.25)
    np.testing.assert_array_equal(again[::-1], places)
    other, _ = sampled(found, seeds + 1, 60, 0.25)
    assert (np.sort(other[0]) != np.sort(places[0])).any()
    every, there = sampled(found[:1], seeds[:1], 500, 0.9)
    assert {*every.numpy()[there.numpy()].tolist()} == {*np.flatnonzero(found[0] != -2).tolist()}


def test_the_objects_own_boxes_are_looked_at_in_training_alone(small):
    _, targets = small
    layer = SampledRegions(8, 0.5, 0.5, name="sampled")
    regions = boxes_in(20, 5, 30)  # none shows an object
    given = [tf.constant(each) for each in (regions, targets["boxes"], targets["valid"])]
    crowd = np.zeros_like(targets["valid"])
    crowd[1, 0] = True
    given += [tf.constant(crowd), tf.constant(targets["seed"])]
    chosen, proposed = layer(given, training=True)
    shown = matched_regions(targets["boxes"], targets["valid"] & ~crowd, chosen, 0.5).numpy()
    assert (shown >= 0).sum(axis=1).tolist() == [4, 2, 1, 4, 0] and (B.area(chosen).numpy() > 0).all()
    np.testing.assert_array_equal(B.area(proposed) == 0, shown >= 0)
    for same in layer(given, training=False):
        np.testing.assert_array_equal(same, regions)


EVERY = {"share": 0.5, "beta": 1 / 9}  # of the losses, when no box is left out


def test_the_first_stage_has_the_loss_of_torchvision_image_by_image(small):
    model, targets = small
    defaults = proposals_of(model).defaults
    count, rng, corners = len(defaults), np.random.default_rng(0), B.corners(proposals_of(model).defaults).numpy()
    scores = rng.normal(-1, 1, (5, count, 1)).astype("float32")
    predicted = rng.normal(0, 0.5, (5, count, 4)).astype("float32")
    ours = tf.Variable(scores), tf.Variable(predicted)
    with tf.GradientTape() as tape:
        losses = of_proposals(*ours, defaults, (1.0, 1.0), targets, low=0.3, high=0.7, count=count, **EVERY)
    gradients = tape.gradient(losses, ours)
    rpn = detection().rpn.RegionProposalNetwork(
        detection().rpn.AnchorGenerator(), torch.nn.Identity(), 0.7, 0.3, 2 * count, 0.5,
        {"training": 1, "testing": 1}, {"training": 1, "testing": 1}, 0.7,
    )  # fmt: skip
    for image, valid in enumerate(targets["valid"]):
        theirs = [torch.tensor(each[image], requires_grad=True) for each in (scores, predicted)]
        anchors, wanted = [torch.tensor(corners)], [{"boxes": torch.tensor(targets["boxes"][image][valid])}]
        labels, boxes = rpn.assign_targets_to_anchors(anchors, wanted)
        loss = sum(rpn.compute_loss(*theirs, labels, rpn.box_coder.encode(boxes, anchors)))
        assert losses[image].numpy() == pytest.approx(loss.item(), rel=1e-4)
        loss.backward()
        for mine, their in zip(gradients, theirs, strict=True):
            np.testing.assert_allclose(tf.convert_to_tensor(mine)[image], their.grad, rtol=1e-3, atol=1e-6)


def test_two_logits_of_an_anchor_learn_as_a_softmax_of_both(small):
    model, targets = small
    defaults = proposals_of(model).defaults
    pair = np.random.default_rng(0).normal(size=(5, len(defaults), 2)).astype("float32")
    given = np.zeros((5, len(defaults), 4), "float32"), defaults, (1.0, 1.0), targets
    how = {"low": 0.3, "high": 0.7, "count": 64, **EVERY}
    got, alone = (of_proposals(each, *given, **how) for each in (pair, pair[..., 1:] - pair[..., :1]))
    np.testing.assert_allclose(got, alone, rtol=1e-6)
    found = matched_between(targets["boxes"], targets["valid"], B.corners(defaults), 0.3, 0.7).numpy()[-1]
    entropy = -np.log(np.exp(pair[-1, :, 0]) / np.exp(pair[-1]).sum(-1))[found == -1]
    assert of_proposals(pair, *given, **{**how, "count": 10**6}).numpy()[-1] == pytest.approx(entropy.mean(), rel=1e-5)


def test_the_second_stage_has_the_loss_of_torchvision_image_by_image(small):
    _, targets = small
    rng = np.random.default_rng(0)
    regions = np.concatenate([boxes_in(96, 5, 30, seed=4), targets["boxes"] + rng.normal(0, 2, (5, 6, 4))], 1)
    regions = regions.astype("float32")
    regions[:, :3] = 0  # no regions
    scores = rng.normal(size=(5, 36, 5)).astype("float32")
    predicted = rng.normal(0, 0.5, (5, 36, 20)).astype("float32")
    ours = tf.Variable(scores), tf.Variable(predicted)
    with tf.GradientTape() as tape:
        losses = of_regions(*ours, regions, (0.1, 0.2), targets, overlap=0.5, count=36, **EVERY)
    alone = of_regions(scores, predicted[..., 4:], regions, (0.1, 0.2), targets, overlap=0.5, count=36, **EVERY)
    np.testing.assert_array_equal(alone, losses, err_msg="offsets for the background do not count")
    gradients = tape.gradient(losses, ours)
    coder = detection()._utils.BoxCoder((10.0, 10.0, 5.0, 5.0))
    for image, valid in enumerate(targets["valid"]):
        real = B.area(regions[image]).numpy() > 0
        theirs = [torch.tensor(each[image], requires_grad=True) for each in (scores, predicted)]
        found = matched_regions(*(targets[k][image : image + 1] for k in ("boxes", "valid")), regions[image][None], 0.5)
        found = found.numpy()[0]
        assert (found[real] >= 0).sum() == (0 if not valid.any() else (found[real] >= 0).sum()) or valid.any()
        labels = np.where(found >= 0, 1 + targets["classes"][image][np.maximum(found, 0)], 0)[real]
        boxes = torch.tensor(targets["boxes"][image][np.maximum(found, 0)][real])
        shift = torch.zeros_like(boxes) + (boxes.sum(1, keepdim=True) == 0) * torch.tensor([0, 0, 1.0, 1])
        wanted = coder.encode([boxes + shift], [torch.tensor(regions[image][real])])
        parts = detection().roi_heads.fastrcnn_loss(
            *(each[torch.tensor(real)] for each in theirs), [torch.tensor(labels.astype("int64"))], wanted
        )
        loss = sum(parts)
        assert losses[image].numpy() == pytest.approx(loss.item(), rel=1e-4)
        loss.backward()
        for mine, their in zip(gradients, theirs, strict=True):
            np.testing.assert_allclose(tf.convert_to_tensor(mine)[image], their.grad, rtol=1e-3, atol=1e-6)


def test_padding_has_no_part_in_the_losses_nor_in_their_gradients(small):
    model, targets = small
    defaults, regions = proposals_of(model).defaults, boxes_in(96, 5, 30, seed=4)
    found = []
    for padding in (0.0, 7.0):
        other = {**targets, "boxes": np.where(targets["valid"][..., None], targets["boxes"], padding)}
        other["classes"] = np.where(targets["valid"], targets["classes"], int(padding) % 4)
        ours = [
            tf.Variable(tf.ones((5, *shape))) for shape in ((len(defaults), 1), (len(defaults), 4), (30, 5), (30, 20))
        ]
        with tf.GradientTape() as tape:
            losses = of_proposals(*ours[:2], defaults, (1.0, 1.0), other, low=0.3, high=0.7, count=64, **EVERY)
            losses += of_regions(*ours[2:], regions, (0.1, 0.2), other, overlap=0.5, count=20, **EVERY)
        found.append((losses, *map(tf.convert_to_tensor, tape.gradient(losses, ours))))
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)
        assert np.isfinite(one).all()


# -- networks ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "parameters", "frozen"),
    [
        ("faster_rcnn_resnet50_fpn", 41_755_286, 53_120),
        ("faster_rcnn_resnet50_fpn_v2", 43_712_278, 0),
        ("faster_rcnn_mobilenet_v3_large_fpn", 19_386_354, 24_400),
    ],
)
def test_parameters_are_counted_as_in_torchvision(name, parameters, frozen):
    """Whose 91 classes have the background among them, and whose norms have no parameters where they are frozen."""
    model = kerascnn.build(name, classes=90)
    assert sum(int(np.prod(w.shape)) for w in model.trainable_weights) - frozen == parameters
    assert {name: x.shape for name, x in model.output.items()} == {"boxes": (None, 100, 4), "scores": (None, 100, 90)}


@pytest.fixture(scope="module")
def modules():
    """torchvision's networks of five classes and the background, with random weights; and those that are published."""
    return {}


def module_of(modules, name, arguments=""):
    if (name, arguments) not in modules:
        detection()  # whose suppression it needs
        module = torch_model("torchvision", NAMES[name] + arguments)
        randomise_torch(module)
        module = as_published(module) if (name, arguments) == (FIRST, "") else module
        modules[name, arguments] = module
    return modules[name, arguments]


def compared(module, model, columns=slice(None)):
    """What both stages say: the first of every anchor, the second of the regions that the first has proposed here."""
    layer, last = proposals_of(model), model.get_layer("head-class_boxes")
    size = model.input_shape[1:3]
    regions, offsets, _ = last.input
    logits = model.get_layer("head-softmax").input
    raw = keras.Model(model.input, [*layer.input, regions, offsets, logits])
    images = np.random.default_rng(1).normal(size=(2, *size, 3)).astype("float32")
    *first, regions, offsets, logits = (x.numpy() for x in raw(images))
    tensors = torch.tensor(images.transpose(0, 3, 1, 2).copy())
    with torch.no_grad():
        maps = module.backbone(tensors)
        theirs = detection().rpn.concat_box_prediction_layers(*module.rpn.head([*maps.values()]))
        heads = module.roi_heads
        cut = heads.box_roi_pool(maps, [*torch.tensor(regions)], [size] * 2)
        scores, boxes = heads.box_predictor(heads.box_head(cut))
    moved, there = joined(first, len(layer.counts))
    scores, boxes = scores[:, columns], boxes.reshape(len(boxes), -1, 4)[:, columns].reshape(len(boxes), -1)
    for got, want in ((moved, theirs[1]), (there, theirs[0]), (logits, scores), (offsets, boxes)):
        want = want.numpy().reshape(got.shape)
        assert want.std() > 0.02 and abs(got - want).max() < 1e-4 * abs(want).max()
    assert (B.area(regions).numpy() > 0).sum() > 30, "there are regions to look at"


def drawn_small(name, path, **arguments):
    """The network with these weights, which looks at few regions of a small image."""
    side = 320 if "320" in name else 128
    few = find(name).replace(candidates=60, proposals=30, pairs=60)
    return few(weights=path, input_shape=(side, side, 3), **arguments)


@pytest.mark.parametrize("name", NAMES)
def test_both_stages_are_those_of_torchvision(name, modules, tmp_path):
    module = module_of(modules, name, "(num_classes=6)")
    path = tmp_path / f"{NAMES[name]}(num_classes=81).pth"
    torch.save(module.state_dict(), path)
    compared(module, drawn_small(name, path, classes=5))


@pytest.mark.parametrize("name", [FIRST, "faster_rcnn_mobilenet_v3_large_320_fpn"])
def test_published_files_are_read(name, modules, tmp_path):
    """Their 91 scores are by COCO's numbers of categories; in the ResNet's file, batch norm has no epsilon."""
    module = module_of(modules, name)
    path = tmp_path / find_record(name, "coco").file
    values = module.state_dict()
    torch.save(values, path)
    model = drawn_small(name, path)
    assert model.output["scores"].shape[-1] == 80
    compared(module, model, [0, *(number for number, _ in categories())])
    with pytest.warns(
        UserWarning, match=r"head-(scores|boxes)-dense is new, for (6|24) outputs; the file has (91|364)"
    ):
        drawn_small(name, path, classes=5)
    older = {}
    for key, value in values.items():
        parts = key.split(".")
        if "inner_blocks" in key or "layer_blocks" in key:
            parts.pop(-2)
        elif key.startswith("rpn.head.conv."):
            parts[3:5] = []
        older[".".join(parts)] = value
    assert "rpn.head.conv.weight" in older and "backbone.fpn.inner_blocks.1.weight" in older
    torch.save(older, path)
    for a, b in zip(model.get_weights(), drawn_small(name, path).get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name", NAMES)
def test_regions_are_proposed_as_in_torchvision(name, modules):
    """Of scores that all differ: those of random weights hardly do, and rounding decides which box gives way."""
    module = module_of(modules, name, "(num_classes=6)")
    model = kerascnn.build(name, classes=5, input_shape=(256, 256, 3))
    layer, rng = proposals_of(model), np.random.default_rng(2)
    offsets = rng.normal(0, 0.3, (2, sum(layer.counts), 4)).astype("float32")
    mobile = "mobile" in name
    logits = rng.normal(-7 if mobile else -1, 2, (2, sum(layer.counts), 1)).astype("float32")
    places = np.cumsum(layer.counts)[:-1]
    got = layer([*np.split(offsets, places, axis=1), *np.split(logits, places, axis=1)]).numpy()
    grids = [(256 // step,) * 2 for step in ([32, 32, 64] if mobile else [4, 8, 16, 32, 64])]
    images = SimpleNamespace(tensors=torch.zeros(1, 3, 256, 256), image_sizes=[(256, 256)])
    anchors = module.rpn.anchor_generator(images, [torch.zeros(1, 1, *grid) for grid in grids])
    np.testing.assert_array_equal(B.corners(layer.defaults), anchors[0])
    decoded = module.rpn.box_coder.decode(torch.tensor(offsets.reshape(-1, 4)), anchors * 2).view(2, -1, 4)
    theirs, _ = module.rpn.filter_proposals(decoded, torch.tensor(logits), [(256, 256)] * 2, layer.counts)
    for mine, wanted in zip(got, theirs, strict=True):
        count = len(wanted)
        assert count == (B.area(mine).numpy() > 0).sum() > 20
        np.testing.assert_allclose(mine[:count], wanted, atol=0.02)
    if mobile:
        assert count < layer.most, "those of a share below 0.05 are left out"


def test_detections_are_those_of_torchvision(modules):
    module = module_of(modules, FIRST, "(num_classes=6)")
    rng = np.random.default_rng(2)
    regions = boxes_in(256, 2, 400)
    offsets = rng.normal(0, 1, (2, 400, 24)).astype("float32")
    logits = rng.normal(0, 2, (2, 400, 6)).astype("float32")
    regions[1, 300:] = 0  # fewer regions
    real = [400, 300]
    shares = keras.ops.softmax(logits)
    boxes, scores = L.ClassBoxes((256, 256), 2000)([regions, offsets, shares])
    given = [torch.tensor(np.concatenate([x[image, :n] for image, n in enumerate(real)])) for x in (logits, offsets)]
    found = module.roi_heads.postprocess_detections(
        *given, [torch.tensor(regions[image, :n]) for image, n in enumerate(real)], [(256, 256)] * 2
    )
    for image, (wanted, their_scores, labels) in enumerate(zip(*found, strict=True)):
        assert len(wanted) == 100
        np.testing.assert_array_equal(1 + scores[image].numpy().argmax(-1), labels)
        np.testing.assert_allclose(scores[image].numpy().max(-1), their_scores, atol=1e-4)
        np.testing.assert_allclose(boxes[image], wanted, atol=0.02)
        assert (np.count_nonzero(scores[image], axis=-1) == 1).all()
    alone = L.ClassBoxes((256, 256), 2000)([regions, offsets[..., 4:], shares])
    np.testing.assert_array_equal(alone[0], boxes, err_msg="offsets for the background do not count")
    few, shown = L.ClassBoxes((256, 256), 50, 80)([regions * 0, offsets, shares])
    assert few.shape == (2, 80, 4) and not few.numpy().any() and not shown.numpy().any()


@pytest.mark.parametrize("name", ["mobilenet_v2_035", "resnet20_cifar", "alexnet", "vgg11", "vit_ti16"])
def test_it_stands_on_any_backbone(name):
    size = (224, 224) if name == "vit_ti16" else (96, 128)
    row = faster_rcnn(name).replace(candidates=200, proposals=50, hidden=(64,))
    model = row(classes=3, input_shape=(*size, 3))
    outputs = model(np.random.default_rng(0).normal(size=(1, *size, 3)).astype("float32"))
    assert outputs["boxes"].shape == (1, 100, 4) and outputs["scores"].shape == (1, 100, 3)
    boxes, scores = (outputs[name].numpy()[0] for name in ("boxes", "scores"))
    assert (boxes >= 0).all() and (boxes <= [size[1], size[0]] * 2).all() and 0 < scores.max() < 1
    assert (np.diff(scores.max(-1)) <= 0).all(), "the surest first"


def test_the_papers_own_network():
    """Whose anchors its authors print; https://github.com/rbgirshick/py-faster-rcnn, lib/rpn/generate_anchors.py."""
    row = find("faster_rcnn_vgg16")
    printed = [[-83, -39, 100, 56], [-175, -87, 192, 104], [-359, -183, 376, 200], [-55, -55, 72, 72],
               [-119, -119, 136, 136], [-247, -247, 264, 264], [-35, -79, 52, 96], [-79, -167, 96, 184],
               [-167, -343, 184, 360]]  # fmt: skip
    printed = np.array(printed) - 1  # which count from 1, as in Matlab
    shapes = printed[:, 2:] - printed[:, :2] + 1
    np.testing.assert_array_equal(row.shapes([16])[0], shapes)
    np.testing.assert_array_equal((printed[:, :2] + printed[:, 2:] + 1) / 2, np.full((9, 2), 8.0))
    model = row.replace(hidden=(32, 32), candidates=200, proposals=20)(input_shape=(128, 96, 3))
    assert model.output["scores"].shape == (None, 100, 20) and proposals_of(model).counts == [8 * 6 * 9]
    np.testing.assert_allclose(proposals_of(model).defaults[0], [8, 8, 184, 96])
    outputs = model(np.random.default_rng(0).normal(size=(2, 128, 96, 3)).astype("float32"))
    assert np.isfinite(outputs["boxes"]).all() and outputs["scores"].numpy().max() > 0


def test_rows():
    for row in (*map(find, NAMES), find("faster_rcnn_vgg16"), faster_rcnn("mobilenet_v2")):
        assert isinstance(row, FasterRCNN) and decode_row(encode_row(row)) == row
        small = row.replace(**row.tiny)(classes=2)
        assert small.input_shape == (None, 64, 64, 3) and small.output["scores"].shape == (None, 20, 2)
    assert find("fasterrcnn_resnet50_fpn") == find(FIRST) and find("FasterRCNN-ResNet50-FPN") == find(FIRST)
    assert find("faster_rcnn_mobilenet_v2") == faster_rcnn("mobilenet_v2")
    assert {*NAMES} <= {*kerascnn.list_models("faster*", task="detection")}
    with pytest.raises(ValueError, match="There is no model 'faster_rcnn_resnet19'"):
        find("faster_rcnn_resnet19")
    with pytest.raises(ValueError, match=r"has 5 maps and sides .*; it needs as many sides for each of its maps"):
        faster_rcnn("mobilenet_v2_035").replace(sides=((32.0,), (64.0, 128.0)))(input_shape=(96, 96, 3))


def test_a_model_is_saved_whole(small, tmp_path):
    model, _ = small
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    image = np.random.default_rng(0).normal(size=(1, 96, 96, 3)).astype("float32")
    for name, wanted in model(image).items():
        np.testing.assert_array_equal(again(image)[name], wanted)
