"""Panoptic segmentation as a task: what becomes a segment, what segments are worth, and what is shown and refused."""

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerascnn
from kerascnn.card import Card
from kerascnn.data import Split
from kerascnn.data.segments import bitmap_of, encoded, in_array
from kerascnn.data.sources import shape_panoptic
from kerascnn.runtime import LOGITS
from kerascnn.spec import Preprocess
from kerascnn.tasks import Instance, Panoptic, find_task
from kerascnn.tasks.instance.prediction import InstancePrediction
from kerascnn.tasks.panoptic.heads import of_stuff
from kerascnn.tasks.panoptic.merging import LEAST, merged
from kerascnn.tasks.panoptic.meters import PanopticQuality

HOUSE = Path(__file__).parents[1] / "kerascnn"
LABELS, THINGS = shape_panoptic.LABELS, 4
TASK = Panoptic(labels=LABELS)
SIDE, CELLS, MOST = 96, 28, 7


def within(mask, box):
    """(CELLS, CELLS): what a mask shows in a box, at the middles of cells."""
    x1, y1, x2, y2 = box
    columns, rows = (
        np.clip((first + (np.arange(CELLS) + 0.5) / CELLS * (last - first)).astype(int), 0, SIDE - 1)
        for first, last in ((x1, x2), (y1, y2))
    )
    return mask[np.ix_(rows, columns)].astype("float32")


def example(images=12, seed=0, crowds=True):
    """Outputs that find most of the shapes before ground and water; and targets, of which a strip is nothing."""
    rng = np.random.default_rng(seed)
    outputs = {
        "boxes": np.zeros((images, 10, 4), "float32"),
        "scores": np.zeros((images, 10, THINGS), "float32"),
        "masks": np.zeros((images, 10, CELLS, CELLS), "float32"),
        "stuff": np.zeros((images, SIDE, SIDE, 3), "float32"),
    }
    classes, valid = np.zeros((images, MOST), "int32"), np.zeros((images, MOST), bool)
    bitmaps, crowd = np.zeros((images, MOST, SIDE, SIDE), bool), np.zeros((images, MOST), bool)
    for image in range(images):
        scene = shape_panoptic.scene(rng)
        kinds = np.array([0, *(max(kind - THINGS + 1, 0) for kind in scene.classes)])[scene.middle + 1]
        y, x = np.mgrid[:SIDE, :SIDE]
        kinds[np.hypot(y - rng.uniform(0, SIDE), x - rng.uniform(0, SIDE)) < rng.uniform(5, 40)] = rng.integers(3)
        outputs["stuff"][image] = np.eye(3)[kinds] * 5 + rng.random((SIDE, SIDE, 3))
        for place, kind in enumerate(scene.classes):
            mask = scene.middle == place
            mask[:4] = False  # of no segment
            if not mask.any():
                continue
            bitmaps[image, place], classes[image, place], valid[image, place] = mask, kind, True
            first = not (crowd[image] & (classes[image] == kind)).any()  # COCO has one crowd of a class in an image
            crowd[image, place] = crowds and kind < THINGS and first and rng.random() < 0.3
            ys, xs = np.nonzero(mask)
            box = np.array([xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]) + rng.normal(0, 1, 4)
            if kind < THINGS:
                told = kind if rng.random() < 0.8 else rng.integers(THINGS)
                outputs["boxes"][image, place], outputs["masks"][image, place] = box, within(mask, box)
                outputs["scores"][image, place, told] = rng.uniform(0.4, 1)
        wrong = rng.uniform(0, 60, 2)
        outputs["boxes"][image, 8] = [*wrong, *wrong + 25]
        outputs["masks"][image, 8], outputs["scores"][image, 8, rng.integers(THINGS)] = 1, rng.uniform(0.3, 0.8)
    targets = {"masks": np.packbits(bitmaps, axis=-1), "classes": classes, "valid": valid, "crowd": crowd}
    return outputs, targets


def evaluated(outputs, targets, task=TASK):
    evaluator = task.evaluator()
    half = len(outputs["boxes"]) // 2
    for part in (slice(0, half), slice(half, None)):
        evaluator.add(*({name: values[part] for name, values in each.items()} for each in (outputs, targets)))
    return evaluator.result()


@pytest.fixture(scope="module")
def found():
    return evaluated(*example())


def decoded(masks):
    return np.array([bitmap_of(mask, SIDE, SIDE) for mask in masks], bool).reshape(-1, SIDE, SIDE)


# Panoptic quality


