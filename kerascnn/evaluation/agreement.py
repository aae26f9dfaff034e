"""How far two models agree on the same images: what an exported file is verified by.

An output is (N, ..., channels): one row of channels for an image, or in a map one for each place. It is compared as
*scores*, in which a fault shows wherever it lies. Shares of classes, rows that sum to 1, become centred logarithms: the
logits up to a constant. Other shares, from 0 to 1, as of a sigmoid, become logarithms of odds. Shares themselves are
all near 0 or 1 in a confident network and all alike in an untrained one: they agree whatever happened to the file. All
else, as logits, boxes and landmarks, is compared as it is.

Differences are measured in spreads (standard deviations) of the reference, never in its values: the inverse of a
signal-to-noise ratio. The *error* of an output is the root mean square of all its differences, by the spread of all
its scores. The *channel error* is that of one channel, by its own spread round its mean over the images, at each place:
scores that lie beside boxes in pixels count as much as these, and a file that answers the same whatever it sees has a
channel error of 1 or more. With a tolerance t for errors, a channel error may reach t ** ``CHANNEL``, halfway to
the 1 of a channel that is lost. *Excess* is the larger of the two, by what it may be: up to 1 a file is right.

A confident network makes much of little: its logits lie far beyond what shares can show, and where one is near a tie,
an error that is small among these logits turns a share from 0 to 1. So a file is allowed with shares what it is allowed
with the logits behind them. Where the reference gives these too, noise of the tolerance is put on them, and what that
makes of the scores counts as an error of the tolerance, where it is more. ``LOST`` of what a lost channel comes to is
the most that any channel may err.

*Agreement* is the share of decisions that are the same: for the best of several channels, or in a share that stands
alone, whether it is above one half. Channels compete where they are shares of classes, or where a task says so, and a
share stands alone where it has logits: landmarks and boxes decide nothing. Clear decisions lead by more than ``MARGIN``
times the error that is allowed, in logits where there are some: near ties are left out, because rounding alone may turn
them.

What float32 rounds away of a value is no difference: of 2000 ± 0.2 it holds the 0.2 to three digits. Of a share that
stands alone that is the last digit of 1, for runtimes compute a sigmoid to that, however small it is. Shares of classes
that spread less than ``UNDECIDED`` say nothing, and errors are by that; other shares, by ``STEPS`` of their steps where
that is less, for the runtime sets these and no file can be finer. Where all channels of an output together spread less
over the images than ``FAINT`` of what tells channels and places apart, errors are by that. A channel in which images
make no difference at all has no spread: it is measured against that of its output, and named.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import numpy as np

from kerascnn.runtime import LOGITS

UNDECIDED = 0.3  # natural logarithms of odds: these differ by a third
MARGIN = 3.0
CHANNEL = 1 / 2
FAINT = 0.03  # of the spread of an output, which is less than networks in 8 bits carry
ENOUGH = 16  # images: from so many a spread is known to a fifth
STEPS = 8  # of a quantised share: what is smaller is rounding by a sixteenth or more
DRAWS = 4096  # of noise for each channel at least: its effect is then known to a few hundredths
LOST = 0.9
DIGIT = float(np.finfo(np.float32).eps)  # the last of 1: ONNX Runtime's sigmoid is off by this at any share
ROUNDING = 4 * DIGIT  # of a value, what the last sums that lead to it may round away


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How far two sets of outputs agree, in scores. Of several outputs the worst of each number counts."""

    error: float  # root mean square of the differences, as a fraction of the reference's spread
    channel: str  # the worst channel: "scores[3]" is the fourth of the output scores
    channel_error: float  # its root mean square difference, as a fraction of its own spread over the images
    excess: float  # the larger of both as a multiple of what it may be; up to 1 a file is right
    max_error: float  # largest absolute difference
    mean_error: float  # mean absolute difference
    top1_agreement: float  # fraction of all decisions that are the same; 1 where there are none
    decided: int  # number of decisions in which the reference is decided
    decided_agreement: float  # fraction of these that are the same; 1 where there are none
    samples: int  # number of images
    notes: tuple[str, ...]  # why these numbers may say little; mostly empty


