"""List the licence of every package that kerascnn brings, by what asks for it: ``python tools/licences.py``.

Read from the metadata of what is installed; writes ``tools/licences.csv``. A package of an extra that is not installed
here is left out and named.
"""

import csv
import re
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

TABLE = Path(__file__).with_suffix(".csv")
NAME = re.compile(r"[A-Za-z0-9._-]+")
CLASSIFIER = "License :: OSI Approved :: "


def main() -> None:
    """Write the table, and name what is missing."""
    rows, missing = collected("kerascnn")
    with TABLE.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerows([("package", "licence", "for"), *sorted(rows)])
    print(f"{TABLE}: {len(rows)} packages; not installed here: {', '.join(sorted(missing)) or 'none'}")


def collected(root: str) -> tuple[list[tuple[str, str, str]], set[str]]:
    """Every package below ``root`` with its licence and the extra that asks for it, and those that are missing."""
    found, missing = {}, set()
    waiting = [(name, extra) for name, extra in needed(root) if extra not in ("all", "parity", "test")]
    while waiting:
        name, extra = waiting.pop(0)
        key = re.sub(r"[-_.]+", "-", name).lower()
        if key in found or key == root:
            continue
        try:
            found[key] = (key, licence(name), extra or "all")
        except PackageNotFoundError:
            missing.add(key)
            continue
        waiting += [(below, extra) for below, own in needed(name) if not own]
    return [*found.values()], missing


def needed(name: str) -> list[tuple[str, str]]:
    """What a package asks for here, each with the extra that it belongs to, or ""."""
    pairs = []
    for line in distribution(name).requires or []:
        requirement, _, marker = line.partition(";")
        extra = re.search(r"extra == ['\"]([^'\"]+)", marker)
        if extra or not marker or applies(marker):
            pairs.append((NAME.findall(requirement)[0], extra[1] if extra else ""))
    return pairs


def applies(marker: str) -> bool:
    """Whether a condition on the machine or on Python's version is met here."""
    from packaging.markers import Marker

    return Marker(marker).evaluate()


def licence(name: str) -> str:
    """What the metadata of a package says of its licence, shortest form first."""
    facts: Any = distribution(name).metadata
    if expression := facts.get("License-Expression"):
        return expression
    classified = [c.removeprefix(CLASSIFIER) for c in facts.get_all("Classifier", []) if c.startswith(CLASSIFIER)]
    said = (facts.get("License") or "").strip().partition("\n")[0]
    return " and ".join(classified) or said or "unknown"


if __name__ == "__main__":
    sys.exit(main())
