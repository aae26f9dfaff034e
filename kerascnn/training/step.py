"""One step of a training: gradients, what recipes do to them, and the update."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerascnn.graph.graph import leaves
from kerascnn.training.average import Average
from kerascnn.training.draws import Draws
from kerascnn.training.methods import Objective
from kerascnn.training.normalisation import fused, norms
from kerascnn.training.recipe import Stage
from kerascnn.training.recipe.optimizers import Optimizer
from kerascnn.training.remat import rematerialised
from kerascnn.training.resolve import Resolved
from kerascnn.training.workers import Workers


class Learner:
    """A network with what its steps need: optimizer, objective and meters. Made within the scope of its strategy.

    ``objective`` is what a step minimises, where it is not the task's own. ``precision``, ``xla`` and ``remat`` are as
    ``train`` takes them; the model is drawn in this precision already.
    """

    def __init__(
        self,
        model: keras.Model,
        resolved: Resolved,
        workers: Workers,
        objective: Objective | None = None,
        *,
        precision: str = "float32",
        xla: bool = False,
        remat: bool = False,
    ):
        recipe, task = resolved.recipe, resolved.task
        task.check_model(model)
        if any(stage.dropout is not None for stage in recipe.stages):
            dropouts(model)  # or refuse now, not when that stage comes
        self.model, self.resolved, self.recipe, self.task, self.workers = model, resolved, recipe, task, workers
        self.objective = objective or (lambda images, outputs, targets: task.objective(outputs, targets))
        self.precision, self.xla, self.remat = precision, xla, remat
        self.strategy = workers.strategy
        self.trained = task.training_model(model)
        outputs = keras.tree.flatten(self.trained.output)
        for layer in self.trained.layers:
            if any(layer.output is output for output in outputs):
                layer.dtype_policy = "float32"  # 16 bits would round what enters the loss
        self.optimizer = optimizer_of(model, recipe.optimizer, precision)
        self.average = Average(model, recipe.ema) if recipe.ema else None
        self.sums = gradient_sums(model.trainable_variables) if recipe.accumulate > 1 else {}
        self.draws = Draws(model, self.strategy.num_replicas_in_sync, recipe.accumulate)
        self.loss = keras.metrics.Mean("loss")
        self.metrics = task.meters()
        self.set_stage(resolved.stage(0))

    def set_stage(self, stage: Stage) -> None:
        """Train as ``stage`` says from now on; its dropout and size are part of what is traced."""
        self.stage = stage
        self.trace()

    def trace(self) -> None:
        """Trace the steps again from the next on, because what they do to the network has changed."""
        self.forward = partial(self.trained, training=True)
        if self.remat:
            self.forward = rematerialised(self.trained, self.stage.size, self.precision)
        self.collect, self.train_step = (
            tf.function(call, reduce_retracing=True, jit_compile=self.xla or None)
            for call in (self._collect_everywhere, self._train_everywhere)
        )

    def restart(self) -> None:
        """Go on with a new optimizer's state, for all weights that can be trained now."""
        with self.strategy.scope():
            fresh = optimizer_of(self.model, self.recipe.optimizer, self.precision)
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

    @contextmanager
    def training(self) -> Iterator[None]:
        """The layers as steps compute them; afterwards they are as they were.

        Compiled steps leave batch normalisation to Keras: XLA takes a fused one's variance as the mean square less the
        squared mean, which comes out below 0 where features lie far from it.
        """
        compiled = self.xla or isinstance(self.strategy, tf.distribute.TPUStrategy)
        kernels = nullcontext() if compiled else fused(self.model)
        with synchronised(self.model, self.strategy), self.draws.placed(), kernels:
            yield

    def reset(self) -> None:
        for meter in (self.loss, *self.metrics):
            meter.reset_state()

    def meters(self) -> dict[str, float]:
        """Mean loss and the task's metrics since the last reset, over all workers."""
        return {meter.name: float(np.asarray(meter.result())) for meter in (self.loss, *self.metrics)}

    def glance(self) -> dict[str, float]:
        """The same of this worker's images alone, for which no other worker has to do anything; means only."""

        def own(variable) -> float:
            return sum(float(value) for value in self.strategy.experimental_local_results(variable.value))

        means = [meter for meter in (self.loss, *self.metrics) if isinstance(meter, keras.metrics.Mean)]
        return {meter.name: own(meter.total) / own(meter.count) for meter in means}

    def step(self, batches: Iterator) -> None:
        """One update of the weights, from the next batches; one batch unless the recipe accumulates gradients."""
        for part in range(self.recipe.accumulate - 1):
            self.collect(next(batches), tf.constant(part))
        self.train_step(next(batches))

    def _collect_everywhere(self, batch, part) -> None:
        """Add up the gradients of a part of a batch that the strategy has distributed, and change no weight."""
        self.strategy.run(self._collect, args=(*batch, part))

    def _train_everywhere(self, batch) -> None:
        """Update the weights, from a distributed batch and from what was collected before it."""
        self.strategy.run(self._train, args=batch)
        if self.average:
            self.average.update(self.optimizer.iterations)

    @tf.function(reduce_retracing=True)
    def evaluate(self, batch) -> None:
        """Measure a distributed batch."""
        self.strategy.run(self._evaluate, args=batch)

    def _collect(self, images, targets, part):
        with self.draws.share(tf.shape(images)[0], part, last=False) as together:
            gradients = self._gradients(images, targets, together)
        for total, gradient in zip(self._sums(), gradients, strict=True):
            total.assign_add(gradient)

    def _train(self, images, targets):
        with self.draws.share(tf.shape(images)[0], self.recipe.accumulate - 1, last=True) as together:
            gradients = self._gradients(images, targets, together)
        if self.sums:
            gradients = [(s + g) / self.recipe.accumulate for s, g in zip(self._sums(), gradients, strict=True)]
            for total in self._sums():
                total.assign(tf.zeros_like(total))
        self._update(gradients)

    def _sums(self) -> list[tf.Variable]:
        """The sums of the gradients of what can be trained now."""
        return [self.sums[id(weight)] for weight in self.model.trainable_variables]

    def _gradients(self, images, targets, together) -> list[Any]:
        """Of this replica's part of the loss, scaled: over all replicas, they add up to the gradients.

        Replicas may hold unequal parts of a batch, so each divides by the images of all ``together``.
        """
        with tf.GradientTape() as tape:
            outputs = in_float32(self.forward(taken(self.trained, images, targets)))
            losses, objectives = self.task.losses(outputs, targets), self.objective(images, outputs, targets)
            objective = tf.reduce_sum(objectives) / tf.cast(together, losses.dtype)
            for penalty in self.model.losses:  # a network of the user's may bring regularisers
                objective += tf.cast(penalty, tf.float32) / self.strategy.num_replicas_in_sync
            objective: Any = self.optimizer.scale_loss(objective)
        self._measure(losses, targets, outputs)
        return tape.gradient(objective, self.model.trainable_variables)

    def _update(self, gradients) -> None:
        """Clip, decay and apply. The optimizer sums over replicas, so each brings its part of everything."""
        recipe, weights, replicas = self.recipe, self.model.trainable_variables, self.strategy.num_replicas_in_sync
        scale: Any = self.optimizer.scale_loss(1.0)  # which the gradients bear, and the optimizer takes away
        # Clipping asks for the norm of the whole gradient, loss scaling whether the whole is finite.
        if recipe.clip_norm or self.precision == "float16":
            gradients = tf.distribute.get_replica_context().all_reduce("sum", gradients)
            if recipe.clip_norm:
                gradients, _ = tf.clip_by_global_norm(gradients, tf.multiply(scale, recipe.clip_norm))
            gradients = [gradient / replicas for gradient in gradients]
        self.optimizer.apply(recipe.optimizer.with_decay(gradients, weights, scale / replicas), weights)

    def _evaluate(self, images, targets):
        outputs = in_float32(self.trained(taken(self.trained, images, targets), training=False))
        self._measure(self.task.measured(outputs, targets), targets, outputs)

    def _measure(self, losses, targets, outputs):
        self.loss.update_state(losses)
        for metric in self.metrics:
            metric.update_state(targets, outputs)


