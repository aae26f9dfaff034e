"""Mixed precision: layers compute in 16 bits, weights are kept in 32. Micikevicius et al. 2017, arXiv:1710.03740.

Keras is imported when a network is made.
"""

import json
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from kerascnn.errors import suggest

if TYPE_CHECKING:
    import keras

POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16", "float16": "mixed_float16"}
LONG = 1800.0  # seconds that a training still takes, from which on it is worth to try whether bfloat16 is faster
TRIAL = 5.0  # seconds of it
IMAGES = 16  # of a batch that is tried
WORTH = 0.7  # fraction of float32's time below which there is something to say


def need_precision(precision: str) -> None:
    """Refuse a precision that is not in the table."""
    if precision not in POLICIES:
        raise ValueError(f"There is no precision {precision!r}. {suggest(precision, POLICIES)}")


@contextmanager
def computing_in(precision: str) -> Iterator[None]:
    """Layers that are made here compute in ``precision``."""
    from keras import config

    need_precision(precision)
    before = config.dtype_policy()
    config.set_dtype_policy(POLICIES[precision])
    try:
        yield
    finally:
        config.set_dtype_policy(before)


def advice(model: "keras.Model", batch: int, seconds: float) -> str | None:
    """What bfloat16 might save of a training that takes so many seconds more; None where it is nothing to speak of."""
    share = bfloat16_share(model, min(batch, IMAGES)) if seconds > LONG else None
    if share is None or share > WORTH:
        return None
    return (
        f"a trial of {TRIAL:.0f} seconds found that in bfloat16 this machine takes {share:.2f} of the time for the "
        f"convolutions and dense layers of {model.name}: another run with --precision bfloat16 may be faster"
    )


def bfloat16_share(model: "keras.Model", batch: int) -> float | None:
    """Time of convolutions and dense layers in bfloat16, forward and backward, divided by their time in float32.

    Layers of each kind and shape are made anew and run by themselves, those of the largest maps first, as long as the
    trial lasts. None where that cannot be done: the network takes images of any size, or shows no graph.
    """
    from keras import layers as L

    from kerascnn.graph.cost import elements
    from kerascnn.graph.graph import Graph

    if None in model.input_shape[1:]:
        return None
    try:
        calls = [call for call in Graph(model).calls if type(call.operation) in (L.Conv2D, L.DepthwiseConv2D, L.Dense)]
    except ValueError:
        return None
    calls.sort(key=lambda call: -elements(call.inputs[0]))
    kinds = Counter(map(kind_of, calls))  # in the order in which they come
    total, begun = dict.fromkeys(("float32", "bfloat16"), 0.0), time.monotonic()
    for (layer, config, shape), count in kinds.items():
        if time.monotonic() - begun > TRIAL:
            break
        for precision in total:
            with computing_in(precision):
                total[precision] += count * seconds_of(layer(**json.loads(config)), (batch, *shape))
    return total["bfloat16"] / total["float32"] if kinds else None


def kind_of(call: Any) -> tuple[type, str, tuple[int, ...]]:
    """What the time of a layer depends on: its class, its settings, and the shape of its maps."""
    plain = ("filters", "units", "depth_multiplier", "kernel_size", "strides", "padding", "dilation_rate", "groups")
    config = {name: value for name, value in call.operation.get_config().items() if name in plain}
    return type(call.operation), json.dumps(config, sort_keys=True), tuple(call.inputs[0].shape[1:])


def seconds_of(layer: "keras.layers.Layer", shape: tuple[int, ...]) -> float:
    """The shorter of two passes forward and backward, after one that is not timed."""
    import tensorflow as tf

    x, times = tf.ones(shape, layer.compute_dtype), []
    for _ in range(3):
        begun = time.monotonic()
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x)
        gradients: Any = tape.gradient(y, [x, *[w.value for w in layer.trainable_weights]])
        float(tf.reduce_sum(gradients[0][:1]))  # what a device computes beside is over by then
        times.append(time.monotonic() - begun)
    return min(times[1:])
