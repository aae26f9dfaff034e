"""One epoch: every step on the training images, then the validation images."""

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import count
from typing import Any

import keras
import tensorflow as tf

from kerascnn.data.dataset import Data, Split
from kerascnn.data.pipeline import batches, reading
from kerascnn.training.freezing import frozen
from kerascnn.training.interruption import LOOK, Saving
from kerascnn.training.meters import read_meters, set_meters
from kerascnn.training.progress import Waits, Watch, epoch_bar, line
from kerascnn.training.resolve import Resolved
from kerascnn.training.state import Place
from kerascnn.training.step import Learner, dropping
from kerascnn.training.workers import Workers


def run_epoch(
    learner: Learner,
    data: Data,
    place: Place,
    saving: Saving,
    hooks: keras.callbacks.CallbackList,
    log: Callable[[str], Any],
) -> dict[str, float]:
    """Train on the training images once, evaluate on the validation images, and log how it went.

    What has been done of the epoch already is not done again.
    """
    resolved, workers, history, epoch = learner.resolved, learner.workers, place.history, len(place.history)
    recipe, task, preprocess = resolved.recipe, resolved.task, resolved.preprocess
    shard = workers.index, workers.count
    title = f"epoch {epoch + 1:{len(str(resolved.epochs))}}/{resolved.epochs}"
    batch, steps = resolved.updates
    stage = resolved.stage(epoch)
    if stage != learner.stage:
        learner.set_stage(stage)
    dataset = batches(
        data.train,
        replace(preprocess, size=stage.size),
        batch,
        parts=recipe.accumulate,
        encode=task.encode,
        augment=stage.augment,
        classes=len(data.labels),
        seed=recipe.seed,
        epoch=epoch,
        shuffle=True,
        repeats=recipe.repeats,
        balanced=recipe.sampling == "balanced",
        places=resolved.places(epoch),
        start=place.step,
        shard=shard,
    )
    losses = [record["val_loss"] for record in history]
    rates = [resolved.rate(epoch * steps + step, losses) for step in range(steps)]
    begun = time.monotonic() - place.seconds
    if recipe.finetune and epoch == recipe.finetune.frozen_epochs > 0 and not place.step:
        learner.restart()
    freeze, drop = frozen(learner.model, recipe.finetune, epoch), dropping(learner.model, stage.dropout)
    bar = epoch_bar(title, steps, batch, shown=workers.chief)
    source = Waits(distributed(data.train, dataset, workers))
    with learner.training(), freeze, drop, bar as watch:
        learner.reset()
        if place.step:
            set_meters(learner, place.meters)
        for step in train_steps(learner, source, rates, place.step, hooks, watch):
            saving.after_step(replace(place, step=step, seconds=time.monotonic() - begun))
    place = replace(place, step=steps, seconds=time.monotonic() - begun, meters=read_meters(learner))
    trained = learner.meters()
    advice = source.advice(title, stage.size)  # after the meters, which wait for what devices still compute
    check_finite(trained, epoch, resolved)
    most = recipe.batch // recipe.accumulate
    size = even_batch(len(data.validation), most, learner.strategy.num_replicas_in_sync)
    dataset = batches(data.validation, preprocess, size, encode=task.encode, shard=shard)
    with learner.averaged():
        learner.reset()
        ends = False
        for own in distributed(data.validation, dataset, workers):
            learner.evaluate(own)
            if ends := saving.ends():
                break
        validated = learner.meters()
    if ends:
        saving.end(place)
    check_finite(validated, epoch, resolved)
    record = trained | {f"val_{name}": value for name, value in validated.items()}
    record |= {"lr": rates[-1], "seconds": place.seconds}
    log(line(title, record, task.metric, steps * batch))
    if advice:
        log(advice)
    return record


def distributed(split: Split, dataset: Iterable, workers: Workers) -> Iterator[Any]:
    """This worker's part of every batch of a split, cut again into one for each of its devices.

    Over all workers, parts of a batch differ by one image at the most.

    Not ``experimental_distribute_dataset``: the end of each pass waits there for a tuner that sleeps twice as long
    each time, up to a minute, and that no option turns off. Epochs of 9 seconds took 10, 20 or 41.
    """
    with reading(split):
        for batch in dataset:
            yield workers.strategy.experimental_distribute_values_from_function(partial(part, batch, workers.replicas))


def part(batch: tuple[tf.Tensor, dict[str, tf.Tensor]], replicas: int, context: tf.distribute.ReplicaContext) -> Any:
    """What one of this worker's replicas gets of a batch."""
    images, targets = batch
    replica, size = context.replica_id_in_sync_group % replicas, len(images)
    own = slice(size * replica // replicas, size * (replica + 1) // replicas)
    return images[own], {name: target[own] for name, target in targets.items()}


def check_finite(meters: dict[str, float], epoch: int, resolved: Resolved) -> None:
    """Stop a training that has run away, before its state is saved."""
    if not math.isfinite(meters["loss"]):
        raise FloatingPointError(
            f"The loss is not finite any more in epoch {epoch + 1} of {resolved.epochs}. The last state "
            "that was saved is kept. Train into another folder with a smaller lr (it is "
            f"{resolved.recipe.optimizer.lr:g}), a longer warm-up or a clip_norm."
        )


def even_batch(images: int, batch: int, replicas: int) -> int:
    """The least batch, from ``batch`` on, that leaves no remainder or one image at least for every replica."""
    return next(size for size in count(batch) if images % size == 0 or images % size >= replicas)


def train_steps(
    learner: Learner,
    dataset: Iterator,
    rates: Sequence[float],
    begin: int,
    hooks: keras.callbacks.CallbackList,
    watch: Watch,
) -> Iterator[int]:
    """One step per rate, from the step ``begin`` on; after each it gives how many of them are done.

    A process alone stops early once the loss is not finite; workers do not look at one time.
    """
    looked = time.monotonic()
    for step in range(begin, len(rates)):
        hooks.on_train_batch_begin(step)
        learner.optimizer.learning_rate = rates[step]
        learner.step(dataset)
        hooks.on_train_batch_end(step)
        yield step + 1
        if time.monotonic() - looked > LOOK:
            meters, looked = learner.glance(), time.monotonic()
            watch(step + 1, meters)
            if learner.workers.count == 1 and not math.isfinite(meters["loss"]):
                break
