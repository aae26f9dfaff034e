"""The charts by which networks are compared: accuracy against multiply-adds and against parameters."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from kerascnn.errors import need
from kerascnn.files import written_whole

INK, MUTED, LINE, OTHERS = "#1f2328", "#59636e", "#d8dee4", "#9aa4ae"
# Okabe & Ito's colours, which the colour-blind tell apart, without the yellow that white swallows; each with a shape
FAMILIES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
SHAPES = "osD^vPX<"  # one more, so that the same colour comes back in another shape
WIDTH, HEIGHT = 15.0, 13.0  # inches
LABEL = 8.5  # points
PLACES = [
    (dx, dy)
    for r in (9, 15, 23, 33)
    for dx, dy in ((-r, r), (r, r), (r, -r), (-r, -r), (0, r), (0, -r), (r, 0), (-r, 0))
]


@dataclass(frozen=True)
class Point:
    """One network on the charts.

    Parameters
    ----------
    name, family
        What it is called, and what its line is called.
    parameters, macs
        Trainable parameters, and multiply-adds of one image.
    top1
        Published accuracy in percent, or None where there is none.
    """

    name: str
    family: str
    parameters: int
    macs: float
    top1: float | None = None


def chart(points: Sequence[Point], path: str | Path, source: str = "") -> Path:
    """Draw the catalogue: accuracy over multiply-adds, accuracy over parameters, and parameters over multiply-adds.

    Families are joined by lines. Those with a network on a frontier, which nothing smaller beats, have a colour and a
    shape; their networks on it are named, and of every other family the most accurate, as far as there is room. The
    third panel shows every network, hollow where no accuracy was published.

    Parameters
    ----------
    points
        The networks, in the order of the legend.
    path
        Where to write; ``.svg``, ``.png`` or ``.pdf`` says what.
    source
        Where the accuracies are from, for the caption.

    Raises
    ------
    ValueError
        When there is no network, or none with an accuracy.
    """
    known = [point for point in points if point.top1 is not None]
    if not known:
        raise ValueError(f"None of these {len(points)} networks has a published accuracy to draw.")
    figure = need("matplotlib.figure", "report", "A chart").Figure(figsize=(WIDTH, HEIGHT), facecolor="white")
    need("matplotlib.backends.backend_agg", "report", "A chart").FigureCanvasAgg(figure)
    grid = figure.add_gridspec(2, 12, height_ratios=(1.25, 1), left=0.055, right=0.985, top=0.93, bottom=0.085)
    grid.update(hspace=0.2, wspace=0.9)
    looks = looks_of(known)
    figure.text(0.055, 0.965, "ImageNet accuracy and what it costs", size=17, weight="bold", color=INK)
    panels = [
        ("multiply-adds of one image, in thousands of millions (G)", lambda p: p.macs / 1e9),
        ("parameters, in millions (M)", lambda p: p.parameters / 1e6),
    ]
    for i, (title, x) in enumerate(panels):
        axes = figure.add_subplot(grid[0, 6 * i : 6 * i + 6])
        draw(axes, known, looks, x, lambda p: p.top1)
        dress(axes, title, "top-1 accuracy, in percent")
        front = frontier(known, x)
        label(axes, [(p, dark(looks[p.family][0])) for p in front], known, x, lambda p: p.top1)
        label(axes, [(p, MUTED) for p in best_of_others(known, looks)], known, x, lambda p: p.top1)
    axes = figure.add_subplot(grid[1, :8])
    (title, x), (height, y) = panels
    draw(axes, points, looks, x, y)
    axes.set_yscale("log")
    dress(axes, title, height)
    label(axes, [(p, dark(looks[p.family][0]) if p.family in looks else MUTED) for p in ends(points, x)], points, x, y)
    legend(figure.add_subplot(grid[1, 8:]), looks, len(known), len(points))
    figure.text(
        0.055,
        0.022,
        f"Accuracy of one crop of ImageNet's validation images, as published{source and f': {source}'}. "
        "Trainings differ, and some saw more than ImageNet. "
        "Parameters and multiply-adds: kerascnn's ledger.",
        size=9,
        color=MUTED,
    )
    return save(figure, Path(path))


Look = tuple[str, str, str]  # colour, shape, line
OTHERS_LOOK: Look = (OTHERS, "o", "-")


def looks_of(known: Sequence[Point]) -> dict[str, Look]:
    """How each family that has a network on a frontier looks, in the order of the networks."""
    front = {p.family for x in (lambda p: p.macs, lambda p: p.parameters) for p in frontier(known, x)}
    families = [family for family in dict.fromkeys(p.family for p in known) if family in front]
    lines = ("-", "--", ":")
    n = len(FAMILIES)
    return {f: (FAMILIES[i % n], SHAPES[i % len(SHAPES)], lines[i // n % 3]) for i, f in enumerate(families)}


def frontier(known: Sequence[Point], x: Callable[[Point], float]) -> list[Point]:
    """Networks that no smaller one, by ``x``, equals in accuracy."""
    front: list[Point] = []
    for point in sorted(known, key=lambda p: (x(p), -(p.top1 or 0))):
        if not front or (point.top1 or 0) > (front[-1].top1 or 0):
            front.append(point)
    return front


def best_of_others(known: Sequence[Point], looks: dict[str, Look]) -> list[Point]:
    """The most accurate network of each family without a colour."""
    others = dict.fromkeys(point.family for point in known if point.family not in looks)
    return [max((p for p in known if p.family == family), key=lambda p: p.top1 or 0) for family in others]


def ends(points: Sequence[Point], x: Callable[[Point], float]) -> list[Point]:
    """The smallest and the largest network of every family."""
    of: dict[str, list[Point]] = {}
    for point in sorted(points, key=x):
        of.setdefault(point.family, []).append(point)
    return [family[-1] for family in of.values()] + [family[0] for family in of.values() if len(family) > 1]


def draw(axes: Any, points: Sequence[Point], looks: dict[str, Look], x: Callable, y: Callable) -> None:
    """Each family's line and marks; those without a colour first, so that they lie below."""
    axes.set_xscale("log")
    for family in sorted(dict.fromkeys(p.family for p in points), key=lambda f: f in looks):
        colour, shape, line = looks.get(family, OTHERS_LOOK)
        members = sorted((p for p in points if p.family == family), key=x)
        xs, ys = [x(p) for p in members], [y(p) for p in members]
        above = 3 if family in looks else 2
        axes.plot(xs, ys, line, color=colour, lw=1.4 if family in looks else 0.8, alpha=0.8, zorder=above)
        for p in members:
            face, edge = ("white", colour) if p.top1 is None else (colour, "white")
            look = {"marker": shape, "edgecolors": edge, "alpha": 0.85, "lw": 0.8, "zorder": above + 1}
            axes.scatter([x(p)], [y(p)], area(p.parameters), face, **look)


