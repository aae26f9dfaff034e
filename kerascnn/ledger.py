"""What others' implementations of every network count: the numbers that ours are held against.

``ledger.csv`` has a row for each network and each independent implementation of it, measured by making that
implementation and counting. A row that differs from ours says why.
"""

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


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
        Multiply-adds of convolutions and dense layers, in thousands of millions.
    deviation
        Why the numbers differ from ours; empty when they do not.
    """

    name: str
    source: str
    source_name: str
    size: int
    trainable: int
    parameters: int
    gmacs: float
    deviation: str


@cache
def entries() -> tuple[Entry, ...]:
    """Every row of the ledger."""
    text = files("kerascnn").joinpath("ledger.csv").read_text(encoding="utf-8")
    return tuple(
        Entry(
            row["name"],
            row["source"],
            row["source_name"],
            int(row["size"]),
            int(row["trainable"]),
            int(row["parameters"]),
            float(row["gmacs"]),
            row["deviation"],
        )
        for row in csv.DictReader(text.splitlines())
    )


def published(name: str, size: int) -> Entry:
    """An entry for ``name`` that ours agrees with, at ``size`` where one was counted there."""
    agreeing = [entry for entry in entries() if entry.name == name and not entry.deviation]
    return min(agreeing, key=lambda entry: abs(entry.size - size))


def human(count: float) -> str:
    """Three digits and a unit: 25.6 M."""
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if count >= size:
            return f"{float(f'{count / size:.3g}'):g} {unit}"
    return f"{count:g}"
