"""From where a training goes on: what was saved of it, or of one that differs from it in its length alone."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras

from kerascnn.graph.graph import leaves
from kerascnn.training.recipe import Epochs, Steps
from kerascnn.training.resolve import Resolved
from kerascnn.training.state import WAYS_ON, Checkpoint, Place, Saved, differing

LENGTHS = {"length.epochs", "length.steps"}  # facts by which a run may differ from that which it goes on from


def resume(
    checkpoint: Checkpoint,
    resolved: Resolved,
    model: keras.Model,
    model_file: Path,
    *,
    overwrite: bool,
    extend: bool,
    log: Callable[[str], Any],
) -> Place:
    """Put the variables back where the training was left, and tell where that is: at the start, if it is new.

    A checkpoint comes first, then what a finished training has kept. One of another length is gone on from when this
    one would have come there by the same way, or when ``extend`` allows it.

    Raises
    ------
    FileExistsError
        When a finished training is there which this one does not continue, unless ``overwrite`` allows to replace it.
    ValueError
        When what is there is damaged or another run's, unless ``overwrite`` allows to forget it; when it is further
        already than this training goes; when this one would have gone another way.
    """
    try:
        saved = checkpoint.read(finished=not overwrite)
    except ValueError:
        if overwrite:
            return Place([])
        raise
    if saved is None:
        if model_file.exists() and not overwrite:
            raise FileExistsError(f"{model_file} is a finished training. {WAYS_ON}")
        return Place([])
    others = differing(saved.identity, checkpoint.identity)
    error, trouble = ValueError, ""
    if not set(others) <= LENGTHS:
        trouble = f"{saved.path} was left by another run: {'; '.join(others.values())}."
        if model_file.exists():
            error, trouble = FileExistsError, f"{model_file} is a finished training. {trouble}"
    elif others:
        trouble = of_other_length(saved, resolved, model, extend=extend, log=log)
    if trouble and not overwrite:
        raise error(f"{trouble} {WAYS_ON}")
    if trouble:
        return Place([])
    checkpoint.put_back(saved)
    log(f"continuing after {saved.place} of {resolved.epochs}, from {saved.path}")
    return saved.place


def of_other_length(
    saved: Saved, resolved: Resolved, model: keras.Model, *, extend: bool, log: Callable[[str], Any]
) -> str:
    """Why this training cannot go on from one of another length; nothing, when it can."""
    facts, place = dict(saved.identity["length"]), saved.place
    length = {kind.__name__: kind for kind in (Epochs, Steps)}[facts.pop("class")](**facts)
    found = f"{saved.path} was left by a training of {length.epochs} epochs after {place}"
    if len(place.history) + (place.step > 0) > resolved.epochs:
        return f"{found}, and this one has only {resolved.epochs}."
    if not (other := other_way(place, length, resolved, model)):
        return ""
    found = f"{found}, and one of {resolved.epochs} would have come there another way ({other})"
    if extend:
        log(f"{found}; going on none the less")
        return ""
    return f"{found}. Go on none the less (--extend)."


def other_way(place: Place, length: Epochs | Steps, resolved: Resolved, model: keras.Model) -> str:
    """How a training of another length came to a place otherwise than this one would have; nothing, if it did not."""
    before, done = replace(resolved, length=length), len(place.history) * resolved.steps + place.step
    if any(hasattr(layer, "training_progress") for layer in leaves(model)):
        return "some of its layers change with the part of the training that is over"
    if any(before.stage(epoch) != resolved.stage(epoch) for epoch in range(-(-done // resolved.steps))):
        return "its stages would have begun in other epochs"
    losses = [record["val_loss"] for record in place.history]
    for step in range(done):
        epoch = step // resolved.steps
        was, would = (one.rate(step, losses[:epoch]) for one in (before, resolved))
        if was != would:
            now, then = before.rate(done - 1, losses), resolved.rate(done, losses)
            return (
                f"from epoch {epoch + 1} on, the learning rate would have been {would:.3g} instead of {was:.3g}; it is "
                f"{now:.3g} now and would go on at {then:.3g}"
            )
    return ""
