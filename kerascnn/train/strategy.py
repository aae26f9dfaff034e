"""On what a training runs: one device, or several that hold the same weights. Names to ``tf.distribute`` strategies."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from kerascnn.errors import suggest

if TYPE_CHECKING:
    import tensorflow as tf


def open_strategy(name: str = "auto") -> "tf.distribute.Strategy":
    """A strategy by its name.

    Open it before anything else makes TensorFlow compute: logical devices can only be made up before that.

    Parameters
    ----------
    name
        ``"auto"``: every GPU when there are several, else the one device there is. ``"one"``: one device.
        ``"mirrored"``: every GPU, or the CPU. ``"mirrored:2"``: two GPUs; where there is none, two logical devices on
        the CPU, to try out what several devices do.

    Raises
    ------
    ValueError
        When there is no such strategy or not so many devices.
    RuntimeError
        When it is too late to make logical devices.
    """
    kind, _, detail = name.partition(":")
    if kind not in STRATEGIES:
        raise ValueError(f"There is no strategy {name!r}. {suggest(kind, STRATEGIES)}")
    return STRATEGIES[kind](detail)


def auto(detail: str):
    import tensorflow as tf

    refuse("auto", detail)
    return mirrored("") if len(tf.config.list_physical_devices("GPU")) > 1 else one("")


def one(detail: str):
    import tensorflow as tf

    refuse("one", detail)
    return tf.distribute.get_strategy()


def mirrored(detail: str):
    import tensorflow as tf

    gpus = len(tf.config.list_physical_devices("GPU"))
    if detail and not (detail.isdecimal() and int(detail) > 0):
        raise ValueError(f"'mirrored:{detail}' does not say how many devices; expected a number, as in 'mirrored:2'.")
    count = int(detail or gpus or 1)
    if gpus and count > gpus:
        raise ValueError(f"'mirrored:{count}' asks for {count} GPUs; this machine has {gpus}.")
    if not gpus:
        divide_cpu(count)
    return tf.distribute.MirroredStrategy([f"{'GPU' if gpus else 'CPU'}:{i}" for i in range(count)])


STRATEGIES: dict[str, Callable[[str], "tf.distribute.Strategy"]] = {"auto": auto, "one": one, "mirrored": mirrored}


def refuse(kind: str, detail: str) -> None:
    if detail:
        raise ValueError(f"The strategy {kind!r} takes nothing after a colon, but {detail!r} is there.")


def divide_cpu(count: int) -> None:
    """Make ``count`` logical devices of the CPU, unless there are so many."""
    import tensorflow as tf

    cpu = tf.config.list_physical_devices("CPU")[0]
    if len(tf.config.get_logical_device_configuration(cpu) or [None]) == count:
        return
    try:
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * count)
    except RuntimeError as error:
        raise RuntimeError(
            f"The CPU cannot be divided into {count} logical devices any more, because TensorFlow has computed "
            f"something already. Open the strategy 'mirrored:{count}' first, in a fresh process."
        ) from error
