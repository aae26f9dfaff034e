"""Methods of training: each wraps the objective of a task. A loop knows only that there may be one."""

from collections.abc import Callable
from typing import Any

from kerascnn.training.resolve import Resolved

__all__ = ["Objective", "objective_of"]

Objective = Callable[[Any, dict[str, Any], dict[str, Any]], Any]  # images, outputs, targets to (B,): what is minimised


def objective_of(resolved: Resolved) -> Objective | None:
    """The objective of the methods that a recipe asks for; None: the task's own."""
    if not resolved.recipe.distill:
        return None
    from kerascnn.training.methods.distillation import Distilled

    return Distilled(resolved.recipe.distill, resolved.task, resolved.preprocess)
