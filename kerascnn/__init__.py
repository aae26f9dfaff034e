"""Build, train, shrink and ship convolutional networks, on TensorFlow and Keras 3.

Nothing heavy is imported before it is used: Keras when a network is drawn, TensorFlow when one is trained or exported.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from kerascnn import applications as applications
from kerascnn.catalogue import build as build
from kerascnn.catalogue import describe as describe
from kerascnn.catalogue import list_models as list_models
from kerascnn.catalogue import scale as scale

if TYPE_CHECKING:
    import keras

    from kerascnn.deploy import export as export
    from kerascnn.deploy import prove as prove
    from kerascnn.deploy.calibration import check_calibration as check_calibration
    from kerascnn.deploy.why import why_different as why_different
    from kerascnn.graph.cost import cost as cost
    from kerascnn.graph.edge import edge_safe as edge_safe
    from kerascnn.graph.fold import fold_batch_norm as fold_batch_norm
    from kerascnn.graph.receptive_field import receptive_field as receptive_field
    from kerascnn.runtime import open_model as open_model
    from kerascnn.weights.records import find_record as find_record
    from kerascnn.weights.records import list_weights as list_weights

__version__ = "0.1.0"

LAZY = {
    "check_calibration": "kerascnn.deploy.calibration",
    "cost": "kerascnn.graph.cost",
    "edge_safe": "kerascnn.graph.edge",
    "export": "kerascnn.deploy",
    "find_record": "kerascnn.weights.records",
    "fold_batch_norm": "kerascnn.graph.fold",
    "list_weights": "kerascnn.weights.records",
    "open_model": "kerascnn.runtime",
    "prove": "kerascnn.deploy",
    "receptive_field": "kerascnn.graph.receptive_field",
    "why_different": "kerascnn.deploy.why",
}
__all__ = ["applications", "build", "describe", "features", "list_models", "scale", *LAZY]


def features(model: "keras.Model | str", **arguments: Any) -> "keras.Model":
    """A model that returns feature maps by stride, ``{4: ..., 8: ..., 16: ..., 32: ...}``.

    Parameters
    ----------
    model
        Any Keras model that takes images, or the name of a network, which is drawn without its classifier.
    **arguments
        Those of the builders, for a network by name.
    """
    from kerascnn.graph.features import features as of_model

    return of_model(build(model, include_top=False, **arguments) if isinstance(model, str) else model)


def __getattr__(name: str) -> Any:
    if name in LAZY:
        return getattr(import_module(LAZY[name]), name)
    raise AttributeError(f"module 'kerascnn' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *LAZY])
