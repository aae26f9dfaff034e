"""How far two models agree on the same images: what an exported file is verified by.

Both look at scores, the logits of a classifier up to a constant of the image, because probabilities of a confident
network are all near 0 or 1 and those of an untrained one all near 1 / classes: they agree whatever happened to the
file. The last axis of an output holds classes; every place on the other axes is one decision: an image, or a pixel.

*Error* is the root mean square of the differences of scores, as a fraction of the spread (standard deviation) of the
scores of the reference: the inverse of a signal-to-noise ratio. *Agreement* is top-1 agreement on decisions whose best
class leads by more than ``MARGIN`` times the error that is allowed. Near ties are left out, because rounding alone may
turn them. Scores that spread less than ``UNDECIDED`` say nothing: odds between classes differ by less than a tenth.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

UNDECIDED = 0.1  # logits, which are natural logarithms of odds
MARGIN = 3.0


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How far two sets of outputs agree. Errors are in scores: centred log-probabilities, or logits as they are."""

    error: (
        float  # root mean square of the differences, as a fraction of the reference's spread; of all outputs the worst
    )
    max_error: float  # largest absolute difference
    mean_error: float  # mean absolute difference
    top1_agreement: float  # fraction of all decisions that are the same
    decided: int  # number of decisions in which the reference is decided
    decided_agreement: float  # top-1 agreement on these; 1 where there are none
    samples: int  # number of images
    notes: tuple[str, ...]  # why these numbers may say little; mostly empty


def compare(
    wanted: Mapping[str, np.ndarray], got: Mapping[str, np.ndarray], *, steps: Mapping[str, float], tolerance: float
) -> Agreement:
    """Measure the agreement of the outputs of a reference and of another model, (N, ..., classes) by name.

    ``steps`` is the distance between neighbouring values of the outputs of ``got`` that are quantised; ``tolerance``,
    the error that is allowed, says which decisions count as decided. Raises ``ValueError`` when names or shapes differ,
    or an output is not finite.
    """
    if {*wanted} != {*got}:
        raise ValueError(f"The model has the outputs {', '.join(sorted(wanted))}, the file {', '.join(sorted(got))}.")
    parts = [_compare(wanted[name], got[name], steps.get(name, 0.0), tolerance) for name in wanted]
    worst = max(parts, key=lambda part: part.error)
    decided = sum(part.decided for part in parts)
    return Agreement(
        error=worst.error,
        max_error=max(part.max_error for part in parts),
        mean_error=worst.mean_error,
        top1_agreement=min(part.top1_agreement for part in parts),
        decided=decided,
        decided_agreement=min(part.decided_agreement for part in parts),
        samples=worst.samples,
        notes=tuple(dict.fromkeys(note for part in parts for note in part.notes)),
    )


def _compare(reference: np.ndarray, got: np.ndarray, step: float, tolerance: float) -> Agreement:
    if got.shape != reference.shape:
        raise ValueError(f"The model gives outputs of shape {reference.shape}, the file of shape {got.shape}.")
    for outputs, whose in (reference, "model"), (got, "file"):
        if not np.isfinite(outputs).all():
            raise ValueError(f"The outputs of the {whose} are not all finite.")
    want, have = scores(reference, reference, step), scores(got, reference, step)
    difference = np.abs(have - want)
    spread = max(float(want.std()), UNDECIDED)
    same = want.argmax(axis=1) == have.argmax(axis=1)
    decided = lead(want) > MARGIN * tolerance * spread
    return Agreement(
        error=float(np.sqrt(np.mean(difference**2))) / spread,
        max_error=float(difference.max()),
        mean_error=float(difference.mean()),
        top1_agreement=float(same.mean()),
        decided=int(decided.sum()),
        decided_agreement=float(same[decided].mean()) if decided.any() else 1.0,
        samples=len(reference),
        notes=tuple(weaknesses(want)),
    )


def scores(outputs: np.ndarray, reference: np.ndarray, step: float) -> np.ndarray:
    """Outputs as (decisions, classes) float64 scores; probabilities, if the reference is such, as centred logarithms.

    The logarithm of a small quantised probability is noise: what lies below eight steps, where rounding is more than
    a sixteenth of the value, counts as eight steps. Float probabilities are cut at 1e-12.
    """
    outputs, reference = (array.reshape(-1, array.shape[-1]).astype(np.float64) for array in (outputs, reference))
    if (reference < 0).any() or not np.allclose(reference.sum(axis=1), 1, atol=1e-3):
        return outputs
    logarithms = np.log(np.maximum(outputs, max(8 * step, 1e-12)))
    return logarithms - logarithms.mean(axis=1, keepdims=True)


def lead(scores: np.ndarray) -> np.ndarray:
    """(decisions,) by how much the best class leads the second; 0 where there is only one."""
    if scores.shape[1] == 1:
        return np.zeros(len(scores))
    second, first = np.partition(scores, -2, axis=1)[:, -2:].T
    return first - second


def weaknesses(want: np.ndarray) -> Iterator[str]:
    """Why an agreement with these scores says little."""
    if want.std() < UNDECIDED:
        yield "The model is undecided everywhere, as an untrained one is: the verification says little."
    elif (want - want.mean(axis=0)).std() < 0.1 * want.std():
        yield "The model answers nearly the same everywhere: the verification says little. Pass calibration images."
    elif want.shape[1] > 1 and len(set(want.argmax(axis=1))) == 1:
        yield "The model sees one class everywhere: top-1 agreement says little."