def area(parameters: float) -> float:
    """Square points of a mark: 14, and 1.6 for each million parameters."""
    return 14 + 1.6e-6 * parameters


def dress(axes: Any, x: str, y: str) -> None:
    ticker = need("matplotlib.ticker", "report", "A chart")
    axes.margins(0.07)
    for axis, title in ((axes.xaxis, x), (axes.yaxis, y)):
        axis.set_label_text(title, size=10, color=MUTED)
        axis.set_major_formatter(ticker.StrMethodFormatter("{x:g}"))
        axis.set_minor_formatter(ticker.NullFormatter())
        if axis.get_scale() == "log":
            low, high = axis.get_view_interval()
            axis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5) if high < 1e4 * low else (1,)))
            axis.set_minor_locator(ticker.NullLocator())
    axes.tick_params(length=0, labelsize=9.5, labelcolor=INK)
    axes.grid(color=LINE, lw=0.7)
    axes.set_axisbelow(True)
    axes.spines[:].set_visible(False)


def label(axes: Any, wanted: Sequence[tuple[Point, str]], all_: Sequence[Point], x: Callable, y: Callable) -> None:
    """Write names beside their marks where they cover no mark, line or name; leave out what has no room."""
    Bbox = need("matplotlib.transforms", "report", "A chart").Bbox
    Text = need("matplotlib.text", "report", "A chart").Text
    figure = axes.figure
    figure.canvas.draw()
    pixel = figure.dpi / 72
    panel = axes.get_window_extent()
    inside = Bbox([panel.min, panel.max + 12 * pixel])
    lines = [line.get_transform().transform_path(line.get_path()) for line in axes.lines]
    taken = [Text.get_window_extent(text) for text in axes.texts]
    for p in all_:
        a, b = axes.transData.transform((x(p), y(p)))
        r = pixel * area(p.parameters) ** 0.5 / 2
        taken.append(Bbox([[a - r, b - r], [a + r, b + r]]))
    line = {"arrowstyle": "-", "lw": 0.6, "shrinkA": 0, "shrinkB": 2}
    for p, colour in wanted:
        room = area(p.parameters) ** 0.5 / 2 - 4
        for dx, dy in PLACES:
            reach = [d + (d > 0) * room - (d < 0) * room for d in (dx, dy)]
            side = {"ha": ("right", "center", "left")[sign(dx)], "va": ("top", "center", "bottom")[sign(dy)]}
            text = axes.annotate(
                p.name, (x(p), y(p)), reach, textcoords="offset points", size=LABEL, color=colour, zorder=6,
                arrowprops=line | {"color": colour}, **side,
            )  # fmt: skip
            text.update_positions(figure.canvas.get_renderer())
            box = Text.get_window_extent(text).expanded(1.03, 1.15)  # an annotation's own has the line in it
            fits = inside.contains(*box.min) and inside.contains(*box.max)
            if fits and not box.count_overlaps(taken) and not any(path.intersects_bbox(box, False) for path in lines):
                taken.append(box)
                break
            text.remove()


