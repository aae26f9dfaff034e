"""Trainings that are killed, asked to end or out of room at random moments: the last good state lives, and goes on.

Moments are seeded. ``pytest tests/faults/test_training_kills.py`` tries all of them.
"""

import os
import resource
import signal
import time
from pathlib import Path

import numpy as np
import pytest
from test_state import same_history
from test_train import LEFT, LONG, dropping, trained
from test_workers import ended, free_ports, started, tf_config

from kerascnn.training import Epochs, RMSProp, open_strategy
from kerascnn.training.state import Saved, read

RECIPE = LONG.replace(optimizer=RMSProp(lr=0.05, weight_decay=5e-3), length=Epochs(10), batch=8, ema=0.9)
STEPS = 8  # of an epoch
FAULTS = ("killed", "asked", "full")
MOST = 4  # faults in a row


def training(index: int, out: Path, ticks: Path, name: str, room: int) -> None:
    """Train, count steps in a file, save after each that finds the last one saved; files may grow up to ``room``."""
    import keras

    class Tick(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            with ticks.open("ab") as file:
                file.write(b"b")
            if room and ticks.stat().st_size > room:  # less than a checkpoint, as on a full disk
                resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))

    how = {"make_model": dropping, "strategy": open_strategy(name), "save_every": 0.05}
    trained(out, RECIPE, callbacks=[Tick()], log=lambda text: print(text, flush=True), **how)


@pytest.fixture(scope="module")
def straight(tmp_path_factory):
    """The last state of a training to which nothing happens."""
    out = tmp_path_factory.mktemp("straight")
    trained(out, RECIPE, make_model=dropping)
    return read(out / "state.npz")


def steps_kept(out: Path) -> int:
    """How far the last state is; that before it is whole too, and nothing is left half-written under a model's name."""
    found = [read(path).place for path in sorted(out.glob("checkpoint*.npz"))]
    assert not (out / "model.keras").exists() or (out / "model.keras.json").exists()
    return max((len(place.history) * STEPS + place.step for place in found), default=0)


def run(folder: Path, count: int, fault: str, rng: np.random.Generator) -> tuple[list[int], list[str]]:
    """Start so many workers, let a fault come to one of them after some steps, and wait for all to end."""
    ticks, room = folder / "ticks", 0
    ticks.write_bytes(b"")
    due, who = int(rng.integers(1, 3 * STEPS // 2)), int(rng.integers(count))
    if fault == "full":
        room, who = due * count, 0
    ports, logs = free_ports(count), [folder / f"log{index}.txt" for index in range(count)]
    for log in logs:
        log.unlink(missing_ok=True)
    name = "workers" if count > 1 else "one"
    processes = [
        started(
            logs[index],
            training,
            index,
            folder / "out",
            ticks,
            name,
            room if index == who else 0,
            TF_CONFIG=tf_config(ports, index),
        )
        for index in range(count)
    ]
    if fault in ("killed", "asked"):
        while ticks.stat().st_size < due * count and all(process.is_alive() for process in processes):
            time.sleep(0.002)
        time.sleep(rng.uniform(0, 0.02))
        if processes[who].is_alive():
            os.kill(processes[who].pid, signal.SIGKILL if fault == "killed" else signal.SIGTERM)
    codes = ended(processes, 300)
    return codes, [log.read_text() for log in logs]


def check_fault(codes: list[int], logs: list[str], fault: str) -> None:
    """Everybody has ended, and said why."""
    wanted = {"killed": {-signal.SIGKILL, 1}, "asked": {143}, "full": {1}}[fault]
    assert set(codes) <= wanted, logs
    if fault == "asked":
        assert "asked to end (SIGTERM): the state after" in logs[0], logs
    if fault == "full":
        assert any("File too large, so " in log for log in logs), logs
    for code, log in zip(codes, logs, strict=True):
        assert code != 1 or "File too large, so " in log or "RuntimeError: Another worker has ended" in log, logs


def survives(folder: Path, count: int, seed: int) -> Path:
    """Let faults come to a training, one after the other, then let it end."""
    rng, before = np.random.default_rng([seed, count]), 0
    for _ in range(rng.integers(1, MOST) if seed else 2):
        fault = FAULTS[rng.integers(len(FAULTS))]
        codes, logs = run(folder, count, fault, rng)
        if not any(codes):  # it was over before
            break
        check_fault(codes, logs, fault)
        after = steps_kept(folder / "out")
        assert before <= after
        before = after
    if any(codes):
        codes, logs = run(folder, count, "", rng)
        assert not any(codes), logs
        assert not before or "continuing after " in logs[0], logs
    return folder / "out"


def check_same(out: Path, expected: Saved) -> None:
    """What a training has left is what was expected, and nothing else."""
    found = read(out / "state.npz")
    differing = [
        i for i, pair in enumerate(zip(found.values, expected.values, strict=True)) if not np.array_equal(*pair)
    ]
    assert not differing
    assert same_history(found.place.history, expected.place.history)
    assert sorted(path.name for path in out.iterdir()) == LEFT


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.sharded) for seed in range(1, 40))])
def test_a_training_survives_what_happens_to_it(tmp_path, straight, seed):
    """It ends with the state and the history of one to which nothing happens, to the bit."""
    check_same(survives(tmp_path, 1, seed), straight)


@pytest.fixture(scope="module", params=[2, 3])
def several(request, tmp_path_factory):
    """How many workers there are, and their last state when nothing happens to them."""
    folder = tmp_path_factory.mktemp(f"straight{request.param}")
    codes, logs = run(folder, request.param, "", np.random.default_rng(0))
    assert not any(codes), logs
    return request.param, read(folder / "out" / "state.npz")


@pytest.mark.sharded
@pytest.mark.parametrize("seed", range(1, 13))
def test_workers_survive_what_happens_to_one_of_them(tmp_path, several, seed):
    count, expected = several
    check_same(survives(tmp_path, count, seed), expected)


def several_then_one(out: Path) -> None:
    """In a process of its own: two devices begin an epoch, one goes on with it."""
    from test_state import ask_to_end, interrupting

    two = open_strategy("mirrored:2")
    how = {"make_model": dropping, "log": lambda text: print(text, flush=True)}
    plain = RECIPE.replace(length=Epochs(2))
    plain = {"recipe": plain, **how}
    with pytest.raises(SystemExit):
        trained(out, strategy=two, callbacks=[interrupting(1, 3, ask_to_end)], **plain)
    _, history = trained(out, **plain)
    with pytest.raises(SystemExit):
        trained(out.with_name("again"), strategy=two, callbacks=[interrupting(1, 3, ask_to_end)], **plain)
    _, again = trained(out.with_name("again"), strategy=two, **plain)
    _, straight = trained(out.with_name("straight"), strategy=two, **plain)
    assert same_history(again, straight)
    for name in ("loss", "top1", "val_loss"):
        assert history[1][name] == pytest.approx(straight[1][name], abs=0.05), (history, straight)


def test_another_number_of_devices_goes_on_within_the_epoch(tmp_path):
    """The same number to the bit, another nearly: dropout draws for every device its own."""
    process = started(tmp_path / "log.txt", several_then_one, tmp_path / "out")
    assert ended([process], 300) == [0], (tmp_path / "log.txt").read_text()
