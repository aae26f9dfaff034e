"""What the fields of a recipe may hold: their types, their ranges, the tables that their words come from."""

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from kerascnn.spec import INTERPOLATIONS
from kerascnn.tasks.classification.losses import BinaryCrossEntropy, CrossEntropy
from kerascnn.training.optimizers import OPTIMIZERS
from kerascnn.training.precision import POLICIES
from kerascnn.training.schedule import SCHEDULES
from kerascnn.training.stages import Stage

LOSSES = {"softmax": CrossEntropy, "sigmoid": BinaryCrossEntropy}


@dataclass(frozen=True)
class Kind:
    """A type of field: how it is called in an error, how a value is recognised, and how one is read from text.

    What text cannot say is not read from it.
    """

    name: str
    holds: Callable[[Any], bool]
    parse: Callable[[str], Any] | None


def is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: Any) -> bool:
    return is_whole(value) or (isinstance(value, float) and math.isfinite(value))


def is_text(value: Any) -> bool:
    return isinstance(value, str)


def tuple_of(holds: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, tuple) and all(map(holds, value))


def as_switch(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError(f"{text!r} is neither True nor False")
    return text.lower() == "true"


def listed(parse: Callable[[str], Any]) -> Callable[[str], tuple]:
    return lambda text: tuple(parse(part.strip()) for part in text.split(",") if part.strip())


KINDS: dict[Any, Kind] = {
    int: Kind("a whole number", is_whole, int),
    float: Kind("a number", is_number, float),
    bool: Kind("True or False", lambda value: isinstance(value, bool), as_switch),
    str: Kind("text", is_text, str),
    tuple[float, ...]: Kind("a tuple of numbers, such as (0.5,)", tuple_of(is_number), listed(float)),
    tuple[Stage, ...]: Kind(
        "a tuple of records, such as (Stage(size=128), Stage(size=224))",
        tuple_of(lambda value: isinstance(value, Stage)),
        None,
    ),
    tuple[str, ...]: Kind('a tuple of names, such as ("crop", "flip")', tuple_of(is_text), listed(str)),
}

RANGES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "frozen_epochs": (lambda epochs: epochs >= 0, "0 or more"),
    "size": (lambda size: size >= 0, "a number of pixels, or 0 for that of the weights or the network"),
    "train_size": (lambda size: size >= 0, "at least 1 pixel, or 0 for that of evaluation"),
    "crop": (lambda crop: 0 <= crop <= 1, "a share over 0, up to 1, or 0 for that of the weights"),
    "mean": (lambda mean: len(mean) in (0, 1, 3), "one number (grey), three (colour) or none"),
    "std": (lambda std: all(number > 0 for number in std), "numbers above 0"),
    "repeats": (lambda times: times >= 1, "at least 1, for once"),
    "epochs": (lambda epochs: epochs >= 0, "at least 1"),
    "steps_per_epoch": (lambda steps: steps >= 0, "a number of updates, or 0 for one pass over the images"),
    "batch": (lambda batch: batch >= 1, "at least 1"),
    "accumulate": (lambda parts: parts >= 1, "at least 1 part"),
    "lr": (lambda lr: lr > 0, "above 0"),
    "lr_batch": (lambda batch: batch >= 0, "a number of images, or 0 to take lr as it is"),
    "momentum": (lambda momentum: 0 <= momentum < 1, "from 0, below 1"),
    "epsilon": (lambda epsilon: epsilon >= 0, "0 (the optimizer's own) or more"),
    "weight_decay": (lambda decay: decay >= 0, "0 or more"),
    "clip_norm": (lambda norm: norm >= 0, "above 0, or 0 to clip nothing"),
    "decay_rate": (lambda rate: 0 < rate < 1, "between 0 and 1"),
    "decay_epochs": (lambda epochs: epochs > 0, "above 0"),
    "milestones": (lambda epochs: list(epochs) == sorted({*epochs}) and min(epochs, default=1) > 0, "rising epochs"),
    "patience": (lambda epochs: epochs >= 1, "at least 1 epoch"),
    "power": (lambda power: power > 0, "above 0"),
    "warmup_epochs": (lambda epochs: epochs >= 0, "0 or more"),
    "label_smoothing": (lambda smoothing: 0 <= smoothing < 1, "from 0, below 1"),
    "auxiliary": (lambda weight: weight >= 0, "a weight above 0, or 0"),
    "distill": (lambda share: 0 <= share <= 1, "a share from 0 to 1"),
    "temperature": (lambda degrees: degrees > 0, "above 0"),
    "ema": (lambda decay: 0 <= decay < 1, "from 0, below 1"),
    "seed": (lambda seed: 0 <= seed < 2**32, "from 0, below 2**32"),
}

TABLES: dict[str, Collection[str]] = {
    "rule": ("", "bit"),
    "batch_norm": ("train", "frozen"),
    "interpolation": ("", *INTERPOLATIONS),
    "optimizer": OPTIMIZERS,
    "schedule": SCHEDULES,
    "loss": LOSSES,
    "precision": POLICIES,
}

# Fields that only some choices heed: set in vain, they are refused.
USED_BY: dict[str, tuple[str, tuple[str, ...]]] = {
    "epsilon": ("optimizer", tuple(name for name, row in OPTIMIZERS.items() if row.epsilon)),
    "decay_rate": ("schedule", ("step", "exponential", "plateau")),
    "decay_epochs": ("schedule", ("exponential",)),
    "milestones": ("schedule", ("step",)),
    "patience": ("schedule", ("plateau",)),
    "power": ("schedule", ("polynomial",)),
}
