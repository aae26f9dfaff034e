"""Classes of few images: weights of their losses, and a sampling that brings them as often as others."""

from dataclasses import replace
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from test_data import collected
from test_train import RECIPE, blobs, tiny, trained, weights

from kerascnn.data import Split
from kerascnn.data.pipeline import batches, drawn
from kerascnn.spec import Preprocess
from kerascnn.tasks import Classification, Segmentation
from kerascnn.training import BinaryCrossEntropy, CrossEntropy, Epochs, override
from kerascnn.training.quick import shrink
from kerascnn.training.resolve import resolve

FEW = np.repeat([0, 1, 2], [40, 8, 3]).astype(np.int32)
SEEN = Preprocess(size=4, crop=1.0, mean=(0.0,) * 3, std=(1.0,) * 3)


def uneven(labels=FEW) -> Split:
    """Images whose value is their place."""
    images = np.broadcast_to(np.arange(len(labels), dtype=np.uint8)[:, None, None, None], (len(labels), 4, 4, 3))
    return Split(images.copy(), {"label": labels})


def balanced_weights(counts):
    return [sum(counts) / (len(counts) * count) for count in counts]


@pytest.mark.parametrize("loss", [CrossEntropy, BinaryCrossEntropy])
@pytest.mark.parametrize("given", ["balanced", {"c": 3.0, "a": 0.5}, {"a": 0}])
def test_weights_multiply_the_loss_of_each_image(loss, given):
    pytest.importorskip("sklearn")
    from sklearn.utils.class_weight import compute_class_weight

    made = Classification(labels=("a", "b", "c"), loss=loss(class_weights=given)).for_images(uneven()).loss
    expected = (
        compute_class_weight("balanced", classes=np.arange(3), y=FEW)
        if given == "balanced"
        else [given.get(name, 1) for name in "abc"]
    )
    logits = tf.constant(np.random.default_rng(0).normal(size=(6, 3)), tf.float32)
    labels = np.array([0, 1, 2, 2, 1, 0], np.int32)
    plain = loss().of(logits, labels).numpy()
    np.testing.assert_allclose(made.of(logits, labels), plain * np.take(expected, labels), rtol=1e-5)
    mixed = np.random.default_rng(1).dirichlet([1, 1, 1], 6).astype(np.float32)
    np.testing.assert_allclose(made.of(logits, mixed), loss().of(logits, mixed) * (mixed @ expected), rtol=1e-5)
    if given == "balanced":
        np.testing.assert_allclose(np.take(expected, FEW).mean(), 1)


def test_a_step_has_the_gradient_of_weighted_losses(tmp_path):
    """The textbook's: of Keras' own weights of classes, in one batch of all images."""
    data, by_name = blobs(32, 8), {"a": 0.25, "b": 1.0, "c": 4.0}
    recipe = RECIPE.replace({"optimizer.weight_decay": 0.0, "optimizer.nesterov": False, "optimizer.momentum": 0.0})
    recipe = recipe.replace(length=Epochs(1), loss=CrossEntropy(class_weights=by_name))
    model, _ = trained(tmp_path, recipe, data)
    keras.utils.set_random_seed(recipe.seed)
    other = tiny((12, 12, 3), 3)
    rate = resolve(recipe, data, tiny).rate(0)
    other.compile(keras.optimizers.SGD(rate), "sparse_categorical_crossentropy")
    images, labels = collected(batches(data.train, resolve(recipe, data, tiny).preprocess, 32))
    other.fit(images, labels, batch_size=32, class_weight=dict(enumerate(by_name.values())), verbose=0)
    for ours, theirs in zip(weights(model), weights(other), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=2e-3, atol=1e-5)


def test_weights_that_are_none_are_refused():
    wrong: Any
    for wrong in ("even", {"a": -1}, {"a": "2"}, 3):
        with pytest.raises(ValueError, match='class_weights must be "balanced", None, or a weight of 0 or more'):
            CrossEntropy(class_weights=wrong)
    with pytest.raises(ValueError, match=r"a weight for 'cta', which is no class. .*'cat'"):
        Classification(labels=("cat", "dog"), loss=CrossEntropy(class_weights={"cta": 2})).for_images(uneven())
    masks = Split(np.zeros((2, 4, 4, 3), np.uint8), {"mask": np.zeros((2, 4, 4), np.uint8)})
    with pytest.raises(ValueError, match=r"more than one class each. Give weights by name"):
        Segmentation(labels=("a", "b"), loss=CrossEntropy(class_weights="balanced")).for_images(masks)


