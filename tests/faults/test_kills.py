"""Whatever moment a command is killed at, or the disk is full: the last good state lives, and a rerun works.

pytest tests/faults                                   # a few moments
pytest tests/faults -m sharded                        # many more, drawn by other seeds
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import pytest
from keras import layers as L

from kerascnn.card import Card
from kerascnn.spec import Preprocess

pytest.importorskip("ai_edge_litert")
pytest.importorskip("sklearn")
HERE = Path(__file__).parent
COMMANDS = {  # by name: its file, what writes it and with what it is replaced
    "export": ("net.tflite", ["export", "{model}", "--out", "{out}"], ["--overwrite"]),
    "evaluate": ("evaluation.html", ["evaluate", "{model}", "--data", "digits", "--out", "{folder}"], []),
    "compress": (
        "small.keras",
        ["compress", "{model}", "--data", "digits", "--prune", "0.5", "--out", "{out}"],
        ["--overwrite"],
    ),
    "saved_model": ("net", ["export", "{model}", "--format", "saved_model", "--out", "{out}"], ["--overwrite"]),
}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "model.keras"
    image = keras.Input((8, 8, 1))
    x = L.Flatten()(L.Conv2D(4, 3, name="conv")(image))
    keras.Model(image, L.Softmax()(L.Dense(10, name="out")(x)), name="net").save(path)
    preprocess = Preprocess(size=8, crop=1.0, mean=(0.0,), std=(1.0,))
    Card(model="net", labels=tuple("0123456789"), preprocess=preprocess).write(path)
    return path


def runs_of(names, model, folder: Path, seed: int, rounds: int) -> dict[str, list[dict]]:
    """What became of the folder of each command, run after run."""
    jobs = {}
    for name in names:
        last, first, over = COMMANDS[name]
        place = folder / name
        place.mkdir()
        said = [word.format(model=model, folder=place, out=place / last) for word in first]
        jobs[name] = {"folder": str(place), "last": last, "rounds": rounds, "first": said, "again": [*said, *over]}
    (folder / "jobs.json").write_text(json.dumps([*jobs.values()]))
    done = subprocess.run(
        [sys.executable, str(HERE / "killed.py"), str(seed), str(folder / "jobs.json")],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(HERE.parents[1]), os.environ.get("PYTHONPATH", "")])},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = [json.loads(line) for line in done.stdout.splitlines()]
    return {name: [run for run in found if run["command"][: len(j["first"])] == j["first"]] for name, j in jobs.items()}


def check(name: str, runs: list[dict]) -> None:
    last = COMMANDS[name][0]
    whole = None
    for run in runs:
        assert run["status"] in (0, 2, -9), run
        files = {path: digest for path, digest in run["left"].items() if not path.startswith(".writing-")}
        if run["fault"] == "":
            assert run["status"] == 0 and len(files) == len(run["left"]), f"a run is whole, without drafts: {run}"
            assert whole is None or set(files) == set(whole)
            whole = files
            continue
        assert whole is not None and set(files) <= set(whole), run
        main = {path for path in whole if path == last or path.startswith(f"{last}/")}
        assert main <= set(files) or not main & set(files), f"a file is there as a whole or not at all: {run}"
        if main <= set(files):
            assert set(files) == set(whole), f"a file is there with all that belongs to it: {run}"
        if run["fault"] == "full":
            assert len(files) == len(run["left"]), f"what lives clears up behind it: {run}"
            assert run["status"] == 0 or "No space left on device, so " in run["said"], run
    faults = [run for run in runs if run["status"] == -9]
    assert any(last not in run["left"] and len(run["left"]) > 0 for run in faults)


def test_a_few_moments(model, tmp_path):
    for name, runs in runs_of(["export", "compress"], model, tmp_path, seed=1, rounds=1).items():
        check(name, runs)


@pytest.mark.sharded
@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("name", COMMANDS)
def test_many_moments(name, seed, model, tmp_path):
    check(name, runs_of([name], model, tmp_path, seed=seed, rounds=8)[name])
