"""What an export is at, on a terminal."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def steps() -> Iterator[Callable[[str], None]]:
    """Show one line that says what is being done, and take it away at the end. Elsewhere than on a terminal: nothing.

    The line goes to a copy of standard error, which stays open while native code is kept quiet.
    """
    if not sys.stderr.isatty():
        yield lambda step: None
        return
    from rich.console import Console

    with os.fdopen(os.dup(2), "w") as terminal, Console(file=terminal).status("") as line:
        yield line.update
