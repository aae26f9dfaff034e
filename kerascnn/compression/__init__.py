"""Compression: networks with fewer weights, fewer different weights, fewer filters and integers, and what that saves.

TensorFlow's Model Optimization toolkit works on models of tf_keras, Keras 2; networks here are drawn in Keras 3.
:func:`kerascnn.compression.legacy_copy.legacy_copy` goes there and ``weights_back`` comes back, and the Keras of the
process stays Keras 3: nothing else in the package imports the toolkit but :mod:`kerascnn.compression.toolkit`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kerascnn.compression.clustering import *  # noqa: F403
    from kerascnn.compression.filters import *  # noqa: F403
    from kerascnn.compression.pruning import *  # noqa: F403
    from kerascnn.compression.quantization import *  # noqa: F403
    from kerascnn.compression.sizes import *  # noqa: F403
    from kerascnn.compression.tuning import *  # noqa: F403

PUBLIC = {  # by module
    "clustering": ("Clustering", "cluster", "values"),
    "filters": ("Filters", "remove_filters"),
    "pruning": ("Pruning", "prune", "sparsity"),
    "quantization": ("Quantized", "quantize_aware"),
    "sizes": ("Footprint", "footprints", "verdict"),
    "tuning": ("Tuning", "tuned"),
}
LAZY = {name: module for module, names in PUBLIC.items() for name in names}
__all__ = sorted(LAZY)


def __getattr__(name: str) -> Any:
    if name in LAZY:
        return getattr(import_module(f"kerascnn.compression.{LAZY[name]}"), name)
    raise AttributeError(f"module 'kerascnn.compression' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *LAZY])
