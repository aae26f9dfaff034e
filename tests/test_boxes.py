"""Images with boxes: what is read, what is refused, and that a box goes wherever its object goes."""

import json

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from kerascnn.data import open_data, open_source
from kerascnn.data.dataset import Source, Split
from kerascnn.data.pipeline import batches, transformed
from kerascnn.data.sources.shape_boxes import SIDE, image
from kerascnn.data.transforms import affine, policies
from kerascnn.data.transforms.boxes import LEAST, boxes_along
from kerascnn.data.transforms.collage import mosaic, partners_of
from kerascnn.data.transforms.patches import iou_crop
from kerascnn.data.transforms.registry import AUGMENTATIONS, parse_all
from kerascnn.spec import Preprocess

SIZE = 48
SQUASHED = Preprocess(size=SIZE, squash=True, mean=(0.0,) * 3, std=(1 / 255,) * 3)  # pixels of 0 to 255
CENTRED = Preprocess(size=SIZE, crop=0.75, mean=(0.0,) * 3, std=(1 / 255,) * 3)
CUTS = ("crop:0.3", "window:0.4:0.8", "iou_crop:0.3")
GEOMETRIC = (*CUTS, "squash:0.7", "flip", "shift:9", "affine", "randaugment:3:15")


@pytest.fixture(autouse=True)
def cache_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("KERASCNN_HOME", str(tmp_path / "cache"))


def drawing(seed: int, height: int = 60, width: int = 84):
    """An image of one bright rectangle on black, its box and that of nothing, and which of the two is there."""
    rng = np.random.default_rng(seed)
    top, left = rng.integers(0, height - 20), rng.integers(0, width - 20)
    tall, wide = rng.integers(10, 20, 2)
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[top : top + tall, left : left + wide] = 255
    box = np.array([[left, top, left + wide, top + tall], [0, 0, 0, 0]], np.float32)
    return pixels, box, np.array([True, False])


@pytest.mark.parametrize(
    ("name", "preprocess", "times"),
    [
        *(("", SQUASHED, 1), ("", CENTRED, 1), ("flip", CENTRED, 1)),
        *((name, SQUASHED, 1) for name in GEOMETRIC),
        *((name, SQUASHED, 7) for name in CUTS),
    ],
)
def test_a_box_goes_where_its_object_goes(name, preprocess, times, monkeypatch):
    """The upright box round what is bright afterwards, or round the turned box where a transform turns.

    With ``times``, images are JPEG files that many times as large, which are decoded smaller.
    """
    for operation in policies.COLOURS:
        monkeypatch.setitem(policies.OPERATIONS, operation, policies.in_place(lambda image, _: image))
    turns = name.startswith(("affine", "randaugment"))
    steps, seen = parse_all([name] if name else []), 0
    for number in range(12):
        pixels, box, valid = drawing(number)
        seeds = tf.unstack(tf.random.split(tf.constant([number, 7]), len(steps)))
        large = np.kron(pixels, np.ones((times, times, 1), np.uint8))
        image = large if times == 1 else tf.io.encode_jpeg(large, quality=95)
        sample = {"image": tf.constant(image), "boxes": tf.constant(box * times), "valid": tf.constant(valid)}
        made = transformed(sample, preprocess, list(zip(steps, seeds, strict=True)))
        bright = made["image"].numpy()[..., 0] > 200
        found, there = made["boxes"].numpy(), made["valid"].numpy()
        assert found.shape == (2, 4) and not there[1] and not found[1].any()
        if not there[0]:
            assert not found[0].any() and bright.sum() < LEAST * 1.5 * 20 * 20
            continue
        if name == "affine" and (found[0].min() < 1 or found[0].max() > SIZE - 1):  # which repeats the edge
            continue
        seen += 1
        rows, columns = np.flatnonzero(bright.any(1)), np.flatnonzero(bright.any(0))
        tight = np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1])
        assert (found[0] >= 0).all() and (found[0] <= SIZE).all()
        slack = 6 if turns else 1.6
        assert (abs(found[0] - tight) < slack).all(), (number, found[0], tight)
        scale = made["scale"].numpy()
        if not turns and not name:
            want = 60 / 64 * 84 / 89 if preprocess is CENTRED else 60 * 84 / SIZE**2
            assert scale == pytest.approx(want, rel=0.01)
    assert seen >= 3


