"""The training room: a recipe, a strategy, one loop and its state. ``loop``, ``state`` and a strategy need Keras."""

from kerascnn.train.pages import load_recipe, override
from kerascnn.train.recipe import Recipe
from kerascnn.train.stages import Stage, progressive, progressive_as_released
from kerascnn.train.strategy import leads, open_strategy

__all__ = [
    "Recipe",
    "Stage",
    "leads",
    "load_recipe",
    "open_strategy",
    "override",
    "progressive",
    "progressive_as_released",
]
