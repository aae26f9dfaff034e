"""The training room: a recipe, a strategy, one loop and its state. ``loop``, ``state`` and a strategy need Keras."""

from kerascnn.training.recipe import *  # noqa: F403
from kerascnn.training.recipe import __all__ as RECIPE
from kerascnn.training.strategy import leads, open_strategy

__all__ = ["leads", "open_strategy", *RECIPE]
