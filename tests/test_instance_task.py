"""Instance segmentation as a task: what is evaluated, shown, drawn and refused."""

import contextlib
import io
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from pycocotools import mask as pycoco
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

import kerascnn
from kerascnn.card import Card
from kerascnn.data import Split
from kerascnn.data.pipeline import batches
from kerascnn.data.segments import Segments, bitmap_of, encoded, in_array, row_of
from kerascnn.data.sources import shape_instances
from kerascnn.spec import Preprocess
from kerascnn.tasks import Instance, find_task
from kerascnn.tasks.detection.drawing import colours
from kerascnn.tasks.detection.evaluation import BoxEvaluation
from kerascnn.tasks.detection.prediction import BoxPrediction
from kerascnn.tasks.instance.meters import MaskAveragePrecision
from kerascnn.tasks.instance.pasting import pasted

torch = pytest.importorskip("torch")
HOUSE = Path(__file__).parents[1] / "kerascnn"
LABELS = ("disc", "box", "star")
TASK = Instance(labels=LABELS)
SIDE, CELLS = 120, 28


def ellipse(box, cells):
    """(cells, cells) of 0 to 1: the ellipse that fills a box, as its cells show it; or of an image, where it lies."""
    y, x = (np.mgrid[:cells, :cells] + 0.5) / cells * (SIDE if box is not None else 1)
    x1, y1, x2, y2 = (0, 0, 1, 1) if box is None else box
    reach = ((x - (x1 + x2) / 2) / (x2 - x1)) ** 2 + ((y - (y1 + y2) / 2) / (y2 - y1)) ** 2
    return np.clip(0.5 + (0.25 - reach) * 8, 0, 1).astype("float32")


def example(images=24, most=6, seed=0, crowds=True, noise=3.0):
    """Outputs that find most objects, and some that are not there; and targets, of all sizes."""
    rng = np.random.default_rng(seed)
    corner = rng.uniform(0, SIDE - 30, (images, most, 2))
    boxes = np.concatenate([corner, np.minimum(corner + rng.uniform(8, 90, (images, most, 2)), SIDE)], -1)
    classes, valid = rng.integers(0, 2, (images, most)), rng.random((images, most)) < 0.7
    valid[0] = False  # an image without objects
    masks = np.array([[ellipse(box, SIDE) >= 0.5 for box in row] for row in boxes]) & valid[..., None, None]
    targets = {
        "boxes": np.where(valid[..., None], boxes, 0).astype("float32"),
        "classes": classes.astype("int32"),
        "area": (masks.sum((2, 3)) * 4 * rng.uniform(0.9, 1.1, valid.shape)).astype("float32"),
        "crowd": (rng.random((images, most)) < 0.1) & crowds,
        "valid": valid,
        "scale": np.full(images, 4.0, "float32"),
        "masks": np.packbits(masks, axis=-1),
    }
    wrong = rng.uniform(0, SIDE - 30, (images, 5, 2))
    found = np.concatenate([boxes + rng.normal(0, noise, boxes.shape), np.concatenate([wrong, wrong + 25], -1)], 1)
    scores = np.zeros((images, most + 5, 3))
    kinds = np.concatenate([classes, rng.integers(0, 3, (images, 5))], 1)
    sure = np.concatenate([np.where(valid, rng.uniform(0.2, 1, valid.shape), 0), rng.uniform(0, 0.6, (images, 5))], 1)
    scores[np.arange(images)[:, None], np.arange(most + 5), kinds] = sure
    shares = np.broadcast_to(ellipse(None, CELLS), (images, most + 5, CELLS, CELLS))
    return {"boxes": found.astype("float32"), "scores": scores.astype("float32"), "masks": shares}, targets


def evaluated(outputs, targets, task=TASK):
    evaluator = task.evaluator()
    half = len(outputs["boxes"]) // 2
    for part in (slice(0, half), slice(half, None)):
        evaluator.add(*({name: values[part] for name, values in each.items()} for each in (outputs, targets)))
    return evaluator.result()


