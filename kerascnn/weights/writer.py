"""Who wrote a file: whose names its values have, and below which module or layer of a larger model they stand."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from kerascnn.ledger import Entry, entries
from kerascnn.spec import Row, Style
from kerascnn.weights.formats import Held, recounted, with_parts
from kerascnn.weights.records import Record, all_records
from kerascnn.weights.tables import Section, section

TORCH_SOURCES = ("timm", "torchvision", "pytorchcv", "efficientnet_lite_pytorch")
KERAS_SOURCES = ("keras.applications",)
LEAST = 0.5  # of the values below one module that must have the names of a network for it to be that network


@dataclass(frozen=True)
class Trunk:
    """The values of one network in a file, by its own names."""

    entry: Entry | None  # who wrote it; None: this package
    prefix: str  # what stands before its names in the file
    values: Mapping[str, np.ndarray]
    known: frozenset[str]  # keys of the values that are names of the network
    others: tuple[str, ...]  # layers of the file that are none of the network

    @property
    def fits(self) -> int:
        return len(self.known)


def find_trunk(row: Row, path: Path, held: Held, record: Record | None) -> Trunk:
    """The network ``row`` in a file, and whose implementation of it wrote the file.

    It is the one most of whose names the file has; the file's path decides between several that differ.

    Raises
    ------
    ValueError
        When the file holds no such network, or two, or two implementations could have written it.
    """
    known = [e for e in entries() if e.name == row.name and e.loads]
    sources = TORCH_SOURCES if held.torch else KERAS_SOURCES
    mine = [record.entry] if record and record.source in sources else [e for e in known if e.source in sources]
    found = [trunk for prefix in prefixes(held) for trunk in trunks(row, held, prefix, mine)]
    best = [trunk for trunk in found if trunk.fits == max(each.fits for each in found)]
    if not best:
        raise ValueError(refusal_of_strangers(row, path, known))
    places = {trunk.prefix for trunk in best}
    if len(places) > 1:
        averages = {place for place in places if "ema" in place.lower() or "average" in place.lower()}
        if len(averages) != 1:
            several = " and ".join(sorted(place.rstrip("./") or "the whole" for place in places))
            raise ValueError(f"{path} holds {row.name} {len(places)} times, in {several}. Save one of them alone.")
        held.notes.append(
            f"it has weights and their averages, and the averages are taken, {min(averages).rstrip('./')}"
        )
        best = [trunk for trunk in best if trunk.prefix in averages]
    return choose(row, path, held, best)


def prefixes(held: Held) -> Iterator[str]:
    """What may stand before the names of a network: nothing, or the names of what holds many of the file's values."""
    sign = "." if held.torch else "/"
    counts: dict[str, int] = {"": len(held.values)}
    for key in held.values:
        steps = key.split(sign)
        for i in range(1, len(steps) - 1):
            prefix = sign.join(steps[:i]) + sign
            counts[prefix] = counts.get(prefix, 0) + 1
    return (prefix for prefix, count in counts.items() if 4 * count >= len(held.values))


def trunks(row: Row, held: Held, prefix: str, mine: Iterable[Entry]) -> Iterator[Trunk]:
    """The network as each implementation of ``mine`` would have written it below ``prefix``, and as this package."""
    values = {key.removeprefix(prefix): value for key, value in held.values.items() if key.startswith(prefix)}
    if not held.torch:
        dashed = frozenset(key for key in values if "-" in key.partition("/")[0])  # as all layers here are named
        yield from checked(held, Trunk(None, prefix, values, dashed, ()))
        kinds = {place.removeprefix(prefix): kind for place, kind in held.kinds.items() if place.startswith(prefix)}
        values = recounted(with_parts(values, kinds))
    for entry in mine:
        names = table(row, entry)
        modern = {names.modern(key): value for key, value in values.items()}
        modules = {part for key in modern for part in (key, key.rpartition(".")[0], key.rpartition("/")[0])}
        if names.landmarks() <= modules:
            yield from checked(held, Trunk(entry, prefix, modern, frozenset(names.known(modern)), ()))


