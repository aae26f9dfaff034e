"""Rows as JSON can hold them, so that a card remembers a network that is in no table."""

from dataclasses import fields, is_dataclass
from importlib import import_module
from types import FunctionType
from typing import Any

from kerascnn.errors import suggest
from kerascnn.spec import Row

# Where families and what their tables hold are defined: nothing else is imported because a file asks for it.
PACKAGES = (
    "kerascnn.applications.",
    "kerascnn.blocks",
    "kerascnn.detection.",
    "kerascnn.segmentation.",
    "kerascnn.spec",
)


def encode_row(row: Row) -> dict[str, Any]:
    """The family and the fields of a row, as JSON can hold them: ``{"class": "module:Name", "fields": {...}}``."""
    return encode(row)


def decode_row(encoded: dict[str, Any]) -> Row:
    """The row that was encoded, equal to it.

    Raises
    ------
    ValueError
        When it names no family of this package, or a field that its family lacks or that does not fit.
    """
    row = decode(encoded)
    if not isinstance(row, Row):
        raise ValueError(f"A network is stored as its family and fields, not as {encoded!r:.200}.")
    return row


def encode(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        inside = {f.name: encode(getattr(value, f.name)) for f in fields(value)}
        return {"class": address(type(value)), "fields": inside}
    if isinstance(value, FunctionType):
        return {"function": address(value)}
    if isinstance(value, tuple | list):
        return [encode(item) for item in value]
    return value


def decode(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(decode(item) for item in value)
    if not isinstance(value, dict):
        return value
    if {*value} == {"function"}:
        return find(value["function"], FunctionType)
    if {*value} != {"class", "fields"} or not isinstance(value["fields"], dict):
        raise ValueError(f"Expected a class and its fields, got {value!r:.200}.")
    kind = find(value["class"], type)
    known = list(getattr(kind, "__dataclass_fields__", ()))
    for name in value["fields"]:
        if name not in known:
            raise ValueError(f"{kind.__name__} has no field {name!r}. {suggest(name, known)}".rstrip())
    try:
        return kind(**{name: decode(item) for name, item in value["fields"].items()})
    except TypeError as error:
        raise ValueError(f"The fields of {kind.__name__} do not fit: {error}.") from error


def address(thing: Any) -> str:
    return f"{thing.__module__}:{thing.__qualname__}"


def find(text: Any, kind: type) -> Any:
    """What an address such as ``kerascnn.applications.resnet:ResNet`` names, if it is one of this package's own."""
    module, _, name = str(text).partition(":")
    if not module.startswith(PACKAGES):
        raise ValueError(
            f"{text!r} is no network of this package: expected an address such as {PACKAGES[0]}resnet:ResNet."
        )
    try:
        there = vars(import_module(module))
    except ModuleNotFoundError as error:
        raise ValueError(f"There is no family {module}, which a network was stored under.") from error
    known = {key: item for key, item in there.items() if isinstance(item, kind) and item.__module__ == module}
    if name not in known:
        raise ValueError(f"{module} has no {name!r}. {suggest(name, known)}".rstrip())
    return known[name]
