"""What a .tflite file says about itself is there for Android to read: by the schema's places, not by our own reader."""

import struct
import zipfile
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from test_deploy import CARD, SIZE, plain

from kerascnn.deploy import export, metadata
from kerascnn.deploy.images import noise
from kerascnn.runtime import open_model
from kerascnn.runtime.tflite import output_order
from kerascnn.tasks import Detection, OutputTensor, Segmentation
from kerascnn.weights.records import find_record

FACTS = {"author": "A. Painter", "licence": "MIT", "version": "3", "description": "Seven things, \N{EN DASH} small."}
WANTED = replace(CARD, labels=("cat", "dog", "ünïcode", "d e", "e", "f", "g"), facts=FACTS)


@pytest.fixture(scope="module")
def net():
    return plain()


@pytest.fixture(autouse=True)
def working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


class Walk:
    """A flatbuffer table, read from its bytes alone as the format's own documentation lays them out."""

    def __init__(self, buffer: bytes, at: int) -> None:
        self.buffer, self.at = buffer, at

    def int(self, kind: str, at: int) -> int:
        return struct.unpack_from(f"<{kind}", self.buffer, at)[0]

    def field(self, place: int) -> int:
        table = self.at - self.int("i", self.at)
        inside = 4 + 2 * place
        return self.int("H", table + inside) if inside < self.int("H", table) else 0

    def number(self, place: int, kind: str) -> int:
        return self.int(kind, self.at + self.field(place)) if self.field(place) else 0

    def vector(self, place: int) -> tuple[int, int]:
        at = self.at + self.field(place)
        at += self.int("I", at)
        return at + 4, self.int("I", at)

    def text(self, place: int) -> str:
        start, length = self.vector(place)
        assert self.buffer[start + length] == 0, "strings end in a zero"
        return self.buffer[start : start + length].decode()

    def floats(self, place: int) -> list[float]:
        start, length = self.vector(place)
        return list(struct.unpack_from(f"<{length}f", self.buffer, start))

    def table(self, place: int) -> "Walk":
        at = self.at + self.field(place)
        return Walk(self.buffer, at + self.int("I", at))

    def only(self, place: int) -> "Walk":
        start, length = self.vector(place)
        assert length == 1
        return Walk(self.buffer, start + self.int("I", start))


def written(content: bytes) -> Walk:
    model = schema.Model.GetRootAs(content)
    entries = {model.Metadata(i).Name(): model.Metadata(i).Buffer() for i in range(model.MetadataLength())}
    assert model.Buffers(entries[b"min_runtime_version"]).DataLength() > 0
    buffer = model.Buffers(entries[b"TFLITE_METADATA"]).DataAsNumpy().tobytes()
    assert buffer[4:8] == b"M001"
    return Walk(buffer, struct.unpack_from("<I", buffer)[0])


@pytest.mark.parametrize("format", ["tflite", "tflite-fp16", "tflite-dynamic", "tflite-int8", "tflite-int16x8"])
def test_every_table_is_where_the_schema_has_it(format, net):
    exported = export(net, format=format, card=WANTED, calibration=noise((SIZE, SIZE, 3)))
    model = written(Path(exported.path).read_bytes())
    assert (model.text(0), model.text(1), model.text(2)) == ("plain", FACTS["description"], "3")
    assert (model.text(4), model.text(5), model.text(7)) == ("A. Painter", "MIT", "1.0.0")
    graph = model.only(3)
    image, scores = graph.only(2), graph.only(3)
    assert image.table(3).number(0, "B") == 2, "content is ImageProperties"
    properties = image.table(3).table(1)
    assert properties.number(0, "b") == 1, "RGB"
    assert [properties.table(1).number(place, "I") for place in (0, 1)] == [SIZE, SIZE]
    assert image.only(4).number(0, "B") == 1, "the process unit is NormalizationOptions"
    mean, std = (image.only(4).table(1).floats(place) for place in (0, 1))
    np.testing.assert_allclose(mean, [123.675, 116.28, 103.53], rtol=1e-6)
    np.testing.assert_allclose(std, [58.395, 57.12, 57.375], rtol=1e-6)
    highest, lowest = (image.table(5).floats(place) for place in (0, 1))
    np.testing.assert_allclose(highest, (255 - np.array(mean)) / std, rtol=1e-5)
    np.testing.assert_allclose(lowest, -np.array(mean) / std, rtol=1e-5)
    assert scores.table(3).number(0, "B") == 1, "content is FeatureProperties"
    assert (scores.only(6).text(0), scores.only(6).number(2, "b")) == ("labels.txt", 2)


