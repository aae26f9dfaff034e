"""Files are written whole or not at all; and where those lie that are kept from one run to the next."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def home() -> Path:
    """The folder of the cache: ``KERASCNN_HOME``, by default ``~/.cache/kerascnn``."""
    return Path(os.environ.get("KERASCNN_HOME") or Path.home() / ".cache" / "kerascnn")


@contextmanager
def written_whole(path: str | os.PathLike) -> Iterator[Path]:
    """Give a temporary path beside ``path`` to write to; on success it takes the name ``path`` in one step.

    The temporary file keeps the suffixes of ``path``, because writers choose a format by them. If the block
    raises, or the process dies, whatever stood at ``path`` before still stands there.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".writing-", dir=path.parent) as folder:
        draft = Path(folder) / path.name
        yield draft
        os.replace(draft, path)


def write_text(path: str | os.PathLike, text: str) -> None:
    """Write a text file whole or not at all, in UTF-8."""
    with written_whole(path) as draft:
        draft.write_text(text, encoding="utf-8")
