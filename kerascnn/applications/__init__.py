"""Every family, in the order the field met them. ``kerascnn.applications.ResNet50()`` draws a Keras model."""

from kerascnn.applications import (
    alexnet,
    condensenet,
    densenet,
    efficientnet,
    efficientnet_edgetpu,
    efficientnet_v2,
    effnet,
    fbnet,
    googlenet,
    inception_resnet,
    inception_v2,
    inception_v3,
    inception_v4,
    hrnet,
    lenet,
    mnasnet,
    mobilenet,
    mobilenet_v2,
    mobilenet_v3,
    resnet,
    resnet_v2,
    resnext,
    senet,
    vgg,
    xception,
    vit,
    wide_resnet,
)
from kerascnn.architecture import Architecture

FAMILIES = (
    lenet,
    alexnet,
    vgg,
    googlenet,
    inception_v2,
    inception_v3,
    resnet,
    inception_v4,
    inception_resnet,
    xception,
    densenet,
    mobilenet,
    resnet_v2,
    wide_resnet,
    densenet,
    resnext,
    senet,
    mobilenet_v2,
    effnet,
    mnasnet,
    fbnet,
    mobilenet_v3,
    condensenet,
    efficientnet,
    efficientnet_edgetpu,
    hrnet,
    vit,
    efficientnet_v2,
)
ROWS: dict[str, Architecture] = {
    identifier: row for family in FAMILIES for identifier, row in vars(family).items() if isinstance(row, Architecture)
}
globals().update(ROWS)  # editors read the same names, with their papers and sizes, in __init__.pyi
__all__ = sorted(ROWS)
