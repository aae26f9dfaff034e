import base64
import io
import json
import sys
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import precision_recall_fscore_support

from kerascnn.data import Split
from kerascnn.evaluation import Robustness
from kerascnn.report import FileRow, Panel, Picture, Report, Section, Strong, plots, robustness, text, write_report
from kerascnn.spec import Preprocess
from kerascnn.tasks.classification import ClassEvaluation
from kerascnn.tasks.classification.report import most_confused

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


def a_picture(**changes) -> Picture:
    image = np.arange(192, dtype=np.uint8).reshape(8, 8, 3)
    given = {"image": image, "caption": ["cat → ", Strong("dog")], "details": ["87.5% sure", "7.png"], "alt": "a cat"}
    return Picture(**given | changes)


FILES = [
    FileRow(
        name="net.keras", format="Keras", bytes=412_331, headline=0.9, agreement=1.0, latency_ms=4.812, max_error=0.0
    ),
    FileRow(
        name="net.int8.tflite",
        format="TFLite, int8",
        bytes=68_944,
        headline=0.8765,
        agreement=0.9321,
        verified="same classes",
    ),
]


def an_evaluation(confusion=None, labels=("cat", "dog", "owl"), sure=0.9) -> ClassEvaluation:
    """Of images with this confusion matrix, each answer with the same confidence."""
    classes = len(labels)
    if confusion is None:
        confusion = 9 * np.eye(classes, dtype=int) + np.eye(classes, k=1, dtype=int)
    pairs = [pair for pair, count in np.ndenumerate(confusion) for _ in range(count)]
    outputs = np.full((len(pairs), classes), (1 - sure) / max(classes - 1, 1), np.float32)
    outputs[np.arange(len(pairs)), [predicted for _, predicted in pairs]] = sure
    return ClassEvaluation(outputs, np.array([true for true, _ in pairs]), tuple(labels))


def sections(found: ClassEvaluation) -> list[Section]:
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (found.samples, 8, 8, 1), dtype=np.uint8)
    split = Split(images, {"label": found.targets.astype(np.int32)})
    return found.sections(split, Preprocess(size=8, crop=1.0, mean=(0.5,), std=(0.25,)))


