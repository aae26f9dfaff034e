import json
import time

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, log_loss, precision_recall_fscore_support, top_k_accuracy_score

from kerascnn import progress
from kerascnn.data.transforms.corruptions import corrupt
from kerascnn.evaluation import evaluate, robustness
from kerascnn.tasks import Classification
from kerascnn.tasks.classification import ClassEvaluation

NAMES = tuple("abcdefgh")


def softmax(logits: np.ndarray) -> np.ndarray:
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    return (raised / raised.sum(axis=1, keepdims=True)).astype(np.float32)


def random_evaluation(samples: int = 500, labels: tuple[str, ...] = NAMES, seed: int = 0) -> ClassEvaluation:
    draw = np.random.default_rng(seed)
    targets = draw.integers(0, len(labels), samples)
    helped = draw.normal(size=(samples, len(labels))) + 1.5 * np.eye(len(labels))[targets]
    return ClassEvaluation(softmax(helped), targets, labels)


def test_metrics_are_those_of_scikit_learn():
    found = random_evaluation()
    every = np.arange(len(NAMES))
    assert found.top1 == pytest.approx(top_k_accuracy_score(found.targets, found.outputs, k=1, labels=every))
    assert found.top5 == pytest.approx(top_k_accuracy_score(found.targets, found.outputs, k=5, labels=every))
    exact = found.outputs / found.outputs.sum(axis=1, keepdims=True, dtype=np.float64)
    assert found.loss == pytest.approx(log_loss(found.targets, exact), rel=1e-5)
    np.testing.assert_array_equal(found.confusion, confusion_matrix(found.targets, found.predictions))
    precision, recall, _, support = precision_recall_fscore_support(found.targets, found.predictions)
    np.testing.assert_allclose(found.precision, precision)
    np.testing.assert_allclose(found.recall, recall)
    np.testing.assert_array_equal(found.support, support)


def test_what_is_undefined_is_nan_as_in_scikit_learn_and_none_in_json():
    outputs = np.eye(3, dtype=np.float32)[[0, 0, 1]]
    found = ClassEvaluation(outputs, np.array([0, 2, 2]), ("a", "b", "c"))
    precision, recall, _, _ = precision_recall_fscore_support(
        found.targets, found.predictions, labels=[0, 1, 2], zero_division=np.nan
    )
    np.testing.assert_allclose(found.precision, precision)
    np.testing.assert_allclose(found.recall, recall)
    assert np.isnan(found.precision[2])
    assert np.isnan(found.recall[1])
    rows = json.loads(json.dumps(found.as_dict(), allow_nan=False))["classes"]
    assert rows[2] == {"label": "c", "support": 2, "precision": None, "recall": 0.0}
    assert rows[1] == {"label": "b", "support": 0, "precision": 0.0, "recall": None}


def test_equal_outputs_rank_in_the_order_of_the_classes():
    outputs = np.zeros((6, 6), dtype=np.float32)
    found = ClassEvaluation(outputs, np.arange(6), NAMES[:6])
    assert found.top1 == pytest.approx(1 / 6)
    assert found.top5 == pytest.approx(5 / 6)


def test_top5_needs_six_classes():
    assert random_evaluation(labels=NAMES[:5]).top5 is None
    assert random_evaluation(labels=NAMES[:6]).top5 is not None


def test_loss_is_of_probabilities_only():
    draw = np.random.default_rng(1)
    targets = draw.integers(0, 8, 64)
    logits = draw.normal(size=(64, 8)).astype(np.float32)
    assert ClassEvaluation(logits, targets, NAMES).loss is None
    assert ClassEvaluation(np.full((64, 8), 0.5, np.float32), targets, NAMES).loss is None
    exact = softmax(logits)
    eight_bit = np.round(exact * 256).clip(0, 255).astype(np.float32) / 256
    loss = ClassEvaluation(eight_bit, targets, NAMES).loss
    assert loss == pytest.approx(ClassEvaluation(exact, targets, NAMES).loss, rel=0.05)
    certain_and_wrong = ClassEvaluation(np.array([[1, 0]], np.float32), np.array([1]), ("a", "b"))
    assert certain_and_wrong.loss == pytest.approx(-np.log(1e-7), rel=1e-4)


