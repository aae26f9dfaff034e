"""What is left of a training that does not come to its end, and how it goes on: from within an epoch, and longer."""

import errno
import fcntl
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from test_train import LEFT, LONG, dropping, trained, weights
from test_workers import photos, preprocessed

from kerascnn.files import locked
from kerascnn.training import Constant, Cosine, Epochs, RMSProp, Steps
from kerascnn.training.interruption import Saving
from kerascnn.training.state import DAMAGES, Checkpoint, Place, read

# Files


class Variable:
    """As much of Keras' as a checkpoint needs."""

    trainable = True

    def __init__(self, values):
        self.values = np.asarray(values, np.float32)

    def __array__(self, dtype=None, copy=None):
        return np.array(self.values, dtype)

    def assign(self, values):
        self.values = values


def saved(folder: Path, epochs: int = 2) -> Checkpoint:
    """A checkpoint of variables that hold the number of epochs."""
    variable = Variable(np.zeros((3, 4)))
    checkpoint = Checkpoint(folder, [variable, Variable([7])], {"run": "this"})
    for epoch in range(1, epochs + 1):
        variable.assign(np.full((3, 4), epoch, np.float32))
        assert checkpoint.save(Place([{"loss": 0.5}] * epoch, step=epoch, meters=[np.full((1, 2), epoch)]))
    return checkpoint


def test_every_bit_of_a_checkpoint_counts(tmp_path):
    """Wherever one is flipped, or the file is cut, it is not read; the shape in a header is one such place."""
    path = saved(tmp_path).path
    content = path.read_bytes()
    found = read(path)
    assert (len(found.place.history), found.place.step, found.identity) == (2, 2, {"run": "this"})
    assert np.array_equal(found.values[0], np.full((3, 4), 2)) and np.array_equal(found.place.meters[0], [[2, 2]])
    shape = content.index(b"'shape': (3, 4)")
    rng = np.random.default_rng(0)
    for place in [shape + 10, len(content) - 1, 0, *rng.integers(0, len(content), 300)]:
        flipped = bytearray(content)
        flipped[place] ^= 1 << rng.integers(8)
        path.write_bytes(flipped)
        with pytest.raises(DAMAGES):
            read(path)
    for length in (0, 10, 64, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:length])
        with pytest.raises(DAMAGES):
            read(path)


def test_the_checkpoint_before_a_damaged_one_is_used_loudly(tmp_path):
    checkpoint = saved(tmp_path, epochs=3)
    checkpoint.path.write_bytes(checkpoint.path.read_bytes()[:-1])
    message = r"checkpoint\.npz is not .* or damaged.*after step 2 of epoch 3 is lost.*checkpoint\.previous\.npz"
    with pytest.warns(UserWarning, match=message):
        found = checkpoint.read()
    again = Checkpoint(tmp_path, [Variable(np.zeros((3, 4))), Variable([0])], {"run": "this"})
    again.put_back(found)
    assert np.array_equal(again.variables[0], np.full((3, 4), 2)) and again.variables[1].values[0] == 7
    again.save(Place([{}] * 3))
    assert len(read(again.previous).place.history) == 2  # the good one, not the damaged one, is that before the new
    for path in (again.path, again.previous):
        path.write_bytes(b"something else")
    with pytest.raises(ValueError, match=r"checkpoint\.npz is not .*--overwrite"):
        again.read()


def test_weights_that_are_not_finite_are_not_saved(tmp_path):
    checkpoint = saved(tmp_path)
    checkpoint.variables[0].assign(np.full((3, 4), np.nan))
    assert not checkpoint.save(Place([{}] * 3)) and len(read(checkpoint.path).place.history) == 2


def test_where_links_are_missing_the_one_before_is_copied(tmp_path, monkeypatch):
    def missing(*arguments):
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", missing)
    assert len(read(saved(tmp_path).previous).place.history) == 1


# Locks


def test_a_folder_is_locked_against_all_but_its_own_thread(tmp_path):
    refused = []

    def other():
        with pytest.raises(BlockingIOError, match=rf"being worked in by process {os.getpid()} on .* since .*another"):
            trained(tmp_path / "out")
        refused.append(True)

    with locked(tmp_path / "out"), locked(tmp_path / "out"):
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    assert refused and not (tmp_path / "out").exists()
    with locked(tmp_path / "out"):
        pass


