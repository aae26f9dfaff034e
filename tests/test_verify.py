"""Files that others wrote, with every fault that is known to happen: none passes, and each error says what is wrong."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from onnxruntime import quantization
from test_deploy import CARD, SIZE, colours_swapped, copy_of, gated, plain, statistics_lost

import kerascnn
from kerascnn.deploy import TARGETS, ExportError, export
from kerascnn.deploy.calibration import need_sound
from kerascnn.deploy.images import noise
from kerascnn.deploy.request import ExportRequest
from kerascnn.deploy.trial import verification_inputs
from kerascnn.deploy.verification import compare_runs
from kerascnn.runtime import Runner, open_model


@pytest.fixture(scope="module")
def nets() -> dict[str, keras.Model]:
    return {"plain": plain(), "gated": gated()}


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return noise((SIZE, SIZE, 3))


@pytest.fixture(autouse=True)
def working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def lite(function, *, batch=1, shape=(SIZE, SIZE, 3), **settings) -> str:
    """A .tflite file as anyone writes it by TensorFlow's own converter."""
    concrete = tf.function(function).get_concrete_function(tf.TensorSpec((batch, *shape)))
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete])
    for name, value in settings.items():
        setattr(converter, name, value)
    Path("net.tflite").write_bytes(converter.convert())
    return "net.tflite"


@pytest.mark.parametrize("format", TARGETS)
def test_a_sound_file_passes_and_its_format_is_seen(format, nets, images):
    written = export(nets["gated"], format=format, calibration=images)
    proof = kerascnn.verify(nets["gated"], written.path, images=images)
    assert proof == written
    assert kerascnn.verify(nets["gated"], written.path, format).inputs == "noise"


@pytest.mark.parametrize("format", ["tflite", "tflite-int8", "onnx", "saved_model"])
def test_a_file_of_pixels_is_proved_by_the_card(format, nets, images):
    images = np.clip(images, -1.5, 2)  # within what pixels become
    written = export(nets["plain"], format=format, calibration=images, card=CARD, pixels=True)
    assert kerascnn.verify(nets["plain"], written.path, images=images, card=CARD) == written
    nets["plain"].save("net.keras")
    CARD.write("net.keras")
    assert kerascnn.verify("net.keras", written.path, format).inputs == "noise"
    with pytest.raises(ValueError, match=r"takes plain pixels, 0 to 255, and these images are not: pass card="):
        kerascnn.verify(nets["plain"], written.path, images=images)
    other = replace(CARD, preprocess=replace(CARD.preprocess, mean=(0.9,) * 3))
    with pytest.raises(ExportError, match="does not compute"):
        kerascnn.verify(nets["plain"], written.path, images=images, card=other)


@pytest.mark.parametrize("fault", [colours_swapped, statistics_lost])
@pytest.mark.parametrize("format", ["tflite", "tflite-int8", "onnx"])
def test_wrong_channel_order_and_missing_batch_norm(format, fault, nets, images):
    faulty = copy_of(nets["plain"])
    fault(faulty)
    path = export(faulty, format=format, calibration=images).path
    with pytest.raises(ExportError, match=r"error of its scores is [\d.]+ of their spread"):
        kerascnn.verify(nets["plain"], path)


def test_dynamic_batch(nets):
    path = lite(lambda x: nets["plain"](x), batch=None)
    with pytest.raises(ExportError, match=r"net\.tflite takes any number of images, and 1 at a time was asked for"):
        kerascnn.verify(nets["plain"], path)
    assert kerascnn.verify(nets["plain"], path, batch=None).input_shape == (None, SIZE, SIZE, 3)


def test_what_keras_itself_writes_has_a_dynamic_batch(nets):
    nets["plain"].export("net.tflite", format="litert", verbose=False)
    with pytest.raises(ExportError, match="takes any number of images"):
        kerascnn.verify(nets["plain"], "net.tflite")


def test_flex_operator():
    image = keras.Input((8, 8, 3))
    net = keras.Model(image, layers.GlobalAveragePooling2D()(keras.ops.sinh(image)))
    net.export("net.tflite", format="litert", verbose=False)
    with pytest.raises(ExportError, match=r"holds FlexSinh, for which TensorFlow Lite has no kernel of its own"):
        kerascnn.verify(net, "net.tflite")


