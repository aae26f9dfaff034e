"""The base of every family: a frozen row of a paper's table that builds a Keras model when it is called."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from inspect import signature
from typing import TYPE_CHECKING, Any, Self

from kerascnn.blocks import pool_classify
from kerascnn.spec import Row

if TYPE_CHECKING:
    import keras

    from kerascnn.networks.layer_factory import LayerFactory


@dataclass(frozen=True)
class Architecture(Row, ABC):
    """A row that builds the network it describes. A family adds the columns of its paper's table, and a ``trunk``."""

    def __post_init__(self):
        p = self.paper
        doc = f"{self.name}, {self.size} x {self.size} px. {p.authors} {p.year}, {p.title}, {p.url}"
        object.__setattr__(self, "__doc__", doc)
        object.__setattr__(self, "__name__", self.name)  # builders are functions to the tools that ask for it
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
        *,
        include_preprocessing: bool = False,
    ) -> "keras.Model":
        """Build this network as a functional Keras model; the arguments are those of ``keras.applications``.

        Parameters
        ----------
        include_top
            Whether the classifier stands on the last feature map.
        weights
            None for random initialisation; the tag of published weights, "imagenet" for the default and others as
            :func:`kerascnn.list_weights` has them; or a file: ``.keras``, ``.weights.h5`` or ``.h5`` of this package or
            of keras.applications; ``.safetensors``, ``.pth``, ``.pth.tar``, ``.pt``, ``.bin`` or ``.ckpt`` of timm,
            torchvision or pytorchcv. It may be a training's checkpoint, of which the averaged weights are taken where
            it has both, or a larger model in which this network is the trunk. PyTorch is not needed, and what is no
            tensor in its files is refused. Warnings tell what was chosen, left out or adapted.
        input_tensor
            A Keras tensor to use as the image, ``(batch, height, width, channels)``.
        input_shape
            ``(height, width, channels)`` of the image. Height and width may be None unless the classifier flattens the
            map or the network learns positions; without top that is the default, else the size of the paper.
        pooling
            Without top: None for the last feature map, "avg" or "max" for its global pooling, ``(batch, channels)``.
        classes
            Number of classes, by default that of the data set of the paper: 1000 for ImageNet.
        classifier_activation
            What follows the logits; None gives the logits themselves.
        name
            Name of the model, by default that of the network. The layers bear it too, ``left-stem-conv`` for "left",
            so that two networks can be joined in one model.
        include_preprocessing
            Whether the network takes pixels of 0..255 in red, green, blue, and a first layer normalises them as the
            weights ask; without weights, to -1..1. Sizes stay.

        Returns
        -------
        keras.Model
            Images in, already normalised as the weights ask unless the network does so; ``(batch, classes)`` in
            float32 out. A network with auxiliary heads gives a dictionary: ``"head"``, and each auxiliary head by name.

        Raises
        ------
        ValueError
            When an argument is out of range, or the image is smaller than the network can take, or the weights
            are those of another network or number of classes, have no classifier and none was asked for, or could be
            of two implementations that compute differently.
        FileNotFoundError
            When ``weights`` is a path and there is no such file.
        """
        from kerascnn.networks.build import build  # here, because it imports Keras

        return build(
            self,
            include_top,
            weights,
            input_tensor,
            input_shape,
            pooling,
            classes,
            classifier_activation,
            name,
            include_preprocessing,
        )

    @abstractmethod
    def trunk(self, k: "LayerFactory", x: Any) -> Any:
        """Build everything below the classifier: ``(B, H, W, C)`` to the last feature map, or what ``head`` needs.

        A map passed to ``k.tap(name, x)`` on the way gets an auxiliary head, with an output beside the main one.
        """

    def topless(self, k: "LayerFactory", x: Any, pool: Callable[[Any], Any]) -> Any:
        """The output of a network without its classifier: in most, the trunk's ``(B, H, W, C)``, pooled.

        ``pool`` gives a map as it is, or the ``(B, C)`` that it pools to where that was asked for.
        """
        return pool(x)

    def outputs(self, k: "LayerFactory", x: Any, classes: int, activation: Any) -> Any:
        """Build all that stands on the trunk: the classifier, with auxiliary heads a dictionary of them.

        ``activation`` is what follows the logits, as the builders take it.
        """
        from kerascnn.networks.build import heads  # here, because it imports Keras

        return heads(self, k, x, classes, activation)

    def head(self, k: "LayerFactory", x: Any, classes: int) -> Any:
        """Build the classifier: the last feature map to logits ``(B, classes)``."""
        return pool_classify(k, x, classes, self.dropout)

    def auxiliary_head(self, k: "LayerFactory", x: Any, classes: int) -> Any:
        """Build the classifier on a tapped map, for use while the network trains: to logits ``(B, classes)``."""
        return pool_classify(k, x, classes)


@dataclass(frozen=True)
class Multiplied(Architecture):
    """A family whose rows are one table at several widths."""

    alpha: float  # what multiplies the widths of the table

    def with_arguments(self, alpha: float | None = None, **fields: Any) -> Self:
        """This row with Keras' arguments as fields: None keeps the row's own, and ``alpha`` renames the row."""
        if alpha is not None:
            fields |= {"alpha": alpha, "name": f"{self.name.rpartition('_')[0]}_{round(100 * alpha):03d}"}
        return self.replace(**{name: value for name, value in fields.items() if value is not None})
