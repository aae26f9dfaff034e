"""The training room: recipes, strategies, and a loop whose numbers are those of the textbook, resumed or not."""

import gc
import json
import math
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from kerascnn.card import Card
from kerascnn.data import Data, Split, open_data
from kerascnn.spec import Preprocess
from kerascnn.training import (
    LAMB,
    LARS,
    SGD,
    AdamW,
    BinaryCrossEntropy,
    Constant,
    CrossEntropy,
    Epochs,
    Exponential,
    Input,
    Model,
    Plateau,
    Polynomial,
    Recipe,
    RMSProp,
    StepDecay,
    Steps,
    load_recipe,
    open_strategy,
    override,
)
from kerascnn.training.resolve import resolve

RECIPE = Recipe(
    model=Model("tiny"),
    length=Epochs(3),
    data="blobs",
    batch=32,
    input=Input(size=12, crop=1.0),
    optimizer=SGD(lr=0.05, weight_decay=0.005, nesterov=True),
)

LEFT = ["model.keras", "model.keras.json", "state.npz"]  # what a training leaves


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


def preprocessed(recipe=RECIPE, channels=3) -> Preprocess:
    """What images of the tiny network's data go through."""
    return resolve(recipe, replace(blobs(), channels=channels), tiny).preprocess


OPTIMIZERS = {
    "sgd": RECIPE.optimizer,
    "momentum": SGD(lr=0.05, weight_decay=5e-3),
    "rmsprop": RMSProp(lr=0.05, weight_decay=5e-3),
    "adamw": AdamW(lr=0.05, weight_decay=5e-3),
    "lars": LARS(lr=0.05, weight_decay=5e-3),
    "lamb": LAMB(lr=0.05, weight_decay=5e-3),
}


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
        ({"length.epochs": 0}, "epochs of Epochs must be a whole number at least 1; got 0"),
        ({"length.epochs": 1.5}, "epochs of Epochs must be a whole number"),
        ({"length.epochs": True}, "must be a whole number"),
        ({"length": None}, "length of Recipe must be one of Epochs, Steps; got None"),
        ({"batch": 0}, "batch of Recipe must be a whole number at least 1; got 0"),
        ({"optimizer.lr": 0}, "lr of SGD must be a number above 0; got 0"),
        ({"optimizer.lr": math.nan}, "lr of SGD must be a number"),
        ({"optimizer.per": -256}, "per of SGD must be a whole number at least 1 or None; got -256"),
        ({"optimizer.momentum": 1.0}, "momentum of SGD must be a number at least 0 below 1"),
        ({"optimizer.weight_decay": -1e-4}, "weight_decay of SGD"),
        ({"optimizer": "sgd"}, "optimizer of Recipe must be one of Optimizer; got 'sgd'"),
        ({"input.size": -1}, "size must be a whole number of pixels above 0; got -1"),
        ({"input.crop": 1.2}, "crop must be a"),
        ({"input.mean": (0.5,) * 2, "input.std": (0.5,) * 2}, "mean must be one number"),
        ({"input.mean": (0.5,)}, "set both, or none of the two"),
        ({"input.mean": (0.5,), "input.std": (0.0,)}, "std must be a number above 0"),
        ({"augment": "crop"}, "augment of Recipe must be a tuple of names"),
        ({"augment": ("flop",)}, "no augmentation 'flop'.*'flip'"),
        ({"schedule.warmup": 4}, "warmup is 4, longer than all 3 epochs"),
        ({"accumulate": 0}, "accumulate of Recipe must be a whole number at least 1"),
        ({"accumulate": 3}, "batch of 32 cannot be cut into 3 equal parts"),
        ({"clip_norm": -1.0}, "clip_norm of Recipe must be a number above 0 or None; got -1.0"),
        ({"ema": 1.0}, "ema of Recipe must be a number above 0 below 1 or None; got 1.0"),
        ({"seed": -1}, "seed of Recipe"),
        ({"optimzer.lr": 1}, "no field 'optimzer'. Did you mean 'optimizer'"),
        ({"lr": 1}, "no field 'lr'. Did you mean 'optimizer.lr'"),
        ({"finetune.frozen_epochs": 1}, "finetune is None and has no fields of its own"),
    ],
)
def test_recipe_refuses(change, message):
    with pytest.raises(ValueError, match=message):
        RECIPE.replace(change)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Exponential(by=1.0), "by of Exponential must be a number above 0 below 1; got 1.0"),
        (lambda: Exponential(every=0), "every of Exponential must be a number above 0"),
        (lambda: StepDecay(at=(2, 1)), "at of StepDecay must be a tuple of rising epochs"),
        (lambda: Plateau(patience=0), "patience of Plateau must be a whole number at least 1"),
        (lambda: Polynomial(power=0), "power of Polynomial must be a number above 0"),
        (lambda: RMSProp(lr=0.1, epsilon=-1), "epsilon of RMSProp must be a number above 0"),
        (lambda: CrossEntropy(label_smoothing=1), "label_smoothing must be from 0, below 1; got 1"),
        (lambda: CrossEntropy(auxiliary=-0.3), "auxiliary must be a weight of 0 or more; got -0.3"),
        (lambda: Steps(10, every=4), "10 steps cannot be divided into parts of 4"),
        (lambda: Steps(3, every=4), "steps of Steps must be a whole number at least 4; got 3"),
    ],
)
def test_records_refuse(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_recipe_derives_its_preprocessing():
    colour = blobs()
    grey = replace(colour, channels=1)
    how = resolve(RECIPE, colour, tiny).preprocess
    assert how.mean == (0.485, 0.456, 0.406) and how.size == 12 and how.crop == 1.0
    assert resolve(RECIPE, grey, tiny).preprocess.mean == (0.449,)
    own = RECIPE.replace({"input.mean": (0.3,), "input.std": (0.2,)})
    assert resolve(own, colour, tiny).preprocess == resolve(own, grey, tiny).preprocess
    assert resolve(own, colour, tiny).preprocess.channels == 1


def test_override_reads_by_type():
    settings = [
        "optimizer.lr=0.2",
        "augment=crop, flip",
        "length.epochs=7",
        "input.mean=0.5",
        "input.std=.25",
        "model.weights=imagenet",
        "model.fields.dropout=0.3",
        "schedule=StepDecay(at=(2, 4.5), warmup=1)",
        "schedule.by=0.2",
        "ema=0.9",
        "loss=BinaryCrossEntropy(label_smoothing=0.1)",
    ]
    assert override(RECIPE, settings) == RECIPE.replace(
        model=Model("tiny", weights="imagenet", fields={"dropout": 0.3}),
        input=Input(size=12, crop=1.0, mean=(0.5,), std=(0.25,)),
        augment=("crop", "flip"),
        length=Epochs(7),
        optimizer=SGD(lr=0.2, nesterov=True, weight_decay=5e-3),
        schedule=StepDecay(at=(2, 4.5), by=0.2, warmup=1),
        loss=BinaryCrossEntropy(label_smoothing=0.1),
        ema=0.9,
    )
    assert override(RECIPE, []) == RECIPE
    assert override(RECIPE.replace(ema=0.9), ["ema=none", "augment=", "optimizer.nesterov=False"]) == RECIPE.replace(
        {"optimizer.nesterov": False}
    )
    assert override(RECIPE, ["schedule=Constant", "optimizer=AdamW(lr=1e-3)"]).optimizer == AdamW(lr=1e-3)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("length.epoch=3", "no field 'length.epoch'.*'length.epochs'"),
        ("epochs=3", "no field 'epochs'.*'length.epochs'"),
        ("zzz=3", "no field 'zzz'.*Fields are model, model.name"),
        ("batch", "expected field=value"),
        ("batch=many", "batch of Recipe must be a whole number at least 1; got 'many'"),
        ("length.epochs=2.5", "must be a whole number"),
        ("optimizer.lr=fast", "lr of SGD must be a number above 0; got 'fast'"),
        ("input.mean=a,b,c", "mean must be|set both"),
        ("optimizer.lr=-1", "lr of SGD must be a number above 0; got -1"),
        ("optimizer=Adamw(lr=1)", "no record 'Adamw'. Did you mean 'AdamW'"),
        ("optimizer=AdamW", "AdamW cannot be made so: .*lr"),
        ("schedule=Cosine(warmpu=1)", "Cosine cannot be made so: .*warmpu"),
        ("stages=128,224", "stages must be a tuple of records"),
        ("optimizer.lr.x=1", "optimizer.lr is 0.05 and has no fields of its own"),
        ("optimizer=__import__('os').getcwd()", "optimizer of Recipe must be one of Optimizer"),
    ],
)
def test_override_refuses(setting, message):
    with pytest.raises(ValueError, match=message):
        override(RECIPE, [setting])


