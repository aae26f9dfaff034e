"""Drawings as inline SVG, in colours that the page names, so that one drawing serves light and dark.

The ``name`` of a drawing begins the identifiers in its SVG, and is another for every drawing of a page.
"""

import io
import re
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kerascnn.errors import need

# Matplotlib knows no CSS variables. It draws in these colours, and the page's own take their place in the SVG.
INK, MUTED, LINE, TRAIN, VALIDATION = "#0000f1", "#0000f2", "#0000f3", "#0000f4", "#0000f5"
VARIABLES = {INK: "--ink", MUTED: "--muted", LINE: "--line", TRAIN: "--train", VALIDATION: "--validation"}
CELL = (0.145, 0.388, 0.922)  # blue that stands out from a white card and from a black one

POINTS = 72  # to an inch: Matplotlib takes inches and counts in points in the SVG, of which the page makes pixels
LONGEST = 20  # characters of a label beside the matrix
MOST_TICKS = 100
MOST_COUNTED = 20  # classes up to which every cell shows its count


def curve(
    series: Mapping[str, Sequence[tuple[float, float]]], *, name: str, width: float = 400, percent: bool = False
) -> str | None:
    """Draw values over epochs.

    Parameters
    ----------
    series
        What the legend calls a curve, and its pairs of epoch and value: one curve or two.
    width
        In CSS pixels, at scale 1. The height is always 230.
    percent
        Whether the values are fractions, to be shown as percentages.

    Returns
    -------
    str or None
        The SVG element, or None when there is no value.
    """
    if not any(series.values()):
        return None
    ticker = need("matplotlib.ticker", "report", "A report")
    figure = _figure(width, 230, layout="constrained")
    axes = figure.add_subplot()
    for (label, points), colour in zip(series.items(), (TRAIN, VALIDATION), strict=False):
        if points:
            axes.plot(*zip(*points, strict=True), color=colour, label=label, lw=1.8, marker="o" * (len(points) < 3))
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(ticker.MaxNLocator("auto", integer=True, min_n_ticks=1))
    axes.yaxis.set_major_formatter(ticker.PercentFormatter(1) if percent else ticker.StrMethodFormatter("{x:g}"))
    _on_grid(axes, size=11)
    if len(series) > 1:
        axes.legend(frameon=False, fontsize=11, labelcolor=INK)
    return _svg(figure, name)


def decline(points: Sequence[tuple[float, float]], whole: float, *, name: str) -> str:
    """Draw how a metric falls with the severity of a corruption, in a small drawing.

    Parameters
    ----------
    points
        Pairs of severity, 1 to 5, and the metric, 0 to 1.
    whole
        The metric on images as they are: a dashed line.
    """
    ticker = need("matplotlib.ticker", "report", "A report")
    figure = _figure(180, 120, layout="constrained")
    axes = figure.add_subplot()
    axes.axhline(whole, color=MUTED, lw=1, ls=(0, (4, 3)))
    axes.plot(*zip(*points, strict=True), color=TRAIN, lw=1.8, marker="o", markersize=3.5)
    axes.set(xlim=(0.7, 5.3), ylim=(-0.04, 1.04), xticks=range(1, 6), yticks=(0, 0.5, 1))
    axes.yaxis.set_major_formatter(ticker.PercentFormatter(1))
    _on_grid(axes, size=10)
    return _svg(figure, name)


def precision_recall(recall: np.ndarray, precision: Mapping[str, np.ndarray], *, name: str) -> str:
    """Draw precision against recall.

    Parameters
    ----------
    recall
        (n,) from 0 to 1.
    precision
        What the legend calls a curve, and its values at these, (n,): one curve or two.
    """
    ticker = need("matplotlib.ticker", "report", "A report")
    figure = _figure(400, 300, layout="constrained")
    axes = figure.add_subplot()
    for (label, values), colour in zip(precision.items(), (TRAIN, VALIDATION), strict=False):
        axes.plot(recall, values, color=colour, label=label, lw=1.8)
    axes.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="recall", ylabel="precision")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(ticker.PercentFormatter(1))
    _on_grid(axes, size=11)
    axes.legend(frameon=False, fontsize=11, labelcolor=INK, loc="lower left")
    return _svg(figure, name)


