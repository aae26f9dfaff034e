"""On what a training runs: one device, or several that hold the same weights. Names to ``tf.distribute`` strategies."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from kerascnn.errors import suggest
from kerascnn.training.cluster import meet, read_cluster

if TYPE_CHECKING:
    import tensorflow as tf

SILENCE = 5  # seconds after which a worker counts as lost; TensorFlow's are 10


def open_strategy(name: str = "auto") -> "tf.distribute.Strategy":
    """A strategy by its name.

    Open it before anything else makes TensorFlow compute: logical devices can only be made up before that.

    Parameters
    ----------
    name
        ``"auto"``: every GPU when there are several, else the one device there is. ``"one"``: one device.
        ``"mirrored"``: every GPU, or the CPU. ``"mirrored:2"``: two GPUs; where there is none, two logical devices on
        the CPU, to try out what several devices do. ``"workers"``: every GPU, or the CPU, of each of several machines,
        on all of which the same command runs; which they are is said by ``TF_CONFIG``, or without it by a Slurm step.
        ``"tpu"``: the TPU of this machine. ``"tpu:NAME"``: a Cloud TPU by its name, or by its address, grpc://...

    Raises
    ------
    ValueError
        When there is no such strategy or not so many devices, or nothing right says who the workers are.
    RuntimeError
        When it is too late to make logical devices or to join other workers, or there is no such TPU.
    TimeoutError
        When other workers do not come.
    """
    kind, _, detail = name.partition(":")
    if kind in DETAILED:
        return DETAILED[kind](detail)
    if kind not in STRATEGIES:
        raise ValueError(f"There is no strategy {name!r}. {suggest(kind, [*STRATEGIES, *DETAILED])}")
    if detail:
        raise ValueError(f"The strategy {kind!r} takes nothing after a colon, but {detail!r} is there.")
    return STRATEGIES[kind]()


def leads(name: str) -> bool:
    """Whether this process is the chief of the strategy of this name, which is not opened: one that is alone is."""
    return name != "workers" or read_cluster().leads


def auto():
    import tensorflow as tf

    return mirrored("") if len(tf.config.list_physical_devices("GPU")) > 1 else one()


def one():
    import tensorflow as tf

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


def workers():
    import tensorflow as tf

    cluster = read_cluster()
    meet(cluster)
    resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
        tf.train.ClusterSpec(dict(cluster.jobs)),
        task_type=cluster.kind,
        task_id=cluster.index,
        num_accelerators={"GPU": len(tf.config.list_physical_devices("GPU"))},
        rpc_layer="grpc",
    )
    try:
        with noticing_soon(), leaving_sigterm():
            return tf.distribute.MultiWorkerMirroredStrategy(cluster_resolver=resolver)
    except RuntimeError as error:
        raise RuntimeError(
            f"This process cannot join other workers any more ({error}). Open the strategy 'workers' first, in a fresh "
            "process."
        ) from error


@contextmanager
def noticing_soon() -> Iterator[None]:
    """Let workers that meet take one for gone that is silent for ``SILENCE`` seconds; no public name sets that."""
    from tensorflow.python.eager.context import context

    here: Any = context()
    here.configure_coordination_service = partial(
        here.configure_coordination_service, heartbeat_timeout_in_ms=1000 * SILENCE
    )
    try:
        yield
    finally:
        del here.configure_coordination_service


@contextmanager
def leaving_sigterm() -> Iterator[None]:
    """Give SIGTERM back to who heard it before. TensorFlow takes it from a worker that joins others, to tell them of a
    preemption; since nobody here asks for that, the process would not end any more.

    One that comes in the second in which the workers join is lost none the less, and in another thread than the main
    one, which alone may say who hears a signal, TensorFlow keeps it.
    """
    before = signal.getsignal(signal.SIGTERM) if threading.current_thread() is threading.main_thread() else None
    try:
        yield
    finally:
        if before is not None:
            signal.signal(signal.SIGTERM, before)


def tpu(detail: str):
    import tensorflow as tf

    try:
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver(detail or "local")
        tf.config.experimental_connect_to_cluster(resolver)
        tf.tpu.experimental.initialize_tpu_system(resolver)
    except (tf.errors.OpError, OSError, ValueError, RuntimeError, ImportError) as error:
        where = f"is no TPU {detail!r} that this machine reaches" if detail else "is no TPU on this machine"
        raise RuntimeError(
            f"There {where} ({str(error).splitlines()[0]}). On a Cloud TPU machine install tensorflow-tpu and take "
            "'tpu'; name a TPU elsewhere as 'tpu:NAME'."
        ) from error
    return tf.distribute.TPUStrategy(resolver)


STRATEGIES: dict[str, Callable[[], "tf.distribute.Strategy"]] = {"auto": auto, "one": one, "workers": workers}
DETAILED: dict[str, Callable[[str], "tf.distribute.Strategy"]] = {"mirrored": mirrored, "tpu": tpu}  # behind a colon


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
