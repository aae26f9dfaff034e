"""Competition between neighbouring channels, in the years before batch normalisation."""

from kerascnn import layers as L


def local_response(k, x):
    """Local response normalisation with the constants of Krizhevsky et al. 2012, section 3.3.

    The authors' code divides alpha by the window of 5, as all code since does; the paper's formula does not.
    """
    return k(L.LocalResponseNormalization, size=5, k=2.0, alpha=1e-4 / 5, beta=0.75)(x)
