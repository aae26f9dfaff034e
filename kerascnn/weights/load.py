"""Weights from files and by tag: every value finds its place by name, or nothing is loaded and the error says why."""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from kerascnn.errors import suggest
from kerascnn.ledger import Entry, entries
from kerascnn.spec import Row
from kerascnn.weights.cache import fetch
from kerascnn.weights.fill import (
    Bond,
    Mismatch,
    Plan,
    absorb_biases,
    bond_ours,
    bond_theirs,
    plan,
    pour,
    some,
)
from kerascnn.weights.formats import KERAS, KNOWN, OURS, read_ours, read_theirs
from kerascnn.weights.records import all_records, find_record
from kerascnn.weights.tables import Section, section

TORCH_SOURCES = ("timm", "torchvision", "pytorchcv")
KERAS_SOURCES = ("keras.applications",)


@dataclass(frozen=True)
class Given:
    """Weights that were asked for: a file, and whose network it holds.

    ``row`` is the network in the style of those who trained the weights: padding and batch norm's epsilon differ
    between implementations, and the numbers are right only in theirs.
    """

    path: Path
    row: Row
    entry: Entry | None = None  # None for files of ours
    held: Mapping[str, np.ndarray] | None = None
    bgr: bool = False

    def fill(self, model: keras.Model, new_classifier: bool) -> None:
        """Fill ``model``, drawn from ``row``.

        A classifier for another number of classes than the file's stays new where ``new_classifier`` allows it. A
        first convolution is adapted to the image's channels, and position embeddings are resized to its patches. A
        warning says each.

        Raises
        ------
        ValueError
            When a variable has no value, a value no variable, or a shape differs; the model is as it was.
        """
        held = read(self.path, lambda: read_ours(self.path, model)) if self.held is None else self.held
        bonds, spare = self.of_ours(model, held) if self.entry is None else self.of_theirs(model, held)
        made = plan(model, held, bonds, self.bgr)
        absorbed = [] if made.missing or made.unequal else list(absorb_biases(model, made, held, bonds))
        used = {bond.key for bond in bonds} | spare | set(absorbed)
        refuse_what_does_not_fit(model, self.path, made, [key for key in held if key not in used])
        if made.fresh and not new_classifier:
            kernel = next(bond for bond in bonds if bond.variable.path == made.fresh[0])
            classes = kernel.read(held[kernel.key]).shape[-1]
            raise ValueError(
                f"{self.path} has {classes} classes, and {model.name} was drawn for {kernel.variable.shape[-1]}. Pass "
                f"classes={classes} to keep the file's classifier, another number for a new one, or include_top=False."
            )
        pour(model, made)
        for note in made.notes:
            warnings.warn(f"{self.path.name}: {note}.", stacklevel=2)

    def of_ours(self, model: keras.Model, held: Mapping[str, np.ndarray]) -> tuple[list[Bond], set[str]]:
        """What each variable takes from a file of ours, and the keys that ``model`` may leave."""
        whole = has_head(model)
        return bond_ours(model), {key for key in held if key.startswith("auxiliary") or (is_head(key) and not whole)}

    def of_theirs(self, model: keras.Model, held: Mapping[str, np.ndarray]) -> tuple[list[Bond], set[str]]:
        """The same of a file of others."""
        entry: Any = self.entry
        names, whole = table(self.row, entry), has_head(model)
        try:
            bonds = bond_theirs(model, names, entry.source in TORCH_SOURCES, held)
        except Mismatch as error:
            raise ValueError(f"{self.path} cannot be read as {entry.source}'s {entry.source_name}: {error}.") from error
        return bonds, {
            key
            for key in held
            if names.leaves(key) or key.endswith("num_batches_tracked") or (names.is_head(key) and not whole)
        }


def find_weights(row: Row, weights: str | Path, include_top: bool = True) -> Given:
    """Know the file and its author before the network is drawn; download it where a tag is given.

    Raises
    ------
    FileNotFoundError
        When there is no such file, or it would have to be downloaded and may not be.
    ConnectionError
        When a download fails.
    ValueError
        When there is no such tag, or the file holds no weights for this network, or could be that of two
        implementations that differ.
    """
    path = Path(weights)
    if is_path(path):
        record = next((r for r in all_records() if r.network == row.name and r.file == path.name), None)
    else:
        record = find_record(row.name, str(weights), include_top)
        path = fetch(record)
    if path.name.endswith(OURS):
        return Given(path, row)
    held = read(path, lambda: read_theirs(path))
    entry = record.entry if record else author(row, path, held)
    return Given(path, replace(row, style=replace(row.style, **entry.style)), entry, held, bool(record and record.bgr))


