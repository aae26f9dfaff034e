"""Files with TensorFlow's own operators: refused unless they are asked for, and then verified as any other."""

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from test_deploy import CARD, CLASSES, SIZE, copy_of, enliven, gated, sabotage
from test_verify import lite

import kerascnn
from kerascnn.cli import main
from kerascnn.deploy import TARGETS, ExportError, export
from kerascnn.deploy.android import write_android_project
from kerascnn.deploy.delegates import DELEGATES, check_delegates
from kerascnn.deploy.images import noise
from kerascnn.runtime import flex, open_model

FLEX = {"FlexSinh": 3, "FlexCosh": 1, "FlexMaxPoolWithArgmax": 1}
NAMES = ", ".join(sorted(FLEX))
NODE = b"\x12\x04Sinh\x1a"  # where a NodeDef says its operation


@keras.saving.register_keras_serializable()
class WherePool(layers.Layer):
    """Max pooling that adds a little of where the largest was found."""

    def call(self, x):
        largest, where = tf.nn.max_pool_with_argmax(x, 2, 2, "SAME")
        return largest + 0.01 * tf.cast(where % 5, x.dtype)


def curved() -> keras.Model:
    """TensorFlow's own operators first, last, two in a row, and one with two outputs; convolutions between them."""
    image = keras.Input((SIZE, SIZE, 3), name="image")
    x = layers.Conv2D(16, 3, 3, name="stem.conv")(keras.ops.sinh(layers.Rescaling(0.5)(image)))
    x = keras.ops.cosh(keras.ops.sinh(keras.ops.tanh(x)))
    x = WherePool(name="stage1.pool")(layers.Conv2D(8, 3, name="stage1.conv")(x))
    x = layers.GlobalAveragePooling2D(name="head.pool")(x)
    net = enliven(keras.Model(image, layers.Dense(CLASSES, name="head.dense")(x)))
    return keras.Model(net.input, keras.ops.sinh(layers.Rescaling(0.1)(net.output)), name="curved")


@pytest.fixture(scope="module")
def net() -> keras.Model:
    return curved()


@pytest.fixture(autouse=True)
def working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def weights_swapped(model):
    conv = model.get_layer("stage1.conv")
    kernel, bias = conv.get_weights()
    conv.set_weights([kernel[:, :, ::-1], bias])


def changed(path: str, old: bytes, new: bytes) -> str:
    """The file with some of its bytes replaced."""
    content = Path(path).read_bytes()
    assert old in content and len(old) == len(new)
    Path("changed.tflite").write_bytes(content.replace(old, new))
    return "changed.tflite"


@pytest.mark.parametrize("format", ["tflite", "tflite-fp16", "tflite-dynamic"])
@pytest.mark.parametrize("batch", [1, 3, None])
def test_proved_when_asked_for(batch, format, net):
    exported = export(net, format=format, batch=batch, select_tf_ops=True)
    assert FLEX.items() <= exported.operators.items()
    (note,) = exported.notes
    assert f"org.tensorflow:tensorflow-lite-select-tf-ops), for {NAMES}. Here TensorFlow ran these" in note
    assert kerascnn.verify(net, exported.path, batch=batch, select_tf_ops=True) == exported

    images = noise((SIZE, SIZE, 3))
    got, want = open_model(exported.path, threads=1)(images)["scores"], net.predict(images, verbose=0)
    assert np.sqrt(np.mean((got - want) ** 2)) < TARGETS[format].tolerance * want.std()


@pytest.mark.parametrize("format", [name for name in TARGETS if name.startswith("tflite")])
def test_a_file_that_is_cut_computes_the_same_to_the_bit(format, monkeypatch):
    images = noise((SIZE, SIZE, 3))
    path = export(gated(), format=format, calibration=images).path
    whole = open_model(path)(images)["scores"]
    monkeypatch.setattr(flex, "holds_flex", lambda interpreter: True)
    np.testing.assert_array_equal(open_model(path)(images)["scores"], whole)


def test_refused_when_not(net, tmp_path):
    with pytest.raises(ExportError, match=r"no built-in operator for .*Sinh.*\. With select_tf_ops=True a file"):
        export(net)
    assert list(tmp_path.iterdir()) == []
    path = export(net, select_tf_ops=True).path
    with pytest.raises(ExportError, match=rf"holds {NAMES}, .*\. With select_tf_ops=True a file"):
        kerascnn.verify(net, path)


