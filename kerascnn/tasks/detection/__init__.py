"""Boxes round objects, and what these are."""

from kerascnn.tasks.detection.losses import Focal, Logistic, MultiBox, MultiTask, Region, SumSquared, TwoStage
from kerascnn.tasks.detection.task import Detection

__all__ = ["Detection", "Focal", "Logistic", "MultiBox", "MultiTask", "Region", "SumSquared", "TwoStage"]
