"""Layer by layer: every tensor is compared with the layer that made it, and a fault in one layer is ranked first."""

import json
import warnings
from collections.abc import Iterator

import keras
import numpy as np
import onnx
import pytest
from ai_edge_litert import schema_py_generated as schema
from keras import layers as K
from onnx import numpy_helper
from parity import randomise
from test_conformance import TINY

from kerascnn.card import Card
from kerascnn.cli import main
from kerascnn.deploy import TARGETS, export
from kerascnn.deploy.flatbuffer import read_graphs
from kerascnn.deploy.layer_comparison import LayerComparison, between, compare_layers
from kerascnn.deploy.layer_comparison.activations import single_outputs
from kerascnn.deploy.layer_comparison.proposals import propose
from kerascnn.deploy.request import ExportRequest
from kerascnn.deploy.tensor_names import layers_in
from kerascnn.runtime import quiet
from kerascnn.spec import Preprocess

FORMATS = {
    "tflite": "tflite",
    "float16.tflite": "tflite-fp16",
    "dynamic.tflite": "tflite-dynamic",
    "int8.tflite": "tflite-int8",
    "int16x8.tflite": "tflite-int16x8",
    "onnx": "onnx",
}
FAMILIES = ["LeNet", "ResNet", "MobileNetV2Family", "MobileNetV3Family", "DenseNet"]
KERNELS = {
    schema.BuiltinOperator.CONV_2D,
    schema.BuiltinOperator.DEPTHWISE_CONV_2D,
    schema.BuiltinOperator.FULLY_CONNECTED,
}


def images(model, count: int = 8) -> np.ndarray:
    return np.random.default_rng(1).standard_normal((count, *model.input_shape[1:]), dtype=np.float32)


@pytest.fixture(scope="module")
def network(request):
    model = TINY[request.param](classes=5)
    randomise(model)
    return model


def written(model, kind: str, folder):
    path = folder / f"net.{kind}"
    types = ("int8", "int8") if kind.startswith("int8") else ("int16", "int16") if "16x8" in kind else ("float32",) * 2
    with quiet():
        TARGETS[FORMATS[kind]].write(ExportRequest(model=model, images=images(model), types=types), path)
    return path


@pytest.mark.sharded
@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("network", ["MobileNetV3Family", "PreActResNet", "BiT"], indirect=True)
def test_sound_files_hold_what_their_layers_compute(network, kind, tmp_path):
    found = compare_layers(network, written(network, kind, tmp_path), images(network, 2))
    layers = list(single_outputs(network))
    assert [row.layer for row in found.rows] == [name for name in layers if name in {r.layer for r in found.rows}]
    assert len(found.rows) > 0.3 * len(layers)
    assert {layer for row in found.rows for layer in row.covers} == set(layers)
    own = [row.own_snr for row in found.rows]
    if kind in ("tflite", "onnx"):
        assert min(own) > 90 and found.rows[-1].snr > 90 and found.first_broken is None
        assert found.suspects() == ()
    else:
        small = kind.startswith("dynamic") and network.name.startswith("mobilenet_v3")  # no kernel has 1024 values
        assert found.precision == ("float32" if small else kind.partition(".")[0])
        assert np.median(own) > 25
    assert all(row.cosine <= 1 + 1e-9 for row in found.rows)
    assert json.loads(json.dumps(found.as_dict()))["samples"] == 2


@pytest.mark.sharded
@pytest.mark.parametrize("network", TINY, indirect=True)
def test_the_tensors_of_every_family_are_those_of_its_layers(network, tmp_path):
    found = compare_layers(network, written(network, "tflite", tmp_path), images(network, 1))
    assert {layer for row in found.rows for layer in row.covers} == set(single_outputs(network))
    assert len(found.rows) > 0.3 * len(single_outputs(network))
    assert min(row.own_snr for row in found.rows) > 90 and found.worst


def codes_of(model: schema.Model) -> list[int]:
    codes = [model.OperatorCodes(i) for i in range(model.OperatorCodesLength())]
    return [max(code.BuiltinCode(), code.DeprecatedBuiltinCode()) for code in codes]


def kernels(content: bytearray) -> Iterator[tuple[list[str], np.ndarray]]:
    """Of each operator with a kernel: names of its tensors, and the kernel, to be written to."""
    model = schema.Model.GetRootAs(content)
    graph = model.Subgraphs(0)
    codes = codes_of(model)
    for operator in map(graph.Operators, range(graph.OperatorsLength())):
        if codes[operator.OpcodeIndex()] in KERNELS:
            kernel = graph.Tensors(operator.Inputs(1))
            values = model.Buffers(kernel.Buffer()).DataAsNumpy()
            values = values.view(np.float32 if kernel.Type() == schema.TensorType.FLOAT32 else np.int8)
            constants = [graph.Tensors(i) for i in operator.InputsAsNumpy()[1:] if i >= 0]
            yield [t.Name().decode() for t in (graph.Tensors(operator.Outputs(0)), *constants)], values


