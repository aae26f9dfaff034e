"""The state of a training, whole, in one file: a run that was killed goes on as if it had not been."""

import hashlib
import json
import os
import shutil
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

import numpy as np

from kerascnn.card import Card, as_json
from kerascnn.data import Data
from kerascnn.files import broken_seal, seal, written_whole
from kerascnn.training.resolve import Resolved

if TYPE_CHECKING:
    import keras

History = list[dict[str, float]]  # one record per finished epoch
FILES = ("checkpoint.npz", "checkpoint.previous.npz", "state.npz")  # the last, the one before; of a finished training
DAMAGES = (BadZipFile, KeyError, ValueError, TypeError, EOFError)  # what reading a damaged file raises
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


def is_finished(model_file: Path, facts: dict[str, Any]) -> bool:
    """Whether ``model_file`` came of this very run; what is exported afterwards does not matter."""
    card = Card.beside(model_file) if model_file.is_file() else None
    return card is not None and card.facts.get("run") == digest_of(facts)


def digest(path: str) -> str:
    """Sixteen hexadecimal digits that change with the content of a teacher's file."""
    if not Path(path).is_file():
        raise FileNotFoundError(f"There is no teacher {path}; expected a .keras file with its card beside it.")
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


@dataclass(frozen=True)
class Place:
    """How far a training has come: so many epochs, and steps of the one after them."""

    history: History
    step: int = 0
    seconds: float = 0.0  # that these steps took
    meters: Sequence[np.ndarray] = ()  # what the meters hold of these steps, as ``Meters`` gives it

    @property
    def begun(self) -> bool:
        """Whether it is not the start."""
        return bool(self.history or self.step)

    def __str__(self) -> str:
        epochs = len(self.history)
        return f"step {self.step} of epoch {epochs + 1}" if self.step else f"epoch {epochs}"


@dataclass(frozen=True)
class Saved:
    """What a file holds of a training: where it was, what told it from others, and the values of its variables."""

    path: Path
    place: Place
    identity: dict[str, Any]
    values: list[np.ndarray]


class Checkpoint:
    """The files that hold a training: the last state, the one before it, and what is kept once it is finished.

    Each is sealed by a hash of all its bytes. ``variables`` are all that training changes: weights, moving statistics,
    seeds, the optimizer's slots and counters. ``identity`` tells this run from another.
    """

    def __init__(self, folder: Path, variables: Sequence["keras.Variable"], identity: dict[str, Any]):
        self.path, self.previous, self.finished = (folder / name for name in FILES)
        self.variables, self.identity = variables, identity
        self._last: Path | None = None  # the file that holds the last state of this run, whole
        self._writer, self._writing = ThreadPoolExecutor(1), None

    def save(self, place: Place, *, wait: bool = True) -> bool:
        """Write the state at ``place``, whole or not at all; unless it is to wait, a thread does, of what it is now.

        What goes wrong in the thread is raised by the next call. A state whose weights are not finite any more is not
        written, and the answer says so.
        """
        self.wait()
        values = [np.array(variable) for variable in self.variables]
        weights = [value for value, variable in zip(values, self.variables, strict=True) if variable.trainable]
        if not all(np.isfinite(value).all() for value in [*weights, *place.meters]):
            return False
        self._writing = self._writer.submit(self._write, place, values)
        if wait:
            self.wait()
        return True

    def wait(self) -> None:
        """Come back when nothing is being written."""
        writing, self._writing = self._writing, None
        if writing:
            writing.result()

    def _write(self, place: Place, values: list[np.ndarray]) -> None:
        record = {**vars(place), "meters": len(place.meters), "identity": self.identity}
        arrays: dict[str, Any] = {f"{number}": value for number, value in enumerate([*place.meters, *values])}
        with written_whole(self.path) as draft:
            np.savez(draft, record=np.array(json.dumps(record)), **arrays)
            seal(draft)
            if self._last == self.path:
                keep(self.path, self.previous)
        self._last = self.path

    def read(self, *, finished: bool = False) -> Saved | None:
        """The last state; when its file is damaged, the one before, and a warning says so. None: there is none.

        Without either, that which a ``finished`` training has kept, if it is wanted. Raises ``ValueError`` when nothing
        that is there is whole.
        """
        damaged = ""
        paths = [path for path in (self.path, self.previous) if path.exists()]
        if not paths and finished and self.finished.exists():
            paths = [self.finished]
        for path in paths:
            try:
                saved = read(path)
            except DAMAGES as error:
                damaged = damaged or f"{path} is not a checkpoint of this package, or damaged: {error}."
                continue
            if damaged:
                warnings.warn(
                    f"{damaged} All that was learned after {saved.place} is lost; going on from {path}, the checkpoint "
                    "before it.",
                    stacklevel=2,
                )
            return saved
        if damaged:
            raise ValueError(f"{damaged} {WAYS_ON}")
        return None

    def put_back(self, saved: Saved) -> None:
        """Give the variables the values that were saved."""
        for variable, value in zip(self.variables, saved.values, strict=True):
            variable.assign(value)
        self._last = saved.path

    def finish(self) -> None:
        """Keep the last state for a longer training, and nothing else."""
        for path in {self.path, self.previous} - {self._last}:
            path.unlink(missing_ok=True)
        if self._last:
            os.replace(self._last, self.finished)

    def close(self) -> None:
        """Let the thread end what it writes."""
        self._writer.shutdown()


def read(path: Path) -> Saved:
    """Read a file of a training, every bit of which is checked; raises one of ``DAMAGES`` otherwise."""
    if trouble := broken_seal(path):
        raise ValueError(trouble)
    with np.load(path, allow_pickle=False) as file:
        record = json.loads(str(file["record"]))
        arrays = [file[f"{number}"] for number in range(len(file.files) - 1)]
    identity, meters = record.pop("identity"), record.pop("meters")
    return Saved(path, Place(**record, meters=arrays[:meters]), identity, arrays[meters:])


def keep(path: Path, beside: Path) -> None:
    """Let the content of a file stand under a second name too, in place of what stood there."""
    with written_whole(beside) as draft:
        try:
            os.link(path, draft)
        except OSError:  # a file system without links
            shutil.copyfile(path, draft)


def differing(there: dict[str, Any], here: dict[str, Any]) -> dict[str, str]:
    """What two identities disagree on: in words, by dotted name."""
    there, here = flat(there), flat(here)
    names = [name for name in {**there, **here} if there.get(name) != here.get(name)]
    return {name: f"{name} is {there.get(name)!r} there and {here.get(name)!r} here" for name in names}


def flat(facts: dict[str, Any], path: str = "") -> dict[str, Any]:
    """Fields of records by dotted names."""
    found = {}
    for name, value in facts.items():
        found |= flat(value, f"{path}{name}.") if isinstance(value, dict) else {path + name: value}
    return found