def test_every_geometric_transform_is_drawn_here():
    kinds = {name for name, line in AUGMENTATIONS.items() if line.kind in ("cut", "choice", "fit", "move")}
    alike = {"shift_mirror", "autoaugment", "trivialaugment"}  # the affines of shift, and those of RandAugment's moves
    assert kinds - alike == {name.partition(":")[0] for name in GEOMETRIC}


def test_a_box_of_which_little_is_left_is_left_out():
    boxes, valid = np.array([[0, 0, 10, 10]] * 3, "float32"), [True, True, False]
    for left, kept in ((7.0, True), (8.0, False)):
        away = affine.row(1, 0, left, 0, 1, 0)
        found, there = boxes_along(tf.constant(boxes), tf.constant(valid), away, [(20, 20)])
        assert there.numpy().tolist() == [kept, kept, False]
        assert found.numpy()[0].tolist() == ([0, 0, 3, 10] if kept else [0, 0, 0, 0])


def test_what_one_move_took_out_of_sight_the_next_does_not_bring_back():
    away, back = affine.row(1, 0, 6, 0, 1, 0), affine.row(1, 0, -6, 0, 1, 0)
    box, there = tf.constant([[0.0, 0.0, 10.0, 10.0]]), tf.constant([True])
    found, valid = boxes_along(box, there, tf.concat([away, back], 0), [(20, 20)] * 2)
    assert found.numpy().tolist() == [[6, 0, 10, 10]] and valid.numpy()[0]


# By the objects


def test_a_part_is_chosen_by_what_it_shares_with_an_object():
    """All that is drawn keeps to the rule, and each of the seven rules is drawn about as often as any other."""
    boxes, valid = tf.constant([[20.0, 10, 60, 40], [70, 5, 80, 25], [0, 0, 84, 60]]), tf.constant([True, True, False])
    choose = tf.function(lambda seed, valid: iou_crop(tf.constant([60, 84]), seed, boxes, valid, 0.3))
    parts = np.array([choose(tf.constant([number, 3]), valid) for number in range(400)])
    whole = (parts == [0, 0, 60, 84]).all(1)
    top, left, high, wide = parts[~whole].T
    assert (top >= 0).all() and (left >= 0).all() and (top + high <= 60).all() and (left + wide <= 84).all()
    assert (high >= 18).all() and (wide >= 25).all() and (high <= 2 * wide).all() and (wide <= 2 * high).all()
    inside = [(left < x) & (x < left + wide) & (top < y) & (y < top + high) for x, y in ((40, 25), (75, 15))]
    assert (inside[0] | inside[1]).all(), "the middle of an object lies in each"
    shared = np.zeros(len(top))
    for x1, y1, x2, y2 in boxes.numpy()[:2]:
        both = np.clip(np.minimum(left + wide, x2) - np.maximum(left, x1), 0, None)
        both *= np.clip(np.minimum(top + high, y2) - np.maximum(top, y1), 0, None)
        shared = np.maximum(shared, both / ((x2 - x1) * (y2 - y1) + high * wide - both))
    # A seventh asks for each of 0 to 0.9; fifty draws find one of 0.7 for most, and one of 0.9 seldom.
    for overlap, least, most in ((0.7, 0.03, 0.25), (0.5, 0.18, 0.45), (0.3, 0.32, 0.75)):
        assert least < (shared >= overlap).sum() / 400 < most
    assert 1 / 7 - 0.05 < whole.mean() < 3 / 7 + 0.1 and (shared < 0.3).mean() > 0.05
    nothing = np.array([choose(tf.constant([number, 3]), tf.constant([False] * 3)) for number in range(100)])
    assert 0.05 < (nothing == [0, 0, 60, 84]).all(1).mean() < 0.3, "without objects only every seventh is whole"


