"""Techniques that a recipe may ask for, each held to its formula by hand or to another implementation."""

import json
import runpy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from references import import_torchvision
from test_train import RECIPE, apart, blobs, in_new_process, preprocessed, tiny, trained, weights

from kerascnn.card import Card
from kerascnn.data import Split
from kerascnn.spec import Preprocess
from kerascnn.training import (
    Constant,
    CrossEntropy,
    Distillation,
    Epochs,
    RMSProp,
    Stage,
    open_strategy,
    override,
)
from kerascnn.training.resolve import resolve
from kerascnn.training.state import run_facts

PAGE = runpy.run_path(str(Path(__file__).parents[1] / "recipes/efficientnet_v2.py"))
progressive, progressive_as_released = PAGE["progressive"], PAGE["progressive_as_released"]

PLAIN = RECIPE.replace({"optimizer.weight_decay": 0.0}, schedule=Constant(), length=Epochs(2))
DATA = blobs(64)  # two batches


def auxiliary(shape, classes):
    """The tiny network with a second head half-way up."""
    from keras import Model, layers

    model = tiny(shape, classes)
    x = layers.GlobalAveragePooling2D(name="side.pool")(model.get_layer("stage1.relu").output)
    x = layers.Activation("softmax", name="side.softmax")(layers.Dense(classes, name="side.dense")(x))
    return Model(model.input, {"head": model.output, "side": x}, name="tiny_auxiliary")


def misnamed(shape, classes):
    from keras import Model

    model = auxiliary(shape, classes)
    return Model(model.input, {"main": model.output["head"], "side": model.output["side"]}, name="misnamed")


def dropping(shape, classes):
    return tiny(shape, classes, dropout=0.3)


def surprise(probabilities, targets, smoothing: float = 0.0):
    """Cross-entropy of each image, written out."""
    import tensorflow as tf

    shares = (1 - smoothing) * tf.one_hot(targets, probabilities.shape[-1]) + smoothing / probabilities.shape[-1]
    return -tf.reduce_sum(shares * tf.math.log(probabilities), -1)


def by_hand(recipe, make, objective):
    """What a textbook's loop makes of the same start and batches; ``objective`` gives one number per image."""
    import keras
    import tensorflow as tf

    from kerascnn.data.pipeline import batches

    keras.utils.set_random_seed(recipe.seed)
    model = make((None, None, 3), 3)
    sgd = keras.optimizers.SGD(recipe.optimizer.lr, momentum=recipe.optimizer.momentum, nesterov=True)
    epochs = recipe.length.epochs
    for epoch in range(epochs):
        stage = recipe.stages[epoch * len(recipe.stages) // epochs] if recipe.stages else None
        side = stage.size if stage else recipe.train_size or recipe.input.size
        for layer in model.layers:
            if isinstance(layer, keras.layers.Dropout) and stage:
                layer.rate = stage.dropout
        how = dict(augment=stage.augment if stage else (), classes=3, seed=recipe.seed, epoch=epoch, shuffle=True)
        for images, targets in batches(DATA.train, replace(preprocessed(recipe), size=side), recipe.batch, **how):
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(objective(model, images, targets["label"]))
            sgd.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)
    return model


def of_head(model, images, targets):
    return surprise(model(images, training=True), targets)


