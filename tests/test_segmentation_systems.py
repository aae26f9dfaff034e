"""The systems of the papers: what they compute, which names and weights they take, and what they refuse."""

from dataclasses import replace

import keras
import numpy as np
import pytest
from parity import assert_equal, randomise, randomise_torch
from references import installed, torch_model

import kerascnn
from kerascnn import segmentation
from kerascnn.applications import ROWS, ResNet20CIFAR, ResNet50V1_5
from kerascnn.catalogue import find
from kerascnn.compression.tuning import Tuning, task_loss
from kerascnn.graph.cost import cost
from kerascnn.graph.dilate import dilating
from kerascnn.graph.features import features, layers_by_stride
from kerascnn.graph.receptive_field import receptive_fields
from kerascnn.graph.rewrite import redraw
from kerascnn.segmentation import DeepLabV3, DeepLabV3Plus, FCN8s, UNet
from kerascnn.tasks import Segmentation
from kerascnn.workflows.chart import points

FIRST = {type(row): row for row in reversed(segmentation.ROWS.values())}
TINY = {kind.__name__: row.replace(**row.tiny) for kind, row in FIRST.items()}
EACH = pytest.mark.parametrize("row", TINY.values(), ids=TINY.keys())
needs_torchvision = pytest.mark.skipif(not installed("torchvision"), reason="torchvision is not installed")