def test_what_needs_no_such_operator_gets_none():
    image = keras.Input((SIZE, SIZE, 3))
    net = keras.Model(image, layers.Dense(CLASSES, name="head.dense")(layers.GlobalAveragePooling2D()(image)))
    exported = export(net, select_tf_ops=True)
    assert exported.notes == () and kerascnn.verify(net, exported.path) == exported


def test_no_other_format_takes_them(net):
    for format in "tflite-int8", "onnx":
        with pytest.raises(ValueError, match=rf"goes with tflite, tflite-fp16, tflite-dynamic; this is {format}"):
            export(net, format=format, select_tf_ops=True)


def test_operators_that_no_package_has_are_refused_all_the_same():
    image = keras.Input((8, 8, 3))
    model = keras.Model(image, layers.GlobalAveragePooling2D()(keras.ops.sinh(keras.ops.erfinv(image))))
    with pytest.raises(ExportError, match=r"no built-in operator for Erfinv\.$"):
        export(model, "net.tflite", select_tf_ops=True)
    path = lite(lambda x: model(x), shape=(8, 8, 3), allow_custom_ops=True)
    with pytest.raises(ExportError, match=r"holds Erfinv, .* with other layers\.$"):
        kerascnn.verify(model, path, select_tf_ops=True)


def test_faulty_file_is_refused(net, tmp_path, monkeypatch):
    path = export(net, "net.tflite", select_tf_ops=True).path
    other = copy_of(net)
    weights_swapped(other)
    with pytest.raises(ExportError, match="does not compute"):
        kerascnn.verify(other, path, select_tf_ops=True)
    with pytest.raises(ExportError, match="does not compute"):
        kerascnn.verify(net, changed(path, NODE, NODE.replace(b"Sinh", b"Tanh")), select_tf_ops=True)
    sabotage(monkeypatch, "tflite", weights_swapped)
    with pytest.raises(ExportError, match="does not compute"):
        export(net, "sub/net.tflite", select_tf_ops=True)
    assert not list(tmp_path.glob("sub/*"))


@pytest.mark.parametrize(
    ("node", "reason"),
    [
        (NODE.replace(b"Sinh", b"Sihn"), "Op type not registered 'Sihn'"),
        (NODE.replace(b"Sinh", b"Mean"), "do not match 1 inputs"),
        (b"\xff" * len(NODE), "Error parsing message with type 'tensorflow.NodeDef'"),
    ],
)
def test_node_that_tensorflow_cannot_read(node, reason, net):
    path = changed(export(net, select_tf_ops=True).path, NODE, node)
    with pytest.raises(ExportError, match=rf"does not take it: changed\.tflite is damaged.*{reason}"):
        kerascnn.verify(net, path, select_tf_ops=True)


def test_node_that_fails_while_it_runs(net):
    def infer(image):
        boxes = tf.image.crop_and_resize(image, tf.constant([[0.0, 0, 1, 1]]), tf.constant([7]), (4, 4))
        return tf.reshape(boxes, (1, 48))[:, :CLASSES]

    operators = [tf.lite.OpsSet.TFLITE_BUILTINS, tf.lite.OpsSet.SELECT_TF_OPS]
    path = lite(infer, target_spec=tf.lite.TargetSpec(supported_ops=operators))
    with pytest.raises(ExportError, match=r"does not run it: net\.tflite: FlexCropAndResize: "):
        kerascnn.verify(net, path, select_tf_ops=True)


def test_delegates_leave_them(net):
    exported = export(net, select_tf_ops=True)
    for name in DELEGATES:
        (report,) = check_delegates(exported.path, [name])
        assert sum(not verdict.mapped for verdict in report.verdicts if verdict.operator.custom) == 5
    assert exported.delegated["partitions"] == 4
    assert exported.delegated["of"] - exported.delegated["operators"] >= 5


def test_no_android_app_of_them(net):
    export(net, "net.tflite", select_tf_ops=True, card=CARD)
    with pytest.raises(ValueError, match=rf"net\.tflite holds {NAMES}, and the app brings no"):
        write_android_project("net.tflite", "app")
    assert not Path("app").exists()


def test_command_line(net, capsys):
    net.save("net.keras")
    CARD.write("net.keras")
    assert main(["export", "net.keras"]) == 2
    assert "With select_tf_ops=True" in capsys.readouterr().err
    assert main(["export", "net.keras", "--select-tf-ops", "--android", "app"]) == 2
    assert "--select-tf-ops does not go with --android" in capsys.readouterr().err
    assert main(["export", "net.keras", "--select-tf-ops", "--pixels"]) == 0
    assert "tensorflow-lite-select-tf-ops" in capsys.readouterr().out
    assert open_model("net.tflite").types == ("uint8", "float32")