# Recipes


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"train_size": -1}, "train_size of Recipe must be a whole number at least 1 or None; got -1"),
        ({"repeats": 0}, "repeats of Recipe must be a whole number at least 1; got 0"),
        ({"stages": (128, 224)}, r"stages must be a tuple of records, such as \(Stage"),
        ({"stages": (Stage(size=8),) * 3}, "2 epochs cannot be cut into 3 stages"),
        ({"stages": (Stage(size=8),), "train_size": 8}, "train_size is 8, but stages say so themselves"),
        ({"stages": (Stage(size=8),), "augment": ("flip",)}, "augment is .*, but stages say so themselves"),
        ({"distill": 0.5}, "distill of Recipe must be one of Distillation, None; got 0.5"),
        ({"distill.weight": 0.5}, "distill is None and has no fields of its own"),
    ],
)
def test_recipe_refuses(change, message):
    with pytest.raises(ValueError, match=message):
        PLAIN.replace(change)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"size": 0}, "size of Stage must be a whole number at least 1; got 0"),
        ({"size": 8, "augment": "flip"}, "augment of Stage must be a tuple"),
        ({"size": 8, "augment": ("flop",)}, "no augmentation 'flop'.*'flip'"),
        ({"size": 8, "dropout": 1.0}, "dropout of Stage must be a number at least 0 below 1 or None; got 1.0"),
    ],
)
def test_stage_refuses(change, message):
    with pytest.raises(ValueError, match=message):
        Stage(**change)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weight": 1.5}, "weight of Distillation must be a number above 0 at most 1; got 1.5"),
        ({"temperature": 0}, "temperature of Distillation must be a number above 0; got 0"),
        ({"teacher": ""}, "teacher must be the path of a file"),
    ],
)
def test_distillation_refuses(change, message):
    with pytest.raises(ValueError, match=message):
        Distillation(**{"teacher": "a.keras", **change})


def test_override_knows_what_text_can_say():
    settings = ["train_size=16", "repeats=3", "stages=Stage(size=8), Stage(size=12, augment=(flip,))"]
    assert override(PLAIN, settings[:2]) == PLAIN.replace(train_size=16, repeats=3)
    assert override(PLAIN, settings[2:]).stages == (Stage(size=8), Stage(size=12, augment=("flip",)))
    assert override(
        PLAIN, ["distill=Distillation(teacher='a.keras', weight=0.3)", "distill.temperature=2"]
    ).distill == (Distillation(teacher="a.keras", weight=0.3, temperature=2))


# Image sizes and stages


def test_training_sees_its_own_size(tmp_path):
    """As the textbook's loop on images of 20 pixels; measured, saved and returned for 12."""
    import keras

    recipe = PLAIN.replace(train_size=20)
    model, history = trained(tmp_path, recipe, DATA)
    assert apart(model, by_hand(recipe, tiny, of_head)) < 1e-5
    assert apart(model, by_hand(PLAIN, tiny, of_head)) > 1e-4
    saved = keras.models.load_model(tmp_path / "model.keras")
    assert saved.input_shape == model.input_shape == (None, 12, 12, 3) and apart(saved, model) == 0
    assert Card.read(tmp_path / "model.keras").preprocess.size == 12
    images, targets = held_out(recipe)
    assert history[-1]["val_loss"] == pytest.approx(np.mean(surprise(saved(images), targets)), rel=1e-4)


def held_out(recipe):
    from kerascnn.data.pipeline import batches

    images, targets = next(iter(batches(DATA.validation, preprocessed(recipe), 33)))
    return images, targets["label"]


def test_size_of_its_own_that_is_the_same_changes_nothing(tmp_path):
    one, _ = trained(tmp_path / "one", PLAIN, DATA)
    other, _ = trained(tmp_path / "other", PLAIN.replace(train_size=12), DATA)
    assert apart(one, other) == 0


@pytest.mark.parametrize(
    ("network", "size", "message"),
    [
        ("vgg11", 32, "vgg11 cannot be trained on images of 48 pixels and evaluated on 32.*one size only.*flattens"),
        ("vit_ti_16", 32, "cannot be trained on images of 48 pixels.*has numbers of its own for every place"),
    ],
)
def test_networks_of_one_size_say_why(tmp_path, network, size, message):
    from kerascnn.training.loop import train

    with pytest.raises(ValueError, match=message):
        train(PLAIN.replace({"input.size": size, "model.name": network}, train_size=48), DATA, tmp_path)


def test_images_that_are_too_small_are_refused_before_training(tmp_path):
    from kerascnn.training.loop import train

    with pytest.raises(ValueError, match="inception_v3 cannot be trained on images of 40 x 40 pixels"):
        train(PLAIN.replace({"input.size": 75, "model.name": "inception_v3"}, train_size=40), DATA, tmp_path)


