"""Every file that export hands over has run and agreed with Keras; every file that does not agree is refused."""

import hashlib
import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import keras
import numpy as np
import onnx
import pytest
from ai_edge_litert.interpreter import Interpreter
from keras import layers
from scipy.special import expit, softmax

from kerascnn.card import Card
from kerascnn.deploy import TARGETS, ExportError, export
from kerascnn.deploy.images import noise
from kerascnn.deploy.verification import compare_runs
from kerascnn.evaluation.agreement import compare
from kerascnn.layers import ChannelShuffle, LocalResponseNormalization
from kerascnn.runtime import Runner, open_model
from kerascnn.spec import Preprocess

SIZE = 24
CLASSES = 7
CARD = Card(model="plain", labels=tuple("abcdefg"), preprocess=Preprocess(size=SIZE), facts={"accuracy": {"top1": 0.5}})


def norm_act(x, name, activation="relu6"):
    x = layers.BatchNormalization(name=f"{name}.norm")(x)
    return layers.Activation(activation, name=f"{name}.act")(x)


def plain() -> keras.Model:
    """An inverted residual with a softmax of its own: what MobileNetV2 is made of."""
    image = x = keras.Input((SIZE, SIZE, 3), name="image")
    x = norm_act(layers.Conv2D(16, 3, 2, padding="same", use_bias=False, name="stem.conv")(x), "stem")
    y = norm_act(layers.Conv2D(72, 1, use_bias=False, name="stage1.block1.expand.conv")(x), "stage1.block1.expand")
    y = layers.DepthwiseConv2D(3, padding="same", use_bias=False, name="stage1.block1.depthwise.conv")(y)
    y = norm_act(y, "stage1.block1.depthwise")
    y = layers.Conv2D(16, 1, use_bias=False, name="stage1.block1.project.conv")(y)
    y = layers.BatchNormalization(name="stage1.block1.project.norm")(y)
    x = layers.Add(name="stage1.block1.add")([x, y])
    x = layers.GlobalAveragePooling2D(name="head.pool")(x)
    x = layers.Dense(CLASSES, name="head.dense")(x)
    return enliven(keras.Model(image, layers.Activation("softmax", name="head.softmax")(x), name="plain"))


def gated() -> keras.Model:
    """Squeeze-and-excitation, SiLU and hard SiLU, a grouped convolution; its outputs are logits."""
    image = x = keras.Input((SIZE, SIZE, 3), name="image")
    x = norm_act(layers.Conv2D(16, 3, 2, padding="same", use_bias=False, name="stem.conv")(x), "stem", "silu")
    gate = layers.GlobalAveragePooling2D(keepdims=True, name="stage1.gate.pool")(x)
    gate = layers.Conv2D(8, 1, activation="silu", name="stage1.gate.reduce")(gate)
    gate = layers.Conv2D(16, 1, activation="hard_sigmoid", use_bias=False, name="stage1.gate.expand")(gate)
    x = layers.Multiply(name="stage1.gate.scale")([x, gate])
    x = layers.Conv2D(64, 3, 2, padding="same", groups=4, use_bias=False, name="stage2.conv")(x)
    x = norm_act(x, "stage2", "hard_silu")
    x = layers.GlobalAveragePooling2D(name="head.pool")(x)
    return enliven(keras.Model(image, layers.Dense(CLASSES, name="head.dense")(x), name="gated"))


def enliven(model: keras.Model) -> keras.Model:
    """Give every weight a value that matters: activations near 1, no statistics at rest, classes that differ."""
    random = np.random.default_rng(0)
    for layer in model.layers:
        shapes = [weight.shape for weight in layer.get_weights()]
        if isinstance(layer, layers.BatchNormalization):
            gamma, mean = random.uniform(0.6, 1.4, shapes[0]), random.normal(0, 0.3, shapes[0])
            layer.set_weights([gamma, random.normal(0.2, 0.3, shapes[0]), mean, random.uniform(0.4, 1.6, shapes[0])])
        elif shapes:
            fan_in = np.prod(shapes[0][:2] if isinstance(layer, layers.DepthwiseConv2D) else shapes[0][:-1])
            kernel = random.normal(0, (6 if "dense" in layer.name else 1.4) / np.sqrt(fan_in), shapes[0])
            layer.set_weights([kernel, *(random.normal(0, 0.1, shape) for shape in shapes[1:])])
    head = model.layers[-1] if isinstance(model.layers[-1], layers.Dense) else model.layers[-2]
    scores = keras.Model(model.input, head.output).predict(noise((SIZE, SIZE, 3)), verbose=0)
    kernel, bias = head.get_weights()  # no class may win everywhere
    head.set_weights([3 * kernel / scores.std(axis=0), 3 * (bias - scores.mean(axis=0)) / scores.std(axis=0)])
    return model


