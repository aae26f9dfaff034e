"""PyTorch's files, read without PyTorch and without running what they hold.

Such a file is a pickle of names, numbers and tensors; each tensor is a view of a storage, whose raw bytes lie beside
the pickle: in a zip archive since PyTorch 1.6, behind it in one stream before. A pickle names what is to be called
when it is opened. Here only what stands in ``Reader.find_class`` is called, and of that only what makes tensors does
anything: the rest, such as arguments of a training, becomes an object that holds nothing.
"""

import io
import mmap
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from pickle import UnpicklingError
from pickletools import genops, markobject
from typing import IO, Any

import numpy as np

from kerascnn.runtime.containers import Unsound, archive

MAGIC = 0x1950A86A20F9469CFC6C  # begins a file of before 1.6
NUMBERS = {
    "Double": "f8", "Float": "f4", "Half": "f2", "BFloat16": "u2", "Long": "i8", "Int": "i4", "Short": "i2",
    "Char": "i1", "Byte": "u1", "Bool": "?", "ComplexFloat": "c8", "ComplexDouble": "c16",
}  # fmt: skip
EMPTY = {  # what training checkpoints hold beside their tensors
    "argparse.Namespace", "collections.Counter", "collections.defaultdict", "builtins.set", "torch.Size",
    "torch.device", "torch.nn.parameter.Parameter", "numpy.dtype", "numpy.core.multiarray.scalar",
    "numpy._core.multiarray.scalar", "_codecs.encode", "pathlib.PosixPath", "pathlib._local.PosixPath",
}  # fmt: skip
DTYPES = {
    "float64", "double", "float32", "float", "float16", "half", "bfloat16", "int64", "long", "int32", "int", "int16",
    "short", "int8", "uint8", "bool", "complex64", "complex128",
}  # fmt: skip
SMALL = 1 << 20  # values that a tensor may have though its storage has fewer, which it repeats
TUPLE = 10_000  # values in a tuple and in those within it, counted as often as they occur; shapes have a few


@dataclass
class Storage:
    """The numbers that tensors are views of."""

    kind: str
    count: int
    data: bytes = b""
    read: np.ndarray | None = None

    def numbers(self, order: str) -> np.ndarray:
        """All of them in the machine's own order, bfloat16 in float32; they are converted once."""
        if self.read is None:
            values = np.frombuffer(self.data, np.dtype(order + NUMBERS[self.kind]))
            if len(values) != self.count:
                raise UnpicklingError(f"a storage has {len(values)} numbers, not the {self.count} that it says")
            wide = self.kind == "BFloat16"
            self.read = widened(values) if wide else values.astype(values.dtype.newbyteorder("="), copy=False)
        return self.read


