"""The one training loop, on public API: ``strategy.run``, Keras optimizers, metrics and callbacks.

``Model.fit`` is not used, because Keras 3 cannot run it on several machines.
"""

import platform
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerascnn.card import Card, as_json
from kerascnn.data.checks import refuse_changed
from kerascnn.data.dataset import Data
from kerascnn.data.pipeline import batches
from kerascnn.files import clear_drafts, locked, need_writable, written_whole
from kerascnn.networks.codec import encode_row
from kerascnn.runtime import deep_graphs, gradients_of_graphs, need_tensorflow
from kerascnn.spec import expect, is_number
from kerascnn.tasks.heads import check_shares
from kerascnn.training.callbacks import TrainingProgress
from kerascnn.training.drawing import configuration, draw_inference, draw_trained
from kerascnn.training.epoch import run_epoch
from kerascnn.training.interruption import Saving, Terminated, Termination
from kerascnn.training.methods import objective_of
from kerascnn.training.precision import advice
from kerascnn.training.probe import probe
from kerascnn.training.recipe import Recipe
from kerascnn.training.resolve import MakeModel, Resolved, resolve
from kerascnn.training.resume import resume
from kerascnn.training.state import (
    FILES,
    WAYS_ON,
    Checkpoint,
    History,
    Place,
    digest_of,
    identity,
    is_finished,
    run_facts,
)
from kerascnn.training.step import Learner, check_inputs, taken
from kerascnn.training.strategy import open_strategy
from kerascnn.training.workers import Workers, no_log, reporting_lost_workers


