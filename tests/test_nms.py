"""Files of detectors that suppress boxes themselves: what they put out, how they are verified, evaluated and used."""

import numpy as np
import pytest
from parity import images, randomise
from PIL import Image

import kerascnn
from kerascnn.card import Card
from kerascnn.cli import main
from kerascnn.data.sources import shape_boxes
from kerascnn.deploy import TARGETS, ExportError
from kerascnn.deploy.flatbuffer import read_graphs
from kerascnn.detection import ssdlite, yolov3
from kerascnn.runtime import keras_runner, open_model
from kerascnn.spec import Preprocess
from kerascnn.tasks import Classification, Detection
from kerascnn.tasks.detection.evaluation import in_common, matches

LABELS = ("disc", "ring", "square", "triangle")
TASK = Detection(labels=LABELS)
HOW = Preprocess(size=64, squash=True, mean=(0.5,) * 3, std=(0.25,) * 3)
CHOSEN = {"boxes", "classes", "scores", "count"}


@pytest.fixture(scope="module", autouse=True)
def fewer_images():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shape_boxes, "COUNT", 40)
        yield


def written(folder, system, name="model.keras"):
    row = system("resnet20_cifar")
    model = row.replace(**row.tiny)(classes=len(LABELS), input_shape=(64, 64, 3))
    randomise(model)
    model.save(folder / name)
    Card(model=model.name, task="detection", labels=LABELS, preprocess=HOW).write(folder / name)
    return folder / name


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return written(tmp_path_factory.mktemp("nms"), ssdlite)


def raw(path, x):
    return keras_runner(kerascnn.load_keras(path), "model")(x)


@pytest.mark.parametrize("format", ["tflite", "onnx", "saved_model"])
def test_a_file_puts_out_what_is_chosen_of_the_others(path, format, tmp_path):
    suffix = TARGETS[format].suffix
    report = kerascnn.export(path, tmp_path / f"model{suffix}", format, nms=True)
    assert report.decided > 0 and report.decided_agreement > 0.9
    x = images(kerascnn.load_keras(path), 3)
    got = open_model(report.path)(x)
    assert {*got} == CHOSEN
    assert {name: values.shape for name, values in got.items()} == {
        "boxes": (3, 100, 4), "classes": (3, 100), "scores": (3, 100), "count": (3,)
    }  # fmt: skip
    if format == "tflite":
        assert report.operators["NON_MAX_SUPPRESSION_V4"] == 1 and "WHILE" not in report.operators
        assert not [name for name in report.operators if name.startswith("Flex")]
    for ours, theirs in zip(TASK.decode(got), TASK.decode(raw(path, x)), strict=True):
        assert len(ours.scores) == len(theirs.scores) > 20
        np.testing.assert_array_equal(ours.classes, theirs.classes)
        np.testing.assert_allclose(ours.boxes, theirs.boxes, atol=0.01)
        np.testing.assert_allclose(ours.scores, theirs.scores, atol=1e-4)


def test_other_detectors_and_more_images_at_a_time(tmp_path):
    path = written(tmp_path, yolov3)
    report = kerascnn.export(path, tmp_path / "model.tflite", nms=True, batch=2)
    assert report.operators["NON_MAX_SUPPRESSION_V4"] == 2 and report.input_shape == (2, 64, 64, 3)
    x = images(kerascnn.load_keras(path), 3)
    for ours, theirs in zip(TASK.decode(open_model(report.path)(x)), TASK.decode(raw(path, x)), strict=True):
        assert len(ours.scores) == len(theirs.scores)
        np.testing.assert_allclose(ours.scores, theirs.scores, atol=1e-4)
        apart = np.abs(ours.boxes[:, None] - theirs.boxes).max(-1)  # two whose scores are all but one change places
        assert apart.min(0).max() < 0.01 and apart.min(1).max() < 0.01


def test_a_file_of_integers_chooses_in_floats(path, tmp_path):
    model = kerascnn.load_keras(path)
    x = np.clip(images(model, 32), -2, 2)
    report = kerascnn.export(
        path, tmp_path / "model.tflite", "tflite-int8", nms=True, io="uint8", calibration=x, overwrite=True
    )
    with pytest.raises(ExportError, match=r"boxes are chosen in floats\. Take tflite-int8"):
        kerascnn.export(path, tmp_path / "other.tflite", "tflite-int16x8", nms=True, calibration=x)
    assert report.types == ("uint8", "float32") and report.operators["NON_MAX_SUPPRESSION_V4"] == 1
    assert report.decided > 100 and report.decided_agreement > 0.9
    (graph,) = read_graphs(tmp_path / "model.tflite")
    of_floats = {each.kind for each in graph.operators if each.outputs[0].dtype == "float32"}
    assert not {"CONV_2D", "DEPTHWISE_CONV_2D", "EXP", "SOFTMAX"} & of_floats
    got = TASK.decode(open_model(report.path)(x[:4]))
    for ours, theirs in zip(got, TASK.decode(raw(path, x[:4])), strict=True):
        assert len(ours.scores) == len(theirs.scores) == 100
        assert matches(in_common(ours, theirs)) > 80
        np.testing.assert_allclose(ours.scores, theirs.scores, atol=0.05)


