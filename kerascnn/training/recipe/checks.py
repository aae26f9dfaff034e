"""How records check their fields. A message is made of its rule, so that the two always agree."""

import operator
from collections.abc import Iterable
from typing import Any

from kerascnn.data.transforms.registry import parse_all
from kerascnn.errors import suggest
from kerascnn.spec import expect, is_number

BOUNDS = {"at least": operator.ge, "above": operator.gt, "at most": operator.le, "below": operator.lt}


def need_number(record: Any, name: str, *, whole: bool = False, optional: bool = False, **bounds: float) -> None:
    """Refuse a field that is no number within ``bounds``: ``at_least``, ``above``, ``at_most``, ``below``."""
    value, rules = getattr(record, name), {word.replace("_", " "): bound for word, bound in bounds.items()}
    fits = is_number(value) and (isinstance(value, int) or not whole)
    fits = fits and all(BOUNDS[word](value, bound) for word, bound in rules.items())
    expected = " ".join(
        [f"a {'whole ' * whole}number", *(f"{word} {bound:g}" for word, bound in rules.items())]
        + ["or None"] * optional
    )
    expect(fits or (optional and value is None), f"{name} of {type(record).__name__}", value, expected)


def need_one_of(record: Any, name: str, choices: Iterable[Any]) -> None:
    """Refuse a field that is none of ``choices``, which are texts or None."""
    value, choices = getattr(record, name), list(choices)
    if value not in choices:
        near = suggest(str(value), [str(choice) for choice in choices])
        raise ValueError(f"{type(record).__name__} has no {name} {value!r}. {near}")


def need_kind(record: Any, name: str, *kinds: type) -> None:
    """Refuse a field that is no record of one of ``kinds``."""
    value = getattr(record, name)
    names = ", ".join("None" if kind is type(None) else kind.__name__ for kind in kinds)
    expect(isinstance(value, kinds), f"{name} of {type(record).__name__}", value, f"one of {names}")


def need_augmentations(record: Any, name: str = "augment") -> None:
    """Refuse what is no tuple of augmentations."""
    value = getattr(record, name)
    texts = isinstance(value, tuple) and all(isinstance(each, str) for each in value)
    expect(texts, f"{name} of {type(record).__name__}", value, 'a tuple of names, such as ("crop", "flip")')
    parse_all(value)