def as_the_paper_says(found):
    """(classes, 3) PQ, SQ and RQ, pixel by pixel. Kirillov et al. 2018, section 4.2 and 4.3."""
    rows = np.full((len(LABELS), 3), np.nan)
    for kind in range(len(LABELS)):
        overlap, hits, wrong, missed = 0.0, 0, 0, 0
        for prediction, known in zip(found.predictions, found.targets, strict=True):
            truth, guesses = decoded(known.masks), decoded(prediction.masks)
            void = ~truth.any(axis=0)
            taken = set()
            for guess, told in zip(guesses, prediction.classes, strict=True):
                if told != kind:
                    continue
                hit = None
                for place in np.flatnonzero((known.classes == kind) & ~known.crowd):
                    union = (guess | truth[place]) & ~(void & ~truth[place])
                    iou = (guess & truth[place]).sum() / union.sum()
                    if iou > 0.5:
                        hit, overlap = place, overlap + iou
                crowd = truth[known.crowd & (known.classes == kind)].any(axis=0)
                if hit is not None:
                    taken.add(hit)
                elif (guess & (void | crowd)).sum() / guess.sum() <= 0.5:
                    wrong += 1
            hits += len(taken)
            missed += ((known.classes == kind) & ~known.crowd).sum() - len(taken)
        if hits + wrong + missed:
            total = hits + (wrong + missed) / 2
            rows[kind] = overlap / total, overlap / hits if hits else 0, hits / total
    return rows


def test_panoptic_quality_is_what_the_paper_says(found):
    want = as_the_paper_says(found)
    np.testing.assert_allclose(found.of_classes, want, rtol=1e-9)
    assert found.pq == pytest.approx(np.nanmean(want[:, 0])) == found.headline and 0.2 < found.pq < 0.9
    assert found.quality("Things") == pytest.approx(np.nanmean(want[:THINGS, 0])) != found.quality("Stuff")
    assert found.quality("Stuff", "sq") == pytest.approx(np.nanmean(want[THINGS:, 1]))
    told = found.as_dict()
    assert told["pq"] == found.pq and told["rq_stuff"] == pytest.approx(np.nanmean(want[THINGS:, 2]))
    assert [each["thing"] for each in told["classes"]] == [True] * 4 + [False] * 2
    assert found.text().startswith(f"PQ {found.pq:.1%}"[:6]) and "water" in found.text()
    assert [headline.name for headline in found.headlines()] == ["PQ", "PQ things", "PQ stuff"]


@pytest.mark.parametrize("crowds", [True, False])
def test_the_meter_counts_the_same_and_adds_up_over_batches(crowds):
    outputs, targets = example(crowds=crowds)
    exact = evaluated(outputs, targets)
    tensors, given = ({name: tf.constant(x) for name, x in each.items()} for each in (targets, outputs))
    whole, parts = PanopticQuality(6, "pq"), PanopticQuality(6, "pq")
    whole.update_state(tensors, given)
    for place in range(0, 12, 4):
        part = slice(place, place + 4)
        parts.update_state(*({name: x[part] for name, x in each.items()} for each in (tensors, given)))
    assert float(whole.result()) == pytest.approx(float(parts.result()), rel=1e-6)
    assert float(whole.result()) == pytest.approx(exact.pq, abs=1e-4)


def test_what_is_perfect_and_what_is_nothing():
    outputs, targets = example(crowds=False)
    outputs["stuff"][:] = [9, 0, 0]
    outputs["scores"][:] = 0
    nothing = evaluated(outputs, targets)
    assert nothing.pq == 0 and nothing.agreement(nothing) == 1 and (nothing.of_images == 0).all()
    assert nothing.predictions[0].text() == "nothing"


def test_agreement_is_of_segments(found):
    assert found.agreement(found) == 1
    outputs, targets = example()
    outputs["stuff"][3] = outputs["stuff"][3][..., [0, 2, 1]]
    assert 0.8 < evaluated(outputs, targets).agreement(found) < 1
    with pytest.raises(ValueError, match="saw different images"):
        found.agreement(evaluated(*example(seed=1)))


# Merging


def some_masks(seed):
    rng = np.random.default_rng(seed)
    corner = rng.integers(0, 60, (8, 2))
    masks = np.zeros((8, SIDE, SIDE), bool)
    for mask, (y, x) in zip(masks, corner, strict=True):
        mask[y : y + rng.integers(8, 40), x : x + rng.integers(8, 40)] = True
    return masks, np.sort(rng.uniform(0.3, 1, 8))[::-1], rng.integers(0, THINGS, 8)


def as_detectron_merges(masks, scores, classes, stuff):
    """Its loop over instances, then over stuff, on plain arrays."""
    panoptic, used = np.zeros((SIDE, SIDE), int), np.zeros((SIDE, SIDE), bool)
    segments = []
    for mask, score, kind in zip(masks, scores, classes, strict=True):
        if score < 0.5:
            break
        area, intersect = mask.sum(), (mask & used).sum()
        if area == 0 or intersect * 1.0 / area > 0.5:
            continue
        mask = mask & ~used
        segments.append(kind)
        panoptic[mask] = len(segments)
        used |= mask
    for label in np.unique(stuff):
        mask = (stuff == label) & (panoptic == 0)
        if label == 0 or mask.sum() < 4096 / (640 * 480) * SIDE**2:
            continue
        segments.append(THINGS + label - 1)
        panoptic[mask] = len(segments)
    return panoptic, segments