@dataclass
class Tensor:
    """A view of a storage, in numbers from its beginning."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def array(self, order: str) -> np.ndarray:
        """The view: however many numbers tensors repeat, they take the memory of their storages."""
        values, count = self.storage.numbers(order), prod(self.shape)
        ints = all(type(v) is int and v >= 0 for v in (self.offset, *self.shape, *self.strides))
        if not ints or len(self.shape) != len(self.strides) or count > max(len(values), SMALL):
            raise UnpicklingError("a tensor has a shape that no tensor has")
        last = self.offset + sum((n - 1) * s for n, s in zip(self.shape, self.strides, strict=True))
        if count and last >= len(values):
            raise UnpicklingError("a tensor reaches beyond its storage")
        steps = [s * values.itemsize for s in self.strides]
        within = values[self.offset :] if count else values[:0]
        return np.lib.stride_tricks.as_strided(within, self.shape, steps, writeable=False)


def widened(values: np.ndarray) -> np.ndarray:
    """The bits of bfloat16 as float32, of which they are the upper half."""
    return (values.astype(np.uint32) << 16).view(np.float32)


def unpickled(reader: "Reader", file: IO[bytes]) -> Any:
    """What the next pickle of ``file`` holds, which ``reader`` reads, once it is sure that it does so soon.

    To hash a tuple goes through all that lie in it, as often as they do, and deep ones end the process; and the table
    of what a pickle refers to has room for the largest number that occurs.
    """
    start, sizes, marks, kept = file.tell(), [], [], {}
    for done, (step, argument, _) in enumerate(genops(file)):
        takes = step.stack_before
        if step.name == "MARK":
            marks.append(len(sizes))
        elif step.name in ("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"):
            place = len(kept) if argument is None else argument
            if place > done:
                raise UnpicklingError("it numbers its parts otherwise than pickles do")
            kept[place] = sizes[-1]
        elif step.name in ("GET", "BINGET", "LONG_BINGET"):
            sizes.append(kept[argument])
        else:
            first = marks.pop() - takes.index(markobject) if markobject in takes else len(sizes) - len(takes)
            inside = sum(sizes[first:])
            sizes[first:] = [1 + inside if "TUPLE" in step.name else 1 for _ in step.stack_after]
            if max(sizes[first:], default=0) > TUPLE:
                raise UnpicklingError(f"it holds tuples in each other of more than {TUPLE:,} values")
    file.seek(start)
    return reader.load()


class Reader(pickle.Unpickler):
    """Reads one pickle of a file, and calls nothing but what makes tensors."""

    def __init__(self, file: IO[bytes], archive: zipfile.ZipFile | None = None, folder: str = ""):
        super().__init__(file, encoding="utf-8")
        self.archive, self.folder = archive, folder
        self.storages: dict[str, Storage] = {}

    def find_class(self, module: str, name: str) -> Any:
        module, kind = module.replace("__builtin__", "builtins"), name.removesuffix("Storage")
        if module in ("torch", "torch.cuda") and kind != name and kind in NUMBERS:
            return kind
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if f"{module}.{name}" in EMPTY or (module == "torch" and name in DTYPES):
            return Empty
        makers = {"_rebuild_tensor_v2": tensor, "_rebuild_tensor": tensor, "_rebuild_parameter": first}
        makers |= {"_rebuild_parameter_with_state": first}
        if module == "torch._utils" and name in makers:
            return Maker(makers[name])
        raise UnpicklingError(
            f"it holds {module}.{name}, which is no tensor, and nothing of it was run. Where it was written, write its "
            f"weights alone: torch.save(model.state_dict(), ...)"
        )

    def persistent_load(self, pid: Any) -> Storage:
        """A storage, by kind, key, place and length; before 1.6 also which part of it is meant, always the whole."""
        mark, kind, key, _, count, *part = pid
        if mark != "storage" or not isinstance(kind, str) or type(count) is not int or any(part):
            raise UnpicklingError("it holds a storage of a kind that is not known")
        if key not in self.storages:
            data = self.archive.read(f"{self.folder}data/{key}") if self.archive else b""
            self.storages[key] = Storage(kind, count, data)
        return self.storages[key]


class Maker:
    """Calls a function, for one pickle: what that sets in it stays there, where a function would keep it for all."""

    __slots__ = ("function",)

    def __init__(self, function):
        self.function = function

    def __call__(self, *values):
        return self.function(*values)


class Empty:
    """Whatever is not needed."""

    def __init__(self, *_):
        pass

    def __setstate__(self, _):
        pass

    def __setitem__(self, key, value):
        pass


def tensor(storage: Storage, offset: int, shape: tuple, strides: tuple, *_) -> Tensor:
    if not isinstance(storage, Storage) or not isinstance(shape, tuple) or not isinstance(strides, tuple):
        raise UnpicklingError("a tensor has a shape that no tensor has")
    return Tensor(storage, offset, shape, strides)


def first(value: Any, *_) -> Tensor:
    if not isinstance(value, Tensor):
        raise UnpicklingError("a parameter is no tensor")
    return value


def read_torch(path: Path) -> Any:
    """What ``torch.save`` wrote, with arrays for tensors: nested dictionaries and lists, as they were.

    Raises
    ------
    UnpicklingError, Unsound
        When it is torn, or holds what is not read for safety.
    """
    with open(path, "rb") as file:
        try:
            return read_archive(file) if zipfile.is_zipfile(file) else read_stream(mapped(file))
        except (UnpicklingError, Unsound):
            raise
        except Exception as error:  # a torn pickle can fail in any way
            raise UnpicklingError(f"it is torn, or no file of PyTorch ({type(error).__name__})") from error


def read_archive(file: IO[bytes]) -> Any:
    with archive(file) as opened:
        names = opened.namelist()
        pickled = next((name for name in names if name.endswith("/data.pkl")), None)
        if pickled is None:
            raise UnpicklingError("it is a zip archive without the data.pkl of PyTorch")
        folder = pickled.removesuffix("data.pkl")
        order = opened.read(f"{folder}byteorder") if f"{folder}byteorder" in names else b"little"
        content = io.BytesIO(opened.read(pickled))
        value = unpickled(Reader(content, opened, folder), content)
    return arrays(value, ">" if order == b"big" else "<", {})


def mapped(file: IO[bytes]) -> Any:
    """The file in memory, where to read too much of it asks for no room."""
    return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def read_stream(file: Any) -> Any:
    if unpickled(Reader(file), file) != MAGIC:
        raise UnpicklingError("it is no file of PyTorch")
    unpickled(Reader(file), file)  # of the protocol
    system = unpickled(Reader(file), file)
    order = "<" if system.get("little_endian", True) else ">"
    reader = Reader(file)
    value = unpickled(reader, file)
    for key in unpickled(Reader(file), file):
        storage = reader.storages[key]
        count = int(np.frombuffer(file.read(8), f"{order}i8")[0])
        if count != storage.count:
            raise UnpicklingError(f"a storage has {count} numbers, not the {storage.count} that it says")
        length = count * np.dtype(NUMBERS[storage.kind]).itemsize
        if not 0 <= length <= len(file) - file.tell():
            raise UnpicklingError("it ends within a storage")
        storage.data = file.read(length)
    return arrays(value, order, {})


def arrays(value: Any, order: str, done: dict[int, Any]) -> Any:
    """``value`` with an array for each tensor.

    What occurs several times is made once, by its ``id`` in ``done``; where something holds itself is nothing.
    """
    if not isinstance(value, Tensor | Mapping | list | tuple):
        return value
    if id(value) not in done:
        done[id(value)] = None
        if isinstance(value, Tensor):
            made = value.array(order)
        elif isinstance(value, Mapping):
            made = {key: arrays(item, order, done) for key, item in value.items()}
        else:
            made = [arrays(item, order, done) for item in value]
        done[id(value)] = made
    return done[id(value)]
