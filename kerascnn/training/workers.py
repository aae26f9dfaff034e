"""The processes that train together, each of which knows what is its to do."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any
from zlib import crc32

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
        if self.count == 1:
            return [number]
        import tensorflow as tf

        return self._exchange(tf.constant(number, tf.int64)).numpy().tolist()[:: self.replicas]

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

    def _exchange(self, number: "tf.Tensor") -> "tf.Tensor":
        """The number of every replica of all workers: each adds its own to zeros. Every device can do that."""
        import tensorflow as tf

        def one(number):
            context = tf.distribute.get_replica_context()
            place = tf.range(self.strategy.num_replicas_in_sync) == context.replica_id_in_sync_group
            return context.all_reduce("sum", tf.where(place, number, tf.zeros_like(number)))

        return self.strategy.experimental_local_results(self.strategy.run(one, args=(number,)))[0]


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
            "why it ended. The state after the last whole epoch is kept; the same command, started on all workers, "
            f"goes on from there. ({(error.message or '').strip().splitlines()[-1:]})"
        ) from error
