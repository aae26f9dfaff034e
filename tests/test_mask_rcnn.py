"""Mask R-CNN: its layers and loss, and the networks against torchvision's, and what its files hold."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from parity import randomise_torch
from references import installed, torch_model
from torch_detectors import as_published

import kerascnn
from kerascnn import layers as L
from kerascnn.catalogue import find
from kerascnn.detection import MaskRCNN, faster_rcnn, mask_rcnn
from kerascnn.detection.masks import of_masks
from kerascnn.detection.matching import matched_regions
from kerascnn.networks.codec import decode_row, encode_row
from kerascnn.tasks.detection import TwoStage
from kerascnn.tasks.instance import Instance, TwoStageMasks
from kerascnn.weights.coco import categories
from kerascnn.weights.records import find_record

torch = pytest.importorskip("torch")
if not installed("torchvision"):
    pytest.skip("torchvision is not installed", allow_module_level=True)

NAMES = {
    "mask_rcnn_resnet50_fpn": "maskrcnn_resnet50_fpn",
    "mask_rcnn_resnet50_fpn_v2": "maskrcnn_resnet50_fpn_v2",
}
FIRST = "mask_rcnn_resnet50_fpn"


@pytest.fixture(scope="module")
def small():
    row = mask_rcnn("resnet20_cifar")
    return row.replace(**row.tiny)(classes=4, input_shape=(96, 96, 3))


# -- layers and loss --------------------------------------------------------------------------------------------------


def test_a_transposed_convolution_of_regions_is_one_of_each():
    x = np.random.default_rng(0).normal(size=(2, 5, 4, 4, 3)).astype("float32")
    layer = L.RegionConv2DTranspose(6, 2, 2)
    got = layer(x)
    alone = keras.layers.Conv2DTranspose(6, 2, 2)
    alone.build((None, 4, 4, 3))
    alone.set_weights(layer.get_weights())
    np.testing.assert_allclose(got[1, 2], alone(x[1, 2:3])[0], rtol=1e-5, atol=1e-6)
    assert layer.compute_output_shape((None, 5, 4, 4, 3)) == (None, 5, 8, 8, 6) and got.shape == (2, 5, 8, 8, 6)


def test_the_mask_of_a_box_is_that_of_its_best_class():
    rng = np.random.default_rng(0)
    masks, scores = rng.normal(size=(2, 5, 3, 4, 4)).astype("float32"), rng.random((2, 5, 3)).astype("float32")
    got = L.ClassMasks()([masks, scores])
    for image, number in np.ndindex(2, 5):
        wanted = masks[image, number, :, :, 1 + scores[image, number].argmax()]
        np.testing.assert_allclose(got[image, number], wanted, rtol=1e-6)
    np.testing.assert_array_equal(L.ClassMasks()([masks[..., 1:], scores]), got, "without the background's")


def test_masks_of_regions_that_learn_and_of_detections_come_of_the_same_layers(small):
    task = Instance(labels=tuple("abcd"), loss=TwoStageMasks(regions=40))
    trained = task.training_model(small)
    rng = np.random.default_rng(0)
    targets = {
        "boxes": np.float32([[[10, 8, 60, 70], [0, 0, 0, 0]], [[30, 5, 90, 50], [2, 2, 40, 90]]]),
        "classes": np.int32([[3, 0], [1, 2]]),
        "valid": np.array([[True, False], [True, True]]),
        "crowd": np.zeros((2, 2), bool),
        "seed": np.array([[7, 0], [7, 1]]),
        "masks": np.packbits(rng.random((2, 2, 96, 96)) < 0.5, axis=-1),
    }
    tensors = {name: tf.constant(x) for name, x in targets.items()}
    images = tf.constant(rng.normal(size=(2, 96, 96, 3)).astype("float32"))
    given = [images, *(tensors[x.name] for x in trained.inputs[1:])]
    whole, outputs = small(images), trained(given, training=False)
    for name, wanted in whole.items():
        np.testing.assert_allclose(outputs[name], wanted, rtol=1e-4, atol=1e-5)
    assert outputs["mask_logits"].shape == (2, 10, 28, 28, 5)
    with tf.GradientTape() as tape:
        outputs = trained(given, training=True)
        losses = task.losses(outputs, tensors)
    found = matched_regions(targets["boxes"], targets["valid"], outputs["mask_regions"], 0.5).numpy()
    assert {*found[0]} >= {0} and {*found[1]} >= {0, 1}, "the objects' own boxes are among them"
    of_boxes = TwoStage(regions=40)(outputs, tensors)
    alone = of_masks(outputs["mask_logits"][..., 1:], outputs["mask_regions"], tf.constant(found), tensors)
    np.testing.assert_allclose(losses, of_boxes + alone, rtol=1e-5)
    assert np.isfinite(losses).all() and (alone.numpy() > 0.3).all()
    kernel = small.get_layer("head-masks-conv").kernel
    gradient = tf.convert_to_tensor(tape.gradient(losses, kernel.value)).numpy()[0, 0]
    learns = abs(gradient).sum(0) > 0
    assert learns.tolist() == [False, False, True, True, True], "the classes of the objects, and no background"


def test_masks_that_cannot_be_trained_are_refused():
    row = faster_rcnn("resnet20_cifar")
    whole = row.replace(**row.tiny)(classes=3, input_shape=(64, 64, 3))
    masks = keras.layers.Reshape((20, 2, 2))(keras.layers.Dense(80)(keras.layers.Flatten()(whole.input)))
    model = keras.Model(whole.input, {**whole.output, "masks": masks}, name="own")
    with pytest.raises(ValueError, match=r"masks of own end in Dense and Reshape; .* of a sigmoid on ClassMasks"):
        Instance(labels=tuple("abc")).training_model(model)
    with pytest.raises(ValueError, match="loss must be TwoStageMasks or None"):
        Instance(labels=tuple("abc"), loss=TwoStage())


# -- networks ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "parameters", "frozen"), [(FIRST, 44_401_393, 53_120), ("mask_rcnn_resnet50_fpn_v2", 46_359_409, 0)]
)
def test_parameters_are_counted_as_in_torchvision(name, parameters, frozen):
    """Whose 91 classes have the background among them, and whose norms have no parameters where they are frozen."""
    model = kerascnn.build(name, classes=90)
    assert sum(int(np.prod(w.shape)) for w in model.trainable_weights) - frozen == parameters
    shapes = {"boxes": (None, 100, 4), "scores": (None, 100, 90), "masks": (None, 100, 28, 28)}
    assert {name: x.shape for name, x in model.output.items()} == shapes


def compared(module, model, columns=slice(None)):
    """What both say of the same detections, which are those here: the masks of all classes, and those that come out."""
    size = model.input_shape[1:3]
    chosen = model.get_layer("head-masks-class_masks")
    raw = keras.Model(model.input, {**model.output, "logits": chosen.input[0]})
    images = np.random.default_rng(1).normal(size=(2, *size, 3)).astype("float32")
    found = {name: x.numpy() for name, x in raw(images).items()}
    with torch.no_grad():
        maps, heads = module.backbone(torch.tensor(images.transpose(0, 3, 1, 2).copy())), module.roi_heads
        cut = heads.mask_roi_pool(maps, [*torch.tensor(found["boxes"])], [size] * 2)
        logits = heads.mask_predictor(heads.mask_head(cut))[:, columns].numpy()
    logits = logits.reshape(2, -1, *logits.shape[1:])
    got = found["logits"].transpose(0, 1, 4, 2, 3)
    assert logits.std() > 0.02 and abs(got - logits).max() < 1e-4 * abs(logits).max()
    best = 1 + found["scores"].argmax(-1)
    shares = 1 / (1 + np.exp(-np.take_along_axis(logits, best[..., None, None, None], 2)[:, :, 0]))
    np.testing.assert_allclose(found["masks"], shares, atol=1e-4 * abs(logits).max())
    assert (found["scores"].max(-1) > 0).sum() > 10, "there are detections"


def drawn_small(name, path, **arguments):
    """The network with these weights, which looks at few regions of a small image."""
    few = find(name).replace(candidates=30, proposals=15, pairs=30, detections=12)
    return few(weights=path, input_shape=(128, 128, 3), **arguments)


@pytest.mark.parametrize("name", NAMES)
def test_masks_are_those_of_torchvision(name, tmp_path):
    module = torch_model("torchvision", f"{NAMES[name]}(num_classes=6)")
    randomise_torch(module)
    path = tmp_path / f"{NAMES[name]}(num_classes=81).pth"
    torch.save(module.state_dict(), path)
    compared(module, drawn_small(name, path, classes=5))


def test_the_published_file_is_read(tmp_path):
    """Its 91 masks are by COCO's numbers of categories, and its modules are named as older versions do."""
    module = torch_model("torchvision", NAMES[FIRST])
    randomise_torch(module)
    module = as_published(module)
    path = tmp_path / find_record(FIRST, "coco").file
    torch.save({older(key): value for key, value in module.state_dict().items()}, path)
    model = drawn_small(FIRST, path)
    assert model.output["scores"].shape[-1] == 80
    compared(module, model, [0, *(number for number, _ in categories())])


