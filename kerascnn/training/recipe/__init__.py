"""The recipe: small records that check themselves, pages that hold them, and texts that change them."""

from kerascnn.tasks.losses import BinaryCrossEntropy, CrossEntropy
from kerascnn.training.recipe.changes import load_recipe, override, recipes_of
from kerascnn.training.recipe.lengths import Epochs, Steps
from kerascnn.training.recipe.optimizers import LAMB, LARS, SGD, AdamW, RMSProp
from kerascnn.training.recipe.recipe import Distillation, FineTune, Input, Model, Recipe, Stage
from kerascnn.training.recipe.schedules import Constant, Cosine, Exponential, Plateau, Polynomial, StepDecay

__all__ = [
    "LAMB",
    "LARS",
    "SGD",
    "AdamW",
    "BinaryCrossEntropy",
    "Constant",
    "Cosine",
    "CrossEntropy",
    "Distillation",
    "Epochs",
    "Exponential",
    "FineTune",
    "Input",
    "Model",
    "Plateau",
    "Polynomial",
    "RMSProp",
    "Recipe",
    "Stage",
    "StepDecay",
    "Steps",
    "load_recipe",
    "override",
    "recipes_of",
]
