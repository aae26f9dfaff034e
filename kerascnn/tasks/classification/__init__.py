"""One image, one class."""

from kerascnn.tasks.classification.task import Classification

__all__ = ["Classification"]