STAGED = PLAIN.replace(
    length=Epochs(4),
    stages=(Stage(size=8, augment=("flip",), dropout=0.1), Stage(size=16, augment=("crop", "mixup"), dropout=0.6)),
)


def of_mixed_head(model, images, targets):
    import tensorflow as tf

    if targets.shape.rank == 1:
        return of_head(model, images, targets)
    return -tf.reduce_sum(targets * tf.math.log(model(images, training=True)), -1)


def test_stages_change_size_augmentation_and_dropout(tmp_path):
    model, history = trained(tmp_path, STAGED, DATA, dropping)
    expected = by_hand(STAGED, dropping, of_mixed_head)
    assert apart(model, expected) < 1e-5
    other = STAGED.replace(stages=(*STAGED.stages[:1], replace(STAGED.stages[1], dropout=0.1)))
    assert apart(model, by_hand(other, dropping, of_mixed_head)) > 1e-3
    assert model.get_layer("head.dropout").rate == 0.3 and len(history) == 4
    stages = Card.read(tmp_path / "model.keras").facts["recipe"]["stages"]
    assert stages[1] == {"class": "Stage", "size": 16, "augment": ["crop", "mixup"], "dropout": 0.6}


def test_last_stage_takes_the_remainder():
    first, last = STAGED.stages
    staged = STAGED.replace(length=Epochs(5))
    resolved = resolve(staged, DATA, tiny)
    assert [resolved.stage(epoch) for epoch in range(5)] == [first, first, last, last, last]
    resolved = resolve(PLAIN.replace(train_size=20, augment=("flip",)), DATA, tiny)
    assert [resolved.stage(epoch).size for epoch in range(2)] == [20, 20]


def test_stage_drops_features_where_there_is_dropout_and_branches_never(tmp_path):
    import keras

    from kerascnn.training.step import dropouts

    with pytest.raises(ValueError, match="A stage sets dropout, but tiny is drawn without"):
        trained(tmp_path, STAGED, DATA, tiny)
    x = inputs = keras.Input((4, 4, 3))
    x = keras.layers.Dropout(0.2, noise_shape=(None, 1, 1, 1), name="path")(x)
    model = keras.Model(inputs, keras.layers.Dropout(0.2, name="features")(x))
    assert [layer.name for layer in dropouts(model)] == ["features"]


def test_stages_go_on_where_they_were(tmp_path):
    """Broken off within the first stage, between the two and within the second: the same to the bit."""
    import keras

    class Stop(keras.callbacks.Callback):
        def __init__(self, last):
            super().__init__()
            self.last = last

        def on_epoch_begin(self, epoch, logs=None):
            if epoch == self.last:
                raise KeyboardInterrupt

    staged = STAGED.replace(optimizer=RMSProp(lr=0.01), ema=0.9)
    straight, expected = trained(tmp_path / "straight", staged, DATA, dropping)
    for last in (1, 2, 3):
        with pytest.raises(KeyboardInterrupt):
            trained(tmp_path / f"{last}", staged, DATA, dropping, callbacks=[Stop(last)])
        resumed, history = trained(tmp_path / f"{last}", staged, DATA, dropping)
        assert all(np.array_equal(a, b) for a, b in zip(weights(resumed), weights(straight), strict=True))
        assert [record["loss"] for record in history] == [record["loss"] for record in expected]


def test_checkpoint_of_other_stages_is_refused(tmp_path):
    import keras

    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path, STAGED, DATA, dropping, callbacks=[Stop()])
    other = STAGED.replace(stages=STAGED.stages[::-1])
    with pytest.raises(ValueError, match=r"stages is \[\{.*'size': 8.* there and \[\{.*'size': 16.* here"):
        trained(tmp_path, other, DATA, dropping)


