"""The training room: recipes, strategies, and a loop whose numbers are those of the textbook, resumed or not."""

import json
import math
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from kerascnn.card import Card
from kerascnn.data import Data, Split, open_data
from kerascnn.training import Recipe, load_recipe, open_strategy, override
from kerascnn.training.optimizers import OPTIMIZERS

RECIPE = Recipe(model="tiny", data="blobs", size=12, crop=1.0, epochs=3, batch=32, lr=0.05, weight_decay=5e-3)


def silent(text: str) -> None:
    """Takes a log and says nothing."""


def blobs(train: int = 71, test: int = 33) -> Data:
    """Noise in which the class's channel is brighter. 71 leaves a remainder of 7, 33 one of a single image."""
    rng = np.random.default_rng(0)

    def split(count: int) -> Split:
        targets = rng.integers(0, 3, count).astype(np.int32)
        images = rng.integers(0, 120, (count, 12, 12, 3)).astype(np.uint8)
        images[np.arange(count), :, :, targets] += 50
        return Split(images, {"label": targets})

    return Data(train=split(train), validation=split(test), labels=("a", "b", "c"), channels=3)


def tiny(shape, classes, *, normalise=True, dropout=0.0, head="head.softmax", regularizer=None):
    """Two convolutions and a classifier: all kinds of variables that a training can change."""
    from keras import Input, Model, layers

    x = inputs = Input(shape)
    for place, width in enumerate((8, 12), 1):
        x = layers.Conv2D(
            width, 3, 2, "same", use_bias=False, name=f"stage{place}.conv", kernel_regularizer=regularizer
        )(x)
        if normalise:
            x = layers.BatchNormalization(momentum=0.9, name=f"stage{place}.bn")(x)
        x = layers.ReLU(name=f"stage{place}.relu")(x)
    x = layers.GlobalAveragePooling2D(name="head.pool")(x)
    if dropout:
        x = layers.Dropout(dropout, name="head.dropout")(x)
    x = layers.Dense(classes, name="head.dense", kernel_regularizer=regularizer)(x)
    if head:
        x = layers.Activation("softmax", name=head)(x)
    return Model(inputs, x, name="tiny")


def trained(out, recipe=RECIPE, data=None, make_model=tiny, **how):
    """A short training of the tiny network."""
    from kerascnn.training.loop import train

    return train(recipe, data or blobs(), out, make_model=make_model, **{"log": silent, **how})


def weights(model) -> list[np.ndarray]:
    """Everything a model holds."""
    return [np.asarray(variable) for variable in model.variables]


def in_new_process(call: str, *arguments: object, file: str = __file__) -> subprocess.CompletedProcess:
    """Run a function of a file of tests in a process of its own."""
    here = Path(file)
    code = f"import sys; from {here.stem} import {call}; {call}(*sys.argv[1:])"
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=here.parent,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(here.parent.parent), str(here.parent)])},
        capture_output=True,
        text=True,
        timeout=300,
    )


