"""Detection as a task: what is evaluated, shown, drawn and refused."""

import contextlib
import io
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

import kerascnn
from kerascnn.data import Split
from kerascnn.spec import Preprocess
from kerascnn.tasks import Detection
from kerascnn.tasks.detection import Focal, MultiBox, TwoStage, drawing
from kerascnn.tasks.detection.heads import up_to_logits
from kerascnn.tasks.detection.meters import AveragePrecision
from kerascnn.tasks.detection.prediction import SURE

HOUSE = Path(__file__).parents[1] / "kerascnn"
LABELS = ("disc", "box", "star")
TASK = Detection(labels=LABELS)
SIDE = 160.0


def example(images=40, most=6, seed=0, crowds=True, noise=4.0):
    """Outputs that find most objects, and some that are not there; and targets, of all sizes."""
    rng = np.random.default_rng(seed)
    corner = rng.uniform(0, SIDE - 20, (images, most, 2))
    boxes = np.concatenate([corner, np.minimum(corner + rng.uniform(6, 120, (images, most, 2)), SIDE)], -1)
    classes, valid = rng.integers(0, 2, (images, most)), rng.random((images, most)) < 0.7
    valid[0] = False  # an image without objects
    crowd = (rng.random((images, most)) < 0.1) & crowds
    sides = boxes[..., 2:] - boxes[..., :2]
    targets = {
        "boxes": np.where(valid[..., None], boxes, 0).astype("float32"),
        "classes": classes.astype("int32"),
        "area": (sides.prod(-1) * rng.uniform(0.5, 1, valid.shape) * 4).astype("float32"),  # of segments in the source
        "crowd": crowd,
        "valid": valid,
        "scale": np.full(images, 4.0, "float32"),
    }
    wrong = rng.uniform(0, SIDE - 30, (images, 6, 2))
    found = np.concatenate([boxes + rng.normal(0, noise, boxes.shape), np.concatenate([wrong, wrong + 25], -1)], 1)
    scores = np.zeros((images, most + 6, 3))
    places = np.arange(most + 6)
    kinds = np.concatenate([classes, rng.integers(0, 3, (images, 6))], 1)
    sure = np.concatenate([np.where(valid, rng.uniform(0.2, 1, valid.shape), 0), rng.uniform(0, 0.6, (images, 6))], 1)
    scores[np.arange(images)[:, None], places, kinds] = sure
    return {"boxes": found.astype("float32"), "scores": scores.astype("float32")}, targets


def evaluated(outputs, targets, task=TASK):
    evaluator = task.evaluator()
    half = len(outputs["boxes"]) // 2
    for part in (slice(0, half), slice(half, None)):
        evaluator.add(*({name: values[part] for name, values in each.items()} for each in (outputs, targets)))
    return evaluator.result()


@pytest.fixture(scope="module")
def found():
    return evaluated(*example())


def of_pycocotools(found):
    """COCO's own code on the same objects and detections, in pixels of the source."""
    annotations, detections = [], []
    for number, (objects, prediction) in enumerate(zip(found.targets, found.predictions, strict=True)):
        rows = zip(2.0 * objects.boxes.astype(float), objects.classes, objects.area, objects.crowd, strict=True)
        for (x, y, right, bottom), kind, area, crowd in rows:
            row = {"id": len(annotations) + 1, "image_id": number, "category_id": int(kind), "area": float(area)}
            annotations.append(row | {"iscrowd": int(crowd), "bbox": [x, y, right - x, bottom - y]})
        for (x, y, right, bottom), score, kind in zip(
            2.0 * prediction.boxes.astype(float), prediction.scores, prediction.classes, strict=True
        ):
            row = {"image_id": number, "category_id": int(kind), "score": float(score)}
            detections.append(row | {"bbox": [x, y, right - x, bottom - y]})
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = {
            "images": [{"id": number} for number in range(found.samples)],
            "annotations": annotations,
            "categories": [{"id": number} for number in range(3)],
        }
        truth.createIndex()
        measured = COCOeval(truth, truth.loadRes(detections), "bbox")
        measured.evaluate()
        measured.accumulate()
        measured.summarize()
    return measured


