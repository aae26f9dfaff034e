"""What each technique is worth on data at hand: the same training with it and without it, over several seeds.

    python tools/ablations.py                        # all of them, about an hour on 2 cores
    python tools/ablations.py residuals ema --seeds 5

Writes ``tools/ablations.csv``, from which ``tools/front_door.py`` makes the table in README.md; lines of techniques
that are not run stay as they are. The data are scikit-learn's digits and the generated shapes of ``--data shapes``, the
networks are small, and no setting was sought: what is seen is the kind of a technique's effect, and not its size on
ImageNet.
"""

import argparse
import csv
import io
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from rich.progress import track

from kerascnn.applications.resnet import ResNetCIFAR
from kerascnn.applications.stochastic_depth import StochasticDepth, cifar_stem, plain
from kerascnn.blocks import stages
from kerascnn.data import Data, open_data
from kerascnn.files import write_text
from kerascnn.networks.architecture import Architecture
from kerascnn.training import SGD, Constant, Cosine, CrossEntropy, Epochs, Input, Model, Recipe, Stage, open_strategy
from kerascnn.training.quick import some

FILE = Path(__file__).with_name("ablations.csv")
WIDTHS = (8, 16, 32)


@dataclass(frozen=True)
class Small(ResNetCIFAR):
    """ResNet for CIFAR, for yet smaller images."""

    min_size = 8


@dataclass(frozen=True)
class Sleepy(StochasticDepth):
    """The same, with blocks that are dropped at random."""

    min_size = 8


@dataclass(frozen=True)
class Plain(Small):
    """The same convolutions without shortcuts: He et al. 2015, section 4.2."""

    def trunk(self, k, x):
        x = (k / "stem").conv_bn_act(x, self.widths[0], 3)
        depths = (self.n,) * len(self.widths)
        return stages(k, x, depths, lambda k, x, i, stride: self.twice(k, x, self.widths[i], stride))

    def twice(self, k, x, width, stride):
        return k.conv_bn_act(k.conv_bn_act(x, width, 3, stride), width, 3)


@dataclass(frozen=True)
class Unnormalised(Plain):
    """Neither shortcuts nor batch normalisation."""

    def twice(self, k, x, width, stride):
        return k.conv_act(k.conv_act(x, width, 3, stride), width, 3)


RESNET20 = Small("resnet20", 3, WIDTHS)
RESNET56 = RESNET20.replace(n=9)
PLAIN20 = Plain("plain20", 3, WIDTHS)
PLAIN56 = PLAIN20.replace(n=9)
UNNORMALISED20 = Unnormalised("unnormalised20", 3, WIDTHS)
SLEEPY56 = Sleepy("stochastic_depth56", cifar_stem, plain, (9, 9, 9), WIDTHS[0])

DIGITS = Recipe(
    model=Model("resnet20_cifar"),
    length=Epochs(15),
    data="digits",
    batch=32,
    input=Input(size=16, crop=1.0, mean=(0.5,), std=(0.5,)),
    optimizer=SGD(lr=0.1, weight_decay=0.0005, nesterov=True),
    schedule=Cosine(warmup=2.0),
)
LONG = DIGITS.replace(length=Epochs(60))
SHAPES = DIGITS.replace({"input.size": 32, "input.mean": (0.5,) * 3, "input.std": (0.5,) * 3}, data="shapes")


@dataclass(frozen=True)
class Arm:
    """One side of a comparison: a network, a training and how many images to learn from, where not all."""

    name: str
    row: Architecture = RESNET20
    recipe: Recipe = DIGITS
    images: int = 0


@dataclass(frozen=True)
class Ablation:
    """A technique, what its paper claims of it in kind, and both arms."""

    claim: str
    without: Arm
    having: Arm


def settings(base: Arm, name: str, **changed: Any) -> tuple[Arm, Arm]:
    """An arm as it is, and with some fields of its recipe changed."""
    return base, replace(base, name=name, recipe=base.recipe.replace(**changed))


SMOOTHED = CrossEntropy(label_smoothing=0.1)
FEW_DIGITS = Arm("without", images=200)
FEW_SHAPES = Arm("without", recipe=SHAPES.replace(length=Epochs(20)), images=600)
CONSTANT = Arm("without", recipe=SHAPES.replace(schedule=Constant(), length=Epochs(20)), images=600)
GROWN = tuple(Stage(size=size, augment=(f"shift:{shift}",)) for size, shift in ((16, 1), (20, 2), (26, 3), (32, 4)))