# Recipes


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epochs": 0}, "epochs is 0; expected at least 1"),
        ({"epochs": 1.5}, "epochs is 1.5; expected a whole number"),
        ({"epochs": True}, "expected a whole number"),
        ({"batch": 0}, "batch is 0"),
        ({"lr": 0}, "lr is 0; expected above 0"),
        ({"lr": math.nan}, "lr is nan; expected a number"),
        ({"size": -1}, "size is -1"),
        ({"crop": 1.2}, "crop is 1.2"),
        ({"optimizer": "sdg"}, "no optimizer 'sdg'.*'sgd'"),
        ({"schedule": "cosin"}, "no schedule 'cosin'.*'cosine'"),
        ({"augment": "crop"}, "augment is 'crop'; expected a tuple of names"),
        ({"augment": ("flop",)}, "no augmentation 'flop'.*'flip'"),
        ({"mean": (0.5, 0.5)}, "expected one number"),
        ({"mean": (0.5,)}, "mean has 1 numbers and std 0"),
        ({"mean": (0.5,), "std": (0.0,)}, "std is"),
        ({"warmup_epochs": 4}, "longer than all 3 epochs"),
        ({"accumulate": 0}, "accumulate is 0; expected at least 1 part"),
        ({"accumulate": 3}, "batch of 32 cannot be cut into 3 equal parts"),
        ({"clip_norm": -1.0}, "clip_norm is -1.0"),
        ({"loss": "sigmod"}, "no loss 'sigmod'.*'sigmoid'"),
        ({"ema": 1.0}, "ema is 1.0; expected from 0, below 1"),
        ({"precision": "bfloat"}, "no precision 'bfloat'.*'bfloat16'"),
        ({"lr_batch": -256}, "lr_batch is -256; expected a number of images"),
        ({"schedule": "exponential", "decay_rate": 1.0}, "decay_rate is 1.0; expected between 0 and 1"),
        ({"schedule": "exponential", "decay_epochs": 0}, "decay_epochs is 0"),
        ({"schedule": "step", "milestones": (2, 1)}, "milestones is .*expected rising epochs"),
        ({"schedule": "plateau", "patience": 0}, "patience is 0; expected at least 1"),
        ({"schedule": "polynomial", "power": 0}, "power is 0"),
        ({"milestones": (1.0,)}, "milestones is .*the schedule 'cosine' does not use it; only step would"),
        ({"epsilon": 1e-3}, "the optimizer 'sgd' does not use it; only rmsprop, adamw, lamb would"),
        ({"optimizer": "rmsprop", "epsilon": -1}, "epsilon is -1"),
        ({"momentum": 1.0}, "momentum is 1.0"),
        ({"weight_decay": -1e-4}, "weight_decay is"),
        ({"label_smoothing": 1}, "label_smoothing is 1"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_recipe_refuses(change, message):
    with pytest.raises(ValueError, match=message):
        replace(RECIPE, **change)


def test_recipe_derives_its_preprocessing():
    assert RECIPE.preprocess(3).mean == (0.485, 0.456, 0.406) and RECIPE.preprocess(3).size == 12
    assert RECIPE.preprocess(1).mean == (0.449,) and RECIPE.preprocess(1).crop == 1.0
    grey = replace(RECIPE, mean=(0.3,), std=(0.2,))
    assert grey.preprocess(3) == grey.preprocess(1) and grey.preprocess(3).channels == 1


def test_override_reads_by_type():
    settings = ["lr=0.2", "augment=crop, flip", "epochs=7", "optimizer=adamw", "mean=0.5", "std=.25", "export="]
    changed = override(RECIPE, settings)
    expected = dict(lr=0.2, augment=("crop", "flip"), epochs=7, optimizer="adamw", mean=(0.5,), std=(0.25,), export=())
    assert asdict(changed) == {**asdict(RECIPE), **expected}
    assert override(RECIPE, []) == RECIPE


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("epoch=3", "no field 'epoch'.*'epochs'"),
        ("zzz=3", "no field 'zzz'.*Fields are model"),
        ("epochs", "expected field=value"),
        ("epochs=many", "epochs is 'many'; expected a whole number"),
        ("epochs=2.5", "expected a whole number"),
        ("lr=fast", "lr is 'fast'; expected a number"),
        ("mean=a,b,c", "mean is 'a,b,c'; expected a tuple of numbers"),
        ("lr=-1", "lr is -1.0; expected above 0"),
    ],
)
def test_override_refuses(setting, message):
    with pytest.raises(ValueError, match=message):
        override(RECIPE, [setting])