def a_report(found: ClassEvaluation | None = None, **changes) -> Report:
    found = found or an_evaluation()
    given = {
        "title": "LeNet-5 on pets",
        "subtitle": "Trained for 3 epochs.",
        "metric": ("top1", "Top-1 accuracy"),
        "facts": {"Command": "kerascnn train lenet5", "Seed": "7"},
        "headlines": found.headlines(),
        "history": [an_epoch(epoch) for epoch in (1, 2, 3)],
        "sections": sections(found),
        "files": FILES,
        "numbers": found.as_dict(),
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
    page = written(tmp_path, a_report())
    for shown in (
        "LeNet-5 on pets",
        "Trained for 3 epochs.",
        "kerascnn train lenet5",
        "93.10%",
        "on 29 images",
        "of 3, by validation top-1 accuracy",
        "1,002",
        "68.9 kB",
        "2 of 29 images",
        "90.0% sure",
        "image 9",
    ):
        assert shown in page.text
    files = {row[0]: row[1:] for row in page.rows}
    assert files["net.keras"] == ["Keras", "412 kB", "90.00%", "100.00%", "4.81", "0", UNKNOWN]
    assert files["net.int8.tflite"] == ["TFLite, int8", "68.9 kB", "87.65%", "93.21%", UNKNOWN, UNKNOWN, "same classes"]
    assert page.drawings()[:3] == [f"{name} over 3 epochs" for name in ("Loss", "Top-1 accuracy", "Learning rate")]
    assert page.drawings()[3:] == [
        "Confusion matrix of 3 classes: 27 of 29 images on its diagonal",
        "Accuracy against confidence in 15 bins",
    ]


@pytest.mark.parametrize(
    ("title", "told"), [("Mean IoU", "mean IoU"), ("Mask AP", "mask AP"), ("AP", "AP"), ("PQ", "PQ")]
)
def test_what_is_measured_is_told_in_a_sentence(title, told):
    assert text.inside(title) == told


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
    page = written(tmp_path, a_report(an_evaluation(confusion, ("a", "b", "c", "d"))))
    precision, recall, _, support = precision_recall_fscore_support(true, predicted)
    rows = [row for row in page.rows if row[0] in ("a", "b", "c", "d")]
    expected = [[f"{i:,}", f"{r:.2%}", f"{p:.2%}"] for i, r, p in zip(support, recall, precision, strict=True)]
    assert rows == [["abcd"[i], *expected[i]] for i in recall.argsort()]
    numbers = json.loads((tmp_path / "report.json").read_text())
    assert [row["recall"] for row in numbers["classes"]] == pytest.approx(recall.tolist())
    assert [row["precision"] for row in numbers["classes"]] == pytest.approx(precision.tolist())


def test_a_class_without_images_has_no_recall(tmp_path):
    page = written(tmp_path, a_report(an_evaluation(np.array([[3, 0], [0, 0]]), ("cat", "dog"))))
    assert ["dog", "0", UNKNOWN, UNKNOWN] in page.rows
    assert json.loads((tmp_path / "report.json").read_text())["classes"][1]["recall"] is None


def test_the_most_confused_are_named(tmp_path):
    found = an_evaluation(np.array([[5, 3, 0], [1, 5, 0], [0, 0, 5]]))
    pairs = [(pair.true, pair.predicted, pair.count, pair.support) for pair in most_confused(found, 3)]
    assert pairs == [("cat", "dog", 3, 8), ("dog", "cat", 1, 6)]
    page = written(tmp_path, a_report(found))
    assert "Most confused: cat taken for dog (3 of 8), dog taken for cat (1 of 6)." in page.text
    assert len(page.every("strong")) == 4 + 4 + 1  # the pairs, what the mistakes were taken for, the temperature


def test_names_are_text_whatever_they_hold(tmp_path):
    found = an_evaluation(labels=(EVIL, "$\\frac{$", "猫 $x_1$"))
    report = a_report(
        found,
        sections=[
            *sections(found),
            Section(
                title=EVIL, text=EVIL, pictures=[a_picture(caption=[EVIL, Strong(EVIL)], details=[EVIL], alt=EVIL)]
            ),
            Section(
                title=EVIL, panels=[Panel(title=EVIL, note=EVIL, label=EVIL, columns={EVIL: "name"}, rows=[[EVIL]])]
            ),
        ],
        title=EVIL,
        subtitle=EVIL,
        facts={EVIL: EVIL},
        files=[FileRow(name=EVIL, format=EVIL, bytes=1, verified=EVIL)],
    )
    page = written(tmp_path, report)
    assert not page.every("script")
    assert EVIL in page.text
    assert any("$\\frac{$" in word for word in page.words)
    assert page.every("img")[0]["alt"] == f"image 9, true class {EVIL}" and page.every("img")[2]["alt"] == EVIL


def test_images_are_the_ones_given(tmp_path):
    draw = np.random.default_rng(0)
    grey = draw.integers(0, 256, (8, 8, 1), dtype=np.uint8)
    large = draw.integers(0, 256, (600, 300, 3), dtype=np.uint8)
    pictures = Section(title="Pictures", pictures=[a_picture(image=grey), a_picture(image=large)])
    page = written(tmp_path, a_report(sections=[pictures]))
    sources = [str(image["src"]) for image in page.every("img")]
    shown = [Image.open(io.BytesIO(base64.b64decode(source.split(",")[1]))) for source in sources]
    np.testing.assert_array_equal(np.asarray(shown[0]), grey[..., 0])
    assert shown[1].size == (80, 160)
    assert "cat → dog" in page.text and "87.5% sure" in page.text and "7.png" in page.text


def test_mistakes_are_shown_as_the_network_saw_them(tmp_path):
    found = an_evaluation()
    shown = next(section for section in sections(found) if section.pictures).pictures
    images = np.random.default_rng(0).integers(0, 256, (found.samples, 8, 8, 1), dtype=np.uint8)
    wrong = np.flatnonzero(found.predictions != found.targets)
    assert len(shown) == 2
    for picture, i in zip(shown, wrong, strict=True):
        np.testing.assert_array_equal(picture.image, images[i])


def test_at_most_forty_mistakes_the_most_confident_first(tmp_path):
    right = np.linspace(0.1, 0.4, 60, dtype=np.float32)
    found = ClassEvaluation(np.stack([right, 1 - right], axis=1), np.zeros(60, int), ("cat", "dog"))
    page = written(tmp_path, a_report(found))
    assert [image["alt"] for image in page.every("img")] == [f"image {i}, true class cat" for i in range(40)]
    assert "60 of 60 images were taken for something else. Here are 40 of them" in page.text
    mistakes = json.loads((tmp_path / "report.json").read_text())["mistakes"]
    assert [mistake["name"] for mistake in mistakes] == [f"image {i}" for i in range(60)]


def test_no_mistake_is_worth_a_sentence(tmp_path):
    page = written(tmp_path, a_report(an_evaluation(4 * np.eye(3, dtype=int))))
    assert "all 12 images were recognised" in page.text
    assert not page.every("img")


@pytest.mark.parametrize("classes", [2, 20, 21, 100, 130])
def test_any_number_of_classes(tmp_path, classes):
    labels = tuple(f"class number {i:03}" for i in range(classes))
    page = written(tmp_path, a_report(an_evaluation(77 * np.eye(classes, dtype=int), labels)))
    assert (page.words.count("77") >= 2 * classes) == (classes <= 20)  # in every cell, and in the table
    named = 2 * len(range(0, classes, 1 if classes <= 100 else 2))
    assert sum(word.startswith("class number") for word in page.words) == named + classes
    assert f"Confusion matrix of {classes} classes" in page.drawings()[3]


@pytest.mark.parametrize("nothing", [float("nan"), None])
def test_one_epoch_without_validation_numbers(tmp_path, nothing):
    history = [an_epoch(1, val_loss=nothing, val_top1=nothing, images_per_second=nothing)]
    page = written(tmp_path, a_report(history=history))
    assert "Loss over 1 epoch" in page.drawings()
    assert "training" in page.words
    assert "validation" not in page.words
    assert "Best epoch" not in page.text
    assert json.loads((tmp_path / "report.json").read_text())["history"][0]["val_loss"] is None


def test_columns_may_be_absent(tmp_path):
    history = [{"epoch": 1, "loss": 1.0}, {"epoch": 2, "loss": 0.5}]
    page = written(tmp_path, a_report(history=history, files=[], facts={}))
    assert page.drawings()[:-2] == ["Loss over 2 epochs"]
    assert "Files" not in page.words
    assert "Top-5 accuracy" not in page.text


def test_no_history_at_all(tmp_path):
    page = written(tmp_path, a_report(history=[]))
    assert len(page.drawings()) == 2
    assert "Training" not in page.words


def test_the_json_holds_all_numbers(tmp_path):
    found = an_evaluation(labels=tuple("abcdef"))
    report = a_report(found)
    write_report(tmp_path / "report.html", report)
    numbers = json.loads((tmp_path / "report.json").read_text())
    assert numbers["confusion"] == found.confusion.tolist()
    assert numbers["history"] == report.history
    assert numbers["labels"] == list(found.labels)
    assert (numbers["top1"], numbers["top5"]) == (found.top1, found.top5)
    assert numbers["files"][1]["agreement"] == 0.9321
    assert numbers["mistakes"][0] == {
        "true": "a",
        "predicted": "b",
        "confidence": pytest.approx(0.9),
        "name": "image 9",
    }


def test_the_same_report_is_the_same_page(tmp_path):
    one, two = (write_report(tmp_path / name, a_report()).read_bytes() for name in ("one.html", "two.html"))
    assert one == two


def test_an_evaluation_shows_calibration_and_corruptions(tmp_path):
    draw = np.random.default_rng(0)
    targets = draw.integers(0, 3, 200)
    found = ClassEvaluation(draw.dirichlet((1, 1, 1), 200).astype(np.float32), targets, ("cat", "dog", "owl"))
    scores = np.array([[0.875, 0.625], [0.5, 0.25]])
    under = Robustness(kinds=("fog", "zoom_blur"), severities=(1, 5), scores=scores, whole=0.9)
    report = a_report(
        found,
        history=[],
        files=[],
        headlines=[*found.headlines(), robustness.headline(under)],
        sections=[*sections(found), robustness.section(under, "Top-1 accuracy")],
    )
    page = written(tmp_path, report)
    assert page.drawings()[1:] == [
        "Accuracy against confidence in 15 bins",
        "Top-1 accuracy by severity of fog",
        "Top-1 accuracy by severity of zoom blur",
    ]
    assert len(page.every("svg")) == 4
    rows = {row[0]: row[1:] for row in page.rows}
    assert rows["fog"] == ["87.50%", "62.50%", "25.00%"] and rows["zoom blur"] == ["50.00%", "25.00%", "62.50%"]
    assert found.scaling is not None
    three = (found.calibration, found.scaling.before, found.scaling.after)
    assert rows["Expected error"] == [f"{one.ece:.2%}" for one in three]
    assert rows["NLL, nats"] == [f"{one.nll:.3g}" for one in three]
    assert f"temperature of {found.scaling.temperature:.3g} makes this network" in page.text
    assert "43.75%" in page.text and "on 200 images" in page.text and "validation" not in page.text
    numbers = json.loads((tmp_path / "report.json").read_text())
    assert numbers["corruptions"]["mean_error"] == 0.4375 and numbers["corruptions"]["whole"] == 0.9
    assert numbers["corruptions"]["kinds"][1] == {"kind": "zoom_blur", "scores": [0.5, 0.25], "error": 0.625}
    assert numbers["calibration"]["ece"] == found.calibration.ece
    assert sum(one["count"] for one in numbers["calibration"]["bins"]) == 200
    assert numbers["calibration"]["bins"][0] == {"count": 0, "confidence": None, "accuracy": None}
    assert numbers["temperature_scaling"]["temperature"] == found.scaling.temperature


def test_any_section_is_shown(tmp_path):
    columns = {"Class": "name", "Pixels": "count", "IoU": "bar", "Size": "size", "Note": "text", "Loss": "number"}
    rows = [("road", 1234, 0.5, 2000, "", 1 / 3), ("sky", None, float("nan"), None, "far", None)]
    drawing = plots.curve({"one": [(1, 2.0), (2, 3.0)]}, name="mine")
    panels = [Panel(label="Classes", columns=columns, rows=rows), Panel(drawing=drawing or "", label="A curve")]
    section = Section(title="Regions", text=["Of ", Strong("two")], panels=panels, pictures=[a_picture(alt="")])
    page = written(tmp_path, a_report(sections=[section], metric=("miou", "Mean IoU"), history=[], files=[]))
    assert ["road", "1,234", "50.00%", "2 kB", UNKNOWN, "0.333"] in page.rows
    assert ["sky", UNKNOWN, UNKNOWN, UNKNOWN, "far", UNKNOWN] in page.rows
    bars = [cell["style"] for cell in page.every("td") if cell.get("class") == "right bar"]
    assert bars == ["--fraction: 50.00%", "--fraction: 0.00%"]  # what is not known has no bar
    assert page.drawings() == ["A curve"] and page.every("img")[0]["alt"] == "cat → dog"
    assert "Regions Of two" in page.text


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
    write_report(tmp_path / "report.html", a_report(), overwrite=True)
    assert (tmp_path / standing).read_text() != "mine"


def test_bad_input_is_told(tmp_path):
    with pytest.raises(ValueError, match=r"must end in '\.html', not 'report\.json'"):
        write_report(tmp_path / "report.json", a_report())
    with pytest.raises(ValueError, match=r"'a cat' is float32 of shape \(8, 8, 3\)"):
        a_picture(image=np.zeros((8, 8, 3), np.float32))
    with pytest.raises(ValueError, match="1, 3 or 4 channels"):
        a_picture(image=np.zeros((8, 8), np.uint8))
