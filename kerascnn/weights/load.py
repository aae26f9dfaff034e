"""Weights from files and by tag: every value finds its place by name, or nothing is loaded and the error says why."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import keras
import numpy as np

from kerascnn.errors import suggest
from kerascnn.ledger import Entry
from kerascnn.spec import Preprocess, Row
from kerascnn.weights.cache import fetch
from kerascnn.weights.fill import KeyMapping, Plan, absorb_biases, make_plan, map_foreign, some
from kerascnn.weights.formats import KNOWN, Held, read_file
from kerascnn.weights.records import find_record, has_record, record_of
from kerascnn.weights.writer import TORCH_SOURCES, default_record, find_trunk, table


@dataclass(frozen=True)
class WeightSource:
    """Weights that were asked for: a file, and whose implementation wrote it.

    ``row`` is the network in the style of those who trained the weights: padding and batch norm's epsilon differ
    between implementations, and the numbers are right only in theirs.
    """

    path: Path
    row: Row
    entry: Entry | None  # None for files of this package
    values: Mapping[str, np.ndarray]
    bgr: bool = False
    notes: tuple[str, ...] = ()  # what is to be said about the choice of these values

    def fill(self, model: keras.Model, new_classifier: bool) -> set[str]:
        """Fill ``model``, built from ``row``; gives the paths of the variables that have a value of the file now.

        A classifier for another number of classes than the file's stays random where ``new_classifier`` allows it, and
        so does one that the file lacks. A first convolution is adapted to the image's channels, and position
        embeddings are resized to its patches. A warning tells of each, and of values that are no numbers.

        Raises
        ------
        ValueError
            When a variable has no value, a value no variable, or a shape differs; the model is as it was.
        """
        values = numbered_as(model, self.values) if self.entry is None else self.values
        mappings, spare, head = self.mappings(model, values)
        plan = make_plan(model, values, mappings, self.bgr, headless=not head)
        absorbed = [] if plan.missing or plan.unequal else list(absorb_biases(model, plan, values, mappings))
        used = {mapping.key for mapping in mappings} | spare | set(absorbed)
        refuse_what_does_not_fit(model, self.path, plan, [key for key in values if key not in used])
        if plan.fresh and not new_classifier:
            refuse_another_classifier(model, self.path, plan, mappings, values)
        for w in model.weights:
            if w.path in plan.values:
                w.assign(plan.values[w.path])
        for note in [*self.notes, *plan.notes, *not_finite(plan)]:
            warnings.warn(f"{self.path.name}: {note}.", stacklevel=2)
        return {*plan.values}

    def mappings(
        self, model: keras.Model, values: Mapping[str, np.ndarray]
    ) -> tuple[list[KeyMapping], set[str], set[str]]:
        """The key that each variable takes from the file, the keys that may be left over, and the classifier's."""
        whole = any(w.path.startswith("head-") for w in model.weights)
        if self.entry is None:
            head = {key for key in values if key.startswith("head-")}
            spare = {key for key in values if key.startswith("auxiliary")} | (set() if whole else head)
            return [KeyMapping(w, w.path) for w in model.weights], spare, head  # this package has the model's names
        names = table(self.row, self.entry)
        try:
            mappings = map_foreign(model, names, self.entry.source in TORCH_SOURCES, values)
        except ValueError as error:
            writer = f"{self.entry.source}'s {self.entry.source_name}"
            raise ValueError(f"{self.path} cannot be read as {writer}: {error}.") from error
        head = {key for key in values if names.is_head(key)}
        spare = {key for key in values if names.leaves(key) or key.endswith("num_batches_tracked")}
        return mappings, spare | (set() if whole else head), head


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
        record = record_of(row.name, path)
    else:
        record = find_record(row.name, str(weights), include_top)
        path = fetch(record)
    held = read(path)
    trunk = find_trunk(row, path, held, record)
    if trunk.others:
        held.notes.append(f"left out is what does not belong to {row.name}: {some(list(trunk.others))}")
    style = replace(row.style, **trunk.entry.style) if trunk.entry else row.style
    bgr = bool(record and trunk.entry == record.entry and record.bgr)
    return WeightSource(path, replace(row, style=style), trunk.entry, trunk.values, bgr, tuple(held.notes))


def preprocess_of(row: Row, weights: str | Path | None, channels: int) -> Preprocess:
    """How images of so many channels were prepared for weights; to -1..1 where there are none."""
    if weights is None:
        return Preprocess(size=row.size, mean=(0.5,) * channels, std=(0.5,) * channels)
    return (recorded(row, weights) or assumed_preprocess(row, Path(weights))).for_channels(channels)