@pytest.mark.parametrize("seed", range(4))
def test_segments_are_merged_as_detectron_merges_them(seed):
    masks, scores, classes = some_masks(seed)
    rng = np.random.default_rng(seed)
    stuff = np.kron(rng.integers(0, 3, (8, 8)), np.ones((12, 12), int))
    stuff[0, :5] = 3  # too little
    runs = in_array([encoded(mask) for mask in masks])
    objects = InstancePrediction(np.zeros((8, 4)), scores, classes, LABELS[:4], runs)
    ours = merged(objects, stuff, THINGS)
    numbers, kinds = as_detectron_merges(masks, scores, classes, stuff)
    np.testing.assert_array_equal(ours.numbers, numbers)
    assert ours.classes.tolist() == kinds and 6 not in kinds and len(kinds) > 3
    assert np.isnan(ours.scores).tolist() == [kind >= THINGS for kind in kinds] and SIDE**2 * LEAST > 100


# What is said, drawn and refused


def test_a_prediction_says_and_draws_its_segments():
    outputs = {
        "boxes": np.array([[[10, 10, 50, 40], [60, 60, 90, 90]]], "float32"),
        "scores": np.array([[[0.9, 0, 0, 0], [0, 0, 0.6, 0]]], "float32"),
        "masks": np.ones((1, 2, CELLS, CELLS), "float32"),
        "stuff": np.zeros((1, SIDE, SIDE, 3), "float32"),
    }
    outputs["stuff"][0, :48, :, 1], outputs["stuff"][0, 48:, :, 2] = 1, 1
    (prediction,) = TASK.decode(outputs, (SIDE, SIDE))
    assert prediction.text() == "1 disc, 1 square, water 40.2%, ground 37.0%"
    told = prediction.as_dict()
    assert [(each["label"], each["thing"], each["area"]) for each in told["segments"]] == [
        ("disc", True, 1200), ("square", True, 900), ("ground", False, 3408), ("water", False, 3708),
    ]  # fmt: skip
    assert told["segments"][0]["score"] == pytest.approx(0.9) and told["segments"][2]["score"] is None
    assert sum(bitmap_of(each["mask"], SIDE, SIDE).sum() for each in told["segments"]) == SIDE**2
    picture = prediction.picture(np.full((SIDE, SIDE, 3), 100, np.uint8))
    shades = [picture[row, column].tolist() for row, column in ((20, 20), (70, 70), (5, 5), (90, 5))]
    assert len({*map(tuple, shades)}) == 4 and picture.shape == (SIDE, SIDE, 3)


def test_a_report_shows_segments(found):
    images = np.full((12, SIDE, SIDE, 3), 100, np.uint8)
    sections = found.sections(Split(images, {"label": np.zeros(12, "int32")}), Preprocess(size=SIDE, squash=True))
    assert [section.title for section in sections] == ["Classes, weakest first", "Worst images"]
    assert len(sections[1].pictures) == 12 and sections[1].pictures[0].image.shape == (SIDE, 2 * SIDE + 4, 3)
    assert float(sections[1].pictures[0].caption.split()[1].rstrip("%")) <= 100 * float(np.nanmean(found.of_images))


def network(stuff=3, things=4, size=32):
    x = keras.Input((size, size, 3))
    y = keras.layers.GlobalAveragePooling2D()(x)

    def rows(*shape):
        return keras.layers.Reshape(shape)(keras.layers.Dense(int(np.prod(shape)))(y))

    maps = keras.layers.Conv2D(stuff, 1)(x)
    return keras.Model(x, {"boxes": rows(5, 4), "scores": rows(5, things), "masks": rows(5, 7, 7), "stuff": maps})


def test_a_file_is_evaluated_and_used(tmp_path, monkeypatch):
    monkeypatch.setattr(shape_panoptic, "COUNT", 6)
    network().save(tmp_path / "net.keras")
    Card(model="net", task="panoptic", labels=LABELS, preprocess=Preprocess(size=32, squash=True)).write(
        tmp_path / "net.keras"
    )
    measured = kerascnn.evaluate(tmp_path / "net.keras", "shape_panoptic")
    assert measured.metric == "PQ" and measured.evaluation.samples == 6 and measured.evaluation.support[4:].sum() >= 6
    prediction = kerascnn.predict(tmp_path / "net.keras", np.zeros((40, 60, 3), np.uint8))
    assert {*prediction.as_dict()} == {"height", "width", "segments"}