def test_recipe_files(tmp_path):
    def written(name, text):
        (tmp_path / name).write_text(text)
        return tmp_path / name

    head = "from kerascnn.training import *\n"
    good = written("digits_tiny.py", f"{head}RECIPE = {RECIPE!r}\n")
    assert load_recipe(good) == RECIPE
    with pytest.raises(FileNotFoundError, match=r"digits_tinny\.py.*'digits_tiny\.py'"):
        load_recipe(tmp_path / "digits_tinny.py")
    with pytest.raises(ValueError, match=r"none\.py has no RECIPE\. Expected"):
        load_recipe(written("none.py", head))
    with pytest.raises(ValueError, match=r"dict\.py has no RECIPE\. Expected"):
        load_recipe(written("dict.py", "RECIPE = {'lr': 1}\n"))
    two = written("two.py", f"{head}RECIPE = {RECIPE!r}\nLONGER = {RECIPE.replace(length=Epochs(9))!r}\n")
    assert load_recipe(two) == RECIPE and load_recipe(f"{two}:LONGER").length == Epochs(9)
    with pytest.raises(ValueError, match=r"two\.py has no LONGR\. .*'LONGER'"):
        load_recipe(f"{two}:LONGR")
    with pytest.raises(ValueError, match=r"broken\.py does not run: line 2: ValueError: .*epochs of Epochs"):
        load_recipe(written("broken.py", f"{head}RECIPE = {RECIPE!r}\n".replace("epochs=3", "epochs=0")))
    with pytest.raises(ValueError, match=r"syntax\.py does not run: SyntaxError: .*line 1"):
        load_recipe(written("syntax.py", "RECIPE = (\n"))
    with pytest.raises(ValueError, match=r"ends\.py does not run: line 3: SystemExit: 2"):
        load_recipe(written("ends.py", "import sys\n\nsys.exit(2)\n"))


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

    data, lines = replace(blobs(), validation_fraction=0.5, seed=3), []
    recipe = RECIPE.replace(length=Epochs(4), augment=("crop", "flip"))
    model, history = trained(tmp_path, recipe, data, log=lines.append)
    assert sorted(path.name for path in tmp_path.iterdir()) == LEFT
    assert len(history) == len(lines) == 4 and "epoch 4/4" in lines[-1]
    assert history[-1]["loss"] < history[0]["loss"] / 2 and history[-1]["val_top1"] > 0.9

    card = Card.read(tmp_path / "model.keras")
    assert card.labels == ("a", "b", "c") and card.model == "tiny" and card.preprocess == preprocessed()
    assert card.facts["recipe"]["augment"] == ["crop", "flip"] and card.facts["history"] == history
    assert card.facts["data"]["validation_fraction"] == 0.5 and card.facts["data"]["seed"] == 3
    assert card.facts["data"]["fingerprint"] == data.fingerprint and set(card.facts["versions"]) >= {
        "kerascnn",
        "python",
        "keras",
    }

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
    recipe = RECIPE.replace({"schedule.warmup": 1}, length=Epochs(5), batch=8, augment=("crop", "flip"))
    model, history = trained(tmp_path / "out", recipe, data)
    assert model.input_shape == (None, 12, 12, 3) and history[-1]["val_top1"] == 1.0
    grey = recipe.replace({"input.mean": (0.4,), "input.std": (0.2,)}, length=Epochs(1))
    model, _ = trained(tmp_path / "grey", grey, data)
    assert model.input_shape == (None, 12, 12, 1)


