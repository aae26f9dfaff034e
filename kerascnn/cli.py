"""The command line. Each command imports what it needs when it runs, so that help and lists come at once."""

import argparse
import json
import os
import shlex
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from kerascnn import __version__

EPILOG = """examples:
  kerascnn list "eff*"                                    networks whose names match
  kerascnn weights resnet50                               its published weights, by tag
  kerascnn info efficientnet_v2_s                         its parameters, multiply-adds, memory, paper
  kerascnn info --ledger "resnet*"                        ours against every other implementation of it
  kerascnn train recipes/digits.py                        train, export, prove, report
  kerascnn train recipes/digits.py --set epochs=5         the same, changed
  kerascnn train recipes/photos.py --data my_photos       your own: one sub-folder per class
  kerascnn train recipes/photos.py --data tfds:cifar10    or TFRecord files, a .csv, an .npz
  kerascnn evaluate saved_models/photos/model.onnx --data my_photos --corruptions
  kerascnn why saved_models/photos/model.keras saved_models/photos/model.int8.tflite --data my_photos
  kerascnn predict saved_models/photos/model.tflite cat.jpg
  kerascnn compress saved_models/photos/model.keras --data my_photos --filters 0.3 --cluster 16
  kerascnn check saved_models/photos/model.int8.tflite    what an Edge TPU, a GPU and XNNPACK make of it
  kerascnn export photos.tflite --android photos_app      an Android app round it, with tests
"""
SOURCES = (
    "a folder with one sub-folder of images per class; a folder or a quoted pattern of TFRecord files; a .csv file "
    "with the columns path and label; an .npz file with x_train, y_train, x_test and y_test; tfds:NAME; digits; shapes"
)


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return the exit status: 0 done, 2 something given was wrong."""
    options = parser().parse_args(arguments)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        options.run(options)
    except BrokenPipeError:  # the reader has seen enough: kerascnn weights | head
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (ValueError, OSError, ImportError, RuntimeError, FloatingPointError) as error:
        if options.debug:
            raise
        print(f"kerascnn {options.command}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        way_on = "; the same command goes on where it stopped" if options.command == "train" else ""
        print(f"\ninterrupted{way_on}", file=sys.stderr)
        return 130
    return 0


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="kerascnn",
        description="Build, train, shrink and ship convolutional networks.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"kerascnn {__version__}")
    commands = top.add_subparsers(dest="command", required=True, metavar="command")

    def command(name: str, run: Any, text: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        added.add_argument("--debug", action="store_true", help="show where an error came from")
        added.set_defaults(run=run)
        return added

    p = command("list", list_, "list the networks, with their parameters, multiply-adds and paper")
    p.add_argument("pattern", nargs="?", default="*", help='a shell pattern such as "eff*" (default: all)')

    p = command("weights", weights, "list the published weights, with what was measured with them")
    p.add_argument(
        "pattern", nargs="?", default="*", help='networks, as a shell pattern such as "resnet*" (default: all)'
    )

    p = command("info", info, "show what one network costs, counted on its graph, and what others count for it")
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

    p = command("train", train, "train by a recipe, export the result, prove every file and write a report")
    p.add_argument("recipe", help="a page, such as recipes/digits.py, or one of its recipes: recipes/resnet.py:MODERN")
    p.add_argument("--data", help=f"instead of the recipe's data: {SOURCES}")
    p.add_argument(
        "--set", dest="settings", metavar="FIELD=VALUE", nargs="+", default=[], help="change the recipe: --set lr=0.2"
    )
    p.add_argument(
        "--out", type=Path, help="folder for the results (default: saved_models/<recipe>, or <recipe>_quick)"
    )
    p.add_argument(
        "--strategy",
        default="auto",
        help="devices: auto, one, mirrored (all GPUs), mirrored:2 (two; on a machine without GPU two logical ones), "
        "workers (of all machines that TF_CONFIG or Slurm names; run the same command on each), tpu or tpu:NAME",
    )
    p.add_argument("--on-corrupt", default="refuse", help="images that cannot be decoded: refuse (default) or skip")
    p.add_argument(
        "--quick", action="store_true", help="try the recipe out: a tiny network, small images of digits, few epochs"
    )
    p.add_argument("--overwrite", action="store_true", help="train again where a finished or another run lies")

    p = command("evaluate", evaluate, "measure a .keras, .tflite or .onnx file on labelled images")
    p.add_argument("model", type=Path, help="a model file with its card (the .json) beside it")
    p.add_argument("--data", required=True, help=SOURCES)
    p.add_argument("--split", default="test", choices=("test", "train"), help="held-out images (default) or the others")
    p.add_argument("--crops", type=int, default=1, help="views of each image to average over: 1 (default), 5 or 10")
    p.add_argument(
        "--corruptions",
        nargs="?",
        const="all",
        default="",
        help="measure ImageNet-C's corruptions as well: all, or names such as fog,jpeg; each with one view",
    )
    p.add_argument("--severities", default="1,2,3,4,5", help="of the corruptions, 1 to 5 (default: 1,2,3,4,5)")
    p.add_argument("--on-corrupt", default="refuse", help="images that cannot be decoded: refuse (default) or skip")
    p.add_argument("--out", type=Path, help="folder for evaluation.html and .json (default: <model>.evaluation)")
    p.add_argument("--json", type=Path, help="also write all numbers to this file")

    p = command("predict", predict, "classify images with a .keras, .tflite or .onnx file")
    p.add_argument("model", type=Path, help="a model file with its card (the .json) beside it")
    p.add_argument("images", nargs="+", type=Path, help="image files")
    p.add_argument("--top", type=int, default=3, help="classes to show for each image (default: 3)")

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
        "--io", help="what a file of integers takes and gives: int8 or uint8, as Android's image classifiers need"
    )
    p.add_argument(
        "--float-layers",
        nargs="+",
        default=[],
        metavar="LAYER",
        help='layers that stay float in a tflite-int8 file, by name or quoted pattern such as "stage4-*"',
    )
    p.add_argument("--overwrite", action="store_true", help="replace a file that is already there")

    p = command("compress", compress, "make a .keras file smaller by training it on: fewer filters, weights or values")
    p.add_argument("model", type=Path, help="a .keras file with its card (the .json) beside it")
    p.add_argument("--data", required=True, help=SOURCES)
    p.add_argument("--filters", type=float, metavar="SHARE", help="remove this share of the filters: really faster")
    p.add_argument("--prune", type=float, metavar="SHARE", help="set this share of the weights to 0")
    p.add_argument("--pattern", metavar="M:N", help="set M of every N weights along the input channels to 0, as in 2:4")
    p.add_argument("--cluster", type=int, metavar="N", help="leave each kernel N different values; zeros stay zeros")
    p.add_argument("--epochs", type=int, default=4, help="to train on after each of them (default: 4)")
    p.add_argument("--batch", type=int, default=64, help="images per step (default: 64)")
    p.add_argument("--lr", type=float, default=1e-4, help="learning rate to begin with (default: 0.0001)")
    p.add_argument("--out", type=Path, help="the new file (default: <model>.compressed.keras)")
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
        "--apply", type=Path, metavar="OUT", help="write an int8 file that keeps the proposed layers in float"
    )
    p.add_argument("--overwrite", action="store_true", help="with --apply: replace a file that is already there")
    p.add_argument("--json", action="store_true", help="print it as JSON")
    return top


def import_quietly() -> None:
    """Import Keras and TensorFlow, which tell of their build when they are."""
    from kerascnn.runtime import quiet

    with quiet():
        import keras  # noqa: F401


def list_(options: argparse.Namespace) -> None:
    from kerascnn.catalogue import find, list_models
    from kerascnn.errors import suggest
    from kerascnn.ledger import human, published

    names = list_models(options.pattern)
    if not names:
        raise ValueError(f"No network matches {options.pattern!r}. {suggest(options.pattern, list_models())}".rstrip())
    print(f"{'network':26}{'parameters':>11}{'multiply-adds':>15}{'image':>7}  paper")
    for name in names:
        row = find(name)
        entry = published(name, row.size)
        paper = f"{row.paper.authors} {row.paper.year}"
        print(f"{name:26}{human(entry.trainable):>11}{human(1e9 * entry.gmacs):>15}{row.size:>7}  {paper}")


def weights(options: argparse.Namespace) -> None:
    from kerascnn.catalogue import list_models
    from kerascnn.errors import suggest
    from kerascnn.weights.records import all_records

    names = set(list_models(options.pattern))
    if not names:
        raise ValueError(f"No network matches {options.pattern!r}. {suggest(options.pattern, list_models())}".rstrip())
    found = [r for r in all_records() if r.network in names and r.top]
    if not found:
        print(f"No weights are published for {', '.join(sorted(names)[:8])} that are known here.")
        return
    width = max(len(r.name) for r in found) + 2
    print(f"{'network.tag':{width}}{'top-1':>6}{'image':>7}{'crop':>7}{'classes':>9}  {'licence':14}published by")
    for r in found:
        top1 = f"{r.top1:.1f}" if r.top1 is not None else "-"
        p = r.preprocess
        print(f"{r.name:{width}}{top1:>6}{p.size:>7}{p.crop:>7.3f}{r.classes:>9}  {r.licence:14}{r.source}")


def info(options: argparse.Namespace) -> None:
    if options.ledger:
        return ledger(options)
    if options.model is None:
        raise ValueError("Name a network or a .keras file, or pass --ledger to see what others count for all.")
    from kerascnn.catalogue import find
    from kerascnn.ledger import human
    from kerascnn.runtime import load_keras

    row = None if options.model.endswith(".keras") else find(options.model)
    import_quietly()
    from kerascnn.graph.cost import cost
    from kerascnn.graph.features import layers_by_stride
    from kerascnn.graph.receptive_field import receptive_fields

    shape = (options.size, options.size, row.channels) if row and options.size else None
    model = row(input_shape=shape) if row else load_keras(options.model)
    counted, fields, maps = cost(model, options.size), receptive_fields(model, options.size), layers_by_stride(model)
    found = compare([row.name] if row else [])
    if options.json:
        windows = {stride: fields[layer.name].size for stride, layer in maps.items()}
        print(json.dumps(asdict(counted) | {"receptive_fields": windows, "ledger": found}, indent=2, default=str))
        return
    if row:
        print(f"{row.name}: {row.paper.title}\n{row.paper.authors} {row.paper.year}, {row.paper.url}\n")
    seen = ", ".join(f"/{s}: {pixels(fields[layer.name].size)}" for s, layer in maps.items())
    gates = (
        ", and the whole image by way of global pools"
        if any(fields[layer.name].context for layer in maps.values())
        else ""
    )
    for what, value in [
        ("image", " x ".join(map(str, counted.input_shape))),
        ("parameters", f"{counted.trainable:,} trainable, {counted.parameters:,} in all"),
        ("multiply-adds", f"{counted.macs:,} ({human(counted.macs)})"),
        ("activations", f"{counted.activations:,} outputs of convolutions and dense layers"),
        ("activation memory", f"{human(counted.peak_memory)}B at the worst moment, one image"),
        ("feature maps", ", ".join(f"/{s}: {tuple(layer.output.shape[1:])}" for s, layer in maps.items())),
        ("receptive fields", f"{seen} pixels{gates}"),
    ]:
        print(f"{what:18} {value}")
    if found:
        print("\nwhat others count")
        print_ledger(found)


def pixels(size: Any) -> str:
    return " x ".join(map(pixels, size)) if isinstance(size, tuple) else "all" if size == float("inf") else f"{size}"


def ledger(options: argparse.Namespace) -> None:
    from kerascnn.catalogue import list_models
    from kerascnn.errors import suggest

    pattern = options.model or "*"
    names = list_models(pattern)
    if not names:
        raise ValueError(f"No network matches {pattern!r}. {suggest(pattern, list_models())}".rstrip())
    found = compare(names)
    if options.json:
        print(json.dumps(found, indent=2))
        return
    print_ledger(found)
    others = [row for row in found if row["source"] != "kerascnn"]
    equal, loads = (sum(row[what] for row in others) for what in ("equal", "loads"))
    print(f"\n{len(names)} networks, {len(others)} other drawings: {equal} count as ours, {loads} load into ours")


def compare(names: list[str]) -> list[dict[str, Any]]:
    """What ours counts for each network, then each other implementation, and whether that is the same."""
    from kerascnn.catalogue import find
    from kerascnn.ledger import entries, published

    rows = []
    for name in names:
        ours = published(name, find(name).size)  # the tests count ours to be this
        rows.append(asdict(ours) | {"source": "kerascnn", "source_name": name, "style": {}, "loads": False})
        rows += [asdict(entry) for entry in entries() if entry.name == name]
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
        print("  ".join(cells).rstrip())


def chart(options: argparse.Namespace) -> None:
    from kerascnn.comparison import of_file, of_records, points
    from kerascnn.report.chart import chart as draw

    if options.out.suffix not in (".svg", ".png", ".pdf"):
        raise ValueError(f"--out must end in .svg, .png or .pdf, got {options.out}.")
    measured = of_file(options.top1) if options.top1 else of_records()
    source = options.top1.name if options.top1 else "with each network's default weights"
    print(draw(points(measured, options.pattern), options.out, source).resolve())


def train(options: argparse.Namespace) -> None:
    from kerascnn.train import load_recipe, override

    recipe = load_recipe(options.recipe)
    recipe, name = override(recipe, options.settings), Path(options.recipe.replace(".py:", "_")).stem.lower()
    import_quietly()
    from kerascnn.job import run
    from kerascnn.train.quick import IMAGES, shrink

    recipe = shrink(recipe) if options.quick else recipe
    recipe = override(recipe, [f"data={options.data}"] if options.data else [])

    outcome = run(
        recipe,
        options.out or Path("saved_models") / f"{name}{'_quick' * options.quick}",
        strategy=options.strategy,
        on_corrupt=options.on_corrupt,
        overwrite=options.overwrite,
        images=IMAGES if options.quick else 0,
        command=shlex.join(["kerascnn", *sys.argv[1:]]),
    )
    if outcome is None:  # the chief of these workers tells of it
        return
    print(f"\n{'file':22}{'size':>10}{'top-1':>9}{'agrees':>9}{'latency':>11}")
    for file in outcome.files:
        size, accuracy = f"{file.bytes / 1e6:.2f} MB", f"{file.top1:>9.2%}{file.agreement:>9.2%}"
        print(f"{file.name:22}{size:>10}{accuracy}{file.latency_ms:>8.2f} ms")
    print(f"\nmodels  {outcome.report.parent.resolve()}\nreport  {outcome.report.resolve()}")


def evaluate(options: argparse.Namespace) -> None:
    from kerascnn.data.corruptions import CORRUPTIONS
    from kerascnn.files import write_text

    kinds = tuple(CORRUPTIONS) if options.corruptions == "all" else tuple(filter(None, options.corruptions.split(",")))
    severities = tuple(numbers(options.severities, "--severities"))
    import_quietly()
    from kerascnn.assess import Plan, assess

    plan = Plan(
        split=options.split, crops=options.crops, kinds=kinds, severities=severities, on_corrupt=options.on_corrupt
    )
    page = (options.out or Path(f"{options.model}.evaluation")) / "evaluation.html"
    found = assess(options.model, options.data, plan, page, command=shlex.join(["kerascnn", *sys.argv[1:]]))
    if options.json:
        write_text(options.json, page.with_suffix(".json").read_text(encoding="utf-8"))
    print(f"{options.model} on {len(found.evaluation.targets)} images of {options.data}")
    print_assessment(found)
    print(f"\nreport  {page.resolve()}")


def numbers(text: str, option: str) -> list[int]:
    """The whole numbers of a list such as 1,3,5."""
    try:
        return [int(number) for number in text.split(",")]
    except ValueError:
        raise ValueError(
            f"{option} takes whole numbers with commas between them, such as 1,3,5; got {text!r}."
        ) from None


def print_assessment(found: Any) -> None:
    evaluation, scaling, robustness = found.evaluation, found.scaling, found.robustness
    print(f"top-1 {evaluation.top1:.2%}" + (f", top-5 {evaluation.top5:.2%}" if evaluation.top5 is not None else ""))
    print(
        f"negative log-likelihood {found.calibration.nll:.4f}, expected calibration error {found.calibration.ece:.2%}"
    )
    if scaling:
        before, after = scaling.before, scaling.after
        print(
            f"temperature {scaling.temperature:.3f}, found on half of the images; on the others "
            f"{before.nll:.4f} becomes {after.nll:.4f} and {before.ece:.2%} becomes {after.ece:.2%}"
        )
    width = max(20, *(len(label) + 2 for label in evaluation.labels))
    print(f"\n{'class':{width}}{'images':>8}{'precision':>11}{'recall':>9}")
    for label, images, precision, recall in zip(
        evaluation.labels, evaluation.support, evaluation.precision, evaluation.recall, strict=True
    ):
        print(f"{label:{width}}{images:>8}{share(precision):>11}{share(recall):>9}")
    if robustness:
        print(f"\n{'top-1 by severity':20}{''.join(f'{s:>9}' for s in robustness.severities)}{'mean error':>12}")
        for kind, accuracy, error in zip(robustness.kinds, robustness.accuracy, robustness.errors, strict=True):
            print(f"{kind:20}{''.join(f'{share(a):>9}' for a in accuracy)}{share(error):>12}")
        print(f"mean corruption error {robustness.mean_error:.2%}, not divided by AlexNet's")


def share(value: float) -> str:
    """As a percentage; what is not defined, such as the recall of a class without images, is a dash."""
    return "-" if value != value else f"{value:.2%}"


def predict(options: argparse.Namespace) -> None:
    import numpy as np

    from kerascnn.card import Card
    from kerascnn.data.pipeline import load_image
    from kerascnn.runtime import open_model

    if options.top < 1:
        raise ValueError(f"--top must be at least 1, got {options.top}.")
    import_quietly()
    card, runner = Card.read(options.model), open_model(options.model)
    for path in options.images:
        scores = runner(load_image(path, card.preprocess)[None])[0]
        best = np.argsort(-scores)[: options.top]
        print(f"{path}: " + ", ".join(f"{card.labels[i]} {scores[i]:.1%}" for i in best))


def export(options: argparse.Namespace) -> None:
    from kerascnn.card import Card

    batch = None if options.batch == "any" else numbers(options.batch, "--batch")[0]
    if options.android and options.android.exists():
        raise FileExistsError(f"{options.android} is already there. Name another folder, or move it away.")
    if options.android and not options.format.startswith("tflite"):
        raise ValueError(f"--android goes with a tflite format, got {options.format!r}.")
    import_quietly()
    from kerascnn.deploy import TARGETS
    from kerascnn.deploy import export as write

    if options.android and options.model.suffix == ".tflite":
        return android(options.model, options.android)
    calibration = None
    if options.calibration:
        from kerascnn.data import open_data
        from kerascnn.job import some_images

        card = Card.read(options.model)
        calibration = some_images(open_data(options.calibration).train, card.preprocess, seed=0)
    suffix = TARGETS[options.format].suffix if options.format in TARGETS else ""
    path = options.out or options.model.with_name(options.model.stem + suffix)
    certificate = write(
        options.model,
        path,
        options.format,
        calibration=calibration,
        batch=batch,
        pixels=options.pixels,
        io=options.io,
        float_layers=options.float_layers,
        overwrite=options.overwrite,
    )
    print(f"{certificate.path}: {certificate.bytes / 1e6:.2f} MB, proved on {certificate.samples} {certificate.inputs}")
    print(json.dumps({k: v for k, v in asdict(certificate).items() if k not in ("operators", "versions")}, indent=2))
    if options.android:
        android(path, options.android)


def android(file: Path, folder: Path) -> None:
    from kerascnn.deploy.android import write_android_project

    print(
        f"{write_android_project(file, folder).resolve()}: an Android app; its README.md says how to build and test it"
    )


def compress(options: argparse.Namespace) -> None:
    pattern = zeros_of(options.pattern) if options.pattern else None
    import_quietly()
    from kerascnn.compress import Clustering, Filters, Pruning, Tuning
    from kerascnn.slim import Plan, slim

    share = options.prune if options.prune is not None else pattern and pattern[0] / pattern[1]
    plan = Plan(
        filters=None if options.filters is None else Filters(share=options.filters),
        pruning=None if share is None else Pruning(sparsity=share, pattern=pattern),
        clustering=None if options.cluster is None else Clustering(clusters=options.cluster),
        tuning=Tuning(epochs=options.epochs, batch=options.batch, lr=options.lr),
    )
    out = options.out or options.model.with_name(f"{options.model.stem}.compressed.keras")
    found = slim(options.model, options.data, plan, out, overwrite=options.overwrite)
    print(
        f"{'':8}{'top-1':>8}{'parameters':>13}{'mult-adds':>14}{'zeros':>8}{'.tflite':>12}{'gzip':>12}{'latency':>11}"
    )
    for name, side in (("before", found.before), ("after", found.after)):
        file = side.footprint
        counts = f"{side.top1:>8.2%}{side.parameters:>13,}{side.macs:>14,}{side.zeros:>8.1%}"
        print(f"{name:8}{counts}{file.bytes:>10,} B{file.gzipped:>10,} B{file.latency_ms:>8.3f} ms")
    print(f"\n{found.verdict}\n{out}")


def zeros_of(text: str) -> tuple[int, int]:
    """The two numbers of a pattern such as 2:4."""
    try:
        zeros, group = map(int, text.split(":"))
        return zeros, max(group, 1)
    except ValueError:
        raise ValueError(f"--pattern is zeros:of so many, such as 2:4; got {text!r}.") from None


def check(options: argparse.Namespace) -> None:
    from kerascnn.deploy.delegates import DELEGATES
    from kerascnn.deploy.delegates import check as report
    from kerascnn.deploy.delegates.edgetpu import COMPILER, compiled, disagreements

    reports = [report(options.file, name) for name in ([options.delegate] if options.delegate else DELEGATES)]
    log = compiled(options.file) if any(r.delegate == "edgetpu" for r in reports) else None
    found = [r.as_dict() for r in reports]
    for each, shown in zip(reports, found, strict=True):
        if log and each.delegate == "edgetpu":
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
    sizes = found["pieces"]
    runs = f", in {len(sizes)} pieces of {', '.join(map(str, sizes))}" if len(sizes) > 1 else ""
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
    import numpy as np

    from kerascnn.data import open_data
    from kerascnn.data.pipeline import batches
    from kerascnn.job import CALIBRATION

    if source.endswith(".npy"):
        return np.load(source), None
    split = open_data(source).train
    drawn = batches(split, card.preprocess, min(CALIBRATION, len(split)), shuffle=True)
    return tuple(tensor.numpy() for tensor in next(iter(drawn)))


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
    overwrite = options.overwrite
    write(options.model, options.apply, "tflite-int8", calibration=images, float_layers=keep, overwrite=overwrite)
    before, after = (each.rows[-1].snr for each in (found, why_different(options.model, options.apply, some)))
    told = sys.stderr if options.json else sys.stdout
    print(
        f"\n{options.apply}: {len(keep)} layers in float, SNR of the output {before:.1f} -> {after:.1f} dB", file=told
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


if __name__ == "__main__":
    sys.exit(main())
