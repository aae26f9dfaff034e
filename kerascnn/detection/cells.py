"""What networks share that say boxes in the cells of a grid: YOLO since its second version."""

from collections.abc import Sequence
from typing import Any

from kerascnn import layers as L


def boxes_in_cells(
    k: Any, size: tuple[int, int], maps: Sequence[Any], anchors: Any, classes: int, activation: str
) -> dict[str, Any]:
    """Boxes and scores, of a 1x1 convolution on each map.

    It says of every anchor of a cell four numbers for its box, whether that is an object, and its classes. A score is
    the product of the latter two (Redmon et al. 2015, equation 1).

    Parameters
    ----------
    size
        Height and width of the image.
    maps
        ``(B, H, W, C)`` each.
    anchors
        Width and height in pixels of the anchors of each map.
    activation
        Of classes: "softmax" where a box has one of them, "sigmoid" where each counts by itself.
    """
    places, objects, logits = [], [], []
    for number, (x, of_map) in enumerate(zip(maps, anchors, strict=True), 1):
        place = k / f"map{number}"
        said = place(L.Reshape, (-1, 5 + classes))(place.conv(x, len(of_map) * (5 + classes), bias=True))
        places.append((place / "boxes")(L.ChannelSlice, 0, 4)(said))
        objects.append((place / "objects")(L.ChannelSlice, 4, 5)(said))
        logits.append((place / "classes")(L.ChannelSlice, 5, 5 + classes)(said))
    grids = [tuple(x.shape[1:3]) for x in maps]
    boxes = k(L.DecodeCells, size, grids, anchors, dtype="float32")(places)
    sure = activated(k / "objects", of_all(k / "objects", objects), "sigmoid")
    shares = activated(k / "classes", of_all(k / "classes", logits), activation)
    return {"boxes": boxes, "scores": (k / "scores")(L.Multiply, dtype="float32")([sure, shares])}


def of_all(k: Any, rows: list[Any]) -> Any:
    """The rows of all maps, one after the other."""
    return k(L.Concatenate, axis=1)(rows) if len(rows) > 1 else rows[0]


def activated(k: Any, x: Any, activation: str) -> Any:
    return L.Activation(activation, name=k.name(activation), dtype="float32")(x)