def fitted(recipe: Recipe, data: Data, optimizer, regularizer=None):
    """What Keras' own fit makes of the same start, the same batches and constant rates."""
    import keras

    from kerascnn.data.pipeline import batches

    keras.utils.set_random_seed(recipe.seed)
    model = tiny((12, 12, 3), 3, regularizer=regularizer)
    model.compile(
        optimizer,
        keras.losses.CategoricalCrossentropy(label_smoothing=recipe.loss.label_smoothing if recipe.loss else 0),
    )
    for epoch in range(recipe.length.epochs):
        dataset = batches(
            data.train, preprocessed(recipe), recipe.batch, seed=recipe.seed, epoch=epoch, shuffle=True
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
    recipe = RECIPE.replace(
        {"optimizer.weight_decay": decay}, schedule=Constant(), length=Epochs(2), loss=CrossEntropy(label_smoothing=0.1)
    )
    data = blobs(2 * recipe.batch)
    ours, _ = trained(tmp_path / "ours", recipe, data)
    sgd = keras.optimizers.SGD(recipe.optimizer.lr, momentum=0.9, nesterov=True)
    theirs = fitted(recipe, data, sgd, keras.regularizers.L2(decay / 2))
    assert apart(ours, theirs) < 1e-6
    weak = fitted(
        recipe, data, keras.optimizers.SGD(recipe.optimizer.lr, momentum=0.9, nesterov=True, weight_decay=decay)
    )
    assert apart(ours, weak) > 1e-3  # what Keras calls weight decay is another thing

    def regularised(shape, classes):
        return tiny(shape, classes, regularizer=keras.regularizers.L2(decay / 2))

    own, _ = trained(tmp_path / "own", recipe.replace({"optimizer.weight_decay": 0.0}), data, regularised)
    assert apart(ours, own) < 1e-6  # a network's own regularisers count


def test_adamw_takes_decay_off_kernels_alone(tmp_path):
    """After one step, decay has moved every kernel by rate * decay * kernel, and nothing else."""
    recipe = RECIPE.replace(
        optimizer=AdamW(lr=0.01, weight_decay=5e-3), schedule=Constant(), length=Epochs(1), batch=71
    )
    with_decay, _ = trained(tmp_path / "with", recipe.replace({"optimizer.weight_decay": 0.3}))
    without, _ = trained(tmp_path / "without", recipe.replace({"optimizer.weight_decay": 0.0}))
    import keras

    keras.utils.set_random_seed(recipe.seed)
    start = tiny((12, 12, 3), 3)
    for a, b, w in zip(with_decay.weights, without.weights, start.weights, strict=True):
        expected = 0.01 * 0.3 * np.asarray(w) if w.name == "kernel" else 0
        assert np.allclose(np.asarray(b) - np.asarray(a), expected, atol=1e-7)


def test_logits_are_found():
    import keras

    from kerascnn.tasks.heads import up_to_logits

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
    short = RECIPE.replace(length=Epochs(1))
    softmax, _ = trained(tmp_path / "softmax", short)
    logits, _ = trained(tmp_path / "logits", short, make_model=lambda shape, classes: tiny(shape, classes, head=""))
    assert apart(softmax, logits) == 0


def test_callbacks_are_called_and_may_stop(tmp_path):
    import keras

    seen = []

    class Watcher(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            assert self.params == {"verbose": 0, "epochs": 5, "steps": 2}  # as fit gives them

        def on_train_batch_end(self, batch, logs=None):
            seen.append(batch)

        def on_epoch_end(self, epoch, logs=None):
            seen.append(sorted(logs))
            assert float(np.asarray(self.model.optimizer.learning_rate)) == pytest.approx(logs["lr"])
            self.model.stop_training = epoch == 1

    csv = keras.callbacks.CSVLogger(tmp_path / "log.csv")
    best = keras.callbacks.ModelCheckpoint(tmp_path / "best.keras", monitor="val_top1", save_best_only=True, mode="max")
    model, history = trained(tmp_path / "out", RECIPE.replace(length=Epochs(5)), callbacks=[Watcher(), csv, best])
    logs = ["loss", "lr", "seconds", "top1", "val_loss", "val_top1"]
    assert seen == [0, 1, logs] * 2 and len(history) == 2
    assert not hasattr(model, "optimizer")  # callbacks find one, as TensorBoard wants; files do not
    assert len((tmp_path / "log.csv").read_text().splitlines()) == 3 and (tmp_path / "best.keras").exists()
    assert apart(keras.models.load_model(tmp_path / "best.keras"), model) < math.inf
    assert (tmp_path / "out" / "model.keras").exists()


def test_a_training_says_that_it_waits_for_images(tmp_path, monkeypatch):
    from kerascnn.training import epoch, progress

    distributed = epoch.distributed

    def slowly(*inputs):
        for batch in distributed(*inputs):
            time.sleep(0.3)
            yield batch

    monkeypatch.setattr(epoch, "distributed", slowly)
    monkeypatch.setattr(progress, "PATIENCE", 0.2)
    lines = []
    trained(tmp_path, RECIPE.replace(length=Epochs(2)), log=lines.append)
    assert len(lines) == 4 and lines[3].startswith("epoch 2/2  steps waited")


@pytest.mark.parametrize(("used", "said"), [((30, 5, 4, 4), "waited 35% of the time"), ((0, 6, 4, 5), "")])
def test_waiting_counts_from_the_second_batch_on(monkeypatch, used, said):
    from kerascnn.training import progress

    clock = [0.0]
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: clock[0]))

    def after(seconds):
        for second in seconds:
            clock[0] += second
            yield

    waits = progress.Waits(after([50, 3, 0, 4]))
    for seconds in used:
        next(waits)
        clock[0] += seconds
    advice = waits.advice("epoch 1/2", 224)
    assert said in advice and bool(said) == bool(advice) == ("short side 256 px" in advice)


