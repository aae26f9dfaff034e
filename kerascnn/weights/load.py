"""Weights from files and by tag: every value finds its place by name, or nothing is loaded and the error says why."""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import keras
import numpy as np

from kerascnn.errors import suggest
from kerascnn.ledger import Entry, entries
from kerascnn.spec import Row
from kerascnn.weights.cache import fetch
from kerascnn.weights.fill import KeyMapping, Plan, absorb_biases, make_plan, map_foreign, some
from kerascnn.weights.formats import KERAS, KNOWN, NATIVE, read_foreign, read_native
from kerascnn.weights.records import all_records, find_record
from kerascnn.weights.tables import Section, section

TORCH_SOURCES = ("timm", "torchvision", "pytorchcv")
KERAS_SOURCES = ("keras.applications",)


@dataclass(frozen=True)
class WeightSource:
    """Weights that were asked for: a file, and whose implementation wrote it.

    ``row`` is the network in the style of those who trained the weights: padding and batch norm's epsilon differ
    between implementations, and the numbers are right only in theirs.
    """

    path: Path
    row: Row
    entry: Entry | None = None  # None for files of this package
    values: Mapping[str, np.ndarray] | None = None  # None: read when a model is filled
    bgr: bool = False

    def fill(self, model: keras.Model, new_classifier: bool) -> None:
        """Fill ``model``, built from ``row``.

        A classifier for another number of classes than the file's stays random where ``new_classifier`` allows it. A
        first convolution is adapted to the image's channels, and position embeddings are resized to its patches. A
        warning tells of each.

        Raises
        ------
        ValueError
            When a variable has no value, a value no variable, or a shape differs; the model is as it was.
        """
        values = self.values
        if values is None:
            values = read(self.path, lambda: read_native(self.path, model))
        mappings, spare = self.mappings(model, values)
        plan = make_plan(model, values, mappings, self.bgr)
        absorbed = [] if plan.missing or plan.unequal else list(absorb_biases(model, plan, values, mappings))
        used = {mapping.key for mapping in mappings} | spare | set(absorbed)
        refuse_what_does_not_fit(model, self.path, plan, [key for key in values if key not in used])
        if plan.fresh and not new_classifier:
            kernel = next(mapping for mapping in mappings if mapping.variable.path == plan.fresh[0])
            classes = kernel.convert(values[kernel.key]).shape[-1]
            raise ValueError(
                f"{self.path} has {classes} classes, and {model.name} was built for {kernel.variable.shape[-1]}. Pass "
                f"classes={classes} to keep the file's classifier, another number for a new one, or include_top=False."
            )
        for w in model.weights:
            if w.path in plan.values:
                w.assign(plan.values[w.path])
        for note in plan.notes:
            warnings.warn(f"{self.path.name}: {note}.", stacklevel=2)

    def mappings(self, model: keras.Model, values: Mapping[str, np.ndarray]) -> tuple[list[KeyMapping], set[str]]:
        """The key that each variable takes from the file, and the keys that ``model`` may leave out."""
        whole = any(w.path.startswith("head-") for w in model.weights)
        if self.entry is None:
            spare = {key for key in values if key.startswith("auxiliary" if whole else ("auxiliary", "head-"))}
            return [KeyMapping(w, w.path) for w in model.weights], spare  # a file of this package has the model's names
        names = table(self.row, self.entry)
        try:
            mappings = map_foreign(model, names, self.entry.source in TORCH_SOURCES, values)
        except ValueError as error:
            writer = f"{self.entry.source}'s {self.entry.source_name}"
            raise ValueError(f"{self.path} cannot be read as {writer}: {error}.") from error
        return mappings, {
            key
            for key in values
            if names.leaves(key) or key.endswith("num_batches_tracked") or (names.is_head(key) and not whole)
        }


def find_weights(row: Row, weights: str | Path, include_top: bool = True) -> WeightSource:
    """Find the file and whose implementation wrote it, before the network is built; a tag's file is downloaded.

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
    if path.name.endswith(NATIVE):
        return WeightSource(path, row)
    values = read(path, lambda: read_foreign(path))
    entry = record.entry if record else author(row, path, values)
    return WeightSource(
        path, replace(row, style=replace(row.style, **entry.style)), entry, values, bool(record and record.bgr)
    )


def table(row: Row, entry: Entry) -> Section:
    found = section(type(row).__module__.rpartition(".")[2], entry.source, row.name, entry.source_name)
    if found is None:
        raise ValueError(f"There is no table of {entry.source}'s names for {row.name}.")
    return found


def author(row: Row, path: Path, values: Mapping[str, np.ndarray]) -> Entry:
    """Whose implementation of ``row`` wrote the file: the one whose names it has; its path decides between several."""
    sources = KERAS_SOURCES if path.name.endswith(KERAS) else TORCH_SOURCES
    known = [e for e in entries() if e.name == row.name and e.loads]
    modules = {part for key in values for part in (key, key.rpartition(".")[0], key.rpartition("/")[0])}
    fitting = [e for e in known if e.source in sources and table(row, e).landmarks() <= modules]
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


def refusal_of_strangers(row: Row, path: Path, known: list[Entry]) -> str:
    others = sorted({e.name for e in entries() if e.loads and e.source_name.lower() in path.name.lower()} - {row.name})
    way = f"Such a file is for {' or '.join(others)}." if others else "Check the file, or choose the network it is of."
    writers = ", ".join(["kerascnn's", *(f"{e.source}'s {e.source_name}" for e in known)])
    return f"{path} does not hold weights that {row.name} can take: those are files of {writers}. {way}"


def refuse_what_does_not_fit(model: keras.Model, path: Path, plan: Plan, unused: list[str]) -> None:
    kinds = {"missing": plan.missing, "left over": unused, "of another shape": plan.unequal}
    if any(kinds.values()):
        difference = "; ".join(f"{kind} {some(keys)}" for kind, keys in kinds.items() if keys)
        raise ValueError(
            f"{path} does not hold the weights of {model.name}: {difference}. "
            f"Build the network that the file was written from, with the same arguments."
        )


def read(path: Path, reader: Callable[[], dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    try:
        return reader()
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
        beside = [other.name for other in path.parent.glob("*") if other.is_file()]
        raise FileNotFoundError(f"There is no file {path}. {suggest(path.name, beside)}".rstrip())
    return False
