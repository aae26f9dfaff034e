"""Every family, in the order of publication. ``kerascnn.applications.ResNet50()`` builds a Keras model."""

from importlib import import_module

from kerascnn.networks.architecture import Architecture

FAMILIES = tuple(
    import_module(f"kerascnn.applications.{family}")
    for family in (
        "lenet",
        "alexnet",
        "zfnet",
        "nin",
        "vgg",
        "googlenet",
        "inception_v2",
        "highway",
        "inception_v3",
        "resnet",
        "inception_v4",
        "inception_resnet",
        "resnet_v2",
        "stochastic_depth",
        "wide_resnet",
        "rir",
        "squeezenet",
        "fractalnet",
        "densenet",
        "xception",
        "resnext",
        "darknet",
        "mobilenet",
        "shufflenet",
        "nasnet",
        "senet",
        "condensenet",
        "mobilenet_v2",
        "effnet",
        "squeezenext",
        "shufflenet_v2",
        "mnasnet",
        "fbnet",
        "efficientnet",
        "efficientnet_edgetpu",
        "mobilenet_v3",
        "hrnet",
        "bit",
        "vit",
        "efficientnet_v2",
        "convnext",
    )
)
ROWS: dict[str, Architecture] = {
    identifier: row for family in FAMILIES for identifier, row in vars(family).items() if isinstance(row, Architecture)
}
globals().update(ROWS)  # editors read the same names, with their papers and sizes, in __init__.pyi
__all__ = sorted(ROWS)
