"""Which images are for training, validation and test; and that a training has images of every class."""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from kerascnn.data.dataset import FRACTION, Data, Source, Split
from kerascnn.errors import suggest

ROLES = {  # of the parts of a source, and what folders, files and columns call them, in any case
    "train": ("train", "training"),
    "validation": ("validation", "valid", "val", "dev"),
    "test": ("test", "testing"),
}
NAMES = tuple(name for names in ROLES.values() for name in names)
ALL = "all"  # the only part of a source that is not split


@dataclass(frozen=True, kw_only=True)
class Opening:
    """How a source is opened, as ``open_source`` takes it."""

    on_corrupt: str = "refuse"
    progress: bool = True
    proposals: bool = False  # whether images need boxes to be looked at

    def __post_init__(self) -> None:
        if self.on_corrupt not in ("refuse", "skip"):
            raise ValueError(f"on_corrupt is {self.on_corrupt!r}. {suggest(str(self.on_corrupt), ('refuse', 'skip'))}")


def role_of(name: str) -> str | None:
    """The role of a part of this name; None where it is not the name of a part."""
    return next((role for role, names in ROLES.items() if name.lower() in names), None)


def by_role(names: Iterable[str], where: object) -> dict[str, str]:
    """Those of ``names`` that are the names of parts, by role. Raises ``ValueError`` when two of them have one role."""
    found: dict[str, str] = {}
    for name in sorted(names):
        if (role := role_of(name)) and found.setdefault(role, name) != name:
            raise ValueError(
                f"{where} has {found[role]} and {name}, two names for the {role} part. Join or rename them."
            )
    return {role: found[role] for role in ROLES if role in found}


def in_order(labels: Iterable[str]) -> tuple[str, ...]:
    """Names of classes in the one order that all sources have: by the alphabet, and numbers in them by their value."""

    def key(label: str) -> tuple[list[str | int], str]:
        return [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", label)], label

    return tuple(sorted(labels, key=key))


def divided(source: Source, where: object, validation: float = FRACTION, seed: int = 0) -> Data:
    """A source with parts to train and to validate on; those it has not are split off by the images' names.

    Raises ``ValueError`` when the source has several parts and none to train on, a part has no image, or a class has no
    image to train on or a single one although one has to be split off.
    """
    parts = dict(source.parts)
    if len(parts) == 1:
        parts = {"train": next(iter(parts.values()))}
    check_parts(parts, source.labels, where)
    found = source.found
    if "validation" not in parts:
        parts["train"], parts["validation"] = split_by_name(parts["train"], validation, seed, source.labels)
        which = "" if len(source.parts) == 1 else " train"
        found = f"{found},{which} split by a hash of their names (seed {seed})"
    return Data(
        **parts,
        labels=source.labels,
        channels=source.channels,
        things=source.things,
        skipped=source.skipped,
        note=source.note,
        found=found,
        validation_fraction=validation,
        seed=seed,
    )


def check_parts(parts: dict[str, Split], labels: tuple[str, ...], where: object) -> None:
    """Refuse a single class, unless it has to be found, a part without images, and a class with none to train on."""
    if len(labels) < (1 if all("boxes" in part.annotations for part in parts.values()) else 2):
        only = f"only one class, {labels[0]!r}; there is" if labels else "no class;"
        raise ValueError(f"{where} has {only} nothing to tell apart.")
    if "train" not in parts:
        raise ValueError(f"{where} has the parts {' and '.join(parts)}, and none to train on. Call one of them train.")
    classes = {role: classes_in(part, len(labels)) for role, part in parts.items()}
    for number in sorted(set(range(len(labels))) - classes["train"]):
        roles = [role for role in parts if number in classes[role]]
        near = suggest(labels[number], [labels[other] for other in classes["train"]]) if roles else ""
        only = f"is in {' and '.join(roles)} but has no image in train" if roles else "has no image that can be read"
        raise ValueError(f"The class {labels[number]!r} of {where} {only}. {near}".rstrip())
    for role, part in parts.items():
        if not len(part):
            raise ValueError(f"The {role} part of {where} has no image that can be read.")


def classes_in(part: Split, count: int) -> set[int]:
    """The classes of a part's images; all of ``count`` where an image has more than one."""
    return set(np.unique(part.annotations["label"]).tolist()) if "label" in part.annotations else set(range(count))


def split_by_name(split: Split, fraction: float, seed: int, labels: tuple[str, ...]) -> tuple[Split, Split]:
    """Two parts, of which the second has about this fraction of the images.

    Whether an image belongs to it follows from a hash of its name and of ``seed`` alone, so images that are added
    later leave all others where they are. Only where a class would have no image in one of the parts, the one that is
    nearest to it is moved there.
    """
    draws = np.array([draw(key, seed) for key in split.store.keys(split.images)])
    chosen = draws < fraction
    classes = split.annotations.get("label", np.zeros(len(split), np.int32))
    for number in np.unique(classes):
        members = np.flatnonzero(classes == number)
        if len(members) < 2:
            raise ValueError(f"The class {labels[number]!r} has a single image; training and validation need one each.")
        if chosen[members].all():
            chosen[members[draws[members].argmax()]] = False
        elif not chosen[members].any():
            chosen[members[draws[members].argmin()]] = True
    return split.take(~chosen), split.take(chosen)


def draw(key: str, seed: int) -> float:
    """A number from 0 to 1 that is the same on every machine."""
    hashed = hashlib.sha256(f"{seed}:{key}".encode("utf-8", "surrogateescape")).digest()
    return int.from_bytes(hashed[:8]) / 2**64