@pytest.mark.parametrize("format", ["tflite", "tflite-int8"])
def test_a_segmenter_gives_a_grey_image_for_each_class(format):
    image = keras.Input((SIZE, SIZE, 3), name="image")
    scores = keras.layers.Conv2D(7, 1)(keras.layers.Conv2D(8, 3, padding="same", activation="relu")(image))
    card = replace(WANTED, task="segmentation")
    exported = export(keras.Model(image, scores), format=format, card=card, calibration=noise((SIZE, SIZE, 3)))
    masks = written(Path(exported.path).read_bytes()).only(3).only(3)
    assert masks.text(0) == "segmentation_masks"
    assert masks.table(3).number(0, "B") == 2, "content is ImageProperties"
    assert masks.table(3).table(1).number(0, "b") == 2, "GRAYSCALE"
    assert [masks.table(3).table(2).number(place, "i") for place in (0, 1)] == [1, 2], "its height and width"
    assert (masks.only(6).text(0), masks.only(6).number(2, "b")) == ("labels.txt", 2), "TENSOR_AXIS_LABELS"
    read = metadata.read(exported.path)
    assert read.labels == WANTED.labels and read.outputs == Segmentation.tflite_metadata
    metadata.write(exported.path, replace(read, outputs=(OutputTensor(name="x", description="", content=""),)))
    assert metadata.read(exported.path).labels == () and metadata.read(exported.path).outputs[0].content == ""


def test_a_detector_that_suppresses_boxes_gives_boxes_classes_scores_and_their_number():
    image = keras.Input((SIZE, SIZE, 3), name="image")
    x = keras.layers.Conv2D(8, 3, 8, activation="relu")(image)
    boxes = keras.layers.Reshape((-1, 4))(keras.layers.Conv2D(4, 1)(x))
    boxes = keras.layers.Lambda(lambda b: keras.ops.cumsum(keras.ops.abs(b), -1))(boxes)
    scores = keras.layers.Reshape((-1, 7))(keras.layers.Conv2D(7, 1, activation="sigmoid")(x))
    net, card = keras.Model(image, {"boxes": boxes, "scores": scores}), replace(WANTED, task="detection")
    exported = export(net, "net.tflite", card=card, nms=True)
    start, length = written(Path(exported.path).read_bytes()).only(3).vector(3)
    whole = written(Path(exported.path).read_bytes()).buffer
    tensors = [Walk(whole, at + struct.unpack_from("<I", whole, at)[0]) for at in range(start, start + 4 * length, 4)]
    by_name = {tensor.text(0): tensor for tensor in tensors}
    assert {*by_name} == {"location", "category", "score", "number of detections"}
    outputs = {each.output: each.name for each in Detection.tflite_metadata}
    assert [tensor.text(0) for tensor in tensors] == [outputs[name] for name in output_order(Path("net.tflite"))]
    content = by_name["location"].table(3)
    assert content.number(0, "B") == 3, "content is BoundingBoxProperties"
    assert [content.table(1).number(place, "b") for place in (1, 2)] == [1, 1], "BOUNDARIES, PIXEL"
    assert [content.table(2).number(place, "i") for place in (0, 1)] == [2, 2]
    assert by_name["category"].only(6).number(2, "b") == 3, "TENSOR_VALUE_LABELS"
    read = metadata.read("net.tflite")
    assert read.labels == WANTED.labels and {*read.outputs} == {*Detection.tflite_metadata}
    export(net, "raw.tflite", card=card)
    with pytest.raises(ValueError, match="holds no metadata"):
        metadata.read("raw.tflite")


def test_labels_are_a_plain_zip_behind_the_model(net):
    export(net, "net.tflite", card=WANTED)
    with zipfile.ZipFile("net.tflite") as files:
        assert files.testzip() is None and files.namelist() == ["labels.txt"]
        assert files.read("labels.txt").decode().split("\n") == list(WANTED.labels)
        entry = files.getinfo("labels.txt")
    assert entry.compress_type == zipfile.ZIP_STORED
    content = Path("net.tflite").read_bytes()
    assert content[entry.header_offset :].startswith(b"PK\x03\x04"), "places count from the beginning of the file"


def test_the_same_model_makes_the_same_bytes(net):
    for name in "a.tflite", "b.tflite":
        export(net, name, card=WANTED)
    assert Path("a.tflite").read_bytes() == Path("b.tflite").read_bytes()


