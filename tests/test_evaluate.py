import json
import time

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, log_loss, precision_recall_fscore_support, top_k_accuracy_score

from kerascnn import progress
from kerascnn.data.transforms.corruptions import corrupt
from kerascnn.evaluation import Evaluation, evaluate
from kerascnn.evaluation.robustness import robustness

NAMES = tuple("abcdefgh")


def softmax(logits: np.ndarray) -> np.ndarray:
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    return (raised / raised.sum(axis=1, keepdims=True)).astype(np.float32)


def random_evaluation(samples: int = 500, labels: tuple[str, ...] = NAMES, seed: int = 0) -> Evaluation:
    draw = np.random.default_rng(seed)
    targets = draw.integers(0, len(labels), samples)
    helped = draw.normal(size=(samples, len(labels))) + 1.5 * np.eye(len(labels))[targets]
    return Evaluation(softmax(helped), targets, labels)


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
    found = Evaluation(outputs, np.array([0, 2, 2]), ("a", "b", "c"))
    precision, recall, _, _ = precision_recall_fscore_support(
        found.targets, found.predictions, labels=[0, 1, 2], zero_division=np.nan
    )
    np.testing.assert_allclose(found.precision, precision)
    np.testing.assert_allclose(found.recall, recall)
    assert np.isnan(found.precision[2])
    assert np.isnan(found.recall[1])
    rows = json.loads(json.dumps(found.as_dict(), allow_nan=False))["per_class"]
    assert rows[2] == {"label": "c", "support": 2, "precision": None, "recall": 0.0}
    assert rows[1] == {"label": "b", "support": 0, "precision": 0.0, "recall": None}


def test_equal_outputs_rank_in_the_order_of_the_classes():
    outputs = np.zeros((6, 6), dtype=np.float32)
    found = Evaluation(outputs, np.arange(6), NAMES[:6])
    assert found.top1 == pytest.approx(1 / 6)
    assert found.top5 == pytest.approx(5 / 6)


def test_top5_needs_six_classes():
    assert random_evaluation(labels=NAMES[:5]).top5 is None
    assert random_evaluation(labels=NAMES[:6]).top5 is not None


def test_loss_is_of_probabilities_only():
    draw = np.random.default_rng(1)
    targets = draw.integers(0, 8, 64)
    logits = draw.normal(size=(64, 8)).astype(np.float32)
    assert Evaluation(logits, targets, NAMES).loss is None
    assert Evaluation(np.full((64, 8), 0.5, np.float32), targets, NAMES).loss is None
    exact = softmax(logits)
    eight_bit = np.round(exact * 256).clip(0, 255).astype(np.float32) / 256
    loss = Evaluation(eight_bit, targets, NAMES).loss
    assert loss == pytest.approx(Evaluation(exact, targets, NAMES).loss, rel=0.05)
    certain_and_wrong = Evaluation(np.array([[1, 0]], np.float32), np.array([1]), ("a", "b"))
    assert certain_and_wrong.loss == pytest.approx(-np.log(1e-7), rel=1e-4)


def test_agreement_counts_equal_answers_whether_right_or_wrong():
    one, two = random_evaluation(), random_evaluation()
    assert one.agreement(two) == 1
    changed = one.outputs.copy()
    changed[:50] = np.roll(changed[:50], 1, axis=1)
    other = Evaluation(changed, one.targets, one.labels)
    assert one.agreement(other) == other.agreement(one) == pytest.approx(0.9)


def test_agreement_is_of_the_same_samples_and_labels():
    found = random_evaluation()
    with pytest.raises(ValueError, match="different samples"):
        found.agreement(random_evaluation(samples=499))
    with pytest.raises(ValueError, match="different samples"):
        found.agreement(random_evaluation(seed=1))
    with pytest.raises(ValueError, match="different labels"):
        found.agreement(Evaluation(found.outputs, found.targets, NAMES[::-1]))


