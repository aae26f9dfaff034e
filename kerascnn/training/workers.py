"""The processes that train together, each of which knows what is its to do."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any
from zlib import crc32

import numpy as np

if TYPE_CHECKING:
    import tensorflow as tf


class Workers:
    """The processes that share a strategy. A process that trains alone is its own chief.

    Every worker makes the same steps, and the chief alone writes files and reports. What one says to all, or asks of
    all, every worker has to say or ask at the same place, because each waits there for all others. ``count`` is how
    many workers there are, ``index`` which of them this is, 0 the chief, and ``replicas`` the devices of this worker.
    """

    def __init__(self, strategy: "tf.distribute.Strategy"):
        import tensorflow as tf

        self.strategy = strategy
        numbers = strategy.experimental_distribute_values_from_function(
            lambda context: context.replica_id_in_sync_group
        )
        own = strategy.experimental_local_results(numbers)
        self.replicas = len(own)
        self.count = strategy.num_replicas_in_sync // self.replicas
        self.index = int(own[0]) // self.replicas
        self._exchange = tf.function(self._exchange)  # traced once

    @property
    def chief(self) -> bool:
        return self.index == 0

    def gathered(self, number: int) -> list[int]:
        """The number that each worker brings, in the order of workers."""
        return self.rows([np.int64(number)] * self.replicas)[:: self.replicas].tolist()

    def rows(self, own: Sequence[Any]) -> np.ndarray:
        """The arrays of this worker's devices and of all others', one of a shape and kind from each: (devices, ...)."""
        if self.count == 1:
            return np.stack(own)
        import tensorflow as tf

        values = self.strategy.experimental_distribute_values_from_function(
            lambda context: tf.constant(own[context.replica_id_in_sync_group % self.replicas])
        )
        return self._exchange(values).numpy()

    def barrier(self) -> None:
        """Go on when every worker has come here and knows so of all others; none is needed any more.

        Whoever knows of all first would else be gone while others still ask it. Only the second time does that not
        matter.
        """
        self.gathered(0)
        with suppress(*gone()):
            self.gathered(0)

    def agree(self, what: str, fact: Any) -> None:
        """Make sure that all workers hold the same for true; when one differs, every worker raises a ValueError."""
        numbers = self.gathered(crc32(repr(fact).encode()))
        strange = [index for index, number in enumerate(numbers) if number != numbers[0]]
        if strange:
            raise ValueError(
                f"The workers do not have the same {what}: that of {', '.join(map(str, strange))} is not that of "
                f"worker 0. Here, at worker {self.index}, it is {fact}. Start every worker with the same command, and "
                "where it finds the same files."
            )

    def _exchange(self, values: Any) -> "tf.Tensor":
        """The value of every replica of all workers: each adds its own to zeros. Every device can do that."""
        import tensorflow as tf

        def one(value):
            context = tf.distribute.get_replica_context()
            zeros = [tf.zeros_like(value)] * self.strategy.num_replicas_in_sync
            place = tf.range(len(zeros)) == context.replica_id_in_sync_group
            place = tf.reshape(place, [-1] + [1] * value.shape.rank)
            return context.all_reduce("sum", tf.where(place, value, tf.stack(zeros)))

        return self.strategy.experimental_local_results(self.strategy.run(one, args=(values,)))[0]


class Pulse:
    """What the workers ask of each other while each is busy: about once in so many seconds, all at the same step.

    A process alone asks itself every time. Several count steps, because their clocks differ; how many they let pass
    until the next time is the chief's to say.
    """

    def __init__(self, workers: Workers, seconds: float):
        self.workers, self.seconds = workers, seconds
        self._passed, self._until, self._asked = 0, 1, time.monotonic()

    def any(self, *wishes: bool) -> list[bool]:
        """Whether any worker wishes this or that; after every step."""
        if self.workers.count == 1:
            return [*wishes]
        self._passed += 1
        if self._passed < self._until:
            return [False] * len(wishes)
        now = time.monotonic()
        soon = round(self._passed * self.seconds / max(now - self._asked, 1e-9))
        until = min(max(soon, 1), 2 * self._until)  # a step may take longer than those before
        bits = sum(wish << place for place, wish in enumerate(wishes))
        told = self.workers.gathered(until << len(wishes) | bits)
        self._passed, self._until, self._asked = 0, told[0] >> len(wishes), now
        return [any(number >> place & 1 for number in told) for place in range(len(wishes))]


def no_log(text: str) -> None:
    """The log of a worker that is not the chief: writes nothing."""


def gone() -> tuple[Any, ...]:
    """What is raised when another worker does not answer."""
    import tensorflow as tf

    return tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.DeadlineExceededError


@contextmanager
def reporting_lost_workers() -> Iterator[None]:
    """Say, as a RuntimeError, what it means when a step cannot be ended because another worker is gone."""
    try:
        yield
    except gone() as error:
        raise RuntimeError(
            "Another worker has ended or cannot be reached any more, so the training stops here. Its own messages say "
            "why it ended. The last state that was saved is kept; the same command, started on all workers, goes on "
            f"from there. ({(error.message or '').strip().splitlines()[-1:]})"
        ) from error