def checked(held: Held, trunk: Trunk) -> Iterator[Trunk]:
    """The trunk without what a larger model has beside it, if it is one.

    In a Keras model that goes on from the trunk's own layers, these are the layers behind the last of them. Layers
    among them, or before them, would change what they compute; so they stay, and are refused later.
    """
    written = [key for key in held.values if key.startswith(trunk.prefix)]
    counted = [key for key, value in trunk.values.items() if np.ndim(value)]
    if not trunk.known or len(trunk.known) < LEAST * len(counted):
        return
    last = max(i for i, key in enumerate(trunk.values) if key in trunk.known) if held.ordered else len(written)
    beside = [key for key, value in held.values.items() if not key.startswith(trunk.prefix) and np.ndim(value)]
    others = dict.fromkeys(key.rpartition("." if held.torch else "/")[0] for key in beside + written[last + 1 :])
    values = dict(list(trunk.values.items())[: last + 1])
    yield Trunk(trunk.entry, trunk.prefix, values, trunk.known, tuple(others))


def choose(row: Row, path: Path, held: Held, fitting: list[Trunk]) -> Trunk:
    """The one whose implementation the file, or its path, names; any where they compute the same."""
    if len({str(style_of(row, trunk.entry)) for trunk in fitting}) == 1:
        return fitting[0]
    named = next((n for text in (held.name, path.name, str(path)) if (n := named_in(text, fitting))), [])
    if not named:
        raise ValueError(refusal_to_guess(row, path, [trunk.entry for trunk in fitting if trunk.entry]))
    return max(named, key=lambda trunk: len(trunk.entry.source_name) if trunk.entry else 0)


def named_in(text: str, fitting: list[Trunk]) -> list[Trunk]:
    return [each for each in fitting if each.entry and each.entry.source_name.lower() in text.lower()]


def style_of(row: Row, entry: Entry | None) -> dict[str, Any]:
    """All fields of the style in which ``entry`` draws ``row``."""
    return {each.name: getattr(row.style, each.name) for each in fields(Style)} | (entry.style if entry else {})


def default_record(row: Row, entry: Entry | None) -> Record | None:
    """The first record of the weights that an implementation's own builder loads."""
    mine = [r for r in all_records() if r.network == row.name and entry and r.entry == entry]
    return next((r for r in mine if r.classes == 1000), mine[0] if mine else None)


def refusal_to_guess(row: Row, path: Path, fitting: list[Entry]) -> str:
    """Whose the file may be, in what these differ, and how to say which it is."""
    styles = [style_of(row, entry) for entry in fitting]
    apart = [name for name in styles[0] if len({str(style[name]) for style in styles}) > 1]
    said = []
    for entry, style in zip(fitting, styles, strict=True):
        how = [f"{name.replace('_', ' ')} {style[name]}" for name in apart]
        if record := default_record(row, entry):
            p = record.preprocess
            how += [f"{name} {' '.join(f'{v:g}' for v in getattr(p, name))}" for name in ("mean", "std")]
        said.append(f"{entry.source}'s {entry.source_name} ({', '.join(how)})")
    suffix = "".join(path.suffixes[-2:]) if path.name.endswith(".pth.tar") else path.suffix
    ways = " or ".join(f"{entry.source_name}{suffix}" for entry in fitting)
    return (
        f"{path} could be {' or '.join(said)}. They name their layers alike and compute differently, and the file "
        f"does not say which it is. Find out what it was trained with, and let its name, or its folder's, say so: "
        f"{ways}."
    )


def refusal_of_strangers(row: Row, path: Path, known: list[Entry]) -> str:
    others = sorted({e.name for e in entries() if e.loads and e.source_name.lower() in path.name.lower()} - {row.name})
    way = f"Such a file is for {' or '.join(others)}." if others else "Check the file, or choose the network it is of."
    writers = ", ".join(["kerascnn's", *(f"{e.source}'s {e.source_name}" for e in known)])
    return f"{path} does not hold weights that {row.name} can take: those are files of {writers}. {way}"


def table(row: Row, entry: Entry) -> Section:
    found = section(type(row).__module__.rpartition(".")[2], entry.source, row.name, entry.source_name)
    if found is None:
        raise ValueError(f"There is no table of {entry.source}'s names for {row.name}.")
    return found
