"""The command line, as a user meets it: real image files, real trainings, real mistakes."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kerascnn.cli import main
from kerascnn.training import Recipe
from kerascnn.training.state import read

ROOT = Path(__file__).parents[1]
FORMATS = ("model.keras", "model.tflite", "model.int8.tflite", "model.onnx")
QUICK = ["--set", "length.epochs=2", "schedule.warmup=1", "batch=16", "augment=flip"]
QUICK += ["model.name=resnet20_cifar", "input.size=32"]


@pytest.fixture(scope="session")
def photos(tmp_path_factory):
    """Photos of two kinds of weather, as JPEG and PNG files of many sizes: skies, and skies that are cut by a field."""
    folder, random = tmp_path_factory.mktemp("photos"), np.random.default_rng(0)
    for label, horizon in (("sky", 1.0), ("field", 0.5)):
        (folder / label).mkdir()
        for i in range(24):
            height, width = random.integers(40, 90, 2)
            image = random.integers(0, 60, (height, width, 3)) + np.array([90, 140, 190])
            image[int(horizon * height) :] = random.integers(20, 90, 3)
            suffix = ("jpg", "png")[i % 2]
            Image.fromarray(image.astype("uint8")).save(folder / label / f"{i:02d}.{suffix}")
    return folder


@pytest.fixture(scope="session")
def trained(photos, tmp_path_factory):
    """What the photo recipe leaves behind."""
    out = tmp_path_factory.mktemp("trained") / "weather"
    ran = kerascnn("train", "recipes/photos.py", "--data", str(photos), *QUICK, "--out", str(out))
    assert ran.returncode == 0, ran.stderr
    return out, ran.stdout


def kerascnn(*arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "kerascnn.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT)


def refused(capsys, *arguments: str) -> str:
    """Run a command that must fail with one clear line, and return that line."""
    assert main(list(arguments)) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"kerascnn {arguments[0]}: ") and "Traceback" not in said
    return said


def test_photos_become_proved_files_and_a_report(trained, photos):
    out, said = trained
    for name in FORMATS:
        assert (out / name).stat().st_size > 1e4 and (out / f"{name}.json").is_file() and name in said
    card = json.loads((out / "model.int8.tflite.json").read_text())
    assert card["labels"] == ["field", "sky"] and card["facts"]["export"]["format"] == "tflite-int8"
    page = (out / "report.html").read_text()
    assert all(name in page for name in (*FORMATS, "field", "sky"))
    assert not list(out.glob(".writing-*")) and not (out / "checkpoint.npz").exists()


@pytest.mark.parametrize("name", FORMATS)
def test_every_file_evaluates_and_predicts(name, trained, photos, tmp_path, capsys):
    out, _ = trained
    assert main(["evaluate", str(out / name), "--data", str(photos), "--json", str(tmp_path / "r.json")]) == 0
    assert "top-1" in capsys.readouterr().out
    numbers = json.loads((tmp_path / "r.json").read_text())
    reported = {file["name"]: file for file in json.loads((out / "report.json").read_text())["files"]}
    assert numbers["top1"] == pytest.approx(reported[name]["headline"])  # the same photos, run again
    assert main(["predict", str(out / name), str(photos / "sky/00.jpg"), str(photos / "field/01.png")]) == 0
    assert capsys.readouterr().out.count("%") == 4


def test_export_again_in_another_format(trained, photos, tmp_path, capsys):
    out, _ = trained
    arguments = ["export", str(out / "model.keras"), "--format", "tflite-fp16", "--out", str(tmp_path / "half.tflite")]
    assert main([*arguments, "--calibration", str(photos)]) == 0
    assert "verified on" in capsys.readouterr().out
    assert "already there" in refused(capsys, *arguments)
    assert "needs" in refused(capsys, "export", str(out / "model.keras"), "--format", "tflite-int8", "--overwrite")


def test_run_again_it_trains_no_more(trained, photos):
    out, _ = trained
    before = (out / "model.keras").read_bytes()
    again = kerascnn("train", "recipes/photos.py", "--data", str(photos), *QUICK, "--out", str(out))
    assert again.returncode == 0 and "trained already" in again.stdout and (out / "model.keras").read_bytes() == before
    other = kerascnn("train", "recipes/photos.py", "--data", str(photos), *QUICK, "optimizer.lr=0.5", "--out", str(out))
    assert other.returncode == 2 and "finished training" in other.stderr and "--overwrite" in other.stderr


def test_killed_it_goes_on_where_it_stopped(photos, tmp_path):
    out = tmp_path / "killed"
    # Twelve epochs on a few photos may not survive int8, which is not what this is about.
    more = ["length.epochs=12", "--export", "tflite", "--out", str(out)]
    arguments = ["train", "recipes/photos.py", "--data", str(photos), *QUICK, *more]
    running = subprocess.Popen([sys.executable, "-m", "kerascnn.cli", *arguments], cwd=ROOT, stdout=subprocess.PIPE)
    while not (out / "checkpoint.npz").exists():
        assert running.poll() is None, "it ended before it could be killed"
        time.sleep(0.05)
    running.send_signal(signal.SIGKILL)
    running.wait()
    assert not (out / "model.keras").exists()
    epochs = json.loads(str(np.load(out / "checkpoint.npz")["record"]))["history"]
    again = kerascnn(*arguments)
    assert again.returncode == 0, again.stderr
    assert f"continuing after epoch {len(epochs)} of 12" in again.stdout
    assert (out / "report.html").is_file() and not list(out.glob(".writing-*"))


@pytest.mark.sharded
def test_killed_within_an_epoch_it_goes_on_there_and_may_be_made_longer(tmp_path, capsys):
    """To the bit of what nobody has killed. Longer, its learning rate would have been another: only on demand."""
    out, straight = tmp_path / "killed", tmp_path / "straight"

    def command(folder: Path, *more: str, epochs: int = 2) -> list[str]:
        settings = ["batch=2", f"length.epochs={epochs}", "schedule.warmup=1"]
        return ["train", "recipes/digits.py", "--quick", "--export", "--out", str(folder), *more, "--set", *settings]

    arguments, within = command(out, "--save-every", "0.01"), False
    while not within:  # the moment may be the end of an epoch
        running = subprocess.Popen([sys.executable, "-m", "kerascnn.cli", *arguments], cwd=ROOT, stdout=subprocess.PIPE)
        while not ((out / "checkpoint.npz").exists() and read(out / "checkpoint.npz").place.step):
            assert running.poll() is None, "it ended before it could be killed"
            time.sleep(0.01)
        running.kill()
        running.wait()
        place = read(out / "checkpoint.npz").place
        within = 0 < place.step < 160
    again = kerascnn(*arguments)
    assert again.returncode == 0, again.stderr
    assert f"continuing after {place} of 2" in again.stdout

    assert main(command(straight)) == 0
    one, other = (read(folder / "state.npz") for folder in (out, straight))
    assert all(map(np.array_equal, one.values, other.values))
    assert [record["loss"] for record in one.place.history] == [record["loss"] for record in other.place.history]

    capsys.readouterr()
    assert "would have come there another way" in refused(capsys, *command(straight, epochs=3))
    longer = kerascnn(*command(straight, "--extend", epochs=3))
    assert longer.returncode == 0 and "going on none the less" in longer.stdout, longer.stderr
    assert len(read(straight / "state.npz").place.history) == 3


def test_a_corrupt_photo_is_named_and_refused_or_skipped(photos, tmp_path, capsys):
    for label in ("sky", "field"):
        (tmp_path / label).mkdir()
        for photo in (photos / label).iterdir():
            (tmp_path / label / photo.name).write_bytes(photo.read_bytes())
    torn = tmp_path / "sky" / "torn.jpg"
    torn.write_bytes((photos / "sky/00.jpg").read_bytes()[:300])
    out = str(tmp_path.with_suffix(".out"))
    arguments = ["train", "recipes/photos.py", "--data", str(tmp_path), *QUICK, "--export", "tflite", "--out", out]
    said = refused(capsys, *arguments)
    assert "torn.jpg" in said and "skip" in said
    ran = kerascnn(*arguments, "--on-corrupt", "skip")
    assert ran.returncode == 0 and "1 skipped" in ran.stdout and "torn.jpg" in ran.stdout


def test_folders_that_are_no_data(tmp_path, capsys):
    recipe = ["train", "recipes/photos.py", "--out", str(tmp_path / "out"), "--data"]
    assert "There is no data source and no folder" in refused(capsys, *recipe, str(tmp_path / "nowhere"))
    assert "'digits'" in refused(capsys, *recipe, "digit")
    (tmp_path / "empty").mkdir()
    assert "no sub-folder" in refused(capsys, *recipe, str(tmp_path / "empty"))
    for label in ("a", "b"):
        (tmp_path / "bare" / label).mkdir(parents=True)
    assert "no image that can be read" in refused(capsys, *recipe, str(tmp_path / "bare"))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["info", "resnet51"], "Did you mean 'resnet50'"),
        (["list", "rexnet*"], "No network matches 'rexnet*'"),
        (["train", "recipes/digit.py"], "digits.py"),
        (["train", "recipes/digits.py", "--set", "length.epoch=3"], "Did you mean 'length.epochs'"),
        (["train", "recipes/digits.py", "--set", "length.epochs=few"], "must be a whole number"),
        (["train", "recipes/digits.py", "--export", "tflit"], "tflite"),
        (["train", "recipes/digits.py", "--set", "model.name=lenet"], "lenet5"),
        (["train", "recipes/digits.py", "--set", "input.size=16"], "at least 32 x 32 pixels"),
        (["train", "recipes/digits.py", "--strategy", "miror"], "mirrored"),
        (["predict", "nothing.tflite", "x.jpg"], "nothing.tflite"),
        (["evaluate", "nothing.keras", "--data", "digits"], "nothing.keras"),
        (["export", "nothing.keras"], "There is no model file nothing.keras"),
    ],
)
def test_mistakes_get_one_clear_line(arguments, says, capsys, tmp_path):
    if arguments[0] == "train":
        arguments = [*arguments, "--out", str(tmp_path / "out")]
    assert says in refused(capsys, *arguments)
    assert not (tmp_path / "out" / "model.keras").exists()


def test_help_teaches(capsys):
    for command in ([], ["list"], ["info"], ["train"], ["evaluate"], ["predict"], ["export"]):
        with pytest.raises(SystemExit) as stop:
            main([*command, "--help"])
        assert stop.value.code == 0 and len(capsys.readouterr().out) > 100


def test_info_counts(capsys):
    assert main(["info", "mobilenet_v2_035", "--size", "96"]) == 0
    said = capsys.readouterr().out
    assert "1,677,128 trainable" in said and "96 x 96 x 3" in said and "torchvision" in said
    assert "receptive fields   /2: 7, /4: 19, /8: 59, /16: 267, /32: 491 pixels\n" in said
    assert main(["info", "efficientnet_b0", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["trainable"] == 5288548 and said["receptive_fields"]["32"] == 851 and said["ledger"]


def test_the_ledger_is_printed_whole_in_part_and_as_json(capsys):
    from kerascnn.ledger import entries

    assert main(["info", "--ledger"]) == 0
    rows = capsys.readouterr().out.splitlines()[1:]
    assert all(
        any(row.startswith(e.name) and e.source in row and e.deviation in row for row in rows) for e in entries()
    )
    assert main(["info", "--ledger", "ResNet-50", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {row["name"] for row in rows} == {"resnet50"} and rows[0]["source"] == "kerascnn" and rows[0]["equal"]
    assert not next(row for row in rows if row["source"] == "keras.applications")["equal"]
    assert "Did you mean 'resnet50'" in refused(capsys, "info", "--ledger", "resnet51")
    assert "--ledger" in refused(capsys, "info")


def test_every_recipe_is_a_recipe():
    from kerascnn.training import load_recipe

    recipes = sorted((ROOT / "recipes").glob("*.py"))
    assert recipes
    for path in recipes:
        recipe = load_recipe(path)
        row = recipe.model.row()
        assert isinstance(recipe, Recipe) and row.min_size <= (recipe.input.size or row.size)
        assert f"kerascnn train recipes/{path.name}" in path.read_text()


def test_the_quickstart_keeps_its_promise(tmp_path):
    """At least 95 % of the validation photographs, the int8 file within two points of float32, every file verified."""
    ran = kerascnn("train", "recipes/finetune.py", "--set", "length.epochs=4", "--out", str(tmp_path / "photos"))
    assert ran.returncode == 0, ran.stderr
    files = {file["name"]: file for file in json.loads((tmp_path / "photos/report.json").read_text())["files"]}
    assert set(files) == set(FORMATS)
    assert files["model.keras"]["headline"] >= 0.95 and files["model.tflite"]["headline"] >= 0.95
    assert files["model.onnx"]["agreement"] == files["model.tflite"]["agreement"] == 1
    assert files["model.int8.tflite"]["headline"] >= files["model.keras"]["headline"] - 0.02
    card = json.loads((tmp_path / "photos/model.keras.json").read_text())
    assert card["preprocess"]["mean"] == [0.5, 0.5, 0.5] and card["labels"] == ["fish", "monument", "tool", "windmill"]
