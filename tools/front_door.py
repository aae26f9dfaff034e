"""Write what editors and readers see: ``applications/__init__.pyi``, and the tables of README.md.

Run it after a change to a table; with --check it fails when either is out of date.
"""

import csv
import re
import sys
from itertools import groupby
from operator import itemgetter
from pathlib import Path

import ablations
import shrink
import systems
import systems_int8

from kerascnn.applications import FAMILIES, ROWS
from kerascnn.files import write_text
from kerascnn.ledger import Entry, human, published
from kerascnn.networks.architecture import Architecture

ROOT = Path(__file__).parents[1]
STEPS = ROOT / "tools/bench/step.csv"
STUB, README = ROOT / "kerascnn/applications/__init__.pyi", ROOT / "README.md"
INFERENCE = ROOT / "tools/bench/inference.csv"
PREDICTION, START = ROOT / "tools/bench/predict.csv", ROOT / "tools/bench/startup.csv"
INPUT = ROOT / "tools/bench/data.csv"


def main() -> None:
    tables = {"models": table(), "ablations": ablated(), "shrink": shrunk(), "steps": stepped(), "inference": timed()}
    tables |= {"prediction": predicted(), "start": started(), "systems": learned(), "input": prepared()}
    wanted = {STUB: stub(), README: readme(tables)}
    stale = [path for path, text in wanted.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    if "--check" in sys.argv and stale:
        names = ", ".join(str(path.relative_to(ROOT)) for path in stale)
        sys.exit(f"{names} is out of date: run python tools/front_door.py")
    for path in stale:
        write_text(path, wanted[path])


def readme(tables: dict[str, str]) -> str:
    """README.md with its tables, each between two marks."""
    text = README.read_text(encoding="utf-8")
    for name, lines in tables.items():
        marked = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
        text = marked.sub(lambda m, lines=lines: m[1] + lines + m[2], text)
    return text


def ablated() -> str:
    """A line for each technique: what is claimed, and what was found without it and with it."""
    lines = [
        "| technique | claimed | without | top-1 | CPU | with | top-1 | CPU |",
        "|---|---|---|---|---|---|---|---|",
    ]
    with ablations.FILE.open(encoding="utf-8", newline="") as file:
        for name, arms in groupby(csv.DictReader(file), itemgetter("technique")):
            cells = [arm_cells(list(rows)) for _, rows in groupby(arms, itemgetter("arm"))]
            lines.append(f"| {name} | {ablations.ABLATIONS[name].claim} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def arm_cells(rows: list[dict[str, str]]) -> str:
    seconds = sum(float(row["cpu_seconds"]) for row in rows) / len(rows)
    return f"{rows[0]['arm']} | {ablations.spread(float(row['top1']) for row in rows)} | {seconds:.0f} s"


def shrunk() -> str:
    """A table for each data set, with a line for each network and a column for each form."""
    with shrink.FILE.open(encoding="utf-8", newline="") as file:
        measured = {(row["data"], row["network"], row["form"]): row for row in csv.DictReader(file)}
    tables = []
    for data, forms in shrink.FORMS.items():
        lines = [f"| {data} | {' | '.join(forms)} |", "|---" * (1 + len(forms)) + "|"]
        for network in shrink.NETWORKS:
            cells = [form_cell(measured[data, network, form]) for form in forms]
            lines.append(f"| `{network}` | {' | '.join(cells)} |")
        tables.append("\n".join(lines) + "\n")
    return "\n".join(tables)


def form_cell(row: dict[str, str]) -> str:
    megabytes = [f"{int(row[key]) / 1e6:.1f}" for key in ("bytes", "gzipped")]
    known = f"{float(row['top1']):.1%}" + (" (refused)" if row["proof"] == "refused" else "")
    return f"{known} <br> {' / '.join(megabytes)} MB <br> {float(row['latency_ms']):.2f} ms"


def stepped() -> str:
    """A line for each network: a training step of ours, and of the others with the ratio of ours to theirs."""
    with STEPS.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    networks, ways = (list(dict.fromkeys(row[name] for row in rows)) for name in ("network", "way"))
    rows.sort(key=lambda row: networks.index(row["network"]))
    lines = [f"| network | {' | '.join(ways)} |", "|---" * (1 + len(ways)) + "|"]
    for network, group in groupby(rows, itemgetter("network")):
        measured = {row["way"]: step_cell(row) for row in group}
        lines.append(f"| `{network}` | {' | '.join(measured.get(way, '') for way in ways)} |")
    return "\n".join(lines) + "\n"


def step_cell(row: dict[str, str]) -> str:
    ratio = "" if row["way"] == "kerascnn" else f"{float(row['ratio']):.2f} <br> "
    return f"{ratio}{float(row['seconds']):.2f} s <br> {float(row['megabytes']) / 1000:.1f} GB"


def timed() -> str:
    """A line for each network: what our files take, and the ratio to what others' take."""
    columns = {  # whose file, its format, and what of it is shown
        "float32": ("kerascnn", "tflite", "ms"),
        "to Keras'": ("keras.applications", "tflite", "ratio"),
        "int8": ("kerascnn", "tflite-int8", "ms"),
        "to float32": ("kerascnn", "tflite-int8", "ratio"),
        "to Keras' int8": ("keras.applications", "tflite-int8", "ratio"),
        "ONNX": ("kerascnn", "onnx", "ms"),
        "to timm's": ("timm", "onnx", "ratio"),
    }
    with INFERENCE.open(encoding="utf-8", newline="") as file:
        measured = {(row["network"], row["way"], row["format"]): row for row in csv.DictReader(file)}
    lines = [f"| | {' | '.join(columns)} |", "|---" * (1 + len(columns)) + "|"]
    for network in dict.fromkeys(network for network, _, _ in measured):
        rows = [(measured.get((network, way, format)), what) for way, format, what in columns.values()]
        cells = [f"{float(row[what]):.2f}{' ms' * (what == 'ms')}" if row else "" for row, what in rows]
        lines.append(f"| `{network}` | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def predicted() -> str:
    """A line for each way to predict over a folder: images per second, and the ratio to Keras'."""
    lines = ["| | images per second | to Keras' | memory |", "|---|---|---|---|"]
    with PREDICTION.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            speed, ratio, memory = (float(row[name]) for name in ("images_per_second", "ratio", "megabytes"))
            lines.append(f"| {row['way']} | {speed:.0f} | {ratio:.2f} | {memory:.0f} MB |")
    return "\n".join(lines) + "\n"


def prepared() -> str:
    """A line for each way to prepare images: how many a second, and the ratio of ours to others'."""
    with INPUT.open(encoding="utf-8", newline="") as file:
        rows = {(row["table"], row["way"]): row for row in csv.DictReader(file)}
    tables, ways = (list(dict.fromkeys(names)) for names in zip(*rows, strict=True))
    lines = [f"| | {' | '.join(ways)} |", "|---" * (1 + len(ways)) + "|"]
    for table in tables:
        found = [rows.get((table, way)) for way in ways]
        cells = [f"{float(row['ratio']):.2f} ({float(row['images_per_second']):,.0f})" if row else "" for row in found]
        lines.append(f"| {table} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def started() -> str:
    """A line for each network: our seconds until it is there, and the ratio to others'."""
    columns = {  # what is done, who does it, and what of it is shown
        "built": ("build", "kerascnn", "seconds"),
        "to Keras'": ("build", "keras.applications", "ratio"),
        "with weights": ("weights", "kerascnn", "seconds"),
        "to Keras' own": ("weights", "keras.applications", "ratio"),
        "the file read": ("weights", "read", "seconds"),
        "with timm's": ("timm", "kerascnn", "seconds"),
        "loaded": ("load", "kerascnn", "seconds"),
        "to Keras' network": ("load", "keras.applications", "ratio"),
    }
    with START.open(encoding="utf-8", newline="") as file:
        measured = {(row["network"], row["what"], row["way"]): row for row in csv.DictReader(file)}
    lines = [f"| | {' | '.join(columns)} |", "|---" * (1 + len(columns)) + "|"]
    for network in dict.fromkeys(network for network, *_ in measured if network):
        rows = [(measured.get((network, what, way)), shown) for what, way, shown in columns.values()]
        cells = [f"{float(row[shown]):.2f}{' s' * (shown == 'seconds')}" if row else "" for row, shown in rows]
        lines.append(f"| `{network}` | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def learned() -> str:
    """A line for each system of the tasks: what it comes to over its seeds, what it takes, and what 8 bits leave."""
    lines = ["| system | network | measured by | wanted | found | seeds | a training | float32 | int8 | int8, tuned |"]
    lines.append("|---" * 10 + "|")
    measured, in_eight_bits = (rows_by_system(tool.FILE) for tool in (systems, systems_int8))
    for name, system in systems.SYSTEMS.items():
        if rows := measured.get(name):
            values = [float(row["value"]) for row in rows]
            found = ablations.spread(values) if len(values) > 1 else percent(values[0])
            title, minutes = systems.TITLES[system.metric], sum(float(row["seconds"]) for row in rows) / 60 / len(rows)
            cells = [name, f"`{rows[0]['network']}`", title, f"{system.wanted:.0%}", found, len(rows)]
            forms = [
                row[form] if row[form] == systems_int8.REFUSED else percent(float(row[form]))
                for row in in_eight_bits.get(name, [])[:1]
                for form in systems_int8.FORMS
            ]
            lines.append(f"| {' | '.join(map(str, [*cells, f'{minutes:.0f} min', *(forms or ['', '', ''])]))} |")
    return "\n".join(lines) + "\n"


def rows_by_system(file: Path) -> dict[str, list[dict[str, str]]]:
    found: dict[str, list[dict[str, str]]] = {}
    with file.open(encoding="utf-8", newline="") as opened:
        for row in csv.DictReader(opened):
            found.setdefault(row["system"], []).append(row)
    return found


def percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def stub() -> str:
    """The builders as editors read them: each with its type, its paper and its size."""
    families = [family.__name__.rpartition(".")[2] for family in FAMILIES]
    lines = ['"""Written by tools/front_door.py from the tables of the families."""', ""]
    lines += ["from types import ModuleType", ""]
    lines += [f"from kerascnn.applications import {family} as {family}" for family in sorted(families)]
    lines += ["from kerascnn.networks.architecture import Architecture", ""]
    lines += ["FAMILIES: tuple[ModuleType, ...]", "ROWS: dict[str, Architecture]", ""]
    for identifier, row in ROWS.items():
        kind = type(row)
        lines += [f"{identifier}: {kind.__module__.rpartition('.')[2]}.{kind.__name__}", f'"""{summary(row)}"""']
    return "\n".join(lines) + "\n"


def summary(row: Architecture) -> str:
    """One line, however long: the file has two for each network."""
    entry, p = counted(row), row.paper
    cost = f"{human(entry.trainable)} parameters, {human(1e9 * entry.gmacs)} multiply-adds"
    return f"{row.name}: {cost} at {entry.size} x {entry.size} px. {p.authors} {p.year}, {p.title}, {p.url}"


def counted(row: Architecture) -> Entry:
    entry = published(row.name, row.size)
    assert entry, f"the ledger has no row that agrees with {row.name}"
    return entry


def table() -> str:
    """A line for each paper: its networks, and what the smallest and the largest cost."""
    lines = ["| paper | networks | parameters | multiply-adds |", "|---|---|---|---|"]
    papers: dict[str, dict[str, Architecture]] = {}
    for row in ROWS.values():
        papers.setdefault(row.paper.title, {})[row.name] = row
    identifiers = {row.name: identifier for identifier, row in ROWS.items()}
    for rows in papers.values():
        p = next(iter(rows.values())).paper
        entries = [counted(row) for row in rows.values()]
        names = " ".join(f"`{identifiers[name]}`" for name in rows)
        trainable, macs = spread([e.trainable for e in entries]), spread([1e9 * e.gmacs for e in entries])
        lines.append(f"| [{p.authors} {p.year}]({p.url}) | {names} | {trainable} | {macs} |")
    return "\n".join(lines) + "\n"


def spread(values: list[float]) -> str:
    return " to ".join(dict.fromkeys(human(v) for v in (min(values), max(values))))


if __name__ == "__main__":
    main()