def test_recipe_files(tmp_path):
    def written(name, text):
        (tmp_path / name).write_text(text)
        return tmp_path / name

    head = "from kerascnn.training import Recipe\n"
    good = written("digits_tiny.py", f"{head}RECIPE = {RECIPE!r}\n")
    assert load_recipe(good) == RECIPE
    with pytest.raises(FileNotFoundError, match=r"digits_tinny\.py.*'digits_tiny\.py'"):
        load_recipe(tmp_path / "digits_tinny.py")
    with pytest.raises(ValueError, match=r"none\.py has no RECIPE\. Expected"):
        load_recipe(written("none.py", head))
    with pytest.raises(ValueError, match=r"dict\.py has no RECIPE\. Expected"):
        load_recipe(written("dict.py", "RECIPE = {'lr': 1}\n"))
    two = written("two.py", f"{head}RECIPE = {RECIPE!r}\nLONGER = {replace(RECIPE, epochs=9)!r}\n")
    assert load_recipe(two) == RECIPE and load_recipe(f"{two}:LONGER").epochs == 9
    with pytest.raises(ValueError, match=r"two\.py has no LONGR\. .*'LONGER'"):
        load_recipe(f"{two}:LONGR")
    with pytest.raises(ValueError, match=r"broken\.py does not run: .*epochs is 0"):
        load_recipe(written("broken.py", f"{head}RECIPE = {RECIPE!r}\n".replace("epochs=3", "epochs=0")))
    with pytest.raises(ValueError, match=r"syntax\.py does not run"):
        load_recipe(written("syntax.py", "RECIPE = (\n"))


def test_recipes_need_no_tensorflow():
    """Reading a recipe and finding its mistakes takes no seconds of imports."""
    code = "import sys, kerascnn.training, kerascnn.data; assert not {'tensorflow', 'keras'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parent.parent, check=True)


# Strategies


def test_strategies():
    import tensorflow as tf

    assert open_strategy("one").num_replicas_in_sync == 1
    assert open_strategy("auto").num_replicas_in_sync >= 1
    with pytest.raises(ValueError, match=r"no strategy 'miror'.*'mirrored'"):
        open_strategy("miror")
    with pytest.raises(ValueError, match="takes nothing after a colon"):
        open_strategy("one:3")
    with pytest.raises(ValueError, match="expected a number"):
        open_strategy("mirrored:two")
    tf.zeros(1) + 1  # the runtime has started
    if tf.config.list_physical_devices("GPU"):
        with pytest.raises(ValueError, match="this machine has"):
            open_strategy("mirrored:99")
    else:
        with pytest.raises(RuntimeError, match="Open the strategy 'mirrored:3' first"):
            open_strategy("mirrored:3")


# The loop


def test_training_learns_and_leaves_a_model_with_its_card(tmp_path):
    import keras

    from kerascnn.data.pipeline import batches

    data, lines = blobs(), []
    model, history = trained(tmp_path, replace(RECIPE, epochs=4, augment=("crop", "flip")), log=lines.append)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.keras", "model.keras.json"]
    assert len(history) == len(lines) == 4 and "epoch 4/4" in lines[-1]
    assert history[-1]["loss"] < history[0]["loss"] / 2 and history[-1]["val_top1"] > 0.9

    card = Card.read(tmp_path / "model.keras")
    assert card.labels == ("a", "b", "c") and card.model == "tiny" and card.preprocess == RECIPE.preprocess(3)
    assert card.facts["recipe"]["augment"] == ["crop", "flip"] and card.facts["history"] == history
    assert card.facts["data"] == data.fingerprint and set(card.facts["versions"]) >= {"kerascnn", "python", "keras"}

    loaded = keras.models.load_model(tmp_path / "model.keras")
    images, targets = next(iter(batches(data.validation, card.preprocess, 100)))
    probabilities = np.asarray(loaded(images))
    assert np.array_equal(probabilities, model(images)) and np.allclose(probabilities.sum(-1), 1, atol=1e-6)
    assert history[-1]["val_top1"] == pytest.approx(np.mean(probabilities.argmax(-1) == targets["label"]))
    assert history[-1]["val_loss"] == pytest.approx(
        -np.log(probabilities[np.arange(33), targets["label"]]).mean(), rel=1e-4
    )


