"""Compression: networks with fewer weights, fewer different weights, fewer filters and integers, and what that saves.

TensorFlow's Model Optimization toolkit works on models of tf_keras, Keras 2; networks here are drawn in Keras 3.
:func:`kerascnn.compression.legacy_copy.legacy_copy` goes there and ``weights_back`` comes back, and the Keras of the
process stays Keras 3: nothing else in the package imports the toolkit but :mod:`kerascnn.compression.toolkit`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kerascnn.compression.clustering import Clustering as Clustering
    from kerascnn.compression.clustering import cluster as cluster
    from kerascnn.compression.clustering import values as values
    from kerascnn.compression.filters import Filters as Filters
    from kerascnn.compression.filters import remove_filters as remove_filters
    from kerascnn.compression.pruning import Pruning as Pruning
    from kerascnn.compression.pruning import prune as prune
    from kerascnn.compression.pruning import sparsity as sparsity
    from kerascnn.compression.quantization import Quantized as Quantized
    from kerascnn.compression.quantization import quantize_aware as quantize_aware
    from kerascnn.compression.sizes import Footprint as Footprint
    from kerascnn.compression.sizes import footprints as footprints
    from kerascnn.compression.sizes import verdict as verdict
    from kerascnn.compression.tuning import Tuning as Tuning
    from kerascnn.compression.tuning import tuned as tuned

LAZY = {
    "Clustering": "clustering",
    "Filters": "filters",
    "Footprint": "sizes",
    "Pruning": "pruning",
    "Quantized": "quantization",
    "Tuning": "tuning",
    "cluster": "clustering",
    "footprints": "sizes",
    "prune": "pruning",
    "quantize_aware": "quantization",
    "remove_filters": "filters",
    "sparsity": "pruning",
    "tuned": "tuning",
    "values": "clustering",
    "verdict": "sizes",
}
__all__ = sorted(LAZY)


def __getattr__(name: str) -> Any:
    if name in LAZY:
        return getattr(import_module(f"kerascnn.compression.{LAZY[name]}"), name)
    raise AttributeError(f"module 'kerascnn.compression' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *LAZY])