def test_a_long_training_tries_whether_bfloat16_is_faster(tmp_path, monkeypatch):
    from kerascnn.training import precision

    monkeypatch.setattr(precision, "LONG", -1.0)
    monkeypatch.setattr(precision, "WORTH", float("inf"))  # whatever this machine finds
    for kind, told in {"float32": 1, "bfloat16": 0}.items():
        lines = []
        trained(tmp_path / kind, RECIPE.replace(length=Epochs(2)), log=lines.append, precision=kind)
        advice = [number for number, line in enumerate(lines) if "--precision bfloat16 may be faster" in line]
        assert len(advice) == told and (not told or "epoch 1/2" in lines[advice[0] - 1])


def test_bfloat16_is_worth_a_word_where_layers_take_less_time_in_it(monkeypatch):
    import keras

    from kerascnn.training import precision

    model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(2, 3), keras.layers.Activation("relu")])
    tried = []
    monkeypatch.setattr(
        precision, "seconds_of", lambda layer, shape: tried.append((layer.compute_dtype, shape)) or float(len(tried))
    )
    assert precision.bfloat16_share(model, 4) == 2 and tried == [(k, (4, 8, 8, 3)) for k in ("float32", "bfloat16")]
    assert precision.bfloat16_share(keras.Sequential([keras.Input((None, None, 3)), *model.layers]), 4) is None
    monkeypatch.setattr(precision, "LONG", 60.0)
    monkeypatch.setattr(precision, "WORTH", 2.0)
    tried.clear()
    said = precision.advice(model, 4, 61.0)
    assert said and "takes 2.00 of the time" in said and precision.advice(model, 4, 59.0) is None
    monkeypatch.setattr(precision, "WORTH", 1.9)
    tried.clear()
    assert precision.advice(model, 4, 61.0) is None


