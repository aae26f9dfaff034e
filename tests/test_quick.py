"""Every recipe page, tried out: a tiny network, small digits, a few epochs, and the loss falls."""

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from test_train import blobs, silent

from kerascnn.card import Card
from kerascnn.cli import main
from kerascnn.data import open_data
from kerascnn.training import (
    LAMB,
    SGD,
    CrossEntropy,
    Distillation,
    Epochs,
    FineTune,
    Model,
    Recipe,
    Stage,
    StepDecay,
    Steps,
    recipes_of,
)
from kerascnn.training.quick import BATCH, EPOCHS, IMAGES, fewer, shrink
from kerascnn.training.recipe.schedules import Course
from kerascnn.training.resolve import resolve

PAGES = sorted((Path(__file__).parents[1] / "recipes").glob("*.py"))
ALL = {f"{page.stem}:{name}": recipe for page in PAGES for name, recipe in recipes_of(page).items()}


def seen(recipe: Recipe) -> str:
    """What of a recipe is left, tried out: of a family, most networks become the same."""
    small = shrink(recipe)
    if small.adapt:
        return f"{recipe}"
    return f"{type(small.model.row())} {small.replace({'model.name': 'any'})}"


EACH = {seen(recipe): name for name, recipe in reversed(ALL.items())}

LONG = Recipe(
    model=Model("resnet50"),
    schedule=StepDecay(at=(30, 60, 80), warmup=5),
    length=Epochs(90),
    loss=CrossEntropy(label_smoothing=0.1),
    data="imagenet",
    batch=256,
    augment=("crop", "flip"),
    ema=0.999,
    optimizer=SGD(lr=0.1, weight_decay=0.0001, nesterov=True),
)
STRONG = {"crop", "randaugment", "autoaugment", "mixup", "cutmix"}
SHRUNK = {"model", "data", "input", "length", "batch", "optimizer", "schedule"}


