"""Boxes as COCO, Pascal VOC and YOLO write them: the same data, and what is wrong with files is said."""

import json

import numpy as np
import pytest

from kerascnn.data import open_data
from kerascnn.data.open import open_source

Image = pytest.importorskip("PIL.Image")
WIDTH, HEIGHT, NAMES = 64, 48, ("cat", "dog")
OBJECTS = {  # x, y, width, height in pixels, and the class, of each image
    "a.png": [(8, 4, 16, 12, 0), (30, 20, 34, 28, 1)],
    "b.png": [(0, 0, 64, 48, 1)],
    "c.png": [],
    "d.png": [(3, 5, 7, 9, 0)],
}


def picture(folder, name):
    folder.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (WIDTH, HEIGHT), "green").save(folder / name)


def coco(root):
    for name in OBJECTS:
        picture(root / "images", name)
    rows = [(number, box) for number, boxes in enumerate(OBJECTS.values()) for box in boxes]
    held = {
        "images": [{"id": n, "file_name": name, "width": WIDTH, "height": HEIGHT} for n, name in enumerate(OBJECTS)],
        "annotations": [{"id": i, "image_id": n, "category_id": b[4], "bbox": b[:4]} for i, (n, b) in enumerate(rows)],
        "categories": [{"id": number, "name": name} for number, name in enumerate(NAMES)],
    }
    (root / "annotations.json").write_text(json.dumps(held))


def xml(boxes, width=WIDTH, height=HEIGHT, more=""):
    objects = "".join(
        f"<object><name>{NAMES[label]}</name>{more}<bndbox><xmin>{x + 1}</xmin><ymin>{y + 1}</ymin>"
        f"<xmax>{x + w}</xmax><ymax>{y + h}</ymax></bndbox></object>"
        for x, y, w, h, label in boxes
    )
    return f"<annotation><size><width>{width}</width><height>{height}</height></size>{objects}</annotation>"


def voc(root):
    (root / "Annotations").mkdir(parents=True)
    for name, boxes in OBJECTS.items():
        picture(root / "JPEGImages", name)
        (root / "Annotations" / name).with_suffix(".xml").write_text(xml(boxes))


def yolo(root):
    (root / "labels").mkdir(parents=True)
    for name, boxes in OBJECTS.items():
        picture(root / "images", name)
        lines = [
            f"{label} {(x + w / 2) / WIDTH} {(y + h / 2) / HEIGHT} {w / WIDTH} {h / HEIGHT}"
            for x, y, w, h, label in boxes
        ]
        if lines:
            (root / "labels" / name).with_suffix(".txt").write_text("\n".join(lines) + "\n")
    (root / "data.yaml").write_text("train: images\nnames:\n  0: cat\n  1: dog\n")


@pytest.mark.parametrize("write", [coco, voc, yolo])
def test_all_ways_to_write_boxes_are_the_same_data(write, tmp_path):
    write(tmp_path)
    source = open_source(tmp_path, progress=False)
    split = source.parts["all"]
    assert source.labels == NAMES and [path.rpartition("/")[2] for path in split.images] == [*OBJECTS]
    for number, boxes in enumerate(OBJECTS.values()):
        here = {name: values[number][split.annotations["valid"][number]] for name, values in split.annotations.items()}
        want = np.array([(x, y, x + w, y + h) for x, y, w, h, _ in boxes]).reshape(-1, 4)
        np.testing.assert_allclose(here["boxes"], want, atol=1e-4)
        assert here["classes"].tolist() == [box[4] for box in boxes] and not here["crowd"].any()
    assert "1 images without objects" in source.note


def test_the_sets_of_voc_are_the_parts(tmp_path):
    voc(tmp_path)
    lists = tmp_path / "ImageSets" / "Main"
    lists.mkdir(parents=True)
    for name, stems in {"train": "a\nd\n", "val": "b\n", "trainval": "a\nb\nd\n", "cat_train": "a 1\n"}.items():
        (lists / f"{name}.txt").write_text(stems)
    data = open_data(tmp_path, progress=False)
    assert (len(data.train), len(data.validation)) == (2, 1)


