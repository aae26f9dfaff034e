"""EfficientNetV2 S, M and L on ImageNet, by progressive learning: images and regularisation grow in four stages.

    kerascnn train recipes/efficientnet_v2.py --data imagenet --strategy tpu
    kerascnn train recipes/efficientnet_v2.py:L --data imagenet --strategy tpu
    kerascnn train recipes/efficientnet_v2.py:S_PAPER --data imagenet --strategy tpu

Published: 83.9, 85.2 and 85.7 % top-1 (Tan & Le 2021, Table 7), at 384, 480 and 480 pixels. Cost: 4.4 x 10^18
multiply-adds for S at the mean of its four sizes, 3 x 3.3 G for each of 1.28 M images, 350 times. ImageNet was not
trained here.

Source: ``S``, ``M`` and ``L`` are the released code, google/automl's efficientnetv2/hparams.py, datasets.py and
main.py; ``S_PAPER``, ``M_PAPER`` and ``L_PAPER`` have the stages of the paper's Table 6, whose dropout grows too. The
code's dropout is the network's own in all stages. It sees the whole image in evaluation.
"""

from kerascnn.training import CrossEntropy, Epochs, Exponential, Input, Model, Recipe, RMSProp, Stage

Range = tuple[float, float]  # what the first stage has, and the last


def progressive(
    *,
    size: tuple[int, int],
    randaugment: Range,
    mixup: Range = (0.0, 0.0),
    dropout: Range | None = None,
    stages: int = 4,
    augment: tuple[str, ...] = ("crop", "flip"),
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
    augment: tuple[str, ...] = ("crop", "flip"),
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


CROPPED = ("crop:0.05", "flip")
RECIPE = S = Recipe(
    model=Model("efficientnet_v2_s"),
    data="imagenet",
    input=Input(crop=1.0, interpolation="bicubic", mean=(0.502, 0.502, 0.502), std=(0.502, 0.502, 0.502)),  # 128 of 255
    stages=progressive_as_released(size=300, randaugment=10, augment=CROPPED),
    length=Epochs(350),
    batch=4096,
    optimizer=RMSProp(lr=0.016, per=256, weight_decay=1e-5),
    schedule=Exponential(by=0.97, every=2.4, warmup=5),
    loss=CrossEntropy(label_smoothing=0.1),
    ema=0.9999,
)
M = S.replace(
    {"model.name": "efficientnet_v2_m"},
    stages=progressive_as_released(size=384, randaugment=15, mixup=0.2, cutmix=0.2, augment=CROPPED),
)
L = S.replace(
    {"model.name": "efficientnet_v2_l"},
    stages=progressive_as_released(size=384, randaugment=20, mixup=0.5, cutmix=0.5, augment=CROPPED),
)
S_PAPER = S.replace(stages=progressive(size=(128, 300), randaugment=(5, 15), dropout=(0.1, 0.3), augment=CROPPED))
M_PAPER = M.replace(
    stages=progressive(size=(128, 380), randaugment=(5, 20), mixup=(0.0, 0.2), dropout=(0.1, 0.4), augment=CROPPED)
)
L_PAPER = L.replace(
    stages=progressive(size=(128, 380), randaugment=(5, 25), mixup=(0.0, 0.5), dropout=(0.1, 0.5), augment=CROPPED)
)