def test_both_kinds_of_files_are_evaluated_verified_and_used(path, tmp_path, capsys):
    assert main(["export", str(path), "--nms", "--pixels", "--out", str(tmp_path / "model.tflite")]) == 0
    measured = [kerascnn.evaluate(each, "shape_boxes").evaluation for each in (path, tmp_path / "model.tflite")]
    assert measured[0].ap50 == pytest.approx(measured[1].ap50, abs=1e-3)
    assert measured[0].agreement(measured[1]) > 0.95  # images of one colour have boxes of one score
    report = kerascnn.verify(path, tmp_path / "model.tflite")
    assert report.decided > 0 and report.excess <= 1
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (80, 64, 3)).astype("uint8")).save(tmp_path / "x.png")
    told = [kerascnn.predict(each, tmp_path / "x.png") for each in (path, tmp_path / "model.tflite")]
    first, other = (each.as_dict()["objects"][0] for each in told)
    assert first["label"] == other["label"] and first["score"] == pytest.approx(other["score"], abs=0.01)
    np.testing.assert_allclose(first["box"], other["box"], atol=0.5)


def shifted(got):
    return got | {"boxes": got["boxes"] + 3 * (got["scores"] > 0)[..., None]}


def of_other_classes(got):
    return got | {"classes": (got["classes"] + 1) % 3}


def surer(got):
    return got | {"scores": np.minimum(got["scores"] * 1.2, 1)}


def half_of_them(got):
    return got | {"count": got["count"] // 2}


def nothing(got):
    return {name: values * 0 for name, values in got.items()}


def twice(got):
    """As without suppression: the first boxes again and again."""
    places = np.tile(np.arange(10), 10)
    return {name: values[:, places] if values.ndim > 1 else values for name, values in got.items()}


@pytest.fixture(scope="module")
def said(path):
    return raw(path, images(kerascnn.load_keras(path), 8))


@pytest.mark.parametrize("damage", [shifted, of_other_classes, surer, half_of_them, nothing, twice])
def test_a_file_that_finds_something_else_is_refused(said, damage):
    wanted = said
    rows = [np.zeros((8, 100, 4), "f4"), np.zeros((8, 100), "f4"), np.zeros((8, 100), "f4"), np.zeros(8, "f4")]
    for n, found in enumerate(TASK.decode(wanted)):
        count = len(found.scores)
        rows[0][n, :count], rows[1][n, :count], rows[2][n, :count], rows[3][n] = (
            found.boxes, found.scores, found.classes, count
        )  # fmt: skip
    got = dict(zip(("boxes", "scores", "classes", "count"), rows, strict=True))
    how = {"steps": {}, "tolerance": 0.02}
    right = TASK.compare(wanted, got, **how)
    assert right.excess == 0 and right.decided_agreement == 1 and right.decided > 100
    wrong = TASK.compare(wanted, damage(got), **how)
    assert wrong.excess > 1 or wrong.decided_agreement < 0.9


def test_images_without_objects_say_little(said):
    wanted = said | {"scores": said["scores"] * 0}
    got = {"boxes": np.zeros((8, 100, 4)), "scores": np.zeros((8, 100)), "classes": np.zeros((8, 100))}
    found = TASK.compare(wanted, got | {"count": np.zeros(8)}, steps={}, tolerance=1e-4)
    assert found.excess == 0 and found.decided == 0 and "Nothing is found" in found.notes[0]


def test_boxes_cut_to_nothing_are_no_objects():
    """LiteRT's kernel takes the overlap of such a box with itself for 0, and would choose it a hundred times."""
    boxes = np.array([[[64, 10, 64, 30], [0, 0, 20, 20], [5, 30, 40, 30.2]]], "float32")
    scores = np.array([[[0.9, 0, 0, 0], [0.8, 0, 0, 0], [0, 0.7, 0, 0]]], "float32")
    (found,) = TASK.decode({"boxes": boxes, "scores": scores})
    assert found.boxes.tolist() == [[0, 0, 20, 20]]


def test_what_cannot_be_written_or_read_says_why(path, tmp_path):
    with pytest.raises(ValueError, match="nms=True goes with a fixed batch"):
        kerascnn.export(path, tmp_path / "model.tflite", nms=True, batch=None)
    with pytest.raises(ValueError, match="nms=True asks the card what the outputs are"):
        kerascnn.export(kerascnn.load_keras(path), tmp_path / "model.tflite", nms=True)
    with pytest.raises(ValueError, match="suppresses boxes that overlap, and classification has none"):
        Classification(labels=("a", "b")).nms()
    right = {"boxes": np.zeros((1, 5, 4)), "scores": np.zeros((1, 5)), "classes": np.zeros((1, 5)), "count": np.ones(1)}
    assert len(TASK.decode(right)) == 1
    with pytest.raises(ValueError, match=r"gives boxes \(1, 5, 4\), scores \(1, 4\).*expected \(N, M, 4\)"):
        TASK.decode(right | {"scores": np.zeros((1, 4))})
    with pytest.raises(ValueError, match="finds 9 objects of classes up to 0, and has room for 5"):
        TASK.decode(right | {"count": np.full(1, 9)})
    with pytest.raises(ValueError, match="classes up to 4, and has room for 5 and labels of 4"):
        TASK.decode(right | {"classes": np.full((1, 5), 4)})
    with pytest.raises(ValueError, match="answers NaN"):
        TASK.decode(right | {"boxes": np.full((1, 5, 4), np.nan)})
    assert not [*tmp_path.iterdir()]
