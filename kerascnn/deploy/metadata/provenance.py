"""Where a network comes from: what the facts of its card say, in the fields that metadata has for it."""

from pathlib import Path
from typing import Any

from kerascnn.card import Card
from kerascnn.spec import is_number
from kerascnn.tasks import find_task
from kerascnn.weights.records import find_record


def provenance(card: Card) -> dict[str, str]:
    """Description, version, author and licence; empty where nobody said.

    What the facts name so is taken as it is. The rest comes of what a training records, which is no author.
    """
    ours = _object(card.facts, "versions").get("kerascnn")
    found = {
        "description": description(card),
        "version": f"kerascnn {ours}" if ours else "",
        "author": "",
        "licence": licence(card),
    }
    return {key: str(card.facts.get(key) or text) for key, text in found.items()}


def description(card: Card) -> str:
    """What it is, what it was trained on and how, and how good it is."""
    recipe, data = _object(card.facts, "recipe"), _object(card.facts, "data")
    task = find_task(card.task)
    said = [f"{card.model}, image {task.name}: {len(card.labels)} classes."]
    if source := Path(str(data.get("source") or "")).name:  # where it lay is nobody's business
        said += [f"Trained on {source}, fingerprint {data.get('fingerprint')}."]
    words = {
        "epochs": _object(recipe, "length").get("epochs"),
        "optimizer": _object(recipe, "optimizer").get("class"),
        "learning rate": _object(recipe, "optimizer").get("lr"),
        "batch": recipe.get("batch"),
        "seed": recipe.get("seed"),
    }
    if terms := [f"{word} {value}" for word, value in words.items() if value is not None]:
        said += [f"Recipe: {', '.join(terms)}."]
    if weights := Path(str(_object(recipe, "model").get("weights") or "")).name:
        said += [f"Began with the weights {weights}."]
    if (value := validated(card, task.metric)) is not None:
        said += [f"{task.title} on validation images: {value:.2%}."]
    return " ".join(said)


def licence(card: Card) -> str:
    """That of the published weights that the training began with."""
    model = _object(_object(card.facts, "recipe"), "model")
    try:
        record = find_record(str(model.get("name")), str(model.get("weights")))
    except ValueError:  # none, or a file, of which nothing is known
        return ""
    return record.licence and f"{record.licence}, of the weights {record.name}"


def validated(card: Card, metric: str) -> float | None:
    """The task's metric as it was measured last: after compression, after training, or else in the last epoch."""
    history = card.facts.get("history")
    last = {"epoch": history[-1]} if isinstance(history, list) and history else {}
    measured = (
        _object(card.facts, "compression").get(metric),
        _object(card.facts, "validation").get(metric),
        _object(last, "epoch").get(f"val_{metric}"),
    )
    return next((value for value in measured if is_number(value)), None)


def _object(facts: dict[str, Any], name: str) -> dict[str, Any]:
    """A fact that has parts. One that has none was written by another hand, and says nothing here."""
    fact = facts.get(name)
    return fact if isinstance(fact, dict) else {}
