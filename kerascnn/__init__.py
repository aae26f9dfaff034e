"""Build, train, shrink and ship convolutional networks, on TensorFlow and Keras 3.

Nothing heavy is imported before it is used: Keras when a network is drawn, TensorFlow when one is trained or exported.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from kerascnn import applications as applications
from kerascnn.arguments import checked
from kerascnn.catalogue import build as build
from kerascnn.catalogue import describe as describe
from kerascnn.catalogue import list_models as list_models
from kerascnn.catalogue import list_weights as list_weights
from kerascnn.catalogue import scale as scale
from kerascnn.layers.registration import register_with_keras

if TYPE_CHECKING:
    import keras

    from kerascnn.compression import cluster as cluster
    from kerascnn.compression import prune as prune
    from kerascnn.compression import quantize_aware as quantize_aware
    from kerascnn.compression import remove_filters as remove_filters
    from kerascnn.data import open_data as open_data
    from kerascnn.deploy import export as export
    from kerascnn.deploy import verify as verify
    from kerascnn.deploy.calibration import check_calibration as check_calibration
    from kerascnn.deploy.delegates import check_delegates as check_delegates
    from kerascnn.deploy.layer_comparison import compare_layers as compare_layers
    from kerascnn.graph.cost import cost as cost
    from kerascnn.graph.edge import edge_safe as edge_safe
    from kerascnn.graph.fold import fold_batch_norm as fold_batch_norm
    from kerascnn.graph.keras_cv import as_keras_cv as as_keras_cv
    from kerascnn.graph.lower import lower as lower
    from kerascnn.graph.receptive_field import receptive_field as receptive_field
    from kerascnn.runtime import load_keras as load_keras
    from kerascnn.runtime import open_model as open_model
    from kerascnn.training import load_recipe as load_recipe
    from kerascnn.weights.imagenet import decode_predictions as decode_predictions
    from kerascnn.weights.imagenet import preprocess_input as preprocess_input
    from kerascnn.weights.records import find_record as find_record
    from kerascnn.workflows.compress import compress as compress
    from kerascnn.workflows.evaluate import evaluate as evaluate
    from kerascnn.workflows.predict import predict as predict
    from kerascnn.workflows.train import train as train

__version__ = "0.1.0"

LAZY = {  # a verb, and the module that it comes from when it is first used
    "as_keras_cv": "kerascnn.graph.keras_cv",
    "check_calibration": "kerascnn.deploy.calibration",
    "check_delegates": "kerascnn.deploy.delegates",
    "cluster": "kerascnn.compression",
    "compare_layers": "kerascnn.deploy.layer_comparison",
    "compress": "kerascnn.workflows.compress",
    "cost": "kerascnn.graph.cost",
    "decode_predictions": "kerascnn.weights.imagenet",
    "edge_safe": "kerascnn.graph.edge",
    "evaluate": "kerascnn.workflows.evaluate",
    "export": "kerascnn.deploy",
    "find_record": "kerascnn.weights.records",
    "fold_batch_norm": "kerascnn.graph.fold",
    "load_keras": "kerascnn.runtime",
    "load_recipe": "kerascnn.training",
    "lower": "kerascnn.graph.lower",
    "open_data": "kerascnn.data",
    "open_model": "kerascnn.runtime",
    "predict": "kerascnn.workflows.predict",
    "preprocess_input": "kerascnn.weights.imagenet",
    "prune": "kerascnn.compression",
    "quantize_aware": "kerascnn.compression",
    "receptive_field": "kerascnn.graph.receptive_field",
    "remove_filters": "kerascnn.compression",
    "train": "kerascnn.workflows.train",
    "verify": "kerascnn.deploy",
}
__all__ = ["applications", "build", "describe", "features", "list_models", "list_weights", "scale", *LAZY]


@checked
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
    if name not in LAZY:
        raise AttributeError(f"module 'kerascnn' has no attribute {name!r}")
    globals()[name] = found = getattr(import_module(LAZY[name]), name)
    return found


def __dir__() -> list[str]:
    return sorted([*globals(), *LAZY])


register_with_keras()