def test_the_network_is_the_same_with_it_and_without(net):
    images = noise((SIZE, SIZE, 3))
    export(net, "with.tflite", card=WANTED)
    export(net, "without.tflite")
    np.testing.assert_array_equal(*(open_model(f"{name}.tflite")(images)["scores"] for name in ("with", "without")))


def test_weights_lie_where_phones_may_map_them(net):
    export(net, "net.tflite", card=WANTED)
    content = Path("net.tflite").read_bytes()
    model = schema.Model.GetRootAs(content)
    for index in range(model.BuffersLength()):
        buffer = model.Buffers(index)
        if buffer.DataLength():
            assert buffer._tab.Vector(buffer._tab.Offset(4)) % 16 == 0


def test_reading_gives_back_what_was_written(net):
    export(net, "net.tflite", card=WANTED)
    read = metadata.read("net.tflite")
    assert read.labels == WANTED.labels and read.size == (SIZE, SIZE) and read.channels == 3
    assert (read.name, read.author, read.licence, read.version) == ("plain", "A. Painter", "MIT", "3")
    np.testing.assert_allclose(read.mean, 255 * np.array(WANTED.preprocess.mean), rtol=1e-6)
    again = replace(read, labels=("another",), name="b")
    metadata.write("net.tflite", again)
    assert metadata.read("net.tflite") == again, "what was there is replaced"
    assert zipfile.ZipFile("net.tflite").namelist() == ["labels.txt"]


def test_pixels_need_no_normalisation(net):
    export(net, "net.tflite", card=WANTED, pixels=True)
    read = metadata.read("net.tflite")
    np.testing.assert_allclose(read.mean, 0)
    np.testing.assert_allclose(read.std, 1, rtol=1e-6)


def test_a_label_of_several_lines_is_one(net):
    export(net, "net.tflite", card=replace(WANTED, labels=("cat", "hot\n dog\u2028", *WANTED.labels[2:])))
    assert metadata.read("net.tflite").labels == ("cat", "hot dog", *WANTED.labels[2:])
    with pytest.raises(ValueError, match="The name of class 1 is empty"):
        export(net, "other.tflite", card=replace(WANTED, labels=("cat", " \n", *WANTED.labels[2:])))
    assert not Path("other.tflite").exists()


def test_a_training_is_told_by_its_facts():
    facts = {
        "recipe": {
            "model": {"name": "resnet50", "weights": "imagenet"},
            "length": {"class": "Epochs", "epochs": 2},
            "optimizer": {"class": "SGD", "lr": 0.1},
        },
        "data": {"source": "/home/me/photos", "fingerprint": "0123456789abcdef"},
        "versions": {"kerascnn": "0.1.0", "keras": "3"},
        "history": [{"val_top1": 0.25}, {"val_top1": 0.5}],
    }
    read = metadata.of_card(replace(WANTED, facts=facts), (SIZE, SIZE, 3))
    record = find_record("resnet50")
    assert read.version == "kerascnn 0.1.0" and read.author == ""
    assert record.licence and read.licence == f"{record.licence}, of the weights {record.name}"
    assert read.description == (
        "plain, image classification: 7 classes. Trained on photos, fingerprint 0123456789abcdef. Recipe: epochs 2, "
        "optimizer SGD, learning rate 0.1. Began with the weights imagenet. "
        "Top-1 accuracy on validation images: 50.00%."
    )
    later = {**facts, "validation": {"top1": 0.75}}
    assert "75.00%" in metadata.of_card(replace(WANTED, facts=later), (SIZE, SIZE, 3)).description
    assert metadata.of_card(replace(WANTED, facts={**facts, **FACTS}), (SIZE, SIZE, 3)).licence == "MIT"
    for strange in ({"recipe": "mine.py"}, {"history": [1]}, {"versions": 3, "validation": {"top1": "good"}}):
        said = metadata.of_card(replace(WANTED, facts=strange), (SIZE, SIZE, 3))
        assert said.description == "plain, image classification: 7 classes." and said.version == ""


def test_what_nobody_said_is_left_out(net):
    export(net, "net.tflite", card=replace(WANTED, facts={}))
    model = written(Path("net.tflite").read_bytes())
    assert [model.field(place) for place in (2, 4, 5)] == [0, 0, 0]
    assert metadata.read("net.tflite").description == "plain, image classification: 7 classes."


def test_a_file_that_says_nothing(net):
    export(net, "net.tflite")
    with pytest.raises(ValueError, match=r"net\.tflite holds no metadata\. Export it with a card"):
        metadata.read("net.tflite")