@pytest.mark.parametrize(
    ("net", "takes", "gives"),
    [
        ("plain", "float32", "float32"),
        ("gated", "int8", "float32"),
        ("plain", "uint8", "float32"),
        ("gated", "float32", "int8"),
    ],
)
def test_a_file_of_integers_may_take_and_give_floats(net, takes, gives, nets, images):
    """The softmax of ``plain`` has the same 256 values when a last operator makes floats of them."""
    path = lite(
        lambda x: nets[net](x),
        optimizations=[tf.lite.Optimize.DEFAULT],
        representative_dataset=lambda: ([image[None]] for image in images),
        inference_input_type=tf.dtypes.as_dtype(takes),
        inference_output_type=tf.dtypes.as_dtype(gives),
    )
    proof = kerascnn.verify(nets[net], path, images=images)
    assert proof.format == "tflite-int8" and proof.types == (takes, gives) and 1e-4 < proof.error < 0.1
    assert open_model(path).steps["scores"] > 0


@pytest.fixture(scope="module")
def of_bytes() -> keras.Model:
    """A network whose input is uint8."""
    image = keras.Input((SIZE, SIZE, 3), dtype="uint8", name="image")
    x = layers.Rescaling(1 / 127.5, -1)(image)
    for width in 8, 12:
        x = layers.Conv2D(width, 3, 2, activation="relu", bias_initializer="random_normal")(x)
    return keras.Model(image, layers.Dense(4)(layers.GlobalAveragePooling2D()(x)), name="of_bytes")


@pytest.mark.parametrize("format", [each for each in TARGETS if each != "tflite-int16x8"])
def test_a_network_of_bytes_is_verified_on_bytes(format, of_bytes):
    """But for int16x8, which TensorFlow Lite cannot write of a model that casts its input."""
    pixels = noise((SIZE, SIZE, 3), "uint8")
    assert pixels.min() == 0 and pixels.max() == 255 and np.array_equal(pixels, np.round(pixels))
    integers = TARGETS[format].integers
    report = export(of_bytes, format=format, calibration=pixels if integers else None)
    assert report.inputs == ("calibration images" if integers else "noise") and not report.notes
    with pytest.raises(ValueError, match=r"takes uint8, and these images hold fractions, or numbers beyond 0 to 255"):
        kerascnn.verify(of_bytes, report.path, images=pixels - 0.5)


SCALES = {
    "rescaling": lambda: [layers.Rescaling(1 / 127.5, -1)],
    "two": lambda: [layers.Rescaling(1 / 255), layers.Normalization(mean=[0.5, 0.4, 0.3], variance=[0.1, 0.2, 0.3])],
    "inside": lambda: [keras.Sequential([keras.Input((SIZE, SIZE, 3)), layers.Rescaling(1 / 255, -0.5)])],
}


@pytest.mark.parametrize("scales", SCALES)
def test_noise_is_of_the_pixels_that_a_network_scales_itself(scales, nets):
    """Around 0 such a network would see nothing but grey."""
    scale = keras.Sequential([keras.Input((SIZE, SIZE, 3)), *SCALES[scales]()])
    model = keras.Model(scale.inputs, nets["gated"](scale.outputs[0]), name="scaled")
    inputs = verification_inputs(ExportRequest(model=model))
    seen = scale.predict(inputs.images, verbose=0)
    assert inputs.called == "noise" and np.allclose(seen, noise((SIZE, SIZE, 3)), atol=1e-4)
    assert export(model).inputs == "noise"


def test_an_onnx_file_of_integers(nets, images):
    """As onnxruntime quantises it, by QDQ: floats in and out, and a softmax of 256 values."""
    net = keras.Model(nets["gated"].input, layers.Softmax()(nets["gated"].output), name="gated")
    export(net, "net.onnx", "onnx")
    feed = iter([{"image": image[None]} for image in images])
    reader = type("Images", (quantization.CalibrationDataReader,), {"get_next": lambda self: next(feed, None)})()
    quantization.quantize_static("net.onnx", "int8.onnx", reader, per_channel=True, reduce_range=True)
    proof = kerascnn.verify(net, "int8.onnx", images=images)
    assert "DequantizeLinear" in proof.operators and 1e-4 < proof.error < 0.3 == proof.tolerance
    assert kerascnn.verify(net, "net.onnx", images=images).tolerance == TARGETS["onnx"].tolerance
    with pytest.raises(ExportError, match="does not compute"):
        kerascnn.verify(nets["plain"], "int8.onnx", images=images)


def test_in_a_process_that_wrote_nothing(nets):
    nets["plain"].save("net.keras")
    path = export(nets["plain"], format="onnx").path
    code = f"import kerascnn; print(*kerascnn.verify('net.keras', {path!r}).versions)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert said == ["tensorflow", "keras", "onnx", "onnxruntime", "opset"], "what wrote the file is not known"


