"""Room for deep networks: Keras walks a graph with a frame for each layer in line."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

FRAMES = 20_000  # the deepest network of the catalogue has 1,202 layers in line, each of several operations


@contextmanager
def deep_graphs() -> Iterator[None]:
    """Raise the limit of recursion for a while; also a decorator."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, FRAMES))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)
