"""A recipe with nothing left open: what it leaves to the weights, to the network and to the data is decided here."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kerascnn.card import Card
from kerascnn.catalogue import find
from kerascnn.data import Data
from kerascnn.networks.architecture import Architecture
from kerascnn.spec import Preprocess, Row
from kerascnn.tasks import Task, find_task
from kerascnn.training.recipe import Epochs, Input, Model, Recipe, Stage, Steps
from kerascnn.training.recipe.schedules import Course

if TYPE_CHECKING:
    import keras

MakeModel = Callable[[tuple[int | None, int | None, int], int], "keras.Model"]  # from (H, W, C) and number of classes


@dataclass(frozen=True, kw_only=True)
class Resolved:
    """A recipe for some data, and all that follows from the two."""

    recipe: Recipe  # with nothing left open; it resolves to itself
    row: Architecture | None  # None for a network of one's own
    preprocess: Preprocess  # what images go through before the network
    task: Task  # what is learned, with the recipe's loss and the data's labels
    make: MakeModel  # draws the network as it is before the first step
    length: Epochs | Steps  # the recipe's
    images: int  # number of training images

    @property
    def name(self) -> str:
        """The network's."""
        return self.recipe.model.name if isinstance(self.recipe.model.name, str) else self.recipe.model.name.name

    @property
    def epochs(self) -> int:
        return self.length.epochs

    @property
    def batch(self) -> int:
        """Images per update of the weights."""
        return self.updates[0]

    @property
    def steps(self) -> int:
        """Updates per epoch."""
        return self.updates[1]

    @property
    def updates(self) -> tuple[int, int]:
        return self.length.updates(self.images, self.recipe.batch, self.recipe.accumulate)

    def places(self, epoch: int) -> range:
        """Which images of the endless sequence of all passes an epoch trains on."""
        first = self.length.first(epoch, self.images, self.batch)
        return range(first, first + self.steps * self.batch)

    def stage(self, epoch: int) -> Stage:
        """What holds in an epoch, counted from 0."""
        recipe = self.recipe
        if not (stages := recipe.stages):
            return Stage(size=recipe.train_size or self.preprocess.size, augment=recipe.augment)
        return stages[min(epoch // (self.epochs // len(stages)), len(stages) - 1)]

    def rate(self, step: int, losses: Sequence[float] = ()) -> float:
        """The learning rate of a step, counted from 0 over the whole training, after such validation losses."""
        course = Course(total=self.epochs * self.steps, epoch=self.steps, losses=losses)
        return self.recipe.optimizer.rate(self.batch) * self.recipe.schedule.fraction(step, course)


def resolve(recipe: Recipe, data: Data, make_model: MakeModel | None = None) -> Resolved:
    """What a recipe comes to for some data.

    What a recipe says stays. What it leaves open is what its ``adapt`` decides, if it has one; then images go through
    what is recorded of the weights, by their tag, the card beside their file or the name and hash of that file, so
    that training, evaluation and exported files see images as those did who trained the weights; without weights the
    size is the network's, and the rest ImageNet's. A warning says what is assumed of a file of which nothing is known.
    Grey images keep their one channel, with the averages of ``mean`` and ``std``: the builders add up the first kernel
    of the weights.

    Parameters
    ----------
    recipe
        As it was written.
    data
        What it is to be trained on.
    make_model
        Draws a network of one's own; None: the recipe's from the catalogue, or from its row.

    Raises
    ------
    ValueError
        When the network, one of its fields, the tag of its weights or the task is unknown, the data does not say what
        such a network has to know, or ``make_model`` is given and the recipe has what only rows heed.
    """
    recipe = recipe.adapt(recipe, data).replace(adapt=None) if recipe.adapt else recipe
    row = None if make_model else recipe.model.row()
    loss = {} if recipe.loss is None else {"loss": recipe.loss}
    task = find_task(recipe.task or (row or Row).task)(labels=data.labels, **loss).for_images(data.train)
    if row and (told := {name: value for name, value in task.fields(data).items() if hasattr(row, name)}):
        recipe = recipe.replace({"model.fields": {**told, **recipe.model.fields}})
        row = recipe.model.row()
    assert recipe.length  # which only adapt may leave open
    make = maker(recipe.model, make_model)
    preprocess = preprocess_of(recipe, row, data.channels)
    return Resolved(
        recipe=recipe.replace(input=Input(**vars(preprocess)), task=task.name),
        row=row,
        preprocess=preprocess,
        task=task,
        make=make,
        length=recipe.length,
        images=len(data.train),
    )


def preprocess_of(recipe: Recipe, row: Architecture | None, channels: int) -> Preprocess:
    """What images of so many channels go through: as the recipe says, then as for the weights, then as usual."""
    known = of_weights(recipe) or Preprocess(size=recipe.input.size or (row or recipe.model.row()).size)
    return recipe.input.preprocess(known.for_channels(channels))


def of_weights(recipe: Recipe) -> Preprocess | None:
    """How those who trained a recipe's weights saw images; None without weights, or where the recipe says it itself.

    Of a file, its card says so, else the record of the published file that it is; else a warning says what is assumed.
    """
    if not recipe.model.weights:
        return None
    from kerascnn.weights.load import assumed_preprocess, is_path, recorded

    row, path = recipe.model.row(), Path(recipe.model.weights)
    if is_path(path) and (card := Card.beside(path)):
        return card.preprocess
    if (known := recorded(row, recipe.model.weights)) or recipe.input.mean:
        return known
    return assumed_preprocess(row if row.weights_of == row.name else find(row.weights_of), path)


def maker(model: Model, make_model: MakeModel | None = None) -> MakeModel:
    """What draws the network, as it is before the first step; what only rows heed does not go with ``make_model``."""
    if make_model and (set_ := [name for name in ("fields", "tiny", "weights") if getattr(model, name)]):
        raise ValueError(
            f"{' and '.join(f'model.{name}' for name in set_)} are for networks of the catalogue, but make_model draws "
            "one of your own. Leave them out, and let make_model do it."
        )
    make = make_model or (lambda shape, classes: model.row()(weights=model.weights, input_shape=shape, classes=classes))
    return zero_gammas(make) if model.zero_gamma else make


def zero_gammas(make: MakeModel) -> MakeModel:
    """The network that ``make`` makes, whose residual blocks begin as their shortcuts."""
    from kerascnn.graph.residual import zero_last_gammas

    def made(shape, classes):
        model = make(shape, classes)
        zero_last_gammas(model)
        return model

    return made
