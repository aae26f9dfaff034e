"""From a recipe to a trained network, its verified files in every format asked for, and a report."""

import os
import platform
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from kerascnn.arguments import checked
from kerascnn.card import Card, as_json
from kerascnn.data import Data, open_data
from kerascnn.deploy import TARGETS, ExportError, VerificationReport, export
from kerascnn.errors import need, suggest
from kerascnn.files import locked, need_writable
from kerascnn.report import FileRow, Report, write_report
from kerascnn.runtime import latencies, need_tensorflow, open_model
from kerascnn.spec import expect
from kerascnn.tasks import Evaluation, task_of
from kerascnn.training import Recipe, leads, open_strategy
from kerascnn.training.precision import need_precision
from kerascnn.training.quick import fewer
from kerascnn.training.resolve import Resolved, of_weights, resolve
from kerascnn.training.state import digest, is_finished, run_facts
from kerascnn.training.workers import no_log
from kerascnn.workflows.common import calibration_of, evaluated, network_of, size_of

EXPORTS = ("tflite", "tflite-int8", "onnx")  # formats, unless others are asked for
RUNTIMES = {".tflite": ("ai_edge_litert", "litert"), ".onnx": ("tf2onnx", "onnx")}


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a training leaves behind: every model file with its numbers on the validation images, and the report."""

    files: list[FileRow]
    evaluation: Evaluation
    report: Path


@checked
def train(
    recipe: Recipe,
    out: str | os.PathLike[str],
    *,
    exports: Sequence[str] | None = None,
    strategy: str = "auto",
    precision: str = "float32",
    xla: bool = False,
    remat: bool = False,
    deterministic: bool = False,
    on_corrupt: str = "refuse",
    save_every: float = 600.0,
    extend: bool = False,
    overwrite: bool = False,
    images: int = 0,
    command: str = "",
    log: Callable[[str], Any] = print,
) -> Outcome | None:
    """Train ``recipe``, export it, run every file on the validation images and report.

    Called again after an interruption, it goes on where it stopped; called again after the end, it trains no more and
    writes the files and the report again, unless more epochs are asked for. Of several workers, the chief alone exports
    and reports; the others leave once the training is over.

    Parameters
    ----------
    recipe
        What to train, and on what.
    out
        Folder for everything that is written.
    exports
        Formats to export afterwards. None: TFLite, the same in 8 bits and ONNX; of these, a file that is refused
        is left out, and a line says why.
    strategy
        Devices, as :func:`kerascnn.training.open_strategy` takes them.
    precision, xla, remat, save_every, extend
        As :func:`kerascnn.training.loop.train` takes them.
    deterministic
        Let TensorFlow take only kernels that compute the same bits each time, for the rest of this process. On a CPU
        they all do; on a GPU it is slower.
    on_corrupt
        What to do about images that cannot be decoded, as :func:`kerascnn.data.open_data` takes it.
    overwrite
        Train again although ``out`` holds a finished or another run.
    images
        Train on no more than so many images, and validate on a third as many. 0: all there are.
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
    Terminated
        When this process, or that of another worker, was asked to end while it trained; a ``SystemExit``.
    """
    need_tensorflow("Training")
    out = Path(out)
    wanted = EXPORTS if exports is None else exports
    check(recipe, wanted)
    expect(images >= 0, "images", images, "a number of images, or 0 for all")
    need_precision(precision)
    need_writable(out)
    if deterministic:
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()
    chief, model_file = leads(strategy), out / "model.keras"
    log = log if chief else no_log
    with locked(out) if chief else nullcontext():
        trained = not overwrite and is_long_enough(model_file, recipe)  # then the other workers may have left already
        devices = open_strategy("one" if trained and strategy == "workers" else strategy)
        proposals = recipe.model.row().takes_proposals
        data = open_data(recipe.data, on_corrupt=on_corrupt, progress=chief, proposals=proposals)
        data = fewer(data, images) if images else data
        resolved, how = resolve(recipe, data), {"precision": precision, "xla": xla}
        more: Any = {"remat": remat, "save_every": save_every, "extend": extend, "overwrite": overwrite}
        log(described(resolved, data, devices.num_replicas_in_sync))
        if not overwrite and is_finished(model_file, run_facts(resolved, data, **how)):
            log(f"{model_file} is trained already, by this recipe on these images; --overwrite trains it again")
        else:
            from kerascnn.training import loop

            loop.train(resolved, data, out, strategy=devices, **how, **more, log=log)
        if not chief:
            return None
        card = Card.read(model_file)

        log("exporting: " + (", ".join(wanted) or "nothing"))
        calibration = calibration_of(data.train, card.preprocess, seed=recipe.seed)
        verifications = []
        for name in wanted:
            file = out / f"model{TARGETS[name].suffix}"
            try:
                verifications.append(export(model_file, file, name, calibration=calibration, overwrite=True))
            except ExportError as error:
                if exports is not None:
                    raise
                log(f"{file.name} is not written: {error}")
        log(f"running every file on the {len(data.validation):,} validation images")
        rows, evaluations = measure(model_file, verifications, data, card)
        page = out / "report.html"
        write_report(page, report_on(resolved, data, card, evaluations[0], rows, command), overwrite=True)
        replace(card, facts={**card.facts, "validation": evaluations[0].as_dict()}).write(model_file)
        return Outcome(files=rows, evaluation=evaluations[0], report=page)


def check(recipe: Recipe, exports: Sequence[str]) -> None:
    """Find out at once what would stop the training or an export later."""
    recipe.model.row()
    of_weights(recipe)
    for name in exports:
        if name not in TARGETS:
            raise ValueError(f"Unknown export format {name!r}. {suggest(name, TARGETS)}")
        module, extra = RUNTIMES.get(Path(f"x{TARGETS[name].suffix}").suffix, ("keras", ""))
        need(module, extra, f"Exporting {name}")
    if recipe.distill:
        digest(recipe.distill.teacher)
        Card.read(recipe.distill.teacher)
    need("matplotlib", "report", "The report")
    need("jinja2", "report", "The report")


def is_long_enough(model_file: Path, recipe: Recipe) -> bool:
    """Whether a trained network is there, and of the length that the recipe asks for, as far as it says so."""
    card = Card.beside(model_file) if model_file.is_file() else None
    there = card.facts.get("recipe", {}).get("length") if card else None
    return model_file.exists() and (recipe.length is None or there in (None, as_json(recipe.length)))


def described(resolved: Resolved, data: Data, replicas: int) -> str:
    note = f" ({data.note})" if data.note else ""
    more = ", ..." if len(data.skipped) > 20 else ""
    skipped = f", {len(data.skipped)} skipped: {', '.join(data.skipped[:20])}{more}" if data.skipped else ""
    return (
        f"{resolved.name} on {resolved.recipe.data}, which has {data.found}: {len(data.train)} images to train on, "
        f"{len(data.validation)} to validate on, {len(data.labels)} classes{note}, "
        f"{replicas} device{'s' * (replicas > 1)}{skipped}"
    )


def measure(
    model_file: Path, verifications: list[VerificationReport], data: Data, card: Card
) -> tuple[list[FileRow], list[Evaluation]]:
    """Run the Keras model and every exported file over the validation images, and time them side by side."""
    runners = [open_model(model_file), *(open_model(each.path) for each in verifications)]
    evaluations = [evaluated(runner, data.validation, card.preprocess, task_of(card)) for runner in runners]
    times = np.median(latencies(runners), axis=1)
    rows = [
        FileRow(
            name=runner.path.name,
            format=verified.format if verified else "keras",
            bytes=size_of(runner.path),
            headline=evaluation.headline,
            agreement=evaluation.agreement(evaluations[0]),
            latency_ms=float(ms),
            max_error=verified.max_error if verified else None,
            verified=f"on {verified.samples} images" if verified else "the reference",
        )
        for runner, evaluation, verified, ms in zip(runners, evaluations, [None, *verifications], times, strict=True)
    ]
    return rows, evaluations


def report_on(
    resolved: Resolved, data: Data, card: Card, evaluation: Evaluation, files: list[FileRow], command: str
) -> Report:
    recipe, images = resolved.recipe, resolved.batch * resolved.steps
    history = [
        {"epoch": number, **record, "images_per_second": images / record["seconds"]}
        for number, record in enumerate(card.facts["history"], 1)
    ]
    task = task_of(card)
    return Report(
        title=f"{card.model} on {recipe.data}",
        subtitle=f"{len(data.validation)} validation images of {len(data.labels)} classes",
        metric=(task.metric, task.title),
        facts=facts_of(recipe, data, card, command),
        headlines=evaluation.headlines(),
        history=history,
        sections=evaluation.sections(data.validation, card.preprocess),
        files=files,
        numbers=evaluation.as_dict(),
    )


def facts_of(recipe: Recipe, data: Data, card: Card, command: str) -> dict[str, str]:
    """What a reader of the report wants to know about how it came about."""
    tested = (
        f"kerascnn evaluate measures the {len(data.test)} test images" if data.test else "the source has no test images"
    )
    return {
        "command": command,
        "network": network_of(card),
        "data": f"{recipe.data}, {len(data.train)} training and {len(data.validation)} validation images, "
        f"{data.fingerprint}",
        "evaluated on": f"the validation images, by which the training was steered; {tested}",
        "training": f"{len(card.facts['history'])} epochs in {card.facts['seconds']:.0f} s, seed {recipe.seed}",
        "machine": f"{platform.machine()}, {platform.system()}",
        "versions": ", ".join(f"{name} {version}" for name, version in card.facts["versions"].items()),
        "date": time.strftime("%Y-%m-%d %H:%M"),
    }
