"""A segment for every pixel: things, which can be counted, and stuff."""

from kerascnn.tasks.panoptic.task import Panoptic

__all__ = ["Panoptic"]
