"""The table of runtimes: which kind of model file is run by what."""

import json
import os
import warnings
from collections.abc import Callable
from pathlib import Path

from kerascnn.arguments import checked
from kerascnn.files import clear_drafts, sha256
from kerascnn.runtime.keras import open_keras
from kerascnn.runtime.onnx import open_onnx
from kerascnn.runtime.runner import Runner, existing
from kerascnn.runtime.saved_model import open_saved_model
from kerascnn.runtime.tflite import open_tflite

# By what a name ends in. These runtimes take a number of threads; what TensorFlow runs has TensorFlow's.
THREADED: dict[str, Callable[[Path, int | None], Runner]] = {".tflite": open_tflite, ".onnx": open_onnx}
TENSORFLOW: dict[str, Callable[[Path], Runner]] = {
    ".keras": open_keras,
    "folder": open_saved_model,
}


@checked
def open_model(path: str | os.PathLike, *, threads: int | None = None) -> Runner:
    """Open a ``.keras``, ``.tflite`` or ``.onnx`` file, or the folder of a SavedModel, to run it.

    TensorFlow's own operators in a ``.tflite`` file, called Flex, run in TensorFlow, and the others in LiteRT. Where
    the card of an exported file lies beside it, the file must be the one that was exported.

    Parameters
    ----------
    threads
        CPU threads of a ``.tflite`` or ``.onnx`` file; None: as many as there are processors.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    ValueError
        When the file is of an unknown kind, damaged, not what its card was written for, or takes anything but
        images; or when ``threads`` cannot be set.
    ImportError
        When the runtime of the file is not installed.
    """
    clear_drafts(Path(path).parent)
    path = existing(path)
    kind = "folder" if path.is_dir() else path.suffix
    if kind != ".keras":
        need_exported(path)
    if kind in THREADED:
        if threads is not None and threads < 1:
            raise ValueError(f"threads must be 1 or more, got {threads}.")
        return THREADED[kind](path, threads)
    if threads is not None:
        raise ValueError(f"threads goes with {' and '.join(THREADED)} files; {path} runs on TensorFlow's own threads.")
    if kind in TENSORFLOW:
        return TENSORFLOW[kind](path)
    known = ", ".join([".keras", *THREADED])
    raise ValueError(f"{path} is of no known kind. A model is a file that ends in {known}, or a SavedModel folder.")


def need_exported(path: Path) -> None:
    """Compare a file with the hash that its export noted in the card beside it, if there is one.

    A ``.keras`` file has none: its archive has checksums of its own, and people save it again.

    Raises
    ------
    ValueError
        When it is another file, or a damaged one.
    """
    card = Path(f"{path}.json")
    if not card.is_file():
        return
    try:
        noted = json.loads(card.read_bytes())["facts"]["export"]["sha256"]
    except (KeyError, TypeError):  # nothing was exported, or nothing noted
        return
    except (ValueError, RecursionError) as error:
        warnings.warn(f"{card} is damaged, so nothing tells whether {path.name} is whole: {error}.", stacklevel=3)
        return
    if noted != (found := sha256(path)):
        raise ValueError(
            f"{path} is not the file that was exported: its SHA-256 is {found}, and {card.name} says {noted}. It was "
            f"damaged, or changed since. Copy or export it again, with its card; or if the change was meant, take "
            f'"export" out of the facts in that card: it says how another file was verified.'
        )