def test_integers_that_the_plain_kernels_compute_otherwise():
    """LiteRT's plain kernel of SUM does not rescale int8; a sum is in the mean of a layer normalisation."""
    image, images = keras.Input((16, 16, 3), name="image"), noise((16, 16, 3))
    x = layers.LayerNormalization()(layers.Conv2D(16, 3, 2, activation="relu")(image))
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(8, 3)(x))
    net = keras.Model(image, layers.Dense(5)(x), name="normed")
    report = export(net, format="tflite-int8", calibration=images)
    assert [*report.kernels] == ["XNNPACK", "reference"] and report.kernels["XNNPACK"] == report.error < 0.1
    assert report.kernels["reference"] > 0.3 and "not on LiteRT's reference kernels" in report.notes[-1]
    assert kerascnn.verify(net, report.path, images=images) == report


def test_sums_that_the_fast_kernels_do_not_load():
    """In a fresh ConvNeXt a normalisation follows another, and the mean that it takes off is nothing."""
    image, images = keras.Input((16, 16, 3), name="image"), noise((16, 16, 3))
    x = layers.Conv2D(8, 3, 2, activation="relu")(image)
    x = layers.LayerNormalization(name="second")(layers.LayerNormalization(name="first")(x))
    net = keras.Model(image, layers.Dense(5)(layers.GlobalAveragePooling2D()(layers.Conv2D(8, 3)(x))), name="fresh")
    with pytest.raises(ExportError, match=r"too unequal for XNNPACK, .*second-centred.*one input is \de-\d+ of a step"):
        export(net, format="tflite-int8", calibration=images)


def test_which_kernels_ran(nets, images):
    report = export(nets["plain"], format="tflite-int8", calibration=images)
    assert report.kernels == {"XNNPACK": report.error}, "these operators are the same in all kernels"
    assert export(nets["plain"], format="tflite").kernels.keys() == {"XNNPACK"}
    assert export(nets["plain"], format="saved_model").kernels == {}


def test_dark_images_may_calibrate(nets, images):
    """Photos of a night, or 10 bits of 16: a range so small is a doubt, and not a certain mistake."""
    how = CARD.preprocess
    pixels = 0.006 + 0.0025 * np.clip(images, -2, 2)
    dark = ((pixels - how.mean) / how.std).astype(np.float32)
    with pytest.warns(UserWarning, match=r"range \(likely\): values from"):
        need_sound(dark, nets["plain"], CARD)
    with pytest.raises(ValueError, match=r"cannot be right\. range \(certain\)"):
        need_sound(dark + 9, nets["plain"], CARD)


def test_the_onnx_file_that_keras_breaks():
    """Two constants of the normalisation become inputs that nobody feeds."""
    net = keras.applications.EfficientNetB0(weights=None, input_shape=(32, 32, 3), classes=5)
    net(np.zeros((1, 32, 32, 3)))  # or Keras calls it not built
    net.export("net.onnx", format="onnx", verbose=False)
    with pytest.raises(ExportError, match=r"The file's own runtime does not take it: net\.onnx"):
        kerascnn.verify(net, "net.onnx")


def test_a_file_of_another_format_than_it_is_said_to_be(nets, images):
    path = export(nets["plain"], format="tflite-dynamic", calibration=images).path
    assert kerascnn.verify(nets["gated"], export(nets["gated"]).path).format == "tflite"
    with pytest.raises(ExportError, match="does not compute"):
        kerascnn.verify(nets["plain"], path, "tflite")


def test_another_network(nets):
    path = export(nets["plain"]).path
    with pytest.raises(ExportError, match="does not compute") as refusal:
        kerascnn.verify(nets["gated"], path)
    assert "kept" not in str(refusal.value) and Path(path).is_file()


def test_what_is_no_exported_file(nets):
    nets["plain"].save("net.keras")
    with pytest.raises(ValueError, match=r"net\.keras is no exported file: these end in \.tflite or \.onnx"):
        kerascnn.verify(nets["plain"], "net.keras")
    with pytest.raises(FileNotFoundError, match=r"nowhere\.onnx"):
        kerascnn.verify(nets["plain"], "nowhere.onnx")
    Path("torn.tflite").write_bytes(Path(export(nets["plain"]).path).read_bytes()[:500])
    with pytest.raises(ExportError, match=r"torn\.tflite"):
        kerascnn.verify("net.keras", "torn.tflite")


def test_a_kernel_that_fails_while_it_runs():
    def infer(images):
        raise RuntimeError("SquaredDifference only supports FLOAT32\nand more")

    broken = Runner(Path("net.tflite"), "tflite", (4, 4, 1), 1, infer)
    sound = replace(broken, infer=lambda images: {"scores": images.reshape(1, 16)})
    with pytest.raises(ExportError, match=r"does not run it: net\.tflite: SquaredDifference only supports FLOAT32$"):
        compare_runs(sound, broken, noise((4, 4, 1)), 0.1)