@pytest.fixture(scope="module")
def nets() -> dict[str, keras.Model]:
    return {"plain": plain(), "gated": gated()}


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return noise((SIZE, SIZE, 3))[:16]


@pytest.fixture(autouse=True)
def working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def logits(outputs: np.ndarray) -> np.ndarray:
    """Scores of ``plain`` and ``gated`` alike, computed another way than the proof does: in double, each image at 0."""
    if (outputs >= 0).all():
        outputs = np.log(np.maximum(outputs.astype(np.float64), 8 / 256))
    return outputs - outputs.max(axis=1, keepdims=True)


@pytest.mark.parametrize(
    ("format", "bound"),
    [
        ("tflite", 1e-4),
        ("onnx", 1e-4),
        ("saved_model", 1e-4),
        ("tflite-fp16", 0.05),
        ("tflite-dynamic", 0.3),
        ("tflite-int8", 1.0),
        ("tflite-int16x8", 0.5),
    ],
)
@pytest.mark.parametrize("net", ["plain", "gated"])
def test_file_computes_what_keras_computes(net, format, bound, nets, images):
    exported = export(nets[net], format=format, calibration=images)

    file = Path(net + TARGETS[format].suffix)
    got, want = logits(open_model(file)(images)["scores"]), logits(nets[net].predict(images, verbose=0))
    assert want.std() > 0.9 and len(set(want.argmax(axis=1))) > 2, (
        "the net must tell images apart, or nothing is proved"
    )
    assert np.abs(got - want).max() < bound
    assert exported.path == str(file)
    assert exported.samples == 16 and exported.inputs == "calibration images" and exported.notes == ()
    assert exported.error <= TARGETS[format].tolerance and exported.decided_agreement == 1
    assert 0 <= exported.mean_error <= exported.max_error < bound
    assert exported.input_shape == (None if format == "saved_model" else 1, SIZE, SIZE, 3)
    assert json.loads(Card.path(file).read_text())["facts"]["export"] == exported.as_dict()


def test_the_report_names_the_file_by_its_content(nets):
    for format in "tflite", "onnx":
        exported = export(nets["plain"], format=format)
        content = Path(exported.path).read_bytes()
        assert exported.bytes == len(content)
        assert exported.sha256 == hashlib.sha256(content).hexdigest()
        assert exported.versions["keras"] == keras.__version__
    assert exported.versions["onnx"] == onnx.__version__ and exported.versions["opset"] == "17"


def test_the_hash_of_a_folder_covers_its_weights(nets):
    exported = export(nets["plain"], "served", "saved_model")
    other = plain()
    other.get_layer("head.dense").bias.assign_add(np.ones(CLASSES))
    assert export(other, "served", "saved_model", overwrite=True).sha256 != exported.sha256
    assert exported.bytes > sum(weight.nbytes for weight in other.get_weights())


def test_maps_of_one_pixel_are_added_in_onnx():
    """Keras adds them as it adds biases, of which an ONNX convolution may have one."""
    image = keras.Input((4, 4, 3), name="image")
    both = [layers.Conv2D(8, 4, bias_initializer="normal", name=name)(image) for name in ("a", "b")]
    x = layers.Activation("relu")(layers.Add(name="add")(both))
    model = keras.Model(image, layers.Dense(CLASSES)(layers.Flatten()(x)), name="pixel")
    assert export(model, format="onnx").operators["Conv"] == 2


@pytest.mark.parametrize("layer", [layers.AveragePooling2D(4), layers.Conv2D(3, 4, use_bias=False, name="conv")])
def test_maps_of_one_pixel_are_maps_in_onnx(layer):
    image = keras.Input((4, 4, 3), name="image")
    x = layers.Add()([layer(image), layers.MaxPooling2D(4)(image)])
    model = keras.Model(image, layers.Conv2D(2, 1, name="head")(layers.Activation("relu")(x)), name="pixel")
    operators = export(model, format="onnx").operators
    assert (operators["Add"], operators["Transpose"], operators.get("Squeeze")) == (1, 1, None)


