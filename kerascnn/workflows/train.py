"""The main job: from a recipe to a trained network, its proved files in every format asked for, and a report."""

import platform
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from kerascnn.card import Card
from kerascnn.data import Data, open_data
from kerascnn.deploy import TARGETS, Certificate, export
from kerascnn.errors import need, suggest
from kerascnn.files import need_writable
from kerascnn.report import FileRow, Report, write_report
from kerascnn.runtime import Runner, latency, open_model
from kerascnn.tasks import Evaluation
from kerascnn.training import Recipe, leads, open_strategy
from kerascnn.training.quick import fewer
from kerascnn.training.settle import check_network, settle
from kerascnn.training.state import teacher_digest
from kerascnn.training.workers import unheard
from kerascnn.workflows.common import evaluated, size_of, some_images, task_of

RUNTIMES = {".tflite": ("ai_edge_litert", "litert"), ".onnx": ("tf2onnx", "onnx")}


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What the job leaves behind: every model file with how it did on the held-out images, and the report on them."""

    files: list[FileRow]
    evaluation: Evaluation
    report: Path


def run(
    recipe: Recipe,
    out: Path,
    *,
    strategy: str = "auto",
    on_corrupt: str = "refuse",
    overwrite: bool = False,
    images: int = 0,
    command: str = "",
    log: Callable[[str], Any] = print,
) -> Outcome | None:
    """Train ``recipe``, export it, run every file on the held-out images and report.

    Called again after an interruption, it goes on where it stopped; called again after the end, it trains no more and
    writes the files and the report anew. Of several workers, the chief alone exports and reports; the others leave once
    the training is over.

    Parameters
    ----------
    recipe
        What to train, on what, and which formats to export.
    out
        Folder for everything that is written.
    strategy
        Devices, as :func:`kerascnn.training.open_strategy` takes them.
    on_corrupt
        What to do about images that cannot be decoded, as :func:`kerascnn.data.open_data` takes it.
    overwrite
        Train again although ``out`` holds a finished or another run.
    images
        Learn from no more than so many images, and hold out a third as many. 0: all there are.
    command
        The command line, for the report.
    log
        Takes a line of text at a time.

    Returns
    -------
    Outcome or None
        None at a worker that is not the chief.

    Raises
    ------
    ValueError, OSError, ImportError
        When the recipe, the data or ``out`` is not as it should be; before any training where that can be known.
    RuntimeError
        When another worker is gone.
    """
    check(recipe)
    need_writable(out)
    chief, model_file = leads(strategy), out / "model.keras"
    log = log if chief else unheard
    trained = model_file.exists() and not overwrite  # then the other workers may have left already
    devices = open_strategy("one" if trained and strategy == "workers" else strategy)
    data = open_data(recipe.data, on_corrupt=on_corrupt, progress=chief)
    data = fewer(data, images) if images else data
    recipe = settle(recipe, data)
    log(described(recipe, data, devices.num_replicas_in_sync))
    if not overwrite and finished(model_file, recipe, data):
        log(f"{model_file} is trained already, by this recipe on these images; --overwrite trains it again")
    else:
        from kerascnn.training.loop import train

        train(recipe, data, out, strategy=devices, overwrite=overwrite, log=log)
    if not chief:
        return None
    card = Card.read(model_file)

    log("exporting: " + (", ".join(recipe.export) or "nothing"))
    calibration, _ = some_images(data.train, card.preprocess, seed=recipe.seed)
    certificates = [
        export(model_file, out / f"model{TARGETS[name].suffix}", name, calibration=calibration, overwrite=True)
        for name in recipe.export
    ]
    log(f"running every file on the {len(data.validation)} held-out images")
    rows, evaluations = measure(model_file, certificates, data, card)
    page = out / "report.html"
    write_report(page, report_on(recipe, data, card, evaluations[0], rows, command), overwrite=True)
    replace(card, facts={**card.facts, "validation": evaluations[0].as_dict()}).write(model_file)
    return Outcome(files=rows, evaluation=evaluations[0], report=page)


def check(recipe: Recipe) -> None:
    """Find out at once what would stop the job later."""
    check_network(recipe)
    for name in recipe.export:
        if name not in TARGETS:
            raise ValueError(f"Unknown export format {name!r}. {suggest(name, TARGETS)}")
        module, extra = RUNTIMES.get(Path(TARGETS[name].suffix).suffix, ("keras", ""))
        need(module, extra, f"Exporting {name}")
    if teacher_digest(recipe.teacher):
        Card.read(recipe.teacher)
    need("matplotlib", "report", "The report")
    need("jinja2", "report", "The report")


def finished(model_file: Path, recipe: Recipe, data: Data) -> bool:
    """Whether ``model_file`` came of this very training; what is exported afterwards does not matter."""
    if not model_file.is_file():
        return False
    facts = Card.read(model_file).facts
    anew = {"export": [], "data": None, "teacher": None}  # folder and file may have other names today
    before, now = {**facts.get("recipe", {}), **anew}, {**as_json(asdict(recipe)), **anew}
    contents = (data.fingerprint, teacher_digest(recipe.teacher))
    return before == now and (facts.get("data"), facts.get("teacher", "")) == contents


def as_json(value: Any) -> Any:
    """Tuples become lists, as they do in a file."""
    if isinstance(value, dict):
        return {key: as_json(item) for key, item in value.items()}
    return [as_json(item) for item in value] if isinstance(value, list | tuple) else value


def described(recipe: Recipe, data: Data, replicas: int) -> str:
    note = f" ({data.note})" if data.note else ""
    more = ", ..." if len(data.skipped) > 20 else ""
    skipped = f", {len(data.skipped)} skipped: {', '.join(data.skipped[:20])}{more}" if data.skipped else ""
    return (
        f"{recipe.model} on {recipe.data}: {len(data.train)} images to learn from, {len(data.validation)} held out, "
        f"{len(data.labels)} classes{note}, {replicas} device{'s' * (replicas > 1)}{skipped}"
    )


def measure(
    model_file: Path, certificates: list[Certificate], data: Data, card: Card
) -> tuple[list[FileRow], list[Evaluation]]:
    """Run the Keras model and every exported file over the held-out images, and time them side by side."""
    runners = [open_model(model_file), *(open_model(c.path) for c in certificates)]
    evaluations = [evaluated(runner, data.validation, card.preprocess, task_of(card)) for runner in runners]
    rows = [
        row(runner, evaluation, evaluations[0], certificate)
        for runner, evaluation, certificate in zip(runners, evaluations, [None, *certificates], strict=True)
    ]
    return rows, evaluations


def row(runner: Runner, evaluation: Evaluation, keras: Evaluation, certificate: Certificate | None) -> FileRow:
    return FileRow(
        name=runner.path.name,
        format=certificate.format if certificate else "keras",
        bytes=size_of(runner.path),
        headline=evaluation.headline,
        agreement=evaluation.agreement(keras),
        latency_ms=latency(runner),
        max_error=certificate.max_error if certificate else None,
        verified=f"on {certificate.samples} images" if certificate else "the reference",
    )


def report_on(
    recipe: Recipe, data: Data, card: Card, evaluation: Evaluation, files: list[FileRow], command: str
) -> Report:
    batch, steps = recipe.updates(len(data.train))
    history = [
        {"epoch": number, **record, "images_per_second": batch * steps / record["seconds"]}
        for number, record in enumerate(card.facts["history"], 1)
    ]
    task = task_of(card)
    return Report(
        title=f"{card.model} on {recipe.data}",
        subtitle=f"{len(data.validation)} validation images of {len(data.labels)} classes",
        metric=(task.metric, task.title),
        facts=told(recipe, data, card, command),
        headlines=evaluation.headlines(),
        history=history,
        sections=evaluation.sections(data.validation, card.preprocess),
        files=files,
        numbers=evaluation.as_dict(),
    )


def told(recipe: Recipe, data: Data, card: Card, command: str) -> dict[str, str]:
    """What a reader of the report wants to know about how it came about."""
    versions = ", ".join(f"{name} {version}" for name, version in card.facts["versions"].items())
    return {
        "command": command,
        "network": f"{card.model}, images {card.preprocess.size} x {card.preprocess.size} x {card.preprocess.channels}",
        "data": f"{recipe.data}, {len(data.train)} to learn from, {len(data.validation)} held out, {data.fingerprint}",
        "training": f"{len(card.facts['history'])} epochs in {card.facts['seconds']:.0f} s, seed {recipe.seed}",
        "machine": f"{platform.machine()}, {platform.system()}",
        "versions": versions,
        "date": time.strftime("%Y-%m-%d %H:%M"),
    }