ABLATIONS = {
    "residuals": Ablation(
        "56 layers learn with shortcuts, and hardly without (He et al. 2015, figure 6)",
        Arm("plain, 56 layers", PLAIN56),
        Arm("residual, 56 layers", RESNET56),
    ),
    "depth": Ablation(
        "a plain network gets worse as it gets deeper (He et al. 2015, figure 1)",
        Arm("plain, 56 layers", PLAIN56),
        Arm("plain, 20 layers", PLAIN20),
    ),
    "batch normalisation": Ablation(
        "learns at rates at which nothing is learned without it (Ioffe & Szegedy 2015, section 4.2)",
        Arm("plain, 20 layers, no batch norm", UNNORMALISED20),
        Arm("plain, 20 layers", PLAIN20),
    ),
    "stochastic depth": Ablation(
        "regularises deep networks (Huang et al. 2016, table 1)",
        Arm("residual, 56 layers", SLEEPY56.replace(drop_path=0.0), LONG, 200),
        Arm("drop_path 0.5", SLEEPY56, LONG, 200),
    ),
    "stochastic depth, a little": Ablation(
        "the same, as networks since EfficientNet have it",
        Arm("residual, 56 layers", SLEEPY56.replace(drop_path=0.0), LONG, 200),
        Arm("drop_path 0.1", SLEEPY56.replace(drop_path=0.1), LONG, 200),
    ),
    "label smoothing": Ablation(
        "regularises (Szegedy et al. 2015b, section 7)",
        *settings(FEW_DIGITS, "label_smoothing 0.1", loss=SMOOTHED),
    ),
    "mixup, digits": Ablation(
        "regularises (Zhang et al. 2017, table 2)",
        *settings(Arm("without", recipe=LONG, images=200), "augment mixup:0.2", augment=("mixup:0.2",)),
    ),
    "mixup, shapes": Ablation("the same", *settings(FEW_SHAPES, "augment mixup:0.2", augment=("mixup:0.2",))),
    "augmentation": Ablation(
        "shifted images are more images (Krizhevsky et al. 2012, section 4.1)",
        *settings(FEW_SHAPES, "augment shift:4 flip", augment=("shift:4", "flip")),
    ),
    "ema": Ablation(
        "averages of weights are better than the last ones while the rate is high (Polyak & Juditsky 1992)",
        *settings(CONSTANT, "ema 0.99", ema=0.99),
    ),
    "progressive learning, digits": Ablation(
        "less time at equal accuracy (Tan & Le 2021, table 12)",
        Arm("32 px", recipe=DIGITS.replace({"input.size": 32}, length=Epochs(30), augment=("shift:4",))),
        Arm("16 to 32 px in 4 stages", recipe=DIGITS.replace({"input.size": 32}, length=Epochs(30), stages=GROWN)),
    ),
    "progressive learning, shapes": Ablation(
        "the same, where small images lose the texture that tells the classes",
        Arm("32 px", recipe=SHAPES.replace(length=Epochs(30), augment=("shift:4",))),
        Arm("16 to 32 px in 4 stages", recipe=SHAPES.replace(length=Epochs(30), stages=GROWN)),
    ),
}
COLUMNS = ("technique", "arm", "seed", "top1", "train_top1", "cpu_seconds")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help=f"of {', '.join(ABLATIONS)}; none: all")
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    names = options.names or list(ABLATIONS)
    if unknown := set(names) - set(ABLATIONS):
        parser.error(f"there is no ablation {', '.join(unknown)}; choose of {', '.join(ABLATIONS)}")
    open_strategy("one")
    opened = {source: open_data(source) for source in ("digits", "shapes")}
    for name in names:
        rows = []
        for arm in arms(ABLATIONS[name]):
            for seed in track(range(options.seeds), f"{name}: {arm.name}", transient=True):
                rows.append(
                    {"technique": name, "arm": arm.name, "seed": seed} | run(arm, opened[arm.recipe.data], seed)
                )
        write(name, rows)
        for arm in arms(ABLATIONS[name]):
            print(f"{name:22}{arm.name:34}top-1 {spread([r['top1'] for r in rows if r['arm'] == arm.name])}")


def arms(ablation: Ablation) -> tuple[Arm, Arm]:
    return ablation.without, ablation.having


def spread(shares: Iterable[float]) -> str:
    """Mean and standard deviation of shares, in percent."""
    percent = [100 * share for share in shares]
    return f"{mean(percent):.1f} ± {stdev(percent) if len(percent) > 1 else 0:.1f} %"


@cache  # two techniques may be held against one arm
def run(arm: Arm, data: Data, seed: int) -> dict[str, float]:
    """Train one arm once, and say how it ended; a loss that is not finite any more ends it where it began."""
    import keras

    from kerascnn.training.loop import train

    keras.backend.clear_session()
    data = replace(data, train=some(data.train, arm.images)) if arm.images else data
    begun = time.process_time()
    with tempfile.TemporaryDirectory() as out:
        recipe = arm.recipe.replace(seed=seed)
        make = lambda shape, classes: arm.row(input_shape=shape, classes=classes)  # noqa: E731
        try:
            _, history = train(recipe, data, out, make_model=make, log=lambda line: None)
        except FloatingPointError:
            return {"top1": 1 / len(data.labels), "train_top1": 1 / len(data.labels), "cpu_seconds": 0.0}
    ended = history[-1]
    seconds = time.process_time() - begun
    return {"top1": ended["val_top1"], "train_top1": ended["top1"], "cpu_seconds": seconds}


def write(name: str, rows: list[dict[str, Any]]) -> None:
    """Put the lines of one technique into the file, in the order of the table."""
    kept = list(csv.DictReader(FILE.open(encoding="utf-8"))) if FILE.exists() else []
    lines = [[f"{value:.5g}" if isinstance(value, float) else value for value in row.values()] for row in rows]
    lines += [list(row.values()) for row in kept if row["technique"] != name and row["technique"] in ABLATIONS]
    lines.sort(key=lambda line: list(ABLATIONS).index(line[0]))  # stable: arms and seeds keep theirs
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([COLUMNS, *lines])
    write_text(FILE, text.getvalue())


if __name__ == "__main__":
    main()
