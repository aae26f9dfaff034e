"""What the accelerators of phones and boards make of a .tflite file, told without having one."""

import os
from collections.abc import Sequence

from kerascnn.arguments import checked
from kerascnn.deploy.delegates.edgetpu import edgetpu
from kerascnn.deploy.delegates.gpu import gpu
from kerascnn.deploy.delegates.report import Report, Verdict
from kerascnn.deploy.delegates.xnnpack import xnnpack
from kerascnn.errors import suggest
from kerascnn.runtime import existing

__all__ = ["DELEGATES", "Report", "Verdict", "check_delegates"]

DELEGATES = {"edgetpu": edgetpu, "gpu": gpu, "xnnpack": xnnpack}


@checked
def check_delegates(path: str | os.PathLike, delegates: Sequence[str] = tuple(DELEGATES)) -> list[Report]:
    """Say which operators of a file each delegate runs, in how many partitions, why not the others, what to change.

    Parameters
    ----------
    path
        A .tflite file.
    delegates
        "edgetpu": predicted from the published table. "gpu": predicted from the rules of the delegate's own check.
        "xnnpack": seen, by loading the file.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    ValueError
        When it is no .tflite file, or there is no such delegate.
    ImportError
        When LiteRT is not installed.
    """
    for name in delegates:
        if name not in DELEGATES:
            raise ValueError(f"Unknown delegate {name!r}. {suggest(name, DELEGATES)}")
    if existing(path).is_dir():
        raise ValueError(f"{path} is a folder; delegates take a .tflite file.")
    return [DELEGATES[name](existing(path)) for name in delegates]