def compare(
    wanted: Mapping[str, np.ndarray],
    got: Mapping[str, np.ndarray],
    *,
    steps: Mapping[str, float],
    tolerance: float,
    competing: Collection[str] = (),
) -> Agreement:
    """Measure the agreement of the outputs of a reference and of another model.

    Parameters
    ----------
    wanted, got
        (N, ..., channels) by name; of shares of a softmax or sigmoid, ``wanted`` may hold the logits too, under the
        name that ``kerascnn.runtime.LOGITS`` makes of theirs.
    steps
        By name, the distance between neighbouring values of the outputs of ``got`` that are quantised.
    tolerance
        The error that is allowed.
    competing
        The outputs whose best channel is a decision though they are no shares, as logits.

    Raises
    ------
    ValueError
        When names or shapes differ, or an output is not finite.
    """
    logits = {name: LOGITS.format(name) for name in wanted if LOGITS.format(name) in wanted}
    wanted, got = dict(wanted), {name: values for name, values in got.items() if name not in logits.values()}
    behind = {name: wanted.pop(key) for name, key in logits.items()}
    if {*wanted} != {*got}:
        raise ValueError(f"The model has the outputs {', '.join(sorted(wanted))}, the file {', '.join(sorted(got))}.")
    parts = [
        _compare(name, values, got[name], steps.get(name, 0.0), tolerance, behind.get(name), name in competing)
        for name, values in wanted.items()
    ]
    return replace(
        max(parts, key=lambda part: part.excess),
        error=max(part.error for part in parts),
        max_error=max(part.max_error for part in parts),
        mean_error=max(part.mean_error for part in parts),
        top1_agreement=min(part.top1_agreement for part in parts),
        decided=sum(part.decided for part in parts),
        decided_agreement=min(part.decided_agreement for part in parts),
        notes=tuple(dict.fromkeys(note for part in parts for note in part.notes)),
    )


def _compare(
    name: str,
    reference: np.ndarray,
    got: np.ndarray,
    step: float,
    tolerance: float,
    logits: np.ndarray | None,
    competing: bool,
) -> Agreement:
    if got.shape != reference.shape:
        raise ValueError(f"The model gives {name} of shape {reference.shape}, the file of shape {got.shape}.")
    for outputs, whose in (reference, "model"), (got, "file"):
        if not np.isfinite(outputs).all():
            raise ValueError(f"The outputs of the {whose} are not all finite.")
    kind = kind_of(reference)
    least = least_of(kind, step, tolerance)
    whole = in_rows(reference)
    reference, got = (cut(each, kind, least) for each in (whole, in_rows(got)))
    want, have = scores(reference, kind), scores(got, kind)
    rounded = np.maximum(ROUNDING * np.abs(reference), DIGIT if kind == "odds" else 0) * steepness(reference, kind)
    difference = have - want
    error = np.sign(difference) * np.maximum(np.abs(difference) - rounded, 0)

    spread = max(float(want.std()), 0.0 if kind == "values" else UNDECIDED) or float(np.abs(want).max()) or 1.0
    own = root_mean_square(want - want.mean(axis=0))
    sure, clear = want, MARGIN * tolerance * spread
    if logits is not None and kind != "values":
        sure = in_rows(logits)
        sure -= sure.mean(axis=-1, keepdims=True) if kind == "classes" else 0
        clear = MARGIN * tolerance * max(float(sure.std()), UNDECIDED)
        noise = effect_of_noise(sure, kind, least, tolerance)
        spread = max(spread, float(np.sqrt(np.mean(noise**2))) / tolerance)
        own = np.maximum(own, np.minimum(np.sqrt(own * noise / tolerance), own * LOST / tolerance**CHANNEL))
    still = own <= root_mean_square(rounded)
    floor = np.full_like(own, FAINT * spread if np.sqrt(np.mean(own**2)) < FAINT * spread else 0)
    if kind == "classes":
        floor[:] = UNDECIDED
    elif kind == "odds":
        steps = STEPS * step * root_mean_square(steepness(reference, kind))
        floor = np.maximum(floor, np.minimum(UNDECIDED, steps))
    own = np.where(still, spread, np.maximum(own, floor))
    channel_error = root_mean_square(error) / own
    worst = int(channel_error.argmax())
    of_all = float(np.sqrt(np.mean(error**2))) / spread

    decides = competing or kind == "classes" or logits is not None
    decided = (lead(sure, kind) > clear) & decides
    same = (decisions(want, kind) == decisions(have, kind)) | (not decides)
    return Agreement(
        error=of_all,
        channel=f"{name}[{worst}]",
        channel_error=float(channel_error[worst]),
        excess=max(of_all / tolerance, float(channel_error[worst]) / tolerance**CHANNEL),
        max_error=float(np.abs(difference).max()),
        mean_error=float(np.abs(difference).mean()),
        top1_agreement=float(same.mean()),
        decided=int(decided.sum()),
        decided_agreement=float(same[decided].mean()) if decided.any() else 1.0,
        samples=len(reference),
        notes=tuple(weaknesses(name, scores(cut(whole, kind, least_of(kind, 0, tolerance)), kind), kind, still)),
    )


def kind_of(reference: np.ndarray) -> str:
    """What an output is: shares of "classes", other shares as "odds", or "values" of any kind."""
    if reference.min() < 0 or reference.max() > 1 + 1e-3:
        return "values"
    sums_to_one = reference.shape[-1] > 1 and np.allclose(reference.sum(axis=-1, dtype=np.float64), 1, atol=1e-3)
    return "classes" if sums_to_one else "odds"