def test_photos_from_files_are_trained_on(tmp_path):
    from PIL import Image

    rng = np.random.default_rng(0)
    for channel, label in enumerate(("red", "green", "blue")):
        (tmp_path / "photos" / label).mkdir(parents=True)
        for i in range(8):
            pixels = rng.integers(0, 90, (*rng.integers(16, 40, 2), 3)).astype(np.uint8)
            pixels[..., channel] += 120
            suffix = ("png", "jpg")[i % 2]
            Image.fromarray(pixels).save(tmp_path / "photos" / label / f"{i}.{suffix}")
    data = open_data(tmp_path / "photos")
    recipe = replace(RECIPE, batch=8, epochs=5, augment=("crop", "flip"), warmup_epochs=1)
    model, history = trained(tmp_path / "out", recipe, data)
    assert model.input_shape == (None, 12, 12, 3) and history[-1]["val_top1"] == 1.0
    grey = replace(recipe, mean=(0.4,), std=(0.2,), epochs=1)
    model, _ = trained(tmp_path / "grey", grey, data)
    assert model.input_shape == (None, 12, 12, 1)


def fitted(recipe: Recipe, data: Data, optimizer, regularizer=None):
    """What Keras' own fit makes of the same start, the same batches and constant rates."""
    import keras

    from kerascnn.data.pipeline import batches

    keras.utils.set_random_seed(recipe.seed)
    model = tiny((12, 12, 3), 3, regularizer=regularizer)
    model.compile(optimizer, keras.losses.CategoricalCrossentropy(label_smoothing=recipe.label_smoothing))
    for epoch in range(recipe.epochs):
        dataset = batches(
            data.train, recipe.preprocess(3), recipe.batch, seed=recipe.seed, epoch=epoch, shuffle=True
        ).map(lambda images, targets: (images, keras.ops.one_hot(targets["label"], 3)))
        model.fit(dataset, epochs=1, verbose=0, shuffle=False)
    return model


def apart(one, other) -> float:
    """The greatest difference between two models' variables."""
    return max(np.abs(np.asarray(a) - np.asarray(b)).max() for a, b in zip(one.weights, other.weights, strict=True))


def test_sgd_with_weight_decay_is_momentum_over_loss_and_l2(tmp_path):
    """As Keras fits a network whose kernels carry L2(decay / 2): through the momentum, and on kernels only."""
    import keras

    decay = 0.05
    recipe = replace(RECIPE, schedule="constant", weight_decay=decay, label_smoothing=0.1, epochs=2)
    data = blobs(2 * recipe.batch)
    ours, _ = trained(tmp_path / "ours", recipe, data)
    sgd = keras.optimizers.SGD(recipe.lr, momentum=0.9, nesterov=True)
    theirs = fitted(recipe, data, sgd, keras.regularizers.L2(decay / 2))
    assert apart(ours, theirs) < 1e-6
    weak = fitted(recipe, data, keras.optimizers.SGD(recipe.lr, momentum=0.9, nesterov=True, weight_decay=decay))
    assert apart(ours, weak) > 1e-3  # what Keras calls weight decay is another thing

    def regularised(shape, classes):
        return tiny(shape, classes, regularizer=keras.regularizers.L2(decay / 2))

    own, _ = trained(tmp_path / "own", replace(recipe, weight_decay=0.0), data, regularised)
    assert apart(ours, own) < 1e-6  # a network's own regularisers count


def test_adamw_takes_decay_off_kernels_alone(tmp_path):
    """After one step, decay has moved every kernel by rate * decay * kernel, and nothing else."""
    recipe = replace(RECIPE, optimizer="adamw", schedule="constant", lr=0.01, batch=71, epochs=1)
    with_decay, _ = trained(tmp_path / "with", replace(recipe, weight_decay=0.3))
    without, _ = trained(tmp_path / "without", replace(recipe, weight_decay=0.0))
    import keras

    keras.utils.set_random_seed(recipe.seed)
    start = tiny((12, 12, 3), 3)
    for a, b, w in zip(with_decay.weights, without.weights, start.weights, strict=True):
        expected = 0.01 * 0.3 * np.asarray(w) if w.name == "kernel" else 0
        assert np.allclose(np.asarray(b) - np.asarray(a), expected, atol=1e-7)