def test_sums_of_one_pixel_side_by_side_are_all_added_in_onnx():
    image = keras.Input((4, 4, 3), name="image")
    maps = [layers.Conv2D(8, 4, bias_initializer="normal", name=f"conv{i}")(image) for i in range(8)]
    sums = [layers.Add(name=f"add{i}")(maps[2 * i : 2 * i + 2]) for i in range(4)]
    x = layers.Flatten()(layers.Concatenate()(sums))
    operators = export(keras.Model(image, layers.Dense(CLASSES)(x), name="pixels"), format="onnx").operators
    assert (operators["Conv"], operators["Transpose"]) == (8, 1)


@pytest.mark.parametrize("shape", [(8,), (1, 1, 1, 8)])
def test_a_constant_behind_a_bias_is_added_in_onnx(shape):
    image = keras.Input((4, 4, 3), name="image")
    constant = np.arange(8, dtype="float32").reshape(shape)
    x = layers.Conv2D(8, 3, bias_initializer="normal", name="conv")(image) + constant
    x = layers.GlobalAveragePooling2D()(layers.Activation("relu")(x))
    operators = export(keras.Model(image, layers.Dense(CLASSES)(x), name="constant"), format="onnx").operators
    assert (operators["Conv"], operators["Transpose"]) == (1, 1)


@pytest.mark.parametrize("net", ["plain", "gated"])
def test_tflite_operators_are_few_and_built_in(net, nets):
    fused = {
        "plain": {"CONV_2D": 3, "DEPTHWISE_CONV_2D": 1, "ADD": 1, "MEAN": 1, "FULLY_CONNECTED": 1, "SOFTMAX": 1},
        "gated": {"CONV_2D": 4, "HARD_SWISH": 1, "LOGISTIC": 2, "MEAN": 2, "FULLY_CONNECTED": 1},
    }
    operators = export(nets[net]).operators
    assert fused[net].items() <= operators.items()
    assert not [name for name in operators if name == "CUSTOM" or name.startswith(("FLEX", "VAR", "READ"))]


def test_int8_is_int8_throughout(nets, images):
    exported = export(nets["plain"], "net.tflite", "tflite-int8", calibration=images)
    interpreter = Interpreter("net.tflite", experimental_preserve_all_tensors=True)
    interpreter.allocate_tensors()
    assert interpreter.get_input_details()[0]["dtype"] == interpreter.get_output_details()[0]["dtype"] == np.int8
    assert not {"QUANTIZE", "DEQUANTIZE"} & set(exported.operators)
    assert not [tensor["name"] for tensor in interpreter.get_tensor_details() if tensor["dtype"] == np.float32]
    scales = [
        len(t["quantization_parameters"]["scales"]) for t in interpreter.get_tensor_details() if len(t["shape"]) == 4
    ]
    assert scales.count(72) >= 2, "kernels of the expansion and of the depthwise convolution have a scale per channel"


def test_quantised_weights_take_less_room(nets, images):
    room = {f: export(nets["gated"], format=f, calibration=images).bytes for f in TARGETS if f.startswith("tflite")}
    assert room["tflite-fp16"] < room["tflite"]
    assert room["tflite-dynamic"] < room["tflite"]
    assert room["tflite-int8"] < room["tflite"]


@pytest.mark.parametrize("net", ["plain", "gated"])
def test_onnx_is_valid_and_transposes_at_its_ends_only(net, nets):
    exported = export(nets[net], "net.onnx", "onnx")
    graph = onnx.load("net.onnx")
    onnx.checker.check_model(graph, full_check=True)
    assert exported.operators.get("Transpose", 0) <= 2
    assert [entry.version for entry in graph.opset_import if entry.domain == ""] == [17]
    assert [value.name for value in (*graph.graph.input, *graph.graph.output)] == ["image", "scores"]


def test_onnx_pads_with_zeros_before_a_pool():
    """onnxruntime pads a MaxPool with minus infinity, and merges a Pad of zeros into one unless it is told not to."""
    image = keras.Input((SIZE, SIZE, 3))
    x = layers.Conv2D(16, 3, bias_initializer=keras.initializers.Constant(-3), name="conv")(image)
    x = layers.Flatten()(layers.MaxPooling2D(3, 2)(layers.ZeroPadding2D(1)(x)))
    model = keras.Model(image, layers.Dense(CLASSES)(x), name="net")
    operators = export(model, format="onnx").operators
    assert operators["Pad"] == operators["MaxPool"] == 1


