"""Learning rates against closed forms and the schedulers of Keras and PyTorch."""

import math
from itertools import pairwise

import pytest

from kerascnn.training import (
    SGD,
    Constant,
    Cosine,
    Epochs,
    Exponential,
    Input,
    Model,
    Plateau,
    Polynomial,
    Recipe,
    StepDecay,
)
from kerascnn.training.recipe.schedules import SCHEDULES, Course

RECIPE = Recipe(
    model=Model("tiny"),
    length=Epochs(6),
    data="blobs",
    batch=64,
    input=Input(size=12),
    optimizer=SGD(lr=0.4, nesterov=True),
)
STEPS = 10  # of an epoch


def rate_at(recipe: Recipe, step: int, losses=()) -> float:
    course = Course(total=recipe.length.epochs * STEPS, epoch=STEPS, losses=losses)
    return recipe.optimizer.rate(recipe.batch) * recipe.schedule.fraction(step, course)


def rates(recipe: Recipe) -> list[float]:
    return [rate_at(recipe, step) for step in range(recipe.length.epochs * STEPS)]


def of_keras(schedule) -> list[float]:
    return [float(schedule(step)) for step in range(RECIPE.length.epochs * STEPS)]


def of_torch(make) -> list[float]:
    """The rates that a scheduler of PyTorch gives to its steps."""
    torch = pytest.importorskip("torch")
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=RECIPE.optimizer.lr)
    scheduler, found = make(torch.optim.lr_scheduler)(optimizer), []
    for _ in range(RECIPE.length.epochs * STEPS):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return found


def test_schedules_at_known_steps():
    cosine = [Cosine(warmup=1).fraction(step, Course(total=110, epoch=10)) for step in range(110)]
    assert cosine[:10] == pytest.approx([(step + 1) / 10 for step in range(10)])
    assert cosine[10] == 1 and cosine[60] == pytest.approx(0.5) and 0 < cosine[-1] < 1e-3
    assert all(before > after for before, after in pairwise(cosine[10:]))
    stairs = [StepDecay().fraction(step, Course(total=90, epoch=1)) for step in (0, 29, 30, 59, 60, 79, 80, 89)]
    assert stairs == pytest.approx([1, 1, 0.1, 0.1, 0.01, 0.01, 0.001, 0.001])
    assert {Constant().fraction(step, Course(total=9, epoch=1)) for step in range(9)} == {1.0}


def test_cosine_is_that_of_keras_and_torch():
    import keras

    expected = of_keras(keras.optimizers.schedules.CosineDecay(0.4, 60))
    assert rates(RECIPE) == pytest.approx(expected, abs=1e-6)
    assert rates(RECIPE) == pytest.approx(of_torch(lambda s: lambda o: s.CosineAnnealingLR(o, 60)), abs=1e-9)


@pytest.mark.parametrize("power", [0.5, 1.0, 2.0])
def test_polynomial_is_that_of_keras_and_torch(power):
    import keras

    found = rates(RECIPE.replace(schedule=Polynomial(power=power)))
    expected = of_keras(keras.optimizers.schedules.PolynomialDecay(0.4, 60, end_learning_rate=0.0, power=power))
    assert found == pytest.approx(expected, abs=1e-6)
    assert found == pytest.approx(of_torch(lambda s: lambda o: s.PolynomialLR(o, 60, power)), abs=1e-9)


def test_exponential_is_that_of_keras():
    """EfficientNet's: 0.97 every 2.4 epochs; whole epochs are PyTorch's StepLR too."""
    import keras

    found = rates(RECIPE.replace(schedule=Exponential(by=0.97, every=2.4)))
    expected = of_keras(keras.optimizers.schedules.ExponentialDecay(0.4, 24, 0.97, staircase=True))
    assert found == pytest.approx(expected, rel=1e-6) and len({*found}) == 3
    whole = rates(RECIPE.replace(schedule=Exponential(by=0.5, every=2)))
    assert whole == pytest.approx(of_torch(lambda s: lambda o: s.StepLR(o, 20, 0.5)), rel=1e-9)


def test_milestones_are_those_of_torch():
    found = rates(RECIPE.replace(schedule=StepDecay(at=(2, 4.5), by=0.2)))
    assert found == pytest.approx(of_torch(lambda s: lambda o: s.MultiStepLR(o, [20, 45], 0.2)), rel=1e-9)


LOSSES = (3.0, 2.5, 2.5, 2.6, 2.4, 2.4, 2.4, 2.5, 2.41, 2.4, 2.3, 2.2, 2.2, 2.2, 2.2, 2.0)


@pytest.mark.parametrize("patience", [1, 2, 3])
def test_plateau_is_that_of_keras_and_torch(patience):
    import keras
    import torch

    recipe = RECIPE.replace(schedule=Plateau(by=0.5, patience=patience), length=Epochs(len(LOSSES) + 1))
    found = [rate_at(recipe, STEPS * epoch, LOSSES[:epoch]) for epoch in range(1, len(LOSSES) + 1)]

    callback = keras.callbacks.ReduceLROnPlateau(monitor="val_loss", factor=0.5, patience=patience, min_delta=0)
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.4))
    callback.set_model(model)
    callback.on_train_begin()
    ours = []
    for epoch, loss in enumerate(LOSSES):
        callback.on_epoch_end(epoch, {"val_loss": loss})
        ours.append(float(model.optimizer.learning_rate.numpy()))
    assert found == pytest.approx(ours, rel=1e-6) and found[-1] < 0.4

    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.4)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=patience - 1, threshold=0)
    for loss, rate in zip(LOSSES, found, strict=True):
        scheduler.step(loss)
        assert optimizer.param_groups[0]["lr"] == pytest.approx(rate)


def test_rate_of_a_batch():
    """0.016 for every 256 images: 0.256 at EfficientNet's batch of 4096."""
    recipe = RECIPE.replace({"optimizer.lr": 0.016, "optimizer.per": 256}, schedule=Constant(), batch=4096)
    assert rates(recipe) == pytest.approx([0.256] * 60)
    assert rates(recipe.replace({"optimizer.per": None})) == pytest.approx([0.016] * 60)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_rates_of_a_recipe(schedule):
    recipe = RECIPE.replace(schedule=schedule(warmup=0.5), length=Epochs(4))
    found = rates(recipe)
    assert found[:5] == pytest.approx([0.08, 0.16, 0.24, 0.32, 0.4])
    assert max(found) == pytest.approx(0.4) and min(found) >= 0
    assert rate_at(recipe.replace({"schedule.warmup": 4}), 39) == pytest.approx(0.4)


def test_from_where_schedules_count():
    """Stairs count from the first step, so that long warm-ups end on a lower one; curves begin where warm-up ends."""
    assert rate_at(RECIPE.replace(schedule=Exponential(by=0.97, every=2.4, warmup=5)), 50) == pytest.approx(
        0.4 * 0.97**2
    )
    for late in (Cosine(warmup=5), Polynomial(warmup=5)):
        assert rate_at(RECIPE.replace(schedule=late), 50) == 0.4
        assert math.isclose(rate_at(RECIPE.replace(schedule=late), 55), 0.2)


def test_schedules_stretch():
    schedule = StepDecay(at=(30, 60), warmup=5).stretched(0.1)
    assert schedule.at == pytest.approx((3, 6)) and schedule.warmup == pytest.approx(0.5)
    assert Plateau(patience=10).stretched(0.04).patience == 1 and Exponential(every=2.4).stretched(0.5).every == 1.2
