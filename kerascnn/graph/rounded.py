"""Networks that round as int8 does, and what cannot be done with them any more."""

from typing import Any


def has_ranges(model: Any) -> bool:
    """Whether a model rounds its activations itself, and so says in what ranges they lie."""
    from kerascnn.layers import FakeQuantization

    return any(isinstance(layer, FakeQuantization) for layer in model.layers)


def need_floats(model: Any) -> None:
    """Refuse a model that was tuned for int8.

    Raises
    ------
    ValueError
        When it was.
    """
    if has_ranges(model):
        raise ValueError(
            f"{model.name} was tuned for int8: export it as tflite-int8, or take the network that it was made of."
        )