def test_onnx_has_one_layout_through_all_layers():
    image = keras.Input((SIZE, SIZE, 3))
    x = layers.Conv2D(16, 3, 2, padding="same", name="conv1")(image)
    x = ChannelShuffle(4, name="shuffle")(x)
    x = layers.GroupNormalization(4, name="norm")(x)
    x = layers.Conv2D(16, 3, 2, padding="same", activation="hard_silu", name="conv2")(x)
    x = layers.UpSampling2D(3, name="up")(x)
    x = LocalResponseNormalization(name="lrn")(x)
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(16, 3, name="conv3")(x))
    model = keras.Model(image, layers.Dense(CLASSES, name="dense")(x), name="net")
    operators = export(model, format="onnx").operators
    assert operators["Transpose"] == 1 and operators["Gather"] == operators["Resize"] == 1


def copy_of(model: keras.Model) -> keras.Model:
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    return copy


def colours_swapped(model):
    stem = model.get_layer("stem.conv")
    stem.set_weights([stem.get_weights()[0][:, :, ::-1]])


def statistics_lost(model):
    norm = model.get_layer("stage1.block1.depthwise.norm")
    gamma, beta, mean, variance = norm.get_weights()
    norm.set_weights([gamma, beta, np.zeros_like(mean), np.ones_like(variance)])


def epsilon_of_another_framework(model):
    model.get_layer("stem.norm").epsilon = 1e-5


def sabotage(monkeypatch, format, fault):
    """Make the writer of a format write a model that has this fault."""
    target = TARGETS[format]

    def write(request, path):
        model = copy_of(request.model)
        fault(model)
        target.write(replace(request, model=model), path)

    monkeypatch.setitem(TARGETS, format, replace(target, writer=write, lowering=()))


@pytest.mark.parametrize("fault", [colours_swapped, statistics_lost])
@pytest.mark.parametrize("format", TARGETS)
def test_faulty_file_is_refused_and_leaves_nothing(format, fault, nets, images, tmp_path, monkeypatch):
    sabotage(monkeypatch, format, fault)
    with pytest.raises(ExportError, match=r"error of its scores is [\d.]+ of their spread"):
        export(nets["plain"], "sub/net" + TARGETS[format].suffix, format, calibration=images)
    assert [path for path in tmp_path.rglob("*") if path.name != "sub"] == []


@pytest.mark.parametrize("format", ["tflite", "onnx", "saved_model"])
def test_small_fault_is_refused_in_float32(format, monkeypatch, nets):
    sabotage(monkeypatch, format, epsilon_of_another_framework)
    with pytest.raises(ExportError, match="does not compute"):
        export(nets["plain"], format=format)


@pytest.mark.parametrize("format", ["tflite", "saved_model"])
def test_older_export_survives_a_refused_one(format, nets, monkeypatch):
    path = Path("net" + TARGETS[format].suffix)
    export(nets["plain"], path, format)
    before = open_model(path)(np.ones((1, SIZE, SIZE, 3), np.float32))["scores"], Card.path(path).read_bytes()

    sabotage(monkeypatch, format, statistics_lost)
    with pytest.raises(ExportError):
        export(nets["plain"], path, format, overwrite=True)
    np.testing.assert_array_equal(open_model(path)(np.ones((1, SIZE, SIZE, 3), np.float32))["scores"], before[0])
    assert Card.path(path).read_bytes() == before[1]
    assert sorted(entry.name for entry in Path().iterdir()) == sorted([path.name, Card.path(path).name])


def test_model_that_is_not_finite_is_refused(tmp_path):
    model = plain()
    model.get_layer("head.dense").bias.assign(np.full(CLASSES, np.nan))
    with pytest.raises(ExportError, match="outputs of the model are not all finite"):
        export(model)
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_replaced_unless_asked(nets):
    export(nets["plain"], "net.tflite")
    before = Path("net.tflite").read_bytes()
    with pytest.raises(FileExistsError, match=r"net\.tflite is already there.*overwrite=True"):
        export(nets["gated"], "net.tflite")
    assert Path("net.tflite").read_bytes() == before
    assert export(nets["gated"], "net.tflite", overwrite=True).bytes == Path("net.tflite").stat().st_size
    assert Path("net.tflite").read_bytes() != before


def test_card_of_another_file_is_not_replaced(nets):
    CARD.write("net.tflite")
    with pytest.raises(FileExistsError, match=r"net\.tflite\.json is already there"):
        export(nets["plain"], "net.tflite")