def dark(colour: str) -> str:
    """The colour as thin letters need it to be read."""
    return "#" + "".join(f"{round(0.7 * int(colour[i : i + 2], 16)):02x}" for i in (1, 3, 5))


def sign(number: float) -> int:
    """0 for what is below zero, 1 for zero, 2 for what is above."""
    return (number > 0) - (number < 0) + 1


def legend(axes: Any, looks: dict[str, Look], known: int, all_: int) -> None:
    """What colours and marks mean, in a panel of its own."""
    Line2D = need("matplotlib.lines", "report", "A chart").Line2D
    axes.axis("off")
    marks = [
        Line2D([], [], color=colour, marker=shape, ls=line, label=family, ms=7, mec="white")
        for family, (colour, shape, line) in looks.items()
    ]
    other = partial(Line2D, [], [], color=OTHERS, marker="o")
    marks += [
        other(ms=6, mec="white", label="other families"),
        other(ms=6, mfc="white", ls="", label="no accuracy published"),
        *(other(ms=area(1e6 * m) ** 0.5, mec="white", ls="", label=f"{m} M parameters") for m in (5, 50, 150)),
    ]
    axes.legend(
        handles=marks, loc="upper left", frameon=False, fontsize=10, labelcolor=INK, ncols=2, labelspacing=1,
        title=f"{known} of {all_} networks have a published accuracy.\n"
        "In colour: families with a network\nthat nothing smaller beats.",
        alignment="left", title_fontproperties={"size": 10.5},
    )  # fmt: skip


def save(figure: Any, path: Path) -> Path:
    """Write the figure; the same figure makes the same file."""
    matplotlib = need("matplotlib", "report", "A chart")
    dated = {"Date": None} if path.suffix == ".svg" else {"CreationDate": None} if path.suffix == ".pdf" else {}
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "chart"}), written_whole(path) as draft:
        figure.savefig(draft, dpi=110, metadata=dated)
    return path
