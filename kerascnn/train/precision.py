"""Mixed precision: layers compute in 16 bits, weights are kept in 32. Micikevicius et al. 2017, arXiv:1710.03740.

Keras is imported when a network is made.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras

POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16", "float16": "mixed_float16"}


@contextmanager
def computing_in(precision: str) -> Iterator[None]:
    """Layers that are made here compute in ``precision``."""
    from keras import config

    before = config.dtype_policy()
    config.set_dtype_policy(POLICIES[precision])
    try:
        yield
    finally:
        config.set_dtype_policy(before)


def in_float32(make: Callable[[], "keras.Model"], model: "keras.Model") -> "keras.Model":
    """The network that ``make`` makes, computing in float32, with the values of ``model``, which it made too."""
    with computing_in("float32"):
        plain = make()
    for variable, value in zip(plain.variables, model.variables, strict=True):
        variable.assign(value)
    return plain
