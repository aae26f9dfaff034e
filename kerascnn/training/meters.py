"""What the meters of an epoch hold, device by device, so that an epoch can be left and taken up again."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from kerascnn.training.step import Learner

if TYPE_CHECKING:
    import tensorflow as tf


def read_meters(learner: Learner) -> list[np.ndarray]:
    """Of every variable of the meters what each device holds, (devices, ...), of all workers; all ask at once."""
    return [learner.workers.rows([part.numpy() for part in parts]) for parts in variables(learner)]


def set_meters(learner: Learner, values: Sequence[np.ndarray]) -> None:
    """Give every device what it held; where there are more or fewer now, the first gets the sum."""
    workers, devices = learner.workers, learner.strategy.num_replicas_in_sync
    for parts, rows in zip(variables(learner), values, strict=True):
        if len(rows) != devices:
            rows = np.stack([rows.sum(0, rows.dtype), *[np.zeros_like(rows[0])] * (devices - 1)])
        own = rows[workers.index * workers.replicas :][: workers.replicas]
        for part, row in zip(parts, own, strict=True):
            part.assign(row)


def variables(learner: Learner) -> "Iterator[Sequence[tf.Variable]]":
    """Every variable of the meters, as this worker's devices have it."""
    for meter in (learner.loss, *learner.metrics):
        for variable in meter.variables:
            yield learner.strategy.experimental_local_results(variable.value)
