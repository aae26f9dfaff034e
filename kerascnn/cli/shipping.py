"""From a network to files for devices: export, compress, edge-safe, check, lint-calibration, why."""

import argparse
import json
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from kerascnn.cli.common import SOURCES, Command, import_quietly


def add(command: Command) -> None:
    """Add these commands."""
    p = command("export", export, "write a .keras file in another format, and prove the new file by running it")
    p.add_argument("model", type=Path, help="a .keras file; with --android also a .tflite file, as it is")
    p.add_argument(
        "--format",
        default="tflite",
        help="tflite (default), tflite-fp16, tflite-dynamic, tflite-int8, tflite-int16x8, onnx or saved_model",
    )
    p.add_argument("--out", type=Path, help="the new file (default: beside the model)")
    p.add_argument("--android", type=Path, metavar="FOLDER", help="also write an Android app round the .tflite file")
    p.add_argument("--calibration", help=f"needed for tflite-int8 and tflite-int16x8: {SOURCES}")
    p.add_argument("--batch", default="1", help="images that the file takes at a time: a number (default: 1), or any")
    p.add_argument(
        "--pixels", action="store_true", help="take pixels, uint8 from 0 to 255, and normalise them in the file"
    )
    p.add_argument(
        "--io",
        help="what a tflite-int8 file takes and gives, int8 (default) or uint8: a preprocessed image, quantised; "
        "Android's image classifiers feed plain pixels, for which there is --pixels",
    )
    p.add_argument(
        "--float-layers",
        nargs="+",
        default=[],
        metavar="LAYER",
        help='layers that stay float in a tflite-int8 file, by name or quoted pattern such as "stage4-*"',
    )
    p.add_argument(
        "--select-tf-ops",
        action="store_true",
        help="allow operators that only an app with TensorFlow's own kernels runs, in a tflite format of floats",
    )
    p.add_argument("--overwrite", action="store_true", help="replace a file that is already there")

    p = command("compress", compress, "make a .keras file smaller by training it on: fewer filters, weights or values")
    p.add_argument("model", type=Path, help="a .keras file with its card (the .json) beside it")
    p.add_argument("--data", required=True, help=SOURCES)
    p.add_argument("--filters", type=float, metavar="SHARE", help="remove this share of the filters: really faster")
    p.add_argument(
        "--prune",
        action="append",
        metavar="SHARE",
        help="set this share of the weights to 0 in every convolution and dense layer but depthwise convolutions and "
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
        "edge-safe", edge_safe, "draw a .keras file anew in operators that the Edge TPU has, and say what changed"
    )
    p.add_argument("model", type=Path, help="a .keras file with its card (the .json) beside it")
    p.add_argument("--out", type=Path, help="the new file (default: <model>.edge.keras)")
    p.add_argument("--overwrite", action="store_true", help="replace a file that is already there")

    p = command("check", check, "say what the accelerators of phones and boards make of a .tflite file")
    p.add_argument("file", type=Path, help="a .tflite file")
    p.add_argument("--delegate", help="edgetpu, gpu or xnnpack (default: all three)")
    p.add_argument("--json", action="store_true", help="print it as JSON")

    p = command("lint-calibration", lint_calibration, "look for mistakes in images that a file is to be quantised with")
    p.add_argument("model", type=Path, help="a .keras file with its card (the .json) beside it")
    p.add_argument("images", help=f"a .npy file of preprocessed images, (N, H, W, C) float32; or {SOURCES}")
    p.add_argument("--reference", help="images that are surely right, of the same kinds: shows exchanged colours")
    p.add_argument("--json", action="store_true", help="print it as JSON")

    p = command("why", why, "compare a .keras file and an exported file of it, layer by layer")
    p.add_argument("model", type=Path, help="a .keras file with its card (the .json) beside it")
    p.add_argument("file", type=Path, help="the .tflite or .onnx file that was made of it")
    p.add_argument("--data", required=True, help="images, as lint-calibration takes them")
    p.add_argument("--images", type=int, default=8, help="how many of them to compare on (default: 8)")
    p.add_argument(
        "--apply",
        type=Path,
        metavar="OUT",
        help="write an int8 file that keeps the proposed layers in float; it takes preprocessed images as int8, "
        "whatever FILE takes",
    )
    p.add_argument("--overwrite", action="store_true", help="with --apply: replace a file that is already there")
    p.add_argument("--json", action="store_true", help="print it as JSON")