def test_four_images_meet_in_a_point_with_their_boxes():
    """Each rectangle is where its box says, in the colour of the image that its class says it is of."""
    count, colours = 6, 100 + 25 * np.arange(6)
    pixels, boxes, valid = (
        np.array(each) for each in zip(*(drawing(n, SIZE, SIZE) for n in range(count)), strict=True)
    )
    images = np.where(pixels > 0, colours[:, None, None, None], 20 + np.arange(count)[:, None, None, None])
    classes = np.tile(np.arange(count, dtype="int32")[:, None], 2)
    targets = {"boxes": boxes, "valid": valid, "classes": classes, "scale": np.ones(count, "float32")}
    tensors = {name: tf.constant(values) for name, values in targets.items()}
    images, seen = images.astype("float32"), 0
    for number in range(8):
        seed = tf.constant([number, 5])
        made, found = mosaic(tf.constant(images), tensors, seed, 1.0)
        assert found["boxes"].shape == (count, 8, 4) and found["classes"].shape == found["valid"].shape == (count, 8)
        np.testing.assert_array_equal(found["scale"], targets["scale"])
        chosen = np.concatenate([np.arange(count)[None], partners_of("mosaic", seed, count)]).T
        assert (np.sort(chosen, axis=0) == np.arange(count)[:, None]).all(), "each is taken as often as any other"
        rows = (found[name].numpy() for name in ("boxes", "valid", "classes"))
        for shown, of_image, there, kinds, own in zip(made.numpy()[..., 0], *rows, chosen, strict=True):
            np.testing.assert_array_equal(kinds.reshape(4, 2)[:, 0], own)
            assert not of_image[~there].any()
            for box, kind in zip(of_image[there], kinds[there], strict=True):
                left, top, right, bottom = np.clip(np.add(box.round(), [-3, -3, 3, 3]), 0, SIZE).astype(int)
                bright = abs(shown[top:bottom, left:right] - colours[kind]) < 12
                lines, columns = np.flatnonzero(bright.any(1)) + top, np.flatnonzero(bright.any(0)) + left
                tight = [columns[0], lines[0], columns[-1] + 1, lines[-1] + 1]
                assert (abs(box - tight) < 1.7).all(), (box, tight)
                seen += 1
    assert seen > 100
    alone, found = mosaic(tf.constant(images), tensors, tf.constant([0, 5]), 0.0)
    np.testing.assert_array_equal(alone, images)
    np.testing.assert_array_equal(found["boxes"][:, :2], boxes)
    assert not found["valid"].numpy()[:, 2:].any() and not found["boxes"].numpy()[:, 2:].any()


def test_a_collage_is_the_same_whoever_makes_it():
    """In one pipeline or two workers, from the beginning or from the second batch on."""
    rows = [drawing(number, SIZE, SIZE) for number in range(10)]
    pixels, boxes, valid = (np.array(each) for each in zip(*rows, strict=True))
    annotations = {"boxes": boxes, "valid": valid, "classes": np.zeros((10, 2), np.int32)}
    split = Split(pixels, annotations)
    how = {"preprocess": SQUASHED, "batch": 4, "augment": ("flip", "mosaic:0.8"), "shuffle": True, "seed": 3}
    whole = list(batches(split, **how))
    assert [len(images) for images, _ in whole] == [4, 4, 2] and whole[0][1]["boxes"].shape == (4, 8, 4)
    halves = [list(batches(split, shard=(number, 2), **how)) for number in range(2)]
    for (images, targets), *parts in zip(whole, *halves, strict=True):
        np.testing.assert_array_equal(images, np.concatenate([part[0] for part in parts]))
        for name, values in targets.items():
            np.testing.assert_array_equal(values, np.concatenate([part[1][name] for part in parts]))
    (images, _), *_ = batches(split, start=1, **how)
    np.testing.assert_array_equal(images, whole[1][0])


@pytest.mark.parametrize("name", ["mosaic", "iou_crop"])
def test_what_goes_by_boxes_needs_some(name):
    split = Split(np.zeros((4, 8, 8, 3), np.uint8), {"label": np.zeros(4, np.int32)})
    with pytest.raises(ValueError, match=rf"{name} goes by boxes round objects, and these images have label\. Leave"):
        batches(split, SQUASHED, 2, augment=(name,), classes=2)
    with pytest.raises(ValueError, match="has '2'; expected"):
        parse_all([f"{name}:2"])
    with pytest.raises(ValueError, match="Only one augmentation can decide"):
        parse_all(["iou_crop", "crop"])


# The data set that is made on the spot


