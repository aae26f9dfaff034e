"""What a file is asked to be, it is: its batch, its types, its islands, its normalisation; or it is refused."""

from dataclasses import replace
from pathlib import Path
from pkgutil import resolve_name
from typing import NamedTuple

import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from keras import layers
from test_deploy import CARD, CLASSES, SIZE, gated, logits, plain

from kerascnn.card import Card
from kerascnn.cli import main
from kerascnn.deploy import TARGETS, ExportError, export, metadata
from kerascnn.deploy.images import noise
from kerascnn.runtime import open_model
from kerascnn.spec import Preprocess


@pytest.fixture(scope="module")
def nets() -> dict[str, keras.Model]:
    return {"plain": plain(), "gated": gated()}


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    """Images as a card's normalisation leaves them: pixels that are whole numbers."""
    how = CARD.preprocess
    pixels = np.clip(128 + 50 * noise((SIZE, SIZE, 3)), 0, 255).round()
    return ((pixels / 255 - how.mean) / how.std).astype(np.float32)


@pytest.fixture(autouse=True)
def working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


class Made(NamedTuple):
    """An operator of a .tflite file, with its output's type and name."""

    operator: str
    kind: str
    name: str


def operators_of(path: str) -> list[Made]:
    model = schema.Model.GetRootAs(Path(path).read_bytes())
    graph = model.Subgraphs(0)
    types, codes = ({v: k for k, v in vars(e).items()} for e in (schema.TensorType, schema.BuiltinOperator))

    def made(operator) -> Made:
        tensor, code = graph.Tensors(operator.Outputs(0)), model.OperatorCodes(operator.OpcodeIndex())
        return Made(codes[code.BuiltinCode()], types[tensor.Type()], tensor.Name().decode())

    return [made(graph.Operators(index)) for index in range(graph.OperatorsLength())]


class TestBatch:
    @pytest.mark.parametrize("format", ["tflite", "tflite-int8", "onnx"])
    @pytest.mark.parametrize("batch", [3, None])
    def test_any_is_written_when_it_is_asked_for(self, batch, format, nets, images):
        exported = export(nets["gated"], format=format, calibration=images[:8], batch=batch)
        assert exported.input_shape == (batch, SIZE, SIZE, 3)
        assert open_model(exported.path).batch == batch

    def test_none_is_no_number(self, nets):
        with pytest.raises(ValueError, match="batch must be 1 or more, or None for any number; got 0"):
            export(nets["plain"], batch=0)


class TestIntegers:
    def test_bytes_on_request(self, nets, images):
        exported = export(nets["plain"], format="tflite-int8", calibration=images, io="uint8")
        assert exported.types == ("uint8", "uint8")
        details = Interpreter(model_path=exported.path).get_input_details()[0]
        assert details["dtype"] == np.uint8

    def test_sixteen_bits(self, nets, images):
        exported = export(nets["plain"], format="tflite-int16x8", calibration=images)
        assert exported.types == ("int16", "int16")
        assert {each.kind for each in operators_of(exported.path)} == {"INT16"}
        assert export(nets["plain"], format="tflite-int8", calibration=images).error > exported.error

    def test_what_has_no_kernel_of_sixteen_bits_stays_float(self, images):
        image = keras.Input((SIZE, SIZE, 3))
        y = layers.GlobalAveragePooling2D()(layers.Conv2D(8, 3, activation="elu", name="conv")(image))
        model = keras.Model(image, layers.Dense(CLASSES)(y), name="curved")
        operators = export(model, format="tflite-int16x8", calibration=images).operators
        assert operators["ELU"] == operators["DEQUANTIZE"] == 1

    def test_hard_silu_is_of_sixteen_bits_too(self, nets, images):
        exported = export(nets["gated"], format="tflite-int16x8", calibration=images)
        assert {each.kind for each in operators_of(exported.path)} == {"INT16"}

    def test_types_that_cannot_be(self, nets, images):
        with pytest.raises(ValueError, match="io of tflite-int8 is 'int8' or 'uint8', got 'int16'"):
            export(nets["plain"], format="tflite-int8", io="int16", calibration=images)
        with pytest.raises(ValueError, match="tflite takes and gives floats"):
            export(nets["plain"], io="int8")
        with pytest.raises(ValueError, match="tflite-int16x8 takes int16, and pixels are bytes"):
            export(nets["plain"], format="tflite-int16x8", pixels=True, card=CARD, calibration=images)


