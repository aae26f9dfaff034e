"""Fine-tuning: what is frozen does not change by a bit, and what is released learns as Keras' guide has it."""

import numpy as np
import pytest
from test_train import RECIPE, apart, blobs, dropping, in_new_process, preprocessed, silent, tiny, trained, weights

from kerascnn.training import SGD, AdamW, Constant, Epochs, FineTune, Input, Model, Recipe, open_strategy
from kerascnn.training.resolve import maker

TUNE = Recipe(
    model=Model("resnet18", fields={"width": 4, "dropout": 0.2}),
    length=Epochs(4),
    finetune=FineTune(frozen_epochs=2, batch_norm="train"),
    data="blobs",
    augment=("flip",),
    batch=32,
    input=Input(size=32, crop=1.0),
    optimizer=SGD(lr=0.05, weight_decay=0.005, nesterov=True),
)
WAYS = {
    "plain": {},
    "frozen": {"finetune.batch_norm": "frozen", "optimizer.lr": 0.01},
    "adamw": {"optimizer": AdamW(lr=0.003, weight_decay=5e-3), "ema": 0.9},
    "parts": {"accumulate": 2, "clip_norm": 1.0},
    "half": {"accumulate": 2},
}


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    """A file of weights for five classes, whose batch statistics are no initial ones."""
    import keras

    keras.utils.set_random_seed(0)  # whichever test is the first
    rng, path = np.random.default_rng(0), tmp_path_factory.mktemp("loaded") / "resnet.keras"
    model = maker(TUNE.model)((32, 32, 3), 5)
    for variable in model.variables:
        if variable.name.startswith(("gamma", "beta", "moving")):
            variable.assign(rng.uniform(0.5, 1.5, variable.shape))
    model.save(path)
    return str(path)


def watched(out, recipe) -> list[dict[str, np.ndarray]]:
    """All variables by path, before a training and after each epoch."""
    import keras

    seen = []

    class Watch(keras.callbacks.Callback):
        def look(self):
            seen.append({v.path: np.array(v) for v in self.model.variables if "seed" not in v.path})

        def on_train_begin(self, logs=None):
            self.look()

        def on_epoch_end(self, epoch, logs=None):
            self.look()

    trained(out, recipe, make_model=None, callbacks=[Watch()])
    return seen


def changed(before: dict, after: dict) -> set[str]:
    return {path for path in before if not np.array_equal(before[path], after[path])}


@pytest.mark.sharded
@pytest.mark.filterwarnings("ignore:.*head-dense is new")
@pytest.mark.parametrize("way", ["plain", "frozen", "parts"])
def test_what_is_frozen_keeps_every_bit(way, loaded, tmp_path):
    """Weights with decay, and statistics; after that all moves, or all but the batch norms."""
    import keras

    seen = watched(tmp_path, TUNE.replace({"model.weights": loaded, **WAYS[way]}))
    paths, head = set(seen[0]), {"head-dense/kernel", "head-dense/bias"}
    norms = {path for path in paths if "-bn" in path}
    held = {v.path: np.asarray(v) for v in keras.models.load_model(loaded).variables}
    assert len(norms) == 80 and all(np.array_equal(seen[0][path], held[path]) for path in paths - head)
    assert changed(seen[0], seen[1]) == changed(seen[1], seen[2]) == head
    assert changed(seen[2], seen[3]) == changed(seen[3], seen[4]) == (paths - norms if way == "frozen" else paths)
    saved = keras.models.load_model(tmp_path / "model.keras")
    assert all(layer.trainable for layer in saved.layers) and len(saved.trainable_variables) == 62


@pytest.mark.filterwarnings("ignore:.*head-dense is new")
def test_averages_of_what_is_frozen_are_what_was_loaded(loaded, tmp_path):
    seen = watched(tmp_path, TUNE.replace({"model.weights": loaded, **WAYS["adamw"]}))
    assert all(np.allclose(seen[0][path], seen[2][path], rtol=1e-6) for path in seen[0] if "head" not in path)
    assert any(not np.allclose(seen[0][path], seen[4][path], rtol=1e-3) for path in seen[0] if "head" not in path)


