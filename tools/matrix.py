"""Which format holds which family: every family's tiny network in every format, written and verified.

Writes ``tools/matrix.csv``: for each family and format whether the file passed, its error against Keras, its size, its
operators and how many of them move axes; and where it was refused, why. Weights are random, batch norms are near the
identity, and images are noise, so that errors are those of the arithmetic alone.

    python tools/matrix.py                      measure all of it again: half an hour on two cores
    python tools/matrix.py "ResNet*" --format onnx
    python tools/matrix.py --check              write nothing; fail where a format does other than the table says
"""

import argparse
import csv
import io
import re
import sys
import tempfile
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
TABLE = ROOT / "tools/matrix.csv"
sys.path.insert(0, str(ROOT / "tests"))
COLUMNS = ("family", "format", "result", "error", "bytes", "operators", "transposes", "why")


def main() -> None:
    options = parser().parse_args()
    found = {(row["family"], row["format"]): row for row in table()}
    asked = [key for key in cells() if fnmatchcase(key[0], options.family) and fnmatchcase(key[1], options.format)]
    if not asked:
        sys.exit("No family and format match.")
    differs = False
    for row in measured(asked):
        before = found.get((row["family"], row["format"]), {})
        differs |= before.get("result") != row["result"]
        found[row["family"], row["format"]] = row
        print(
            f"{row['family']:24}{row['format']:16}{row['result']:9}{row['error']:>9}  {row['why']}".rstrip(), flush=True
        )
        if not options.check:
            write([found[key] for key in cells() if key in found])
    if options.check:
        sys.exit(differs)


def parser() -> argparse.ArgumentParser:
    it = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    it.add_argument("family", nargs="?", default="*", help='families, by a shell pattern such as "ResNet*"')
    it.add_argument("--format", default="*", help='formats, by a shell pattern such as "tflite*"')
    it.add_argument("--check", action="store_true", help="write nothing; fail when a result is another")
    return it


def families() -> dict[str, Any]:
    """The tiny row of each family, by the name of its class."""
    from kerascnn.applications import ROWS

    first = {type(row): row for row in reversed(ROWS.values())}
    return {
        kind.__name__: row.replace(**kind.tiny) for kind, row in sorted(first.items(), key=lambda it: it[0].__name__)
    }


def cells() -> list[tuple[str, str]]:
    from kerascnn.deploy import TARGETS

    return [(family, format) for family in families() for format in TARGETS]


def measured(asked: list[tuple[str, str]]) -> Iterator[dict[str, str]]:
    """A row for each family and format; a family is drawn once."""
    import keras

    for family in dict.fromkeys(family for family, _ in asked):
        keras.backend.clear_session()
        model = drawn(family)
        for format in (format for other, format in asked if other == family):
            yield cell(family, format, model)


def drawn(family: str) -> Any:
    import keras
    from parity import randomise

    keras.utils.set_random_seed(0)
    model = families()[family](classes=10)
    randomise(model)
    return model


def cell(family: str, format: str, model: Any) -> dict[str, str]:
    """Write one file and verify it."""
    from kerascnn.deploy import TARGETS, ExportError, export
    from kerascnn.deploy.images import noise

    row = dict.fromkeys(COLUMNS, "") | {"family": family, "format": format}
    images = noise(model.input_shape[1:])
    with tempfile.TemporaryDirectory() as folder:
        try:
            report = export(model, Path(folder) / f"net{TARGETS[format].suffix}", format, calibration=images)
        except ExportError as error:
            why = re.sub(r"\S*/net", "net", str(error).replace("\n", " "))  # where the file lay is another each time
            return row | {"result": "refused", "why": why}
    moved = sum(report.operators.get(name, 0) for name in ("Transpose", "TRANSPOSE"))
    return row | {
        "result": "passed",
        "error": f"{report.error:.2g}",
        "bytes": str(report.bytes),
        "operators": str(sum(report.operators.values())) if report.operators else "",
        "transposes": str(moved) if report.operators else "",
    }


def table() -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(TABLE.read_text(encoding="utf-8")))) if TABLE.is_file() else []


def write(rows: list[dict[str, str]]) -> None:
    from kerascnn.files import write_text

    text = io.StringIO()
    lines: csv.DictWriter[str] = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    lines.writeheader()
    lines.writerows(rows)
    write_text(TABLE, text.getvalue())


if __name__ == "__main__":
    main()