def taken(model: keras.Model, images: Any, targets: dict[str, Any]) -> Any:
    """What goes into a training model: images, and the targets that its further inputs are named after."""
    further = [as_many(targets[x.name], x.shape[1]) for x in model.inputs[1:]]
    return [images, *further] if further else images


def as_many(rows: Any, count: int | None) -> Any:
    """The first so many rows of each image, (B, count, ...), with zeros where there are fewer; None: all of them."""
    if count is None or rows.shape[1] == count:
        return rows
    lacking = max(0, count - rows.shape[1])
    return tf.pad(rows[:, :count], [(0, 0), (0, lacking), *[(0, 0)] * (len(rows.shape) - 2)])


def check_inputs(model: keras.Model, targets: Iterable[str]) -> None:
    """Refuse a training model that takes what images do not come with. Raises ``ValueError``."""
    if lacking := [x.name for x in model.inputs[1:] if x.name not in {*targets}]:
        raise ValueError(
            f"The network takes {' and '.join(lacking)} of each image, and the images come with "
            f"{', '.join(sorted(targets))}. Boxes to be looked at, proposals, come with open_data(..., proposals=True)."
        )


def in_float32(outputs: dict[str, Any]) -> dict[str, Any]:
    """What enters the loss, by name."""
    return {name: tf.cast(x, tf.float32) for name, x in outputs.items()}


