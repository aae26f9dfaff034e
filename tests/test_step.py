"""What a step does besides the optimizer: loss, clipping and accumulated gradients."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from references import import_torchvision
from test_conformance import TINY
from test_train import RECIPE, apart, blobs, in_new_process, preprocessed, tiny, trained, weights

from kerascnn.tasks.losses import BinaryCrossEntropy, CrossEntropy, of_activated
from kerascnn.training import Constant, Epochs, Steps, open_strategy
from kerascnn.training.precision import POLICIES, computing_in
from kerascnn.training.resolve import resolve


def bare(shape, classes):
    """A network whose gradient is the same however a batch is cut."""
    return tiny(shape, classes, normalise=False)


def chancy(shape, classes):
    """A network that drops features, maps, lines of them, branches, paths and columns."""
    from keras import Input, Model, layers, ops

    from kerascnn.layers import FractalJoin, GlobalDropPath

    x = inputs = Input(shape)
    x = layers.Conv2D(8, 3, 2, "same", name="stem")(x)
    x = layers.SpatialDropout2D(0.3, name="maps")(x)
    lines = layers.Dropout(0.2, noise_shape=(None, 1, 8), name="lines")(ops.reshape(x, (-1, 6, 8)))
    x = ops.reshape(lines, (-1, 6, 6, 8))
    branch = layers.Conv2D(8, 3, padding="same", activation="relu", name="branch")(x)
    x = layers.Add(name="add")([x, layers.Dropout(0.4, noise_shape=(None, 1, 1, 1), name="path")(branch)])
    columns = [layers.Conv2D(8, 1, name=f"column{i}")(x) for i in range(2)]
    x = FractalJoin(0.3, name="join")([GlobalDropPath(2, name="columns")(x), *columns])
    x = layers.GlobalAveragePooling2D(name="pool")(layers.Dropout(0.2, name="pixels")(x))
    return Model(inputs, layers.Dense(classes, name="dense")(layers.Dropout(0.5, name="features")(x)), name="chancy")


def scores():
    """Logits (7, 5), some of them extreme, and targets."""
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 3, (7, 5)).astype(np.float32)
    logits[0] = (80, -80, 0, 0, 0)
    return rng.integers(0, 5, 7), logits


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_losses_are_those_of_torch_and_timm(smoothing):
    import torch

    import_torchvision()
    import timm.loss

    targets, logits = scores()
    tensors = torch.tensor(logits), torch.tensor(targets)
    softmax = torch.nn.functional.cross_entropy(*tensors, label_smoothing=smoothing, reduction="none")
    np.testing.assert_allclose(
        CrossEntropy(label_smoothing=smoothing).of(logits, targets), softmax, rtol=1e-5, atol=1e-6
    )
    sigmoid = timm.loss.BinaryCrossEntropy(smoothing=smoothing, reduction="none")(*tensors).mean(-1)
    np.testing.assert_allclose(
        BinaryCrossEntropy(label_smoothing=smoothing).of(logits, targets), sigmoid, rtol=1e-5, atol=1e-6
    )


def test_losses_of_what_a_whole_model_puts_out():
    import tensorflow as tf

    targets, logits = scores()
    logits = logits / 8
    for activation, probabilities, loss in (
        ("linear", logits, CrossEntropy()),
        ("softmax", tf.nn.softmax(logits), CrossEntropy()),
        ("sigmoid", tf.nn.sigmoid(logits), BinaryCrossEntropy()),
    ):
        expected = loss.of(logits, targets)
        np.testing.assert_allclose(of_activated(activation, probabilities, targets), expected, rtol=1e-4, atol=1e-5)
        weights = tf.one_hot(targets, 5)
        np.testing.assert_allclose(of_activated(activation, probabilities, weights), expected, rtol=1e-4, atol=1e-5)


def test_a_network_that_does_not_fit_the_classes_is_refused_before_training(tmp_path):
    with pytest.raises(ValueError, match=r"tiny puts out \(None, 4\) as its scores; expected \(None, 3\)"):
        trained(tmp_path, make_model=lambda shape, classes: tiny(shape, 4))


def test_binary_cross_entropy_learns(tmp_path):
    _, history = trained(tmp_path, RECIPE.replace({"optimizer.lr": 0.2}, length=Epochs(6), loss=BinaryCrossEntropy()))
    assert history[0]["loss"] < 0.8 and history[-1]["loss"] < history[0]["loss"] / 1.5 and history[-1]["val_top1"] > 0.9


@pytest.mark.parametrize(
    "loss",
    [CrossEntropy(label_smoothing=0.3, class_weights={"a": 5.0}), BinaryCrossEntropy(label_smoothing=0.1)],
    ids=["smoothed and weighed", "binary"],
)
def test_the_validation_loss_is_the_one_that_an_evaluation_reports(tmp_path, loss):
    from kerascnn.workflows.common import evaluated

    recipe = RECIPE.replace(length=Epochs(1), loss=loss)
    model, history = trained(tmp_path, recipe)
    resolved = resolve(recipe, blobs(), tiny)
    measured = evaluated(
        lambda images: {"scores": np.asarray(model(images))}, blobs().validation, resolved.preprocess, resolved.task
    )
    assert history[-1]["val_loss"] == pytest.approx(measured.loss, rel=1e-4)


def test_a_rate_for_so_many_images_goes_with_those_that_an_update_has():
    recipe = RECIPE.replace({"optimizer.per": 256, "optimizer.lr": 0.1}, schedule=Constant())
    for batch, length, images in ((32, Epochs(3), 32), (1024, Epochs(3), 71), (1024, Steps(8, every=4), 1024)):
        found = resolve(recipe.replace(batch=batch, length=length), blobs(71), tiny)
        assert found.rate(0) == pytest.approx(0.1 * images / 256)


def one_step(out, **change):
    """What a step of plain descent takes off the weights, at a rate of one."""
    import keras

    recipe = RECIPE.replace(
        {"optimizer.lr": 1.0, "optimizer.weight_decay": 0.0, "optimizer.momentum": 0.0, **change},
        schedule=Constant(),
        length=Epochs(1),
        batch=64,
    )
    model, _ = trained(out, recipe, blobs(64), bare)
    keras.utils.set_random_seed(recipe.seed)
    start = bare((12, 12, 3), 3)
    return [a - b for a, b in zip(weights(start), weights(model), strict=True)]


def test_clipping_is_that_of_torch(tmp_path):
    import torch

    whole = one_step(tmp_path / "whole")
    length = np.sqrt(sum(np.sum(part**2) for part in whole))
    for limit in (length / 3, 2 * length):
        found = one_step(tmp_path / f"{limit}", clip_norm=float(limit))
        parameters = [torch.nn.Parameter(torch.zeros(part.shape)) for part in whole]
        for parameter, part in zip(parameters, whole, strict=True):
            parameter.grad = torch.tensor(part)
        torch.nn.utils.clip_grad_norm_(parameters, float(limit))
        for part, parameter in zip(found, parameters, strict=True):
            np.testing.assert_allclose(part, parameter.grad, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("augment", [("flip",), ("mixup:0.4", "cutmix:1.0")], ids=["plain", "mixed"])
@pytest.mark.parametrize(("accumulate", "network"), [(4, bare), (2, chancy)])
def test_accumulated_gradients_are_those_of_the_batch(tmp_path, accumulate, network, augment):
    """Whatever is dropped, and whichever images of the whole batch are mixed."""
    recipe = RECIPE.replace(length=Epochs(2), clip_norm=0.5, augment=augment)
    whole, expected = trained(tmp_path / "whole", recipe, make_model=network)
    parts, history = trained(tmp_path / "parts", recipe.replace(accumulate=accumulate), make_model=network)
    assert apart(whole, parts) < 1e-5
    for record, reference in zip(history, expected, strict=True):
        assert record["loss"] == pytest.approx(reference["loss"], abs=1e-5) and record["lr"] == reference["lr"]


def test_every_device_needs_an_image_of_every_part(tmp_path):
    class Two:
        num_replicas_in_sync = 2

    with pytest.raises(ValueError, match=r"batch of 32 in 32 parts.*enough for 2 devices"):
        trained(tmp_path, RECIPE.replace(accumulate=32), strategy=Two())


# Averages


def states(out, recipe):
    """The network after every update, and what came of the training."""
    import keras

    seen = []

    class Watcher(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen.append(weights(self.model))

        def on_epoch_end(self, epoch, logs=None):
            self.used = weights(self.model)

    watcher = Watcher()
    model, history = trained(out, recipe, callbacks=[watcher])
    assert all(np.array_equal(a, b) for a, b in zip(watcher.used, weights(model), strict=True))  # as it is exported
    return seen, model, history


def saved_on(model, recipe):
    """What a model says of the held-out images, and the truth."""
    from kerascnn.data.pipeline import batches

    images, targets = next(iter(batches(blobs().validation, preprocessed(recipe), 33)))
    return np.asarray(model(images)), np.asarray(targets["label"])


def test_averages_are_those_of_tensorflow_1(tmp_path):
    """Weights and batch statistics, with the ramp; seen by no step, and put into the file."""
    import keras
    import tensorflow as tf

    recipe = RECIPE.replace(length=Epochs(6), ema=0.5)
    seen, model, history = states(tmp_path / "ema", recipe)
    plainly, plain, _ = states(tmp_path / "plain", recipe.replace(ema=None))
    for a, b in zip(seen, plainly, strict=True):
        assert all(np.array_equal(one, other) for one, other in zip(a, b, strict=True))

    keras.utils.set_random_seed(recipe.seed)
    variables = [tf.Variable(value) for value in weights(tiny((12, 12, 3), 3))]
    updates = tf.Variable(0)
    reference = tf.train.ExponentialMovingAverage(0.5, num_updates=updates)
    reference.apply(variables)  # begins with the values that are there
    for values in seen:
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)
        updates.assign_add(1)
        reference.apply(variables)
    for variable, value in zip(variables, weights(model), strict=True):
        np.testing.assert_allclose(reference.average(variable), value, rtol=1e-5, atol=1e-6)
    assert apart(model, plain) > 1e-3
    saved = keras.models.load_model(tmp_path / "ema" / "model.keras")
    assert apart(saved, model) == 0
    probabilities, targets = saved_on(saved, recipe)
    assert history[-1]["val_loss"] == pytest.approx(-np.log(probabilities[np.arange(33), targets]).mean(), rel=1e-4)


# Precision


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_mixed_precision_learns_what_float32_learns(tmp_path, precision):
    """Layers compute in 16 bits and are put into the file in 32."""
    import keras

    recipe = RECIPE.replace(length=Epochs(6))
    computed = []

    class Watcher(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            computed.extend(layer.compute_dtype for layer in self.model.layers)

    _, expected = trained(tmp_path / "full", recipe)
    model, history = trained(tmp_path / "mixed", recipe, precision=precision, callbacks=[Watcher()])
    assert computed.count(precision) > 6 and computed[-2] == "float32"  # the layer that puts out the logits
    assert history[-1]["loss"] == pytest.approx(expected[-1]["loss"], abs=0.05)
    assert [record["loss"] for record in history] != [record["loss"] for record in expected]
    assert keras.config.dtype_policy().name == "float32"
    saved = keras.models.load_model(tmp_path / "mixed" / "model.keras")
    assert {layer.compute_dtype for layer in saved.layers} == {v.dtype for v in saved.weights} == {"float32"}
    assert apart(saved, model) == 0
    probabilities, targets = saved_on(saved, recipe)
    assert history[-1]["val_loss"] == pytest.approx(-np.log(probabilities[np.arange(33), targets]).mean(), abs=0.02)


def test_loss_scaling_leaves_clipping_and_decay_as_they_are(tmp_path):
    """Gradients are scaled by 2**15 on the way; what is measured on them is not."""
    import keras

    change = {"length": Epochs(1), "clip_norm": 0.1, "optimizer.weight_decay": 0.3, "accumulate": 2}

    def regularised(shape, classes):
        return tiny(shape, classes, normalise=False, regularizer=keras.regularizers.L2(0.1))

    full, _ = trained(tmp_path / "full", RECIPE.replace(change), make_model=regularised)
    half, _ = trained(tmp_path / "half", RECIPE.replace(change), make_model=regularised, precision="float16")
    assert apart(full, half) < 1e-3


def test_a_step_whose_gradients_overflow_is_skipped(tmp_path):
    """The scale is halved until they do not, the weights stay as they are meanwhile, and the loss stays finite."""
    import keras

    scales, seen = [], []

    class Watcher(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            self.model.optimizer.dynamic_scale.assign(2.0**40)

        def on_train_batch_end(self, batch, logs=None):
            scales.append(float(self.model.optimizer.dynamic_scale.numpy()))
            seen.append(np.asarray(self.model.trainable_variables[0]))

    trained(tmp_path, RECIPE.replace(length=Epochs(16)), precision="float16", callbacks=[Watcher()])
    assert scales[0] == 2.0**39 and np.array_equal(seen[0], seen[1])
    assert scales[-1] == scales[-2] and not np.array_equal(seen[-1], seen[-2])


@pytest.mark.sharded
@pytest.mark.parametrize("family", TINY)
def test_every_family_computes_in_16_bits(family):
    """Layers of the house keep to the policy that they are made under, and every weight has a gradient."""
    import tensorflow as tf

    from kerascnn.training.step import Learner
    from kerascnn.training.workers import Workers

    with computing_in("float16"):
        model = TINY[family](classes=5)
    data = replace(blobs(), labels=tuple("abcde"))
    resolved = resolve(RECIPE.replace(accumulate=2), data, lambda shape, classes: model)
    learner = Learner(model, resolved, Workers(tf.distribute.get_strategy()), precision="float16")
    images = np.random.default_rng(0).random((2, *model.input_shape[1:]), np.float32)
    learner.optimizer.dynamic_scale.assign(1.0)  # as after some steps that overflowed
    learner._collect(tf.constant(images), {"label": tf.constant([0, 1])}, 0)
    assert all(np.isfinite(total).all() for total in learner.sums) and np.isfinite(learner.meters()["loss"])
    assert {v.dtype for v in model.trainable_variables} == {"float32"}


# Several devices

TECHNIQUES = {
    "clip": {"clip_norm": 0.3},
    "accumulate": {"accumulate": 2, "batch": 10},
    "ema": {"ema": 0.9},
    "half": {},
    "scaled": {"clip_norm": 0.3},  # with layers in float32, so that nothing is rounded
    "sigmoid": {"loss": BinaryCrossEntropy(label_smoothing=0.1)},
    "chance": {},
    "chance in parts": {"accumulate": 2, "batch": 10, "augment": ("mixup:0.4",)},
}


def several_devices(name: str, out: str) -> None:
    """In a process of its own: train by every technique on the devices of a strategy, and save what came of it."""
    strategy = open_strategy(name)
    draw_apart(strategy)
    found = {}
    for technique, change in TECHNIQUES.items():
        recipe = RECIPE.replace({"length": Epochs(2), "batch": 9, **change})
        precision = "float16" if technique in ("half", "scaled") else "float32"
        make = chancy if technique.startswith("chance") else tiny
        with pytest.MonkeyPatch.context() as patch:
            if technique == "scaled":
                patch.setitem(POLICIES, "float16", "float32")
            model, history = trained(
                Path(out) / technique, recipe, strategy=strategy, precision=precision, make_model=make
            )
        found |= {f"{technique}.{i}": value for i, value in enumerate(weights(model))}
        found[f"{technique}.loss"] = [[record["loss"], record["val_loss"]] for record in history]
    np.savez(Path(out) / "found.npz", **found)


def draw_apart(strategy) -> None:
    """What a layer that is not known draws on each device, in two steps of two parts: nothing twice."""
    import keras
    import tensorflow as tf

    from kerascnn.training.draws import Draws

    with strategy.scope():
        inputs = keras.Input((64,))
        noise = keras.Model(inputs, keras.layers.GaussianNoise(1.0)(inputs))
        draws = Draws(noise, strategy.num_replicas_in_sync, 2)

    @tf.function
    def one(part, last):
        with draws.share(3, part, last=last):
            return noise(tf.zeros((3, 64)), training=True)

    found = [
        value.numpy()
        for part, last in [(0, False), (1, True)] * 2
        for value in strategy.experimental_local_results(strategy.run(one, args=(tf.constant(part), last)))
    ]
    rows = np.concatenate(found)
    assert len(np.unique(rows, axis=0)) == len(rows) == 12 * strategy.num_replicas_in_sync
    assert np.abs(np.corrcoef(rows) - np.eye(len(rows))).max() < 0.6


def test_parts_drop_what_the_whole_batch_drops():
    """In two steps, of which each draws anew; parts of a step together draw what one part draws."""
    from kerascnn.training.draws import Draws

    model = chancy((12, 12, 3), 3)
    images = np.random.default_rng(0).random((12, 12, 12, 3), np.float32)

    def steps(parts):
        draws, found, size = Draws(model, 1, parts), [], len(images) // parts
        for seed in draws.seeds:
            seed.assign([7, 0])
        with draws.placed():
            for part in [*range(parts)] * 2:
                with draws.share(size, part, last=part == parts - 1):
                    found.append(np.asarray(model(images[part * size :][:size], training=True)))
        return np.concatenate(found)

    whole = steps(1)
    assert np.abs(whole[:12] - whole[12:]).max() > 0.01
    for parts in (2, 3):
        np.testing.assert_allclose(steps(parts), whole, atol=1e-6)


def test_dropout_drops_at_its_rate_and_scales_the_rest():
    """As Keras' own call does, of every kind, also in 16 bits."""
    import keras
    import tensorflow as tf

    from kerascnn.training.draws import Draws

    kinds = {
        "features": (keras.layers.Dropout(0.3), (200, 40), (200, 40)),
        "branches": (keras.layers.Dropout(0.3, noise_shape=(None, 1, 1)), (4000, 5, 3), (4000, 1, 1)),
        "the same for all": (keras.layers.Dropout(0.3, noise_shape=(1, None, None)), (5, 80, 50), (1, 80, 50)),
        "maps": (keras.layers.SpatialDropout2D(0.3), (400, 4, 4, 10), (400, 1, 1, 10)),
        "maps first": (keras.layers.SpatialDropout2D(0.3, "channels_first"), (400, 10, 4, 4), (400, 10, 1, 1)),
        "lines": (keras.layers.SpatialDropout1D(0.3, dtype="float16"), (400, 4, 10), (400, 1, 10)),
        "all": (keras.layers.Dropout(1.0), (8, 3), (8, 3)),
    }
    for name, (layer, shape, drawn) in kinds.items():
        inputs = keras.Input(shape[1:])
        model = keras.Model(inputs, layer(inputs))
        draws = Draws(model, 1, 1)
        own = [draws.dropped(layer, tf.ones(shape, layer.compute_dtype), training=True).numpy() for _ in range(2)]
        with draws.placed():
            assert np.array_equal(model(np.ones(shape)), np.ones(shape))
        keras_own = np.asarray(layer(np.ones(shape), training=True))
        assert own[0].dtype == keras_own.dtype and set(np.unique(own[0])) == set(np.unique(keras_own)), name
        assert name == "all" or (own[0] != own[1]).any(), name
        kept = np.broadcast_to((own[0] != 0)[tuple(slice(size) for size in drawn)], shape)
        assert np.array_equal(own[0] != 0, kept), name
        expected = 1 - layer.rate
        assert abs(np.mean(kept) - expected) < 0.04, name


def test_two_devices_learn_what_one_learns(tmp_path):
    several_devices("one", str(tmp_path / "one"))
    done = in_new_process("several_devices", "mirrored:2", tmp_path / "two", file=__file__)
    assert done.returncode == 0, done.stderr
    one, two = (np.load(tmp_path / name / "found.npz") for name in ("one", "two"))
    for name in one.files:
        assert np.allclose(one[name], two[name], atol=5e-3 if name.startswith("half") else 1e-5), name
