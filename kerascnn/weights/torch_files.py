"""PyTorch's files, read without PyTorch and without running what they hold.

Such a file is a pickle of names, numbers and tensors; each tensor is a view of a storage, whose raw bytes lie beside
the pickle: in a zip archive since PyTorch 1.6, behind it in one stream before. A pickle names what is to be called
when it is opened. Here only what stands in ``Reader.find_class`` is called, and of that only what makes tensors does
anything: the rest, such as arguments of a training, becomes an object that holds nothing.
"""

import io
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from pickle import UnpicklingError
from typing import IO, Any

import numpy as np

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


@dataclass
class Storage:
    """The numbers that tensors are views of."""

    kind: str
    count: int
    data: bytes = b""

    def numbers(self, order: str) -> np.ndarray:
        values = np.frombuffer(self.data, np.dtype(order + NUMBERS[self.kind]))
        if len(values) != self.count:
            raise UnpicklingError(f"a storage has {len(values)} numbers, not the {self.count} that it says")
        return values


@dataclass
class Tensor:
    """A view of a storage, in numbers from its beginning."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def array(self, order: str) -> np.ndarray:
        """A copy of its own; bfloat16 in float32."""
        values, count = self.storage.numbers(order), prod(self.shape)
        ints = all(type(v) is int and v >= 0 for v in (self.offset, *self.shape, *self.strides))
        if not ints or len(self.shape) != len(self.strides) or count > max(len(values), SMALL):
            raise UnpicklingError("a tensor has a shape that no tensor has")
        last = self.offset + sum((n - 1) * s for n, s in zip(self.shape, self.strides, strict=True))
        if count and last >= len(values):
            raise UnpicklingError("a tensor reaches beyond its storage")
        steps = [s * values.itemsize for s in self.strides]
        found = np.lib.stride_tricks.as_strided(values[self.offset :] if count else values[:0], self.shape, steps)
        return widened(found) if self.storage.kind == "BFloat16" else np.array(found, found.dtype.newbyteorder("="))


def widened(values: np.ndarray) -> np.ndarray:
    """The bits of bfloat16 as float32, of which they are the upper half."""
    return (values.astype(np.uint32) << 16).view(np.float32)


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


def first(value: Any, *_) -> Any:
    return value


def read_torch(path: Path) -> Any:
    """What ``torch.save`` wrote, with arrays for tensors: nested dictionaries and lists, as they were.

    Raises
    ------
    UnpicklingError
        When it is torn, or holds what is not read for safety.
    """
    with open(path, "rb") as file:
        try:
            return read_archive(file) if zipfile.is_zipfile(file) else read_stream(file)
        except UnpicklingError:
            raise
        except Exception as error:  # a torn pickle can fail in any way
            raise UnpicklingError(f"it is torn, or no file of PyTorch ({type(error).__name__})") from error


def read_archive(file: IO[bytes]) -> Any:
    with zipfile.ZipFile(file) as archive:
        names = archive.namelist()
        pickled = next((name for name in names if name.endswith("/data.pkl")), None)
        if pickled is None:
            raise UnpicklingError("it is a zip archive without the data.pkl of PyTorch")
        folder = pickled.removesuffix("data.pkl")
        order = archive.read(f"{folder}byteorder") if f"{folder}byteorder" in names else b"little"
        value = Reader(io.BytesIO(archive.read(pickled)), archive, folder).load()
    return arrays(value, ">" if order == b"big" else "<")


def read_stream(file: IO[bytes]) -> Any:
    file.seek(0)
    if Reader(file).load() != MAGIC:
        raise UnpicklingError("it is no file of PyTorch")
    Reader(file).load()  # of the protocol
    system = Reader(file).load()
    order = "<" if system.get("little_endian", True) else ">"
    reader = Reader(file)
    value = reader.load()
    for key in Reader(file).load():
        storage = reader.storages[key]
        size = int(np.frombuffer(file.read(8), f"{order}i8")[0])
        if size != storage.count:
            raise UnpicklingError(f"a storage has {size} numbers, not the {storage.count} that it says")
        storage.data = file.read(size * np.dtype(NUMBERS[storage.kind]).itemsize)
    return arrays(value, order)


def arrays(value: Any, order: str) -> Any:
    """``value`` with an array for each tensor."""
    if isinstance(value, Tensor):
        return value.array(order)
    if isinstance(value, Mapping):
        return {key: arrays(item, order) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [arrays(item, order) for item in value]
    return value
