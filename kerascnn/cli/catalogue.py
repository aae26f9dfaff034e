"""What the catalogue holds: list, weights, info, chart."""

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from kerascnn.cli.common import Command, import_quietly, say


def add(command: Command) -> None:
    """Add these commands."""
    p = command("list", list_, "list the networks, with their parameters, multiply-adds and paper")
    p.add_argument("pattern", nargs="?", default="*", help='a shell pattern such as "eff*" (default: all)')
    p.add_argument("--task", help="only networks of this task, such as classification")

    p = command("weights", weights, "list the published weights, with what was measured with them")
    p.add_argument(
        "pattern", nargs="?", default="*", help='networks, as a shell pattern such as "resnet*" (default: all)'
    )

    p = command("info", info, "show what one network costs, counted on its graph, and what other implementations count")
    p.add_argument("model", nargs="?", help="a name from the list, or a .keras file; with --ledger a pattern")
    p.add_argument("--size", type=int, help="side of the image in pixels (default: the network's own)")
    p.add_argument("--ledger", action="store_true", help="only what others count, for all networks or a pattern")
    p.add_argument("--json", action="store_true", help="print it as JSON")

    p = command("chart", chart, "draw the catalogue: accuracy against multiply-adds and parameters")
    p.add_argument("pattern", nargs="?", default="*", help='a shell pattern such as "eff*" (default: all)')
    p.add_argument("--out", type=Path, default=Path("catalogue.svg"), help="an .svg, .png or .pdf file")
    p.add_argument(
        "--top1", type=Path, help="a .csv with the columns network and top1, instead of published accuracies"
    )


def list_(options: argparse.Namespace) -> None:
    from kerascnn.catalogue import describe, matching
    from kerascnn.ledger import human

    say(f"{'network':26}{'parameters':>11}{'multiply-adds':>15}{'image':>7}  paper")
    for name in matching(options.pattern, options.task):
        known = describe(name)
        cost = [human(count) if count else "-" for count in (known.parameters, known.macs)]
        paper = f"{known.row.paper.authors} {known.row.paper.year}"
        say(f"{name:26}{cost[0]:>11}{cost[1]:>15}{known.row.size:>7}  {paper}")


def weights(options: argparse.Namespace) -> None:
    from kerascnn.catalogue import matching
    from kerascnn.weights.records import all_records

    names = matching(options.pattern)
    found = [r for r in all_records() if r.network in names and r.top]
    if not found:
        say(f"No weights are published for {', '.join(sorted(names)[:8])} that are known here.")
        return
    width = max(len(r.name) for r in found) + 2
    say(f"{'network.tag':{width}}{'top-1':>6}{'image':>7}{'crop':>7}{'classes':>9}  {'licence':14}published by")
    for r in found:
        top1 = f"{r.top1:.1f}" if r.top1 is not None else "-"
        p = r.preprocess
        say(f"{r.name:{width}}{top1:>6}{p.size:>7}{p.crop:>7.3f}{r.classes:>9}  {r.licence:14}{r.source}")