def pixels(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def shape_of(row):
    """An image that the tiny row takes; of the U-Net that pads nothing, one of sides that fit."""
    side = max(row.size, row.min_size)
    return side, side, row.channels


# -- every system -----------------------------------------------------------------------------------------------------


@EACH
def test_every_pixel_has_probabilities(row):
    shape = shape_of(row)
    model = row(classes=3, input_shape=shape)
    randomise(model)
    given = model(pixels(2, *shape)).numpy()
    wanted = given.shape[1] if row.name == "unet_valid" else shape[0]
    assert given.shape == (2, wanted, wanted, 3)
    np.testing.assert_allclose(given.sum(axis=-1), 1, rtol=1e-5)
    assert given.std() > 0.01
    again = row(classes=3, input_shape=shape)
    assert [w.path for w in model.weights] == [w.path for w in again.weights]
    assert all("-" in layer.name for layer in model.layers if layer.weights)


@EACH
def test_sizes_that_are_known_at_run_time_only(row):
    side, _, channels = shape_of(row)
    sides = (side, side + 2 ** (len(getattr(row, "widths", "ab")) - 1) if row.name == "unet_valid" else side + 5)
    free = row(classes=3, input_shape=(None, None, channels))
    randomise(free)
    fixed = row(classes=3, input_shape=(*sides, channels))
    fixed.set_weights(free.get_weights())
    image = pixels(1, *sides, channels)
    np.testing.assert_allclose(free(image), fixed(image), rtol=1e-4, atol=1e-5)


@EACH
def test_own_weights_come_back(row, tmp_path):
    shape = shape_of(row)
    model = row(classes=3, input_shape=shape)
    randomise(model)
    model.save(tmp_path / "whole.keras")
    again = row(classes=3, input_shape=shape, weights=tmp_path / "whole.keras")
    for a, b in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    loaded = keras.models.load_model(tmp_path / "whole.keras")
    image = pixels(1, *shape)
    np.testing.assert_array_equal(loaded(image), model(image))


@EACH
def test_costs_and_receptive_fields_are_known(row):
    model = row(classes=3, input_shape=shape_of(row))
    assert cost(model).macs > 0 and not cost(model).notes
    assert receptive_fields(model)[model.layers[-1].name].size > 8


# -- dilation ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["ResNet18", "ResNet50", "MobileNetV2_035", "VGG11", "ShuffleNetV2_050"])
def test_a_dilated_backbone_computes_the_same_and_more_between(name):
    """Every fourth pixel of a map of stride 8 is that of the map of stride 32; an odd side keeps middles on middles."""
    row = ROWS[name].replace(style=replace(ROWS[name].style, padding="symmetric"))
    plain = features(row(include_top=False, input_shape=(97, 97, 3)))
    randomise(plain)
    dilated = redraw(plain, dilating(8))
    assert [w.path for w in dilated.weights] == [w.path for w in plain.weights]
    image = pixels(1, 97, 97, 3)
    coarse, fine = plain(image)[32], dilated(image)[32]
    assert fine.shape[1] == 13 or name == "VGG11"
    if name != "VGG11":  # whose pools keep their windows
        assert_equal(fine.numpy()[:, ::4, ::4], coarse.numpy(), 1e-4)


def test_strides_are_those_asked_for():
    for stride in (8, 16, 32):
        row = DeepLabV3.on("mobilenet_v2_035").replace(output_stride=stride)
        maps = layers_by_stride(row(input_shape=(96, 96, 3), include_top=False))
        assert max(maps) == stride
    assert max(row.maps(keras.Input((96, 96, 3)))) == 32
    free = DeepLabV3("resnet20_cifar", input_shape=(None, None, 3), classes=2)
    assert free(pixels(1, 33, 40, 3)).shape == (1, 33, 40, 2)


def test_what_cannot_be_dilated_is_named():
    with pytest.raises(ValueError, match=r"cannot be dilated to stride 16\. Choose a larger output_stride"):
        DeepLabV3("hrnet_w18_small_v1" if "hrnet_w18_small_v1" in {r.name for r in ROWS.values()} else "hrnet_w18")


# -- the papers' own geometry -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("head", "offsets"), [("fcn32s", [19]), ("fcn16s", [5, 27]), ("fcn8s", [5, 9, 31])])
def test_fcn_cuts_where_the_released_networks_do(head, offsets):
    row = find(f"{head}_vgg16")
    thin = row.replace(backbone=row.backbone.replace(widths=(2, 2, 2, 2, 2), hidden=4))
    model = thin(classes=3, input_shape=(70, 101, 3))
    assert [layer.offset for layer in model.layers if type(layer).__name__ == "CropLike"] == offsets
    assert model.output_shape == (None, 70, 101, 3)
    fixed = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2DTranspose)]
    assert len(fixed) == len(offsets) and not any(layer.trainable_weights for layer in fixed)
    image = np.arange(18.0).reshape(1, 3, 6, 1).repeat(3, axis=-1)
    enlarged = fixed[0](image).numpy()
    ratio = fixed[0].strides[0]
    middle = enlarged[0, 2 * ratio, ratio // 2 + ratio : ratio // 2 + 5 * ratio, 0]
    np.testing.assert_allclose(np.diff(middle), 1 / ratio, rtol=1e-4)


def test_fcn_takes_the_classifier_of_vgg(tmp_path):
    row = TINY["FCNVGG"]
    classifier = row.backbone(classes=5, input_shape=(32, 32, 3))
    randomise(classifier)
    classifier.save(tmp_path / "classifier.keras")
    with pytest.warns(UserWarning, match="head-dense3 is new"):
        model = row(classes=3, weights=str(tmp_path / "classifier.keras"))
    kernel, bias = classifier.get_layer("head-dense").get_weights()
    np.testing.assert_array_equal(np.ravel(model.get_layer("fc6-conv").kernel), np.ravel(kernel))
    np.testing.assert_array_equal(model.get_layer("fc6-conv").bias, bias)
    first = [m.get_layer("stage1-conv").get_weights()[0] for m in (model, classifier)]
    np.testing.assert_array_equal(*first)


def test_unet_is_that_of_figure_1():
    thin = segmentation.UNetValid.replace(widths=(2, 4, 8, 16, 32))
    model = thin()
    assert (model.input_shape, model.output_shape) == ((None, 572, 572, 1), (None, 388, 388, 2))
    crops = [layer.cropping for layer in model.layers if isinstance(layer, keras.layers.Cropping2D)]
    assert [crop[0][0] for crop in crops] == [4, 16, 40, 88]
    assert sum(isinstance(layer, keras.layers.Dropout) for layer in model.layers) == 2


def test_unet_cuts_from_the_middle():
    """With kernels that are the same from both sides, a mirrored image gives a mirrored map, if crops are centred."""
    model = TINY["UNetPlain"](classes=3, input_shape=(52, 60, 1), classifier_activation=None)
    randomise(model)
    for w in model.weights:
        if w.path.endswith("kernel"):
            w.assign((w.numpy() + w.numpy()[::-1, ::-1]) / 2)
    image = pixels(1, 52, 60, 1)
    np.testing.assert_allclose(model(image[:, ::-1, ::-1]), model(image)[:, ::-1, ::-1], rtol=1e-3, atol=1e-4)


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A network of torchvision with random weights, and a file with its auxiliary head, as they are published."""
    torch = pytest.importorskip("torch")
    theirs = torch_model("torchvision", "deeplabv3_mobilenet_v3_large(aux_loss=True)")
    randomise_torch(theirs)
    path = tmp_path_factory.mktemp("published") / "deeplabv3_mobilenet_v3_large-fc3c493d.pth"
    torch.save(theirs.state_dict(), path)
    return theirs, path


@needs_torchvision
def test_deeplab_v3_plus_is_what_its_parts_are_in_torch(published):
    """torchvision's backbone and pyramid, and the decoder as section 4.1 of the paper has it, drawn in torch."""
    import torch
    from torch import nn
    from torch.nn.functional import interpolate

    theirs, path = published

    def conv(taken, made, side):
        return [nn.Conv2d(taken, made, side, padding=side // 2, bias=False), nn.BatchNorm2d(made), nn.ReLU()]

    parts = nn.ModuleDict({"head-fine": nn.Sequential(*conv(24, 48, 1)), "head-score": nn.Conv2d(256, 21, 1)})
    parts["head-decoder"] = nn.Sequential(*conv(304, 256, 3), *conv(256, 256, 3))
    randomise_torch(parts, seed=1)
    parts.eval()
    image = pixels(1, 75, 66, 3)
    with torch.no_grad():
        x = torch.tensor(image.transpose(0, 3, 1, 2).copy())
        maps, y = {}, x
        for name, module in theirs.backbone.named_children():
            maps[name] = y = module(y)
        fine = parts["head-fine"](maps["3"])
        z = interpolate(theirs.classifier[0](y), fine.shape[-2:], mode="bilinear")
        z = parts["head-score"](parts["head-decoder"](torch.cat([z, fine], 1)))
        wanted = interpolate(z, x.shape[-2:], mode="bilinear").numpy().transpose(0, 2, 3, 1)
    row = find("deeplabv3_mobilenet_v3_large")
    taken = row(weights=path, input_shape=(75, 66, 3))
    style = replace(row.style, padding="symmetric")
    plus = DeepLabV3Plus.on(row.backbone).replace(rates=row.rates, dilate_strided=True, style=style)
    model = plus(input_shape=(75, 66, 3), classifier_activation=None)
    values = {w.path: w.numpy() for w in taken.weights}
    for key, value in parts.state_dict().items():
        place, _, part = key.rpartition(".")
        place, _, number = place.partition(".")
        kind = "conv" if value.ndim == 4 or place == "head-score" else "bn"
        name = f"{place}-{kind}{'2' if number in ('3', '4') else ''}"
        part = {"running_mean": "moving_mean", "running_var": "moving_variance"}.get(part, part)
        part = {"weight": "kernel" if kind == "conv" else "gamma"}.get(part, part)
        part = "beta" if (kind, part) == ("bn", "bias") else part
        values[f"{name}/{part}"] = value.numpy().transpose(2, 3, 1, 0) if value.ndim == 4 else value.numpy()
    for w in model.weights:
        w.assign(values[w.path])
    assert model.count_params() - taken.count_params() == 24 * 48 + 304 * 256 * 9 + 4 * (48 + 256)
    assert_equal(model(image).numpy(), wanted, 1e-5)


# -- names and weights ------------------------------------------------------------------------------------------------


def test_names_of_systems():
    assert find("deeplabv3_resnet50") is segmentation.DeepLabV3ResNet50 is DeepLabV3.on("ResNet50")
    assert find("DeepLabV3-MobileNetV3-Large").dilate_strided and find("lraspp_mobilenet_v3_large").output_stride == 16
    assert find("deeplabv3plus_mobilenet_v2") is segmentation.ROWS["DeepLabV3PlusMobileNetV2"]
    assert find("deeplabv3_resnet50").backbone is find("fcn_resnet50").backbone is ResNet50V1_5
    assert find("unet") is segmentation.UNetValid and find("unet_resnet18").backbone.name == "resnet18"
    assert FCN8s.on() is segmentation.FCN8sVGG16 is find("fcn8s_vgg16")
    assert DeepLabV3.on(ResNet20CIFAR) == find("deeplabv3_resnet20_cifar")
    listed = kerascnn.list_models(task="segmentation")
    assert {"unet_valid", "deeplabv3_resnet101_v1_5", "lraspp_mobilenet_v3_large_100"} <= {*listed}
    assert kerascnn.list_weights("deeplabv3_resnet50") == ["tv_coco_with_voc_labels_v1"]
    assert [p.name for p in points({}, "deeplab*")][:1] == ["DeepLabV3ResNet50"]


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: DeepLabV3("resnet19"), "no network 'resnet19' to put a head on.*resnet18"),
        (lambda: kerascnn.build("deeplabv3_resnet5"), "no model 'deeplabv3_resnet5'.*deeplabv3_resnet50"),
        (lambda: UNet("resnet18", classes=0), "classes must be a whole number of at least 1, got 0"),
        (lambda: UNet("resnet18", classes=1), r"classes is 1, and a softmax.*classes=2, or classifier_activation"),
        (lambda: UNet(find("fcn8s_vgg16")), "fcn8s_vgg16 is of the task segmentation: it is no backbone"),
        (lambda: DeepLabV3("resnet18", input_shape=(31, 64, 3)), "needs images of at least 32 x 32 pixels"),
        (lambda: UNet("valid", input_shape=(570, 572, 1)), "side of 570 pixels to maps of odd sides.* 556 and 572"),
        (lambda: UNet("valid", input_shape=(172, 572, 1)), "needs images of at least 188 x 188 pixels"),
        (lambda: DeepLabV3("resnet18", weights="imagnet"), "no published weights 'imagnet'.*imagenet"),
    ],
)
def test_what_cannot_be_built_says_why(call, says):
    with pytest.raises(ValueError, match=says):
        call()


