"""BiT-HyperRule: its table at the borders, its rates as published, its images as Pillow makes them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from test_train import RECIPE, blobs, dropping, trained, weights

from kerascnn.data import Data, Split
from kerascnn.data.dataset import InFiles
from kerascnn.data.images import with_channels
from kerascnn.data.pipeline import batches, prepared
from kerascnn.data.transforms.registry import parse
from kerascnn.spec import Preprocess
from kerascnn.training import SGD, Cosine, Epochs, Input, Model, Recipe, Steps, load_recipe
from kerascnn.training.resolve import resolve

PAGE = load_recipe(Path(__file__).parents[1] / "recipes/bit.py")


def data(images: int, height: int = 1, width: int = 1) -> Data:
    split = Split(np.zeros((images, height, width, 3), np.uint8), {"label": np.zeros(images, np.int32)})
    return Data(train=split, validation=split, labels=("a", "b"), channels=3)


def published(step: int, images: int) -> float | None:
    """``get_lr`` of the authors' bit_hyperrule.py, by hand."""
    if images < 20_000:
        supports = np.array([100, 200, 300, 400, 500])
    elif images < 500_000:
        supports = np.array([500, 3000, 6000, 9000, 10_000])
    else:
        supports = np.array([500, 6000, 12_000, 18_000, 20_000])
    if step < supports[0]:
        return 0.003 * step / supports[0]
    return None if step >= supports[-1] else 0.003 * 0.1 ** np.sum(supports[1:] < step)


@pytest.mark.parametrize(
    ("images", "steps", "mixes"),
    [
        (100, 500, ()),
        (19_999, 500, ()),
        (20_000, 10_000, ("mixup:0.1",)),
        (499_999, 10_000, ("mixup:0.1",)),
        (500_000, 20_000, ("mixup:0.1",)),
    ],
)
def test_the_table_and_every_rate(images, steps, mixes):
    """The published code counts from 0, and its first update is made at a rate of 0."""
    resolved = resolve(PAGE, data(images))
    assert (resolved.batch, resolved.epochs * resolved.steps) == (512, steps)
    assert resolved.recipe.augment == ("squash:0.8", "flip", *mixes)
    assert resolved.recipe.optimizer == SGD(lr=0.003, momentum=0.9, weight_decay=0)
    assert published(steps, images) is None
    expected = [published(step + 1, images) for step in range(steps - 1)]
    np.testing.assert_allclose([resolved.rate(step) for step in range(steps - 1)], expected, rtol=1e-12)
    assert resolved.rate(steps - 1) == pytest.approx(3e-6)
    assert resolve(resolved.recipe, data(images)).recipe == resolved.recipe


@pytest.mark.parametrize(
    ("height", "width", "size", "share"),
    [(32, 32, 128, 160), (95, 96, 128, 160), (96, 96, 480, 512), (64, 400, 480, 512), (375, 500, 480, 512)],
)
def test_resolution_follows_the_area(height, width, size, share, tmp_path):
    resolved = resolve(PAGE, data(20, height, width))
    assert resolved.preprocess == Preprocess(size=size, squash=True, mean=(0.5,) * 3, std=(0.5,) * 3)
    assert resolved.recipe.augment == (f"squash:{size / share}", "flip") and round(size / (size / share)) == share
    paths = []  # the median counts
    for i, (tall, wide, suffix) in enumerate([(height, width, "png"), (height, width, "jpg"), (2, 2, "png")]):
        Image.new("RGB", (wide, tall)).save(tmp_path / f"{i}.{suffix}")
        paths.append(str(tmp_path / f"{i}.{suffix}"))
    files = Split(np.array(paths), {"label": np.zeros(3, np.int32)}, InFiles())
    assert resolve(PAGE, replace(data(20), train=files)).recipe.input == resolved.recipe.input


def test_what_is_set_is_not_decided():
    assert resolve(PAGE.replace({"input.size": 64}), data(100)).preprocess.size == 64
    own = resolve(PAGE.replace(length=Epochs(3)), data(30_000)).recipe
    assert (own.length, own.schedule, own.augment) == (Epochs(3), Cosine(), ("squash:0.8", "flip"))
    with pytest.raises(ValueError, match="length of Recipe must be one of Epochs, Steps; got None"):
        PAGE.replace(adapt=None)
    with pytest.raises(ValueError, match="length of Recipe must be one of Epochs, Steps; got None"):
        resolve(PAGE.replace(adapt=lambda recipe, data: recipe), data(100))


def test_the_classifier_starts_at_zero():
    from kerascnn.catalogue import find

    model = find(PAGE.model.name).replace(depths=(1, 1), width=32)(classes=3, input_shape=(32, 32, 3))
    assert not np.any(model.get_layer("head-dense").kernel)


# Images