def table(row: Row, entry: Entry) -> Section:
    found = section(type(row).__module__.rpartition(".")[2], entry.source, row.name, entry.source_name)
    if found is None:
        raise ValueError(f"There is no table of {entry.source}'s names for {row.name}.")
    return found


def author(row: Row, path: Path, held: Mapping[str, np.ndarray]) -> Entry:
    """Whose implementation of ``row`` wrote the file: those whose names it has, told apart by its path."""
    sources = KERAS_SOURCES if path.name.endswith(KERAS) else TORCH_SOURCES
    known = [e for e in entries() if e.name == row.name and e.loads]
    fitting = [e for e in known if e.source in sources and landmarks_stand(table(row, e), held)]
    if not fitting:
        raise ValueError(refusal_of_strangers(row, path, known))
    if all(e.style == fitting[0].style for e in fitting):
        return fitting[0]
    named = named_in(path.name, fitting) or named_in(str(path), fitting)
    if not named:
        choices = " or ".join(f"{e.source}'s {e.source_name}" for e in fitting)
        raise ValueError(
            f"{path} could be {choices}, which compute differently. Let the file's name, or its folder's, "
            f"begin with that name: {fitting[0].source_name}{path.suffix}."
        )
    return max(named, key=lambda e: len(e.source_name))


def named_in(text: str, fitting: list[Entry]) -> list[Entry]:
    return [e for e in fitting if e.source_name.lower() in text.lower()]


def landmarks_stand(names: Section, held: Mapping[str, np.ndarray]) -> bool:
    modules = (
        {key for key in held} | {key.rpartition(".")[0] for key in held} | {key.rpartition("/")[0] for key in held}
    )
    return names.landmarks() <= modules


def refusal_of_strangers(row: Row, path: Path, known: list[Entry]) -> str:
    others = sorted({e.name for e in entries() if e.loads and e.source_name.lower() in path.name.lower()} - {row.name})
    way = f"Such a file is for {' or '.join(others)}." if others else "Check the file, or choose the network it is of."
    ours = ", ".join(f"{e.source}'s {e.source_name}" for e in known) or "nobody else"
    return f"{path} does not hold weights that {row.name} can take: those are files of ours and of {ours}. {way}"


def is_head(path: str) -> bool:
    return path.startswith("head-")


def has_head(model: keras.Model) -> bool:
    return any(is_head(w.path) for w in model.weights)


def refuse_what_does_not_fit(model: keras.Model, path: Path, made: Plan, unused: list[str]) -> None:
    kinds = {"missing": made.missing, "left over": unused, "of another shape": made.unequal}
    if any(kinds.values()):
        difference = "; ".join(f"{kind} {some(keys)}" for kind, keys in kinds.items() if keys)
        raise ValueError(
            f"{path} does not hold the weights of {model.name}: {difference}. "
            f"Draw the network that the file was written from, with the same arguments."
        )


def to_theirs(model: keras.Model, row: Row, entry: Entry, like: Mapping[str, np.ndarray]) -> dict:
    """Our values in the layout of another implementation: the way back.

    Parameters
    ----------
    model, row
        A network of ours with its classifier, and its row.
    entry
        The implementation, as the ledger has it.
    like
        Its own values, of which names, shapes and what we lack are taken; biases before batch norm become 0.

    Returns
    -------
    dict
        Values by their keys.
    """
    bonds = bond_theirs(model, table(row, entry), entry.source in TORCH_SOURCES, like)
    given = {key: np.array(value) for key, value in like.items()}
    for bond in bonds:
        if bond.bias in given:
            given[bond.bias][...] = 0
    for bond in bonds:  # where our numbers stand among theirs is what reading the numbers 0, 1, 2 ... tells
        if bond.key in given:
            order = bond.read(np.arange(given[bond.key].size).reshape(given[bond.key].shape))
            given[bond.key].flat[order.ravel()] = np.ravel(bond.variable)
    return given


def read(path: Path, how: Callable[[], dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    try:
        return how()
    except (ImportError, ValueError):
        raise
    except Exception as error:  # each format's library has its own ways to say so
        raise ValueError(f"{path} is damaged, or is no file of weights: {error}. Copy or write it again.") from error


def is_path(path: Path) -> bool:
    """Whether ``weights`` names a file rather than a tag; raises where the file is missing or of no known kind."""
    known = path.name.endswith(KNOWN)
    if path.is_file():
        if not known:
            raise ValueError(f"weights must be a file ending in {', '.join(KNOWN)}, got {path}.")
        return True
    if known or len(path.parts) > 1:
        raise FileNotFoundError(f"There is no file {path}. {suggest(path.name, siblings(path))}".rstrip())
    return False


def siblings(path: Path) -> list[str]:
    return [p.name for p in path.parent.glob("*") if p.is_file()] if path.parent.is_dir() else []