def test_one_score_of_the_foreground():
    model = UNet("resnet20_cifar", classes=1, classifier_activation="sigmoid", input_shape=(32, 32, 3))
    assert model.output_shape == (None, 32, 32, 1)


@needs_torchvision
def test_published_files_have_an_auxiliary_head(published):
    """What torchvision publishes was trained with it; it is left out, and so is a classifier of other classes."""
    theirs, path = published
    with pytest.warns(UserWarning, match="head-score-conv is new, for 4 classes; the file has 21"):
        model = kerascnn.build("deeplabv3_mobilenet_v3_large", weights=path, classes=4, input_shape=(64, 64, 3))
    kernel = theirs.state_dict()["classifier.0.project.0.weight"].numpy().transpose(2, 3, 1, 0)
    np.testing.assert_array_equal(model.get_layer("head-pyramid-merged-conv").kernel, kernel)


@pytest.mark.parametrize("name", ["FCN", "FCNVGG", "LiteRASPP", "UNetOn"])
def test_scores_of_other_classes_are_new(name, tmp_path):
    row = TINY[name]
    shape = shape_of(row)
    model = row(classes=3, input_shape=shape)
    randomise(model)
    model.save_weights(tmp_path / "three.weights.h5")
    with pytest.warns(UserWarning, match="is new, for 4 classes; the file has 3"):
        again = row(classes=4, input_shape=shape, weights=tmp_path / "three.weights.h5")
    values = {w.path: w for w in model.weights}
    for w in again.weights:
        if w.shape == values[w.path].shape:
            np.testing.assert_array_equal(w, values[w.path])
        else:
            assert w.path.startswith(("head-score", "head-stride", "head-image"))


