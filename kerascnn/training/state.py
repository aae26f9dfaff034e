"""The state of a training, whole, in one file: a run that was killed goes on as if it had not been."""

import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

import numpy as np

from kerascnn.files import written_whole
from kerascnn.training.recipe import Recipe

if TYPE_CHECKING:
    import keras

History = list[dict[str, float]]  # one record per finished epoch
WAYS_ON = "Train into another folder (--out), or allow this one to be replaced (--overwrite)."


def identity(recipe: Recipe, fingerprint: str, variables: Sequence["keras.Variable"]) -> dict[str, Any]:
    """What two runs must share for one to continue the other. JSON gives back what it was given."""
    facts = asdict(recipe)
    del facts["export"]  # comes after training
    facts["data"] = fingerprint  # whatever the folder is called today
    facts["teacher"] = teacher_digest(recipe.teacher)
    shapes = [list(variable.shape) for variable in variables]
    layout = hashlib.sha256(json.dumps(shapes).encode()).hexdigest()[:8]
    facts["state"] = f"{len(shapes)} variables, {sum(map(np.prod, shapes)):,} numbers, layout {layout}"
    return json.loads(json.dumps(facts))


def teacher_digest(path: str) -> str:
    """Sixteen hexadecimal digits that change with the content of a teacher's file; of no teacher, nothing.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    """
    if not path:
        return ""
    if not Path(path).is_file():
        raise FileNotFoundError(f"There is no teacher {path}; expected a .keras file with its card beside it.")
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


class Checkpoint:
    """The file that holds a training between two epochs.

    Parameters
    ----------
    path
        Where it lies, or will lie.
    variables
        All that training changes: weights, moving statistics, seeds, the optimizer's slots and counters.
    identity
        What tells this run from another.
    """

    def __init__(self, path: Path, variables: Sequence["keras.Variable"], identity: dict[str, Any]):
        self.path, self.variables, self.identity = path, variables, identity

    def save(self, history: History) -> None:
        """Write the state after the last epoch of ``history``, whole or not at all."""
        values: dict[str, Any] = {f"{i}": np.asarray(variable) for i, variable in enumerate(self.variables)}
        record = json.dumps({"identity": self.identity, "history": history})
        with written_whole(self.path) as draft:
            np.savez(draft, record=np.array(record), **values)

    def restore(self, *, overwrite: bool = False) -> History:
        """Put the variables back where the file left them, and tell what happened until then: nothing, if no file is.

        Raises
        ------
        ValueError
            When the file is another run's and ``overwrite`` does not allow to forget it.
        """
        if not self.path.exists():
            return []
        try:
            with np.load(self.path, allow_pickle=False) as file:
                record = json.loads(str(file["record"]))
                differences = differing(record["identity"], self.identity)
                values = [] if differences else [file[f"{i}"] for i in range(len(self.variables))]
        except (BadZipFile, KeyError, ValueError, EOFError) as error:
            if overwrite:
                return []
            raise ValueError(f"{self.path} is not a checkpoint of this package ({error}). {WAYS_ON}") from error
        if differences:
            if overwrite:
                return []
            raise ValueError(f"{self.path} was left by another run: {'; '.join(differences)}. {WAYS_ON}")
        for variable, value in zip(self.variables, values, strict=True):
            variable.assign(value)
        return record["history"]

    def remove(self) -> None:
        """Take the file away, once it is not needed."""
        self.path.unlink(missing_ok=True)


def differing(there: dict[str, Any], here: dict[str, Any]) -> list[str]:
    """What two identities disagree on, in words."""
    names = [name for name in {**there, **here} if there.get(name) != here.get(name)]
    return [f"{name} is {there.get(name)!r} there and {here.get(name)!r} here" for name in names]


def clear_drafts(folder: Path) -> None:
    """Take away what a killed process left half-written in ``folder``."""
    for draft in folder.glob(".writing-*"):
        shutil.rmtree(draft, ignore_errors=True)
