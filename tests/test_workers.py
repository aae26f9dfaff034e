"""Training in several processes: who they are, the same results as in one, and what is left when one is lost."""

import json
import multiprocessing
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from test_step import chancy
from test_train import LEFT, LONG, RECIPE, dropping, preprocessed, trained, weights

from kerascnn.data import Split
from kerascnn.data.dataset import InFiles
from kerascnn.training import AdamW, Distillation, Epochs, RMSProp, Stage, cluster, leads, open_strategy
from kerascnn.training.strategy import SILENCE

ROOT = Path(__file__).parents[1]
PROCESSES = multiprocessing.get_context("forkserver")  # whose server imports TensorFlow once, and computes nothing
PROCESSES.set_forkserver_preload(["keras", "tensorflow", __name__])


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on, which the system does not give out again at once."""
    sockets = [socket.create_server(("", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def tf_config(ports: list[int], index: int) -> str:
    addresses = [f"localhost:{port}" for port in ports]
    return json.dumps({"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}})


def as_process(environment: dict[str, str], log: Path, call, arguments) -> None:
    """What a process does from its birth on."""
    with log.open("a") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    os.environ |= environment
    call(*arguments)


def started(log: Path, call, *arguments, **environment: str):
    """A new process that calls a function of this file."""
    log.parent.mkdir(parents=True, exist_ok=True)
    process = PROCESSES.Process(target=as_process, args=(environment, log, call, arguments))
    process.start()
    return process


def ended(processes, seconds: float = 120) -> list[int]:
    """The exit codes of processes that should end by themselves."""
    try:
        for process in processes:
            process.join(seconds)
        codes = [process.exitcode for process in processes]
        assert None not in codes, f"after {seconds:g} seconds some still run; the exit codes are {codes}"
        return codes
    finally:
        for process in processes:
            process.kill()


def in_several(count: int, folder: Path, call, *arguments) -> tuple[list[int], list[str]]:
    """The exit codes and logs of so many workers that call a function of a file of tests with their number first."""
    ports = free_ports(count)
    logs = [folder / f"log{index}.txt" for index in range(count)]
    for log in logs:
        log.unlink(missing_ok=True)
    workers = [started(logs[i], call, i, *arguments, TF_CONFIG=tf_config(ports, i)) for i in range(count)]
    return ended(workers), [log.read_text() for log in logs]


in_two = partial(in_several, 2)


# Who the workers are

GOOD = {"cluster": {"chief": ["a:1"], "worker": ["b:1", "c:1"]}, "task": {"type": "worker", "index": 1}}


WRONG = {
    '{"cluster": ': r"is not JSON \(.*\): .*Expected such as",
    "[]": 'lacks "cluster"',
    '{"cluster": {}, "task": {}}': 'lacks "cluster"',
    '{"cluster": {"worker": ["a"]}, "task": {}}': 'addresses "host:port"',
    '{"cluster": {"worker": ["a:1"]}}': 'or "task"',
    json.dumps(GOOD | {"cluster": {"worker": ["a:1"], "ps": ["b:1"]}}): "has the tasks 'ps'",
    json.dumps(GOOD | {"cluster": {"chief": ["a:1", "b:1"]}}): "several chiefs",
    json.dumps(GOOD | {"cluster": {"worker": ["a:1", "a:1"]}}): "one address to several",
    json.dumps(GOOD | {"task": {"type": "worker", "index": 2}}): "task 'worker' number 2, which is not in",
    json.dumps(GOOD | {"task": {"type": "worker", "index": "0"}}): "number '0', which is not in",
    json.dumps(GOOD | {"task": {"type": "evaluator", "index": 0}}): "task 'evaluator' number 0, which is not in",
}


def test_tf_config_that_does_not_hold_together():
    for text, message in WRONG.items():
        with pytest.raises(ValueError, match=rf"(?s)TF_CONFIG.*{message}"):
            cluster.read_cluster({"TF_CONFIG": text})


def test_tf_config_says_who_this_is():
    found = cluster.read_cluster({"TF_CONFIG": json.dumps(GOOD), "SLURM_STEP_NUM_TASKS": "7"})
    assert (found.own, found.others, found.leads) == ("c:1", ["a:1", "b:1"], False)
    for kind, leader in (("chief", True), ("worker", False)):
        text = json.dumps(GOOD | {"task": {"type": kind, "index": 0}})
        assert cluster.read_cluster({"TF_CONFIG": text}).leads is leader
    assert cluster.read_cluster({"TF_CONFIG": tf_config([1, 2], 0)}).leads


def test_nothing_says_who_the_workers_are(monkeypatch):
    for name in [*os.environ]:
        if name.startswith(("SLURM_", "TF_CONFIG")):
            monkeypatch.delenv(name)
    assert leads("mirrored:2")
    with pytest.raises(ValueError, match=r"neither TF_CONFIG nor .* Set TF_CONFIG on every machine"):
        open_strategy("workers")
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    with pytest.raises(ValueError, match="not a step of one: start it with srun"):
        leads("workers")
    with pytest.raises(ValueError, match="takes nothing after a colon"):
        open_strategy("workers:2")


def slurm(rank: int, nodes: str, per_node: str, node: str, local: int, tasks: int) -> dict[str, str]:
    """What Slurm sets for one task of a step."""
    step = {"NUM_TASKS": tasks, "NODELIST": nodes, "TASKS_PER_NODE": per_node}
    rest = {"SLURM_PROCID": rank, "SLURM_LOCALID": local, "SLURM_JOB_ID": 31, "SLURMD_NODENAME": node}
    return {name: str(value) for name, value in ({f"SLURM_STEP_{n}": v for n, v in step.items()} | rest).items()}


@pytest.mark.parametrize(
    ("nodes", "per_node", "tasks"),
    [
        ("n[9-10]", "2,1", [("n9", 0), ("n9", 1), ("n10", 0)]),
        ("gpu[01-02],big", "1(x3)", [("gpu01", 0), ("gpu02", 0), ("big", 0)]),
    ],
)
def test_slurm_says_who_the_workers_are(monkeypatch, nodes, per_node, tasks):
    """Each task finds itself, and all find the same, in whatever order Slurm has numbered them."""
    found = []
    for rank, (node, local) in enumerate(tasks):
        environment = slurm(rank, nodes, per_node, node, local, len(tasks))
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        found.append(cluster.read_cluster(environment))
    assert [one.own for one in found] == [f"{node}:{10_031 + local}" for node, local in tasks]
    assert all(one.jobs == found[0].jobs for one in found) and sum(one.leads for one in found) == 1
    assert sorted(found[0].jobs["worker"]) == sorted(one.own for one in found)
    assert os.environ.get("CUDA_VISIBLE_DEVICES") == "-1"  # left as it is
    with pytest.raises(ValueError, match=r"Slurm.s variables do not say .*SLURMD_NODENAME.*n77"):
        cluster.read_cluster(environment | {"SLURMD_NODENAME": "n77"})


def test_a_worker_that_does_not_come_is_named(capfd):
    ports = free_ports(3)
    with socket.create_server(("", ports[1])):
        config = tf_config(ports, 0)
        with pytest.raises(TimeoutError, match=rf"cannot reach localhost:{ports[2]} \(.*refused\) from") as raised:
            cluster.meet(cluster.read_cluster({"TF_CONFIG": config}), patience=2.5)
    assert str(ports[1]) not in str(raised.value)
    assert capfd.readouterr().err == f"waiting for the workers localhost:{ports[2]}\n"
    with socket.create_server(("", ports[0])), pytest.raises(OSError, match=rf"port {ports[0]} of this machine"):
        cluster.meet(cluster.read_cluster({"TF_CONFIG": config}))


def opened_too_late() -> None:
    import tensorflow as tf

    tf.zeros(1) + 1
    with pytest.raises(RuntimeError, match=r"cannot join other workers any more.*in a fresh process"):
        open_strategy("workers")


def no_tpu() -> None:
    with pytest.raises(RuntimeError, match=r"There is no TPU on this machine \(.*tensorflow-tpu"):
        open_strategy("tpu")


def test_strategies_that_cannot_be_opened_here(tmp_path):
    late = started(tmp_path / "late.txt", opened_too_late, TF_CONFIG=tf_config(free_ports(1), 0))
    without = started(tmp_path / "tpu.txt", no_tpu)
    assert ended([late, without]) == [0, 0], [path.read_text() for path in tmp_path.iterdir()]


# The same results

MIXED = ("crop", "flip", "mixup:0.4", "cutmix:1.0")
SETTINGS = {
    "normalised": ({"augment": MIXED, "batch": 16}, "tiny"),
    "everything": (
        {"augment": MIXED, "batch": 9, "clip_norm": 0.3, "ema": 0.9, "optimizer": AdamW(lr=0.05, weight_decay=5e-3)},
        "tiny",
    ),
    "whole": ({"batch": 10, "augment": ("flip", "mixup:0.4")}, "chancy"),
    "accumulated": ({"batch": 10, "augment": ("flip", "mixup:0.4"), "accumulate": 2}, "chancy"),
    "in stages": ({"stages": (Stage(size=10, augment=("flip",)), Stage(size=12, augment=("mixup:0.4",)))}, "tiny"),
    "taught": ({}, "tiny"),
}


def several(index: int, name: str, out: Path, teacher: str) -> None:
    """Train by every setting on a strategy, and save what this process has in the end."""
    from test_train import tiny

    strategy, found = open_strategy(name), {}
    for setting, (change, network) in SETTINGS.items():
        recipe = RECIPE.replace(change, length=Epochs(2))
        if setting == "taught":
            recipe = recipe.replace(distill=Distillation(teacher=teacher, weight=0.5, temperature=2.0))
        model, history = trained(
            out / setting,
            recipe,
            strategy=strategy,
            make_model={"tiny": tiny, "chancy": chancy}[network],
        )
        found |= {f"{setting}.{i}": value for i, value in enumerate(weights(model))}
        found[f"{setting}.loss"] = [[record["loss"], record["val_loss"]] for record in history]
    np.savez(out / f"found{index}.npz", replicas=strategy.num_replicas_in_sync, **found)


def test_workers_and_devices_learn_what_one_device_learns(tmp_path):
    """By batches of 9, of which the workers get unequal parts, and with a held-out image that batches of 16 leave."""
    from test_techniques import taught

    teacher = taught(tmp_path / "teacher")
    several(0, "one", tmp_path / "one", teacher)
    other = started(tmp_path / "log.txt", several, 0, "mirrored:2", tmp_path / "two", teacher)
    codes, logs = in_two(tmp_path, several, "workers", tmp_path / "workers", teacher)
    assert [*codes, *ended([other])] == [0, 0, 0], logs
    found = [np.load(tmp_path / file) for file in ("one/found0.npz", "two/found0.npz", "workers/found0.npz")]
    assert [int(one["replicas"]) for one in found] == [1, 2, 2]
    for name in set(found[0].files) - {"replicas"}:
        for other in found[1:]:
            assert np.allclose(found[0][name], other[name], atol=1e-5), name
    second = np.load(tmp_path / "workers" / "found1.npz")
    assert all(np.array_equal(second[name], found[2][name]) for name in second.files)  # workers are one to the bit
    for name in found[0].files:  # without normalisation, which sees the parts one by one
        if name.startswith("whole"):
            assert np.allclose(found[0][name], found[0][name.replace("whole", "accumulated")], atol=1e-5), name
    left = {path.name for path in (tmp_path / "workers").rglob("*") if path.is_file()}
    assert left == {*LEFT, "found0.npz", "found1.npz"}


def photos(folder: Path, count: int) -> Split:
    """Image files of one colour each."""
    import tensorflow as tf

    paths = [folder / f"{i}.png" for i in range(count)]
    for i, path in enumerate(paths):
        tf.io.write_file(str(path), tf.io.encode_png(np.full((12, 12, 3), 10 * i, np.uint8)))
    return Split(np.array([str(path) for path in paths]), {"label": np.arange(count, dtype=np.int32) % 3}, InFiles())


@pytest.mark.parametrize(
    "augment",
    [("flip",), ("flip", "mixup:0.4", "cutmix:1.0"), ("mixup_cutmix:0.4:1.0",)],
    ids=["plain", "mixed", "halves"],
)
@pytest.mark.parametrize(("batch", "count"), [(8, 3), (6, 2)])
def test_workers_get_their_parts_of_the_same_batches(tmp_path, augment, batch, count):
    """Joined, their parts are what one process gets, and none opens a file that it does not need."""
    import tensorflow as tf

    from kerascnn.data.pipeline import batches
    from kerascnn.data.transforms.mixing import mixed_with
    from kerascnn.data.transforms.registry import parse_all

    split = photos(tmp_path, 21)

    def part(*shard):
        how = dict(augment=augment, classes=3, seed=3, shuffle=True, shard=shard)
        return [(x.numpy(), y["label"].numpy()) for x, y in batches(split, preprocessed(), batch, **how)]

    whole, parts = part(0, 1), [part(index, count) for index in range(count)]
    for joined, *shares in zip(whole, *parts, strict=True):
        for one, own in zip(joined, zip(*shares, strict=True), strict=True):
            assert np.array_equal(one, np.concatenate(own))
            assert max(map(len, own)) - min(map(len, own)) <= 1

    rng = np.random.default_rng([3, 0])
    salt, order = rng.integers(2**63), rng.permutation(21)
    needed = []
    for number, ((_, targets), (_, own)) in enumerate(zip(whole, parts[0], strict=True)):
        indices = order[number * batch :][: len(targets)]
        needed.append(indices[: len(own)])
        of_mix = tf.random.split(tf.stack([salt, -1 - number]), 2)[1]
        for step in parse_all(augment):
            if step.kind == "mix":
                needed.append(indices[mixed_with(step.name, of_mix, len(targets))[: len(own)]])
    needed = set(np.concatenate(needed))
    assert len(needed) < 21
    for path in np.delete(split.images, [*needed]):
        Path(path).unlink()
    assert all(
        np.array_equal(a, b)
        for new, old in zip(part(0, count), parts[0], strict=True)
        for a, b in zip(new, old, strict=True)
    )
    Path(split.images[needed.pop()]).unlink()
    with pytest.raises(tf.errors.NotFoundError):
        part(0, count)


# What is kept

FIVE = LONG.replace(optimizer=RMSProp(lr=0.05, weight_decay=5e-3), length=Epochs(5), ema=0.9, accumulate=2)


def killed_at(index: int, out: Path, who: tuple[int, ...], epoch: int) -> None:
    """Train until the second step of an epoch, where the workers of these numbers are killed."""
    import keras
    from tensorflow.python.eager.context import context

    class Kill(keras.callbacks.Callback):
        def on_epoch_begin(self, now, logs=None):
            self.due = now == epoch and index in who

        def on_train_batch_end(self, batch, logs=None):
            if self.due and batch == 1:
                os.kill(os.getpid(), signal.SIGKILL)

    workers = open_strategy("workers")
    assert context().coordination_service.heartbeat_timeout_in_ms == 1000 * SILENCE  # so that all notice soon
    trained(
        out,
        FIVE,
        make_model=dropping,
        strategy=workers,
        callbacks=[Kill()],
        log=lambda text: print(text, flush=True),
    )


def last(out: Path) -> tuple[list[np.ndarray], list[dict]]:
    """The whole last state of a training, and its history but for the seconds."""
    with np.load(out / "state.npz") as file:
        record = json.loads(str(file["record"]))
        values = [file[f"{i}"] for i in range(len(file.files) - 1)]
    return values, [{**epoch, "seconds": 0} for epoch in record["history"]]


def same(one: Path, other: Path) -> bool:
    (a, history), (b, expected) = last(one), last(other)
    return history == expected and len(a) == len(b) and all(map(np.array_equal, a, b))


def epochs_kept(out: Path) -> int:
    with np.load(out / "checkpoint.npz") as file:
        return len(json.loads(str(file["record"]))["history"])


def test_killed_workers_go_on_as_if_they_had_not_been(tmp_path):
    """Both are killed, then one, then the chief; whoever is left says what happened and ends."""
    codes, logs = in_two(tmp_path, killed_at, tmp_path / "straight", (), 0)
    assert codes == [0, 0], logs
    out = tmp_path / "killed"
    for epoch, who in ((1, (0, 1)), (2, (1,)), (3, (0,))):
        codes, logs = in_two(tmp_path, killed_at, out, who, epoch)
        assert epochs_kept(out) == epoch and all(codes[index] == -signal.SIGKILL for index in who), logs
        for index in {0, 1} - set(who):
            assert codes[index] == 1 and "RuntimeError: Another worker has ended" in logs[index], logs[index]
    codes, logs = in_two(tmp_path, killed_at, out, (), 0)
    assert codes == [0, 0] and "continuing after epoch 3 of 5" in logs[0] and "epoch" not in logs[1], logs
    assert same(tmp_path / "straight", out)


def asked_early(index: int, out: Path, stage: str) -> None:
    """The second worker is asked to end: when it has joined, while it draws the network, or before the first step."""
    import keras

    def ask(here: str) -> None:
        if (index, stage) == (1, here):
            os.kill(os.getpid(), signal.SIGTERM)

    class Ask(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            ask("begun")

    def drawn(shape, classes):
        ask("drawn")
        return dropping(shape, classes)

    workers = open_strategy("workers")
    ask("joined")
    trained(out, RECIPE, make_model=drawn, strategy=workers, callbacks=[Ask()])


@pytest.mark.parametrize("stage", ["joined", pytest.param("drawn", marks=pytest.mark.sharded), "begun"])
def test_a_worker_that_is_asked_to_end_ends_at_every_stage(tmp_path, stage):
    """Before there is anything to save as by default, of which the other hears; after that both, and save."""
    codes, logs = in_two(tmp_path, asked_early, tmp_path / "out", stage)
    if stage == "begun":
        assert codes == [143, 143] and (tmp_path / "out" / "checkpoint.npz").exists(), logs
    else:
        assert codes == [1, -signal.SIGTERM] and "RuntimeError: Another worker has ended" in logs[0], logs


@contextmanager
def little_room():
    """No file may grow beyond a page, as on a disk that is almost full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def failing(index: int, out: Path) -> None:
    """Three trainings that go wrong, in the last of which the chief's disk is full."""
    import keras

    class Trouble(keras.callbacks.Callback):
        def __init__(self, what):
            super().__init__()
            self.what = what

        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                self.what(self.model)

    def poison(model):
        if index == 1:
            model.weights[0].assign(np.full(model.weights[0].shape, np.nan))

    def fill(model):
        if index == 0:
            room.enter_context(little_room())

    strategy = open_strategy("workers")
    with pytest.raises(ValueError, match=f"same recipe: that of 1 is not that of worker 0. Here, at worker {index}"):
        trained(out, RECIPE.replace(seed=index), strategy=strategy)
    with pytest.raises(FloatingPointError, match="not finite any more in epoch 2 of 3"):
        trained(out / "poisoned", strategy=strategy, callbacks=[Trouble(poison)])
    print("as expected")
    with ExitStack() as room:
        trained(out / "full", strategy=strategy, callbacks=[Trouble(fill)])


