"""Stages of a training that differ in image size and regularisation: progressive learning."""

from dataclasses import dataclass

from kerascnn.data.transforms.registry import parse_all

Range = tuple[float, float]  # what the first stage has, and the last
CROPPED = ("crop", "flip")


@dataclass(frozen=True, kw_only=True)
class Stage:
    """What holds for one of the equal shares into which a recipe cuts its epochs.

    Parameters
    ----------
    size
        Side of the image that is learned from, in pixels.
    augment
        Names of augmentations, as in a recipe.
    dropout
        Share that every dropout layer drops; drop-path keeps its own. None: as the network is drawn.

    Raises
    ------
    ValueError
        When a value is of the wrong type, out of range or unknown.
    """

    size: int
    augment: tuple[str, ...] = ()
    dropout: float | None = None

    def __post_init__(self) -> None:
        if isinstance(self.size, bool) or not isinstance(self.size, int) or self.size < 1:
            raise ValueError(f"Stage: size is {self.size!r}; expected a whole number of at least 1 pixel.")
        if not isinstance(self.augment, tuple) or not all(isinstance(name, str) for name in self.augment):
            raise ValueError(
                f'Stage: augment is {self.augment!r}; expected a tuple of names, such as ("crop", "flip").'
            )
        if self.dropout is not None and not (isinstance(self.dropout, int | float) and 0 <= self.dropout < 1):
            raise ValueError(f"Stage: dropout is {self.dropout!r}; expected a share from 0, below 1, or None.")
        parse_all(self.augment)


def progressive(
    *,
    size: tuple[int, int],
    randaugment: Range,
    mixup: Range = (0.0, 0.0),
    dropout: Range | None = None,
    stages: int = 4,
    augment: tuple[str, ...] = CROPPED,
) -> tuple[Stage, ...]:
    """Stages whose image and regularisation grow together, evenly from the first to the last.

    Tan & Le 2021, https://arxiv.org/abs/2104.00298, section 4.2, algorithm 1: of M stages, stage i has
    ``S_i = S_0 + (S_e - S_0) i / (M - 1)``, and so has every strength. Table 6 gives the ends for EfficientNetV2:
    S, M and L have sizes (128, 300), (128, 380) and (128, 380), RandAugment (5, 15), (5, 20) and (5, 25), MixUp
    (0, 0), (0, 0.2) and (0, 0.5), dropout (0.1, 0.3), (0.1, 0.4) and (0.1, 0.5).

    Parameters
    ----------
    size
        Side of the image in the first and in the last stage, in pixels.
    randaugment
        Magnitudes, with two operations an image.
    mixup
        alpha; 0 is none.
    dropout
        None: as the network is drawn.
    stages
        How many, 2 at the least.
    augment
        What comes before these in every stage.

    Raises
    ------
    ValueError
        When a strength is out of range.
    """
    check(stages, 2)
    return tuple(
        Stage(
            size=round(even(size, i, stages)),
            augment=(*augment, f"randaugment:2:{even(randaugment, i, stages):g}", *mixes(even(mixup, i, stages), 0)),
            dropout=even(dropout, i, stages) if dropout else None,
        )
        for i in range(stages)
    )


def progressive_as_released(
    *,
    size: int,
    randaugment: float,
    mixup: float = 0.0,
    cutmix: float = 0.0,
    first: int = 128,
    stages: int = 4,
    augment: tuple[str, ...] = CROPPED,
) -> tuple[Stage, ...]:
    """Stages as the released code of EfficientNetV2 has them, which are not the paper's.

    ``google/automl``, ``efficientnetv2/main.py``: of M stages, stage k = 1..M has images of
    ``first + (size - first) k / M`` pixels; RandAugment's magnitude climbs evenly from 5, the alphas of MixUp and
    CutMix from 0. Dropout stays as it is drawn. Sizes 300, 384 and 384, magnitudes 10, 15 and 20, both alphas 0, 0.2
    and 0.5 are those of EfficientNetV2-S, M and L. That code also changes stages in the middle of an epoch,
    and where it mixes by one alpha alone, every image has a share of its own and its partner in reverse.

    Parameters
    ----------
    size
        Side of the image in the last stage, in pixels.
    randaugment
        Its magnitude in the last stage, with two operations an image.
    mixup, cutmix
        The alphas of the last stage; 0 is none. With both, each half of a batch has one of them.
    first
        From where sizes climb, in pixels; no stage has it.
    stages
        How many.
    augment
        What comes before these in every stage.

    Raises
    ------
    ValueError
        When a strength is out of range.
    """
    check(stages, 1)
    return tuple(
        Stage(
            size=int(first + (size - first) * (i + 1) / stages),
            augment=(
                *augment,
                f"randaugment:2:{even((5, randaugment), i, stages):g}",
                *mixes(even((0, mixup), i, stages), even((0, cutmix), i, stages)),
            ),
        )
        for i in range(stages)
    )


def check(stages: int, least: int) -> None:
    if stages < least:
        raise ValueError(f"stages is {stages}; expected {least} or more.")


def even(ends: Range, i: int, stages: int) -> float:
    """What stage i, counted from 0, has on an even climb."""
    return ends[0] + (ends[1] - ends[0]) * i / max(stages - 1, 1)


def mixes(mixup: float, cutmix: float) -> tuple[str, ...]:
    """Both, one or none, by their alphas."""
    if mixup and cutmix:
        return (f"mixup_cutmix:{mixup:g}:{cutmix:g}",)
    return tuple(f"{name}:{alpha:g}" for name, alpha in (("mixup", mixup), ("cutmix", cutmix)) if alpha)
