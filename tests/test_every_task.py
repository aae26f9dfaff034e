"""What a training promises, on every task alike: workers, kills, precision and callbacks."""

import os
import signal
from pathlib import Path

import numpy as np
import pytest
from test_train import LEFT, silent, weights
from test_workers import in_two

from kerascnn.card import Card
from kerascnn.catalogue import ROWS
from kerascnn.data import Data, Split
from kerascnn.data.segments import Segments, in_array, row_of
from kerascnn.tasks import TASKS, find_task
from kerascnn.training import SGD, Epochs, Input, Model, Recipe, open_strategy
from kerascnn.training.loop import train

LEARNED = [task for task in TASKS if task in {row.task for row in ROWS.values()}]  # those that have networks
SIDE, LABELS = 24, ("a", "b", "c")
RECIPE = Recipe(
    model=Model("tiny"),
    length=Epochs(2),
    data="squares",
    batch=9,
    input=Input(size=SIDE, squash=True, mean=(0.5,) * 3, std=(0.25,) * 3),
    augment=("flip",),
    optimizer=SGD(lr=0.02, weight_decay=1e-3),
    ema=0.9,
)


def squares(task: str) -> Data:
    """Noise with a bright rectangle in the channel of its class, annotated as a task needs it; of some, none is."""
    rng = np.random.default_rng(0)

    def split(count: int) -> Split:
        images = rng.integers(0, 90, (count, SIDE, SIDE, 3)).astype(np.uint8)
        found = {"label": rng.integers(0, 3, count).astype(np.int32), "mask": np.zeros((count, SIDE, SIDE), np.uint8)}
        found |= {"boxes": np.zeros((count, 2, 4), np.float32), "classes": np.zeros((count, 2), np.int32)}
        found |= {"valid": np.zeros((count, 2), bool), "crowd": np.zeros((count, 2), bool)}
        for place, kind in enumerate(found["label"]):
            (left, top), (wide, high) = rng.integers(0, 12, 2), rng.integers(7, 12, 2)
            images[place, top : top + high, left : left + wide, kind] += 120
            found["mask"][place, top : top + high, left : left + wide] = kind
            found["boxes"][place, 0], found["classes"][place, 0] = (left, top, left + wide, top + high), kind
            found["valid"][place, 0] = place % 5 > 0
        found["area"] = (found["boxes"][..., 2:] - found["boxes"][..., :2]).prod(-1)
        found["masks"] = in_array([row_of([outline(box) for box in boxes], SIDE, SIDE) for boxes in found["boxes"]])
        annotations = {name: found[name] for name in find_task(task).annotations}
        return Split(images, annotations, stores={"masks": Segments()} if "masks" in annotations else {})

    return Data(train=split(31), validation=split(10), labels=LABELS, channels=3)


def outline(box: np.ndarray) -> list:
    x1, y1, x2, y2 = box.tolist()
    return [[x1, y1, x2, y1, x2, y2, x1, y2]]


def network(task: str):
    """Makes the least network of a task that has all kinds of variables."""

    def make(shape, classes):
        from keras import Input, Model, initializers, layers

        from kerascnn.layers import DecodeBoxes

        x = inputs = Input(shape)
        for width in (8, 12):
            x = layers.Conv2D(width, 3, 2, "same", use_bias=False)(x)
            x = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))
        x = layers.Dropout(0.2)(x)
        if task == "classification":
            x = layers.Dense(classes)(layers.GlobalAveragePooling2D()(x))
            return Model(inputs, layers.Activation("softmax")(x), name="tiny")
        if task == "instance":
            return Model(inputs, masked(x, classes), name="tiny")
        if task == "panoptic":  # the last class is stuff
            maps = layers.UpSampling2D(4, interpolation="bilinear")(layers.Conv2D(2, 3, padding="same")(x))
            stuff = layers.Activation("softmax", dtype="float32")(maps)
            return Model(inputs, {**masked(x, classes - 1), "stuff": stuff}, name="tiny")
        rare = "zeros" if task == "segmentation" else initializers.Constant(-4.6)  # as RetinaNet's
        scores = layers.Conv2D(classes, 3, padding="same", bias_initializer=rare)(x)
        if task == "segmentation":
            scores = layers.UpSampling2D(4, interpolation="bilinear")(scores)
            return Model(inputs, layers.Activation("softmax")(scores), name="tiny")
        assert task == "detection", f"Draw the least network of {task} here."
        offsets = layers.Reshape((-1, 4))(layers.Conv2D(4, 3, padding="same")(x))
        side = SIDE // 4
        boxes = DecodeBoxes((SIDE, SIDE), [(side, side)], [(4, 4)], [[(10, 10)]], dtype="float32")([offsets])
        scores = layers.Activation("sigmoid", dtype="float32")(layers.Reshape((-1, classes))(scores))
        return Model(inputs, {"boxes": boxes, "scores": scores}, name="tiny")

    return make