def test_agreement_counts_equal_answers_whether_right_or_wrong():
    one, two = random_evaluation(), random_evaluation()
    assert one.agreement(two) == 1
    changed = one.outputs.copy()
    changed[:50] = np.roll(changed[:50], 1, axis=1)
    other = ClassEvaluation(changed, one.targets, one.labels)
    assert one.agreement(other) == other.agreement(one) == pytest.approx(0.9)


def test_agreement_is_of_the_same_samples_and_labels():
    found = random_evaluation()
    with pytest.raises(ValueError, match="different images"):
        found.agreement(random_evaluation(samples=499))
    with pytest.raises(ValueError, match="different images"):
        found.agreement(random_evaluation(seed=1))
    with pytest.raises(ValueError, match="different labels"):
        found.agreement(ClassEvaluation(found.outputs, found.targets, NAMES[::-1]))


def split(found: ClassEvaluation, *, size: int) -> list[tuple[np.ndarray, dict[str, np.ndarray]]]:
    """Batches whose images hold the outputs, for a classifier that reads them off."""
    images = found.outputs[:, None, None, :]
    return [(images[i : i + size], {"label": found.targets[i : i + size]}) for i in range(0, len(images), size)]


def read_off(images: np.ndarray) -> dict[str, np.ndarray]:
    assert images.dtype == np.float32
    return {"scores": images[:, 0, 0, :]}


def evaluated(predict, batches, labels=NAMES) -> ClassEvaluation:
    return evaluate(predict, batches, Classification(labels=tuple(labels)).evaluator())


@pytest.mark.parametrize("size", [64, 500])
def test_batches_are_joined_in_order(size):
    expected = random_evaluation()
    found = evaluated(read_off, split(expected, size=size), list(NAMES))
    np.testing.assert_array_equal(found.outputs, expected.outputs)
    np.testing.assert_array_equal(found.targets, expected.targets)
    assert found.as_dict() == expected.as_dict()
    assert evaluated(read_off, iter(split(expected, size=size))).top1 == expected.top1


def test_outputs_that_take_much_are_made_of_fewer_images_at_a_time(monkeypatch):
    expected, seen = random_evaluation(), []
    monkeypatch.setattr("kerascnn.evaluation.loop.ROOM", 7 * 4 * len(NAMES))  # seven images'
    found = evaluated(lambda images: seen.append(len(images)) or read_off(images), split(expected, size=64))
    np.testing.assert_array_equal(found.outputs, expected.outputs)
    assert found.as_dict() == expected.as_dict()
    assert seen[:11] == [1, *[7] * 9, 1] and max(seen) == 7
    monkeypatch.setattr("kerascnn.evaluation.loop.ROOM", 1)
    assert evaluated(read_off, split(expected, size=64)).top1 == expected.top1


def test_tensors_are_taken():
    tensorflow = pytest.importorskip("tensorflow")
    expected = random_evaluation(samples=20)
    pairs = expected.outputs[:, None, None, :], {"label": expected.targets}
    batches = tensorflow.data.Dataset.from_tensor_slices(pairs).batch(8)
    found = evaluated(lambda images: {"scores": tensorflow.convert_to_tensor(images)[:, 0, 0, :]}, batches)
    np.testing.assert_array_equal(found.outputs, expected.outputs)
    assert found.as_dict() == expected.as_dict()


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        ([0, 8], "Target 8 is out of range: there are 8 labels, so targets go from 0 to 7"),
        ([0, -1], "Target -1 is out of range"),
        ([0.0, 1.0], "must be integers of shape"),
        (np.eye(8, dtype=int)[:2], "argmax"),
    ],
)
def test_targets_that_have_no_label(targets, message):
    with pytest.raises(ValueError, match=message):
        evaluated(read_off, [(np.zeros((2, 1, 1, 8)), {"label": targets})])


