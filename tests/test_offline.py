"""Nothing goes to the network but what was asked to: a process that hears of every try, and refuses it."""

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("ai_edge_litert")
ROOT = Path(__file__).parents[1]
HEARS = """
import sys
TRIED = []
def hear(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto", "urllib.Request"):
        TRIED.append(f"{event} {arguments[1:]}")
        raise OSError("no network here")
sys.addaudithook(hear)
"""
WORKS = """
import kerascnn
from kerascnn.cli import main
assert "lenet5" in kerascnn.list_models() and "resnet50" in kerascnn.list_models()
model = kerascnn.build("lenet5", weights=None)
assert main(["list"]) == main(["info", "lenet5"]) == 0
model.save(sys.argv[1])
kerascnn.export(sys.argv[1], sys.argv[1].replace(".keras", ".tflite"))
"""
TRAINS = """
from pathlib import Path
import kerascnn
from kerascnn.training import SGD, Epochs, Input, Model, Recipe
recipe = Recipe(
    model=Model("lenet5"), data="digits", input=Input(size=32, mean=(0.5,), std=(0.5,)), length=Epochs(1), batch=32,
    optimizer=SGD(lr=0.05),
)
kerascnn.train(recipe, Path(sys.argv[1]).parent, images=64)
kerascnn.predict(sys.argv[1].replace("net.keras", "model.tflite"), sys.argv[2])
"""
TRIES = """
import socket
try:
    socket.create_connection(("example.invalid", 80))
except OSError:
    pass
"""
ENDS = "sys.exit('; '.join(TRIED) or 0)"


def tried(code: str, folder: Path) -> str:
    """What a process of its own tries to reach, and whatever else it dies of."""
    command = [sys.executable, "-c", HEARS + code + ENDS, str(folder / "net.keras"), str(folder / "grey.png")]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT).stderr


def test_nothing_is_fetched_that_was_not_asked_for(tmp_path):
    done = tried(WORKS, tmp_path)
    assert (tmp_path / "net.tflite").is_file(), done
    assert "socket." not in done and "urllib." not in done


def test_training_on_local_images_fetches_nothing(tmp_path):
    pytest.importorskip("PIL.Image").new("L", (32, 32)).save(tmp_path / "grey.png")
    done = tried(TRAINS, tmp_path)
    assert (tmp_path / "report.html").is_file() and (tmp_path / "model.onnx").is_file(), done
    assert "socket." not in done and "urllib." not in done


def test_a_try_is_heard_even_where_its_error_is_not(tmp_path):
    assert "socket.getaddrinfo" in tried(TRIES, tmp_path)