def test_workers_agree_on_what_goes_wrong(tmp_path):
    """That they were started differently, that the loss of one is not finite, and that the chief cannot write."""
    codes, logs = in_two(tmp_path, failing, tmp_path)
    assert codes == [1, 1] and all("as expected" in log for log in logs), logs
    assert "OSError: [Errno 27] File too large, so " in logs[0] and "RuntimeError: Another worker has ended" in logs[1]
    assert epochs_kept(tmp_path / "poisoned") == epochs_kept(tmp_path / "full") == 1


def test_a_full_disk_leaves_the_last_good_state(tmp_path):
    """Met at the second checkpoint, then at the model; with room again, the training ends as if nothing had been."""
    import keras

    class Fill(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                room.enter_context(little_room())

    class FillAtLast(keras.callbacks.Callback):
        def on_train_end(self, logs=None):
            room.enter_context(little_room())

    straight, _ = trained(tmp_path / "straight")
    out = tmp_path / "out"
    for fill, file, epochs in ((Fill(), "checkpoint.npz", 1), (FillAtLast(), "model.keras", 3)):
        with ExitStack() as room, pytest.raises(OSError, match=rf"File too large, so \S*/{file} cannot be written"):
            trained(out, callbacks=[fill])
        assert epochs_kept(out) == epochs and not list(out.glob(".writing-*"))
    model, _ = trained(out)
    assert all(map(np.array_equal, weights(model), weights(straight)))


def test_an_unwritable_folder_is_found_before_training(tmp_path):
    (tmp_path / "file").write_text("")

    def never(shape, classes):
        raise AssertionError

    for folder in (tmp_path / "file" / "deep" / "out", Path("/proc/out")):
        with pytest.raises(OSError, match=rf"so nothing can be written in ({tmp_path}/file|/proc); take another"):
            trained(folder, make_model=never)
    with little_room(), pytest.raises(OSError, match=f"File too large, so nothing can be written in {tmp_path}"):
        trained(tmp_path / "out", make_model=never)


# Twenty kills

KILLS = 20
MANY = LONG.replace(optimizer=RMSProp(lr=0.05, weight_decay=5e-3), length=Epochs(KILLS + 1), batch=8, ema=0.9)


def ticking(out: Path, ticks: Path) -> None:
    """Train, count batches and writes into a file, and take a little longer over putting a file into its place."""
    import keras

    from kerascnn import files

    count, put = ticks.open("ab", buffering=0), os.replace

    class Tick(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            count.write(b"b")

    def slowly(draft, path):
        for step in (lambda: None, lambda: put(draft, path)):
            step()
            count.write(b"w")
            time.sleep(0.02)

    files.os = type("Slow", (), {**vars(os), "replace": staticmethod(slowly)})
    trained(out, MANY, make_model=dropping, callbacks=[Tick()], log=lambda text: print(text, flush=True))


@pytest.mark.sharded
def test_twenty_kills_change_nothing(tmp_path):
    """At random batches and while the state is being written: weights, averages and optimizer end as without."""
    rng, out, ticks, log = np.random.default_rng(0), tmp_path / "killed", tmp_path / "ticks", tmp_path / "log.txt"
    straight = started(tmp_path / "straight.txt", ticking, tmp_path / "straight", tmp_path / "unkilled")
    assert ended([straight], 300) == [0]
    steps, before, drafts = 71 // MANY.batch, 0, 0
    for number in range(KILLS):
        ticks.write_bytes(b"")
        kind, due = (b"b", rng.integers(0, steps * 3 // 2)) if number % 2 else (b"w", rng.integers(1, 3))
        process = started(log, ticking, out, ticks)
        while ticks.read_bytes().count(kind) < due and process.is_alive():
            time.sleep(0.001)
        time.sleep(rng.uniform(0, 0.02))
        process.kill()
        assert ended([process]) == [-signal.SIGKILL], log.read_text()
        drafts += any(out.glob(".writing-*"))
        after = epochs_kept(out) if (out / "checkpoint.npz").exists() else 0
        assert before <= after <= before + 2
        before = after
    assert drafts and 0 < before < MANY.length.epochs
    assert ended([started(log, ticking, out, ticks)], 300) == [0]
    assert f"continuing after epoch {before} of {MANY.length.epochs}" in log.read_text()
    assert same(tmp_path / "straight", out)


# On clusters

CLUSTER = ROOT / "recipes" / "cluster"


def executable(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


def test_slurm_script_trains_in_two_tasks(tmp_path):
    """With an srun that starts two tasks on this machine: the chief exports and reports, the other only trains."""
    script = CLUSTER / "slurm.sh"
    assert subprocess.run(["bash", "-n", script]).returncode == 0
    executable(tmp_path / "bin" / "kerascnn", f'#!/bin/bash\nexec {sys.executable} -m kerascnn.cli "$@"\n')
    executable(
        tmp_path / "bin" / "srun",
        f"""#!/bin/bash
        [ "$1" = --kill-on-bad-exit=1 ] && shift
        export SLURM_STEP_NUM_TASKS=2 SLURM_STEP_NODELIST=localhost SLURM_STEP_TASKS_PER_NODE=2
        export SLURMD_NODENAME=localhost
        SLURM_PROCID=0 SLURM_LOCALID=0 "$@" > {tmp_path}/0.txt 2>&1 & first=$!
        SLURM_PROCID=1 SLURM_LOCALID=1 "$@" > {tmp_path}/1.txt 2>&1 & second=$!
        wait $first && wait $second
        """,
    )
    settings = ["model.name=lenet5", "length.epochs=1", "schedule.warmup=0"]
    path = f"{tmp_path}/bin:{os.environ['PATH']}"
    job = next(
        job
        for job in range(os.getpid() % cluster.PORTS, cluster.PORTS, 2)
        if all(cluster.unreachable(f"localhost:{cluster.FIRST_PORT + job + task}") for task in range(2))
    )
    ran = subprocess.run(
        [script, "recipes/digits.py", "--set", *settings, "--export", "tflite", "--out", tmp_path / "out"],
        cwd=ROOT,
        env={**os.environ, "PATH": path, "SLURM_JOB_ID": f"{job}", "PYTHONPATH": f"{ROOT}"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    said = [(tmp_path / f"{i}.txt").read_text() for i in range(2)]
    assert ran.returncode == 0, said
    assert "2 devices" in said[0] and "report.html" in said[0] and "epoch" not in said[1] and "report" not in said[1]
    names = {"model.keras", "model.keras.json", "model.tflite", "report.html"}
    assert names <= {path.name for path in (tmp_path / "out").iterdir()}


def test_kubernetes_pods_find_each_other(tmp_path):
    yaml = pytest.importorskip("yaml")
    from kerascnn.cli import parser

    service, job = yaml.safe_load_all((CLUSTER / "kubernetes.yaml").read_text())
    name, spec = job["metadata"]["name"], job["spec"]
    pod = spec["template"]["spec"]
    (container,) = pod["containers"]
    assert service["kind"] == "Service" and service["spec"]["clusterIP"] == "None"
    assert service["spec"]["selector"] == {"job-name": name} and pod["subdomain"] == service["metadata"]["name"]
    assert job["kind"] == "Job" and spec["completionMode"] == "Indexed"
    (workers,) = (entry["value"] for entry in container["env"] if entry["name"] == "WORKERS")
    assert spec["completions"] == spec["parallelism"] == int(workers) == 2
    assert {mount["name"] for mount in container["volumeMounts"]} == {volume["name"] for volume in pod["volumes"]}

    executable(tmp_path / "kerascnn", '#!/bin/sh\nprintf "%s\\n" "$TF_CONFIG" > config\nprintf "%s\\n" "$@"\n')
    for index in range(int(workers)):
        ran = subprocess.run(
            [*container["command"], *container["args"]],
            cwd=tmp_path,
            env={"PATH": f"{tmp_path}:{os.environ['PATH']}", "WORKERS": workers, "JOB_COMPLETION_INDEX": f"{index}"},
            capture_output=True,
            text=True,
        )
        assert ran.returncode == 0, ran.stderr
        found = cluster.read_cluster({"TF_CONFIG": (tmp_path / "config").read_text()})
        assert found.own == f"{name}-{index}.{pod['subdomain']}:2222" and found.leads is (index == 0)
        assert len(found.others) == 1
        assert parser().parse_args(ran.stdout.split()).strategy == "workers"
