"""What builders say to arguments that cannot be met, and how near they are to keras.applications'."""

import copy
import functools
import inspect
import pickle

import keras
import numpy as np
import pytest

import kerascnn
from kerascnn.applications import EfficientNetLite0, EfficientNetV2S, LeNet5, MobileNetV2, ResNet18, ResNet50

SHARED = ("include_top", "input_tensor", "input_shape", "pooling", "classes", "classifier_activation")


@pytest.mark.parametrize(
    "name", ["VGG16", "ResNet50", "DenseNet121", "MobileNet", "MobileNetV2", "NASNetMobile", "EfficientNetB0"]
)
def test_arguments_stand_in_keras_order_with_keras_defaults(name):
    theirs = inspect.signature(getattr(keras.applications, name)).parameters
    ours = inspect.signature(getattr(kerascnn.applications, name)).parameters
    assert [name for name, p in ours.items() if p.kind is not p.KEYWORD_ONLY] == list(theirs)
    for key in SHARED:  # weights are None here, and the name follows the row
        assert ours[key].default == theirs[key].default, key


def test_keras_ways_of_calling():
    model = MobileNetV2(alpha=0.5, weights=None, classes=4, input_shape=(96, 96, 3))
    assert model.name == "mobilenet_v2_050"
    assert model.count_params() == MobileNetV2((96, 96, 3), 0.5, True, None, None, None, 4).count_params()
    assert EfficientNetV2S(include_top=False, pooling="avg", input_shape=(64, 64, 3)).output_shape == (None, 1280)


def test_the_data_set_of_the_paper_decides_the_default_classes():
    assert LeNet5().output_shape == (None, 10) and LeNet5(classes=3).output_shape == (None, 3)
    assert inspect.signature(LeNet5).parameters["classes"].default == 10
    row = LeNet5.replace(classes=26, name="letters")
    assert row().output_shape == (None, 26) and inspect.signature(row).parameters["classes"].default == 26


def test_columns_that_keras_lets_change():
    small = {"weights": None, "classes": 4, "input_shape": (32, 32, 3)}
    for name, columns in (
        ("MobileNet", {"alpha": 0.5, "depth_multiplier": 2, "dropout": 0.5}),
        ("MobileNetV3Small", {"alpha": 0.5, "minimalistic": True, "dropout_rate": 0.5}),
    ):
        theirs = getattr(keras.applications, name)(**columns, **small)
        ours = getattr(kerascnn.applications, name)(**columns, **small)
        assert ours.count_params() == theirs.count_params()
        assert [layer.rate for layer in ours.layers if isinstance(layer, keras.layers.Dropout)] == [0.5]
    assert ours.name == "mobilenet_v3_small_minimalistic_050"


def test_a_row_with_other_columns():
    assert ResNet50.replace(depths=(1, 1, 1, 1), name="resnet14")(classes=3, input_shape=(32, 32, 3)).name == "resnet14"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"classes": 0}, "classes must be a whole number of at least 1, got 0"),
        ({"classes": 2.5}, "classes must be a whole number"),
        ({"pooling": "mean"}, "pooling must be None, 'avg' or 'max', got 'mean'"),
        ({"input_shape": (31, 64, 3)}, r"resnet18 needs images of at least 32 x 32 pixels, got input_shape=\(31, 64"),
        ({"input_shape": (64, 64)}, r"images of shape \(height, width, channels\)"),
        ({"input_shape": (64, 64, None)}, "known number of channels"),
        ({"input_tensor": 3}, "input_tensor must be a Keras tensor"),
        ({"classifier_activation": "sofmax"}, "'sofmax' is no activation that Keras knows"),
        ({"weights": "imagenet21k"}, "resnet18 has no published weights 'imagenet21k'"),
        ({"weights": "some.txt.weights"}, "no published weights"),
    ],
)
def test_bad_arguments(arguments, says):
    with pytest.raises(ValueError, match=says):
        ResNet18(**arguments)


def test_a_size_must_be_known_where_the_map_is_flattened():
    with pytest.raises(ValueError, match=r"vgg16 flattens.*input_shape=\(224, 224, 3\), or include_top=False"):
        kerascnn.build("vgg16", input_shape=(None, None, 3))


def test_input_shape_and_tensor_must_agree():
    with pytest.raises(ValueError, match="is not that of input_tensor"):
        ResNet18(input_tensor=keras.Input((64, 64, 3)), input_shape=(32, 32, 3))


def test_channels_first_is_refused_with_the_way_out():
    keras.config.set_image_data_format("channels_first")
    try:
        with pytest.raises(ValueError, match=r"keras\.config\.set_image_data_format\('channels_last'\)"):
            ResNet18()
    finally:
        keras.config.set_image_data_format("channels_last")


def test_missing_weights_suggest_a_file_beside_them(tmp_path):
    ResNet18(input_shape=(32, 32, 3), classes=2).save_weights(tmp_path / "mine.weights.h5")
    with pytest.raises(FileNotFoundError, match=r"no file .*mime\.weights\.h5.*mine\.weights\.h5"):
        ResNet18(weights=str(tmp_path / "mime.weights.h5"))