def test_images_that_voc_does_not_know_are_left_out_and_counted(tmp_path):
    voc(tmp_path)
    picture(tmp_path / "JPEGImages", "e.png")
    source = open_source(tmp_path, progress=False)
    assert len(source.whole()) == 4 and "1 images without an XML file, left out" in source.note


def test_what_voc_calls_difficult_is_not_trained_on(tmp_path):
    voc(tmp_path)
    (tmp_path / "Annotations" / "d.xml").write_text(xml(OBJECTS["d.png"], 0, 0, "<difficult>1</difficult>"))
    source = open_source(tmp_path, progress=False)
    assert source.parts["all"].annotations["crowd"].sum() == 1 and "1 crowds, which are not trained on" in source.note


def test_the_parts_of_yolo(tmp_path):
    yolo(tmp_path / "train")
    yolo(tmp_path / "val")
    (tmp_path / "classes.txt").write_text("cat\ndog\n")
    data = open_data(tmp_path, progress=False)
    assert len(data.train) == len(data.validation) == 4 and data.labels == NAMES


FRACTIONS = xml([(-0.9, -0.9, 1.5, 1.6, 0)] * 8)
BOXLESS = "<object><name>cat</name></object>"
WRONG = {
    "yolo of pixels": (yolo, "labels/a.txt", "0 16 10 16 12", r"Line 1 of .*a\.txt has the box 16 10 .*divide pixels"),
    "yolo of a class without name": (yolo, "labels/a.txt", "2 .5 .5 .1 .1", r"class 2, and there are 0 to 1"),
    "yolo of an outline": (yolo, "labels/a.txt", "0 .1 .1 .2 .2 .3 .3", r"Line 1 .*expected a class and .*five"),
    "yolo of nothing": (yolo, "labels/z.txt", "0 .5 .5 .1 .1", r"has no image for z of .*labels"),
    "yolo without names": (yolo, "data.yaml", "train: images", r"data\.yaml cannot be used: KeyError\('names'\)"),
    "yolo of no yaml": (yolo, "data.yaml", "names: [cat", r"data\.yaml cannot be used: .*Expected names"),
    "yolo of corners": (yolo, "labels/a.txt", "0 .1 .1 .6 .8", r"0\.1 .*two corners it is 0\.35 0\.45 0\.5 0\.7"),
    "yolo over the edge": (yolo, "labels/a.txt", "0 .9 .9 .4 .4", r"not within the image.*cut it at the edge"),
    "yolo with a gap": (yolo, "data.yaml", "names: {0: cat, 2: dog}", r"has the numbers 0, 2 for its names"),
    "yolo of a name": (yolo, "data.yaml", "names: cat", r"has 'cat' for its names\. Expected names: \[cat, dog\]"),
    "yolo of one name": (yolo, "data.yaml", "names: [cat, cat]", r"several classes of one name"),
    "yolo of two images": (yolo, "images/a.jpg", "", r"has a\.jpg and a\.png, and one file says what objects both"),
    "voc of two images": (voc, "JPEGImages/a.jpg", "", r"has a\.jpg and a\.png, and one file says what objects both"),
    "voc of fractions": (voc, "Annotations/a.xml", FRACTIONS, r"8 of the 10 boxes of .* look like fractions"),
    "voc of no xml": (voc, "Annotations/a.xml", "<annotation>", r"a\.xml cannot be read as XML: no element found"),
    "voc of no numbers": (voc, "Annotations/a.xml", f"<a>{BOXLESS}</a>", r"the cat has None for xmin"),
    "voc of a box turned round": (voc, "Annotations/a.xml", xml([(9, 9, -5, 3, 0)]), r"ends before it begins"),
    "voc of another size": (voc, "Annotations/a.xml", xml([], 640, 480), r"a\.png: it is 64 x 48 pixels, .* 640 x 480"),
    "voc of nothing": (voc, "Annotations/z.xml", xml([]), r"has no image for z of"),
    "voc of a list of others": (voc, "ImageSets/Main/train.txt", "a\nz\n", r"train\.txt lists z, and"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_said(case, tmp_path):
    write, name, text, says = WRONG[case]
    write(tmp_path)
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=f"(?s){says}"):
        open_source(tmp_path, progress=False)