@pytest.mark.parametrize(
    ("outputs", "message"),
    [
        (np.zeros((2, 10)), "gives 10 outputs for an image, but there are 8 labels"),
        (np.zeros((3, 8)), r"must have the shape \(2, 8\), not \(3, 8\)"),
        (np.zeros((2, 1, 8)), r"must have the shape \(2, 8\)"),
        (np.array([[np.nan] * 8, [0] * 8]), "NaN to 1 of 2 images"),
    ],
)
def test_outputs_that_do_not_fit(outputs, message):
    with pytest.raises(ValueError, match=message):
        evaluated(lambda images: {"scores": outputs}, [(np.zeros((2, 4, 4, 3)), {"label": [0, 1]})])


def test_no_sample_is_an_error():
    with pytest.raises(ValueError, match="hold no image"):
        evaluated(read_off, [])


def test_a_bar_counts_the_batches(monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(progress, "PATIENCE", 0.0)

    def slowly(images: np.ndarray) -> dict[str, np.ndarray]:
        time.sleep(0.05)
        return read_off(images)

    evaluated(slowly, split(random_evaluation(), size=50))
    written = capsys.readouterr()
    assert "evaluating" in written.err and written.out == ""


def by_lightness(images: np.ndarray) -> dict[str, np.ndarray]:
    """Four classes, from dark to light."""
    return {"scores": -np.abs(images.mean(axis=(1, 2, 3))[:, None] - (32, 96, 160, 224))}


@pytest.mark.parametrize("size", [3, 20])
def test_robustness_is_accuracy_on_corrupted_images(size):
    draw = np.random.default_rng(0)
    targets = draw.integers(0, 4, 20)
    images = (64 * targets[:, None, None, None] + draw.integers(0, 64, (20, 12, 12, 1))).astype(np.uint8)
    kinds, severities = ("contrast", "frost", "gaussian_noise"), (2, 5)
    cuts = [slice(i, i + size) for i in range(0, 20, size)]
    batches = [(images[cut].astype(np.float32), {"label": targets[cut]}) for cut in cuts]
    evaluator = Classification(labels=NAMES[:4]).evaluator
    found = robustness(by_lightness, batches, evaluator, kinds, severities, seed=3)
    assert found.whole == 1
    for row, kind in enumerate(kinds):
        for column, severity in enumerate(severities):
            changed = np.stack([corrupt(x, kind, severity, seed=3, index=i) for i, x in enumerate(images)])
            answers = by_lightness(changed)["scores"].argmax(axis=1)
            assert found.scores[row, column] == (answers == targets).mean()
    assert 0 < found.errors[1] < 1
    np.testing.assert_allclose(found.errors, 1 - found.scores.mean(axis=1))
    assert found.mean_error == pytest.approx((1 - found.scores).mean())
    with pytest.raises(ValueError, match="hold no image"):
        robustness(by_lightness, [], evaluator, kinds, severities)


def test_what_is_printed_of_an_evaluation():
    found = random_evaluation()
    lines = found.text().splitlines()
    assert lines[0] == f"top-1 {found.top1:.2%}, top-5 {found.top5:.2%}"
    assert lines[1].startswith(f"negative log-likelihood {found.loss:.4f}, expected calibration error")
    rows = {line.split()[0]: line.split()[1:] for line in lines[4:]}
    assert list(rows) == ["class", *NAMES]
    assert rows["c"] == [str(found.support[2]), f"{found.precision[2]:.2%}", f"{found.recall[2]:.2%}"]


def test_decoding_ranks_the_classes():
    task = Classification(labels=("cat", "dog", "owl"))
    logits = np.log(np.array([[0.2, 0.7, 0.1], [0.25, 0.25, 0.5]], np.float32)) + 3
    dog, owl = task.decode({"scores": logits})
    assert (dog.label, owl.label) == ("dog", "owl") and dog.confidence == pytest.approx(0.7)
    assert dog.text(2) == "dog 70.0%, cat 20.0%" and str(owl) == "owl 50.0%, cat 25.0%, dog 25.0%"
    classes = json.loads(json.dumps(dog.as_dict()))["classes"]
    assert [row["label"] for row in classes] == ["dog", "cat", "owl"]
    assert classes[0]["probability"] == pytest.approx(0.7)
    (probable,) = task.decode({"scores": np.array([[0.5, 0.5, 0.0]], np.float32)})
    assert probable.text(5) == "cat 50.0%, dog 50.0%, owl 0.0%"
    assert probable.picture(np.zeros((8, 8, 3), np.uint8)) is None
