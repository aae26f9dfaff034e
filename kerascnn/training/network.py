"""The network that a recipe trains, as it stands before the first step."""

from collections.abc import Callable
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from kerascnn.catalogue import find
from kerascnn.errors import suggest
from kerascnn.training.fields import is_number, is_whole
from kerascnn.training.recipe import Recipe

if TYPE_CHECKING:
    import keras

    from kerascnn.networks.architecture import Architecture

MakeModel = Callable[[tuple[int | None, int | None, int], int], "keras.Model"]
DECIDED = ("size", "channels", "classes")  # columns that give way to the recipe and the data


def row_of(recipe: Recipe) -> "Architecture":
    """The row of the catalogue that a recipe trains, with its ``columns``, and cut down if it is to be ``tiny``.

    Raises
    ------
    ValueError
        When there is no such network, or a column is unknown, holds no number or is given another kind of it.
    """
    row = find(recipe.model)
    row = row.but(**dict(column(row, text) for text in recipe.columns)) if recipe.columns else row
    return row.but(**row.tiny) if recipe.tiny else row


def column(row: "Architecture", text: str) -> tuple[str, Any]:
    """The column and the value that a text such as ``"drop_path:0.1"`` means."""
    values = {field.name: getattr(row, field.name) for field in fields(row) if field.name not in DECIDED}
    numbers = {name: value for name, value in values.items() if is_number(value)}
    name, _, given = text.partition(":")
    if name not in numbers:
        raise ValueError(f"Recipe: {row.name} has no column {name!r} that holds a number. {suggest(name, numbers)}")
    kind, expected = (int, "a whole number") if is_whole(numbers[name]) else (float, "a number")
    try:
        return name, kind(given)
    except ValueError:
        example = f"{name}:{numbers[name]}"
        raise ValueError(
            f"Recipe: the column {text!r} has {given!r}; expected {expected}, as in {example!r}."
        ) from None


def maker(recipe: Recipe, make_model: MakeModel | None = None) -> MakeModel:
    """What draws the network from an input shape (H, W, C) and a number of classes, as it is before the first step.

    Raises
    ------
    ValueError
        When ``make_model`` is given, and the recipe has what only networks of the catalogue heed.
    """
    if make_model and (set_ := [name for name in ("columns", "tiny", "weights") if getattr(recipe, name)]):
        raise ValueError(
            f"Recipe: {' and '.join(set_)} are for networks of the catalogue, but make_model draws one of your own. "
            "Leave them out, and let make_model do it."
        )
    make = make_model or from_catalogue(recipe)
    return zero_gammas(make) if recipe.zero_gamma else make


def from_catalogue(recipe: Recipe) -> MakeModel:
    row, weights = row_of(recipe), recipe.weights or None
    return lambda shape, classes: row(weights=weights, input_shape=shape, classes=classes)


def zero_gammas(make: MakeModel) -> MakeModel:
    """The network that ``make`` makes, whose residual blocks begin as their shortcuts."""
    from kerascnn.graph.residual import zero_last_gammas

    def made(shape, classes):
        model = make(shape, classes)
        zero_last_gammas(model)
        return model

    return made
