"""Files are written whole or not at all, and arrays read whole or not at all; and the folder of the cache."""

import errno
import hashlib
import os
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # full disk, full quota, file beyond a limit


def home() -> Path:
    """The folder of the cache: ``KERASCNN_HOME``, by default ``~/.cache/kerascnn``."""
    return Path(os.environ.get("KERASCNN_HOME") or Path.home() / ".cache" / "kerascnn")


@contextmanager
def written_whole(path: str | os.PathLike) -> Iterator[Path]:
    """Give a temporary path beside ``path`` to write to; on success it takes the name ``path`` in one step.

    The temporary file keeps the suffixes of ``path``, because writers choose a format by them. If the block raises, or
    the process dies, whatever stood at ``path`` before still stands there. Raises ``OSError`` when there is no space on
    the disk, naming the file.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".writing-", dir=path.parent) as folder:
        draft = Path(folder) / path.name
        try:
            yield draft
        except OSError as error:
            if error.errno not in NO_ROOM:
                raise
            kept = "What stood there before is kept" if path.exists() else "Nothing stands there"
            raise OSError(error.errno, f"{error.strerror}, so {path} cannot be written. {kept}; make room") from error
        os.replace(draft, path)


def is_special(path: Path) -> bool:
    """Whether something is there that is neither a file nor a folder: a pipe or a device, which may never end."""
    return path.exists() and not (path.is_file() or path.is_dir())


def sha256(path: Path) -> str:
    """The hash of a file's content, in hexadecimal digits; of a folder, over all its files and their names."""
    if not path.is_dir():
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    hashed = hashlib.sha256()
    for part in sorted(part for part in path.rglob("*") if part.is_file()):
        hashed.update(part.relative_to(path).as_posix().encode())
        hashed.update(part.read_bytes())
    return hashed.hexdigest()


def changes(file: str | os.PathLike) -> tuple[int, int]:
    """Size and modification time in nanoseconds, which change when the file is rewritten."""
    status = os.stat(file)
    return status.st_size, status.st_mtime_ns


def state(file: str | os.PathLike) -> int:
    """A number of 64 bits that changes when the file is rewritten; 0 where there is none."""
    try:
        return int.from_bytes(hashlib.blake2b(repr(changes(file)).encode(), digest_size=8).digest())
    except OSError:
        return 0


def content(file: str | os.PathLike) -> int:
    """A number of 64 bits that changes with what the file holds. Raises ``OSError`` when it cannot be read."""
    with open(file, "rb") as opened:
        return int.from_bytes(hashlib.file_digest(opened, "sha256").digest()[:8])


def read_arrays(path: str | os.PathLike) -> "dict[str, np.ndarray]":
    """All arrays of an .npz file, in memory.

    Each is read to its end, where its checksum stands: ``np.load`` stops where an array's own header says that it ends,
    so that a damaged header gives other numbers, and no error.

    Raises
    ------
    OSError
        When the file cannot be opened.
    ValueError
        When it is damaged, or no file of arrays alone, naming the file.
    """
    import numpy as np

    arrays = {}
    try:
        with open(path, "rb") as file:
            if file.read(6) == np.lib.format.MAGIC_PREFIX:
                raise ValueError("it holds one array without a name")
            with zipfile.ZipFile(file) as archive:
                for name in archive.namelist():
                    with archive.open(name) as member:
                        arrays[name.removesuffix(".npy")] = np.lib.format.read_array(member, allow_pickle=False)
                        if member.read(1):
                            raise ValueError(f"{name} goes on behind what its header says")
    except (FileNotFoundError, IsADirectoryError, PermissionError):
        raise
    except Exception as error:  # of many types, since any byte of a file may be another
        raise ValueError(f"{path} cannot be read as an .npz file: {error or type(error).__name__}.") from error
    return arrays


def need_writable(folder: str | os.PathLike) -> None:
    """Check whether files can be written in ``folder``, or in the folder where it would be created.

    Raises ``OSError`` when they cannot.
    """
    there = next(path for path in (Path(folder).absolute(), *Path(folder).absolute().parents) if path.exists())
    try:
        with tempfile.TemporaryDirectory(prefix=".writing-", dir=there) as draft:
            (Path(draft) / "block").write_bytes(bytes(65_536))
    except OSError as error:
        raise OSError(error.errno, f"{error.strerror}, so nothing can be written in {there}; take another") from error


def write_text(path: str | os.PathLike, text: str) -> None:
    """Write a text file whole or not at all, in UTF-8."""
    with written_whole(path) as draft:
        draft.write_text(text, encoding="utf-8")