def test_average_precision_is_that_of_pycocotools(found):
    theirs = of_pycocotools(found)
    ours = [found.ap, found.ap50, found.ap75, *(found.average(size=size) for size in (1, 2, 3))]
    np.testing.assert_allclose(ours, theirs.stats[:6], rtol=1e-9)
    assert 0.1 < found.ap < found.ap50 < 1 and len({round(value, 6) for value in ours}) == 6
    precision = theirs.eval["precision"][..., 2]
    np.testing.assert_allclose(found.precision, np.where(precision < 0, np.nan, precision), rtol=1e-9)
    assert np.isnan(found.of_classes[2]).all() and found.support[2] == 0, "a class that occurs nowhere"
    assert found.as_dict()["ap_small"] == pytest.approx(theirs.stats[3])
    assert found.as_dict()["classes"][2]["ap"] is None and found.headline == found.ap
    assert "AP50" in found.text() and "disc" in found.text()


def test_the_meter_is_near_and_adds_up_over_batches(found):
    outputs, targets = example(crowds=False)
    right = outputs["scores"][::3]  # of these the right class comes second
    outputs["scores"][::3] = np.maximum(np.roll(right, 1, axis=2), 0.8 * right)
    tensors = {name: tf.constant(values) for name, values in targets.items()}
    whole, parts = AveragePrecision(3, "ap"), AveragePrecision(3, "ap")
    given = {name: tf.constant(values) for name, values in outputs.items()}
    whole.update_state(tensors, given)
    for place in range(0, 40, 10):
        part = slice(place, place + 10)
        parts.update_state(*({name: x[part] for name, x in each.items()} for each in (tensors, given)))
    assert float(whole.result()) == float(parts.result())
    assert float(whole.result()) == pytest.approx(evaluated(outputs, targets).ap, abs=0.02)


def test_what_is_perfect_and_what_is_nothing():
    outputs, targets = example(crowds=False, noise=0.0)
    apart = np.linspace(0, SIDE - 12, 6, dtype="float32")[:, None] * [1, 1, 1, 1]
    targets["boxes"] = np.where(targets["valid"][..., None], apart + np.array([0, 0, 12, 12]), 0).astype("float32")
    outputs["boxes"][:, :6], outputs["scores"][:, 6:] = targets["boxes"], 0
    assert evaluated(outputs, targets).ap == pytest.approx(1)
    outputs["scores"][:] = 0
    nothing = evaluated(outputs, targets)
    assert nothing.ap == 0 and nothing.agreement(nothing) == 1
    targets["valid"][:] = False
    assert np.isnan(evaluated(outputs, targets).ap) and evaluated(outputs, targets).as_dict()["ap"] is None


def test_agreement_is_of_sure_detections(found):
    outputs, targets = example()
    assert found.agreement(found) == 1
    outputs["boxes"][3] += 100
    other = evaluated(outputs, targets)
    shared = sum(prediction.sure for prediction in found.predictions)
    moved = found.predictions[3].sure
    assert moved and other.agreement(found) <= 1 - 0.5 * moved / shared
    with pytest.raises(ValueError, match="saw different images"):
        found.agreement(evaluated(*example(seed=1)))
    with pytest.raises(ValueError, match="different labels"):
        found.agreement(evaluated(*example(), task=Detection(labels=("a", "b", "c"))))


def test_what_cannot_be_evaluated_says_why():
    outputs, targets = example()
    with pytest.raises(ValueError, match="its card names 3 labels; expected four numbers"):
        TASK.evaluator().add(outputs | {"scores": outputs["scores"][..., :2]}, targets)
    with pytest.raises(ValueError, match="answers NaN"):
        TASK.evaluator().add(outputs | {"boxes": outputs["boxes"] * np.nan}, targets)
    with pytest.raises(ValueError, match="puts out scores; expected boxes and scores"):
        TASK.decode({"scores": outputs["scores"]})
    with pytest.raises(ValueError, match="nothing to evaluate"):
        TASK.evaluator().result()


