"""Masks of objects: what is read, what is refused, and that a mask goes wherever its object goes."""

import json
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from pycocotools import mask as pycoco
from pycocotools.coco import COCO

from kerascnn.data import open_data, open_source
from kerascnn.data.dataset import Split
from kerascnn.data.pipeline import batches, transformed
from kerascnn.data.segments import Segments, bitmap_of, encoded, in_array, row_of, segments_of
from kerascnn.data.sources import shape_boxes, shape_instances, shape_panoptic
from kerascnn.data.transforms import policies
from kerascnn.data.transforms.affine import mask_along, row
from kerascnn.data.transforms.masks import masks_along, unpacked
from kerascnn.data.transforms.registry import parse_all
from kerascnn.spec import Preprocess

WIDTH, HEIGHT, SIZE = 60, 40, 48
AS_IT_IS = Preprocess(size=SIZE, squash=True, mean=(0.0,) * 3, std=(1 / 255,) * 3)  # pixels of 0 to 255
CENTRED = Preprocess(size=SIZE, crop=0.75, mean=(0.0,) * 3, std=(1 / 255,) * 3)


@pytest.fixture(autouse=True)
def cache_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("KERASCNN_HOME", str(tmp_path / "cache"))


def drawn(seed: int, most: int = 3) -> np.ndarray:
    """Which of some ellipses is in sight at every pixel, (HEIGHT, WIDTH): its number from 1, or 0."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    numbers = np.zeros((HEIGHT, WIDTH), np.uint8)
    for number in range(1, 1 + most):
        left, top, wide, tall = *rng.uniform(8, 32, 2), *rng.uniform(5, 14, 2)
        numbers[((x - left) / wide) ** 2 + ((y - top) / tall) ** 2 < 1] = number
    return numbers


def plain_runs(mask: np.ndarray) -> dict:
    """Lengths of runs down the columns, the first of zeros."""
    ends = np.flatnonzero(np.diff(np.concatenate([[0], mask.ravel(order="F"), [2]])))
    return {"size": [*mask.shape], "counts": np.diff(ends, prepend=0).tolist()}


def packed_runs(mask: np.ndarray) -> dict:
    runs = pycoco.encode(np.asfortranarray(mask.astype(np.uint8)))
    return {"size": runs["size"], "counts": runs["counts"].decode()}


POLYGON = [10.2, 5.1, 30.7, 8.4, 25.0, 30.3, 12.5, 24.9]
SEGMENTS = {  # as COCO's files have them
    "a polygon": [POLYGON],
    "two polygons": [POLYGON, [40, 4, 55, 4, 55, 20]],
    "a polygon beyond the image": [[-5, -5, 20, 10, 90, 70]],
    "plain runs": plain_runs(drawn(1) == 2),
    "plain runs from the first pixel": plain_runs(drawn(1) != 2),
    "packed runs": packed_runs(drawn(2) == 1),
}


@pytest.mark.parametrize("name", SEGMENTS)
def test_pixels_are_those_of_pycocotools(name):
    coco = COCO()
    coco.dataset = {
        "images": [{"id": 1, "width": WIDTH, "height": HEIGHT}],
        "annotations": [{"id": 1, "image_id": 1, "segmentation": SEGMENTS[name]}],
    }
    coco.createIndex()
    ours = bitmap_of(segments_of(row_of([SEGMENTS[name]], HEIGHT, WIDTH))[0][0], HEIGHT, WIDTH)
    assert 20 < ours.sum() < ours.size
    np.testing.assert_array_equal(ours, coco.annToMask({"image_id": 1, "segmentation": SEGMENTS[name]}))
    np.testing.assert_array_equal(bitmap_of(encoded(ours), HEIGHT, WIDTH), ours)


def bits(made) -> np.ndarray:
    """(M, SIZE, SIZE) of what a pipeline makes."""
    return np.unpackbits(made["masks"].numpy(), axis=-1)[..., :SIZE]


GEOMETRIC = ("crop:0.3", "window:0.4:0.8", "squash:0.7", "flip", "shift:9", "affine", "randaugment:3:15")


@pytest.mark.parametrize(
    ("name", "preprocess"), [("", AS_IT_IS), ("", CENTRED), *((name, CENTRED) for name in GEOMETRIC)]
)
def test_a_mask_goes_where_its_object_goes(name, preprocess, monkeypatch):
    """What the image shows in an object's grey is its mask; and all lies where masks of classes lie, to the pixel."""
    for operation in policies.COLOURS:
        monkeypatch.setitem(policies.OPERATIONS, operation, policies.in_place(lambda image, _: image))
    steps, seen = parse_all([name] if name else []), []
    for number in range(8):
        numbers = drawn(number)
        grey = np.array([0, 90, 170, 250], np.uint8)[numbers]
        sample = {
            "image": tf.constant(np.repeat(grey[..., None], 3, -1)),
            "mask": tf.constant(numbers),
            "boxes": tf.constant([[0.0, 0, WIDTH, HEIGHT]] * 3 + [[0.0] * 4]),
            "valid": tf.constant([True] * 3 + [False]),
            "masks": tf.constant(row_of([packed_runs(numbers == place) for place in (1, 2, 3)], HEIGHT, WIDTH)),
        }
        seeds = tf.unstack(tf.random.split(tf.constant([number, 7]), len(steps)))
        made = transformed(sample, preprocess, list(zip(steps, seeds, strict=True)))
        found, classes = bits(made), made["mask"].numpy()
        assert made["masks"].shape == (4, SIZE, SIZE // 8) and not found[3].any()
        if not made["valid"].numpy()[:3].all():
            assert not found[~made["valid"].numpy()].any()
            continue
        for place in (1, 2, 3):
            np.testing.assert_array_equal(found[place - 1], classes == place)
        shades = made["image"].numpy()[..., 0]
        inner = np.pad(found, ((0, 0), (2, 2), (2, 2)))
        inner = np.all([inner[:, y : y + SIZE, x : x + SIZE] for y in range(5) for x in range(5)], axis=0)
        for place, shade in enumerate((90, 170, 250)):
            seen += (abs(shades[inner[place]] - shade) < 30).tolist()
    assert len(seen) > 500 and np.mean(seen) > 0.98


def test_masks_of_any_width_are_packed_and_unpacked():
    numbers = drawn(3)
    sizes, valid = [(21, 21)], tf.constant([True, True, True])
    affine = row(WIDTH / 21, 0, 0, 0, HEIGHT / 21, 0)
    held = row_of([packed_runs(numbers == place) for place in (1, 2, 3)], HEIGHT, WIDTH)
    packed = masks_along(tf.constant(held), valid, affine, sizes)
    assert packed.shape == (3, 21, 3)
    whole = unpacked(packed, 21).numpy()
    np.testing.assert_array_equal(whole, np.unpackbits(packed.numpy(), axis=-1)[..., :21])
    np.testing.assert_array_equal(whole[1], mask_along(tf.constant(numbers), affine, 21).numpy() == 2)


def test_what_one_move_took_out_of_sight_the_next_does_not_bring_back():
    away, back = row(1, 0, 6, 0, 1, 0), row(1, 0, -6, 0, 1, 0)
    held = row_of([packed_runs(np.ones((16, 16)))], 16, 16)
    packed = masks_along(tf.constant(held), tf.constant([True]), tf.concat([away, back], 0), [(16, 16)] * 2)
    assert unpacked(packed, 16).numpy()[0].sum(0).tolist() == [0] * 6 + [16] * 10


# COCO's JSON


def coco(folder, change=lambda held: None, kind=packed_runs):
    """Eight images of ellipses, and their annotation file with a crowd; returns which object is where."""
    (folder / "images").mkdir(parents=True)
    held = {"images": [], "annotations": [], "categories": [{"id": 7, "name": "cat"}, {"id": 3, "name": "dog"}]}
    for number in range(8):
        numbers = drawn(number, number % 4)
        Image.fromarray(np.repeat(70 * numbers[..., None], 3, -1)).save(folder / "images" / f"{number:02d}.png")
        held["images"].append({"id": 100 + number, "file_name": f"{number:02d}.png", "width": WIDTH, "height": HEIGHT})
        for place in range(1, 1 + number % 4):
            mask = numbers == place
            box = pycoco.toBbox(pycoco.encode(np.asfortranarray(mask.astype(np.uint8)))).tolist()
            one = {"id": len(held["annotations"]) + 1, "image_id": 100 + number, "category_id": (3, 7)[place % 2]}
            one |= {"bbox": box, "area": int(mask.sum()), "iscrowd": int(number == 3 and place == 3)}
            held["annotations"].append(one | {"segmentation": kind(mask)})
    change(held)
    (folder / "annotations.json").write_text(json.dumps(held))
    return folder


@pytest.mark.parametrize("kind", [plain_runs, packed_runs])
def test_masks_come_with_the_objects_of_a_file(tmp_path, kind):
    found = open_source(coco(tmp_path, kind=kind), progress=False)
    part = found.parts["all"]
    assert found.labels == ("dog", "cat") and part.annotations["masks"].shape == (8,)
    for number, held in enumerate(part.annotations["masks"]):
        segments, height, width = segments_of(held)
        assert (height, width) == (HEIGHT, WIDTH) and len(segments) == number % 4
        for place, segment in enumerate(segments, 1):
            np.testing.assert_array_equal(bitmap_of(segment, height, width), drawn(number, number % 4) == place)
    assert "without a mask" not in found.note and part.annotations["crowd"].sum() == 1
    data = open_data(tmp_path, progress=False)
    assert not data.train.changed() and data.fingerprint == open_data(tmp_path, progress=False).fingerprint
    for images, targets in batches(data.train, AS_IT_IS, 4):
        assert targets["masks"].shape == (len(images), 3, SIZE, SIZE // 8)
        assert (targets["masks"].numpy().any((2, 3)) == targets["valid"].numpy()).all()


def test_other_masks_are_other_data(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    coco(one)
    coco(two, lambda held: held["annotations"][1].update(segmentation=held["annotations"][2]["segmentation"]))
    first, second = (open_source(path, progress=False).parts["all"] for path in (one, two))
    assert first.digest() != second.digest()


def test_objects_without_a_mask_and_specks_of_outlines(tmp_path):
    def change(held):
        held["annotations"][0]["segmentation"] = []
        del held["annotations"][1]["segmentation"]
        held["annotations"][2].update(segmentation=[[3, 4], [10, 10, 30, 10, 30, 25, 10, 25]], bbox=[10, 10, 20, 15])

    found = open_source(coco(tmp_path, change), progress=False)
    assert "annotations.json: 2 objects without a mask, which only boxes are trained on" in found.note
    segments = segments_of(found.parts["all"].annotations["masks"][2])[0]
    assert segments == [[], [[10, 10, 30, 10, 30, 25, 10, 25]]]
    ((_, targets),) = batches(found.parts["all"].take(np.array([1, 2])), AS_IT_IS, 2)
    assert targets["masks"].numpy().any((2, 3)).tolist() == [[False, False, False], [False, True, False]]


def test_a_file_without_segmentations_has_boxes_alone(tmp_path):
    found = open_source(coco(tmp_path, lambda held: [each.pop("segmentation") for each in held["annotations"]]))
    assert "masks" not in found.parts["all"].annotations and "mask" not in found.note


def segmented(value, held):
    held["annotations"][0]["segmentation"] = value


def fractions(held):
    for each in held["annotations"]:
        x, y, width, height = each["bbox"]
        corners = [x, y, x + width, y, x + width, y + height, x, y + height]
        each["segmentation"] = [[c / (HEIGHT if i % 2 else WIDTH) for i, c in enumerate(corners)]]


SIDES = [HEIGHT, WIDTH]
WRONG = {
    "corners in pairs": (partial(segmented, [[[1, 2], [3, 4], [5, 6]]]), r"image 101, the polygon \[\[1, 2\].*x and y"),
    "a number without partner": (partial(segmented, [[1, 2, 3, 4, 5, 6, 7]]), r"the polygon \[1, 2.*every corner"),
    "no number": (partial(segmented, [[1, 2, 3, 4, 5, float("nan")]]), r"the polygon .*nan\]; expected x and y"),
    "a flat polygon": (partial(segmented, [1, 2, 3, 4, 5, 6]), r"the polygon 1; expected x and y of every corner"),
    "runs of another size": (partial(segmented, {"size": [60, 40], "counts": [9]}), r"size \[60, 40\]; .*\[40, 60\]"),
    "runs without counts": (partial(segmented, {"size": SIDES}), r"expected polygons, or runs with size and counts"),
    "runs that are too long": (partial(segmented, {"size": SIDES, "counts": [9, 9999]}), r"runs that cannot be read"),
    "runs of less than nothing": (partial(segmented, {"size": SIDES, "counts": [9, -9, 2400]}), r"expected whole"),
    "runs of letters": (partial(segmented, {"size": SIDES, "counts": "é"}), r"runs that cannot be read"),
    "a polygon far away": (partial(segmented, [[0, 0, 9, 0, 1e9, 1e9]]), r"the corner 1e\+09, far beyond 60 x 40"),
    "a word": (partial(segmented, "cat"), r"the segmentation 'cat'; expected polygons"),
    "fractions": (fractions, r"12 of the 12 masks of .* lie elsewhere than their boxes, such as .*in pixels"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_is_no_mask_is_refused(case, tmp_path):
    change, says = WRONG[case]
    with pytest.raises(ValueError, match=says):
        open_source(coco(tmp_path, change), progress=False)


# Pascal VOC's PNG files


def voc(folder, change=lambda numbers: numbers):
    for name in ("JPEGImages", "Annotations", "SegmentationObject"):
        (folder / name).mkdir(parents=True)
    for number in range(3):
        numbers = drawn(number, number)
        numbers[np.pad(numbers, 1)[:-2, 1:-1] != numbers] = 255  # the border that VOC leaves out
        objects = "".join(
            f"<object><name>{'cat' if place % 2 else 'dog'}</name><bndbox><xmin>{xs.min() + 1}</xmin><ymin>"
            f"{ys.min() + 1}</ymin><xmax>{xs.max() + 1}</xmax><ymax>{ys.max() + 1}</ymax></bndbox></object>"
            for place in range(1, 1 + number)
            for ys, xs in [np.nonzero(numbers == place)]
        )
        size = f"<size><width>{WIDTH}</width><height>{HEIGHT}</height></size>"
        (folder / "Annotations" / f"{number}.xml").write_text(f"<annotation>{size}{objects}</annotation>")
        Image.fromarray(np.repeat(numbers[..., None], 3, -1)).save(folder / "JPEGImages" / f"{number}.png")
        palette = Image.fromarray(change(numbers))
        palette.putpalette(np.random.default_rng(0).integers(0, 256, 768).astype(np.uint8).tobytes())
        palette.save(folder / "SegmentationObject" / f"{number}.png")
    return folder


def test_masks_as_voc_numbers_them(tmp_path):
    found = open_source(voc(tmp_path), progress=False).parts["all"]
    for number, held in enumerate(found.annotations["masks"]):
        numbers = np.array(Image.open(tmp_path / "SegmentationObject" / f"{number}.png"))
        segments, height, width = segments_of(held)
        assert len(segments) == number
        for place, segment in enumerate(segments, 1):
            np.testing.assert_array_equal(bitmap_of(segment, height, width), numbers == place)
    (tmp_path / "SegmentationObject" / "2.png").unlink()
    assert "2 objects without a mask" in open_source(tmp_path, progress=False).note


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda numbers: np.where(numbers == 1, 9, numbers).astype(np.uint8), r"has the object 9, and the XML file"),
        (lambda numbers: numbers[:30], r"runs of size \[30, 60\]; expected \[40, 60\]"),
    ],
)
def test_masks_of_other_objects_are_refused(change, says, tmp_path):
    with pytest.raises(ValueError, match=says):
        open_source(voc(tmp_path, change), progress=False)


def test_a_png_of_colours_is_refused(tmp_path):
    voc(tmp_path)
    Image.new("RGB", (WIDTH, HEIGHT)).save(tmp_path / "SegmentationObject" / "1.png")
    with pytest.raises(ValueError, match=r"1\.png has colours"):
        open_source(tmp_path, progress=False)


# COCO's panoptic files


def panoptic(folder, change=lambda held: None, layout="{}panoptic.json"):
    """Three images, whose ground is stuff, and whose first column of pixels is nothing."""
    file = folder / layout.format("")
    (folder / "images").mkdir(parents=True)
    file.with_suffix("").mkdir(parents=True)
    held = {"images": [], "annotations": [], "categories": [
        {"id": number, "name": name, "isthing": int(number > 2)}
        for number, name in ((2, "sand"), (9, "dog"), (4, "cat"))
    ]}  # fmt: skip
    for number in range(3):
        numbers = drawn(number, number).astype(int) * 70_000 + 7
        numbers[:, 0] = 0
        colours = np.stack([numbers % 256, numbers // 256 % 256, numbers // 65536], -1).astype(np.uint8)
        Image.fromarray(colours).save(file.with_suffix("") / f"{number}.png")
        Image.fromarray(colours).save(folder / "images" / f"{number}.jpg")
        held["images"].append({"id": number, "file_name": f"{number}.jpg", "width": WIDTH, "height": HEIGHT})
        infos = []
        for place in range(1 + number):
            ys, xs = np.nonzero(numbers == place * 70_000 + 7)
            box = [int(xs.min()), int(ys.min()), int(np.ptp(xs)) + 1, int(np.ptp(ys)) + 1]
            one = {"id": place * 70_000 + 7, "category_id": (2, 4, 9)[place], "bbox": box, "area": len(xs)}
            infos.append(one | {"iscrowd": int(place == 2)})
        held["annotations"].append({"image_id": number, "file_name": f"{number}.png", "segments_info": infos})
    change(held)
    file.write_text(json.dumps(held))
    return folder


@pytest.mark.parametrize("layout", ["{}panoptic.json", "annotations/panoptic_train2017.json"])
def test_segments_are_objects_things_first(layout, tmp_path):
    if "train" in layout:
        (tmp_path / "annotations").mkdir()
    panoptic(tmp_path, layout=layout)
    found = open_source(tmp_path, progress=False)
    (part,) = found.parts.values()
    assert found.labels == ("cat", "dog", "sand") and found.things == 2
    assert part.annotations["classes"][2, :3].tolist() == [2, 0, 1] and part.annotations["crowd"].sum() == 1
    for number, held in enumerate(part.annotations["masks"]):
        segments, height, width = segments_of(held)
        assert len(segments) == 1 + number
        want = drawn(number, number)
        want[:, 0] = 255
        for place, segment in enumerate(segments):
            np.testing.assert_array_equal(bitmap_of(segment, height, width), want == place)
    alone = open_source(tmp_path / layout.format(""), progress=False).parts["all"]
    assert [*alone.annotations["masks"]] == [*part.annotations["masks"]]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda held: held["annotations"][2]["segments_info"].pop(), r"2\.png has pixels of the segments 140007"),
        (lambda held: held["annotations"][2].pop("segments_info"), "lacks 'segments_info' where COCO's files have it"),
        (lambda held: held["annotations"][1].update(file_name="9.png"), r"9\.png cannot be read: No such file"),
        (lambda held: held["categories"][0].pop("isthing"), "lacks 'isthing'"),
        (lambda held: held["annotations"][1]["segments_info"][0].update(id=1e999), "inf for the id of a segment"),
        (lambda held: held["annotations"][1]["segments_info"][0].update(category_id=5), "objects of the categories 5"),
        (lambda held: held["annotations"][1].update(file_name="2.png"), r"2\.png has pixels of the segments 140007"),
    ],
)  # fmt: skip
def test_what_are_no_segments_is_refused(change, says, tmp_path):
    with pytest.raises(ValueError, match=says):
        open_source(panoptic(tmp_path, change), progress=False)


def test_parts_that_take_other_classes_for_things_are_refused(tmp_path):
    """Though their categories are the same."""

    def with_sand(held):
        held["categories"][0]["isthing"] = 1

    for part, change in (("train", lambda held: None), ("val", with_sand)):
        panoptic(tmp_path / part, change)
    with pytest.raises(ValueError, match=r"val/panoptic\.json has other categories than .*train/panoptic\.json"):
        open_source(tmp_path, progress=False)


def test_things_are_told_on_to_the_training_and_count_as_data(tmp_path):
    data = open_data(panoptic(tmp_path), progress=False)
    assert data.things == 2 and open_source("digits").things is None
    assert len({replace(data, things=things).fingerprint for things in (None, 1, 2)}) == 3


# The data set that is made on the spot


def test_shapes_are_masked_as_they_are_drawn(monkeypatch):
    """The images of ``shape_boxes``; masks fill their boxes, lie apart, and cover what the fine samples cover."""
    monkeypatch.setattr(shape_instances, "COUNT", 40)
    monkeypatch.setattr(shape_boxes, "COUNT", 40)
    found, boxes = (open_source(name, progress=False).parts["all"] for name in ("shape_instances", "shape_boxes"))
    np.testing.assert_array_equal(found.images, boxes.images)
    for name in ("classes", "valid", "crowd"):
        np.testing.assert_array_equal(found.annotations[name], boxes.annotations[name])
    assert abs(found.annotations["boxes"] - boxes.annotations["boxes"]).max() <= 1
    rng = np.random.default_rng(0)
    for number, held in enumerate(found.annotations["masks"]):
        scene, (segments, height, width) = shape_boxes.scene(rng), segments_of(held)
        bitmaps = np.array([bitmap_of(segment, height, width) for segment in segments]).reshape(-1, height, width)
        assert len(bitmaps) == found.annotations["valid"][number].sum() and bitmaps.sum(axis=0).max(initial=0) <= 1
        for place, bitmap in enumerate(bitmaps):
            ys, xs = np.nonzero(bitmap)
            box = [xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]
            assert found.annotations["boxes"][number, place].tolist() == box
            assert found.annotations["area"][number, place] == bitmap.sum()
            samples = (scene.fine == place).reshape(height, 2, width, 2).sum(axis=(1, 3))
            assert (bitmap[samples == 4] == 1).mean() > 0.99 and bitmap[samples == 0].sum() <= 1, "the tip of a corner"


def test_every_pixel_of_the_shapes_before_ground_and_water_is_of_one_segment(monkeypatch):
    monkeypatch.setattr(shape_panoptic, "COUNT", 30)
    source = open_source("shape_panoptic", progress=False)
    part = source.parts["all"]
    assert source.labels == ("disc", "ring", "square", "triangle", "ground", "water") and source.things == 4
    for number, held in enumerate(part.annotations["masks"]):
        segments, height, width = segments_of(held)
        bitmaps = np.array([bitmap_of(segment, height, width) for segment in segments])
        assert (bitmaps.sum(axis=0) == 1).all()
        classes = part.annotations["classes"][number][part.annotations["valid"][number]]
        assert len(classes) == len(bitmaps) and len({*classes.tolist()} & {4, 5}) == (classes > 3).sum() > 0


def test_masks_stay_with_their_images():
    held = in_array([row_of([plain_runs(drawn(n) == 1)], HEIGHT, WIDTH) for n in range(4)])
    annotations = {"boxes": np.zeros((4, 1, 4), "float32"), "valid": np.ones((4, 1), bool), "masks": held}
    split = Split(np.zeros((4, HEIGHT, WIDTH, 3), np.uint8), annotations, stores={"masks": Segments()})
    assert [*split.take(np.array([2, 0])).annotations["masks"]] == [held[2], held[0]]