def older(key):
    parts = key.split(".")
    if "inner_blocks" in key or "layer_blocks" in key:
        parts.pop(-2)
    elif key.startswith("rpn.head.conv."):
        parts[3:5] = []
    elif key.startswith("roi_heads.mask_head."):
        parts[2:4] = [f"mask_fcn{int(parts[2]) + 1}"]
    return ".".join(parts)


def test_rows(small):
    for row in (*map(find, NAMES), mask_rcnn("mobilenet_v2")):
        assert isinstance(row, MaskRCNN) and decode_row(encode_row(row)) == row and row.task == "instance"
    assert {name: x.shape[1:] for name, x in small.output.items()} == {
        "boxes": (20, 4),
        "scores": (20, 4),
        "masks": (20, 28, 28),
    }
    assert find("maskrcnn_resnet50_fpn") == find(FIRST) and find("mask_rcnn_mobilenet_v2") == mask_rcnn("mobilenet_v2")
    assert {*kerascnn.list_models(task="instance")} == {*NAMES}
    with pytest.raises(ValueError, match="There is no model 'mask_rcnn_resnet19'"):
        find("mask_rcnn_resnet19")


def test_a_file_masks_what_the_model_masks(small, tmp_path):
    """Saved whole, and in built-in operators of TensorFlow Lite."""
    small.save(tmp_path / "model.keras")
    images = np.random.default_rng(0).normal(size=(2, 96, 96, 3)).astype("float32")
    wanted = {name: x.numpy() for name, x in small(images).items()}
    for name, x in keras.models.load_model(tmp_path / "model.keras")(images).items():
        np.testing.assert_array_equal(x, wanted[name])
    kerascnn.export(small, tmp_path / "model.tflite", "tflite")
    got = kerascnn.open_model(tmp_path / "model.tflite")(images)
    assert wanted["scores"].max() > 0 and wanted["masks"].std() > 0.001
    for name, values in wanted.items():
        assert got[name].shape == values.shape
    sure = wanted["scores"].max(-1) > 0
    for name in wanted:
        np.testing.assert_allclose(got[name][sure], wanted[name][sure], atol=1e-3 * max(1, abs(wanted[name]).max()))
