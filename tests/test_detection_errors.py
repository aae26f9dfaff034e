"""Kinds of errors of a detector, and what they cost, on detections made by hand."""

import numpy as np
import pytest
from test_detection_task import evaluated, example

from kerascnn.data import Split
from kerascnn.report.text import UNKNOWN
from kerascnn.spec import Preprocess
from kerascnn.tasks.detection.errors import IGNORED, KINDS, RIGHT, average_precision, errors_of, judged
from kerascnn.tasks.detection.evaluation import BoxEvaluation, Objects
from kerascnn.tasks.detection.prediction import BoxPrediction

LABELS = ("disc", "star")


def objects(*rows) -> Objects:
    """Of x, y, width, height, class and whether it is a crowd."""
    x, y, width, height, kinds, crowd = np.array(rows, float).reshape(-1, 6).T
    boxes = np.stack([x, y, x + width, y + height], 1).astype("float32")
    area = (width * height).astype("float32")
    return Objects(boxes, kinds.astype("int32"), area, crowd > 0, scale=1.0)


def detections(*rows) -> BoxPrediction:
    """Of x, y, width, height, class and score, the surest first."""
    x, y, width, height, kinds, scores = np.array(rows, float).reshape(-1, 6).T
    boxes = np.stack([x, y, x + width, y + height], 1).astype("float32")
    return BoxPrediction(boxes, scores.astype("float32"), kinds.astype("int32"), LABELS)


TARGETS = (
    objects(
        (0, 0, 10, 10, 0, 0), (20, 0, 10, 10, 1, 0), (40, 0, 10, 10, 0, 0), (60, 0, 10, 10, 1, 0), (0, 50, 40, 40, 0, 1)
    ),
    objects((0, 0, 10, 10, 0, 0)),
    objects((0, 0, 10, 10, 0, 0)),
    objects(),
)  # fmt: skip
PREDICTIONS = (
    detections(
        (0, 0, 10, 10, 0, 0.9),  # right
        (1, 0, 10, 10, 0, 0.8),  # the same again
        (20, 0, 10, 10, 0, 0.7),  # of another class
        (44, 0, 10, 10, 0, 0.6),  # too far away
        (64, 0, 10, 10, 0, 0.5),  # of another class, and too far away
        (80, 80, 9, 9, 1, 0.4),  # where nothing is
        (5, 55, 10, 10, 0, 0.35),  # one of the crowd
    ),
    detections((0, 0, 10, 10, 0, 0.2)),  # right
    detections(),
    detections((5, 5, 10, 10, 1, 0.1)),  # where nothing is
)


def test_every_kind_is_told_and_counted():
    found = judged(PREDICTIONS, TARGETS)
    told = {place: kind for place, kind in enumerate(KINDS)} | {RIGHT: "right", IGNORED: "ignored"}
    assert [told[kind] for kind in found.kinds] == [
        "right", "duplicate", "classification", "localisation", "both", "background", "ignored", "right", "background",
    ]  # fmt: skip
    assert found.meant.tolist() == [0, -1, 1, 2, -1, -1, -1, 4, -1]
    assert found.missed.tolist() == [False, False, False, True, False, True]
    counts = {each.kind: (each.count, each.sure) for each in errors_of(PREDICTIONS, TARGETS)}
    assert counts == {
        "classification": (1, 1), "localisation": (1, 1), "both": (1, 1), "duplicate": (1, 1), "background": (2, 1),
        "missed": (2, None),
    }  # fmt: skip


def test_what_a_kind_costs_is_what_ap50_lacks_without_it():
    """Of the 101 places of the recall, by hand: discs are found at ranks 1 and 6 of 6, of four; stars never, of two."""
    before = 26 + 25 / 3  # of the discs; recall is 1/4, then 2/4
    costs = {each.kind: each.cost * 202 for each in errors_of(PREDICTIONS, TARGETS)}
    assert average_precision(judged(PREDICTIONS, TARGETS)) * 202 == pytest.approx(before)
    assert costs == pytest.approx({
        "classification": 26 + 25 * 2 / 5 + 51 - before,  # one disc less before the second, and the first star is right
        "localisation": 26 + 50 / 2 - before,
        "both": 26 + 25 * 2 / 5 - before,
        "duplicate": 26 + 25 * 2 / 5 - before,
        "background": 0,
        "missed": 34 + 33 / 3 - before,  # three discs
    }, abs=1e-5)  # fmt: skip


