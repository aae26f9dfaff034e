"""What several commands need."""

import argparse
from collections.abc import Callable
from typing import Any

Command = Callable[[str, Callable[[argparse.Namespace], Any], str], argparse.ArgumentParser]  # name, what it runs, help
SOURCES = (
    "a folder with one sub-folder of images per class; a folder or a quoted pattern of TFRecord files; a .csv file "
    "with the columns path and label; an .npz file with x_train, y_train, x_test and y_test; tfds:NAME; photos; "
    "digits; shapes"
)


def import_quietly() -> None:
    """Import Keras and TensorFlow, which tell of their build when they are."""
    from kerascnn.runtime import quiet

    with quiet():
        import keras  # noqa: F401


def numbers(text: str, option: str) -> list[int]:
    """The whole numbers of a list such as 1,3,5."""
    try:
        return [int(number) for number in text.split(",")]
    except ValueError:
        raise ValueError(
            f"{option} takes whole numbers with commas between them, such as 1,3,5; got {text!r}."
        ) from None
