"""Weights of others: their names, their files, what is adapted to what was asked for, and what is refused."""

import hashlib
import http.server
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from parity import assert_equal, logits, randomise, randomise_torch
from references import installed, keras_model, torch_model

import kerascnn
from kerascnn.applications import ROWS
from kerascnn.ledger import entries
from kerascnn.weights import cache, tables
from kerascnn.weights import records as kept
from kerascnn.weights.formats import read_file, recount
from kerascnn.weights.layouts import to_keras
from kerascnn.weights.records import all_records, find_record

# -- names -----------------------------------------------------------------------------------------------------------


def named(text: str, *paths: str) -> dict[str, str]:
    left, right, *options = text.split()
    section = tables.Section(("timm",), ("*",), [tables.Line(tables.pattern(left), tables.source_key(right, *options))])
    return {path: found.name for path, found in section.translate(paths).items() if found}


def test_names_count_from_one_and_compute():
    found = named(
        "stage{s}-block{b}-conv{c} layer{s}.{b-1}.conv{2*c-1}",
        "stage2-block1-conv/kernel",
        "stage2-block12-conv3/kernel",
    )
    assert list(found.values()) == ["layer2.0.conv1", "layer2.11.conv5"]
    assert named("block{m:text}-{i}x{j}-conv {m}.{i+j:letter}", "block3a-1x7-conv/kernel") == {
        "block3a-1x7-conv/kernel": "3a.h"
    }


def test_a_count_runs_over_the_whole_network():
    section = tables.Section(("timm",), ("*",))
    section.counters["n"] = [tables.pattern("stage{s}-block{b}")]
    section.lines.append(tables.Line(tables.pattern("stage{s}-block{b}-conv"), tables.source_key("features.{n}")))
    paths = [f"stage{s}-block{b}-conv/kernel" for s, b in ((1, 1), (1, 2), (2, 1), (2, 10), (2, 9))]
    assert [t.name for t in section.translate(paths).values()] == [f"features.{n}" for n in (1, 2, 3, 5, 4)]


def test_a_count_goes_on_from_one_pattern_to_the_next():
    section = tables.Section(("timm",), ("*",))
    section.counters["m"] = [tables.pattern("stage5-block{b}"), tables.pattern("stage4-block{b}")]
    section.lines.append(tables.Line(tables.pattern("stage{s}-block{b}-conv"), tables.source_key("features.{m}")))
    paths = [f"stage{s}-block{b}-conv/kernel" for s, b in ((4, 1), (4, 2), (5, 1), (5, 2))]
    assert [t.name for t in section.translate(paths).values()] == [f"features.{m}" for m in (3, 4, 1, 2)]


def test_a_table_may_have_the_network_in_its_names():
    section = tables.section("convnext", "keras.applications", "convnext_small", "ConvNeXtSmall")
    stem = "convnext_small_stem/convnext_small_stem_conv"  # a layer of a model within Keras' model
    assert section.translate(["stem-conv/kernel"])["stem-conv/kernel"].name == stem and stem in section.landmarks()


def test_a_table_with_an_unknown_option_is_refused():
    with pytest.raises(ValueError, match="'hwc' is no option of a name; known are chw, coco, part=1/3 and or=name"):
        tables.source_key("fc", "hwc")


@pytest.mark.parametrize("row", ROWS.values(), ids=lambda row: row.name)
def test_every_network_that_loads_has_a_table(row):
    family = type(row).__module__.rpartition(".")[2]
    for entry in entries():
        if entry.name == row.name and entry.loads:
            assert tables.section(family, entry.source, row.name), entry


# -- layouts ---------------------------------------------------------------------------------------------------------


def test_a_flattened_map_is_turned_channels_last():
    torch_map = np.arange(24.0).reshape(1, 2, 3, 4)  # (B, C, H, W)
    weight = np.random.default_rng(0).normal(size=(5, 24))
    ours = to_keras(weight, (24, 5), flattened=(3, 4, 2))
    np.testing.assert_allclose(
        torch_map.transpose(0, 2, 3, 1).reshape(1, -1) @ ours, torch_map.reshape(1, -1) @ weight.T
    )


