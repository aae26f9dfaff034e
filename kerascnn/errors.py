"""What error messages have in common: the nearest right word, and the name of a missing extra."""

from collections.abc import Iterable
from difflib import get_close_matches
from importlib import import_module
from types import ModuleType


def suggest(word: str, options: Iterable[str]) -> str:
    """A sentence that ends an error: the option nearest to ``word``, or all of them when they are few."""
    options = sorted(options)
    spelled = {option.lower(): option for option in options}
    near = get_close_matches(word.lower(), spelled, n=3, cutoff=0.6)
    if near:
        return f"Did you mean {' or '.join(repr(spelled[name]) for name in near)}?"
    return f"Choose one of {', '.join(map(repr, options))}." if 0 < len(options) <= 12 else ""


def need(module: str, extra: str, purpose: str) -> ModuleType:
    """Import an optional dependency.

    Raises
    ------
    ImportError
        When it is not installed, naming the extra that brings it.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name and not (module == error.name or module.startswith(error.name + ".")):
            raise  # the package is there and one of its own imports is not: that is another story
        raise ImportError(
            f"{purpose} needs the package {module.split('.')[0]!r}, which is not installed. "
            f"Install it with: pip install 'kerascnn[{extra}]'"
        ) from None
