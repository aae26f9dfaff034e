"""Weight clustering: each kernel is left with a few different values, which training moves.

Han et al. 2016, Deep compression, https://arxiv.org/abs/1510.00149, section 3, by TensorFlow's Model Optimization
toolkit.
"""

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from kerascnn.arguments import checked
from kerascnn.compression.legacy_copy import keras3_copy, legacy_copy, wrap_layers
from kerascnn.compression.pruning import prunable
from kerascnn.compression.toolkit import toolkit
from kerascnn.compression.tuning import DEFAULT, Loss, Tuning, lesson, tune
from kerascnn.errors import suggest
from kerascnn.graph.fake_quantised import refuse_integers
from kerascnn.runtime import deep_graphs

STARTS = {  # where centroids begin, by the toolkit's names
    "kmeans++": "KMEANS_PLUS_PLUS",
    "linear": "LINEAR",
    "density": "DENSITY_BASED",
    "random": "RANDOM",
}


@dataclass(frozen=True, kw_only=True)
class Clustering:
    """How many different values a kernel may have.

    Parameters
    ----------
    clusters
        Different values in each kernel, 0 among them where zeros are kept. Layers are those that can be pruned, the
        classifier too; a kernel that has no more weights than this keeps them all.
    preserve_sparsity
        Zeros stay zeros.
    start
        "kmeans++", "linear" (from the smallest weight to the largest), "density" or "random".
    """

    clusters: int = 16
    preserve_sparsity: bool = True
    start: str = "kmeans++"

    def __post_init__(self) -> None:
        least = 3 if self.preserve_sparsity else 2
        if self.clusters < least:
            raise ValueError(f"clusters must be {least} or more, got {self.clusters}.")
        if self.start not in STARTS:
            raise ValueError(f"Unknown start {self.start!r}. {suggest(self.start, STARTS)}")


SIXTEEN = Clustering()


@checked
@deep_graphs()
def cluster(
    model: keras.Model,
    train: Any,
    clustering: Clustering = SIXTEEN,
    tuning: Tuning = DEFAULT,
    loss: Loss | None = None,
) -> keras.Model:
    """A copy of ``model`` with few different values in its kernels, tuned.

    A file of it is smaller once it is compressed (gzip, as app stores do), and as large and as fast as before until
    then: see :mod:`kerascnn.compression.sizes`.

    Parameters
    ----------
    model
        A Keras 3 model, functional or sequential: a classifier, or any network when ``loss`` is given.
    train, loss
        As :func:`kerascnn.compression.tuned` takes them.

    Returns
    -------
    keras.Model
        The same layers, without the toolkit's wrappers; in float32.

    Raises
    ------
    ValueError
        When no kernel has more weights than there are clusters, the data is none, or the model was tuned for int8.
    ImportError
        When the toolkit is not installed.
    """
    refuse_integers(model)
    chosen = {name for name, kernel in prunable(model).items() if kernel.size > clustering.clusters}
    if not chosen:
        raise ValueError(f"{model.name} has no kernel of more than {clustering.clusters} weights to cluster.")
    batches, loss = lesson(model, train, tuning, loss)
    tools = toolkit().clustering.keras
    start = getattr(tools.CentroidInitialization, STARTS[clustering.start])

    def with_clusters(layer: Any) -> Any:
        if layer.name not in chosen:
            return layer
        return tools.cluster_weights(layer, clustering.clusters, start, preserve_sparsity=clustering.preserve_sparsity)

    clustered = wrap_layers(legacy_copy(model), with_clusters)
    tune(clustered, batches, tuning, loss, "clustering")
    return keras3_copy(tools.strip_clustering(clustered), model)


def values(model: keras.Model) -> dict[str, int]:
    """How many different values each kernel has that can be clustered, by the name of its layer."""
    return {name: len(np.unique(kernel)) for name, kernel in prunable(model).items()}