def test_the_third_part_of_a_fused_tensor():
    fused = np.arange(36.0).reshape(12, 3)
    np.testing.assert_array_equal(to_keras(fused, (3, 4), part=(3, 3)), fused[8:].T)


# -- files -----------------------------------------------------------------------------------------------------------


def small(row=kerascnn.applications.ResNet18, **arguments):
    return row(**{"input_shape": (32, 32, 3), "classifier_activation": None} | arguments)


@pytest.fixture(scope="module")
def torch_file(tmp_path_factory):
    """A file of torchvision's ResNet-18 with random weights, and the module."""
    torch = pytest.importorskip("torch")
    if not installed("torchvision"):
        pytest.skip("torchvision is not installed")
    module = torch_model("torchvision", "resnet18")
    randomise_torch(module)
    path = tmp_path_factory.mktemp("torch") / "resnet18-0123abcd.pth"
    torch.save(module.state_dict(), path)
    return path, module


def test_keras_names_are_counted_from_one_whatever_the_session():
    assert recount(["conv2d_7", "conv2d_9", "conv2d_10", "mixed0"]) == {
        "conv2d_7": "conv2d_1", "conv2d_9": "conv2d_2", "conv2d_10": "conv2d_3", "mixed0": "mixed0",
    }  # fmt: skip
    assert recount(["conv2d", "conv2d_1"])["conv2d_1"] == "conv2d_2"


def test_files_of_keras_2_are_read(tmp_path):
    """Keras 2 wrote names as bytes, with the number of the output, at the root of a file of weights."""
    with h5py.File(tmp_path / "old.h5", "w") as file:
        file.attrs["layer_names"] = np.array([b"conv1", b"pool1"])
        group = file.create_group("conv1")
        group.attrs["weight_names"] = np.array([b"conv1/kernel:0", b"conv1/bias:0"])
        group["conv1/kernel:0"], group["conv1/bias:0"] = np.ones((3, 3, 3, 2)), np.zeros(2)
        file.create_group("pool1").attrs["weight_names"] = np.array([], dtype="S1")
    held = read_file(tmp_path / "old.h5").values
    assert {key: value.shape for key, value in held.items()} == {"conv1/kernel": (3, 3, 3, 2), "conv1/bias": (2,)}


def test_variables_without_a_name_are_not_counted(tmp_path):
    """ConvNeXt's scales: Keras 3 goes on counting through a session, Keras 2 writes them with a capital."""
    with h5py.File(tmp_path / "scales.h5", "w") as file:
        file.attrs["layer_names"] = ["scale", "other"]
        for layer, name in (("scale", "scale/variable_17"), ("other", "Variable:0")):
            file.create_group(layer).attrs["weight_names"] = [name]
            file[layer][name] = np.ones(3)
    assert {*read_file(tmp_path / "scales.h5").values} == {"scale/variable", "other/variable"}


def test_a_pickle_that_would_run_something_is_refused(tmp_path):
    torch = pytest.importorskip("torch")

    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / "sprung"), "w"))

    torch.save({"conv1.weight": Trap()}, tmp_path / "resnet18.pth")
    with pytest.raises(ValueError, match=r"resnet18\.pth is damaged, or is no file of weights"):
        small(weights=tmp_path / "resnet18.pth")
    assert not (tmp_path / "sprung").exists()


def test_whole_checkpoints_are_unwrapped(torch_file, tmp_path):
    import torch

    path, module = torch_file
    torch.save({"model": module.state_dict(), "epoch": 3}, tmp_path / "checkpoint.pth")
    for w, v in zip(small(weights=path).weights, small(weights=tmp_path / "checkpoint.pth").weights, strict=True):
        np.testing.assert_array_equal(w, v)


@pytest.mark.parametrize("name", ["torn.safetensors", "torn.pth", "torn.h5"])
def test_a_damaged_file_is_named(name, tmp_path):
    pytest.importorskip("torch")
    (tmp_path / name).write_bytes(b"not what it says")
    with pytest.raises(ValueError, match=rf"{name} is damaged, or is no file of weights.*Copy or write it again"):
        small(weights=tmp_path / name)