def test_finished_job_knows_its_stages(tmp_path):

    from kerascnn.training.state import is_finished

    short = STAGED.replace(length=Epochs(2))
    trained(tmp_path, short, DATA, dropping)
    assert is_finished(tmp_path / "model.keras", facts(short))
    assert not is_finished(tmp_path / "model.keras", facts(short.replace(stages=short.stages[::-1])))


def facts(recipe):
    """What tells a training by this recipe from another."""
    return run_facts(resolve(recipe, DATA, tiny), DATA, precision="float32", xla=False)


def strengths(stages, name):
    """The last number behind a name in each stage, 0 where it is not."""
    found = [[text for text in stage.augment if text.split(":")[0] == name] for stage in stages]
    return [float(texts[0].split(":")[-1]) if texts else 0.0 for texts in found]


@pytest.mark.parametrize(
    ("size", "magnitude", "alpha", "dropout"),
    [((128, 300), (5, 15), (0, 0), (0.1, 0.3)), ((128, 380), (5, 20), (0, 0.2), (0.1, 0.4))],
)
def test_progressive_learning_is_the_paper_s(size, magnitude, alpha, dropout):
    """Table 6 at the ends, a straight line between."""
    stages = progressive(size=size, randaugment=magnitude, mixup=alpha, dropout=dropout)
    assert [stage.size for stage in stages] == [round(side) for side in np.linspace(*size, 4)]
    assert strengths(stages, "randaugment") == pytest.approx(np.linspace(*magnitude, 4), rel=1e-4)
    assert strengths(stages, "mixup") == pytest.approx(np.linspace(*alpha, 4), rel=1e-4)
    assert [stage.dropout for stage in stages] == pytest.approx(np.linspace(*dropout, 4))
    assert all(stage.augment[:2] == ("crop", "flip") for stage in stages)
    with pytest.raises(ValueError, match="stages is 1; expected 2 or more"):
        progressive(size=size, randaugment=magnitude, stages=1)


@pytest.mark.parametrize(
    ("size", "magnitude", "alpha", "sizes", "magnitudes", "alphas"),
    [
        (300, 10, 0, (171, 214, 257, 300), (5, 6.7, 8.3, 10), (0, 0, 0, 0)),
        (384, 15, 0.2, (192, 256, 320, 384), (5, 8.3, 11.7, 15), (0, 0.067, 0.133, 0.2)),
        (384, 20, 0.5, (192, 256, 320, 384), (5, 10, 15, 20), (0, 0.167, 0.333, 0.5)),
    ],
)
def test_progressive_learning_is_the_released_code_s(size, magnitude, alpha, sizes, magnitudes, alphas):
    stages = progressive_as_released(size=size, randaugment=magnitude, mixup=alpha, cutmix=alpha)
    assert tuple(stage.size for stage in stages) == sizes and {stage.dropout for stage in stages} == {None}
    assert strengths(stages, "randaugment") == pytest.approx(magnitudes, abs=0.05)
    assert strengths(stages, "mixup_cutmix") == pytest.approx(alphas, abs=5e-4)


def test_progressive_learning_has_one_mix_or_both():
    (_, _, *one), (_, _, *both) = (
        progressive_as_released(size=300, randaugment=10, cutmix=1.0, mixup=mixup, stages=1 + (mixup > 0))[-1].augment
        for mixup in (0.0, 0.5)
    )
    assert one == ["randaugment:2:5"] and both == ["randaugment:2:10", "mixup_cutmix:0.5:1"]
    only = progressive_as_released(size=300, randaugment=10, cutmix=1.0, stages=2)
    assert only[-1].augment[-1] == "cutmix:1" and len(only[0].augment) == 3


# Auxiliary heads


