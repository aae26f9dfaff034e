"""Numbers as a report and a terminal show them; what is not defined, None or NaN, is a dash."""

import math
from typing import TypeGuard

UNKNOWN = "\N{EN DASH}"


def percent(value: float | None, digits: int = 2) -> str:
    """A fraction as a percentage."""
    return f"{value:.{digits}%}" if known(value) else UNKNOWN


def number(value: float | None) -> str:
    """Three significant digits."""
    return f"{value:.3g}" if known(value) else UNKNOWN


def count(value: int | None) -> str:
    """A whole number with commas between the thousands."""
    return f"{value:,}" if known(value) else UNKNOWN


def size(value: int | None) -> str:
    """Bytes in the largest unit that fits."""
    if not known(value):
        return UNKNOWN
    power = min(len(str(value)) - 1, 9) // 3
    return f"{value / 1000**power:.3g} {('bytes', 'kB', 'MB', 'GB')[power]}"


def inside(title: str) -> str:
    """A title inside a sentence: its first word small, but for an abbreviation."""
    return title if title[:2].isupper() else title[:1].lower() + title[1:]


def known(value: float | None) -> TypeGuard[float]:
    """Whether there is a finite number."""
    return value is not None and math.isfinite(value)