@pytest.mark.parametrize("remat", [False, True])
def test_training_again_and_again_leaves_nothing_behind(remat, tmp_path):
    """No gradient that TensorFlow registers, which holds its graph, and that the weights."""
    import keras
    import tensorflow as tf
    from tensorflow.python.framework import ops

    left = []
    for number in range(3):
        trained(tmp_path / f"{number}", RECIPE.replace(length=Epochs(1)), remat=remat)
        gc.collect()
        held = sum(issubclass(type(each), tf.Graph | keras.Variable | keras.Layer) for each in gc.get_objects())
        left.append((len(ops.gradient_registry.list()), held))
    assert left[1] == left[2]


def test_rate_falls_on_a_plateau(tmp_path):
    """Held-out images are labelled wrong here, so that their loss grows."""
    data, recipe = blobs(), RECIPE.replace(schedule=Plateau(by=0.5, patience=2), length=Epochs(6))
    other = {"label": (data.validation.annotations["label"] + 1) % 3}
    data = replace(data, validation=replace(data.validation, annotations=other))
    _, history = trained(tmp_path, recipe, data)
    losses = [record["val_loss"] for record in history]
    assert [record["lr"] for record in history] == [
        resolve(recipe, data, tiny).rate(0, losses[:epoch]) for epoch in range(6)
    ]
    assert history[-1]["lr"] < RECIPE.optimizer.lr