def test_shapes_have_tight_boxes_and_are_the_same_everywhere():
    drawn = [image(np.random.default_rng(seed)) for seed in range(40)]
    again, objects = image(np.random.default_rng(3))
    np.testing.assert_array_equal(again, drawn[3][0])
    np.testing.assert_array_equal(objects, drawn[3][1])
    rows = np.concatenate([objects for _, objects in drawn])
    assert {0, 1, 2, 3} == set(rows[:, 4]) and any(len(objects) == 0 for _, objects in drawn)
    assert rows[:, :4].min() >= 0 and rows[:, :4].max() <= SIDE
    sides = rows[:, 2:4] - rows[:, :2]
    assert sides.min() > 3 and np.ptp(sides) > 30, "small and large ones"
    for pixels, objects in drawn:
        assert pixels.shape == (SIDE, SIDE, 3) and pixels.dtype == np.uint8 and len(objects) <= 5


# COCO's JSON

BOXES = [  # of each image x, y, width and height, category, crowd
    [(4, 6, 20, 10, 3, 0), (30, 20, 15, 15, 7, 0)],
    [(0, 0, 60, 40, 3, 1), (10, 10, 5, 8, 3, 0), (20, 30, 0, 5, 7, 0)],
    [],
    [(50, 30, 14, 12, 7, 0)],
    *([(5, 5, 30, 20, 3, 0), (10, 8, 4, 4, 7, 0), (1, 2, 3, 4, 3, 0)] for _ in range(4)),
]


