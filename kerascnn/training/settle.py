"""A recipe with nothing left open: what it leaves to the weights, to the network and to the data is decided here."""

from dataclasses import replace
from pathlib import Path

from kerascnn.data import Data
from kerascnn.spec import Preprocess
from kerascnn.tasks import Task, find_task
from kerascnn.training.fields import LOSSES
from kerascnn.training.hyperrule import ruled
from kerascnn.training.network import row_of
from kerascnn.training.recipe import Recipe


def settle(recipe: Recipe, data: Data) -> Recipe:
    """The same training, with ``size``, ``crop``, ``interpolation``, ``mean`` and ``std`` as numbers and names.

    What a recipe says stays. What it leaves open is what its rule decides, if it has one; then it is that of the
    weights' record, where ``weights`` is a tag, so that training, evaluation and exported files see images as those did
    who trained the weights; else the size is the network's, and the rest ImageNet's. Grey images keep their one
    channel, with the averages of the record's ``mean`` and ``std``: the builders add up the first kernel of the
    weights. A settled recipe settles to itself.

    Parameters
    ----------
    recipe
        As it was written.
    data
        What it is to be trained on.

    Raises
    ------
    ValueError
        When the network, one of its columns or the tag of its weights is unknown.
    """
    recipe = ruled(recipe, data.train) if recipe.rule else recipe
    known = of_weights(recipe)
    size = recipe.size or (known.size if known else row_of(recipe).size)
    known = known or Preprocess(size=size)
    if recipe.mean:
        mean, std = recipe.mean, recipe.std
    else:
        mean, std = (average(known.mean), average(known.std)) if data.channels == 1 else (known.mean, known.std)
    return replace(
        recipe,
        size=size,
        crop=recipe.crop or known.crop,
        interpolation=recipe.interpolation or known.interpolation,
        mean=mean,
        std=std,
    )


def average(channels: tuple[float, ...]) -> tuple[float]:
    """One number for a grey image."""
    return (round(sum(channels) / len(channels), 6),)


def of_weights(recipe: Recipe) -> Preprocess | None:
    """How those who trained the weights of ``recipe`` saw images; None without weights, or with a file of them."""
    if not recipe.weights:
        return None
    from kerascnn.weights.load import is_path
    from kerascnn.weights.records import find_record

    row = row_of(recipe)
    return None if is_path(Path(recipe.weights)) else find_record(row.name, recipe.weights).preprocess


def check_network(recipe: Recipe) -> None:
    """Find out, before any image is read, whether the network, its columns and its weights are known.

    Raises
    ------
    ValueError
        When one is not.
    FileNotFoundError
        When there is no such file of weights.
    """
    row_of(recipe)
    of_weights(recipe)


def task_of(recipe: Recipe, data: Data) -> Task:
    """What is learned, with the recipe's loss."""
    loss = LOSSES[recipe.loss](label_smoothing=recipe.label_smoothing, auxiliary=recipe.auxiliary)
    return find_task("classification")(labels=data.labels, loss=loss)