# -- what is adapted -------------------------------------------------------------------------------------------------


def test_the_classifier_is_kept_replaced_or_dropped(torch_file):
    path, module = torch_file
    fc = module.fc.weight.detach().numpy().T
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(small(weights=path).get_layer("head-dense").kernel, fc)
        dropped = small(weights=path, include_top=False)
    with pytest.warns(UserWarning, match="head-dense is new, for 10 classes; the file has 1000"):
        replaced = small(weights=path, classes=10)
    stem = module.conv1.weight.detach().numpy().transpose(2, 3, 1, 0)
    for model in (dropped, replaced):
        np.testing.assert_array_equal(model.get_layer("stem-conv").kernel, stem)


def test_a_classifier_that_nobody_asked_to_replace_is_refused(tmp_path):
    path = tmp_path / "mine.weights.h5"
    small(classes=5).save_weights(path)
    with pytest.raises(ValueError, match=r"has 5 classes, and resnet18 was built for 1000\. Pass classes=5 to keep"):
        small(weights=path)
    assert small(weights=path, classes=5).output_shape == (None, 5)


def test_no_random_numbers_are_drawn_where_a_file_has_the_weights(torch_file, monkeypatch):
    drawn, kind = [], keras.initializers.VarianceScaling
    call = kind.__call__
    monkeypatch.setattr(
        kind, "__call__", lambda self, shape, *rest, **how: drawn.append(shape) or call(self, shape, *rest, **how)
    )
    small(weights=torch_file[0])
    assert drawn == []
    keras.utils.set_random_seed(3)
    with pytest.warns(UserWarning, match="head-dense is new"):
        new = small(weights=torch_file[0], classes=10).get_layer("head-dense").kernel
    assert drawn == [(512, 10)]
    keras.utils.set_random_seed(3)
    np.testing.assert_array_equal(new, small(classes=10).get_layer("head-dense").kernel)
    assert np.std(new) > 0


@pytest.mark.parametrize("channels", [1, 2, 4, 5])
def test_the_first_convolution_is_adapted(torch_file, channels):
    path, module = torch_file
    with pytest.warns(UserWarning, match=f"stem-conv is adapted from 3 to {channels} channels"):
        ours = small(weights=path, input_shape=(32, 32, channels))
    if channels == 1:  # as the network answers to a grey image in all three
        grey = np.random.default_rng(0).normal(size=(2, 32, 32, 1)).astype("float32")
        expected = small(weights=path).predict(np.repeat(grey, 3, axis=-1), verbose=0)
        assert_equal(ours.predict(grey, verbose=0), expected)
    else:  # a constant image gives the first layer the same strength whatever the channels
        kernel = np.asarray(ours.get_layer("stem-conv").kernel)
        theirs = module.conv1.weight.detach().numpy().transpose(2, 3, 1, 0)
        np.testing.assert_allclose(kernel[:, :, 0], theirs[:, :, 0] * 3 / channels, rtol=1e-6)


def test_position_embeddings_are_resized_as_timm_resizes_them(tmp_path):
    if not installed("timm"):
        pytest.skip("timm is not installed")
    import torch
    from safetensors.torch import save_file

    module = torch_model("timm", "vit_tiny_patch16_224")
    randomise_torch(module)
    save_file(module.state_dict(), tmp_path / "vit_tiny_patch16_224.safetensors")
    with pytest.warns(UserWarning, match="is resized from 197 to 101 positions"):
        path = tmp_path / "vit_tiny_patch16_224.safetensors"
        ours = kerascnn.applications.ViTTi16(weights=path, input_shape=(160, 160, 3), classifier_activation=None)
    module.set_input_size((160, 160))
    x = np.random.default_rng(0).normal(size=(2, 160, 160, 3)).astype("float32")
    with torch.no_grad():
        expected = module(torch.tensor(x.transpose(0, 3, 1, 2).copy())).numpy()
    assert_equal(ours.predict(x, verbose=0), expected)


