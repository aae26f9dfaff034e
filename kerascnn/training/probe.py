"""A linear probe before fine-tuning, so that no random classifier bends what a network has learned elsewhere.

Kumar et al. 2022, https://arxiv.org/abs/2202.10054: fine-tuning from a classifier that fits keeps features whole. While
all below the classifier stands still, an image has the same features each time, so these are computed once.
"""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerascnn.data.dataset import Data
from kerascnn.data.pipeline import batches, reading
from kerascnn.graph.graph import classifiers
from kerascnn.progress import track
from kerascnn.training.step import Learner

MOST = 20_000  # images; their features are in memory
RATE = 1e-3  # of Adam


def probe(learner: Learner, data: Data, steps: int, log: Callable[[str], Any]) -> None:
    """Train the classifier on the features of the training images, as they are without augmentation.

    Every worker does the same, and all take the average of what they found.

    Raises
    ------
    ValueError
        When the network has not one classifier.
    """
    model, task, strategy = learner.trained, learner.task, learner.strategy
    layers = classifiers(model)
    if len(layers) != 1:
        raise ValueError(
            f"finetune.probe trains the one classifier of a network, and {learner.model.name} has {len(layers)}. "
            f"Set finetune.probe=0, and finetune.frozen_epochs in its place."
        )
    (layer,) = layers
    features, targets = features_of(keras.Model(model.inputs, layer.input), learner, data)
    head = keras.models.clone_model(keras.Model(layer.input, model.output))  # the strategy's variables are not its own
    head.set_weights(layer.get_weights())
    optimizer = keras.optimizers.Adam(RATE)
    optimizer.build(head.trainable_variables)

    @tf.function
    def step() -> tf.Tensor:
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(task.objective(head(features), targets))
        optimizer.apply(tape.gradient(loss, head.trainable_variables))
        return loss

    loss = [step() for _ in range(steps)][-1]
    for variable, value in zip(layer.weights, head.get_weights(), strict=True):
        own = strategy.experimental_distribute_values_from_function(lambda _, value=value: tf.constant(value))
        variable.assign(strategy.reduce("MEAN", own, axis=None))
    if learner.average:
        learner.average.reset()
    log(f"the classifier alone, {steps} steps on the features of {len(features)} images: loss {float(loss):.4f}")


def features_of(trunk: keras.Model, learner: Learner, data: Data) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
    """What enters the classifier, and the targets, of the training images or of the first ``MOST``."""
    recipe, preprocess = learner.recipe, learner.resolved.preprocess
    size = learner.resolved.batch // recipe.accumulate
    run = tf.function(lambda images: trunk(images, training=False))
    images = batches(data.train, preprocess, size, encode=learner.task.encode, seed=recipe.seed, shuffle=True)
    found = []
    count = min(len(data.train), MOST)
    with reading(data.train):
        for batch, targets in track(images, "features", -(-count // size), shown=learner.workers.chief):
            found.append((run(batch).numpy(), {name: np.asarray(target) for name, target in targets.items()}))
            if len(found) * size >= count:
                break
    features = tf.constant(np.concatenate([values for values, _ in found]))
    names = found[0][1]
    return features, {name: tf.constant(np.concatenate([of[name] for _, of in found])) for name in names}