def test_folder_is_replaced_only_by_its_like(nets, images):
    export(nets["plain"], "served", "saved_model")
    export(nets["gated"], "served", "saved_model", overwrite=True)
    np.testing.assert_allclose(
        open_model("served")(images)["scores"], nets["gated"].predict(images, verbose=0), rtol=1e-4
    )
    assert sorted(path.name for path in Path().iterdir()) == ["served", "served.json"]

    Path("photos").mkdir()
    Path("photos/cat.png").write_bytes(b"cat")
    with pytest.raises(FileExistsError, match="not replaced"):
        export(nets["plain"], "photos", "saved_model", overwrite=True)
    with pytest.raises(FileExistsError, match="not replaced"):
        Path("net.tflite").mkdir()
        export(nets["plain"], "net.tflite", overwrite=True)
    assert Path("photos/cat.png").read_bytes() == b"cat"


def test_card_goes_with_the_file(nets):
    exported = export(nets["plain"], "net.onnx", "onnx", card=CARD)
    card = Card.read("net.onnx")
    assert card.labels == CARD.labels and card.preprocess == CARD.preprocess
    assert card.facts == {"accuracy": {"top1": 0.5}, "export": exported.as_dict()}


def test_keras_file_and_its_card(nets, images):
    nets["plain"].save("trained.keras")
    CARD.write("trained.keras")
    export("trained.keras", "out/net.tflite")
    assert Card.read("out/net.tflite").labels == CARD.labels
    np.testing.assert_allclose(
        open_model("out/net.tflite")(images)["scores"], nets["plain"].predict(images, verbose=0), atol=1e-5
    )


def test_card_must_fit_the_model(nets):
    with pytest.raises(ValueError, match="names 2 classes, and model 'plain' has 7 outputs"):
        export(nets["plain"], card=replace(CARD, labels=("cat", "dog")))


def test_int8_asks_for_calibration(nets, tmp_path):
    with pytest.raises(ValueError, match=r"pass calibration=images.*float32 of shape \(N, 24, 24, 3\)"):
        export(nets["plain"], format="tflite-int8")
    assert list(tmp_path.iterdir()) == []


def test_calibration_images_may_come_one_by_one(nets, images):
    exported = export(nets["plain"], format="tflite-int8", calibration=(image for image in images))
    assert exported.samples == len(images)


@pytest.mark.parametrize(
    "calibration",
    [
        np.zeros((4, SIZE, SIZE, 3)),
        np.zeros((4, SIZE, SIZE, 1), np.float32),
        np.zeros((0, SIZE, SIZE, 3), np.float32),
        [np.zeros((SIZE, SIZE, 3), np.float32), np.zeros((9, 9, 3), np.float32)],
        [],
    ],
)
def test_calibration_of_another_kind_is_refused(calibration, nets):
    with pytest.raises(ValueError, match=r"a float32 array of shape \(N, 24, 24, 3\); got "):
        export(nets["plain"], format="tflite-int8", calibration=calibration)


def test_wrong_names_are_put_right(nets):
    with pytest.raises(ValueError, match=r"'tflite_int8'.*Did you mean 'tflite-int8'"):
        export(nets["plain"], format="tflite_int8")
    with pytest.raises(ValueError, match=r"end in '\.onnx', got 'net\.tflite'"):
        export(nets["plain"], "net.tflite", "onnx")


def test_models_of_other_kinds_are_refused():
    image = keras.Input((None, None, 3))
    pooled = layers.GlobalAveragePooling2D()(image)
    with pytest.raises(ValueError, match=r"images of one size.*Build it for that size"):
        export(keras.Model(image, pooled))
    with pytest.raises(ValueError, match="2 inputs; export takes models of one image input"):
        export(keras.Model([image, mask := keras.Input((None, None, 3))], pooled + keras.ops.mean(mask, (1, 2))))
    shared = layers.Dense(2, name="shared")
    with pytest.raises(ValueError, match="outputs need names that differ; they are shared, shared"):
        export(keras.Model(image, [shared(pooled), shared(2 * pooled)]))
    with pytest.raises(ValueError, match="not drawn yet"):
        export(keras.Sequential([layers.Flatten()]))
    with pytest.raises(FileNotFoundError, match=r"nowhere\.keras"):
        export("nowhere.keras")