class TestCalibration:
    def test_dataset_of_batches_with_labels(self, nets, images):
        data = tf.data.Dataset.from_tensor_slices((images, np.zeros(len(images)))).batch(5)
        exported = export(nets["plain"], "a.tflite", "tflite-int8", calibration=data)
        assert exported.samples == len(images)
        export(nets["plain"], "b.tflite", "tflite-int8", calibration=images)
        assert Path("a.tflite").read_bytes() == Path("b.tflite").read_bytes()

    def test_what_never_ends(self, nets, images):
        data = tf.data.Dataset.from_tensor_slices(images).repeat()
        assert export(nets["plain"], calibration=data).samples == 64


class TestPixels:
    @pytest.mark.parametrize("format", [name for name in TARGETS if name != "tflite-int16x8"])
    def test_file_normalises_as_the_card_says(self, format, nets, images):
        exported = export(nets["plain"], format=format, card=CARD, calibration=images, pixels=True)
        pixels = np.clip(np.round(255 * (images * CARD.preprocess.std + CARD.preprocess.mean)), 0, 255)
        runner = open_model(exported.path)
        assert runner.types[0] == exported.types[0] == "uint8"
        got, want = (
            logits(x) for x in (runner(pixels.astype(np.float32))["scores"], nets["plain"].predict(images, verbose=0))
        )
        error = np.sqrt(np.mean((got - want) ** 2)) / want.std()
        assert error <= TARGETS[format].tolerance

    def test_card_beside_the_file_asks_for_plain_pixels(self, nets):
        exported = export(nets["plain"], card=CARD, pixels=True)
        how = Card.read(exported.path).preprocess
        np.testing.assert_allclose((np.array([0, 7, 255]) / 255 - how.mean[0]) / how.std[0], [0, 7, 255])
        assert how.size == CARD.preprocess.size and how.channels == 3

    def test_a_byte_is_a_pixel(self, nets, images):
        dim = 0.3 * images  # no image of these has a black or a white pixel
        exported = export(nets["plain"], format="tflite-int8", card=CARD, pixels=True, calibration=dim)
        details = Interpreter(model_path=exported.path).get_input_details()[0]
        assert details["quantization"] == (1.0, 0)

    def test_no_card_no_pixels(self, nets):
        with pytest.raises(ValueError, match="puts the card's normalisation into the file: pass card="):
            export(nets["plain"], pixels=True)

    def test_card_of_other_images(self, nets):
        grey = replace(CARD, preprocess=replace(CARD.preprocess, mean=(0.5,), std=(0.5,)))
        with pytest.raises(ValueError, match="normalises 1 channels, and model 'plain' takes 3"):
            export(nets["plain"], card=grey)
        large = replace(CARD, preprocess=replace(CARD.preprocess, size=2 * SIZE))
        says = f"makes images of {2 * SIZE} x {2 * SIZE} pixels, and model 'plain' takes {SIZE} x {SIZE}"
        with pytest.raises(ValueError, match=says):
            export(nets["plain"], card=large)