@pytest.fixture(scope="module")
def found():
    return evaluated(*example())


# Masks on their images


def of_detectron(mask, box, size):
    """Sampled at the middles of all pixels, as Detectron2 does before its threshold."""
    x1, y1, x2, y2 = box
    x = (np.arange(size[1]) + 0.5 - x1) / (x2 - x1) * 2 - 1
    y = (np.arange(size[0]) + 0.5 - y1) / (y2 - y1) * 2 - 1
    grid = torch.tensor(np.stack(np.meshgrid(x, y), -1)[None], dtype=torch.float64)
    shares = torch.tensor(mask[None, None], dtype=torch.float64)
    return torch.nn.functional.grid_sample(shares, grid, align_corners=False)[0, 0].numpy()


@pytest.mark.parametrize("box", [(10.3, 20.7, 60.2, 47.9), (-8.5, -3.2, 30, 130), (5, 5, 7.5, 9.1), (100, 90, 180, 95)])
def test_a_mask_is_laid_where_detectron_lays_it(box):
    mask = np.random.default_rng(0).random((CELLS, CELLS)).astype("float32")
    ours, theirs = pasted(mask, np.array(box, "float32"), (100, 140)), of_detectron(mask, np.float32(box), (100, 140))
    clear = abs(theirs - 0.5) > 1e-6
    assert ours.any() and clear.mean() > 0.99
    np.testing.assert_array_equal(ours[clear], theirs[clear] >= 0.5)


@pytest.mark.parametrize(
    "box", [(30, 30, 30, 50), (60, 20, 40, 50), (-20, -20, -5, -5), (0, 0, 0, 0), (150, 10, 170, 20)]
)
def test_a_box_without_pixels_has_none(box):
    assert not pasted(np.ones((CELLS, CELLS), "float32"), np.array(box, "float32"), (100, 140)).any()


# Average precision


def of_pycocotools(found):
    """COCO's own code on the same objects and detections; sizes are those of the source."""
    annotations, detections = [], []
    for number, (objects, prediction) in enumerate(zip(found.targets, found.predictions, strict=True)):
        rows = zip(objects.masks, objects.classes, objects.area, objects.crowd, strict=True)
        for mask, kind, area, crowd in rows:
            row = {"id": len(annotations) + 1, "image_id": number, "category_id": int(kind), "area": float(area)}
            annotations.append(row | {"iscrowd": int(crowd), "segmentation": mask})
        for mask, score, kind in zip(prediction.masks, prediction.scores, prediction.classes, strict=True):
            row = {"id": len(detections) + 1, "image_id": number, "category_id": int(kind), "score": float(score)}
            area = float(bitmap_of(mask, SIDE, SIDE).sum()) * 4
            detections.append(row | {"segmentation": mask, "area": area, "iscrowd": 0})
    truth, results = COCO(), COCO()
    for held, rows in ((truth, annotations), (results, detections)):
        held.dataset = {
            "images": [{"id": number, "width": SIDE, "height": SIDE} for number in range(found.samples)],
            "annotations": rows,
            "categories": [{"id": number} for number in range(3)],
        }
    with contextlib.redirect_stdout(io.StringIO()):
        for held in (truth, results):
            held.createIndex()
        measured = COCOeval(truth, results, "segm")
        measured.evaluate()
        measured.accumulate()
        measured.summarize()
    return measured


def test_average_precision_of_masks_is_that_of_pycocotools(found):
    theirs = of_pycocotools(found)
    ours = [found.ap, found.ap50, found.ap75, *(found.average(size=size) for size in (1, 2, 3))]
    np.testing.assert_allclose(ours, theirs.stats[:6], rtol=1e-9)
    assert 0.1 < found.ap < found.ap50 < 1 and len({round(value, 6) for value in ours}) == 6
    precision = theirs.eval["precision"][..., 2]
    np.testing.assert_allclose(found.precision, np.where(precision < 0, np.nan, precision), rtol=1e-9)
    told = found.as_dict()
    assert told["ap"] == found.headline != told["box_ap"] == found.of_boxes.ap
    assert found.text().startswith("masks: AP ") and "boxes alone: AP" in found.text()
    assert [headline.name for headline in found.headlines()] == ["AP", "AP50", "Box AP"]


