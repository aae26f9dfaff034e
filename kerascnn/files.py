"""Files are written whole or not at all, sealed where a flipped bit must not pass, and locked; the cache's folder."""

import errno
import hashlib
import os
import socket
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

HELD: ContextVar[frozenset[Path]] = ContextVar("HELD", default=frozenset())  # the locks of this thread
SEAL = 64  # hexadecimal digits of a SHA-256
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


def seal(path: Path) -> None:
    """Append the SHA-256 of all its bytes to a file, and wait until the disk has both.

    What is read by its own ends, as zip files are, is read as before.
    """
    with path.open("rb+") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        file.seek(0, os.SEEK_END)
        file.write(digest.encode())
        file.flush()
        os.fsync(file.fileno())


def broken_seal(path: Path) -> str:
    """What is wrong with a file that was sealed; nothing, if every bit is as it was."""
    size, hashed = path.stat().st_size, hashlib.sha256()
    with path.open("rb") as file:
        left = size - SEAL
        while left > 0 and (block := file.read(min(left, 1 << 20))):
            hashed.update(block)
            left -= len(block)
        if file.read() == hashed.hexdigest().encode():
            return ""
    return f"its {size:,} bytes do not end in their own SHA-256"


@contextmanager
def locked(folder: str | os.PathLike) -> Iterator[None]:
    """Be the only one who works in ``folder`` meanwhile, but for what this thread calls; made if missing.

    The system lifts the lock when the process ends, however that comes. Where there is no way to lock, a warning says
    so. Raises ``BlockingIOError``, naming the other process, when there is one.
    """
    path = Path(folder).resolve() / ".lock"
    if path in HELD.get():
        yield
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    file = None
    try:
        file = lock(path)
    except BlockingIOError:
        raise
    except OSError as error:
        warnings.warn(
            f"{path.parent} cannot be locked ({error.strerror}), so nothing keeps a second process out. Start none.",
            stacklevel=3,
        )
    held = HELD.set(HELD.get() | {path})
    try:
        yield
    finally:
        HELD.reset(held)
        if file is not None:
            path.unlink(missing_ok=True)  # still locked: whoever has it open finds it gone, and makes another
            os.close(file)


def lock(path: Path) -> int:
    """A descriptor of a file, made if missing, that is locked until it is closed, and says by whom.

    Raises ``BlockingIOError`` when another holds the lock, and another ``OSError`` when there is no way to lock.
    """
    try:
        from fcntl import LOCK_EX, LOCK_NB, flock
    except ImportError:
        raise OSError(errno.ENOSYS, "this system has no flock") from None
    while True:
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            flock(file, LOCK_EX | LOCK_NB)
            if not is_file(path, file):  # taken away before it was locked
                os.close(file)
                continue
            os.truncate(file, 0)
            os.write(file, f"process {os.getpid()} on {socket.gethostname()} since {time.ctime()}".encode())
            return file
        except OSError as error:
            who = os.pread(file, 200, 0).decode(errors="replace") or "another process"
            os.close(file)
            if error.errno not in (errno.EAGAIN, errno.EACCES):
                raise
            raise BlockingIOError(
                error.errno, f"{path.parent} is being worked in by {who}. Wait until it has ended, or take another"
            ) from error


def is_file(path: Path, descriptor: int) -> bool:
    """Whether a path still leads to an open file."""
    try:
        return os.path.samestat(os.stat(path), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def changes(file: Path) -> tuple[int, int]:
    """Size and modification time in nanoseconds, which change when the file is rewritten."""
    status = file.stat()
    return status.st_size, status.st_mtime_ns


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