@pytest.mark.sharded
@pytest.mark.parametrize("way", WAYS)
def test_a_resumed_training_is_the_same_to_the_bit(way, tmp_path):
    """Broken off before the release, at it, and after it."""
    import keras

    recipe = RECIPE.replace({"finetune": TUNE.finetune, **WAYS[way]}, length=Epochs(4))
    how = {"make_model": dropping, "precision": "float16" if way == "half" else "float32"}

    class Stop(keras.callbacks.Callback):
        def __init__(self, epoch):
            super().__init__()
            self.last = epoch

        def on_epoch_begin(self, epoch, logs=None):
            if epoch == self.last:
                raise KeyboardInterrupt

    straight, _ = trained(tmp_path / "straight", recipe, **how)
    for last in (1, 2, 3):
        with pytest.raises(KeyboardInterrupt):
            trained(tmp_path / f"{last}", recipe, **how, callbacks=[Stop(last)])
        model, history = trained(tmp_path / f"{last}", recipe, **how)
        assert len(history) == 4
        assert all(np.array_equal(a, b) for a, b in zip(weights(model), weights(straight), strict=True))


def test_batch_norms_inside_other_layers_are_frozen_too():
    import keras

    from kerascnn.training.freezing import frozen

    class Block(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.dense, self.norm = keras.layers.Dense(4), keras.layers.BatchNormalization()

        def build(self, shape):
            self.dense.build(shape)
            self.norm.build((None, 4))

        def call(self, x, training=False):
            return self.norm(self.dense(x), training=training)

    block = Block()
    model = keras.Sequential([keras.Input((3,)), block, keras.layers.Dense(2)])
    model(np.ones((2, 3)))
    with frozen(model, FineTune(frozen_epochs=1, batch_norm="frozen"), epoch=1):
        assert not block.norm.trainable_variables and len(model.trainable_variables) == 4
    assert len(model.trainable_variables) == 6


@pytest.mark.parametrize("batch_norm", ["train", "frozen"])
@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_it_is_what_keras_guide_does(optimizer, batch_norm, tmp_path):
    """Fit with the base not trainable; then make it trainable, but for the batch norms, compile anew and fit."""
    import keras

    from kerascnn.data.pipeline import batches

    recipe, data = (
        RECIPE.replace(
            optimizer=SGD(lr=0.01, nesterov=True) if optimizer == "sgd" else AdamW(lr=0.01),
            schedule=Constant(),
            length=Epochs(4),
            finetune=FineTune(frozen_epochs=2, batch_norm=batch_norm),
        ),
        blobs(2 * RECIPE.batch),
    )
    ours, _ = trained(tmp_path, recipe, data)
    keras.utils.set_random_seed(recipe.seed)
    theirs = tiny((12, 12, 3), 3)
    for epoch in range(4):
        if epoch % 2 == 0:
            for layer in theirs.layers:
                still = isinstance(layer, keras.layers.BatchNormalization) and batch_norm == "frozen"
                layer.trainable = not still if epoch else layer.name == "head.dense"
            rule = keras.optimizers.SGD(0.01, 0.9, nesterov=True) if optimizer == "sgd" else keras.optimizers.Adam(0.01)
            theirs.compile(rule, "sparse_categorical_crossentropy")
        how = preprocessed(recipe)
        theirs.fit(
            batches(data.train, how, 32, epoch=epoch, shuffle=True).map(lambda x, y: (x, y["label"])),
            epochs=1,
            verbose=0,
            shuffle=False,
        )
    for layer in theirs.layers:
        layer.trainable = True
    assert apart(ours, theirs) < 2e-6


def several_devices(name: str, out: str) -> None:
    """In a process of its own: fine-tune on the devices of a strategy, and save what came of it."""
    strategy, found = open_strategy(name), {}
    for batch_norm in ("train", "frozen"):
        recipe = RECIPE.replace(
            length=Epochs(2), finetune=FineTune(frozen_epochs=1, batch_norm=batch_norm), batch=9, accumulate=1
        )
        model, _ = trained(f"{out}/{batch_norm}", recipe, strategy=strategy, log=silent)
        found |= {f"{batch_norm}.{i}": value for i, value in enumerate(weights(model))}
    np.savez(f"{out}/found.npz", **found)


def test_two_devices_tune_what_one_tunes(tmp_path):
    several_devices("one", str(tmp_path / "one"))
    done = in_new_process("several_devices", "mirrored:2", tmp_path / "two", file=__file__)
    assert done.returncode == 0, done.stderr
    one, two = (np.load(tmp_path / name / "found.npz") for name in ("one", "two"))
    assert all(np.allclose(one[name], two[name], atol=1e-5) for name in one.files)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"finetune.frozen_epochs": 5}, "frozen_epochs is 5, longer than all 4 epochs"),
        ({"finetune.frozen_epochs": -1}, "frozen_epochs of FineTune must be a whole number at least 0; got -1"),
        ({"finetune.batch_norm": "frosen"}, "no batch_norm 'frosen'.*'frozen'"),
    ],
)
def test_what_cannot_be_tuned(change, message):
    with pytest.raises(ValueError, match=message):
        TUNE.replace(change)
