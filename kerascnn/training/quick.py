"""Any recipe in a minute or two: to see that it runs, and learns, before hours are spent on it."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from kerascnn.data import Data, Split
from kerascnn.tasks import find_task
from kerascnn.training.recipe import Epochs, Recipe, Steps
from kerascnn.training.resolve import of_weights

EPOCHS, BATCH, IMAGES = 8, 32, 320
LARGE, FEWER = 150, 3  # from such a side on, so many epochs: Inception v3's auxiliary head wants 299 pixels


def shrink(recipe: Recipe) -> Recipe:
    """The same training of the network cut down to ``Architecture.tiny``, on small images of its task, for few epochs.

    What is counted in epochs or pixels shrinks in proportion, the learning rate with the batch: in proportion, or by
    the root where the optimizer sets its steps by the gradients or the weights itself (Krizhevsky 2014,
    https://arxiv.org/abs/1404.5997, section 5). Weights and teachers are left out, because no file is that small and
    knows digits; so are weights of classes by name. Batch norms are trained, since they know nothing that could be
    kept. All else is as the recipe says: optimizer, schedule, augmentation, loss, averages.

    Raises
    ------
    ValueError
        When there is no such network.
    """
    if adapt := recipe.adapt:
        return recipe.replace(
            data=data_of(recipe), adapt=lambda recipe, data: shrink(adapt(recipe, data).replace(adapt=None))
        )
    length, optimizer, finetune = recipe.length or Epochs(EPOCHS), recipe.optimizer, recipe.finetune
    model = replace(recipe.model, tiny=True, weights=None)
    side = max(model.row().size, model.row().min_size)
    epochs = max(min(length.epochs, EPOCHS if side < LARGE else FEWER), len(recipe.stages))
    parts = min(recipe.accumulate, BATCH)
    batch = min(recipe.batch // recipe.accumulate * parts, BATCH // parts * parts)
    size = recipe.input.size or (of_weights(recipe) or recipe.model.row()).size
    scale = side / min([stage.size for stage in recipe.stages] or [recipe.train_size or size])
    lr = optimizer.rate(recipe.batch) * (batch / recipe.batch) ** (0.5 if optimizer.adaptive else 1)
    frozen = min(-(-finetune.frozen_epochs * epochs // length.epochs), epochs) if finetune else 0
    loss = recipe.loss
    if isinstance(getattr(loss, "class_weights", None), Mapping):  # of classes that digits have not
        loss = replace(loss, class_weights=None)
    return recipe.replace(
        model=model,
        loss=loss,
        data=data_of(recipe),
        input=replace(recipe.input, size=max(side, round(size * scale))),
        train_size=round(recipe.train_size * scale) if recipe.train_size else None,
        stages=tuple(replace(stage, size=round(stage.size * scale)) for stage in recipe.stages),
        length=fewer_steps(length, epochs, batch),
        batch=batch,
        accumulate=parts,
        optimizer=replace(optimizer, lr=lr, per=None),
        schedule=recipe.schedule.stretched(epochs / length.epochs),
        finetune=replace(finetune, frozen_epochs=frozen, batch_norm="train") if finetune else None,
        distill=None,
    )


def data_of(recipe: Recipe) -> str:
    """The source that any recipe of the same task is tried out on."""
    return find_task(recipe.task or recipe.model.row().task).trial_data


def fewer_steps(length: Epochs | Steps, epochs: int, batch: int) -> Epochs | Steps:
    """So many epochs, none longer than a pass over the images that there are."""
    if isinstance(length, Epochs):
        return Epochs(epochs)
    every = min(length.every, IMAGES // batch)
    return Steps(epochs * every, every=every)


def fewer(data: Data, most: int) -> Data:
    """At most ``most`` training images, and a third as many for validation, drawn at random, always the same."""
    return replace(data, train=some(data.train, most), validation=some(data.validation, most // 3))


def some(split: Split, most: int) -> Split:
    return split.take(np.sort(np.random.default_rng(0).permutation(len(split))[:most]))
