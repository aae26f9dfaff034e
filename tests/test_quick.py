"""Every recipe page, tried out: a tiny network, small digits, a few epochs, and the loss falls."""

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from test_train import blobs, silent

from kerascnn.card import Card
from kerascnn.cli import main
from kerascnn.data import open_data
from kerascnn.training import Recipe
from kerascnn.training.network import row_of
from kerascnn.training.pages import recipes_of
from kerascnn.training.quick import BATCH, EPOCHS, IMAGES, fewer, shrink
from kerascnn.training.stages import Stage

PAGES = sorted((Path(__file__).parents[1] / "recipes").glob("*.py"))
ALL = {f"{page.stem}:{name}": recipe for page in PAGES for name, recipe in recipes_of(page).items()}


def seen(recipe: Recipe) -> str:
    """What of a recipe is left, tried out: of a family, most networks become the same."""
    small = shrink(recipe)
    return f"{type(row_of(small))} {replace(small, model='any')}"


EACH = {seen(recipe): name for name, recipe in reversed(ALL.items())}

LONG = Recipe(
    model="resnet50",
    data="imagenet",
    epochs=90,
    batch=256,
    lr=0.1,
    warmup_epochs=5,
    schedule="step",
    milestones=(30, 60, 80),
    augment=("crop", "flip"),
    weight_decay=1e-4,
    label_smoothing=0.1,
    ema=0.999,
    precision="bfloat16",
    export=("tflite",),
)
SHRUNK = {
    "tiny",
    "data",
    "size",
    "epochs",
    "batch",
    "lr",
    "warmup_epochs",
    "milestones",
}


@pytest.mark.sharded
@pytest.mark.parametrize("name", sorted(EACH.values()))
def test_every_recipe_learns(name, tmp_path):
    from kerascnn.training.loop import train

    _, history = train(shrink(ALL[name]), fewer(open_data("digits"), IMAGES), tmp_path, log=silent)
    losses = [record["loss"] for record in history]
    assert np.mean(losses[len(losses) // 2 :]) < losses[0], losses
    assert np.isfinite([record["val_loss"] for record in history]).all()


def test_time_and_rate_shrink_together_and_the_rest_stays():
    small = shrink(LONG)
    before, after = asdict(LONG), asdict(small)
    assert {name for name in before if before[name] != after[name]} == SHRUNK
    assert (small.epochs, small.batch, small.size, small.data) == (EPOCHS, BATCH, 32, "digits")
    assert small.lr == pytest.approx(0.1 * BATCH / 256)
    assert np.allclose((small.warmup_epochs, *small.milestones), np.array([5, 30, 60, 80]) * EPOCHS / 90)
    steps = [round(epoch * 1000) for epoch in (0, 2, 20, 45, 70, 85)]  # the same courses, drawn at other scales
    course = [LONG.rate(step, 1000) / LONG.lr for step in steps]
    assert np.allclose(course, [small.rate(step, 90_000 // EPOCHS) / small.lr for step in steps], rtol=0.01)
    row = row_of(replace(small, columns=("width:64", "dropout:0.3")))
    assert row.depths == (1, 2) and row.width == 8 and row.dropout == 0.3


def test_rates_follow_the_batch():
    for_256 = replace(LONG, lr_batch=256, batch=1024)
    assert shrink(for_256).lr == pytest.approx(0.1 * BATCH / 256) and shrink(for_256).lr_batch == 0
    adaptive = replace(LONG, optimizer="lamb", batch=2048, lr=5e-3)
    assert shrink(adaptive).lr == pytest.approx(5e-3 / 8)
    few = replace(LONG, batch=16, epochs=3, warmup_epochs=1, milestones=(1, 2))
    assert (shrink(few).batch, shrink(few).epochs, shrink(few).lr, shrink(few).milestones) == (16, 3, 0.1, (1, 2))
    for batch, parts, expected in ((1024, 8, (32, 8)), (96, 3, (30, 3)), (1024, 64, (32, 32)), (12, 6, (12, 6))):
        small = shrink(replace(LONG, batch=batch, accumulate=parts))
        assert (small.batch, small.accumulate) == expected


def test_sizes_keep_their_proportion():
    assert (shrink(replace(LONG, size=224, train_size=176)).size, shrink(replace(LONG, train_size=176)).train_size) == (
        41,
        32,
    )
    stages = tuple(Stage(size=side, augment=("crop",)) for side in (128, 192, 256))
    small = shrink(replace(LONG, size=256, augment=(), stages=stages))
    assert [stage.size for stage in small.stages] == [32, 48, 64] and small.size == 64
    assert shrink(replace(LONG, model="alexnet")).size == 80 and shrink(replace(LONG, model="lenet5")).size == 32


def test_no_file_is_needed():
    tuned = replace(LONG, weights="imagenet", frozen_epochs=1, teacher="teacher.keras", distill=0.5, temperature=2.0)
    small = shrink(tuned)
    assert (small.weights, small.teacher, small.distill, small.temperature, small.frozen_epochs) == ("", "", 0, 1, 1)
    ruled = shrink(Recipe(model="bit_r50x1", data="mine", rule="bit", batch=512, lr=0.003))
    assert (ruled.epochs, ruled.steps_per_epoch, ruled.batch, ruled.squash) == (EPOCHS, IMAGES // BATCH, BATCH, True)
    assert ruled.augment == ("squash:0.8",) and ruled.milestones == pytest.approx(
        (0.4 * EPOCHS, 0.6 * EPOCHS, 0.8 * EPOCHS)
    )


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
    settings = ["--set", "epochs=1", "warmup_epochs=0", "export=", "--quick"]
    for data, classes in (((), 10), (("--data", "mine.npz"), 3)):
        assert main(["train", page, *data, *settings, "--overwrite"]) == 0
        card = Card.read(tmp_path / "saved_models/photos_quick/model.keras")
        assert card.facts["recipe"]["tiny"] and len(card.labels) == classes and card.preprocess.size == 32
        assert card.facts["validation"]["samples"] == IMAGES // 3