def test_masks_are_weighed_pixel_by_pixel():
    split = Split(np.zeros((1, 2, 2, 3), np.uint8), {"mask": np.zeros((1, 2, 2), np.uint8)})
    weighed = Segmentation(labels=("a", "b"), loss=CrossEntropy(class_weights={"b": 3})).for_images(split)
    scores = {"scores": tf.constant(np.random.default_rng(0).normal(size=(1, 2, 2, 2)), tf.float32)}
    mask = np.array([[[0, 1], [1, 255]]], np.int32)
    single = [Segmentation(labels=("a", "b")).losses(scores, {"mask": np.where(mask == c, c, 255)}) for c in (0, 1)]
    np.testing.assert_allclose(weighed.losses(scores, {"mask": mask}), (single[0] + 3 * 2 * single[1]) / 3, rtol=1e-5)


def test_weights_on_the_command_line_and_in_a_trial():
    recipe = override(RECIPE, ["loss=CrossEntropy(class_weights=balanced)", "sampling=balanced"])
    assert recipe.loss == CrossEntropy(class_weights="balanced") and recipe.sampling == "balanced"
    recipe = override(recipe, ["loss=CrossEntropy(class_weights={'cat': 2.5})", "loss.class_weights.dog=3"])
    assert recipe.loss.class_weights == {"cat": 2.5, "dog": 3}
    assert shrink(recipe.replace({"model.name": "resnet18"})).loss.class_weights is None
    with pytest.raises(ValueError, match=r"sampling 'balancd'.*'balanced'"):
        recipe.replace(sampling="balancd")


@pytest.mark.parametrize("repeats", [1, 3])
def test_balanced_passes_bring_every_class_as_often(repeats):
    labels = {}
    for number in range(4):
        images, found = collected(batches(uneven(), SEEN, 7, seed=3, epoch=number, balanced=True, repeats=repeats))
        places = np.round(255 * images[:, 0, 0, 0]).astype(int)
        assert np.array_equal(found, FEW[places]) and len(found) == len(FEW)
        assert np.ptp(np.bincount(found)) <= repeats
        labels[number] = set(places[found == 0])
        for label in (1, 2):  # of few, every image comes before any comes again
            counts = np.bincount(places[found == label], minlength=len(FEW))[label == FEW]
            assert np.ptp(counts) <= repeats
    assert len(set.union(*labels.values())) > len(labels[0]) and labels[0] != labels[1]


def test_an_image_that_comes_again_is_augmented_anew():
    split = uneven()
    noise = np.random.default_rng(0).integers(0, 256, (len(FEW), 12, 12, 3)).astype(np.uint8)
    how: dict[str, Any] = dict(seed=3, augment=("crop",), balanced=True)
    images, labels = collected(batches(replace(split, images=noise), SEEN, 51, **how))
    few = images[labels == 2].reshape((labels == 2).sum(), -1)
    assert len(np.unique(few, axis=0)) == len(few) == 17


def test_stretches_and_shards_are_those_of_the_whole():
    split = uneven()
    how: dict[str, Any] = {"seed": 5, "balanced": True, "shuffle": True}
    whole = np.concatenate([drawn(51, range(51 * e, 51 * e + 51), 5, True, 1, FEW)[0] for e in range(2)])
    assert np.array_equal(drawn(51, range(20, 70), 5, True, 1, FEW)[0], whole[20:70])
    images, _ = collected(batches(split, SEEN, 10, places=range(20, 70), **how))
    parts = [collected(batches(split, SEEN, 10, places=range(20, 70), shard=(i, 2), **how))[0] for i in range(2)]
    joined = np.concatenate([np.concatenate([p[i : i + 5] for p in parts]) for i in range(0, 25, 5)])
    assert np.array_equal(joined, images)


def test_plain_passes_are_as_they_were():
    order, copies, _ = drawn(6, range(6), 1, True, 2)
    rng = np.random.default_rng([1, 0])
    rng.integers(2**63)
    assert order.tolist() == np.repeat(rng.permutation(6), 2)[:6].tolist() and copies.tolist() == [0, 1] * 3


def test_masks_cannot_be_balanced():
    split = Split(np.zeros((2, 4, 4, 3), np.uint8), {"mask": np.zeros((2, 4, 4), np.uint8)})
    with pytest.raises(ValueError, match="one class each, and these have mask"):
        batches(split, SEEN, 1, balanced=True)


def test_a_training_that_was_killed_goes_on_to_the_bit(tmp_path):
    class Kill(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 0:
                raise KeyboardInterrupt

    recipe = RECIPE.replace(length=Epochs(2), sampling="balanced", loss=CrossEntropy(class_weights="balanced"))
    whole, history = trained(tmp_path / "whole", recipe)
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path / "parts", recipe, callbacks=[Kill()])
    with pytest.raises(ValueError, match=r"loss.class_weights is 'balanced' there and None here"):
        trained(tmp_path / "parts", recipe.replace({"loss.class_weights": None}))
    parts, again = trained(tmp_path / "parts", recipe)
    assert [record["loss"] for record in history] == [record["loss"] for record in again]
    assert all(np.array_equal(*pair) for pair in zip(weights(whole), weights(parts), strict=True))
