"""A training that is left within an epoch: saved now and then, and when its process is asked to end."""

import signal
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from types import FrameType
from typing import Any

from kerascnn.training.meters import read_meters
from kerascnn.training.state import Checkpoint, Place
from kerascnn.training.step import Learner
from kerascnn.training.workers import Pulse

LOOK = (
    1.0  # seconds between two looks at the meters, or at the other workers, while an epoch runs; both make devices wait
)
STATUS = 128 + signal.SIGTERM  # of a process that was asked to end, as shells give it


class Terminated(SystemExit):
    """Ends a process that was asked to end, once its training is saved, with the status of SIGTERM: 143."""

    def __init__(self, message: str):
        super().__init__(STATUS)
        self.message = message

    def __str__(self) -> str:
        return self.message


class Termination:
    """Hears SIGTERM within a ``with`` block, in place of who heard it before, who is told at the end.

    A second SIGTERM does what the first would have done without this. In other threads than the main one, and where
    SIGTERM is ignored, nothing is changed.
    """

    asked = False  # to end

    def __enter__(self) -> "Termination":
        here = threading.current_thread() is threading.main_thread()
        self.before: Any = signal.getsignal(signal.SIGTERM) if here else None
        self.hears = self.before not in (None, signal.SIG_IGN)
        if self.hears:
            signal.signal(signal.SIGTERM, self.hear)
        return self

    def hear(self, number: int, frame: FrameType | None) -> None:
        self.asked = True
        signal.signal(signal.SIGTERM, self.before)

    def __exit__(self, *error: Any) -> None:
        if self.hears:
            signal.signal(signal.SIGTERM, self.before)
        if self.asked and callable(self.before):
            self.before(signal.SIGTERM, None)


class Saving:
    """Saves a training where it stands between two steps: every so many seconds, and when any worker is to end.

    Every worker calls it after every step.
    """

    def __init__(
        self,
        learner: Learner,
        checkpoint: Checkpoint,
        termination: Termination,
        seconds: float,
        log: Callable[[str], Any],
    ):
        self.learner, self.checkpoint, self.termination = learner, checkpoint, termination
        self.seconds, self.log = seconds, log
        self.pulse, self.saved = Pulse(learner.workers, LOOK), time.monotonic()

    def after_step(self, place: Place) -> None:
        """Save, if it is time to; or save and end.

        Raises
        ------
        Terminated
            When a process was asked to end.
        """
        ends, due = self.pulse.any(self.termination.asked, time.monotonic() - self.saved > self.seconds)
        if ends:
            self.end(replace(place, meters=read_meters(self.learner)))
        if due:
            self.saved, place = time.monotonic(), replace(place, meters=read_meters(self.learner))
            if self.learner.workers.chief:
                self.checkpoint.save(place, wait=False)

    def ends(self) -> bool:
        """Whether any worker is to end; between two steps that change nothing."""
        return self.pulse.any(self.termination.asked)[0]

    def after_epoch(self, place: Place) -> None:
        """Save in any case."""
        if self.learner.workers.chief:
            self.checkpoint.save(place)
        self.saved = time.monotonic()

    def end(self, place: Place) -> None:
        """Save the state, wait for all workers, and raise ``Terminated``."""
        workers = self.learner.workers
        saved = not workers.chief or self.checkpoint.save(place)
        workers.barrier()
        what = f"the state after {place} is saved" if saved else "the last checkpoint is kept"
        message = f"asked to end (SIGTERM): {what} in {self.checkpoint.path}; the same command goes on from there"
        self.log(message)
        raise Terminated(message)