def info(options: argparse.Namespace) -> None:
    if options.ledger:
        return ledger(options)
    if options.model is None:
        raise ValueError("Name a network or a .keras file, or pass --ledger to see what others count for all.")
    from kerascnn.catalogue import find
    from kerascnn.ledger import human
    from kerascnn.runtime import load_keras

    if options.size is not None and options.size < 1:
        raise ValueError(f"--size is a number of pixels, at least 1; got {options.size}.")
    row = None if options.model.endswith(".keras") else find(options.model)
    import_quietly()
    from kerascnn.graph.cost import cost
    from kerascnn.graph.features import layers_by_stride
    from kerascnn.graph.receptive_field import receptive_fields

    shape = (options.size, options.size, row.channels) if row and options.size else None
    model = row(input_shape=shape) if row else load_keras(options.model)
    counted, maps = cost(model, options.size), layers_by_stride(model)
    fields, missing = {}, ""
    try:
        of_all = receptive_fields(model, options.size)
        fields = {stride: of_all[layer.name] for stride, layer in maps.items()}
    except ValueError as error:  # a layer without a rule; what it costs can be told all the same
        missing = str(error)
    found = compare([row.name] if row else [])
    if options.json:
        windows = {stride: field.size for stride, field in fields.items()}
        say(json.dumps(asdict(counted) | {"receptive_fields": windows, "ledger": found}, indent=2, default=str))
        return
    if row:
        say(f"{row.name}: {row.paper.title}\n{row.paper.authors} {row.paper.year}, {row.paper.url}\n")
    seen = ", ".join(f"/{s}: {pixels(field.size)}" for s, field in fields.items())
    gates = ", and the whole image by way of global pools" if any(field.context for field in fields.values()) else ""
    for what, value in [
        ("image", " x ".join(map(str, counted.input_shape))),
        ("parameters", f"{counted.trainable:,} trainable, {counted.parameters:,} in all"),
        ("multiply-adds", f"{counted.macs:,} ({human(counted.macs)})"),
        ("activations", f"{counted.activations:,} outputs of convolutions and dense layers"),
        ("activation memory", f"{human(counted.peak_memory)}B at the worst moment, one image"),
        ("feature maps", ", ".join(f"/{s}: {tuple(layer.output.shape[1:])}" for s, layer in maps.items())),
        ("receptive fields", missing or f"{seen} pixels{gates}"),
        *(("note", note) for note in counted.notes),
    ]:
        say(f"{what:18} {value}")
    if found:
        say("\nwhat others count")
        print_ledger(found)


def pixels(size: Any) -> str:
    return " x ".join(map(pixels, size)) if isinstance(size, tuple) else "all" if size == float("inf") else f"{size}"


def ledger(options: argparse.Namespace) -> None:
    from kerascnn.catalogue import matching

    names = matching(options.model or "*")
    found = compare(names)
    if options.json:
        say(json.dumps(found, indent=2))
        return
    print_ledger(found)
    others = [row for row in found if row["source"] != "kerascnn"]
    equal, loads = (sum(row[what] for row in others) for what in ("equal", "loads"))
    say(f"\n{len(names)} networks, {len(others)} other implementations: {equal} count the same, {loads} load")


def compare(names: list[str]) -> list[dict[str, Any]]:
    """What each network counts here and in each other implementation, and whether that is the same."""
    from kerascnn.catalogue import describe

    rows = []
    for known in map(describe, names):
        if known.counted:  # the tests count the same here
            own = {"source": "kerascnn", "source_name": known.row.name, "style": {}, "loads": False}
            rows.append(asdict(known.counted) | own)
        rows += map(asdict, known.ledger)
    return [row | {"equal": not row["deviation"]} for row in rows]


def print_ledger(found: list[dict[str, Any]]) -> None:
    heads = ("network", "source", "called there", "px", "trainable", "in all", "G mult-adds", "ours", "loads", "style")
    rows = [
        (
            *(row[column] for column in ("name", "source", "source_name", "size")),
            f"{row['trainable']:,}",
            f"{row['parameters']:,}",
            f"{row['gmacs']:.4f}",
            "" if row["source"] == "kerascnn" else "equal" if row["equal"] else "differs",
            "yes" if row["loads"] else "",
            " ".join(f"{name}={value}" for name, value in row["style"].items()),
            row["deviation"],
        )
        for row in found
    ]
    table = [tuple(map(str, row)) for row in [(*heads, "why it differs"), *rows]]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        cells = [
            f"{cell:>{w}}" if 3 <= i <= 6 else f"{cell:{w}}"
            for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        ]
        say("  ".join(cells).rstrip())


def chart(options: argparse.Namespace) -> None:
    from kerascnn.report.chart import chart as draw
    from kerascnn.workflows.chart import of_file, of_records, points

    if options.out.suffix not in (".svg", ".png", ".pdf"):
        raise ValueError(f"--out must end in .svg, .png or .pdf, got {options.out}.")
    measured = of_file(options.top1) if options.top1 else of_records()
    source = options.top1.name if options.top1 else "with each network's default weights"
    say(draw(points(measured, options.pattern), options.out, source).resolve())
