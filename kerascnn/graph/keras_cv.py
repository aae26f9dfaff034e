"""Any network as a backbone of keras-cv, whose detectors and segmenters stand on it then."""

from typing import Any

import keras

from kerascnn.arguments import checked
from kerascnn.errors import need
from kerascnn.graph.features import layers_by_stride
from kerascnn.runtime import deep_graphs


@checked
@deep_graphs()
def as_keras_cv(model: keras.Model) -> Any:
    """A model as keras-cv's ``RetinaNet``, ``YOLOV8Detector`` and ``DeepLabV3Plus`` take it for their ``backbone``.

    >>> import keras_cv
    >>> import kerascnn
    >>> backbone = as_keras_cv(kerascnn.build("mobilenet_v2", include_top=False, input_shape=(256, 256, 3)))
    >>> detector = keras_cv.models.RetinaNet(num_classes=3, bounding_box_format="xywh", backbone=backbone)

    Parameters
    ----------
    model
        Takes images; one without classifier is trained whole. Level n of keras-cv's pyramid is the last map of stride
        2 to the n, as ``kerascnn.features`` finds it.

    Returns
    -------
    keras_cv.models.Backbone
        It shares all weights. keras-cv does not save a network of another's, so keep what is built on it by
        ``save_weights``.

    Raises
    ------
    ImportError
        When keras-cv is not installed: ``pip install 'kerascnn[keras-cv]'``.
    ValueError
        When the model makes no feature map, or one of a stride that is no power of two.
    """
    base: Any = need("keras_cv.src.models.backbones.backbone", "keras-cv", "A backbone of keras-cv").Backbone
    maps = layers_by_stride(model)
    if not maps or any(stride & (stride - 1) for stride in maps):
        found = ", ".join(map(str, maps)) or "none"
        raise ValueError(f"keras-cv wants feature maps of strides 2, 4, 8, ...; {model.name} has {found}.")
    backbone = base(model.inputs, maps[max(maps)].output, name=model.name)
    backbone._pyramid_level_inputs = {f"P{stride.bit_length() - 1}": layer.name for stride, layer in maps.items()}
    return backbone
