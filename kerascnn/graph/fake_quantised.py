"""Networks with fake-quantised ranges: they round as int8 does, and much cannot be done with them any more."""

from typing import Any


def is_fake_quantised(model: Any) -> bool:
    """Whether a model rounds its activations, and so holds the ranges that an int8 file needs."""
    from kerascnn.layers import FakeQuantization

    return any(isinstance(layer, FakeQuantization) for layer in model.layers)


def refuse_fake_quantised(model: Any) -> None:
    """Refuse a model that was tuned for int8.

    Raises
    ------
    ValueError
        When it was.
    """
    if is_fake_quantised(model):
        raise ValueError(
            f"{model.name} was tuned for int8: export it as tflite-int8, or take the network that it was made of."
        )


def refuse_integers(model: Any) -> None:
    """Refuse a model that was tuned for int8, or whose kernels Keras has made integers, ``model.quantize("int8")``.

    Raises
    ------
    ValueError
        When it was.
    """
    from kerascnn.graph.graph import leaves

    refuse_fake_quantised(model)
    if names := [layer.name for layer in leaves(model) if getattr(layer, "quantization_mode", None)]:
        raise ValueError(
            f"{model.name} holds {names[0]!r}, which Keras has quantised: take the network that it was made of."
        )