def optimizer_of(model: keras.Model, optimizer: Optimizer, precision: str) -> keras.optimizers.Optimizer:
    """The recipe's optimizer, built for all weights of a model that can be trained."""
    made = optimizer.build(model.trainable_variables)
    if precision == "float16":  # whose least numbers many gradients fall below
        made = keras.optimizers.LossScaleOptimizer(made)
        made.build(model.trainable_variables)
    return made


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
def set_on(layers: Iterable[Any], name: str, value: Any) -> Iterator[None]:
    """Give an attribute of layers another value; afterwards they are as they were."""
    before = [(layer, getattr(layer, name)) for layer in layers]
    try:
        for layer, _ in before:
            setattr(layer, name, value)
        yield
    finally:
        for layer, was in before:
            setattr(layer, name, was)


def dropping(model: keras.Model, rate: float | None) -> AbstractContextManager[None]:
    """Let every dropout layer drop ``rate`` during a stage. None: as it is drawn."""
    return set_on([] if rate is None else dropouts(model), "rate", rate)


def dropouts(model: keras.Model) -> list[keras.layers.Dropout]:
    """The layers that drop features; those that drop whole branches are not among them, nor any drawn at rate 0."""
    layers = [layer for layer in leaves(model) if isinstance(layer, keras.layers.Dropout)]
    dropping = [layer for layer in layers if layer.rate and layer.noise_shape is None]
    if not dropping:
        raise ValueError(
            f"A stage sets dropout, but {model.name} is drawn without. Leave dropout out of the stages, or draw the "
            'network with some, as Model(..., fields={"dropout": 0.2}) does.'
        )
    return dropping


def synchronised(model: keras.Model, strategy: tf.distribute.Strategy) -> AbstractContextManager[None]:
    """Let batch normalisation see the whole batch while several devices train.

    Otherwise each replica normalises by its own part, and keeps moving statistics of its own, of which saving would
    take the first replica's. The layers are given back as they were: other backends refuse what is saved this way.
    """
    return set_on(norms(model) if strategy.num_replicas_in_sync > 1 else [], "synchronized", True)