def split(found: Evaluation, *, size: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Batches whose images hold the outputs, for a classifier that reads them off."""
    images = found.outputs[:, None, None, :]
    return [(images[i : i + size], {"label": found.targets[i : i + size]}) for i in range(0, len(images), size)]


def read_off(images: np.ndarray) -> np.ndarray:
    assert images.dtype == np.float32
    return images[:, 0, 0, :]


@pytest.mark.parametrize("size", [64, 500])
def test_batches_are_joined_in_order(size):
    expected = random_evaluation()
    found = evaluate(read_off, split(expected, size=size), list(NAMES))
    np.testing.assert_array_equal(found.outputs, expected.outputs)
    np.testing.assert_array_equal(found.targets, expected.targets)
    assert found.as_dict() == expected.as_dict()
    assert evaluate(read_off, iter(split(expected, size=size)), NAMES).top1 == expected.top1


def test_tensors_are_taken():
    tensorflow = pytest.importorskip("tensorflow")
    expected = random_evaluation(samples=20)
    pairs = expected.outputs[:, None, None, :], {"label": expected.targets}
    batches = tensorflow.data.Dataset.from_tensor_slices(pairs).batch(8)
    found = evaluate(lambda images: tensorflow.convert_to_tensor(images)[:, 0, 0, :], batches, NAMES)
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
        evaluate(read_off, [(np.zeros((2, 1, 1, 8)), {"label": targets})], NAMES)


@pytest.mark.parametrize(
    ("outputs", "message"),
    [
        (np.zeros((2, 10)), "gives 10 outputs for an image, but there are 8 labels"),
        (np.zeros((3, 8)), r"must have the shape \(2, 8\), not \(3, 8\)"),
        (np.zeros((2, 1, 8)), r"must have the shape \(2, 8\)"),
        (np.array([[np.nan] * 8, [0] * 8]), "NaN to 1 of 2 samples"),
    ],
)
def test_outputs_that_do_not_fit(outputs, message):
    with pytest.raises(ValueError, match=message):
        evaluate(lambda images: outputs, [(np.zeros((2, 4, 4, 3)), {"label": [0, 1]})], NAMES)


def test_no_sample_is_an_error():
    with pytest.raises(ValueError, match="hold no sample"):
        evaluate(read_off, [], NAMES)


def test_a_bar_counts_the_batches(monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(progress, "PATIENCE", 0.0)

    def slowly(images: np.ndarray) -> np.ndarray:
        time.sleep(0.05)
        return read_off(images)

    evaluate(slowly, split(random_evaluation(), size=50), NAMES)
    written = capsys.readouterr()
    assert "evaluating" in written.err and written.out == ""


def by_lightness(images: np.ndarray) -> np.ndarray:
    """Four classes, from dark to light."""
    return -np.abs(images.mean(axis=(1, 2, 3))[:, None] - (32, 96, 160, 224))


@pytest.mark.parametrize("size", [3, 20])
def test_robustness_is_accuracy_on_corrupted_images(size):
    draw = np.random.default_rng(0)
    targets = draw.integers(0, 4, 20)
    images = (64 * targets[:, None, None, None] + draw.integers(0, 64, (20, 12, 12, 1))).astype(np.uint8)
    kinds, severities = ("contrast", "frost", "gaussian_noise"), (2, 5)
    batches = [(images[i : i + size].astype(np.float32), {"label": targets[i : i + size]}) for i in range(0, 20, size)]
    found = robustness(by_lightness, batches, kinds, severities, seed=3)
    assert found.whole == 1
    for row, kind in enumerate(kinds):
        for column, severity in enumerate(severities):
            changed = np.stack([corrupt(x, kind, severity, seed=3, index=i) for i, x in enumerate(images)])
            assert found.accuracy[row, column] == (by_lightness(changed).argmax(axis=1) == targets).mean()
    assert 0 < found.errors[1] < 1
    np.testing.assert_allclose(found.errors, 1 - found.accuracy.mean(axis=1))
    assert found.mean_error == pytest.approx((1 - found.accuracy).mean())
    with pytest.raises(ValueError, match="hold no image"):
        robustness(by_lightness, [], kinds, severities)