def test_operator_without_a_kernel_is_named():
    image = keras.Input((8, 8, 3))
    model = keras.Model(image, layers.GlobalAveragePooling2D()(keras.ops.erfinv(keras.ops.tanh(image))))
    with pytest.raises(ExportError, match="no built-in operator for Erfinv"):
        export(model, "net.tflite")
    with pytest.raises(ExportError, match="Erfinv"):
        export(model, "net.onnx", "onnx")


def test_mixed_precision_is_exported_in_float32(nets, images):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = keras.models.clone_model(
            nets["plain"], clone_function=lambda layer: type(layer).from_config({**layer.get_config(), "dtype": None})
        )
    finally:
        keras.config.set_dtype_policy("float32")
    model.set_weights(nets["plain"].get_weights())
    assert model.get_layer("stem.conv").compute_dtype == "bfloat16"
    for format in "tflite", "onnx":
        exported = export(model, format=format)
        assert not {"CAST", "Cast"} & set(exported.operators)
        np.testing.assert_allclose(
            open_model(exported.path)(images)["scores"], nets["plain"].predict(images, verbose=0), atol=1e-5
        )


def test_constants_and_gelu_reach_onnx():
    image = keras.Input((SIZE, SIZE, 3))
    x = layers.Normalization(mean=[0.1, 0.2, 0.3], variance=[1.0, 2.0, 3.0])(image)
    x = layers.Conv2D(8, 3, activation="gelu", name="conv")(x)
    model = enliven(keras.Model(image, layers.Dense(CLASSES, name="dense")(layers.GlobalMaxPooling2D()(x)), name="net"))
    assert export(model, format="onnx").operators["Erf"] == 1


def test_untrained_model_is_exported_with_a_word_of_warning(images):
    fresh = keras.models.clone_model(plain())
    fresh.get_layer("head.dense").kernel.assign(0.01 * fresh.get_layer("head.dense").kernel)
    for format in "tflite", "tflite-int8":
        exported = export(fresh, format=format, calibration=images)
        assert "undecided" in exported.notes[0]


def test_noise_proves_as_well_as_images(nets):
    exported = export(nets["plain"])
    assert exported.inputs == "noise" and exported.samples == 32
    assert exported.decided > 16 and exported.notes == ()


def test_one_image_is_a_weak_proof(nets, images):
    assert export(nets["plain"], calibration=images[:1]).notes
    assert export(nets["plain"], calibration=np.repeat(images[:1], 8, axis=0), overwrite=True).notes


