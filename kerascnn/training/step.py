"""One step of a training: gradients, what recipes do to them, and the update."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerascnn.training.average import Average
from kerascnn.training.distillation import Teacher
from kerascnn.training.heads import HEAD, by_name, check_heads, last_layers, up_to_logits
from kerascnn.training.losses import LOSSES, distilled
from kerascnn.training.optimizers import Settings, add_coupled_decay, make_optimizer
from kerascnn.training.recipe import Recipe
from kerascnn.training.stages import Stage
from kerascnn.training.workers import Workers


class Learner:
    """A network with what its steps need: optimizer, loss and meters. Made within the scope of its strategy."""

    def __init__(self, model: keras.Model, recipe: Recipe, workers: Workers, teacher: Teacher | None = None):
        check_heads(model, recipe.auxiliary)
        if any(stage.dropout is not None for stage in recipe.stages):
            dropouts(model)  # or refuse now, not when that stage comes
        self.model, self.recipe, self.workers, self.teacher = model, recipe, workers, teacher
        self.strategy = workers.strategy
        self.logits = up_to_logits(model)
        for last in last_layers(self.logits).values():
            last.dtype_policy = "float32"  # 16 bits would round what enters the loss
        self.optimizer = optimizer_of(model, recipe)
        self.average = Average(model, recipe.ema) if recipe.ema else None
        self.sums = gradient_sums(model.trainable_variables) if recipe.accumulate > 1 else {}
        self.loss = keras.metrics.Mean("loss")
        self.top1 = keras.metrics.SparseCategoricalAccuracy("top1")
        self.enter(recipe.stage(0))

    def enter(self, stage: Stage) -> None:
        """Learn from now on as ``stage`` says; its dropout and size are part of what is traced, so it starts anew."""
        self.stage = stage
        self.trace()

    def trace(self) -> None:
        """Trace the steps anew from the next on, because what they do to the network has changed."""
        self.collect, self.learn = (
            tf.function(call, reduce_retracing=True, jit_compile=self.recipe.xla or None)
            for call in (self._collect_everywhere, self._learn_everywhere)
        )

    def restart(self) -> None:
        """Learn from now on with a new optimizer's state, for all weights that can be trained now."""
        with self.strategy.scope():
            fresh = optimizer_of(self.model, self.recipe)
            for variable, value in zip(self.optimizer.variables, fresh.variables, strict=True):
                variable.assign(value)
        self.trace()

    @property
    def variables(self) -> list[keras.Variable]:
        """All that training changes."""
        averages = self.average.variables if self.average else []
        return [*self.model.variables, *self.optimizer.variables, *averages]

    def swap_averages(self) -> None:
        """Exchange the model's weights and their averages, where the recipe wants any."""
        if self.average:
            self.average.swap()

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """The model as it is to be used: with averages, where the recipe wants any."""
        self.swap_averages()
        try:
            yield
        finally:
            self.swap_averages()

    def reset(self) -> None:
        self.loss.reset_state()
        self.top1.reset_state()

    def meters(self) -> dict[str, float]:
        """Mean loss and top-1 since the last reset, over all workers."""
        return {meter.name: float(np.asarray(meter.result())) for meter in (self.loss, self.top1)}

    def glance(self) -> dict[str, float]:
        """The same of this worker's images alone, for which no other worker has to do anything."""

        def own(variable) -> float:
            return sum(float(value) for value in self.strategy.experimental_local_results(variable.value))

        return {meter.name: own(meter.total) / own(meter.count) for meter in (self.loss, self.top1)}

    def step(self, batches: Iterator) -> None:
        """One update of the weights, from the next batches; one batch unless the recipe accumulates gradients."""
        for _ in range(self.recipe.accumulate - 1):
            self.collect(next(batches))
        self.learn(next(batches))

    def _collect_everywhere(self, batch) -> None:
        """Add up the gradients of a batch that the strategy has distributed, and change no weight."""
        self.strategy.run(self._collect, args=batch)

    def _learn_everywhere(self, batch) -> None:
        """Update the weights, from a distributed batch and from what was collected before it."""
        self.strategy.run(self._learn, args=batch)
        if self.average:
            self.average.update(self.optimizer.iterations)

    @tf.function(reduce_retracing=True)
    def judge(self, batch) -> None:
        """Measure a distributed batch."""
        self.strategy.run(self._judge, args=batch)

    def _collect(self, images, targets):
        for total, gradient in zip(self._sums(), self._gradients(images, targets), strict=True):
            total.assign_add(gradient)

    def _learn(self, images, targets):
        gradients = self._gradients(images, targets)
        if self.sums:
            gradients = [(s + g) / self.recipe.accumulate for s, g in zip(self._sums(), gradients, strict=True)]
            for total in self._sums():
                total.assign(tf.zeros_like(total))
        self._update(gradients)

    def _sums(self) -> list[tf.Variable]:
        """The sums of the gradients of what can be trained now."""
        return [self.sums[id(weight)] for weight in self.model.trainable_variables]

    def _gradients(self, images, targets) -> list[Any]:
        """Of this replica's share of the loss, scaled: over all replicas, they add up to the gradients."""
        targets = targets["label"]
        # Replicas may hold unequal parts of a batch, so each divides by the images of all.
        together = tf.distribute.get_replica_context().all_reduce("sum", tf.shape(targets)[0])
        with tf.GradientTape() as tape:
            heads = self._heads(images, training=True)
            losses = self._losses(targets, heads[HEAD])
            objectives = self._objectives(images, targets, heads, losses)
            objective = tf.reduce_sum(objectives) / tf.cast(together, losses.dtype)
            if penalties := self.model.losses:  # a network of the user's may bring regularisers
                objective += (
                    tf.add_n([tf.cast(penalty, tf.float32) for penalty in penalties])
                    / self.strategy.num_replicas_in_sync
                )
            objective: Any = self.optimizer.scale_loss(objective)
        self._measure(losses, targets, heads[HEAD])
        return tape.gradient(objective, self.model.trainable_variables)

    def _update(self, gradients) -> None:
        """Clip, decay and apply. The optimizer sums over replicas, so each brings its share of everything."""
        recipe, weights, replicas = self.recipe, self.model.trainable_variables, self.strategy.num_replicas_in_sync
        scale: Any = self.optimizer.scale_loss(1.0)  # which the gradients bear, and the optimizer takes away
        # Clipping asks for the norm of the whole gradient, loss scaling whether the whole is finite.
        if recipe.clip_norm or recipe.precision == "float16":
            gradients = tf.distribute.get_replica_context().all_reduce("sum", gradients)
            if recipe.clip_norm:
                gradients, _ = tf.clip_by_global_norm(gradients, tf.multiply(scale, recipe.clip_norm))
            gradients = [gradient / replicas for gradient in gradients]
        if recipe.weight_decay:
            decay = tf.multiply(scale, recipe.weight_decay / replicas)
            gradients = add_coupled_decay(recipe.optimizer, gradients, weights, decay)
        self.optimizer.apply(gradients, weights)

    def _judge(self, images, targets):
        targets = targets["label"]
        logits = self._heads(images, training=False)[HEAD]
        self._measure(self._losses(targets, logits), targets, logits)

    def _heads(self, images, training: bool) -> dict[str, Any]:
        """Every head's logits."""
        outputs = by_name(self.logits(images, training=training))
        return {name: tf.cast(logits, tf.float32) for name, logits in outputs.items()}

    def _objectives(self, images, targets, heads, losses):
        """What is to grow less, for each image: the head's losses, with the teacher's share and auxiliary heads'."""
        recipe, objectives = self.recipe, losses
        if self.teacher:
            from_teacher = distilled(self.teacher(images), heads[HEAD], recipe.temperature)
            objectives = (1 - recipe.distill) * losses + recipe.distill * from_teacher
        for name, logits in heads.items():
            if name != HEAD:
                objectives += recipe.auxiliary * self._losses(targets, logits)
        return objectives

    def _losses(self, targets, logits):
        return LOSSES[self.recipe.loss](targets, logits, self.recipe.label_smoothing)

    def _measure(self, losses, targets, logits):
        self.loss.update_state(losses)
        # Of a mixed image, the class with the greatest share is the right one.
        self.top1.update_state(tf.argmax(targets, -1) if targets.shape.rank == 2 else targets, logits)


