"""One image, one class."""

from kerascnn.tasks.classification.evaluation import ClassEvaluation
from kerascnn.tasks.classification.prediction import ClassPrediction
from kerascnn.tasks.classification.task import Classification

__all__ = ["ClassEvaluation", "ClassPrediction", "Classification"]
