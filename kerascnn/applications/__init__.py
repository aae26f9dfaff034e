"""Every family, in the order of publication. ``kerascnn.applications.ResNet50()`` builds a Keras model."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

from kerascnn.networks.architecture import Architecture
from kerascnn.weights.records import Record, all_records

FAMILIES = tuple(
    import_module(f"kerascnn.applications.{family}")
    for family in (
        "lenet",
        "alexnet",
        "zfnet",
        "nin",
        "vgg",
        "googlenet",
        "inception_v2",
        "highway",
        "inception_v3",
        "resnet",
        "inception_v4",
        "inception_resnet",
        "resnet_v2",
        "stochastic_depth",
        "wide_resnet",
        "rir",
        "squeezenet",
        "fractalnet",
        "densenet",
        "xception",
        "resnext",
        "darknet",
        "mobilenet",
        "shufflenet",
        "nasnet",
        "senet",
        "condensenet",
        "mobilenet_v2",
        "effnet",
        "squeezenext",
        "shufflenet_v2",
        "mnasnet",
        "fbnet",
        "efficientnet",
        "efficientnet_edgetpu",
        "mobilenet_v3",
        "hrnet",
        "bit",
        "vit",
        "efficientnet_v2",
        "convnext",
    )
)
ROWS: dict[str, Architecture] = {
    identifier: row for family in FAMILIES for identifier, row in vars(family).items() if isinstance(row, Architecture)
}
globals().update(ROWS)  # editors read the same names, with their papers and sizes, in __init__.pyi
__all__ = sorted(ROWS)


def decode_predictions(preds: Any, top: int = 5) -> list[list[tuple[str, str, float]]]:
    """As :func:`kerascnn.decode_predictions`, in every family as Keras has it."""
    from kerascnn.weights import imagenet  # here, because it imports NumPy

    return imagenet.decode_predictions(preds, top)


def functions(family: Any) -> dict[str, Callable[..., Any]]:
    """What every family has as Keras' modules have it."""

    def preprocess_input(images: Any, weights: str | None = None) -> Any:
        """As :func:`kerascnn.preprocess_input`, by default for ``weights="imagenet"`` of the family.

        Raises ``ValueError`` where these are of several kinds in the family, until ``weights`` says which.
        """
        from kerascnn.weights import imagenet

        return imagenet.preprocess_input(images, weights or weights_of(family))

    return {"decode_predictions": decode_predictions, "preprocess_input": preprocess_input}


def weights_of(family: Any) -> str:
    names = {row.name for row in vars(family).values() if isinstance(row, Architecture)}
    default: dict[str, Record] = {}
    for record in all_records():  # the first of a network is its default
        if record.network in names and record.classes == 1000 and record.top:
            default.setdefault(record.network, record)
    kinds = {(record.preprocess.mean, record.preprocess.std): record for record in reversed(default.values())}
    if len(kinds) == 1:
        return next(iter(kinds.values())).name
    module = family.__name__.rpartition(".")[2]
    if not kinds:
        raise ValueError(f"{module} has no published weights of ImageNet. Name some: weights='resnet50.imagenet'.")
    some = " or ".join(repr(record.name) for record in kinds.values())
    raise ValueError(f"The published weights of {module} want different images. Pass weights={some}, or another.")


for family in FAMILIES:
    vars(family).update(functions(family))
