"""Whatever lies in a file, its reader ends soon and in little memory: with the same values, or with a clear error.

``--mutations 1000`` damages each sound file so often, for hours; the number of a mutation makes it again.
"""

import json
import os
import re
import select
import shutil
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("PIL")
HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SECONDS = 120  # a job that takes longer hangs; all take less than one on an idle machine
GROWTH = 800 << 20  # bytes that reading a small file may need at most
FULL = re.compile("MemoryError|Unable to allocate|bad_alloc|Cannot allocate|std::length_error")

from hostile import HOSTILE  # noqa: E402 - they need Pillow
from mutators import mutated, within  # noqa: E402
from sound import CASES, write_all  # noqa: E402


class Child:
    """The process in which files are read; a new one when it died or hung."""

    def __init__(self):
        self.process = None
        self.limited = False

    def read(self, reader, path, limit=False):
        if self.process is None:
            environment = os.environ | {"PYTHONPATH": str(ROOT), "KERASCNN_HOME": os.environ["KERASCNN_HOME"]}
            command = [sys.executable, str(HERE / "readers.py")]
            self.process = subprocess.Popen(command, stdin=-1, stdout=-1, env=environment, text=True)
        assert self.process.stdin and self.process.stdout
        job = {"reader": reader, "path": str(path), "limit": limit}
        self.process.stdin.write(json.dumps(job) + "\n")
        self.process.stdin.flush()
        ready, _, _ = select.select([self.process.stdout], [], [], SECONDS)
        line = self.process.stdout.readline() if ready else ""
        if line:
            return json.loads(line)
        status = self.end()
        return {"ended": "hung" if not ready else "died", "text": f"exit status {status}", "grown": 0}

    def end(self):
        process, self.process = self.process, None
        if process:
            process.kill()
            return process.wait()


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    return write_all(tmp_path_factory.mktemp("sound"))


@pytest.fixture(scope="module")
def child(sound):
    child = Child()
    for name, (reader, _, _) in CASES.items():
        found = child.read(reader, sound[name], limit=name == list(CASES)[-1])
        assert found["ended"] == "values", f"{name}: {found}"
        EXPECTED[name] = found["text"]
    yield child
    child.end()


EXPECTED = {}


def harm(found, file, expected=None):
    """What is wrong with how reading a file ended; nothing if all is well."""
    if found["ended"] not in ("values", "error"):
        return f"{found['ended']}: {found['text'][:300]}{found.get('trace', '')[-1500:]}"
    if found["grown"] > GROWTH or FULL.search(found["text"]):
        return f"memory grew by {found['grown']:,} bytes: {found['text'][:300]}"
    if found["ended"] == "error" and file not in found["text"]:
        return f"the error does not name {file}: {found['text'][:300]}"
    if found["ended"] == "values" and expected not in (None, found["text"]) and not found["said"]:
        return "other values, and nothing said"
    return ""


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_ends_well(name, child, tmp_path):
    reader, file, write, says = HOSTILE[name]
    path = tmp_path / file
    write(path)
    found = child.read(reader, path)
    assert not harm(found, file.removesuffix(".json"))
    if says:
        assert found["ended"] == "error" and re.search(says, found["text"], re.DOTALL), found["text"][:500]
    assert not (ROOT / "sprung").exists() and not Path("sprung").exists()


def variants():
    for name, (_, file, _) in CASES.items():
        yield pytest.param(name, mutated, id=name)
        if file.endswith((".keras", ".npz", ".png")) or name == "zip.pth":
            yield pytest.param(name, within, id=f"{name}, below its checksums")


@pytest.mark.parametrize(("name", "damage"), variants())
def test_damaged_files_end_well(name, damage, child, sound, request):
    reader, _, sealed = CASES[name]
    path = sound[name]
    content = path.read_bytes()
    in_place = reader in ("labels", "index", "served", "boxes")
    copy = path if in_place else path.with_name(f"damaged-{path.name}")
    card = Path(f"{path}.json")
    if card.is_file():
        shutil.copy(card, Path(f"{copy}.json"))
    wrong = []
    for number in range(request.config.getoption("--mutations")):
        damaged = damage(content, np.random.default_rng([zlib.crc32(request.node.name.encode()), number]))
        copy.write_bytes(damaged)
        found = child.read(reader, copy)
        expected = EXPECTED[name] if sealed and damage is mutated else None
        named = "served" if reader == "served" else copy.parent.name if in_place else copy.name.removesuffix(".json")
        if said := harm(found, named, expected):
            wrong.append(f"mutation {number}: {said}")
    path.write_bytes(content)
    assert not wrong, f"{len(wrong)} of {name}:\n" + "\n".join(wrong[:20])