def test_auxiliary_heads_add_their_share(tmp_path):
    """To what is learned, and to nothing else: meters, file and card are the head's."""
    import keras

    recipe = PLAIN.replace({"model.name": "tiny_auxiliary"}, loss=CrossEntropy(label_smoothing=0.1, auxiliary=0.3))

    def objective(model, images, targets):
        out = model(images, training=True)
        return surprise(out["head"], targets, 0.1) + 0.3 * surprise(out["side"], targets, 0.1)

    model, history = trained(tmp_path, recipe, DATA, auxiliary)
    expected = by_hand(recipe, auxiliary, objective)
    cut = keras.Model(expected.input, expected.output["head"])
    assert apart(model, cut) < 1e-5
    heavier = by_hand(recipe, auxiliary, lambda *how: objective(*how) + surprise(how[0](how[1])["side"], how[2]))
    assert apart(model, keras.Model(heavier.input, heavier.output["head"])) > 1e-4

    saved = keras.models.load_model(tmp_path / "model.keras")
    assert apart(saved, model) == 0 and saved.output_shape == (None, 3) and len(weights(saved)) == len(weights(cut))
    assert Card.read(tmp_path / "model.keras").model == saved.name == "tiny"
    images, targets = held_out(recipe)
    assert history[-1]["val_loss"] == pytest.approx(np.mean(surprise(saved(images), targets)), rel=1e-4)


def test_auxiliary_heads_in_half_precision_and_several_sizes(tmp_path):
    recipe = PLAIN.replace(loss=CrossEntropy(auxiliary=0.3), train_size=16, ema=0.5)
    model, history = trained(tmp_path, recipe, DATA, auxiliary, precision="bfloat16")
    assert model.input_shape == (None, 12, 12, 3) and history[-1]["loss"] < history[0]["loss"]
    assert {layer.compute_dtype for layer in model.layers} == {"float32"}
    images, targets = held_out(recipe)
    assert history[-1]["val_loss"] == pytest.approx(np.mean(surprise(model(images), targets)), abs=0.02)


def test_auxiliary_heads_have_to_be_there_and_meant(tmp_path):
    with pytest.raises(ValueError, match=r"tiny_auxiliary has auxiliary heads \(side\).*Set auxiliary.*train 'tiny'"):
        trained(tmp_path, PLAIN, DATA, auxiliary)
    with pytest.raises(ValueError, match=r"puts out a dictionary of main, side; expected one with 'head'"):
        trained(tmp_path, PLAIN, DATA, misnamed)
    with pytest.raises(ValueError, match=r"auxiliary to 0\.3, but tiny has no auxiliary heads"):
        trained(tmp_path, PLAIN.replace(loss=CrossEntropy(auxiliary=0.3)), DATA, tiny)


def test_what_is_left_of_googlenet_is_googlenet(tmp_path):
    """Its file goes into the catalogue's network without auxiliary heads, and the scores are the same."""
    import kerascnn
    from kerascnn.tasks.classification.heads import without_auxiliary
    from kerascnn.tasks.heads import up_to_logits

    both = kerascnn.build("googlenet_auxiliary", classes=3, input_shape=(96, 96, 3))
    assert {name: tuple(out.shape) for name, out in up_to_logits(both).output.items()} == {
        name: (None, 3) for name in ("scores", "auxiliary1", "auxiliary2")
    }
    left = without_auxiliary(both)
    left.save(tmp_path / "model.keras")
    plain = kerascnn.build(left.name, classes=3, input_shape=(96, 96, 3), weights=str(tmp_path / "model.keras"))
    images = np.random.default_rng(0).random((2, 96, 96, 3), np.float32)
    assert np.array_equal(plain(images), both(images)["head"]) and plain.name == "googlenet"


# Distillation


def test_distillation_loss_is_that_of_torch_and_of_the_formula():
    import torch
    from torch.nn.functional import kl_div, log_softmax

    from kerascnn.training.methods.distillation import distilled

    rng = np.random.default_rng(0)
    teacher, student = rng.normal(0, 4, (2, 7, 5)).astype(np.float32)
    for heat in (1.0, 2.5, 20.0):
        found = distilled(teacher, student, heat)
        theirs = (
            kl_div(
                log_softmax(torch.tensor(student) / heat, -1),
                log_softmax(torch.tensor(teacher) / heat, -1),
                reduction="none",
                log_target=True,
            ).sum(-1)
            * heat**2
        )
        np.testing.assert_allclose(found, theirs, rtol=1e-4, atol=1e-5)
        p, q = (np.exp(z / heat) / np.exp(z / heat).sum(-1, keepdims=True) for z in (teacher, student))
        np.testing.assert_allclose(found, heat**2 * (p * np.log(p / q)).sum(-1), rtol=1e-3, atol=1e-4)


