"""What ``tools/shapes.py`` writes is read as what was drawn."""

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1] / "tools"))

import shapes

from kerascnn.data import open_data, open_source
from kerascnn.data.segments import bitmap_of, segments_of
from kerascnn.data.sources import shape_instances, shape_panoptic

IMAGES = 12


@pytest.fixture(autouse=True)
def cache_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("KERASCNN_HOME", str(tmp_path / "cache"))
    for source in (shape_instances, shape_panoptic):
        monkeypatch.setattr(source, "COUNT", IMAGES)


def bitmaps(row):
    segments, height, width = segments_of(row)
    return np.array([bitmap_of(each, height, width) for each in segments]).reshape(-1, height, width)


def places(role):
    return [number for number in range(IMAGES) if (number % shapes.VALIDATION == 0) == (role == "validation")]


@pytest.mark.parametrize("form", ["coco", "voc", "panoptic"])
def test_objects_are_read_as_they_were_drawn(form, tmp_path, capsys):
    shapes.main([form, "--out", str(tmp_path / "data"), "--images", str(IMAGES)])
    assert "12 images, 9 train, 3 val" in capsys.readouterr().out
    name = "shape_panoptic" if form == "panoptic" else "shape_instances"
    found, source = open_source(tmp_path / "data", progress=False), open_source(name, progress=False)
    drawn, labels = source.parts["all"], [found.labels.index(label) for label in source.labels]
    assert {role: len(part) for role, part in found.parts.items()} == {"train": 9, "validation": 3}
    assert found.things == source.things == (4 if form == "panoptic" else None)
    for role, part in found.parts.items():
        for number, place in enumerate(places(role)):
            np.testing.assert_array_equal(Image.open(part.images[number]), drawn.images[place])
            valid, known = part.annotations["valid"][number], drawn.annotations["valid"][place]
            np.testing.assert_array_equal(
                part.annotations["boxes"][number][valid], drawn.annotations["boxes"][place][known]
            )
            kinds = drawn.annotations["classes"][place][known]
            assert part.annotations["classes"][number][valid].tolist() == [labels[kind] for kind in kinds]
            np.testing.assert_array_equal(
                bitmaps(part.annotations["masks"][number]), bitmaps(drawn.annotations["masks"][place])
            )


def test_classes_are_read_as_they_were_drawn(tmp_path):
    shapes.main(["masks", "--out", str(tmp_path / "data"), "--images", str(IMAGES)])
    found, drawn = open_data(tmp_path / "data", progress=False), open_source("shape_instances").parts["all"]
    assert found.labels == ("background", *shapes.CLASSES)
    for role, part in (("train", found.train), ("validation", found.validation)):
        for number, place in enumerate(places(role)):
            masks = bitmaps(drawn.annotations["masks"][place])
            classes = drawn.annotations["classes"][place][: len(masks), None, None]
            want = (masks * (1 + classes)).sum(axis=0)
            np.testing.assert_array_equal(Image.open(part.annotations["mask"][number]), want)


def test_another_seed_shows_others_and_voc_has_classes_too(tmp_path):
    for seed in ("0", "1"):
        shapes.main(["voc", "--out", str(tmp_path / seed), "--images", "4", "--seed", seed])
    one, two = (np.array(Image.open(tmp_path / seed / "JPEGImages" / "000002.png")) for seed in "01")
    assert not np.array_equal(one, two)
    kinds, numbers = (
        np.array(Image.open(tmp_path / "0" / f"Segmentation{what}" / "000002.png")) for what in ("Class", "Object")
    )
    assert np.array_equal(kinds > 0, numbers > 0) and kinds.max() <= len(shapes.CLASSES)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["yolo", "--out", "new"], "invalid choice: 'yolo'"),
        (["coco", "--out", "."], ". is already there: name a new folder"),
        (["coco", "--out", "new", "--images", "0"], "--images is 0"),
        (["coco", "--out", "new", "--seed", "-1"], "--seed -1"),
        (["coco"], "required: --out"),
    ],
)
def test_what_cannot_be_written_says_why(arguments, says, capsys):
    with pytest.raises(SystemExit):
        shapes.main(arguments)
    assert says in capsys.readouterr().err and not Path("new").exists()
