"""Recipes as users have them: pages that are read, and fields that a command line changes by their dotted names."""

import ast
import os
import runpy
import traceback
from collections.abc import Iterable
from pathlib import Path
from typing import Any, get_args, get_origin

from kerascnn.arguments import checked
from kerascnn.errors import suggest
from kerascnn.tasks import TASKS
from kerascnn.training.recipe.dotted import changed
from kerascnn.training.recipe.lengths import Epochs, Steps
from kerascnn.training.recipe.optimizers import OPTIMIZERS
from kerascnn.training.recipe.recipe import Distillation, FineTune, Input, Model, Recipe, Stage
from kerascnn.training.recipe.schedules import SCHEDULES

LOSSES = tuple(loss for task in TASKS.values() for loss in task.loss_records)
RECORDS = {
    record.__name__: record
    for record in (Model, Input, Stage, Epochs, Steps, *OPTIMIZERS, *SCHEDULES, *LOSSES, FineTune, Distillation)
}
WORDS = {"true": True, "false": False, "none": None}


@checked
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
        expected = suggest(name, found) or "Expected a line RECIPE = Recipe(model=Model(...), ...)."
        raise ValueError(f"{path} has no {name}. {expected}")
    return found[name]


def recipes_of(page: str | os.PathLike) -> dict[str, Recipe]:
    """All recipes of a page, by the names that it gives them; errors are those of :func:`load_recipe`."""
    path = Path(page)
    if not path.is_file():
        near = suggest(path.name, [file.name for file in path.parent.glob("*.py")])
        raise FileNotFoundError(f"There is no recipe file {path}. {near}".rstrip())
    try:
        names = runpy.run_path(str(path))
    except (Exception, SystemExit) as error:
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
        place = f"line {lines[-1]}: " if lines else ""  # a page that Python cannot even compile has run no line
        raise ValueError(f"The recipe {path} does not run: {place}{type(error).__name__}: {error}") from error
    return {name: value for name, value in names.items() if isinstance(value, Recipe)}


def override(recipe: Recipe, settings: Iterable[str]) -> Recipe:
    """A recipe with some fields set from text.

    >>> from kerascnn.training import SGD, Epochs, Model, Recipe
    >>> recipe = Recipe(
    ...     model=Model("resnet18"), data="digits", length=Epochs(2), batch=64, optimizer=SGD(lr=0.1)
    ... )
    >>> changed = override(recipe, ["optimizer.lr=0.2", "augment=crop,flip", "schedule=Cosine(warmup=1)"])
    >>> changed.optimizer.lr, changed.augment, changed.schedule.warmup
    (0.2, ('crop', 'flip'), 1)

    Parameters
    ----------
    settings
        Of the form ``field=value``. Fields of records stand behind a dot. Values are as in a page; quotes and the
        parentheses of tuples may be left out.

    Raises
    ------
    ValueError
        When a setting is not of this form, there is no such field, or the value does not fit it.
    """
    changes = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals:
            raise ValueError(f"{setting!r} does not say what to set; expected field=value, such as optimizer.lr=0.2.")
        changes[name] = text
    return changed(recipe, changes, read_text)


def read_text(hint: Any, text: str) -> Any:
    """What a text means for a field of a type: a literal, or a record that is written out; or the text itself."""
    kinds = get_args(hint) or (hint,)
    if str in kinds and get_origin(hint) is not tuple:
        return None if text.lower() == "none" and type(None) in kinds else text
    try:
        value = evaluated(ast.parse(text.strip(), mode="eval").body)
    except SyntaxError:
        value = text
    if hint is tuple or get_origin(hint) is tuple or any(get_origin(kind) is tuple for kind in kinds):
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value if value is None or isinstance(value, tuple) else (value,)
    return value


def evaluated(node: ast.expr) -> Any:
    """What an expression of literals and records means; nothing else is computed."""
    match node:
        case ast.Name(id=name):
            return made(name) if name in RECORDS else WORDS.get(name.lower(), name)
        case ast.Call(func=ast.Name(id=name)):
            named = {str(keyword.arg): evaluated(keyword.value) for keyword in node.keywords}
            return made(name, *map(evaluated, node.args), **named)
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            return tuple(map(evaluated, parts))
    try:
        return ast.literal_eval(node)
    except ValueError:
        return ast.unparse(node)


def made(name: str, *values: Any, **named: Any) -> Any:
    if name not in RECORDS:
        raise ValueError(f"There is no record {name!r}. {suggest(name, RECORDS)}")
    try:
        return RECORDS[name](*values, **named)
    except TypeError as error:
        raise ValueError(f"{name} cannot be made so: {error}") from None
