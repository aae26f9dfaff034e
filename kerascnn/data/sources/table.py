"""A table of paths and labels: a CSV file with the columns path and label, and split where it is split already."""

import csv
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kerascnn.data.checks import checked_files, listed, refuse
from kerascnn.data.dataset import InFiles, Source, Split
from kerascnn.data.splitting import ALL, NAMES, ROLES, Opening, in_order, role_of
from kerascnn.errors import suggest

COLUMNS = ("path", "label", "split")
EXPECTED = (
    "Expected a header and a row per image: path,label or path,label,split, the path relative to the table, the split "
    f"one of {', '.join(ROLES)}."
)


@dataclass(frozen=True)
class Row:
    """A line of the table; ``split`` is empty when there is no such column."""

    line: int
    path: str
    label: str
    split: str = ""


def from_table(table: Path, opening: Opening) -> Source:
    """The data set of a CSV file, in its order.

    Raises ``ValueError`` when the table is not as ``EXPECTED`` or an image cannot be decoded, and
    ``FileNotFoundError`` when images are missing.
    """
    rows = read(table)
    check_rows(rows, table)
    labels = in_order({row.label for row in rows})
    paths = {row.path: table.parent / row.path for row in rows}
    check_present(paths, table)
    problems, seals, known = checked_files(list(paths.values()), opening)
    refuse({path: problems[file] for path, file in paths.items() if file in problems}, "image file", table, opening)
    numbers = {label: number for number, label in enumerate(labels)}
    whole = Split(
        np.array([str(paths[row.path]) for row in rows], str),
        {"label": np.array([numbers[row.label] for row in rows], np.int32)},
        InFiles(f"{table.parent}{os.sep}"),
        seals=np.array([seals[paths[row.path]] for row in rows], np.uint64).reshape(-1, 2),
    )
    roles = np.array([role_of(row.split) or ALL for row in rows])
    sound = np.array([paths[row.path] not in problems for row in rows], bool)
    parts = {role: whole.take(sound & (roles == role)) for role in (*ROLES, ALL) if role in roles}
    return Source(parts=parts, labels=labels, channels=3, skipped=tuple(map(str, problems)), note=known)


def read(table: Path) -> list[Row]:
    """The rows of the table, whatever system wrote its line ends. Raises ``ValueError`` when it is no such table."""
    wrong = []
    rows = []
    try:
        with open(table, encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            header = [name.strip() for name in next(reader, [])]
            check_header(header, table)
            for fields in filter(None, reader):
                if len(fields) == len(header):
                    values = dict(zip(header, map(str.strip, fields), strict=True))
                    rows.append(Row(reader.line_num, **values))
                else:
                    wrong.append(f"line {reader.line_num}: {len(fields)} fields, expected {len(header)}")
    except UnicodeDecodeError as error:
        raise ValueError(f"{table} is not UTF-8 text: {error}. Save it as UTF-8. {EXPECTED}") from error
    except csv.Error as error:
        raise ValueError(f"{table} cannot be read as a table: line {reader.line_num}: {error}. {EXPECTED}") from error
    if wrong:
        raise ValueError(f"{len(wrong)} rows of {table} are not as its header:\n{listed(wrong)}\n{EXPECTED}")
    return rows


def check_header(header: list[str], table: Path) -> None:
    """Refuse a header that is not path,label or path,label,split, in any order."""
    for name in header:
        if name not in COLUMNS:
            raise ValueError(f"{table} has the unknown column {name!r}. {suggest(name, COLUMNS)} {EXPECTED}")
        if header.count(name) > 1:
            raise ValueError(f"{table} has the column {name!r} twice. {EXPECTED}")
    for name in COLUMNS[:2]:
        if name not in header:
            raise ValueError(f"{table} has no column {name!r}. {EXPECTED}")


def check_rows(rows: list[Row], table: Path) -> None:
    """Refuse rows that lack something, an unknown split, and images that are listed as two things."""
    wrong = []
    split = any(row.split for row in rows)
    first: dict[str, Row] = {}
    for row in rows:
        before = first.setdefault(row.path, row)
        if not row.path or not row.label:
            wrong.append(f"line {row.line}: no {'label' if row.path else 'path'}")
        elif split and not role_of(row.split):
            wrong.append(f"line {row.line}: the split {row.split!r}. {suggest(row.split, NAMES)}")
        elif (before.label, before.split) != (row.label, row.split):
            wrong.append(f"line {row.line}: {row.path} is another thing than on line {before.line}")
    if wrong:
        raise ValueError(f"{len(wrong)} rows of {table} cannot be understood:\n{listed(wrong)}\n{EXPECTED}")


def check_present(paths: dict[str, Path], table: Path) -> None:
    """Refuse a table that names files that are not there."""
    missing = [path for path, file in paths.items() if not os.path.exists(file)]  # not Path's: a name may be too long
    if missing:
        raise FileNotFoundError(
            f"{len(missing)} of the {len(paths)} files that {table} names are missing:\n{listed(missing)}\n"
            f"Paths are relative to {table.parent}."
        )
