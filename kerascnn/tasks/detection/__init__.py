"""Boxes round objects, and what these are."""

from kerascnn.tasks.detection.losses import Focal, MultiBox, TwoStage
from kerascnn.tasks.detection.task import Detection

__all__ = ["Detection", "Focal", "MultiBox", "TwoStage"]
