"""What eight bits cost the systems of the tasks: each in float32, in int8, and in int8 once it was tuned for that.

    python tools/systems.py unet ssdlite --seeds 0 --out networks
    python tools/systems_int8.py networks                            # some minutes each

Measures the networks that ``tools/systems.py`` left in a folder, by what their field reports, on the validation images
of the data that they were trained on; ranges are those of training images. Tuned is what ``kerascnn.compress`` does
with ``Plan(int8=True)``. Files lie beside their networks and are not made twice. Writes ``tools/systems_int8.csv``
after every network, from which ``tools/front_door.py`` makes the table in README.md; lines of networks that are not
there stay as they are. Where a network has no file of integers, as those that propose regions, the reason is printed
and its line says "refused".
"""

import argparse
import sys
from pathlib import Path
from typing import Any

import kerascnn
from kerascnn.card import Card
from kerascnn.data import Data, open_data
from kerascnn.deploy.verification import ExportError
from kerascnn.workflows.common import calibration_of
from kerascnn.workflows.compress import Plan

sys.path.insert(0, str(Path(__file__).with_name("bench")))
from side_by_side import keep, versions
from systems import SYSTEMS

FILE = Path(__file__).with_suffix(".csv")
FORMS = ("float32", "int8", "tuned")
REFUSED = "refused"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", type=Path, help="the folder that systems.py was given as --out")
    for model in sorted(parser.parse_args().networks.glob("*-*/model.keras")):
        name, _, seed = model.parent.name.rpartition("-")
        row = measured(name, int(seed), model)
        keep(FILE, ("system", "seed"), [row])
        print("  ".join(f"{value!s:>8}" for value in row.values()), flush=True)


def measured(name: str, seed: int, model: Path) -> dict[str, Any]:
    """The line of one network."""
    card, system = Card.read(model), SYSTEMS[name]
    source = card.facts["recipe"]["data"]
    data = open_data(source, proposals=len(kerascnn.load_keras(model).inputs) > 1)
    files = {"float32": model}
    try:
        files["int8"] = written(model, model.with_name("int8.tflite"), data, card)
        tuned = model.with_name("tuned.keras")
        if not tuned.exists():
            kerascnn.compress(model, source, Plan(int8=True), tuned)
        files["tuned"] = written(tuned, tuned.with_suffix(".tflite"), data, card)
    except (ExportError, ValueError) as error:
        print(f"{name}, seed {seed}: {error}", flush=True)
    row: dict[str, Any] = {"system": name, "seed": seed, "network": card.model, "metric": system.metric}
    row |= {form: value_of(files[form], source, system.metric) if form in files else REFUSED for form in FORMS}
    size = files["int8"].stat().st_size if "int8" in files else ""
    return row | {"bytes": size, "versions": versions("tensorflow", "keras")}


def value_of(file: Path, source: str, metric: str) -> str:
    return f"{kerascnn.evaluate(file, source).evaluation.as_dict()[metric]:.4f}"


def written(model: Path, file: Path, data: Data, card: Card) -> Path:
    """The file of integers, made once."""
    if not file.exists():
        kerascnn.export(model, file, "tflite-int8", calibration=calibration_of(data.train, card.preprocess))
    return file


if __name__ == "__main__":
    main()
