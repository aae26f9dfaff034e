"""Files run in their own runtimes, and say what is wrong with them."""

import gc
import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np
import onnx
import pytest
import tensorflow as tf
from keras import layers

from kerascnn.card import Card
from kerascnn.deploy import TARGETS, export
from kerascnn.files import sha256
from kerascnn.runtime import Runner, deep_graphs, gradients_of_graphs, keras_runner, latencies, load_keras, open_model
from kerascnn.runtime.runner import BATCH, OUTPUT
from kerascnn.spec import Preprocess

SHAPE = (10, 12, 3)
WEIGHT = [0.7071, -0.7072, 0.7073, 0.7074, -0.7075]  # of the last layer, found again in files


def net(*, height: int | None = 10, width: int | None = 12, batch: int | None = None) -> keras.Model:
    image = keras.Input((height, width, 3), batch_size=batch, name="image")
    x = layers.Conv2D(8, 3, activation="relu", name="stem.conv")(image)
    x = layers.BatchNormalization(name="stem.norm")(x)
    x = layers.GlobalAveragePooling2D(name="head.pool")(x)
    return keras.Model(image, layers.Dense(5, name="head.dense")(x), name="net")


def lite(model, *, batch=1, **settings) -> bytes:
    function = tf.function(lambda x: model(x, training=False))
    concrete = function.get_concrete_function(tf.TensorSpec((batch, *model.input_shape[1:])))
    variables = tf.train.Checkpoint(variables=[variable.value for variable in model.variables])
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete], variables)
    for name, value in settings.items():
        setattr(converter, name, value)
    return converter.convert()


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).normal(size=(BATCH + 6, *SHAPE)).astype(np.float32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """One model in every format."""
    folder = tmp_path_factory.mktemp("models")
    model = net()
    model.get_layer("head.dense").bias.assign(WEIGHT)
    model.save(folder / "net.keras")
    for name, format in ("net.tflite", "tflite"), ("net.onnx", "onnx"), ("net", "saved_model"):
        export(model, folder / name, format)
    return folder


@pytest.mark.parametrize(
    ("name", "format", "batch"),
    [
        ("net.keras", "keras", None),
        ("net.tflite", "tflite", 1),
        ("net.onnx", "onnx", 1),
        ("net", "saved_model", None),
    ],
)
def test_every_format_runs(name, format, batch, folder, images):
    runner = open_model(folder / name)
    assert (runner.path, runner.format, runner.input_shape) == (folder / name, format, SHAPE)
    assert runner.batch == batch and runner.steps == {}
    assert set(runner(images)) == {OUTPUT}
    outputs = runner(images)[OUTPUT]
    assert outputs.shape == (len(images), 5) and outputs.dtype == np.float32
    want = keras.models.load_model(folder / "net.keras").predict(images, verbose=0)
    np.testing.assert_allclose(outputs, want, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(runner(images[7:8])[OUTPUT], outputs[7:8], rtol=1e-4, atol=1e-6)
    times = latencies([runner], repeats=3)
    assert times.shape == (1, 3) and (times > 0).all()


@pytest.mark.parametrize("dtype", ["int8", "uint8"])
def test_quantised_files_take_and_give_floats(dtype, tmp_path, images):
    model, path = net(), tmp_path / "net.tflite"
    path.write_bytes(
        lite(
            model,
            optimizations=[tf.lite.Optimize.DEFAULT],
            representative_dataset=lambda: ([image[None]] for image in images),
            inference_input_type=tf.dtypes.as_dtype(dtype),
            inference_output_type=tf.dtypes.as_dtype(dtype),
        )
    )
    runner = open_model(path)
    outputs, want = runner(images)[OUTPUT], model.predict(images, verbose=0)
    assert outputs.dtype == np.float32
    assert np.abs(outputs - want).max() < 0.05 * np.abs(want).max()
    steps = outputs / runner.steps[OUTPUT]
    assert runner.steps[OUTPUT] > 0
    np.testing.assert_allclose(steps, steps.round(), atol=1e-3)
    far = np.full((1, *SHAPE), 1e6, np.float32)
    np.testing.assert_array_equal(
        runner(far)[OUTPUT], runner(1e3 * far)[OUTPUT], "values out of range are cut off, not wrapped"
    )


def test_a_static_batch_is_fed_one_by_one(tmp_path, images):
    net(batch=1).save(tmp_path / "one.keras")
    runner = open_model(tmp_path / "one.keras")
    assert runner.batch == 1 and runner(images[:3])[OUTPUT].shape == (3, 5)


@pytest.mark.parametrize("batch", [4, None])
def test_files_of_other_batches(batch, tmp_path, images):
    model = net()
    (tmp_path / "net.tflite").write_bytes(lite(model, batch=batch))
    runner = open_model(tmp_path / "net.tflite")
    assert runner.batch == batch
    for count in 1, 4, 7:
        np.testing.assert_allclose(runner(images[:count])[OUTPUT], model(images[:count]), rtol=1e-4, atol=1e-5)


def test_bytes_are_taken_as_they_are(tmp_path):
    image = keras.Input((4, 5, 1), batch_size=1, dtype="uint8")
    model = keras.Model(image, layers.Flatten()(keras.ops.cast(image, "float32")))
    path = tmp_path / "bytes.tflite"
    path.write_bytes(tf.lite.TFLiteConverter.from_keras_model(model).convert())
    runner = open_model(path)
    assert runner.types == ("uint8", "float32")
    pixels = np.linspace(-3.2, 260.2, 20, dtype=np.float32).reshape(1, 4, 5, 1)
    np.testing.assert_array_equal(runner(pixels)[OUTPUT], np.clip(pixels.round(), 0, 255).reshape(1, 20))


def test_any_size_of_image(tmp_path):
    net(height=None, width=None).save(tmp_path / "free.keras")
    runner = open_model(tmp_path / "free.keras")
    assert runner.input_shape == (None, None, 3)
    assert runner(np.zeros((2, 9, 40, 3), np.float32))[OUTPUT].shape == (2, 5)
    with pytest.raises(ValueError, match=r"shape \(N, any, any, 3\); got float32 of shape \(2, 9, 40, 1\)"):
        runner(np.zeros((2, 9, 40, 1), np.float32))
    with pytest.raises(ValueError, match="no one latency"):
        latencies([runner])


@pytest.mark.parametrize(
    ("wrong", "got"),
    [
        (np.zeros((1, 12, 10, 3), np.float32), r"float32 of shape \(1, 12, 10, 3\)"),
        (np.zeros(SHAPE, np.float32), r"float32 of shape \(10, 12, 3\)"),
        (np.zeros((1, *SHAPE), np.uint8), "uint8 of shape"),
        (np.zeros((1, *SHAPE)), "float64 of shape"),
        (np.zeros((0, *SHAPE), np.float32), r"float32 of shape \(0, 10, 12, 3\)"),
        ([[0.0]], "list"),
    ],
)
def test_wrong_images(wrong, got):
    runner = Runner(Path("net.tflite"), "tflite", SHAPE, 1, lambda batch: {OUTPUT: batch})
    with pytest.raises(ValueError, match=rf"float32 array of shape \(N, 10, 12, 3\); got {got}"):
        runner(wrong)


@pytest.mark.parametrize("name", ["gone.keras", "gone.tflite", "gone.onnx", "gone"])
def test_missing_file(name, tmp_path):
    with pytest.raises(FileNotFoundError, match=name):
        open_model(tmp_path / name)


def test_unknown_kind(tmp_path):
    (tmp_path / "net.h5").write_bytes(b"weights")
    with pytest.raises(ValueError, match=r"net\.h5 is of no known kind.*\.keras, \.tflite, \.onnx, or a SavedModel"):
        open_model(tmp_path / "net.h5")


@pytest.mark.parametrize("name", ["net.keras", "net.tflite", "net.onnx"])
@pytest.mark.parametrize("keep", [0, 0.03, 0.5])
def test_damaged_file(name, keep, folder, tmp_path):
    content = (folder / name).read_bytes()
    (tmp_path / name).write_bytes(content[: int(keep * len(content))])
    with pytest.raises(ValueError, match=rf"{name} is damaged, or is not "):
        open_model(tmp_path / name)


def copied(folder, name, to):
    """A model and what lies beside it, in another folder."""
    for each in (name, f"{name}.json"):
        (shutil.copytree if (folder / each).is_dir() else shutil.copy)(folder / each, to / each)
    return to / name


@pytest.mark.parametrize("name", ["net.tflite", "net.onnx", "net"])
def test_a_file_that_changed_since_its_export_is_refused(name, folder, tmp_path, images):
    path = copied(folder, name, tmp_path)
    want = open_model(path)(images[:1])[OUTPUT]
    kernel = next(path.glob("variables/*.data*")) if path.is_dir() else path
    content = kernel.read_bytes()
    place = content.index(np.asarray(WEIGHT, "<f4").tobytes())
    kernel.write_bytes(content[: place + 2] + bytes([content[place + 2] ^ 0x40]) + content[place + 3 :])
    found = sha256(path)
    says = rf"{name} is not the file that was exported: its SHA-256 is {found}, and {name}\.json says .*take \"export\""
    with pytest.raises(ValueError, match=says):
        open_model(path)
    if path.is_dir():
        return  # TensorFlow has checksums of its own in it
    card = Path(f"{path}.json")
    card.write_text(json.dumps({"facts": {}}))  # the change was meant
    assert np.abs(open_model(path)(images[:1])[OUTPUT] - want).max() > 1e-3
    card.write_text('{"facts')
    with pytest.warns(UserWarning, match=rf"{name}\.json is damaged, so nothing tells whether {name} is whole"):
        open_model(path)


def test_a_changed_number_in_a_keras_file_is_noticed_and_another_model_is_not_refused(tmp_path, images):
    path = tmp_path / "net.keras"
    model = net()
    model.save(path)
    Card(model="net", labels=("a",), preprocess=Preprocess(size=10), facts={"export": {"sha256": "0"}}).write(path)
    content = path.read_bytes()
    place = content.index(np.asarray(model.layers[1].kernel).tobytes()[:64])
    path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
    with pytest.raises(
        ValueError, match=r"net\.keras is damaged, .*the checksum of its model\.weights\.h5 does not fit"
    ):
        open_model(path)
    net().save(path)  # again, and so with other numbers
    assert open_model(path)(images[:1])[OUTPUT].shape == (1, 5)


def array_of_four(file):
    """The place in an HDF5 file of its first kernel."""
    return file.visititems(lambda name, item: name if getattr(item, "ndim", 0) == 4 else None)


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_a_keras_file_that_points_into_another_is_refused(suffix, tmp_path):
    path, inner = tmp_path / f"net{suffix}", tmp_path / "model.weights.h5"
    net().save(path)
    if suffix == ".keras":
        with zipfile.ZipFile(path) as archive:
            archive.extractall(tmp_path)
    with h5py.File(path if suffix == ".h5" else inner, "a") as file:
        name = array_of_four(file)
        shape = file[name].shape
        del file[name]
        secret = tmp_path / "secret"
        secret.write_bytes(bytes(4 * int(np.prod(shape))))
        file.create_dataset(name, shape, "f4", external=[(str(secret), 0, secret.stat().st_size)])
    if suffix == ".keras":
        with zipfile.ZipFile(path, "w") as archive:
            for name in ("config.json", "metadata.json", "model.weights.h5"):
                archive.write(tmp_path / name, name)
    with pytest.raises(ValueError, match=rf"net\{suffix} is damaged, or is not a Keras model: .* lies in another file"):
        load_keras(path)


def test_a_failure_of_a_runtime_names_the_file(images):
    def fail(batch):
        raise KeyError("Node 3")

    runner = Runner(Path("net.onnx"), "onnx", SHAPE, 1, fail)
    with pytest.raises(RuntimeError, match=r"net\.onnx cannot be run on images of shape \(1, 10, 12, 3\): 'Node 3'"):
        runner(images[:1])


def test_folder_that_is_no_saved_model(tmp_path):
    with pytest.raises(ValueError, match="is damaged, or is not a SavedModel"):
        open_model(tmp_path)


def test_only_files_that_take_images_are_run(tmp_path):
    numbers = keras.Input((4,))
    keras.Model(numbers, layers.Dense(2)(numbers)).save(tmp_path / "flat.keras")
    with pytest.raises(ValueError, match=r"flat\.keras .* takes arrays of shape \(None, 4\)"):
        open_model(tmp_path / "flat.keras")

    image = keras.Input((8, 8, 3))
    shared = layers.Dense(2, name="shared")
    keras.Model(image, [shared(image), shared(layers.Flatten()(image)[:, :3])]).save(tmp_path / "two.keras")
    with pytest.raises(ValueError, match=r"two\.keras .* outputs need names that differ; they are shared, shared"):
        open_model(tmp_path / "two.keras")

    tensor = onnx.helper.make_tensor_value_info
    names = [tensor(name, onnx.TensorProto.FLOAT, [1, 4, 4, 3]) for name in "abc"]
    graph = onnx.helper.make_graph([onnx.helper.make_node("Add", ["a", "b"], ["c"])], "sum", names[:2], names[2:])
    opset = onnx.helper.make_opsetid("", 17)
    onnx.save(onnx.helper.make_model(graph, opset_imports=[opset], ir_version=8), tmp_path / "sum.onnx")
    with pytest.raises(ValueError, match=r"sum\.onnx .* has 2 inputs where one"):
        open_model(tmp_path / "sum.onnx")


@pytest.mark.parametrize("as_list", [True, False])
@pytest.mark.parametrize("format", ["keras", "tflite", "tflite-int8", "onnx", "saved_model"])
def test_several_outputs_go_by_name(format, as_list, tmp_path, images):
    """A map and a vector, given in a list, by the names of their layers, or in a dictionary, by its keys."""
    image = keras.Input(SHAPE, name="image")
    x = layers.Conv2D(6, 3, activation="relu", name="stem")(image)
    outputs = [
        layers.Conv2D(4, 1, activation="softmax", name="pixels")(x),
        layers.Dense(3, name="head")(layers.GlobalMaxPooling2D()(x)),
    ]
    wanted = dict(zip(["pixels", "head"] if as_list else ["map", "a"], outputs, strict=True))
    model = keras.Model(image, outputs if as_list else wanted, name="net")
    want = dict(zip(wanted, keras.Model(image, outputs).predict(images, verbose=0), strict=True))
    path = tmp_path / ("net.keras" if format == "keras" else f"net{TARGETS[format].suffix}")
    if format == "keras":
        model.save(path)
    else:
        report = export(model, path, format, calibration=images)
        assert report.decided > len(images), "every pixel is a decision"
    runner = open_model(path)
    got = runner(images)
    assert {*got} == {*want} and {*runner.steps} == ({*want} if format == "tflite-int8" else set())
    for name in want:
        atol = 4 * runner.steps[name] if runner.steps else 1e-5
        np.testing.assert_allclose(got[name], want[name], rtol=1e-4, atol=atol)


def test_threads(folder, images):
    for name in "net.tflite", "net.onnx":
        alone, several = open_model(folder / name, threads=1), open_model(folder / name, threads=2)
        np.testing.assert_allclose(alone(images[:2])[OUTPUT], several(images[:2])[OUTPUT], rtol=1e-5)
        with pytest.raises(ValueError, match="threads must be 1 or more, got 0"):
            open_model(folder / name, threads=0)
    for name in "net.keras", "net":
        with pytest.raises(ValueError, match=r"threads goes with \.tflite and \.onnx"):
            open_model(folder / name, threads=2)


def test_opening_files_says_nothing(folder, capfd):
    for name in "net.tflite", "net.onnx", "net":
        open_model(folder / name)
    assert capfd.readouterr() == ("", "")


def test_import_leaves_the_limit_of_recursion_alone():
    code = "import sys; before = sys.getrecursionlimit(); import kerascnn.runtime, kerascnn.deploy, keras\n"
    code += "print(sys.getrecursionlimit() - before)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "0\n"


def test_networks_deeper_than_the_limit_of_recursion(tmp_path):
    """A thousand layers in line, as in the deepest ResNets: read, run and exported, and the limit is as before."""
    before = sys.getrecursionlimit()
    image = keras.Input((4, 4, 1), name="image")
    x = layers.Conv2D(2, 1)(image)
    for _ in range(before):
        x = layers.Activation("relu")(x)
    with deep_graphs():
        assert sys.getrecursionlimit() > before
        model = keras.Model(image, layers.GlobalAveragePooling2D()(x), name="deep")
    model.save(tmp_path / "deep.keras")
    export(tmp_path / "deep.keras", tmp_path / "deep.tflite")
    assert sys.getrecursionlimit() == before
    assert open_model(tmp_path / "deep.keras")(np.ones((1, 4, 4, 1), np.float32))[OUTPUT].shape == (1, 2)


def test_import_is_light():
    heavy = "{'tensorflow', 'keras', 'ai_edge_litert', 'onnxruntime', 'onnx', 'tf2onnx'}"
    code = f"import sys, kerascnn.runtime, kerascnn.deploy; print(sorted({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


@keras.saving.register_keras_serializable("tests")
class Forgotten(layers.Layer):
    def call(self, x):
        return x


@keras.saving.register_keras_serializable("tests")
class Reader(layers.Dense):
    """A layer that keeps nothing in a file."""

    def load_own_variables(self, store):
        pass


@keras.saving.register_keras_serializable("tests")
class Hider(layers.Layer):
    """A layer with another where Keras does not look."""

    def build(self, shape):
        self.hidden = lambda: inner
        inner = layers.Dense(2)
        inner.build(shape)

    def call(self, x):
        return self.hidden()(x)


def test_no_random_numbers_are_drawn_where_a_keras_file_has_the_weights(tmp_path, monkeypatch):
    image = keras.Input((6,))
    model = keras.Model(image, Hider(name="hider")(Reader(4, name="reader")(layers.Dense(5)(image))))
    model.save(tmp_path / "net.keras")
    drawn, kind = [], keras.initializers.VarianceScaling
    call = kind.__call__
    monkeypatch.setattr(
        kind, "__call__", lambda self, shape, *rest, **how: drawn.append(shape) or call(self, shape, *rest, **how)
    )
    loaded = load_keras(tmp_path / "net.keras")
    assert drawn == [(5, 4), (4, 2)]  # those that the file does not have
    np.testing.assert_array_equal(loaded.layers[1].kernel, model.layers[1].kernel)
    assert np.std(loaded.get_layer("reader").kernel) > 0 and np.std(loaded.get_layer("hider").hidden().kernel) > 0


def test_what_a_keras_file_holds_is_told_from_damage(tmp_path):
    image = keras.Input((4, 4, 3))
    keras.Model(image, layers.Lambda(lambda x: 2 * x)(image)).save(tmp_path / "lambda.keras")
    with pytest.raises(ValueError, match="holds a Lambda layer, whose code would run"):
        open_model(tmp_path / "lambda.keras")
    keras.Model(image, Forgotten()(image)).save(tmp_path / "own.keras")
    known = keras.saving.get_custom_objects()
    there = known.pop("tests>Forgotten")
    config = zipfile.ZipFile(tmp_path / "own.keras").read("config.json").decode()
    with zipfile.ZipFile(tmp_path / "own.keras", "a") as file, pytest.warns(UserWarning, match="Duplicate name"):
        file.writestr("config.json", config.replace(__name__, "gone"))  # the module that defines it is not there
    with pytest.raises(ValueError, match="holds the class 'Forgotten', which is not known here: first import"):
        open_model(tmp_path / "own.keras")
    known["tests>Forgotten"] = there
    keras.Model(image, layers.Dropout(0.5)(image)).save(tmp_path / "old.keras")
    config = zipfile.ZipFile(tmp_path / "old.keras").read("config.json").decode()
    with zipfile.ZipFile(tmp_path / "old.keras", "a") as file, pytest.warns(UserWarning, match="Duplicate name"):
        file.writestr("config.json", config.replace('"rate"', '"share"'))
    with pytest.raises(ValueError, match=r"'Dropout' with other arguments .* another version .* missing .*'rate'"):
        open_model(tmp_path / "old.keras")


# Gradients of traced functions


def own_gradients() -> int:
    """How many TensorFlow holds."""
    from tensorflow.python.framework import ops

    gc.collect()
    return sum(name.startswith("CustomGradient-") for name in ops.gradient_registry.list())


@tf.custom_gradient
def sevenfold(x):
    """The square, with a gradient that nothing else has."""
    return x * x, lambda given: 7.0 * given


GRADIENTS = {  # by where the gradient is traced: the function and what seven becomes
    "in a function": (sevenfold, 7.0),
    "in a branch": (lambda x: tf.cond(x > 0, lambda: sevenfold(x), lambda: x), 7.0),
    "in a loop": (lambda x: tf.while_loop(lambda i, x: i < 3, lambda i, x: (i + 1, sevenfold(x)), (0, x))[1], 343.0),
    "in a function within, which is dropped": (lambda x: tf.function(sevenfold)(x), 7.0),
}


@pytest.mark.parametrize("where", GRADIENTS)
def test_gradients_are_kept_as_long_as_the_function_and_no_longer(where):
    call, expected = GRADIENTS[where]
    before = own_gradients()
    with gradients_of_graphs():
        function = tf.function(call)
        function(tf.constant(2.0))
    assert own_gradients() == before + 1
    x = tf.constant(1.0)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = function(x)
    assert float(tape.gradient(y, x)) == expected
    del function, tape, y
    assert own_gradients() == before


def test_a_network_that_was_run_leaves_no_gradient_behind(tmp_path):
    image = keras.Input((8, 8, 3))
    model = keras.Model(image, layers.Dense(2, activation="silu")(layers.Flatten()(image)))
    before = own_gradients()
    runner = keras_runner(model, tmp_path / "net.keras")
    assert own_gradients() > before
    del runner
    assert own_gradients() == before
