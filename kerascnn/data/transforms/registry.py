"""Augmentations by name: which there are, what arguments a name may carry, and in what order they are made.

A cut decides which part of the source is seen, a choice does so by the objects in it; what they give is stretched to
the network's size, in the place of evaluation's resize and centre crop. A fit makes an image of the network's size of
the whole source itself. A move and a change are made to one image that has the network's size already, with values of 0
to 255; a change leaves everything in its place. Fits and moves return the affine that they applied too, which
annotations follow. A mix is made of the images of a batch and of their classes, a collage of these and of their boxes.

All are functions of what they change and of two integers: same integers, same change. A line of the table names the
module of this room that holds the function of the same name.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from kerascnn.errors import suggest


@dataclass(frozen=True)
class Argument:
    """A number that a name may carry, from ``least`` to ``most``, ends included."""

    name: str  # the paper's letter or word
    default: float  # what it is when left out; a whole number when it has to be one
    least: float
    most: float

    def read(self, text: str) -> float:
        """The number that ``text`` means. Raises ``ValueError`` when it means none that is allowed."""
        number = type(self.default)(text)
        if not self.least <= number <= self.most:
            raise ValueError(f"{number} is out of range")
        return number

    def __str__(self) -> str:
        kind = "a whole number" if isinstance(self.default, int) else "a number"
        return f"{self.name}, {kind} of {self.least} to {self.most}"


@dataclass(frozen=True)
class Augmentation:
    """A line of the table."""

    kind: str  # "cut", "choice", "fit", "move", "change", "mix" or "collage"
    module: str  # where its function is; it needs TensorFlow, so it is imported when the first image comes
    arguments: tuple[Argument, ...] = ()  # what may stand behind the name, in this order, each after a colon


@dataclass(frozen=True)
class Step:
    """An augmentation by its name, and the values of all its arguments; called, it makes the change."""

    name: str
    values: tuple[float, ...]

    @property
    def kind(self) -> str:
        return AUGMENTATIONS[self.name].kind

    def __call__(self, *inputs: Any) -> Any:
        function = getattr(import_module(f"kerascnn.data.transforms.{AUGMENTATIONS[self.name].module}"), self.name)
        return function(*inputs, *self.values)


AUGMENTATIONS = {
    "crop": Augmentation("cut", "geometry", (Argument("least", 0.08, 0.001, 1.0),)),
    "window": Augmentation(
        "cut", "geometry", (Argument("least", 0.875, 0.001, 1.0), Argument("most", 0.875, 0.001, 1.0))
    ),
    "iou_crop": Augmentation("choice", "patches", (Argument("least", 0.3, 0.01, 1.0),)),
    "squash": Augmentation("fit", "geometry", (Argument("fraction", 0.875, 0.001, 1.0),)),
    "flip": Augmentation("move", "geometry"),
    "shift": Augmentation("move", "geometry", (Argument("pixels", 4, 0, 1000),)),
    "shift_mirror": Augmentation("move", "geometry", (Argument("pixels", 4, 0, 1000),)),
    "affine": Augmentation("move", "geometry"),
    "jitter": Augmentation(
        "change",
        "jitter",
        (
            Argument("brightness", 0.4, 0.0, 10.0),
            Argument("contrast", 0.4, 0.0, 10.0),
            Argument("saturation", 0.4, 0.0, 10.0),
            Argument("hue", 0.0, 0.0, 0.5),
        ),
    ),
    "lighting": Augmentation("change", "jitter", (Argument("deviation", 0.1, 0.0, 10.0),)),
    "randaugment": Augmentation("move", "policies", (Argument("N", 2, 1, 20), Argument("M", 9.0, 0.0, 30.0))),
    "autoaugment": Augmentation("move", "policies"),
    "trivialaugment": Augmentation("move", "policies"),
    "erasing": Augmentation("change", "erasing", (Argument("probability", 0.5, 0.0, 1.0),)),
    "cutout": Augmentation("change", "erasing", (Argument("side", 16, 1, 10_000),)),
    "mosaic": Augmentation("collage", "collage", (Argument("probability", 1.0, 0.0, 1.0),)),
    "mixup": Augmentation("mix", "mixing", (Argument("alpha", 0.2, 0.01, 100.0),)),
    "cutmix": Augmentation("mix", "mixing", (Argument("alpha", 1.0, 0.01, 100.0),)),
    "mixup_cutmix": Augmentation(
        "mix", "mixing", (Argument("alpha_mixup", 0.2, 0.01, 100.0), Argument("alpha_cutmix", 0.2, 0.01, 100.0))
    ),
}


SEEN = ("cut", "choice", "fit")  # kinds that decide which part of an image is seen


def parse(text: str) -> Step:
    """What a name such as ``"randaugment:2:9"`` means; arguments that are left out have their defaults.

    Raises ``ValueError`` when there is no such augmentation, or its arguments are not as its line of the table says.
    """
    name, *texts = text.split(":")
    if name not in AUGMENTATIONS:
        raise ValueError(f"There is no augmentation {name!r}. {suggest(name, AUGMENTATIONS)}")
    arguments = AUGMENTATIONS[name].arguments
    if len(texts) > len(arguments):
        known = ", ".join(argument.name for argument in arguments) or "none"
        count = f"{len(texts)} argument{'s' * (len(texts) > 1)}"
        raise ValueError(f"The augmentation {text!r} has {count}; {name!r} takes {known}.")
    values = [argument.default for argument in arguments]
    for place, (argument, number) in enumerate(zip(arguments, texts, strict=False)):
        try:
            values[place] = argument.read(number)
        except ValueError:
            raise ValueError(f"The augmentation {text!r} has {number!r}; expected {argument}.") from None
    return Step(name, tuple(values))


def parse_all(names: Iterable[str]) -> tuple[Step, ...]:
    """What a recipe's augmentations mean, in their order.

    Raises ``ValueError`` when a name cannot be understood, or two of them decide what is seen.
    """
    steps = tuple(map(parse, names))
    if len(cuts := [step.name for step in steps if step.kind in SEEN]) > 1:
        raise ValueError(f"Only one augmentation can decide which part of an image is seen, not {' and '.join(cuts)}.")
    return steps