class TestFloatLayers:
    @pytest.mark.parametrize(
        ("patterns", "operator", "norms"),
        [
            (["stage2.*"], ["CONV_2D", "ADD", "MUL"], ["stage2.norm"]),
            (["stage1.gate.scale"], ["MUL"], []),
            (["stem.conv"], ["CONV_2D"], ["stem.norm"]),
            (["head.dense"], ["FULLY_CONNECTED"], []),
        ],
    )
    def test_they_stay_float_and_no_other_does(self, patterns, operator, norms, nets, images):
        exported = export(nets["gated"], format="tflite-int8", calibration=images, float_layers=patterns)
        floats = [each for each in operators_of(exported.path) if each.kind == "FLOAT32"]
        assert exported.types == ("int8", "int8")
        assert [each.operator for each in floats if each.operator != "DEQUANTIZE"] == operator
        assert all(any(norm in each.name for each in floats) for norm in norms)
        assert "DEQUANTIZE" in exported.operators and "QUANTIZE" in exported.operators

    def test_the_last_layer(self, nets, images):
        exported = export(nets["plain"], format="tflite-int8", calibration=images, float_layers=["head.softmax"])
        last = [(each.operator, each.kind) for each in operators_of(exported.path)][-4:]
        assert last == [
            ("FULLY_CONNECTED", "INT8"),
            ("DEQUANTIZE", "FLOAT32"),
            ("SOFTMAX", "FLOAT32"),
            ("QUANTIZE", "INT8"),
        ]

    def test_all_that_a_layer_was_redrawn_as(self, images):
        """Integers have no layer normalisation: it becomes a dense layer, a difference and a length."""
        image = keras.Input((SIZE, SIZE, 3), name="image")
        tokens = keras.layers.Reshape((-1, 8), name="tokens")(keras.layers.Conv2D(8, 4, 4, name="patches")(image))
        tokens = keras.layers.Dense(8, name="dense")(keras.layers.LayerNormalization(name="norm")(tokens))
        model = keras.Model(image, keras.layers.GlobalAveragePooling1D(name="pool")(tokens), name="net")
        exported = export(model, format="tflite-int8", calibration=images, float_layers=["norm"])
        kinds = {each.name: each.kind for each in operators_of(exported.path) if "/norm" in each.name}
        assert len(kinds) > 4 and set(kinds.values()) == {"FLOAT32"}

    def test_of_a_file_of_pixels(self, nets, images):
        how = {"format": "tflite-int8", "calibration": images, "card": CARD, "pixels": True}
        with pytest.raises(ValueError, match=r"this is tflite-int8 of uint8\. Pass io='int8' \(--io int8\)"):
            export(nets["plain"], **how, float_layers=["head.softmax"])
        exported = export(nets["plain"], **how, float_layers=["head.softmax"], io="int8")
        details = Interpreter(model_path=exported.path).get_input_details()[0]
        assert details["dtype"] == np.int8 and details["quantization"] == (1.0, -128)
        assert ("SOFTMAX", "FLOAT32") in [each[:2] for each in operators_of(exported.path)]

    def test_what_rounding_took_comes_back(self, nets, images):
        """A channel that is a thousand times as large as the others leaves them no steps in integers."""
        model = keras.models.clone_model(nets["plain"])
        model.set_weights(nets["plain"].get_weights())
        loud = np.where(np.arange(16) == 0, 1000, 1)
        norm, dense = model.get_layer("stage1.block1.project.norm"), model.get_layer("head.dense")
        gamma, beta, *others = norm.get_weights()
        norm.set_weights([gamma * loud, beta * loud, *others])
        kernel, bias = dense.get_weights()
        dense.set_weights([kernel / loud[:, None], bias])
        with pytest.raises(ExportError, match=r"does not compute .*\. It was not kept\.$"):
            export(model, format="tflite-int8", calibration=images)
        names = ["stage1.block1.project.*", "stage1.block1.add", "head.*"]
        assert export(model, format="tflite-int8", calibration=images, float_layers=names).error < 0.1

    def test_names_that_mean_nothing(self, nets, images):
        with pytest.raises(ValueError, match=r"No layer of 'plain' is named 'stem\.cnov'. Did you mean 'stem\.conv'"):
            export(nets["plain"], format="tflite-int8", calibration=images, float_layers=["stem.cnov"])
        with pytest.raises(ExportError, match="no operator comes of the layers that shall stay float, image"):
            export(nets["plain"], format="tflite-int8", calibration=images, float_layers=["image"])
        with pytest.raises(TypeError, match="float_layers must be a list"):
            export(nets["plain"], format="tflite-int8", calibration=images, float_layers="stem.conv")
        with pytest.raises(ValueError, match="float_layers go with tflite-int8 and io='int8'"):
            export(nets["plain"], float_layers=["stem.conv"])


