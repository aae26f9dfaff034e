import base64
import io
import json
import sys
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import precision_recall_fscore_support

from kerascnn.evaluation import Evaluation
from kerascnn.evaluation.calibration import calibration, scaling
from kerascnn.evaluation.robustness import Robustness
from kerascnn.report import FileRow, Mistake, Report, plots, write_report

UNKNOWN = "\N{EN DASH}"
VOID = {"meta", "img", "br", "link", "input", "hr"}
EVIL = "<script>alert('\"&')</script>"


class Page(HTMLParser):
    """What a page holds; fails when an element is not closed in its turn."""

    def __init__(self, text: str):
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.rows: list[list[str]] = []
        self.inside: list[str] = []
        self.feed(text)
        self.close()
        assert not self.inside, f"never closed: {self.inside}"

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.inside.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("th", "td"):
            self.rows[-1].append("")

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.inside.pop() == tag

    def handle_data(self, data):
        if "style" in self.inside:
            return
        self.words.append(data)
        if {"th", "td"} & set(self.inside):
            self.rows[-1][-1] += data

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def every(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    def drawings(self) -> list[str]:
        return [label for div in self.every("div") if div.get("role") == "img" and (label := div["aria-label"])]


def an_epoch(epoch: int, **changes: float | None) -> dict[str, float | None]:
    values = {"loss": 2 / epoch, "top1": 1 - 0.5 / epoch, "val_loss": 2.2 / epoch, "val_top1": 1 - 0.6 / epoch}
    return {"epoch": epoch, **values, "lr": 1e-3 / epoch, "images_per_second": 1000.0 + epoch, **changes}


def a_mistake(**changes) -> Mistake:
    image = np.arange(192, dtype=np.uint8).reshape(8, 8, 3)
    return Mistake(
        **{"image": image, "true": "cat", "predicted": "dog", "confidence": 0.875, "name": "7.png"} | changes
    )


FILES = [
    FileRow(name="net.keras", format="Keras", bytes=412_331, top1=0.9, agreement=1.0, latency_ms=4.812, max_error=0.0),
    FileRow(
        name="net.int8.tflite",
        format="TFLite, int8",
        bytes=68_944,
        top1=0.8765,
        agreement=0.9321,
        proved="same classes",
    ),
]


def a_report(labels=("cat", "dog", "owl"), **changes) -> Report:
    classes = len(labels)
    given = {
        "title": "LeNet-5 on pets",
        "subtitle": "Trained for 3 epochs.",
        "facts": {"Command": "kerascnn train lenet5", "Seed": "7"},
        "history": [an_epoch(epoch) for epoch in (1, 2, 3)],
        "labels": labels,
        "confusion": 9 * np.eye(classes, dtype=int) + np.eye(classes, k=1, dtype=int),
        "mistakes": [a_mistake()],
        "files": FILES,
    }
    return Report(**given | changes)


def written(folder, report: Report) -> Page:
    return Page(write_report(folder / "report.html", report).read_text(encoding="utf-8"))


def test_the_page_refers_to_nothing_outside(tmp_path):
    path = write_report(tmp_path / "run" / "report.html", a_report())
    assert path == tmp_path / "run" / "report.html"
    assert sorted(file.name for file in path.parent.iterdir()) == ["report.html", "report.json"]
    page = Page(path.read_text(encoding="utf-8"))
    addresses = [
        value
        for _, attributes in page.elements
        for name, value in attributes.items()
        if name in ("src", "href", "xlink:href", "srcset", "data")
    ]
    assert addresses
    assert all(address.startswith(("data:image/png;base64,", "#")) for address in addresses)
    assert not page.every("script") + page.every("link")
    assert "@import" not in path.read_text(encoding="utf-8")


def test_the_page_shows_what_was_given(tmp_path):
    page = written(tmp_path, a_report(top5=0.9876))
    for shown in (
        "LeNet-5 on pets",
        "Trained for 3 epochs.",
        "kerascnn train lenet5",
        "93.10%",
        "on 29 held-out images",
        "98.76%",
        "of 3, by held-out accuracy",
        "1,002",
        "68.9 kB",
        "2 of 29 held-out images",
        "87.5% sure",
        "7.png",
    ):
        assert shown in page.text
    files = {row[0]: row[1:] for row in page.rows}
    assert files["net.keras"] == ["Keras", "412 kB", "90.00%", "100.00%", "4.81", "0", UNKNOWN]
    assert files["net.int8.tflite"] == ["TFLite, int8", "68.9 kB", "87.65%", "93.21%", UNKNOWN, UNKNOWN, "same classes"]
    assert page.drawings()[:3] == [f"{name} over 3 epochs" for name in ("Loss", "Top-1 accuracy", "Learning rate")]


def test_the_page_is_accessible(tmp_path):
    page = written(tmp_path, a_report())
    assert page.every("html")[0]["lang"] == "en"
    assert all(image["alt"] for image in page.every("img"))
    assert all(head["scope"] in ("col", "row") for head in page.every("th"))
    names = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(names) == len(set(names))
    # Every drawing stands in an element that says what it is.
    assert len(page.every("svg")) == len(page.drawings())


def test_classes_are_those_of_scikit_learn(tmp_path):
    draw = np.random.default_rng(0)
    true, predicted = draw.integers(0, 4, 300), draw.integers(0, 4, 300)
    confusion = np.bincount(true * 4 + predicted, minlength=16).reshape(4, 4)
    report = a_report(("a", "b", "c", "d"), confusion=confusion)
    precision, recall, _, support = precision_recall_fscore_support(true, predicted)
    np.testing.assert_allclose([row.precision for row in report.classes], precision)
    np.testing.assert_allclose([row.recall for row in report.classes], recall)
    np.testing.assert_array_equal([row.support for row in report.classes], support)
    assert report.top1 == pytest.approx((true == predicted).mean())
    rows = [row for row in written(tmp_path, report).rows if row[0] in report.labels]
    weakest = int(recall.argmin())
    assert rows[0] == ["abcd"[weakest], str(support[weakest]), f"{recall[weakest]:.2%}", f"{precision[weakest]:.2%}"]


def test_a_class_without_images_has_no_recall(tmp_path):
    page = written(tmp_path, a_report(("cat", "dog"), confusion=np.array([[3, 0], [0, 0]]), mistakes=[]))
    assert ["dog", "0", UNKNOWN, UNKNOWN] in page.rows
    assert json.loads((tmp_path / "report.json").read_text())["classes"][1]["recall"] is None


def test_the_most_confused_are_named():
    report = a_report(confusion=np.array([[5, 3, 0], [1, 5, 0], [0, 0, 5]]))
    found = [(pair.true, pair.predicted, pair.count, pair.support) for pair in report.most_confused(3)]
    assert found == [("cat", "dog", 3, 8), ("dog", "cat", 1, 6)]


def test_names_are_text_whatever_they_hold(tmp_path):
    mistake = a_mistake(true=EVIL, predicted=EVIL, name=EVIL)
    report = a_report(
        (EVIL, "$\\frac{$", "猫 $x_1$"),
        mistakes=[mistake],
        title=EVIL,
        subtitle=EVIL,
        facts={EVIL: EVIL},
        files=[FileRow(name=EVIL, format=EVIL, bytes=1, proved=EVIL)],
    )
    page = written(tmp_path, report)
    assert not page.every("script")
    assert EVIL in page.text
    assert any("$\\frac{$" in word for word in page.words)
    assert page.every("img")[0]["alt"] == f"{EVIL}, true class {EVIL}"


def test_images_are_the_ones_given(tmp_path):
    draw = np.random.default_rng(0)
    grey = draw.integers(0, 256, (8, 8, 1), dtype=np.uint8)
    large = draw.integers(0, 256, (600, 300, 3), dtype=np.uint8)
    mistakes = [a_mistake(image=grey, confidence=0.9), a_mistake(image=large, confidence=0.8)]
    sources = [str(image["src"]) for image in written(tmp_path, a_report(mistakes=mistakes)).every("img")]
    shown = [Image.open(io.BytesIO(base64.b64decode(source.split(",")[1]))) for source in sources]
    np.testing.assert_array_equal(np.asarray(shown[0]), grey[..., 0])
    assert shown[1].size == (80, 160)


def test_at_most_forty_mistakes_the_most_confident_first(tmp_path):
    mistakes = [a_mistake(confidence=i / 100, name=f"image {i}") for i in range(60)]
    page = written(tmp_path, a_report(mistakes=mistakes))
    assert [image["alt"] for image in page.every("img")] == [f"image {i}, true class cat" for i in range(59, 19, -1)]
    assert "Here are 40 of them" in page.text


def test_no_mistake_is_worth_a_sentence(tmp_path):
    page = written(tmp_path, a_report(confusion=4 * np.eye(3, dtype=int), mistakes=[]))
    assert "all 12 held-out images were recognised" in page.text
    assert not page.every("img")


def test_mistakes_that_were_not_kept_are_not_denied(tmp_path):
    page = written(tmp_path, a_report(mistakes=[]))
    assert "2 of 29 held-out images were taken for something else; none was kept" in page.text


@pytest.mark.parametrize("classes", [2, 20, 21, 100, 130])
def test_any_number_of_classes(tmp_path, classes):
    labels = tuple(f"class number {i:03}" for i in range(classes))
    page = written(tmp_path, a_report(labels, confusion=77 * np.eye(classes, dtype=int), mistakes=[]))
    assert (page.words.count("77") >= 2 * classes) == (classes <= 20)  # in every cell, and in the table
    named = 2 * len(range(0, classes, 1 if classes <= 100 else 2))
    assert sum(word.startswith("class number") for word in page.words) == named + classes
    assert f"Confusion matrix of {classes} classes" in page.drawings()[-1]


@pytest.mark.parametrize("nothing", [float("nan"), None])
def test_one_epoch_without_held_out_numbers(tmp_path, nothing):
    history = [an_epoch(1, val_loss=nothing, val_top1=nothing, images_per_second=nothing)]
    page = written(tmp_path, a_report(history=history))
    assert "Loss over 1 epoch" in page.drawings()
    assert "training" in page.words
    assert "held-out" not in page.words
    assert "Best epoch" not in page.text
    assert json.loads((tmp_path / "report.json").read_text())["history"][0]["val_loss"] is None


def test_columns_may_be_absent(tmp_path):
    history = [{"epoch": 1, "loss": 1.0}, {"epoch": 2, "loss": 0.5}]
    page = written(tmp_path, a_report(history=history, files=[], facts={}))
    assert page.drawings()[:-1] == ["Loss over 2 epochs"]
    assert "Files" not in page.words
    assert "Top-5 accuracy" not in page.text


def test_no_history_at_all(tmp_path):
    page = written(tmp_path, a_report(history=[]))
    assert len(page.drawings()) == 1
    assert "Training" not in page.words


def test_the_twin_holds_all_numbers(tmp_path):
    report = a_report(top5=np.float32(0.5))
    write_report(tmp_path / "report.html", report)
    numbers = json.loads((tmp_path / "report.json").read_text())
    assert numbers["confusion"] == report.confusion.tolist()
    assert numbers["history"] == report.history
    assert numbers["labels"] == list(report.labels)
    assert numbers["top1"] == report.top1
    assert numbers["top5"] == 0.5
    assert numbers["files"][1]["agreement"] == 0.9321
    assert numbers["mistakes"] == [{"true": "cat", "predicted": "dog", "confidence": 0.875, "name": "7.png"}]


def test_the_same_report_is_the_same_page(tmp_path):
    one, two = (write_report(tmp_path / name, a_report()).read_bytes() for name in ("one.html", "two.html"))
    assert one == two


def an_evaluation() -> dict:
    """What an evaluation adds to a report."""
    draw = np.random.default_rng(0)
    targets = draw.integers(0, 3, 200)
    found = Evaluation(draw.dirichlet((1, 1, 1), 200).astype(np.float32), targets, ("cat", "dog", "owl"))
    accuracy = np.array([[0.875, 0.625], [0.5, 0.25]])
    return {
        "calibration": calibration(found.outputs, targets),
        "scaling": scaling(found),
        "robustness": Robustness(kinds=("fog", "zoom_blur"), severities=(1, 5), accuracy=accuracy, whole=0.9),
        "images": "training images",
        "history": [],
        "files": [],
    }


def test_an_evaluation_shows_calibration_and_corruptions(tmp_path):
    given = an_evaluation()
    page = written(tmp_path, a_report(**given))
    assert page.drawings()[1:] == [
        "Accuracy against confidence in 15 bins",
        "Accuracy by severity of fog",
        "Accuracy by severity of zoom blur",
    ]
    assert len(page.every("svg")) == 4
    rows = {row[0]: row[1:] for row in page.rows}
    assert rows["fog"] == ["87.5%", "62.5%", "25.0%"] and rows["zoom blur"] == ["50.0%", "25.0%", "62.5%"]
    scaling = given["scaling"]
    three = (given["calibration"], scaling.before, scaling.after)
    assert rows["Expected error"] == [f"{one.ece:.2%}" for one in three]
    assert rows["NLL, nats"] == [f"{one.nll:.3g}" for one in three]
    assert f"temperature of {scaling.temperature:.3g} makes this network" in page.text
    assert "43.75%" in page.text and "on 29 training images" in page.text and "held-out" not in page.text
    numbers = json.loads((tmp_path / "report.json").read_text())
    assert numbers["corruptions"]["mean_error"] == 0.4375 and numbers["corruptions"]["whole"] == 0.9
    assert numbers["corruptions"]["kinds"][1] == {"kind": "zoom_blur", "accuracy": [0.5, 0.25], "error": 0.625}
    assert numbers["calibration"]["ece"] == given["calibration"].ece
    assert sum(one["count"] for one in numbers["calibration"]["bins"]) == 200
    assert numbers["calibration"]["bins"][0] == {"count": 0, "confidence": None, "accuracy": None}
    assert numbers["temperature_scaling"]["temperature"] == scaling.temperature


def test_curves_go_through_the_values():
    drawing = plots.curve({"training": [(1, 1.0), (2, 0.5), (3, 0.0)]}, name="one")
    assert drawing is not None
    line = next(part for part in drawing.split("<path ") if "var(--train)" in part and "clip-path" in part)
    numbers = [float(word) for word in line.split('"')[1].replace("M", "").replace("L", "").split()]
    x, y = numbers[0::2], numbers[1::2]
    np.testing.assert_allclose(np.diff(x), np.diff(x)[0], atol=1e-3)
    np.testing.assert_allclose(np.diff(y), np.diff(y)[0], atol=1e-3)
    assert x[0] < x[1]
    assert y[0] < y[1]  # an SVG counts downwards
    assert plots.curve({"training": []}, name="none") is None


def test_a_missing_package_is_named_before_anything_is_written(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(ImportError, match=r"needs the package 'jinja2'.*kerascnn\[report\]"):
        write_report(tmp_path / "report.html", a_report())
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("standing", ["report.html", "report.json"])
def test_nothing_is_overwritten(tmp_path, standing):
    (tmp_path / standing).write_text("mine")
    with pytest.raises(FileExistsError, match=standing):
        write_report(tmp_path / "report.html", a_report())
    assert [file.read_text() for file in tmp_path.iterdir()] == ["mine"]


def test_bad_input_is_told(tmp_path):
    with pytest.raises(ValueError, match=r"must end in '\.html', not 'report\.json'"):
        write_report(tmp_path / "report.json", a_report())
    with pytest.raises(ValueError, match=r"shape \(2, 2\), but there are 3 labels"):
        a_report(confusion=np.eye(2, dtype=int))
    with pytest.raises(ValueError, match="counts no sample"):
        a_report(confusion=np.zeros((3, 3), dtype=int))
    with pytest.raises(ValueError, match=r"'7\.png' is float32 of shape \(8, 8, 3\)"):
        a_mistake(image=np.zeros((8, 8, 3), np.float32))
    with pytest.raises(ValueError, match="1, 3 or 4 channels"):
        a_mistake(image=np.zeros((8, 8), np.uint8))
