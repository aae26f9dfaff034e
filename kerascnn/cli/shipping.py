"""From a network to files for devices: export, verify, compare-layers, check, lint-calibration."""

import argparse
import json
from pathlib import Path
from typing import Any

from kerascnn.cli.common import SOURCES, Command, escaped, import_quietly, say, show


def add(command: Command) -> None:
    """Add these commands."""
    p = command("export", export, "write a .keras file in another format, and verify the new file by running it")
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
    p.add_argument("--nms", action="store_true", help="suppress a detector's boxes in the file, which puts out objects")
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
    p.set_defaults(default_of=p.get_default)

    p = command("verify", verify, "run a file that anyone wrote against its .keras model")
    p.add_argument("model", type=Path, help="a .keras file, as a rule with its card (the .json) beside it")
    p.add_argument("file", type=Path, help="a .tflite or .onnx file, or the folder of a SavedModel")
    p.add_argument("--format", help="what the file is said to be, of the formats of export (default: look into it)")
    p.add_argument("--data", help=f"images to run both on (default: noise): {SOURCES}")
    p.add_argument("--batch", default="1", help="images that it has to take at a time: a number (default: 1), or any")
    p.add_argument("--select-tf-ops", action="store_true", help="allow operators of TensorFlow's own in a .tflite file")
    p.add_argument("--json", action="store_true", help="print the whole report as JSON")

    p = command("check", check, "say what the accelerators of phones and boards make of a .tflite file")
    p.add_argument("file", type=Path, help="a .tflite file")
    p.add_argument("--delegate", help="edgetpu, gpu or xnnpack (default: all three)")
    p.add_argument("--json", action="store_true", help="print it as JSON")

    p = command("lint-calibration", lint_calibration, "look for mistakes in images that a file is to be quantised with")
    p.add_argument("model", type=Path, help="a .keras file with its card (the .json) beside it")
    p.add_argument("images", help=f"a .npy file of preprocessed images, (N, H, W, C) float32; or {SOURCES}")
    p.add_argument("--reference", help="images that are surely right, of the same kinds: shows exchanged colours")
    p.add_argument("--json", action="store_true", help="print it as JSON")

    p = command("compare-layers", compare_layers, "compare a .keras file and an exported file of it, layer by layer")
    p.add_argument("model", type=Path, help="a .keras file with its card (the .json) beside it")
    p.add_argument("file", type=Path, help="the .tflite or .onnx file that was made of it")
    p.add_argument("--data", required=True, help="images, as lint-calibration takes them")
    p.add_argument("--images", type=int, default=8, help="how many of them to compare on (default: 8)")
    p.add_argument(
        "--apply",
        type=Path,
        metavar="OUT",
        help="write an int8 file that keeps the proposed layers in float, if it is measured better than FILE; it takes "
        "preprocessed images as int8, whatever FILE takes",
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
        calibration = prepared(options.model, card, options.calibration)
    suffix = TARGETS[options.format].suffix if options.format in TARGETS else ""
    path = options.out or options.model.with_name(options.model.stem + suffix)
    report = write(
        options.model,
        path,
        options.format,
        calibration=calibration,
        card=card,
        batch=batch,
        pixels=options.pixels,
        nms=options.nms,
        io=options.io,
        float_layers=options.float_layers,
        select_tf_ops=options.select_tf_ops,
        overwrite=options.overwrite,
    )
    print_report(report)
    if options.android:
        android(path, options.android)


def verify(options: argparse.Namespace) -> None:
    batch = batch_of(options.batch)
    import_quietly()
    from kerascnn.card import Card
    from kerascnn.deploy import verify as run

    images = prepared(options.model, Card.read(options.model), options.data) if options.data else None
    report = run(
        options.model, options.file, options.format, images=images, batch=batch, select_tf_ops=options.select_tf_ops
    )
    if options.json:
        say(json.dumps(report.as_dict(), indent=2))
    else:
        print_report(report)


def prepared(model: Path, card: Any, source: str) -> Any:
    """Images of a source, or of a .npy file, as export takes them: with proposals, where the network takes some."""
    from kerascnn.data import open_data
    from kerascnn.runtime import load_keras
    from kerascnn.workflows.common import calibration_of

    if source.endswith(".npy"):
        return npy_images(source)
    proposals = len(load_keras(model).inputs) > 1
    return calibration_of(open_data(source, proposals=proposals).train, card.preprocess)


def print_report(report: Any) -> None:
    say(f"{report.path}: {report.bytes / 1e6:.2f} MB, verified on {report.samples} {report.inputs}")
    say(json.dumps({k: v for k, v in report.as_dict().items() if k not in ("operators", "versions")}, indent=2))


def batch_of(text: str) -> int | None:
    """Images at a time; None for any number."""
    try:
        return None if text == "any" else int(text)
    except ValueError:
        raise ValueError(f"--batch is one whole number, or any; got {text!r}.") from None


def in_vain(options: argparse.Namespace) -> list[str]:
    """The options that say how a file is to be written, where it is written already."""
    names = (
        "format",
        "out",
        "calibration",
        "batch",
        "pixels",
        "nms",
        "io",
        "float_layers",
        "select_tf_ops",
        "overwrite",
    )
    return [f"--{name.replace('_', '-')}" for name in names if getattr(options, name) != options.default_of(name)]


def android(file: Path, folder: Path) -> None:
    from kerascnn.deploy.android import write_android_project

    say(f"{write_android_project(file, folder).resolve()}: an Android app; its README.md says how to build and test it")


def check(options: argparse.Namespace) -> None:
    from kerascnn.deploy.delegates import DELEGATES, check_delegates
    from kerascnn.deploy.delegates.edgetpu import COMPILER, compiled, disagreements

    reports = check_delegates(options.file, [options.delegate] if options.delegate else tuple(DELEGATES))
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
        say(json.dumps(found, indent=2))
        return
    say("\n\n".join(map(delegate_text, found)))


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
        say(json.dumps([finding.as_dict() for finding in found], indent=2))
    else:
        for finding in found:
            say(f"{finding.mistake} ({finding.certainty})\n    found     {finding.found}")
            say(f"    expected  {finding.expected}\n    to do     {finding.fix}")
        say("" if found else f"nothing is wrong with these {len(images)} images")
    if certain := [finding.mistake for finding in found if finding.certainty == "certain"]:
        raise ValueError(f"{options.images} cannot be right: {', '.join(certain)}.")


def prepared_images(source: str, card: Any) -> tuple[Any, Any]:
    """Images of a .npy file as they are, or of a data source as the card asks, and their classes where known."""
    from kerascnn.data import open_data
    from kerascnn.workflows.common import some_images

    if source.endswith(".npy"):
        return npy_images(source), None
    images, annotations = some_images(open_data(source).train, card.preprocess)
    return images, annotations.get("label")


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


def compare_layers(options: argparse.Namespace) -> None:
    if options.images < 1:
        raise ValueError(f"--images must be at least 1, got {options.images}.")
    import_quietly()
    from kerascnn.card import Card
    from kerascnn.deploy import export as write
    from kerascnn.deploy.images import spread_out
    from kerascnn.deploy.layer_comparison import compare_layers as compare
    from kerascnn.deploy.layer_comparison.proposals import propose

    images, _ = prepared_images(options.data, Card.read(options.model))
    some = spread_out(images, options.images)
    found = compare(options.model, options.file, some)
    int8 = found.precision == "int8"
    better = propose(options.model, found, images, some) if int8 and (found.suspects() or options.apply) else None
    if options.json:
        proposal = None if better is None else better.as_dict()
        say(json.dumps(found.as_dict() | {"proposal": proposal}, indent=2))
    else:
        print_layers(found, better)
    if not options.apply:
        return
    if better is None:
        raise ValueError(f"--apply keeps layers of an int8 file in float; {options.file} is {found.precision}.")
    if not better.helps:
        raise ValueError(
            f"Nothing is written to {options.apply}: what was tried is no better than {options.file}, whose output has "
            f"an SNR of {better.file:.1f} dB. Exported anew it has {better.plain:.1f} dB"
            + (f", and {better.snr:.1f} dB with {', '.join(better.layers)} in float." if better.layers else ".")
        )
    keep, overwrite = better.layers, options.overwrite
    write(options.model, options.apply, "tflite-int8", calibration=images, float_layers=keep, overwrite=overwrite)
    say(
        f"\n{options.apply}: {len(keep)} layer{'s' * (len(keep) != 1)} in float, SNR of the output {better.file:.1f} "
        f"-> {better.snr:.1f} dB; takes preprocessed images as int8, no pixels",
        error=bool(options.json),
    )


def print_layers(found: Any, better: Any) -> None:
    from rich.table import Table

    broken = found.first_broken
    say(f"{found.file}, {found.precision}, {found.samples} images")
    table = Table(box=None)
    table.add_column("layer", no_wrap=True)
    for head in ("SNR", "own SNR", "cosine"):
        table.add_column(head, justify="right", no_wrap=True)
    table.add_column("computed with it")
    for row in found.rows:
        numbers = f"{row.snr:.1f} dB", f"{row.own_snr:.1f} dB", f"{row.cosine:.5f}"
        style = "bold red" if row is broken else None
        table.add_row(escaped(row.layer), *numbers, escaped(", ".join(row.covers[:-1])), style=style)
    show(table)
    say(f"\nfirst broken   {broken.layer if broken else 'none: every layer is as near as its precision allows'}")
    say(f"most noise     {', '.join(row.layer for row in found.worst[:3])}")
    if better is None:
        return
    tried = ", ".join(f"{layer} {gain:+.1f} dB" for layer, gain in better.gains.items())
    say(f"tried in float {tried or 'none: all layers err alike'}")
    if better.layers:
        say(f"keep in float  {', '.join(better.layers)}: {better.plain:.1f} -> {better.snr:.1f} dB")
