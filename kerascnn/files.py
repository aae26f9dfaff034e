"""Files written whole or not at all, read whole or not at all, sealed and locked; and the folder of the cache."""

import errno
import hashlib
import os
import shutil
import socket
import tempfile
import time
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

HELD: ContextVar[frozenset[Path]] = ContextVar("HELD", default=frozenset())  # the locks of this thread
SEAL = 64  # hexadecimal digits of a SHA-256
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # full disk, full quota, file beyond a limit
WRITING, LOCK = ".writing-", ".lock"  # a folder of drafts, and its lock
OLD, LAST = ".old", ".last"  # in it what they replace, and the name of the file that is put in place last


def home() -> Path:
    """The folder of the cache: ``KERASCNN_HOME``, by default ``~/.cache/kerascnn``."""
    return Path(os.environ.get("KERASCNN_HOME") or Path.home() / ".cache" / "kerascnn")


@contextmanager
def written_whole(path: str | os.PathLike) -> Iterator[Path]:
    """Give a temporary path to write a file or folder to; on success it takes the name ``path`` in one step.

    As :func:`written_together`, of one.
    """
    with written_together(path) as (draft,):
        yield draft


@contextmanager
def written_together(*paths: str | os.PathLike) -> Iterator[list[Path]]:
    """Give temporary paths beside ``paths``, of one folder; on success they take these names one right after another.

    Drafts have the names of their files, because writers choose a format by the suffix. If the block raises, or the
    process dies in it, whatever stood at ``paths`` before still stands there. Several files cannot be replaced in one
    step, nor can a folder, so the old ones are kept until the last path has its new file; where a kill comes between,
    :func:`clear_drafts` puts them back: whoever reads a pair calls it first. Raises ``OSError`` when there is no space
    on the disk, naming the file.
    """
    places = [Path(path) for path in paths]
    try:
        places[0].parent.mkdir(parents=True, exist_ok=True)
        with draft_folder(places[0].parent) as folder:
            drafts = [folder / place.name for place in places]
            yield drafts
            for draft, place in zip(drafts, places, strict=True):
                if place.is_dir() and not draft.is_dir():
                    raise IsADirectoryError(
                        errno.EISDIR, f"{place} is a folder, and a file is to be written; name another"
                    )
            try:
                put_in_place(folder, places)
            except BaseException:
                put_back(folder)
                raise
    except Exception as error:  # TensorFlow has classes of its own for a full disk
        if not is_no_room(error):
            raise
        kept = "What stood there before is kept" if places[-1].exists() else "Nothing stands there"
        cause: BaseException = error
        while cause.__cause__ and is_no_room(cause.__cause__):  # a draft of a draft has told of itself
            cause = cause.__cause__
        code = getattr(cause, "errno", None) or errno.ENOSPC
        reason = f"{os.strerror(code)}, so {places[-1]} cannot be written. {kept}; make room"
        raise OSError(code, reason) from error


def put_in_place(folder: Path, places: list[Path]) -> None:
    """Let drafts take the names of ``places``, in order; what stands there is kept until the last has its own."""
    old = folder / OLD
    kept = [place for place in places if place.is_dir() or (place != places[-1] and place.exists())]
    if kept:
        old.mkdir()
        (folder / LAST).write_text(places[-1].name, encoding="utf-8")
    for place in places:
        if place.is_dir():
            os.replace(place, old / place.name)
        elif place in kept:
            try:
                os.link(place, old / place.name)
            except OSError:  # a disk that knows no links
                shutil.copy2(place, old / place.name)
        os.replace(folder / place.name, place)


def put_back(folder: Path) -> None:
    """Undo :func:`put_in_place`, unless it had come to its end."""
    last = folder / LAST
    is_whole = last.is_file() and not (folder / last.read_text(encoding="utf-8")).exists()
    for old in (folder / OLD).glob("*"):
        place = folder.parent / old.name
        if not is_whole or not place.exists():
            os.replace(old, place)


def is_no_room(error: BaseException) -> bool:
    """Whether a file could not be written because the disk, the quota or the largest file is reached."""
    return getattr(error, "errno", None) in NO_ROOM or any(os.strerror(code) in str(error) for code in NO_ROOM)


@contextmanager
def draft_folder(parent: Path) -> Iterator[Path]:
    """A temporary folder in ``parent``, which is locked, so that others see that whoever writes there is alive."""
    while True:
        with tempfile.TemporaryDirectory(prefix=WRITING, dir=parent, ignore_cleanup_errors=True) as folder:
            file = None
            try:
                file = lock(Path(folder, LOCK))
            except (BlockingIOError, FileNotFoundError):  # somebody who clears drafts of the dead was faster
                continue
            except OSError as error:
                if is_no_room(error):
                    raise  # else there are no locks, and nothing is cleared
            try:
                yield Path(folder)
                return
            finally:
                if file is not None:
                    os.close(file)


def clear_drafts(parent: str | os.PathLike) -> None:
    """Take away what killed processes left half-written in a folder; what a living one writes there stays."""
    for draft in Path(parent).glob(f"{WRITING}*"):
        with suppress(OSError):  # it is locked, or another user's, or no locks are known
            file = lock(draft / LOCK)
            try:
                put_back(draft)
                shutil.rmtree(draft, ignore_errors=True)
            finally:
                os.close(file)


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

    If it was made and nothing has come into it at the end, it goes again.

    The system lifts the lock when the process ends, however that comes. Where there is no way to lock, a warning says
    so. Raises ``BlockingIOError``, naming the other process, when there is one.
    """
    path = Path(folder).resolve() / ".lock"
    if path in HELD.get():
        yield
        return
    is_new = not path.parent.exists()
    path.parent.mkdir(parents=True, exist_ok=True)
    file = None
    try:
        file = lock(path)
        with suppress(OSError):  # a full disk: it is locked all the same
            os.truncate(file, 0)
            os.write(file, f"process {os.getpid()} on {socket.gethostname()} since {time.ctime()}".encode())
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
        if is_new and not any(path.parent.iterdir()):
            path.parent.rmdir()


def lock(path: Path) -> int:
    """A descriptor of a file, made if missing, that is locked until it is closed, or the process ends.

    Raises ``BlockingIOError`` when another holds the lock, with what it wrote into the file, and another ``OSError``
    when there is no way to lock.
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
        with draft_folder(there) as draft:
            (draft / "block").write_bytes(bytes(65_536))
    except OSError as error:
        raise OSError(error.errno, f"{error.strerror}, so nothing can be written in {there}; take another") from error


def write_text(path: str | os.PathLike, text: str) -> None:
    """Write a text file whole or not at all, in UTF-8."""
    with written_whole(path) as draft:
        draft.write_text(text, encoding="utf-8")
