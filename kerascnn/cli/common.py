"""What several commands need."""

import argparse
import sys
import unicodedata
from collections.abc import Callable
from typing import Any

Command = Callable[[str, Callable[[argparse.Namespace], Any], str], argparse.ArgumentParser]  # name, what it runs, help
SOURCES = (
    "a folder with one sub-folder of images per class; a folder or a quoted pattern of TFRecord files; a .csv file "
    "with the columns path and label; an .npz file with x_train, y_train, x_test and y_test; tfds:NAME; photos; "
    "digits; shapes"
)

DRIVING = ("Cc", "Cs", "Zl", "Zp")  # kinds of characters that move a cursor or switch a terminal, and broken ones
TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")  # text after them runs the other way


def say(text: Any = "", *, error: bool = False) -> None:
    """Print lines, also those that hold names of classes and files, which anybody may have chosen."""
    print(escaped(str(text)), file=sys.stderr if error else sys.stdout)


def show(table: Any) -> None:
    """Print a table of rich, whose cells are :func:`escaped`; 160 columns wide where it is not for a terminal."""
    from rich.console import Console

    terminal = Console(markup=False)
    (terminal if terminal.is_terminal else Console(width=160, markup=False)).print(table)


def escaped(text: str) -> str:
    """Text that does nothing to a terminal but stand there: other characters as Python writes them, ``\\x1b``."""
    return "".join(
        character.encode("unicode_escape").decode()
        if character not in "\n\t" and (unicodedata.category(character) in DRIVING or character in TURNING)
        else character
        for character in text
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