class TestCompare:
    """The measure itself, on scores made by hand."""

    reference = np.random.default_rng(0).normal(size=(200, 10))

    def compare(self, got, reference=None, step=0.0, tolerance=0.3, logits=None):
        """Channels compete; they are shares of these logits, where there are some."""
        wanted = {"a": self.reference if reference is None else reference}
        wanted |= {} if logits is None else {"logits of a": logits}
        return compare(wanted, {"a": got}, steps={"a": step}, tolerance=tolerance, competing=("a",))

    def test_error_is_a_share_of_the_spread(self):
        assert self.compare(self.reference + 0.1).error == pytest.approx(0.1 / self.reference.std(), rel=1e-4)
        scaled = self.compare(100 * self.reference + 10, 100 * self.reference)
        assert scaled.error == pytest.approx(0.1 / self.reference.std(), rel=1e-4)
        assert scaled.max_error == pytest.approx(10)

    def test_near_ties_are_not_held_against_a_file(self):
        reference = np.tile([5.0, 4.999, 0.0], (10, 1))
        turned = self.compare(reference[:, [1, 0, 2]], reference)
        assert turned.top1_agreement == 0 and turned.decided == 0 and turned.decided_agreement == 1
        reference[:, 0] = 8
        assert self.compare(reference[:, [1, 0, 2]], reference).decided_agreement == 0

    def test_one_class_that_always_wins_is_caught_though_its_error_is_small(self):
        reference = np.random.default_rng(0).normal(size=(50, 1000))
        reference[np.arange(50), np.arange(50)] = 8
        got = reference.copy()
        got[:, 500] = 9
        assert self.compare(got, reference, tolerance=0.3).error < 0.3
        assert self.compare(got, reference, tolerance=0.3).decided_agreement < 0.1

    def test_probabilities_are_compared_as_logarithms(self):
        odds = np.exp(8 * self.reference)
        reference = odds / odds.sum(axis=1, keepdims=True)
        swapped = reference.copy()
        swapped[np.arange(200)[:, None], np.argsort(reference)[:, :2]] = swapped[
            np.arange(200)[:, None], np.argsort(reference)[:, 1::-1]
        ]
        assert np.abs(swapped - reference).max() < 1e-3, "invisible in probabilities"
        assert self.compare(swapped, reference).max_error > 1

    def test_rounding_to_eight_bits_is_forgiven(self):
        odds = np.exp(self.reference)
        reference = odds / odds.sum(axis=1, keepdims=True)
        rounded = np.round(reference * 256) / 256
        assert self.compare(rounded, reference, step=1 / 256).error < 0.05
        assert self.compare(rounded, reference).error > 0.3, "which is why the step counts"

    def test_a_file_of_few_steps_does_not_make_its_model_undecided(self):
        """Of 1000 classes nearly all have less than eight steps of int8."""
        reference = softmax(2 * np.random.default_rng(0).normal(size=(32, 1000)), axis=1)
        assert self.compare(np.round(reference * 256) / 256, reference, step=1 / 256).notes == ()

    def test_shapes_and_finiteness(self):
        with pytest.raises(ValueError, match=r"\(200, 10\), the file of shape \(200, 9\)"):
            self.compare(self.reference[:, :9])
        with pytest.raises(ValueError, match="outputs of the file are not all finite"):
            self.compare(self.reference * np.nan)
        with pytest.raises(ValueError, match="the outputs a, the file b"):
            compare({"a": self.reference}, {"b": self.reference}, steps={}, tolerance=0.3)

    def test_every_pixel_of_a_map_is_a_decision(self):
        maps = self.reference.reshape(2, 10, 10, 10)
        found = self.compare(maps + 0.1, maps)
        assert found.error == pytest.approx(0.1 / maps.std(), rel=1e-4) and found.samples == 2
        clear = np.eye(10)[np.arange(200) % 10].reshape(2, 10, 10, 10) * 9
        wrong = clear.copy()
        wrong[0, 0, :5] = np.roll(wrong[0, 0, :5], 1, axis=-1)
        assert self.compare(wrong, clear).decided == 200
        assert self.compare(wrong, clear).decided_agreement == pytest.approx(195 / 200)

    def test_every_channel_counts_by_its_own_spread(self):
        boxes, scores = 200 * self.reference[:, :4], self.reference[:, 4:] / 10
        lost = np.concatenate([boxes, 0 * scores], axis=1)
        found = self.compare(lost, np.concatenate([boxes, scores], axis=1))
        assert found.error < 1e-3 and found.channel_error == pytest.approx(1, rel=0.02) and found.excess > 1.5
        assert found.channel.startswith("a[") and int(found.channel[2:-1]) >= 4
        low = self.compare(self.reference - 2 * np.eye(10)[3], self.reference)
        assert low.channel == "a[3]" and low.channel_error == pytest.approx(2 / self.reference[:, 3].std(), rel=1e-4)

    @pytest.mark.parametrize("tolerance", [1e-4, 0.02, 0.3])
    def test_the_mean_of_the_images_is_a_lost_file(self, tolerance):
        """However near to each other the images' answers are: as landmarks, or the share of one class."""
        maps = 0.5 + self.reference.reshape(20, 5, 2, 10) * 0.02 + np.arange(10) / 50
        for reference in maps, maps[:, 0, 0], maps[..., :1], 1000 * maps[..., :1]:
            found = self.compare(
                np.broadcast_to(reference.mean(axis=0), reference.shape), reference, tolerance=tolerance
            )
            assert found.channel_error >= 0.99 and found.excess > 1

    def test_what_float32_rounds_away_is_no_error(self):
        reference = (2000 + 0.19 * self.reference[:, :1]).astype(np.float32)
        assert self.compare(np.nextafter(reference, np.float32(3000)), reference, tolerance=1e-4).excess == 0
        assert self.compare(reference + np.float32(0.01), reference, tolerance=1e-4).excess > 1
        assert self.compare(0 * reference + 2000, reference, tolerance=1e-4).excess > 1

    def test_a_share_that_stands_alone_is_a_decision_by_its_odds(self):
        reference = 1 / (1 + np.exp(-4 * self.reference))
        found = self.compare(1 - reference, reference)
        assert found.decided > 1000 and found.decided_agreement == 0
        assert self.compare(np.round(reference * 256) / 256, reference, step=1 / 256).error < 0.05
        assert self.compare(np.full_like(reference[:, :1], 0.5), reference[:, :1], tolerance=1e-4).excess > 1

    def test_columns_decide_only_where_they_compete(self):
        """Ten coordinates of landmarks, in pixels or in shares of the image, have no winner."""
        turned = self.reference[:, ::-1]
        for reference, got in (self.reference, turned), (0.5 + self.reference / 50, 0.5 + turned / 50):
            found = compare({"a": reference}, {"a": got}, steps={}, tolerance=0.3)
            assert found.decided == 0 and found.top1_agreement == found.decided_agreement == 1 and found.excess > 1
        assert self.compare(turned).decided > 30 and self.compare(turned).decided_agreement == 0

    @pytest.mark.parametrize("units", [1, 6])
    def test_shares_may_err_by_what_their_logits_may(self, units):
        """Confident ones, as of logits that spread by 50: an error that is small among these turns shares near 1/2."""
        random = np.random.default_rng(1)
        logits = 50 * random.normal(size=(400, units))
        shares = expit if units == 1 else partial(softmax, axis=1)
        for part, sound in (0.1, True), (0.2, True), (0.6, False), (1.0, False):
            off = logits + 50 * part * random.normal(size=logits.shape)
            found = self.compare(shares(off), shares(logits), 1 / 256, logits=logits)
            assert (found.excess <= 1) == sound == (self.compare(off, logits).excess <= 1), (part, found)
        constant = np.broadcast_to(shares(logits).mean(axis=0), logits.shape)
        mixed = np.roll(shares(logits), 1, axis=0)
        for lost in constant, mixed, shares(-logits):
            assert self.compare(lost, shares(logits), 1 / 256, logits=logits).excess > 1

    def test_what_images_cannot_tell_is_said(self):
        reference = np.concatenate([self.reference[:20], np.ones((20, 2))], axis=1)
        (note,) = self.compare(reference, reference).notes
        assert note.startswith("On these images a[10], a[11] of the model never change")
        moved = self.compare(reference + 5 * np.eye(12)[11], reference)
        assert moved.channel == "a[11]" and moved.excess > 1
        assert self.compare(self.reference[:4], self.reference[:4]).notes == (
            "4 images say little of what tells images apart: pass 16 or more.",
        )

    def test_the_worst_output_counts(self):
        other = np.random.default_rng(1).normal(size=(200, 4))
        found = compare(
            {"a": self.reference, "b": other},
            {"a": self.reference, "b": other[:, ::-1]},
            steps={},
            tolerance=0.01,
            competing=("a", "b"),
        )
        assert found.error > 1 and found.decided_agreement < 0.5 and found.decided > 390


