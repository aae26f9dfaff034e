"""What every source has to settle: which part is learned from, which is held out, and that all classes have images."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from kerascnn.data.dataset import Split
from kerascnn.errors import suggest

HELD_OUT = ("validation", "val", "test")  # of several, the first: a test set is not for watching a training


@dataclass(frozen=True, kw_only=True)
class Opening:
    """How a source is opened, as ``open_data`` takes it."""

    validation: float = 0.25
    seed: int = 0
    on_corrupt: str = "refuse"
    progress: bool = True

    def __post_init__(self) -> None:
        if self.on_corrupt not in ("refuse", "skip"):
            raise ValueError(f"on_corrupt is {self.on_corrupt!r}. {suggest(str(self.on_corrupt), ('refuse', 'skip'))}")
        if not 0 < self.validation < 1:
            raise ValueError(
                f"validation is {self.validation}; it is the fraction of images to validate on, between 0 and 1, such "
                "as 0.25."
            )


def parts_among(names: Collection[str]) -> list[str]:
    """Of a source's parts, that to learn from and that to hold out; or the only one there is, which is to be split."""
    held = [name for name in HELD_OUT if name in names]
    return [name for name in ("train", *held[:1]) if name in names]


def check_labels(labels: Sequence[str], held: Iterable[str], where: object, expected: str = "") -> None:
    """Refuse a single class, and classes held out that nothing is learned about; ``expected`` ends the error."""
    if len(labels) < 2:
        only = f"only one class, {labels[0]!r}; there is" if labels else "no class;"
        raise ValueError(f"{where} has {only} nothing to tell apart. {expected}".rstrip())
    for strange in sorted(set(held) - set(labels)):
        near = suggest(strange, labels)
        raise ValueError(f"The class {strange!r} of {where} is held out but is not in train/. {near}".rstrip())


def two_parts(
    parts: Sequence[Split], labels: Sequence[str], how: Opening, where: object, expected: str = ""
) -> tuple[Split, Split]:
    """What is learned from and what is held out, of a source that has both or only one part.

    Raises
    ------
    ValueError
        When a class has no image to learn from, or a single one although one has to be held out.
    """
    for target in np.flatnonzero(np.bincount(parts[0].annotations["label"], minlength=len(labels)) == 0).tolist():
        raise ValueError(f"The class {labels[target]!r} of {where} has no image that can be read. {expected}".rstrip())
    if len(parts) == 1:
        return held_out(parts[0], how.validation, how.seed, labels)
    if not len(parts[1]):
        raise ValueError(f"The part of {where} that is held out has no image that can be read. {expected}".rstrip())
    return parts[0], parts[1]


def held_out(split: Split, holdout: float, seed: int, labels: Sequence[str]) -> tuple[Split, Split]:
    """Hold out a share of every class, at least one image of each and never all of them."""
    rng = np.random.default_rng(seed)
    chosen = np.zeros(len(split), bool)
    for target in np.unique(split.annotations["label"]):
        members = np.flatnonzero(split.annotations["label"] == target)
        if len(members) < 2:
            raise ValueError(
                f"The class {labels[target]!r} has a single image; one to learn from and one to hold out are needed."
            )
        count = min(max(1, round(len(members) * holdout)), len(members) - 1)
        chosen[rng.permutation(members)[:count]] = True
    return split.take(~chosen), split.take(chosen)
