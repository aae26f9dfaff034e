"""What is learned: a task says what annotations mean, what loss is minimised, and what predictions are worth.

``TASKS`` is the table. Nothing outside a task's own folder asks which task it is.
"""

from kerascnn.card import Card
from kerascnn.errors import suggest
from kerascnn.evaluation.agreement import Agreement
from kerascnn.evaluation.loop import Evaluator
from kerascnn.tasks.classification import Classification
from kerascnn.tasks.detection import Detection
from kerascnn.tasks.instance import Instance
from kerascnn.tasks.panoptic import Panoptic
from kerascnn.tasks.segmentation import Segmentation
from kerascnn.tasks.task import App, Evaluation, OutputTensor, Prediction, Task

TASKS: dict[str, type[Task]] = {
    task.name: task for task in (Classification, Segmentation, Detection, Instance, Panoptic)
}

__all__ = [
    "TASKS",
    "Agreement",
    "App",
    "Classification",
    "Detection",
    "Evaluation",
    "Evaluator",
    "Instance",
    "OutputTensor",
    "Panoptic",
    "Prediction",
    "Segmentation",
    "Task",
    "find_task",
    "task_of",
]


def find_task(name: str) -> type[Task]:
    """The task of this name. Raises ``ValueError`` when there is none; it suggests the nearest."""
    if name not in TASKS:
        raise ValueError(f"There is no task {name!r}. {suggest(name, TASKS)}")
    return TASKS[name]


def task_of(card: Card) -> Task:
    """The task of a card, with its class names."""
    return find_task(card.task)(labels=card.labels)