def reliability(counts: np.ndarray, confidence: np.ndarray, accuracy: np.ndarray, *, name: str) -> str:
    """Draw accuracy against confidence, and under it how many images are that confident.

    Parameters
    ----------
    counts
        (bins,) images in each of the bins, which divide 0 to 1 evenly.
    confidence, accuracy
        (bins,) means over the images of a bin: a mark, and a bar.
    """
    ticker = need("matplotlib.ticker", "report", "A report")
    figure = _figure(400, 400, layout="constrained")
    axes, below = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
    bins = len(counts)
    middles, width = (np.arange(bins) + 0.5) / bins, 0.92 / bins
    filled = counts > 0
    axes.bar(middles[filled], accuracy[filled], width, color=TRAIN, label="accuracy")
    axes.hlines(
        confidence[filled],
        middles[filled] - width / 2,
        middles[filled] + width / 2,
        color=VALIDATION,
        lw=2.5,
        label="confidence",
    )
    axes.plot((0, 1), (0, 1), color=MUTED, lw=1, ls=(0, (4, 3)))
    axes.set(xlim=(0, 1), ylim=(0, 1), ylabel="accuracy")
    axes.yaxis.set_major_formatter(ticker.PercentFormatter(1))
    axes.legend(frameon=False, fontsize=11, labelcolor=INK, loc="upper left")
    below.bar(middles, counts, width, color=TRAIN)
    below.set(xlabel="confidence", ylabel="images")
    below.xaxis.set_major_formatter(ticker.PercentFormatter(1))
    below.yaxis.set_major_locator(ticker.MaxNLocator(2, integer=True, prune="lower"))
    for one in (axes, below):
        one.set_axisbelow(True)
        _on_grid(one, size=11)
    figure.align_ylabels()
    return _svg(figure, name)


def matrix(confusion: np.ndarray, labels: Sequence[str], *, name: str) -> str:
    """Draw a confusion matrix; the colour is the fraction of the true class, the number in a cell the count.

    Up to 20 classes every cell shows its count; beyond 100 not every class is named.

    Parameters
    ----------
    confusion
        (classes, classes) counts: a row for every true class, a column for every predicted one.
    labels
        Class names.
    """
    classes = len(labels)
    side = min(max(36 * classes, 180), 540) if classes <= MOST_COUNTED else min(max(11 * classes, 540), 1100)
    figure = _figure(side, side)
    axes = figure.add_axes((0, 0, 1, 1))  # labels lie outside; the drawing grows by the room they take
    strength = np.sqrt(confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1))  # so that few errors show
    colours = np.broadcast_to(CELL, (classes, classes, 3))
    axes.imshow(np.dstack([colours, strength]), interpolation="none")
    ticks = range(0, classes, -(-classes // MOST_TICKS))
    names = [_short(labels[i]) for i in ticks]
    flat = max(map(len, names)) * 6 < side / classes
    axes.set_xticks(ticks, names, rotation=0 if flat else 90, parse_math=False)
    axes.set_yticks(ticks, names, parse_math=False)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    axes.spines[:].set_color(LINE)
    _in_ink(axes, size=10 if classes <= MOST_COUNTED else 8)
    if classes <= MOST_COUNTED:
        _write_counts(axes, confusion, strength, size=min(10, 1.25 * side / classes / len(str(confusion.max()))))
    return _svg(figure, name, bbox_inches="tight")


def _write_counts(axes: Any, confusion: np.ndarray, strength: np.ndarray, size: float) -> None:
    for (row, column), count in np.ndenumerate(confusion):
        if count:
            colour = "white" if strength[row, column] > 0.85 else INK
            axes.text(column, row, f"{count}", ha="center", va="center", color=colour, fontsize=size)


def _on_grid(axes: Any, size: float) -> None:
    axes.grid(color=LINE, lw=0.8)
    axes.spines[:].set_visible(False)
    _in_ink(axes, size)


def _in_ink(axes: Any, size: float) -> None:
    axes.tick_params(length=0, labelsize=size, labelcolor=INK)
    for label in (axes.xaxis.label, axes.yaxis.label):
        label.set(color=MUTED, fontsize=10)


def _figure(width: float, height: float, layout: str | None = None) -> Any:
    figure = need("matplotlib.figure", "report", "A report").Figure
    return figure(figsize=(width / POINTS, height / POINTS), layout=layout)


def _svg(figure: Any, name: str, bbox_inches: str | None = None) -> str:
    """The figure as an SVG element: as wide as its place, within limits, and with identifiers of its own."""
    drawing = io.StringIO()
    matplotlib = need("matplotlib", "report", "A report")
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": name}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")  # the browser has fonts for scripts that Matplotlib has none for
        figure.savefig(drawing, format="svg", transparent=True, metadata=nothing, bbox_inches=bbox_inches)
    svg = drawing.getvalue()
    svg = svg[svg.index("<svg") :]
    for colour, variable in VARIABLES.items():
        svg = svg.replace(colour, f"var({variable})")
    svg = re.sub(r'( id="|url\(#|href="#)', rf"\g<1>{name}-", svg)
    return re.sub(r'width="([\d.]+)pt" height="[\d.]+pt"', _within_limits, svg, count=1)


def _within_limits(size: re.Match) -> str:
    width = float(size[1])
    return f'style="width:100%; min-width:{0.8 * width:.0f}px; max-width:{1.1 * width:.0f}px"'


def _short(label: str) -> str:
    label = " ".join(label.split())
    return label if len(label) <= LONGEST else label[: LONGEST - 1] + "…"