def test_masks_decide_and_not_boxes():
    outputs, targets = example(crowds=False, noise=0.0)
    outputs["scores"][:, 6:] = 0
    good = evaluated(outputs, targets)
    outputs["masks"] = np.where(np.arange(CELLS) < CELLS // 4, outputs["masks"], 0)  # the left quarter alone
    poor = evaluated(outputs, targets)
    assert good.ap > 0.5 and poor.ap == 0 and poor.of_boxes.ap == good.of_boxes.ap > 0.5
    assert good.of_images[1] > 0.5 and poor.of_images[1] == 0 and good.agreement(poor) == 0 < good.agreement(good)


def test_the_meter_is_near_and_adds_up_over_batches():
    outputs, targets = example(crowds=False)
    outputs["masks"] = np.where(np.arange(CELLS) < 24, outputs["masks"], 0)
    tensors = {name: tf.constant(values) for name, values in targets.items()}
    whole, parts = MaskAveragePrecision(3, "ap"), MaskAveragePrecision(3, "ap")
    given = {name: tf.constant(values) for name, values in outputs.items()}
    whole.update_state(tensors, given)
    for place in range(0, 24, 8):
        part = slice(place, place + 8)
        parts.update_state(*({name: x[part] for name, x in each.items()} for each in (tensors, given)))
    assert float(whole.result()) == float(parts.result())
    exact = evaluated(outputs, targets)
    assert float(whole.result()) == pytest.approx(exact.ap, abs=0.02) and abs(exact.ap - exact.of_boxes.ap) > 0.02


def test_evaluations_of_other_images_are_not_compared(found):
    assert found.agreement(found) == 1
    with pytest.raises(ValueError, match="saw different images"):
        found.agreement(evaluated(*example(seed=1)))


# What is to be found


def data(count=3):
    """Images of which the first object has no pixel, though its box has."""
    bitmaps = np.zeros((2, 40, 40), np.uint8)
    bitmaps[1, 8:30, 10:35] = 1
    held = [row_of([[], encoded(bitmaps[1])], 40, 40)] * count
    annotations = {
        "boxes": np.tile(np.float32([[1, 1, 9, 9], [10, 8, 35, 30]]), (count, 1, 1)),
        "classes": np.tile(np.int32([0, 2]), (count, 1)),
        "area": np.tile(np.float32([64, 550]), (count, 1)),
        "crowd": np.zeros((count, 2), bool),
        "valid": np.ones((count, 2), bool),
        "masks": in_array(held),
    }
    return Split(np.zeros((count, 40, 40, 3), np.uint8), annotations, stores={"masks": Segments()})


HOW = Preprocess(size=24, squash=True)


def test_an_object_of_which_no_pixel_is_seen_is_none():
    ((_, targets),) = batches(data(), HOW, 3, encode=TASK.encode)
    assert targets["valid"].numpy().tolist() == [[False, True]] * 3
    assert not targets["boxes"][:, 0].numpy().any() and targets["boxes"][:, 1].numpy().all()
    assert targets["masks"].shape == (3, 2, 24, 3)


def test_images_with_masks_are_put_together_by_no_mosaic():
    with pytest.raises(ValueError, match="puts boxes together, and no masks"):
        batches(data(), HOW, 3, encode=TASK.encode, augment=("mosaic",))


def test_data_without_masks_says_so():
    boxes = replace(data(), annotations={k: v for k, v in data().annotations.items() if k != "masks"}, stores={})
    with pytest.raises(
        ValueError, match=r"The task instance needs images with boxes, .*, masks, and these have no masks"
    ):
        batches(boxes, HOW, 3, encode=TASK.encode)


# What is said and drawn


def test_a_prediction_says_and_draws_its_objects():
    boxes = np.array([[[2, 2, 12, 10], [2.4, 2, 12, 10], [4, 8, 16, 16]]], "float32")
    scores = np.array([[[0.9, 0.8, 0], [0.6, 0, 0], [0, 0.5, 0]]], "float32")
    masks = np.ones((1, 3, CELLS, CELLS), "float32")
    masks[:, :, :, CELLS // 2 :] = 0  # the left half
    (prediction,) = TASK.decode({"boxes": boxes, "scores": scores, "masks": masks}, (16, 20))
    assert prediction.text() == "disc 90.0% at 2, 2 to 12, 10; box 50.0% at 4, 8 to 16, 16"
    told = prediction.as_dict()["objects"][0]
    assert told["mask"]["size"] == [16, 20] and told["box"] == [2, 2, 12, 10]
    whole = pycoco.decode(told["mask"])
    assert whole[2:10, 2:7].all() and whole.sum() == 40
    image = np.full((16, 20, 1), 100, np.uint8)
    picture, shades = prediction.picture(image), colours(3).astype(float)
    assert picture.shape == (16, 20, 3) and picture.dtype == np.uint8
    assert picture[2, 9].tolist() == shades[0].tolist(), "its box"
    assert picture[5, 6].tolist() == shades[0].tolist(), "the border of its mask"
    assert picture[5, 4].tolist() == np.round(0.4 * 100 + 0.6 * shades[0]).tolist(), "within its mask"
    assert picture[9, 5].tolist() == shades[0].tolist(), "what is surer is on top"
    assert picture[13, 6].tolist() == np.round(0.4 * 100 + 0.6 * shades[1]).tolist()
    for row, column in ((0, 0), (5, 9), (12, 12)):
        assert picture[row, column].tolist() == [100, 100, 100], (row, column)
    (nothing,) = TASK.decode({"boxes": boxes, "scores": scores * 0.1, "masks": masks}, (16, 20))
    np.testing.assert_array_equal(nothing.picture(image), np.broadcast_to(image, (16, 20, 3)))


def test_a_report_shows_masks_of_the_best_and_worst_images(found):
    images = np.full((24, SIDE, SIDE, 3), 100, np.uint8)
    annotations = {name: example()[1][name] for name in TASK.annotations if name != "masks"}
    sections = found.sections(Split(images, annotations), Preprocess(size=SIDE, squash=True))
    assert {"Classes, weakest first", "Worst images"} <= {section.title for section in sections}
    worst = next(section for section in sections if section.title == "Worst images").pictures
    assert len(worst) == 12 and worst[0].image.shape == (SIDE, 2 * SIDE + 4, 3)
    assert np.mean([each.image[:, :SIDE] != 100 for each in worst]) > 0.1, "more than the outlines of boxes"


# What is refused


def test_what_cannot_be_evaluated_says_why():
    outputs, targets = example()
    for change, says in (
        ({"scores": outputs["scores"][..., :2]}, "its card names 3 labels; expected four numbers and a mask"),
        ({"masks": outputs["masks"][:, :4]}, "a mask for every box"),
        ({"masks": outputs["masks"] * np.nan}, "answers NaN"),
    ):
        with pytest.raises(ValueError, match=says):
            TASK.evaluator().add(outputs | change, targets)
    with pytest.raises(ValueError, match="puts out boxes, scores; expected boxes, masks and scores"):
        TASK.decode({"boxes": outputs["boxes"], "scores": outputs["scores"]}, (SIDE, SIDE))
    with pytest.raises(ValueError, match="decode needs size"):
        TASK.decode(outputs)
    with pytest.raises(ValueError, match="nothing to evaluate"):
        TASK.evaluator().result()


def network(classes=3, masks=True, count=5):
    x = keras.Input((32, 32, 3))
    y = keras.layers.Dense(count * 4)(keras.layers.GlobalAveragePooling2D()(x))
    outputs = {
        "boxes": keras.layers.Reshape((count, 4))(y),
        "scores": keras.layers.Reshape((count, classes))(keras.layers.Dense(count * classes)(y)),
        "masks": keras.layers.Reshape((count, 7, 7))(keras.layers.Dense(count * 49)(y)),
    }
    return keras.Model(x, outputs if masks else {name: outputs[name] for name in ("boxes", "scores")})


def test_a_file_is_evaluated_and_used(tmp_path, monkeypatch):
    monkeypatch.setattr(shape_instances, "COUNT", 6)
    labels = ("disc", "ring", "square", "triangle")
    network(classes=4).save(tmp_path / "net.keras")
    Card(model="net", task="instance", labels=labels, preprocess=Preprocess(size=32, squash=True)).write(
        tmp_path / "net.keras"
    )
    found = kerascnn.evaluate(tmp_path / "net.keras", "shape_instances")
    assert found.metric == "Mask AP" and found.evaluation.samples == 6 and found.evaluation.support.sum() > 6
    prediction = kerascnn.predict(tmp_path / "net.keras", np.zeros((40, 60, 3), np.uint8))
    assert all(one["mask"]["size"] == [32, 32] for one in prediction.as_dict()["objects"])
    assert prediction.picture(np.zeros((32, 32, 3), np.uint8)).shape == (32, 32, 3)


def test_models_that_do_not_fit_are_refused(monkeypatch):
    assert find_task("instance") is Instance
    TASK.check_model(network())
    with pytest.raises(ValueError, match=r"puts out a dictionary of boxes, scores; expected .*'masks'"):
        TASK.check_model(network(masks=False))
    with pytest.raises(ValueError, match=r"scores \(None, 5, 4\); expected .* each of 3 classes"):
        TASK.check_model(network(classes=4))
    monkeypatch.setitem(__import__("sys").modules, "hotcoco", None)
    with pytest.raises(ImportError, match=r"kerascnn\[detection\]"):
        TASK.check_model(network())


def test_files_are_compared_by_masks_that_count():
    outputs, _ = example()
    wide = {name: np.tile(x, (1, 20, *[1] * (x.ndim - 2))).astype("float32") for name, x in outputs.items()}
    wide["scores"][:, 100:] = 0
    steps, other = dict.fromkeys(wide, 0.0), {**wide, "masks": wide["masks"].copy()}
    other["masks"][:, 150:] = 0
    assert TASK.compare(wide, other, steps=steps, tolerance=1e-3).excess == 0, "masks that stand for nothing"
    other["masks"][:, :11] = 0
    assert TASK.compare(wide, other, steps=steps, tolerance=1e-3).excess > 1


def test_nothing_else_names_the_task():
    """Its own folder, its networks and the table may; nobody else asks which task it is."""
    for path in sorted(HOUSE.rglob("*.py")):
        name = path.relative_to(HOUSE).as_posix()
        if name.startswith(("tasks/instance/", "tasks/panoptic/", "detection/")) or name == "tasks/__init__.py":
            continue
        text = path.read_text(encoding="utf-8")
        assert "tasks.instance" not in text, f"{name} names instance"


def test_errors_are_of_masks():
    """What is in its box and shows a quarter of its object is near it, and finds it by its box."""
    outputs, targets = example(crowds=False, noise=0.0)
    outputs["scores"][:, 6:] = 0
    outputs["masks"] = np.where(np.arange(CELLS) < CELLS // 3, outputs["masks"], 0)
    found = evaluated(outputs, targets)
    of_masks, of_boxes = (
        {each.kind: each.count for each in some.errors}
        for some in (found, BoxEvaluation(boxed(found), found.targets, LABELS))
    )
    assert of_masks["localisation"] > 20 > of_boxes["localisation"]


def boxed(found):
    return tuple(BoxPrediction(each.boxes, each.scores, each.classes, LABELS) for each in found.predictions)
