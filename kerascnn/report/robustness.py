"""What a report shows of a model under corruption, whatever its task."""

from kerascnn.evaluation.robustness import Robustness
from kerascnn.report import plots
from kerascnn.report.records import Headline, Panel, Section
from kerascnn.report.text import percent


def headline(found: Robustness) -> Headline:
    kinds = len(found.kinds)
    return Headline("Corruption error", percent(found.mean_error), f"mean over {kinds} kind{'s' * (kinds > 1)}")


def section(found: Robustness, metric: str) -> Section:
    """How a metric, such as ``"Top-1 accuracy"``, falls with the severity of each corruption."""
    named = [kind.replace("_", " ") for kind in found.kinds]
    declines = [
        Panel(
            title=name,
            drawing=plots.decline(
                list(zip(found.severities, scores, strict=True)), found.whole, name=f"decline{number}"
            ),
            label=f"{metric} by severity of {name}",
            width=0.2,
        )
        for number, (name, scores) in enumerate(zip(named, found.scores, strict=True))
    ]
    columns = {"Corruption": "name", **{f"Severity {s}": "bar" for s in found.severities}, "Mean error": "percent"}
    rows = [(name, *scores, error) for name, scores, error in zip(named, found.scores, found.errors, strict=True)]
    return Section(
        title="Corruptions",
        text=f"{metric} on images that are corrupted in ImageNet-C's ways, by severity; the dashed line is that on "
        "images as they are. The mean error is not divided by AlexNet's.",
        panels=[*declines, Panel(label=f"{metric} under corruption", columns=columns, rows=rows)],
        numbers={"corruptions": found.as_dict()},
    )
