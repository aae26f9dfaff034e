"""The mirror of keras.applications: by Keras' own tests, and side by side with Keras' own networks."""

import inspect
import json
import pickle
from hashlib import md5
from pathlib import Path
from types import ModuleType

import keras
import numpy as np
import pytest
from keras.src import applications as of_keras

from kerascnn import keras_applications as mirror
from kerascnn.weights import imagenet

BUILDERS = [name for name, found in vars(keras.applications).items() if inspect.isfunction(found)]
# Of every module the smallest network, which is built in full.
SMALLEST = (
    "VGG16",
    "ResNet50",
    "ResNet50V2",
    "DenseNet121",
    "EfficientNetB0",
    "EfficientNetV2B0",
    "EfficientNetV2S",
    "Xception",
    "InceptionV3",
    "InceptionResNetV2",
    "MobileNet",
    "MobileNetV2",
    "MobileNetV3Small",
    "MobileNetV3Large",
    "ConvNeXtTiny",
    "NASNetMobile",
)
# Layers that a network here has not, or has in another form; the README's table says the same.
OTHERWISE = {
    "ResNet50V2": ("_2_pad",),
    "EfficientNetB0": ("_pad", "se_squeeze"),
    "EfficientNetV2B0": ("se_squeeze",),
    "EfficientNetV2S": ("se_squeeze",),
    "InceptionV3": ("pooling2d",),
    "InceptionResNetV2": ("pooling2d", "custom_scale_layer"),
    "MobileNet": ("_pad", "reshape"),
    "MobileNetV2": ("_pad",),
    "ConvNeXtTiny": ("_identity",),
    "NASNetMobile": ("_pad", "padding", "cropping", "activation", "add", "concat", "_avg_pool"),
    "MobileNetV3Small": ("_pad", "flatten", "re_lu", "activation", "multiply", "hard_sigmoid"),
    "MobileNetV3Large": ("_pad", "flatten", "re_lu", "activation", "multiply", "hard_sigmoid"),
}
FLAT = ("MobileNet", "MobileNetV3Small", "MobileNetV3Large")  # here their classifier is dense, behind a flat pool
NATIVE = (
    "VGG16",
    "ResNet50V2",
    "DenseNet121",
    "EfficientNetB0",
    "EfficientNetV2B0",
    "EfficientNetV2S",
    "MobileNetV2",
)


def run(name, changes):
    """One of Keras' own files of tests, which import the mirror."""
    path = Path(of_keras.__file__).with_name(f"{name}.py")
    text = path.read_text().replace("from keras.src.applications import", "from kerascnn.keras_applications import")
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    module = ModuleType(f"{name}_of_keras")
    exec(compile(text, path, "exec"), vars(module))
    return module


TestImageNetUtils = run("imagenet_utils_test", {}).TestImageNetUtils
# Weights and the picture of an elephant would be downloaded: random weights and noise take their places.
ApplicationsTest = run(
    "applications_test",
    {
        'for image_data_format in ["channels_first", "channels_last"]': 'for image_data_format in ["channels_last"]',
        'weights="imagenet"': "weights=None",
        'test_image = file_utils.get_file("elephant.jpg", TEST_IMAGE_PATH)': "",
        "image_utils.load_img(test_image, target_size=tuple(target_size))": (
            "np.random.default_rng(0).integers(0, 256, (*target_size, 3))"
        ),
        'self.assertIn("African_elephant", names[:3])': "self.assertEqual(len(names), 5)",
    },
).ApplicationsTest
ApplicationsTest.pytestmark = [*getattr(ApplicationsTest, "pytestmark", []), pytest.mark.sharded]


def test_every_module_and_builder_is_there():
    modules = {name for name, found in vars(keras.applications).items() if inspect.ismodule(found)}
    assert modules == {name for name in mirror.__all__ if inspect.ismodule(getattr(mirror, name))}
    for module in modules:
        public = {name for name in vars(getattr(keras.applications, module)) if not name.startswith("_")}
        assert public <= set(getattr(mirror, module).__all__)
    assert len(BUILDERS) == 40


@pytest.mark.parametrize("name", BUILDERS)
def test_arguments_are_those_of_keras(name):
    def arguments(function):
        return [(p.name, p.default) for p in inspect.signature(function).parameters.values()]

    assert arguments(getattr(mirror, name)) == arguments(getattr(keras.applications, name))
    builder = getattr(mirror, name)
    assert builder.__name__ == name and inspect.isfunction(builder)
    assert pickle.loads(pickle.dumps(builder)) is builder


