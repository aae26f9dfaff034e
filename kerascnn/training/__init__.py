"""The training room: a recipe, a strategy, one loop and its state. ``loop``, ``state`` and a strategy need Keras."""

from kerascnn.training.pages import load_recipe, override
from kerascnn.training.recipe import Recipe
from kerascnn.training.stages import Stage, progressive, progressive_as_released
from kerascnn.training.strategy import leads, open_strategy

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