@reporting_lost_workers()
@deep_graphs()
@gradients_of_graphs()
def train(
    recipe: Recipe | Resolved,
    data: Data,
    out: str | Path,
    *,
    strategy: tf.distribute.Strategy | None = None,
    precision: str = "float32",
    xla: bool = False,
    remat: bool = False,
    make_model: MakeModel | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    save_every: float = 600.0,
    extend: bool = False,
    overwrite: bool = False,
    log: Callable[[str], Any] = print,
) -> tuple[keras.Model, History]:
    """Train a network and leave ``model.keras`` with its card in ``out``.

    After every epoch, and now and then within one, the whole state goes into ``out/checkpoint.npz``; the one before is
    kept, and used with a warning when the last is damaged. A run that was killed is continued by the same call, and
    ends with the same weights to the bit as one that was not; on GPUs, whose sums have no fixed order, only under
    ``tf.config.experimental.enable_op_determinism()``. It may go on with other devices, or more or fewer; what it
    learns is then the same but for rounding. A process that is asked to end by SIGTERM, as on a machine that is
    preempted, saves after the step that it makes and ends with status 143. Python's, NumPy's and TensorFlow's global
    random generators are seeded.

    What is finished keeps its last state as ``out/state.npz``. The same call with more epochs goes on from there, or
    from a checkpoint, and comes to what a training of so many epochs from the start comes to, to the bit, where the
    learning rate does not depend on the length: ``Constant``, ``Exponential``, ``Plateau``, and ``StepDecay`` with
    milestones of its own. Elsewhere it is refused, and told how the rate would have been another; ``extend`` allows it.

    Several devices learn what one learns, but for the rounding of their sums: batch normalisation sees the whole batch,
    and what is dropped or mixed follows from an image's place in it, so that a run may go on where there are more or
    fewer of them. A layer of your own that draws random numbers draws others on every device, or with
    ``draws_for_batch = True`` the same on all.

    Several workers all make this call. The first of them, the chief, writes and logs; the others read its checkpoint
    in ``out``, which is a folder that all of them share.

    Parameters
    ----------
    recipe
        How to train; what it leaves open is resolved first. ``recipe.data`` is not opened; ``data`` is used.
    data
        Training images, and validation images to evaluate on after each epoch; test images are not touched.
    out
        Folder for the results; made if missing, and shared by all workers.
    strategy
        Devices, from ``open_strategy``, which should be opened before ``data``. None: ``open_strategy("auto")``.
    precision
        In which layers compute: "float32", "bfloat16", or "float16" with dynamic loss scaling. Weights, logits and
        loss are float32, and so is all of the network that is left.
    xla
        Whether steps are compiled. On one device only; the numbers are the same but for dropout, which draws others.
    remat
        Hold fewer features and compute them again for their gradients: less memory, or a larger batch in as much, for
        about a quarter more time. The numbers are the same; on several devices, but for rounding.
    make_model
        Makes a network of your own from an input shape (H, W, C) and a number of classes. None: the recipe's,
        from its row. A network that ends in a softmax is trained on what enters it; any other puts out logits, and
        what is seen to put out shares of one is refused. Auxiliary heads and the head are a dictionary of outputs,
        with the head as "head". Less precision than float32, or images of several sizes, call this twice; in the
        latter case once with (None, None, C).
    callbacks
        Keras callbacks, whose ``params`` are ``epochs``, the ``steps`` of one, and ``verbose``, 0. Epochs bring the
        logs ``loss``, ``val_loss``, ``lr``, ``seconds`` and the task's metrics, such as ``top1`` and ``val_top1``;
        batches bring none. ``loss`` is what the steps minimise, with smoothed labels and weights of classes, if any;
        ``val_loss`` is the cross-entropy that an evaluation reports, without them. ``stop_training`` is heeded after an
        epoch. The learning rate is the recipe's, whatever a callback sets, and so is what is frozen: ``trainable`` of a
        layer is not to be changed by a callback, because steps that are traced already do not see it; ``finetune``
        freezes. What a callback remembers is not part of the saved state. Each of several workers calls its own, so one
        that writes files belongs to the chief's alone; a stop that one asks for is heeded by all.
    save_every
        Seconds after which the state is saved within an epoch, by a thread, while the training goes on.
    extend
        Allow to go on from a training of another length although this one would have come there another way.
    overwrite
        Allow to replace a finished run, or the checkpoint of another run, in ``out``.
    log
        Takes one line per epoch, at the chief.

    Returns
    -------
    model
        The trained network, without auxiliary heads.
    history
        One record per epoch, with what callbacks get.

    Raises
    ------
    BlockingIOError
        When another process trains into ``out``.
    FileExistsError
        When ``out`` holds a finished run.
    FloatingPointError
        When the loss is not finite any more. The last good checkpoint is kept.
    OSError
        When ``out`` cannot be written to.
    RuntimeError
        When another worker is gone.
    Terminated
        When this process, or that of another worker, was asked to end; a ``SystemExit``.
    ValueError
        When the recipe cannot be resolved, ``out`` holds the checkpoint of another run, one that is damaged, or one of
        a network that is made otherwise, or a training of another length that came there another way; files of the data
        are written again or gone meanwhile, the network ends in a softmax that cannot be parted off or has not the
        heads, the dropout or the sizes that the recipe asks for, or with ``remat`` a layer that adds to the loss, the
        teacher knows other classes, there are fewer
        images than devices, several devices for compiled steps, or workers differ in what they train.
    """
    need_tensorflow("Training")
    expect(is_number(save_every) and save_every > 0, "save_every", save_every, "a number of seconds above 0")
    out = Path(out)
    model_file = out / "model.keras"
    if model_file.exists() and not overwrite and not any((out / name).exists() for name in FILES):
        raise FileExistsError(f"{model_file} is a finished training. {WAYS_ON}")
    need_writable(out)
    devices = strategy or open_strategy("auto")
    resolved = recipe if isinstance(recipe, Resolved) else resolve(recipe, data, make_model)
    check_devices(resolved, data, xla, devices.num_replicas_in_sync)
    facts = run_facts(resolved, data, precision=precision, xla=xla)
    workers = Workers(devices)
    log = log if workers.chief else no_log
    with locked(out) if workers.chief else nullcontext():
        if not overwrite and is_finished(model_file, facts):
            raise FileExistsError(f"{model_file} is a finished training. {WAYS_ON}")
        workers.agree("images", facts["data"])
        workers.agree("recipe", facts)
        if workers.chief:
            clear_drafts(out)
        keras.utils.set_random_seed(resolved.recipe.seed)
        with workers.strategy.scope():
            model = draw_trained(resolved, precision)
            made = {"network": configuration(model)}
            workers.agree("network", made)
            learner = Learner(
                model, resolved, workers, objective_of(resolved), precision=precision, xla=xla, remat=remat
            )
            checkpoint = Checkpoint(out, learner.variables, identity(facts | made, learner.variables))
            place = resume(checkpoint, resolved, model, model_file, overwrite=overwrite, extend=extend, log=log)
        if not resolved.row or len(learner.trained.inputs) > 1:
            seen = replace(resolved.preprocess, size=resolved.stage(0).size)
            some = batches(data.train, seen, 8, encode=resolved.task.encode)
            kinds: Any = some.element_spec
            check_inputs(learner.trained, kinds[1])
            if not resolved.row:  # the layers of a network of one's own may be any
                check_shares(learner.trained, lambda: taken(learner.trained, *next(iter(some))))
        workers.agree("checkpoint", f"that after {place} in {out.absolute()}")
        finetune = resolved.recipe.finetune
        if finetune and finetune.probe and not place.begun:
            probe(learner, data, finetune.probe, log)
        plain = draw_inference(resolved, model, precision)  # now: what cannot be drawn is to be known before training
        with Termination() as termination, closing(checkpoint):
            saving = Saving(learner, checkpoint, termination, save_every, log)
            history = run(learner, data, place, saving, callbacks, log)
            if plain is not model:
                for variable, value in zip(plain.variables, model.variables, strict=True):
                    variable.assign(value)
            model = resolved.task.inference_model(plain)
            if workers.chief:
                name = resolved.name if model is plain else model.name
                card(resolved, data, history, facts, name).write(model_file)
                with written_whole(model_file) as draft:  # after its card: whoever finds the model finds the card
                    model.save(draft)
                checkpoint.finish()
            workers.barrier()
    if termination.asked:
        log(message := f"asked to end (SIGTERM), when the training had: {model_file} is written")
        raise Terminated(message)
    return model, history