def export(options: argparse.Namespace) -> None:
    from kerascnn.card import Card

    batch = batch_of(options.batch)
    finished = options.android and options.model.suffix == ".tflite"
    if finished and (vain := in_vain(options)):
        raise ValueError(f"{options.model} goes into the app as it is: leave out {', '.join(vain)}.")
    if options.android and options.android.exists():
        raise FileExistsError(f"{options.android} is already there. Name another folder, or move it away.")
    if options.android and not options.format.startswith("tflite"):
        raise ValueError(f"--android goes with a tflite format, got {options.format!r}.")
    if options.android and options.select_tf_ops:
        raise ValueError("--select-tf-ops does not go with --android: that app brings no kernels but LiteRT's own.")
    import_quietly()
    from kerascnn.deploy import TARGETS
    from kerascnn.deploy import export as write
    from kerascnn.runtime import existing

    if finished:
        return android(options.model, options.android)
    # An app is nothing without the card: better refused now than when the file is written.
    card = Card.read(existing(options.model)) if options.android or options.calibration else None
    calibration = None
    if card and options.calibration:
        from kerascnn.data import open_data
        from kerascnn.job import some_images

        calibration = some_images(open_data(options.calibration).train, card.preprocess, seed=0)
    suffix = TARGETS[options.format].suffix if options.format in TARGETS else ""
    path = options.out or options.model.with_name(options.model.stem + suffix)
    certificate = write(
        options.model,
        path,
        options.format,
        calibration=calibration,
        card=card,
        batch=batch,
        pixels=options.pixels,
        io=options.io,
        float_layers=options.float_layers,
        select_tf_ops=options.select_tf_ops,
        overwrite=options.overwrite,
    )
    print(f"{certificate.path}: {certificate.bytes / 1e6:.2f} MB, proved on {certificate.samples} {certificate.inputs}")
    print(json.dumps({k: v for k, v in asdict(certificate).items() if k not in ("operators", "versions")}, indent=2))
    if options.android:
        android(path, options.android)


def batch_of(text: str) -> int | None:
    """Images at a time; None for any number."""
    try:
        return None if text == "any" else int(text)
    except ValueError:
        raise ValueError(f"--batch is one whole number, or any; got {text!r}.") from None


def in_vain(options: argparse.Namespace) -> list[str]:
    """The options that say how a file is to be written, where it is written already."""
    said = {
        "--format": options.format != "tflite",
        "--out": options.out,
        "--calibration": options.calibration,
        "--batch": options.batch != "1",
        "--pixels": options.pixels,
        "--io": options.io,
        "--float-layers": options.float_layers,
        "--select-tf-ops": options.select_tf_ops,
        "--overwrite": options.overwrite,
    }
    return [option for option, given in said.items() if given]


def android(file: Path, folder: Path) -> None:
    from kerascnn.deploy.android import write_android_project

    print(
        f"{write_android_project(file, folder).resolve()}: an Android app; its README.md says how to build and test it"
    )


def compress(options: argparse.Namespace) -> None:
    pattern = (
        numbers_of("--pattern", options.pattern, ":", "zeros:of so many, such as 2:4") if options.pattern else None
    )
    share = shares_of(options.prune) if options.prune else pattern and pattern[0] / max(pattern[1], 1)
    how: dict[str, Any] = {"schedule": options.schedule} if options.schedule else {}
    if options.block:
        how["block"] = numbers_of("--block", options.block, "x", "height x width, such as 4x1")
    if how and share is None:
        raise ValueError(f"--{' and --'.join(how)} say how to prune: pass --prune as well, such as --prune 0.8.")
    import_quietly()
    from kerascnn.compress import Clustering, Filters, Pruning, Tuning
    from kerascnn.slim import Plan, slim

    plan = Plan(
        filters=None if options.filters is None else Filters(share=options.filters),
        pruning=None if share is None else Pruning(sparsity=share, pattern=pattern, **how),
        clustering=None if options.cluster is None else Clustering(clusters=options.cluster),
        int8=options.int8,
        tuning=Tuning(epochs=options.epochs, batch=options.batch, lr=options.lr),
    )
    out = options.out or options.model.with_name(f"{options.model.stem}.compressed.keras")
    found = slim(options.model, options.data, plan, out, overwrite=options.overwrite)
    print(f"{'':8}{'top-1':>8}{'parameters':>13}{'mult-adds':>14}{'.tflite':>12}{'gzip':>12}{'latency':>11}")
    for name, side in (("before", found.before), ("after", found.after)):
        file = side.footprint
        counts = f"{side.top1:>8.2%}{side.parameters:>13,}{side.macs:>14,}"
        print(f"{name:8}{counts}{file.bytes:>10,} B{file.gzipped:>10,} B{file.latency_ms:>8.3f} ms")
    if found.before.zeros is not None and found.after.zeros is not None:
        print(
            f"\nzeros in the kernels of pruned layers: {found.before.zeros:.1%} before, {found.after.zeros:.1%} after"
        )
    print(f"\n{found.verdict}\n{out}")


