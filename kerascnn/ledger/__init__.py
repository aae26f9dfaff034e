"""Parameters and multiply-adds of every network in other implementations, which the networks here must match.

Each family's ``.csv`` has a row for each network and each independent implementation of it, counted by building that
implementation. A row that differs from the network here says why; a row whose weights load here says so, and in which
fields the style of that implementation differs.
"""

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from kerascnn.spec import Style

__all__ = ["Entry", "entries", "human", "published"]


@dataclass(frozen=True)
class Entry:
    """What one implementation counts for one network.

    Parameters
    ----------
    name
        The network's name in the catalogue.
    source, source_name
        The implementation, and what the network is called there.
    size
        Side of the square image at which the multiply-adds were counted, in pixels.
    trainable, parameters
        Parameters that training changes, and all.
    gmacs
        Multiply-adds of convolutions and dense layers, in billions.
    style
        Fields of :class:`kerascnn.spec.Style` that this implementation has otherwise than the catalogue's row.
    loads
        Whether its weights load into the network here, built in that style, which then computes the same.
    deviation
        Why the numbers differ from those here; empty when they do not.
    """

    name: str
    source: str
    source_name: str
    size: int
    trainable: int
    parameters: int
    gmacs: float
    style: dict[str, str | float | bool]
    loads: bool
    deviation: str


@cache
def entries() -> tuple[Entry, ...]:
    """Every row of the ledger, family after family."""
    tables = sorted((t for t in files("kerascnn.ledger").iterdir() if t.name.endswith(".csv")), key=lambda t: t.name)
    return tuple(entry(row) for t in tables for row in csv.DictReader(t.read_text(encoding="utf-8").splitlines()))


def entry(row: dict[str, str]) -> Entry:
    return Entry(
        name=row["name"],
        source=row["source"],
        source_name=row["source_name"],
        size=int(row["size"]),
        trainable=int(row["trainable"]),
        parameters=int(row["parameters"]),
        gmacs=float(row["gmacs"]),
        style=dict(style_field(text) for text in row["style"].split()),
        loads=row["loads"] == "yes",
        deviation=row["deviation"],
    )


def style_field(text: str) -> tuple[str, str | float | bool]:
    """A field of a style as the ledger spells it: ``padding=symmetric``, ``epsilon=1e-5``, ``count_padding=yes``."""
    name, _, value = text.partition("=")
    kind = type(getattr(Style, name))
    return name, value == "yes" if kind is bool else kind(value)


def published(name: str, size: int) -> Entry | None:
    """The entry for ``name`` whose numbers hold for the network here too, at ``size`` or the nearest; None if none."""
    agreeing = [entry for entry in entries() if entry.name == name and not entry.deviation]
    return min(agreeing, key=lambda entry: abs(entry.size - size), default=None)


def human(count: float) -> str:
    """Three digits and a unit: 25.6 M."""
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if count >= size:
            return f"{float(f'{count / size:.3g}'):g} {unit}"
    return f"{count:g}"