def taught(folder: Path, size=12, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225), labels=("a", "b", "c")):
    """The file of a teacher that nobody has trained, with its card."""
    import keras

    keras.utils.set_random_seed(9)
    model = dropping((size, size, len(mean)), len(labels))
    for variable in model.variables:
        if variable.name in ("moving_mean", "kernel"):
            variable.assign(3 * np.asarray(variable) + 0.1)
    folder.mkdir(exist_ok=True)
    model.save(folder / "teacher.keras")
    preprocess = Preprocess(size=size, crop=0.5, mean=mean, std=std, interpolation="bicubic")
    Card(model="tiny", labels=labels, preprocess=preprocess).write(folder / "teacher.keras")
    return str(folder / "teacher.keras")


OTHERWISE = {"size": 20, "mean": (0.3, 0.4, 0.5), "std": (0.5, 0.4, 0.3)}


@pytest.mark.parametrize(
    "how", [{}, OTHERWISE, {"size": 7, "mean": (0.3,), "std": (0.6,)}], ids=["same", "other", "grey"]
)
def test_student_learns_from_its_teacher(tmp_path, how):
    """As the textbook's loop with TensorFlow's own resize; in inference, so that nothing of the teacher changes."""
    import keras
    import tensorflow as tf

    file = taught(tmp_path / "teacher", **how)
    recipe = PLAIN.replace(distill=Distillation(teacher=file, weight=0.7, temperature=3.0))
    teacher = keras.models.load_model(file)
    card = Card.read(file).preprocess

    def objective(model, images, targets):
        pixels = images * preprocessed(recipe).std + preprocessed(recipe).mean
        if card.channels == 1:
            pixels = tf.reduce_sum(pixels * (0.2989, 0.587, 0.114), -1, keepdims=True)
        seen = tf.image.resize((pixels - card.mean) / card.std, (card.size,) * 2, "bicubic", antialias=True)
        shares = teacher(seen) ** (1 / 3)
        shares /= tf.reduce_sum(shares, -1, keepdims=True)
        own = model(images, training=True)
        softened = own ** (1 / 3) / tf.reduce_sum(own ** (1 / 3), -1, keepdims=True)
        return 0.3 * surprise(own, targets) - 0.7 * 9 * tf.reduce_sum(shares * tf.math.log(softened), -1)

    model, history = trained(tmp_path / "out", recipe, DATA)
    assert apart(model, by_hand(recipe, tiny, objective)) < 2e-5
    assert apart(model, by_hand(recipe, tiny, of_head)) > 1e-3
    assert len(weights(model)) == len(weights(tiny((12, 12, 3), 3)))
    images, targets = held_out(recipe)
    assert history[-1]["val_loss"] == pytest.approx(np.mean(surprise(model(images), targets)), rel=1e-4)


def test_teacher_is_known_by_its_content(tmp_path):
    """Elsewhere it is the same, changed it is another: for what is continued and for what is finished."""
    import keras

    from kerascnn.training.state import is_finished

    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            raise KeyboardInterrupt

    recipe = PLAIN.replace(distill=Distillation(teacher=taught(tmp_path / "one"), weight=0.5, temperature=2.0))
    moved = recipe.replace({"distill.teacher": str((tmp_path / "one").rename(tmp_path / "two") / "teacher.keras")})
    other = recipe.replace({"distill.teacher": taught(tmp_path / "three", **OTHERWISE)})
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path / "out", moved, DATA, callbacks=[Stop()])
    with np.load(tmp_path / "out" / "checkpoint.npz") as file:
        assert len(json.loads(str(file["record"]))["identity"]["distill"]["teacher"]) == 16
    with pytest.raises(ValueError, match=r"teacher is '.*' there and '.*' here"):
        trained(tmp_path / "out", other, DATA)
    (tmp_path / "two").rename(tmp_path / "four")
    moved = recipe.replace({"distill.teacher": str(tmp_path / "four" / "teacher.keras")})
    lines = []
    trained(tmp_path / "out", moved, DATA, log=lines.append)
    assert "continuing after epoch 1" in lines[0]
    assert is_finished(tmp_path / "out" / "model.keras", facts(moved))
    assert not is_finished(tmp_path / "out" / "model.keras", facts(other))


