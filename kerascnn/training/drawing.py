"""The network that is trained, and the one that is left, where the two are not drawn alike."""

from collections.abc import Iterable

import keras

from kerascnn.spec import Preprocess
from kerascnn.training.network import MakeModel
from kerascnn.training.precision import computing_in
from kerascnn.training.recipe import Recipe


def draw_trained(make: MakeModel, recipe: Recipe, preprocess: Preprocess, classes: int) -> keras.Model:
    """The network that is trained: of one size where training and evaluation see one, else of any.

    Raises
    ------
    ValueError
        When the network cannot take one of the sizes.
    """
    sides = {recipe.stage(epoch).size for epoch in range(recipe.epochs)}
    size, channels = preprocess.size, preprocess.channels
    with computing_in(recipe.precision):
        if sides == {size}:
            return make((size, size, channels), classes)
        try:
            model = make((None, None, channels), classes)
        except ValueError as error:
            raise ValueError(
                f"{recipe.model} cannot be trained on images of {listed(sides)} pixels and evaluated on {size}, "
                f"because it takes images of one size only. {error}"
            ) from error
    for side in sides:
        check_side(model, side, channels)
    return model


def check_side(model: keras.Model, side: int, channels: int) -> None:
    """Refuse images that are smaller than the network can take."""
    try:
        model.compute_output_shape((1, side, side, channels))
    except ValueError as error:
        raise ValueError(f"{model.name} cannot be trained on images of {side} x {side} pixels: {error}") from error


def draw_inference(
    make: MakeModel, recipe: Recipe, preprocess: Preprocess, classes: int, trained: keras.Model
) -> keras.Model:
    """The network that is left, of one size and in float32; the one that is trained, when that is both."""
    if recipe.precision == "float32" and None not in trained.input_shape[1:]:
        return trained
    with computing_in("float32"):
        return make((preprocess.size, preprocess.size, preprocess.channels), classes)


def fill(model: keras.Model, source: keras.Model) -> None:
    """Put into one drawing of a network the values of another."""
    for variable, value in zip(model.variables, source.variables, strict=True):
        variable.assign(value)


def listed(sides: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(sides)))