# Several devices


def several_devices(name: str, out: str) -> None:
    """In a process of its own: train on the devices of a strategy and save what came of it."""
    strategy = open_strategy(name)
    found = {}
    for optimizer, record in OPTIMIZERS.items():
        recipe = RECIPE.replace(optimizer=record, length=Epochs(2), augment=("crop", "flip"), batch=9)
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
        trained(tmp_path, RECIPE.replace(batch=2), strategy=Four())


@pytest.mark.parametrize(
    ("images", "batch", "replicas"), [(33, 32, 2), (70, 32, 8), (64, 32, 8), (5, 32, 5), (9, 8, 8)]
)
def test_even_batches_leave_no_device_without(images, batch, replicas):
    from kerascnn.training.epoch import even_batch

    size = even_batch(images, batch, replicas)
    assert size >= batch and (images % size == 0 or images % size >= replicas)
    assert size == batch or 0 < images % batch < replicas


# What is kept, and continued

LONG = RECIPE.replace({"schedule.warmup": 0.5}, length=Epochs(4), augment=("crop", "flip"))


def dropping(shape, classes):
    """A network whose random generator is part of its state."""
    return tiny(shape, classes, dropout=0.3)


WAYS = {
    "plain": ({}, "float32"),
    "averaged": ({"ema": 0.9, "accumulate": 2, "optimizer": OPTIMIZERS["rmsprop"]}, "float32"),
    "half": ({}, "float16"),
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

    change, precision = WAYS[way]
    trained(out, LONG.replace(change), make_model=dropping, precision=precision, callbacks=[Kill()])


@pytest.mark.parametrize("way", WAYS)
def test_killed_training_ends_as_if_it_had_not_been(tmp_path, way):
    change, precision = WAYS[way]
    recipe = LONG.replace(change)
    done = in_new_process("killed", tmp_path / "killed", way)
    assert done.returncode == -signal.SIGKILL, done.stderr
    left = {path.name for path in (tmp_path / "killed").iterdir()}
    assert left == {"checkpoint.npz", "checkpoint.previous.npz", ".lock"}
    (tmp_path / "killed" / ".writing-half").mkdir()  # what a kill while writing leaves

    lines = []
    how = {"make_model": dropping, "precision": precision}
    resumed, history = trained(tmp_path / "killed", recipe, log=lines.append, **how)
    straight, expected = trained(tmp_path / "straight", recipe, **how)
    assert "continuing after epoch 2 of 4" in lines[0] and len(lines) == 3
    assert all(np.array_equal(a, b) for a, b in zip(weights(resumed), weights(straight), strict=True))
    assert [{**record, "seconds": 0} for record in history] == [{**record, "seconds": 0} for record in expected]
    assert sorted(path.name for path in (tmp_path / "killed").iterdir()) == LEFT


SHORT = LONG.replace(length=Epochs(2))


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
        ({"recipe": SHORT.replace({"optimizer.lr": 0.07})}, "optimizer.lr is 0.05 there and 0.07 here"),
        ({"recipe": SHORT.replace(seed=1, batch=8)}, "batch is 32 there and 8 here; seed is 0 there and 1 here"),
        (
            {"recipe": SHORT.replace(optimizer=OPTIMIZERS["adamw"])},
            "optimizer.class is 'SGD' there and 'AdamW' here",
        ),
        ({"data": blobs(70)}, "data is .* there and .* here"),
        ({"precision": "bfloat16"}, "precision is 'float32' there and 'bfloat16' here"),
        (
            {"make_model": lambda shape, classes: tiny(shape, classes, head="")},
            "network is '10 layers, made as .*' there and '9 layers, made as .*' here",
        ),
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
    _, history = trained(out, SHORT.replace({"optimizer.lr": 0.07}), overwrite=True)
    assert len(history) == 2 and history[-1]["lr"] != SHORT.optimizer.lr


def test_what_comes_after_training_may_change(stopped, tmp_path):
    out = shutil.copytree(stopped, tmp_path / "out")
    lines = []
    trained(out, SHORT.replace(data="elsewhere/blobs"), log=lines.append)
    assert "continuing after epoch 1" in lines[0]


@pytest.mark.parametrize("what", ["written again", "gone", "gone before the end"])
def test_data_that_changes_while_it_is_learned_stops_the_training(tmp_path, what):
    """The state of the epoch before is kept, and nothing is learned under the name of the old data."""
    import keras
    from PIL import Image

    rng = np.random.default_rng(0)
    for place in range(24):
        file = tmp_path / "photos" / "abc"[place % 3] / f"{place}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 255, (12, 12, 3)).astype(np.uint8)).save(file)
    data = open_data(tmp_path / "photos")
    victim = Path(data.train.images[3])

    class Meddle(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1 and what == "written again":
                victim.write_bytes(Path(data.train.images[5]).read_bytes())
            elif epoch == 1 and what == "gone":
                victim.unlink()

        def on_train_batch_end(self, batch, logs=None):
            if what == "gone before the end" and history and batch == 1:
                victim.unlink()

        def on_epoch_end(self, epoch, logs=None):
            history.append(epoch)

    history = []
    with pytest.raises(ValueError, match=rf"(?s)1 images were written again, or are gone.*{victim}.*open the data"):
        trained(tmp_path / "out", RECIPE.replace(batch=8), data, callbacks=[Meddle()])
    with np.load(tmp_path / "out" / "checkpoint.npz") as file:
        assert len(json.loads(str(file["record"]))["history"]) == 1


def test_file_that_is_no_checkpoint(tmp_path):
    (tmp_path / "checkpoint.npz").write_bytes(b"something else")
    with pytest.raises(ValueError, match=r"checkpoint\.npz is not a checkpoint.*--out"):
        trained(tmp_path)
    _, history = trained(tmp_path, RECIPE.replace(length=Epochs(1)), overwrite=True)
    assert len(history) == 1


def test_finished_training_is_not_replaced_silently(tmp_path):
    short = RECIPE.replace(length=Epochs(1))
    first, _ = trained(tmp_path, short)
    before = (tmp_path / "model.keras").read_bytes()
    with pytest.raises(FileExistsError, match=r"model\.keras is a finished training.*--overwrite"):
        trained(tmp_path, short.replace(seed=1))
    assert (tmp_path / "model.keras").read_bytes() == before
    second, _ = trained(tmp_path, short.replace(seed=1), overwrite=True)
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
    short = RECIPE.replace(length=Epochs(1))
    first, _ = trained(tmp_path / "first", short, make_model=dropping)
    again, _ = trained(tmp_path / "again", short, make_model=dropping)
    other, _ = trained(tmp_path / "other", short.replace(seed=1), make_model=dropping)
    assert apart(first, again) == 0 and apart(first, other) > 1e-3


def test_a_network_that_is_in_no_table_is_trained_and_remembered(tmp_path):
    """A row that was changed trains, is continued, and is drawn again from its card."""
    import keras

    import kerascnn

    row = kerascnn.applications.ResNet18.replace(name="narrow", depths=(1, 1), width=4)
    recipe = RECIPE.replace({"input.size": 32}, model=Model(row), length=Epochs(2))

    class Stop(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path / "out", recipe, make_model=None, callbacks=[Stop()])
    other = recipe.replace(model=Model(row.replace(width=6)))
    with pytest.raises(ValueError, match=r"model.name.fields.width is 4 there and 6 here"):
        trained(tmp_path / "out", other, make_model=None)
    model, history = trained(tmp_path / "out", recipe, make_model=None)
    assert len(history) == 2 and model.name == "narrow"
    card = Card.read(tmp_path / "out" / "model.keras")
    assert card.model == "narrow" and card.row == row and card.task == "classification"
    drawn = card.row(weights=str(tmp_path / "out" / "model.keras"), input_shape=(32, 32, 3), classes=3)
    assert apart(model, drawn) == 0