def test_weights_trained_on_blue_first_see_red_first_here(tmp_path):
    theirs = keras_model("VGG16", 224, 1000)
    randomise(theirs)
    path = tmp_path / find_record("vgg16", "keras_in1k").file
    theirs.save_weights(tmp_path / "x.weights.h5")
    theirs.save(path)
    x = np.random.default_rng(0).normal(size=(1, 224, 224, 3)).astype("float32")
    ours = kerascnn.applications.VGG16(weights=path, classifier_activation=None)
    assert_equal(ours.predict(x, verbose=0), logits(theirs).predict(x[..., ::-1], verbose=0))


# -- what is refused -------------------------------------------------------------------------------------------------


def test_the_weights_of_another_depth_name_what_is_missing_and_left(torch_file):
    path, _ = torch_file
    with pytest.raises(
        ValueError, match=r"does not hold the weights of resnet34: missing stage1-block3.*Build the network"
    ):
        small(kerascnn.applications.ResNet34, weights=path)
    with pytest.raises(ValueError, match=r"resnet50 can take: .*keras\.applications's ResNet50.*is for resnet18"):
        small(kerascnn.applications.ResNet50, weights=path)


def test_a_file_that_two_could_have_written_is_not_guessed(tmp_path):
    pytest.importorskip("torch")
    from safetensors.torch import save_file

    module = torch_model("timm", "efficientnet_b0")
    save_file(module.state_dict(), tmp_path / "model.safetensors")
    row = kerascnn.applications.EfficientNetB0
    with pytest.raises(ValueError, match=r"could be .*timm's efficientnet_b0.*tf_efficientnet_b0.*compute differently"):
        row(weights=tmp_path / "model.safetensors")
    save_file(module.state_dict(), tmp_path / "tf_efficientnet_b0.safetensors")
    same = row(weights=tmp_path / "tf_efficientnet_b0.safetensors", input_shape=(32, 32, 3))
    save_file(module.state_dict(), tmp_path / "efficientnet_b0.safetensors")
    padded = row(weights=tmp_path / "efficientnet_b0.safetensors", input_shape=(32, 32, 3))
    assert len(padded.layers) > len(same.layers)


@pytest.mark.parametrize(
    ("tag", "says"),
    [
        ("imagnet", "resnet18 has no published weights 'imagnet'. Did you mean 'imagenet'"),
        ("tv_in1k_v2", "Did you mean 'tv_in1k_v1'"),
    ],
)
def test_an_unknown_tag_suggests_the_nearest(tag, says):
    with pytest.raises(ValueError, match=says):
        small(weights=tag)


# -- records ---------------------------------------------------------------------------------------------------------


def test_every_record_is_whole():
    names = [(r.name, r.top, bool(r.package)) for r in all_records()]
    assert len(set(names)) == len(names)
    for r in all_records():
        assert r.entry.loads and r.url.startswith(("https://", "package:")) and r.classes > 1, r
        assert len(r.preprocess.mean) == len(r.preprocess.std) == 3 and 0 < r.preprocess.crop <= 1, r
        assert r.preprocess.interpolation in ("bilinear", "bicubic"), r
        kind, _, digest = r.hash.partition(":")
        lengths = (("md5", 32), ("sha256", 8), ("sha256", 10), ("sha256", 64))
        assert kind == digest == "" or (kind, len(digest)) in lengths, r
        assert not digest or int(digest, 16) > 0, r


def test_the_default_is_imagenet_with_its_thousand_classes():
    record = find_record("resnet50")
    assert record.tag == "keras_in1k" and record.bgr and record.hash == "md5:2cb95161c43110f7111970584f804107"
    assert find_record("resnet50", include_top=False).file.endswith("_notop.h5")
    assert kerascnn.list_weights("resnet50_v1_5")[:2] == ["tv_in1k_v1", "tv_in1k_v2"]
    for network in {r.network for r in all_records() if r.classes == 1000}:
        assert find_record(network).classes == 1000


KERAS = sorted({r.network for r in all_records() if r.source == "keras.applications"})


