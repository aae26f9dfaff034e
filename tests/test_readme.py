"""What the README says can be run, runs."""

import re
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import kerascnn
from kerascnn.card import Card
from kerascnn.cli import compression, main
from kerascnn.spec import Preprocess

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def test_the_python_of_the_readme_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    exec(code, names)
    assert (tmp_path / "model.tflite").is_file() and names["proof"].decided_agreement >= 0.9
    assert list(names["maps"].output) == [2, 4, 8, 16, 32]
    assert names["model"].output_shape == (None, 10)


def test_the_commands_of_the_readme_run_in_their_order(tmp_path, monkeypatch, capsys):
    """From a model and a folder of photos to an app, each file made by a line before; compression only copies here."""

    def compress(options):
        shutil.copy(options.model, options.out)
        shutil.copy(Card.path(options.model), Card.path(options.out))

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(compression, "compress", compress)
    (lines,) = re.findall(r"## Smaller, and on the device\n\n```\n(.*?)```", README, re.DOTALL)
    random = np.random.default_rng(0)
    for label in ("dark", "light"):
        Path("my_photos", label).mkdir(parents=True)
        for number in range(24):
            pixels = random.integers(0, 256, (6, 6, 3)) // 2 + 120 * (label == "light")
            Image.fromarray(pixels.astype("uint8")).resize((40, 40)).save(f"my_photos/{label}/{number:02d}.png")
    model = kerascnn.build("resnet20_cifar", classes=2)
    model.save("model.keras")
    Card(model="resnet20_cifar", labels=("dark", "light"), preprocess=Preprocess(size=32)).write("model.keras")
    for line in lines.splitlines():
        name, *arguments = shlex.split(line, comments=True)
        assert name == "kerascnn" and main(arguments) == 0, f"{line}\n{capsys.readouterr().err}"
    assert Path("my_app/settings.gradle.kts").is_file()


@pytest.mark.check
def test_the_readme_names_every_network():
    rows = kerascnn.applications.ROWS
    named = {row.name for identifier, row in rows.items() if f"`{identifier}`" in README}
    assert named == {row.name for row in rows.values()}