def recorded(row: Row, weights: str | Path) -> Preprocess | None:
    """How images were prepared for the weights of a tag or of a published file; None for any other file."""
    if not is_path(path := Path(weights)):
        network = row.name if has_record(row.name, str(weights)) else row.weights_of
        return find_record(network, str(weights)).preprocess
    record = record_of(row.name, path) or record_of(row.weights_of, path)
    return record.preprocess if record else None


def assumed_preprocess(row: Row, path: Path) -> Preprocess:
    """How images were prepared, presumably, for weights in a file of which nothing is recorded.

    It is what the published weights of the implementation that wrote it want, else ImageNet's averages; a warning says
    so.
    """
    source = find_weights(row, path)
    like = default_record(row, source.entry)
    found = like.preprocess if like else Preprocess(size=row.size)
    of = f"those of the weights {like.name}" if like else "ImageNet's"
    mean, std = (", ".join(f"{v:.3g}" for v in values) for values in (found.mean, found.std))
    blue = " These see blue first, and the file's are taken to see red first." if like and like.bgr else ""
    warnings.warn(
        f"Nothing says how images were prepared for {path}; assumed are {of}: mean {mean}, std {std}.{blue} Say it in "
        f"the recipe's input, or lay a card beside the file.",
        stacklevel=2,
    )
    return found


def numbered_as(model: keras.Model, values: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Values whose layer's variables the file numbers, by the names that these have in the model."""
    parts: dict[str, list[str]] = {}
    for w in model.weights:
        place, _, part = w.path.rpartition("/")
        parts.setdefault(place, []).append(part)
    found = {}
    for key, value in values.items():
        place, _, i = key.rpartition("/")
        known = parts.get(place, [])
        found[f"{place}/{known[int(i)]}" if i.isdecimal() and int(i) < len(known) else key] = value
    return found


def not_finite(plan: Plan) -> list[str]:
    wrong = [path for path, value in plan.values.items() if not np.isfinite(value).all()]
    return [f"it has values that are no finite numbers, in {some(wrong)}"] if wrong else []


def refuse_another_classifier(
    model: keras.Model, path: Path, plan: Plan, mappings: list[KeyMapping], values: Mapping[str, np.ndarray]
) -> None:
    kernel = next(mapping for mapping in mappings if mapping.variable.path == plan.fresh[0])
    if kernel.key not in values:
        raise ValueError(
            f"{path} has no classifier. Pass include_top=False for {model.name} without one, or classes=... for a new "
            f"one, which has to be trained."
        )
    classes = kernel.convert(values[kernel.key]).shape[-1]
    if kernel.variable.shape[-1] not in {x.shape[-1] for x in model.outputs}:
        raise ValueError(
            f"{path} scores other classes than {model.name} was built for: {kernel.key} has {classes} outputs, "
            f"expected {kernel.variable.shape[-1]}. Pass classes=..., the file's number to keep its classifier, "
            f"another for a new one; or include_top=False."
        )
    raise ValueError(
        f"{path} has {classes} classes, and {model.name} was built for {kernel.variable.shape[-1]}. Pass "
        f"classes={classes} to keep the file's classifier, another number for a new one, or include_top=False."
    )


def refuse_what_does_not_fit(model: keras.Model, path: Path, plan: Plan, unused: list[str]) -> None:
    kinds = {"missing": plan.missing, "left over": unused, "of another shape": plan.unequal}
    if any(kinds.values()):
        difference = "; ".join(f"{kind} {some(keys)}" for kind, keys in kinds.items() if keys)
        raise ValueError(
            f"{path} does not hold the weights of {model.name}: {difference}. "
            f"Build the network that the file was written from, with the same arguments."
        )


def read(path: Path) -> Held:
    try:
        return read_file(path)
    except Exception as error:  # each format's library has its own ways to say so
        said = str(error).strip().rstrip(".") or type(error).__name__
        raise ValueError(f"{path} is damaged, or is no file of weights: {said}. Copy or write it again.") from error


def is_path(path: Path) -> bool:
    """Whether ``weights`` names a file rather than a tag; raises where the file is missing or of no known kind."""
    known = path.name.endswith(KNOWN)
    if path.is_file():
        if not known:
            raise ValueError(f"weights must be a file ending in {', '.join(KNOWN)}, got {path}.")
        return True
    if known or len(path.parts) > 1:
        if path.exists():
            what = "a folder" if path.is_dir() else "a pipe or a device"
            raise ValueError(f"weights must be a file ending in {', '.join(KNOWN)}; {path} is none, but {what}.")
        beside = [other.name for other in path.parent.glob("*") if other.is_file()]
        raise FileNotFoundError(f"There is no file {path}. {suggest(path.name, beside)}".rstrip())
    return False