@pytest.mark.sharded
@pytest.mark.parametrize("network", KERAS)
def test_records_are_what_keras_asks_for(network, monkeypatch):
    """Keras' own loader is asked for the weights, and the file that it would get is noted."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "tools"))
    from weight_records import of_keras

    mine = [r for r in all_records() if (r.network, r.source) == (network, "keras.applications")]
    asked = of_keras(mine[0].entry, {})
    assert {(r.tag, r.top, r.url, r.hash) for r in mine} == {
        (row["tag"], row["top"] == "yes", row["url"], row["hash"]) for row in asked
    }


def test_every_file_of_keras_applications_is_known():
    assert sum(r.source == "keras.applications" for r in all_records()) == 176


def test_records_are_what_torchvision_publishes():
    if not installed("torchvision"):
        pytest.skip("torchvision is not installed")
    from references import import_torchvision

    models = import_torchvision().models
    for r in (r for r in all_records() if r.source == "torchvision"):
        weights = {w.url: w for w in models.get_model_weights(r.source_name)}[r.url]
        transforms, p = weights.transforms(), r.preprocess
        assert r.classes == len(weights.meta["categories"]), r
        if not hasattr(transforms, "resize_size"):  # of a detector, which normalises images itself
            inside = torch_model("torchvision", r.source_name).transform
            assert np.allclose([p.mean, p.std], [inside.image_mean, inside.image_std], rtol=1e-8), r
            assert (p.size, p.squash, r.top1) == (inside.min_size[-1], True, None), r
            continue
        seen = getattr(transforms, "crop_size", transforms.resize_size)  # of masks nothing is cut off
        assert (p.size, round(p.size / p.crop)) == (seen[0], transforms.resize_size[0]), r
        again = r.source_name in ("googlenet", "inception_v3")  # with these weights they put images back to -1..1
        assert [list(p.mean), list(p.std)] == (2 * [[0.5] * 3] if again else [transforms.mean, transforms.std]), r
        assert r.top1 == weights.meta["_metrics"].get("ImageNet-1K", {}).get("acc@1"), r


def test_records_are_what_timm_publishes():
    if not installed("timm"):
        pytest.skip("timm is not installed")
    from references import import_torchvision

    import_torchvision()
    import timm

    for r in (r for r in all_records() if r.source == "timm"):
        tag = r.tag.removeprefix("tf_") if r.source_name.startswith("tf_") else r.tag  # theirs and Keras' are two
        config = timm.get_pretrained_cfg(f"{r.source_name}.{tag}")
        assert r.url == f"https://huggingface.co/{config.hf_hub_id}/resolve/main/model.safetensors", r
        assert (r.preprocess.mean, r.preprocess.std, r.classes) == (config.mean, config.std, config.num_classes), r
        assert r.preprocess.squash == (config.crop_mode == "squash" and r.preprocess.crop == 1), r


# -- downloads -------------------------------------------------------------------------------------------------------


class Server(http.server.BaseHTTPRequestHandler):
    """Serves one file; it can break off, forget ranges and send something else."""

    body, stop_after, ranges, asked = b"", None, True, []

    def do_GET(self):
        self.asked.append((self.path, self.headers["Range"]))
        start = int(self.headers["Range"][6:-1]) if self.ranges and self.headers["Range"] else 0
        if self.headers["Range"] and start >= len(self.body):
            return self.send_error(416)
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(self.body) - start))
        self.end_headers()
        self.wfile.write(self.body[start:][: self.stop_after])

    def log_message(self, *_):
        pass


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A mirror that has ResNet-18's weights, and a cache that is empty."""

    class Mirror(Server):
        body, asked = np.random.default_rng(0).bytes(3_000_000), []

    httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Mirror)
    threading.Thread(target=httpd.serve_forever, daemon=True).start()
    monkeypatch.setenv("KERASCNN_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("KERASCNN_MIRROR", f"http://127.0.0.1:{httpd.server_port}/")
    yield Mirror
    httpd.shutdown()
    httpd.server_close()


def a_record(body: bytes):
    return replace(find_record("resnet18", "tv_in1k_v1"), hash="sha256:" + hashlib.sha256(body).hexdigest()[:8])


def test_a_file_is_downloaded_once(server, tmp_path):
    record = a_record(server.body)
    path = cache.fetch(record)
    assert path == tmp_path / "home/weights/resnet18.tv_in1k_v1/resnet18-f37072fd.pth"
    assert path.read_bytes() == server.body and cache.fetch(record) == path
    assert server.asked == [("/weights/resnet18.tv_in1k_v1/resnet18-f37072fd.pth", None)]
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_who_asks_at_the_same_time_waits_for_the_one_download(server):
    record = a_record(server.body)
    with ThreadPoolExecutor(4) as pool:
        paths = list(pool.map(cache.fetch, 4 * [record]))
    assert paths[0].read_bytes() == server.body and len(server.asked) == 1


@pytest.mark.parametrize("ranges", [True, False])
def test_a_download_that_broke_off_goes_on(server, ranges):
    record = a_record(server.body)
    server.stop_after = 1_200_000
    with pytest.raises(ConnectionError, match=r"Call again to go on"):
        cache.fetch(record)
    server.stop_after, server.ranges = None, ranges
    assert cache.fetch(record).read_bytes() == server.body
    assert server.asked[1][1] == "bytes=1200000-"


def test_a_part_that_was_already_whole_is_checked_and_taken(server):
    record = a_record(server.body)
    part = cache.home() / cache.place(record)
    part.parent.mkdir(parents=True)
    part.with_name(part.name + ".part").write_bytes(server.body)
    assert cache.fetch(record).read_bytes() == server.body


def test_another_file_than_the_published_is_deleted(server):
    record = a_record(b"the published one")
    with pytest.raises(ValueError, match=r"not the published file of resnet18\.tv_in1k_v1: its sha256 is .*deleted"):
        cache.fetch(record)
    assert not list((cache.home() / cache.place(record)).parent.iterdir())


def test_a_file_in_the_cache_is_checked_when_it_is_first_read(server):
    record = a_record(server.body)
    path = cache.fetch(record)
    path.write_bytes(b"rotten")
    with pytest.raises(ValueError, match=r"What lies at .* is not the published file of resnet18\.tv_in1k_v1.*deleted"):
        cache.fetch(record)
    assert not path.exists() and cache.fetch(record).read_bytes() == server.body
    path.write_bytes(b"rotten")
    assert cache.fetch(replace(record, hash="")) == path  # of which nothing is known


def test_offline_only_the_cache_is_asked(server, monkeypatch):
    monkeypatch.setenv("KERASCNN_OFFLINE", "1")
    with pytest.raises(
        FileNotFoundError, match=r"KERASCNN_OFFLINE is set .* put https://download.*resnet18-f37072fd\.pth at"
    ):
        small(weights="tv_in1k_v1")
    assert not server.asked


def test_a_server_that_is_not_there(monkeypatch, tmp_path):
    monkeypatch.setenv("KERASCNN_HOME", str(tmp_path))
    monkeypatch.setenv("KERASCNN_MIRROR", "http://127.0.0.1:9")
    with pytest.raises(ConnectionError, match=r"could not be downloaded.*KERASCNN_MIRROR"):
        cache.fetch(find_record("resnet18"))


def test_a_tag_brings_the_weights_and_their_style(server, torch_file, monkeypatch):
    path, module = torch_file
    server.body = path.read_bytes()
    record = a_record(server.body)
    monkeypatch.setattr(kept, "all_records", lambda: (record,))
    ours = kerascnn.build("resnet18.tv_in1k_v1", input_shape=(64, 64, 3), classifier_activation=None)
    import torch

    x = np.random.default_rng(0).normal(size=(2, 64, 64, 3)).astype("float32")
    with torch.no_grad():
        expected = module(torch.tensor(x.transpose(0, 3, 1, 2).copy())).numpy()
    assert_equal(ours.predict(x, verbose=0), expected)
    assert keras.backend.floatx() == "float32"