def masked(x, classes):
    """Boxes, scores and masks of the least network of two stages, on a map of stride 4."""
    from keras import layers

    from kerascnn import layers as L

    def said(width):
        return layers.Reshape((-1, width))(layers.Conv2D(width, 3, padding="same")(x))

    side, kind = SIDE // 4, {"dtype": "float32"}
    grid = [(side, side)], [(4, 4)], [[(10, 10)]], (1.0, 1.0), 0.5
    regions = L.Proposals((SIDE, SIDE), *grid, 12, 8, **kind)([said(4), said(1)])
    seen = layers.Reshape((-1, 9 * x.shape[-1]))(L.RoIAlign([4], 3, **kind)([regions, x]))
    shares = layers.Softmax(**kind)(layers.Dense(1 + classes)(seen))
    offsets = layers.Dense(4 + 4 * classes)(seen)
    boxes, scores = L.ClassBoxes((SIDE, SIDE), 12, 6, **kind)([regions, offsets, shares])
    masks = L.RegionConv2D(1 + classes, 3, padding="same")(L.RoIAlign([4], 5, **kind)([boxes, x]))
    own = L.ClassMasks(**kind)([masks, scores])
    return {"boxes": boxes, "scores": scores, "masks": layers.Activation("sigmoid", **kind)(own)}


def learned(task: str, out: Path, recipe: Recipe = RECIPE, **how):
    recipe = recipe.replace(task=task)
    return train(recipe, squares(task), out, make_model=network(task), **{"log": silent, **how})


def without_seconds(history) -> list[dict]:
    return [{**record, "seconds": 0} for record in history]


@pytest.fixture(scope="module", params=LEARNED)
def straight(request, tmp_path_factory):
    """A task, and the weights and the history of a training of it that nothing interrupts."""
    model, history = learned(request.param, tmp_path_factory.mktemp("straight"))
    return request.param, weights(model), history


def on_devices(index: int, name: str, out: Path) -> None:
    """Train every task on a strategy, and save what this process has in the end."""
    strategy, found = open_strategy(name), {}
    for task in LEARNED:
        model, history = learned(task, out / task, strategy=strategy)
        found |= {f"{task}.{i}": value for i, value in enumerate(weights(model))}
        metric = find_task(task).metric
        found[f"{task}.history"] = [[row["loss"], row["val_loss"], row[f"val_{metric}"]] for row in history]
    np.savez(out / f"found{index}.npz", replicas=strategy.num_replicas_in_sync, **found)


def test_two_workers_learn_what_one_learns(tmp_path):
    """By batches of 9, of which the two get unequal parts, and the last of 4; a batch of validation is of one image."""
    on_devices(0, "one", tmp_path / "one")
    codes, logs = in_two(tmp_path, on_devices, "workers", tmp_path / "workers")
    assert codes == [0, 0], logs
    files = ("one/found0.npz", "workers/found0.npz", "workers/found1.npz")
    one, two, second = (np.load(tmp_path / file) for file in files)
    assert [int(each["replicas"]) for each in (one, two, second)] == [1, 2, 2]
    for task in LEARNED:
        assert one[f"{task}.history"][-1, 0] < one[f"{task}.history"][0, 0], f"{task} learns nothing"
    for name in {*one.files} - {"replicas"}:
        np.testing.assert_allclose(one[name], two[name], atol=2e-5, err_msg=name)
        assert np.array_equal(second[name], two[name]), "workers are one to the bit"


def test_what_is_asked_to_end_goes_on_to_the_bit(straight, tmp_path):
    """Within an epoch: weights and history, the metric's counts among it, are what they are without that."""
    import keras

    task, values, history = straight

    class Ask(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.epoch = epoch

        def on_train_batch_end(self, batch, logs=None):
            if (self.epoch, batch) == (1, 1):
                os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(SystemExit) as end:
        learned(task, tmp_path, callbacks=[Ask()])
    assert end.value.code == 143
    lines = []
    model, again = learned(task, tmp_path, log=lines.append)
    assert lines[0].startswith("continuing after step 2 of epoch 2 of 2")
    assert all(map(np.array_equal, weights(model), values)) and without_seconds(again) == without_seconds(history)
    assert sorted(path.name for path in tmp_path.iterdir()) == LEFT


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_mixed_precision_learns_what_float32_learns(straight, tmp_path, precision):
    """In 16 bits, from a scale of the loss at which no step overflows and is skipped."""
    import keras

    class Scale(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            if precision == "float16":
                self.model.optimizer.dynamic_scale.assign(128.0)

    task, _, expected = straight
    _, history = learned(task, tmp_path, precision=precision, callbacks=[Scale()])
    losses, wanted = ([record["loss"] for record in one] for one in (history, expected))
    assert losses != wanted and losses == pytest.approx(wanted, rel=0.03)
    saved = keras.models.load_model(tmp_path / "model.keras")
    assert {layer.compute_dtype for layer in saved.layers} == {v.dtype for v in saved.weights} == {"float32"}
    assert all(np.isfinite(value).all() for value in weights(saved))


def test_callbacks_are_called_and_may_stop(straight, tmp_path):
    import keras

    task, _, expected = straight
    metric, seen = find_task(task).metric, []

    class Watcher(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            seen.append(dict(logs))
            self.model.stop_training = epoch == 0

    csv = keras.callbacks.CSVLogger(tmp_path / "log.csv")
    best = keras.callbacks.ModelCheckpoint(tmp_path / "best.keras", monitor=f"val_{metric}", mode="max")
    _, history = learned(task, tmp_path / "out", callbacks=[Watcher(), csv, best])
    assert without_seconds(seen) == without_seconds(history) == without_seconds(expected[:1])
    assert {"loss", "lr", "seconds", metric, "val_loss", f"val_{metric}"} <= {*seen[0]}
    assert f"val_{metric}" in (tmp_path / "log.csv").read_text().splitlines()[0]
    assert keras.models.load_model(tmp_path / "best.keras").count_params() > 0
    assert Card.read(tmp_path / "out" / "model.keras").task == task
