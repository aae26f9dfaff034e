"""Write a report: one HTML file that needs nothing else, and its numbers as JSON beside it."""

import base64
import io
import json
import math
import os
from dataclasses import asdict
from operator import itemgetter
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from kerascnn.errors import need
from kerascnn.files import written_together
from kerascnn.report import plots, text
from kerascnn.report.records import Headline, Panel, Report, Section, Strong, plain_text

LARGEST_IMAGE = 160  # pixels of the longer side; a report is for looking, and it travels by mail
SMALL = 0.25  # panels narrower than this fraction of a section stay small


def write_report(path: str | os.PathLike, report: Report, *, overwrite: bool = False) -> Path:
    """Write ``path``, an HTML page that refers to no other file, and the same numbers as ``.json`` beside it.

    Labels and names are taken for text, whatever they hold.

    Parameters
    ----------
    path
        Where to write; it must end in ``.html``.
    report
        What to show.
    overwrite
        Replace an earlier page and its numbers.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    FileExistsError
        When either file is already there and ``overwrite`` is not set.
    ImportError
        When Matplotlib or Jinja is not installed.
    ValueError
        When ``path`` does not end in ``.html``.
    """
    path = Path(path)
    if path.suffix != ".html":
        raise ValueError(f"A report is a web page, so its name must end in '.html', not {path.name!r}.")
    numbers = path.with_suffix(".json")
    for file in (path, numbers):
        if file.exists() and not overwrite:
            raise FileExistsError(f"{file} is already there. Choose another name, or remove it first.")
    with written_together(numbers, path) as (data, page):
        data.write_text(json.dumps(as_json(report), allow_nan=False) + "\n", encoding="utf-8")
        page.write_text(render(report), encoding="utf-8")
    return path


def render(report: Report) -> str:
    jinja2 = need("jinja2", "report", "A report")
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("kerascnn.report", ""),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    kinds = {"figure": str, "count": text.count, "number": text.number, "size": text.size, "percent": text.percent}
    environment.filters |= {
        "picture": picture,
        "plain": plain_text,
        "drawing": need("markupsafe", "report", "A report").Markup,
    }
    environment.tests["strong"] = lambda piece: isinstance(piece, Strong)
    return environment.get_template("page.html.j2").render(
        report=report,
        headlines=[*report.headlines, *training_headlines(report)],
        sections=[*training(report), *report.sections, *files(report)],
        shown=kinds | {"bar": text.percent},
        small=SMALL,
    )


def training_headlines(report: Report) -> list[Headline]:
    headlines = []
    name, title = report.metric
    if scored := report.series(f"val_{name}"):
        best, _ = max(scored, key=itemgetter(1))
        note = f"of {len(report.history)}, by validation {text.inside(title)}"
        headlines.append(Headline("Best epoch", f"{best:g}", note))
    if speeds := report.series("images_per_second"):
        speed = median(speed for _, speed in speeds)
        headlines.append(Headline("Training speed", f"{speed:,.0f}", "images per second, median"))
    if report.files:
        smallest = min(report.files, key=lambda file: file.bytes)
        headlines.append(Headline("Smallest file", text.size(smallest.bytes), smallest.name))
    return headlines


def training(report: Report) -> list[Section]:
    """Curves over the epochs, of what has any value."""
    name, metric = report.metric
    both = ("training", "validation")
    curves = {
        "Loss": dict(zip(("loss", "val_loss"), both, strict=True)),
        metric: dict(zip((name, f"val_{name}"), both, strict=True)),
        "Learning rate": {"lr": "learning rate"},
    }
    epochs = len(report.history)
    panels = []
    for place, (title, keys) in enumerate(curves.items()):
        drawing = plots.curve(
            {label: report.series(key) for key, label in keys.items()},
            name=f"curve{place}",
            width=400 if len(keys) > 1 else 240,
            percent=title == metric,
        )
        label, width = f"{title} over {epochs} epoch{'s' * (epochs > 1)}", 0.375 if len(keys) > 1 else 0.25
        panels += [Panel(title=title, drawing=drawing, label=label, width=width)] if drawing else []
    return [Section(title="Training", panels=panels)] if panels else []


def files(report: Report) -> list[Section]:
    columns = {
        "File": "name",
        "Format": "text",
        "Size": "size",
        report.metric[1]: "percent",
        "Agrees with Keras": "percent",
        "Latency, ms": "number",
        "Largest error": "number",
        "Verified": "words",
    }
    rows = [list(asdict(file).values()) for file in report.files]
    return [Section(title="Files", panels=[Panel(label="Files", columns=columns, rows=rows)])] if rows else []


def as_json(report: Report) -> dict[str, Any]:
    numbers = {"title": report.title, "subtitle": report.subtitle, "facts": report.facts, **report.numbers}
    for section in report.sections:
        numbers |= section.numbers
    return finite(numbers | {"history": report.history, "files": [asdict(file) for file in report.files]})


def finite(value: Any) -> Any:
    """The value as JSON can hold it; what is not finite becomes None."""
    if isinstance(value, dict):
        return {str(key): finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [finite(inner) for inner in value]
    if isinstance(value, np.ndarray | np.generic):
        return finite(value.tolist())
    return None if isinstance(value, float) and not math.isfinite(value) else value


def picture(image: np.ndarray) -> str:
    """The image as the address of an inline PNG."""
    shown = need("PIL.Image", "report", "A report").fromarray(image.squeeze(-1) if image.shape[-1] == 1 else image)
    shown.thumbnail((LARGEST_IMAGE, LARGEST_IMAGE))
    drawing = io.BytesIO()
    shown.save(drawing, format="png")
    return f"data:image/png;base64,{base64.b64encode(drawing.getvalue()).decode()}"