def numbers_of(option: str, text: str, between: str, form: str) -> tuple[int, int]:
    """The two numbers of a pattern such as 2:4 or a block such as 4x1."""
    try:
        first, second = map(int, text.split(between))
        return first, second
    except ValueError:
        raise ValueError(f"{option} is {form}; got {text!r}.") from None


def shares_of(texts: list[str]) -> float | dict[str, float]:
    """One share, or the shares of layers by pattern."""
    pairs = [text.rpartition("=")[::2] for text in texts]
    try:
        shares = {pattern: float(share) for pattern, share in pairs}
    except ValueError:
        shares = {}
    if not shares or ("" in shares and len(pairs) > 1):
        form = "one share, such as 0.8, or shares by layer, such as 'stage4-*=0.9'"
        raise ValueError(f"--prune takes {form}; got {', '.join(texts)}.")
    return shares.get("", shares)


def edge_safe(options: argparse.Namespace) -> None:
    import_quietly()
    from kerascnn.card import Card
    from kerascnn.files import written_whole
    from kerascnn.graph import edge
    from kerascnn.runtime import load_keras
    from kerascnn.slim import need_free

    out = options.out or options.model.with_name(f"{options.model.stem}.edge.keras")
    need_free(out, options.overwrite)
    card = Card.read(options.model)
    twin = edge.edge_safe(load_keras(options.model))
    with written_whole(out) as draft:
        twin.model.save(draft)
    facts = {"from": options.model.name, "exact": twin.exact, "dropped": twin.dropped}
    replace(card, facts={**card.facts, "edge_safe": facts}).write(out)
    print_changes(twin)
    print(out)


def print_changes(twin: Any) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None)
    for head in ("layer", "was", "is now", "same outputs"):
        table.add_column(head)
    for change in twin.changes:
        table.add_row(change.layer, change.was, change.now, "yes" if change.exact else "no")
    terminal = Console()
    (terminal if terminal.is_terminal else Console(width=160)).print(table)
    print(f"\ngone        {', '.join(twin.dropped) or 'no layer'}")
    print(f"parameters  {twin.before.parameters:,} -> {twin.after.parameters:,}")
    print(f"mult-adds   {twin.before.macs:,} -> {twin.after.macs:,}")
    print("It computes what the model does." if twin.exact else "Its outputs differ from the model's: train it on.")


def check(options: argparse.Namespace) -> None:
    from kerascnn.deploy.delegates import DELEGATES
    from kerascnn.deploy.delegates import check as report
    from kerascnn.deploy.delegates.edgetpu import COMPILER, compiled, disagreements

    reports = [report(options.file, name) for name in ([options.delegate] if options.delegate else DELEGATES)]
    found = [r.as_dict() for r in reports]
    for each, shown in zip(reports, found, strict=True):
        try:
            log = compiled(options.file) if each.delegate == "edgetpu" else None
        except ValueError as refusal:
            shown["notes"].append(f"{COMPILER}: {refusal}")
            continue
        if log:
            shown["compiler"] = {"version": log.version, "mapped": log.mapped}
            differing = disagreements(each, log)
            shown["notes"] += [f"{COMPILER} {log.version} differs: {line}." for line in differing]
            shown["notes"] += [] if differing else [f"{COMPILER} {log.version} says the same."]
    if options.json:
        print(json.dumps(found, indent=2))
        return
    print("\n\n".join(map(delegate_text, found)))


def delegate_text(found: dict[str, Any]) -> str:
    """A report on one delegate, as a person reads it."""
    sizes = found["partitions"]
    runs = f", in {len(sizes)} partitions of {', '.join(map(str, sizes))}" if len(sizes) > 1 else ""
    lines = [f"{found['delegate']}: {found['mapped']} of {found['operators']} operators mapped{runs}"]
    for row in found["verdicts"]:
        if row["reason"]:
            where = "" if row["mapped"] else "not mapped, "
            lines.append(f"  {row['count']:>4} {row['operator']:24} {where}{row['reason']}")
            lines += [f"{'':30} {row['change']}"] if row["change"] else []
    return "\n".join([*lines, *(f"  {note}" for note in found["notes"])])