def test_each_object_is_mended_by_its_surest_detection_alone():
    near = [(44, 0, 10, 10, 0, 0.9), (45, 0, 10, 10, 0, 0.8), (36, 0, 10, 10, 0, 0.7)]
    errors = {each.kind: each for each in errors_of((detections(*near),), (objects((40, 0, 10, 10, 0, 0)),))}
    assert errors["localisation"].count == 3 and errors["localisation"].cost == pytest.approx(1)
    assert errors["missed"].count == 0
    found = [(40, 0, 10, 10, 0, 0.95), *near]
    errors = {each.kind: each for each in errors_of((detections(*found),), (objects((40, 0, 10, 10, 0, 0)),))}
    assert errors["localisation"].count == 3 and errors["localisation"].cost == 0


def test_at_the_thresholds():
    """IoU of exactly a half finds; of exactly a tenth of one's own is near, of others is not."""
    half, tenth = (0, 0, 10, 5, 0, 0.9), (0, 0, 10, 1, 0, 0.8)
    for row, kind, meant in ((half, RIGHT, 0), (tenth, [*KINDS].index("localisation"), 0)):
        found = judged((detections(row),), (objects((0, 0, 10, 10, 0, 0)),))
        assert (found.kinds.tolist(), found.meant.tolist()) == ([kind], [meant])
    found = judged((detections(tenth),), (objects((0, 0, 10, 10, 1, 0)),))
    assert found.kinds.tolist() == [[*KINDS].index("background")]


def test_the_same_matches_as_cocos_own_code():
    found = evaluated(*example())
    known = judged(found.predictions, found.targets)
    assert average_precision(known) == pytest.approx(found.ap50, rel=1e-9) and 0.1 < found.ap50 < 0.95
    assert len(known.kinds) == sum(len(each.scores) for each in found.predictions)
    assert {*known.kinds.tolist()} >= {RIGHT, IGNORED, 1, 2, 4}
    mended = (known.kinds == 0) | (known.kinds == 1)
    assert (known.kinds == RIGHT).sum() + known.free.sum() == len(known.objects) == found.support.sum()
    assert known.missed.sum() == known.free.sum() - len(
        {meant for meant in known.meant[mended].tolist() if known.free[meant]}
    )


def test_nothing_found_and_nothing_to_find():
    for predictions, targets, missed, cost in (
        ((detections(),), (TARGETS[0],), 4, pytest.approx(np.nan, nan_ok=True)),
        ((detections(),), (objects(),), 0, pytest.approx(np.nan, nan_ok=True)),
    ):
        errors = errors_of(predictions, targets)
        assert [each.count for each in errors] == [0, 0, 0, 0, 0, missed]
        assert errors[-1].cost == cost and errors[-1].as_dict()["cost"] is None


def test_numbers_text_and_page_have_them():
    found = BoxEvaluation(PREDICTIONS, TARGETS, LABELS)
    assert found.as_dict()["errors"][1] == {
        "kind": "localisation", "count": 1, "sure": 1, "cost": pytest.approx((51 - 26 - 25 / 3) / 202),
    }  # fmt: skip
    lines = found.text().splitlines()
    assert lines[-7].split() == ["errors", "count", "sure", "ones", "AP50", "lost"]
    assert lines[-5].split() == ["localisation", "1", "1", "8.25%"] and lines[-1].split()[:3] == [
        "missed",
        "2",
        UNKNOWN,
    ]
    split = Split(np.zeros((4, 96, 96, 3), np.uint8), {})
    (section,) = [each for each in found.sections(split, Preprocess(size=96)) if each.title == "Errors"]
    (panel,) = section.panels
    assert [row[0] for row in panel.rows] == [*KINDS] and len(panel.columns) == len(panel.rows[0])
