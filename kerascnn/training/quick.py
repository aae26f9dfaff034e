"""Any recipe in a minute or two: to see that it runs, and learns, before hours are spent on it."""

from dataclasses import replace

import numpy as np

from kerascnn.catalogue import find
from kerascnn.data import Data, Split
from kerascnn.training.hyperrule import with_length, with_resolution
from kerascnn.training.network import row_of
from kerascnn.training.optimizers import OPTIMIZERS
from kerascnn.training.recipe import Recipe
from kerascnn.training.settle import of_weights

EPOCHS, BATCH, IMAGES = 8, 32, 320
LARGE, FEWER = 150, 3  # from such a side on, so many epochs: Inception v3's auxiliary head wants 299 pixels
STEPS = IMAGES // BATCH


def shrink(recipe: Recipe) -> Recipe:
    """The same training of the network cut down to ``Architecture.tiny``, on small images of digits, for few epochs.

    What is counted in epochs or pixels shrinks in proportion, the learning rate with the batch: in proportion, or by
    the root where the optimizer sets its steps by the gradients or the weights itself (Krizhevsky 2014,
    https://arxiv.org/abs/1404.5997, section 5). Weights and teachers are left out, because no file is that small and
    knows digits. All else is as the recipe says: optimizer, schedule, augmentation, loss, averages, precision, formats.

    Raises
    ------
    ValueError
        When there is no such network.
    """
    recipe = with_rule(recipe)
    epochs = max(min(recipe.epochs, EPOCHS if side(recipe) < LARGE else FEWER), len(recipe.stages))
    part = epochs / recipe.epochs
    parts = min(recipe.accumulate, BATCH)
    batch = min(recipe.batch // recipe.accumulate * parts, BATCH // parts * parts)
    full = recipe.lr * recipe.batch / recipe.lr_batch if recipe.lr_batch else recipe.lr
    sized = replace(recipe, size=recipe.size or seen(recipe))
    scale = side(recipe) / min(sized.stage(epoch).size for epoch in range(recipe.epochs))
    return replace(
        sized,
        tiny=True,
        weights="",
        teacher="",
        distill=0.0,
        temperature=1.0,
        data="digits",
        size=max(side(recipe), round(sized.size * scale)),
        train_size=round(recipe.train_size * scale),
        stages=tuple(replace(stage, size=round(stage.size * scale)) for stage in recipe.stages),
        epochs=epochs,
        steps_per_epoch=min(recipe.steps_per_epoch, STEPS),
        frozen_epochs=min(-(-recipe.frozen_epochs * epochs // recipe.epochs), epochs),
        warmup_epochs=recipe.warmup_epochs * part,
        decay_epochs=recipe.decay_epochs * part if recipe.schedule == "exponential" else recipe.decay_epochs,
        milestones=tuple(epoch * part for epoch in recipe.milestones),
        patience=max(1, round(recipe.patience * part)) if recipe.schedule == "plateau" else recipe.patience,
        batch=batch,
        accumulate=parts,
        lr=full * (batch / recipe.batch) ** (0.5 if OPTIMIZERS[recipe.optimizer].adaptive else 1),
        lr_batch=0,
    )


def with_rule(recipe: Recipe) -> Recipe:
    """What a rule decides for few small images."""
    if not recipe.rule:
        return recipe
    recipe = recipe if recipe.epochs else with_length(recipe, IMAGES)
    return recipe if recipe.size else with_resolution(recipe, 0)


def seen(recipe: Recipe) -> int:
    """The side of the image that a recipe leaves to the weights or the network."""
    known = of_weights(recipe)
    return known.size if known else find(recipe.model).size


def side(recipe: Recipe) -> int:
    """Of the image of the tiny network."""
    row = row_of(replace(recipe, tiny=True))
    return max(row.size, row.min_size)


def fewer(data: Data, most: int) -> Data:
    """At most ``most`` images to learn from, and a third as many held out, drawn at random, always the same."""
    return replace(data, train=some(data.train, most), validation=some(data.validation, most // 3))


def some(split: Split, most: int) -> Split:
    return split.take(np.sort(np.random.default_rng(0).permutation(len(split))[:most]))