def test_teacher_that_cannot_teach(tmp_path):
    def ask(teacher):
        return PLAIN.replace(distill=Distillation(teacher=teacher))

    with pytest.raises(FileNotFoundError, match=r"no teacher .*nobody\.keras"):
        trained(tmp_path / "out", ask(teacher=str(tmp_path / "nobody.keras")), DATA)
    two = taught(tmp_path / "two", labels=("a", "b"))
    with pytest.raises(ValueError, match="knows other classes: it has 2, and the data 3"):
        trained(tmp_path / "out", ask(teacher=two), DATA)
    mixed = taught(tmp_path / "mixed", labels=("a", "c", "b"))
    with pytest.raises(ValueError, match="knows other classes: class 1 is 'c' there and 'b' in the data"):
        trained(tmp_path / "out", ask(teacher=mixed), DATA)


# Compiled steps

COMPILED = {
    "plain": {"optimizer.weight_decay": 5e-3, "augment": ("crop",)},
    "averaged": {"ema": 0.9, "accumulate": 2, "optimizer": RMSProp(lr=0.01), "clip_norm": 0.5},
    "half": {},
    "staged": {"stages": (Stage(size=8), Stage(size=16))},
    "taught": {"loss": CrossEntropy(auxiliary=0.3)},
}


@pytest.mark.parametrize("way", COMPILED)
def test_compiled_steps_learn_the_same(tmp_path, way):
    recipe, make, how = PLAIN.replace(COMPILED[way]), tiny, {"precision": "float16" if way == "half" else "float32"}
    if way == "taught":
        teacher, make = taught(tmp_path / "teacher", **OTHERWISE), auxiliary
        recipe = recipe.replace(distill=Distillation(teacher=teacher, weight=0.7, temperature=3.0))
    plain, history = trained(tmp_path / "plain", recipe, DATA, make, **how)
    compiled, same = trained(tmp_path / "compiled", recipe, DATA, make, xla=True, **how)
    assert apart(plain, compiled) < (5e-3 if way == "half" else 1e-5)  # 16 bits are rounded in another order
    assert same[-1]["loss"] == pytest.approx(history[-1]["loss"], abs=2e-3 if way == "half" else 1e-5)


def test_steps_are_compiled(tmp_path):
    import tensorflow as tf

    from kerascnn.training.step import Learner
    from kerascnn.training.workers import Workers

    workers = Workers(tf.distribute.get_strategy())
    learner = Learner(tiny((12, 12, 3), 3), resolve(PLAIN, DATA, tiny), workers, xla=True)
    batch = tf.zeros((2, 12, 12, 3)), {"label": tf.constant([0, 1])}
    learner.train_step(batch)
    assert "HloModule" in learner.train_step.experimental_get_compiler_ir(batch)(stage="hlo")


def test_several_devices_are_not_compiled_for(tmp_path):
    class Two:
        num_replicas_in_sync = 2

    with pytest.raises(ValueError, match=r"xla compiles the steps of one device, and there are 2.*--strategy one"):
        trained(tmp_path, PLAIN, xla=True, strategy=Two())


# Several devices

TECHNIQUES = {
    "auxiliary": ({"loss": CrossEntropy(label_smoothing=0.1, auxiliary=0.4)}, auxiliary),
    "distilled": ({}, tiny),
    "staged": ({"stages": (Stage(size=8), Stage(size=16, augment=("flip",)))}, tiny),
    "repeated": ({"repeats": 2, "augment": ("crop", "mixup_cutmix")}, tiny),
}


