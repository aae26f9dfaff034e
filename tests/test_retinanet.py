"""RetinaNet: its parts and the whole against torchvision's, and what its files hold."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf
from parity import images, randomise, randomise_torch
from references import installed, torch_model
from torch_detectors import as_published, detection, of_maps

import kerascnn
from kerascnn import layers as L
from kerascnn.catalogue import find
from kerascnn.compression import Tuning
from kerascnn.detection import RetinaNet, retinanet
from kerascnn.detection import boxes as B
from kerascnn.detection.losses import dense_focal, focal, giou, smooth_l1
from kerascnn.detection.matching import matched_between
from kerascnn.detection.suppression import detections_of_maps
from kerascnn.networks.codec import decode_row, encode_row
from kerascnn.runtime import open_model
from kerascnn.tasks import Detection
from kerascnn.weights.coco import categories
from kerascnn.weights.records import find_record

torch = pytest.importorskip("torch")
if not installed("torchvision"):
    pytest.skip("torchvision is not installed", allow_module_level=True)

NAMES = ["retinanet_resnet50_fpn", "retinanet_resnet50_fpn_v2"]
SIZE = (107, 150)  # maps of odd sides, which are not halved evenly
EVERY = {"alpha": 0.25, "gamma": 2.0, "low": 0.4, "high": 0.5}


def boxes_in(side, *shape, seed=0):
    rng = np.random.default_rng(seed)
    corner = rng.uniform(0, side * 0.7, (*shape, 2))
    return np.concatenate([corner, corner + rng.uniform(8, side / 2, (*shape, 2))], -1).astype("float32")


@pytest.fixture(scope="module")
def small():
    """A tiny RetinaNet, its anchors and the objects of five images, of which the last has none."""
    row = retinanet("resnet20_cifar")
    model = row.replace(**row.tiny)(classes=4, input_shape=(96, 96, 3))
    defaults = model.get_layer("head-decode_boxes").defaults
    boxes, rng = boxes_in(96, 5, 6), np.random.default_rng(1)
    valid = np.arange(6) < np.array([[6], [3], [1], [4], [0]])
    targets = {"boxes": boxes, "classes": rng.integers(0, 4, (5, 6)).astype("int32"), "valid": valid}
    return model, defaults, targets


# -- parts ------------------------------------------------------------------------------------------------------------


def anchors_of(module, size, maps):
    sizes = SimpleNamespace(tensors=torch.zeros(1, 3, *size), image_sizes=[size])
    return module(sizes, maps)[0].numpy()


@pytest.mark.parametrize("size", [(800, 800), (480, 640), (107, 150)])
def test_anchors_are_those_of_torchvision(size):
    maps = [torch.zeros(1, 1, *(-(-side // stride) for side in size)) for stride in (8, 16, 32, 64, 128)]
    theirs = anchors_of(detection().retinanet._default_anchorgen(), size, maps)
    grids = [tuple(x.shape[2:]) for x in maps]
    steps = [tuple(side // count for side, count in zip(size, grid, strict=True)) for grid in grids]
    shapes = find("retinanet_resnet50_fpn").shapes([8, 16, 32, 64, 128])
    layer = L.DecodeBoxes(size, grids, steps, shapes, (1.0, 1.0), 0.0)
    np.testing.assert_array_equal(B.corners(layer.defaults), theirs)


def test_objects_are_matched_as_in_torchvision(small):
    _, defaults, targets = small
    corners = B.corners(defaults).numpy()
    found = matched_between(targets["boxes"], targets["valid"], defaults=corners, low=0.4, high=0.5).numpy()
    for image, valid in enumerate(targets["valid"][:-1]):
        np.testing.assert_array_equal(found[image], torch_matches(targets["boxes"][image][valid], corners))
        assert {-2, -1, *np.flatnonzero(valid)} == {*found[image].tolist()}
    assert (found[-1] == -1).all()


def torch_matches(boxes, corners):
    from torchvision.ops import box_iou

    matcher = detection()._utils.Matcher(0.5, 0.4, allow_low_quality_matches=True)
    return matcher(box_iou(torch.tensor(boxes), torch.tensor(corners))).numpy()


@pytest.mark.parametrize(("alpha", "gamma"), [(0.25, 2.0), (0.5, 0.0), (0.75, 0.5)])
def test_the_focal_loss_is_that_of_torchvision(alpha, gamma):
    from torchvision.ops import sigmoid_focal_loss

    logits = np.random.default_rng(0).normal(0, 4, (50, 7)).astype("float32")
    targets = (np.random.default_rng(1).random((50, 7)) < 0.3).astype("float32")
    theirs = torch.tensor(logits, requires_grad=True)
    loss = sigmoid_focal_loss(theirs, torch.tensor(targets), alpha, gamma)
    loss.sum().backward()
    ours = tf.Variable(logits)
    with tf.GradientTape() as tape:
        losses = focal(ours, targets, alpha, gamma)
    np.testing.assert_allclose(losses, loss.detach(), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(tape.gradient(losses, ours), theirs.grad, rtol=1e-3, atol=1e-5)


def test_the_focal_loss_of_what_is_sure_has_a_gradient():
    logits = tf.Variable([-200.0, 200.0, 200.0, -200.0])
    with tf.GradientTape() as tape:
        losses = focal(logits, tf.constant([0.0, 1.0, 0.0, 1.0]), gamma=0.5)
    np.testing.assert_allclose(losses, [0, 0, 150, 50], rtol=1e-5)
    np.testing.assert_allclose(tape.gradient(losses, logits), [0, 0, 0.75, -0.25], rtol=1e-5)


def test_the_generalised_iou_is_that_of_torchvision():
    from torchvision.ops import generalized_box_iou_loss

    first, second = boxes_in(60, 40), boxes_in(60, 40, seed=1)
    second[:5] += 100  # apart
    second[5] = first[5]
    theirs = torch.tensor(first, requires_grad=True)
    loss = generalized_box_iou_loss(theirs, torch.tensor(second))
    loss.sum().backward()
    ours = tf.Variable(first)
    with tf.GradientTape() as tape:
        losses = giou(ours, second)
    assert losses[5].numpy() == pytest.approx(0, abs=1e-5) and losses[:5].numpy().min() > 1
    np.testing.assert_allclose(losses, loss.detach(), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(tape.gradient(losses, ours)[:5], theirs.grad[:5], rtol=1e-3, atol=1e-5)
    flat = tf.Variable(np.zeros((1, 4), "float32"))
    with tf.GradientTape() as tape:
        nothing = giou(flat, flat + 0.0)
    assert np.isfinite(nothing).all() and np.isfinite(tape.gradient(nothing, flat)).all()


@pytest.mark.parametrize("kind", ["l1", "smooth_l1", "giou"])
def test_the_loss_is_that_of_torchvision_image_by_image(small, kind):
    _, defaults, targets = small
    rng, corners = np.random.default_rng(0), B.corners(defaults).numpy()
    scores = rng.normal(-2, 1, (5, len(defaults), 4)).astype("float32")
    predicted = rng.normal(0, 0.5, (5, len(defaults), 4)).astype("float32")
    ours = tf.Variable(scores), tf.Variable(predicted)
    with tf.GradientTape() as tape:
        losses = dense_focal(*ours, defaults, (1.0, 1.0), targets, **EVERY, of_boxes=kind)
    gradients = tape.gradient(losses, ours)
    head = detection().retinanet.RetinaNetHead(8, 9, 4)
    head.regression_head._loss_type = kind
    module = SimpleNamespace(head=head, proposal_matcher=detection()._utils.Matcher(0.5, 0.4, True))
    for image, valid in enumerate(targets["valid"]):
        theirs = [torch.tensor(each[image : image + 1], requires_grad=True) for each in (scores, predicted)]
        outputs = {"cls_logits": theirs[0], "bbox_regression": theirs[1]}
        labels = torch.tensor(targets["classes"][image][valid].astype("int64"))
        wanted = [{"boxes": torch.tensor(targets["boxes"][image][valid]), "labels": labels}]
        loss = sum(detection().RetinaNet.compute_loss(module, wanted, outputs, [torch.tensor(corners)]).values())
        assert losses[image].numpy() == pytest.approx(loss.item(), rel=1e-4)
        loss.backward()
        for mine, their in zip(gradients, theirs, strict=True):
            np.testing.assert_allclose(mine[image], 0 if their.grad is None else their.grad[0], rtol=1e-3, atol=1e-5)


def test_padding_has_no_part_in_the_loss_nor_in_its_gradient(small):
    _, defaults, targets = small
    found = []
    for padding in (0.0, 7.0):
        scores, predicted = tf.Variable(tf.ones((5, len(defaults), 4))), tf.Variable(tf.ones((5, len(defaults), 4)))
        other = {**targets, "boxes": np.where(targets["valid"][..., None], targets["boxes"], padding)}
        other["classes"] = np.where(targets["valid"], targets["classes"], int(padding) % 4)
        with tf.GradientTape() as tape:
            losses = dense_focal(scores, predicted, defaults, (1.0, 1.0), other, **EVERY, of_boxes="giou")
        found.append((losses, *tape.gradient(losses, [scores, predicted])))
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)
        assert np.isfinite(one).all()


def test_smooth_l1_has_any_threshold():
    values = np.linspace(-3, 3, 25, dtype="float32")
    theirs = torch.nn.functional.smooth_l1_loss(torch.tensor(values), torch.zeros(25), beta=1 / 9, reduction="none")
    np.testing.assert_allclose(smooth_l1(values, 1 / 9), theirs, rtol=1e-5, atol=1e-7)


# -- networks ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "parameters"), zip(NAMES, [34068119, 38198935], strict=True))
def test_parameters_are_counted_as_in_torchvision(name, parameters):
    model = kerascnn.build(name, classes=91)
    assert sum(int(np.prod(w.shape)) for w in model.trainable_weights) == parameters
    assert {name: x.shape for name, x in model.output.items()} == {
        "boxes": (None, 120087, 4), "scores": (None, 120087, 91),
    }  # fmt: skip


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """torchvision's networks with random weights, and files of them as it publishes them."""
    folder = tmp_path_factory.mktemp("published")
    found = {}
    for name in NAMES:
        module = torch_model("torchvision", name)
        randomise_torch(module)
        module = as_published(module) if name == NAMES[0] else module
        found[name] = module, folder / find_record(name, "coco").file
        torch.save(module.state_dict(), found[name][1])
    return found


