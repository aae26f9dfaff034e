"""The base of every family: a frozen row of a paper's table that draws a Keras model when it is called."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, replace
from inspect import signature
from typing import TYPE_CHECKING, Any, ClassVar, Self

from kerascnn.blocks import pool_classify
from kerascnn.spec import Paper, Style

if TYPE_CHECKING:
    import keras

    from kerascnn.kit import Kit


@dataclass(frozen=True)
class Architecture(ABC):
    """One column of a paper's architecture table. A family adds its own fields and says how to draw them.

    Parameters
    ----------
    name
        The name in the catalogue, in lower case with underscores.
    size
        Side of the square image that the network was designed for, in pixels.
    channels
        Channels of that image.
    classes
        Classes of the data set that it was designed for: the default of the builder's ``classes``.
    dropout
        Share of the last features dropped before the classifier.
    style
        Activation, batch norm constants and padding of every layer.
    paper
        Where it was published.
    """

    name: str
    _: KW_ONLY
    size: int = 224
    channels: int = 3
    classes: int = 1000
    dropout: float = 0.0
    style: Style = Style()
    paper: Paper

    min_size: ClassVar[int] = 32  # the smallest image side the drawing can take, as in keras.applications
    any_size: ClassVar[bool] = True  # False: the trunk has weights for every place in the image
    tiny: ClassVar[Mapping[str, Any]]  # what to change in a row to fit a unit test

    def __post_init__(self):
        p = self.paper
        doc = f"{self.name}, {self.size} x {self.size} px. {p.authors} {p.year}, {p.title}, {p.url}"
        object.__setattr__(self, "__doc__", doc)
        shown = signature(self.__call__)  # with the default that holds for this row, as help() is to show it
        arguments = [a.replace(default=self.classes) if a.name == "classes" else a for a in shown.parameters.values()]
        object.__setattr__(self, "__signature__", shown.replace(parameters=arguments))

    def __call__(
        self,
        include_top: bool = True,
        weights: str | None = None,
        input_tensor: Any = None,
        input_shape: tuple[int | None, ...] | None = None,
        pooling: str | None = None,
        classes: int | None = None,
        classifier_activation: Any = "softmax",
        name: str | None = None,
    ) -> "keras.Model":
        """Draw this network as a functional Keras model; the arguments are those of ``keras.applications``.

        Parameters
        ----------
        include_top
            Whether the classifier stands on the last feature map.
        weights
            None for random initialisation, or the path of a ``.keras`` or ``.weights.h5`` file of this network.
        input_tensor
            A Keras tensor to use as the image, ``(batch, height, width, channels)``.
        input_shape
            ``(height, width, channels)`` of the image, by default the size of the paper. Height and width may be
            None unless the classifier flattens the map or the network learns positions.
        pooling
            Without top: None for the last feature map, "avg" or "max" for its global pooling, ``(batch, channels)``.
        classes
            Number of classes, by default that of the data set of the paper: 1000 for ImageNet.
        classifier_activation
            What follows the logits; None gives the logits themselves.
        name
            Name of the model, by default that of the network.

        Returns
        -------
        keras.Model
            Images in, already normalised as the weights ask; ``(batch, classes)`` in float32 out. A network with
            auxiliary heads gives a dictionary: ``"head"``, and each auxiliary head by name.

        Raises
        ------
        ValueError
            When an argument is out of range, or the image is smaller than the network can take, or the weights
            are those of another network or number of classes.
        FileNotFoundError
            When ``weights`` names no file.
        """
        from kerascnn.draw import draw  # Keras comes with it: only drawing needs it

        return draw(
            self,
            include_top=include_top,
            weights=weights,
            input_tensor=input_tensor,
            input_shape=input_shape,
            pooling=pooling,
            classes=classes,
            classifier_activation=classifier_activation,
            name=name,
        )

    def but(self, **columns: Any) -> Self:
        """The same row with other columns: ``ResNet50.but(depths=(1, 1, 1, 1))``."""
        return replace(self, **columns)

    @abstractmethod
    def trunk(self, k: "Kit", x: Any) -> Any:
        """Draw everything below the classifier: ``(B, H, W, C)`` to the last feature map, or what ``head`` needs.

        Maps handed to ``k.tap(name, x)`` on the way get an auxiliary head, whose output joins the main one's.
        """

    def topless(self, k: "Kit", x: Any) -> Any:
        """What a network without its classifier gives: the trunk's ``(B, H, W, C)`` as it is, in most."""
        return x

    def head(self, k: "Kit", x: Any, classes: int) -> Any:
        """Draw the classifier: the last feature map to logits ``(B, classes)``."""
        return pool_classify(k, x, classes, self.dropout)

    def auxiliary_head(self, k: "Kit", x: Any, classes: int) -> Any:
        """Draw the classifier that stands on a tapped map while the network trains: to logits ``(B, classes)``."""
        return pool_classify(k, x, classes)


@dataclass(frozen=True)
class Multiplied(Architecture):
    """A family whose rows are one table at several widths."""

    alpha: float  # what multiplies the widths of the table

    def asked(self, alpha: float | None = None, **columns: Any) -> Self:
        """This row as Keras' arguments ask: None keeps the row's own column, and ``alpha`` renames the row."""
        if alpha is not None:
            columns |= {"alpha": alpha, "name": f"{self.name.rpartition('_')[0]}_{round(100 * alpha):03d}"}
        return self.but(**{name: value for name, value in columns.items() if value is not None})