@pytest.mark.parametrize("shape", [(50, 30), (200, 320)])
def test_squash_is_pillows_square_and_a_part_of_it_anywhere(shape):
    smooth = tf.image.resize(np.random.default_rng(0).integers(0, 256, (7, 9, 3)), shape, "bicubic")
    image = np.clip(np.round(smooth), 0, 255).astype(np.uint8)
    square = np.array(Image.fromarray(image).resize((20, 20), Image.Resampling.BILINEAR), np.float32)
    step = tf.function(lambda seed: parse("squash:0.8")(tf.constant(image), Preprocess(size=16), seed), autograph=False)
    places = []
    for number in range(300):
        part = step(tf.constant([1, number], tf.int64))[0].numpy()
        gaps = np.array([[np.abs(square[y : y + 16, x : x + 16] - part).max() for x in range(5)] for y in range(5)])
        assert gaps.min() < 1.6 and np.sum(gaps < 1.6) == 1  # Pillow rounds twice
        places.append(gaps.argmin())
    counts = np.bincount(places, minlength=25)
    assert counts.min() > 1 and counts.max() < 30  # 12 each


def test_evaluation_squashes_as_pillow_does():
    image = np.random.default_rng(0).integers(0, 256, (40, 70, 3)).astype(np.uint8)
    how = Preprocess(size=16, squash=True, mean=(0.0,) * 3, std=(1 / 255,) * 3)
    expected = np.array(Image.fromarray(image).resize((16, 16), Image.Resampling.BILINEAR), np.float32)
    assert np.abs(prepared(tf.constant(image), how) - expected).max() < 1.6
    grey = replace(how, mean=(0.0,), std=(1 / 255,))
    assert np.allclose(
        prepared(tf.constant(image), grey), with_channels(prepared(tf.constant(image), how), 1), atol=1.1
    )


def test_only_one_decides_what_is_seen():
    with pytest.raises(ValueError, match=r"Only one augmentation can decide.*not crop and squash"):
        PAGE.replace(augment=("crop", "squash"))


# Steps, not passes


def numbered(count: int) -> Split:
    images = np.arange(count, dtype=np.uint8)[:, None, None, None] * np.ones((1, 4, 4, 1), np.uint8)
    return Split(images, {"label": np.arange(count, dtype=np.int32)})


def test_stretches_of_the_passes_are_the_passes():
    """Cut anywhere, each pass brings every image once, in the order and with the changes that it has on its own."""
    how, split = Preprocess(size=4, crop=1.0, mean=(0.0,), std=(1.0,)), numbered(10)

    def run(batch, **where):
        found = list(batches(split, how, batch, augment=("jitter",), seed=3, shuffle=True, **where))
        return np.concatenate([x for x, _ in found]), np.concatenate([y["label"] for _, y in found])

    passes = [run(10, epoch=epoch) for epoch in range(4)]
    whole = [np.concatenate(part) for part in zip(*passes, strict=True)]
    for start, stop in ((0, 40), (8, 16), (10, 20), (24, 40), (8, 40)):
        for found, expected in zip(run(8, places=range(start, stop)), whole, strict=True):
            assert np.array_equal(found, expected[start:stop])
    assert all(sorted(labels) == list(range(10)) for _, labels in passes)


def test_mixes_of_stretches_differ():
    how, split = Preprocess(size=4, crop=1.0, mean=(0.0,), std=(1.0,)), numbered(40)
    found = []
    for start in (0, 8, 16, 24, 32):  # all of one pass
        places = range(start, start + 8)
        (batch,) = batches(split, how, 4, augment=("mixup:4",), classes=40, shuffle=True, places=places).batch(2)
        found += [shares[shares > 0].min() for shares in batch[1]["label"].numpy()]
    assert len({*np.round(found, 6)}) == 10


def test_a_training_of_steps_fills_every_batch(tmp_path):
    """71 images, batches of 32, 5 updates an epoch; and batches that are greater than the data."""
    import keras

    class Count(keras.callbacks.Callback):
        steps = 0

        def on_train_batch_end(self, batch, logs=None):
            self.steps += 1

    for batch in (32, 100):
        recipe, count = RECIPE.replace(length=Steps(3 * 5, every=5), batch=batch, augment=("flip", "mixup")), Count()
        _, history = trained(tmp_path / f"{batch}", recipe, callbacks=[count])
        assert count.steps == 15 and [record["lr"] for record in history] == [
            resolve(recipe, blobs(), dropping).rate(s) for s in (4, 9, 14)
        ]
        assert history[-1]["loss"] < history[0]["loss"]


def test_broken_off_it_ends_as_if_it_had_not_been(tmp_path):
    import keras

    class Stop(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2:
                raise KeyboardInterrupt

    recipe = RECIPE.replace(length=Steps(3 * 3, every=3), augment=("crop", "flip"))
    straight, _ = trained(tmp_path / "straight", recipe, make_model=dropping)
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path / "out", recipe, make_model=dropping, callbacks=[Stop()])
    resumed, _ = trained(tmp_path / "out", recipe, make_model=dropping)
    assert all(np.array_equal(a, b) for a, b in zip(weights(straight), weights(resumed), strict=True))


def test_without_steps_an_epoch_is_a_pass():
    recipe = Recipe(
        model=Model("tiny"),
        length=Epochs(2),
        data="blobs",
        batch=32,
        input=Input(size=12),
        optimizer=SGD(lr=0.1, nesterov=True),
    )

    def updates(recipe, images):
        return resolve(recipe, blobs(images), dropping).updates

    assert updates(recipe, 71) == (32, 2) and updates(recipe, 20) == (20, 1)
    assert updates(recipe.replace(accumulate=8), 30) == (24, 1)
    assert updates(recipe.replace(length=Steps(21, every=7)), 20) == (32, 7) and len(blobs().train) == 71