def run(
    learner: Learner,
    data: Data,
    place: Place,
    saving: Saving,
    callbacks: Sequence[keras.callbacks.Callback],
    log: Callable[[str], Any],
) -> History:
    """Train from a place to the end, or until a callback stops it; the network then has its averages."""
    resolved, model, workers = learner.resolved, learner.model, learner.workers
    params: Any = {"verbose": 0, "epochs": resolved.epochs, "steps": resolved.steps}  # what fit tells them
    hooks, progress = keras.callbacks.CallbackList(callbacks, model=model, **params), TrainingProgress()
    progress.set_model(model)
    progress.set_params(params)
    with compiled(model, learner.optimizer):
        hooks.on_train_begin()
        while len(place.history) < resolved.epochs:
            epoch = len(place.history)
            if not place.step:
                progress.on_epoch_begin(epoch)
            hooks.on_epoch_begin(epoch)
            record = run_epoch(learner, data, place, saving, hooks, log)
            if not epoch and learner.precision == "float32" and workers.chief:
                left = record["seconds"] * (resolved.epochs - 1)
                if line := advice(model, resolved.batch // learner.strategy.num_replicas_in_sync, left):
                    log(line)
            check_unchanged(data, workers)
            place = Place([*place.history, record])
            saving.after_epoch(place)
            with learner.averaged():
                hooks.on_epoch_end(epoch, dict(record))
            # Asked after the chief has saved, so nobody is ahead of it.
            if any(workers.gathered(bool(model.stop_training))):
                break
            if len(place.history) < resolved.epochs and any(workers.gathered(saving.termination.asked)):
                saving.end(place)
        learner.swap_averages()
        hooks.on_train_end()
    return place.history


def check_devices(resolved: Resolved, data: Data, xla: bool, replicas: int) -> None:
    """Refuse what several devices cannot do: compute an empty batch, or compile a step, whose variables XLA misses."""
    recipe = resolved.recipe
    if min(resolved.batch // recipe.accumulate, len(data.validation)) < replicas:
        parts = f" in {recipe.accumulate} parts" if recipe.accumulate > 1 else ""
        raise ValueError(
            f"A batch of {recipe.batch}{parts}, {len(data.train)} images to train on and {len(data.validation)} to "
            f"validate on are not all enough for {replicas} devices; every device needs an image. Use fewer devices."
        )
    if xla and replicas > 1:
        raise ValueError(
            f"xla compiles the steps of one device, and there are {replicas}. Leave xla out, or train on one device "
            "(--strategy one)."
        )


def card(resolved: Resolved, data: Data, history: History, run: dict[str, Any], model: str) -> Card:
    """What is known about the trained model."""
    parts = {name: len(split or ()) for name, split in vars(data).items() if name in ("train", "validation", "test")}
    drawn = {"validation_fraction": data.validation_fraction, "seed": data.seed}
    facts = {
        "recipe": as_json(resolved.recipe),
        "run": digest_of(run),
        "seed": resolved.recipe.seed,
        "data": {"source": resolved.recipe.data, "fingerprint": data.fingerprint, **parts, **drawn},
        "versions": {"python": platform.python_version()}
        | {module.__name__: module.__version__ for module in (sys.modules["kerascnn"], tf, keras, np)},
        "history": history,
        "seconds": sum(record["seconds"] for record in history),
    }
    own = resolved.row is not None and type(resolved.row).__module__.startswith("kerascnn.")
    return Card(
        model=model,
        network=encode_row(resolved.row) if resolved.row and own else None,
        task=resolved.task.name,
        labels=data.labels,
        preprocess=resolved.preprocess,
        facts=facts,
    )


def check_unchanged(data: Data, workers: Workers) -> None:
    """Stop, on all workers alike, when the data is not what was opened, before its state is saved as if it were."""
    error = None
    try:
        refuse_changed(data.train, data.validation)
    except ValueError as found:
        error = found
    if any(workers.gathered(error is not None)):
        raise error or ValueError("Another worker has found that the data has changed since it was opened.")


@contextmanager
def compiled(model: keras.Model, optimizer: keras.optimizers.Optimizer) -> Iterator[None]:
    """Give a model what callbacks look for and only ``compile`` and ``fit`` set; saved, it is as bare as before."""
    model.stop_training, model.optimizer = False, optimizer
    try:
        yield
    finally:
        del model.stop_training, model.optimizer
