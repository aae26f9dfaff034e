"""Run a command again and again in a folder, killed or out of disk at moments drawn by a seed, and tell what it left.

A moment is a change of the folder that the command is about to make: a file opened to be written, a folder made, a name
taken or given up. For each run a line of JSON goes to standard output. Everything is imported once, and each run is a
fork of that.
"""

import contextlib
import errno
import hashlib
import io
import json
import os
import random
import shutil
import signal
import sys
from pathlib import Path

import matplotlib.figure
import sklearn.datasets  # noqa: F401

import kerascnn.workflows.compress
import kerascnn.workflows.evaluate
from kerascnn.cli import main
from kerascnn.runtime import open_model  # noqa: F401

NAMES = ("os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.unlink")
WRITING = os.O_WRONLY | os.O_RDWR


def moments(folder: str, reached) -> None:
    """Call ``reached`` at each moment of this process with what takes a name, and whether room on the disk is needed.

    A file that is there already, as the lock of a dead process, is opened on a full disk too.
    """

    def hook(event: str, arguments: tuple) -> None:
        path, flags = (arguments or [""])[0], 0
        if event == "open":
            flags = arguments[2] if isinstance(arguments[2], int) else 0
        writes = flags & WRITING or event in NAMES
        if writes and isinstance(path, str | os.PathLike) and os.fspath(path).startswith(folder):
            grows = event == "os.mkdir" or (event == "open" and (flags & os.O_TRUNC or not Path(path).exists()))
            reached(os.fspath(arguments[1]) if event == "os.rename" else "", grows)

    sys.addaudithook(hook)


def run(command: list[str], folder: str, fault: str, moment: int, told: int) -> None:
    """In a process of its own: the command, with its fault."""
    taken: list[str] = []

    def reached(name: str, grows: bool) -> None:
        taken.append(name)
        if fault == "kill" and len(taken) == moment:
            os.kill(os.getpid(), signal.SIGKILL)
        if fault == "full" and len(taken) >= moment and grows:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    said = io.StringIO()
    moments(folder, reached)
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            status = main(command)
        except BaseException as error:
            status, said = 99, io.StringIO(f"{type(error).__name__}: {error}")
    os.write(told, json.dumps({"status": status, "taken": taken, "said": said.getvalue()[-2000:]}).encode())
    os._exit(0)


def left(folder: str) -> dict[str, str]:
    """Digests of the files in a folder."""
    files = [path for path in sorted(Path(folder).rglob("*")) if path.is_file()]
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def empty(folder: str) -> None:
    """Take away what took its name; drafts are for the next run to clear."""
    for path in Path(folder).iterdir():
        if path.is_dir() and not path.name.startswith(".writing-"):
            shutil.rmtree(path)
        elif path.is_file():
            path.unlink()


def forked(command: list[str], folder: str, fault: str = "", moment: int = 0) -> dict:
    hears, told = os.pipe()
    if (child := os.fork()) == 0:
        run(command, folder, fault, moment, told)
    os.close(told)
    with os.fdopen(hears) as pipe:
        answer = pipe.read()
    os.waitpid(child, 0)
    found = {"command": command, "fault": fault, "moment": moment, "left": left(folder)}
    found |= json.loads(answer) if answer else {"status": -9}
    print(json.dumps(found), flush=True)
    return found


def tried(folder: str, last: str, rounds: int, first: list[str], again: list[str]) -> None:
    """Once as it should be, ``rounds`` times with a fault, and once more: first into nothing, then over what is there.

    That the file ``last`` is about to take its name, after all that belongs to it, is always one of the moments.
    """
    whole = forked(first, folder)
    for command in (first, again):
        chosen = [random.randint(1, len(whole["taken"])) for _ in range(rounds - (command is first))]
        chosen += [1 + whole["taken"].index(os.path.join(folder, last))] if command is first else []
        for moment in chosen:
            if command is first:
                empty(folder)
            forked(command, folder, "kill" if moment is chosen[-1] else random.choice(("kill", "full")), moment)
        forked(command, folder)


if __name__ == "__main__":
    matplotlib.figure.Figure()
    kerascnn.workflows.compress.taken = lambda step, plan, network, *_: network  # here nobody waits for training
    random.seed(int(sys.argv[1]))
    for job in json.loads(Path(sys.argv[2]).read_text()):
        tried(**job)
