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
from typing import Any, NamedTuple, TypeGuard

import numpy as np

from kerascnn.errors import need
from kerascnn.files import write_text
from kerascnn.report import plots
from kerascnn.report.records import Report

MOST_MISTAKES = 40
LARGEST_IMAGE = 160  # pixels of the longer side; a report is for looking, and it travels by mail
UNKNOWN = "\N{EN DASH}"
CURVES = {
    "Loss": {"loss": "training", "val_loss": "held-out"},
    "Top-1 accuracy": {"top1": "training", "val_top1": "held-out"},
    "Learning rate": {"lr": "learning rate"},
}


def write_report(path: str | os.PathLike, report: Report) -> Path:
    """Write ``path``, an HTML page that refers to no other file, and the same numbers as ``.json`` beside it.

    Labels and names are taken for text, whatever they hold.

    Parameters
    ----------
    path
        Where to write; it must end in ``.html``.
    report
        What to show.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    FileExistsError
        When either file is already there.
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
        if file.exists():
            raise FileExistsError(f"{file} is already there. Choose another name, or remove it first.")
    page = _render(report)
    write_text(numbers, json.dumps(_numbers(report), allow_nan=False) + "\n")
    write_text(path, page)
    return path


class Headline(NamedTuple):
    """A number worth large print."""

    name: str
    value: str
    note: str


def _render(report: Report) -> str:
    jinja2 = need("jinja2", "report", "A report")
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("kerascnn.report", ""),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(count="{:,}".format, percent=_percent, size=_size, number=_number, picture=_picture)
    markup = need("markupsafe", "report", "A report").Markup
    return environment.get_template("page.html.j2").render(
        report=report,
        headlines=_headlines(report),
        curves={title: markup(drawing) for title, drawing in _curves(report).items()},
        matrix=markup(plots.matrix(report.confusion, report.labels, name="matrix")),
        confused=report.most_confused(3),
        reliability=report.calibration and markup(plots.reliability(report.calibration, name="reliability")),
        declines={kind: markup(drawing) for kind, drawing in _declines(report).items()},
        classes=sorted(report.classes, key=lambda row: math.inf if row.recall is None else row.recall),
        mistakes=sorted(report.mistakes, key=lambda mistake: -mistake.confidence)[:MOST_MISTAKES],
    )


def _curves(report: Report) -> dict[str, str]:
    drawings = {
        title: plots.curve(
            {label: report.series(key) for key, label in keys.items()},
            name=f"curve{number}",
            width=400 if len(keys) > 1 else 240,
            percent="top1" in keys,
        )
        for number, (title, keys) in enumerate(CURVES.items())
    }
    return {title: drawing for title, drawing in drawings.items() if drawing}


def _declines(report: Report) -> dict[str, str]:
    found = report.robustness
    if not found:
        return {}
    return {
        kind: plots.decline(list(zip(found.severities, accuracy, strict=True)), found.whole, name=f"decline{number}")
        for number, (kind, accuracy) in enumerate(zip(found.kinds, found.accuracy, strict=True))
    }


def _headlines(report: Report) -> list[Headline]:
    headlines = [Headline("Top-1 accuracy", _percent(report.top1), f"on {report.samples:,} {report.images}")]
    if report.top5 is not None:
        headlines.append(Headline("Top-5 accuracy", _percent(report.top5), f"of {len(report.labels)} classes"))
    if report.calibration:
        headlines.append(
            Headline("Calibration error", _percent(report.calibration.ece), "expected, between confidence and accuracy")
        )
        headlines.append(
            Headline("Negative log-likelihood", _number(report.calibration.nll), "nats, of the true class")
        )
    if report.robustness:
        kinds = len(report.robustness.kinds)
        headlines.append(
            Headline(
                "Corruption error", _percent(report.robustness.mean_error), f"mean over {kinds} kind{'s' * (kinds > 1)}"
            )
        )
    if scored := report.series("val_top1"):
        best, _ = max(scored, key=itemgetter(1))
        headlines.append(Headline("Best epoch", f"{best:g}", f"of {len(report.history)}, by held-out accuracy"))
    if speeds := report.series("images_per_second"):
        speed = median(speed for _, speed in speeds)
        headlines.append(Headline("Training speed", f"{speed:,.0f}", "images per second, median"))
    if report.files:
        smallest = min(report.files, key=lambda file: file.bytes)
        headlines.append(Headline("Smallest file", _size(smallest.bytes), smallest.name))
    return headlines


def _numbers(report: Report) -> dict[str, Any]:
    shown = ("true", "predicted", "confidence", "name")
    return _plain(
        {
            "title": report.title,
            "subtitle": report.subtitle,
            "facts": dict(report.facts),
            "samples": report.samples,
            "top1": report.top1,
            "top5": report.top5,
            "history": [dict(row) for row in report.history],
            "labels": report.labels,
            "confusion": report.confusion,
            "classes": [asdict(row) for row in report.classes],
            "mistakes": [{key: getattr(mistake, key) for key in shown} for mistake in report.mistakes],
            "files": [asdict(file) for file in report.files],
            "calibration": report.calibration and report.calibration.as_dict(),
            "temperature_scaling": report.scaling and report.scaling.as_dict(),
            "corruptions": report.robustness and report.robustness.as_dict(),
        }
    )


def _plain(value: Any) -> Any:
    """The value as JSON can hold it; what is not finite becomes None."""
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _known(value: float | None) -> TypeGuard[float]:
    return value is not None and math.isfinite(value)


def _percent(share: float | None, digits: int = 2) -> str:
    return f"{share:.{digits}%}" if _known(share) else UNKNOWN


def _number(value: float | None) -> str:
    return f"{value:.3g}" if _known(value) else UNKNOWN


def _size(count: int) -> str:
    power = min(len(str(count)) - 1, 9) // 3
    return f"{count / 1000**power:.3g} {('bytes', 'kB', 'MB', 'GB')[power]}"


def _picture(image: np.ndarray) -> str:
    """The image as the address of an inline PNG."""
    picture = need("PIL.Image", "report", "A report").fromarray(image.squeeze(-1) if image.shape[-1] == 1 else image)
    picture.thumbnail((LARGEST_IMAGE, LARGEST_IMAGE))
    drawing = io.BytesIO()
    picture.save(drawing, format="png")
    return f"data:image/png;base64,{base64.b64encode(drawing.getvalue()).decode()}"
