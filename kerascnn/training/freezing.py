"""Fine-tuning: what is held still while a network that was trained elsewhere learns new classes.

The policy is that of Keras' guide to transfer learning, https://keras.io/guides/transfer_learning. In the frozen epochs
all but the classifier is held: its gradients are not computed, its weights are neither updated nor decayed, and its
batch norms are in inference mode, so that not a bit of it changes; dropout goes on. Then all is released and the
optimizer starts anew, because the moments of Adam would be corrected for steps that the released weights did not make.
With ``batch_norm="frozen"`` batch norms stay held to the end: statistics, scales and shifts are those that were loaded.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import keras

from kerascnn.graph.graph import classifiers, leaves
from kerascnn.training.recipe import Recipe


@contextmanager
def held(model: keras.Model, recipe: Recipe, epoch: int) -> Iterator[None]:
    """Hold still what the recipe wants still in an epoch, counted from 0; the layers are given back as they were."""
    layers = still(model, recipe, epoch)
    for layer in layers:
        layer.trainable = False
    try:
        yield
    finally:
        for layer in layers:
            layer.trainable = True


def still(model: keras.Model, recipe: Recipe, epoch: int) -> list[keras.Layer]:
    """The layers that learn nothing in an epoch, and otherwise would."""
    learning = [layer for layer in leaves(model) if layer.trainable and layer.weights]
    if epoch < recipe.frozen_epochs:
        last = classifiers(model)
        return [layer for layer in learning if layer not in last]
    if recipe.batch_norm == "frozen":
        return [layer for layer in learning if isinstance(layer, keras.layers.BatchNormalization)]
    return []