def trembling(fault: float) -> Runner:
    """Sees class 0 in most images; in the three bright ones the last bit of a pixel decides, as rounding would."""

    def infer(images: np.ndarray) -> dict[str, np.ndarray]:
        images = images * np.float32(1 + fault)
        odd = (images[:, 0, 0, 0].view(np.uint32) & 1) == 1
        scores = np.zeros((len(images), CLASSES), np.float32)
        scores[:, 0] = 20
        scores[(images.mean((1, 2, 3)) > 1) & odd, 1] = 40
        return {"scores": scores}

    return Runner(Path("trembling"), "keras", (2, 2, 1), None, infer)


def test_a_network_that_magnifies_rounding_is_held_against_itself():
    images = np.random.default_rng(0).uniform(0.5, 0.9, (40, 2, 2, 1)).astype(np.float32)
    images[:3] += 1
    proof = compare_runs(trembling(0), trembling(1e-6), images, tolerance=1e-4)
    assert proof.error > 1e-4 and proof.decided_agreement >= 0.9 and "magnifies rounding" in proof.notes[-1]
    with pytest.raises(ExportError, match="does not compute what its model computes"):
        compare_runs(trembling(0), trembling(1.0), images, tolerance=1e-4)


def test_a_share_is_as_right_as_the_last_digit_of_one():
    """ONNX Runtime's sigmoid rounds a share of 1e-5 to that, a hundredth of it: the file is right all the same."""
    logits = np.random.default_rng(0).normal(-9, 1, (64, 5))
    shares, digit = 1 / (1 + np.exp(-logits)), np.finfo(np.float32).eps
    signs = np.where(np.random.default_rng(1).random(shares.shape) < 0.5, -1, 1)
    for got, sound in ((shares + signs * digit, True), (shares + 20 * signs * digit, False), (shares * 1.003, False)):
        how = {"steps": {}, "tolerance": 1e-4}
        found = compare({"scores": shares.astype("float32")}, {"scores": got.astype("float32")}, **how)
        assert (found.excess <= 1) == sound, found
