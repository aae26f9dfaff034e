"""Every network by name."""

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from kerascnn.applications import ROWS
from kerascnn.errors import suggest
from kerascnn.networks.architecture import Architecture

if TYPE_CHECKING:
    import keras


def plain(name: str) -> str:
    """A name without what spellings differ in: case, ``_``, ``-`` and dots."""
    return name.lower().translate(str.maketrans("", "", "_-."))


SPELLINGS = {plain(spelling): row for identifier, row in ROWS.items() for spelling in (identifier, row.name)}


def list_models(pattern: str = "*") -> list[str]:
    """Names of the networks that match a shell pattern such as ``"eff*"``, in the order the field met them.

    Case, ``_``, ``-`` and dots do not matter.
    """
    names = dict.fromkeys(row.name for row in ROWS.values())
    return [name for name in names if fnmatchcase(plain(name), plain(pattern))]


def find(name: str) -> Architecture:
    """The row of the catalogue that ``name`` spells, whatever its case, ``_``, ``-`` and dots.

    Raises
    ------
    ValueError
        When there is none; it suggests the nearest.
    """
    try:
        return SPELLINGS[plain(name)]
    except KeyError:
        raise ValueError(f"There is no model {name!r}. {suggest(name, list_models())}".rstrip()) from None


def build(model: str, /, **arguments: Any) -> "keras.Model":
    """Draw the network that ``model`` spells.

    Parameters
    ----------
    model
        A name in the catalogue: ``"resnet50"``, ``"EfficientNetV2-S"``, ``"mobilenet_v2_1.40"``. With published
        weights, after a dot: ``"resnet50_v1_5.tv_in1k_v2"``.
    **arguments
        Those of the builders: ``include_top``, ``weights``, ``input_tensor``, ``input_shape``, ``pooling``,
        ``classes``, ``classifier_activation``, ``name``.

    Raises
    ------
    ValueError
        When there is no such network, or an argument is out of range.
    """
    name, _, tag = model.rpartition(".")
    if plain(model) not in SPELLINGS and plain(name) in SPELLINGS:
        return find(name)(weights=tag, **arguments)
    return find(model)(**arguments)
