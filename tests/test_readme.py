"""What the README says can be run, runs."""

import re
from pathlib import Path

import kerascnn

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def test_the_python_of_the_readme_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    exec(code, names)
    assert (tmp_path / "model.tflite").is_file() and names["proof"].decided_agreement >= 0.9
    assert list(names["maps"].output) == [2, 4, 8, 16, 32]
    assert names["model"].output_shape == (None, 10)


def test_the_readme_names_every_network():
    rows = kerascnn.applications.ROWS
    named = {row.name for identifier, row in rows.items() if f"`{identifier}`" in README}
    assert named == {row.name for row in rows.values()}