def scales(content: bytearray) -> Iterator[tuple[list[str], np.ndarray]]:
    """Of each operator with a kernel whose output goes to such operators alone: its name, and the output's scale."""
    model = schema.Model.GetRootAs(content)
    graph = model.Subgraphs(0)
    codes = codes_of(model)
    operators = [graph.Operators(i) for i in range(graph.OperatorsLength())]
    for operator in operators:
        output = operator.Outputs(0)
        takers = [codes[o.OpcodeIndex()] for o in operators if output in o.InputsAsNumpy()]
        if codes[operator.OpcodeIndex()] in KERNELS and takers and set(takers) <= KERNELS:
            yield [graph.Tensors(output).Name().decode()], graph.Tensors(output).Quantization().ScaleAsNumpy()


def ranked_first(model, path, names: list[str]) -> bool:
    """Whether the layer with the lowest SNR of its own is one that these tensors are named after."""
    worst = compare_layers(model, path, images(model, 2)).worst[0]
    return bool(set(worst.covers) & set(layers_in(names, dict.fromkeys(single_outputs(model), ()), model.name)))


def reverse(values: np.ndarray) -> None:
    values[:] = values[::-1].copy()


def negate(values: np.ndarray) -> None:
    values[:] = -values


def sixteenth(values: np.ndarray) -> None:
    values[:] = values / 16


@pytest.mark.sharded
@pytest.mark.parametrize("network", FAMILIES, indirect=True)
def test_a_fault_in_one_layer_is_ranked_first(network, tmp_path):
    hits = []
    for kind, places, fault in (
        ("tflite", kernels, reverse),
        ("int8.tflite", kernels, negate),
        ("int8.tflite", kernels, reverse),
        ("int8.tflite", scales, sixteenth),
    ):
        sound = written(network, kind, tmp_path).read_bytes()
        count = len(list(places(bytearray(sound))))
        for number in np.linspace(0, count - 1, min(count, 5)).astype(int):
            content = bytearray(sound)
            names, values = list(places(content))[number]
            fault(values)
            if content == sound:  # an average, as a convolution whose taps are alike, is the same reversed
                continue
            path = tmp_path / f"faulty.{kind}"
            path.write_bytes(content)
            hits.append(ranked_first(network, path, names))
    assert len(hits) >= 12 and np.mean(hits) >= 0.95, hits


