"""Networks that stand on another: heads on the feature maps of any row."""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import Any, ClassVar

from kerascnn.errors import suggest
from kerascnn.networks.architecture import Architecture
from kerascnn.spec import plain

KERAS = (".keras", ".h5", ".hdf5")  # suffixes of files that may be of the whole network


@dataclass(frozen=True)
class OnBackbone(Architecture):
    """A network on the feature maps of another, whose weights may be published ones while the rest is new."""

    backbone: Architecture
    _: KW_ONLY
    pretrained: str | None = None  # weights of the backbone: whatever its own builder takes
    preprocessing: bool = False  # whether the backbone normalises pixels itself, as these weights ask

    own: ClassVar[str]  # how names of layers begin that a file has only if it is of the whole network

    @property
    def min_size(self) -> int:
        return self.backbone.min_size

    @property
    def weights_of(self) -> str:
        return self.backbone.weights_of

    def resolved(self, weights: str | None, include_preprocessing: bool) -> "tuple[OnBackbone, str | None]":
        """The row, and the weights of the whole network; those of the backbone alone become the row's."""
        row = self
        if weights is not None and not is_whole(str(weights), self.own):
            row, weights = row.replace(pretrained=str(weights)), None
        if include_preprocessing:
            row = row.replace(preprocessing=True)
        return row, weights

    def on_image(self, x: Any) -> Any:
        """The backbone as a model of the image ``x``, without its classifier."""
        own = {"weights": self.pretrained, "include_preprocessing": self.preprocessing}
        return self.backbone(include_top=False, input_tensor=x, **own)


def is_whole(weights: str, own: str) -> bool:
    """Whether ``weights`` names a file that has layers beside those of its backbone, whose names hold ``own``."""
    from kerascnn.weights.load import is_path, read

    path = Path(weights)
    return weights.endswith(KERAS) and is_path(path) and any(own in key for key in read(path).values)


def find_backbone(name: str, rows: Mapping[str, Architecture]) -> Architecture:
    """The row that ``name`` means among some. Raises ``ValueError`` when there is none; it suggests the nearest."""
    spelled = {plain(spelling): row for identifier, row in rows.items() for spelling in (identifier, row.name)}
    if plain(name) not in spelled:
        near = suggest(name, {row.name for row in rows.values()})
        raise ValueError(f"There is no network {name!r} to put a head on. {near}".rstrip())
    return spelled[plain(name)]
