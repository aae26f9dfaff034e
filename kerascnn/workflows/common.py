"""What several workflows need: models with their cards, images as arrays, sizes of files, names that are free."""

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerascnn.card import Card
from kerascnn.evaluation import evaluate
from kerascnn.files import clear_drafts
from kerascnn.runtime import Runner, deep_graphs, keras_runner, load_keras, need_tensorflow, open_model
from kerascnn.spec import PROPOSALS
from kerascnn.tasks import Evaluation, Task

if TYPE_CHECKING:
    from kerascnn.data import Split
    from kerascnn.evaluation.loop import Predict
    from kerascnn.spec import Preprocess

BATCH = 64
CALIBRATION = 256  # training images that a quantised file is calibrated on


def opened_for_many(path: Path) -> Runner:
    """A model file to run on many images: a ``.keras`` file without the batch norms that its convolutions can absorb.

    To redraw it takes about a second, and an image about half as long with MobileNetV2. Where that would change what
    is computed by more than rounding, or the graph cannot be redrawn, the network runs as it is.
    """
    if path.suffix != ".keras":
        return open_model(path)
    from kerascnn.graph.equality import held_equal
    from kerascnn.graph.fold import folded

    need_tensorflow("Running a Keras model")
    model = load_keras(path)
    with suppress(ValueError), deep_graphs():
        model = held_equal(folded(model), model)
    return keras_runner(model, path)


def evaluated(
    predict: "Predict", split: "Split", preprocess: "Preprocess", task: Task, batch: int = BATCH
) -> Evaluation:
    """A model's answers to all images of a split, in their order."""
    from kerascnn.data.pipeline import batches, reading

    with reading(split):
        return evaluate(predict, batches(split, preprocess, batch, encode=task.encode), task.evaluator())


def some_images(split: "Split", preprocess: "Preprocess", count: int = CALIBRATION, seed: int = 0) -> Any:
    """Up to ``count`` preprocessed images ``(N, size, size, C)``, drawn by ``seed``, and their annotations by name."""
    from kerascnn.data.pipeline import batches

    images, targets = next(iter(batches(split, preprocess, min(count, len(split)), seed=seed, shuffle=True)))
    return images.numpy(), {name: target.numpy() for name, target in targets.items()}


def calibration_of(split: "Split", preprocess: "Preprocess", count: int = CALIBRATION, seed: int = 0) -> Any:
    """Such images as :func:`kerascnn.export` takes them: with their proposals, where they come with some."""
    images, annotations = some_images(split, preprocess, count, seed)
    return (images, annotations[PROPOSALS]) if PROPOSALS in annotations else images


def network_of(card: Card) -> str:
    """The network and its images, for the facts of a report."""
    size = card.preprocess.size
    return f"{card.model}, images {size} x {size} x {card.preprocess.channels}"


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files of a folder."""
    return sum(p.stat().st_size for p in path.rglob("*") if p.is_file()) if path.is_dir() else path.stat().st_size


def need_free(out: Path, overwrite: bool, work: str) -> None:
    """Check the name of a new network's file, whose card will tell of ``work``; clear what a kill left of an older try.

    Raises ``FileExistsError`` when something is already there and ``overwrite`` is not set, and ``ValueError`` when it
    does not end in ``.keras``.
    """
    if out.suffix != ".keras":
        raise ValueError(f"A network is written to a file that ends in .keras, got {str(out)!r}.")
    clear_drafts(out.parent)
    if not overwrite and (there := Card.in_the_way(out, work)):
        raise FileExistsError(f"{there} is already there. Pass --overwrite to replace it, or another --out.")
