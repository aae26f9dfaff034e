"""A linear probe before fine-tuning: what it learns, what it leaves, and that the training goes on from it."""

from pathlib import Path

import keras
import numpy as np
import pytest
from test_train import blobs, in_new_process, silent

from kerascnn.training import SGD, Epochs, FineTune, Input, Model, Recipe, open_strategy
from kerascnn.training.loop import train

PROBED = Recipe(
    model=Model("resnet18", fields={"width": 4}),
    length=Epochs(1),
    finetune=FineTune(probe=40),
    data="blobs",
    batch=32,
    input=Input(size=32, crop=1.0),
    optimizer=SGD(lr=1e-9),
)


class First(keras.callbacks.Callback):
    """The variables as the first epoch finds them."""

    def on_train_begin(self, logs=None):
        self.found = {v.path: np.array(v) for v in self.model.variables}


def first(out, recipe, **more):
    lines, seen = [], First()
    train(recipe, blobs(), out, callbacks=[seen], log=lines.append, **more)
    return seen.found, lines


def test_only_the_classifier_learns(tmp_path):
    probed, lines = first(tmp_path / "probed", PROBED)
    drawn, _ = first(tmp_path / "drawn", PROBED.replace({"finetune.probe": 0}))
    changed = {path for path in drawn if not np.array_equal(drawn[path], probed[path])}
    assert changed == {"head-dense/kernel", "head-dense/bias"}
    assert "the classifier alone, 40 steps on the features of" in lines[0]


def test_the_loss_falls(tmp_path):
    def loss(steps):
        _, lines = first(tmp_path / str(steps), PROBED.replace({"finetune.probe": steps}))
        return float(lines[0].rpartition(" ")[2])

    assert loss(200) < 0.9 * loss(1)


def several_devices(name, out):
    """In a process of its own, because the CPU is divided once."""
    strategy = open_strategy(name)
    found, _ = first(Path(out), PROBED, strategy=strategy)
    np.savez(Path(out) / "found.npz", kernel=found["head-dense/kernel"], bias=found["head-dense/bias"])


def test_several_devices_find_the_same(tmp_path):
    alone, _ = first(tmp_path / "one", PROBED)
    done = in_new_process("several_devices", "mirrored:2", tmp_path / "two", file=__file__)
    assert done.returncode == 0, done.stderr
    both = np.load(tmp_path / "two/found.npz")
    for part in ("kernel", "bias"):
        np.testing.assert_allclose(alone[f"head-dense/{part}"], both[part], rtol=1e-4, atol=1e-6)


def test_averages_begin_at_what_was_found(tmp_path):
    model, _ = train(PROBED.replace({"ema": 0.9999}), blobs(), tmp_path, log=silent)
    found, _ = first(tmp_path / "again", PROBED)
    np.testing.assert_allclose(model.get_layer("head-dense").kernel, found["head-dense/kernel"], rtol=1e-5)


def test_the_number_of_steps_is_checked():
    with pytest.raises(ValueError, match="probe of FineTune must be a whole number"):
        FineTune(probe=-1)
