"""From a row of the catalogue to a Keras model: the arguments, the input, the top and the weights of every family."""

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import keras

from kerascnn import layers as L
from kerascnn.networks.layer_factory import LayerFactory
from kerascnn.networks.renaming import rename
from kerascnn.runtime import deep_graphs, draw, undrawn
from kerascnn.weights.load import find_weights, preprocess_of

if TYPE_CHECKING:
    from kerascnn.networks.architecture import Architecture

POOLINGS = {"avg": "GlobalAveragePooling2D", "max": "GlobalMaxPooling2D"}


@deep_graphs()
def build(
    row: "Architecture",
    include_top: bool,
    weights: str | None,
    input_tensor: Any,
    input_shape: tuple[int | None, ...] | None,
    pooling: str | None,
    classes: int | None,
    classifier_activation: Any,
    name: str | None,
    include_preprocessing: bool = False,
) -> keras.Model:
    """Build ``row``; see :meth:`kerascnn.networks.architecture.Architecture.__call__` for the arguments."""
    new_classifier = classes is not None  # other classes than the file's are meant where they were asked for
    classes = row.classes if classes is None else classes
    check(row, pooling, classes)
    source = None if weights is None else find_weights(row, weights, include_top)
    row = row.replace(style=source.row.style) if source else row
    with undrawn() if source else nullcontext([]) as waiting:
        k = LayerFactory(row.style)
        image = open_image(row, include_top, input_tensor, input_shape)
        x = image
        if include_preprocessing:
            affine: Any = preprocess_of(row, weights, image.shape[-1]).affine  # of each channel
            x = L.Rescaling(*affine, name="rescaling")(x)
        try:
            x = row.trunk(k, x)
            out = row.outputs(k, x, classes, classifier_activation) if include_top else topless(row, k, x, pooling)
        except ValueError as error:
            if None in image.shape[1:3] and "None" in str(error):
                raise ValueError(
                    f"{row.name} flattens its last map, so with include_top=True the image must have a fixed size: "
                    f"pass input_shape=({row.size}, {row.size}, {row.channels}), or include_top=False. "
                    f"Got {image.shape[1:]}."
                ) from error
            raise
    inputs = image if input_tensor is None else keras.utils.get_source_inputs(image)
    inputs = [*keras.tree.flatten(inputs), *k.inputs] if k.inputs else inputs
    model = keras.Model(inputs, out, name=name or row.name)
    if source:
        filled = source.fill(model, new_classifier)
        draw(each for each in waiting if each[0].path not in filled)
    if name:
        own = set(model.layers) - (set() if input_tensor is None else set(keras.Model(inputs, image).layers))
        rename(model, {layer.name: f"{name}-{layer.name}" for layer in own})
    return model


def check(row: "Architecture", pooling: str | None, classes: int) -> None:
    if keras.config.image_data_format() != "channels_last":
        raise ValueError(
            f"{row.name} is built with channels last, but Keras is set to "
            f"{keras.config.image_data_format()!r}. Call keras.config.set_image_data_format('channels_last') first."
        )
    if pooling is not None and pooling not in POOLINGS:
        raise ValueError(f"pooling must be None, 'avg' or 'max', got {pooling!r}.")
    if isinstance(classes, bool) or not isinstance(classes, int) or classes < 1:
        raise ValueError(f"classes must be a whole number of at least 1, got {classes!r}.")


def open_image(row: "Architecture", include_top: bool, tensor: Any, shape: tuple[int | None, ...] | None) -> Any:
    """The image the network sees, of a size that it can take."""
    image: Any = tensor
    if tensor is None:
        size = row.size if include_top or not row.any_size else None
        image = keras.Input(shape or (size, size, row.channels), name="image")
    elif not keras.backend.is_keras_tensor(tensor):
        raise ValueError(f"input_tensor must be a Keras tensor such as keras.Input(...), got {type(tensor).__name__}.")
    if shape is not None and tuple(image.shape[1:]) != tuple(shape):
        raise ValueError(f"input_shape {tuple(shape)} is not that of input_tensor, {tuple(image.shape[1:])}.")
    if len(image.shape) != 4 or image.shape[-1] is None:
        raise ValueError(
            f"{row.name} takes images of shape (height, width, channels) with a known number of channels, "
            f"got {tuple(image.shape[1:])}."
        )
    if None in image.shape[1:3] and not row.any_size:
        raise ValueError(
            f"{row.name} has numbers of its own for every place in the image, so the image must have a fixed size: "
            f"pass input_shape=({row.size}, {row.size}, {row.channels}). Got {tuple(image.shape[1:])}."
        )
    if any(side is not None and side < row.min_size for side in image.shape[1:3]):
        raise ValueError(
            f"{row.name} needs images of at least {row.min_size} x {row.min_size} pixels, "
            f"got input_shape={tuple(image.shape[1:])}. Enlarge the images, or choose a network for small ones."
        )
    return image


def heads(row: "Architecture", k: LayerFactory, x: Any, classes: int, activation: Any) -> Any:
    """The classifier; with those on the tapped maps, a dictionary of them."""
    outputs = {"head": row.head(k / "head", x, classes)}
    outputs |= {name: row.auxiliary_head(k / name, tapped, classes) for name, tapped in k.taps.items()}
    if activation not in (None, "linear"):
        outputs = {name: classify(k / name, logits, activation) for name, logits in outputs.items()}
    return outputs if k.taps else outputs["head"]


def topless(row: "Architecture", k: LayerFactory, x: Any, pooling: str | None) -> Any:
    """The last feature map, or what it pools to."""
    return row.topless(k, x, (k / "head")(getattr(L, POOLINGS[pooling])) if pooling else lambda y: y)


def classify(k: LayerFactory, logits: Any, activation: Any) -> Any:
    """Put ``activation`` on the logits as a layer of its own, so that the logits stay in reach."""
    try:
        known = keras.activations.get(activation)
    except ValueError as error:
        raise ValueError(f"classifier_activation {activation!r} is no activation that Keras knows.") from error
    kind = activation if isinstance(activation, str) else "activation"
    return L.Activation(known, dtype="float32", name=k.name(kind))(logits)