@pytest.mark.sharded
@pytest.mark.parametrize("name", SMALLEST)
def test_layers_have_the_names_of_keras(name):
    theirs = getattr(keras.applications, name)(weights=None)
    keras.backend.clear_session()  # Keras counts layers from 0 again
    mine = getattr(mirror, name)(weights=None)
    assert mine.output_names == theirs.output_names
    assert (mine.name, mine.input_shape, mine.output_shape) == (theirs.name, theirs.input_shape, theirs.output_shape)
    shapes = {layer.name: layer.output.shape for layer in mine.layers}
    missing = [layer.name for layer in theirs.layers[1:] if layer.name not in shapes]
    assert not [each for each in missing if not any(part in each for part in OTHERWISE.get(name, ()))]
    unequal = [
        layer.name for layer in theirs.layers[1:] if shapes.get(layer.name, layer.output.shape) != layer.output.shape
    ]
    assert not unequal or (name in FLAT and len(unequal) <= 4)
    assert [layer.name for layer in mine.layers if layer.name in missing] == []
    assert mine.layers[-1].name == theirs.layers[-1].name and mine.layers[-1].activation.__name__ == "softmax"
    if name not in FLAT:
        assert mine.layers[-2].name == theirs.layers[-2].name


@pytest.mark.sharded
@pytest.mark.parametrize("pooling", ["avg", "max"])
@pytest.mark.parametrize("name", SMALLEST)
def test_what_stands_in_place_of_the_classifier_has_the_name_of_keras(name, pooling):
    def last(module):
        keras.backend.clear_session()
        model = getattr(module, name)(weights=None, include_top=False, input_shape=(96, 96, 3), pooling=pooling)
        return model.layers[-1].name, model.output_names, model.output_shape

    assert last(mirror) == last(keras.applications)


@pytest.mark.sharded
@pytest.mark.parametrize("name", SMALLEST)
def test_a_file_of_keras_gives_its_numbers(name, tmp_path):
    """Pixels in, logits out: what is inside Keras' network is inside this one."""
    theirs = randomised(getattr(keras.applications, name)(weights=None, classifier_activation=None))
    theirs.save(tmp_path / "whole.h5")
    theirs.save_weights(tmp_path / "own.weights.h5")
    pixels = pixels_for(name, theirs)
    want = theirs(pixels, training=False).numpy()
    mine = getattr(mirror, name)(weights=str(tmp_path / "whole.h5"), classifier_activation=None)
    assert np.abs(mine(pixels, training=False).numpy() - want).max() <= 1e-5 * np.abs(want).max()
    if name in NATIVE:
        mine = getattr(mirror, name)(weights=None, classifier_activation=None)
        mine.load_weights(tmp_path / "own.weights.h5")
        assert np.abs(mine(pixels, training=False).numpy() - want).max() <= 1e-5 * np.abs(want).max()


def randomised(model):
    rng = np.random.default_rng(0)
    for w in model.weights:
        if w.path.endswith(("gamma", "moving_variance", "/variance")):
            w.assign(rng.uniform(0.5, 1.5, w.shape))
        elif w.path.endswith(("beta", "moving_mean", "/mean")):
            w.assign(rng.normal(0, 0.1, w.shape))
    for layer in model.layers:
        if isinstance(layer, keras.layers.Normalization):
            layer.finalize_state()
    return model


def pixels_for(name, model):
    size = [side or 96 for side in model.input_shape[1:3]]
    inside = name.startswith(("EfficientNet", "MobileNetV3", "ConvNeXt"))
    return np.random.default_rng(1).uniform(0, 255 if inside else 2, (2, *size, 3)).astype("float32")


def test_names_of_the_classes_are_those_of_keras():
    """The digest that Keras' own code has of the file that it downloads."""
    index = json.dumps({str(i): list(pair) for i, pair in enumerate(imagenet.classes())})
    assert md5(index.encode()).hexdigest() == "c2c37ea517e94d9795004a39431a14cb"


def test_predictions_by_name():
    scores = np.zeros((2, 1000), "float32")
    scores[0, 386], scores[0, 101], scores[1, 0] = 0.7, 0.2, 0.9
    first, second = mirror.resnet50.decode_predictions(scores, top=2)
    assert [name for _, name, _ in first] == ["African_elephant", "tusker"]
    assert second[0] == ("n01440764", "tench", np.float32(0.9))
    with pytest.raises(ValueError, match=r"\(N, 1000\); got \(2, 10\)"):
        mirror.resnet50.decode_predictions(scores[:, :10])


def test_imagenet_has_a_thousand_classes():
    with pytest.raises(ValueError, match=r"classes=10.*include_top=False"):
        mirror.ResNet50(classes=10)


def test_an_unknown_argument_is_refused_by_name():
    with pytest.raises(TypeError, match=r"ResNet50\(\).*'clases'.*include_top, weights"):
        mirror.ResNet50(clases=10)


def test_weights_without_files_of_keras_are_refused():
    with pytest.raises(ValueError, match="no published weights of mobilenet_v2_060"):
        mirror.MobileNetV2(alpha=0.6)


@pytest.mark.parametrize("include_top", [True, False])
def test_preprocessing_may_be_left_out(include_top):
    kinds = {type(layer).__name__ for layer in mirror.MobileNetV3Small(weights=None, include_top=include_top).layers}
    assert "Rescaling" in kinds
    model = mirror.MobileNetV3Small(weights=None, include_top=include_top, include_preprocessing=False)
    assert "Rescaling" not in {type(layer).__name__ for layer in model.layers}