def test_files_are_compared_whatever_the_order_of_their_detections():
    """Which is turned by rounding where scores are near; stuff is compared at every pixel."""
    outputs, _ = example(16)
    power = np.exp(outputs["stuff"])
    wanted = outputs | {"stuff": power / power.sum(-1, keepdims=True)}
    steps = dict.fromkeys(wanted, 0.0)
    turned = {name: x[:, ::-1] if name != "stuff" else x for name, x in wanted.items()}
    behind = {LOGITS.format("masks"): np.where(wanted["masks"] > 0.5, 9, -9), LOGITS.format("stuff"): outputs["stuff"]}
    for more in ({}, behind):
        same = TASK.compare({**wanted, **more}, turned, steps=steps, tolerance=1e-3)
        assert same.excess == 0 and same.decided_agreement == 1 and same.decided >= 16 * SIDE**2 / 2
    other = {**turned, "stuff": turned["stuff"][..., [0, 2, 1]]}
    assert TASK.compare(wanted, other, steps=steps, tolerance=1e-3).excess > 1
    lost = {**turned, "masks": 1 - turned["masks"]}
    assert TASK.compare({**wanted, **behind}, lost, steps=steps, tolerance=1e-3).excess > 1


def test_models_that_do_not_fit_are_refused():
    assert find_task("panoptic") is Panoptic
    TASK.check_model(network())
    with pytest.raises(ValueError, match=r"stuff \(None, 32, 32, 4\); expected .* 6 classes of both"):
        TASK.check_model(network(stuff=4))
    plain = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(6)])
    with pytest.raises(ValueError, match=r"puts out \(None, 6\); expected a dictionary with boxes"):
        TASK.check_model(plain)


def test_what_cannot_be_evaluated_says_why():
    outputs, targets = example(2)
    for change, says in (
        ({"stuff": outputs["stuff"][..., :2]}, "its card names 6 labels; expected, at every pixel"),
        ({"stuff": outputs["stuff"][:, :50]}, "for images of 96 x 96 pixels"),
        ({"stuff": outputs["stuff"] * np.nan}, "answers NaN"),
    ):
        with pytest.raises(ValueError, match=says):
            TASK.evaluator().add(outputs | change, targets)
    with pytest.raises(ValueError, match="expected boxes, masks, scores and stuff"):
        TASK.decode({"boxes": outputs["boxes"]}, (SIDE, SIDE))
    with pytest.raises(ValueError, match="decode needs size"):
        TASK.decode(outputs)
    with pytest.raises(ValueError, match="nothing to evaluate"):
        TASK.evaluator().result()


def test_nothing_else_names_the_task():
    """Its own folder, its networks, its data and the tables may; nobody else asks which task it is."""
    for path in sorted(HOUSE.rglob("*.py")):
        name = path.relative_to(HOUSE).as_posix()
        if name.startswith(("tasks/panoptic/", "detection/", "data/")) or name == "tasks/__init__.py":
            continue
        assert "panoptic" not in path.read_text(encoding="utf-8").lower(), f"{name} names panoptic"


# What is learned


def test_the_loss_of_stuff_is_that_of_pixels_of_segments():
    """Things together are the first class; what is of no segment does not count."""
    _, targets = example(4, crowds=False)
    logits = np.random.default_rng(0).normal(0, 2, (4, SIDE, SIDE, 3)).astype("float32")
    ours = of_stuff(tf.constant(logits), {name: tf.constant(x) for name, x in targets.items()}, THINGS).numpy()
    shares = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    for image in range(4):
        losses = []
        for mask, kind, valid in zip(
            targets["masks"][image], targets["classes"][image], targets["valid"][image], strict=True
        ):
            if valid:
                here = np.unpackbits(mask, axis=-1) > 0
                losses += [*-np.log(shares[image][here][:, max(kind - THINGS + 1, 0)])]
        assert ours[image] == pytest.approx(np.mean(losses), rel=1e-4) and len(losses) == SIDE * (SIDE - 4)


def test_things_learn_from_things_alone(monkeypatch):
    """What is learned of boxes and masks is not told of stuff."""
    _, targets = example(2, crowds=False)
    tensors, told = {name: tf.constant(x) for name, x in targets.items()}, {}
    monkeypatch.setattr(Instance, "losses", lambda self, outputs, targets: told.update(targets) or tf.ones(2))
    outputs = {"scores": tf.zeros((2, 9, THINGS)), "stuff": tf.zeros((2, SIDE, SIDE, 3))}
    np.testing.assert_allclose(TASK.losses(outputs, tensors), 1 + 0.5 * np.log(3), rtol=1e-5)
    want = targets["valid"] & (targets["classes"] < THINGS)
    assert want.any() and np.array_equal(told["valid"], want) and not np.array_equal(want, targets["valid"])
