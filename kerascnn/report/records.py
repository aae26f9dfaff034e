"""What a report is made of: plain records and NumPy arrays, no Keras and no task."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np


class Strong(str):
    """Words in bold."""


Words = str | Sequence[str]  # text, or pieces of it, some of them strong; always taken for text, whatever it holds


@dataclass(frozen=True)
class Headline:
    """A number worth large print: what it is called, its value as text, and a note under it."""

    name: str
    value: str
    note: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Picture:
    """An image of a report with words under it.

    Parameters
    ----------
    image
        (H, W, C) uint8, with 1, 3 or 4 channels.
    caption
        A line.
    details
        Lines in small print; the last is the name of the image.
    alt
        What the image shows, for those who cannot see it; empty: the caption.
    """

    image: np.ndarray
    caption: Words
    details: Sequence[str] = ()
    alt: str = ""

    def __post_init__(self):
        if self.image.dtype != np.uint8 or self.image.ndim != 3 or self.image.shape[-1] not in (1, 3, 4):
            raise ValueError(
                f"The image of {self.alt or plain_text(self.caption)!r} is {self.image.dtype} of shape "
                f"{self.image.shape}; it must be uint8 of shape (H, W, C) with 1, 3 or 4 channels. Give the image as "
                "it was before normalising."
            )


@dataclass(frozen=True, kw_only=True, eq=False)
class Panel:
    """A box of a section: words, a drawing, a table and words below, as far as there are any.

    Parameters
    ----------
    title, note, below
        A heading, a paragraph under it and one at the end.
    drawing
        An SVG element from ``kerascnn.report.plots``.
    label
        What the drawing or the table shows, for those who cannot see it.
    columns
        A table: the heads, and how the values below each are shown: ``"name"`` (of the row, the first column's),
        ``"text"``, ``"words"`` (a longer text), ``"figure"`` (a number as text), ``"count"``, ``"number"``,
        ``"size"`` in bytes, ``"percent"`` or ``"bar"``, a percentage with a bar under it. A number that is None or NaN
        is shown as a dash.
    rows
        Values for the columns.
    width
        Fraction of the section's width; panels that fit stand side by side.
    """

    title: str = ""
    note: Words = ""
    drawing: str = ""
    label: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    rows: Sequence[Sequence[Any]] = ()
    below: Words = ""
    width: float = 1.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Section:
    """A part of a report: a heading, a paragraph, panels and pictures, as far as there are any.

    Parameters
    ----------
    numbers
        What the JSON file beside the page holds of this section, by name.
    width
        Fraction of the page's width; sections that fit stand side by side.
    """

    title: str
    text: Words = ""
    panels: Sequence[Panel] = ()
    pictures: Sequence[Picture] = ()
    numbers: Mapping[str, Any] = field(default_factory=dict)
    width: float = 1.0


@dataclass(frozen=True, kw_only=True)
class FileRow:
    """A model file and what was measured of it; None stands for what was not.

    Parameters
    ----------
    name, format
        File name, and what kind of file it is.
    bytes
        Size on disk.
    headline, agreement
        The task's headline metric of the file, and the fraction of decisions that it takes as the Keras model does.
    latency_ms
        Milliseconds for one image.
    max_error
        Largest absolute difference between its outputs and those of the Keras model.
    verified
        How the file was compared with the Keras model, in words.
    """

    name: str
    format: str
    bytes: int
    headline: float | None = None
    agreement: float | None = None
    latency_ms: float | None = None
    max_error: float | None = None
    verified: str = ""


@dataclass(frozen=True, kw_only=True, eq=False)
class Report:
    """Everything that a report shows.

    Parameters
    ----------
    title, subtitle
        Heading of the page, and the line under it.
    facts
        What was run, on what, with what: command, model, parameters, data, split, seed, versions, duration.
    metric
        The headline metric: its name in ``history``, where that of the validation images begins with ``val_``, and
        its title, such as ``("top1", "Top-1 accuracy")``. From 0 to 1, larger is better.
    headlines
        Numbers that stand at the top; those of the training and the files come after them.
    history
        A record for every epoch, with ``epoch`` and any of ``loss``, ``val_loss``, the metric, ``lr`` and
        ``images_per_second``. A value may be absent, None or NaN.
    sections
        What a task has to show of its evaluation.
    files
        The model files that came out.
    numbers
        What else the JSON file beside the page holds, by name.
    """

    title: str
    subtitle: str
    metric: tuple[str, str]
    facts: Mapping[str, str] = field(default_factory=dict)
    headlines: Sequence[Headline] = ()
    history: Sequence[Mapping[str, Any]] = ()
    sections: Sequence[Section] = ()
    files: Sequence[FileRow] = ()
    numbers: Mapping[str, Any] = field(default_factory=dict)

    def series(self, key: str) -> list[tuple[float, float]]:
        """Pairs of epoch and value, of the epochs that have a finite one."""
        pairs = ((row["epoch"], row.get(key)) for row in self.history)
        return [(epoch, value) for epoch, value in pairs if value is not None and math.isfinite(value)]


def plain_text(words: Words) -> str:
    """The pieces as one string."""
    return words if isinstance(words, str) else "".join(words)