def test_a_killed_process_leaves_no_lock(tmp_path):
    code = f"from kerascnn.files import locked\nwith locked({str(tmp_path)!r}): print('locked', flush=True); input()"
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"locked\n"
    with pytest.raises(BlockingIOError, match=f"process {process.pid} on "), locked(tmp_path):
        pass
    process.kill()
    process.wait()
    with locked(tmp_path):
        pass


def test_where_there_are_no_locks_it_says_so_and_goes_on(tmp_path, monkeypatch):
    def missing(*arguments):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", missing)
    with pytest.warns(UserWarning, match="cannot be locked .No locks available., so nothing keeps"), locked(tmp_path):
        pass


# Within an epoch

SMALL = LONG.replace(
    augment=("crop", "flip", "mixup:0.4", "cutmix:1.0"),
    optimizer=RMSProp(lr=0.05, weight_decay=5e-3),
    length=Epochs(3),
    batch=16,
    accumulate=2,
    ema=0.9,
)


def same_history(one, other) -> bool:
    return [{**record, "seconds": 0} for record in one] == [{**record, "seconds": 0} for record in other]


@pytest.fixture(scope="module")
def straight(tmp_path_factory):
    """Weights and history of a training that nothing interrupts."""
    model, history = trained(tmp_path_factory.mktemp("straight"), SMALL, make_model=dropping)
    return weights(model), history


def interrupting(epoch: int, batch: int, how):
    """A callback that calls ``how`` after a step."""
    import keras

    class Interrupt(keras.callbacks.Callback):
        def on_epoch_begin(self, now, logs=None):
            self.epoch = now

        def on_train_batch_end(self, now, logs=None):
            if (self.epoch, now) == (epoch, batch):
                how()

    return Interrupt()


def ask_to_end() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def test_what_is_asked_to_end_saves_and_goes_on_within_the_epoch(tmp_path, straight, monkeypatch):
    """To the bit, after a step, after the last step, and from within the validation; the history is the same too."""
    lines = []
    how = {"make_model": dropping, "log": lines.append}
    for batch, place in ((1, "step 2 of epoch 2"), (3, "step 4 of epoch 2")):
        with pytest.raises(SystemExit) as ended:
            trained(tmp_path, SMALL, callbacks=[interrupting(1, batch, ask_to_end)], **how)
        assert ended.value.code == 143 and signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
        assert lines[-1].startswith(f"asked to end (SIGTERM): the state after {place} is saved in {tmp_path}")
    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr(Saving, "ends", lambda saving: len(lines) > 5 and (ask_to_end(), True)[1])
        trained(tmp_path, SMALL, **how)
    assert "after step 4 of epoch 3 is saved" in lines[-1]
    model, history = trained(tmp_path, SMALL, **how)
    assert [line for line in lines if line.startswith("continuing")] == [
        f"continuing after {place} of 3, from {tmp_path}/checkpoint.npz"
        for place in ("step 2 of epoch 2", "step 4 of epoch 2", "step 4 of epoch 3")
    ]
    assert all(map(np.array_equal, weights(model), straight[0])) and same_history(history, straight[1])
    assert sorted(path.name for path in tmp_path.iterdir()) == LEFT


def test_who_heard_sigterm_before_is_told_once_the_state_is_saved(tmp_path):
    told = []
    before = signal.signal(signal.SIGTERM, lambda *_: told.append((tmp_path / "checkpoint.npz").exists()))
    try:
        with pytest.raises(SystemExit):
            trained(tmp_path, SMALL, callbacks=[interrupting(0, 0, ask_to_end)])
        assert told == [True]
        ask_to_end()
        assert len(told) == 2
    finally:
        signal.signal(signal.SIGTERM, before)


def test_it_is_saved_now_and_then_within_an_epoch(tmp_path, straight):
    def break_off():
        raise KeyboardInterrupt

    lines, how = [], {"make_model": dropping, "save_every": 1e-9}
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path, SMALL, callbacks=[interrupting(1, 2, break_off)], **how)
    path = tmp_path / "checkpoint.npz"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.warns(UserWarning, match="learned after step 1 of epoch 2 is lost"):
        model, history = trained(tmp_path, SMALL, log=lines.append, **how)
    assert lines[0] == f"continuing after step 1 of epoch 2 of 3, from {tmp_path}/checkpoint.previous.npz"
    assert all(map(np.array_equal, weights(model), straight[0])) and same_history(history, straight[1])
    with pytest.raises(ValueError, match="save_every must be a number of seconds above 0; got 0"):
        trained(tmp_path, save_every=0)


