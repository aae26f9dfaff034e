"""From a network to a smaller one, or to one that an accelerator takes whole: compress, edge-safe."""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

from kerascnn.cli.common import SOURCES, Command, escaped, import_quietly, say, show


def add(command: Command) -> None:
    """Add these commands."""
    p = command("compress", compress, "make a .keras file smaller by training it on: fewer filters, weights or values")
    p.add_argument("model", type=Path, help="a .keras file with its card (the .json) beside it")
    p.add_argument("--data", required=True, help=SOURCES)
    p.add_argument(
        "--filters", type=float, metavar="FRACTION", help="remove this fraction of the filters: really faster"
    )
    p.add_argument(
        "--prune",
        action="append",
        metavar="FRACTION",
        help="fraction of weights to set to 0 in every convolution and dense layer but depthwise convolutions and "
        'the classifier; or by layer, "stage4-*=0.9", several times if need be: the first pattern that fits decides, '
        "the classifier can be named too, and other layers are left alone",
    )
    p.add_argument("--schedule", help="polynomial (default): zeros become more step by step; constant: all at once")
    p.add_argument(
        "--block", metavar="HxW", help="blocks of dense kernels that become 0 together, inputs x outputs, as in 4x1"
    )
    p.add_argument("--pattern", metavar="M:N", help="M zeros in every N weights along the input channels, as in 2:4")
    p.add_argument("--cluster", type=int, metavar="N", help="leave each kernel N different values; zeros stay zeros")
    p.add_argument(
        "--int8",
        action="store_true",
        help="quantization-aware training; exporting to tflite-int8 then needs no calibration data",
    )
    p.add_argument("--epochs", type=int, default=4, help="to train on after each of them (default: 4)")
    p.add_argument("--batch", type=int, default=64, help="images per step (default: 64)")
    p.add_argument("--lr", type=float, default=1e-4, help="learning rate to begin with (default: 0.0001)")
    p.add_argument("--out", type=Path, help="the new file (default: <model>.compressed.keras)")
    p.add_argument("--overwrite", action="store_true", help="replace a file that is already there")

    p = command(
        "edge-safe", edge_safe, "draw a .keras file again in operators that the Edge TPU has, and say what changed"
    )
    p.add_argument("model", type=Path, help="a .keras file with its card (the .json) beside it")
    p.add_argument("--out", type=Path, help="the new file (default: <model>.edge.keras)")
    p.add_argument("--overwrite", action="store_true", help="replace a file that is already there")


def compress(options: argparse.Namespace) -> None:
    pattern = (
        numbers_of("--pattern", options.pattern, ":", "zeros:of so many, such as 2:4") if options.pattern else None
    )
    sparsity = fractions_of(options.prune) if options.prune else pattern and pattern[0] / max(pattern[1], 1)
    how: dict[str, Any] = {"schedule": options.schedule} if options.schedule else {}
    if options.block:
        how["block"] = numbers_of("--block", options.block, "x", "height x width, such as 4x1")
    if how and sparsity is None:
        raise ValueError(f"--{' and --'.join(how)} say how to prune: pass --prune as well, such as --prune 0.8.")
    import_quietly()
    from kerascnn.compression import Clustering, Filters, Pruning, Tuning
    from kerascnn.workflows.compress import Plan
    from kerascnn.workflows.compress import compress as compress_file

    plan = Plan(
        filters=None if options.filters is None else Filters(fraction=options.filters),
        pruning=None if sparsity is None else Pruning(sparsity=sparsity, pattern=pattern, **how),
        clustering=None if options.cluster is None else Clustering(clusters=options.cluster),
        int8=options.int8,
        tuning=Tuning(epochs=options.epochs, batch=options.batch, lr=options.lr),
    )
    found = compress_file(options.model, options.data, plan, options.out, overwrite=options.overwrite, log=say)
    say(f"{'':8}{found.metric:>16}{'parameters':>13}{'mult-adds':>14}{'.tflite':>12}{'gzip':>12}{'latency':>11}")
    for name, side in (("before", found.before), ("after", found.after)):
        file = side.footprint
        counts = f"{side.headline:>16.2%}{side.parameters:>13,}{side.macs:>14,}"
        say(f"{name:8}{counts}{file.bytes:>10,} B{file.gzipped:>10,} B{file.latency_ms:>8.3f} ms")
    if found.before.zeros is not None and found.after.zeros is not None:
        say(f"\nzeros in the kernels of pruned layers: {found.before.zeros:.1%} before, {found.after.zeros:.1%} after")
    say("\n" + "\n".join(filter(None, (found.fall, found.verdict, str(found.path)))))


def numbers_of(option: str, text: str, between: str, form: str) -> tuple[int, int]:
    """The two numbers of a pattern such as 2:4 or a block such as 4x1."""
    try:
        first, second = map(int, text.split(between))
        return first, second
    except ValueError:
        raise ValueError(f"{option} is {form}; got {text!r}.") from None


def fractions_of(texts: list[str]) -> float | dict[str, float]:
    """One fraction, or the fractions of layers by pattern."""
    pairs = [text.rpartition("=")[::2] for text in texts]
    try:
        fractions = {pattern: float(fraction) for pattern, fraction in pairs}
    except ValueError:
        fractions = {}
    if not fractions or ("" in fractions and len(pairs) > 1):
        form = "one fraction, such as 0.8, or fractions by layer, such as 'stage4-*=0.9'"
        raise ValueError(f"--prune takes {form}; got {', '.join(texts)}.")
    return fractions.get("", fractions)


def edge_safe(options: argparse.Namespace) -> None:
    import_quietly()
    from kerascnn.card import Card
    from kerascnn.files import written_together
    from kerascnn.graph import edge
    from kerascnn.runtime import load_keras
    from kerascnn.workflows.common import need_free

    out = options.out or options.model.with_name(f"{options.model.stem}.edge.keras")
    need_free(out, options.overwrite, "edge_safe")
    card = Card.read(options.model)
    safe = edge.edge_safe(load_keras(options.model))
    facts = {"from": options.model.name, "exact": safe.exact, "dropped": safe.dropped}
    with written_together(Card.path(out), out) as (_, draft):
        replace(card, facts={**card.facts, "edge_safe": facts}).write(draft)
        safe.model.save(draft)
    print_changes(safe)
    say(out)


def print_changes(safe: Any) -> None:
    from rich.table import Table

    table = Table(box=None)
    for head in ("layer", "was", "is now", "same outputs"):
        table.add_column(head)
    for change in safe.changes:
        table.add_row(*map(escaped, (change.layer, change.was, change.now)), "yes" if change.exact else "no")
    show(table)
    say(f"\ngone        {', '.join(safe.dropped) or 'no layer'}")
    say(f"parameters  {safe.before.parameters:,} -> {safe.after.parameters:,}")
    say(f"mult-adds   {safe.before.macs:,} -> {safe.after.macs:,}")
    say("It computes what the model does." if safe.exact else "Its outputs differ from the model's: train it on.")
