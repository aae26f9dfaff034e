"""Images and predictions of ImageNet's networks, as ``keras.applications.imagenet_utils`` has them.

Keras' own functions; its names of the classes are read from this package, where Keras downloads them.
"""

from collections.abc import Callable
from typing import Any

from keras.applications.imagenet_utils import preprocess_input
from keras.src.applications.imagenet_utils import obtain_input_shape

from kerascnn.weights.imagenet import decode_predictions

__all__ = ["decode_predictions", "obtain_input_shape", "preprocess_input", "preprocessing", "unchanged"]


def preprocessing(mode: str) -> Callable[..., Any]:
    """A module's ``preprocess_input(x, data_format=None)``: "caffe", "tf" and "torch" are Keras' ways."""

    def of_module(x: Any, data_format: str | None = None) -> Any:
        return preprocess_input(x, data_format=data_format, mode=mode)

    of_module.__name__ = of_module.__qualname__ = "preprocess_input"
    of_module.__doc__ = f"Pixels of 0..255 in red, green, blue as Keras' weights want them, its way {mode!r}."
    return of_module


def unchanged(x: Any, data_format: str | None = None) -> Any:
    """Pixels of 0..255 as they are: these networks normalise them inside."""
    return x
