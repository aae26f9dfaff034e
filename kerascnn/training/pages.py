"""Recipes as users have them: files that are read, and fields that a command line changes."""

import os
import runpy
from collections.abc import Iterable
from dataclasses import fields, replace
from pathlib import Path
from typing import get_type_hints

from kerascnn.errors import suggest
from kerascnn.training.fields import KINDS
from kerascnn.training.recipe import Recipe


def load_recipe(page: str | os.PathLike) -> Recipe:
    """A recipe of a page: ``recipes/resnet.py`` gives its ``RECIPE``, ``recipes/resnet.py:LARGE_BATCH`` another.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    ValueError
        When it does not run, or has no such recipe.
    """
    path, colon, name = os.fspath(page).rpartition(":")
    if not path.endswith(".py"):  # a colon of a Windows path, or none
        path, name = f"{path}{colon}{name}", "RECIPE"
    found = recipes_of(path)
    if name not in found:
        near = suggest(name, found) if found else "Expected a line RECIPE = Recipe(model=..., ...)."
        raise ValueError(f"{path} has no {name}. {near}")
    return found[name]


def recipes_of(page: str | os.PathLike) -> dict[str, Recipe]:
    """All recipes of a page, by the names that it gives them.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    ValueError
        When it does not run.
    """
    path = Path(page)
    if not path.is_file():
        beside = [file.name for file in path.parent.glob("*.py")] if path.parent.is_dir() else []
        near = suggest(path.name, beside) if beside else ""
        raise FileNotFoundError(f"There is no recipe file {path}. {near}".rstrip())
    try:
        names = runpy.run_path(str(path))
    except Exception as error:
        raise ValueError(f"The recipe {path} does not run: {error}") from error
    return {name: value for name, value in names.items() if isinstance(value, Recipe)}


def override(recipe: Recipe, settings: Iterable[str]) -> Recipe:
    """A recipe with some fields set from text: ``["lr=0.2", "augment=crop,flip"]``.

    Raises
    ------
    ValueError
        When a setting is not of the form ``field=value``, there is no such field, or the value does not fit it.
    """
    hints = get_type_hints(Recipe)
    changes = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals:
            raise ValueError(f"{setting!r} does not say what to set; expected field=value, such as lr=0.2.")
        if name not in hints:
            near = suggest(name, hints) or f"Fields are {', '.join(field.name for field in fields(Recipe))}."
            raise ValueError(f"A recipe has no field {name!r}. {near}")
        kind = KINDS[hints[name]]
        if kind.parse is None:
            raise ValueError(f"{name} cannot be set from text; in a recipe's file it is {kind.name}.")
        try:
            changes[name] = kind.parse(text)
        except ValueError:
            raise ValueError(f"{name} is {text!r}; expected {kind.name}.") from None
    return replace(recipe, **changes)