def optimizer_of(model: keras.Model, recipe: Recipe) -> keras.optimizers.Optimizer:
    """The recipe's optimizer, built for all weights of a model that can be trained."""
    settings = Settings(
        rate=recipe.lr, momentum=recipe.momentum, weight_decay=recipe.weight_decay, epsilon=recipe.epsilon
    )
    optimizer = make_optimizer(recipe.optimizer, model.trainable_variables, settings)
    if recipe.precision == "float16":  # whose least numbers many gradients fall below
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
        optimizer.build(model.trainable_variables)
    return optimizer


def gradient_sums(weights: Sequence[keras.Variable]) -> dict[int, tf.Variable]:
    """Zeros in the shapes of ``weights``, by their ids, for every replica its own."""
    return {
        id(weight): tf.Variable(
            tf.zeros(weight.shape),
            trainable=False,
            synchronization=tf.VariableSynchronization.ON_READ,
            aggregation=tf.VariableAggregation.SUM,
        )
        for weight in weights
    }


@contextmanager
def dropping(model: keras.Model, rate: float | None) -> Iterator[None]:
    """Let every dropout layer drop ``rate`` while a stage is learned. None: as it is drawn."""
    layers = [] if rate is None else dropouts(model)
    before = [layer.rate for layer in layers]
    try:
        for layer in layers:
            layer.rate = rate
        yield
    finally:
        for layer, was in zip(layers, before, strict=True):
            layer.rate = was


def dropouts(model: keras.Model) -> list[keras.layers.Dropout]:
    """The layers that drop features; those that drop whole branches are not among them, nor any drawn at rate 0."""
    dropping = [layer for layer in layers_of(model, keras.layers.Dropout) if layer.rate and layer.noise_shape is None]
    if not dropping:
        raise ValueError(
            f"A stage sets dropout, but {model.name} is drawn without. Leave dropout out of the stages, or draw the "
            'network with some, as columns=("dropout:0.2",) does.'
        )
    return dropping


@contextmanager
def synchronised(model: keras.Model, strategy: tf.distribute.Strategy) -> Iterator[None]:
    """Let batch normalisation see the whole batch while several devices train.

    Otherwise each replica normalises by its own part, and keeps moving statistics of its own, of which saving would
    take the first replica's. The layers are given back as they were: other backends refuse what is saved this way.
    """
    layers = list(layers_of(model, keras.layers.BatchNormalization)) if strategy.num_replicas_in_sync > 1 else []
    before = [layer.synchronized for layer in layers]
    try:
        for layer in layers:
            layer.synchronized = True
        yield
    finally:
        for layer, was in zip(layers, before, strict=True):
            layer.synchronized = was


def layers_of(model: keras.Model, kind: type) -> Iterator[Any]:
    """All layers of a kind, of models inside the model too."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from layers_of(layer, kind)
        elif isinstance(layer, kind):
            yield layer
