"""Fine-tuning: what is frozen while a network that was trained elsewhere learns new classes.

The policy is that of Keras' guide to transfer learning, https://keras.io/guides/transfer_learning. In the frozen epochs
all but the classifier is frozen: its gradients are not computed, its weights are neither updated nor decayed, and its
batch norms are in inference mode, so that not a bit of it changes; dropout goes on. Then all is released and the
optimizer starts again, because the moments of Adam would be corrected for steps that the released weights did not make.
With ``batch_norm="frozen"`` batch norms stay frozen to the end: statistics, scales and shifts are those that were
loaded.
"""

from contextlib import AbstractContextManager

import keras

from kerascnn.graph.graph import classifiers, leaves
from kerascnn.training.normalisation import norms
from kerascnn.training.recipe import FineTune
from kerascnn.training.step import set_on


def frozen(model: keras.Model, finetune: FineTune | None, epoch: int) -> AbstractContextManager[None]:
    """Freeze what is to be frozen in an epoch, counted from 0; afterwards the layers are as they were."""
    layers = [layer for layer in leaves(model) if layer.trainable and layer.weights] if finetune else []
    if finetune and epoch < finetune.frozen_epochs:
        last = classifiers(model)
        layers = [layer for layer in layers if layer not in last]
    elif finetune:
        layers = [norm for norm in norms(model) if norm.trainable] if finetune.batch_norm == "frozen" else []
    return set_on(layers, "trainable", False)