def lint_calibration(options: argparse.Namespace) -> None:
    import_quietly()
    from kerascnn.card import Card
    from kerascnn.deploy.calibration import check_calibration

    card = Card.read(options.model)
    images, targets = prepared_images(options.images, card)
    reference = prepared_images(options.reference, card)[0] if options.reference else None
    found = check_calibration(images, options.model, reference, targets=targets)
    if options.json:
        print(json.dumps([finding.as_dict() for finding in found], indent=2))
    else:
        for finding in found:
            print(f"{finding.mistake} ({finding.certainty})\n    found     {finding.found}")
            print(f"    expected  {finding.expected}\n    to do     {finding.fix}")
        print("" if found else f"nothing is wrong with these {len(images)} images")
    if certain := [finding.mistake for finding in found if finding.certainty == "certain"]:
        raise ValueError(f"{options.images} cannot be right: {', '.join(certain)}.")


def prepared_images(source: str, card: Any) -> tuple[Any, Any]:
    """Images of a .npy file as they are, or of a data source as the card asks, and their classes where known."""
    from kerascnn.data import open_data
    from kerascnn.data.pipeline import batches
    from kerascnn.job import CALIBRATION

    if source.endswith(".npy"):
        return npy_images(source), None
    split = open_data(source).train
    drawn = batches(split, card.preprocess, min(CALIBRATION, len(split)), shuffle=True)
    return tuple(tensor.numpy() for tensor in next(iter(drawn)))


def npy_images(path: str) -> Any:
    """The images of a .npy file, once it is sure that it holds some."""
    import numpy as np

    expected = "expected a .npy file of preprocessed images, a float32 array of shape (N, H, W, C)"
    if not Path(path).is_file():
        raise FileNotFoundError(f"There is no file {path}; {expected}.")
    try:
        with open(path, "rb") as file:
            images = np.lib.format.read_array(file)
    except ValueError as error:
        raise ValueError(f"{path} is damaged, or is no .npy file of numbers; {expected}.") from error
    if images.ndim != 4 or not np.issubdtype(images.dtype, np.number):  # the linter tells of other types
        raise ValueError(f"{path} holds {images.dtype} of shape {images.shape}; {expected}.")
    return images


def why(options: argparse.Namespace) -> None:
    if options.images < 1:
        raise ValueError(f"--images must be at least 1, got {options.images}.")
    import_quietly()
    from kerascnn.card import Card
    from kerascnn.deploy import export as write
    from kerascnn.deploy.images import at_even_distances
    from kerascnn.deploy.why import why_different

    images, _ = prepared_images(options.data, Card.read(options.model))
    some = at_even_distances(images, options.images)
    found = why_different(options.model, options.file, some)
    keep = found.float_layers()
    if options.json:
        print(json.dumps(found.as_dict(), indent=2))
    else:
        print_layers(found)
    if not options.apply:
        return
    if found.precision != "int8":
        raise ValueError(f"--apply keeps layers of an int8 file in float; {options.file} is {found.precision}.")
    if not keep:
        raise ValueError(f"All layers of {options.file} err alike: to keep some of them in float would not help.")
    overwrite = options.overwrite
    write(options.model, options.apply, "tflite-int8", calibration=images, float_layers=keep, overwrite=overwrite)
    before, after = (each.rows[-1].snr for each in (found, why_different(options.model, options.apply, some)))
    print(
        f"\n{options.apply}: {len(keep)} layer{'s' * (len(keep) > 1)} in float, SNR of the output {before:.1f} -> "
        f"{after:.1f} dB; takes preprocessed images as int8, no pixels",
        file=sys.stderr if options.json else sys.stdout,
    )


def print_layers(found: Any) -> None:
    from rich.console import Console
    from rich.table import Table

    broken = found.first_broken
    table = Table(title=f"{found.file}, {found.precision}, {found.samples} images", box=None, title_justify="left")
    table.add_column("layer", no_wrap=True)
    for head in ("SNR", "own SNR", "cosine"):
        table.add_column(head, justify="right", no_wrap=True)
    table.add_column("computed with it")
    for row in found.rows:
        numbers = f"{row.snr:.1f} dB", f"{row.own_snr:.1f} dB", f"{row.cosine:.5f}"
        style = "bold red" if row is broken else None
        table.add_row(row.layer, *numbers, ", ".join(row.covers[:-1]), style=style)
    terminal = Console()
    (terminal if terminal.is_terminal else Console(width=160)).print(table)
    print(f"\nfirst broken   {broken.layer if broken else 'none: every layer is as near as its precision allows'}")
    print(f"most noise     {', '.join(row.layer for row in found.worst[:3])}")
    if keep := found.float_layers():
        print(f"keep in float  {', '.join(keep)}")