def several_devices(name: str, out: str, teacher: str) -> None:
    """In a process of its own: train by every technique on the devices of a strategy, and save what came of it."""
    strategy = open_strategy(name)
    found = {}
    for technique, (change, make) in TECHNIQUES.items():
        recipe = PLAIN.replace(change, batch=9)
        if technique == "distilled":
            recipe = recipe.replace(distill=Distillation(teacher=teacher, weight=0.6, temperature=2.0))
        model, history = trained(Path(out) / technique, recipe, make_model=make, strategy=strategy)
        found |= {f"{technique}.{i}": value for i, value in enumerate(weights(model))}
        found[f"{technique}.loss"] = [[record["loss"], record["val_loss"]] for record in history]
    np.savez(Path(out) / "found.npz", **found)


def test_two_devices_learn_what_one_learns(tmp_path):
    teacher = taught(tmp_path / "teacher", **OTHERWISE)
    several_devices("one", str(tmp_path / "one"), teacher)
    done = in_new_process("several_devices", "mirrored:2", tmp_path / "two", teacher, file=__file__)
    assert done.returncode == 0, done.stderr
    one, two = (np.load(tmp_path / name / "found.npz") for name in ("one", "two"))
    for name in one.files:
        assert np.allclose(one[name], two[name], atol=1e-5), name


# Repeated augmentation


def test_repeats_are_those_of_timm():
    """Its sampler's order and ours, from the same permutation; its epoch is cut to multiples of 256."""
    from kerascnn.data.pipeline import batches

    import_torchvision()
    from timm.data.distributed_sampler import RepeatAugSampler

    split = Split(np.zeros((600, 2, 2, 1), np.uint8), {"label": np.arange(600, dtype=np.int32)})
    small, how = Preprocess(size=2, crop=1.0, mean=(0.0,), std=(1.0,)), dict(seed=5, epoch=1, shuffle=True)
    order = np.concatenate([targets["label"] for _, targets in batches(split, small, 64, **how)])
    for repeats in (2, 3, 4):
        seen = np.concatenate([targets["label"] for _, targets in batches(split, small, 64, repeats=repeats, **how)])
        sampler = RepeatAugSampler(range(600), num_replicas=1, rank=0, shuffle=False, num_repeats=repeats)
        theirs = [int(order[place]) for place in sampler]
        assert len(theirs) == 512 and theirs == seen[:512].tolist()
        assert len(seen) == 600 and len(np.unique(seen)) == 600 / repeats


def test_repeats_are_augmented_each_anew():
    """The first copy as without repeats, the next one otherwise, and both the same whenever asked."""
    from kerascnn.data.pipeline import batches

    rng = np.random.default_rng(0)
    split = Split(rng.integers(0, 256, (12, 20, 20, 3)).astype(np.uint8), {"label": np.arange(12, dtype=np.int32)})
    how = dict(preprocess=Preprocess(size=12), batch=12, augment=("crop", "flip", "jitter"), seed=2, shuffle=True)
    ((once, names),) = batches(split, **how)
    ((twice, same),) = batches(split, repeats=2, **how)
    ((again, _),) = batches(split, repeats=2, parallel=1, **how)
    once, twice = once.numpy(), twice.numpy()
    assert np.array_equal(same["label"], np.repeat(names["label"], 2)[:12]) and np.array_equal(twice, again)
    for place in range(6):
        assert np.array_equal(twice[2 * place], once[place])
        assert not np.array_equal(twice[2 * place + 1], once[place])


def test_repeats_are_trained_on(tmp_path):
    recipe = PLAIN.replace(augment=("crop", "flip"))
    once, _ = trained(tmp_path / "once", recipe, DATA)
    twice, history = trained(tmp_path / "twice", recipe.replace(repeats=2), DATA)
    assert apart(once, twice) > 1e-3 and len(history) == 2
