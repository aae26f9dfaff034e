"""The state of a training, whole, in one file: a run that was killed goes on as if it had not been."""

import hashlib
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

import numpy as np

from kerascnn.card import as_json
from kerascnn.data import Data
from kerascnn.files import written_whole
from kerascnn.training.resolve import Resolved

if TYPE_CHECKING:
    import keras

History = list[dict[str, float]]  # one record per finished epoch
WAYS_ON = "Train into another folder (--out), or allow this one to be replaced (--overwrite)."


def identity(facts: dict[str, Any], variables: Sequence["keras.Variable"]) -> dict[str, Any]:
    """What two runs must share for one to continue the other: facts of the run, and the layout of its variables."""
    shapes = [list(variable.shape) for variable in variables]
    layout = hashlib.sha256(json.dumps(shapes).encode()).hexdigest()[:8]
    return {**facts, "state": f"{len(shapes)} variables, {sum(map(np.prod, shapes)):,} numbers, layout {layout}"}


def digest_of(facts: dict[str, Any]) -> str:
    """Sixteen hexadecimal digits that change with the facts of a run."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]


def run_facts(resolved: Resolved, data: Data, **machine: Any) -> dict[str, Any]:
    """What decides a training, as JSON can hold it: folders and files by their content, whatever their names are."""
    facts = as_json(resolved.recipe)
    if resolved.recipe.distill:
        facts["distill"]["teacher"] = digest(resolved.recipe.distill.teacher)
    return {**facts, "data": data.fingerprint, **machine}


def digest(path: str) -> str:
    """Sixteen hexadecimal digits that change with the content of a teacher's file."""
    if not Path(path).is_file():
        raise FileNotFoundError(f"There is no teacher {path}; expected a .keras file with its card beside it.")
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


class Checkpoint:
    """The file that holds a training between two epochs.

    ``variables`` are all that training changes: weights, moving statistics, seeds, the optimizer's slots and counters.
    ``identity`` tells this run from another.
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
    there, here = flat(there), flat(here)
    names = [name for name in {**there, **here} if there.get(name) != here.get(name)]
    return [f"{name} is {there.get(name)!r} there and {here.get(name)!r} here" for name in names]


def flat(facts: dict[str, Any], path: str = "") -> dict[str, Any]:
    """Fields of records by dotted names."""
    found = {}
    for name, value in facts.items():
        found |= flat(value, f"{path}{name}.") if isinstance(value, dict) else {path + name: value}
    return found


def clear_drafts(folder: Path) -> None:
    """Take away what a killed process left half-written in ``folder``."""
    for draft in folder.glob(".writing-*"):
        shutil.rmtree(draft, ignore_errors=True)
