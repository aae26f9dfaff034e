"""Calibration and test-time crops, against their definitions written out by hand and against others' code."""

import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from sklearn.calibration import calibration_curve

from kerascnn.spec import Preprocess
from kerascnn.tasks import Classification, Task
from kerascnn.tasks.classification import ClassEvaluation, crops
from kerascnn.tasks.classification.calibration import calibration, scaling, temperature

NAMES = tuple("abcdef")


def drawn(samples: int, heat: float = 1.0, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Logits that are ``heat`` times too large, and classes drawn from what they were before."""
    draw = np.random.default_rng(seed)
    logits = draw.normal(scale=2, size=(samples, len(NAMES)))
    targets = np.array([draw.choice(len(NAMES), p=p) for p in softmax(logits, axis=1)])
    return heat * logits, targets


def by_hand(probabilities: np.ndarray, targets: np.ndarray, bins: int) -> tuple[float, float]:
    """Expected and maximum calibration error, sample by sample as the paper words them."""
    gaps, weights = [], []
    for m in range(1, bins + 1):
        members = [
            (p.max(), p.argmax() == y)
            for p, y in zip(probabilities, targets, strict=True)
            if (m - 1) / bins < p.max() <= m / bins
        ]
        if members:
            sure, right = zip(*members, strict=True)
            gaps.append(abs(sum(right) / len(members) - sum(sure) / len(members)))
            weights.append(len(members) / len(targets))
    return sum(g * w for g, w in zip(gaps, weights, strict=True)), max(gaps)


@pytest.mark.parametrize("bins", [1, 10, 15])
@pytest.mark.parametrize("heat", [0.4, 1.0, 3.0])
def test_errors_are_the_papers(bins, heat):
    logits, targets = drawn(700, heat)
    probabilities = softmax(logits, axis=1)
    found = calibration(probabilities, targets, bins)
    assert (found.ece, found.mce) == pytest.approx(by_hand(probabilities, targets, bins))
    assert found.nll == pytest.approx(
        -np.maximum(log_softmax(logits, axis=1), np.log(1e-7))[np.arange(700), targets].mean()
    )
    assert found.brier == pytest.approx(
        np.mean([((p - np.eye(6)[y]) ** 2).sum() for p, y in zip(probabilities, targets, strict=True)])
    )
    assert found.counts.sum() == 700 and len(found.counts) == bins


def test_the_diagram_is_scikit_learns():
    logits, targets = drawn(900)
    probabilities = softmax(logits, axis=1)
    found = calibration(probabilities, targets, 10)
    right = probabilities.argmax(axis=1) == targets
    accuracy, confidence = calibration_curve(right, probabilities.max(axis=1), n_bins=10)
    np.testing.assert_allclose(found.accuracy[found.counts > 0], accuracy)
    np.testing.assert_allclose(found.confidence[found.counts > 0], confidence)
    assert np.isnan(found.accuracy[found.counts == 0]).all() and (found.counts == 0).any()


def test_a_bin_has_its_upper_end_and_the_last_holds_certainty():
    probabilities = np.array([[0.5, 0.5], [1.0, 0.0], [0.75, 0.25]])
    assert calibration(probabilities, np.array([0, 0, 1]), bins=4).counts.tolist() == [0, 1, 1, 1]
    sure = calibration(np.eye(2), np.array([0, 0]))
    assert sure.ece == sure.mce == 0.5 and sure.brier == 1.0


@pytest.mark.parametrize("heat", [0.3, 1.0, 2.5, 8.0])
def test_temperature_recovers_what_the_logits_were_multiplied_by(heat):
    logits, targets = drawn(20_000, heat)
    found = temperature(logits, targets)
    assert found == pytest.approx(heat, rel=0.03)
    nll = lambda t: -log_softmax(logits / t, axis=1)[np.arange(len(targets)), targets].mean()  # noqa: E731
    least = minimize_scalar(nll, bounds=(0.01, 100), method="bounded", options={"xatol": 1e-6})
    assert found == pytest.approx(least.x, rel=1e-4)


def test_scaling_is_found_on_one_half_and_evaluated_on_the_other():
    logits, targets = drawn(12_000, heat=3.0)
    found = scaling(logits, targets, seed=7)
    assert found is not None and found.temperature == pytest.approx(3, rel=0.1)
    first, second = np.array_split(np.random.default_rng(7).permutation(12_000), 2)
    assert found.temperature == temperature(logits[first], targets[first])
    expected = calibration(softmax(logits[second] / found.temperature, axis=1), targets[second])
    assert found.after.ece == pytest.approx(expected.ece) and found.after.counts.sum() == len(second)
    assert found.after.ece < 0.03 < 0.1 < found.before.ece and found.after.nll < found.before.nll
    assert scaling(logits[:1], targets[:1]) is None


def test_outputs_that_are_no_probabilities_are_logits():
    logits, targets = drawn(50)
    of_logits, of_probabilities = (ClassEvaluation(o, targets, NAMES) for o in (logits, softmax(logits, axis=1)))
    np.testing.assert_allclose(of_logits.probabilities, of_probabilities.probabilities)
    np.testing.assert_allclose(softmax(of_probabilities.logits, axis=1), of_probabilities.outputs, atol=1e-6)
    one, two = of_logits.scaling, of_probabilities.scaling
    assert one is not None and two is not None and one.temperature == pytest.approx(two.temperature, rel=1e-5)


@pytest.mark.parametrize(("side", "size"), [(32, 28), (37, 32), (33, 16)])
def test_crops_are_torchvisions(side, size):
    torch = pytest.importorskip("torch")
    sys.path.insert(0, str(Path(__file__).parent))
    from references import import_torchvision

    import_torchvision()
    from torchvision.transforms import FiveCrop, TenCrop

    images = np.random.default_rng(0).random((2, side, side, 3), np.float32)
    channels_first = torch.tensor(images).permute(0, 3, 1, 2)
    for count, theirs in ((5, FiveCrop(size)), (10, TenCrop(size))):
        expected = torch.stack(theirs(channels_first)).permute(0, 1, 3, 4, 2).numpy()
        np.testing.assert_array_equal(crops.crops(images, size, count), expected)
    np.testing.assert_array_equal(crops.crops(images, size, 1)[0], crops.crops(images, size, 5)[4])


def test_probabilities_are_averaged_over_the_crops():
    images = np.random.default_rng(0).random((3, 8, 8, 2), np.float32)
    expected = np.mean([softmax(view.sum(axis=(1, 2)), axis=1) for view in crops.crops(images, 6, 10)], axis=0)
    answered = crops.averaged(lambda x: {"scores": x.sum(axis=(1, 2))}, 6, 10)(images)
    np.testing.assert_allclose(answered["scores"], expected, rtol=1e-6)
    known = crops.averaged(lambda x: {"scores": softmax(x.sum(axis=(1, 2)), axis=1)}, 6, 10)(images)
    np.testing.assert_allclose(known["scores"], expected, rtol=1e-6)


def test_a_task_says_what_its_views_are_of():
    card, task = Preprocess(size=6, crop=0.75), Classification(labels=("a", "b"))
    images = np.random.default_rng(0).random((3, 8, 8, 2), np.float32)
    predict = lambda x: {"scores": x.sum(axis=(1, 2))}  # noqa: E731
    views, whole = task.views(predict, card, 5)
    assert whole == crops.whole(card, 5)
    np.testing.assert_array_equal(views(images)["scores"], crops.averaged(predict, 6, 5)(images)["scores"])
    assert task.views(predict, card, 1) == (predict, card)
    with pytest.raises(ValueError, match="on one view of each image, not on 5 crops"):
        Task.views(task, predict, card, 5)


def test_what_is_cropped_is_the_cards_resized_image():
    card = Preprocess(size=224, crop=0.875)
    assert crops.whole(card, 1) is card
    assert crops.whole(card, 10) == Preprocess(size=256, crop=1.0)
    with pytest.raises(ValueError, match=r"sees the whole image .*crop 1\), so there is nothing to crop"):
        crops.whole(Preprocess(size=32, crop=1.0), 5)
    with pytest.raises(ValueError, match="it must be one of 1, 5, 10"):
        crops.whole(card, 4)
