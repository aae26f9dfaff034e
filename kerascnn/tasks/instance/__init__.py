"""Masks of objects, and what these are."""

from kerascnn.tasks.instance.losses import TwoStageMasks
from kerascnn.tasks.instance.task import Instance

__all__ = ["Instance", "TwoStageMasks"]
