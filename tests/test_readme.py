"""What README, docstrings and help say can be called, can: blocks run, commands parse, names are there."""

import ast
import doctest
import importlib
import re
import shlex
import shutil
import types
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import kerascnn
from kerascnn.card import Card
from kerascnn.cli import EPILOG, compression, main, parser
from kerascnn.spec import Preprocess

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
FILES = sorted(path for path in (ROOT / "kerascnn").rglob("*.py") if path.name != "__main__.py")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """What the README takes as given: a folder of photos, a photo, a model and what a training leaves behind."""
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(0)
    for label in ("dark", "light"):
        Path("my_photos", label).mkdir(parents=True)
        for number in range(24):
            pixels = random.integers(0, 256, (6, 6, 3)) // 2 + 120 * (label == "light")
            Image.fromarray(pixels.astype("uint8")).resize((40, 40)).save(f"my_photos/{label}/{number:02d}.png")
    shutil.copy("my_photos/dark/00.png", "cat.jpg")
    kerascnn.build("resnet20_cifar", classes=2).save("model.keras")
    Card(model="resnet20_cifar", labels=("dark", "light"), preprocess=Preprocess(size=32)).write("model.keras")
    return tmp_path


def test_the_python_of_the_readme_runs(folder, capsys):
    """All blocks, in their order, in one session."""
    assert {language for language, _ in BLOCKS} == {"", "python"}
    kerascnn.export("model.keras", "saved_models/finetune/model.tflite")
    targets = np.arange(8) % 2
    names = {
        "images": (np.random.default_rng(0).normal(size=(8, 32, 32, 3)) + targets[:, None, None, None]).astype("f4"),
        "targets": targets,
    }
    for code in (code for language, code in BLOCKS if language == "python"):
        exec(code.replace("epochs=3", "epochs=1"), names)
    assert Path("net.tflite").is_file() and names["report"].decided_agreement >= 0.9
    assert list(names["maps"].output) == [2, 4, 8, 16, 32]
    assert names["prediction"].label in ("dark", "light") and names["measured"].evaluation.samples == 48
    zeros = [np.mean(layer.kernel.numpy() == 0) for layer in names["small"].layers if hasattr(layer, "kernel")]
    assert np.median(zeros) > 0.75 and Path("model.int8.tflite").is_file() and names["safe"].changes is not None
    assert "top-1" in capsys.readouterr().out


def commands(text: str) -> list[list[str]]:
    """The arguments of every line that calls kerascnn."""
    lines = [line.partition("  ")[0] if text is EPILOG else line for line in map(str.strip, text.splitlines())]
    return [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("kerascnn ")]


@pytest.mark.check
def test_every_command_that_is_shown_is_one(monkeypatch):
    from kerascnn.training import load_recipe, override

    monkeypatch.chdir(ROOT)
    shown = [arguments for _, code in BLOCKS for arguments in commands(code)]
    pages = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "recipes").glob("*.py"))]
    for arguments in [*shown, *commands(EPILOG), *(found for page in pages for found in commands(page))]:
        options = parser().parse_args(arguments)
        if options.command == "train":
            override(load_recipe(options.recipe), options.settings)
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert set(re.findall(r"^make ([a-z-]+)", README, re.MULTILINE)) <= set(targets)


def test_the_commands_of_the_readme_run_in_their_order(folder, monkeypatch, capsys):
    """From a model and a folder of photos to an app, each file made by a line before; compression only copies here."""

    def compress(options):
        shutil.copy(options.model, options.out)
        shutil.copy(Card.path(options.model), Card.path(options.out))

    monkeypatch.setattr(compression, "compress", compress)
    (lines,) = re.findall(r"## Smaller, and on the device\n\n```\n(.*?)```", README, re.DOTALL)
    for arguments in [*commands(lines), ["weights", "resnet50*"], ["list", "eff*"]]:
        assert main(arguments) == 0, f"{arguments}\n{capsys.readouterr().err}"
    assert Path("my_app/settings.gradle.kts").is_file()


def names_in(text: str) -> set[str]:
    """What stands in backticks and begins with the package's name, up to a bracket."""
    return set(re.findall(r"`~?(kerascnn(?:\.\w+)+)", text))


def resolve(name: str) -> object:
    """The module, function or class that a dotted name means."""
    found: object = importlib.import_module("kerascnn")
    for place, part in enumerate(parts := name.split(".")[1:]):
        try:
            found = getattr(found, part)
        except AttributeError:
            found = importlib.import_module(f"kerascnn.{'.'.join(parts[: place + 1])}")
    return found


@pytest.mark.check
@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_every_name_of_the_pages_is_there(page):
    for name in names_in((ROOT / page).read_text(encoding="utf-8")):
        resolve(name)


@pytest.mark.check
def test_every_name_and_command_of_the_docstrings_is_there():
    known = re.findall(r"^    ([a-z-]+) ", parser().format_help(), re.MULTILINE)
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
                continue
            text = ast.get_docstring(node) or ""
            for name in names_in(text):
                try:
                    resolve(name)
                except (ImportError, AttributeError) as error:
                    raise AssertionError(f"{path}: {name} is not there") from error
            for command in re.findall(r"`kerascnn ([a-z-]+)", text):
                assert command in known, f"{path}: there is no command {command}"


def module(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


EXAMPLES = [module(path) for path in FILES if ">>>" in path.read_text(encoding="utf-8")]


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_examples_of_docstrings_run(name):
    found = doctest.testmod(importlib.import_module(name))
    assert found.attempted and not found.failed


@pytest.mark.check
def test_no_module_takes_the_place_of_a_verb():
    for path in FILES:
        importlib.import_module(module(path))
    verbs = [name for name in kerascnn.__all__ if name != "applications"]
    assert {"train", "evaluate", "predict", "compress", "export", "verify", "open_data", "lower"} <= set(verbs)
    for name in verbs:
        assert isinstance(getattr(kerascnn, name), types.FunctionType), f"kerascnn.{name} is no function any more"
        assert getattr(kerascnn, name).__doc__, f"kerascnn.{name} has no docstring"


@pytest.mark.check
def test_the_readme_names_every_network():
    rows = kerascnn.applications.ROWS
    named = {row.name for identifier, row in rows.items() if f"`{identifier}`" in README}
    assert named == {row.name for row in rows.values()}
