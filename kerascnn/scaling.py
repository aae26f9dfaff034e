"""Compound scaling. Tan & Le 2019, section 3.3: depth, width and image grow together."""

from typing import TYPE_CHECKING, Any

from kerascnn.catalogue import find

if TYPE_CHECKING:
    from kerascnn.networks.architecture import Architecture


def scale(
    model: "Architecture | str", phi: float, *, alpha: float = 1.175, beta: float = 1.101, gamma: float = 1.1535
) -> "Architecture":
    """The row of a network that costs about ``2**phi`` times as much, to be called like any other.

    >>> from kerascnn import scale
    >>> row = scale("efficientnet_b0", 1.5)
    >>> row.width, row.depth, row.size
    (1.2, 1.3, 276)
    >>> row(classes=10).name
    'efficientnet_b0_phi1_5'

    The multiplier of the repeats grows by ``alpha**phi`` and that of the widths by ``beta**phi``, each rounded to a
    tenth; the side of the image by ``gamma**phi``, rounded to the nearest multiple of 4. Drop rates stay those of
    ``model``: the authors raise them with the size.

    The paper prints alpha = 1.2, beta = 1.1 and gamma = 1.15. The defaults round to these, and are from the narrow
    range that gives the authors' own networks: with phi = 0.5, 1, 2, 3.5, 5, 6 and 7, EfficientNetB0 becomes B1 to B7
    in depth and width, and so in parameters. In size too, but for two: the authors train B4 at 380 pixels and B7 at
    600, where the rule comes to 368 and 608, and no gamma gives all seven. With the printed constants, widths are the
    published ones up to B6, depths up to B3 only (1.9, 2.5, 3.0 and 3.6 for 1.8, 2.2, 2.6 and 3.1), and among the
    sizes only that of B1.

    Parameters
    ----------
    model
        A row, or the name of a network, that has multipliers of its widths and repeats: the EfficientNets.
    phi
        How many times the cost is doubled; negative for a smaller network.
    alpha, beta, gamma
        What depth, width and image are multiplied by for each doubling.

    Raises
    ------
    ValueError
        When the network has no such multipliers, or comes out without layers, channels or pixels.
    """
    row: Any = find(model) if isinstance(model, str) else model
    if not all(isinstance(getattr(row, field, None), float) for field in ("width", "depth")):
        raise ValueError(
            f"{row.name} cannot be scaled: its table has no multipliers of width and depth. "
            f"EfficientNet, EfficientNetV2 and EfficientNet-EdgeTPU have; others come in the widths of their papers."
        )
    fields = {
        "width": round(row.width * beta**phi, 1),
        "depth": round(row.depth * alpha**phi, 1),
        "size": 4 * round(row.size * gamma**phi / 4),
    }
    if min(fields["width"], fields["depth"]) <= 0 or fields["size"] < row.min_size:
        raise ValueError(f"phi={phi:g} leaves too little of {row.name}: {fields}.")
    return row.replace(name=f"{row.name}_phi{phi:g}".replace(".", "_"), **fields)
