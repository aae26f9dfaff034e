"""What the charts compare: the whole catalogue, with the accuracies that were published."""

import csv
from pathlib import Path

from kerascnn.catalogue import ROWS, find, matching
from kerascnn.ledger import published
from kerascnn.report.chart import Point
from kerascnn.weights.records import all_records

Measured = dict[str, tuple[float, int | None]]  # accuracy in percent, and the side of the images it was measured at


def points(measured: Measured, pattern: str = "*") -> list[Point]:
    """A point for every network whose name matches, at the size of its accuracy or else its own.

    They are of one task, that of the first, as accuracies of others do not compare. Where the ledger has no row at that
    size, the nearest row's multiply-adds are taken in proportion to the area.
    """
    identifiers = {row.name: identifier for identifier, row in reversed(ROWS.items())}
    found = []
    rows = [find(name) for name in matching(pattern)]
    for name, row in ((row.name, row) for row in rows if row.task == rows[0].task):
        top1, size = measured.get(name, (None, None))
        size = size or row.size
        entry = published(name, size)
        if entry is None:  # no other implementation has it, so its cost is not known without building it
            continue
        macs = 1e9 * entry.gmacs * (size / entry.size) ** 2
        family = type(row).__name__.removesuffix("Family")
        found.append(Point(identifiers[name], family, entry.trainable, macs, top1))
    return found


def of_records() -> Measured:
    """The accuracy of every network's default weights."""
    first = {r.network: r for r in reversed(all_records()) if r.top1 is not None and r.top and r.classes == 1000}
    return {name: (r.top1, r.preprocess.size) for name, r in first.items() if r.top1 is not None}


def of_file(path: Path) -> Measured:
    """Accuracies from a table with the columns ``network`` and ``top1``, in percent, and maybe ``size``.

    Raises ``ValueError`` when it is no such table, a network unknown or an accuracy out of range.
    """
    measured: Measured = {}
    try:
        rows = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
        read = [(row["network"], float(row["top1"]), int(row["size"]) if row.get("size") else None) for row in rows]
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} needs the columns network and top1, a name and a percentage: {error}.") from error
    if not read:
        raise ValueError(f"{path} has no rows; it needs the columns network and top1.")
    for network, top1, size in read:
        name = find(network).name
        if not 0 < top1 <= 100:
            raise ValueError(f"{path} says that {name} gets {top1:g} %; top1 is a percentage above 0.")
        measured[name] = (top1, size)
    return measured