def coco(folder, boxes=BOXES, images="images", name="annotations.json", change=lambda held: None):
    """A folder of images of 60 x 40 pixels and their annotation file."""
    (folder / images).mkdir(parents=True, exist_ok=True)
    held = {"images": [], "annotations": [], "categories": [{"id": 7, "name": "cat"}, {"id": 3, "name": "dog"}]}
    for number, objects in enumerate(boxes):
        pixels = np.random.default_rng(number).integers(0, 255, (40, 60, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(folder / images / f"{number:02d}.png")
        held["images"].append({"id": 100 + number, "file_name": f"{number:02d}.png", "width": 60, "height": 40})
        for x, y, width, height, category, crowd in objects:
            row = {"id": len(held["annotations"]) + 1, "image_id": 100 + number, "category_id": category}
            held["annotations"].append(row | {"bbox": [x, y, width, height], "area": width * height, "iscrowd": crowd})
    change(held)
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text(json.dumps(held))
    return folder


def test_a_folder_of_images_and_annotations(tmp_path):
    found = open_source(coco(tmp_path), progress=False)
    part = found.parts["all"]
    assert found.labels == ("dog", "cat") and len(part) == 8, "in the order of the ids"
    assert part.annotations["boxes"].shape == (8, 3, 4) and part.annotations["boxes"].dtype == np.float32
    assert part.annotations["boxes"][0, :2].tolist() == [[4, 6, 24, 16], [30, 20, 45, 35]]
    assert part.annotations["classes"][0, :2].tolist() == [0, 1]
    assert part.annotations["valid"].sum(1).tolist() == [2, 2, 0, 1, 3, 3, 3, 3]
    assert part.annotations["crowd"][1].tolist() == [True, False, False]
    assert part.annotations["boxes"][3, 0].tolist() == [50, 30, 60, 40] and part.annotations["area"][3, 0] == 168
    for said in (
        "17 objects", "1 crowds, which are not trained on", "1 boxes without area, left out",
        "1 boxes cut at the edge of their image", "1 images without objects",
        "3 numbers that no category has, so that classes are 0 to 1 in their order",
    ):  # fmt: skip
        assert said in found.note, found.note
    data = open_data(tmp_path, progress=False)
    assert len(data.train) + len(data.validation) == 8
    alone = open_source(tmp_path / "annotations.json", progress=False)
    np.testing.assert_array_equal(alone.parts["all"].annotations["boxes"], part.annotations["boxes"])


def test_parts_as_coco_has_them_and_in_folders(tmp_path):
    for role in ("train2017", "val2017"):
        coco(tmp_path / "a", BOXES[: 2 if "val" in role else 8], role, f"annotations/instances_{role}.json")
    for role, count in (("train", 8), ("valid", 2)):
        coco(tmp_path / "b" / role, BOXES[:count], ".", "_annotations.coco.json")
    for name in "ab":
        found = open_source(tmp_path / name, progress=False)
        assert {role: len(part) for role, part in found.parts.items()} == {"train": 8, "validation": 2}
        assert found.whole().annotations["boxes"].shape == (10, 3, 4)
    assert len(open_source(tmp_path / "a" / "annotations" / "instances_val2017.json", progress=False).whole()) == 2


def scaled(held):
    for each in held["annotations"]:
        x, y, width, height = each["bbox"]
        each["bbox"] = [x / 60, y / 40, width / 60, height / 40]


def as_corners(held):
    for each in held["annotations"]:
        x, y, width, height = each["bbox"]
        each["bbox"] = [x, y, min(x + width, 60), min(y + height, 40)]


def exchanged(held):
    for each in held["annotations"]:
        x, y, width, height = each["bbox"]
        each["bbox"] = [y, x, height, width]


def partly_scaled(held):
    for each in held["annotations"][:4]:
        each["bbox"] = [side / 60 for side in each["bbox"]]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (partly_scaled, "4 of the 18 boxes of .* end at .* or before: they look like fractions"),
        (scaled, "or before: they look like fractions"),
        (as_corners, "Taken for x1, y1, x2 and y2 they all fit"),
        (lambda held: held["annotations"][0].update(category_id=9), "objects of the categories 9, and knows 3, 7"),
        (lambda held: held["annotations"][0].update(image_id=9), "objects in the images 9, which it does not list"),
        (lambda held: held["annotations"][0].update(bbox=[1, 2, 3]), "expected x, y, width and height"),
        (lambda held: held["annotations"][0].update(bbox=[1, 2, 3, float("nan")]), "expected x, y, width and height"),
        (lambda held: held.pop("categories"), "lacks 'categories' where COCO's files have it"),
        (lambda held: held["images"][1].update(id=100), "several images with one id"),
        (lambda held: held["categories"][1].update(name="cat"), "several categories of one name"),
        (lambda held: held["categories"][1].update(id=7), "several categories with one id, 7; each"),
        (lambda held: held["categories"][1].update(id="3"), "has '3' for the id of a category; expected an integer"),
        (lambda held: held["annotations"][0].update(category_id="3"), "'3' for the category_id .* an integer"),
        (lambda held: held["annotations"][0].update(category_id=None), "None for the category_id of an object"),
        (lambda held: held["annotations"][0].update(area=float("nan")), "nan for the area .* a number, at least 0"),
        (lambda held: held["annotations"][0].update(area="big"), "'big' for the area .* a number"),
        (lambda held: held["annotations"][0].update(iscrowd=-1), "-1 for the area or iscrowd .* at least 0"),
        (lambda held: held["images"][0].update(width="60"), "'60' for the width or height of an image"),
        (lambda held: held["images"][0].update(file_name=3), "3 for the file_name of an image; expected a text"),
        (lambda held: held["images"][1].update(file_name="00.png"), "several images of one file, 00.png; each"),
        (lambda held: held.update(images=[["00.png"]]), "lacks .* where COCO's files have it"),
        (lambda held: held.update(annotations=[]), "has no object: there is nothing to find in 8 images"),
        (lambda held: held["images"][0].update(width=40, height=60), "is 60 x 40 pixels, and .* says 40 x 60"),
        (lambda held: [each["bbox"].__setitem__(2, 0) for each in held["annotations"]], "No box of .* has an area"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused(tmp_path, change, said):
    with pytest.raises(ValueError, match=said):
        open_source(coco(tmp_path, change=change), progress=False)


def test_exchanged_coordinates_are_told(tmp_path):
    boxes = [[(30, 5, 25, 10, 3, 0)], [(45, 20, 10, 15, 7, 0)], [(20, 30, 38, 8, 3, 0)]]
    with pytest.raises(ValueError, match="With x and y exchanged they all fit"):
        open_source(coco(tmp_path, boxes, change=exchanged), progress=False)


def test_what_coco_leaves_out_or_keeps_is_left_out_or_kept_and_counted(tmp_path):
    many = [(5, 5, 20 + place, 20, 3, 0) for place in range(20)]
    odd = [(70, 5, 4, 4, 3, 0), (50, 30, 30, 8, 3, 0), (9, 9, 0, 4, 3, 0)]  # outside, over the edge, without width
    same = [(1, 1, 9, 9, 3, 0), (1, 1, 9, 9, 3, 0), (1, 1, 9, 9, 7, 0), (1, 1, 9, 9, 3, 1)]  # three alike but for class
    found = open_source(coco(tmp_path, [many, odd + same]), progress=False)
    annotations = found.parts["all"].annotations
    assert annotations["valid"].sum(1).tolist() == [20, 5]
    assert annotations["boxes"][1, :5].tolist() == [[50, 30, 60, 38], *[[1, 1, 10, 10]] * 4]
    for said in (
        "25 objects", "1 crowds, which", "1 boxes without area, left out", "1 boxes outside their image, left out",
        "1 boxes cut at the edge of their image", "2 objects listed twice, which both count",
    ):  # fmt: skip
        assert said in found.note, found.note


def test_areas_and_crowds_that_are_not_said(tmp_path):
    def unsaid(held):
        for each in held["annotations"]:
            each.update(area=None, iscrowd=None)

    part = open_source(coco(tmp_path, [[(4, 6, 20, 10, 3, 1)]], change=unsaid), progress=False).whole()
    assert part.annotations["area"][0].tolist() == [200] and not part.annotations["crowd"].any()


def test_an_image_in_two_parts_is_told(tmp_path):
    for role in ("train2017", "val2017"):
        coco(tmp_path, BOXES[: 2 if "val" in role else 8], "images", f"annotations/instances_{role}.json")
    assert "2 images are in several parts" in open_source(tmp_path, progress=False).note


def test_images_that_are_not_there_or_turned_are_told(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"There is no image 00.png of"):
        folder = coco(tmp_path / "a")
        (folder / "images" / "00.png").unlink()
        open_source(folder, progress=False)
    folder = coco(tmp_path / "b", change=lambda held: held["images"][0].update(width=40, height=60))
    found = open_source(folder, on_corrupt="skip", progress=False)
    assert len(found.whole()) == 7 and found.skipped[0].endswith("00.png")


def test_a_single_class_can_be_found(tmp_path):
    folder = coco(tmp_path, [[(1, 2, 10, 10, 7, 0)]] * 12, change=lambda held: held["categories"].pop())
    assert open_data(folder, progress=False).labels == ("cat",)


def test_an_image_of_one_pixel():
    sample = {"image": tf.constant(np.full((1, 1, 3), 255, np.uint8)), "boxes": tf.constant([[0.0, 0, 1, 1]])}
    made = transformed(sample | {"valid": tf.constant([True])}, SQUASHED)
    np.testing.assert_allclose(made["boxes"], [[0, 0, SIZE, SIZE]], rtol=1e-6)
    assert made["valid"].numpy()[0]


def test_files_of_images_of_one_pixel(tmp_path):
    """Their boxes are no fractions, however near to the corner they end."""
    folder = coco(tmp_path, [[(5, 5, 20, 20, 3, 0)], [(0, 0, 1, 1, 7, 0)], []])
    for number in (1, 2):
        Image.new("RGB", (1, 1)).save(folder / "images" / f"{number:02d}.png")
    held = json.loads((folder / "annotations.json").read_text())
    for row in held["images"][1:]:
        row.update(width=1, height=1)
    (folder / "annotations.json").write_text(json.dumps(held))
    found = open_source(folder, progress=False).whole()
    assert found.annotations["boxes"][1, 0].tolist() == [0, 0, 1, 1]
    for images, targets in batches(found, SQUASHED, 3):
        assert images.shape == (3, SIZE, SIZE, 3) and np.isfinite(images).all()
        assert targets["valid"].numpy().tolist() == [[True], [True], [False]]
        np.testing.assert_allclose(targets["boxes"][1, 0], [0, 0, SIZE, SIZE], rtol=1e-5)


def test_classes_that_are_none_are_refused():
    annotations = {"boxes": np.zeros((1, 2, 4), "float32"), "classes": np.array([[1, 9]], "int32")}
    annotations |= {
        "valid": np.array([[True, False]]),
        "crowd": np.zeros((1, 2), bool),
        "area": np.ones((1, 2), "float32"),
    }
    images = np.zeros((1, 4, 4, 3), np.uint8)
    Source(parts={"all": Split(images, annotations)}, labels=("a", "b"), channels=3)  # padding is no class
    with pytest.raises(ValueError, match="The classes of all images goes from 0 to 9"):
        Source(
            parts={"all": Split(images, annotations | {"valid": np.ones((1, 2), bool)})}, labels=("a", "b"), channels=3
        )
