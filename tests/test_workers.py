"""Training in several processes: who they are, the same results as in one, and what is left when one is lost."""

import json
import multiprocessing
import os
import signal
import socket
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from test_step import bare
from test_train import LONG, RECIPE, dropping, trained, weights

from kerascnn.data import Split
from kerascnn.train import cluster, leads, open_strategy
from kerascnn.train.state import Checkpoint

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
        return [process.exitcode for process in processes]
    finally:
        for process in processes:
            process.kill()


def in_two(folder: Path, call, *arguments) -> tuple[list[int], list[str]]:
    """The exit codes and logs of two workers that call a function of this file with their number first."""
    ports = free_ports(2)
    logs = [folder / f"log{index}.txt" for index in range(2)]
    for log in logs:
        log.unlink(missing_ok=True)
    both = [started(logs[i], call, i, *arguments, TF_CONFIG=tf_config(ports, i)) for i in range(2)]
    return ended(both), [log.read_text() for log in logs]


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
    "everything": ({"augment": MIXED, "batch": 9, "clip_norm": 0.3, "ema": 0.9, "optimizer": "adamw"}, "tiny"),
    "whole": ({"batch": 10}, "bare"),
    "accumulated": ({"batch": 10, "accumulate": 2}, "bare"),
}


def several(index: int, name: str, out: Path) -> None:
    """Train by every setting on a strategy, and save what this process has in the end."""
    from test_train import tiny

    strategy, found = open_strategy(name), {}
    for setting, (change, network) in SETTINGS.items():
        model, history = trained(
            out / setting,
            replace(RECIPE, epochs=2, **change),
            strategy=strategy,
            make_model={"tiny": tiny, "bare": bare}[network],
        )
        found |= {f"{setting}.{i}": value for i, value in enumerate(weights(model))}
        found[f"{setting}.loss"] = [[record["loss"], record["val_loss"]] for record in history]
    np.savez(out / f"found{index}.npz", replicas=strategy.num_replicas_in_sync, **found)


def test_workers_and_devices_learn_what_one_device_learns(tmp_path):
    """By batches of 9, of which the workers get unequal parts, and with a held-out image that batches of 16 leave."""
    several(0, "one", tmp_path / "one")
    other = started(tmp_path / "log.txt", several, 0, "mirrored:2", tmp_path / "two")
    codes, logs = in_two(tmp_path, several, "workers", tmp_path / "workers")
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
    assert left == {"model.keras", "model.keras.json", "found0.npz", "found1.npz"}


def photos(folder: Path, count: int) -> Split:
    """Image files of one colour each."""
    import tensorflow as tf

    paths = [folder / f"{i}.png" for i in range(count)]
    for i, path in enumerate(paths):
        tf.io.write_file(str(path), tf.io.encode_png(np.full((12, 12, 3), 10 * i, np.uint8)))
    return Split(np.array([str(path) for path in paths]), np.arange(count, dtype=np.int32) % 3)


@pytest.mark.parametrize(
    "augment",
    [("flip",), ("flip", "mixup:0.4", "cutmix:1.0"), ("mixup_cutmix:0.4:1.0",)],
    ids=["plain", "mixed", "halves"],
)
@pytest.mark.parametrize(("batch", "count"), [(8, 3), (6, 2)])
def test_workers_get_their_parts_of_the_same_batches(tmp_path, augment, batch, count):
    """Joined, their parts are what one process gets, and none opens a file that it does not need."""
    import tensorflow as tf

    from kerascnn.data.augment import parse_all
    from kerascnn.data.mixing import mixed_with
    from kerascnn.data.pipeline import batches

    split = photos(tmp_path, 21)

    def part(*share):
        how = dict(augment=augment, classes=3, seed=3, shuffle=True, share=share)
        return [(x.numpy(), y.numpy()) for x, y in batches(split, RECIPE.preprocess(3), batch, **how)]

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

FIVE = replace(LONG, epochs=5, ema=0.9, accumulate=2, optimizer="rmsprop")


def kept(checkpoint: Checkpoint) -> None:
    """Instead of removing it: weights, averages, the optimizer's slots, and what happened."""
    checkpoint.path.rename(checkpoint.path.parent / "last.npz")


def killed_at(index: int, out: Path, who: tuple[int, ...], epoch: int) -> None:
    """Train until the second step of an epoch, where the workers of these numbers are killed."""
    import keras

    class Kill(keras.callbacks.Callback):
        def on_epoch_begin(self, now, logs=None):
            self.due = now == epoch and index in who

        def on_train_batch_end(self, batch, logs=None):
            if self.due and batch == 1:
                os.kill(os.getpid(), signal.SIGKILL)

    Checkpoint.remove = kept
    trained(
        out,
        FIVE,
        make_model=dropping,
        strategy=open_strategy("workers"),
        callbacks=[Kill()],
        log=lambda text: print(text, flush=True),
    )


def last(out: Path) -> tuple[list[np.ndarray], list[dict]]:
    """The whole last state of a training, and its history but for the seconds."""
    with np.load(out / "last.npz") as file:
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