def test_a_missing_package_is_named_before_a_training(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "hotcoco", None)
    with pytest.raises(ImportError, match=r"kerascnn\[detection\]"):
        TASK.check_model(kerascnn.build("ssdlite_mobilenet_v2_035", classes=3, input_shape=(96, 96, 3)))


def test_models_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"puts out \(None, 3\); expected a dictionary with 'boxes'"):
        TASK.check_model(kerascnn.build("mobilenet_v2_035", classes=3, input_shape=(96, 96, 3)))
    model = kerascnn.build("ssdlite_mobilenet_v2_035", classes=3, input_shape=(96, 96, 3))
    TASK.check_model(model)
    with pytest.raises(ValueError, match="a score for each of 2 classes"):
        Detection(labels=LABELS[:2]).check_model(model)
    outputs = TASK.training_model(model)(np.ones((2, 96, 96, 3), "float32"))
    count = model.output["boxes"].shape[1]
    assert {name: tuple(x.shape) for name, x in outputs.items()} == {
        "boxes": (2, count, 4), "offsets": (2, count, 4), "scores": (2, count, 3), "exclusive": (2, count, 4),
        "defaults": (count, 4), "variances": (2,),
    }  # fmt: skip
    np.testing.assert_allclose(tf.nn.softmax(outputs["exclusive"])[..., 1:], outputs["scores"], rtol=1e-5)
    np.testing.assert_array_equal(outputs["scores"], model(np.ones((2, 96, 96, 3), "float32"))["scores"])
    image = keras.Input((8, 4))
    own = keras.Model(image, {"boxes": image[..., :4], "scores": keras.layers.Dense(3)(image)})
    with pytest.raises(ValueError, match="its boxes have to come of DecodeBoxes"):
        up_to_logits(own)
    with pytest.raises(
        ValueError, match="loss must be MultiBox, Focal, SumSquared, Region, Logistic, TwoStage, MultiTask or None"
    ):
        Detection(labels=LABELS, loss="focal")
    with pytest.raises(ValueError, match=r"Focal is for other networks than .* learns by MultiBox.*set it to MultiBox"):
        Detection(labels=LABELS, loss=Focal()).training_model(model)
    alone = kerascnn.build("retinanet_mobilenet_v2_035", classes=3, input_shape=(64, 64, 3))
    with pytest.raises(ValueError, match=r"MultiBox is for other networks than .*set it to Focal"):
        Detection(labels=LABELS, loss=MultiBox()).training_model(alone)
    two = kerascnn.build("faster_rcnn_mobilenet_v2_035", classes=3, input_shape=(64, 64, 3))
    with pytest.raises(ValueError, match=r"Focal is for other networks than .*set it to TwoStage"):
        Detection(labels=LABELS, loss=Focal()).training_model(two)
    with pytest.raises(ValueError, match=r"TwoStage is for other networks than .*set it to MultiBox"):
        Detection(labels=LABELS, loss=TwoStage()).training_model(model)
    with pytest.raises(ValueError, match="negatives must be above 0"):
        MultiBox(negatives=0)
    with pytest.raises(ValueError, match="overlap must be between 0 and 1"):
        MultiBox(overlap=1.0)
    for name, value, says in (
        ("alpha", 0, "between 0 and 1"), ("gamma", -1, "at least 0"), ("high", 1.0, "between 0 and 1"),
        ("low", 0.6, "up to high, which is 0.5"), ("boxes", "l2", "one of l1, smooth_l1, giou"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=f"{name} must be .*{says}"):
            Focal(**{name: value})
    for name, value, says in (
        ("high", 0, "between 0 and 1"), ("low", 0.8, "up to high, which is 0.7"), ("overlap", 1, "between 0 and 1"),
        ("anchors", 1, "a whole number of at least 2"), ("regions", 2.5, "a whole number of at least 2"),
        ("objects_of_anchors", 0, "between 0 and 1"), ("objects_of_regions", 1, "between 0 and 1"),
        ("beta", 0, "above 0"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=f"{name} must be .*{says}"):
            TwoStage(**{name: value})


def test_a_whole_model_has_no_loss_to_be_tuned_by():
    outputs, targets = example()
    with pytest.raises(ValueError, match="cannot be tuned by it"):
        TASK.output_loss({"boxes": "linear", "scores": "softmax"}, targets, outputs)


@pytest.mark.parametrize(("logits", "background"), [("logits", 0), ("exclusive", 1)])
def test_crowds_are_not_trained_on(logits, background):
    outputs = {
        "scores": tf.zeros((1, 4, 2)),
        logits: tf.zeros((1, 4, 2 + background)),
        "offsets": tf.zeros((1, 4, 4)),
        "defaults": tf.constant([[10.0, 10, 10, 10]] * 3 + [[9.5, 9.5, 11, 11]]),
        "variances": tf.constant([0.1, 0.2]),
    }
    targets = {name: tf.constant(value) for name, value in {
        "boxes": [[[5.0, 5, 15, 15], [4, 4, 15, 15]]], "classes": [[0, 1]], "valid": [[True, True]],
    }.items()}  # fmt: skip
    one, both = (TASK.losses(outputs, targets | {"crowd": tf.constant([[False, crowd]])}) for crowd in (True, False))
    alone = TASK.losses(outputs, targets | {"valid": tf.constant([[True, False]]), "crowd": tf.constant([[False] * 2])})
    assert one.numpy() == alone.numpy() != both.numpy()


def test_classes_are_matched_by_name():
    split = Split(np.zeros((1, 4, 4, 3), np.uint8), {"classes": np.array([[1, 0]], np.int32)})
    moved = TASK.renumbered(split, ("star", "disc"))
    assert moved.annotations["classes"].tolist() == [[0, 2]]
    with pytest.raises(ValueError, match="has the classes cat, but the model knows disc, box, star"):
        TASK.renumbered(split, ("cat",))


def test_files_are_compared_by_scores_and_by_the_boxes_that_count():
    outputs, _ = example()
    steps = {"boxes": 0.0, "scores": 0.0}
    same = TASK.compare(outputs, outputs, steps=steps, tolerance=1e-3)
    assert same.excess == 0 and same.decided_agreement == 1
    wide = {"boxes": np.tile(outputs["boxes"], (1, 20, 1)), "scores": np.tile(outputs["scores"], (1, 20, 1))}
    wide["scores"][:, 100:] = 0
    elsewhere = {**wide, "boxes": wide["boxes"].copy()}
    elsewhere["boxes"][:, 150:] += 50
    assert TASK.compare(wide, elsewhere, steps=steps, tolerance=1e-3).excess == 0, "boxes that stand for nothing"
    elsewhere["boxes"][:, :12] += 50
    assert TASK.compare(wide, elsewhere, steps=steps, tolerance=1e-3).excess > 1
    with pytest.raises(ValueError, match="has the outputs boxes, scores, the file scores"):
        TASK.compare(outputs, {"scores": outputs["scores"]}, steps=steps, tolerance=1e-3)


def test_detections_that_a_network_chooses_may_give_way_to_others():
    """A few may be others; many others, other numbers, and what one side alone is sure of are faults."""
    outputs, _ = example()
    rng, how = np.random.default_rng(1), {"steps": {"boxes": 0.0, "scores": 0.0}, "tolerance": 1e-3}
    turned = rng.permuted(np.tile(np.arange(12), (40, 1)), axis=1)[..., None]
    got = {name: np.take_along_axis(each, turned, axis=1) for name, each in outputs.items()}
    right = TASK.compare(outputs, got, **how)
    sure = int((TASK.decode(outputs)[3].scores >= SURE).sum())
    assert right.excess == 0 and right.decided_agreement == 1 and right.decided > 40 * sure / 2 > 0
    for others, fits in ((20, True), (100, False)):  # of 480
        shares = np.where(outputs["scores"].max(axis=-1) > 0, outputs["scores"].max(axis=-1), 2)
        image, place = np.unravel_index(shares.argsort(axis=None)[:others], shares.shape)
        changed = {name: each.copy() for name, each in outputs.items()}
        changed["boxes"][image, place] = [0, 0, 3, 3]
        found = TASK.compare(outputs, changed, **how)
        assert (found.excess <= 1) == fits and found.decided_agreement > 0.9
    fainter = {**outputs, "scores": outputs["scores"] * 0.9}
    assert TASK.compare(outputs, fainter, **how).excess > 1
    unsure, nothing = ({**outputs, "scores": share * outputs["scores"]} for share in (0.45 * SURE, 0))
    for wanted, answered in ((outputs, unsure), (unsure, outputs), (outputs, nothing), (nothing, outputs)):
        assert TASK.compare(wanted, answered, **how).decided_agreement < 0.9


# -- drawings ---------------------------------------------------------------------------------------------------------


def test_a_prediction_says_and_draws_its_objects():
    boxes = np.array([[[2, 2, 12, 10], [2.4, 2, 12, 10], [0, 11, 40, 14]]], "float32")
    scores = np.array([[[0.9, 0, 0], [0.6, 0, 0], [0, 0.5, 0]]], "float32")
    (prediction,) = TASK.decode({"boxes": boxes, "scores": scores})
    assert prediction.text() == "disc 90.0% at 2, 2 to 12, 10; box 50.0% at 0, 11 to 40, 14"
    assert prediction.text(top=1).endswith("; 1 more")
    assert prediction.as_dict()["objects"][1] == {"label": "box", "score": 0.5, "box": [0, 11, 40, 14]}
    image = np.full((16, 16, 1), 100, np.uint8)
    picture, colours = prediction.picture(image), drawing.colours(3)
    assert picture.shape == (16, 16, 3) and picture.dtype == np.uint8
    for row, column, number in ((2, 2, 0), (9, 11, 0), (2, 7, 0), (11, 8, 1), (13, 15, 1)):
        assert picture[row, column].tolist() == colours[number].tolist(), (row, column)
    for row, column in ((0, 0), (5, 5), (10, 12), (12, 8)):
        assert picture[row, column].tolist() == [100, 100, 100], (row, column)
    (nothing,) = TASK.decode({"boxes": boxes, "scores": scores * 0.1})
    assert nothing.text() == "nothing" and SURE > 0.1
    np.testing.assert_array_equal(nothing.picture(image), np.broadcast_to(image, (16, 16, 3)))


def test_a_report_shows_classes_curves_and_the_best_and_worst_images(found):
    images = np.zeros((40, 160, 160, 3), np.uint8)
    targets = example()[1]
    split = Split(images, {name: targets[name] for name in TASK.annotations})
    sections = found.sections(split, Preprocess(size=160, squash=True))
    titles = ["Classes, weakest first", "Precision and recall", "Errors", "Worst images", "Best images"]
    assert [section.title for section in sections] == titles
    worst, best = sections[3].pictures, sections[4].pictures
    assert len(worst) == len(best) == 12 and worst[0].image.shape == (160, 324, 3)
    assert float(worst[0].caption.split("%")[0]) <= float(best[0].caption.split("%")[0])
    assert "recall" in sections[1].panels[0].drawing
    assert [headline.name for headline in found.headlines()] == ["AP", "AP50"]
    empty = replace(found, targets=found.targets[:1], predictions=found.predictions[:1])
    assert len(empty.sections(split.take(np.array([0])), Preprocess(size=160, squash=True))) <= 4


def test_nothing_else_names_the_task():
    """Its own folders, what opens its data, and the tables may; nobody else asks which task it is."""
    tables = ("tasks/__init__.py", "catalogue.py", "networks/codec.py", "data/open.py", "data/segments.py")
    for path in sorted(HOUSE.rglob("*.py")):
        name = path.relative_to(HOUSE).as_posix()
        rooms = ("detection/", "tasks/detection/", "tasks/instance/", "tasks/panoptic/", "data/sources/")
        if name.startswith(rooms) or name in tables:
            continue
        text = path.read_text(encoding="utf-8").lower()
        assert "tasks.detection" not in text and '"detection"' not in text, f"{name} names detection"
