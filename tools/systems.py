"""What each system of the tasks learns on generated shapes, over several seeds.

    python tools/systems.py                              # all of them: hours on 2 cores
    python tools/systems.py unet ssdlite --seeds 0 1

Trains the recipe of each and measures its network on the validation images, by what its field reports: AP50 of boxes
or masks, mean IoU, or panoptic quality. Writes ``tools/systems.csv`` after every training, from which
``tools/front_door.py`` makes the table in README.md; lines of systems and seeds that are not run stay as they are. The
data are made on the spot and are the same for every seed; a seed is that of the weights, the order and the
augmentation.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import kerascnn
from kerascnn.card import Card
from kerascnn.errors import suggest

sys.path.insert(0, str(Path(__file__).with_name("bench")))
from side_by_side import cores, keep, load, versions

FILE = Path(__file__).with_suffix(".csv")
RECIPES = Path(__file__).parents[1] / "recipes"
SEEDS = (0, 1, 2)
TITLES = {"ap50": "AP50", "miou": "mean IoU", "pq": "PQ"}


@dataclass(frozen=True)
class System:
    """A recipe, and what it is measured by and has to reach."""

    recipe: str
    metric: str
    wanted: float


SYSTEMS = {
    "fcn8s": System("shape_masks.py", "miou", 0.8),
    "unet": System("unet.py:SHAPES", "miou", 0.8),
    "deeplab_v3": System("deeplab_v3.py:SHAPES", "miou", 0.8),
    "deeplab_v3_plus": System("deeplab_v3_plus.py:SHAPES", "miou", 0.8),
    "deeplab_v3_mobilenet": System("deeplab_v3.py:MOBILE_SHAPES", "miou", 0.8),
    "lraspp": System("lraspp.py:SHAPES", "miou", 0.8),
    "ssdlite": System("shape_boxes.py", "ap50", 0.7),
    "yolo_v3": System("shape_boxes.py:YOLO", "ap50", 0.7),
    "yolo_v3_tiny": System("shape_boxes.py:TINY", "ap50", 0.7),
    "retinanet": System("retinanet.py:SHAPES", "ap50", 0.7),
    "rcnn": System("rcnn.py:SHAPES", "ap50", 0.7),
    "fast_rcnn": System("fast_rcnn.py:SHAPES", "ap50", 0.7),
    "faster_rcnn": System("faster_rcnn.py:SHAPES", "ap50", 0.7),
    "mask_rcnn": System("mask_rcnn.py:SHAPES", "ap50", 0.6),
    "panoptic_fpn": System("panoptic_fpn.py:SHAPES", "pq", 0.5),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("systems", nargs="*", metavar="system", help=f"among {', '.join(SYSTEMS)}; all, if none")
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    parser.add_argument("--out", type=Path, help="a folder where networks and reports are kept, one for each training")
    options = parser.parse_args()
    for name in options.systems:
        if name not in SYSTEMS:
            parser.error(f"there is no system {name!r}. {suggest(name, SYSTEMS)}")
    for seed in options.seeds:  # so that every system has its first seed before any has its second
        for name in options.systems or SYSTEMS:
            with kept(options.out) as folder:
                row = trained(name, seed, folder / f"{name}-{seed}")
            keep(FILE, ("system", "seed"), [row])
            print(f"{name}, seed {seed}: {TITLES[row['metric']]} {row['value']} after {row['seconds']} s", flush=True)


def trained(name: str, seed: int, folder: Path) -> dict[str, Any]:
    """The line of one training."""
    system = SYSTEMS[name]
    recipe = kerascnn.load_recipe(str(RECIPES / system.recipe)).replace(seed=seed)
    outcome = kerascnn.train(recipe, folder, exports=(), overwrite=True)
    assert outcome  # None only where several processes train
    card = Card.read(folder / "model.keras")
    value = outcome.evaluation.as_dict()[system.metric]
    row = {"system": name, "seed": seed, "network": card.model, "metric": system.metric, "value": f"{value:.4f}"}
    row |= {"wanted": system.wanted, "epochs": len(card.facts["history"]), "seconds": f"{card.facts['seconds']:.0f}"}
    return row | {"cores": cores(), "load": f"{load():.1f}", "versions": versions("tensorflow", "keras")}


@contextmanager
def kept(folder: Path | None) -> Iterator[Path]:
    """A folder that stays, or one that is gone afterwards."""
    if folder:
        yield folder
    else:
        with tempfile.TemporaryDirectory() as gone:
            yield Path(gone)


if __name__ == "__main__":
    main()