PLAIN, MIXED = ("flip",), ("flip", "mixup:0.4", "cutmix:1.0")


@pytest.mark.parametrize(
    ("augment", "places"),
    [
        (MIXED, range(12, 30)),
        *(
            pytest.param(augment, places, marks=pytest.mark.sharded)
            for augment, places in [(PLAIN, range(12, 30)), (PLAIN, range(21)), (MIXED, range(21, 42))]
        ),
    ],
)
def test_batches_that_are_left_out_are_not_read(tmp_path, augment, places):
    """The others are what they are without that, for every worker, within a pass and across two."""
    from kerascnn.data.pipeline import batches, drawn

    split = photos(tmp_path, 21)

    def part(start, shard=(0, 1)):
        how = dict(augment=augment, classes=3, seed=3, shuffle=True, places=places, shard=shard)
        made = batches(split, preprocessed(), 6, start=start, **how)
        return [array for x, y in made for array in (x.numpy(), y["label"].numpy())]

    whole = [part(0, shard) for shard in ((0, 1), (0, 2), (1, 2))]
    order, _, _ = drawn(21, places, 3, True, 1)
    for image in {*order[:12]} - {*order[12:]}:
        Path(split.images[image]).unlink()
    for made, shard in zip(whole, ((0, 1), (0, 2), (1, 2)), strict=True):
        left = part(2, shard)
        assert len(left) == len(made) - 4 and all(map(np.array_equal, left, made[4:]))


# Longer

EVEN = SMALL.replace(schedule=Constant(warmup=0.5), length=Epochs(2), augment=())


def test_more_epochs_continue_a_finished_training(tmp_path):
    """To the bit of what so many epochs from the start learn; as long or shorter, it is finished."""
    lines, longer = [], EVEN.replace(length=Epochs(3))
    trained(tmp_path / "out", EVEN, make_model=dropping)
    with pytest.raises(FileExistsError, match="is a finished training"):
        trained(tmp_path / "out", EVEN, make_model=dropping)
    with pytest.raises(
        FileExistsError, match=r"finished training\. .*state\.npz was left by another run: .*seed is 0 there and 1"
    ):
        trained(tmp_path / "out", longer.replace(seed=1), make_model=dropping)
    with pytest.raises(ValueError, match=r"of 2 epochs after epoch 2, and this one has only 1\."):
        trained(tmp_path / "out", EVEN.replace(length=Epochs(1)), make_model=dropping)
    with pytest.raises(SystemExit):
        trained(tmp_path / "out", longer, make_model=dropping, callbacks=[interrupting(2, 0, ask_to_end)])
    model, history = trained(tmp_path / "out", longer, make_model=dropping, log=lines.append)
    assert lines[0].startswith("continuing after step 1 of epoch 3 of 3")
    straight, expected = trained(tmp_path / "straight", longer, make_model=dropping)
    assert all(map(np.array_equal, weights(model), weights(straight))) and same_history(history, expected)


def test_a_rate_that_depends_on_the_length_is_gone_on_with_only_on_demand(tmp_path):
    lines, short = [], EVEN.replace(schedule=Cosine())
    trained(tmp_path, short)
    longer = short.replace(length=Epochs(3))
    message = (
        r"state\.npz was left by a training of 2 epochs after epoch 2, and one of 3 would have come there another way "
        r"\(from epoch 1 on, the learning rate would have been 0\.\d+ instead of 0\.\d+; it is 0\.00\d+ now and would "
        r"go on at 0\.01\d+\).*--extend"
    )
    with pytest.raises(ValueError, match=message):
        trained(tmp_path, longer)
    _, history = trained(tmp_path, longer, extend=True, log=lines.append)
    assert len(history) == 3 and lines[0].endswith("going on none the less") and "instead of" in lines[0]
    _, history = trained(tmp_path, longer.replace(length=Epochs(1)), overwrite=True)
    assert len(history) == 1  # from the start


def test_an_epoch_of_so_many_steps_is_taken_up_within(tmp_path):
    """Over the border of two passes."""
    steps = EVEN.replace(length=Steps(12, every=6))
    with pytest.raises(SystemExit):
        trained(tmp_path / "out", steps, make_model=dropping, callbacks=[interrupting(1, 1, ask_to_end)])
    model, _ = trained(tmp_path / "out", steps, make_model=dropping)
    straight, _ = trained(tmp_path / "straight", steps, make_model=dropping)
    assert all(map(np.array_equal, weights(model), weights(straight)))
