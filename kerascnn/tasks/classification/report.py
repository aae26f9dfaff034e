"""What a report shows of a classifier: confusion matrix, classes, calibration and mistakes."""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from kerascnn.report import Panel, Picture, Section, Strong, plots
from kerascnn.report.text import count, number, percent
from kerascnn.tasks.decisions import class_section, confusion_section, images_seen

if TYPE_CHECKING:
    from kerascnn.data import Split
    from kerascnn.spec import Preprocess
    from kerascnn.tasks.classification.evaluation import ClassEvaluation

MOST_MISTAKES = 40
BESIDE = 20  # classes up to which their table stands beside the confusion matrix
MEASURES = {"Expected error": "ece", "Maximum error": "mce", "Brier score": "brier", "NLL, nats": "nll"}


@dataclass(frozen=True)
class Confusion:
    """Images of one class that were taken for another: so many of all of that class."""

    true: str
    predicted: str
    count: int
    support: int


@dataclass(frozen=True)
class Mistake:
    """An image that was taken for something else, with the probability of that, 0 to 1, and its name."""

    true: str
    predicted: str
    confidence: float
    name: str


def sections(found: "ClassEvaluation", split: "Split", preprocess: "Preprocess") -> list[Section]:
    """The sections of a report; images of mistakes are taken from the split that was evaluated."""
    return [confusion(found), classes(found), calibration(found), mistakes(found, split, preprocess)]


def confusion(found: "ClassEvaluation") -> Section:
    note: list[str] = [
        "Each row is a true class, each column what the network made of it; the stronger the colour, the larger the "
        "fraction of the row."
    ]
    for place, pair in enumerate(most_confused(found, 3)):
        note += [", " if place else " Most confused: ", Strong(pair.true), " taken for ", Strong(pair.predicted)]
        note += [f" ({count(pair.count)} of {count(pair.support)})"]
    return confusion_section(
        found,
        [*note, "." if len(note) > 1 else ""],
        f"Confusion matrix of {len(found.labels)} classes: {count(int(found.confusion.trace()))} of "
        f"{count(found.samples)} images on its diagonal",
        width=0.6 if len(found.labels) <= BESIDE else 1.0,
    )


def most_confused(found: "ClassEvaluation", most: int) -> list[Confusion]:
    """The pairs of classes that were mixed up most often, at most so many."""
    labels, errors = found.labels, found.confusion * ~np.eye(len(found.labels), dtype=bool)
    order = np.argsort(errors, axis=None, kind="stable")[::-1][:most]
    return [
        Confusion(labels[i], labels[j], int(errors[i, j]), int(found.support[i]))
        for i, j in (divmod(int(place), len(labels)) for place in order)
        if errors[i, j]
    ]


def classes(found: "ClassEvaluation") -> Section:
    columns = {
        "Images": ("count", found.support),
        "Recall": ("bar", found.recall),
        "Precision": ("bar", found.precision),
    }
    return class_section(found.labels, columns, width=0.4 if len(found.labels) <= BESIDE else 1.0)


def calibration(found: "ClassEvaluation") -> Section:
    of_all, scaled = found.calibration, found.scaling
    diagram = Panel(
        title="Confidence and accuracy",
        note="Images are sorted into bins by how sure the network is. Where a bar ends at its mark, the network is as "
        "sure as it is right; where it ends below, it is too sure.",
        drawing=plots.reliability(of_all.counts, of_all.confidence, of_all.accuracy, name="reliability"),
        label=f"Accuracy against confidence in {len(of_all.counts)} bins",
        width=0.5,
    )
    shown = {"All": of_all} | ({"Half": scaled.before, "Scaled": scaled.after} if scaled else {})
    rows = [
        (measure, *((percent if key in ("ece", "mce") else number)(getattr(one, key)) for one in shown.values()))
        for measure, key in MEASURES.items()
    ]
    below = scaled and [
        "Dividing the logits by a temperature of ",
        Strong(number(scaled.temperature)),
        f" makes this network {'less sure' if scaled.temperature > 1 else 'surer'}. It was found on one half of the "
        "images, drawn by chance; the last two columns are of the other half, without it and with it.",
    ]
    table = Panel(
        title="In numbers",
        label="Calibration in numbers",
        columns={"Measure": "name", **dict.fromkeys(shown, "figure")},
        rows=rows,
        below=below or "",
        width=0.5,
    )
    numbers = {"calibration": of_all.as_dict(), "temperature_scaling": scaled and scaled.as_dict()}
    return Section(title="Calibration", panels=[diagram, table], numbers=numbers)


def mistakes(found: "ClassEvaluation", split: "Split", preprocess: "Preprocess") -> Section:
    """All mistakes by name, and pictures of the surest ones."""
    sure = found.probabilities[np.arange(found.samples), found.predictions]
    wrong = np.flatnonzero(found.predictions != found.targets)
    wrong = wrong[np.argsort(-sure[wrong], kind="stable")]
    made = [
        Mistake(found.labels[found.targets[i]], found.labels[found.predictions[i]], float(sure[i]), split.name(i))
        for i in wrong.tolist()
    ]
    text = f"None: all {count(found.samples)} images were recognised. Well done, little network."
    if made:
        which = "Here they are" if len(made) <= MOST_MISTAKES else f"Here are {MOST_MISTAKES} of them"
        text = (
            f"{count(len(made))} of {count(found.samples)} images were taken for something else. {which}, the most "
            "confident first: the true class, what the network said, and how sure it was."
        )
    images = images_seen(split.take(wrong[:MOST_MISTAKES]), preprocess) if made else []
    return Section(
        title="Mistakes",
        text=text,
        pictures=[
            Picture(
                image=image,
                caption=[f"{mistake.true} → ", Strong(mistake.predicted)],
                details=[f"{percent(mistake.confidence, 1)} sure", mistake.name],
                alt=f"{mistake.name}, true class {mistake.true}",
            )
            for mistake, image in zip(made[:MOST_MISTAKES], images, strict=True)
        ],
        numbers={"mistakes": [asdict(mistake) for mistake in made]},
    )