@pytest.mark.parametrize("network", ["ResNet", "MobileNetV2Family"], indirect=True)
def test_a_fault_in_one_layer_of_onnx_is_ranked_first(network, tmp_path):
    path = written(network, "onnx", tmp_path)
    sound, hits = onnx.load(path), []
    nodes = [node for node in sound.graph.node if node.op_type in ("Conv", "Gemm", "MatMul")]
    for node in nodes[:: max(1, len(nodes) // 6)]:
        faulty = onnx.ModelProto()
        faulty.CopyFrom(sound)
        kernel = next(each for each in faulty.graph.initializer if each.name == node.input[1])
        kernel.CopyFrom(numpy_helper.from_array(-numpy_helper.to_array(kernel), kernel.name))
        onnx.save(faulty, path)
        hits.append(ranked_first(network, path, [node.output[0], *node.input[1:]]))
    assert len(hits) >= 5 and np.mean(hits) >= 0.95, hits


@pytest.mark.parametrize("network", ["ResNet"], indirect=True)
@pytest.mark.parametrize(
    ("format", "io", "precision", "least"),
    [("tflite", None, "float32", 90), ("tflite-int8", None, "int8", 20), ("tflite-int8", "int8", "int8", 20),
     ("onnx", None, "float32", 90)],
)  # fmt: skip
def test_a_file_of_pixels_is_compared_behind_its_normalisation(network, format, io, precision, least, tmp_path):
    how = Preprocess(size=32)
    card = Card(model="net", labels=tuple("abcde"), preprocess=how)
    given = (np.random.default_rng(1).uniform(size=(40, 32, 32, 3)) - how.mean) / how.std
    given = given.astype(np.float32)
    path = tmp_path / f"net.{'onnx' if format == 'onnx' else 'tflite'}"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # noise is no photo
        export(network, path, format, calibration=given, card=card, pixels=True, io=io)
    found = compare_layers(network, path, given[:2], card=card)
    image, *rows = found.rows
    assert found.precision == precision and image.snr > 100 and len(rows) > 10
    assert np.median([row.own_snr for row in rows]) > least and found.suspects() == ()
    with pytest.raises(ValueError, match=r"far beyond its range\. It takes plain pixels: pass card="):
        compare_layers(network, path, given[:2])
    with pytest.raises(ValueError, match=r"far beyond its range\. Were they prepared for it"):
        compare_layers(network, path, 100 * given[:2], card=card)


@pytest.mark.parametrize("network", ["LeNet"], indirect=True)
def test_a_damaged_file_is_named(network, tmp_path):
    whole = written(network, "tflite", tmp_path).read_bytes()
    for name, content in {
        "torn.tflite": whole[:500],
        "empty.tflite": b"\0\0\0\0TFL3",
        "text.onnx": b"no model at all",
        "empty.onnx": b"",
    }.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match=rf"{name} is damaged, or is not an? (TensorFlow Lite|ONNX) model: "):
            compare_layers(network, tmp_path / name, images(network))


@pytest.mark.parametrize("network", ["ResNet"], indirect=True)
def test_every_layer_lies_between_two_that_are_compared(network):
    layers = list(single_outputs(network))
    chosen = layers[::4]
    spans = between(network, chosen)
    assert list(spans) == chosen and spans[chosen[0]] == ((), (chosen[0],))
    for name, (starts, covers) in spans.items():
        assert covers[-1] == name and not set(covers[:-1]) & set(chosen) and set(starts) <= set(chosen)


@pytest.mark.parametrize("network", ["ResNet"], indirect=True)
def test_the_command_line_compares_layers(network, tmp_path, capsys):
    network.save(tmp_path / "net.keras")
    Card(model="net", labels=tuple("abcde"), preprocess=Preprocess(size=32)).write(tmp_path / "net.keras")
    file = written(network, "int8.tflite", tmp_path)
    np.save(tmp_path / "images.npy", images(network))
    command = [
        "compare-layers",
        str(tmp_path / "net.keras"),
        str(file),
        "--data",
        str(tmp_path / "images.npy"),
        "--images",
        "2",
    ]
    assert main(command) == 0
    said = capsys.readouterr().out
    assert "int8, 2 images" in said and "stage1-block1-conv2, stage1-block1-bn2" in said
    assert "first broken   none" in said
    assert main([*command, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["precision"] == "int8" and found["suspects"] == [] and "keep in float" not in said
    assert found["proposal"] is None
    assert found["worst"][0] in said.partition("most noise")[2]


def wild() -> keras.Model:
    """A network with large weights for a channel that is always 0, beside which int8 rounds the others away."""
    image = keras.Input((8, 8, 3), name="image")
    x = K.Conv2D(8, 3, name="first", activation="relu")(image)
    x = K.Conv2D(8, 3, name="wild", activation="relu")(x)
    x = K.Dense(4, name="out")(K.Flatten(name="flat")(K.Conv2D(8, 1, name="last")(x)))
    model = keras.Model(image, x, name="net")
    model.get_layer("first").bias.assign([-100.0] + 7 * [0.0])
    kernel, bias = model.get_layer("wild").get_weights()
    kernel[:, :, 0] = 100
    model.get_layer("wild").set_weights([kernel, bias])
    return model


@pytest.fixture(scope="module")
def wild_files(tmp_path_factory):
    """That network, its int8 file, the images it was calibrated with, and the command that compares them."""
    keras.utils.set_random_seed(1)
    folder, model = tmp_path_factory.mktemp("wild"), wild()
    model.save(folder / "net.keras")
    Card(model="net", labels=tuple("abcd"), preprocess=Preprocess(size=8)).write(folder / "net.keras")
    pixels = np.random.default_rng(2).uniform(size=(40, 4, 4, 3)).repeat(2, axis=1).repeat(2, axis=2)
    photos = ((pixels - Preprocess.mean) / Preprocess.std).astype(np.float32)
    np.save(folder / "images.npy", photos)
    file = folder / "net.int8.tflite"
    with quiet():
        TARGETS["tflite-int8"].write(ExportRequest(model=model, images=photos, types=("int8", "int8")), file)
    command = ["compare-layers", str(folder / "net.keras"), str(file), "--data", str(folder / "images.npy")]
    return model, file, photos, command


def test_a_proposal_is_measured_and_applied(wild_files, tmp_path, capsys, recwarn):
    model, file, photos, command = wild_files
    out, some = tmp_path / "better.tflite", photos[np.linspace(0, 39, 8).round().astype(int)]
    found = compare_layers(model, file, some)
    proposal = propose(model, found, photos, some)
    assert set(proposal.gains) == {*found.suspects()} and "wild" in proposal.layers
    assert proposal.file == found.rows[-1].snr == pytest.approx(proposal.plain, abs=0.1)
    assert proposal.snr - proposal.plain >= max(proposal.gains.values()) > 10
    assert main([*command, "--apply", str(out), "--json"]) == 0
    printed = capsys.readouterr()
    said = json.loads(printed.out)["proposal"]
    assert said["layers"] == [*proposal.layers] and f"{out}: {len(said['layers'])} layer" in printed.err
    measured = compare_layers(model, out, some)
    assert measured.rows[-1].snr == pytest.approx(said["snr"], abs=0.1) and said["snr"] > said["file"] + 10


def test_what_does_not_help_is_neither_proposed_nor_written(wild_files, tmp_path, capsys, monkeypatch, recwarn):
    """Whatever layers are suspected, the file that they make is measured first."""
    monkeypatch.setattr(LayerComparison, "suspects", lambda self: ("out",))
    out = tmp_path / "no_better.tflite"
    assert main([*wild_files[3], "--apply", str(out)]) == 2
    printed = capsys.readouterr()
    assert "tried in float out" in printed.out and "keep in float" not in printed.out
    assert f"Nothing is written to {out}: what was tried is no better than" in printed.err
    assert not out.exists() and not Card.path(out).exists()


def test_layers_are_told_from_a_model_and_from_operations_of_the_same_name(tmp_path):
    """TensorFlow names a tensor after the model, the layer and the operation: each of them may be "net" or "add"."""
    keras.utils.set_random_seed(3)
    image = keras.Input((8, 8, 3), name="image")
    x = K.LayerNormalization(name="norm")(K.Conv2D(4, 3, padding="same", name="net")(image))
    x = K.Add(name="add")([x, K.Conv2D(4, 1, activation="relu", name="side")(x)])
    x = K.Dense(6, activation="tanh", name="dense")(K.Flatten(name="flat")(x))
    model = keras.Model(image, K.Dense(6, name="dense_1")(x), name="net")
    found = compare_layers(model, written(model, "tflite", tmp_path), images(model, 2))
    assert {"add", "dense", "dense_1"} < {row.layer for row in found.rows}
    assert min(row.own_snr for row in found.rows) > 90

    some = ExportRequest(model=model, images=images(model), types=("int8", "int8"), float_layers=frozenset(["net"]))
    with quiet():
        TARGETS["tflite-int8"].write(some, tmp_path / "int8.tflite")
    operators = read_graphs(tmp_path / "int8.tflite")[0].operators
    kernels = [each for each in operators if each.kind in ("CONV_2D", "FULLY_CONNECTED")]
    assert [each.outputs[0].dtype for each in kernels] == ["float32"] + ["int8"] * (len(kernels) - 1)


def test_layers_that_are_random_in_training_are_compared_in_inference(tmp_path):
    image = keras.Input((8, 8, 3))
    x = K.GaussianNoise(1.0)(K.RandomFlip(seed=1)(image))
    model = keras.Model(image, K.Dense(3)(K.Flatten()(K.Conv2D(4, 3)(K.Dropout(0.5)(x)))))
    found = compare_layers(model, written(model, "tflite", tmp_path), images(model, 8))
    assert found.first_broken is None and min(row.own_snr for row in found.rows) > 90


@pytest.mark.parametrize("network", ["LeNet"], indirect=True)
def test_what_cannot_be_compared_is_said(network, tmp_path):
    file = written(network, "tflite", tmp_path)
    with pytest.raises(FileNotFoundError, match="no model file"):
        compare_layers(network, tmp_path / "none.tflite", images(network))
    (tmp_path / "net.keras").write_bytes(b"any")
    with pytest.raises(ValueError, match=r"expected a \.tflite or an \.onnx file"):
        compare_layers(network, tmp_path / "net.keras", images(network))
    two = tmp_path / "two.tflite"
    with quiet():
        TARGETS["tflite"].write(ExportRequest(model=network, batch=2), two)
    with pytest.raises(ValueError, match=r"of shape \(2, 32, 32, 1\); layers are compared on one image, \(1, 32"):
        compare_layers(network, two, images(network))
    with pytest.raises(ValueError, match="takes other images than these"):
        compare_layers(network, written(network, "int8.tflite", tmp_path), 255 + 255 * images(network))
    other = TINY["ResNet"](classes=5, input_shape=(32, 32, 1))
    with pytest.raises(ValueError, match=r"not named after the layers of 'resnet18'. Was it made of another model"):
        compare_layers(other, file, images(other))