@pytest.mark.sharded
@pytest.mark.parametrize("name", sorted(EACH.values()))
def test_every_recipe_learns(name, tmp_path):
    from kerascnn.training.loop import train

    small = shrink(ALL[name])
    data = open_data(str(small.data), proposals=not small.adapt and small.model.row().takes_proposals)
    few = fewer(data, IMAGES)
    _, history = train(mild(small), few, tmp_path / "learns", log=silent)
    losses = [record["loss"] for record in history]
    assert np.mean(losses[len(losses) // 2 :]) < losses[0], losses
    assert np.isfinite([record["val_loss"] for record in history]).all()
    if mild(small) != small:  # that runs too
        _, history = train(small, fewer(data, BATCH), tmp_path / "runs", log=silent)
        assert np.isfinite([record[name] for record in history for name in ("loss", "val_loss")]).all()


def mild(recipe: Recipe) -> Recipe:
    """Without what leaves little of a digit: on tenths of it, bent or mixed, 80 steps learn nothing but by luck."""
    stages = tuple(replace(stage, augment=mildly(stage.augment)) for stage in recipe.stages)
    return recipe.replace(augment=mildly(recipe.augment), stages=stages)


def mildly(augment: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(each for each in augment if each.partition(":")[0] not in STRONG)


def test_time_and_rate_shrink_together_and_the_rest_stays():
    small = shrink(LONG)
    assert {field.name for field in fields(LONG) if getattr(LONG, field.name) != getattr(small, field.name)} == SHRUNK
    assert (small.length, small.batch, small.input.size, small.data) == (Epochs(EPOCHS), BATCH, 32, "digits")
    assert small.optimizer.lr == pytest.approx(0.1 * BATCH / 256)
    assert np.allclose((small.schedule.warmup, *small.schedule.at), np.array([5, 30, 60, 80]) * EPOCHS / 90)
    steps = [round(epoch * 1000) for epoch in (0, 2, 20, 45, 70, 85)]  # the same courses, drawn at other scales
    course, short = Course(total=90_000, epoch=1000), Course(total=EPOCHS * (90_000 // EPOCHS), epoch=90_000 // EPOCHS)
    before, after = (
        [each.fraction(s, c) for s in steps] for each, c in ((LONG.schedule, course), (small.schedule, short))
    )
    assert np.allclose(before, after, rtol=0.01)
    row = small.replace({"model.fields": {"width": 64, "dropout": 0.3}}).model.row()
    assert row.depths == (1, 2) and row.width == 8 and row.dropout == 0.3


def test_rates_follow_the_batch():
    for_256 = shrink(LONG.replace({"optimizer.per": 256}, batch=1024)).optimizer
    assert for_256.lr == pytest.approx(0.1 * BATCH / 256) and for_256.per is None
    adaptive = LONG.replace(optimizer=LAMB(lr=5e-3), batch=2048)
    assert shrink(adaptive).optimizer.lr == pytest.approx(5e-3 / 8)
    few = shrink(LONG.replace({"schedule.at": (1, 2), "schedule.warmup": 1}, length=Epochs(3), batch=16))
    assert (few.batch, few.length, few.optimizer.lr, few.schedule.at) == (16, Epochs(3), 0.1, (1, 2))
    for batch, parts, expected in ((1024, 8, (32, 8)), (96, 3, (30, 3)), (1024, 64, (32, 32)), (12, 6, (12, 6))):
        small = shrink(LONG.replace(batch=batch, accumulate=parts))
        assert (small.batch, small.accumulate) == expected


def test_sizes_keep_their_proportion():
    assert shrink(LONG.replace({"input.size": 224}, train_size=176)).input.size == 41
    assert shrink(LONG.replace(train_size=176)).train_size == 32
    stages = tuple(Stage(size=side, augment=("crop",)) for side in (128, 192, 256))
    small = shrink(LONG.replace({"input.size": 256}, augment=(), stages=stages))
    assert [stage.size for stage in small.stages] == [32, 48, 64] and small.input.size == 64
    for name, side in (("alexnet", 80), ("lenet5", 32)):
        assert shrink(LONG.replace({"model.name": name})).input.size == side


def test_no_file_is_needed():
    tuned = LONG.replace(
        {"model.weights": "imagenet"},
        finetune=FineTune(frozen_epochs=1),
        distill=Distillation(teacher="teacher.keras", weight=0.5, temperature=2.0),
    )
    small = shrink(tuned)
    assert small.model.weights is None and small.distill is None
    assert small.finetune == FineTune(frozen_epochs=1, batch_norm="train")
    ruled = resolve(shrink(ALL["bit:RECIPE"]), fewer(open_data("digits"), IMAGES)).recipe
    every = IMAGES // BATCH
    assert (ruled.length, ruled.batch, ruled.input.squash) == (Steps(EPOCHS * every, every=every), BATCH, True)
    assert ruled.augment == ("squash:0.8", "flip") and ruled.model.weights is None
    assert ruled.schedule.at == pytest.approx((0.4 * EPOCHS, 0.6 * EPOCHS, 0.8 * EPOCHS))


def test_fewer_images_are_always_the_same():
    data = blobs(200, 50)
    few = fewer(data, 60)
    assert (len(few.train), len(few.validation), few.labels) == (60, 20, data.labels)
    assert few.fingerprint == fewer(data, 60).fingerprint != data.fingerprint
    assert fewer(data, 1000).fingerprint == data.fingerprint


def test_from_the_command_line(tmp_path, monkeypatch):
    """On digits, and on images of one's own; the folder is not that of the whole training."""
    rng = np.random.default_rng(0)
    arrays = {"x": rng.integers(0, 256, (1200, 9, 9, 3)).astype(np.uint8), "y": np.arange(1200) % 3}
    np.savez(tmp_path / "mine.npz", **arrays)
    page = str(PAGES[[path.stem for path in PAGES].index("photos")])
    monkeypatch.chdir(tmp_path)
    settings = ["--set", "length.epochs=1", "schedule.warmup=0", "--export", "--quick"]
    for data, classes in (((), 10), (("--data", "mine.npz"), 3)):
        assert main(["train", page, *data, *settings, "--overwrite"]) == 0
        card = Card.read(tmp_path / "saved_models/photos_quick/model.keras")
        assert card.facts["recipe"]["model"]["tiny"] and len(card.labels) == classes and card.preprocess.size == 32
        assert card.facts["validation"]["samples"] == IMAGES // 3
