"""What networks share that say boxes in the cells of a grid: YOLO since its second version."""

from collections.abc import Sequence
from math import log
from typing import Any

from kerascnn import layers as L
from kerascnn.spec import expect, is_number

# Of hundreds of boxes few are objects. With even odds the first gradients are those of all others, a hundred times what
# comes later, and Adam remembers them for a thousand steps and more. Lin et al. 2017, section 4.1, begin with 0.01.
PRIOR, EVEN = 0.01, 0.5  # the latter is Darknet's, which begins with a small rate


def boxes_in_cells(
    k: Any,
    size: tuple[int, int],
    maps: Sequence[Any],
    anchors: Any,
    classes: int,
    activation: str,
    prior: float,
) -> dict[str, Any]:
    """Boxes and scores, of 1x1 convolutions on each map.

    They say of every anchor of a cell four numbers for its box, whether that is an object, and its classes. A score is
    the product of the latter two (Redmon et al. 2015, equation 1). In the papers these are one convolution, which
    computes the same; apart, each has a scale of its own in int8, where the logits of objects would round the boxes.

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
    prior
        How sure every box is before the first step that it is an object.
    """
    expect(is_number(prior) and 0 < prior < 1, "prior", prior, "between 0 and 1")

    def said(kind: str, width: int, bias: Any = "zeros") -> list[Any]:
        """``width`` numbers for every anchor, ``(B, A, width)`` of each map."""
        rows = []
        for number, (x, of_map) in enumerate(zip(maps, anchors, strict=True), 1):
            place = k / f"map{number}" / kind
            own = {"kernel_initializer": k.initializer, "bias_initializer": bias}
            rows.append(place(L.Reshape, (-1, width))(place(L.Conv2D, len(of_map) * width, 1, **own)(x)))
        return rows

    grids = [tuple(x.shape[1:3]) for x in maps]
    boxes = k(L.DecodeCells, size, grids, anchors, dtype="float32")(said("boxes", 4))
    logit = {"class_name": "Constant", "config": {"value": log(prior / (1 - prior))}}
    sure = activated(k / "objects", of_all(k / "objects", said("objects", 1, logit)), "sigmoid")
    shares = activated(k / "classes", of_all(k / "classes", said("classes", classes)), activation)
    return {"boxes": boxes, "scores": (k / "scores")(L.Multiply, dtype="float32")([sure, shares])}


def of_all(k: Any, rows: list[Any]) -> Any:
    """The rows of all maps, one after the other."""
    return k(L.Concatenate, axis=1)(rows) if len(rows) > 1 else rows[0]


def activated(k: Any, x: Any, activation: str) -> Any:
    return L.Activation(activation, name=k.name(activation), dtype="float32")(x)
