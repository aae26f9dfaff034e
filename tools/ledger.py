"""Measure other implementations again, and check the ledger's numbers by them.

Each row of ``kerascnn/ledger/*.csv`` whose source can be installed here (timm, torchvision, pytorchcv and
keras.applications: the extra ``parity``) is built without weights and counted at its size. What differs is written
into the columns ``trainable``, ``parameters`` and ``gmacs``; with --check it is only said. A new row needs only
``name,source,source_name``: its empty columns are filled. Rows of other sources stay as they were typed.
"""

import argparse
import csv
import io
import sys
from collections import Counter
from fnmatch import fnmatchcase
from pathlib import Path

from kerascnn.catalogue import find, plain
from kerascnn.files import write_text
from kerascnn.progress import track

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))
from references import installed, measure  # noqa: E402

DIGITS = 1e-6  # G; the multiply-adds have six decimals


def main() -> None:
    options = parser().parse_args()
    tables = {path: list(csv.DictReader(io.StringIO(path.read_text()))) for path in options.ledger.glob("*.csv")}
    asked = [row for path in sorted(tables) for row in tables[path] if is_asked(row, options)]
    if not asked:
        sys.exit("No row of the ledger matches.")
    rows = [row for row in asked if installed(row["source"])]
    wrong = [message for row in track(rows, "counting") if (message := correct(row))]
    typed = Counter(row["source"] for row in asked if not installed(row["source"]))
    print("\n".join(wrong + [f"as typed: {rows} of {source}" for source, rows in sorted(typed.items())]))
    print(f"{len(rows)} rows measured, {len(wrong)} of them differ")
    if options.check:
        sys.exit(bool(wrong))
    for path, table in tables.items():
        write(path, table)


def parser() -> argparse.ArgumentParser:
    it = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    it.add_argument("pattern", nargs="*", default=["*"], help='networks, by shell patterns such as "resnet*"')
    it.add_argument("--source", default="*", help="implementations, by a pattern such as timm")
    it.add_argument("--check", action="store_true", help="write nothing; fail when a number differs")
    it.add_argument("--ledger", type=Path, default=ROOT / "kerascnn/ledger", help="folder of the tables")
    return it


def is_asked(row: dict[str, str], options: argparse.Namespace) -> bool:
    wanted = any(fnmatchcase(plain(row["name"]), plain(pattern)) for pattern in options.pattern)
    return wanted and fnmatchcase(row["source"], options.source)


def correct(row: dict[str, str]) -> str:
    """Write into ``row`` what its implementation counts; say what was otherwise, and nothing when nothing was."""
    ours = find(row["name"])
    row["size"] = row["size"] or str(ours.size)
    title = f"{row['name']}, {row['source']} {row['source_name']}, {row['size']} px"
    try:
        counted = measure(row["source"], row["source_name"], int(row["size"]), ours.channels, ours.classes)
    except Exception as error:  # whatever another's code raises, the other rows are measured all the same
        return f"{title}: {type(error).__name__}: {error}"
    gmacs = counted.macs / 1e9
    new = {"trainable": str(counted.trainable), "parameters": str(counted.parameters), "gmacs": f"{gmacs:.6f}"}
    if row["gmacs"] and abs(float(row["gmacs"]) - gmacs) <= DIGITS:
        del new["gmacs"]
    differing = [
        f"{column} {row[column] or 'empty'} is {value}" for column, value in new.items() if row[column] != value
    ]
    row.update(new)
    return f"{title}: {', '.join(differing)}" if differing else ""


def write(path: Path, table: list[dict[str, str]]) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(table[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(table)
    if text.getvalue() != path.read_text():
        write_text(path, text.getvalue())


if __name__ == "__main__":
    main()
