"""A model's graph with every size known."""

import keras

from kerascnn.graph.rewrite import at_size


def with_fixed_size(model: keras.Model, side: int | None = None) -> keras.Model:
    """``model``, or a drawing of it at ``side`` x ``side`` pixels that shares nothing with it but its shape.

    Raises
    ------
    ValueError
        When the model has not one image as its input, or takes any size and ``side`` is not given.
    """
    shape = getattr(model, "input_shape", None)
    if not isinstance(shape, tuple) or len(shape) != 4:
        raise ValueError(f"{model.name} must take one image (batch, height, width, channels), got inputs {shape}.")
    height, width = (side, side) if side else shape[1:3]
    if height is None or width is None:
        raise ValueError(f"{model.name} takes images of any size; say at which size to measure it.")
    return at_size(model, (height, width, shape[3]))
