"""From images to a network and what it is worth: train, evaluate, predict."""

import argparse
import shlex
import sys
from pathlib import Path

from kerascnn.cli.common import SOURCES, Command, import_quietly, numbers, say


def add(command: Command) -> None:
    """Add these commands."""
    p = command("train", train, "train by a recipe, export the result, verify every file and write a report")
    p.add_argument("recipe", help="a page, such as recipes/digits.py, or one of its recipes: recipes/resnet.py:MODERN")
    p.add_argument("--data", help=f"instead of the recipe's data: {SOURCES}")
    p.add_argument(
        "--set",
        dest="settings",
        metavar="FIELD=VALUE",
        nargs="+",
        default=[],
        help="change the recipe: --set optimizer.lr=0.2",
    )
    p.add_argument(
        "--export", nargs="*", metavar="FORMAT", help="formats to export (default: tflite tflite-int8 onnx); none: none"
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
    p.add_argument("--precision", default="float32", help="of layers: float32 (default), bfloat16 or float16")
    p.add_argument("--xla", action="store_true", help="compile the steps, on one device")
    p.add_argument(
        "--remat",
        action="store_true",
        help="compute features again for their gradients: less memory, about a quarter more time",
    )
    p.add_argument(
        "--deterministic", action="store_true", help="the same bits each time, on GPUs too, where it is slower"
    )
    p.add_argument("--on-corrupt", default="refuse", help="images that cannot be decoded: refuse (default) or skip")
    p.add_argument("--quick", action="store_true", help="try the recipe out: a tiny network, small images, few epochs")
    p.add_argument(
        "--save-every", type=float, default=600.0, metavar="SECONDS", help="save within an epoch too (default: 600)"
    )
    p.add_argument(
        "--extend",
        action="store_true",
        help="with another length: go on from what is trained although the learning rate would have been another",
    )
    p.add_argument("--overwrite", action="store_true", help="train again where a finished or another run lies")

    p = command("evaluate", evaluate, "measure a .keras, .tflite or .onnx file on annotated images")
    p.add_argument("model", type=Path, help="a model file with its card (the .json) beside it")
    p.add_argument("--data", required=True, help=SOURCES)
    p.add_argument(
        "--split",
        choices=("all", "train", "validation", "test"),
        help="the images to measure (default: those of test, else of validation; a source of one part whole, unless "
        "the model was trained on it)",
    )
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

    p = command("predict", predict, "say what a .keras, .tflite or .onnx file sees in images")
    p.add_argument("model", help="a model file with its card (the .json) beside it, or a tag: resnet50.tv_in1k_v2")
    p.add_argument("images", nargs="+", type=Path, help="image files, or folders of them")
    p.add_argument("--top", type=int, default=3, help="classes to show for each image (default: 3)")
    p.add_argument(
        "--out", type=Path, metavar="FOLDER", help="where pictures and their numbers (JSON) go, if the task draws any"
    )


def train(options: argparse.Namespace) -> None:
    from kerascnn.training import load_recipe, override

    recipe = load_recipe(options.recipe)
    recipe, name = override(recipe, options.settings), Path(options.recipe.replace(".py:", "_")).stem.lower()
    import_quietly()
    from kerascnn.training.quick import IMAGES, shrink
    from kerascnn.workflows.train import train as run

    recipe = shrink(recipe) if options.quick else recipe
    recipe = override(recipe, [f"data={options.data}"] if options.data else [])

    outcome = run(
        recipe,
        options.out or Path("saved_models") / f"{name}{'_quick' * options.quick}",
        exports=options.export,
        strategy=options.strategy,
        precision=options.precision,
        xla=options.xla,
        remat=options.remat,
        deterministic=options.deterministic,
        on_corrupt=options.on_corrupt,
        save_every=options.save_every,
        extend=options.extend,
        overwrite=options.overwrite,
        images=IMAGES if options.quick else 0,
        command=shlex.join(["kerascnn", *sys.argv[1:]]),
        log=say,
    )
    if outcome is None:  # the chief of these workers tells of it
        return
    metric = outcome.evaluation.headlines()[0].name
    say(f"\n{'file':22}{'size':>10}{metric:>16}{'agrees':>9}{'latency':>11}")
    for file in outcome.files:
        size, accuracy = f"{file.bytes / 1e6:.2f} MB", f"{file.headline:>16.2%}{file.agreement:>9.2%}"
        say(f"{file.name:22}{size:>10}{accuracy}{file.latency_ms:>8.2f} ms")
    say(f"\nmodels  {outcome.report.parent.resolve()}\nreport  {outcome.report.resolve()}")


def evaluate(options: argparse.Namespace) -> None:
    from kerascnn.data.transforms.corruptions import CORRUPTIONS
    from kerascnn.files import write_text

    kinds = tuple(CORRUPTIONS) if options.corruptions == "all" else tuple(filter(None, options.corruptions.split(",")))
    severities = tuple(numbers(options.severities, "--severities"))
    import_quietly()
    from kerascnn.workflows.evaluate import evaluate as run

    page = (options.out or Path(f"{options.model}.evaluation")) / "evaluation.html"
    measured = run(
        options.model,
        options.data,
        split=options.split,
        crops=options.crops,
        corruptions=kinds,
        severities=severities,
        on_corrupt=options.on_corrupt,
        report=page,
        command=shlex.join(["kerascnn", *sys.argv[1:]]),
    )
    if options.json:
        write_text(options.json, page.with_suffix(".json").read_text(encoding="utf-8"))
    say(f"{measured.text()}\n\nreport  {page.resolve()}")


def predict(options: argparse.Namespace) -> None:
    if options.top < 1:
        raise ValueError(f"--top must be at least 1, got {options.top}.")
    import_quietly()
    from kerascnn.workflows.predict import image_files, write_pictures

    files = image_files(options.images)
    written = write_pictures(options.model, files, options.out)
    for path, (prediction, picture) in zip(files, written, strict=True):
        say(f"{path}: {prediction.text(options.top)}" + (f"  {picture}" if picture else ""))