@pytest.mark.parametrize("name", ["torn.weights.h5", "torn.keras"])
def test_a_damaged_file_is_named(name, tmp_path):
    (tmp_path / name).write_bytes(b"not what it says")
    with pytest.raises(ValueError, match=f"{name} is damaged"):
        ResNet18(weights=str(tmp_path / name), input_shape=(32, 32, 3), classes=2)


@pytest.mark.parametrize("suffix", ["weights.h5", "keras"])
def test_weights_of_another_network_are_refused(suffix, tmp_path):
    path = str(tmp_path / f"other.{suffix}")
    other = kerascnn.build("mobilenet_v2_035", input_shape=(32, 32, 3), classes=2)
    other.save_weights(path) if suffix == "weights.h5" else other.save(path)
    with pytest.raises(ValueError, match=r"does not hold the weights of resnet18: .*Build the network"):
        ResNet18(weights=path, input_shape=(32, 32, 3), classes=2)


@pytest.mark.parametrize(
    "row", [kerascnn.applications.GoogLeNetAuxiliary, kerascnn.applications.GoogLeNet2014Auxiliary]
)
def test_the_least_image_of_googlenets_auxiliary_heads(row):
    """79 pixels leave a map of 5 x 5 for the pools of its heads, 78 one of 4 x 4."""
    side = row.min_size
    assert row(input_shape=(side, side, 3), classes=3).count_params() > 1e6
    with pytest.raises(ValueError, match="needs images of at least 79 x 79 pixels"):
        row(input_shape=(side - 1, side - 1, 3))


def test_two_networks_in_one_model():
    """The name of a network is before those of its layers and variables; a user's layers keep theirs."""
    left, right = ResNet18(name="left", classes=3), ResNet18(name="right", classes=3)
    joined = keras.Model([left.input, right.input], keras.layers.Concatenate()([left.output, right.output]))
    assert joined.get_layer("left-stem-conv") is left.get_layer("left-stem-conv")
    assert len({w.path for w in joined.weights}) == len(joined.weights)
    image = keras.Input((32, 32, 1), name="grey")
    trunk = ResNet18(include_top=False, name="trunk", input_tensor=keras.layers.Conv2D(3, 1, name="colour")(image))
    assert [layer.name for layer in trunk.layers[:3]] == ["grey", "colour", "trunk-stem-pad"]


def test_builders_are_functions_to_tools():
    assert ResNet18.__name__ == "resnet18"
    assert list(inspect.signature(ResNet18).parameters)[:2] == ["include_top", "weights"]
    assert "classes" in inspect.signature(functools.partial(ResNet18)).parameters  # as scikeras wants it
    assert copy.deepcopy(ResNet18) == ResNet18 == pickle.loads(pickle.dumps(ResNet18))


def test_images_as_weights_want_them():
    pixels = np.random.default_rng(0).integers(0, 256, (2, 4, 4, 3)).astype("uint8")
    want = (pixels / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    got = kerascnn.preprocess_input(pixels, "resnet18.imagenet")
    assert got.dtype == "float32" and np.allclose(got, want, atol=1e-6)
    assert np.allclose(kerascnn.applications.squeezenet.preprocess_input(pixels), want, atol=1e-6)
    tensor = kerascnn.preprocess_input(keras.ops.convert_to_tensor(pixels), "resnet18.imagenet")
    assert np.allclose(tensor, want, atol=1e-5)
    with pytest.raises(ValueError, match=r"vgg want different images.*weights='vgg11\."):
        kerascnn.applications.vgg.preprocess_input(pixels)
    with pytest.raises(ValueError, match=r"'resnet18\.imagenet'; got 'resnet18'"):
        kerascnn.preprocess_input(pixels, "resnet18")
    with pytest.raises(ValueError, match=r"3 channels; got \(2, 4, 4, 1\)"):
        kerascnn.preprocess_input(pixels[..., :1], "resnet18.imagenet")
    assert kerascnn.applications.resnet.decode_predictions(np.eye(1000)[:1])[0][0][1] == "tench"


def test_preprocessing_inside():
    """Pixels in; the numbers are those of the network whose images were normalised outside."""
    pixels = np.random.default_rng(0).uniform(0, 255, (2, 64, 64, 3)).astype("float32")
    inside = EfficientNetLite0(weights="imagenet", input_shape=(64, 64, 3), include_preprocessing=True)
    outside = EfficientNetLite0(weights="imagenet", input_shape=(64, 64, 3))
    want = outside(kerascnn.preprocess_input(pixels, "efficientnet_lite0.imagenet"))
    np.testing.assert_allclose(inside(pixels), want, rtol=1e-4, atol=1e-6)
    grey = ResNet18(include_top=False, input_shape=(64, 64, 1), include_preprocessing=True)
    first = grey.get_layer("rescaling")
    assert np.allclose(first(np.array([0.0, 255.0])[:, None, None, None]), np.array([-1, 1])[:, None, None, None])
    small = kerascnn.applications.MobileNetV3Small(include_preprocessing=True, minimalistic=True)
    assert small.layers[1].name == "rescaling"