def test_the_report_says_what_xnnpack_takes(nets, images):
    whole = export(nets["plain"]).delegated
    assert whole["operators"] == whole["of"] > 5 and whole["partitions"] == 1
    bytes_ = export(nets["gated"], format="tflite-int8", calibration=images)
    assert bytes_.delegated["operators"] == bytes_.delegated["of"] == sum(bytes_.operators.values())
    assert bytes_.delegated["partitions"] == 1
    image = keras.Input((SIZE, SIZE, 3))
    y = layers.AveragePooling2D(3, 2, padding="same")(layers.Conv2D(8, 3, name="conv")(image))
    pooled = keras.Model(image, layers.Dense(CLASSES)(layers.GlobalAveragePooling2D()(y)), name="pooled")
    split = export(pooled, format="tflite-int8", calibration=images)
    assert 0 < split.delegated["operators"] < split.delegated["of"] == sum(split.operators.values())
    assert split.delegated["partitions"] == 2, "the average of an odd window has no kernel of bytes, and cuts the graph"
    assert export(nets["plain"], format="onnx").delegated == {}


class TestCommandLine:
    @pytest.fixture
    def saved(self, nets) -> list[str]:
        """A model file with its card, and pixels to calibrate with."""
        nets["plain"].save("net.keras")
        CARD.write("net.keras")
        pixels = np.clip(128 + 50 * np.tile(noise((SIZE, SIZE, 3)), (2, 1, 1, 1)), 0, 255).astype(np.uint8)
        labels = np.arange(len(pixels)) % CLASSES
        np.savez("data.npz", x_train=pixels, y_train=labels, x_test=pixels[:CLASSES], y_test=labels[:CLASSES])
        return ["export", "net.keras", "--format", "tflite-int8", "--calibration", "data.npz", "--out", "net.tflite"]

    def test_pixels_as_android_wants_them(self, saved, capsys):
        assert main([*saved, "--pixels"]) == 0
        said = capsys.readouterr().out
        assert '"uint8"' in said and "verified on" in said
        assert open_model("net.tflite").types == ("uint8", "uint8")

    def test_float_layers_and_batch(self, saved, capsys):
        assert main([*saved, "--float-layers", "head.*", "--batch", "2"]) == 0
        assert open_model("net.tflite").batch == 2
        assert "DEQUANTIZE" in [each.operator for each in operators_of("net.tflite")]

    def test_what_cannot_be_is_said_in_a_line(self, saved, capsys):
        assert main([*saved, "--io", "int4"]) == 2
        assert "io of tflite-int8 is 'int8' or 'uint8', got 'int4'" in capsys.readouterr().err
        for batch in "many", "1,2":
            assert main([*saved, "--batch", batch]) == 2
            assert f"--batch is one whole number, or any; got {batch!r}" in capsys.readouterr().err
        Path("net.tflite").touch()
        assert main(saved) == 2
        assert "Pass overwrite=True (--overwrite) to replace it" in capsys.readouterr().err
        assert main(["export", "net.tflite", "--format", "onnx"]) == 2
        assert "Expected a .keras file, got net.tflite" in capsys.readouterr().err


@pytest.mark.parametrize("format", TARGETS)
def test_a_map_of_scores_exports_with_metadata_of_segmenters(format, tmp_path):
    """Every pixel is a decision."""
    image = keras.Input((32, 32, 3), name="image")
    scores = keras.layers.Conv2D(5, 1, name="head")(keras.layers.Conv2D(8, 3, 2, "same", activation="relu")(image))
    net = keras.Model(image, keras.layers.UpSampling2D(2, interpolation="bilinear", name="large")(scores), name="maps")
    how = Preprocess(size=32, mean=(0.5,) * 3, std=(0.25,) * 3)
    card = Card(model="maps", task="segmentation", labels=tuple("abcde"), preprocess=how)
    seen = np.clip(noise((32, 32, 3)), -2, 2)
    seen = seen[np.ptp(seen, axis=(1, 2)).max(axis=-1) > 0]
    exported = export(net, tmp_path / f"net{TARGETS[format].suffix}", format, calibration=seen, card=card)
    assert exported.decided > 1000 and exported.samples == len(seen)
    assert open_model(exported.path)(seen)["scores"].shape == (len(seen), 32, 32, 5)
    assert Card.read(exported.path).task == "segmentation"
    if format == "tflite":
        assert [output.name for output in metadata.read(exported.path).outputs] == ["segmentation_masks"]


def test_every_lowering_is_a_function():
    for target in TARGETS.values():
        assert all(callable(resolve_name(name)) for name in target.lowering)