def test_a_dilated_backbone_begins_with_its_own_weights(tmp_path):
    row = TINY["DeepLab"]
    backbone = row.backbone(classes=4, input_shape=(32, 32, 3))
    randomise(backbone)
    backbone.save(tmp_path / "classifier.keras")
    model = row(classes=3, weights=str(tmp_path / "classifier.keras"), input_shape=(32, 32, 3))
    values = {w.path: w.numpy() for w in backbone.weights}
    trunk = [w for w in model.weights if not w.path.startswith("head-")]
    assert trunk
    for w in trunk:
        np.testing.assert_array_equal(w, values[w.path])


# -- export -----------------------------------------------------------------------------------------------------------


@pytest.mark.sharded
@pytest.mark.parametrize("name", ["UNetOn", "DeepLab", "DeepLabPlus", "LiteRASPP"])
def test_a_system_is_exported_and_verified(name, tmp_path):
    row = TINY[name]
    model = row(classes=3, input_shape=(32, 32, 3))
    randomise(model)
    images = pixels(16, 32, 32, 3)
    onnx = kerascnn.export(model, tmp_path / "model.onnx", "onnx", calibration=images)
    assert onnx.decided_agreement == 1
    int8 = kerascnn.export(model, tmp_path / "model.int8.tflite", "tflite-int8", calibration=images)
    assert int8.decided_agreement > 0.95


@pytest.mark.sharded
@pytest.mark.parametrize("name", ["LiteRASPP"])
def test_a_system_is_tuned_for_int8(name, tmp_path):
    row = TINY[name]
    model = row(classes=3, input_shape=(32, 32, 3))
    randomise(model)
    task = Segmentation(labels=("a", "b", "c"))
    images, masks = pixels(32, 32, 32, 3), np.random.default_rng(1).integers(0, 3, (32, 32, 32)).astype("int32")
    quantized = kerascnn.quantize_aware(model, (images, masks), Tuning(epochs=1), task_loss(task, model))
    verified = kerascnn.export(quantized.simulation, tmp_path / "int8.tflite", "tflite-int8", calibration=images)
    assert verified.decided_agreement > 0.95
