"""The arguments of public functions: each of a type that the function's signature names, or refused by its own name."""

import inspect
import os
import reprlib
from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from importlib import import_module
from math import isfinite
from numbers import Integral, Real
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin

Function = TypeVar("Function", bound=Callable[..., Any])
WORDS = {
    NoneType: "None",
    bool: "True or False",
    str: "a string",
    int: "a whole number",
    float: "a finite number",
    os.PathLike: "a path",
    Callable: "a function",
    Iterable: "something to iterate over",
    Sequence: "a list",
    tuple: "a tuple",
}
NUMBERS = {int: Integral, float: Real, bool: object}  # any truth will do


def checked(function: Function) -> Function:
    """The same function, but an argument of a type that its signature does not name is refused before it is used.

    Numbers may be NumPy's, and have to be finite; a string is no list of strings.

    Raises
    ------
    TypeError
        When called, naming the argument, what it may be, and what it is.
    """
    signature, hints = inspect.signature(function), {}

    @wraps(function)
    def call(*args: Any, **keywords: Any) -> Any:
        try:
            given = signature.bind(*args, **keywords).arguments
        except TypeError:  # one too many or too few, which Python tells best
            return function(*args, **keywords)
        hints.update(hints or types_of(function, signature))
        for name, value in given.items():
            if name in hints and not fits(value, hints[name]):
                raise TypeError(f"{name} must be {in_words(hints[name])}, got {reprlib.repr(value)}.")
        return function(*args, **keywords)

    return call  # type: ignore[return-value]


def types_of(function: Callable[..., Any], signature: inspect.Signature) -> dict[str, Any]:
    """The type of each parameter, where it says one; Keras is imported where a signature speaks of it."""
    names = dict(inspect.unwrap(function).__globals__)
    types = {p.name: p.annotation for p in signature.parameters.values() if p.kind != p.VAR_KEYWORD}
    for name, type_ in types.items():
        if isinstance(type_, str):
            if "keras." in type_:
                names["keras"] = import_module("keras")
            types[name] = eval(type_, names)
    return types


def fits(value: Any, type_: Any) -> bool:
    """Whether a value is of a type."""
    origin, parts = get_origin(type_) or type_, get_args(type_)
    if origin in (Any, inspect.Parameter.empty):
        return True
    if origin in (Union, UnionType):
        return any(fits(value, part) for part in parts)
    if origin in NUMBERS:
        truth = origin is not bool and isinstance(value, bool)
        return isinstance(value, NUMBERS[origin]) and finite(value) and not truth
    if origin in (Sequence, Iterable) and isinstance(value, str | bytes):
        return False
    if origin is Sequence and isinstance(value, list | tuple):
        return all(fits(item, part) for item in value for part in parts)
    return value is None if type_ is None else isinstance(value, origin)


def finite(value: Any) -> bool:
    return not isinstance(value, Real) or isfinite(value)


def in_words(type_: Any) -> str:
    """A type as a message names it: "a string or a path"."""
    origin = get_origin(type_) or type_
    if origin in (Union, UnionType):
        return " or ".join(dict.fromkeys(map(in_words, get_args(type_))))
    name = f"{origin.__module__.partition('.')[0]}.{origin.__name__}"
    known = {"keras.Model": "a Keras model", "numpy.ndarray": "an array"}
    return WORDS.get(origin) or known.get(name) or f"a {origin.__name__}"
