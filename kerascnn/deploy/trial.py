"""A written file run beside the model that it was made of, on the same images."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from kerascnn.deploy.images import need_whole, noise, spread_out
from kerascnn.deploy.operators import onnx_arithmetic, onnx_steps, precision
from kerascnn.deploy.request import ExportRequest, proposals_of
from kerascnn.deploy.targets import TARGETS
from kerascnn.deploy.verification import (
    ExportError,
    VerificationReport,
    check_claims,
    check_operators,
    compare_runs,
    file_facts,
    needs,
    unloaded,
    with_kernels,
)
from kerascnn.evaluation.agreement import compare
from kerascnn.runtime import Runner, keras_runner, open_model
from kerascnn.runtime.runner import random_boxes
from kerascnn.tasks import Task


@dataclass(frozen=True)
class Inputs:
    """What a file and its model are run on."""

    images: np.ndarray  # (N, H, W, C), as the model takes them
    proposals: np.ndarray | None  # (N, M, 4), of a model that looks at given boxes
    called: str  # what the images are, as a report says it


def verification_inputs(request: ExportRequest) -> Inputs:
    """What a file is verified on: the images of its request, or else noise."""
    from kerascnn.graph.rescaling import unscaled

    image = request.model.inputs[0]
    if request.images is None:
        values, count = noise(tuple(image.shape[1:]), image.dtype), proposals_of(request.model)
        boxes = random_boxes(np.random.default_rng(0), (len(values), count), image.shape[1:3]) if count else None
        return Inputs(values if "int" in image.dtype else unscaled(values, request.model), boxes, "noise")
    need_whole(request.images, image.dtype)
    boxes = None if request.proposals is None else spread_out(request.proposals)
    return Inputs(spread_out(request.images), boxes, "calibration images")


def opened(draft: Path, select_tf_ops: bool) -> Runner:
    try:
        if draft.suffix == ".tflite" and draft.is_file():
            check_operators(draft, select_tf_ops)
        return open_model(draft)
    except ValueError as error:
        raise ExportError(unloaded(draft, str(error))) from error


def format_of(file: Runner) -> str:
    if file.format == "keras":
        raise ValueError(f"{file.path} is no exported file: these end in .tflite or .onnx, or are SavedModel folders.")
    return precision(file.path) if file.format == "tflite" else file.format


def verified(
    request: ExportRequest,
    takes: Sequence[str],
    gives: Sequence[str],
    format: str,
    written: Runner,
    inputs: Inputs,
    task: Task | None,
) -> VerificationReport:
    """Run a file against its model; the task says how far outputs agree, or else the general measure."""
    from kerascnn.graph.ending import with_logits

    check_claims(written, batch=request.batch, takes=takes, gives=gives)
    if written.format == "onnx":
        written = replace(written, steps=onnx_steps(written.path))
    tolerance = TARGETS[onnx_arithmetic(written.path) if format == "onnx" else format].tolerance
    reference = keras_runner(with_logits(request.model), request.model.name)
    if reference.proposals != written.proposals:
        raise ExportError(
            f"{written.path.name} takes {written.proposals} proposals of an image, and its model {reference.proposals}."
        )
    reference, written = (replace(each, given=inputs.proposals) for each in (reference, written))
    measure = task.compare if task else compare
    found = compare_runs(reference, written, inputs.images, tolerance, measure)
    facts = file_facts(written)
    found = replace(found, notes=(*found.notes, *needs(facts["operators"])))
    report = VerificationReport(
        format=format, path=str(written.path), inputs=inputs.called, tolerance=tolerance, **vars(found), **facts
    )
    return with_kernels(report, reference, written, inputs.images, measure) if written.format == "tflite" else report
