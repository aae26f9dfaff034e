"""Published files, downloaded once: checked by their hash, and resumed where a download broke off.

Environment variables decide: ``KERASCNN_HOME`` is the folder of the cache (by default ``~/.cache/kerascnn``),
``KERASCNN_MIRROR`` the address of a server that holds the files as the cache does, ``KERASCNN_OFFLINE`` forbids to
look anywhere but in the cache. Standard ``https_proxy`` and the like hold, too.
"""

import hashlib
import os
import urllib.error
import urllib.request
from pathlib import Path

from filelock import FileLock

from kerascnn.files import home
from kerascnn.progress import bar
from kerascnn.weights.records import Record

CHUNK = 1 << 20
SECONDS = 30  # of silence before a download counts as broken


def place(record: Record) -> Path:
    """Path of a record's file in the cache, and on a mirror."""
    return Path("weights", record.name, record.file)


def fetch(record: Record) -> Path:
    """The file of a record, downloaded unless the cache has it.

    Raises
    ------
    ValueError
        When what came is not the published file; it is deleted.
    ConnectionError
        When the server cannot be reached or breaks off; what came is kept, and the next call goes on from there.
    FileNotFoundError
        When it would have to be downloaded and ``KERASCNN_OFFLINE`` is set.
    """
    path = home() / place(record)
    if path.is_file():
        return path
    if os.environ.get("KERASCNN_OFFLINE", "") not in ("", "0"):
        raise FileNotFoundError(
            f"KERASCNN_OFFLINE is set and the cache has no weights {record.name}. Unset it, or put {record.url} "
            f"at {path}."
        )
    mirror = os.environ.get("KERASCNN_MIRROR")
    url = f"{mirror.rstrip('/')}/{place(record).as_posix()}" if mirror else record.url
    part, lock = path.with_name(path.name + ".part"), home() / "locks" / f"{record.name}.lock"
    for file in (part, lock):
        file.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(lock):  # the workers of one training may ask at once
        if not path.is_file():
            download(url, part, record.name)
            verify(part, record, url)
            os.replace(part, path)
    return path


def download(url: str, part: Path, title: str) -> None:
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
            f"has {title}."
        ) from error
    if total is not None and part.stat().st_size < total:
        raise ConnectionError(f"{url} broke off after {part.stat().st_size:,} of {total:,} bytes. Call again to go on.")


def verify(part: Path, record: Record, url: str) -> None:
    """Compare the digest with as much of it as is published."""
    kind, _, published = record.hash.partition(":")
    if not published:
        return
    with open(part, "rb") as file:
        digest = hashlib.file_digest(file, kind).hexdigest()
    if not digest.startswith(published):
        part.unlink()
        raise ValueError(
            f"What {url} sent is not the published file of {record.name}: its {kind} is {digest}, expected "
            f"{published}. It was deleted. Try again, or another KERASCNN_MIRROR."
        )
