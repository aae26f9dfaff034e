"""Mixed precision: layers compute in 16 bits, weights are kept in 32. Micikevicius et al. 2017, arXiv:1710.03740.

Keras is imported when a network is made.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from kerascnn.errors import suggest

POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16", "float16": "mixed_float16"}


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
