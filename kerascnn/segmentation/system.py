"""What the systems of all papers share: the builder's arguments, and the maps of a backbone."""

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from kerascnn.applications import ROWS
from kerascnn.networks import on_backbone
from kerascnn.networks.architecture import Architecture
from kerascnn.spec import plain

if TYPE_CHECKING:
    import keras

TRAIN = {"epsilon": 1e-5, "momentum": 0.9, "activation": "relu", "padding": "same"}  # of heads, as in torchvision


@dataclass(frozen=True)
class Segmenter(Architecture):
    """A network that scores the classes of every pixel. A paper's class adds its table's fields, and a ``head``."""

    _: KW_ONLY
    size: int = 512
    classes: int = 21  # those of PASCAL VOC with the background

    task = "segmentation"

    def __call__(
        self,
        weights: str | None = None,
        input_tensor: Any = None,
        input_shape: tuple[int | None, ...] | None = None,
        classes: int | None = None,
        classifier_activation: Any = "softmax",
        name: str | None = None,
        include_top: bool = True,
        pooling: str | None = None,
        *,
        include_preprocessing: bool = False,
    ) -> "keras.Model":
        """Build this network as a functional Keras model.

        Arguments and errors are those of :class:`kerascnn.networks.architecture.Architecture`, but for these.

        Parameters
        ----------
        weights
            None for random initialisation; a tag or a file of this whole network: of this package's, or of torchvision
            where it publishes one; or what the backbone alone is to start from: the tag of published weights, such as
            "imagenet", or any file that it takes.
        classes
            Number of classes with the background, at least 2: by default those of the paper's data, in most the 21 of
            PASCAL VOC. One is enough with another ``classifier_activation``, such as "sigmoid".
        include_top, pooling
            Without top: the last feature map, or what it pools to.

        Returns
        -------
        keras.Model
            Images in, already normalised as the weights ask; ``(batch, height, width, classes)`` in float32 out.

        Raises
        ------
        ValueError
            Also when the backbone makes too few feature maps, or cannot be dilated.
        """
        if classes == 1 and include_top and classifier_activation == "softmax":
            raise ValueError(
                "classes is 1, and a softmax over one class is 1 at every pixel. The background counts as a class: "
                'pass classes=2, or classifier_activation="sigmoid" for one score of the foreground.'
            )
        row, weights, pixels = self.begun_from(None if weights is None else str(weights), include_preprocessing)
        arguments = input_tensor, input_shape, pooling, classes, classifier_activation, name
        return Architecture.__call__(row, include_top, weights, *arguments, include_preprocessing=pixels)

    def begun_from(self, weights: str | None, pixels: bool) -> "tuple[Segmenter, str | None, bool]":
        """The row that is built, the weights of the whole of it, and whether it normalises pixels before its trunk."""
        return self, weights, pixels


@dataclass(frozen=True)
class OnBackbone(Segmenter, on_backbone.OnBackbone):
    """A network that stands on the feature maps of a backbone."""

    _: KW_ONLY
    output_stride: int | None = None  # the largest stride of its maps, from which on kernels are dilated; None: its own
    dilate_strided: bool = False  # whether the layers that lose their strides are dilated too

    marks: ClassVar[tuple[str, ...]] = ("head-score-",)

    def begun_from(self, weights: str | None, pixels: bool) -> tuple[Any, str | None, bool]:
        return on_backbone.OnBackbone.begun_from(self, weights, pixels)

    @property
    def any_size(self) -> bool:
        return self.backbone.any_size

    @property
    def tiny(self) -> dict[str, Any]:
        small = self.backbone.replace(**self.backbone.tiny)
        return {"backbone": small, "size": small.size}

    def trunk(self, k, x):
        return x, self.maps(x)

    def topless(self, k, x, pool):
        _, maps = x
        return pool(maps[max(maps)])

    def maps(self, x: Any) -> dict[int, Any]:
        """The feature maps of the backbone on an image, by stride, strides rising."""
        import keras  # here, because it takes seconds

        from kerascnn.graph.dilate import dilating
        from kerascnn.graph.rewrite import redraw_on

        own = self.weights_of_backbone
        build = self.backbone.replace(style=self.style)
        if self.output_stride is None:
            return {
                s: layer.output for s, layer in self.sources(build(include_top=False, input_tensor=x, **own)).items()
            }
        backbone = build(include_top=False, input_shape=x.shape[1:], **own)
        found = keras.Model(backbone.input, {s: layer.output for s, layer in self.sources(backbone).items()})
        maps = redraw_on([x], found, dilating(self.output_stride, self.dilate_strided))
        return {min(stride, self.output_stride): maps[stride] for stride in sorted(maps)}

    def sources(self, backbone: "keras.Model") -> dict[int, Any]:
        """The layers of the backbone whose maps the head takes, by stride, strides rising."""
        from kerascnn.graph.features import layers_by_stride

        return layers_by_stride(backbone)

    @abstractmethod
    def head(self, k: Any, x: Any, classes: int) -> Any:
        """From the image and the maps of the backbone to scores of the classes at every pixel of the image."""


@dataclass(frozen=True)
class Head:
    """A system of a paper, to be put on a backbone: called with one and a builder's arguments, it builds the model.

    Parameters
    ----------
    name
        What names of its networks begin with.
    kind
        The class of its rows.
    fields
        What these have otherwise than their class.
    rows
        Those that were published, by short names of their backbones; the first is the paper's own.
    """

    name: str
    kind: Callable[..., Segmenter]
    fields: Mapping[str, Any] = field(default_factory=dict)
    rows: Mapping[str, Segmenter] = field(default_factory=dict)

    def on(self, backbone: Architecture | str | None = None) -> Segmenter:
        """The row of this system on a backbone, a row or a name; without one, the paper's own.

        Raises
        ------
        ValueError
            When there is no such network, or it is none to put a head on.
        """
        if not isinstance(backbone, Architecture):
            if row := self.short(backbone or ""):
                return row
            backbone = on_backbone.find_backbone(backbone or "", ROWS)
        if backbone.task != "classification":
            raise ValueError(f"{backbone.name} is of the task {backbone.task}: it is no backbone to put a head on.")
        name = f"{self.name}_{backbone.name}"
        published = (row for row in self.rows.values() if row.name == name and getattr(row, "backbone", 0) == backbone)
        return next(published, None) or self.kind(
            name,
            backbone,
            **self.fields,
            size=backbone.size,
            channels=backbone.channels,
            style=backbone.style,
        )

    def short(self, name: str) -> Segmenter | None:
        """The published row by a short name; for an empty one, the first."""
        return next((row for short, row in self.rows.items() if plain(name) in ("", plain(short))), None)

    def __call__(self, backbone: Architecture | str | None = None, **arguments: Any) -> "keras.Model":
        """Build the network; ``arguments`` are those of :meth:`Segmenter.__call__`."""
        return self.on(backbone)(**arguments)