def test_logits_are_found():
    import keras

    from kerascnn.tasks.classification.heads import up_to_logits

    images = np.random.default_rng(0).random((4, 12, 12, 3), np.float32)
    model = tiny((12, 12, 3), 3)
    logits = up_to_logits(model)
    assert np.allclose(keras.ops.softmax(logits(images)["scores"]), model(images), atol=1e-6)
    assert [id(v) for v in logits.trainable_variables] == [id(v) for v in model.trainable_variables]
    bare = tiny((12, 12, 3), 3, head="")
    assert np.array_equal(up_to_logits(bare)(images)["scores"], bare(images))
    inside = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, "softmax", name="out")])
    with pytest.raises(ValueError, match="inside its last layer, 'out'"):
        up_to_logits(inside)


def test_network_that_puts_out_logits_is_trained_alike(tmp_path):
    short = replace(RECIPE, epochs=1)
    softmax, _ = trained(tmp_path / "softmax", short)
    logits, _ = trained(tmp_path / "logits", short, make_model=lambda shape, classes: tiny(shape, classes, head=""))
    assert apart(softmax, logits) == 0


def test_callbacks_are_called_and_may_stop(tmp_path):
    import keras

    seen = []

    class Watcher(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen.append(batch)

        def on_epoch_end(self, epoch, logs=None):
            seen.append(sorted(logs))
            assert float(np.asarray(self.model.optimizer.learning_rate)) == pytest.approx(logs["lr"])
            self.model.stop_training = epoch == 1

    csv = keras.callbacks.CSVLogger(tmp_path / "log.csv")
    best = keras.callbacks.ModelCheckpoint(tmp_path / "best.keras", monitor="val_top1", save_best_only=True, mode="max")
    model, history = trained(tmp_path / "out", replace(RECIPE, epochs=5), callbacks=[Watcher(), csv, best])
    logs = ["loss", "lr", "seconds", "top1", "val_loss", "val_top1"]
    assert seen == [0, 1, logs] * 2 and len(history) == 2
    assert not hasattr(model, "optimizer")  # callbacks find one, as TensorBoard wants; files do not
    assert len((tmp_path / "log.csv").read_text().splitlines()) == 3 and (tmp_path / "best.keras").exists()
    assert apart(keras.models.load_model(tmp_path / "best.keras"), model) < math.inf
    assert (tmp_path / "out" / "model.keras").exists()


def test_rate_falls_on_a_plateau(tmp_path):
    """Held-out images are labelled wrong here, so that their loss grows."""
    data, recipe = blobs(), replace(RECIPE, schedule="plateau", decay_rate=0.5, patience=2, epochs=6)
    other = {"label": (data.validation.annotations["label"] + 1) % 3}
    data = replace(data, validation=replace(data.validation, annotations=other))
    _, history = trained(tmp_path, recipe, data)
    losses = [record["val_loss"] for record in history]
    assert [record["lr"] for record in history] == [recipe.rate(0, 2, losses[:epoch]) for epoch in range(6)]
    assert history[-1]["lr"] < RECIPE.lr


# Several devices


def several_devices(name: str, out: str) -> None:
    """In a process of its own: train on the devices of a strategy and save what came of it."""
    strategy = open_strategy(name)
    found = {}
    for optimizer in OPTIMIZERS:
        recipe = replace(RECIPE, optimizer=optimizer, augment=("crop", "flip"), epochs=2, batch=9)
        folder = Path(out) / optimizer
        model, history = trained(folder, recipe, strategy=strategy)
        found |= {f"{optimizer}.{i}": value for i, value in enumerate(weights(model))}
        found[f"{optimizer}.loss"] = [[record["loss"], record["val_loss"]] for record in history]
    found["replicas"] = strategy.num_replicas_in_sync
    np.savez(Path(out) / "found.npz", **found)


def test_two_devices_learn_what_one_learns(tmp_path):
    """Nine images on two devices come out right, and so do normalisation and both kinds of decay."""
    import keras

    several_devices("one", str(tmp_path / "one"))
    done = in_new_process("several_devices", "mirrored:2", tmp_path / "two")
    assert done.returncode == 0, done.stderr
    one, two = (np.load(tmp_path / name / "found.npz") for name in ("one", "two"))
    assert one["replicas"] == 1 and two["replicas"] == 2
    assert all(one[f"{name}.loss"][-1, 0] < one[f"{name}.loss"][0, 0] for name in OPTIMIZERS)
    for name in set(one.files) - {"replicas"}:
        assert np.allclose(one[name], two[name], atol=1e-5 if name.startswith("sgd") else 1e-4), name
    saved = keras.models.load_model(tmp_path / "two" / "sgd" / "model.keras")
    assert saved.get_layer("stage1.bn").synchronized is False


def test_every_device_needs_an_image(tmp_path):
    class Four:
        num_replicas_in_sync = 4

    with pytest.raises(ValueError, match="enough for 4 devices"):
        trained(tmp_path, replace(RECIPE, batch=2), strategy=Four())


@pytest.mark.parametrize(
    ("images", "batch", "replicas"), [(33, 32, 2), (70, 32, 8), (64, 32, 8), (5, 32, 5), (9, 8, 8)]
)
def test_even_batches_leave_no_device_without(images, batch, replicas):
    from kerascnn.training.loop import even_batch

    size = even_batch(images, batch, replicas)
    assert size >= batch and (images % size == 0 or images % size >= replicas)
    assert size == batch or 0 < images % batch < replicas


# What is kept, and continued

LONG = replace(RECIPE, epochs=4, augment=("crop", "flip"), warmup_epochs=0.5)


def dropping(shape, classes):
    """A network whose random generator is part of its state."""
    return tiny(shape, classes, dropout=0.3)


WAYS = {
    "plain": {},
    "averaged": {"ema": 0.9, "accumulate": 2, "optimizer": "rmsprop"},
    "half": {"precision": "float16"},
}


def killed(out: str, way: str) -> None:
    """In a process of its own: train until the second step of the third epoch, and be killed there."""
    import keras

    class Kill(keras.callbacks.Callback):
        epoch = 0

        def on_epoch_begin(self, epoch, logs=None):
            self.epoch = epoch

        def on_train_batch_end(self, batch, logs=None):
            if (self.epoch, batch) == (2, 1):
                os.kill(os.getpid(), signal.SIGKILL)

    trained(out, replace(LONG, **WAYS[way]), make_model=dropping, callbacks=[Kill()])


@pytest.mark.parametrize("way", WAYS)
def test_killed_training_ends_as_if_it_had_not_been(tmp_path, way):
    recipe = replace(LONG, **WAYS[way])
    done = in_new_process("killed", tmp_path / "killed", way)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert [path.name for path in (tmp_path / "killed").iterdir()] == ["checkpoint.npz"]
    (tmp_path / "killed" / ".writing-half").mkdir()  # what a kill while writing leaves

    lines = []
    resumed, history = trained(tmp_path / "killed", recipe, make_model=dropping, log=lines.append)
    straight, expected = trained(tmp_path / "straight", recipe, make_model=dropping)
    assert "continuing after epoch 2 of 4" in lines[0] and len(lines) == 3
    assert all(np.array_equal(a, b) for a, b in zip(weights(resumed), weights(straight), strict=True))
    assert [{**record, "seconds": 0} for record in history] == [{**record, "seconds": 0} for record in expected]
    assert sorted(path.name for path in (tmp_path / "killed").iterdir()) == ["model.keras", "model.keras.json"]


SHORT = replace(LONG, epochs=2)


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """What a training leaves that was broken off in its second epoch."""
    import keras

    class Stop(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                raise KeyboardInterrupt

    out = tmp_path_factory.mktemp("stopped")
    with pytest.raises(KeyboardInterrupt):
        trained(out, SHORT, callbacks=[Stop()])
    return out


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"recipe": replace(SHORT, lr=0.07)}, "lr is 0.05 there and 0.07 here"),
        ({"recipe": replace(SHORT, seed=1, batch=8)}, "batch is 32 there and 8 here; seed is 0 there and 1 here"),
        ({"recipe": replace(SHORT, optimizer="adamw")}, "optimizer is 'sgd' there and 'adamw' here"),
        ({"data": blobs(70)}, "data is .* there and .* here"),
        ({"make_model": dropping}, "state is '.* variables, .*' there and '.* variables, .*' here"),
    ],
)
def test_checkpoint_of_another_run_is_refused(stopped, change, message):
    before = (stopped / "checkpoint.npz").read_bytes()
    with pytest.raises(ValueError, match=rf"was left by another run.*{message}.*--out.*--overwrite"):
        trained(stopped, **{"recipe": SHORT, **change})
    assert (stopped / "checkpoint.npz").read_bytes() == before


