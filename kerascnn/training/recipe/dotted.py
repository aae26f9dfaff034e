"""Fields of nested records, changed by their dotted names."""

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar, cast, get_type_hints

from kerascnn.errors import suggest

Record = TypeVar("Record")
Read = Callable[[Any, Any], Any]  # the value of a field, from its type and from what it is to be


def changed(recipe: Record, changes: Mapping[str, Any], read: Read = lambda hint, value: value) -> Record:
    """A recipe with some fields changed, all at once, by dotted names."""
    names = dotted(recipe)
    try:
        return with_fields(recipe, [(name.split("."), value) for name, value in changes.items()], read)
    except KeyError as error:
        name = error.args[0]
        ends = [known for known in names if known.split(".")[-1] == name.split(".")[-1]]
        near = suggest(ends[0], ends) if len(ends) == 1 else suggest(name, ends or names)
        raise ValueError(f"A recipe has no field {name!r}. {near or 'Fields are ' + ', '.join(names)}") from None


def with_fields(record: Any, changes: list[tuple[list[str], Any]], read: Read, path: str = "") -> Any:
    """A record, or a mapping of names, with some fields or fields of fields changed.

    A KeyError has the dotted name of a field that is not there.
    """
    if isinstance(record, Mapping):
        return {**record, **{".".join(name): read(Any, value) for name, value in changes}}
    if isinstance(record, type) or not is_dataclass(record):
        example = f"{path}=None" if record is None else f"{path}={record!r}"
        raise ValueError(f"{path} is {record!r} and has no fields of its own; set it whole, not as in {example}.")
    hints, new, inside = get_type_hints(type(record)), {}, {}
    for (name, *inner), value in changes:
        if name not in {field.name for field in fields(record)}:
            raise KeyError(f"{path}.{name}".lstrip("."))
        if inner:
            inside.setdefault(name, []).append((inner, value))
        else:
            new[name] = read(hints[name], value)
    for name, inner in inside.items():  # after whole records
        new[name] = with_fields(new.get(name, getattr(record, name)), inner, read, f"{path}.{name}".lstrip("."))
    return replace(cast(Any, record), **new)


def dotted(record: Any, path: str = "") -> list[str]:
    """The names of all fields, and of fields of fields."""
    names = []
    for field in fields(record):
        value = getattr(record, field.name)
        names += [path + field.name] + (dotted(value, f"{path}{field.name}.") if is_dataclass(value) else [])
    return names
