"""Networks that stand on another: heads on the feature maps of any row."""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

from kerascnn.errors import suggest
from kerascnn.networks.architecture import Architecture
from kerascnn.spec import plain


@dataclass(frozen=True)
class OnBackbone(Architecture):
    """A network on the feature maps of another, whose weights may be published ones while the rest is new."""

    backbone: Architecture
    _: KW_ONLY
    pretrained: str | None = None  # weights of the backbone: whatever its own builder takes
    preprocessing: bool = False  # whether the backbone normalises pixels itself, as these weights ask

    marks: ClassVar[tuple[str, ...]]  # what names in files hold, one of these, that those of a backbone alone have not

    @property
    def min_size(self) -> int:
        return self.backbone.min_size

    @property
    def weights_of(self) -> str:
        return self.backbone.weights_of

    def begun_from(self, weights: str | None, pixels: bool) -> tuple[Self, str | None, bool]:
        """The row that is built, the weights of the whole of it, and whether it normalises pixels before its trunk.

        Weights of the backbone alone become the row's, and it normalises pixels as they ask.
        """
        if weights is None or is_whole(self, weights):
            return self, weights, pixels
        return self.replace(pretrained=weights, preprocessing=pixels), None, False

    @property
    def weights_of_backbone(self) -> dict[str, Any]:
        """The arguments by which the backbone's builder begins as this row says."""
        return {"weights": self.pretrained, "include_preprocessing": self.preprocessing}


def is_whole(row: OnBackbone, weights: str) -> bool:
    """Whether ``weights`` names those of a whole network, and not of its backbone alone."""
    from kerascnn.weights.load import is_path, read
    from kerascnn.weights.records import has_record

    if not is_path(Path(weights)):
        return has_record(row.name, weights)
    keys = read(Path(weights)).values
    return any(mark in key for key in keys for mark in row.marks) or all(
        any(f"{part}." in key for key in keys) for part in ("backbone", "classifier")
    )


def find_backbone(name: str, rows: Mapping[str, Architecture]) -> Architecture:
    """The row that ``name`` means among some. Raises ``ValueError`` when there is none; it suggests the nearest."""
    spelled = {plain(spelling): row for identifier, row in rows.items() for spelling in (identifier, row.name)}
    if plain(name) not in spelled:
        near = suggest(name, {row.name for row in rows.values()})
        raise ValueError(f"There is no network {name!r} to put a head on. {near}".rstrip())
    return spelled[plain(name)]
