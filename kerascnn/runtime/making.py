"""While Keras makes the weights of a network: a bound to their bytes, and no random numbers where a file has them."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import wraps
from math import prod
from threading import RLock, get_ident
from typing import TYPE_CHECKING, Any, cast

from kerascnn.runtime.containers import Unsound, room_of

if TYPE_CHECKING:
    import keras

MAKING = RLock()  # one thread at a time changes what Keras makes
NUMBER = 4  # bytes of a weight

Draw = tuple["keras.Variable", "keras.Initializer"]


@contextmanager
def making(make: Callable[..., Any]) -> Iterator[None]:
    """Let ``make`` add the weights of layers that this thread builds.

    It is called as ``make(add_weight, layer, shape, initializer, ...)``, where the first is what Keras would have done.
    """
    import keras

    thread, layer_class = get_ident(), cast("Any", keras.layers.Layer)

    @wraps(layer_class.add_weight)
    def watched(layer: Any, shape: Any = None, initializer: Any = None, *args: Any, **keywords: Any) -> Any:
        if get_ident() != thread:
            return add_weight(layer, shape, initializer, *args, **keywords)
        return make(add_weight, layer, shape, initializer, *args, **keywords)

    with MAKING:
        add_weight = layer_class.add_weight
        layer_class.add_weight = watched
        try:
            yield
        finally:
            layer_class.add_weight = add_weight


@contextmanager
def weights_within(size: int) -> Iterator[None]:
    """Refuse, before memory is taken, weights that Keras makes in this thread and a file of ``size`` bytes cannot hold.

    Keras makes all that a configuration asks for, and only then looks at the weights that the file has.
    """
    made = 0

    def bounded(add_weight: Any, layer: Any, shape: Any, *args: Any, **keywords: Any) -> Any:
        nonlocal made
        made += NUMBER * prod(shape if isinstance(shape, tuple | list) else (shape or 1,))
        if made > room_of(size):
            raise Unsound(
                f"with layer {layer.name!r} its weights take {made:,} bytes, and it has {size:,}: its "
                "configuration is of a larger network, or made to fill memory"
            )
        return add_weight(layer, shape, *args, **keywords)

    with making(bounded):
        yield


@contextmanager
def undrawn() -> Iterator[list[Draw]]:
    """Weights that this thread makes begin as zeros where they would be random: half of the time of a large network.

    Gives these and their initializers; whoever fills the network passes to ``draw`` what the file leaves out. A layer
    that reads a file in its own way makes its weights as ever.
    """
    import keras

    draws, waiting = keras.initializers, []
    random = (draws.VarianceScaling, draws.RandomNormal, draws.TruncatedNormal, draws.RandomUniform, draws.Orthogonal)

    def empty(add_weight: Any, layer: Any, shape: Any, initializer: Any, *args: Any, **keywords: Any) -> Any:
        plain = type(layer).load_own_variables.__module__.startswith("keras.")
        if not (plain and isinstance(initializer, random)):
            return add_weight(layer, shape, initializer, *args, **keywords)
        variable = add_weight(layer, shape, "zeros", *args, **keywords)
        waiting.append((variable, initializer))
        return variable

    with making(empty):
        yield waiting


def draw(waiting: Iterable[Draw]) -> None:
    """Give weights the random numbers that they would have had."""
    for variable, initializer in waiting:
        variable.assign(initializer(variable.shape, dtype=variable.dtype))