def test_checkpoint_of_another_run_is_replaced_on_demand(stopped, tmp_path):
    out = shutil.copytree(stopped, tmp_path / "out")
    _, history = trained(out, replace(SHORT, lr=0.07), overwrite=True)
    assert len(history) == 2 and history[-1]["lr"] != SHORT.lr


def test_what_comes_after_training_may_change(stopped, tmp_path):
    out = shutil.copytree(stopped, tmp_path / "out")
    lines = []
    trained(out, replace(SHORT, export=("tflite",), data="elsewhere/blobs"), log=lines.append)
    assert "continuing after epoch 1" in lines[0]


def test_file_that_is_no_checkpoint(tmp_path):
    (tmp_path / "checkpoint.npz").write_bytes(b"something else")
    with pytest.raises(ValueError, match=r"checkpoint\.npz is not a checkpoint.*--out"):
        trained(tmp_path)
    _, history = trained(tmp_path, replace(RECIPE, epochs=1), overwrite=True)
    assert len(history) == 1


def test_finished_training_is_not_replaced_silently(tmp_path):
    short = replace(RECIPE, epochs=1)
    first, _ = trained(tmp_path, short)
    before = (tmp_path / "model.keras").read_bytes()
    with pytest.raises(FileExistsError, match=r"model\.keras is a finished training.*--overwrite"):
        trained(tmp_path, replace(short, seed=1))
    assert (tmp_path / "model.keras").read_bytes() == before
    second, _ = trained(tmp_path, replace(short, seed=1), overwrite=True)
    assert apart(first, second) > 0
    assert Card.read(tmp_path / "model.keras").facts["seed"] == 1


def test_loss_that_is_not_finite_stops_and_keeps_the_last_good_state(tmp_path):
    import keras

    class Poison(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2:
                self.model.weights[0].assign(np.full(self.model.weights[0].shape, np.nan))

    with pytest.raises(FloatingPointError, match=r"not finite any more in epoch 3 of 4.*smaller lr"):
        trained(tmp_path, LONG, callbacks=[Poison()])
    with np.load(tmp_path / "checkpoint.npz") as file:
        assert len(json.loads(str(file["record"]))["history"]) == 2
        assert all(np.isfinite(file[name]).all() for name in file.files if name != "record")


def test_same_seed_same_weights_and_another_another(tmp_path):
    short = replace(RECIPE, epochs=1)
    first, _ = trained(tmp_path / "first", short, make_model=dropping)
    again, _ = trained(tmp_path / "again", short, make_model=dropping)
    other, _ = trained(tmp_path / "other", replace(short, seed=1), make_model=dropping)
    assert apart(first, again) == 0 and apart(first, other) > 1e-3
