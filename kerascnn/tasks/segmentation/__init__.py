"""A class for every pixel."""

from kerascnn.tasks.segmentation.task import Segmentation

__all__ = ["Segmentation"]
