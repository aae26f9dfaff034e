"""Build, train, shrink and ship convolutional networks, on TensorFlow and Keras 3.

Nothing heavy is imported before it is used: Keras when a network is drawn, TensorFlow when one is trained or exported.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from kerascnn import applications as applications
from kerascnn.catalogue import build as build
from kerascnn.catalogue import list_models as list_models

if TYPE_CHECKING:
    from kerascnn.deploy import export as export
    from kerascnn.graph.cost import cost as cost
    from kerascnn.graph.features import features as features
    from kerascnn.runtime import open_model as open_model

__version__ = "0.1.0"

LAZY = {
    "cost": "kerascnn.graph.cost",
    "export": "kerascnn.deploy",
    "features": "kerascnn.graph.features",
    "open_model": "kerascnn.runtime",
}
__all__ = ["applications", "build", "list_models", *LAZY]


def __getattr__(name: str) -> Any:
    if name in LAZY:
        return getattr(import_module(LAZY[name]), name)
    raise AttributeError(f"module 'kerascnn' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *LAZY])
