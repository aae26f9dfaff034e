"""Branches side by side on one map, each a chain of steps: every Inception module.

A step is ``(width, size)``, ``(width, size, stride)`` or ``(width, size, stride, padding)``: a convolution with batch
norm and activation, padded in the family's style where the step names no other; or a function of the layer factory
and the map, such as a pool.
"""

from dataclasses import dataclass


def branches(k, x, *chains):
    """The outputs of several chains on x, concatenated. Szegedy et al. 2014, figure 2b.

    ``(B, H, W, C)`` to the chains' maps, all of one size, with their widths summed.
    """
    return k.concat(*(chain(k / f"branch{i}", x, *steps) for i, steps in enumerate(chains, 1)))


def chain(k, x, *steps):
    """x through one step after another."""
    for step in steps:
        x = step(k, x) if callable(step) else convolve(k, x, *step)
    return x


@dataclass(frozen=True)
class Fork:
    """A step that concatenates the outputs of several steps on one map. Szegedy et al. 2015, figure 7."""

    steps: tuple

    def __call__(self, k, x):
        return k.concat(*(chain(k, x, step) for step in self.steps))


def average(k, x):
    """A step: 3x3 average pool that keeps the map's size."""
    return k.avg_pool(x, 3, 1, "same")


def shrink(k, x):
    """A step: 3x3 max pool at stride 2."""
    return k.max_pool(x, 3, 2)


def convolve(k, x, width, size, stride=1, padding=None):
    return (k.with_style(padding=padding) if padding else k).conv_bn_act(x, width, size, stride)