def raw(model):
    decode, sigmoid = (model.get_layer(f"head-{kind}") for kind in ("decode_boxes", "sigmoid"))
    return keras.Model(model.input, [keras.ops.concatenate(decode.input, axis=1), sigmoid.input])


def compared(module, model, columns=slice(None)):
    images = np.random.default_rng(1).normal(size=(2, *SIZE, 3)).astype("float32")
    with torch.no_grad():
        theirs = module(torch.tensor(images.transpose(0, 3, 1, 2).copy()))
    wanted = theirs["bbox_regression"].numpy(), theirs["cls_logits"].numpy()[..., columns]
    for got, want in zip(raw(model)(images), wanted, strict=True):
        assert want.std() > 0.05 and abs(got.numpy() - want).max() < 1e-4 * abs(want).max()


@pytest.mark.parametrize("name", NAMES)
def test_heads_are_those_of_torchvision_from_its_published_file(name, files):
    """Whose 91 scores are by COCO's numbers of categories; in the first version, batch norm has no epsilon."""
    module, path = files[name]
    model = kerascnn.build(name, weights=path, input_shape=(*SIZE, 3))
    assert model.output["scores"].shape[-1] == 80
    compared(module, model, [number for number, _ in categories()])
    epsilon = model.get_layer("stem-bn").epsilon
    assert epsilon == module.backbone.body.bn1.eps == (0 if name == NAMES[0] else 1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_heads_are_those_of_torchvision_trained_on_other_classes(name, tmp_path):
    module = torch_model("torchvision", f"{name}(num_classes=6)")
    randomise_torch(module)
    path = tmp_path / f"{name}(num_classes=80).pth"
    torch.save(module.state_dict(), path)
    compared(module, kerascnn.build(name, weights=path, classes=6, input_shape=(*SIZE, 3)))


def test_older_files_name_some_layers_otherwise(files, tmp_path):
    _, path = files[NAMES[0]]
    old = {}
    for key, value in torch.load(path).items():
        parts = key.split(".")
        if "inner_blocks" in key or "layer_blocks" in key:
            parts.pop(-2)
        elif ".conv." in key and key.startswith("head."):
            parts[-3:-1] = [str(2 * int(parts[-3]))]
        old[".".join(parts)] = value
    assert "head.regression_head.conv.6.bias" in old and "backbone.fpn.inner_blocks.2.weight" in old
    torch.save(old, tmp_path / path.name)
    one, other = (
        kerascnn.build(NAMES[0], weights=each, input_shape=(64, 64, 3)) for each in (path, tmp_path / path.name)
    )
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_file_that_does_not_say_its_epsilon_is_not_guessed(files, tmp_path):
    _, path = files[NAMES[0]]
    (tmp_path / "checkpoint.pth").symlink_to(path)
    with pytest.raises(ValueError, match=r"could be .*epsilon 1e-05.* or .*epsilon 0\.0"):
        kerascnn.build(NAMES[0], weights=tmp_path / "checkpoint.pth", input_shape=(64, 64, 3))


def test_other_classes_are_new_and_the_rest_is_kept(files):
    module, path = files[NAMES[0]]
    with pytest.warns(UserWarning, match="head-scores-last-conv is new, for 27 outputs; the file has 819"):
        model = kerascnn.build(NAMES[0], weights=path, classes=3, input_shape=(64, 64, 3))
    kernel = module.head.regression_head.bbox_reg.weight.detach().numpy().transpose(2, 3, 1, 0)
    np.testing.assert_array_equal(model.get_layer("head-boxes-last-conv").kernel, kernel)


def test_a_classifier_of_other_classes_is_named(tmp_path):
    row = retinanet("resnet20_cifar")
    row = row.replace(**row.tiny)
    row(classes=3).save(tmp_path / "three.keras")
    with pytest.raises(ValueError, match=r"scores other classes .*has 27 outputs, expected 720\. Pass classes=\.\.\."):
        row(weights=tmp_path / "three.keras")
    again = row(weights=tmp_path / "three.keras", classes=3)
    assert again.output["scores"].shape[-1] == 3


def test_published_weights_are_found_by_their_short_tag():
    record = find_record(NAMES[0], "coco")
    assert record.tag == "tv_coco_v1" and record.file == "retinanet_resnet50_fpn_coco-eeacb38b.pth"
    assert record.preprocess.size == 800 and record.preprocess.squash
    assert find_record("deeplabv3_resnet50_v1_5", "coco").tag == "tv_coco_with_voc_labels_v1"
    with pytest.raises(ValueError, match="no published weights 'coco'"):
        find_record("resnet50", "coco")


def test_detections_are_those_of_torchvision():
    """Of heads whose scores all differ: those of random weights hardly do, and rounding decides which box gives way."""
    module = torch_model("torchvision", "retinanet_resnet50_fpn(num_classes=6)")
    model = kerascnn.build(NAMES[0], classes=6, input_shape=(256, 256, 3))
    decode, sigmoid = (model.get_layer(f"head-{kind}") for kind in ("decode_boxes", "sigmoid"))
    counts = [9 * (256 // stride) ** 2 for stride in (8, 16, 32, 64, 128)]
    rng = np.random.default_rng(2)
    offsets = rng.normal(0, 0.3, (2, sum(counts), 4)).astype("float32")
    logits = rng.normal(-2, 1.5, (2, sum(counts), 6)).astype("float32")
    anchors = torch.tensor(B.corners(decode.defaults).numpy())
    outputs = {"bbox_regression": torch.tensor(offsets), "cls_logits": torch.tensor(logits)}
    outputs = {key: list(value.split(counts, dim=1)) for key, value in outputs.items()}
    found = module.postprocess_detections(outputs, [list(anchors.split(counts))] * 2, [(256, 256)] * 2)
    how = {"least": 0.05, "overlap": 0.5, "candidates": 1000, "most": 300}
    ours = detections_of_maps(decode(of_maps(decode, offsets)), sigmoid(logits), counts, **how)
    for image, wanted in enumerate(found):
        scores, labels, boxes = (wanted[key].numpy() for key in ("scores", "labels", "boxes"))
        count = int(ours.count[image])
        assert count == len(scores) == 300
        np.testing.assert_array_equal(ours.classes[image], labels)
        np.testing.assert_allclose(ours.scores[image], scores, atol=1e-4)
        np.testing.assert_allclose(ours.boxes[image], boxes, atol=0.02)


@pytest.mark.parametrize("name", ["mobilenet_v2_035", "resnet20_cifar", "alexnet", "vgg11"])
def test_it_stands_on_any_backbone(name):
    model = kerascnn.build(f"retinanet_{name}", classes=3, input_shape=(96, 128, 3))
    boxes, scores = (model.output[name].shape for name in ("boxes", "scores"))
    assert boxes[1] == scores[1] == len(model.get_layer("head-decode_boxes").defaults) and scores[2] == 3
    outputs = model(np.random.default_rng(0).normal(size=(1, 96, 128, 3)).astype("float32"))
    assert outputs["scores"].numpy().max() < 0.1, "before it has learned, every class is as rare as the prior says"


def test_rows():
    for row in (find(NAMES[0]), find(NAMES[1]), retinanet("mobilenet_v2")):
        assert isinstance(row, RetinaNet) and decode_row(encode_row(row)) == row
        small = row.replace(**row.tiny)(classes=2)
        side = row.backbone.replace(**row.backbone.tiny).size
        assert small.input_shape == (None, side, side, 3) and small.output["scores"].shape[-1] == 2
    assert find("RetinaNet-MobileNetV2") == retinanet("mobilenet_v2")
    assert {*NAMES} <= {*kerascnn.list_models("retinanet*", task="detection")}
    with pytest.raises(ValueError, match="There is no model 'retinanet_resnet19'"):
        find("retinanet_resnet19")
    with pytest.raises(ValueError, match="makes a single feature map, and retinanet_vit_ti16 needs two"):
        kerascnn.build("retinanet_vit_ti16", input_shape=(224, 224, 3))
    with pytest.raises(ValueError, match="has 5 maps and sides of 2; it needs one of each map"):
        retinanet("mobilenet_v2_035").replace(sides=(32, 64))(input_shape=(96, 96, 3))


def test_a_model_is_saved_with_its_anchors(small, tmp_path):
    model, _, _ = small
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    image = np.random.default_rng(0).normal(size=(1, 96, 96, 3)).astype("float32")
    for name, wanted in model(image).items():
        np.testing.assert_array_equal(again(image)[name], wanted)


@pytest.mark.parametrize("groups", [0, 2])
def test_it_is_tuned_for_int8_with_heads_that_stay_one(groups, small, tmp_path):
    row = retinanet("resnet20_cifar")
    model = row.replace(**row.tiny | {"groups": groups})(classes=4, input_shape=(96, 96, 3))
    randomise(model)
    x, targets = images(model, 5), small[2] | {"crowd": np.zeros((5, 6), bool)}
    part = Detection(labels=("a", "b", "c", "d")).part_to_tune(model)
    tuned = kerascnn.quantize_aware(part.model, (x, targets), Tuning(epochs=3, lr=1e-3), part.loss)
    kernels = [layer.kernel for layer in tuned.model.layers if layer.name.startswith("head-scores-conv1-conv")]
    assert len(kernels) == len(model.get_layer("head-scores-concat").input) == 3
    assert all(np.array_equal(kernels[0], kernel) for kernel in kernels)
    whole = part.whole(tuned.simulation)
    kerascnn.export(whole, tmp_path / "net.tflite", "tflite-int8")
    got, want = open_model(tmp_path / "net.tflite")(x), whole(x)
    for name, values in want.items():
        assert np.abs(got[name] - values).mean() < 0.02 * np.std(values)
