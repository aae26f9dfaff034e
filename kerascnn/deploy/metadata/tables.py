"""Flatbuffer tables by hand, for a schema of which there is no generated code. Fields go by their place, from 0."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from flatbuffers import number_types
from flatbuffers.table import Table as Raw

from kerascnn.runtime import flex


@dataclass(frozen=True)
class Scalar:
    """A number that stands in the table itself."""

    kind: Any
    value: int


int8 = partial(Scalar, number_types.Int8Flags)
int32 = partial(Scalar, number_types.Int32Flags)
uint8 = partial(Scalar, number_types.Uint8Flags)
uint32 = partial(Scalar, number_types.Uint32Flags)


class Builder(flex.Builder):
    """Writes tables from the leaves to the root. What it gives back says where a thing lies."""

    def table(self, fields: dict[int, int | Scalar]) -> int:
        """A table of numbers and of things that were written before."""
        self.StartObject(max(fields, default=-1) + 1)
        for place, field in fields.items():
            if isinstance(field, Scalar):
                self.PrependSlot(field.kind, place, field.value, None)
            else:
                self.PrependUOffsetTRelativeSlot(place, field, 0)
        return self.EndObject()

    def tables(self, tables: list[int]) -> int:
        self.StartVector(4, len(tables), 4)
        for table in reversed(tables):
            self.PrependUOffsetTRelative(table)
        return self.EndVector()

    def floats(self, values: Any) -> int:
        return self.CreateNumpyVector(np.asarray(values, np.float32))


class Table:
    """Reads a table. A field that is missing is empty, or 0, as the format has it."""

    def __init__(self, raw: Raw | None) -> None:
        self.raw = raw

    @classmethod
    def root(cls, content: bytes) -> "Table":
        return cls(Raw(content, int(np.frombuffer(content, "<u4", 1)[0])))

    def at(self, place: int) -> int:
        """Where in the buffer a field stands; 0 where it is missing."""
        offset = self.raw.Offset(4 + 2 * place) if self.raw else 0
        return self.raw.Pos + offset if self.raw and offset else 0

    def text(self, place: int) -> str:
        at = self.at(place)
        return self.raw.String(at).decode() if self.raw and at else ""

    def number(self, place: int, kind: str) -> int:
        """``kind`` is NumPy's name of the type."""
        at = self.at(place)
        return int(np.frombuffer(self.raw.Bytes, kind, 1, at)[0]) if self.raw and at else 0

    def floats(self, place: int) -> tuple[float, ...]:
        start, length = self.vector(place)
        return tuple(np.frombuffer(self.raw.Bytes, "<f4", length, start).tolist()) if self.raw and length else ()

    def table(self, place: int) -> "Table":
        at = self.at(place)
        return Table(Raw(self.raw.Bytes, self.raw.Indirect(at)) if self.raw and at else None)

    def tables(self, place: int) -> list["Table"]:
        start, length = self.vector(place)
        raw = self.raw
        return [Table(Raw(raw.Bytes, raw.Indirect(start + 4 * i))) for i in range(length)] if raw else []

    def vector(self, place: int) -> tuple[int, int]:
        """Where a vector begins, and how long it is."""
        at = self.at(place)
        if not self.raw or not at:
            return 0, 0
        start = self.raw.Indirect(at)
        return start + 4, int(np.frombuffer(self.raw.Bytes, "<u4", 1, start)[0])