def least_of(kind: str, step: float, tolerance: float) -> float:
    """Below which share a score is no longer told from a smaller one.

    The logarithm of a small quantised share is noise: what lies below eight steps, where rounding is more than a
    sixteenth of the value, counts as eight steps. Floats of classes are cut at 1e-12. Odds need not come from a
    sigmoid, whose errors shrink with its shares: they are cut at an eighth of the tolerance, at both ends.
    """
    return max(STEPS * step, tolerance / 8 if kind == "odds" else 1e-12)


def cut(outputs: np.ndarray, kind: str, least: float) -> np.ndarray:
    """Outputs of a kind without what their logarithms would make too much of."""
    return outputs if kind == "values" else np.clip(outputs, least, 1 - least if kind == "odds" else None)


def scores(outputs: np.ndarray, kind: str) -> np.ndarray:
    """Cut outputs of a kind as scores of the same shape."""
    if kind == "values":
        return outputs
    if kind == "odds":
        return np.log(outputs / (1 - outputs))
    logarithms = np.log(outputs)
    return logarithms - logarithms.mean(axis=-1, keepdims=True)


def steepness(outputs: np.ndarray, kind: str) -> np.ndarray:
    """How much faster than cut outputs their scores change."""
    return (
        np.ones((1, 1, 1)) if kind == "values" else 1 / outputs if kind == "classes" else 1 / (outputs * (1 - outputs))
    )


def shares(scores: np.ndarray, kind: str) -> np.ndarray:
    """The shares that scores of a kind are of."""
    if kind == "odds":
        return 1 / (1 + np.exp(-scores))
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def effect_of_noise(logits: np.ndarray, kind: str, least: float, tolerance: float) -> np.ndarray:
    """(channels,) root mean square of what noise on logits changes of the scores of shares, cut at ``least``.

    The noise is normal, and ``tolerance`` of each channel's spread over the images.
    """

    def seen(logits: np.ndarray) -> np.ndarray:
        return scores(cut(shares(logits, kind), kind, least), kind)

    deviation = tolerance * root_mean_square(logits - logits.mean(axis=0))
    want, random = seen(logits), np.random.default_rng(0)
    draws = -(-DRAWS // (logits.shape[0] * logits.shape[1]))
    changes = (seen(logits + deviation * random.standard_normal(logits.shape)) - want for _ in range(draws))
    return np.sqrt(np.mean([root_mean_square(change) ** 2 for change in changes], axis=0))


def decisions(scores: np.ndarray, kind: str) -> np.ndarray:
    return scores > 0 if kind == "odds" else scores.argmax(axis=-1)


def lead(scores: np.ndarray, kind: str) -> np.ndarray:
    """By how much each decision is ahead of another; 0 where there is none to take."""
    if kind == "odds":
        return np.abs(scores)
    if scores.shape[-1] == 1:
        return np.zeros(scores.shape[:-1])
    best = np.partition(scores, -2, axis=-1)
    return best[..., -1] - best[..., -2]


def in_rows(outputs: np.ndarray) -> np.ndarray:
    """Outputs (N, ..., channels) as float64 (N, places, channels)."""
    return outputs.reshape(len(outputs), -1, outputs.shape[-1]).astype(np.float64)


def root_mean_square(values: np.ndarray) -> np.ndarray:
    """(channels,) of values (N, places, channels)."""
    return np.sqrt(np.mean(values**2, axis=(0, 1)))


def weaknesses(name: str, want: np.ndarray, kind: str, still: np.ndarray) -> list[str]:
    """Why an agreement with these scores says little. ``still`` are the channels in which images make no difference."""
    apart = float((want - want.mean(axis=0)).std())
    if kind != "values" and want.std() < UNDECIDED:
        return ["The model is undecided everywhere, as an untrained one is: the verification says little."]
    if apart < 0.1 * want.std() or (kind != "values" and apart < UNDECIDED):
        return ["The model answers nearly the same everywhere: the verification says little. Pass calibration images."]
    found = []
    if kind == "classes" and len(np.unique(want.argmax(axis=-1))) == 1:
        found.append("The model sees one class everywhere: top-1 agreement says little.")
    if len(want) < ENOUGH:
        found.append(f"{len(want)} images say little of what tells images apart: pass {ENOUGH} or more.")
    if still.any():
        some = ", ".join(f"{name}[{channel}]" for channel in np.flatnonzero(still)[:8])
        found.append(
            f"On these images {some}{', ...' * bool(still.sum() > 8)} of the model never change: "
            f"that these follow the image is not verified."
        )
    return found
